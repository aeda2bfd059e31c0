//! The gRPC side: `EventService` and `AdminService` over stored bytes, health
//! and reflection.

mod admin_service;
mod answer;
mod arrival;
mod body;
mod caller;
mod calls;
mod capacity;
mod codec;
mod connections;
mod event_service;
mod follower;
mod frames;
mod front;
mod health;
mod http2;
mod incoming;
mod outgoing;
// Public for the fuzz target only.
#[doc(hidden)]
pub mod page_token;
mod reflection;
mod request;
mod resets;
mod server;
mod status;
mod streams;
mod transport;

use std::time::Duration;

pub use self::codec::Encoded;
pub(crate) use self::{
    codec::EncodedCodec,
    health::Health,
    server::{Served, serve},
    streams::Streams,
};
use crate::{
    delivery::subscription::{Gap, GapReason},
    event::Timestamp,
    log::Cause,
    proto,
};

/// The server side of the services, generated; its responses are [`Encoded`].
mod generated {
    #![allow(unreachable_pub, missing_docs, clippy::all, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/server/imcallback.v1.rs"));
}

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
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

impl From<Gap> for proto::Gap {
    fn from(gap: Gap) -> Self {
        let reason = match gap.reason {
            GapReason::Trimmed => proto::GapReason::Trimmed,
            GapReason::Hole(Cause::Missing) => proto::GapReason::Missing,
            GapReason::Hole(Cause::Damaged) => proto::GapReason::Damaged,
            GapReason::Hole(Cause::NewerFormat(_)) => proto::GapReason::NewerFormat,
        };
        Self {
            cursor: gap.cursor.to_string(),
            first_missing_sequence: gap.first.map_or(0, |first| first.0),
            last_missing_sequence: gap.last.0,
            reason: reason.into(),
        }
    }
}

/// The last microsecond that RFC 3339 has a form for.
const MAX_RFC3339: Timestamp = Timestamp(253_402_300_799_999_999);

/// A time in RFC 3339, for error details. `humantime` panics outside of 1970 to 9999.
fn rfc3339(time: Timestamp) -> String {
    humantime::format_rfc3339_micros(time.clamp(Timestamp(0), MAX_RFC3339).into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_text() {
        assert_eq!(rfc3339(Timestamp(-1)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(Timestamp(i64::MIN)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(Timestamp(i64::MAX)), "9999-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339(Timestamp(1_800_000_000_000_001)), "2027-01-15T08:00:00.000001Z");
    }
}
