//! What a subscription says: events, and frames about its state.

use crate::{
    event::{Cursor, Record, Sequence},
    log::{Cause, EventLog, Hole, Records},
};

use super::position::position_after;

/// Events that follow one another: at least one.
#[derive(Debug, Clone)]
pub struct Events {
    pub(super) records: Records,
    /// Which of the records; `None`: all of them.
    pub(super) chosen: Option<Vec<usize>>,
}

impl Events {
    /// Their records, in the log's order.
    pub fn iter(&self) -> impl Iterator<Item = &Record> + Clone {
        let chosen = self.chosen.as_deref();
        let count = chosen.map_or(self.records.len(), <[_]>::len);
        (0..count).map(move |n| &self.records[chosen.map_or(n, |chosen| chosen[n])])
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.chosen.as_ref().map_or(self.records.len(), Vec::len)
    }

    /// Records that nothing was left out of, which others may share.
    pub fn whole(&self) -> Option<&Records> {
        self.chosen.is_none().then_some(&self.records)
    }
}

/// What a subscription says.
#[derive(Debug, Clone)]
pub enum Frame {
    /// Events.
    Events(Events),
    /// Nothing was said for the heartbeat's interval. Everything up to the cursor was sent or left out.
    Heartbeat(Cursor),
    /// The tail was reached, for the first time or after [`Frame::FellBehind`].
    CaughtUp(Cursor),
    /// The reader had caught up, and what comes next is no longer in memory.
    FellBehind(Cursor),
    /// Events are gone, or can no longer be read.
    Gap(Gap),
    /// Nothing follows.
    GoingAway(Cursor, Leave),
}

/// Events that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The position after them.
    pub cursor: Cursor,
    /// The first one; `None`: unknown.
    pub first: Option<Sequence>,
    /// The last one.
    pub last: Sequence,
    /// Why they are gone.
    pub reason: GapReason,
}

impl Gap {
    /// Returns the gap that a hole makes.
    pub fn of(hole: &Hole, log: &dyn EventLog) -> Self {
        let reason = GapReason::Hole(hole.cause);
        let cursor = position_after(hole.last, log);
        Self { cursor, first: Some(hole.first), last: hole.last, reason }
    }
}

/// Why events are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// Retention removed them.
    Trimmed,
    /// They were lost, or cannot be read.
    Hole(Cause),
}

/// Why a subscription goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The gateway shuts down.
    ShuttingDown,
    /// The subscription has lasted as long as it may.
    AgeReached,
}
