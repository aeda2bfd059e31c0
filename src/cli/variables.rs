//! Environment variables. An empty one counts as unset, as container setups often leave them.

use std::env;

use clap::{Arg, Command, builder::Resettable};

use super::output;

/// Former names of the variables of client commands, with their replacements. The old names were
/// easy to confuse with the server's settings: `CALLBACK_GATEWAY_TOKENS` holds the tokens that verify callbacks.
const RENAMED: [(&str, &str); 5] = [
    ("CALLBACK_GATEWAY_TOKEN", "CALLBACK_GATEWAY_CLIENT_TOKEN"),
    ("CALLBACK_GATEWAY_TOKEN_FILE", "CALLBACK_GATEWAY_CLIENT_TOKEN_FILE"),
    ("CALLBACK_GATEWAY_TLS_CA", "CALLBACK_GATEWAY_CLIENT_TLS_CA"),
    ("CALLBACK_GATEWAY_TLS_CERT", "CALLBACK_GATEWAY_CLIENT_TLS_CERT"),
    ("CALLBACK_GATEWAY_TLS_KEY", "CALLBACK_GATEWAY_CLIENT_TLS_KEY"),
];

/// Prints a warning for each variable that is set only under its former name, which has no effect.
pub(super) fn notice_renamed() {
    let is_set = |name| env::var_os(name).is_some_and(|text| !text.is_empty());
    for (old, new) in RENAMED {
        if is_set(old) && !is_set(new) {
            output::notice(&format!("warning: {old} is ignored; set {new} instead"));
        }
    }
}

/// Returns the text of a variable.
pub(super) fn text(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        // The error's own text shows the value, which may be a secret.
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name}: not valid UTF-8")),
    }
}

/// Removes empty variables from a command's options, because clap takes them as values. Does not reach
/// deferred commands.
pub(super) fn without_empty(command: Command) -> Command {
    command.mut_args(unless_empty).mut_subcommands(without_empty)
}

fn unless_empty(arg: Arg) -> Arg {
    let is_empty = arg.get_env().and_then(env::var_os).is_some_and(|text| text.is_empty());
    if is_empty { arg.env(Resettable::Reset) } else { arg }
}
