//! Writer thread: batches, commits, replies, and retention between commits.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    DiskOptions, OpenError, aside,
    end::{EndFile, EndMark},
    medium::is_unreadable,
    retention::{LogBounds, NextCheck, Trimmer},
    sqlite_error,
    state::DiskState,
    store::{self, Store, StoreState},
    wal::WalFiles,
};
use crate::{
    event::{Cursor, Record, Sequence, Timestamp},
    log::{AppendError, AppendReply, LogState, NewRecord, Tail, ring::Ring},
};

/// Maximum number of records in one transaction.
pub(super) const BATCH_RECORDS: usize = 512;
/// Bytes of records at which a batch is full.
pub(super) const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Number of times that the writer yields its processor before it closes a batch. On a busy machine, other
/// threads then queue more callbacks, which makes fewer, larger batches. With 10 subscribers, measured
/// alternately in the same minutes, a callback cost 44 us of CPU instead of 52. On an idle machine it costs
/// nothing. A timer instead was slower at every length.
const YIELDS: usize = 3;
/// Maximum size of the WAL. Overlapping readers, however short, prevent SQLite from restarting it. So above
/// this size the writer blocks new reads for a moment, to empty it.
pub(super) const MAX_WAL_BYTES: u64 = 64 * 1024 * 1024;
/// Pause between attempts to empty a WAL that a reader in another program keeps in use.
const WAL_RETRY: Duration = Duration::from_secs(5);
/// Interval at which the writer checks its files and the clock while no records arrive.
const IDLE: Duration = Duration::from_secs(1);
/// Interval at which the time is written to `events.end` while no records arrive.
const TIME_INTERVAL: Duration = Duration::from_secs(60);
/// A clock that is further than this behind the newest event is wrong now, or was wrong earlier.
const CLOCK_BEHIND: Duration = Duration::from_secs(60);

/// Record in the queue.
pub(super) struct QueuedRecord {
    pub(super) record: NewRecord,
    /// Reply to the caller.
    pub(super) reply: AppendReply,
    pub(super) permit: QueuePermit,
}

/// Permit of a queued record. Held until the record is stored or dropped.
pub(super) struct QueuePermit {
    _bytes: OwnedSemaphorePermit,
    records: Arc<AtomicUsize>,
}

impl QueuePermit {
    pub(super) fn new(bytes: OwnedSemaphorePermit, records: &Arc<AtomicUsize>) -> Self {
        records.fetch_add(1, Ordering::Relaxed);
        Self { _bytes: bytes, records: Arc::clone(records) }
    }
}

impl Drop for QueuePermit {
    fn drop(&mut self) {
        self.records.fetch_sub(1, Ordering::Relaxed);
    }
}

/// System clock compared with the newest event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClockOffset {
    Ahead,
    /// Behind by at most [`CLOCK_BEHIND`]: the clock was corrected.
    Behind,
    /// Behind by more than [`CLOCK_BEHIND`].
    FarBehind,
}

/// WriterFiles that the writer uses beside the store.
pub(super) struct WriterFiles {
    /// Path of the store's file.
    pub(super) path: PathBuf,
    /// Lock of the data directory.
    pub(super) lock: File,
    pub(super) end: EndFile,
    /// The last time that an earlier run trusted.
    pub(super) last_trusted: Option<Timestamp>,
}

pub(super) struct Writer {
    /// `None` between a write error and recovery.
    pub(super) store: Option<Store>,
    /// The WAL of a store that was closed after an error.
    pub(super) left_wal: Option<WalFiles>,
    /// True if an error left the store in an unknown state, so that it must be reopened.
    pub(super) must_reopen: bool,
    /// True if the WAL was discarded, so that its events must be written again from memory.
    pub(super) must_restore: bool,
    pub(super) path: PathBuf,
    /// Held as long as the writer lives: only one process uses the directory.
    _lock: File,
    pub(super) shared: Arc<DiskState>,
    pub(super) queue: mpsc::Receiver<QueuedRecord>,
    pub(super) ring_bytes: usize,
    pub(super) next: Sequence,
    pub(super) last_time: Timestamp,
    end_file: EndFile,
    /// Time of the last write to the end file.
    end_noted: Instant,
    /// Last logged comparison of the clock with `last_time`.
    clock_offset: ClockOffset,
    next_wal_reset: Instant,
    trimmer: Trimmer,
    pub(super) set_aside_damaged: bool,
    /// Consecutive writes and attempts to recover that failed because the store is damaged.
    pub(super) damage_failures: u32,
    /// Consecutive attempts to recover that did not find the store in its place.
    pub(super) gone_attempts: u32,
}

impl Writer {
    /// Creates a writer. With only the files of a write-ahead log, it begins with recovery.
    pub(super) fn new(
        store: Result<Store, WalFiles>,
        state: StoreState,
        files: WriterFiles,
        shared: Arc<DiskState>,
        queue: mpsc::Receiver<QueuedRecord>,
        options: &DiskOptions,
    ) -> Self {
        let WriterFiles { path, lock, end: end_file, last_trusted } = files;
        let (store, left_wal) = match store {
            Ok(store) => (Some(store), None),
            Err(wal) => (None, Some(wal)),
        };
        Self {
            path,
            store,
            left_wal,
            must_reopen: false,
            must_restore: false,
            _lock: lock,
            shared,
            queue,
            ring_bytes: options.ring_bytes,
            next: state.tail.end,
            last_time: state.last_time,
            end_file,
            end_noted: Instant::now(),
            clock_offset: ClockOffset::Ahead,
            next_wal_reset: Instant::now(),
            trimmer: Trimmer::new(options.retention, last_trusted),
            set_aside_damaged: options.set_aside_damaged,
            damage_failures: 0,
            gone_attempts: 0,
        }
    }

    /// Runs until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _guard = CloseOnDrop(Arc::clone(&self.shared));
        if self.store.is_none() && !self.recover() {
            return;
        }
        self.note_end();
        while let Some(batch) = self.next_batch() {
            let is_idle = batch.is_empty();
            self.check_clock();
            self.note_writing(Some(Instant::now()));
            let written = if is_idle { self.check_files_while_idle() } else { self.write(batch) };
            let written = written.and_then(|()| self.trim(is_idle));
            if written.is_ok() {
                self.bound_wal();
            }
            self.note_writing(None);
            match written {
                Ok(()) => self.mark_writable(),
                Err(error) => {
                    tracing::error!(%error, "writing to the log failed; refusing callbacks until the log has recovered");
                    self.note_failure(&error);
                    self.must_reopen = !error.is_busy();
                    // If the WAL was replaced, only the open store can still read it.
                    if self.must_reopen && !error.keeps_store() {
                        self.close_store();
                    }
                    if !self.recover() {
                        return;
                    }
                }
            }
        }
        self.save_at_end();
        // A read in progress would prevent the checkpoint.
        let _gate = self.shared.checkpoint_gate.write();
        if let Some(store) = &mut self.store
            && let Err(error) = store.reset_wal()
        {
            tracing::warn!(
                %error,
                "cannot move the write-ahead log into the store; no event is lost: the next start reads it"
            );
        }
    }

    fn note_writing(&self, since: Option<Instant>) {
        *self.shared.writing_since.lock() = since;
    }

    /// Accepts appends again, if they were rejected.
    pub(super) fn mark_writable(&self) {
        self.shared.state.send_if_modified(|state| {
            let is_news = *state != LogState::Writable;
            if is_news {
                tracing::info!("the log accepts writes again");
                *state = LogState::Writable;
            }
            is_news
        });
    }

    /// Waits for a record, and returns it with the other queued records. The batch is empty if no record
    /// arrived before files, clock or retention are due to be checked. `None` once the queue is closed and
    /// empty.
    fn next_batch(&mut self) -> Option<Vec<QueuedRecord>> {
        let pause = self.trimmer.pause().map_or(IDLE, |pause| pause.min(IDLE));
        let first = match self.queue.recv_timeout(pause) {
            Ok(queued) => queued,
            Err(mpsc::RecvTimeoutError::Timeout) => return Some(Vec::new()),
            Err(mpsc::RecvTimeoutError::Disconnected) => return None,
        };
        for _ in 0..YIELDS {
            std::thread::yield_now();
        }
        let mut batch = vec![first];
        let mut bytes = batch[0].record.stored.bytes().len();
        while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Ok(queued) = self.queue.try_recv() else { break };
            bytes += queued.record.stored.bytes().len();
            batch.push(queued);
        }
        Some(batch)
    }

    /// Stores a batch, moves the tail, and replies to the callers, in this order.
    fn write(&mut self, batch: Vec<QueuedRecord>) -> Result<(), OpenError> {
        let now = tokio::time::Instant::now();
        let time = self.receive_time();
        let mut records = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        let mut permits = Vec::with_capacity(batch.len());
        for QueuedRecord { record, reply, permit } in batch {
            if record.deadline <= now {
                answer(reply, Err(AppendError::Expired));
                continue;
            }
            let sequence = Sequence(self.next.0 + records.len() as u64);
            records.push(Record::new(self.shared.epoch, sequence, time, record.stored));
            permits.push((record.permit, permit));
            waiting.push(reply);
        }
        let Some(newest) = records.last().map(Record::cursor) else { return Ok(()) };

        // Check again after the commit: records in a WAL that was replaced meanwhile are not durable.
        let stored =
            self.check_files().and_then(|()| self.commit(&records)).and_then(|()| self.check_files());
        if let Err(error) = stored {
            // The records may still be in the store when it is reopened. The contract allows that.
            self.shared.state.send_replace(LogState::Recovering);
            waiting.into_iter().for_each(|reply| answer(reply, Err(AppendError::Failed)));
            return Err(error);
        }
        self.damage_failures = 0;
        self.gone_attempts = 0;
        self.last_time = time;
        self.end_file.write(self.end_mark(newest.sequence.next()));
        self.end_noted = Instant::now();
        self.trimmer.note_added(records.iter().map(|record| record.stored().bytes().len() as u64).sum());
        let cursors: Vec<Cursor> = records.iter().map(Record::cursor).collect();
        self.publish(Tail { end: newest.sequence.next(), cursor: newest }, |ring| ring.extend(records));
        drop(permits);
        for (reply, cursor) in waiting.into_iter().zip(cursors) {
            answer(reply, Ok(cursor));
        }
        Ok(())
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), OpenError> {
        let store = self.store.as_mut().expect("the writer recovers its store before it goes on");
        store.commit(records).map_err(sqlite_error(&self.path))
    }

    /// Checks the files, and detects events that another program has deleted.
    fn check_files_while_idle(&mut self) -> Result<(), OpenError> {
        self.check_files()?;
        if let Some(store) = &self.store
            && let Ok(Some(trimmed)) = store::trimmed(&store.connection)
        {
            self.shared.note_bounds(trimmed);
        }
        Ok(())
    }

    /// Checks that writes go to the files that the next start will open.
    pub(super) fn check_files(&mut self) -> Result<(), OpenError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let checked = store.check_files();
        let is_shortened = matches!(checked, Err(OpenError::WalShortened { .. }));
        if !is_shortened || !store.is_checkpointed().map_err(sqlite_error(&self.path))? {
            return checked;
        }
        // Another program emptied the WAL after a checkpoint: no data is missing.
        let _gate = self.shared.checkpoint_gate.write();
        if store.reset_wal().map_err(sqlite_error(&self.path))? {
            Ok(())
        } else {
            Err(OpenError::InTheWay { path: self.path.clone() })
        }
    }

    /// Returns the data directory.
    pub(super) fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Writes the log's end to `events.end`, for the next start.
    pub(super) fn note_end(&mut self) {
        self.end_file.write(self.end_mark(self.next));
        self.end_noted = Instant::now();
    }

    pub(super) fn end_mark(&self, end: Sequence) -> EndMark {
        EndMark {
            epoch: self.shared.epoch,
            end,
            time: self.trimmer.last_trusted(),
            oldest: Sequence(self.shared.oldest.load(Ordering::Relaxed)),
        }
    }

    /// Deletes events beyond the retention limits, if a check is due. An error is a write error, like a
    /// commit's.
    fn trim(&mut self, is_idle: bool) -> Result<(), OpenError> {
        let Some(added) = self.trimmer.begin_check() else { return Ok(()) };
        match self.delete_slice(added, is_idle) {
            Ok(next) => self.trimmer.end_check(next),
            // Another program holds a lock. Retry later.
            Err(error) if error.is_busy() => self.trimmer.end_check(NextCheck::Later),
            // New callbacks do not need the pages that are damaged.
            Err(error) if is_damaged(&error) => {
                tracing::error!(%error, "old events could not be deleted because the store is damaged; retrying later");
                self.trimmer.end_check(NextCheck::AfterFailure);
            }
            Err(error) => {
                tracing::error!("old events could not be deleted; retrying later");
                self.trimmer.end_check(NextCheck::AfterFailure);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Deletes one slice. Releases free space if there is nothing to delete and the writer is idle.
    fn delete_slice(&mut self, added: u64, is_idle: bool) -> Result<NextCheck, OpenError> {
        let store = self.store.as_mut().expect("the writer recovers its store before it goes on");
        let oldest = Sequence(self.shared.oldest.load(Ordering::Relaxed));
        let bounds =
            LogBounds { oldest, tail: self.next, newest_time: self.last_time, holes: &self.shared.holes };
        let slice = match self.trimmer.slice(store, bounds, added) {
            Ok(Some(slice)) => slice,
            Ok(None) => {
                let has_released = is_idle && store.release_space().map_err(sqlite_error(&self.path))?;
                return Ok(if has_released { NextCheck::AtOnce } else { NextCheck::Later });
            }
            Err(error) => {
                // Only a read failed. It must not cause callbacks to be rejected.
                tracing::error!(%error, "cannot read old events for retention; retrying later");
                return Ok(NextCheck::AfterFailure);
            }
        };
        store.check_files()?;
        self.shared.trimmed_until.fetch_max(slice.time.0, Ordering::SeqCst);
        let left = store.delete_below(oldest, slice.end).map_err(sqlite_error(&self.path))?;
        self.shared.note_trimmed(slice.end);
        self.note_end();
        if left > 0 {
            tracing::error!(
                first_sequence = oldest.0,
                end_sequence = slice.end.0,
                events = left,
                "old events in or next to damaged pages could not be deleted; their space is not reused"
            );
        }
        if !slice.is_full {
            return Ok(NextCheck::Later);
        }
        // The rest of the added bytes is deleted after the next batch.
        self.trimmer.note_added(added.saturating_sub(slice.bytes));
        Ok(NextCheck::AtOnce)
    }

    /// Returns the batch's receive time: the current time, but never before that of the last batch.
    fn receive_time(&mut self) -> Timestamp {
        Timestamp::now().max(self.last_time)
    }

    /// Compares the system clock with the log's receive times, and logs changes.
    fn check_clock(&mut self) {
        self.shared.age_is_held.store(self.trimmer.check_clock(), Ordering::Relaxed);
        if self.end_noted.elapsed() >= TIME_INTERVAL {
            self.note_end();
            self.shared.set_aside.store(aside::count(self.dir()), Ordering::Relaxed);
        }
        let behind = self.last_time.since(Timestamp::now());
        self.shared.clock_behind.store(behind.as_micros() as u64, Ordering::Relaxed);
        let clock_offset = match behind {
            Duration::ZERO => ClockOffset::Ahead,
            behind if behind <= CLOCK_BEHIND => ClockOffset::Behind,
            _ => ClockOffset::FarBehind,
        };
        if clock_offset == self.clock_offset {
            return;
        }
        match clock_offset {
            ClockOffset::Ahead => {
                tracing::info!("the system clock has caught up with the log's receive times")
            }
            ClockOffset::Behind => tracing::warn!(
                ?behind,
                "the system clock went back; receive times stand still until it catches up"
            ),
            ClockOffset::FarBehind => tracing::error!(
                ?behind,
                "the system clock is behind the newest event; receive times stand still until it catches up: \
                 correct the clock, or if it is right, restart once with --new-epoch to correct the times of stored events"
            ),
        }
        self.clock_offset = clock_offset;
    }

    /// Moves the tail and changes the ring under one lock: a reader that sees a record in the ring sees a
    /// tail after it.
    pub(super) fn publish(&mut self, tail: Tail, change: impl FnOnce(&mut Ring)) {
        assert!(tail.end >= self.next, "the tail cannot move back");
        self.next = tail.end;
        let mut ring = self.shared.ring.write();
        change(&mut ring);
        self.shared.tail.send_replace(tail);
    }

    /// Empties a WAL that exceeds its maximum size.
    fn bound_wal(&mut self) {
        let Some(store) = &mut self.store else { return };
        if store.wal_bytes() <= MAX_WAL_BYTES || Instant::now() < self.next_wal_reset {
            return;
        }
        let _gate = self.shared.checkpoint_gate.write();
        match store.reset_wal() {
            Ok(true) => return,
            Ok(false) => tracing::warn!(
                bytes = store.wal_bytes(),
                "the write-ahead log grows because another program keeps reading the store; end that program"
            ),
            Err(error) => {
                tracing::warn!(%error, "cannot empty the write-ahead log; it grows until a retry succeeds")
            }
        }
        self.next_wal_reset = Instant::now() + WAL_RETRY;
    }
}

pub(super) fn answer(reply: AppendReply, outcome: Result<Cursor, AppendError>) {
    // Ignore the error: the caller has dropped its receiver, which the contract allows.
    reply.send(outcome).ok();
}

fn is_damaged(error: &OpenError) -> bool {
    matches!(error, OpenError::Sqlite { source, .. } if is_unreadable(source))
}

/// Guard that closes the log when the writer ends, even by a panic.
struct CloseOnDrop(Arc<DiskState>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.state.send_replace(LogState::Closed);
    }
}
