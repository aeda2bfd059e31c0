//! The gRPC side: `EventService` and `AdminService` over stored bytes, health
//! and reflection.

mod admin_service;
mod body;
mod caller;
mod codec;
mod ending;
mod event_service;
mod follower;
// Public for the fuzz target only.
#[doc(hidden)]
pub mod page_token;
mod request;
mod server;
mod status;
mod streams;

use std::time::Duration;

pub use self::{
    codec::{Encoded, EncodedCodec},
    server::{Health, Served, serve},
    streams::{Readers, Streams},
};
use crate::event::Timestamp;

/// The server side of the services, generated; its responses are [`Encoded`].
mod generated {
    #![allow(unreachable_pub, missing_docs, clippy::all, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/server/imcallback.v1.rs"));
}

/// What is set of the gRPC side.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at once; further ones wait.
    pub max_connections: usize,
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

/// Most bytes of events in a response of several, below the 4 MiB that gRPC
/// clients take by default. An event alone is never larger.
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// A time in RFC 3339, for error details.
fn rfc3339(time: Timestamp) -> String {
    humantime::format_rfc3339_micros(time.into()).to_string()
}
