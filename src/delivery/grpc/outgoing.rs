//! Response bodies that end only when h2 has written their bytes.
//!
//! hyper ends a call's task as soon as it has queued the last bytes and the trailers in h2. After that no task owns the
//! stream, and h2 keeps the queued bytes until the client reads or leaves. A client with a small HTTP/2 window could so
//! leave thousands of answers in memory that no bound counts. [`SentBody`] holds the trailers back until h2 has written
//! or dropped all bytes before them. Until then the call keeps its permit and its task, and can be reset.
//!
//! hyper and h2 are generic over the bytes of a body and cannot clone them, so each [`Piece`] counts itself: an atomic
//! addition when it is created and a subtraction when it is dropped. `Bytes::from_owner` would do the same, with an
//! allocation for each piece of each stream.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::codegen::http::HeaderMap;

use super::transport::Transport;

pin_project! {
    /// A response's body whose last frame follows when all others were written.
    pub(super) struct SentBody<B> {
        #[pin]
        body: B,
        unsent: BodyHandle,
        trailers: Option<HeaderMap>,
        is_done: bool,
    }
}

impl<B> SentBody<B> {
    pub(super) fn new(body: B, transport: &Arc<Transport>) -> Self {
        let unsent = Unsent {
            state: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
            transport: Arc::clone(transport),
        };
        Self { body, unsent: BodyHandle(Arc::new(unsent)), trailers: None, is_done: false }
    }
}

impl<B: Body<Data = Bytes>> Body for SentBody<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        let this = self.project();
        if !*this.is_done {
            match ready!(this.body.poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(this.unsent.piece(bytes))))),
                    Err(frame) => *this.trailers = frame.into_trailers().ok(),
                },
                // hyper resets the stream.
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {}
            }
            *this.is_done = true;
        }
        ready!(this.unsent.0.poll_sent(cx));
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        !self.is_done && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Set in [`Unsent::state`] when the body was dropped while h2 held pieces of it.
const ABANDONED: usize = 1;
/// Added to [`Unsent::state`] for each piece.
const PIECE: usize = 2;

/// Pieces of a body that hyper and h2 hold.
#[derive(Debug)]
struct Unsent {
    /// Sum of [`PIECE`] for each piece, and [`ABANDONED`].
    state: AtomicUsize,
    /// Waker of the body, which waits until all pieces are sent.
    waker: AtomicWaker,
    transport: Arc<Transport>,
}

impl Unsent {
    fn has_pieces(&self) -> bool {
        self.state.load(Ordering::Acquire) >= PIECE
    }

    fn poll_sent(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.has_pieces() {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        // The last piece may have been dropped before the waker was registered.
        if self.has_pieces() { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// The body's share of [`Unsent`]. Dropped with the body.
struct BodyHandle(Arc<Unsent>);

impl BodyHandle {
    /// Returns the bytes as a piece, which is counted until it is dropped.
    fn piece(&self, bytes: Bytes) -> Piece {
        self.0.state.fetch_add(PIECE, Ordering::Relaxed);
        Piece { bytes, unsent: Arc::clone(&self.0) }
    }
}

impl Drop for BodyHandle {
    fn drop(&mut self) {
        let Unsent { state, transport, .. } = &*self.0;
        // Only the body adds pieces.
        if !self.0.has_pieces() {
            return;
        }
        // Before the flag is set: the piece that sees the flag counts the body as freed.
        transport.note_abandoned();
        if state.fetch_or(ABANDONED, Ordering::AcqRel) < PIECE {
            // The last piece was dropped before the flag was set.
            transport.note_freed();
        }
    }
}

/// Bytes that hyper or h2 holds.
pub(super) struct Piece {
    bytes: Bytes,
    unsent: Arc<Unsent>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        match self.unsent.state.fetch_sub(PIECE, Ordering::AcqRel) - PIECE {
            0 => self.unsent.waker.wake(),
            ABANDONED => self.unsent.transport.note_freed(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{poll, stream};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    /// Creates a body with these pieces and with trailers.
    fn body(
        transport: &Arc<Transport>,
        pieces: &[&'static str],
    ) -> SentBody<impl Body<Data = Bytes> + Unpin + use<>> {
        let data = pieces.iter().map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        let frames: Vec<_> =
            data.chain([Frame::trailers(HeaderMap::new())]).map(Ok::<_, Infallible>).collect();
        SentBody::new(StreamBody::new(stream::iter(frames)), transport)
    }

    #[tokio::test]
    async fn the_trailers_follow_once_all_bytes_were_written() {
        let transport = Transport::new(None);
        let mut body = body(&transport, &["one", "two"]);
        let mut one = body.frame().await.unwrap().ok().unwrap().into_data().ok().unwrap();
        let two = body.frame().await.unwrap().ok().unwrap().into_data().ok().unwrap();
        assert_eq!((one.chunk(), two.chunk()), (&b"one"[..], &b"two"[..]));
        drop(two);
        let mut last = Box::pin(body.frame());
        assert!(poll!(&mut last).is_pending(), "the first piece is left");
        one.advance(3);
        assert!(poll!(&mut last).is_pending(), "h2 holds the first piece until it drops it");
        drop(one);
        assert!(last.await.unwrap().ok().unwrap().is_trailers());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_body_that_waits_is_woken_by_the_last_piece() {
        let transport = Transport::new(None);
        let mut body = body(&transport, &["one"]);
        let one = body.frame().await;
        let last = tokio::spawn(async move { body.frame().await.unwrap().ok().unwrap().is_trailers() });
        tokio::task::yield_now().await;
        drop(one);
        assert!(last.await.unwrap());
    }

    #[tokio::test]
    async fn bytes_of_a_dropped_body_are_abandoned_until_h2_drops_them() {
        let transport = Transport::new(None);
        let mut written = body(&transport, &["one"]);
        drop(written.frame().await);
        drop(written);
        assert!(!transport.has_abandoned());
        let mut left = body(&transport, &["one", "two"]);
        let [one, two] = [left.frame().await, left.frame().await];
        drop(left);
        assert!(transport.has_abandoned());
        drop(one);
        assert!(transport.has_abandoned());
        drop(two);
        assert!(!transport.has_abandoned());
    }

    #[test]
    fn no_body_stays_abandoned_when_both_ends_are_dropped_at_the_same_time() {
        let transport = Transport::new(None);
        for _ in 0..1000 {
            let body = body(&transport, &[]);
            let piece = body.unsent.piece(Bytes::from_static(b"one"));
            std::thread::scope(|scope| {
                scope.spawn(|| drop(piece));
                drop(body);
            });
            assert!(!transport.has_abandoned());
        }
    }
}
