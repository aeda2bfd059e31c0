//! Details of a status, after AIP-193: a reason, metadata, and the delay of a retry.

use std::{collections::BTreeMap, time::Duration};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::pb;

use crate::{event::Timestamp, proto::ErrorReason};

/// Domain of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "imcallback.v1";

/// `google.rpc.ErrorInfo` with ordered metadata. `tonic-types` uses a `HashMap`, so that the same error would have different
/// bytes each time.
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
pub(super) struct Details {
    info: ErrorInfo,
    /// Delay of a retry.
    retry_delay: Option<Duration>,
}

pub(super) fn details(
    reason: ErrorReason,
    metadata: impl IntoIterator<Item = (&'static str, String)>,
) -> Details {
    let reason = name(reason).to_owned();
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Details { info: ErrorInfo { reason, domain: DOMAIN.to_owned(), metadata }, retry_delay: None }
}

/// Returns the name of a reason in the API, without its prefix.
pub(in super::super) fn name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

impl Details {
    pub(super) fn retry_after(self, delay: Duration) -> Self {
        Self { retry_delay: Some(delay), ..self }
    }

    pub(super) fn status(self, code: Code, message: impl Into<String>) -> Status {
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

/// Last microsecond that RFC 3339 can express.
const MAX_RFC3339: Timestamp = Timestamp(253_402_300_799_999_999);

/// Formats a time in RFC 3339, for error details. Clamps it to 1970 to 9999, outside of which `humantime` panics.
pub(super) fn rfc3339(time: Timestamp) -> String {
    humantime::format_rfc3339_micros(time.clamp(Timestamp(0), MAX_RFC3339).into()).to_string()
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

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

    #[test]
    fn every_time_has_a_text() {
        assert_eq!(rfc3339(Timestamp(-1)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(Timestamp(i64::MIN)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(Timestamp(i64::MAX)), "9999-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339(Timestamp(1_800_000_000_000_001)), "2027-01-15T08:00:00.000001Z");
    }
}
