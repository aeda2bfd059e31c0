//! The read-only connections.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::reader::Reader;
use crate::{event::Epoch, log::ReadError};

/// Connections for whoever reads the store: the readers' threads and the index's.
///
/// There is one more than are used at the same time, and all are opened at the start: while one is attached,
/// SQLite keeps the WAL and its index, so that reading goes on when the disk is full and the writer starts over.
#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    epoch: Epoch,
    count: usize,
    /// Connections not in use; one that failed is not put back.
    idle: Mutex<Vec<Reader>>,
}

impl Connections {
    /// Opens connections for so many threads.
    pub(super) fn open(path: &Path, epoch: Epoch, threads: usize) -> Result<Self, ReadError> {
        let connections = Self { path: path.to_owned(), epoch, count: threads + 1, idle: Mutex::default() };
        connections.fill()?;
        Ok(connections)
    }

    /// Opens what is missing. While others read, that is too many by what they use.
    pub(super) fn fill(&self) -> Result<(), ReadError> {
        let mut idle = self.idle.lock();
        while idle.len() < self.count {
            idle.push(Reader::open(&self.path, self.epoch)?);
        }
        Ok(())
    }

    /// Reads with one of the connections.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.path, self.epoch)?,
        };
        let outcome = read(&mut reader);
        if !matches!(outcome, Err(ReadError::Unavailable(_))) {
            self.idle.lock().push(reader);
        }
        outcome
    }

    /// Closes those that are not in use.
    pub(super) fn close(&self) {
        self.idle.lock().clear();
    }
}
