//! Checks that the write-ahead log's files are still the ones that SQLite has open.
//!
//! A commit is durable once its frames are in the WAL. If another file has replaced the WAL, the next process
//! recovers from that file and loses every event committed since. SQLite does not check this, so the writer
//! does, before and after each commit.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{
    OpenError, io_error, sqlite_error,
    store::{Store, WRITER_BUSY_TIMEOUT},
};
use crate::log::files::{identity, remove, shm_path, wal_path};

/// Files of the write-ahead log that SQLite opened.
#[derive(Debug)]
pub(super) struct WalFiles {
    path: PathBuf,
    shm_path: PathBuf,
    /// Keeps the inode, so that its size can be read after its name is gone. Closing it drops no lock: SQLite
    /// has no locks on this file.
    file: File,
    identity: (u64, u64),
    /// Device and inode of the WAL's index, which all connections share.
    shm_identity: (u64, u64),
    /// Size after the last commit, in bytes. The file shrinks only when the writer empties it.
    bytes: u64,
}

/// Fault of the write-ahead log's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WalFault {
    /// One of the files is missing or was replaced.
    Replaced,
    /// The WAL is shorter than the data written to it.
    Shortened,
}

impl WalFiles {
    /// Records the files of a store that was just opened.
    pub(super) fn of(store: &Path) -> Result<Self, OpenError> {
        let (path, shm_path) = (wal_path(store), shm_path(store));
        let file = File::open(&path).map_err(io_error(&path))?;
        let metadata = file.metadata().map_err(io_error(&path))?;
        let shm_identity = identity(&shm_path).map_err(io_error(&shm_path))?;
        let (identity, bytes) = ((metadata.dev(), metadata.ino()), metadata.len());
        Ok(Self { path, shm_path, file, identity, shm_identity, bytes })
    }

    /// Checks the files' identities and the WAL's size, and records the new size.
    pub(super) fn check(&mut self) -> Result<(), WalFault> {
        let replaced = |_| WalFault::Replaced;
        let wal = fs::metadata(&self.path).map_err(replaced)?;
        let is_same = (wal.dev(), wal.ino()) == self.identity
            && identity(&self.shm_path).map_err(replaced)? == self.shm_identity;
        if !is_same {
            return Err(WalFault::Replaced);
        }
        if wal.len() < self.bytes {
            return Err(WalFault::Shortened);
        }
        self.bytes = wal.len();
        Ok(())
    }

    /// Returns whether the file that SQLite has open is shorter than the data written to it, even if it was
    /// moved.
    pub(super) fn is_short(&self) -> bool {
        self.file.metadata().map_or(true, |wal| wal.len() < self.bytes)
    }

    /// Records that the writer emptied the WAL.
    pub(super) fn note_emptied(&mut self) {
        self.bytes = 0;
    }

    /// Returns the size of the file at the WAL's path, in bytes.
    pub(super) fn len(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |wal| wal.len())
    }

    /// Returns the file that SQLite has open, even if it was moved or deleted.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Deletes the files unless other files have replaced them.
    pub(super) fn delete_own(&self) -> Result<(), OpenError> {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            self.delete()
        } else {
            Ok(())
        }
    }

    /// Deletes the files at the paths. Call it only while this process has no connection to the store.
    pub(super) fn delete(&self) -> Result<(), OpenError> {
        [&self.path, &self.shm_path].into_iter().try_for_each(|path| remove(path).map_err(io_error(path)))
    }

    /// Returns the error for a fault.
    pub(super) fn error(&self, fault: WalFault) -> OpenError {
        let path = self.path.clone();
        match fault {
            WalFault::Replaced => OpenError::WalReplaced { path },
            WalFault::Shortened => OpenError::WalShortened { path, written: self.bytes },
        }
    }
}

impl Store {
    /// Checks that the files at the store's paths are the ones that SQLite has open, and complete. SQLite
    /// continues to write to files that were deleted or replaced, but no later process finds these writes.
    pub(super) fn check_files(&mut self) -> Result<(), OpenError> {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            self.wal.check().map_err(|fault| self.wal.error(fault))
        } else {
            Err(OpenError::Replaced { path: self.path.clone() })
        }
    }

    /// Returns the WAL's size in bytes.
    pub(super) fn wal_bytes(&self) -> u64 {
        self.wal.len()
    }

    /// Moves the WAL into the main file, syncs that file, and empties the WAL. Returns false, without
    /// waiting, if a reader in another program prevents it.
    pub(super) fn reset_wal(&mut self) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(WRITER_BUSY_TIMEOUT)?;
        let is_empty = busy? == 0;
        if is_empty {
            self.wal.note_emptied();
        }
        Ok(is_empty)
    }

    /// Returns whether the main file contains everything in the WAL. Reads only the WAL's index.
    pub(super) fn is_checkpointed(&self) -> rusqlite::Result<bool> {
        self.connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
            Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
        })
    }

    /// Returns whether the WAL that SQLite has open is shorter than the data written to it.
    pub(super) fn is_wal_short(&self) -> bool {
        self.wal.is_short()
    }

    /// Leaves WAL mode after the emptied WAL was replaced, which deletes the file in its place: the next
    /// start would recover from that file. No other connection may be open. Returns false if another program
    /// has one.
    pub(super) fn leave_wal_mode(&mut self) -> rusqlite::Result<bool> {
        let left = self.connection.query_row("PRAGMA journal_mode=DELETE", [], |row| row.get::<_, String>(0));
        match left {
            Ok(mode) => Ok(mode == "delete"),
            Err(error) if is_busy(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Closes the store without a checkpoint, so that no pages are copied from an incomplete WAL.
    pub(super) fn close_without_checkpoint(self) -> Result<WalFiles, OpenError> {
        let Self { connection, path, wal, .. } = self;
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(sqlite_error(&path))?;
        Ok(wal)
    }
}

/// Returns whether no other program has the store open. Call it only while this process has no connection
/// either.
pub(super) fn is_alone(path: &Path) -> rusqlite::Result<bool> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    // Opening the store reports any other fault.
    let read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    Ok(!read.is_err_and(|error| is_busy(&error)))
}

/// Returns whether the error only means that another connection holds a lock. Nothing was written, and the
/// store is intact.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
