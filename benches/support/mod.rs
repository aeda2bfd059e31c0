//! Shared parts of the benchmarks: the servers under measurement, the floors, the load, and the report.
//!
//! Every benchmark has a full mode (`cargo bench`) and a short mode (`cargo test --benches`), which only
//! checks that it runs.

#![allow(dead_code, unreachable_pub, reason = "each benchmark is a crate of its own and uses a part of it")]

pub mod clock;
pub mod floors;
pub mod load;
pub mod nats;
pub mod packet;
pub mod readers;
pub mod report;
pub mod server;

use std::{future::Future, time::Duration};

use clap::{Parser, ValueEnum};
pub use gateway_testkit as testing;

/// Time that a server is under load before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);

/// Backend of the log of the gateway under measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogKind {
    Disk,
    Nats,
}

/// Command line of a benchmark.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// Rounds. Each measures every row once
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Seconds that each row is measured in a round
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Events to store, in benchmarks with a fixed number of events
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Measure only with this number of connections or subscribers
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Backend of the gateway's log. `nats` starts its own servers
    #[arg(long)]
    log: Option<LogKind>,
    /// Number of NATS servers that store each event
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = one_or_three)]
    pub nats_servers: u8,
    /// Measure only the floors, and rows whose names contain one of these
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Full mode, set by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// Run this floor instead, until standard input ends
    #[arg(long, hide = true, value_name = "FLOOR")]
    floor: Option<String>,
    /// Argument of the floor
    #[arg(long, hide = true, default_value_t = 0)]
    argument: u64,
    /// The NATS servers of the floor
    #[arg(long, hide = true, default_value = "")]
    nats_urls: String,
    /// The floor's stream
    #[arg(long, hide = true, default_value = "")]
    nats_stream: String,
    /// Publishes per second. As many as possible without it
    #[arg(long, hide = true)]
    rate: Option<f64>,
}

fn one_or_three(text: &str) -> Result<u8, &'static str> {
    text.parse().ok().filter(|count| matches!(count, 1 | 3)).ok_or("1 or 3")
}

impl Options {
    /// Returns whether the gateway's log is on NATS servers.
    pub fn is_nats(&self) -> bool {
        self.log == Some(LogKind::Nats)
    }

    /// Returns whether this is the full mode.
    pub fn is_full(&self) -> bool {
        self.bench
    }

    /// Returns the first value in full mode, and the second in short mode.
    pub fn of<T>(&self, full: T, short: T) -> T {
        if self.bench { full } else { short }
    }

    /// Returns the counts to measure with, or the one on the command line.
    pub fn counts(&self, full: &[usize], short: &[usize]) -> Vec<usize> {
        let all = if self.bench { full } else { short };
        self.count.map_or_else(|| all.to_vec(), |count| vec![count])
    }

    /// Returns the number of rounds.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(self.of(3, 1)).max(1)
    }

    /// Returns the time that each row is measured in a round. 2 seconds by default.
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(self.of(2.0, 0.05)))
    }

    /// Returns the number of events to store: the one on the command line, or one of these two.
    pub fn events(&self, full: u64, short: u64) -> u64 {
        self.events.unwrap_or(self.of(full, short))
    }

    /// Returns the time that a server is under load before it is measured.
    pub fn warm_up(&self) -> Duration {
        self.of(WARM_UP, Duration::from_millis(10))
    }

    /// Returns whether a row is selected. Floors are always measured.
    pub fn wants(&self, row: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| row.contains(name.as_str()))
    }
}

/// Runs a benchmark of the log on disk, or the floor that the command line names.
pub fn run<F: Future<Output = ()>>(benchmark: impl FnOnce(Options) -> F) {
    let Some(options) = begin() else { return };
    if options.is_nats() {
        fail("this benchmark is of the log on disk only");
    }
    runtime().block_on(benchmark(options));
}

/// Runs a benchmark with the selected log, or the floor that the command line names. The short mode runs it
/// with each log that is available.
pub fn run_with_each_log<F: Future<Output = ()>>(benchmark: impl Fn(Options) -> F) {
    let Some(options) = begin() else { return };
    let program = testing::nats::program();
    let logs: &[LogKind] = match options.log {
        Some(LogKind::Nats) if !program.exists() => fail(&testing::nats::missing(&program)),
        Some(LogKind::Nats) => &[LogKind::Nats],
        None if !options.bench && program.exists() => &[LogKind::Disk, LogKind::Nats],
        None | Some(LogKind::Disk) => &[LogKind::Disk],
    };
    for log in logs {
        runtime().block_on(benchmark(Options { log: Some(*log), ..options.clone() }));
    }
}

/// Parses the command line. Returns `None` after it ran a floor.
fn begin() -> Option<Options> {
    let options = Options::parse();
    server::raise_file_limit();
    match options.floor.as_deref() {
        Some(floor) if nats::FLOORS.contains(&floor) => nats::run(floor, &options),
        Some(floor) => floors::run(floor, options.argument),
        None => return Some(options),
    }
    None
}

fn fail(reason: &str) -> ! {
    eprintln!("{reason}");
    std::process::exit(2);
}

/// Creates a runtime with one thread, for the load. Subscribers have one more thread. More threads would only
/// take processor time from the server.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
