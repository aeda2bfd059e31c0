//! The generated API (package `imcallback.v1`) and its descriptor set.
//!
//! The `.proto` files under `proto/` are the manual: their comments say what
//! each message and field means.

pub mod well_known;

pub use self::generated::*;
pub(crate) use self::generated::{callback_kind, order_key, payload_shape};

mod generated {
    #![allow(missing_docs, reason = "most comments are carried over from the .proto files")]
    #![allow(unreachable_pub, clippy::all, reason = "generated")]

    use super::{FieldKind, FieldShape, MessageShape, OrderPath, derived_kind};

    include!(concat!(env!("OUT_DIR"), "/messages/imcallback.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/messages/imcallback.v1.serde.rs"));
    include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
}

impl Event {
    /// Returns the callback's body, byte for byte: `binary_body` if it is set, else `raw_body`.
    pub fn body(&self) -> &[u8] {
        if self.binary_body.is_empty() { self.raw_body.as_bytes() } else { &self.binary_body }
    }
}

/// JSON names that lead to the group or account that orders an event, from the body's top level.
pub(crate) type OrderPath = &'static [&'static str];

/// The fields of a payload's message, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct MessageShape {
    pub(crate) fields: &'static [FieldShape],
}

/// A field of a payload's message.
#[derive(Debug)]
pub(crate) struct FieldShape {
    /// Its JSON name: the vendor's.
    pub(crate) name: &'static str,
    pub(crate) number: u32,
    pub(crate) kind: FieldKind,
    pub(crate) is_list: bool,
    /// Whether its default value differs from absence.
    pub(crate) has_presence: bool,
}

/// The type of a field, or of its elements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldKind {
    String,
    Int32,
    Int64,
    Message(&'static MessageShape),
    /// `google.protobuf.Struct`.
    Struct,
    /// `google.protobuf.Value`.
    Value,
}

/// All `.proto` files with their imports and comments, as an encoded
/// `google.protobuf.FileDescriptorSet`; custom options are kept.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Returns whether a command is in the catalogue.
pub(crate) fn is_known(command: &str) -> bool {
    payload_shape(command).is_some()
}

/// Derives the kind of a command that is not in the catalogue from its name: `Before..` and
/// `Prev..`, or `After..` and `On..`, after the last dot and an optional `Callback`.
fn derived_kind(command: &str) -> CallbackKind {
    let action = command.rsplit('.').next().unwrap_or_default();
    let action = action.strip_prefix("Callback").unwrap_or(action);
    // A whole word: `OnlineX` does not begin with `On`.
    let begins_with = |word| {
        action
            .strip_prefix(word)
            .is_some_and(|rest| rest.chars().next().is_none_or(|c| c.is_ascii_uppercase()))
    };
    if ["Before", "Prev"].into_iter().any(begins_with) {
        CallbackKind::Before
    } else if ["After", "On"].into_iter().any(begins_with) {
        CallbackKind::After
    } else {
        CallbackKind::Unspecified
    }
}
