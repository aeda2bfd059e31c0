//! JetStream's API as far as the log needs it: requests in JSON over the connection.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use async_nats::{Client, HeaderMap, Message, Request, StatusCode, client::RequestErrorKind};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{connection::Said, message::StreamMessage, refused::Trial};
use crate::event::{Sequence, Timestamp};

/// How long the stream's leader may take to answer.
pub(super) const API_TIMEOUT: Duration = Duration::from_secs(2);
/// Silence after which a server that holds the stream too counts as gone.
const PEER_SILENCE: Duration = Duration::from_secs(4);

/// The code of errors that pass: no leader just now, no quorum, too busy.
const TEMPORARILY: u16 = 503;
/// The code of errors of a stream that more is sent to than it takes.
const TOO_MANY_REQUESTS: u16 = 429;
/// The number of JetStream's error for a stream that is not there.
const STREAM_NOT_FOUND: u32 = 10059;
/// The number of its error for a message that is not there.
const NO_MESSAGE_FOUND: u32 = 10037;
/// The number of its error for a message that is larger than the stream takes.
const MESSAGE_TOO_LARGE: u32 = 10054;
/// The number of its error for a message that was to follow on another than the stream's last.
pub(super) const WRONG_LAST_SEQUENCE: u32 = 10071;
/// The number of its error for a message whose first copy is still on its way.
pub(super) const DUPLICATE_IN_PROCESS: u32 = 10158;

/// The header by which a message names the stream that it is for.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";
/// The header by which a message names the one that it follows on.
const EXPECTED_LAST_SEQUENCE: &str = "Nats-Expected-Last-Sequence";
/// The header by which the server knows a publish that is tried again.
pub(super) const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Why a request to JetStream failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// There was no answer in time, or nobody to give one: no connection, or no leader.
    #[error("{0}")]
    Unreachable(String),
    /// JetStream refused.
    #[error("{0}")]
    Refused(Refusal),
    /// NATS does not let this gateway ask, or have answers.
    #[error("NATS does not let this gateway {0}: grant its user that right, and the others that it needs")]
    Denied(String),
    /// The answer could not be understood.
    #[error("the answer could not be understood: {0}")]
    Malformed(String),
}

/// JetStream's own error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Refusal {
    /// As an HTTP status.
    #[serde(default)]
    pub code: u16,
    /// JetStream's number for it.
    #[serde(default)]
    pub err_code: u32,
    /// In words.
    #[serde(default)]
    pub description: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (JetStream error {})", self.description, self.err_code)
    }
}

impl Refusal {
    /// Whether trying again can help: there is no leader just now, or it is too busy.
    pub(super) fn may_pass(&self) -> bool {
        self.is_soon_over() || self.code == TOO_MANY_REQUESTS || self.err_code == DUPLICATE_IN_PROCESS
    }

    /// Says that the stream did not store an event for this reason.
    pub(super) fn does_not_take(&self) -> String {
        format!("the stream does not take an event: {self}")
    }

    /// Whether only this event cannot be stored.
    pub(super) fn is_about_the_event(&self) -> bool {
        self.err_code == MESSAGE_TOO_LARGE
    }

    /// Whether trying again soon can help. What is too busy is only made busier by it, and a
    /// first copy on its way needs its time.
    pub(super) fn is_soon_over(&self) -> bool {
        self.code == TEMPORARILY
    }
}

/// What every answer may be instead of what was asked for.
#[derive(Deserialize)]
struct Failed {
    error: Option<Refusal>,
}

/// The stream as its leader describes it.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    pub(super) config: Map<String, Value>,
    #[serde(deserialize_with = "time")]
    pub(super) created: SystemTime,
    pub(super) state: State,
    cluster: Option<Cluster>,
}

impl Info {
    /// Returns whether the stream takes no more messages, for good.
    pub(super) fn is_sealed(&self) -> bool {
        self.config.get("sealed").and_then(Value::as_bool).unwrap_or_default()
    }

    /// Whether enough of the servers that hold the stream are there to acknowledge, or else
    /// why not.
    pub(super) fn quorum(&self, replicas: usize) -> Result<(), String> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        if cluster.leader.as_ref().is_none_or(String::is_empty) {
            return Err("the stream has no leader".to_owned());
        }
        let silence = u64::try_from(PEER_SILENCE.as_nanos()).unwrap_or(u64::MAX);
        let is_there = |peer: &&Peer| !peer.offline && peer.active < silence;
        let there = 1 + cluster.replicas.iter().filter(is_there).count();
        if there * 2 > replicas {
            Ok(())
        } else {
            Err(format!("only {there} of {replicas} servers with the stream are there"))
        }
    }
}

/// What a stream holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct State {
    messages: u64,
    pub(super) bytes: u64,
    first_seq: u64,
    last_seq: u64,
    #[serde(deserialize_with = "optional_time")]
    first_ts: Option<SystemTime>,
    #[serde(deserialize_with = "optional_time")]
    last_ts: Option<SystemTime>,
}

impl State {
    /// The oldest message that is stored, or the end if there is none.
    pub(super) fn oldest(&self) -> Sequence {
        if self.messages == 0 { self.end() } else { Sequence(self.first_seq.max(1)) }
    }

    /// Bytes of a message, on average; 0 if there is none.
    pub(super) fn average_bytes(&self) -> u64 {
        self.bytes.checked_div(self.messages).unwrap_or(0)
    }

    /// The first position that was never written.
    pub(super) fn end(&self) -> Sequence {
        Sequence(self.last_seq).next()
    }

    /// Whether there is a message at every position from the oldest to the newest: then a leader
    /// that has none at one of them has not taken it in yet.
    pub(super) fn is_whole(&self) -> bool {
        self.messages > 0 && self.last_seq.saturating_sub(self.first_seq) < self.messages
    }

    /// Number of positions between the oldest message and the newest without a message.
    pub(super) fn lost(&self) -> u64 {
        if self.messages == 0 {
            0
        } else {
            (self.last_seq + 1).saturating_sub(self.first_seq + self.messages)
        }
    }

    /// Whether there certainly is a message that was received at `time` or later.
    pub(super) fn has_from(&self, time: Timestamp) -> bool {
        self.is_whole() && self.last_ts.is_some_and(|last| Timestamp::from(last) >= time)
    }

    /// An upper bound on when the newest message was received that is no longer stored.
    pub(super) fn trimmed_until(&self) -> Option<Timestamp> {
        if self.oldest() == Sequence::FIRST {
            return None;
        }
        // Those before the oldest one were received no later than it.
        let bound = if self.messages == 0 { self.last_ts } else { self.first_ts };
        Some(bound.map_or(Timestamp::now(), Timestamp::from))
    }
}

/// Who holds the stream.
#[derive(Debug, Deserialize)]
struct Cluster {
    leader: Option<String>,
    /// The others.
    #[serde(default)]
    replicas: Vec<Peer>,
}

/// A server that holds the stream beside the leader.
#[derive(Debug, Deserialize)]
struct Peer {
    #[serde(default)]
    offline: bool,
    /// Nanoseconds since the leader heard of it.
    #[serde(default)]
    active: u64,
}

#[derive(Deserialize)]
struct GetAnswer {
    message: Option<GetMessage>,
}

#[derive(Deserialize)]
struct GetMessage {
    seq: u64,
    #[serde(default)]
    data: String,
    #[serde(deserialize_with = "time")]
    time: SystemTime,
}

/// Where to begin looking for a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    /// At this position.
    Sequence(Sequence),
    /// At this time.
    Time(SystemTime),
}

/// What a consumer is made from. It delivers each message once, in order, and is gone
/// once nobody listens.
#[derive(Debug, Serialize)]
pub(super) struct Consumer<'a> {
    pub(super) deliver_subject: &'a str,
    pub(super) opt_start_seq: u64,
    pub(super) deliver_policy: &'static str,
    pub(super) ack_policy: &'static str,
    pub(super) replay_policy: &'static str,
    pub(super) max_deliver: i64,
    pub(super) flow_control: bool,
    /// In nanoseconds.
    pub(super) idle_heartbeat: u64,
    pub(super) num_replicas: u64,
    pub(super) mem_storage: bool,
}

/// What a consumer is made from that delivers what it is asked for. It is gone once nobody
/// has asked for some time.
#[derive(Debug, Serialize)]
pub(super) struct Pulled {
    pub(super) opt_start_seq: u64,
    pub(super) deliver_policy: &'static str,
    pub(super) ack_policy: &'static str,
    pub(super) replay_policy: &'static str,
    /// In nanoseconds.
    pub(super) inactive_threshold: u64,
    pub(super) num_replicas: u64,
    pub(super) mem_storage: bool,
}

#[derive(Deserialize)]
struct Made {
    name: String,
}

#[derive(Deserialize)]
struct Stored {
    seq: u64,
}

/// Requests about one stream, over one connection. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) stream: String,
    /// What is said of the connection.
    pub(super) said: Said,
}

impl Api {
    /// The stream's state, as its leader has it; `None` if there is no such stream.
    pub(super) async fn info(&self) -> Result<Option<Info>, ApiError> {
        let subject = format!("$JS.API.STREAM.INFO.{}", self.stream);
        match self.call(subject, &Map::new()).await {
            Ok(info) => Ok(Some(info)),
            Err(ApiError::Refused(refusal)) if refusal.err_code == STREAM_NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The positions between the oldest message and the newest without a message, in order.
    pub(super) async fn deleted(&self) -> Result<Vec<u64>, ApiError> {
        #[derive(Deserialize)]
        struct Deleted {
            #[serde(default)]
            deleted: Option<Vec<u64>>,
        }
        #[derive(Deserialize)]
        struct Details {
            state: Deleted,
        }
        let subject = format!("$JS.API.STREAM.INFO.{}", self.stream);
        let details: Details = self.call(subject, &serde_json::json!({ "deleted_details": true })).await?;
        let mut deleted = details.state.deleted.unwrap_or_default();
        deleted.sort_unstable();
        Ok(deleted)
    }

    /// Makes the stream.
    pub(super) async fn create(&self, config: &Map<String, Value>) -> Result<(), ApiError> {
        let subject = format!("$JS.API.STREAM.CREATE.{}", self.stream);
        self.call::<Map<String, Value>>(subject, config).await.map(drop)
    }

    /// Makes a consumer, and gives its name.
    pub(super) async fn consume(&self, consumer: &impl Serialize) -> Result<String, ApiError> {
        let subject = format!("$JS.API.CONSUMER.CREATE.{}", self.stream);
        let request = serde_json::json!({ "stream_name": self.stream, "config": consumer });
        self.call::<Made>(subject, &request).await.map(|Made { name }| name)
    }

    /// The first message from there on that is stored, as the leader has it.
    pub(super) async fn get(&self, from: From) -> Result<Option<StreamMessage>, ApiError> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", self.stream);
        let request = match from {
            From::Sequence(sequence) => serde_json::json!({ "seq": sequence.0, "next_by_subj": ">" }),
            From::Time(time) => {
                serde_json::json!({ "start_time": humantime::format_rfc3339_nanos(time).to_string() })
            }
        };
        let message = match self.call::<GetAnswer>(subject, &request).await {
            Ok(GetAnswer { message: Some(message) }) => message,
            Ok(GetAnswer { message: None }) => return Err(malformed("there is no message in it")),
            Err(ApiError::Refused(refusal)) if refusal.err_code == NO_MESSAGE_FOUND => return Ok(None),
            Err(error) => return Err(error),
        };
        let payload = STANDARD.decode(message.data).map_err(malformed)?;
        Ok(Some(StreamMessage {
            sequence: Sequence(message.seq),
            time: message.time.into(),
            payload: payload.into(),
        }))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        subject: String,
        request: &impl Serialize,
    ) -> Result<T, ApiError> {
        let request = serde_json::to_vec(request).map_err(malformed)?;
        let answer = self.request(subject, Request::new().payload(request.into())).await?;
        match parse(&answer.payload) {
            Err(ApiError::Refused(refusal)) if refusal.code == TEMPORARILY => {
                Err(ApiError::Unreachable(refusal.to_string()))
            }
            parsed => parsed,
        }
    }

    /// Finds out whether NATS lets this gateway publish to `subject`, by a message that is for
    /// another stream, which this one does not store.
    pub(super) async fn may_publish(&self, subject: String) -> Result<(), ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(EXPECTED_STREAM, format!("not-{}", self.stream));
        // Whatever the answer, it came to the stream.
        self.request(subject, Request::new().headers(headers)).await.map(drop)
    }

    /// Stores an event at the stream's end, if that is there. Returns its sequence, which is a lower one if it was stored
    /// before.
    pub(super) async fn store_at(&self, end: Sequence, event: Trial) -> Result<Sequence, ApiError> {
        let Trial { subject, message_id, payload } = event;
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, message_id);
        headers.insert(EXPECTED_STREAM, self.stream.as_str());
        headers.insert(EXPECTED_LAST_SEQUENCE, end.previous().to_string());
        let request = Request::new().headers(headers).payload(payload);
        let answer = self.request(subject.to_string(), request).await?;
        parse(&answer.payload).map(|Stored { seq }| Sequence(seq))
    }

    async fn request(&self, subject: String, request: Request) -> Result<Message, ApiError> {
        let request = request.timeout(None);
        let denied = self.denied(&subject);
        // Also what it takes to hand it to a connection that takes nothing.
        let answered = timeout(API_TIMEOUT, self.client.send_request(subject, request));
        let answer = tokio::select! {
            answer = answered => answer,
            denied = denied => return Err(denied),
        };
        let answer = answer
            .map_err(|_| ApiError::Unreachable("no answer from the stream's leader in time".to_owned()))?
            .map_err(|error| {
                ApiError::Unreachable(match error.kind() {
                    RequestErrorKind::NoResponders => {
                        self.said.note_answer();
                        "JetStream is not there, or has no leader".to_owned()
                    }
                    _ => error.to_string(),
                })
            })?;
        self.said.note_answer();
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(ApiError::Unreachable("JetStream is not there, or has no leader".to_owned()));
        }
        Ok(answer)
    }

    /// Comes back if NATS says, from now on, that it does not let this gateway send to
    /// `subject`, or have answers: whoever asks would only wait in vain.
    pub(super) fn denied(&self, subject: &str) -> impl Future<Output = ApiError> + use<> {
        let subject = subject.to_owned();
        self.complained(move |complaint| missing_right(complaint, &subject))
    }

    /// Comes back if NATS says, from now on, that it does not let this gateway answer the
    /// stream's consumers that they may go on.
    pub(super) fn denied_flow_control(&self) -> impl Future<Output = ApiError> + use<> {
        let prefix = format!("$JS.FC.{}", self.stream);
        self.complained(move |complaint| {
            denied_publish(complaint, &prefix).map(|_| publish_to(&format!("{prefix}.>")))
        })
    }

    fn complained<F: Fn(&str) -> Option<String>>(
        &self,
        missing: F,
    ) -> impl Future<Output = ApiError> + use<F> {
        let mut complaint = self.said.complaint.subscribe();
        async move {
            while complaint.changed().await.is_ok() {
                if let Some(right) = missing(&complaint.borrow_and_update()) {
                    return ApiError::Denied(right);
                }
            }
            // Not reached: the sender is there as long as the connection is.
            std::future::pending().await
        }
    }
}

/// The right that a complaint of the server's says is missing, if a request to `subject`
/// needs it.
fn missing_right(complaint: &str, subject: &str) -> Option<String> {
    match violation(complaint)? {
        ("Publish", denied) if denied == subject => Some(publish_to(subject)),
        ("Subscription", denied) if denied.starts_with("_INBOX.") => Some("subscribe to _INBOX.>".to_owned()),
        _ => None,
    }
}

/// The subject that a complaint of the server's says this gateway must not publish to, if it
/// begins with this.
pub(super) fn denied_publish<'a>(complaint: &'a str, prefix: &str) -> Option<&'a str> {
    let (what, subject) = violation(complaint)?;
    let is_below = subject.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
    (what == "Publish" && is_below).then_some(subject)
}

/// What a complaint of the server's says must not be done, and with which subject.
fn violation(complaint: &str) -> Option<(&str, &str)> {
    let violation = complaint.strip_prefix("Permissions Violation for ")?;
    let (what, rest) = violation.split_once(" to \"")?;
    let (subject, _) = rest.split_once('"')?;
    Some((what, subject))
}

/// A right that is missing, for [`ApiError::Denied`].
pub(super) fn publish_to(subject: &str) -> String {
    format!("publish to {subject}")
}

/// Reads an answer.
fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T, ApiError> {
    match serde_json::from_slice(answer).map_err(malformed)? {
        Failed { error: Some(refusal) } => Err(ApiError::Refused(refusal)),
        Failed { error: None } => serde_json::from_slice(answer).map_err(malformed),
    }
}

fn malformed(error: impl ToString) -> ApiError {
    ApiError::Malformed(error.to_string())
}

fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom)
}

/// A time; `None` for the year 1, which stands for none.
fn optional_time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
    Ok(humantime::parse_rfc3339(&String::deserialize(from)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(json: &str) -> State {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_new_an_emptied_and_a_trimmed_stream_say_where_they_begin_and_end() {
        let none = "0001-01-01T00:00:00Z";
        let new = state(&format!(
            r#"{{"messages":0,"bytes":0,"first_seq":0,"first_ts":"{none}","last_seq":0,"last_ts":"{none}"}}"#
        ));
        assert_eq!((new.oldest(), new.end(), new.trimmed_until()), (Sequence(1), Sequence(1), None));
        let last = "1970-01-01T00:00:02.5Z";
        let emptied = state(&format!(
            r#"{{"messages":0,"bytes":0,"first_seq":11,"first_ts":"{none}","last_seq":10,"last_ts":"{last}"}}"#
        ));
        let until = Some(Timestamp(2_500_000));
        assert_eq!(
            (emptied.oldest(), emptied.end(), emptied.trimmed_until()),
            (Sequence(11), Sequence(11), until)
        );
        let trimmed = state(&format!(
            r#"{{"messages":2,"bytes":9,"first_seq":9,"first_ts":"{last}","last_seq":10,"last_ts":"{last}"}}"#
        ));
        assert_eq!(
            (trimmed.oldest(), trimmed.end(), trimmed.trimmed_until()),
            (Sequence(9), Sequence(11), until)
        );
    }

    fn info(cluster: &str) -> Info {
        let json = format!(
            r#"{{"config":{{}},"created":"2026-01-01T00:00:00Z","state":{{"messages":0,"bytes":0,"first_seq":0,
            "first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z"}},"cluster":{cluster}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_stream_takes_callbacks_with_a_leader_and_more_than_half_of_its_servers() {
        let peer = |offline: bool, active: u64| format!(r#"{{"offline":{offline},"active":{active}}}"#);
        let (there, silent, gone) = (peer(false, 900_000_000), peer(false, 9_000_000_000), peer(true, 0));
        let of = |peers: [&str; 2]| info(&format!(r#"{{"leader":"a","replicas":[{}]}}"#, peers.join(",")));
        assert!(of([&there, &there]).quorum(3).is_ok());
        assert!(of([&there, &gone]).quorum(3).is_ok());
        assert!(of([&silent, &gone]).quorum(3).is_err());
        assert!(info(r#"{"leader":"a"}"#).quorum(1).is_ok());
        assert!(info("null").quorum(1).is_ok());
        assert!(info(r#"{"leader":""}"#).quorum(1).is_err());
    }

    #[test]
    fn a_complaint_says_which_right_a_request_lacks() {
        let asked = "$JS.API.STREAM.INFO.callbacks";
        let publish =
            |to: &str| missing_right(&format!("Permissions Violation for Publish to \"{to}\""), asked);
        assert_eq!(publish(asked), Some(format!("publish to {asked}")));
        assert_eq!(publish("$JS.API.STREAM.INFO.other"), None);
        let inbox = r#"Permissions Violation for Subscription to "_INBOX.a.b.*""#;
        assert_eq!(missing_right(inbox, asked), Some("subscribe to _INBOX.>".to_owned()));
        for other in ["", "User Authentication Expired", r#"Permissions Violation for Subscription to "a.b""#]
        {
            assert_eq!(missing_right(other, asked), None, "{other}");
        }
    }

    #[test]
    fn a_complaint_about_an_event_is_told_from_others() {
        let denied = |what, subject| {
            let complaint = format!("Permissions Violation for {what} to \"{subject}\"");
            denied_publish(&complaint, "im.callbacks").map(ToOwned::to_owned)
        };
        assert_eq!(denied("Publish", "im.callbacks.1.A.B").as_deref(), Some("im.callbacks.1.A.B"));
        assert_eq!(denied("Publish", "im.callbacksx.1.A.B"), None);
        assert_eq!(denied("Publish", "$JS.FC.callbacks.a"), None);
        assert_eq!(denied("Subscription", "im.callbacks.1.A.B"), None);
    }

    #[test]
    fn only_what_nobody_is_there_to_store_is_tried_again_at_once() {
        let refusal = |code, err_code| Refusal { code, err_code, description: String::new() };
        let judged = |refusal: Refusal| (refusal.is_soon_over(), refusal.may_pass());
        assert_eq!(judged(refusal(TEMPORARILY, 10008)), (true, true));
        assert_eq!(judged(refusal(TOO_MANY_REQUESTS, 10167)), (false, true));
        assert_eq!(judged(refusal(409, DUPLICATE_IN_PROCESS)), (false, true));
        assert_eq!(judged(refusal(400, 10077)), (false, false));
    }
}
