//! Frames of a subscription: events, and reports about its state.

use super::position::position_after;
use crate::{
    event::{Cursor, Record, Sequence},
    log::{Cause, EventLog, Hole, Records},
};

/// One or more consecutive events.
#[derive(Debug, Clone)]
pub struct Events {
    pub(super) records: Records,
    /// Indexes of the selected records; `None` for all of them.
    pub(super) chosen: Option<Vec<usize>>,
}

impl Events {
    /// Returns the records in the log's order.
    pub fn iter(&self) -> impl Iterator<Item = &Record> + Clone {
        let chosen = self.chosen.as_deref();
        let count = chosen.map_or(self.records.len(), <[_]>::len);
        (0..count).map(move |n| &self.records[chosen.map_or(n, |chosen| chosen[n])])
    }

    /// Returns the number of records.
    pub fn count(&self) -> usize {
        self.chosen.as_ref().map_or(self.records.len(), Vec::len)
    }

    /// Returns the records if no filter left any out. Other subscriptions may share these.
    pub fn whole(&self) -> Option<&Records> {
        self.chosen.is_none().then_some(&self.records)
    }
}

/// A frame of a subscription.
#[derive(Debug, Clone)]
pub enum Frame {
    /// Events.
    Events(Events),
    /// There was no other frame for the heartbeat interval. Everything up to the cursor was sent or filtered out.
    Heartbeat(Cursor),
    /// The subscription reached the tail, for the first time or after [`Frame::FellBehind`].
    CaughtUp(Cursor),
    /// The subscription had caught up, and its next event is no longer in memory.
    FellBehind(Cursor),
    /// Events are gone or unreadable.
    Gap(Gap),
    /// Last frame of the subscription.
    GoingAway(Cursor, LeaveReason),
}

/// Events that are gone or unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Position after the gap.
    pub cursor: Cursor,
    /// First missing event; `None` if unknown.
    pub first: Option<Sequence>,
    /// Last missing event.
    pub last: Sequence,
    /// Reason of the gap.
    pub reason: GapReason,
}

impl Gap {
    /// Returns the gap for a hole in the log.
    pub fn of(hole: &Hole, log: &dyn EventLog) -> Self {
        let reason = GapReason::Hole(hole.cause);
        let cursor = position_after(hole.last, log);
        Self { cursor, first: Some(hole.first), last: hole.last, reason }
    }
}

/// Reason of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// Retention removed the events.
    Trimmed,
    /// The events were lost or cannot be read.
    Hole(Cause),
}

/// Reason why the gateway ends a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveReason {
    /// The gateway shuts down.
    ShuttingDown,
    /// The subscription has reached its maximum age.
    AgeReached,
}
