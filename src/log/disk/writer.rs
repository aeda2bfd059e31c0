//! The thread that writes: batches, answers, and recovery from write errors.

use std::{
    fs::File,
    path::PathBuf,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use rusqlite::ErrorCode;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    DiskOptions, OpenError, Shared,
    reader::is_damage,
    retention::{Kept, NextLook, Trimmer},
    sqlite_error,
    store::{Store, StoreState},
};
use crate::{
    event::{Cursor, Record, Sequence, Timestamp},
    log::{AppendError, AppendReply, LogState, NewRecord, Tail, ring::Ring},
};

/// Most records in one transaction.
const BATCH_RECORDS: usize = 512;
/// Bytes of records after which a transaction takes no more.
pub(super) const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How often the writer offers its processor to whoever is ready to run before it closes a batch. On
/// a busy machine these are callbacks that come along: fewer, larger batches. With 10 subscribers,
/// one after the other in the same minutes, a callback cost 44 us of CPU instead of 52; on an idle
/// machine it costs nothing. A timer in its place was slower at every length.
const YIELDS: usize = 3;
/// The WAL's bound. Overlapping readers, however short, keep SQLite from starting
/// it over, so above this the writer holds back new reads for a moment.
pub(super) const MAX_WAL_BYTES: u64 = 64 * 1024 * 1024;
/// Pause between attempts to empty a WAL that a foreign reader keeps in use.
const WAL_RETRY: Duration = Duration::from_secs(5);
/// Pause between attempts to recover from a write error.
const RECOVERY_PAUSE: Duration = Duration::from_millis(250);

/// A record with its caller's waiting end and its place in the queue's bound.
pub(super) struct Job {
    pub(super) record: NewRecord,
    pub(super) reply: AppendReply,
    pub(super) place: QueuePlace,
}

/// A record's place in the queue, until it is stored or dropped.
pub(super) struct QueuePlace {
    _bytes: OwnedSemaphorePermit,
    records: Arc<AtomicUsize>,
}

impl QueuePlace {
    pub(super) fn new(bytes: OwnedSemaphorePermit, records: &Arc<AtomicUsize>) -> Self {
        records.fetch_add(1, Ordering::Relaxed);
        Self { _bytes: bytes, records: Arc::clone(records) }
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.records.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) struct Writer {
    /// `None` between a write error and recovery.
    store: Option<Store>,
    path: PathBuf,
    /// Held as long as the writer lives: one process for one directory.
    _lock: File,
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Job>,
    ring_bytes: usize,
    next: Sequence,
    last_time: Timestamp,
    /// The clock is behind `last_time`, and that has been logged.
    clock_is_behind: bool,
    next_wal_reset: Instant,
    trimmer: Trimmer,
}

impl Writer {
    /// Without a store it begins by recovering one.
    pub(super) fn new(
        store: Option<Store>,
        state: StoreState,
        path: PathBuf,
        lock: File,
        shared: Arc<Shared>,
        queue: mpsc::Receiver<Job>,
        options: &DiskOptions,
    ) -> Self {
        Self {
            path,
            store,
            _lock: lock,
            shared,
            queue,
            ring_bytes: options.ring_bytes,
            next: state.tail.end,
            last_time: state.last_time,
            clock_is_behind: false,
            next_wal_reset: Instant::now(),
            trimmer: Trimmer::new(options.retention),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _guard = Closed(Arc::clone(&self.shared));
        if self.store.is_none() && !self.recover() {
            return;
        }
        while let Some(batch) = self.gather() {
            let is_idle = batch.is_empty();
            self.note_writing(Some(Instant::now()));
            let written = self.write(batch).and_then(|()| self.trim(is_idle));
            if written.is_ok() {
                self.bound_wal();
            }
            self.note_writing(None);
            match written {
                Ok(()) => self.note_works(),
                Err(error) => {
                    tracing::error!(%error, "writing to the log failed; refusing callbacks until it works again");
                    if !is_locked(&error) {
                        self.store = None;
                    }
                    if !self.recover() {
                        return;
                    }
                }
            }
        }
        // A page that is being read would be in the way.
        let _gate = self.shared.checkpoint_gate.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &self.store
            && let Err(error) = store.reset_wal()
        {
            // Nothing is lost by it: the next start reads the WAL.
            tracing::warn!(%error, "could not move the write-ahead log into the store");
        }
    }

    fn note_writing(&self, since: Option<Instant>) {
        *self.shared.writing_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Appends are taken again, if they were refused.
    fn note_works(&self) {
        self.shared.state.send_if_modified(|state| {
            let is_news = *state != LogState::Writable;
            if is_news {
                tracing::info!("the log takes writes again");
                *state = LogState::Writable;
            }
            is_news
        });
    }

    /// Waits for a record and takes what else is queued by then. Nothing, if none
    /// came before retention is to be looked at; `None` once the queue is closed
    /// and empty.
    fn gather(&mut self) -> Option<Vec<Job>> {
        let first = match self.trimmer.pause() {
            None => self.queue.recv().ok()?,
            Some(pause) => match self.queue.recv_timeout(pause) {
                Ok(job) => job,
                Err(mpsc::RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            },
        };
        for _ in 0..YIELDS {
            std::thread::yield_now();
        }
        let mut batch = vec![first];
        let mut bytes = batch[0].record.stored.bytes().len();
        while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Ok(job) = self.queue.try_recv() else { break };
            bytes += job.record.stored.bytes().len();
            batch.push(job);
        }
        Some(batch)
    }

    /// Stores a batch, moves the tail, answers the waiters: in this order.
    fn write(&mut self, batch: Vec<Job>) -> Result<(), OpenError> {
        let now = tokio::time::Instant::now();
        let time = self.receive_time();
        let mut records = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        let mut permits = Vec::with_capacity(batch.len());
        for Job { record, reply, place } in batch {
            if record.deadline <= now {
                answer(reply, Err(AppendError::Expired));
                continue;
            }
            let sequence = Sequence(self.next.0 + records.len() as u64);
            records.push(Record::new(self.shared.epoch, sequence, time, record.stored));
            permits.push((record.permit, place));
            waiting.push(reply);
        }
        let Some(newest) = records.last().map(Record::cursor) else { return Ok(()) };

        let store = self.store.as_mut().expect("the writer recovers its store before it goes on");
        let stored = if store.is_in_place() {
            store.commit(&records).map_err(sqlite_error(&self.path))
        } else {
            Err(OpenError::Replaced { path: self.path.clone() })
        };
        if let Err(error) = stored {
            // Not promised: the records may yet turn up when the store is opened again.
            self.shared.state.send_replace(LogState::Recovering);
            waiting.into_iter().for_each(|reply| answer(reply, Err(AppendError::Failed)));
            return Err(error);
        }
        self.last_time = time;
        self.trimmer.note_added(records.iter().map(|record| record.stored().bytes().len() as u64).sum());
        let cursors: Vec<Cursor> = records.iter().map(Record::cursor).collect();
        self.publish(Tail { end: newest.sequence.next(), cursor: newest }, |ring| ring.extend(records));
        drop(permits);
        for (reply, cursor) in waiting.into_iter().zip(cursors) {
            answer(reply, Ok(cursor));
        }
        Ok(())
    }

    /// Deletes what retention does not keep, if it is time to look. An error is
    /// one of writing, as a commit's is.
    fn trim(&mut self, is_idle: bool) -> Result<(), OpenError> {
        let Some(added) = self.trimmer.begin_look() else { return Ok(()) };
        match self.delete_slice(added, is_idle) {
            Ok(next) => self.trimmer.end_look(next),
            // It can wait.
            Err(error) if is_locked(&error) => self.trimmer.end_look(NextLook::Later),
            // New callbacks do not need the pages that are damaged.
            Err(error) if is_damaged(&error) => {
                tracing::error!(%error, "old events could not be deleted: the store is damaged");
                self.trimmer.end_look(NextLook::AfterFailure);
            }
            Err(error) => {
                tracing::error!("old events could not be deleted");
                self.trimmer.end_look(NextLook::AfterFailure);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Deletes one slice. With nothing to delete, gives free space back.
    fn delete_slice(&mut self, added: u64, is_idle: bool) -> Result<NextLook, OpenError> {
        let store = self.store.as_mut().expect("the writer recovers its store before it goes on");
        let oldest = Sequence(self.shared.oldest.load(Ordering::Relaxed));
        let kept = Kept { oldest, tail: self.next, newest_time: self.last_time, holes: &self.shared.holes };
        let slice = match self.trimmer.slice(store, kept, added) {
            Ok(Some(slice)) => slice,
            Ok(None) => {
                let may_give_back = is_idle && store.is_in_place();
                let gave_back = may_give_back && store.give_back().map_err(sqlite_error(&self.path))?;
                return Ok(if gave_back { NextLook::AtOnce } else { NextLook::Later });
            }
            Err(error) => {
                // Only reading failed: it must not cost new callbacks.
                tracing::error!(%error, "could not look for old events to delete");
                return Ok(NextLook::AfterFailure);
            }
        };
        if !store.is_in_place() {
            return Err(OpenError::Replaced { path: self.path.clone() });
        }
        self.shared.trimmed_until.fetch_max(slice.time.0, Ordering::SeqCst);
        let left = store.delete_below(oldest, slice.end).map_err(sqlite_error(&self.path))?;
        self.shared.note_trimmed(slice.end);
        if left > 0 {
            tracing::error!(
                first_sequence = oldest.0,
                end_sequence = slice.end.0,
                events = left,
                "old events in or beside damaged pages could not be deleted; their space is not reused"
            );
        }
        if !slice.is_full {
            return Ok(NextLook::Later);
        }
        // What it did not make room for is freed behind the next batch.
        self.trimmer.note_added(added.saturating_sub(slice.bytes));
        Ok(NextLook::AtOnce)
    }

    /// The batch's receive time: the clock's, but never before the last one's.
    fn receive_time(&mut self) -> Timestamp {
        let now = Timestamp::now();
        let is_behind = now < self.last_time;
        if is_behind != self.clock_is_behind {
            self.clock_is_behind = is_behind;
            let behind = Duration::from_micros(self.last_time.0.abs_diff(now.0));
            if is_behind {
                tracing::warn!(
                    ?behind,
                    "the system clock went back; receive times stand still until it catches up"
                );
            } else {
                tracing::info!("the system clock has caught up with the log's receive times");
            }
        }
        now.max(self.last_time)
    }

    /// Moves the tail, together with what the ring holds: a reader that sees a
    /// record there sees a tail behind it.
    fn publish(&mut self, tail: Tail, change: impl FnOnce(&mut Ring)) {
        assert!(tail.end >= self.next, "the tail cannot move back");
        self.next = tail.end;
        let mut ring = self.shared.ring.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut ring);
        self.shared.tail.send_replace(tail);
    }

    /// Refuses appends until the store takes a write again. False if the queue was
    /// closed meanwhile.
    fn recover(&mut self) -> bool {
        self.shared.state.send_replace(LogState::Recovering);
        let mut last_error = String::new();
        loop {
            // Appends that came in before the log was marked as recovering.
            let until = Instant::now() + RECOVERY_PAUSE;
            loop {
                match self.queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(job) => answer(job.reply, Err(AppendError::Recovering)),
                    Err(mpsc::RecvTimeoutError::Timeout) => break,
                    Err(mpsc::RecvTimeoutError::Disconnected) => return false,
                }
            }
            let Err(error) = self.try_to_recover() else {
                self.note_works();
                return true;
            };
            let error = error.to_string();
            if error != last_error {
                tracing::error!(error, "the log cannot be written to; trying again");
                last_error = error;
            }
        }
    }

    fn try_to_recover(&mut self) -> Result<(), OpenError> {
        // Only locked by another program: nothing is wrong with the store.
        if let Some(store) = &mut self.store {
            let probed = store.probe().map_err(sqlite_error(&self.path));
            if probed.as_ref().is_err_and(|error| !is_locked(error)) {
                self.store = None;
            }
            return probed;
        }
        let store = self.reopen()?;
        let state = store.state();
        self.store = Some(store);
        self.last_time = self.last_time.max(state.last_time);
        // The failed write may have been a deletion.
        self.shared.note_trimmed(state.oldest);
        // Records of the failed batch may have turned up; readers get them from the disk.
        if state.tail.end > self.next {
            let ring_bytes = self.ring_bytes;
            self.publish(state.tail, |ring| *ring = Ring::new(ring_bytes, state.tail.end));
        }
        Ok(())
    }

    /// Opens the store anew after an error.
    ///
    /// A sync that failed leaves the operating system's cache ahead of the disk
    /// and calls it clean. So whatever the WAL seems to hold is moved into the
    /// main file and synced before anything is built on it.
    fn reopen(&self) -> Result<Store, OpenError> {
        // Readers would be in the way of emptying the WAL.
        let _gate = self.shared.checkpoint_gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut store = Store::open(&self.path)?;
        let state = store.state();
        // A copy has another inode: the readers would go on reading the file that is gone.
        let is_same = store.identity() == self.shared.identity && state.epoch == self.shared.epoch;
        if !is_same || state.tail.end < self.next {
            return Err(OpenError::Replaced { path: self.path.clone() });
        }
        if !store.reset_wal().map_err(sqlite_error(&self.path))? {
            return Err(OpenError::InTheWay { path: self.path.clone() });
        }
        store.probe().map_err(sqlite_error(&self.path))?;
        Ok(store)
    }

    /// Empties a WAL that has passed its bound.
    fn bound_wal(&mut self) {
        let Some(store) = &self.store else { return };
        if store.wal_bytes() <= MAX_WAL_BYTES || Instant::now() < self.next_wal_reset {
            return;
        }
        let _gate = self.shared.checkpoint_gate.write().unwrap_or_else(PoisonError::into_inner);
        match store.reset_wal() {
            Ok(true) => return,
            Ok(false) => tracing::warn!(
                bytes = store.wal_bytes(),
                "the write-ahead log grows: another program keeps reading the store"
            ),
            Err(error) => tracing::warn!(%error, "could not shorten the write-ahead log"),
        }
        self.next_wal_reset = Instant::now() + WAL_RETRY;
    }
}

fn answer(reply: AppendReply, outcome: Result<Cursor, AppendError>) {
    // An error says that nobody waits any more, which the contract allows.
    reply.send(outcome).ok();
}

/// Whether another program holds a lock: nothing was written, and nothing is wrong.
fn is_locked(error: &OpenError) -> bool {
    let OpenError::Sqlite { source, .. } = error else { return false };
    matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn is_damaged(error: &OpenError) -> bool {
    matches!(error, OpenError::Sqlite { source, .. } if is_damage(source))
}

/// Says that nothing is taken any more when the writer ends, also by a panic.
struct Closed(Arc<Shared>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.state.send_replace(LogState::Closed);
    }
}
