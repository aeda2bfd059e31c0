//! Indexer thread: follows the log and builds the index.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{sync::watch, time::sleep};

use super::{
    Index, IndexState, LOOKUPS, LastRecord, Limits, OpenSegment, Origin, Segment, Source,
    file::{Fault, IndexFile, Lookup},
};
use crate::{
    event::Sequence,
    log::{PAGE_RECORDS, Page, ReadError, Tail, files::remove_database, workers::ThreadHandle},
};

/// Pause after the tail has moved, so that records are indexed in batches. Searches read the records that
/// arrive meanwhile from the log.
const GATHER: Duration = Duration::from_millis(100);
/// Interval of checks for trimmed segments while no records arrive.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after a transient fault, and the minimum between two rebuilds.
const RETRY: Duration = Duration::from_secs(30);
/// Minimum work before a pause while callbacks arrive, in processor time.
const STINT: Duration = Duration::from_millis(5);
/// Ratio of pause to work while the indexer reads from storage. It is then far behind, and speed does not
/// matter. A rebuild uses at most a quarter of a processor of a busy gateway, and is still faster than new
/// records arrive.
const REST_BEHIND: u32 = 3;
/// Ratio of pause to work while the indexer reads from memory. Searches have to read the records that it has
/// not reached.
const REST_NEAR: u32 = 1;
/// Maximum pause.
const MAX_REST: Duration = Duration::from_millis(50);
/// Maximum size of the WAL. Above it, new searches are blocked for a moment to empty it.
const MAX_WAL_BYTES: u64 = 32 * 1024 * 1024;

/// Sender whose drop ends the thread.
pub(in super::super) type Stop = watch::Sender<()>;

/// Handle of the running indexer thread.
#[derive(Debug)]
pub(in super::super) struct IndexerThread {
    stop: Stop,
    thread: ThreadHandle,
}

impl IndexerThread {
    /// Stops the thread. It ends within milliseconds.
    pub(in super::super) fn stop(self) -> ThreadHandle {
        drop(self.stop);
        self.thread
    }
}

/// Builds the index.
///
/// The thread does not have a lower priority: it holds locks that the writer needs, above all the ring's, and
/// must not be preempted while it holds them. It pauses instead.
#[derive(Debug)]
pub(in super::super) struct Indexer {
    index: Arc<Index>,
    source: Box<dyn Source>,
    limits: Limits,
    tail: watch::Receiver<Tail>,
    /// `None` until it is opened. Set together with the index's state.
    pub(super) file: Option<IndexFile>,
    pace: Pace,
    /// Last warning that was logged. `None` once the index works again.
    last_warning: Option<String>,
}

impl Indexer {
    pub(in super::super) fn new(index: Arc<Index>, source: Box<dyn Source>, limits: Limits) -> (Self, Stop) {
        let (stop, stopped) = watch::channel(());
        let tail = source.tail();
        let pace = Pace { stopped, tail: tail.clone(), since: Duration::ZERO, rest: REST_BEHIND };
        let indexer = Self { index, source, limits, tail, file: None, pace, last_warning: None };
        (indexer, stop)
    }

    /// Starts the thread.
    pub(in super::super) fn spawn(self, stop: Stop) -> io::Result<IndexerThread> {
        // For timers: the thread waits for several things at once.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = ThreadHandle::spawn("log-indexer", move || runtime.block_on(self.run()))?;
        Ok(IndexerThread { stop, thread })
    }

    async fn run(mut self) {
        let mut begun: Option<Instant> = None;
        while !self.pace.is_stopped() {
            match self.step() {
                Ok(true) => self.pace.rest(),
                Ok(false) => self.wait().await,
                Err(Fault::Transient(error)) => {
                    self.warn_once(&error);
                    self.pause(RETRY).await;
                }
                Err(Fault::Unusable(reason)) => {
                    tracing::warn!(
                        reason,
                        "the account index is unusable; rebuilding it, and reading the log meanwhile"
                    );
                    // Limit the rate of rebuilds.
                    if begun.is_some_and(|begun| begun.elapsed() < RETRY) {
                        self.close();
                        self.pause(RETRY).await;
                    }
                    begun = Some(Instant::now());
                    if let Err(error) = self.discard_file() {
                        self.warn_once(&error.to_string());
                        self.pause(RETRY).await;
                    }
                }
            }
        }
        self.close();
    }

    /// Waits until there may be work.
    async fn wait(&mut self) {
        tokio::select! {
            // The log owns the sender, so this fails only at the end.
            moved = self.tail.changed() => if moved.is_ok() {
                self.pause(GATHER).await;
            },
            () = self.index.wake.notified() => {}
            () = sleep(IDLE) => {}
            _ = self.pace.stopped.changed() => {}
        }
        self.pace.since = processor_time();
    }

    async fn pause(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            _ = self.pace.stopped.changed() => {}
        }
    }

    fn warn_once(&mut self, error: &str) {
        if self.last_warning.as_deref() != Some(error) {
            tracing::warn!(
                error,
                "the account index does not work; retrying, and reading the log for searches (slower)"
            );
            self.last_warning = Some(error.to_owned());
        }
    }

    /// Works for some milliseconds. Returns false if there is no work now.
    pub(super) fn step(&mut self) -> Result<bool, Fault> {
        let fault = self.index.fault.lock().take();
        match fault {
            Some(Fault::Transient(error)) => self.warn_once(&error),
            Some(unusable) => return Err(unusable),
            None => {}
        }
        let Some(file) = &self.file else {
            self.open()?;
            return Ok(true);
        };
        if !file.is_in_place() {
            return Err(Fault::Unusable("its file was deleted or replaced".to_owned()));
        }
        Ok(self.trim()? || self.close_segment()? || self.advance()?)
    }

    /// Opens the file. Fails if it does not belong to this log.
    fn open(&mut self) -> Result<(), Fault> {
        let unusable = |reason: &str| Err(Fault::Unusable(reason.to_owned()));
        let index = Arc::clone(&self.index);
        let _gate = index.gate.write();
        let (file, segments, last_record) = IndexFile::open(&index.path, self.source.epoch())?;
        let mut start = self.source.oldest();
        if let Some(last) = segments.last() {
            if last.end > self.tail.borrow().end {
                return unusable("it is ahead of the log");
            }
            if !self.is_in_log(last_record)? {
                return unusable("its last record is not in the log");
            }
            start = last.end;
        }
        let idle = (0..LOOKUPS).map(|_| Lookup::open(&index.path)).collect::<Result<_, _>>()?;
        *index.idle.lock() = idle;
        let state = IndexState { segments: segments.into(), open: OpenSegment::new(start, last_record) };
        *index.state.write() = Some(state);
        self.file = Some(file);
        self.last_warning = None;
        Ok(())
    }

    fn is_in_log(&mut self, last_record: Option<LastRecord>) -> Result<bool, Fault> {
        let Some(last_record) = last_record else { return Ok(false) };
        match self.read(last_record.sequence, 1) {
            Ok(page) => Ok(page.records.first().is_some_and(|record| {
                record.sequence() == last_record.sequence && record.check() == last_record.check
            })),
            Err(ReadError::Trimmed { .. } | ReadError::Hole(_)) => Ok(false),
            Err(ReadError::Unavailable(error)) => Err(Fault::Transient(error)),
        }
    }

    /// Closes all connections. Searches read the log until the file is opened again. The writing connection
    /// is closed last, because only it can remove the WAL.
    pub(super) fn close(&mut self) {
        let _gate = self.index.gate.write();
        *self.index.state.write() = None;
        self.index.idle.lock().clear();
        self.file = None;
    }

    /// Deletes the file. Searches read the log from now on. The next step creates a new file.
    pub(super) fn discard_file(&mut self) -> io::Result<()> {
        self.close();
        remove_database(&self.index.path)
    }

    /// Deletes the oldest segment if all of its records were trimmed.
    fn trim(&mut self) -> Result<bool, Fault> {
        let oldest = self.source.oldest();
        let first = self.index.with_state(|state| state.segments.first().copied()).flatten();
        let Some(first) = first.filter(|segment| segment.end <= oldest) else { return Ok(false) };
        let Some(file) = &mut self.file else { return Ok(false) };
        file.remove(first.number)?;
        self.index.change_state(|state| state.segments = state.segments[1..].into());
        self.bound_wal()?;
        Ok(true)
    }

    /// Writes the open segment to the file if it is full.
    fn close_segment(&mut self) -> Result<bool, Fault> {
        let index = Arc::clone(&self.index);
        // A read lock is enough, because only this thread changes the state. Searches continue.
        let state = index.state.read();
        let (Some(IndexState { segments, open }), Some(file)) = (&*state, &mut self.file) else {
            return Ok(false);
        };
        if !open.is_full(self.limits) {
            return Ok(false);
        }
        let mut segments = segments.to_vec();
        // A segment without entries is not stored.
        if !open.entries.is_empty() {
            // The keys have space for 2^31 segments.
            let number = segments.last().map_or(0, |last| last.number + 1);
            let segment = Segment { number, first: open.first, end: open.end };
            file.add(&segment, open.last_record, open.entries.iter().copied(), || self.pace.rest())?;
            segments.push(segment);
        }
        let next = OpenSegment::new(open.end, open.last_record);
        drop(state);
        index.change_state(|state| *state = IndexState { segments: segments.into(), open: next });
        if self.last_warning.take().is_some() {
            tracing::info!("the account index works again");
        }
        self.bound_wal()?;
        Ok(true)
    }

    /// Indexes the next records of the log.
    fn advance(&mut self) -> Result<bool, Fault> {
        let tail = self.tail.borrow_and_update().end;
        let Some(end) = self.index.end().filter(|end| *end < tail) else { return Ok(false) };
        let limits = self.limits;
        match self.read(end, PAGE_RECORDS) {
            Ok(page) => {
                self.index.change_state(|state| state.open.add(&page.records, page.next, limits));
            }
            Err(ReadError::Hole(hole)) => {
                self.index.change_state(|state| state.open.add_unreadable(hole.last, limits));
            }
            Err(ReadError::Trimmed { oldest }) => {
                // All records of the open segment were trimmed.
                self.index
                    .change_state(|state| state.open = OpenSegment::new(oldest, state.open.last_record));
            }
            Err(ReadError::Unavailable(error)) => return Err(Fault::Transient(error)),
        }
        Ok(true)
    }

    fn read(&mut self, from: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let (origin, page) = self.source.read(from, max_records);
        self.pace.rest = match origin {
            Origin::Memory => REST_NEAR,
            Origin::Storage => REST_BEHIND,
        };
        page
    }

    fn bound_wal(&mut self) -> Result<(), Fault> {
        let Some(file) = self.file.as_ref().filter(|file| file.wal_bytes() > MAX_WAL_BYTES) else {
            return Ok(());
        };
        let _gate = self.index.gate.write();
        file.reset_wal()
    }
}

/// Pauses of the indexer, which leave the processors to callbacks.
#[derive(Debug)]
struct Pace {
    stopped: watch::Receiver<()>,
    /// Tail, marked as seen at the last pause.
    tail: watch::Receiver<Tail>,
    /// The thread's processor time at the last pause. Not wall time: on a busy machine, waiting for a
    /// processor is a pause, too.
    since: Duration,
    /// Ratio of pause to work.
    rest: u32,
}

impl Pace {
    fn is_stopped(&self) -> bool {
        self.stopped.has_changed().is_err()
    }

    /// Pauses if the thread has worked for long enough and callbacks have arrived meanwhile.
    fn rest(&mut self) {
        let worked = processor_time().saturating_sub(self.since);
        if worked < STINT {
            return;
        }
        if let Some(rest) = self.rest_after(worked) {
            // A plain sleep, because it is short enough not to delay a stop.
            thread::sleep(rest);
        }
        self.since = processor_time();
    }

    fn rest_after(&mut self, worked: Duration) -> Option<Duration> {
        let is_busy = self.tail.has_changed().unwrap_or_default();
        self.tail.mark_unchanged();
        (is_busy && !self.is_stopped()).then(|| (worked * self.rest).min(MAX_REST))
    }
}

/// Returns the processor time that this thread has used so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cursor, Epoch};

    #[test]
    fn the_indexer_pauses_while_callbacks_arrive() {
        let tail = |end| Tail { end: Sequence(end), cursor: Cursor::unchecked(Epoch(1), Sequence(end - 1)) };
        let moving = watch::Sender::new(tail(1));
        let (stop, stopped) = watch::channel(());
        let mut pace = Pace { stopped, tail: moving.subscribe(), since: Duration::ZERO, rest: 2 };
        assert_eq!(pace.rest_after(STINT), None);
        moving.send_replace(tail(2));
        assert_eq!(pace.rest_after(STINT), Some(STINT * 2));
        assert_eq!(pace.rest_after(STINT), None, "no records arrived since");
        moving.send_replace(tail(3));
        assert_eq!(pace.rest_after(Duration::from_secs(1)), Some(MAX_REST));
        moving.send_replace(tail(4));
        drop(stop);
        assert_eq!(pace.rest_after(STINT), None, "no pause when stopped");
    }
}
