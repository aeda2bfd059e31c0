//! Records the outcome of each callback: metrics, refusals, log lines and spans.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::http::{StatusCode, request::Parts};
use tokio::time::{Instant, sleep};
use tracing::field::display;

use super::{Front, rejection::Rejection};
use crate::{
    event::Timestamp,
    ingest::{
        callback::{self, Claims, Decoded, Envelope},
        connection::ConnectionInfo,
        refusals::{self, Line},
    },
    observe::{
        metrics::{ACCEPTED, CallbackOutcome, Labels, Metrics, OTHER},
        trace::{Span, TraceParent},
    },
    proto::{self, DecodeStatus, RefusalReason},
};

/// Maximum of `google.protobuf.Duration`.
const MAX_SKEW_SECONDS: i64 = 315_576_000_000;
/// Reasons that concern the sender of a callback.
const VERIFICATION_FAILURES: [RefusalReason; 5] = [
    RefusalReason::SignMissing,
    RefusalReason::SignWrong,
    RefusalReason::RequestTimeMissing,
    RefusalReason::RequestTimeMalformed,
    RefusalReason::RequestTimeOutside,
];
/// Reasons that concern the log or the load, not the callback.
const APPEND_ERRORS: [RefusalReason; 5] = [
    RefusalReason::Busy,
    RefusalReason::Late,
    RefusalReason::LogRecovering,
    RefusalReason::LogFailed,
    RefusalReason::LogClosed,
];
/// Decode statuses other than `TYPED`.
const UNDECODED: [DecodeStatus; 13] = [
    DecodeStatus::UnknownCommand,
    DecodeStatus::Mismatch,
    DecodeStatus::TooLarge,
    DecodeStatus::Partial,
    DecodeStatus::Repaired,
    DecodeStatus::NotUtf8,
    DecodeStatus::NotJson,
    DecodeStatus::TooDeep,
    DecodeStatus::Empty,
    DecodeStatus::NotAnObject,
    DecodeStatus::CommandRepeated,
    DecodeStatus::CommandNotString,
    DecodeStatus::CommandDisagrees,
];

/// Creates the metrics of a gateway that serves these apps.
pub fn metrics(app_ids: impl IntoIterator<Item = u32>) -> Metrics {
    let labels = Labels {
        verification_failures: VERIFICATION_FAILURES.map(refusal_label).into(),
        append_errors: APPEND_ERRORS.map(refusal_label).into(),
        undecoded: UNDECODED.map(decode_label).into(),
    };
    Metrics::new(app_ids, &labels)
}

/// Returns the label of a command. Unknown commands share one, because clients choose them.
fn command_label(command: &str) -> &str {
    if proto::is_known(command) { command } else { OTHER }
}

fn refusal_label(reason: RefusalReason) -> String {
    refusals::name(reason).to_ascii_lowercase()
}

fn decode_label(status: DecodeStatus) -> String {
    let name = status.as_str_name();
    name.strip_prefix("DECODE_STATUS_").unwrap_or(name).to_ascii_lowercase()
}

/// State of a callback, for its outcome.
#[derive(Debug, Default)]
pub(super) struct CallbackState {
    /// Size of the body, as announced or as read.
    pub(super) body_bytes: Option<u64>,
    /// True if the URL passed all checks, including the signature if the app has a token.
    pub(super) is_checked: bool,
    /// The decoded callback.
    pub(super) decoded: Option<Decoded>,
    /// The span, if the callback is traced.
    pub(super) span: Option<Span>,
}

/// Sets the outcome in the span of a callback.
fn describe(span: &mut Span, state: &CallbackState, rejection: Option<Rejection>) {
    let status = rejection.map_or(StatusCode::OK, Rejection::status);
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if let Some(decoded) = &state.decoded {
        span.set("callback.command", decoded.record.command().to_owned());
        span.set("callback.sdk_app_id", i64::from(decoded.record.sdk_app_id()));
    }
    if let Some(rejection) = rejection {
        let reason = refusals::name(rejection.reason());
        span.set("callback.refusal_reason", reason);
        span.fail(reason);
    }
}

impl Front {
    /// Starts the span of a callback with a valid URL. The event carries it, or else the context of the
    /// request.
    pub(super) fn trace(
        &self,
        head: &Parts,
        start: Instant,
        envelope: &mut Envelope,
        state: &mut CallbackState,
    ) {
        let mut headers = head.headers.get_all("traceparent").iter();
        let header = headers.next().filter(|_| headers.next().is_none());
        let incoming = header.and_then(|header| header.to_str().ok()?.parse::<TraceParent>().ok());
        if let Some(tracer) = &self.tracer {
            state.span = tracer.callback(incoming, SystemTime::now() - start.elapsed());
        }
        if let Some(traceparent) = state.span.as_ref().map(Span::traceparent).or(incoming) {
            envelope.set_traceparent(traceparent.to_string());
        }
    }

    /// Records that a callback's URL is valid, whatever its outcome.
    pub(super) fn note_checked(&self, envelope: &Envelope, state: &mut CallbackState) {
        state.is_checked = true;
        if let Some(token) = envelope.token() {
            self.metrics.note_token(envelope.sdk_app_id(), token);
        }
    }

    /// Records the outcome of a callback. Called once for each.
    pub(super) fn note(
        &self,
        head: &Parts,
        mut state: CallbackState,
        rejection: Option<Rejection>,
        took: Duration,
    ) {
        if let Some(mut span) = state.span.take() {
            describe(&mut span, &state, rejection);
        }
        let state = &state;
        match (rejection, &state.decoded) {
            (Some(rejection), _) => self.note_refused(head, state, rejection, took),
            (None, Some(decoded)) => self.note_accepted(decoded, took),
            (None, None) => unreachable!("a stored callback was decoded"),
        }
    }

    fn note_accepted(&self, decoded: &Decoded, took: Duration) {
        let Front { refusals, metrics, .. } = self;
        let app_id = decoded.record.sdk_app_id();
        refusals.note_accepted(app_id, Timestamp::now());
        let command = command_label(decoded.record.command());
        metrics.note_callback(CallbackOutcome { app_id, command, outcome: ACCEPTED, took });
        if decoded.status != DecodeStatus::Typed {
            metrics.note_undecoded(&decode_label(decoded.status));
        }
        if decoded.is_repeated {
            metrics.duplicates.inc();
        }
    }

    fn note_refused(&self, head: &Parts, state: &CallbackState, rejection: Rejection, took: Duration) {
        let Front { refusals, metrics, .. } = self;
        let Claims { sdk_app_id, command } = Claims::from_query(head.uri.query().unwrap_or_default());
        let in_body = || state.decoded.as_ref().map(|decoded| decoded.record.command().to_owned());
        let command = command.or_else(in_body).unwrap_or_default();
        let reason = rejection.reason();
        let outcome = &refusal_label(reason);
        // A stranger must not create a series for each of hundreds of commands.
        let command_label = if state.is_checked { command_label(&command) } else { OTHER };
        metrics.note_callback(CallbackOutcome { app_id: sdk_app_id, command: command_label, outcome, took });
        if VERIFICATION_FAILURES.contains(&reason) {
            metrics.note_verification_failure(outcome);
        }
        if APPEND_ERRORS.contains(&reason) {
            metrics.note_append_error(outcome);
        }
        let skew = match rejection {
            Rejection::Callback(callback::Refusal::RequestTimeOutside { skew }) => Some(skew),
            _ => None,
        };
        let peer = head.extensions.get::<ConnectionInfo>().map(|connection| connection.peer);
        let status = rejection.status().as_u16();
        // Clone only what the log line needs: in a flood few refusals get a line.
        let (logged_command, detail) = (command.clone(), rejection.detail());
        let refusal = proto::Refusal {
            peer: peer.map(|peer| peer.to_string()).unwrap_or_default(),
            http_status: status.into(),
            reason: reason.into(),
            error_info: rejection.to_string(),
            detail: detail.clone(),
            sdk_app_id,
            command,
            body_bytes: state.body_bytes,
            clock_skew: skew.map(|skew| crate::proto::well_known::Duration {
                seconds: skew.clamp(-MAX_SKEW_SECONDS, MAX_SKEW_SECONDS),
                nanos: 0,
            }),
            time: None,
        };
        match refusals.note_refused(refusal, Timestamp::now(), std::time::Instant::now()) {
            Line::Written => {
                let reason = refusals::name(reason);
                let (peer, command) = (peer.map(display), logged_command);
                tracing::warn!(
                    app_id = sdk_app_id,
                    reason,
                    status,
                    peer,
                    command,
                    detail,
                    "refused a callback"
                );
            }
            Line::FirstLeftOut => {
                let refusals = Arc::clone(refusals);
                // One task for each reason and period.
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
