//! Reader of the JSON text of a callback's body, and a visitor of its tokens.
//!
//! [`read`] checks the grammar and repairs a fixed list of faults that chat users can cause. [`walk`] then only
//! separates strings from structure. Unlike a parser that builds values, it accepts numbers of any size and lone
//! surrogates, and keeps no values. Neither function recurses: nesting uses memory, not stack.

mod repair;

use std::borrow::Cow;

use serde::de::IgnoredAny;

use self::repair::{offset_in_body, repair};

/// A body that is valid JSON, as received or after repairs.
#[derive(Debug, PartialEq, Eq)]
pub struct Json<'a> {
    /// The text, valid JSON.
    pub text: Cow<'a, str>,
    /// True if the text differs from the body because of repairs.
    pub is_repaired: bool,
    /// True if bytes of strings were replaced, so that the text does not say what they were.
    pub is_lossy: bool,
}

/// Error of reading a body as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The body is empty, or holds only white space and NUL bytes.
    Empty,
    /// Not UTF-8. The position is that of the first fault that cannot be repaired.
    NotUtf8(BytePosition),
    /// UTF-8, but not JSON. The position is that of the first fault that cannot be repaired.
    NotJson(BytePosition),
}

/// Position and kind of a byte in a client's text. Describes a fault without quoting content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytePosition {
    /// Offset of the byte, from 0.
    pub offset: usize,
    /// Kind of the byte.
    pub byte: ByteKind,
}

/// Kind of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ByteKind {
    /// After the last byte.
    #[error("the end")]
    End,
    /// 0x00 to 0x1f and 0x7f, except white space.
    #[error("a control character")]
    Control,
    /// Space, tab, line feed and carriage return.
    #[error("white space")]
    WhiteSpace,
    /// `"` and `'`.
    #[error("a quotation mark")]
    Quote,
    /// `{`, `}`, `[` and `]`.
    #[error("a bracket")]
    Bracket,
    /// 0 to 9.
    #[error("a digit")]
    Digit,
    /// a to z and A to Z.
    #[error("a letter")]
    Letter,
    /// Any other ASCII character.
    #[error("a punctuation character")]
    Punctuation,
    /// Part of a character beyond ASCII.
    #[error("a character beyond ASCII")]
    BeyondAscii,
    /// Part of an invalid UTF-8 sequence.
    #[error("an invalid byte")]
    NotUtf8,
}

impl BytePosition {
    /// Returns the position and kind of the byte at an offset.
    pub fn of(bytes: &[u8], offset: usize) -> Self {
        let byte = match bytes.get(offset) {
            None => ByteKind::End,
            Some(b' ' | b'\t' | b'\n' | b'\r') => ByteKind::WhiteSpace,
            Some(b'"' | b'\'') => ByteKind::Quote,
            Some(b'{' | b'}' | b'[' | b']') => ByteKind::Bracket,
            Some(byte) if byte.is_ascii_control() => ByteKind::Control,
            Some(byte) if byte.is_ascii_digit() => ByteKind::Digit,
            Some(byte) if byte.is_ascii_alphabetic() => ByteKind::Letter,
            Some(byte) if byte.is_ascii() => ByteKind::Punctuation,
            Some(_) => match bytes[offset..].utf8_chunks().next() {
                Some(chunk) if chunk.valid().is_empty() => ByteKind::NotUtf8,
                _ => ByteKind::BeyondAscii,
            },
        };
        Self { offset: offset.min(bytes.len()), byte }
    }
}

/// Reads a body as JSON: unchanged if it is valid, else after these repairs.
///
/// - A byte order mark before the document is removed.
/// - Control characters inside strings are escaped.
/// - Invalid UTF-8 inside strings is replaced by U+FFFD.
/// - NUL bytes and white space after the document are removed.
pub fn read(body: &[u8]) -> Result<Json<'_>, Unreadable> {
    let as_is = std::str::from_utf8(body);
    if let Ok(text) = as_is
        && check(text).is_ok()
    {
        return Ok(Json { text: Cow::Borrowed(text), is_repaired: false, is_lossy: false });
    }
    // The first fault that no repair removes.
    let position = match repair(body) {
        Ok(text) if text.is_empty() => return Err(Unreadable::Empty),
        Ok(text) => match check(&text) {
            Ok(()) => {
                return Ok(Json { text: Cow::Owned(text), is_repaired: true, is_lossy: as_is.is_err() });
            }
            Err(offset) => BytePosition::of(body, offset_in_body(body, offset)),
        },
        Err(offset) => BytePosition { offset, byte: ByteKind::NotUtf8 },
    };
    Err(match as_is {
        Ok(_) => Unreadable::NotJson(position),
        Err(_) => Unreadable::NotUtf8(position),
    })
}

/// Checks the grammar. Returns the offset of the first invalid byte.
fn check(text: &str) -> Result<(), usize> {
    // `IgnoredAny` accepts everything that the grammar allows, such as 1e999 and lone surrogates, at any depth.
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| {
        let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let line: usize = lines.map(str::len).sum();
        // The column counts from 1. It is 0 if the invalid byte is a line feed.
        if error.is_eof() { text.len() } else { (line + error.column()).saturating_sub(1) }
    })
}

/// Role of a value, by its key. Elements of an array have the array's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// No role.
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

/// Part of the text that the walk visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// Start of an object or array.
    Open {
        /// True if it is an object.
        is_object: bool,
        /// Number of open objects and arrays, including this one.
        depth: usize,
    },
    /// End of the innermost object or array.
    Close,
    /// Key of a member.
    Key {
        /// Text as written, with the quotes.
        token: &'a str,
    },
    /// A string, number, true, false or null.
    Scalar {
        /// Text as written, with the quotes of a string.
        token: &'a str,
        /// Number of open objects and arrays.
        depth: usize,
    },
}

/// One open object or array.
#[derive(Debug, Clone, Copy)]
struct Level {
    is_object: bool,
    /// Role of the next value.
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
                visit(Role::Other, Item::Close)?;
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

/// Returns the offset after the string whose first character is at `at`.
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

/// Returns the text of a string token; `None` for any other token, and for a string that is not Unicode text (lone
/// surrogates).
pub fn text(token: &str) -> Option<Cow<'_, str>> {
    let inner = token.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(token).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Returns the text of a string or number token: a number counts as text where a string is expected, such as an
/// account name. `None` for any other token, and for a string that is not Unicode text.
pub fn string_or_number(token: &str) -> Option<Cow<'_, str>> {
    if token.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        Some(Cow::Borrowed(token))
    } else {
        text(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(body: &[u8]) -> Result<(String, bool), Unreadable> {
        read(body).map(|json| (json.text.into_owned(), json.is_repaired))
    }

    #[test]
    fn valid_json_is_returned_unchanged() {
        let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for body in
            ["{}", " {\"a\" : [1e999, -0.0, \"\\ud800\", \"\u{7f}\u{feff}\u{2028}\"]}\r\n", "1", &nested]
        {
            assert_eq!(read_text(body.as_bytes()), Ok((body.to_owned(), false)));
            assert!(!read(body.as_bytes()).unwrap().is_lossy);
        }
    }

    #[test]
    fn the_listed_faults_are_repaired() {
        for (body, text) in [
            (&b"\xef\xbb\xbf{}"[..], "{}"),
            (b"{}\0\0", "{}"),
            (b"{} \0\n\x0b\x0c", "{}"),
            (b"\xef\xbb\xbf {\"a\":\"\x14\"}\0", " {\"a\":\"\\u0014\"}"),
            (b"{\"a\":\"1\n2\t3\r4\0\"}", "{\"a\":\"1\\n2\\t3\\r4\\u0000\"}"),
            (b"{\"a\nb\":1}", "{\"a\\nb\":1}"),
            (b"{\"a\":\"\x89PNG\"}", "{\"a\":\"\u{fffd}PNG\"}"),
            // A truncated character becomes one U+FFFD; the quote after it stays.
            (b"{\"a\":\"\xe5\xa5\"}", "{\"a\":\"\u{fffd}\"}"),
            (b"{\"\xff\":\"\xf0\x9f\"}", "{\"\u{fffd}\":\"\u{fffd}\"}"),
            // Surrogates in UTF-8, as some encoders write them.
            (b"{\"a\":\"\xed\xa0\xbd\"}", "{\"a\":\"\u{fffd}\u{fffd}\u{fffd}\"}"),
            (b"{\"a\":\"\\\\\n\"}", "{\"a\":\"\\\\\\n\"}"),
        ] {
            assert_eq!(read_text(body), Ok((text.to_owned(), true)), "{}", body.escape_ascii());
            assert_eq!(read(body).unwrap().is_lossy, text.contains('\u{fffd}'), "{text}");
        }
    }

    #[test]
    fn other_faults_are_reported_with_their_position() {
        use ByteKind::*;
        let position = |offset, byte| BytePosition { offset, byte };
        let open = "[".repeat(2 << 20);
        for (body, fault) in [
            (&b""[..], Unreadable::Empty),
            (b" \0\r\n\x0b\x0c", Unreadable::Empty),
            (b"\xef\xbb\xbf\0", Unreadable::Empty),
            (b"{", Unreadable::NotJson(position(1, End))),
            (b"{} x", Unreadable::NotJson(position(3, Letter))),
            (b"{\"a\":NaN}", Unreadable::NotJson(position(5, Letter))),
            (b"{\n'a':1}", Unreadable::NotJson(position(2, Quote))),
            (b"{\"a\":1,\n}", Unreadable::NotJson(position(8, Bracket))),
            (b"{\"a\":\"\\\n\"}", Unreadable::NotJson(position(7, WhiteSpace))),
            (b"{\"a\":\"\\x\"}", Unreadable::NotJson(position(7, Letter))),
            (b"{\"a\":\x01}", Unreadable::NotJson(position(5, Control))),
            (b"{\"a\":\"\xff\"", Unreadable::NotUtf8(position(8, End))),
            // Different from the faults that are repaired.
            (b"{\"a\":\"x\ny\",\"b\":NaN}", Unreadable::NotJson(position(15, Letter))),
            (b"\xef\xbb\xbf{\"a\":1,\"b\":NaN}\0", Unreadable::NotJson(position(14, Letter))),
            (b"{\"a\":\"\xff\x01\",\"b\":!}", Unreadable::NotUtf8(position(14, Punctuation))),
            (b"{\"a\":\"\x01\xff\"}\xff", Unreadable::NotUtf8(position(10, NotUtf8))),
            (b"{\"a\":\xff}", Unreadable::NotUtf8(position(5, NotUtf8))),
            (b"{\"a\":\"\\\xff\"}", Unreadable::NotUtf8(position(7, NotUtf8))),
            (b"\xff\xfe{\0}\0", Unreadable::NotUtf8(position(0, NotUtf8))),
            ("{\"a\":\u{a0}1}".as_bytes(), Unreadable::NotJson(position(5, BeyondAscii))),
            (open.as_bytes(), Unreadable::NotJson(position(2 << 20, End))),
        ] {
            let shown = body[..body.len().min(40)].escape_ascii();
            assert_eq!(read_text(body), Err(fault), "{shown}");
        }
    }
}
