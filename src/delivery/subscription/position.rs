//! Positions in a log: its ends, and whether a cursor is one of them.

use crate::{
    event::{Cursor, Record, Sequence},
    log::{EventLog, ReadError},
};

/// Why a position cannot be read from, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Events after the position are gone.
    #[error("events after the position are no longer stored")]
    Expired,
    /// The cursor is of another epoch.
    #[error("the cursor belongs to another log: this one was wiped or replaced")]
    Replaced,
    /// The cursor is of this epoch, but not of this log: it is beyond the tail, or its record is another.
    #[error("the log went back behind the cursor, as by a restored backup")]
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

/// The cursors at a log's two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The position before the oldest record.
    pub oldest: Cursor,
    /// The position after the newest record.
    pub latest: Cursor,
}

/// Whether the log has become another one since it was opened.
pub fn is_replaced(log: &dyn EventLog) -> bool {
    log.tail().borrow().cursor.epoch != log.epoch().0
}

/// The ends of a log at this moment.
pub fn bounds(log: &dyn EventLog) -> Bounds {
    let latest = log.tail().borrow().cursor;
    Bounds { oldest: before(log.oldest(), latest), latest }
}

/// The position after `last`, which is below the tail.
pub fn position_after(last: Sequence, log: &dyn EventLog) -> Cursor {
    before(last.next(), log.tail().borrow().cursor)
}

/// The position before `sequence`, which is not above the tail.
pub(super) fn before(sequence: Sequence, latest: Cursor) -> Cursor {
    let sequence = sequence.previous();
    if sequence == latest.sequence { latest } else { Cursor::unchecked(latest.epoch, sequence) }
}

/// The first record from `from` on that is still stored and can be read.
pub async fn first_from(log: &dyn EventLog, mut from: Sequence) -> Result<Option<Record>, ReadError> {
    let end = log.tail().borrow().end;
    while from < end {
        match log.read(from, 1).await {
            Ok(page) if page.records.is_empty() && page.next > from => from = page.next,
            // The log has just become another one, or there is a first one.
            Ok(page) => return Ok(page.records.first().cloned()),
            Err(ReadError::Trimmed { oldest }) => from = oldest,
            Err(ReadError::Hole(hole)) => from = hole.last.next(),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Returns whether events up to `last` were trimmed. Where the event at `last` is in its place, those that were trimmed
/// came before it, and were received no later.
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
    // Another gateway may have given it, and be further.
    log.reach(cursor.sequence).await?;
    let Bounds { oldest, latest } = bounds(log);
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
        // Its record is gone, but what follows may be there.
        Err(ReadError::Trimmed { oldest }) if cursor.sequence.next() >= oldest => Ok(()),
        // It cannot be compared, but what follows may be there.
        Err(ReadError::Hole(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
