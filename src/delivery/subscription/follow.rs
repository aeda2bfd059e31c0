//! Follows a log from a cursor.

use std::{mem, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    filter::{Filter, FilterMatch},
    frame::{Events, Frame, Gap, GapReason, LeaveReason},
    position::{SubscribeError, before},
    progress::SharedProgress,
    start::{OnGap, StartPoint, SubscribeOptions},
};
use crate::{
    event::{Cursor, Record, Sequence},
    log::{EventLog, Hole, PAGE_RECORDS, Page, ReadError, Records, Tail},
    net::shutdown::Drain,
};

/// Most bytes of records in [`Frame::Events`]. A larger record is sent alone.
const EVENTS_BYTES: usize = 128 * 1024;

/// Runs of [`EVENTS_BYTES`] that a subscription filters before it yields its worker thread: a megabyte of events that do
/// not match, or about a tenth of a millisecond.
const LOOKS_AT_ONCE: usize = 8;

/// Follows a log from a cursor.
pub struct Subscription {
    log: Arc<dyn EventLog>,
    tail: watch::Receiver<Tail>,
    /// `None` if every event matches.
    filter: Option<Arc<Filter>>,
    drain: Drain,
    heartbeat: Duration,
    heartbeat_due: Instant,
    on_gap: OnGap,
    end_at: Option<Instant>,
    /// Everything up to this cursor was sent or filtered out.
    position: Cursor,
    /// Copy of the position for observers.
    progress: SharedProgress,
    /// First sequence of the next page.
    next: Sequence,
    /// Gap before the next page that is still to be reported.
    gap: Option<Gap>,
    /// Read in flight, which may outlast heartbeats.
    reading: Option<BoxFuture<'static, Result<Page, ReadError>>>,
    /// Records that were read and not yet filtered.
    page: Records,
    /// Runs that were filtered since the last yield.
    looks: usize,
    /// Events with names that the filter cannot read.
    unmatched: u64,
    /// True if `unmatched` has grown since the last frame with the count.
    owes_unmatched: bool,
    is_live: bool,
    /// Set if the current page was read after the end began: no page follows.
    last_page: Option<LeaveReason>,
    ended: bool,
}

impl Subscription {
    /// Finds the start and checks that it belongs to this log.
    pub async fn open(
        log: Arc<dyn EventLog>,
        options: SubscribeOptions,
        drain: Drain,
    ) -> Result<Self, SubscribeError> {
        let SubscribeOptions { start, filter, heartbeat, on_gap, end_at } = options;
        let tail = log.tail();
        let StartPoint { position, next, gap, page } = StartPoint::find(&*log, start, on_gap).await?;
        Ok(Self {
            log,
            tail,
            filter: (!filter.is_empty()).then_some(filter),
            drain,
            heartbeat,
            heartbeat_due: Instant::now() + heartbeat,
            on_gap,
            end_at,
            position,
            progress: SharedProgress::new(position),
            next,
            gap,
            reading: None,
            page,
            looks: 0,
            unmatched: 0,
            owes_unmatched: false,
            is_live: false,
            last_page: None,
            ended: false,
        })
    }

    /// Returns the position: everything up to it was sent or filtered out.
    pub fn position(&self) -> Cursor {
        self.position
    }

    /// Returns the number of events up to the position that match the rest of the filter but have unknown names. They
    /// were not sent.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Returns the progress, which the subscription keeps up to date.
    pub fn progress(&self) -> SharedProgress {
        self.progress.clone()
    }

    /// Returns the next frame, or `None` after [`Frame::GoingAway`] or an error.
    pub async fn next(&mut self) -> Option<Result<Frame, SubscribeError>> {
        if self.ended {
            return None;
        }
        let frame = self.advance().await;
        self.heartbeat_due = Instant::now() + self.heartbeat;
        self.ended = matches!(frame, Err(_) | Ok(Frame::GoingAway(..)));
        let events = if let Ok(Frame::Events(events)) = &frame { events.count() } else { 0 };
        self.publish(events as u64);
        Some(frame)
    }

    fn publish(&self, events: u64) {
        self.progress.update(|progress| {
            progress.cursor = self.position;
            progress.events += events;
            progress.is_live = self.is_live;
        });
    }

    async fn advance(&mut self) -> Result<Frame, SubscribeError> {
        loop {
            if let Some(frame) = self.frame_of_page()? {
                return Ok(frame);
            }
            if self.looks >= LOOKS_AT_ONCE {
                // A long run of events that do not match must not occupy a worker thread.
                self.looks = 0;
                tokio::task::yield_now().await;
            }
            if let Some(reason) = self.last_page {
                return Ok(Frame::GoingAway(self.position, reason));
            }
            // Checked before the read: events stored before the end are still sent, up to a page.
            let leave = self.leave_reason();
            let end = self.check_tail()?;
            let frame = if self.next < end {
                self.read_page(leave).await?
            } else if !self.is_live {
                self.is_live = true;
                Some(Frame::CaughtUp(self.position))
            } else if let Some(reason) = leave {
                Some(Frame::GoingAway(self.position, reason))
            } else {
                self.wait().await
            };
            if let Some(frame) = frame {
                return Ok(frame);
            }
        }
    }

    /// Returns the next frame of what was read already, or `None` if a page must be read.
    fn frame_of_page(&mut self) -> Result<Option<Frame>, SubscribeError> {
        loop {
            if let Some(gap) = self.gap.take() {
                self.position = gap.cursor;
                return Ok(Some(Frame::Gap(gap)));
            }
            // Send the count of unmatched events before the next event.
            while !self.page.is_empty() && !self.owes_unmatched && self.hole_ahead().is_none() {
                if let Some(events) = self.take_events() {
                    return Ok(Some(Frame::Events(events)));
                }
            }
            if mem::take(&mut self.owes_unmatched) {
                return Ok(Some(Frame::Heartbeat(self.position)));
            }
            match self.hole_ahead() {
                Some(hole) => self.pass_hole(hole)?,
                None => return Ok(None),
            }
        }
    }

    /// Returns the end of the log, after checking that the log still continues the position.
    fn check_tail(&mut self) -> Result<Sequence, SubscribeError> {
        let Tail { end, cursor: latest } = *self.tail.borrow_and_update();
        if latest.epoch != self.position.epoch {
            return Err(SubscribeError::Replaced);
        }
        if end < self.next {
            return Err(SubscribeError::Rewound);
        }
        Ok(end)
    }

    /// Reads the next page, which is below the tail. Returns a frame if one is due before the page's events.
    async fn read_page(&mut self, leave: Option<LeaveReason>) -> Result<Option<Frame>, SubscribeError> {
        let from = self.next;
        let mut reading = self.reading.take().unwrap_or_else(|| {
            let log = Arc::clone(&self.log);
            async move { log.read(from, PAGE_RECORDS).await }.boxed()
        });
        let read = tokio::select! {
            biased;
            read = &mut reading => read,
            () = sleep_until(self.heartbeat_due) => {
                self.reading = Some(reading);
                return Ok(Some(Frame::Heartbeat(self.position)));
            }
        };
        self.last_page = leave;
        match read {
            Ok(page) => {
                assert!(page.next > from, "a page below the tail moves on");
                self.next = page.next;
                self.page = page.records;
            }
            Err(ReadError::Trimmed { oldest }) if self.on_gap == OnGap::Skip => {
                assert!(oldest > from, "trimmed events lie below the oldest record");
                self.skip(from, oldest.previous(), GapReason::Trimmed);
            }
            Err(ReadError::Hole(hole)) if self.on_gap == OnGap::Skip => {
                self.skip(hole.first, hole.last, GapReason::Hole(hole.cause));
            }
            Err(error) => return Err(error.into()),
        }
        if self.is_live && from < self.log.memory_start() {
            self.is_live = false;
            return Ok(Some(Frame::FellBehind(self.position)));
        }
        let is_due = Instant::now() >= self.heartbeat_due;
        Ok(is_due.then_some(Frame::Heartbeat(self.position)))
    }

    /// Waits at the tail for an event, the heartbeat, or the end of the subscription.
    async fn wait(&mut self) -> Option<Frame> {
        // Events that were filtered out have moved the position, too.
        self.publish(0);
        let end_at = self.end_at;
        tokio::select! {
            changed = self.tail.changed() => {
                changed.is_err().then_some(Frame::GoingAway(self.position, LeaveReason::ShuttingDown))
            }
            () = sleep_until(self.heartbeat_due) => Some(Frame::Heartbeat(self.position)),
            () = self.drain.ending() => None,
            () = sleep_until(end_at.unwrap_or(self.heartbeat_due)), if end_at.is_some() => None,
        }
    }

    /// Returns the hole at the position, if the records that were read continue after one.
    fn hole_ahead(&self) -> Option<Hole> {
        match Page::hole_after(&self.page, self.position.sequence.next(), self.next) {
            (0, hole) => hole,
            _ => None,
        }
    }

    /// Skips a hole, or ends at it.
    fn pass_hole(&mut self, hole: Hole) -> Result<(), SubscribeError> {
        let oldest = self.log.oldest();
        if hole.first < oldest {
            // Trimmed during the read.
            if self.on_gap == OnGap::Fail {
                return Err(SubscribeError::Expired);
            }
            self.skip(hole.first, hole.last.min(oldest.previous()), GapReason::Trimmed);
            return Ok(());
        }
        self.log.holes().note(hole, self.page.first().map(Record::receive_time));
        if self.on_gap == OnGap::Fail {
            return Err(SubscribeError::Read(ReadError::Hole(hole)));
        }
        self.skip(hole.first, hole.last, GapReason::Hole(hole.cause));
        Ok(())
    }

    /// Filters the next records of the page, and returns those that match.
    fn take_events(&mut self) -> Option<Events> {
        let (whole, _) = Page::hole_after(&self.page, self.position.sequence.next(), self.next);
        let most = self.page.fitting(EVENTS_BYTES).min(whole);
        let Some(filter) = &self.filter else {
            let records = self.page.split_to(most);
            self.position = records.last()?.cursor();
            return Some(Events { records, chosen: None });
        };
        self.looks += 1;
        let (mut chosen, mut looked_at) = (Vec::new(), 0);
        for (at, record) in self.page.iter().take(most).enumerate() {
            looked_at = at + 1;
            match filter.compare(record.stored()) {
                FilterMatch::Yes => chosen.push(at),
                FilterMatch::No => {}
                // The next frame has the count, with the cursor of this event.
                FilterMatch::Unknown => {
                    self.unmatched += 1;
                    self.owes_unmatched = true;
                    break;
                }
            }
        }
        let records = self.page.split_to(looked_at);
        self.position = records.last()?.cursor();
        (!chosen.is_empty()).then_some(Events { records, chosen: Some(chosen) })
    }

    /// Continues after missing events, and reports the gap next.
    fn skip(&mut self, first: Sequence, last: Sequence, reason: GapReason) {
        self.next = self.next.max(last.next());
        let cursor = before(last.next(), self.tail.borrow().cursor);
        self.gap = Some(Gap { cursor, first: Some(first), last, reason });
    }

    fn leave_reason(&self) -> Option<LeaveReason> {
        if self.drain.is_ending() {
            Some(LeaveReason::ShuttingDown)
        } else if self.end_at.is_some_and(|end_at| end_at <= Instant::now()) {
            Some(LeaveReason::AgeReached)
        } else {
            None
        }
    }
}
