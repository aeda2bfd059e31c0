//! The thread that builds the index.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{sync::watch, time::sleep};

use super::{
    Index, LOOKUPS, Limits, Mark, Open, Origin, Segment, Source, State,
    file::{Fault, IndexFile, Lookup},
};
use crate::{
    event::Sequence,
    log::{PAGE_RECORDS, Page, ReadError, Tail, files::remove_database, workers::ThreadHandle},
};

/// Pause after the tail has moved, so that records are taken in runs and not one by
/// one. Far below what a search can read of the log itself.
const GATHER: Duration = Duration::from_millis(100);
/// How often trimming is looked for while nothing comes in.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after a failure that may pass, and the least between two beginnings.
const RETRY: Duration = Duration::from_secs(30);
/// The least work after which it rests, if callbacks come in meanwhile; in processor time.
const STINT: Duration = Duration::from_millis(5);
/// How much longer than its work a rest is while it reads from the disk, so far behind
/// that it does not matter: a rebuild takes no more than a quarter of one processor from
/// a gateway that is in use, and outruns what comes in.
const REST_BEHIND: u32 = 3;
/// The same while it reads from memory, and a search has to read what it has not reached.
const REST_NEAR: u32 = 1;
/// Longest rest.
const MAX_REST: Duration = Duration::from_millis(50);
/// The WAL's bound: above it, searches are held back for a moment to empty it.
const MAX_WAL_BYTES: u64 = 32 * 1024 * 1024;

/// Dropping it ends the thread.
pub(in super::super) type Stop = watch::Sender<()>;

/// The running thread.
#[derive(Debug)]
pub(in super::super) struct Following {
    stop: Stop,
    thread: ThreadHandle,
}

impl Following {
    /// Ends the thread, which is soon.
    pub(in super::super) fn stop(self) -> ThreadHandle {
        drop(self.stop);
        self.thread
    }
}

/// Builds the index.
///
/// It does not run at a lower priority: it holds locks that the writer wants, the
/// ring's above all, and must get to let go of them. It rests instead.
#[derive(Debug)]
pub(in super::super) struct Indexer {
    index: Arc<Index>,
    source: Box<dyn Source>,
    limits: Limits,
    tail: watch::Receiver<Tail>,
    /// `None` until it is opened; together with the index's state.
    pub(super) file: Option<IndexFile>,
    pace: Pace,
    /// What was complained of last; `None` once it works.
    complaint: Option<String>,
}

impl Indexer {
    pub(in super::super) fn new(index: Arc<Index>, source: Box<dyn Source>, limits: Limits) -> (Self, Stop) {
        let (stop, stopped) = watch::channel(());
        let tail = source.tail();
        let pace = Pace { stopped, tail: tail.clone(), since: Duration::ZERO, rest: REST_BEHIND };
        let indexer = Self { index, source, limits, tail, file: None, pace, complaint: None };
        (indexer, stop)
    }

    /// Starts the thread.
    pub(in super::super) fn spawn(self, stop: Stop) -> io::Result<Following> {
        // For timers: the thread waits for several things at once.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = ThreadHandle::spawn("log-indexer", move || runtime.block_on(self.run()))?;
        Ok(Following { stop, thread })
    }

    async fn run(mut self) {
        let mut begun: Option<Instant> = None;
        while !self.pace.is_stopped() {
            match self.step() {
                Ok(true) => self.pace.rest(),
                Ok(false) => self.wait().await,
                Err(Fault::Passing(error)) => {
                    self.complain(&error);
                    self.pause(RETRY).await;
                }
                Err(Fault::Useless(reason)) => {
                    tracing::warn!(reason, "the account index cannot be used; building it anew");
                    // Not over and over.
                    if begun.is_some_and(|begun| begun.elapsed() < RETRY) {
                        self.put_away();
                        self.pause(RETRY).await;
                    }
                    begun = Some(Instant::now());
                    if let Err(error) = self.begin_anew() {
                        self.complain(&error.to_string());
                        self.pause(RETRY).await;
                    }
                }
            }
        }
        self.put_away();
    }

    /// Waits until there may be something to do.
    async fn wait(&mut self) {
        tokio::select! {
            // The sender is in the log, so it is never gone.
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

    fn complain(&mut self, error: &str) {
        if self.complaint.as_deref() != Some(error) {
            tracing::warn!(
                error,
                "the account index does not work; searches take longer, and nothing else does"
            );
            self.complaint = Some(error.to_owned());
        }
    }

    /// Does some milliseconds' work. False if there is none for now.
    pub(super) fn step(&mut self) -> Result<bool, Fault> {
        let fault = self.index.fault.lock().take();
        match fault {
            Some(Fault::Passing(error)) => self.complain(&error),
            Some(useless) => return Err(useless),
            None => {}
        }
        let Some(file) = &self.file else {
            self.open()?;
            return Ok(true);
        };
        if !file.is_in_place() {
            return Err(Fault::Useless("its file is gone".to_owned()));
        }
        Ok(self.trim()? || self.close_segment()? || self.advance()?)
    }

    /// Opens the file, and takes it only if it is this log's.
    fn open(&mut self) -> Result<(), Fault> {
        let useless = |reason: &str| Err(Fault::Useless(reason.to_owned()));
        let index = Arc::clone(&self.index);
        let _gate = index.gate.write();
        let (file, segments, mark) = IndexFile::open(&index.path, self.source.epoch())?;
        let mut start = self.source.oldest();
        if let Some(last) = segments.last() {
            if last.end > self.tail.borrow().end {
                return useless("it goes further than the log");
            }
            if !self.is_in_log(mark)? {
                return useless("its last record is not in the log");
            }
            start = last.end;
        }
        let idle = (0..LOOKUPS).map(|_| Lookup::open(&index.path)).collect::<Result<_, _>>()?;
        *index.idle.lock() = idle;
        let state = State { segments: segments.into(), open: Open::new(start, mark) };
        *index.state.write() = Some(state);
        self.file = Some(file);
        self.complaint = None;
        Ok(())
    }

    fn is_in_log(&mut self, mark: Option<Mark>) -> Result<bool, Fault> {
        let Some(mark) = mark else { return Ok(false) };
        match self.read(mark.sequence, 1) {
            Ok(page) => Ok(page
                .records
                .first()
                .is_some_and(|record| record.sequence() == mark.sequence && record.check() == mark.check)),
            Err(ReadError::Trimmed { .. } | ReadError::Hole(_)) => Ok(false),
            Err(ReadError::Unavailable(error)) => Err(Fault::Passing(error)),
        }
    }

    /// Closes everything; searches read the log until it is opened again. The writing
    /// connection goes last, since only that can do away with the WAL.
    pub(super) fn put_away(&mut self) {
        let _gate = self.index.gate.write();
        *self.index.state.write() = None;
        self.index.idle.lock().clear();
        self.file = None;
    }

    /// Deletes the file. Searches read the log from now on; the next step makes another.
    pub(super) fn begin_anew(&mut self) -> io::Result<()> {
        self.put_away();
        remove_database(&self.index.path)
    }

    /// Deletes the oldest segment, if nothing of it is in the log any more.
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

    /// Moves the open segment into the file, if it is full.
    fn close_segment(&mut self) -> Result<bool, Fault> {
        let index = Arc::clone(&self.index);
        // Only this thread writes to it, so searches go on.
        let state = index.state.read();
        let (Some(State { segments, open }), Some(file)) = (&*state, &mut self.file) else {
            return Ok(false);
        };
        if !open.is_full(self.limits) {
            return Ok(false);
        }
        let mut segments = segments.to_vec();
        // There may be nothing but holes in it.
        if !open.entries.is_empty() {
            // There is room for 2^31 in the keys.
            let number = segments.last().map_or(0, |last| last.number + 1);
            let segment = Segment { number, first: open.first, end: open.end };
            file.add(&segment, open.mark, open.entries.iter().copied(), || self.pace.rest())?;
            segments.push(segment);
        }
        let next = Open::new(open.end, open.mark);
        drop(state);
        index.change_state(|state| *state = State { segments: segments.into(), open: next });
        if self.complaint.take().is_some() {
            tracing::info!("the account index works again");
        }
        self.bound_wal()?;
        Ok(true)
    }

    /// Takes in the next records of the log.
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
                // All that the open segment knows is gone from the log.
                self.index.change_state(|state| state.open = Open::new(oldest, state.open.mark));
            }
            Err(ReadError::Unavailable(error)) => return Err(Fault::Passing(error)),
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

/// Leaves the machine to the gateway's own work.
#[derive(Debug)]
struct Pace {
    stopped: watch::Receiver<()>,
    /// Seen when it last rested.
    tail: watch::Receiver<Tail>,
    /// The thread's processor time when it last rested. Not the clock's: where others are
    /// busy too, waiting for a processor is rest enough.
    since: Duration,
    /// How much longer than its work a rest is.
    rest: u32,
}

impl Pace {
    fn is_stopped(&self) -> bool {
        self.stopped.has_changed().is_err()
    }

    /// Rests, if it has worked for long enough and callbacks came in meanwhile.
    fn rest(&mut self) {
        let worked = processor_time().saturating_sub(self.since);
        if worked < STINT {
            return;
        }
        if let Some(rest) = self.rest_after(worked) {
            // Not an event to wait for, and short enough to stop after it.
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

/// What this thread has used so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cursor, Epoch};

    #[test]
    fn it_rests_while_callbacks_come_in() {
        let tail = |end| Tail { end: Sequence(end), cursor: Cursor::unchecked(Epoch(1), Sequence(end - 1)) };
        let moving = watch::Sender::new(tail(1));
        let (stop, stopped) = watch::channel(());
        let mut pace = Pace { stopped, tail: moving.subscribe(), since: Duration::ZERO, rest: 2 };
        assert_eq!(pace.rest_after(STINT), None);
        moving.send_replace(tail(2));
        assert_eq!(pace.rest_after(STINT), Some(STINT * 2));
        assert_eq!(pace.rest_after(STINT), None, "nothing came in since");
        moving.send_replace(tail(3));
        assert_eq!(pace.rest_after(Duration::from_secs(1)), Some(MAX_REST));
        moving.send_replace(tail(4));
        drop(stop);
        assert_eq!(pace.rest_after(STINT), None, "but ends at once");
    }
}
