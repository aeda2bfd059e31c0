//! Pages that were read from the disk of late. Readers often go the same way, as all
//! subscribers do after a restart: each page is read once for them, and its messages
//! are made once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    event::Sequence,
    log::{PAGE_BYTES, PAGE_RECORDS, Page, records::Room},
};

/// Pages that are kept; beyond it the one that was read first goes. With their
/// messages they take 16 MiB at most, and usually 4.
const MAX_PAGES: usize = 16;

#[derive(Debug)]
pub(super) struct Pages {
    /// With where they begin.
    recent: Mutex<VecDeque<(Sequence, Page)>>,
    /// Room for messages.
    room: Arc<Room>,
}

impl Pages {
    pub(super) fn new() -> Self {
        let room = Arc::new(Room::new(MAX_PAGES * PAGE_BYTES));
        Self { recent: Mutex::default(), room }
    }

    /// Where a page that begins at `from` ends at the latest: wherever readers come from,
    /// their next pages are the same.
    pub(super) fn end(from: Sequence) -> Sequence {
        Sequence((from.0 / PAGE_RECORDS as u64 + 1).saturating_mul(PAGE_RECORDS as u64))
    }

    /// The page that begins there, if it was read of late.
    pub(super) fn get(&self, from: Sequence) -> Option<Page> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().find(|(start, _)| *start == from).map(|(_, page)| page.clone())
    }

    /// Keeps a page, for a while.
    pub(super) fn insert(&self, from: Sequence, mut page: Page) -> Page {
        page.records.keep_messages(&self.room);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == MAX_PAGES {
            recent.pop_front();
        }
        recent.push_back((from, page.clone()));
        page
    }
}
