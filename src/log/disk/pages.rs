//! Pages that were read from the disk of late. Readers often go the same way, as all
//! subscribers do after a restart: each page is read once for them, and its messages
//! are made once. Ten readers get twice as many events a second as without.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use crate::{
    event::Sequence,
    log::{PAGE_RECORDS, Page, records::MessageBudget},
};

/// Most memory of the records of pages that are kept, but one page is: those that were read first go.
const MAX_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Pages {
    /// With where they begin.
    recent: Mutex<VecDeque<(Sequence, Page)>>,
    /// Memory for messages; without it they are made for each reader.
    budget: Arc<MessageBudget>,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self { recent: Mutex::default(), budget: Arc::new(MessageBudget::new(MAX_BYTES)) }
    }

    /// Where a page that begins at `from` ends at the latest: wherever readers come from,
    /// their next pages are the same.
    pub(super) fn end(from: Sequence) -> Sequence {
        Sequence((from.0 / PAGE_RECORDS as u64 + 1).saturating_mul(PAGE_RECORDS as u64))
    }

    /// The page that begins there, if it was read of late.
    pub(super) fn get(&self, from: Sequence) -> Option<Page> {
        let recent = self.recent.lock();
        recent.iter().find(|(start, _)| *start == from).map(|(_, page)| page.clone())
    }

    /// Keeps a page, for a while. Gives what is to be read: if somebody else has read it at
    /// the same time, theirs.
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

    /// Lets go of pages that begin below `oldest`.
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
    fn pages_that_were_read_first_go_first() {
        let pages = Pages::new();
        for from in 1..=10 {
            pages.insert(Sequence(from), page(from, MAX_BYTES / 4));
        }
        let kept: Vec<u64> = (1..=10).filter(|from| pages.get(Sequence(*from)).is_some()).collect();
        assert_eq!(kept, [8, 9, 10]);
        pages.trim(Sequence(10));
        assert!(pages.get(Sequence(9)).is_none() && pages.get(Sequence(10)).is_some());
        pages.insert(Sequence(11), page(11, 2 * MAX_BYTES));
        assert!(pages.get(Sequence(11)).is_some(), "a page is kept, however large");
    }

    #[test]
    fn of_a_page_that_two_have_read_there_is_one() {
        let pages = Pages::new();
        let first = pages.insert(Sequence(1), page(1, 10));
        let second = pages.insert(Sequence(1), page(1, 10));
        assert!(std::ptr::eq(&first.records[0], &second.records[0]));
    }

    #[test]
    fn pages_end_at_the_same_positions_wherever_they_begin() {
        let ends = [1, 255, 256, 300, 511, 512].map(|from| Pages::end(Sequence(from)).0);
        assert_eq!(ends, [256, 256, 512, 512, 512, 768]);
    }
}
