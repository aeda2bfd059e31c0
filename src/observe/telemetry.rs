//! Log lines, written to standard error: text on a terminal, JSON otherwise.
//!
//! A thread of its own writes them, so that a reader of standard error that stops reading does not stop the
//! gateway. Lines that cannot be written in time are dropped and counted. Lines of libraries are rate
//! limited, because clients can cause them.

mod limit;

use std::{
    io::{self, IsTerminal as _},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Registry, filter::LevelFilter, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use self::limit::LibraryLimit;
pub(crate) use self::limit::left_out_lines;

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Target of the NATS client's lines. It logs each server error at level `info`, which can be several for
/// each callback. The gateway logs these errors itself, with a limit, so the target has a level of its own.
const NATS_CLIENT: &str = "async_nats";

/// Interval between two lines of a [`LineLimit`].
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Rate limit for log lines that strangers can cause: one line in 10 seconds.
#[derive(Debug, Default)]
pub(crate) struct LineLimit(Mutex<(Option<Instant>, u64)>);

impl LineLimit {
    /// Creates a limit that allows the next line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns whether to write a line now, and then the number of suppressed lines since the last one.
    pub(crate) fn next(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock();
        let (last, left_out) = &mut *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < LINE_INTERVAL) {
            *left_out += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(left_out))
    }
}

/// Filter of log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// Parses a level, or levels by module, in the syntax of `tracing_subscriber::EnvFilter`.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A single word would be parsed as a module's name, which would silence all other modules.
        let is_clear = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
        if let Some(part) = text.split(',').find(|part| !is_clear(part)) {
            return Err(format!(
                "`{}` is not one of error, warn, info, debug, trace, off; for a module use callback_gateway=debug",
                part.escape_debug()
            ));
        }
        let filter = EnvFilter::builder().parse(text);
        filter.map(|_| Self(text.to_owned())).map_err(|error| {
            format!(
                "{error}; use a level such as info, or levels by module such as info,callback_gateway=debug"
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

/// Handle that changes the filter while the program runs.
#[derive(Debug, Clone)]
pub(crate) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Applies a filter.
    pub(crate) fn set(&self, filter: &LogFilter) {
        // Fails only after logging has ended.
        self.0.reload(filter.filter()).ok();
    }
}

/// Maximum lines in the queue. Beyond it, lines are dropped. Takes some megabytes at level `trace`.
const QUEUED_LINES: usize = 8192;

/// Counter of this process' log writer.
static LOST_LINES: OnceLock<ErrorCounter> = OnceLock::new();

/// Time for the last lines to be written. The reader of standard error may have stopped.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Guard that keeps logging running. Dropping it writes the queued lines, within two seconds.
#[derive(Debug)]
pub(crate) struct Logs {
    level: LogLevel,
    writer: Option<WorkerGuard>,
}

impl Drop for Logs {
    fn drop(&mut self) {
        let writer = self.writer.take();
        // On a timeout the guard blocks, to report it on standard output.
        last_lines(move || drop(writer));
    }
}

/// Runs a write that may block on standard error or output for at most [`LAST_LINES`]: a stopped reader must
/// not keep the process from exiting.
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
    /// Returns the handle that changes the filter.
    pub(crate) fn level(&self) -> LogLevel {
        self.level.clone()
    }
}

/// Returns how many log lines of this process were dropped.
pub(crate) fn lost_lines() -> u64 {
    LOST_LINES.get().map_or(0, |counter| counter.dropped_lines() as u64)
}

/// Starts logging. Can be called once per process.
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
    // The first call wins, as for the subscriber itself.
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
        limit.0.lock().0 = Instant::now().checked_sub(LINE_INTERVAL);
        assert_eq!(limit.next(), Some(2));
        assert_eq!(limit.next(), None);
    }
}
