//! Counts the calls that were refused for who made them.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tonic::{Code, Status, body::Body, codegen::http, server::NamedService};
use tower::Service;

use crate::metrics::{Denied, Metrics};

/// A service whose refused calls are counted.
#[derive(Debug, Clone)]
pub(super) struct Counted<S> {
    service: S,
    metrics: Arc<Metrics>,
}

impl<S> Counted<S> {
    pub(super) fn new(service: S, metrics: &Arc<Metrics>) -> Self {
        Self { service, metrics: Arc::clone(metrics) }
    }
}

impl<S: NamedService> NamedService for Counted<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Counted<S>
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
        let (response, metrics) = (self.service.call(request), Arc::clone(&self.metrics));
        Box::pin(async move {
            let response = response.await?;
            // Where nothing but a status is answered, it stands in the head.
            match Status::from_header_map(response.headers()).map(|status| status.code()) {
                Some(Code::Unauthenticated) => metrics.note_denied(Denied::Unauthenticated),
                Some(Code::PermissionDenied) => metrics.note_denied(Denied::PermissionDenied),
                _ => {}
            }
            Ok(response)
        })
    }
}
