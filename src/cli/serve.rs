//! `serve`: runs the gateway.

use std::{collections::BTreeSet, fs, io, path::PathBuf, sync::Arc};

use rustix::process::{Resource, Rlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    Failure,
    config::{self, Sources, failure},
};
use crate::{
    app::{Addresses, App, Reload},
    config::{
        Config, Settings,
        raw::RawSettings,
        table::{SETTINGS, Setting},
    },
    delivery::runtime,
    observe::telemetry::{self, LogLevel},
};

/// Run the gateway
///
/// SIGTERM and SIGINT drain the gateway. A second one ends it at once. SIGHUP reloads the configuration:
/// tokens, certificates and the log level take effect.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    sources: Sources,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        runtime::check_threads().map_err(|error| {
            Failure::Other(format!("cannot start: the system does not grant the threads: {error}"))
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_keep_alive(runtime::BLOCKING_THREAD)
            .enable_all()
            .build()
            .map_err(|error| Failure::Other(format!("cannot start: {error}")))?;
        runtime::start_blocking_thread(runtime.handle());
        // First of all: a signal during the reading of files must not end the process by its default action.
        let signals = {
            let _context = runtime.enter();
            Signals::new().map_err(|error| Failure::Other(format!("cannot start: {error}")))?
        };
        let (raw, loaded) = self.sources.load().map_err(|problems| failure(&problems))?;
        // Dropped at the end, which writes queued lines.
        let logs = telemetry::init(loaded.log_format, &loaded.log_level)
            .map_err(|error| Failure::Other(format!("cannot start logging: {error}")))?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        report_apps(loaded.config.settings());
        raise_file_limit();
        let reloading = Reloading { sources: self.sources, raw, log_level: logs.level() };
        let outcome = runtime.block_on(serve(loaded.config, loaded.ready_file, signals, reloading));
        // After a second signal, do not wait for tasks.
        runtime.shutdown_background();
        outcome
    }
}

/// Reads the configuration again.
struct Reloading {
    sources: Sources,
    /// Values of the start, updated by each reload.
    raw: RawSettings,
    log_level: LogLevel,
}

impl Reloading {
    /// Applies what can be reloaded. On an error nothing changes.
    fn reload(&mut self, reload: &Reload) {
        let (raw, loaded) = match self.sources.load() {
            Ok(loaded) => loaded,
            Err(problems) => {
                let problems = config::message(&problems);
                tracing::error!("the configuration was not reloaded; the old one stays in force: {problems}");
                return;
            }
        };
        if let Err(error) = reload.apply(&loaded.config) {
            tracing::error!(
                "the configuration was not reloaded; the old one stays in force: combined with the settings that need a \
                 restart, {error}"
            );
            return;
        }
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        self.log_level.set(&loaded.log_level);
        let needs_restart: Vec<&str> = SETTINGS
            .iter()
            .filter(|setting| needs_restart(setting, &self.raw, &raw))
            .map(|setting| setting.key)
            .collect();
        if needs_restart.is_empty() {
            tracing::info!("the configuration was reloaded");
        } else {
            tracing::warn!(
                settings = needs_restart.join(", "),
                "the configuration was reloaded, but changed settings need a restart"
            );
        }
    }
}

/// Returns whether a setting changed in a way that needs a restart.
fn needs_restart(setting: &Setting, old: &RawSettings, new: &RawSettings) -> bool {
    let (old, new) = (old.get(setting).0, new.get(setting).0);
    // A listener cannot turn TLS on or off.
    let is_switched = setting.key.ends_with(".tls_cert") && old.is_empty() != new.is_empty();
    old != new && (!setting.reloads || is_switched)
}

/// Logs which apps' callbacks are verified. Never logs tokens.
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
        tracing::warn!(apps = ?unsigned, "callbacks of apps without a token are accepted unsigned from any client; set tokens for them");
    } else {
        tracing::info!(apps = ?unsigned, "callbacks of apps without a token are accepted unsigned, from this machine only");
    }
}

/// `OPEN_MAX` of macOS.
const APPLE_OPEN_MAX: u64 = 10_240;

/// Raises the soft limit of open files: each connection takes a file descriptor, and the usual limit of 1024
/// is below the connection limits.
fn raise_file_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let current = if cfg!(target_vendor = "apple") {
        // macOS reports no maximum, but rejects more than this.
        Some(limit.maximum.map_or(APPLE_OPEN_MAX, |maximum| maximum.min(APPLE_OPEN_MAX)))
    } else {
        limit.maximum
    };
    let raised = Rlimit { current, maximum: limit.maximum };
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit on open files; connections may fail below the configured limits");
    }
}

async fn serve(
    config: Config,
    ready_file: Option<PathBuf>,
    signals: Signals,
    mut reloading: Reloading,
) -> Result<(), Failure> {
    let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
    let Signals { mut end, mut hangup } = signals;
    let ready_file = ready_file.map(ReadyFile::new).transpose()?;
    let app = App::bind(config).await.map_err(|error| other(&error))?;
    let addresses = app.addresses();
    if let Some(file) = &ready_file {
        file.write(&addresses)?;
    }
    tracing::info!(http = %addresses.http, grpc = %addresses.grpc, admin = %addresses.admin, "ready");

    let reload = app.reload();
    let reload_at_signals = async {
        while hangup.recv().await.is_some() {
            // A reload reads files, so it runs on a blocking thread. Signals meanwhile are merged.
            let reload = Arc::clone(&reload);
            let reloaded = tokio::task::spawn_blocking(move || {
                reloading.reload(&reload);
                reloading
            });
            match reloaded.await {
                Ok(done) => reloading = done,
                Err(error) => {
                    tracing::error!(%error, "the reload panicked; restart the gateway to apply configuration changes");
                    break;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let (first, at_first) = tokio::sync::oneshot::channel();
    let run = app.run(async {
        // Ignore the error: the sender is dropped only together with this future.
        at_first.await.ok();
    });
    let twice = async {
        end.next().await;
        first.send(()).ok();
        end.next().await;
    };
    tokio::select! {
        ended = run => ended.map_err(|error| other(&error)),
        () = reload_at_signals => unreachable!("the reload loop never ends"),
        () = twice => Err(Failure::Other("interrupted by a second signal before the drain was complete".to_owned())),
    }
}

/// Signals that the gateway handles.
struct Signals {
    end: End,
    hangup: Signal,
}

/// Signals that end the gateway.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let end =
            End { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        Ok(Self { end, hangup: signal(SignalKind::hangup())? })
    }
}

impl End {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// File with the bound addresses, for scripts that use port 0.
struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Removes the file of an earlier run, so that no script reads old addresses.
    fn new(path: PathBuf) -> Result<Self, Failure> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::Other(format!("--ready-file {}: {error}", path.display())))
            }
            _ => Ok(Self(path)),
        }
    }

    /// Writes a temporary file and renames it, so that readers see a complete file.
    fn write(&self, addresses: &Addresses) -> Result<(), Failure> {
        let json = serde_json::to_string(addresses).expect("three addresses always serialize");
        let mut unfinished = self.0.clone().into_os_string();
        unfinished.push(".tmp");
        fs::write(&unfinished, json + "\n")
            .and_then(|()| fs::rename(&unfinished, &self.0))
            .map_err(|error| Failure::Other(format!("--ready-file {}: {error}", self.0.display())))
    }
}
