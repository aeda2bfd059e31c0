//! The scripts: their arguments, and the machine that `./scripts/test` needs.

mod support;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Output},
};

use support::package;
use tempfile::TempDir;

fn write_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_script_has_help_and_rejects_unknown_arguments() {
    let mut seen = 0;
    for entry in fs::read_dir(package().join("scripts")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // argparse has its own form and its own exit code.
        let is_python = fs::read_to_string(&path).unwrap().starts_with("#!/usr/bin/env python3\n");
        let (usage, code) = if is_python { ("usage: ", 2) } else { ("Usage: ./scripts/", 64) };
        for help in ["-h", "--help"] {
            let output = Command::new(&path).arg(help).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
            let said = stdout(&output);
            assert!(said.starts_with(&format!("{usage}{name}")), "{name}: {said}");
            assert!(said.lines().all(|line| line.chars().count() < 100), "{name}: {said}");
        }
        let output = Command::new(&path).arg("--no-such-option").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {output:?}");
        assert!(
            stderr(&output).contains("--no-such-option") && output.stdout.is_empty(),
            "{name}: {output:?}"
        );
        seen += 1;
    }
    assert!(seen >= 7, "{seen}");
}

/// Only what the script itself starts is on PATH: no C compiler.
#[test]
fn the_tests_name_everything_that_the_machine_lacks() {
    let dir = TempDir::new().unwrap();
    let (bin, repository) = (dir.path().join("bin"), dir.path().join("repository"));
    for file in ["scripts/test", "examples/python/requirements.txt", "examples/node/package-lock.json"] {
        fs::create_dir_all(repository.join(file).parent().unwrap()).unwrap();
        fs::copy(package().join(file), repository.join(file)).unwrap();
    }
    fs::create_dir(&bin).unwrap();
    for program in ["bash", "cat", "cksum", "dirname", "paste", "rm"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|dir| dir.join(program))
            .find(|path| path.exists())
            .unwrap();
        symlink(found, bin.join(program)).unwrap();
    }
    let lacks = || {
        let mut test = Command::new(repository.join("scripts/test"));
        let output =
            test.arg("--quick").env("PATH", &bin).env_remove("CALLBACK_GATEWAY_TESTS_TOOLS").output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!repository.join("target/tools").exists(), "nothing is installed yet");
        let said = stderr(&output);
        let lines = said.lines().filter_map(|line| line.strip_prefix("scripts/test: missing "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let compiler = "a C compiler as cc: on Debian, apt-get install gcc libc6-dev";
    let rust = "Rust 1.90 or newer: install it with rustup, https://rustup.rs";
    assert_eq!(lacks(), [rust, compiler, "Python 3.11 or newer as python3"]);

    // A minimal toolchain, and Debian's Python without python3-venv.
    write_program(&bin.join("cargo"), "#!/bin/sh\n[ \"$*\" = --version ]\n");
    write_program(&bin.join("python3"), "#!/bin/sh\ncase $2 in *ensurepip*) exit 1 ;; esac\n");
    assert_eq!(
        lacks(),
        [
            "rustfmt: rustup component add rustfmt",
            "clippy: rustup component add clippy",
            compiler,
            "Python's modules venv, ensurepip and sqlite3: on Debian, apt-get install python3-venv",
        ]
    );
}
