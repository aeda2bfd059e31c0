//! gRPC listener: `EventService` and `AdminService` over stored bytes, health and reflection.
//!
//! A call passes these modules, from the socket to the services: [`incoming`], [`http2`], [`track_calls`], [`front`], then
//! [`event_service`], [`admin_service`], [`health`] or [`reflection`]. Answers go back through [`subscribe`] or [`answer`],
//! and [`outgoing`].

mod admin_service;
mod answer;
mod arrival;
mod caller;
mod calls;
mod capacity;
mod codec;
mod connections;
mod event_service;
mod frames;
mod front;
mod generated;
mod health;
mod http2;
mod incoming;
mod limits;
mod observed;
mod outgoing;
// Public for the fuzz target only.
#[doc(hidden)]
pub mod page_token;
mod reflection;
mod request;
mod resets;
mod server;
mod status;
mod subscribe;
mod track_calls;
mod transport;

pub use self::codec::Encoded;
pub(crate) use self::{
    codec::EncodedCodec,
    health::Health,
    limits::{FIRST_CALL_TIMEOUT, Limits},
    server::{Dependencies, serve},
    subscribe::StreamRegistry,
};
