//! Ends the streams of services that never end by themselves.
//!
//! `Health.Watch` and server reflection last as long as their client likes, and
//! would hold up a shutdown. When streams are to end, these end with UNAVAILABLE.
//! They need no token, so they also share a cap.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http_body::Frame;
use pin_project_lite::pin_project;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{body::Body, codegen::http, server::NamedService};
use tower::Service;

use super::status;
use crate::shutdown::Drain;

/// Calls of such services at once, all together; further ones get RESOURCE_EXHAUSTED.
pub(super) const MAX_CALLS: usize = 1000;

/// A gRPC service whose streams end when the gateway does.
#[derive(Debug, Clone)]
pub(super) struct Ending<S> {
    service: S,
    drain: Drain,
    /// Shared by all of them.
    places: Arc<Semaphore>,
}

impl<S> Ending<S> {
    pub(super) fn new(service: S, drain: Drain, places: &Arc<Semaphore>) -> Self {
        Self { service, drain, places: Arc::clone(places) }
    }
}

impl<S: NamedService> NamedService for Ending<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Ending<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let drain = self.drain.clone();
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Box::pin(async { Ok(status::too_many_calls().into_http()) });
        };
        let response = self.service.call(request);
        Box::pin(async move {
            let mut ending = async move { drain.ending().await }.boxed();
            tokio::select! {
                response = response => {
                    Ok(response?.map(|body| Body::new(EndingBody { body, ending: Some(ending), place })))
                }
                // A client that never sends its message.
                () = &mut ending => Ok(status::shutting_down().into_http()),
            }
        })
    }
}

pin_project! {
    struct EndingBody {
        #[pin]
        body: Body,
        // `None` once it was ended by us.
        ending: Option<BoxFuture<'static, ()>>,
        place: OwnedSemaphorePermit,
    }
}

impl http_body::Body for EndingBody {
    type Data = <Body as http_body::Body>::Data;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let Some(ending) = this.ending else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(ending.as_mut().poll(cx));
        *this.ending = None;
        let mut trailers = http::HeaderMap::new();
        Poll::Ready(match status::shutting_down().add_header(&mut trailers) {
            Ok(()) => Some(Ok(Frame::trailers(trailers))),
            Err(status) => Some(Err(status)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ending.is_none() || self.body.is_end_stream()
    }
}
