//! Receives Tencent Cloud IM callbacks over HTTP, makes each one durable before
//! it answers, and streams them as protobuf events over gRPC.
//!
//! # The way of one event
//!
//! ```text
//! POST -> http (limits) -> callback (check, decode, encode once)
//!      -> log.append(..).await (durable) -> 200
//!
//! the tail moves -> subscription wakes -> reads a run of encoded records
//!      -> grpc frames them -> subscriber
//! ```
//!
//! # Layers
//!
//! Imports go downward only. `tests/it/layers.rs` compares each module's imports with this table.
//!
//! | Module | Purpose | May import |
//! | --- | --- | --- |
//! | `cli` | command line; the commands that ask a gateway use the crate `callback-gateway-client` | app, config, delivery, event, ingest, log, net, observe, proto |
//! | [`app`] | binds the listeners, opens the log, runs, drains | config, delivery, event, ingest, log, net, observe, proto |
//! | [`config`] | settings, the file, the environment, their checks | delivery::access, ingest::callback, net, observe::telemetry |
//! | `delivery::grpc` | `EventService`, `AdminService`, health, reflection | delivery::access, delivery::subscription, event, ingest::refusals, log, net, observe, proto |
//! | `delivery::access` | who may call over gRPC, and what they may read | delivery::subscription, ingest::callback |
//! | `delivery::subscription` | following and listing a log | event, log, net::shutdown, proto |
//! | `delivery::runtime` | threads that events are delivered on | log |
//! | `ingest::http` | the callback front | event, ingest::callback, ingest::connection, ingest::refusals, log, observe, proto |
//! | `ingest::refusals` | recently refused callbacks | event, proto |
//! | `ingest::callback` | check and decoding of a callback | event, proto |
//! | `ingest::connection` | HTTP/1.1 connections | net, observe::metrics |
//! | `log` | contract of a log, and its backends | event, net::nats_login |
//! | `net` | TLS, eviction, stages of a drain, files, login to NATS | observe |
//! | `observe` | metrics, traces, log lines | nothing |
//! | `event` | sequence, epoch, cursor, record | proto |
//! | `proto` | the API, from the crate `imcallback`, and the catalogue of commands | nothing |

#![deny(clippy::unwrap_used)]
// The feature exports what only tests need. Without it that is unused: the checks run with the feature.
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
