//! TLS of the listeners: certificates and client authentication.

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

/// Files of a TLS listener, all in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// The certificate and its intermediate certificates.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// CA certificates for client certificates. Without them the listener requests none.
    pub client_ca: Option<PathBuf>,
    /// Treatment of clients without a certificate. No effect without `client_ca`.
    pub client_auth: ClientAuth,
}

/// Treatment of a client without a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// The handshake fails.
    Required,
    /// The client is accepted. If it presents a certificate, the certificate must be valid.
    Optional,
}

/// Reason why TLS cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct TlsError {
    /// The file with the problem.
    pub file: File,
    problem: String,
}

/// A file of [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// `cert`.
    Cert,
    /// `key`.
    Key,
    /// `client_ca`.
    ClientCa,
}

/// Deadline of a TLS handshake. Then the connection is closed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// TLS configuration of a listener's new connections.
#[derive(Debug, Clone)]
pub(crate) struct Acceptor {
    /// Configuration in force. A reload replaces it.
    pub config: watch::Receiver<Arc<ServerConfig>>,
    /// Counter of failed handshakes.
    pub failures: IntCounter,
}

/// Performs the TLS handshake if the listener has TLS. `None` if the handshake failed.
pub(crate) async fn accept(tls: Option<&Acceptor>, stream: TcpStream, peer: SocketAddr) -> Option<Io> {
    let Some(tls) = tls else { return Some(Io::Left(stream)) };
    let config = Arc::clone(&tls.config.borrow());
    match timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => return Some(Io::Right(stream)),
        Ok(Err(error)) => tracing::debug!(%error, %peer, "TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "TLS handshake timed out"),
    }
    tls.failures.inc();
    None
}

/// A connection, plain or with TLS.
pub(crate) type Io = Either<TcpStream, TlsStream<TcpStream>>;

/// Protocol of a listener, for ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, for callbacks.
    Http1,
    /// HTTP/2, for gRPC.
    Http2,
}

/// Reads the files and checks that they fit together. Returns all problems.
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
            let problem = format!("does not match the certificate {}: {error}", files.cert.display());
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
        .map_err(|error| none(&format!("not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(none("contains no PEM certificate"));
    }
    Ok(certificates)
}

/// Checks that a file contains certificates.
pub(crate) fn check_certificates(path: &Path) -> Result<(), TlsError> {
    certificates(File::Cert, path).map(drop)
}

/// Checks that a file contains a private key.
pub(crate) fn check_key(path: &Path) -> Result<(), TlsError> {
    private_key(path).map(drop)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    read(File::Key, path).and_then(|pem| {
        PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| wrong(File::Key, path, &format!("contains no PEM private key ({error})")))
    })
}

fn read(file: File, path: &Path) -> Result<String, TlsError> {
    files::read(path).map_err(|error| wrong(file, path, &error.to_string()))
}

fn wrong(file: File, path: &Path, problem: &str) -> TlsError {
    TlsError { file, problem: format!("{}: {problem}", path.display()) }
}
