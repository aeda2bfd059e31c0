//! Tests the write-ahead log's bound under maximum load.

#![cfg(feature = "slow-tests")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tempfile::TempDir;
use tokio::{task::JoinSet, time::timeout};

use super::{
    DiskLog, DiskOptions, Retention, store,
    writer::{BATCH_BYTES, MAX_WAL_BYTES},
};
use crate::{
    event::Sequence,
    log::{
        EventLog, PAGE_RECORDS,
        conformance::{HANG, append_all, record},
    },
};

const READERS: usize = 16;
/// Maximum size of a batch in the WAL: pages have headers, and the last ones are not full.
const BATCH_WAL_BYTES: u64 = BATCH_BYTES as u64 * 3 / 2;
const BODY_BYTES: usize = 16 << 10;
const WRITTEN: usize = 256 << 20;

/// The readers overlap all the time, which prevents SQLite from restarting the WAL.
#[tokio::test(flavor = "multi_thread")]
async fn the_wal_stays_bounded_under_overlapping_readers_that_make_progress() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let retention = Retention::default();
    let options = DiskOptions { retention, ..DiskOptions::new(data.clone(), 0) };
    let log = Arc::new(DiskLog::open(options).unwrap());
    let wal = crate::log::files::wal_path(&data.join(store::FILE_NAME));
    let state = log.state();
    append_all(&*log, 100).await;

    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_repeatedly(Arc::clone(&log), Arc::clone(&done)));
    }
    let body = "x".repeat(BODY_BYTES);
    let mut largest = 0;
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..WRITTEN / BODY_BYTES {
        waiting.push_back(log.append(record(&body)));
        // Two batches in flight, so that the writer never waits.
        if waiting.len() * BODY_BYTES >= 2 * BATCH_BYTES {
            timeout(HANG, waiting.pop_front().unwrap()).await.unwrap().unwrap();
            largest = largest.max(wal.metadata().unwrap().len());
        }
    }
    for appending in waiting {
        timeout(HANG, appending).await.unwrap().unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let mut passes = 0;
    while let Some(reader) = timeout(HANG, readers.join_next()).await.unwrap() {
        passes += reader.unwrap();
    }
    assert!(passes >= 2 * READERS, "readers make progress: {passes} passes");
    assert!(!state.has_changed().unwrap(), "appends are accepted all the time");
    assert!(largest > MAX_WAL_BYTES / 2, "the WAL reached only {largest} bytes, far below the bound");
    assert!(largest <= MAX_WAL_BYTES + BATCH_WAL_BYTES, "the WAL grew to {largest} bytes");
}

/// Reads the whole log repeatedly until `done`. Returns the number of complete reads.
async fn read_repeatedly(log: Arc<DiskLog>, done: Arc<AtomicBool>) -> usize {
    let mut passes = 0;
    while !done.load(Ordering::Relaxed) {
        let mut next = Sequence::FIRST;
        while next < log.tail().borrow().end {
            let page = timeout(HANG, log.read(next, PAGE_RECORDS)).await.unwrap().unwrap();
            for record in &page.records {
                assert_eq!(record.sequence(), next, "no record is skipped");
                next = next.next();
            }
            assert_eq!(page.next, next);
        }
        passes += 1;
    }
    passes
}
