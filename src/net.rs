//! Connections: TLS, eviction at the connection limit, the stages of a drain, configuration files, and
//! the NATS login.

pub(crate) mod eviction;
pub(crate) mod files;
pub(crate) mod nats_login;
pub(crate) mod shutdown;
pub(crate) mod tls;
