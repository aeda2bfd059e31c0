//! Tests that every file names the same oldest supported version of Rust.

use std::{fs, path::Path};

/// Manifests outside the workspace, and pages and images that name the version.
const OTHERS: [&str; 4] = ["fuzz/Cargo.toml", "README.md", "CONTRIBUTING.md", "Dockerfile"];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the versions of Rust that a text names: numbers such as 1.90 on lines that mention Rust.
fn versions(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.to_lowercase().contains("rust"));
    let numbers = lines.flat_map(|line| line.split(|char: char| !char.is_ascii_digit() && char != '.'));
    numbers.map(|number| number.trim_matches('.')).filter(|number| number.starts_with("1.")).collect()
}

/// Returns the value of `rust-version` in a manifest.
fn rust_version(manifest: &str) -> Option<&str> {
    manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
}

#[test]
fn all_files_name_the_workspaces_version() {
    let manifest = read("Cargo.toml");
    let version = rust_version(&manifest).expect("workspace.package.rust-version");
    for path in OTHERS {
        let text = read(path);
        let found = versions(&text);
        assert!(!found.is_empty(), "{path} names no version of Rust, and Cargo.toml names {version}");
        assert!(found.iter().all(|other| *other == version), "{path} names {found:?}, not {version}");
    }
    let crates = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates")).unwrap();
    for member in crates {
        let path = format!("crates/{}/Cargo.toml", member.unwrap().file_name().to_str().unwrap());
        assert!(read(&path).contains("\nrust-version.workspace = true\n"), "{path}: rust-version");
    }
}

/// `tests/it/tools.rs` compares its message.
#[test]
fn the_test_script_reads_the_version() {
    let script = read("scripts/test");
    assert!(script.contains("^rust-version = ") && versions(&script).is_empty(), "scripts/test");
}

#[test]
fn versions_are_numbers_beside_rust() {
    let text = "FROM rust:1.90-bookworm\nRust (1.91.1 or newer), Python 3.11\nnode 1.2\nRust 1.92.\n";
    assert_eq!(versions(text), ["1.90", "1.91.1", "1.92"]);
    assert_eq!(rust_version("[package]\nrust-version = \"1.93\"\n"), Some("1.93"));
}
