//! One callback, posted as the IM backend does.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use ureq::{
    Agent,
    tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

use super::super::{Failure, output, text::escape, tls, tokens};
use crate::ingest::callback::signature::Token;

/// Deadline, longer than a gateway ever takes. The vendor gives up after 2 seconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of a response. A packet has some hundred bytes.
const MAX_ANSWER: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// URL of the gateway's callback listener
    // The help hides the variable's value: a signed URL is a secret.
    #[arg(
        long,
        env = "CALLBACK_GATEWAY_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080/"
    )]
    url: String,
    /// SDKAppID of the callback's app
    // The variable is that of `serve`, which may name several apps. The first one is used.
    #[arg(
        long,
        value_name = "N",
        env = "CALLBACK_GATEWAY_SDK_APP_ID",
        value_delimiter = ',',
        required = true
    )]
    sdk_app_id: Vec<u32>,
    #[command(flatten)]
    tokens: tokens::Sources,
    /// IP address of the end user, as the backend reports it
    #[arg(long, value_name = "IP", env = "CALLBACK_GATEWAY_CLIENT_IP", default_value = "127.0.0.1")]
    client_ip: String,
    /// Platform of the end user, as the backend reports it
    #[arg(long, value_name = "NAME", env = "CALLBACK_GATEWAY_PLATFORM", default_value = "RESTAPI")]
    platform: String,
    #[command(flatten)]
    tls: tls::Files,
}

/// Posts one callback any number of times.
pub(super) struct Poster {
    agent: Agent,
    target: Target,
    app_id: u32,
    token: Option<Token>,
    command: String,
    body: Vec<u8>,
}

/// Outcome of a callback.
pub(super) enum Outcome {
    Stored,
    /// Short reason, and a remedy.
    NotStored {
        reason: String,
        remedy: String,
    },
}

/// Response to a callback.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// Text of the response. `None` without a response.
    pub(super) packet: Option<String>,
    /// Time from the first byte sent, or from connecting, to the last byte of the response.
    pub(super) time: Duration,
}

impl Poster {
    /// Checks the options and reads the files. Keeps up to `connections` connections open.
    pub(super) fn new(
        target: Target,
        command: String,
        body: Vec<u8>,
        connections: usize,
    ) -> Result<Self, Failure> {
        let is_tls = target.url.starts_with("https://");
        if !is_tls && !target.url.starts_with("http://") {
            let message = "--url must begin with http:// or https://, such as http://127.0.0.1:8080/";
            return Err(Failure::Usage(message.to_owned()));
        }
        let app_id = target.sdk_app_id[0];
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            // Connect directly to the gateway, not through a proxy from the environment.
            .proxy(None);
        let pem = target.tls.read("--url", is_tls)?;
        if is_tls {
            config = config.tls_config(tls_config(&pem)?);
        }
        let tokens = target.tokens.load()?;
        let token = tokens.of(app_id).first().cloned();
        if token.is_none() && tokens.apps().next().is_some() {
            output::notice(&format!("warning: no token for the app {app_id}; the callback is not signed"));
        }
        Ok(Self { agent: config.build().into(), target, app_id, token, command, body })
    }

    /// Posts the callback with a new signature.
    pub(super) fn post(&self) -> Answer {
        let mut request = self
            .agent
            .post(&self.target.url)
            .query("SdkAppid", self.app_id.to_string())
            .query("CallbackCommand", &self.command)
            .query("contenttype", "json")
            .query("ClientIP", &self.target.client_ip)
            .query("OptPlatform", &self.target.platform)
            .content_type("application/json");
        if let Some(token) = &self.token {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()).to_string();
            request = request.query("Sign", token.sign(&now)).query("RequestTime", &now);
        }
        let url = escape(without_query(&self.target.url)).into_owned();
        let start = Instant::now();
        let answer = request.send(&self.body[..]).and_then(|mut response| {
            let text =
                response.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true).read_to_string()?;
            Ok((response.status().as_u16(), text))
        });
        let time = start.elapsed();
        match answer {
            Ok((status, text)) => Answer { outcome: self.outcome(status, &text), packet: Some(text), time },
            Err(error) => {
                let error = error.to_string();
                let reason = format!("no response from {url}: {}", escape(without_query(&error)));
                let remedy = if error.to_lowercase().contains("certificate") {
                    "check --tls-ca, that the gateway's certificate has the name in --url, and whether the gateway requires a \
                 client certificate (--tls-cert, --tls-key)"
                } else {
                    "check --url and that the gateway runs"
                };
                Answer {
                    outcome: Outcome::NotStored { reason, remedy: remedy.to_owned() },
                    packet: None,
                    time,
                }
            }
        }
    }

    fn outcome(&self, status: u16, text: &str) -> Outcome {
        let packet: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        if status == 200 && packet["ActionStatus"] == "OK" {
            return Outcome::Stored;
        }
        let reason = packet["ErrorInfo"].as_str().unwrap_or("the response is not a gateway's packet");
        let reason = format!("not acknowledged: HTTP {status}: {}", escape(reason));
        let remedy = if status == 401 && self.token.is_none() {
            format!("to sign it, pass the app's token in --tokens-file or {}", tokens::VARIABLE)
        } else {
            String::new()
        };
        Outcome::NotStored { reason, remedy }
    }
}

fn tls_config(pem: &tls::Pem) -> Result<TlsConfig, Failure> {
    let roots: Vec<Certificate<'static>> = match &pem.ca {
        Some(ca) => certificates("--tls-ca", ca)?,
        // Use the certificates that could be read. Without any, the handshake fails with the reason.
        None => {
            let native = rustls_native_certs::load_native_certs().certs;
            native.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
        }
    };
    let client = match &pem.identity {
        Some((cert, key)) => {
            let key =
                PrivateKey::from_pem(key).map_err(|error| Failure::Usage(format!("--tls-key: {error}")))?;
            Some(ClientCert::new_with_certs(&certificates("--tls-cert", cert)?, key))
        }
        None => None,
    };
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(client)
        .build())
}

fn certificates(option: &str, pem: &[u8]) -> Result<Vec<Certificate<'static>>, Failure> {
    let items: Result<Vec<_>, _> = parse_pem(pem).collect();
    let items = items.map_err(|error| Failure::Usage(format!("{option}: {error}")))?;
    let certificates = items.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    Ok(certificates.collect())
}

/// Returns a URL, or a text with one, up to the query, which has signatures.
fn without_query(text: &str) -> &str {
    text.split_once('?').map_or(text, |(before, _)| before)
}
