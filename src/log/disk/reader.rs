//! Reads the store: pages, single records, and the bounds of unreadable ranges.
//!
//! Rows from SQLite are not trusted. A row is valid only if it has the requested key and its checksum is
//! right. The checksum covers sequence, receive time and record.
//!
//! When a page of the file is damaged, SQLite reports an error, returns rows of another page, or skips rows.
//! In each case the reader sees an invalid or missing row. It then probes the following sequences one by one
//! for the next valid row, and reports a [`Hole`] up to that row. An unreadable part of the disk counts as
//! damage, too: see [`medium`].

mod probe;

use std::{cell::Cell, fs, path::Path, time::Duration};

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row};

use super::{
    medium,
    store::{self, Trimmed},
};
use crate::{
    event::{Epoch, Record, RecordError, Sequence, StoredRecord, Timestamp},
    log::{
        Cause, Hole, Order, Page, ReadError,
        files::{is_read_error, wal_path},
        ring::PageBuilder,
    },
};

/// Time that a reader waits for a lock of another program.
const READER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Read-only connection.
#[derive(Debug)]
pub(super) struct Reader {
    connection: Connection,
    epoch: Epoch,
    /// Last valid bounds in the store, in case damage makes them unreadable.
    trimmed: Trimmed,
}

impl Reader {
    pub(super) fn open(path: &Path, epoch: Epoch) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
        connection.busy_timeout(READER_BUSY_TIMEOUT).map_err(unavailable)?;
        // Attach the connection to the WAL's index now: this needs some free space on the disk.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(unavailable)?;
        Ok(Self { connection, epoch, trimmed: Trimmed::NOTHING })
    }

    /// Runs a read on one snapshot, so that the trimmed bounds match the records.
    pub(super) fn snapshot<T>(
        &mut self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let transaction = self.connection.unchecked_transaction().map_err(unavailable)?;
        self.trimmed = self.read_trimmed()?;
        let oldest = self.trimmed.oldest;
        let read = read(&Snapshot::of(&self.connection, self.epoch, oldest));
        // A disk error ends the transaction. Records that later reads missed may have been trimmed since.
        let has_ended = self.connection.is_autocommit();
        // Dropping rolls it back, as nothing was written.
        drop(transaction);
        if has_ended && matches!(read, Err(ReadError::Hole(_))) && self.read_trimmed()?.oldest > oldest {
            return Err(ReadError::Unavailable("events were deleted during a disk read error".to_owned()));
        }
        read
    }

    /// Returns the trimmed events as of the last snapshot.
    pub(super) fn trimmed(&self) -> Trimmed {
        self.trimmed
    }

    fn read_trimmed(&self) -> Result<Trimmed, ReadError> {
        if let Some(trimmed) = store::trimmed(&self.connection).map_err(unavailable)? {
            return Ok(trimmed);
        }
        // A disk that fails every read can look like damage, too.
        let reads = |order| {
            let sql = format!("SELECT sequence FROM record ORDER BY sequence {order} LIMIT 1");
            self.connection.query_row(&sql, [], |_| Ok(())).optional()
        };
        reads("ASC").or_else(|_| reads("DESC")).map_err(unavailable)?;
        Ok(self.trimmed)
    }

    /// Returns the size of the store's files in bytes.
    pub(super) fn file_bytes(&self) -> Result<u64, ReadError> {
        let path = Path::new(self.connection.path().unwrap_or_default());
        let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        Ok(bytes(path) + bytes(&wal_path(path)))
    }
}

/// Snapshot of the store.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    connection: &'a Connection,
    epoch: Epoch,
    pub(super) oldest: Sequence,
    /// True if other positions are readable. Set after the first read error.
    reads_others: Cell<Option<bool>>,
}

/// Result of reading one position.
#[derive(Debug)]
enum PositionRead {
    Record(Record),
    Missing,
    /// The position has a row that cannot be read.
    Unreadable(Cause),
}

impl<'a> Snapshot<'a> {
    /// Creates a snapshot on another connection, such as the writer's.
    pub(super) fn of(connection: &'a Connection, epoch: Epoch, oldest: Sequence) -> Self {
        Self { connection, epoch, oldest, reads_others: Cell::new(None) }
    }

    /// Reads a page from `from` upwards, below `end`.
    pub(super) fn read(&self, from: Sequence, end: Sequence, max_records: usize) -> Result<Page, ReadError> {
        if from < self.oldest {
            return Err(ReadError::Trimmed { oldest: self.oldest });
        }
        let mut page = PageBuilder::new(from, max_records);
        let mut expected = from;
        let outcome = self.scan(
            "SELECT sequence, receive_time, checksum, record FROM record \
             WHERE sequence >= ?1 AND sequence < ?2 ORDER BY sequence",
            [from.0.cast_signed(), end.0.cast_signed()],
            |record| {
                let is_wanted = record.sequence() == expected && page.push(record);
                if is_wanted {
                    expected = expected.next();
                }
                is_wanted
            },
        );
        outcome?;
        if page.is_empty() && from < end {
            match self.get(from)? {
                // Only the scan hit damage. The record is intact.
                PositionRead::Record(record) => page.push(record),
                _ => return Err(ReadError::Hole(self.hole_from(from, end)?)),
            };
        }
        Ok(page.upwards(None))
    }

    /// Reads a page below `before`, newest first.
    pub(super) fn read_back(&self, before: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let mut page = PageBuilder::new(before, max_records);
        let mut expected = before.previous();
        let outcome = self.scan(
            "SELECT sequence, receive_time, checksum, record FROM record \
             WHERE sequence < ?1 AND sequence >= ?2 ORDER BY sequence DESC",
            [before.0.cast_signed(), self.oldest.0.cast_signed()],
            |record| {
                let is_wanted = record.sequence() == expected && page.push(record);
                if is_wanted {
                    expected = expected.previous();
                }
                is_wanted
            },
        );
        outcome?;
        if page.is_empty() && before > self.oldest {
            match self.get(before.previous())? {
                PositionRead::Record(record) => page.push(record),
                _ => return Err(ReadError::Hole(self.hole_below(before)?)),
            };
        }
        Ok(page.downwards())
    }

    /// Returns the position of the first record received at `time` or later, or `end`. Uses a binary search,
    /// because times never decrease along the log.
    pub(super) fn seek(&self, time: Timestamp, end: Sequence) -> Result<Sequence, ReadError> {
        // Records below `low` are too early, those from `high` on are not.
        let mut low = self.oldest;
        // Retention may have deleted all records since `end` was read.
        let mut high = end.max(low);
        while low < high {
            let middle = Sequence(low.0.midpoint(high.0));
            match self.next_readable(middle, high)? {
                Some(record) if record.receive_time() < time => low = record.sequence().next(),
                // The records in between are unreadable. Readers that start at their beginning get a hole.
                _ => high = middle,
            }
        }
        Ok(high)
    }

    /// Returns the first readable record from `from` on, below `end`, at any distance. It may skip some
    /// records that a damaged page hides.
    fn next_readable(&self, from: Sequence, end: Sequence) -> Result<Option<Record>, ReadError> {
        let mut found = None;
        self.scan(
            "SELECT sequence, receive_time, checksum, record FROM record \
             WHERE sequence >= ?1 AND sequence < ?2 ORDER BY sequence LIMIT 1",
            [from.0.cast_signed(), end.0.cast_signed()],
            |record| {
                found = Some(record).filter(|record| (from..end).contains(&record.sequence()));
                false
            },
        )?;
        let mut next = from;
        while found.is_none() && next < end {
            (found, next) = self.probe(next, end)?;
        }
        Ok(found)
    }

    /// Reads the records at these positions, in this order. The page ends before the first unreadable record.
    /// If there is none, the next page starts at `next`. Upwards, a trimmed position is an error.
    pub(super) fn pick(
        &self,
        position: Sequence,
        order: Order,
        sequences: &[Sequence],
        next: Sequence,
    ) -> Result<Page, ReadError> {
        if order == Order::OldestFirst && position < self.oldest {
            return Err(ReadError::Trimmed { oldest: self.oldest });
        }
        let mut page = PageBuilder::new(position, sequences.len());
        for &sequence in sequences {
            let is_full = match self.get(sequence)? {
                PositionRead::Record(record) => !page.push(record),
                PositionRead::Missing if sequence < self.oldest => false,
                _ if page.is_empty() => {
                    return Err(ReadError::Hole(match order {
                        Order::OldestFirst => self.hole_from(sequence, next)?,
                        Order::NewestFirst => self.hole_below(sequence.next())?,
                    }));
                }
                _ => true,
            };
            if is_full {
                let next = match order {
                    Order::OldestFirst => sequence,
                    Order::NewestFirst => sequence.next(),
                };
                return Ok(Page { next, ..page.downwards() });
            }
        }
        Ok(Page { next, ..page.downwards() })
    }

    /// Reads the record at one position.
    fn get(&self, sequence: Sequence) -> Result<PositionRead, ReadError> {
        let select = "SELECT sequence, receive_time, checksum, record FROM record WHERE sequence = ?1";
        let pause = if self.reads_others.get().is_some() { Duration::ZERO } else { medium::PAUSE };
        let row = medium::retried(pause, || {
            let mut select = self.connection.prepare_cached(select)?;
            select.query_row([sequence.0.cast_signed()], RawRecord::read).optional()
        });
        match row {
            Ok(None) => Ok(PositionRead::Missing),
            Ok(Some(row)) if row.sequence != sequence => Ok(PositionRead::Unreadable(Cause::Damaged)),
            Ok(Some(row)) => match row.into_record(self.epoch) {
                Ok(record) => Ok(PositionRead::Record(record)),
                Err(ReadError::Hole(hole)) => Ok(PositionRead::Unreadable(hole.cause)),
                Err(error) => Err(error),
            },
            Err(error) if is_damage(&error) || self.is_bad_sector(sequence, &error) => {
                Ok(PositionRead::Unreadable(Cause::Damaged))
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Returns whether the disk fails to read this position but can read others.
    fn is_bad_sector(&self, sequence: Sequence, error: &rusqlite::Error) -> bool {
        if !is_read_error(error) {
            return false;
        }
        if self.reads_others.get().is_none() {
            let reads_others = medium::is_readable_elsewhere(self.connection, self.oldest, sequence);
            tracing::warn!(
                sequence = sequence.0,
                %error,
                reads_others,
                "the disk does not read a part of the store; its events count as damaged if the disk reads other parts"
            );
            self.reads_others.set(Some(reads_others));
        }
        self.reads_others.get() == Some(true)
    }

    /// Passes the rows of a query to `is_wanted`, in order, until it returns false. Stops at an unreadable
    /// row.
    fn scan(
        &self,
        sql: &str,
        bounds: [i64; 2],
        mut is_wanted: impl FnMut(Record) -> bool,
    ) -> Result<(), ReadError> {
        let mut scan = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached(sql)?;
            let mut rows = select.query(bounds)?;
            while let Some(row) = rows.next()? {
                let Ok(record) = RawRecord::read(row)?.into_record(self.epoch) else { break };
                if !is_wanted(record) {
                    break;
                }
            }
            Ok(())
        };
        match scan() {
            Err(error) if !medium::is_unreadable(&error) => Err(unavailable(error)),
            // The caller probes the position where the scan ended.
            _ => Ok(()),
        }
    }
}

/// Row of the table, not verified yet.
#[derive(Debug)]
pub(super) struct RawRecord {
    pub(super) sequence: Sequence,
    pub(super) receive_time: Timestamp,
    pub(super) checksum: i64,
    pub(super) bytes: Vec<u8>,
}

impl RawRecord {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: Sequence(row.get::<_, i64>(0)?.cast_unsigned()),
            receive_time: Timestamp(row.get(1)?),
            checksum: row.get(2)?,
            bytes: row.get(3)?,
        })
    }

    /// Returns the checksum of the record with another receive time.
    pub(super) fn check_at(&self, receive_time: Timestamp) -> u32 {
        Record::check_of(self.sequence, receive_time, &self.bytes)
    }

    /// Returns whether the row's checksums are right.
    pub(super) fn is_intact(&self) -> bool {
        let stored = StoredRecord::parse(Bytes::copy_from_slice(&self.bytes));
        let check = Record::check_of(self.sequence, self.receive_time, &self.bytes);
        !matches!(stored, Err(RecordError::Damaged)) && i64::from(check) == self.checksum
    }

    /// Verifies the row and converts it.
    pub(super) fn into_record(self, epoch: Epoch) -> Result<Record, ReadError> {
        let Self { sequence, receive_time, checksum, bytes } = self;
        let bytes = Bytes::from(bytes);
        match StoredRecord::parse(bytes.clone()) {
            Ok(stored) => {
                let record = Record::new(epoch, sequence, receive_time, stored);
                if i64::from(record.check()) == checksum {
                    return Ok(record);
                }
            }
            Err(error) => {
                // With a wrong checksum, the record's format is not trusted either.
                if i64::from(Record::check_of(sequence, receive_time, &bytes)) == checksum {
                    return Err(ReadError::record(sequence, error));
                }
            }
        }
        Err(ReadError::Hole(Hole::one(sequence, Cause::Damaged)))
    }
}

/// Returns whether SQLite found damage in the file.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    match error {
        // Damage can also cause other types in the columns, or text that is not UTF-8.
        Error::FromSqlConversionFailure(..)
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..) => true,
        _ => matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)),
    }
}

fn unavailable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
