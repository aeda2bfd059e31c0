//! The systemd unit. Where systemd-analyze is missing, `./scripts/test` reports so and adds it to
//! CALLBACK_GATEWAY_TESTS_WITHOUT.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

use crate::support::*;
use callback_gateway::config::table::find;
use imcallback::{EventFilter, ListEventsRequest};
use rustix::process::Signal;
use tempfile::TempDir;

const INSTALLED: &str = "/usr/local/bin/callback-gateway";

fn unit() -> String {
    fs::read_to_string(package().join("deploy/systemd/callback-gateway.service")).unwrap()
}

/// Writes the unit with the path of the program under test to a file.
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
    // It reports faults, such as an unknown key, even where it continues.
    assert!(output.status.success() && !said.contains("callback-gateway"), "{said}");
}

#[test]
fn the_unit_is_kept_from_nearly_everything() {
    // In tenths, from 0 to 100. systemd rates values up to 19 as OK. An unhardened unit has 96.
    let Some(mut security) = analyze(&["security", "--offline=true", "--threshold=13", "--no-pager"]) else {
        return;
    };
    let dir = TempDir::new().unwrap();
    let output = security.arg(here(&dir)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Returns the values of a key, in order.
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
    // With the page's configuration, and the token files that it names.
    let page = fs::read_to_string(package().join("docs/deployment.md")).unwrap();
    let (_, example) =
        page.split_once("```toml\n# /etc/callback-gateway/gateway.toml\n").expect("the page has an example");
    let (example, _) = example.split_once("```").unwrap();
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_str().unwrap();
    for (name, text) in [
        ("gateway.toml", &*example.replace("/etc/callback-gateway", path)),
        ("callback-tokens", "1400000000 t0ken-of-the-test\n"),
        ("client-tokens", "oncall 0f9c3e7a5d1b48c2e6f8 events admin\n"),
    ] {
        certificates::write(dir.path(), name, text);
    }
    let mut check = program();
    for variable in values(&unit, "Environment") {
        let (name, value) = variable.split_once('=').unwrap();
        let name = name.strip_prefix("CALLBACK_GATEWAY_").unwrap().to_lowercase();
        assert_eq!(
            find(&name).expect("the setting exists").variable(),
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
    // The log may take 5 s more to close, and the last traces 2 s.
    assert!(values(&unit, "TimeoutStopSec")[0].parse::<u64>().unwrap() > timeout + 7);
}

/// Parses systemd's groups of system calls by name.
fn groups(listed: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in listed.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        if line.starts_with(' ') {
            groups.get_mut(name).unwrap().push(line.trim());
        } else {
            name = line;
            groups.insert(name, Vec::new());
        }
    }
    groups
}

/// Returns the system calls of a group, including nested groups.
fn calls<'a>(groups: &BTreeMap<&str, Vec<&'a str>>, name: &str) -> BTreeSet<&'a str> {
    let members = &groups[name];
    members
        .iter()
        .flat_map(|member| if groups.contains_key(member) { calls(groups, member) } else { [*member].into() })
        .collect()
}

/// Covers all activities of a gateway, from its start to its end.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_makes_no_system_call_that_the_unit_forbids() {
    let Some(mut filters) = analyze(&["syscall-filter"]) else { return };
    if is_without("strace") {
        return;
    }
    let dir = TempDir::new().unwrap();
    let trace = dir.path().join("trace");
    let mut strace = Command::new("strace");
    // As a grandchild of the tracer, so that signals and the exit code are those of the program.
    strace.args(["-D", "-f", "-qq", "-o", trace.to_str().unwrap()]);
    let args = serve_args(&dir.path().join("data"));
    let bounds = ["--drain-delay", "0s", "--retention-count", "10", "--memory", "1KiB"];
    let gateway = Process::start(strace.arg(env!("CARGO_BIN_EXE_callback-gateway")).args(args).args(bounds));
    for _ in 0..50 {
        let answer =
            Http::connect(gateway.addresses.http).await.post("Sns.CallbackFriendAdd", FRIEND_ADD).await;
        assert!(answer.is_stored());
    }
    let mut client = gateway.client().await;
    let latest = Subscriber::open(&mut client, latest()).await.unwrap();
    assert!(!all_events(&mut client).await.is_empty());
    let filter = Some(EventFilter { accounts: vec!["id".to_owned()], ..Default::default() });
    soon(client.list_events(ListEventsRequest { filter, ..Default::default() })).await.unwrap();
    assert!(get(gateway.addresses.admin, "/metrics").await.body.contains("process_open_fds"));
    gateway.signal(Signal::HUP);
    gateway.line("the configuration was reloaded").await;
    drop(latest);
    gateway.signal(Signal::TERM);
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(0), "{log:#?}");

    let unit = unit();
    let listed = String::from_utf8(filters.output().unwrap().stdout).unwrap();
    let groups = groups(&listed);
    assert_eq!(values(&unit, "SystemCallFilter"), ["@system-service", "~@privileged"]);
    let mut allowed = &calls(&groups, "@system-service") - &calls(&groups, "@privileged");
    // System calls with which systemd itself starts the program.
    allowed.insert("execve");
    if rustix::process::geteuid().is_root() {
        // Needed only as root: SQLite assigns a new file to the owner of its database.
        allowed.insert("fchown");
    }
    let text = fs::read_to_string(&trace).unwrap();
    let made: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        .collect();
    assert!(made.contains("fdatasync") && made.contains("accept4"), "{made:?}");
    let forbidden: Vec<_> = made.difference(&allowed).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
    // MemoryDenyWriteExecute: no code that is generated at run time is executed.
    assert!(!text.contains("PROT_WRITE|PROT_EXEC"));
}

/// Runs the page's commands with a directory in place of the root directory.
#[test]
fn what_the_page_installs_is_what_the_unit_names() {
    if is_without("systemd-analyze") {
        return;
    }
    let page = fs::read_to_string(package().join("docs/deployment.md")).unwrap();
    let (_, commands) = page
        .split_once("```text\ncargo build --locked --release\n")
        .expect("the page has the commands of an installation");
    let dir = TempDir::new().unwrap();
    let root = dir.path().to_str().unwrap();
    for made_by_others in ["usr/local/bin", "usr/lib/sysusers.d", "etc/systemd/system"] {
        fs::create_dir_all(dir.path().join(made_by_others)).unwrap();
    }
    for line in commands.split_once("```").unwrap().0.lines() {
        let here = line
            .replace(" /", &format!(" {root}/"))
            .replace("target/release/callback-gateway", env!("CARGO_BIN_EXE_callback-gateway"))
            // The user is created only below that directory.
            .replace(" -o callback-gateway -g callback-gateway", "")
            .replace("systemd-sysusers", &format!("systemd-sysusers --root={root}"));
        let output = Command::new("sh").args(["-c", &here]).current_dir(package()).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }
    let unit = unit();
    assert_eq!(
        fs::read_to_string(dir.path().join("etc/systemd/system/callback-gateway.service")).unwrap(),
        unit
    );
    let users = fs::read_to_string(dir.path().join("etc/passwd")).unwrap();
    let user = format!("{}:", values(&unit, "User")[0]);
    assert!(users.lines().any(|line| line.starts_with(&user)), "{users}");
    let program = dir.path().join(INSTALLED.trim_start_matches('/'));
    assert!(Command::new(program).arg("--version").status().unwrap().success());
    assert!(dir.path().join("etc/callback-gateway").is_dir());
}
