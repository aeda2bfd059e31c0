//! Reading the store: pages, single records, and the bounds of what cannot be read.
//!
//! Nothing that SQLite returns is trusted. A row counts only if its key lies where it was asked for and its checksum
//! holds, which covers sequence, receive time and record. Where a page of the file is damaged, SQLite reports an error,
//! gives rows of another page, or skips rows; each looks like a row that does not count. The reader then looks for the
//! next row that does, sequence by sequence, and reports a [`Hole`] up to there. A part of the disk that cannot be read is
//! such damage, too: see [`medium`].

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

/// How long a reader waits for a foreign lock.
const READER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// A read-only connection.
#[derive(Debug)]
pub(super) struct Reader {
    connection: Connection,
    epoch: Epoch,
    /// As the store said last, before that was damaged.
    trimmed: Trimmed,
}

impl Reader {
    pub(super) fn open(path: &Path, epoch: Epoch) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
        connection.busy_timeout(READER_BUSY_TIMEOUT).map_err(unavailable)?;
        // Attaches it to the WAL's index, which needs a little room on the disk.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(unavailable)?;
        Ok(Self { connection, epoch, trimmed: Trimmed::NOTHING })
    }

    /// Runs a read on one snapshot, so that what is trimmed and what is read agree.
    pub(super) fn snapshot<T>(
        &mut self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let transaction = self.connection.unchecked_transaction().map_err(unavailable)?;
        self.trimmed = self.read_trimmed()?;
        let oldest = self.trimmed.oldest;
        let read = read(&Snapshot::of(&self.connection, self.epoch, oldest));
        // An error of the disk ends it. What was read afterwards may be gone because it was trimmed.
        let has_ended = self.connection.is_autocommit();
        // Nothing was written. Rolled back when it is dropped.
        drop(transaction);
        if has_ended && matches!(read, Err(ReadError::Hole(_))) && self.read_trimmed()?.oldest > oldest {
            return Err(ReadError::Unavailable(
                "events were deleted while the disk did not read them".to_owned(),
            ));
        }
        read
    }

    /// Returns what the log had no longer in the last snapshot.
    pub(super) fn trimmed(&self) -> Trimmed {
        self.trimmed
    }

    fn read_trimmed(&self) -> Result<Trimmed, ReadError> {
        if let Some(trimmed) = store::trimmed(&self.connection).map_err(unavailable)? {
            return Ok(trimmed);
        }
        // A disk that reads nothing can look like damage, too.
        let reads = |order| {
            let sql = format!("SELECT sequence FROM record ORDER BY sequence {order} LIMIT 1");
            self.connection.query_row(&sql, [], |_| Ok(())).optional()
        };
        reads("ASC").or_else(|_| reads("DESC")).map_err(unavailable)?;
        Ok(self.trimmed)
    }

    /// Returns the bytes of the store's files.
    pub(super) fn file_bytes(&self) -> Result<u64, ReadError> {
        let path = Path::new(self.connection.path().unwrap_or_default());
        let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        Ok(bytes(path) + bytes(&wal_path(path)))
    }
}

/// The store at one moment.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    connection: &'a Connection,
    epoch: Epoch,
    pub(super) oldest: Sequence,
    /// Whether the disk reads other positions, once it could not read one.
    reads_others: Cell<Option<bool>>,
}

/// The record at a position.
#[derive(Debug)]
enum Found {
    Record(Record),
    Nothing,
    /// It is there, and cannot be read.
    Unreadable(Cause),
}

impl<'a> Snapshot<'a> {
    /// Reads through another connection, such as the writing one.
    pub(super) fn of(connection: &'a Connection, epoch: Epoch, oldest: Sequence) -> Self {
        Self { connection, epoch, oldest, reads_others: Cell::new(None) }
    }

    /// A page from `from` upwards, below `end`.
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
                // The way of the scan is damaged, not the record.
                Found::Record(record) => page.push(record),
                _ => return Err(ReadError::Hole(self.hole_from(from, end)?)),
            };
        }
        Ok(page.upwards(None))
    }

    /// A page below `before`, newest first.
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
                Found::Record(record) => page.push(record),
                _ => return Err(ReadError::Hole(self.hole_below(before)?)),
            };
        }
        Ok(page.downwards())
    }

    /// The first record received at `time` or later, or `end`. Times never decrease, so it is found by halving,
    /// without an index over them.
    pub(super) fn seek(&self, time: Timestamp, end: Sequence) -> Result<Sequence, ReadError> {
        // Records below `low` are too early, those from `high` on are not.
        let mut low = self.oldest;
        // All that there was may have been deleted since the tail was looked at.
        let mut high = end.max(low);
        while low < high {
            let middle = Sequence(low.0.midpoint(high.0));
            match self.next_readable(middle, high)? {
                Some(record) if record.receive_time() < time => low = record.sequence().next(),
                // What is in between cannot be read: readers that start at its beginning are told.
                _ => high = middle,
            }
        }
        Ok(high)
    }

    /// The first readable record from `from` on, below `end`, however far it is. Of records that a damaged page hides
    /// it may pass over some.
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

    /// The records at these positions, in this order. With all of them, the page goes on at `next`. Ends before one
    /// that cannot be read. Upwards it says what was trimmed.
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
                Found::Record(record) => !page.push(record),
                Found::Nothing if sequence < self.oldest => false,
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

    /// Looks for the record at one position.
    fn get(&self, sequence: Sequence) -> Result<Found, ReadError> {
        let select = "SELECT sequence, receive_time, checksum, record FROM record WHERE sequence = ?1";
        let pause = if self.reads_others.get().is_some() { Duration::ZERO } else { medium::PAUSE };
        let row = medium::retried(pause, || {
            let mut select = self.connection.prepare_cached(select)?;
            select.query_row([sequence.0.cast_signed()], RawRecord::read).optional()
        });
        match row {
            Ok(None) => Ok(Found::Nothing),
            Ok(Some(row)) if row.sequence != sequence => Ok(Found::Unreadable(Cause::Damaged)),
            Ok(Some(row)) => match row.into_record(self.epoch) {
                Ok(record) => Ok(Found::Record(record)),
                Err(ReadError::Hole(hole)) => Ok(Found::Unreadable(hole.cause)),
                Err(error) => Err(error),
            },
            Err(error) if is_damage(&error) || self.is_bad_sector(sequence, &error) => {
                Ok(Found::Unreadable(Cause::Damaged))
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Returns whether only this position cannot be read, and others can.
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
                "the disk does not read a part of the store; its events count as damaged if others can be read"
            );
            self.reads_others.set(Some(reads_others));
        }
        self.reads_others.get() == Some(true)
    }

    /// Gives the rows of a query, in its order, while they are wanted. Stops at one that cannot be read.
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
            // Looked into by whoever finds nothing.
            _ => Ok(()),
        }
    }
}

/// A row of the table, not checked yet.
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

    /// Returns the checksum that the record has with another receive time.
    pub(super) fn check_at(&self, receive_time: Timestamp) -> u32 {
        Record::check_of(self.sequence, receive_time, &self.bytes)
    }

    /// Returns whether the row is as it was written.
    pub(super) fn is_intact(&self) -> bool {
        let stored = StoredRecord::parse(Bytes::copy_from_slice(&self.bytes));
        let check = Record::check_of(self.sequence, self.receive_time, &self.bytes);
        !matches!(stored, Err(RecordError::Damaged)) && i64::from(check) == self.checksum
    }

    /// Checks the row.
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
                // Otherwise nothing that the row says is believed.
                if i64::from(Record::check_of(sequence, receive_time, &bytes)) == checksum {
                    return Err(ReadError::record(sequence, error));
                }
            }
        }
        Err(ReadError::Hole(Hole::one(sequence, Cause::Damaged)))
    }
}

/// Returns whether SQLite found something else in the file than what it had written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    match error {
        // Also with other types in the columns, or texts that are not UTF-8.
        Error::FromSqlConversionFailure(..)
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..) => true,
        _ => matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)),
    }
}

fn unavailable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
