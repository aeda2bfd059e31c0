//! HTTP/2 connections of the gRPC listener: hyper serves them, the front answers their calls.
//!
//! tonic's `Server` is not used here. It hides two of hyper's settings that bound memory: the bytes of answers that h2
//! keeps for each stream ([`SEND_BYTES`]), and with it the place where a connection's writes can be observed. A client
//! that opens its HTTP/2 windows and stops reading from the socket would otherwise have h2 buffer 400 KiB for each call.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
};
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    codegen::http,
    transport::server::{Connected, TcpConnectInfo},
};
use tower::Service;

use super::Limits;

/// Calls on one connection beyond the cap on streams. A proxy puts all of its
/// clients' calls on one connection, and beyond HTTP/2's own limit a client waits
/// without knowing why: so that limit is never reached before the cap, which
/// answers RESOURCE_EXHAUSTED.
///
/// As many calls may have been reset by their clients before this server has begun them: after a pause of this process
/// it finds the calls and the resets of all of a proxy's clients at once. h2's default of 20 would end the connection,
/// and with it the streams of all clients. Beyond it the connection ends with ENHANCE_YOUR_CALM.
pub(super) const OTHER_CALLS: usize = 1000;
/// Streams that this server resets because of a client's protocol errors, on one connection and over its life. Beyond it
/// the connection ends with ENHANCE_YOUR_CALM: without a limit, a client could have the server reset streams faster than
/// it frees them (CVE-2025-8671). Clients and proxies that follow RFC 9113 cause none.
const MAX_ERROR_RESETS: usize = 1024;
/// HTTP/2 receive window of a stream: the bytes of a request that h2 keeps until the front reads them. The front reads at
/// once, so a larger window would gain nothing for requests of a few hundred bytes.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The same of a connection. Many times a stream's, so that streams whose requests are not read, as those of reflection
/// while its answers are not, do not keep the other calls of a proxy's connection from sending. h2 also derives its bound
/// on small frames from it, which a burst of calls must not reach.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of an answer or stream that h2 takes beyond what the socket took: enough to fill the socket's buffer at once.
const SEND_BYTES: usize = 128 * 1024;
/// Largest list of headers that h2 decodes; it answers a larger one with HTTP status 431. Above the front's own limit,
/// whose answer has a gRPC status.
const MAX_DECODED_HEADER_BYTES: u32 = 32 * 1024;

/// A connection's socket, as the bodies of its answers see it.
#[derive(Debug)]
pub(super) struct Transport {
    /// Unique in this process.
    pub(super) id: u64,
    pub(super) peer: Option<SocketAddr>,
    /// Whether the socket took less than it was given last.
    is_blocked: AtomicBool,
    waiting: Mutex<Waiting>,
    closed: CancellationToken,
}

/// Bodies that wait until the socket takes bytes, by call.
#[derive(Debug, Default)]
struct Waiting {
    wakers: HashMap<u64, Waker>,
    /// Bodies that were woken. Each may hand over one piece, even if others have filled the socket again by then: streams
    /// that always have something ready must not starve them.
    granted: HashSet<u64>,
}

impl Transport {
    pub(super) fn new(peer: Option<SocketAddr>) -> Arc<Self> {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
            peer,
            is_blocked: AtomicBool::new(false),
            waiting: Mutex::default(),
            closed: CancellationToken::new(),
        })
    }

    /// Completes once the socket takes bytes.
    pub(super) fn poll_writable(&self, call: u64, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_blocked.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting();
        if waiting.granted.remove(&call) {
            return Poll::Ready(());
        }
        waiting.wakers.insert(call, cx.waker().clone());
        drop(waiting);
        // It may have become writable before the waker was there.
        if self.is_blocked.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Forgets a call that waits no more.
    pub(super) fn forget(&self, call: u64) {
        let mut waiting = self.waiting();
        waiting.wakers.remove(&call);
        waiting.granted.remove(&call);
    }

    /// Closes the connection with all its streams.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    fn note_write<T>(&self, written: &Poll<T>) {
        if written.is_pending() {
            self.is_blocked.store(true, Ordering::SeqCst);
        } else if self.is_blocked.swap(false, Ordering::SeqCst) {
            let mut waiting = self.waiting();
            let wakers = std::mem::take(&mut waiting.wakers);
            waiting.granted.extend(wakers.keys());
            drop(waiting);
            wakers.into_values().for_each(Waker::wake);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves all connections of a listener until `closing` completes; then lets their streams end. The service finds a
/// connection's `ConnectInfo` and `Arc<Transport>` in its requests' extensions.
pub(super) async fn serve<IO, S, B>(
    incoming: impl Stream<Item = io::Result<IO>>,
    service: S,
    limits: &Limits,
    closing: impl Future<Output = ()>,
) where
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    IO::ConnectInfo: Peer,
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    let max_streams = limits.max_streams.saturating_add(OTHER_CALLS);
    http2
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout)
        .max_concurrent_streams(u32::try_from(max_streams).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(max_streams)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES)
        .max_header_list_size(MAX_DECODED_HEADER_BYTES);
    // Each connection holds a receiver until it has ended.
    let (shutdown, ended) = watch::channel(());
    let accept = async {
        let mut incoming = pin!(incoming);
        // The incoming stream logs what fails.
        while let Some(accepted) = incoming.next().await {
            if let Ok(io) = accepted {
                let (service, http2, shutdown) = (service.clone(), http2.clone(), ended.clone());
                tokio::spawn(serve_connection(io, service, http2, shutdown));
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = closing => {}
    }
    drop(ended);
    shutdown.send_replace(());
    shutdown.closed().await;
}

async fn serve_connection<IO, S, B>(
    io: IO,
    service: S,
    http2: http2::Builder<TokioExecutor>,
    mut shutdown: watch::Receiver<()>,
) where
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    IO::ConnectInfo: Peer,
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let info = io.connect_info();
    let transport = Transport::new(info.peer());
    let answer = {
        let transport = Arc::clone(&transport);
        service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(info.clone());
            request.extensions_mut().insert(Arc::clone(&transport));
            // It is always ready.
            service.clone().call(request.map(Body::new))
        })
    };
    let io = TokioIo::new(Observed { io, transport: Arc::clone(&transport) });
    let mut served = pin!(http2.serve_connection(io, answer));
    let result = tokio::select! {
        result = &mut served => result,
        () = transport.closed.cancelled() => return,
        _ = shutdown.changed() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                result = &mut served => result,
                () = transport.closed.cancelled() => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, peer = transport.peer.map(tracing::field::display), "a gRPC connection failed");
    }
}

/// What is known of a connection's other end.
pub(super) trait Peer {
    /// Its address.
    fn peer(&self) -> Option<SocketAddr>;
}

impl Peer for TcpConnectInfo {
    fn peer(&self) -> Option<SocketAddr> {
        self.remote_addr
    }
}

/// Notes whether the socket takes what is written.
struct Observed<IO> {
    io: IO,
    transport: Arc<Transport>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Observed<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Observed<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.transport.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.transport.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker;

    use super::*;

    #[test]
    fn a_body_waits_until_the_socket_takes_bytes() {
        let transport = Transport::new(None);
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        assert!(transport.poll_writable(1, &mut cx).is_ready());
        transport.note_write(&Poll::<()>::Pending);
        assert!(transport.poll_writable(1, &mut cx).is_pending());
        assert!(transport.poll_writable(2, &mut cx).is_pending());
        transport.forget(1);
        assert_eq!(transport.waiting().wakers.len(), 1);
        transport.note_write(&Poll::Ready(()));
        assert!(transport.waiting().wakers.is_empty(), "all were woken");
        assert!(transport.poll_writable(1, &mut cx).is_ready());
    }

    /// As when a stream fills it again before the body that was woken has its turn.
    #[test]
    fn a_body_that_waited_hands_over_one_piece_each_time_the_socket_took_something() {
        let transport = Transport::new(None);
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        transport.note_write(&Poll::<()>::Pending);
        for _ in 0..3 {
            assert!(transport.poll_writable(1, &mut cx).is_pending());
            transport.note_write(&Poll::Ready(()));
            transport.note_write(&Poll::<()>::Pending);
            assert!(transport.poll_writable(1, &mut cx).is_ready());
        }
        assert!(transport.poll_writable(1, &mut cx).is_pending());
        transport.note_write(&Poll::Ready(()));
        transport.forget(1);
        assert!(transport.waiting().granted.is_empty());
    }
}
