//! A write-ahead log that is removed or changed under a running gateway, and a log that lost its end.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};

use imcallback::Event;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::burst::{Answers, callback};
use crate::support::*;

/// So little memory that events are read from the disk.
const NO_MEMORY: &str = "--memory=4KiB";

fn wal(dir: &Path) -> PathBuf {
    dir.join("events.db-wal")
}

/// Posts until this many more are stored. Retries refused callbacks, as the platform does.
async fn post(gateway: &Process, name: &str, count: usize, answers: &mut Answers) {
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut numbers = 0..;
    for _ in 0..count {
        let stored = eventually(async || {
            let (command, body) = callback(name, 0, numbers.next().expect("the numbers suffice"));
            let answer = http.post(command, &body).await;
            if answer.is_stored() {
                return Some(body);
            }
            assert_eq!(answer.status, 503, "{answer:?}");
            answers.unknown.push(body);
            None
        });
        let stored = stored.await;
        answers.stored.push(stored);
    }
}

/// Waits until the gateway reports that its WAL differs from what it wrote.
async fn noticed(gateway: &Process, what: &str) {
    let says = |line: &serde_json::Value| line["error"].as_str().is_some_and(|error| error.contains(what));
    gateway.nth_line(0, says).await;
    gateway.line("the log accepts writes again").await;
}

async fn events(gateway: &Process) -> Vec<Event> {
    all_events(&mut gateway.client().await).await
}

/// Changes the files of a gateway that has stored events. Then reads every event that was acknowledged,
/// before and after the change, while the gateway runs and after a crash.
async fn assert_nothing_is_lost(name: &str, memory: &[&str], fault: impl Fn(&Path), says: &str) {
    let dir = TempDir::new().unwrap();
    let mut answers = Answers::default();
    let gateway = Process::serve(dir.path(), memory);
    post(&gateway, &format!("{name}-before"), 60, &mut answers).await;
    assert!(wal(dir.path()).metadata().unwrap().len() > 0, "the events are in the WAL");
    fault(dir.path());
    post(&gateway, &format!("{name}-after"), 60, &mut answers).await;
    noticed(&gateway, says).await;
    answers.assert_kept_in(&events(&gateway).await);
    // Once more, with the new files.
    fault(dir.path());
    post(&gateway, &format!("{name}-again"), 60, &mut answers).await;
    answers.assert_kept_in(&events(&gateway).await);
    gateway.kill();

    let gateway = Process::serve(dir.path(), &[]);
    let events = events(&gateway).await;
    answers.assert_kept_in(&events);
    assert_eq!(metric(&gateway, "callback_gateway_log_lost_events").await, 0.0);
    post(&gateway, &format!("{name}-restarted"), 1, &mut answers).await;
}

async fn metric(gateway: &Process, name: &str) -> f64 {
    let text = get(gateway.addresses.admin, "/metrics").await.body;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} is missing")).parse().unwrap()
}

const REPLACED: &str = "was deleted or replaced while in use";
const SHORTENED: &str = "is shorter than";

fn delete_wal(dir: &Path) {
    fs::remove_file(wal(dir)).unwrap();
}

/// The copy has the same bytes, but SQLite still writes to the other file.
fn exchange_wal(dir: &Path) {
    let moved = dir.join("moved");
    fs::rename(wal(dir), &moved).unwrap();
    fs::copy(moved, wal(dir)).unwrap();
}

fn cut_wal(dir: &Path, share: u64) {
    let file = OpenOptions::new().write(true).open(wal(dir)).unwrap();
    let bytes = file.metadata().unwrap().len();
    file.set_len(bytes * share / 100).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_wal_that_is_deleted() {
    assert_nothing_is_lost("deleted", &[], delete_wal, REPLACED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_deleted_wal_whose_events_are_not_in_memory() {
    assert_nothing_is_lost("deleted", &[NO_MEMORY], delete_wal, REPLACED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_wal_that_is_exchanged_for_a_copy() {
    assert_nothing_is_lost("exchanged", &[NO_MEMORY], exchange_wal, REPLACED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_wal_that_is_emptied() {
    assert_nothing_is_lost("emptied", &[], |dir| cut_wal(dir, 0), SHORTENED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_wal_that_is_cut() {
    assert_nothing_is_lost("cut", &[], |dir| cut_wal(dir, 40), SHORTENED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_deleted_index_of_the_wal() {
    let delete = |dir: &Path| fs::remove_file(dir.join("events.db-shm")).unwrap();
    assert_nothing_is_lost("shm", &[NO_MEMORY], delete, REPLACED).await;
}

/// Without a callback that would reveal the fault.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_gateway_notices_a_deleted_wal_and_saves_what_was_in_it() {
    let dir = TempDir::new().unwrap();
    let mut answers = Answers::default();
    let gateway = Process::serve(dir.path(), &[NO_MEMORY, "--retention-age=0s", "--retention-bytes=0B"]);
    post(&gateway, "idle", 60, &mut answers).await;
    delete_wal(dir.path());
    noticed(&gateway, REPLACED).await;
    gateway.kill();
    answers.assert_kept_in(&events(&Process::serve(dir.path(), &[])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_at_once_saves_what_is_in_a_deleted_wal() {
    let dir = TempDir::new().unwrap();
    let mut answers = Answers::default();
    let gateway = Process::serve(dir.path(), &["--drain-delay=0s"]);
    post(&gateway, "ending", 60, &mut answers).await;
    delete_wal(dir.path());
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().await.0.success());
    answers.assert_kept_in(&events(&Process::serve(dir.path(), &[])).await);
}

/// An operator's `sqlite3` may empty the WAL by a checkpoint: no event is missing, and no callback is
/// refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_by_another_program_refuses_nothing() {
    let dir = TempDir::new().unwrap();
    let mut answers = Answers::default();
    let gateway = Process::serve(dir.path(), &[NO_MEMORY]);
    let operator = rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    operator.busy_timeout(HANG).unwrap();
    for round in 0..3 {
        post(&gateway, &format!("round-{round}"), 30, &mut answers).await;
        let busy = operator.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        assert_eq!((busy.unwrap(), wal(dir.path()).metadata().unwrap().len()), (0, 0));
    }
    post(&gateway, "last", 30, &mut answers).await;
    assert!(answers.unknown.is_empty(), "{:?}", answers.unknown);
    gateway.kill();
    drop(operator);
    answers.assert_kept_in(&events(&Process::serve(dir.path(), &[])).await);
}

/// Events that are neither in the WAL nor in memory are lost. Their sequences are not assigned to other
/// events.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_lost_with_a_cut_wal_leave_their_sequences() {
    let dir = TempDir::new().unwrap();
    let mut answers = Answers::default();
    let gateway = Process::serve(dir.path(), &[NO_MEMORY]);
    post(&gateway, "before", 60, &mut answers).await;
    cut_wal(dir.path(), 0);
    noticed(&gateway, SHORTENED).await;
    let lost = metric(&gateway, "callback_gateway_log_lost_events").await;
    assert!(lost > 0.0);
    post(&gateway, "after", 1, &mut answers).await;
    let last = list_newest(&gateway).await;
    assert!(last.sequence > 60, "{last:?}");
    let sequences = last.sequence;
    gateway.kill();
    let gateway = Process::serve(dir.path(), &[]);
    post(&gateway, "restarted", 1, &mut answers).await;
    assert_eq!(list_newest(&gateway).await.sequence, sequences + 1);
}

async fn list_newest(gateway: &Process) -> Event {
    let request = imcallback::ListEventsRequest { page_size: 1, ..Default::default() };
    let list = soon(gateway.client().await.list_events(request)).await.unwrap().into_inner();
    list.events.into_iter().next().expect("the log has an event")
}

/// A crash leaves events in the WAL, which is damaged before the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_end_skips_the_sequences_and_says_so() {
    let dir = TempDir::new().unwrap();
    let mut answers = Answers::default();
    let gateway = Process::serve(dir.path(), &[]);
    post(&gateway, "kept", 5, &mut answers).await;
    gateway.signal(Signal::TERM);
    gateway.ended().await;
    let gateway = Process::serve(dir.path(), &[]);
    post(&gateway, "lost", 20, &mut answers).await;
    let before = events(&gateway).await;
    gateway.kill();
    let mut bytes = fs::read(wal(dir.path())).unwrap();
    // In the first frame: SQLite ignores everything from there on.
    bytes[100] ^= 1;
    fs::write(wal(dir.path()), bytes).unwrap();

    let gateway = Process::serve(dir.path(), &[]);
    let says = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with("the log lost its end")
    };
    let line = gateway.nth_line(0, says).await;
    assert_eq!((line["level"].as_str(), &line["lost"]), (Some("ERROR"), &serde_json::json!(20)), "{line}");
    // The check of the log at each start has found the lost events by then.
    assert_eq!(metric(&gateway, "callback_gateway_log_lost_events").await, 20.0);
    let status = Subscriber::open(&mut gateway.client().await, after(&before[4].cursor)).await;
    let status = match status {
        Ok((mut subscriber, _)) => subscriber.event().await.unwrap_err(),
        Err(status) => status,
    };
    assert_eq!(reason(&status), "EVENTS_MISSING", "{status}");
    // A resume from the cursor of a lost event, or of an earlier one, continues with the events that are
    // stored now.
    post(&gateway, "new", 1, &mut answers).await;
    let newest = list_newest(&gateway).await;
    assert_eq!(newest.sequence, before[24].sequence + 1);
    let resumed = read(&mut gateway.client().await, after(&before[24].cursor)).await;
    assert_eq!(resumed.iter().map(|event| event.sequence).collect::<Vec<_>>(), [newest.sequence]);
    gateway.kill();

    let gateway = Process::serve(dir.path(), &[]);
    assert_eq!(
        metric(&gateway, "callback_gateway_log_lost_events").await,
        20.0,
        "the lost events stay counted"
    );
    assert_eq!(list_newest(&gateway).await.sequence, newest.sequence);
}
