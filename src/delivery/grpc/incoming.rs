//! Accepts connections of the gRPC listener, waits for their TLS handshake and the HTTP/2 preface, and cuts them.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Sleep, sleep, sleep_until, timeout},
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::{
    connections::{Connection, ConnectionPermit, Connections},
    frames::Frames,
    resets::Resets,
    transport::Transport,
};
use crate::net::tls;

/// Time that a connection waits after its shutdown for the client to close it.
const LINGER: Duration = Duration::from_secs(1);
/// Deadline for the HTTP/2 preface. Beyond it the connection is closed: keepalive pings start only after the preface, so the
/// client could hold its permit indefinitely.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);
/// Length of the preface that every client sends first (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// Most unanswered calls of a connection before its first authenticated call. Beyond it the connection is not read until some
/// are answered. h2 keeps about 1 KiB for each. A client has so many only if it does not read, or sends calls faster than
/// the processors answer them.
const STRANGERS_UNANSWERED: usize = 32;
/// Most unanswered calls of a connection after its first authenticated call. Beyond it the connection is read no faster than
/// its client reads. It is still read, because calls of a proxy's clients may wait for their turn.
const MAX_UNANSWERED: usize = 1000;
/// Bytes that are read at once before the first authenticated call: up to 70 calls, by which the bound may be exceeded.
const STRANGERS_PIECE_BYTES: usize = 1024;
/// Pause after a failed accept, for example when no file descriptor is left.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Listener that returns connections in the order of their HTTP/2 prefaces.
pub(super) struct GrpcListener {
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    connections: Arc<Connections>,
    /// Accepted connection that is not admitted yet.
    waiting: Option<TcpStream>,
    /// Admitted connections that have not sent their prefaces.
    beginning: JoinSet<Option<CancellableStream>>,
    /// True if the last accept failed. Further failures are not logged.
    failed: bool,
}

impl GrpcListener {
    pub(super) fn new(
        listener: TcpListener,
        tls: Option<tls::Acceptor>,
        connections: Arc<Connections>,
    ) -> Self {
        Self { listener, tls, connections, waiting: None, beginning: JoinSet::new(), failed: false }
    }

    /// Waits for the next admitted connection with an HTTP/2 preface.
    pub(super) async fn next(mut self) -> Option<(io::Result<CancellableStream>, Self)> {
        loop {
            let mut look_again = self.connections.close_without_call();
            if let Some(stream) = self.waiting.take() {
                match self.connections.admit(stream.connect_info()) {
                    Ok(permit) => {
                        self.beginning.spawn(begin(stream, self.tls.clone(), permit));
                    }
                    Err(then) => {
                        self.waiting = Some(stream);
                        look_again = look_again.min(then);
                    }
                }
            }
            let is_waiting = self.waiting.is_some();
            tokio::select! {
                Some(ended) = self.beginning.join_next() => match ended {
                    Ok(Some(stream)) => return Some((Ok(stream), self)),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "the handshake of a connection panicked"),
                },
                accepted = self.listener.accept(), if !is_waiting => match accepted {
                    Ok((stream, peer)) => {
                        self.failed = false;
                        // tonic's own setting has no effect on connections that it did not accept.
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(%error, %peer, "could not set TCP_NODELAY");
                        }
                        self.waiting = Some(stream);
                    }
                    Err(error) => {
                        if !self.failed {
                            self.failed = true;
                            tracing::error!(%error, "cannot accept a gRPC connection; retrying");
                        }
                        sleep(ACCEPT_RETRY).await;
                    }
                },
                () = self.connections.changed(), if is_waiting => {}
                () = sleep_until(look_again) => {}
            }
        }
    }
}

/// Waits for the TLS handshake, if TLS is on, and the HTTP/2 preface. Returns `None` if either failed, or if the connection
/// was closed for another.
async fn begin(
    stream: TcpStream,
    tls: Option<tls::Acceptor>,
    permit: ConnectionPermit,
) -> Option<CancellableStream> {
    let peer = stream.peer_addr().ok()?;
    let closed = permit.connection().closed();
    let mut preface = vec![0; PREFACE_BYTES];
    let read = async {
        let mut stream = tls::accept(tls.as_ref(), stream, peer).await?;
        // h2 checks the content.
        match timeout(PREFACE_TIMEOUT, stream.read_exact(&mut preface)).await {
            Ok(Ok(_)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%error, %peer, "a connection ended before its HTTP/2 preface"),
            Err(_) => tracing::debug!(%peer, "a connection sent no HTTP/2 preface in time"),
        }
        None
    };
    let stream = closed.run_until_cancelled(read).await??;
    let closed = Box::pin(closed.cancelled_owned());
    Some(CancellableStream {
        stream,
        unread: preface.into(),
        closed,
        frames: Frames::default(),
        resets: Resets::default(),
        has_written: true,
        lingering: None,
        permit,
    })
}

/// Connection that fails when it is closed. hyper's own shutdown would wait for every stream, also those whose clients read
/// nothing.
///
/// After the shutdown it reads until the client has closed it, too. The system resets a connection that is closed with unread
/// bytes, such as a window update, and the client loses what it has not read, such as `going_away`.
pub(super) struct CancellableStream {
    stream: tls::Io,
    /// Bytes that were read already: the preface.
    unread: Bytes,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    frames: Frames,
    resets: Resets,
    /// True if something was written or flushed since the last read.
    has_written: bool,
    /// Set at the shutdown: the end of the time to read on.
    lingering: Option<Pin<Box<Sleep>>>,
    permit: ConnectionPermit,
}

impl CancellableStream {
    /// Fails when the connection is closed. Reads and writes both check: while the client reads nothing, HTTP/2 waits to
    /// write, and reads nothing either.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.closed.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Reads from the client, unless too many of its calls are unanswered.
    fn poll_read_paced(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.must_pause() {
            self.transport().pause_reader(cx.waker());
            // The count may have changed before the waker was registered.
            if self.must_pause() {
                return Poll::Pending;
            }
        }
        let Self { stream, permit, .. } = self;
        if permit.is_trusted() {
            ready!(Pin::new(stream).poll_read(cx, buf))?;
        } else {
            let mut piece = [0; STRANGERS_PIECE_BYTES];
            let mut piece = ReadBuf::new(&mut piece[..STRANGERS_PIECE_BYTES.min(buf.remaining())]);
            ready!(Pin::new(stream).poll_read(cx, &mut piece))?;
            buf.put_slice(piece.filled());
        }
        self.has_written = false;
        Poll::Ready(Ok(()))
    }

    fn must_pause(&self) -> bool {
        let unanswered = self.frames.unanswered();
        // Most connections have few.
        if unanswered < STRANGERS_UNANSWERED {
            return false;
        }
        let unanswered = unanswered.saturating_sub(self.transport().arriving());
        if self.permit.is_trusted() {
            unanswered >= MAX_UNANSWERED && !self.has_written
        } else {
            unanswered >= STRANGERS_UNANSWERED
        }
    }

    /// Notes bytes that the socket accepted, or a flush. h2 flushes whenever it can read no more.
    fn note_written(&mut self, bytes: &[u8]) {
        let unanswered = self.frames.unanswered();
        self.frames.send(bytes);
        let has_changed = !self.has_written || self.frames.unanswered() < unanswered;
        self.has_written = true;
        if has_changed {
            self.transport().resume_reader();
        }
    }

    fn transport(&self) -> &Transport {
        &self.permit.connection().transport
    }
}

impl Connected for CancellableStream {
    type ConnectInfo = Arc<Connection>;

    fn connect_info(&self) -> Arc<Connection> {
        Arc::clone(self.permit.connection())
    }
}

impl AsyncRead for CancellableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        if !self.unread.is_empty() {
            let len = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread.split_to(len));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(self.poll_read_paced(cx, buf))?;
        let Self { frames, resets, permit, .. } = &mut *self;
        let found = frames.receive(&buf.filled()[before..]);
        if found > 0 && resets.exceed(found, permit.note_resets(found)) {
            permit.close_for_resets();
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CancellableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let len = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.note_written(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let len = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bytes))?;
        let mut left = len;
        for bytes in bytes {
            let written = left.min(bytes.len());
            self.note_written(&bytes[..written]);
            left -= written;
        }
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.note_written(&[]);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.lingering = Some(Box::pin(sleep(LINGER)));
        }
        let mut unread = [0; 1024];
        while self.closed.as_mut().poll(cx).is_pending() {
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

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::AsyncWriteExt as _;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::observe::metrics::{Labels, Metrics};

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /// Returns a client, its connection, and the listener.
    async fn connect(connections: Arc<Connections>) -> (TcpStream, CancellableStream, GrpcListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(PREFACE).await.unwrap();
        let (stream, incoming) = GrpcListener::new(listener, None, connections).next().await.unwrap();
        (client, stream.unwrap(), incoming)
    }

    fn metrics() -> Arc<Metrics> {
        Arc::new(Metrics::new([], &Labels::default()))
    }

    #[tokio::test]
    async fn a_connection_on_which_no_call_is_answered_in_time_is_closed() {
        let metrics = metrics();
        let timeout = Duration::from_millis(50);
        let connections = Connections::new(10, timeout, 10, CancellationToken::new(), &metrics);
        let (_client, mut stream, incoming) = connect(connections).await;
        let mut bytes = Vec::new();
        let error = tokio::select! {
            read = stream.read_to_end(&mut bytes) => read.unwrap_err(),
            _ = incoming.next() => unreachable!("there is no other connection"),
        };
        assert_eq!((&*bytes, error.kind()), (PREFACE, io::ErrorKind::ConnectionAborted));
        assert_eq!(metrics.grpc_closed_without_call.get(), 1);
        assert_eq!(metrics.grpc_connections.unauthenticated.get(), 1);
        drop(stream);
        assert_eq!(metrics.grpc_connections.unauthenticated.get(), 0);
    }

    /// Returns an empty HEADERS frame of a call or its answer.
    fn headers(call: u32) -> Vec<u8> {
        [&[0, 0, 0, 1, 5][..], &(2 * call + 1).to_be_bytes()].concat()
    }

    #[tokio::test]
    async fn a_stranger_whose_calls_are_not_answered_yet_is_not_read() {
        let connections =
            Connections::new(10, Duration::from_secs(60), 10, CancellationToken::new(), &metrics());
        let (mut client, mut stream, _incoming) = connect(connections).await;
        let calls: Vec<u8> = (0..1000).flat_map(headers).collect();
        client.write_all(&calls).await.unwrap();
        stream.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
        let mut read = vec![0; calls.len()];
        let piece = stream.read(&mut read).await.unwrap();
        assert_eq!(piece, STRANGERS_PIECE_BYTES);
        let mut rest = Box::pin(stream.read(&mut read[piece..]));
        assert!(poll!(&mut rest).is_pending());
        drop(rest);
        // All of these but the last 32 are answered.
        let begun = piece.div_ceil(headers(0).len());
        for call in (0..).take(begun - STRANGERS_UNANSWERED) {
            let mut more = Box::pin(stream.read(&mut read[piece..]));
            assert!(poll!(&mut more).is_pending());
            drop(more);
            stream.write_all(&headers(call)).await.unwrap();
        }
        // A call whose request is arriving does not count.
        let _arrival = stream.permit.connection().transport.begin_arrival();
        let more = stream.read(&mut read[piece..]).await.unwrap();
        assert!(more > 0 && calls.starts_with(&read[..piece + more]));
    }
}
