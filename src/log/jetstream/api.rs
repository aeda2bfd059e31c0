//! Requests of JetStream's API, in JSON over a connection.
//!
//! `docs/decisions/0002-jetstream-api.md` says why the `jetstream` module of `async-nats` is not used.

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
    connection::ConnectionStatus,
    error::{ApiError, JetStreamError},
    info::{StreamInfo, time},
    message::{Publish, PublishAnswer, StreamMessage},
};
use crate::event::Sequence;

/// How long the stream's leader may take to answer.
pub(super) const API_TIMEOUT: Duration = Duration::from_secs(2);

/// Number of JetStream's error for a stream that does not exist.
const STREAM_NOT_FOUND: u32 = 10059;
/// Number of the error for a message that does not exist.
const NO_MESSAGE_FOUND: u32 = 10037;
/// Number of the error for a message whose expected last sequence is not the stream's.
pub(super) const WRONG_LAST_SEQUENCE: u32 = 10071;

/// Header with the stream that a message is for.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";
/// Header with the sequence that a message must follow on.
const EXPECTED_LAST_SEQUENCE: &str = "Nats-Expected-Last-Sequence";
/// Header by which the server recognizes the retry of a publish.
pub(super) const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Error that an answer may have instead of a result.
#[derive(Deserialize)]
struct ErrorAnswer {
    error: Option<JetStreamError>,
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

/// Where to start looking for a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum StartAt {
    /// At this sequence.
    Sequence(Sequence),
    /// At this time.
    Time(SystemTime),
}

/// Configuration of a push consumer, which delivers each message once and in order. The server deletes it once its
/// subscription has ended.
#[derive(Debug, Serialize)]
pub(super) struct PushConsumerConfig<'a> {
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

/// Configuration of a pull consumer, which delivers messages on request. The server deletes it after some time without
/// requests.
#[derive(Debug, Serialize)]
pub(super) struct PullConsumerConfig {
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
struct ConsumerCreated {
    name: String,
}

/// Requests about one stream, over one connection. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) stream: String,
    pub(super) status: ConnectionStatus,
}

impl Api {
    /// Returns the stream's state, as its leader has it. `None` if the stream does not exist.
    pub(super) async fn info(&self) -> Result<Option<StreamInfo>, ApiError> {
        let subject = format!("$JS.API.STREAM.INFO.{}", self.stream);
        match self.call(subject, &Map::new()).await {
            Ok(info) => Ok(Some(info)),
            Err(ApiError::Refused(error)) if error.err_code == STREAM_NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the sequences without a message between the oldest and the newest one, in order.
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

    /// Creates the stream.
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

    /// Creates a consumer. Returns its name.
    pub(super) async fn create_consumer(&self, config: &impl Serialize) -> Result<String, ApiError> {
        let subject = format!("$JS.API.CONSUMER.CREATE.{}", self.stream);
        let request = serde_json::json!({ "stream_name": self.stream, "config": config });
        self.call::<ConsumerCreated>(subject, &request).await.map(|created| created.name)
    }

    /// Returns the first stored message from there on, as the leader has it.
    pub(super) async fn get(&self, start: StartAt) -> Result<Option<StreamMessage>, ApiError> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", self.stream);
        let request = match start {
            StartAt::Sequence(sequence) => serde_json::json!({ "seq": sequence.0, "next_by_subj": ">" }),
            StartAt::Time(time) => {
                serde_json::json!({ "start_time": humantime::format_rfc3339_nanos(time).to_string() })
            }
        };
        let message = match self.call::<GetAnswer>(subject, &request).await {
            Ok(GetAnswer { message: Some(message) }) => message,
            Ok(GetAnswer { message: None }) => return Err(malformed("it has no message")),
            Err(ApiError::Refused(error)) if error.err_code == NO_MESSAGE_FOUND => return Ok(None),
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
            Err(ApiError::Refused(error)) if error.can_retry_soon() => {
                Err(ApiError::Unreachable(error.to_string()))
            }
            parsed => parsed,
        }
    }

    /// Returns an error if NATS does not let this gateway publish to `subject`. Sends a message that names another stream, so
    /// that this one does not store it.
    pub(super) async fn may_publish(&self, subject: String) -> Result<(), ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(EXPECTED_STREAM, format!("not-{}", self.stream));
        // Any answer shows that the stream received it.
        self.request(subject, Request::new().headers(headers)).await.map(drop)
    }

    /// Stores an event at `end`, if the stream ends there. Returns its sequence, which is lower if it was stored before.
    pub(super) async fn store_at(&self, end: Sequence, event: Publish) -> Result<Sequence, ApiError> {
        let Publish { subject, message_id, payload } = event;
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, message_id);
        headers.insert(EXPECTED_STREAM, self.stream.as_str());
        headers.insert(EXPECTED_LAST_SEQUENCE, end.previous().to_string());
        let request = Request::new().headers(headers).payload(payload);
        let answer = self.request(subject.to_string(), request).await?;
        let PublishAnswer { seq, .. } = parse(&answer.payload)?;
        seq.map(Sequence).ok_or_else(|| malformed("it has no sequence"))
    }

    async fn request(&self, subject: String, request: Request) -> Result<Message, ApiError> {
        let request = request.timeout(None);
        let denied = self.denied(&subject);
        // The limit includes the time until the connection takes the request.
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
                        self.status.note_answer();
                        "JetStream does not respond, or has no leader".to_owned()
                    }
                    _ => error.to_string(),
                })
            })?;
        self.status.note_answer();
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(ApiError::Unreachable("JetStream does not respond, or has no leader".to_owned()));
        }
        Ok(answer)
    }

    /// Waits until NATS reports, from now on, that it does not let this gateway send to `subject`, or receive answers. A
    /// request would only time out.
    pub(super) fn denied(&self, subject: &str) -> impl Future<Output = ApiError> + use<> {
        let subject = subject.to_owned();
        self.missing_right(move |error| missing_right(error, &subject))
    }

    /// Waits until NATS reports, from now on, that it does not let this gateway answer the flow control of the stream's
    /// consumers.
    pub(super) fn denied_flow_control(&self) -> impl Future<Output = ApiError> + use<> {
        let prefix = format!("$JS.FC.{}", self.stream);
        self.missing_right(move |error| {
            denied_publish(error, &prefix).map(|_| publish_to(&format!("{prefix}.>")))
        })
    }

    /// Waits until the server reports an error in which `missing` finds a missing right.
    fn missing_right<F: Fn(&str) -> Option<String>>(
        &self,
        missing: F,
    ) -> impl Future<Output = ApiError> + use<F> {
        let mut server_error = self.status.server_error.subscribe();
        async move {
            while server_error.changed().await.is_ok() {
                if let Some(right) = missing(&server_error.borrow_and_update()) {
                    return ApiError::Denied(right);
                }
            }
            // Not reached: the sender lives as long as the connection.
            std::future::pending().await
        }
    }
}

/// Returns the right that is missing according to the server's error, if a request to `subject` needs it.
fn missing_right(server_error: &str, subject: &str) -> Option<String> {
    match violation(server_error)? {
        ("Publish", denied) if denied == subject => Some(publish_to(subject)),
        ("Subscription", denied) if denied.starts_with("_INBOX.") => Some("subscribe to _INBOX.>".to_owned()),
        _ => None,
    }
}

/// Returns the subject that this gateway must not publish to according to the server's error, if it begins with `prefix`.
pub(super) fn denied_publish<'a>(server_error: &'a str, prefix: &str) -> Option<&'a str> {
    let (operation, subject) = violation(server_error)?;
    let is_below = subject.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
    (operation == "Publish" && is_below).then_some(subject)
}

/// Returns the operation that the server denies in its error, and the subject.
fn violation(server_error: &str) -> Option<(&str, &str)> {
    let violation = server_error.strip_prefix("Permissions Violation for ")?;
    let (operation, rest) = violation.split_once(" to \"")?;
    let (subject, _) = rest.split_once('"')?;
    Some((operation, subject))
}

/// Returns the missing right for [`ApiError::Denied`].
pub(super) fn publish_to(subject: &str) -> String {
    format!("publish to {subject}")
}

/// Parses an answer.
fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T, ApiError> {
    match serde_json::from_slice(answer).map_err(malformed)? {
        ErrorAnswer { error: Some(error) } => Err(ApiError::Refused(error)),
        ErrorAnswer { error: None } => serde_json::from_slice(answer).map_err(malformed),
    }
}

fn malformed(error: impl ToString) -> ApiError {
    ApiError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_server_names_the_right_that_a_request_lacks() {
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
    fn an_error_about_an_event_is_distinguished_from_others() {
        let denied = |operation, subject| {
            let error = format!("Permissions Violation for {operation} to \"{subject}\"");
            denied_publish(&error, "im.callbacks").map(ToOwned::to_owned)
        };
        assert_eq!(denied("Publish", "im.callbacks.1.A.B").as_deref(), Some("im.callbacks.1.A.B"));
        assert_eq!(denied("Publish", "im.callbacksx.1.A.B"), None);
        assert_eq!(denied("Publish", "$JS.FC.callbacks.a"), None);
        assert_eq!(denied("Subscription", "im.callbacks.1.A.B"), None);
    }
}
