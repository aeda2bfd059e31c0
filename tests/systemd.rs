//! The systemd unit. `./scripts/test` says so where there is no systemd-analyze, and names it
//! in CALLBACK_GATEWAY_TESTS_WITHOUT.

mod support;

use std::{fs, path::PathBuf, process::Command};

use callback_gateway::config::table::find;
use support::*;
use tempfile::TempDir;

const INSTALLED: &str = "/usr/local/bin/callback-gateway";

fn unit() -> String {
    fs::read_to_string(package().join("deploy/systemd/callback-gateway.service")).unwrap()
}

/// The unit with the program that there is, as a file.
fn here(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("callback-gateway.service");
    fs::write(&path, unit().replace(INSTALLED, env!("CARGO_BIN_EXE_callback-gateway"))).unwrap();
    path
}

fn analyze(args: &[&str]) -> Option<Command> {
    if is_without("systemd-analyze") {
        return None;
    }
    let mut command = Command::new("systemd-analyze");
    command.args(args);
    Some(command)
}

#[test]
fn systemd_finds_no_fault() {
    let Some(mut verify) = analyze(&["verify"]) else { return };
    let dir = TempDir::new().unwrap();
    let output = verify.arg(here(&dir)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // It says what is wrong, such as an unknown key, also where it goes on.
    assert!(output.status.success() && !said.contains("callback-gateway"), "{said}");
}

#[test]
fn the_unit_is_kept_from_nearly_everything() {
    // In tenths, from 0 to 100; systemd calls up to 19 OK. An unhardened unit has 96.
    let Some(mut security) = analyze(&["security", "--offline=true", "--threshold=13", "--no-pager"]) else {
        return;
    };
    let dir = TempDir::new().unwrap();
    let output = security.arg(here(&dir)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The values of a key, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let pairs = unit.lines().filter_map(|line| line.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).collect()
}

#[test]
fn the_program_takes_its_command_lines_and_systemd_waits_for_its_end() {
    let unit = unit();
    let (start, reload) = (values(&unit, "ExecStart"), values(&unit, "ExecReload"));
    let file = "/etc/callback-gateway/gateway.toml";
    assert_eq!(start, [format!("{INSTALLED} serve --config {file}")]);
    assert_eq!(reload, [&format!("{INSTALLED} check-config --config {file}"), "/bin/kill -HUP $MAINPID"]);
    // With the page's file, and the tokens that it names.
    let page = fs::read_to_string(package().join("docs/deployment.md")).unwrap();
    let (_, example) =
        page.split_once("```toml\n# /etc/callback-gateway/gateway.toml\n").expect("an example");
    let (example, _) = example.split_once("```").unwrap();
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_str().unwrap();
    for (name, text) in [
        ("gateway.toml", &*example.replace("/etc/callback-gateway", path)),
        ("callback-tokens", "1400000000 t0ken\n"),
        ("client-tokens", "oncall 0f9c3e7a5d1b48c2e6f8 events admin\n"),
    ] {
        certificates::write(dir.path(), name, text);
    }
    let mut check = program();
    for variable in values(&unit, "Environment") {
        let (name, value) = variable.split_once('=').unwrap();
        let name = name.strip_prefix("CALLBACK_GATEWAY_").unwrap().to_lowercase();
        assert_eq!(
            find(&name).expect("a setting").variable(),
            format!("CALLBACK_GATEWAY_{}", name.to_uppercase())
        );
        check.env(variable.split_once('=').unwrap().0, value);
    }
    let config = format!("{path}/gateway.toml");
    let output = check.args(["check-config", "--config", &config]).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let timeout = find("drain.timeout").unwrap().default.strip_suffix('s').unwrap().parse::<u64>().unwrap();
    // The log may take 5 s more to close.
    assert!(values(&unit, "TimeoutStopSec")[0].parse::<u64>().unwrap() > timeout + 5);
}
