//! The admin listener: probes for the platform.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::{
    log::{EventLog, LogState},
    shutdown::Drain,
};

/// The routes of the admin listener.
///
/// - `/livez`: 200 while the process runs at all.
/// - `/readyz`: 200 while callbacks can be stored, else 503 with the reason.
pub fn router(log: Arc<dyn EventLog>, drain: Drain) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(Readiness { log, drain })
}

#[derive(Clone)]
struct Readiness {
    log: Arc<dyn EventLog>,
    drain: Drain,
}

async fn ready(State(Readiness { log, drain }): State<Readiness>) -> (StatusCode, &'static str) {
    if drain.is_announced() {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: shutting down\n")
    } else if *log.state().borrow() != LogState::Writable {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: the log cannot be written to\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
