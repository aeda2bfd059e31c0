//! The log in one SQLite file: the default backend.
//!
//! One thread writes. It takes whatever is queued, stores it as one transaction
//! with one sync, then moves the tail and answers the waiters. There is no timer
//! that waits for more: while a batch is being written the next one gathers.
//! Between batches it deletes what [`Retention`] does not keep, a slice at a time.
//! Readers near the tail are served from memory, others by a fixed number of
//! threads with read-only connections. Another thread follows the log and keeps an index of
//! it, in a file of its own.

mod aside;
mod clock;
#[cfg(test)]
mod clock_tests;
mod end;
mod error;
mod medium;
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
mod store;
mod verify;
mod wal;
#[cfg(test)]
mod wal_tests;
mod writer;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};
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
    end::{EndFile, EndMark},
    error::{io_error, sqlite_error},
    pages::Pages,
    reader::Reader,
    readers::Connections,
    scrub::{Scrub, Scrubbing},
    store::{Store, Trimmed},
    writer::{Files, Job, QueuePlace, Writer},
};
use super::{
    Anomalies, AppendError, Appending, EventLog, Hole, Holes, LogState, NewRecord, Order, PAGE_RECORDS, Page,
    Queue, ReadError, Tail, Terms, Usage,
    index::{Following, Index, Indexer, Limits, Origin, Source, Stop},
    ring::Ring,
    workers::{Task, Workers, step_back},
};
use crate::event::{Epoch, Sequence, Timestamp};

/// Most records that wait for the writer; beyond it appends get [`AppendError::QueueFull`].
pub const QUEUE_RECORDS: usize = 4096;
/// Most bytes of records that wait for the writer; beyond it likewise.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// A write that takes longer than a callback's deadline.
const SLOW_WRITE: Duration = Duration::from_secs(2);
/// [`Shared::trimmed_until`] of a log that nothing was deleted from.
const NEVER_TRIMMED: i64 = 0;
/// Most read-only connections; further readers wait for one.
const READERS: usize = 4;

/// How many pages are read from the disk at the same time: at most on half of the processors, so
/// that whoever catches up does not take them all from the callbacks.
fn readers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (processors / 2).clamp(1, READERS)
}

/// Where and how to keep the log.
#[derive(Debug, Clone)]
pub struct DiskOptions {
    /// The data directory; made if it is missing, and locked for one process.
    pub dir: PathBuf,
    /// Memory for the newest records, in bytes.
    pub ring_bytes: usize,
    /// What is kept on the disk.
    pub retention: Retention,
    /// Give the log another epoch, as after a backup was restored.
    pub new_epoch: bool,
    /// Whether to keep an index by account, group and command.
    pub index: bool,
    /// Whether to set a store aside that is damaged as a whole, and begin another log in its place. Otherwise it is not
    /// opened, and takes no records.
    pub set_aside_damaged: bool,
}

impl DiskOptions {
    /// A log that keeps everything, with an index.
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

/// See the module's documentation.
#[derive(Debug)]
pub struct DiskLog {
    shared: Arc<Shared>,
    /// `None` once the log is closed. Dropped without [`EventLog::close`], the writer
    /// still writes what is queued, but nobody waits for it.
    queue: Mutex<Option<mpsc::SyncSender<Job>>>,
    queue_bytes: Arc<Semaphore>,
    /// Records in the queue and in the batch that is being written.
    queue_records: Arc<AtomicUsize>,
    writer: Mutex<Option<Task>>,
    /// The threads that read the disk.
    readers: Workers,
    pub(in crate::log) index: Option<Arc<Index>>,
    /// `None` without an index, and once the log is closed. Dropping it ends the thread.
    indexer: Mutex<Option<Following>>,
    /// `None` if the start has checked all, and once the log is closed. Dropping it ends the thread.
    scrubbing: Mutex<Option<Scrubbing>>,
}

/// What the writer and the readers share.
#[derive(Debug)]
struct Shared {
    /// The store's file, by device and inode: the readers have this one open.
    identity: (u64, u64),
    epoch: Epoch,
    epoch_start: Timestamp,
    ring: RwLock<Ring>,
    tail: watch::Sender<Tail>,
    state: watch::Sender<LogState>,
    /// When the writer began what it is writing now.
    writing_since: Mutex<Option<Instant>>,
    oldest: AtomicU64,
    /// Receive time of the newest record that retention has deleted, or is about to
    /// delete: set before, so that whoever misses a record knows of it.
    trimmed_until: AtomicI64,
    /// What was found to be lost.
    holes: Holes,
    /// What readers read last.
    pages: Pages,
    /// Connections for reading. Those in use hold the gate.
    connections: Connections,
    /// Readers hold it for one page; the writer holds it alone to reset the WAL.
    checkpoint_gate: RwLock<()>,
    /// See [`Anomalies`].
    age_is_held: AtomicBool,
    /// In microseconds.
    clock_behind: AtomicU64,
    /// Damaged stores in the data directory.
    set_aside: AtomicUsize,
}

impl Shared {
    /// The tail's end. Whoever holds what `tail.borrow()` gives keeps the tail from
    /// moving, and with it the writer: so nobody does while it reads the disk.
    fn end(&self) -> Sequence {
        self.tail.borrow().end
    }

    /// Whether appends are taken now. A write that takes too long is as good as
    /// one that failed, until it ends: callers are refused at once and the
    /// platform is told.
    fn takes_appends(&self) -> bool {
        // Held until it is marked: were the write to end in between, the mark would stay,
        // and with no append let through nothing would ever take it away.
        let writing_since = self.writing_since.lock().unwrap_or_else(PoisonError::into_inner);
        if writing_since.is_some_and(|since| since.elapsed() > SLOW_WRITE) {
            self.state.send_if_modified(|state| {
                let is_news = *state == LogState::Writable;
                if is_news {
                    *state = LogState::Recovering;
                    tracing::error!("the disk takes too long; refusing callbacks until it has caught up");
                }
                is_news
            });
        }
        drop(writing_since);
        *self.state.borrow() == LogState::Writable
    }

    /// Notes what a reader could not read.
    fn note_hole(&self, hole: Hole, reader: &mut Reader) {
        let behind = reader.snapshot(|snapshot| snapshot.first_from(hole.last.next(), self.end()));
        self.holes.note(hole, behind.ok().flatten().map(|record| record.receive_time()));
    }

    /// Notes what the store has no longer: another program may have deleted it. An empty page says that nothing is below,
    /// and readers must not take that for a hole.
    fn note_bounds(&self, trimmed: Trimmed) {
        if trimmed.oldest.0 > self.oldest.load(Ordering::Relaxed) && trimmed.oldest <= self.end() {
            // First, so that a reader that misses a record knows of it.
            self.trimmed_until.fetch_max(trimmed.until.0, Ordering::SeqCst);
            self.oldest.fetch_max(trimmed.oldest.0, Ordering::Relaxed);
        }
    }

    /// Notes that records below `oldest` are gone, in memory too: reading there
    /// gives the same answer from wherever it is tried.
    fn note_trimmed(&self, oldest: Sequence) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        ring.trim(oldest);
        self.pages.trim(oldest);
        self.holes.trim(oldest);
        self.oldest.fetch_max(oldest.0, Ordering::Relaxed);
    }
}

impl DiskLog {
    /// Opens the log, making it if it is missing. Blocks on the disk.
    pub fn open(options: DiskOptions) -> Result<Self, OpenError> {
        let (log, indexer) = Self::open_unindexed(options, Limits::default())?;
        if let Some((indexer, stop)) = indexer {
            let indexer = indexer.spawn(stop).map_err(OpenError::Thread)?;
            *log.indexer.lock().unwrap_or_else(PoisonError::into_inner) = Some(indexer);
        }
        Ok(log)
    }

    /// Opens the log, and leaves it to the caller to have it indexed, until it drops the sender.
    pub(in crate::log) fn open_unindexed(
        options: DiskOptions,
        limits: Limits,
    ) -> Result<(Self, Option<(Indexer, Stop)>), OpenError> {
        let lock = store::prepare_dir(&options.dir)?;
        let path = options.dir.join(store::FILE_NAME);
        let (end, mark) = EndFile::open(&options.dir)?;
        let mut store = aside::open(&options.dir, options.set_aside_damaged, mark)?;
        if options.new_epoch {
            store.correct_times(Timestamp::now())?;
            store.begin_epoch()?;
            tracing::warn!(epoch = %store.state().epoch, "the log begins a new epoch: earlier cursors are refused");
        }
        skip_lost_end(&mut store, mark)?;
        let (state, identity) = (store.state(), store.identity());
        let last_trusted = mark.map(|mark| mark.time).or((state.last_time.0 > 0).then_some(state.last_time));
        // The index's thread and the scrubber read, too.
        let connections = Connections::open(&path, state.epoch, self::readers() + 2)?;
        // On a full disk this fails, and the log starts as one that recovers: reading works.
        let emptied = store.reset_wal();
        let store = match emptied {
            Ok(emptied) => {
                if !emptied {
                    tracing::warn!(
                        "another program is reading the store; the write-ahead log grows meanwhile"
                    );
                }
                Some(store)
            }
            Err(error) => {
                tracing::error!(%error, "the log cannot be written to");
                None
            }
        };
        let log_state = if store.is_some() { LogState::Writable } else { LogState::Recovering };
        let shared = Arc::new(Shared {
            identity,
            epoch: state.epoch,
            epoch_start: state.epoch_start,
            ring: RwLock::new(Ring::new(options.ring_bytes, state.tail.end)),
            tail: watch::Sender::new(state.tail),
            state: watch::Sender::new(log_state),
            writing_since: Mutex::default(),
            oldest: AtomicU64::new(state.oldest.0),
            trimmed_until: AtomicI64::new(state.trimmed_until.0),
            holes: Holes::default(),
            pages: Pages::new(),
            connections,
            checkpoint_gate: RwLock::new(()),
            age_is_held: AtomicBool::new(false),
            clock_behind: AtomicU64::new(0),
            set_aside: AtomicUsize::new(aside::report(&options.dir)),
        });
        let scrub = Scrub::begin(Arc::clone(&shared));
        let scrubbing = scrub.map(Scrub::spawn).transpose().map_err(OpenError::Thread)?;
        let (queue, jobs) = mpsc::sync_channel(QUEUE_RECORDS);
        let files = Files { path, lock, end, last_trusted };
        let writer = Writer::new(store, state, files, Arc::clone(&shared), jobs, &options);
        let index = options.index.then(|| Index::new(&options.dir).map(Arc::new)).transpose();
        let index = index.map_err(OpenError::Thread)?;
        let readers = Workers::start("log-reader", readers(), step_back).map_err(OpenError::Thread)?;
        let writer = Task::spawn("log-writer", move || writer.run()).map_err(OpenError::Thread)?;
        let indexer = index.as_ref().map(|index| {
            let source = Stored { shared: Arc::clone(&shared) };
            Indexer::new(Arc::clone(index), Box::new(source), limits)
        });
        let log = Self {
            shared,
            queue: Mutex::new(Some(queue)),
            queue_bytes: Arc::new(Semaphore::new(QUEUE_BYTES)),
            queue_records: Arc::default(),
            writer: Mutex::new(Some(writer)),
            readers,
            index,
            indexer: Mutex::default(),
            scrubbing: Mutex::new(scrubbing),
        };
        Ok((log, indexer))
    }

    /// As retention does it, without deleting anything.
    #[cfg(test)]
    pub(in crate::log) fn set_oldest(&self, oldest: Sequence) {
        self.shared.oldest.store(oldest.0, Ordering::Relaxed);
    }

    fn enqueue(&self, record: NewRecord) -> Result<Appending, AppendError> {
        let bytes = u32::try_from(record.stored.bytes().len()).map_err(|_| AppendError::QueueFull)?;
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(AppendError::Closed)?;
        if !self.shared.takes_appends() {
            return Err(AppendError::Recovering);
        }
        let permit = Arc::clone(&self.queue_bytes)
            .try_acquire_many_owned(bytes)
            .map_err(|_| AppendError::QueueFull)?;
        let (reply, appending) = Appending::pending();
        let place = QueuePlace::new(permit, &self.queue_records);
        queue.try_send(Job { record, reply, place }).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => AppendError::QueueFull,
            mpsc::TrySendError::Disconnected(_) => AppendError::Closed,
        })?;
        Ok(appending)
    }

    /// A page from the disk, or as somebody else has just read it.
    async fn page(&self, from: Sequence) -> Result<Page, ReadError> {
        let known = move |shared: &Shared| {
            let oldest = Sequence(shared.oldest.load(Ordering::Relaxed));
            shared.pages.get(from).filter(|_| from >= oldest)
        };
        if let Some(page) = known(&self.shared) {
            return Ok(page);
        }
        self.on_disk(move |reader, shared| {
            // Somebody else may have read it while this one waited.
            if let Some(page) = known(shared) {
                return Ok(page);
            }
            let end = Pages::end(from).min(shared.end());
            let page = reader.snapshot(|snapshot| snapshot.read(from, end, PAGE_RECORDS))?;
            shared.holes.note_read(&page.records);
            Ok(shared.pages.insert(from, page))
        })
        .await
    }

    /// Reads on one of the readers' threads. The read runs to its end even if the caller stops
    /// waiting, so a connection is never left in the middle of something.
    async fn on_disk<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader, &Shared) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let _gate = shared.checkpoint_gate.read().unwrap_or_else(PoisonError::into_inner);
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

/// Gives the sequences that the log had beyond its end to no other events, if it lost its end: they are a hole.
fn skip_lost_end(store: &mut Store, mark: Option<EndMark>) -> Result<(), OpenError> {
    let (epoch, end) = (store.state().epoch, store.state().tail.end);
    let Some(mark) = mark.filter(|mark| mark.epoch == epoch && mark.end > end) else { return Ok(()) };
    let lost = mark.end.0 - end.0;
    tracing::error!(
        lost,
        first = %end,
        last = %mark.end.previous(),
        "the log lost its end: events that were acknowledged are not in the store, after damage to it or a \
         restored backup; their sequences are a hole, which subscribers that have not read them are told of"
    );
    store.skip_to(mark.end)
}

/// The log as its index's thread reads it.
#[derive(Debug)]
struct Stored {
    shared: Arc<Shared>,
}

impl Source for Stored {
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
        let page = self.shared.ring.read().unwrap_or_else(PoisonError::into_inner).read(from, max_records);
        match page {
            Some(page) => (Origin::Memory, Ok(page)),
            None => (Origin::Storage, self.read_store(from, max_records)),
        }
    }
}

impl Stored {
    fn read_store(&self, from: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let end = self.shared.end();
        let _gate = self.shared.checkpoint_gate.read().unwrap_or_else(PoisonError::into_inner);
        self.shared.connections.read(|reader| {
            let page = reader.snapshot(|snapshot| snapshot.read(from, end, max_records));
            if let Err(ReadError::Hole(hole)) = page {
                self.shared.note_hole(hole, reader);
            }
            page
        })
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
        let page = self.shared.ring.read().unwrap_or_else(PoisonError::into_inner).read(from, max_records);
        match page {
            Some(page) => std::future::ready(Ok(page)).boxed(),
            None if max_records >= PAGE_RECORDS => self.page(from).boxed(),
            None => self
                .on_disk(move |reader, shared| {
                    // Before the snapshot: what is stored later is not in it, and not lost.
                    let end = shared.end();
                    let page = reader.snapshot(|snapshot| snapshot.read(from, end, max_records))?;
                    shared.holes.note_read(&page.records);
                    Ok(page)
                })
                .boxed(),
        }
    }

    fn read_back(&self, before: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page =
            self.shared.ring.read().unwrap_or_else(PoisonError::into_inner).read_back(before, max_records);
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
        let position = self.shared.ring.read().unwrap_or_else(PoisonError::into_inner).seek(time);
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
        self.shared.ring.read().unwrap_or_else(PoisonError::into_inner).start()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        let index = self.index.clone();
        self.on_disk(move |reader, shared| {
            let oldest = Sequence(shared.oldest.load(Ordering::Relaxed));
            Ok(Usage {
                backend: "disk",
                bytes: reader.file_bytes()? + index.as_ref().map_or(0, |index| index.file_bytes()),
                // One that cannot be used is as good as one that has not begun.
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
            // First, so that the writer's connection is the last one and removes the write-ahead log.
            let scrubbing = self.scrubbing.lock().unwrap_or_else(PoisonError::into_inner).take();
            ended("scrubber", scrubbing.map(Scrubbing::stop)).await;
            // The writer ends once it has written what is queued.
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            let indexer = self.indexer.lock().unwrap_or_else(PoisonError::into_inner).take();
            let indexer = indexer.map(Following::stop);
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

async fn ended(name: &str, task: Option<Task>) {
    if let Some(task) = task
        && !task.ended().await
    {
        tracing::error!("the log's {name} panicked");
    }
}
