//! The SQLite file: its schema, one writing connection, and reading ones.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension as _, Row, Rows, Transaction, TransactionBehavior, params,
};

use super::{OpenError, io_error, sqlite_error};
use crate::{
    event::{Cursor, Epoch, Record, Sequence, StoredRecord, Timestamp},
    log::{
        Order, Page, ReadError, Tail,
        files::{identity, private_file, wal_path},
        ring::PageBuilder,
    },
};

/// The newest store format that this program reads and writes (SQLite's `user_version`).
pub const STORE_FORMAT: i64 = 1;
/// Marks the file as ours (SQLite's `application_id`): "cbgw".
const APPLICATION_ID: i64 = 0x6362_6777;

pub(super) const FILE_NAME: &str = "events.db";
const LOCK_NAME: &str = "lock";

/// How long the writer waits for a foreign lock on the file, as by an operator's
/// `sqlite3`. Well below a callback's deadline.
pub(super) const WRITER_BUSY_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a reader waits for one.
const READER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Of a new store, in bytes. With SQLite's own 4096 a checkpoint moves more pages, which costs
/// a callback a microsecond or two of CPU; with 16,384 a single callback writes twice the bytes.
const PAGE_SIZE: i64 = 8192;
/// A WAL of this size is moved into the main file after a commit.
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
/// Written by a probe: enough that a disk with no room refuses it.
const PROBE_BYTES: usize = 256 * 1024;

/// `next_sequence` stands apart from the rows, so that an emptied log goes on
/// counting. Only a deletion has to touch it: while a row is there, the newest
/// row says as much. The trigger sees to it whoever deletes.
const SCHEMA: &str = "
    CREATE TABLE record (
        sequence     INTEGER PRIMARY KEY,
        receive_time INTEGER NOT NULL,  -- microseconds since the Unix epoch
        record       BLOB NOT NULL      -- layout: src/event.rs
    ) STRICT;
    CREATE TABLE meta (
        name  TEXT PRIMARY KEY,
        value ANY
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER record_deleted AFTER DELETE ON record BEGIN
        UPDATE meta SET value = max(value, OLD.sequence + 1) WHERE name = 'next_sequence';
        UPDATE meta SET value = max(value, OLD.receive_time) WHERE name = 'last_time';
    END;
";

/// Makes the data directory (0700) and the store's file (0600) if needed, and
/// locks the directory until the returned file is dropped.
///
/// To be called before the store is opened, and not again: closing a file drops
/// every POSIX lock that this process has on it, SQLite's among them.
pub(super) fn prepare_dir(dir: &Path) -> Result<File, OpenError> {
    if !dir.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error(dir))?;
        if let Some(parent) = dir.canonicalize().map_err(io_error(dir))?.parent() {
            sync_dir(parent)?;
        }
    }
    close_to_others(dir).map_err(io_error(dir))?;
    let path = dir.join(LOCK_NAME);
    let lock = private_file(&path).map_err(io_error(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => return Err(OpenError::Io { path, source }),
    }
    // Made before SQLite does, which gives its other files the same mode.
    let path = dir.join(FILE_NAME);
    private_file(&path).and_then(|file| file.sync_all()).map_err(io_error(&path))?;
    sync_dir(dir)?;
    Ok(lock)
}

/// Sets a directory to 0700 that is ours or empty. One with other things in it
/// may be meant for others too; our files in it are closed to them anyway.
fn close_to_others(dir: &Path) -> io::Result<()> {
    if dir.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let is_ours = dir.join(FILE_NAME).exists() || dir.read_dir()?.next().is_none();
    if is_ours && fs::set_permissions(dir, Permissions::from_mode(0o700)).is_ok() {
        return Ok(());
    }
    tracing::warn!(dir = %dir.display(), "the data directory is open to other users; give the gateway one of its own");
    Ok(())
}

fn sync_dir(dir: &Path) -> Result<(), OpenError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error(dir))
}

/// What an opened store says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreState {
    pub(super) epoch: Epoch,
    pub(super) epoch_start: Timestamp,
    pub(super) oldest: Sequence,
    pub(super) tail: Tail,
    /// Receive time of the newest record, for clamping the next one's.
    pub(super) last_time: Timestamp,
    /// Receive time of the newest record that was deleted, or 0.
    pub(super) trimmed_until: Timestamp,
}

/// The writing connection.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    path: PathBuf,
    wal_path: PathBuf,
    /// Device and inode of the file when it was opened.
    identity: (u64, u64),
    state: StoreState,
}

impl Store {
    /// Opens the store; an empty file becomes one.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(sqlite_error(path))?;
        connection.busy_timeout(WRITER_BUSY_TIMEOUT).map_err(sqlite_error(path))?;
        check_format(&connection, path)?;
        let wal_path = wal_path(path);
        let state = prepare(&mut connection).map_err(sqlite_error(path))?;
        let identity = identity(path).map_err(io_error(path))?;
        Ok(Self { connection, path: path.to_owned(), wal_path, identity, state })
    }

    /// Device and inode of its file.
    pub(super) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// What the store said when it was opened.
    pub(super) fn state(&self) -> StoreState {
        self.state
    }

    /// Begins another life of the log over the same records.
    pub(super) fn begin_epoch(&mut self) -> Result<(), OpenError> {
        self.state = begin_epoch(&mut self.connection).map_err(sqlite_error(&self.path))?;
        Ok(())
    }

    /// Stores records as one transaction with one sync: all or none. Their
    /// sequences and times are the caller's.
    pub(super) fn commit(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO record (sequence, receive_time, record) VALUES (?1, ?2, ?3)")?;
            for record in records {
                insert.execute(params![
                    record.sequence().0.cast_signed(),
                    record.receive_time().0,
                    &record.stored().bytes()[..]
                ])?;
            }
        }
        transaction.commit()
    }

    /// Writes and syncs something to see whether the disk takes it.
    pub(super) fn probe(&mut self) -> rusqlite::Result<()> {
        let mut write = |bytes: usize| -> rusqlite::Result<()> {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            set_meta(&transaction, "probe", vec![0_u8; bytes])?;
            transaction.commit()
        };
        write(PROBE_BYTES)?;
        write(0)
    }

    /// Whether the file is still where it was opened. One that was deleted or
    /// exchanged takes writes as before, but nobody will ever find them.
    pub(super) fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    /// The WAL's size in bytes.
    pub(super) fn wal_bytes(&self) -> u64 {
        fs::metadata(&self.wal_path).map_or(0, |wal| wal.len())
    }

    /// Moves the WAL into the main file, syncs that, and empties the WAL. False,
    /// without waiting, if another program's reading is in the way.
    pub(super) fn reset_wal(&self) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(WRITER_BUSY_TIMEOUT)?;
        busy.map(|busy| busy == 0)
    }
}

fn check_format(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let application_id = pragma("application_id").map_err(sqlite_error(path))?;
    let found = pragma("user_version").map_err(sqlite_error(path))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sqlite_error(path))?;
    if application_id == APPLICATION_ID {
        if found > STORE_FORMAT {
            return Err(OpenError::NewerFormat { path: path.to_owned(), found });
        }
    } else if tables > 0 || application_id != 0 {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    Ok(())
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<StoreState> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        // Before anything is written: it cannot be changed cheaply afterwards, and retention
        // needs it. Not for an existing store, where it would write, and a disk may be full.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    }
    connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
    // A commit returns only after the WAL is synced; on macOS with a sync that reaches the platter.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    let page_size: u64 =
        connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.cast_unsigned();
    connection.pragma_update(None, "wal_autocheckpoint", (CHECKPOINT_BYTES / page_size).cast_signed())?;
    if tables == 0 {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        set_new_epoch(&transaction)?;
        set_meta(&transaction, "next_sequence", Sequence::FIRST.0.cast_signed())?;
        set_meta(&transaction, "last_time", 0_i64)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", STORE_FORMAT)?;
        transaction.commit()?;
    }
    // One snapshot, so that its parts agree.
    read_state(&*connection.transaction()?)
}

fn begin_epoch(connection: &mut Connection) -> rusqlite::Result<StoreState> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    set_new_epoch(&transaction)?;
    transaction.commit()?;
    read_state(&*connection.transaction()?)
}

fn set_new_epoch(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let epoch = Epoch::random().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    set_meta(transaction, "epoch", epoch.0.cast_signed())?;
    set_meta(transaction, "epoch_start", Timestamp::now().0)?;
    Ok(())
}

fn set_meta(
    transaction: &Transaction<'_>,
    name: &str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<usize> {
    transaction.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", params![name, value])
}

fn meta(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

fn read_state(connection: &Connection) -> rusqlite::Result<StoreState> {
    let epoch = Epoch(meta(connection, "epoch")?.cast_unsigned());
    let trimmed_until = Timestamp(meta(connection, "last_time")?);
    let mut last_time = trimmed_until;
    let mut cursor = Cursor::unchecked(epoch, next_sequence(connection)?.previous());
    let newest = connection
        .query_row(
            "SELECT sequence, receive_time, record FROM record ORDER BY sequence DESC LIMIT 1",
            [],
            raw_record,
        )
        .optional()?;
    if let Some(newest) = newest {
        last_time = last_time.max(newest.receive_time);
        // A damaged newest record has no check; reading it says what is wrong with it.
        if newest.sequence == cursor.sequence
            && let Ok(record) = newest.into_record(epoch)
        {
            cursor = record.cursor();
        }
    }
    Ok(StoreState {
        epoch,
        epoch_start: Timestamp(meta(connection, "epoch_start")?),
        oldest: oldest(connection)?,
        tail: Tail { end: cursor.sequence.next(), cursor },
        last_time,
        trimmed_until,
    })
}

fn next_sequence(connection: &Connection) -> rusqlite::Result<Sequence> {
    let newest: Option<i64> =
        connection.query_row("SELECT max(sequence) FROM record", [], |row| row.get(0))?;
    let stored = meta(connection, "next_sequence")?;
    Ok(Sequence(newest.map_or(stored, |newest| stored.max(newest + 1)).cast_unsigned()))
}

pub(super) fn oldest(connection: &Connection) -> rusqlite::Result<Sequence> {
    let oldest: Option<i64> =
        connection.prepare_cached("SELECT min(sequence) FROM record")?.query_row([], |row| row.get(0))?;
    match oldest {
        Some(oldest) => Ok(Sequence(oldest.cast_unsigned())),
        None => next_sequence(connection),
    }
}

struct RawRecord {
    sequence: Sequence,
    receive_time: Timestamp,
    bytes: Vec<u8>,
}

fn raw_record(row: &Row<'_>) -> rusqlite::Result<RawRecord> {
    Ok(RawRecord {
        sequence: Sequence(row.get::<_, i64>(0)?.cast_unsigned()),
        receive_time: Timestamp(row.get(1)?),
        bytes: row.get(2)?,
    })
}

impl RawRecord {
    fn into_record(self, epoch: Epoch) -> Result<Record, ReadError> {
        let stored = StoredRecord::parse(self.bytes.into())
            .map_err(|error| ReadError::Record { sequence: self.sequence, error })?;
        Ok(Record::new(epoch, self.sequence, self.receive_time, stored))
    }
}

/// A read-only connection.
#[derive(Debug)]
pub(super) struct Reader {
    connection: Connection,
    epoch: Epoch,
}

impl Reader {
    pub(super) fn open(path: &Path, epoch: Epoch) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
        connection.busy_timeout(READER_BUSY_TIMEOUT).map_err(unavailable)?;
        // Attaches it to the WAL's index, which needs a little room on the disk.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(unavailable)?;
        Ok(Self { connection, epoch })
    }

    /// A page from `from` upwards, below `end`.
    pub(super) fn read(
        &mut self,
        from: Sequence,
        end: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        let mut page = PageBuilder::new(from, max_records);
        // One snapshot, so that what is trimmed and what is read agree.
        let snapshot = self.connection.transaction().map_err(unavailable)?;
        let oldest = oldest(&snapshot).map_err(unavailable)?;
        if from < oldest {
            return Err(ReadError::Trimmed { oldest });
        }
        let mut select = snapshot
            .prepare_cached(
                "SELECT sequence, receive_time, record FROM record \
                 WHERE sequence >= ?1 AND sequence < ?2 ORDER BY sequence",
            )
            .map_err(unavailable)?;
        let mut rows = select.query([from.0.cast_signed(), end.0.cast_signed()]).map_err(unavailable)?;
        let is_full = fill(&mut page, &mut rows, self.epoch)?;
        Ok(page.upwards((!is_full).then_some(end)))
    }

    /// A page below `before`, newest first.
    pub(super) fn read_back(&mut self, before: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let mut page = PageBuilder::new(before, max_records);
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT sequence, receive_time, record FROM record \
                 WHERE sequence < ?1 ORDER BY sequence DESC",
            )
            .map_err(unavailable)?;
        let mut rows = select.query([before.0.cast_signed()]).map_err(unavailable)?;
        fill(&mut page, &mut rows, self.epoch)?;
        Ok(page.downwards())
    }
}

impl Reader {
    /// The first record received at `time` or later, or `end`. Times never
    /// decrease, so it is found by halving, without an index over them.
    pub(super) fn seek(&mut self, time: Timestamp, end: Sequence) -> Result<Sequence, ReadError> {
        let snapshot = self.connection.transaction().map_err(unavailable)?;
        let mut select = snapshot
            .prepare_cached(
                "SELECT sequence, receive_time FROM record WHERE sequence >= ?1 ORDER BY sequence LIMIT 1",
            )
            .map_err(unavailable)?;
        // Records below `low` are too early, those from `high` on are not; `first` is the first of these.
        let mut low = oldest(&snapshot).map_err(unavailable)?;
        // All that there was may have been deleted since the tail was looked at.
        let end = end.max(low);
        let (mut high, mut first) = (end, end);
        while low < high {
            let middle = Sequence(low.0.midpoint(high.0));
            let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            match select.query_row([middle.0.cast_signed()], row).optional().map_err(unavailable)? {
                Some((found, at)) if at < time.0 => low = Sequence(found.cast_unsigned()).next(),
                found => {
                    high = middle;
                    first = found.map_or(first, |(found, _)| end.min(Sequence(found.cast_unsigned())));
                }
            }
        }
        Ok(first)
    }

    /// The records at these positions, in this order, past those that are not there. With
    /// all of them, the page goes on at `next`. Upwards it says what was trimmed.
    pub(super) fn pick(
        &mut self,
        position: Sequence,
        order: Order,
        sequences: &[Sequence],
        next: Sequence,
    ) -> Result<Page, ReadError> {
        let mut page = PageBuilder::new(position, sequences.len());
        let snapshot = self.connection.transaction().map_err(unavailable)?;
        if order == Order::OldestFirst {
            let oldest = oldest(&snapshot).map_err(unavailable)?;
            if position < oldest {
                return Err(ReadError::Trimmed { oldest });
            }
        }
        let mut select = snapshot
            .prepare_cached("SELECT sequence, receive_time, record FROM record WHERE sequence = ?1")
            .map_err(unavailable)?;
        for sequence in sequences {
            let mut rows = select.query([sequence.0.cast_signed()]).map_err(unavailable)?;
            if fill(&mut page, &mut rows, self.epoch)? {
                return Ok(match order {
                    Order::OldestFirst => page.upwards(None),
                    Order::NewestFirst => page.downwards(),
                });
            }
        }
        Ok(Page { next, ..page.downwards() })
    }

    /// Bytes of the store's files.
    pub(super) fn file_bytes(&self) -> Result<u64, ReadError> {
        let path = Path::new(self.connection.path().unwrap_or_default());
        let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        Ok(bytes(path) + bytes(&wal_path(path)))
    }
}

/// Fills a page; whether it was full before the rows ran out.
fn fill(page: &mut PageBuilder, rows: &mut Rows<'_>, epoch: Epoch) -> Result<bool, ReadError> {
    while let Some(row) = rows.next().map_err(unavailable)? {
        match raw_record(row).map_err(unavailable)?.into_record(epoch) {
            Ok(record) => {
                if !page.push(record) {
                    return Ok(true);
                }
            }
            Err(error) if page.is_empty() => return Err(error),
            // What stands before a damaged record is still given.
            Err(_) => return Ok(true),
        }
    }
    Ok(false)
}

fn unavailable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
