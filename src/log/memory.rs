//! Log in memory, for trials and tests.
//!
//! It keeps the contract of [`EventLog`] except for durability: its events do not survive a restart. Beyond
//! its bound in bytes, the oldest events are trimmed.

use parking_lot::{Mutex, MutexGuard};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{sync::watch, time::Instant};

use super::{
    AppendError, Appending, EventLog, Holes, LogState, NewRecord, Page, ReadError, Tail, Usage, ring::Ring,
};
use crate::event::{Cursor, Epoch, Record, Sequence, Timestamp};

/// Log in memory. See the module's documentation.
#[derive(Debug)]
pub struct MemoryLog {
    epoch: Epoch,
    epoch_start: Timestamp,
    state: Mutex<State>,
    tail: watch::Sender<Tail>,
    log_state: watch::Sender<LogState>,
    /// Always empty: memory loses no events.
    holes: Holes,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    next: Sequence,
    last_time: Timestamp,
}

impl MemoryLog {
    /// Creates an empty log that keeps about `max_bytes` of the newest records.
    pub fn new(max_bytes: usize) -> Result<Self, getrandom::Error> {
        let epoch = Epoch::random()?;
        let epoch_start = Timestamp::now();
        let next = Sequence::FIRST;
        let beginning = Cursor::unchecked(epoch, next.previous());
        Ok(Self {
            epoch,
            epoch_start,
            state: Mutex::new(State { ring: Ring::new(max_bytes, next), next, last_time: epoch_start }),
            tail: watch::Sender::new(Tail { end: next, cursor: beginning }),
            log_state: watch::Sender::new(LogState::Writable),
            holes: Holes::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The mutex has no poisoning. Each change leaves the state consistent, so a panic elsewhere does no
        // harm.
        self.state.lock()
    }

    fn push(&self, record: NewRecord) -> Result<Cursor, AppendError> {
        if record.deadline <= Instant::now() {
            return Err(AppendError::Expired);
        }
        let mut state = self.lock();
        if *self.log_state.borrow() == LogState::Closed {
            return Err(AppendError::Closed);
        }
        let time = Timestamp::now().max(state.last_time);
        let record = Record::new(self.epoch, state.next, time, record.stored);
        let cursor = record.cursor();
        state.last_time = time;
        state.next = state.next.next();
        state.ring.push(record);
        self.tail.send_replace(Tail { end: state.next, cursor });
        Ok(cursor)
    }
}

impl EventLog for MemoryLog {
    fn epoch(&self) -> (Epoch, Timestamp) {
        (self.epoch, self.epoch_start)
    }

    fn append(&self, record: NewRecord) -> Appending {
        Appending::done(self.push(record))
    }

    fn read(&self, from: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let state = self.lock();
        let page =
            state.ring.read(from, max_records).ok_or(ReadError::Trimmed { oldest: state.ring.start() });
        drop(state);
        std::future::ready(page).boxed()
    }

    fn read_back(&self, before: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page = self.lock().ring.read_back(before, max_records);
        std::future::ready(Ok(page.unwrap_or(Page { records: Vec::new().into(), next: Sequence::FIRST })))
            .boxed()
    }

    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>> {
        let state = self.lock();
        // The ring is the whole log.
        let position = state.ring.seek(time).unwrap_or(state.ring.start());
        std::future::ready(Ok(position)).boxed()
    }

    fn trimmed_until(&self) -> Option<Timestamp> {
        self.lock().ring.evicted_until()
    }

    fn memory_start(&self) -> Sequence {
        self.oldest()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        let bytes = self.lock().ring.bytes() as u64;
        std::future::ready(Ok(Usage { backend: "memory", bytes, index_end: None })).boxed()
    }

    fn holes(&self) -> &Holes {
        &self.holes
    }

    fn tail(&self) -> watch::Receiver<Tail> {
        self.tail.subscribe()
    }

    fn oldest(&self) -> Sequence {
        self.lock().ring.start()
    }

    fn state(&self) -> watch::Receiver<LogState> {
        self.log_state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        // Under the lock, so that no append is between its check of the state and its push.
        let state = self.lock();
        self.log_state.send_replace(LogState::Closed);
        drop(state);
        std::future::ready(()).boxed()
    }
}
