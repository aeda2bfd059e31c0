//! Changes every value of every packet of the catalogue, one at a time: a leaf of an unexpected type
//! costs only itself.

use std::{collections::BTreeSet, fs, time::Duration};

use crate::support::*;
use callback_gateway::testing::{
    callback::{Apps, Envelope, duplicates::Duplicates},
    event::{Epoch, Record, Sequence, Timestamp},
};
use imcallback::{DecodeStatus, Event, FILE_DESCRIPTOR_SET};
use prost::Message as _;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

fn packets() -> Vec<(String, Value)> {
    let dirs = ["tests/fixtures", "tests/other_shapes"];
    let files = dirs.into_iter().flat_map(|dir| fs::read_dir(package().join(dir)).unwrap());
    let packets = files.map(|file| {
        let path = file.unwrap().path();
        let command = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (command, serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap())
    });
    packets.collect()
}

/// Returns the event as a subscriber receives it.
fn decode(command: &str, packet: &Value) -> Event {
    let apps = Apps { ids: BTreeSet::from([APP_ID]), ..Apps::default() };
    let envelope = Envelope::from_query(&query(command), &apps, 0).unwrap();
    let body = packet.to_string();
    let record = envelope.into_record(body.as_bytes(), &Duplicates::new(Duration::ZERO, 1)).unwrap().record;
    let record = Record::new(Epoch(0), Sequence(1), Timestamp(0), record);
    let (front, rest) = record.event(true);
    let event = Event::decode(&*[front, rest].concat()).unwrap();
    assert_eq!(event.raw_body, body);
    event
}

fn message_of(command: &str) -> MessageDescriptor {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let option = pool.get_extension_by_name("imcallback.v1.callback_command").unwrap();
    let event = pool.get_message_by_name("imcallback.v1.Event").unwrap();
    let field = event.fields().find(|field| field.options().get_extension(&option).as_str() == Some(command));
    let Kind::Message(message) = field.unwrap().kind() else { panic!("{command}: a payload is a message") };
    message
}

/// Declared value of a packet.
struct Leaf {
    /// Path in the form of `undecoded_paths`.
    path: String,
    /// Path in the form of `Value::pointer`.
    pointer: String,
    field: FieldDescriptor,
    /// Set if the value is an element of a list.
    is_element: bool,
}

/// Finds all values that a message declares: scalars, lists and messages.
fn leaves(message: &MessageDescriptor, packet: &Value, path: &str, pointer: &str, found: &mut Vec<Leaf>) {
    for field in message.fields() {
        let name = field.json_name();
        let Some(value) = packet.get(name) else { continue };
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let pointer = format!("{pointer}/{name}");
        let mut values = vec![(value, path.clone(), pointer.clone(), false)];
        if let Value::Array(elements) = value
            && field.is_list()
        {
            let elements = elements.iter().enumerate();
            let place = |(at, element)| (element, format!("{path}[{at}]"), format!("{pointer}/{at}"), true);
            values.extend(elements.map(place));
        }
        for (value, path, pointer, is_element) in values {
            if let Kind::Message(inner) = field.kind()
                && inner.package_name() == "imcallback.v1"
            {
                leaves(&inner, value, &path, &pointer, found);
            }
            found.push(Leaf { path, pointer, field: field.clone(), is_element });
        }
    }
}

/// Expected result of a changed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The payload is unchanged.
    Same,
    /// The payload has the changed value.
    Fits,
    /// The value counts as absent.
    Absent,
    /// The value is left out, and `undecoded_paths` names it.
    LeftOut,
}

/// Returns the changes of a value, with the expected result of each.
fn changes(leaf: &Leaf, value: &Value) -> Vec<(Value, Outcome)> {
    use Outcome::*;
    let object = || json!({"x": 1});
    let mut changes = vec![(Value::Null, Absent)];
    match (value, leaf.field.kind()) {
        // Only the list itself. Its elements are separate leaves.
        (Value::Array(elements), _) if leaf.field.is_list() && !leaf.is_element => {
            if let [element] = &elements[..] {
                changes.push((element.clone(), Same));
            }
        }
        (Value::Number(number), Kind::Int32 | Kind::Int64) => {
            let number = number.as_i64().unwrap();
            changes.extend([
                (json!(number.to_string()), Same),
                (json!(format!("{number}.000")), Same),
                (json!(true), LeftOut),
                (json!("x"), LeftOut),
                (json!(""), LeftOut),
                (json!([number]), LeftOut),
                (json!(1e30), LeftOut),
                (object(), LeftOut),
            ]);
            // Beyond that, serde_json's floats are not exact; src/ingest/callback/decimal.rs is.
            if number.unsigned_abs() < 1 << (f64::MANTISSA_DIGITS - 1) {
                changes.extend([(json!(number as f64), Same), (json!(number as f64 + 0.5), LeftOut)]);
            }
        }
        (Value::String(_), Kind::String) => {
            changes.extend([
                (json!(7), Fits),
                (json!(-0.25), Fits),
                (json!(false), LeftOut),
                (object(), LeftOut),
            ]);
            // A list within a list does not fit. In place of the list, it does.
            changes.push((json!([[value]]), LeftOut));
        }
        (_, Kind::Message(message)) if message.package_name() == "imcallback.v1" => {
            changes.extend([(json!("x"), LeftOut), (json!(1), LeftOut), (json!(true), LeftOut)]);
        }
        (_, Kind::Message(message)) if message.full_name() == "google.protobuf.Struct" => {
            changes.extend([(json!("x"), LeftOut), (object(), Fits), (json!({}), Fits)]);
        }
        (_, Kind::Message(message)) if message.full_name() == "google.protobuf.Value" => {
            changes.extend([
                (json!("x"), Fits),
                (object(), Fits),
                (json!([1, null]), Fits),
                (json!(0.5), Fits),
            ]);
        }
        (value, kind) => panic!("{}: {value} for {kind:?}", leaf.path),
    }
    changes
}

/// Returns the packet without a value. A list without its elements stays.
fn without(packet: &Value, leaf: &Leaf) -> Value {
    let mut packet = packet.clone();
    let (parent, key) = leaf.pointer.rsplit_once('/').unwrap();
    match packet.pointer_mut(parent).unwrap() {
        Value::Array(elements) => drop(elements.remove(key.parse().unwrap())),
        Value::Object(members) => drop(members.remove(key)),
        _ => panic!("{}: every value is in an object or array", leaf.path),
    }
    packet
}

/// Key and length of an empty payload.
const EMPTY_PAYLOAD_BYTES: usize = 3;

/// Length of the payload, as a field of the event.
fn encoded_len(event: &Event) -> usize {
    Event { payload: event.payload.clone(), ..Event::default() }.encoded_len()
}

/// `EventTime` is not a field of any payload, but it also costs no more than a leaf.
#[test]
fn an_event_time_that_does_not_fit_costs_the_event_time() {
    for (command, mut packet) in packets() {
        let original = decode(&command, &packet);
        let Some(time) = original.event_time else { continue };
        let seconds = [json!(time.seconds), json!(time.seconds.to_string()), json!(time.seconds as f64)];
        for value in seconds {
            packet["EventTime"] = value.clone();
            let event = decode(&command, &packet);
            assert_eq!(event.event_time.map(|time| time.seconds), Some(time.seconds), "{command} {value}");
            assert_eq!(event.decode_status(), DecodeStatus::Typed, "{command} {value}");
            assert_eq!(event.payload, original.payload, "{command} {value}");
        }
        for value in [json!("2022-12-09"), json!({}), json!([1]), json!(true), json!(-1), json!(0), json!("")]
        {
            packet["EventTime"] = value.clone();
            let event = decode(&command, &packet);
            assert_eq!(
                (event.event_time, event.decode_status()),
                (None, DecodeStatus::Partial),
                "{command} {value}"
            );
            assert_eq!(event.undecoded_paths, ["EventTime"], "{command} {value}");
            assert_eq!(event.payload, original.payload, "{command} {value}");
        }
        packet["EventTime"] = Value::Null;
        let event = decode(&command, &packet);
        assert_eq!((event.event_time, event.decode_status()), (None, DecodeStatus::Typed), "{command}");
    }
}

#[test]
fn one_changed_leaf_costs_that_leaf_at_most() {
    let mut swept = 0;
    for (command, packet) in packets() {
        let message = message_of(&command);
        let mut found = Vec::new();
        leaves(&message, &packet, "", "", &mut found);
        let original = decode(&command, &packet);
        assert_eq!(original.decode_status(), DecodeStatus::Typed);
        for leaf in found {
            let value = packet.pointer(&leaf.pointer).unwrap();
            for (change, outcome) in changes(&leaf, value) {
                let mut changed = packet.clone();
                *changed.pointer_mut(&leaf.pointer).unwrap() = change.clone();
                let event = decode(&command, &changed);
                let shown = format!("{command}: {} = {change}", leaf.path);
                let absent = decode(&command, &without(&packet, &leaf));
                // An empty payload would not represent the body.
                let is_empty = absent.payload.is_none() || encoded_len(&absent) <= EMPTY_PAYLOAD_BYTES;
                let (payload, status) = match outcome {
                    Outcome::Same => (original.payload.clone(), DecodeStatus::Typed),
                    Outcome::Fits => {
                        assert_ne!(event.payload, absent.payload, "{shown}");
                        (event.payload.clone(), DecodeStatus::Typed)
                    }
                    Outcome::Absent => (absent.payload.clone(), absent.decode_status()),
                    Outcome::LeftOut if is_empty => (None, DecodeStatus::Mismatch),
                    Outcome::LeftOut => (absent.payload.clone(), DecodeStatus::Partial),
                };
                let paths = match (&change, outcome) {
                    (_, Outcome::Same | Outcome::Fits | Outcome::Absent) => vec![],
                    // Where a list is declared, the outer list takes its place.
                    (Value::Array(_), _) if leaf.field.is_list() && !leaf.is_element => {
                        vec![format!("{}[0]", leaf.path)]
                    }
                    (_, Outcome::LeftOut) => vec![leaf.path.clone()],
                };
                assert_eq!((event.decode_status(), event.payload), (status, payload), "{shown}");
                assert_eq!(event.undecoded_paths, paths, "{shown}");
                swept += 1;
            }
        }
    }
    assert!(swept > 3000, "{swept}");
}
