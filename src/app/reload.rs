//! Reload of the configuration while the gateway runs.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    config::{Config, ConfigError, Settings},
    delivery::access::Access,
    ingest::{callback::Apps, http, refusals::Refusals},
    net::nats_login::Login,
    observe::metrics::Metrics,
};

/// Applies a changed configuration while the gateway runs.
#[derive(Debug)]
pub struct Reload {
    /// The configuration in force.
    config: Mutex<Config>,
    pub(super) apps: watch::Sender<Arc<Apps>>,
    pub(super) access: watch::Sender<Arc<Access>>,
    pub(super) nats_login: watch::Sender<Login>,
    pub(super) http_tls: Option<watch::Sender<Arc<ServerConfig>>>,
    pub(super) grpc_tls: Option<watch::Sender<Arc<ServerConfig>>>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) metrics: Arc<Metrics>,
}

impl Reload {
    pub(super) fn new(config: &Config) -> Self {
        let settings = config.settings();
        let verified = |&app_id: &u32| (app_id, !settings.tokens.of(app_id).is_empty());
        Self {
            config: Mutex::new(config.clone()),
            apps: watch::Sender::new(Arc::new(apps(settings))),
            access: watch::Sender::new(Arc::new(settings.grpc_access.clone())),
            nats_login: watch::Sender::new(settings.nats.login.clone()),
            http_tls: settings.http_tls.clone().map(watch::Sender::new),
            grpc_tls: settings.grpc_tls.clone().map(|tls| watch::Sender::new(tls.config)),
            refusals: Arc::new(Refusals::new(settings.sdk_app_ids.iter().map(verified))),
            metrics: Arc::new(http::metrics(settings.sdk_app_ids.iter().copied())),
        }
    }

    /// Applies tokens, the NATS login and certificates to new requests, calls and connections.
    ///
    /// Open connections stay. A stream ends if its token was revoked or has other rights. All other changes
    /// need a restart, including turning TLS on or off. On an error nothing changes.
    pub fn apply(&self, new: &Config) -> Result<(), ConfigError> {
        let mut config = self.config.lock();
        *config = config.reloaded(new)?;
        let settings = config.settings();
        self.apps.send_replace(Arc::new(apps(settings)));
        for &app_id in &settings.sdk_app_ids {
            self.refusals.set_verified(app_id, !settings.tokens.of(app_id).is_empty());
        }
        self.metrics.forget_tokens();
        self.access.send_replace(Arc::new(settings.grpc_access.clone()));
        self.nats_login.send_replace(settings.nats.login.clone());
        if let (Some(current), Some(new)) = (&self.http_tls, &settings.http_tls) {
            current.send_replace(Arc::clone(new));
        }
        if let (Some(current), Some(new)) = (&self.grpc_tls, &settings.grpc_tls) {
            current.send_replace(Arc::clone(&new.config));
        }
        Ok(())
    }
}

fn apps(settings: &Settings) -> Apps {
    Apps {
        ids: settings.sdk_app_ids.iter().copied().collect(),
        tokens: settings.tokens.clone(),
        window: settings.signature_window,
    }
}
