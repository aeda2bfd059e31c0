//! Admin listener: probes and metrics.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};

use crate::{
    app::scrape::Scrape,
    log::{EventLog, LogState},
    net::shutdown::Drain,
};

/// Content type of Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns the routes of the admin listener.
///
/// - `/livez`: 200 while the process runs.
/// - `/readyz`: 200 while callbacks can be stored, else 503 with the reason. Further lines report lost events
///   and damaged stores that were set aside.
/// - `/metrics`: for Prometheus; `docs/metrics.md` lists them.
pub(super) fn router(log: Arc<dyn EventLog>, scrape: Arc<Scrape>, drain: Drain) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(Readiness { log, drain })
        .route("/metrics", get(metrics))
        .with_state(scrape)
}

async fn metrics(State(scrape): State<Arc<Scrape>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], scrape.text().await)
}

#[derive(Clone)]
struct Readiness {
    log: Arc<dyn EventLog>,
    drain: Drain,
}

async fn ready(State(Readiness { log, drain }): State<Readiness>) -> (StatusCode, String) {
    let (code, mut text) = if drain.is_announced() {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: shutting down\n".to_owned())
    } else if *log.state().borrow() != LogState::Writable {
        (StatusCode::SERVICE_UNAVAILABLE, cannot_store(&*log))
    } else {
        (StatusCode::OK, "ready\n".to_owned())
    };
    // Lost events do not withdraw readiness: new callbacks can be stored, and no other replica has the lost
    // events.
    let lost = log.holes().events();
    if lost > 0 {
        text += &format!("lost events: {lost}; run `callback-gateway status` to list them\n");
    }
    let damaged = log.anomalies().damaged_stores;
    if damaged > 0 {
        text += &format!(
            "damaged stores set aside: {damaged}; run `callback-gateway repair` to recover readable events\n"
        );
    }
    (code, text)
}

/// Returns the 503 response text, with the backend's reason if it has one.
fn cannot_store(log: &dyn EventLog) -> String {
    let reason = log.trouble().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("not ready: the log cannot be written to{reason}\n")
}
