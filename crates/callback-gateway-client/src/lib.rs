//! Client for callback-gateway: follows the log across broken connections, and returns a typed error for each
//! decision that only its user can take.
//!
//! [`Client::subscribe`] returns the frames of the stream one after the other. If the connection breaks, the
//! gateway restarts or sends no heartbeat, the client reconnects after a pause and continues after the last
//! frame, without skipping or repeating events. An error that a retry cannot fix is an [`Ended`].
//!
//! ```
//! use std::error::Error;
//! use callback_gateway_client::{Client, Item};
//! use imcallback::{SubscribeRequest, subscribe_request::Start, subscribe_response::Frame};
//!
//! async fn follow(address: &str, start: Start) -> Result<(), Box<dyn Error>> {
//!     let request = SubscribeRequest { start: Some(start), subscriber: "orders".into(), ..Default::default() };
//!     let mut subscription = Client::new(address)?.subscribe(request);
//!     loop {
//!         let item = subscription.next().await?;
//!         if let Item::Frame(Frame::Event(event)) = &item {
//!             println!("{} {}", event.sequence, event.command);
//! #           return Ok(());
//!         }
//!         // Store item.cursor() with what you made of the item, in one transaction.
//!     }
//! }
//! # // A gateway in this process, with an event in it.
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! #     use std::io::{Read as _, Write as _};
//! #     use callback_gateway::{app::App, config::{raw::RawSettings, read::load}};
//! #     let any = ["http", "grpc", "admin"].map(|listener| format!("[{listener}]\nlisten = '127.0.0.1:0'\n"));
//! #     let settings = format!("sdk_app_id = [7]\nlog = 'memory'\n{}", any.concat());
//! #     let (raw, problems) = RawSettings::from_toml(&settings, "settings".as_ref())?;
//! #     assert!(problems.is_empty(), "{problems:?}");
//! #     let config = load(&raw).map_err(|problems| format!("{problems:?}"))?.config;
//! #     let app = App::bind(config).await?;
//! #     let addresses = app.addresses();
//! #     tokio::spawn(app.run(std::future::pending()));
//! #     let mut http = std::net::TcpStream::connect(addresses.http)?;
//! #     let query = "SdkAppid=7&CallbackCommand=A.B&contenttype=json&ClientIP=::1&OptPlatform=Web";
//! #     write!(http, "POST /?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}")?;
//! #     let mut answer = String::new();
//! #     http.read_to_string(&mut answer)?;
//! #     assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
//! #     follow(&format!("http://{}", addresses.grpc), Start::Earliest(Default::default())).await
//! # }
//! ```
//!
//! `examples/rust` is a complete consumer that writes each event exactly once.

mod codec;
mod subscription;

use std::{io, net::IpAddr, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri},
};
use tonic_types::StatusExt as _;

use imcallback::{
    ErrorReason, SubscribeRequest, admin_service_client::AdminServiceClient,
    event_service_client::EventServiceClient,
};

pub use subscription::{Cause, Ended, Interruption, Item, OtherLog, Subscription, cursor};

/// Maximum length of a bearer token, in bytes: about what a header can hold.
const MAX_TOKEN_BYTES: usize = 8192;
/// Deadline of a connection, including its TLS handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Deadline of the start of a response.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence after which the gateway is pinged, and deadline of its answer.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Address and credentials of a gateway.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// URL of the gateway's gRPC listener: `http://HOST:PORT`, or `https://HOST:PORT` for TLS.
    pub address: String,
    /// Bearer token.
    pub token: Option<SecretString>,
    /// True if the token may be sent without TLS to another machine, for networks that encrypt, such as a
    /// mesh. Otherwise this is an error.
    pub token_in_plain_text: bool,
    /// CA certificates to trust, in PEM. `None`: the system's.
    pub ca: Option<Vec<u8>>,
    /// Client certificate with its chain, and its private key, both in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Invalid [`Options`].
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The address is invalid.
    #[error("{0}; use http://HOST:PORT, or https://HOST:PORT for TLS")]
    Address(&'static str),
    /// The token has invalid characters or is too long.
    #[error("the token must be one word of printable ASCII characters")]
    Token,
    /// The token would be readable on the network.
    #[error("the token is not sent to another machine without TLS")]
    TokenWithoutTls,
    /// Certificates have no effect without TLS, and a user who sets them expects TLS.
    #[error("certificates need TLS: the address must begin with https://")]
    CertificatesWithoutTls,
    /// The certificates or the key are invalid.
    #[error("the certificates are invalid: {0}")]
    Certificates(String),
}

/// Error of a connection attempt.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The connection timed out.
    #[error("no connection within {} seconds", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    /// The connection was refused or broke.
    #[error("{}", causes(.0))]
    Transport(tonic::transport::Error),
}

/// Client for one gateway. Opens connections when they are needed.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
    bearer: Bearer,
}

/// Connection that sends its token with every call.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// Services of a gateway over one connection.
#[derive(Debug, Clone)]
pub struct Services {
    /// Events: list, get, subscribe.
    pub events: EventServiceClient<Authorized>,
    /// Administration: status, subscribers, refusals.
    pub admin: AdminServiceClient<Authorized>,
}

/// Interceptor that adds the token to every call.
#[derive(Debug, Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

impl Client {
    /// Creates a client without a token. Over TLS it trusts the system's certificates.
    pub fn new(address: impl Into<String>) -> Result<Self, OptionsError> {
        Self::with_options(Options { address: address.into(), ..Options::default() })
    }

    /// Creates a client. Does not connect yet.
    pub fn with_options(options: Options) -> Result<Self, OptionsError> {
        let uri: Uri = options.address.parse().map_err(|_| OptionsError::Address("it is not a URL"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(OptionsError::Address("it begins with neither http:// nor https://")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(OptionsError::Address("it has a path or query"));
        }
        if options.token.is_some() && !is_tls && !options.token_in_plain_text && !is_loopback(&uri) {
            return Err(OptionsError::TokenWithoutTls);
        }
        if !is_tls && (options.ca.is_some() || options.identity.is_some()) {
            return Err(OptionsError::CertificatesWithoutTls);
        }
        let mut endpoint = Endpoint::from(uri)
            .user_agent(concat!("callback-gateway/", env!("CARGO_PKG_VERSION")))
            .map_err(|_| OptionsError::Address("it is not a URL"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true);
        if is_tls {
            let mut config = ClientTlsConfig::new();
            config = match options.ca {
                Some(ca) => config.ca_certificate(Certificate::from_pem(ca)),
                None => config.with_native_roots(),
            };
            if let Some((cert, key)) = options.identity {
                config = config.identity(Identity::from_pem(cert, key));
            }
            endpoint =
                endpoint.tls_config(config).map_err(|error| OptionsError::Certificates(causes(&error)))?;
        }
        Ok(Self { endpoint, bearer: bearer(options.token)? })
    }

    /// Connects for unary calls.
    pub async fn connect(&self) -> Result<Services, ConnectError> {
        let channel = self.channel().await?;
        Ok(Services {
            events: EventServiceClient::new(channel.clone()),
            admin: AdminServiceClient::new(channel),
        })
    }

    async fn channel(&self) -> Result<Authorized, ConnectError> {
        let channel = match tokio::time::timeout(CONNECT_TIMEOUT, self.endpoint.connect()).await {
            Ok(connected) => connected.map_err(ConnectError::Transport)?,
            Err(_) => return Err(ConnectError::Timeout),
        };
        Ok(InterceptedService::new(channel, self.bearer.clone()))
    }

    /// Follows the log. The first [`Subscription::next`] connects, and each further connection continues
    /// after the last frame.
    pub fn subscribe(&self, request: SubscribeRequest) -> Subscription {
        Subscription::new(self.clone(), request)
    }
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns whether a text is a valid bearer token.
pub fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn bearer(token: Option<SecretString>) -> Result<Bearer, OptionsError> {
    let value = token.map(|token| {
        let token = token.expose_secret();
        if !is_token(token) {
            return Err(OptionsError::Token);
        }
        let value = format!("Bearer {token}").parse::<MetadataValue<Ascii>>();
        let mut value = value.map_err(|_| OptionsError::Token)?;
        value.set_sensitive(true);
        Ok(value)
    });
    value.transpose().map(Bearer)
}

/// Returns the innermost error of the operating system.
pub fn io_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        found = error.downcast_ref::<io::Error>().or(found);
        next = error.source();
    }
    found
}

/// Returns the causes of an error, outermost first, without repetition.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
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

/// Returns the reason of a status. `None` if it has none that this version knows.
pub fn reason(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// Returns whether a retry of the call may succeed.
pub fn is_passing(status: &Status) -> bool {
    match status.code() {
        // Broken connections are unknown, internal or cancelled, as are the responses of some proxies.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options(address: &str) -> Options {
        Options { address: address.to_owned(), ..Options::default() }
    }

    #[tokio::test]
    async fn a_token_is_sent_without_tls_only_to_this_machine_or_if_allowed() {
        let with_token = |address, token_in_plain_text| {
            let token = Some("t0ken".into());
            Client::with_options(Options { token, token_in_plain_text, ..options(address) })
        };
        for near in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://gateway:1"] {
            assert!(with_token(near, false).is_ok(), "{near}");
        }
        for far in ["http://gateway:1", "http://192.0.2.1:1", "http://127.0.0.1.example:1"] {
            assert!(matches!(with_token(far, false), Err(OptionsError::TokenWithoutTls)), "{far}");
            assert!(with_token(far, true).is_ok(), "{far}");
        }
    }

    #[test]
    fn errors_name_the_problem_and_never_show_the_token() {
        for wrong in ["", "two words", "t0ken\n", "t\u{f6}ken"] {
            let token = Some(wrong.into());
            let made = Client::with_options(Options { token, ..options("https://gateway:1") });
            assert!(matches!(made, Err(OptionsError::Token)), "{wrong:?}");
        }
        let ca = Some(Vec::new());
        let made = Client::with_options(Options { ca, ..options("http://gateway:1") });
        assert!(matches!(made, Err(OptionsError::CertificatesWithoutTls)));
        let token = Some("t0ken".into());
        let options = Options { token, ..options("https://gateway:1") };
        assert!(!format!("{options:?}").contains("t0ken"));
        assert!(!format!("{:?}", Client::with_options(options).unwrap()).contains("t0ken"));
    }
}
