//! Authentication and rights of callers.

use std::sync::Arc;

use prometheus::IntCounter;
use tokio::sync::watch;
use tonic::{Request, Status, codegen::http::HeaderMap};

use super::status;
use crate::{
    delivery::{
        access::{Access, Rights, Token},
        subscription::{Filter, FilterMatch},
    },
    event::Record,
    observe::metrics::Metrics,
};

/// Authenticates callers by their tokens.
#[derive(Debug, Clone)]
pub(super) struct Authenticator {
    pub(super) access: watch::Receiver<Arc<Access>>,
    pub(super) metrics: Arc<Metrics>,
}

impl Authenticator {
    /// Returns the caller of a request. UNAUTHENTICATED if calls need a token and the request has none or an unknown one.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Status> {
        let access = self.access.borrow();
        let denied = self.metrics.denied.clone();
        if !access.is_required() {
            return Ok(Caller { token: None, denied });
        }
        let token = match bearer(headers) {
            None => Err(status::token_missing()),
            Some(text) => access.find(text).ok_or_else(status::token_unknown),
        };
        let token = token.inspect_err(|_| self.metrics.unauthenticated.inc())?;
        Ok(Caller { token: Some(token.clone()), denied })
    }

    /// Returns whether a caller still has the rights that it had when it called.
    pub(super) fn still_allows(&self, caller: &Caller) -> bool {
        caller.is_in(&self.access.borrow())
    }
}

/// Returns the token of a header `authorization: Bearer TOKEN`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get("authorization")?.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Caller of a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Token of the request; `None` if calls need no token and have all rights.
    token: Option<Token>,
    /// Counts denied requests.
    denied: IntCounter,
}

impl Caller {
    /// Returns the caller that the front added to a request. UNAUTHENTICATED without one.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        request.extensions().get().cloned().ok_or_else(status::token_missing)
    }

    /// Returns whether the list still has the caller's token with the same rights.
    pub(super) fn is_in(&self, access: &Access) -> bool {
        match &self.token {
            Some(token) => access.has(token),
            None => !access.is_required(),
        }
    }

    /// Returns PERMISSION_DENIED unless the caller may call `AdminService`.
    pub(super) fn require_admin(&self) -> Result<(), Status> {
        match &self.token {
            Some(token) if !token.rights.admin => Err(self.denied(token, NO_ADMIN)),
            _ => Ok(()),
        }
    }

    /// Narrows a filter to the events that the caller may read. PERMISSION_DENIED if the filter names others.
    pub(super) fn narrow(&self, filter: Filter) -> Result<Filter, Status> {
        let Some(token) = &self.token else { return Ok(filter) };
        match &token.rights.events {
            None => Err(self.denied(token, NO_EVENTS)),
            Some(allowed) => filter.within(allowed).map_err(|field| {
                let message =
                    format!("filter.{field}: this token may not read all events that the filter selects");
                self.denied(token, &message)
            }),
        }
    }

    /// Returns PERMISSION_DENIED unless the caller may read this event.
    pub(super) fn require(&self, record: &Record) -> Result<(), Status> {
        let Some(token) = &self.token else { return Ok(()) };
        match &token.rights.events {
            None => Err(self.denied(token, NO_EVENTS)),
            Some(allowed) if allowed.compare(record.stored()) != FilterMatch::Yes => {
                Err(self.denied(token, "this token may not read events of this app and command"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Returns PERMISSION_DENIED unless the caller may read some events.
    pub(super) fn require_events(&self) -> Result<(), Status> {
        match &self.token {
            Some(token @ Token { rights: Rights { events: None, .. }, .. }) => {
                Err(self.denied(token, NO_EVENTS))
            }
            _ => Ok(()),
        }
    }

    fn denied(&self, token: &Token, message: &str) -> Status {
        self.denied.inc();
        status::denied(token, message)
    }
}

const NO_ADMIN: &str = "this token may not call AdminService: it needs the right `admin`";
const NO_EVENTS: &str = "this token may not read events: it needs the right `events`";
