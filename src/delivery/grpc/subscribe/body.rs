//! The body of a `Subscribe` response. It is ours and not tonic's, which copies every
//! message into a buffer of the stream: messages that were made once for all streams
//! go to the connection as they are, which saves a fifth of the CPU time of an event.
//!
//! Here is seen whether a client takes something: for the watch over stalled streams.

use std::{
    convert::Infallible,
    fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream};
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{
    Response, Status,
    body::Body,
    codegen::http::{self, HeaderMap},
};
use tower::Service;

use super::{
    super::{codec::Encoded, status},
    registry::Streams,
    slot::{Rest, Slot, State},
};

/// Why a stream ended that its client left, or whose connection was lost.
const CLIENT_GONE: &str = "CLIENT_GONE";

/// A stream's messages, and its status as trailers.
pub(in super::super) struct EventBody {
    streams: Arc<Streams>,
    slot: Arc<Slot>,
    /// Until its client is gone.
    _body: OwnedSemaphorePermit,
}

impl EventBody {
    pub(super) fn new(streams: Arc<Streams>, slot: Arc<Slot>, body: OwnedSemaphorePermit) -> Self {
        Self { streams, slot, _body: body }
    }

    /// A response that [`WithEventBodies`] gives this body.
    pub(in super::super) fn into_response(self) -> Response<NoStream> {
        let mut response = Response::new(stream::empty());
        response.extensions_mut().insert(Handover(Arc::new(Mutex::new(Some(self)))));
        response
    }

    /// The next piece, or the status at its end.
    fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        let Self { streams, slot, .. } = self;
        let mut state = slot.lock();
        let status = loop {
            match &mut *state {
                State::Open(_) if slot.is_revoked(None) => drop(state.leave(status::token_revoked())),
                State::Open(open) => {
                    if open.rest.is_empty() {
                        let polled = open.messages.as_mut().poll_next(cx);
                        slot.note_taking(polled.is_ready().then(|| streams.now()));
                        match polled {
                            Poll::Ready(Some(Ok(messages))) => open.rest = Rest::new(messages),
                            Poll::Ready(Some(Err(status))) => break status,
                            Poll::Ready(None) => break Status::ok(""),
                            // It may have been taken back before the waker was there.
                            Poll::Pending if slot.is_revoked(Some(cx.waker())) => continue,
                            Poll::Pending => return Poll::Pending,
                        }
                    } else {
                        slot.note_taking(Some(streams.now()));
                    }
                    return Poll::Ready(Some(Ok(open.rest.take_piece())));
                }
                State::Leaving(rest, _) if !rest.is_empty() => {
                    return Poll::Ready(Some(Ok(rest.take_piece())));
                }
                State::Leaving(_, status) => break status.clone(),
                State::Ended => return Poll::Ready(None),
            }
        };
        let ended = mem::replace(&mut *state, State::Ended);
        drop(state);
        drop(ended);
        streams.note_end(slot, &status::reason(&status));
        Poll::Ready(Some(Err(status)))
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.poll_piece(cx).map(|piece| {
            Some(match piece? {
                Ok(piece) => Ok(Frame::data(piece)),
                Err(status) => {
                    let mut trailers = HeaderMap::new();
                    status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))
                }
            })
        })
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        let ended = mem::replace(&mut *self.slot.lock(), State::Ended);
        drop(ended);
        self.streams.note_end(&self.slot, CLIENT_GONE);
        self.streams.note_gone(&self.slot);
    }
}

/// What tonic makes a body of, which is exchanged.
pub(in super::super) type NoStream = stream::Empty<Result<Encoded, Status>>;

/// A body on its way through tonic, which lets a service give it streams of messages only.
#[derive(Clone)]
struct Handover(Arc<Mutex<Option<EventBody>>>);

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handover")
    }
}

impl Handover {
    fn take(self) -> Option<EventBody> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A service whose responses have the bodies that were made for them.
#[derive(Debug, Clone)]
pub(in super::super) struct WithEventBodies<S>(pub(in super::super) S);

impl<S> Service<http::Request<Body>> for WithEventBodies<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let response = self.0.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            Ok(match response.extensions_mut().remove::<Handover>().and_then(Handover::take) {
                Some(body) => response.map(|_| Body::new(body)),
                None => response,
            })
        })
    }
}
