//! Rejections of callbacks, with their status, reason and response packet.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{ingest::callback::Refusal, log::AppendError, proto::RefusalReason};

/// Reason why a callback is not answered with 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejection {
    #[error("only POST is accepted")]
    Method,
    #[error("callbacks are not accepted at this path; check --http-path and the console's URL")]
    Path,
    #[error("the body arrived too slowly; send it within a second")]
    BodyTimeout { read: usize },
    #[error("the body is incomplete; send all of it")]
    BodyBroken { read: usize },
    #[error("the body is too large; check --http-body-limit, and max_payload with --log nats")]
    TooLarge,
    #[error("send the body without Content-Encoding: compressed bodies are not accepted")]
    Encoding,
    /// hyper also takes lines that end in LF alone as trailers, where others see the end of the body.
    #[error("send the body with Content-Length, or in plain chunks without trailers")]
    Framing,
    #[error(transparent)]
    Callback(#[from] Refusal),
    #[error("too many callbacks at once; retry")]
    Busy,
    #[error("the callback could not be stored in time; retry")]
    Late,
    #[error("callbacks cannot be stored at the moment; retry")]
    Log(AppendError),
}

impl Rejection {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path => StatusCode::NOT_FOUND,
            Self::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyBroken { .. } | Self::Framing => StatusCode::BAD_REQUEST,
            Self::Callback(refusal) => match refusal {
                Refusal::AppIdMissing | Refusal::AppIdUnknown(_) => StatusCode::FORBIDDEN,
                Refusal::SignMissing
                | Refusal::SignWrong(_)
                | Refusal::RequestTimeMissing
                | Refusal::RequestTimeMalformed(_)
                | Refusal::RequestTimeOutside { .. } => StatusCode::UNAUTHORIZED,
                Refusal::ParameterRepeated(_) | Refusal::CommandMissing(_) | Refusal::CommandInvalid(..) => {
                    StatusCode::BAD_REQUEST
                }
            },
            Self::Busy
            | Self::Late
            | Self::Log(
                AppendError::QueueFull
                | AppendError::Recovering
                | AppendError::Expired
                | AppendError::Failed
                | AppendError::Closed,
            ) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the position of the fault and the kind of byte there, without quoting content. Empty if the reason is
    /// sufficient.
    pub(super) fn detail(self) -> String {
        match self {
            Self::Callback(refusal) => refusal.detail(),
            Self::BodyBroken { read } => format!("body: ended after {read} bytes"),
            Self::BodyTimeout { read } => format!("body: only {read} bytes arrived before the deadline"),
            Self::Encoding => "header Content-Encoding: the name of a compression".to_owned(),
            Self::Method
            | Self::Path
            | Self::TooLarge
            | Self::Framing
            | Self::Busy
            | Self::Late
            | Self::Log(_) => String::new(),
        }
    }

    /// Returns the reason in the API.
    pub(super) fn reason(self) -> RefusalReason {
        match self {
            Self::Method => RefusalReason::Method,
            Self::Path => RefusalReason::Path,
            Self::BodyTimeout { .. } => RefusalReason::BodyTimeout,
            Self::BodyBroken { .. } => RefusalReason::BodyBroken,
            Self::TooLarge => RefusalReason::BodyTooLarge,
            Self::Encoding => RefusalReason::ContentEncoding,
            Self::Framing => RefusalReason::Framing,
            Self::Callback(refusal) => match refusal {
                Refusal::ParameterRepeated(_) => RefusalReason::ParameterRepeated,
                Refusal::AppIdMissing => RefusalReason::AppIdMissing,
                Refusal::AppIdUnknown(_) => RefusalReason::AppIdUnknown,
                Refusal::SignMissing => RefusalReason::SignMissing,
                Refusal::SignWrong(_) => RefusalReason::SignWrong,
                Refusal::RequestTimeMissing => RefusalReason::RequestTimeMissing,
                Refusal::RequestTimeMalformed(_) => RefusalReason::RequestTimeMalformed,
                Refusal::RequestTimeOutside { .. } => RefusalReason::RequestTimeOutside,
                Refusal::CommandMissing(_) => RefusalReason::CommandMissing,
                Refusal::CommandInvalid(..) => RefusalReason::CommandInvalid,
            },
            Self::Busy | Self::Log(AppendError::QueueFull) => RefusalReason::Busy,
            Self::Late | Self::Log(AppendError::Expired) => RefusalReason::Late,
            Self::Log(AppendError::Recovering) => RefusalReason::LogRecovering,
            Self::Log(AppendError::Failed) => RefusalReason::LogFailed,
            Self::Log(AppendError::Closed) => RefusalReason::LogClosed,
        }
    }
}

/// The vendor's response packet.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Packet<'a> {
    action_status: &'a str,
    error_code: u8,
    error_info: &'a str,
}

pub(super) const STORED: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

pub(super) fn answer(status: StatusCode, packet: impl Into<Body>) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], packet.into()).into_response()
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let text = self.to_string();
        let packet = Packet { action_status: "FAIL", error_code: 1, error_info: &text };
        let packet = serde_json::to_string(&packet).expect("three plain fields always serialize");
        let mut response = answer(self.status(), packet);
        if self == Self::Method {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
