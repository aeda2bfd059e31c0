//! Positions in a log: its bounds, and checks of cursors.

use crate::{
    event::{Cursor, Record, Sequence},
    log::{EventLog, ReadError},
};

/// Error of reading from a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Events after the position are gone.
    #[error("events after the position are no longer stored")]
    Expired,
    /// The cursor belongs to another epoch.
    #[error("the cursor belongs to another log: this one was wiped or replaced")]
    Replaced,
    /// The cursor belongs to this epoch but not to this log: it is beyond the tail, or its record differs.
    #[error("the log went back behind the cursor, for example when a backup was restored")]
    Rewound,
    /// The log could not be read.
    #[error(transparent)]
    Read(ReadError),
}

impl From<ReadError> for SubscribeError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Trimmed { .. } => Self::Expired,
            ReadError::Unavailable(_) | ReadError::Hole(_) => Self::Read(error),
        }
    }
}

/// Cursors at both ends of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// Position before the oldest record.
    pub oldest: Cursor,
    /// Position after the newest record.
    pub latest: Cursor,
}

/// Returns whether another log has replaced this one since it was opened.
pub fn is_replaced(log: &dyn EventLog) -> bool {
    log.tail().borrow().cursor.epoch != log.epoch().0
}

/// Returns the current bounds of a log.
pub fn bounds(log: &dyn EventLog) -> LogBounds {
    let latest = log.tail().borrow().cursor;
    LogBounds { oldest: before(log.oldest(), latest), latest }
}

/// Returns the position after `last`, which is below the tail.
pub fn position_after(last: Sequence, log: &dyn EventLog) -> Cursor {
    before(last.next(), log.tail().borrow().cursor)
}

/// Returns the position before `sequence`, which is not above the tail.
pub(super) fn before(sequence: Sequence, latest: Cursor) -> Cursor {
    let sequence = sequence.previous();
    if sequence == latest.sequence { latest } else { Cursor::unchecked(latest.epoch, sequence) }
}

/// Returns the first record from `from` on that is stored and readable.
pub async fn first_from(log: &dyn EventLog, mut from: Sequence) -> Result<Option<Record>, ReadError> {
    let end = log.tail().borrow().end;
    while from < end {
        match log.read(from, 1).await {
            Ok(page) if page.records.is_empty() && page.next > from => from = page.next,
            // A record, or none because the log was replaced during the read.
            Ok(page) => return Ok(page.records.first().cloned()),
            Err(ReadError::Trimmed { oldest }) => from = oldest,
            Err(ReadError::Hole(hole)) => from = hole.last.next(),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Returns whether events up to `last` were trimmed. If the event at `last` is in its place, the trimmed events came
/// before it and were received no later.
pub(super) async fn is_trimmed(log: &dyn EventLog, last: Sequence) -> Result<bool, ReadError> {
    if last < Sequence::FIRST {
        return Ok(false);
    }
    match log.read(last, 1).await {
        Ok(_) | Err(ReadError::Hole(_)) => Ok(false),
        Err(ReadError::Trimmed { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Checks that a cursor is a position of this log.
pub async fn check(log: &dyn EventLog, cursor: Cursor) -> Result<(), SubscribeError> {
    if cursor.epoch != bounds(log).latest.epoch {
        return Err(SubscribeError::Replaced);
    }
    // Another gateway may have issued the cursor, and may be ahead of this one.
    log.reach(cursor.sequence).await?;
    let LogBounds { oldest, latest } = bounds(log);
    if cursor.epoch != latest.epoch {
        return Err(SubscribeError::Replaced);
    }
    if cursor.sequence > latest.sequence {
        return Err(SubscribeError::Rewound);
    }
    if cursor.sequence < oldest.sequence {
        return Err(SubscribeError::Expired);
    }
    let Some(check) = cursor.check else { return Ok(()) };
    match log.read(cursor.sequence, 1).await {
        Ok(page) => match page.records.first() {
            Some(record) if record.sequence() == cursor.sequence && record.check() != check => {
                Err(SubscribeError::Rewound)
            }
            _ => Ok(()),
        },
        // The cursor's own record is gone, but the next ones may be stored.
        Err(ReadError::Trimmed { oldest }) if cursor.sequence.next() >= oldest => Ok(()),
        // The cursor's own record cannot be compared, but the next ones may be readable.
        Err(ReadError::Hole(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
