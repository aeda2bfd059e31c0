//! Conformance suite for every backend: the contract of [`EventLog`], line by line.

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{disk::*, memory::MemoryLog, *};
use crate::event::{Record, RecordParts};

#[cfg(feature = "external-tools")]
pub(super) use testkit::nats;

/// Timeout of each wait. Longer than any operation here takes: a test that reaches it hangs.
pub(super) const HANG: Duration = Duration::from_secs(30);

pub(super) fn stored(raw_body: &str) -> StoredRecord {
    RecordParts { command: "Test.Command", ..RecordParts::fixture(raw_body.as_bytes()) }.encode()
}

pub(super) fn record(raw_body: &str) -> NewRecord {
    NewRecord { stored: stored(raw_body), deadline: Instant::now() + HANG, permit: None }
}

/// Appends `count` records, and waits until they can be read: a log on other machines may acknowledge them
/// earlier.
pub(super) async fn append_all(log: &dyn EventLog, count: usize) -> Vec<Cursor> {
    let appending: Vec<_> = (0..count).map(|n| log.append(record(&n.to_string()))).collect();
    let mut cursors = Vec::new();
    for appending in appending {
        cursors.push(timeout(HANG, appending).await.unwrap().unwrap());
    }
    for cursor in &cursors {
        until_tail_is_past(log, cursor.sequence).await;
    }
    cursors
}

pub(super) async fn read_all(log: &dyn EventLog, mut from: Sequence) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let page = timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap().unwrap();
        assert!(page.records.len() <= PAGE_RECORDS);
        from = page.next;
        records.extend(page.records.iter().cloned());
        if from == log.tail().borrow().end {
            return records;
        }
    }
}

/// Reads all readable records, and collects the holes between them.
pub(super) async fn read_past_holes(log: &dyn EventLog, mut from: Sequence) -> (Vec<Record>, Vec<Hole>) {
    let (mut records, mut holes) = (Vec::new(), Vec::new());
    while from < log.tail().borrow().end {
        match timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap() {
            Ok(page) => {
                assert!(page.next > from);
                from = page.next;
                records.extend(page.records.iter().cloned());
            }
            Err(ReadError::Hole(hole)) => {
                assert_eq!(hole.first, from);
                from = hole.last.next();
                holes.push(hole);
            }
            Err(error) => panic!("{error}"),
        }
    }
    (records, holes)
}

async fn until_tail_is_past(log: &dyn EventLog, sequence: Sequence) {
    let mut tail = log.tail();
    timeout(HANG, tail.wait_for(|tail| tail.end > sequence)).await.expect("the tail moves").unwrap();
}

pub(super) fn sequences(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.sequence().0).collect()
}

/// Opens a disk log. With a small ring, most reads reach the disk.
fn open_disk(dir: &TempDir, ring_bytes: usize) -> Result<DiskLog, OpenError> {
    let dir = dir.path().join("data");
    DiskLog::open(DiskOptions::new(dir, ring_bytes))
}

/// Opens a log without retention on a server of its own.
#[cfg(feature = "external-tools")]
async fn open_jetstream(ring_bytes: usize) -> (nats::Nats, jetstream::JetStreamLog) {
    // For records larger than pages.
    let server = nats::Nats::start_with("max_payload: 8MB");
    let options = jetstream::Options { ring_bytes, ..jetstream::Options::new(&server.url()) };
    let log = jetstream::JetStreamLog::open(options).await.unwrap();
    (server, log)
}

macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        #[cfg(feature = "external-tools")]
        mod jetstream_log_from_memory {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (_server, log) = open_jetstream(64 << 20).await;
                super::$name(Arc::new(log)).await;
            })*
        }
        #[cfg(feature = "external-tools")]
        mod jetstream_log_from_the_server {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (_server, log) = open_jetstream(0).await;
                super::$name(Arc::new(log)).await;
            })*
        }
        #[cfg(feature = "external-tools")]
        mod jetstream_log_from_both {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (_server, log) = open_jetstream(10_000).await;
                super::$name(Arc::new(log)).await;
            })*
        }
        mod memory_log {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(Arc::new(MemoryLog::new(64 << 20).unwrap())).await;
            })*
        }
        mod disk_log_from_memory {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let dir = TempDir::new().unwrap();
                super::$name(Arc::new(open_disk(&dir, 64 << 20).unwrap())).await;
            })*
        }
        mod disk_log_from_disk {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let dir = TempDir::new().unwrap();
                super::$name(Arc::new(open_disk(&dir, 0).unwrap())).await;
            })*
        }
        mod disk_log_from_both {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let dir = TempDir::new().unwrap();
                super::$name(Arc::new(open_disk(&dir, 10_000).unwrap())).await;
            })*
        }
    };
}

conformance! {
    an_empty_log_begins_at_the_first_sequence,
    appended_records_are_read_in_order_with_the_same_cursors,
    reading_back_returns_the_newest_first,
    the_tail_moves_before_the_append_is_answered,
    an_abandoned_append_is_stored_all_the_same,
    an_expired_record_is_dropped,
    a_permit_is_released_once_the_record_is_stored_or_dropped,
    a_large_record_has_a_page_of_its_own,
    times_never_decrease,
    seeking_finds_the_first_record_at_a_time_or_later,
    many_writers_get_distinct_sequences,
    a_closed_log_rejects_appends,
}

async fn an_empty_log_begins_at_the_first_sequence(log: Arc<dyn EventLog>) {
    let tail = *log.tail().borrow();
    assert_eq!(tail.end, Sequence::FIRST);
    assert_eq!(tail.cursor, Cursor { epoch: log.epoch().0, sequence: Sequence(0), check: None });
    assert_eq!(log.oldest(), Sequence::FIRST);
    assert!(read_all(&*log, Sequence::FIRST).await.is_empty());
    assert!(log.read_back(tail.end, 10).await.unwrap().records.is_empty());
    assert_eq!(*log.state().borrow(), LogState::Writable);
}

async fn appended_records_are_read_in_order_with_the_same_cursors(log: Arc<dyn EventLog>) {
    let cursors = append_all(&*log, 1000).await;
    let records = read_all(&*log, Sequence::FIRST).await;
    let in_log: Vec<_> = records.iter().map(Record::cursor).collect();
    // If an append is answered before the tail has reached it, its check is not known yet.
    let known = in_log
        .iter()
        .zip(&cursors)
        .map(|(in_log, given)| Cursor { check: given.check.and(in_log.check), ..*in_log });
    assert_eq!(known.collect::<Vec<_>>(), cursors);
    assert!(sequences(&records).is_sorted_by(|a, b| a < b));
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record.stored(), &stored(&n.to_string()));
    }
    let middle = cursors[700].sequence;
    assert_eq!(sequences(&read_all(&*log, middle.next()).await), sequences(&records[701..]));
    assert_eq!(log.tail().borrow().cursor, records[999].cursor());
    assert_eq!(log.read(middle, 3).await.unwrap().records.len(), 3);
}

async fn reading_back_returns_the_newest_first(log: Arc<dyn EventLog>) {
    append_all(&*log, 600).await;
    let mut expected = sequences(&read_all(&*log, Sequence::FIRST).await);
    expected.reverse();
    let mut before = log.tail().borrow().end;
    let mut seen = Vec::new();
    loop {
        let page = timeout(HANG, log.read_back(before, 100)).await.unwrap().unwrap();
        if page.records.is_empty() {
            break;
        }
        assert!(page.records.len() <= 100);
        before = page.next;
        seen.extend(sequences(&page.records));
    }
    assert_eq!(seen, expected);
}

async fn the_tail_moves_before_the_append_is_answered(log: Arc<dyn EventLog>) {
    let mut tail = log.tail();
    let mut moved_before = 0;
    for _ in 0..50 {
        let cursor = log.append(record("x")).await.unwrap();
        // A tail from another machine may be late. An append does not wait long for it, and its check may not
        // be known yet.
        if tail.borrow_and_update().end > cursor.sequence {
            moved_before += 1;
        } else {
            assert_eq!(log.usage().await.unwrap().backend, "nats");
            until_tail_is_past(&*log, cursor.sequence).await;
        }
        let read = log.read(cursor.sequence, 1).await.unwrap().records[0].cursor();
        assert_eq!(Cursor { check: cursor.check.and(read.check), ..read }, cursor);
    }
    assert!(moved_before > 0, "the tail was late each time");
}

async fn an_abandoned_append_is_stored_all_the_same(log: Arc<dyn EventLog>) {
    drop(log.append(record("abandoned")));
    append_all(&*log, 1).await;
    let records = read_all(&*log, Sequence::FIRST).await;
    assert_eq!(records[0].stored(), &stored("abandoned"));
}

async fn an_expired_record_is_dropped(log: Arc<dyn EventLog>) {
    let late = NewRecord { deadline: Instant::now(), ..record("late") };
    assert_eq!(log.append(late).await, Err(AppendError::Expired));
    append_all(&*log, 1).await;
    assert_eq!(read_all(&*log, Sequence::FIRST).await.len(), 1);
}

async fn a_permit_is_released_once_the_record_is_stored_or_dropped(log: Arc<dyn EventLog>) {
    let permits = Arc::new(Semaphore::new(2));
    let permit = || Arc::clone(&permits).try_acquire_owned().ok();
    drop(log.append(NewRecord { permit: permit(), ..record("stored") }));
    drop(log.append(NewRecord { permit: permit(), deadline: Instant::now(), ..record("late") }));
    drop(timeout(HANG, permits.acquire_many(2)).await.unwrap().unwrap());
}

async fn a_large_record_has_a_page_of_its_own(log: Arc<dyn EventLog>) {
    let large = "x".repeat(2 * PAGE_BYTES);
    let mut last = Sequence(0);
    for body in ["a", &large, &large, "b"] {
        last = log.append(record(body)).await.unwrap().sequence;
    }
    until_tail_is_past(&*log, last).await;
    let mut from = Sequence::FIRST;
    let mut pages = Vec::new();
    while from < log.tail().borrow().end {
        let page = log.read(from, PAGE_RECORDS).await.unwrap();
        pages.push(page.records.len());
        from = page.next;
    }
    assert_eq!(pages, [1, 1, 1, 1]);
}

async fn times_never_decrease(log: Arc<dyn EventLog>) {
    let before = Timestamp::now();
    for _ in 0..20 {
        append_all(&*log, 3).await;
    }
    let records = read_all(&*log, Sequence::FIRST).await;
    assert!(records.iter().map(Record::receive_time).is_sorted());
    assert!(records[0].receive_time() >= before);
}

async fn seeking_finds_the_first_record_at_a_time_or_later(log: Arc<dyn EventLog>) {
    for time in [Timestamp(0), Timestamp::now(), Timestamp(i64::MAX)] {
        assert_eq!(log.seek(time).await, Ok(Sequence::FIRST), "an empty log");
    }
    // The records of one batch have the same receive time.
    for count in [1, 3, 200, 1, 100] {
        append_all(&*log, count).await;
    }
    let records = read_all(&*log, Sequence::FIRST).await;
    assert_seeks(&*log, &records).await;
}

/// Seeks every time at which the result changes, and compares it with the records of the log.
pub(super) async fn assert_seeks(log: &dyn EventLog, records: &[Record]) {
    let end = log.tail().borrow().end;
    let mut times: Vec<i64> = records.iter().map(|record| record.receive_time().0).collect();
    times.dedup();
    times.extend(times.clone().iter().flat_map(|time| [time - 1, time + 1]));
    for time in times.into_iter().chain([i64::MIN, 0, i64::MAX]).map(Timestamp) {
        let first = records.iter().find(|record| record.receive_time() >= time).map_or(end, Record::sequence);
        let position = timeout(HANG, log.seek(time)).await.unwrap().unwrap();
        // The position may be in the hole before the record.
        let found = records.iter().map(Record::sequence).find(|sequence| *sequence >= position);
        assert_eq!(found.unwrap_or(end), first, "{time:?}");
    }
}

async fn many_writers_get_distinct_sequences(log: Arc<dyn EventLog>) {
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { append_all(&*log, 100).await })
        })
        .collect();
    let mut seen = Vec::new();
    for writer in writers {
        let cursors = writer.await.unwrap();
        assert!(
            cursors.is_sorted_by_key(|cursor| cursor.sequence),
            "the order of one caller's appends is kept"
        );
        seen.extend(cursors.into_iter().map(|cursor| cursor.sequence.0));
    }
    seen.sort_unstable();
    assert_eq!(seen, sequences(&read_all(&*log, Sequence::FIRST).await));
    seen.dedup();
    assert_eq!(seen.len(), 1600);
}

async fn a_closed_log_rejects_appends(log: Arc<dyn EventLog>) {
    let accepted = log.append(record("accepted"));
    timeout(HANG, log.close()).await.unwrap();
    assert!(accepted.await.is_ok(), "an accepted append is written");
    assert_eq!(log.append(record("late")).await, Err(AppendError::Closed));
    assert_eq!(*log.state().borrow(), LogState::Closed);
}

mod memory_bound {
    use super::*;

    #[tokio::test]
    async fn a_read_below_the_oldest_record_is_trimmed() {
        let log = MemoryLog::new(20_000).unwrap();
        append_all(&log, 1000).await;
        let oldest = log.oldest();
        assert!(oldest > Sequence::FIRST);
        assert_eq!(log.read(oldest.previous(), 1).await.unwrap_err(), ReadError::Trimmed { oldest });
        assert_eq!(read_all(&log, oldest).await.len() as u64, log.tail().borrow().end.0 - oldest.0);
        let back = log.read_back(oldest, 10).await.unwrap();
        assert!(back.records.is_empty(), "reading back ends at the oldest record");
        assert_seeks(&log, &read_all(&log, oldest).await).await;
    }
}

mod disk_only {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const FILE: &str = "data/events.db";

    fn sqlite(dir: &TempDir) -> rusqlite::Connection {
        rusqlite::Connection::open(dir.path().join(FILE)).unwrap()
    }

    /// Recomputes the checksums of all rows.
    fn reseal(store: &rusqlite::Connection) {
        let mut select = store.prepare("SELECT sequence, receive_time, record FROM record").unwrap();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (sequence, time, stored): (i64, i64, Vec<u8>) =
                (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
            let check = Record::check_of(Sequence(sequence.cast_unsigned()), Timestamp(time), &stored);
            let update = "UPDATE record SET checksum = ?2 WHERE sequence = ?1";
            store.execute(update, [sequence, i64::from(check)]).unwrap();
        }
    }

    #[tokio::test]
    async fn a_reopened_log_continues_with_the_same_records_and_cursors() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 1 << 20).unwrap();
        let mut cursors = append_all(&log, 300).await;
        let epoch = log.epoch();
        log.close().await;
        let log = open_disk(&dir, 1 << 20).unwrap();
        assert_eq!(log.epoch(), epoch);
        assert_eq!(log.tail().borrow().cursor, cursors[299]);
        cursors.extend(append_all(&log, 10).await);
        let records = read_all(&log, Sequence::FIRST).await;
        assert_eq!(records.iter().map(Record::cursor).collect::<Vec<_>>(), cursors);
    }

    #[tokio::test]
    async fn an_emptied_log_continues_its_sequences() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        let cursors = append_all(&log, 10).await;
        let time = read_all(&log, Sequence::FIRST).await[9].receive_time();
        log.close().await;
        sqlite(&dir).execute("DELETE FROM record", []).unwrap();

        for _ in 0..2 {
            let log = open_disk(&dir, 0).unwrap();
            assert_eq!(log.oldest(), Sequence(11));
            assert_eq!(log.tail().borrow().end, Sequence(11));
            let trimmed = ReadError::Trimmed { oldest: Sequence(11) };
            assert_eq!(log.read(Sequence::FIRST, 1).await.unwrap_err(), trimmed);
            log.close().await;
        }
        let log = open_disk(&dir, 0).unwrap();
        let next = append_all(&log, 1).await[0];
        assert_eq!(next.sequence, cursors[9].sequence.next());
        assert!(read_all(&log, next.sequence).await[0].receive_time() >= time);
    }

    #[tokio::test]
    async fn reading_records_that_were_trimmed_meanwhile_is_a_typed_error() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 10).await;
        sqlite(&dir).execute("DELETE FROM record WHERE sequence <= 4", []).unwrap();
        let trimmed = ReadError::Trimmed { oldest: Sequence(5) };
        assert_eq!(log.read(Sequence(4), 1).await.unwrap_err(), trimmed);
        assert_eq!(log.oldest(), Sequence(5));
        assert_eq!(read_all(&log, Sequence(5)).await.len(), 6);
    }

    #[tokio::test]
    async fn only_one_process_can_open_the_directory() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        let error = open_disk(&dir, 0).unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        log.close().await;
        open_disk(&dir, 0).unwrap();
    }

    #[tokio::test]
    async fn other_users_cannot_access_the_directory_or_its_files() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 1).await;
        let mode = |path: &std::path::Path| path.metadata().map(|found| found.permissions().mode() & 0o777);
        let data = dir.path().join("data");
        assert_eq!(mode(&data).unwrap(), 0o700);
        let paths = data.read_dir().unwrap().map(|entry| entry.unwrap().path());
        // The indexer is running: a temporary file may be gone by now.
        let files: Vec<_> = paths.filter_map(|path| mode(&path).ok().map(|mode| (path, mode))).collect();
        assert!(files.len() >= 4, "store, WAL, WAL index, lock: {files:?}");
        assert!(files.iter().all(|(_, mode)| *mode == 0o600), "{files:?}");
    }

    #[tokio::test]
    async fn a_new_store_has_the_page_size_and_auto_vacuum_that_are_fixed_at_creation() {
        let dir = TempDir::new().unwrap();
        open_disk(&dir, 0).unwrap().close().await;
        let store = sqlite(&dir);
        let pragma = |name: &str| store.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        const INCREMENTAL: i64 = 2;
        assert_eq!((pragma("page_size"), pragma("auto_vacuum")), (8192, INCREMENTAL));
    }

    #[tokio::test]
    async fn a_newer_store_is_rejected_with_both_format_numbers() {
        let dir = TempDir::new().unwrap();
        open_disk(&dir, 0).unwrap().close().await;
        sqlite(&dir).pragma_update(None, "user_version", STORE_FORMAT + 1).unwrap();
        let error = open_disk(&dir, 0).unwrap_err().to_string();
        assert!(error.contains("format 2") && error.contains("up to 1"), "{error}");
    }

    #[tokio::test]
    async fn a_foreign_database_is_rejected() {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        sqlite(&dir).execute_batch("CREATE TABLE other (x)").unwrap();
        assert!(matches!(open_disk(&dir, 0).unwrap_err(), OpenError::Foreign { .. }));
    }

    #[tokio::test]
    async fn a_record_in_a_newer_format_fails_but_records_before_it_are_read() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 3).await;
        let mut newer = stored("newer").bytes().to_vec();
        newer[0] = 2;
        crate::event::seal(&mut newer);
        let store = sqlite(&dir);
        // In one transaction: the indexer reads at the same time.
        store.execute_batch("BEGIN").unwrap();
        store.execute("UPDATE record SET record = ?1 WHERE sequence = 2", [newer]).unwrap();
        reseal(&store);
        store.execute_batch("COMMIT").unwrap();
        assert_eq!(log.read(Sequence(1), 10).await.unwrap().records.len(), 1);
        let hole = Hole::one(Sequence(2), Cause::NewerFormat(2));
        assert_eq!(log.read(Sequence(2), 10).await.unwrap_err(), ReadError::Hole(hole));
        assert_eq!(log.holes().events(), 0, "the record is not lost");
    }

    /// The write fails in SQLite: another connection holds the file's write lock.
    #[tokio::test(flavor = "multi_thread")]
    async fn appends_are_rejected_after_a_failed_write_until_the_log_has_recovered() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        let before = append_all(&log, 5).await;
        let mut state = log.state();

        let intruder = sqlite(&dir);
        intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(timeout(HANG, log.append(record("lost"))).await.unwrap(), Err(AppendError::Failed));
        assert_eq!(*state.borrow_and_update(), LogState::Recovering);
        assert_eq!(timeout(HANG, log.append(record("refused"))).await.unwrap(), Err(AppendError::Recovering));
        assert_eq!(read_all(&log, Sequence::FIRST).await.len(), 5, "reads continue");

        intruder.execute_batch("ROLLBACK").unwrap();
        timeout(HANG, state.wait_for(|state| *state == LogState::Writable)).await.unwrap().unwrap();
        let after = append_all(&log, 5).await;
        let cursors: Vec<_> = read_all(&log, Sequence::FIRST).await.iter().map(Record::cursor).collect();
        assert_eq!(cursors, [before, after].concat());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_rejects_at_once_and_queued_records_are_stored() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        let intruder = sqlite(&dir);
        intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
        // The writer holds the first batch while it waits for the lock, so these fill the queue.
        let mut appending: Vec<_> = (0..QUEUE_RECORDS + 1000).map(|_| log.append(record("x"))).collect();
        assert!((QUEUE_RECORDS..QUEUE_RECORDS + 1000).contains(&log.queue().records), "{:?}", log.queue());
        intruder.execute_batch("ROLLBACK").unwrap();
        let last = appending.pop().unwrap();
        assert_eq!(timeout(HANG, last).await.unwrap(), Err(AppendError::QueueFull));
        let mut stored = 0;
        for appending in appending {
            match timeout(HANG, appending).await.unwrap() {
                Ok(_) => stored += 1,
                Err(error) => assert_eq!(error, AppendError::QueueFull),
            }
        }
        assert!(stored >= QUEUE_RECORDS);
        assert_eq!(log.queue(), Queue::default());
        assert_eq!(read_all(&log, Sequence::FIRST).await.len(), stored);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_queue_is_bounded_in_bytes_too() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        let intruder = sqlite(&dir);
        intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
        let large = stored(&"x".repeat(QUEUE_BYTES / 8));
        let mut outcomes = Vec::new();
        for _ in 0..8 {
            outcomes.push(log.append(NewRecord { stored: large.clone(), ..record("") }));
        }
        assert!((QUEUE_BYTES / 8 * 7..=QUEUE_BYTES).contains(&log.queue().bytes), "{:?}", log.queue());
        intruder.execute_batch("ROLLBACK").unwrap();
        assert_eq!(timeout(HANG, outcomes.pop().unwrap()).await.unwrap(), Err(AppendError::QueueFull));
        for outcome in outcomes {
            timeout(HANG, outcome).await.unwrap().unwrap();
        }
        // The permits were released.
        timeout(HANG, log.append(NewRecord { stored: large, ..record("") })).await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_was_replaced_while_in_use_is_not_written_to() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 5).await;
        let intruder = sqlite(&dir);
        let exchange = "UPDATE meta SET value = 1 WHERE name = 'epoch'; ALTER TABLE record RENAME TO gone";
        intruder.execute_batch(exchange).unwrap();
        assert_eq!(timeout(HANG, log.append(record("x"))).await.unwrap(), Err(AppendError::Failed));
        intruder.execute_batch("ALTER TABLE gone RENAME TO record").unwrap();
        assert_eq!(timeout(HANG, log.append(record("y"))).await.unwrap(), Err(AppendError::Recovering));
        // The log keeps trying to recover, without success, until it is closed.
        timeout(HANG, log.close()).await.unwrap();
        assert_eq!(intruder.query_row("SELECT count(*) FROM record", [], |row| row.get(0)), Ok(5));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_was_moved_away_rejects_appends_until_it_is_back() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 5).await;
        let mut state = log.state();
        let (here, away) = (dir.path().join("data"), dir.path().join("away"));
        std::fs::rename(&here, &away).unwrap();
        assert_eq!(timeout(HANG, log.append(record("lost"))).await.unwrap(), Err(AppendError::Failed));
        std::fs::rename(&away, &here).unwrap();
        timeout(HANG, state.wait_for(|state| *state == LogState::Writable)).await.unwrap().unwrap();
        append_all(&log, 5).await;
        assert_eq!(read_all(&log, Sequence::FIRST).await.len(), 10);
    }

    /// Unlike after a lock, the writer has closed its connection.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_was_broken_and_repaired_is_reopened() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        let before = append_all(&log, 5).await;
        let mut state = log.state();
        let intruder = sqlite(&dir);
        intruder.execute_batch("ALTER TABLE record RENAME TO gone").unwrap();
        assert_eq!(timeout(HANG, log.append(record("x"))).await.unwrap(), Err(AppendError::Failed));
        intruder.execute_batch("ALTER TABLE gone RENAME TO record").unwrap();
        timeout(HANG, state.wait_for(|state| *state == LogState::Writable)).await.unwrap().unwrap();
        let after = append_all(&log, 5).await;
        let cursors: Vec<_> = read_all(&log, Sequence::FIRST).await.iter().map(Record::cursor).collect();
        assert_eq!(cursors, [before, after].concat());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_foreign_reader_prevents_neither_a_start_nor_writes() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 5).await;
        let reader = sqlite(&dir);
        reader.execute_batch("BEGIN; SELECT count(*) FROM record").unwrap();
        append_all(&log, 5).await;
        log.close().await;

        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 5).await;
        // A foreign lock does not mean that the store is faulty, so recovery does not require an empty WAL.
        let mut state = log.state();
        let intruder = sqlite(&dir);
        intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(timeout(HANG, log.append(record("x"))).await.unwrap(), Err(AppendError::Failed));
        intruder.execute_batch("ROLLBACK").unwrap();
        timeout(HANG, state.wait_for(|state| *state == LogState::Writable)).await.unwrap().unwrap();
        append_all(&log, 5).await;
        assert_eq!(read_all(&log, Sequence::FIRST).await.len(), 20);
    }

    #[tokio::test]
    async fn seeking_skips_holes_and_finds_the_first_of_equal_times() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 30).await;
        log.close().await;
        let change = "UPDATE record SET receive_time = 1000 + sequence / 7 * 10;
            DELETE FROM record WHERE sequence IN (1, 7, 8, 14, 20, 21, 22, 23, 29, 30)";
        sqlite(&dir).execute_batch(change).unwrap();
        reseal(&sqlite(&dir));
        let log = open_disk(&dir, 0).unwrap();
        let (records, holes) = read_past_holes(&log, Sequence(2)).await;
        assert_eq!((records.len(), holes.len()), (20, 4));
        assert_seeks(&log, &records).await;
    }

    #[tokio::test]
    async fn seeking_skips_a_hole_that_is_longer_than_one_read_probes() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 0).unwrap();
        append_all(&log, 3000).await;
        append_all(&log, 3000).await;
        log.close().await;
        let store = sqlite(&dir);
        store.execute_batch("BEGIN; UPDATE record SET receive_time = 1000 + sequence").unwrap();
        reseal(&store);
        store.execute_batch("DELETE FROM record WHERE sequence BETWEEN 50 AND 5950; COMMIT").unwrap();
        drop(store);
        let log = open_disk(&dir, 0).unwrap();
        let (records, holes) = read_past_holes(&log, Sequence::FIRST).await;
        assert_eq!(records.len(), 99);
        assert_eq!(holes.iter().map(Hole::events).sum::<u64>(), 5901);
        assert_eq!(log.holes().list().len(), 1, "the parts are joined");
        assert_seeks(&log, &records).await;
    }

    #[tokio::test]
    async fn lost_rows_are_holes_with_the_same_bounds_in_both_directions() {
        let dir = TempDir::new().unwrap();
        let log = open_disk(&dir, 1 << 20).unwrap();
        append_all(&log, 9).await;
        log.close().await;
        sqlite(&dir).execute("DELETE FROM record WHERE sequence IN (3, 4, 8, 9)", []).unwrap();
        let log = open_disk(&dir, 1 << 20).unwrap();
        let hole = |first, last| Hole { first: Sequence(first), last: Sequence(last), cause: Cause::Missing };
        assert_eq!(log.holes().list(), [hole(3, 4), hole(8, 9)], "found at the start");
        append_all(&log, 1).await;
        let (records, holes) = read_past_holes(&log, Sequence::FIRST).await;
        assert_eq!((sequences(&records), holes), (vec![1, 2, 5, 6, 7, 10], vec![hole(3, 4), hole(8, 9)]));
        assert_eq!(log.read(Sequence(4), 9).await.unwrap_err(), ReadError::Hole(hole(4, 4)));

        let back = async |before| log.read_back(Sequence(before), 9).await;
        assert_eq!(sequences(&back(11).await.unwrap().records), [10]);
        assert_eq!(back(10).await.unwrap_err(), ReadError::Hole(hole(8, 9)));
        assert_eq!(sequences(&back(8).await.unwrap().records), [7, 6, 5]);
        assert_eq!(back(5).await.unwrap_err(), ReadError::Hole(hole(3, 4)));
        assert_eq!(sequences(&back(3).await.unwrap().records), [2, 1]);
        assert_eq!(log.holes().events(), 4, "each event is counted once");
    }
}
