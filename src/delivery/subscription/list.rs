//! Listing stored events, page by page.

use super::filter::{Filter, Fit};
use crate::{
    event::{Record, Sequence, Timestamp},
    log::{EventLog, Hole, Order, PAGE_RECORDS, ReadError},
};

/// Records that one call of [`list`] looks at before it returns what it has.
pub const MAX_LIST_SCAN: usize = 10_000;
/// Bytes of records, likewise.
pub const MAX_LIST_SCAN_BYTES: usize = 32 * 1024 * 1024;
/// Most holes that one call of [`list`] passes before it returns what it has.
pub(super) const MAX_LIST_HOLES: usize = 100;

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
    /// Holes up to `next`, in the order asked for. Some of their events may have fitted.
    pub holes: Vec<Hole>,
}

/// Lists events that fit, and passes over those that cannot be read. Looks at no more than about [`MAX_LIST_SCAN`] records
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
    let mut list = List { records: Vec::new(), next: None, unmatched: 0, holes: Vec::new() };
    let (mut scanned, mut scanned_bytes, mut bytes) = (0, 0, 0);
    let is_done = |position| match query.order {
        Order::OldestFirst => position >= high,
        Order::NewestFirst => position <= low || position <= log.oldest(),
    };
    while !is_done(position) && scanned < MAX_LIST_SCAN && scanned_bytes < MAX_LIST_SCAN_BYTES {
        if list.holes.len() == MAX_LIST_HOLES {
            break;
        }
        // Without a filter no more is read than is given, and one to know whether there is more.
        let wanted =
            if query.filter.is_empty() { query.max_records - list.records.len() + 1 } else { PAGE_RECORDS };
        let page = match (&terms, query.order) {
            (Some(terms), order) => log.search(terms, position, order, wanted).await,
            (None, Order::OldestFirst) => log.read(position, wanted).await,
            (None, Order::NewestFirst) => log.read_back(position, wanted).await,
        };
        let mut page = match page {
            // Trimmed since the list began: it begins later.
            Err(ReadError::Trimmed { oldest }) if query.position.is_none() && list.records.is_empty() => {
                position = oldest;
                continue;
            }
            Err(ReadError::Hole(hole)) => {
                position = list.pass(query.order, hole, low, high);
                scanned += 1;
                continue;
            }
            // What was found is given; the next page says what is wrong behind it.
            Err(_) if !list.records.is_empty() => return Ok(List { next: Some(position), ..list }),
            page => page?,
        };
        // Also a page that was empty costs something.
        scanned += page.records.len().max(1);
        let mut hole = None;
        if terms.is_none()
            && let Some((found, behind)) = page.cut_at_hole(query.order, position, log.oldest())
        {
            log.holes().note(found, behind);
            hole = Some(found);
        }
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
                    list.unmatched += 1;
                    continue;
                }
            }
            let record_bytes = size(record);
            let is_full = !list.records.is_empty() && bytes + record_bytes > query.max_bytes;
            if list.records.len() == query.max_records || is_full {
                let next = match query.order {
                    Order::OldestFirst => sequence,
                    Order::NewestFirst => sequence.next(),
                };
                return Ok(List { next: Some(next), ..list });
            }
            bytes += record_bytes;
            list.records.push(record.clone());
        }
        if let Some(hole) = hole {
            position = list.pass(query.order, hole, low, high);
        }
        // A filter that leaves out much must not keep a worker to itself.
        tokio::task::yield_now().await;
    }
    list.next = (!is_done(position)).then_some(position);
    Ok(list)
}

impl List {
    /// Notes a hole, as far as it lies in the range that is listed. Returns the position behind it.
    fn pass(&mut self, order: Order, hole: Hole, low: Sequence, high: Sequence) -> Sequence {
        if let Some(hole) = hole.within(low, high) {
            match self.holes.last_mut() {
                // A search meets the events of a hole one by one.
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
    let lost = log.trimmed_until().max(log.holes().until());
    // Events of the very time of the last one that is gone may be gone, too.
    let after_lost = lost.map(|time| Timestamp(time.0.saturating_add(1)));
    after_lost.map_or(epoch_start, |time| time.max(epoch_start))
}
