//! Why the log on disk could not be opened.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{MAX_SET_ASIDE, STORE_FORMAT, wal};
use crate::{event::Sequence, log::ReadError};

/// Why the log could not be opened, or opened again after a write error.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory could not be made or read.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has the directory.
    #[error("{path} is in use by another process; give each gateway its own --data-dir")]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer program wrote the store.
    #[error(
        "{path} has store format {found}, but this program knows formats up to {STORE_FORMAT}; \
         run the version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The store's file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// The store is damaged as a whole: not one event of it can be read, or none can be added.
    #[error(
        "{path} is damaged: {what}; `callback-gateway repair` writes a new one with every event that can be read, and \
         `--damaged-store set-aside` starts without them"
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The store is gone, but other files say that there was one.
    #[error(
        "{path} is missing or empty, but the log had events up to {last}; put it back, or start with \
         `--damaged-store set-aside` to begin another log"
    )]
    Missing {
        /// The store's file.
        path: PathBuf,
        /// The log's last event; 0 if that is not known.
        last: Sequence,
    },
    /// As many damaged stores as are kept were set aside already.
    #[error(
        "{dir} already has {MAX_SET_ASIDE} damaged stores, and the current one is damaged, too; check the disk, then run \
         `callback-gateway repair`, or move the damaged-* directories elsewhere"
    )]
    TooManySetAside {
        /// The data directory.
        dir: PathBuf,
    },
    /// The file is an SQLite database of something else.
    #[error("{path} is not a callback-gateway store; choose another --data-dir")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The store behind a running log was deleted or exchanged.
    #[error(
        "{path} is no longer the store that this process opened; put it back within 10 seconds, or the gateway saves the \
         events, ends, and uses what is there at its next start"
    )]
    Replaced {
        /// The store's file.
        path: PathBuf,
    },
    /// The write-ahead log behind a running log was deleted or exchanged.
    #[error(
        "{path} was deleted or replaced while in use; the gateway saves what was in it and opens the store again"
    )]
    WalReplaced {
        /// The write-ahead log's file.
        path: PathBuf,
    },
    /// The write-ahead log behind a running log was cut.
    #[error(
        "{path} is shorter than the {written} bytes that were written to it; the gateway writes what was lost \
         again from memory"
    )]
    WalShortened {
        /// The write-ahead log's file.
        path: PathBuf,
        /// Bytes that it must have at least.
        written: u64,
    },
    /// After a write error, another program's reading keeps the log from recovering.
    #[error("{path} is being read by another program; end it, and the log recovers by itself")]
    InTheWay {
        /// The store's file.
        path: PathBuf,
    },
    /// SQLite could not open it or write to it.
    #[error("{path}: {source}")]
    Sqlite {
        /// The store's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No thread could be started for the writer or the index.
    #[error("starting a thread of the log: {0}")]
    Thread(io::Error),
}

impl OpenError {
    /// Whether another program holds a lock: nothing was written, and nothing is wrong.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if wal::is_busy(source))
    }

    /// Whether the write-ahead log is not the one that was written to.
    pub(super) fn is_wal_fault(&self) -> bool {
        matches!(self, Self::WalReplaced { .. } | Self::WalShortened { .. })
    }

    /// Whether the open store is still needed after it.
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
