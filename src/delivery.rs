//! Events on their way out: the threads that deliver them, who may read what, subscriptions, and the gRPC services.

pub(crate) mod access;
pub(crate) mod grpc;
pub(crate) mod runtime;
pub(crate) mod subscription;
