//! API types from the crate [`imcallback`], and the catalogue of commands.

pub(crate) use imcallback::*;

pub(crate) use self::catalogue::{callback_kind, order_key, payload_shape};

mod catalogue {
    use super::{CallbackKind, FieldKind, FieldShape, MessageShape, OrderPath, derived_kind};

    include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
}

/// JSON names that lead to the group or account that orders an event, from the body's top level.
pub(crate) type OrderPath = &'static [&'static str];

/// Fields of a payload's message, sorted by number.
#[derive(Debug)]
pub(crate) struct MessageShape {
    pub(crate) fields: &'static [FieldShape],
}

/// Field of a payload's message.
#[derive(Debug)]
pub(crate) struct FieldShape {
    /// JSON name, which is the vendor's name.
    pub(crate) name: &'static str,
    pub(crate) number: u32,
    pub(crate) kind: FieldKind,
    pub(crate) is_list: bool,
    /// True if its default value differs from absence.
    pub(crate) has_presence: bool,
}

/// Type of a field or of its elements.
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

/// Returns whether a command is in the catalogue.
pub(crate) fn is_known(command: &str) -> bool {
    payload_shape(command).is_some()
}

/// Derives the kind of a command that is not in the catalogue from its name: `Before..` and
/// `Prev..`, or `After..` and `On..`, after the last dot and an optional `Callback`.
fn derived_kind(command: &str) -> CallbackKind {
    let action = command.rsplit('.').next().unwrap_or_default();
    let action = action.strip_prefix("Callback").unwrap_or(action);
    // Match whole words only: `OnlineX` does not begin with `On`.
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
