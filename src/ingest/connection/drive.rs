//! Driver of one HTTP/1.1 connection: its phase, its deadlines and its end.

use std::{net::SocketAddr, pin::pin, sync::Arc, task::Poll, time::Duration};

use axum::{Router, body::Body, extract::Request, http::HeaderValue, http::header::CONNECTION};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::{io::InspectReader, sync::CancellationToken};
use tower::ServiceExt as _;

use super::Limits;
use crate::{
    net::{
        eviction::{Evictable, GRACE, Standing},
        shutdown::Drain,
        tls,
    },
    observe::metrics::ConnectionMetrics,
};

/// Maximum bytes that a connection buffers. A request head must fit, or it gets 431. Bodies are passed on as
/// they arrive.
const BUFFER_BYTES: usize = 64 * 1024;
/// Time that an idle connection stays open before it closes, for a request that is already on its way.
const LAST_REQUEST_GRACE: Duration = Duration::from_millis(100);
/// Time for a closing connection to send its last response.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

/// Request extension: the handler's view of the connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionInfo {
    /// Address of the client.
    pub peer: SocketAddr,
    /// When the first byte of the request arrived.
    pub request_start: Instant,
    state: Arc<State>,
}

impl ConnectionInfo {
    /// Marks the connection as trusted: it delivered a verified callback, so it is evicted last.
    pub(crate) fn verified(&self) {
        let mut inner = self.state.lock();
        if !std::mem::replace(&mut inner.verified, true)
            && let Some(metrics) = &self.state.metrics
        {
            metrics.trusted();
        }
    }

    /// Records that the handler reads the body of a refused request.
    pub(crate) fn discards_body(&self) {
        self.state.enter(Phase::Discard);
    }

    /// Records that the handler waits for the body.
    pub(crate) fn reads_body(&self) {
        self.state.enter(Phase::Body);
    }

    /// Records that the handler has the body.
    pub(crate) fn has_body(&self) {
        self.state.enter(Phase::Busy);
    }
}

/// One connection, shared by its driver, its handler and the accept loop.
#[derive(Debug)]
pub(super) struct State {
    inner: Mutex<Inner>,
    /// Cancelled to evict the connection.
    pub(super) evicted: CancellationToken,
    /// Wakes the accept loop when a connection becomes idle.
    became_idle: Arc<Notify>,
    metrics: Option<ConnectionMetrics>,
}

#[derive(Debug, Clone, Copy)]
struct Inner {
    phase: Phase,
    /// Start of the phase.
    since: Instant,
    /// True if the client has sent anything.
    used: bool,
    /// True if it has delivered a verified callback.
    verified: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    /// The first byte of a request has arrived, but its head is incomplete.
    Head,
    /// A handler reads the body of a refused request.
    Discard,
    /// A handler waits for the body.
    Body,
    /// A handler processes the request.
    Busy,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(metrics) = &self.metrics {
            metrics.ended(self.lock().verified);
        }
    }
}

impl Evictable for State {
    fn standing(&self) -> Standing {
        let Inner { phase, since, used, verified } = *self.lock();
        match phase {
            Phase::Idle if verified => Standing::IdleTrusted { since },
            _ if verified => Standing::BusyTrusted,
            Phase::Idle if used => Standing::Stranger { rank: 0, since, ready: since },
            // The client may be about to send, or to complete its head.
            Phase::Idle | Phase::Head => Standing::Stranger { rank: 0, since, ready: since + GRACE },
            Phase::Discard => Standing::Stranger { rank: 1, since, ready: since + GRACE },
            // Last, because the callback may be valid.
            Phase::Body => Standing::Stranger { rank: 2, since, ready: since + GRACE },
            Phase::Busy => Standing::BusyStranger,
        }
    }

    fn is_closing(&self) -> bool {
        self.evicted.is_cancelled()
    }

    fn evict(&self) {
        self.evicted.cancel();
    }
}

impl State {
    pub(super) fn new(became_idle: &Arc<Notify>, metrics: Option<ConnectionMetrics>) -> Self {
        if let Some(metrics) = &metrics {
            metrics.opened();
        }
        let inner = Inner { phase: Phase::Idle, since: Instant::now(), used: false, verified: false };
        Self {
            inner: Mutex::new(inner),
            evicted: CancellationToken::new(),
            became_idle: Arc::clone(became_idle),
            metrics,
        }
    }

    fn enter(&self, phase: Phase) {
        let mut inner = self.lock();
        inner.phase = phase;
        inner.since = Instant::now();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    fn bytes_arrived(&self) {
        let mut inner = self.lock();
        inner.used = true;
        if inner.phase == Phase::Idle {
            inner.phase = Phase::Head;
            inner.since = Instant::now();
        }
    }

    /// Returns when the request began that the handler receives now.
    fn request_begins(&self) -> Instant {
        let mut inner = self.lock();
        let start = match inner.phase {
            Phase::Head => inner.since,
            // A pipelined request, read together with the one before.
            Phase::Idle | Phase::Discard | Phase::Body | Phase::Busy => Instant::now(),
        };
        inner.phase = Phase::Busy;
        start
    }

    fn request_ends(&self) {
        let mut inner = self.lock();
        inner.phase = Phase::Idle;
        inner.since = Instant::now();
        drop(inner);
        self.became_idle.notify_one();
    }

    /// Returns when a closing connection may close: not during a request, and not while one may be on its
    /// way.
    fn may_close(&self, told: Instant, limits: &Limits) -> Option<Instant> {
        let inner = *self.lock();
        let told = told + LAST_REQUEST_GRACE;
        match inner.phase {
            Phase::Idle if inner.used => Some(told),
            Phase::Idle => Some(told.max(inner.since + limits.header_timeout)),
            Phase::Head | Phase::Discard | Phase::Body | Phase::Busy => None,
        }
    }

    /// Returns whether an evicted connection closes at once: it loses nothing but an incomplete request.
    fn closes_at_once(&self) -> bool {
        let inner = *self.lock();
        match inner.phase {
            _ if inner.verified => false,
            Phase::Idle => !inner.used,
            Phase::Head | Phase::Discard | Phase::Body => true,
            Phase::Busy => false,
        }
    }

    /// Returns the deadline of the current phase. Handlers have their own deadlines.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let inner = *self.lock();
        match inner.phase {
            Phase::Idle => Some(inner.since + limits.idle_timeout),
            Phase::Head => Some(inner.since + limits.header_timeout),
            Phase::Discard | Phase::Body | Phase::Busy => None,
        }
    }
}

/// End of a connection.
pub(super) enum Ended {
    Malformed,
    SlowHead,
    Otherwise,
}

/// Runs one connection to its end.
pub(super) async fn drive(
    stream: tls::Io,
    peer: SocketAddr,
    router: Router,
    state: Arc<State>,
    limits: Limits,
    drain: Drain,
) -> Ended {
    let service = {
        let (state, drain) = (Arc::clone(&state), drain.clone());
        service_fn(move |mut request: Request<Incoming>| {
            let request_start = state.request_begins();
            let info = ConnectionInfo { peer, request_start, state: Arc::clone(&state) };
            request.extensions_mut().insert(info);
            let response = router.clone().oneshot(request.map(Body::new));
            let (state, drain) = (Arc::clone(&state), drain.clone());
            async move {
                let mut response = response.await?;
                if drain.is_announced() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                state.request_ends();
                Ok::<_, std::convert::Infallible>(response)
            }
        })
    };
    let io = TokioIo::new(InspectReader::new(stream, {
        let state = Arc::clone(&state);
        move |bytes: &[u8]| {
            if !bytes.is_empty() {
                state.bytes_arrived();
            }
        }
    }));
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(BUFFER_BYTES)
            // A client may close its sending side after its request.
            .half_close(true)
            .serve_connection(io, service)
    );
    let mut closing = pin!(drain.closing());
    let mut evicted = pin!(state.evicted.cancelled());
    let mut cut = pin!(drain.until_cut());
    let mut timer = pin!(sleep_until(Instant::now() + limits.idle_timeout));
    let mut stage = Stage::Open;
    std::future::poll_fn(|cx| {
        if cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::Otherwise);
        }
        loop {
            // Poll the connection first: it may read the first byte of a request, which changes the deadline.
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                let Err(error) = ended else { return Poll::Ready(Ended::Otherwise) };
                tracing::debug!(%error, %peer, "connection ended with an error");
                return Poll::Ready(if error.is_parse() { Ended::Malformed } else { Ended::Otherwise });
            }
            if matches!(stage, Stage::Open)
                && (closing.as_mut().poll(cx).is_ready() || evicted.as_mut().poll(cx).is_ready())
            {
                stage = Stage::Told(Instant::now());
            }
            if matches!(stage, Stage::Told(_)) && state.evicted.is_cancelled() && state.closes_at_once() {
                return Poll::Ready(Ended::Otherwise);
            }
            let patience = state.deadline(&limits);
            let deadline = match stage {
                Stage::Open => patience,
                Stage::Told(told) => state.may_close(told, &limits).or(patience),
                Stage::Closing(since) => Some(since + FLUSH_GRACE),
            };
            let Some(deadline) = deadline else { return Poll::Pending };
            // Set a timer that fired early again. That is cheaper than moving it for every request.
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() < deadline {
                timer.as_mut().reset(deadline);
            } else if let Stage::Told(told) = stage
                && state.may_close(told, &limits).is_some()
            {
                stage = Stage::Closing(Instant::now());
                connection.as_mut().graceful_shutdown();
            } else if state.lock().phase == Phase::Head {
                tracing::debug!(%peer, "request head timed out");
                return Poll::Ready(Ended::SlowHead);
            } else {
                return Poll::Ready(Ended::Otherwise);
            }
        }
    })
    .await
}

/// Progress of a connection's end.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Open,
    /// Closes once no request is in progress or on its way.
    Told(Instant),
    /// Closing, and sending its last response.
    Closing(Instant),
}
