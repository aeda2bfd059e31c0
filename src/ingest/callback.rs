//! Checks a callback's URL and body, and encodes the record that is stored.
//!
//! The gateway never refuses a callback with a correct URL for its body. It stores a body that it cannot decode
//! unchanged, with a [`DecodeStatus`] that says why.

mod decimal;
pub mod duplicates;
mod fit;
mod order;
mod payload;
mod scan;
pub mod signature;
mod tree;

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use prost::Message as _;

use self::{
    decimal::Decimal,
    duplicates::Duplicates,
    payload::Payload,
    scan::{CommandMember, EventTimeMember, ScannedBody, Shape},
    signature::{Tokens, Verified},
};
use crate::{
    event::{
        MAX_COMMAND_BYTES, NameSet, RecordParts, StoredRecord, is_command,
        json::{self, BytePosition, Unreadable},
    },
    proto::{self, DecodeStatus},
};

/// Maximum nesting of objects and arrays in a decoded body. Twice the nesting of a combined message with 100 levels,
/// the vendor's limit, at about 5 objects and arrays per level. Deeper bodies are stored without a payload.
pub const MAX_JSON_DEPTH: usize = 1024;
/// Maximum nesting in a payload. Standard protobuf libraries reject
/// messages nested 100 deep, and one JSON object in a `google.protobuf.Value`
/// takes three levels. The encoder leaves out deeper values.
pub const MAX_TYPED_JSON_DEPTH: usize = 24;
/// Maximum number of values in a body that is typed. Each takes dozens of bytes while it is decoded, whatever
/// its size in JSON.
pub const MAX_TYPED_JSON_VALUES: usize = 100_000;
/// Maximum size of a response, body included, whose payload is typed: well below the 4 MiB that gRPC clients
/// accept by default.
pub const MAX_TYPED_RESPONSE_BYTES: usize = 3 * 1024 * 1024;
/// Room in a response for the fields in front of an event.
const RESPONSE_OVERHEAD_BYTES: usize = 256;

/// Reason why a callback is refused. Its text is sent in the response: a short sentence with the remedy and
/// without any content of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The URL has a query parameter that the gateway reads more than once.
    #[error("send the query parameter {0} once")]
    ParameterRepeated(&'static str),
    /// No SDKAppID in the URL.
    #[error("the URL needs the query parameter SdkAppid")]
    AppIdMissing,
    /// The SDKAppID is not configured, or (with a position) is not a decimal number.
    #[error("this gateway does not serve this SdkAppid; check --sdk-app-id")]
    AppIdUnknown(Option<BytePosition>),
    /// The URL has no signature, although the app has a token.
    #[error("the URL needs the query parameter Sign; turn on authentication in the console")]
    SignMissing,
    /// The signature matches no token of the app, or (with a position) is not 64 hexadecimal digits.
    #[error("Sign is wrong; check that the console and the gateway have the same token")]
    SignWrong(Option<BytePosition>),
    /// The URL has a signature but no RequestTime.
    #[error("the URL needs the query parameter RequestTime; turn on authentication in the console")]
    RequestTimeMissing,
    /// RequestTime is not in decimal digits.
    #[error("RequestTime must be Unix seconds in decimal digits")]
    RequestTimeMalformed(BytePosition),
    /// RequestTime is too far in the past or the future.
    #[error("RequestTime is too old or too new; check the gateway's clock")]
    RequestTimeOutside {
        /// RequestTime minus the gateway's clock, in seconds.
        skew: i64,
    },
    /// The URL does not name the command, and the body names none.
    #[error("the URL needs the query parameter CallbackCommand")]
    CommandMissing(CommandSource),
    /// The command is malformed.
    #[error(
        "CallbackCommand must be 1 to 128 letters, digits, hyphens and underscores, in non-empty parts joined by dots"
    )]
    CommandInvalid(Part, BytePosition),
}

/// Reason why the command cannot be taken from a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandSource {
    /// It has no `CallbackCommand`, or is not an object.
    Absent,
    /// It has `CallbackCommand` more than once.
    Repeated,
    /// Its `CallbackCommand` is not a string.
    NotString,
    /// It is not readable as JSON.
    Unreadable(Unreadable),
}

/// A part of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Part {
    /// The URL's query.
    #[error("URL")]
    Url,
    /// The body.
    #[error("body")]
    Body,
}

impl Refusal {
    /// Returns the position of the fault and the kind of byte there, without quoting content. Empty if the refusal's
    /// text is sufficient.
    pub fn detail(&self) -> String {
        let at = |what: &str, position: &BytePosition| {
            format!("{what}: {} at byte {}", position.byte, position.offset)
        };
        match self {
            Self::AppIdUnknown(Some(position)) => at("SdkAppid", position),
            Self::SignWrong(Some(position)) => at("Sign", position),
            Self::RequestTimeMalformed(position) => at("RequestTime", position),
            Self::CommandInvalid(part, position) => at(&format!("CallbackCommand in the {part}"), position),
            Self::CommandMissing(source) => match source {
                CommandSource::Absent => "body: no CallbackCommand, or not an object".to_owned(),
                CommandSource::Repeated => "body: CallbackCommand more than once".to_owned(),
                CommandSource::NotString => "body: CallbackCommand is not a string".to_owned(),
                CommandSource::Unreadable(Unreadable::Empty) => "body: empty".to_owned(),
                CommandSource::Unreadable(Unreadable::NotUtf8(position)) => at("body is not UTF-8", position),
                CommandSource::Unreadable(Unreadable::NotJson(position)) => at("body is not JSON", position),
            },
            Self::ParameterRepeated(name) => format!("URL: {name} more than once"),
            Self::AppIdMissing
            | Self::AppIdUnknown(None)
            | Self::SignMissing
            | Self::SignWrong(None)
            | Self::RequestTimeMissing
            | Self::RequestTimeOutside { .. } => String::new(),
        }
    }
}

/// Apps whose callbacks are accepted, and how they are verified.
#[derive(Debug, Clone, Default)]
pub struct Apps {
    /// SDKAppIDs.
    pub ids: BTreeSet<u32>,
    /// Tokens. Callbacks of an app without one need no signature.
    pub tokens: Tokens,
    /// Maximum difference between RequestTime and the gateway's clock.
    pub window: Duration,
}

impl Apps {
    fn find(&self, text: &str) -> Result<u32, Refusal> {
        // Digits that overflow a u32 are an unknown app, not a malformed number.
        if let Some(position) = not_a_digit(text) {
            return Err(Refusal::AppIdUnknown(Some(position)));
        }
        app_id(text).filter(|id| self.ids.contains(id)).ok_or(Refusal::AppIdUnknown(None))
    }
}

/// Parses an SDKAppID in decimal digits.
fn app_id(text: &str) -> Option<u32> {
    // `parse` alone would accept a plus sign.
    text.parse().ok().filter(|_| not_a_digit(text).is_none())
}

/// Returns the position of the first byte that is not a decimal digit, or position 0 of an empty text.
fn not_a_digit(text: &str) -> Option<BytePosition> {
    let at = text.bytes().position(|byte| !byte.is_ascii_digit());
    at.or(text.is_empty().then_some(0)).map(|at| BytePosition::of(text.as_bytes(), at))
}

/// Returns whether a query parameter is the SDKAppID, in any letter case: the vendor's pages and related products
/// differ.
fn is_app_id(name: &str) -> bool {
    name.eq_ignore_ascii_case("SdkAppid")
}

/// Returns whether a query parameter is the command. Related products of the vendor call it `WebhookCommand`.
fn is_command_name(name: &str) -> bool {
    matches!(name, "CallbackCommand" | "WebhookCommand")
}

/// Unverified content of a refused callback's URL, for operators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// SDKAppID, served or not. 0 if it is absent or not a number.
    pub sdk_app_id: u32,
    /// Command. `None` if it is absent or invalid.
    pub command: Option<String>,
}

impl Claims {
    /// Reads the URL's query. A repeated parameter counts as absent.
    pub fn from_query(query: &str) -> Self {
        let once = |is_wanted: fn(&str) -> bool| {
            let parameters = form_urlencoded::parse(query.as_bytes());
            let mut values = parameters.filter(|(name, _)| is_wanted(name));
            values.next().filter(|_| values.next().is_none()).map(|(_, value)| value)
        };
        let app_id = once(is_app_id);
        let command = once(is_command_name);
        Self {
            sdk_app_id: app_id.and_then(|text| self::app_id(&text)).unwrap_or(0),
            command: command.filter(|text| is_command(text)).map(Cow::into_owned),
        }
    }
}

/// A callback that is ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Record of the event.
    pub record: StoredRecord,
    /// Decode status of the body.
    pub status: DecodeStatus,
    /// True if the event names an earlier one that it may duplicate.
    pub is_repeated: bool,
}

/// Content of a callback's URL, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope {
    sdk_app_id: u32,
    command: Option<String>,
    client_ip: String,
    opt_platform: String,
    /// Empty if there is none.
    traceparent: String,
    /// Signature, present if the app has a token.
    verified: Option<Verified>,
}

impl Envelope {
    /// Parses the URL's query and verifies the signature. `now` is in Unix seconds.
    pub fn from_query(query: &str, apps: &Apps, now: u64) -> Result<Self, Refusal> {
        let [mut app_id, mut command, mut client_ip, mut opt_platform] = [None, None, None, None];
        let (mut sign, mut request_time) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (parameter, name) = match name.as_ref() {
                name if is_app_id(name) => (&mut app_id, "SdkAppid"),
                name if is_command_name(name) => (&mut command, "CallbackCommand"),
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
        let sdk_app_id = apps.find(&app_id)?;
        let verified = match apps.tokens.of(sdk_app_id) {
            [] => None,
            tokens => {
                let (sign, time) = (sign.as_deref(), request_time.as_deref());
                Some(signature::verify(tokens, sign, time, now, apps.window)?)
            }
        };
        if let Some(position) = command.as_deref().and_then(not_a_command) {
            return Err(Refusal::CommandInvalid(Part::Url, position));
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

    /// Returns the SDKAppID, of an app that is served.
    pub fn sdk_app_id(&self) -> u32 {
        self.sdk_app_id
    }

    /// Returns the index of the app's token that signed the callback, from 0 in the configured order: shows
    /// whether an old token is still in use. `None` if the app has no token.
    pub fn token(&self) -> Option<u32> {
        self.verified.map(|verified| verified.token)
    }

    /// Sets the `traceparent` of the event.
    pub fn set_traceparent(&mut self, traceparent: String) {
        self.traceparent = traceparent;
    }

    /// Reads the body and encodes the record. Refuses only a callback whose command neither the URL nor the body names.
    pub fn into_record(self, body: &[u8], duplicates: &Duplicates) -> Result<Decoded, Refusal> {
        let read = json::read(body);
        let scanned = match &read {
            Ok(json) => Ok(scan::scan(&json.text, json.is_lossy)),
            Err(unreadable) => Err(*unreadable),
        };
        let (command, fault) = self.command(&scanned)?;
        let is_repaired = read.as_ref().is_ok_and(|json| json.is_repaired);
        let scanned = match scanned {
            Ok(scanned) => scanned,
            // An empty body has no accounts or groups.
            Err(Unreadable::Empty) => ScannedBody::default(),
            Err(Unreadable::NotUtf8(_) | Unreadable::NotJson(_)) => ScannedBody {
                accounts: NameSet::unreadable(),
                group_ids: NameSet::unreadable(),
                ..ScannedBody::default()
            },
        };
        let event_time = event_time(scanned.event_time);
        let Typed { status, payload, undecoded_paths } = match fault {
            Some(status) => Typed::not(status),
            None => Typed::of(&command, &scanned, event_time.is_ok(), is_repaired),
        };

        let duplicate_of = duplicates.first(self.sdk_app_id, &command, body, duplicates.now());
        let order_key = order::order_key(&command, read.as_ref().ok(), &scanned);
        let kind = proto::callback_kind(&command);
        let mut event = proto::Event {
            sdk_app_id: self.sdk_app_id,
            command,
            client_ip: self.client_ip,
            opt_platform: self.opt_platform,
            traceparent: self.traceparent,
            request_time: self
                .verified
                .and_then(|verified| i64::try_from(verified.request_time).ok())
                .map(|seconds| proto::well_known::Timestamp { seconds, nanos: 0 }),
            event_time: event_time.unwrap_or_default(),
            decode_status: status.into(),
            kind: kind.into(),
            possible_duplicate_of: duplicate_of.map_or(0, |sequence| sequence.0),
            undecoded_paths,
            ..Default::default()
        };
        let mut encoded = event.encode_to_vec();
        let response_bytes = encoded.len() + payload.len() + body.len() + RESPONSE_OVERHEAD_BYTES;
        if !payload.is_empty() && response_bytes > MAX_TYPED_RESPONSE_BYTES {
            event.set_decode_status(DecodeStatus::TooLarge);
            event.undecoded_paths.clear();
            encoded = event.encode_to_vec();
        } else {
            // The payload's field number is higher than all others, so appending keeps the canonical order.
            encoded.extend_from_slice(&payload);
        }
        let status = event.decode_status();
        let record = RecordParts {
            command: &event.command,
            sdk_app_id: event.sdk_app_id,
            kind: kind as u8,
            status,
            accounts: &scanned.accounts,
            group_ids: &scanned.group_ids,
            order_hash: order_key.hash(event.sdk_app_id),
            event: &encoded,
            raw_body: body,
        }
        .encode();
        Ok(Decoded { record, status, is_repeated: duplicate_of.is_some() })
    }

    /// Returns the command, and the status of a body that must not be decoded.
    fn command(
        &self,
        scanned: &Result<ScannedBody<'_>, Unreadable>,
    ) -> Result<(String, Option<DecodeStatus>), Refusal> {
        let (from_body, fault) = match scanned {
            Err(unreadable) => {
                let status = match unreadable {
                    Unreadable::Empty => DecodeStatus::Empty,
                    Unreadable::NotUtf8(_) => DecodeStatus::NotUtf8,
                    Unreadable::NotJson(_) => DecodeStatus::NotJson,
                };
                (Err(CommandSource::Unreadable(*unreadable)), Some(status))
            }
            Ok(ScannedBody { shape: Shape::NotAnObject, .. }) => {
                (Err(CommandSource::Absent), Some(DecodeStatus::NotAnObject))
            }
            Ok(scanned) => match &scanned.command {
                CommandMember::Absent => (Err(CommandSource::Absent), None),
                CommandMember::NotString => {
                    (Err(CommandSource::NotString), Some(DecodeStatus::CommandNotString))
                }
                CommandMember::Repeated => {
                    (Err(CommandSource::Repeated), Some(DecodeStatus::CommandRepeated))
                }
                CommandMember::Text(command) => (Ok(command.as_ref()), None),
            },
        };
        match (self.command.as_deref(), from_body) {
            (Some(url), Ok(body)) if url != body => {
                Ok((url.to_owned(), Some(DecodeStatus::CommandDisagrees)))
            }
            (Some(url), _) => Ok((url.to_owned(), fault)),
            (None, Err(source)) => Err(Refusal::CommandMissing(source)),
            (None, Ok(body)) => match not_a_command(body) {
                Some(position) => Err(Refusal::CommandInvalid(Part::Body, position)),
                None => Ok((body.to_owned(), None)),
            },
        }
    }
}

/// Result of decoding a body.
#[derive(Debug)]
struct Typed {
    status: DecodeStatus,
    /// The field of `Event`, encoded; empty if there is no payload.
    payload: Vec<u8>,
    undecoded_paths: Vec<String>,
}

impl Typed {
    fn not(status: DecodeStatus) -> Self {
        Self { status, payload: Vec::new(), undecoded_paths: Vec::new() }
    }

    /// Decodes the body of a command.
    fn of(command: &str, scanned: &ScannedBody<'_>, event_time_fits: bool, is_repaired: bool) -> Self {
        let Some((field, message)) = proto::payload_shape(command) else {
            return Self::not(DecodeStatus::UnknownCommand);
        };
        let body = match &scanned.shape {
            Shape::NotAnObject => return Self::not(DecodeStatus::NotAnObject),
            Shape::TooDeep => return Self::not(DecodeStatus::TooDeep),
            Shape::TooManyValues => return Self::not(DecodeStatus::TooLarge),
            Shape::Object(body) => body,
        };
        let Payload { encoded, undecoded_paths } = payload::encode(field, message, body, event_time_fits);
        let status = match &encoded {
            None => DecodeStatus::Mismatch,
            Some(_) if !undecoded_paths.is_empty() => DecodeStatus::Partial,
            Some(_) if is_repaired => DecodeStatus::Repaired,
            Some(_) => DecodeStatus::Typed,
        };
        Self { status, payload: encoded.unwrap_or_default(), undecoded_paths }
    }
}

/// Returns the position of the first byte that makes a text an invalid command.
fn not_a_command(text: &str) -> Option<BytePosition> {
    if is_command(text) {
        return None;
    }
    let bytes = text.as_bytes();
    let mut part_is_empty = true;
    let wrong = bytes.iter().position(|byte| match byte {
        b'.' => std::mem::replace(&mut part_is_empty, true),
        byte => {
            part_is_empty = false;
            !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        }
    });
    // An empty last part, or too many characters.
    Some(BytePosition::of(bytes, wrong.unwrap_or(bytes.len().min(MAX_COMMAND_BYTES))))
}

/// Reads `EventTime`, a number or a string that holds a number. `Err` if it has any other value.
fn event_time(member: EventTimeMember<'_>) -> Result<Option<proto::well_known::Timestamp>, ()> {
    let json = match member {
        EventTimeMember::Absent => return Ok(None),
        EventTimeMember::Scalar(json) => json,
        EventTimeMember::Unreadable => return Err(()),
    };
    let number = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    let (seconds, nanos) = Decimal::parse(number).and_then(Decimal::time).ok_or(())?;
    Ok(Some(proto::well_known::Timestamp { seconds, nanos }))
}

#[cfg(test)]
mod tests;
