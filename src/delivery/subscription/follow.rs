//! Following a log from a cursor on.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    filter::{Filter, Fit},
    frame::{Events, Frame, Gap, GapReason, Leave},
    position::{SubscribeError, before, bounds, check, is_trimmed},
    progress::SharedProgress,
};
use crate::{
    event::{Cursor, Record, Sequence, Timestamp},
    log::{EventLog, Hole, PAGE_RECORDS, Page, ReadError, Records, Tail},
    net::shutdown::Drain,
};

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the tail.
    Latest,
    /// At the oldest record.
    Earliest,
    /// After a record that was seen.
    After(Cursor),
    /// At the first record received at this time or later.
    At(Timestamp),
}

/// What to do where events are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGap {
    /// End with [`SubscribeError::Expired`].
    Fail,
    /// Say so with [`Frame::Gap`] and go on.
    Skip,
}

/// What a subscription is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to start.
    pub start: Start,
    /// Which events to give.
    pub filter: Arc<Filter>,
    /// Longest silence.
    pub heartbeat: Duration,
    /// What to do where events are gone.
    pub on_gap: OnGap,
    /// When to go away; `None`: never.
    pub end_at: Option<Instant>,
}

/// Most bytes of records in [`Frame::Events`], but there is at least one.
const EVENTS_BYTES: usize = 128 * 1024;

/// After it has looked so often at [`EVENTS_BYTES`] for a filter, a subscription gives its worker to
/// others: after about a tenth of a millisecond, or a megabyte, of events that are left out.
const LOOKS_AT_ONCE: usize = 8;

/// Follows a log from a cursor on.
pub struct Subscription {
    log: Arc<dyn EventLog>,
    tail: watch::Receiver<Tail>,
    /// `None`: every event is given.
    filter: Option<Arc<Filter>>,
    drain: Drain,
    heartbeat: Duration,
    heartbeat_due: Instant,
    on_gap: OnGap,
    end_at: Option<Instant>,
    /// Everything up to here was given, or left out by the filter.
    position: Cursor,
    /// The same, for others.
    progress: SharedProgress,
    /// Where the next page begins.
    next: Sequence,
    /// A gap before the next page, not yet told.
    gap: Option<Gap>,
    /// A read on its way: it may outlast heartbeats.
    reading: Option<BoxFuture<'static, Result<Page, ReadError>>>,
    /// Records that were read and not yet looked at.
    page: Records,
    /// How often it has looked at records for the filter since the last pause.
    looks: usize,
    /// Events that could not be compared with the filter.
    unmatched: u64,
    /// Whether the count has grown since the last frame that carried it.
    owes_unmatched: bool,
    is_live: bool,
    /// The page in hand is the last one: it was read after the end began.
    last_page: Option<Leave>,
    ended: bool,
}

impl Subscription {
    /// Finds the starting point and checks that it is this log's.
    pub async fn open(
        log: Arc<dyn EventLog>,
        options: Options,
        drain: Drain,
    ) -> Result<Self, SubscribeError> {
        let Options { start, filter, heartbeat, on_gap, end_at } = options;
        let tail = log.tail();
        let (mut gap, mut page, mut next) = (None, Records::from(Vec::new()), None);
        let position = match start {
            Start::Latest => tail.borrow().cursor,
            // With its first page, so that retention does not overtake what was only just the oldest.
            Start::Earliest => loop {
                let oldest = bounds(&*log).oldest;
                let first = oldest.sequence.next();
                if first >= tail.borrow().end {
                    break oldest;
                }
                match log.read(first, PAGE_RECORDS).await {
                    Ok(read) => {
                        next = Some(read.next);
                        page = read.records;
                        break oldest;
                    }
                    Err(ReadError::Trimmed { .. }) => {}
                    // Said when it is read again, where gaps are dealt with.
                    Err(ReadError::Hole(_)) => break oldest,
                    Err(error) => return Err(error.into()),
                }
            },
            Start::After(cursor) => {
                match check(&*log, cursor).await {
                    Err(SubscribeError::Expired) if on_gap == OnGap::Skip => {}
                    checked => checked?,
                }
                cursor
            }
            Start::At(time) => {
                let position = before(log.seek(time).await?, tail.borrow().cursor);
                next = Some(position.sequence.next());
                // Asked after seeking: what is trimmed from now on is noticed by reading.
                if log.trimmed_until().is_none_or(|trimmed| trimmed < time)
                    || !is_trimmed(&*log, position.sequence).await?
                {
                    position
                } else if on_gap == OnGap::Fail {
                    return Err(SubscribeError::Expired);
                } else {
                    let reason = GapReason::Trimmed;
                    gap = Some(Gap { cursor: position, first: None, last: position.sequence, reason });
                    // Who resumes here before the gap was told is told then.
                    Cursor::unchecked(position.epoch, Sequence(0))
                }
            }
        };
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
            next: next.unwrap_or(position.sequence.next()),
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

    /// Everything up to here was given, or left out by the filter.
    pub fn position(&self) -> Cursor {
        self.position
    }

    /// Returns the number of events up to the position that match the rest of the filter but have unknown names. They
    /// were not sent.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// How far it has come, also later.
    pub fn progress(&self) -> SharedProgress {
        self.progress.clone()
    }

    /// The next frame; `None` after [`Frame::GoingAway`] or an error.
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
            if let Some(gap) = self.gap.take() {
                self.position = gap.cursor;
                return Ok(Frame::Gap(gap));
            }
            // Send the count of unmatched events before the next event.
            while !self.page.is_empty() && !self.owes_unmatched && self.hole_ahead().is_none() {
                if let Some(events) = self.take_events() {
                    return Ok(Frame::Events(events));
                }
            }
            if std::mem::take(&mut self.owes_unmatched) {
                return Ok(Frame::Heartbeat(self.position));
            }
            if let Some(hole) = self.hole_ahead() {
                self.meet(hole)?;
                continue;
            }
            if self.looks >= LOOKS_AT_ONCE {
                // A long run of events that are left out must not keep a worker to itself.
                self.looks = 0;
                tokio::task::yield_now().await;
            }
            if let Some(leave) = self.last_page {
                return Ok(Frame::GoingAway(self.position, leave));
            }
            // Asked before reading: what was stored before the end is still given, up to a page.
            let leave = self.leave();
            let Tail { end, cursor: latest } = *self.tail.borrow_and_update();
            // The log became another one, and nothing of it follows on what was given.
            if latest.epoch != self.position.epoch {
                return Err(SubscribeError::Replaced);
            }
            if end < self.next {
                return Err(SubscribeError::Rewound);
            }
            if self.next < end {
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
                        return Ok(Frame::Heartbeat(self.position));
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
                        assert!(oldest > from, "what is trimmed lies below the oldest record");
                        self.skip(from, oldest.previous(), GapReason::Trimmed);
                    }
                    Err(ReadError::Hole(hole)) if self.on_gap == OnGap::Skip => {
                        self.skip(hole.first, hole.last, GapReason::Hole(hole.cause));
                    }
                    Err(error) => return Err(error.into()),
                }
                if self.is_live && from < self.log.memory_start() {
                    self.is_live = false;
                    return Ok(Frame::FellBehind(self.position));
                }
                if Instant::now() >= self.heartbeat_due {
                    return Ok(Frame::Heartbeat(self.position));
                }
                continue;
            }
            if !self.is_live {
                self.is_live = true;
                return Ok(Frame::CaughtUp(self.position));
            }
            if let Some(leave) = leave {
                return Ok(Frame::GoingAway(self.position, leave));
            }
            // What the filter left out has moved the position, too.
            self.publish(0);
            let end_at = self.end_at;
            tokio::select! {
                changed = self.tail.changed() => if changed.is_err() {
                    return Ok(Frame::GoingAway(self.position, Leave::ShuttingDown));
                },
                () = sleep_until(self.heartbeat_due) => return Ok(Frame::Heartbeat(self.position)),
                () = self.drain.ending() => {}
                () = sleep_until(end_at.unwrap_or(self.heartbeat_due)), if end_at.is_some() => {}
            }
        }
    }

    /// Returns the hole at the position, if the records that were read go on behind one.
    fn hole_ahead(&self) -> Option<Hole> {
        match Page::hole_after(&self.page, self.position.sequence.next(), self.next) {
            (0, hole) => hole,
            _ => None,
        }
    }

    /// Passes over a hole, or ends at it.
    fn meet(&mut self, hole: Hole) -> Result<(), SubscribeError> {
        let oldest = self.log.oldest();
        if hole.first < oldest {
            // Trimmed while it was read.
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

    /// Looks at the next records of the page, and takes those that are wanted.
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
                Fit::Yes => chosen.push(at),
                Fit::No => {}
                // The next frame has the count, with the cursor of this event.
                Fit::Unknown => {
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

    /// Goes on behind events that are gone, and will say so.
    fn skip(&mut self, first: Sequence, last: Sequence, reason: GapReason) {
        self.next = self.next.max(last.next());
        let cursor = before(last.next(), self.tail.borrow().cursor);
        self.gap = Some(Gap { cursor, first: Some(first), last, reason });
    }

    fn leave(&self) -> Option<Leave> {
        if self.drain.is_ending() {
            Some(Leave::ShuttingDown)
        } else if self.end_at.is_some_and(|end_at| end_at <= Instant::now()) {
            Some(Leave::AgeReached)
        } else {
            None
        }
    }
}
