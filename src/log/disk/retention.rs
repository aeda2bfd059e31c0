//! Retention: selects old events and deletes them in slices between two batches.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Row, TransactionBehavior};

use super::{
    clock::Clock,
    medium::{self, is_unreadable},
    reader::Snapshot,
    store::{Store, raise_meta},
};
use crate::{
    event::{Sequence, Timestamp},
    log::{Holes, ReadError},
};

/// Number of records that fills a slice, unless more bytes were added since the last check.
const SLICE_RECORDS: usize = 1000;
/// Bytes of records that fill a slice, unless more were added since the last check. Freeing the pages of
/// large records takes long.
const SLICE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of records that fill a slice in any case, because callbacks wait while it is deleted. More than a
/// batch and the bytes added before the next check.
const MAX_SLICE_BYTES: u64 = 16 * 1024 * 1024;
/// Interval of checks for events to delete.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of new records that bring the next check forward, so that a burst does not far exceed the limit.
const CHECK_BYTES: u64 = 1024 * 1024;
/// Pause after a failure, so that a damaged old record does not cause new callbacks to be rejected all the
/// time.
const RETRY: Duration = Duration::from_secs(30);
/// Maximum bytes to delete below the limit in bytes. Each slice costs a sync, so slices should not be tiny.
const SLACK_BYTES: u64 = 1024 * 1024;
/// Maximum number of holes that one check skips. Each takes up to 50 ms, while callbacks wait.
const HOLES_AT_ONCE: usize = 4;
/// Free bytes in the file above which space is released to the file system, if they are also more than a
/// quarter of the file. Less free space is reused soon.
const FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Pages that one step releases.
const VACUUM_PAGES: u64 = 512;

/// Limits on the stored events. Events beyond any limit are deleted, oldest first. `None` means no limit. The
/// limits are checked every second, or after 1 MiB of new records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Maximum age of an event. May empty the log, which continues its sequences.
    pub age: Option<Duration>,
    /// Maximum bytes in use in the file of events. Its free pages, the write-ahead log and the index are not
    /// included.
    pub bytes: Option<u64>,
    /// Maximum number of events.
    pub count: Option<u64>,
}

/// Selects events to delete, and schedules the checks.
#[derive(Debug)]
pub(super) struct Trimmer {
    retention: Retention,
    clock: Clock,
    next_check: Instant,
    /// Bytes of records stored since the last check.
    added: u64,
    /// End of the unreadable events at the beginning of the log. They are deleted with the next readable
    /// record. Remembered, so that a long hole is probed only once.
    unreadable_end: Sequence,
    /// True if new records may bring the next check forward. False after a failure.
    may_check_early: bool,
}

/// Current bounds of the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogBounds<'a> {
    /// The oldest record.
    pub(super) oldest: Sequence,
    /// End of the log.
    pub(super) tail: Sequence,
    /// Receive time of the newest record.
    pub(super) newest_time: Timestamp,
    /// Collects unreadable events.
    pub(super) holes: &'a Holes,
}

/// Metadata of a record that retention needs.
#[derive(Debug, Clone, Copy)]
struct OldRecord {
    sequence: Sequence,
    time: Timestamp,
    bytes: u64,
}

/// Oldest records, to be deleted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    /// The first record that is bounds.
    pub(super) end: Sequence,
    /// Receive time of the last record to be deleted.
    pub(super) time: Timestamp,
    /// Bytes of the records to be deleted.
    pub(super) bytes: u64,
    /// True if there may be more to delete.
    pub(super) is_full: bool,
}

impl Trimmer {
    /// Creates a trimmer. `last` is the last time that an earlier run of the gateway trusted.
    pub(super) fn new(retention: Retention, last: Option<Timestamp>) -> Self {
        let now = Instant::now();
        let clock = Clock::new(Timestamp::now(), now, last, retention.age);
        Self {
            retention,
            clock,
            next_check: now,
            added: 0,
            unreadable_end: Sequence::FIRST,
            may_check_early: true,
        }
    }

    /// Checks the system clock. Returns whether deletion by age is suspended.
    pub(super) fn check_clock(&mut self) -> bool {
        if self.retention.age.is_some() {
            self.clock.trusted(Timestamp::now(), Instant::now());
        }
        self.clock.is_held()
    }

    /// Returns the last time that retention trusted.
    pub(super) fn last_trusted(&self) -> Timestamp {
        if self.retention.age.is_some() { self.clock.last_trusted() } else { Timestamp::now() }
    }

    /// Returns the maximum time that the writer may wait for records before the next check. `None` without
    /// any limit on events.
    pub(super) fn pause(&self) -> Option<Duration> {
        (self.retention != Retention::default())
            .then(|| self.next_check.saturating_duration_since(Instant::now()))
    }

    /// Records that new records were stored.
    pub(super) fn note_added(&mut self, bytes: u64) {
        self.added += bytes;
    }

    /// Begins a check if one is due. Returns the bytes stored since the last check.
    pub(super) fn begin_check(&mut self) -> Option<u64> {
        let is_early = self.may_check_early && self.added >= CHECK_BYTES;
        let is_due = self.pause().is_some_and(|pause| pause.is_zero() || is_early);
        is_due.then(|| std::mem::take(&mut self.added))
    }

    /// Ends a check, and schedules the next one.
    pub(super) fn end_check(&mut self, next: NextCheck) {
        let pause = match next {
            NextCheck::AtOnce => Duration::ZERO,
            NextCheck::Later => INTERVAL,
            NextCheck::AfterFailure => RETRY,
        };
        self.next_check = Instant::now() + pause;
        self.may_check_early = next != NextCheck::AfterFailure;
    }

    /// Returns the next slice to delete. If enough events exceed the limits, it has at least `added` bytes,
    /// so that the store stays at its limit. Unreadable events are deleted with the next readable record.
    pub(super) fn slice(
        &mut self,
        store: &Store,
        bounds: LogBounds<'_>,
        added: u64,
    ) -> Result<Option<Slice>, ReadError> {
        let Retention { age, bytes, count } = self.retention;
        let too_old = age.and_then(|age| {
            let now = self.clock.trusted(Timestamp::now(), Instant::now())?;
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            Some(Timestamp(now.0.saturating_sub(age)))
        });
        let too_many = count.map(|count| Sequence(bounds.tail.0.saturating_sub(count)));
        let mut excess = 0;
        if let Some(bytes) = bytes {
            let used = store.space().map_err(unreadable)?.used_bytes();
            if used > bytes {
                excess = used - bytes + SLACK_BYTES.min(bytes / 8);
            }
        }

        let mut slice = Slice { end: Sequence::FIRST, time: Timestamp(0), bytes: 0, is_full: false };
        let mut records = 0;
        let from = bounds.oldest.max(self.unreadable_end);
        self.unreadable_end = store.oldest_records(bounds, from, |OldRecord { sequence, time, bytes }| {
            if slice.is_full {
                return false;
            }
            let goes = too_old.is_some_and(|limit| time < limit)
                || too_many.is_some_and(|limit| sequence < limit)
                || slice.bytes < excess;
            if goes {
                slice.end = sequence.next();
                slice.time = time.min(bounds.newest_time);
                slice.bytes += bytes;
                records += 1;
                slice.is_full = slice.bytes >= added.min(MAX_SLICE_BYTES)
                    && (records >= SLICE_RECORDS || slice.bytes >= SLICE_BYTES);
            }
            goes && !slice.is_full
        })?;
        Ok((records > 0).then_some(slice))
    }
}

/// Time of the next check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextCheck {
    /// At once: there may be more to delete.
    AtOnce,
    /// At the next interval: there is nothing to delete now.
    Later,
    /// After a longer pause: the check failed.
    AfterFailure,
}

/// Page counts of the store's file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    page_bytes: u64,
    pages: u64,
    free_pages: u64,
}

impl Space {
    fn used_bytes(self) -> u64 {
        (self.pages - self.free_pages) * self.page_bytes
    }

    fn is_too_free(self) -> bool {
        self.free_pages * self.page_bytes > FREE_BYTES && self.free_pages > self.pages / 4
    }
}

impl Store {
    /// Returns the file's page counts, as of the last commit.
    fn space(&self) -> rusqlite::Result<Space> {
        let pragma = |name: &str| -> rusqlite::Result<u64> {
            let sql = format!("PRAGMA {name}");
            let value = self.connection.prepare_cached(&sql)?.query_row([], |row| row.get::<_, i64>(0))?;
            Ok(value.unsigned_abs())
        };
        let (page_bytes, pages) = (pragma("page_size")?, pragma("page_count")?);
        Ok(Space { page_bytes, pages, free_pages: pragma("freelist_count")?.min(pages) })
    }

    /// Passes records from `from` on to `is_wanted`, until it returns false. Skips up to [`HOLES_AT_ONCE`]
    /// holes, and reports them. Returns the end of the hole at the beginning, or `from` if there is none.
    fn oldest_records(
        &self,
        bounds: LogBounds<'_>,
        mut from: Sequence,
        mut is_wanted: impl FnMut(OldRecord) -> bool,
    ) -> Result<Sequence, ReadError> {
        let snapshot = Snapshot::of(&self.connection, self.state().epoch, bounds.oldest);
        let mut unreadable_end = from;
        let mut holes = 0;
        while from < bounds.tail && holes < HOLES_AT_ONCE {
            let next = self.scan(from, bounds.tail, &mut is_wanted)?;
            if next >= bounds.tail {
                break;
            }
            // The row at `next` was not wanted, is unreadable, or is missing.
            match snapshot.first_from(next, next.next())? {
                Some(record) => {
                    let bytes = record.stored().bytes().len() as u64;
                    if !is_wanted(OldRecord { sequence: next, time: record.receive_time(), bytes }) {
                        break;
                    }
                    from = next.next();
                }
                None => {
                    let hole = snapshot.hole_from(next, bounds.tail)?;
                    from = hole.last.next();
                    holes += 1;
                    if next == unreadable_end {
                        unreadable_end = from;
                    }
                    let behind = snapshot.first_from(from, bounds.tail)?;
                    bounds.holes.note(hole, behind.map(|record| record.receive_time()));
                }
            }
        }
        Ok(unreadable_end)
    }

    /// Passes contiguous rows from `from` on, without their records, to `is_wanted`, until it returns false.
    /// Returns the sequence of the first row that was not accepted.
    fn scan(
        &self,
        from: Sequence,
        tail: Sequence,
        is_wanted: &mut impl FnMut(OldRecord) -> bool,
    ) -> Result<Sequence, ReadError> {
        let mut next = from;
        let mut scan = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached(
                "SELECT sequence, receive_time, length(record) FROM record \
                 WHERE sequence >= ?1 AND sequence < ?2 ORDER BY sequence",
            )?;
            let mut rows = select.query([from.0.cast_signed(), tail.0.cast_signed()])?;
            while let Some(row) = rows.next()? {
                let row = old_record(row)?;
                if row.sequence != next || !is_wanted(row) {
                    break;
                }
                next = next.next();
            }
            Ok(())
        };
        match scan() {
            Err(error) if !is_unreadable(&error) => Err(unreadable(error)),
            _ => Ok(next),
        }
    }

    /// Deletes the records from `oldest` to below `end`, with one sync. Rows that cannot be deleted because
    /// of a damaged page stay in the file, where nothing reads them. Returns their number.
    pub(super) fn delete_below(&mut self, oldest: Sequence, end: Sequence) -> rusqlite::Result<u64> {
        self.without_waiting(|connection| {
            match medium::retried(medium::PAUSE, || delete(connection, oldest, end)) {
                Err(error) if is_unreadable(&error) => {
                    // First move the bound, so that a crash in between does not leave holes.
                    trim(connection, end)?;
                    delete_in_parts(connection, oldest, end)
                }
                deleted => deleted.map(|()| 0),
            }
        })
    }

    /// Releases some free space to the file system if there is too much of it. Returns whether it did.
    pub(super) fn release_space(&mut self) -> rusqlite::Result<bool> {
        if !self.space()?.is_too_free() {
            return Ok(false);
        }
        self.without_waiting(|connection| {
            let mut vacuum =
                connection.prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
            let mut rows = vacuum.query([])?;
            // Each row releases one page.
            while rows.next()?.is_some() {}
            // The file shrinks once a checkpoint has moved all pages. If a reader prevents this one, a later
            // one does it.
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(true))
        })
    }

    /// Runs a write that fails at once, with `SQLITE_BUSY`, while another program holds the write lock. The
    /// caller can retry later.
    fn without_waiting<T>(
        &mut self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let written = write(&mut self.connection);
        self.connection.busy_timeout(super::store::WRITER_BUSY_TIMEOUT)?;
        written
    }
}

fn old_record(row: &Row<'_>) -> rusqlite::Result<OldRecord> {
    Ok(OldRecord {
        sequence: Sequence(row.get::<_, i64>(0)?.cast_unsigned()),
        time: Timestamp(row.get(1)?),
        bytes: row.get::<_, i64>(2)?.unsigned_abs(),
    })
}

/// Deletes rows from `start` to below `end`, and moves the log's beginning to `end`, in one transaction.
fn delete(connection: &mut Connection, start: Sequence, end: Sequence) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached("DELETE FROM record WHERE sequence >= ?1 AND sequence < ?2")?
        .execute([start.0.cast_signed(), end.0.cast_signed()])?;
    trim(&transaction, end)?;
    transaction.commit()
}

/// Moves the log's beginning to `end`, unless it is already beyond it.
fn trim(connection: &Connection, end: Sequence) -> rusqlite::Result<()> {
    raise_meta(connection, "oldest_sequence", end)?;
    raise_meta(connection, "next_sequence", end)?;
    Ok(())
}

/// Deletes the rows that can be deleted, halving the range after each failure. Each part is a transaction of
/// its own: SQLite aborts one in which it finds a damaged page. Returns the number of rows that are left.
fn delete_in_parts(connection: &mut Connection, start: Sequence, end: Sequence) -> rusqlite::Result<u64> {
    match delete(connection, start, end) {
        Err(error) if is_unreadable(&error) && end.0 - start.0 > 1 => {
            let middle = Sequence(start.0.midpoint(end.0));
            Ok(delete_in_parts(connection, start, middle)? + delete_in_parts(connection, middle, end)?)
        }
        Err(error) if is_unreadable(&error) => Ok(1),
        deleted => deleted.map(|()| 0),
    }
}

fn unreadable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
