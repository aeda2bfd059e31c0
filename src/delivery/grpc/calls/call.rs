//! Handle of one call.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tonic::Status;

use super::{
    super::{
        status,
        transport::{StreamTask, Transport},
    },
    group::CallGroup,
    table::{CallState, CallTable, Phase},
};

/// A call in its group. Dropping it removes the call.
#[derive(Debug)]
pub(in super::super) struct Call {
    id: u64,
    calls: Arc<CallGroup>,
    connection: Arc<Transport>,
}

/// Next part of an answer.
pub(in super::super) enum AnswerPart {
    /// Bytes to hand to the connection.
    Piece(Bytes),
    /// The answer so far was taken.
    Nothing,
    /// The call was ended.
    Ended(Status),
}

impl Call {
    /// Adds a call with so many bytes of metadata. RESOURCE_EXHAUSTED at the bound, if no other call can be ended.
    pub(in super::super) fn begin(
        calls: &Arc<CallGroup>,
        connection: &Arc<Transport>,
        task: Arc<StreamTask>,
        metadata_bytes: usize,
    ) -> Result<Self, Status> {
        let now = calls.now();
        let mut table = calls.table();
        if table.active() >= calls.bounds.calls {
            calls.warn("calls", "gRPC calls have reached their limit; ending the oldest ones");
            let ended = table.end_one(now, |_| true, status::too_many_calls, &calls.metrics);
            if !ended && !table.end_oldest_arriving(status::too_many_calls) {
                return Err(status::too_many_calls());
            }
        }
        table.last += 1;
        let id = table.last;
        table.arriving.insert(id);
        table.connections.entry(connection.id).or_default().calls += 1;
        let state = CallState {
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
        let call = Self { id, calls: Arc::clone(calls), connection: Arc::clone(connection) };
        let held = calls.hold(&mut table, id, metadata_bytes);
        calls.finish(table);
        held.map(|()| call)
    }

    /// Returns the connection of the call.
    pub(in super::super) fn connection(&self) -> &Arc<Transport> {
        &self.connection
    }

    /// Completes with the status if the call is ended.
    pub(in super::super) async fn ended(&self) -> Status {
        std::future::poll_fn(|cx| self.poll_ended(cx)).await
    }

    pub(in super::super) fn poll_ended(&self, cx: &Context<'_>) -> Poll<Status> {
        let mut table = self.calls.table();
        let Some(state) = table.calls.get_mut(&self.id) else { return Poll::Pending };
        if let Some(status) = &state.end {
            return Poll::Ready(status.clone());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Counts more bytes of the request.
    pub(in super::super) fn hold(&self, bytes: usize) -> Result<(), Status> {
        let mut table = self.calls.table();
        let held = self.calls.hold(&mut table, self.id, bytes);
        self.calls.set_gauges(&table);
        held
    }

    /// Notes that the request is complete: the gateway works for the call from now on.
    pub(in super::super) fn run(&self) -> Result<(), Status> {
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

    /// Releases the bytes of the request.
    pub(in super::super) fn release_request(&self) {
        let mut table = self.calls.table();
        let table = &mut *table;
        if let Some(state) = table.calls.get_mut(&self.id) {
            table.request_bytes -= mem::take(&mut state.request_bytes);
        }
        self.calls.set_gauges(table);
    }

    /// Holds an answer, or its next message, for the client. At a bound, ends answers that other clients do not read.
    /// RESOURCE_EXHAUSTED if there are none.
    pub(in super::super) fn put(&self, answer: Bytes) -> Result<(), Status> {
        let calls = &self.calls;
        let now = calls.now();
        let mut table = calls.table();
        let connection = self.connection.id;
        let of_connection =
            |table: &CallTable| table.connections.get(&connection).map_or(0, |of| of.answer_bytes);
        while of_connection(&table) + answer.len() > calls.bounds.connection_answer_bytes {
            if !table.end_answer(now, Some(connection), &calls.metrics) {
                return Err(calls.refused(status::too_many_unread_answers()));
            }
        }
        while table.answer_bytes + answer.len() > calls.bounds.answer_bytes {
            calls.warn(
                "answer bytes",
                "unread gRPC answers have reached their memory limit; ending the oldest ones",
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
            // The body takes a whole message before it puts the next one.
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

    /// Takes at most `len` bytes of the answer. The piece is a copy, so that it does not keep the whole answer in memory.
    pub(in super::super) fn take(&self, cx: &mut Context<'_>, len: usize) -> Poll<AnswerPart> {
        let mut table = self.calls.table();
        let table = &mut *table;
        let Some(state) = table.calls.get_mut(&self.id) else { return Poll::Ready(AnswerPart::Nothing) };
        if let Some(status) = &state.end {
            return Poll::Ready(AnswerPart::Ended(status.clone()));
        }
        if state.answer.is_empty() {
            return Poll::Ready(AnswerPart::Nothing);
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
        Poll::Ready(AnswerPart::Piece(Bytes::copy_from_slice(&piece)))
    }

    /// Notes that the connection has the whole answer. The call waits until its client has read it.
    pub(in super::super) fn hand_over(&self) {
        let mut table = self.calls.table();
        if let Some(state) = table.calls.get_mut(&self.id) {
            state.is_idle = false;
        }
        table.wait(self.id, self.calls.now());
    }

    /// Notes that the call waits for its client's next request. Completes with the status if the call is ended.
    pub(in super::super) fn poll_idle(&self, cx: &Context<'_>) -> Poll<Status> {
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
