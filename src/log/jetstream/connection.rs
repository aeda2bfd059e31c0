//! Connections to the servers.
//!
//! The client reconnects by itself. It reports changes of a connection in events and may drop some of them, so
//! [`ConnectionStatus::repair`] compares now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerError, connection::State,
};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::options::Options;

/// How long setting up a connection to one server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the gateway waits for a server when it starts.
const FIRST_CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause between two pings. After two without an answer the connection counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum pause between two attempts to reconnect.
const MAX_RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// Number of events of a connection that are logged in each [`LOG_WINDOW`]. Further ones are counted: if a right is missing,
/// every publish causes one.
const LOG_LIMIT: u32 = 5;
/// See [`LOG_LIMIT`].
const LOG_WINDOW: Duration = Duration::from_secs(60);
/// Beginning of a server's error about a subscription to answers.
const ANSWERS_DENIED: &str = "Permissions Violation for Subscription to \"_INBOX.";
/// Number of commands that wait for the connection. Few, because they are still sent after a reconnect, long after their
/// callers gave up.
const COMMANDS: usize = 256;

/// Oldest version of the server with everything that the log needs.
const OLDEST_VERSION: (u64, u64) = (2, 11);

/// State of a connection that reconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) is_up: bool,
    /// Index of the connection, from 0.
    pub(super) number: u64,
}

/// Status of a connection, from the client's events.
#[derive(Debug, Clone)]
pub(super) struct ConnectionStatus {
    /// Corrected by [`repair`](Self::repair).
    pub(super) connection: watch::Sender<Connection>,
    /// Last error that the server has sent, such as a missing right.
    pub(super) server_error: watch::Sender<String>,
    /// The server has ended subscriptions to answers. Only another connection restores them.
    answers_denied: Arc<AtomicBool>,
    /// The server has answered a request.
    answered: Arc<AtomicBool>,
}

impl ConnectionStatus {
    fn new() -> Self {
        Self {
            connection: watch::Sender::new(Connection { is_up: true, number: 0 }),
            server_error: watch::Sender::default(),
            answers_denied: Arc::default(),
            answered: Arc::default(),
        }
    }

    fn note_error(&self, error: &str) {
        if error.starts_with(ANSWERS_DENIED) {
            self.answers_denied.store(true, Ordering::Relaxed);
        }
        self.server_error.send_replace(error.to_owned());
    }

    pub(super) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Returns whether the server has answered a request since the last call.
    pub(super) fn take_answered(&self) -> bool {
        self.answered.swap(false, Ordering::Relaxed)
    }

    /// Returns whether the server has ended subscriptions to answers since the last call.
    pub(super) fn take_answers_denied(&self) -> bool {
        self.answers_denied.swap(false, Ordering::Relaxed)
    }

    /// Corrects the state of the connection, whose last event may be lost. Returns whether the connection is up.
    pub(super) fn repair(&self, client: &Client) -> bool {
        let is_up = client.connection_state() == State::Connected;
        self.connection.send_if_modified(|known| {
            let is_wrong = known.is_up != is_up;
            if is_wrong {
                known.is_up = is_up;
                known.number += u64::from(is_up);
            }
            is_wrong
        });
        is_up
    }
}

/// Why the gateway cannot connect.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL of a server is invalid.
    #[error("`{0}` is not the URL of a NATS server")]
    Server(String),
    /// No server is reachable, or none accepts the login.
    #[error("cannot connect to NATS at {servers}: {source}")]
    Connect {
        /// The servers.
        servers: String,
        /// Error of the client.
        source: async_nats::ConnectError,
    },
    /// The server is too old.
    #[error(
        "the NATS server has version {0}; the log needs {major}.{minor} or newer",
        major = OLDEST_VERSION.0,
        minor = OLDEST_VERSION.1
    )]
    Old(String),
}

/// Connects to one of the servers. The client then reconnects whenever the connection is lost. The servers' monitoring shows
/// `name`.
pub(super) async fn connect(
    options: &Options,
    name: &'static str,
) -> Result<(Client, ConnectionStatus), ConnectError> {
    let servers = servers(options)?;
    let status = ConnectionStatus::new();
    let begin = Instant::now();
    loop {
        let error = match self::options(options, &servers, name, status.clone())?.connect(&servers[..]).await
        {
            Ok(client) => {
                let version = client.server_info().version;
                if is_too_old(&version) {
                    return Err(ConnectError::Old(version));
                }
                status.repair(&client);
                return Ok((client, status));
            }
            Err(error) => error,
        };
        let can_retry = match error.kind() {
            ConnectErrorKind::AuthorizationViolation
            | ConnectErrorKind::Authentication
            | ConnectErrorKind::Tls
            | ConnectErrorKind::ServerParse => false,
            ConnectErrorKind::Dns
            | ConnectErrorKind::TimedOut
            | ConnectErrorKind::Io
            | ConnectErrorKind::MaxReconnects => true,
        };
        if !can_retry || begin.elapsed() >= FIRST_CONNECT_TIMEOUT {
            return Err(ConnectError::Connect { servers: options.servers.join(", "), source: error });
        }
        sleep(MAX_RECONNECT_DELAY).await;
    }
}

/// Returns whether a server of this version is too old. A version without numbers is accepted.
fn is_too_old(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST_VERSION,
        _ => false,
    }
}

fn servers(options: &Options) -> Result<Vec<ServerAddr>, ConnectError> {
    let parse = |server: &String| server.parse().map_err(|_| ConnectError::Server(server.clone()));
    options.servers.iter().map(parse).collect()
}

fn options(
    options: &Options,
    servers: &[ServerAddr],
    name: &'static str,
    status: ConnectionStatus,
) -> Result<ConnectOptions, ConnectError> {
    let login = options.login.clone();
    let limit = Mutex::new(LogLimit::new(Instant::now()));
    // Read for each connection, because the login may have changed.
    let answer = move |nonce: Vec<u8>| std::future::ready(login.borrow().answer(&nonce));
    let mut connect = ConnectOptions::with_auth_callback(answer)
        .name(name)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .client_capacity(COMMANDS)
        // Subjects are valid: the front has checked the command, and no other part comes from outside.
        .skip_subject_validation(true)
        .reconnect_delay_callback(|attempts| {
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            (Duration::from_millis(20) * attempts.saturating_sub(1).min(100)).min(MAX_RECONNECT_DELAY)
        })
        .event_callback(move |event| {
            match &event {
                Event::Connected => status.connection.send_modify(|connection| {
                    connection.is_up = true;
                    connection.number += 1;
                }),
                Event::Disconnected => status.connection.send_modify(|connection| connection.is_up = false),
                Event::ServerError(ServerError::Other(error)) => status.note_error(error),
                _ => {}
            }
            match event {
                Event::Connected => tracing::info!(name, "connected to NATS"),
                Event::Disconnected => {
                    tracing::warn!(name, "the connection to NATS is lost; reconnecting")
                }
                event => {
                    if let Some(not_logged) = limit.lock().check(Instant::now()) {
                        tracing::warn!(name, %event, not_logged, "NATS");
                    }
                }
            }
            std::future::ready(())
        });
    // Addresses that a server announces have no scheme, and whether to encrypt would be negotiated in plain text.
    if servers.iter().any(ServerAddr::tls_required) {
        connect = connect.require_tls(true);
    }
    if let Some(ca) = &options.tls.ca {
        connect = connect.add_root_certificates(ca.clone()).require_tls(true);
    }
    if let Some((cert, key)) = &options.tls.identity {
        connect = connect.add_client_certificate(cert.clone(), key.clone()).require_tls(true);
    }
    Ok(connect)
}

/// Limits the log lines about a connection.
#[derive(Debug)]
struct LogLimit {
    /// Start of the window.
    since: Instant,
    count: u32,
}

impl LogLimit {
    fn new(now: Instant) -> Self {
        Self { since: now, count: 0 }
    }

    /// Counts an event. If it may be logged, returns how many were not logged in the last window.
    fn check(&mut self, now: Instant) -> Option<u32> {
        let mut not_logged = 0;
        if now.duration_since(self.since) >= LOG_WINDOW {
            not_logged = self.count.saturating_sub(LOG_LIMIT);
            *self = Self::new(now);
        }
        self.count = self.count.saturating_add(1);
        (self.count <= LOG_LIMIT).then_some(not_logged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_logged_a_few_times_a_minute_and_counted() {
        let now = Instant::now();
        let mut limit = LogLimit::new(now);
        let at = |seconds| now + Duration::from_secs(seconds);
        let logged = (0..1000).filter(|_| limit.check(at(59)).is_some()).count();
        assert_eq!(logged, LOG_LIMIT as usize);
        assert_eq!(limit.check(at(60)), Some(1000 - LOG_LIMIT));
        assert_eq!(limit.check(at(61)), Some(0));
        assert_eq!(limit.check(at(300)), Some(0), "all were logged");
    }

    #[test]
    fn servers_before_2_11_are_too_old() {
        for old in ["2.10.29", "2.9.0", "1.99.0", "v2.10.0-RC.1", "0.0.1"] {
            assert!(is_too_old(old), "{old}");
        }
        for good in ["2.11.0", "2.11.0-RC.1", "v2.12.1", "2.100.0", "3.0.0", "", "main", "2"] {
            assert!(!is_too_old(good), "{good}");
        }
    }

    #[test]
    fn connections_to_a_server_with_tls_are_encrypted() {
        let is_encrypted = |server: &str| {
            let options = Options::new(server);
            let connect =
                super::options(&options, &servers(&options).unwrap(), "test", ConnectionStatus::new())
                    .unwrap();
            // Only its debug output shows it.
            format!("{connect:?}").contains("\"tls_required\": true")
        };
        assert!(is_encrypted("tls://a:4222"));
        assert!(!is_encrypted("nats://a:4222"));
    }
}
