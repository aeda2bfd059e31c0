//! What the gateway counts and measures, for Prometheus.
//!
//! Counters and histograms are kept here by whoever has something to count.
//! What has a value at any time, such as the log's size, is read when somebody
//! asks: a [`Snapshot`]. The values of labels are bounded, whatever comes in.

mod gauges;
mod process;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    Encoder as _, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

use self::gauges::Gauges;
pub(crate) use self::process::Process;

/// The value of a label for everything beyond its bound: commands that are not
/// known, apps that are not served, subscribers beyond [`MAX_SUBSCRIBERS`].
pub(crate) const OTHER: &str = "other";
/// The label of subscribers without a name.
pub(crate) const UNNAMED: &str = "unnamed";
/// Most names of subscribers that have a value of their own.
pub(crate) const MAX_SUBSCRIBERS: usize = 100;
/// Groups of gRPC calls: those of `EventService` and `AdminService`, and those that need no token.
pub(crate) const CALL_GROUPS: [&str; 3] = ["events", "open", "reflection"];
/// The outcome of a callback that was stored and acknowledged.
pub(crate) const ACCEPTED: &str = "accepted";

/// Upper bounds of the buckets of times, in seconds. The vendor gives up after 2.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0];

/// A metric, as its users know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// counter, gauge or histogram.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// What it says.
    pub help: String,
}

/// Connections of a listener, for operators.
#[derive(Debug, Clone)]
pub struct ConnectionMetrics {
    /// Open connections that are not trusted.
    pub unauthenticated: IntGauge,
    /// Open connections that are trusted.
    pub authenticated: IntGauge,
    /// Connections that were closed for a newcomer.
    pub evicted: IntCounter,
}

impl ConnectionMetrics {
    /// Counts a connection that was opened.
    pub(crate) fn opened(&self) {
        self.unauthenticated.inc();
    }

    /// Counts an open connection as trusted from now on.
    pub(crate) fn trusted(&self) {
        self.unauthenticated.dec();
        self.authenticated.inc();
    }

    /// Counts a connection that has ended.
    pub(crate) fn ended(&self, is_trusted: bool) {
        if is_trusted { self.authenticated.dec() } else { self.unauthenticated.dec() }
    }
}

/// Connections whose end no handler has seen.
#[derive(Debug, Clone)]
pub struct BadConnections {
    /// What came was no HTTP/1.1, or a head beyond its bounds.
    pub malformed: IntCounter,
    /// A request's head was not complete in time.
    pub slow_head: IntCounter,
}

/// All metrics of a gateway.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    descriptions: Vec<Description>,
    /// The apps that are served, with their labels.
    apps: BTreeMap<u32, String>,
    callbacks: IntCounterVec,
    tokens: IntCounterVec,
    verification_failures: IntCounterVec,
    append_errors: IntCounterVec,
    undecoded: IntCounterVec,
    accepted_seconds: Histogram,
    refused_seconds: Histogram,
    /// From handing a record to the log until it is durable, or too late.
    pub append_seconds: Histogram,
    /// Stored callbacks that look like one before.
    pub duplicates: IntCounter,
    /// Gaps that streams were told of.
    pub gaps: IntCounter,
    /// gRPC calls without a token that is known.
    pub unauthenticated: IntCounter,
    /// gRPC calls of a token that may not do what it asked for.
    pub denied: IntCounter,
    /// TLS handshakes that failed, of callbacks.
    pub http_handshake_failures: IntCounter,
    /// TLS handshakes that failed, of gRPC.
    pub grpc_handshake_failures: IntCounter,
    /// Connections of callbacks that ended without a request.
    pub http_bad_connections: BadConnections,
    calls_refused: IntCounterVec,
    /// gRPC calls under way, by group.
    pub grpc_calls: GaugeVec,
    /// Bytes of their requests.
    pub grpc_request_bytes: GaugeVec,
    /// Bytes of their answers that were not handed to the connection.
    pub grpc_answer_bytes: GaugeVec,
    /// Open `Health.Watch` streams.
    pub grpc_watches: Gauge,
    /// Connections of callbacks.
    pub http_connections: ConnectionMetrics,
    /// Connections of gRPC.
    pub grpc_connections: ConnectionMetrics,
    /// gRPC connections that were closed because no call was answered on them in time.
    pub grpc_closed_without_call: IntCounter,
    /// gRPC connections that were closed because their clients read nothing while calls of them were to be reset.
    pub grpc_closed_for_streams: IntCounter,
    /// gRPC connections that were closed because their clients reset too many streams.
    pub grpc_closed_for_resets: IntCounter,
    /// Streams of HTTP/2 that clients have reset.
    pub grpc_resets: IntCounter,
    /// Streams that there was no place for.
    pub streams_refused: IntCounter,
    /// Streams that ended because their client read nothing.
    pub streams_stalled: IntCounter,
    /// Changed only while a text is made.
    gauges: Mutex<Gauges>,
}

/// How things stand at one moment. What is `None` could not be read, or does not exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Whether everything could be read.
    pub is_complete: bool,
    /// Whether `/readyz` says so.
    pub is_ready: bool,
    /// Whether the log takes callbacks.
    pub is_writable: bool,
    /// Sequence of the oldest stored event, or of the next one if none is.
    pub oldest_sequence: u64,
    /// Sequence of the newest event.
    pub latest_sequence: u64,
    /// Bytes of storage.
    pub bytes: Option<u64>,
    /// How long ago the oldest stored event was received.
    pub oldest_age: Option<Duration>,
    /// Sequences that are stored and that the log's tail has not come to.
    pub tail_lag: u64,
    /// Events in the log's known holes.
    pub lost_events: u64,
    /// Damaged stores that were set aside.
    pub damaged_stores: u64,
    /// Whether the log's tail follows what is stored.
    pub is_following: bool,
    /// Whether deletion by age is suspended.
    pub age_is_held: bool,
    /// How far the system clock is behind the newest event.
    pub clock_behind: Duration,
    /// Events that the index has not reached.
    pub index_lag: Option<u64>,
    /// Records that wait for the writer.
    pub queue_records: u64,
    /// Their bytes.
    pub queue_bytes: u64,
    /// The bound on stored bytes.
    pub retention_bytes: Option<u64>,
    /// The bound on the age of events.
    pub retention_age: Option<Duration>,
    /// Bytes that are free on the log's file system, and its size.
    pub file_system: Option<(u64, u64)>,
    /// When each app's last callback was accepted, or else the newest stored event was received
    /// or the process began; in Unix seconds.
    pub last_accepted: Vec<(u32, f64)>,
    /// Open streams.
    pub streams: u64,
    /// By subscriber, unsent events of the stream with the most.
    pub lag_events: BTreeMap<String, u64>,
    /// The same, in time.
    pub lag_time: BTreeMap<String, Duration>,
    /// By subscriber without a stream, how long it has been away.
    pub departed: BTreeMap<String, Duration>,
    /// Events that were given to streams, since the process began.
    pub delivered: u64,
    /// Log lines that were lost.
    pub lost_lines: u64,
    /// Log lines of libraries that were left out.
    pub left_out_lines: u64,
    /// When the process began, in Unix seconds.
    pub process_start: f64,
    /// This process.
    pub process: Option<Process>,
}

/// What became of a callback, for [`Metrics::note_callback`].
#[derive(Debug, Clone, Copy)]
pub struct CallbackOutcome<'a> {
    /// SDKAppID.
    pub app_id: u32,
    /// The command if it is a known one and the URL was right, else [`OTHER`].
    pub command: &'a str,
    /// [`ACCEPTED`], or why it was refused.
    pub outcome: &'a str,
    /// From its first byte to its answer.
    pub took: Duration,
}

/// Values of labels that are there from the beginning: a rate needs a first value.
/// They are those of the API, in lower case.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Why a callback is refused for its signature.
    pub verification_failures: Vec<String>,
    /// Why a good callback is not stored.
    pub append_errors: Vec<String>,
    /// Decode statuses other than TYPED.
    pub undecoded: Vec<String>,
}

impl Metrics {
    /// Nothing has happened yet.
    pub fn new(apps: impl IntoIterator<Item = u32>, labels: &Labels) -> Self {
        let mut new = Builder { registry: Registry::new(), descriptions: Vec::new() };
        let build = new.gauges("build_info", "1, with the gateway's version.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let callback_seconds = new.histograms(
            "callback_seconds",
            "Time from a callback's first byte to its answer, by whether it was accepted.",
            &["outcome"],
        );
        let calls_refused = new.counters(
            "grpc_calls_refused_total",
            "gRPC calls that were refused before they ran, or ended because of what their client did, by the reason in the status's ErrorInfo.",
            &["reason"],
        );
        let connections = new.int_gauges(
            "connections",
            "Open connections by listener (http for callbacks, grpc) and state: authenticated (has delivered a verified callback, or made an authenticated call), unauthenticated.",
            &["listener", "state"],
        );
        let closed = new.counters(
            "connections_closed_total",
            "Connections that the gateway closed, by listener and reason: evicted (for a new one at the limit), no_call (no gRPC call was answered within 60s), stalled_streams (its client read nothing while calls of it were to be reset), resets (its client reset too many calls within 10s).",
            &["listener", "reason"],
        );
        let connections = |listener: &str| ConnectionMetrics {
            unauthenticated: connections.with_label_values(&[listener, "unauthenticated"]),
            authenticated: connections.with_label_values(&[listener, "authenticated"]),
            evicted: closed.with_label_values(&[listener, "evicted"]),
        };
        let handshakes = new.counters(
            "tls_handshake_failures_total",
            "TLS handshakes that failed or took too long, by listener: http (callbacks), grpc.",
            &["listener"],
        );
        let bad_connections = new.counters(
            "http_bad_connections_total",
            "Connections for callbacks that were closed over what came on them: malformed (no HTTP/1.1, as TLS or HTTP/2 without TLS; or a head beyond its bounds), slow_head (a head that was not complete in time).",
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
                "Calls and streams that gRPC clients have reset: cancelled, or given up after a deadline.",
            ),
            streams_stalled: new.counter(
                "grpc_streams_stalled_total",
                "Streams that ended because their client read nothing for grpc.stall_timeout.",
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
                "Callbacks that were answered, by app, command and outcome: accepted, or the refusal's reason. The command is other for those whose URL was refused.",
                &["app", "command", "outcome"],
            ),
            tokens: new.counters(
                "verified_callbacks_total",
                "Callbacks with a good signature, also those that were then refused, by app and by which of its tokens signed it, in their order, from 0; begins anew when tokens are reloaded.",
                &["app", "token"],
            ),
            verification_failures: new.counters(
                "verification_failures_total",
                "Callbacks that were refused for their signature, by reason.",
                &["reason"],
            ),
            append_errors: new.counters(
                "append_errors_total",
                "Good callbacks that were refused because they could not be stored, by reason.",
                &["reason"],
            ),
            undecoded: new.counters(
                "undecoded_bodies_total",
                "Stored callbacks whose decode status is not TYPED, by status.",
                &["status"],
            ),
            accepted_seconds: callback_seconds.with_label_values(&[ACCEPTED]),
            refused_seconds: callback_seconds.with_label_values(&["refused"]),
            append_seconds: new.add(
                "histogram",
                Histogram::with_opts(histogram(
                    "append_seconds",
                    "Time from handing an event to the log until it was durable, or until it was too late for an answer.",
                )),
            ),
            duplicates: new.counter(
                "duplicates_total",
                "Stored callbacks that were marked as the possible duplicate of an earlier one.",
            ),
            gaps: new.counter("gaps_total", "Gaps that streams were told of: events that they did not get."),
            grpc_calls: new.gauges(
                "grpc_calls",
                "gRPC calls under way, other than Subscribe and Watch streams: events (EventService, AdminService), open (health, and calls that are being refused), reflection.",
                &["group"],
            ),
            grpc_request_bytes: new.gauges(
                "grpc_request_bytes",
                "Bytes of metadata and messages of gRPC requests under way, by group as for callback_gateway_grpc_calls.",
                &["group"],
            ),
            grpc_answer_bytes: new.gauges(
                "grpc_answer_bytes",
                "Bytes of gRPC answers that clients have not taken, without those of Subscribe streams, by group as for callback_gateway_grpc_calls.",
                &["group"],
            ),
            grpc_watches: new.gauge("grpc_watches", "Open streams of Health.Watch."),
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

    /// All metrics, by name.
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

    /// Counts a callback with a good signature.
    pub fn note_token(&self, app_id: u32, token: u32) {
        self.tokens.with_label_values(&[self.app(app_id), &token.to_string()]).inc();
    }

    /// Begins anew to count by token: its number may mean another one now.
    pub fn forget_tokens(&self) {
        self.tokens.reset();
    }

    /// Counts a callback that was refused for its signature.
    pub fn note_verification_failure(&self, reason: &str) {
        self.verification_failures.with_label_values(&[reason]).inc();
    }

    /// Counts a good callback that could not be stored.
    pub fn note_append_error(&self, reason: &str) {
        self.append_errors.with_label_values(&[reason]).inc();
    }

    /// Counts a stored callback by its decode status, other than TYPED.
    pub fn note_undecoded(&self, status: &str) {
        self.undecoded.with_label_values(&[status]).inc();
    }

    /// Shows a reason for refusing gRPC calls from the beginning: a rate needs a first value.
    pub fn declare_refused_call(&self, reason: &str) {
        self.calls_refused.with_label_values(&[&reason.to_ascii_lowercase()]);
    }

    /// Counts a gRPC call that was refused or ended, by its reason in the API, in any case of letters.
    pub fn note_refused_call(&self, reason: &str) {
        self.calls_refused.with_label_values(&[&reason.to_ascii_lowercase()]).inc();
    }

    fn app(&self, app_id: u32) -> &str {
        self.apps.get(&app_id).map_or(OTHER, String::as_str)
    }

    /// Everything, in Prometheus' text format.
    pub fn text(&self, snapshot: &Snapshot) -> Vec<u8> {
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.set(snapshot);
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("well-formed metrics can be written to memory");
        text
    }
}

/// Makes metrics and notes what they are.
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
        let metric = metric.expect("names are written as they must be");
        self.descriptions.extend(metric.desc().into_iter().map(|desc| Description {
            name: desc.fq_name.clone(),
            kind,
            labels: desc.variable_labels.clone(),
            help: desc.help.clone(),
        }));
        self.registry.register(Box::new(metric.clone())).expect("no name is given twice");
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

    /// Without labels: one that may be missing.
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
