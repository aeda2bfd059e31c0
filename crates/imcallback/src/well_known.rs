//! The `google.protobuf` types of the API, with canonical ProtoJSON.
//!
//! The generated messages use these types in place of the ones that prost would generate. Their
//! output is deterministic: [`Struct`] keeps its fields in a `BTreeMap`, so the same message has the
//! same JSON and the same encoded bytes in every process. Times end in `Z` and have 0, 3, 6 or 9
//! fraction digits.
//!
//! The calendar code is from `prost-types`, whose own types have no serde implementations. Its parsers
//! accept more than ProtoJSON does, such as a time without an offset, so the form of a text is checked
//! here first. `pbjson-types` and `prost-wkt-types` were not used because their `Struct` is a
//! `HashMap`, and `pbjson-types` writes UTC as `+00:00`.
#![deny(missing_docs)]
#![warn(clippy::all)]

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
    ser,
};

/// First second of the year 1, the earliest valid [`Timestamp`].
const MIN_SECONDS: i64 = -62_135_596_800;
/// Last second of the year 9999, the latest valid [`Timestamp`].
const MAX_SECONDS: i64 = 253_402_300_799;
/// Longest valid [`Duration`] in either direction: about 10,000 years, in seconds.
const MAX_DURATION_SECONDS: i64 = 315_576_000_000;
const NANOS_PER_SECOND: i32 = 1_000_000_000;
/// Largest integer below which every whole double is exact: 2^53 - 1.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// `google.protobuf.Empty`: no content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Empty {}

/// `google.protobuf.Timestamp`: a point in time in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds that count forward from `seconds`: 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `google.protobuf.Duration`: a signed span of time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds with the sign of `seconds`: -999,999,999 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `google.protobuf.Struct`: a JSON object.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Struct {
    /// Members by name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub fields: BTreeMap<String, Value>,
}

/// `google.protobuf.ListValue`: a JSON array.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListValue {
    /// Elements in order.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// `google.protobuf.Value`: any JSON value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// The value. `None` is invalid on the wire and has the JSON form `null`.
    #[prost(oneof = "value::Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<value::Kind>,
}

/// `google.protobuf.NullValue`: the JSON value `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum NullValue {
    /// `null`.
    NullValue = 0,
}

/// The kinds of a [`Value`].
pub mod value {
    /// The kind of a [`Value`](super::Value), with its content.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Kind {
        /// `null`.
        #[prost(enumeration = "super::NullValue", tag = "1")]
        NullValue(i32),
        /// A number. NaN and the infinities have no JSON form.
        #[prost(double, tag = "2")]
        NumberValue(f64),
        /// A string.
        #[prost(string, tag = "3")]
        StringValue(String),
        /// `true` or `false`.
        #[prost(bool, tag = "4")]
        BoolValue(bool),
        /// An object.
        #[prost(message, tag = "5")]
        StructValue(super::Struct),
        /// An array.
        #[prost(message, tag = "6")]
        ListValue(super::ListValue),
    }
}

/// Error of a duration that is negative or out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the duration is negative or out of range")]
pub struct DurationError;

impl Duration {
    fn is_valid(self) -> bool {
        self.seconds.abs_diff(0) <= MAX_DURATION_SECONDS.unsigned_abs()
            && self.nanos.abs_diff(0) < NANOS_PER_SECOND.unsigned_abs()
            && (self.seconds == 0 || self.nanos == 0 || (self.seconds < 0) == (self.nanos < 0))
    }
}

impl From<std::time::Duration> for Duration {
    /// Limits the seconds to the largest that the field can hold.
    fn from(span: std::time::Duration) -> Self {
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        Self { seconds, nanos: span.subsec_nanos() as i32 }
    }
}

impl TryFrom<Duration> for std::time::Duration {
    type Error = DurationError;

    fn try_from(span: Duration) -> Result<Self, DurationError> {
        match (u64::try_from(span.seconds), u32::try_from(span.nanos)) {
            (Ok(seconds), Ok(nanos)) if span.is_valid() => Ok(Self::new(seconds, nanos)),
            _ => Err(DurationError),
        }
    }
}

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(std::iter::empty::<((), ())>())
    }
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Unknown members are ignored, as in all messages of the API.
        BTreeMap::<String, de::IgnoredAny>::deserialize(deserializer).map(|_| Self {})
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { seconds, nanos } = *self;
        if !(MIN_SECONDS..=MAX_SECONDS).contains(&seconds) || !(0..NANOS_PER_SECOND).contains(&nanos) {
            return Err(ser::Error::custom("the timestamp is outside the years 0001 to 9999"));
        }
        serializer.collect_str(&prost_types::Timestamp { seconds, nanos })
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimestampVisitor;

        impl Visitor<'_> for TimestampVisitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time of the years 0001 to 9999")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                let time = Some(text).filter(|text| is_rfc3339(text));
                time.and_then(|text| text.parse::<prost_types::Timestamp>().ok())
                    .filter(|time| (MIN_SECONDS..=MAX_SECONDS).contains(&time.seconds))
                    .map(|time| Timestamp { seconds: time.seconds, nanos: time.nanos })
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(TimestampVisitor)
    }
}

/// Returns whether a text has the form `2026-11-22T10:30:00Z`, with up to 9 fraction digits and any
/// offset. Whether such a date exists is not checked.
fn is_rfc3339(text: &str) -> bool {
    let has_form = |text: &str, form: &str| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(byte, form)| if form == b'0' { byte.is_ascii_digit() } else { byte == form })
    };
    let Some((time, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - offset.len())) {
                return false;
            }
            offset
        }
    };
    // A leap second has no timestamp.
    has_form(time, "0000-00-00T00:00:00")
        && !time.ends_with(":60")
        && (offset == "Z" || has_form(offset, "+00:00") || has_form(offset, "-00:00"))
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_valid() {
            return Err(ser::Error::custom("the duration is out of range, or its signs disagree"));
        }
        serializer.collect_str(&prost_types::Duration { seconds: self.seconds, nanos: self.nanos })
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DurationVisitor;

        impl Visitor<'_> for DurationVisitor {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds with up to 9 fraction digits, followed by `s`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                // prost cuts off further digits.
                let is_exact =
                    text.split_once('.').is_none_or(|(_, fraction)| fraction.len() <= "123456789s".len());
                let span = Some(text).filter(|_| is_exact);
                span.and_then(|text| text.parse::<prost_types::Duration>().ok())
                    .map(|span| Duration { seconds: span.seconds, nanos: span.nanos })
                    .filter(|span| span.is_valid())
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(DurationVisitor)
    }
}

impl Serialize for Struct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Struct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StructVisitor;

        impl<'de> Visitor<'de> for StructVisitor {
            type Value = Struct;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("google.protobuf.Struct")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Struct, A::Error> {
                collect_members(members)
            }
        }

        deserializer.deserialize_map(StructVisitor)
    }
}

/// Of members with the same name the last one counts.
fn collect_members<'de, A: MapAccess<'de>>(mut members: A) -> Result<Struct, A::Error> {
    let mut fields = BTreeMap::new();
    while let Some((name, value)) = members.next_entry()? {
        fields.insert(name, value);
    }
    Ok(Struct { fields })
}

impl Serialize for ListValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ListValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|values| Self { values })
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use value::Kind;
        match &self.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            // Writing "NaN" as a string would change the type of the value.
            Some(Kind::NumberValue(number)) if !number.is_finite() => {
                Err(ser::Error::custom("google.protobuf.Value has no JSON form for NaN and infinity"))
            }
            // Write integers without a fraction, as senders and other languages do. Negative zero is not an integer.
            Some(Kind::NumberValue(number))
                if number.fract() == 0.0
                    && number.abs() <= MAX_SAFE_INTEGER
                    && (*number != 0.0 || number.is_sign_positive()) =>
            {
                serializer.serialize_i64(*number as i64)
            }
            Some(Kind::NumberValue(number)) => serializer.serialize_f64(*number),
            Some(Kind::StringValue(text)) => serializer.serialize_str(text),
            Some(Kind::BoolValue(value)) => serializer.serialize_bool(*value),
            Some(Kind::StructValue(members)) => members.serialize(serializer),
            Some(Kind::ListValue(elements)) => elements.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl ValueVisitor {
    fn of<E>(kind: value::Kind) -> Result<Value, E> {
        Ok(Value { kind: Some(kind) })
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("google.protobuf.Value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Self::of(value::Kind::NullValue(NullValue::NullValue.into()))
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Self::of(value::Kind::BoolValue(value))
    }

    // Integers beyond 2^53 become the nearest double, which is all that the type can hold.
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Self::of(value::Kind::NumberValue(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Self::of(value::Kind::NumberValue(number as f64))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        if !number.is_finite() {
            return Err(E::invalid_value(de::Unexpected::Float(number), &self));
        }
        Self::of(value::Kind::NumberValue(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Self::of(value::Kind::StringValue(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Self::of(value::Kind::StringValue(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element()? {
            values.push(value);
        }
        Self::of(value::Kind::ListValue(ListValue { values }))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        Self::of(value::Kind::StructValue(collect_members(members)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use serde::de::DeserializeOwned;

    use super::*;

    fn json(message: &impl Serialize) -> String {
        serde_json::to_string(message).unwrap()
    }

    fn read<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_timestamp_is_rfc3339_in_utc_with_0_3_6_or_9_fraction_digits() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (1_800_000_000, 500_000_000, "2027-01-15T08:00:00.500Z"),
            (1_800_000_000, 1_000, "2027-01-15T08:00:00.000001Z"),
            (1_800_000_000, 1, "2027-01-15T08:00:00.000000001Z"),
            (-1, 999_000_000, "1969-12-31T23:59:59.999Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (MIN_SECONDS, 0, "0001-01-01T00:00:00Z"),
            (MAX_SECONDS, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
        ] {
            let time = Timestamp { seconds, nanos };
            assert_eq!(json(&time), format!("\"{text}\""));
            assert_eq!(read::<Timestamp>(&json(&time)).unwrap(), time);
        }
        for (seconds, nanos) in [
            (MIN_SECONDS - 1, 0),
            (MAX_SECONDS + 1, 0),
            (i64::MIN, 0),
            (i64::MAX, 0),
            (0, -1),
            (0, 1_000_000_000),
        ] {
            assert!(serde_json::to_string(&Timestamp { seconds, nanos }).is_err(), "{seconds} {nanos}");
        }
    }

    #[test]
    fn a_timestamp_is_read_with_any_offset_and_nothing_else_is_one() {
        let time = |text: &str| read::<Timestamp>(&format!("\"{text}\""));
        for text in ["2027-01-15T10:00:00.5+02:00", "2027-01-15T02:30:00.500000000-05:30"] {
            assert_eq!(
                time(text).unwrap(),
                Timestamp { seconds: 1_800_000_000, nanos: 500_000_000 },
                "{text}"
            );
        }
        for text in [
            "",
            "2027-01-15",
            "2027-01-15T08:00:00",
            "2027-01-15 08:00:00Z",
            "2027-01-15t08:00:00z",
            "2027-01-15T08:00:00.Z",
            "2027-01-15T08:00:00.1234567890Z",
            "2027-01-15T08:00:00+0200",
            "2027-01-15T08:00:00+02",
            "2027-01-15T08:00:60Z",
            "2027-02-29T08:00:00Z",
            "2027-13-01T08:00:00Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+10000-01-01T00:00:00Z",
            "2027-01-15T08:00:0é",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_seconds_with_0_3_6_or_9_fraction_digits() {
        for (seconds, nanos, text) in [
            (0, 0, "0s"),
            (15, 0, "15s"),
            (0, 1, "0.000000001s"),
            (1, 500_000_000, "1.500s"),
            (0, -1_000, "-0.000001s"),
            (-90, -2_456_301, "-90.002456301s"),
            (MAX_DURATION_SECONDS, 999_999_999, "315576000000.999999999s"),
        ] {
            let span = Duration { seconds, nanos };
            assert_eq!(json(&span), format!("\"{text}\""));
            assert_eq!(read::<Duration>(&json(&span)).unwrap(), span);
        }
        for (seconds, nanos) in [
            (1, -1),
            (-1, 1),
            (MAX_DURATION_SECONDS + 1, 0),
            (i64::MIN, 0),
            (0, 1_000_000_000),
            (0, i32::MIN),
        ] {
            let span = Duration { seconds, nanos };
            assert!(serde_json::to_string(&span).is_err(), "{span:?}");
            assert_eq!(std::time::Duration::try_from(span), Err(DurationError));
        }
        for text in ["", "1", "s", "1.s", "1.0000000001s", "+1s", "1e3s", "315576000001s", "--1s"] {
            assert!(read::<Duration>(&format!("\"{text}\"")).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_has_the_json_form_of_what_it_holds() {
        let text = r#"{"a":null,"b":[true,1,-2.5,1e+300,[]],"c":{"d":"x","e":{}},"z":0}"#;
        let value: Value = read(text).unwrap();
        assert_eq!(json(&value), text);
        assert_eq!(Value::decode(value.encode_to_vec().as_slice()).unwrap(), value);
        let number = |number| json(&Value { kind: Some(value::Kind::NumberValue(number)) });
        assert_eq!(number(-3.0), "-3");
        assert_eq!(number(-0.0), "-0.0");
        assert_eq!(number(MAX_SAFE_INTEGER), "9007199254740991");
        assert_eq!(json(&Value { kind: None }), "null");
        assert_eq!(
            read::<Value>("18446744073709551615").unwrap().kind,
            Some(value::Kind::NumberValue(18_446_744_073_709_551_615.0))
        );
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(serde_json::to_string(&Value { kind: Some(value::Kind::NumberValue(number)) }).is_err());
            let deserializer: de::value::F64Deserializer<de::value::Error> =
                de::IntoDeserializer::into_deserializer(number);
            assert!(Value::deserialize(deserializer).is_err());
        }
        assert_eq!(json(&Empty {}), "{}");
        assert!(read::<Empty>(r#"{"new":1}"#).is_ok());
    }

    proptest! {
        #[test]
        fn members_are_written_in_the_order_of_their_names(names in proptest::collection::hash_set(".{0,8}", 0..32)) {
            let text = serde_json::to_string(&names.iter().map(|name| (name, name.len())).collect::<std::collections::HashMap<_, _>>()).unwrap();
            let sorted = serde_json::to_string(&names.iter().map(|name| (name, name.len())).collect::<BTreeMap<_, _>>()).unwrap();
            let message: Struct = read(&text).unwrap();
            prop_assert_eq!(json(&message), sorted);
            let bytes = message.encode_to_vec();
            prop_assert_eq!(&Struct::decode(bytes.as_slice()).unwrap().encode_to_vec(), &bytes);
        }

        #[test]
        fn every_valid_time_survives_its_text(seconds in MIN_SECONDS..=MAX_SECONDS, nanos in 0..NANOS_PER_SECOND) {
            let time = Timestamp { seconds, nanos };
            prop_assert_eq!(read::<Timestamp>(&json(&time)).unwrap(), time);
        }

        #[test]
        fn no_text_breaks_the_parsers(text: String) {
            let text = serde_json::to_string(&text).unwrap();
            read::<Timestamp>(&text).ok();
            read::<Duration>(&text).ok();
        }
    }
}
