//! Logs: to standard error, for people on a terminal and as JSON otherwise.
//!
//! A thread of its own writes them: whoever reads standard error, and stops, must
//! not stop the gateway. Lines that it cannot write in time are lost, and counted.
//! Lines of libraries are limited, because clients can cause them.

mod limit;

use std::{
    io::{self, IsTerminal as _},
    sync::{Mutex, OnceLock, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Registry, filter::LevelFilter, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use self::limit::LibraryLimit;
pub(crate) use self::limit::left_out_lines;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The NATS client. It logs each complaint of a server's at level `info`, of which there may be several for every
/// callback; the gateway logs them itself, with a limit. So its lines need a level of their own.
const NATS_CLIENT: &str = "async_nats";

/// Time between two lines of a [`LineLimit`].
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Limit on log lines that a stranger can cause: one in 10 seconds.
#[derive(Debug, Default)]
pub(crate) struct LineLimit(Mutex<(Option<Instant>, u64)>);

impl LineLimit {
    /// The next line is written.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns whether to write a line now, with the number of lines left out since the last one.
    pub(crate) fn next(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = &mut *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < LINE_INTERVAL) {
            *left_out += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(left_out))
    }
}

/// Which log lines are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// A level, or several by module, as `tracing_subscriber::EnvFilter` has them.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A word alone would be the name of a module, and all others would be silent.
        let is_clear = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
        if let Some(part) = text.split(',').find(|part| !is_clear(part)) {
            return Err(format!(
                "`{}` is none of error, warn, info, debug, trace, off; for a module write callback_gateway=debug",
                part.escape_debug()
            ));
        }
        let filter = EnvFilter::builder().parse(text);
        filter.map(|_| Self(text.to_owned())).map_err(|error| {
            format!(
                "{error}; write a level such as info, or levels by module such as info,callback_gateway=debug"
            )
        })
    }

    fn filter(&self) -> EnvFilter {
        let filter = EnvFilter::builder().parse_lossy(&self.0);
        let is_quiet = filter.max_level_hint().is_some_and(|level| level <= LevelFilter::WARN);
        if is_quiet || self.0.contains(NATS_CLIENT) {
            return filter;
        }
        EnvFilter::builder().parse_lossy(format!("{},{NATS_CLIENT}=warn", self.0))
    }
}

/// Changes which log lines are written, while the program runs.
#[derive(Debug, Clone)]
pub(crate) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Puts a filter into force.
    pub(crate) fn set(&self, filter: &LogFilter) {
        // Fails only when logging has ended.
        self.0.reload(filter.filter()).ok();
    }
}

/// Lines that wait to be written; beyond it further ones are lost. Some megabytes
/// at level `trace`.
const QUEUED_LINES: usize = 8192;

/// Of the one that writes this process' lines.
static LOST_LINES: OnceLock<ErrorCounter> = OnceLock::new();

/// How long the last lines may take to be written: whoever should read them may have stopped.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Logging, as long as it lives. Dropped, it writes what is queued, within two seconds.
#[derive(Debug)]
pub(crate) struct Logs {
    level: LogLevel,
    writer: Option<WorkerGuard>,
}

impl Drop for Logs {
    fn drop(&mut self) {
        let writer = self.writer.take();
        // By itself it says on standard output that it could not, and waits for that.
        last_lines(move || drop(writer));
    }
}

/// Does what may wait for a reader of standard error or output, for [`LAST_LINES`] at
/// most: nobody who reads must not mean a process that does not end.
pub(crate) fn last_lines(write: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name("last-lines".to_owned()).spawn(move || {
        write();
        drop(done);
    });
    if thread.is_ok() {
        ended.recv_timeout(LAST_LINES).ok();
    }
}

impl Logs {
    /// What changes which lines are written.
    pub(crate) fn level(&self) -> LogLevel {
        self.level.clone()
    }
}

/// How many log lines of this process were lost.
pub(crate) fn lost_lines() -> u64 {
    LOST_LINES.get().map_or(0, |counter| counter.dropped_lines() as u64)
}

/// Starts logging; it can be started once.
pub(crate) fn init(
    format: LogFormat,
    filter: &LogFilter,
) -> Result<Logs, Box<dyn std::error::Error + Send + Sync>> {
    let (filter, handle) = reload::Layer::new(filter.filter());
    let json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUED_LINES);
    let (writer, guard) = queue.thread_name("log-lines").finish(io::stderr());
    let lost = writer.error_counter();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter).with(LibraryLimit::default());
    if json {
        registry.with(lines.json().flatten_event(true)).try_init()?;
    } else {
        registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init()?;
    }
    // The first one counts, as it does for logging itself.
    LOST_LINES.set(lost).ok();
    Ok(Logs { level: LogLevel(handle), writer: Some(guard) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nats_client_is_quiet_unless_it_is_asked_for() {
        let filter = |text: &str| LogFilter::parse(text).unwrap().filter().to_string();
        for (text, written) in [
            ("info", "async_nats=warn,info"),
            ("debug,callback_gateway=trace", "callback_gateway=trace,async_nats=warn,debug"),
            ("info,async_nats=debug", "async_nats=debug,info"),
            ("error", "error"),
            ("off", "off"),
        ] {
            let sorted =
                |text: &str| text.split(',').map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
            assert_eq!(sorted(&filter(text)), sorted(written), "{text}");
        }
    }

    #[test]
    fn a_line_limit_allows_one_line_and_counts_the_others() {
        let limit = LineLimit::new();
        assert_eq!(limit.next(), Some(0));
        assert_eq!((limit.next(), limit.next()), (None, None));
        limit.0.lock().unwrap().0 = Instant::now().checked_sub(LINE_INTERVAL);
        assert_eq!(limit.next(), Some(2));
        assert_eq!(limit.next(), None);
    }
}
