//! Callbacks on their way in: connections, the HTTP front, checks and decoding, and what was refused.

pub(crate) mod callback;
pub(crate) mod connection;
pub(crate) mod http;
pub(crate) mod refusals;
