//! Generated servers, whose responses are [`Encoded`](super::codec::Encoded).

#![allow(unreachable_pub, missing_docs, clippy::all, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/server/imcallback.v1.rs"));
