//! `serve`: runs the gateway.

use std::{collections::BTreeSet, fs, io, net::SocketAddr, path::PathBuf, time::Duration};

use bytesize::ByteSize;
use clap::{ArgAction, builder::BoolishValueParser};
use rustix::process::{Resource, Rlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, tokens};
use crate::{
    app::{Addresses, App},
    config::{Config, LogKind, Settings},
    telemetry::{self, LogFormat},
};

/// Run the gateway
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// SDKAppID whose callbacks are accepted; repeat it for several apps
    #[arg(long = "sdk-app-id", value_name = "N", env = "CALLBACK_GATEWAY_SDK_APP_ID", value_delimiter = ',')]
    sdk_app_ids: Vec<u32>,

    /// File with the tokens that callbacks are signed with: lines `APP_ID TOKEN`, several for one
    /// app while a token is being changed. The same lines may stand in CALLBACK_GATEWAY_TOKENS
    // What the variable has is not shown: somebody may have put the tokens themselves there.
    #[arg(long, value_name = "PATH", env = "CALLBACK_GATEWAY_TOKENS_FILE", hide_env_values = true)]
    tokens_file: Option<PathBuf>,

    /// How far a signed callback's RequestTime may be from the clock, both ways
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_SIGNATURE_WINDOW", default_value = "60s",
        value_parser = humantime::parse_duration)]
    signature_window: Duration,

    /// How long a callback is remembered, to mark one that comes in again; 0s marks nothing
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_DUPLICATE_WINDOW", default_value = "10m",
        value_parser = humantime::parse_duration)]
    duplicate_window: Duration,

    /// Take callbacks of apps without a token from other machines too
    #[arg(long, env = "CALLBACK_GATEWAY_ALLOW_UNSIGNED", value_parser = BoolishValueParser::new())]
    allow_unsigned: bool,

    /// Where events are kept: on disk, or (for trying things out) in memory only
    #[arg(long, value_name = "KIND", env = "CALLBACK_GATEWAY_LOG", value_enum, default_value = "disk")]
    log: LogKind,

    /// Directory of the log; made if it is missing
    #[arg(long, value_name = "DIR", env = "CALLBACK_GATEWAY_DATA_DIR", default_value = "./data")]
    data_dir: PathBuf,

    /// Memory for the newest events, from which live subscribers are served
    #[arg(long, value_name = "SIZE", env = "CALLBACK_GATEWAY_MEMORY", default_value = "64MiB")]
    memory: ByteSize,

    /// How old events on disk may get; 0s is no bound
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_RETENTION_AGE", default_value = "7days",
        value_parser = humantime::parse_duration)]
    retention_age: Duration,

    /// How large the events on disk may get, at least 16MiB; 0B is no bound. The disk needs
    /// about 150MiB more, and some 30 bytes an event for the index
    #[arg(long, value_name = "SIZE", env = "CALLBACK_GATEWAY_RETENTION_BYTES", default_value = "10GiB")]
    retention_bytes: ByteSize,

    /// How many events are kept on disk; 0 is no bound
    #[arg(long, value_name = "N", env = "CALLBACK_GATEWAY_RETENTION_COUNT", default_value = "0")]
    retention_count: u64,

    /// Have the log on disk begin a new epoch, for the one start after a backup was restored:
    /// every earlier cursor is refused
    #[arg(long, env = "CALLBACK_GATEWAY_NEW_EPOCH", value_parser = BoolishValueParser::new())]
    new_epoch: bool,
    /// Keep an index by account, group and command: off only to measure without it
    #[arg(long, value_name = "on|off", env = "CALLBACK_GATEWAY_INDEX", default_value = "on", hide = true,
        action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    index: bool,

    /// Address for callbacks; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "CALLBACK_GATEWAY_HTTP_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    http_listen: SocketAddr,

    /// Address for gRPC; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "CALLBACK_GATEWAY_GRPC_LISTEN",
        default_value = "127.0.0.1:50051"
    )]
    grpc_listen: SocketAddr,

    /// Address for the probes /livez and /readyz; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "CALLBACK_GATEWAY_ADMIN_LISTEN",
        default_value = "127.0.0.1:9090"
    )]
    admin_listen: SocketAddr,

    /// Path that callbacks are posted to
    #[arg(long, value_name = "PATH", env = "CALLBACK_GATEWAY_HTTP_PATH", default_value = "/")]
    http_path: String,

    /// Largest callback body, at most 2MiB
    #[arg(long, value_name = "SIZE", env = "CALLBACK_GATEWAY_HTTP_BODY_LIMIT", default_value = "1MiB")]
    http_body_limit: ByteSize,

    /// Most callback connections at once; beyond it the longest-idle one gives way
    #[arg(long, value_name = "N", env = "CALLBACK_GATEWAY_HTTP_MAX_CONNECTIONS", default_value = "1024")]
    http_max_connections: usize,

    /// How long a callback connection may stay open without a request; longer than a proxy's
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_HTTP_IDLE_TIMEOUT", default_value = "75s",
        value_parser = humantime::parse_duration)]
    http_idle_timeout: Duration,

    /// Most gRPC connections at once; beyond it new ones wait
    #[arg(long, value_name = "N", env = "CALLBACK_GATEWAY_GRPC_MAX_CONNECTIONS", default_value = "6000")]
    grpc_max_connections: usize,

    /// Most Subscribe streams at once; further ones get RESOURCE_EXHAUSTED
    #[arg(long, value_name = "N", env = "CALLBACK_GATEWAY_MAX_STREAMS", default_value = "5000")]
    max_streams: usize,

    /// How long a client may take nothing of its stream, not a piece of 16KiB, before it loses it
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_STALL_TIMEOUT", default_value = "5m",
        value_parser = humantime::parse_duration)]
    stall_timeout: Duration,

    /// How long a stream may last, so that streams spread over replicas again; 0s for ever
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_MAX_STREAM_AGE", default_value = "0s",
        value_parser = humantime::parse_duration)]
    max_stream_age: Duration,

    /// After how much silence a gRPC connection is pinged
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_GRPC_KEEPALIVE_INTERVAL", default_value = "30s",
        value_parser = humantime::parse_duration)]
    grpc_keepalive_interval: Duration,

    /// How long the answer to a ping may take before the connection is closed
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_GRPC_KEEPALIVE_TIMEOUT", default_value = "20s",
        value_parser = humantime::parse_duration)]
    grpc_keepalive_timeout: Duration,

    /// How long callbacks are still taken after SIGTERM, while proxies learn of it
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_DRAIN_DELAY", default_value = "5s",
        value_parser = humantime::parse_duration)]
    drain_delay: Duration,

    /// Time from SIGTERM to the end, at most
    #[arg(long, value_name = "TIME", env = "CALLBACK_GATEWAY_DRAIN_TIMEOUT", default_value = "20s",
        value_parser = humantime::parse_duration)]
    drain_timeout: Duration,

    /// File to write the bound addresses to, as JSON, once all is ready
    #[arg(long, value_name = "PATH", env = "CALLBACK_GATEWAY_READY_FILE")]
    ready_file: Option<PathBuf>,

    /// Form of log lines
    #[arg(
        long,
        value_name = "FORMAT",
        env = "CALLBACK_GATEWAY_LOG_FORMAT",
        value_enum,
        default_value = "auto"
    )]
    log_format: LogFormat,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let settings = Settings {
            tokens: tokens::load(self.tokens_file.as_deref())?,
            signature_window: self.signature_window,
            duplicate_window: self.duplicate_window,
            allow_unsigned: self.allow_unsigned,
            sdk_app_ids: self.sdk_app_ids,
            log: self.log,
            data_dir: self.data_dir,
            memory_bytes: bytes(self.memory),
            retention_age: Some(self.retention_age).filter(|age| !age.is_zero()),
            retention_bytes: Some(self.retention_bytes.as_u64()).filter(|&bytes| bytes > 0),
            retention_count: Some(self.retention_count).filter(|&count| count > 0),
            new_epoch: self.new_epoch,
            index: self.index,
            http_listen: self.http_listen,
            grpc_listen: self.grpc_listen,
            admin_listen: self.admin_listen,
            http_path: self.http_path,
            http_body_limit: bytes(self.http_body_limit),
            http_max_connections: self.http_max_connections,
            http_idle_timeout: self.http_idle_timeout,
            grpc_max_connections: self.grpc_max_connections,
            max_streams: self.max_streams,
            stall_timeout: self.stall_timeout,
            max_stream_age: self.max_stream_age,
            grpc_keepalive_interval: self.grpc_keepalive_interval,
            grpc_keepalive_timeout: self.grpc_keepalive_timeout,
            drain_delay: self.drain_delay,
            drain_timeout: self.drain_timeout,
        };
        let config = Config::new(settings).map_err(|error| Failure::Usage(error.to_string()))?;
        // Until the end: what is queued then is written.
        let _logs =
            telemetry::init(self.log_format).map_err(|error| Failure::Usage(format!("RUST_LOG: {error}")))?;
        if let Some(warning) = tokens::exposure(self.tokens_file.as_deref()) {
            tracing::warn!("{warning}");
        }
        report_apps(config.settings());
        raise_file_limit();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Other(format!("cannot start: {error}")))?;
        let outcome = runtime.block_on(serve(config, self.ready_file));
        // After a second signal nothing is waited for.
        runtime.shutdown_background();
        outcome
    }
}

/// Says whose callbacks are verified. Of tokens it says nothing.
fn report_apps(settings: &Settings) {
    let apps = settings.sdk_app_ids.iter().copied().collect::<BTreeSet<_>>().into_iter();
    let (verified, unsigned): (Vec<u32>, Vec<u32>) =
        apps.partition(|&app_id| !settings.tokens.of(app_id).is_empty());
    if !verified.is_empty() {
        tracing::info!(apps = ?verified, "callbacks of these apps must be signed");
    }
    if unsigned.is_empty() {
        return;
    }
    if settings.allow_unsigned {
        tracing::warn!(apps = ?unsigned, "callbacks of these apps are taken from anybody: they have no token");
    } else {
        tracing::info!(apps = ?unsigned, "callbacks of these apps are taken unsigned: they have no token");
    }
}

/// A size in bytes; one that this machine cannot address is as good as its largest.
fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

/// Every connection takes a file descriptor, and the usual soft limit of 1024 is
/// below the connection caps.
fn raise_file_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "could not raise the limit on open files");
    }
}

async fn serve(config: Config, ready_file: Option<PathBuf>) -> Result<(), Failure> {
    let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
    let mut signals = Signals::new().map_err(|error| other(&error))?;
    let ready_file = ready_file.map(ReadyFile::new).transpose()?;
    let app = App::bind(config).await.map_err(|error| other(&error))?;
    let addresses = app.addresses();
    if let Some(file) = &ready_file {
        file.write(&addresses)?;
    }
    tracing::info!(http = %addresses.http, grpc = %addresses.grpc, admin = %addresses.admin, "ready");

    let (first, at_first) = tokio::sync::oneshot::channel();
    let run = app.run(async {
        // The sender is only dropped together with this future.
        at_first.await.ok();
    });
    let twice = async {
        signals.next().await;
        first.send(()).ok();
        signals.next().await;
    };
    tokio::select! {
        ended = run => ended.map_err(|error| other(&error)),
        () = twice => Err(Failure::Other("ended at once by a second signal".to_owned())),
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says where the gateway listens, for scripts that start it on port 0.
struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Removes what an earlier run left, so that nobody takes it for ours.
    fn new(path: PathBuf) -> Result<Self, Failure> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::Other(format!("--ready-file {}: {error}", path.display())))
            }
            _ => Ok(Self(path)),
        }
    }

    /// Written under another name first: whoever sees the file sees all of it.
    fn write(&self, addresses: &Addresses) -> Result<(), Failure> {
        let json = serde_json::to_string(addresses).expect("three addresses always serialize");
        let mut unfinished = self.0.clone().into_os_string();
        unfinished.push(".tmp");
        fs::write(&unfinished, json + "\n")
            .and_then(|()| fs::rename(&unfinished, &self.0))
            .map_err(|error| Failure::Other(format!("--ready-file {}: {error}", self.0.display())))
    }
}
