//! Errors: of JetStream itself, of a request, and of opening the log.

use serde::Deserialize;
use tokio::task::JoinError;

use super::connection::ConnectError;
use crate::event::Sequence;

/// Code of temporary errors: no leader, no quorum, too busy.
const TEMPORARY: u16 = 503;
/// Code of a stream that receives more than it can store.
const TOO_MANY_REQUESTS: u16 = 429;
/// Number of the error for too few servers for a stream, as while a cluster starts.
const NO_SUITABLE_PEERS: u32 = 10005;
/// Number of the error for a message that is larger than the stream accepts.
const MESSAGE_TOO_LARGE: u32 = 10054;
/// Number of the error for a message whose first copy is still in process.
const DUPLICATE_IN_PROCESS: u32 = 10158;

/// Error that JetStream answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct JetStreamError {
    /// Like an HTTP status.
    #[serde(default)]
    pub code: u16,
    /// JetStream's number for it.
    #[serde(default)]
    pub err_code: u32,
    /// Text for humans.
    #[serde(default)]
    pub description: String,
}

impl std::fmt::Display for JetStreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (JetStream error {})", self.description, self.err_code)
    }
}

impl JetStreamError {
    /// Returns whether a retry can help.
    pub(super) fn can_retry(&self) -> bool {
        self.can_retry_soon() || self.code == TOO_MANY_REQUESTS || self.err_code == DUPLICATE_IN_PROCESS
    }

    /// Returns whether a retry can help soon. A server that is too busy would only get busier by it, and the first copy of a
    /// message needs its time.
    pub(super) fn can_retry_soon(&self) -> bool {
        self.code == TEMPORARY
    }

    /// Returns whether the stream refuses only this event and stores others.
    pub(super) fn is_about_the_event(&self) -> bool {
        self.err_code == MESSAGE_TOO_LARGE
    }

    /// Returns this as the reason why the stream did not store an event.
    pub(super) fn as_reason(&self) -> String {
        format!("the stream refuses events: {self}")
    }
}

/// Why a request to JetStream failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer in time: there is no connection, or no leader.
    #[error("{0}")]
    Unreachable(String),
    /// The stream does not exist.
    #[error("the stream does not exist")]
    Gone,
    /// JetStream refused the request.
    #[error("{0}")]
    Refused(JetStreamError),
    /// NATS does not let this gateway send the request, or receive answers.
    #[error("NATS does not let this gateway {0}: grant its user that right, and the others that it needs")]
    Denied(String),
    /// The answer has an unexpected form.
    #[error("unexpected answer: {0}")]
    Malformed(String),
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The gateway cannot connect to a server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// JetStream does not answer.
    #[error("JetStream: {0}")]
    Unreachable(ApiError),
    /// The stream could not be created.
    #[error("the stream cannot be created: {0}")]
    Create(ApiError),
    /// The stream was deleted as soon as it was created.
    #[error("the stream was deleted while it was opened")]
    Gone,
    /// The gateway would not see new events.
    #[error("the stream cannot be followed: {0}")]
    Follow(ApiError),
    /// The gateway could not store events.
    #[error("events cannot be stored: {0}")]
    Publish(ApiError),
    /// The gateway could not read events that are no longer in memory.
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
    #[error("the stream {stream} has other settings than this gateway; change either:\n  - {differences}")]
    Differs {
        /// The stream's name.
        stream: String,
        /// The differences, one on each line.
        differences: String,
    },
    /// The operating system gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The connection was lost at once.
    #[error("the connection to NATS was lost: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// Connecting panicked, or its runtime has ended.
    #[error("connecting to NATS failed: {0}")]
    Panic(JoinError),
}

impl OpenError {
    /// Returns whether a retry can help, as while the servers choose a leader.
    pub(super) fn can_retry(&self) -> bool {
        match self {
            Self::Unreachable(error) | Self::NewEpoch(error) => {
                matches!(error, ApiError::Unreachable(_) | ApiError::Gone)
            }
            Self::Create(error) | Self::Follow(error) => match error {
                ApiError::Unreachable(_) | ApiError::Gone => true,
                ApiError::Refused(error) => error.err_code == NO_SUITABLE_PEERS,
                ApiError::Malformed(_) | ApiError::Denied(_) => false,
            },
            Self::Gone
            | Self::Connect(_)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_errors_are_retried_soon() {
        let error = |code, err_code| JetStreamError { code, err_code, description: String::new() };
        let judged = |error: JetStreamError| (error.can_retry_soon(), error.can_retry());
        assert_eq!(judged(error(TEMPORARY, 10008)), (true, true));
        assert_eq!(judged(error(TOO_MANY_REQUESTS, 10167)), (false, true));
        assert_eq!(judged(error(409, DUPLICATE_IN_PROCESS)), (false, true));
        assert_eq!(judged(error(400, 10077)), (false, false));
    }
}
