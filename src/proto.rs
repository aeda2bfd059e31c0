//! The generated API (package `imcallback.v1`) and its descriptor set.
//!
//! The `.proto` files under `proto/` are the manual: their comments say what
//! each message and field means.
#![allow(missing_docs, reason = "generated: most comments are carried over from the .proto files")]
#![allow(unreachable_pub, reason = "generated")]
#![allow(clippy::all, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/messages/imcallback.v1.rs"));
include!(concat!(env!("OUT_DIR"), "/messages/imcallback.v1.serde.rs"));
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// All `.proto` files with their imports and comments, as an encoded
/// `google.protobuf.FileDescriptorSet`; custom options are kept.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
