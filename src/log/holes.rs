//! Holes: events inside the log that are missing or unreadable.
//!
//! Only gateways write to a log, and they never skip a sequence. A sequence between the oldest record and the
//! tail without a readable record is therefore a lost event. The cause is a damaged disk, a program that
//! deleted the record, or a server. Readers report each hole that they reach. [`Holes`] collects the reports
//! for metrics, `complete_since` and the log lines.

use std::fmt;

use parking_lot::{Mutex, MutexGuard};

use crate::event::{Record, Sequence, Timestamp};

/// Maximum number of separate holes. Beyond it, the oldest holes are joined: [`Holes::list`] then overstates
/// the loss by the events between them, and names the worse of the two causes.
pub const MAX_HOLES: usize = 1000;
/// Position after every event.
const END: Sequence = Sequence(u64::MAX);

/// Consecutive events that cannot be read for the same cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// Sequence of the first event.
    pub first: Sequence,
    /// Sequence of the last event.
    pub last: Sequence,
    /// Why they cannot be read.
    pub cause: Cause,
}

/// Why events cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The storage has no record at these positions.
    Missing,
    /// The stored bytes differ from the written ones.
    Damaged,
    /// A newer gateway wrote the record, in this format. Newer gateways can read it.
    NewerFormat(u8),
}

impl Cause {
    /// Returns whether such events are lost. Records in a newer format are not: newer gateways can read them.
    fn is_loss(self) -> bool {
        match self {
            Self::Missing | Self::Damaged => true,
            Self::NewerFormat(_) => false,
        }
    }

    /// Returns the worse of two losses. Damage is worse: it shows that the storage changes written data, and
    /// more damage may follow. A missing event may only have been deleted.
    fn worse(self, other: Self) -> Self {
        if self == Self::Missing { other } else { self }
    }
}

impl Hole {
    /// Returns a hole of one event.
    pub fn one(sequence: Sequence, cause: Cause) -> Self {
        Self { first: sequence, last: sequence, cause }
    }

    /// Returns the number of events in the hole.
    pub fn events(&self) -> u64 {
        self.last.0 - self.first.0 + 1
    }

    /// Returns the part of the hole within a range of sequences, `end` exclusive.
    pub fn within(self, start: Sequence, end: Sequence) -> Option<Self> {
        let (first, last) = (self.first.max(start), self.last.min(end.previous()));
        (first <= last).then_some(Self { first, last, ..self })
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, cause } = self;
        let verb = if first == last {
            write!(f, "event {first} ")?;
            "is"
        } else {
            write!(f, "events {first} to {last} ")?;
            "are"
        };
        match cause {
            Cause::Missing => write!(f, "{verb} missing"),
            Cause::Damaged => write!(f, "{verb} damaged"),
            Cause::NewerFormat(format) => {
                write!(f, "{verb} in record format {format}, which only newer gateways can read")
            }
        }
    }
}

/// Known holes of a log.
#[derive(Debug, Default)]
pub struct Holes(Mutex<KnownHoles>);

#[derive(Debug, Default)]
struct KnownHoles {
    /// Holes in ascending order, without overlaps.
    holes: Vec<Hole>,
    /// Events up to this receive time may be in a hole.
    until: Option<Timestamp>,
    /// Events up to this receive time have not been checked yet.
    unchecked_until: Option<Timestamp>,
    /// The oldest record. A reader may report a hole that has been trimmed since it began.
    oldest: Sequence,
    /// True if holes were joined at the limit: the list then includes readable events.
    is_overstated: bool,
}

impl Holes {
    /// Adds a hole that a reader found, and logs it if it is new. `until` is the receive time of the first
    /// readable record after the hole; `None` means now. Ignores events that newer gateways can read, because
    /// they are not lost.
    pub fn note(&self, hole: Hole, until: Option<Timestamp>) {
        if !hole.cause.is_loss() {
            return;
        }
        let until = until.unwrap_or_else(Timestamp::now);
        {
            let mut known = self.lock();
            known.until = known.until.max(Some(until));
        }
        if !self.collect(hole) {
            return;
        }
        tracing::error!(
            first_sequence = hole.first.0,
            last_sequence = hole.last.0,
            "stored events were lost: {hole}; subscribers that reach them get EVENTS_MISSING, LOG_DAMAGED or a gap. \
             Check the storage: more may follow"
        );
    }

    /// Adds a hole without logging it. Returns whether it was new.
    pub(super) fn collect(&self, hole: Hole) -> bool {
        self.lock().add(hole)
    }

    /// Removes holes where these records were just read: a disk can recover a sector. The records are
    /// contiguous, in either direction. [`until`](Self::until) stays unchanged.
    pub(super) fn note_read(&self, records: &[Record]) {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return };
        let (first, last) = (first.sequence(), last.sequence());
        let Some(hole) = self.lock().remove(first.min(last), first.max(last).next()) else { return };
        tracing::info!(
            first_sequence = hole.first.0,
            last_sequence = hole.last.0,
            "stored events that were reported as lost can be read again"
        );
    }

    /// Removes holes below the oldest record.
    pub fn trim(&self, oldest: Sequence) {
        let mut known = self.lock();
        known.oldest = known.oldest.max(oldest);
        if known.holes.first().is_some_and(|hole| hole.first < oldest) {
            let kept = known.holes.iter().filter_map(|hole| hole.within(oldest, END));
            known.holes = kept.collect();
        }
    }

    /// Returns the known holes in the order of the log.
    pub fn list(&self) -> Vec<Hole> {
        self.lock().holes.clone()
    }

    /// Returns the start of the known holes that end just before a position, or the position if there are
    /// none.
    pub(super) fn start(&self, position: Sequence) -> Sequence {
        let before =
            |start: Sequence, hole: &Hole| if hole.last.next() == start { hole.first } else { start };
        self.lock().holes.iter().rev().fold(position, before)
    }

    /// Returns the number of events in known holes.
    pub fn events(&self) -> u64 {
        self.lock().holes.iter().map(Hole::events).sum()
    }

    /// Sets the receive time up to which the log has not been checked for holes yet.
    pub fn set_unchecked_until(&self, time: Option<Timestamp>) {
        self.lock().unchecked_until = time;
    }

    /// Returns the receive time after which no event is known to be missing. `None` if none is missing at
    /// all.
    pub fn until(&self) -> Option<Timestamp> {
        let known = self.lock();
        known.until.max(known.unchecked_until)
    }

    fn lock(&self) -> MutexGuard<'_, KnownHoles> {
        self.0.lock()
    }
}

impl KnownHoles {
    /// Adds the part of a hole whose events are lost and not trimmed. Returns whether anything was new.
    ///
    /// The worse cause wins where holes overlap. Neighbors with the same cause are joined.
    fn add(&mut self, hole: Hole) -> bool {
        let Some(hole) = hole.within(self.oldest, END).filter(|hole| hole.cause.is_loss()) else {
            return false;
        };
        let start = self.holes.partition_point(|known| known.last.next() < hole.first);
        let end = self.holes.partition_point(|known| known.first <= hole.last.next());
        let touching = &self.holes[start..end];
        let mut parts: Vec<Hole> = Vec::new();
        let mut next = hole.first;
        for known in touching {
            parts.extend(known.within(Sequence(0), hole.first));
            parts.extend(hole.within(next, known.first));
            let both = known.within(hole.first, hole.last.next());
            parts.extend(both.map(|both| Hole { cause: both.cause.worse(hole.cause), ..both }));
            parts.extend(known.within(hole.last.next(), END));
            next = next.max(known.last.next());
        }
        parts.extend(hole.within(next, END));
        parts.dedup_by(|part, before| {
            let is_one = part.cause == before.cause && part.first == before.last.next();
            if is_one {
                before.last = part.last;
            }
            is_one
        });
        if parts == touching {
            return false;
        }
        self.holes.splice(start..end, parts);
        self.bound();
        true
    }

    /// Joins the oldest holes while there are too many. The worse of two causes wins.
    fn bound(&mut self) {
        while self.holes.len() > MAX_HOLES {
            let second = self.holes.remove(1);
            let first = &mut self.holes[0];
            (first.last, first.cause) = (second.last, first.cause.worse(second.cause));
            self.is_overstated = true;
        }
    }

    /// Removes the parts of holes from `from` to `next`, exclusive. Returns their bounds, or `None` if
    /// nothing was removed.
    ///
    /// Removes nothing from an overstated list: it contains readable events by design.
    fn remove(&mut self, from: Sequence, next: Sequence) -> Option<Hole> {
        let removed = || self.holes.iter().filter_map(|hole| hole.within(from, next));
        let (first, last) = (removed().next()?, removed().next_back()?);
        let outside = |hole: &Hole| [hole.within(Sequence(0), from), hole.within(next, END)];
        let kept: Vec<_> = self.holes.iter().flat_map(outside).flatten().collect();
        if self.is_overstated || kept.len() > MAX_HOLES {
            return None;
        }
        self.holes = kept;
        Some(Hole { last: last.last, ..first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(first: u64, last: u64) -> Hole {
        Hole { first: Sequence(first), last: Sequence(last), cause: Cause::Missing }
    }

    fn records(sequences: [u64; 2]) -> Vec<Record> {
        let stored = crate::log::conformance::record("").stored;
        let record = |n| Record::new(crate::event::Epoch(1), Sequence(n), Timestamp(1), stored.clone());
        sequences.map(record).to_vec()
    }

    fn noted(holes: &[Hole]) -> Vec<(u64, u64)> {
        let known = Holes::default();
        holes.iter().for_each(|hole| known.note(*hole, Some(Timestamp(1))));
        known.list().iter().map(|hole| (hole.first.0, hole.last.0)).collect()
    }

    #[test]
    fn holes_that_touch_are_joined_in_any_order() {
        assert_eq!(noted(&[hole(5, 7), hole(1, 2), hole(8, 9), hole(20, 20)]), [(1, 2), (5, 9), (20, 20)]);
        assert_eq!(noted(&[hole(5, 5), hole(7, 7), hole(6, 6)]), [(5, 7)]);
        assert_eq!(noted(&[hole(5, 9), hole(6, 7), hole(4, 10), hole(1, 3)]), [(1, 10)]);
        assert_eq!(noted(&[hole(1, 1), hole(3, 3)]), [(1, 1), (3, 3)]);
        let newer = Hole::one(Sequence(4), Cause::NewerFormat(2));
        assert_eq!(noted(&[newer]), []);
    }

    fn with_causes(holes: &[Hole]) -> Vec<Hole> {
        let known = Holes::default();
        holes.iter().for_each(|hole| known.note(*hole, Some(Timestamp(1))));
        known.list()
    }

    #[test]
    fn each_event_keeps_the_worst_cause_reported_for_it() {
        let damaged = |first, last| Hole { cause: Cause::Damaged, ..hole(first, last) };
        for (noted, known) in [
            (vec![hole(1, 3), damaged(4, 5), hole(6, 6)], vec![hole(1, 3), damaged(4, 5), hole(6, 6)]),
            (vec![hole(1, 9), damaged(4, 5)], vec![hole(1, 3), damaged(4, 5), hole(6, 9)]),
            (vec![damaged(4, 5), hole(1, 9)], vec![hole(1, 3), damaged(4, 5), hole(6, 9)]),
            (vec![hole(2, 4), hole(8, 9), damaged(3, 8)], vec![hole(2, 2), damaged(3, 8), hole(9, 9)]),
            (vec![damaged(3, 4), damaged(6, 7), hole(5, 5)], vec![damaged(3, 4), hole(5, 5), damaged(6, 7)]),
            (vec![damaged(3, 4), damaged(6, 7), damaged(4, 6)], vec![damaged(3, 7)]),
        ] {
            assert_eq!(with_causes(&noted), known, "{noted:?}");
        }
        let holes = Holes::default();
        assert!(holes.collect(hole(1, 3)) && holes.collect(damaged(2, 2)));
        assert!(!holes.collect(hole(1, 3)) && !holes.collect(damaged(2, 2)), "nothing is new");
        assert_eq!((holes.events(), holes.start(Sequence(4))), (3, Sequence(1)));
        assert_eq!(holes.start(Sequence(3)), Sequence(1), "from inside the hole");
        assert_eq!(holes.start(Sequence(5)), Sequence(5));
    }

    #[test]
    fn events_in_a_newer_format_do_not_count_as_lost() {
        let newer = |sequence| Hole::one(Sequence(sequence), Cause::NewerFormat(2));
        assert_eq!(with_causes(&[hole(1, 3), newer(4), hole(5, 5), newer(2)]), [hole(1, 3), hole(5, 5)]);
        let holes = Holes::default();
        assert!(!holes.collect(newer(4)));
        assert_eq!((holes.events(), holes.until()), (0, None));
    }

    #[test]
    fn the_oldest_holes_are_joined_at_the_limit() {
        let many: Vec<_> = (1..=MAX_HOLES as u64 + 1).map(|n| hole(2 * n, 2 * n)).collect();
        let known = with_causes(&many);
        assert_eq!(known.len(), MAX_HOLES);
        assert_eq!(known[..2], [hole(2, 4), hole(6, 6)]);
        // A hole in the middle of another one splits it into three.
        let mut many: Vec<_> = (1..=MAX_HOLES as u64).map(|n| hole(10 * n, 10 * n + 2)).collect();
        many.push(Hole::one(Sequence(21), Cause::Damaged));
        let known = with_causes(&many);
        assert_eq!(known.len(), MAX_HOLES);
        let joined = Hole { cause: Cause::Damaged, ..hole(10, 21) };
        assert_eq!(known[..3], [joined, hole(22, 22), hole(30, 32)], "the worse cause wins");
    }

    #[test]
    fn trimming_removes_holes_but_keeps_the_time_of_the_last_loss() {
        let holes = Holes::default();
        holes.note(hole(1, 3), Some(Timestamp(10)));
        holes.note(hole(5, 9), Some(Timestamp(20)));
        holes.trim(Sequence(8));
        assert_eq!(holes.list(), [hole(8, 9)]);
        assert_eq!((holes.events(), holes.until()), (2, Some(Timestamp(20))));
        // A reader that began before the trimming reports the holes again.
        holes.note(hole(5, 9), Some(Timestamp(20)));
        holes.note(hole(1, 3), Some(Timestamp(10)));
        assert_eq!(holes.list(), [hole(8, 9)]);
        holes.set_unchecked_until(Some(Timestamp(30)));
        assert_eq!(holes.until(), Some(Timestamp(30)));
        holes.set_unchecked_until(None);
        assert_eq!(holes.until(), Some(Timestamp(20)));
    }

    #[test]
    fn a_hole_that_becomes_readable_is_removed() {
        let holes = Holes::default();
        holes.note(hole(3, 9), Some(Timestamp(10)));
        holes.note(hole(20, 21), Some(Timestamp(20)));
        holes.note_read(&[]);
        holes.note_read(&records([10, 19]));
        holes.note_read(&records([2, 1]));
        assert_eq!(holes.list(), [hole(3, 9), hole(20, 21)]);
        holes.note_read(&records([5, 6]));
        assert_eq!(holes.list(), [hole(3, 4), hole(7, 9), hole(20, 21)]);
        holes.note_read(&records([20, 1]));
        assert_eq!((holes.list(), holes.events()), (vec![hole(21, 21)], 1));
        holes.note(hole(5, 6), Some(Timestamp(10)));
        assert_eq!(holes.list(), [hole(5, 6), hole(21, 21)], "lost again after it was readable");

        (10..10 + MAX_HOLES as u64).for_each(|n| holes.note(hole(4 * n, 4 * n), Some(Timestamp(10))));
        let list = holes.list();
        holes.note_read(&records([1, 1000]));
        assert_eq!(holes.list(), list, "joined holes include readable events");
    }

    #[test]
    fn a_hole_is_displayed_as_a_sentence() {
        assert_eq!(hole(3, 3).to_string(), "event 3 is missing");
        let damaged = Hole { cause: Cause::Damaged, ..hole(3, 5) };
        assert_eq!(damaged.to_string(), "events 3 to 5 are damaged");
        let newer = Hole::one(Sequence(4), Cause::NewerFormat(2));
        assert_eq!(newer.to_string(), "event 4 is in record format 2, which only newer gateways can read");
    }
}
