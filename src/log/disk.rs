//! Log in one SQLite file: the default backend.
//!
//! One thread writes. It stores all queued records in one transaction with one sync, then moves the tail and answers the
//! callers. No timer waits for more records: while one batch is written, the next one gathers. Between batches the writer
//! deletes what [`Retention`] does not keep, a slice at a time.
//!
//! Readers near the tail are served from memory, others by a fixed number of threads with read-only connections. Another
//! thread follows the log and keeps an index of it, in a file of its own.

mod aside;
mod clock;
#[cfg(test)]
mod clock_tests;
mod end;
mod error;
mod index_source;
mod medium;
mod open;
mod pages;
mod reader;
mod readers;
mod recovery;
mod repair;
mod rescue;
mod retention;
#[cfg(test)]
mod retention_tests;
mod rewrite;
mod salvage;
#[cfg(test)]
mod salvage_tests;
mod scrub;
mod state;
mod store;
mod verify;
mod wal;
#[cfg(test)]
mod wal_tests;
mod writer;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

pub use self::{
    aside::MAX_SET_ASIDE,
    error::OpenError,
    repair::{RepairOutcome, Repaired, repair},
    retention::Retention,
    store::STORE_FORMAT,
    verify::{Checked, Verified, verify},
};
use self::{
    error::{io_error, sqlite_error},
    pages::PageCache,
    reader::Reader,
    scrub::ScrubThread,
    state::{DiskState, NEVER_TRIMMED},
    writer::{QueuePermit, QueuedRecord},
};
use super::{
    Anomalies, AppendError, Appending, EventLog, Holes, LogState, NewRecord, Order, PAGE_RECORDS, Page,
    Queue, ReadError, Tail, Terms, Usage,
    index::{Index, IndexerThread},
    workers::{ThreadHandle, Workers},
};
use crate::event::{Epoch, Sequence, Timestamp};

/// Most records that wait for the writer. Beyond it appends get [`AppendError::QueueFull`].
pub const QUEUE_RECORDS: usize = 4096;
/// Most bytes of records that wait for the writer. Beyond it appends get [`AppendError::QueueFull`].
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// Options of a log on disk.
#[derive(Debug, Clone)]
pub struct DiskOptions {
    /// Data directory. Created if it is missing, and locked for one process.
    pub dir: PathBuf,
    /// Memory for the newest records, in bytes.
    pub ring_bytes: usize,
    /// Limits on what the disk keeps.
    pub retention: Retention,
    /// Begin a new epoch, for example after a backup was restored.
    pub new_epoch: bool,
    /// Keep an index by account, group and command.
    pub index: bool,
    /// Set aside a store that is damaged as a whole, and begin another log in its place. Otherwise the log is not opened, and
    /// a store that becomes damaged in use takes no records.
    pub set_aside_damaged: bool,
}

impl DiskOptions {
    /// Returns options of a log that keeps everything, with an index.
    pub fn new(dir: PathBuf, ring_bytes: usize) -> Self {
        Self {
            dir,
            ring_bytes,
            retention: Retention::default(),
            new_epoch: false,
            index: true,
            set_aside_damaged: true,
        }
    }
}

/// Log on disk. See the [module](self).
#[derive(Debug)]
pub struct DiskLog {
    shared: Arc<DiskState>,
    /// `None` after the log was closed. If the log is dropped without [`EventLog::close`], the writer still writes the queued
    /// records, but no caller waits for it.
    queue: Mutex<Option<mpsc::SyncSender<QueuedRecord>>>,
    queue_bytes: Arc<Semaphore>,
    /// Records in the queue and in the batch in progress.
    queue_records: Arc<AtomicUsize>,
    writer: Mutex<Option<ThreadHandle>>,
    /// Threads that read the disk.
    readers: Workers,
    pub(in crate::log) index: Option<Arc<Index>>,
    /// `None` without an index, and after the log was closed. Dropping it ends the thread.
    indexer: Mutex<Option<IndexerThread>>,
    /// `None` if the log was empty at the start, and after it was closed. Dropping it ends the thread.
    scrubber: Mutex<Option<ScrubThread>>,
}

impl DiskLog {
    /// Moves the oldest sequence as retention does, without deleting anything.
    #[cfg(test)]
    pub(in crate::log) fn set_oldest(&self, oldest: Sequence) {
        self.shared.oldest.store(oldest.0, Ordering::Relaxed);
    }

    fn enqueue(&self, record: NewRecord) -> Result<Appending, AppendError> {
        let bytes = u32::try_from(record.stored.bytes().len()).map_err(|_| AppendError::QueueFull)?;
        let queue = self.queue.lock();
        let queue = queue.as_ref().ok_or(AppendError::Closed)?;
        if !self.shared.takes_appends() {
            return Err(AppendError::Recovering);
        }
        let permit = Arc::clone(&self.queue_bytes)
            .try_acquire_many_owned(bytes)
            .map_err(|_| AppendError::QueueFull)?;
        let (reply, appending) = Appending::pending();
        let permit = QueuePermit::new(permit, &self.queue_records);
        queue.try_send(QueuedRecord { record, reply, permit }).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => AppendError::QueueFull,
            mpsc::TrySendError::Disconnected(_) => AppendError::Closed,
        })?;
        Ok(appending)
    }

    /// Returns a page from the cache or the disk.
    async fn page(&self, from: Sequence) -> Result<Page, ReadError> {
        let known = move |shared: &DiskState| {
            let oldest = Sequence(shared.oldest.load(Ordering::Relaxed));
            shared.pages.get(from).filter(|_| from >= oldest)
        };
        if let Some(page) = known(&self.shared) {
            return Ok(page);
        }
        self.on_disk(move |reader, shared| {
            // Another reader may have read it while this one waited.
            if let Some(page) = known(shared) {
                return Ok(page);
            }
            let end = PageCache::end(from).min(shared.end());
            let page = reader.snapshot(|snapshot| snapshot.read(from, end, PAGE_RECORDS))?;
            shared.holes.note_read(&page.records);
            Ok(shared.pages.insert(from, page))
        })
        .await
    }

    /// Reads on one of the threads. The read runs to its end even if the caller stops waiting, so that no connection is left
    /// inside a transaction.
    async fn on_disk<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader, &DiskState) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let _gate = shared.checkpoint_gate.read();
            let page = shared.connections.read(|reader| {
                let page = read(reader, &shared);
                shared.note_bounds(reader.trimmed());
                if let Err(ReadError::Hole(hole)) = page {
                    shared.note_hole(hole, reader);
                }
                page
            });
            if let Err(ReadError::Trimmed { oldest }) = page {
                shared.oldest.fetch_max(oldest.0, Ordering::Relaxed);
            }
            page
        };
        let done = self.readers.run(work).await;
        done.unwrap_or_else(|error| Err(ReadError::Unavailable(error.to_string())))
    }
}

impl EventLog for DiskLog {
    fn epoch(&self) -> (Epoch, Timestamp) {
        (self.shared.epoch, self.shared.epoch_start)
    }

    fn append(&self, record: NewRecord) -> Appending {
        self.enqueue(record).unwrap_or_else(|error| Appending::done(Err(error)))
    }

    fn read(&self, from: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page = self.shared.ring.read().read(from, max_records);
        match page {
            Some(page) => std::future::ready(Ok(page)).boxed(),
            None if max_records >= PAGE_RECORDS => self.page(from).boxed(),
            None => self
                .on_disk(move |reader, shared| {
                    // Taken before the snapshot, which lacks later records: these are not lost.
                    let end = shared.end();
                    let page = reader.snapshot(|snapshot| snapshot.read(from, end, max_records))?;
                    shared.holes.note_read(&page.records);
                    Ok(page)
                })
                .boxed(),
        }
    }

    fn read_back(&self, before: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page = self.shared.ring.read().read_back(before, max_records);
        match page {
            Some(page) => std::future::ready(Ok(page)).boxed(),
            None => self
                .on_disk(move |reader, shared| {
                    let before = before.min(shared.end());
                    let page = reader.snapshot(|snapshot| snapshot.read_back(before, max_records))?;
                    shared.holes.note_read(&page.records);
                    Ok(page)
                })
                .boxed(),
        }
    }

    fn search<'a>(
        &'a self,
        terms: &'a Terms,
        position: Sequence,
        order: Order,
        max_records: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        async move {
            let found = match &self.index {
                Some(index) => index.find(terms, position, order, max_records).await,
                None => None,
            };
            match (found, order) {
                (Some(found), _) => {
                    self.on_disk(move |reader, _| {
                        reader
                            .snapshot(|snapshot| snapshot.pick(position, order, &found.sequences, found.next))
                    })
                    .await
                }
                (None, Order::OldestFirst) => self.read(position, max_records).await,
                (None, Order::NewestFirst) => self.read_back(position, max_records).await,
            }
        }
        .boxed()
    }

    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>> {
        let position = self.shared.ring.read().seek(time);
        match position {
            Some(position) => std::future::ready(Ok(position)).boxed(),
            None => self
                .on_disk(move |reader, shared| {
                    let end = shared.end();
                    reader.snapshot(|snapshot| snapshot.seek(time, end))
                })
                .boxed(),
        }
    }

    fn trimmed_until(&self) -> Option<Timestamp> {
        let time = self.shared.trimmed_until.load(Ordering::SeqCst);
        (time > NEVER_TRIMMED).then_some(Timestamp(time))
    }

    fn memory_start(&self) -> Sequence {
        self.shared.ring.read().start()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        let index = self.index.clone();
        self.on_disk(move |reader, shared| {
            let oldest = Sequence(shared.oldest.load(Ordering::Relaxed));
            Ok(Usage {
                backend: "disk",
                bytes: reader.file_bytes()? + index.as_ref().map_or(0, |index| index.file_bytes()),
                // An unusable index counts as one that has indexed nothing.
                index_end: index.map(|index| index.end().unwrap_or(oldest)),
            })
        })
        .boxed()
    }

    fn holes(&self) -> &Holes {
        &self.shared.holes
    }

    fn anomalies(&self) -> Anomalies {
        Anomalies {
            age_is_held: self.shared.age_is_held.load(Ordering::Relaxed),
            clock_behind: Duration::from_micros(self.shared.clock_behind.load(Ordering::Relaxed)),
            damaged_stores: self.shared.set_aside.load(Ordering::Relaxed),
            is_saving: self.shared.is_saving.load(Ordering::Relaxed),
        }
    }

    fn queue(&self) -> Queue {
        Queue {
            records: self.queue_records.load(Ordering::Relaxed),
            bytes: QUEUE_BYTES.saturating_sub(self.queue_bytes.available_permits()),
        }
    }

    fn tail(&self) -> watch::Receiver<Tail> {
        self.shared.tail.subscribe()
    }

    fn oldest(&self) -> Sequence {
        Sequence(self.shared.oldest.load(Ordering::Relaxed))
    }

    fn state(&self) -> watch::Receiver<LogState> {
        self.shared.state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            // Before the writer, whose connection must be the last one: it removes the write-ahead log.
            let scrubber = self.scrubber.lock().take();
            ended("scrubber", scrubber.map(ScrubThread::stop)).await;
            // The writer ends after it has written the queued records.
            self.queue.lock().take();
            let writer = self.writer.lock().take();
            let indexer = self.indexer.lock().take();
            let indexer = indexer.map(IndexerThread::stop);
            if let Some(index) = &self.index {
                index.close();
            }
            self.readers.close();
            self.shared.connections.close();
            ended("writer", writer).await;
            ended("indexer", indexer).await;
        }
        .boxed()
    }
}

async fn ended(name: &str, task: Option<ThreadHandle>) {
    if let Some(task) = task
        && !task.join().await
    {
        tracing::error!("the log's {name} panicked");
    }
}
