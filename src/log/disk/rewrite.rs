//! New store that a repair fills with the rows of other stores.

use std::{fs::File, path::Path};

use rusqlite::{OptionalExtension as _, TransactionBehavior, params};

use super::{
    OpenError, io_error,
    reader::RawRecord,
    sqlite_error,
    store::{Store, StoreState},
    writer::{BATCH_BYTES, BATCH_RECORDS},
};
use crate::event::{Epoch, Sequence};

/// New store that is being written.
pub(super) struct Target {
    store: Store,
    batch: Vec<RawRecord>,
    /// Bytes of the rows in the batch.
    bytes: usize,
}

impl Target {
    /// Creates a store. It is synced only at the end: after a crash, the next start or repair deletes it.
    pub(super) fn create(path: &Path) -> Result<Self, OpenError> {
        let store = Store::open(path)?;
        store.connection.pragma_update(None, "synchronous", "OFF").map_err(sqlite_error(path))?;
        Ok(Self { store, batch: Vec::new(), bytes: 0 })
    }

    /// Adds a row. The first row with a sequence wins.
    pub(super) fn add(&mut self, row: RawRecord) -> Result<(), OpenError> {
        self.bytes += row.bytes.len();
        self.batch.push(row);
        if self.batch.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Returns the lowest sequence so far.
    pub(super) fn first(&mut self) -> Result<Option<Sequence>, OpenError> {
        self.flush()?;
        let first = "SELECT sequence FROM record ORDER BY sequence LIMIT 1";
        let first = self.store.connection.query_row(first, [], |row| row.get(0)).optional();
        Ok(first.map_err(sqlite_error(&self.store.path))?.map(|first: i64| Sequence(first.cast_unsigned())))
    }

    /// Sets the log's bounds and identity, syncs the store, and closes it. Without an epoch, the store begins
    /// a new one.
    pub(super) fn finish(
        mut self,
        epoch: Option<Epoch>,
        known: Option<StoreState>,
        oldest: Sequence,
        end: Sequence,
    ) -> Result<StoreState, OpenError> {
        self.flush()?;
        let path = self.store.path.clone();
        let mut finish = || {
            self.store.set_identity(epoch, known)?;
            self.store.connection.pragma_update(None, "synchronous", "FULL")?;
            let state = self.store.set_bounds(oldest, end)?;
            self.store.reset_wal()?;
            Ok(state)
        };
        let state = finish().map_err(sqlite_error(&path))?;
        drop(self.store);
        File::open(&path).and_then(|file| file.sync_all()).map_err(io_error(&path))?;
        Ok(state)
    }

    fn flush(&mut self) -> Result<(), OpenError> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.batch);
        self.insert(&rows).map_err(sqlite_error(&self.store.path))
    }

    fn insert(&mut self, rows: &[RawRecord]) -> rusqlite::Result<()> {
        let transaction = self.store.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT OR IGNORE INTO record (sequence, receive_time, checksum, record) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for row in rows {
                insert.execute(params![
                    row.sequence.0.cast_signed(),
                    row.receive_time.0,
                    row.checksum,
                    row.bytes
                ])?;
            }
        }
        transaction.commit()
    }
}
