//! Bounds of the log after its last write, in a small file beside the store (`events.end`).
//!
//! The store alone cannot detect that its end is missing. After WAL damage, or after a backup was copied over
//! it, it looks like an intact, shorter log, and would assign the lost sequences to other events. So each
//! commit writes a mark to this file, and the next start compares it with the store.
//!
//! The file is written after the commit's sync and is not synced itself. It is therefore never ahead of an
//! intact store. After a power cut it may be behind, and a loss may then go undetected.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::{OpenError, io_error};
use crate::{
    event::{Epoch, Sequence, Timestamp},
    log::files::private_file,
};

pub(super) const FILE_NAME: &str = "events.end";
/// Temporary name of a file that replaces it.
const NEW_FILE_NAME: &str = "events.end.new";
/// First bytes of the file: its kind and its format.
const MAGIC: [u8; 8] = *b"cbgwend1";
/// Size: magic, epoch, end, time and oldest of 8 bytes each, then their CRC-32. Little-endian.
const BYTES: usize = 44;
/// Offset of the CRC-32.
const CHECK_AT: usize = 40;

/// Content of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndMark {
    /// The log's epoch.
    pub(super) epoch: Epoch,
    /// The first sequence that was not stored.
    pub(super) end: Sequence,
    /// The system clock when the log last ran and retention trusted it.
    pub(super) time: Timestamp,
    /// The oldest stored sequence.
    pub(super) oldest: Sequence,
}

/// Open `events.end`.
#[derive(Debug)]
pub(super) struct EndFile {
    path: PathBuf,
    file: File,
    /// True if a failed write was logged.
    has_failed: bool,
}

impl EndFile {
    /// Opens the file in the data directory, and creates it if it is missing. Returns no mark if the file has
    /// no valid one.
    pub(super) fn open(dir: &Path) -> Result<(Self, Option<EndMark>), OpenError> {
        let path = dir.join(FILE_NAME);
        let file = private_file(&path).map_err(io_error(&path))?;
        let mark = read(&file).map_err(io_error(&path))?;
        Ok((Self { path, file, has_failed: false }, mark))
    }

    /// Reads the file if it exists.
    pub(super) fn read(dir: &Path) -> Result<Option<EndMark>, OpenError> {
        let path = dir.join(FILE_NAME);
        match File::open(&path) {
            Ok(file) => read(&file).map_err(io_error(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path)(error)),
        }
    }

    /// Replaces the file in the data directory with a new one. Hard links to the old file keep its content.
    pub(super) fn replace(dir: &Path, mark: EndMark) -> Result<(), OpenError> {
        let (path, new) = (dir.join(FILE_NAME), dir.join(NEW_FILE_NAME));
        private_file(&new).and_then(|file| file.write_all_at(&mark.encode(), 0)).map_err(io_error(&new))?;
        fs::rename(&new, &path).map_err(io_error(&path))
    }

    /// Overwrites the mark. A failure is logged once and has no other effect: only the detection of a loss
    /// needs the mark.
    pub(super) fn write(&mut self, mark: EndMark) {
        match self.file.write_all_at(&mark.encode(), 0) {
            Ok(()) => self.has_failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    tracing::warn!(
                        path = %self.path.display(),
                        %error,
                        "cannot write the log's end to events.end; a later loss of the newest events may go undetected"
                    );
                }
            }
        }
    }
}

fn read(file: &File) -> io::Result<Option<EndMark>> {
    let mut bytes = [0; BYTES];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(EndMark::decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

impl EndMark {
    fn encode(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.end.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.time.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.oldest.0.to_le_bytes());
        let check = crc32fast::hash(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Decodes a mark. `None` if the bytes are damaged or not a mark.
    fn decode(bytes: &[u8; BYTES]) -> Option<Self> {
        let number = |at: usize| <[u8; 8]>::try_from(&bytes[at..at + 8]).map(u64::from_le_bytes).ok();
        let check = u32::from_le_bytes(bytes[CHECK_AT..].try_into().ok()?);
        let is_whole = bytes[..8] == MAGIC && crc32fast::hash(&bytes[..CHECK_AT]) == check;
        is_whole.then_some(())?;
        Some(Self {
            epoch: Epoch(number(8)?),
            end: Sequence(number(16)?),
            time: Timestamp(number(24)?.cast_signed()),
            oldest: Sequence(number(32)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_a_damaged_one_is_ignored() {
        let dir = TempDir::new().unwrap();
        let read = || EndFile::open(dir.path()).unwrap().1;
        let (mut file, mark) = EndFile::open(dir.path()).unwrap();
        assert_eq!(mark, None);
        for end in [1, 2, u64::MAX] {
            let mark =
                EndMark { epoch: Epoch(7), end: Sequence(end), time: Timestamp(-5), oldest: Sequence(3) };
            file.write(mark);
            assert_eq!(read(), Some(mark));
        }
        let whole =
            EndMark { epoch: Epoch(7), end: Sequence(9), time: Timestamp(1), oldest: Sequence(1) }.encode();
        for bit in 0..BYTES * 8 {
            let mut bytes = whole;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(EndMark::decode(&bytes), None, "bit {bit}");
        }
        std::fs::write(dir.path().join(FILE_NAME), &whole[..BYTES - 1]).unwrap();
        assert_eq!(read(), None);
    }
}
