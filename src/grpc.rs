//! The gRPC side: `EventService` over stored bytes, health and reflection.

mod codec;
mod ending;
// Public for the fuzz target only.
#[doc(hidden)]
pub mod page_token;
mod server;
mod status;

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status};

pub use self::{
    codec::{Encoded, EncodedCodec},
    server::{Health, serve},
};
use self::{page_token::PageToken, status::invalid};
use crate::{
    event::{Cursor, Timestamp},
    log::EventLog,
    proto::{
        self, ErrorReason, EventFilter, ListEventsRequest, SubscribeRequest, Subscribed, subscribe_request,
        subscribe_response,
    },
    shutdown::Drain,
    subscription::{self, Filter, Frame, Start, Subscription},
};

/// The server side of the services, generated; its responses are [`Encoded`].
mod generated {
    #![allow(unreachable_pub, missing_docs, clippy::all, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/server/imcallback.v1.rs"));
}

/// Heartbeat interval where the request names none.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(15);
const MIN_HEARTBEAT: Duration = Duration::from_secs(1);
const MAX_HEARTBEAT: Duration = Duration::from_secs(60);

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 1000;
/// Most bytes of events in a `ListEvents` response, below the 4 MiB that gRPC
/// clients accept by default. An event alone is never larger.
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// `imcallback.v1.EventService` over a log.
#[derive(Clone)]
struct EventService {
    log: Arc<dyn EventLog>,
    drain: Drain,
}

#[tonic::async_trait]
impl generated::event_service_server::EventService for EventService {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<Encoded, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let request = request.into_inner();
        let start = start(request.start)?;
        let filter = filter(request.filter.as_ref())?;
        let heartbeat = heartbeat(request.heartbeat_interval)?;
        let include_raw_body = request.include_raw_body;

        let log = Arc::clone(&self.log);
        let subscription = Subscription::open(log, start, filter.clone(), heartbeat, self.drain.clone())
            .await
            .map_err(|error| status::subscribe(&error, &*self.log))?;
        let bounds = subscription::bounds(&*self.log);
        let subscribed = frame(subscribe_response::Frame::Subscribed(Subscribed {
            cursor: subscription.position().to_string(),
            epoch: bounds.latest.epoch.to_string(),
            oldest_cursor: bounds.oldest.to_string(),
            latest_cursor: bounds.latest.to_string(),
            filter: request.filter.map(|_| EventFilter {
                commands: filter.commands().collect(),
                sdk_app_ids: filter.sdk_app_ids().to_vec(),
            }),
            include_raw_body,
            heartbeat_interval: Some(heartbeat.into()),
        }));

        let log = Arc::clone(&self.log);
        // On the heap, so that it is not moved for every event.
        let next = Following::Running(Box::new(subscription));
        let frames = stream::unfold(next, move |mut following| {
            let log = Arc::clone(&log);
            async move {
                let item = following.next(include_raw_body, &*log).await?;
                Some((item, following))
            }
        });
        Ok(Response::new(Box::pin(stream::once(std::future::ready(Ok(subscribed))).chain(frames))))
    }

    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<Encoded>, Status> {
        let request = request.into_inner();
        let filter = filter(request.filter.as_ref())?;
        let page_size = match usize::try_from(request.page_size) {
            Ok(0) => DEFAULT_PAGE_SIZE,
            Ok(size) => size.min(MAX_PAGE_SIZE),
            Err(_) => return Err(invalid("page_size", "page_size must not be negative")),
        };
        let (epoch, _) = self.log.epoch();
        let arguments = page_token::arguments(&request);
        let before = if request.page_token.is_empty() {
            self.log.tail().borrow().end
        } else {
            let token = PageToken::parse(&request.page_token, arguments).map_err(|problem| {
                status::with_field(ErrorReason::InvalidPageToken, "page_token", &problem.to_string())
            })?;
            if token.epoch != epoch {
                return Err(status::subscribe(&subscription::SubscribeError::Replaced, &*self.log));
            }
            token.before
        };

        let include_raw_body = request.include_raw_body;
        let size = |record: &crate::event::Record| Encoded::list_entry_len(record, include_raw_body);
        let list = subscription::list(&*self.log, &filter, before, page_size, MAX_PAGE_BYTES, size)
            .await
            .map_err(|error| status::read(&error, &*self.log))?;
        let token = list.next.map(|before| PageToken { epoch, before }.encode(arguments)).unwrap_or_default();
        Ok(Response::new(Encoded::list(&list.records, include_raw_body, &token)))
    }
}

/// The stream after its first frame.
enum Following {
    Running(Box<Subscription>),
    /// The last frame was sent; the status follows.
    GoingAway,
    Ended,
}

impl Following {
    async fn next(&mut self, include_raw_body: bool, log: &dyn EventLog) -> Option<Result<Encoded, Status>> {
        let subscription = match self {
            Self::Running(subscription) => subscription,
            Self::GoingAway => {
                *self = Self::Ended;
                return Some(Err(status::shutting_down()));
            }
            Self::Ended => return None,
        };
        Some(match subscription.next().await? {
            Ok(Frame::Event(record)) => Ok(Encoded::event_frame(&record, include_raw_body)),
            Ok(Frame::Heartbeat(cursor)) => {
                Ok(frame(subscribe_response::Frame::Heartbeat(proto::Heartbeat {
                    cursor: cursor.to_string(),
                })))
            }
            Ok(Frame::CaughtUp(cursor)) => {
                Ok(frame(subscribe_response::Frame::CaughtUp(proto::CaughtUp { cursor: cursor.to_string() })))
            }
            Ok(Frame::GoingAway(cursor)) => {
                *self = Self::GoingAway;
                Ok(frame(subscribe_response::Frame::GoingAway(proto::GoingAway {
                    cursor: cursor.to_string(),
                })))
            }
            Err(error) => {
                *self = Self::Ended;
                Err(status::subscribe(&error, log))
            }
        })
    }
}

fn frame(frame: subscribe_response::Frame) -> Encoded {
    Encoded::message(&proto::SubscribeResponse { frame: Some(frame) })
}

fn start(start: Option<subscribe_request::Start>) -> Result<Start, Status> {
    Ok(match start {
        None | Some(subscribe_request::Start::Latest(_)) => Start::Latest,
        Some(subscribe_request::Start::Earliest(_)) => Start::Earliest,
        Some(subscribe_request::Start::AfterCursor(cursor)) => {
            Start::After(cursor.parse::<Cursor>().map_err(|problem| {
                let message =
                    format!("after_cursor: {problem}; for a start without a cursor use earliest or latest");
                status::with_field(ErrorReason::InvalidCursor, "after_cursor", &message)
            })?)
        }
    })
}

fn filter(filter: Option<&EventFilter>) -> Result<Filter, Status> {
    let Some(filter) = filter else { return Ok(Filter::default()) };
    Filter::new(&filter.commands, &filter.sdk_app_ids).map_err(|problem| {
        let field = format!("filter.{}", problem.field);
        invalid(&field, &format!("{field}: {problem}"))
    })
}

fn heartbeat(interval: Option<pbjson_types::Duration>) -> Result<Duration, Status> {
    let Some(interval) = interval else { return Ok(DEFAULT_HEARTBEAT) };
    let parts = (u64::try_from(interval.seconds), u32::try_from(interval.nanos));
    let interval = match parts {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => Some(Duration::new(seconds, nanos)),
        _ => None,
    };
    interval.filter(|interval| (MIN_HEARTBEAT..=MAX_HEARTBEAT).contains(interval)).ok_or_else(|| {
        invalid("heartbeat_interval", "heartbeat_interval must be 1 to 60 seconds, or unset for 15")
    })
}

/// A time in RFC 3339, for error details.
fn rfc3339(time: Timestamp) -> String {
    humantime::format_rfc3339_micros(time.into()).to_string()
}
