//! What the gateway takes at rest and after long use: `cargo bench --bench memory --
//! --events 10000000`, or 1,000,000 unless told.
//!
//! The program's size, its memory at rest, with 1,000 idle subscribers, and as callbacks come in,
//! of which the newest GiB is kept, with what a callback costs and what the log takes on the
//! disk by then; how long it takes to be ready over a log of so many
//! events; and what listing them takes, which is `cargo bench --bench list`.

mod support;

use std::{path::Path, time::Instant};

use callback_gateway::event::{NameSet, RecordParts, StoredRecord};
use support::{
    Options,
    load::fill,
    packet::{USERS, store},
    readers::{Readers, Task, subscribe},
    report::{CPU, Figure, Report, row},
    server::Server,
};
use tempfile::TempDir;

const MIB: Figure = Figure { key: "mib", title: "MiB", decimals: 1 };
const SECONDS: Figure = Figure { key: "seconds", title: "seconds", decimals: 3 };
const EVENTS: Figure = Figure { key: "events", title: "events", decimals: 0 };

const DISK: Figure = Figure { key: "disk", title: "on disk MiB", decimals: 1 };

const EVENTS_USUALLY: u64 = 1_000_000;
/// Memory is read so many times while callbacks come in.
const READINGS: u64 = 10;
const IDLE: usize = 1000;

fn main() {
    support::run(memory);
}

fn mib(bytes: u64) -> (Figure, f64) {
    (MIB, bytes as f64 / f64::from(1 << 20))
}

/// Bytes of the log with all that belongs to it, its index too.
fn on_disk(dir: &Path) -> u64 {
    // One that is gone by the time it is asked takes nothing.
    let files = std::fs::read_dir(dir).unwrap().filter_map(|file| file.ok()?.metadata().ok());
    files.map(|file| file.len()).sum()
}

async fn memory(options: Options) {
    let mut report = Report::new("memory", &options, &[EVENTS, MIB, DISK, CPU, SECONDS]);
    let events = options.events(EVENTS_USUALLY, 1000);
    let program = std::fs::metadata(env!("CARGO_BIN_EXE_callback-gateway")).unwrap().len();
    report.add(&row("the program's file"), &[mib(program)]);

    let dir = TempDir::new().unwrap();
    let gateway = Server::gateway(dir.path(), &["--retention-bytes", "1GiB"]);
    report.add(&row("memory at rest"), &[(EVENTS, 0.0), mib(gateway.memory())]);
    let idle = options.of(IDLE, 10);
    let readers = Readers::open(gateway.grpc, vec![subscribe(true, None); idle], Task::Again).await;
    report
        .add(&row("memory with idle subscribers").subscribers(idle), &[(EVENTS, 0.0), mib(gateway.memory())]);
    readers.stop().await;
    for reading in 1..=READINGS {
        let share = events / READINGS;
        let cpu = gateway.cpu();
        fill(&gateway, (reading - 1) * share..reading * share, USERS).await;
        let stored = (reading * share) as f64;
        // A row for each: they are no rounds of the same.
        let row = row(format!("memory after {stored} events"));
        let cpu = (gateway.cpu() - cpu).as_secs_f64() * 1e6 / share as f64;
        let disk = (DISK, on_disk(dir.path()) as f64 / f64::from(1 << 20));
        report.add(&row, &[(EVENTS, stored), mib(gateway.memory()), disk, (CPU, cpu)]);
    }
    drop(gateway);

    let data_dir = dir.path().join("long");
    store(&data_dir, events, small).await;
    for _ in 0..options.rounds() {
        let started = Instant::now();
        let gateway = Server::gateway(&data_dir, &[]);
        let took = started.elapsed().as_secs_f64();
        let row = row("from start to ready, a log of so many events");
        report.add(&row, &[(EVENTS, events as f64), (SECONDS, took), mib(gateway.memory())]);
    }
    let row = row("from start to ready, a log of so many events");
    let took = report.values(&row, SECONDS).to_vec();
    report.target("from start to ready: seconds", &took, true, 1.0);
    report.finish();
}

/// A small event, so that ten million of them fit on a usual disk.
fn small(number: u64) -> StoredRecord {
    let mut accounts = NameSet::default();
    accounts.insert(&format!("user-{}", number % USERS));
    RecordParts {
        command: "State.StateChange",
        sdk_app_id: support::testing::APP_ID,
        kind: 2,
        typed: true,
        accounts: &accounts,
        group_ids: &NameSet::default(),
        event: &[7; 60],
        raw_body: r#"{"CallbackCommand":"State.StateChange"}"#,
    }
    .encode()
}
