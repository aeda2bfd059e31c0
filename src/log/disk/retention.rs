//! Retention: what is deleted and when, in slices that fit between two batches.

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

/// Records after which a slice takes no more, unless more was added meanwhile.
const SLICE_RECORDS: usize = 1000;
/// Bytes of records after which a slice takes no more, unless more was added
/// meanwhile: freeing a large record's pages takes long, too.
const SLICE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes after which a slice takes no more, whatever was added: callbacks wait
/// while it is deleted. A batch and what comes before the next look is less.
const MAX_SLICE_BYTES: u64 = 16 * 1024 * 1024;
/// How often to look whether something is to be deleted.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of new records after which to look sooner, so that a burst does not get
/// far beyond the bound.
const LOOK_BYTES: u64 = 1024 * 1024;
/// Pause after a failure. If what fails is an old record that is damaged, new
/// callbacks are not refused all the time.
const RETRY: Duration = Duration::from_secs(30);
/// How far below the bound in bytes to delete, at most: each slice costs a sync.
const SLACK_BYTES: u64 = 1024 * 1024;
/// Holes that one look passes: each takes up to 50 ms, while callbacks wait.
const HOLES_AT_ONCE: usize = 4;
/// Free space is given back to the file system while the file has more of it than
/// this, and it is more than a quarter of the file. Less is reused soon.
const FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Pages that one step gives back.
const VACUUM_PAGES: u64 = 512;

/// What the store keeps. What is beyond any bound is deleted, the oldest first;
/// `None` is no bound. Bounds are looked at every second, or after a mebibyte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// How old an event may get. It may empty the log, which goes on counting.
    pub age: Option<Duration>,
    /// Bytes in use in the file of events. Its free pages, the write-ahead log and
    /// the index come on top.
    pub bytes: Option<u64>,
    /// How many events stay.
    pub count: Option<u64>,
}

/// Finds what to delete, and when to look.
#[derive(Debug)]
pub(super) struct Trimmer {
    retention: Retention,
    clock: Clock,
    next_look: Instant,
    /// Bytes of records that were stored since the last look.
    added: u64,
    /// What is below it is trimmed, or cannot be read and goes with the next readable record. So a long hole at the
    /// beginning is looked at once.
    unreadable_end: Sequence,
    /// Whether so many of them may bring the next look forward: not after a failure.
    may_look_early: bool,
}

/// What the store keeps now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    /// The oldest record.
    pub(super) oldest: Sequence,
    /// The log's end.
    pub(super) tail: Sequence,
    /// Receive time of the newest record.
    pub(super) newest_time: Timestamp,
    /// Notes what cannot be read.
    pub(super) holes: &'a Holes,
}

/// What retention needs to know of a record.
#[derive(Debug, Clone, Copy)]
struct OldRecord {
    sequence: Sequence,
    time: Timestamp,
    bytes: u64,
}

/// The oldest records that are to be deleted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    /// The first record that stays.
    pub(super) end: Sequence,
    /// Receive time of the last record that goes.
    pub(super) time: Timestamp,
    /// Bytes of the records below it.
    pub(super) bytes: u64,
    /// There may be more to delete.
    pub(super) is_full: bool,
}

impl Trimmer {
    /// `last` is the last time that an earlier run of the gateway trusted.
    pub(super) fn new(retention: Retention, last: Option<Timestamp>) -> Self {
        let now = Instant::now();
        let clock = Clock::new(Timestamp::now(), now, last, retention.age);
        Self {
            retention,
            clock,
            next_look: now,
            added: 0,
            unreadable_end: Sequence::FIRST,
            may_look_early: true,
        }
    }

    /// Looks at the system clock. Returns whether deletion by age is suspended.
    pub(super) fn look_at_clock(&mut self) -> bool {
        if self.retention.age.is_some() {
            self.clock.trusted(Timestamp::now(), Instant::now());
        }
        self.clock.is_held()
    }

    /// The last time that retention trusted.
    pub(super) fn last_trusted(&self) -> Timestamp {
        if self.retention.age.is_some() { self.clock.last_trusted() } else { Timestamp::now() }
    }

    /// How long the writer may wait for records before the next look; `None` for ever.
    pub(super) fn pause(&self) -> Option<Duration> {
        (self.retention != Retention::default())
            .then(|| self.next_look.saturating_duration_since(Instant::now()))
    }

    /// Notes that records were stored.
    pub(super) fn note_added(&mut self, bytes: u64) {
        self.added += bytes;
    }

    /// Whether to look now; gives the bytes that were stored since the last look.
    pub(super) fn begin_look(&mut self) -> Option<u64> {
        let is_early = self.may_look_early && self.added >= LOOK_BYTES;
        let is_due = self.pause().is_some_and(|pause| pause.is_zero() || is_early);
        is_due.then(|| std::mem::take(&mut self.added))
    }

    /// Says when to look again.
    pub(super) fn end_look(&mut self, next: NextLook) {
        let pause = match next {
            NextLook::AtOnce => Duration::ZERO,
            NextLook::Later => INTERVAL,
            NextLook::AfterFailure => RETRY,
        };
        self.next_look = Instant::now() + pause;
        self.may_look_early = next != NextLook::AfterFailure;
    }

    /// What to delete first: if there is so much, no less than was `added` since the
    /// last look, so that the store stays at its bound. What cannot be read goes with the next readable record.
    pub(super) fn slice(
        &mut self,
        store: &Store,
        kept: Kept<'_>,
        added: u64,
    ) -> Result<Option<Slice>, ReadError> {
        let Retention { age, bytes, count } = self.retention;
        let too_old = age.and_then(|age| {
            let now = self.clock.trusted(Timestamp::now(), Instant::now())?;
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            Some(Timestamp(now.0.saturating_sub(age)))
        });
        let too_many = count.map(|count| Sequence(kept.tail.0.saturating_sub(count)));
        let mut excess = 0;
        if let Some(bytes) = bytes {
            let used = store.space().map_err(unreadable)?.used_bytes();
            if used > bytes {
                excess = used - bytes + SLACK_BYTES.min(bytes / 8);
            }
        }

        let mut slice = Slice { end: Sequence::FIRST, time: Timestamp(0), bytes: 0, is_full: false };
        let mut records = 0;
        let from = kept.oldest.max(self.unreadable_end);
        self.unreadable_end = store.oldest_records(kept, from, |OldRecord { sequence, time, bytes }| {
            if slice.is_full {
                return false;
            }
            let goes = too_old.is_some_and(|limit| time < limit)
                || too_many.is_some_and(|limit| sequence < limit)
                || slice.bytes < excess;
            if goes {
                slice.end = sequence.next();
                slice.time = time.min(kept.newest_time);
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

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextLook {
    /// There is more to do.
    AtOnce,
    /// There is nothing to do now.
    Later,
    /// It did not work.
    AfterFailure,
}

/// The pages of the store's file.
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
    /// The file's pages, as of the last commit.
    fn space(&self) -> rusqlite::Result<Space> {
        let pragma = |name: &str| -> rusqlite::Result<u64> {
            let sql = format!("PRAGMA {name}");
            let value = self.connection.prepare_cached(&sql)?.query_row([], |row| row.get::<_, i64>(0))?;
            Ok(value.unsigned_abs())
        };
        let (page_bytes, pages) = (pragma("page_size")?, pragma("page_count")?);
        Ok(Space { page_bytes, pages, free_pages: pragma("freelist_count")?.min(pages) })
    }

    /// Gives records from `from` on, as long as they are wanted. Passes over what cannot be read, up to
    /// [`HOLES_AT_ONCE`] times, and notes it. Returns the first sequence behind what cannot be read at the beginning.
    fn oldest_records(
        &self,
        kept: Kept<'_>,
        mut from: Sequence,
        mut is_wanted: impl FnMut(OldRecord) -> bool,
    ) -> Result<Sequence, ReadError> {
        let snapshot = Snapshot::of(&self.connection, self.state().epoch, kept.oldest);
        let mut unreadable_end = from;
        let mut holes = 0;
        while from < kept.tail && holes < HOLES_AT_ONCE {
            let next = self.scan(from, kept.tail, &mut is_wanted)?;
            if next >= kept.tail {
                break;
            }
            // The row at `next` was not wanted, could not be read, or is missing.
            match snapshot.first_from(next, next.next())? {
                Some(record) => {
                    let bytes = record.stored().bytes().len() as u64;
                    if !is_wanted(OldRecord { sequence: next, time: record.receive_time(), bytes }) {
                        break;
                    }
                    from = next.next();
                }
                None => {
                    let hole = snapshot.hole_from(next, kept.tail)?;
                    from = hole.last.next();
                    holes += 1;
                    if next == unreadable_end {
                        unreadable_end = from;
                    }
                    let behind = snapshot.first_from(from, kept.tail)?;
                    kept.holes.note(hole, behind.map(|record| record.receive_time()));
                }
            }
        }
        Ok(unreadable_end)
    }

    /// Gives rows from `from` on, without their records, as long as they are wanted and follow one another. Returns
    /// the sequence of the first that was not taken.
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

    /// Deletes the records from `oldest` to below `end`, with one sync. Rows that a damaged page keeps from being
    /// deleted stay in the file, where nothing reads them. Returns their number.
    pub(super) fn delete_below(&mut self, oldest: Sequence, end: Sequence) -> rusqlite::Result<u64> {
        self.without_waiting(|connection| {
            match medium::retried(medium::PAUSE, || delete(connection, oldest, end)) {
                Err(error) if is_unreadable(&error) => {
                    // First, so that a crash in between does not leave holes.
                    trim(connection, end)?;
                    delete_in_parts(connection, oldest, end)
                }
                deleted => deleted.map(|()| 0),
            }
        })
    }

    /// Gives a little free space back to the file system if there is too much of it; whether it did.
    pub(super) fn give_back(&mut self) -> rusqlite::Result<bool> {
        if !self.space()?.is_too_free() {
            return Ok(false);
        }
        self.without_waiting(|connection| {
            let mut vacuum =
                connection.prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
            let mut rows = vacuum.query([])?;
            // Every step gives back one page.
            while rows.next()?.is_some() {}
            // The file is cut once a checkpoint has moved everything; if a reader is in the
            // way, by a later one.
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(true))
        })
    }

    /// Fails at once, with `SQLITE_BUSY`, while another program holds the write lock: this can wait.
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

/// Deletes rows from `start` to below `end` and moves the log's beginning there, all or nothing.
fn delete(connection: &mut Connection, start: Sequence, end: Sequence) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached("DELETE FROM record WHERE sequence >= ?1 AND sequence < ?2")?
        .execute([start.0.cast_signed(), end.0.cast_signed()])?;
    trim(&transaction, end)?;
    transaction.commit()
}

/// Moves the log's beginning to `end`, unless it is further already.
fn trim(connection: &Connection, end: Sequence) -> rusqlite::Result<()> {
    raise_meta(connection, "oldest_sequence", end)?;
    raise_meta(connection, "next_sequence", end)?;
    Ok(())
}

/// Deletes what can be deleted, in halves. Each is a transaction of its own: SQLite does not go on with one in which it
/// has met a damaged page. Returns the number of rows that were left.
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
