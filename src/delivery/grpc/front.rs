//! Front of all gRPC services: checks a call when its headers arrive, then collects its message within bounds.
//!
//! The front checks method, content type, compression, metadata and token before it keeps any byte of the message. It reads
//! and discards the request of a refused call. A reset would be cheaper, but the client's frames that cross it count as
//! errors, and h2 closes a connection with too many errors, which the clients of a proxy share.
//!
//! tonic's server layer and router are not used: they read the whole message first, and their statuses have no `ErrorInfo`.
//! Here each status has one.

mod checks;

use std::{
    convert::Infallible,
    future::ready,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use tokio::time::{Instant, timeout_at};
use tonic::{
    Status,
    body::Body,
    codegen::{
        Service,
        http::{self, HeaderMap, HeaderName, HeaderValue, Uri, request::Parts},
    },
};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::v1::ServerReflectionServer;

use self::checks::{Method, REFLECTION_PATH, Refusal, check_request, metadata_bytes, own_deadline};
use super::{
    admin_service::AdminService,
    answer::AnswerBody,
    arrival::{MAX_REQUEST_BYTES, RequestCollector},
    caller::{Authenticator, Caller},
    calls::{Call, CallBounds, CallGroup},
    codec::FramedMessage,
    connections::note_authenticated,
    event_service::EventService,
    generated::{admin_service_server::AdminServiceServer, event_service_server::EventServiceServer},
    health::HealthService,
    limits::MAX_OPEN_REQUEST_BYTES,
    reflection::Reflection,
    status,
    subscribe::WithEventBodies,
    transport::{StreamTask, Transport},
};
use crate::{
    net::shutdown::Drain,
    observe::metrics::{CALL_GROUPS, Metrics},
};

/// Most bytes of requests under way of `EventService` and `AdminService`, on all connections.
const REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// Most bytes of their unread unary answers, on all connections.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Most bytes of their unread unary answers on one connection.
const CONNECTION_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Bounds on health, and on calls that are being refused.
pub(super) const OPEN_BOUNDS: CallBounds = CallBounds {
    calls: 512,
    request_bytes: 4 * 1024 * 1024,
    answer_bytes: 8 * 1024 * 1024,
    connection_answer_bytes: 4 * 1024 * 1024,
};
/// Bounds on reflection. They are separate because clients choose how long its streams last: these must not block health
/// probes.
pub(super) const REFLECTION_BOUNDS: CallBounds = OPEN_BOUNDS;
/// Most calls of `EventService` and `AdminService` under way, in addition to the cap on streams.
const OTHER_CALLS: usize = 1000;
/// Time before a client's deadline at which the gateway ends the call, so that the client gets the status.
const DEADLINE_MARGIN: Duration = Duration::from_millis(1);

/// Returns how many calls of `EventService` and `AdminService` may be under way: one for each stream, because all
/// subscribers may call at once after a restart, and [`OTHER_CALLS`].
pub(super) fn event_calls(max_streams: usize) -> usize {
    max_streams.saturating_add(OTHER_CALLS)
}

/// Front of the services.
#[derive(Clone)]
pub(super) struct Front(Arc<FrontState>);

struct FrontState {
    services: Services,
    authenticator: Authenticator,
    drain: Drain,
    metrics: Arc<Metrics>,
    /// Calls of `EventService` and `AdminService`.
    calls: Arc<CallGroup>,
    /// Calls of health, and calls that are being refused.
    open_calls: Arc<CallGroup>,
    reflection_calls: Arc<CallGroup>,
}

/// The services behind the front.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) events: WithEventBodies<EventServiceServer<EventService>>,
    pub(super) admin: AdminServiceServer<AdminService>,
    pub(super) health: HealthServer<HealthService>,
    pub(super) reflection: ServerReflectionServer<Reflection>,
}

impl Front {
    pub(super) fn new(
        services: Services,
        authenticator: Authenticator,
        drain: Drain,
        max_streams: usize,
        stall_timeout: Duration,
    ) -> Self {
        let metrics = Arc::clone(&authenticator.metrics);
        for reason in status::REFUSED {
            metrics.declare_refused_call(status::name(reason));
        }
        let bounds = CallBounds {
            calls: event_calls(max_streams),
            request_bytes: REQUEST_BYTES,
            answer_bytes: ANSWER_BYTES,
            connection_answer_bytes: CONNECTION_ANSWER_BYTES,
        };
        let [events, open, reflection] = CALL_GROUPS;
        let calls = CallGroup::new(events, bounds, stall_timeout, Arc::clone(&metrics));
        let open_calls = CallGroup::new(open, OPEN_BOUNDS, stall_timeout, Arc::clone(&metrics));
        let reflection_calls =
            CallGroup::new(reflection, REFLECTION_BOUNDS, stall_timeout, Arc::clone(&metrics));
        Self(Arc::new(FrontState {
            services,
            authenticator,
            drain,
            metrics,
            calls,
            open_calls,
            reflection_calls,
        }))
    }

    /// Ends calls whose clients do not read, until the future is dropped.
    pub(super) async fn watch<T>(&self) -> T {
        let FrontState { calls, open_calls, reflection_calls, .. } = &*self.0;
        tokio::select! {
            never = calls.watch() => never,
            never = open_calls.watch() => never,
            never = reflection_calls.watch() => never,
        }
    }
}

impl Service<http::Request<Body>> for Front {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let state = Arc::clone(&self.0);
        let began = Instant::now();
        let (mut parts, body) = request.into_parts();
        let transport = parts.extensions.remove().unwrap_or_else(|| Transport::new(None));
        let task = Arc::<StreamTask>::clone(parts.extensions.get_or_insert_default());
        match state.check(&parts) {
            Ok((method, caller)) => {
                let group = match method {
                    _ if method.needs_token() => &state.calls,
                    Method::Reflection => &state.reflection_calls,
                    _ => &state.open_calls,
                };
                match Call::begin(group, &transport, task, metadata_bytes(&parts)) {
                    Ok(call) => {
                        Box::pin(
                            async move { Ok(state.answer(method, caller, parts, body, call, began).await) },
                        )
                    }
                    Err(status) => Box::pin(ready(Ok(state.refuse(status)))),
                }
            }
            Err(refusal) if body.is_end_stream() => Box::pin(ready(Ok(refusal.response()))),
            Err(refusal) => match Call::begin(&state.open_calls, &transport, task, 0) {
                Ok(call) => Box::pin(async move {
                    let Refusal { status, http_status } = refusal;
                    let discarded = RequestCollector::new(&call, began, 0, Some(status.clone()))
                        .collect(body, &state.drain);
                    let status = discarded.await.err().unwrap_or(status);
                    Ok(Refusal { status, http_status }.response())
                }),
                // At the bound the rest of the request is not awaited.
                Err(_) => Box::pin(ready(Ok(refusal.response()))),
            },
        }
    }
}

impl FrontState {
    /// Checks the headers of a call, and counts refusals.
    fn check(&self, parts: &Parts) -> Result<(Method, Option<Caller>), Refusal> {
        let method = check_request(parts).and_then(|method| {
            if self.drain.is_ending() || (self.drain.is_announced() && method == Method::Subscribe) {
                return Err(status::shutting_down().into());
            }
            Ok(method)
        });
        let method = method.inspect_err(|refusal| self.count(&refusal.status))?;
        if !method.needs_token() {
            return Ok((method, None));
        }
        // The authenticator and the caller count these refusals.
        let caller = self.authenticator.caller(&parts.headers)?;
        note_authenticated(&parts.extensions);
        if method == Method::Admin {
            caller.require_admin()?;
        } else {
            caller.require_events()?;
        }
        Ok((method, Some(caller)))
    }

    fn count(&self, status: &Status) {
        self.metrics.note_refused_call(&status::reason(status));
    }

    fn refuse(&self, status: Status) -> http::Response<Body> {
        self.count(&status);
        Refusal::from(status).response()
    }

    /// Collects the message of a call and answers it.
    async fn answer(
        self: Arc<Self>,
        method: Method,
        caller: Option<Caller>,
        mut parts: Parts,
        body: Body,
        call: Call,
        began: Instant,
    ) -> http::Response<Body> {
        let body = if method == Method::Reflection {
            // The service reads the stream of requests one by one.
            parts.uri = Uri::from_static(REFLECTION_PATH);
            body
        } else {
            let limit = if method.needs_token() { MAX_REQUEST_BYTES } else { MAX_OPEN_REQUEST_BYTES };
            match RequestCollector::new(&call, began, limit, None).collect(body, &self.drain).await {
                Ok(message) => Body::new(Full::new(message)),
                Err(status) => return self.refuse(status),
            }
        };
        if let Err(status) = call.run() {
            return self.refuse(status);
        }
        let deadline =
            own_deadline(&parts.headers).map(|timeout| began + timeout.saturating_sub(DEADLINE_MARGIN));
        if let Some(caller) = caller {
            // The caller may have lost its rights while the message arrived.
            if !self.authenticator.still_allows(&caller) {
                return self.refuse(status::token_revoked());
            }
            parts.extensions.insert(caller);
        }
        let mut services = self.services.clone();
        let request = http::Request::from_parts(parts, body);
        let response = match method {
            Method::Subscribe | Method::Events => services.events.call(request),
            Method::Admin => services.admin.call(request),
            Method::Check | Method::Watch => services.health.call(request),
            Method::Reflection => services.reflection.call(request),
        };
        let response = match deadline {
            None => response.await,
            Some(deadline) if deadline <= Instant::now() => return self.refuse(status::deadline_reached()),
            Some(deadline) => match timeout_at(deadline, response).await {
                Ok(response) => response,
                Err(_) => return self.refuse(status::deadline_reached()),
            },
        };
        let Ok(mut response) = response;
        call.release_request();
        match method {
            // These have their own bodies and caps.
            Method::Subscribe | Method::Watch => response,
            // The response is a status without a message.
            _ if response.body().is_end_stream() => response,
            Method::Events | Method::Admin | Method::Check | Method::Reflection => {
                let drain = self.drain.clone();
                let whole = response.extensions_mut().remove::<FramedMessage>();
                response.map(|messages| {
                    Body::new(AnswerBody::new(whole.map_or(messages, one_message), call, drain))
                })
            }
        }
    }
}

/// Returns a body of one message and the status OK.
fn one_message(message: FramedMessage) -> Body {
    let ok = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    Body::new(Full::new(message.0).with_trailers(ready(Some(Ok(ok)))))
}
