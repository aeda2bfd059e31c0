//! What the log in JetStream needs to be opened, and why it may not come to be.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    task::JoinError,
    time::{Instant, sleep, timeout},
};

use super::{
    api::{Api, ApiError, From},
    connection::{self, Tls},
    follow::Follower,
    info::Info,
    shared::{self, Shared},
    stream,
};
use crate::{event::Record, log::disk::Retention, net::nats_login::Login};

/// The number of JetStream's error where there are too few servers for a stream, as while a
/// cluster starts.
const NO_SUITABLE_PEERS: u32 = 10005;
/// How long the stream has, when the gateway starts, to have a leader.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two attempts meanwhile.
const OPEN_PAUSE: Duration = Duration::from_millis(500);

/// Where and how to keep the log.
#[derive(Debug, Clone)]
pub struct Options {
    /// The servers, as URLs: some of them suffice, they tell of the others.
    pub servers: Vec<String>,
    /// The stream's name.
    pub stream: String,
    /// What its subjects begin with.
    pub subject_prefix: String,
    /// On how many servers the stream is: 1, 3 or 5.
    pub replicas: usize,
    /// How the gateway says who it is, whenever it connects.
    pub login: watch::Receiver<Login>,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// What is kept of the stream.
    pub retention: Retention,
    /// Memory for the newest records, in bytes.
    pub ring_bytes: usize,
    /// Whose threads take in what is read of history; `None`: those of who opens the log.
    pub reading_runtime: Option<Handle>,
    /// Where to keep an index by account, group and command; `None`: there is none.
    pub scratch_dir: Option<PathBuf>,
}

impl Options {
    /// One server, which keeps everything.
    pub fn new(server: &str) -> Self {
        Self {
            servers: vec![server.to_owned()],
            stream: "callbacks".to_owned(),
            subject_prefix: "callbacks".to_owned(),
            replicas: 1,
            login: watch::channel(Login::None).1,
            tls: Tls::default(),
            retention: Retention::default(),
            ring_bytes: 64 << 20,
            reading_runtime: None,
            scratch_dir: None,
        }
    }
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A server's URL is none.
    #[error("`{0}` is no NATS server's URL")]
    Server(String),
    /// There is no server, or it lets nobody in.
    #[error("cannot connect to NATS at {servers}: {source}")]
    Connect {
        /// The servers.
        servers: String,
        /// What the client said.
        source: async_nats::ConnectError,
    },
    /// The server is too old.
    #[error(
        "the NATS server has version {0}; the log needs {major}.{minor} or newer",
        major = connection::OLDEST_VERSION.0,
        minor = connection::OLDEST_VERSION.1
    )]
    Old(String),
    /// JetStream does not answer.
    #[error("JetStream: {0}")]
    Unreachable(ApiError),
    /// The stream could not be made.
    #[error("the stream cannot be made: {0}")]
    Create(ApiError),
    /// The stream is gone as soon as it was made.
    #[error("the stream was deleted while it was opened")]
    Gone,
    /// The gateway would see nothing of what comes in.
    #[error("the stream cannot be followed: {0}")]
    Follow(ApiError),
    /// The gateway could store nothing.
    #[error("events cannot be stored: {0}")]
    Publish(ApiError),
    /// The gateway could give nothing that is no longer in memory.
    #[error("the stream cannot be read: {0}")]
    Read(ApiError),
    /// The stream has other settings.
    #[error(
        "the stream {stream} has other settings than this gateway's; change the one or the other:\n  - {differences}"
    )]
    Differs {
        /// The stream's name.
        stream: String,
        /// What is otherwise.
        differences: String,
    },
    /// The operating system gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The connection was lost at once.
    #[error("the connection to NATS was lost: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// Connecting panicked, or the threads that it was to be done on are gone.
    #[error("connecting to NATS failed: {0}")]
    Panic(JoinError),
}

impl OpenError {
    /// Whether it may be over soon, as while the servers choose a leader.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(error) => matches!(error, ApiError::Unreachable(_)),
            Self::Create(error) | Self::Follow(error) => match error {
                ApiError::Unreachable(_) => true,
                ApiError::Refused(refusal) => refusal.err_code == NO_SUITABLE_PEERS,
                ApiError::Malformed(_) | ApiError::Denied(_) => false,
            },
            Self::Gone
            | Self::Server(_)
            | Self::Connect { .. }
            | Self::Old(_)
            | Self::Publish(_)
            | Self::Read(_)
            | Self::Differs { .. }
            | Self::Random(_)
            | Self::Subscribe(_)
            | Self::Panic(_) => false,
        }
    }
}

/// Connects by a name that the server shows.
pub(super) async fn connect(options: Options, name: &'static str) -> Result<Api, OpenError> {
    let (client, said) = connection::connect(&options, name).await?;
    Ok(Api { client, stream: options.stream, said })
}

/// Makes or checks the stream, and gives its newest record, if that can be read.
pub(super) async fn begin(api: &Api, options: &Options) -> Result<(Info, Option<Record>), OpenError> {
    let begin = Instant::now();
    loop {
        let opened = async {
            let info = stream::create_or_check(api, options).await?;
            let last = info.state.end().previous();
            let newest = api.get(From::Sequence(last)).await.map_err(OpenError::Unreachable)?;
            let newest = newest.and_then(|newest| newest.into_record(shared::epoch(&info)).ok());
            Ok((info, newest))
        };
        match opened.await {
            Err(error) if OpenError::may_pass(&error) && begin.elapsed() < OPEN_TIMEOUT => {
                tracing::warn!(%error, "waiting for JetStream");
                sleep(OPEN_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Makes the tail's first consumer: who may not, or can not, would store events and never
/// give one.
pub(super) async fn begin_to_follow(shared: &Arc<Shared>) -> Result<Follower, OpenError> {
    let begin = Instant::now();
    loop {
        let made = timeout(OPEN_TIMEOUT, Follower::new(shared)).await;
        let made = made.unwrap_or_else(|_| Err(ApiError::Unreachable("there is no connection".to_owned())));
        match made.map_err(OpenError::Follow) {
            Err(error) if error.may_pass() && begin.elapsed() < OPEN_TIMEOUT => {
                tracing::warn!(%error, "waiting for JetStream");
                sleep(OPEN_PAUSE).await;
            }
            made => return made,
        }
    }
}
