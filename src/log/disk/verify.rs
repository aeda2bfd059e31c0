//! Verifies a store that no gateway uses: every sequence, every record, and the index.

use std::{fs, path::Path};

use super::{
    OpenError, aside,
    end::EndFile,
    io_error,
    reader::Reader,
    store::{self, Store},
};
use crate::{
    event::{Record, Sequence},
    log::{
        Cause, Hole, Holes, PAGE_RECORDS, ReadError,
        index::{self, IndexCheck},
    },
};

/// Counts of the events of a store, after every sequence was read.
#[derive(Debug)]
pub struct Checked {
    /// The oldest stored sequence.
    pub oldest: Sequence,
    /// The first unused sequence.
    pub end: Sequence,
    /// Events whose checksums are right.
    pub intact: u64,
    /// Events that are missing or damaged.
    pub lost: u64,
    /// Events that only newer gateways can read.
    pub newer: u64,
    /// Holes with the lost events. Beyond [`MAX_HOLES`](crate::log::MAX_HOLES), neighbors are joined.
    pub holes: Vec<Hole>,
}

/// Report of [`verify`].
#[derive(Debug)]
pub struct Verified {
    /// Counts of the events.
    pub checked: Checked,
    /// Comparison of the index with the events.
    pub index: IndexCheck,
}

/// Verifies the store in a data directory. Changes only what opening it changes: SQLite may move the
/// write-ahead log into the store.
pub fn verify(dir: &Path) -> Result<Verified, OpenError> {
    let path = dir.join(store::FILE_NAME);
    // Opening would create a missing store.
    fs::metadata(&path).map_err(io_error(&path))?;
    let _lock = store::prepare_dir(dir)?;
    let mark = EndFile::read(dir)?;
    let store = Store::open(&path)?;
    let epoch = store.state().epoch;
    let (oldest, end) = (store.state().oldest, store.state().tail.end);
    if aside::bounds(&store, mark)? != (oldest, end) {
        return Err(OpenError::Damaged { path, what: "its bounds contradict its events".to_owned() });
    }
    let end = mark.filter(|mark| mark.epoch == epoch).map_or(end, |mark| mark.end.max(end));
    let mut reader = Reader::open(&path, epoch)?;
    drop(store);
    let checked = check(&mut reader, oldest, end)?;
    let record = |sequence: Sequence| -> Result<Option<Record>, ReadError> {
        reader.snapshot(|snapshot| snapshot.first_from(sequence, sequence.next()))
    };
    let index = index::verify(dir, epoch, oldest, record)?;
    Ok(Verified { checked, index })
}

/// Reads every sequence from `oldest` on, below `end`.
pub(super) fn check(reader: &mut Reader, oldest: Sequence, end: Sequence) -> Result<Checked, ReadError> {
    let holes = Holes::default();
    let (mut intact, mut lost, mut newer) = (0, 0, 0);
    let mut from = oldest;
    while from < end {
        match reader.snapshot(|snapshot| snapshot.read(from, end, PAGE_RECORDS)) {
            Ok(page) => {
                intact += page.records.len() as u64;
                from = page.next;
            }
            Err(ReadError::Hole(hole)) => {
                from = hole.last.next();
                if let Cause::NewerFormat(_) = hole.cause {
                    newer += hole.events();
                } else {
                    lost += hole.events();
                    holes.collect(hole);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Checked { oldest, end, intact, lost, newer, holes: holes.list() })
}
