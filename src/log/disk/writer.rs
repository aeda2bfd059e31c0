//! The thread that writes: batches, answers, and recovery from write errors.

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
    retention::{Kept, NextLook, Trimmer},
    sqlite_error,
    state::DiskState,
    store::{self, Store, StoreState},
    wal::WalFiles,
};
use crate::{
    event::{Cursor, Record, Sequence, Timestamp},
    log::{AppendError, AppendReply, LogState, NewRecord, Tail, ring::Ring},
};

/// Most records in one transaction.
pub(super) const BATCH_RECORDS: usize = 512;
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
/// How often the writer looks at its files and the clock while no records come.
const IDLE: Duration = Duration::from_secs(1);
/// How often the time is noted beside the end of the log while no records come.
const NOTE_TIME: Duration = Duration::from_secs(60);
/// A clock that is further behind the newest event was wrong once, or is now.
const CLOCK_BEHIND: Duration = Duration::from_secs(60);

/// Record in the queue.
pub(super) struct QueuedRecord {
    pub(super) record: NewRecord,
    /// Answer to the caller.
    pub(super) reply: AppendReply,
    pub(super) permit: QueuePermit,
}

/// Permit of a record to be queued, until it is stored or dropped.
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

/// Where the system clock is, compared with the newest event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClockIs {
    Ahead,
    /// By little: it was corrected.
    Behind,
    /// By more than [`CLOCK_BEHIND`].
    FarBehind,
}

/// The files that the writer has beside the store.
pub(super) struct Files {
    /// The store's.
    pub(super) path: PathBuf,
    /// Locks the data directory.
    pub(super) lock: File,
    pub(super) end: EndFile,
    /// The last time that an earlier run trusted the clock.
    pub(super) last_trusted: Option<Timestamp>,
}

pub(super) struct Writer {
    /// `None` between a write error and recovery.
    pub(super) store: Option<Store>,
    /// The WAL of a store that was closed after an error.
    pub(super) left_wal: Option<WalFiles>,
    /// An error left the store in a state that only opening it again shows.
    pub(super) must_reopen: bool,
    /// The WAL was discarded: the store lacks what only memory has.
    pub(super) must_restore: bool,
    pub(super) path: PathBuf,
    /// Held as long as the writer lives: one process for one directory.
    _lock: File,
    pub(super) shared: Arc<DiskState>,
    pub(super) queue: mpsc::Receiver<QueuedRecord>,
    pub(super) ring_bytes: usize,
    pub(super) next: Sequence,
    pub(super) last_time: Timestamp,
    end_file: EndFile,
    /// When the end file was written last.
    end_noted: Instant,
    /// How far the clock is behind `last_time`, as was logged last.
    clock_is: ClockIs,
    next_wal_reset: Instant,
    trimmer: Trimmer,
    pub(super) set_aside_damaged: bool,
    /// Writes, and attempts to recover, that failed one after another because the store is damaged.
    pub(super) damage_failures: u32,
    /// Attempts to recover one after another that did not find the store in its place.
    pub(super) gone_attempts: u32,
}

impl Writer {
    /// Without a store it begins by recovering one.
    pub(super) fn new(
        store: Option<Store>,
        state: StoreState,
        files: Files,
        shared: Arc<DiskState>,
        queue: mpsc::Receiver<QueuedRecord>,
        options: &DiskOptions,
    ) -> Self {
        let Files { path, lock, end: end_file, last_trusted } = files;
        Self {
            path,
            store,
            left_wal: None,
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
            clock_is: ClockIs::Ahead,
            next_wal_reset: Instant::now(),
            trimmer: Trimmer::new(options.retention, last_trusted),
            set_aside_damaged: options.set_aside_damaged,
            damage_failures: 0,
            gone_attempts: 0,
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _guard = Closed(Arc::clone(&self.shared));
        if self.store.is_none() && !self.recover() {
            return;
        }
        self.note_end();
        while let Some(batch) = self.gather() {
            let is_idle = batch.is_empty();
            self.look_at_clock();
            self.note_writing(Some(Instant::now()));
            let written = if is_idle { self.look_at_files() } else { self.write(batch) };
            let written = written.and_then(|()| self.trim(is_idle));
            if written.is_ok() {
                self.bound_wal();
            }
            self.note_writing(None);
            match written {
                Ok(()) => self.note_works(),
                Err(error) => {
                    tracing::error!(%error, "writing to the log failed; refusing callbacks until it works again");
                    self.note_failure(&error);
                    self.must_reopen = !error.is_busy();
                    // With a WAL that was replaced, only the open store has what is in it.
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
        // A page that is being read would be in the way.
        let _gate = self.shared.checkpoint_gate.write();
        if let Some(store) = &mut self.store
            && let Err(error) = store.reset_wal()
        {
            // Nothing is lost by it: the next start reads the WAL.
            tracing::warn!(%error, "could not move the write-ahead log into the store");
        }
    }

    fn note_writing(&self, since: Option<Instant>) {
        *self.shared.writing_since.lock() = since;
    }

    /// Appends are taken again, if they were refused.
    pub(super) fn note_works(&self) {
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
    /// came before files, clock or retention are to be looked at; `None` once the
    /// queue is closed and empty.
    fn gather(&mut self) -> Option<Vec<QueuedRecord>> {
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

    /// Stores a batch, moves the tail, answers the waiters: in this order.
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

        // After the commit once more: what is in a WAL that was replaced meanwhile is not safe yet.
        let stored =
            self.check_files().and_then(|()| self.commit(&records)).and_then(|()| self.check_files());
        if let Err(error) = stored {
            // Not promised: the records may yet turn up when the store is opened again.
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

    /// Checks the files, and looks for events that another program has deleted.
    fn look_at_files(&mut self) -> Result<(), OpenError> {
        self.check_files()?;
        if let Some(store) = &self.store
            && let Ok(Some(trimmed)) = store::trimmed(&store.connection)
        {
            self.shared.note_bounds(trimmed);
        }
        Ok(())
    }

    /// Checks that what is written goes to the files that a later start finds.
    pub(super) fn check_files(&mut self) -> Result<(), OpenError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let checked = store.check_files();
        let is_shortened = matches!(checked, Err(OpenError::WalShortened { .. }));
        if !is_shortened || !store.is_checkpointed().map_err(sqlite_error(&self.path))? {
            return checked;
        }
        // Another program emptied it after a checkpoint: nothing is missing.
        let _gate = self.shared.checkpoint_gate.write();
        if store.reset_wal().map_err(sqlite_error(&self.path))? {
            Ok(())
        } else {
            Err(OpenError::InTheWay { path: self.path.clone() })
        }
    }

    /// The data directory.
    pub(super) fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Notes where the log ends, for the next start.
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

    /// Deletes what retention does not keep, if it is time to look. An error is
    /// one of writing, as a commit's is.
    fn trim(&mut self, is_idle: bool) -> Result<(), OpenError> {
        let Some(added) = self.trimmer.begin_look() else { return Ok(()) };
        match self.delete_slice(added, is_idle) {
            Ok(next) => self.trimmer.end_look(next),
            // It can wait.
            Err(error) if error.is_busy() => self.trimmer.end_look(NextLook::Later),
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
                let gave_back = is_idle && store.give_back().map_err(sqlite_error(&self.path))?;
                return Ok(if gave_back { NextLook::AtOnce } else { NextLook::Later });
            }
            Err(error) => {
                // Only reading failed: it must not cost new callbacks.
                tracing::error!(%error, "could not look for old events to delete");
                return Ok(NextLook::AfterFailure);
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
        Timestamp::now().max(self.last_time)
    }

    /// Compares the system clock with where the log is in time.
    fn look_at_clock(&mut self) {
        self.shared.age_is_held.store(self.trimmer.look_at_clock(), Ordering::Relaxed);
        if self.end_noted.elapsed() >= NOTE_TIME {
            self.note_end();
            self.shared.set_aside.store(aside::count(self.dir()), Ordering::Relaxed);
        }
        let behind = self.last_time.since(Timestamp::now());
        self.shared.clock_behind.store(behind.as_micros() as u64, Ordering::Relaxed);
        let clock_is = match behind {
            Duration::ZERO => ClockIs::Ahead,
            behind if behind <= CLOCK_BEHIND => ClockIs::Behind,
            _ => ClockIs::FarBehind,
        };
        if clock_is == self.clock_is {
            return;
        }
        match clock_is {
            ClockIs::Ahead => tracing::info!("the system clock has caught up with the log's receive times"),
            ClockIs::Behind => tracing::warn!(
                ?behind,
                "the system clock went back; receive times stand still until it catches up"
            ),
            ClockIs::FarBehind => tracing::error!(
                ?behind,
                "the system clock is behind the newest event; receive times stand still until it catches up: \
                 correct the clock, or if it is right, restart once with --new-epoch, which corrects the times \
                 of stored events"
            ),
        }
        self.clock_is = clock_is;
    }

    /// Moves the tail, together with what the ring holds: a reader that sees a
    /// record there sees a tail behind it.
    pub(super) fn publish(&mut self, tail: Tail, change: impl FnOnce(&mut Ring)) {
        assert!(tail.end >= self.next, "the tail cannot move back");
        self.next = tail.end;
        let mut ring = self.shared.ring.write();
        change(&mut ring);
        self.shared.tail.send_replace(tail);
    }

    /// Empties a WAL that has passed its bound.
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
                "the write-ahead log grows: another program keeps reading the store"
            ),
            Err(error) => tracing::warn!(%error, "could not shorten the write-ahead log"),
        }
        self.next_wal_reset = Instant::now() + WAL_RETRY;
    }
}

pub(super) fn answer(reply: AppendReply, outcome: Result<Cursor, AppendError>) {
    // An error says that nobody waits any more, which the contract allows.
    reply.send(outcome).ok();
}

fn is_damaged(error: &OpenError) -> bool {
    matches!(error, OpenError::Sqlite { source, .. } if is_unreadable(source))
}

/// Says that nothing is taken any more when the writer ends, also by a panic.
struct Closed(Arc<DiskState>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.state.send_replace(LogState::Closed);
    }
}
