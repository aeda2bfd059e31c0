//! Runs the commands of all documentation pages as written. Each command is run by a test, or this file
//! states why not.
//!
//! - Blocks of `sh` are run.
//! - Sessions are blocks with commands after `$ `. They are run, and their output is compared with the
//!   page.
//! - Other blocks contain no commands, except those in `ELSEWHERE`.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use crate::support::grpcurl::{Subscription, grpcurl_binary, run};
use crate::support::{APP_ID, HANG, OK_PACKET, Process, Subscriber, earliest, latest, nats, package, soon};
use imcallback::{
    GetLogStatusRequest, SubscribeRequest, admin_service_client::AdminServiceClient,
    subscribe_response::Frame,
};
use tempfile::TempDir;
use tokio::time::sleep;

/// Interval between checks whether the index is complete.
const LOOK: Duration = Duration::from_millis(20);

/// Commands that this file does not run as written: the page, the beginning of the command, and the test
/// that runs it or the reason why none does.
const ELSEWHERE: [(&str, &str, &str); 14] = [
    ("README.md", "$ cargo run", "tests/it/consumers.rs starts the consumer so"),
    ("docs/deployment.md", "callback-gateway serve", "a test below, with free ports and other servers"),
    ("docs/deployment.md", "cargo build", "takes minutes; ./scripts/size does it"),
    ("docs/deployment.md", "install ", "changes the machine; tests/it/systemd.rs has it change a directory"),
    (
        "docs/deployment.md",
        "systemd-sysusers",
        "changes the machine; tests/it/systemd.rs has it change a directory",
    ),
    ("docs/deployment.md", "systemctl ", "needs systemd as the machine's init"),
    ("docs/troubleshooting.md", "$ callback-gateway repair", "tests/it/repair.rs repairs logs of its own"),
    ("deploy/helm/callback-gateway/README.md", "kubectl ", "needs a Kubernetes cluster"),
    ("deploy/helm/callback-gateway/README.md", "helm install", "tests/it/chart.rs runs it with --dry-run"),
    ("examples/go/README.md", "$ ", "tests/it/consumers.rs starts it so; ./scripts/test compiles it"),
    ("examples/java/README.md", "$ ", "tests/it/consumers.rs starts it so; ./scripts/test compiles it"),
    (
        "examples/node/README.md",
        "$ ",
        "tests/it/consumers.rs starts it so; ./scripts/test gets what it needs",
    ),
    (
        "examples/python/README.md",
        "$ ",
        "tests/it/consumers.rs starts it so; ./scripts/test gets what it needs",
    ),
    ("examples/rust/README.md", "$ ", "tests/it/consumers.rs starts it so"),
];

/// First words of commands, on any page.
const PROGRAMS: &str = "apt-get buf callback-gateway cargo cp curl dig docker env git go grpcurl helm install istioctl \
    java javac kill kubectl linkerd make mkdir nats nats-server node npm openssl pip protoc python3 rustup sh sqlite3 \
    sudo systemctl systemd-analyze systemd-sysusers venv";

/// Runs the `sh` blocks of README.md in order, against a gateway that was started with README's own
/// `serve` line.
#[test]
fn the_commands_of_the_readme_work() {
    let readme = fs::read_to_string(package().join("README.md")).expect("README.md is readable");
    let (serves, commands): (Vec<_>, Vec<_>) =
        readme_commands(&readme).into_iter().partition(|line| line.starts_with("callback-gateway serve"));
    let dir = TempDir::new().unwrap();
    let path = readme_path(dir.path());
    let serve = serves.first().expect("README.md shows how to start the gateway");
    let gateway = Process::start(&mut serve_command(serve, &path, &dir.path().join("data")));
    // `./scripts/test` reports it if curl is missing.
    let has_curl = Command::new("curl").arg("--version").output().is_ok();

    let (mut sends, mut posts, mut lists) = (0, 0, 0);
    let (printed, messages) = mpsc::channel();
    let mut subscriptions = Vec::new();
    for line in commands.iter().filter(|line| has_curl || !line.starts_with("curl ")) {
        println!("$ {line}");
        let mut command = readme_command(line, &path, &gateway);
        if line.contains("EventService/Subscribe") {
            // In the background, as in a second terminal.
            let subscription = Subscription::start(&mut command);
            let first = subscription.message();
            assert!(first["subscribed"].is_object(), "{line}: {first}");
            subscriptions.push(subscription.forward(printed.clone()));
            continue;
        }
        let stdout = run(&mut command).stdout();
        println!("{stdout}");
        if line.starts_with("curl ") && line.contains("CallbackCommand=") {
            assert!(stdout.contains(OK_PACKET), "{line}: {stdout}");
            posts += 1;
        } else if line.starts_with("callback-gateway send ") {
            assert_eq!(stdout.trim_end(), OK_PACKET, "{line}");
            sends += 1;
        } else if line.contains("EventService/ListEvents") && stdout.contains("From_Account") {
            lists += 1;
        }
    }
    assert!(sends > 0, "README.md shows `callback-gateway send`");
    assert!(posts > 0 || !has_curl, "README.md shows a callback posted by curl");
    assert!(lists > 0, "README.md shows ListEvents after something was posted");
    assert!(!subscriptions.is_empty(), "README.md shows Subscribe");
    drop(printed);
    loop {
        let message = messages.recv_timeout(HANG).expect("a subscription of README.md prints an event");
        if message["event"].to_string().contains("From_Account") {
            break;
        }
    }
}

/// Runs each command as written, against a healthy gateway with two events.
#[test]
fn the_commands_of_every_page_work() {
    let dir = TempDir::new().unwrap();
    let path = readme_path(dir.path());
    let gateway = Process::serve(&dir.path().join("data"), &[]);
    for to in ["bob", "mallory"] {
        let line = format!("callback-gateway send friend-add --sdk-app-id {APP_ID} --from alice --to {to}");
        run(&mut readme_command(&line, &path, &gateway)).stdout();
    }
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    let mut tried = 0;
    // README.md has its own gateway, which its `serve` line starts.
    for (page, text) in pages().iter().filter(|(page, _)| page != "README.md") {
        println!("{page}");
        for line in shell_lines(text) {
            println!("$ {line}");
            if !is_tried(&line) {
                assert!(is_of_the_repository(&line), "{line}: a block that no test can run is `text`");
                continue;
            }
            if line.starts_with("curl ") && !has_curl {
                continue;
            }
            assert!(
                !line.starts_with("callback-gateway serve"),
                "{line}: no test starts it; a block of `text`"
            );
            let mut command = readme_command(&line, &path, &gateway);
            if line.contains("EventService/Subscribe") {
                let first = Subscription::start(&mut command).message();
                assert!(first["subscribed"].is_object(), "{line}: {first}");
            } else {
                println!("{}", run(&mut command).stdout());
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

/// Runs the sessions of each page as written, one after another, against a separate gateway per page.
#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_every_page_print_what_is_shown() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for (page, text) in pages() {
        let sessions = blocks(&text).into_iter().map(|block| block.session());
        let is_ours = |session: &Vec<(String, Vec<String>)>| {
            session.first().is_some_and(|(first, _)| !is_elsewhere(&page, &format!("$ {first}")))
        };
        let sessions: Vec<_> = sessions.filter(is_ours).flatten().collect();
        if sessions.is_empty() {
            continue;
        }
        println!("{page}");
        let dir = TempDir::new().unwrap();
        let path = readme_path(dir.path());
        let (gateway, _orders) = used_gateway(dir.path(), &path).await;
        fs::write(dir.path().join("gateway.toml"), WRONG_CONFIGURATION).unwrap();
        for (line, shown) in sessions {
            println!("$ {line}");
            // Outside the repository, because sessions write files.
            let mut command = readme_command(&format!("{line} 2>&1"), &path, &gateway);
            let output = command.current_dir(dir.path()).output().unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            if shape(printed.trim_end().lines()) != shape(shown.iter()) {
                wrong.push(format!("{page} shows something else for\n$ {line}\n{printed}"));
            }
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 8, "{tried}");
}

/// Runs the page's gateways over three servers as written. Each accepts requests about what another
/// serves.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_of_the_deployment_page_start_over_nats() {
    let page = fs::read_to_string(package().join("docs/deployment.md")).unwrap();
    let blocks = blocks(&page);
    let block = |begins: &str| {
        let mut found =
            blocks.iter().filter(|block| block.lines.first().is_some_and(|line| line.starts_with(begins)));
        found.next().unwrap_or_else(|| panic!("{begins}")).lines.join("\n")
    };
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("nats.conf");
    fs::write(&config, block("# nats.conf")).unwrap();
    assert!(nats::checks(&config), "the page's NATS configuration is valid");

    let servers = nats::Nats::cluster();
    let mut line = block("callback-gateway serve").replace("\\\n", " ");
    for (n, server) in servers.iter().enumerate() {
        let written = format!("nats://nats-{n}:4222");
        assert!(line.contains(&written), "{line}");
        line = line.replace(&written, &server.url());
    }
    let path = readme_path(dir.path());
    let gateways =
        ["0", "1"].map(|name| Process::start(&mut serve_command(&line, &path, &dir.path().join(name))));
    let send = "callback-gateway send friend-add --sdk-app-id 1400000000 --from alice --to bob";
    run(&mut readme_command(send, &path, &gateways[0])).stdout();
    let mut reader = Subscriber::open(&mut gateways[1].client().await, earliest()).await.unwrap().0;
    assert_eq!(reader.event().await.unwrap().command, "Sns.CallbackFriendAdd");
}

/// `cargo test --doc` compiles and runs the example as a test.
#[test]
fn the_rust_of_the_consumers_page_is_the_doc_test_of_the_client() {
    let read = |path: &str| fs::read_to_string(package().join(path)).unwrap();
    let page = blocks(&read("docs/consumers.md"));
    let shown = page.iter().find(|block| block.info == "rust").expect("the page has a block of Rust");
    let source = read("crates/callback-gateway-client/src/lib.rs");
    let (_, doc_test) = source.split_once("//! ```\n").unwrap();
    let (doc_test, _) = doc_test.split_once("//! ```").unwrap();
    let visible = doc_test.lines().map(|line| line.trim_start_matches("//!").trim_start_matches(' '));
    let visible: Vec<_> = visible.filter(|line| !line.starts_with('#')).collect();
    let shown: Vec<_> = shown.lines.iter().map(|line| line.trim_start()).collect();
    assert_eq!(shown, visible);

    // Dependencies with which it is compiled.
    let dependencies = |text: &str| text.parse::<toml::Table>().unwrap()["dependencies"].clone();
    let ours = dependencies(&read("Cargo.toml"));
    let named = page.iter().find(|block| block.info == "toml").expect("the page lists the dependencies");
    for (name, of) in dependencies(&named.lines.join("\n")).as_table().unwrap() {
        let is_of_the_repository = of.get("path").is_some();
        assert!(is_of_the_repository || of["version"] == ours[name]["version"], "{name}");
    }
    // Dependencies of the consumer, in the form of its page: `NAME` VERSION.
    let page = read("examples/rust/README.md");
    for name in ["rusqlite", "tokio"] {
        let version = ours[name].as_str().or_else(|| ours[name]["version"].as_str()).unwrap();
        assert!(page.contains(&format!("`{name}` {version}")), "{name} {version}");
    }
}

#[test]
fn the_example_of_contributing_is_a_test() {
    let read = |path: &str| fs::read_to_string(package().join(path)).unwrap();
    let page = blocks(&read("docs/add-a-test.md"));
    let shown = page.iter().find(|block| block.info == "rust").expect("the page has an example of a test");
    assert!(
        read("tests/it/stream.rs").contains(&shown.lines.join("\n")),
        "tests/it/stream.rs lacks the example"
    );
}

/// The configuration that docs/operating.md passes to `check-config`.
const WRONG_CONFIGURATION: &str = "[http]\nlisen = \"0.0.0.0:8080\"\n[retention]\nage = \"a week\"\n";

/// Starts the gateway for sessions: with three events, two refusals and a subscriber.
async fn used_gateway(dir: &Path, path: &OsStr) -> (Process, Subscriber) {
    let gateway = Process::serve(&dir.join("data"), &["--replica-name", "gateway-0"]);
    let url = format!("http://{}", gateway.addresses.http);
    for (args, is_taken) in [
        ("friend-add --sdk-app-id 1400000000 --from alice --to bob --initiator alice", true),
        ("black-list-add --sdk-app-id 1400000000 --from alice --to mallory", true),
        ("state-change --sdk-app-id 1400000000 --to-account bob", true),
        ("state-change --sdk-app-id 7 --to-account bob", false),
        (&format!("state-change --sdk-app-id 1400000000 --to-account bob --url {url}/elsewhere"), false),
    ] {
        let line = format!("callback-gateway send {args}");
        let output = readme_command(&line, path, &gateway).output().unwrap();
        assert_eq!(output.status.success(), is_taken, "{line}: {output:?}");
    }
    let request = SubscribeRequest { subscriber: "orders".to_owned(), ..latest() };
    let (mut orders, _) = Subscriber::open(&mut gateway.client().await, request).await.unwrap();
    assert!(matches!(orders.frame().await.unwrap(), Frame::CaughtUp(_)));
    // The index is built in the background, and `status` shows its progress.
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
    soon(async {
        loop {
            let status = admin.get_log_status(GetLogStatusRequest::default()).await.unwrap().into_inner();
            if status.index_sequence == Some(status.latest_sequence + 1) {
                return;
            }
            sleep(LOOK).await;
        }
    })
    .await;
    (gateway, orders)
}

/// Normalizes printed lines for comparison: `#` replaces each cursor and each word with a digit, and one
/// space separates columns.
fn shape(lines: impl Iterator<Item = impl AsRef<str>>) -> Vec<String> {
    let is_end = |c: char| !c.is_alphanumeric() && !"+-.:_".contains(c);
    let line = |line: &str| {
        let mut shape = String::new();
        for piece in line.trim().split_inclusive(is_end).filter(|piece| *piece != " ") {
            let word = piece.trim_end_matches(is_end);
            let is_cursor = word.len() == 35 && word.starts_with(['C', 'E', 'S']);
            shape.push_str(match word {
                "now" => "# ago",
                _ if is_cursor || word.contains(|c: char| c.is_ascii_digit()) => "#",
                _ => word,
            });
            shape.push_str(&piece[word.len()..]);
        }
        shape
    };
    lines.map(|text| line(text.as_ref())).collect()
}

/// Ensures that every command on every page is run or listed.
#[test]
fn every_command_is_run_or_says_why_not() {
    let mut found = [false; ELSEWHERE.len()];
    for (page, text) in pages() {
        for block in blocks(&text) {
            // Commands that a test runs: sessions that are not listed in `ELSEWHERE`, and all of `sh`.
            let is_session = !block.session().is_empty();
            match &*block.info {
                "sh" | "json" | "yaml" | "toml" | "proto" | "rust" => {
                    assert!(!is_session, "{page}");
                    continue;
                }
                "console" => assert!(is_session, "{page}: a block of `console` has commands behind `$ `"),
                "text" => {}
                other => panic!("{page}: a block of `{other}`"),
            }
            for command in block.commands() {
                for path in command.split_whitespace().filter(|word| word.starts_with("deploy/")) {
                    assert!(package().join(path).exists(), "{page}: {command}");
                }
                let elsewhere =
                    ELSEWHERE.iter().position(|(of, begins, _)| *of == page && command.starts_with(begins));
                match elsewhere {
                    Some(at) => found[at] = true,
                    None => assert!(is_session, "{page}: nothing runs `{command}`; make it `sh` or say why"),
                }
            }
        }
    }
    for ((page, begins, _), found) in ELSEWHERE.iter().zip(found) {
        assert!(found, "{page} has no command `{begins}` that a test of this file would not run");
    }
}

#[test]
fn every_entry_of_the_troubleshooting_page_has_a_command() {
    let page = fs::read_to_string(package().join("docs/troubleshooting.md")).unwrap();
    let commands = readme_commands(&page);
    for name in ["status", "refusals", "recent", "get", "subscribers", "send", "check-config"] {
        let command = format!("callback-gateway {name}");
        assert!(commands.iter().any(|line| line.starts_with(&command)), "the page has {command}");
    }
    for entry in page.split("\n## ").skip(1) {
        assert!(!readme_commands(entry).is_empty(), "an entry without a command: {entry}");
    }
}

/// Path of a page in the repository, and its text.
type Page = (String, String);

/// Returns all pages by name.
fn pages() -> Vec<Page> {
    let mut pages: Vec<_> = fs::read_dir(package()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for dir in ["benches", "deploy", "docs", "examples"] {
        files(&package().join(dir), &mut pages);
    }
    pages.retain(|path| path.extension() == Some(OsStr::new("md")));
    pages.sort();
    assert!(pages.len() > 20, "{pages:?}");
    let name = |path: &Path| path.strip_prefix(package()).unwrap().to_str().unwrap().to_owned();
    pages.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// Collects the files below a directory, except those that npm installs.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("node_modules") {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Fenced block of a page.
struct Block {
    info: String,
    lines: Vec<String>,
}

impl Block {
    /// Returns its commands after `$ `, each with the lines that it prints.
    fn session(&self) -> Vec<(String, Vec<String>)> {
        let mut session = Vec::<(String, Vec<String>)>::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), session.last_mut()) {
                (Some(command), _) => session.push((command.to_owned(), Vec::new())),
                (None, Some((_, printed))) => printed.push(line.clone()),
                (None, None) => {}
            }
        }
        session
    }

    /// Returns its lines that begin like commands. In a session these lines include `$ `.
    fn commands(&self) -> Vec<&str> {
        let begins = |line: &str| {
            let mut words = line.split_whitespace().skip_while(|word| word.contains('='));
            words.next().is_some_and(|word| {
                word.starts_with("./")
                    || PROGRAMS.split_whitespace().any(|program| {
                        word.split('/').next() == Some(program) || word.ends_with(&format!("/{program}"))
                    })
            })
        };
        let is_session = self.lines.iter().any(|line| line.starts_with("$ "));
        let mut goes_on = false;
        let mut commands = Vec::new();
        for line in &self.lines {
            let is_command = if is_session { line.starts_with("$ ") } else { begins(line) && !goes_on };
            if is_command {
                commands.push(line.as_str());
            }
            goes_on = line.ends_with('\\');
        }
        commands
    }
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open = None::<(Block, usize)>;
    for line in page.lines() {
        let text = line.trim_start();
        match (text.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let block = Block { info: info.trim().to_owned(), lines: Vec::new() };
                open = Some((block, line.len() - text.len()));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(block, _)| block)),
            (None, Some((block, indent))) => {
                block.lines.push(line.get(*indent..).unwrap_or_default().to_owned());
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn is_elsewhere(page: &str, line: &str) -> bool {
    ELSEWHERE.iter().any(|(of, begins, _)| *of == page && line.starts_with(begins))
}

/// Returns whether a line works on the repository and names existing files. Such lines are
/// `./scripts/test` or a part of it, and would run this test again.
fn is_of_the_repository(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    let after = |option: &str| words.iter().skip_while(|word| **word != option).nth(1);
    let is_there = |path: String| package().join(path).exists();
    if words[0].starts_with("./scripts/") {
        return is_there(words[0].to_owned());
    }
    let dir = after("-p").map(|package| format!("crates/{package}/")).unwrap_or_default();
    let mut program = words.iter().skip_while(|word| word.contains('='));
    program.next() == Some(&"cargo")
        && match (after("--test"), after("--bench")) {
            // Names of tests begin with their module.
            (Some(&"it"), _) => {
                let mut modules = words.iter().filter_map(|word| word.split_once("::"));
                modules.all(|(module, _)| is_there(format!("tests/it/{module}.rs")))
            }
            (Some(test), _) => is_there(format!("{dir}tests/{test}.rs")),
            (None, Some(bench)) => is_there(format!("benches/{bench}.rs")),
            (None, None) => program.next().is_some_and(|command| ["fmt", "clippy", "doc"].contains(command)),
        }
}

/// Returns the commands in the `sh` blocks of a Markdown text that a test can run. Others, such as
/// `cargo build`, are skipped.
fn readme_commands(markdown: &str) -> Vec<String> {
    shell_lines(markdown).into_iter().filter(|line| is_tried(line)).collect()
}

fn is_tried(line: &str) -> bool {
    ["curl ", "grpcurl ", "callback-gateway "].iter().any(|program| line.starts_with(program))
}

/// Returns the commands in the `sh` blocks of a Markdown text, each on one line, with the plain name of
/// our program.
fn shell_lines(markdown: &str) -> Vec<String> {
    const OURS: [&str; 3] = [
        "cargo run --locked --release -- ",
        "./target/release/callback-gateway ",
        "target/release/callback-gateway ",
    ];
    let mut commands = Vec::new();
    for block in blocks(markdown).iter().filter(|block| block.info == "sh") {
        let mut command = String::new();
        for line in &block.lines {
            command.push_str(if command.is_empty() { line.trim_start() } else { line });
            let quote_is_open = !command.starts_with('#') && command.matches('\'').count() % 2 == 1;
            if command.ends_with('\\') {
                command.pop();
            } else if quote_is_open {
                command.push('\n');
            } else {
                commands.push(std::mem::take(&mut command));
            }
        }
        assert!(command.is_empty(), "a block ends within {command:?}");
    }
    commands
        .iter()
        .filter(|command| !command.is_empty() && !command.starts_with('#'))
        .map(|command| {
            let ours = OURS.iter().find_map(|prefix| command.strip_prefix(prefix));
            ours.map_or_else(|| command.clone(), |rest| format!("callback-gateway {rest}"))
        })
        .collect()
}

/// Returns a PATH on which `grpcurl` and `callback-gateway` are the ones under test.
fn readme_path(dir: &Path) -> OsString {
    let bin = dir.join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(grpcurl_binary(), bin.join("grpcurl")).unwrap();
    symlink(env!("CARGO_BIN_EXE_callback-gateway"), bin.join("callback-gateway")).unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([bin].into_iter().chain(env::split_paths(&path))).unwrap()
}

/// Returns a shell that runs a line of README.md with `exec`, so killing the shell kills the program.
fn shell(line: &str, path: &OsStr) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec env {line}")]).current_dir(package()).stdin(Stdio::null());
    command.env("PATH", path);
    command
}

/// Returns README's `serve` line with free ports and a separate directory.
fn serve_command(line: &str, path: &OsStr, data_dir: &Path) -> Command {
    let mut line = line.trim_end_matches(['&', ' ']).to_owned();
    for port in [":8080", ":50051", ":9090"] {
        line = line.replace(port, ":0");
    }
    let mut words: Vec<_> = line.split_whitespace().collect();
    if let Some(at) = words.iter().position(|word| *word == "--data-dir") {
        words[at + 1] = data_dir.to_str().unwrap();
    }
    let mut command = shell(&words.join(" "), path);
    // For options that the line leaves at their defaults.
    command.env("CALLBACK_GATEWAY_DATA_DIR", data_dir);
    for listener in ["HTTP", "GRPC", "ADMIN"] {
        command.env(format!("CALLBACK_GATEWAY_{listener}_LISTEN"), "127.0.0.1:0");
    }
    command
}

/// Returns another command of README.md, with the gateway's addresses in place of the default ones.
fn readme_command(line: &str, path: &OsStr, gateway: &Process) -> Command {
    let mut line = line.to_owned();
    let addresses = &gateway.addresses;
    for (port, address) in [(8080, addresses.http), (50051, addresses.grpc), (9090, addresses.admin)] {
        for host in ["127.0.0.1", "localhost"] {
            line = line.replace(&format!("{host}:{port}"), &address.to_string());
        }
    }
    let mut command = shell(&line, path);
    command.env("CALLBACK_GATEWAY_URL", format!("http://{}/", addresses.http));
    command.env("CALLBACK_GATEWAY_ADDRESS", format!("http://{}", addresses.grpc));
    command
}
