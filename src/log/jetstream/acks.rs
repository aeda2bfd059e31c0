//! Appends that the server has acknowledged, until the tail reaches their records.
//!
//! A caller that gets a cursor expects to read its event at once, so its answer waits for the tail. The wait is bounded:
//! the event is stored even if the consumer that feeds the tail lags.
//!
//! Each append keeps its [`InFlightPermit`] until it is answered. Appends that wait here therefore count against the same
//! limits as publishes without an acknowledgement.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    event::{Cursor, Epoch, Sequence},
    log::{AppendError, AppendReply, Queue},
};

/// Maximum number of appends without an answer. Further appends fail with [`AppendError::QueueFull`].
pub const IN_FLIGHT_RECORDS: usize = 4096;
/// Maximum size of their records in bytes. Further appends fail with [`AppendError::QueueFull`].
pub const IN_FLIGHT_BYTES: usize = 64 * 1024 * 1024;
/// Number of newest records whose cursors are kept. More than appends are in flight, so that an acknowledgement that
/// arrives after its record still finds the cursor.
const RECENT_CURSORS: usize = 2 * IN_FLIGHT_RECORDS;

/// Bounds on the appends without an answer.
#[derive(Debug)]
pub(super) struct InFlightLimits {
    records: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// Share of a record in the [`InFlightLimits`], returned when it is dropped.
#[derive(Debug)]
pub(super) struct InFlightPermit {
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl InFlightLimits {
    pub(super) fn new() -> Self {
        Self {
            records: Arc::new(Semaphore::new(IN_FLIGHT_RECORDS)),
            bytes: Arc::new(Semaphore::new(IN_FLIGHT_BYTES)),
        }
    }

    /// Returns a permit for a record of `bytes`, or an error if there is no room.
    pub(super) fn acquire(&self, bytes: usize) -> Result<InFlightPermit, AppendError> {
        let bytes = u32::try_from(bytes).map_err(|_| AppendError::QueueFull)?;
        let record = Arc::clone(&self.records).try_acquire_owned().map_err(|_| AppendError::QueueFull)?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(bytes);
        Ok(InFlightPermit { _permits: (record, bytes.map_err(|_| AppendError::QueueFull)?) })
    }

    /// Returns what is in flight.
    pub(super) fn in_flight(&self) -> Queue {
        Queue {
            records: IN_FLIGHT_RECORDS.saturating_sub(self.records.available_permits()),
            bytes: IN_FLIGHT_BYTES.saturating_sub(self.bytes.available_permits()),
        }
    }
}

/// Acknowledged appends. See the module's documentation.
#[derive(Debug)]
pub(super) struct Acks {
    epoch: Epoch,
    /// Appends whose records the tail has not reached, by sequence.
    waiting: Mutex<BTreeMap<Sequence, WaitingAppend>>,
    /// Cursors of the newest records, in order. At most [`RECENT_CURSORS`].
    recent: Mutex<VecDeque<Cursor>>,
    /// Highest sequence that the server has acknowledged to this gateway.
    promised: AtomicU64,
}

/// Append whose event is stored.
#[derive(Debug)]
struct WaitingAppend {
    since: Instant,
    permit: InFlightPermit,
    reply: AppendReply,
}

impl WaitingAppend {
    /// Returns the permit before it answers, so that a caller that appends again at once finds room.
    fn answer(self, outcome: Result<Cursor, AppendError>) {
        drop(self.permit);
        // Ignore the error: the caller has dropped its receiver.
        self.reply.send(outcome).ok();
    }
}

impl Acks {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch, waiting: Mutex::default(), recent: Mutex::default(), promised: AtomicU64::new(0) }
    }

    /// Notes that the server has acknowledged an event of this gateway.
    pub(super) fn promise(&self, sequence: Sequence) {
        self.promised.fetch_max(sequence.0, Ordering::Relaxed);
    }

    /// Returns the end that the stream must have because of its acknowledgements.
    pub(super) fn promised_end(&self) -> Sequence {
        Sequence(self.promised.load(Ordering::Relaxed)).next()
    }

    /// Keeps the cursors of new records. To be called before the tail moves behind them.
    pub(super) fn note_records(&self, cursors: impl IntoIterator<Item = Cursor>) {
        let mut recent = self.recent.lock();
        recent.extend(cursors);
        let surplus = recent.len().saturating_sub(RECENT_CURSORS);
        recent.drain(..surplus);
    }

    /// Answers an append once the tail has reached its record. `tail_end` returns the end of the tail, or `None` if the log
    /// is closed.
    pub(super) fn acknowledge(
        &self,
        sequence: Sequence,
        reply: AppendReply,
        permit: InFlightPermit,
        tail_end: impl FnOnce() -> Option<Sequence>,
    ) {
        self.promise(sequence);
        let append = WaitingAppend { since: Instant::now(), permit, reply };
        // Locked while `tail_end` runs: `answer_reached` locks it after the tail has moved.
        let mut waiting = self.waiting.lock();
        match tail_end() {
            Some(end) if end <= sequence => {
                waiting.insert(sequence, append);
            }
            Some(_) => {
                drop(waiting);
                self.answer(sequence, append);
            }
            // The event may be gone with the log.
            None => append.answer(Err(AppendError::Closed)),
        }
    }

    /// Answers the appends below `tail_end`.
    pub(super) fn answer_reached(&self, tail_end: Sequence) {
        let mut waiting = self.waiting.lock();
        if waiting.first_key_value().is_none_or(|(first, _)| *first >= tail_end) {
            return;
        }
        let later = waiting.split_off(&tail_end);
        let reached = std::mem::replace(&mut *waiting, later);
        drop(waiting);
        for (sequence, append) in reached {
            self.answer(sequence, append);
        }
    }

    /// Answers the appends that have waited for the tail for `patience`. Returns whether others still wait.
    pub(super) fn answer_overdue(&self, patience: Duration) -> bool {
        let now = Instant::now();
        let mut waiting = self.waiting.lock();
        let is_overdue = |append: &WaitingAppend| now.duration_since(append.since) >= patience;
        if !waiting.values().any(is_overdue) {
            return !waiting.is_empty();
        }
        let all = std::mem::take(&mut *waiting).into_iter();
        let (overdue, later): (BTreeMap<_, _>, _) = all.partition(|(_, append)| is_overdue(append));
        *waiting = later;
        let some_wait = !waiting.is_empty();
        drop(waiting);
        for (sequence, append) in overdue {
            self.answer(sequence, append);
        }
        some_wait
    }

    /// Fails all waiting callers: the log has ended, and what was stored may be gone with it.
    pub(super) fn fail_all(&self) {
        self.waiting.lock().clear();
    }

    fn answer(&self, sequence: Sequence, append: WaitingAppend) {
        let recent = self.recent.lock();
        let found = recent.binary_search_by_key(&sequence, |cursor| cursor.sequence);
        let cursor = found.map_or(Cursor::unchecked(self.epoch, sequence), |at| recent[at]);
        drop(recent);
        append.answer(Ok(cursor));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::log::Appending;

    const EPOCH: Epoch = Epoch(7);

    fn append(acks: &Acks, limits: &InFlightLimits, sequence: u64, tail_end: u64) -> Appending {
        let (reply, appending) = Appending::pending();
        let permit = limits.acquire(10).unwrap();
        acks.acknowledge(Sequence(sequence), reply, permit, || Some(Sequence(tail_end)));
        appending
    }

    fn cursor(sequence: u64) -> Cursor {
        Cursor { epoch: EPOCH, sequence: Sequence(sequence), check: Some(1) }
    }

    #[test]
    fn an_append_is_answered_with_the_cursor_of_its_record_once_the_tail_reaches_it() {
        let (acks, limits) = (Acks::new(EPOCH), InFlightLimits::new());
        let mut early = append(&acks, &limits, 3, 3);
        let mut late = append(&acks, &limits, 4, 3);
        assert_eq!((&mut early).now_or_never(), None);
        acks.note_records([cursor(3)]);
        acks.answer_reached(Sequence(4));
        assert_eq!(early.now_or_never(), Some(Ok(cursor(3))));
        assert_eq!((&mut late).now_or_never(), None);
        assert_eq!(limits.in_flight(), Queue { records: 1, bytes: 10 });
        let reached = append(&acks, &limits, 3, 4);
        assert_eq!(reached.now_or_never(), Some(Ok(cursor(3))), "the acknowledgement came after the record");
        assert!(!acks.answer_overdue(Duration::ZERO));
        assert_eq!(late.now_or_never(), Some(Ok(Cursor::unchecked(EPOCH, Sequence(4)))));
        assert_eq!(limits.in_flight(), Queue::default());
        assert_eq!(acks.promised_end(), Sequence(5));
    }

    #[test]
    fn appends_fail_when_the_log_ends() {
        let (acks, limits) = (Acks::new(EPOCH), InFlightLimits::new());
        let waiting = append(&acks, &limits, 3, 3);
        acks.fail_all();
        assert_eq!(waiting.now_or_never(), Some(Err(AppendError::Closed)));
        let (reply, late) = Appending::pending();
        acks.acknowledge(Sequence(4), reply, limits.acquire(10).unwrap(), || None);
        assert_eq!(late.now_or_never(), Some(Err(AppendError::Closed)));
        assert_eq!(limits.in_flight(), Queue::default());
    }
}
