//! Server that answers every call with a test's function, in plain text or over TLS.

use std::{convert::Infallible, fs, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, Response},
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::StreamBody;
use imcallback::SubscribeResponse;
use prost::Message as _;
use tempfile::TempDir;
use tokio::task::AbortHandle;
use tonic::{
    Status,
    transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

use crate::certificates::{self, Authority, write};

/// Certificate files: of a CA, of a server for 127.0.0.1, and of a client.
pub struct Certificates {
    dir: TempDir,
    pub server: certificates::Identity,
}

impl Certificates {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let authority = Authority::new("the tests");
        write(dir.path(), "ca.pem", authority.pem());
        let server = authority.server();
        for (name, identity) in [("server", &server), ("client", &authority.client())] {
            write(dir.path(), &format!("{name}.pem"), &identity.cert);
            write(dir.path(), &format!("{name}.key"), &identity.key);
        }
        Self { dir, server }
    }

    /// Returns the path of a file as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }
}

/// Server that answers calls until it is dropped.
pub struct ScriptedServer {
    pub address: SocketAddr,
    task: AbortHandle,
}

impl ScriptedServer {
    pub fn plain(answer: impl Fn(&Request<Body>) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self::start(Server::builder(), answer)
    }

    /// Starts a server with TLS, which may require client certificates.
    pub fn tls(
        certificates: &Certificates,
        wants_client: bool,
        answer: impl Fn(&Request<Body>) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let identity = Identity::from_pem(&certificates.server.cert, &certificates.server.key);
        let mut tls = ServerTlsConfig::new().identity(identity);
        if wants_client {
            tls = tls.client_ca_root(Certificate::from_pem(fs::read(certificates.arg("ca.pem")).unwrap()));
        }
        Self::start(Server::builder().tls_config(tls).unwrap(), answer)
    }

    fn start(
        server: Server,
        answer: impl Fn(&Request<Body>) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = incoming.local_addr().unwrap();
        let answer = Arc::new(answer);
        let router = Router::new().fallback(move |request: Request<Body>| {
            let answer = Arc::clone(&answer);
            async move { answer(&request) }
        });
        // HTTP/1.1 too, for callbacks.
        let serving = server.accept_http1(true).add_routes(router.into()).serve_with_incoming(incoming);
        let task = tokio::spawn(async move { serving.await.unwrap() }).abort_handle();
        Self { address, task }
    }

    pub fn https(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns a response with these messages and then the status. Without a status it stays open.
pub fn stream(messages: &[SubscribeResponse], end: Option<Status>) -> Response<Body> {
    stream_encoded(&messages.iter().map(SubscribeResponse::encode_to_vec).collect::<Vec<_>>(), end)
}

/// Returns a response with encoded messages and then the status. Without a status it stays open.
pub fn stream_encoded(messages: &[Vec<u8>], end: Option<Status>) -> Response<Body> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.push(0);
        bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(message);
    }
    let mut frames = vec![Ok::<_, Infallible>(http_body::Frame::data(Bytes::from(bytes)))];
    let rest = if let Some(status) = end {
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).unwrap();
        frames.push(Ok(http_body::Frame::trailers(trailers)));
        futures_util::stream::empty().left_stream()
    } else {
        futures_util::stream::pending().right_stream()
    };
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames).chain(rest)));
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}
