//! Subscribers, compared with the model.

use std::time::Duration;

use imcallback::{
    Event, Gap, GapPolicy, GapReason, GetEventRequest, SubscribeRequest, get_event_request,
    subscribe_request::Start, subscribe_response::Frame,
};
use proptest::sample::Index;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{Model, filter, fits, sequence_of};
use crate::support::*;

#[derive(Debug, Clone)]
pub(crate) enum StartAt {
    Latest,
    Earliest,
    /// Where this reader was.
    LastCursor,
    /// The time of an event, by its index in the list.
    TimeOf(Index),
}

#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) stream: Option<Subscriber>,
    filter: usize,
    skip: bool,
    /// Every event up to this position was received, excluded by the filter, or reported as gone.
    position: u64,
    /// Last cursor that it received.
    cursor: Option<String>,
}

impl Model {
    pub(crate) async fn open(&mut self, index: usize, start: &StartAt, filter: usize, skip: bool) {
        let mut latest_start = u64::MAX;
        let reader = &self.readers[index];
        let (start, position) = match (start, &reader.cursor) {
            (StartAt::Latest, _) => (Start::Latest(Default::default()), None),
            (StartAt::LastCursor, Some(cursor)) => {
                (Start::AfterCursor(cursor.clone()), Some(reader.position))
            }
            (StartAt::TimeOf(index), _) if !self.events.is_empty() => {
                let sequence = index.index(self.events.len()) as u64 + 1;
                // A trimmed or lost event has no time any more.
                let Ok(event) = self.event(sequence).await else { return };
                // Events before this one are behind the start, or were received at the same time. Lost
                // events just before it may have been received at that time, too.
                let readable = (1..sequence).rev().find(|before| !self.lost.contains_key(before));
                latest_start = readable.unwrap_or(0);
                (Start::AtTime(event.receive_time.unwrap()), None)
            }
            (StartAt::Earliest | StartAt::LastCursor | StartAt::TimeOf(_), _) => {
                (Start::Earliest(Default::default()), None)
            }
        };
        self.readers[index] = Reader { filter, skip, ..Default::default() };
        let on_gap = if skip { GapPolicy::Skip } else { GapPolicy::Fail };
        let request = SubscribeRequest {
            start: Some(start),
            filter: self::filter(filter),
            on_gap: on_gap.into(),
            include_raw_body: true,
            heartbeat_interval: Some(Duration::from_secs(1).into()),
            ..Default::default()
        };
        match Subscriber::open(&mut self.gateway.client().await, request).await {
            Ok((stream, subscribed)) => {
                let at = sequence_of(&subscribed.cursor);
                // Events below the oldest one are trimmed, so no start is there.
                let oldest = self.oldest().await;
                let reader = &mut self.readers[index];
                reader.position = position.unwrap_or(at);
                assert!(at <= reader.position, "resuming skips no event");
                assert!(at <= latest_start.max(oldest - 1), "starting at a time skips no event");
                reader.cursor = Some(subscribed.cursor);
                reader.stream = Some(stream);
            }
            Err(status) => {
                self.readers[index].position = position.unwrap_or_default();
                self.ended(index, &status).await;
            }
        }
    }

    async fn event(&self, sequence: u64) -> Result<Event, Status> {
        let event = Some(get_event_request::Event::Sequence(sequence));
        let request = GetEventRequest { event, ..Default::default() };
        let response = soon(self.gateway.client().await.get_event(request)).await?;
        Ok(response.into_inner().event.unwrap())
    }

    /// Handles the end of a stream at a gap, as a client does: it continues behind the gap.
    async fn ended(&mut self, index: usize, status: &Status) {
        assert!(!self.readers[index].skip, "a reader that skips gaps receives them as frames: {status}");
        let details = status.get_details_error_info().unwrap().metadata;
        let cursor = match (status.code(), reason(status).as_str()) {
            (Code::OutOfRange, "CURSOR_EXPIRED") => details["oldest_cursor"].clone(),
            (Code::DataLoss, reason) => {
                let bound = |name: &str| details[name].parse::<u64>().unwrap();
                let (first, last) = (bound("first_sequence"), bound("last_sequence"));
                let cause = match reason {
                    "EVENTS_MISSING" => GapReason::Missing,
                    "LOG_DAMAGED" => GapReason::Damaged,
                    _ => panic!("{status}"),
                };
                self.assert_hole(index, first, last, cause).await;
                let cursor = details["resume_cursor"].clone();
                assert_eq!(sequence_of(&cursor), last);
                cursor
            }
            _ => panic!("{status}"),
        };
        let position = sequence_of(&cursor);
        let reader = &mut self.readers[index];
        assert!(position > reader.position, "the position moves past the gap");
        reader.position = position;
        reader.cursor = Some(cursor);
        reader.stream = None;
    }

    /// Returns the first event behind the reader's position that must be delivered or reported as lost.
    /// A lost event may match the filter or not.
    fn next_pending(&self, index: usize) -> Option<u64> {
        let reader = &self.readers[index];
        let from = reader.position as usize;
        let fitting = self.events.get(from..)?.iter().position(|event| fits(reader.filter, event));
        let fitting = fitting.map(|next| (from + next) as u64 + 1);
        let lost = self.lost.range(reader.position + 1..).next().map(|(sequence, _)| *sequence);
        fitting.into_iter().chain(lost).min()
    }

    pub(crate) async fn read(&mut self, index: usize, events: usize) {
        let mut seen = 0;
        while seen < events && self.readers[index].stream.is_some() && self.next_pending(index).is_some() {
            seen += usize::from(self.read_frame(index).await);
        }
    }

    /// Reads the remaining events, however often the stream ends.
    pub(crate) async fn read_all(&mut self, index: usize) {
        while self.readers[index].cursor.is_some() && self.next_pending(index).is_some() {
            let Reader { filter, skip, .. } = self.readers[index];
            self.open(index, &StartAt::LastCursor, filter, skip).await;
            self.read(index, usize::MAX).await;
        }
    }

    pub(crate) async fn read_to_the_end(&mut self, index: usize) {
        while self.readers[index].stream.is_some() {
            self.read_frame(index).await;
        }
    }

    /// Reads a frame and checks it against the model. Returns whether it was an event.
    async fn read_frame(&mut self, index: usize) -> bool {
        let frame = self.readers[index].stream.as_mut().unwrap().frame().await;
        let next = self.next_pending(index);
        let cursor = match frame {
            Ok(Frame::Event(event)) => {
                assert_eq!(Some(event.sequence), next, "the next event that matches the filter");
                assert!(!self.lost.contains_key(&event.sequence), "{event:?} is lost");
                let stored = &self.events[event.sequence as usize - 1];
                assert_eq!((event.command.as_str(), &event.raw_body), (stored.command, &stored.body));
                let reader = &mut self.readers[index];
                reader.position = event.sequence;
                reader.cursor = Some(event.cursor);
                return true;
            }
            Ok(Frame::Gap(gap)) => {
                self.gap(index, gap).await;
                return false;
            }
            Ok(Frame::Heartbeat(frame)) => frame.cursor,
            Ok(Frame::CaughtUp(frame)) => frame.cursor,
            Ok(Frame::FellBehind(frame)) => frame.cursor,
            Ok(Frame::GoingAway(frame)) => frame.cursor,
            Ok(Frame::Subscribed(frame)) => panic!("a second `subscribed` frame: {frame:?}"),
            Err(status) if status.code() == Code::Unavailable => {
                assert!(
                    status.get_details_error_info().is_some(),
                    "the end of the stream has details: {status:?}"
                );
                assert_eq!(reason(&status), "SHUTTING_DOWN");
                self.readers[index].stream = None;
                return false;
            }
            Err(status) => {
                self.ended(index, &status).await;
                return false;
            }
        };
        let sequence = sequence_of(&cursor);
        assert!(
            next.is_none_or(|next| sequence < next),
            "a cursor passes only events that were sent or reported"
        );
        let reader = &mut self.readers[index];
        assert!(sequence >= reader.position, "cursors do not go back");
        reader.position = sequence;
        reader.cursor = Some(cursor);
        false
    }

    async fn gap(&mut self, index: usize, gap: Gap) {
        assert!(self.readers[index].skip);
        let (first, last) = (gap.first_missing_sequence, gap.last_missing_sequence);
        assert!(last > self.readers[index].position);
        if gap.reason() == GapReason::Trimmed {
            let next = self.next_pending(index);
            assert!(next.is_none_or(|next| first <= next), "no event before the gap was skipped");
            if !self.is_draining {
                let status = self.event(last).await.unwrap_err();
                assert_eq!(
                    status.code(),
                    Code::OutOfRange,
                    "an event that is reported as gone cannot be read"
                );
            }
        } else {
            self.assert_hole(index, first, last, gap.reason()).await;
        }
        assert_eq!(sequence_of(&gap.cursor), last);
        let reader = &mut self.readers[index];
        reader.position = last;
        reader.cursor = Some(gap.cursor);
    }

    /// Checks that exactly these events are next, and that they are lost for this reason.
    async fn assert_hole(&self, index: usize, first: u64, last: u64, cause: GapReason) {
        assert!(first <= last);
        assert_eq!(self.next_pending(index), Some(first), "no event before the hole was skipped");
        for sequence in first..=last {
            assert_eq!(self.lost.get(&sequence), Some(&cause), "{sequence} is lost for this reason");
        }
        if self.is_draining {
            return;
        }
        let status = self.event(last).await.unwrap_err();
        let expected = match cause {
            GapReason::Missing => "EVENTS_MISSING",
            _ => "LOG_DAMAGED",
        };
        // Retention may have run meanwhile.
        let is_trimmed = status.code() == Code::OutOfRange && self.oldest().await > last;
        assert!(is_trimmed || status.code() == Code::DataLoss && reason(&status) == expected, "{status}");
    }
}
