//! A log whose appends the test decides on.

use std::sync::Arc;

use callback_gateway::testing::{
    event::{Epoch, Sequence, Timestamp},
    log::{
        AppendReply, Appending, EventLog, Holes, LogState, NewRecord, Page, ReadError, Tail, Usage,
        memory::MemoryLog,
    },
};
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

/// A log that leaves the outcome of every append to the test.
#[derive(Debug)]
pub(crate) struct ScriptedLog {
    pub log: MemoryLog,
    appends: mpsc::UnboundedSender<(NewRecord, AppendReply)>,
}

/// What was appended, each with where its outcome is told.
pub(crate) type Appends = mpsc::UnboundedReceiver<(NewRecord, AppendReply)>;

pub(crate) fn scripted_log() -> (Arc<ScriptedLog>, Appends) {
    let (appends, at_append) = mpsc::unbounded_channel();
    (Arc::new(ScriptedLog { log: MemoryLog::new(1 << 30).unwrap(), appends }), at_append)
}

impl EventLog for ScriptedLog {
    fn epoch(&self) -> (Epoch, Timestamp) {
        self.log.epoch()
    }
    fn append(&self, record: NewRecord) -> Appending {
        let (reply, appending) = Appending::pending();
        self.appends.send((record, reply)).unwrap();
        appending
    }
    fn read(&self, from: Sequence, max: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.log.read(from, max)
    }
    fn read_back(&self, before: Sequence, max: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.log.read_back(before, max)
    }
    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>> {
        self.log.seek(time)
    }
    fn trimmed_until(&self) -> Option<Timestamp> {
        self.log.trimmed_until()
    }
    fn memory_start(&self) -> Sequence {
        self.log.memory_start()
    }
    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        self.log.usage()
    }
    fn holes(&self) -> &Holes {
        self.log.holes()
    }
    fn tail(&self) -> watch::Receiver<Tail> {
        self.log.tail()
    }
    fn oldest(&self) -> Sequence {
        self.log.oldest()
    }
    fn state(&self) -> watch::Receiver<LogState> {
        self.log.state()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.log.close()
    }
}
