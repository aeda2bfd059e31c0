//! The gRPC listener: its services, its connections, and its end.

use std::{
    fmt,
    future::{Future, pending},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Sleep, sleep, timeout},
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tonic_health::pb::health_server::HealthServer;

use super::{
    Limits,
    admin_service::AdminService,
    body::WithEventBodies,
    caller::Guard,
    event_service::{EventService, LISTS_AT_ONCE},
    front::{Front, Services},
    generated::{admin_service_server::AdminServiceServer, event_service_server::EventServiceServer},
    health::{Health, HealthService},
    reflection,
    streams::Streams,
    transport,
};
use crate::{access::Access, log::EventLog, refusals::Refusals, shutdown::Drain, tls};

/// How long a connection that was shut down waits for its client to close it.
const LINGER: Duration = Duration::from_secs(1);
/// How long a client may take for the beginning of its HTTP/2: until then keepalive
/// pings do not reach it, and it would hold a place for as long as it likes.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);
/// What every client begins with, by RFC 9113, section 3.4.
const PREFACE_BYTES: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// Pause after a failed accept, as when no file descriptor is left.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What is served.
pub struct Served {
    /// The events.
    pub log: Arc<dyn EventLog>,
    /// The streams that read them.
    pub streams: Arc<Streams>,
    /// Who may call. When it changes, streams of tokens that are no longer in it, or
    /// that have other rights there, end.
    pub access: watch::Receiver<Arc<Access>>,
    /// What was refused.
    pub refusals: Arc<Refusals>,
    /// What `grpc.health.v1.Health` reports.
    pub health: Health,
    /// What the gateway calls itself, for operators.
    pub replica: Arc<str>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}

/// Serves gRPC, with TLS if it is given, until `drain` closes the listener and every
/// stream has ended, or `drain` cuts connections.
pub async fn serve(
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    served: Served,
    limits: Limits,
    drain: Drain,
) {
    let Served { log, streams, access, refusals, health, replica } = served;
    let metrics = streams.metrics();
    let guard = Guard { access: access.clone(), metrics: Arc::clone(metrics) };
    let event_service = EventService {
        log: Arc::clone(&log),
        streams: Arc::clone(&streams),
        guard: guard.clone(),
        limits,
        drain: drain.clone(),
        lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
    };
    let health_service = HealthService::new(health, limits.max_streams, Arc::clone(metrics), drain.clone());
    let services = Services {
        events: WithEventBodies(EventServiceServer::new(event_service)),
        admin: AdminServiceServer::new(AdminService {
            log,
            streams: Arc::clone(&streams),
            refusals,
            replica,
        }),
        health: HealthServer::new(health_service),
        reflection: reflection::server(),
    };
    let front = Front::new(services, guard, drain.clone(), limits.max_streams, limits.stall_timeout);
    let incoming =
        stream::unfold(Incoming::new(listener, tls, limits.max_connections, drain.clone()), Incoming::next);
    tokio::select! {
        () = transport::serve(incoming, front.clone(), &limits, drain.closing()) => {}
        never = front.watch() => never,
        never = streams.watch() => never,
        never = revoke(access, &streams) => never,
    }
}

/// Ends the streams of callers that may no longer do what they do, until it is dropped.
async fn revoke<T>(mut access: watch::Receiver<Arc<Access>>, streams: &Streams) -> T {
    while access.changed().await.is_ok() {
        let access = Arc::clone(&access.borrow_and_update());
        streams.revoke(&access);
    }
    pending().await
}

/// The connections of a listener, a bounded number at once.
struct Incoming {
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    /// Those that have not begun to speak HTTP/2 yet; each has its place.
    beginning: JoinSet<Option<CuttableStream>>,
    places: Arc<Semaphore>,
    drain: Drain,
    /// The last accept failed, and that has been logged.
    failed: bool,
    /// No place was left for the last one, and that has been logged.
    full: bool,
}

impl Incoming {
    fn new(listener: TcpListener, tls: Option<tls::Acceptor>, max_connections: usize, drain: Drain) -> Self {
        let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        Self { listener, tls, beginning: JoinSet::new(), places, drain, failed: false, full: false }
    }

    /// The next connection that speaks HTTP/2, once there is a place for it.
    async fn next(mut self) -> Option<(io::Result<CuttableStream>, Self)> {
        loop {
            let is_full = self.places.available_permits() == 0;
            if is_full && !self.full {
                tracing::warn!("there are as many gRPC connections as there may be; further ones wait");
            }
            self.full = is_full;
            let place = Arc::clone(&self.places);
            let accept = async {
                let place = place.acquire_owned().await;
                (self.listener.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                Some(ended) = self.beginning.join_next() => match ended {
                    Ok(Some(stream)) => return Some((Ok(stream), self)),
                    Ok(None) => continue,
                    Err(error) => {
                        tracing::error!(%error, "the beginning of a connection panicked");
                        continue;
                    }
                },
                accepted = accept => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.failed = false;
                    // Here, because tonic's own setting does nothing for connections that it is given.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, %peer, "could not set TCP_NODELAY");
                    }
                    let (tls, cut) = (self.tls.clone(), self.drain.until_cut());
                    self.beginning.spawn(begin(stream, peer, tls, cut, place.ok()?));
                }
                Err(error) => {
                    if !self.failed {
                        self.failed = true;
                        tracing::error!(%error, "could not accept a connection; trying again until it works");
                    }
                    // tonic would try again at once.
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

/// Waits until a client has made its TLS handshake, if there is TLS, and begun to
/// speak HTTP/2. `None`: it failed.
async fn begin(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<tls::Acceptor>,
    cut: WaitForCancellationFutureOwned,
    place: OwnedSemaphorePermit,
) -> Option<CuttableStream> {
    let info = stream.connect_info();
    let mut stream = tls::accept(tls.as_ref(), stream, peer).await?;
    let mut preface = vec![0; PREFACE_BYTES];
    // Whether it is one is for HTTP/2 to say.
    match timeout(PREFACE_TIMEOUT, stream.read_exact(&mut preface)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::debug!(%error, %peer, "a connection ended before it spoke HTTP/2");
            return None;
        }
        Err(_) => {
            tracing::debug!(%peer, "a connection did not speak HTTP/2 in time");
            return None;
        }
    }
    let (unread, cut) = (preface.into(), Box::pin(cut));
    Some(CuttableStream { stream, unread, info, cut, lingering: None, _place: place })
}

/// A connection that fails when connections are cut: tonic's own shutdown waits
/// for every stream, also one whose client reads nothing.
///
/// Once it is shut down, it reads on until the client has closed it too. The system
/// resets a connection that is closed with something unread, such as an update of
/// a window, and what the client has not read by then is lost: `going_away`, perhaps.
struct CuttableStream {
    stream: tls::Io,
    /// What was read of it already.
    unread: Bytes,
    info: TcpConnectInfo,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Set when it was shut down: until when to read on.
    lingering: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connected for CuttableStream {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if !self.unread.is_empty() {
            let len = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread.split_to(len));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.lingering = Some(Box::pin(sleep(LINGER)));
        }
        let mut unread = [0; 1024];
        while self.cut.as_mut().poll(cx).is_pending() {
            let mut unread = ReadBuf::new(&mut unread);
            match Pin::new(&mut self.stream).poll_read(cx, &mut unread) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() => {}
                Poll::Ready(_) => break,
                Poll::Pending => match &mut self.lingering {
                    Some(over) => {
                        ready!(over.as_mut().poll(cx));
                        break;
                    }
                    None => break,
                },
            }
        }
        Poll::Ready(Ok(()))
    }
}
