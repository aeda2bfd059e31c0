//! State of the stream as this gateway knows it: the tail with the newest records, and the leader's last answer.
//!
//! One consumer feeds the tail ([`follow`](super::follow)). The tail and the records in memory change under one lock, so that
//! they never contradict each other.
//!
//! The stream's leader decides what is trimmed, what is a hole and where the end is. [`StreamState::refresh`] asks it. Data
//! from another server counts only if the leader, asked afterwards, does not contradict it.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{
    acks::{Acks, InFlightPermit},
    api::Api,
    epoch::{self, REWIND_INTERVAL},
    error::ApiError,
    health::Health,
    info::StreamInfo,
    options::Options,
};
use crate::{
    event::{Cursor, Epoch, Record, Sequence, Timestamp},
    log::{AppendReply, Holes, Lag, LogState, PAGE_BYTES, ReadError, Tail, ring::Ring},
};

/// How long a reader waits for the tail to reach what the leader has. Long enough to learn that the leader does not have it.
const REACH_PATIENCE: Duration = Duration::from_secs(15);

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct StreamState {
    /// Connection for appends and the tail.
    pub(super) api: Api,
    pub(super) replicas: usize,
    pub(super) epoch: Epoch,
    pub(super) epoch_start: Timestamp,
    /// When the stream was created.
    created: SystemTime,
    tail: watch::Sender<Tail>,
    /// Newest records. Changed before the tail, and locked until the tail has moved.
    ring: RwLock<Ring>,
    ring_bytes: usize,
    leader: Mutex<LeaderSnapshot>,
    pub(super) acks: Acks,
    pub(super) health: Health,
    /// Lost events that are known.
    pub(super) holes: Holes,
    /// The tail has not followed the stream for too long.
    is_stuck: AtomicBool,
    /// Sequence that the stream assigned to a second event, or 0: it has lost its end. Appends are rejected until the log
    /// ends.
    reused: AtomicU64,
    /// Asks the follower for another consumer.
    pub(super) recreate_consumer: Notify,
}

/// The leader's last answer.
#[derive(Debug, Clone, Copy)]
struct LeaderSnapshot {
    end: Sequence,
    oldest: Sequence,
    trimmed_until: Option<Timestamp>,
    bytes: u64,
    average_bytes: u64,
}

impl LeaderSnapshot {
    fn new(info: &StreamInfo) -> Self {
        Self {
            end: info.state.end(),
            oldest: info.state.oldest(),
            trimmed_until: info.state.trimmed_until(),
            bytes: info.state.bytes,
            average_bytes: info.state.average_bytes(),
        }
    }

    /// Applies an answer. Answers may arrive out of order, so the oldest record and the time of the trim never move back.
    fn update(&mut self, new: Self) {
        let (oldest, trimmed_until) = (self.oldest, self.trimmed_until);
        *self = new;
        if new.oldest < oldest {
            (self.oldest, self.trimmed_until) = (oldest, trimmed_until);
        } else {
            self.trimmed_until = trimmed_until.max(new.trimmed_until);
        }
    }
}

/// Why the log has ended: the stream no longer continues it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndReason {
    /// The stream was deleted.
    Deleted,
    /// The stream was deleted and created again, or another gateway began a new epoch.
    NewEpoch(Epoch),
    /// The stream lost its end, or has other messages there, from this sequence on.
    LostEnd(Sequence),
}

impl StreamState {
    /// `newest` is the newest record, if it can be read.
    pub(super) fn new(api: Api, options: &Options, info: &StreamInfo, newest: Option<Record>) -> Self {
        let epoch = info.epoch();
        let end = info.state.end();
        let cursor = newest
            .filter(|newest| newest.sequence().next() == end)
            .map_or(Cursor::unchecked(epoch, end.previous()), |newest| newest.cursor());
        Self {
            api,
            replicas: options.replicas,
            epoch,
            epoch_start: info.epoch_start().into(),
            created: info.created,
            tail: watch::Sender::new(Tail { end, cursor }),
            ring: RwLock::new(Ring::new(options.ring_bytes, end)),
            ring_bytes: options.ring_bytes,
            leader: Mutex::new(LeaderSnapshot::new(info)),
            acks: Acks::new(epoch),
            health: Health::new(),
            holes: Holes::default(),
            is_stuck: AtomicBool::new(false),
            reused: AtomicU64::new(0),
            recreate_consumer: Notify::new(),
        }
    }

    pub(super) fn tail(&self) -> watch::Receiver<Tail> {
        self.tail.subscribe()
    }

    /// Returns the tail's end.
    pub(super) fn end(&self) -> Sequence {
        self.tail.borrow().end
    }

    /// Returns where the stream must end at least: behind the tail, and behind every sequence that the server has
    /// acknowledged to this gateway.
    pub(super) fn least_end(&self) -> Sequence {
        self.end().max(self.acks.promised_end())
    }

    pub(super) fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read()
    }

    /// Returns the oldest record that is stored. Records that the tail has not reached do not count.
    pub(super) fn oldest(&self) -> Sequence {
        self.leader.lock().oldest.min(self.end())
    }

    pub(super) fn trimmed_until(&self) -> Option<Timestamp> {
        self.leader.lock().trimmed_until
    }

    /// Returns how far the tail is behind the leader's last answer.
    pub(super) fn lag(&self) -> Lag {
        Lag {
            sequences: self.leader.lock().end.0.saturating_sub(self.end().0),
            is_stuck: self.is_stuck.load(Ordering::Relaxed),
        }
    }

    /// Sets whether the tail has not followed the stream for too long. Returns whether that is a change.
    pub(super) fn set_stuck(&self, is_stuck: bool) -> bool {
        self.is_stuck.swap(is_stuck, Ordering::Relaxed) != is_stuck
    }

    /// Returns the size of the stream.
    pub(super) fn bytes(&self) -> u64 {
        self.leader.lock().bytes
    }

    /// Returns how many records make a page of [`PAGE_BYTES`], at least one.
    pub(super) fn records_of_a_page(&self) -> u64 {
        let average_bytes = self.leader.lock().average_bytes;
        (PAGE_BYTES as u64).checked_div(average_bytes).unwrap_or(u64::MAX).max(1)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.health.is_closed()
    }

    /// Asks the leader what the stream holds, and applies its answer. The answer judges whatever was read before it.
    pub(super) async fn refresh(&self) -> Result<StreamInfo, ApiError> {
        let info = self.api.info().await?;
        let info = info.ok_or(ApiError::Gone)?;
        let epoch = info.epoch();
        if epoch.0 < self.epoch.0 && info.created == self.created {
            return Err(ApiError::Unreachable(
                "a leader answered that does not have the newest epoch yet".to_owned(),
            ));
        }
        if epoch != self.epoch {
            self.end_log(EndReason::NewEpoch(epoch));
            return Err(ApiError::Unreachable("the stream has a new epoch".to_owned()));
        }
        let oldest = info.state.oldest();
        self.leader.lock().update(LeaderSnapshot::new(&info));
        self.holes.trim(oldest);
        let mut ring = self.ring.write();
        ring.trim(oldest);
        // The tail of a log that has ended says so, and stays where it is.
        if oldest > self.end() && !self.is_closed() {
            // Everything that the tail has not reached is gone: no consumer will deliver it.
            *ring = Ring::new(self.ring_bytes, oldest);
            self.move_tail(Cursor::unchecked(self.epoch, oldest.previous()));
        }
        drop(ring);
        self.acks.answer_reached(self.end());
        Ok(info)
    }

    /// Appends what the consumer delivered. `None` stands for a message without a record. Skips what the tail has reached
    /// already.
    pub(super) fn extend(&self, delivered: impl IntoIterator<Item = (Sequence, Option<Record>)>) {
        let mut ring = self.ring.write();
        let mut cursors = Vec::new();
        let mut tail = None;
        let mut end = self.end();
        let mut records = Vec::new();
        for (sequence, record) in delivered {
            if sequence < end || self.is_closed() {
                continue;
            }
            end = sequence.next();
            match record {
                Some(record) => {
                    tail = Some(record.cursor());
                    cursors.extend(tail);
                    records.push(record);
                }
                None => {
                    // A reader that gets there reads the stream, which says what is wrong.
                    records.clear();
                    *ring = Ring::new(self.ring_bytes, end);
                    tail = Some(Cursor::unchecked(self.epoch, sequence));
                }
            }
        }
        ring.extend(records);
        self.acks.note_records(cursors);
        if let Some(cursor) = tail {
            self.move_tail(cursor);
        }
        drop(ring);
        self.acks.answer_reached(self.end());
    }

    /// Moves the tail. To be called while the ring is locked, so that moves stay in order.
    fn move_tail(&self, cursor: Cursor) {
        self.tail.send_replace(Tail { end: cursor.sequence.next(), cursor });
    }

    /// Answers an append that the server has acknowledged, once the tail has reached its record.
    pub(super) fn acknowledge(&self, sequence: Sequence, reply: AppendReply, permit: InFlightPermit) {
        self.health.refused.note_stored();
        self.acks.acknowledge(sequence, reply, permit, || (!self.is_closed()).then(|| self.end()));
    }

    /// Notes that the stream assigned a sequence to a second event. The follower ends the log.
    pub(super) fn note_reused(&self, sequence: Sequence) {
        // The first one counts.
        self.reused.compare_exchange(0, sequence.0, Ordering::Relaxed, Ordering::Relaxed).ok();
        self.recreate_consumer.notify_one();
    }

    /// Returns the sequence that the stream assigned to a second event.
    pub(super) fn reused(&self) -> Option<Sequence> {
        Some(Sequence(self.reused.load(Ordering::Relaxed))).filter(|sequence| sequence.0 > 0)
    }

    /// Ends the log. The tail tells its readers, by another epoch or by moving back.
    pub(super) fn end_log(&self, reason: EndReason) {
        let mut ring = self.ring.write();
        if self.is_closed() {
            return;
        }
        let cursor = match reason {
            EndReason::Deleted => {
                tracing::error!(
                    "the stream was deleted; this gateway ends, and its next start creates the stream"
                );
                None
            }
            EndReason::NewEpoch(epoch) => {
                tracing::error!(
                    old = %self.epoch,
                    new = %epoch,
                    "the stream has a new epoch: it was deleted and created again, or lost its end; this gateway ends, and \
                     its next start follows the new epoch"
                );
                Some(Cursor::unchecked(epoch, Sequence(0)))
            }
            EndReason::LostEnd(first) => {
                tracing::error!(
                    had = %self.least_end().previous(),
                    lost_from = %first,
                    "the stream lost events that it had acknowledged; this gateway ends, and its next start follows a new epoch"
                );
                // No reader has to go back if the tail had not reached them.
                (first < self.end()).then(|| Cursor::unchecked(self.epoch, first.previous()))
            }
        };
        if let Some(cursor) = cursor {
            *ring = Ring::new(self.ring_bytes, cursor.sequence.next());
            self.move_tail(cursor);
        }
        self.health.close();
    }

    /// Waits until the tail has reached `sequence`, if the leader has it.
    pub(super) async fn reach(&self, sequence: Sequence) -> Result<(), ReadError> {
        // The caller looks at the tail.
        let is_judged = |tail: &Tail| tail.end > sequence || tail.cursor.epoch != self.epoch;
        if is_judged(&self.tail.borrow()) {
            return Ok(());
        }
        let reached = async {
            loop {
                // A log that has ended reaches nothing more, and cannot tell whose the position is.
                if self.is_closed() {
                    return Err(unavailable("the log has ended below the position"));
                }
                match self.settled(sequence).await {
                    Ok(last) if last < sequence => return Ok(()),
                    Ok(_) => break,
                    // The leader does not answer.
                    Err(_) => sleep(REWIND_INTERVAL).await,
                }
            }
            let (mut tail, mut log_state) = (self.tail(), self.health.log_state());
            tokio::select! {
                biased;
                // The senders are in `self`.
                _ = tail.wait_for(is_judged) => Ok(()),
                _ = log_state.wait_for(|state| *state == LogState::Closed) => {
                    Err(unavailable("the log has ended below the position"))
                }
            }
        };
        timeout(REACH_PATIENCE, reached)
            .await
            .unwrap_or_else(|_| Err(unavailable("this gateway has not reached the position yet")))
    }

    /// Returns the stream's last sequence. It is below `sequence` only if a leader with a quorum says so for
    /// [`REWIND_PATIENCE`](epoch::REWIND_PATIENCE).
    pub(super) async fn settled(&self, sequence: Sequence) -> Result<Sequence, ApiError> {
        let info = epoch::settled(self.replicas, sequence, || self.refresh()).await?;
        Ok(info.state.end().previous())
    }
}

pub(super) fn unavailable(error: impl ToString) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
