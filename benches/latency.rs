//! Latency from a callback to its subscribers: `cargo bench --bench latency`.
//!
//! Measures the time from when a callback should have been posted until all of 10 subscribers have received
//! it. The load is 1,000 callbacks per second, and half of the gateway's maximum with these subscribers. At
//! 1,000, also with 1 and 100 subscribers.
//!
//! The floors are the unavoidable parts: one append to a file with `fdatasync`, and one publish to 10
//! receivers with tonic, until the last receipt. Their sum adds the two percentiles. An append makes the file
//! longer, which costs one more write than an overwrite in place. The overwrite is shown, too, but is not
//! part of the sum. With `--log nats`, one acknowledged publish to a stream replaces the append.

mod support;

use std::{
    collections::HashMap,
    fs::File,
    io::{Seek as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use support::{
    Options,
    clock::{Times, now},
    load::{Pace, post},
    nats,
    packet::{Records, USERS},
    readers::{Arrival, ReaderTask, Readers, subscribe},
    report::{CPU, Figure, NATS, P50, P99, P999, RATE, Report, Row, row},
    server::{Log, Server},
};
use tempfile::TempDir;

const SUBSCRIBERS: usize = 10;
/// Callbacks per second of the calm rows.
const CALM: f64 = 1000.0;
const CALM_LOAD: &str = "1,000 a second";
const HALF_LOAD: &str = "half load";
const CONNECTIONS: usize = 64;
/// After this long without a new event, no event is in flight.
const QUIET: Duration = Duration::from_millis(200);
const PERCENTILES: [(Figure, f64); 3] = [(P50, 0.5), (P99, 0.99), (P999, 0.999)];

const APPEND: &str = "one fdatasync append";
const PUBLISH: &str = "one publish to NATS, acknowledged";
/// Overwrites a file that already has its size, like a restarted write-ahead log.
const IN_PLACE: &str = "one fdatasync in place";
/// Size of that file, in bytes. Most records of a round fit into it.
const FILE_BYTES: usize = 4 << 20;

fn main() {
    support::run_with_each_log(latency);
}

fn publish_row(load: &str) -> Row {
    row(format!("one publish, {load}")).subscribers(SUBSCRIBERS)
}

fn sum_row(load: &str) -> Row {
    row(format!("sum of the two, {load}")).subscribers(SUBSCRIBERS)
}

fn gateway_row(load: &str, subscribers: usize) -> Row {
    row(format!("gateway, {load}")).connections(CONNECTIONS).subscribers(subscribers)
}

async fn latency(options: Options) {
    let mut figures = vec![RATE, CPU, P50, P99, P999];
    if options.is_nats() {
        figures.insert(2, NATS);
    }
    let mut report = Report::new("latency", &options, &figures);
    let calm = options.of(CALM, 100.0);
    for _ in 0..options.rounds() {
        let dir = TempDir::new().unwrap();
        let log = Log::start(&options);
        let gateway = Server::gateway_over(&log, "callbacks", &dir.path().join("data"), &[]);
        let stored = if options.is_nats() {
            let published = nats::publish(&log, &options, "N1", 1, Some(calm));
            let values = vec![(RATE, published.rate()), (CPU, published.cpu()), (NATS, published.nats_cpu())];
            add_times(&row(PUBLISH), published.times, values, &mut report);
            PUBLISH
        } else {
            append(&options, dir.path(), APPEND, calm, &mut report).await;
            append(&options, dir.path(), IN_PLACE, calm, &mut report).await;
            APPEND
        };
        let readers = listen(&gateway, SUBSCRIBERS).await;
        let full = post(&gateway, CONNECTIONS, Pace::Closed, options.warm_up(), options.time()).await.rate();
        readers.stop().await;
        for (load, rate) in [(CALM_LOAD, calm), (HALF_LOAD, full / 2.0)] {
            publish(&options, load, rate, &mut report).await;
            measure(&options, &gateway, load, rate, SUBSCRIBERS, &mut report).await;
            add_sum(stored, load, &mut report);
        }
        for subscribers in options.of([1, 100], [1, 20]) {
            measure(&options, &gateway, CALM_LOAD, calm, subscribers, &mut report).await;
        }
    }
    for load in [CALM_LOAD, HALF_LOAD] {
        let gateway = gateway_row(load, SUBSCRIBERS);
        report.compare(&gateway, "sum", &sum_row(load), &[P50, P99]);
        report.ratio_target(&gateway, "p50/sum", true, 2.0);
        report.ratio_target(&gateway, "p99/sum", true, 3.0);
    }
    // At half load the machine is busy, which also slows the floor down. Compare with the calm floor, too.
    let gateway = gateway_row(HALF_LOAD, SUBSCRIBERS);
    report.compare(&gateway, "calm sum", &sum_row(CALM_LOAD), &[P50, P99]);
    report.ratio_target(&gateway, "p50/calm sum", true, 2.0);
    report.ratio_target(&gateway, "p99/calm sum", true, 3.0);
    report.finish();
}

async fn listen(server: &Server, subscribers: usize) -> Readers {
    Readers::open(server.grpc, vec![subscribe(true, None); subscribers], ReaderTask::Note).await
}

/// Appends records at `rate` per second, each synced to the disk before the next.
async fn append(options: &Options, dir: &Path, name: &str, rate: f64, report: &mut Report) {
    let record = Records::to_one_of(USERS).stored(1).bytes().clone();
    let mut file = File::create(dir.join("appends")).unwrap();
    if name == IN_PLACE {
        file.write_all(&vec![0; FILE_BYTES]).unwrap();
        file.sync_all().unwrap();
        file.rewind().unwrap();
    }
    let time = options.time();
    let appending = tokio::task::spawn_blocking(move || {
        let mut times = Times::default();
        let begin = Instant::now();
        while begin.elapsed() < time {
            let started = Instant::now();
            file.write_all(&record).unwrap();
            file.sync_data().unwrap();
            times.0.push(started.elapsed().as_nanos() as u64);
            std::thread::sleep(Duration::from_secs_f64(1.0 / rate).saturating_sub(started.elapsed()));
        }
        times
    });
    add_times(&row(name), appending.await.unwrap(), Vec::new(), report);
}

async fn publish(options: &Options, load: &str, rate: f64, report: &mut Report) {
    let server = Server::floor("publish", (rate as u64).max(1));
    let readers = listen(&server, SUBSCRIBERS).await;
    tokio::time::sleep(options.warm_up()).await;
    let (from, cpu, events) = (now(), server.cpu(), readers.events());
    tokio::time::sleep(options.time()).await;
    let (until, cpu, events) = (now(), server.cpu() - cpu, readers.events() - events);
    let arrivals = readers.stop().await;
    let published = events as f64 / SUBSCRIBERS as f64;
    let values =
        vec![(RATE, published / options.time().as_secs_f64()), (CPU, cpu.as_secs_f64() * 1e6 / published)];
    let times = all_received(arrivals, from, until, SUBSCRIBERS);
    add_times(&publish_row(load), times, values, report);
}

async fn measure(
    options: &Options,
    server: &Server,
    load: &str,
    rate: f64,
    subscribers: usize,
    report: &mut Report,
) {
    let readers = listen(server, subscribers).await;
    let outcome = post(server, CONNECTIONS, Pace::Open(rate), options.warm_up(), options.time()).await;
    let mut events = None;
    while events.replace(readers.events()) != Some(readers.events()) {
        tokio::time::sleep(QUIET).await;
    }
    let mut values = vec![(RATE, outcome.rate()), (CPU, outcome.cpu())];
    if server.has_nats() {
        values.push((NATS, outcome.nats_cpu()));
    }
    let times = all_received(readers.stop().await, outcome.from, u64::MAX, subscribers);
    assert_eq!(times.0.len() as u64, outcome.count, "every subscriber receives every callback");
    add_times(&gateway_row(load, subscribers), times, values, report);
}

/// Returns the time from each send to its last receipt, for events that all subscribers have received.
fn all_received(arrivals: Vec<Vec<Arrival>>, from: u64, until: u64, subscribers: usize) -> Times {
    let mut last: HashMap<u64, (usize, u64)> = HashMap::new();
    for Arrival { sent, received } in arrivals.into_iter().flatten() {
        if (from..until).contains(&sent) {
            let (count, latest) = last.entry(sent).or_default();
            *count += 1;
            *latest = received.max(*latest);
        }
    }
    let whole = last.into_iter().filter(|(_, (count, _))| *count >= subscribers);
    Times(whole.map(|(sent, (_, latest))| latest.saturating_sub(sent)).collect())
}

fn add_times(row: &Row, mut times: Times, mut values: Vec<(Figure, f64)>, report: &mut Report) {
    values.extend(PERCENTILES.map(|(figure, share)| (figure, times.millis(share))));
    report.add(row, &values);
}

/// Adds the sum of the floors of the last round.
fn add_sum(stored: &str, load: &str, report: &mut Report) {
    let last = |row: &Row, figure| report.values(row, figure).last().copied().unwrap_or(f64::NAN);
    let sum = PERCENTILES
        .map(|(figure, _)| (figure, last(&row(stored), figure) + last(&publish_row(load), figure)));
    report.add(&sum_row(load), &sum);
}
