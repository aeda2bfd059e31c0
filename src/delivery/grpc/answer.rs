//! Bodies of answers other than `Subscribe` streams. The connection gets them piece by piece.
//!
//! tonic's own body has one frame for each message, which hyper and h2 hold as a whole as soon as the client has opened its
//! window by one byte. Here the bytes stay in the [`Call`] until the client reads, so that the gateway can free them.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body as _, Frame};
use tonic::{Status, body::Body, codegen::http::HeaderMap};

use super::{
    calls::{AnswerPart, Call},
    limits::PIECE_BYTES,
    status,
};
use crate::net::shutdown::Drain;

/// Size of the first piece. Sizes double up to [`PIECE_BYTES`], so that an unread answer leaves little behind.
const FIRST_PIECE_BYTES: usize = 1024;

/// Messages of an answer, and its status as trailers.
pub(super) struct AnswerBody {
    messages: Body,
    call: Call,
    piece_bytes: usize,
    /// Completes when the drain ends streams.
    ending: BoxFuture<'static, ()>,
    is_done: bool,
}

impl AnswerBody {
    pub(super) fn new(messages: Body, call: Call, drain: Drain) -> Self {
        let ending = Box::pin(async move { drain.ending().await });
        Self { messages, call, piece_bytes: FIRST_PIECE_BYTES, ending, is_done: false }
    }

    fn end(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.is_done = true;
        self.call.hand_over();
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            match ready!(self.call.take(cx, self.piece_bytes)) {
                AnswerPart::Piece(piece) => {
                    self.piece_bytes = (2 * self.piece_bytes).min(PIECE_BYTES);
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                AnswerPart::Ended(status) => return Poll::Ready(Some(self.end(&status))),
                AnswerPart::Nothing => {}
            }
            match Pin::new(&mut self.messages).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(messages) if messages.is_empty() => {}
                    Ok(messages) => {
                        if let Err(status) = self.call.put(messages) {
                            return Poll::Ready(Some(self.end(&status)));
                        }
                    }
                    Err(trailers) => {
                        self.is_done = true;
                        self.call.hand_over();
                        return Poll::Ready(Some(Ok(trailers)));
                    }
                },
                Poll::Ready(end) => {
                    self.is_done = true;
                    return Poll::Ready(end);
                }
                Poll::Pending => {
                    let ended = self.call.poll_idle(cx);
                    if let Poll::Ready(status) = ended {
                        return Poll::Ready(Some(self.end(&status)));
                    }
                    ready!(self.ending.as_mut().poll(cx));
                    return Poll::Ready(Some(self.end(&status::shutting_down())));
                }
            }
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_done { Poll::Ready(None) } else { self.poll_next(cx) }
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }
}
