//! State of all calls of a group.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::Arc,
    task::Waker,
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;
use tonic::Status;

use super::super::{
    status,
    transport::{StreamTask, Transport},
};
use crate::observe::metrics::Metrics;

/// Time without a read after which an answer can be ended for another. Shorter pauses are normal.
pub(super) const INACTIVE_AFTER: Duration = Duration::from_secs(1);
/// Most ended answers of a group of which hyper and h2 still hold pieces, up to 144 KiB each. Beyond it the calls that
/// ended first are reset.
pub(in super::super) const MAX_LEFT_BEHIND: usize = 128;

#[derive(Debug, Default)]
pub(super) struct CallTable {
    /// Last id of a call, or turn.
    pub(super) last: u64,
    pub(super) calls: HashMap<u64, CallState>,
    /// Calls in [`Phase::Arriving`]. Ids grow, so the first one began first.
    pub(super) arriving: BTreeSet<u64>,
    /// Calls in [`Phase::Waiting`] by their turns. The client of the first one has been inactive for longest.
    pub(super) waiting: BTreeMap<u64, u64>,
    pub(super) running: usize,
    pub(super) request_bytes: usize,
    pub(super) answer_bytes: usize,
    /// Calls in [`Phase::Ended`] that had begun to answer, by the turns in which they ended.
    pub(super) left_behind: BTreeMap<u64, u64>,
    /// By the connection's id.
    pub(super) connections: HashMap<u64, ConnectionUsage>,
}

#[derive(Debug, Default)]
pub(super) struct ConnectionUsage {
    pub(super) calls: usize,
    pub(super) answer_bytes: usize,
}

/// Phase of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The request is arriving.
    Arriving,
    /// The gateway works for the call.
    Running,
    /// The client has to read the answer, or to send the next request of a stream.
    Waiting {
        /// Key in [`CallTable::waiting`].
        turn: u64,
    },
    /// The gateway ended the call. The client may not have the status yet.
    Ended {
        /// Key in [`CallTable::left_behind`], if pieces of the answer may be left and the call was not reset.
        left_behind: Option<u64>,
    },
}

#[derive(Debug)]
pub(super) struct CallState {
    pub(super) connection: Arc<Transport>,
    pub(super) task: Arc<StreamTask>,
    pub(super) phase: Phase,
    /// Time of the last activity of the client.
    pub(super) progress: Instant,
    pub(super) request_bytes: usize,
    /// Part of the answer that the connection does not have.
    pub(super) answer: Bytes,
    /// Bytes of the whole answer, which stays in memory until the connection has all of it.
    pub(super) answer_bytes: usize,
    pub(super) has_answered: bool,
    /// True if the client has to send the next request of a stream, not to read.
    pub(super) is_idle: bool,
    /// Status of an ended call.
    pub(super) end: Option<Status>,
    pub(super) waker: Option<Waker>,
}

impl CallTable {
    /// Returns the number of calls that count against the bound: all but ended ones.
    pub(super) fn active(&self) -> usize {
        self.arriving.len() + self.running + self.waiting.len()
    }

    /// Removes a call that has not ended from its phase. The caller sets the next phase.
    fn leave_phase(&mut self, id: u64) -> Option<&mut CallState> {
        let state = self.calls.get_mut(&id)?;
        match state.phase {
            Phase::Arriving => drop(self.arriving.remove(&id)),
            Phase::Running => self.running -= 1,
            Phase::Waiting { turn } => drop(self.waiting.remove(&turn)),
            Phase::Ended { .. } => return None,
        }
        Some(state)
    }

    /// Appends a call to those that wait for their clients.
    pub(super) fn wait(&mut self, id: u64, now: Instant) {
        let turn = self.last + 1;
        let Some(state) = self.leave_phase(id) else { return };
        state.phase = Phase::Waiting { turn };
        state.progress = now;
        self.last = turn;
        self.waiting.insert(turn, id);
    }

    pub(super) fn release_answer(&mut self, id: u64) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        state.answer = Bytes::new();
        let len = mem::take(&mut state.answer_bytes);
        self.answer_bytes -= len;
        if let Some(of) = self.connections.get_mut(&state.connection.id) {
            of.answer_bytes -= len;
        }
    }

    /// Ends a call and frees its memory and its permit. Its task or body sends the status.
    pub(super) fn end(&mut self, id: u64, status: Status) {
        let key = self.last + 1;
        let Some(state) = self.leave_phase(id) else { return };
        let left_behind = state.has_answered.then_some(key);
        state.phase = Phase::Ended { left_behind };
        state.end = Some(status);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        let request_bytes = mem::take(&mut state.request_bytes);
        self.request_bytes -= request_bytes;
        if left_behind.is_some() {
            self.last = key;
            self.left_behind.insert(key, id);
        }
        self.release_answer(id);
    }

    /// Removes the calls beyond [`MAX_LEFT_BEHIND`] that ended first. The caller resets them without the table's lock.
    pub(super) fn take_excess(&mut self) -> Vec<(Arc<Transport>, Arc<StreamTask>)> {
        let mut excess = Vec::new();
        while self.left_behind.len() > MAX_LEFT_BEHIND
            && let Some((_, id)) = self.left_behind.pop_first()
        {
            if let Some(state) = self.calls.get_mut(&id) {
                state.phase = Phase::Ended { left_behind: None };
                excess.push((Arc::clone(&state.connection), Arc::clone(&state.task)));
            }
        }
        excess
    }

    /// Ends the call whose answer has been unread for longest, and longer than [`INACTIVE_AFTER`]. Considers only the
    /// calls of `connection` if it is given.
    pub(super) fn end_answer(&mut self, now: Instant, connection: Option<u64>, metrics: &Metrics) -> bool {
        let holds = |state: &CallState| {
            state.answer_bytes > 0 && connection.is_none_or(|id| state.connection.id == id)
        };
        self.end_one(now, holds, status::too_many_unread_answers, metrics)
    }

    /// Ends the call whose client has been inactive for longest, and longer than [`INACTIVE_AFTER`].
    pub(super) fn end_one(
        &mut self,
        now: Instant,
        may_end: impl Fn(&CallState) -> bool,
        status: fn() -> Status,
        metrics: &Metrics,
    ) -> bool {
        let candidates = self.waiting.values().filter_map(|id| Some((*id, self.calls.get(id)?)));
        let mut inactive =
            candidates.take_while(|(_, state)| now.duration_since(state.progress) >= INACTIVE_AFTER);
        let found = inactive.find(|(_, state)| may_end(state));
        let Some((id, _)) = found else { return false };
        let status = status();
        metrics.note_refused_call(&status::reason(&status));
        self.end(id, status);
        true
    }

    /// Ends the call whose request has been arriving for longest.
    pub(super) fn end_oldest_arriving(&mut self, status: fn() -> Status) -> bool {
        let Some(id) = self.arriving.first().copied() else { return false };
        self.end(id, status());
        true
    }

    pub(super) fn remove(&mut self, id: u64) {
        // Frees the memory of the call, unless it was ended before.
        self.end(id, Status::ok(""));
        let Some(state) = self.calls.remove(&id) else { return };
        if let Phase::Ended { left_behind: Some(turn) } = state.phase {
            self.left_behind.remove(&turn);
        }
        let Some(of) = self.connections.get_mut(&state.connection.id) else { return };
        of.calls -= 1;
        if of.calls == 0 {
            self.connections.remove(&state.connection.id);
        }
    }
}
