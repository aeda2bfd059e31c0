//! Subcommands for the commands of the catalogue, and bodies from their options.
//!
//! Both are generated from the descriptors, so a command that is added to the proto files appears here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use clap::{Arg, ArgAction, ArgMatches, builder::ValueParser};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Number, Value};

use crate::proto::FILE_DESCRIPTOR_SET;

/// All commands, by the vendor's name.
pub(super) static CATALOGUE: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(catalogue);

/// Help heading of the body's options.
const HEADING: &str = "Body";

/// A command.
pub(super) struct Entry {
    /// Short name: `sns-friend-add`.
    pub(super) alias: String,
    /// Description of the callback.
    pub(super) about: String,
    flags: Vec<Flag>,
    message: MessageDescriptor,
}

/// Member of the body with an option.
struct Flag {
    /// Name without the dashes, such as `from-account`. Also the option's ID.
    name: String,
    /// Shorter name.
    alias: Option<String>,
    /// Path in the vendor's names: `PairList.From_Account`.
    path: String,
    about: String,
    form: Form,
    is_repeated: bool,
}

/// Form of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Signed,
    Unsigned,
    Float,
    Bool,
    /// JSON, or text if it is not JSON.
    Any,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
}

fn catalogue() -> BTreeMap<String, Entry> {
    let pool =
        DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors were compiled with the program");
    let option =
        pool.get_extension_by_name("imcallback.v1.callback_command").expect("the option is declared");
    let event = pool.get_message_by_name("imcallback.v1.Event").expect("Event is declared");
    let comments = comments(&pool);
    let mut entries = BTreeMap::new();
    for field in event.fields().filter(|field| field.options().has_extension(&option)) {
        let Kind::Message(message) = field.kind() else { continue };
        let command = field.options().get_extension(&option).as_str().unwrap_or_default().to_owned();
        let mut flags = Vec::new();
        let at = MessagePosition { parents: &[], path: "", is_repeated: false };
        add_flags(&message, &at, &comments, &mut flags);
        add_aliases(&mut flags);
        let alias = field.name().replace('_', "-");
        let about = comments.get(field.full_name()).cloned().unwrap_or_default();
        entries.insert(command, Entry { alias, about, flags, message });
    }
    entries
}

/// Returns the comment of each field by its full name, without the final period.
fn comments(pool: &DescriptorPool) -> HashMap<String, String> {
    let mut comments = HashMap::new();
    for file in pool.files() {
        let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
        let by_path: HashMap<&[i32], &str> =
            locations.map(|location| (&*location.path, location.leading_comments())).collect();
        for field in file.messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
            let comment = by_path.get(field.path()).copied().unwrap_or_default();
            let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
            comments.insert(field.full_name().to_owned(), comment.trim_end_matches('.').to_owned());
        }
    }
    comments
}

/// Position of a message within the body.
struct MessagePosition<'a> {
    /// Names of the enclosing fields.
    parents: &'a [String],
    /// The vendor's names of the enclosing fields, each with a dot.
    path: &'a str,
    /// True if it is an element of a list.
    is_repeated: bool,
}

/// Returns the message of a field, if it is one of this API.
fn message_of(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) if !field.is_map() && message.package_name() == "imcallback.v1" => {
            Some(message)
        }
        _ => None,
    }
}

fn add_flags(
    message: &MessageDescriptor,
    at: &MessagePosition<'_>,
    comments: &HashMap<String, String>,
    flags: &mut Vec<Flag>,
) {
    // Add the message's own fields first: they get the plain names.
    let (nested, own): (Vec<_>, Vec<_>) = message.fields().partition(|field| message_of(field).is_some());
    for field in own {
        let mut name = field.name().replace('_', "-");
        let is_taken = |name: &String| {
            super::RESERVED.contains(&name.as_str()) || flags.iter().any(|flag| flag.name == *name)
        };
        for parent in at.parents.iter().rev().map(String::as_str).chain(["body"]) {
            if !is_taken(&name) {
                break;
            }
            name = format!("{parent}-{name}");
        }
        flags.push(Flag {
            name,
            alias: None,
            path: format!("{}{}", at.path, field.json_name()),
            about: comments.get(field.full_name()).cloned().unwrap_or_default(),
            form: form(&field, at.is_repeated),
            is_repeated: at.is_repeated || field.is_list(),
        });
    }
    for field in nested {
        let Some(message) = message_of(&field) else { continue };
        let parents: Vec<String> =
            at.parents.iter().cloned().chain([field.name().replace('_', "-")]).collect();
        let path = format!("{}{}.", at.path, field.json_name());
        let at = MessagePosition {
            parents: &parents,
            path: &path,
            is_repeated: at.is_repeated || field.is_list(),
        };
        add_flags(&message, &at, comments, flags);
    }
}

/// Adds `--from` for `--from-account` if the name is free.
fn add_aliases(flags: &mut [Flag]) {
    let mut taken: BTreeSet<String> = flags.iter().map(|flag| flag.name.clone()).collect();
    taken.extend(super::RESERVED.iter().map(|&name| name.to_owned()));
    for flag in flags {
        flag.alias =
            flag.name.strip_suffix("-account").map(str::to_owned).filter(|alias| taken.insert(alias.clone()));
    }
}

fn form(field: &FieldDescriptor, is_in_list: bool) -> Form {
    if field.is_map() {
        return Form::Object;
    }
    // The values of different elements could not be told apart.
    if field.is_list() && is_in_list {
        return Form::Array;
    }
    match field.kind() {
        Kind::Message(message) if message.full_name() == "google.protobuf.Value" => Form::Any,
        Kind::Message(_) => Form::Object,
        Kind::Bool => Form::Bool,
        Kind::Double | Kind::Float => Form::Float,
        Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => Form::Unsigned,
        Kind::Int32 | Kind::Int64 | Kind::Sint32 | Kind::Sint64 | Kind::Sfixed32 | Kind::Sfixed64 => {
            Form::Signed
        }
        Kind::String | Kind::Bytes | Kind::Enum(_) => Form::Text,
    }
}

impl Form {
    fn value_name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Signed | Self::Unsigned | Self::Float => "N",
            Self::Bool => "true|false",
            Self::Any => "JSON|TEXT",
            Self::Object | Self::Array => "JSON",
        }
    }

    fn parse(self, text: &str) -> Result<Value, String> {
        let json = || serde_json::from_str::<Value>(text);
        let number =
            |number: Option<Number>| number.map(Value::Number).ok_or_else(|| "use a number".to_owned());
        match self {
            Self::Text => Ok(text.into()),
            Self::Signed => number(text.parse::<i64>().ok().map(Number::from)),
            Self::Unsigned => number(text.parse::<u64>().ok().map(Number::from)),
            Self::Float => number(text.parse().ok().and_then(Number::from_f64)),
            Self::Bool => text.parse().map(Value::Bool).map_err(|_| "use true or false".to_owned()),
            Self::Any => Ok(json().unwrap_or_else(|_| text.into())),
            Self::Object => json()
                .ok()
                .filter(Value::is_object)
                .ok_or_else(|| r#"use a JSON object such as {"Text":"hi"}"#.to_owned()),
            Self::Array => json()
                .ok()
                .filter(Value::is_array)
                .ok_or_else(|| r#"use a JSON array such as ["a","b"]"#.to_owned()),
        }
    }
}

impl Entry {
    /// Returns the options of the body's members.
    pub(super) fn args(&self) -> impl Iterator<Item = Arg> + use<'_> {
        self.flags.iter().map(|flag| {
            let form = flag.form;
            let parser = ValueParser::from(move |text: &str| form.parse(text));
            Arg::new(&flag.name)
                .long(&flag.name)
                .visible_aliases(flag.alias.as_deref().map(str::to_owned))
                .value_name(form.value_name())
                .value_parser(parser)
                .action(if flag.is_repeated { ArgAction::Append } else { ArgAction::Set })
                .allow_negative_numbers(matches!(form, Form::Signed | Form::Float))
                .allow_hyphen_values(matches!(form, Form::Text | Form::Any))
                .help(format!("{}: {}", flag.path, flag.about))
                .help_heading(HEADING)
                .conflicts_with(super::BODY)
        })
    }

    /// Builds the body from the options.
    pub(super) fn body(&self, command: &str, matches: &mut ArgMatches) -> Result<Value, String> {
        let mut given = Vec::new();
        for flag in &self.flags {
            let values: Vec<Value> = matches.remove_many(&flag.name).into_iter().flatten().collect();
            if !values.is_empty() {
                given.push(FlagValues { flag, values });
            }
        }
        let mut body = object(&self.message, "", &given, None)?;
        body.insert("CallbackCommand".to_owned(), command.into());
        Ok(Value::Object(body))
    }
}

/// An option with its values.
struct FlagValues<'a> {
    flag: &'a Flag,
    values: Vec<Value>,
}

/// Builds the message at a path from the options, or one element of it in a list.
fn object(
    message: &MessageDescriptor,
    path: &str,
    given: &[FlagValues<'_>],
    element: Option<usize>,
) -> Result<Map<String, Value>, String> {
    let mut members = Map::new();
    for field in message.fields() {
        let at = format!("{path}{}", field.json_name());
        let Some(message) = message_of(&field) else {
            if let Some(given) = given.iter().find(|given| given.flag.path == at) {
                let value = match element {
                    // A single value applies to all elements.
                    Some(element) => given.values[element.min(given.values.len() - 1)].clone(),
                    None if field.is_list() => Value::Array(given.values.clone()),
                    None => given.values[0].clone(),
                };
                members.insert(field.json_name().to_owned(), value);
            }
            continue;
        };
        let at = format!("{at}.");
        let inner: Vec<&FlagValues<'_>> =
            given.iter().filter(|given| given.flag.path.starts_with(&at)).collect();
        let Some(longest) = inner.iter().max_by_key(|given| given.values.len()) else { continue };
        let value = if field.is_list() && element.is_none() {
            let count = longest.values.len();
            if let Some(other) =
                inner.iter().find(|given| !matches!(given.values.len(), 1) && given.values.len() != count)
            {
                return Err(format!(
                    "--{} occurs {count} times and --{} {} times: repeat both equally often, or pass one once for all elements",
                    longest.flag.name,
                    other.flag.name,
                    other.values.len()
                ));
            }
            let elements =
                (0..count).map(|element| object(&message, &at, given, Some(element)).map(Value::Object));
            Value::Array(elements.collect::<Result<_, _>>()?)
        } else if field.is_list() {
            // A list within a list has one element in each.
            Value::Array(vec![Value::Object(object(&message, &at, given, element)?)])
        } else {
            Value::Object(object(&message, &at, given, element)?)
        };
        members.insert(field.json_name().to_owned(), value);
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_plain_names_unless_they_are_taken() {
        let names = |command: &str| -> Vec<&str> {
            CATALOGUE[command].flags.iter().map(|flag| &*flag.name).collect()
        };
        assert!(CATALOGUE.len() >= 55);
        assert_eq!(
            names("Sns.CallbackFriendAdd"),
            ["client-cmd", "admin-account", "force-flag", "from-account", "to-account", "initiator-account"]
        );
        assert_eq!(names("State.StateChange"), ["action", "to-account", "reason", "kicked-device-platform"]);
        for entry in CATALOGUE.values() {
            assert!(!entry.about.is_empty() && !entry.about.contains('\n'));
            let mut names = BTreeSet::from(super::super::RESERVED);
            for flag in &entry.flags {
                assert!(!flag.about.is_empty(), "{}", flag.path);
                assert!(
                    names.insert(&flag.name) && flag.alias.as_deref().is_none_or(|alias| names.insert(alias))
                );
            }
        }
    }
}
