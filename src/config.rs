//! The configuration, parsed once into a form that cannot be wrong.

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use crate::callback::signature::Tokens;

/// Largest body limit that may be set: with more, a response could pass gRPC's
/// default of 4 MiB.
pub const MAX_BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Most streams that can be allowed; memory gives out far below.
const MAX_STREAMS: usize = 1_000_000;
/// What a drain takes after its delay: the last requests and their appends, and the end.
const MIN_DRAIN_WORK: Duration = Duration::from_secs(5);
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
    /// Whether the embedded log keeps an index by account, group and command.
    pub index: bool,
    /// Address for callbacks.
    pub http_listen: SocketAddr,
    /// Address for gRPC.
    pub grpc_listen: SocketAddr,
    /// Address for probes.
    pub admin_listen: SocketAddr,
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
    /// How long everything goes on after the signal to stop.
    pub drain_delay: Duration,
    /// From the signal to stop to the end, at most.
    pub drain_timeout: Duration,
}

/// Where events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogKind {
    /// In the data directory, durable before a callback is answered.
    Disk,
    /// In memory only: gone with the process. For trying things out.
    Memory,
}

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config(Settings);

/// Everything that is wrong with the settings, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrong configuration:")?;
        for problem in &self.0 {
            f.write_char('\n')?;
            write!(f, "  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Checks the settings; every problem is reported at once.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut require = |fine: bool, problem: &str| {
            if !fine {
                problems.push(problem.to_owned());
            }
        };
        require(
            !settings.sdk_app_ids.is_empty(),
            "no SDKAppID: pass --sdk-app-id N for every app whose callbacks are to be accepted \
             (or set CALLBACK_GATEWAY_SDK_APP_ID=N,M)",
        );
        require(!settings.sdk_app_ids.contains(&0), "--sdk-app-id: 0 is no SDKAppID");
        require(
            settings.tokens.apps().all(|app_id| settings.sdk_app_ids.contains(&app_id)),
            // Without the number: where a line has its two parts exchanged, it is a token.
            "there are tokens for an app that --sdk-app-id does not name: pass --sdk-app-id for it too, and \
             check that each line is `APP_ID TOKEN`, in this order",
        );
        if !settings.allow_unsigned && !settings.http_listen.ip().is_loopback() {
            for app_id in settings.sdk_app_ids.iter().filter(|&&app_id| settings.tokens.of(app_id).is_empty())
            {
                require(
                    false,
                    &format!(
                        "the app {app_id} has no token, and SDKAppIDs are public: anybody who reaches \
                         --http-listen could post its callbacks. Set a token in the console, and give it to \
                         the gateway as a line `{app_id} TOKEN` in --tokens-file (or in \
                         CALLBACK_GATEWAY_TOKENS); or pass --allow-unsigned if something else keeps strangers out"
                    ),
                );
            }
        }
        require(
            (Duration::from_secs(1)..=MAX_SIGNATURE_WINDOW).contains(&settings.signature_window),
            "--signature-window must be 1s to 1day",
        );
        require(
            settings.duplicate_window <= MAX_DUPLICATE_WINDOW,
            "--duplicate-window must be at most 1day, or 0s to mark nothing",
        );
        // Old events are looked for every second.
        let ages = Duration::from_secs(1)..=MAX_RETENTION_AGE;
        require(
            settings.retention_age.is_none_or(|age| ages.contains(&age)),
            "--retention-age must be 1s to 100years, or 0s for no bound",
        );
        require(
            settings.retention_bytes.is_none_or(|bytes| bytes >= MIN_RETENTION_BYTES),
            "--retention-bytes must be at least 16MiB, or 0B for no bound",
        );
        let path = settings.http_path.as_str();
        require(
            path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && !b"!$&?#%".contains(&b)),
            "--http-path must begin with / and be plain: no spaces and none of ! $ & ? # %",
        );
        require(
            (1..=MAX_BODY_LIMIT).contains(&settings.http_body_limit),
            "--http-body-limit must be 1B to 2MiB",
        );
        require(settings.http_max_connections > 0, "--http-max-connections must be at least 1");
        require(settings.grpc_max_connections > 0, "--grpc-max-connections must be at least 1");
        require(
            (Duration::from_secs(1)..=MAX_IDLE_TIMEOUT).contains(&settings.http_idle_timeout),
            "--http-idle-timeout must be 1s to 1day",
        );
        require((1..=MAX_STREAMS).contains(&settings.max_streams), "--max-streams must be 1 to 1000000");
        let second = Duration::from_secs(1);
        require(
            (second..=MAX_IDLE_TIMEOUT).contains(&settings.stall_timeout),
            "--stall-timeout must be 1s to 1day",
        );
        require(
            settings.max_stream_age.is_zero() || (second..=MAX_STREAM_AGE).contains(&settings.max_stream_age),
            "--max-stream-age must be 1s to 365days, or 0s for no bound",
        );
        for (option, time) in [
            ("--grpc-keepalive-interval", settings.grpc_keepalive_interval),
            ("--grpc-keepalive-timeout", settings.grpc_keepalive_timeout),
        ] {
            require((second..=MAX_KEEPALIVE).contains(&time), &format!("{option} must be 1s to 1h"));
        }
        let least = settings.drain_delay.saturating_add(MIN_DRAIN_WORK);
        require(
            (least..=MAX_DRAIN_TIMEOUT).contains(&settings.drain_timeout),
            "--drain-timeout must be at least 5s longer than --drain-delay, and at most 1h",
        );
        if problems.is_empty() { Ok(Self(settings)) } else { Err(ConfigError(problems)) }
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
