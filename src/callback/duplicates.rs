//! Finds callbacks that came in before: the vendor's retry, perhaps.
//!
//! Equal bodies are no proof of a duplicate: add, delete and add again gives the
//! same bodies. So a repeated callback is marked, never dropped.
//!
//! The memory is fed from the log's tail, not by whoever stored the callback: the
//! callbacks that are sent again are those whose sender gave up waiting.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::event::{Record, Sequence, Timestamp};

/// Most callbacks remembered; beyond it the oldest are forgotten early. About
/// 24 MB at most, and ten minutes at 800 a second.
pub const MAX_REMEMBERED: usize = 500_000;

/// The callbacks that were stored within a window of time.
#[derive(Debug)]
pub struct Duplicates {
    /// In microseconds, as the log's times are.
    window: i64,
    capacity: usize,
    /// Keyed at random, so that nobody can make bodies that look alike.
    hasher: RandomState,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The first event with each hash.
    first: HashMap<u64, Sequence>,
    /// By age, the oldest first.
    order: VecDeque<(Timestamp, u64)>,
}

impl Duplicates {
    /// Remembers callbacks for `window`, at most `capacity` of them. With a window
    /// of zero nothing is found.
    pub fn new(window: Duration, capacity: usize) -> Self {
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        Self { window, capacity, hasher: RandomState::new(), seen: Mutex::default() }
    }

    /// Whether anything is remembered at all.
    pub fn is_on(&self) -> bool {
        self.window > 0
    }

    /// The first stored event with the same app, command and body within the
    /// window before `now`. Two copies in flight at once do not find each other.
    pub fn first(&self, sdk_app_id: u32, command: &str, body: &[u8], now: Timestamp) -> Option<Sequence> {
        if !self.is_on() {
            return None;
        }
        let hash = self.hash(sdk_app_id, command, body);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget(self.capacity, self.oldest(now));
        seen.first.get(&hash).copied()
    }

    /// Takes in a stored event. Events come in the log's order.
    pub fn note(&self, record: &Record) {
        let (stored, time) = (record.stored(), record.receive_time());
        let hash = self.hash(stored.sdk_app_id(), stored.command(), stored.raw_body());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is looked for: one that is too old is not the first any more.
        seen.forget(self.capacity, self.oldest(time));
        if let Entry::Vacant(entry) = seen.first.entry(hash) {
            entry.insert(record.sequence());
            seen.order.push_back((time, hash));
        }
    }

    /// The oldest receive time that is remembered.
    pub fn oldest(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(self.window))
    }

    /// Most callbacks remembered.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    fn hash(&self, sdk_app_id: u32, command: &str, body: &[u8]) -> u64 {
        self.hasher.hash_one((sdk_app_id, command, body))
    }
}

impl Seen {
    fn forget(&mut self, capacity: usize, oldest: Timestamp) {
        while let Some(&(time, hash)) = self.order.front() {
            if self.order.len() < capacity && time >= oldest {
                return;
            }
            self.order.pop_front();
            self.first.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Epoch, NameSet, RecordParts};

    const SECOND: i64 = 1_000_000;
    const WINDOW: Duration = Duration::from_secs(600);

    fn note(duplicates: &Duplicates, sequence: u64, body: &str, seconds: i64) {
        let stored = RecordParts {
            command: "A.B",
            kind: 0,
            sdk_app_id: 7,
            typed: false,
            accounts: &NameSet::default(),
            group_ids: &NameSet::default(),
            event: b"",
            raw_body: body,
        };
        let time = Timestamp(seconds * SECOND);
        duplicates.note(&Record::new(Epoch(1), Sequence(sequence), time, stored.encode()));
    }

    fn first(duplicates: &Duplicates, body: &str, seconds: i64) -> Option<u64> {
        let now = Timestamp(seconds * SECOND);
        duplicates.first(7, "A.B", body.as_bytes(), now).map(|sequence| sequence.0)
    }

    #[test]
    fn a_repeated_callback_finds_the_first_one_within_the_window() {
        let duplicates = Duplicates::new(WINDOW, 10);
        assert_eq!(first(&duplicates, "{}", 0), None);
        note(&duplicates, 5, "{}", 0);
        note(&duplicates, 9, "{}", 599);
        assert_eq!(first(&duplicates, "{}", 600), Some(5), "the first, not the last");
        assert_eq!(first(&duplicates, "{}", 601), None);
        note(&duplicates, 12, "{}", 700);
        assert_eq!(first(&duplicates, "{}", 701), Some(12));
    }

    #[test]
    fn another_app_command_or_body_is_another_callback() {
        let duplicates = Duplicates::new(WINDOW, 10);
        note(&duplicates, 1, "{}", 0);
        let now = Timestamp(0);
        assert!(duplicates.first(7, "A.B", b"{}", now).is_some());
        for (app, command, body) in [(8, "A.B", "{}"), (7, "A.C", "{}"), (7, "A.B", "{ }"), (7, "A.B{", "}")]
        {
            assert_eq!(duplicates.first(app, command, body.as_bytes(), now), None);
        }
    }

    #[test]
    fn beyond_its_capacity_the_oldest_are_forgotten() {
        let duplicates = Duplicates::new(WINDOW, 3);
        let bodies = ["1", "2", "3", "4", "5"];
        for (body, sequence) in bodies.into_iter().zip(1..) {
            note(&duplicates, sequence, body, 0);
        }
        let found = bodies.map(|body| first(&duplicates, body, 0));
        assert_eq!(found[..3], [None; 3]);
        assert_eq!(found[4], Some(5));
    }
}
