//! Certificates that a client is given as files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Failure, text::escape};

/// Which certificates to trust, and which to show.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Files {
    /// File with the CA certificates to trust, in PEM, instead of the system's
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_CLIENT_TLS_CA")]
    pub(super) tls_ca: Option<PathBuf>,
    /// File with a client certificate and its chain, in PEM
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_CLIENT_TLS_CERT", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// File with the client certificate's private key, in PEM
    #[arg(long, value_name = "FILE", env = "CALLBACK_GATEWAY_CLIENT_TLS_KEY", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
}

/// What the files hold.
pub(super) struct Pem {
    pub(super) ca: Option<Vec<u8>>,
    /// A certificate and its key.
    pub(super) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Files {
    /// Reads them. Over plain HTTP they would do nothing, and whoever gives them
    /// expects TLS.
    pub(super) fn read(&self, option: &str, is_tls: bool) -> Result<Pem, Failure> {
        let is_given = self.tls_ca.is_some() || self.tls_cert.is_some();
        if is_given && !is_tls {
            return Err(Failure::Usage(format!(
                "--tls-ca and --tls-cert are for TLS: {option} must begin with https://"
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
    // Such as DER, or the key's file in the certificate's place.
    if !pem.windows(end.len()).any(|window| window == end.as_bytes()) {
        return Err(wrong(&format_args!("it has no {label} in PEM form")));
    }
    Ok(pem)
}
