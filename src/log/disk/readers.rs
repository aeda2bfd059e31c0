//! Pool of read-only connections.

use std::path::PathBuf;

use parking_lot::Mutex;

use super::{reader::Reader, store::Store};
use crate::{
    event::Epoch,
    log::{ReadError, files::identity},
};

/// Pool of read-only connections for the reader threads, the indexer and the scrubber.
///
/// The pool has one connection more than are used at the same time, and all are opened at the start. While a
/// connection is attached, SQLite keeps the WAL and its index. So reads continue when the disk is full and
/// the writer reopens the store.
#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    /// Device and inode of the store's file.
    identity: (u64, u64),
    epoch: Epoch,
    count: usize,
    /// Idle connections. A connection that failed is not returned.
    idle: Mutex<Vec<Reader>>,
}

impl Connections {
    /// Opens connections for `threads` threads.
    pub(super) fn open(store: &Store, threads: usize) -> Result<Self, ReadError> {
        let connections = Self {
            path: store.path.clone(),
            identity: store.identity(),
            epoch: store.state().epoch,
            count: threads + 1,
            idle: Mutex::default(),
        };
        connections.fill()?;
        Ok(connections)
    }

    /// Opens missing connections. Connections in use are not counted, so there may be more than `count`
    /// afterwards.
    pub(super) fn fill(&self) -> Result<(), ReadError> {
        let mut idle = self.idle.lock();
        while idle.len() < self.count {
            idle.push(self.connect()?);
        }
        Ok(())
    }

    /// Reads with one of the connections. Opens another one if none is idle.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.connect()?,
        };
        let outcome = read(&mut reader);
        if !matches!(outcome, Err(ReadError::Unavailable(_))) {
            self.idle.lock().push(reader);
        }
        outcome
    }

    /// Opens another connection. Fails if another store has replaced this one, for example after damage: its
    /// events would be mistaken for those of this log.
    fn connect(&self) -> Result<Reader, ReadError> {
        let check = || match identity(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            _ => Err(ReadError::Unavailable("the store was deleted or replaced".to_owned())),
        };
        // First, because SQLite would change the write-ahead log's index beside another store.
        check()?;
        let reader = Reader::open(&self.path, self.epoch)?;
        check()?;
        Ok(reader)
    }

    /// Closes the idle connections.
    pub(super) fn close(&self) {
        self.idle.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::log::disk::store;

    #[test]
    fn a_store_that_replaced_another_is_not_read() {
        let dir = TempDir::new().unwrap();
        let (path, away) = (dir.path().join(store::FILE_NAME), dir.path().join("away"));
        let open = || {
            let _lock = store::prepare_dir(dir.path()).unwrap();
            Store::open(&path).unwrap()
        };
        let mut store = open();
        // Empty the write-ahead log, which is not moved with the store.
        assert!(store.reset_wal().unwrap());
        let connections = Connections::open(&store, 1).unwrap();
        drop(store);
        let read = || connections.read(|reader| reader.snapshot(|_| Ok(())));
        read().unwrap();
        connections.close();
        fs::rename(&path, &away).unwrap();
        drop(open());
        assert!(matches!(read(), Err(ReadError::Unavailable(_))), "{:?}", read());
        fs::rename(&away, &path).unwrap();
        read().unwrap();
    }
}
