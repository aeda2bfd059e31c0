//! Opens the log, and starts its threads.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize},
        mpsc,
    },
};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, watch};

use super::{
    DiskLog, DiskOptions, OpenError, QUEUE_BYTES, QUEUE_RECORDS, aside,
    end::{EndFile, EndMark},
    index_source::IndexSource,
    io_error,
    pages::PageCache,
    readers::Connections,
    scrub::Scrubber,
    state::DiskState,
    store::{self, Store},
    writer::{Writer, WriterFiles},
};
use crate::{
    event::Timestamp,
    log::{
        Holes, LogState,
        index::{Index, Indexer, Limits, Stop},
        ring::Ring,
        workers::{ThreadHandle, Workers, lower_priority},
    },
};

/// Most threads that read the disk; further readers wait for one.
const READERS: usize = 4;

impl DiskLog {
    /// Opens the log, creating it if it is missing. Blocks on the disk.
    pub fn open(options: DiskOptions) -> Result<Self, OpenError> {
        let (log, indexer) = Self::open_unindexed(options, Limits::default())?;
        if let Some((indexer, stop)) = indexer {
            *log.indexer.lock() = Some(indexer.spawn(stop).map_err(OpenError::Thread)?);
        }
        Ok(log)
    }

    /// Opens the log, and leaves it to the caller to run the indexer until it drops the sender.
    pub(in crate::log) fn open_unindexed(
        options: DiskOptions,
        limits: Limits,
    ) -> Result<(Self, Option<(Indexer, Stop)>), OpenError> {
        let lock = store::prepare_dir(&options.dir)?;
        let path = options.dir.join(store::FILE_NAME);
        let (end, mark) = EndFile::open(&options.dir)?;
        let mut store = open_store(&options, mark)?;
        let state = store.state();
        let last_trusted = mark.map(|mark| mark.time).or((state.last_time.0 > 0).then_some(state.last_time));
        // The indexer and the scrubber read, too.
        let connections = Connections::open(&store, reader_threads() + 2)?;
        let is_writable = empty_wal(&mut store);
        let file = File::open(&path).map_err(io_error(&path))?;
        let shared = Arc::new(DiskState {
            identity: store.identity(),
            epoch: state.epoch,
            epoch_start: state.epoch_start,
            ring: RwLock::new(Ring::new(options.ring_bytes, state.tail.end)),
            tail: watch::Sender::new(state.tail),
            state: watch::Sender::new(if is_writable { LogState::Writable } else { LogState::Recovering }),
            writing_since: Mutex::default(),
            oldest: AtomicU64::new(state.oldest.0),
            trimmed_until: AtomicI64::new(state.trimmed_until.0),
            holes: Holes::default(),
            pages: PageCache::new(),
            connections,
            checkpoint_gate: RwLock::new(()),
            age_is_held: AtomicBool::new(false),
            clock_behind: AtomicU64::new(0),
            set_aside: AtomicUsize::new(aside::report(&options.dir)),
            is_saving: AtomicBool::new(false),
            file,
        });
        let scrub = Scrubber::begin(Arc::clone(&shared));
        let scrubber = scrub.map(Scrubber::spawn).transpose().map_err(OpenError::Thread)?;
        let (queue, pending) = mpsc::sync_channel(QUEUE_RECORDS);
        let files = WriterFiles { path, lock, end, last_trusted };
        let store = if is_writable { Ok(store) } else { Err(store.wal) };
        let writer = Writer::new(store, state, files, Arc::clone(&shared), pending, &options);
        let index = options.index.then(|| Index::new(&options.dir).map(Arc::new)).transpose();
        let index = index.map_err(OpenError::Thread)?;
        let readers =
            Workers::start("log-reader", reader_threads(), lower_priority).map_err(OpenError::Thread)?;
        let writer = ThreadHandle::spawn("log-writer", move || writer.run()).map_err(OpenError::Thread)?;
        let indexer = index.as_ref().map(|index| {
            let source = IndexSource { shared: Arc::clone(&shared) };
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
            scrubber: Mutex::new(scrubber),
        };
        Ok((log, indexer))
    }
}

/// Returns the number of threads that read the disk: at most one for two processors, so that readers of history leave
/// the others to callbacks.
fn reader_threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (processors / 2).clamp(1, READERS)
}

/// Opens the store, and corrects what an operator or `events.end` requires.
fn open_store(options: &DiskOptions, mark: Option<EndMark>) -> Result<Store, OpenError> {
    let mut store = aside::open(&options.dir, options.set_aside_damaged, mark)?;
    if options.new_epoch {
        store.correct_times(Timestamp::now())?;
        store.begin_epoch()?;
        tracing::warn!(epoch = %store.state().epoch, "the log begins a new epoch; earlier cursors are refused");
    }
    skip_lost_end(&mut store, mark)?;
    Ok(store)
}

/// Empties the write-ahead log. Returns whether the store takes writes: on a full disk the log starts without them, and
/// recovers.
fn empty_wal(store: &mut Store) -> bool {
    match store.reset_wal() {
        Ok(emptied) => {
            if !emptied {
                tracing::warn!(
                    "another program is reading the store; the write-ahead log grows until it ends"
                );
            }
            true
        }
        Err(error) => {
            tracing::error!(%error, "the log cannot be written to; refusing callbacks until it recovers");
            false
        }
    }
}

/// Reserves the sequences that the log had beyond its end if it lost its end: they are a hole, and no other event gets
/// them.
fn skip_lost_end(store: &mut Store, mark: Option<EndMark>) -> Result<(), OpenError> {
    let (epoch, end) = (store.state().epoch, store.state().tail.end);
    let Some(mark) = mark.filter(|mark| mark.epoch == epoch && mark.end > end) else { return Ok(()) };
    let lost = mark.end.0 - end.0;
    tracing::error!(
        lost,
        first = %end,
        last = %mark.end.previous(),
        "the log lost its end: acknowledged events are missing in the store, after damage or a restored backup; \
         subscribers that have not read them get a gap"
    );
    store.skip_to(mark.end)
}
