//! Front of all gRPC services: checks a call when its headers arrive, then collects its message within bounds.
//!
//! Method, content type, compression, metadata and token are checked before any byte of the message is kept. Of a call
//! that is refused the front only discards what still arrives: a reset would be cheaper, but a client's frames that cross
//! it count as its errors, and h2 closes a connection with too many of them, which clients behind a proxy share.
//!
//! tonic's server layer and router are not used: they read the whole message before anything else, and their statuses
//! have no `ErrorInfo`. Here each status has one.

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
        http::{
            self, HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, StatusCode, Uri, header,
            request::Parts,
        },
    },
};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::v1::ServerReflectionServer;

use super::{
    admin_service::AdminService,
    answer::AnswerBody,
    arrival::{Arrival, MAX_REQUEST_BYTES},
    body::WithEventBodies,
    caller::{Caller, Guard},
    calls::{Bounds, Call, Calls},
    codec::Whole,
    connections::note_authenticated,
    event_service::EventService,
    generated::{admin_service_server::AdminServiceServer, event_service_server::EventServiceServer},
    health::HealthService,
    reflection::Reflection,
    status,
    transport::{StreamTask, Transport},
};
use crate::{
    net::shutdown::Drain,
    observe::metrics::{CALL_GROUPS, Metrics},
};

/// Largest request message of health and reflection: a name.
pub(super) const MAX_OPEN_REQUEST_BYTES: usize = 4 * 1024;
/// Most metadata of a call, counted as HTTP/2 does: names, values, and 32 bytes for each entry.
const MAX_METADATA_BYTES: usize = 16 * 1024;
/// Bytes of requests under way of `EventService` and `AdminService`, on all connections.
const REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of their unary answers that clients have not taken.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// The same, on one connection.
const CONNECTION_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Bounds on health, and on calls that are being refused.
pub(super) const OPEN_BOUNDS: Bounds = Bounds {
    calls: 512,
    request_bytes: 4 * 1024 * 1024,
    answer_bytes: 8 * 1024 * 1024,
    connection_answer_bytes: 4 * 1024 * 1024,
};
/// Bounds on reflection. Of its own: its streams last as long as their clients like, and must not keep a probe out.
pub(super) const REFLECTION_BOUNDS: Bounds = OPEN_BOUNDS;
/// Calls of `EventService` and `AdminService` under way beyond the cap on streams.
const OTHER_CALLS: usize = 1000;
/// A call's own deadline ends it this much earlier, so that the status comes before the client gives up.
const DEADLINE_MARGIN: Duration = Duration::from_millis(1);

/// Returns how many calls of `EventService` and `AdminService` may be under way: for each stream that there may be one
/// that asks for it, as after a restart all subscribers may come at once, and some more.
pub(super) fn event_calls(max_streams: usize) -> usize {
    max_streams.saturating_add(OTHER_CALLS)
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// `EventService.Subscribe`
    Subscribe,
    /// The other methods of `EventService`.
    Events,
    /// `AdminService`
    Admin,
    /// `Health.Check`
    Check,
    /// `Health.Watch`
    Watch,
    /// Reflection, in both versions.
    Reflection,
}

impl Method {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/imcallback.v1.EventService/Subscribe" => Self::Subscribe,
            "/imcallback.v1.EventService/ListEvents" | "/imcallback.v1.EventService/GetEvent" => Self::Events,
            "/imcallback.v1.AdminService/ListSubscribers"
            | "/imcallback.v1.AdminService/GetLogStatus"
            | "/imcallback.v1.AdminService/ListRefusals" => Self::Admin,
            "/grpc.health.v1.Health/Check" => Self::Check,
            "/grpc.health.v1.Health/Watch" => Self::Watch,
            REFLECTION_PATH | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => {
                Self::Reflection
            }
            _ => return None,
        })
    }

    fn needs_token(self) -> bool {
        match self {
            Self::Subscribe | Self::Events | Self::Admin => true,
            Self::Check | Self::Watch | Self::Reflection => false,
        }
    }
}

/// The messages of v1alpha are those of v1, so one service answers both.
const REFLECTION_PATH: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// A call that is not answered by a service.
struct Refusal {
    status: Status,
    http_status: StatusCode,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { status, http_status: StatusCode::OK }
    }
}

impl Refusal {
    fn response(self) -> http::Response<Body> {
        let code = self.status.code();
        let mut response = self.status.into_http();
        *response.status_mut() = self.http_status;
        if code == tonic::Code::Unimplemented {
            response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        }
        response
    }
}

/// The services, and what calls of them share.
#[derive(Clone)]
pub(super) struct Front(Arc<Shared>);

struct Shared {
    services: Services,
    guard: Guard,
    drain: Drain,
    metrics: Arc<Metrics>,
    /// Of `EventService` and `AdminService`.
    calls: Arc<Calls>,
    /// Of health, and those that are being refused.
    open_calls: Arc<Calls>,
    reflection_calls: Arc<Calls>,
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
        guard: Guard,
        drain: Drain,
        max_streams: usize,
        stall_timeout: Duration,
    ) -> Self {
        let metrics = Arc::clone(&guard.metrics);
        for reason in status::REFUSED {
            metrics.declare_refused_call(status::name(reason));
        }
        let bounds = Bounds {
            calls: event_calls(max_streams),
            request_bytes: REQUEST_BYTES,
            answer_bytes: ANSWER_BYTES,
            connection_answer_bytes: CONNECTION_ANSWER_BYTES,
        };
        let [events, open, reflection] = CALL_GROUPS;
        let calls = Calls::new(events, bounds, stall_timeout, Arc::clone(&metrics));
        let open_calls = Calls::new(open, OPEN_BOUNDS, stall_timeout, Arc::clone(&metrics));
        let reflection_calls = Calls::new(reflection, REFLECTION_BOUNDS, stall_timeout, Arc::clone(&metrics));
        Self(Arc::new(Shared { services, guard, drain, metrics, calls, open_calls, reflection_calls }))
    }

    /// Looks after calls whose clients do not read, until it is dropped.
    pub(super) async fn watch<T>(&self) -> T {
        let Shared { calls, open_calls, reflection_calls, .. } = &*self.0;
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
        let shared = Arc::clone(&self.0);
        let began = Instant::now();
        let (mut parts, body) = request.into_parts();
        let transport = parts.extensions.remove().unwrap_or_else(|| Transport::new(None));
        let task = Arc::<StreamTask>::clone(parts.extensions.get_or_insert_default());
        match shared.check(&parts) {
            Ok((method, caller)) => {
                let group = match method {
                    _ if method.needs_token() => &shared.calls,
                    Method::Reflection => &shared.reflection_calls,
                    _ => &shared.open_calls,
                };
                match group.begin(&transport, task, metadata_bytes(&parts)) {
                    Ok(call) => {
                        Box::pin(
                            async move { Ok(shared.answer(method, caller, parts, body, call, began).await) },
                        )
                    }
                    Err(status) => Box::pin(ready(Ok(shared.refuse(status)))),
                }
            }
            Err(refusal) if body.is_end_stream() => Box::pin(ready(Ok(refusal.response()))),
            Err(refusal) => match shared.open_calls.begin(&transport, task, 0) {
                Ok(call) => Box::pin(async move {
                    let Refusal { status, http_status } = refusal;
                    let discarded =
                        Arrival::new(&call, began, 0, Some(status.clone())).collect(body, &shared.drain);
                    let status = discarded.await.err().unwrap_or(status);
                    Ok(Refusal { status, http_status }.response())
                }),
                // There is no place to wait for what still arrives.
                Err(_) => Box::pin(ready(Ok(refusal.response()))),
            },
        }
    }
}

impl Shared {
    /// Checks what the headers say. Counts a refusal.
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
        // These are counted where they are made.
        let caller = self.guard.caller(&parts.headers)?;
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
            // A stream of requests, which the service reads one by one.
            parts.uri = Uri::from_static(REFLECTION_PATH);
            body
        } else {
            let limit = if method.needs_token() { MAX_REQUEST_BYTES } else { MAX_OPEN_REQUEST_BYTES };
            match Arrival::new(&call, began, limit, None).collect(body, &self.drain).await {
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
            // It may have lost its rights while the message arrived.
            if !self.guard.still_allows(&caller) {
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
            // These have bodies and a cap of their own.
            Method::Subscribe | Method::Watch => response,
            // A status alone.
            _ if response.body().is_end_stream() => response,
            Method::Events | Method::Admin | Method::Check | Method::Reflection => {
                let drain = self.drain.clone();
                let whole = response.extensions_mut().remove::<Whole>();
                response.map(|messages| {
                    Body::new(AnswerBody::new(whole.map_or(messages, one_message), call, drain))
                })
            }
        }
    }
}

/// A body of one message and the status OK.
fn one_message(message: Whole) -> Body {
    let ok = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    Body::new(Full::new(message.0).with_trailers(ready(Some(Ok(ok)))))
}

/// Checks what is the same for everybody.
fn check_request(parts: &Parts) -> Result<Method, Refusal> {
    if parts.method != HttpMethod::POST {
        let status = status::not_grpc("a gRPC call is a POST request");
        return Err(Refusal { status, http_status: StatusCode::METHOD_NOT_ALLOWED });
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let media_type = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    if !["application/grpc", "application/grpc+proto"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known.as_bytes()))
    {
        let status = status::not_grpc("the content type is not application/grpc: this is a gRPC server");
        return Err(Refusal { status, http_status: StatusCode::UNSUPPORTED_MEDIA_TYPE });
    }
    if metadata_bytes(parts) > MAX_METADATA_BYTES {
        return Err(status::metadata_too_large(MAX_METADATA_BYTES).into());
    }
    let method = Method::of(parts.uri.path()).ok_or_else(status::method_unknown)?;
    match parts.headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(method),
        Some(_) => Err(status::compression_unsupported().into()),
    }
}

/// Size of a call's headers.
fn metadata_bytes(parts: &Parts) -> usize {
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    let uri = &parts.uri;
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    headers.sum::<usize>() + path + uri.authority().map_or(0, |authority| authority.as_str().len())
}

/// The time that the client gives its call: 1 to 8 digits and a unit. One that is malformed counts as none.
fn own_deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    // Visible ASCII only, so the last byte is a character.
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let value: u64 = digits.parse().ok().filter(|_| digits.len() <= 8 && !digits.starts_with('+'))?;
    Some(match unit {
        "H" => Duration::from_secs(value * 60 * 60),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_own_deadline_has_at_most_eight_digits_and_a_unit() {
        let deadline = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            own_deadline(&headers)
        };
        assert_eq!(deadline("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(deadline("2M"), Some(Duration::from_secs(120)));
        assert_eq!(deadline("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(deadline("150m"), Some(Duration::from_millis(150)));
        assert_eq!(deadline("7u"), Some(Duration::from_micros(7)));
        assert_eq!(deadline("7n"), Some(Duration::from_nanos(7)));
        for malformed in ["", "S", "5", "123456789S", "+1S", "-1S", "1s", "1 S"] {
            assert_eq!(deadline(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn every_method_of_every_service_is_known() {
        let pool = prost_reflect::DescriptorPool::decode(crate::proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut count = 0;
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                assert!(Method::of(&path).is_some_and(Method::needs_token), "{path}");
                count += 1;
            }
        }
        assert!(count >= 6);
        assert_eq!(Method::of("/imcallback.v1.EventService/subscribe"), None);
    }
}
