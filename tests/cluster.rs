//! Two gateways over a cluster of three NATS servers.
