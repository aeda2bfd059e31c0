//! Listing stored events, page by page.

use super::filter::{Filter, Fit};
use crate::{
    event::{Record, Sequence, Timestamp},
    log::{EventLog, Order, PAGE_RECORDS, ReadError},
};

/// Records that one call of [`list`] looks at before it returns what it has.
pub const MAX_LIST_SCAN: usize = 10_000;
/// Bytes of records, likewise.
pub const MAX_LIST_SCAN_BYTES: usize = 32 * 1024 * 1024;

/// Which events to list.
#[derive(Debug)]
pub struct Query<'a> {
    /// Which fit.
    pub filter: &'a Filter,
    /// In which order.
    pub order: Order,
    /// Only events received at this time or later.
    pub start_time: Option<Timestamp>,
    /// Only events received before this time.
    pub end_time: Option<Timestamp>,
    /// [`List::next`] of the page before.
    pub position: Option<Sequence>,
    /// Most events in the page.
    pub max_records: usize,
    /// Most bytes in the page, as the caller counts them; but it has at least one event.
    pub max_bytes: usize,
}

/// A page of [`list`].
#[derive(Debug)]
pub struct List {
    /// The events, in the order asked for.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` if there is nothing more.
    pub next: Option<Sequence>,
    /// Events up to `next` that match the rest of the filter but have unknown names. They are not in the page.
    pub unmatched: u64,
}

/// Lists events that fit. Looks at no more than about [`MAX_LIST_SCAN`] records
/// and [`MAX_LIST_SCAN_BYTES`]: a page may come back short, with a next one.
///
/// `size` is what an event adds to the page.
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
    let mut records: Vec<Record> = Vec::new();
    let (mut scanned, mut scanned_bytes, mut bytes, mut unmatched) = (0, 0, 0, 0);
    let is_done = |position| match query.order {
        Order::OldestFirst => position >= high,
        Order::NewestFirst => position <= low || position <= log.oldest(),
    };
    while !is_done(position) && scanned < MAX_LIST_SCAN && scanned_bytes < MAX_LIST_SCAN_BYTES {
        // Without a filter no more is read than is given, and one to know whether there is more.
        let wanted =
            if query.filter.is_empty() { query.max_records - records.len() + 1 } else { PAGE_RECORDS };
        let page = match (&terms, query.order) {
            (Some(terms), order) => log.search(terms, position, order, wanted).await,
            (None, Order::OldestFirst) => log.read(position, wanted).await,
            (None, Order::NewestFirst) => log.read_back(position, wanted).await,
        };
        let page = match page {
            // Trimmed since the list began: it begins later.
            Err(ReadError::Trimmed { oldest }) if query.position.is_none() && records.is_empty() => {
                position = oldest;
                continue;
            }
            // What was found is given; the next page says what is wrong behind it.
            Err(_) if !records.is_empty() => return Ok(List { records, next: Some(position), unmatched }),
            page => page?,
        };
        // Also a page that was empty costs something.
        scanned += page.records.len().max(1);
        position = page.next;
        for record in &page.records {
            scanned_bytes += record.stored().bytes().len();
            let sequence = record.sequence();
            if !(low..high).contains(&sequence) {
                continue;
            }
            match query.filter.compare(record.stored()) {
                Fit::Yes => {}
                Fit::No => continue,
                Fit::Unknown => {
                    unmatched += 1;
                    continue;
                }
            }
            let record_bytes = size(record);
            let is_full = !records.is_empty() && bytes + record_bytes > query.max_bytes;
            if records.len() == query.max_records || is_full {
                let next = match query.order {
                    Order::OldestFirst => sequence,
                    Order::NewestFirst => sequence.next(),
                };
                return Ok(List { records, next: Some(next), unmatched });
            }
            bytes += record_bytes;
            records.push(record.clone());
        }
        // A filter that leaves out much must not keep a worker to itself.
        tokio::task::yield_now().await;
    }
    Ok(List { records, next: (!is_done(position)).then_some(position), unmatched })
}

/// The sequences that the times bound: from the first, below the second.
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

/// The time from which on every event is still stored.
pub fn complete_since(log: &dyn EventLog) -> Timestamp {
    // What an epoch began without, such as what was lost by restoring a backup, is not claimed.
    let (_, epoch_start) = log.epoch();
    // Events of the very time of the last one that is gone may be gone, too.
    let after_trimmed = log.trimmed_until().map(|time| Timestamp(time.0.saturating_add(1)));
    after_trimmed.map_or(epoch_start, |time| time.max(epoch_start))
}
