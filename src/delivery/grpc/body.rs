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
    Encoded,
    codec::PREFIX_BYTES,
    status,
    streams::{CLIENT_GONE, Slot, State, Streams},
};

/// What of a body is handed to the connection at once: a frame of HTTP/2.
pub(super) const PIECE_BYTES: usize = 16 * 1024;

/// A stream's messages, and its status as trailers.
pub(super) struct EventBody {
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
    pub(super) fn into_response(self) -> Response<NoStream> {
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
                        slot.note_taking(streams, polled.is_ready());
                        match polled {
                            Poll::Ready(Some(Ok(messages))) => open.rest = Rest::new(messages),
                            Poll::Ready(Some(Err(status))) => break status,
                            Poll::Ready(None) => break Status::ok(""),
                            // It may have been taken back before the waker was there.
                            Poll::Pending if slot.is_revoked(Some(cx.waker())) => continue,
                            Poll::Pending => return Poll::Pending,
                        }
                    } else {
                        slot.note_taking(streams, true);
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

/// Messages that were taken up, of which some may have been handed to the connection.
#[derive(Debug, Default)]
pub(super) struct Rest {
    messages: Bytes,
    /// How many bytes of them were handed on.
    handed_on: usize,
}

impl Rest {
    fn new(messages: Bytes) -> Self {
        Self { messages, handed_on: 0 }
    }

    fn is_empty(&self) -> bool {
        self.handed_on == self.messages.len()
    }

    fn take_piece(&mut self) -> Bytes {
        let end = self.messages.len().min(self.handed_on + PIECE_BYTES);
        let piece = self.messages.slice(self.handed_on..end);
        self.handed_on = end;
        piece
    }

    /// What is left of the message of which a part was handed on: without it the client would
    /// take the status for a broken stream. Of its own, so that it keeps nothing else.
    pub(super) fn of_message_in_hand(&self) -> Self {
        let mut end = 0;
        while end < self.handed_on {
            let len = self.messages[end + 1..].first_chunk().map_or(0, |len| u32::from_be_bytes(*len));
            end += PREFIX_BYTES + len as usize;
        }
        Self::new(Bytes::copy_from_slice(&self.messages[self.handed_on..end]))
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
pub(super) type NoStream = stream::Empty<Result<Encoded, Status>>;

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
pub(super) struct WithEventBodies<S>(pub(super) S);

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of these lengths, of which so many bytes were handed on.
    fn rest(lens: &[usize], handed_on: usize) -> Rest {
        let mut messages = Vec::new();
        for len in lens {
            messages.push(0);
            messages.extend((*len as u32).to_be_bytes());
            messages.extend(vec![7; *len]);
        }
        Rest { messages: messages.into(), handed_on }
    }

    #[test]
    fn a_message_of_which_a_part_was_handed_on_is_finished_and_no_other_begun() {
        let left = |handed_on| rest(&[10, 0, 20], handed_on).of_message_in_hand().messages.len();
        assert_eq!(left(0), 0);
        assert_eq!(left(1), 14);
        assert_eq!(left(14), 1);
        assert_eq!(left(15), 0, "between two messages");
        assert_eq!(left(17), 3, "in a prefix");
        assert_eq!(left(20), 0);
        assert_eq!(left(22), 23);
        assert_eq!(left(45), 0);
    }

    #[test]
    fn all_of_it_is_handed_on_in_pieces() {
        let mut all = rest(&[PIECE_BYTES, 100], 0);
        let mut lens = Vec::new();
        while !all.is_empty() {
            lens.push(all.take_piece().len());
        }
        assert_eq!(lens, [PIECE_BYTES, 100 + 2 * PREFIX_BYTES]);
    }
}
