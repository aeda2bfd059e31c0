//! Detects jumps of the system clock, to protect retention by age.
//!
//! After the clock jumps ahead, every event seems too old. So after a jump, deletion by age is suspended
//! until the clock is right again, at most for a day. The last trusted time is stored in
//! [`EndMark`](super::end::EndMark), so that a jump is also detected across a restart.

use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension as _, TransactionBehavior, params};

use super::{
    OpenError,
    reader::{RawRecord, is_damage},
    sqlite_error,
    store::Store,
};
use crate::event::Timestamp;

/// Gain of the system clock on the monotonic clock that counts as a jump. The clock was set, or was wrong
/// before, or the machine was suspended.
const JUMP: Duration = Duration::from_secs(60);
/// Maximum time between two runs of the gateway that does not count as a jump. Less with a short retention by
/// age: an eighth of it.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// Suspension of deletion by age after a jump. Gives an operator time to correct the clock.
const HOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// 2024-01-01. An earlier clock is certainly wrong, and no times are corrected by it.
const PLAUSIBLE: Timestamp = Timestamp(1_704_067_200_000_000);
/// Maximum number of events whose times are corrected in one transaction.
const CORRECTED_AT_ONCE: i64 = 1000;

/// System clock with jump detection.
#[derive(Debug)]
pub(super) struct Clock {
    /// The last trusted time, and the monotonic time of that moment.
    anchor: (Timestamp, Instant),
    hold: Option<Hold>,
}

#[derive(Debug)]
struct Hold {
    until: Instant,
    /// Maximum gain since the anchor at which the clock counts as right again.
    limit: Duration,
}

impl Clock {
    /// Creates a clock at `now`. `last` is the last time that an earlier run trusted. `age` is the retention
    /// by age; without it, a jump before the start does not matter.
    pub(super) fn new(now: Timestamp, at: Instant, last: Option<Timestamp>, age: Option<Duration>) -> Self {
        let mut clock = Self { anchor: (now, at), hold: None };
        if let (Some(last), Some(age)) = (last, age) {
            clock.anchor.0 = last;
            clock.look(now, at, MAX_PAUSE.min(age / 8).max(JUMP));
        }
        clock
    }

    /// Returns the time, or `None` while deletion by age is suspended after a jump.
    pub(super) fn trusted(&mut self, now: Timestamp, at: Instant) -> Option<Timestamp> {
        self.look(now, at, JUMP);
        self.hold.is_none().then_some(now)
    }

    /// Returns the last trusted time.
    pub(super) fn last_trusted(&self) -> Timestamp {
        self.anchor.0
    }

    /// Returns whether deletion by age is suspended.
    pub(super) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    fn look(&mut self, now: Timestamp, at: Instant, limit: Duration) {
        let elapsed = at.saturating_duration_since(self.anchor.1);
        let ahead = now.since(self.anchor.0).saturating_sub(elapsed);
        match &self.hold {
            None if ahead > limit => {
                self.hold = Some(Hold { until: at + HOLD, limit });
                tracing::error!(
                    ?ahead,
                    hold = ?HOLD,
                    "the system clock jumped ahead; retention by age is suspended, so that a wrong clock deletes \
                     no events: correct the clock, or wait until the suspension ends"
                );
                return;
            }
            Some(hold) if ahead <= hold.limit => {
                tracing::info!("the system clock was corrected; retention by age resumes");
            }
            Some(hold) if at >= hold.until => {
                tracing::warn!("the system clock was not corrected within a day; retention by age resumes");
            }
            Some(_) => return,
            None => {}
        }
        self.hold = None;
        self.anchor = (now, at);
    }
}

impl Store {
    /// Sets receive times that are ahead of `now`, because the clock was wrong, to `now`. Otherwise receive
    /// times would stand still until the clock catches up, because they never decrease along the log.
    ///
    /// Can be repeated after an interruption. The log must then begin a new epoch: the events no longer match
    /// their earlier cursors.
    pub(super) fn correct_times(&mut self, now: Timestamp) -> Result<(), OpenError> {
        if self.state().last_time.since(now) <= JUMP {
            return Ok(());
        }
        if now < PLAUSIBLE {
            tracing::error!(
                "the system clock is before 2024; receive times of stored events are not corrected: set the clock"
            );
            return Ok(());
        }
        match self.set_times(now) {
            Ok(corrected) => {
                tracing::warn!(
                    corrected,
                    "receive times that were ahead of the system clock were set to the current time"
                );
                Ok(())
            }
            Err(error) if is_damage(&error) => {
                tracing::error!(%error, "not all receive times could be corrected: the store is damaged");
                Ok(())
            }
            Err(error) => Err(sqlite_error(&self.path)(error)),
        }
    }

    fn set_times(&mut self, now: Timestamp) -> rusqlite::Result<usize> {
        // Searches from the newest event down, and stops at the first right time.
        let before = "SELECT sequence FROM record WHERE receive_time <= ?1 ORDER BY sequence DESC LIMIT 1";
        let before = self.connection.query_row(before, [now.0], |row| row.get(0)).optional()?;
        let (mut next, mut corrected) = (before.unwrap_or(0_i64) + 1, 0);
        let newest = self.state().tail.end.0.cast_signed();
        while next < newest {
            let end = next.saturating_add(CORRECTED_AT_ONCE);
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut select = transaction.prepare_cached(
                    "SELECT sequence, receive_time, checksum, record FROM record \
                     WHERE sequence >= ?1 AND sequence < ?2 AND receive_time > ?3",
                )?;
                let mut update = transaction.prepare_cached(
                    "UPDATE record SET receive_time = ?2, checksum = ?3 WHERE sequence = ?1",
                )?;
                let rows = select.query_map([next, end, now.0], RawRecord::read)?;
                // Damaged rows stay unchanged.
                let rows = rows.filter(|row| row.as_ref().map_or(true, RawRecord::is_intact));
                for row in rows.collect::<rusqlite::Result<Vec<_>>>()? {
                    let sequence = row.sequence.0.cast_signed();
                    corrected += update.execute(params![sequence, now.0, i64::from(row.check_at(now))])?;
                }
            }
            transaction.commit()?;
            next = end;
        }
        // `last_time` is the receive time of the newest deleted event.
        self.connection
            .execute("UPDATE meta SET value = min(value, ?1) WHERE name = 'last_time'", [now.0])?;
        Ok(corrected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;
    const NOW: Timestamp = Timestamp(1_800_000_000 * SECOND);

    /// System clock and monotonic clock.
    struct Clocks {
        clock: Clock,
        now: Timestamp,
        at: Instant,
    }

    impl Clocks {
        /// Creates clocks at a start, `seconds` after the end of the last run.
        fn after_pause(seconds: i64, age: Option<Duration>) -> Self {
            let at = Instant::now();
            let clock = Clock::new(NOW, at, Some(Timestamp(NOW.0 - seconds * SECOND)), age);
            Self { clock, now: NOW, at }
        }

        /// Advances both clocks by `seconds`, and the system clock by `gained` more.
        fn look_after(&mut self, seconds: u64, gained: i64) -> Option<Timestamp> {
            self.at += Duration::from_secs(seconds);
            self.now.0 += (seconds.cast_signed() + gained) * SECOND;
            self.clock.trusted(self.now, self.at)
        }
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_not_trusted_for_a_day() {
        let mut clocks = Clocks::after_pause(0, Some(Duration::from_secs(DAY)));
        for seconds in [0, 1, HOUR, 30 * DAY] {
            assert_eq!(clocks.look_after(seconds, 0), Some(clocks.now), "both clocks advanced");
        }
        assert_eq!(clocks.look_after(1, 59), Some(clocks.now), "small corrections are trusted");
        assert_eq!(clocks.look_after(1, -3600), Some(clocks.now), "a clock that went back deletes no events");
        assert_eq!(clocks.look_after(1, 3600), None);
        let trusted = clocks.clock.last_trusted();
        assert_eq!(clocks.look_after(1, 0), None);
        assert_eq!(clocks.look_after(DAY - 2, 0), None);
        assert_eq!(clocks.clock.last_trusted(), trusted, "a restart meanwhile detects the jump again");
        assert_eq!(clocks.look_after(1, 0), Some(clocks.now));
        assert_eq!(clocks.clock.last_trusted(), clocks.now);
    }

    #[test]
    fn a_corrected_clock_is_trusted_at_once() {
        let mut clocks = Clocks::after_pause(0, Some(Duration::from_secs(DAY)));
        let ten_years = 10 * 365 * DAY.cast_signed();
        assert_eq!(clocks.look_after(1, ten_years), None);
        assert_eq!(clocks.look_after(HOUR, 0), None);
        assert_eq!(clocks.look_after(1, -ten_years), Some(clocks.now));
    }

    #[test]
    fn a_start_long_after_the_last_run_deletes_nothing_for_a_day() {
        let days = |days| Some(Duration::from_secs(days * DAY));
        for (pause, age, is_held) in [
            (20 * HOUR, days(7), false),
            (22 * HOUR, days(7), true),
            (23 * HOUR, days(30), false),
            (25 * HOUR, days(30), true),
            (2 * HOUR, days(1), false),
            (4 * HOUR, days(1), true),
            (10 * 365 * DAY, days(7), true),
            (10 * 365 * DAY, None, false),
        ] {
            let mut clocks = Clocks::after_pause(pause.cast_signed(), age);
            assert_eq!(clocks.clock.is_held(), is_held, "{pause} {age:?}");
            assert_eq!(clocks.look_after(1, 0).is_none(), is_held);
            assert_eq!(clocks.look_after(DAY, 0), Some(clocks.now), "deletion resumes");
        }
        // Corrected so that the pause is an ordinary one.
        let mut clocks = Clocks::after_pause(365 * DAY.cast_signed(), days(7));
        assert_eq!(
            clocks.look_after(60, -364 * DAY.cast_signed() - 12 * HOUR.cast_signed()),
            Some(clocks.now)
        );
    }

    #[test]
    fn a_clock_behind_the_last_run_is_not_a_jump() {
        let mut clocks = Clocks::after_pause(-365 * DAY.cast_signed(), Some(Duration::from_secs(DAY)));
        assert_eq!(clocks.look_after(1, 0), Some(clocks.now));
    }
}
