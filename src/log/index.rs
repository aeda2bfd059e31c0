//! Index by account, group and command, derived from the log and stored in a file of its own.
//!
//! ```text
//!   records  |-- segment --|---- segment ----|== open segment ==|........|
//!            oldest                          first              end      tail
//!            in index.db, by number          in memory                   not reached yet
//! ```
//!
//! The indexer thread follows the tail and maps terms to records. Its newest entries, the open segment, are
//! only in memory. A full open segment is written to the file in one transaction, in the order of its terms.
//! The file therefore only grows at its end and shrinks at its beginning. An entry costs a few bytes, written
//! once. A B-tree that is updated for each record would write a page per entry. The price is that the records
//! of the open segment are read again after a restart, in the background.
//!
//! The index covers only the records that it has reached, and no search waits for it. Above the index's end,
//! and while the index is unusable, a search reads the log.
//!
//! A term is a hash. Two names with the same hash only make a search return additional records, which the
//! caller filters out anyway. So there is no list of names, which would grow indefinitely.

mod file;
mod follow;
mod search;
#[cfg(test)]
mod tests;
mod verify;

use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};

pub use self::verify::IndexCheck;
use self::{
    file::{FILE_NAME, Fault, Lookup},
    search::Search,
};
pub(super) use self::{
    follow::{Indexer, IndexerThread, Stop},
    search::SearchResult,
    verify::verify,
};
use crate::{
    event::{Epoch, Record, Sequence, StoredRecord},
    log::{
        Order, Page, ReadError, Tail, Terms,
        files::remove_database,
        workers::{WorkError, Workers, lower_priority},
    },
};

/// Number of threads and connections for searches. Further searches wait for one.
const LOOKUPS: usize = 4;
/// Entries that one search looks up before it returns its results so far: some milliseconds. A search for
/// many terms in a long log takes several pages.
const MAX_LOOKUPS: usize = 4096;
/// Placeholder for unknown names of a record: names beyond a truncated list, and all names of an unreadable
/// record. Every search returns such records. Real names are never empty.
const UNKNOWN: &str = "";

/// Deletes the index in a data directory. A running gateway rebuilds it. No connection may be open.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    remove_database(&dir.join(FILE_NAME))
}

/// Interface of the log for the indexer thread.
pub(super) trait Source: fmt::Debug + Send + 'static {
    /// Returns the log's epoch.
    fn epoch(&self) -> Epoch;

    /// Returns a receiver of the end of the log.
    fn tail(&self) -> watch::Receiver<Tail>;

    /// Returns the sequence of the oldest stored record.
    fn oldest(&self) -> Sequence;

    /// Reads like [`EventLog::read`](crate::log::EventLog::read), but blocks.
    fn read(&mut self, from: Sequence, max_records: usize) -> (Origin, Result<Page, ReadError>);
}

/// Origin of records that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Memory: the indexer is near the tail.
    Memory,
    /// Storage: the indexer is far behind.
    Storage,
}

/// Limits of the open segment. It is full when it reaches one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Number of sequences. At most 2^16, because positions have two bytes.
    span: u64,
    /// Number of entries, of about 12 bytes of memory each.
    entries: usize,
    /// Bytes of records, because they are read again after a restart.
    bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { span: 1 << 16, entries: 1 << 19, bytes: 128 << 20 }
    }
}

#[derive(Debug, Clone, Copy)]
enum TermKind {
    Account = 1,
    GroupId = 2,
    Command = 3,
}

type Term = u32;

fn term(kind: TermKind, name: &str) -> Term {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&[kind as u8]);
    hash.update(name.as_bytes());
    hash.finalize()
}

/// Returns the terms under which a record is indexed.
fn terms_of(record: &StoredRecord) -> impl Iterator<Item = Term> {
    let cut = |is_cut: bool, kind| is_cut.then(|| term(kind, UNKNOWN));
    (record.accounts().map(|name| term(TermKind::Account, name)))
        .chain(record.group_ids().map(|name| term(TermKind::GroupId, name)))
        .chain([term(TermKind::Command, record.command())])
        .chain(cut(record.accounts_cut() || record.has_unreadable_accounts(), TermKind::Account))
        .chain(cut(record.group_ids_cut() || record.has_unreadable_group_ids(), TermKind::GroupId))
}

/// Returns the terms under which an unreadable record is indexed: those of every search, so that a search
/// reports the fault, as a read does.
fn terms_of_unreadable() -> impl Iterator<Item = Term> {
    [TermKind::Account, TermKind::GroupId, TermKind::Command].into_iter().map(|kind| term(kind, UNKNOWN))
}

/// Range of records whose entries are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    /// Identifies the segment in the file.
    number: u32,
    first: Sequence,
    /// Exclusive.
    end: Sequence,
}

/// Newest readable record that the index has reached. It shows that the index belongs to this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LastRecord {
    sequence: Sequence,
    /// The record's [`Record::check`].
    check: u32,
}

/// Range of records that was indexed last, in memory.
#[derive(Debug)]
struct OpenSegment {
    first: Sequence,
    /// Exclusive. Also the index's end.
    end: Sequence,
    /// Terms with the positions of records. A position is the distance from `first`.
    entries: BTreeSet<(Term, u16)>,
    /// Bytes of the records.
    bytes: usize,
    /// The newest readable record in this segment or before.
    last_record: Option<LastRecord>,
}

impl OpenSegment {
    fn new(first: Sequence, last_record: Option<LastRecord>) -> Self {
        Self { first, end: first, entries: BTreeSet::new(), bytes: 0, last_record }
    }

    fn is_full(&self, limits: Limits) -> bool {
        self.end.0 - self.first.0 >= limits.span
            || self.entries.len() >= limits.entries
            || self.bytes >= limits.bytes
    }

    /// Indexes records until the segment is full. `next` is the end of the range that was read.
    fn add(&mut self, records: &[Record], next: Sequence, limits: Limits) {
        let last = Sequence(self.first.0 + (limits.span - 1));
        for record in records {
            if record.sequence() > self.end {
                self.add_unreadable(record.sequence().previous(), limits);
            }
            if self.is_full(limits) || record.sequence() > last {
                return;
            }
            self.note(record.sequence(), terms_of(record.stored()));
            self.bytes += record.stored().bytes().len();
            self.last_record = Some(LastRecord { sequence: record.sequence(), check: record.check() });
        }
        if next > self.end {
            self.add_unreadable(next.previous(), limits);
        }
    }

    /// Indexes sequences up to `last` as unreadable records, until the segment is full. Every search returns
    /// them.
    fn add_unreadable(&mut self, last: Sequence, limits: Limits) {
        while self.end <= last && !self.is_full(limits) {
            self.note(self.end, terms_of_unreadable());
        }
    }

    fn note(&mut self, sequence: Sequence, terms: impl Iterator<Item = Term>) {
        let position =
            u16::try_from(sequence.0 - self.first.0).expect("the record is within the segment's span");
        self.entries.extend(terms.map(|term| (term, position)));
        self.end = sequence.next();
    }
}

/// Indexed records.
#[derive(Debug)]
struct IndexState {
    /// Segments in the file, in order. Gaps between them were trimmed before the indexer reached them.
    segments: Arc<[Segment]>,
    open: OpenSegment,
}

/// Index that the indexer thread and the searches share.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    /// `None` while the index is unusable. Its segments are in the file unless they were trimmed.
    state: RwLock<Option<IndexState>>,
    /// Idle connections. A connection that failed is not returned.
    idle: Mutex<Vec<Lookup>>,
    /// Search threads.
    searchers: Workers,
    /// Searches hold it for one page. The indexer holds it exclusively to replace the file or to empty its
    /// WAL.
    gate: RwLock<()>,
    /// Last fault of the file that a search found.
    fault: Mutex<Option<Fault>>,
    /// Notifies the indexer of a fault.
    wake: Notify,
}

impl Index {
    /// Starts the search threads. The indexer thread opens the file.
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            path: dir.join(FILE_NAME),
            state: RwLock::default(),
            idle: Mutex::default(),
            searchers: Workers::start("log-search", LOOKUPS, lower_priority)?,
            gate: RwLock::default(),
            fault: Mutex::default(),
            wake: Notify::new(),
        })
    }

    /// Returns the end of the indexed records. `None` while the index is unusable.
    pub(super) fn end(&self) -> Option<Sequence> {
        self.with_state(|state| state.open.end)
    }

    /// Returns the size of the index's files in bytes.
    pub(super) fn file_bytes(&self) -> u64 {
        file::bytes(&self.path)
    }

    /// Rejects further searches, and closes the connections.
    pub(super) fn close(&self) {
        self.searchers.close();
        self.idle.lock().clear();
    }

    /// Finds records that may have one of the terms. Returns `None` if the caller must read the log instead:
    /// the index has not reached the position, or is unusable.
    pub(super) async fn find(
        self: &Arc<Self>,
        terms: &Terms,
        position: Sequence,
        order: Order,
        max_records: usize,
    ) -> Option<SearchResult> {
        let search = Search::new(terms, position, order, max_records);
        if !search.is_within(self.end()?) {
            return None;
        }
        let index = Arc::clone(self);
        match self.searchers.run(move || index.look_up(&search)).await {
            Ok(found) => found,
            Err(WorkError::Closed) => None,
            Err(error @ WorkError::Panicked) => {
                tracing::error!(%error, "a search of the account index panicked; reading the log instead (slower)");
                None
            }
        }
    }

    fn look_up(&self, search: &Search) -> Option<SearchResult> {
        // While the gate is held, the file matches the state.
        let _gate = self.gate.read();
        let snapshot = self.with_state(|state| {
            let open = &state.open;
            search
                .is_within(open.end)
                .then(|| (Arc::clone(&state.segments), open.first, search.search_open(open), open.end))
        })?;
        let (segments, open_first, in_open, end) = snapshot?;

        let mut found = Vec::new();
        // The open segment has the newest records.
        let next = match search.order {
            Order::NewestFirst => {
                search.take(&mut found, open_first, in_open);
                self.search_segments(&segments, search, &mut found)?
            }
            Order::OldestFirst => {
                let next = self.search_segments(&segments, search, &mut found)?;
                if next.is_none() {
                    search.take(&mut found, open_first, in_open);
                }
                next
            }
        };
        let next = search.after_last(&found).or(next).unwrap_or(match search.order {
            Order::OldestFirst => end,
            Order::NewestFirst => Sequence::FIRST,
        });
        Some(SearchResult { sequences: found, next })
    }

    /// Searches segments until it has found as many records as requested. Returns a position if it has
    /// reached [`MAX_LOOKUPS`]: the next page continues there. Returns an outer `None` if the file cannot be
    /// read.
    fn search_segments(
        &self,
        segments: &[Segment],
        search: &Search,
        found: &mut Vec<Sequence>,
    ) -> Option<Option<Sequence>> {
        match self.try_search_segments(segments, search, found) {
            Ok(next) => Some(next),
            Err(fault) => {
                *self.fault.lock() = Some(fault);
                self.wake.notify_one();
                None
            }
        }
    }

    fn try_search_segments(
        &self,
        segments: &[Segment],
        search: &Search,
        found: &mut Vec<Sequence>,
    ) -> Result<Option<Sequence>, Fault> {
        let mut path = search.path(segments).peekable();
        if found.len() == search.max_records || path.peek().is_none() {
            return Ok(None);
        }
        let idle = self.idle.lock().pop();
        let lookup = idle.map_or_else(|| Lookup::open(&self.path), Ok)?;
        let snapshot = lookup.snapshot()?;
        let mut lookups = 0;
        let mut next = None;
        for segment in path {
            if lookups >= MAX_LOOKUPS {
                next = Some(search.before(segment));
                break;
            }
            let mut positions = Vec::new();
            if let Some(ahead) = search.ahead(segment.first) {
                lookups += search.terms.len();
                lookup.each(segment.number, &search.terms, |all| {
                    search.collect(&mut positions, &ahead, all);
                })?;
            }
            search.take(found, segment.first, positions);
            if found.len() == search.max_records {
                break;
            }
        }
        drop(snapshot);
        self.idle.lock().push(lookup);
        Ok(next)
    }

    fn with_state<T>(&self, look: impl FnOnce(&IndexState) -> T) -> Option<T> {
        self.state.read().as_ref().map(look)
    }

    fn change_state(&self, change: impl FnOnce(&mut IndexState)) {
        if let Some(state) = &mut *self.state.write() {
            change(state);
        }
    }
}
