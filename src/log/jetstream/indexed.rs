//! The index by account, group and command, which each gateway makes for itself on its
//! own disk: nothing is lost with it.

use std::{
    io,
    path::Path,
    sync::{Arc, mpsc},
};

use futures_util::{StreamExt as _, stream};
use tokio::{runtime::Handle, sync::watch};

use super::shared::{Shared, unavailable};
use crate::{
    event::{Epoch, Sequence},
    log::{
        Cause, Hole, Order, Page, ReadError, Tail,
        index::{Following, Found, Index, Indexer, Limits, Origin, Source},
        ring::PageBuilder,
    },
};

/// Records of a page that are got at once.
const GETS: usize = 8;

/// An index, and the thread that makes it.
#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) index: Arc<Index>,
    following: Following,
}

impl Indexed {
    /// Begins, or goes on where it was left.
    pub(super) fn begin(shared: &Arc<Shared>, dir: &Path) -> io::Result<Self> {
        let index = Arc::new(Index::new(dir)?);
        let source = FromStream { shared: Arc::clone(shared), runtime: Handle::current() };
        let (indexer, stop) = Indexer::new(Arc::clone(&index), Box::new(source), Limits::default());
        Ok(Self { index, following: indexer.spawn(stop)? })
    }

    /// Ends the thread, which is soon once the log is closed.
    pub(super) async fn end(self) {
        self.index.close();
        if !self.following.stop().ended().await {
            tracing::error!("the log's indexer panicked");
        }
    }
}

/// The stream as the index's thread reads it.
#[derive(Debug)]
struct FromStream {
    shared: Arc<Shared>,
    /// The connection's.
    runtime: Handle,
}

impl Source for FromStream {
    fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    fn tail(&self) -> watch::Receiver<Tail> {
        self.shared.tail.subscribe()
    }

    fn oldest(&self) -> Sequence {
        self.shared.oldest()
    }

    fn read(&mut self, from: Sequence, max_records: usize) -> (Origin, Result<Page, ReadError>) {
        if let Some(page) = self.shared.ring().read(from, max_records) {
            return (Origin::Memory, Ok(page));
        }
        let shared = Arc::clone(&self.shared);
        let (page, at_page) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            let end = shared.end();
            // The receiver waits for it.
            page.send(shared.read_history(from, end, max_records).await).ok();
        });
        (Origin::Storage, at_page.recv().unwrap_or_else(|error| Err(unavailable(error))))
    }
}

impl Shared {
    /// The records that a search found, in this order. With all of them, the page goes on where
    /// the search does. Ends before one that is missing. Upwards it says what was trimmed.
    pub(super) async fn pick(
        &self,
        position: Sequence,
        order: Order,
        found: Found,
    ) -> Result<Page, ReadError> {
        let mut page = PageBuilder::new(position, found.sequences.len());
        let mut next = found.next;
        let records = stream::iter(found.sequences);
        let records = records.map(move |sequence| async move { (sequence, self.one(sequence).await) });
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
                // What was found before is still given.
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
        self.confirm().await?;
        // Asked after reading: what was gone by then is not among the records.
        let oldest = self.oldest();
        if order == Order::OldestFirst && position < oldest {
            return Err(ReadError::Trimmed { oldest });
        }
        if let Some(missing) = missing.filter(|missing| page.is_empty() && *missing >= oldest) {
            return Err(ReadError::Hole(Hole::one(missing, Cause::Missing)));
        }
        Ok(Page { next, ..page.downwards() })
    }

    /// The record at this position; `None` if it is gone. It may be another stream's, until
    /// that is made sure.
    async fn one(&self, sequence: Sequence) -> Result<Option<crate::event::Record>, ReadError> {
        let page = self.ring().read(sequence, 1);
        let page = match page {
            Some(page) => Ok(page),
            None => self.read_unconfirmed(sequence, sequence.next(), 1).await,
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
}
