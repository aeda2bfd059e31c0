//! The HTTP front: takes callbacks, and answers 200 only after the event is durable.
//!
//! A request is checked in this order: method, path, encoding, size, then the
//! URL's query (no parameter twice, the app, its signature, the command); only
//! then the body is read, which takes room for its bytes as they arrive.

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
    outcome::Seen,
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
/// Bytes of bodies under way at once, over all connections, as far as they have arrived. Beyond it the bodies that have
/// been arriving for longest are given up (408); if none is, callbacks get 503.
pub const BODIES_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that are read of a refused body beyond the limit on bodies, so that the
/// client sees the answer; of a longer one the rest is cut off.
const MAX_DISCARD_BEYOND_LIMIT: usize = 1024 * 1024;

/// What the front needs to take callbacks.
#[derive(Debug)]
pub struct Front {
    /// The path that callbacks are posted to.
    pub path: String,
    /// The apps whose callbacks are accepted; their tokens may change at any time.
    pub apps: watch::Receiver<Arc<Apps>>,
    /// Largest body, in bytes.
    pub body_limit: usize,
    /// What came in of late.
    pub duplicates: Arc<Duplicates>,
    /// What was refused and what was accepted.
    pub refusals: Arc<Refusals>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is traced; `None`: nothing.
    pub tracer: Option<Tracer>,
}

struct Shared {
    front: Front,
    log: Arc<dyn EventLog>,
    bodies: Bodies,
}

/// The routes of the callback listener.
pub fn router(front: Front, log: Arc<dyn EventLog>) -> Router {
    let bodies = Bodies::new(BODIES_BYTES);
    Router::new().fallback(receive).with_state(Arc::new(Shared { front, log, bodies }))
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let connection = head.extensions.get::<ConnectionInfo>();
    let start = connection.map_or_else(Instant::now, |info| info.request_start);
    let mut seen = Seen { body_bytes: body.size_hint().exact(), ..Seen::default() };
    let mut body_may_follow = false;
    let outcome = match shared.check(&head, &body, &mut seen) {
        Ok(mut envelope) => {
            shared.front.trace(&head, start, &mut envelope, &mut seen);
            shared.store(envelope, body, start, connection, &mut seen).await
        }
        Err(rejection) if head.headers.contains_key(header::EXPECT) => {
            // A client that waits for 100 Continue has not sent its body, and need not.
            body_may_follow = true;
            Err(rejection)
        }
        Err(rejection) => {
            if let Some(connection) = connection {
                connection.discards_body();
            }
            Err(shared.discard(body, start + BODY_TIMEOUT, &mut seen).await.err().unwrap_or(rejection))
        }
    };
    shared.front.note(&head, seen, outcome.err(), start.elapsed());
    match outcome {
        Ok(()) => {
            if let Some(connection) = connection {
                connection.verified();
            }
            answer(StatusCode::OK, STORED)
        }
        Err(rejection) => {
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
    /// Everything that can be said without the body.
    fn check(&self, head: &Parts, body: &Body, seen: &mut Seen) -> Result<Envelope, Rejection> {
        if head.method != Method::POST {
            return Err(Rejection::Method);
        }
        // With or without a slash at the end, whichever the console has.
        if head.uri.path().trim_end_matches('/') != self.front.path.trim_end_matches('/') {
            return Err(Rejection::Path);
        }
        if !head.headers.get_all(header::CONTENT_ENCODING).iter().all(is_not_encoded) {
            return Err(Rejection::Encoding);
        }
        // hyper takes any list that ends in `chunked`, and leaves the rest of it to us.
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
        self.front.note_checked(&envelope, seen);
        Ok(envelope)
    }

    /// Reads the body and stores the callback. Dropped half-way, it leaves nothing
    /// behind, or a record that is on its way.
    async fn store(
        &self,
        envelope: Envelope,
        body: Body,
        start: Instant,
        connection: Option<&ConnectionInfo>,
        seen: &mut Seen,
    ) -> Result<(), Rejection> {
        if let Some(connection) = connection {
            connection.reads_body();
        }
        let read = self.bodies.read(body, self.front.body_limit, start + BODY_TIMEOUT).await;
        if let Some(connection) = connection {
            connection.has_body();
        }
        let (body, permit) = read?;
        seen.body_bytes = Some(body.len() as u64);
        let decoded = envelope.into_record(&body, &self.front.duplicates)?;
        drop(body);
        let decoded = decoded.fit(self.log.max_record_bytes()).ok_or(Rejection::TooLarge)?;
        // The bytes are shared.
        let stored = decoded.record.clone();
        seen.decoded = Some(decoded);
        let deadline = start + ANSWER_TIMEOUT;
        // From here the record is on its way, whether or not the caller still waits.
        let begin = Instant::now();
        let _span = seen.span.as_ref().map(|span| span.child("append"));
        let appending = self.log.append(NewRecord { stored, deadline, permit: Some(permit) });
        let appended = timeout_at(deadline, appending).await.unwrap_or(Err(AppendError::Expired));
        if matches!(appended, Ok(_) | Err(AppendError::Expired)) {
            // Without those that took too long, a slow disk would look like a fast one.
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

    /// Reads the body of a refused request and drops it. Closing a connection with
    /// unread bytes resets it, and the client may never see the answer.
    async fn discard(&self, mut body: Body, deadline: Instant, seen: &mut Seen) -> Result<(), Rejection> {
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
            seen.body_bytes = Some(bytes as u64);
            Ok(())
        };
        // A body that takes longer is left: its connection is closed.
        timeout_at(deadline, read).await.unwrap_or(Ok(()))
    }
}

/// Returns whether no `Content-Encoding` names a coding that changes the body. Some clients send the charset there,
/// which says nothing of a coding. Any other value is accepted too: the event has the body as received.
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
