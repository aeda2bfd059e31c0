//! The `Subscribe` streams: the cap on them, the watch for stalled ones, and what
//! operators see of them.
//!
//! While a client's HTTP/2 window is shut, hyper polls a response's body no more than one piece ahead:
//! timers inside the stream do not fire, and no status can be sent. So a watch
//! outside the streams takes a stalled one's reader, pages and place away; the rest of
//! the message in hand and the status follow if the client ever reads again.
//!
//! Whether a client takes something is seen at the body, in pieces of
//! [`PIECE_BYTES`](super::super::limits::PIECE_BYTES): whoever takes one within the time is slow, not stalled.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    super::{limits::Limits, status, transport::StreamTask},
    slot::{NewSlot, Open, Slot, State},
};
use crate::{
    delivery::access::Access,
    event::{Sequence, Timestamp},
    observe::{metrics::Metrics, telemetry::LineLimit, trace::Tracer},
    proto::SubscriberState,
};

/// How often streams are looked at, and the precision of what is said about their stalling.
const TICK: Duration = Duration::from_millis(200);
/// Streams that were taken away leave what the connection holds of them behind until their client
/// reads or goes: two pieces, which are parts of messages that were made for all and keep these, up to
/// 128 KiB each of memory's runs, 512 KiB of a page from the disk. Open streams and such ones are so many times the cap at
/// most: beyond it those that began first are reset for new ones.
pub(in super::super) const LEFT_BEHIND: usize = 2;
/// How long a new stream waits for the end of one that is reset for it.
const RESET_WAIT: Duration = Duration::from_secs(5);
/// Log lines about single stalled streams in a [`TICK`]; one more sums up the others.
const STALLED_LINES: usize = 5;
/// After this a stream that takes nothing is shown as blocked.
const BLOCKED_AFTER: Duration = Duration::from_secs(5);
/// Named streams that ended are remembered for this long.
const REMEMBER_ENDED: Duration = Duration::from_secs(24 * 60 * 60);
/// Most of them; beyond it the one that ended first is forgotten.
const MAX_ENDED: usize = 1000;

/// All `Subscribe` streams of this process.
#[derive(Debug)]
pub(crate) struct Streams {
    /// The cap: each open stream holds one.
    places: Arc<Semaphore>,
    /// Each stream holds one until its client is gone, also when it was taken away.
    bodies: Arc<Semaphore>,
    stall_timeout: Duration,
    /// Ticks since the start: a clock that costs a stream nothing to read.
    now: AtomicU64,
    table: Mutex<Table>,
    metrics: Arc<Metrics>,
    lines: LineLimit,
    /// Where it is traced what is delivered; `None`: nowhere.
    tracer: Option<Tracer>,
}

/// Who reads, and how far it has come, by the name that it gave itself; empty for all without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Readers {
    /// Open streams.
    pub streams: usize,
    /// Events that were given to these and to earlier ones.
    pub delivered: u64,
    /// Everything up to here was sent, or left out by the filter: of each name's
    /// streams the one that is furthest behind.
    pub positions: BTreeMap<String, Sequence>,
    /// When the last stream ended of a name that has none now.
    pub departed: BTreeMap<String, Timestamp>,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u64,
    /// Bounded by the cap.
    open: BTreeMap<u64, Arc<Slot>>,
    /// Those that ended, whose connection still holds a part of them, and which were not reset. Bounded by [`LEFT_BEHIND`]
    /// times the cap.
    left_behind: BTreeMap<u64, Arc<Slot>>,
    /// Tasks of all streams whose connections hold something of them.
    tasks: HashMap<u64, Arc<StreamTask>>,
    /// The last ended stream of each name, in the order of their ends. Bounded by [`MAX_ENDED`].
    ended: VecDeque<Ended>,
    /// Events that were given to streams that have ended.
    delivered_before: u64,
}

/// A stream that ended.
#[derive(Debug, Clone)]
pub(in super::super) struct Ended {
    pub(in super::super) slot: Arc<Slot>,
    pub(in super::super) time: Timestamp,
    pub(in super::super) reason: String,
}

/// Room for one stream.
#[derive(Debug)]
pub(in super::super) struct Place {
    pub(super) place: OwnedSemaphorePermit,
    pub(super) body: OwnedSemaphorePermit,
}

impl Streams {
    /// None is open yet.
    pub(crate) fn new(limits: &Limits, metrics: Arc<Metrics>, tracer: Option<Tracer>) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(limits.max_streams)),
            bodies: Arc::new(Semaphore::new(limits.max_streams * LEFT_BEHIND)),
            stall_timeout: limits.stall_timeout,
            now: AtomicU64::new(0),
            table: Mutex::default(),
            metrics,
            lines: LineLimit::new(),
            tracer,
        })
    }

    /// What is counted.
    pub(in super::super) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Who reads at this moment.
    pub(crate) fn readers(&self) -> Readers {
        let mut table = self.table();
        table.forget_ended(Timestamp::now());
        let delivered = table.delivered_before;
        let mut readers = Readers { streams: table.open.len(), delivered, ..Readers::default() };
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

    /// A place for one more stream, if there is one. What streams leave behind that have ended is no reason to refuse
    /// another: those that began first are reset.
    pub(in super::super) async fn place(&self) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        let place = place.or_else(|| {
            self.metrics.streams_refused.inc();
            None
        })?;
        if let Ok(body) = Arc::clone(&self.bodies).try_acquire_owned() {
            return Some(Place { place, body });
        }
        // There is one: open streams alone do not take all bodies.
        self.reset_oldest();
        let body = timeout(RESET_WAIT, Arc::clone(&self.bodies).acquire_owned()).await;
        if let Ok(Ok(body)) = body {
            return Some(Place { place, body });
        }
        tracing::error!(
            "streams that were reset do not end and hold the places of new ones; restart the gateway"
        );
        self.metrics.streams_refused.inc();
        None
    }

    /// Resets the stream that began first of those that ended and whose client does not read.
    fn reset_oldest(&self) {
        let mut table = self.table();
        let Some((id, oldest)) = table.left_behind.pop_first() else { return };
        let task = table.tasks.remove(&id);
        drop(table);
        if let Some(left_out) = self.lines.next() {
            tracing::warn!(
                peer = oldest.peer.map(tracing::field::display),
                left_out,
                "a client does not read: its ended streams are reset, because new ones need their places"
            );
        }
        if let Some(task) = task {
            task.reset();
        }
    }

    /// Adds a stream that begins now.
    pub(super) fn add(&self, new: NewSlot, task: Arc<StreamTask>, open: Open) -> Arc<Slot> {
        let mut table = self.table();
        table.last_id += 1;
        let slot = Arc::new(Slot::new(new, table.last_id, self.now(), open));
        table.open.insert(slot.id, Arc::clone(&slot));
        table.tasks.insert(slot.id, task);
        slot
    }

    /// Where it is traced what is delivered; `None`: nowhere.
    pub(super) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    /// Ends the streams of callers that are not in the list as they were.
    pub(in super::super) fn revoke(&self, access: &Access) {
        // Compared without the lock: streams that begin or end do not wait.
        let open: Vec<_> = self.table().open.values().cloned().collect();
        let revoked = open.iter().filter(|slot| !slot.caller.is_in(access));
        let count = revoked.inspect(|slot| slot.revoke()).count();
        if count > 0 {
            tracing::info!(streams = count, "streams end: their tokens were taken back or have other rights");
        }
    }

    /// Ticks since the start.
    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Looks after stalled streams, until it is dropped.
    pub(in super::super) async fn watch<T>(&self) -> T {
        let mut ticks = interval(TICK);
        // A pause of this process is no stall of its clients.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.now.fetch_add(1, Ordering::Relaxed);
            let open: Vec<_> = self.table().open.values().cloned().collect();
            let taken = open.iter().filter(|slot| self.is_stalled(slot) && self.take_away(slot));
            // A client can have thousands of streams.
            let mut left_out = 0_usize;
            for (number, slot) in taken.enumerate() {
                if number < STALLED_LINES {
                    tracing::warn!(
                        subscriber = slot.name,
                        peer = slot.peer.map(tracing::field::display),
                        "a client took nothing of its stream for too long and loses it"
                    );
                } else {
                    left_out += 1;
                }
            }
            if left_out > 0 {
                tracing::warn!(
                    streams = left_out,
                    "more clients took nothing of their streams and lose them"
                );
            }
        }
    }

    /// For how long its client has not taken what is ready for it.
    fn blocked(&self, slot: &Slot) -> Duration {
        let ticks = slot.taken().map_or(0, |taken| self.now().saturating_sub(taken));
        TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    fn is_stalled(&self, slot: &Slot) -> bool {
        self.blocked(slot) > self.stall_timeout
    }

    /// Returns whether it did.
    fn take_away(&self, slot: &Arc<Slot>) -> bool {
        let mut state = slot.lock();
        // Looked at again under the lock: it may have been taken by now.
        if !matches!(*state, State::Open(_)) || !self.is_stalled(slot) {
            return false;
        }
        let taken = state.leave(status::receiver_stalled());
        drop(state);
        drop(taken);
        self.metrics.streams_stalled.inc();
        self.note_end(slot, &status::reason(&status::receiver_stalled()));
        true
    }

    /// What a stream is doing, and how long it has been blocked.
    pub(in super::super) fn state(&self, slot: &Slot) -> (SubscriberState, Duration) {
        match self.blocked(slot) {
            blocked if blocked > BLOCKED_AFTER => (SubscriberState::Blocked, blocked),
            _ if slot.progress.get().is_live => (SubscriberState::Live, Duration::ZERO),
            _ => (SubscriberState::CatchingUp, Duration::ZERO),
        }
    }

    /// Open streams and remembered ones after `id`, in the order of their beginnings.
    pub(in super::super) fn list(&self, id: u64) -> Vec<(Arc<Slot>, Option<Ended>)> {
        let mut table = self.table();
        table.forget_ended(Timestamp::now());
        let open = table.open.values().map(|slot| (Arc::clone(slot), None));
        let ended = table.ended.iter().map(|ended| (Arc::clone(&ended.slot), Some(ended.clone())));
        let mut list: Vec<_> = open.chain(ended).filter(|(slot, _)| slot.id > id).collect();
        list.sort_by_key(|(slot, _)| slot.id);
        list
    }

    /// Notes that a stream has ended; only the first reason counts.
    pub(super) fn note_end(&self, slot: &Arc<Slot>, reason: &str) {
        let mut table = self.table();
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
        table.ended.push_back(Ended { slot, time: Timestamp::now(), reason });
        table.forget_ended(Timestamp::now());
    }

    /// Notes that its connection holds nothing of a stream any more.
    pub(super) fn note_gone(&self, slot: &Slot) {
        let mut table = self.table();
        table.left_behind.remove(&slot.id);
        table.tasks.remove(&slot.id);
    }

    #[cfg(test)]
    pub(super) fn forget_ended(&self, now: Timestamp) {
        self.table().forget_ended(now);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_ended(&mut self, now: Timestamp) {
        let oldest = now.earlier_by(REMEMBER_ENDED);
        while self.ended.len() > MAX_ENDED || self.ended.front().is_some_and(|ended| ended.time < oldest) {
            self.ended.pop_front();
        }
    }
}
