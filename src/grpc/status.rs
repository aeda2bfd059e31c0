//! Errors as gRPC statuses: one place, after AIP-193. Internals are logged, never returned.

use std::{collections::BTreeMap, time::Duration};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{StatusExt as _, pb};

use super::{page_token::PageTokenError, rfc3339};
use crate::{
    access::Holder,
    event::Sequence,
    log::{Cause, EventLog, Hole, ReadError},
    proto::ErrorReason,
    subscription::{self, Bounds, Filter, Leave, SubscribeError, bounds, is_replaced},
};

/// The domain of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "imcallback.v1";
/// Longest list in an error's details; a longer one is left out.
const MAX_LIST_BYTES: usize = 2048;
/// When a client should come back after a shutdown: another replica, or the next process, is there by then.
const SHUTDOWN_RETRY: Duration = Duration::from_secs(1);
/// When a client should try for a stream again that there was no place for.
const STREAMS_RETRY: Duration = Duration::from_secs(10);
/// When a client should try again to read, which failed, or which it did not do.
const READ_RETRY: Duration = Duration::from_secs(1);

/// `google.rpc.ErrorInfo` with ordered metadata: `tonic-types` uses a `HashMap`, so the same error would
/// have different bytes each time.
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

/// Details of a status.
struct Details {
    info: ErrorInfo,
    /// When the client should try again.
    retry_delay: Option<Duration>,
}

fn details(reason: ErrorReason, metadata: impl IntoIterator<Item = (&'static str, String)>) -> Details {
    let name = reason.as_str_name();
    let reason = name.strip_prefix("ERROR_REASON_").unwrap_or(name).to_owned();
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Details { info: ErrorInfo { reason, domain: DOMAIN.to_owned(), metadata }, retry_delay: None }
}

impl Details {
    fn retry_after(self, delay: Duration) -> Self {
        Self { retry_delay: Some(delay), ..self }
    }

    fn status(self, code: Code, message: impl Into<String>) -> Status {
        let message = message.into();
        let any = |name: &str, value: Vec<u8>| prost_types::Any {
            type_url: format!("type.googleapis.com/google.rpc.{name}"),
            value,
        };
        let retry_info = self.retry_delay.map(|delay| {
            let retry_delay = delay.try_into().ok();
            any("RetryInfo", pb::RetryInfo { retry_delay }.encode_to_vec())
        });
        let details = retry_info.into_iter().chain([any("ErrorInfo", self.info.encode_to_vec())]).collect();
        let status = pb::Status { code: code as i32, message: message.clone(), details };
        Status::with_details(code, message, status.encode_to_vec().into())
    }
}

/// INVALID_ARGUMENT for a field, with a reason of its own.
pub(super) fn with_field(reason: ErrorReason, field: &str, message: &str) -> Status {
    details(reason, [("field", field.to_owned())]).status(Code::InvalidArgument, message)
}

/// INVALID_ARGUMENT for a page token.
pub(super) fn page_token(error: &PageTokenError) -> Status {
    with_field(ErrorReason::InvalidPageToken, "page_token", &error.to_string())
}

/// INVALID_ARGUMENT for a field.
pub(super) fn invalid(field: &str, message: &str) -> Status {
    with_field(ErrorReason::InvalidField, field, message)
}

/// UNAVAILABLE when the gateway ends.
pub(super) fn shutting_down() -> Status {
    leaving(Leave::ShuttingDown).2
}

/// UNAVAILABLE after a `going_away` frame, with its reason and when to come back.
pub(super) fn leaving(leave: Leave) -> (ErrorReason, Duration, Status) {
    let (reason, delay, message) = match leave {
        Leave::ShuttingDown => (ErrorReason::ShuttingDown, SHUTDOWN_RETRY, "the gateway is shutting down"),
        Leave::AgeReached => {
            (ErrorReason::StreamAgeReached, Duration::ZERO, "the stream has lasted as long as it may")
        }
    };
    let message = format!("{message}; connect again and resume after the last cursor");
    (reason, delay, details(reason, []).retry_after(delay).status(Code::Unavailable, message))
}

/// RESOURCE_EXHAUSTED at the cap on streams.
pub(super) fn too_many_streams() -> Status {
    let message =
        "the gateway has as many streams as it may; connect again later, or raise --grpc-max-streams";
    too_many(message)
}

/// RESOURCE_EXHAUSTED at the cap on calls of health and reflection.
pub(super) fn too_many_calls() -> Status {
    let message = "the gateway has as many calls of health and reflection as it takes; try again later";
    too_many(message)
}

fn too_many(message: &str) -> Status {
    details(ErrorReason::TooManyStreams, [])
        .retry_after(STREAMS_RETRY)
        .status(Code::ResourceExhausted, message)
}

/// RESOURCE_EXHAUSTED for a client that took nothing for too long.
pub(super) fn receiver_stalled() -> Status {
    let message = "the client took nothing from the stream for too long; connect again and resume after the last cursor";
    details(ErrorReason::ReceiverStalled, []).retry_after(READ_RETRY).status(Code::ResourceExhausted, message)
}

/// UNAUTHENTICATED without a token.
pub(super) fn token_missing() -> Status {
    let message = "this gateway asks for a token; send the header `authorization: Bearer TOKEN`";
    unauthenticated(message)
}

/// UNAUTHENTICATED for a token that is not known.
pub(super) fn token_unknown() -> Status {
    unauthenticated("the token is not known here; check it, and that the gateway was told of it")
}

/// UNAUTHENTICATED for a stream whose token was taken back, or got other rights.
pub(super) fn token_revoked() -> Status {
    unauthenticated("the token was taken back or has other rights now; connect again with one that is known")
}

fn unauthenticated(message: &str) -> Status {
    details(ErrorReason::TokenInvalid, []).status(Code::Unauthenticated, message)
}

/// PERMISSION_DENIED for what a token may not do.
pub(super) fn denied(holder: &Holder, message: &str) -> Status {
    let lists = holder.rights.events.as_ref().map(Filter::lists).unwrap_or_default();
    let mut metadata = vec![("token", holder.name.clone())];
    if !lists.sdk_app_ids.is_empty() {
        let ids: Vec<String> = lists.sdk_app_ids.iter().map(u32::to_string).collect();
        metadata.push(("sdk_app_ids", ids.join(",")));
    }
    if !lists.commands.is_empty() {
        metadata.push(("commands", lists.commands.join(",")));
    }
    // Some clients take no more than 8 KiB of headers.
    metadata.retain(|(_, text)| text.len() <= MAX_LIST_BYTES);
    details(ErrorReason::AccessDenied, metadata).status(Code::PermissionDenied, message)
}

/// NOT_FOUND for a sequence.
pub(super) fn event_not_found(sequence: Sequence) -> Status {
    let message = format!("no event has the sequence {sequence}, or none yet");
    details(ErrorReason::EventNotFound, [("sequence", sequence.to_string())]).status(Code::NotFound, message)
}

/// The reason that a status carries, or its code's description.
pub(super) fn reason(status: &Status) -> String {
    match status.get_details_error_info() {
        Some(info) => info.reason,
        None => status.code().description().to_owned(),
    }
}

/// Why a stream cannot begin or go on, or a cursor is refused.
pub(super) fn subscribe(error: &SubscribeError, log: &dyn EventLog) -> Status {
    match error {
        SubscribeError::Expired => expired(
            "events after the position are no longer stored; start with earliest, or after oldest_cursor, for \
             what is left",
            log,
        ),
        SubscribeError::Replaced => another_log(ErrorReason::LogReplaced, error, log),
        SubscribeError::Rewound => another_log(ErrorReason::LogRewound, error, log),
        SubscribeError::Read(error) => unreadable(error, log),
    }
}

/// Why events could not be listed.
pub(super) fn list(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
        ReadError::Trimmed { .. } => {
            expired("events after the page token are no longer stored; start without a token", log)
        }
        ReadError::Unavailable(_) | ReadError::Hole(_) => unreadable(error, log),
    }
}

/// Why an event, or anything else in the log, could not be read.
pub(super) fn get(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
        ReadError::Trimmed { .. } => expired("the event is no longer stored", log),
        ReadError::Unavailable(_) | ReadError::Hole(_) => unreadable(error, log),
    }
}

fn ends(log: &dyn EventLog) -> [(&'static str, String); 2] {
    let Bounds { oldest, latest } = bounds(log);
    [("oldest_cursor", oldest.to_string()), ("latest_cursor", latest.to_string())]
}

fn expired(message: &str, log: &dyn EventLog) -> Status {
    details(ErrorReason::CursorExpired, ends(log)).status(Code::OutOfRange, message)
}

fn another_log(reason: ErrorReason, error: &SubscribeError, log: &dyn EventLog) -> Status {
    let (epoch, epoch_start) = log.epoch();
    let life = [("epoch", epoch.to_string()), ("epoch_start", rfc3339(epoch_start))];
    let message =
        format!("{error}; compare what you have with the log, then start anew with earliest or latest");
    details(reason, ends(log).into_iter().chain(life)).status(Code::FailedPrecondition, message)
}

fn unreadable(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
        // Which is why.
        ReadError::Unavailable(_) if is_replaced(log) => subscribe(&SubscribeError::Replaced, log),
        ReadError::Unavailable(_) => {
            tracing::error!(%error, "reading the log failed");
            let details = details(ErrorReason::LogUnavailable, []).retry_after(READ_RETRY);
            details.status(
                Code::Unavailable,
                "the log cannot be read at the moment; retry after the delay in RetryInfo",
            )
        }
        ReadError::Hole(hole) => hole_status(hole, log),
        ReadError::Trimmed { .. } => expired("events are no longer stored", log),
    }
}

/// DATA_LOSS for events that cannot be read. Says where to resume behind them.
fn hole_status(hole: &Hole, log: &dyn EventLog) -> Status {
    let reason = match hole.cause {
        Cause::Missing => ErrorReason::EventsMissing,
        Cause::Damaged | Cause::NewerFormat(_) => ErrorReason::LogDamaged,
    };
    let metadata = [
        ("first_sequence", hole.first.to_string()),
        ("last_sequence", hole.last.to_string()),
        ("resume_cursor", subscription::position_after(hole.last, log).to_string()),
    ];
    let message = format!("{hole}; use on_gap SKIP or resume_cursor to continue behind them");
    details(reason, metadata).status(Code::DataLoss, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_has_the_same_bytes_and_every_client_can_read_its_details() {
        let names = ["sequence", "token", "epoch", "epoch_start", "oldest_cursor", "latest_cursor", "field"];
        let status = |names: &[&'static str]| {
            let metadata = names.iter().map(|name| (*name, format!("{name}'s")));
            let details =
                details(ErrorReason::LogReplaced, metadata).retry_after(Duration::from_millis(1500));
            details.status(Code::FailedPrecondition, "replaced")
        };
        let first = status(&names);
        let mut reversed = names;
        reversed.reverse();
        assert_eq!(status(&reversed).details(), first.details());
        assert_eq!((first.code(), first.message()), (Code::FailedPrecondition, "replaced"));
        // Decodes the details with tonic-types, as Rust clients do.
        let read = first.get_error_details();
        assert_eq!(read.retry_info().unwrap().retry_delay, Some(Duration::from_millis(1500)));
        let info = read.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("LOG_REPLACED", DOMAIN));
        assert_eq!(info.metadata.len(), names.len());
        assert_eq!(info.metadata["epoch_start"], "epoch_start's");
        let no_retry = details(ErrorReason::InvalidField, []).status(Code::InvalidArgument, "wrong");
        assert!(no_retry.get_error_details().retry_info().is_none());
    }
}
