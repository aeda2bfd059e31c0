//! The gateway put together: sockets are bound first, then everything is served,
//! and a drain ends it in order.

use std::{
    fmt,
    future::{Future, pending},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use prometheus::IntCounter;
use rustls::ServerConfig;
use serde::Serialize;
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Handle,
    sync::{Semaphore, watch},
    task::{JoinError, JoinHandle, yield_now},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout, timeout_at},
};

use crate::{
    access::Access,
    admin,
    callback::{
        Apps,
        duplicates::{Duplicates, MAX_REMEMBERED},
    },
    config::{Config, ConfigError, LogKind, Settings},
    delivery::Delivery,
    event::{Record, Sequence, Timestamp},
    grpc::{self, Health, Streams},
    http::{self, Front},
    http1::{self, Limits, ListenerMetrics},
    log::{
        EventLog, LogState, PAGE_RECORDS, ReadError,
        disk::{DiskLog, DiskOptions, OpenError, Retention},
        jetstream::{self, JetStreamLog, Login},
        memory::MemoryLog,
    },
    metrics::Metrics,
    refusals::Refusals,
    scrape::{Disk, Scrape},
    shutdown::Drain,
    tls,
    trace::Tracer,
};

/// Most connections on the admin listener.
const ADMIN_MAX_CONNECTIONS: usize = 64;
/// Connections that wait to be accepted. Beyond it the system drops a client's
/// first packets, and trying again takes it seconds; the system bounds it too
/// (`net.core.somaxconn` on Linux).
const BACKLOG: u32 = 4096;
/// How often reading is tried, for the health of the event service.
const READ_PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long such a read may take before stored events count as unreadable.
const READ_PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pages of the newest stored callbacks that are taken in before anything is
/// served: they are the ones that are sent again.
const RECALL_PAGES: usize = 40;
/// How long that may take; a slow disk must not keep the gateway from serving.
const RECALL_TIMEOUT: Duration = Duration::from_millis(500);
/// How long the last requests may take once their listener is closed: longer than
/// each of their own deadlines.
const LAST_REQUESTS: Duration = Duration::from_secs(4);
/// The last part of the drain timeout: connections are cut when it begins, so
/// that the end comes within the timeout.
const CUT_GRACE: Duration = Duration::from_secs(1);
/// How long the log may take to write what it has accepted and to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// Callbacks.
    pub http: SocketAddr,
    /// gRPC.
    pub grpc: SocketAddr,
    /// Probes.
    pub admin: SocketAddr,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be bound.
    #[error("cannot listen on {address} ({option}): {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The option that names it.
        option: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The log could not be opened.
    #[error("cannot open the log: {0}")]
    Log(#[from] OpenError),
    /// The log in NATS JetStream could not be opened.
    #[error("cannot open the log: {0}")]
    JetStream(#[from] jetstream::OpenError),
    /// The system gave no threads to deliver with.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// The operating system gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The system clock is before 1970.
    #[error("the system clock is before 1970, which HTTP has no form for; set it, then start again")]
    Clock,
    /// A thread of our own panicked.
    #[error("starting failed: {0}")]
    Panic(#[from] JoinError),
}

/// Why the gateway ended otherwise than by draining.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part of it stopped by itself.
    #[error("the {0} stopped by itself; its log lines say why")]
    Stopped(&'static str),
    /// The log did not close in time.
    #[error("the log did not close within {} seconds", CLOSE_TIMEOUT.as_secs())]
    Close,
}

/// Puts a changed configuration into force while the gateway runs.
#[derive(Debug)]
pub struct Reload {
    /// What is in force.
    config: Mutex<Config>,
    apps: watch::Sender<Arc<Apps>>,
    access: watch::Sender<Arc<Access>>,
    nats_login: watch::Sender<Login>,
    http_tls: Option<watch::Sender<Arc<ServerConfig>>>,
    grpc_tls: Option<watch::Sender<Arc<ServerConfig>>>,
    refusals: Arc<Refusals>,
    metrics: Arc<Metrics>,
}

impl Reload {
    fn new(config: &Config) -> Self {
        let settings = config.settings();
        let verified = |&app_id: &u32| (app_id, !settings.tokens.of(app_id).is_empty());
        Self {
            config: Mutex::new(config.clone()),
            apps: watch::Sender::new(Arc::new(apps(settings))),
            access: watch::Sender::new(Arc::new(settings.grpc_access.clone())),
            nats_login: watch::Sender::new(settings.nats.login.clone()),
            http_tls: settings.http_tls.clone().map(watch::Sender::new),
            grpc_tls: settings.grpc_tls.clone().map(|tls| watch::Sender::new(tls.config)),
            refusals: Arc::new(Refusals::new(settings.sdk_app_ids.iter().map(verified))),
            metrics: Arc::new(http::metrics(settings.sdk_app_ids.iter().copied())),
        }
    }

    /// Puts tokens, the login to NATS and certificates into force, for new requests, calls
    /// and connections. Connections stay; a stream ends if its token was taken back or
    /// has other rights now. What else differs takes a restart, also TLS where there
    /// was none, or none where it was. An error leaves everything as it was.
    pub fn apply(&self, new: &Config) -> Result<(), ConfigError> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        *config = config.reloaded(new)?;
        let settings = config.settings();
        self.apps.send_replace(Arc::new(apps(settings)));
        for &app_id in &settings.sdk_app_ids {
            self.refusals.set_verified(app_id, !settings.tokens.of(app_id).is_empty());
        }
        self.metrics.forget_tokens();
        self.access.send_replace(Arc::new(settings.grpc_access.clone()));
        self.nats_login.send_replace(settings.nats.login.clone());
        if let (Some(current), Some(new)) = (&self.http_tls, &settings.http_tls) {
            current.send_replace(Arc::clone(new));
        }
        if let (Some(current), Some(new)) = (&self.grpc_tls, &settings.grpc_tls) {
            current.send_replace(Arc::clone(&new.config));
        }
        Ok(())
    }
}

fn apps(settings: &Settings) -> Apps {
    Apps {
        ids: settings.sdk_app_ids.iter().copied().collect(),
        tokens: settings.tokens.clone(),
        window: settings.signature_window,
    }
}

fn retention(settings: &Settings) -> Retention {
    Retention {
        age: settings.retention_age,
        bytes: settings.retention_bytes,
        count: settings.retention_count,
    }
}

fn delivery() -> Result<Delivery, StartError> {
    Delivery::new().map_err(StartError::Threads)
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
        scratch_dir: settings.index.then(|| settings.data_dir.clone()),
    }
}

/// A gateway that is bound but not yet served.
pub struct App {
    config: Config,
    reload: Arc<Reload>,
    delivery: Delivery,
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
                tracing::warn!("events are kept in memory only: they are lost when the gateway ends");
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

    /// Binds all listeners over a log of the caller's.
    pub async fn bind_with_log(config: Config, log: Arc<dyn EventLog>) -> Result<Self, StartError> {
        let reload = Reload::new(&config);
        Ok(Listeners::bind(&config)?.with_log(config, reload, delivery()?, log))
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// What puts a changed configuration into force.
    pub fn reload(&self) -> Arc<Reload> {
        Arc::clone(&self.reload)
    }

    /// Serves until `shutdown` completes, then drains.
    ///
    /// The drain: readiness goes; after the drain delay the gRPC listener closes and
    /// streams end; what is still open of them is cut; only then the callback listener
    /// closes, so that no subscriber can lengthen the time in which callbacks are refused;
    /// the last callbacks are stored; the log closes. Being cut is not an error.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { config, reload, delivery, log, http, grpc, admin, .. } = self;
        let settings = config.into_settings();
        let drain = Drain::new();
        // These two listeners close after the gRPC side has ended.
        let callback_drain = Drain::new();
        let admin_drain = Drain::new();
        let health = Health::new();
        let mut log_state = log.state();
        // True before anybody can ask.
        let writable = *log_state.borrow() == LogState::Writable;
        health.set_storing(writable);
        health.set_reading(can_read(&*log).await);
        health.set_answering(true);

        let duplicates = Arc::new(Duplicates::new(settings.duplicate_window, MAX_REMEMBERED));
        let mut stored = Stored { end: log.tail().borrow().end, below: None };
        if duplicates.is_on() {
            stored.below = Some(stored.end);
            let newest = stored.recall(&*log, &duplicates, RECALL_PAGES);
            // The rest follows while the gateway serves.
            timeout(RECALL_TIMEOUT, newest).await.ok();
        }
        let newest_stored = newest_time(&*log, stored.end).await;
        let refusals = Arc::clone(&reload.refusals);
        let metrics = Arc::clone(&reload.metrics);
        let tracer = settings.trace_endpoint.and_then(|endpoint| {
            let tracer = Tracer::new(&endpoint, settings.trace_sample_ratio);
            tracer.inspect_err(|error| tracing::error!(%error, "nothing is traced")).ok()
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
        let streams = Streams::new(&grpc_limits, Arc::clone(&metrics), tracer.clone());
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
            tokio::spawn(http1::serve(admin, None, probes, admin_limits, admin_drain.clone(), None));
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
        let mut http_task =
            tokio::spawn(http1::serve(http, http_tls, callbacks, limits, callback_drain.clone(), counted));
        let access = reload.access.subscribe();
        let replica = settings.replica_name.into();
        let served = grpc::Served { log: Arc::clone(&log), streams, access, refusals, health, replica };
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
            Some(part) => tracing::error!("the {part} stopped by itself; ending"),
            None => {
                tracing::info!(delay = ?settings.drain_delay, "draining: callbacks are still accepted");
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

        let closed = timeout(CLOSE_TIMEOUT, log.close()).await;
        admin_drain.cut();
        finish("admin", &mut admin_task, grace).await;
        if let Some(tracer) = &tracer {
            tracer.shut_down().await;
        }
        closed.map_err(|_| RunError::Close)?;
        match stopped {
            Some(part) => Err(RunError::Stopped(part)),
            None => {
                tracing::info!(took = ?started.elapsed(), "drained");
                Ok(())
            }
        }
    }
}

/// Checks that responses can have a `Date`: hyper panics in every connection otherwise.
fn check_clock(now: SystemTime) -> Result<(), StartError> {
    if now < SystemTime::UNIX_EPOCH { Err(StartError::Clock) } else { Ok(()) }
}

/// When streams that are still open are cut: early enough for the last callbacks, but they get at least half of the time.
fn streams_deadline(now: Instant, deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(now);
    now + left.saturating_sub(LAST_REQUESTS).max(left / 2)
}

/// Waits for a server until `deadline`. One that has ended is left alone.
async fn finish<T>(name: &str, task: &mut JoinHandle<T>, deadline: Instant) {
    if task.is_finished() {
        return;
    }
    match timeout_at(deadline, task).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(%error, "the {name} server panicked"),
        Err(_) => tracing::info!("{name} connections are still open and are cut"),
    }
}

/// When the newest event below `end` was received. `None`: there is none, or it cannot be read now.
async fn newest_time(log: &dyn EventLog, end: Sequence) -> Option<Timestamp> {
    let page = timeout(RECALL_TIMEOUT, log.read_back(end, 1)).await.ok()?.ok()?;
    page.records.first().map(Record::receive_time)
}

/// What was in the log at the start, and how much of it is remembered.
struct Stored {
    /// The log's end at the start.
    end: Sequence,
    /// What is below is not remembered yet; `None` once nothing more will be.
    below: Option<Sequence>,
}

impl Stored {
    /// Takes in at most so many pages of the stored callbacks of the window, the
    /// newest first. Dropped half-way, it can be called again.
    async fn recall(&mut self, log: &dyn EventLog, duplicates: &Duplicates, pages: usize) {
        for _ in 0..pages {
            let Some(below) = self.below else { return };
            match log.read_back(below, PAGE_RECORDS).await {
                Ok(page) => {
                    let now = duplicates.now();
                    let mut records = page.records.iter();
                    let goes_on =
                        !page.records.is_empty() && records.all(|record| duplicates.note_older(record, now));
                    self.below = goes_on.then_some(page.next);
                }
                // The others are still worth remembering.
                Err(ReadError::Hole(hole)) => self.below = Some(hole.first),
                Err(ReadError::Trimmed { .. }) => self.below = None,
                Err(ReadError::Unavailable(_)) => sleep(READ_PROBE_INTERVAL).await,
            }
            yield_now().await;
        }
    }
}

/// Has the memory of callbacks follow the log, and go on back through what was
/// stored before.
async fn remember(log: Arc<dyn EventLog>, duplicates: Arc<Duplicates>, mut stored: Stored) {
    if !duplicates.is_on() {
        return;
    }
    let new = follow(&*log, &duplicates, stored.end);
    tokio::join!(new, stored.recall(&*log, &duplicates, usize::MAX));
}

/// Takes in what is stored from now on.
async fn follow(log: &dyn EventLog, duplicates: &Duplicates, mut next: Sequence) {
    let mut tail = log.tail();
    while tail.wait_for(|tail| tail.end > next).await.is_ok() {
        match log.read(next, PAGE_RECORDS).await {
            Ok(page) => {
                let now = duplicates.now();
                page.records.iter().for_each(|record| duplicates.note(record, now));
                next = page.next;
            }
            // The others are still worth remembering.
            Err(ReadError::Trimmed { oldest }) => next = oldest,
            Err(ReadError::Hole(hole)) => next = hole.last.next(),
            Err(ReadError::Unavailable(_)) => sleep(READ_PROBE_INTERVAL).await,
        }
        tokio::task::consume_budget().await;
    }
}

/// Keeps the reported health up to date: "" while callbacks can be stored, `EventService` while stored events can be
/// read. Once the end is announced all are NOT_SERVING, so that load balancers send new calls elsewhere.
async fn report_health(log: Arc<dyn EventLog>, health: Health, drain: Drain) {
    let storing = async {
        let mut state = log.state();
        loop {
            health.set_storing(*state.borrow_and_update() == LogState::Writable);
            if state.changed().await.is_err() {
                pending::<()>().await;
            }
        }
    };
    let reading = async {
        let mut probe = interval(READ_PROBE_INTERVAL);
        probe.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            probe.tick().await;
            health.set_reading(can_read(&*log).await);
        }
    };
    tokio::select! {
        () = storing => {}
        () = reading => {}
        () = drain.announced() => {}
    }
    health.set_storing(false);
    health.set_reading(false);
    health.set_answering(false);
}

/// Whether what is stored is followed, and the oldest record can be read, which is the one furthest
/// from memory.
async fn can_read(log: &dyn EventLog) -> bool {
    if log.lag().is_stuck {
        return false;
    }
    match timeout(READ_PROBE_TIMEOUT, log.read(log.oldest(), 1)).await {
        // A record that is damaged, or was just trimmed, says nothing about the others.
        Ok(Ok(_) | Err(ReadError::Trimmed { .. } | ReadError::Hole(_))) => true,
        Ok(Err(ReadError::Unavailable(_))) | Err(_) => false,
    }
}

struct Listeners {
    http: TcpListener,
    grpc: TcpListener,
    admin: TcpListener,
    addresses: Addresses,
}

impl Listeners {
    fn bind(config: &Config) -> Result<Self, StartError> {
        let settings = config.settings();
        let (http, http_at) = bind(settings.http_listen, "--http-listen")?;
        let (grpc, grpc_at) = bind(settings.grpc_listen, "--grpc-listen")?;
        let (admin, admin_at) = bind(settings.admin_listen, "--admin-listen")?;
        let addresses = Addresses { http: http_at, grpc: grpc_at, admin: admin_at };
        Ok(Self { http, grpc, admin, addresses })
    }

    fn with_log(self, config: Config, reload: Reload, delivery: Delivery, log: Arc<dyn EventLog>) -> App {
        let Self { http, grpc, admin, addresses } = self;
        App { config, reload: Arc::new(reload), delivery, log, http, grpc, admin, addresses }
    }
}

fn bind(address: SocketAddr, option: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let error = |source| StartError::Bind { address, option, source };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(error)?;
    // As TcpListener::bind does: a restart must not wait for old connections to be forgotten.
    socket.set_reuseaddr(true).map_err(error)?;
    socket.bind(address).map_err(error)?;
    let listener = socket.listen(BACKLOG).map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    Ok((listener, bound))
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
