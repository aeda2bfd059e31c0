//! Duplicate detection across restarts: the callbacks that were stored before the start are read back into memory, and
//! those that are stored from now on are followed.

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

/// Pages of the newest stored callbacks that are recalled before anything is served: the vendor sends these again.
const RECALL_PAGES: usize = 40;
/// Most time for that. The rest follows while the gateway serves, so that a slow disk does not delay the start.
const RECALL_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause before another read of a log that cannot be read.
const READ_PAUSE: Duration = Duration::from_secs(5);

/// Returns when the newest event below `end` was received. `None` if there is none, or if it cannot be read now.
pub(super) async fn newest_time(log: &dyn EventLog, end: Sequence) -> Option<Timestamp> {
    let page = timeout(RECALL_TIMEOUT, log.read_back(end, 1)).await.ok()?.ok()?;
    page.records.first().map(Record::receive_time)
}

/// The events that were in the log at the start, and how many of them are recalled.
pub(super) struct Stored {
    /// The log's end at the start.
    pub(super) end: Sequence,
    /// Events below it are not recalled yet. `None` once all events of the window are.
    below: Option<Sequence>,
}

impl Stored {
    /// Recalls the newest events, within [`RECALL_TIMEOUT`].
    pub(super) async fn begin(log: &dyn EventLog, duplicates: &Duplicates) -> Self {
        let end = log.tail().borrow().end;
        let mut stored = Self { end, below: duplicates.is_on().then_some(end) };
        timeout(RECALL_TIMEOUT, stored.recall(log, duplicates, RECALL_PAGES)).await.ok();
        stored
    }

    /// Recalls at most `pages` pages of the events of the window, newest first. If it is dropped half-way, the next call
    /// goes on.
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
                // Goes on below it.
                Err(ReadError::Hole(hole)) => self.below = Some(hole.first),
                Err(ReadError::Trimmed { .. }) => self.below = None,
                Err(ReadError::Unavailable(_)) => sleep(READ_PAUSE).await,
            }
            yield_now().await;
        }
    }
}

/// Follows the log, and recalls the rest of the events that were stored before.
pub(super) async fn remember(log: Arc<dyn EventLog>, duplicates: Arc<Duplicates>, mut stored: Stored) {
    if !duplicates.is_on() {
        return;
    }
    let new = follow(&*log, &duplicates, stored.end);
    tokio::join!(new, stored.recall(&*log, &duplicates, usize::MAX));
}

/// Notes the events that are stored from `next` on.
async fn follow(log: &dyn EventLog, duplicates: &Duplicates, mut next: Sequence) {
    let mut tail = log.tail();
    while tail.wait_for(|tail| tail.end > next).await.is_ok() {
        match log.read(next, PAGE_RECORDS).await {
            Ok(page) => {
                let now = duplicates.now();
                page.records.iter().for_each(|record| duplicates.note(record, now));
                next = page.next;
            }
            // Goes on behind what is gone.
            Err(ReadError::Trimmed { oldest }) => next = oldest,
            Err(ReadError::Hole(hole)) => next = hole.last.next(),
            Err(ReadError::Unavailable(_)) => sleep(READ_PAUSE).await,
        }
        tokio::task::consume_budget().await;
    }
}
