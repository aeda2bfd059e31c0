//! Assembly of the gateway: binds the listeners, opens the log, serves, and drains in order.

mod admin;
mod health;
mod listeners;
mod recall;
mod reload;
mod scrape;

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use prometheus::IntCounter;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{Semaphore, watch},
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use self::scrape::{Disk, Scrape};
use self::{
    health::{can_read, report_health},
    listeners::Listeners,
    recall::{Stored, newest_time, remember},
};
pub use self::{listeners::Addresses, reload::Reload};
use crate::{
    config::{Config, LogKind, Settings},
    delivery::{
        grpc::{self, Health, StreamRegistry},
        runtime::DeliveryRuntime,
    },
    ingest::{
        callback::duplicates::{Duplicates, MAX_REMEMBERED},
        connection::{self, Limits, ListenerMetrics},
        http::{self, Front},
    },
    log::{
        EventLog, LogState,
        disk::{DiskLog, DiskOptions, OpenError, Retention},
        jetstream::{self, JetStreamLog},
        memory::MemoryLog,
    },
    net::{nats_login::Login, shutdown::Drain, tls},
    observe::trace::Tracer,
};

/// Maximum connections of the admin listener.
const ADMIN_MAX_CONNECTIONS: usize = 64;
/// Time for the last requests once their listener is closed. Longer than each request's own deadline.
const LAST_REQUESTS: Duration = Duration::from_secs(4);
/// Last part of the drain timeout. Connections are cut when it begins, so that the process ends within the
/// timeout.
const CUT_GRACE: Duration = Duration::from_secs(1);
/// Time for the log to write its accepted events and to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Reason why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be bound.
    #[error("cannot listen on {address} ({option}): {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The setting that names the address.
        option: &'static str,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The log could not be opened.
    #[error("cannot open the log: {0}")]
    Log(#[from] OpenError),
    /// The log in NATS JetStream could not be opened.
    #[error("cannot open the log: {0}")]
    JetStream(#[from] jetstream::OpenError),
    /// The system did not grant the threads of the `delivery` runtime.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// The operating system did not return random numbers.
    #[error("cannot get random numbers from the operating system: {0}")]
    Random(#[from] getrandom::Error),
    /// The system clock is before 1970.
    #[error(
        "the system clock is before 1970, which HTTP dates cannot express; set the clock, then start again"
    )]
    Clock,
    /// A startup task panicked.
    #[error("startup failed: {0}")]
    Panic(#[from] JoinError),
}

/// Reason why the gateway ended without a complete drain.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A server or the log stopped unexpectedly.
    #[error("the {0} stopped unexpectedly; the log lines above have the cause")]
    Stopped(&'static str),
    /// The log did not close in time.
    #[error("the log did not close within {} seconds", CLOSE_TIMEOUT.as_secs())]
    Close,
}

/// Closes the log within [`CLOSE_TIMEOUT`], or as long as it saves the events of a deleted store.
async fn close(log: &dyn EventLog) -> Result<(), RunError> {
    let mut closing = log.close();
    loop {
        match timeout(CLOSE_TIMEOUT, &mut closing).await {
            Ok(()) => return Ok(()),
            Err(_) if log.anomalies().is_saving => {
                tracing::warn!(
                    "still saving the events of the deleted store; killing the gateway now loses them"
                );
            }
            Err(_) => return Err(RunError::Close),
        }
    }
}

fn retention(settings: &Settings) -> Retention {
    Retention {
        age: settings.retention_age,
        bytes: settings.retention_bytes,
        count: settings.retention_count,
    }
}

fn delivery() -> Result<DeliveryRuntime, StartError> {
    DeliveryRuntime::new().map_err(StartError::Threads)
}

fn jetstream_options(
    settings: &Settings,
    login: watch::Receiver<Login>,
    reading_runtime: Handle,
) -> jetstream::Options {
    let nats = settings.nats.clone();
    jetstream::Options {
        servers: nats.urls,
        stream: nats.stream,
        subject_prefix: nats.subject_prefix,
        replicas: nats.replicas,
        login,
        tls: jetstream::Tls { ca: nats.tls_ca, identity: nats.tls_identity },
        retention: retention(settings),
        ring_bytes: settings.memory_bytes,
        reading_runtime: Some(reading_runtime),
        scratch_dir: Some(settings.data_dir.clone()),
        has_index: settings.index,
        accepts_lost_end: settings.set_aside_damaged,
    }
}

/// A gateway with bound listeners and an open log, before it serves.
pub struct App {
    config: Config,
    reload: Arc<Reload>,
    delivery: DeliveryRuntime,
    log: Arc<dyn EventLog>,
    http: TcpListener,
    grpc: TcpListener,
    admin: TcpListener,
    addresses: Addresses,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl App {
    /// Binds all listeners, then opens the configured log.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        check_clock(SystemTime::now())?;
        let listeners = Listeners::bind(&config)?;
        let (reload, delivery) = (Reload::new(&config), delivery()?);
        let settings = config.settings();
        let log: Arc<dyn EventLog> = match settings.log {
            LogKind::Memory => {
                tracing::warn!("events are stored in memory only and are lost when the process ends");
                Arc::new(MemoryLog::new(settings.memory_bytes)?)
            }
            LogKind::Nats => {
                let login = reload.nats_login.subscribe();
                let options = jetstream_options(settings, login, delivery.handle().clone());
                Arc::new(JetStreamLog::open(options).await?)
            }
            LogKind::Disk => {
                let options = DiskOptions {
                    dir: settings.data_dir.clone(),
                    ring_bytes: settings.memory_bytes,
                    retention: retention(settings),
                    new_epoch: settings.new_epoch,
                    index: settings.index,
                    set_aside_damaged: settings.set_aside_damaged,
                };
                Arc::new(tokio::task::spawn_blocking(move || DiskLog::open(options)).await??)
            }
        };
        Ok(listeners.with_log(config, reload, delivery, log))
    }

    /// Binds all listeners and uses a log that the caller opened.
    pub async fn bind_with_log(config: Config, log: Arc<dyn EventLog>) -> Result<Self, StartError> {
        let reload = Reload::new(&config);
        Ok(Listeners::bind(&config)?.with_log(config, reload, delivery()?, log))
    }

    /// Returns the bound addresses.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Returns the handle that applies a changed configuration.
    pub fn reload(&self) -> Arc<Reload> {
        Arc::clone(&self.reload)
    }

    /// Serves until `shutdown` completes, then drains.
    ///
    /// The drain has these steps:
    ///
    /// 1. Readiness is withdrawn. Callbacks are still accepted for the drain delay.
    /// 2. The gRPC listener closes and streams end. Streams that are still open at their deadline are cut.
    /// 3. The callback listener closes. It closes after gRPC so that a slow subscriber cannot lengthen the
    ///    time in which callbacks are refused.
    /// 4. The last callbacks are stored, and the log closes.
    ///
    /// Cut connections are not an error.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { config, reload, delivery, log, http, grpc, admin, .. } = self;
        let settings = config.into_settings();
        let drain = Drain::new();
        // These two close after gRPC has ended.
        let callback_drain = Drain::new();
        let admin_drain = Drain::new();
        let health = Health::new();
        let mut log_state = log.state();
        // Set before the listeners are served.
        let writable = *log_state.borrow() == LogState::Writable;
        health.set_storing(writable);
        health.set_reading(can_read(&*log).await);
        health.set_answering(true);

        let duplicates = Arc::new(Duplicates::new(settings.duplicate_window, MAX_REMEMBERED));
        let stored = Stored::begin(&*log, &duplicates).await;
        let newest_stored = newest_time(&*log, stored.end).await;
        let refusals = Arc::clone(&reload.refusals);
        let metrics = Arc::clone(&reload.metrics);
        let tracer = settings.trace_endpoint.and_then(|endpoint| {
            let tracer = Tracer::new(&endpoint, settings.trace_sample_ratio);
            tracer
                .inspect_err(
                    |error| tracing::error!(%error, "tracing disabled: cannot start the OTLP exporter"),
                )
                .ok()
        });
        let front = Front {
            path: settings.http_path,
            apps: reload.apps.subscribe(),
            body_limit: settings.http_body_limit,
            duplicates: Arc::clone(&duplicates),
            refusals: Arc::clone(&refusals),
            metrics: Arc::clone(&metrics),
            tracer: tracer.clone(),
        };
        let limits = Limits {
            max_connections: settings.http_max_connections,
            header_timeout: http::HEADER_TIMEOUT,
            idle_timeout: settings.http_idle_timeout,
        };
        let admin_limits = Limits { max_connections: ADMIN_MAX_CONNECTIONS, ..limits };
        let grpc_limits = grpc::Limits {
            max_connections: settings.grpc_max_connections,
            first_call_timeout: grpc::FIRST_CALL_TIMEOUT,
            max_streams: settings.max_streams,
            stall_timeout: settings.stall_timeout,
            max_stream_age: (!settings.max_stream_age.is_zero()).then_some(settings.max_stream_age),
            keepalive_interval: settings.grpc_keepalive_interval,
            keepalive_timeout: settings.grpc_keepalive_timeout,
        };
        let streams = StreamRegistry::new(&grpc_limits, Arc::clone(&metrics), tracer.clone());
        let scrape = Arc::new(Scrape {
            metrics: Arc::clone(&metrics),
            log: Arc::clone(&log),
            streams: Arc::clone(&streams),
            refusals: Arc::clone(&refusals),
            newest_stored,
            drain: drain.clone(),
            disk: (settings.log == LogKind::Disk).then_some(Disk {
                dir: settings.data_dir,
                retention_bytes: settings.retention_bytes,
                retention_age: settings.retention_age,
            }),
            turn: Arc::new(Semaphore::new(1)),
        });
        let probes = admin::router(Arc::clone(&log), scrape, drain.clone());
        let callbacks = http::router(front, Arc::clone(&log));
        let duplicates_task = tokio::spawn(remember(Arc::clone(&log), duplicates, stored));
        let health_task = tokio::spawn(report_health(Arc::clone(&log), health.clone(), drain.clone()));
        let mut admin_task =
            tokio::spawn(connection::serve(admin, None, probes, admin_limits, admin_drain.clone(), None));
        let tls = |config: &Option<watch::Sender<_>>, failures: &IntCounter| {
            let config = config.as_ref()?.subscribe();
            Some(tls::Acceptor { config, failures: failures.clone() })
        };
        let http_tls = tls(&reload.http_tls, &metrics.http_handshake_failures);
        let grpc_tls = tls(&reload.grpc_tls, &metrics.grpc_handshake_failures);
        let counted = Some(ListenerMetrics {
            bad: metrics.http_bad_connections.clone(),
            connections: metrics.http_connections.clone(),
        });
        let mut http_task = tokio::spawn(connection::serve(
            http,
            http_tls,
            callbacks,
            limits,
            callback_drain.clone(),
            counted,
        ));
        let access = reload.access.subscribe();
        let replica = settings.replica_name.into();
        let served = grpc::Dependencies { log: Arc::clone(&log), streams, access, refusals, health, replica };
        let mut grpc_task = delivery.spawn(grpc::serve(grpc, grpc_tls, served, grpc_limits, drain.clone()));

        let log_closed = async {
            log_state.wait_for(|state| *state == LogState::Closed).await.ok();
        };
        let stopped = tokio::select! {
            () = shutdown => None,
            _ = &mut http_task => Some("HTTP server"),
            _ = &mut grpc_task => Some("gRPC server"),
            _ = &mut admin_task => Some("admin server"),
            () = log_closed => Some("log"),
        };

        let started = Instant::now();
        let deadline = started + settings.drain_timeout - CUT_GRACE;
        drain.announce();
        callback_drain.announce();
        match stopped {
            Some(part) => tracing::error!("the {part} stopped unexpectedly; shutting down"),
            None => {
                tracing::info!(delay = ?settings.drain_delay, "draining: callbacks are still accepted during the drain delay");
                sleep_until(started + settings.drain_delay).await;
            }
        }
        drain.end();
        finish("gRPC", &mut grpc_task, streams_deadline(Instant::now(), deadline)).await;
        drain.cut();
        finish("gRPC", &mut grpc_task, deadline.min(Instant::now() + CUT_GRACE)).await;
        callback_drain.close();
        finish("HTTP", &mut http_task, deadline.min(Instant::now() + LAST_REQUESTS)).await;
        callback_drain.cut();
        let grace = Instant::now() + CUT_GRACE;
        finish("HTTP", &mut http_task, grace).await;
        health_task.abort();
        duplicates_task.abort();

        let closed = close(&*log).await;
        admin_drain.cut();
        finish("admin", &mut admin_task, grace).await;
        if let Some(tracer) = &tracer {
            tracer.shut_down().await;
        }
        closed?;
        match stopped {
            Some(part) => Err(RunError::Stopped(part)),
            None => {
                tracing::info!(took = ?started.elapsed(), "drained");
                Ok(())
            }
        }
    }
}

/// Rejects a clock before 1970: hyper panics in every connection, because it cannot format the `Date` header.
fn check_clock(now: SystemTime) -> Result<(), StartError> {
    if now < SystemTime::UNIX_EPOCH { Err(StartError::Clock) } else { Ok(()) }
}

/// Returns when to cut streams that are still open. Leaves `LAST_REQUESTS` for callbacks, but at most half of
/// the time.
fn streams_deadline(now: Instant, deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(now);
    now + left.saturating_sub(LAST_REQUESTS).max(left / 2)
}

/// Waits for a server until `deadline`. Returns at once if the server has ended.
async fn finish<T>(name: &str, task: &mut JoinHandle<T>, deadline: Instant) {
    if task.is_finished() {
        return;
    }
    match timeout_at(deadline, task).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(%error, "the {name} server panicked; continuing the shutdown"),
        Err(_) => tracing::info!("cutting {name} connections that are still open"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_is_refused_at_the_start() {
        assert!(check_clock(SystemTime::now()).is_ok());
        assert!(check_clock(SystemTime::UNIX_EPOCH).is_ok());
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert!(matches!(check_clock(before), Err(StartError::Clock)));
    }
}
