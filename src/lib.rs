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
//! Imports go strictly downward; `http` and `grpc` never import each other.
//!
//! | Module | What it is | May import |
//! | --- | --- | --- |
//! | [`proto`] | the API, from the crate `imcallback`, and the catalogue of its commands | nothing of ours |
//! | [`event`] | sequence, epoch, cursor, record; the walk over a body | proto |
//! | [`metrics`] | what is counted and measured | nothing of ours |
//! | [`trace`] | traces: `traceparent`, spans over OTLP | nothing of ours |
//! | [`shutdown`] | the stages of a drain | nothing of ours |
//! | [`log`] | the contract of a log, and its backends | event |
//! | [`subscription`] | following and listing a log | event, log, shutdown |
//! | [`callback`] | a callback's check and decoding | proto, event |
//! | [`refusals`] | what was refused, and what each app sent last | proto, event |
//! | [`eviction`] | which connection is closed for a newcomer | telemetry |
//! | [`http1`] | HTTP/1.1 connections | eviction, shutdown, tls |
//! | [`http`] | the callback front | proto, event, callback, log, refusals, http1, metrics, trace |
//! | [`grpc`] | `EventService`, `AdminService`, health, reflection | proto, event, log, subscription, access, eviction, refusals, metrics, trace, shutdown, tls, telemetry |
//! | [`access`] | who may call over gRPC, and what it may read | callback (what is wrong with tokens), subscription (the filter) |
//! | [`tls`] | certificates, handshakes | nothing of ours |
//! | [`scrape`] | what is read when metrics are asked for | event, log, subscription, refusals, grpc, metrics, telemetry, shutdown |
//! | [`admin`] | probes and metrics | log, scrape, shutdown |
//! | [`config`] | the table of settings, the file, their check | access, callback (the tokens), tls, telemetry |
//! | [`delivery`] | the threads on which events are delivered | log |
//! | [`app`] | everything put together | all of the above |
//! | [`telemetry`] | logs | nothing of ours |
//! | [`cli`] | the command line | app, config, telemetry; the crate `callback-gateway-client` |

#![deny(clippy::unwrap_used)]

pub mod access;
pub mod admin;
pub mod app;
pub mod callback;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod event;
pub mod eviction;
pub mod grpc;
pub mod http;
pub mod http1;
pub mod log;
pub mod metrics;
pub mod proto;
pub mod refusals;
pub mod scrape;
pub mod shutdown;
pub mod subscription;
pub mod telemetry;
pub mod tls;
pub mod trace;
