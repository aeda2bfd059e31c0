//! The generated API (package `imcallback.v1`) and its descriptor set.
//!
//! The `.proto` files under `proto/` are the manual: their comments say what
//! each message and field means.
#![allow(missing_docs, reason = "generated: most comments are carried over from the .proto files")]
#![allow(unreachable_pub, reason = "generated")]
#![allow(clippy::all, reason = "generated")]

pub mod well_known;

include!(concat!(env!("OUT_DIR"), "/messages/imcallback.v1.rs"));
include!(concat!(env!("OUT_DIR"), "/messages/imcallback.v1.serde.rs"));
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

impl Event {
    /// The callback's body, byte for byte: `raw_body` or `raw_body_bytes`, whichever is set.
    pub fn body(&self) -> &[u8] {
        if self.raw_body_bytes.is_empty() { self.raw_body.as_bytes() } else { &self.raw_body_bytes }
    }
}

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
/// `Prev..`, or `After..` and `On..`, behind the last dot and an optional `Callback`.
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
