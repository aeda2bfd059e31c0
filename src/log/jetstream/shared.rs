//! What the parts of the log share: the connections, and what is known of the stream.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    Options,
    api::{Api, ApiError, publish_to},
    epoch::{self, REWIND_INTERVAL},
    info::Info,
    publish::Place,
    refused::{Refused, Trial},
    stream::StreamSettings,
    walk::Walks,
};
use crate::{
    event::{Cursor, Epoch, Record, Sequence, Timestamp},
    log::{AppendError, AppendReply, Holes, Lag, LogState, PAGE_BYTES, ReadError, Tail, ring::Ring},
};

/// How long a reader waits for this replica to come to what the leader has: long enough to
/// be told that the leader does not have it.
const REACH_PATIENCE: Duration = Duration::from_secs(15);
/// Newest records whose cursors are remembered: more than publishes are in flight, so that
/// an acknowledgement that comes after its record still finds it.
const RECENT: usize = 2 * super::IN_FLIGHT_RECORDS;
/// Least time between two log lines with different reasons why callbacks cannot be stored.
const REASON_PAUSE: Duration = Duration::from_secs(5);
/// Reads of history by direct gets at once; further ones wait. Each holds about a page.
const HISTORY_READS: usize = 4;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) api: Api,
    /// A connection of its own for history: acknowledgements and the tail do not stand behind
    /// pages of it.
    pub(super) reading: Api,
    pub(super) replicas: usize,
    pub(super) epoch: Epoch,
    pub(super) epoch_start: Timestamp,
    pub(super) tail: watch::Sender<Tail>,
    pub(super) state: watch::Sender<LogState>,
    /// Changed together with the tail, and before it.
    ring: RwLock<Ring>,
    ring_bytes: usize,
    /// Cursors of the newest records, for those who appended them: up to [`RECENT`].
    recent: Mutex<VecDeque<Cursor>>,
    known: RwLock<Known>,
    /// Appends that the server has acknowledged, and the tail has not come to yet, by
    /// sequence. Each keeps its place, so that they are no more than may be under way.
    acknowledged: Mutex<BTreeMap<Sequence, Acknowledged>>,
    /// The highest sequence that the server has acknowledged to this gateway.
    promised: AtomicU64,
    pub(super) history: Semaphore,
    pub(super) walks: Walks,
    /// An append has waited for long.
    pub(super) is_stalled: AtomicBool,
    /// For long nobody could say that the tail follows the stream.
    pub(super) is_stuck: AtomicBool,
    /// The stream answered when it was asked last, and enough servers have it.
    pub(super) is_answering: AtomicBool,
    /// The subject of an event that NATS did not let this gateway publish to.
    denied: Mutex<Option<String>>,
    /// What was found to be lost.
    pub(super) holes: Holes,
    /// How many messages the leader said last that the stream has lost.
    pub(super) lost: AtomicU64,
    /// What the stream did not store.
    pub(super) refused: Refused,
    /// What the stream's settings must be.
    pub(super) settings: StreamSettings,
    /// The stream has settings that can lose events: nothing is published meanwhile.
    pub(super) is_unsafe: AtomicBool,
    /// Sequence that the stream gave to a second event, 0 if there is none: it has lost its end. Nothing is published from
    /// then on, and the log ends.
    reused: AtomicU64,
    /// Why callbacks cannot be stored, as was logged last, and when.
    trouble: Mutex<Option<(String, Instant)>>,
    /// Has the tail's consumer made anew.
    pub(super) follow_anew: Notify,
}

/// What the leader said last.
#[derive(Debug, Clone, Copy)]
struct Known {
    end: Sequence,
    oldest: Sequence,
    trimmed_until: Option<Timestamp>,
    bytes: u64,
    average_bytes: u64,
}

/// An append whose event is stored.
#[derive(Debug)]
struct Acknowledged {
    since: Instant,
    /// Given back before it is answered, so that whoever is answered finds room.
    place: Place,
    reply: AppendReply,
}

/// How a log came to be another one than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Other {
    /// The stream was deleted.
    Deleted,
    /// The stream was deleted and made anew, or another gateway began a new epoch.
    Replaced(Epoch),
    /// The stream lost its end, or has other messages there: from this sequence on.
    Rewound(Sequence),
}

impl Shared {
    pub(super) fn new(
        api: Api,
        reading: Api,
        options: &Options,
        info: &Info,
        newest: Option<Record>,
    ) -> Self {
        let epoch = info.epoch();
        let end = info.state.end();
        let cursor = newest
            .filter(|newest| newest.sequence().next() == end)
            .map_or(Cursor::unchecked(epoch, end.previous()), |newest| newest.cursor());
        Self {
            api,
            reading,
            replicas: options.replicas,
            epoch,
            epoch_start: info.epoch_start().into(),
            tail: watch::Sender::new(Tail { end, cursor }),
            state: watch::Sender::new(LogState::Writable),
            ring: RwLock::new(Ring::new(options.ring_bytes, end)),
            ring_bytes: options.ring_bytes,
            recent: Mutex::default(),
            known: RwLock::new(Known {
                end,
                oldest: info.state.oldest(),
                trimmed_until: info.state.trimmed_until(),
                bytes: info.state.bytes,
                average_bytes: info.state.average_bytes(),
            }),
            acknowledged: Mutex::default(),
            promised: AtomicU64::new(0),
            history: Semaphore::new(HISTORY_READS),
            walks: Walks::new(),
            is_stalled: AtomicBool::new(false),
            is_stuck: AtomicBool::new(false),
            is_answering: AtomicBool::new(true),
            denied: Mutex::default(),
            holes: Holes::default(),
            lost: AtomicU64::new(0),
            refused: Refused::default(),
            settings: StreamSettings::new(options),
            is_unsafe: AtomicBool::new(false),
            reused: AtomicU64::new(0),
            trouble: Mutex::default(),
            follow_anew: Notify::new(),
        }
    }

    /// The tail's end.
    pub(super) fn end(&self) -> Sequence {
        self.tail.borrow().end
    }

    /// Where the stream must end at least: behind what this gateway's tail has come to, and
    /// behind what the server has acknowledged to it.
    pub(super) fn least_end(&self) -> Sequence {
        self.end().max(Sequence(self.promised.load(Ordering::Relaxed)).next())
    }

    pub(super) fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring_mut(&self) -> RwLockWriteGuard<'_, Ring> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Known {
        *self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest record that is stored. What the tail has not come to yet is none.
    pub(super) fn oldest(&self) -> Sequence {
        self.known().oldest.min(self.end())
    }

    pub(super) fn trimmed_until(&self) -> Option<Timestamp> {
        self.known().trimmed_until
    }

    /// How far this gateway is behind the stream, as its leader said last.
    pub(super) fn lag(&self) -> Lag {
        Lag {
            sequences: self.known().end.0.saturating_sub(self.end().0),
            is_stuck: self.is_stuck.load(Ordering::Relaxed),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.known().bytes
    }

    /// Records of about a page of bytes, at least one.
    pub(super) fn records_of_a_page(&self) -> u64 {
        (PAGE_BYTES as u64).checked_div(self.known().average_bytes).unwrap_or(u64::MAX).max(1)
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.state.borrow() == LogState::Closed
    }

    /// Asks the leader what the stream holds, and takes that in. Whatever is read before
    /// it is judged by it.
    pub(super) async fn ask(&self) -> Result<Info, ApiError> {
        let info = self.api.info().await?;
        let info = info.ok_or(ApiError::Gone)?;
        let epoch = info.epoch();
        if epoch != self.epoch {
            self.become_other(Other::Replaced(epoch));
            return Err(ApiError::Unreachable("the stream has a new epoch".to_owned()));
        }
        let oldest = info.state.oldest();
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.end = info.state.end();
            known.bytes = info.state.bytes;
            known.average_bytes = info.state.average_bytes();
            // Answers may overtake one another.
            if oldest >= known.oldest {
                known.oldest = oldest;
                known.trimmed_until = known.trimmed_until.max(info.state.trimmed_until());
            }
        }
        self.holes.trim(oldest);
        let mut ring = self.ring_mut();
        ring.trim(oldest);
        // One that has ended says so by its tail, which stays where it is.
        if oldest > self.end() && !self.is_closed() {
            // All that the tail has not come to is gone: nobody will deliver it.
            *ring = Ring::new(self.ring_bytes, oldest);
            self.move_tail(Cursor::unchecked(self.epoch, oldest.previous()));
        }
        drop(ring);
        self.answer_reached();
        Ok(info)
    }

    /// Adds what the consumer delivered; `None` stands for a message that is no record.
    /// Those that were taken in already are left out.
    pub(super) fn extend(&self, delivered: impl IntoIterator<Item = (Sequence, Option<Record>)>) {
        let mut ring = self.ring_mut();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cursor = None;
        let mut end = self.end();
        let mut records = Vec::new();
        for (sequence, record) in delivered {
            if sequence < end || self.is_closed() {
                continue;
            }
            end = sequence.next();
            match record {
                Some(record) => {
                    cursor = Some(record.cursor());
                    recent.extend(cursor);
                    records.push(record);
                }
                None => {
                    // Whoever comes to it reads the stream, and is told what is wrong.
                    records.clear();
                    *ring = Ring::new(self.ring_bytes, end);
                    cursor = Some(Cursor::unchecked(self.epoch, sequence));
                }
            }
        }
        ring.extend(records);
        let surplus = recent.len().saturating_sub(RECENT);
        recent.drain(..surplus);
        drop(recent);
        if let Some(cursor) = cursor {
            self.move_tail(cursor);
        }
        drop(ring);
        self.answer_reached();
    }

    /// To be called with the ring in hand, so that moves do not overtake one another.
    fn move_tail(&self, cursor: Cursor) {
        self.tail.send_replace(Tail { end: cursor.sequence.next(), cursor });
    }

    /// Notes that the server has acknowledged an event of this gateway.
    pub(super) fn promise(&self, sequence: Sequence) {
        self.promised.fetch_max(sequence.0, Ordering::Relaxed);
    }

    /// Notes that the stream gave a sequence to a second event. The follower ends the log.
    pub(super) fn note_reused(&self, sequence: Sequence) {
        self.reused.store(sequence.0, Ordering::Relaxed);
        self.follow_anew.notify_one();
    }

    /// Returns the sequence that the stream gave to a second event.
    pub(super) fn reused(&self) -> Option<Sequence> {
        Some(Sequence(self.reused.load(Ordering::Relaxed))).filter(|sequence| sequence.0 > 0)
    }

    /// Answers an append once the tail has come to its record.
    pub(super) fn acknowledge(&self, sequence: Sequence, reply: AppendReply, place: Place) {
        self.promise(sequence);
        self.refused.note_stored();
        // Held while the tail is looked at: `answer_reached` takes it after the tail has moved.
        let mut acknowledged = self.acknowledged();
        if self.is_closed() {
            drop(place);
            // What was stored may be gone with the log; whoever does not wait does not want to know.
            reply.send(Err(AppendError::Closed)).ok();
        } else {
            let waiting = Acknowledged { since: Instant::now(), reply, place };
            if self.end() > sequence {
                drop(acknowledged);
                self.answer(sequence, waiting);
            } else {
                acknowledged.insert(sequence, waiting);
            }
        }
    }

    fn answer_reached(&self) {
        let end = self.end();
        let mut acknowledged = self.acknowledged();
        if acknowledged.first_key_value().is_none_or(|(first, _)| *first >= end) {
            return;
        }
        let waiting = acknowledged.split_off(&end);
        let reached = std::mem::replace(&mut *acknowledged, waiting);
        drop(acknowledged);
        for (sequence, waiting) in reached {
            self.answer(sequence, waiting);
        }
    }

    /// Answers those that the tail has kept waiting for too long: their events are stored.
    /// Whether others still wait.
    pub(super) fn answer_overdue(&self, patience: Duration) -> bool {
        let now = Instant::now();
        let mut acknowledged = self.acknowledged();
        let is_overdue = |waiting: &Acknowledged| now.duration_since(waiting.since) >= patience;
        if !acknowledged.values().any(is_overdue) {
            return !acknowledged.is_empty();
        }
        let all = std::mem::take(&mut *acknowledged).into_iter();
        let (overdue, waiting) = all.partition(|(_, waiting)| is_overdue(waiting));
        *acknowledged = waiting;
        let some_left = !acknowledged.is_empty();
        drop(acknowledged);
        let overdue: BTreeMap<_, _> = overdue;
        for (sequence, waiting) in overdue {
            self.answer(sequence, waiting);
        }
        some_left
    }

    /// Lets go of those that wait, as nobody will answer them: the log has ended, and what
    /// was stored may be gone with it.
    pub(super) fn forget_acknowledged(&self) {
        self.acknowledged().clear();
    }

    fn answer(&self, sequence: Sequence, Acknowledged { reply, place, .. }: Acknowledged) {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.binary_search_by_key(&sequence, |cursor| cursor.sequence);
        let cursor = found.map_or(Cursor::unchecked(self.epoch, sequence), |at| recent[at]);
        drop(recent);
        drop(place);
        // Whoever does not wait any more does not want to know.
        reply.send(Ok(cursor)).ok();
    }

    fn acknowledged(&self) -> MutexGuard<'_, BTreeMap<Sequence, Acknowledged>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether callbacks can be stored. A closed log stays closed.
    /// Another reason is logged too, but not in quick succession.
    pub(super) fn set_writable(&self, healthy: Result<(), String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        self.state.send_if_modified(|state| match (&healthy, *state) {
            (Ok(()), LogState::Recovering) => {
                tracing::info!("the stream takes callbacks again");
                *trouble = None;
                *state = LogState::Writable;
                true
            }
            (Err(reason), LogState::Writable | LogState::Recovering) => {
                let is_news = trouble
                    .as_ref()
                    .is_none_or(|(logged, at)| logged != reason && at.elapsed() >= REASON_PAUSE);
                if is_news {
                    tracing::error!(
                        reason,
                        "callbacks cannot be stored just now; they wait for their deadline"
                    );
                    *trouble = Some((reason.clone(), Instant::now()));
                }
                std::mem::replace(state, LogState::Recovering) == LogState::Writable
            }
            _ => false,
        });
    }

    /// Why callbacks cannot be stored, for operators.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map(|(reason, _)| reason.clone())
    }

    /// Notes that the stream did not store an event, and why.
    pub(super) fn refuse(&self, reason: String, trial: Trial) {
        self.refused.note(reason.clone(), trial);
        self.set_writable(Err(reason));
    }

    /// Returns whether a publish without an answer is all that shows that the stream stores nothing.
    pub(super) fn is_silent(&self) -> bool {
        self.is_answering.load(Ordering::Relaxed) && self.denied().is_none()
    }

    /// Takes in that NATS does not let this gateway publish to the subject of an event: until
    /// it does, no event can be stored.
    pub(super) fn deny(&self, subject: &str) {
        *self.denied() = Some(subject.to_owned());
        self.set_writable(Err(ApiError::Denied(publish_to(subject)).to_string()));
    }

    /// The subject that NATS did not let this gateway publish to.
    pub(super) fn denied(&self) -> MutexGuard<'_, Option<String>> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends this log: the stream is another one now. The tail says so to whoever follows
    /// it, by its epoch or by going back.
    pub(super) fn become_other(&self, other: Other) {
        let mut ring = self.ring_mut();
        if self.is_closed() {
            return;
        }
        let cursor = match other {
            Other::Deleted => {
                tracing::error!(
                    "the stream was deleted; this gateway ends, and its next start creates the stream"
                );
                None
            }
            Other::Replaced(epoch) => {
                tracing::error!(
                    old = %self.epoch,
                    new = %epoch,
                    "the stream has a new epoch: it was deleted and created again, or lost its end; this gateway ends, and \
                     its next start follows the new epoch"
                );
                Some(Cursor::unchecked(epoch, Sequence(0)))
            }
            Other::Rewound(lost) => {
                tracing::error!(
                    had = %self.least_end().previous(),
                    lost_from = %lost,
                    "the stream lost events that it had acknowledged; this gateway ends, and its next start follows a new epoch"
                );
                // Where it had not come to them yet, nobody has to go back.
                (lost < self.end()).then(|| Cursor::unchecked(self.epoch, lost.previous()))
            }
        };
        if let Some(cursor) = cursor {
            *ring = Ring::new(self.ring_bytes, cursor.sequence.next());
            self.move_tail(cursor);
        }
        self.state.send_replace(LogState::Closed);
    }

    /// Waits until this replica has come to `sequence`, if the leader has it.
    pub(super) async fn reach(&self, sequence: Sequence) -> Result<(), ReadError> {
        // Whoever is told so looks at the tail.
        let is_judged = |tail: &Tail| tail.end > sequence || tail.cursor.epoch != self.epoch;
        if is_judged(&self.tail.borrow()) {
            return Ok(());
        }
        let reached = async {
            loop {
                // A log that has ended comes to nothing any more: nobody can say whose the position is.
                if self.is_closed() {
                    return Err(unavailable("the log has ended below the position"));
                }
                match self.settled(sequence).await {
                    Ok(last) if last < sequence => return Ok(()),
                    Ok(_) => break,
                    // Nobody there to ask, just now.
                    Err(_) => sleep(REWIND_INTERVAL).await,
                }
            }
            let (mut tail, mut state) = (self.tail.subscribe(), self.state.subscribe());
            tokio::select! {
                biased;
                // The senders are in `self`.
                _ = tail.wait_for(is_judged) => Ok(()),
                _ = state.wait_for(|state| *state == LogState::Closed) => {
                    Err(unavailable("the log has ended below the position"))
                }
            }
        };
        timeout(REACH_PATIENCE, reached)
            .await
            .unwrap_or_else(|_| Err(unavailable("this gateway has not come to the position yet")))
    }

    /// The stream's last sequence: below `sequence` only if a leader that enough servers
    /// follow says so for a while.
    pub(super) async fn settled(&self, sequence: Sequence) -> Result<Sequence, ApiError> {
        let info = epoch::settled(self.replicas, sequence, || self.ask()).await?;
        Ok(info.state.end().previous())
    }

    /// Runs until the log is closed, which it is without this work, however that ends.
    pub(super) async fn until_closed(&self, work: impl Future<Output = ()>) {
        let mut state = self.state.subscribe();
        let _closes = Closes(&self.state);
        tokio::select! {
            () = work => {}
            _ = state.wait_for(|state| *state == LogState::Closed) => {}
        }
    }
}

/// Closes the log when it is dropped, also by a panic: what is left of the log would take
/// callbacks, or give subscribers nothing, and nobody would know.
struct Closes<'a>(&'a watch::Sender<LogState>);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.send_replace(LogState::Closed);
    }
}

pub(super) fn unavailable(error: impl ToString) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_closes_the_log() {
        let state = watch::Sender::new(LogState::Writable);
        let mut seen = state.subscribe();
        let task = tokio::spawn(async move {
            let _closes = Closes(&state);
            panic!("a bug");
        });
        assert!(seen.wait_for(|state| *state == LogState::Closed).await.is_ok());
        assert!(task.await.unwrap_err().is_panic());
    }
}
