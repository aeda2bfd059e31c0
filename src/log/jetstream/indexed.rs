//! The index by account, group and command, which each gateway builds for itself on its own disk. It can be deleted: the
//! gateway builds another one.

use std::{
    io,
    path::Path,
    sync::{Arc, mpsc},
};

use futures_util::{StreamExt as _, stream};
use tokio::{runtime::Handle, sync::watch};

use super::{
    history::History,
    state::{StreamState, unavailable},
};
use crate::{
    event::{Epoch, Record, Sequence},
    log::{
        Cause, Hole, Order, Page, ReadError, Tail,
        index::{Index, Indexer, IndexerThread, Limits, Origin, SearchResult, Source},
        ring::PageBuilder,
    },
};

/// Number of records of a page that are requested at once.
const GETS: usize = 8;

/// An index, and the thread that builds it.
#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) index: Arc<Index>,
    following: IndexerThread,
}

impl Indexed {
    /// Creates the index, or continues the existing one.
    pub(super) fn begin(state: &Arc<StreamState>, history: &Arc<History>, dir: &Path) -> io::Result<Self> {
        let index = Arc::new(Index::new(dir)?);
        let (state, history) = (Arc::clone(state), Arc::clone(history));
        let source = StreamSource { state, history, runtime: Handle::current() };
        let (indexer, stop) = Indexer::new(Arc::clone(&index), Box::new(source), Limits::default());
        Ok(Self { index, following: indexer.spawn(stop)? })
    }

    /// Ends the thread, which takes only a moment once the log is closed.
    pub(super) async fn end(self) {
        self.index.close();
        if !self.following.stop().join().await {
            tracing::error!("the log's indexer panicked");
        }
    }
}

/// The stream as the index's thread reads it.
#[derive(Debug)]
struct StreamSource {
    state: Arc<StreamState>,
    history: Arc<History>,
    /// Runtime of the connection.
    runtime: Handle,
}

impl Source for StreamSource {
    fn epoch(&self) -> Epoch {
        self.state.epoch
    }

    fn tail(&self) -> watch::Receiver<Tail> {
        self.state.tail()
    }

    fn oldest(&self) -> Sequence {
        self.state.oldest()
    }

    fn read(&mut self, from: Sequence, max_records: usize) -> (Origin, Result<Page, ReadError>) {
        if let Some(page) = self.state.ring().read(from, max_records) {
            return (Origin::Memory, Ok(page));
        }
        let (state, history) = (Arc::clone(&self.state), Arc::clone(&self.history));
        let (page, at_page) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // The receiver waits for it.
            page.send(history.read(from, state.end(), max_records).await).ok();
        });
        (Origin::Storage, at_page.recv().unwrap_or_else(|error| Err(unavailable(error))))
    }
}

/// Returns the records that a search found, in this order. If the page has all of them, its `next` is the search's. The page
/// ends before a record that is missing. Upwards, what was trimmed is an error.
pub(super) async fn pick(
    state: &StreamState,
    history: &History,
    position: Sequence,
    order: Order,
    found: SearchResult,
) -> Result<Page, ReadError> {
    let mut page = PageBuilder::new(position, found.sequences.len());
    let mut next = found.next;
    let records = stream::iter(found.sequences);
    let records = records.map(move |sequence| async move { (sequence, one(state, history, sequence).await) });
    let mut records = records.buffered(GETS);
    let mut missing = None;
    while let Some((sequence, record)) = records.next().await {
        let is_full = match record {
            Ok(Some(record)) => !page.push(record),
            Ok(None) => {
                missing = Some(sequence);
                true
            }
            Err(error) if page.is_empty() => return Err(error),
            // The records before it are still returned.
            Err(_) => true,
        };
        if is_full {
            next = match order {
                Order::OldestFirst => sequence,
                Order::NewestFirst => sequence.next(),
            };
            break;
        }
    }
    drop(records);
    history.confirm().await?;
    // Looked at after reading: what was trimmed by then is not among the records.
    let oldest = state.oldest();
    if order == Order::OldestFirst && position < oldest {
        return Err(ReadError::Trimmed { oldest });
    }
    if let Some(missing) = missing.filter(|missing| page.is_empty() && *missing >= oldest) {
        return Err(ReadError::Hole(Hole::one(missing, Cause::Missing)));
    }
    Ok(Page { next, ..page.downwards() })
}

/// Returns the record at this position. `None` if it does not exist any longer. It may be of another stream before
/// [`History::confirm`].
async fn one(
    state: &StreamState,
    history: &History,
    sequence: Sequence,
) -> Result<Option<Record>, ReadError> {
    let page = state.ring().read(sequence, 1);
    let page = match page {
        Some(page) => Ok(page),
        None => history.read_unconfirmed(sequence, sequence.next(), 1).await,
    };
    match page {
        Ok(page) => {
            let record = page.records.first().cloned();
            Ok(record.filter(|record| record.sequence() == sequence))
        }
        Err(ReadError::Trimmed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
