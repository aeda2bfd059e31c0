//! State that the writer, the readers and the index of a log share.

use std::{
    fs::File,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::{pages::PageCache, reader::Reader, readers::Connections, store::Trimmed};
use crate::{
    event::{Epoch, Sequence, Timestamp},
    log::{Hole, Holes, LogState, Tail, ring::Ring},
};

/// [`DiskState::trimmed_until`] of a log that nothing was deleted from.
pub(super) const NEVER_TRIMMED: i64 = 0;
/// Duration of a write after which appends are rejected: a callback's deadline.
const SLOW_WRITE: Duration = Duration::from_secs(2);

/// State that the writer, the readers and the index share.
#[derive(Debug)]
pub(super) struct DiskState {
    /// Device and inode of the store's file. The readers have this file open.
    pub(super) identity: (u64, u64),
    pub(super) epoch: Epoch,
    pub(super) epoch_start: Timestamp,
    pub(super) ring: RwLock<Ring>,
    pub(super) tail: watch::Sender<Tail>,
    pub(super) state: watch::Sender<LogState>,
    /// Start of the write in progress.
    pub(super) writing_since: Mutex<Option<Instant>>,
    pub(super) oldest: AtomicU64,
    /// Receive time of the newest record that retention has deleted or is about to delete; [`NEVER_TRIMMED`] if there is
    /// none. Set before the deletion, so that a reader that misses a record finds it.
    pub(super) trimmed_until: AtomicI64,
    /// Lost events that were found.
    pub(super) holes: Holes,
    /// Cache of recently read pages.
    pub(super) pages: PageCache,
    /// Connections for reading. Those in use hold the gate.
    pub(super) connections: Connections,
    /// Readers hold it for one page; the writer holds it alone to reset the WAL.
    pub(super) checkpoint_gate: RwLock<()>,
    /// See [`Anomalies`](crate::log::Anomalies).
    pub(super) age_is_held: AtomicBool,
    /// See [`Anomalies`](crate::log::Anomalies), in microseconds.
    pub(super) clock_behind: AtomicU64,
    /// Damaged stores in the data directory.
    pub(super) set_aside: AtomicUsize,
    /// The events of a deleted store are being saved.
    pub(super) is_saving: AtomicBool,
    /// The store's main file. Keeps its events while the file has no name. The last field: SQLite loses its POSIX locks on the
    /// file when this is closed.
    pub(super) file: File,
}

impl DiskState {
    /// Returns the tail's end. The borrow of the tail ends here: a reader that held it while it reads the disk would block
    /// the writer.
    pub(super) fn end(&self) -> Sequence {
        self.tail.borrow().end
    }

    /// Returns whether appends are accepted. A write that takes too long counts as failed until it ends: appends are
    /// rejected at once, and the log is not ready.
    pub(super) fn takes_appends(&self) -> bool {
        // Held until the state is set: if the write ended in between, the state would stay, as no append would follow
        // that resets it.
        let writing_since = self.writing_since.lock();
        if writing_since.is_some_and(|since| since.elapsed() > SLOW_WRITE) {
            self.state.send_if_modified(|state| {
                let is_news = *state == LogState::Writable;
                if is_news {
                    *state = LogState::Recovering;
                    tracing::error!("the disk takes too long; refusing callbacks until the write ends");
                }
                is_news
            });
        }
        drop(writing_since);
        *self.state.borrow() == LogState::Writable
    }

    /// Notes events that a reader could not read.
    pub(super) fn note_hole(&self, hole: Hole, reader: &mut Reader) {
        let behind = reader.snapshot(|snapshot| snapshot.first_from(hole.last.next(), self.end()));
        self.holes.note(hole, behind.ok().flatten().map(|record| record.receive_time()));
    }

    /// Notes events that the store no longer has, as another program may have deleted them. Readers must not take them for
    /// a hole.
    pub(super) fn note_bounds(&self, trimmed: Trimmed) {
        if trimmed.oldest.0 > self.oldest.load(Ordering::Relaxed) && trimmed.oldest <= self.end() {
            // First, so that a reader that misses a record knows of it.
            self.trimmed_until.fetch_max(trimmed.until.0, Ordering::SeqCst);
            self.note_trimmed(trimmed.oldest);
        }
    }

    /// Removes records below `oldest` from memory, too, so that every way to read them gives the same answer.
    pub(super) fn note_trimmed(&self, oldest: Sequence) {
        let mut ring = self.ring.write();
        ring.trim(oldest);
        self.pages.trim(oldest);
        self.holes.trim(oldest);
        self.oldest.fetch_max(oldest.0, Ordering::Relaxed);
    }
}
