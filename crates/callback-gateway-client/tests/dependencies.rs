//! The client compiles few crates and none of the gateway.

use std::{collections::BTreeSet, process::Command};

/// Maximum number of crates that a consumer compiles, including this one and build dependencies.
const MAX_CRATES: usize = 90;

#[test]
fn a_consumer_compiles_few_crates_and_nothing_of_the_gateway() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", "callback-gateway-client"])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    assert!((20..=MAX_CRATES).contains(&crates.len()), "{} crates: {crates:#?}", crates.len());
    let names: BTreeSet<&str> = crates.iter().filter_map(|line| line.split(' ').next()).collect();
    for name in ["callback-gateway", "rusqlite", "libsqlite3-sys", "axum", "clap", "async-nats", "protox"] {
        assert!(!names.contains(name), "{name}");
    }
}
