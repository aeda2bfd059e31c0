//! Callbacks acknowledged per second: `cargo bench --bench ingest`.
//!
//! Signed callbacks over 1, 64 and 256 keep-alive connections, without subscribers and with 10, with and
//! without the index of accounts. Then at half of that rate. Latencies at half load begin when a callback
//! should have been sent.
//!
//! The floors are F1, axum that answers a constant, and F2, the gateway's own HTTP front with a log that
//! acknowledges at once. With `--log nats`, N1 and N2 replace F1: async-nats alone, publishing to the same
//! server with the same number in flight.
//!
//! CPU time with the index is counted until the index has caught up.

mod support;

use support::{
    Options,
    load::{Outcome, Pace, post},
    nats,
    readers::{ReaderTask, Readers, subscribe},
    report::{CPU, Figure, NATS, P50, P99, P999, RATE, Report, Row, row},
    server::{Log, Server, index_lag},
};
use tempfile::TempDir;

const OWN: Figure = Figure { key: "own", title: "CPU us, delivery apart", decimals: 2 };
const WHOLE: Figure = Figure { key: "whole", title: "CPU us, load too", decimals: 2 };
const LAG: Figure = Figure { key: "lag", title: "index behind", decimals: 0 };
const CATCH_UP: Figure = Figure { key: "catch_up", title: "caught up s", decimals: 2 };

const SUBSCRIBERS: usize = 10;

fn main() {
    support::run_with_each_log(ingest);
}

/// Returns the gateways' names: without the index, and with it.
fn names(options: &Options) -> [&'static str; 2] {
    if options.is_nats() {
        ["on NATS, index paused", "on NATS, indexed"]
    } else {
        ["durable, index paused", "durable, indexed"]
    }
}

fn half(name: &str) -> String {
    format!("{name}, half load")
}

async fn ingest(options: Options) {
    let mut figures = vec![RATE, CPU, OWN, WHOLE, P50, P99, P999, LAG, CATCH_UP];
    if options.is_nats() {
        figures.insert(2, NATS);
    }
    let mut report = Report::new("ingest", &options, &figures);
    let counts = options.counts(&[1, 64, 256], &[1, 8]);
    let [paused, indexed] = names(&options);
    for round in 0..options.rounds() {
        let log = Log::start(&options);
        let (paused_dir, indexed_dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut floors = vec![("F2", Server::floor("F2", 0))];
        if !options.is_nats() {
            floors.insert(0, ("F1", Server::floor("F1", 0)));
        }
        let mut gateways = [
            (paused, Server::gateway_over(&log, "paused", paused_dir.path(), &["--index", "false"])),
            (indexed, Server::gateway_over(&log, "indexed", indexed_dir.path(), &[])),
        ];
        // Alternate the order, because the machine changes during a round: it is warmer, or has more to write
        // back.
        if round % 2 == 1 {
            gateways.reverse();
        }
        for &connections in &counts {
            for (name, server) in &floors {
                let outcome = full(&options, server, connections).await;
                report.add(&row(*name).connections(connections).subscribers(0), &figures_of(outcome));
            }
            for name in options.is_nats().then_some(["N1", "N2"]).into_iter().flatten() {
                let outcome = nats::publish(&log, &options, name, connections, None);
                report.add(&row(name).connections(connections).subscribers(0), &figures_of(outcome));
            }
            for (name, server) in &gateways {
                for subscribers in [0, SUBSCRIBERS] {
                    if options.wants(name) {
                        let row = row(*name).connections(connections).subscribers(subscribers);
                        measure(&options, server, &row, &mut report).await;
                    }
                }
            }
        }
    }
    for &connections in &counts {
        set_targets(&options, &mut report, connections);
    }
    report.finish();
}

async fn full(options: &Options, server: &Server, connections: usize) -> Outcome {
    post(server, connections, Pace::Closed, options.warm_up(), options.time()).await
}

/// Measures a row, and without subscribers also the row at half of its rate.
async fn measure(options: &Options, server: &Server, row: &Row, report: &mut Report) {
    let connections = row.connections.expect("every row has connections");
    let subscribers = row.subscribers.unwrap_or(0);
    let readers =
        Readers::open(server.grpc, vec![subscribe(true, None); subscribers], ReaderTask::Note).await;
    let mut outcome = full(options, server, connections).await;
    let lag = catch_up(server, &mut outcome).await;
    readers.stop().await;
    let rate = outcome.rate();
    let mut values = figures_of(outcome);
    values.extend(lag);
    report.add(row, &values);
    if subscribers == 0 {
        let pace = Pace::Open(rate / 2.0);
        let mut outcome = post(server, connections, pace, options.warm_up(), options.time()).await;
        let lag = catch_up(server, &mut outcome).await;
        let row = Row { name: half(&row.name), ..row.clone() };
        let mut values = figures_of(outcome);
        values.extend(lag);
        report.add(&row, &values);
    }
}

/// Waits until the index has caught up. Returns how far it was behind and how long it took. Adds the CPU time
/// to the outcome, because it is part of the cost of these callbacks.
async fn catch_up(server: &Server, outcome: &mut Outcome) -> Vec<(Figure, f64)> {
    let mut admin = server.admin().await;
    let cpu = server.cpu();
    let Some(lag) = index_lag(&mut admin).await else { return Vec::new() };
    let took = support::server::catch_up(server).await;
    outcome.server_cpu += (server.cpu() - cpu).as_secs_f64();
    vec![(LAG, lag as f64), (CATCH_UP, took.as_secs_f64())]
}

fn figures_of(mut outcome: Outcome) -> Vec<(Figure, f64)> {
    let cpu = [(CPU, outcome.cpu()), (OWN, outcome.own_cpu()), (WHOLE, outcome.whole_cpu())];
    let nats = (outcome.nats_cpu > 0.0).then(|| (NATS, outcome.nats_cpu()));
    let rate = (RATE, outcome.rate());
    let mut at = |share| outcome.times.millis(share);
    let times = [(P50, at(0.5)), (P99, at(0.99)), (P999, at(0.999))];
    [rate].into_iter().chain(cpu).chain(nats).chain(times).collect()
}

fn set_targets(options: &Options, report: &mut Report, connections: usize) {
    let of = |name: &str, subscribers| row(name).connections(connections).subscribers(subscribers);
    let floors: &[(&str, &[Figure])] = if options.is_nats() {
        &[("N1", &[RATE, NATS]), ("N2", &[RATE, NATS]), ("F2", &[CPU])]
    } else {
        &[("F1", &[RATE, CPU]), ("F2", &[RATE, CPU])]
    };
    let [paused, indexed] = names(options);
    for name in [paused, indexed] {
        for subscribers in [0, SUBSCRIBERS] {
            for (floor, figures) in floors {
                report.compare(&of(name, subscribers), floor, &of(floor, 0), figures);
            }
        }
    }
    if connections > 1 && options.is_nats() {
        report.ratio_target(&of(paused, 0), "rate/N1", false, 0.70);
        report.ratio_target(&of(indexed, 0), "rate/N1", false, 0.70);
    } else if connections > 1 {
        report.ratio_target(&of(paused, 0), "rate/F2", false, 0.85);
        report.ratio_target(&of(paused, 0), "rate/F1", false, 0.50);
        report.ratio_target(&of(paused, 0), "cpu/F2", true, 1.3);
        report.ratio_target(&of(indexed, 0), "cpu/F2", true, 2.0);
    }
    for name in [paused, indexed] {
        let tail = report.values(&of(&half(name), 0), P999).to_vec();
        report.target(format!("{}, {connections} connections: p99.9 ms", half(name)), &tail, true, 100.0);
        if connections == 1 {
            continue;
        }
        // Subscribers need CPU time of their own, but must not make callbacks more expensive.
        let (alone, followed) = (of(name, 0), of(name, SUBSCRIBERS));
        report.compare(&followed, "alone", &alone, &[OWN]);
        let values = report.ratio(&followed, "own/alone").to_vec();
        let text = format!(
            "{name}, {connections} connections: CPU, delivery apart, with {SUBSCRIBERS} subscribers, of that without"
        );
        report.target(text, &values, true, 1.1);
    }
}
