//! Observability: metrics, traces and log lines.

pub(crate) mod metrics;
pub(crate) mod telemetry;
pub(crate) mod trace;
