//! The index by account, group and command: derived from the log, in a file of its own.
//!
//! ```text
//!   records  |-- segment --|---- segment ----|== open segment ==|........|
//!            oldest                          first              end      tail
//!            in index.db, by number          in memory                   not reached yet
//! ```
//!
//! A thread of its own follows the tail and notes which records have which
//! terms. What it has noted last, the open segment, is in memory only; when that
//! is full it becomes a segment in the file, in one transaction and in the order
//! of its terms. So the file is only ever added to at its end and shortened at
//! its beginning: an entry costs a few bytes written once, where a tree that
//! took entries one by one would write a page for each. The price is that the
//! open segment is read again after a restart, beside everything else.
//!
//! The index is never trusted for what it has not reached, and nothing waits for
//! it: above its end, and whenever it cannot be used, a search reads the log.
//!
//! A term is a hash. Two names with the same one only make a search give records
//! that do not fit, which whoever asked leaves out anyway; so there is no list of
//! names that would grow for ever.

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

pub use self::verify::IndexFound;
use self::{
    file::{FILE_NAME, Fault, Lookup},
    search::Search,
};
pub(super) use self::{
    follow::{Following, Indexer, Stop},
    search::Found,
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

/// Threads and connections for searches; further searches wait for one.
const LOOKUPS: usize = 4;
/// Entries of segments that one search looks up before it gives what it has: some
/// milliseconds' worth. A search of many terms in a long log takes several pages.
const MAX_LOOKED_UP: usize = 4096;
/// Stands for the names of a record that are not known: those beyond a cut list, and
/// all of a record that cannot be read. Every search takes such records for fitting.
/// No name is empty.
const UNKNOWN: &str = "";

/// Deletes the index in a data directory. A gateway that runs builds another one. No connection may be open.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    remove_database(&dir.join(FILE_NAME))
}

/// The log that is indexed, as the thread that does it reads it.
pub(super) trait Source: fmt::Debug + Send + 'static {
    /// The log's life.
    fn epoch(&self) -> Epoch;

    /// The end of the log, as it moves.
    fn tail(&self) -> watch::Receiver<Tail>;

    /// The oldest record that is stored.
    fn oldest(&self) -> Sequence;

    /// Reads as the log's other readers do, but blocks.
    fn read(&mut self, from: Sequence, max_records: usize) -> (Origin, Result<Page, ReadError>);
}

/// Where records were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// From memory: near the tail.
    Memory,
    /// From storage: far behind.
    Storage,
}

/// When the open segment is full: with the first of these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Sequences; at most 2^16, as positions take two bytes.
    span: u64,
    /// Entries, of about 12 bytes of memory each.
    entries: usize,
    /// Bytes of records, since they are read again after a restart.
    bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { span: 1 << 16, entries: 1 << 19, bytes: 128 << 20 }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Account = 1,
    GroupId = 2,
    Command = 3,
}

type Term = u32;

fn term(kind: Kind, name: &str) -> Term {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&[kind as u8]);
    hash.update(name.as_bytes());
    hash.finalize()
}

/// Under which terms a record is found.
fn terms_of(record: &StoredRecord) -> impl Iterator<Item = Term> {
    let cut = |is_cut: bool, kind| is_cut.then(|| term(kind, UNKNOWN));
    (record.accounts().map(|name| term(Kind::Account, name)))
        .chain(record.group_ids().map(|name| term(Kind::GroupId, name)))
        .chain([term(Kind::Command, record.command())])
        .chain(cut(record.accounts_cut() || record.has_unreadable_accounts(), Kind::Account))
        .chain(cut(record.group_ids_cut() || record.has_unreadable_group_ids(), Kind::GroupId))
}

/// Under which terms a record is found that cannot be read: all that are searched by,
/// so that a search says what is wrong with it, as reading does.
fn terms_of_unreadable() -> impl Iterator<Item = Term> {
    [Kind::Account, Kind::GroupId, Kind::Command].into_iter().map(|kind| term(kind, UNKNOWN))
}

/// A run of records whose entries are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    /// Its name in the file.
    number: u32,
    first: Sequence,
    /// Exclusive.
    end: Sequence,
}

/// A record that the index has reached, by which it is known for this log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    sequence: Sequence,
    /// [`Record::check`] of it.
    check: u32,
}

/// The run of records that was indexed last, in memory.
#[derive(Debug)]
struct Open {
    first: Sequence,
    /// Exclusive, and the index's end.
    end: Sequence,
    /// A record's position is its distance from the first.
    entries: BTreeSet<(Term, u16)>,
    /// Bytes of its records.
    bytes: usize,
    /// The newest record that could be read, in this segment or before.
    mark: Option<Mark>,
}

impl Open {
    fn new(first: Sequence, mark: Option<Mark>) -> Self {
        Self { first, end: first, entries: BTreeSet::new(), bytes: 0, mark }
    }

    fn is_full(&self, limits: Limits) -> bool {
        self.end.0 - self.first.0 >= limits.span
            || self.entries.len() >= limits.entries
            || self.bytes >= limits.bytes
    }

    /// Notes records, until it is full; `next` is where they end if it is not.
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
            self.mark = Some(Mark { sequence: record.sequence(), check: record.check() });
        }
        if next > self.end {
            self.add_unreadable(next.previous(), limits);
        }
    }

    /// Notes all up to `last` as records that cannot be read, until it is full. Each search comes to them.
    fn add_unreadable(&mut self, last: Sequence, limits: Limits) {
        while self.end <= last && !self.is_full(limits) {
            self.note(self.end, terms_of_unreadable());
        }
    }

    fn note(&mut self, sequence: Sequence, terms: impl Iterator<Item = Term>) {
        let position =
            u16::try_from(sequence.0 - self.first.0).expect("a record beyond the segment's span is left out");
        self.entries.extend(terms.map(|term| (term, position)));
        self.end = sequence.next();
    }
}

/// What is indexed.
#[derive(Debug)]
struct State {
    /// In order, without gaps but for what was trimmed before it was reached.
    segments: Arc<[Segment]>,
    open: Open,
}

/// What the thread that builds the index and the searches share.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    /// `None` while the index cannot be used. The segments that it tells of are in the
    /// file, or trimmed.
    state: RwLock<Option<State>>,
    /// Connections not in use; one that failed is not put back.
    idle: Mutex<Vec<Lookup>>,
    /// The threads that search.
    searchers: Workers,
    /// Searches hold it for one page; whoever exchanges the file or empties its WAL
    /// holds it alone.
    gate: RwLock<()>,
    /// What a search found to be wrong with the file; the next one's takes its place.
    fault: Mutex<Option<Fault>>,
    /// Notified of a fault.
    wake: Notify,
}

impl Index {
    /// Starts the threads for searches. The file is opened by the thread that builds the index.
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

    /// Everything below it is indexed; `None` while the index cannot be used.
    pub(super) fn end(&self) -> Option<Sequence> {
        self.with_state(|state| state.open.end)
    }

    /// Bytes of the index's files.
    pub(super) fn file_bytes(&self) -> u64 {
        file::bytes(&self.path)
    }

    /// Takes no more searches.
    pub(super) fn close(&self) {
        self.searchers.close();
        self.idle.lock().clear();
    }

    /// Finds records that may have one of the terms. `None` if the log itself is to
    /// be read: the index has not reached the position, or cannot be used.
    pub(super) async fn find(
        self: &Arc<Self>,
        terms: &Terms,
        position: Sequence,
        order: Order,
        max_records: usize,
    ) -> Option<Found> {
        let search = Search::new(terms, position, order, max_records);
        if !search.is_within(self.end()?) {
            return None;
        }
        let index = Arc::clone(self);
        match self.searchers.run(move || index.look_up(&search)).await {
            Ok(found) => found,
            Err(WorkError::Closed) => None,
            Err(error @ WorkError::Panicked) => {
                tracing::error!(%error, "a search of the index stopped; reading the log instead");
                None
            }
        }
    }

    fn look_up(&self, search: &Search) -> Option<Found> {
        // From here on the file is the one that the state tells of.
        let _gate = self.gate.read();
        let snapshot = self.with_state(|state| {
            let open = &state.open;
            search
                .is_within(open.end)
                .then(|| (Arc::clone(&state.segments), open.first, search.look_into_open(open), open.end))
        })?;
        let (segments, open_first, in_open, end) = snapshot?;

        let mut found = Vec::new();
        // The open segment is the newest.
        let next = match search.order {
            Order::NewestFirst => {
                search.take(&mut found, open_first, in_open);
                self.look_into(&segments, search, &mut found)?
            }
            Order::OldestFirst => {
                let next = self.look_into(&segments, search, &mut found)?;
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
        Some(Found { sequences: found, next })
    }

    /// Looks into segments until it has as many records as are wanted. With a
    /// position, it has looked into too many, and goes on there next time. `None`
    /// if the file cannot be read.
    fn look_into(
        &self,
        segments: &[Segment],
        search: &Search,
        found: &mut Vec<Sequence>,
    ) -> Option<Option<Sequence>> {
        match self.try_to_look_into(segments, search, found) {
            Ok(next) => Some(next),
            Err(fault) => {
                *self.fault.lock() = Some(fault);
                self.wake.notify_one();
                None
            }
        }
    }

    fn try_to_look_into(
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
        let mut looked_up = 0;
        let mut next = None;
        for segment in path {
            if looked_up >= MAX_LOOKED_UP {
                next = Some(search.before(segment));
                break;
            }
            let mut positions = Vec::new();
            if let Some(ahead) = search.ahead(segment.first) {
                looked_up += search.terms.len();
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

    fn with_state<T>(&self, look: impl FnOnce(&State) -> T) -> Option<T> {
        self.state.read().as_ref().map(look)
    }

    fn change_state(&self, change: impl FnOnce(&mut State)) {
        if let Some(state) = &mut *self.state.write() {
            change(state);
        }
    }
}
