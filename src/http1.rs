//! HTTP/1.1 connections: deadlines, the connection cap, and draining.
//!
//! hyper has one time-out for an idle connection and for a slow request head.
//! Here they differ: the vendor keeps connections open between callbacks, and
//! closing one just as it is used again would lose a callback that is never
//! sent again. So a connection notes when a request's first byte arrives.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, http::HeaderValue, http::header::CONNECTION};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use prometheus::IntCounter;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{Id, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{io::InspectReader, sync::CancellationToken};
use tower::ServiceExt as _;

use crate::{shutdown::Drain, tls};

/// Most bytes that a connection holds of what it has read. A request's head must fit,
/// or it is answered 431; a body is handed on as it comes.
const BUFFER_BYTES: usize = 64 * 1024;
/// Pause after a failed accept, as when no file descriptor is left.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// Most connections taken from the system's queue when the listener closes: as
/// many as the queue holds.
const MAX_QUEUED: usize = 4096;
/// Most connections at once that are giving way. They no longer count for the
/// cap, so that a newcomer does not wait for their end.
const MAX_GIVING_WAY: usize = 64;
/// An idle connection that is to close stays open this long: a request may be on
/// its way that the system has not shown us yet.
const LAST_REQUEST_GRACE: Duration = Duration::from_millis(100);
/// How long a connection that is closing may take to hand over its last answer.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

/// Bounds of a listener's connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at once. At the cap the longest-idle one gives way, first
    /// among those that never delivered a verified callback, and never one with a
    /// request in hand or one that was just opened; if none can, a new connection
    /// waits. A few that are giving way may be there beyond the cap. Half of the
    /// places are kept for connections that have delivered, so that a flood of
    /// others cannot push out all of them.
    pub max_connections: usize,
    /// From a request's first byte to the end of its head; then the connection is closed.
    pub header_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub idle_timeout: Duration,
}

/// Connections whose end no handler has seen.
#[derive(Debug, Clone)]
pub struct BadConnections {
    /// What came was no HTTP/1.1, or a head beyond its bounds.
    pub malformed: IntCounter,
    /// A request's head was not complete in time.
    pub slow_head: IntCounter,
}

/// What a request's handler knows of its connection: a request extension.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// Where it comes from.
    pub peer: SocketAddr,
    /// When the request's first byte arrived.
    pub request_start: Instant,
    state: Arc<State>,
}

impl ConnectionInfo {
    /// Notes that the connection delivered a verified callback: it gives way last.
    pub fn verified(&self) {
        self.state.lock().verified = true;
    }
}

/// One connection, as seen by its driver, its handler and the accept loop.
#[derive(Debug)]
struct State {
    inner: Mutex<Inner>,
    /// Set to make it give way.
    evicted: CancellationToken,
    /// Wakes the accept loop when a connection becomes idle.
    became_idle: Arc<Notify>,
}

#[derive(Debug, Clone, Copy)]
struct Inner {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// It has sent something.
    used: bool,
    /// It has delivered a verified callback.
    verified: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    /// The first byte of a request has arrived, its head is not complete.
    Head,
    /// A handler has the request.
    Busy,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_arrived(&self) {
        let mut inner = self.lock();
        inner.used = true;
        if inner.phase == Phase::Idle {
            inner.phase = Phase::Head;
            inner.since = Instant::now();
        }
    }

    /// When the request began that is now handed to its handler.
    fn request_begins(&self) -> Instant {
        let mut inner = self.lock();
        let start = match inner.phase {
            Phase::Head => inner.since,
            // A pipelined request, read together with the one before.
            Phase::Idle | Phase::Busy => Instant::now(),
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

    /// When the connection may close that has been told to: not with a request in
    /// hand, and not while one may be on its way.
    fn may_close(&self, told: Instant, limits: &Limits) -> Option<Instant> {
        let inner = *self.lock();
        let told = told + LAST_REQUEST_GRACE;
        match inner.phase {
            Phase::Idle if inner.used => Some(told),
            Phase::Idle => Some(told.max(inner.since + limits.header_timeout)),
            Phase::Head | Phase::Busy => None,
        }
    }

    /// When the connection's patience ends; a handler minds its own deadline.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let inner = *self.lock();
        match inner.phase {
            Phase::Idle => Some(inner.since + limits.idle_timeout),
            Phase::Head => Some(inner.since + limits.header_timeout),
            Phase::Busy => None,
        }
    }
}

/// Serves `router` on `listener`, with TLS if it is given, until `drain` closes it and every request in
/// hand is answered, or `drain` cuts connections. Counts connections that come to no request in `bad`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    router: Router,
    limits: Limits,
    drain: Drain,
    bad: Option<BadConnections>,
) {
    let mut server = Server {
        router,
        tls,
        limits,
        drain: drain.clone(),
        bad,
        connections: JoinSet::new(),
        states: HashMap::new(),
        became_idle: Arc::new(Notify::new()),
        accept_failed: false,
    };
    loop {
        tokio::select! {
            biased;
            () = drain.closing() => break,
            Some(ended) = server.connections.join_next_with_id() => server.forget(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    server.accept_failed = false;
                    server.make_room().await;
                    server.start(stream, peer);
                }
                Err(error) => server.accept_failed(&error).await,
            },
        }
    }
    // Whoever is already connected, as far as the system knows, is still served.
    match listener.into_std() {
        Ok(listener) => {
            for _ in 0..MAX_QUEUED {
                let accepted = listener.accept().and_then(|(stream, peer)| {
                    stream.set_nonblocking(true)?;
                    Ok((TcpStream::from_std(stream)?, peer))
                });
                match accepted {
                    Ok((stream, peer)) => server.start(stream, peer),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => tracing::debug!(%error, "a connection ended before it was taken"),
                }
            }
        }
        Err(error) => tracing::warn!(%error, "could not empty the listener's queue"),
    }
    while let Some(ended) = server.connections.join_next_with_id().await {
        server.forget(ended);
    }
}

struct Server {
    router: Router,
    tls: Option<tls::Acceptor>,
    limits: Limits,
    drain: Drain,
    bad: Option<BadConnections>,
    connections: JoinSet<()>,
    states: HashMap<Id, Arc<State>>,
    became_idle: Arc<Notify>,
    /// The last accept failed, and that has been logged.
    accept_failed: bool,
}

impl Server {
    fn start(&mut self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "could not set TCP_NODELAY");
        }
        let state = Arc::new(State {
            inner: Mutex::new(Inner {
                phase: Phase::Idle,
                since: Instant::now(),
                used: false,
                verified: false,
            }),
            evicted: CancellationToken::new(),
            became_idle: Arc::clone(&self.became_idle),
        });
        let (tls, router, limits, drain) =
            (self.tls.clone(), self.router.clone(), self.limits, self.drain.clone());
        let bad = self.bad.clone();
        let driven = Arc::clone(&state);
        let connection = async move {
            let stream = tokio::select! {
                stream = tls::accept(tls.as_ref(), stream, peer) => stream,
                () = driven.evicted.cancelled() => None,
                // As long as one that was just opened without TLS has for its first request.
                () = async { drain.closing().await; sleep(limits.header_timeout).await } => None,
            };
            if let Some(stream) = stream {
                let ended = drive(stream, peer, router, driven, limits, drain).await;
                match (ended, bad) {
                    (Ended::Malformed, Some(bad)) => bad.malformed.inc(),
                    (Ended::SlowHead, Some(bad)) => bad.slow_head.inc(),
                    (Ended::Malformed | Ended::SlowHead, None) | (Ended::Otherwise, _) => {}
                }
            }
        };
        let id = self.connections.spawn(connection).id();
        self.states.insert(id, state);
    }

    fn forget(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a connection's task panicked");
                error.id()
            }
        };
        self.states.remove(&id);
    }

    /// Waits until one more connection fits, having one give way if it can.
    async fn make_room(&mut self) {
        // Most of the time: to look at each connection for each new one would take long for thousands.
        if self.connections.len() < self.limits.max_connections {
            return;
        }
        loop {
            let giving_way = self.states.values().filter(|state| state.evicted.is_cancelled()).count();
            if self.connections.len() - giving_way < self.limits.max_connections {
                return;
            }
            let mut look_again = Instant::now() + self.limits.header_timeout;
            if giving_way < MAX_GIVING_WAY {
                match self.evict() {
                    Evicted::One => return,
                    Evicted::NoneBefore(time) => look_again = time,
                    Evicted::None => {}
                }
            }
            tokio::select! {
                () = self.drain.closing() => return,
                Some(ended) = self.connections.join_next_with_id() => self.forget(ended),
                () = self.became_idle.notified() => {}
                () = sleep_until(look_again) => {}
            }
        }
    }

    /// Has a connection give way, if one can.
    fn evict(&self) -> Evicted {
        let now = Instant::now();
        let staying = || {
            let staying = self.states.values().filter(|state| !state.evicted.is_cancelled());
            staying.map(|state| (*state.lock(), state))
        };
        let longest_idle = |verified: bool| {
            staying()
                .filter(move |(inner, _)| inner.phase == Phase::Idle && inner.verified == verified)
                .min_by_key(|(inner, _)| inner.since)
        };
        // One that was just opened is about to send.
        let grace = self.limits.header_timeout;
        let stranger = longest_idle(false);
        let victim = stranger.filter(|(inner, _)| inner.used || inner.since + grace <= now).or_else(|| {
            let strangers = staying().filter(|(inner, _)| !inner.verified).count();
            longest_idle(true).filter(|_| strangers < self.limits.max_connections.div_ceil(2))
        });
        match (victim, stranger) {
            (Some((_, state)), _) => {
                state.evicted.cancel();
                Evicted::One
            }
            (None, Some((inner, _))) => Evicted::NoneBefore(inner.since + grace),
            (None, None) => Evicted::None,
        }
    }

    async fn accept_failed(&mut self, error: &io::Error) {
        // The peer gave up before it was accepted: no fault of ours.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        if !self.accept_failed {
            self.accept_failed = true;
            tracing::error!(%error, "could not accept a connection; trying again until it works");
        }
        if matches!(self.evict(), Evicted::One) {
            tracing::debug!("an idle connection gives way");
        }
        tokio::select! {
            () = self.drain.closing() => {}
            () = sleep(ACCEPT_RETRY) => {}
        }
    }
}

/// Whether a connection was found that can give way.
enum Evicted {
    One,
    /// None now, but perhaps at that time.
    NoneBefore(Instant),
    None,
}

/// How a connection ended.
enum Ended {
    Malformed,
    SlowHead,
    Otherwise,
}

/// Runs one connection to its end.
async fn drive(
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
            // A client may close its side once it has sent its request.
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
            // The connection first: it may read the first byte of a request, which changes what follows.
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                let Err(error) = ended else { return Poll::Ready(Ended::Otherwise) };
                tracing::debug!(%error, %peer, "a connection ended");
                return Poll::Ready(if error.is_parse() { Ended::Malformed } else { Ended::Otherwise });
            }
            if matches!(stage, Stage::Open)
                && (closing.as_mut().poll(cx).is_ready() || evicted.as_mut().poll(cx).is_ready())
            {
                stage = Stage::Told(Instant::now());
            }
            let patience = state.deadline(&limits);
            let deadline = match stage {
                Stage::Open => patience,
                Stage::Told(told) => state.may_close(told, &limits).or(patience),
                Stage::Closing(since) => Some(since + FLUSH_GRACE),
            };
            let Some(deadline) = deadline else { return Poll::Pending };
            // A timer that fires early is only set again: cheaper than to move it for every request.
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
                tracing::debug!(%peer, "a request's head took too long");
                return Poll::Ready(Ended::SlowHead);
            } else {
                return Poll::Ready(Ended::Otherwise);
            }
        }
    })
    .await
}

/// How far a connection's end has come.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Open,
    /// To be closed once no request is in hand or on its way.
    Told(Instant),
    /// Closing, and handing over its last answer.
    Closing(Instant),
}
