//! The thread that writes: batches, answers, and recovery from write errors.

use std::{
    fs::File,
    sync::{Arc, PoisonError, mpsc},
    time::{Duration, Instant},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{OpenError, Shared, store::Store};
use crate::{
    event::{Cursor, Record, Sequence, Timestamp},
    log::{AppendError, AppendReply, NewRecord, Tail, ring::Ring},
};

/// Most records in one transaction.
const BATCH_RECORDS: usize = 512;
/// Bytes of records after which a transaction takes no more.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// The WAL's bound. Overlapping readers, however short, keep SQLite from starting
/// it over, so above this the writer holds back new reads for a moment.
const MAX_WAL_BYTES: u64 = 64 * 1024 * 1024;
/// Pause between attempts to empty a WAL that a foreign reader keeps in use.
const WAL_RETRY: Duration = Duration::from_secs(1);
/// Pause between attempts to recover from a write error.
const RECOVERY_PAUSE: Duration = Duration::from_millis(250);

/// A record with its caller's waiting end and its place in the queue's bound.
pub(super) struct Job {
    pub(super) record: NewRecord,
    pub(super) reply: AppendReply,
    pub(super) _queue_bytes: OwnedSemaphorePermit,
}

pub(super) struct Writer {
    /// `None` between a write error and recovery.
    store: Option<Store>,
    path: std::path::PathBuf,
    /// Held as long as the writer lives: one process for one directory.
    _lock: File,
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Job>,
    ring_bytes: usize,
    next: Sequence,
    last_time: Timestamp,
    next_wal_reset: Instant,
}

impl Writer {
    pub(super) fn new(
        store: Store,
        lock: File,
        shared: Arc<Shared>,
        queue: mpsc::Receiver<Job>,
        ring_bytes: usize,
    ) -> Self {
        let state = store.state();
        Self {
            path: store.path().to_owned(),
            store: Some(store),
            _lock: lock,
            shared,
            queue,
            ring_bytes,
            next: state.tail.end,
            last_time: state.last_time,
            next_wal_reset: Instant::now(),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _guard = NotWritable(Arc::clone(&self.shared));
        while let Some(batch) = self.gather() {
            if let Err(error) = self.write(batch) {
                tracing::error!(%error, "writing to the log failed; refusing callbacks until it works again");
                if !self.recover() {
                    return;
                }
            }
            self.bound_wal();
        }
        if let Some(store) = &self.store
            && let Err(error) = store.reset_wal()
        {
            // Nothing is lost by it: the next start reads the WAL.
            tracing::warn!(%error, "could not move the write-ahead log into the store");
        }
    }

    /// Waits for a record and takes what else is queued by then. `None` once the
    /// queue is closed and empty.
    fn gather(&mut self) -> Option<Vec<Job>> {
        let mut batch = vec![self.queue.recv().ok()?];
        let mut bytes = batch[0].record.stored.bytes().len();
        while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Ok(job) = self.queue.try_recv() else { break };
            bytes += job.record.stored.bytes().len();
            batch.push(job);
        }
        Some(batch)
    }

    /// Stores a batch, moves the tail, answers the waiters: in this order.
    fn write(&mut self, batch: Vec<Job>) -> rusqlite::Result<()> {
        let now = tokio::time::Instant::now();
        let time = self.receive_time();
        let mut records = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        let mut permits = Vec::with_capacity(batch.len());
        for Job { record, reply, _queue_bytes } in batch {
            if record.deadline <= now {
                answer(reply, Err(AppendError::Expired));
                continue;
            }
            let sequence = Sequence(self.next.0 + records.len() as u64);
            records.push(Record::new(self.shared.epoch, sequence, time, record.stored));
            permits.push((record.permit, _queue_bytes));
            waiting.push(reply);
        }
        let Some(newest) = records.last().map(Record::cursor) else { return Ok(()) };

        let store = self.store.as_mut().expect("the writer recovers its store before it goes on");
        if let Err(error) = store.commit(&records) {
            // Not promised: the records may yet turn up when the store is opened again.
            self.shared.writable.send_replace(false);
            waiting.into_iter().for_each(|reply| answer(reply, Err(AppendError::Failed)));
            return Err(error);
        }
        self.last_time = time;
        let cursors: Vec<Cursor> = records.iter().map(Record::cursor).collect();
        {
            let mut ring = self.shared.ring.write().unwrap_or_else(PoisonError::into_inner);
            records.into_iter().for_each(|record| ring.push(record));
        }
        self.move_tail(Tail { end: newest.sequence.next(), cursor: newest });
        drop(permits);
        for (reply, cursor) in waiting.into_iter().zip(cursors) {
            answer(reply, Ok(cursor));
        }
        Ok(())
    }

    /// The batch's receive time: the clock's, but never before the last one's.
    fn receive_time(&self) -> Timestamp {
        let now = Timestamp::now();
        if now < self.last_time {
            let behind = Duration::from_micros(self.last_time.0.abs_diff(now.0));
            tracing::warn!(
                ?behind,
                "the system clock went back; receive times stand still until it catches up"
            );
        }
        now.max(self.last_time)
    }

    fn move_tail(&mut self, tail: Tail) {
        assert!(tail.end >= self.next, "the tail cannot move back");
        self.next = tail.end;
        self.shared.tail.send_replace(tail);
    }

    /// Refuses appends until the store is open again and takes a write. False if
    /// the queue was closed meanwhile.
    fn recover(&mut self) -> bool {
        self.shared.writable.send_replace(false);
        self.store = None;
        let mut last_error = String::new();
        loop {
            // An append that came in before the log was marked as recovering.
            let until = Instant::now() + RECOVERY_PAUSE;
            loop {
                match self.queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(job) => answer(job.reply, Err(AppendError::Recovering)),
                    Err(mpsc::RecvTimeoutError::Timeout) => break,
                    Err(mpsc::RecvTimeoutError::Disconnected) => return false,
                }
            }
            match self.reopen() {
                Ok(store) => {
                    tracing::info!("the log takes writes again");
                    self.adopt(store);
                    return true;
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != last_error {
                        tracing::error!(error, "the log cannot be written to; trying again");
                        last_error = error;
                    }
                }
            }
        }
    }

    fn reopen(&self) -> Result<Store, OpenError> {
        // Readers would be in the way of emptying the WAL.
        let _gate = self.shared.checkpoint_gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut store = Store::open(&self.path)?;
        let state = store.state();
        if state.epoch != self.shared.epoch || state.tail.end < self.next {
            return Err(OpenError::Replaced { path: self.path.clone() });
        }
        store.probe().map_err(|source| OpenError::Sqlite { path: self.path.clone(), source })?;
        Ok(store)
    }

    /// Goes on with a store that was opened again. Records of a failed batch may
    /// be in it; readers get them from the disk.
    fn adopt(&mut self, store: Store) {
        let state = store.state();
        self.store = Some(store);
        self.last_time = self.last_time.max(state.last_time);
        if state.tail.end > self.next {
            let mut ring = self.shared.ring.write().unwrap_or_else(PoisonError::into_inner);
            *ring = Ring::new(self.ring_bytes, state.tail.end);
            drop(ring);
            self.move_tail(state.tail);
        }
        self.shared.writable.send_replace(true);
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

/// Says that nothing is taken any more when the writer ends, also by a panic.
struct NotWritable(Arc<Shared>);

impl Drop for NotWritable {
    fn drop(&mut self) {
        self.0.writable.send_replace(false);
    }
}
