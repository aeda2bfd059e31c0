//! Finds callbacks that came in before: the vendor's retry, perhaps.
//!
//! Equal bodies are no proof of a duplicate: add, delete and add again gives the
//! same bodies. So a repeated callback is marked, never dropped.
//!
//! The memory is fed from the log's tail, not by whoever stored the callback: the
//! callbacks that are sent again are those whose sender gave up waiting. After a
//! start it grows at both ends: what is stored from now on at one, and at the other
//! what is in the log already, the newest first, since that is what comes in again.
//!
//! The window is measured by the monotonic clock, so that it ends also where the system clock was wrong, or is
//! set. Receive times only say how old an event is when it is taken in.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::event::{Record, Sequence, Timestamp};

/// Most callbacks remembered; beyond it the oldest are forgotten early. About
/// 35 MB at most, and ten minutes at 750 a second.
///
/// A hash table of 2^20 places is full at 7/8; where entries come and go it cleans
/// itself in place up to half of that, 458,752, and doubles beyond.
pub const MAX_REMEMBERED: usize = 450_000;

/// How far ahead of the system clock a stored event's receive time may be: the clock was corrected a little. The
/// age of an event from further ahead is unknown.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since the memory was created, in microseconds.
    monotonic: i64,
    /// The system clock's time, as receive times are.
    clock: Timestamp,
}

/// The callbacks that were stored within a window of time.
#[derive(Debug)]
pub struct Duplicates {
    start: Instant,
    /// In microseconds.
    window: i64,
    capacity: usize,
    /// Keyed at random, so that nobody can make bodies that look alike.
    hasher: RandomState,
    seen: Mutex<Seen>,
}

/// Every callback in the window, and for each hash a chain of those that have it.
#[derive(Debug, Default)]
struct Seen {
    /// In the log's order, without gaps: from both ends it only grows, or is forgotten from the front.
    callbacks: VecDeque<Callback>,
    /// The number of the first of `callbacks`; the next has the next number, around
    /// the end of the range too. Numbers stay while positions move.
    first_number: u32,
    /// The first and the last callback with each hash.
    chains: HashMap<u64, Chain>,
}

#[derive(Debug)]
struct Callback {
    /// When it was received, as [`Moment::monotonic`]; negative before the memory was created.
    time: i64,
    sequence: Sequence,
    hash: u64,
    /// Number of the next callback with the same hash; its own if there is none.
    next: u32,
}

/// Numbers of callbacks with the same hash.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

impl Duplicates {
    /// Remembers callbacks for `window`, at most `capacity` of them. With a window
    /// of zero nothing is found.
    pub fn new(window: Duration, capacity: usize) -> Self {
        assert!((1..=u32::MAX as usize / 2).contains(&capacity), "callbacks are numbered in 32 bits");
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        Self { start: Instant::now(), window, capacity, hasher: RandomState::new(), seen: Mutex::default() }
    }

    /// Whether anything is remembered at all.
    pub fn is_on(&self) -> bool {
        self.window > 0
    }

    /// The present.
    pub fn now(&self) -> Moment {
        let monotonic = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        Moment { monotonic, clock: Timestamp::now() }
    }

    /// The first stored event with the same app, command and body within the
    /// window before `now`. Two copies in flight at once do not find each other.
    pub fn first(&self, sdk_app_id: u32, command: &str, body: &[u8], now: Moment) -> Option<Sequence> {
        if !self.is_on() {
            return None;
        }
        let hash = self.hash(sdk_app_id, command, body);
        let mut seen = self.lock();
        seen.forget_before(self.oldest(now));
        seen.chains.get(&hash).map(|chain| seen.get(chain.first).sequence)
    }

    /// Takes in an event that was stored since the start. Events come in the log's order.
    pub fn note(&self, record: &Record, now: Moment) {
        let callback = self.callback(record, now);
        let mut seen = self.lock();
        seen.forget_before(self.oldest(now));
        while seen.callbacks.len() >= self.capacity {
            seen.forget_first();
        }
        seen.push_back(callback);
    }

    /// Takes in an event that was stored before all those that are remembered, at
    /// the time `now`. Whether there is room for still older ones: not after it was
    /// too old itself, or of unknown age, or once the memory is full. For then newer
    /// ones may have been forgotten already, and it has no gaps.
    pub fn note_older(&self, record: &Record, now: Moment) -> bool {
        let callback = self.callback(record, now);
        let is_ahead = record.receive_time().since(now.clock) > CLOCK_TOLERANCE;
        let mut seen = self.lock();
        if is_ahead || seen.callbacks.len() >= self.capacity || callback.time < self.oldest(now) {
            return false;
        }
        seen.push_front(callback);
        true
    }

    /// The oldest time that is remembered.
    fn oldest(&self, now: Moment) -> i64 {
        now.monotonic.saturating_sub(self.window)
    }

    fn callback(&self, record: &Record, now: Moment) -> Callback {
        let stored = record.stored();
        let hash = self.hash(stored.sdk_app_id(), stored.command(), stored.raw_body());
        let age = now.clock.since(record.receive_time()).as_micros();
        let time = now.monotonic.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX));
        // Its place is not known yet, so `next` is not either.
        Callback { time, sequence: record.sequence(), hash, next: 0 }
    }

    fn hash(&self, sdk_app_id: u32, command: &str, body: &[u8]) -> u64 {
        self.hasher.hash_one((sdk_app_id, command, body))
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Every change below leaves it whole, so a panic elsewhere does not spoil it.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn position(&self, number: u32) -> usize {
        number.wrapping_sub(self.first_number) as usize
    }

    fn get(&self, number: u32) -> &Callback {
        &self.callbacks[self.position(number)]
    }

    fn push_back(&mut self, callback: Callback) {
        debug_assert!(self.callbacks.back().is_none_or(|last| last.sequence < callback.sequence));
        let number = self.first_number.wrapping_add(self.callbacks.len() as u32);
        match self.chains.entry(callback.hash) {
            Entry::Vacant(entry) => {
                entry.insert(Chain { first: number, last: number });
            }
            Entry::Occupied(mut entry) => {
                let last = std::mem::replace(&mut entry.get_mut().last, number);
                let last = self.position(last);
                self.callbacks[last].next = number;
            }
        }
        self.callbacks.push_back(Callback { next: number, ..callback });
    }

    fn push_front(&mut self, callback: Callback) {
        debug_assert!(self.callbacks.front().is_none_or(|first| callback.sequence < first.sequence));
        let number = self.first_number.wrapping_sub(1);
        let next = match self.chains.entry(callback.hash) {
            Entry::Vacant(entry) => {
                entry.insert(Chain { first: number, last: number });
                number
            }
            Entry::Occupied(mut entry) => std::mem::replace(&mut entry.get_mut().first, number),
        };
        self.callbacks.push_front(Callback { next, ..callback });
        self.first_number = number;
    }

    fn forget_before(&mut self, oldest: i64) {
        while self.callbacks.front().is_some_and(|callback| callback.time < oldest) {
            self.forget_first();
        }
    }

    /// Forgets the oldest callback, which is the first with its hash. The next with
    /// the same hash takes its place.
    fn forget_first(&mut self) {
        let Some(callback) = self.callbacks.pop_front() else { return };
        let number = self.first_number;
        self.first_number = number.wrapping_add(1);
        if callback.next == number {
            self.chains.remove(&callback.hash);
        } else if let Some(chain) = self.chains.get_mut(&callback.hash) {
            chain.first = callback.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Epoch, RecordParts};

    const SECOND: i64 = 1_000_000;
    const WINDOW: Duration = Duration::from_secs(600);

    fn record(sequence: u64, body: &str, seconds: i64) -> Record {
        let stored = RecordParts { sdk_app_id: 7, ..RecordParts::fixture(body.as_bytes()) };
        Record::new(Epoch(1), Sequence(sequence), Timestamp(seconds * SECOND), stored.encode())
    }

    fn note(duplicates: &Duplicates, sequence: u64, body: &str, seconds: i64) {
        duplicates.note(&record(sequence, body, seconds), at(seconds));
    }

    /// Both clocks began at the same time, and go on together.
    fn at(seconds: i64) -> Moment {
        Moment { monotonic: seconds * SECOND, clock: Timestamp(seconds * SECOND) }
    }

    fn note_older(duplicates: &Duplicates, sequence: u64, body: &str, seconds: i64, now: i64) -> bool {
        duplicates.note_older(&record(sequence, body, seconds), at(now))
    }

    fn first(duplicates: &Duplicates, body: &str, seconds: i64) -> Option<u64> {
        duplicates.first(7, "A.B", body.as_bytes(), at(seconds)).map(|sequence| sequence.0)
    }

    #[test]
    fn a_repeated_callback_finds_the_first_one_within_the_window() {
        let duplicates = Duplicates::new(WINDOW, 10);
        assert_eq!(first(&duplicates, "{}", 0), None);
        note(&duplicates, 5, "{}", 0);
        note(&duplicates, 9, "{}", 599);
        note(&duplicates, 12, "{}", 700);
        assert_eq!(first(&duplicates, "{}", 700), Some(9), "the first, not the last");
        assert_eq!(first(&duplicates, "{}", 1199), Some(9));
        assert_eq!(first(&duplicates, "{}", 1200), Some(12), "the first within the window");
        assert_eq!(first(&duplicates, "{}", 1301), None);
        assert_eq!(duplicates.lock().chains.len(), 0);
    }

    #[test]
    fn a_repeat_is_found_in_every_copy_within_the_window() {
        let duplicates = Duplicates::new(WINDOW, 10);
        note(&duplicates, 5, "{}", 0);
        note(&duplicates, 9, "{}", 599);
        assert_eq!(first(&duplicates, "{}", 600), Some(5), "the first, not the last");
        assert_eq!(first(&duplicates, "{}", 601), Some(9), "which the first one has been forgotten for");
        assert_eq!(first(&duplicates, "{}", 1200), None);
    }

    #[test]
    fn what_was_stored_before_is_taken_in_backwards_while_new_callbacks_come_in() {
        let duplicates = Duplicates::new(WINDOW, 10);
        assert!(note_older(&duplicates, 8, "b", 80, 100));
        note(&duplicates, 11, "a", 100);
        assert_eq!(first(&duplicates, "a", 100), Some(11));
        assert!(note_older(&duplicates, 7, "a", 70, 100));
        assert_eq!(first(&duplicates, "a", 100), Some(7), "an older one was found since");
        note(&duplicates, 12, "a", 110);
        assert!(note_older(&duplicates, 3, "b", 30, 110));
        assert_eq!(first(&duplicates, "b", 110), Some(3));
        assert!(!note_older(&duplicates, 2, "b", -491, 110), "beyond the window");
        assert_eq!(first(&duplicates, "b", 631), Some(8));
        assert_eq!(
            [670, 671, 700, 701, 710].map(|now| first(&duplicates, "a", now)),
            [Some(7), Some(11), Some(11), Some(12), Some(12)]
        );
        assert_eq!(first(&duplicates, "b", 681), None);
    }

    #[test]
    fn another_app_command_or_body_is_another_callback() {
        let duplicates = Duplicates::new(WINDOW, 10);
        note(&duplicates, 1, "{}", 0);
        let now = at(0);
        assert!(duplicates.first(7, "A.B", b"{}", now).is_some());
        for (app, command, body) in [(8, "A.B", "{}"), (7, "A.C", "{}"), (7, "A.B", "{ }"), (7, "A.B{", "}")]
        {
            assert_eq!(duplicates.first(app, command, body.as_bytes(), now), None);
        }
    }

    /// After events were stored with a clock ten years ahead, receive times stand still there.
    #[test]
    fn the_window_ends_though_receive_times_stand_still_ahead_of_the_clock() {
        let duplicates = Duplicates::new(WINDOW, 10);
        let ahead = 10 * 365 * 24 * 3600;
        assert!(!note_older(&duplicates, 4, "a", ahead, 0), "its age is unknown");
        duplicates.note(&record(5, "a", ahead), at(0));
        assert_eq!(first(&duplicates, "a", 600), Some(5));
        assert_eq!(first(&duplicates, "a", 601), None);
    }

    #[test]
    fn the_window_does_not_end_with_a_jump_of_the_clock() {
        let duplicates = Duplicates::new(WINDOW, 10);
        note(&duplicates, 5, "a", 0);
        for (jump, sequence) in [(-1_000_000, 6), (1_000_000, 7)] {
            let now = Moment { monotonic: 10 * SECOND, clock: Timestamp((10 + jump) * SECOND) };
            assert_eq!(duplicates.first(7, "A.B", b"a", now), Some(Sequence(5)));
            // What is stored then is as old as it is.
            duplicates.note(&record(sequence, "b", 10 + jump), now);
            assert_eq!(duplicates.first(7, "A.B", b"b", now), Some(Sequence(6)));
        }
        assert_eq!(first(&duplicates, "b", 610), Some(6));
        assert_eq!(first(&duplicates, "b", 611), None);
    }

    #[test]
    fn beyond_its_capacity_the_oldest_are_forgotten() {
        let duplicates = Duplicates::new(WINDOW, 3);
        let bodies = ["1", "2", "3", "4", "5"];
        for (body, sequence) in bodies.into_iter().zip(1..) {
            note(&duplicates, sequence, body, 0);
        }
        let found = bodies.map(|body| first(&duplicates, body, 0));
        assert_eq!(found, [None, None, Some(3), Some(4), Some(5)]);
        note(&duplicates, 6, "5", 0);
        note(&duplicates, 7, "5", 0);
        note(&duplicates, 8, "6", 0);
        assert_eq!(first(&duplicates, "5", 0), Some(6), "copies count too, and the next takes over");
        assert!(!note_older(&duplicates, 2, "2", 0, 0), "and full is full at the other end");
        assert_eq!(duplicates.lock().callbacks.len(), 3);
    }

    /// Against a list that is searched from its beginning.
    #[test]
    fn it_finds_what_a_plain_search_finds() {
        let (duplicates, capacity) = (Duplicates::new(Duration::from_secs(50), 40), 40);
        let mut plain: VecDeque<(i64, u64, &str)> = VecDeque::new();
        let bodies = ["a", "b", "c", "d", "e"];
        // Numbers go around the end of their range.
        duplicates.lock().first_number = u32::MAX - 3;
        let (mut oldest, mut newest, mut now) = (1000, 1001, 1000);
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let dice = (random >> 33) as usize;
            let body = bodies[dice % bodies.len()];
            now += i64::from(dice.is_multiple_of(7));
            plain.retain(|(time, ..)| now - time <= 50);
            duplicates.lock().forget_before(duplicates.oldest(at(now)));
            if dice.is_multiple_of(3) && oldest > 0 {
                // About as old as the oldest, since times never decrease along the log.
                let time = plain.front().map_or(now, |first| first.0);
                if note_older(&duplicates, oldest, body, time, now) {
                    plain.push_front((time, oldest, body));
                }
                oldest -= 1;
            } else {
                note(&duplicates, newest, body, now);
                plain.push_back((now, newest, body));
                newest += 1;
            }
            if plain.len() > capacity {
                plain.pop_front();
            }
            for body in bodies {
                let found = plain.iter().find(|callback| callback.2 == body).map(|callback| callback.1);
                assert_eq!(first(&duplicates, body, now), found);
            }
        }
        assert!(oldest < 990 && newest > 10_000, "both ends grew");
    }
}
