//! Options of the log in JetStream.

use std::path::PathBuf;

use tokio::{runtime::Handle, sync::watch};

use crate::{log::disk::Retention, net::nats_login::Login};

/// Where and how to keep the log.
#[derive(Debug, Clone)]
pub struct Options {
    /// URLs of NATS servers. Some servers of a cluster suffice: they announce the others.
    pub servers: Vec<String>,
    /// Name of the stream.
    pub stream: String,
    /// Prefix of the stream's subjects.
    pub subject_prefix: String,
    /// Number of servers that hold the stream: 1, 3 or 5.
    pub replicas: usize,
    /// Credentials, read again for each connection.
    pub login: watch::Receiver<Login>,
    /// Encryption of the connections.
    pub tls: Tls,
    /// Limits beyond which the stream trims its oldest events.
    pub retention: Retention,
    /// Memory for the newest records, in bytes.
    pub ring_bytes: usize,
    /// Runtime that receives history from NATS. `None`: the runtime that opens the log.
    pub reading_runtime: Option<Handle>,
    /// Directory for the mark and the index. `None`: the log has no index, and the gateway does not notice that the stream
    /// lost its end while no gateway ran.
    pub scratch_dir: Option<PathBuf>,
    /// Keep an index by account, group and command.
    pub has_index: bool,
    /// Begin a new epoch if the stream has lost its end. Otherwise the log is not opened.
    pub accepts_lost_end: bool,
}

impl Options {
    /// Returns the defaults: one server, no limits.
    pub fn new(server: &str) -> Self {
        Self {
            servers: vec![server.to_owned()],
            stream: "callbacks".to_owned(),
            subject_prefix: "callbacks".to_owned(),
            replicas: 1,
            login: watch::channel(Login::None).1,
            tls: Tls::default(),
            retention: Retention::default(),
            ring_bytes: 64 << 20,
            reading_runtime: None,
            scratch_dir: None,
            has_index: true,
            accepts_lost_end: true,
        }
    }
}

/// Encryption of the connections. All files are PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities that sign the servers' certificates. `None`: the authorities that the system trusts.
    /// With it, connections are always encrypted.
    pub ca: Option<PathBuf>,
    /// Client certificate of the gateway, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}
