//! The `Subscribe` streams.

mod body;
mod follower;
mod open;
mod registry;
mod slot;

pub(crate) use self::registry::Streams;
pub(super) use self::{
    body::{NoStream, WithEventBodies},
    open::{NewStream, open, stream_end},
    registry::{Ended, LEFT_BEHIND},
    slot::Slot,
};
