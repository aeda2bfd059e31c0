//! The connections to the servers.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerError, connection::State,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{OpenError, Options};

/// How long setting up a connection to one server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a server has, when the gateway starts, to be there.
const FIRST_CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Silence after which a server is asked whether it is there. One that does not answer
/// twice is given up.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// Longest pause between two attempts to connect again.
const MAX_RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// Most complaints of a server's that are logged within [`COMPLAINTS_TIME`]: without a right, every try to publish
/// causes one. Further ones are counted.
const COMPLAINTS: u32 = 5;
/// See [`COMPLAINTS`].
const COMPLAINTS_TIME: Duration = Duration::from_secs(60);
/// What a server's complaint begins with about a subscription to answers.
const ANSWERS_DENIED: &str = "Permissions Violation for Subscription to \"_INBOX.";
/// Commands that wait for the connection. Few: they are still sent when it is back, long
/// after their callers were refused.
const COMMANDS: usize = 256;

/// How the connection is encrypted. All files are PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Who signs the servers' certificates; `None`: those that the system trusts. With it,
    /// connections are always encrypted.
    pub ca: Option<PathBuf>,
    /// The gateway's own certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// The oldest servers that do all that the log needs.
pub(super) const OLDEST_VERSION: (u64, u64) = (2, 11);

/// Whether there is a connection, and the how manieth it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) is_up: bool,
    pub(super) number: u64,
}

/// What the client says of the connection, in events of which it may lose some.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// To be put right now and then, by [`repair`](Self::repair).
    pub(super) connection: watch::Sender<Connection>,
    /// What the server has complained of last.
    pub(super) complaint: watch::Sender<String>,
    /// The server has ended subscriptions to answers: they come back only with another connection.
    answers_denied: Arc<AtomicBool>,
    /// The server has answered a request.
    answered: Arc<AtomicBool>,
}

impl Said {
    fn new() -> Self {
        Self {
            connection: watch::Sender::new(Connection { is_up: true, number: 0 }),
            complaint: watch::Sender::default(),
            answers_denied: Arc::default(),
            answered: Arc::default(),
        }
    }

    fn complains(&self, complaint: &str) {
        if complaint.starts_with(ANSWERS_DENIED) {
            self.answers_denied.store(true, Ordering::Relaxed);
        }
        self.complaint.send_replace(complaint.to_owned());
    }

    pub(super) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Returns whether the server has answered a request since this was asked last.
    pub(super) fn take_answered(&self) -> bool {
        self.answered.swap(false, Ordering::Relaxed)
    }

    /// Returns whether the server has ended subscriptions to answers since this was asked last.
    pub(super) fn take_answers_denied(&self) -> bool {
        self.answers_denied.swap(false, Ordering::Relaxed)
    }

    /// Has it that there is a connection if there is one: the event that said so, or the one
    /// that said otherwise, may be lost. Gives whether there is.
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

/// Connects to one of the servers, and from then on again and again. `name` is what the
/// servers' monitoring shows.
pub(super) async fn connect(options: &Options, name: &'static str) -> Result<(Client, Said), OpenError> {
    let servers = servers(options)?;
    let said = Said::new();
    let begin = Instant::now();
    loop {
        let error = match self::options(options, &servers, name, said.clone())?.connect(&servers[..]).await {
            Ok(client) => {
                let version = client.server_info().version;
                if is_too_old(&version) {
                    return Err(OpenError::Old(version));
                }
                said.repair(&client);
                return Ok((client, said));
            }
            Err(error) => error,
        };
        let may_pass = match error.kind() {
            ConnectErrorKind::AuthorizationViolation
            | ConnectErrorKind::Authentication
            | ConnectErrorKind::Tls
            | ConnectErrorKind::ServerParse => false,
            ConnectErrorKind::Dns
            | ConnectErrorKind::TimedOut
            | ConnectErrorKind::Io
            | ConnectErrorKind::MaxReconnects => true,
        };
        if !may_pass || begin.elapsed() >= FIRST_CONNECT_TIMEOUT {
            return Err(OpenError::Connect { servers: options.servers.join(", "), source: error });
        }
        sleep(MAX_RECONNECT_DELAY).await;
    }
}

/// Whether a server of this version lacks what the log needs. One that does not say its version
/// in numbers is taken.
fn is_too_old(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST_VERSION,
        _ => false,
    }
}

fn servers(options: &Options) -> Result<Vec<ServerAddr>, OpenError> {
    let parse = |server: &String| server.parse().map_err(|_| OpenError::Server(server.clone()));
    options.servers.iter().map(parse).collect()
}

fn options(
    options: &Options,
    servers: &[ServerAddr],
    name: &'static str,
    said: Said,
) -> Result<ConnectOptions, OpenError> {
    let login = options.login.clone();
    let complaints = Mutex::new(Complaints::new(Instant::now()));
    // Asked for at each connection: it may have changed.
    let answer = move |nonce: Vec<u8>| std::future::ready(login.borrow().answer(&nonce));
    let mut connect = ConnectOptions::with_auth_callback(answer)
        .name(name)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .client_capacity(COMMANDS)
        // Commands are checked where they come in; a subject takes nothing else.
        .skip_subject_validation(true)
        .reconnect_delay_callback(|attempts| {
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            (Duration::from_millis(20) * attempts.saturating_sub(1).min(100)).min(MAX_RECONNECT_DELAY)
        })
        .event_callback(move |event| {
            match &event {
                Event::Connected => said.connection.send_modify(|connection| {
                    connection.is_up = true;
                    connection.number += 1;
                }),
                Event::Disconnected => said.connection.send_modify(|connection| connection.is_up = false),
                Event::ServerError(ServerError::Other(complaint)) => said.complains(complaint),
                _ => {}
            }
            match event {
                Event::Connected => tracing::info!(name, "connected to NATS"),
                Event::Disconnected => {
                    tracing::warn!(name, "the connection to NATS is lost; connecting again")
                }
                event => {
                    let may_log =
                        complaints.lock().unwrap_or_else(PoisonError::into_inner).may_log(Instant::now());
                    if let Some(not_logged) = may_log {
                        tracing::warn!(name, %event, not_logged, "NATS");
                    }
                }
            }
            std::future::ready(())
        });
    // Those that a server tells of have no scheme, and whether to encrypt would be said in plain text.
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

/// Limits the log lines that a server's complaints cause.
#[derive(Debug)]
struct Complaints {
    since: Instant,
    count: u32,
}

impl Complaints {
    fn new(now: Instant) -> Self {
        Self { since: now, count: 0 }
    }

    /// Counts a complaint. If it may be logged, gives how many before it were not.
    fn may_log(&mut self, now: Instant) -> Option<u32> {
        let mut not_logged = 0;
        if now.duration_since(self.since) >= COMPLAINTS_TIME {
            not_logged = self.count.saturating_sub(COMPLAINTS);
            *self = Self::new(now);
        }
        self.count = self.count.saturating_add(1);
        (self.count <= COMPLAINTS).then_some(not_logged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_logged_a_few_times_a_minute_and_counted() {
        let now = Instant::now();
        let mut complaints = Complaints::new(now);
        let at = |seconds| now + Duration::from_secs(seconds);
        let logged = (0..1000).filter(|_| complaints.may_log(at(59)).is_some()).count();
        assert_eq!(logged, COMPLAINTS as usize);
        assert_eq!(complaints.may_log(at(60)), Some(1000 - COMPLAINTS));
        assert_eq!(complaints.may_log(at(61)), Some(0));
        assert_eq!(complaints.may_log(at(300)), Some(0), "all were logged");
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
    fn a_server_by_tls_has_all_connections_encrypted() {
        let is_encrypted = |server: &str| {
            let options = Options::new(server);
            let connect = super::options(&options, &servers(&options).unwrap(), "test", Said::new()).unwrap();
            // It says so in no other way.
            format!("{connect:?}").contains("\"tls_required\": true")
        };
        assert!(is_encrypted("tls://a:4222"));
        assert!(!is_encrypted("nats://a:4222"));
    }
}
