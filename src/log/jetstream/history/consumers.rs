//! Reads by pull consumers, for readers far behind the tail. A consumer's message costs the server a quarter or less of the
//! CPU time of a direct get.
//!
//! A consumer is found by its position: the reader that continues there takes it. The next page is requested while the
//! reader still has the previous page.
//!
//! A consumer is disposable. After a missing or unexpected message, or silence, the reader continues with direct gets, which
//! find out what is there, and no consumer is created for a while.

#[cfg(test)]
#[cfg(feature = "external-tools")]
mod tests;

use std::{sync::Arc, time::Duration};

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

use super::super::{
    api::{API_TIMEOUT, Api, PullConsumerConfig},
    error::ApiError,
    message::{MessagePosition, StreamMessage},
    state::StreamState,
};
use crate::{
    event::{Epoch, Sequence},
    log::{PAGE_BYTES, PAGE_RECORDS, Page, ring::PageBuilder},
};

/// Maximum number of consumers; further readers use direct gets. Each holds at most one page, requested in advance.
const MAX_CONSUMERS: usize = 16;
/// Distance to the end in records from which on a consumer pays.
const LONG_DISTANCE: u64 = 16 * PAGE_RECORDS as u64;
/// Minimum number of records in a page of bytes for which a consumer pays. With larger records the bytes dominate the cost.
const MIN_PAGE_RECORDS: u64 = 16;
/// How long a consumer waits for its reader. The server deletes it somewhat later.
const IDLE: Duration = Duration::from_secs(4);
/// How long the server keeps a consumer without requests.
const INACTIVE: Duration = Duration::from_secs(5);
/// How long no consumer is created after one has failed. Each attempt leaves a consumer on the server for a while, and the
/// next attempt would hardly do better.
const PAUSE: Duration = Duration::from_secs(1);
/// How long no consumer is created after NATS did not let this gateway request messages.
const DENIED_PAUSE: Duration = Duration::from_secs(60);
/// Status that some servers send behind the last requested message. It arrives before the next page.
const COMPLETED: &str = "Batch Completed";
/// Status where the next message would exceed the requested bytes.
const FULL: &str = "Message Size Exceeds MaxBytes";
/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// The consumers of all readers.
#[derive(Debug)]
pub(in super::super) struct Consumers {
    state: Arc<StreamState>,
    api: Api,
    /// Consumers that wait for their readers.
    idle: Mutex<Vec<HistoryConsumer>>,
    permits: Arc<Semaphore>,
    /// Until when no consumer is created.
    paused_until: Mutex<Option<Instant>>,
}

impl Consumers {
    pub(super) fn new(state: Arc<StreamState>, api: Api) -> Self {
        Self {
            state,
            api,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(MAX_CONSUMERS)),
            paused_until: Mutex::default(),
        }
    }

    /// Drops consumers whose readers did not return in time.
    pub(in super::super) fn drop_idle(&self) {
        self.idle.lock().retain(|consumer| consumer.idle_since.elapsed() < IDLE);
    }

    /// Returns the page from `from` upwards. `None` if `end` is near, or something is not as expected.
    ///
    /// The page is of this log: the leader was asked after the consumer was created, and a consumer delivers from one
    /// stream only.
    pub(super) async fn read(&self, from: Sequence, end: Sequence) -> Option<Page> {
        if end.0.saturating_sub(from.0) < PAGE_RECORDS as u64 {
            return None;
        }
        let connection = *self.api.status.connection.borrow();
        let (consumer, is_requested) = match self.take(from, connection.number) {
            Some(consumer) => (consumer, true),
            None if !connection.is_up || !self.pays(from, end) => return None,
            None => match self.create(from, connection.number).await {
                Ok(consumer) => (consumer?, false),
                Err(error) => {
                    tracing::debug!(%error, "cannot create a history consumer; falling back to direct gets");
                    self.pause(PAUSE);
                    return None;
                }
            },
        };
        let denied = self.api.denied(&consumer.subject);
        let page = async {
            if !is_requested {
                consumer.request_page(&self.api.client).await.ok()?;
            }
            self.read_page(consumer, end).await
        };
        tokio::select! {
            page = page => page,
            error = denied => {
                self.pause(DENIED_PAUSE);
                tracing::warn!(%error, "history consumer unavailable; falling back to direct gets (slower)");
                None
            }
        }
    }

    fn take(&self, from: Sequence, connection: u64) -> Option<HistoryConsumer> {
        let mut idle = self.idle.lock();
        idle.retain(|consumer| consumer.connection == connection && consumer.idle_since.elapsed() < IDLE);
        let at = idle.iter().position(|consumer| consumer.next == from)?;
        Some(idle.swap_remove(at))
    }

    fn put_back(&self, mut consumer: HistoryConsumer) {
        consumer.idle_since = Instant::now();
        self.idle.lock().push(consumer);
    }

    fn pause(&self, pause: Duration) {
        *self.paused_until.lock() = Some(Instant::now() + pause);
    }

    fn pays(&self, from: Sequence, end: Sequence) -> bool {
        end.0.saturating_sub(from.0) >= LONG_DISTANCE && self.state.records_of_a_page() >= MIN_PAGE_RECORDS
    }

    /// Creates a consumer. Returns `None` during a pause, or if there are too many.
    async fn create(&self, from: Sequence, connection: u64) -> Result<Option<HistoryConsumer>, ApiError> {
        if self.paused_until.lock().is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return Ok(None) };
        let client = &self.api.client;
        let inbox = client.new_inbox();
        let subscribed = timeout(API_TIMEOUT, client.subscribe(inbox.clone())).await;
        let unreachable = |error: String| ApiError::Unreachable(error);
        let messages = subscribed
            .map_err(|error| unreachable(error.to_string()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let config = PullConsumerConfig {
            opt_start_seq: from.0,
            deliver_policy: "by_start_sequence",
            ack_policy: "none",
            replay_policy: "instant",
            inactive_threshold: INACTIVE.as_nanos() as u64,
            num_replicas: 1,
            mem_storage: true,
        };
        let name = self.api.create_consumer(&config).await?;
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{name}", self.api.stream);
        self.state.refresh().await?;
        Ok(Some(HistoryConsumer {
            next: from,
            delivered: 0,
            messages,
            subject,
            inbox,
            connection,
            idle_since: Instant::now(),
            _permit: permit,
        }))
    }

    /// Returns the page that was requested, and requests the next one.
    async fn read_page(&self, mut consumer: HistoryConsumer, end: Sequence) -> Option<Page> {
        let mut page = PageBuilder::new(consumer.next, PAGE_RECORDS);
        let is_usable = consumer.take_page(&mut page, self.state.epoch, end).await;
        if !is_usable {
            self.pause(PAUSE);
            tracing::debug!(next = %consumer.next, records = page.len(), "a history consumer ends early");
        }
        if page.is_empty() {
            return None;
        }
        // The newest records are in memory, and near the end there may be fewer than a page.
        let is_far = consumer.next.0 + PAGE_RECORDS as u64 <= end.0;
        if is_usable
            && is_far
            && !self.state.is_closed()
            && consumer.request_page(&self.api.client).await.is_ok()
        {
            self.put_back(consumer);
        }
        Some(page.upwards(None))
    }
}

/// A pull consumer and its position.
#[derive(Debug)]
struct HistoryConsumer {
    /// Sequence of the next message.
    next: Sequence,
    /// Number of delivered messages.
    delivered: u64,
    messages: Subscriber,
    /// Subject of its requests.
    subject: String,
    /// Subject of its messages.
    inbox: String,
    /// Number of the connection that it was created on.
    connection: u64,
    /// When its last page was read.
    idle_since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl HistoryConsumer {
    async fn request_page(&self, client: &Client) -> Result<(), ApiError> {
        let request = json!({ "batch": PAGE_RECORDS, "max_bytes": PAGE_BYTES, "no_wait": true }).to_string();
        let (subject, inbox) = (self.subject.clone(), self.inbox.clone());
        timeout(API_TIMEOUT, client.publish_with_reply(subject, inbox, request.into()))
            .await
            .map_err(|error| ApiError::Unreachable(error.to_string()))?
            .map_err(|error| ApiError::Unreachable(error.to_string()))
    }

    /// Moves the requested records into the page. Returns whether the consumer can still be used.
    async fn take_page(&mut self, page: &mut PageBuilder, epoch: Epoch, end: Sequence) -> bool {
        let deadline = Instant::now() + PAGE_TIMEOUT;
        let (mut left, mut bytes) = (PAGE_RECORDS, 0);
        // No status follows a page that is full to the byte.
        while left > 0 && bytes < PAGE_BYTES {
            let Ok(Some(message)) = timeout_at(deadline, self.messages.next()).await else { return false };
            if message.status.is_some() {
                match message.description.as_deref() {
                    Some(COMPLETED) if page.is_empty() => continue,
                    description => return description == Some(FULL),
                }
            }
            bytes += message.length;
            if !self.take_record(page, epoch, end, message) {
                return false;
            }
            left -= 1;
        }
        true
    }

    fn take_record(&mut self, page: &mut PageBuilder, epoch: Epoch, end: Sequence, message: Message) -> bool {
        let position = message.reply.as_deref().and_then(MessagePosition::parse);
        let Some(MessagePosition { sequence, delivery, time }) = position else { return false };
        // Direct gets find out why a message was left out.
        if delivery != self.delivered + 1 || sequence != self.next || sequence >= end {
            return false;
        }
        let message = StreamMessage { sequence, time, payload: message.payload };
        let Ok(record) = message.into_record(epoch) else { return false };
        self.delivered = delivery;
        self.next = sequence.next();
        page.push(record)
    }
}
