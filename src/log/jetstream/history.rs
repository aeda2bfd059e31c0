//! Reading what is no longer in memory: direct gets in batches, which any server that
//! holds the stream may answer.
//!
//! Such a server may be behind the leader, and the stream may have been trimmed or have
//! holes. So an answer that leaves something out, or is short, says nothing by itself: the
//! leader is asked what became of it.
//!
//! Nor does an answer say which stream it is from, of those that had the name one after the
//! other. So the leader is asked once more behind each page.
//!
//! Whoever has far to go is better off with a consumer: see [`walk`](super::walk).

use std::{collections::VecDeque, future::Future, time::Duration};

use async_nats::{StatusCode, client::Client};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    api::{ApiError, From},
    message::StreamMessage,
    shared::{Shared, unavailable},
};
use crate::{
    event::{Record, Sequence, Timestamp},
    log::{PAGE_BYTES, PAGE_RECORDS, Page, ReadError, ring::PageBuilder},
};

/// How long a server may take for a batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a read goes on trying while the servers are away: readers see a pause.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// Pages that reading backwards reads of a stretch before it takes a shorter one.
const MAX_PAGES: usize = 3;
/// Longest distance that reading backwards jumps over holes at once.
const MAX_WINDOW: u64 = 1 << 20;

/// The last time that JetStream can be asked about; nothing was received later.
const MAX_SEEK_SECONDS: i64 = 253_402_300_799;

impl Shared {
    /// A page from `from` upwards, below `end`.
    pub(super) async fn read_history(
        &self,
        from: Sequence,
        end: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        if max_records >= PAGE_RECORDS
            && let Some(page) = self.walk(from, end).await
        {
            return Ok(page);
        }
        let page = self.read_unconfirmed(from, end, max_records).await;
        self.confirm().await?;
        page
    }

    /// Such a page, which may be another stream's: nothing of it must be given before
    /// [`confirm`](Self::confirm).
    pub(super) async fn read_unconfirmed(
        &self,
        from: Sequence,
        end: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        let read = || async {
            let _permit = self.history.acquire().await.map_err(unavailable)?;
            self.try_read(from, end, max_records).await
        };
        self.patiently(read).await
    }

    /// Makes sure that what was read until now is this log's: a stream that was made anew is
    /// never again the one that it was.
    pub(super) async fn confirm(&self) -> Result<(), ReadError> {
        if self.is_closed() {
            return Err(unavailable("the log has ended"));
        }
        self.patiently(|| async { self.ask().await.map(drop).map_err(unavailable) }).await
    }

    /// Tries again and again while the servers are away: readers see a pause.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ReadError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let begin = Instant::now();
        loop {
            match attempt().await {
                Err(ReadError::Unavailable(_)) if begin.elapsed() < PATIENCE && !self.is_closed() => {
                    sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_read(&self, from: Sequence, end: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let max_records = max_records.clamp(1, PAGE_RECORDS);
        let mut messages = self.get_batch(from, max_records).await.map_err(unavailable)?;
        if messages.is_empty() {
            // One that is behind, or nothing is there.
            messages.extend(self.first(from).await?);
        }
        if messages.first().is_some_and(|first| first.sequence > from) {
            // Nor does it prove that there is nothing between.
            match self.first(from).await? {
                Some(found) if found.sequence < messages[0].sequence => messages = vec![found],
                Some(_) => {}
                // The leader is behind, or all of it is gone since.
                None => messages.clear(),
            }
        }
        let Some(first) = messages.first() else {
            let state = self.ask().await.map_err(unavailable)?.state;
            return if state.oldest() > from {
                Err(ReadError::Trimmed { oldest: state.oldest() })
            } else if state.end() < end {
                Err(ReadError::Unavailable("the stream's leader is behind".to_owned()))
            } else if state.is_whole() {
                Err(ReadError::Unavailable(
                    "a leader that has not taken in its stream has answered".to_owned(),
                ))
            } else if self.first(from).await?.is_some_and(|first| first.sequence < end) {
                // Those who had nothing were behind: only what was asked since is as new as the state.
                Err(ReadError::Unavailable("the servers with the stream are behind".to_owned()))
            } else {
                Ok(PageBuilder::new(from, max_records).upwards(Some(end)))
            };
        };
        let mut expected = first.sequence;
        if expected > from {
            let oldest = self.ask().await.map_err(unavailable)?.state.oldest();
            if oldest > from {
                return Err(ReadError::Trimmed { oldest });
            }
            // Another leader may have answered before, which had trimmed more: only what is asked now is as new as that.
            if self.first(from).await?.is_none_or(|found| found.sequence < expected) {
                return Err(ReadError::Unavailable("the stream's leader has changed".to_owned()));
            }
            if expected >= end {
                return Ok(PageBuilder::new(from, max_records).upwards(Some(end)));
            }
        }
        let mut page = PageBuilder::new(from, max_records);
        for message in messages {
            // A gap is looked into by the read that begins there.
            let sequence = message.sequence;
            if sequence != expected || sequence >= end {
                break;
            }
            expected = expected.next();
            match message.into_record(self.epoch) {
                Ok(record) => {
                    if !page.push(record) {
                        break;
                    }
                }
                Err(error) if sequence == from => return Err(error),
                // What is missing before it is told first.
                Err(_) if page.is_empty() => return Ok(page.upwards(Some(sequence))),
                // What stands before a message that is no record is still given.
                Err(_) => break,
            }
        }
        Ok(page.upwards(None))
    }

    /// The first message from `from` on that is stored, as the leader has it.
    async fn first(&self, from: Sequence) -> Result<Option<StreamMessage>, ReadError> {
        self.api.get(From::Sequence(from)).await.map_err(unavailable)
    }

    /// A page below `before`, newest first. There is no reading backwards in JetStream: it
    /// reads a stretch below, of about a page, and keeps the end of it.
    pub(super) async fn read_history_back(
        &self,
        before: Sequence,
        max_records: usize,
    ) -> Result<Page, ReadError> {
        let max_records = max_records.clamp(1, PAGE_RECORDS);
        let mut window = self.records_of_a_page().min(max_records as u64);
        let mut high = before;
        loop {
            let mut low = Sequence(high.0.saturating_sub(window)).max(self.oldest()).min(high);
            let mut kept = Kept { records: VecDeque::new(), bytes: 0, max_records };
            let mut unreadable = None;
            let mut from = low;
            let mut pages = 0;
            while from < high {
                if pages == MAX_PAGES {
                    // They are larger than others: nearer to the end there are still enough.
                    low = Sequence(from.0.midpoint(high.0));
                    from = low;
                    kept.clear();
                    unreadable = None;
                    pages = 0;
                }
                pages += 1;
                match self.read_history(from, high, PAGE_RECORDS).await {
                    Ok(page) => {
                        from = page.next;
                        page.records.iter().cloned().for_each(|record| kept.push(record));
                    }
                    Err(ReadError::Trimmed { oldest }) => {
                        kept.clear();
                        from = oldest;
                    }
                    Err(ReadError::Hole(hole)) => {
                        // What is above it is given, and then it is reported.
                        kept.clear();
                        unreadable = Some(ReadError::Hole(hole));
                        from = hole.last.next();
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Some(oldest) = kept.records.front() {
                let next = oldest.sequence();
                let records: Vec<_> = kept.records.into_iter().rev().collect();
                return Ok(Page { records: records.into(), next });
            }
            if let Some(error) = unreadable {
                return Err(error);
            }
            if low <= self.oldest() {
                return Ok(Page { records: Vec::new().into(), next: Sequence::FIRST });
            }
            high = low;
            window = (window * 2).min(MAX_WINDOW);
        }
    }

    /// The first record received at `time` or later. The leader is asked: another server
    /// may not have it yet.
    pub(super) async fn seek_history(&self, time: Timestamp) -> Result<Sequence, ReadError> {
        // What comes in after this may be earlier or later.
        let state = self.ask().await.map_err(unavailable)?.state;
        let found = match time {
            Timestamp(micros) if micros / 1_000_000 >= MAX_SEEK_SECONDS => None,
            time => {
                let time = From::Time(time.max(Timestamp(0)).into());
                self.api.get(time).await.map_err(unavailable)?.map(|message| message.sequence)
            }
        };
        // A new leader may not have taken in yet what the one before it has told of.
        if found.is_none() && state.has_from(time) {
            return Err(unavailable("the stream's leader is behind"));
        }
        let position = found.unwrap_or(state.end());
        // Asked after seeking: what was trimmed before it shows.
        self.ask().await.map_err(unavailable)?;
        self.reach(position.previous()).await?;
        Ok(position.min(self.end()))
    }

    /// Messages from `from` upwards, in order, as one server has them.
    pub(super) async fn get_batch(
        &self,
        from: Sequence,
        max_records: usize,
    ) -> Result<Vec<StreamMessage>, ApiError> {
        let subject = format!("$JS.API.DIRECT.GET.{}", self.api.stream);
        let denied = self.reading.denied(&subject);
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
        let client: &Client = &self.reading.client;
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
                    return Err(ApiError::Unreachable("no server with the stream is there".to_owned()));
                }
                Some(status) => {
                    let description = answer.description.unwrap_or_default();
                    return Err(ApiError::Malformed(format!("{status} {description}")));
                }
            }
            let message = StreamMessage::from_direct_get(answer)
                .ok_or_else(|| ApiError::Malformed("a message without its place".to_owned()))?;
            if messages.last().map_or(from, |last| last.sequence.next()) > message.sequence {
                return Err(ApiError::Malformed("messages out of order".to_owned()));
            }
            messages.push(message);
        }
    }
}

/// The newest records of a stretch, within a page's bounds.
struct Kept {
    records: VecDeque<Record>,
    bytes: usize,
    max_records: usize,
}

impl Kept {
    fn push(&mut self, record: Record) {
        self.bytes += record.stored().bytes().len();
        self.records.push_back(record);
        while self.records.len() > self.max_records || (self.bytes > PAGE_BYTES && self.records.len() > 1) {
            let Some(oldest) = self.records.pop_front() else { return };
            self.bytes -= oldest.stored().bytes().len();
        }
    }

    fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
#[cfg(feature = "external-tools")]
mod tests {
    use super::*;
    use crate::log::{
        Cause, EventLog as _, Hole,
        conformance::{HANG, append_all, nats::Nats, sequences},
        jetstream::{JetStreamLog, Options},
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hole_before_a_message_that_cannot_be_read_is_told_too() {
        let server = Nats::start();
        let log = JetStreamLog::open(Options { ring_bytes: 0, ..Options::new(&server.url()) }).await.unwrap();
        append_all(&log, 3).await;
        let client = &log.shared.api.client;
        let foreign = client.request("callbacks.1.A", "not a record".into());
        timeout(HANG, foreign).await.unwrap().unwrap();
        for sequence in [2, 3] {
            let request = json!({ "seq": sequence }).to_string();
            let deleted = client.request("$JS.API.STREAM.MSG.DELETE.callbacks", request.into());
            timeout(HANG, deleted).await.unwrap().unwrap();
        }
        timeout(HANG, log.tail().wait_for(|tail| tail.end == Sequence(5))).await.unwrap().unwrap();
        append_all(&log, 1).await;
        let page = timeout(HANG, log.read(Sequence(2), 10)).await.unwrap().unwrap();
        assert_eq!((page.records.len(), page.next), (0, Sequence(4)), "two are missing");
        let unreadable = timeout(HANG, log.read(Sequence(4), 10)).await.unwrap().unwrap_err();
        assert_eq!(unreadable, ReadError::Hole(Hole::one(Sequence(4), Cause::Damaged)));
        let page = timeout(HANG, log.read(Sequence(5), 10)).await.unwrap().unwrap();
        assert_eq!(sequences(&page.records), [5]);
        log.close().await;
    }
}
