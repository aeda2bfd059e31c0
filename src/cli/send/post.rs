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

/// Longer than a gateway ever takes: the vendor gives up after 2 seconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read; a packet has some hundred bytes.
const MAX_ANSWER: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The gateway's callback URL
    // What the variable has is not shown: a signed URL is a secret.
    #[arg(
        long,
        env = "CALLBACK_GATEWAY_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080/"
    )]
    url: String,
    /// SDKAppID of the app that the callback belongs to
    // The variable is that of `serve`, which may name several; the first one is taken.
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
    /// IP address of the client behind the action
    #[arg(long, value_name = "IP", env = "CALLBACK_GATEWAY_CLIENT_IP", default_value = "127.0.0.1")]
    client_ip: String,
    /// Platform of the client behind the action
    #[arg(long, value_name = "NAME", env = "CALLBACK_GATEWAY_PLATFORM", default_value = "RESTAPI")]
    platform: String,
    #[command(flatten)]
    tls: tls::Files,
}

/// Posts one callback, again and again.
pub(super) struct Poster {
    agent: Agent,
    target: Target,
    app_id: u32,
    token: Option<Token>,
    command: String,
    body: Vec<u8>,
}

/// How a callback fared.
pub(super) enum Outcome {
    Stored,
    /// Why, short, and what to do about it.
    NotStored {
        reason: String,
        remedy: String,
    },
}

/// What came back for a callback.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// The answer's text; `None` without one.
    pub(super) packet: Option<String>,
    /// From the first byte that was sent, or from connecting, to the last one of the answer.
    pub(super) time: Duration,
}

impl Poster {
    /// Checks and reads everything that is needed; `connections` of them are kept open.
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
            // Straight to the gateway: a proxy from the environment is for other things.
            .proxy(None);
        let pem = target.tls.read("--url", is_tls)?;
        if is_tls {
            config = config.tls_config(tls_config(&pem)?);
        }
        let tokens = target.tokens.load()?;
        let token = tokens.of(app_id).first().cloned();
        if token.is_none() && tokens.apps().next().is_some() {
            output::notice(&format!(
                "warning: there is no token for the app {app_id}; the callback is not signed"
            ));
        }
        Ok(Self { agent: config.build().into(), target, app_id, token, command, body })
    }

    /// Posts it, signed afresh.
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
                let reason = format!("no answer from {url}: {}", escape(without_query(&error)));
                let remedy = if error.to_lowercase().contains("certificate") {
                    "check --tls-ca, that --url has the name in the gateway's certificate, and whether the gateway wants a \
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
        let reason =
            packet["ErrorInfo"].as_str().unwrap_or("the answer is not the packet that a gateway gives");
        let reason = format!("not acknowledged: HTTP {status}: {}", escape(reason));
        let remedy = if status == 401 && self.token.is_none() {
            format!("to sign, give the app's token in --tokens-file or in {}", tokens::VARIABLE)
        } else {
            String::new()
        };
        Outcome::NotStored { reason, remedy }
    }
}

fn tls_config(pem: &tls::Pem) -> Result<TlsConfig, Failure> {
    let roots: Vec<Certificate<'static>> = match &pem.ca {
        Some(ca) => certificates("--tls-ca", ca)?,
        // Those that could be read; without any, the handshake says so.
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

/// A URL, or a text that has one in it, up to the query: signatures are in there.
fn without_query(text: &str) -> &str {
    text.split_once('?').map_or(text, |(before, _)| before)
}
