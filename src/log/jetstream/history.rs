//! Reads of records that are no longer in memory, over a connection of their own.
//!
//! There are two ways to read. [`direct`]: batches of direct gets, for short distances and wherever something has to be
//! clarified. [`consumers`]: a pull consumer for a reader far behind the tail, which costs the server a quarter or less of
//! the CPU time. `docs/decisions/0006-jetstream-history.md` has the measurements.
//!
//! An answer does not say which stream it is from, and another stream may have got the name. So the leader is asked after each
//! page whether the stream is still the same.

mod consumers;
mod direct;
#[cfg(test)]
#[cfg(feature = "external-tools")]
mod tests;

use std::{collections::VecDeque, future::Future, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use self::{consumers::Consumers, direct::DirectReader};
use super::{
    api::{Api, StartAt},
    error::ApiError,
    state::{StreamState, unavailable},
};
use crate::{
    event::{Record, Sequence, Timestamp},
    log::{PAGE_BYTES, PAGE_RECORDS, Page, ReadError},
};

/// How long a read is retried while the servers do not answer. Readers see a pause.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// Number of pages that a backward read takes of a window. If the window has more, the read takes a shorter window.
const MAX_PAGES: usize = 3;
/// Maximum window of a backward read, and so the longest hole that it skips at once.
const MAX_WINDOW: u64 = 1 << 20;
/// Last time that JetStream accepts in a request. No event was received later.
const MAX_SEEK_SECONDS: i64 = 253_402_300_799;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct History {
    state: Arc<StreamState>,
    /// Connection for history, so that acknowledgements and the tail do not wait behind pages of it.
    pub(super) api: Api,
    direct: DirectReader,
    pub(super) consumers: Consumers,
}

impl History {
    pub(super) fn new(state: &Arc<StreamState>, api: Api) -> Self {
        Self {
            state: Arc::clone(state),
            direct: DirectReader::new(Arc::clone(state), api.clone()),
            consumers: Consumers::new(Arc::clone(state), api.clone()),
            api,
        }
    }

    /// Fails reads that wait for a permit, and later ones.
    pub(super) fn close(&self) {
        self.direct.close();
    }

    /// Returns an error if NATS does not let this gateway read the stream.
    pub(super) async fn may_read(&self) -> Result<(), ApiError> {
        self.direct.get_batch(self.state.oldest(), 1).await.map(drop)
    }

    /// Returns a page from `from` upwards, below `end`.
    pub(super) async fn read(
        &self,
        from: Sequence,
        end: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        if max_records >= PAGE_RECORDS
            && let Some(page) = self.consumers.read(from, end).await
        {
            return Ok(page);
        }
        let page = self.read_unconfirmed(from, end, max_records).await;
        self.confirm().await?;
        page
    }

    /// Returns such a page, which may be of another stream. It must not be given to a reader before
    /// [`confirm`](Self::confirm).
    pub(super) async fn read_unconfirmed(
        &self,
        from: Sequence,
        end: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        self.patiently(|| self.direct.read(from, end, max_records)).await
    }

    /// Checks that everything that was read until now is of this log. A deleted stream never returns, even if another stream
    /// gets its name.
    pub(super) async fn confirm(&self) -> Result<(), ReadError> {
        if self.state.is_closed() {
            return Err(unavailable("the log has ended"));
        }
        self.patiently(|| async { self.state.refresh().await.map(drop).map_err(unavailable) }).await
    }

    /// Retries while the servers do not answer.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ReadError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let begin = Instant::now();
        loop {
            match attempt().await {
                Err(ReadError::Unavailable(_)) if begin.elapsed() < PATIENCE && !self.state.is_closed() => {
                    sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Returns a page below `before`, newest first. JetStream cannot read backwards: this reads a window of about a page
    /// below `before` upwards, and keeps its newest records. An empty window is followed by a larger one below it.
    pub(super) async fn read_back(&self, before: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let max_records = max_records.clamp(1, PAGE_RECORDS);
        let mut window = self.state.records_of_a_page().min(max_records as u64);
        let mut high = before;
        loop {
            let low = Sequence(high.0.saturating_sub(window)).max(self.state.oldest()).min(high);
            let Window { low, newest, hole } = self.read_window(low, high, max_records).await?;
            if let Some(oldest) = newest.records.front() {
                let next = oldest.sequence();
                let records: Vec<_> = newest.records.into_iter().rev().collect();
                return Ok(Page { records: records.into(), next });
            }
            if let Some(error) = hole {
                return Err(error);
            }
            if low <= self.state.oldest() {
                return Ok(Page { records: Vec::new().into(), next: Sequence::FIRST });
            }
            high = low;
            window = (window * 2).min(MAX_WINDOW);
        }
    }

    /// Reads the records from `low` to `high`. If they are too many, reads the upper half only.
    async fn read_window(
        &self,
        low: Sequence,
        high: Sequence,
        max_records: usize,
    ) -> Result<Window, ReadError> {
        let newest = NewestRecords { records: VecDeque::new(), bytes: 0, max_records };
        let mut window = Window { low, newest, hole: None };
        let mut from = low;
        let mut pages = 0;
        while from < high {
            if pages == MAX_PAGES {
                // The records are larger than average: the upper half has enough of them.
                window.low = Sequence(from.0.midpoint(high.0));
                from = window.low;
                window.newest.clear();
                window.hole = None;
                pages = 0;
            }
            pages += 1;
            match self.read(from, high, PAGE_RECORDS).await {
                Ok(page) => {
                    from = page.next;
                    page.records.iter().cloned().for_each(|record| window.newest.push(record));
                }
                Err(ReadError::Trimmed { oldest }) => {
                    window.newest.clear();
                    from = oldest;
                }
                Err(ReadError::Hole(hole)) => {
                    // The records above the hole are returned first. The next read reports the hole.
                    window.newest.clear();
                    window.hole = Some(ReadError::Hole(hole));
                    from = hole.last.next();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(window)
    }

    /// Returns the sequence of the first record received at `time` or later. Asks the leader, because another server may
    /// not have that record yet.
    pub(super) async fn seek(&self, time: Timestamp) -> Result<Sequence, ReadError> {
        // An event that arrives after this may count or not.
        let state = self.state.refresh().await.map_err(unavailable)?.state;
        let found = match time {
            Timestamp(micros) if micros / 1_000_000 >= MAX_SEEK_SECONDS => None,
            time => {
                let time = StartAt::Time(time.max(Timestamp(0)).into());
                self.state.api.get(time).await.map_err(unavailable)?.map(|message| message.sequence)
            }
        };
        // A new leader may not have applied yet what the previous one reported.
        if found.is_none() && state.has_from(time) {
            return Err(unavailable("the stream's leader is behind"));
        }
        let position = found.unwrap_or(state.end());
        // Asked again, so that the oldest record is as new as the position.
        self.state.refresh().await.map_err(unavailable)?;
        self.state.reach(position.previous()).await?;
        Ok(position.min(self.state.end()))
    }
}

/// Records from `low` on, as a backward read takes them.
struct Window {
    low: Sequence,
    newest: NewestRecords,
    /// Highest hole, if no record above it is left.
    hole: Option<ReadError>,
}

/// The newest records of a window, within the bounds of a page.
struct NewestRecords {
    records: VecDeque<Record>,
    bytes: usize,
    max_records: usize,
}

impl NewestRecords {
    fn push(&mut self, record: Record) {
        self.bytes += record.stored().bytes().len();
        self.records.push_back(record);
        while self.records.len() > self.max_records || (self.bytes > PAGE_BYTES && self.records.len() > 1) {
            let Some(oldest) = self.records.pop_front() else { return };
            self.bytes -= oldest.stored().bytes().len();
        }
    }

    fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }
}
