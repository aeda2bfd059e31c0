//! `send`: posts callbacks as the IM backend does.

mod catalogue;
mod many;
mod post;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches, builder::Resettable, value_parser};
use serde_json::Value;

use self::{
    catalogue::CATALOGUE,
    post::{Outcome, Poster, Target},
};
use super::{
    Failure,
    text::{escape, escape_lines},
    variables,
};

/// Names of options, which no member of a body may have.
const RESERVED: [&str; 13] = [
    "url",
    "sdk-app-id",
    "tokens-file",
    "client-ip",
    "platform",
    "tls-ca",
    "tls-cert",
    "tls-key",
    "body",
    "count",
    "rate",
    "help",
    "version",
];
const BODY: &str = "body";
const COUNT: &str = "count";
const RATE: &str = "rate";

/// Maximum bytes that are read of a body: one more than `--http-body-limit` allows, so that the gateway
/// refuses it.
const MAX_BODY: u64 = 2 * 1024 * 1024 + 1;
/// Maximum callbacks of one run, because their latencies are kept.
const MAX_COUNT: u64 = 1_000_000;
/// Maximum rate per second.
const MAX_RATE: f64 = 100_000.0;

const ABOUT: &str = "Post a callback as the IM backend does, and print the response";
const LONG_ABOUT: &str = "Post a callback as the IM backend does, and print the response

For trials, smoke tests after a deployment, and measurements. Exits with 1 unless every callback was stored.

Each command of the catalogue has a subcommand, with an option for each member of its body. Members without an option \
are not sent. Repeat the option of a list's member for several elements; an option that is given once applies to all \
elements. Alternatively, --body reads the body from a file, and its CallbackCommand selects the command.";
const EXAMPLES: &str = "Examples:
  callback-gateway send friend-add --sdk-app-id 1400000000 --from alice --to bob --to carol
  callback-gateway send C2C.CallbackAfterSendMsg --sdk-app-id 1400000000 --from alice --to bob \\
      --msg-type TIMTextElem --msg-content '{\"Text\":\"hi\"}'
  callback-gateway send --sdk-app-id 1400000000 --body packet.json --count 1000 --rate 50";

/// Callback to post, and its target.
#[derive(Debug)]
pub(super) struct Send {
    target: Target,
    /// Command, by the vendor's name. `None`: the body names it.
    command: Option<String>,
    body: Body,
    count: u64,
    rate: Option<f64>,
}

#[derive(Debug)]
enum Body {
    /// A file, or standard input for `-`.
    From(PathBuf),
    /// The options' body, or the problem with the options.
    Json(Result<Value, String>),
}

// Implemented by hand because the subcommands come from the descriptors. They are built only for `send`
// itself.
impl clap::Args for Send {
    fn augment_args(command: Command) -> Command {
        command.about(ABOUT).defer(|command| {
            let subcommands = CATALOGUE.iter().map(|(name, entry)| {
                let alias = match name.as_str() {
                    "Sns.CallbackFriendAdd" => Some("friend-add"),
                    "Sns.CallbackBlackListAdd" => Some("black-list-add"),
                    _ => None,
                };
                Command::new(name)
                    .visible_alias(&entry.alias)
                    .visible_aliases(alias)
                    .about(&entry.about)
                    .arg_required_else_help(true)
                    .defer(|command| {
                        let entry = &CATALOGUE[command.get_name()];
                        with_common_args(command.args(entry.args())).about(&entry.about)
                    })
            });
            with_common_args(command)
                .about(ABOUT)
                .long_about(LONG_ABOUT)
                .after_help(EXAMPLES)
                .subcommands(subcommands)
                .subcommand_value_name("CALLBACK")
                .subcommand_help_heading("Callbacks")
                .args_conflicts_with_subcommands(true)
                .subcommand_negates_reqs(true)
                .disable_help_subcommand(true)
                .arg_required_else_help(true)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn with_common_args(command: Command) -> Command {
    let mut command = Target::augment_args(command);
    for tls in ["tls_ca", "tls_cert", "tls_key"] {
        // The variables are for gRPC. The callback listener may have other certificates, or none.
        command = command.mut_arg(tls, |arg| arg.env(Resettable::Reset));
    }
    command = command.args([
        Arg::new(BODY)
            .long(BODY)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("File with the body, sent byte for byte. - reads standard input"),
        Arg::new(COUNT)
            .long(COUNT)
            .value_name("N")
            .value_parser(value_parser!(u64).range(1..=MAX_COUNT))
            .default_value("1")
            .help("Number of times to send it, with a summary. The gateway marks all but the first as possible duplicates"),
        Arg::new(RATE)
            .long(RATE)
            .value_name("N")
            .value_parser(parse_rate)
            .requires(COUNT)
            .help("Callbacks per second, independent of responses. Default: one after another"),
    ]);
    variables::without_empty(command)
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= MAX_RATE);
    rate.ok_or_else(|| format!("use a number of callbacks per second, up to {MAX_RATE}"))
}

impl FromArgMatches for Send {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let (command, mut matches) = match matches.remove_subcommand() {
            Some((command, matches)) => (Some(command), matches),
            None => (None, matches.clone()),
        };
        let entry = command.as_ref().and_then(|command| Some((command, CATALOGUE.get(command)?)));
        let body = match (matches.remove_one(BODY), entry) {
            (Some(file), _) => Body::From(file),
            (None, Some((command, entry))) => Body::Json(entry.body(command, &mut matches)),
            (None, None) => {
                Body::Json(Err("name the callback, such as `send friend-add`, or pass its body: `send \
                                            --body FILE`; `send --help` lists the callbacks"
                    .to_owned()))
            }
        };
        Ok(Self {
            count: matches.remove_one(COUNT).unwrap_or(1),
            rate: matches.remove_one(RATE),
            target: Target::from_arg_matches_mut(&mut matches)?,
            command,
            body,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Send {
    pub(super) fn run(self) -> Result<(), Failure> {
        let body = match self.body {
            Body::Json(body) => body.map_err(Failure::Usage)?.to_string().into_bytes(),
            Body::From(path) => read(&path)?,
        };
        let command = match self.command {
            Some(command) => command,
            None => command_of(&body)?,
        };
        if self.count > 1 || self.rate.is_some() {
            let poster = Poster::new(self.target, command, body, many::CONNECTIONS)?;
            return many::send(poster, self.count, self.rate);
        }
        let answer = Poster::new(self.target, command, body, 1)?.post();
        // Report the outcome rather than the failed write.
        let written = match &answer.packet {
            Some(packet) => writeln!(io::stdout(), "{}", escape_lines(packet)),
            None => Ok(()),
        };
        match answer.outcome {
            Outcome::Stored => Ok(written?),
            Outcome::NotStored { reason, remedy } if remedy.is_empty() => Err(Failure::Other(reason)),
            Outcome::NotStored { reason, remedy } => Err(Failure::Other(format!("{reason}; {remedy}"))),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MAX_BODY).read_to_end(&mut body)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BODY).read_to_end(&mut body))
    };
    let wrong = |error| Failure::Usage(format!("--body {}: {error}", escape(&path.to_string_lossy())));
    read.map_err(wrong)?;
    Ok(body)
}

/// Returns the command that a body names.
fn command_of(body: &[u8]) -> Result<String, Failure> {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let command = body["CallbackCommand"].as_str().map(str::to_owned);
    command.ok_or_else(|| {
        Failure::Usage(
            "--body: not JSON with a CallbackCommand; name the command: send COMMAND --body FILE".to_owned(),
        )
    })
}
