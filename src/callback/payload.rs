//! From a body's JSON text to its typed payload.
//!
//! The generated deserializers do the work. They are made for proto3 JSON, which
//! is not quite what the vendor sends: it has no null for a string or a number,
//! and no integer beyond 2^53 where a `google.protobuf.Value` is declared; and it
//! takes a field by its name in the `.proto` files too (`limit` for `Limit`),
//! which is nothing of the vendor's. [`Lenient`] sees to those. It costs a second
//! look at each value, so a body that has none of them is read directly.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, value::RawValue};

use crate::proto::{self, event::Payload};

/// Decodes the body of a command of the catalogue; `None` for any other
/// command. `lenient`: the body may have what [`Lenient`] is for.
///
/// A payload that came out empty is only right if the body has nothing else:
/// typed and empty, it would say nothing of the body, and without `raw_body`
/// nobody would notice.
pub(super) fn decode(command: &str, body: &str, lenient: bool) -> Option<Result<Payload, Error>> {
    let payload = if lenient {
        proto::decode_payload(command, Lenient::new(body))?
    } else {
        proto::decode_payload(command, &mut serde_json::Deserializer::from_str(body))?
    };
    if payload.is_ok() && payload.as_ref().ok() == nothing(command).as_ref() {
        return proto::decode_payload(command, Lenient { json: body, others: Others::Refused });
    }
    Some(payload)
}

/// The payload of a body without members.
fn nothing(command: &str) -> Option<Payload> {
    proto::decode_payload(command, &mut serde_json::Deserializer::from_str("{}"))?.ok()
}

/// What becomes of an object's members that its message does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    Ignored,
    /// An object with one does not fit, unless it is [`KEPT_ELSEWHERE`].
    Refused,
}

/// Members of a body that become fields of the event itself.
const KEPT_ELSEWHERE: [&str; 2] = ["CallbackCommand", "EventTime"];

/// Whether a message declares a member of this name. `names` is as it was
/// generated: the name of each field, followed by its JSON name if that is another.
fn is_declared(names: &[&str], key: &str) -> bool {
    names.iter().position(|name| *name == key).is_some_and(|at| {
        let has_json_name = names.get(at + 1).is_some_and(|next| letters(next).eq(letters(key)));
        !has_json_name
    })
}

/// What a field's two names have in common.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}

/// One JSON value, as text. A null member of a message or of a map, and a null
/// element of a repeated field, is as if it were not there. Inside a `Struct` or
/// a `Value` nulls are values like any other.
///
/// The generated code asks for messages by `deserialize_struct`, for repeated
/// fields by `deserialize_seq`, for maps by `deserialize_map` and for numbers and
/// strings by anything else. `Struct` and `Value` come by `deserialize_map` and
/// `deserialize_any`, and are told apart by what they say they expect.
struct Lenient<'de> {
    json: &'de str,
    /// Of this object; in those within it, they are ignored.
    others: Others,
}

impl<'de> Lenient<'de> {
    fn new(json: &'de str) -> Self {
        Self { json, others: Others::Ignored }
    }

    fn inner(&self) -> serde_json::Deserializer<serde_json::de::StrRead<'de>> {
        serde_json::Deserializer::from_str(self.json)
    }

    /// Reads a `Struct` or a `Value`.
    fn free_form<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        FreeForm(serde_json::from_str(self.json)?).deserialize_any(visitor)
    }
}

/// What is inside a `Struct` or a `Value`: its numbers are doubles, and a null is
/// a null value, where the generated code would take it for a value that is not
/// there, which clients cannot show.
struct FreeForm(serde_json::Value);

impl<'de> Deserializer<'de> for FreeForm {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        use serde_json::Value;
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => {
                visitor.visit_f64(number.as_f64().expect("a JSON number that was read is finite"))
            }
            Value::String(text) => visitor.visit_string(text),
            Value::Array(elements) => {
                visitor.visit_seq(SeqDeserializer::new(elements.into_iter().map(FreeForm)))
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(key, value)| (key, FreeForm(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for FreeForm {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn expects<'de>(visitor: &impl Visitor<'de>, name: &str) -> bool {
    (visitor as &dyn Expected).to_string() == name
}

impl<'de> Deserializer<'de> for Lenient<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if expects(&visitor, "google.protobuf.Value") {
            return self.free_form(visitor);
        }
        self.inner().deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.inner().deserialize_map(Pruned { visitor, names: Some(names), others: self.others })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if expects(&visitor, "google.protobuf.Struct") {
            return self.free_form(visitor);
        }
        self.inner().deserialize_map(Pruned { visitor, names: None, others: self.others })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.inner().deserialize_seq(Pruned { visitor, names: None, others: self.others })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // What is null has been left out before.
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct tuple tuple_struct enum identifier
    }
}

/// Shows a visitor an object's members, or an array's elements, that are not
/// null; of a message's members only the declared ones.
struct Pruned<V> {
    visitor: V,
    /// What the message declares; `None` for a map, whose keys may be any.
    names: Option<&'static [&'static str]>,
    others: Others,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Pruned<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        let Self { visitor, names, others } = self;
        visitor.visit_map(Members { members, names, others, value: None })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Elements { elements })
    }
}

struct Members<'de, A> {
    members: A,
    names: Option<&'static [&'static str]>,
    others: Others,
    /// The value of the key that was given last.
    value: Option<&'de RawValue>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some((key, value)) = self.members.next_entry::<String, &RawValue>()? {
            if value.get() == "null" {
                continue;
            }
            if self.names.is_none_or(|names| is_declared(names, &key)) {
                self.value = Some(value);
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            if self.others == Others::Refused && !KEPT_ELSEWHERE.contains(&key.as_str()) {
                return Err(A::Error::custom("nothing of the body is declared"));
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let value = self.value.take().ok_or_else(|| A::Error::custom("a value comes after its key"))?;
        seed.deserialize(Lenient::new(value.get())).map_err(A::Error::custom)
    }
}

struct Elements<A> {
    elements: A,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        while let Some(element) = self.elements.next_element::<&RawValue>()? {
            if element.get() != "null" {
                return seed.deserialize(Lenient::new(element.get())).map(Some).map_err(A::Error::custom);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn typed(command: &str, body: &str) -> serde_json::Value {
        let payload = decode(command, body, true).unwrap().unwrap();
        let event = proto::Event { payload: Some(payload), ..Default::default() };
        let serde_json::Value::Object(members) = serde_json::to_value(event).unwrap() else { panic!() };
        members.into_iter().next().unwrap().1
    }

    #[test]
    fn nulls_are_absent_at_every_level() {
        let body = r#"{"GroupId":null,"From_Account":"a","Random":null,"MsgSeq":1,"OnlineOnlyFlag":null,
            "MsgBody":[null,{"MsgType":null,"MsgContent":null},null,{"MsgType":"T"}],"GroupAtInfo":null}"#;
        assert_eq!(
            typed("Group.CallbackAfterSendMsg", body),
            json!({"From_Account":"a","MsgSeq":"1","MsgBody":[{},{"MsgType":"T"}]})
        );
        let body = r#"{"CreatedGroupNum":{"Public":null,"Private":2}, "MemberList":[null]}"#;
        assert_eq!(
            typed("Group.CallbackBeforeCreateGroup", body),
            json!({"CreatedGroupNum":{"Private":2.0,"Public":null}}),
            "a null in a value is a value"
        );
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

    /// `serde_json` gives the neighbour of some, unless told to take its time.
    #[test]
    fn a_double_is_the_one_nearest_to_its_text() {
        let body = r#"{"MsgBody":[{"MsgContent":{"Latitude":98.37282740013183}}]}"#;
        let value = typed("C2C.CallbackBeforeSendMsg", body);
        assert_eq!(value["MsgBody"][0]["MsgContent"]["Latitude"], 98.372_827_400_131_83);
        let read = |lenient| decode("C2C.CallbackBeforeSendMsg", body, lenient).unwrap().unwrap();
        assert_eq!(read(true), read(false));
    }

    #[test]
    fn only_the_vendors_own_names_are_fields() {
        let body = r#"{"PairList":[{"from_account":"a","To_Account":"b","to_account":"c"}],"pair_list":[],"client_cmd":"x",
            "ForceFlag":1,"force_flag":2}"#;
        assert_eq!(
            typed("Sns.CallbackFriendAdd", body),
            json!({"PairList":[{"To_Account":"b"}],"ForceFlag":1})
        );
        let body = r#"{"GroupAttr":[{"key":"k","value":"v"}],"CreatedGroupNum":{"any_key":1}}"#;
        assert_eq!(
            typed("Group.CallbackAfterGroupAttrChanged", body),
            json!({"GroupAttr":[{"key":"k","value":"v"}]}),
            "these are the vendor's own"
        );
        let body = r#"{"CreatedGroupNum":{"created_group_num":1}}"#;
        assert_eq!(
            typed("Group.CallbackBeforeCreateGroup", body),
            json!({"CreatedGroupNum":{"created_group_num":1.0}}),
            "a value's keys may be any"
        );
    }

    #[test]
    fn a_body_of_which_nothing_is_declared_does_not_fit() {
        let fits = |body: &str| {
            let outcomes = [false, true].map(|lenient| decode("Sns.CallbackFriendDelete", body, lenient));
            let [direct, lenient] = outcomes.map(|outcome| outcome.unwrap().is_ok());
            assert_eq!(direct, lenient, "{body}");
            direct
        };
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

    /// pbjson's serializer shows a value without a kind as null, too: so this looks at the message.
    #[test]
    fn a_null_inside_a_free_form_field_is_a_null_value() {
        use crate::proto::well_known::value::Kind;
        let body = r#"{"MsgBody":[{"MsgContent":{"a":null,"b":[null,{"c":null}]}}]}"#;
        let Some(Ok(Payload::C2cBeforeSendMsg(message))) = decode("C2C.CallbackBeforeSendMsg", body, true)
        else {
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
    fn wrong_types_and_doubled_members_do_not_fit() {
        for body in [
            r#"{"ForceFlag":{},"x":null}"#,
            r#"{"ForceFlag":1.5,"x":null}"#,
            r#"{"ForceFlag":2147483648,"x":null}"#,
            r#"{"ForceFlag":1,"ForceFlag":1,"x":null}"#,
            r#"{"ClientCmd":1,"x":null}"#,
            r#"{"PairList":{},"x":null}"#,
            r#"{"PairList":["a"],"x":null}"#,
        ] {
            assert!(decode("Sns.CallbackFriendAdd", body, true).unwrap().is_err(), "{body}");
            assert!(decode("Sns.CallbackFriendAdd", body, false).unwrap().is_err(), "{body}");
        }
    }
}
