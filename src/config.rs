//! The configuration, parsed once into types that cannot be invalid.

pub mod nats;
pub mod raw;
pub mod read;
pub mod reference;
pub mod table;

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crate::{delivery::access::Access, ingest::callback::signature::Tokens};

/// Maximum of the body limit. With larger bodies a response could exceed gRPC's default limit of 4 MiB.
pub const MAX_BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Maximum of the stream limit. Memory runs out far below it.
const MAX_STREAMS: usize = 1_000_000;
/// Minimum time of a drain after its delay: for the last requests, their appends, and the exit.
const MIN_DRAIN_WORK: Duration = Duration::from_secs(5);
/// Minimum retention age with NATS. Must be much longer than the retries of an append, or an event might be
/// stored twice.
const MIN_NATS_RETENTION_AGE: Duration = Duration::from_secs(60);
/// Longest accepted times. Longer ones are mistakes.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_STREAM_AGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const MAX_KEEPALIVE: Duration = Duration::from_secs(60 * 60);
const MAX_SIGNATURE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_DUPLICATE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_RETENTION_AGE: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
const MAX_DRAIN_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Minimum of the retention size. Below it, a few batches of large callbacks would fill the log.
const MIN_RETENTION_BYTES: u64 = 16 * 1024 * 1024;

/// All settings of the gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// SDKAppIDs whose callbacks are accepted.
    pub sdk_app_ids: Vec<u32>,
    /// Tokens that verify callback signatures. An app with a token accepts signed callbacks only.
    pub tokens: Tokens,
    /// Maximum difference between a signed callback's RequestTime and the clock.
    pub signature_window: Duration,
    /// Time in which a repeated callback is marked as a duplicate.
    pub duplicate_window: Duration,
    /// True if unsigned callbacks from other machines are accepted for apps without a token.
    pub allow_unsigned: bool,
    /// Storage of events.
    pub log: LogKind,
    /// Directory of the embedded log.
    pub data_dir: PathBuf,
    /// Memory for the newest events, in bytes.
    pub memory_bytes: usize,
    /// Maximum age of stored events. `None` is no limit, here and below.
    pub retention_age: Option<Duration>,
    /// Maximum size of stored events, in bytes.
    pub retention_bytes: Option<u64>,
    /// Maximum number of stored events.
    pub retention_count: Option<u64>,
    /// True if the embedded log begins a new epoch, as after a backup was restored.
    pub new_epoch: bool,
    /// True if an unusable store on disk is set aside, and a NATS stream that lost events gets a new epoch.
    /// Otherwise the gateway does not start.
    pub set_aside_damaged: bool,
    /// Connection to NATS JetStream.
    pub nats: nats::Nats,
    /// True if the embedded log has an index by account, group and command.
    pub index: bool,
    /// Name of this gateway, for operators.
    pub replica_name: String,
    /// Address for callbacks.
    pub http_listen: SocketAddr,
    /// Address for gRPC.
    pub grpc_listen: SocketAddr,
    /// Address for probes and metrics.
    pub admin_listen: SocketAddr,
    /// TLS for callbacks. `None`: plain HTTP.
    pub http_tls: Option<Arc<rustls::ServerConfig>>,
    /// TLS for gRPC. `None`: not encrypted.
    pub grpc_tls: Option<GrpcTls>,
    /// Tokens of gRPC clients. If empty, calls need no token.
    pub grpc_access: Access,
    /// True if every client that reaches the gRPC listener may read all events.
    pub grpc_open: bool,
    /// URL path of callbacks.
    pub http_path: String,
    /// Maximum body size, in bytes.
    pub http_body_limit: usize,
    /// Maximum callback connections.
    pub http_max_connections: usize,
    /// Idle timeout of callback connections.
    pub http_idle_timeout: Duration,
    /// Maximum gRPC connections.
    pub grpc_max_connections: usize,
    /// Maximum `Subscribe` streams.
    pub max_streams: usize,
    /// Time after which a stream is closed whose client reads nothing.
    pub stall_timeout: Duration,
    /// Maximum age of a stream. Zero: no limit.
    pub max_stream_age: Duration,
    /// Silence on a gRPC connection after which it is pinged.
    pub grpc_keepalive_interval: Duration,
    /// Deadline of the answer to a ping.
    pub grpc_keepalive_timeout: Duration,
    /// OTLP endpoint for spans. `None`: tracing is disabled.
    pub trace_endpoint: Option<String>,
    /// Sampling ratio of callbacks without a `traceparent`, 0 to 1.
    pub trace_sample_ratio: f64,
    /// Time after SIGTERM in which everything works as before.
    pub drain_delay: Duration,
    /// Maximum time from SIGTERM to the exit.
    pub drain_timeout: Duration,
}

/// TLS for gRPC.
#[derive(Debug, Clone)]
pub struct GrpcTls {
    /// TLS configuration of new connections.
    pub config: Arc<rustls::ServerConfig>,
    /// True if clients without a certificate are rejected.
    pub needs_certificate: bool,
}

/// Storage of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// The data directory. Durable before a callback is answered.
    Disk,
    /// A stream of NATS JetStream, which several gateways share.
    Nats,
    /// Memory only: lost with the process. For trials.
    Memory,
}

/// Settings that passed all checks.
#[derive(Debug, Clone)]
pub struct Config(Settings);

/// All problems of the settings, with remedies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Problem>);

/// Problem of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Key of the setting.
    pub key: &'static str,
    /// Description of the problem, and the remedy.
    pub text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid configuration:")?;
        self.0.iter().try_for_each(|Problem { key, text }| write!(f, "\n  - {key}: {text}"))
    }
}

impl std::error::Error for ConfigError {}

/// Collects problems.
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
    /// Checks the settings. An error has all problems.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let mut checks = Checks::default();
        check_callers(&settings, &mut checks);
        check_bounds(&settings, &mut checks);
        check_times(&settings, &mut checks);
        if checks.0.is_empty() { Ok(Self(settings)) } else { Err(ConfigError(checks.0)) }
    }

    /// Returns these settings with the reloadable ones of `new`.
    ///
    /// Reloadable are tokens, the NATS login, and the certificates of a listener that has TLS. Both sets are
    /// checked together: a setting that is safe with new listeners may open the old ones to strangers.
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
        // Never send a login to servers that it was not meant for.
        if log == settings.log && nats.is_of_the_same_servers(&settings.nats) {
            checks.require(
                "nats.login",
                nats.login.is_some() || !settings.nats.login.is_some(),
                "the login was removed, and the servers may reject this gateway: restart to apply this change",
            );
            settings.nats.login = nats.login;
        }
        checks.require(
            "grpc.tokens",
            grpc_access.is_required() || !settings.grpc_access.is_required(),
            "the last token was removed, and every connected client could read all events: restart to apply this change",
        );
        settings.grpc_access = grpc_access;
        for &app_id in &settings.sdk_app_ids {
            let text = format!(
                "the last token of the app {app_id} was removed, and any client could post its callbacks: restart to apply this change"
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

    /// Returns the settings, all of them valid.
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    /// Converts into the settings.
    pub fn into_settings(self) -> Settings {
        self.0
    }
}

/// Checks which clients may call.
fn check_callers(settings: &Settings, checks: &mut Checks) {
    checks.require(
        "sdk_app_id",
        !settings.sdk_app_ids.is_empty(),
        "name each app whose callbacks are accepted: --sdk-app-id N, CALLBACK_GATEWAY_SDK_APP_ID=N,M, or \
         sdk_app_id = [N, M] in the file",
    );
    checks.require("sdk_app_id", !settings.sdk_app_ids.contains(&0), "0 is not an SDKAppID");
    let listeners = [settings.http_listen, settings.grpc_listen, settings.admin_listen];
    for (key, listener, others) in [
        ("grpc.listen", settings.grpc_listen, &listeners[..1]),
        ("admin.listen", settings.admin_listen, &listeners[..2]),
    ] {
        let is_own = listener.port() == 0 || !others.contains(&listener);
        checks.require(key, is_own, "another listener has this address: give each listener its own");
    }
    checks.require(
        "tokens",
        settings.tokens.apps().all(|app_id| settings.sdk_app_ids.contains(&app_id)),
        // The message has no number: if a line has its parts exchanged, the number is a token.
        "there are tokens for an app that sdk_app_id does not name: add it there, and check that each line is \
         `APP_ID TOKEN`, in this order",
    );
    if !settings.allow_unsigned && !settings.http_listen.ip().is_loopback() {
        for app_id in settings.sdk_app_ids.iter().filter(|&&app_id| settings.tokens.of(app_id).is_empty()) {
            let text = format!(
                "the app {app_id} has no token, and SDKAppIDs are public: any client that reaches {} could post its \
                 callbacks. Set a token in the console and pass it to the gateway as a line `{app_id} TOKEN` in \
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
        "events hold private messages, and any client that reaches {} could read them. Give clients tokens \
         (--grpc-tokens-file) or require client certificates (--grpc-tls-client-ca); or pass --grpc-auth none if \
         something else keeps strangers out, such as a mesh",
        settings.grpc_listen
    );
    let is_fine = is_guarded || settings.grpc_open || settings.grpc_listen.ip().is_loopback();
    checks.require("grpc.auth", is_fine, &text);
    checks.require(
        "grpc.auth",
        !(is_guarded && settings.grpc_open),
        "none conflicts with the configured tokens or client certificates: remove one or the other",
    );
    let path = settings.http_path.as_str();
    checks.require(
        "http.path",
        path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && !b"!$&?#%".contains(&b)),
        "must begin with / and contain no spaces and none of ! $ & ? # %",
    );
}

fn check_bounds(settings: &Settings, checks: &mut Checks) {
    let bytes = settings.retention_bytes.is_none_or(|bytes| bytes >= MIN_RETENTION_BYTES);
    checks.require("retention.bytes", bytes, "must be at least 16MiB, or 0B for no limit");
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
        "must be at least 1m with log = nats, or 0s for no limit: the servers detect an event that is sent twice \
         only while they store it",
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
            "must be at most 1day, or 0s to disable the mark",
        ),
        (
            "retention.age",
            // Old events are deleted once per second.
            settings.retention_age.is_none_or(|age| to(MAX_RETENTION_AGE).contains(&age)),
            "must be 1s to 100years, or 0s for no limit",
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
            "must be 1s to 365days, or 0s for no limit",
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
