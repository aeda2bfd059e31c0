//! The log as its index's thread reads it.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::watch;

use super::state::DiskState;
use crate::{
    event::{Epoch, Sequence},
    log::{
        Page, ReadError, Tail,
        index::{Origin, Source},
    },
};

/// The log as its index's thread reads it.
#[derive(Debug)]
pub(super) struct IndexSource {
    pub(super) shared: Arc<DiskState>,
}

impl Source for IndexSource {
    fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    fn tail(&self) -> watch::Receiver<Tail> {
        self.shared.tail.subscribe()
    }

    fn oldest(&self) -> Sequence {
        Sequence(self.shared.oldest.load(Ordering::Relaxed))
    }

    fn read(&mut self, from: Sequence, max_records: usize) -> (Origin, Result<Page, ReadError>) {
        let page = self.shared.ring.read().read(from, max_records);
        match page {
            Some(page) => (Origin::Memory, Ok(page)),
            None => (Origin::Storage, self.read_store(from, max_records)),
        }
    }
}

impl IndexSource {
    fn read_store(&self, from: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let end = self.shared.end();
        let _gate = self.shared.checkpoint_gate.read();
        self.shared.connections.read(|reader| {
            let page = reader.snapshot(|snapshot| snapshot.read(from, end, max_records));
            if let Err(ReadError::Hole(hole)) = page {
                self.shared.note_hole(hole, reader);
            }
            page
        })
    }
}
