//! Settings of the gRPC side, and bounds that several of its modules share.

use std::time::Duration;

/// Settings of the gRPC side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most connections at once. At the cap [`eviction`](crate::net::eviction) chooses one to close for a new one. If none
    /// can be closed, the new one waits.
    pub max_connections: usize,
    /// Deadline for the first answered call of a connection. Beyond it the connection is closed.
    pub first_call_timeout: Duration,
    /// Most `Subscribe` streams at once. Further ones get RESOURCE_EXHAUSTED.
    pub max_streams: usize,
    /// Time without a read after which a stream is ended.
    pub stall_timeout: Duration,
    /// Maximum age of a stream; `None` for no limit.
    pub max_stream_age: Option<Duration>,
    /// Time without received data after which a connection is pinged.
    pub keepalive_interval: Duration,
    /// Deadline for the answer to a ping. Beyond it the connection is closed.
    pub keepalive_timeout: Duration,
}

/// Default of [`Limits::first_call_timeout`].
pub(crate) const FIRST_CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Most bytes of events in a list, below the 4 MiB that gRPC clients accept by default. A single event is never larger.
pub(super) const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// Bytes of a body that the connection gets at once: the largest HTTP/2 frame by default.
pub(super) const PIECE_BYTES: usize = 16 * 1024;
/// Largest request message of health and reflection, whose requests are names.
pub(super) const MAX_OPEN_REQUEST_BYTES: usize = 4 * 1024;
