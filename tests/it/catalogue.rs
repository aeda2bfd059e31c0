//! Every command of the catalogue, from a packet to its typed event.
//!
//! `UPDATE_DOCS=1 cargo test --test it catalogue::` writes `docs/callbacks.md` from the descriptors.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    time::Duration,
};

use crate::support::*;
use callback_gateway::testing::{
    callback::{Apps, Envelope, duplicates::Duplicates},
    event::{Epoch, OrderKey, Record, Sequence, StoredRecord, Timestamp},
};
use imcallback::{CallbackKind, DecodeStatus, Event, FILE_DESCRIPTOR_SET, event::Payload};
use prost::Message as _;
use prost_reflect::{
    Cardinality, DescriptorPool, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    prost_types::source_code_info::Location,
};
use serde_json::Value;

/// Commands that the vendor's pages document as sent before the action.
const BEFORE: [&str; 11] = [
    "C2C.CallbackBeforeSendMsg",
    "Group.CallbackBeforeApplyJoinGroup",
    "Group.CallbackBeforeCreateGroup",
    "Group.CallbackBeforeCreateTopic",
    "Group.CallbackBeforeInviteJoinGroup",
    "Group.CallbackBeforeSendMsg",
    "OfficialAccount.CallbackBeforeAddSubscriber",
    "OfficialAccount.CallbackBeforeCreateOfficialAccount",
    "OfficialAccount.CallbackBeforeSendMsg",
    "Sns.CallbackPrevFriendAdd",
    "Sns.CallbackPrevFriendResponse",
];

/// The order keys of the packets of `tests/fixtures`.
const ORDER_KEYS_OF_FIXTURES: [(&str, &str); 58] = [
    ("Alert.RequestOverLimit", "app"),
    ("Bot.OnC2CMessage", "A:jared"),
    ("Bot.OnGroupMessage", "G:@TGS#2J4SZEAEL"),
    ("C2C.CallbackAfterC2CMsgExtension", "A:user1"),
    ("C2C.CallbackAfterModifyMsg", "A:jared"),
    ("C2C.CallbackAfterMsgReport", "A:jared"),
    ("C2C.CallbackAfterMsgWithDraw", "A:jared"),
    ("C2C.CallbackAfterSendMsg", "A:jared"),
    ("C2C.CallbackBeforeSendMsg", "A:jared"),
    ("Chatbot.OnC2CSignalMessage", "A:jared"),
    ("ContentCallback.ResultNotify", "A:jared"),
    ("Follow.CallbackAfterFollowAdd", "A:user_1"),
    ("Follow.CallbackAfterFollowDelete", "A:user_1"),
    ("Group.CallbackAfterChangeGroupOwner", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterCreateGroup", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterCreateTopic", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("Group.CallbackAfterGroupAttrChanged", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterGroupDestroyed", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterGroupFull", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterGroupInfoChanged", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterGroupMsgExtension", "G:test"),
    ("Group.CallbackAfterMemberExit", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterMemberFieldChanged", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterNewMemberJoin", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackAfterReadReceipt", "G:@TGS#2TTV7VSII"),
    ("Group.CallbackAfterRecallMsg", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("Group.CallbackAfterSendMsg", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("Group.CallbackAfterTopicDestroyed", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("Group.CallbackAfterTopicInfoChanged", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("Group.CallbackBeforeApplyJoinGroup", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackBeforeCreateGroup", "A:leckie"),
    ("Group.CallbackBeforeCreateTopic", "A:leckie"),
    ("Group.CallbackBeforeInviteJoinGroup", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackBeforeSendMsg", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("Group.CallbackOnDailyGroupQuotaAlarm", "app"),
    ("Group.CallbackOnMemberStateChange", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackSendMsgException", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("OfficialAccount.CallbackAfterAddSubscriber", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackAfterCreateOfficialAccount", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackAfterDeleteSubscriber", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackAfterMsgWithDraw", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackAfterOfficialAccountDestroyed", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackAfterOfficialAccountFull", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackAfterOfficialAccountInfoChanged", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackAfterSendMsg", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackBeforeAddSubscriber", "A:@TOA#_lzwvkBIeW"),
    ("OfficialAccount.CallbackBeforeCreateOfficialAccount", "A:leckie"),
    ("OfficialAccount.CallbackBeforeSendMsg", "A:@TOA#_lzwvkBIeW"),
    ("Profile.CallbackPortraitSet", "A:李雷"),
    ("Push.AllMemberPush", "A:tommy"),
    ("Push.OfflinePush", "A:tommy"),
    ("Sns.CallbackBlackListAdd", "A:id"),
    ("Sns.CallbackBlackListDelete", "A:id"),
    ("Sns.CallbackFriendAdd", "A:id"),
    ("Sns.CallbackFriendDelete", "A:id"),
    ("Sns.CallbackPrevFriendAdd", "A:id"),
    ("Sns.CallbackPrevFriendResponse", "A:id"),
    ("State.StateChange", "A:testuser316"),
];

/// The order keys of the packets of `tests/other_shapes`.
const ORDER_KEYS_OF_OTHER_SHAPES: [(&str, &str); 7] = [
    ("Bot.OnGroupMessage", "G:@TGS#_@TGS#cQVLVHIM62CJ"),
    ("Follow.CallbackAfterFollowAdd", "A:user_1"),
    ("Group.CallbackAfterGroupMsgExtension", "G:test"),
    ("Group.CallbackAfterMemberFieldChanged", "G:@TGS#2J4SZEAEL"),
    ("Group.CallbackBeforeCreateGroup", "A:leckie"),
    ("Push.AllMemberPush", "A:tommy"),
    ("Push.OfflinePush", "A:tommy"),
];

/// Returns the packets with their commands: those of `tests/fixtures`, one for each command, and of
/// `tests/other_shapes`, one for each command whose body the vendor documents in two shapes.
///
/// Packets of one-to-one messages have an `EventTime`, although only the newer of the vendor's pages
/// show it: it must not prevent decoding.
fn fixtures() -> Vec<(String, String)> {
    ["tests/fixtures", "tests/other_shapes"].into_iter().flat_map(packets).collect()
}

fn packets(dir: &str) -> BTreeMap<String, String> {
    fs::read_dir(package().join(dir))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let command = path.file_name().unwrap().to_str().unwrap().strip_suffix(".json").unwrap();
            (command.to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// Returns the event as a subscriber receives it.
fn decode(command: &str, body: &str) -> Event {
    let record = Record::new(Epoch(0), Sequence(1), Timestamp(0), stored(command, body));
    let (front, rest) = record.event(true);
    Event::decode(&*[front, rest].concat()).unwrap()
}

fn stored(command: &str, body: &str) -> StoredRecord {
    let apps = Apps { ids: BTreeSet::from([APP_ID]), ..Apps::default() };
    let envelope = Envelope::from_query(&query(command), &apps, 0).unwrap();
    envelope.into_record(body.as_bytes(), &Duplicates::new(Duration::ZERO, 1)).unwrap().record
}

/// Returns the hash of a key in the notation `G:group`, `A:account` or `app`.
fn order_hash(key: &str) -> u32 {
    let key = match key.split_once(':') {
        Some(("G", name)) => OrderKey::Group(name.into()),
        Some(("A", name)) => OrderKey::Account(name.into()),
        _ => OrderKey::App,
    };
    key.hash(APP_ID)
}

/// Fields of `Event.payload` by command, with their descriptors.
struct Catalogue {
    fields: BTreeMap<String, FieldDescriptor>,
    kind: ExtensionDescriptor,
    order_key: ExtensionDescriptor,
}

impl Catalogue {
    fn new() -> Self {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        let extension = |name: &str| pool.get_extension_by_name(&format!("imcallback.v1.{name}")).unwrap();
        let command = extension("callback_command");
        let event = pool.get_message_by_name("imcallback.v1.Event").unwrap();
        let payload = event.oneofs().find(|oneof| oneof.name() == "payload").unwrap();
        let fields = payload
            .fields()
            .map(|field| (field.options().get_extension(&command).as_str().unwrap().to_owned(), field))
            .collect();
        Self { fields, kind: extension("callback_kind"), order_key: extension("order_key") }
    }

    fn message(&self, command: &str) -> MessageDescriptor {
        message_of(&self.fields[command]).expect("every payload is a message of this schema")
    }

    /// Returns the paths of a command's order key.
    fn order_key(&self, command: &str) -> Vec<String> {
        let options = self.fields[command].options();
        let paths = options.get_extension(&self.order_key);
        paths.as_list().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
    }

    /// Returns the payload as proto3 JSON.
    fn typed(&self, event: &Event) -> Value {
        let json = serde_json::to_value(event).unwrap();
        json[self.fields[&event.command].json_name()].clone()
    }
}

/// Returns the message type of a field, if this schema defines it.
fn message_of(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) if !field.is_map() && message.package_name() == "imcallback.v1" => {
            Some(message)
        }
        _ => None,
    }
}

/// Returns the members of a packet that its typed payload must contain.
fn expected(body: &str) -> Value {
    let mut packet: Value = serde_json::from_str(body).unwrap();
    let members = packet.as_object_mut().unwrap();
    members.remove("CallbackCommand");
    members.remove("EventTime");
    packet
}

/// Returns whether a typed value is equal to the packet's. Proto3 JSON writes 64-bit integers as strings
/// and omits defaults.
fn same(packet: &Value, typed: &Value) -> bool {
    match (packet, typed) {
        (Value::Object(packet), Value::Object(typed)) => {
            packet.iter().all(|(key, value)| match typed.get(key) {
                Some(typed) => same(value, typed),
                None => *value == 0 || *value == "" || value.as_array().is_some_and(Vec::is_empty),
            }) && typed.keys().all(|key| packet.contains_key(key))
        }
        (Value::Array(packet), Value::Array(typed)) => {
            packet.len() == typed.len() && packet.iter().zip(typed).all(|(packet, typed)| same(packet, typed))
        }
        (Value::Number(packet), Value::String(typed)) => packet.to_string() == *typed,
        (Value::Number(packet), Value::Number(typed)) => packet.as_f64() == typed.as_f64(),
        _ => packet == typed,
    }
}

#[test]
fn every_command_has_a_packet() {
    let catalogue = Catalogue::new();
    assert!(catalogue.fields.len() >= 58);
    assert!(packets("tests/fixtures").keys().eq(catalogue.fields.keys()));
    let others = packets("tests/other_shapes");
    assert!(others.len() >= 7 && others.keys().all(|command| catalogue.fields.contains_key(command)));
}

/// According to the vendor's pages, these bodies have no command and no time, and contain up to 100
/// results.
#[test]
fn a_batch_of_push_results_is_typed_one_by_one() {
    let batches = packets("tests/other_shapes");
    let event = decode("Push.OfflinePush", &batches["Push.OfflinePush"]);
    assert_eq!(event.event_time, None);
    let Some(Payload::PushOfflinePush(push)) = event.payload else { panic!("not typed") };
    assert_eq!(push.to_account, "");
    let to: Vec<_> = push.events.iter().map(|event| (event.to_account.as_str(), event.event_time)).collect();
    assert_eq!(to, [("tommy", 1_670_574_414), ("jared", 1_670_574_415)]);

    let event = decode("Push.AllMemberPush", &batches["Push.AllMemberPush"]);
    let Some(Payload::PushAllMemberPush(push)) = event.payload else { panic!("not typed") };
    let stages: Vec<_> = push.events.iter().map(|event| (event.event_type, event.push_stage)).collect();
    assert_eq!(stages, [(1, 1), (2, 3)]);
}

/// The vendor's pages document three types of `CreatedGroupNum`.
#[test]
fn the_number_of_created_groups_is_typed_in_every_documented_shape() {
    for json in ["123", r#""123""#, r#"{"Private":4,"Public":100}"#] {
        let body = format!(r#"{{"Type":"Public","CreatedGroupNum":{json}}}"#);
        let event = decode("Group.CallbackBeforeCreateGroup", &body);
        let Some(Payload::GroupBeforeCreate(create)) = event.payload else { panic!("{json} is not typed") };
        let typed = serde_json::to_value(create.created_group_num).unwrap();
        assert!(same(&serde_json::from_str(json).unwrap(), &typed), "{json}: {typed}");
    }
}

/// A body that does not fit its message is delivered as a whole, in any shape.
#[test]
fn a_packet_under_another_command_is_never_typed_and_empty() {
    let catalogue = Catalogue::new();
    for (command, body) in fixtures() {
        let mut packet: Value = serde_json::from_str(&body).unwrap();
        packet.as_object_mut().unwrap().remove("CallbackCommand");
        for other in catalogue.fields.keys().filter(|other| **other != command) {
            let event = decode(other, &packet.to_string());
            let says_something = event.payload.is_some()
                && catalogue.typed(&event).as_object().is_some_and(|typed| !typed.is_empty());
            let status = match (says_something, event.undecoded_paths.is_empty()) {
                (true, true) => DecodeStatus::Typed,
                (true, false) => DecodeStatus::Partial,
                (false, _) => DecodeStatus::Mismatch,
            };
            assert_eq!(event.decode_status(), status, "{command} as {other}");
        }
    }
}

#[test]
fn every_member_of_every_packet_is_in_the_typed_event_and_nothing_else() {
    let catalogue = Catalogue::new();
    for (command, body) in fixtures() {
        let event = decode(&command, &body);
        assert_eq!(event.decode_status(), DecodeStatus::Typed, "{command}");
        assert_eq!(event.command, command);
        assert_eq!(event.raw_body, body);
        let (packet, typed) = (expected(&body), catalogue.typed(&event));
        assert!(same(&packet, &typed), "{command}\n{packet:#}\n{typed:#}");
    }
}

#[test]
fn every_packet_has_its_kind_and_time() {
    for (command, body) in fixtures() {
        let event = decode(&command, &body);
        let kind =
            if BEFORE.contains(&command.as_str()) { CallbackKind::Before } else { CallbackKind::After };
        assert_eq!(event.kind(), kind, "{command}");

        let packet: Value = serde_json::from_str(&body).unwrap();
        let sent = match &packet["EventTime"] {
            Value::String(digits) => Some(digits.parse::<i64>().unwrap()),
            json => json.as_i64(),
        };
        // Timestamps in seconds have ten digits.
        let unit = if sent.is_some_and(|sent| sent < 10_000_000_000) { 1000 } else { 1 };
        let millis = event.event_time.map(|time| time.seconds * 1000 + i64::from(time.nanos) / 1_000_000);
        assert_eq!(millis, sent.map(|sent| sent * unit), "{command}");
    }
}

#[test]
fn every_packet_has_the_order_key_of_its_command() {
    for (dir, keys) in
        [("tests/fixtures", &ORDER_KEYS_OF_FIXTURES[..]), ("tests/other_shapes", &ORDER_KEYS_OF_OTHER_SHAPES)]
    {
        let packets = packets(dir);
        for (command, key) in keys {
            assert_eq!(stored(command, &packets[*command]).order_hash(), order_hash(key), "{command}: {key}");
        }
    }
}

/// Includes commands that are not in the tables above.
#[test]
fn the_order_key_is_at_the_declared_path_of_every_packet() {
    fn first(value: &Value) -> &Value {
        value.as_array().map_or(value, |elements| first(&elements[0]))
    }
    let catalogue = Catalogue::new();
    for (command, body) in fixtures() {
        let packet: Value = serde_json::from_str(&body).unwrap();
        let paths = catalogue.order_key(&command);
        let found = paths.iter().find_map(|path| {
            let value = path.split('.').fold(&packet, |value, name| first(&first(value)[name]));
            let kind = if path.ends_with("Account") { "A" } else { "G" };
            value.as_str().map(|name| format!("{kind}:{name}"))
        });
        let key = if paths == ["@app"] {
            "app".to_owned()
        } else {
            found.expect("the packet has a value at one of the paths")
        };
        assert_eq!(stored(&command, &body).order_hash(), order_hash(&key), "{command}");
    }
}

/// An event that is stored without its payload is ordered with its group.
#[test]
fn an_event_without_a_payload_has_the_lane_of_its_group() {
    const COMMAND: &str = "Group.CallbackAfterSendMsg";
    let body = |elements: &str| {
        format!(r#"{{"From_Account":"jared","MsgBody":[{elements}],"GroupId":"@TGS#1","MsgTime":1}}"#)
    };
    let pairs = vec![r#"{"MsgType":"x"}"#; 60_000].join(",");
    let numbers = vec!["1"; 60_000].join(",");
    let texts = vec![format!(r#"{{"MsgType":"{}"}}"#, "x".repeat(1000)); 3200].join(",");
    let repaired = format!("\u{feff}{}\0", body(""));
    for (body, status) in [
        (body(r#"{"MsgType":"x"}"#), DecodeStatus::Typed),
        (body(&pairs), DecodeStatus::TooLarge),
        (body(&texts), DecodeStatus::TooLarge),
        (body(&numbers), DecodeStatus::Partial),
        (body(&format!("{}{}", "[".repeat(1100), "]".repeat(1100))), DecodeStatus::TooDeep),
        (repaired, DecodeStatus::Repaired),
        (r#"{"CallbackCommand":7,"GroupId":"@TGS#1"}"#.to_owned(), DecodeStatus::CommandNotString),
        (r#"{"GroupId":["@TGS#1"],"x":{"GroupId":"y"}}"#.to_owned(), DecodeStatus::Mismatch),
    ] {
        let stored = stored(COMMAND, &body);
        assert_eq!(stored.status(), Some(status));
        assert_eq!(stored.order_hash(), order_hash("G:@TGS#1"), "{status:?}");
    }
    for (body, status) in
        [("{", DecodeStatus::NotJson), ("", DecodeStatus::Empty), ("[]", DecodeStatus::NotAnObject)]
    {
        let stored = stored(COMMAND, body);
        assert_eq!(stored.status(), Some(status));
        assert_eq!(stored.order_hash(), order_hash("app"), "{status:?}");
    }
}

#[test]
fn the_kind_of_an_unknown_command_is_derived_from_its_name() {
    use CallbackKind::{After, Before, Unspecified};
    for (command, kind) in [
        ("Group.CallbackBeforeX", Before),
        ("Sns.CallbackPrevX", Before),
        ("A.B.BeforeX", Before),
        ("Before", Before),
        ("Prev", Before),
        ("x.CallbackBefore", Before),
        ("C2C.CallbackAfterX", After),
        ("Bot.OnX", After),
        ("Bot.CallbackOnX", After),
        ("After", After),
        ("x.CallbackOn", After),
        ("Bot.OnlineX", Unspecified),
        ("Bot.On-X", Unspecified),
        ("Bot.On2", Unspecified),
        ("Group.Beforehand", Unspecified),
        ("Group.CallbackPreviewX", Unspecified),
        ("Group.CallbackAfternoonX", Unspecified),
        ("Group.beforeX", Unspecified),
        ("Group.XBeforeY", Unspecified),
        ("Before.X", Unspecified),
        ("CallbackAfter.X", Unspecified),
        ("Group.CallbackCallbackAfterX", Unspecified),
        ("LiveGo.Something", Unspecified),
        ("x.Callback", Unspecified),
        ("Callback", Unspecified),
    ] {
        let event = decode(command, "{}");
        assert_eq!((event.kind(), event.decode_status()), (kind, DecodeStatus::UnknownCommand), "{command}");
    }
}

/// Ensures that the kind of a new command does not change when the catalogue gains it.
#[test]
fn the_names_of_the_catalogue_say_its_kinds_with_few_exceptions() {
    // Commands whose names do not contain any of the words.
    const EXCEPTIONS: [&str; 11] = [
        "Alert.RequestOverLimit",
        "ContentCallback.ResultNotify",
        "Group.CallbackSendMsgException",
        "Profile.CallbackPortraitSet",
        "Push.AllMemberPush",
        "Push.OfflinePush",
        "Sns.CallbackBlackListAdd",
        "Sns.CallbackBlackListDelete",
        "Sns.CallbackFriendAdd",
        "Sns.CallbackFriendDelete",
        "State.StateChange",
    ];
    let catalogue = Catalogue::new();
    for (command, field) in &catalogue.fields {
        let declared = field.options().get_extension(&catalogue.kind).as_enum_number().unwrap();
        // A command with the same last part that is not in the catalogue.
        let (_, action) = command.rsplit_once('.').unwrap();
        let derived = decode(&format!("NotInTheCatalogue.{action}"), "{}").kind();
        if EXCEPTIONS.contains(&command.as_str()) {
            assert_eq!(derived, CallbackKind::Unspecified, "{command}");
        } else {
            assert_eq!(derived as i32, declared, "{command}");
        }
    }
    assert!(EXCEPTIONS.iter().all(|command| catalogue.fields.contains_key(*command)));
}

/// A derived kind does not add a command to the catalogue.
#[test]
fn a_deep_body_of_an_unknown_command_with_a_kind_is_not_too_large_to_be_typed() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let event = decode("C2C.CallbackAfterX", &deep);
    assert_eq!(event.decode_status(), DecodeStatus::UnknownCommand);
}

/// Generated Java has a method for the bytes of a string, the size of a list and the number of an
/// enumeration. A field with the name of such a method does not compile in Java.
#[test]
fn no_field_has_the_name_of_a_method_that_java_generates_for_another() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let messages: Vec<_> =
        pool.all_messages().filter(|message| message.package_name() == "imcallback.v1").collect();
    assert!(messages.len() > 50, "{}", messages.len());
    for message in messages {
        let names: BTreeSet<_> = message.fields().map(|field| field.name().to_owned()).collect();
        for field in message.fields() {
            let suffixes: &[&str] = match field.kind() {
                _ if field.is_map() => &["count", "map"],
                _ if field.is_list() => &["count", "list", "bytes", "value", "builder"],
                Kind::String => &["bytes"],
                Kind::Enum(_) => &["value"],
                Kind::Message(_) => &["builder", "or_builder"],
                _ => &[],
            };
            for suffix in suffixes {
                let taken = format!("{}_{suffix}", field.name());
                assert!(!names.contains(&taken), "{}: rename {taken}", message.full_name());
            }
        }
    }
}

/// A field that no packet sets may be misspelt.
#[test]
fn every_field_of_the_catalogue_is_set_by_a_packet() {
    fn all(message: &MessageDescriptor, names: &mut BTreeSet<String>) {
        for field in message.fields() {
            names.insert(field.full_name().to_owned());
            if let Some(message) = message_of(&field) {
                all(&message, names);
            }
        }
    }
    fn set(message: &MessageDescriptor, typed: &Value, names: &mut BTreeSet<String>) {
        for field in message.fields() {
            let Some(value) = typed.get(field.json_name()) else { continue };
            names.insert(field.full_name().to_owned());
            if let Some(message) = message_of(&field) {
                let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                elements.iter().for_each(|element| set(&message, element, names));
            }
        }
    }
    let catalogue = Catalogue::new();
    let (mut declared, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (command, body) in fixtures() {
        let message = catalogue.message(&command);
        all(&message, &mut declared);
        set(&message, &catalogue.typed(&decode(&command, &body)), &mut used);
    }
    let unused: Vec<_> = declared.difference(&used).collect();
    assert!(declared.len() > 200 && unused.is_empty(), "{unused:?}");
}

#[test]
fn a_null_in_the_place_of_any_field_is_as_if_it_were_absent() {
    /// JSON pointers of all declared members and all elements of repeated fields.
    fn places(message: &MessageDescriptor, packet: &Value, at: &str, found: &mut Vec<String>) {
        for field in message.fields() {
            let Some(value) = packet.get(field.json_name()) else { continue };
            let at = format!("{at}/{}", field.json_name());
            found.push(at.clone());
            let elements: Vec<_> = match value.as_array() {
                Some(elements) => {
                    elements.iter().enumerate().map(|(n, element)| (format!("{at}/{n}"), element)).collect()
                }
                None => vec![(at, value)],
            };
            for (at, element) in elements {
                if field.is_list() {
                    found.push(at.clone());
                }
                if let Some(message) = message_of(&field) {
                    places(&message, element, &at, found);
                }
            }
        }
    }
    fn without(packet: &Value, place: &str) -> Value {
        let mut packet = packet.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        match packet.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(key)),
            Value::Array(elements) => drop(elements.remove(key.parse().unwrap())),
            _ => unreachable!("a place is in an object or an array"),
        }
        packet
    }
    let catalogue = Catalogue::new();
    let mut count = 0;
    for (command, body) in fixtures() {
        let packet: Value = serde_json::from_str(&body).unwrap();
        let mut found = Vec::new();
        places(&catalogue.message(&command), &packet, "", &mut found);
        for place in found {
            let mut with_null = packet.clone();
            *with_null.pointer_mut(&place).unwrap() = Value::Null;
            let event = decode(&command, &with_null.to_string());
            assert_eq!(event.decode_status(), DecodeStatus::Typed, "{command} {place}");
            let expected = expected(&without(&packet, &place).to_string());
            let typed = catalogue.typed(&event);
            assert!(same(&expected, &typed), "{command} {place}\n{expected:#}\n{typed:#}");
            count += 1;
        }
        if packet.get("EventTime").is_some() {
            let mut with_null = packet;
            with_null["EventTime"] = Value::Null;
            assert_eq!(decode(&command, &with_null.to_string()).event_time, None, "{command}");
        }
    }
    assert!(count > 400, "{count}");
}

#[test]
fn a_null_member_that_the_message_does_not_declare_changes_nothing() {
    for (command, body) in fixtures() {
        let mut packet: Value = serde_json::from_str(&body).unwrap();
        packet["NotDeclared"] = Value::Null;
        assert_eq!(decode(&command, &packet.to_string()).payload, decode(&command, &body).payload);
    }
}

#[test]
fn what_is_not_declared_is_ignored_by_the_typed_side() {
    for (command, body) in fixtures() {
        let mut packet: Value = serde_json::from_str(&body).unwrap();
        packet["NotDeclared"] = serde_json::json!({"a": [1, {"b": "c"}]});
        let more = packet.to_string();
        let event = decode(&command, &more);
        assert_eq!(event.payload, decode(&command, &body).payload, "{command}");
        assert_eq!(event.raw_body, more);
    }
}

#[tokio::test]
async fn every_packet_travels_through_the_gateway_typed_and_byte_for_byte() {
    let gateway = Gateway::start().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let fixtures = fixtures();
    for (command, body) in &fixtures {
        assert!(http.post(command, body).await.is_stored(), "{command}");
    }
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), fixtures.len());
    for (event, (command, body)) in events.into_iter().zip(&fixtures) {
        assert_eq!(event.raw_body, *body, "{command}");
        let alone = decode(command, body);
        let placed = Event {
            sequence: event.sequence,
            cursor: event.cursor.clone(),
            receive_time: event.receive_time,
            ..alone
        };
        assert_eq!(event, placed);
    }
    gateway.stop().await;
}

#[test]
fn the_reference_page_is_what_the_descriptors_say() {
    let path = package().join("docs/callbacks.md");
    let page = reference_page(&Catalogue::new());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/callbacks.md is stale: run `UPDATE_DOCS=1 cargo test --test it catalogue::`"
    );
}

const PAGE_HEAD: &str = "# Callbacks

<!-- Generated from proto/imcallback/v1 by `UPDATE_DOCS=1 cargo test --test it catalogue::`. Do not edit. -->

Every callback command that the gateway decodes into a typed payload, with the message of its
body. `CallbackCommand` of the body is `Event.command`, and its `EventTime` is `Event.event_time`.
Undeclared members are only in the body of the event. A JSON null means that the field is absent.
An event of any other command has no payload, and carries the whole body.

The vendor sends a BEFORE callback before the action. The gateway answers OK, 0, which allows
everything. The event says that the action was requested, not that it happened. If no answer
arrives in time, the vendor allows the action by default; a console setting can make it block the
message. An AFTER callback reports what happened.

The gateway reads a number or a string of digits as an integer, a number as a string, and a single
value as a list of one. It leaves a member of any other type out of the payload, and
`Event.undecoded_paths` names the member. Free-form objects and values hold numbers as doubles,
exact up to 2^53; the body is exact. An optional field may be absent, and its comment says what
that means. Any other absent field has the default of its type.

The order key is the path to the group or account that determines the event's lane
([api.md](api.md#lanes)).
";

fn reference_page(catalogue: &Catalogue) -> String {
    let mut page = PAGE_HEAD.to_owned();
    page.push_str("\n| Command | Kind | Order key | Message | Meaning |\n| --- | --- | --- | --- | --- |\n");
    let kind = |field: &FieldDescriptor| {
        let number = field.options().get_extension(&catalogue.kind).as_enum_number().unwrap();
        let name = CallbackKind::try_from(number).unwrap().as_str_name();
        name.strip_prefix("CALLBACK_KIND_").unwrap().to_owned()
    };
    for (command, field) in &catalogue.fields {
        let anchor: String =
            command.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
        let message = catalogue.message(command);
        let tells = in_one_line(&field_comment(field));
        let paths = catalogue.order_key(command).into_iter().map(|path| match path.as_str() {
            "@app" => "the app".to_owned(),
            path => format!("`{path}`"),
        });
        let order_key = paths.collect::<Vec<_>>().join(", otherwise ");
        writeln!(
            page,
            "| [`{command}`](#{anchor}) | {} | {order_key} | `{}` | {tells} |",
            kind(field),
            message.name()
        )
        .unwrap();
    }
    for (command, field) in &catalogue.fields {
        let message = catalogue.message(command);
        let is_shared =
            catalogue.fields.keys().filter(|other| catalogue.message(other) == message).count() > 1;
        write!(
            page,
            "\n## {command}\n\n{}\n\nKind: {}. Message: `{}`, in the field `{}` ({}) of the event.\n\n{}\n",
            field_comment(field),
            kind(field),
            message.name(),
            field.name(),
            field.number(),
            message_comment(&message, is_shared),
        )
        .unwrap();
        page.push_str("\n| JSON name | Type | Meaning |\n| --- | --- | --- |\n");
        fields_table(&message, "", &mut page);
    }
    page
}

fn fields_table(message: &MessageDescriptor, prefix: &str, page: &mut String) {
    for field in message.fields() {
        let name = format!("{prefix}{}", field.json_name());
        let optional = if field.supports_presence() && message_of(&field).is_none() && !is_google(&field) {
            "optional "
        } else {
            ""
        };
        let comment = in_one_line(&field_comment(&field));
        writeln!(page, "| `{name}` | {optional}{} | {comment} |", type_name(&field)).unwrap();
        if let Some(message) = message_of(&field) {
            let separator = if field.is_list() { "[]." } else { "." };
            fields_table(&message, &format!("{name}{separator}"), page);
        }
    }
}

fn is_google(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.package_name() == "google.protobuf")
}

fn type_name(field: &FieldDescriptor) -> String {
    let name = |kind: Kind| match kind {
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Struct" => "object in free form".to_owned(),
            "google.protobuf.Value" => "any value".to_owned(),
            _ => format!("`{}`", message.name()),
        },
        kind => format!("{kind:?}"),
    };
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            format!("map to {}", name(entry.map_entry_value_field().kind()))
        }
        kind if field.cardinality() == Cardinality::Repeated => format!("list of {}", name(kind)),
        kind => name(kind),
    }
}

/// Returns the text of a comment without leading spaces.
fn comment(locations: &[Location], path: &[i32], what: &str) -> String {
    let location = locations.iter().find(|location| location.path == path);
    let comment = location.and_then(|location| location.leading_comments.as_deref()).unwrap_or_default();
    let lines: Vec<_> = comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let text = lines.join("\n").trim().to_owned();
    assert!(!text.is_empty(), "{what} has no comment");
    text
}

fn field_comment(field: &FieldDescriptor) -> String {
    let file = field.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    comment(&info.location, field.path(), field.full_name())
}

/// Returns the message's comment: when the callback fires, and the vendor's page. Its first paragraph
/// names the commands and is omitted if there is only one.
fn message_comment(message: &MessageDescriptor, is_shared: bool) -> String {
    let file = message.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    let text = comment(&info.location, message.path(), message.full_name());
    let (first, rest) = text.split_once("\n\n").expect("a body's comment says when it fires");
    assert!(first.starts_with("Body of `"), "{first}");
    let sources = |line: &str| match line.strip_prefix("Source: ") {
        Some(source) => {
            let (url, command) = source.split_once(' ').unwrap_or((source, ""));
            format!("- Source: <{url}> {command}").trim_end().to_owned()
        }
        None => line.to_owned(),
    };
    let text = if is_shared { text.as_str() } else { rest };
    text.lines().map(sources).collect::<Vec<_>>().join("\n")
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
