//! Metrics of the gateway, for Prometheus.
//!
//! Counters and histograms are updated where the events happen. Gauges, such as the size of the log, are read
//! at each scrape into a [`Snapshot`]. The values of labels are bounded, whatever clients send.

mod gauges;
mod process;

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;
use prometheus::{
    Encoder as _, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

use self::gauges::Gauges;
pub(crate) use self::process::Process;

/// Label value beyond a bound: unknown commands, apps that are not served, subscribers beyond
/// [`MAX_SUBSCRIBERS`].
pub(crate) const OTHER: &str = "other";
/// Label value of subscribers without a name.
pub(crate) const UNNAMED: &str = "unnamed";
/// Maximum subscriber names with a label value of their own.
pub(crate) const MAX_SUBSCRIBERS: usize = 100;
/// Groups of gRPC calls: `EventService` and `AdminService`, calls that need no token, and reflection.
pub(crate) const CALL_GROUPS: [&str; 3] = ["events", "open", "reflection"];
/// Outcome of a callback that was stored and acknowledged.
pub(crate) const ACCEPTED: &str = "accepted";

/// Upper bounds of the time buckets, in seconds. The vendor gives up after 2.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0];

/// Description of a metric, for the documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Name of the metric.
    pub name: String,
    /// counter, gauge or histogram.
    pub kind: &'static str,
    /// Names of the labels.
    pub labels: Vec<String>,
    /// Help text.
    pub help: String,
}

/// Metrics of a listener's connections.
#[derive(Debug, Clone)]
pub struct ConnectionMetrics {
    /// Open connections that are not authenticated.
    pub unauthenticated: IntGauge,
    /// Open connections that are authenticated.
    pub authenticated: IntGauge,
    /// Connections that were closed for a new one.
    pub evicted: IntCounter,
}

impl ConnectionMetrics {
    /// Counts a new connection.
    pub(crate) fn opened(&self) {
        self.unauthenticated.inc();
    }

    /// Counts an open connection as authenticated from now on.
    pub(crate) fn trusted(&self) {
        self.unauthenticated.dec();
        self.authenticated.inc();
    }

    /// Counts a closed connection.
    pub(crate) fn ended(&self, is_trusted: bool) {
        if is_trusted { self.authenticated.dec() } else { self.unauthenticated.dec() }
    }
}

/// Connections that ended without a complete request.
#[derive(Debug, Clone)]
pub struct BadConnections {
    /// Connections with something other than HTTP/1.1, or with a request head beyond its limits.
    pub malformed: IntCounter,
    /// Connections whose request head was not complete in time.
    pub slow_head: IntCounter,
}

/// All metrics of a gateway.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    descriptions: Vec<Description>,
    /// Label values of the apps that are served.
    apps: BTreeMap<u32, String>,
    callbacks: IntCounterVec,
    tokens: IntCounterVec,
    verification_failures: IntCounterVec,
    append_errors: IntCounterVec,
    undecoded: IntCounterVec,
    accepted_seconds: Histogram,
    refused_seconds: Histogram,
    /// Time from handing a record to the log until it is durable, or until the deadline.
    pub append_seconds: Histogram,
    /// Stored callbacks that were marked as possible duplicates.
    pub duplicates: IntCounter,
    /// Gaps that were reported to streams.
    pub gaps: IntCounter,
    /// gRPC calls without a valid token.
    pub unauthenticated: IntCounter,
    /// gRPC calls whose token lacks the right.
    pub denied: IntCounter,
    /// Failed TLS handshakes of callback connections.
    pub http_handshake_failures: IntCounter,
    /// Failed TLS handshakes of gRPC connections.
    pub grpc_handshake_failures: IntCounter,
    /// Callback connections that ended without a complete request.
    pub http_bad_connections: BadConnections,
    calls_refused: IntCounterVec,
    /// gRPC calls in flight, by group.
    pub grpc_calls: GaugeVec,
    /// Request bytes of gRPC calls in flight, by group.
    pub grpc_request_bytes: GaugeVec,
    /// Response bytes that were not handed to a connection yet, by group.
    pub grpc_answer_bytes: GaugeVec,
    /// Open `Health.Watch` streams.
    pub grpc_watches: Gauge,
    /// Callback connections.
    pub http_connections: ConnectionMetrics,
    /// gRPC connections.
    pub grpc_connections: ConnectionMetrics,
    /// gRPC connections that were closed because no call was answered on them in time.
    pub grpc_closed_without_call: IntCounter,
    /// gRPC connections that were closed because the client read nothing while its calls had to be reset.
    pub grpc_closed_for_streams: IntCounter,
    /// gRPC connections that were closed because the client reset too many streams.
    pub grpc_closed_for_resets: IntCounter,
    /// HTTP/2 streams that clients have reset.
    pub grpc_resets: IntCounter,
    /// Streams that were rejected at the limit.
    pub streams_refused: IntCounter,
    /// Streams that were closed because the client read nothing.
    pub streams_stalled: IntCounter,
    /// Changed only during a scrape.
    gauges: Mutex<Gauges>,
}

/// Values of the gauges at one moment. `None` if a value could not be read or does not exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// True if all reads succeeded.
    pub is_complete: bool,
    /// True if `/readyz` reports ready.
    pub is_ready: bool,
    /// True if the log accepts callbacks.
    pub is_writable: bool,
    /// Sequence of the oldest stored event, or of the next one if none is.
    pub oldest_sequence: u64,
    /// Sequence of the newest event.
    pub latest_sequence: u64,
    /// Bytes of storage.
    pub bytes: Option<u64>,
    /// Time since the oldest stored event was received.
    pub oldest_age: Option<Duration>,
    /// Stored events that this gateway does not serve yet.
    pub tail_lag: u64,
    /// Missing or damaged events inside the log.
    pub lost_events: u64,
    /// Damaged stores that were set aside.
    pub damaged_stores: u64,
    /// True if the tail follows the stored events.
    pub is_following: bool,
    /// True if deletion by age is suspended.
    pub age_is_held: bool,
    /// Lag of the system clock behind the newest event.
    pub clock_behind: Duration,
    /// Stored events that are not indexed yet.
    pub index_lag: Option<u64>,
    /// Records in the log's queue.
    pub queue_records: u64,
    /// Bytes of the queued records.
    pub queue_bytes: u64,
    /// Maximum size of the log.
    pub retention_bytes: Option<u64>,
    /// Maximum age of events.
    pub retention_age: Option<Duration>,
    /// Free bytes and size of the log's file system.
    pub file_system: Option<(u64, u64)>,
    /// Unix time of each app's last accepted callback. Without one, the receive time of the newest event from
    /// before the process, or the start of the process.
    pub last_accepted: Vec<(u32, f64)>,
    /// Open streams.
    pub streams: u64,
    /// By subscriber: unsent events of the stream with the most.
    pub lag_events: BTreeMap<String, u64>,
    /// By subscriber: time since the first unsent event was received.
    pub lag_time: BTreeMap<String, Duration>,
    /// By subscriber without a stream: time since its last stream ended.
    pub departed: BTreeMap<String, Duration>,
    /// Events that were sent to streams since the process started.
    pub delivered: u64,
    /// Log lines that were dropped because the queue was full.
    pub lost_lines: u64,
    /// Log lines of libraries that were dropped at their rate limit.
    pub left_out_lines: u64,
    /// Start of the process, in Unix seconds.
    pub process_start: f64,
    /// Resources of this process.
    pub process: Option<Process>,
}

/// Outcome of a callback, for [`Metrics::note_callback`].
#[derive(Debug, Clone, Copy)]
pub struct CallbackOutcome<'a> {
    /// SDKAppID.
    pub app_id: u32,
    /// Known command of an accepted URL, or [`OTHER`].
    pub command: &'a str,
    /// [`ACCEPTED`] or the refusal reason.
    pub outcome: &'a str,
    /// Time from the first byte of the request to the response.
    pub took: Duration,
}

/// Label values that exist from the start, because a rate needs a first value. They are those of the API, in
/// lower case.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Refusal reasons for signatures.
    pub verification_failures: Vec<String>,
    /// Refusal reasons for callbacks that could not be stored.
    pub append_errors: Vec<String>,
    /// Decode statuses other than TYPED.
    pub undecoded: Vec<String>,
}

impl Metrics {
    /// Creates all metrics with zero values.
    pub fn new(apps: impl IntoIterator<Item = u32>, labels: &Labels) -> Self {
        let mut new = Builder { registry: Registry::new(), descriptions: Vec::new() };
        let build = new.gauges("build_info", "Always 1. The label has the gateway's version.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let callback_seconds = new.histograms(
            "callback_seconds",
            "Time from a callback's first byte to its response, by outcome: accepted, refused.",
            &["outcome"],
        );
        let calls_refused = new.counters(
            "grpc_calls_refused_total",
            "gRPC calls that were rejected, or ended because of their client, by the reason in ErrorInfo.",
            &["reason"],
        );
        let connections = new.int_gauges(
            "connections",
            "Open connections by listener (http for callbacks, grpc) and state: authenticated (delivered a verified callback or made an authenticated call), unauthenticated.",
            &["listener", "state"],
        );
        let closed = new.counters(
            "connections_closed_total",
            "Connections that the gateway closed, by listener and reason: evicted (for a new one at the limit), no_call (no gRPC call answered within 60s), stalled_streams (client read nothing while calls had to be reset), resets (client reset too many calls within 10s).",
            &["listener", "reason"],
        );
        let connections = |listener: &str| ConnectionMetrics {
            unauthenticated: connections.with_label_values(&[listener, "unauthenticated"]),
            authenticated: connections.with_label_values(&[listener, "authenticated"]),
            evicted: closed.with_label_values(&[listener, "evicted"]),
        };
        let handshakes = new.counters(
            "tls_handshake_failures_total",
            "TLS handshakes that failed or timed out, by listener: http (callbacks), grpc.",
            &["listener"],
        );
        let bad_connections = new.counters(
            "http_bad_connections_total",
            "Callback connections that were closed because of their input: malformed (not HTTP/1.1, such as TLS or HTTP/2 on a plain port, or a head beyond its limits), slow_head (head not complete in time).",
            &["reason"],
        );
        let metrics = Self {
            unauthenticated: calls_refused.with_label_values(&["token_invalid"]),
            denied: calls_refused.with_label_values(&["access_denied"]),
            streams_refused: calls_refused.with_label_values(&["too_many_streams"]),
            http_connections: connections("http"),
            grpc_connections: connections("grpc"),
            grpc_closed_without_call: closed.with_label_values(&["grpc", "no_call"]),
            grpc_closed_for_streams: closed.with_label_values(&["grpc", "stalled_streams"]),
            grpc_closed_for_resets: closed.with_label_values(&["grpc", "resets"]),
            grpc_resets: new.counter(
                "grpc_resets_total",
                "gRPC calls and streams that clients have reset: cancelled, or past their deadline.",
            ),
            streams_stalled: new.counter(
                "grpc_streams_stalled_total",
                "Streams that were closed because the client read nothing for grpc.stall_timeout.",
            ),
            http_handshake_failures: handshakes.with_label_values(&["http"]),
            grpc_handshake_failures: handshakes.with_label_values(&["grpc"]),
            http_bad_connections: BadConnections {
                malformed: bad_connections.with_label_values(&["malformed"]),
                slow_head: bad_connections.with_label_values(&["slow_head"]),
            },
            apps: apps.into_iter().map(|app_id| (app_id, app_id.to_string())).collect(),
            callbacks: new.counters(
                "callbacks_total",
                "Answered callbacks by app, command and outcome: accepted, or the refusal reason. The command is other if the URL was rejected.",
                &["app", "command", "outcome"],
            ),
            tokens: new.counters(
                "verified_callbacks_total",
                "Callbacks with a valid signature, including ones refused later, by app and index of the token, from 0. Reset when tokens are reloaded.",
                &["app", "token"],
            ),
            verification_failures: new.counters(
                "verification_failures_total",
                "Callbacks that were refused because of their signature, by reason.",
                &["reason"],
            ),
            append_errors: new.counters(
                "append_errors_total",
                "Valid callbacks that were refused because they could not be stored, by reason.",
                &["reason"],
            ),
            undecoded: new.counters(
                "undecoded_bodies_total",
                "Stored callbacks with a decode status other than TYPED, by status.",
                &["status"],
            ),
            accepted_seconds: callback_seconds.with_label_values(&[ACCEPTED]),
            refused_seconds: callback_seconds.with_label_values(&["refused"]),
            append_seconds: new.add(
                "histogram",
                Histogram::with_opts(histogram(
                    "append_seconds",
                    "Time from handing an event to the log until it was durable, or until the response deadline.",
                )),
            ),
            duplicates: new.counter(
                "duplicates_total",
                "Stored callbacks that were marked as possible duplicates of an earlier one.",
            ),
            gaps: new.counter("gaps_total", "Gaps reported to streams: ranges of events that they did not get."),
            grpc_calls: new.gauges(
                "grpc_calls",
                "gRPC calls in flight, without Subscribe and Watch streams: events (EventService, AdminService), open (health, and calls that are being rejected), reflection.",
                &["group"],
            ),
            grpc_request_bytes: new.gauges(
                "grpc_request_bytes",
                "Bytes of metadata and messages of gRPC requests in flight, by group as for callback_gateway_grpc_calls.",
                &["group"],
            ),
            grpc_answer_bytes: new.gauges(
                "grpc_answer_bytes",
                "Bytes of gRPC responses that clients have not read, without Subscribe streams, by group as for callback_gateway_grpc_calls.",
                &["group"],
            ),
            grpc_watches: new.gauge("grpc_watches", "Open Health.Watch streams."),
            calls_refused,
            gauges: Mutex::new(Gauges::new(&mut new)),
            registry: new.registry,
            descriptions: new.descriptions,
        };
        for (counters, values) in [
            (&metrics.verification_failures, &labels.verification_failures),
            (&metrics.append_errors, &labels.append_errors),
            (&metrics.undecoded, &labels.undecoded),
        ] {
            for value in values {
                counters.with_label_values(&[value]);
            }
        }
        for group in CALL_GROUPS {
            metrics.grpc_calls.with_label_values(&[group]);
            metrics.grpc_request_bytes.with_label_values(&[group]);
            metrics.grpc_answer_bytes.with_label_values(&[group]);
        }
        for app in metrics.apps.values() {
            metrics.callbacks.with_label_values(&[app.as_str(), OTHER, ACCEPTED]);
        }
        metrics
    }

    /// Returns the descriptions of all metrics, by name.
    pub fn descriptions(&self) -> Vec<Description> {
        let mut descriptions = self.descriptions.clone();
        descriptions.sort_by(|a, b| a.name.cmp(&b.name));
        descriptions
    }

    /// Counts an answered callback.
    pub fn note_callback(&self, callback: CallbackOutcome<'_>) {
        let app = self.app(callback.app_id);
        self.callbacks.with_label_values(&[app, callback.command, callback.outcome]).inc();
        let is_accepted = callback.outcome == ACCEPTED;
        let seconds = if is_accepted { &self.accepted_seconds } else { &self.refused_seconds };
        seconds.observe(callback.took.as_secs_f64());
    }

    /// Counts a callback with a valid signature.
    pub fn note_token(&self, app_id: u32, token: u32) {
        self.tokens.with_label_values(&[self.app(app_id), &token.to_string()]).inc();
    }

    /// Resets the counters by token: an index may refer to a different token now.
    pub fn forget_tokens(&self) {
        self.tokens.reset();
    }

    /// Counts a callback that was refused because of its signature.
    pub fn note_verification_failure(&self, reason: &str) {
        self.verification_failures.with_label_values(&[reason]).inc();
    }

    /// Counts a valid callback that could not be stored.
    pub fn note_append_error(&self, reason: &str) {
        self.append_errors.with_label_values(&[reason]).inc();
    }

    /// Counts a stored callback with a decode status other than TYPED.
    pub fn note_undecoded(&self, status: &str) {
        self.undecoded.with_label_values(&[status]).inc();
    }

    /// Creates the counter of a rejection reason of gRPC calls: a rate needs a first value.
    pub fn declare_refused_call(&self, reason: &str) {
        self.calls_refused.with_label_values(&[&reason.to_ascii_lowercase()]);
    }

    /// Counts a gRPC call that was rejected or ended, by its reason in the API in any letter case.
    pub fn note_refused_call(&self, reason: &str) {
        self.calls_refused.with_label_values(&[&reason.to_ascii_lowercase()]).inc();
    }

    fn app(&self, app_id: u32) -> &str {
        self.apps.get(&app_id).map_or(OTHER, String::as_str)
    }

    /// Returns all metrics in Prometheus' text format.
    pub fn text(&self, snapshot: &Snapshot) -> Vec<u8> {
        let gauges = self.gauges.lock();
        gauges.set(snapshot);
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("encoding to memory cannot fail");
        text
    }
}

/// Creates and registers metrics, and collects their descriptions.
struct Builder {
    registry: Registry,
    descriptions: Vec<Description>,
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("callback_gateway")
}

fn histogram(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::from(opts(name, help)).buckets(SECONDS.to_vec())
}

impl Builder {
    fn add<C: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        metric: prometheus::Result<C>,
    ) -> C {
        let metric = metric.expect("metric names are valid");
        self.descriptions.extend(metric.desc().into_iter().map(|desc| Description {
            name: desc.fq_name.clone(),
            kind,
            labels: desc.variable_labels.clone(),
            help: desc.help.clone(),
        }));
        self.registry.register(Box::new(metric.clone())).expect("metric names are unique");
        metric
    }

    fn counter(&mut self, name: &str, help: &str) -> IntCounter {
        self.add("counter", IntCounter::with_opts(opts(name, help)))
    }

    fn counters(&mut self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add("counter", IntCounterVec::new(opts(name, help), labels))
    }

    fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        self.add("gauge", Gauge::with_opts(opts(name, help)))
    }

    /// Without labels: a gauge that can be absent.
    fn gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.add("gauge", GaugeVec::new(opts(name, help), labels))
    }

    fn int_gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add("gauge", IntGaugeVec::new(opts(name, help), labels))
    }

    fn histograms(&mut self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.add("histogram", HistogramVec::new(histogram(name, help), labels))
    }
}
