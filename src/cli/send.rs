//! `send`: posts a callback as the IM backend does.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::builder::BoolishValueParser;
use serde_json::{Value, json};

use super::{Failure, tokens};

/// Longer than a gateway ever takes: the vendor gives up after 2 seconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Post a callback as the IM backend does, and print the answer
///
/// For trying things out, and for smoke tests after a deployment. Exits with 1
/// unless the callback was stored.
#[derive(Debug, clap::Args)]
pub(super) struct Send {
    #[command(subcommand)]
    callback: Callback,
}

#[derive(Debug, clap::Subcommand)]
enum Callback {
    /// Sns.CallbackFriendAdd: friends were added
    FriendAdd {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        pairs: Pairs,
        /// UserID of who asked for the friendship; --from if not given
        #[arg(long, value_name = "USER", env = "CALLBACK_GATEWAY_INITIATOR")]
        initiator: Option<String>,
        /// What caused the callback: friend_add or friend_response
        #[arg(long, value_name = "CMD", env = "CALLBACK_GATEWAY_CLIENT_CMD", default_value = "friend_add")]
        client_cmd: String,
        /// UserID of the administrator who did it through the REST API
        #[arg(long, value_name = "USER", env = "CALLBACK_GATEWAY_ADMIN", default_value = "")]
        admin: String,
        /// The friendship was forced by an administrator
        #[arg(long, env = "CALLBACK_GATEWAY_FORCE", value_parser = BoolishValueParser::new())]
        force: bool,
    },
    /// Sns.CallbackBlackListAdd: users were put on a block list
    BlackListAdd {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        pairs: Pairs,
    },
}

#[derive(Debug, clap::Args)]
struct Target {
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
    /// File with the app's token, to sign the callback: a line `APP_ID TOKEN`. The same line may
    /// stand in CALLBACK_GATEWAY_TOKENS; without a token the callback is not signed
    // Nor is it here: somebody may have put the tokens themselves there.
    #[arg(long, value_name = "PATH", env = "CALLBACK_GATEWAY_TOKENS_FILE", hide_env_values = true)]
    tokens_file: Option<PathBuf>,
    /// IP address of the client behind the action
    #[arg(long, value_name = "IP", env = "CALLBACK_GATEWAY_CLIENT_IP", default_value = "127.0.0.1")]
    client_ip: String,
    /// Platform of the client behind the action
    #[arg(long, value_name = "NAME", env = "CALLBACK_GATEWAY_PLATFORM", default_value = "RESTAPI")]
    platform: String,
}

#[derive(Debug, clap::Args)]
struct Pairs {
    /// UserID of the list's owner
    #[arg(long, value_name = "USER", env = "CALLBACK_GATEWAY_FROM")]
    from: String,
    /// UserID of the list's entry; repeat it for several
    #[arg(long, value_name = "USER", env = "CALLBACK_GATEWAY_TO", value_delimiter = ',', required = true)]
    to: Vec<String>,
}

impl Send {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (target, command, body) = match self.callback {
            Callback::FriendAdd { target, pairs, initiator, client_cmd, admin, force } => {
                let initiator = initiator.unwrap_or_else(|| pairs.from.clone());
                let pair = |to: &String| json!({ "From_Account": pairs.from, "To_Account": to, "Initiator_Account": initiator });
                let body = json!({
                    "CallbackCommand": "Sns.CallbackFriendAdd",
                    "PairList": pairs.to.iter().map(pair).collect::<Vec<_>>(),
                    "ClientCmd": client_cmd,
                    "Admin_Account": admin,
                    "ForceFlag": i32::from(force),
                });
                (target, "Sns.CallbackFriendAdd", body)
            }
            Callback::BlackListAdd { target, pairs } => {
                let pair = |to: &String| json!({ "From_Account": pairs.from, "To_Account": to });
                let body = json!({
                    "CallbackCommand": "Sns.CallbackBlackListAdd",
                    "PairList": pairs.to.iter().map(pair).collect::<Vec<_>>(),
                });
                (target, "Sns.CallbackBlackListAdd", body)
            }
        };
        target.post(command, &body)
    }
}

impl Target {
    fn post(&self, command: &str, body: &Value) -> Result<(), Failure> {
        if !self.url.starts_with("http://") {
            let message = "--url must begin with http://, such as http://127.0.0.1:8080/";
            return Err(Failure::Usage(message.to_owned()));
        }
        let app_id = self.sdk_app_id[0];
        // Straight to the gateway: a proxy from the environment is for other things.
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .proxy(None)
            .build()
            .into();
        let request = agent
            .post(&self.url)
            .query("SdkAppid", app_id.to_string())
            .query("CallbackCommand", command)
            .query("contenttype", "json")
            .query("ClientIP", &self.client_ip)
            .query("OptPlatform", &self.platform)
            .content_type("application/json");
        let tokens = tokens::load(self.tokens_file.as_deref())?;
        if let Some(warning) = tokens::exposure(self.tokens_file.as_deref()) {
            writeln!(io::stderr(), "warning: {warning}").ok();
        }
        let is_without = tokens.of(app_id).is_empty();
        if is_without && tokens.apps().next().is_some() {
            writeln!(
                io::stderr(),
                "warning: there is no token for the app {app_id}; the callback is not signed"
            )
            .ok();
        }
        let tokens = tokens.of(app_id);
        let request = match tokens {
            [] => request,
            [token, ..] => {
                let now =
                    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()).to_string();
                request.query("Sign", token.sign(&now)).query("RequestTime", &now)
            }
        };
        let url = without_query(&self.url);
        let mut response = request.send(body.to_string()).map_err(|error| {
            let error = error.to_string();
            let error = without_query(&error);
            Failure::Other(format!("no answer from {url}: {error}; check --url and that the gateway runs"))
        })?;
        let status = response.status();
        let answer = response
            .body_mut()
            .read_to_string()
            .map_err(|error| Failure::Other(format!("the answer from {url} broke off: {error}")))?;
        // Whoever closed the pipe does not want to see it; the exit code still says how it went.
        writeln!(io::stdout(), "{answer}").ok();
        let packet: Value = serde_json::from_str(&answer).unwrap_or(Value::Null);
        if status == 200 && packet["ActionStatus"] == "OK" {
            return Ok(());
        }
        let reason =
            packet["ErrorInfo"].as_str().unwrap_or("the answer is not the packet that a gateway gives");
        let remedy = if status == 401 && tokens.is_empty() {
            format!("; to sign, give the app's token in --tokens-file or in {}", tokens::VARIABLE)
        } else {
            String::new()
        };
        Err(Failure::Other(format!("not acknowledged: HTTP {}: {reason}{remedy}", status.as_u16())))
    }
}

/// A URL, or a text that has one in it, up to the query: signatures are in there.
fn without_query(text: &str) -> &str {
    text.split_once('?').map_or(text, |(before, _)| before)
}
