//! gRPC statuses of all errors, after AIP-193. Internal details are logged and never returned.

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

/// Longest list in the details of an error, in bytes. A longer one is left out.
const MAX_LIST_BYTES: usize = 2048;
/// Delay of a retry after a shutdown: by then another replica or the next process runs.
const SHUTDOWN_RETRY: Duration = Duration::from_secs(1);
/// Delay of a retry at the cap on streams.
const STREAMS_RETRY: Duration = Duration::from_secs(10);
/// Delay of a retry at a bound on calls.
const CALLS_RETRY: Duration = Duration::from_secs(1);
/// Delay of a retry after a failed read, or after the client did not read.
const READ_RETRY: Duration = Duration::from_secs(1);

/// INVALID_ARGUMENT for a field, with this reason.
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

/// UNAVAILABLE during a shutdown.
pub(super) fn shutting_down() -> Status {
    leaving(LeaveReason::ShuttingDown).2
}

/// UNAVAILABLE after a `going_away` frame, with its reason and the delay of a retry.
pub(super) fn leaving(leave: LeaveReason) -> (ErrorReason, Duration, Status) {
    let (reason, delay, message) = match leave {
        LeaveReason::ShuttingDown => {
            (ErrorReason::ShuttingDown, SHUTDOWN_RETRY, "the gateway is shutting down")
        }
        LeaveReason::AgeReached => {
            (ErrorReason::StreamAgeReached, Duration::ZERO, "the stream has reached its maximum age")
        }
    };
    let message = format!("{message}; connect again and resume after the last cursor");
    (reason, delay, details(reason, []).retry_after(delay).status(Code::Unavailable, message))
}

/// RESOURCE_EXHAUSTED at the cap on streams.
pub(super) fn too_many_streams() -> Status {
    let message = "the gateway has reached its limit of streams; retry later, or raise --grpc-max-streams";
    details(ErrorReason::TooManyStreams, [])
        .retry_after(STREAMS_RETRY)
        .status(Code::ResourceExhausted, message)
}

/// RESOURCE_EXHAUSTED at the cap on calls under way.
pub(super) fn too_many_calls() -> Status {
    too_many(ErrorReason::TooManyCalls, CALLS_RETRY, "the gateway has reached its limit of calls")
}

/// RESOURCE_EXHAUSTED at the bound on bytes of requests.
pub(super) fn too_many_request_bytes() -> Status {
    let message = "requests have reached the memory limit of the gateway";
    too_many(ErrorReason::TooManyRequestBytes, CALLS_RETRY, message)
}

/// RESOURCE_EXHAUSTED at the bound on bytes of unread answers.
pub(super) fn too_many_unread_answers() -> Status {
    let message = "unread answers have reached the memory limit of the gateway";
    too_many(ErrorReason::TooManyUnreadAnswers, CALLS_RETRY, message)
}

/// RESOURCE_EXHAUSTED at the cap on watches.
pub(super) fn too_many_watches() -> Status {
    let message = "the gateway has reached its limit of Health.Watch streams";
    too_many(ErrorReason::TooManyWatches, STREAMS_RETRY, message)
}

fn too_many(reason: ErrorReason, delay: Duration, message: &str) -> Status {
    details(reason, []).retry_after(delay).status(Code::ResourceExhausted, format!("{message}; retry later"))
}

/// UNIMPLEMENTED for a path that is not a method.
pub(super) fn method_unknown() -> Status {
    let message = "the gateway has no such method; check the address, and the versions of client and gateway";
    details(ErrorReason::MethodUnknown, []).status(Code::Unimplemented, message)
}

/// INVALID_ARGUMENT for a request that is not gRPC.
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

/// DEADLINE_EXCEEDED at the client's deadline.
pub(super) fn deadline_reached() -> Status {
    let message = "the deadline of the call passed before the answer was ready";
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

/// Reasons for refusing a call, or for ending it because of its client: the values of a metric's label.
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

/// RESOURCE_EXHAUSTED for a client that read nothing for too long.
pub(super) fn receiver_stalled() -> Status {
    let message = "the client read nothing from the stream for too long; connect again and resume after the last cursor";
    details(ErrorReason::ReceiverStalled, []).retry_after(READ_RETRY).status(Code::ResourceExhausted, message)
}

/// UNAUTHENTICATED without a token.
pub(super) fn token_missing() -> Status {
    let message = "the gateway requires a token; send the header `authorization: Bearer TOKEN`";
    unauthenticated(message)
}

/// UNAUTHENTICATED for an unknown token.
pub(super) fn token_unknown() -> Status {
    unauthenticated("the token is unknown; check it, and the list of tokens of the gateway")
}

/// UNAUTHENTICATED for a stream whose token was revoked or has other rights now.
pub(super) fn token_revoked() -> Status {
    unauthenticated("the token was revoked or has other rights now; connect again with a valid token")
}

fn unauthenticated(message: &str) -> Status {
    details(ErrorReason::TokenInvalid, []).status(Code::Unauthenticated, message)
}

/// PERMISSION_DENIED for a request beyond the rights of a token.
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
    // Some clients accept no more than 8 KiB of headers.
    metadata.retain(|(_, text)| text.len() <= MAX_LIST_BYTES);
    details(ErrorReason::AccessDenied, metadata).status(Code::PermissionDenied, message)
}

/// NOT_FOUND for a sequence.
pub(super) fn event_not_found(sequence: Sequence) -> Status {
    let message = format!("no event has the sequence {sequence}, or none yet");
    details(ErrorReason::EventNotFound, [("sequence", sequence.to_string())]).status(Code::NotFound, message)
}

/// Returns the reason in a status, or the description of its code.
pub(super) fn reason(status: &Status) -> String {
    match status.get_details_error_info() {
        Some(info) => info.reason,
        None => status.code().description().to_owned(),
    }
}

/// Status of a stream that cannot start or continue, or of a refused cursor.
pub(super) fn subscribe(error: &SubscribeError, log: &dyn EventLog) -> Status {
    match error {
        SubscribeError::Expired => expired(
            "events after the position are no longer stored; start with earliest or after oldest_cursor to get the \
             remaining ones",
            log,
        ),
        SubscribeError::Replaced => another_log(ErrorReason::LogReplaced, error, log),
        SubscribeError::Rewound => another_log(ErrorReason::LogRewound, error, log),
        SubscribeError::Read(error) => unreadable(error, log),
    }
}

/// Status of a failed list.
pub(super) fn list(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
        ReadError::Trimmed { .. } => {
            expired("events after the page token are no longer stored; start without a token", log)
        }
        ReadError::Unavailable(_) | ReadError::Hole(_) => unreadable(error, log),
    }
}

/// Status of a failed read of an event, or of the state of the log.
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
        format!("{error}; reconcile your data with the log, then resubscribe from earliest or latest");
    details(reason, ends(log).into_iter().chain(life)).status(Code::FailedPrecondition, message)
}

fn unreadable(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
        // The log is unavailable because it was replaced.
        ReadError::Unavailable(_) if is_replaced(log) => subscribe(&SubscribeError::Replaced, log),
        ReadError::Unavailable(_) => {
            tracing::error!(%error, "cannot read the log; the call fails and the client may retry");
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

/// DATA_LOSS for events that cannot be read, with the cursor after them.
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
    let message = format!("{hole}; use on_gap SKIP or resume_cursor to continue after them");
    details(reason, metadata).status(Code::DataLoss, message)
}
