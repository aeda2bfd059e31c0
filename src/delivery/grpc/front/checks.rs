//! Checks the headers of a call.

use std::time::Duration;

use tonic::{
    Status,
    body::Body,
    codegen::http::{self, HeaderMap, HeaderValue, Method as HttpMethod, StatusCode, header, request::Parts},
};

use super::super::status;

/// Most metadata of a call, counted as HTTP/2 does: names, values, and 32 bytes for each entry.
const MAX_METADATA_BYTES: usize = 16 * 1024;
/// Group of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// `EventService.Subscribe`.
    Subscribe,
    /// The other methods of `EventService`.
    Events,
    /// `AdminService`.
    Admin,
    /// `Health.Check`.
    Check,
    /// `Health.Watch`.
    Watch,
    /// Reflection, in both versions.
    Reflection,
}

impl Method {
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/imcallback.v1.EventService/Subscribe" => Self::Subscribe,
            "/imcallback.v1.EventService/ListEvents" | "/imcallback.v1.EventService/GetEvent" => Self::Events,
            "/imcallback.v1.AdminService/ListSubscribers"
            | "/imcallback.v1.AdminService/GetLogStatus"
            | "/imcallback.v1.AdminService/ListRefusals" => Self::Admin,
            "/grpc.health.v1.Health/Check" => Self::Check,
            "/grpc.health.v1.Health/Watch" => Self::Watch,
            REFLECTION_PATH | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => {
                Self::Reflection
            }
            _ => return None,
        })
    }

    pub(super) fn needs_token(self) -> bool {
        match self {
            Self::Subscribe | Self::Events | Self::Admin => true,
            Self::Check | Self::Watch | Self::Reflection => false,
        }
    }
}

/// Path of reflection v1. v1alpha has the same messages, so one service answers both.
pub(super) const REFLECTION_PATH: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Status of a call that the front refuses.
pub(super) struct Refusal {
    pub(super) status: Status,
    pub(super) http_status: StatusCode,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { status, http_status: StatusCode::OK }
    }
}

impl Refusal {
    pub(super) fn response(self) -> http::Response<Body> {
        let code = self.status.code();
        let mut response = self.status.into_http();
        *response.status_mut() = self.http_status;
        if code == tonic::Code::Unimplemented {
            response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        }
        response
    }
}

/// Checks a call, apart from its token.
pub(super) fn check_request(parts: &Parts) -> Result<Method, Refusal> {
    if parts.method != HttpMethod::POST {
        let status = status::not_grpc("a gRPC call is a POST request");
        return Err(Refusal { status, http_status: StatusCode::METHOD_NOT_ALLOWED });
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let media_type = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    if !["application/grpc", "application/grpc+proto"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known.as_bytes()))
    {
        let status = status::not_grpc("the content type is not application/grpc: this is a gRPC server");
        return Err(Refusal { status, http_status: StatusCode::UNSUPPORTED_MEDIA_TYPE });
    }
    if metadata_bytes(parts) > MAX_METADATA_BYTES {
        return Err(status::metadata_too_large(MAX_METADATA_BYTES).into());
    }
    let method = Method::of(parts.uri.path()).ok_or_else(status::method_unknown)?;
    match parts.headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(method),
        Some(_) => Err(status::compression_unsupported().into()),
    }
}

/// Returns the size of a call's metadata.
pub(super) fn metadata_bytes(parts: &Parts) -> usize {
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    let uri = &parts.uri;
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    headers.sum::<usize>() + path + uri.authority().map_or(0, |authority| authority.as_str().len())
}

/// Returns the client's timeout for its call: 1 to 8 digits and a unit. A malformed one is ignored.
pub(super) fn own_deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    // Visible ASCII only, so the last byte is a character.
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let value: u64 = digits.parse().ok().filter(|_| digits.len() <= 8 && !digits.starts_with('+'))?;
    Some(match unit {
        "H" => Duration::from_secs(value * 60 * 60),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_own_deadline_has_at_most_eight_digits_and_a_unit() {
        let deadline = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            own_deadline(&headers)
        };
        assert_eq!(deadline("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(deadline("2M"), Some(Duration::from_secs(120)));
        assert_eq!(deadline("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(deadline("150m"), Some(Duration::from_millis(150)));
        assert_eq!(deadline("7u"), Some(Duration::from_micros(7)));
        assert_eq!(deadline("7n"), Some(Duration::from_nanos(7)));
        for malformed in ["", "S", "5", "123456789S", "+1S", "-1S", "1s", "1 S"] {
            assert_eq!(deadline(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn every_method_of_every_service_is_known() {
        let pool = prost_reflect::DescriptorPool::decode(crate::proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut count = 0;
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                assert!(Method::of(&path).is_some_and(Method::needs_token), "{path}");
                count += 1;
            }
        }
        assert!(count >= 6);
        assert_eq!(Method::of("/imcallback.v1.EventService/subscribe"), None);
    }
}
