//! Internals for this project's tests, benchmarks and fuzz targets. No stability promise.

pub mod access {
    pub use crate::delivery::access::*;
}

pub mod callback {
    pub use crate::ingest::callback::*;
}

pub mod event {
    pub use crate::event::*;
}

pub mod http {
    pub use crate::ingest::http::*;
}

pub mod log {
    pub use crate::log::*;
}

pub mod refusals {
    pub use crate::ingest::refusals::*;
}

pub mod subscription {
    pub use crate::delivery::subscription::*;
}

pub mod nats_login {
    pub use crate::net::nats_login::*;
}

pub mod grpc {
    pub use crate::delivery::grpc::*;
}
