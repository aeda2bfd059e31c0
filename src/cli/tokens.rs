//! Where tokens come from: a file or the environment, never the command line's
//! arguments, which every user of the machine can see.

use std::{borrow::Cow, env, fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::Failure;
use crate::callback::signature::Tokens;

/// The environment variable with tokens, in the same form as the file.
pub(super) const VARIABLE: &str = "CALLBACK_GATEWAY_TOKENS";

/// Reads the tokens of the file, if one is given, and of the environment.
pub(super) fn load(file: Option<&Path>) -> Result<Tokens, Failure> {
    let mut tokens = Tokens::default();
    if let Some(path) = file {
        let wrong = |problem: &dyn std::fmt::Display| {
            Failure::Usage(format!("--tokens-file {}: {problem}", shown(path)))
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        tokens = Tokens::parse(&text).map_err(|error| wrong(&error))?;
    }
    match env::var(VARIABLE) {
        Ok(text) => {
            let parsed = Tokens::parse(&text);
            let parsed = parsed.map_err(|error| Failure::Usage(format!("{VARIABLE}: {error}")))?;
            tokens.extend(parsed).map_err(|error| {
                Failure::Usage(format!("--tokens-file and {VARIABLE} together: {error}; take out old ones"))
            })?;
        }
        Err(env::VarError::NotPresent) => {}
        // Its own text would show the value.
        Err(env::VarError::NotUnicode(_)) => {
            return Err(Failure::Usage(format!("{VARIABLE}: it is not valid text")));
        }
    }
    Ok(tokens)
}

/// What to tell the user if others can read the file.
pub(super) fn exposure(file: Option<&Path>) -> Option<String> {
    let path = file?;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        format!("--tokens-file {}: other users of this machine can get at it; chmod 600 it", shown(path))
    })
}

/// The path, unless it looks like a line `APP_ID TOKEN` that was given in its place.
fn shown(path: &Path) -> Cow<'_, str> {
    let text = path.to_string_lossy();
    if text.contains(char::is_whitespace) { "(the path given; it has spaces in it)".into() } else { text }
}
