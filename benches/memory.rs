//! Memory and disk use at rest and after long use: `cargo bench --bench memory -- --events 10000000`. The
//! default is 1,000,000 events.
//!
//! Measures the program's size, and its memory at rest, with 1,000 idle subscribers, and while callbacks
//! arrive, of which the newest GiB is kept. Also measures the cost of a callback and the size of the log
//! meanwhile, the time from start to ready with a log of that many events, and the time of `ListEvents` for
//! one account in it, newest first.

mod support;

use std::{
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use callback_gateway::testing::event::{NameSet, RecordParts, StoredRecord};
use imcallback::{Event, EventFilter, ListEventsRequest};
use prost::Message as _;
use support::{
    Options,
    clock::Times,
    load::fill,
    packet::{USERS, store},
    readers::{ReaderTask, Readers, subscribe},
    report::{CPU, Figure, P50, P99, RATE, Report, row},
    server::{Server, index_lag},
    testing::{client, soon},
};
use tempfile::TempDir;

const MIB: Figure = Figure { key: "mib", title: "MiB", decimals: 1 };
const SECONDS: Figure = Figure { key: "seconds", title: "seconds", decimals: 3 };
const EVENTS: Figure = Figure { key: "events", title: "events", decimals: 0 };

const DISK: Figure = Figure { key: "disk", title: "on disk MiB", decimals: 1 };

/// Encoded event with the fields that all events have in common.
static EVENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let event =
        Event { command: COMMAND.to_owned(), client_ip: "203.0.113.7".to_owned(), ..Default::default() };
    event.encode_to_vec()
});
const COMMAND: &str = "State.StateChange";

const EVENTS_USUALLY: u64 = 1_000_000;
/// Number of readings of memory while callbacks arrive.
const READINGS: u64 = 10;
const IDLE: usize = 1000;
/// Time that subscribers are idle before memory is read.
const IDLING: Duration = Duration::from_secs(2);
/// Number of calls of `ListEvents` in a round, each for another account.
const LISTS: u64 = 300;
const PAGE: i32 = 50;
const READY: &str = "from start to ready, a log of so many events";
const LISTED: &str = "ListEvents by account, in a log of so many events";

fn main() {
    support::run(memory);
}

fn mib(bytes: u64) -> (Figure, f64) {
    (MIB, bytes as f64 / f64::from(1 << 20))
}

/// Returns the bytes of the log, including its index.
fn on_disk(dir: &Path) -> u64 {
    // A file that was deleted meanwhile counts as empty.
    let files = std::fs::read_dir(dir).unwrap().filter_map(|file| file.ok()?.metadata().ok());
    files.map(|file| file.len()).sum()
}

async fn memory(options: Options) {
    let mut report = Report::new("memory", &options, &[EVENTS, MIB, DISK, RATE, CPU, SECONDS, P50, P99]);
    let events = options.events(EVENTS_USUALLY, 1000);
    let program = std::fs::metadata(env!("CARGO_BIN_EXE_callback-gateway")).unwrap().len();
    report.add(&row("the program's file"), &[mib(program)]);

    let dir = TempDir::new().unwrap();
    let gateway = Server::gateway(dir.path(), &["--retention-bytes", "1GiB"]);
    report.add(&row("memory at rest"), &[(EVENTS, 0.0), mib(gateway.memory())]);
    let idle = options.of(IDLE, 10);
    let readers = Readers::open(gateway.grpc, vec![subscribe(true, None); idle], ReaderTask::Note).await;
    tokio::time::sleep(options.of(IDLING, Duration::ZERO)).await;
    report
        .add(&row("memory with idle subscribers").subscribers(idle), &[(EVENTS, 0.0), mib(gateway.memory())]);
    readers.stop().await;
    for reading in 1..=READINGS {
        let share = events / READINGS;
        let (cpu, started) = (gateway.cpu(), Instant::now());
        let mut times = fill(&gateway, (reading - 1) * share..reading * share, USERS).await;
        let rate = (RATE, share as f64 / started.elapsed().as_secs_f64());
        let stored = (reading * share) as f64;
        // A row for each reading, because they are not rounds of the same measurement.
        let row = row(format!("memory after {stored} events"));
        let cpu = (gateway.cpu() - cpu).as_secs_f64() * 1e6 / share as f64;
        let disk = (DISK, on_disk(dir.path()) as f64 / f64::from(1 << 20));
        let answers = [(P50, times.millis(0.5)), (P99, times.millis(0.99))];
        let values = [(EVENTS, stored), mib(gateway.memory()), disk, rate, (CPU, cpu)];
        report.add(&row, &[&values[..], &answers[..]].concat());
    }
    drop(gateway);

    let data_dir = dir.path().join("long");
    store(&data_dir, events, small).await;
    for _ in 0..options.rounds() {
        let started = Instant::now();
        let gateway = Server::gateway(&data_dir, &[]);
        let took = started.elapsed().as_secs_f64();
        report.add(&row(READY), &[(EVENTS, events as f64), (SECONDS, took), mib(gateway.memory())]);
        list(&options, &gateway, events, &mut report).await;
    }
    let took = report.values(&row(READY), SECONDS).to_vec();
    report.target("from start to ready: seconds", &took, true, 1.0);
    let times = report.values(&row(LISTED), P99).to_vec();
    report.target("ListEvents by account: p99 ms", &times, true, 20.0);
    report.finish();
}

/// Lists the newest events of accounts from the whole log, once it is indexed.
async fn list(options: &Options, gateway: &Server, events: u64, report: &mut Report) {
    let mut admin = gateway.admin().await;
    while index_lag(&mut admin).await != Some(0) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut client = client(gateway.grpc).await;
    let (mut times, users) = (Times::default(), events.min(USERS));
    for call in 0..options.of(LISTS, 5) {
        let account = format!("user-{}", call * 7919 % users);
        let filter = Some(EventFilter { accounts: vec![account], ..Default::default() });
        let request = ListEventsRequest { filter, page_size: PAGE, ..Default::default() };
        let started = Instant::now();
        let found = soon(client.list_events(request)).await.unwrap().into_inner();
        times.0.push(started.elapsed().as_nanos() as u64);
        assert!(
            !found.events.is_empty() && found.next_page_token.is_empty(),
            "each account has a few events"
        );
    }
    let values = [(EVENTS, events as f64), (P50, times.millis(0.5)), (P99, times.millis(0.99))];
    report.add(&row(LISTED), &values);
}

/// Returns a small event, so that ten million of them fit on an ordinary disk.
fn small(number: u64) -> StoredRecord {
    let mut accounts = NameSet::default();
    accounts.insert(&format!("user-{}", number % USERS));
    RecordParts {
        command: COMMAND,
        sdk_app_id: support::testing::APP_ID,
        kind: 2,
        status: imcallback::DecodeStatus::Typed,
        accounts: &accounts,
        event: &EVENT,
        ..RecordParts::fixture(br#"{"CallbackCommand":"State.StateChange"}"#)
    }
    .encode()
}
