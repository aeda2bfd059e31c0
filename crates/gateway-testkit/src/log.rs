//! Logs that forward most calls to another log.

use std::sync::Arc;

use callback_gateway::testing::{
    event::{Epoch, Sequence, Timestamp},
    log::{
        AppendReply, Appending, EventLog, Holes, LogState, NewRecord, Page, Queue, ReadError, Tail, Usage,
        memory::MemoryLog,
    },
};
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

/// Methods of a log that a test can override. By default each method forwards the call.
pub trait Overrides: Send + Sync + 'static {
    /// Returns the log that receives all other calls.
    fn log(&self) -> &dyn EventLog;

    fn append(&self, record: NewRecord) -> Appending {
        self.log().append(record)
    }

    fn read(&self, from: Sequence, max: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.log().read(from, max)
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        self.log().usage()
    }

    fn queue(&self) -> Queue {
        self.log().queue()
    }
}

/// Log with overrides. It has no index: a search is a read, so that an overridden read applies.
#[derive(Debug)]
pub struct OverriddenLog<T>(pub T);

impl<T: Overrides> EventLog for OverriddenLog<T> {
    fn append(&self, record: NewRecord) -> Appending {
        self.0.append(record)
    }
    fn read(&self, from: Sequence, max: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.0.read(from, max)
    }
    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        self.0.usage()
    }
    fn queue(&self) -> Queue {
        self.0.queue()
    }
    fn epoch(&self) -> (Epoch, Timestamp) {
        self.0.log().epoch()
    }
    fn read_back(&self, before: Sequence, max: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.0.log().read_back(before, max)
    }
    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>> {
        self.0.log().seek(time)
    }
    fn trimmed_until(&self) -> Option<Timestamp> {
        self.0.log().trimmed_until()
    }
    fn memory_start(&self) -> Sequence {
        self.0.log().memory_start()
    }
    fn holes(&self) -> &Holes {
        self.0.log().holes()
    }
    fn tail(&self) -> watch::Receiver<Tail> {
        self.0.log().tail()
    }
    fn oldest(&self) -> Sequence {
        self.0.log().oldest()
    }
    fn state(&self) -> watch::Receiver<LogState> {
        self.0.log().state()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.log().close()
    }
}

/// Overrides of a log that leaves the outcome of each append to the test.
#[derive(Debug)]
pub struct Scripted {
    pub log: MemoryLog,
    appends: mpsc::UnboundedSender<(NewRecord, AppendReply)>,
}

/// Appended records, each with the sender of its outcome.
pub type Appends = mpsc::UnboundedReceiver<(NewRecord, AppendReply)>;

/// Returns a log that leaves the outcome of each append to the test, and the appends.
pub fn scripted_log() -> (Arc<OverriddenLog<Scripted>>, Appends) {
    let (appends, at_append) = mpsc::unbounded_channel();
    let log = MemoryLog::new(1 << 30).unwrap();
    (Arc::new(OverriddenLog(Scripted { log, appends })), at_append)
}

impl Overrides for Scripted {
    fn log(&self) -> &dyn EventLog {
        &self.log
    }
    fn append(&self, record: NewRecord) -> Appending {
        let (reply, appending) = Appending::pending();
        self.appends.send((record, reply)).unwrap();
        appending
    }
}
