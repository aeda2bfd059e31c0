//! `Subscribe` streams: from a subscription to the bytes that a connection takes.
//!
//! [`open`] starts a stream. [`follower`] encodes the subscription's frames as messages, and [`body`] hands these to the
//! connection as the response's body. [`registry`] knows all streams: it enforces the cap, ends stalled streams, and
//! shows operators what each stream does. [`slot`] is the state of one stream that the others share.
//!
//! Imports go downward: `open`, then `body` and `follower`, then `registry`, then `slot`.

mod body;
mod follower;
mod open;
mod registry;
mod slot;

pub(crate) use self::registry::StreamRegistry;
pub(super) use self::{
    body::{EmptyStream, WithEventBodies},
    open::{NewStream, open, stream_end},
    registry::{EndedStream, LEFT_BEHIND},
    slot::Slot,
};
