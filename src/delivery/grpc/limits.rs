//! Bounds on the gRPC side that several modules share: those that are set, and constants.

use std::time::Duration;

/// What is set of the gRPC side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most connections at once. At the cap one is closed for a newcomer, in the order that
    /// [`eviction`](crate::net::eviction) has; if none can be, the newcomer waits.
    pub max_connections: usize,
    /// How long a connection may be open until its first call is answered.
    pub first_call_timeout: Duration,
    /// Most `Subscribe` streams at once; further ones get RESOURCE_EXHAUSTED.
    pub max_streams: usize,
    /// How long a client may take nothing of its stream.
    pub stall_timeout: Duration,
    /// How long a stream may last; `None`: for ever.
    pub max_stream_age: Option<Duration>,
    /// A connection that is silent for this long is pinged.
    pub keepalive_interval: Duration,
    /// How long the answer to a ping may take; then the connection is closed.
    pub keepalive_timeout: Duration,
}

/// How long a connection may be open until its first call is answered; then it is closed.
pub(crate) const FIRST_CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Most bytes of events in a response of several, below the 4 MiB that gRPC
/// clients take by default. An event alone is never larger.
pub(super) const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// What of a body is handed to the connection at once: a frame of HTTP/2.
pub(super) const PIECE_BYTES: usize = 16 * 1024;
/// Largest request message of health and reflection: a name.
pub(super) const MAX_OPEN_REQUEST_BYTES: usize = 4 * 1024;
