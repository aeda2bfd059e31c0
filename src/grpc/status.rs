//! Errors as gRPC statuses: one place, after AIP-193. Internals are logged, never returned.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::rfc3339;
use crate::{
    log::{EventLog, ReadError},
    proto::ErrorReason,
    subscription::{Bounds, SubscribeError, bounds},
};

/// The domain of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "imcallback.v1";
/// When a client should come back after a shutdown: another replica, or the next process, is there by then.
const SHUTDOWN_RETRY: Duration = Duration::from_secs(1);
/// When a client should try a read again that failed.
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

/// UNAVAILABLE after a `going_away` frame.
pub(super) fn shutting_down() -> Status {
    let mut details = details(ErrorReason::ShuttingDown, []);
    details.set_retry_info(Some(SHUTDOWN_RETRY));
    let message = "the gateway is shutting down; connect again and resume after the last cursor";
    Status::with_error_details(Code::Unavailable, message, details)
}

/// Why a position cannot be read from.
pub(super) fn subscribe(error: &SubscribeError, log: &dyn EventLog) -> Status {
    let Bounds { oldest, latest } = bounds(log);
    let ends = [("oldest_cursor", oldest.to_string()), ("latest_cursor", latest.to_string())];
    let (epoch, epoch_start) = log.epoch();
    let life = [("epoch", epoch.to_string()), ("epoch_start", rfc3339(epoch_start))];
    let (code, remedy, details) = match error {
        SubscribeError::Expired => (
            Code::OutOfRange,
            "resume after oldest_cursor for what is left",
            details(ErrorReason::CursorExpired, ends),
        ),
        SubscribeError::Replaced => (
            Code::FailedPrecondition,
            "start anew with earliest or latest",
            details(ErrorReason::LogReplaced, ends.into_iter().chain(life)),
        ),
        SubscribeError::Rewound => (
            Code::FailedPrecondition,
            "compare what you have with the log, then start anew with earliest or latest",
            details(ErrorReason::LogRewound, ends.into_iter().chain(life)),
        ),
        SubscribeError::Read(error) => return read(error, log),
    };
    Status::with_error_details(code, format!("{error}; {remedy}"), details)
}

/// Why the log could not be read.
pub(super) fn read(error: &ReadError, log: &dyn EventLog) -> Status {
    match error {
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
        ReadError::Trimmed { .. } => subscribe(&SubscribeError::Expired, log),
    }
}
