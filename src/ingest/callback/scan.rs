//! Parts of a body that the gateway reads for every command.

use std::borrow::Cow;

use super::{MAX_JSON_DEPTH, MAX_TYPED_JSON_VALUES, tree::Tree};
use crate::event::{
    NameSet, OrderKey,
    json::{Item, Role, string_or_number, text, walk},
};

/// Content of a body apart from its typed form.
#[derive(Debug, Default)]
pub(super) struct ScannedBody<'a> {
    /// The top level's `CallbackCommand`.
    pub(super) command: CommandMember<'a>,
    /// The JSON text of the top level's `EventTime`, the last one if there are several.
    pub(super) event_time: EventTimeMember<'a>,
    /// Values of keys that end in `Account`, at any depth.
    pub(super) accounts: NameSet,
    /// Values of the keys `GroupId` and `GroupID`, at any depth.
    pub(super) group_ids: NameSet,
    /// The body's values, or the reason why it is not decoded.
    pub(super) shape: Shape<'a>,
}

/// Decodable content of a body, or the reason why there is none.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    /// It is an object within the bounds.
    Object(Tree<'a>),
    NotAnObject,
    /// It nests deeper than [`MAX_JSON_DEPTH`].
    TooDeep,
    /// It has more than [`MAX_TYPED_JSON_VALUES`] values.
    TooManyValues,
}

impl Default for Shape<'_> {
    fn default() -> Self {
        Self::Object(Tree::default())
    }
}

#[derive(Debug, Default)]
pub(super) enum CommandMember<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    NotString,
    Repeated,
}

/// The top level's `EventTime`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum EventTimeMember<'a> {
    #[default]
    Absent,
    /// The JSON text of a scalar.
    Scalar(&'a str),
    /// An object or array, or more than one value.
    Unreadable,
}

/// Scans `json`, which must be valid JSON.
pub(super) fn scan(json: &str, is_lossy: bool) -> ScannedBody<'_> {
    let mut scanned = ScannedBody::default();
    let mut values = 0;
    let visited = walk(json, |role, item| {
        match item {
            Item::Open { is_object: false, depth: 1 } | Item::Scalar { depth: 0, .. } => {
                scanned.shape = Shape::NotAnObject;
            }
            Item::Open { depth, .. }
                if depth > MAX_JSON_DEPTH && !matches!(scanned.shape, Shape::NotAnObject) =>
            {
                scanned.shape = Shape::TooDeep;
            }
            _ => {}
        }
        match item {
            Item::Open { .. } => {
                values += 1;
                match role {
                    Role::Command => scanned.note_command(None),
                    Role::EventTime => scanned.event_time = EventTimeMember::Unreadable,
                    Role::Other | Role::Account | Role::GroupId => {}
                }
            }
            Item::Scalar { token, .. } => {
                values += 1;
                scanned.note(role, token, is_lossy);
            }
            Item::Key { .. } | Item::Close => {}
        }
        if values > MAX_TYPED_JSON_VALUES && matches!(scanned.shape, Shape::Object(_)) {
            scanned.shape = Shape::TooManyValues;
        }
        if let Shape::Object(tree) = &mut scanned.shape {
            tree.add(item);
        }
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(()) = visited;
    scanned
}

impl<'a> ScannedBody<'a> {
    /// Returns whether the body has a group, or else an account, whose name is known.
    pub(super) fn may_have_name(&self, is_group: bool) -> bool {
        let names = if is_group { &self.group_ids } else { &self.accounts };
        names.first().is_some() || names.is_cut()
    }

    /// Returns the order key of an event whose body has no value at the paths of its command.
    pub(super) fn fallback_order_key(&self) -> OrderKey<'_> {
        match (self.group_ids.only(), self.accounts.first()) {
            (Some(group_id), _) => OrderKey::Group(group_id.into()),
            (None, Some(account)) => OrderKey::Account(account.into()),
            (None, None) => OrderKey::App,
        }
    }

    fn note(&mut self, role: Role, token: &'a str, is_lossy: bool) {
        match role {
            // Counts as absent.
            _ if token == "null" => {}
            Role::Other => {}
            Role::Account => note_name(&mut self.accounts, token, is_lossy),
            Role::GroupId => note_name(&mut self.group_ids, token, is_lossy),
            Role::Command => self.note_command(text(token)),
            Role::EventTime => {
                self.event_time = match self.event_time {
                    EventTimeMember::Absent => EventTimeMember::Scalar(token),
                    EventTimeMember::Scalar(_) | EventTimeMember::Unreadable => EventTimeMember::Unreadable,
                };
            }
        }
    }

    fn note_command(&mut self, text: Option<Cow<'a, str>>) {
        self.command = match (&self.command, text) {
            (CommandMember::Absent, Some(text)) => CommandMember::Text(text),
            (CommandMember::Absent, None) => CommandMember::NotString,
            _ => CommandMember::Repeated,
        };
    }
}

/// Adds the name of a token. A name that is not Unicode text, or in which a repair replaced bytes, is
/// unknown.
fn note_name(names: &mut NameSet, token: &str, is_lossy: bool) {
    match string_or_number(token) {
        Some(name) if is_lossy && name.contains(char::REPLACEMENT_CHARACTER) => names.note_unreadable(),
        Some(name) => names.insert(&name),
        None if token.starts_with('"') => names.note_unreadable(),
        None => {}
    }
}
