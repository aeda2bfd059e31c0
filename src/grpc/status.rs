//! Errors as gRPC statuses: one place, after AIP-193. Internals are logged, never returned.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::rfc3339;
use crate::{
    access::Holder,
    event::Sequence,
    log::{EventLog, ReadError},
    proto::ErrorReason,
    subscription::{Bounds, Filter, Leave, SubscribeError, bounds, is_replaced},
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

fn details(reason: ErrorReason, metadata: impl IntoIterator<Item = (&'static str, String)>) -> ErrorDetails {
    let name = reason.as_str_name();
    let name = name.strip_prefix("ERROR_REASON_").unwrap_or(name);
    let metadata: HashMap<String, String> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    ErrorDetails::with_error_info(name, DOMAIN, metadata)
}

/// INVALID_ARGUMENT for a field, with a reason of its own.
pub(super) fn with_field(reason: ErrorReason, field: &str, message: &str) -> Status {
    Status::with_error_details(Code::InvalidArgument, message, details(reason, [("field", field.to_owned())]))
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
    let mut details = details(reason, []);
    details.set_retry_info(Some(delay));
    let message = format!("{message}; connect again and resume after the last cursor");
    (reason, delay, Status::with_error_details(Code::Unavailable, message, details))
}

/// RESOURCE_EXHAUSTED at the cap on streams.
pub(super) fn too_many_streams() -> Status {
    let mut details = details(ErrorReason::TooManyStreams, []);
    details.set_retry_info(Some(STREAMS_RETRY));
    let message =
        "the gateway has as many streams as it may; connect again later, or raise --grpc-max-streams";
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// RESOURCE_EXHAUSTED at the cap on calls of health and reflection.
pub(super) fn too_many_calls() -> Status {
    let mut details = details(ErrorReason::TooManyStreams, []);
    details.set_retry_info(Some(STREAMS_RETRY));
    let message = "the gateway has as many calls of health and reflection as it takes; try again later";
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// RESOURCE_EXHAUSTED for a client that took nothing for too long.
pub(super) fn receiver_stalled() -> Status {
    let message = "the client took nothing from the stream for too long; connect again and resume after the last cursor";
    let mut details = details(ErrorReason::ReceiverStalled, []);
    details.set_retry_info(Some(READ_RETRY));
    Status::with_error_details(Code::ResourceExhausted, message, details)
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
    Status::with_error_details(Code::Unauthenticated, message, details(ErrorReason::TokenInvalid, []))
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
    let details = details(ErrorReason::AccessDenied, metadata);
    Status::with_error_details(Code::PermissionDenied, message, details)
}

/// NOT_FOUND for a sequence.
pub(super) fn event_not_found(sequence: Sequence) -> Status {
    let details = details(ErrorReason::EventNotFound, [("sequence", sequence.to_string())]);
    let message = format!("no event has the sequence {sequence}, or none yet");
    Status::with_error_details(Code::NotFound, message, details)
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
        ReadError::Unavailable(_) | ReadError::Record { .. } => unreadable(error, log),
    }
}

/// Why an event, or anything else in the log, could not be read.
pub(super) fn get(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
        ReadError::Trimmed { .. } => expired("the event is no longer stored", log),
        ReadError::Unavailable(_) | ReadError::Record { .. } => unreadable(error, log),
    }
}

fn ends(log: &dyn EventLog) -> [(&'static str, String); 2] {
    let Bounds { oldest, latest } = bounds(log);
    [("oldest_cursor", oldest.to_string()), ("latest_cursor", latest.to_string())]
}

fn expired(message: &str, log: &dyn EventLog) -> Status {
    Status::with_error_details(Code::OutOfRange, message, details(ErrorReason::CursorExpired, ends(log)))
}

fn another_log(reason: ErrorReason, error: &SubscribeError, log: &dyn EventLog) -> Status {
    let (epoch, epoch_start) = log.epoch();
    let life = [("epoch", epoch.to_string()), ("epoch_start", rfc3339(epoch_start))];
    let message =
        format!("{error}; compare what you have with the log, then start anew with earliest or latest");
    let details = details(reason, ends(log).into_iter().chain(life));
    Status::with_error_details(Code::FailedPrecondition, message, details)
}

fn unreadable(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
        // Which is why.
        ReadError::Unavailable(_) if is_replaced(log) => subscribe(&SubscribeError::Replaced, log),
        ReadError::Unavailable(_) => {
            tracing::error!(%error, "reading the log failed");
            let mut details = details(ErrorReason::LogUnavailable, []);
            details.set_retry_info(Some(READ_RETRY));
            Status::with_error_details(
                Code::Unavailable,
                "the log cannot be read just now; try again",
                details,
            )
        }
        ReadError::Record { sequence, .. } => {
            tracing::error!(%error, "a stored event cannot be read");
            let message = format!(
                "event {sequence} cannot be read: it is damaged, or a newer gateway stored it; see the gateway's log"
            );
            let details = details(ErrorReason::LogDamaged, [("sequence", sequence.to_string())]);
            Status::with_error_details(Code::DataLoss, message, details)
        }
        ReadError::Trimmed { .. } => expired("events are no longer stored", log),
    }
}
