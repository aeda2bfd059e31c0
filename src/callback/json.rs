//! One walk over a JSON text that is known to be valid, for what the gateway
//! needs of every body whatever its command.
//!
//! The grammar is checked by `serde_json` before. This walk only tells strings
//! from structure; unlike a parse into values it takes numbers of any size and
//! lone surrogates, and keeps nothing.

use std::borrow::Cow;

use super::{MAX_JSON_DEPTH, Refusal};
use crate::event::NameSet;

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

/// What a key's value is wanted for. Arrays hand it on to their elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    None,
    Account,
    GroupId,
    Command,
    EventTime,
}

impl Role {
    fn of(key: &str, depth: usize) -> Self {
        match key {
            "CallbackCommand" if depth == 1 => Self::Command,
            "EventTime" if depth == 1 => Self::EventTime,
            "GroupId" | "GroupID" => Self::GroupId,
            _ if key.ends_with("Account") => Self::Account,
            _ => Self::None,
        }
    }

    fn of_elements(self) -> Self {
        match self {
            Self::Account | Self::GroupId => self,
            Self::None | Self::Command | Self::EventTime => Self::None,
        }
    }
}

/// One open object or array.
#[derive(Debug, Clone, Copy)]
struct Level {
    is_object: bool,
    /// Role of the value that comes next.
    role: Role,
}

/// Walks over `json`, which must be valid JSON.
pub(super) fn scan(json: &str) -> Result<Facts<'_>, Refusal> {
    let mut facts = Facts::default();
    let mut levels: Vec<Level> = Vec::new();
    let mut expect_key = false;
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'{' | b'[' => {
                let is_object = byte == b'{';
                let role = match levels.last() {
                    None if !is_object => return Err(Refusal::NotAnObject),
                    None => Role::None,
                    Some(level) => level.role,
                };
                if role == Role::Command {
                    facts.note_command(None);
                }
                if levels.len() == MAX_JSON_DEPTH {
                    return Err(Refusal::TooDeep);
                }
                levels
                    .push(Level { is_object, role: if is_object { Role::None } else { role.of_elements() } });
                facts.depth = facts.depth.max(levels.len());
                facts.values += 1;
                expect_key = is_object;
            }
            b'}' | b']' => {
                levels.pop();
            }
            b',' => expect_key = levels.last().is_some_and(|level| level.is_object),
            b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' => {
                at = string_end(bytes, at);
                let token = &json[start..at];
                let depth = levels.len();
                let Some(level) = levels.last_mut() else { return Err(Refusal::NotAnObject) };
                if expect_key {
                    facts.needs_leniency |= matches!(bytes.get(start + 1), Some(b'a'..=b'z' | b'\\'));
                    level.role = text(token).map_or(Role::None, |key| Role::of(&key, depth));
                    expect_key = false;
                } else {
                    facts.note(level.role, token);
                    facts.values += 1;
                }
            }
            // A number, true, false or null.
            _ => {
                while bytes
                    .get(at)
                    .is_some_and(|byte| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
                {
                    at += 1;
                }
                let Some(level) = levels.last() else { return Err(Refusal::NotAnObject) };
                let token = &json[start..at];
                facts.needs_leniency |= token == "null" || token.len() > 15;
                facts.note(level.role, token);
                facts.values += 1;
            }
        }
    }
    Ok(facts)
}

/// The position after the string whose first character is at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The text of a string token; `None` for any other token, and for a string
/// that is no Unicode text (lone surrogates).
fn text(token: &str) -> Option<Cow<'_, str>> {
    let inner = token.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(token).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

impl<'a> Facts<'a> {
    fn note(&mut self, role: Role, token: &'a str) {
        match role {
            // As if it were absent.
            _ if token == "null" => {}
            Role::None => {}
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
