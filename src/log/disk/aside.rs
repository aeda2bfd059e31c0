//! Sets a damaged store aside and begins a new log in its place, so that the gateway still accepts callbacks.
//!
//! The store and its write-ahead log move into a directory `damaged-TIME` in the data directory, which is
//! laid out like a data directory. The new log has a new epoch. Cursors of the old one are rejected, because
//! the end of the old log is unknown. As far as the old sequences are known, the new ones begin after them,
//! so that a repair can put the old events in front of the new ones.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    OpenError,
    end::{self, EndMark},
    io_error,
    reader::is_damage,
    sqlite_error,
    store::{self, Store},
};
use crate::{
    event::Sequence,
    log::files::{private_file, remove, remove_database, shm_path, wal_path},
};

/// Maximum number of damaged stores that are set aside. Beyond it the gateway does not start, so that a disk
/// that damages one store after another does not fill up with them.
pub const MAX_SET_ASIDE: usize = 4;
/// Maximum number of sequences at the end of the log that neither a record nor `events.end` confirms. Beyond
/// it the store's `next_sequence` counts as damaged: readers would need minutes to skip the hole.
const MAX_UNKNOWN_END: u64 = 1 << 24;
/// Prefix of the names of directories with damaged stores.
const PREFIX: &str = "damaged-";
/// Temporary name of a new store, until it is in place.
const NEW_FILE_NAME: &str = "events.db.new";

impl OpenError {
    /// Returns whether the whole store is unusable, so that opening it again does not help.
    pub(super) fn is_unusable(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Missing { .. } => true,
            Self::Sqlite { source, .. } => is_unusable(source),
            _ => false,
        }
    }
}

fn is_unusable(error: &rusqlite::Error) -> bool {
    // A damaged row can have the key of the next record. A row of `meta` can be missing.
    is_damage(error)
        || matches!(error, rusqlite::Error::QueryReturnedNoRows)
        || error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// Opens the store in a data directory that [`store::prepare_dir`] has locked. With `set_aside_damaged`, a
/// damaged store is set aside first.
pub(super) fn open(dir: &Path, set_aside_damaged: bool, mark: Option<EndMark>) -> Result<Store, OpenError> {
    // An interrupted repair may have left a new store.
    remove_new(dir)?;
    let error = match open_usable(dir, mark) {
        Err(error) if error.is_unusable() => error,
        opened => return opened,
    };
    if !set_aside_damaged {
        return Err(match error {
            error @ OpenError::Missing { .. } => error,
            error => OpenError::Damaged { path: dir.join(store::FILE_NAME), what: cause(&error) },
        });
    }
    let start = mark.map_or(Sequence::FIRST, |mark| mark.end);
    let aside = set_aside(dir, start).inspect_err(|_| {
        tracing::error!(
            error = cause(&error),
            "the store is damaged and could not be set aside; the log does not open"
        );
    })?;
    let store = Store::open(&dir.join(store::FILE_NAME))?;
    report_new(&error, aside.as_deref(), &store);
    Ok(store)
}

/// Opens the store, and checks that it accepts records. Fails if it is damaged or missing.
fn open_usable(dir: &Path, mark: Option<EndMark>) -> Result<Store, OpenError> {
    let path = dir.join(store::FILE_NAME);
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    // SQLite would delete the write-ahead log of an empty store.
    if bytes(&path) == 0 && (mark.is_some() || bytes(&wal_path(&path)) > 0) {
        return Err(OpenError::Missing { path, last: mark.map_or(Sequence(0), |mark| mark.end.previous()) });
    }
    let mut store = Store::open(&path)?;
    correct_bounds(&mut store, mark)?;
    match store.try_insert() {
        Err(source) if is_unusable(&source) => {
            store.keep_wal_at_close()?;
            Err(OpenError::Sqlite { path, source })
        }
        // Other write errors may be transient: the log starts, and recovers from them.
        _ => Ok(store),
    }
}

/// Returns the oldest and the next sequence of a store, corrected if damage changed them. Writes nothing.
///
/// An existing event was not trimmed, so the oldest sequence is not after it. An implausibly high next
/// sequence is lowered, so that readers do not have to skip a huge hole.
pub(super) fn bounds(store: &Store, mark: Option<EndMark>) -> Result<(Sequence, Sequence), OpenError> {
    let read = |store: &Store| Ok((store.intact_below(store.state().oldest)?, store.rows_end()?));
    let (below, rows_end) = read(store).map_err(sqlite_error(&store.path))?;
    let state = store.state();
    let mark = mark.filter(|mark| mark.epoch == state.epoch);
    let is_moved = mark.zip(below).filter(|(mark, below)| mark.oldest <= *below);
    let oldest = is_moved.map_or(state.oldest, |(mark, _)| mark.oldest);
    let known = mark.map_or(rows_end, |mark| mark.end.max(rows_end)).max(oldest);
    let is_beyond = state.tail.end.0.saturating_sub(known.0) > MAX_UNKNOWN_END;
    Ok((oldest, if is_beyond { known } else { state.tail.end }))
}

/// Writes the corrected bounds to the store if they differ.
fn correct_bounds(store: &mut Store, mark: Option<EndMark>) -> Result<(), OpenError> {
    let state = store.state();
    let (oldest, end) = bounds(store, mark)?;
    if (oldest, end) == (state.oldest, state.tail.end) {
        return Ok(());
    }
    tracing::error!(
        oldest = state.oldest.0,
        end = state.tail.end.0,
        corrected_oldest = oldest.0,
        corrected_end = end.0,
        "the bounds of the log are damaged; they were corrected from the stored events"
    );
    let corrected = store.set_bounds(oldest, end).map(drop);
    corrected.map_err(sqlite_error(&store.path))
}

/// Returns the fault, without the advice of [`OpenError::Damaged`] and [`OpenError::Missing`].
fn cause(error: &OpenError) -> String {
    match error {
        OpenError::Damaged { what, .. } => what.clone(),
        OpenError::Missing { .. } => "it is missing or empty".to_owned(),
        OpenError::Sqlite { source, .. } => source.to_string(),
        error => error.to_string(),
    }
}

fn report_new(error: &OpenError, aside: Option<&Path>, store: &Store) {
    let state = store.state();
    tracing::error!(
        error = cause(error),
        moved_to = aside.map(|aside| aside.display().to_string()),
        epoch = %state.epoch,
        first_sequence = state.tail.end.0,
        "the store is damaged; it was set aside and a new log was started, without the events of the old one: \
         stop the gateway and run `callback-gateway repair` to recover the readable events"
    );
}

/// Moves the store into a directory of its own, and puts a new store in its place whose sequences begin at
/// `start`. The store must be closed, and the data directory locked. Returns the directory, or `None` if
/// there was nothing to move.
///
/// A crash leaves the old store, no store, or the new one. The next start can continue from each of these.
pub(super) fn set_aside(dir: &Path, start: Sequence) -> Result<Option<PathBuf>, OpenError> {
    let path = dir.join(store::FILE_NAME);
    let wal = wal_path(&path);
    let has_bytes = |path: &Path| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let files: Vec<_> = if has_bytes(&wal) || has_bytes(&path) {
        [&wal, &path].into_iter().filter(|path| path.exists()).collect()
    } else {
        Vec::new()
    };
    // The last attempt ended in a crash before it moved the store.
    let unfinished = list(dir)?.pop().filter(|aside| !aside.join(store::FILE_NAME).exists());
    if !files.is_empty() && unfinished.is_none() {
        check_count(dir)?;
    }
    // First: if the disk has no space for a new store, the old one stays in place.
    let new = create(dir)?;
    begin_new(&new, start)?;
    let aside = match unfinished {
        _ if files.is_empty() => None,
        Some(unfinished) => Some(unfinished),
        None => Some(dated_dir(dir, PREFIX)?),
    };
    if let Some(aside) = &aside {
        let end = dir.join(end::FILE_NAME);
        fs::copy(&end, aside.join(end::FILE_NAME)).map_err(io_error(&end))?;
        for file in &files {
            rename(file, &aside.join(file.file_name().unwrap_or_default()))?;
        }
        store::sync_dir(aside)?;
    }
    put_in_place(&new, &path)?;
    Ok(aside)
}

/// Creates a directory for a store to be set aside.
pub(super) fn new_dir(dir: &Path) -> Result<PathBuf, OpenError> {
    dated_dir(dir, PREFIX)
}

/// Checks that another store may be set aside.
fn check_count(dir: &Path) -> Result<(), OpenError> {
    if list(dir)?.len() >= MAX_SET_ASIDE {
        return Err(OpenError::TooManySetAside { dir: dir.to_owned() });
    }
    Ok(())
}

/// Creates an empty file for a new store. Deletes the files of an earlier attempt.
pub(super) fn create(dir: &Path) -> Result<PathBuf, OpenError> {
    remove_new(dir)?;
    let new = dir.join(NEW_FILE_NAME);
    private_file(&new).map_err(io_error(&new))?;
    Ok(new)
}

/// Deletes a new store that is not in place.
pub(super) fn remove_new(dir: &Path) -> Result<(), OpenError> {
    let new = dir.join(NEW_FILE_NAME);
    remove_database(&new).map_err(io_error(&new))
}

fn begin_new(new: &Path, start: Sequence) -> Result<(), OpenError> {
    let mut store = Store::open(new)?;
    store.set_bounds(start, start).map_err(sqlite_error(new))?;
    store.probe().map_err(sqlite_error(new))?;
    store.reset_wal().map_err(sqlite_error(new))?;
    Ok(())
}

/// Moves a new, closed store to where the gateway opens it, and syncs the directory.
pub(super) fn put_in_place(new: &Path, path: &Path) -> Result<(), OpenError> {
    // SQLite would apply the old store's WAL to the new store. The new store's own WAL is empty.
    for path in [path, new].into_iter().flat_map(|path| [wal_path(path), shm_path(path)]) {
        remove(&path).map_err(io_error(&path))?;
    }
    rename(new, path)?;
    store::sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Creates a directory named after the current time.
pub(super) fn dated_dir(dir: &Path, prefix: &str) -> Result<PathBuf, OpenError> {
    // Unique: only holders of the data directory's lock create such directories.
    let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string().replace(':', "-");
    let path = dir.join(format!("{prefix}{time}"));
    DirBuilder::new().mode(0o700).create(&path).map_err(io_error(&path))?;
    Ok(path)
}

/// Returns the directories of the damaged stores in a data directory, oldest first.
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let entries = fs::read_dir(dir).map_err(io_error(dir))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_error(dir))?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Counts the damaged stores. An unreadable directory counts as none: every other operation fails then, too.
pub(super) fn count(dir: &Path) -> usize {
    list(dir).map_or(0, |found| found.len())
}

/// Counts the damaged stores, and logs a warning if there are any.
pub(super) fn report(dir: &Path) -> usize {
    let count = count(dir);
    if count > 0 {
        tracing::warn!(
            count,
            dir = %dir.display(),
            "damaged stores were set aside; stop the gateway and run `callback-gateway repair` to recover their \
             readable events"
        );
    }
    count
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), OpenError> {
    fs::rename(from, to).map_err(io_error(from))
}
