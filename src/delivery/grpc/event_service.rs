//! `imcallback.v1.EventService` over a log.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::{
    caller::{Authenticator, Caller},
    codec::Encoded,
    generated::event_service_server,
    limits::{Limits, MAX_PAGE_BYTES},
    page_token::{self, PageToken},
    request,
    status::{self, invalid},
    subscribe::{self, EmptyStream, NewStream, StreamRegistry},
};
use crate::{
    delivery::subscription::{self, Gap, Query, SubscribeError, SubscribeOptions, Subscription},
    event::{Record, Sequence},
    log::{Cause, EventLog, Hole, Order, Page, ReadError},
    net::shutdown::Drain,
    proto::{GetEventRequest, ListEventsRequest, SubscribeRequest, Subscribed, get_event_request},
};

#[derive(Clone)]
pub(super) struct EventService {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) registry: Arc<StreamRegistry>,
    pub(super) authenticator: Authenticator,
    pub(super) limits: Limits,
    pub(super) drain: Drain,
    /// Permits for `ListEvents`. Further calls wait for one.
    pub(super) lists: Arc<Semaphore>,
}

/// Lists that are read at the same time. Further ones wait.
pub(super) const LISTS_AT_ONCE: usize = 8;

#[tonic::async_trait]
impl event_service_server::EventService for EventService {
    type SubscribeStream = EmptyStream;

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<EmptyStream>, Status> {
        let caller = Caller::of(&request)?;
        let (peer, task) = (request.remote_addr(), request.extensions().get().cloned().unwrap_or_default());
        let request = request.into_inner();
        let filter = caller.narrow(request::filter(request.filter.as_ref())?)?;
        let options = SubscribeOptions {
            start: request::start(request.start)?,
            filter: Arc::new(filter),
            heartbeat: request::heartbeat(request.heartbeat_interval)?,
            on_gap: request::on_gap(request.on_gap)?,
            end_at: subscribe::stream_end(&self.limits),
        };
        let name = request::subscriber(request.subscriber)?;
        // Acquired before the log is read.
        let permit = self.registry.acquire().await.ok_or_else(status::too_many_streams)?;

        let filter = Arc::clone(&options.filter);
        let (heartbeat, on_gap) = (options.heartbeat, options.on_gap);
        let subscription = Subscription::open(Arc::clone(&self.log), options, self.drain.clone())
            .await
            .map_err(|error| status::subscribe(&error, &*self.log))?;
        let bounds = subscription::bounds(&*self.log);
        let subscribed = Subscribed {
            cursor: subscription.position().to_string(),
            epoch: bounds.latest.epoch.to_string(),
            oldest_cursor: bounds.oldest.to_string(),
            latest_cursor: bounds.latest.to_string(),
            filter: request::filter_message(&filter),
            include_raw_body: request.include_raw_body,
            heartbeat_interval: Some(heartbeat.into()),
            on_gap: request::on_gap_message(on_gap).into(),
            subscriber: name,
        };
        let log = Arc::clone(&self.log);
        let new = NewStream { permit, peer, task, caller, filter, subscribed };
        Ok(subscribe::open(&self.registry, new, &self.authenticator, log, subscription).into_response())
    }

    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<Encoded>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let filter = caller.narrow(request::filter(request.filter.as_ref())?)?;
        let time = |field, time: Option<_>| time.map(|time| request::time(field, time)).transpose();
        let start_time = time("start_time", request.start_time)?;
        let end_time = time("end_time", request.end_time)?;
        if start_time.zip(end_time).is_some_and(|(start, end)| start >= end) {
            return Err(invalid("end_time", "end_time must be after start_time"));
        }
        let order = request::order(request.order)?;
        let (epoch, _) = self.log.epoch();
        let is_replaced = || subscription::is_replaced(&*self.log);
        let replaced = || status::subscribe(&SubscribeError::Replaced, &*self.log);
        let arguments = page_token::arguments(&request);
        let mut position = None;
        if !request.page_token.is_empty() {
            let token = PageToken::parse(&request.page_token, arguments)
                .map_err(|problem| status::page_token(&problem))?;
            if token.epoch != epoch || is_replaced() {
                return Err(replaced());
            }
            // Another gateway may have issued the token, and may be ahead. With the oldest first, the position has an event.
            let last = match order {
                Order::OldestFirst => token.position,
                Order::NewestFirst => token.position.previous(),
            };
            self.log.reach(last).await.map_err(|error| status::list(&error, &*self.log))?;
            if is_replaced() {
                return Err(replaced());
            }
            if token.position > self.log.tail().borrow().end {
                return Err(status::subscribe(&SubscribeError::Rewound, &*self.log));
            }
            position = Some(token.position);
        }
        let query = Query {
            filter: &filter,
            order,
            start_time,
            end_time,
            position,
            max_records: request::page_size(request.page_size)?,
            max_bytes: MAX_PAGE_BYTES,
        };
        // Each call may hold tens of megabytes of records.
        let _permit = self.lists.acquire().await.map_err(|_| status::shutting_down())?;
        let include_raw_body = request.include_raw_body;
        let list = subscription::list(&*self.log, &query, |record| {
            Encoded::list_entry_len(record, include_raw_body)
        })
        .await
        .map_err(|error| status::list(&error, &*self.log))?;
        if is_replaced() {
            // The events belong to another log.
            return Err(replaced());
        }
        // Computed after the events were read, so that it covers what was trimmed meanwhile.
        let complete_since = subscription::complete_since(&*self.log);
        let gaps: Vec<_> = list.holes.iter().map(|hole| Gap::of(hole, &*self.log).into()).collect();
        let token =
            list.next.map(|position| PageToken { epoch, position }.encode(arguments)).unwrap_or_default();
        let (records, unmatched) = (&list.records, list.unmatched);
        let list = Encoded::list(records, include_raw_body, &token, complete_since, unmatched, &gaps);
        Ok(list.into_response())
    }

    async fn get_event(&self, request: Request<GetEventRequest>) -> Result<Response<Encoded>, Status> {
        let caller = Caller::of(&request)?;
        caller.require_events()?;
        let request = request.into_inner();
        let sequence = match request.event {
            None => return Err(invalid("sequence", "set either sequence or cursor")),
            Some(get_event_request::Event::Sequence(sequence)) => Sequence(sequence),
            Some(get_event_request::Event::Cursor(text)) => {
                let cursor = request::cursor("cursor", &text, "; pass an event's cursor unchanged")?;
                match subscription::check(&*self.log, cursor).await {
                    // The next events do not matter here.
                    Ok(()) | Err(SubscribeError::Expired) => cursor.sequence,
                    Err(error) => return Err(status::subscribe(&error, &*self.log)),
                }
            }
        };
        // Read after the check of the cursor, which may have waited until this gateway caught up.
        let latest = self.log.tail().borrow().cursor;
        if sequence < Sequence::FIRST || sequence > latest.sequence {
            return Err(status::event_not_found(sequence));
        }
        let page = self.log.read(sequence, 1).await.map_err(|error| status::get(&error, &*self.log))?;
        match page.records.first().filter(|record: &&Record| record.sequence() == sequence) {
            Some(record) => {
                caller.require(record)?;
                Ok(Encoded::get_event(record, request.include_raw_body).into_response())
            }
            None if sequence < self.log.oldest() => {
                let oldest = self.log.oldest();
                Err(status::get(&ReadError::Trimmed { oldest }, &*self.log))
            }
            None => {
                let (_, hole) = Page::hole_after(&page.records, sequence, page.next);
                let hole = hole.unwrap_or(Hole::one(sequence, Cause::Missing));
                self.log.holes().note(hole, page.records.first().map(Record::receive_time));
                Err(status::get(&ReadError::Hole(hole), &*self.log))
            }
        }
    }
}
