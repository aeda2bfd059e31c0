//! `imcallback.v1.AdminService`: subscribers with their unsent events, the log, and refused callbacks.

use std::{sync::Arc, time::Duration};

use prost::Message as _;
use tokio::time::{Instant, timeout_at};
use tonic::{Request, Response, Status};

use super::{
    caller::Caller,
    codec::Encoded,
    generated::admin_service_server,
    limits::MAX_PAGE_BYTES,
    page_token, request, status,
    subscribe::{EndedStream, Slot, StreamRegistry},
};
use crate::{
    delivery::subscription::{self, Gap},
    event::{Record, Sequence, Timestamp},
    ingest::refusals::Refusals,
    log::{self, EventLog},
    proto::{
        GetLogStatusRequest, GetLogStatusResponse, ListRefusalsRequest, ListRefusalsResponse,
        ListSubscribersRequest, ListSubscribersResponse, LogState, SubscriberState, SubscriberStatus,
    },
};

/// Deadline for reading records for an answer. Beyond it their times are missing. A remote log may be unavailable for longer,
/// and then operators ask.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the first record from a sequence on, if it can be read by the deadline.
async fn first_from(log: &dyn EventLog, from: Sequence, deadline: Instant) -> Option<Record> {
    timeout_at(deadline, subscription::first_from(log, from)).await.ok()?.ok().flatten()
}

#[derive(Clone)]
pub(super) struct AdminService {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) registry: Arc<StreamRegistry>,
    pub(super) refusals: Arc<Refusals>,
    /// Name of this gateway.
    pub(super) replica: Arc<str>,
}

#[tonic::async_trait]
impl admin_service_server::AdminService for AdminService {
    async fn list_subscribers(
        &self,
        request: Request<ListSubscribersRequest>,
    ) -> Result<Response<Encoded>, Status> {
        Caller::of(&request)?.require_admin()?;
        let request = request.into_inner();
        let page_size = request::page_size(request.page_size)?;
        let after = match request.page_token.as_str() {
            "" => 0,
            token => page_token::parse_after_subscriber(self.refusals.start_time(), token)
                .map_err(|problem| status::page_token(&problem))?,
        };
        let mut response =
            ListSubscribersResponse { replica: self.replica.to_string(), ..Default::default() };
        let mut bytes = 0;
        let deadline = Instant::now() + READ_TIMEOUT;
        for (slot, ended) in self.registry.list(after) {
            let last = response.subscribers.last().map(|last| last.stream_id);
            let last = last.map(|id| page_token::after_subscriber(self.refusals.start_time(), id));
            if response.subscribers.len() == page_size {
                response.next_page_token = last.unwrap_or_default();
                break;
            }
            let status = self.subscriber(&slot, ended, deadline).await;
            // Includes the key and the length of the field.
            bytes += status.encoded_len() + 8;
            if let Some(last) = last
                && bytes > MAX_PAGE_BYTES
            {
                response.next_page_token = last;
                break;
            }
            response.subscribers.push(status);
        }
        Ok(Encoded::from(&response).into_response())
    }

    async fn get_log_status(
        &self,
        request: Request<GetLogStatusRequest>,
    ) -> Result<Response<Encoded>, Status> {
        Caller::of(&request)?.require_admin()?;
        let log = &*self.log;
        let usage = log.usage().await.map_err(|error| status::get(&error, log))?;
        let (epoch, epoch_start) = log.epoch();
        let bounds = subscription::bounds(log);
        // A record that cannot be read has no time. The other fields are still useful.
        let deadline = Instant::now() + READ_TIMEOUT;
        let oldest = first_from(log, bounds.oldest.sequence.next(), deadline).await;
        let newest = timeout_at(deadline, log.read_back(bounds.latest.sequence.next(), 1)).await;
        let newest = newest.ok().and_then(Result::ok).and_then(|page| page.records.first().cloned());
        let is_empty = bounds.oldest.sequence == bounds.latest.sequence;
        let state = match *log.state().borrow() {
            log::LogState::Writable => LogState::Writable,
            log::LogState::Recovering => LogState::Recovering,
            log::LogState::Closed => LogState::Closed,
        };
        let time = |record: Option<&Record>| record.map(|record| record.receive_time().into());
        Ok(Encoded::from(&GetLogStatusResponse {
            epoch: epoch.to_string(),
            epoch_start: Some(epoch_start.into()),
            backend: usage.backend.to_owned(),
            state: state.into(),
            oldest_sequence: if is_empty { 0 } else { bounds.oldest.sequence.next().0 },
            oldest_cursor: bounds.oldest.to_string(),
            oldest_receive_time: time(oldest.as_ref()),
            latest_sequence: bounds.latest.sequence.0,
            latest_cursor: bounds.latest.to_string(),
            latest_receive_time: time(newest.as_ref()),
            bytes: usage.bytes,
            memory_sequence: log.memory_start().0,
            index_sequence: usage.index_end.map(|end| end.0),
            process_start_time: Some(self.refusals.start_time().into()),
            apps: self.refusals.apps(),
            replica: self.replica.to_string(),
            gaps: log.holes().list().iter().map(|hole| Gap::of(hole, log).into()).collect(),
            lost_events: log.holes().events(),
            damaged_stores: u32::try_from(log.anomalies().damaged_stores).unwrap_or(u32::MAX),
            state_reason: log.trouble().unwrap_or_default(),
        })
        .into_response())
    }

    async fn list_refusals(
        &self,
        request: Request<ListRefusalsRequest>,
    ) -> Result<Response<Encoded>, Status> {
        Caller::of(&request)?.require_admin()?;
        let request = request.into_inner();
        let reasons = request::refusal_reasons(&request.reasons)?;
        let since = request.start_time.map(|time| request::time("start_time", time)).transpose()?;
        Ok(Encoded::from(&ListRefusalsResponse {
            refusals: self.refusals.list(&reasons, request.sdk_app_id, since),
            counts: self.refusals.counts(),
            process_start_time: Some(self.refusals.start_time().into()),
            replica: self.replica.to_string(),
        })
        .into_response())
    }
}

impl AdminService {
    async fn subscriber(
        &self,
        slot: &Slot,
        ended: Option<EndedStream>,
        deadline: Instant,
    ) -> SubscriberStatus {
        let progress = slot.progress.get();
        let latest = self.log.tail().borrow().cursor.sequence;
        let lag_events = latest.0.saturating_sub(progress.cursor.sequence.0);
        let mut waiting = None;
        if lag_events > 0 {
            // A failed read does not concern the subscriber.
            let first = first_from(&*self.log, progress.cursor.sequence.next(), deadline).await;
            waiting = first.map(|record| record.receive_time());
        }
        let (state, blocked_time) = match ended {
            Some(_) => (SubscriberState::Ended, Duration::ZERO),
            None => self.registry.state(slot),
        };
        SubscriberStatus {
            stream_id: slot.id,
            name: slot.name.clone(),
            peer: slot.peer.map(|peer| peer.to_string()).unwrap_or_default(),
            start_time: Some(slot.start_time.into()),
            filter: request::filter_message(&slot.filter),
            state: state.into(),
            cursor: progress.cursor.to_string(),
            lag_events,
            lag_time: Some(waiting.map(|since| Timestamp::now().since(since)).unwrap_or_default().into()),
            sent_events: progress.events,
            blocked_time: Some(blocked_time.into()),
            end_time: ended.as_ref().map(|ended| ended.time.into()),
            end_reason: ended.map(|ended| ended.reason).unwrap_or_default(),
        }
    }
}
