//! Model of a log: the callbacks that were posted and the events that were served. Reads are compared with it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::RangeInclusive,
    time::{SystemTime, UNIX_EPOCH},
};

use callback_gateway::testing::event::Cursor;
use imcallback::{Event, GapReason};

use super::{callbacks::Posted, outcome::Trouble, ranges::Ranges};
use crate::support::nanos;

/// Largest difference between a new event's receive time and the present, in nanoseconds.
const CLOCK: u128 = 3600 * 1_000_000_000;

/// Part of a read: an event or a gap.
#[derive(Debug, Clone)]
pub enum Item {
    Event(Box<Event>),
    Gap { first: u64, last: u64, reason: GapReason },
}

/// Result of a read, in the order of the log.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Sequence before the first one that was requested.
    pub from: u64,
    pub items: Vec<Item>,
    /// Last sequence of the log.
    pub end: u64,
}

/// Sequences that a read reported instead of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reported {
    pub lost: Ranges,
    pub trimmed: Ranges,
    pub end: u64,
}

/// Model of a log.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub epoch: String,
    /// Cursor before the oldest event of the undamaged log.
    pub start: String,
    /// Events that were served.
    known: BTreeMap<u64, Event>,
    by_body: HashMap<String, u64>,
    /// Bodies that were acknowledged after the model was created, in the order of posting.
    acknowledged: Vec<String>,
    /// Bodies that were posted and not acknowledged.
    unknown: HashSet<String>,
    /// Events of earlier epochs, by body.
    former: HashMap<String, Event>,
}

impl Model {
    /// Creates the model of an undamaged log.
    pub fn new(epoch: String, start: String, events: Vec<Event>) -> Self {
        let mut model = Self { epoch, start, ..Self::default() };
        events.into_iter().for_each(|event| model.learn(event));
        model
    }

    pub fn add(&mut self, posted: Posted) {
        self.acknowledged.extend(posted.acknowledged);
        self.unknown.extend(posted.unknown);
    }

    /// Notes that the log has a new epoch: earlier sequences are no longer valid.
    pub fn begin_epoch(&mut self, epoch: String, start: String) {
        let known = std::mem::take(&mut self.known).into_values();
        self.former.extend(known.map(|event| (event.raw_body.clone(), event)));
        // They may be in the old epoch or in the new one.
        self.unknown.extend(self.acknowledged.drain(..));
        self.by_body.clear();
        (self.epoch, self.start) = (epoch, start);
    }

    /// Returns the known events.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.known.values()
    }

    /// Returns the sequence before the oldest event of the undamaged log.
    pub fn start_sequence(&self) -> u64 {
        self.start.parse::<Cursor>().expect("it was given by a gateway").sequence.0
    }

    pub fn last(&self) -> u64 {
        self.known.keys().next_back().copied().unwrap_or_default()
    }

    fn learn(&mut self, event: Event) {
        self.by_body.insert(event.raw_body.clone(), event.sequence);
        self.known.insert(event.sequence, event);
    }

    /// Returns whether a callback with this body was posted after the model was created.
    fn is_posted(&self, body: &String) -> bool {
        self.unknown.contains(body) || self.acknowledged.contains(body)
    }

    /// Checks an event that was served.
    pub fn check(&mut self, event: &Event) -> Result<(), Trouble> {
        let sequence = event.sequence;
        if let Some(known) = self.known.get(&sequence) {
            if known == event {
                return Ok(());
            }
            let changed = format!("event {sequence} was {} and is {}", short(known), short(event));
            // The sequence was assigned again, to another callback.
            let is_new = event.cursor != known.cursor && self.is_posted(&event.raw_body);
            return Err(if is_new { Trouble::silent(changed) } else { Trouble::wrong(changed) });
        }
        if let Some(other) = self.by_body.get(&event.raw_body) {
            return Err(Trouble::wrong(format!("event {other} is also served as {sequence}")));
        }
        if let Some(former) = self.former.get(&event.raw_body) {
            let expected = Event { cursor: event.cursor.clone(), ..former.clone() };
            if expected != *event {
                return Err(Trouble::wrong(format!("{} became {}", short(former), short(event))));
            }
        } else if self.is_posted(&event.raw_body) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
            let received = nanos(event.receive_time).unsigned_abs();
            if now.abs_diff(received) > CLOCK {
                return Err(Trouble::wrong(format!("a new event has another time: {}", short(event))));
            }
        } else {
            return Err(Trouble::wrong(format!("this event was not posted: {}", short(event))));
        }
        self.learn(event.clone());
        Ok(())
    }

    /// Checks a read of the whole log: it serves or reports every sequence and every acknowledged callback.
    pub fn judge(&mut self, way: &str, story: &Story) -> Result<Reported, Trouble> {
        let reported = self.judge_part(way, story)?;
        self.check_acknowledged(way, &reported)?;
        Ok(reported)
    }

    /// Checks a read from any position to the end of the log.
    pub fn judge_part(&mut self, way: &str, story: &Story) -> Result<Reported, Trouble> {
        let mut next = story.from + 1;
        let (mut lost, mut trimmed) = (Vec::new(), Vec::new());
        for item in &story.items {
            let (first, last) = match item {
                Item::Event(event) => (event.sequence, event.sequence),
                Item::Gap { first, last, .. } => (*first, *last),
            };
            if first > next {
                return Err(Trouble::silent(format!("{way}: {next} to {} are left out", first - 1)));
            }
            if first < next || last < first {
                return Err(Trouble::wrong(format!("{way}: {first} to {last} where {next} was due")));
            }
            next = last + 1;
            match item {
                Item::Event(event) => self.check(event)?,
                Item::Gap { reason: GapReason::Trimmed, .. } => trimmed.push(first..=last),
                Item::Gap { .. } => lost.push(first..=last),
            }
        }
        if next <= story.end {
            return Err(Trouble::silent(format!("{way}: {next} to {} are left out", story.end)));
        }
        if story.end < self.last() {
            let (end, last) = (story.end, self.last());
            return Err(Trouble::silent(format!("{way}: the log ends at {end}, and there was a {last}")));
        }
        Ok(Reported { lost: Ranges::of(lost), trimmed: Ranges::of(trimmed), end: story.end })
    }

    /// Checks that for each run of acknowledged callbacks that were never served there are as many lost sequences
    /// between the events before and behind it.
    fn check_acknowledged(&self, way: &str, reported: &Reported) -> Result<(), Trouble> {
        let mut missing = 0;
        let mut before = None;
        let sequences = self.acknowledged.iter().map(|body| self.by_body.get(body).copied());
        for sequence in sequences.chain([Some(reported.end.saturating_add(1))]) {
            let Some(sequence) = sequence else {
                missing += 1;
                continue;
            };
            let first = before.map_or(0, |before| before + 1);
            let between = first..=sequence.saturating_sub(1);
            let gone = |range: RangeInclusive<u64>| {
                reported.lost.count_within(range.clone()) + reported.trimmed.count_within(range)
            };
            // Events that were served before are not among the missing callbacks.
            let others = self.known.keys().filter(|sequence| between.contains(*sequence));
            let others: u64 = others.map(|sequence| gone(*sequence..=*sequence)).sum();
            let gone = gone(between) - others;
            if missing > gone {
                let last = sequence - 1;
                return Err(Trouble::silent(format!(
                    "{way}: {missing} acknowledged callbacks are gone and {gone} reported, between {first} and {last}"
                )));
            }
            (missing, before) = (0, Some(sequence));
        }
        Ok(())
    }
}

/// Formats an event on one line.
pub fn short(event: &Event) -> String {
    let Event { sequence, cursor, command, raw_body, .. } = event;
    let time = nanos(event.receive_time);
    let body: String = raw_body.chars().take(60).collect();
    format!("[{sequence} {cursor} {time} {command} {} bytes {body}]", raw_body.len())
}
