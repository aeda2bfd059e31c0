//! Errors of opening the log on disk.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{MAX_SET_ASIDE, STORE_FORMAT, wal};
use crate::{event::Sequence, log::ReadError};

/// Error of opening the log, or of reopening it after a write error.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory could not be created or read.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Another process uses the data directory.
    #[error("{path} is in use by another process; give each gateway its own --data-dir")]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer program wrote the store.
    #[error(
        "{path} has store format {found}, but this program knows formats up to {STORE_FORMAT}; \
         run the version that wrote it, or a newer version"
    )]
    NewerFormat {
        /// The store's file.
        path: PathBuf,
        /// Format of the store.
        found: i64,
    },
    /// The whole store is unusable: no event can be read, or none can be added.
    #[error(
        "{path} is damaged: {what}; `callback-gateway repair` writes a new store with all readable events, and \
         `--damaged-store set-aside` starts without them"
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// The fault.
        what: String,
    },
    /// The store is missing, but other files show that it existed.
    #[error(
        "{path} is missing or empty, but the log had events up to {last}; put it back, or start with \
         `--damaged-store set-aside` to begin a new log"
    )]
    Missing {
        /// The store's file.
        path: PathBuf,
        /// The log's last event. 0 if unknown.
        last: Sequence,
    },
    /// The maximum number of damaged stores was already set aside.
    #[error(
        "{dir} already has {MAX_SET_ASIDE} damaged stores, and the current one is damaged, too; check the disk, then run \
         `callback-gateway repair`, or move the damaged-* directories elsewhere"
    )]
    TooManySetAside {
        /// The data directory.
        dir: PathBuf,
    },
    /// The file is an SQLite database of another program.
    #[error("{path} is not a callback-gateway store; choose another --data-dir")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The store of a running log was deleted or replaced.
    #[error(
        "{path} is no longer the store that this process opened; put it back within 10 seconds, or the gateway saves its \
         events and exits, and the next start opens the store at this path"
    )]
    Replaced {
        /// The store's file.
        path: PathBuf,
    },
    /// The write-ahead log of a running log was deleted or replaced.
    #[error(
        "{path} was deleted or replaced while in use; the gateway saves its events and reopens the store"
    )]
    WalReplaced {
        /// The write-ahead log's file.
        path: PathBuf,
    },
    /// The write-ahead log of a running log was shortened.
    #[error(
        "{path} is shorter than the {written} bytes that were written to it; the gateway writes the lost events again \
         from memory"
    )]
    WalShortened {
        /// The write-ahead log's file.
        path: PathBuf,
        /// Minimum expected size in bytes.
        written: u64,
    },
    /// After a write error, a reader in another program prevents recovery.
    #[error("{path} is being read by another program; end that program, and the log recovers by itself")]
    InTheWay {
        /// The store's file.
        path: PathBuf,
    },
    /// SQLite could not open the store or write to it.
    #[error("{path}: {source}")]
    Sqlite {
        /// The store's file.
        path: PathBuf,
        /// Error of SQLite.
        source: rusqlite::Error,
    },
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A thread of the log could not be started.
    #[error("cannot start a thread of the log: {0}")]
    Thread(io::Error),
}

impl OpenError {
    /// Returns whether the error only means that another program holds a lock. Nothing was written, and the
    /// store is intact.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if wal::is_busy(source))
    }

    /// Returns whether the write-ahead log was replaced or shortened.
    pub(super) fn is_wal_fault(&self) -> bool {
        matches!(self, Self::WalReplaced { .. } | Self::WalShortened { .. })
    }

    /// Returns whether recovery from this error needs the store to stay open.
    pub(super) fn keeps_store(&self) -> bool {
        self.is_wal_fault() || matches!(self, Self::InTheWay { .. } | Self::Replaced { .. })
    }
}

pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Io { path: path.to_owned(), source }
}

pub(super) fn sqlite_error(path: &Path) -> impl FnOnce(rusqlite::Error) -> OpenError {
    move |source| OpenError::Sqlite { path: path.to_owned(), source }
}
