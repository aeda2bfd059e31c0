//! Lists of accounts and groups in a record.

use std::collections::BTreeSet;

use bytes::{BufMut as _, BytesMut};

/// Maximum number of names in an account list or group list. A longer list is cut and flagged.
pub const MAX_NAMES: usize = 256;
/// Maximum length of a name in these lists, in bytes. A longer name is omitted and the list flagged.
pub const MAX_NAME_BYTES: usize = u8::MAX as usize;

/// Distinct names for a record's account list or group list, bounded by
/// [`MAX_NAMES`] and [`MAX_NAME_BYTES`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NameSet {
    names: BTreeSet<String>,
    cut: bool,
    unreadable: bool,
}

impl NameSet {
    /// Returns the names of an unreadable body: an empty list.
    pub fn unreadable() -> Self {
        Self { unreadable: true, ..Self::default() }
    }

    /// Records that the body has an unreadable name.
    pub fn note_unreadable(&mut self) {
        self.unreadable = true;
    }

    /// Adds a name. Beyond the limits, flags the list as cut instead.
    pub fn insert(&mut self, name: &str) {
        if name.is_empty() || self.names.contains(name) {
            return;
        }
        if self.names.len() == MAX_NAMES || name.len() > MAX_NAME_BYTES {
            self.cut = true;
        } else {
            self.names.insert(name.to_owned());
        }
    }

    /// Returns the smallest name.
    pub(crate) fn first(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// Returns the name if it is the body's only one, as far as known.
    pub(crate) fn only(&self) -> Option<&str> {
        let is_only = self.names.len() == 1 && !self.cut && !self.unreadable;
        self.first().filter(|_| is_only)
    }

    /// Returns whether the body has names beyond the bounds.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Returns whether the body has names that cannot be read.
    pub(super) fn has_unreadable(&self) -> bool {
        self.unreadable
    }

    /// Returns the length of the encoded list in bytes.
    pub(super) fn encoded_len(&self) -> usize {
        2 + self.names.iter().map(|name| 1 + name.len()).sum::<usize>()
    }

    /// Appends the encoded list.
    pub(super) fn encode(&self, out: &mut BytesMut) {
        out.put_u16_le(self.names.len() as u16);
        for name in &self.names {
            out.put_u8(name.len() as u8);
            out.put_slice(name.as_bytes());
        }
    }
}

/// The names in a record's account list or group list.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    count: usize,
    left: usize,
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    /// Returns the names of an encoded list. Other bytes may follow the list.
    pub(super) fn new(list: &'a [u8]) -> Self {
        match list.split_first_chunk::<2>() {
            Some((count, rest)) => {
                let count = usize::from(u16::from_le_bytes(*count));
                Self { count, left: count, rest }
            }
            // Not a list. `checked_rest` must not take it for an empty one.
            None => Self { count: usize::MAX, left: 0, rest: &[] },
        }
    }

    /// Returns the bytes after the list. `None` if the list is cut short or has a name that is not UTF-8.
    pub(super) fn checked_rest(mut self) -> Option<&'a [u8]> {
        let count = self.count;
        (self.by_ref().count() == count).then_some(self.rest)
    }

    /// Returns the bytes after a list that was checked before.
    pub(super) fn rest(mut self) -> &'a [u8] {
        while self.next_bytes().is_some() {}
        self.rest
    }

    /// Returns the names as bytes, for comparisons, which need no check for UTF-8.
    pub fn bytes(mut self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::from_fn(move || self.next_bytes())
    }

    fn next_bytes(&mut self) -> Option<&'a [u8]> {
        if self.left == 0 {
            return None;
        }
        let (&len, rest) = self.rest.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(len))?;
        self.left -= 1;
        self.rest = rest;
        Some(name)
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.next_bytes()?).ok()
    }
}
