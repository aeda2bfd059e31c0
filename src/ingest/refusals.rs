//! Recently refused callbacks, and the last callback of each app, for operators.
//!
//! Memory is bounded: the last few refusals of each reason, so that many of one reason do not displace the
//! others. An entry has metadata of the callback, never its body, its URL's query or its signature.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    event::Timestamp,
    proto::{AppStatus, Refusal, RefusalCount, RefusalReason},
};

/// Refusals that are remembered of each reason. Beyond it the oldest of that reason is forgotten. About a
/// megabyte in all if every field has its maximum length.
pub const KEPT: usize = 50;
/// Log lines for each reason within [`LINES_TIME`]. Further refusals are only counted.
pub const LINES: u32 = 5;
/// Period of [`LINES`].
pub const LINES_TIME: Duration = Duration::from_secs(1);
/// Number of reasons. A new reason gets the next number.
const REASONS: usize = RefusalReason::LogClosed as usize + 1;
/// `last_accept` of an app without an accepted callback.
const NEVER: i64 = i64::MIN;

/// Refused and accepted callbacks since the process started.
#[derive(Debug)]
pub struct Refusals {
    start: Timestamp,
    /// Served apps. Other apps in URLs use no memory.
    apps: BTreeMap<u32, App>,
    refused: Mutex<Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    /// Number of refusals since the start.
    count: u64,
    reasons: [OfReason; REASONS],
}

/// Refusals of one reason.
#[derive(Debug, Default)]
struct OfReason {
    count: u64,
    /// The newest refusals, oldest first, at most [`KEPT`].
    kept: VecDeque<Kept>,
    lines: Lines,
}

#[derive(Debug)]
struct Kept {
    /// Position among all refusals, because the clock may go back.
    number: u64,
    time: Timestamp,
    refusal: Refusal,
}

/// Rate limit of log lines.
#[derive(Debug, Default)]
struct Lines {
    since: Option<Instant>,
    written: u32,
    left_out: u64,
}

/// State of one app.
#[derive(Debug)]
struct App {
    is_verified: AtomicBool,
    accepted: AtomicU64,
    /// Microseconds, or [`NEVER`].
    last_accept: AtomicI64,
    refused: Mutex<(u64, Option<(Timestamp, RefusalReason)>)>,
}

/// Decision whether a refusal gets a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It does.
    Written,
    /// It is the first of its reason that does not. After [`LINES_TIME`], [`Refusals::take_left_out`] returns
    /// how many there were.
    FirstLeftOut,
    /// It does not, and is not the first.
    LeftOut,
}

impl Refusals {
    /// Creates an empty memory for the served apps, each with whether its callbacks must be signed.
    pub fn new(apps: impl IntoIterator<Item = (u32, bool)>) -> Self {
        let app = |is_verified| App {
            is_verified: AtomicBool::new(is_verified),
            accepted: AtomicU64::new(0),
            last_accept: AtomicI64::new(NEVER),
            refused: Mutex::default(),
        };
        Self {
            start: Timestamp::now(),
            apps: apps.into_iter().map(|(app_id, is_verified)| (app_id, app(is_verified))).collect(),
            refused: Mutex::default(),
        }
    }

    /// Returns when this memory was created.
    pub fn start_time(&self) -> Timestamp {
        self.start
    }

    /// Sets whether an app's callbacks must be signed.
    pub fn set_verified(&self, app_id: u32, is_verified: bool) {
        if let Some(app) = self.apps.get(&app_id) {
            app.is_verified.store(is_verified, Ordering::Relaxed);
        }
    }

    /// Records that a callback of an app was stored.
    pub fn note_accepted(&self, app_id: u32, time: Timestamp) {
        if let Some(app) = self.apps.get(&app_id) {
            app.accepted.fetch_add(1, Ordering::Relaxed);
            app.last_accept.fetch_max(time.0, Ordering::Relaxed);
        }
    }

    /// Records a refused callback and sets its time.
    pub fn note_refused(&self, refusal: Refusal, time: Timestamp, now: Instant) -> Line {
        let reason = refusal.reason();
        if let Some(app) = self.apps.get(&refusal.sdk_app_id) {
            let mut refused = app.refused.lock();
            *refused = (refused.0 + 1, Some((time, reason)));
        }
        let mut refused = self.lock();
        let number = refused.count;
        refused.count += 1;
        let of_reason = &mut refused.reasons[reason as usize];
        of_reason.count += 1;
        if of_reason.kept.len() == KEPT {
            of_reason.kept.pop_front();
        }
        let refusal = Refusal { time: Some(time.into()), ..refusal };
        of_reason.kept.push_back(Kept { number, time, refusal });
        of_reason.lines.next(now)
    }

    /// Returns and resets the number of refusals with this reason that got no log line.
    pub fn take_left_out(&self, reason: RefusalReason) -> u64 {
        std::mem::take(&mut self.lock().reasons[reason as usize].lines.left_out)
    }

    /// Returns the remembered refusals, newest first: with one of `reasons`, this app, and a time from
    /// `since` on. An empty list, app 0 and `None` match all.
    pub fn list(&self, reasons: &[RefusalReason], app_id: u32, since: Option<Timestamp>) -> Vec<Refusal> {
        let refused = self.lock();
        let fits = |kept: &&Kept| {
            (reasons.is_empty() || reasons.contains(&kept.refusal.reason()))
                && (app_id == 0 || kept.refusal.sdk_app_id == app_id)
                && since.is_none_or(|since| kept.time >= since)
        };
        let mut found: Vec<_> = refused
            .reasons
            .iter()
            .flat_map(|of_reason| &of_reason.kept)
            .filter(fits)
            .map(|kept| (kept.number, kept.refusal.clone()))
            .collect();
        drop(refused);
        found.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        found.into_iter().map(|(_, refusal)| refusal).collect()
    }

    /// Returns the number of refusals of each reason that occurred.
    pub fn counts(&self) -> Vec<RefusalCount> {
        let refused = self.lock();
        let reasons = (0..).zip(&refused.reasons).filter(|(_, of_reason)| of_reason.count > 0);
        reasons.map(|(reason, of_reason)| RefusalCount { reason, count: of_reason.count }).collect()
    }

    /// Returns the state of each served app.
    pub fn apps(&self) -> Vec<AppStatus> {
        let status = |(&sdk_app_id, app): (&u32, &App)| {
            let last_accept = app.last_accept.load(Ordering::Relaxed);
            let (refused, last) = *app.refused.lock();
            AppStatus {
                sdk_app_id,
                is_verified: app.is_verified.load(Ordering::Relaxed),
                accepted: app.accepted.load(Ordering::Relaxed),
                last_accept_time: (last_accept != NEVER).then(|| Timestamp(last_accept).into()),
                refused,
                last_refusal_time: last.map(|(time, _)| time.into()),
                last_refusal_reason: last.map_or(RefusalReason::Unspecified, |(_, reason)| reason).into(),
            }
        };
        self.apps.iter().map(status).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Refused> {
        // Not poisoned by a panic: each change completes or does not begin.
        self.refused.lock()
    }
}

impl Lines {
    fn next(&mut self, now: Instant) -> Line {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= LINES_TIME) {
            self.since = Some(now);
            self.written = 0;
        }
        if self.written < LINES {
            self.written += 1;
            return Line::Written;
        }
        self.left_out += 1;
        if self.left_out == 1 { Line::FirstLeftOut } else { Line::LeftOut }
    }
}

/// Returns a reason's name in the API, without its prefix.
pub fn name(reason: RefusalReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("REFUSAL_REASON_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn refusal(reason: RefusalReason, app_id: u32) -> Refusal {
        Refusal { reason: reason.into(), sdk_app_id: app_id, ..Default::default() }
    }

    fn note(refusals: &Refusals, reason: RefusalReason, app_id: u32, time: i64) -> Line {
        refusals.note_refused(refusal(reason, app_id), Timestamp(time), Instant::now())
    }

    #[test]
    fn every_reason_has_an_entry() {
        for number in 0..REASONS {
            assert!(RefusalReason::try_from(number as i32).is_ok());
        }
        assert!(RefusalReason::try_from(REASONS as i32).is_err(), "the last reason has the highest number");
    }

    #[test]
    fn a_flood_of_one_reason_displaces_no_other_and_uses_bounded_memory() {
        let refusals = Refusals::new([]);
        note(&refusals, RefusalReason::SignWrong, 7, 1);
        for time in 0..10_000 {
            note(&refusals, RefusalReason::Path, 0, time);
        }
        let all = refusals.list(&[], 0, None);
        assert_eq!(all.len(), KEPT + 1);
        assert_eq!(all.last().unwrap().reason(), RefusalReason::SignWrong, "newest first");
        assert_eq!(all[0].time, Some(Timestamp(9_999).into()));
        assert!(refusals.lock().reasons[RefusalReason::Path as usize].kept.capacity() <= 2 * KEPT);
        let counts = [(RefusalReason::Path, 10_000), (RefusalReason::SignWrong, 1)];
        assert_eq!(
            refusals.counts(),
            counts.map(|(reason, count)| RefusalCount { reason: reason.into(), count })
        );
    }

    #[test]
    fn all_remembered_refusals_fit_in_a_response() {
        let refusals = Refusals::new([]);
        for reason in (0..REASONS as i32).filter_map(|reason| RefusalReason::try_from(reason).ok()) {
            for _ in 0..=KEPT {
                let longest = Refusal {
                    peer: "x".repeat(60),
                    error_info: "x".repeat(200),
                    command: "x".repeat(128),
                    ..refusal(reason, u32::MAX)
                };
                refusals.note_refused(longest, Timestamp::now(), Instant::now());
            }
        }
        let list = refusals.list(&[], 0, None);
        assert_eq!(list.len(), REASONS * KEPT);
        assert!(list.iter().map(|refusal| refusal.encoded_len() + 4).sum::<usize>() < 3 << 20);
    }

    #[test]
    fn a_list_is_filtered_by_reason_app_and_time() {
        let refusals = Refusals::new([]);
        for (reason, app_id, time) in [
            (RefusalReason::SignWrong, 7, 1),
            (RefusalReason::SignMissing, 7, 2),
            (RefusalReason::SignWrong, 8, 3),
            // The clock goes back.
            (RefusalReason::CommandMissing, 8, 1),
        ] {
            note(&refusals, reason, app_id, time);
        }
        let times = |reasons: &[RefusalReason], app_id, since: Option<i64>| -> Vec<_> {
            let found = refusals.list(reasons, app_id, since.map(Timestamp));
            found.into_iter().map(|refusal| (refusal.reason(), refusal.sdk_app_id)).collect()
        };
        use RefusalReason::{CommandMissing, SignMissing, SignWrong};
        assert_eq!(
            times(&[], 0, None),
            [(CommandMissing, 8), (SignWrong, 8), (SignMissing, 7), (SignWrong, 7)]
        );
        assert_eq!(times(&[SignWrong], 0, None), [(SignWrong, 8), (SignWrong, 7)]);
        assert_eq!(times(&[SignWrong, CommandMissing], 8, None), [(CommandMissing, 8), (SignWrong, 8)]);
        assert_eq!(times(&[], 0, Some(2)), [(SignWrong, 8), (SignMissing, 7)]);
        assert_eq!(times(&[SignMissing], 8, None), []);
    }

    #[test]
    fn an_app_that_is_not_served_uses_no_memory() {
        let refusals = Refusals::new([(7, true)]);
        for app_id in [7, 8, 0] {
            note(&refusals, RefusalReason::SignWrong, app_id, 5);
            refusals.note_accepted(app_id, Timestamp(6));
        }
        refusals.note_accepted(7, Timestamp(4));
        let apps = refusals.apps();
        assert_eq!(apps.len(), 1);
        assert_eq!((apps[0].sdk_app_id, apps[0].is_verified), (7, true));
        assert_eq!((apps[0].accepted, apps[0].refused), (2, 1));
        assert_eq!(apps[0].last_accept_time, Some(Timestamp(6).into()));
        assert_eq!(apps[0].last_refusal_time, Some(Timestamp(5).into()));
        assert_eq!(apps[0].last_refusal_reason(), RefusalReason::SignWrong);
    }

    #[test]
    fn log_lines_of_a_reason_are_limited_and_suppressed_ones_are_counted() {
        let refusals = Refusals::new([]);
        let begin = Instant::now();
        let next = |reason, millis| {
            refusals.note_refused(refusal(reason, 7), Timestamp(0), begin + Duration::from_millis(millis))
        };
        use RefusalReason::{CommandMissing, SignWrong};
        assert!((0..LINES).all(|_| next(SignWrong, 0) == Line::Written));
        assert_eq!(next(SignWrong, 500), Line::FirstLeftOut);
        assert_eq!(next(SignWrong, 999), Line::LeftOut);
        assert_eq!(next(CommandMissing, 999), Line::Written, "each reason has its own bound");
        assert_eq!(next(SignWrong, 1000), Line::Written);
        assert_eq!(refusals.take_left_out(SignWrong), 2);
        assert_eq!((refusals.take_left_out(SignWrong), refusals.take_left_out(CommandMissing)), (0, 0));
    }
}
