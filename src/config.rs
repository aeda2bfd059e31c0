//! The configuration, parsed once into a form that cannot be wrong.

pub mod given;
pub mod nats;
pub mod read;
pub mod reference;
pub mod table;

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crate::{delivery::access::Access, ingest::callback::signature::Tokens};

/// Largest body limit that may be set: with more, a response could pass gRPC's
/// default of 4 MiB.
pub const MAX_BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Most streams that can be allowed; memory gives out far below.
const MAX_STREAMS: usize = 1_000_000;
/// What a drain takes after its delay: the last requests and their appends, and the end.
const MIN_DRAIN_WORK: Duration = Duration::from_secs(5);
/// Shortest age with NATS: much longer than an append is tried again, or it might be stored twice.
const MIN_NATS_RETENTION_AGE: Duration = Duration::from_secs(60);
/// Longest times that make sense; longer ones are slips.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_STREAM_AGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const MAX_KEEPALIVE: Duration = Duration::from_secs(60 * 60);
const MAX_SIGNATURE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_DUPLICATE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_RETENTION_AGE: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
const MAX_DRAIN_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// With less, a few batches of large callbacks would be all that is kept.
const MIN_RETENTION_BYTES: u64 = 16 * 1024 * 1024;

/// The configuration as given, on the command line or otherwise.
#[derive(Debug, Clone)]
pub struct Settings {
    /// SDKAppIDs whose callbacks are accepted.
    pub sdk_app_ids: Vec<u32>,
    /// Tokens that their callbacks are signed with. An app with one takes signed callbacks only.
    pub tokens: Tokens,
    /// How far a signed callback's RequestTime may be from our clock, both ways.
    pub signature_window: Duration,
    /// How long a callback is remembered, to mark one that comes in again.
    pub duplicate_window: Duration,
    /// Take callbacks of apps without a token from other machines too.
    pub allow_unsigned: bool,
    /// Where events are kept.
    pub log: LogKind,
    /// Directory of the embedded log.
    pub data_dir: PathBuf,
    /// Memory for the newest events, in bytes.
    pub memory_bytes: usize,
    /// How old events in the embedded log may get; `None` is no bound, here and below.
    pub retention_age: Option<Duration>,
    /// How large the embedded log may get, in bytes.
    pub retention_bytes: Option<u64>,
    /// How many events the embedded log keeps.
    pub retention_count: Option<u64>,
    /// Give the embedded log another epoch, as after a backup was restored.
    pub new_epoch: bool,
    /// Set a store aside that is damaged as a whole, and begin another log; otherwise the gateway does not start.
    pub set_aside_damaged: bool,
    /// How the log in NATS JetStream is reached.
    pub nats: nats::Nats,
    /// Whether the embedded log keeps an index by account, group and command.
    pub index: bool,
    /// What the gateway calls itself, for operators.
    pub replica_name: String,
    /// Address for callbacks.
    pub http_listen: SocketAddr,
    /// Address for gRPC.
    pub grpc_listen: SocketAddr,
    /// Address for probes and metrics.
    pub admin_listen: SocketAddr,
    /// TLS for callbacks; `None`: plain HTTP.
    pub http_tls: Option<Arc<rustls::ServerConfig>>,
    /// TLS for gRPC; `None`: not encrypted.
    pub grpc_tls: Option<GrpcTls>,
    /// Tokens that gRPC clients send; without any, none is asked for.
    pub grpc_access: Access,
    /// Let anybody who reaches the gRPC listener read everything.
    pub grpc_open: bool,
    /// Path that callbacks are posted to.
    pub http_path: String,
    /// Largest body, in bytes.
    pub http_body_limit: usize,
    /// Most callback connections at once.
    pub http_max_connections: usize,
    /// How long a callback connection may stay open without a request.
    pub http_idle_timeout: Duration,
    /// Most gRPC connections at once.
    pub grpc_max_connections: usize,
    /// Most `Subscribe` streams at once.
    pub max_streams: usize,
    /// How long a client may take nothing of its stream.
    pub stall_timeout: Duration,
    /// How long a stream may last; zero: for ever.
    pub max_stream_age: Duration,
    /// After how much silence a gRPC connection is pinged.
    pub grpc_keepalive_interval: Duration,
    /// How long the answer to a ping may take.
    pub grpc_keepalive_timeout: Duration,
    /// Where spans are sent over OTLP; `None`: there are none.
    pub trace_endpoint: Option<String>,
    /// Which part of the callbacks is traced that come without a trace, 0 to 1.
    pub trace_sample_ratio: f64,
    /// How long everything goes on after the signal to stop.
    pub drain_delay: Duration,
    /// From the signal to stop to the end, at most.
    pub drain_timeout: Duration,
}

/// TLS for gRPC.
#[derive(Debug, Clone)]
pub struct GrpcTls {
    /// What connections are set up with.
    pub config: Arc<rustls::ServerConfig>,
    /// Whether it refuses clients without a certificate.
    pub needs_certificate: bool,
}

/// Where events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// In the data directory, durable before a callback is answered.
    Disk,
    /// In a stream of NATS JetStream, which several gateways share.
    Nats,
    /// In memory only: gone with the process. For trying things out.
    Memory,
}

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config(Settings);

/// Everything that is wrong with the settings, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Problem>);

/// What is wrong with one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting's key.
    pub key: &'static str,
    /// What is wrong, and what to write instead.
    pub text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrong configuration:")?;
        self.0.iter().try_for_each(|Problem { key, text }| write!(f, "\n  - {key}: {text}"))
    }
}

impl std::error::Error for ConfigError {}

/// Collects what is wrong.
#[derive(Debug, Default)]
struct Checks(Vec<Problem>);

impl Checks {
    fn require(&mut self, key: &'static str, fine: bool, text: &str) {
        if !fine {
            self.0.push(Problem { key, text: text.to_owned() });
        }
    }
}

impl Config {
    /// Checks the settings; every problem is reported at once.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let mut checks = Checks::default();
        check_callers(&settings, &mut checks);
        check_bounds(&settings, &mut checks);
        check_times(&settings, &mut checks);
        if checks.0.is_empty() { Ok(Self(settings)) } else { Err(ConfigError(checks.0)) }
    }

    /// What is in force once these have taken the place of those that change while the
    /// gateway runs: tokens, the login to NATS, and the certificates of a listener that has
    /// TLS. All the others stay, so both are checked together: what is right with new listeners may
    /// open the old ones to strangers.
    pub fn reloaded(&self, new: &Self) -> Result<Self, ConfigError> {
        let Settings { tokens, grpc_access, http_tls, grpc_tls, log, nats, .. } = new.0.clone();
        let mut settings = self.0.clone();
        settings.tokens = tokens.only(&settings.sdk_app_ids);
        if settings.http_tls.is_some() && http_tls.is_some() {
            settings.http_tls = http_tls;
        }
        if settings.grpc_tls.is_some() && grpc_tls.is_some() {
            settings.grpc_tls = grpc_tls;
        }
        let mut checks = Checks::default();
        // What is meant for other servers is shown to none of these.
        if log == settings.log && nats.is_of_the_same_servers(&settings.nats) {
            checks.require(
                "nats.login",
                nats.login.is_some() || !settings.nats.login.is_some(),
                "the login is gone, and the servers may let this gateway in no more: this takes a restart",
            );
            settings.nats.login = nats.login;
        }
        checks.require(
            "grpc.tokens",
            grpc_access.is_required() || !settings.grpc_access.is_required(),
            "the last token is gone, and whoever is connected could do everything: this takes a restart",
        );
        settings.grpc_access = grpc_access;
        for &app_id in &settings.sdk_app_ids {
            let text = format!(
                "the last token of the app {app_id} is gone, and anybody could post its callbacks: this takes a restart"
            );
            let keeps_tokens = self.0.tokens.of(app_id).is_empty() || !settings.tokens.of(app_id).is_empty();
            checks.require("tokens", keeps_tokens, &text);
        }
        match Self::new(settings) {
            Ok(config) if checks.0.is_empty() => Ok(config),
            Ok(_) => Err(ConfigError(checks.0)),
            Err(mut error) => {
                error.0.extend(checks.0);
                Err(error)
            }
        }
    }

    /// The settings, all of them right.
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    /// The same, to be taken apart.
    pub fn into_settings(self) -> Settings {
        self.0
    }
}

/// Who may call.
fn check_callers(settings: &Settings, checks: &mut Checks) {
    checks.require(
        "sdk_app_id",
        !settings.sdk_app_ids.is_empty(),
        "name every app whose callbacks are to be accepted: --sdk-app-id N, CALLBACK_GATEWAY_SDK_APP_ID=N,M, or \
         sdk_app_id = [N, M] in the file",
    );
    checks.require("sdk_app_id", !settings.sdk_app_ids.contains(&0), "0 is no SDKAppID");
    let listeners = [settings.http_listen, settings.grpc_listen, settings.admin_listen];
    for (key, listener, others) in [
        ("grpc.listen", settings.grpc_listen, &listeners[..1]),
        ("admin.listen", settings.admin_listen, &listeners[..2]),
    ] {
        let is_own = listener.port() == 0 || !others.contains(&listener);
        checks.require(key, is_own, "another listener has this address: each has its own");
    }
    checks.require(
        "tokens",
        settings.tokens.apps().all(|app_id| settings.sdk_app_ids.contains(&app_id)),
        // Without the number: where a line has its two parts exchanged, it is a token.
        "there are some for an app that sdk_app_id does not name: name it there too, and check that each line is \
         `APP_ID TOKEN`, in this order",
    );
    if !settings.allow_unsigned && !settings.http_listen.ip().is_loopback() {
        for app_id in settings.sdk_app_ids.iter().filter(|&&app_id| settings.tokens.of(app_id).is_empty()) {
            let text = format!(
                "the app {app_id} has no token, and SDKAppIDs are public: anybody who reaches {} could post its \
                 callbacks. Set a token in the console, and give it to the gateway as a line `{app_id} TOKEN` in \
                 --tokens-file (or in CALLBACK_GATEWAY_TOKENS); or pass --allow-unsigned if something else keeps \
                 strangers out",
                settings.http_listen
            );
            checks.require("tokens", false, &text);
        }
    }
    let needs_certificate = settings.grpc_tls.as_ref().is_some_and(|tls| tls.needs_certificate);
    let is_guarded = settings.grpc_access.is_required() || needs_certificate;
    let text = format!(
        "events hold private messages, and whoever reaches {} could read them. Give clients tokens \
         (--grpc-tokens-file) or require certificates of them (--grpc-tls-client-ca); or pass --grpc-auth none if \
         something else keeps strangers out, such as a mesh",
        settings.grpc_listen
    );
    let is_fine = is_guarded || settings.grpc_open || settings.grpc_listen.ip().is_loopback();
    checks.require("grpc.auth", is_fine, &text);
    checks.require(
        "grpc.auth",
        !(is_guarded && settings.grpc_open),
        "none contradicts the tokens or client certificates that are set up: take out one or the other",
    );
    let path = settings.http_path.as_str();
    checks.require(
        "http.path",
        path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && !b"!$&?#%".contains(&b)),
        "must begin with / and be plain: no spaces and none of ! $ & ? # %",
    );
}

fn check_bounds(settings: &Settings, checks: &mut Checks) {
    let bytes = settings.retention_bytes.is_none_or(|bytes| bytes >= MIN_RETENTION_BYTES);
    checks.require("retention.bytes", bytes, "must be at least 16MiB, or 0B for no bound");
    let body_limit = (1..=MAX_BODY_LIMIT).contains(&settings.http_body_limit);
    checks.require("http.body_limit", body_limit, "must be 1B to 2MiB");
    for (key, connections) in [
        ("http.max_connections", settings.http_max_connections),
        ("grpc.max_connections", settings.grpc_max_connections),
    ] {
        checks.require(key, connections > 0, "must be at least 1");
    }
    let ratio = (0.0..=1.0).contains(&settings.trace_sample_ratio);
    checks.require("trace.sample_ratio", ratio, "must be 0 to 1, such as 0.01");
    let streams = (1..=MAX_STREAMS).contains(&settings.max_streams);
    checks.require("grpc.max_streams", streams, "must be 1 to 1000000");
}

fn check_times(settings: &Settings, checks: &mut Checks) {
    let kept = settings.retention_age.is_none_or(|age| age >= MIN_NATS_RETENTION_AGE);
    checks.require(
        "retention.age",
        kept || settings.log != LogKind::Nats,
        "must be at least 1m with log = nats, or 0s for no bound: the servers know an event that is sent twice no \
         longer than they keep it",
    );
    let second = Duration::from_secs(1);
    let to = |most: Duration| second..=most;
    let or_none = |time: Duration, most: Duration| time.is_zero() || to(most).contains(&time);
    for (key, fine, text) in [
        (
            "signature_window",
            to(MAX_SIGNATURE_WINDOW).contains(&settings.signature_window),
            "must be 1s to 1day",
        ),
        (
            "duplicate_window",
            settings.duplicate_window <= MAX_DUPLICATE_WINDOW,
            "must be at most 1day, or 0s to mark nothing",
        ),
        (
            "retention.age",
            // Old events are looked for every second.
            settings.retention_age.is_none_or(|age| to(MAX_RETENTION_AGE).contains(&age)),
            "must be 1s to 100years, or 0s for no bound",
        ),
        (
            "http.idle_timeout",
            to(MAX_IDLE_TIMEOUT).contains(&settings.http_idle_timeout),
            "must be 1s to 1day",
        ),
        ("grpc.stall_timeout", to(MAX_IDLE_TIMEOUT).contains(&settings.stall_timeout), "must be 1s to 1day"),
        (
            "grpc.max_stream_age",
            or_none(settings.max_stream_age, MAX_STREAM_AGE),
            "must be 1s to 365days, or 0s for no bound",
        ),
        (
            "grpc.keepalive_interval",
            to(MAX_KEEPALIVE).contains(&settings.grpc_keepalive_interval),
            "must be 1s to 1h",
        ),
        (
            "grpc.keepalive_timeout",
            to(MAX_KEEPALIVE).contains(&settings.grpc_keepalive_timeout),
            "must be 1s to 1h",
        ),
        (
            "drain.timeout",
            (settings.drain_delay.saturating_add(MIN_DRAIN_WORK)..=MAX_DRAIN_TIMEOUT)
                .contains(&settings.drain_timeout),
            "must be at least 5s longer than drain.delay, and at most 1h",
        ),
    ] {
        checks.require(key, fine, text);
    }
}
