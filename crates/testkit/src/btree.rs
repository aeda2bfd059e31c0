//! Pages of a store file, for tests that damage them.

use std::collections::BTreeSet;

/// Page size of the store, in bytes.
pub const PAGE: usize = 8192;

/// Returns the row IDs in a page if it is a leaf of a table
/// (<https://sqlite.org/fileformat2.html#b_tree_pages>).
pub fn rows(page: &[u8]) -> BTreeSet<u64> {
    let number = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
    let varint = |at: usize| {
        let len = (0..9).find(|n| page[at + n] < 0x80).unwrap() + 1;
        (page[at..at + len].iter().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)), at + len)
    };
    const LEAF: u8 = 0x0d;
    let count = if page[0] == LEAF { number(3) } else { 0 };
    (0..count).map(|n| varint(varint(number(8 + 2 * n)).1).0).collect()
}
