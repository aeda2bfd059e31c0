//! Types of the log: sequences, epochs, cursors, and the record of an event.

mod cursor;
pub mod json;
mod names;
pub mod opaque;
mod order;
mod record;

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use self::{
    cursor::{Cursor, CursorError},
    names::{MAX_NAME_BYTES, MAX_NAMES, NameSet, Names},
    order::{Lane, MAX_LANES, OrderKey},
    record::{Marks, RECORD_FORMAT, Record, RecordError, RecordParts, StoredRecord, seal},
};

/// Maximum length of a command, in characters.
pub const MAX_COMMAND_BYTES: usize = 128;

/// Returns whether a text is a valid command: 1 to 128 letters, digits, hyphens and underscores, in non-empty
/// parts joined by dots. It is used as a subject, a label and log text.
pub fn is_command(text: &str) -> bool {
    text.len() <= MAX_COMMAND_BYTES
        && text.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
}

/// Position of an event in the log. The first event has sequence 1, and each following one has the next
/// number. A missing sequence is a lost event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Sequence of the first event of a log.
    pub const FIRST: Self = Self(1);

    /// Returns the next sequence.
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a log holds fewer than 2^64 events"))
    }

    /// Returns the previous sequence. Before the first event it is 0.
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identity of a log. A wiped or replaced log has another epoch, so that old cursors cannot point into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Returns a random epoch.
    pub fn random() -> Result<Self, getrandom::Error> {
        getrandom::u64().map(Self)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Time in microseconds since the Unix epoch, the log's unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the system clock's time. A time before 1970 becomes 1970: no event is older.
    pub fn now() -> Self {
        Self::from(SystemTime::now()).max(Self(0))
    }

    /// Returns whole seconds, rounded down, and the remaining nanoseconds.
    pub fn seconds_and_nanos(self) -> (i64, u32) {
        (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000) as u32 * 1000)
    }

    /// Converts seconds and nanoseconds, rounded up, which keeps the order of events around the time. `None`
    /// if it is out of range.
    pub fn from_seconds_and_nanos(seconds: i64, nanos: u32) -> Option<Self> {
        seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos.div_ceil(1000))).map(Self)
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the time that is earlier by `by`.
    pub fn earlier_by(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

impl From<Timestamp> for crate::proto::well_known::Timestamp {
    fn from(time: Timestamp) -> Self {
        let (seconds, nanos) = time.seconds_and_nanos();
        Self { seconds, nanos: nanos as i32 }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let distance = Duration::from_micros(time.0.unsigned_abs());
        if time.0 < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }
}
