//! Appends: any number of publishes in flight, up to a bound, until the server has acknowledged them or their callers have
//! given up.
//!
//! A publish without an acknowledgement is retried until its deadline with the same message id, so that the server stores it
//! once. The publisher keeps what the connection does not take, instead of the client's buffer: an event that was refused
//! must not be stored much later. The one exception is the [`probe`](super::probe).

mod sender;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_nats::{HeaderMap, Message, StatusCode, Subject, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{
    sync::{mpsc, watch},
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use self::sender::{Outgoing, SendQueue};
use super::{
    acks::InFlightPermit,
    api::{API_TIMEOUT, MESSAGE_ID, denied_publish},
    connection::Connection,
    error::{ApiError, JetStreamError, OpenError},
    health::STALLED,
    message::{Publish, PublishAnswer},
    state::StreamState,
};
use crate::{
    event::Sequence,
    log::{AppendError, AppendReply, NewRecord},
};

/// Silence after which a publish is retried: its server may be gone.
const RETRY: Duration = Duration::from_millis(400);
/// Pause before a retry if no server can store the publish.
const RETRY_REFUSED: Duration = Duration::from_millis(50);
/// How long an acknowledged append waits for the tail. The tail lags while its consumer is recreated, and the event is
/// stored all the same.
const TAIL_PATIENCE: Duration = Duration::from_millis(100);
/// An append that has waited for longer shows that callbacks cannot be stored.
const STALLED_AFTER: Duration = Duration::from_secs(1);
/// Time between two looks at deadlines and retries.
const TICK: Duration = Duration::from_millis(25);
/// Number of acknowledgements, and of appends, that are handled before anything else.
const BURST: usize = 256;
/// How often the task yields before it begins a publish. Callbacks that arrive meanwhile are published with it, which saves a
/// tenth to a fifth of the CPU time of a callback at 64 connections, here and at the server.
const YIELDS: usize = 3;

/// Append that was accepted and not published yet.
#[derive(Debug)]
pub(super) struct PendingAppend {
    pub(super) record: NewRecord,
    pub(super) reply: AppendReply,
    pub(super) permit: InFlightPermit,
}

/// Publish without an acknowledgement.
#[derive(Debug)]
struct InFlight {
    append: PendingAppend,
    since: Instant,
    /// Lowest sequence that the stream can assign: above all events that this gateway knew when it accepted the append.
    least: Sequence,
    subject: Subject,
    /// It is in [`Publisher::refused`].
    is_refused: bool,
    /// Last error that the stream answered.
    error: Option<JetStreamError>,
}

/// See the module's documentation.
pub(super) struct Publisher {
    state: Arc<StreamState>,
    /// Prefix of the subjects.
    prefix: String,
    appends: mpsc::UnboundedReceiver<PendingAppend>,
    acknowledgements: Subscriber,
    /// Prefix of the subjects of acknowledgements. The id of the publish follows.
    inbox: String,
    connection: watch::Receiver<Connection>,
    /// Last error that the server has sent.
    server_error: watch::Receiver<String>,
    outgoing: SendQueue,
    in_flight: HashMap<u64, InFlight>,
    next_id: u64,
    /// Random, and different in each process.
    id_prefix: String,
    /// When to retry publishes without an answer, in order. Some are acknowledged by then.
    silent: VecDeque<(Instant, u64)>,
    /// When to retry publishes that no server could store, in order.
    refused: VecDeque<(Instant, u64)>,
}

impl Publisher {
    pub(super) async fn new(
        state: Arc<StreamState>,
        prefix: String,
        appends: mpsc::UnboundedReceiver<PendingAppend>,
    ) -> Result<Self, OpenError> {
        let mut random = [0; 12];
        getrandom::fill(&mut random)?;
        let client = &state.api.client;
        let inbox = client.new_inbox();
        // The limit includes the time until the connection takes the request.
        let subscribed = timeout(API_TIMEOUT, client.subscribe(format!("{inbox}.*"))).await;
        let no_connection = |_| OpenError::Unreachable(ApiError::Unreachable("no connection".to_owned()));
        let acknowledgements = subscribed.map_err(no_connection)??;
        Ok(Self {
            prefix,
            appends,
            acknowledgements,
            inbox,
            connection: state.api.status.connection.subscribe(),
            server_error: state.api.status.server_error.subscribe(),
            outgoing: SendQueue::start(&state),
            in_flight: HashMap::new(),
            next_id: 0,
            id_prefix: format!("{}-", hex::encode(random)),
            silent: VecDeque::new(),
            refused: VecDeque::new(),
            state,
        })
    }

    /// Runs until no more appends can arrive and all are answered, or the log closes.
    pub(super) async fn run(mut self) {
        let state = Arc::clone(&self.state);
        state.health.until_closed(self.work()).await;
    }

    async fn work(&mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_open = true;
        // Acknowledged appends wait for the tail.
        let mut some_wait = false;
        while is_open || !self.in_flight.is_empty() || some_wait {
            tokio::select! {
                answer = self.acknowledgements.next() => match answer {
                    Some(answer) => some_wait |= self.handle_answer(answer),
                    // The client is closed: no acknowledgement will arrive.
                    None => return,
                },
                append = self.appends.recv(), if is_open => match append {
                    Some(append) => {
                        for _ in 0..YIELDS {
                            yield_now().await;
                        }
                        self.begin(append);
                    }
                    None => is_open = false,
                },
                _ = tick.tick(), if !self.in_flight.is_empty() || some_wait => {
                    self.handle_tick();
                    some_wait = self.state.acks.answer_overdue(TAIL_PATIENCE);
                }
                Some((id, error)) = self.outgoing.rejected() => {
                    tracing::error!(error, "the NATS client rejected a publish; rejecting the callback");
                    self.fail(id, AppendError::Failed);
                }
                Ok(()) = self.server_error.changed() => {
                    let error = self.server_error.borrow_and_update();
                    if let Some(subject) = denied_publish(&error, &self.prefix) {
                        self.state.health.deny(subject);
                    }
                }
                changed = self.connection.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if self.connection.borrow_and_update().is_up {
                        self.send_all();
                    }
                }
            }
            self.handle_burst(&mut some_wait);
            if self.in_flight.is_empty() {
                self.state.health.set_stalled(false);
            }
        }
    }

    /// Handles what has arrived, without waiting.
    fn handle_burst(&mut self, some_wait: &mut bool) {
        for _ in 0..BURST {
            match self.acknowledgements.next().now_or_never() {
                Some(Some(answer)) => *some_wait |= self.handle_answer(answer),
                _ => break,
            }
        }
        for _ in 0..BURST {
            match self.appends.try_recv() {
                Ok(append) => self.begin(append),
                Err(_) => break,
            }
        }
    }

    fn begin(&mut self, append: PendingAppend) {
        let now = Instant::now();
        if append.record.deadline <= now {
            // Ignore the error: the caller has dropped its receiver.
            append.reply.send(Err(AppendError::Expired)).ok();
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        let stored = &append.record.stored;
        let subject = format!("{}.{}.{}", self.prefix, stored.sdk_app_id(), stored.command()).into();
        let least = self.state.least_end();
        let in_flight = InFlight { append, since: now, least, subject, is_refused: false, error: None };
        self.in_flight.insert(id, in_flight);
        self.send(id);
        self.silent.push_back((now + RETRY, id));
    }

    fn send(&self, id: u64) {
        let Some(in_flight) = self.in_flight.get(&id) else { return };
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, self.message_id(id));
        self.outgoing.try_send(Outgoing {
            id,
            deadline: in_flight.append.record.deadline,
            subject: in_flight.subject.clone(),
            reply: format!("{}.{id}", self.inbox).into(),
            headers,
            payload: in_flight.append.record.stored.bytes().clone(),
        });
    }

    fn message_id(&self, id: u64) -> String {
        format!("{}{id}", self.id_prefix)
    }

    /// Sends all publishes again, in order: those on the lost connection may be lost.
    fn send_all(&self) {
        let mut ids: Vec<_> = self.in_flight.keys().copied().collect();
        ids.sort_unstable();
        ids.into_iter().for_each(|id| self.send(id));
    }

    /// Reports that the stream did not store an event, and why.
    fn report_refused(&self, id: u64, reason: String) {
        let Some(in_flight) = self.in_flight.get(&id) else { return };
        let payload = in_flight.append.record.stored.bytes().clone();
        let event = Publish { subject: in_flight.subject.clone(), message_id: self.message_id(id), payload };
        self.state.health.refuse(reason, event);
    }

    /// Handles the answer to a publish. Returns whether it is acknowledged, and its append may wait for the tail.
    fn handle_answer(&mut self, message: Message) -> bool {
        let id = message.subject.rsplit('.').next().and_then(|id| id.parse::<u64>().ok());
        let Some(id) = id.filter(|id| self.in_flight.contains_key(id)) else { return false };
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            self.retry_soon(id);
            return false;
        }
        match serde_json::from_slice(&message.payload) {
            Ok(PublishAnswer { seq: Some(sequence), stream, error: None })
                if stream == self.state.api.stream =>
            {
                let Some(InFlight { append, least, .. }) = self.in_flight.remove(&id) else { return false };
                let PendingAppend { reply, permit, .. } = append;
                if sequence < least.0 {
                    // The stream assigns lost sequences again, so the log ends. The event is not promised.
                    self.state.note_reused(Sequence(sequence));
                    reply.send(Err(AppendError::Failed)).ok();
                    return false;
                }
                self.state.acknowledge(Sequence(sequence), reply, permit);
                return true;
            }
            Ok(PublishAnswer { error: Some(error), .. }) if error.can_retry() => {
                // Otherwise it is retried as if there were no answer.
                if error.can_retry_soon() {
                    self.retry_soon(id);
                }
                if let Some(in_flight) = self.in_flight.get_mut(&id) {
                    in_flight.error = Some(error);
                }
            }
            Ok(PublishAnswer { error: Some(error), .. }) => {
                let reason = error.as_reason();
                if error.is_about_the_event() {
                    tracing::error!(reason, "the stream refuses one event; rejecting the callback");
                } else {
                    self.report_refused(id, reason);
                }
                self.fail(id, AppendError::Failed);
            }
            Ok(PublishAnswer { stream, .. }) => {
                tracing::error!(
                    stream,
                    "JetStream acknowledged a publish for a different stream; rejecting the callback"
                );
                self.fail(id, AppendError::Failed);
            }
            Err(error) => {
                tracing::error!(%error, "cannot parse the acknowledgement of a publish; rejecting the callback");
                self.fail(id, AppendError::Failed);
            }
        }
        false
    }

    fn retry_soon(&mut self, id: u64) {
        if let Some(in_flight) = self.in_flight.get_mut(&id)
            && !in_flight.is_refused
        {
            in_flight.is_refused = true;
            self.refused.push_back((Instant::now() + RETRY_REFUSED, id));
        }
    }

    fn fail(&mut self, id: u64, error: AppendError) {
        if let Some(InFlight { append, .. }) = self.in_flight.remove(&id) {
            // Ignore the error: the caller has dropped its receiver.
            append.reply.send(Err(error)).ok();
        }
    }

    /// Fails publishes at their deadlines, reports a stall, and retries what is due.
    fn handle_tick(&mut self) {
        let now = Instant::now();
        // Includes publishes that expire now.
        let has_stalled = |in_flight: &InFlight| now.duration_since(in_flight.since) >= STALLED_AFTER;
        let is_stalled = self.in_flight.values().any(has_stalled);
        self.fail_expired(now);
        self.report_stall(is_stalled);
        while let Some(id) = pop_due(&mut self.refused, now) {
            if let Some(in_flight) = self.in_flight.get_mut(&id) {
                in_flight.is_refused = false;
                self.send(id);
            }
        }
        while let Some(id) = pop_due(&mut self.silent, now) {
            if self.in_flight.contains_key(&id) {
                self.send(id);
                self.silent.push_back((now + RETRY, id));
            }
        }
    }

    fn fail_expired(&mut self, now: Instant) {
        let is_expired = |in_flight: &InFlight| in_flight.append.record.deadline <= now;
        let expired = self.in_flight.iter().filter(|(_, in_flight)| is_expired(in_flight));
        let expired: Vec<_> = expired.map(|(id, _)| *id).collect();
        for id in expired {
            if let Some(in_flight) = self.in_flight.get(&id) {
                // A callback that arrived late says nothing about the stream.
                let has_stalled = now.duration_since(in_flight.since) >= STALLED_AFTER;
                match &in_flight.error {
                    Some(error) => self.report_refused(id, error.as_reason()),
                    // Otherwise the reason is known already, and a probe is not needed.
                    None if has_stalled && self.state.health.is_silent() => {
                        self.report_refused(id, STALLED.to_owned());
                    }
                    None => {}
                }
            }
            self.fail(id, AppendError::Expired);
        }
    }

    /// Reports the first publish that waits too long. The next look at the stream repeats that as long as it lasts.
    fn report_stall(&self, is_stalled: bool) {
        if !self.state.health.set_stalled(is_stalled) && is_stalled {
            let errors = self.in_flight.values().filter_map(|in_flight| in_flight.error.as_ref());
            let error = errors.max_by_key(|error| error.err_code);
            let reason = error.map_or_else(|| STALLED.to_owned(), JetStreamError::as_reason);
            self.state.health.set_writable(Err(reason));
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.state.acks.fail_all();
    }
}

/// Removes and returns the first id, if it is due.
fn pop_due(waiting: &mut VecDeque<(Instant, u64)>, now: Instant) -> Option<u64> {
    let (due, id) = *waiting.front()?;
    if due > now {
        return None;
    }
    waiting.pop_front();
    Some(id)
}
