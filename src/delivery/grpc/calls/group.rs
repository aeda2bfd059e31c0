//! Calls with common bounds.

use std::{sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use prometheus::Gauge;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::Status;

use super::{super::status, table::CallTable};
use crate::observe::{metrics::Metrics, telemetry::LineLimit};

/// Interval of the watch for clients that do not read.
const TICK: Duration = Duration::from_millis(500);

/// Bounds on a group of calls.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct CallBounds {
    /// Number of calls.
    pub(in super::super) calls: usize,
    /// Bytes of metadata and request messages.
    pub(in super::super) request_bytes: usize,
    /// Bytes of unread answers.
    pub(in super::super) answer_bytes: usize,
    /// Bytes of unread answers on one connection.
    pub(in super::super) connection_answer_bytes: usize,
}

/// A group of calls with common bounds.
#[derive(Debug)]
pub(in super::super) struct CallGroup {
    pub(super) bounds: CallBounds,
    stall_timeout: Duration,
    table: Mutex<CallTable>,
    pub(super) metrics: Arc<Metrics>,
    gauges: Gauges,
    lines: LineLimit,
    /// Offset by which tests moved the clock.
    #[cfg(test)]
    pub(super) advanced: Mutex<Duration>,
}

#[derive(Debug)]
struct Gauges {
    calls: Gauge,
    request_bytes: Gauge,
    answer_bytes: Gauge,
}

impl CallGroup {
    pub(in super::super) fn new(
        group: &str,
        bounds: CallBounds,
        stall_timeout: Duration,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let gauges = Gauges {
            calls: metrics.grpc_calls.with_label_values(&[group]),
            request_bytes: metrics.grpc_request_bytes.with_label_values(&[group]),
            answer_bytes: metrics.grpc_answer_bytes.with_label_values(&[group]),
        };
        Arc::new(Self {
            bounds,
            stall_timeout,
            table: Mutex::default(),
            metrics,
            gauges,
            lines: LineLimit::new(),
            #[cfg(test)]
            advanced: Mutex::default(),
        })
    }

    /// Counts more bytes of a request. At the bound, ends the call whose request has been arriving for longest.
    pub(super) fn hold(&self, table: &mut CallTable, id: u64, bytes: usize) -> Result<(), Status> {
        let Some(state) = table.calls.get_mut(&id) else { return Ok(()) };
        if let Some(status) = &state.end {
            return Err(status.clone());
        }
        state.request_bytes += bytes;
        table.request_bytes += bytes;
        while table.request_bytes > self.bounds.request_bytes {
            self.warn(
                "request bytes",
                "gRPC requests have reached their memory limit; ending the oldest ones",
            );
            if !table.end_oldest_arriving(status::too_many_request_bytes) {
                return Err(status::too_many_request_bytes());
            }
        }
        match table.calls.get(&id).and_then(|state| state.end.as_ref()) {
            Some(status) => Err(status.clone()),
            None => Ok(()),
        }
    }

    /// Ends calls whose clients do not read their answers, until the future is dropped.
    pub(in super::super) async fn watch<T>(&self) -> T {
        let mut ticks = interval(TICK);
        // A pause of this process is not a stall of its clients.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.end_stalled(self.now());
        }
    }

    pub(super) fn end_stalled(&self, now: Instant) {
        let mut table = self.table();
        let mut stalled = Vec::new();
        for id in table.waiting.values() {
            let Some(state) = table.calls.get(id) else { continue };
            if now.saturating_duration_since(state.progress) <= self.stall_timeout {
                break;
            }
            if !state.is_idle {
                stalled.push(*id);
            }
        }
        for id in &stalled {
            table.end(*id, status::receiver_stalled());
            self.metrics.note_refused_call(&status::reason(&status::receiver_stalled()));
        }
        self.finish(table);
        if !stalled.is_empty() {
            self.warn(
                "stalled",
                "gRPC calls stalled and were ended: their clients read nothing for too long",
            );
        }
    }

    /// Sets the gauges, and resets calls if too many ended ones have unread pieces.
    pub(super) fn finish(&self, mut table: MutexGuard<'_, CallTable>) {
        self.set_gauges(&table);
        let excess = table.take_excess();
        drop(table);
        if let Some((connection, _)) = excess.first()
            && let Some(left_out) = self.lines.next()
        {
            let peer = connection.peer.map(tracing::field::display);
            tracing::warn!(
                peer,
                left_out,
                "resetting ended calls of a client that leaves too many answers unread"
            );
        }
        for (_, task) in excess {
            task.reset();
        }
    }

    pub(super) fn refused(&self, status: Status) -> Status {
        self.metrics.note_refused_call(&status::reason(&status));
        status
    }

    pub(super) fn warn(&self, bound: &str, message: &str) {
        if let Some(left_out) = self.lines.next() {
            tracing::warn!(bound, left_out, "{message}");
        }
    }

    pub(super) fn set_gauges(&self, table: &CallTable) {
        self.gauges.calls.set(table.calls.len() as f64);
        self.gauges.request_bytes.set(table.request_bytes as f64);
        self.gauges.answer_bytes.set(table.answer_bytes as f64);
    }

    pub(super) fn now(&self) -> Instant {
        let now = Instant::now();
        #[cfg(test)]
        let now = now + *self.advanced.lock();
        now
    }

    pub(super) fn table(&self) -> MutexGuard<'_, CallTable> {
        self.table.lock()
    }
}
