//! Reads the whole log once after each start, so that losses are known before a subscriber comes to them.
//!
//! The newest records are checked before the log opens, the others on a thread of its own, newest first. So at any
//! time the log is known to be whole from some receive time on, which is what `complete_since` says.

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

/// Pages that are checked before the log opens: some 10 ms.
const PAGES_AT_START: usize = 8;
/// How much longer than its work a rest is while callbacks come in: it takes no more than a quarter of a processor.
const REST: u32 = 3;
/// Pause after the store could not be read.
const RETRY: Duration = Duration::from_secs(5);

/// The running thread. Dropping `stop` ends it.
#[derive(Debug)]
pub(super) struct Scrubbing {
    stop: mpsc::Sender<()>,
    thread: ThreadHandle,
}

impl Scrubbing {
    /// Ends the thread, within the time of a page.
    pub(super) fn stop(self) -> ThreadHandle {
        drop(self.stop);
        self.thread
    }
}

/// Checks every record from the log's end at the start down to the oldest.
#[derive(Debug)]
pub(super) struct Scrub {
    shared: Arc<DiskState>,
    tail: watch::Receiver<Tail>,
    /// Everything from here to the end at the start has been checked.
    before: Sequence,
    checked: u64,
}

impl Scrub {
    /// Checks the newest records. `None`: that was all.
    pub(super) fn begin(shared: Arc<DiskState>) -> Option<Self> {
        let mut tail = shared.tail.subscribe();
        let before = tail.borrow_and_update().end;
        // Nothing is checked yet.
        shared.holes.set_unchecked_until(Some(Timestamp::now()));
        let mut scrub = Self { shared, tail, before, checked: 0 };
        for _ in 0..PAGES_AT_START {
            // An error is reported by the thread, which tries again.
            if scrub.step() == Ok(false) {
                return None;
            }
        }
        Some(scrub)
    }

    /// Starts the thread.
    pub(super) fn spawn(self) -> io::Result<Scrubbing> {
        let (stop, stopped) = mpsc::channel();
        let thread = ThreadHandle::spawn("log-scrub", move || self.run(&stopped))?;
        Ok(Scrubbing { stop, thread })
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
                    tracing::warn!(%error, "cannot check the log for lost events; trying again");
                    RETRY
                }
            };
            self.tail.mark_unchanged();
            // Nothing is sent: it waits for the sender to go.
            if stopped.recv_timeout(rest) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
        }
        let lost = self.shared.holes.events();
        tracing::info!(events = self.checked, lost, took = ?started.elapsed(), "checked the log for lost events");
    }

    /// Checks the next page. False if there is nothing left.
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
