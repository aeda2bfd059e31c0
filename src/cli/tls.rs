//! Certificate files of a client.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Failure, text::escape};

/// Certificates to trust, and the client certificate.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Files {
    /// File with CA certificates to trust (PEM), instead of the system's
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_CLIENT_TLS_CA")]
    pub(super) tls_ca: Option<PathBuf>,
    /// File with the client certificate and its chain (PEM)
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_CLIENT_TLS_CERT", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// File with the client certificate's private key (PEM)
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_CLIENT_TLS_KEY", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
}

/// Content of the files.
pub(super) struct Pem {
    pub(super) ca: Option<Vec<u8>>,
    /// The client certificate and its key.
    pub(super) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Files {
    /// Reads the files. Rejects them for plain HTTP, because a user who passes them expects TLS.
    pub(super) fn read(&self, option: &str, is_tls: bool) -> Result<Pem, Failure> {
        let is_given = self.tls_ca.is_some() || self.tls_cert.is_some();
        if is_given && !is_tls {
            return Err(Failure::Usage(format!(
                "--tls-ca and --tls-cert need TLS: {option} must begin with https://"
            )));
        }
        let identity = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => {
                Some((read("--tls-cert", cert, "CERTIFICATE")?, read("--tls-key", key, "PRIVATE KEY")?))
            }
            _ => None,
        };
        let ca = self.tls_ca.as_deref().map(|path| read("--tls-ca", path, "CERTIFICATE")).transpose()?;
        Ok(Pem { ca, identity })
    }
}

fn read(option: &str, path: &Path, label: &str) -> Result<Vec<u8>, Failure> {
    let wrong = |problem: &dyn std::fmt::Display| {
        Failure::Usage(format!("{option} {}: {problem}", escape(&path.to_string_lossy())))
    };
    let pem = fs::read(path).map_err(|error| wrong(&error))?;
    let end = format!("{label}-----");
    // The file may be DER, or the key instead of the certificate.
    if !pem.windows(end.len()).any(|window| window == end.as_bytes()) {
        return Err(wrong(&format_args!("contains no PEM {label}")));
    }
    Ok(pem)
}
