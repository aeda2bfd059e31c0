//! Appending: publishes on their way, in any number up to a bound, until the server has
//! acknowledged them or their callers have given up.
//!
//! A publish whose acknowledgement does not come is tried again until its deadline, with
//! the same number: the server stores it once. What the connection does not take is kept
//! here and not by the client, so that what was refused is not stored much later. The one
//! exception is in [`refused`](super::refused).

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::{HeaderMap, Message, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, watch},
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval, timeout, timeout_at},
};

use super::{
    OpenError,
    api::{API_TIMEOUT, ApiError, MESSAGE_ID, denied_publish},
    connection::Connection,
    refusal::Refusal,
    refused::Trial,
    shared::Shared,
};
use crate::{
    event::Sequence,
    log::{AppendError, AppendReply, NewRecord},
};

/// After how much silence a publish is tried again: its server may be gone.
const RETRY: Duration = Duration::from_millis(400);
/// The same after an answer that nobody is there to store it just now.
const RETRY_REFUSED: Duration = Duration::from_millis(50);
/// How long the tail may keep an acknowledged append waiting: it lags while its consumer
/// is made anew, and the event is stored all the same.
const TAIL_PATIENCE: Duration = Duration::from_millis(100);
/// An append that has waited for longer shows that callbacks cannot be stored.
const STALLED: Duration = Duration::from_secs(1);
/// What is said then.
pub(super) const STALLED_REASON: &str = "the stream does not acknowledge in time; if this lasts, see the log of its NATS server, which may have no room on its disk";
/// How often deadlines and pauses are looked at.
const TICK: Duration = Duration::from_millis(25);
/// Publishes that are handed to the connection at once; one that does not fit is tried
/// again later.
const HANDED_OVER: usize = 4096;
/// Acknowledgements that are taken in before anything else is looked at.
const RUN: usize = 256;
/// How often the processor is offered to others before publishes are handed over: callbacks
/// that have come in meanwhile go with them. What goes together costs less, here and at the
/// server: a tenth to a fifth of the CPU time of a callback at 64 connections.
const OFFERS: usize = 3;

/// An append that was accepted.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) record: NewRecord,
    pub(super) reply: AppendReply,
    pub(super) place: Place,
}

/// A record's share of the bounds on what is under way, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) records: Arc<AtomicUsize>,
    pub(super) _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Drop for Place {
    fn drop(&mut self) {
        self.records.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A publish that is not acknowledged yet.
#[derive(Debug)]
struct InFlight {
    job: Job,
    since: Instant,
    /// Lowest sequence that the stream can give it: behind all events that this gateway knew when it accepted this one.
    least: Sequence,
    subject: Subject,
    /// It stands in [`Publisher::refused`].
    is_refused: bool,
    /// What the stream last answered instead of storing it.
    refusal: Option<Refusal>,
}

/// A publish for the connection.
struct Outgoing {
    id: u64,
    deadline: Instant,
    subject: Subject,
    reply: Subject,
    headers: HeaderMap,
    payload: Bytes,
}

#[derive(Deserialize)]
struct Acknowledgement {
    seq: Option<u64>,
    #[serde(default)]
    stream: String,
    error: Option<Refusal>,
}

/// See the module's documentation.
pub(super) struct Publisher {
    shared: Arc<Shared>,
    /// Subjects begin with it.
    prefix: String,
    jobs: mpsc::UnboundedReceiver<Job>,
    acknowledgements: Subscriber,
    /// Where they go: a number follows.
    inbox: String,
    connection: watch::Receiver<Connection>,
    /// What NATS has complained of last.
    complaint: watch::Receiver<String>,
    outgoing: mpsc::Sender<Outgoing>,
    /// Publishes that the client would not take, and why.
    impossible: mpsc::UnboundedReceiver<(u64, String)>,
    in_flight: HashMap<u64, InFlight>,
    next_id: u64,
    /// Random, and different in each process.
    id_prefix: String,
    /// When to try again, in order; some of them are acknowledged by then.
    silent: VecDeque<(Instant, u64)>,
    /// The same for those that nobody could store.
    refused: VecDeque<(Instant, u64)>,
}

impl Publisher {
    pub(super) async fn new(
        shared: Arc<Shared>,
        prefix: String,
        id_prefix: String,
        jobs: mpsc::UnboundedReceiver<Job>,
    ) -> Result<Self, OpenError> {
        let client = shared.api.client.clone();
        let inbox = client.new_inbox();
        // Also what it takes to hand it to a connection that takes nothing.
        let subscribed = timeout(API_TIMEOUT, client.subscribe(format!("{inbox}.*"))).await;
        let nobody = |_| OpenError::Unreachable(ApiError::Unreachable("no connection".to_owned()));
        let acknowledgements = subscribed.map_err(nobody)??;
        let (outgoing, to_send) = mpsc::channel(HANDED_OVER);
        let (failed, impossible) = mpsc::unbounded_channel();
        let connection = shared.api.said.connection.subscribe();
        let complaint = shared.api.said.complaint.subscribe();
        let sending = send(client, connection.clone(), to_send, failed);
        let closed = Arc::clone(&shared);
        tokio::spawn(async move { closed.until_closed(sending).await });
        Ok(Self {
            shared,
            prefix,
            jobs,
            acknowledgements,
            inbox,
            connection,
            complaint,
            outgoing,
            impossible,
            in_flight: HashMap::new(),
            next_id: 0,
            id_prefix,
            silent: VecDeque::new(),
            refused: VecDeque::new(),
        })
    }

    /// Runs until no more appends come and all have their answers, or the log ends.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        shared.until_closed(self.work()).await;
    }

    async fn work(&mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut takes_jobs = true;
        let mut acknowledged_wait = false;
        while takes_jobs || !self.in_flight.is_empty() || acknowledged_wait {
            tokio::select! {
                acknowledgement = self.acknowledgements.next() => match acknowledgement {
                    Some(acknowledgement) => acknowledged_wait |= self.take_in(acknowledgement),
                    // The client is closed: there is nothing to wait for.
                    None => return,
                },
                job = self.jobs.recv(), if takes_jobs => match job {
                    Some(job) => {
                        for _ in 0..OFFERS {
                            yield_now().await;
                        }
                        self.begin(job);
                    }
                    None => takes_jobs = false,
                },
                _ = tick.tick(), if !self.in_flight.is_empty() || acknowledged_wait => {
                    self.look();
                    acknowledged_wait = self.shared.answer_overdue(TAIL_PATIENCE);
                }
                Some((id, error)) = self.impossible.recv() => {
                    tracing::error!(error, "the connection to NATS does not take an event");
                    self.end(id, AppendError::Failed);
                }
                Ok(()) = self.complaint.changed() => {
                    if let Some(subject) = denied_publish(&self.complaint.borrow_and_update(), &self.prefix) {
                        self.shared.deny(subject);
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
            self.run_of_what_is_there(&mut acknowledged_wait);
            if self.in_flight.is_empty() {
                self.shared.is_stalled.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Takes in what has come meanwhile, without waiting.
    fn run_of_what_is_there(&mut self, acknowledged_wait: &mut bool) {
        for _ in 0..RUN {
            match self.acknowledgements.next().now_or_never() {
                Some(Some(acknowledgement)) => *acknowledged_wait |= self.take_in(acknowledgement),
                _ => break,
            }
        }
        for _ in 0..RUN {
            match self.jobs.try_recv() {
                Ok(job) => self.begin(job),
                Err(_) => break,
            }
        }
    }

    fn begin(&mut self, job: Job) {
        let now = Instant::now();
        if job.record.deadline <= now {
            // Whoever does not wait any more does not want to know.
            job.reply.send(Err(AppendError::Expired)).ok();
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        let stored = &job.record.stored;
        let subject = format!("{}.{}.{}", self.prefix, stored.sdk_app_id(), stored.command()).into();
        let least = self.shared.least_end();
        let in_flight = InFlight { job, since: now, least, subject, is_refused: false, refusal: None };
        self.in_flight.insert(id, in_flight);
        self.send(id);
        self.silent.push_back((now + RETRY, id));
    }

    /// Hands a publish to the connection.
    fn send(&self, id: u64) {
        let Some(in_flight) = self.in_flight.get(&id) else { return };
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, self.message_id(id));
        let outgoing = Outgoing {
            id,
            deadline: in_flight.job.record.deadline,
            subject: in_flight.subject.clone(),
            reply: format!("{}.{id}", self.inbox).into(),
            headers,
            payload: in_flight.job.record.stored.bytes().clone(),
        };
        // One that does not fit is tried again.
        self.outgoing.try_send(outgoing).ok();
    }

    fn message_id(&self, id: u64) -> String {
        format!("{}{id}", self.id_prefix)
    }

    /// Notes that the stream did not store an event, and why.
    fn refuse(&self, id: u64, reason: String) {
        let Some(in_flight) = self.in_flight.get(&id) else { return };
        let payload = in_flight.job.record.stored.bytes().clone();
        let trial = Trial { subject: in_flight.subject.clone(), message_id: self.message_id(id), payload };
        self.shared.refuse(reason, trial);
    }

    /// Sends all again, in order: what was on the connection that is gone may be lost.
    fn send_all(&self) {
        let mut ids: Vec<_> = self.in_flight.keys().copied().collect();
        ids.sort_unstable();
        ids.into_iter().for_each(|id| self.send(id));
    }

    /// Takes in an answer. Whether an append waits for the tail now.
    fn take_in(&mut self, message: Message) -> bool {
        let id = message.subject.rsplit('.').next().and_then(|id| id.parse::<u64>().ok());
        let Some(id) = id.filter(|id| self.in_flight.contains_key(id)) else { return false };
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            self.try_again(id);
            return false;
        }
        match serde_json::from_slice(&message.payload) {
            Ok(Acknowledgement { seq: Some(sequence), stream, error: None })
                if stream == self.shared.api.stream =>
            {
                let Some(InFlight { job, least, .. }) = self.in_flight.remove(&id) else { return false };
                let Job { reply, place, .. } = job;
                if sequence < least.0 {
                    // Not promised: the log ends, as the stream gives lost sequences to other events.
                    self.shared.note_reused(Sequence(sequence));
                    reply.send(Err(AppendError::Failed)).ok();
                    return false;
                }
                self.shared.acknowledge(Sequence(sequence), reply, place);
                return true;
            }
            Ok(Acknowledgement { error: Some(refusal), .. }) if refusal.may_pass() => {
                // Otherwise it is tried again as if nothing had been said.
                if refusal.is_soon_over() {
                    self.try_again(id);
                }
                if let Some(in_flight) = self.in_flight.get_mut(&id) {
                    in_flight.refusal = Some(refusal);
                }
            }
            Ok(Acknowledgement { error: Some(refusal), .. }) => {
                let reason = refusal.does_not_take();
                if refusal.is_about_the_event() {
                    tracing::error!(reason, "an event cannot be stored; others can");
                } else {
                    self.refuse(id, reason);
                }
                self.end(id, AppendError::Failed);
            }
            Ok(_) | Err(_) => {
                tracing::error!("an acknowledgement is none of the stream's");
                self.end(id, AppendError::Failed);
            }
        }
        false
    }

    fn try_again(&mut self, id: u64) {
        if let Some(in_flight) = self.in_flight.get_mut(&id)
            && !in_flight.is_refused
        {
            in_flight.is_refused = true;
            self.refused.push_back((Instant::now() + RETRY_REFUSED, id));
        }
    }

    fn end(&mut self, id: u64, error: AppendError) {
        if let Some(InFlight { job, .. }) = self.in_flight.remove(&id) {
            // As above.
            job.reply.send(Err(error)).ok();
        }
    }

    /// Ends what is too late, and tries again what it is time for.
    fn look(&mut self) {
        let now = Instant::now();
        let mut is_stalled = false;
        let mut expired = Vec::new();
        for (id, in_flight) in &self.in_flight {
            is_stalled |= now.duration_since(in_flight.since) >= STALLED;
            if in_flight.job.record.deadline <= now {
                expired.push(*id);
            }
        }
        for id in expired {
            if let Some(in_flight) = self.in_flight.get(&id) {
                // One that came in late says nothing about the stream.
                let was_patient = now.duration_since(in_flight.since) >= STALLED;
                match &in_flight.refusal {
                    Some(refusal) => self.refuse(id, refusal.does_not_take()),
                    // Otherwise the reason is known, and nothing has to be tried.
                    None if was_patient && self.shared.is_silent() => {
                        self.refuse(id, STALLED_REASON.to_owned());
                    }
                    None => {}
                }
            }
            self.end(id, AppendError::Expired);
        }
        if !self.shared.is_stalled.swap(is_stalled, Ordering::Relaxed) && is_stalled {
            // Sooner than the next look, which says so again as long as it lasts.
            let refusals = self.in_flight.values().filter_map(|in_flight| in_flight.refusal.as_ref());
            let refusal = refusals.max_by_key(|refusal| refusal.err_code);
            let reason = refusal.map_or_else(|| STALLED_REASON.to_owned(), Refusal::does_not_take);
            self.shared.set_writable(Err(reason));
        }
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
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.forget_acknowledged();
    }
}

/// Takes the first of them, if it is time for it.
fn pop_due(waiting: &mut VecDeque<(Instant, u64)>, now: Instant) -> Option<u64> {
    let (due, id) = *waiting.front()?;
    if due > now {
        return None;
    }
    waiting.pop_front();
    Some(id)
}

/// Hands publishes to the client, in order, while there is a connection; lets go of those
/// whose callers give up meanwhile.
async fn send(
    client: async_nats::Client,
    mut connection: watch::Receiver<Connection>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    failed: mpsc::UnboundedSender<(u64, String)>,
) {
    while let Some(Outgoing { id, deadline, subject, reply, headers, payload }) = outgoing.recv().await {
        let publish = async {
            connection.wait_for(|connection| connection.is_up).await.map_err(|error| error.to_string())?;
            // Not a moment later: also a connection that is up may take nothing.
            let publish = client.publish_with_reply_and_headers(subject, reply, headers, payload);
            publish.await.map_err(|error| error.to_string())
        };
        if deadline <= Instant::now() {
            continue;
        }
        if let Ok(Err(error)) = timeout_at(deadline, publish).await {
            // It ends with the publisher, and then nobody is interested.
            failed.send((id, error)).ok();
        }
    }
}
