//! Tests of the gateway through real sockets, and of the files of this repository. Each module has a
//! subject.
//!
//! All modules are linked into one executable. nextest runs each test in a process of its own, but
//! `cargo test` runs all of them as threads of one process: a test must not change the environment, the
//! current directory or other state of the process. Tests that need a separate process or machine are
//! beside this directory.

mod support;

mod access;
mod any_body;
mod burst;
mod catalogue;
#[cfg(feature = "external-tools")]
mod chart;
mod cli;
mod client;
mod compatibility;
mod configuration;
mod connect;
#[cfg(feature = "external-tools")]
mod consumers;
mod cursors;
mod damage;
mod duplicates;
#[cfg(feature = "external-tools")]
mod envoy;
mod export;
#[cfg(feature = "external-tools")]
mod foreign_reader;
mod framing;
mod fuzz_corpus;
#[cfg(feature = "external-tools")]
mod grpcurl;
mod hostile;
mod hostile_connections;
mod hostile_grpc;
mod http_front;
mod image;
#[cfg(feature = "slow-tests")]
mod index;
#[cfg(feature = "external-tools")]
mod jetstream;
#[cfg(feature = "external-tools")]
mod jetstream_faults;
mod lanes;
mod language;
mod layers;
mod leniency;
mod links;
mod list;
mod logs;
mod metrics;
mod model;
mod msrv;
mod names;
#[cfg(feature = "external-tools")]
mod nats_changes;
#[cfg(all(feature = "external-tools", feature = "slow-tests"))]
mod nats_full;
#[cfg(feature = "external-tools")]
mod nats_login;
#[cfg(feature = "external-tools")]
mod nats_lost;
mod odd_bodies;
#[cfg(feature = "external-tools")]
mod pages;
mod people;
#[cfg(feature = "external-tools")]
mod promtool;
#[cfg(feature = "external-tools")]
mod python_client;
#[cfg(target_os = "linux")]
mod read_fault;
mod refusals;
mod repair;
mod restore;
#[cfg(feature = "slow-tests")]
mod retention;
#[cfg(feature = "external-tools")]
mod scripts;
mod send;
mod shell;
mod store_gone;
mod stream;
mod streams;
#[cfg(feature = "external-tools")]
mod systemd;
mod tail;
mod threads;
mod tls;
mod tokens;
mod tools;
mod trace;
mod verification;
mod wal_fault;
mod write_fault;
