//! Encoder of typed payloads, one leaf of the body at a time.
//!
//! The shapes of the messages are generated from `proto/`. The encoder writes the payload's field of `Event` directly,
//! without building messages. Generated JSON deserializers are not used because they follow proto3 JSON, in which one
//! value of an unexpected type fails the whole message, null is not a string, and a field also goes by its name in the
//! `.proto` file.
//!
//! A null member counts as absent. The encoder leaves out a declared member that does not fit, or whose key is
//! repeated (either value could be the right one), and records its path. It skips members that no message
//! declares; the body still has them.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::{
    MAX_TYPED_JSON_DEPTH,
    decimal::Decimal,
    tree::{Children, Tree, Value},
};
use crate::{
    event::json::{string_or_number, text},
    proto::{FieldKind, FieldShape, MessageShape},
};

/// Maximum number of paths. If more members are left out, the last path is [`MORE`].
const MAX_PATHS: usize = 16;
/// Maximum length of a path, in bytes. Longer paths are cut.
const MAX_PATH_BYTES: usize = 256;
/// Marks further paths, and the rest of a cut path.
const MORE: &str = "...";

/// Members of a body that become fields of the event itself.
const KEPT_ELSEWHERE: [&str; 2] = ["CallbackCommand", "EventTime"];

// Field numbers of google/protobuf/struct.proto.
const STRUCT_FIELDS: u32 = 1;
const MAP_KEY: u32 = 1;
const MAP_VALUE: u32 = 2;
const VALUE_NULL: u32 = 1;
const VALUE_NUMBER: u32 = 2;
const VALUE_STRING: u32 = 3;
const VALUE_BOOL: u32 = 4;
const VALUE_STRUCT: u32 = 5;
const VALUE_LIST: u32 = 6;
const LIST_VALUES: u32 = 1;

/// A typed payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Payload {
    /// The field of `Event`, with its key and length. `None` if it would be empty although the body has members: an
    /// empty payload would look like an empty body.
    pub(super) encoded: Option<Vec<u8>>,
    /// Paths of the declared members that were left out.
    pub(super) undecoded_paths: Vec<String>,
}

/// Encodes a body as the field of `Event` with this number, whose message has this shape.
pub(super) fn encode(
    number: u32,
    shape: &'static MessageShape,
    body: &Tree<'_>,
    event_time_fits: bool,
) -> Payload {
    let mut encoder = Encoder {
        tree: body,
        out: Vec::new(),
        path: Vec::new(),
        undecoded_paths: Vec::new(),
        has_others: false,
    };
    if !event_time_fits {
        encoder.path.push(Step::Member("EventTime"));
        encoder.leave_out();
        encoder.path.pop();
    }
    let start = encoder.begin(number);
    if let Some(Value::Object(members)) = body.root() {
        encoder.message(shape, members, 1);
    }
    let is_empty = encoder.out.len() == start;
    encoder.end(start);
    let says_nothing = is_empty && (encoder.has_others || !encoder.undecoded_paths.is_empty());
    Payload { encoded: (!says_nothing).then_some(encoder.out), undecoded_paths: encoder.undecoded_paths }
}

/// Part of the path to a value.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    /// A key as it is written, without the quotes.
    Member(&'a str),
    Element(usize),
}

/// Occurrences of a field in a body.
#[derive(Debug, Clone, Copy)]
enum Member<'a> {
    Absent,
    Once(Value<'a>),
    Repeated,
}

/// The value did not fit, and nothing of it was encoded.
#[derive(Debug)]
struct Unfit;

struct Encoder<'t, 'a> {
    tree: &'t Tree<'a>,
    out: Vec<u8>,
    /// Path of the current value.
    path: Vec<Step<'a>>,
    undecoded_paths: Vec<String>,
    /// True if the body has a member that its message does not declare.
    has_others: bool,
}

impl<'a> Encoder<'_, 'a> {
    /// Encodes the fields of a message. `depth` counts the objects and arrays around its members.
    fn message(&mut self, shape: &'static MessageShape, members: Children, depth: usize) {
        let mut of_fields = vec![Member::Absent; shape.fields.len()];
        for (key, value) in self.tree.children(members) {
            if value == Value::Scalar("null") {
                continue;
            }
            let key = text(key);
            let field =
                key.as_deref().and_then(|key| shape.fields.iter().position(|field| field.name == key));
            match field {
                Some(at) => {
                    let is_first = matches!(of_fields[at], Member::Absent);
                    of_fields[at] = if is_first { Member::Once(value) } else { Member::Repeated };
                }
                None if depth == 1 => {
                    self.has_others |= !key.is_some_and(|key| KEPT_ELSEWHERE.contains(&key.as_ref()));
                }
                None => {}
            }
        }
        for (field, member) in shape.fields.iter().zip(of_fields) {
            self.path.push(Step::Member(field.name));
            match member {
                Member::Absent => {}
                Member::Once(value) => self.field(field, value, depth),
                Member::Repeated => self.leave_out(),
            }
            self.path.pop();
        }
    }

    /// Encodes a field, or the elements of a list. A value that stands alone is a list of one.
    fn field(&mut self, field: &FieldShape, value: Value<'a>, depth: usize) {
        let Value::Array(elements) = value else { return self.one(field, value, depth) };
        if !field.is_list {
            return self.one(field, value, depth);
        }
        for (at, (_, element)) in self.tree.children(elements).enumerate() {
            if element != Value::Scalar("null") {
                self.path.push(Step::Element(at));
                self.one(field, element, depth + 1);
                self.path.pop();
            }
        }
    }

    /// Encodes the value of a field, or an element.
    fn one(&mut self, field: &FieldShape, value: Value<'a>, depth: usize) {
        if self.try_one(field, value, depth).is_err() {
            self.leave_out();
        }
    }

    fn try_one(&mut self, field: &FieldShape, value: Value<'a>, depth: usize) -> Result<(), Unfit> {
        let is_needed = |is_default: bool| !is_default || field.has_presence || field.is_list;
        match (field.kind, value) {
            (FieldKind::String, Value::Scalar(token)) => {
                let text = string_or_number(token).ok_or(Unfit)?;
                if is_needed(text.is_empty()) {
                    self.string(field.number, &text);
                }
            }
            (FieldKind::Int32, Value::Scalar(token)) => {
                let number = i32::try_from(integer(token).ok_or(Unfit)?).map_err(|_| Unfit)?;
                if is_needed(number == 0) {
                    prost::encoding::int32::encode(field.number, &number, &mut self.out);
                }
            }
            (FieldKind::Int64, Value::Scalar(token)) => {
                let number = integer(token).ok_or(Unfit)?;
                if is_needed(number == 0) {
                    prost::encoding::int64::encode(field.number, &number, &mut self.out);
                }
            }
            (FieldKind::Message(shape), Value::Object(members)) if depth < MAX_TYPED_JSON_DEPTH => {
                let start = self.begin(field.number);
                self.message(shape, members, depth + 1);
                self.end(start);
            }
            (FieldKind::Struct, Value::Object(members)) if depth < MAX_TYPED_JSON_DEPTH => {
                let start = self.begin(field.number);
                self.structure(members, depth + 1);
                self.end(start);
            }
            (FieldKind::Value, value) => {
                self.all_or_nothing(field.number, |encoder| encoder.free_form(value, depth))?;
            }
            (
                FieldKind::String
                | FieldKind::Int32
                | FieldKind::Int64
                | FieldKind::Message(_)
                | FieldKind::Struct,
                _,
            ) => return Err(Unfit),
        }
        Ok(())
    }

    /// Encodes the members of a `google.protobuf.Struct`, sorted by key. `depth` counts the objects and arrays around
    /// them. Here a null is a value like any other.
    fn structure(&mut self, members: Children, depth: usize) {
        let members = self.tree.children(members);
        let mut entries: Vec<_> = members.map(|(token, value)| (text(token), token, value)).collect();
        // Stable, and a key that is not Unicode text comes first.
        entries.sort_by(|(key, ..), (other, ..)| key.cmp(other));
        for of_key in entries.chunk_by(|(key, ..), (other, ..)| key.is_some() && key == other) {
            let [(key, token, value), further @ ..] = of_key else { continue };
            self.path.push(Step::Member(&token[1..token.len() - 1]));
            let encoded = match key {
                Some(key) if further.is_empty() => self.all_or_nothing(STRUCT_FIELDS, |encoder| {
                    encoder.string(MAP_KEY, key);
                    encoder.all_or_nothing(MAP_VALUE, |encoder| encoder.free_form(*value, depth))
                }),
                _ => Err(Unfit),
            };
            if encoded.is_err() {
                self.leave_out();
            }
            self.path.pop();
        }
    }

    /// Encodes a `google.protobuf.Value`. `depth` counts the objects and arrays around it.
    fn free_form(&mut self, value: Value<'a>, depth: usize) -> Result<(), Unfit> {
        if !matches!(value, Value::Scalar(_)) && depth == MAX_TYPED_JSON_DEPTH {
            return Err(Unfit);
        }
        match value {
            Value::Scalar("null") => self.null(),
            Value::Scalar(token @ ("true" | "false")) => {
                prost::encoding::bool::encode(VALUE_BOOL, &(token == "true"), &mut self.out);
            }
            Value::Scalar(token) if token.starts_with('"') => {
                self.string(VALUE_STRING, &text(token).ok_or(Unfit)?);
            }
            Value::Scalar(token) => {
                let number = token.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or(Unfit)?;
                prost::encoding::double::encode(VALUE_NUMBER, &number, &mut self.out);
            }
            Value::Object(members) => {
                let start = self.begin(VALUE_STRUCT);
                self.structure(members, depth + 1);
                self.end(start);
            }
            Value::Array(elements) => {
                let start = self.begin(VALUE_LIST);
                for (at, (_, element)) in self.tree.children(elements).enumerate() {
                    self.path.push(Step::Element(at));
                    let element_start = self.begin(LIST_VALUES);
                    if self.free_form(element, depth + 1).is_err() {
                        // Keeps the indexes of the other elements.
                        self.null();
                        self.leave_out();
                    }
                    self.end(element_start);
                    self.path.pop();
                }
                self.end(start);
            }
        }
        Ok(())
    }

    fn null(&mut self) {
        prost::encoding::int32::encode(VALUE_NULL, &0, &mut self.out);
    }

    fn string(&mut self, number: u32, text: &str) {
        encode_key(number, WireType::LengthDelimited, &mut self.out);
        encode_varint(text.len() as u64, &mut self.out);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Encodes a field in parts, or not at all.
    fn all_or_nothing(
        &mut self,
        number: u32,
        encode: impl FnOnce(&mut Self) -> Result<(), Unfit>,
    ) -> Result<(), Unfit> {
        let before = self.out.len();
        let start = self.begin(number);
        let encoded = encode(self);
        match encoded {
            Ok(()) => self.end(start),
            Err(Unfit) => self.out.truncate(before),
        }
        encoded
    }

    /// Begins a length-delimited field. Returns the start of its content, for [`Self::end`], which writes the length.
    fn begin(&mut self, number: u32) -> usize {
        encode_key(number, WireType::LengthDelimited, &mut self.out);
        self.out.push(0);
        self.out.len()
    }

    /// Ends the field whose content begins at `start`.
    fn end(&mut self, start: usize) {
        let len = self.out.len() - start;
        // Most fields are shorter than 128 bytes, so the one reserved byte holds their length.
        let more = encoded_len_varint(len as u64) - 1;
        if more > 0 {
            self.out.resize(self.out.len() + more, 0);
            self.out.copy_within(start..start + len, start + more);
        }
        encode_varint(len as u64, &mut &mut self.out[start - 1..start + more]);
    }

    /// Records the path of the current value as left out.
    fn leave_out(&mut self) {
        match self.undecoded_paths.len() {
            MAX_PATHS => MORE.clone_into(&mut self.undecoded_paths[MAX_PATHS - 1]),
            _ => self.undecoded_paths.push(path(&self.path)),
        }
    }
}

/// Reads an integer from a number token or a string token.
fn integer(token: &str) -> Option<i64> {
    let digits = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(token);
    // Fast path for plain digits. `parse` alone would accept a plus sign.
    if digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = digits.parse()
    {
        return Some(number);
    }
    Decimal::parse(digits)?.integer()
}

/// Returns a path such as `PairList[0].From_Account`.
fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Member(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Step::Element(at) => path.push_str(&format!("[{at}]")),
        }
    }
    if path.len() > MAX_PATH_BYTES {
        let fits = |len: &usize| path.is_char_boundary(*len);
        path.truncate((0..=MAX_PATH_BYTES - MORE.len()).rev().find(fits).unwrap_or(0));
        path.push_str(MORE);
    }
    path
}

#[cfg(test)]
mod tests;
