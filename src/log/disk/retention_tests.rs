//! Tests of retention on a disk log: each limit, and its effect on readers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::time::timeout;

use super::{DiskLog, DiskOptions, Retention, store};
use crate::{
    event::{Cursor, Record, Sequence},
    log::{
        AppendError, Appending, EventLog, LogState, PAGE_RECORDS, ReadError,
        conformance::{HANG, append_all, assert_seeks, read_all, record},
    },
};

/// Runs tests with a ring that holds all records, one that holds some hundreds, and one that holds only the
/// newest.
macro_rules! with_rings {
    ($($name:ident),* $(,)?) => {
        mod from_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(64 << 20).await;
            })*
        }
        mod from_both {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(100_000).await;
            })*
        }
        mod from_disk {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(0).await;
            })*
        }
    };
}

with_rings! {
    only_events_beyond_the_age_limit_are_deleted,
    a_log_emptied_by_age_continues_its_sequences,
    the_newest_events_up_to_the_count_are_kept,
    a_reader_overtaken_by_deletion_gets_trimmed,
    concurrent_readers_get_every_event_or_an_error,
}

fn open(dir: &TempDir, ring_bytes: usize, retention: Retention) -> DiskLog {
    let dir = dir.path().join("data");
    DiskLog::open(DiskOptions { retention, ..DiskOptions::new(dir, ring_bytes) }).unwrap()
}

fn by_age(age: Duration) -> Retention {
    Retention { age: Some(age), ..Retention::default() }
}

fn by_bytes(bytes: u64) -> Retention {
    Retention { bytes: Some(bytes), ..Retention::default() }
}

fn by_count(count: u64) -> Retention {
    Retention { count: Some(count), ..Retention::default() }
}

fn sqlite(dir: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.path().join("data").join(store::FILE_NAME)).unwrap()
}

/// Returns the size of the file of events. Never opens it: closing it would drop SQLite's locks.
fn file_bytes(dir: &TempDir) -> u64 {
    dir.path().join("data").join(store::FILE_NAME).metadata().unwrap().len()
}

/// Polls a condition that has no notification.
async fn until(mut is_so: impl FnMut() -> bool) {
    let seen = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(HANG, seen).await.expect("the condition is met in time");
}

fn cursors(records: &[Record]) -> Vec<Cursor> {
    records.iter().map(Record::cursor).collect()
}

/// Checks that no kind of read returns a record below the oldest one.
async fn assert_begins_at(log: &DiskLog, oldest: Sequence) {
    assert_eq!(log.oldest(), oldest);
    assert!(log.memory_start() >= oldest, "trimmed from memory, too");
    for below in [Sequence::FIRST, oldest.previous()] {
        assert_eq!(log.read(below, 1).await.unwrap_err(), ReadError::Trimmed { oldest }, "from {below}");
    }
    assert!(
        log.read_back(oldest, 1).await.unwrap().records.is_empty(),
        "reading back ends at the oldest record"
    );
    assert_seeks(log, &read_all(log, oldest).await).await;
}

async fn only_events_beyond_the_age_limit_are_deleted(ring: usize) {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, ring, Retention::default());
    append_all(&log, 3000).await;
    log.close().await;
    // More than one slice, and not a whole number of slices.
    let age = "UPDATE record SET receive_time = receive_time - 7200000000 WHERE sequence <= 2500";
    sqlite(&dir).execute(age, []).unwrap();

    let log = open(&dir, ring, by_age(Duration::from_secs(3600)));
    until(|| log.oldest() == Sequence(2501)).await;
    assert_begins_at(&log, Sequence(2501)).await;
    append_all(&log, 10).await;
    assert_eq!(read_all(&log, Sequence(2501)).await.len(), 510);
    log.close().await;
    let log = open(&dir, ring, Retention::default());
    assert_begins_at(&log, Sequence(2501)).await;
}

async fn a_log_emptied_by_age_continues_its_sequences(ring: usize) {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, ring, by_age(Duration::from_millis(1)));
    let last = append_all(&log, 10).await[9];
    // Nothing is written meanwhile: the idle writer checks retention by itself.
    until(|| log.oldest() == last.sequence.next()).await;
    assert_begins_at(&log, last.sequence.next()).await;
    assert_eq!(
        log.tail().borrow().cursor,
        last,
        "a client that has received the last event can continue after it"
    );
    log.close().await;

    let log = open(&dir, ring, Retention::default());
    assert_begins_at(&log, last.sequence.next()).await;
    let next = append_all(&log, 1).await[0];
    assert_eq!(next.sequence, last.sequence.next());
    assert_eq!(cursors(&read_all(&log, next.sequence).await), [next]);
}

async fn the_newest_events_up_to_the_count_are_kept(ring: usize) {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, ring, by_count(1500));
    let mut all = Vec::new();
    for end in [4000, 4001, 6600] {
        all.extend(append_all(&log, end - all.len()).await);
        let oldest = Sequence(end as u64 - 1499);
        until(|| log.oldest() == oldest).await;
        assert_begins_at(&log, oldest).await;
        assert_eq!(cursors(&read_all(&log, oldest).await), all[end - 1500..]);
    }
}

/// Waits for an append. If the disk hangs, waits until the log accepts appends again.
async fn settled(log: &DiskLog, appending: Appending) {
    match timeout(HANG, appending).await.unwrap() {
        Err(AppendError::Recovering) => {
            let mut state = log.state();
            timeout(HANG, state.wait_for(|state| *state == LogState::Writable)).await.unwrap().unwrap();
        }
        other => drop(other.unwrap()),
    }
}

/// Appends as fast as the log accepts records, with a bound on those in flight.
async fn append_bytes(log: &DiskLog, bytes: usize, body: &str, mut look: impl FnMut()) {
    let mut waiting: std::collections::VecDeque<Appending> = Default::default();
    for _ in 0..bytes.div_ceil(body.len()) {
        waiting.push_back(log.append(record(body)));
        if waiting.len() * body.len() >= 16 << 20 || waiting.len() == 2048 {
            settled(log, waiting.pop_front().unwrap()).await;
            look();
        }
    }
    for appending in waiting {
        settled(log, appending).await;
        look();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_stops_growing_at_its_limit_for_records_of_any_size() {
    const BOUND: u64 = 8 << 20;
    /// The limit may be exceeded by a batch, by the bytes added before the next check, and by the page
    /// overhead of large records.
    const PASSED: u64 = 12 << 20;
    let dir = TempDir::new().unwrap();
    let log = open(&dir, 0, by_bytes(BOUND));
    let mut largest = 0;
    // Small events first: one slice of them frees less than a batch of large ones needs.
    for (bytes, body) in [(8 << 20, 200), (64 << 20, 64 << 10), (8 << 20, 200), (64 << 20, 1 << 20)] {
        let body = "x".repeat(body);
        append_bytes(&log, bytes, &body, || largest = largest.max(file_bytes(&dir))).await;
    }
    assert!(largest > BOUND / 2, "the file reached only {largest} bytes");
    assert!(largest <= BOUND + PASSED, "the file grew to {largest} bytes");

    let count = |log: &DiskLog| (log.tail().borrow().end.0 - log.oldest().0) as usize;
    until(|| count(&log) << 20 <= BOUND as usize).await;
    log.close().await;
    // Without retention, so that nothing is deleted during the read.
    let log = open(&dir, 0, Retention::default());
    let kept = read_all(&log, log.oldest()).await;
    assert_eq!(kept.len(), count(&log));
    assert!(kept.len() << 20 > BOUND as usize / 2, "too much was deleted: {} records left", kept.len());
}

async fn a_reader_overtaken_by_deletion_gets_trimmed(ring: usize) {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, ring, by_count(500));
    append_all(&log, 500).await;
    let page = log.read(Sequence::FIRST, 100).await.unwrap();
    assert_eq!(page.next, Sequence(101));
    append_all(&log, 100).await;
    until(|| log.oldest() == Sequence(101)).await;
    let page = log.read(page.next, 100).await.unwrap();
    assert_eq!((page.records.len(), page.next), (100, Sequence(201)), "the position is still stored");
    append_all(&log, 101).await;
    until(|| log.oldest() == Sequence(202)).await;
    let trimmed = ReadError::Trimmed { oldest: Sequence(202) };
    assert_eq!(log.read(page.next, 100).await.unwrap_err(), trimmed);
}

/// Sequences have no holes here, so a skipped record is detected.
async fn concurrent_readers_get_every_event_or_an_error(ring: usize) {
    let dir = TempDir::new().unwrap();
    let log = Arc::new(open(&dir, ring, by_count(1000)));
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (log, done) = (Arc::clone(&log), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut next, mut pages, mut overtaken) = (Sequence::FIRST, 0, 0);
                while !done.load(Ordering::Relaxed) || next < log.tail().borrow().end {
                    match log.read(next, PAGE_RECORDS).await {
                        Ok(page) => {
                            let end = Sequence(next.0 + page.records.len() as u64);
                            let seen: Vec<u64> = page.records.iter().map(|r| r.sequence().0).collect();
                            assert_eq!(seen, (next.0..end.0).collect::<Vec<_>>());
                            assert_eq!(page.next, end);
                            next = end;
                        }
                        Err(ReadError::Trimmed { oldest }) => {
                            assert!(next < oldest && oldest <= log.oldest());
                            next = oldest;
                            overtaken += 1;
                        }
                        Err(error) => panic!("{error}"),
                    }
                    pages += 1;
                    if pages % 10 == 0 {
                        until(|| log.oldest() > next || done.load(Ordering::Relaxed)).await;
                    }
                    tokio::task::yield_now().await;
                }
                assert!(overtaken > 0);
            })
        })
        .collect();
    for _ in 0..30 {
        append_all(&*log, 1000).await;
    }
    until(|| log.oldest() == Sequence(29_001)).await;
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        timeout(HANG, reader).await.unwrap().unwrap();
    }
}

/// Deletions fail in SQLite, while appends would succeed.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deletion_loses_no_event_and_the_log_recovers() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, 0, by_count(500));
    let mut state = log.state();
    let refuse = "CREATE TRIGGER refuse BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'refused'); END";
    sqlite(&dir).execute_batch(refuse).unwrap();
    let mut told = append_all(&log, 500).await;
    told.extend(append_all(&log, 1).await);
    timeout(HANG, state.changed()).await.expect("the log stops accepting appends").unwrap();
    timeout(HANG, state.wait_for(|state| *state == LogState::Writable)).await.unwrap().unwrap();
    // The deletion is not retried at once, so that callbacks are not rejected again.
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(2500) {
        append_bytes(&log, 1 << 20, &"x".repeat(16 << 10), || {}).await;
    }
    assert!(!state.has_changed().unwrap(), "appends are accepted all the time");
    let all = cursors(&read_all(&log, Sequence::FIRST).await);
    assert_eq!(all[..501], told);
    log.close().await;

    sqlite(&dir).execute_batch("DROP TRIGGER refuse").unwrap();
    let log = open(&dir, 0, by_count(500));
    let oldest = Sequence(all.len() as u64 - 499);
    until(|| log.oldest() == oldest).await;
    assert_eq!(cursors(&read_all(&log, oldest).await), all[all.len() - 500..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_store_delays_a_deletion_without_rejecting_appends() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, 0, Retention::default());
    append_all(&log, 10).await;
    log.close().await;
    let intruder = sqlite(&dir);
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let log = open(&dir, 0, by_age(Duration::from_millis(1)));
    let state = log.state();
    // Long enough for several attempts, which have no notification.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(log.oldest(), Sequence::FIRST);
    intruder.execute_batch("ROLLBACK").unwrap();
    until(|| log.oldest() == Sequence(11)).await;
    assert!(!state.has_changed().unwrap(), "appends are accepted all the time");
}

/// Like a damaged old record.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_retention_check_rejects_no_appends() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, 0, by_count(10));
    append_all(&log, 5).await;
    let state = log.state();
    let intruder = sqlite(&dir);
    intruder.execute_batch("ALTER TABLE record RENAME TO gone").unwrap();
    // Long enough for a check, which has no notification.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    intruder.execute_batch("ALTER TABLE gone RENAME TO record").unwrap();
    append_all(&log, 5).await;
    assert!(!state.has_changed().unwrap(), "appends are accepted all the time");
}

#[tokio::test(flavor = "multi_thread")]
async fn much_free_space_is_released() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, 0, Retention::default());
    append_bytes(&log, 112 << 20, &"x".repeat(1 << 20), || {}).await;
    log.close().await;
    let full = file_bytes(&dir);
    assert!(full > 112 << 20, "{full}");
    let log = open(&dir, 0, by_bytes(16 << 20));
    // Pages in use, allowed free pages, and pages not yet moved from the write-ahead log.
    until(|| file_bytes(&dir) <= (16 + 64 + 8) << 20).await;
    let kept = read_all(&log, log.oldest()).await;
    assert!((10..=16).contains(&kept.len()), "{}", kept.len());
    log.close().await;
    assert!(file_bytes(&dir) > 64 << 20, "some free space is kept for new events");
    let check: String = sqlite(&dir).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}
