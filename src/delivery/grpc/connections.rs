//! Open gRPC connections: admission, trust and eviction.
//!
//! A connection is trusted from its first authenticated call on. [`eviction`](crate::net::eviction) chooses the connection
//! to close when a client connects at the cap. A connection with a call of an authenticated client under way is never
//! closed for another.
//!
//! [`TrackCalls`](super::track_calls::TrackCalls) counts the calls of each connection. It finds the connection in the
//! extensions of a request, because [`Connection`] is the `ConnectInfo` of
//! [`CancellableStream`](super::incoming::CancellableStream).

use std::{collections::HashMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{codegen::http, transport::server::TcpConnectInfo};

use super::transport::{HasTransport, Transport};
use crate::{
    net::eviction::{Evictable, Evictor, GRACE, Standing},
    observe::metrics::{ConnectionMetrics, Metrics},
};

/// Connections that may be closing at once for new ones, or [`CLOSING_PART`] of a larger cap. They do not count against the
/// cap, so that a new connection does not wait for their end. Beyond it the new connection waits.
const MIN_CLOSING: usize = 64;
/// Divisor of the cap for [`MIN_CLOSING`].
const CLOSING_PART: usize = 8;
/// Streams that the client of an untrusted connection may reset in 10 s. Beyond it the connection is closed.
const STRANGERS_RESETS: usize = 1000;
/// Interval of the search for connections without a call.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// All open connections.
pub(super) struct Connections {
    max_connections: usize,
    /// Deadline for the first answered call of a connection.
    first_call_timeout: Duration,
    /// Streams that the client of a trusted connection may reset in 10 s.
    max_resets: usize,
    /// Cuts all connections.
    cut: CancellationToken,
    table: Mutex<ConnectionTable>,
    /// Wakes the listener when a connection has ended or become idle.
    changed: Arc<Notify>,
    metrics: Arc<Metrics>,
}

struct ConnectionTable {
    last_id: u64,
    /// Bounded by the cap and the closing connections.
    open: HashMap<u64, Arc<Connection>>,
    /// Number of evicted connections that have not ended.
    closing: usize,
    evictor: Evictor<Connection>,
    /// Time of the next search for connections without a call.
    next_look: Instant,
}

impl Connections {
    pub(super) fn new(
        max_connections: usize,
        first_call_timeout: Duration,
        max_resets: usize,
        cut: CancellationToken,
        metrics: &Arc<Metrics>,
    ) -> Arc<Self> {
        let counted = Some(metrics.grpc_connections.clone());
        let evictor = Evictor::new("grpc", "--grpc-max-connections", max_connections, counted);
        let next_look = Instant::now() + LOOK_INTERVAL;
        let table = ConnectionTable { last_id: 0, open: HashMap::new(), closing: 0, evictor, next_look };
        Arc::new(Self {
            max_connections,
            first_call_timeout,
            max_resets,
            cut,
            table: Mutex::new(table),
            changed: Arc::default(),
            metrics: Arc::clone(metrics),
        })
    }

    /// Admits a connection, and evicts another one at the cap. The error is the time of the next try, at the latest: no
    /// connection can be evicted before.
    pub(super) fn admit(self: &Arc<Self>, info: TcpConnectInfo) -> Result<ConnectionPermit, Instant> {
        let mut table = self.lock();
        let table = &mut *table;
        if table.open.len() - table.closing >= self.max_connections {
            let now = Instant::now();
            let max_closing = MIN_CLOSING.max(self.max_connections / CLOSING_PART);
            if table.closing >= max_closing {
                return Err(now + GRACE);
            }
            let evicted = table.evictor.evict(table.open.values());
            evicted.map_err(|next| next.unwrap_or(now + GRACE).min(now + GRACE))?;
            table.closing += 1;
        }
        table.last_id += 1;
        let connection = Arc::new(Connection {
            id: table.last_id,
            transport: Transport::new(info.remote_addr()),
            info,
            opened: Instant::now(),
            inner: Mutex::new(ConnectionState::new()),
            evicted: CancellationToken::new(),
            closed: self.cut.child_token(),
            became_idle: Arc::clone(&self.changed),
            metrics: self.metrics.grpc_connections.clone(),
        });
        self.metrics.grpc_connections.opened();
        table.open.insert(connection.id, Arc::clone(&connection));
        Ok(ConnectionPermit { connections: Arc::clone(self), connection })
    }

    /// Waits until [`admit`](Self::admit) may admit one more.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Closes connections without an answered call by the deadline. Returns the time of the next search.
    pub(super) fn close_without_call(&self) -> Instant {
        let mut table = self.lock();
        let now = Instant::now();
        if now < table.next_look {
            return table.next_look;
        }
        for connection in table.open.values() {
            if now >= connection.opened + self.first_call_timeout && connection.is_without_call() {
                self.metrics.grpc_closed_without_call.inc();
                tracing::debug!(peer = ?connection.peer(), "closing a connection: none of its calls was answered in time");
                connection.closed.cancel();
            }
        }
        table.next_look = now + LOOK_INTERVAL.min(self.first_call_timeout);
        table.next_look
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionTable> {
        self.table.lock()
    }
}

/// Permit of an open connection. Dropped when the connection has ended.
pub(super) struct ConnectionPermit {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl ConnectionPermit {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns whether the connection has had an authenticated call.
    pub(super) fn is_trusted(&self) -> bool {
        self.connection.lock().is_trusted
    }

    /// Counts streams that the client reset. Returns how many it may reset in 10 s.
    pub(super) fn note_resets(&self, resets: usize) -> usize {
        let Self { connections, .. } = self;
        connections.metrics.grpc_resets.inc_by(resets as u64);
        if self.is_trusted() { connections.max_resets } else { STRANGERS_RESETS }
    }

    /// Closes the connection because its client resets too many streams.
    pub(super) fn close_for_resets(&self) {
        self.connections.metrics.grpc_closed_for_resets.inc();
        tracing::debug!(peer = ?self.connection.peer(), "closing a connection: its client resets too many streams");
        self.connection.closed.cancel();
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Self { connections, connection } = self;
        let mut table = connections.lock();
        table.open.remove(&connection.id);
        if connection.evicted.is_cancelled() {
            table.closing -= 1;
        }
        drop(table);
        connection.metrics.ended(connection.lock().is_trusted);
        connections.changed.notify_one();
    }
}

/// One connection.
pub(super) struct Connection {
    id: u64,
    pub(super) transport: Arc<Transport>,
    pub(super) info: TcpConnectInfo,
    opened: Instant,
    inner: Mutex<ConnectionState>,
    /// Set when the connection is closed for another.
    evicted: CancellationToken,
    /// Set when the connection is closed for any reason.
    closed: CancellationToken,
    became_idle: Arc<Notify>,
    metrics: ConnectionMetrics,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
struct ConnectionState {
    /// Calls under way.
    calls: usize,
    /// Time when `calls` last changed from or to 0.
    since: Instant,
    /// True if a call was answered.
    is_answered: bool,
    /// True after an authenticated call.
    is_trusted: bool,
}

impl ConnectionState {
    fn new() -> Self {
        Self { calls: 0, since: Instant::now(), is_answered: false, is_trusted: false }
    }
}

impl Connection {
    fn peer(&self) -> Option<SocketAddr> {
        self.transport.peer
    }

    /// Returns a token that is cancelled when the connection is to be closed.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Returns whether the connection has had neither an answered nor an authenticated call.
    fn is_without_call(&self) -> bool {
        let inner = *self.lock();
        !inner.is_answered && !inner.is_trusted
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionState> {
        self.inner.lock()
    }
}

impl Evictable for Connection {
    fn standing(&self) -> Standing {
        let ConnectionState { calls, since, is_answered, is_trusted } = *self.lock();
        match calls {
            0 if is_trusted => Standing::IdleTrusted { since },
            _ if is_trusted => Standing::BusyTrusted,
            0 if is_answered => Standing::Stranger { rank: 0, since, ready: since },
            // The client may be about to call.
            0 => Standing::Stranger { rank: 0, since, ready: since + GRACE },
            _ => Standing::Stranger { rank: 1, since, ready: since + GRACE },
        }
    }

    fn is_closing(&self) -> bool {
        self.closed.is_cancelled()
    }

    fn evict(&self) {
        self.evicted.cancel();
        self.closed.cancel();
    }
}

/// Notes an authenticated call on the connection of a request with these extensions.
pub(super) fn note_authenticated(extensions: &http::Extensions) {
    let Some(connection) = extensions.get::<Arc<Connection>>() else { return };
    let mut inner = connection.lock();
    if !inner.is_trusted {
        inner.is_trusted = true;
        connection.metrics.trusted();
    }
}

impl HasTransport for Arc<Connection> {
    fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }
}

/// A call under way, until it is dropped.
pub(super) struct CallGuard(Arc<Connection>);

impl CallGuard {
    pub(super) fn begin(connection: &Arc<Connection>) -> Self {
        let mut inner = connection.lock();
        if inner.calls == 0 {
            inner.since = Instant::now();
        }
        inner.calls += 1;
        drop(inner);
        Self(Arc::clone(connection))
    }

    pub(super) fn note_answer(&self) {
        self.0.lock().is_answered = true;
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.calls -= 1;
        if inner.calls == 0 {
            inner.since = Instant::now();
            drop(inner);
            self.0.became_idle.notify_one();
        }
    }
}
