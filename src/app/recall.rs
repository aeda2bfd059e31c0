//! Duplicate detection across restarts: reads back recently stored callbacks at the start, then follows the
//! log.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};

use crate::{
    event::{Record, Sequence, Timestamp},
    ingest::callback::duplicates::Duplicates,
    log::{EventLog, PAGE_RECORDS, ReadError},
};

/// Maximum pages that are read back before the listeners are served. The vendor retries the newest callbacks.
const RECALL_PAGES: usize = 40;
/// Time limit for these pages. The rest is read while the gateway serves, so that a slow disk does not delay
/// the start.
const RECALL_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause before the next read of an unreadable log.
const READ_PAUSE: Duration = Duration::from_secs(5);

/// Returns when the newest event below `end` was received. `None` if there is none or if it cannot be read.
pub(super) async fn newest_time(log: &dyn EventLog, end: Sequence) -> Option<Timestamp> {
    let page = timeout(RECALL_TIMEOUT, log.read_back(end, 1)).await.ok()?.ok()?;
    page.records.first().map(Record::receive_time)
}

/// Events that were stored before the start, with the progress of reading them back.
pub(super) struct Stored {
    /// The log's end at the start.
    pub(super) end: Sequence,
    /// Events below this sequence are still to be read. `None` once the whole window is read.
    below: Option<Sequence>,
}

impl Stored {
    /// Reads back the newest events, within [`RECALL_TIMEOUT`].
    pub(super) async fn begin(log: &dyn EventLog, duplicates: &Duplicates) -> Self {
        let end = log.tail().borrow().end;
        let mut stored = Self { end, below: duplicates.is_on().then_some(end) };
        timeout(RECALL_TIMEOUT, stored.recall(log, duplicates, RECALL_PAGES)).await.ok();
        stored
    }

    /// Reads back at most `pages` pages of the duplicate window, newest first. Cancel safe: the next call
    /// continues.
    async fn recall(&mut self, log: &dyn EventLog, duplicates: &Duplicates, pages: usize) {
        for _ in 0..pages {
            let Some(below) = self.below else { return };
            match log.read_back(below, PAGE_RECORDS).await {
                Ok(page) => {
                    let now = duplicates.now();
                    let mut records = page.records.iter();
                    let goes_on =
                        !page.records.is_empty() && records.all(|record| duplicates.note_older(record, now));
                    self.below = goes_on.then_some(page.next);
                }
                // Continue below the hole.
                Err(ReadError::Hole(hole)) => self.below = Some(hole.first),
                Err(ReadError::Trimmed { .. }) => self.below = None,
                Err(ReadError::Unavailable(_)) => sleep(READ_PAUSE).await,
            }
            yield_now().await;
        }
    }
}

/// Follows the log for new events and reads back the rest of the earlier ones.
pub(super) async fn remember(log: Arc<dyn EventLog>, duplicates: Arc<Duplicates>, mut stored: Stored) {
    if !duplicates.is_on() {
        return;
    }
    let new = follow(&*log, &duplicates, stored.end);
    tokio::join!(new, stored.recall(&*log, &duplicates, usize::MAX));
}

/// Records the events from `next` on as they are stored.
async fn follow(log: &dyn EventLog, duplicates: &Duplicates, mut next: Sequence) {
    let mut tail = log.tail();
    while tail.wait_for(|tail| tail.end > next).await.is_ok() {
        match log.read(next, PAGE_RECORDS).await {
            Ok(page) => {
                let now = duplicates.now();
                page.records.iter().for_each(|record| duplicates.note(record, now));
                next = page.next;
            }
            // Continue after the missing events.
            Err(ReadError::Trimmed { oldest }) => next = oldest,
            Err(ReadError::Hole(hole)) => next = hole.last.next(),
            Err(ReadError::Unavailable(_)) => sleep(READ_PAUSE).await,
        }
        tokio::task::consume_budget().await;
    }
}
