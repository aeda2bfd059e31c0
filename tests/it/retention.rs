//! Retention in the real program: crashes and write errors while it runs, and a disk that is smaller
//! than all data that is written.

use std::{path::Path, process::Command, time::Duration};

use callback_gateway::testing::{
    event::{Cursor, RecordParts},
    log::{
        Appending, EventLog as _, NewRecord,
        disk::{DiskLog, DiskOptions, Retention},
    },
};
use imcallback::Event;
use rustix::process::{Pid, Resource, Signal, getrlimit, prlimit};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::Instant};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::support::burst::{Burst, callback};
use crate::support::reseal::reseal;
use crate::support::*;

/// Fills a log with events whose bodies are their sequences.
async fn fill(data_dir: &Path, count: u64) {
    let retention = Retention::default();
    let options = DiskOptions { retention, ..DiskOptions::new(data_dir.to_owned(), 0) };
    let log = DiskLog::open(options).unwrap();
    let mut waiting: Vec<Appending> = Vec::new();
    for n in 1..=count {
        let body = n.to_string();
        let parts = RecordParts::fixture(body.as_bytes());
        let stored = RecordParts { command: "Test.Command", sdk_app_id: APP_ID, ..parts }.encode();
        waiting.push(log.append(NewRecord { stored, deadline: Instant::now() + HANG, permit: None }));
        if waiting.len() == 2000 {
            for appending in waiting.drain(..) {
                soon(appending).await.unwrap();
            }
        }
    }
    for appending in waiting {
        soon(appending).await.unwrap();
    }
    soon(log.close()).await;
}

/// Opens a store that no process has open.
fn sqlite(data_dir: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(data_dir.join("events.db")).unwrap()
}

/// Starts a gateway after a shell command. A write beyond the limit on a file's size fails and does not
/// end the process.
fn serve_with(data_dir: &Path, prepare: &str, args: &[&str]) -> Process {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!(r#"trap "" XFSZ; {prepare}; exec "$0" "$@""#)]).arg(program().get_program());
    Process::start(shell.args(serve_args(data_dir)).args(args))
}

/// Returns the sequence of the oldest event.
async fn oldest(gateway: &Process) -> u64 {
    let (_, subscribed) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
    subscribed.oldest_cursor.parse::<Cursor>().unwrap().sequence.0 + 1
}

/// Waits until the oldest event is this one or a later one.
async fn oldest_is(gateway: &Process, sequence: u64) {
    let trimmed = async {
        while oldest(gateway).await < sequence {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(trimmed).await;
}

/// Checks that the sequences of a log's events have no hole.
fn assert_dense(events: &[Event]) {
    assert!(events.is_sorted_by(|a, b| a.sequence + 1 == b.sequence), "no event in the middle is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_deleting_leaves_a_log_in_order() {
    const FILLED: u64 = 100_000;
    const KEPT: u64 = 2000;
    let dir = TempDir::new().unwrap();
    fill(dir.path(), FILLED).await;
    let mut answers = burst::Answers::default();
    let (mut gone, mut in_the_middle) = (1, 0);
    for round in 0..5 {
        let gateway = Process::serve(dir.path(), &["--retention-count", &KEPT.to_string(), "--memory=4KiB"]);
        let burst = Burst::start(gateway.addresses.http, &round.to_string(), 4).await;
        oldest_is(&gateway, gone + 2000).await;
        gateway.kill();
        answers.add(burst.ended().await);

        let check: String =
            sqlite(dir.path()).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let gateway = Process::serve(dir.path(), &["--retention-age=0s", "--memory=4KiB"]);
        let events = all_events(&mut gateway.client().await).await;
        assert_dense(&events);
        let first = events[0].sequence;
        assert_eq!(first, oldest(&gateway).await);
        assert!(first >= gone + 2000, "round {round}: deleted events stay deleted");
        if first > FILLED {
            // On a busy machine, deletion may finish before the kill, so there is nothing left to
            // interrupt.
            break;
        }
        for event in events.iter().take_while(|event| event.sequence <= FILLED) {
            assert_eq!(event.raw_body, event.sequence.to_string());
        }
        let added = events.iter().position(|event| event.sequence > FILLED).unwrap();
        answers.assert_kept_in(&events[added..]);
        in_the_middle += usize::from(events.len() as u64 > KEPT);
        gone = first;
        gateway.kill();
    }
    assert!(in_the_middle > 0, "at least one round ended in the middle of a deletion");
}

/// A write fails while no callback arrives.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_while_old_events_are_deleted_is_noticed_and_costs_nothing() {
    const FILLED: u64 = 20_000;
    let dir = TempDir::new().unwrap();
    fill(dir.path(), FILLED).await;
    let hour = 3_600_000_000_i64;
    let store = sqlite(dir.path());
    store.execute("UPDATE record SET receive_time = receive_time - ?1", [2 * hour]).unwrap();
    reseal(&store);
    drop(store);
    // Space for the index of the write-ahead log and for a few slices.
    let gateway = serve_with(
        dir.path(),
        "ulimit -S -f 200",
        &["--retention-age=1h", "--memory=4KiB", "--drain-delay=0s"],
    );
    let endpoint =
        tonic::transport::Endpoint::from_shared(format!("http://{}", gateway.addresses.grpc)).unwrap();
    let mut health = HealthClient::new(soon(endpoint.connect()).await.unwrap());
    let request = HealthCheckRequest { service: String::new() };
    let mut storing = soon(health.watch(request)).await.unwrap().into_inner();
    let mut until = async |status: ServingStatus| {
        while soon(storing.message()).await.unwrap().unwrap().status() != status {}
    };
    until(ServingStatus::NotServing).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let (command, body) = callback("full", 0, 0);
    assert_eq!(http.post(command, &body).await.status, 503);
    let events = all_events(&mut gateway.client().await).await;
    assert_dense(&events);
    assert_eq!(events.last().unwrap().sequence, FILLED);
    assert_eq!(events[0].sequence, oldest(&gateway).await);

    let unlimited = getrlimit(Resource::Fsize);
    prlimit(Some(Pid::from_child(&gateway.child)), Resource::Fsize, unlimited).unwrap();
    until(ServingStatus::Serving).await;
    assert!(http.post(command, &body).await.is_stored());
    // The deletion resumes by itself after a pause.
    oldest_is(&gateway, FILLED + 1).await;
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 1, "the event within the retention age stays");
    assert_eq!(events[0].raw_body, body);
    gateway.signal(Signal::TERM);
    let (_, log) = gateway.ended().await;
    assert!(log.iter().any(|line| line.contains("old events could not be deleted")), "{log:?}");
}

/// The limit on a file's size stands in for a small disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_smaller_than_all_that_is_written_is_enough() {
    const CALLBACKS: usize = 320;
    const CONNECTIONS: usize = 4;
    let dir = TempDir::new().unwrap();
    // 30 MiB for each file; 64 MiB are written.
    let args = ["--retention-bytes=16MiB", "--memory=4MiB", "--drain-delay=0s"];
    let gateway = serve_with(dir.path(), "ulimit -S -f 61440", &args);
    let mut callers = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let mut http = Http::connect(gateway.addresses.http).await;
        callers.spawn(async move {
            for n in 0..CALLBACKS / CONNECTIONS {
                let body = format!(r#"{{"n":"{connection}-{n}","filling":"{}"}}"#, "x".repeat(200 << 10));
                let answer = http.post("Test.Command", &body).await;
                assert!(answer.is_stored(), "{connection}-{n}: {answer:?}");
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let events = all_events(&mut gateway.client().await).await;
    assert_dense(&events);
    assert_eq!(events.last().unwrap().sequence, CALLBACKS as u64);
    let bytes: usize = events.iter().map(|event| event.raw_body.len()).sum();
    assert!(bytes > 12 << 20, "most of the available space is used: {bytes}");
    gateway.signal(Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success());
    assert!(!log.iter().any(|line| line.contains("ERROR") || line.contains("WARN")), "{log:?}");
}
