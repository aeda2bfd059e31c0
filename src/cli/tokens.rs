//! Where tokens come from: a file or the environment, never the command line's
//! arguments, which every user of the machine can see.

use std::{env, fs, path::Path};

use super::Failure;
use crate::callback::signature::Tokens;

/// The environment variable with tokens, in the same form as the file.
const VARIABLE: &str = "CALLBACK_GATEWAY_TOKENS";

/// Reads the tokens of the file, if one is given, and of the environment.
pub(super) fn load(file: Option<&Path>) -> Result<Tokens, Failure> {
    let mut tokens = Tokens::default();
    if let Some(path) = file {
        let wrong = |problem: &dyn std::fmt::Display| {
            Failure::Usage(format!("--tokens-file {}: {problem}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        tokens.extend(Tokens::parse(&text).map_err(|error| wrong(&error))?);
    }
    match env::var(VARIABLE) {
        Ok(text) => {
            let parsed = Tokens::parse(&text);
            tokens.extend(parsed.map_err(|error| Failure::Usage(format!("{VARIABLE}: {error}")))?);
        }
        Err(env::VarError::NotPresent) => {}
        // Its own text would show the value.
        Err(env::VarError::NotUnicode(_)) => {
            return Err(Failure::Usage(format!("{VARIABLE}: it is not valid text")));
        }
    }
    Ok(tokens)
}
