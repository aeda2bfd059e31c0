//! Following the stream's tail with one consumer, for all that this gateway serves.
//!
//! The consumer is made to be thrown away: whatever seems wrong, a message missing,
//! silence, another connection, it is made anew behind the last message that was taken in.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};

use super::{
    api::{API_TIMEOUT, ApiError, Consumer, From},
    epoch,
    message::{Delivery, StreamMessage, number},
    shared::{Other, Shared},
};
use crate::{
    event::{Record, Sequence},
    log::Tail,
};

/// How often the server says that the consumer is there, while there are no messages.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Silence after which the consumer is taken for lost.
const SILENCE: Duration = Duration::from_millis(1750);
/// Pause before another consumer is made.
const PAUSE: Duration = Duration::from_millis(100);
/// Messages that are taken in as one.
const RUN: usize = 512;

/// Runs until the log ends.
pub(super) async fn follow(mut follower: Follower) {
    let shared = Arc::clone(&follower.shared);
    let work = async {
        let mut is_said = false;
        loop {
            // Whoever may not answer that it can go on is sent nothing more.
            let denied = shared.api.denied_flow_control();
            let reason = tokio::select! {
                reason = follower.run() => reason,
                error = denied => {
                    if !std::mem::replace(&mut is_said, true) {
                        tracing::warn!(%error, "the stream is followed with interruptions");
                    }
                    error.to_string()
                }
            };
            tracing::debug!(reason, "the tail's consumer is made anew");
            sleep(PAUSE).await;
            follower = another(&shared).await;
        }
    };
    shared.until_closed(work).await;
}

/// Makes a consumer, as soon as that is possible. Says each reason why it is not once.
async fn another(shared: &Arc<Shared>) -> Follower {
    let mut said = None;
    loop {
        let error = match Follower::new(shared).await {
            Ok(follower) => return follower,
            Err(error) => error,
        };
        if said.as_ref() != Some(&error) {
            tracing::warn!(%error, "the stream cannot be followed just now; subscribers get nothing new");
            said = Some(error);
        }
        sleep(PAUSE).await;
    }
}

/// A consumer, and what came of it so far.
pub(super) struct Follower {
    shared: Arc<Shared>,
    messages: Subscriber,
    /// How many the consumer has delivered.
    delivered: u64,
    /// The connection that it was made on.
    connection: u64,
}

/// What was delivered, up to a run of it.
#[derive(Default)]
struct Run {
    records: Vec<(Sequence, Option<Record>)>,
    /// Why the consumer is of no more use.
    lost: Option<String>,
}

impl Follower {
    /// Makes a consumer, once what was taken in last is still the stream's.
    ///
    /// There is one for all subscribers, without a filter of subjects: memory, the index and
    /// what is remembered of callbacks take every event, so that a consumer with a filter
    /// could only add to what is delivered.
    pub(super) async fn new(shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let mut connection = shared.api.said.connection.subscribe();
        let up = connection.wait_for(|connection| connection.is_up).await;
        let connection = up.map_err(unreachable)?.number;
        check(shared).await?;
        let client = &shared.api.client;
        let inbox = client.new_inbox();
        let subscribed = timeout(API_TIMEOUT, client.subscribe(inbox.clone())).await;
        let messages = subscribed.map_err(|_| unreachable("no connection"))?.map_err(unreachable)?;
        let consumer = Consumer {
            deliver_subject: &inbox,
            opt_start_seq: shared.end().0,
            deliver_policy: "by_start_sequence",
            ack_policy: "none",
            replay_policy: "instant",
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: HEARTBEAT.as_nanos() as u64,
            num_replicas: 1,
            mem_storage: true,
        };
        shared.api.consume(&consumer).await?;
        // Asked after it was made: it is of the stream that there was then, which would not be
        // this log's if it were not now.
        shared.ask().await?;
        Ok(Self { shared: Arc::clone(shared), messages, delivered: 0, connection })
    }

    /// Takes in what is delivered, until the consumer is lost. Gives the reason.
    async fn run(mut self) -> String {
        let mut connection = self.shared.api.said.connection.subscribe();
        loop {
            let message = tokio::select! {
                message = timeout(SILENCE, self.messages.next()) => message,
                () = self.shared.follow_anew.notified() => return "asked to".to_owned(),
                // The stream may have lost its end meanwhile: it is compared before anything is taken in.
                _ = connection.wait_for(|connection| connection.number != self.connection) => {
                    return "another connection".to_owned();
                }
            };
            let mut next = match message {
                Ok(Some(message)) => Some(message),
                Ok(None) => return "the connection is closed".to_owned(),
                Err(_) => return "silence".to_owned(),
            };
            let mut run = Run::default();
            while let Some(message) = next {
                if let Err(reason) = self.take_in(message, &mut run).await {
                    run.lost = Some(reason);
                    break;
                }
                if run.records.len() == RUN {
                    break;
                }
                next = self.messages.next().now_or_never().flatten();
            }
            if let Err(reason) = self.settle(&run).await {
                return reason;
            }
            self.shared.extend(run.records);
            if let Some(reason) = run.lost {
                return reason;
            }
        }
    }

    async fn take_in(&mut self, message: Message, run: &mut Run) -> Result<(), String> {
        if let Some(status) = message.status {
            return self.control(status, message).await;
        }
        let delivery = message.reply.as_deref().and_then(Delivery::parse);
        let Some(Delivery { sequence, nth, time }) = delivery else {
            return Err("a message without its place".to_owned());
        };
        if nth != self.delivered + 1 {
            return Err(format!("message {} of the consumer is missing", self.delivered + 1));
        }
        self.delivered = nth;
        let message = StreamMessage { sequence, time, payload: message.payload };
        let record = message.into_record(self.shared.epoch);
        run.records.push((sequence, record.ok()));
        Ok(())
    }

    /// What the server says beside messages.
    async fn control(&self, status: StatusCode, message: Message) -> Result<(), String> {
        if status != StatusCode::IDLE_HEARTBEAT {
            return Err(message.description.unwrap_or_else(|| status.as_u16().to_string()));
        }
        let headers = message.headers.as_ref();
        if headers
            .and_then(|headers| number(headers, "Nats-Last-Consumer"))
            .is_some_and(|last| last != self.delivered)
        {
            return Err("messages are missing".to_owned());
        }
        let stalled = headers.and_then(|headers| headers.get("Nats-Consumer-Stalled"));
        let flow_control = message.reply.map(|reply| reply.to_string()).or(stalled.map(ToString::to_string));
        if let Some(subject) = flow_control {
            // The server goes on sending: this was taken in.
            let answered = self.shared.api.client.publish(subject, Bytes::new());
            timeout(API_TIMEOUT, answered)
                .await
                .map_err(|_| "the connection takes nothing")?
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Where sequences are left out, asks the leader what became of them: then nobody must
    /// take for a hole what was trimmed, or what only this consumer's server does not have.
    async fn settle(&self, run: &Run) -> Result<(), String> {
        let mut expected = self.shared.end();
        let mut has_gap = false;
        for (sequence, _) in &run.records {
            if *sequence > expected {
                has_gap = true;
                let found = self.shared.api.get(From::Sequence(expected)).await;
                let found = found.map_err(|error| error.to_string())?;
                // A new leader may not have taken in yet what it has.
                if found.is_none_or(|found| found.sequence < *sequence) {
                    return Err(format!("message {expected} was left out, or the leader is behind"));
                }
            }
            expected = expected.max(sequence.next());
        }
        if has_gap {
            self.shared.ask().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

fn unreachable(error: impl ToString) -> ApiError {
    ApiError::Unreachable(error.to_string())
}

/// Checks that the last record that was taken in is still the stream's, and that it has
/// what it has acknowledged since.
async fn check(shared: &Shared) -> Result<(), ApiError> {
    if let Some(first) = shared.reused() {
        return rewound(shared, first).await;
    }
    let least_end = shared.least_end();
    let tail = *shared.tail.borrow();
    if !is_in_place(shared, tail).await? {
        return Ok(());
    }
    let end = shared.settled(least_end.previous()).await?.next();
    if end < least_end {
        return rewound(shared, end).await;
    }
    // A stream that lost its end may have given the sequences to other events meanwhile.
    is_in_place(shared, tail).await.map(drop)
}

/// Returns whether the stream does not have another record at the tail's end. Ends the log if it has.
async fn is_in_place(shared: &Shared, tail: Tail) -> Result<bool, ApiError> {
    let last = tail.end.previous();
    let found = match last {
        Sequence(0) => None,
        last => shared.api.get(From::Sequence(last)).await?.filter(|found| found.sequence == last),
    };
    // If there is none, it may have been trimmed or deleted since.
    let Some(message) = found else { return Ok(true) };
    let found = message.into_record(shared.epoch).ok().map(|record| record.check());
    if tail.cursor.check.is_none() || found == tail.cursor.check {
        return Ok(true);
    }
    // Asked first: a stream that was made anew says so.
    let end = shared.ask().await?.state.end();
    rewound(shared, end.min(last)).await?;
    Ok(false)
}

/// Ends the log of a stream that lost its events from `first` on. The next start follows a new epoch: in this one,
/// other events would get the lost sequences, and readers that are further back would not learn of the loss.
async fn rewound(shared: &Shared, first: Sequence) -> Result<(), ApiError> {
    match epoch::begin(&shared.api, shared.epoch).await {
        // Another attempt follows.
        Err(error @ (ApiError::Unreachable(_) | ApiError::Gone)) => return Err(error),
        Err(error) => tracing::error!(%error, "a new epoch cannot be noted in the stream's metadata"),
        Ok(()) => {}
    }
    shared.become_other(Other::Rewound(first));
    Ok(())
}
