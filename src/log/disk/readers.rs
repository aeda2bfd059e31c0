//! The read-only connections.

use std::path::PathBuf;

use parking_lot::Mutex;

use super::{reader::Reader, store::Store};
use crate::{
    event::Epoch,
    log::{ReadError, files::identity},
};

/// Connections for whoever reads the store: the readers' threads and the index's.
///
/// There is one more than are used at the same time, and all are opened at the start: while one is attached,
/// SQLite keeps the WAL and its index, so that reading goes on when the disk is full and the writer starts over.
#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    /// Device and inode of the store's file.
    identity: (u64, u64),
    epoch: Epoch,
    count: usize,
    /// Connections not in use; one that failed is not put back.
    idle: Mutex<Vec<Reader>>,
}

impl Connections {
    /// Opens connections for so many threads.
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

    /// Opens what is missing. While others read, that is too many by what they use.
    pub(super) fn fill(&self) -> Result<(), ReadError> {
        let mut idle = self.idle.lock();
        while idle.len() < self.count {
            idle.push(self.connect()?);
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
            None => self.connect()?,
        };
        let outcome = read(&mut reader);
        if !matches!(outcome, Err(ReadError::Unavailable(_))) {
            self.idle.lock().push(reader);
        }
        outcome
    }

    /// Opens another connection. Fails if another store has the place of this one, as after damage: its events would pass
    /// for those of this log.
    fn connect(&self) -> Result<Reader, ReadError> {
        let reader = Reader::open(&self.path, self.epoch)?;
        match identity(&self.path) {
            Ok(found) if found == self.identity => Ok(reader),
            _ => Err(ReadError::Unavailable("the store was deleted or replaced".to_owned())),
        }
    }

    /// Closes those that are not in use.
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
    fn a_store_that_has_the_place_of_another_is_not_read() {
        let dir = TempDir::new().unwrap();
        let (path, away) = (dir.path().join(store::FILE_NAME), dir.path().join("away"));
        let open = || {
            let _lock = store::prepare_dir(dir.path()).unwrap();
            Store::open(&path).unwrap()
        };
        let mut store = open();
        // Nothing is left in the write-ahead log, which stays where it is.
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
