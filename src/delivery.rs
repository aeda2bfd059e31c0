//! Delivery of events: the threads that deliver them, access rights, subscriptions, and the gRPC services.

pub(crate) mod access;
pub(crate) mod grpc;
pub(crate) mod runtime;
pub(crate) mod subscription;
