//! Receives Tencent Cloud IM callbacks over HTTP, makes each one durable before
//! it answers, and streams them as protobuf events over gRPC.
//!
//! # Path of an event
//!
//! ```text
//! POST -> http (limits) -> callback (check, decode, encode once)
//!      -> log.append(..).await (durable) -> 200
//!
//! the tail moves -> subscription wakes -> reads a range of encoded records
//!      -> grpc frames them -> subscriber
//! ```
//!
//! # Layers
//!
//! Imports go downward only. `tests/it/layers.rs` compares each module's imports with this table.
//!
//! | Module | Purpose | May import |
//! | --- | --- | --- |
//! | `cli` | command line; client commands use the crate `callback-gateway-client` | app, config, delivery, event, ingest, log, net, observe, proto |
//! | [`app`] | binds the listeners, opens the log, serves, drains | config, delivery, event, ingest, log, net, observe, proto |
//! | [`config`] | settings and their checks, from the file, the environment and the command line | delivery::access, ingest::callback, net, observe::telemetry |
//! | `delivery::grpc` | `EventService`, `AdminService`, health, reflection | delivery::access, delivery::subscription, event, ingest::refusals, log, net, observe, proto |
//! | `delivery::access` | tokens and rights of gRPC clients | delivery::subscription, ingest::callback |
//! | `delivery::subscription` | subscriptions to a log, and lists of its events | event, log, net::shutdown, proto |
//! | `delivery::runtime` | threads that deliver events | log |
//! | `ingest::http` | HTTP front for callbacks | event, ingest::callback, ingest::connection, ingest::refusals, log, observe, proto |
//! | `ingest::refusals` | recently refused callbacks | event, proto |
//! | `ingest::callback` | checks and decoding of a callback | event, proto |
//! | `ingest::connection` | HTTP/1.1 connections | net, observe::metrics |
//! | `log` | contract of a log, and the backends | event, net::nats_login |
//! | `net` | TLS, eviction, stages of a drain, files, NATS login | observe |
//! | `observe` | metrics, traces, log lines | nothing |
//! | `event` | sequence, epoch, cursor, record | proto |
//! | `proto` | the API, from the crate `imcallback`, and the catalogue of commands | nothing |

#![deny(clippy::unwrap_used)]
// The feature exports internals for tests. Without it they are unused. CI checks the code with the feature.
#![cfg_attr(not(feature = "testing"), allow(dead_code, unreachable_pub, unused_imports))]
#![cfg_attr(feature = "testing", allow(missing_docs))]

pub mod app;
mod cli;
pub mod config;
mod delivery;
mod event;
mod ingest;
mod log;
mod net;
mod observe;
mod proto;
#[cfg(feature = "testing")]
pub mod testing;

pub use cli::main;
