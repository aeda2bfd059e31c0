//! Summary of an event in one line: `From_Account=alice To_Account=bob,carol`.
//!
//! The names are the vendor's names of the innermost members, as in the flags of `send`. Brackets and outer
//! names would fill most of the line.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    table::{NAME, NOTE},
    text::escape,
};
use crate::proto::{CallbackKind, DecodeStatus, Event};

/// Maximum values shown of one name.
const MAX_VALUES: usize = 8;
/// Maximum length of a value, in characters.
const MAX_VALUE_CHARS: usize = 120;
/// Maximum length of the summary, in bytes. `get` shows the whole event.
const MAX_SUMMARY_BYTES: usize = 2000;

/// Returns the style of the command: Before callbacks look different.
pub(super) fn command_style(event: &Event) -> anstyle::Style {
    match event.kind() {
        CallbackKind::Before => NOTE,
        CallbackKind::After | CallbackKind::Unspecified => NAME,
    }
}

/// Returns the summary of the body, and the decode status if it is unusual.
pub(super) fn summary(event: &Event) -> String {
    let mut text = match decode_status(event.decode_status()) {
        "" => String::new(),
        status => format!("({status}) "),
    };
    if event.possible_duplicate_of > 0 {
        text += &format!("(again? see #{}) ", event.possible_duplicate_of);
    }
    text + &body(event)
}

/// Returns a short text for a decode status. Empty for a body that was decoded in full.
pub(super) fn decode_status(status: DecodeStatus) -> &'static str {
    match status {
        DecodeStatus::Typed | DecodeStatus::Unspecified => "",
        DecodeStatus::UnknownCommand => "unknown command",
        DecodeStatus::Mismatch => "does not fit its message",
        DecodeStatus::TooLarge => "too large to be typed",
        DecodeStatus::Partial => "partly typed",
        DecodeStatus::Repaired => "repaired",
        DecodeStatus::NotUtf8 => "not UTF-8",
        DecodeStatus::NotJson => "not JSON",
        DecodeStatus::TooDeep => "nests too deep to be typed",
        DecodeStatus::Empty => "empty body",
        DecodeStatus::NotAnObject => "not a JSON object",
        DecodeStatus::CommandRepeated => "names its command more than once",
        DecodeStatus::CommandNotString => "its command is not a string",
        DecodeStatus::CommandDisagrees => "names another command",
    }
}

fn body(event: &Event) -> String {
    if event.payload.is_none() {
        return leaves(&String::from_utf8_lossy(event.body()));
    }
    let alone = Event { payload: event.payload.clone(), ..Event::default() };
    serde_json::to_string(&alone).map_or_else(|_| String::new(), |json| leaves(&json))
}

/// Returns the non-empty members of a JSON text, without the enclosing names.
fn leaves(json: &str) -> String {
    let mut found = Leaves::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    // An error ends the walk: show what was read before it.
    Walk { leaves: &mut found, name: "" }.deserialize(&mut deserializer).ok();
    let mut text = String::new();
    for (name, values, left_out) in found.0 {
        if name == "CallbackCommand" {
            continue;
        }
        if text.len() > MAX_SUMMARY_BYTES {
            text += " …";
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text += &format!("{}={}", escape(&name), values.join(","));
        if left_out > 0 {
            text += &format!(",…(+{left_out})");
        }
    }
    text
}

/// Names in order of appearance, with their values and the number of omitted values.
#[derive(Default)]
struct Leaves(Vec<(String, Vec<String>, usize)>);

impl Leaves {
    fn add(&mut self, name: &str, value: &str, is_text: bool) {
        if value.is_empty() {
            return;
        }
        let value = shown(value, is_text);
        match self.0.iter_mut().find(|(known, ..)| known == name) {
            Some((_, values, _)) if values.contains(&value) => {}
            Some((_, values, _)) if values.len() < MAX_VALUES => values.push(value),
            Some((.., left_out)) => *left_out += 1,
            None => self.0.push((name.to_owned(), vec![value], 0)),
        }
    }
}

/// Returns a value, quoted if it could be mistaken for several values or for another type.
fn shown(value: &str, is_text: bool) -> String {
    let mut shown: String = value.chars().take(MAX_VALUE_CHARS).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    let is_plain = !shown.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '=' | '"' | '\\'));
    if is_text && !is_plain {
        shown = format!("\"{}\"", shown.replace('\\', "\\\\").replace('"', "\\\""));
    }
    escape(&shown).into_owned()
}

/// Visitor of JSON of any size that builds no tree.
struct Walk<'a> {
    leaves: &'a mut Leaves,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.leaves.add(self.name, &value.to_string(), false);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.leaves.add(self.name, &value.to_string(), false);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.leaves.add(self.name, &value.to_string(), false);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.leaves.add(self.name, &value.to_string(), false);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.leaves.add(self.name, value, true);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Walk { leaves: &mut *self.leaves, name: self.name })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Walk { leaves: &mut *self.leaves, name: &name })?;
            // Stop: a line cannot show more names.
            if self.leaves.0.len() > MAX_SUMMARY_BYTES {
                map.next_key::<IgnoredAny>()?;
                return Err(A::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_line_of_names_and_values() {
        let json = r#"{"CallbackCommand":"A.B","PairList":[{"From_Account":"alice","To_Account":"bob","Empty":""},
            {"From_Account":"alice","To_Account":"李 雷"}],"Flag":1,"On":true,"X":null,"Ratio":0.5,"Text":"a,\"b\\"}"#;
        let line = r#"From_Account=alice To_Account=bob,"李 雷" Flag=1 On=true Ratio=0.5 Text="a,\"b\\""#;
        assert_eq!(leaves(json), line);
    }

    #[test]
    fn control_characters_and_long_values_stay_in_one_line() {
        assert_eq!(leaves("{\"a\\u001b[2J\":\"x\\n\\u202ey\"}"), r#"a\u{1b}[2J="x\n\u{202e}y""#);
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
        assert_eq!(leaves(&long).chars().count(), 2 + MAX_VALUE_CHARS + 1);
        let values: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert_eq!(leaves(&format!("{{\"n\":[{}]}}", values.join(","))), "n=0,1,2,3,4,5,6,7,…(+12)");
        let names: Vec<String> = (0..10_000).map(|n| format!("\"n{n}\":{n}")).collect();
        let line = leaves(&format!("{{{}}}", names.join(",")));
        assert!(line.len() < MAX_SUMMARY_BYTES + 200 && line.ends_with(" …"), "{}", line.len());
        // For invalid JSON, shows the leaves before the fault.
        assert_eq!(leaves(r#"{"a":1,"b":"#), "a=1");
    }
}
