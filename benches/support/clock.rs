//! The system's monotonic clock, which all processes share, and a timer that is more exact than the runtime's
//! timers, whose unit is a millisecond.

use std::os::fd::OwnedFd;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A second in nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// Returns the monotonic time in nanoseconds. All processes have the same zero.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

/// Timer with a precision of about 50 microseconds.
pub struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    #[expect(
        deprecated,
        reason = "its successor is unsafe, because of types that do not own their descriptor"
    )]
    pub fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Self(AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags).unwrap()).unwrap())
    }

    /// Waits until [`now`] is `moment`.
    pub async fn until(&self, moment: u64) {
        if moment <= now() {
            return;
        }
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let moment = Timespec { tv_sec: (moment / SECOND) as i64, tv_nsec: (moment % SECOND) as i64 };
        let setting = Itimerspec { it_interval: none, it_value: moment };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::ABSTIME, &setting).unwrap();
        loop {
            let mut ready = self.0.readable().await.unwrap();
            let mut expirations = [0; 8];
            match rustix::io::read(self.0.get_ref(), &mut expirations) {
                Ok(_) => return,
                Err(_) => ready.clear_ready(),
            }
        }
    }
}

/// Durations in nanoseconds, for percentiles.
#[derive(Debug, Clone, Default)]
pub struct Times(pub Vec<u64>);

impl Times {
    /// Returns a quantile in milliseconds. `share` is from 0 to 1.
    pub fn millis(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        let at = ((self.0.len() - 1) as f64 * share).round() as usize;
        *self.0.select_nth_unstable(at).1 as f64 / 1e6
    }
}
