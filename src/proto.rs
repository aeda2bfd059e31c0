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

/// All `.proto` files with their imports and comments, as an encoded
/// `google.protobuf.FileDescriptorSet`; custom options are kept.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

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
