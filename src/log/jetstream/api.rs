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

use super::{
    connection::Said,
    info::{Info, time},
    message::StreamMessage,
    refusal::{Refusal, TEMPORARILY},
    refused::Trial,
};
use crate::event::Sequence;

/// How long the stream's leader may take to answer.
pub(super) const API_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of JetStream's error for a stream that is not there.
const STREAM_NOT_FOUND: u32 = 10059;
/// The number of its error for a message that is not there.
const NO_MESSAGE_FOUND: u32 = 10037;
/// The number of its error for a message that was to follow on another than the stream's last.
pub(super) const WRONG_LAST_SEQUENCE: u32 = 10071;

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
    /// There is no such stream.
    #[error("the stream is gone")]
    Gone,
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

/// What every answer may be instead of what was asked for.
#[derive(Deserialize)]
struct Failed {
    error: Option<Refusal>,
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

    /// Changes the stream's settings.
    pub(super) async fn update(&self, config: &Map<String, Value>) -> Result<(), ApiError> {
        self.call::<Map<String, Value>>(self.update_subject(), config).await.map(drop)
    }

    /// Returns an error if NATS does not let this gateway change the stream's settings. Changes nothing.
    pub(super) async fn may_update(&self) -> Result<(), ApiError> {
        // The server rejects settings without the stream's name.
        self.request(self.update_subject(), Request::new().payload("{}".into())).await.map(drop)
    }

    fn update_subject(&self) -> String {
        format!("$JS.API.STREAM.UPDATE.{}", self.stream)
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
