//! Tests of a disk log with a wrong system clock. They move the stored times instead of the clock.

use std::{path::Path, time::Duration};

use tempfile::TempDir;

use super::{
    DiskLog, DiskOptions, Retention,
    end::{EndFile, EndMark},
    reader::RawRecord,
    store,
};
use crate::{
    event::{Sequence, Timestamp},
    log::{
        EventLog,
        conformance::{append_all, assert_seeks, read_all},
    },
};

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn options(dir: &TempDir) -> DiskOptions {
    let retention = Retention { age: Some(WEEK), ..Retention::default() };
    DiskOptions { retention, ..DiskOptions::new(dir.path().join("data"), 0) }
}

/// Moves the receive times of events up to `last`, as if they had been received at other times.
fn move_events(data: &Path, micros: i64, last: i64) {
    let mut sqlite = rusqlite::Connection::open(data.join(store::FILE_NAME)).unwrap();
    let transaction = sqlite.transaction().unwrap();
    let read = "SELECT sequence, receive_time, checksum, record FROM record WHERE sequence <= ?1";
    let mut select = transaction.prepare(read).unwrap();
    let rows: Vec<_> = select.query_map([last], RawRecord::read).unwrap().map(Result::unwrap).collect();
    drop(select);
    for row in rows {
        let time = Timestamp(row.receive_time.0 + micros);
        let update = "UPDATE record SET receive_time = ?2, checksum = ?3 WHERE sequence = ?1";
        let update = transaction.prepare_cached(update);
        let sequence = row.sequence.0.cast_signed();
        update.unwrap().execute((sequence, time.0, i64::from(row.check_at(time)))).unwrap();
    }
    transaction.commit().unwrap();
    sqlite.close().unwrap();
}

/// Moves all times of a closed log, so that the clock seems to be off by as much.
fn move_times(dir: &TempDir, micros: i64) {
    let data = dir.path().join("data");
    move_events(&data, micros, i64::MAX);
    let (mut end, mark) = EndFile::open(&data).unwrap();
    let mark = mark.unwrap();
    end.write(EndMark { time: Timestamp(mark.time.0 + micros), ..mark });
}

fn ten_years() -> i64 {
    TEN_YEARS.as_micros() as i64
}

/// Waits for the first retention check: it happens between the first and the second batch.
async fn looked(log: &DiskLog) {
    append_all(log, 1).await;
    append_all(log, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_with_a_clock_ten_years_ahead_delete_nothing() {
    let dir = TempDir::new().unwrap();
    let log = DiskLog::open(options(&dir)).unwrap();
    append_all(&log, 100).await;
    log.close().await;
    move_times(&dir, -ten_years());
    for start in 1..=3 {
        let log = DiskLog::open(options(&dir)).unwrap();
        looked(&log).await;
        assert_eq!(log.oldest(), Sequence::FIRST, "start {start}");
        assert!(log.anomalies().age_is_held);
        log.close().await;
    }
}

/// Without `events.end`, the newest event has the last trusted time.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_a_release_without_end_marks_is_not_deleted_either() {
    let dir = TempDir::new().unwrap();
    let log = DiskLog::open(options(&dir)).unwrap();
    append_all(&log, 100).await;
    log.close().await;
    move_times(&dir, -ten_years());
    std::fs::remove_file(dir.path().join("data").join("events.end")).unwrap();
    let log = DiskLog::open(options(&dir)).unwrap();
    looked(&log).await;
    assert_eq!(log.oldest(), Sequence::FIRST);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_corrects_times_that_are_ahead_of_the_clock() {
    let dir = TempDir::new().unwrap();
    let log = DiskLog::open(options(&dir)).unwrap();
    // More than are corrected in one transaction.
    for _ in 0..4 {
        append_all(&log, 3000).await;
    }
    log.close().await;
    // As if the clock had been ahead, except for the first events.
    move_times(&dir, ten_years());
    move_events(&dir.path().join("data"), -ten_years(), 500);

    let log = DiskLog::open(options(&dir)).unwrap();
    looked(&log).await;
    let records = read_all(&log, Sequence::FIRST).await;
    let behind = Timestamp::now().0 + ten_years() / 2;
    assert!(
        records[500..].iter().all(|record| record.receive_time().0 > behind),
        "receive times stand still"
    );
    assert!(log.anomalies().clock_behind > TEN_YEARS / 2);
    log.close().await;

    let before = Timestamp::now();
    let log = DiskLog::open(DiskOptions { new_epoch: true, ..options(&dir) }).unwrap();
    append_all(&log, 10).await;
    assert_eq!(log.anomalies().clock_behind, Duration::ZERO);
    let corrected = read_all(&log, Sequence::FIRST).await;
    let times: Vec<_> = corrected.iter().map(|record| record.receive_time()).collect();
    assert!(times.is_sorted() && times[corrected.len() - 1] <= Timestamp::now());
    assert!(times[..500].iter().all(|time| *time < before), "correct times stay unchanged");
    assert!(times[500..].iter().all(|time| *time >= before));
    let bodies = |records: &[crate::event::Record]| -> Vec<_> {
        records.iter().map(|record| record.stored().raw_body().to_vec()).collect()
    };
    assert_eq!(bodies(&corrected[..records.len()]), bodies(&records));
    assert_seeks(&log, &corrected).await;
    log.close().await;
}
