//! Damage to the files of a store that no gateway uses, and its cost.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use bytes::Bytes;
use callback_gateway::testing::event::{Record, Sequence, StoredRecord, Timestamp};
use imcallback::GapReason;
use proptest::{prelude::*, sample::Index};
use rusqlite::{Connection, OptionalExtension as _};
use tempfile::TempDir;

/// Lost events by sequence, with the reason.
pub(crate) type Lost = BTreeMap<u64, GapReason>;

const STORE: &str = "events.db";
const WAL: &str = "events.db-wal";
/// Files that a copy of the data directory needs. SQLite recreates the `-shm` files.
const FILES: [&str; 5] = [STORE, WAL, "events.end", "index.db", "index.db-wal"];

/// Change to the files between two runs of the gateway.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    /// Another program deletes rows, either the oldest ones or later ones.
    DeleteRows { first: Index, count: u64 },
    /// The newest rows are gone without a trace in the store, as after the restore of an old copy.
    LoseEnd { count: u64 },
    /// A row has other content than was written.
    ChangeRow { at: Index, change: Change },
    /// A page of rows contains only zeros.
    ZeroPage { at: Index },
    /// The index is truncated or missing.
    CutIndex(Cut),
    /// The gateway crashes, and its write-ahead log is truncated or missing.
    CutWal(Cut),
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Byte(Index),
    Time,
    Empty,
}

#[derive(Debug, Clone)]
pub(crate) enum Cut {
    Remove,
    At(Index),
}

pub(crate) fn any_damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    let change = prop_oneof![index().prop_map(Change::Byte), Just(Change::Time), Just(Change::Empty)];
    let cut = || prop_oneof![1 => Just(Cut::Remove), 2 => any::<Index>().prop_map(Cut::At)];
    prop_oneof![
        3 => (index(), 1..20_u64).prop_map(|(first, count)| Damage::DeleteRows { first, count }),
        2 => (1..60_u64).prop_map(|count| Damage::LoseEnd { count }),
        3 => (index(), change).prop_map(|(at, change)| Damage::ChangeRow { at, change }),
        3 => index().prop_map(|at| Damage::ZeroPage { at }),
        1 => cut().prop_map(Damage::CutIndex),
        3 => cut().prop_map(Damage::CutWal),
    ]
}

impl Damage {
    /// Returns whether the gateway crashes before the damage.
    pub(crate) fn is_crash(&self) -> bool {
        matches!(self, Self::CutWal(_))
    }

    /// Damages the files in `dir`. `before` is the content of the store, and `end` the newest
    /// acknowledged sequence. Returns the cost of the damage, if it can be derived without reading the
    /// store.
    pub(crate) fn apply(&self, dir: &Path, before: &Survey, end: u64) -> Option<Lost> {
        match self {
            Self::DeleteRows { first, count } => {
                let kept = usize::try_from((end + 1).saturating_sub(before.oldest)).unwrap();
                let first = before.oldest + first.index(kept.max(1)) as u64;
                let sql =
                    format!("DELETE FROM record WHERE sequence BETWEEN {first} AND {}", first + count - 1);
                // SQLite deletes nothing if it encounters a damaged page.
                open(dir).execute(&sql, []).ok()?;
                before.after_deletion(first..=end.min(first + count - 1))
            }
            Self::LoseEnd { count } => {
                let store = open(dir);
                let first = end.saturating_sub(count - 1);
                // The trigger records deletions in the other table.
                store.execute_batch("CREATE TEMP TABLE kept AS SELECT * FROM meta").unwrap();
                store.execute("DELETE FROM record WHERE sequence >= ?1", [first.cast_signed()]).ok()?;
                store.execute_batch("INSERT OR REPLACE INTO meta SELECT * FROM kept").unwrap();
                let mut lost = before.lost.clone();
                lost.extend((first.max(before.oldest)..=end).map(|sequence| (sequence, GapReason::Missing)));
                Some(lost)
            }
            Self::ChangeRow { at, change } => {
                let intact: Vec<_> =
                    (before.oldest..=end).filter(|sequence| !before.lost.contains_key(sequence)).collect();
                let sequence = *intact.get(at.index(intact.len().max(1)))?;
                change_row(&open(dir), sequence, change);
                let mut lost = before.lost.clone();
                lost.insert(sequence, GapReason::Damaged);
                Some(lost)
            }
            Self::ZeroPage { at } => {
                zero_page(dir, at);
                None
            }
            Self::CutIndex(cut) => {
                cut.apply(&dir.join("index.db"));
                Some(before.lost.clone())
            }
            Self::CutWal(cut) => {
                let whole = fs::read(dir.join(WAL)).ok()?;
                cut.apply(&dir.join(WAL));
                // If a reader kept a checkpoint from finishing, the main file is invalid without its
                // WAL.
                if !is_whole(dir) {
                    fs::write(dir.join(WAL), whole).unwrap();
                }
                None
            }
        }
    }
}

impl Cut {
    fn apply(&self, path: &Path) {
        match self {
            Self::Remove => {
                fs::remove_file(path).ok();
            }
            Self::At(at) => {
                if let Ok(file) = fs::OpenOptions::new().write(true).open(path) {
                    let len = usize::try_from(file.metadata().unwrap().len()).unwrap();
                    file.set_len(at.index(len.max(1)) as u64).unwrap();
                }
            }
        }
    }
}

fn open(dir: &Path) -> Connection {
    Connection::open(dir.join(STORE)).unwrap()
}

fn change_row(store: &Connection, sequence: u64, change: &Change) {
    match change {
        Change::Byte(at) => {
            let select = "SELECT record FROM record WHERE sequence = ?1";
            let mut record: Vec<u8> =
                store.query_row(select, [sequence.cast_signed()], |row| row.get(0)).unwrap();
            let at = at.index(record.len());
            record[at] ^= 1;
            let update = "UPDATE record SET record = ?2 WHERE sequence = ?1";
            store.execute(update, rusqlite::params![sequence.cast_signed(), record]).unwrap();
        }
        Change::Time => {
            let update = "UPDATE record SET receive_time = receive_time - 1 WHERE sequence = ?1";
            store.execute(update, [sequence.cast_signed()]).unwrap();
        }
        Change::Empty => {
            store
                .execute("UPDATE record SET record = x'' WHERE sequence = ?1", [sequence.cast_signed()])
                .unwrap();
        }
    }
}

/// Overwrites a page that contains rows, or part of a large row. Skips the last page: without it,
/// nothing can be added to a table, and the gateway does not start.
fn zero_page(dir: &Path, at: &Index) {
    let pages: Vec<(i64, i64)> = {
        let store = open(dir);
        let select = "WITH page AS (SELECT * FROM dbstat WHERE name = 'record' AND pagetype <> 'internal') \
                      SELECT pageno, pgsize FROM page \
                      WHERE path <> (SELECT max(path) FROM page WHERE pagetype = 'leaf') ORDER BY path";
        let mut select = store.prepare(select).unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map_while(Result::ok).collect()
    };
    if let Some((page, size)) = pages.get(at.index(pages.len().max(1))) {
        let mut bytes = fs::read(dir.join(STORE)).unwrap();
        let start = usize::try_from((page - 1) * size).unwrap();
        bytes[start..][..usize::try_from(*size).unwrap()].fill(0);
        fs::write(dir.join(STORE), bytes).unwrap();
    }
}

/// Copies the data directory of an idle running gateway, as a crash would leave it.
pub(crate) fn crash_image(dir: &Path) -> TempDir {
    let image = TempDir::new().unwrap();
    let store = open(dir);
    // Retention writes independently.
    store.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let paths = FILES.map(|name| dir.join(name)).into_iter().filter(|path| path.exists());
    // In another process: a process that closes a file drops its own locks on it, and this process holds
    // those of the gateway.
    assert!(Command::new("cp").args(paths).arg(image.path()).status().unwrap().success());
    store.execute_batch("ROLLBACK").unwrap();
    image
}

/// Copies the store. Opening the store itself would move its WAL into the main file.
fn copy(dir: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for name in [STORE, WAL] {
        if dir.join(name).exists() {
            fs::copy(dir.join(name), copy.path().join(name)).unwrap();
        }
    }
    copy
}

fn is_whole(dir: &Path) -> bool {
    let copy = copy(dir);
    let check = open(copy.path()).query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0));
    check.is_ok_and(|check| check == "ok")
}

/// Content of a store, read row by row.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Oldest sequence that is kept.
    pub(crate) oldest: u64,
    /// Events from the oldest on that cannot be read.
    pub(crate) lost: Lost,
}

impl Survey {
    /// Reads the store in `dir`, whose newest acknowledged sequence was `end`.
    pub(crate) fn of(dir: &Path, end: u64) -> Self {
        let copy = copy(dir);
        let store = open(copy.path());
        let select = "SELECT value FROM meta WHERE name = 'oldest_sequence'";
        let oldest: i64 = store.query_row(select, [], |row| row.get(0)).unwrap();
        let oldest = oldest.cast_unsigned();
        let lost = |sequence| Some((sequence, fault(&store, sequence)?));
        Self { oldest, lost: (oldest..=end).filter_map(lost).collect() }
    }

    /// Returns the lost events after rows were deleted. Rows at the beginning count as trimmed. Returns
    /// `None` if the cost is not known.
    fn after_deletion(&self, deleted: std::ops::RangeInclusive<u64>) -> Option<Lost> {
        let mut lost = self.lost.clone();
        let mut oldest = self.oldest;
        for sequence in deleted.filter(|sequence| *sequence >= self.oldest) {
            match self.lost.get(&sequence) {
                Some(GapReason::Missing) => {}
                None if sequence == oldest => oldest += 1,
                None => {
                    lost.insert(sequence, GapReason::Missing);
                }
                // The row may exist or not.
                Some(_) => return None,
            }
        }
        Some(lost)
    }
}

/// Returns why the event cannot be read, or `None` if it can.
fn fault(store: &Connection, sequence: u64) -> Option<GapReason> {
    let row = store.query_row(
        "SELECT sequence, receive_time, checksum, record FROM record WHERE sequence = ?1",
        [sequence.cast_signed()],
        |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i64>(2)?, row.get::<_, Vec<u8>>(3)?)),
    );
    match row.optional() {
        Ok(None) => Some(GapReason::Missing),
        Ok(Some((found, time, checksum, record))) => {
            let check = Record::check_of(Sequence(sequence), Timestamp(time), &record);
            let is_intact = found.cast_unsigned() == sequence
                && i64::from(check) == checksum
                && StoredRecord::parse(Bytes::from(record)).is_ok();
            (!is_intact).then_some(GapReason::Damaged)
        }
        Err(_) => Some(GapReason::Damaged),
    }
}
