//! Bodies that end only when their bytes were written.
//!
//! hyper ends a call's task as soon as it has queued the last bytes and the trailers in h2. Nothing owns the stream from
//! then on, and what h2 queued of it stays until the client reads or leaves. A client with a small HTTP/2 window could so
//! leave thousands of answers in memory that no bound counts. [`SentBody`] holds the trailers back until h2 has written or
//! dropped everything before them: the call keeps its place and its task, and can be reset.

use std::{
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::codegen::http::HeaderMap;

use super::transport::Transport;

pin_project! {
    /// A response's body whose last frame follows when all others were written.
    pub(super) struct SentBody<B> {
        #[pin]
        body: B,
        unsent: Handle,
        trailers: Option<HeaderMap>,
        is_done: bool,
    }
}

impl<B> SentBody<B> {
    pub(super) fn new(body: B, transport: &Arc<Transport>) -> Self {
        let unsent = Unsent { state: Mutex::default(), transport: Arc::clone(transport) };
        Self { body, unsent: Handle(Arc::new(unsent)), trailers: None, is_done: false }
    }
}

impl<B: Body<Data = Bytes>> Body for SentBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if !*this.is_done {
            match ready!(this.body.poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(this.unsent.0.piece(bytes))))),
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

/// Bytes of a body that hyper and h2 hold.
#[derive(Debug)]
struct Unsent {
    state: Mutex<State>,
    transport: Arc<Transport>,
}

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    /// Of the body, which waits until they are sent.
    waker: Option<Waker>,
    /// Whether the body was dropped before.
    is_abandoned: bool,
}

impl Unsent {
    /// The same bytes, counted until their last copy is dropped.
    fn piece(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        if bytes.is_empty() {
            return bytes;
        }
        self.lock().bytes += bytes.len();
        Bytes::from_owner(Piece { bytes, unsent: Arc::clone(self) })
    }

    fn poll_sent(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.bytes == 0 {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body's part. Dropped with it.
struct Handle(Arc<Unsent>);

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.bytes > 0 {
            state.is_abandoned = true;
            // Under the lock, so that it comes before `note_freed`.
            self.0.transport.note_abandoned();
        }
    }
}

/// Bytes in the hands of hyper or h2.
struct Piece {
    bytes: Bytes,
    unsent: Arc<Unsent>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut state = self.unsent.lock();
        state.bytes -= self.bytes.len();
        if state.bytes > 0 {
            return;
        }
        let (waker, is_abandoned) = (state.waker.take(), mem::take(&mut state.is_abandoned));
        drop(state);
        if is_abandoned {
            self.unsent.transport.note_freed();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{poll, stream};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    /// A body of these pieces and trailers.
    fn body(
        transport: &Arc<Transport>,
        pieces: &[&'static str],
    ) -> SentBody<impl Body<Data = Bytes> + Unpin> {
        let data = pieces.iter().map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        let frames: Vec<_> =
            data.chain([Frame::trailers(HeaderMap::new())]).map(Ok::<_, Infallible>).collect();
        SentBody::new(StreamBody::new(stream::iter(frames)), transport)
    }

    #[tokio::test]
    async fn the_trailers_follow_once_all_bytes_were_written() {
        let transport = Transport::new(None);
        let mut body = body(&transport, &["one", "two"]);
        let one = body.frame().await.unwrap().ok().unwrap().into_data().unwrap();
        let two = body.frame().await.unwrap().ok().unwrap().into_data().unwrap();
        assert_eq!((&*one, &*two), (&b"one"[..], &b"two"[..]));
        let copy = one.clone();
        drop((one, two));
        let mut last = Box::pin(body.frame());
        assert!(poll!(&mut last).is_pending(), "a copy is left");
        drop(copy);
        assert!(last.await.unwrap().ok().unwrap().is_trailers());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn bytes_of_a_body_that_was_dropped_are_abandoned_until_h2_drops_them() {
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
}
