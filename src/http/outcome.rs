//! What became of each callback, for those who ask: counted, remembered, logged.

use std::{sync::Arc, time::Duration};

use axum::http::request::Parts;
use tokio::time::sleep;

use super::{Front, rejection::Rejection};
use crate::{
    callback::{self, Claims, Decoded},
    event::Timestamp,
    http1::ConnectionInfo,
    metrics::{ACCEPTED, CallbackOutcome, Metrics, OTHER},
    proto::{self, CallbackKind, DecodeStatus, RefusalReason},
    refusals::{self, Line},
};

/// The longest `google.protobuf.Duration`.
const MAX_SKEW_SECONDS: i64 = 315_576_000_000;
/// The reasons that are about who sent a callback.
const VERIFICATION_FAILURES: [RefusalReason; 5] = [
    RefusalReason::SignMissing,
    RefusalReason::SignWrong,
    RefusalReason::RequestTimeMissing,
    RefusalReason::RequestTimeMalformed,
    RefusalReason::RequestTimeOutside,
];
/// The states of stored bodies without a typed payload.
const UNDECODED: [DecodeStatus; 3] =
    [DecodeStatus::UnknownCommand, DecodeStatus::Mismatch, DecodeStatus::TooLarge];

/// The metrics of a gateway that serves these apps.
pub fn metrics(app_ids: impl IntoIterator<Item = u32>) -> Metrics {
    let (failures, undecoded) = (VERIFICATION_FAILURES.map(refusal_label), UNDECODED.map(decode_label));
    Metrics::new(app_ids, failures.iter().map(String::as_str), undecoded.iter().map(String::as_str))
}

/// A command as a label: one that is not known could be anything.
fn command_label(command: &str) -> &str {
    if proto::callback_kind(command) == CallbackKind::Unspecified { OTHER } else { command }
}

fn refusal_label(reason: RefusalReason) -> String {
    refusals::name(reason).to_ascii_lowercase()
}

fn decode_label(status: DecodeStatus) -> String {
    let name = status.as_str_name();
    name.strip_prefix("DECODE_STATUS_").unwrap_or(name).to_ascii_lowercase()
}

/// What is known of a callback so far, for those who ask what became of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The body's size, as announced or as read.
    pub(super) body_bytes: Option<u64>,
    /// Which token signed it.
    pub(super) token: Option<u32>,
    /// What was made of it.
    pub(super) decoded: Option<Decoded>,
}

impl Front {
    /// The one place that knows what became of each callback.
    pub(super) fn note(&self, head: &Parts, seen: &Seen, rejection: Option<Rejection>, took: Duration) {
        match (rejection, &seen.decoded) {
            (Some(rejection), _) => self.note_refused(head, seen, rejection, took),
            (None, Some(decoded)) => self.note_accepted(seen.token, decoded, took),
            (None, None) => unreachable!("what is stored was decoded"),
        }
    }

    fn note_accepted(&self, token: Option<u32>, decoded: &Decoded, took: Duration) {
        let Front { refusals, metrics, .. } = self;
        let app_id = decoded.record.sdk_app_id();
        refusals.note_accepted(app_id, Timestamp::now());
        let command = command_label(decoded.record.command());
        metrics.note_callback(CallbackOutcome { app_id, command, outcome: ACCEPTED, took });
        if let Some(token) = token {
            metrics.note_token(app_id, token);
        }
        if decoded.status != DecodeStatus::Typed {
            metrics.note_undecoded(&decode_label(decoded.status));
        }
        if decoded.is_repeated {
            metrics.duplicates.inc();
        }
    }

    fn note_refused(&self, head: &Parts, seen: &Seen, rejection: Rejection, took: Duration) {
        let Front { refusals, metrics, .. } = self;
        let Claims { sdk_app_id, command } = Claims::from_query(head.uri.query().unwrap_or_default());
        let in_body = || seen.decoded.as_ref().map(|decoded| decoded.record.command().to_owned());
        let command = command.or_else(in_body).unwrap_or_default();
        let reason = rejection.reason();
        let outcome = &refusal_label(reason);
        let command_label = command_label(&command);
        metrics.note_callback(CallbackOutcome { app_id: sdk_app_id, command: command_label, outcome, took });
        if VERIFICATION_FAILURES.contains(&reason) {
            metrics.note_verification_failure(outcome);
        }
        let skew = match rejection {
            Rejection::Callback(callback::Refusal::RequestTimeOutside { skew }) => Some(skew),
            _ => None,
        };
        let peer = head.extensions.get::<ConnectionInfo>().map(|connection| connection.peer.to_string());
        let refusal = proto::Refusal {
            peer: peer.unwrap_or_default(),
            http_status: rejection.status().as_u16().into(),
            reason: reason.into(),
            error_info: rejection.to_string(),
            sdk_app_id,
            command,
            body_bytes: seen.body_bytes,
            clock_skew: skew.map(|skew| pbjson_types::Duration {
                seconds: skew.clamp(-MAX_SKEW_SECONDS, MAX_SKEW_SECONDS),
                nanos: 0,
            }),
            time: None,
        };
        let proto::Refusal { peer, http_status: status, command, .. } = refusal.clone();
        match refusals.note_refused(refusal, Timestamp::now(), std::time::Instant::now()) {
            Line::Written => {
                let reason = refusals::name(reason);
                tracing::warn!(app_id = sdk_app_id, reason, status, peer, command, "refused a callback");
            }
            Line::FirstLeftOut => {
                let refusals = Arc::clone(refusals);
                // One for each reason and time that lines are counted in.
                tokio::spawn(async move {
                    sleep(refusals::LINES_TIME).await;
                    let left_out = refusals.take_left_out(reason);
                    let reason = refusals::name(reason);
                    tracing::warn!(reason, left_out, "refused further callbacks");
                });
            }
            Line::LeftOut => {}
        }
    }
}
