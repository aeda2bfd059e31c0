//! SQLite file of the index. Its content can always be rebuilt from the log.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, Transaction, params};

use super::{LastRecord, Segment, Term};
use crate::{
    event::{Epoch, Sequence},
    log::files::{identity, is_read_error, private_file, wal_path},
};

pub(super) const FILE_NAME: &str = "index.db";
/// Format of the file (SQLite's `user_version`). A file with another format is rebuilt.
const FORMAT: i64 = 1;
/// Identifies the file as a callback-gateway index (SQLite's `application_id`): "cbgi".
const APPLICATION_ID: i64 = 0x6362_6769;
/// Time that a change waits for another program's lock on the file.
const WRITER_BUSY_TIMEOUT: Duration = Duration::from_millis(250);
/// Time that a search waits for such a lock before it reads the log instead.
const LOOKUP_BUSY_TIMEOUT: Duration = Duration::from_millis(50);
/// Number of rows between two pauses of a long transaction.
const REST_ROWS: usize = 256;

/// Schema of the file. A segment's entries are contiguous and in order: they are written at the end of the
/// table and deleted at its beginning. With a plain integer key, SQLite fills its pages when rows are
/// inserted in order.
///
/// Rows from SQLite are not trusted. Each row has a checksum, and each entry names its predecessor in the
/// segment. So the next entry proves that a term has no entry, and a lost row or a misplaced page is
/// detected. The last entry of each segment is that of [`LAST_TERM`], with or without positions.
const SCHEMA: &str = "
    CREATE TABLE log (
        epoch INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE segment (
        number         INTEGER PRIMARY KEY,
        first_sequence INTEGER NOT NULL,
        end_sequence   INTEGER NOT NULL,  -- exclusive
        last_sequence  INTEGER,           -- of the newest readable record at that time
        last_check     INTEGER,           -- check of that record
        checksum       INTEGER NOT NULL   -- CRC-32C over the other columns
    ) STRICT;
    CREATE TABLE entry (
        id        INTEGER PRIMARY KEY,  -- the segment's number << 32 | the term
        previous  INTEGER NOT NULL,     -- id of the preceding entry in the segment; -1 if there is none
        checksum  INTEGER NOT NULL,     -- CRC-32C over the other columns
        positions BLOB NOT NULL         -- from the segment's first sequence: ascending, two bytes each, little-endian
    ) STRICT;
";

/// Term of the last entry of each segment.
const LAST_TERM: Term = Term::MAX;
/// `previous` of a segment's first entry.
const NO_ENTRY: i64 = -1;

/// Fault of the file, with the reason.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file may be usable later.
    Transient(String),
    /// The file must be rebuilt.
    Unusable(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use ErrorCode::*;
        // A bad sector is permanent. A new file gets other sectors.
        if is_read_error(&error) {
            return Self::Unusable(error.to_string());
        }
        match error.sqlite_error_code() {
            Some(
                DatabaseBusy
                | DatabaseLocked
                | FileLockingProtocolFailed
                | OperationInterrupted
                | OutOfMemory
                | SystemIoFailure
                | DiskFull
                | ReadOnly
                | CannotOpen
                | PermissionDenied,
            ) => Self::Transient(error.to_string()),
            _ => Self::Unusable(error.to_string()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Transient(error.to_string())
    }
}

/// Writing connection.
#[derive(Debug)]
pub(super) struct IndexFile {
    connection: Connection,
    path: PathBuf,
    /// Device and inode of the file when it was opened.
    identity: (u64, u64),
}

impl IndexFile {
    /// Opens the file, and creates it if it is missing. Returns its segments and the newest readable record.
    ///
    /// Call it only while no other connection is open: closing a file drops every POSIX lock that this
    /// process has on it, including SQLite's.
    pub(super) fn open(path: &Path, epoch: Epoch) -> Result<(Self, Vec<Segment>, Option<LastRecord>), Fault> {
        private_file(path)?;
        let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_BUSY_TIMEOUT)?;
        let pragma =
            |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let (application_id, format) = (pragma("application_id")?, pragma("user_version")?);
        let is_new = tables == 0 && application_id == 0;
        if !is_new && application_id != APPLICATION_ID {
            // Never delete a file of another program.
            return Err(Fault::Transient(format!(
                "{} is not an index of callback-gateway; move it away",
                path.display()
            )));
        }
        if !is_new && format != FORMAT {
            return Err(Fault::Unusable(format!("it has format {format}, not {FORMAT}")));
        }
        connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
        // A power cut may lose the last segments, which are then rebuilt.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        if is_new {
            let transaction = connection.transaction()?;
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO log (epoch) VALUES (?1)", [epoch.0.cast_signed()])?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()?;
        }
        let found: i64 = connection.query_row("SELECT epoch FROM log", [], |row| row.get(0))?;
        if found != epoch.0.cast_signed() {
            return Err(Fault::Unusable("it belongs to another log".to_owned()));
        }
        let (segments, last_record) = read_segments(&connection)?;
        let identity = identity(path)?;
        Ok((Self { connection, path: path.to_owned(), identity }, segments, last_record))
    }

    /// Returns whether the file is still in its place.
    pub(super) fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    /// Adds a segment in one transaction. `entries` are in order. Calls `rest` every [`REST_ROWS`] rows.
    pub(super) fn add(
        &mut self,
        segment: &Segment,
        last_record: Option<LastRecord>,
        entries: impl Iterator<Item = (Term, u16)>,
        mut rest: impl FnMut(),
    ) -> Result<(), Fault> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO entry (id, previous, checksum, positions) VALUES (?1, ?2, ?3, ?4)",
            )?;
            let mut entries = entries.peekable();
            let mut positions = Vec::new();
            let mut rows = 0;
            let mut previous = NO_ENTRY;
            let mut is_last = false;
            while !is_last {
                let term = entries.peek().map_or(LAST_TERM, |(term, _)| *term);
                positions.clear();
                while let Some((_, position)) = entries.next_if(|(next, _)| *next == term) {
                    positions.extend(position.to_le_bytes());
                }
                let id = entry_id(segment.number, term);
                insert.execute(params![id, previous, entry_checksum(id, previous, &positions), positions])?;
                previous = id;
                is_last = term == LAST_TERM;
                rows += 1;
                if rows % REST_ROWS == 0 {
                    rest();
                }
            }
        }
        let row = SegmentRow::new(segment, last_record);
        transaction.execute(
            "INSERT INTO segment (number, first_sequence, end_sequence, last_sequence, last_check, checksum) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                row.number,
                row.first_sequence,
                row.end_sequence,
                row.last_sequence,
                row.last_check,
                row.checksum(),
            ],
        )?;
        Ok(transaction.commit()?)
    }

    /// Deletes a segment in one transaction.
    pub(super) fn remove(&mut self, number: u32) -> Result<(), Fault> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "DELETE FROM entry WHERE id BETWEEN ?1 AND ?2",
            [entry_id(number, Term::MIN), entry_id(number, Term::MAX)],
        )?;
        transaction.execute("DELETE FROM segment WHERE number = ?1", [number])?;
        Ok(transaction.commit()?)
    }

    /// Limits the size of the file, to simulate a full disk.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: i64) {
        self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    }

    /// Returns the WAL's size in bytes.
    pub(super) fn wal_bytes(&self) -> u64 {
        fs::metadata(wal_path(&self.path)).map_or(0, |wal| wal.len())
    }

    /// Moves the WAL into the main file and empties it, unless another program prevents it.
    pub(super) fn reset_wal(&self) -> Result<(), Fault> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

fn open(path: &Path, flags: OpenFlags, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy_timeout)?;
    Ok(connection)
}

/// Row of the table `segment`.
#[derive(Debug, Clone, Copy)]
struct SegmentRow {
    number: u32,
    first_sequence: i64,
    end_sequence: i64,
    last_sequence: Option<i64>,
    last_check: Option<u32>,
}

impl SegmentRow {
    fn new(segment: &Segment, last_record: Option<LastRecord>) -> Self {
        Self {
            number: segment.number,
            first_sequence: segment.first.0.cast_signed(),
            end_sequence: segment.end.0.cast_signed(),
            last_sequence: last_record.map(|last_record| last_record.sequence.0.cast_signed()),
            last_check: last_record.map(|last_record| last_record.check),
        }
    }

    fn checksum(&self) -> u32 {
        // No sequence is negative.
        let numbers = [
            i64::from(self.number),
            self.first_sequence,
            self.end_sequence,
            self.last_sequence.unwrap_or(-1),
            self.last_check.map_or(-1, i64::from),
        ];
        crc32c::crc32c(&numbers.map(i64::to_le_bytes).concat())
    }
}

fn entry_checksum(id: i64, previous: i64, positions: &[u8]) -> u32 {
    let ids = crc32c::crc32c(&[id.to_le_bytes(), previous.to_le_bytes()].concat());
    crc32c::crc32c_append(ids, positions)
}

fn damaged() -> Fault {
    Fault::Unusable("it is damaged".to_owned())
}

fn entry_id(segment: u32, term: Term) -> i64 {
    i64::from(segment) << 32 | i64::from(term)
}

fn read_segments(connection: &Connection) -> Result<(Vec<Segment>, Option<LastRecord>), Fault> {
    let mut select = connection.prepare(
        "SELECT number, first_sequence, end_sequence, last_sequence, last_check, checksum FROM segment \
         ORDER BY number",
    )?;
    let sequence = |number: i64| Sequence(number.cast_unsigned());
    let mut rows = select.query([])?;
    let mut segments: Vec<Segment> = Vec::new();
    let mut last_record = None;
    while let Some(row) = rows.next()? {
        let checksum: u32 = row.get(5)?;
        let row = SegmentRow {
            number: row.get(0)?,
            first_sequence: row.get(1)?,
            end_sequence: row.get(2)?,
            last_sequence: row.get(3)?,
            last_check: row.get(4)?,
        };
        if row.checksum() != checksum {
            return Err(damaged());
        }
        let segment = Segment {
            number: row.number,
            first: sequence(row.first_sequence),
            end: sequence(row.end_sequence),
        };
        // Segments are in order. Gaps between them were trimmed before the indexer reached them.
        let is_next =
            segments.last().is_none_or(|last| last.end <= segment.first && last.number + 1 == segment.number);
        if !is_next || segment.first >= segment.end {
            return Err(Fault::Unusable("its segments contradict each other".to_owned()));
        }
        segments.push(segment);
        let last = row.last_sequence.zip(row.last_check);
        last_record = last.map(|(last, check)| LastRecord { sequence: sequence(last), check });
    }
    Ok((segments, last_record))
}

/// Connection for searches.
#[derive(Debug)]
pub(super) struct Lookup {
    connection: Connection,
}

impl Lookup {
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, LOOKUP_BUSY_TIMEOUT)?;
        // Attach the connection to the WAL's index now: this needs some free space on the disk.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(Self { connection })
    }

    /// Returns the segments of the file, if it belongs to this log.
    pub(super) fn segments(&self, epoch: Epoch) -> Result<Vec<Segment>, Fault> {
        let found: i64 = self.connection.query_row("SELECT epoch FROM log", [], |row| row.get(0))?;
        if found != epoch.0.cast_signed() {
            return Err(Fault::Unusable("it belongs to another log".to_owned()));
        }
        read_segments(&self.connection).map(|(segments, _)| segments)
    }

    /// Begins a snapshot. Lookups while it lives agree with each other, and are faster.
    pub(super) fn snapshot(&self) -> Result<Transaction<'_>, Fault> {
        Ok(self.connection.unchecked_transaction()?)
    }

    /// Calls `give` with each term's positions in a segment, in ascending order.
    pub(super) fn each(
        &self,
        segment: u32,
        terms: &[Term],
        mut give: impl FnMut(&mut dyn DoubleEndedIterator<Item = u16>),
    ) -> Result<(), Fault> {
        let mut select = self.connection.prepare_cached(
            "SELECT id, previous, checksum, positions FROM entry WHERE id >= ?1 ORDER BY id LIMIT 1",
        )?;
        for &term in terms {
            let wanted = entry_id(segment, term);
            let look = |row: &Row<'_>| {
                let (id, previous, checksum): (i64, i64, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let positions = row.get_ref(3)?.as_blob()?;
                if id < wanted || checksum != entry_checksum(id, previous, positions) {
                    return Ok(false);
                }
                if id == wanted {
                    give(&mut positions.as_chunks().0.iter().map(|&position| u16::from_le_bytes(position)));
                    return Ok(true);
                }
                // The next entry of the segment proves that the term has none if its predecessor is below the
                // term.
                Ok(id <= entry_id(segment, LAST_TERM) && previous < wanted)
            };
            // There is always an entry at or after the term: the segment's last one.
            if !select.query_row([wanted], look).optional()?.unwrap_or(false) {
                return Err(damaged());
            }
        }
        Ok(())
    }
}

/// Returns the size of the files in bytes.
pub(super) fn bytes(path: &Path) -> u64 {
    [path, &wal_path(path)].into_iter().map(|path| fs::metadata(path).map_or(0, |file| file.len())).sum()
}
