//! The environment, in which an empty variable counts as none: that is how
//! container setups leave one out.

use std::env;

use clap::{Arg, Command, builder::Resettable};

/// A variable's text.
pub(super) fn text(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        // Its own text would show the value, which may be a secret.
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name}: it is not valid text")),
    }
}

/// The command, its options without the variables that are empty: to clap they
/// would be values. Of a deferred command it reaches nothing.
pub(super) fn without_empty(command: Command) -> Command {
    command.mut_args(unless_empty).mut_subcommands(without_empty)
}

fn unless_empty(arg: Arg) -> Arg {
    let is_empty = arg.get_env().and_then(env::var_os).is_some_and(|text| text.is_empty());
    if is_empty { arg.env(Resettable::Reset) } else { arg }
}
