//! Start of a subscription.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    filter::Filter,
    frame::{Gap, GapReason},
    position::{SubscribeError, before, bounds, check, is_trimmed},
};
use crate::{
    event::{Cursor, Sequence, Timestamp},
    log::{EventLog, PAGE_RECORDS, ReadError, Records},
};

/// Start of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the tail.
    Latest,
    /// At the oldest record.
    Earliest,
    /// After this cursor.
    After(Cursor),
    /// At the first record received at this time or later.
    At(Timestamp),
}

/// Handling of events that are gone or unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGap {
    /// End with [`SubscribeError::Expired`] or [`SubscribeError::Read`].
    Fail,
    /// Report the gap with [`Frame::Gap`](super::frame::Frame::Gap) and continue.
    Skip,
}

/// Options of a subscription.
#[derive(Debug, Clone)]
pub struct SubscribeOptions {
    /// Start.
    pub start: Start,
    /// Events to send.
    pub filter: Arc<Filter>,
    /// Longest time without a frame.
    pub heartbeat: Duration,
    /// Handling of gaps.
    pub on_gap: OnGap,
    /// Time when the subscription ends; `None` for no limit.
    pub end_at: Option<Instant>,
}

/// Where a subscription begins to read.
pub(super) struct StartPoint {
    pub(super) position: Cursor,
    pub(super) next: Sequence,
    pub(super) gap: Option<Gap>,
    pub(super) page: Records,
}

impl StartPoint {
    /// Starts after a position.
    fn after(position: Cursor) -> Self {
        Self { position, next: position.sequence.next(), gap: None, page: Records::from(Vec::new()) }
    }

    /// Starts at the oldest record. Reads the first page at once, so that retention cannot overtake the start.
    async fn earliest(log: &dyn EventLog) -> Result<Self, SubscribeError> {
        loop {
            let start = Self::after(bounds(log).oldest);
            if start.next >= log.tail().borrow().end {
                return Ok(start);
            }
            match log.read(start.next, PAGE_RECORDS).await {
                Ok(read) => return Ok(Self { next: read.next, page: read.records, ..start }),
                Err(ReadError::Trimmed { .. }) => {}
                // The subscription reads the hole again and reports it.
                Err(ReadError::Hole(_)) => return Ok(start),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Starts at the first record received at `time` or later.
    async fn at(log: &dyn EventLog, time: Timestamp, on_gap: OnGap) -> Result<Self, SubscribeError> {
        let sequence = log.seek(time).await?;
        let start = Self::after(before(sequence, log.tail().borrow().cursor));
        let position = start.position;
        // Checked after the search: the subscription's own reads notice what is trimmed later.
        if log.trimmed_until().is_none_or(|trimmed| trimmed < time)
            || !is_trimmed(log, position.sequence).await?
        {
            return Ok(start);
        }
        if on_gap == OnGap::Fail {
            return Err(SubscribeError::Expired);
        }
        let (last, reason) = (position.sequence, GapReason::Trimmed);
        let gap = Some(Gap { cursor: position, first: None, last, reason });
        // A client that resumes before the gap is reported gets it then.
        Ok(Self { position: Cursor::unchecked(position.epoch, Sequence(0)), gap, ..start })
    }

    /// Finds the start of a subscription, and checks that it belongs to this log.
    pub(super) async fn find(
        log: &dyn EventLog,
        start: Start,
        on_gap: OnGap,
    ) -> Result<Self, SubscribeError> {
        match start {
            Start::Latest => Ok(Self::after(log.tail().borrow().cursor)),
            Start::Earliest => Self::earliest(log).await,
            Start::After(cursor) => match check(log, cursor).await {
                Err(SubscribeError::Expired) if on_gap == OnGap::Skip => Ok(Self::after(cursor)),
                checked => checked.map(|()| Self::after(cursor)),
            },
            Start::At(time) => Self::at(log, time, on_gap).await,
        }
    }
}
