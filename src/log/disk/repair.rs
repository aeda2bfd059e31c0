//! Writes a new store with all readable events of a damaged one.
//!
//! Rows are read through SQLite in order until it fails, and then from the bytes of the file
//! ([`salvage`](super::salvage)). Sequences and the epoch stay the same, so cursors stay valid. Events of
//! stores that were set aside are put in front. At the end, a rename puts the new store in place. The old
//! files are kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    OpenError, aside,
    end::{self, EndFile, EndMark},
    io_error,
    reader::{RawRecord, Reader},
    rewrite::Target,
    salvage::StorePages,
    sqlite_error,
    store::{self, Store, StoreState},
    verify::{Checked, check},
};
use crate::{
    event::{Epoch, Sequence},
    log::{Cause, Hole, files::wal_path, index},
};

/// Prefix of the names of directories with the old files.
const KEPT_PREFIX: &str = "before-repair-";

/// Outcome of a repair.
#[derive(Debug)]
pub enum RepairOutcome {
    /// There was nothing to repair. The files do not contain the events that are lost, if any.
    Nothing(Checked),
    /// A new store was written.
    Repaired(Repaired),
}

/// Report of a repair that wrote a new store.
#[derive(Debug)]
pub struct Repaired {
    /// Events of the new store.
    pub checked: Checked,
    /// Directory with the old files.
    pub kept: PathBuf,
    /// The new epoch, if the old one was unreadable. Earlier cursors are then rejected.
    pub new_epoch: Option<Epoch>,
    /// Number of set-aside stores that were merged into the new store.
    pub merged: usize,
    /// Set-aside stores that could not be merged, with the reason.
    pub left: Vec<(PathBuf, &'static str)>,
}

/// Bounds of a damaged store, as far as they are known.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    oldest: Sequence,
    end: Sequence,
}

/// Store from which rows are copied.
struct SourceStore {
    dir: PathBuf,
    path: PathBuf,
    state: Option<StoreState>,
    mark: Option<EndMark>,
}

/// Repairs the store in a data directory that no gateway uses.
///
/// Needs as much free space as the store uses. An error or a crash leaves the store unchanged.
pub fn repair(dir: &Path) -> Result<RepairOutcome, OpenError> {
    let has_store = dir.join(store::FILE_NAME).exists();
    let set_aside = aside::list(dir)?;
    if !has_store && set_aside.is_empty() {
        return Err(io_error(&dir.join(store::FILE_NAME))(io::ErrorKind::NotFound.into()));
    }
    let _lock = store::prepare_dir(dir)?;
    let current = SourceStore::open(dir)?;
    if set_aside.is_empty()
        && let Some(checked) = current.check_usable()?
        && !current.can_gain(&checked)?
    {
        return Ok(RepairOutcome::Nothing(checked));
    }
    let new = aside::create(dir)?;
    let written = current.write_new(&new, &set_aside).inspect_err(|_| {
        // The partial store is useless. A full disk needs the space.
        aside::remove_new(dir).ok();
    })?;
    let kept = current.replace_by(&new, &written)?;
    Ok(RepairOutcome::Repaired(Repaired {
        checked: written.checked,
        kept,
        new_epoch: written.new_epoch,
        merged: written.merged.len(),
        left: written.left,
    }))
}

/// New store that is not in place yet.
struct NewStore {
    checked: Checked,
    mark: EndMark,
    new_epoch: Option<Epoch>,
    merged: Vec<PathBuf>,
    left: Vec<(PathBuf, &'static str)>,
}

impl SourceStore {
    /// Reads the store's own state. Changes none of its files, not even when it is closed.
    fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(store::FILE_NAME);
        let mark = EndFile::read(dir)?;
        let is_empty = fs::metadata(&path).map_or(0, |file| file.len()) == 0;
        // SQLite would delete the write-ahead log of an empty store.
        let state = if is_empty { None } else { state_of(&path, mark)? };
        Ok(Self { dir: dir.to_owned(), path, state, mark })
    }

    fn epoch(&self) -> Option<Epoch> {
        self.state.map(|state| state.epoch).or(self.mark.map(|mark| mark.epoch))
    }

    /// Returns the end mark if it belongs to this log's epoch.
    fn own_mark(&self) -> Option<EndMark> {
        self.mark.filter(|mark| Some(mark.epoch) == self.epoch())
    }

    /// Returns the known bounds. Without any, all sequences.
    fn bounds(&self) -> Bounds {
        let mark = self.own_mark();
        let oldest = self.state.map(|state| state.oldest).or(mark.map(|mark| mark.oldest));
        let ends = self.state.map(|state| state.tail.end).into_iter().chain(mark.map(|mark| mark.end));
        Bounds {
            oldest: oldest.unwrap_or(Sequence::FIRST),
            end: ends.max().filter(|_| oldest.is_some()).unwrap_or(Sequence(store::MAX_SEQUENCE)),
        }
    }

    /// Reads every record, if the store accepts another one and its bounds are right. Otherwise returns
    /// `None`.
    fn check_usable(&self) -> Result<Option<Checked>, OpenError> {
        let Some(state) = self.state else { return Ok(None) };
        let mut store = Store::open(&self.path)?;
        store.keep_wal_at_close()?;
        let has_moved = (store.state().oldest, store.state().tail.end) != (state.oldest, state.tail.end);
        if has_moved || store.try_insert().is_err() {
            return Ok(None);
        }
        let bounds = self.bounds();
        let checked = check(&mut Reader::open(&self.path, state.epoch)?, bounds.oldest, bounds.end)?;
        Ok(Some(checked))
    }

    /// Returns whether a new store can be better: without the damage, or with events that SQLite does not
    /// find.
    fn can_gain(&self, checked: &Checked) -> Result<bool, OpenError> {
        if checked.holes.iter().any(|hole| hole.cause != Cause::Missing) {
            return Ok(true);
        }
        if checked.lost > 0 {
            let pages = StorePages::open(&self.path).map_err(io_error(&self.path))?;
            let looked = pages.rows(|row| {
                let is_lost = |hole: &Hole| (hole.first..=hole.last).contains(&row.sequence);
                // The error ends the search.
                if checked.holes.iter().any(is_lost) { Err(()) } else { Ok(()) }
            });
            return Ok(looked.is_err());
        }
        Ok(false)
    }

    /// Writes all readable rows to a new store, with the rows of set-aside stores in front.
    fn write_new(&self, new: &Path, set_aside: &[PathBuf]) -> Result<NewStore, OpenError> {
        let mut target = Target::create(new)?;
        let bounds = self.bounds();
        let highest = self.copy(&mut target, bounds)?;
        // Only the rows that were found occupy sequences of an unreadable store.
        let mut free_below = match self.state {
            Some(_) => bounds.oldest,
            None => target.first()?.unwrap_or(bounds.end),
        };
        let (mut merged, mut left) = (Vec::new(), Vec::new());
        let was_trimmed = self.state.is_some_and(|state| state.trimmed_until.0 > 0);
        for dir in set_aside.iter().rev() {
            let older = Self::open(dir)?;
            let bounds = older.bounds();
            if was_trimmed {
                left.push((dir.clone(), "retention has already deleted newer events"));
            } else if bounds.oldest >= free_below {
                left.push((dir.clone(), "newer events use its sequences"));
            } else {
                older.copy(&mut target, Bounds { end: bounds.end.min(free_below), ..bounds })?;
                free_below = match older.epoch() {
                    Some(_) => bounds.oldest,
                    None => target.first()?.unwrap_or(free_below),
                };
                merged.push(dir.clone());
            }
        }
        let first = match self.state.is_some() || self.own_mark().is_some() {
            // Missing events are lost, not trimmed.
            true => free_below.min(bounds.oldest),
            // The beginning of the log is unknown.
            false => target.first()?.unwrap_or(Sequence::FIRST),
        };
        let known_end = self.state.map(|state| state.tail.end).max(self.own_mark().map(|mark| mark.end));
        let end = highest.map(Sequence::next).max(known_end).unwrap_or(first).max(first);
        let epoch = self.epoch();
        let state = target.finish(epoch, self.state, first, end)?;
        let checked = check(&mut Reader::open(new, state.epoch)?, first, end)?;
        let time = self.mark.map_or(state.last_time, |mark| mark.time);
        let mark = EndMark { epoch: state.epoch, end, time, oldest: first };
        let new_epoch = epoch.is_none().then_some(state.epoch);
        Ok(NewStore { checked, mark, new_epoch, merged, left })
    }

    /// Copies the intact rows within bounds. Returns the highest sequence.
    fn copy(&self, target: &mut Target, bounds: Bounds) -> Result<Option<Sequence>, OpenError> {
        let mut highest = None;
        let is_wanted =
            |row: &RawRecord| (bounds.oldest..bounds.end).contains(&row.sequence) && row.is_intact();
        let mut expected = bounds.oldest;
        let mut is_in_order = self.state.is_some();
        let mut each = |row: RawRecord| {
            if is_wanted(&row) {
                is_in_order &= row.sequence == expected;
                expected = row.sequence.next();
                highest = highest.max(Some(row.sequence));
                target.add(row)?;
            }
            Ok::<_, OpenError>(())
        };
        let is_read = self.state.is_some() && self.select(&mut each)?;
        if is_read && is_in_order && expected >= bounds.end {
            return Ok(highest);
        }
        if fs::metadata(&self.path).is_ok() {
            let pages = StorePages::open(&self.path).map_err(io_error(&self.path))?;
            pages.rows(|row| {
                if is_wanted(&row) {
                    highest = highest.max(Some(row.sequence));
                    target.add(row)?;
                }
                Ok::<_, OpenError>(())
            })?;
        }
        Ok(highest)
    }

    /// Calls `each` with the rows that SQLite reads. Returns false if it could not read to the end.
    fn select(&self, each: &mut impl FnMut(RawRecord) -> Result<(), OpenError>) -> Result<bool, OpenError> {
        let connection = open_unchanged(&self.path).map_err(sqlite_error(&self.path))?;
        let mut select = match connection
            .prepare("SELECT sequence, receive_time, checksum, record FROM record ORDER BY sequence")
        {
            Ok(select) => select,
            Err(_) => return Ok(false),
        };
        let Ok(mut rows) = select.query([]) else { return Ok(false) };
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    // A row with other types in its columns is damaged. The rows after it need not be.
                    if let Ok(row) = RawRecord::read(row) {
                        each(row)?;
                    }
                }
                Ok(None) => return Ok(true),
                Err(_) => return Ok(false),
            }
        }
    }

    /// Puts the new store in place, and keeps the old files. A crash leaves either the old store or the new
    /// one.
    fn replace_by(&self, new: &Path, written: &NewStore) -> Result<PathBuf, OpenError> {
        let kept = aside::dated_dir(&self.dir, KEPT_PREFIX)?;
        for path in [wal_path(&self.path), self.path.clone(), self.dir.join(end::FILE_NAME)] {
            if fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
                // The old store stays in place until the new one replaces it.
                let to = kept.join(path.file_name().unwrap_or_default());
                fs::hard_link(&path, &to)
                    .or_else(|_| fs::copy(&path, &to).map(|_| ()))
                    .map_err(io_error(&path))?;
            }
        }
        store::sync_dir(&kept)?;
        // First: if a crash leaves no write-ahead log and no new store, the next start detects the missing
        // events.
        EndFile::replace(&self.dir, written.mark)?;
        aside::put_in_place(new, &self.path)?;
        for dir in &written.merged {
            aside::rename(dir, &kept.join(dir.file_name().unwrap_or_default()))?;
        }
        // The gateway rebuilds the index.
        index::remove(&self.dir).map_err(io_error(&self.dir))?;
        store::sync_dir(&self.dir)?;
        Ok(kept)
    }
}

/// Reads a store's own state, with corrected bounds. `None` if the whole store is unusable.
fn state_of(path: &Path, mark: Option<EndMark>) -> Result<Option<StoreState>, OpenError> {
    match Store::open(path) {
        Ok(store) => {
            store.keep_wal_at_close()?;
            let mut state = store.state();
            (state.oldest, state.tail.end) = aside::bounds(&store, mark)?;
            Ok(Some(state))
        }
        Err(error) if error.is_unusable() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a store so that closing it does not change its files.
fn open_unchanged(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}
