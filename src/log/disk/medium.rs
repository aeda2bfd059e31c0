//! Parts of the disk that cannot be read.
//!
//! A bad sector fails every read of the records on it, and will go on to do so. Readers have to pass it like any other
//! damage, or they wait at it forever. A disk that is gone fails every read, but its records are not lost: readers wait
//! for it. The error of the single read is the same. So a read that fails is repeated, in case the fault passes, and then
//! compared with reads of other parts of the store.
//!
//! Nothing remembers the outcome but the list of known holes, which operators see. Each read of the position tries it
//! again, and gives the record once the disk does.

use std::{thread, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::reader::is_damage;
use crate::{event::Sequence, log::files::is_read_error};

/// How often a position is read, or rows are deleted, before an error of the disk counts as permanent.
const ATTEMPTS: u32 = 3;
/// Pause between two attempts, on the thread that reads. The writer reads too, for retention, and callbacks wait for it.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// Positions, spread evenly over the log, that are read for comparison. Several, because the operating system may still
/// have some of them in its cache when the disk is gone. If fewer than half of them can be read, the disk is at fault.
const SAMPLES: u64 = 8;

/// Returns whether a part of the file is damaged, or cannot be read.
pub(super) fn is_unreadable(error: &rusqlite::Error) -> bool {
    is_damage(error) || is_read_error(error)
}

/// Repeats an attempt that the disk fails, up to [`ATTEMPTS`] in all.
pub(super) fn retried<T>(
    pause: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error) if is_read_error(&error) => thread::sleep(pause),
            outcome => return outcome,
        }
    }
    attempt()
}

/// Returns whether most of the store can be read, though the record at `unreadable` cannot. Opens another connection:
/// this one may have the pages in its cache.
pub(super) fn is_readable_elsewhere(connection: &Connection, oldest: Sequence, unreadable: Sequence) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let path = connection.path().unwrap_or_default();
    let Ok(other) = Connection::open_with_flags(path, flags) else { return false };
    let newest = other.query_row("SELECT max(sequence) FROM record", [], |row| row.get::<_, Option<i64>>(0));
    let newest = newest.ok().flatten().map_or(unreadable.0, i64::cast_unsigned);
    let step = newest.saturating_sub(oldest.0) / (SAMPLES - 1);
    let is_readable = |sample: &u64| {
        let sequence = oldest.0 + step * sample;
        let read = other.query_row(
            "SELECT receive_time FROM record WHERE sequence = ?1",
            [sequence.cast_signed()],
            |_| Ok(()),
        );
        // A position without a row was read, too, as was one with other content.
        !matches!(read.optional(), Err(error) if !is_damage(&error))
    };
    (0..SAMPLES).filter(is_readable).count() as u64 * 2 >= SAMPLES
}
