//! Layer that counts the calls of each connection, for [`connections`](super::connections).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::codegen::http;
use tower::{Layer, Service};

use super::connections::{CallGuard, Connection};

/// Counts the calls of each connection, from their headers to the end of their answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrackCalls;

impl<S> Layer<S> for TrackCalls {
    type Service = TrackCallsService<S>;

    fn layer(&self, service: S) -> TrackCallsService<S> {
        TrackCallsService(service)
    }
}

#[derive(Debug, Clone)]
pub(super) struct TrackCallsService<S>(S);

impl<S, A, B> Service<http::Request<A>> for TrackCallsService<S>
where
    S: Service<http::Request<A>, Response = http::Response<B>>,
{
    type Response = http::Response<TrackedBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<A>) -> Self::Future {
        let connection = request.extensions().get::<Arc<Connection>>().cloned();
        if let Some(connection) = &connection {
            // tonic's `Request::remote_addr` reads it there.
            request.extensions_mut().insert(connection.info.clone());
        }
        let call = connection.as_ref().map(CallGuard::begin);
        ResponseFuture { response: self.0.call(request), call }
    }
}

pin_project! {
    /// Response to a call.
    pub(super) struct ResponseFuture<F> {
        #[pin]
        response: F,
        call: Option<CallGuard>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<http::Response<B>, E>>,
{
    type Output = Result<http::Response<TrackedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = ready!(this.response.poll(cx));
        let call = this.call.take();
        if let Some(call) = &call {
            call.note_answer();
        }
        Poll::Ready(answered.map(|response| response.map(|body| TrackedBody { body, _call: call })))
    }
}

pin_project! {
    /// Body of an answer. The call ends with it.
    pub(super) struct TrackedBody<B> {
        #[pin]
        body: B,
        _call: Option<CallGuard>,
    }
}

impl<B: Body> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
