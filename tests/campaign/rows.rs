//! Damage to rows of the store by another program that uses SQLite.

use std::{fmt, path::Path, time::Duration};

use rusqlite::{Connection, params};

use super::random::Random;

/// How long a statement waits for a gateway's lock.
const BUSY: Duration = Duration::from_secs(10);
/// Names in the table `meta`.
const META: [&str; 5] = ["epoch", "epoch_start", "oldest_sequence", "next_sequence", "last_time"];

/// Kind of damage to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    DeleteOne,
    DeleteRange,
    DeleteFirst,
    DeleteLast,
    DeleteAll,
    ChangeBit,
    ChangeNumber,
    Copy,
    Move,
    ChangeMeta,
    DeleteMeta,
}

impl Rows {
    pub const ALL: [Self; 11] = [
        Self::DeleteOne,
        Self::DeleteRange,
        Self::DeleteFirst,
        Self::DeleteLast,
        Self::DeleteAll,
        Self::ChangeBit,
        Self::ChangeNumber,
        Self::Copy,
        Self::Move,
        Self::ChangeMeta,
        Self::DeleteMeta,
    ];

    /// Damages a store. Returns the statement.
    pub fn damage(self, store: &Path, random: &mut Random) -> rusqlite::Result<String> {
        let sqlite = Connection::open(store)?;
        sqlite.busy_timeout(BUSY)?;
        let bounds = "SELECT ifnull(min(sequence), 1), ifnull(max(sequence), 1) FROM record";
        let (first, last): (i64, i64) = sqlite.query_row(bounds, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut sequence = || first + random.below((last - first + 1) as usize) as i64;
        let (one, other) = (sequence(), sequence());
        let done = match self {
            Self::DeleteOne => format!("DELETE FROM record WHERE sequence = {one}"),
            Self::DeleteRange => {
                let (low, high) = (one.min(other), one.max(other));
                format!("DELETE FROM record WHERE sequence BETWEEN {low} AND {high}")
            }
            Self::DeleteFirst => format!("DELETE FROM record WHERE sequence < {one}"),
            Self::DeleteLast => format!("DELETE FROM record WHERE sequence >= {one}"),
            Self::DeleteAll => "DELETE FROM record".to_owned(),
            Self::ChangeBit => return change_bit(&sqlite, one, random),
            Self::ChangeNumber => {
                let column = random.pick(&["receive_time", "checksum"]);
                let change = number(random);
                format!("UPDATE record SET {column} = {column} + {change} WHERE sequence = {one}")
            }
            Self::Copy => {
                let from = format!("SELECT record FROM record WHERE sequence = {other}");
                format!("UPDATE record SET record = ({from}) WHERE sequence = {one}")
            }
            Self::Move => format!("UPDATE OR REPLACE record SET sequence = {other} WHERE sequence = {one}"),
            Self::ChangeMeta => {
                let value = match random.below(3) {
                    0 => random.below(2 * last as usize) as i64,
                    1 => last + number(random),
                    _ => number(random),
                };
                format!("UPDATE meta SET value = {value} WHERE name = '{}'", random.pick(&META))
            }
            Self::DeleteMeta => format!("DELETE FROM meta WHERE name = '{}'", random.pick(&META)),
        };
        sqlite.execute_batch(&done)?;
        Ok(done)
    }
}

fn change_bit(sqlite: &Connection, sequence: i64, random: &mut Random) -> rusqlite::Result<String> {
    let read = "SELECT record FROM record WHERE sequence = ?1";
    let mut record: Vec<u8> = sqlite.query_row(read, [sequence], |row| row.get(0))?;
    let (at, bit) = (random.below(record.len()), random.below(8));
    record[at] ^= 1 << bit;
    sqlite.execute("UPDATE record SET record = ?2 WHERE sequence = ?1", params![sequence, record])?;
    Ok(format!("bit {bit} of byte {at} of record {sequence}"))
}

/// Returns a number of any magnitude and sign.
fn number(random: &mut Random) -> i64 {
    let number = 1_i64 << random.below(62);
    let number = number + random.below(number as usize) as i64;
    if random.below(2) == 0 { number } else { -number }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeleteOne => "one row deleted",
            Self::DeleteRange => "rows deleted",
            Self::DeleteFirst => "first rows deleted",
            Self::DeleteLast => "last rows deleted",
            Self::DeleteAll => "all rows deleted",
            Self::ChangeBit => "one bit of a record",
            Self::ChangeNumber => "a number of a row",
            Self::Copy => "a record copied",
            Self::Move => "a row moved",
            Self::ChangeMeta => "meta changed",
            Self::DeleteMeta => "meta deleted",
        })
    }
}
