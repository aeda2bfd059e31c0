//! What the gateway needs of every body, whatever its command.

use std::borrow::Cow;

use super::{MAX_JSON_DEPTH, MAX_TYPED_JSON_VALUES, tree::Tree};
use crate::event::{
    NameSet,
    json::{Item, Role, string_or_number, text, walk},
};

/// What a body says, beside its typed form.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    /// The top level's `CallbackCommand`.
    pub(super) command: CommandMember<'a>,
    /// The JSON text of the top level's `EventTime`, the last one if there are several.
    pub(super) event_time: Option<&'a str>,
    /// Values of keys that end in `Account`, at any depth.
    pub(super) accounts: NameSet,
    /// Values of the keys `GroupId` and `GroupID`, at any depth.
    pub(super) group_ids: NameSet,
    /// The body's values, unless they are too many or nest too deep to be decoded.
    pub(super) shape: Shape<'a>,
}

/// Whether a body can be decoded.
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

/// Reads the facts of `json`, which must be valid JSON.
pub(super) fn scan(json: &str) -> Facts<'_> {
    let mut facts = Facts::default();
    let mut values = 0;
    let visited = walk(json, |role, item| {
        match item {
            Item::Open { is_object: false, depth: 1 } | Item::Scalar { depth: 0, .. } => {
                facts.shape = Shape::NotAnObject;
            }
            Item::Open { depth, .. }
                if depth > MAX_JSON_DEPTH && !matches!(facts.shape, Shape::NotAnObject) =>
            {
                facts.shape = Shape::TooDeep;
            }
            _ => {}
        }
        match item {
            Item::Open { .. } => {
                values += 1;
                if role == Role::Command {
                    facts.note_command(None);
                }
            }
            Item::Scalar { token, .. } => {
                values += 1;
                facts.note(role, token);
            }
            Item::Key { .. } | Item::Close => {}
        }
        if values > MAX_TYPED_JSON_VALUES && matches!(facts.shape, Shape::Object(_)) {
            facts.shape = Shape::TooManyValues;
        }
        if let Shape::Object(tree) = &mut facts.shape {
            tree.add(item);
        }
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(()) = visited;
    facts
}

impl<'a> Facts<'a> {
    fn note(&mut self, role: Role, token: &'a str) {
        match role {
            // As if it were absent.
            _ if token == "null" => {}
            Role::Other => {}
            Role::Account => string_or_number(token).iter().for_each(|name| self.accounts.insert(name)),
            Role::GroupId => string_or_number(token).iter().for_each(|name| self.group_ids.insert(name)),
            Role::Command => self.note_command(text(token)),
            Role::EventTime => self.event_time = Some(token),
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
