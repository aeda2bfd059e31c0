//! HTTP/2 connections of the gRPC listener: hyper serves them, the front answers their calls.
//!
//! tonic's `Server` is not used, because it hides what bounds memory here: hyper's setting for the bytes of answers that h2
//! keeps for each stream ([`SEND_BYTES`]), the connection's socket, whose writes are observed ([`ObservedSocket`]), and
//! hyper's executor, which runs each call in a task that can be ended on its own ([`StreamTask`]).

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::sleep,
};
use tonic::{body::Body, codegen::http, transport::server::Connected};
use tower::Service;

use super::{
    capacity,
    limits::Limits,
    observed::ObservedSocket,
    outgoing::SentBody,
    transport::{HasTransport, StreamTask, Transport},
};
use crate::observe::{metrics::Metrics, telemetry::LineLimit};

/// Streams that the server resets because of a client's protocol errors, over the life of a connection. Beyond it the
/// connection ends with ENHANCE_YOUR_CALM. Without a limit, a client could make the server reset streams faster than it
/// frees them (CVE-2025-8671). Clients and proxies that follow RFC 9113 cause none.
const MAX_ERROR_RESETS: usize = 1024;
/// HTTP/2 receive window of a stream: the bytes of a request that h2 keeps until the front reads them. The front reads them
/// at once, so requests of a few hundred bytes gain nothing from a larger window.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// HTTP/2 receive window of a connection. It is many times that of a stream: streams whose requests are not read, such as
/// those of reflection with unread answers, must not block the other calls of a proxy's connection. h2 also derives its
/// bound on small frames from it, which a burst of calls must not reach.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of an answer or stream that h2 buffers before the socket: enough to fill the socket's buffer at once.
const SEND_BYTES: usize = 128 * 1024;
/// Largest list of headers that h2 decodes. It answers a larger one with HTTP status 431. The front's own limit is lower, and
/// its answer has a gRPC status.
const MAX_DECODED_HEADER_BYTES: u32 = 32 * 1024;
/// Deadline of a drain for the answer to the PING that follows GOAWAY, for which hyper would wait forever. Beyond it the
/// connection is closed when its last call has ended.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// Time in which such a connection writes what is left and the client closes it. Beyond it the connection is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves all connections of a listener until `closing` completes, then waits until their streams have ended. The extensions
/// of a request have the connection's `ConnectInfo` and `Arc<Transport>`, and the call's `Arc<StreamTask>`.
pub(super) async fn serve<IO, S, B>(
    incoming: impl Stream<Item = io::Result<IO>>,
    service: S,
    limits: Limits,
    metrics: &Arc<Metrics>,
    closing: impl Future<Output = ()>,
) where
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    IO::ConnectInfo: HasTransport,
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Each connection holds a receiver until it has ended.
    let (shutdown, ended) = watch::channel(());
    let stuck = Arc::new(StuckConnections { metrics: Arc::clone(metrics), lines: LineLimit::new() });
    let accept = async {
        let mut incoming = pin!(incoming);
        // The incoming stream logs errors.
        while let Some(accepted) = incoming.next().await {
            if let Ok(io) = accepted {
                tokio::spawn(serve_connection(
                    io,
                    service.clone(),
                    limits,
                    Arc::clone(&stuck),
                    ended.clone(),
                ));
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
    limits: Limits,
    stuck: Arc<StuckConnections>,
    mut shutdown: watch::Receiver<()>,
) where
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    IO::ConnectInfo: HasTransport,
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let info = io.connect_info();
    let transport = Arc::clone(info.transport());
    let tasks = CallTasks { transport: Arc::clone(&transport), next: Arc::default() };
    let http2 = builder(tasks.clone(), &limits);
    let answer = {
        let transport = Arc::clone(&transport);
        service_fn(move |mut request: http::Request<Incoming>| {
            let extensions = request.extensions_mut();
            extensions.insert(info.clone());
            extensions.insert(Arc::clone(&transport));
            extensions.insert(tasks.expect_call());
            // The front is always ready.
            let answering = service.clone().call(request.map(Body::new));
            let transport = Arc::clone(&transport);
            async move { answering.await.map(|response| response.map(|body| SentBody::new(body, &transport))) }
        })
    };
    let io = TokioIo::new(ObservedSocket::new(io, &transport));
    let mut served = pin!(http2.serve_connection(io, answer));
    let mut is_stuck = pin!(stuck.wait(&transport, &limits));
    let result = tokio::select! {
        result = &mut served => result,
        () = &mut is_stuck => return,
        _ = shutdown.changed() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                result = &mut served => result,
                () = &mut is_stuck => return,
                () = async { sleep(GOAWAY_TIMEOUT).await; transport.idle().await } => {
                    transport.end_input();
                    tokio::select! {
                        result = &mut served => result,
                        () = sleep(CLOSE_TIMEOUT) => return,
                    }
                }
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, peer = transport.peer.map(tracing::field::display), "a gRPC connection failed");
    }
}

fn builder(tasks: CallTasks, limits: &Limits) -> http2::Builder<CallTasks> {
    let max_streams = capacity::connection_streams(limits.max_streams);
    let mut http2 = http2::Builder::new(tasks);
    http2
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout)
        .max_concurrent_streams(u32::try_from(max_streams).unwrap_or(u32::MAX))
        // After a pause, this process reads the calls and resets of all clients of a proxy at once. At h2's default of 20
        // it would end the connection, with the streams of all clients. Beyond the limit the connection ends with
        // ENHANCE_YOUR_CALM.
        .max_pending_accept_reset_streams(max_streams)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES)
        .max_header_list_size(MAX_DECODED_HEADER_BYTES);
    http2
}

/// Runs each call of a connection in a task of its own.
#[derive(Clone)]
struct CallTasks {
    transport: Arc<Transport>,
    /// Task of the call that hyper executes next. hyper creates a call's future and executes it before it reads the
    /// connection's next call.
    next: Arc<Mutex<Option<Arc<StreamTask>>>>,
}

impl CallTasks {
    /// Returns the task of the call that begins now.
    fn expect_call(&self) -> Arc<StreamTask> {
        let task = Arc::new(StreamTask::default());
        *self.next.lock() = Some(Arc::clone(&task));
        task
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for CallTasks {
    fn execute(&self, call: F) {
        let guard = self.transport.begin_task();
        let task = tokio::spawn(async move {
            call.await;
            drop(guard);
        });
        if let Some(next) = self.next.lock().take() {
            next.set(task.abort_handle());
        }
    }
}

/// Finds connections whose clients read nothing.
struct StuckConnections {
    metrics: Arc<Metrics>,
    lines: LineLimit,
}

impl StuckConnections {
    /// Completes when a connection is to be closed because its client reads nothing.
    async fn wait(&self, transport: &Transport, limits: &Limits) {
        // hyper ends a connection whose PING is not answered, but only after its last bytes are written.
        let keepalive = limits.keepalive_interval.saturating_add(limits.keepalive_timeout);
        tokio::select! {
            () = transport.stuck() => {}
            () = transport.unwritable(keepalive) => return,
        }
        self.metrics.grpc_closed_for_streams.inc();
        if let Some(left_out) = self.lines.next() {
            let peer = transport.peer.map(tracing::field::display);
            tracing::warn!(
                peer,
                left_out,
                "connection closed: its client reads nothing, and its calls cannot be reset one by one"
            );
        }
    }
}
