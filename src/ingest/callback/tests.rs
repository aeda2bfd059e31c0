use proptest::prelude::*;

use super::*;
use crate::{
    event::{Epoch, Record, Sequence, Timestamp, json::ByteKind},
    proto::event::Payload,
};

const QUERY: &str = "SdkAppid=1400000000&CallbackCommand=Sns.CallbackFriendAdd&contenttype=json\
                     &ClientIP=127.0.0.1&OptPlatform=iOS";

fn apps() -> Apps {
    Apps { ids: BTreeSet::from([1_400_000_000, 7]), ..Apps::default() }
}

fn no_duplicates() -> Duplicates {
    Duplicates::new(Duration::ZERO, 1)
}

fn envelope(query: &str) -> Result<Envelope, Refusal> {
    Envelope::from_query(query, &apps(), 0)
}

fn read(record: StoredRecord) -> proto::Event {
    event(record, true)
}

fn read_without_body(record: StoredRecord) -> proto::Event {
    event(record, false)
}

fn event(record: StoredRecord, include_raw_body: bool) -> proto::Event {
    let record = Record::new(Epoch(0), Sequence(1), Timestamp(0), record);
    let (front, rest) = record.event(include_raw_body);
    proto::Event::decode(&*[front, rest].concat()).unwrap()
}

fn decode(command: &str, body: &str) -> proto::Event {
    decode_bytes(command, body.as_bytes())
}

fn decode_bytes(command: &str, body: &[u8]) -> proto::Event {
    let query = format!("SdkAppid=7&CallbackCommand={command}");
    read(envelope(&query).unwrap().into_record(body, &no_duplicates()).unwrap().record)
}

#[test]
fn all_parameters_of_a_query_are_read() {
    let envelope = envelope(QUERY).unwrap();
    assert_eq!(envelope.sdk_app_id, 1_400_000_000);
    assert_eq!(envelope.command.as_deref(), Some("Sns.CallbackFriendAdd"));
    assert_eq!(envelope.client_ip, "127.0.0.1");
    assert_eq!(envelope.opt_platform, "iOS");
}

#[test]
fn invalid_queries_are_refused() {
    use ByteKind::*;
    use Refusal::*;
    let position = |offset, byte| Some(BytePosition { offset, byte });
    let invalid = |offset, byte| CommandInvalid(Part::Url, BytePosition { offset, byte });
    let long = format!("SdkAppid=7&CallbackCommand={}", "x".repeat(129));
    for (query, refusal) in [
        ("", AppIdMissing),
        ("SdkAppid=", AppIdUnknown(position(0, End))),
        ("SdkAppid=8", AppIdUnknown(None)),
        ("SdkAppid=%2B7", AppIdUnknown(position(0, Punctuation))),
        ("SdkAppid=+7", AppIdUnknown(position(0, WhiteSpace))),
        ("SdkAppid=7x", AppIdUnknown(position(1, Letter))),
        ("SdkAppid=99999999999999999999", AppIdUnknown(None)),
        ("SdkAppid=7&SdkAppid=7", ParameterRepeated("SdkAppid")),
        ("SdkAppid=7&CallbackCommand=A.B&CallbackCommand=A.B", ParameterRepeated("CallbackCommand")),
        ("SdkAppid=7&ClientIP=1&ClientIP=1", ParameterRepeated("ClientIP")),
        ("SdkAppid=7&CallbackCommand=", invalid(0, End)),
        ("SdkAppid=7&CallbackCommand=A.", invalid(2, End)),
        ("SdkAppid=7&CallbackCommand=A..B", invalid(2, Punctuation)),
        ("SdkAppid=7&CallbackCommand=.A", invalid(0, Punctuation)),
        ("SdkAppid=7&CallbackCommand=A%20B", invalid(1, WhiteSpace)),
        ("SdkAppid=7&CallbackCommand=A%01B", invalid(1, Control)),
        ("SdkAppid=7&CallbackCommand=%C3%BC", invalid(0, BeyondAscii)),
        (&long, invalid(128, Letter)),
    ] {
        assert_eq!(envelope(query), Err(refusal), "{query}");
    }
    assert!(envelope(&long[..long.len() - 1]).is_ok());
    assert!(envelope("SdkAppid=%37&CallbackCommand=A%2EB&Unknown=1&Unknown=2").is_ok());
}

#[test]
fn spellings_of_related_products_are_accepted() {
    let envelope = envelope("SdkAppId=7&WebhookCommand=LiveGo.X").unwrap();
    assert_eq!((envelope.sdk_app_id, envelope.command.as_deref()), (7, Some("LiveGo.X")));
    for name in ["SdkAppid", "SdkAppId", "SDKAppID", "sdkappid", "SDKAPPID"] {
        assert_eq!(super::Envelope::from_query(&format!("{name}=7"), &apps(), 0).unwrap().sdk_app_id, 7);
        let twice = super::Envelope::from_query(&format!("SDKAppId=7&{name}=7"), &apps(), 0);
        assert_eq!(twice, Err(Refusal::ParameterRepeated("SdkAppid")));
    }
}

#[test]
fn valid_claims_of_a_refused_url_are_read() {
    let claims = |query| {
        let Claims { sdk_app_id, command } = Claims::from_query(query);
        (sdk_app_id, command.unwrap_or_default())
    };
    assert_eq!(claims("SDKAppID=8&WebhookCommand=A.B&Sign=x"), (8, "A.B".to_owned()));
    assert_eq!(claims("SdkAppid=8&CallbackCommand=A..B"), (8, String::new()));
    for none in [
        "",
        "SdkAppid=&CallbackCommand=",
        "SdkAppid=+8&CallbackCommand=A%0AB",
        "SdkAppid=4294967296",
        "SdkAppid=8&SdkAppId=8&CallbackCommand=A.B&CallbackCommand=A.B",
    ] {
        assert_eq!(claims(none), (0, String::new()), "{none}");
    }
}

#[test]
fn the_traceparent_is_found_in_any_record() {
    for (command, body) in [("A.B", "{}"), ("Sns.CallbackFriendAdd", r#"{"ClientCmd":"x","EventTime":5}"#)] {
        for traceparent in ["", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            let query = format!("SdkAppid=7&CallbackCommand={command}&ClientIP=1.2.3.4");
            let mut envelope = envelope(&query).unwrap();
            envelope.set_traceparent(traceparent.to_owned());
            let record = envelope.into_record(body.as_bytes(), &no_duplicates()).unwrap().record;
            assert_eq!(record.traceparent(), Some(traceparent).filter(|text| !text.is_empty()));
            assert_eq!(read(record).traceparent, traceparent);
        }
    }
}

#[test]
fn the_signature_of_an_app_with_a_token_is_checked_first() {
    let tokens = Tokens::parse("7 old-token\n7 secret-token").unwrap();
    let sign = tokens.of(7)[1].sign("1000");
    let apps = Apps { tokens, window: Duration::from_secs(60), ..apps() };
    let read = |query: &str| Envelope::from_query(query, &apps, 1000);
    assert_eq!(read("SdkAppid=7&CallbackCommand=A..B"), Err(Refusal::SignMissing));
    let position = Some(BytePosition { offset: 0, byte: ByteKind::Letter });
    assert_eq!(read("SdkAppid=7&Sign=x&RequestTime=1000"), Err(Refusal::SignWrong(position)));
    assert_eq!(read("SdkAppid=7&Sign=x&Sign=x"), Err(Refusal::ParameterRepeated("Sign")));
    let signed = format!("SdkAppid=7&CallbackCommand=A.B&Sign={sign}&RequestTime=1000");
    let verified = Some(Verified { request_time: 1000, token: 1 });
    assert_eq!(read(&signed).unwrap().verified, verified);
    assert_eq!(read(&signed).unwrap().token(), Some(1), "the second");
    let encoded = signed.replace("=1000", "=%31000");
    assert_eq!(read(&encoded).unwrap().verified, verified);
    assert_eq!(read("SdkAppid=1400000000").unwrap().verified, None, "the other app has none");
}

/// Returns `depth` nested objects.
fn nested(depth: usize) -> String {
    format!("{}{}", "{\"a\":".repeat(depth - 1) + "{}", "}".repeat(depth - 1))
}

#[test]
fn any_body_is_accepted_if_the_url_names_the_command() {
    use DecodeStatus::*;
    let many = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let brackets = "[".repeat(2 << 20);
    let too_deep = nested(MAX_JSON_DEPTH + 1);
    let deepest = nested(MAX_JSON_DEPTH).replacen("\"a\":", "\"ClientCmd\":\"c\",\"a\":", 1);
    let bodies: &[(&[u8], DecodeStatus)] = &[
        (b"", Empty),
        (b" \0", Empty),
        (b"\xff", NotUtf8),
        (b"{\"ClientCmd\":\xff}", NotUtf8),
        (b"{", NotJson),
        (b"{} x", NotJson),
        (b"{\"a\":NaN}", NotJson),
        (brackets.as_bytes(), NotJson),
        (b"[]", NotAnObject),
        (b"\"CallbackCommand\"", NotAnObject),
        (b" 1", NotAnObject),
        (b"null", NotAnObject),
        (br#"{"CallbackCommand":1}"#, CommandNotString),
        (br#"{"CallbackCommand":[null]}"#, CommandNotString),
        (br#"{"CallbackCommand":"\ud800"}"#, CommandNotString),
        (br#"{"CallbackCommand":"A.B","CallbackCommand":"A.B"}"#, CommandRepeated),
        (br#"{"CallbackCommand":"A.B","Callback\u0043ommand":"A.B"}"#, CommandRepeated),
        (br#"{"CallbackCommand":"A.C","ClientCmd":"c"}"#, CommandDisagrees),
        (many.as_bytes(), TooDeep),
        (too_deep.as_bytes(), TooDeep),
        (deepest.as_bytes(), Typed),
        (b"\xef\xbb\xbf{\"ClientCmd\":\"c\"}\0", Repaired),
        (b"{\"ClientCmd\":\"\xff\n\"}", Repaired),
        (b"{\"ClientCmd\":\"\xff\n\",\"ForceFlag\":{}}", Partial),
        (b"{\"New\":\"\xff\n\"}", Mismatch),
    ];
    for (body, status) in bodies {
        let text = body[..body.len().min(60)].escape_ascii();
        let event = decode_bytes("Sns.CallbackFriendAdd", body);
        assert_eq!(event.decode_status(), *status, "{text}");
        assert_eq!(event.body(), *body, "{text}");
        assert_eq!(
            event.raw_body.is_empty(),
            std::str::from_utf8(body).is_err() || body.is_empty(),
            "{text}"
        );
        assert_eq!(event.payload.is_some(), matches!(status, Typed | Repaired | Partial), "{text}");
        assert_eq!(event.command, "Sns.CallbackFriendAdd");
        // The body's fault takes precedence over `UNKNOWN_COMMAND`.
        let unknown = decode_bytes("A.B", body).decode_status();
        let is_of_body = !matches!(status, Typed | Repaired | Partial | Mismatch | TooDeep);
        assert_eq!(unknown, if is_of_body { *status } else { UnknownCommand }, "{text}");
    }
}

#[test]
fn without_a_command_in_the_url_the_body_must_name_one() {
    use CommandSource::*;
    let position = |offset, byte| BytePosition { offset, byte };
    let not_utf8 = Unreadable(json::Unreadable::NotUtf8(position(0, ByteKind::NotUtf8)));
    let not_json = Unreadable(json::Unreadable::NotJson(position(1, ByteKind::End)));
    for (body, refusal, detail) in [
        (&b"{}"[..], Refusal::CommandMissing(Absent), "body: no CallbackCommand, or not an object"),
        (
            br#"{"CallbackCommand":null}"#,
            Refusal::CommandMissing(Absent),
            "body: no CallbackCommand, or not an object",
        ),
        (b"[]", Refusal::CommandMissing(Absent), "body: no CallbackCommand, or not an object"),
        (
            br#"{"CallbackCommand":1}"#,
            Refusal::CommandMissing(NotString),
            "body: CallbackCommand is not a string",
        ),
        (
            br#"{"CallbackCommand":"A.B","CallbackCommand":"A.B"}"#,
            Refusal::CommandMissing(Repeated),
            "body: CallbackCommand more than once",
        ),
        (b"", Refusal::CommandMissing(Unreadable(json::Unreadable::Empty)), "body: empty"),
        (b"\xff", Refusal::CommandMissing(not_utf8), "body is not UTF-8: an invalid byte at byte 0"),
        (b"{", Refusal::CommandMissing(not_json), "body is not JSON: the end at byte 1"),
        (
            br#"{"CallbackCommand":"a b"}"#,
            Refusal::CommandInvalid(Part::Body, position(1, ByteKind::WhiteSpace)),
            "CallbackCommand in the body: white space at byte 1",
        ),
    ] {
        let refused = envelope("SdkAppid=7").unwrap().into_record(body, &no_duplicates());
        assert_eq!(refused, Err(refusal), "{}", body.escape_ascii());
        assert_eq!(refusal.detail(), detail);
    }
    for (body, status) in [
        (&b"{\"CallbackCommand\":\"A.B\"}"[..], DecodeStatus::UnknownCommand),
        (b"{\"CallbackCommand\":\"Sns.CallbackFriendAdd\",\"ClientCmd\":\"\n\"}\0", DecodeStatus::Repaired),
    ] {
        let decoded = envelope("SdkAppid=7").unwrap().into_record(body, &no_duplicates()).unwrap();
        assert_eq!((decoded.status, read(decoded.record).body()), (status, body));
    }
}

#[test]
fn a_command_that_is_null_is_absent() {
    for body in [r#"{"CallbackCommand":null}"#, r#"{"CallbackCommand":null,"CallbackCommand":"A.B"}"#] {
        let event = decode("A.B", body);
        assert_eq!((event.command.as_str(), event.raw_body.as_str()), ("A.B", body));
    }
    let twice = r#"{"ClientCmd":"c","EventTime":1670574414,"EventTime":1670574414}"#;
    let event = decode("Sns.CallbackFriendAdd", twice);
    assert_eq!((event.event_time, event.decode_status()), (None, DecodeStatus::Partial));
    assert_eq!((event.undecoded_paths, event.raw_body.as_str()), (vec!["EventTime".to_owned()], twice));
    let event = decode("A.B", r#"{"EventTime":1670574414,"EventTime":null}"#);
    assert_eq!(event.event_time.map(|time| time.seconds), Some(1_670_574_414));
}

#[test]
fn bodies_without_a_typed_form_are_kept_raw() {
    let body = r#"{"CallbackCommand":"Follow.CallbackAfterFollowAdd","EventTime":1670574414,"List":[{"To_Account":"b"}]}"#;
    let event = decode("Follow.CallbackAfterFollowAdd", body);
    assert_eq!(event.decode_status(), DecodeStatus::Mismatch);
    assert_eq!((event.payload, event.raw_body.as_str()), (None, body));
    assert!(event.event_time.is_some());
    let record = envelope("SdkAppid=7&CallbackCommand=Follow.CallbackAfterFollowAdd").unwrap();
    let record = record.into_record(body.as_bytes(), &no_duplicates()).unwrap().record;
    assert_eq!(read_without_body(record).raw_body, body, "it is never omitted");
}

#[test]
fn a_body_without_a_fitting_member_is_kept_raw() {
    for (body, paths) in [
        (r#"{"ForceFlag":1e999}"#.to_owned(), &["ForceFlag"][..]),
        (format!("{{\"ForceFlag\":{}}}", "9".repeat(400)), &["ForceFlag"]),
        (r#"{"ForceFlag":1,"ForceFlag":2}"#.to_owned(), &["ForceFlag"]),
        (r#"{"ClientCmd":"\ud800"}"#.to_owned(), &["ClientCmd"]),
        (r#"{"\udfff":1,"PairList":{}}"#.to_owned(), &[]),
    ] {
        let event = decode("Sns.CallbackFriendAdd", &body);
        let is_typed = body.contains("PairList");
        let status = if is_typed { DecodeStatus::Typed } else { DecodeStatus::Mismatch };
        assert_eq!(event.decode_status(), status, "{body}");
        assert_eq!((event.payload.is_some(), event.raw_body), (is_typed, body));
        assert_eq!(event.undecoded_paths, paths);
    }
}

#[test]
fn a_partial_event_keeps_its_body_and_names_omitted_members() {
    let body = r#"{"ClientCmd":"c","ForceFlag":{},"PairList":[{"From_Account":["a"]},"b"]}"#;
    let record = envelope("SdkAppid=7&CallbackCommand=Sns.CallbackFriendAdd").unwrap();
    let record = record.into_record(body.as_bytes(), &no_duplicates()).unwrap().record;
    let event = read_without_body(record);
    assert_eq!(event.decode_status(), DecodeStatus::Partial);
    assert_eq!(event.undecoded_paths, ["PairList[0].From_Account", "PairList[1]", "ForceFlag"]);
    assert_eq!(event.raw_body, body);
}

#[test]
fn an_unknown_command_passes_through_whole() {
    let event = decode("LiveGo.Something", r#"{"EventTime":"1670574414123","x":[1,{"y":null}]}"#);
    assert_eq!(event.decode_status(), DecodeStatus::UnknownCommand);
    assert_eq!(event.raw_body, r#"{"EventTime":"1670574414123","x":[1,{"y":null}]}"#);
    let time = event.event_time.unwrap();
    assert_eq!((time.seconds, time.nanos), (1_670_574_414, 123_000_000));
}

#[test]
fn event_times_are_read_by_magnitude_or_absent() {
    for (json, seconds) in [
        ("1670574414123", Some(1_670_574_414)),
        ("\"1670574414123\"", Some(1_670_574_414)),
        ("1670574414", Some(1_670_574_414)),
        ("\"1.670574414e9\"", Some(1_670_574_414)),
        ("1670574414123.0", Some(1_670_574_414)),
        ("253402300799999", None),
        ("0", None),
        ("1000", None),
        ("\"\"", None),
        ("\"-1\"", None),
        ("\"+1\"", None),
        ("-1", None),
        ("1.5", None),
        ("null", None),
        ("true", None),
        ("[1670574414]", None),
        ("99999999999999999999", None),
    ] {
        for command in ["A.B", "Push.OfflinePush", "Sns.CallbackFriendAdd"] {
            let event = decode(command, &format!("{{\"x\":{{\"EventTime\":5}},\"EventTime\":{json}}}"));
            assert_eq!(event.event_time.map(|time| time.seconds), seconds, "{command} {json}");
            // The path of an unreadable value is recorded, as for other members.
            let is_named = seconds.is_none() && json != "null" && command != "A.B";
            let paths: &[&str] = if is_named { &["EventTime"] } else { &[] };
            assert_eq!(event.undecoded_paths, paths, "{command} {json}");
        }
    }
}

#[test]
fn bodies_that_would_break_standard_clients_stay_raw() {
    let deep = |member: &str, depth: usize| {
        let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
        format!("{{\"ClientCmd\":\"c\",\"{member}\":{{\"x\":{open}{close}}}}}")
    };
    let message = "C2C.CallbackBeforeSendMsg";
    let content = |depth| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{\"MsgBody\":[{{\"MsgType\":\"t\",\"MsgContent\":{{\"a\":1,\"x\":{open}{close}}}}}]}}")
    };
    // Four levels enclose the brackets.
    let event = decode(message, &content(MAX_TYPED_JSON_DEPTH - 4));
    assert_eq!(event.decode_status(), DecodeStatus::Typed);
    let event = decode(message, &content(MAX_TYPED_JSON_DEPTH - 3));
    assert_eq!(event.decode_status(), DecodeStatus::Partial);
    assert_eq!(
        event.undecoded_paths,
        [format!("MsgBody[0].MsgContent.x{}", "[0]".repeat(MAX_TYPED_JSON_DEPTH - 4))]
    );
    let Some(Payload::C2cBeforeSendMsg(payload)) = event.payload else { panic!("not typed") };
    assert_eq!(
        payload.msg_body[0].msg_content.as_ref().unwrap().fields.len(),
        2,
        "the member beside it stays"
    );
    // Undeclared members may nest to any depth.
    let event = decode("Sns.CallbackFriendAdd", &deep("New", MAX_JSON_DEPTH));
    assert_eq!(event.decode_status(), DecodeStatus::Typed);
    let event = decode("Unknown.Command", &deep("New", MAX_JSON_DEPTH + 1));
    assert_eq!(event.decode_status(), DecodeStatus::UnknownCommand);

    let many = |count: usize| format!("{{\"x\":[{}1],\"ForceFlag\":1}}", "1,".repeat(count));
    let event = decode("Sns.CallbackFriendAdd", &many(MAX_TYPED_JSON_VALUES - 4));
    assert_eq!(event.decode_status(), DecodeStatus::Typed);
    let event = decode("Sns.CallbackFriendAdd", &many(MAX_TYPED_JSON_VALUES));
    assert_eq!(event.decode_status(), DecodeStatus::TooLarge);

    // The payload is as large as the body, so a body of 2 MiB would make a response of 4 MiB.
    let long = format!("{{\"ClientCmd\":\"{}\"}}", "x".repeat((2 << 20) - 20));
    let event = decode("Sns.CallbackFriendAdd", &long);
    assert_eq!(event.decode_status(), DecodeStatus::TooLarge);
    assert_eq!(event.raw_body.len(), long.len());
    assert!(event.encoded_len() < MAX_TYPED_RESPONSE_BYTES);
    let event = decode("Sns.CallbackFriendAdd", &long.replace(&"x".repeat(1 << 20), ""));
    assert_eq!(event.decode_status(), DecodeStatus::Typed);
}

#[test]
fn the_metadata_names_apps_commands_accounts_and_groups() {
    let body = r#"{"GroupId":"g1","x":[{"GroupID":"g2","From_Account":"a","Deep":{"Account":["b",true,["c"]]}}],
        "To\u005fAccount":"d\u0065","Accounts":"no","y":["no",{"From_Account":"a"}],"Admin_Account":"","Number_Account":7,
            "Null_Account":null}"#;
    let record = envelope("SdkAppid=7&CallbackCommand=A.B")
        .unwrap()
        .into_record(body.as_bytes(), &no_duplicates())
        .unwrap()
        .record;
    assert_eq!((record.command(), record.sdk_app_id()), ("A.B", 7));
    assert_eq!(record.status(), Some(DecodeStatus::UnknownCommand));
    assert_eq!(record.accounts().collect::<Vec<_>>(), ["7", "a", "b", "c", "de"]);
    assert_eq!(record.group_ids().collect::<Vec<_>>(), ["g1", "g2"]);
}

#[test]
fn a_typed_payload_has_every_field() {
    let event = decode(
        "Sns.CallbackFriendAdd",
        r#"{"CallbackCommand":"Sns.CallbackFriendAdd","PairList":[{"From_Account":"id","To_Account":"id1",
        "Initiator_Account":"id","New":1}],"ClientCmd":"friend_add","Admin_Account":"boss","ForceFlag":"1","New":{}}"#,
    );
    let Some(Payload::SnsFriendAdd(add)) = event.payload else { panic!("{event:?}") };
    assert_eq!(add.client_cmd, "friend_add");
    assert_eq!(add.admin_account, "boss");
    assert_eq!(add.force_flag, 1);
    assert_eq!(add.pair_list.len(), 1);
    assert_eq!(add.pair_list[0].from_account, "id");
    assert_eq!(add.pair_list[0].to_account, "id1");
    assert_eq!(add.pair_list[0].initiator_account, "id");
}

fn any_command() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "Sns.CallbackFriendAdd",
        "Profile.CallbackPortraitSet",
        "Group.CallbackAfterSendMsg",
        "Group.CallbackBeforeCreateGroup",
        "LiveGo.Something",
    ])
}

fn any_key() -> impl Strategy<Value = String> {
    let declared =
        ["PairList", "ProfileItem", "MsgBody", "MsgSeq", "GroupId", "CreatedGroupNum", "EventTime"];
    prop_oneof!["[A-Za-z_]{0,12}", proptest::sample::select(declared.to_vec()).prop_map(str::to_owned)]
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_object_is_kept_byte_for_byte(
        members in proptest::collection::btree_map(any_key(), any_json(), 0..6),
        command in any_command(),
    ) {
        let value = serde_json::Value::Object(members.into_iter().collect());
        for body in [value.to_string(), format!("{value:#}")] {
            let event = decode(command, &body);
            prop_assert_eq!(event.raw_body, body);
        }
    }

    #[test]
    fn no_bytes_break_the_decoder(body: Vec<u8>, query: String) {
        let event = decode_bytes("Sns.CallbackFriendAdd", &body);
        prop_assert_eq!(event.body(), &body[..]);
        drop(envelope(&query));
    }
}
