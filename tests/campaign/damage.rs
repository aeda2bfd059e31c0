//! Damage to a file. It is written through a separate file descriptor, so a gateway may have the file open.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

use super::random::Random;

/// SQLite's page size in `events.db`.
const PAGE: usize = 8192;

/// A file of the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFile {
    Events,
    Wal,
    Shm,
    End,
    Index,
}

impl DataFile {
    pub const ALL: [Self; 5] = [Self::Events, Self::Wal, Self::Shm, Self::End, Self::Index];

    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events.db",
            Self::Wal => "events.db-wal",
            Self::Shm => "events.db-shm",
            Self::End => "events.end",
            Self::Index => "index.db",
        }
    }
}

/// Kind of damage to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Bit,
    Noise,
    ZeroBlock,
    ZeroPage,
    ExchangePages,
    Truncate,
    Empty,
    Delete,
}

impl Manner {
    pub const ALL: [Self; 8] = [
        Self::Bit,
        Self::Noise,
        Self::ZeroBlock,
        Self::ZeroPage,
        Self::ExchangePages,
        Self::Truncate,
        Self::Empty,
        Self::Delete,
    ];
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bit => "one bit",
            Self::Noise => "64 random bytes",
            Self::ZeroBlock => "512 bytes zeroed",
            Self::ZeroPage => "page zeroed",
            Self::ExchangePages => "pages exchanged",
            Self::Truncate => "truncated",
            Self::Empty => "emptied",
            Self::Delete => "deleted",
        })
    }
}

/// Damages a file. Returns the place. `None`: the file is missing or empty.
pub fn damage(path: &Path, manner: Manner, random: &mut Random) -> io::Result<Option<String>> {
    let bytes = match fs::metadata(path) {
        Ok(metadata) => metadata.len() as usize,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if manner == Manner::Delete {
        fs::remove_file(path)?;
        return Ok(Some(format!("{bytes} bytes")));
    }
    if bytes == 0 {
        return Ok(None);
    }
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let at = position(bytes, random);
    let place = match manner {
        Manner::Bit => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at as u64)?;
            let bit = random.below(8);
            byte[0] ^= 1 << bit;
            file.write_all_at(&byte, at as u64)?;
            format!("bit {bit} of byte {at}")
        }
        Manner::Noise => {
            let count = 64.min(bytes - at);
            file.write_all_at(&random.bytes(count), at as u64)?;
            format!("from byte {at}")
        }
        Manner::ZeroBlock | Manner::ZeroPage => {
            let size = if manner == Manner::ZeroPage { PAGE } else { 512 };
            let start = at / size * size;
            file.write_all_at(&vec![0; size.min(bytes - start)], start as u64)?;
            format!("from byte {start}")
        }
        Manner::ExchangePages => {
            let size = PAGE.min(bytes / 2).max(1);
            let pages = bytes / size;
            let one = (at / size).min(pages - 1);
            let other = if pages > 1 { (one + random.within(1..pages)) % pages } else { one };
            exchange(&file, size, [one, other])?;
            format!("{one} and {other}, each of {size} bytes")
        }
        Manner::Truncate => {
            let length = random.below(bytes);
            file.set_len(length as u64)?;
            format!("from {bytes} to {length} bytes")
        }
        Manner::Empty => {
            file.set_len(0)?;
            format!("{bytes} bytes")
        }
        Manner::Delete => unreachable!("handled above"),
    };
    Ok(Some(place))
}

/// Returns a position in a file. Page headers are preferred, because most other bytes are content.
fn position(bytes: usize, random: &mut Random) -> usize {
    let at = match random.below(4) {
        0 => random.below(2 * PAGE),
        1 => random.below(bytes) / PAGE * PAGE + random.below(64),
        _ => random.below(bytes),
    };
    at % bytes
}

fn exchange(file: &fs::File, size: usize, pages: [usize; 2]) -> io::Result<()> {
    let mut contents = [vec![0; size], vec![0; size]];
    for (page, content) in pages.iter().zip(&mut contents) {
        file.read_exact_at(content, (page * size) as u64)?;
    }
    contents.reverse();
    for (page, content) in pages.iter().zip(&contents) {
        file.write_all_at(content, (page * size) as u64)?;
    }
    Ok(())
}
