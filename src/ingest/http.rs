//! HTTP front for callbacks. Responds 200 only after the event is durable.
//!
//! Checks run in this order: method, path, encoding, size, then the URL's query (repeated parameters, the
//! app, its signature, the command). Only then the body is read, within a budget for the bytes of all bodies.

mod bodies;
mod outcome;
mod rejection;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

pub use self::outcome::metrics;
use self::{
    bodies::Bodies,
    outcome::CallbackState,
    rejection::{Rejection, STORED, answer},
};
use crate::{
    ingest::{
        callback::{Apps, Envelope, duplicates::Duplicates},
        connection::ConnectionInfo,
        refusals::Refusals,
    },
    log::{AppendError, EventLog, NewRecord},
    observe::{metrics::Metrics, trace::Tracer},
};

/// Deadline of the request head, from the first byte of the request.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(1);
/// Deadline of the body, from the first byte of the request.
pub const BODY_TIMEOUT: Duration = Duration::from_millis(1400);
/// Deadline of the response, from the first byte of the request. Below the vendor's 2 seconds.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(1800);
/// Deadline of the vendor.
const VENDOR_TIMEOUT: Duration = Duration::from_secs(2);
const _: () = assert!(
    HEADER_TIMEOUT.as_millis() < BODY_TIMEOUT.as_millis()
        && BODY_TIMEOUT.as_millis() < ANSWER_TIMEOUT.as_millis()
        && ANSWER_TIMEOUT.as_millis() < VENDOR_TIMEOUT.as_millis(),
    "each stage leaves time for the next"
);
/// Maximum bytes of all bodies in flight that have arrived. Beyond it the bodies that have been arriving for
/// longest are dropped (408). If there is none, callbacks get 503.
pub const BODIES_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a refused body that are read beyond the body limit, so that the client sees the response. The
/// rest of a longer body is cut off.
const MAX_DISCARD_BEYOND_LIMIT: usize = 1024 * 1024;

/// Configuration and state of the front.
#[derive(Debug)]
pub struct Front {
    /// URL path of callbacks.
    pub path: String,
    /// Apps whose callbacks are accepted. A reload may change their tokens.
    pub apps: watch::Receiver<Arc<Apps>>,
    /// Maximum body size, in bytes.
    pub body_limit: usize,
    /// Recently accepted callbacks, for duplicate detection.
    pub duplicates: Arc<Duplicates>,
    /// Refused callbacks, and the last accepted ones.
    pub refusals: Arc<Refusals>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Tracer. `None`: tracing is disabled.
    pub tracer: Option<Tracer>,
}

struct Shared {
    front: Front,
    log: Arc<dyn EventLog>,
    bodies: Bodies,
}

/// Returns the routes of the callback listener.
pub fn router(front: Front, log: Arc<dyn EventLog>) -> Router {
    let bodies = Bodies::new(BODIES_BYTES);
    Router::new().fallback(receive).with_state(Arc::new(Shared { front, log, bodies }))
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let connection = head.extensions.get::<ConnectionInfo>();
    let start = connection.map_or_else(Instant::now, |info| info.request_start);
    let mut state = CallbackState { body_bytes: body.size_hint().exact(), ..CallbackState::default() };
    let mut body_may_follow = false;
    let outcome = match shared.check(&head, &body, &mut state) {
        Ok(mut envelope) => {
            shared.front.trace(&head, start, &mut envelope, &mut state);
            shared.store(envelope, body, start, connection, &mut state).await
        }
        Err(rejection) if head.headers.contains_key(header::EXPECT) => {
            // A client that waits for 100 Continue has not sent its body.
            body_may_follow = true;
            Err(rejection)
        }
        Err(rejection) => {
            if let Some(connection) = connection {
                connection.discards_body();
            }
            Err(shared.discard(body, start + BODY_TIMEOUT, &mut state).await.err().unwrap_or(rejection))
        }
    };
    shared.front.note(&head, state, outcome.err(), start.elapsed());
    match outcome {
        Ok(()) => {
            if let Some(connection) = connection {
                connection.verified();
            }
            answer(StatusCode::OK, STORED)
        }
        Err(rejection) => {
            let mut response = rejection.into_response();
            // The start of the next request is uncertain: a proxy may take for a request what this server
            // takes for a body, or the reverse.
            if body_may_follow || rejection == Rejection::Framing {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

impl Shared {
    /// Checks everything except the body.
    fn check(&self, head: &Parts, body: &Body, state: &mut CallbackState) -> Result<Envelope, Rejection> {
        if head.method != Method::POST {
            return Err(Rejection::Method);
        }
        // The console may have the path with or without a slash at the end.
        if head.uri.path().trim_end_matches('/') != self.front.path.trim_end_matches('/') {
            return Err(Rejection::Path);
        }
        if !head.headers.get_all(header::CONTENT_ENCODING).iter().all(is_not_encoded) {
            return Err(Rejection::Encoding);
        }
        // hyper accepts any list that ends in `chunked`, and leaves the other codings to the handler.
        let mut encodings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
        let is_chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !encodings.next().is_none_or(is_chunked) || encodings.next().is_some() {
            return Err(Rejection::Framing);
        }
        if body.size_hint().lower() > self.front.body_limit as u64 {
            return Err(Rejection::TooLarge);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let apps = Arc::clone(&self.front.apps.borrow());
        let envelope = Envelope::from_query(head.uri.query().unwrap_or_default(), &apps, now)?;
        self.front.note_checked(&envelope, state);
        Ok(envelope)
    }

    /// Reads the body and stores the callback. If dropped midway, nothing is stored, or the record is already
    /// in the log's queue.
    async fn store(
        &self,
        envelope: Envelope,
        body: Body,
        start: Instant,
        connection: Option<&ConnectionInfo>,
        state: &mut CallbackState,
    ) -> Result<(), Rejection> {
        if let Some(connection) = connection {
            connection.reads_body();
        }
        let read = self.bodies.read(body, self.front.body_limit, start + BODY_TIMEOUT).await;
        if let Some(connection) = connection {
            connection.has_body();
        }
        let (body, permit) = read?;
        state.body_bytes = Some(body.len() as u64);
        let decoded = envelope.into_record(&body, &self.front.duplicates)?;
        drop(body);
        let decoded = decoded.fit(self.log.max_record_bytes()).ok_or(Rejection::TooLarge)?;
        // Cheap: the clones share the bytes.
        let stored = decoded.record.clone();
        state.decoded = Some(decoded);
        let deadline = start + ANSWER_TIMEOUT;
        // From here on the record is in the log's queue, even if the client no longer waits.
        let begin = Instant::now();
        let _span = state.span.as_ref().map(|span| span.child("append"));
        let appending = self.log.append(NewRecord { stored, deadline, permit: Some(permit) });
        let appended = timeout_at(deadline, appending).await.unwrap_or(Err(AppendError::Expired));
        if matches!(appended, Ok(_) | Err(AppendError::Expired)) {
            // Count timeouts too. Without them a slow disk would look fast.
            self.front.metrics.append_seconds.observe(begin.elapsed().as_secs_f64());
        }
        match appended {
            Ok(_) => Ok(()),
            Err(AppendError::Expired) => Err(Rejection::Late),
            Err(AppendError::QueueFull) => Err(Rejection::Busy),
            Err(error @ (AppendError::Recovering | AppendError::Failed | AppendError::Closed)) => {
                Err(Rejection::Log(error))
            }
        }
    }

    /// Reads and drops the body of a refused request. Closing a connection with unread bytes resets it, and
    /// the client may not see the response.
    async fn discard(
        &self,
        mut body: Body,
        deadline: Instant,
        state: &mut CallbackState,
    ) -> Result<(), Rejection> {
        let most = self.front.body_limit + MAX_DISCARD_BEYOND_LIMIT;
        let read = async {
            let mut bytes = 0;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return Ok(()) };
                bytes += frame.data_ref().ok_or(Rejection::Framing)?.len();
                if bytes > most {
                    return Ok(());
                }
            }
            state.body_bytes = Some(bytes as u64);
            Ok(())
        };
        // A body that takes longer is not read further: its connection closes.
        timeout_at(deadline, read).await.unwrap_or(Ok(()))
    }
}

/// Returns whether the `Content-Encoding` names no coding that changes the body. Some clients send the
/// charset there. Other unknown values are accepted too: the event has the body as received.
fn is_not_encoded(value: &HeaderValue) -> bool {
    // The HTTP Content Coding Registry of IANA without `identity`, and others in use.
    const CODINGS: [&[u8]; 18] = [
        b"aes128gcm",
        b"br",
        b"bzip2",
        b"compress",
        b"dcb",
        b"dcz",
        b"deflate",
        b"exi",
        b"gzip",
        b"lz4",
        b"lzma",
        b"pack200-gzip",
        b"snappy",
        b"x-bzip2",
        b"x-compress",
        b"x-gzip",
        b"xz",
        b"zstd",
    ];
    let is_delimiter = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let mut tokens = value.as_bytes().split(is_delimiter);
    !tokens.any(|token| CODINGS.iter().any(|coding| token.eq_ignore_ascii_case(coding)))
}
