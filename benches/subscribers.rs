//! Cost of subscribers, with the real program: `cargo bench --bench subscribers`.
//!
//! Measures the server's memory for 1,000 idle subscribers, held for a minute, and for 100 stalled ones over
//! a long log of large events, each on its own connection. Also measures the delay from a callback's POST to
//! its receipt by 99 subscribers, with and without one more subscriber that is stalled. Rounds are
//! interleaved. The load generator shares the machine, so only the ratio is meaningful.

use std::time::{Duration, Instant};

use imcallback::{SubscribeRequest, subscribe_response::Frame};
use tempfile::TempDir;
use testkit::*;
use tokio::task::JoinSet;

const IDLE: usize = 1000;
const HELD: Duration = Duration::from_secs(60);
const BLOCKED: usize = 100;
const ROUNDS: usize = 3;
const READERS: usize = 99;
/// Clients share connections, as behind a proxy.
const PER_CONNECTION: usize = 20;
const CALLBACKS: usize = 2000;
const PAUSE: Duration = Duration::from_millis(4);

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` runs benches, too, to check that they build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    idle().await;
    blocked().await;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(delays(false).await);
        with.push(delays(true).await);
    }
    println!("{:<52}{:>12}{:>12}{:>12}", "delivery delay in ms, median of 3 rounds", "p50", "p99", "p99.9");
    row("99 subscribers", &mut without);
    row("99 subscribers and a stalled one", &mut with);
    println!("p99 with / without: {:.2}", with[ROUNDS / 2][1] / without[ROUNDS / 2][1]);
}

fn row(name: &str, rounds: &mut [[f64; 3]]) {
    rounds.sort_by(|a, b| a[1].total_cmp(&b[1]));
    let [p50, p99, p999] = rounds[ROUNDS / 2];
    println!("{name:<52}{p50:>12.2}{p99:>12.2}{p999:>12.2}");
}

/// Returns the memory of the process, in KiB.
fn memory(gateway: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn open(gateway: &Process, count: usize, request: &SubscribeRequest) -> Vec<Subscriber> {
    let mut subscribers = Vec::new();
    while subscribers.len() < count {
        let mut client = gateway.client().await;
        for _ in 0..PER_CONNECTION.min(count - subscribers.len()) {
            subscribers.push(Subscriber::open(&mut client, request.clone()).await.unwrap().0);
        }
    }
    subscribers
}

async fn idle() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    let before = memory(&gateway);
    let mut subscribers = open(&gateway, IDLE, &latest()).await;
    let opened = Instant::now();
    while opened.elapsed() < HELD {
        // Read heartbeats, as a client does.
        for subscriber in &mut subscribers {
            while let Ok(frame) = tokio::time::timeout(Duration::from_micros(1), subscriber.frame()).await {
                frame.unwrap();
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let after = memory(&gateway);
    println!(
        "memory: {before} KiB at rest, {after} KiB with {IDLE} idle subscribers after {} s: {:.1} KiB each",
        HELD.as_secs(),
        (after - before) as f64 / IDLE as f64
    );
    gateway.kill();
}

async fn blocked() {
    let dir = TempDir::new().unwrap();
    // Without memory for the newest events, so that memory grows only because of the streams.
    let gateway = Process::serve(dir.path(), &["--memory", "1MiB"]);
    let mut http = Http::connect(gateway.addresses.http).await;
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(10_000));
    for _ in 0..5000 {
        assert!(http.post("Bench.Fill", &body).await.is_stored());
    }
    let before = memory(&gateway);
    let mut subscribers = Vec::new();
    for _ in 0..BLOCKED {
        let request = SubscribeRequest { include_raw_body: true, ..earliest() };
        subscribers.push(Subscriber::open(&mut gateway.client().await, request).await.unwrap().0);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = memory(&gateway);
    println!(
        "memory: {before} KiB before, {after} KiB with {BLOCKED} stalled subscribers: {:.0} KiB each",
        after.saturating_sub(before) as f64 / BLOCKED as f64
    );
    drop(subscribers);
    gateway.kill();
}

/// Returns delays at p50, p99 and p99.9, in milliseconds.
async fn delays(with_stalled: bool) -> [f64; 3] {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    // The stalled subscriber's window is full before the measurement begins.
    let mut stalled = Vec::new();
    if with_stalled {
        let request = SubscribeRequest { include_raw_body: true, ..earliest() };
        stalled = open(&gateway, 1, &request).await;
    }
    let mut http = Http::connect(gateway.addresses.http).await;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(500_000));
    for _ in 0..10 {
        assert!(http.post("Bench.Fill", &large).await.is_stored());
    }
    let began = Instant::now();
    let mut readers = JoinSet::new();
    for mut subscriber in open(&gateway, READERS, &latest()).await {
        readers.spawn(async move {
            let mut delays = Vec::with_capacity(CALLBACKS);
            while delays.len() < CALLBACKS {
                if let Frame::Event(event) = subscriber.frame().await.unwrap() {
                    let sent: u128 = event
                        .raw_body
                        .trim_start_matches("{\"sent\":")
                        .trim_end_matches('}')
                        .parse()
                        .unwrap();
                    delays.push(began.elapsed().as_nanos() - sent);
                }
            }
            delays
        });
    }
    let mut ticks = tokio::time::interval(PAUSE);
    for _ in 0..CALLBACKS {
        ticks.tick().await;
        let body = format!("{{\"sent\":{}}}", began.elapsed().as_nanos());
        assert!(http.post("Bench.Delay", &body).await.is_stored());
    }
    let mut delays = Vec::new();
    while let Some(seen) = readers.join_next().await {
        delays.extend(seen.unwrap());
    }
    delays.sort_unstable();
    drop(stalled);
    gateway.kill();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize] as f64 / 1e6;
    [at(0.5), at(0.99), at(0.999)]
}
