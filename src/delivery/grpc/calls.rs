//! Calls under way, other than open streams and watches: bounds on their number and on the bytes that they hold.
//!
//! A call passes through [`Phase`]s. It gives way while it depends on its client: when the gateway needs its place or its
//! memory, the call whose request has been arriving for longest ends, or the one whose client has taken nothing of its
//! answer for longest. So a client that keeps calls open cannot keep others out.
//!
//! Statuses of calls whose requests are arriving are counted by the front, which sends them; those of answers here.
//!
//! An answer that is taken away leaves a piece or two behind in hyper and h2, until its client reads or leaves; then the
//! client gets the status. Beyond [`MAX_LEFT_BEHIND`] of them the calls that ended first are reset. Their connections stay
//! open: a proxy's connection carries the calls of many clients, of which one does not read.

mod table;
#[cfg(test)]
mod tests;

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use prometheus::Gauge;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::Status;

use self::table::{Phase, State, Table};
use super::{
    status,
    transport::{StreamTask, Transport},
};
use crate::observe::{metrics::Metrics, telemetry::LineLimit};

/// An answer gives way to others once its client has taken nothing of it for this long. Shorter pauses are normal.
const GIVES_WAY_AFTER: Duration = Duration::from_secs(1);
/// Answers of a group that were taken away and of which hyper and h2 still hold pieces, 144 KiB at most each. Beyond it
/// the calls that ended first are reset.
pub(super) const MAX_LEFT_BEHIND: usize = 128;
/// How often calls are looked at for clients that take nothing.
const TICK: Duration = Duration::from_millis(500);

/// Bounds on a group of calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Calls at once.
    pub(super) calls: usize,
    /// Bytes of their metadata and request messages.
    pub(super) request_bytes: usize,
    /// Bytes of answers that their clients have not taken.
    pub(super) answer_bytes: usize,
    /// The same, on one connection.
    pub(super) connection_answer_bytes: usize,
}

/// A group of calls with common bounds.
#[derive(Debug)]
pub(super) struct Calls {
    bounds: Bounds,
    stall_timeout: Duration,
    table: Mutex<Table>,
    metrics: Arc<Metrics>,
    gauges: Gauges,
    lines: LineLimit,
    /// By how much tests have moved the clock.
    #[cfg(test)]
    advanced: Mutex<Duration>,
}

#[derive(Debug)]
struct Gauges {
    calls: Gauge,
    request_bytes: Gauge,
    answer_bytes: Gauge,
}

/// A call's place in its group, until it is dropped.
#[derive(Debug)]
pub(super) struct Call {
    id: u64,
    calls: Arc<Calls>,
    connection: Arc<Transport>,
}

/// A part of an answer.
pub(super) enum Taken {
    /// Bytes to hand to the connection.
    Piece(Bytes),
    /// Nothing is left of what was made so far.
    Nothing,
    /// The call was ended.
    Ended(Status),
}

impl Calls {
    pub(super) fn new(
        group: &str,
        bounds: Bounds,
        stall_timeout: Duration,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let gauges = Gauges {
            calls: metrics.grpc_calls.with_label_values(&[group]),
            request_bytes: metrics.grpc_request_bytes.with_label_values(&[group]),
            answer_bytes: metrics.grpc_answer_bytes.with_label_values(&[group]),
        };
        Arc::new(Self {
            bounds,
            stall_timeout,
            table: Mutex::default(),
            metrics,
            gauges,
            lines: LineLimit::new(),
            #[cfg(test)]
            advanced: Mutex::default(),
        })
    }

    /// Adds a call with so many bytes of metadata. RESOURCE_EXHAUSTED if no other one gives way.
    pub(super) fn begin(
        self: &Arc<Self>,
        connection: &Arc<Transport>,
        task: Arc<StreamTask>,
        metadata_bytes: usize,
    ) -> Result<Call, Status> {
        let now = self.now();
        let mut table = self.table();
        if table.active() >= self.bounds.calls {
            self.warn("calls", "there are as many gRPC calls as there may be; the oldest ones end");
            let ended = table.end_one(now, |_| true, status::too_many_calls, &self.metrics);
            if !ended && !table.end_oldest_arriving(status::too_many_calls) {
                return Err(status::too_many_calls());
            }
        }
        table.last += 1;
        let id = table.last;
        table.arriving.insert(id);
        table.connections.entry(connection.id).or_default().calls += 1;
        let state = State {
            connection: Arc::clone(connection),
            task,
            phase: Phase::Arriving,
            progress: now,
            request_bytes: 0,
            answer: Bytes::new(),
            answer_bytes: 0,
            has_answered: false,
            is_idle: false,
            end: None,
            waker: None,
        };
        table.calls.insert(id, state);
        let call = Call { id, calls: Arc::clone(self), connection: Arc::clone(connection) };
        let held = self.hold(&mut table, id, metadata_bytes);
        self.finish(table);
        held.map(|()| call)
    }

    /// Counts more bytes of a request. Other calls' requests give way; if there are none, this one's.
    fn hold(&self, table: &mut Table, id: u64, bytes: usize) -> Result<(), Status> {
        let Some(state) = table.calls.get_mut(&id) else { return Ok(()) };
        if let Some(status) = &state.end {
            return Err(status.clone());
        }
        state.request_bytes += bytes;
        table.request_bytes += bytes;
        while table.request_bytes > self.bounds.request_bytes {
            self.warn("request bytes", "gRPC requests take as much memory as they may; the oldest ones end");
            if !table.end_oldest_arriving(status::too_many_request_bytes) {
                return Err(status::too_many_request_bytes());
            }
        }
        match table.calls.get(&id).and_then(|state| state.end.as_ref()) {
            Some(status) => Err(status.clone()),
            None => Ok(()),
        }
    }

    /// Ends calls whose clients take nothing of their answers for too long, until it is dropped.
    pub(super) async fn watch<T>(&self) -> T {
        let mut ticks = interval(TICK);
        // A pause of this process is not a stall of its clients.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.end_stalled(self.now());
        }
    }

    fn end_stalled(&self, now: Instant) {
        let mut table = self.table();
        let mut stalled = Vec::new();
        for id in table.waiting.values() {
            let Some(state) = table.calls.get(id) else { continue };
            if now.saturating_duration_since(state.progress) <= self.stall_timeout {
                break;
            }
            if !state.is_idle {
                stalled.push(*id);
            }
        }
        for id in &stalled {
            table.end(*id, status::receiver_stalled());
            self.metrics.note_refused_call(&status::reason(&status::receiver_stalled()));
        }
        self.finish(table);
        if !stalled.is_empty() {
            self.warn("stalled", "clients took nothing of their answers for too long; the calls end");
        }
    }

    /// Sets the gauges, and resets calls if too many have left something behind.
    fn finish(&self, mut table: MutexGuard<'_, Table>) {
        self.set_gauges(&table);
        let excess = table.take_excess();
        drop(table);
        if let Some((connection, _)) = excess.first()
            && let Some(left_out) = self.lines.next()
        {
            let peer = connection.peer.map(tracing::field::display);
            tracing::warn!(peer, left_out, "a client leaves too many answers unread; these calls are reset");
        }
        for (_, task) in excess {
            task.reset();
        }
    }

    fn refused(&self, status: Status) -> Status {
        self.metrics.note_refused_call(&status::reason(&status));
        status
    }

    fn warn(&self, bound: &str, message: &str) {
        if let Some(left_out) = self.lines.next() {
            tracing::warn!(bound, left_out, "{message}");
        }
    }

    fn set_gauges(&self, table: &Table) {
        self.gauges.calls.set(table.calls.len() as f64);
        self.gauges.request_bytes.set(table.request_bytes as f64);
        self.gauges.answer_bytes.set(table.answer_bytes as f64);
    }

    fn now(&self) -> Instant {
        let now = Instant::now();
        #[cfg(test)]
        let now = now + *self.advanced.lock().expect("no test panics with it");
        now
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Its connection.
    pub(super) fn connection(&self) -> &Arc<Transport> {
        &self.connection
    }

    /// Completes with the status if the call is ended.
    pub(super) async fn ended(&self) -> Status {
        std::future::poll_fn(|cx| self.poll_ended(cx)).await
    }

    pub(super) fn poll_ended(&self, cx: &Context<'_>) -> Poll<Status> {
        let mut table = self.calls.table();
        let Some(state) = table.calls.get_mut(&self.id) else { return Poll::Pending };
        if let Some(status) = &state.end {
            return Poll::Ready(status.clone());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Counts more bytes of the request.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Status> {
        let mut table = self.calls.table();
        let held = self.calls.hold(&mut table, self.id, bytes);
        self.calls.set_gauges(&table);
        held
    }

    /// The request is there: from now on the gateway works for the call.
    pub(super) fn run(&self) -> Result<(), Status> {
        let mut table = self.calls.table();
        let table = &mut *table;
        let Some(state) = table.calls.get_mut(&self.id) else { return Ok(()) };
        match (&state.end, state.phase) {
            (Some(status), _) => return Err(status.clone()),
            (None, Phase::Arriving) => {
                table.arriving.remove(&self.id);
                table.running += 1;
                state.phase = Phase::Running;
            }
            (None, Phase::Running | Phase::Waiting { .. } | Phase::Ended { .. }) => {}
        }
        Ok(())
    }

    /// The request is not held any more.
    pub(super) fn release_request(&self) {
        let mut table = self.calls.table();
        let table = &mut *table;
        if let Some(state) = table.calls.get_mut(&self.id) {
            table.request_bytes -= mem::take(&mut state.request_bytes);
        }
        self.calls.set_gauges(table);
    }

    /// Holds an answer, or the next message of one, for the client. Other clients' answers give way if they are not taken;
    /// RESOURCE_EXHAUSTED if none does.
    pub(super) fn put(&self, answer: Bytes) -> Result<(), Status> {
        let calls = &self.calls;
        let now = calls.now();
        let mut table = calls.table();
        let connection = self.connection.id;
        let of_connection =
            |table: &Table| table.connections.get(&connection).map_or(0, |of| of.answer_bytes);
        while of_connection(&table) + answer.len() > calls.bounds.connection_answer_bytes {
            if !table.end_answer(now, Some(connection), &calls.metrics) {
                return Err(calls.refused(status::too_many_unread_answers()));
            }
        }
        while table.answer_bytes + answer.len() > calls.bounds.answer_bytes {
            calls.warn(
                "answer bytes",
                "gRPC answers that their clients do not take hold as much memory as they may; calls end",
            );
            if !table.end_answer(now, None, &calls.metrics) {
                return Err(calls.refused(status::too_many_unread_answers()));
            }
        }
        let held = &mut *table;
        if let Some(state) = held.calls.get_mut(&self.id) {
            if let Some(status) = &state.end {
                return Err(status.clone());
            }
            // More than one message at a time would be a fault of the body's.
            state.answer_bytes += answer.len();
            held.answer_bytes += answer.len();
            if let Some(of) = held.connections.get_mut(&connection) {
                of.answer_bytes += answer.len();
            }
            state.answer = answer;
            state.has_answered = true;
            state.is_idle = false;
        }
        held.wait(self.id, now);
        calls.finish(table);
        Ok(())
    }

    /// Takes at most so many bytes of the answer. They are a copy: the piece must not keep the whole answer.
    pub(super) fn take(&self, cx: &mut Context<'_>, len: usize) -> Poll<Taken> {
        let mut table = self.calls.table();
        let table = &mut *table;
        let Some(state) = table.calls.get_mut(&self.id) else { return Poll::Ready(Taken::Nothing) };
        if let Some(status) = &state.end {
            return Poll::Ready(Taken::Ended(status.clone()));
        }
        if state.answer.is_empty() {
            return Poll::Ready(Taken::Nothing);
        }
        state.waker = Some(cx.waker().clone());
        if self.connection.poll_writable(self.id, cx).is_pending() {
            return Poll::Pending;
        }
        let piece = state.answer.split_to(len.min(state.answer.len()));
        if state.answer.is_empty() {
            table.release_answer(self.id);
        }
        table.wait(self.id, self.calls.now());
        self.calls.set_gauges(table);
        Poll::Ready(Taken::Piece(Bytes::copy_from_slice(&piece)))
    }

    /// The whole answer was handed to the connection: the call waits until its client has taken it.
    pub(super) fn hand_over(&self) {
        let mut table = self.calls.table();
        if let Some(state) = table.calls.get_mut(&self.id) {
            state.is_idle = false;
        }
        table.wait(self.id, self.calls.now());
    }

    /// The call waits for its client's next request.
    pub(super) fn poll_idle(&self, cx: &Context<'_>) -> Poll<Status> {
        let mut table = self.calls.table();
        if let Some(state) = table.calls.get_mut(&self.id) {
            state.is_idle = true;
            if state.phase == Phase::Running {
                table.wait(self.id, self.calls.now());
            }
        }
        drop(table);
        self.poll_ended(cx)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut table = self.calls.table();
        table.remove(self.id);
        self.calls.set_gauges(&table);
        drop(table);
        self.connection.forget(self.id);
    }
}
