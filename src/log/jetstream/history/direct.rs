//! Reads by direct gets in batches, which any server with the stream can answer.
//!
//! Such a server may be behind the leader, and the stream may have been trimmed or have holes. So an answer that leaves
//! something out, or is short, proves nothing by itself: the leader is asked what is there.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, StatusCode};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use super::super::{
    api::{Api, StartAt},
    error::ApiError,
    message::StreamMessage,
    state::{StreamState, unavailable},
};
use crate::{
    event::Sequence,
    log::{PAGE_BYTES, PAGE_RECORDS, Page, ReadError, ring::PageBuilder},
};

/// How long a server may take for a batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(2);
/// Reads at once; further reads wait. Each holds about a page.
const READS: usize = 4;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct DirectReader {
    state: Arc<StreamState>,
    api: Api,
    permits: Semaphore,
}

impl DirectReader {
    pub(super) fn new(state: Arc<StreamState>, api: Api) -> Self {
        Self { state, api, permits: Semaphore::new(READS) }
    }

    /// Fails reads that wait for a permit, and later ones.
    pub(super) fn close(&self) {
        self.permits.close();
    }

    /// Returns a page from `from` upwards, below `end`. It may be of another stream.
    pub(super) async fn read(
        &self,
        from: Sequence,
        end: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        let _permit = self.permits.acquire().await.map_err(unavailable)?;
        let max_records = max_records.clamp(1, PAGE_RECORDS);
        let messages = self.get_from(from, max_records).await?;
        let Some(first) = messages.first() else { return self.read_nothing(from, end, max_records).await };
        if first.sequence > from {
            self.check_left_out(from, first.sequence).await?;
            if first.sequence >= end {
                return Ok(PageBuilder::new(from, max_records).upwards(Some(end)));
            }
        }
        let mut expected = first.sequence;
        let mut page = PageBuilder::new(from, max_records);
        for message in messages {
            // The read that begins at a gap clarifies it.
            let sequence = message.sequence;
            if sequence != expected || sequence >= end {
                break;
            }
            expected = expected.next();
            match message.into_record(self.state.epoch) {
                Ok(record) => {
                    if !page.push(record) {
                        break;
                    }
                }
                Err(error) if sequence == from => return Err(error),
                // What is missing before it is reported first.
                Err(_) if page.is_empty() => return Ok(page.upwards(Some(sequence))),
                // The records before a message that is not a record are still returned.
                Err(_) => break,
            }
        }
        Ok(page.upwards(None))
    }

    /// Returns messages from `from` on. The first one is the first that the leader has.
    async fn get_from(&self, from: Sequence, max_records: usize) -> Result<Vec<StreamMessage>, ReadError> {
        let mut messages = self.get_batch(from, max_records).await.map_err(unavailable)?;
        if messages.is_empty() {
            // The server is behind, or nothing is there.
            messages.extend(self.first(from).await?);
        }
        if messages.first().is_some_and(|first| first.sequence > from) {
            // The server does not prove that there is nothing in between either.
            match self.first(from).await? {
                Some(found) if found.sequence < messages[0].sequence => messages = vec![found],
                Some(_) => {}
                // The leader is behind, or all of it has gone since.
                None => messages.clear(),
            }
        }
        Ok(messages)
    }

    /// Returns the empty page where no server has a message from `from` on, or why there is none.
    async fn read_nothing(
        &self,
        from: Sequence,
        end: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        let state = self.state.refresh().await.map_err(unavailable)?.state;
        if state.oldest() > from {
            Err(ReadError::Trimmed { oldest: state.oldest() })
        } else if state.end() < end {
            Err(unavailable("the stream's leader is behind"))
        } else if state.is_whole() {
            Err(unavailable("a leader that has not applied its stream has answered"))
        } else if self.first(from).await?.is_some_and(|first| first.sequence < end) {
            // The servers before were behind: only what is asked afterwards is as new as the state.
            Err(unavailable("the servers with the stream are behind"))
        } else {
            Ok(PageBuilder::new(from, max_records).upwards(Some(end)))
        }
    }

    /// Checks that the messages from `from` up to `first` are lost and not trimmed.
    async fn check_left_out(&self, from: Sequence, first: Sequence) -> Result<(), ReadError> {
        let oldest = self.state.refresh().await.map_err(unavailable)?.state.oldest();
        if oldest > from {
            return Err(ReadError::Trimmed { oldest });
        }
        // Another leader, which had trimmed more, may have answered before: only what is asked now is as new as that.
        if self.first(from).await?.is_none_or(|found| found.sequence < first) {
            return Err(unavailable("the stream's leader has changed"));
        }
        Ok(())
    }

    /// Returns the first stored message from `from` on, as the leader has it.
    async fn first(&self, from: Sequence) -> Result<Option<StreamMessage>, ReadError> {
        self.state.api.get(StartAt::Sequence(from)).await.map_err(unavailable)
    }

    /// Returns messages from `from` upwards, in order, as one server has them.
    pub(super) async fn get_batch(
        &self,
        from: Sequence,
        max_records: usize,
    ) -> Result<Vec<StreamMessage>, ApiError> {
        let subject = format!("$JS.API.DIRECT.GET.{}", self.api.stream);
        let denied = self.api.denied(&subject);
        tokio::select! {
            denied = denied => Err(denied),
            messages = self.request_batch(subject, from, max_records) => messages,
        }
    }

    async fn request_batch(
        &self,
        subject: String,
        from: Sequence,
        max_records: usize,
    ) -> Result<Vec<StreamMessage>, ApiError> {
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let unreachable = |error: &dyn std::fmt::Display| ApiError::Unreachable(error.to_string());
        let client: &Client = &self.api.client;
        let request = json!({
            "seq": from.0,
            "next_by_subj": ">",
            "batch": max_records,
            "max_bytes": PAGE_BYTES,
        });
        let inbox = client.new_inbox();
        let mut answers = timeout(BATCH_TIMEOUT, client.subscribe(inbox.clone()))
            .await
            .map_err(|error| unreachable(&error))?
            .map_err(|error| unreachable(&error))?;
        let asked = client.publish_with_reply(subject, inbox, request.to_string().into());
        timeout_at(deadline, asked)
            .await
            .map_err(|error| unreachable(&error))?
            .map_err(|error| unreachable(&error))?;
        let mut messages: Vec<StreamMessage> = Vec::new();
        loop {
            let answer = timeout_at(deadline, answers.next())
                .await
                .map_err(|_| ApiError::Unreachable("no answer from a server with the stream".to_owned()))?
                .ok_or_else(|| ApiError::Unreachable("the connection is closed".to_owned()))?;
            match answer.status.map(|status| status.as_u16()) {
                None => {}
                // The end of the batch, or there is none.
                Some(204 | 404) => return Ok(messages),
                Some(_) if answer.status == Some(StatusCode::NO_RESPONDERS) => {
                    return Err(ApiError::Unreachable("no server with the stream responds".to_owned()));
                }
                Some(status) => {
                    let description = answer.description.unwrap_or_default();
                    return Err(ApiError::Malformed(format!("{status} {description}")));
                }
            }
            let message = StreamMessage::from_direct_get(answer)
                .ok_or_else(|| ApiError::Malformed("a message without its position".to_owned()))?;
            if messages.last().map_or(from, |last| last.sequence.next()) > message.sequence {
                return Err(ApiError::Malformed("messages out of order".to_owned()));
            }
            messages.push(message);
        }
    }
}
