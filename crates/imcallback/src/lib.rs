//! The API of callback-gateway in Rust: package `imcallback.v1`.
//!
//! [`Event`] is one callback of Tencent Cloud IM. [`event_service_client`] and [`admin_service_client`] are the generated
//! clients, and all messages have their ProtoJSON form through serde. The comments of the `.proto` files, which say what
//! each message and field means, are the documentation of the generated types. [`FILE_DESCRIPTOR_SET`] has them too, with
//! the custom options.
//!
//! ```
//! use imcallback::{Event, event::Payload, SnsFriendAdd};
//!
//! let json = r#"{"sequence":"7","command":"Sns.CallbackFriendAdd","snsFriendAdd":{"PairList":[]}}"#;
//! let event: Event = serde_json::from_str(json).unwrap();
//! assert_eq!(event.sequence, 7);
//! assert!(matches!(event.payload, Some(Payload::SnsFriendAdd(SnsFriendAdd { .. }))));
//! ```
//!
//! A consumer needs more than the generated client: it resumes after a broken connection, backs off, and tells apart which
//! errors a retry can mend. The crate `callback-gateway-client` does that.

#![deny(clippy::unwrap_used)]

pub mod well_known;

pub use self::generated::*;

mod generated {
    #![allow(missing_docs, reason = "most comments are carried over from the .proto files")]
    #![allow(unreachable_pub, clippy::all, reason = "generated")]

    include!("generated/imcallback.v1.rs");
    include!("generated/imcallback.v1.serde.rs");
}

/// All `.proto` files with their imports and comments, as an encoded `google.protobuf.FileDescriptorSet`. Custom options
/// are kept.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");

impl Event {
    /// Returns the callback's body, byte for byte: `binary_body` if it is set, else `raw_body`.
    pub fn body(&self) -> &[u8] {
        if self.binary_body.is_empty() { self.raw_body.as_bytes() } else { &self.binary_body }
    }
}
