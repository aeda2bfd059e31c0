//! HTTP/2 connections of the gRPC listener: hyper serves them, the front answers their calls.
//!
//! tonic's `Server` is not used here. It hides two of hyper's settings that bound memory: the bytes of answers that h2
//! keeps for each stream ([`SEND_BYTES`]), and with it the place where a connection's writes can be observed. It also
//! hides hyper's executor, which gives each call a task that can be ended on its own ([`StreamTask`]).

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
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
/// How long a client has, once the gateway ends, to answer the PING that follows GOAWAY. hyper waits for it without a
/// bound. A connection that still has no answer then is closed when its last call has ended.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(1);
/// How long such a connection may take to close: to write what is left, and to see the client close it. Then it is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves all connections of a listener until `closing` completes; then lets their streams end. The service finds a
/// connection's `ConnectInfo` and `Arc<Transport>`, and the call's `Arc<StreamTask>`, in its requests' extensions.
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
        // The incoming stream logs what fails.
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
            // It is always ready.
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
        // After a pause of this process it finds the calls and the resets of all of a proxy's clients at once. h2's
        // default of 20 would end the connection, and with it the streams of all clients. Beyond the limit the connection
        // ends with ENHANCE_YOUR_CALM.
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
    /// Of the call that hyper hands over next. hyper creates a call's future and has it executed before it looks at the
    /// connection's next call.
    next: Arc<Mutex<Option<Arc<StreamTask>>>>,
}

impl CallTasks {
    /// Returns the task in which the call will run that begins now.
    fn expect_call(&self) -> Arc<StreamTask> {
        let task = Arc::new(StreamTask::default());
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&task));
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
        if let Some(next) = self.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            next.set(task.abort_handle());
        }
    }
}

/// Notices connections whose clients read nothing.
struct StuckConnections {
    metrics: Arc<Metrics>,
    lines: LineLimit,
}

impl StuckConnections {
    /// Completes when a connection is to be closed because its client reads nothing.
    async fn wait(&self, transport: &Transport, limits: &Limits) {
        // A PING without an answer has hyper end the connection, but not before its last bytes are written.
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
