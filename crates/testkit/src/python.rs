//! Clients in Python, with stubs that protoc generates from the proto files.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{package, tools::tool};

/// Returns a command with the Python of the venv that `./scripts/test` creates.
fn python() -> Command {
    Command::new(tool("bin/python3"))
}

/// Generated stubs. Dropping it deletes them.
pub struct Python {
    stubs: TempDir,
}

impl Python {
    pub fn new() -> Self {
        let stubs = TempDir::new().unwrap();
        let mut protoc = python();
        protoc.args(["-m", "grpc_tools.protoc", "--proto_path=proto"]).current_dir(package());
        for option in ["--python_out", "--grpc_python_out"] {
            protoc.arg(option).arg(stubs.path());
        }
        let files = package().join("proto/imcallback/v1").read_dir().unwrap();
        protoc.args(files.map(|file| PathBuf::from("imcallback/v1").join(file.unwrap().file_name())));
        assert!(protoc.status().unwrap().success());
        Self { stubs }
    }

    /// Returns a command for a program of this package that can import the stubs.
    pub fn program(&self, path: &str) -> Command {
        let mut program = python();
        program.arg(package().join(path));
        program.env("PYTHONPATH", self.stubs.path());
        program
    }
}
