//! TLS for the listeners: certificates, and whom to ask for one.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use prometheus::IntCounter;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::either::Either;

use crate::net::files;

/// What a TLS listener is set up from. All files are PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// The certificate, and those between it and a root.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who signs clients' certificates; without it none is asked for.
    pub client_ca: Option<PathBuf>,
    /// Whether a client without a certificate is let in. Of no effect without `client_ca`.
    pub client_auth: ClientAuth,
}

/// What a client without a certificate gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// The handshake fails.
    Required,
    /// It is let in. A certificate that is shown must be good all the same.
    Optional,
}

/// Why TLS cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct TlsError {
    /// Which file it is.
    pub file: File,
    problem: String,
}

/// One of [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// `cert`.
    Cert,
    /// `key`.
    Key,
    /// `client_ca`.
    ClientCa,
}

/// How long a TLS handshake may take; then the connection is closed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a listener's new connections are set up with.
#[derive(Debug, Clone)]
pub(crate) struct Acceptor {
    /// May change while the gateway runs.
    pub config: watch::Receiver<Arc<ServerConfig>>,
    /// Handshakes that failed.
    pub failures: IntCounter,
}

/// Has the client make its TLS handshake, if there is TLS. `None`: it failed.
pub(crate) async fn accept(tls: Option<&Acceptor>, stream: TcpStream, peer: SocketAddr) -> Option<Io> {
    let Some(tls) = tls else { return Some(Io::Left(stream)) };
    let config = Arc::clone(&tls.config.borrow());
    match timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => return Some(Io::Right(stream)),
        Ok(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
    tls.failures.inc();
    None
}

/// A connection, plain or with TLS.
pub(crate) type Io = Either<TcpStream, TlsStream<TcpStream>>;

/// The protocols that a listener speaks, as ALPN names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, for callbacks.
    Http1,
    /// HTTP/2, for gRPC.
    Http2,
}

/// Reads the files and checks that they fit together. Gives all that is wrong.
pub(crate) fn server_config(files: &Files, protocol: Protocol) -> Result<Arc<ServerConfig>, Vec<TlsError>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = certificates(File::Cert, &files.cert);
    let key = private_key(&files.key);
    let verifier = match &files.client_ca {
        None => Ok(WebPkiClientVerifier::no_client_auth()),
        Some(path) => client_verifier(path, files.client_auth, Arc::clone(&provider)),
    };
    let (chain, key, verifier) = match (chain, key, verifier) {
        (Ok(chain), Ok(key), Ok(verifier)) => (chain, key, verifier),
        (chain, key, verifier) => {
            return Err([chain.err(), key.err(), verifier.err()].into_iter().flatten().collect());
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_client_cert_verifier(verifier).with_single_cert(chain, key))
        .map_err(|error| {
            let problem = format!("it cannot be used with the certificate {}: {error}", files.cert.display());
            vec![wrong(File::Key, &files.key, &problem)]
        })?;
    config.alpn_protocols = vec![match protocol {
        Protocol::Http1 => b"http/1.1".to_vec(),
        Protocol::Http2 => b"h2".to_vec(),
    }];
    Ok(Arc::new(config))
}

fn client_verifier(
    path: &Path,
    client_auth: ClientAuth,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let failed = |error: &dyn std::fmt::Display| wrong(File::ClientCa, path, &error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(File::ClientCa, path)? {
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match client_auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| failed(&error))
}

fn certificates(file: File, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = |problem: &str| wrong(file, path, problem);
    let pem = read(file, path)?;
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| none(&format!("it is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(none("there is no certificate in PEM form in it"));
    }
    Ok(certificates)
}

/// Checks that certificates can be read from a file.
pub(crate) fn check_certificates(path: &Path) -> Result<(), TlsError> {
    certificates(File::Cert, path).map(drop)
}

/// Checks that a private key can be read from a file.
pub(crate) fn check_key(path: &Path) -> Result<(), TlsError> {
    private_key(path).map(drop)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    read(File::Key, path).and_then(|pem| {
        PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| {
            wrong(File::Key, path, &format!("there is no private key in PEM form in it ({error})"))
        })
    })
}

fn read(file: File, path: &Path) -> Result<String, TlsError> {
    files::read(path).map_err(|error| wrong(file, path, &error.to_string()))
}

fn wrong(file: File, path: &Path, problem: &str) -> TlsError {
    TlsError { file, problem: format!("{}: {problem}", path.display()) }
}
