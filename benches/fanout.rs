//! Delivery of events from memory: `cargo bench --bench fanout`.
//!
//! 1, 10, 100 and 1,000 subscribers, each on its own connection, read the newest events repeatedly: without a
//! filter, all with the same filter, and with ten different ones. A filter matches 1 of 100 events.
//!
//! The floors are G1, tonic encoding with prost for every subscriber, and G2, shared bytes that are already
//! framed, as HTTP/2 bodies. With `--log nats`, a gateway with its log on disk replaces them: reads from
//! memory should cost the same.

mod support;

use support::{
    Options,
    clock::{SECOND, Timer, now},
    floors::RECEIVERS,
    load::fill,
    packet::receiver,
    readers::{ReaderTask, Readers, subscribe},
    report::{CPU, Figure, RATE, Report, row},
    server::{Log, Server},
};
use tempfile::TempDir;

/// Server CPU for each event that the filter rejects.
const REJECTED: Figure = Figure { key: "rejected", title: "us each rejected", decimals: 3 };

const ON_DISK: &str = "log on disk";
const GATEWAY: &str = "gateway";
const ONE_FILTER: &str = "gateway, one filter";
const TEN_FILTERS: &str = "gateway, ten filters";
const DECODING: &str = "gateway, clients decode";

fn main() {
    support::run_with_each_log(fanout);
}

async fn fanout(options: Options) {
    let mut report = Report::new("fanout", &options, &[RATE, CPU, REJECTED]);
    let events = options.of(50_000, 1000);
    let counts = options.counts(&[1, 10, 100, 1000], &[1, 10]);
    let log = Log::start(&options);
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    // Fill the gateway itself: events stored by an earlier process would not be in memory.
    let settings = ["--memory", "256MiB", "--index", "false"];
    let gateway = Server::gateway_over(&log, "callbacks", dirs[0].path(), &settings);
    fill(&gateway, 0..events, RECEIVERS).await;
    let floors = if options.is_nats() {
        let on_disk = Server::gateway(dirs[1].path(), &settings);
        fill(&on_disk, 0..events, RECEIVERS).await;
        vec![(ON_DISK, on_disk)]
    } else {
        vec![("G1", Server::floor("G1", events)), ("G2", Server::floor("G2", events))]
    };
    for _ in 0..options.rounds() {
        for &count in &counts {
            let floors = floors.iter().map(|(name, server)| (*name, server, 0, ReaderTask::Again));
            let all = floors.chain([
                (GATEWAY, &gateway, 0, ReaderTask::Again),
                (ONE_FILTER, &gateway, 1, ReaderTask::Again),
                (TEN_FILTERS, &gateway, 10, ReaderTask::Again),
                (DECODING, &gateway, 0, ReaderTask::Decode),
            ]);
            let mut cpu_unfiltered = None;
            for (name, server, filters, task) in all {
                // One row is enough to show the cost of decoding.
                if name.starts_with(GATEWAY) && !options.wants(name)
                    || name == DECODING && count != 10
                    || filters > count
                {
                    continue;
                }
                let (rate, cpu) = deliver(&options, server, count, filters, task).await;
                let mut values = vec![(RATE, rate), (CPU, cpu)];
                match (filters, cpu_unfiltered) {
                    (0, _) if task == ReaderTask::Again => cpu_unfiltered = Some(cpu),
                    (1.., Some(delivered)) => {
                        values.push((REJECTED, (cpu - delivered) / (RECEIVERS - 1) as f64));
                    }
                    _ => {}
                }
                report.add(&row(name).subscribers(count), &values);
            }
        }
    }
    for &count in &counts {
        set_targets(&options, &mut report, count);
    }
    report.finish();
}

/// Returns the events delivered per second in total, and the server's CPU for each in microseconds.
async fn deliver(
    options: &Options,
    server: &Server,
    subscribers: usize,
    filters: usize,
    task: ReaderTask,
) -> (f64, f64) {
    let account = |n: usize| (filters > 0).then(|| receiver((n % filters.max(1)) as u64));
    let requests = (0..subscribers).map(|n| subscribe(false, account(n))).collect();
    let readers = Readers::open(server.grpc, requests, task).await;
    let timer = Timer::new();
    // Wait until all windows are full, so that the server sends as fast as clients read.
    timer.until(now() + 3 * options.warm_up().as_nanos() as u64).await;
    let before = (readers.events(), server.cpu(), now());
    timer.until(now() + options.time().as_nanos() as u64).await;
    let (events, cpu, nanos) = (readers.events() - before.0, server.cpu() - before.1, now() - before.2);
    readers.stop().await;
    (events as f64 * SECOND as f64 / nanos as f64, cpu.as_secs_f64() * 1e6 / events as f64)
}

fn set_targets(options: &Options, report: &mut Report, count: usize) {
    let of = |name: &str| row(name).subscribers(count);
    let floors: &[&str] = if options.is_nats() { &[ON_DISK] } else { &["G1", "G2"] };
    for floor in floors {
        report.compare(&of(GATEWAY), floor, &of(floor), &[RATE, CPU]);
    }
    if options.is_nats() {
        // Equal, within the difference of two measurements of the same thing.
        report.ratio_target(&of(GATEWAY), "rate/log on disk", false, 0.9);
        report.ratio_target(&of(GATEWAY), "cpu/log on disk", true, 1.1);
    } else if count == 10 || count == 100 {
        report.ratio_target(&of(GATEWAY), "rate/G1", false, 1.15);
        report.ratio_target(&of(GATEWAY), "cpu/G1", true, 0.65);
        report.ratio_target(&of(GATEWAY), "cpu/G2", true, 1.5);
    }
    for name in [ONE_FILTER, TEN_FILTERS] {
        let rejected = report.values(&of(name), REJECTED).to_vec();
        report.target(
            format!("{name}, {count} subscribers: us for each rejected event"),
            &rejected,
            true,
            0.1,
        );
    }
}
