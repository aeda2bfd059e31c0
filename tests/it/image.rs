//! The image: the files that the Dockerfile copies are a package that cargo can build.

use std::{fs, path::Path, process::Command};

use crate::support::*;
use tempfile::TempDir;

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// Needs no Docker engine: cargo reads the manifest with the files that are copied before the build,
/// except those that .dockerignore excludes.
#[test]
fn what_the_dockerfile_copies_is_a_whole_package() {
    let dockerfile = fs::read_to_string(package().join("Dockerfile")).unwrap();
    let ignore = fs::read_to_string(package().join(".dockerignore")).unwrap();
    assert_eq!(ignore.lines().next(), Some("*"), "only named files are included");
    let dir = TempDir::new().unwrap();
    let before_build = dockerfile.lines().take_while(|line| !line.starts_with("RUN cargo build"));
    for line in before_build.filter_map(|line| line.strip_prefix("COPY ")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        let to = dir.path().join(words.pop().unwrap());
        for name in words {
            assert!(ignore.lines().any(|line| line == format!("!{name}")), "{name} is in .dockerignore");
            let to = if to.ends_with("./") || to == dir.path() { to.join(name) } else { to.clone() };
            copy(&package().join(name), &to);
        }
    }
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--no-deps", "--format-version=1"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Files that the sources include at compile time must be copied too.
    for path in ["build.rs", "src/main.rs", "proto/imcallback/v1/event.proto", "Cargo.lock"] {
        assert!(dir.path().join(path).exists(), "{path}");
    }
}
