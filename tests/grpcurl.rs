//! What an operator sees: the API through the real grpcurl, and the commands of
//! README.md as they are written there.
//!
//! grpcurl 1.8.6 asks reflection v1alpha only; v1 has a test with a client of its own.

mod support;

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use serde_json::{Value, json};
use support::{APP_ID, Gateway, HANG, OK_PACKET, Process, package, program, soon};
use tempfile::TempDir;
use tonic::{Code, transport::Endpoint};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const SUBSCRIBE: &str = "imcallback.v1.EventService/Subscribe";
const LIST_EVENTS: &str = "imcallback.v1.EventService/ListEvents";
const HEALTH: &str = "grpc.health.v1.Health/Check";

// Programs are waited for by blocking, so the gateway runs on other threads.
#[tokio::test(flavor = "multi_thread")]
async fn reflection_shows_the_api_with_its_comments_and_options() {
    let gateway = Gateway::start().await;

    let services = grpcurl(&gateway, None, &["list"]).stdout();
    for service in ["imcallback.v1.EventService", "grpc.health.v1.Health"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let methods = grpcurl(&gateway, None, &["list", "imcallback.v1.EventService"]).stdout();
    assert_eq!(
        methods.lines().collect::<Vec<_>>(),
        ["GetEvent", "ListEvents", "Subscribe"].map(|method| format!("imcallback.v1.EventService.{method}"))
    );

    let service = grpcurl(&gateway, None, &["describe", "imcallback.v1.EventService"]).stdout();
    let subscribe = "rpc Subscribe ( .imcallback.v1.SubscribeRequest ) returns ( stream .imcallback.v1.SubscribeResponse );";
    assert!(service.contains(subscribe), "{service}");
    assert!(service.contains("// Reads the log of callbacks."), "{service}");

    let event = grpcurl(&gateway, None, &["describe", ".imcallback.v1.Event"]).stdout();
    let option = r#"sns_friend_add = 101 [(.imcallback.v1.callback_command) = "Sns.CallbackFriendAdd", (.imcallback.v1.callback_kind) = CALLBACK_KIND_AFTER];"#;
    assert!(event.contains(option), "{event}");
    assert!(event.contains("// One callback of the IM backend"), "{event}");

    let pair = grpcurl(&gateway, None, &["describe", ".imcallback.v1.FriendPair"]).stdout();
    assert!(pair.contains(r#"string from_account = 1 [json_name = "From_Account"];"#), "{pair}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_v1_serves_the_same_api() {
    let gateway = Gateway::start().await;
    let endpoint = Endpoint::from_shared(format!("http://{}", gateway.addresses.grpc)).unwrap();
    let mut client = ServerReflectionClient::new(soon(endpoint.connect()).await.unwrap());
    let mut ask = async |question| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut answers =
            soon(client.server_reflection_info(tokio_stream::once(request))).await.unwrap().into_inner();
        soon(answers.message()).await.unwrap().unwrap().message_response.unwrap()
    };

    let answer = ask(MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    assert!(services.service.iter().any(|service| service.name == "imcallback.v1.EventService"));

    let answer = ask(MessageRequest::FileContainingSymbol("imcallback.v1.Event".to_owned())).await;
    let MessageResponse::FileDescriptorResponse(files) = answer else { panic!("{answer:?}") };
    let file = &files.file_descriptor_proto[0];
    let has = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("imcallback/v1/event.proto"));
    assert!(has("One callback of the IM backend"), "comments are served");
    assert!(has("Sns.CallbackBlackListAdd"), "custom options are served");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_prints_what_send_posted_under_the_vendors_names() {
    let gateway = Gateway::start().await;
    let pairs = ["--from", "alice", "--to", "bob", "--to", "carol", "--initiator", "bob"];
    send(
        &gateway,
        "friend-add",
        &[&pairs[..], &["--client-cmd", "friend_add", "--force-flag", "1"]].concat(),
    );
    send(&gateway, "black-list-add", &["--from", "alice", "--to", "mallory"]);

    let subscription = Subscription::start(&mut grpcurl_command(
        &gateway,
        Some(json!({ "earliest": {}, "include_raw_body": true })),
        &[SUBSCRIBE],
    ));
    let subscribed = &subscription.message()["subscribed"];
    assert_eq!(subscribed["includeRawBody"], true, "{subscribed}");
    assert_eq!(subscribed["heartbeatInterval"], "15s", "{subscribed}");

    let first = &subscription.message()["event"];
    assert_eq!(first["sdkAppId"], APP_ID, "{first}");
    assert_eq!(first["command"], "Sns.CallbackFriendAdd", "{first}");
    assert_eq!(first["clientIp"], "127.0.0.1", "{first}");
    assert_eq!(first["optPlatform"], "RESTAPI", "{first}");
    assert_eq!(first["decodeStatus"], "DECODE_STATUS_TYPED", "{first}");
    let friend_add = json!({
        "PairList": [
            { "From_Account": "alice", "To_Account": "bob", "Initiator_Account": "bob" },
            { "From_Account": "alice", "To_Account": "carol", "Initiator_Account": "bob" },
        ],
        "ClientCmd": "friend_add",
        "ForceFlag": 1,
    });
    assert_eq!(first["snsFriendAdd"], friend_add);
    let raw_body: Value = serde_json::from_str(first["rawBody"].as_str().unwrap()).unwrap();
    assert_eq!(raw_body["CallbackCommand"], "Sns.CallbackFriendAdd");
    assert_eq!(raw_body["PairList"], friend_add["PairList"]);

    let second = &subscription.message()["event"];
    assert_eq!(second["command"], "Sns.CallbackBlackListAdd", "{second}");
    let pairs = json!([{ "From_Account": "alice", "To_Account": "mallory" }]);
    assert_eq!(second["snsBlackListAdd"]["PairList"], pairs, "{second}");

    let caught_up = &subscription.message()["caughtUp"];
    assert_eq!(caught_up["cursor"], second["cursor"]);
    drop(subscription);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_subscription_prints_an_event_when_it_is_posted() {
    let gateway = Gateway::start().await;
    let subscription = Subscription::start(&mut grpcurl_command(&gateway, None, &[SUBSCRIBE]));
    assert!(subscription.message()["subscribed"].is_object());

    send(&gateway, "friend-add", &["--from", "alice", "--to", "bob"]);

    let event = loop {
        let mut message = subscription.message();
        if message["event"].is_object() {
            break message["event"].take();
        }
    };
    assert_eq!(event["snsFriendAdd"]["PairList"][0]["To_Account"], "bob", "{event}");
    drop(subscription);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_events_are_listed_newest_first() {
    let gateway = Gateway::start().await;
    send(&gateway, "friend-add", &["--from", "alice", "--to", "bob"]);
    send(&gateway, "black-list-add", &["--from", "alice", "--to", "mallory"]);

    let page = grpcurl(&gateway, None, &[LIST_EVENTS]).json();
    let commands: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| event["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["Sns.CallbackBlackListAdd", "Sns.CallbackFriendAdd"]);
    assert_eq!(page["events"][1]["snsFriendAdd"]["PairList"][0]["From_Account"], "alice", "{page}");

    let filter = json!({ "filter": { "commands": ["Sns.CallbackFriendAdd"] } });
    let page = grpcurl(&gateway, Some(filter), &[LIST_EVENTS]).json();
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_known_for_the_gateway_and_for_its_service_only() {
    let gateway = Gateway::start().await;
    for service in ["", "imcallback.v1.EventService"] {
        let health = grpcurl(&gateway, Some(json!({ "service": service })), &[HEALTH]).json();
        assert_eq!(health["status"], "SERVING", "{service:?}");
    }
    grpcurl(&gateway, Some(json!({ "service": "unknown" })), &[HEALTH]).failed_with(Code::NotFound);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn error_details_are_printed_as_json() {
    let gateway = Gateway::start().await;
    let error = grpcurl(&gateway, Some(json!({ "after_cursor": "" })), &[SUBSCRIBE])
        .failed_with(Code::InvalidArgument);
    let detail = error.lines().find_map(|line| line.trim_start().strip_prefix("1)")).expect("a detail");
    let detail: Value = serde_json::from_str(detail).expect("not base64");
    assert_eq!(
        detail,
        json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "domain": "imcallback.v1",
            "reason": "INVALID_CURSOR",
            "metadata": { "field": "after_cursor" },
        })
    );
    gateway.stop().await;
}

/// Runs what README.md shows in its `sh` blocks, in order, against a gateway
/// that was started by README's own `serve` line.
#[test]
fn the_commands_of_the_readme_work() {
    let readme = fs::read_to_string(package().join("README.md")).expect("README.md");
    let (serves, commands): (Vec<_>, Vec<_>) =
        readme_commands(&readme).into_iter().partition(|line| line.starts_with("callback-gateway serve"));
    let dir = TempDir::new().unwrap();
    let path = readme_path(dir.path());
    let serve = serves.first().expect("README.md shows how to start the gateway");
    let gateway = Process::start(&mut serve_command(serve, &path, &dir.path().join("data")));
    // Not kept quiet: `./scripts/test` says so where curl is missing.
    let has_curl = Command::new("curl").arg("--version").output().is_ok();

    let (mut sends, mut posts, mut lists) = (0, 0, 0);
    let (printed, messages) = mpsc::channel();
    let mut subscriptions = Vec::new();
    for line in commands.iter().filter(|line| has_curl || !line.starts_with("curl ")) {
        println!("$ {line}");
        let mut command = readme_command(line, &path, &gateway);
        if line.contains("EventService/Subscribe") {
            // As in a second terminal: it goes on while the other commands run.
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
    // Those that are shown with what they print; a file is not written into the repository.
    let shown: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    for part in ["export --output", "send state-change"] {
        let of_this = |line: &&&str| line.starts_with(&format!("callback-gateway {part}"));
        let line = shown.iter().find(of_this).unwrap_or_else(|| panic!("README.md shows {part}"));
        println!("{}", run(readme_command(line, &path, &gateway).current_dir(dir.path())).stdout());
    }
    assert!(fs::metadata(dir.path().join("events.jsonl")).unwrap().len() > 0);
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

/// Each as it is written there, against a gateway in good health that has two events.
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
    for page in pages() {
        println!("{}", page.display());
        for line in shell_lines(&fs::read_to_string(&page).unwrap()) {
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

/// All pages but README.md, which has a gateway started by its own line.
fn pages() -> Vec<PathBuf> {
    let files = |dir: PathBuf| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let all = files(package()).chain(files(package().join("docs")));
    let mut pages: Vec<_> = all.filter(|path| path.extension() == Some(OsStr::new("md"))).collect();
    pages.retain(|path| path.file_name() != Some(OsStr::new("README.md")));
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// Whether a line is one that works on the repository, and names what is there: these
/// are `./scripts/test` or a part of it, and would run themselves here.
fn is_of_the_repository(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    let after = |option: &str| words.iter().skip_while(|word| **word != option).nth(1);
    let is_there = |path: String| package().join(path).exists();
    if words[0].starts_with("./scripts/") {
        return is_there(words[0].to_owned());
    }
    let mut program = words.iter().skip_while(|word| word.contains('='));
    program.next() == Some(&"cargo")
        && match (after("--test"), after("--bench")) {
            (Some(test), _) => is_there(format!("tests/{test}.rs")),
            (None, Some(bench)) => is_there(format!("benches/{bench}.rs")),
            (None, None) => program.next().is_some_and(|command| ["fmt", "clippy", "doc"].contains(command)),
        }
}

/// The commands in the `sh` blocks of a Markdown text that can be tried. Others, such
/// as `cargo build`, are passed over.
fn readme_commands(markdown: &str) -> Vec<String> {
    shell_lines(markdown).into_iter().filter(|line| is_tried(line)).collect()
}

fn is_tried(line: &str) -> bool {
    ["curl ", "grpcurl ", "callback-gateway "].iter().any(|program| line.starts_with(program))
}

/// The commands in the `sh` blocks of a Markdown text, each on one line, our program
/// under its plain name.
fn shell_lines(markdown: &str) -> Vec<String> {
    const OURS: [&str; 3] = [
        "cargo run --locked --release -- ",
        "./target/release/callback-gateway ",
        "target/release/callback-gateway ",
    ];
    let mut commands = Vec::new();
    let mut block = None;
    let mut command = String::new();
    for line in markdown.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            assert!(command.is_empty(), "a block ends within {command:?}");
            block = block.is_none().then(|| info.trim() == "sh");
        } else if block == Some(true) {
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

/// A PATH on which `grpcurl` and `callback-gateway` are the ones under test.
fn readme_path(dir: &Path) -> OsString {
    let bin = dir.join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(grpcurl_binary(), bin.join("grpcurl")).unwrap();
    symlink(env!("CARGO_BIN_EXE_callback-gateway"), bin.join("callback-gateway")).unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([bin].into_iter().chain(env::split_paths(&path))).unwrap()
}

/// A line of README.md, run by a shell that becomes the program: to kill one is
/// to kill the other.
fn shell(line: &str, path: &OsStr) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line}")]).current_dir(package()).stdin(Stdio::null());
    command.env("PATH", path);
    command
}

/// README's `serve` line, but with free ports and a directory of its own.
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
    // For what the line leaves to the defaults.
    command.env("CALLBACK_GATEWAY_DATA_DIR", data_dir);
    for listener in ["HTTP", "GRPC", "ADMIN"] {
        command.env(format!("CALLBACK_GATEWAY_{listener}_LISTEN"), "127.0.0.1:0");
    }
    command
}

/// Another command of README.md, with the gateway's addresses for the default ones.
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

/// The grpcurl that `./scripts/test` gets. A script that becomes the real
/// program: to kill one is to kill the other.
fn grpcurl_binary() -> PathBuf {
    let binary = package().join("target/tools/bin/grpcurl");
    assert!(binary.exists(), "no {}: run ./scripts/test, which gets it", binary.display());
    binary
}

/// `what` is a method or a command such as `list`, with its arguments.
fn grpcurl_command(gateway: &Gateway, request: Option<Value>, what: &[&str]) -> Command {
    let mut command = Command::new(grpcurl_binary());
    command.args(["-plaintext", "-max-time", &HANG.as_secs().to_string()]).stdin(Stdio::null());
    if let Some(request) = request {
        command.args(["-d", &request.to_string()]);
    }
    command.arg(gateway.addresses.grpc.to_string()).args(what);
    command
}

fn grpcurl(gateway: &Gateway, request: Option<Value>, what: &[&str]) -> Ran {
    run(&mut grpcurl_command(gateway, request, what))
}

/// Posts a callback by the real program.
fn send(gateway: &Gateway, callback: &str, args: &[&str]) {
    let mut command = program();
    command.args(["send", callback, "--url", &format!("http://{}/", gateway.addresses.http)]);
    command.args(["--sdk-app-id", &APP_ID.to_string()]).args(args);
    assert_eq!(run(&mut command).stdout().trim_end(), OK_PACKET);
}

/// A program that has ended.
struct Ran(Output);

fn run(command: &mut Command) -> Ran {
    Ran(command.output().unwrap())
}

impl Ran {
    /// What it printed; it must have succeeded.
    fn stdout(self) -> String {
        assert!(self.0.status.success(), "{:?}", self.0);
        String::from_utf8(self.0.stdout).unwrap()
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.stdout()).unwrap()
    }

    /// What a failed grpcurl printed; its exit code is 64 more than the status code.
    fn failed_with(self, code: Code) -> String {
        assert_eq!(self.0.status.code(), Some(64 + code as i32), "{:?}", self.0);
        String::from_utf8(self.0.stderr).unwrap()
    }
}

/// A grpcurl that follows the log; its end is the value's.
struct Subscription {
    grpcurl: Running,
    messages: Receiver<Value>,
}

impl Subscription {
    fn start(command: &mut Command) -> Self {
        let mut grpcurl = Running(command.stdout(Stdio::piped()).spawn().unwrap());
        let stdout = BufReader::new(grpcurl.0.stdout.take().unwrap());
        let (printed, messages) = mpsc::channel();
        thread::spawn(move || {
            // A message takes several lines, of which only the last is a plain `}`.
            let mut text = String::new();
            for line in stdout.lines().map_while(Result::ok) {
                text.push_str(&line);
                if line == "}" {
                    // Fails when the test wants no more.
                    printed.send(serde_json::from_str(&text).unwrap()).ok();
                    text.clear();
                }
            }
        });
        Self { grpcurl, messages }
    }

    fn message(&self) -> Value {
        self.messages.recv_timeout(HANG).expect("grpcurl prints a message")
    }

    /// Gives further messages to a channel that several share.
    fn forward(self, to: Sender<Value>) -> Running {
        let messages = self.messages;
        thread::spawn(move || messages.into_iter().try_for_each(|message| to.send(message)));
        self.grpcurl
    }
}

/// A program that is ended when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
