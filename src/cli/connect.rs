//! Connection to a gateway's gRPC listener, and error messages with remedies.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use callback_gateway_client::{
    self as client, Client, ConnectError, Options, OptionsError, Services, causes, io_error, reason,
};
use secrecy::SecretString;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{Failure, text::escape, tls, variables};
use crate::proto::ErrorReason;

/// Environment variable with the bearer token.
const TOKEN_VARIABLE: &str = "CALLBACK_GATEWAY_CLIENT_TOKEN";

/// Options of the connection.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// URL of the gateway's gRPC listener: http://HOST:PORT, or https:// for TLS
    #[arg(
        long,
        value_name = "URL",
        env = "CALLBACK_GATEWAY_ADDRESS",
        default_value = "http://127.0.0.1:50051"
    )]
    address: String,
    /// File with the client's token. Default: the token in CALLBACK_GATEWAY_CLIENT_TOKEN
    // The help text hides the variable's value: a user may have put the token there by mistake.
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_CLIENT_TOKEN_FILE", hide_env_values = true)]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    tls: tls::Files,
}

/// Address and credentials of a gateway, for any number of connections.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) client: Client,
    /// Address for messages.
    address: String,
}

impl Connection {
    /// Checks the options and reads the files.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        variables::notice_renamed();
        let address = if self.address.contains("://") {
            self.address.clone()
        } else {
            format!("http://{}", self.address)
        };
        let token = self.token()?;
        let is_tls = address.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let pem = self.tls.read("--address", is_tls)?;
        let options = Options {
            address: address.clone(),
            token,
            token_in_plain_text: false,
            ca: pem.ca,
            identity: pem.identity,
        };
        let client = Client::with_options(options).map_err(|error| {
            Failure::Usage(match error {
                OptionsError::Address(_) => format!("--address {}: {error}", escape(&self.address)),
                OptionsError::TokenWithoutTls => format!(
                "the token is not sent to {} without TLS, because it could be read on the network. Use https://, or a tunnel \
                 that ends on this machine (http://127.0.0.1:PORT)",
                    escape(&address)
                ),
                OptionsError::Token | OptionsError::CertificatesWithoutTls | OptionsError::Certificates(_) => {
                    error.to_string()
                }
            })
        })?;
        Ok(Target { client, address })
    }

    /// Connects once and runs a function with the connection.
    pub(super) fn run<T>(
        &self,
        call: impl AsyncFnOnce(Services) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let target = self.target()?;
        runtime()?.block_on(async { call(target.connect().await?).await })
    }

    /// Returns whether the command sends a token, which may limit what the caller can read.
    pub(super) fn has_token(&self) -> bool {
        self.token_file.is_some() || variables::text(TOKEN_VARIABLE).is_ok_and(|text| text.is_some())
    }

    fn token(&self) -> Result<Option<SecretString>, Failure> {
        let (source, text) = match &self.token_file {
            Some(path) => (format!("--token-file {}", shown(path)), {
                fs::read_to_string(path)
                    .map_err(|error| Failure::Usage(format!("--token-file {}: {error}", shown(path))))?
            }),
            None => match variables::text(TOKEN_VARIABLE).map_err(Failure::Usage)? {
                Some(text) => (TOKEN_VARIABLE.to_owned(), text),
                None => return Ok(None),
            },
        };
        let token = text.trim();
        if client::is_token(token) {
            return Ok(Some(token.into()));
        }
        Err(Failure::Usage(format!(
            "{source}: not a valid token: it must be one word of printable ASCII characters, the TOKEN of a line `NAME TOKEN RIGHTS` \
             in the gateway's --grpc-tokens-file (not of `APP_ID TOKEN`, which signs callbacks)"
        )))
    }
}

/// Returns the path for messages, unless it looks like a token instead of a path.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains('/') || path.exists() {
        escape(&text).into_owned()
    } else {
        "(path not shown)".to_owned()
    }
}

/// Creates the runtime of a client command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("cannot start: {error}")))
}

impl Target {
    /// Connects to the gateway.
    pub(super) async fn connect(&self) -> Result<Services, Failure> {
        self.client.connect().await.map_err(|error| Failure::Other(self.unreachable(&error)))
    }

    /// Returns the error message of a failed connection, with a remedy.
    pub(super) fn unreachable(&self, error: &ConnectError) -> String {
        let error = match error {
            ConnectError::Transport(error) => error,
            ConnectError::Timeout => {
                return format!(
                    "no connection to {} within {}; check --address and whether a firewall or network policy drops \
                     the packets",
                    escape(&self.address),
                    super::text::duration(client::CONNECT_TIMEOUT)
                );
            }
        };
        let address = escape(&self.address);
        let is_tls = self.address.starts_with("https:");
        let kind = io_error(error).map(io::Error::kind);
        let causes = causes(error);
        let remedy = match kind {
            Some(io::ErrorKind::ConnectionRefused) => {
                "no listener there: check that the gateway runs and that --address is its gRPC listener"
            }
            Some(io::ErrorKind::TimedOut) => "check --address and whether a firewall drops the packets",
            _ if causes.contains("certificate") => {
                "check --tls-ca, that the gateway's certificate has the name in --address, and whether the gateway \
                 requires a client certificate (--tls-cert, --tls-key)"
            }
            _ if is_tls => "check --address; for a listener without TLS use http://",
            _ if causes.contains("dns") || causes.contains("lookup") => "check the name in --address",
            _ => {
                "check that --address is the gateway's gRPC listener (default port 50051); for TLS use https://"
            }
        };
        format!("cannot connect to {address}: {}; {remedy}", escape(&causes))
    }
}

/// Returns the error message of a status, with a remedy.
pub(super) fn explain(status: &Status) -> String {
    let message = escape(status.message());
    let metadata = status.get_details_error_info().map(|info| info.metadata).unwrap_or_default();
    let detail = |key: &str| {
        metadata.get(key).map(|value| escape(value).into_owned()).filter(|value| !value.is_empty())
    };
    let Some(reason) = reason(status) else {
        let source = std::error::Error::source(status).map(causes).unwrap_or_default();
        let source = escape(&source);
        return without_reason(status.code(), if source.is_empty() { &message } else { &source });
    };
    match reason {
        ErrorReason::CursorExpired => match detail("oldest_cursor") {
            Some(oldest) => format!("{message}; the oldest cursor is {oldest}"),
            None => message.into_owned(),
        },
        ErrorReason::LogReplaced | ErrorReason::LogRewound => match detail("epoch_start") {
            Some(start) => format!("{message}; the current log began at {start}"),
            None => message.into_owned(),
        },
        ErrorReason::TokenInvalid => format!("{message}; {TOKEN_REMEDY}"),
        ErrorReason::AccessDenied => {
            let mut text = message.into_owned();
            if let Some(token) = detail("token") {
                text += &format!("; the token is `{token}`");
            }
            if let Some(apps) = detail("sdk_app_ids") {
                text += &format!("; it may read the apps {apps} (--app)");
            }
            if let Some(commands) = detail("commands") {
                text += &format!("; it may read the commands {commands} (--command)");
            }
            text
        }
        ErrorReason::InvalidField | ErrorReason::InvalidCursor | ErrorReason::InvalidPageToken => {
            if is_of_option(status) {
                with_options(&message)
            } else {
                message.into_owned()
            }
        }
        ErrorReason::Unspecified
        | ErrorReason::LogDamaged
        | ErrorReason::EventsMissing
        | ErrorReason::ShuttingDown
        | ErrorReason::LogUnavailable
        | ErrorReason::StreamAgeReached
        | ErrorReason::TooManyStreams
        | ErrorReason::ReceiverStalled
        | ErrorReason::EventNotFound
        | ErrorReason::MethodUnknown
        | ErrorReason::NotGrpc
        | ErrorReason::CompressionUnsupported
        | ErrorReason::RequestMalformed
        | ErrorReason::RequestTooLarge
        | ErrorReason::MetadataTooLarge
        | ErrorReason::RequestTimeout
        | ErrorReason::DeadlineReached
        | ErrorReason::TooManyCalls
        | ErrorReason::TooManyRequestBytes
        | ErrorReason::TooManyUnreadAnswers
        | ErrorReason::TooManyWatches
        | ErrorReason::ServiceUnknown => message.into_owned(),
    }
}

/// Fields of the API and their options.
const OPTIONS: [(&str, &str); 10] = [
    ("filter.commands", "--command"),
    ("filter.sdk_app_ids", "--app"),
    ("filter.accounts", "--account"),
    ("filter.group_ids", "--group"),
    ("filter.kinds", "--kind"),
    ("start_time", "--since"),
    ("end_time", "--until"),
    ("at_time", "--from"),
    ("after_cursor", "--from"),
    ("reasons", "--reason"),
];

/// Replaces the names of fields by those of options.
fn with_options(message: &str) -> String {
    OPTIONS.iter().fold(message.to_owned(), |message, (field, option)| message.replace(field, option))
}

/// Returns whether the status rejects the value of an option.
fn is_of_option(status: &Status) -> bool {
    let field = status.get_details_error_info().and_then(|info| info.metadata.get("field").cloned());
    field.is_some_and(|field| OPTIONS.iter().any(|(name, _)| *name == field))
}

const TOKEN_REMEDY: &str = "pass the client's token in --token-file or CALLBACK_GATEWAY_CLIENT_TOKEN";

/// Returns the message of a status without a reason of the gateway's API: from a proxy, or from tonic.
fn without_reason(code: Code, message: &str) -> String {
    let remedy = match code {
        Code::Unauthenticated => TOKEN_REMEDY,
        Code::PermissionDenied => "this client lacks the right: use another token or client certificate",
        Code::Unimplemented => {
            "the server does not have this method: the gateway is older than this program, or --address is another server"
        }
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => {
            "the connection broke, or another server answered: check that --address is the gateway's gRPC listener \
             (default port 50051; for TLS use https://), and retry"
        }
        Code::DeadlineExceeded => "the response took too long: retry, or narrow the request",
        Code::ResourceExhausted => "the gateway or a proxy reached a limit: retry later",
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => "see the gateway's log",
    };
    let name = format!("{code:?}");
    if message.is_empty() { format!("{name}; {remedy}") } else { format!("{name}: {message}; {remedy}") }
}

/// Converts a status into a failure and appends a remedy.
pub(super) fn failure(status: &Status, remedy: &str) -> Failure {
    let message = explain(status) + remedy;
    if is_of_option(status) { Failure::Usage(message) } else { Failure::Other(message) }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        failure(&status, "")
    }
}
