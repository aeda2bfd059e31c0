//! Errors as gRPC statuses: one place, after AIP-193. Internals are logged, never returned.

mod details;

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

pub(super) use self::details::name;
use self::details::{details, rfc3339};
use super::page_token::PageTokenError;
use crate::{
    delivery::{
        access::Token,
        subscription::{self, Filter, LeaveReason, LogBounds, SubscribeError, bounds, is_replaced},
    },
    event::Sequence,
    log::{Cause, EventLog, Hole, ReadError},
    proto::ErrorReason,
};

/// Longest list in an error's details; a longer one is left out.
const MAX_LIST_BYTES: usize = 2048;
/// When a client should come back after a shutdown: another replica, or the next process, is there by then.
const SHUTDOWN_RETRY: Duration = Duration::from_secs(1);
/// When a client should try for a stream again that there was no place for.
const STREAMS_RETRY: Duration = Duration::from_secs(10);
/// When a client should try a call again that there was no place or memory for.
const CALLS_RETRY: Duration = Duration::from_secs(1);
/// When a client should try again to read, which failed, or which it did not do.
const READ_RETRY: Duration = Duration::from_secs(1);

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
    leaving(LeaveReason::ShuttingDown).2
}

/// UNAVAILABLE after a `going_away` frame, with its reason and when to come back.
pub(super) fn leaving(leave: LeaveReason) -> (ErrorReason, Duration, Status) {
    let (reason, delay, message) = match leave {
        LeaveReason::ShuttingDown => {
            (ErrorReason::ShuttingDown, SHUTDOWN_RETRY, "the gateway is shutting down")
        }
        LeaveReason::AgeReached => {
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
    details(ErrorReason::TooManyStreams, [])
        .retry_after(STREAMS_RETRY)
        .status(Code::ResourceExhausted, message)
}

/// RESOURCE_EXHAUSTED at the cap on calls under way.
pub(super) fn too_many_calls() -> Status {
    too_many(ErrorReason::TooManyCalls, CALLS_RETRY, "the gateway has as many calls under way as it may")
}

/// RESOURCE_EXHAUSTED where requests under way hold too much memory.
pub(super) fn too_many_request_bytes() -> Status {
    let message = "requests under way hold as much memory as they may";
    too_many(ErrorReason::TooManyRequestBytes, CALLS_RETRY, message)
}

/// RESOURCE_EXHAUSTED where answers that are not taken hold too much memory.
pub(super) fn too_many_unread_answers() -> Status {
    let message = "answers that their clients do not take hold as much memory as they may";
    too_many(ErrorReason::TooManyUnreadAnswers, CALLS_RETRY, message)
}

/// RESOURCE_EXHAUSTED at the cap on watches.
pub(super) fn too_many_watches() -> Status {
    let message = "the gateway has as many Health.Watch streams as it may";
    too_many(ErrorReason::TooManyWatches, STREAMS_RETRY, message)
}

fn too_many(reason: ErrorReason, delay: Duration, message: &str) -> Status {
    details(reason, [])
        .retry_after(delay)
        .status(Code::ResourceExhausted, format!("{message}; try again later"))
}

/// UNIMPLEMENTED for a path that is not a method.
pub(super) fn method_unknown() -> Status {
    let message = "the gateway has no such method; check the address, and the versions of client and gateway";
    details(ErrorReason::MethodUnknown, []).status(Code::Unimplemented, message)
}

/// INVALID_ARGUMENT for what is not a gRPC request.
pub(super) fn not_grpc(message: &str) -> Status {
    details(ErrorReason::NotGrpc, []).status(Code::InvalidArgument, message)
}

/// UNIMPLEMENTED for a compressed request.
pub(super) fn compression_unsupported() -> Status {
    let message =
        "the gateway does not accept compressed requests; send them uncompressed (grpc-encoding: identity)";
    details(ErrorReason::CompressionUnsupported, []).status(Code::Unimplemented, message)
}

/// INVALID_ARGUMENT for a request that is not one whole message of its type.
pub(super) fn request_malformed(message: &str) -> Status {
    details(ErrorReason::RequestMalformed, []).status(Code::InvalidArgument, message)
}

/// INVALID_ARGUMENT for a message above the limit.
pub(super) fn request_too_large(limit: usize) -> Status {
    let message = format!("the request's message is larger than {limit} bytes");
    let limit = [("limit_bytes", limit.to_string())];
    details(ErrorReason::RequestTooLarge, limit).status(Code::InvalidArgument, message)
}

/// INVALID_ARGUMENT for metadata above the limit.
pub(super) fn metadata_too_large(limit: usize) -> Status {
    let message = format!("the call's metadata is larger than {limit} bytes, with 32 for each entry");
    let limit = [("limit_bytes", limit.to_string())];
    details(ErrorReason::MetadataTooLarge, limit).status(Code::InvalidArgument, message)
}

/// DEADLINE_EXCEEDED for a message that was not complete in time.
pub(super) fn request_timeout() -> Status {
    let message = "the request's message was not complete in time; send it together with the headers";
    details(ErrorReason::RequestTimeout, []).retry_after(CALLS_RETRY).status(Code::DeadlineExceeded, message)
}

/// DEADLINE_EXCEEDED for the deadline that the client gave the call.
pub(super) fn deadline_reached() -> Status {
    let message = "the call's own deadline passed before its answer was made";
    details(ErrorReason::DeadlineReached, []).status(Code::DeadlineExceeded, message)
}

/// NOT_FOUND for the health of an unknown service.
pub(super) fn service_unknown(service: &str) -> Status {
    let message = "the gateway has no such service; it reports the health of \"\", imcallback.v1.EventService and \
                   imcallback.v1.AdminService";
    let mut metadata = vec![("service", service.to_owned())];
    metadata.retain(|(_, name)| name.len() <= MAX_LIST_BYTES);
    details(ErrorReason::ServiceUnknown, metadata).status(Code::NotFound, message)
}

/// Reasons for which a call is refused before it runs, or ended for what its client did: the values of a metric's label.
pub(super) const REFUSED: [ErrorReason; 16] = [
    ErrorReason::TokenInvalid,
    ErrorReason::AccessDenied,
    ErrorReason::MethodUnknown,
    ErrorReason::NotGrpc,
    ErrorReason::CompressionUnsupported,
    ErrorReason::RequestMalformed,
    ErrorReason::RequestTooLarge,
    ErrorReason::MetadataTooLarge,
    ErrorReason::RequestTimeout,
    ErrorReason::DeadlineReached,
    ErrorReason::TooManyCalls,
    ErrorReason::TooManyRequestBytes,
    ErrorReason::TooManyUnreadAnswers,
    ErrorReason::TooManyWatches,
    ErrorReason::ReceiverStalled,
    ErrorReason::ShuttingDown,
];

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
pub(super) fn denied(token: &Token, message: &str) -> Status {
    let lists = token.rights.events.as_ref().map(Filter::lists).unwrap_or_default();
    let mut metadata = vec![("token", token.name.clone())];
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
    let LogBounds { oldest, latest } = bounds(log);
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
