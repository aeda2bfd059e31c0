//! The connection to a gateway's gRPC listener, and what its errors tell people.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri},
};
use tonic_types::StatusExt as _;

use super::{Failure, text::escape, tls, variables};
use crate::proto::{
    ErrorReason, admin_service_client::AdminServiceClient, event_service_client::EventServiceClient,
};

/// The environment variable with the bearer token.
const TOKEN_VARIABLE: &str = "CALLBACK_GATEWAY_TOKEN";
/// Longest bearer token, in bytes: what a header takes, roughly.
const MAX_TOKEN_BYTES: usize = 8192;
/// How long the connection may take, its TLS handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take to begin.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// After how much silence a gateway is asked whether it is still there, and how long its answer may take.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Which gateway to ask.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// The gateway's gRPC listener: http://HOST:PORT, or https:// for TLS
    #[arg(
        long,
        value_name = "URL",
        env = "CALLBACK_GATEWAY_ADDRESS",
        default_value = "http://127.0.0.1:50051"
    )]
    address: String,
    /// File with the token that the gateway knows the caller by. The token itself may stand in
    /// CALLBACK_GATEWAY_TOKEN
    // What the variable has is not shown: somebody may have put the token itself there.
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_TOKEN_FILE", hide_env_values = true)]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    tls: tls::Files,
}

/// A connection that shows its token with every call.
pub(super) type Authorized = InterceptedService<Channel, Bearer>;

/// The services of a gateway.
#[derive(Clone)]
pub(super) struct Gateway {
    pub(super) events: EventServiceClient<Authorized>,
    pub(super) admin: AdminServiceClient<Authorized>,
}

/// Puts a token in every call.
#[derive(Clone)]
pub(super) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// A gateway that can be connected to, again and again.
#[derive(Clone)]
pub(super) struct Target {
    endpoint: Endpoint,
    bearer: Bearer,
    /// For messages.
    address: String,
}

impl Connection {
    /// Checks and reads everything that is needed to connect.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        let address = if self.address.contains("://") {
            self.address.clone()
        } else {
            format!("http://{}", self.address)
        };
        let wrong = |problem: &str| {
            Failure::Usage(format!(
                "--address {}: {problem}; write http://HOST:PORT, or https://HOST:PORT for TLS",
                escape(&self.address)
            ))
        };
        let uri: Uri = address.parse().map_err(|_| wrong("it is no address"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it begins with neither http:// nor https://")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("it has something behind the port"));
        }
        let token = self.token()?;
        if token.is_some() && !is_tls && !is_loopback(&uri) {
            return Err(Failure::Usage(format!(
                "the token is not sent to {} without TLS: anybody on the way could read it. Use https://, or a tunnel \
                 whose end is on this machine (http://127.0.0.1:PORT)",
                escape(&address)
            )));
        }
        let mut endpoint = Endpoint::from(uri)
            .user_agent(concat!("callback-gateway/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| Failure::Other(error.to_string()))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true);
        let pem = self.tls.read("--address", is_tls)?;
        if is_tls {
            let mut config = ClientTlsConfig::new();
            config = match pem.ca {
                Some(ca) => config.ca_certificate(Certificate::from_pem(ca)),
                None => config.with_native_roots(),
            };
            if let Some((cert, key)) = pem.identity {
                config = config.identity(Identity::from_pem(cert, key));
            }
            endpoint = endpoint.tls_config(config).map_err(|error| {
                Failure::Usage(format!("the certificates cannot be used: {}", causes(&error)))
            })?;
        }
        Ok(Target { endpoint, bearer: bearer(token)?, address })
    }

    /// Connects once and runs something over the connection.
    pub(super) fn run<T>(&self, call: impl AsyncFnOnce(Gateway) -> Result<T, Failure>) -> Result<T, Failure> {
        let target = self.target()?;
        runtime()?.block_on(async { call(target.connect().await?).await })
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
        if (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(Some(token.into()));
        }
        Err(Failure::Usage(format!(
            "{source}: a token is one word of printable ASCII characters: the TOKEN of a line `NAME TOKEN RIGHTS` \
             in the gateway's --grpc-tokens-file (not of `APP_ID TOKEN`, which signs callbacks)"
        )))
    }
}

/// The path, unless it looks like something else that was given in its place.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains('/') || path.exists() {
        escape(&text).into_owned()
    } else {
        "(the path given)".to_owned()
    }
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn bearer(token: Option<SecretString>) -> Result<Bearer, Failure> {
    let value = token.map(|token| {
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.expose_secret())
            .parse()
            // Its characters were looked at already.
            .map_err(|_| Failure::Usage("the token does not fit into a header".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    });
    value.transpose().map(Bearer)
}

/// What runs a command that asks a gateway.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("cannot start: {error}")))
}

impl Target {
    /// Connects.
    pub(super) async fn connect(&self) -> Result<Gateway, Failure> {
        let channel = match tokio::time::timeout(CONNECT_TIMEOUT, self.endpoint.connect()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return Err(self.unreachable(&error)),
            Err(_) => {
                return Err(Failure::Other(format!(
                    "no connection to {} within {}; check --address, and that nothing on the way (a firewall, a \
                     network policy) drops it",
                    escape(&self.address),
                    super::text::duration(CONNECT_TIMEOUT)
                )));
            }
        };
        Ok(Gateway {
            events: EventServiceClient::with_interceptor(channel.clone(), self.bearer.clone()),
            admin: AdminServiceClient::with_interceptor(channel, self.bearer.clone()),
        })
    }

    fn unreachable(&self, error: &tonic::transport::Error) -> Failure {
        let address = escape(&self.address);
        let is_tls = self.address.starts_with("https:");
        let kind = io_error(error).map(io::Error::kind);
        let causes = causes(error);
        let remedy = match kind {
            Some(io::ErrorKind::ConnectionRefused) => {
                "nothing listens there: is the gateway running, and is --address its gRPC listener?"
            }
            Some(io::ErrorKind::TimedOut) => "check --address, and that nothing on the way drops it",
            _ if causes.contains("certificate") => {
                "check --tls-ca, that --address has the name in the gateway's certificate, and whether the gateway wants \
                 a client certificate (--tls-cert, --tls-key)"
            }
            _ if is_tls => "check --address; a listener without TLS wants http://",
            _ if causes.contains("dns") || causes.contains("lookup") => "check the name in --address",
            _ => {
                "check that --address is the gateway's gRPC listener (by default port 50051); one with TLS wants https://"
            }
        };
        Failure::Other(format!("cannot connect to {address}: {}; {remedy}", escape(&causes)))
    }
}

/// The innermost error that is the operating system's.
fn io_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        found = error.downcast_ref::<io::Error>().or(found);
        next = error.source();
    }
    found
}

/// The causes of an error, outermost first, each said once.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes: Vec<String> = Vec::new();
    // tonic's own text is only 'transport error'.
    let mut next = error.source().or(Some(error));
    while let Some(error) = next {
        let text = error.to_string();
        if !causes.iter().any(|cause| cause.contains(&text)) {
            causes.push(text);
        }
        next = error.source();
    }
    causes.join(": ")
}

/// The reason in a status, where it is one of ours.
pub(super) fn reason(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// Whether the same call may succeed later, and is worth trying again.
pub(super) fn is_passing(status: &Status) -> bool {
    match status.code() {
        // Broken connections are unknown, internal or cancelled; so are some proxies' answers.
        Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded => true,
        Code::Unknown | Code::Internal | Code::Cancelled => reason(status).is_none(),
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

/// What a status tells a person, and what to do next.
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
            Some(start) => format!("{message}; the log as it is now began at {start}"),
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
        | ErrorReason::ShuttingDown
        | ErrorReason::LogUnavailable
        | ErrorReason::StreamAgeReached
        | ErrorReason::TooManyStreams
        | ErrorReason::ReceiverStalled
        | ErrorReason::EventNotFound => message.into_owned(),
    }
}

/// The API's fields that options give, and those options.
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

/// A message about fields, as one about options.
fn with_options(message: &str) -> String {
    OPTIONS.iter().fold(message.to_owned(), |message, (field, option)| message.replace(field, option))
}

/// Whether a status says that an option has a wrong value.
fn is_of_option(status: &Status) -> bool {
    let field = status.get_details_error_info().and_then(|info| info.metadata.get("field").cloned());
    field.is_some_and(|field| OPTIONS.iter().any(|(name, _)| *name == field))
}

const TOKEN_REMEDY: &str = "give the caller's token in --token-file or in CALLBACK_GATEWAY_TOKEN";

/// A status that is not, or not only, of a gateway: of a proxy, or of tonic itself.
fn without_reason(code: Code, message: &str) -> String {
    let remedy = match code {
        Code::Unauthenticated => TOKEN_REMEDY,
        Code::PermissionDenied => "this caller may not do this: use another token or client certificate",
        Code::Unimplemented => {
            "the gateway does not know this call: it is older than this program, or --address is another server"
        }
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => {
            "the connection broke, or something else answered: check that --address is the gateway's gRPC listener (by \
             default port 50051; one with TLS wants https://), and try again"
        }
        Code::DeadlineExceeded => "the answer took too long: try again, or narrow what is asked for",
        Code::ResourceExhausted => "there is more than the gateway, or a proxy, takes: try again later",
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

/// The failure that a status is; what to do besides is added.
pub(super) fn failure(status: &Status, remedy: &str) -> Failure {
    let message = explain(status) + remedy;
    if is_of_option(status) { Failure::Usage(message) } else { Failure::Other(message) }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        failure(&status, "")
    }
}
