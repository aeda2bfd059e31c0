//! Searches of a long log by account and by command, with and without an index: `cargo bench --bench list --
//! [--events N]`.
//!
//! The log is filled directly, without HTTP. A search reads pages like a list call, until 50 events match or
//! the log ends. Rounds of ingest with and without the index are interleaved. The machine is shared, so only
//! ratios are meaningful.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use callback_gateway::testing::{
    event::{NameSet, RecordParts, Sequence, StoredRecord},
    log::{
        EventLog, NewRecord, Order, PAGE_RECORDS, Terms,
        disk::{DiskLog, DiskOptions},
    },
};
use tempfile::TempDir;

const QUICK: u64 = 200_000;
/// Events in a list call's response.
const PAGE: usize = 50;
/// Searches of each kind with the index. Without it, as many as fit into [`SCANNING`], at least one.
const SEARCHES: usize = 200;
const SCANNING: Duration = Duration::from_secs(3);
/// Events of one round of ingest, and the number of rounds with and without the index.
const INGEST: u64 = 200_000;
const ROUNDS: usize = 3;
/// Events per second that the HTTP front accepts, about, and the duration of that load.
const RATE: u64 = 25_000;
const FOLLOWED: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` runs benches, too, to check that they build.
    let args: Vec<String> = std::env::args().collect();
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let events =
        args.iter().position(|arg| arg == "--events").map_or(QUICK, |at| args[at + 1].parse().unwrap());
    let dir = TempDir::new().unwrap();

    let log = open(dir.path(), false);
    let rate = ingest(&log, 0, events, events).await;
    println!("{events} events stored without an index: {rate:.0} a second");
    let store_bytes = log.usage().await.unwrap().bytes;
    log.close().await;

    let log = open(dir.path(), true);
    let started = Instant::now();
    indexed(&log).await;
    let took = started.elapsed();
    let index_bytes = log.usage().await.unwrap().bytes.saturating_sub(store_bytes);
    println!("indexed in {took:.1?}: {:.0} events a second", events as f64 / took.as_secs_f64());
    println!(
        "bytes an event: store {:.0}, index {:.1}",
        store_bytes as f64 / events as f64,
        index_bytes as f64 / events as f64
    );
    log.close().await;

    let with = open(dir.path(), true);
    let started = Instant::now();
    indexed(&with).await;
    println!("indexed again after a restart in {:.1?}", started.elapsed());
    let head = ["search", "order", "events", "p50", "p99", "without: p50", "slowest"];
    println!(
        "{:<36}{:<14}{:>7}{:>11}{:>11}{:>14}{:>11}",
        head[0], head[1], head[2], head[3], head[4], head[5], head[6]
    );
    let account = |name: &str| Terms::Accounts(vec![name.to_owned()]);
    let command = |name: &str| Terms::Commands(vec![name.to_owned()]);
    let mut rows = Vec::new();
    for (name, terms) in [
        ("account in 10 events", account("rare")),
        ("account in 1 of 100,000 events", account("usual")),
        ("account in 1 of 10 events", account("common")),
        ("account in none", account("nobody")),
        ("command of 10 events", command("Test.Rare")),
        ("command of half of them", command("C2C.CallbackAfterSendMsg")),
    ] {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let mut times = Vec::new();
            let mut found = 0;
            for _ in 0..SEARCHES {
                let started = Instant::now();
                found = list(&with, &terms, order).await;
                times.push(started.elapsed());
            }
            times.sort();
            rows.push((name, terms.clone(), order, found, times));
        }
    }
    with.close().await;
    let without = open(dir.path(), false);
    for (name, terms, order, found, times) in rows {
        let mut scans = Vec::new();
        let begun = Instant::now();
        while scans.is_empty() || begun.elapsed() < SCANNING && scans.len() < SEARCHES {
            let started = Instant::now();
            assert_eq!(
                list(&without, &terms, order).await,
                found,
                "the same result with and without the index"
            );
            scans.push(started.elapsed());
        }
        scans.sort();
        println!(
            "{name:<36}{:<14}{found:>7}{:>11.2?}{:>11.2?}{:>14.2?}{:>11.2?}",
            format!("{order:?}"),
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            scans[scans.len() / 2],
            scans[scans.len() - 1],
        );
    }
    without.close().await;

    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut stored = events;
    for _ in 0..ROUNDS {
        for (index, rates) in [(false, &mut without), (true, &mut with)] {
            let log = open(dir.path(), index);
            if index {
                indexed(&log).await;
            }
            rates.push(ingest(&log, stored, INGEST, events).await);
            stored += INGEST;
            log.close().await;
        }
    }
    for rates in [&mut with, &mut without] {
        rates.sort_by(f64::total_cmp);
    }
    println!(
        "stored a second, median of {ROUNDS}: {:.0} with the index, {:.0} without: {:.2}",
        with[ROUNDS / 2],
        without[ROUNDS / 2],
        with[ROUNDS / 2] / without[ROUNDS / 2]
    );

    let log = open(dir.path(), true);
    indexed(&log).await;
    let behind = follow(&log, stored, events).await;
    println!("at {RATE} events a second the index is at most {behind} behind");
    log.close().await;
}

fn open(dir: &Path, index: bool) -> Arc<DiskLog> {
    Arc::new(DiskLog::open(DiskOptions { index, ..DiskOptions::new(dir.join("data"), 64 << 20) }).unwrap())
}

async fn indexed(log: &DiskLog) {
    while log.usage().await.unwrap().index_end != Some(log.tail().borrow().end) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Returns the n-th of `events` events. Each has two accounts of a million, and half of the events are in a
/// group.
fn event(n: u64, events: u64) -> StoredRecord {
    let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut accounts = NameSet::default();
    accounts.insert(&format!("user-{}", (random >> 20) % 1_000_000));
    accounts.insert(&format!("user-{}", (random >> 40) % 1_000_000));
    let is_rare = n % (events / 10) == events / 20;
    for (name, is_in) in [("rare", is_rare), ("usual", n % 100_000 == 500), ("common", n % 10 == 3)] {
        if is_in {
            accounts.insert(name);
        }
    }
    let mut group_ids = NameSet::default();
    let command = match n {
        _ if is_rare => "Test.Rare".to_owned(),
        _ if n.is_multiple_of(2) => "C2C.CallbackAfterSendMsg".to_owned(),
        _ => {
            group_ids.insert(&format!("@TGS#{}", random >> 30 & 0xffff));
            format!("Group.Callback{}", n % 50)
        }
    };
    RecordParts {
        command: &command,
        sdk_app_id: 1_400_000_000,
        kind: 2,
        status: imcallback::DecodeStatus::Typed,
        accounts: &accounts,
        group_ids: &group_ids,
        event: &[7; 60],
        ..RecordParts::fixture(
            br#"{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"user-1","To_Account":"user-2"}"#,
        )
    }
    .encode()
}

/// Stores `count` events from `first` on, from several tasks. Returns the events per second.
async fn ingest(log: &Arc<DiskLog>, first: u64, count: u64, events: u64) -> f64 {
    const TASKS: u64 = 4;
    const RUN: u64 = 512;
    let started = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let log = Arc::clone(log);
            tokio::spawn(async move {
                let mut numbers =
                    (first..first + count).skip(task as usize).step_by(TASKS as usize).peekable();
                while numbers.peek().is_some() {
                    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
                    let append =
                        |n| log.append(NewRecord { stored: event(n, events), deadline, permit: None });
                    let appending: Vec<_> = numbers.by_ref().take(RUN as usize).map(append).collect();
                    for appending in appending {
                        appending.await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    count as f64 / started.elapsed().as_secs_f64()
}

/// Stores events at [`RATE`]. Returns the maximum number of events that the index was behind.
async fn follow(log: &Arc<DiskLog>, first: u64, events: u64) -> u64 {
    const TICK: Duration = Duration::from_millis(10);
    const RUN: u64 = RATE / 100;
    let mut ticks = tokio::time::interval(TICK);
    let mut behind = 0;
    for run in 0..FOLLOWED.as_millis() as u64 / TICK.as_millis() as u64 {
        ticks.tick().await;
        let first = first + run * RUN;
        ingest(log, first, RUN, events).await;
        let indexed = log.usage().await.unwrap().index_end.unwrap();
        behind = behind.max(log.tail().borrow().end.0 - indexed.0);
    }
    behind
}

fn fits(record: &StoredRecord, terms: &Terms) -> bool {
    match terms {
        Terms::Accounts(names) => record.accounts().any(|account| account == names[0]),
        Terms::GroupIds(names) => record.group_ids().any(|group_id| group_id == names[0]),
        Terms::Commands(names) => record.command() == names[0],
    }
}

async fn list(log: &DiskLog, terms: &Terms, order: Order) -> usize {
    let end = log.tail().borrow().end;
    let mut position = if order == Order::OldestFirst { log.oldest() } else { end };
    let mut found = 0;
    while found < PAGE {
        let page = log.search(terms, position, order, PAGE_RECORDS).await.unwrap();
        position = page.next;
        found += page.records.iter().filter(|record| fits(record.stored(), terms)).count();
        let is_over = match order {
            Order::OldestFirst => position >= end,
            Order::NewestFirst => position <= Sequence::FIRST,
        };
        if is_over {
            break;
        }
    }
    found.min(PAGE)
}
