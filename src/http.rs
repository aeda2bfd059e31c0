//! The HTTP front: takes callbacks, and answers 200 only after the event is durable.
//!
//! A request is checked in this order: method, path, encoding, size, then the
//! URL's query (no parameter twice, the app, its signature, the command); only
//! then room for the body's bytes is taken and the body is read.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::{
    callback::{Apps, Envelope, Refusal, duplicates::Duplicates},
    http1::ConnectionInfo,
    log::{AppendError, EventLog, NewRecord},
};

/// From a request's first byte to the end of its head.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(1);
/// From a request's first byte to the end of its body.
pub const BODY_TIMEOUT: Duration = Duration::from_millis(1400);
/// From a request's first byte to its answer: below the vendor's 2 seconds.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(1800);
/// After this the vendor has given up.
const VENDOR_TIMEOUT: Duration = Duration::from_secs(2);
const _: () = assert!(
    HEADER_TIMEOUT.as_millis() < BODY_TIMEOUT.as_millis()
        && BODY_TIMEOUT.as_millis() < ANSWER_TIMEOUT.as_millis()
        && ANSWER_TIMEOUT.as_millis() < VENDOR_TIMEOUT.as_millis(),
    "each stage leaves time for the next"
);
/// Bytes of bodies under way at once, over all connections; beyond it callbacks get 503.
pub const BODIES_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that are read of a refused body beyond the limit on bodies, so that the
/// client sees the answer; of a longer one the rest is cut off.
const MAX_DISCARD_BEYOND_LIMIT: usize = 1024 * 1024;

/// What the front needs to take callbacks.
#[derive(Debug)]
pub struct Front {
    /// The path that callbacks are posted to.
    pub path: String,
    /// The apps whose callbacks are accepted.
    pub apps: Apps,
    /// Largest body, in bytes.
    pub body_limit: usize,
    /// What came in of late.
    pub duplicates: Arc<Duplicates>,
}

struct Shared {
    front: Front,
    log: Arc<dyn EventLog>,
    bodies: Arc<Semaphore>,
}

/// The routes of the callback listener.
pub fn router(front: Front, log: Arc<dyn EventLog>) -> Router {
    let bodies = Arc::new(Semaphore::new(BODIES_BYTES));
    Router::new().fallback(receive).with_state(Arc::new(Shared { front, log, bodies }))
}

/// Why a callback is not answered 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Rejection {
    #[error("only POST is accepted")]
    Method,
    #[error("callbacks are not taken at this path; check --http-path and the console's URL")]
    Path,
    #[error("the body came too slowly; send it within a second")]
    BodyTimeout,
    #[error("the body broke off; send it whole")]
    BodyBroken,
    #[error("the body is too large; check --http-body-limit")]
    TooLarge,
    #[error("send the body without Content-Encoding")]
    Encoding,
    /// hyper takes trailers for what ends a line in LF alone, where others see the body's end.
    #[error("send the body with Content-Length, or in plain chunks without trailers")]
    Framing,
    #[error(transparent)]
    Callback(#[from] Refusal),
    #[error("too many callbacks at once; try again")]
    Busy,
    #[error("the callback could not be stored in time; try again")]
    Late,
    #[error("callbacks cannot be stored just now; try again")]
    Log(AppendError),
}

impl Rejection {
    fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path => StatusCode::NOT_FOUND,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyBroken | Self::Framing => StatusCode::BAD_REQUEST,
            Self::Callback(refusal) => match refusal {
                Refusal::AppIdMissing | Refusal::AppIdUnknown => StatusCode::FORBIDDEN,
                Refusal::SignMissing
                | Refusal::SignWrong
                | Refusal::RequestTimeMissing
                | Refusal::RequestTimeMalformed
                | Refusal::RequestTimeOutside => StatusCode::UNAUTHORIZED,
                Refusal::ParameterRepeated(_)
                | Refusal::CommandMissing
                | Refusal::CommandInvalid
                | Refusal::CommandDisagrees
                | Refusal::CommandRepeated
                | Refusal::CommandNotString
                | Refusal::NotUtf8
                | Refusal::NotJson
                | Refusal::NotAnObject
                | Refusal::TooDeep => StatusCode::BAD_REQUEST,
            },
            Self::Busy
            | Self::Late
            | Self::Log(
                AppendError::QueueFull
                | AppendError::Recovering
                | AppendError::Expired
                | AppendError::Failed
                | AppendError::Closed,
            ) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The vendor's answer packet.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Packet<'a> {
    action_status: &'a str,
    error_code: u8,
    error_info: &'a str,
}

const STORED: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

fn answer(status: StatusCode, packet: impl Into<Body>) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], packet.into()).into_response()
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let text = self.to_string();
        let packet = Packet { action_status: "FAIL", error_code: 1, error_info: &text };
        let packet = serde_json::to_string(&packet).expect("three plain fields always serialize");
        let mut response = answer(self.status(), packet);
        if self == Self::Method {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let connection = head.extensions.get::<ConnectionInfo>();
    let start = connection.map_or_else(Instant::now, |info| info.request_start);
    let mut body_may_follow = false;
    let outcome = match shared.check(&head, &body) {
        Ok((envelope, permit)) => shared.store(envelope, permit, body, start).await,
        Err(rejection) if head.headers.contains_key(header::EXPECT) => {
            // A client that waits for 100 Continue has not sent its body, and need not.
            body_may_follow = true;
            Err(rejection)
        }
        Err(rejection) => Err(shared.discard(body, start + BODY_TIMEOUT).await.err().unwrap_or(rejection)),
    };
    match outcome {
        Ok(()) => {
            if let Some(connection) = connection {
                connection.verified();
            }
            answer(StatusCode::OK, STORED)
        }
        Err(rejection) => {
            tracing::debug!(status = rejection.status().as_u16(), reason = ?rejection, "refused a callback");
            let mut response = rejection.into_response();
            // Where the next request begins is in doubt: a proxy in between may take for a request
            // what we take for a body, or the other way round.
            if body_may_follow || rejection == Rejection::Framing {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

impl Shared {
    /// Everything that can be said without the body, and room for its bytes.
    fn check(&self, head: &Parts, body: &Body) -> Result<(Envelope, OwnedSemaphorePermit), Rejection> {
        if head.method != Method::POST {
            return Err(Rejection::Method);
        }
        // With or without a slash at the end, whichever the console has.
        if head.uri.path().trim_end_matches('/') != self.front.path.trim_end_matches('/') {
            return Err(Rejection::Path);
        }
        if head.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Rejection::Encoding);
        }
        // hyper takes any list that ends in `chunked`, and leaves the rest of it to us.
        let mut encodings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
        let is_chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !encodings.next().is_none_or(is_chunked) || encodings.next().is_some() {
            return Err(Rejection::Framing);
        }
        // A body of unknown length may become as long as any.
        let bytes = body.size_hint().upper().unwrap_or(self.front.body_limit as u64);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > self.front.body_limit {
            return Err(Rejection::TooLarge);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let envelope = Envelope::from_query(head.uri.query().unwrap_or_default(), &self.front.apps, now)?;
        Ok((envelope, self.body_permit(bytes)?))
    }

    /// Reads the body and stores the callback. Dropped half-way, it leaves nothing
    /// behind, or a record that is on its way.
    async fn store(
        &self,
        envelope: Envelope,
        permit: OwnedSemaphorePermit,
        body: Body,
        start: Instant,
    ) -> Result<(), Rejection> {
        let body = self.body(body, start + BODY_TIMEOUT).await?;
        let stored = envelope.into_record(&body, &self.front.duplicates)?;
        drop(body);
        let deadline = start + ANSWER_TIMEOUT;
        // From here the record is on its way, whether or not the caller still waits.
        let appending = self.log.append(NewRecord { stored, deadline, permit: Some(permit) });
        match timeout_at(deadline, appending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(AppendError::Expired)) | Err(_) => Err(Rejection::Late),
            Ok(Err(AppendError::QueueFull)) => Err(Rejection::Busy),
            Ok(Err(error @ (AppendError::Recovering | AppendError::Failed | AppendError::Closed))) => {
                Err(Rejection::Log(error))
            }
        }
    }

    /// Reads the body of a refused request and drops it. Closing a connection with
    /// unread bytes resets it, and the client may never see the answer.
    async fn discard(&self, mut body: Body, deadline: Instant) -> Result<(), Rejection> {
        let mut left = self.front.body_limit + MAX_DISCARD_BEYOND_LIMIT;
        let read = async {
            while let Some(Ok(frame)) = body.frame().await {
                let Some(data) = frame.data_ref() else { return Err(Rejection::Framing) };
                left = match left.checked_sub(data.len()) {
                    Some(left) => left,
                    None => return Ok(()),
                };
            }
            Ok(())
        };
        // A body that takes longer is left: its connection is closed.
        timeout_at(deadline, read).await.unwrap_or(Ok(()))
    }

    fn body_permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Rejection> {
        let bytes = u32::try_from(bytes).map_err(|_| Rejection::TooLarge)?;
        Arc::clone(&self.bodies).try_acquire_many_owned(bytes).map_err(|_| Rejection::Busy)
    }

    async fn body(&self, mut body: Body, deadline: Instant) -> Result<Vec<u8>, Rejection> {
        // In one piece: a list of chunks of one byte would take 40 times what they hold.
        let mut bytes = Vec::new();
        let read = async {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|_| Rejection::BodyBroken)?;
                let data = frame.data_ref().ok_or(Rejection::Framing)?;
                if data.len() > self.front.body_limit - bytes.len() {
                    return Err(Rejection::TooLarge);
                }
                bytes.extend_from_slice(data);
            }
            Ok(bytes)
        };
        timeout_at(deadline, read).await.unwrap_or(Err(Rejection::BodyTimeout))
    }
}
