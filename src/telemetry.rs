//! Logs: to standard error, for people on a terminal and as JSON otherwise.
//!
//! A thread of its own writes them: whoever reads standard error, and stops, must
//! not stop the gateway. Lines that it cannot write in time are lost, and counted.

use std::{
    io::{self, IsTerminal as _},
    sync::OnceLock,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Lines that wait to be written; beyond it further ones are lost. Some megabytes
/// at level `trace`.
const QUEUED_LINES: usize = 8192;

/// Of the one that writes this process' lines.
static LOST_LINES: OnceLock<ErrorCounter> = OnceLock::new();

/// Logging, as long as it lives. Dropped, it writes what is queued, for a second at most.
#[derive(Debug)]
pub struct Logs {
    _writer: WorkerGuard,
}

/// How many log lines of this process were lost.
pub fn lost_lines() -> u64 {
    LOST_LINES.get().map_or(0, |counter| counter.dropped_lines() as u64)
}

/// Starts logging at level `info`; the environment variable `RUST_LOG` overrides the level.
pub fn init(format: LogFormat) -> Result<Logs, Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env()?;
    let json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUED_LINES);
    let (writer, guard) = queue.thread_name("log-lines").finish(io::stderr());
    let lost = writer.error_counter();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(lines.json().flatten_event(true)).try_init()?;
    } else {
        registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init()?;
    }
    // The first one counts, as it does for logging itself.
    LOST_LINES.set(lost).ok();
    Ok(Logs { _writer: guard })
}
