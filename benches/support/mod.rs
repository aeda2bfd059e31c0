//! What the benchmarks share: the servers under measurement, their floors, the
//! load, and the report.
//!
//! Every benchmark has a full mode (`cargo bench`) and a short one (`cargo test
//! --benches`), which only shows that all of it runs.

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

/// How long a server is under load before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);

/// Where the gateway under measurement has its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogKind {
    Disk,
    Nats,
}

/// The command line of a benchmark.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// Rounds; each measures every row once
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Seconds that a row is measured for in a round
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Events to store, where it is not a matter of time
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Measure only with so many connections, or so many subscribers
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Where the gateway has its log; `nats`: on servers that are started for it
    #[arg(long)]
    log: Option<LogKind>,
    /// How many NATS servers have each event
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = one_or_three)]
    pub nats_servers: u8,
    /// Measure only rows with one of these in their name, and the floors
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Given by `cargo bench`: without it everything is short
    #[arg(long, hide = true)]
    bench: bool,
    /// Be a floor instead, until standard input ends
    #[arg(long, hide = true, value_name = "FLOOR")]
    floor: Option<String>,
    /// What the floor is given
    #[arg(long, hide = true, default_value_t = 0)]
    argument: u64,
    /// The NATS servers of the floor
    #[arg(long, hide = true, default_value = "")]
    nats_urls: String,
    /// The floor's stream
    #[arg(long, hide = true, default_value = "")]
    nats_stream: String,
    /// Publishes a second, if they are not to be as many as can be
    #[arg(long, hide = true)]
    rate: Option<f64>,
}

fn one_or_three(text: &str) -> Result<u8, &'static str> {
    text.parse().ok().filter(|count| matches!(count, 1 | 3)).ok_or("1 or 3")
}

impl Options {
    /// Whether the gateway has its log on NATS servers.
    pub fn is_nats(&self) -> bool {
        self.log == Some(LogKind::Nats)
    }

    /// Whether this is the full mode.
    pub fn is_full(&self) -> bool {
        self.bench
    }

    /// One of two, for the full mode and for the short one.
    pub fn of<T>(&self, full: T, short: T) -> T {
        if self.bench { full } else { short }
    }

    /// The counts to measure with, or the one that was asked for.
    pub fn counts(&self, full: &[usize], short: &[usize]) -> Vec<usize> {
        let all = if self.bench { full } else { short };
        self.count.map_or_else(|| all.to_vec(), |count| vec![count])
    }

    /// How many rounds.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(self.of(3, 1)).max(1)
    }

    /// How long a row is measured for in a round; 2 seconds unless given.
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(self.of(2.0, 0.05)))
    }

    /// How many events to store: the given number, or one of these two.
    pub fn events(&self, full: u64, short: u64) -> u64 {
        self.events.unwrap_or(self.of(full, short))
    }

    /// How long it is loaded before.
    pub fn warm_up(&self) -> Duration {
        self.of(WARM_UP, Duration::from_millis(10))
    }

    /// Whether the row is to be measured; floors always are.
    pub fn wants(&self, row: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| row.contains(name.as_str()))
    }
}

/// Runs a benchmark of the log on disk, or the floor that this process is to be.
pub fn run<F: Future<Output = ()>>(benchmark: impl FnOnce(Options) -> F) {
    let Some(options) = begin() else { return };
    if options.is_nats() {
        fail("this benchmark is of the log on disk only");
    }
    runtime().block_on(benchmark(options));
}

/// Runs a benchmark of the log that was asked for, or the floor that this process is to be.
/// The short mode runs it with each log that it can have.
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

/// The command line; nothing if this process was a floor.
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

/// The load comes from one thread, and subscribers have one more: as many as the
/// machine has cores would only get in the server's way.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
