use prost::Message as _;
use serde_json::json;

use super::*;
use crate::{
    ingest::callback::scan::{self, Shape},
    proto::{self, event},
};

fn encode(command: &str, body: &str) -> Payload {
    let scanned = scan::scan(body, false);
    let Shape::Object(tree) = &scanned.shape else { panic!("not an object: {body}") };
    let (number, shape) = proto::payload_shape(command).unwrap();
    super::encode(number, shape, tree, true)
}

fn decode(command: &str, body: &str) -> Option<event::Payload> {
    let encoded = encode(command, body).encoded?;
    let event = proto::Event::decode(&*encoded).unwrap();
    // Canonical: what prost would have written.
    assert_eq!(event.encode_to_vec(), encoded, "{body}");
    event.payload
}

fn typed(command: &str, body: &str) -> serde_json::Value {
    let event = proto::Event { payload: decode(command, body), ..Default::default() };
    let serde_json::Value::Object(members) = serde_json::to_value(event).unwrap() else { panic!() };
    members.into_iter().next().unwrap().1
}

fn undecoded(command: &str, body: &str) -> Vec<String> {
    encode(command, body).undecoded_paths
}

#[test]
fn nulls_are_absent_at_every_level() {
    let body = r#"{"GroupId":null,"From_Account":"a","Random":null,"MsgSeq":1,"OnlineOnlyFlag":null,
        "MsgBody":[null,{"MsgType":null,"MsgContent":null},null,{"MsgType":"T"}],"GroupAtInfo":null}"#;
    assert_eq!(
        typed("Group.CallbackAfterSendMsg", body),
        json!({"From_Account":"a","MsgSeq":"1","MsgBody":[{},{"MsgType":"T"}]})
    );
    let body = r#"{"MemberList":[null],"CreatedGroupNum":null}"#;
    assert_eq!(typed("Group.CallbackBeforeCreateGroup", body), json!({}));
    let body = r#"{"Name":null,"FaceUrl":""}"#;
    assert_eq!(typed("Group.CallbackAfterGroupInfoChanged", body), json!({"FaceUrl":""}));
    let body = r#"{"ProfileItem":[{"Tag":"t","Value":null}]}"#;
    assert_eq!(typed("Profile.CallbackPortraitSet", body), json!({"ProfileItem":[{"Tag":"t"}]}));
}

#[test]
fn nulls_inside_free_form_values_stay() {
    let body = r#"{"MsgBody":[{"MsgContent":{"a":null,"b":[null,{"c":null}]}}]}"#;
    assert_eq!(
        typed("C2C.CallbackBeforeSendMsg", body),
        json!({"MsgBody":[{"MsgContent":{"a":null,"b":[null,{"c":null}]}}]})
    );
    let body = r#"{"UserDefinedDataList":[{"Key":"k","Value":[null]},{"Value":{"x":null}}]}"#;
    assert_eq!(
        typed("Group.CallbackAfterCreateGroup", body),
        json!({"UserDefinedDataList":[{"Key":"k","Value":[null]},{"Value":{"x":null}}]})
    );
}

#[test]
fn integers_are_exact_where_declared_and_doubles_in_free_form_values() {
    let body = r#"{"MsgSeq":9223372036854775807,"MsgRandom":"9007199254740993",
        "MsgBody":[{"MsgContent":{"n":9007199254740993}}]}"#;
    let value = typed("C2C.CallbackBeforeSendMsg", body);
    assert_eq!(value["MsgSeq"], "9223372036854775807");
    assert_eq!(value["MsgRandom"], "9007199254740993");
    assert_eq!(value["MsgBody"][0]["MsgContent"]["n"], 9_007_199_254_740_992_f64);
    let body = r#"{"ProfileItem":[{"Value":18446744073709551615}]}"#;
    let value = typed("Profile.CallbackPortraitSet", body);
    assert_eq!(value["ProfileItem"][0]["Value"], 18_446_744_073_709_551_615_f64);
}

/// Without its feature `float_roundtrip`, `serde_json` is off by one unit in the last place for some numbers.
#[test]
fn a_double_is_the_one_nearest_to_its_text() {
    let body = r#"{"MsgBody":[{"MsgContent":{"Latitude":98.37282740013183}}]}"#;
    let value = typed("C2C.CallbackBeforeSendMsg", body);
    assert_eq!(value["MsgBody"][0]["MsgContent"]["Latitude"], 98.372_827_400_131_83);
}

#[test]
fn only_the_vendors_own_names_are_fields() {
    let body = r#"{"PairList":[{"from_account":"a","To_Account":"b","to_account":"c"}],"pair_list":[],"client_cmd":"x",
        "ForceFlag":1,"force_flag":2}"#;
    assert_eq!(typed("Sns.CallbackFriendAdd", body), json!({"PairList":[{"To_Account":"b"}],"ForceFlag":1}));
    let body = r#"{"GroupAttr":[{"key":"k","value":"v"}]}"#;
    assert_eq!(
        typed("Group.CallbackAfterGroupAttrChanged", body),
        json!({"GroupAttr":[{"key":"k","value":"v"}]}),
        "these are the vendor's own"
    );
}

#[test]
fn a_body_without_declared_members_does_not_fit() {
    let fits = |body: &str| encode("Sns.CallbackFriendDelete", body).encoded.is_some();
    for body in [
        "{}",
        r#"{"CallbackCommand":"x","EventTime":1}"#,
        r#"{"PairList":[]}"#,
        r#"{"New":null}"#,
        r#"{"PairList":[{"From_Account":"a"}],"New":1}"#,
    ] {
        assert!(fits(body), "{body}");
    }
    for body in [
        r#"{"New":1}"#,
        r#"{"CallbackCommand":"x","EventTime":1,"Pairs":[{"From_Account":"a"}]}"#,
        r#"{"PairList":[],"New":1}"#,
        r#"{"pairlist":[{"From_Account":"a"}]}"#,
    ] {
        assert!(!fits(body), "{body}");
    }
}

/// Compares messages: the JSON form shows a `Value` without a kind as null too.
#[test]
fn a_null_inside_a_free_form_field_is_a_null_value() {
    use crate::proto::well_known::value::Kind;
    let body = r#"{"MsgBody":[{"MsgContent":{"a":null,"b":[null,{"c":null}]}}]}"#;
    let Some(event::Payload::C2cBeforeSendMsg(message)) = decode("C2C.CallbackBeforeSendMsg", body) else {
        panic!("it is typed")
    };
    let fields = &message.msg_body[0].msg_content.as_ref().unwrap().fields;
    let null = Some(Kind::NullValue(0));
    assert_eq!(fields["a"].kind, null);
    let Some(Kind::ListValue(list)) = &fields["b"].kind else { panic!("{fields:?}") };
    assert_eq!(list.values[0].kind, null);
    let Some(Kind::StructValue(inner)) = &list.values[1].kind else { panic!("{list:?}") };
    assert_eq!(inner.fields["c"].kind, null);
}

#[test]
fn a_leaf_of_another_type_is_converted() {
    let body = r#"{"GroupId":"g","From_Account":12,"MsgSeq":700001.0,"MsgTime":"1490686222","Random":1.5e3,
        "CloudCustomData":-0.50,"GroupAtInfo":{"GroupAtAllFlag":"1"},"MsgBody":{"MsgType":7}}"#;
    assert_eq!(undecoded("Group.CallbackAfterSendMsg", body), [""; 0]);
    assert_eq!(
        typed("Group.CallbackAfterSendMsg", body),
        json!({"GroupId":"g","From_Account":"12","MsgSeq":"700001","MsgTime":"1490686222","Random":"1500",
            "CloudCustomData":"-0.50","GroupAtInfo":[{"GroupAtAllFlag":1}],"MsgBody":[{"MsgType":"7"}]})
    );
    let body = r#"{"From_Account":"a","To_Account":"b"}"#;
    assert_eq!(typed("Follow.CallbackAfterFollowAdd", body), json!({"From_Account":"a","To_Account":["b"]}));
}

#[test]
fn an_unfit_leaf_omits_only_itself() {
    for (member, path) in [
        (r#""ForceFlag":{}"#, "ForceFlag"),
        (r#""ForceFlag":[1]"#, "ForceFlag"),
        (r#""ForceFlag":1.5"#, "ForceFlag"),
        (r#""ForceFlag":true"#, "ForceFlag"),
        (r#""ForceFlag":"""#, "ForceFlag"),
        (r#""ForceFlag":" 1""#, "ForceFlag"),
        (r#""ForceFlag":2147483648"#, "ForceFlag"),
        (r#""ForceFlag":1e999"#, "ForceFlag"),
        (r#""ForceFlag":1,"ForceFlag":1"#, "ForceFlag"),
        (r#""Admin_Account":true"#, "Admin_Account"),
        (r#""Admin_Account":["a"]"#, "Admin_Account"),
        (r#""Admin_Account":"\udc00""#, "Admin_Account"),
        (r#""PairList":"a""#, "PairList"),
        (r#""PairList":["a"]"#, "PairList[0]"),
        (r#""PairList":[null,[]]"#, "PairList[1]"),
        (r#""PairList":[{},{"From_Account":{}}]"#, "PairList[1].From_Account"),
    ] {
        let body = format!(r#"{{"ClientCmd":"c",{member}}}"#);
        assert_eq!(undecoded("Sns.CallbackFriendAdd", &body), [path], "{body}");
        assert_eq!(typed("Sns.CallbackFriendAdd", &body)["ClientCmd"], "c", "{body}");
    }
    let body = r#"{"ClientCmd":"c","ForceFlag":null,"ForceFlag":2}"#;
    assert_eq!(typed("Sns.CallbackFriendAdd", body), json!({"ClientCmd":"c","ForceFlag":2}));
}

#[test]
fn an_unfit_leaf_in_a_free_form_value_omits_only_itself() {
    let body = r#"{"MsgBody":[{"MsgType":"t","MsgContent":{"z":1,"big":1e999,"twice":1,"twice":2,
        "\ud800":1,"half":"\ud800","list":[1,1e999,{"x":"\udc00","y":2}],"a":1}}]}"#;
    assert_eq!(
        typed("C2C.CallbackBeforeSendMsg", body)["MsgBody"][0]["MsgContent"],
        json!({"z":1,"a":1,"list":[1,null,{"y":2}]})
    );
    let in_content = |path: &str| format!("MsgBody[0].MsgContent.{path}");
    assert_eq!(
        undecoded("C2C.CallbackBeforeSendMsg", body),
        ["\\ud800", "big", "half", "list[1]", "list[2].x", "twice"].map(in_content)
    );
    let body = r#"{"UserDefinedDataList":[{"Key":"k","Value":1e999},{"Key":"l","Value":"v"}]}"#;
    assert_eq!(undecoded("Group.CallbackAfterCreateGroup", body), ["UserDefinedDataList[0].Value"]);
    assert_eq!(
        typed("Group.CallbackAfterCreateGroup", body),
        json!({"UserDefinedDataList":[{"Key":"k"},{"Key":"l","Value":"v"}]})
    );
}

#[test]
fn paths_are_bounded_in_number_and_length() {
    let pairs = |count: usize| format!(r#"{{"ClientCmd":"c","PairList":[{}]}}"#, vec!["1"; count].join(","));
    assert_eq!(undecoded("Sns.CallbackFriendAdd", &pairs(MAX_PATHS)).last().unwrap(), "PairList[15]");
    for count in [MAX_PATHS + 1, 5000] {
        let paths = undecoded("Sns.CallbackFriendAdd", &pairs(count));
        assert_eq!(paths.len(), MAX_PATHS);
        assert_eq!(&paths[MAX_PATHS - 2..], ["PairList[14]", MORE]);
    }
    for key in ["x".repeat(1000), "ü".repeat(1000)] {
        let body = format!(r#"{{"MsgBody":[{{"MsgContent":{{"{key}":1e999}}}}]}}"#);
        let paths = undecoded("C2C.CallbackBeforeSendMsg", &body);
        assert!(paths[0].len() <= MAX_PATH_BYTES && paths[0].len() > MAX_PATH_BYTES - 3);
        assert!(paths[0].starts_with("MsgBody[0].MsgContent.") && paths[0].ends_with(MORE));
    }
}

#[test]
fn lengths_of_any_size_are_encoded() {
    for len in [0, 1, 100, 120, 127, 128, 129, 16_000, 16_383, 16_384, 100_000] {
        let text = "x".repeat(len);
        let body = format!(r#"{{"MsgBody":[{{"MsgType":"t","MsgContent":{{"a":{{"b":["{text}"]}}}}}}]}}"#);
        let value = typed("C2C.CallbackBeforeSendMsg", &body);
        assert_eq!(value["MsgBody"][0]["MsgContent"]["a"]["b"][0], text);
    }
}
