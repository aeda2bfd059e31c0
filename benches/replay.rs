//! Replay of stored events from the beginning: `cargo bench --bench replay`.
//!
//! One new subscriber, and ten at once, read 1,000,000 events from the disk of a gateway that has just
//! started. Then they read repeatedly while 2,000 callbacks per second arrive. The latencies of these
//! callbacks are compared with and without the replay.
//!
//! The floor is G1, which has its events in memory. With `--log nats` the events are in a stream, and N3 is
//! another floor: an async-nats consumer that reads them. There is only one, because the NATS server is the
//! limit.

mod support;

use std::time::Duration;

use support::{
    Options,
    clock::{SECOND, now},
    load::{Outcome, Pace, post},
    nats,
    packet::{self, Records, USERS, store},
    readers::{ReaderTask, Readers, subscribe},
    report::{CPU, Figure, NATS, P50, P99, P999, RATE, Report, Row, row},
    server::{Log, Server, settle},
};
use tempfile::TempDir;

const SECONDS: Figure = Figure { key: "seconds", title: "seconds", decimals: 2 };

const STORED: u64 = 1_000_000;
/// Number of events in a stream, which takes longer to read.
const STORED_IN_NATS: u64 = 200_000;
/// Number of events of G1, which it sends repeatedly.
const IN_MEMORY: u64 = 100_000;
const CALLBACKS: f64 = 2000.0;
const CONNECTIONS: usize = 64;
const STREAM: &str = "callbacks";
const READERS: [usize; 2] = [1, 10];

const ALONE: &str = "2,000 callbacks a second alone";
const MEANWHILE: &str = "gateway, 2,000 callbacks a second";

fn main() {
    support::run_with_each_log(replay);
}

async fn replay(options: Options) {
    let mut figures = vec![RATE, CPU, SECONDS, P50, P99, P999];
    if options.is_nats() {
        figures.insert(2, NATS);
    }
    let mut report = Report::new("replay", &options, &figures);
    let stored = options.events(if options.is_nats() { STORED_IN_NATS } else { STORED }, 2000);
    let callbacks = options.of(CALLBACKS, 200.0);
    let log = Log::start(&options);
    let dir = TempDir::new().unwrap();
    let data_dir = dir.path().join("data");
    let mut records = Records::to_one_of(USERS);
    if options.is_nats() {
        packet::store_in_nats(log.options(STREAM), stored, |number| records.stored(number)).await;
    } else {
        store(&data_dir, stored, |number| records.stored(number)).await;
    }
    for _ in 0..options.rounds() {
        let g1 = Server::floor("G1", stored.min(IN_MEMORY));
        let gateway = Server::gateway_over(&log, STREAM, &data_dir, &[]);
        if options.is_nats() {
            // Each gateway builds its own index from the stream.
            settle(&gateway).await;
            let read = nats::read(&log, &options, STREAM, stored);
            let values =
                [(RATE, read.rate()), (CPU, read.cpu()), (NATS, read.nats_cpu()), (SECONDS, read.seconds)];
            report.add(&row("N3").subscribers(1), &values);
        }
        for readers in READERS {
            for (name, server) in [("G1", &g1), ("gateway", &gateway)] {
                read(server, &row(name).subscribers(readers), stored, &mut report).await;
            }
        }
        let alone = posting(&options, &gateway, callbacks).await;
        report.add(&row(ALONE).connections(CONNECTIONS).subscribers(0), &times_of(alone));
        for readers in READERS {
            let row = row(MEANWHILE).connections(CONNECTIONS).subscribers(readers);
            read_meanwhile(&options, &gateway, &row, callbacks, &mut report).await;
        }
    }
    for readers in READERS {
        set_targets(&mut report, readers);
    }
    report.finish();
}

async fn read(server: &Server, row: &Row, stored: u64, report: &mut Report) {
    let readers = row.subscribers.unwrap_or(0);
    let (cpu, nats, started) = (server.cpu(), server.nats_cpu(), now());
    let requests = vec![subscribe(false, None); readers];
    Readers::open(server.grpc, requests, ReaderTask::Until(stored)).await.finished().await;
    let seconds = (now() - started) as f64 / SECOND as f64;
    let events = (stored * readers as u64) as f64;
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / events;
    let mut values = vec![(RATE, events / seconds), (CPU, each(server.cpu() - cpu)), (SECONDS, seconds)];
    if server.has_nats() {
        values.push((NATS, each(server.nats_cpu() - nats)));
    }
    report.add(row, &values);
}

async fn posting(options: &Options, server: &Server, rate: f64) -> Outcome {
    post(server, CONNECTIONS, Pace::Open(rate), options.warm_up(), options.time()).await
}

/// Measures the rate of a replay during callbacks, and the latencies of the callbacks.
async fn read_meanwhile(options: &Options, server: &Server, row: &Row, rate: f64, report: &mut Report) {
    let requests = vec![subscribe(false, None); row.subscribers.unwrap_or(0)];
    let readers = Readers::open(server.grpc, requests, ReaderTask::Again).await;
    let (events, started) = (readers.events(), now());
    let outcome = posting(options, server, rate).await;
    let read = (readers.events() - events) as f64 * SECOND as f64 / (now() - started) as f64;
    readers.stop().await;
    let mut values = times_of(outcome);
    values.push((RATE, read));
    report.add(row, &values);
}

fn times_of(mut outcome: Outcome) -> Vec<(Figure, f64)> {
    [(P50, 0.5), (P99, 0.99), (P999, 0.999)]
        .map(|(figure, share)| (figure, outcome.times.millis(share)))
        .to_vec()
}

fn set_targets(report: &mut Report, readers: usize) {
    let (gateway, g1) = (row("gateway").subscribers(readers), row("G1").subscribers(readers));
    report.compare(&gateway, "G1", &g1, &[RATE, CPU]);
    report.compare(&gateway, "N3", &row("N3").subscribers(1), &[RATE]);
    report.ratio_target(&gateway, "rate/G1", false, if readers == 1 { 0.6 } else { 0.8 });
    let alone = row(ALONE).connections(CONNECTIONS).subscribers(0);
    let meanwhile = row(MEANWHILE).connections(CONNECTIONS).subscribers(readers);
    report.compare(&meanwhile, "alone", &alone, &[P99]);
    report.ratio_target(&meanwhile, "p99/alone", true, 2.0);
}
