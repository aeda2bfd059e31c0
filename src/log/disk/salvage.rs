//! Finds the rows of a damaged store in its bytes, without SQLite.
//!
//! SQLite finds a row through the pages above it, and all pages through the first one. This module examines
//! each page on its own. It reads the cells of each page that looks like a leaf of a table, and accepts rows
//! whose checksum is right. So a damaged page costs only its own rows, and a damaged header costs none. The
//! checksum covers the row's sequence and receive time, so a row cannot be confused with another.
//!
//! The format is described at <https://sqlite.org/fileformat2.html>: sections 1.5 (pages), 1.6 (cells and
//! overflow), 2.1 (records) and 4.1 (write-ahead log). SQLite's own recovery extension is not used, because
//! it is not part of the SQLite library.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

use super::{reader::RawRecord, store::PAGE_SIZE};
use crate::{
    event::{Sequence, Timestamp},
    log::files::wal_path,
};

/// First bytes of a file in the format.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Size of the file's header, at the start of the first page, in bytes.
const FILE_HEADER: usize = 100;
/// First byte of a page that is a leaf of a table.
const TABLE_LEAF: u8 = 0x0d;
/// Size of such a page's header, before the offsets of its cells, in bytes.
const LEAF_HEADER: usize = 8;
const WAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
/// Maximum plausible size of a row, in bytes. Larger than any record.
const MAX_ROW_BYTES: u64 = 64 * 1024 * 1024;

/// Files of a closed store.
pub(super) struct StorePages {
    file: File,
    page_size: usize,
    /// Number of pages of the main file.
    count: u32,
    wal: Option<Wal>,
}

struct Wal {
    file: File,
    /// Offset of the newest version of each page.
    newest: HashMap<u32, u64>,
    /// Number of each page version, by its offset.
    written: BTreeMap<u64, u32>,
}

/// Version of a page to read.
#[derive(Clone, Copy)]
enum Version {
    /// Version in the write-ahead log, or else in the main file.
    Newest,
    /// Version in the main file.
    Main,
}

impl StorePages {
    /// Opens the files. A missing write-ahead log has no rows.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut header = [0; FILE_HEADER];
        let has_header = file.read_exact_at(&mut header, 0).is_ok() && header.starts_with(MAGIC);
        let page_size =
            if has_header { page_size(u16::from_be_bytes([header[16], header[17]])) } else { None };
        let page_size = page_size.unwrap_or(PAGE_SIZE as usize);
        // The last page may have been cut.
        let count = file.metadata()?.len().div_ceil(page_size as u64);
        let wal = match File::open(wal_path(path)) {
            Ok(file) => Wal::read(file, page_size)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { file, page_size, count: u32::try_from(count).unwrap_or(u32::MAX), wal })
    }

    /// Calls `each` with every intact row, from the newest version of a page first. A row that is in several
    /// versions is passed several times. Unreadable pages are skipped.
    pub(super) fn rows<E>(&self, mut each: impl FnMut(RawRecord) -> Result<(), E>) -> Result<(), E> {
        let mut page = vec![0; self.page_size];
        for (&at, &number) in self.wal.iter().flat_map(|wal| wal.written.iter().rev()) {
            let read = self.wal.as_ref().is_some_and(|wal| wal.file.read_exact_at(&mut page, at).is_ok());
            if read {
                self.rows_of(number, &page, &mut each)?;
            }
        }
        for number in 1..=self.count {
            page.fill(0);
            if self.read_main(number, &mut page).is_ok() {
                self.rows_of(number, &page, &mut each)?;
            }
        }
        Ok(())
    }

    fn rows_of<E>(
        &self,
        number: u32,
        page: &[u8],
        each: &mut impl FnMut(RawRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        // In the first page, the page header follows the file header.
        let header = if number == 1 { FILE_HEADER } else { 0 };
        if page[header] != TABLE_LEAF {
            return Ok(());
        }
        let cells = usize::from(u16::from_be_bytes([page[header + 3], page[header + 4]]));
        for cell in 0..cells {
            let at = header + LEAF_HEADER + 2 * cell;
            let Some(offset) = page.get(at..at + 2) else { break };
            let offset = usize::from(u16::from_be_bytes([offset[0], offset[1]]));
            let row = [Version::Newest, Version::Main].into_iter().find_map(|version| {
                let row = page.get(offset..).and_then(|cell| self.row(cell, version))?;
                row.is_intact().then_some(row)
            });
            if let Some(row) = row {
                each(row)?;
            }
        }
        Ok(())
    }

    /// Reads a cell: the length of the row, its key, the row, and the number of the overflow page of a long
    /// row.
    fn row(&self, mut cell: &[u8], overflow: Version) -> Option<RawRecord> {
        let bytes =
            usize::try_from(varint(&mut cell)?).ok().filter(|&bytes| bytes as u64 <= MAX_ROW_BYTES)?;
        let key = varint(&mut cell)?;
        let local = local_bytes(bytes, self.page_size);
        let mut row = cell.get(..local)?.to_vec();
        if local < bytes {
            let mut next = u32::from_be_bytes(cell.get(local..local + 4)?.try_into().ok()?);
            let mut page = vec![0; self.page_size];
            while row.len() < bytes {
                self.read(next, overflow, &mut page)?;
                next = u32::from_be_bytes(page[..4].try_into().ok()?);
                let rest = (bytes - row.len()).min(self.page_size - 4);
                row.extend_from_slice(&page[4..4 + rest]);
            }
        }
        let row = parse(&row)?;
        Some(RawRecord { sequence: Sequence(key), ..row })
    }

    fn read(&self, number: u32, version: Version, page: &mut [u8]) -> Option<()> {
        if let (Some(wal), Version::Newest) = (&self.wal, version)
            && let Some(&at) = wal.newest.get(&number)
        {
            return wal.file.read_exact_at(page, at).ok();
        }
        page.fill(0);
        self.read_main(number, page).ok()
    }

    /// Reads a page of the main file. The rest of `page` stays unchanged if the file ends in it.
    fn read_main(&self, number: u32, mut page: &mut [u8]) -> io::Result<()> {
        if number == 0 || number > self.count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut at = u64::from(number - 1) * self.page_size as u64;
        while !page.is_empty() {
            match self.file.read_at(page, at) {
                Ok(0) => break,
                Ok(bytes) => {
                    at += bytes as u64;
                    page = &mut page[bytes..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Wal {
    /// Finds the committed pages that were written since the file was last emptied. Frame checksums are not
    /// compared: rows have their own, and a damaged page must not hide later ones.
    fn read(file: File, page_size: usize) -> io::Result<Option<Self>> {
        let mut header = [0; WAL_HEADER as usize];
        if file.read_exact_at(&mut header, 0).is_err() {
            return Ok(None);
        }
        let frame_bytes = FRAME_HEADER + page_size as u64;
        let count = (file.metadata()?.len() - WAL_HEADER) / frame_bytes;
        let mut frames = vec![[0; FRAME_HEADER as usize]; usize::try_from(count).unwrap_or(0)];
        for (frame, n) in frames.iter_mut().zip(0..) {
            file.read_exact_at(frame, WAL_HEADER + n * frame_bytes)?;
        }
        // Frames from before the file was last emptied have another salt. If no frame has the header's salt,
        // the header is damaged.
        let salt =
            |bytes: &[u8]| [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]];
        let current = salt(&header[16..]);
        let is_known = frames.iter().any(|frame| salt(&frame[8..]) == current);
        let current =
            if is_known { current } else { frames.first().map_or(current, |frame| salt(&frame[8..])) };

        let mut wal = Self { file, newest: HashMap::new(), written: BTreeMap::new() };
        let mut transaction = Vec::new();
        for (frame, n) in frames.iter().zip(0..).filter(|(frame, _)| salt(&frame[8..]) == current) {
            let number =
                |at: usize| u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
            transaction.push((WAL_HEADER + n * frame_bytes + FRAME_HEADER, number(0)));
            let is_commit = number(4) > 0;
            if is_commit {
                for (at, number) in transaction.drain(..) {
                    wal.newest.insert(number, at);
                    wal.written.insert(at, number);
                }
            }
        }
        Ok(Some(wal))
    }
}

/// Decodes the page size in the file's header, where 1 means 65,536. `None` if it is invalid.
fn page_size(stored: u16) -> Option<usize> {
    match stored {
        1 => Some(1 << 16),
        size if size >= 512 && size.is_power_of_two() => Some(size.into()),
        _ => None,
    }
}

/// Returns how many bytes of a row with `bytes` bytes are in its leaf page (section 1.6).
fn local_bytes(bytes: usize, page_size: usize) -> usize {
    let most = page_size - 35;
    if bytes <= most {
        return bytes;
    }
    let least = (page_size - 12) * 32 / 255 - 23;
    let local = least + (bytes - least) % (page_size - 4);
    if local <= most { local } else { least }
}

/// Reads a varint of 1 to 9 bytes.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for n in 0..8 {
        let byte = *bytes.get(n)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            *bytes = &bytes[n + 1..];
            return Some(value);
        }
    }
    value = value << 8 | u64::from(*bytes.get(8)?);
    *bytes = &bytes[9..];
    Some(value)
}

/// Parses a row of the table `record`: the types of the columns, then their values. The first column is the
/// key, which is stored in the cell instead.
fn parse(row: &[u8]) -> Option<RawRecord> {
    let mut types = row;
    let header = usize::try_from(varint(&mut types)?).ok()?;
    let begun = row.len() - types.len();
    let mut types = types.get(..header.checked_sub(begun)?)?;
    let mut values = row.get(header..)?;
    let (NULL, time, check) = (varint(&mut types)?, varint(&mut types)?, varint(&mut types)?) else {
        return None;
    };
    let blob = usize::try_from(varint(&mut types)?).ok().filter(|kind| kind >= &12 && kind % 2 == 0)?;
    let receive_time = Timestamp(integer(time, &mut values)?);
    let checksum = integer(check, &mut values)?;
    let is_whole = types.is_empty() && values.len() == (blob - 12) / 2;
    is_whole.then(|| RawRecord { sequence: Sequence(0), receive_time, checksum, bytes: values.to_vec() })
}

/// Type of a NULL column.
const NULL: u64 = 0;

/// Reads an integer of a column type (section 2.1). `None` if the type is not an integer.
fn integer(kind: u64, values: &mut &[u8]) -> Option<i64> {
    let len = match kind {
        1..=4 => kind as usize,
        5 => 6,
        6 => 8,
        8 => return Some(0),
        9 => return Some(1),
        _ => return None,
    };
    let (bytes, rest) = values.split_at_checked(len)?;
    *values = rest;
    let sign = if bytes[0] >= 0x80 { -1 } else { 0 };
    Some(bytes.iter().fold(sign, |value, &byte| value << 8 | i64::from(byte)))
}
