//! Tests that the rows found in the bytes of a store are those that SQLite reads.

use std::{collections::BTreeMap, fs, os::unix::fs::FileExt as _, path::Path};

use tempfile::TempDir;

use super::{
    salvage::StorePages,
    store::{self, PAGE_SIZE, Store},
};
use crate::{
    event::{Record, Sequence, Timestamp},
    log::{conformance::record, files::wal_path},
};

/// Lengths around each change of a row's layout: all in its leaf page, or with one or more overflow pages.
const LENGTHS: [usize; 14] =
    [1, 100, 1800, 1900, 2000, 8000, 8080, 8100, 8200, 9000, 10_000, 16_300, 24_600, 300_000];

/// Writes records of all lengths, the second half only to the write-ahead log.
fn store(dir: &Path) -> Vec<Record> {
    let path = dir.join(store::FILE_NAME);
    fs::write(&path, "").unwrap();
    let mut store = Store::open(&path).unwrap();
    let epoch = store.state().epoch;
    let records: Vec<_> = (1..=200)
        .zip(LENGTHS.into_iter().cycle())
        .map(|(sequence, length)| {
            let stored = record(&"x".repeat(length + sequence)).stored;
            Record::new(epoch, Sequence(sequence as u64), Timestamp(sequence as i64 * 1_000_000_007), stored)
        })
        .collect();
    store.commit(&records[..100]).unwrap();
    assert!(store.reset_wal().unwrap());
    for records in records[100..].chunks(7) {
        store.commit(records).unwrap();
    }
    store.keep_wal_at_close().unwrap();
    records
}

/// Returns the salvaged rows by sequence.
fn salvaged(dir: &Path) -> BTreeMap<u64, (i64, i64, Vec<u8>)> {
    let mut rows = BTreeMap::new();
    let pages = StorePages::open(&dir.join(store::FILE_NAME)).unwrap();
    let done = pages.rows(|row| {
        rows.insert(row.sequence.0, (row.receive_time.0, row.checksum, row.bytes));
        Ok::<_, ()>(())
    });
    done.unwrap();
    rows
}

fn expected(records: &[Record]) -> BTreeMap<u64, (i64, i64, Vec<u8>)> {
    let row = |record: &Record| {
        (record.receive_time().0, i64::from(record.check()), record.stored().bytes().to_vec())
    };
    records.iter().map(|record| (record.sequence().0, row(record))).collect()
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

#[test]
fn every_row_is_found_in_both_files() {
    let dir = TempDir::new().unwrap();
    let records = store(dir.path());
    assert!(fs::metadata(wal_path(&dir.path().join(store::FILE_NAME))).unwrap().len() > 100 * 1024);
    assert!(salvaged(dir.path()) == expected(&records));
}

#[test]
fn a_damaged_header_or_a_missing_wal_does_not_hide_other_rows() {
    let dir = TempDir::new().unwrap();
    let records = store(dir.path());
    let path = dir.path().join(store::FILE_NAME);
    overwrite(&path, 0, &[0; PAGE_SIZE as usize]);
    assert!(salvaged(dir.path()) == expected(&records));
    // The head of the write-ahead log, with the salt.
    overwrite(&wal_path(&path), 0, &[0; 32]);
    assert!(salvaged(dir.path()) == expected(&records));
    fs::remove_file(wal_path(&path)).unwrap();
    let found = salvaged(dir.path());
    assert!(found == expected(&records[..100]));
}

#[test]
fn uncommitted_rows_are_not_found() {
    let dir = TempDir::new().unwrap();
    let records = store(dir.path());
    let wal = wal_path(&dir.path().join(store::FILE_NAME));
    // Cut off the last frame, which commits the transaction.
    let file = fs::OpenOptions::new().write(true).open(&wal).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    let found = salvaged(dir.path());
    let last = records.len() - (records.len() - 100) % 7;
    assert!(found == expected(&records[..last]));
}

#[test]
fn damage_anywhere_costs_rows_and_never_changes_one() {
    let dir = TempDir::new().unwrap();
    let records = expected(&store(dir.path()));
    let path = dir.path().join(store::FILE_NAME);
    let whole = fs::read(&path).unwrap();
    // The step is coprime with the page size, so that every kind of field is hit.
    for at in (0..whole.len()).step_by(20_011) {
        overwrite(&path, at as u64, &[whole[at] ^ 0x41]);
        for (sequence, row) in salvaged(dir.path()) {
            assert!(records[&sequence] == row, "byte {at}: {sequence}");
        }
        overwrite(&path, at as u64, &whole[at..=at]);
    }
    for len in [0, 1, 99, 100, 8191, 8192, 8193, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..len]).unwrap();
        for (sequence, row) in salvaged(dir.path()) {
            assert!(records[&sequence] == row, "{len} bytes: {sequence}");
        }
    }
}
