//! Tokens that `send` signs with, from the same sources as those of `serve`. Never from arguments, which
//! every user of the machine can see.

use clap::{ArgMatches, Command, FromArgMatches};

use super::{
    Failure,
    config::{argument, failure, value},
    output,
};
use crate::{
    config::{raw::RawSettings, read, table},
    ingest::callback::signature::Tokens,
};

/// Environment variable with tokens, in the form of the file.
pub(super) const VARIABLE: &str = "CALLBACK_GATEWAY_TOKENS";
/// Settings of `serve` with tokens.
const FILE: &str = "tokens_file";
const KEYS: [&str; 2] = [FILE, "tokens"];

/// Sources of the tokens.
#[derive(Debug, Clone)]
pub(super) struct Sources(RawSettings);

impl Sources {
    /// Reads the tokens. Warns of a file that other users can read.
    pub(super) fn load(&self) -> Result<Tokens, Failure> {
        let (tokens, warnings) = read::tokens(&self.0).map_err(|problems| {
            let located: Vec<String> =
                problems.iter().map(|problem| read::located(problem, &self.0)).collect();
            failure(&located)
        })?;
        for warning in &warnings {
            output::notice(&format!("warning: {}", read::located(warning, &self.0)));
        }
        Ok(tokens)
    }
}

fn settings() -> impl Iterator<Item = &'static table::Setting> {
    KEYS.iter().map(|key| table::find(key).expect("the key of a setting"))
}

impl clap::Args for Sources {
    fn augment_args(command: Command) -> Command {
        let file = settings().filter(|setting| setting.key == FILE).map(|setting| {
            argument(setting).help(format!(
                "File with the app's token, which signs the callback: a line `APP_ID TOKEN`. {VARIABLE} may have the same \
                 line. Without a token the callback is not signed"
            ))
        });
        command.args(file)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut raw = RawSettings::default();
        for setting in settings() {
            if let Some((text, source)) = value(setting, matches)? {
                raw.set(setting, text, source);
            }
        }
        Ok(Self(raw))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
