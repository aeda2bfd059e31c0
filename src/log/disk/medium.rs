//! Unreadable parts of the disk.
//!
//! A bad sector permanently fails every read of its records. Readers have to skip it like any other damage,
//! or they would wait for it indefinitely. A disk that is gone also fails every read, but its records are not
//! lost: readers wait for the disk. A single read fails with the same error in both cases. So a failed read
//! is retried, in case the fault is transient, and then compared with reads of other parts of the store.
//!
//! Only the list of known holes, which operators see, remembers the outcome. Each later read tries the
//! position again, and returns the record once the disk reads it.

use std::{thread, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::reader::is_damage;
use crate::{event::Sequence, log::files::is_read_error};

/// Number of attempts to read a position, or to delete rows, before a disk error counts as permanent.
const ATTEMPTS: u32 = 3;
/// Pause between two attempts. It blocks the reading thread, which may be the writer (for retention) while
/// callbacks wait.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// Number of positions, evenly spread over the log, that are read for comparison. If fewer than half of them
/// can be read, the whole disk is at fault. Several, because the operating system may have cached some of
/// them before the disk failed.
const SAMPLES: u64 = 8;

/// Returns whether the error means that a part of the file is damaged or cannot be read.
pub(super) fn is_unreadable(error: &rusqlite::Error) -> bool {
    is_damage(error) || is_read_error(error)
}

/// Retries an operation after a disk read error, up to [`ATTEMPTS`] attempts in total.
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

/// Returns whether at least half of the sampled positions can be read although the record at `unreadable`
/// cannot. Opens another connection, because this one may have cached the pages.
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
        // A missing or damaged row was read successfully, too.
        !matches!(read.optional(), Err(error) if !is_damage(&error))
    };
    (0..SAMPLES).filter(is_readable).count() as u64 * 2 >= SAMPLES
}
