//! A server that answers every call as the test says, in plain text or over TLS.

#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::task::AbortHandle;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming};

/// Certificates of a company: its CA, a server's for `localhost`, a client's.
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let write = |name: &str, pem: String| fs::write(dir.path().join(name), pem).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        write("ca.pem", params.self_signed(&key).unwrap().pem());
        let ca = Issuer::new(params, key);
        for (name, purpose) in
            [("server", ExtendedKeyUsagePurpose::ServerAuth), ("client", ExtendedKeyUsagePurpose::ClientAuth)]
        {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.extended_key_usages = vec![purpose];
            let key = KeyPair::generate().unwrap();
            write(&format!("{name}.pem"), params.signed_by(&key, &ca).unwrap().pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// For a command line.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(Path::new(self.dir.path()).join(name)).unwrap()
    }
}

/// Answers calls until it is dropped.
pub struct ScriptedServer {
    pub address: SocketAddr,
    task: AbortHandle,
}

impl ScriptedServer {
    pub fn plain(answer: impl Fn(&Request<Body>) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self::start(Server::builder(), answer)
    }

    /// Over TLS; client certificates are wanted or not.
    pub fn tls(
        certificates: &Certificates,
        wants_client: bool,
        answer: impl Fn(&Request<Body>) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let identity = Identity::from_pem(certificates.read("server.pem"), certificates.read("server.key"));
        let mut tls = ServerTlsConfig::new().identity(identity);
        if wants_client {
            tls = tls.client_ca_root(Certificate::from_pem(certificates.read("ca.pem")));
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

    /// Its URL, with the name that is in its certificate.
    pub fn https(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
