//! Sees at a response's body whether its client takes something: for the watch
//! over stalled streams.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use pin_project_lite::pin_project;
use tonic::{Status, body::Body, codegen::http, server::NamedService};
use tower::Service;

use super::streams::Taking;

/// What of a body is handed to the connection at once: a frame of HTTP/2.
pub(super) const PIECE_BYTES: usize = 16 * 1024;

/// A service whose streams' bodies are watched.
#[derive(Debug, Clone)]
pub(super) struct Watched<S>(pub(super) S);

impl<S: NamedService> NamedService for Watched<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Watched<S>
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
            Ok(match response.extensions_mut().remove::<Taking>() {
                Some(taking) => {
                    response.map(|body| Body::new(WatchedBody { body, rest: Bytes::new(), taking }))
                }
                None => response,
            })
        })
    }
}

pin_project! {
    /// Hands a body on in pieces, and notes each that is taken.
    struct WatchedBody {
        #[pin]
        body: Body,
        // What of a run of messages has not been handed on.
        rest: Bytes,
        taking: Taking,
    }
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        let this = self.project();
        if this.rest.is_empty() {
            let polled = this.body.poll_frame(cx);
            this.taking.note(polled.is_pending());
            match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        } else {
            this.taking.note(false);
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }
}
