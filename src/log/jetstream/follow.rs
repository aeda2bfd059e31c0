//! The tail's consumer: a single push consumer feeds everything that this gateway serves.
//!
//! The consumer is disposable. After a missing message, silence or a reconnect, it is recreated behind the last message that
//! was received.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};

use super::{
    api::{API_TIMEOUT, PushConsumerConfig, StartAt},
    epoch,
    error::ApiError,
    message::{MessagePosition, StreamMessage, number},
    state::{EndReason, StreamState},
};
use crate::{
    event::{Record, Sequence},
    log::Tail,
};

/// How often the server sends a heartbeat of the consumer while there are no messages.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Silence after which the consumer counts as lost.
const SILENCE: Duration = Duration::from_millis(1750);
/// Pause before another consumer is created.
const PAUSE: Duration = Duration::from_millis(100);
/// Maximum number of messages that are added to the tail at once.
const BATCH_MESSAGES: usize = 512;

/// Runs until the log ends.
pub(super) async fn follow(mut follower: Follower) {
    let state = Arc::clone(&follower.state);
    let work = async {
        let mut is_logged = false;
        loop {
            // The server stops sending to a client that does not answer flow control.
            let denied = state.api.denied_flow_control();
            let reason = tokio::select! {
                reason = follower.run() => reason,
                error = denied => {
                    if !std::mem::replace(&mut is_logged, true) {
                        tracing::warn!(%error, "the tail consumer cannot answer flow control and is interrupted");
                    }
                    error.to_string()
                }
            };
            tracing::debug!(reason, "recreating the tail consumer");
            sleep(PAUSE).await;
            follower = recreate(&state).await;
        }
    };
    state.health.until_closed(work).await;
}

/// Creates a consumer as soon as that is possible. Logs each reason for a failure once.
async fn recreate(state: &Arc<StreamState>) -> Follower {
    let mut logged = None;
    loop {
        let error = match Follower::new(state).await {
            Ok(follower) => return follower,
            Err(error) => error,
        };
        if logged.as_ref() != Some(&error) {
            tracing::warn!(%error, "cannot create the tail consumer; subscribers receive no new events until a retry succeeds");
            logged = Some(error);
        }
        sleep(PAUSE).await;
    }
}

/// The tail's consumer.
pub(super) struct Follower {
    state: Arc<StreamState>,
    messages: Subscriber,
    /// Number of messages that the consumer has delivered.
    delivered: u64,
    /// Index of the connection that it was created on.
    connection: u64,
}

/// Delivered messages.
#[derive(Default)]
struct Batch {
    records: Vec<(Sequence, Option<Record>)>,
    /// Why the consumer cannot be used any longer.
    lost: Option<String>,
}

impl Follower {
    /// Creates a consumer, after checking that the stream still has the tail's last record.
    ///
    /// It has no filter of subjects: memory, the index and the detection of duplicates need every event. A consumer with a
    /// filter would only add to what is delivered.
    pub(super) async fn new(state: &Arc<StreamState>) -> Result<Self, ApiError> {
        let mut connection = state.api.status.connection.subscribe();
        let up = connection.wait_for(|connection| connection.is_up).await;
        let connection = up.map_err(unreachable)?.number;
        check(state).await?;
        let client = &state.api.client;
        let inbox = client.new_inbox();
        let subscribed = timeout(API_TIMEOUT, client.subscribe(inbox.clone())).await;
        let messages = subscribed.map_err(|_| unreachable("no connection"))?.map_err(unreachable)?;
        let config = PushConsumerConfig {
            deliver_subject: &inbox,
            opt_start_seq: state.end().0,
            deliver_policy: "by_start_sequence",
            ack_policy: "none",
            replay_policy: "instant",
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: HEARTBEAT.as_nanos() as u64,
            num_replicas: 1,
            mem_storage: true,
        };
        state.api.create_consumer(&config).await?;
        // Asked after the creation: if the stream is still this log's, the consumer is of this stream, too.
        state.refresh().await?;
        Ok(Self { state: Arc::clone(state), messages, delivered: 0, connection })
    }

    /// Adds delivered messages to the tail until the consumer is lost. Returns the reason.
    async fn run(mut self) -> String {
        let mut connection = self.state.api.status.connection.subscribe();
        loop {
            let message = tokio::select! {
                message = timeout(SILENCE, self.messages.next()) => message,
                () = self.state.recreate_consumer.notified() => return "requested".to_owned(),
                // The stream may have lost its end meanwhile. The next consumer begins with a check.
                _ = connection.wait_for(|connection| connection.number != self.connection) => {
                    return "reconnected".to_owned();
                }
            };
            let mut next = match message {
                Ok(Some(message)) => Some(message),
                Ok(None) => return "the connection is closed".to_owned(),
                Err(_) => return "silence".to_owned(),
            };
            let mut batch = Batch::default();
            while let Some(message) = next {
                if let Err(reason) = self.receive(message, &mut batch).await {
                    batch.lost = Some(reason);
                    break;
                }
                if batch.records.len() == BATCH_MESSAGES {
                    break;
                }
                next = self.messages.next().now_or_never().flatten();
            }
            if let Err(reason) = self.check_gaps(&batch).await {
                return reason;
            }
            self.state.extend(batch.records);
            if let Some(reason) = batch.lost {
                return reason;
            }
        }
    }

    /// Adds a message to the batch.
    async fn receive(&mut self, message: Message, batch: &mut Batch) -> Result<(), String> {
        if let Some(status) = message.status {
            return self.control(status, message).await;
        }
        let position = message.reply.as_deref().and_then(MessagePosition::parse);
        let Some(MessagePosition { sequence, delivery, time }) = position else {
            return Err("a message without its position".to_owned());
        };
        if delivery != self.delivered + 1 {
            return Err(format!("message {} of the consumer is missing", self.delivered + 1));
        }
        self.delivered = delivery;
        let message = StreamMessage { sequence, time, payload: message.payload };
        let record = message.into_record(self.state.epoch);
        batch.records.push((sequence, record.ok()));
        Ok(())
    }

    /// Handles heartbeats and flow control.
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
            // The server continues to send after the answer.
            let answered = self.state.api.client.publish(subject, Bytes::new());
            timeout(API_TIMEOUT, answered)
                .await
                .map_err(|_| "the connection is blocked")?
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Asks the leader about sequences that were left out. What was trimmed is not a hole, nor what only this consumer's
    /// server does not have.
    async fn check_gaps(&self, batch: &Batch) -> Result<(), String> {
        let mut expected = self.state.end();
        let mut has_gap = false;
        for (sequence, _) in &batch.records {
            if *sequence > expected {
                has_gap = true;
                let found = self.state.api.get(StartAt::Sequence(expected)).await;
                let found = found.map_err(|error| error.to_string())?;
                // A new leader may not have applied everything yet.
                if found.is_none_or(|found| found.sequence < *sequence) {
                    return Err(format!("message {expected} was left out, or the leader is behind"));
                }
            }
            expected = expected.max(sequence.next());
        }
        if has_gap {
            self.state.refresh().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

fn unreachable(error: impl ToString) -> ApiError {
    ApiError::Unreachable(error.to_string())
}

/// Checks that the stream still has the tail's last record, and what it has acknowledged since.
async fn check(state: &StreamState) -> Result<(), ApiError> {
    if let Some(first) = state.reused() {
        return end_lost(state, first).await;
    }
    let least_end = state.least_end();
    let tail = *state.tail().borrow();
    if !is_in_place(state, tail).await? {
        return Ok(());
    }
    let end = state.settled(least_end.previous()).await?.next();
    if end < least_end {
        return end_lost(state, end).await;
    }
    // A stream that lost its end may have given the sequences to other events meanwhile.
    is_in_place(state, tail).await.map(drop)
}

/// Returns whether the stream has no other record at the tail's end. Ends the log if it has one.
async fn is_in_place(state: &StreamState, tail: Tail) -> Result<bool, ApiError> {
    if !epoch::is_replaced(&state.api, tail.cursor).await? {
        return Ok(true);
    }
    // Asked first, because a stream that was created again has another epoch.
    let end = state.refresh().await?.state.end();
    end_lost(state, end.min(tail.end.previous())).await?;
    Ok(false)
}

/// Ends the log of a stream that lost its events from `first` on. The next start follows a new epoch: in this one, other
/// events would get the lost sequences, and readers that are further back would not learn of the loss.
async fn end_lost(state: &StreamState, first: Sequence) -> Result<(), ApiError> {
    match epoch::begin(&state.api, state.epoch).await {
        // Retried with the next consumer.
        Err(error @ (ApiError::Unreachable(_) | ApiError::Gone)) => return Err(error),
        Err(error) => tracing::error!(%error, "a new epoch cannot be noted in the stream's metadata"),
        Ok(()) => {}
    }
    state.end_log(EndReason::LostEnd(first));
    Ok(())
}
