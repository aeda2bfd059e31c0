//! The log of events: the contract of a backend, and the backends.
//!
//! ```text
//!        trimmed          stored                  not yet written
//!   |---------------|=======================|.........................
//!   1            oldest                 tail.end   (the next append)
//!                               |<- ring ->|
//!                               newest records, also in memory
//! ```

pub mod disk;
pub mod jetstream;
pub mod memory;

#[cfg(test)]
mod conformance;
mod files;
mod holes;
pub mod index;
mod records;
mod ring;
pub(crate) mod workers;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot, watch},
    time::Instant,
};

pub use self::{
    holes::{Cause, Hole, Holes, MAX_HOLES},
    records::{Messages, Records},
};
use crate::event::{Cursor, Epoch, Record, RecordError, Sequence, StoredRecord, Timestamp};

/// Maximum number of records in a page.
pub const PAGE_RECORDS: usize = 256;
/// Maximum bytes of records in a page. A larger record has a page of its own.
pub const PAGE_BYTES: usize = 512 * 1024;

/// Ordered, durable log of events.
///
/// # Contract
///
/// `log/conformance.rs` tests it on every backend.
///
/// **Append.**
/// - [`append`](Self::append) returns a cursor only after the event survives a crash of the process and, as far as the
///   backend is durable, of the machine.
/// - An accepted append is stored whole or not at all. Dropping the [`Appending`] does not cancel it. The record's permit
///   is held until the record is stored or dropped.
/// - A record whose deadline passed before its batch began is dropped. An error means that the event is not promised. It
///   may be stored all the same.
/// - The queue in front of the writer is bounded in records and bytes. A full queue means an immediate
///   [`AppendError::QueueFull`].
/// - After a write error, and while a write takes too long, the log rejects appends at once until a write of its own has
///   succeeded. No acknowledged event is lost by that. In a log on other machines, appends wait for their deadline instead,
///   because the machines may be back before.
///
/// **Order.**
/// - Sequences are contiguous in the order of the log, also after it was emptied and after a restart. A missing sequence is
///   a [`Hole`]: a lost event.
/// - An append that begins after another was answered gets a higher sequence. Overlapping appends have no order.
/// - Receive times never decrease along the log, except where a server takes over from another whose clock was ahead.
/// - The tail is the first unwritten position. It never moves back, and moves only after durability: a reader that sees it
///   can read all records below it.
/// - A log that is replaced under a running gateway moves its tail once to another epoch or back, and closes.
///
/// **Read.**
/// - Reading changes nothing.
/// - Records are whole and in order, and their checksums were compared. A page may be short or empty, but always moves on
///   ([`Page::next`]). Only a position at the tail means that there are no more records.
/// - No hole is passed silently. A page ends before it, or continues behind it, where readers see from the sequences that
///   events are missing ([`Page::hole_after`]). A read that begins in a hole whose bounds the backend knows fails with
///   [`ReadError::Hole`]. A search ends before a hole that may contain a match.
/// - A read below the oldest record fails with [`ReadError::Trimmed`].
/// - A search omits only records that certainly do not match. The caller still checks each record.
///
/// **Identity.**
/// - An epoch identifies one life of a log. A wiped or replaced log has another epoch.
/// - A record has the same cursor in every read.
pub trait EventLog: Send + Sync + 'static {
    /// Returns the epoch, and when it began.
    fn epoch(&self) -> (Epoch, Timestamp);

    /// Hands a record to the writer. The record is in flight when this returns. The future resolves to the outcome.
    fn append(&self, record: NewRecord) -> Appending;

    /// Returns the size of the largest record that can be appended, in bytes.
    fn max_record_bytes(&self) -> usize {
        usize::MAX
    }

    /// Reads records from `from` upwards: at most `max_records`, [`PAGE_RECORDS`] and [`PAGE_BYTES`]. At the tail the page is
    /// empty.
    fn read(&self, from: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>>;

    /// Reads records below `before`, newest first, within the same bounds. At the oldest record the page is empty.
    fn read_back(&self, before: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>>;

    /// Reads from `position` like [`read`](Self::read) or [`read_back`](Self::read_back), but may omit records that have none
    /// of the terms. The page may contain records that do not match.
    ///
    /// A backend without an index returns every record.
    fn search<'a>(
        &'a self,
        _terms: &'a Terms,
        position: Sequence,
        order: Order,
        max_records: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        match order {
            Order::OldestFirst => self.read(position, max_records),
            Order::NewestFirst => self.read_back(position, max_records),
        }
    }

    /// Returns the position of the first record received at `time` or later, or of the hole before it. The tail's end if
    /// there is none.
    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>>;

    /// Waits for a bounded time until a record at `sequence` can be read here, if it is in the log. Where other gateways write
    /// to the log, this one may be behind. Success does not mean that the record exists.
    fn reach(&self, _sequence: Sequence) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Returns the receive time of the newest trimmed record. Set before a reader can notice the trimming. `None` if no record
    /// was trimmed.
    fn trimmed_until(&self) -> Option<Timestamp>;

    /// Returns the position from which on records are read from memory.
    fn memory_start(&self) -> Sequence;

    /// Returns the storage that the log uses, for operators.
    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>>;

    /// Returns how far this process is behind a log to which other gateways write, too. Never blocks.
    fn lag(&self) -> Lag {
        Lag::default()
    }

    /// Returns anomalies of the log and its clock, for operators. Never blocks.
    fn anomalies(&self) -> Anomalies {
        Anomalies::default()
    }

    /// Returns why appends are rejected at the moment, in words for operators, if the backend knows. Never blocks.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Returns the records that wait for the writer. Never blocks.
    fn queue(&self) -> Queue {
        Queue::default()
    }

    /// Returns the holes that were found, and the part of the log that was not checked yet.
    fn holes(&self) -> &Holes;

    /// Returns a receiver of the end of the log.
    fn tail(&self) -> watch::Receiver<Tail>;

    /// Returns the sequence of the oldest stored record, or the tail's end if there is none.
    fn oldest(&self) -> Sequence;

    /// Returns a receiver of whether appends are accepted.
    fn state(&self) -> watch::Receiver<LogState>;

    /// Rejects further appends, writes the accepted ones, and closes the store. Reads may fail afterwards.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Record to be appended.
#[derive(Debug)]
pub struct NewRecord {
    /// The record.
    pub stored: StoredRecord,
    /// When the caller stops waiting. A record whose batch has not begun by then is dropped.
    pub deadline: Instant,
    /// Permit of the caller's own bound. Held until the record is stored or dropped.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// State of a log: whether it accepts appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// Appends are accepted.
    Writable,
    /// Appends are rejected until the log has recovered from a write error or a slow write.
    Recovering,
    /// No more appends are accepted: the log was closed, replaced, or its writer failed.
    Closed,
}

/// End of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The first unwritten position.
    pub end: Sequence,
    /// The position after the newest record.
    pub cursor: Cursor,
}

/// Consecutive records of one read. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records, in the requested order.
    pub records: Records,
    /// Start of the next page: `from` upwards, `before` downwards.
    pub next: Sequence,
}

impl Page {
    /// Returns the number of leading records that follow one another from `from` on, and the hole behind them. For
    /// pages of [`EventLog::read`].
    pub fn hole_after(records: &[Record], from: Sequence, next: Sequence) -> (usize, Option<Hole>) {
        let is_in_place = |at: usize| records[at].sequence().0 == from.0 + at as u64;
        // Sequences strictly increase, so those before one that is in place are in place, too.
        let count = match records.len() {
            0 => 0,
            len if is_in_place(len - 1) => len,
            len => {
                let (mut low, mut high) = (0, len - 1);
                while low < high {
                    let middle = low.midpoint(high);
                    if is_in_place(middle) { low = middle + 1 } else { high = middle }
                }
                low
            }
        };
        let first = Sequence(from.0 + count as u64);
        let found = records.get(count).map_or(next, Record::sequence);
        let hole = (found > first).then(|| Hole { first, last: found.previous(), cause: Cause::Missing });
        (count, hole)
    }

    /// Ends a page before the first hole in it. Returns the hole, with the receive time of the record behind it if the
    /// page has that. `oldest` is the log's oldest record after the page was read: what was trimmed is not a hole.
    pub fn cut_at_hole(
        &mut self,
        order: Order,
        position: Sequence,
        oldest: Sequence,
    ) -> Option<(Hole, Option<Timestamp>)> {
        let (count, hole) = match order {
            Order::OldestFirst => Self::hole_after(&self.records, position, self.next),
            Order::NewestFirst => Self::hole_before(&self.records, position, oldest),
        };
        let hole = hole?.within(oldest, Sequence(u64::MAX))?;
        let behind = match order {
            Order::OldestFirst => self.records.get(count),
            Order::NewestFirst => count.checked_sub(1).and_then(|last| self.records.get(last)),
        };
        let time = behind.map(Record::receive_time);
        self.records = self.records.split_to(count);
        self.next = match order {
            Order::OldestFirst => hole.first,
            Order::NewestFirst => hole.last.next(),
        };
        Some((hole, time))
    }

    /// Like [`hole_after`](Self::hole_after), downwards, for pages of [`EventLog::read_back`] of a log whose oldest record is at `oldest`.
    pub fn hole_before(records: &[Record], before: Sequence, oldest: Sequence) -> (usize, Option<Hole>) {
        let follows = |at: &usize| records[*at].sequence().0 + *at as u64 + 1 == before.0;
        let count = (0..records.len()).take_while(follows).count();
        let end = Sequence(before.0.saturating_sub(count as u64));
        let found = records.get(count).map(Record::sequence);
        let first = found.map_or(oldest, |found| found.next().max(oldest));
        // A page that ends before the oldest record goes on with the next page.
        let is_hole = first < end && (count < records.len() || records.is_empty());
        let hole = is_hole.then(|| Hole { first, last: end.previous(), cause: Cause::Missing });
        (count, hole)
    }
}

/// Order of the records in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Ascending sequences.
    OldestFirst,
    /// Descending sequences.
    NewestFirst,
}

/// Search terms. A record matches if it has one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// Accounts that the body names.
    Accounts(Vec<String>),
    /// Groups that the body names.
    GroupIds(Vec<String>),
    /// Commands.
    Commands(Vec<String>),
}

/// Accepted records that are neither stored nor dropped yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// Number of records.
    pub records: usize,
    /// Bytes of the records.
    pub bytes: usize,
}

/// Distance of a process from the end of a log to which other gateways write, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Stored sequences that the tail of this process has not reached, as far as is known.
    pub sequences: u64,
    /// The tail has not moved for some time although newer events are stored, or the end of the log is unknown. Subscribers
    /// of this process receive no new events.
    pub is_stuck: bool,
}

/// Anomalies of a log and its clock, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anomalies {
    /// Retention by age is suspended because the system clock jumped ahead.
    pub age_is_held: bool,
    /// How far the system clock is behind the newest event.
    pub clock_behind: Duration,
    /// Damaged stores that were set aside and not repaired yet.
    pub damaged_stores: usize,
    /// The events of a deleted store are being saved. Closing the log takes as long.
    pub is_saving: bool,
}

/// Storage that a log uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Name of the backend.
    pub backend: &'static str,
    /// Bytes of storage including the index. Of a log in memory, bytes of memory.
    pub bytes: u64,
    /// End of the indexed records. `None` without an index.
    pub index_end: Option<Sequence>,
}

/// Error of an append: the event is not promised to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue is full, because the writer is slower than the callers.
    #[error("the log's queue is full")]
    QueueFull,
    /// The log recovers from a write error or a slow write.
    #[error("the log is recovering from a failed or slow write")]
    Recovering,
    /// The deadline passed before the record's batch began, or before another machine acknowledged the record.
    #[error("the record's deadline passed before it could be written")]
    Expired,
    /// The write of its batch failed.
    #[error("the write failed")]
    Failed,
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
}

/// Error of a read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The position is below the oldest record.
    #[error("the log begins at {oldest}; older events are no longer stored")]
    Trimmed {
        /// The oldest stored record.
        oldest: Sequence,
    },
    /// The store cannot be read at the moment. A retry can help.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// There is a hole at the position. A retry does not help.
    #[error("{0}")]
    Hole(Hole),
}

impl ReadError {
    /// Returns the error of a record that cannot be decoded.
    pub fn record(sequence: Sequence, error: RecordError) -> Self {
        let cause = match error {
            RecordError::NewerFormat { found } => Cause::NewerFormat(found),
            RecordError::Damaged => Cause::Damaged,
        };
        Self::Hole(Hole::one(sequence, cause))
    }
}

/// Future outcome of an append. Dropping it does not cancel the append.
#[derive(Debug)]
pub struct Appending(oneshot::Receiver<Result<Cursor, AppendError>>);

/// Sender of an append's outcome. If it is dropped unused, the outcome is [`AppendError::Closed`].
pub type AppendReply = oneshot::Sender<Result<Cursor, AppendError>>;

impl Appending {
    /// Creates an append whose outcome the backend sends later.
    pub fn pending() -> (AppendReply, Self) {
        let (reply, outcome) = oneshot::channel();
        (reply, Self(outcome))
    }

    /// Creates an append with this outcome.
    pub fn done(outcome: Result<Cursor, AppendError>) -> Self {
        let (reply, appending) = Self::pending();
        // Cannot fail: the receiver is in `appending`.
        reply.send(outcome).ok();
        appending
    }
}

impl Future for Appending {
    type Output = Result<Cursor, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).unwrap_or(Err(AppendError::Closed)))
    }
}
