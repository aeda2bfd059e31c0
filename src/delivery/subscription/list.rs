//! Lists stored events, page by page.

use super::filter::{Filter, FilterMatch};
use crate::{
    event::{Record, Sequence, Timestamp},
    log::{EventLog, Hole, Order, PAGE_RECORDS, Page, ReadError, Terms},
};

/// Most records that one call of [`list`] scans. Beyond it the page is short, with a next one.
pub const MAX_LIST_SCAN: usize = 10_000;
/// Most bytes of records that one call of [`list`] scans. Beyond it the page is short, with a next one.
pub const MAX_LIST_SCAN_BYTES: usize = 32 * 1024 * 1024;
/// Most holes that one call of [`list`] skips. Beyond it the page is short, with a next one.
pub(super) const MAX_LIST_HOLES: usize = 100;

/// Arguments of [`list`].
#[derive(Debug)]
pub struct Query<'a> {
    /// Events to list.
    pub filter: &'a Filter,
    /// Order of the events.
    pub order: Order,
    /// Lower bound of the receive time, inclusive.
    pub start_time: Option<Timestamp>,
    /// Upper bound of the receive time, exclusive.
    pub end_time: Option<Timestamp>,
    /// [`List::next`] of the previous page.
    pub position: Option<Sequence>,
    /// Most events in the page.
    pub max_records: usize,
    /// Most bytes in the page, as the caller counts them. A larger event is listed alone.
    pub max_bytes: usize,
}

/// A page of [`list`].
#[derive(Debug)]
pub struct List {
    /// Events in the requested order.
    pub records: Vec<Record>,
    /// Start of the next page; `None` after the last page.
    pub next: Option<Sequence>,
    /// Events up to `next` that match the rest of the filter but have unknown names. They are not in the page.
    pub unmatched: u64,
    /// Holes up to `next`, in the requested order. Some of their events may have matched.
    pub holes: Vec<Hole>,
}

/// Lists matching events, and skips those that cannot be read. Scans no more than about [`MAX_LIST_SCAN`] records and
/// [`MAX_LIST_SCAN_BYTES`], so a page may be short and have a next one.
///
/// `size` returns the number of bytes that an event adds to the page.
pub async fn list(
    log: &dyn EventLog,
    query: &Query<'_>,
    size: impl Fn(&Record) -> usize,
) -> Result<List, ReadError> {
    let (low, high) = range(log, query).await?;
    let mut position = match (query.order, query.position) {
        (Order::OldestFirst, Some(position)) => position,
        (Order::OldestFirst, None) => low.max(log.oldest()),
        (Order::NewestFirst, position) => position.map_or(high, |position| position.min(high)),
    };
    let terms = query.filter.terms();
    let mut list = List { records: Vec::new(), next: None, unmatched: 0, holes: Vec::new() };
    let mut counts = Counts::default();
    let is_done = |position| match query.order {
        Order::OldestFirst => position >= high,
        Order::NewestFirst => position <= low || position <= log.oldest(),
    };
    while !is_done(position) && !counts.are_exhausted() && list.holes.len() < MAX_LIST_HOLES {
        let mut page = match read(log, query, terms.as_ref(), position, list.records.len()).await {
            // Trimmed since the list began: start at the oldest event.
            Err(ReadError::Trimmed { oldest }) if query.position.is_none() && list.records.is_empty() => {
                position = oldest;
                continue;
            }
            Err(ReadError::Hole(hole)) => {
                position = list.skip(query.order, hole, low, high);
                counts.scanned += 1;
                continue;
            }
            // Return the events found so far. The next page reports the error.
            Err(_) if !list.records.is_empty() => return Ok(List { next: Some(position), ..list }),
            page => page?,
        };
        // An empty page costs a read, too.
        counts.scanned += page.records.len().max(1);
        let mut hole = None;
        if terms.is_none()
            && let Some((found, behind)) = page.cut_at_hole(query.order, position, log.oldest())
        {
            log.holes().note(found, behind);
            hole = Some(found);
        }
        position = page.next;
        let in_range = |record: &&Record| (low..high).contains(&record.sequence());
        counts.scanned_bytes +=
            page.records.iter().map(|record| record.stored().bytes().len()).sum::<usize>();
        for record in page.records.iter().filter(in_range) {
            if !list.add(record, query, &mut counts, &size) {
                let next = match query.order {
                    Order::OldestFirst => record.sequence(),
                    Order::NewestFirst => record.sequence().next(),
                };
                return Ok(List { next: Some(next), ..list });
            }
        }
        if let Some(hole) = hole {
            position = list.skip(query.order, hole, low, high);
        }
        // A filter that matches few events must not occupy a worker thread.
        tokio::task::yield_now().await;
    }
    list.next = (!is_done(position)).then_some(position);
    Ok(list)
}

/// Counts of one call of [`list`].
#[derive(Debug, Default)]
struct Counts {
    scanned: usize,
    scanned_bytes: usize,
    /// Bytes in the page, as the caller counts them.
    page_bytes: usize,
}

impl Counts {
    fn are_exhausted(&self) -> bool {
        self.scanned >= MAX_LIST_SCAN || self.scanned_bytes >= MAX_LIST_SCAN_BYTES
    }
}

/// Reads a page of the log at `position`, with the index if it can find the events. `found` is the number of events that
/// are already listed.
async fn read(
    log: &dyn EventLog,
    query: &Query<'_>,
    terms: Option<&Terms>,
    position: Sequence,
    found: usize,
) -> Result<Page, ReadError> {
    // Without a filter, read no more than the page needs, and one event to know whether there is more.
    let wanted = if query.filter.is_empty() { query.max_records - found + 1 } else { PAGE_RECORDS };
    match (terms, query.order) {
        (Some(terms), order) => log.search(terms, position, order, wanted).await,
        (None, Order::OldestFirst) => log.read(position, wanted).await,
        (None, Order::NewestFirst) => log.read_back(position, wanted).await,
    }
}

impl List {
    /// Adds an event if it matches. Returns false if it matches and the page is full.
    fn add(
        &mut self,
        record: &Record,
        query: &Query<'_>,
        counts: &mut Counts,
        size: impl Fn(&Record) -> usize,
    ) -> bool {
        match query.filter.compare(record.stored()) {
            FilterMatch::Yes => {}
            FilterMatch::No => return true,
            FilterMatch::Unknown => {
                self.unmatched += 1;
                return true;
            }
        }
        let bytes = size(record);
        let is_full = !self.records.is_empty() && counts.page_bytes + bytes > query.max_bytes;
        if self.records.len() == query.max_records || is_full {
            return false;
        }
        counts.page_bytes += bytes;
        self.records.push(record.clone());
        true
    }

    /// Notes the part of a hole that lies in the listed range. Returns the position after the hole.
    fn skip(&mut self, order: Order, hole: Hole, low: Sequence, high: Sequence) -> Sequence {
        if let Some(hole) = hole.within(low, high) {
            match self.holes.last_mut() {
                // A search finds the events of a hole one by one.
                Some(last) if last.cause == hole.cause && last.last.next() == hole.first => {
                    last.last = hole.last;
                }
                Some(last) if last.cause == hole.cause && hole.last.next() == last.first => {
                    last.first = hole.first;
                }
                _ => self.holes.push(hole),
            }
        }
        match order {
            Order::OldestFirst => hole.last.next(),
            Order::NewestFirst => hole.first,
        }
    }
}

/// Returns the bounds of the sequences within the query's times: the first inclusive, the second exclusive.
async fn range(log: &dyn EventLog, query: &Query<'_>) -> Result<(Sequence, Sequence), ReadError> {
    let low = match query.start_time {
        Some(time) => log.seek(time).await?,
        None => Sequence::FIRST,
    };
    let end = log.tail().borrow().end;
    let high = match query.end_time {
        Some(time) => log.seek(time).await?.min(end),
        None => end,
    };
    Ok((low, high))
}

/// Returns the time since which every event is still stored.
pub fn complete_since(log: &dyn EventLog) -> Timestamp {
    // Events from before the epoch, such as those lost by restoring a backup, do not count.
    let (_, epoch_start) = log.epoch();
    let lost = log.trimmed_until().max(log.holes().until());
    // Events with the same time as the last missing one may be missing, too.
    let after_lost = lost.map(|time| Timestamp(time.0.saturating_add(1)));
    after_lost.map_or(epoch_start, |time| time.max(epoch_start))
}
