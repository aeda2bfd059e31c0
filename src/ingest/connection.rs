//! HTTP/1.1 connections: deadlines, the connection limit, and draining.
//!
//! hyper has one timeout for idle connections and slow request heads. Here they differ: the vendor keeps
//! connections open between callbacks, and closing one at the moment of its reuse would lose a callback that
//! is never retried. So a connection records when the first byte of a request arrives.

mod drive;

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{Id, JoinSet},
    time::{Instant, sleep, sleep_until},
};

pub(crate) use self::drive::ConnectionInfo;
use self::drive::{Ended, State, drive};
use crate::{
    net::{
        eviction::{Evictor, GRACE},
        shutdown::Drain,
        tls,
    },
    observe::metrics::{BadConnections, ConnectionMetrics},
};

/// Pause after a failed accept, as when no file descriptor is left.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// Maximum connections that are accepted from the system's queue when the listener closes: the size of the
/// queue.
const MAX_QUEUED: usize = 4096;
/// Minimum of connections that may be closing after an eviction. They do not count for the limit, so that a
/// new connection does not wait for their end. With a larger limit it is an eighth of it.
const MIN_CLOSING: usize = 64;
const CLOSING_PART: usize = 8;

/// Limits of a listener's connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Maximum connections. At the limit one is closed for a new one, in the order of
    /// [`eviction`](crate::net::eviction): first those that never delivered a verified callback and are idle
    /// or slow. A connection whose request is complete is never closed; if there is no other, the new one
    /// waits. Up to an eighth of the limit, or 64, may be closing in addition.
    pub max_connections: usize,
    /// Time from the first byte of a request to the end of its head. Then the connection is closed.
    pub header_timeout: Duration,
    /// Maximum time without a request.
    pub idle_timeout: Duration,
}

/// Metrics of a listener's connections.
#[derive(Debug, Clone)]
pub(crate) struct ListenerMetrics {
    /// Connections that ended without a complete request.
    pub bad: BadConnections,
    /// Open and evicted connections.
    pub connections: ConnectionMetrics,
}

/// Serves `router` on `listener`, with TLS if configured. Ends when `drain` has closed the listener and all
/// requests are answered, or when `drain` cuts the connections. Updates `metrics`.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    router: Router,
    limits: Limits,
    drain: Drain,
    metrics: Option<ListenerMetrics>,
) {
    let counted = metrics.as_ref().map(|metrics| metrics.connections.clone());
    let evictor = Evictor::new("http", "--http-max-connections", limits.max_connections, counted);
    let mut server = Server {
        router,
        tls,
        limits,
        drain: drain.clone(),
        metrics,
        connections: JoinSet::new(),
        states: HashMap::new(),
        closing: 0,
        evictor,
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
    // Also serve the clients that are connected but not accepted yet.
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
                    Err(error) => tracing::debug!(%error, "a connection ended before it was accepted"),
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot accept queued connections while the listener closes; their clients must reconnect")
        }
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
    metrics: Option<ListenerMetrics>,
    connections: JoinSet<()>,
    states: HashMap<Id, Arc<State>>,
    /// Evicted connections that have not ended yet.
    closing: usize,
    evictor: Evictor<State>,
    became_idle: Arc<Notify>,
    /// True if the last accept failed, which was logged.
    accept_failed: bool,
}

impl Server {
    fn start(&mut self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "cannot set TCP_NODELAY");
        }
        let metrics = self.metrics.as_ref().map(|metrics| metrics.connections.clone());
        let state = Arc::new(State::new(&self.became_idle, metrics));
        let (tls, router, limits, drain) =
            (self.tls.clone(), self.router.clone(), self.limits, self.drain.clone());
        let bad = self.metrics.as_ref().map(|metrics| metrics.bad.clone());
        let driven = Arc::clone(&state);
        let connection = async move {
            let stream = tokio::select! {
                stream = tls::accept(tls.as_ref(), stream, peer) => stream,
                () = driven.evicted.cancelled() => None,
                // Wait as long as a new connection without TLS may wait for its first request.
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
                tracing::error!(%error, "a connection's task panicked; the connection was closed");
                error.id()
            }
        };
        if self.states.remove(&id).is_some_and(|state| state.evicted.is_cancelled()) {
            self.closing -= 1;
        }
    }

    /// Waits until another connection fits, and evicts one if possible.
    async fn make_room(&mut self) {
        let max_closing = MIN_CLOSING.max(self.limits.max_connections / CLOSING_PART);
        while self.connections.len() - self.closing >= self.limits.max_connections {
            let mut look_again = Instant::now() + GRACE;
            if self.closing < max_closing {
                match self.evict() {
                    Ok(()) => return,
                    Err(Some(time)) => look_again = look_again.min(time),
                    Err(None) => {}
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

    fn evict(&mut self) -> Result<(), Option<Instant>> {
        self.evictor.evict(self.states.values())?;
        self.closing += 1;
        Ok(())
    }

    async fn accept_failed(&mut self, error: &io::Error) {
        // The client gave up before the accept.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        if !self.accept_failed {
            self.accept_failed = true;
            tracing::error!(%error, "cannot accept connections; retrying every 50 ms");
        }
        // Closing a connection frees a file descriptor.
        self.evict().ok();
        tokio::select! {
            () = self.drain.closing() => {}
            () = sleep(ACCEPT_RETRY) => {}
        }
    }
}
