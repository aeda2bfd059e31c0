//! Detection of repeated callbacks, such as retries of the vendor.
//!
//! Equal bodies do not prove a duplicate: add, delete and add again have the same bodies. So a repeated
//! callback is marked, never dropped.
//!
//! The log's tail feeds the memory, not the task that stored the callback: the vendor retries callbacks whose
//! sender stopped waiting for the response. After a start the memory grows at both ends: new events at one
//! end, and at the other end stored events, newest first, because these are retried.
//!
//! The monotonic clock measures the window, so that it also ends if the system clock is wrong or is set.
//! Receive times only give the age of an event when it is added.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use crate::event::{Record, Sequence, Timestamp};

/// Maximum number of remembered callbacks. Beyond it the oldest are forgotten early. About 35 MB at most, and
/// ten minutes at 750 callbacks per second.
///
/// A hash table of 2^20 places is full at 7/8. With insertions and removals it cleans itself in place up to
/// half of that, 458,752, and doubles beyond.
pub const MAX_REMEMBERED: usize = 450_000;

/// Maximum time that a stored event may be ahead of the system clock, after a small correction of the clock.
/// Beyond it the age of the event is unknown.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// A point in time on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since the memory was created.
    monotonic: i64,
    /// System clock, as in receive times.
    clock: Timestamp,
}

/// Callbacks that were stored within a window of time.
#[derive(Debug)]
pub struct Duplicates {
    start: Instant,
    /// In microseconds.
    window: i64,
    capacity: usize,
    /// Random keys, so that a client cannot construct bodies with equal hashes.
    hasher: RandomState,
    recent: Mutex<RecentCallbacks>,
}

/// Callbacks in the window, with a chain for each hash.
#[derive(Debug, Default)]
struct RecentCallbacks {
    /// In log order, without gaps. Grows at both ends, and is forgotten from the front.
    callbacks: VecDeque<Callback>,
    /// Number of the first of `callbacks`. The others have the following numbers, which wrap around. Numbers
    /// stay while positions move.
    first_number: u32,
    /// First and last callback with each hash.
    chains: HashMap<u64, Chain>,
}

#[derive(Debug)]
struct Callback {
    /// Receive time, as [`Moment::monotonic`]. Negative before the memory was created.
    time: i64,
    sequence: Sequence,
    hash: u64,
    /// Number of the next callback with the same hash, or its own number if there is none.
    next: u32,
}

/// Numbers of callbacks with the same hash.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

impl Duplicates {
    /// Creates a memory of `window` and at most `capacity` callbacks. A window of zero disables detection.
    pub fn new(window: Duration, capacity: usize) -> Self {
        assert!((1..=u32::MAX as usize / 2).contains(&capacity), "callbacks are numbered in 32 bits");
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        Self { start: Instant::now(), window, capacity, hasher: RandomState::new(), recent: Mutex::default() }
    }

    /// Returns whether detection is enabled.
    pub fn is_on(&self) -> bool {
        self.window > 0
    }

    /// Returns the current time.
    pub fn now(&self) -> Moment {
        let monotonic = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        Moment { monotonic, clock: Timestamp::now() }
    }

    /// Returns the first stored event with the same app, command and body within the window before `now`. Two
    /// copies in flight at the same time do not find each other.
    pub fn first(&self, sdk_app_id: u32, command: &str, body: &[u8], now: Moment) -> Option<Sequence> {
        if !self.is_on() {
            return None;
        }
        let hash = self.hash(sdk_app_id, command, body);
        let mut recent = self.lock();
        recent.forget_before(self.oldest(now));
        recent.chains.get(&hash).map(|chain| recent.get(chain.first).sequence)
    }

    /// Adds an event that was stored since the start. Must be called in log order.
    pub fn note(&self, record: &Record, now: Moment) {
        let callback = self.callback(record, now);
        let mut recent = self.lock();
        recent.forget_before(self.oldest(now));
        while recent.callbacks.len() >= self.capacity {
            recent.forget_first();
        }
        recent.push_back(callback);
    }

    /// Adds an event that was stored before all remembered ones, at the time `now`. Returns whether an older
    /// one can be added: not if this one was too old or of unknown age, or if the memory is full. The memory
    /// has no gaps, and a full memory may have forgotten newer ones.
    pub fn note_older(&self, record: &Record, now: Moment) -> bool {
        let callback = self.callback(record, now);
        let is_ahead = record.receive_time().since(now.clock) > CLOCK_TOLERANCE;
        let mut recent = self.lock();
        if is_ahead || recent.callbacks.len() >= self.capacity || callback.time < self.oldest(now) {
            return false;
        }
        recent.push_front(callback);
        true
    }

    /// Returns the oldest remembered time.
    fn oldest(&self, now: Moment) -> i64 {
        now.monotonic.saturating_sub(self.window)
    }

    fn callback(&self, record: &Record, now: Moment) -> Callback {
        let stored = record.stored();
        let hash = self.hash(stored.sdk_app_id(), stored.command(), stored.raw_body());
        let age = now.clock.since(record.receive_time()).as_micros();
        let time = now.monotonic.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX));
        // `next` is set when the callback gets its number.
        Callback { time, sequence: record.sequence(), hash, next: 0 }
    }

    fn hash(&self, sdk_app_id: u32, command: &str, body: &[u8]) -> u64 {
        self.hasher.hash_one((sdk_app_id, command, body))
    }

    fn lock(&self) -> MutexGuard<'_, RecentCallbacks> {
        // Not poisoned by a panic: each change completes or does not begin.
        self.recent.lock()
    }
}

impl RecentCallbacks {
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

    /// Forgets the oldest callback, which is the first with its hash. The next one with the same hash becomes
    /// the first.
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

    /// Both clocks started together and run equally.
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
    fn earlier_events_are_added_backwards_while_new_ones_arrive() {
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
    fn a_different_app_command_or_body_is_a_different_callback() {
        let duplicates = Duplicates::new(WINDOW, 10);
        note(&duplicates, 1, "{}", 0);
        let now = at(0);
        assert!(duplicates.first(7, "A.B", b"{}", now).is_some());
        for (app, command, body) in [(8, "A.B", "{}"), (7, "A.C", "{}"), (7, "A.B", "{ }"), (7, "A.B{", "}")]
        {
            assert_eq!(duplicates.first(app, command, body.as_bytes(), now), None);
        }
    }

    /// After events were stored with a clock ten years ahead, receive times stand still at that time.
    #[test]
    fn the_window_ends_while_receive_times_stand_still_ahead_of_the_clock() {
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
            // The age of events stored after the jump is known.
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
        assert!(!note_older(&duplicates, 2, "2", 0, 0), "a full memory accepts no older ones");
        assert_eq!(duplicates.lock().callbacks.len(), 3);
    }

    /// Compares with a list that is searched from its beginning.
    #[test]
    fn results_equal_those_of_a_linear_search() {
        let (duplicates, capacity) = (Duplicates::new(Duration::from_secs(50), 40), 40);
        let mut plain: VecDeque<(i64, u64, &str)> = VecDeque::new();
        let bodies = ["a", "b", "c", "d", "e"];
        // Numbers wrap around.
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
                // About as old as the oldest, because receive times never decrease along the log.
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
