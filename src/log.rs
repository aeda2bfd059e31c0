//! The log of events: what a backend promises, and the backends.
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

/// Most records in a page.
pub const PAGE_RECORDS: usize = 256;
/// Most bytes of records in a page, but a page has at least one record.
pub const PAGE_BYTES: usize = 512 * 1024;

/// An ordered, durable log of events.
///
/// # Contract
///
/// Every backend keeps it, and `log/conformance.rs` tests it on every backend.
///
/// **Append.**
/// - [`append`](Self::append) gives a cursor only once the event survives a
///   crash of the process and, as far as the backend is durable, of the machine.
/// - An accepted append is stored whole or not at all, whether or not anyone
///   still waits for it: dropping the [`Appending`] drops the waiter, not the
///   record. The record's permit is held until the record is stored or dropped.
/// - A record whose deadline passed before its batch began is dropped. So an
///   error means 'not promised', never 'certainly absent'.
/// - The queue in front of the writer is bounded in records and bytes; full
///   means an immediate [`AppendError::QueueFull`].
/// - After a write error, and while a write takes too long, the log refuses
///   appends at once until it has recovered by a write of its own. Nothing that
///   it acknowledged is lost by that. A log on other machines has them wait for
///   their deadline instead: it may be back before.
///
/// **Order.**
/// - Sequences follow one another in the order of the log, also after it was
///   emptied and after a restart. One that is missing is a [`Hole`]: a lost event.
/// - An append that begins after another was answered comes after it. Appends that
///   overlap have no order among each other.
/// - Receive times never decrease along the log, but where a server of the log's
///   takes over from another whose clock was ahead.
/// - The tail is the first unwritten position. It never moves back, and moves
///   only after durability: whoever sees it can read everything below it.
/// - A log that becomes another one under a running gateway says so once, by a tail
///   of another epoch or one that did move back, and closes.
///
/// **Read.**
/// - Reading changes nothing.
/// - Records come whole and in order, and their checksums were compared. A page may be
///   short or even empty, but moves on ([`Page::next`]); only a position at the tail
///   means that there is no more.
/// - A hole is never passed in silence. A page ends before it, or goes on behind it, where
///   readers see from the sequences that events are missing ([`Page::hole_after`]). A read
///   that begins in a hole whose bounds the backend knows is [`ReadError::Hole`]. A search
///   ends before a hole that may contain what is searched for.
/// - A read below the oldest record is [`ReadError::Trimmed`], never a silent
///   skip.
/// - A search leaves out only what it knows not to fit, never what it has not
///   looked at; whoever asks still checks each record.
///
/// **Identity.**
/// - An epoch names this log's life: a wiped or replaced log has another.
/// - A record's cursor is the same whenever and from wherever it is read.
pub trait EventLog: Send + Sync + 'static {
    /// This log's life, and when it began.
    fn epoch(&self) -> (Epoch, Timestamp);

    /// Hands a record to the writer. The record is on its way when this
    /// returns; the future says what became of it.
    fn append(&self, record: NewRecord) -> Appending;

    /// Largest record that can be appended, in bytes.
    fn max_record_bytes(&self) -> usize {
        usize::MAX
    }

    /// Reads records from `from` upwards: at most `max_records`,
    /// [`PAGE_RECORDS`] and [`PAGE_BYTES`]. At the tail the page is empty.
    fn read(&self, from: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>>;

    /// Reads records below `before`, newest first, within the same bounds. At
    /// the oldest record the page is empty: going back simply ends.
    fn read_back(&self, before: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>>;

    /// Reads as [`read`](Self::read) or [`read_back`](Self::read_back) does, from
    /// `position`, but may leave out records that have none of the terms. Records
    /// that do not fit may be among those given.
    ///
    /// A backend without an index gives every record.
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

    /// The position of the first record received at `time` or later, or of the hole
    /// before it; the tail's end if there is none.
    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>>;

    /// Waits, but not for ever, until a record at `sequence` can be read here, if it is
    /// in the log: where others write to it too, this one may not have come to it yet.
    /// Says nothing about whether there is one.
    fn reach(&self, _sequence: Sequence) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// When the newest of the records that are no longer stored was received, at
    /// least as it was before their trimming could be seen; `None` if none was trimmed.
    fn trimmed_until(&self) -> Option<Timestamp>;

    /// The position from which on records are read from memory.
    fn memory_start(&self) -> Sequence;

    /// What the log takes up, for operators.
    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>>;

    /// How far this process is behind what is stored, where others write to the log too; always at once.
    fn lag(&self) -> Lag {
        Lag::default()
    }

    /// What an operator has to know of the log and its clock; always at once.
    fn anomalies(&self) -> Anomalies {
        Anomalies::default()
    }

    /// Why appends are not taken just now, in words for operators, where the backend knows; always at once.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// What waits for the writer; always at once.
    fn queue(&self) -> Queue {
        Queue::default()
    }

    /// The holes that were met, and what has not been checked for any yet.
    fn holes(&self) -> &Holes;

    /// The end of the log, as it moves.
    fn tail(&self) -> watch::Receiver<Tail>;

    /// The oldest record that is stored, or the tail's end if there is none.
    fn oldest(&self) -> Sequence;

    /// Whether appends are taken.
    fn state(&self) -> watch::Receiver<LogState>;

    /// Takes no more appends, writes what was accepted, and lets go of the
    /// store. Reads may fail afterwards.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A record on its way into the log.
#[derive(Debug)]
pub struct NewRecord {
    /// What to store.
    pub stored: StoredRecord,
    /// When its caller stops waiting: if its batch has not begun by then, it is dropped.
    pub deadline: Instant,
    /// Held until the record is stored or dropped: the caller's bound on what is under way.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// Whether a log takes appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// It does.
    Writable,
    /// Not until it has recovered, from a write error or a write that takes too long.
    Recovering,
    /// No more: it was closed, or its writer failed beyond repair.
    Closed,
}

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The first unwritten position.
    pub end: Sequence,
    /// The position after the newest record.
    pub cursor: Cursor,
}

/// A run of records. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records, in the order asked for.
    pub records: Records,
    /// Where to go on: as `from` upwards, as `before` downwards.
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

    /// The same downwards, for pages of [`EventLog::read_back`] of a log whose oldest record is at `oldest`.
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

/// The order of records in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Upwards.
    OldestFirst,
    /// Downwards.
    NewestFirst,
}

/// What records are searched by: a record fits if it has one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// Accounts that the body names.
    Accounts(Vec<String>),
    /// Groups that the body names.
    GroupIds(Vec<String>),
    /// Commands.
    Commands(Vec<String>),
}

/// Records that were handed over and are neither stored nor dropped yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// How many.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// How far a process is behind a log that others write to as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Sequences that are stored and that its tail has not come to, as far as is known.
    pub sequences: u64,
    /// For some time its tail has stood still behind what is stored, or nobody could say whether it
    /// does: what is stored meanwhile is not read here.
    pub is_stuck: bool,
}

/// What an operator has to know of a log and its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anomalies {
    /// Deletion by age is suspended, because the system clock jumped ahead.
    pub age_is_held: bool,
    /// How far the system clock is behind the newest event.
    pub clock_behind: Duration,
    /// Damaged stores that were set aside and not repaired yet.
    pub damaged_stores: usize,
}

/// What a log takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The backend's name.
    pub backend: &'static str,
    /// Bytes of storage, with all that belongs to it; for a log in memory, of memory.
    pub bytes: u64,
    /// Records below it can be found by an index; `None` without an index.
    pub index_end: Option<Sequence>,
}

/// Why an event is not promised to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue is full: the writer is slower than the callers.
    #[error("the log's queue is full")]
    QueueFull,
    /// The log recovers from a write error, or a write takes too long.
    #[error("the log is recovering from a failed or slow write")]
    Recovering,
    /// The deadline passed before the record's batch began, or before another machine
    /// had acknowledged it.
    #[error("the record's deadline passed before it could be written")]
    Expired,
    /// The write of its batch failed.
    #[error("the write failed")]
    Failed,
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a read gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The position is below the oldest record: those before it are gone.
    #[error("the log begins at {oldest}: what was before is no longer stored")]
    Trimmed {
        /// The oldest record that is stored.
        oldest: Sequence,
    },
    /// The store cannot be read now; trying again can help.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// There is a hole from the position on; trying again does not help.
    #[error("{0}")]
    Hole(Hole),
}

impl ReadError {
    /// Returns the error of a record that cannot be understood.
    pub fn record(sequence: Sequence, error: RecordError) -> Self {
        let cause = match error {
            RecordError::NewerFormat { found } => Cause::NewerFormat(found),
            RecordError::Damaged => Cause::Damaged,
        };
        Self::Hole(Hole::one(sequence, cause))
    }
}

/// The outcome of an append, to be awaited. Dropping it leaves the record on its way.
#[derive(Debug)]
pub struct Appending(oneshot::Receiver<Result<Cursor, AppendError>>);

/// Where a backend tells an append's outcome. Dropping it unused tells [`AppendError::Closed`].
pub type AppendReply = oneshot::Sender<Result<Cursor, AppendError>>;

impl Appending {
    /// An append whose outcome the backend tells later.
    pub fn pending() -> (AppendReply, Self) {
        let (reply, outcome) = oneshot::channel();
        (reply, Self(outcome))
    }

    /// An append whose outcome is known already.
    pub fn done(outcome: Result<Cursor, AppendError>) -> Self {
        let (reply, appending) = Self::pending();
        // The receiver is right here.
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
