//! Registry of the `Subscribe` streams: the cap on them, the watch for stalled ones, and their state for operators.
//!
//! While a client's HTTP/2 window is closed, hyper polls a response's body no more than one piece ahead. Timers inside the
//! stream do not fire, and no status can be sent. So a watch outside the streams ends a stalled one: it drops the stream's
//! reader and pages and frees its permit. The rest of the message that was begun, and the status, follow if the client
//! reads again.
//!
//! The body notes whether the client reads, in pieces of [`PIECE_BYTES`](super::super::limits::PIECE_BYTES). A client that
//! reads one piece within the timeout is slow, not stalled.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    super::{limits::Limits, status, transport::StreamTask},
    slot::{OpenStream, Slot, SlotInfo, SlotState},
};
use crate::{
    delivery::access::Access,
    event::{Sequence, Timestamp},
    observe::{metrics::Metrics, telemetry::LineLimit, trace::Tracer},
    proto::SubscriberState,
};

/// Interval of the watch for stalled streams, and the precision of blocked times.
const TICK: Duration = Duration::from_millis(200);
/// Most streams, open or ended, whose connections hold pieces of them, as a multiple of the cap on open streams. Beyond it
/// the ended stream that began first is reset for a new one.
///
/// Of an ended stream a connection holds two pieces until its client reads or leaves. The pieces are slices of messages
/// that all streams share, and keep these in memory: up to 128 KiB each of a run in memory, 512 KiB of a page from the
/// disk.
pub(in super::super) const LEFT_BEHIND: usize = 2;
/// Time that a new stream waits for the end of one that is reset for it. Beyond it the new stream is refused.
const RESET_WAIT: Duration = Duration::from_secs(5);
/// Most log lines about single stalled streams in a [`TICK`]. One more line has the number of the others.
const STALLED_LINES: usize = 5;
/// Time after which a stream whose client reads nothing is shown as blocked.
const BLOCKED_AFTER: Duration = Duration::from_secs(5);
/// Time for which an ended stream with a name is remembered.
const REMEMBER_ENDED: Duration = Duration::from_secs(24 * 60 * 60);
/// Most ended streams that are remembered. Beyond it the one that ended first is forgotten.
const MAX_ENDED: usize = 1000;

/// All `Subscribe` streams of this process.
#[derive(Debug)]
pub(crate) struct StreamRegistry {
    /// Permits for open streams: the cap.
    open_permits: Arc<Semaphore>,
    /// Permits for streams of which a connection holds something, also after their end.
    body_permits: Arc<Semaphore>,
    stall_timeout: Duration,
    /// Ticks since the start: a clock that costs a stream nothing to read.
    now: AtomicU64,
    table: Mutex<StreamTable>,
    metrics: Arc<Metrics>,
    lines: LineLimit,
    /// Records a span for each delivered event; `None` if tracing is disabled.
    tracer: Option<Tracer>,
}

/// Positions of the subscribers, by name. The empty name stands for all streams without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReaderStats {
    /// Open streams.
    pub streams: usize,
    /// Events that open and ended streams have delivered.
    pub delivered: u64,
    /// Last sequence that was sent or filtered out: for each name, of the stream that is furthest behind.
    pub positions: BTreeMap<String, Sequence>,
    /// For each name without open streams: when its last stream ended.
    pub departed: BTreeMap<String, Timestamp>,
}

#[derive(Debug, Default)]
struct StreamTable {
    last_id: u64,
    /// Bounded by the cap.
    open: BTreeMap<u64, Arc<Slot>>,
    /// Ended streams that were not reset and of which a connection still holds a part. Bounded by [`LEFT_BEHIND`] times
    /// the cap.
    left_behind: BTreeMap<u64, Arc<Slot>>,
    /// Tasks of all streams of which a connection holds something.
    tasks: HashMap<u64, Arc<StreamTask>>,
    /// The last ended stream of each name, in the order of their ends. Bounded by [`MAX_ENDED`].
    ended: VecDeque<EndedStream>,
    /// Events that ended streams delivered.
    delivered_before: u64,
}

/// A stream that has ended.
#[derive(Debug, Clone)]
pub(in super::super) struct EndedStream {
    pub(in super::super) slot: Arc<Slot>,
    pub(in super::super) time: Timestamp,
    pub(in super::super) reason: String,
}

/// Permit for one stream.
#[derive(Debug)]
pub(in super::super) struct StreamPermit {
    /// Released when the stream ends.
    pub(super) open: OwnedSemaphorePermit,
    /// Released when the connection holds nothing of the stream.
    pub(super) body: OwnedSemaphorePermit,
}

impl StreamRegistry {
    /// Creates a registry without streams.
    pub(crate) fn new(limits: &Limits, metrics: Arc<Metrics>, tracer: Option<Tracer>) -> Arc<Self> {
        Arc::new(Self {
            open_permits: Arc::new(Semaphore::new(limits.max_streams)),
            body_permits: Arc::new(Semaphore::new(limits.max_streams * LEFT_BEHIND)),
            stall_timeout: limits.stall_timeout,
            now: AtomicU64::new(0),
            table: Mutex::default(),
            metrics,
            lines: LineLimit::new(),
            tracer,
        })
    }

    pub(in super::super) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    pub(super) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    /// Returns the positions of the current subscribers.
    pub(crate) fn readers(&self) -> ReaderStats {
        let mut table = self.table.lock();
        table.forget_ended(Timestamp::now());
        let delivered = table.delivered_before;
        let mut readers = ReaderStats { streams: table.open.len(), delivered, ..ReaderStats::default() };
        for slot in table.open.values() {
            let progress = slot.progress.get();
            readers.delivered += progress.events;
            let position = progress.cursor.sequence;
            let worst = readers.positions.entry(slot.name.clone()).or_insert(position);
            *worst = position.min(*worst);
        }
        let gone = table.ended.iter().filter(|ended| !readers.positions.contains_key(&ended.slot.name));
        readers.departed = gone.map(|ended| (ended.slot.name.clone(), ended.time)).collect();
        readers
    }

    /// Returns a permit for one more stream, or `None` at the cap. Remains of ended streams do not count against the cap:
    /// the ended stream that began first is reset if need be.
    pub(in super::super) async fn acquire(&self) -> Option<StreamPermit> {
        let Ok(open) = Arc::clone(&self.open_permits).try_acquire_owned() else {
            self.metrics.streams_refused.inc();
            return None;
        };
        if let Ok(body) = Arc::clone(&self.body_permits).try_acquire_owned() {
            return Some(StreamPermit { open, body });
        }
        // There is an ended stream: open streams alone do not use all body permits.
        self.reset_oldest();
        let body = timeout(RESET_WAIT, Arc::clone(&self.body_permits).acquire_owned()).await;
        if let Ok(Ok(body)) = body {
            return Some(StreamPermit { open, body });
        }
        tracing::error!(
            "a stream was refused: reset streams have not ended and hold all permits; restart the gateway"
        );
        self.metrics.streams_refused.inc();
        None
    }

    /// Resets the stream that began first, of those that have ended and whose client does not read.
    fn reset_oldest(&self) {
        let mut table = self.table.lock();
        let Some((id, oldest)) = table.left_behind.pop_first() else { return };
        let task = table.tasks.remove(&id);
        drop(table);
        if let Some(left_out) = self.lines.next() {
            tracing::warn!(
                peer = oldest.peer.map(tracing::field::display),
                left_out,
                "resetting an ended stream whose client does not read, to make room for a new stream"
            );
        }
        if let Some(task) = task {
            task.reset();
        }
    }

    /// Adds a stream that starts now.
    pub(super) fn add(&self, info: SlotInfo, task: Arc<StreamTask>, open: OpenStream) -> Arc<Slot> {
        let mut table = self.table.lock();
        table.last_id += 1;
        let slot = Arc::new(Slot::new(info, table.last_id, self.now(), open));
        table.open.insert(slot.id, Arc::clone(&slot));
        table.tasks.insert(slot.id, task);
        slot
    }

    /// Ends the streams whose tokens are missing from the list or have other rights there.
    pub(in super::super) fn revoke(&self, access: &Access) {
        // Compares without the lock, so that streams start and end meanwhile.
        let revoked = self.open().into_iter().filter(|slot| !slot.caller.is_in(access));
        let count = revoked.inspect(|slot| slot.revoke()).count();
        if count > 0 {
            tracing::info!(streams = count, "ending streams: their tokens were revoked or have other rights");
        }
    }

    /// Returns the ticks since the start.
    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Ends stalled streams, until the future is dropped.
    pub(in super::super) async fn watch<T>(&self) -> T {
        let mut ticks = interval(TICK);
        // A pause of this process is not a stall of its clients.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.now.fetch_add(1, Ordering::Relaxed);
            let open = self.open();
            let stalled = open.iter().filter(|slot| self.is_stalled(slot) && self.end_stalled(slot));
            // A client can have thousands of streams.
            let mut left_out = 0_usize;
            for (number, slot) in stalled.enumerate() {
                if number < STALLED_LINES {
                    tracing::warn!(
                        subscriber = slot.name,
                        peer = slot.peer.map(tracing::field::display),
                        "a stream stalled and was ended: its client read nothing for too long"
                    );
                } else {
                    left_out += 1;
                }
            }
            if left_out > 0 {
                tracing::warn!(
                    streams = left_out,
                    "more streams stalled and were ended: their clients read nothing for too long"
                );
            }
        }
    }

    /// Returns for how long the client has not read what is ready for it.
    fn blocked(&self, slot: &Slot) -> Duration {
        let ticks = slot.last_read().map_or(0, |time| self.now().saturating_sub(time));
        TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    fn is_stalled(&self, slot: &Slot) -> bool {
        self.blocked(slot) > self.stall_timeout
    }

    /// Ends a stalled stream. Returns false if its client has read meanwhile or it has ended.
    fn end_stalled(&self, slot: &Arc<Slot>) -> bool {
        let mut state = slot.lock();
        // The body notes reads under this lock.
        if !matches!(*state, SlotState::Open(_)) || !self.is_stalled(slot) {
            return false;
        }
        let ended = state.leave(status::receiver_stalled());
        drop(state);
        drop(ended);
        self.metrics.streams_stalled.inc();
        self.note_end(slot, &status::reason(&status::receiver_stalled()));
        true
    }

    /// Returns the state of a stream, and how long it has been blocked.
    pub(in super::super) fn state(&self, slot: &Slot) -> (SubscriberState, Duration) {
        match self.blocked(slot) {
            blocked if blocked > BLOCKED_AFTER => (SubscriberState::Blocked, blocked),
            _ if slot.progress.get().is_live => (SubscriberState::Live, Duration::ZERO),
            _ => (SubscriberState::CatchingUp, Duration::ZERO),
        }
    }

    /// Returns the open and the remembered streams with a larger id, sorted by id.
    pub(in super::super) fn list(&self, after_id: u64) -> Vec<(Arc<Slot>, Option<EndedStream>)> {
        let mut table = self.table.lock();
        table.forget_ended(Timestamp::now());
        let open = table.open.values().map(|slot| (Arc::clone(slot), None));
        let ended = table.ended.iter().map(|ended| (Arc::clone(&ended.slot), Some(ended.clone())));
        let mut list: Vec<_> = open.chain(ended).filter(|(slot, _)| slot.id > after_id).collect();
        list.sort_by_key(|(slot, _)| slot.id);
        list
    }

    /// Notes that a stream has ended. Only the first reason counts.
    pub(super) fn note_end(&self, slot: &Arc<Slot>, reason: &str) {
        let mut table = self.table.lock();
        if table.open.remove(&slot.id).is_none() {
            return;
        }
        table.left_behind.insert(slot.id, Arc::clone(slot));
        table.delivered_before += slot.progress.get().events;
        if slot.name.is_empty() {
            return;
        }
        table.ended.retain(|ended| ended.slot.name != slot.name);
        let (slot, reason) = (Arc::clone(slot), reason.to_owned());
        table.ended.push_back(EndedStream { slot, time: Timestamp::now(), reason });
        table.forget_ended(Timestamp::now());
    }

    /// Notes that the connection holds nothing of a stream.
    pub(super) fn note_gone(&self, slot: &Slot) {
        let mut table = self.table.lock();
        table.left_behind.remove(&slot.id);
        table.tasks.remove(&slot.id);
    }

    #[cfg(test)]
    pub(super) fn forget_ended(&self, now: Timestamp) {
        self.table.lock().forget_ended(now);
    }

    fn open(&self) -> Vec<Arc<Slot>> {
        self.table.lock().open.values().cloned().collect()
    }
}

impl StreamTable {
    fn forget_ended(&mut self, now: Timestamp) {
        let oldest = now.earlier_by(REMEMBER_ENDED);
        while self.ended.len() > MAX_ENDED || self.ended.front().is_some_and(|ended| ended.time < oldest) {
            self.ended.pop_front();
        }
    }
}
