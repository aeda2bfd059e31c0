//! A store that is deleted, moved or replaced under a running gateway.

use std::{fs, path::Path, process::Command};

use crate::support::*;
use imcallback::Event;
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tempfile::TempDir;

const EVENTS: usize = 300;

/// Starts a gateway in which a write beyond the limit on a file's size fails instead of ending the process.
fn serve(dir: &Path) -> Process {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#]).arg(program().get_program());
    Process::start(shell.args(serve_args(dir)).arg("--drain-delay=0s"))
}

/// Returns a gateway whose events are partly in the main file and partly in the write-ahead log.
async fn filled(dir: &Path) -> (Process, Vec<Event>) {
    let gateway = serve(dir);
    post(&gateway, EVENTS / 2).await;
    stop(gateway).await;
    let gateway = serve(dir);
    post(&gateway, EVENTS / 2).await;
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), EVENTS);
    (gateway, events)
}

async fn post(gateway: &Process, count: usize) {
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..count {
        assert!(http.post("A.B", &format!(r#"{{"n":{n},"Text":"{}"}}"#, "x".repeat(500))).await.is_stored());
    }
}

async fn stop(gateway: Process) {
    gateway.signal(Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success(), "{log:?}");
}

/// Waits until the gateway has ended and starts another one. Stores a callback and repairs the store.
/// Checks that all old events are back with the sequences of their cursors.
async fn assert_saved(dir: &Path, gateway: Process, old: &[Event]) {
    let (_, log) = gateway.ended().await;
    let told = "the store was deleted or replaced while in use; its events were saved";
    assert!(log.iter().any(|line| line.contains(told)), "{log:?}");
    let gateway = serve(dir);
    post(&gateway, 1).await;
    stop(gateway).await;
    let output = program().args(["repair", "--data-dir"]).arg(dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let gateway = serve(dir);
    let events = all_events(&mut gateway.client().await).await;
    let content = |event: &Event| (event.sequence, event.receive_time, event.raw_body.clone());
    assert!(
        events.iter().take(old.len()).map(content).eq(old.iter().map(content)),
        "{} events",
        events.len()
    );
    assert_eq!(events.len(), old.len() + 1);
    stop(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_saves_the_events_of_a_deleted_store_and_ends() {
    let dir = TempDir::new().unwrap();
    let (gateway, events) = filled(dir.path()).await;
    fs::remove_file(dir.path().join("events.db")).unwrap();
    assert_saved(dir.path(), gateway, &events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_saves_its_events_though_its_whole_data_directory_was_deleted() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let (gateway, events) = filled(&data).await;
    fs::remove_dir_all(&data).unwrap();
    assert_saved(&data, gateway, &events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_stopped_saves_the_events_of_its_deleted_store_first() {
    let dir = TempDir::new().unwrap();
    let (gateway, events) = filled(dir.path()).await;
    for name in ["events.db", "events.db-wal", "events.db-shm"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    gateway.signal(Signal::TERM);
    assert_saved(dir.path(), gateway, &events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_put_back_soon_is_used_again() {
    let dir = TempDir::new().unwrap();
    let (gateway, events) = filled(dir.path()).await;
    let (path, elsewhere) = (dir.path().join("events.db"), dir.path().join("elsewhere"));
    fs::rename(&path, &elsewhere).unwrap();
    until_ready_is(gateway.addresses.admin, 503).await;
    fs::rename(&elsewhere, &path).unwrap();
    until_ready_is(gateway.addresses.admin, 200).await;
    post(&gateway, 1).await;
    stop(gateway).await;
    let gateway = serve(dir.path());
    let after = all_events(&mut gateway.client().await).await;
    assert_eq!((after.len(), &after[..EVENTS]), (EVENTS + 1, &events[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_keeps_a_deleted_store_open_until_its_events_can_be_saved() {
    let dir = TempDir::new().unwrap();
    let (gateway, events) = filled(dir.path()).await;
    let limit_file_size = |current| {
        let limit = Rlimit { current, maximum: None };
        prlimit(Some(Pid::from_child(&gateway.child)), Resource::Fsize, limit).unwrap();
    };
    // Enough space for the log, too little for a copy of the store.
    limit_file_size(Some(64 << 10));
    fs::remove_file(dir.path().join("events.db")).unwrap();
    gateway.line("the events of the deleted store cannot be saved; retrying").await;
    let read = all_events(&mut gateway.client().await).await;
    assert_eq!(read, events);
    limit_file_size(None);
    assert_saved(dir.path(), gateway, &events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_have_the_next_start_refuse_though_the_events_were_saved() {
    let dir = TempDir::new().unwrap();
    let (gateway, events) = filled(dir.path()).await;
    stop(gateway).await;
    let refuse = ["--drain-delay=0s", "--damaged-store=refuse"];
    let gateway = Process::serve(dir.path(), &refuse);
    fs::remove_file(dir.path().join("events.db")).unwrap();
    stop(gateway).await;
    let output = program().args(serve_args(dir.path())).args(refuse).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("events.db is missing or empty, but the log had events up to 300"), "{said}");
    let repaired = program().args(["repair", "--data-dir"]).arg(dir.path()).output().unwrap();
    assert!(repaired.status.success(), "{repaired:?}");
    let gateway = serve(dir.path());
    assert_eq!(all_events(&mut gateway.client().await).await.len(), events.len());
}

/// After a failed write the store is closed, and only the file that the log keeps open has the events.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_saves_the_events_of_a_store_that_is_deleted_while_the_disk_is_full() {
    let dir = TempDir::new().unwrap();
    let (gateway, events) = filled(dir.path()).await;
    let limit_file_size = |current| {
        let limit = Rlimit { current, maximum: None };
        prlimit(Some(Pid::from_child(&gateway.child)), Resource::Fsize, limit).unwrap();
    };
    limit_file_size(Some(0));
    let mut http = Http::connect(gateway.addresses.http).await;
    assert_eq!(http.post("A.B", "{}").await.status, 503);
    for name in ["events.db", "events.db-wal", "events.db-shm"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    gateway.line("the events of the deleted store cannot be saved; retrying").await;
    limit_file_size(None);
    assert_saved(dir.path(), gateway, &events).await;
}
