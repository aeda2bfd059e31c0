//! The main job's speed, with the real program: `cargo bench --bench main_job`.
//!
//! Acknowledged callbacks a second over 64 keep-alive connections, durable
//! beside a log in memory (the floor), and events delivered a second to 10
//! subscribers who read the log from its beginning. Rounds are interleaved; the
//! load generator shares the machine, so read ratios and CPU per operation.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use support::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const ROUNDS: usize = 3;
const INGEST: Duration = Duration::from_secs(4);
const CONNECTIONS: usize = 64;
const SUBSCRIBERS: usize = 10;

struct Figure {
    /// Operations a second.
    rate: f64,
    /// Server CPU for each, in microseconds.
    cpu: f64,
}

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` runs benches too, to see that they build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let (mut durable, mut floor, mut fanout) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let dir = TempDir::new().unwrap();
        let gateway = Process::serve(dir.path(), &["--memory", "512MiB"]);
        durable.push(ingest(&gateway).await);
        fanout.push(deliver(&gateway).await);
        gateway.kill();
        let gateway = Process::serve(dir.path(), &["--log", "memory"]);
        floor.push(ingest(&gateway).await);
        gateway.kill();
    }
    println!("{:<52}{:>12}{:>26}{:>16}", "median of 3", "a second", "(lowest to highest)", "CPU us each");
    let ingest = format!("callbacks stored on disk, {CONNECTIONS} connections");
    let delivered = format!("events delivered to {SUBSCRIBERS} subscribers");
    row(&ingest, &mut durable);
    row("the same in memory only (floor)", &mut floor);
    row(&delivered, &mut fanout);
    println!("disk / memory: {:.2}", durable[ROUNDS / 2].rate / floor[ROUNDS / 2].rate);
}

fn row(name: &str, figures: &mut [Figure]) {
    figures.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let median = &figures[ROUNDS / 2];
    let range = format!("({:.0} to {:.0})", figures[0].rate, figures[ROUNDS - 1].rate);
    println!("{name:<52}{:>12.0}{range:>26}{:>16.2}", median.rate, median.cpu);
}

/// The process' CPU time so far, by the operating system's accounting.
fn cpu(gateway: &Process) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", gateway.child.id())).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}

async fn ingest(gateway: &Process) -> Figure {
    let request = request("Sns.CallbackFriendAdd", FRIEND_ADD);
    let stored = std::sync::Arc::new(AtomicU64::new(0));
    let (cpu_before, started) = (cpu(gateway), Instant::now());
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut http = Http::connect(gateway.addresses.http).await;
        // Every answer has the same length, so one read each is enough.
        let len = {
            http.send(&request).await;
            let answer = http.answer().await;
            assert!(answer.is_stored());
            answer.head.len() + answer.body.len()
        };
        let (request, stored) = (request.clone(), stored.clone());
        connections.push(tokio::spawn(async move {
            let mut answer = vec![0; len];
            while started.elapsed() < INGEST {
                http.stream.write_all(request.as_bytes()).await.unwrap();
                http.stream.read_exact(&mut answer).await.unwrap();
                assert!(answer.starts_with(b"HTTP/1.1 200"));
                stored.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for connection in connections {
        connection.await.unwrap();
    }
    figure(stored.load(Ordering::Relaxed), started, cpu(gateway) - cpu_before)
}

async fn deliver(gateway: &Process) -> Figure {
    let mut newest = gateway.client().await;
    let list = callback_gateway::proto::ListEventsRequest { page_size: 1, ..Default::default() };
    let last = newest.list_events(list).await.unwrap().into_inner().events[0].sequence;
    let (cpu_before, started) = (cpu(gateway), Instant::now());
    let mut subscribers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let mut client = gateway.client().await;
        let (mut subscriber, _) = Subscriber::open(&mut client, earliest()).await.unwrap();
        subscribers.push(tokio::spawn(async move {
            let mut count = 0;
            while subscriber.event().await.unwrap().sequence < last {
                count += 1;
            }
            count + 1
        }));
    }
    let mut delivered = 0;
    for subscriber in subscribers {
        delivered += subscriber.await.unwrap();
    }
    figure(delivered, started, cpu(gateway) - cpu_before)
}

fn figure(operations: u64, started: Instant, cpu: Duration) -> Figure {
    let operations = operations as f64;
    Figure { rate: operations / started.elapsed().as_secs_f64(), cpu: cpu.as_secs_f64() * 1e6 / operations }
}
