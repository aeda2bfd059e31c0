//! The log in one SQLite file: the default backend.
//!
//! One thread writes. It takes whatever is queued, stores it as one transaction
//! with one sync, then moves the tail and answers the waiters. There is no timer
//! that waits for more: while a batch is being written the next one gathers.
//! Readers near the tail are served from memory, others by a fixed pool of
//! read-only connections.

mod store;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::{Semaphore, watch};

pub use self::store::STORE_FORMAT;
use self::{
    store::{Reader, Store},
    writer::{Job, Writer},
};
use super::{AppendError, Appending, EventLog, LogState, NewRecord, Page, ReadError, Tail, ring::Ring};
use crate::event::{Epoch, Sequence, Timestamp};

/// Most records that wait for the writer; beyond it appends get [`AppendError::QueueFull`].
pub const QUEUE_RECORDS: usize = 4096;
/// Most bytes of records that wait for the writer; beyond it likewise.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// A write that takes longer than a callback's deadline.
const SLOW_WRITE: Duration = Duration::from_secs(2);
/// Read-only connections; further readers wait for one.
const READERS: usize = 4;

/// Where and how to keep the log.
#[derive(Debug, Clone)]
pub struct DiskOptions {
    /// The data directory; made if it is missing, and locked for one process.
    pub dir: PathBuf,
    /// Memory for the newest records, in bytes.
    pub ring_bytes: usize,
}

/// Why the log could not be opened, or opened again after a write error.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory could not be made or read.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has the directory.
    #[error("{path} is in use by another process; give each gateway its own --data-dir")]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer program wrote the store.
    #[error(
        "{path} has store format {found}, but this program knows formats up to {STORE_FORMAT}; \
         run the version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The store's file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// The file is an SQLite database of something else.
    #[error("{path} is not a callback-gateway store; choose another --data-dir")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The store behind a running log was deleted or exchanged.
    #[error(
        "{path} is no longer the store that this process opened; put it back, or restart to use what is there"
    )]
    Replaced {
        /// The store's file.
        path: PathBuf,
    },
    /// After a write error, another program's reading keeps the log from recovering.
    #[error("{path} is being read by another program; end it, and the log recovers by itself")]
    InTheWay {
        /// The store's file.
        path: PathBuf,
    },
    /// SQLite could not open it or write to it.
    #[error("{path}: {source}")]
    Sqlite {
        /// The store's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No thread could be started for the writer.
    #[error("starting the log's writer: {0}")]
    Thread(io::Error),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct DiskLog {
    shared: Arc<Shared>,
    /// `None` once the log is closed. Dropped without [`EventLog::close`], the writer
    /// still writes what is queued, but nobody waits for it.
    queue: Mutex<Option<mpsc::SyncSender<Job>>>,
    queue_bytes: Arc<Semaphore>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<ReaderPool>,
}

/// What the writer and the readers share.
#[derive(Debug)]
struct Shared {
    epoch: Epoch,
    epoch_start: Timestamp,
    ring: RwLock<Ring>,
    tail: watch::Sender<Tail>,
    state: watch::Sender<LogState>,
    /// When the writer began what it is writing now.
    writing_since: Mutex<Option<Instant>>,
    oldest: AtomicU64,
    /// Readers hold it for one page; the writer holds it alone to reset the WAL.
    checkpoint_gate: RwLock<()>,
}

#[derive(Debug)]
struct ReaderPool {
    path: PathBuf,
    /// Connections not in use; one that failed is not put back. All are opened at
    /// the start: while one is attached, SQLite keeps the WAL and its index, so
    /// that reading goes on when the disk is full and the writer starts over.
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
}

impl Shared {
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
}

impl DiskLog {
    /// Opens the log, making it if it is missing. Blocks on the disk.
    pub fn open(options: DiskOptions) -> Result<Self, OpenError> {
        let lock = store::prepare_dir(&options.dir)?;
        let path = options.dir.join(store::FILE_NAME);
        let store = Store::open(&path)?;
        let state = store.state();
        let readers = (0..READERS).map(|_| Reader::open(&path, state.epoch)).collect::<Result<_, _>>()?;
        // On a full disk this fails, and the log starts as one that recovers: reading works.
        let store = match store.reset_wal() {
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
            epoch: state.epoch,
            epoch_start: state.epoch_start,
            ring: RwLock::new(Ring::new(options.ring_bytes, state.tail.end)),
            tail: watch::Sender::new(state.tail),
            state: watch::Sender::new(log_state),
            writing_since: Mutex::default(),
            oldest: AtomicU64::new(state.oldest.0),
            checkpoint_gate: RwLock::new(()),
        });
        let (queue, jobs) = mpsc::sync_channel(QUEUE_RECORDS);
        let writer =
            Writer::new(store, state, path.clone(), lock, Arc::clone(&shared), jobs, options.ring_bytes);
        let writer = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(OpenError::Thread)?;
        Ok(Self {
            shared,
            queue: Mutex::new(Some(queue)),
            queue_bytes: Arc::new(Semaphore::new(QUEUE_BYTES)),
            writer: Mutex::new(Some(writer)),
            readers: Arc::new(ReaderPool {
                path,
                idle: Mutex::new(readers),
                permits: Arc::new(Semaphore::new(READERS)),
            }),
        })
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
        queue.try_send(Job { record, reply, _queue_bytes: permit }).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => AppendError::QueueFull,
            mpsc::TrySendError::Disconnected(_) => AppendError::Closed,
        })?;
        Ok(appending)
    }

    /// Runs a read on the pool. It runs to its end even if nobody waits for it
    /// any more, so a connection is never left in the middle of something.
    async fn on_disk(
        &self,
        read: impl FnOnce(&mut Reader, &Shared) -> Result<Page, ReadError> + Send + 'static,
    ) -> Result<Page, ReadError> {
        let permit = Arc::clone(&self.readers.permits)
            .acquire_owned()
            .await
            .map_err(|_| ReadError::Unavailable("the log is closed".to_owned()))?;
        let (pool, shared) = (Arc::clone(&self.readers), Arc::clone(&self.shared));
        let work = move || {
            let _permit = permit;
            let _gate = shared.checkpoint_gate.read().unwrap_or_else(PoisonError::into_inner);
            let idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut reader = match idle {
                Some(reader) => reader,
                None => Reader::open(&pool.path, shared.epoch)?,
            };
            let page = read(&mut reader, &shared);
            if !matches!(page, Err(ReadError::Unavailable(_))) {
                pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            }
            if let Err(ReadError::Trimmed { oldest }) = page {
                shared.oldest.fetch_max(oldest.0, Ordering::Relaxed);
            }
            page
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(ReadError::Unavailable(format!("the read stopped: {error}"))))
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
            None => self
                .on_disk(move |reader, shared| reader.read(from, shared.tail.borrow().end, max_records))
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
                    reader.read_back(before.min(shared.tail.borrow().end), max_records)
                })
                .boxed(),
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
            // The writer ends once it has written what is queued.
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.readers.permits.close();
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            if let Some(writer) = writer {
                match tokio::task::spawn_blocking(move || writer.join()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => tracing::error!("the log's writer panicked"),
                    Err(error) => tracing::error!(%error, "could not wait for the log's writer"),
                }
            }
        }
        .boxed()
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Io { path: path.to_owned(), source }
}

fn sqlite_error(path: &Path) -> impl FnOnce(rusqlite::Error) -> OpenError {
    move |source| OpenError::Sqlite { path: path.to_owned(), source }
}
