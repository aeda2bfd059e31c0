//! Reads the whole log once after each start, so that lost events are known before a subscriber reaches them.
//!
//! The newest records are checked before the log opens. A separate thread checks the others, newest first. So
//! at any time the log is known to be complete from some receive time on. `complete_since` reports that time.

use std::{
    io,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::state::DiskState;
use crate::{
    event::{Record, Sequence, Timestamp},
    log::{PAGE_RECORDS, ReadError, Tail, workers::ThreadHandle},
};

/// Number of pages that are checked before the log opens: about 10 ms.
const PAGES_AT_START: usize = 8;
/// Ratio of pause to work while callbacks arrive, so that the thread uses at most a quarter of a processor.
const REST: u32 = 3;
/// Pause after a failed read.
const RETRY: Duration = Duration::from_secs(5);

/// Handle of the running scrubber thread. Dropping `stop` ends the thread.
#[derive(Debug)]
pub(super) struct ScrubThread {
    stop: mpsc::Sender<()>,
    thread: ThreadHandle,
}

impl ScrubThread {
    /// Stops the thread. It ends within the time of one page.
    pub(super) fn stop(self) -> ThreadHandle {
        drop(self.stop);
        self.thread
    }
}

/// Scrubber. Checks every record from the log's end at the start down to the oldest.
#[derive(Debug)]
pub(super) struct Scrubber {
    shared: Arc<DiskState>,
    tail: watch::Receiver<Tail>,
    /// Start of the checked range, which extends to the log's end at the start.
    before: Sequence,
    checked: u64,
}

impl Scrubber {
    /// Checks the newest records. Returns `None` if these were all.
    pub(super) fn begin(shared: Arc<DiskState>) -> Option<Self> {
        let mut tail = shared.tail.subscribe();
        let before = tail.borrow_and_update().end;
        // No record has been checked yet.
        shared.holes.set_unchecked_until(Some(Timestamp::now()));
        let mut scrub = Self { shared, tail, before, checked: 0 };
        for _ in 0..PAGES_AT_START {
            // Ignore an error here: the thread retries and reports it.
            if scrub.step() == Ok(false) {
                return None;
            }
        }
        Some(scrub)
    }

    /// Starts the thread.
    pub(super) fn spawn(self) -> io::Result<ScrubThread> {
        let (stop, stopped) = mpsc::channel();
        let thread = ThreadHandle::spawn("log-scrub", move || self.run(&stopped))?;
        Ok(ScrubThread { stop, thread })
    }

    fn run(mut self, stopped: &mpsc::Receiver<()>) {
        let started = Instant::now();
        loop {
            let begun = Instant::now();
            let rest = match self.step() {
                Ok(false) => break,
                Ok(true) if self.tail.has_changed().unwrap_or_default() => begun.elapsed() * REST,
                Ok(true) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!(%error, "cannot check the log for lost events; retrying");
                    RETRY
                }
            };
            self.tail.mark_unchanged();
            // Nothing is sent: a disconnected channel means that the handle was dropped.
            if stopped.recv_timeout(rest) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
        }
        let lost = self.shared.holes.events();
        tracing::info!(events = self.checked, lost, took = ?started.elapsed(), "checked the log for lost events");
    }

    /// Checks the next page. Returns false if there is none left.
    fn step(&mut self) -> Result<bool, ReadError> {
        let shared = Arc::clone(&self.shared);
        let _gate = shared.checkpoint_gate.read();
        let before = self.before;
        let page = shared.connections.read(|reader| {
            let page = reader.snapshot(|snapshot| {
                if before <= snapshot.oldest {
                    return Ok(None);
                }
                snapshot.read_back(before, PAGE_RECORDS).map(Some)
            });
            if let Err(ReadError::Hole(hole)) = page {
                shared.note_hole(hole, reader);
            }
            page
        });
        match page {
            Ok(None) => {
                shared.holes.set_unchecked_until(None);
                return Ok(false);
            }
            Ok(Some(page)) => {
                self.checked += page.records.len() as u64;
                self.before = page.next;
                shared.holes.set_unchecked_until(page.records.last().map(Record::receive_time));
            }
            Err(ReadError::Hole(hole)) => {
                self.before = hole.first;
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}
