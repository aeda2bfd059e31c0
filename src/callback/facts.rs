//! What the gateway needs of every body, whatever its command.

use std::borrow::Cow;

use super::{MAX_JSON_DEPTH, Refusal};
use crate::event::{
    NameSet,
    json::{Item, Role, text, walk},
};

/// What a body says, beside its typed form.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    /// Nesting of objects and arrays; 1 for a flat object.
    pub(super) depth: usize,
    /// Values of any kind, the body itself among them.
    pub(super) values: usize,
    /// The top level's `CallbackCommand`.
    pub(super) command: CommandMember<'a>,
    /// The JSON text of the top level's `EventTime`, the last one if there are several.
    pub(super) event_time: Option<&'a str>,
    /// Whether it has what only a lenient reading gets right: a null, a number of more
    /// than 15 characters, so perhaps beyond 2^53, or a key that begins with a small letter.
    pub(super) needs_leniency: bool,
    /// Values of keys that end in `Account`, at any depth.
    pub(super) accounts: NameSet,
    /// Values of the keys `GroupId` and `GroupID`, at any depth.
    pub(super) group_ids: NameSet,
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
pub(super) fn scan(json: &str) -> Result<Facts<'_>, Refusal> {
    let mut facts = Facts::default();
    walk(json, |role, item| {
        match item {
            Item::Open { is_object: false, depth: 1 } | Item::Scalar { depth: 0, .. } => {
                return Err(Refusal::NotAnObject);
            }
            Item::Open { depth, .. } if depth > MAX_JSON_DEPTH => return Err(Refusal::TooDeep),
            Item::Open { depth, .. } => {
                facts.depth = facts.depth.max(depth);
                facts.values += 1;
                if role == Role::Command {
                    facts.note_command(None);
                }
            }
            Item::Key { token } => {
                facts.needs_leniency |= matches!(token.as_bytes().get(1), Some(b'a'..=b'z' | b'\\'));
            }
            Item::Scalar { token, .. } => {
                let is_string = token.starts_with('"');
                facts.needs_leniency |= token == "null" || (!is_string && token.len() > 15);
                facts.values += 1;
                facts.note(role, token);
            }
        }
        Ok(())
    })?;
    Ok(facts)
}

impl<'a> Facts<'a> {
    fn note(&mut self, role: Role, token: &'a str) {
        match role {
            // As if it were absent.
            _ if token == "null" => {}
            Role::Other => {}
            Role::Account => text(token).iter().for_each(|name| self.accounts.insert(name)),
            Role::GroupId => text(token).iter().for_each(|name| self.group_ids.insert(name)),
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
