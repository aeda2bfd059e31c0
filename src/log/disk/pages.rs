//! Cache of recently read pages.
//!
//! Subscribers often read the same range, for example after a restart. Each page is then read from the disk
//! once, and its messages are encoded once. Ten readers get twice as many events per second as without the
//! cache.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use crate::{
    event::Sequence,
    log::{PAGE_RECORDS, Page, records::MessageBudget},
};

/// Maximum memory of the records in the cache, in bytes. Beyond it the pages that were read first are
/// evicted. One page always stays.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Cache of recently read pages.
#[derive(Debug)]
pub(super) struct PageCache {
    /// Pages with their start, in the order in which they were read.
    recent: Mutex<VecDeque<(Sequence, Page)>>,
    /// Memory budget of cached messages. Beyond it, messages are encoded for each reader.
    budget: Arc<MessageBudget>,
}

impl PageCache {
    pub(super) fn new() -> Self {
        Self { recent: Mutex::default(), budget: Arc::new(MessageBudget::new(MAX_BYTES)) }
    }

    /// Returns the latest end of a page that begins at `from`. Ends are aligned, so that readers that started
    /// at different positions share their next pages.
    pub(super) fn end(from: Sequence) -> Sequence {
        Sequence((from.0 / PAGE_RECORDS as u64 + 1).saturating_mul(PAGE_RECORDS as u64))
    }

    /// Returns the page that begins at `from`, if it is cached.
    pub(super) fn get(&self, from: Sequence) -> Option<Page> {
        let recent = self.recent.lock();
        recent.iter().find(|(start, _)| *start == from).map(|(_, page)| page.clone())
    }

    /// Caches a page, and returns the page to use. If another reader has cached the same page meanwhile, that
    /// one.
    pub(super) fn insert(&self, from: Sequence, mut page: Page) -> Page {
        page.records.cache_messages(&self.budget);
        let mut recent = self.recent.lock();
        if let Some((_, theirs)) = recent.iter().find(|(start, _)| *start == from) {
            return theirs.clone();
        }
        recent.push_back((from, page.clone()));
        let mut bytes: usize = recent.iter().map(|(_, page)| page.records.memory()).sum();
        while bytes > MAX_BYTES && recent.len() > 1 {
            bytes -= recent.pop_front().map_or(0, |(_, page)| page.records.memory());
        }
        page
    }

    /// Removes pages that begin below `oldest`.
    pub(super) fn trim(&self, oldest: Sequence) {
        self.recent.lock().retain(|(start, _)| *start >= oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Epoch, Record, RecordParts, Timestamp},
        log::Records,
    };

    fn page(from: u64, bytes: usize) -> Page {
        let stored = RecordParts::fixture(&vec![b'x'; bytes]).encode();
        let record = Record::new(Epoch(1), Sequence(from), Timestamp(1), stored);
        Page { records: Records::from(vec![record]), next: Sequence(from + 1) }
    }

    #[test]
    fn pages_that_were_read_first_are_evicted_first() {
        let pages = PageCache::new();
        for from in 1..=10 {
            pages.insert(Sequence(from), page(from, MAX_BYTES / 4));
        }
        let kept: Vec<u64> = (1..=10).filter(|from| pages.get(Sequence(*from)).is_some()).collect();
        assert_eq!(kept, [8, 9, 10]);
        pages.trim(Sequence(10));
        assert!(pages.get(Sequence(9)).is_none() && pages.get(Sequence(10)).is_some());
        pages.insert(Sequence(11), page(11, 2 * MAX_BYTES));
        assert!(pages.get(Sequence(11)).is_some(), "one page is kept, however large");
    }

    #[test]
    fn two_readers_of_a_page_share_it() {
        let pages = PageCache::new();
        let first = pages.insert(Sequence(1), page(1, 10));
        let second = pages.insert(Sequence(1), page(1, 10));
        assert!(std::ptr::eq(&first.records[0], &second.records[0]));
    }

    #[test]
    fn page_ends_are_aligned_for_any_start() {
        let ends = [1, 255, 256, 300, 511, 512].map(|from| PageCache::end(Sequence(from)).0);
        assert_eq!(ends, [256, 256, 512, 512, 512, 768]);
    }
}
