//! Socket that reports its writes to the connection's [`Transport`].

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::transport::Transport;

/// Reports whether the socket accepts writes.
pub(super) struct ObservedSocket<IO> {
    io: IO,
    transport: Arc<Transport>,
}

impl<IO> ObservedSocket<IO> {
    pub(super) fn new(io: IO, transport: &Arc<Transport>) -> Self {
        Self { io, transport: Arc::clone(transport) }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for ObservedSocket<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.transport.is_input_ended() {
            return Poll::Ready(Ok(()));
        }
        if self.transport.is_input_ending() {
            // h2 flushes when it can read nothing.
            self.transport.pause_reader(cx.waker());
            return Poll::Pending;
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for ObservedSocket<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.transport.note_write(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.transport.note_write(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.transport.note_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn the_input_ends_after_a_flush() {
        let transport = Transport::new(None);
        let (io, mut client) = tokio::io::duplex(64);
        let mut io = ObservedSocket::new(io, &transport);
        client.write_all(b"sent").await.unwrap();
        assert_eq!(io.read(&mut [0; 64]).await.unwrap(), 4);
        client.write_all(b"more").await.unwrap();
        transport.end_input();
        let mut bytes = [0; 64];
        {
            let mut read = Box::pin(io.read(&mut bytes));
            assert!(poll!(&mut read).is_pending());
        }
        io.flush().await.unwrap();
        assert_eq!(io.read(&mut bytes).await.unwrap(), 0);
    }
}
