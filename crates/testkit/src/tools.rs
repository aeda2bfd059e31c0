//! Programs and files that `./scripts/tools` installs.

use std::{env, path::PathBuf};

use crate::package;

/// Returns the directory of the tools: the one in the environment, or its default.
pub fn tools() -> PathBuf {
    let default = || package().join("target/tools");
    env::var_os("CALLBACK_GATEWAY_TESTS_TOOLS").map_or_else(default, PathBuf::from)
}

/// Returns the path of a tool. Panics if it is not installed.
#[track_caller]
pub fn tool(path: &str) -> PathBuf {
    let tool = tools().join(path);
    assert!(tool.exists(), "no {}: run ./scripts/tools, which installs it", tool.display());
    tool
}
