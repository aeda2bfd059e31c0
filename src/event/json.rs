//! One walk over a JSON text that is known to be valid, for what the gateway
//! needs of every body whatever its command.
//!
//! The grammar is checked before. This walk only tells strings from structure;
//! unlike a parse into values it takes numbers of any size and lone surrogates,
//! and keeps nothing.

use std::borrow::Cow;

/// What a value stands for, by its key. Arrays hand it on to their elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing that the gateway looks for.
    Other,
    /// An account: the key ends in `Account`.
    Account,
    /// A group: the key is `GroupId` or `GroupID`.
    GroupId,
    /// The top level's `CallbackCommand`.
    Command,
    /// The top level's `EventTime`.
    EventTime,
}

impl Role {
    fn of(key: &str, depth: usize) -> Self {
        match key {
            "CallbackCommand" if depth == 1 => Self::Command,
            "EventTime" if depth == 1 => Self::EventTime,
            "GroupId" | "GroupID" => Self::GroupId,
            _ if key.ends_with("Account") => Self::Account,
            _ => Self::Other,
        }
    }

    fn of_elements(self) -> Self {
        match self {
            Self::Account | Self::GroupId => self,
            Self::Other | Self::Command | Self::EventTime => Self::Other,
        }
    }
}

/// What the walk comes upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// An object or array begins.
    Open {
        /// Whether it is an object.
        is_object: bool,
        /// How many are open, this one included.
        depth: usize,
    },
    /// A member's key.
    Key {
        /// Its text as it is written, with the quotes.
        token: &'a str,
    },
    /// A string, number, true, false or null, as it is written.
    Scalar {
        /// Its text, with a string's quotes.
        token: &'a str,
        /// How many objects and arrays are open.
        depth: usize,
    },
}

/// One open object or array.
#[derive(Debug, Clone, Copy)]
struct Level {
    is_object: bool,
    /// Role of the value that comes next.
    role: Role,
}

/// Walks over `json`, which must be valid JSON, until `visit` fails.
pub fn walk<'a, E>(json: &'a str, mut visit: impl FnMut(Role, Item<'a>) -> Result<(), E>) -> Result<(), E> {
    let mut levels: Vec<Level> = Vec::new();
    let mut expect_key = false;
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        let role = levels.last().map_or(Role::Other, |level| level.role);
        match byte {
            b'{' | b'[' => {
                let is_object = byte == b'{';
                visit(role, Item::Open { is_object, depth: levels.len() + 1 })?;
                levels.push(Level {
                    is_object,
                    role: if is_object { Role::Other } else { role.of_elements() },
                });
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
                match levels.last_mut() {
                    Some(level) if expect_key => {
                        level.role = text(token).map_or(Role::Other, |key| Role::of(&key, depth));
                        expect_key = false;
                        visit(Role::Other, Item::Key { token })?;
                    }
                    _ => visit(role, Item::Scalar { token, depth })?,
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
                visit(role, Item::Scalar { token: &json[start..at], depth: levels.len() })?;
            }
        }
    }
    Ok(())
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
pub fn text(token: &str) -> Option<Cow<'_, str>> {
    let inner = token.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(token).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}
