//! Callbacks in: connections, the HTTP front, checks and decoding, and recent refusals.

pub(crate) mod callback;
pub(crate) mod connection;
pub(crate) mod http;
pub(crate) mod refusals;
