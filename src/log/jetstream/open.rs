//! Opens the log in JetStream: its options and errors.

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
    epoch,
    follow::Follower,
    info::Info,
    shared::Shared,
    stream,
};
use crate::{
    event::{Cursor, Record, Sequence},
    log::disk::Retention,
    net::nats_login::Login,
};

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
    /// Directory for the mark and the index. `None`: a loss of the stream's end while no gateway runs is not noticed, and
    /// there is no index.
    pub scratch_dir: Option<PathBuf>,
    /// Keep an index by account, group and command.
    pub has_index: bool,
    /// Begin a new epoch if the stream has lost its end. Otherwise the log is not opened.
    pub accepts_lost_end: bool,
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
            has_index: true,
            accepts_lost_end: true,
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
    /// The stream lost its newest events.
    #[error(
        "the stream {stream} has lost its events from sequence {first} on: this gateway has seen events up to {last}; \
         restore the stream from a backup, or start with `--damaged-store set-aside` to begin a new epoch"
    )]
    LostEnd {
        /// The stream's name.
        stream: String,
        /// The first lost event.
        first: Sequence,
        /// The newest event that this gateway has seen.
        last: Sequence,
    },
    /// The stream lost its newest events, and the new epoch could not be noted.
    #[error("the stream lost its newest events, and a new epoch cannot be noted in its metadata: {0}")]
    NewEpoch(ApiError),
    /// The gateway may not note a new epoch.
    #[error("a new epoch could not be noted in the stream's metadata: {0}")]
    Update(ApiError),
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
            Self::Unreachable(error) | Self::NewEpoch(error) => {
                matches!(error, ApiError::Unreachable(_) | ApiError::Gone)
            }
            Self::Create(error) | Self::Follow(error) => match error {
                ApiError::Unreachable(_) | ApiError::Gone => true,
                ApiError::Refused(refusal) => refusal.err_code == NO_SUITABLE_PEERS,
                ApiError::Malformed(_) | ApiError::Denied(_) => false,
            },
            Self::Gone
            | Self::Server(_)
            | Self::Connect { .. }
            | Self::Old(_)
            | Self::Publish(_)
            | Self::Read(_)
            | Self::LostEnd { .. }
            | Self::Update(_)
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

/// Creates or checks the stream, and begins a new epoch if the stream has lost the end that `mark` names. Returns its state
/// and its newest record, if that can be read.
pub(super) async fn begin(
    api: &Api,
    options: &Options,
    mark: Option<Cursor>,
) -> Result<(Info, Option<Record>), OpenError> {
    let begin = Instant::now();
    loop {
        let opened = async {
            stream::create_or_check(api, options).await?;
            if let Some(mark) = mark {
                compare_with(mark, api, options).await?;
            }
            let info = api.info().await.map_err(OpenError::Unreachable)?.ok_or(OpenError::Gone)?;
            let last = info.state.end().previous();
            let newest = api.get(From::Sequence(last)).await.map_err(OpenError::Unreachable)?;
            let newest = newest.and_then(|newest| newest.into_record(info.epoch()).ok());
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

/// Begins a new epoch if the stream has lost the event at `mark`.
async fn compare_with(mark: Cursor, api: &Api, options: &Options) -> Result<(), OpenError> {
    let lost = epoch::lost_since(api, options.replicas, mark).await.map_err(OpenError::Unreachable)?;
    let Some(first) = lost else { return Ok(()) };
    let last = mark.sequence;
    if !options.accepts_lost_end {
        return Err(OpenError::LostEnd { stream: options.stream.clone(), first, last });
    }
    tracing::error!(
        %first,
        %last,
        "the stream lost events that it had acknowledged; a new epoch begins, and subscribers with earlier cursors get \
         LOG_REPLACED"
    );
    epoch::begin(api, mark.epoch).await.map_err(OpenError::NewEpoch)
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
