//! Programs and files that `./scripts/tools` installs.

#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::{
    env,
    path::{Path, PathBuf},
};

/// Returns the directory of the tools: the one in the environment, or its default.
pub fn tools() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    env::var_os("CALLBACK_GATEWAY_TESTS_TOOLS").map_or_else(default, PathBuf::from)
}

/// Returns the path of a tool. Panics if it is not installed.
#[track_caller]
pub fn tool(path: &str) -> PathBuf {
    let tool = tools().join(path);
    assert!(tool.exists(), "no {}: run ./scripts/tools, which installs it", tool.display());
    tool
}
