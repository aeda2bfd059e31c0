//! From a callback's URL and body to the record that is stored, encoded once.

pub mod duplicates;
mod facts;
mod fit;
mod payload;
pub mod signature;

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use prost::Message as _;
use serde::de::IgnoredAny;

use self::{
    duplicates::Duplicates,
    facts::{CommandMember, Facts},
    signature::{Tokens, Verified},
};
use crate::{
    event::{RecordParts, StoredRecord, Timestamp, is_command},
    proto::{self, DecodeStatus},
};

/// Deepest nesting of objects and arrays that a body may have.
pub const MAX_JSON_DEPTH: usize = 128;
/// Deepest nesting that is still typed: standard protobuf libraries refuse
/// messages nested 100 deep, and one JSON object in a `google.protobuf.Value`
/// takes three levels.
pub const MAX_TYPED_JSON_DEPTH: usize = 24;
/// Most values in a body that is still typed: each takes dozens of bytes while it
/// is decoded, whatever it takes in JSON.
pub const MAX_TYPED_JSON_VALUES: usize = 100_000;
/// Largest response, raw body included, for which the payload is still typed:
/// well below the 4 MiB that gRPC clients accept by default.
pub const MAX_TYPED_RESPONSE_BYTES: usize = 3 * 1024 * 1024;
/// Room in a response for what is put in front of an event.
const RESPONSE_OVERHEAD_BYTES: usize = 256;

/// 9999-12-31T23:59:59.999Z, the last time that a `google.protobuf.Timestamp` holds.
const MAX_EVENT_TIME_MILLIS: i64 = 253_402_300_799_999;

/// Why a callback is refused. Its text goes into the answer: one short sentence
/// with the remedy, without anything of the request in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A query parameter that the gateway reads stands in the URL twice.
    #[error("send the query parameter {0} once")]
    ParameterRepeated(&'static str),
    /// No SDKAppID in the URL.
    #[error("the URL needs the query parameter SdkAppid")]
    AppIdMissing,
    /// The SDKAppID is not a number or not one of ours.
    #[error("this SdkAppid is not served here; check --sdk-app-id")]
    AppIdUnknown,
    /// The URL has no signature, although the app has a token.
    #[error("the URL needs the query parameter Sign; turn on authentication in the console")]
    SignMissing,
    /// No token of the app gives this signature.
    #[error("Sign is wrong; check that the console and the gateway have the same token")]
    SignWrong,
    /// The URL has a signature but no time.
    #[error("the URL needs the query parameter RequestTime; turn on authentication in the console")]
    RequestTimeMissing,
    /// The time is not in decimal digits.
    #[error("RequestTime must be Unix seconds in decimal digits")]
    RequestTimeMalformed,
    /// The time is too long ago, or too far ahead.
    #[error("RequestTime is too old or too new; check the gateway's clock")]
    RequestTimeOutside {
        /// RequestTime minus our clock, in seconds.
        skew: i64,
    },
    /// Neither the URL nor the body names the command.
    #[error("the URL needs the query parameter CallbackCommand")]
    CommandMissing,
    /// The command is no command.
    #[error(
        "CallbackCommand must be 1 to 128 letters, digits, hyphens and underscores, in non-empty parts joined by dots"
    )]
    CommandInvalid,
    /// The body's command is not the URL's.
    #[error("CallbackCommand in the body must be the one in the URL")]
    CommandDisagrees,
    /// The body has the command twice.
    #[error("send CallbackCommand once in the body")]
    CommandRepeated,
    /// The body's command is not a string.
    #[error("CallbackCommand in the body must be a string")]
    CommandNotString,
    /// The body is not UTF-8.
    #[error("the body must be UTF-8")]
    NotUtf8,
    /// The body is not JSON.
    #[error("the body must be JSON")]
    NotJson,
    /// The body is JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// The body nests deeper than [`MAX_JSON_DEPTH`].
    #[error("the body must not nest deeper than 128 levels")]
    TooDeep,
}

/// The apps whose callbacks are accepted, and how they are verified.
#[derive(Debug, Clone, Default)]
pub struct Apps {
    /// Their SDKAppIDs.
    pub ids: BTreeSet<u32>,
    /// Their tokens. Callbacks of an app without one are taken unsigned.
    pub tokens: Tokens,
    /// How far RequestTime may be from our clock, both ways.
    pub window: Duration,
}

impl Apps {
    fn find(&self, text: &str) -> Option<u32> {
        app_id(text).filter(|id| self.ids.contains(id))
    }
}

/// An SDKAppID in decimal digits.
fn app_id(text: &str) -> Option<u32> {
    // `parse` alone would take a leading plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// What the URL of a refused callback says of it, for operators: nothing is checked but the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// SDKAppID, whether or not it is served; 0 if there is none or it is no number.
    pub sdk_app_id: u32,
    /// Command; `None` if there is none, or it cannot be one.
    pub command: Option<String>,
}

impl Claims {
    /// Reads the URL's query. A parameter that stands there twice says nothing.
    pub fn from_query(query: &str) -> Self {
        let once = |names: [&str; 2]| {
            let parameters = form_urlencoded::parse(query.as_bytes());
            let mut values = parameters.filter(|(name, _)| names.contains(&name.as_ref()));
            values.next().filter(|_| values.next().is_none()).map(|(_, value)| value)
        };
        let app_id = once(["SdkAppid", "SdkAppId"]);
        let command = once(["CallbackCommand", "WebhookCommand"]);
        Self {
            sdk_app_id: app_id.and_then(|text| self::app_id(&text)).unwrap_or(0),
            command: command.filter(|text| is_command(text)).map(Cow::into_owned),
        }
    }
}

/// A callback that is ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The record of its event.
    pub record: StoredRecord,
    /// What became of its body.
    pub status: DecodeStatus,
    /// Whether the event names one that it may be the duplicate of.
    pub is_repeated: bool,
}

/// What a callback's URL says, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope {
    sdk_app_id: u32,
    command: Option<String>,
    client_ip: String,
    opt_platform: String,
    /// Empty if there is none.
    traceparent: String,
    /// Present if the app has a token, and then the callback was signed.
    verified: Option<Verified>,
}

impl Envelope {
    /// Reads the URL's query and checks who sent it. `now` is in Unix seconds.
    ///
    /// Sibling products of the vendor spell two of the parameters otherwise.
    pub fn from_query(query: &str, apps: &Apps, now: u64) -> Result<Self, Refusal> {
        let [mut app_id, mut command, mut client_ip, mut opt_platform] = [None, None, None, None];
        let (mut sign, mut request_time) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (parameter, name) = match name.as_ref() {
                "SdkAppid" | "SdkAppId" => (&mut app_id, "SdkAppid"),
                "CallbackCommand" | "WebhookCommand" => (&mut command, "CallbackCommand"),
                "ClientIP" => (&mut client_ip, "ClientIP"),
                "OptPlatform" => (&mut opt_platform, "OptPlatform"),
                "Sign" => (&mut sign, "Sign"),
                "RequestTime" => (&mut request_time, "RequestTime"),
                _ => continue,
            };
            if parameter.replace(value).is_some() {
                return Err(Refusal::ParameterRepeated(name));
            }
        }
        let text = |parameter: Option<Cow<'_, str>>| parameter.map(Cow::into_owned);
        let app_id = app_id.ok_or(Refusal::AppIdMissing)?;
        let sdk_app_id = apps.find(&app_id).ok_or(Refusal::AppIdUnknown)?;
        let verified = match apps.tokens.of(sdk_app_id) {
            [] => None,
            tokens => {
                let (sign, time) = (sign.as_deref(), request_time.as_deref());
                Some(signature::verify(tokens, sign, time, now, apps.window)?)
            }
        };
        if command.as_deref().is_some_and(|command| !is_command(command)) {
            return Err(Refusal::CommandInvalid);
        }
        Ok(Self {
            sdk_app_id,
            command: text(command),
            client_ip: text(client_ip).unwrap_or_default(),
            opt_platform: text(opt_platform).unwrap_or_default(),
            traceparent: String::new(),
            verified,
        })
    }

    /// The app's SDKAppID: one that is served.
    pub fn sdk_app_id(&self) -> u32 {
        self.sdk_app_id
    }

    /// Which of its app's tokens the callback was signed with, from 0, in the order
    /// in which they were given: shows whether an old one is still in use. `None` if
    /// the app has none.
    pub fn token(&self) -> Option<u32> {
        self.verified.map(|verified| verified.token)
    }

    /// Sets the `traceparent` that the event carries.
    pub fn set_traceparent(&mut self, traceparent: String) {
        self.traceparent = traceparent;
    }

    /// Reads the body and encodes the record.
    ///
    /// A body that is a JSON object is never refused for its content: what does
    /// not fit a message is kept raw.
    pub fn into_record(self, body: &[u8], duplicates: &Duplicates) -> Result<Decoded, Refusal> {
        let raw_body = std::str::from_utf8(body).map_err(|_| Refusal::NotUtf8)?;
        // Takes all that the grammar allows, such as 1e999 and lone surrogates, at any depth.
        serde_json::from_str::<IgnoredAny>(raw_body).map_err(|_| Refusal::NotJson)?;
        let facts = facts::scan(raw_body)?;
        let command = self.command(&facts)?;

        let duplicate_of = duplicates.first(self.sdk_app_id, &command, body, Timestamp::now());
        let kind = proto::callback_kind(&command);
        let is_known = proto::is_known(&command);
        let mut event = proto::Event {
            sdk_app_id: self.sdk_app_id,
            client_ip: self.client_ip,
            opt_platform: self.opt_platform,
            traceparent: self.traceparent,
            request_time: self
                .verified
                .and_then(|verified| i64::try_from(verified.request_time).ok())
                .map(|seconds| crate::proto::well_known::Timestamp { seconds, nanos: 0 }),
            event_time: facts.event_time.and_then(|json| event_time(&command, json)),
            kind: kind.into(),
            possible_duplicate_of: duplicate_of.map_or(0, |sequence| sequence.0),
            ..Default::default()
        };
        let is_large = facts.depth > MAX_TYPED_JSON_DEPTH || facts.values > MAX_TYPED_JSON_VALUES;
        let status = if is_large && is_known {
            DecodeStatus::TooLarge
        } else {
            match payload::decode(&command, raw_body, facts.needs_leniency) {
                None => DecodeStatus::UnknownCommand,
                Some(Err(error)) => {
                    // Where, not what: the error's text quotes the body.
                    let (line, column) = (error.line(), error.column());
                    tracing::debug!(command, line, column, "a body does not fit its message");
                    DecodeStatus::Mismatch
                }
                Some(Ok(payload)) => {
                    event.payload = Some(payload);
                    DecodeStatus::Typed
                }
            }
        };
        event.command = command;
        event.set_decode_status(status);
        let response_bytes = event.encoded_len() + raw_body.len() + RESPONSE_OVERHEAD_BYTES;
        if event.payload.is_some() && response_bytes > MAX_TYPED_RESPONSE_BYTES {
            event.payload = None;
            event.set_decode_status(DecodeStatus::TooLarge);
        }
        let status = event.decode_status();
        let record = RecordParts {
            command: &event.command,
            sdk_app_id: event.sdk_app_id,
            kind: kind as u8,
            typed: event.payload.is_some(),
            accounts: &facts.accounts,
            group_ids: &facts.group_ids,
            event: &event.encode_to_vec(),
            raw_body,
        }
        .encode();
        Ok(Decoded { record, status, is_repeated: duplicate_of.is_some() })
    }

    fn command(&self, facts: &Facts<'_>) -> Result<String, Refusal> {
        let from_body = match &facts.command {
            CommandMember::Absent => None,
            CommandMember::Text(command) => Some(command.as_ref()),
            CommandMember::NotString => return Err(Refusal::CommandNotString),
            CommandMember::Repeated => return Err(Refusal::CommandRepeated),
        };
        match (self.command.as_deref(), from_body) {
            (None, None) => Err(Refusal::CommandMissing),
            (None, Some(command)) if !is_command(command) => Err(Refusal::CommandInvalid),
            (Some(url), Some(body)) if url != body => Err(Refusal::CommandDisagrees),
            (Some(command), _) | (None, Some(command)) => Ok(command.to_owned()),
        }
    }
}

/// `EventTime`, as the JSON text of a number or a string of digits.
fn event_time(command: &str, json: &str) -> Option<crate::proto::well_known::Timestamp> {
    let digits = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = if proto::event_time_in_seconds(command) { 1000 } else { 1 };
    let millis = digits.parse::<i64>().ok()?.checked_mul(unit)?;
    (millis <= MAX_EVENT_TIME_MILLIS).then(|| crate::proto::well_known::Timestamp {
        seconds: millis / 1000,
        nanos: (millis % 1000) as i32 * 1_000_000,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        event::{Epoch, Record, Sequence},
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
        let record = Record::new(Epoch(0), Sequence(1), Timestamp(0), record);
        let (front, rest) = record.event(true);
        proto::Event::decode(&*[front, rest].concat()).unwrap()
    }

    fn decode(command: &str, body: &str) -> proto::Event {
        let query = format!("SdkAppid=7&CallbackCommand={command}");
        read(envelope(&query).unwrap().into_record(body.as_bytes(), &no_duplicates()).unwrap().record)
    }

    #[test]
    fn a_query_is_read_whole() {
        let envelope = envelope(QUERY).unwrap();
        assert_eq!(envelope.sdk_app_id, 1_400_000_000);
        assert_eq!(envelope.command.as_deref(), Some("Sns.CallbackFriendAdd"));
        assert_eq!(envelope.client_ip, "127.0.0.1");
        assert_eq!(envelope.opt_platform, "iOS");
    }

    #[test]
    fn wrong_queries_are_refused() {
        use Refusal::*;
        let long = format!("SdkAppid=7&CallbackCommand={}", "x".repeat(129));
        for (query, refusal) in [
            ("", AppIdMissing),
            ("SdkAppid=", AppIdUnknown),
            ("SdkAppid=8", AppIdUnknown),
            ("SdkAppid=%2B7", AppIdUnknown),
            ("SdkAppid=+7", AppIdUnknown),
            ("SdkAppid=7x", AppIdUnknown),
            ("SdkAppid=99999999999999999999", AppIdUnknown),
            ("SdkAppid=7&SdkAppid=7", ParameterRepeated("SdkAppid")),
            ("SdkAppid=7&CallbackCommand=A.B&CallbackCommand=A.B", ParameterRepeated("CallbackCommand")),
            ("SdkAppid=7&ClientIP=1&ClientIP=1", ParameterRepeated("ClientIP")),
            ("SdkAppid=7&CallbackCommand=", CommandInvalid),
            ("SdkAppid=7&CallbackCommand=A..B", CommandInvalid),
            ("SdkAppid=7&CallbackCommand=.A", CommandInvalid),
            ("SdkAppid=7&CallbackCommand=A%20B", CommandInvalid),
            ("SdkAppid=7&CallbackCommand=A%0AB", CommandInvalid),
            ("SdkAppid=7&CallbackCommand=%C3%BC", CommandInvalid),
            (&long, CommandInvalid),
        ] {
            assert_eq!(envelope(query), Err(refusal), "{query}");
        }
        assert!(envelope(&long[..long.len() - 1]).is_ok());
        assert!(envelope("SdkAppid=%37&CallbackCommand=A%2EB&Unknown=1&Unknown=2").is_ok());
    }

    #[test]
    fn the_siblings_spellings_are_taken_too() {
        let envelope = envelope("SdkAppId=7&WebhookCommand=LiveGo.X").unwrap();
        assert_eq!((envelope.sdk_app_id, envelope.command.as_deref()), (7, Some("LiveGo.X")));
        let twice = super::Envelope::from_query("SdkAppid=7&SdkAppId=7", &apps(), 0);
        assert_eq!(twice, Err(Refusal::ParameterRepeated("SdkAppid")));
    }

    #[test]
    fn a_refused_urls_claims_are_read_as_far_as_they_have_a_form() {
        let claims = |query| {
            let Claims { sdk_app_id, command } = Claims::from_query(query);
            (sdk_app_id, command.unwrap_or_default())
        };
        assert_eq!(claims("SdkAppId=8&WebhookCommand=A.B&Sign=x"), (8, "A.B".to_owned()));
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
    fn the_traceparent_is_found_in_the_record_whatever_else_there_is() {
        for (command, body) in
            [("A.B", "{}"), ("Sns.CallbackFriendAdd", r#"{"ClientCmd":"x","EventTime":5}"#)]
        {
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
    fn an_app_with_a_token_needs_a_signature_before_anything_else_is_looked_at() {
        let tokens = Tokens::parse("7 old\n7 secret").unwrap();
        let sign = tokens.of(7)[1].sign("1000");
        let apps = Apps { tokens, window: Duration::from_secs(60), ..apps() };
        let read = |query: &str| Envelope::from_query(query, &apps, 1000);
        assert_eq!(read("SdkAppid=7&CallbackCommand=A..B"), Err(Refusal::SignMissing));
        assert_eq!(read("SdkAppid=7&Sign=x&RequestTime=1000"), Err(Refusal::SignWrong));
        assert_eq!(read("SdkAppid=7&Sign=x&Sign=x"), Err(Refusal::ParameterRepeated("Sign")));
        let signed = format!("SdkAppid=7&CallbackCommand=A.B&Sign={sign}&RequestTime=1000");
        let verified = Some(Verified { request_time: 1000, token: 1 });
        assert_eq!(read(&signed).unwrap().verified, verified);
        assert_eq!(read(&signed).unwrap().token(), Some(1), "the second");
        let encoded = signed.replace("=1000", "=%31000");
        assert_eq!(read(&encoded).unwrap().verified, verified);
        assert_eq!(read("SdkAppid=1400000000").unwrap().verified, None, "the other app has none");
    }

    #[test]
    fn wrong_bodies_are_refused() {
        use Refusal::*;
        let nested =
            |depth: usize| format!("{}{}", "{\"a\":".repeat(depth - 1) + "{}", "}".repeat(depth - 1));
        let (deepest, too_deep) = (nested(128), nested(129));
        let hostile = "[".repeat(1 << 20);
        let bodies: &[(&[u8], Refusal)] = &[
            (b"\xff", NotUtf8),
            (b"", NotJson),
            (b"{", NotJson),
            (b"{} x", NotJson),
            (b"{\"a\":NaN}", NotJson),
            (b"\xef\xbb\xbf{}", NotJson),
            (b"[]", NotAnObject),
            (b"\"CallbackCommand\"", NotAnObject),
            (b" 1", NotAnObject),
            (hostile.as_bytes(), NotJson),
            (too_deep.as_bytes(), TooDeep),
            (br#"{"CallbackCommand":1}"#, CommandNotString),
            (br#"{"CallbackCommand":[null]}"#, CommandNotString),
            (br#"{"CallbackCommand":"A.B","CallbackCommand":"A.B"}"#, CommandRepeated),
            (br#"{"CallbackCommand":"A.B","Callback\u0043ommand":"A.B"}"#, CommandRepeated),
            (br#"{"CallbackCommand":"A.C"}"#, CommandDisagrees),
        ];
        for (body, refusal) in bodies {
            let envelope = envelope("SdkAppid=7&CallbackCommand=A.B").unwrap();
            let text = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert_eq!(envelope.into_record(body, &no_duplicates()), Err(*refusal), "{text}");
        }
        assert_eq!(decode("A.B", &deepest).raw_body, deepest);
        let without = || envelope("SdkAppid=7").unwrap();
        assert_eq!(without().into_record(b"{}", &no_duplicates()), Err(CommandMissing));
        let null = br#"{"CallbackCommand":null}"#;
        assert_eq!(
            without().into_record(null, &no_duplicates()),
            Err(CommandMissing),
            "as if it were absent"
        );
        assert_eq!(
            without().into_record(br#"{"CallbackCommand":"a b"}"#, &no_duplicates()),
            Err(CommandInvalid)
        );
        assert_eq!(
            read(without().into_record(br#"{"CallbackCommand":"A.B"}"#, &no_duplicates()).unwrap().record)
                .command,
            "A.B"
        );
    }

    #[test]
    fn a_command_that_is_null_is_absent() {
        for body in [r#"{"CallbackCommand":null}"#, r#"{"CallbackCommand":null,"CallbackCommand":"A.B"}"#] {
            let event = decode("A.B", body);
            assert_eq!((event.command.as_str(), event.raw_body.as_str()), ("A.B", body));
        }
        let event = decode("A.B", r#"{"EventTime":1000,"EventTime":null}"#);
        assert_eq!(event.event_time.map(|time| time.seconds), Some(1));
    }

    #[test]
    fn what_lands_in_no_field_is_kept_raw() {
        let body = r#"{"CallbackCommand":"Follow.CallbackAfterFollowAdd","EventTime":1000,"List":[{"To_Account":"b"}]}"#;
        let event = decode("Follow.CallbackAfterFollowAdd", body);
        assert_eq!(event.decode_status(), DecodeStatus::Mismatch);
        assert_eq!((event.payload, event.raw_body.as_str()), (None, body));
        assert!(event.event_time.is_some());
        let record = envelope("SdkAppid=7&CallbackCommand=Follow.CallbackAfterFollowAdd").unwrap();
        let record = record.into_record(body.as_bytes(), &no_duplicates()).unwrap().record;
        assert!(!record.typed(), "so its raw body is never cut off");
    }

    #[test]
    fn oddities_that_are_json_are_accepted_raw() {
        for body in [
            r#"{"ForceFlag":1e999}"#.to_owned(),
            format!("{{\"ForceFlag\":{}}}", "9".repeat(400)),
            r#"{"ForceFlag":1,"ForceFlag":2}"#.to_owned(),
            r#"{"ClientCmd":"\ud800"}"#.to_owned(),
            r#"{"\udfff":1,"PairList":{}}"#.to_owned(),
        ] {
            let event = decode("Sns.CallbackFriendAdd", &body);
            assert_eq!(event.decode_status(), DecodeStatus::Mismatch, "{body}");
            assert_eq!(event.payload, None);
            assert_eq!(event.raw_body, body);
        }
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
    fn event_times_are_read_as_number_or_digits() {
        for (json, seconds) in [
            ("1670574414123", Some(1_670_574_414)),
            ("\"1670574414123\"", Some(1_670_574_414)),
            ("253402300799999", Some(253_402_300_799)),
            ("253402300800000", None),
            ("\"\"", None),
            ("\"-1\"", None),
            ("\"+1\"", None),
            ("-1", None),
            ("1.5", None),
            ("1e3", None),
            ("null", None),
            ("[1]", None),
            ("99999999999999999999", None),
        ] {
            let event = decode("A.B", &format!("{{\"x\":{{\"EventTime\":5}},\"EventTime\":{json}}}"));
            assert_eq!(event.event_time.map(|time| time.seconds), seconds, "{json}");
        }
        let push = decode("Push.OfflinePush", r#"{"EventTime":1670574414}"#);
        assert_eq!(push.event_time.map(|time| time.seconds), Some(1_670_574_414), "these send seconds");
        let push = decode("Push.Later", r#"{"EventTime":1670574414}"#);
        assert_eq!(push.event_time.map(|time| time.seconds), Some(1_670_574_414), "as its family does");
        let other = decode("PushX.Later", r#"{"EventTime":1670574414}"#);
        assert_eq!(other.event_time.map(|time| time.seconds), Some(1_670_574));
    }

    #[test]
    fn what_would_break_standard_clients_is_left_raw() {
        let deep = |depth: usize| {
            format!("{{\"x\":{}{},\"ClientCmd\":\"c\"}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
        };
        let event = decode("Sns.CallbackFriendAdd", &deep(MAX_TYPED_JSON_DEPTH));
        assert_eq!(event.decode_status(), DecodeStatus::Typed);
        let event = decode("Sns.CallbackFriendAdd", &deep(MAX_TYPED_JSON_DEPTH + 1));
        assert_eq!(event.decode_status(), DecodeStatus::TooLarge);
        assert_eq!(event.payload, None);
        let event = decode("Unknown.Command", &deep(MAX_TYPED_JSON_DEPTH + 1));
        assert_eq!(event.decode_status(), DecodeStatus::UnknownCommand);

        let many = |count: usize| format!("{{\"x\":[{}1],\"ForceFlag\":1}}", "1,".repeat(count));
        let event = decode("Sns.CallbackFriendAdd", &many(MAX_TYPED_JSON_VALUES - 4));
        assert_eq!(event.decode_status(), DecodeStatus::Typed);
        let event = decode("Sns.CallbackFriendAdd", &many(MAX_TYPED_JSON_VALUES));
        assert_eq!(event.decode_status(), DecodeStatus::TooLarge);

        // Typed as large as raw: 2 MiB of body would make a response of 4 MiB.
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
        let body = r#"{"GroupId":"g1","x":[{"GroupID":"g2","From_Account":"a","Deep":{"Account":["b",1,["c"]]}}],
            "To\u005fAccount":"d\u0065","Accounts":"no","y":["no",{"From_Account":"a"}],"Admin_Account":""}"#;
        let record = envelope("SdkAppid=7&CallbackCommand=A.B")
            .unwrap()
            .into_record(body.as_bytes(), &no_duplicates())
            .unwrap()
            .record;
        assert_eq!((record.command(), record.sdk_app_id(), record.typed()), ("A.B", 7, false));
        assert_eq!(record.accounts().collect::<Vec<_>>(), ["a", "b", "c", "de"]);
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
            if let Ok(envelope) = envelope(QUERY) { drop(envelope.into_record(&body, &no_duplicates())); }
            drop(envelope(&query));
        }
    }
}
