//! SQLite file of the log: its schema, and the writing connection.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, config::DbConfig, params,
};

use super::{
    OpenError, io_error,
    reader::{RawRecord, is_damage},
    sqlite_error,
    wal::WalFiles,
};
use crate::{
    event::{Cursor, Epoch, Record, Sequence, Timestamp},
    log::{
        Tail,
        files::{identity, private_file},
    },
};

/// The newest store format that this program reads and writes (SQLite's `user_version`).
pub const STORE_FORMAT: i64 = 1;
/// Identifies the file as a callback-gateway store (SQLite's `application_id`): "cbgw".
const APPLICATION_ID: i64 = 0x6362_6777;

pub(super) const FILE_NAME: &str = "events.db";
const LOCK_NAME: &str = "lock";

/// Time that the writer waits for another program's lock on the file, for example of an operator's `sqlite3`.
/// Well below a callback's deadline.
pub(super) const WRITER_BUSY_TIMEOUT: Duration = Duration::from_millis(250);
/// Page size of a new store, in bytes. With SQLite's default of 4096, a checkpoint moves more pages, which
/// costs each callback a microsecond or two of CPU. With 16,384, a single callback writes twice the bytes.
pub(super) const PAGE_SIZE: i64 = 8192;
/// Size of the WAL at which a commit is followed by a checkpoint.
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes that a probe writes: enough to fail on a full disk.
const PROBE_BYTES: usize = 256 * 1024;

/// Maximum number of damaged rows at the end of the table that a start skips to find an intact one.
const MAX_DAMAGED_AT_END: u64 = 4096;

/// Maximum plausible sequence. Higher ones count as damage: no log gets there.
pub(super) const MAX_SEQUENCE: u64 = 1 << 56;
/// Maximum number of pages of a file that an interrupted first start may have left without tables.
const NEW_PAGES: i64 = 2;

/// Schema of the store. An existing store is compared with it word for word, so any change needs a new
/// [`STORE_FORMAT`].
///
/// `oldest_sequence` and `next_sequence` are the bounds of the log: a sequence between them without a
/// readable row is a lost event. They are stored apart from the rows, because rows can be lost, and because
/// an emptied log continues its sequences.
///
/// Only a deletion has to update them: while there are rows, the newest row determines the next sequence. The
/// trigger updates them for deletions by any program. Deleting rows at the beginning trims the log, and
/// deleting others makes a hole. The trigger ignores a time that is more than a day ahead, because the row
/// may be damaged.
const SCHEMA: &str = "
    CREATE TABLE record (
        sequence     INTEGER PRIMARY KEY,
        receive_time INTEGER NOT NULL,  -- microseconds since the Unix epoch
        checksum     INTEGER NOT NULL,  -- CRC-32C over sequence, receive time and the record's checksum
        record       BLOB NOT NULL      -- layout: src/event/record.rs
    ) STRICT;
    CREATE TABLE meta (
        name  TEXT PRIMARY KEY,
        value ANY
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER record_deleted AFTER DELETE ON record BEGIN
        UPDATE meta SET value = value + 1 WHERE name = 'oldest_sequence' AND value = OLD.sequence;
        UPDATE meta SET value = max(value, OLD.sequence + 1) WHERE name = 'next_sequence';
        UPDATE meta SET value = max(value, OLD.receive_time)
            WHERE name = 'last_time' AND OLD.receive_time < (unixepoch() + 86400) * 1000000;
    END;
";

/// Creates the data directory (0700) and the store's file (0600) if they are missing. Locks the directory
/// until the returned file is dropped.
///
/// Call it once, before the store is opened: closing a file drops every POSIX lock that this process has on
/// it, including SQLite's.
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
    // Created before SQLite does. SQLite gives its other files the same mode.
    let path = dir.join(FILE_NAME);
    private_file(&path).and_then(|file| file.sync_all()).map_err(io_error(&path))?;
    sync_dir(dir)?;
    Ok(lock)
}

/// Sets a directory that has a store or is empty to 0700. A directory with other files may be shared on
/// purpose. The store's files in it are private in any case.
fn close_to_others(dir: &Path) -> io::Result<()> {
    if dir.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let is_ours = dir.join(FILE_NAME).exists() || dir.read_dir()?.next().is_none();
    if is_ours && fs::set_permissions(dir, Permissions::from_mode(0o700)).is_ok() {
        return Ok(());
    }
    tracing::warn!(dir = %dir.display(), "other users can access the data directory; use a directory of the gateway's own");
    Ok(())
}

pub(super) fn sync_dir(dir: &Path) -> Result<(), OpenError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error(dir))
}

/// State of a store when it was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreState {
    pub(super) epoch: Epoch,
    pub(super) epoch_start: Timestamp,
    pub(super) oldest: Sequence,
    pub(super) tail: Tail,
    /// Receive time of the newest record, the minimum for the next one.
    pub(super) last_time: Timestamp,
    /// Receive time of the newest deleted record, or 0.
    pub(super) trimmed_until: Timestamp,
}

impl StoreState {
    /// Returns whether the bounds are possible.
    fn is_plausible(&self) -> bool {
        let (oldest, end) = (self.oldest, self.tail.end);
        Sequence::FIRST <= oldest && oldest <= end && end.0 <= MAX_SEQUENCE
    }
}

/// Writing connection.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) wal: WalFiles,
    /// Device and inode of the file when it was opened.
    pub(super) identity: (u64, u64),
    state: StoreState,
}

impl Store {
    /// Opens the store. Creates one in an empty file.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(sqlite_error(path))?;
        connection.busy_timeout(WRITER_BUSY_TIMEOUT).map_err(sqlite_error(path))?;
        // If the store turns out to be damaged, keep its write-ahead log for a repair.
        keep_wal(&connection, true).map_err(sqlite_error(path))?;
        check_format(&connection, path)?;
        let state = prepare(&mut connection).map_err(sqlite_error(path))?;
        if !state.is_plausible() {
            return Err(damaged(path, "its bounds contradict each other"));
        }
        keep_wal(&connection, false).map_err(sqlite_error(path))?;
        let identity = identity(path).map_err(io_error(path))?;
        Ok(Self { connection, path: path.to_owned(), wal: WalFiles::of(path)?, identity, state })
    }

    /// Keeps the write-ahead log when the store is closed, instead of moving it into the main file.
    pub(super) fn keep_wal_at_close(&self) -> Result<(), OpenError> {
        keep_wal(&self.connection, true).map_err(sqlite_error(&self.path))
    }

    /// Returns the first sequence after the rows.
    pub(super) fn rows_end(&self) -> rusqlite::Result<Sequence> {
        Ok(rows_end(&self.connection, self.state.oldest)?.end)
    }

    /// Returns the sequence of the newest row below `sequence`, if the row is intact.
    pub(super) fn intact_below(&self, sequence: Sequence) -> rusqlite::Result<Option<Sequence>> {
        let mut select = self.connection.prepare(
            "SELECT sequence, receive_time, checksum, record FROM record WHERE sequence < ?1 \
             ORDER BY sequence DESC LIMIT 1",
        )?;
        let row = select.query_row([sequence.0.cast_signed()], RawRecord::read).optional();
        match row {
            Err(error) if is_damage(&error) => Ok(None),
            row => Ok(row?.filter(RawRecord::is_intact).map(|row| row.sequence)),
        }
    }

    /// Checks that a record can be inserted at the log's end: damage there would cause every callback to be
    /// rejected. Writes nothing.
    pub(super) fn try_insert(&mut self) -> rusqlite::Result<()> {
        let end = self.state.tail.end;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO record (sequence, receive_time, checksum, record) VALUES (?1, 0, 0, zeroblob(?2))",
            params![end.0.cast_signed(), PROBE_BYTES as i64],
        )?;
        transaction.rollback()
    }

    /// Sets the epoch and the other metadata of another store with the same records, as far as they are
    /// known.
    pub(super) fn set_identity(
        &mut self,
        epoch: Option<Epoch>,
        known: Option<StoreState>,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(epoch) = epoch {
            set_meta(&transaction, "epoch", epoch.0.cast_signed())?;
        }
        if let Some(known) = known {
            set_meta(&transaction, "epoch_start", known.epoch_start.0)?;
            set_meta(&transaction, "last_time", known.trimmed_until.0)?;
        }
        transaction.commit()
    }

    /// Sets the oldest and the next sequence.
    pub(super) fn set_bounds(&mut self, oldest: Sequence, end: Sequence) -> rusqlite::Result<StoreState> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        set_meta(&transaction, "oldest_sequence", oldest.0.cast_signed())?;
        set_meta(&transaction, "next_sequence", end.0.cast_signed())?;
        transaction.commit()?;
        self.state = read_state(&*self.connection.transaction()?)?;
        Ok(self.state)
    }

    /// Returns the device and inode of the store's file.
    pub(super) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Returns the state when the store was opened or last changed its bounds or epoch.
    pub(super) fn state(&self) -> StoreState {
        self.state
    }

    /// Begins a new epoch with the same records.
    pub(super) fn begin_epoch(&mut self) -> Result<(), OpenError> {
        self.state = begin_epoch(&mut self.connection).map_err(sqlite_error(&self.path))?;
        Ok(())
    }

    /// Stores all or none of the records, in one transaction with one sync. The caller chooses sequences and
    /// times.
    pub(super) fn commit(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO record (sequence, receive_time, checksum, record) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for record in records {
                insert.execute(params![
                    record.sequence().0.cast_signed(),
                    record.receive_time().0,
                    i64::from(record.check()),
                    &record.stored().bytes()[..]
                ])?;
            }
        }
        transaction.commit()
    }

    /// Checks that the disk accepts writes, by writing and syncing some bytes.
    pub(super) fn probe(&mut self) -> rusqlite::Result<()> {
        let mut write = |bytes: usize| -> rusqlite::Result<()> {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            set_meta(&transaction, "probe", vec![0_u8; bytes])?;
            transaction.commit()
        };
        write(PROBE_BYTES)?;
        write(0)
    }

    /// Raises the next sequence. Sequences below it that are not stored are not reused.
    pub(super) fn skip_to(&mut self, end: Sequence) -> Result<(), OpenError> {
        let skip = |connection: &mut Connection| -> rusqlite::Result<StoreState> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            set_meta(&transaction, "next_sequence", end.0.cast_signed())?;
            transaction.commit()?;
            read_state(&*connection.transaction()?)
        };
        self.state = skip(&mut self.connection).map_err(sqlite_error(&self.path))?;
        Ok(())
    }
}

fn check_format(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let application_id = pragma("application_id").map_err(sqlite_error(path))?;
    let found = pragma("user_version").map_err(sqlite_error(path))?;
    let has_own_schema = (|| Ok(schema(connection)? == own_schema()?))().map_err(sqlite_error(path))?;
    if application_id == APPLICATION_ID {
        if found > STORE_FORMAT {
            return Err(OpenError::NewerFormat { path: path.to_owned(), found });
        }
        return if has_own_schema { Ok(()) } else { Err(damaged(path, "its schema was changed")) };
    }
    if has_own_schema {
        return Err(damaged(path, "its header was changed"));
    }
    let is_new = application_id == 0
        && tables(connection).map_err(sqlite_error(path))? == 0
        && pragma("page_count").map_err(sqlite_error(path))? <= NEW_PAGES;
    if is_new { Ok(()) } else { Err(OpenError::Foreign { path: path.to_owned() }) }
}

fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

fn damaged(path: &Path, what: &str) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), what: what.to_owned() }
}

/// Returns the definitions of the store's tables and triggers, without the quotes that SQLite adds when one
/// is renamed. An additional index or view of an operator does not matter.
fn schema(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare(
        "SELECT sql FROM sqlite_schema WHERE name IN ('record', 'meta', 'record_deleted') ORDER BY name",
    )?;
    select.query_map([], |row| Ok(row.get::<_, String>(0)?.replace('"', "")))?.collect()
}

/// Returns the definitions of a new store.
fn own_schema() -> rusqlite::Result<Vec<String>> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(SCHEMA)?;
    schema(&connection)
}

fn keep_wal(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(|_| ())
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<StoreState> {
    let is_new = tables(connection)? == 0;
    if is_new {
        // Before the first write, because both are fixed then. Retention needs `auto_vacuum`. Not for an
        // existing store: setting it would write, and the disk may be full. The page size first, because
        // `auto_vacuum` fixes it.
        connection.pragma_update(None, "page_size", PAGE_SIZE)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
    // A commit returns only after the WAL is synced. On macOS, `fullfsync` makes the sync reach the platter.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    let page_size: u64 =
        connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.cast_unsigned();
    connection.pragma_update(None, "wal_autocheckpoint", (CHECKPOINT_BYTES / page_size).cast_signed())?;
    if is_new {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        set_new_epoch(&transaction)?;
        set_meta(&transaction, "oldest_sequence", Sequence::FIRST.0.cast_signed())?;
        set_meta(&transaction, "next_sequence", Sequence::FIRST.0.cast_signed())?;
        set_meta(&transaction, "last_time", 0_i64)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", STORE_FORMAT)?;
        transaction.commit()?;
    }
    // In one snapshot, so that the parts of the state agree.
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

/// Raises a sequence in `meta`. Does nothing if it is already higher.
pub(super) fn raise_meta(connection: &Connection, name: &str, value: Sequence) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("UPDATE meta SET value = max(value, ?2) WHERE name = ?1")?
        .execute(params![name, value.0.cast_signed()])
}

fn meta(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

fn read_state(connection: &Connection) -> rusqlite::Result<StoreState> {
    let epoch = Epoch(meta(connection, "epoch")?.cast_unsigned());
    let oldest = oldest(connection)?;
    let trimmed_until = Timestamp(meta(connection, "last_time")?);
    let next = Sequence(meta(connection, "next_sequence")?.cast_unsigned());
    let rows = rows_end(connection, oldest)?;
    let end = rows.end.max(next);
    let newest = rows.newest.filter(|newest| newest.sequence.next() == end);
    let cursor = match newest.and_then(|newest| newest.into_record(epoch).ok()) {
        Some(newest) => newest.cursor(),
        // The newest record was trimmed or is unreadable. Reading it reports the fault.
        None => Cursor::unchecked(epoch, end.previous()),
    };
    Ok(StoreState {
        epoch,
        epoch_start: Timestamp(meta(connection, "epoch_start")?),
        oldest,
        tail: Tail { end, cursor },
        last_time: trimmed_until.max(rows.last_time),
        trimmed_until,
    })
}

/// End of the table.
struct RowsEnd {
    /// The first sequence after the rows.
    end: Sequence,
    /// Receive time of the newest intact row, or 0.
    last_time: Timestamp,
    /// The newest intact row.
    newest: Option<RawRecord>,
}

/// Finds the end of the table. The sequence of a damaged row is not trusted: it may be any number. But the
/// row may occupy the sequence that it was written with, so one sequence is reserved for each damaged row.
fn rows_end(connection: &Connection, oldest: Sequence) -> rusqlite::Result<RowsEnd> {
    let mut select = connection.prepare(
        "SELECT sequence, receive_time, checksum, record FROM record ORDER BY sequence DESC LIMIT ?1",
    )?;
    let mut rows = select.query([MAX_DAMAGED_AT_END.cast_signed()])?;
    let mut damaged = 0;
    while let Some(row) = rows.next()? {
        let row = match RawRecord::read(row) {
            Err(error) if is_damage(&error) => {
                damaged += 1;
                continue;
            }
            row => row?,
        };
        if row.is_intact() {
            let end = Sequence(row.sequence.next().0 + damaged);
            return Ok(RowsEnd { end, last_time: row.receive_time, newest: Some(row) });
        }
        damaged += 1;
    }
    Ok(RowsEnd { end: Sequence(oldest.0 + damaged), last_time: Timestamp(0), newest: None })
}

/// Events that were deleted from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trimmed {
    /// The oldest stored sequence.
    pub(super) oldest: Sequence,
    /// Receive time of the newest deleted record, or 0.
    pub(super) until: Timestamp,
}

impl Trimmed {
    /// No events were deleted.
    pub(super) const NOTHING: Self = Self { oldest: Sequence::FIRST, until: Timestamp(0) };
}

/// Reads which events were deleted. `None` if the values are missing or implausible because of damage.
pub(super) fn trimmed(connection: &Connection) -> rusqlite::Result<Option<Trimmed>> {
    let read = || Ok((oldest(connection)?, Timestamp(meta(connection, "last_time")?)));
    match read() {
        Ok((oldest, until)) => {
            let is_plausible = (Sequence::FIRST.0..=MAX_SEQUENCE).contains(&oldest.0) && until.0 >= 0;
            Ok(is_plausible.then_some(Trimmed { oldest, until }))
        }
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the oldest stored sequence. The log's end if the log is empty.
pub(super) fn oldest(connection: &Connection) -> rusqlite::Result<Sequence> {
    Ok(Sequence(meta(connection, "oldest_sequence")?.cast_unsigned()))
}
