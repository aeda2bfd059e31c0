//! Configuration of the real program: its file, the environment and flags, its messages, and reloading.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::support::*;
use callback_gateway::config::{Config, LogKind, reference, table::SETTINGS};
use callback_gateway::testing::nats_login::Login;
use imcallback::ListEventsRequest;
use rustix::process::Signal;
use tempfile::TempDir;

const TOKEN: &str = "t0ken-of-the-test";

fn file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("gateway.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn command(name: &str, config: &Path) -> Command {
    let mut command = program();
    command.arg(name).arg("--config").arg(config);
    command
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Returns a line of `print-config` without the comment about its source.
fn line<'a>(printed: &'a str, name: &str) -> &'a str {
    printed
        .lines()
        .find(|line| line.starts_with(&format!("{name} = ")))
        .unwrap_or_else(|| panic!("{name}: {printed}"))
}

#[test]
fn the_environment_goes_before_the_file_and_a_flag_before_both() {
    let dir = TempDir::new().unwrap();
    let path = file(
        dir.path(),
        "sdk_app_id = [1, 2]\n[http]\npath = '/file'\nbody_limit = '2KiB'\nmax_connections = 7\n",
    );
    let output = command("print-config", &path)
        .args(["--http-path", "/flag"])
        .env("CALLBACK_GATEWAY_HTTP_PATH", "/variable")
        .env("CALLBACK_GATEWAY_HTTP_BODY_LIMIT", "3KiB")
        .env("CALLBACK_GATEWAY_HTTP_MAX_CONNECTIONS", "")
        .output()
        .unwrap();
    let printed = stdout(&output);
    assert_eq!(line(printed, "path"), "path = \"/flag\"  # --http-path");
    assert_eq!(line(printed, "body_limit"), "body_limit = \"3KiB\"  # CALLBACK_GATEWAY_HTTP_BODY_LIMIT");
    assert_eq!(
        line(printed, "max_connections"),
        "max_connections = 7  # file",
        "an empty variable counts as unset"
    );
    assert_eq!(line(printed, "sdk_app_id"), "sdk_app_id = [1, 2]  # file");
    assert_eq!(line(printed, "log"), "log = \"disk\"  # default");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_set_up_from_a_file_alone() {
    let dir = TempDir::new().unwrap();
    let text = format!(
        "sdk_app_id = {APP_ID}\ntokens = ['{APP_ID} {TOKEN}']\ndata_dir = '{}'\n\
         [http]\nlisten = '127.0.0.1:0'\npath = '/im'\n[grpc]\nlisten = '127.0.0.1:0'\n[admin]\nlisten = '127.0.0.1:0'\n",
        dir.path().join("data").display()
    );
    let path = file(dir.path(), &text);
    let gateway = Process::start(program().arg("serve").env("CALLBACK_GATEWAY_CONFIG", &path));
    let answer = Http::connect(gateway.addresses.http).await.post("A.B", "{}").await;
    assert_eq!(answer.status, 404, "the path comes from the file");
}

#[test]
fn all_errors_are_reported_at_once_with_exit_code_64() {
    let dir = TempDir::new().unwrap();
    let path = file(dir.path(), "frob = 1\n[http]\nlisten = 'here'\n[retention]\nage = '1ms'\n");
    for name in ["serve", "check-config"] {
        let output = command(name, &path)
            .args(["--log", "paper"])
            .env("CALLBACK_GATEWAY_DRAIN_DELAY", "soon")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64), "{name}");
        let path = path.display().to_string();
        let problems = stderr(&output).replace(&path, "FILE");
        let problems: Vec<&str> = problems.lines().collect();
        assert_eq!(
            problems,
            [
                "error: invalid configuration:",
                "  - FILE: unknown key frob; run `callback-gateway print-config` to list all keys",
                "  - sdk_app_id: name each app whose callbacks are accepted: --sdk-app-id N, \
                 CALLBACK_GATEWAY_SDK_APP_ID=N,M, or sdk_app_id = [N, M] in the file",
                "  - log (--log): `paper` is not one of disk, nats, memory",
                "  - http.listen (file): `here` is not a valid address: use one such as 127.0.0.1:8080 or 0.0.0.0:8080",
                "  - retention.age (file): must be 1s to 100years, or 0s for no limit",
                "  - drain.delay (CALLBACK_GATEWAY_DRAIN_DELAY): `soon` is not a valid time: use one such as 90s, 5m or 7days",
            ]
        );
    }
    for (text, problem) in [
        ("sdk_app_ids = [1]\n[http]\nlisten = 1", "unknown key sdk_app_ids; did you mean sdk_app_id?"),
        ("sdk_app_ids = [1]\n[http]\nlisten = 1", "http.listen: write it as a string"),
        ("[http", "line 1: not valid TOML"),
    ] {
        let output = command("serve", &file(dir.path(), text)).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(stderr(&output).contains(problem), "{problem}: {}", stderr(&output));
    }
    let output = command("check-config", Path::new("/no/such/file")).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("--config /no/such/file: No such file"), "{}", stderr(&output));
}

#[test]
fn a_right_configuration_is_called_right_and_a_file_with_tokens_that_others_can_read_is_warned_of() {
    let dir = TempDir::new().unwrap();
    let path = file(dir.path(), &format!("sdk_app_id = [7]\ntokens = ['7 {TOKEN}']"));
    let output = command("check-config", &path).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), "the configuration is valid\n"));
    assert_eq!(stderr(&output), "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let output = command("check-config", &path).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("chmod 600"), "{}", stderr(&output));
}

#[test]
fn what_print_config_prints_is_a_file_that_gives_the_same_and_shows_no_secret() {
    let dir = TempDir::new().unwrap();
    let access = "reader 0123456789abcdef events";
    let text = format!(
        "sdk_app_id = [7]\ntokens = ['7 {TOKEN}']\n[grpc]\ntokens = ['{access}']\n[drain]\ndelay = '1s'"
    );
    let output = command("print-config", &file(dir.path(), &text)).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let printed = stdout(&output);
    assert!(!printed.contains(TOKEN) && !printed.contains("0123456789abcdef"), "{printed}");
    assert_eq!(printed.matches("# tokens = [\"***\"]  # file").count(), 2, "{printed}");
    for setting in SETTINGS.iter().filter(|setting| setting.key != "index") {
        let (_, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        let there = [format!("\n{name} = "), format!("\n# {name} = "), format!("\n# --{}", setting.flag())];
        assert!(there.iter().any(|line| printed.contains(line)), "{}", setting.key);
    }

    let again = command("print-config", &file(dir.path(), printed)).output().unwrap();
    let values = |printed: &str| {
        let lines = printed.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split("  #").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(stdout(&again)), values(printed));
}

#[test]
fn without_a_configuration_the_defaults_are_printed() {
    let output = program().arg("print-config").output().unwrap();
    assert_eq!(line(stdout(&output), "delay"), "delay = \"5s\"  # default");
}

/// Gateway with a configuration file.
struct Reloadable {
    gateway: Process,
    /// Number of reloads.
    reloads: usize,
    dir: TempDir,
}

impl Reloadable {
    fn start(text: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let path = file(dir.path(), text);
        let data = dir.path().join("data");
        let gateway = Process::start(
            program().args(serve_args(&data)).arg("--config").arg(path).args(["--drain-delay", "0s"]),
        );
        Self { gateway, reloads: 0, dir }
    }

    /// Rewrites the file and sends SIGHUP. Returns the level and the message of the log line about the
    /// reload.
    async fn reload(&mut self, text: &str) -> (String, String) {
        file(self.dir.path(), text);
        self.gateway.signal(Signal::HUP);
        let is_of_reload =
            |line: &serde_json::Value| line["message"].as_str().unwrap_or("").contains("reloaded");
        let line = self.gateway.nth_line(self.reloads, is_of_reload).await;
        self.reloads += 1;
        (line["level"].as_str().unwrap().to_owned(), line.to_string())
    }

    async fn status(&self, token: &str) -> u16 {
        let token = callback_gateway::testing::callback::signature::Token::new(token).unwrap();
        let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().to_string();
        let query = format!("{}&Sign={}&RequestTime={time}", query("A.B"), token.sign(&time));
        let request = format!("POST /?{query} HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{{}}");
        let mut http = Http::connect(self.gateway.addresses.http).await;
        http.send(request).await;
        http.answer().await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_brings_tokens_and_the_log_level_into_force() {
    let mut gateway = Reloadable::start(&format!("tokens = ['{APP_ID} first-token']"));
    assert_eq!((gateway.status("first-token").await, gateway.status("second-token").await), (200, 401));
    let (level, said) =
        gateway.reload(&format!("log_level = 'debug'\ntokens = ['{APP_ID} second-token']")).await;
    assert!(level == "INFO" && said.contains("the configuration was reloaded"), "{said}");
    assert_eq!((gateway.status("first-token").await, gateway.status("second-token").await), (401, 200));
    let mut http = Http::connect(gateway.gateway.addresses.http).await;
    http.send("rubbish\r\n\r\n").await;
    http.closed().await;
    gateway.gateway.nth_line(0, |line| line["level"] == "DEBUG").await;

    let text = format!("log_level = 'warn'\ntokens = ['{APP_ID} second-token']\n[http]\nbody_limit = '1KiB'");
    let (level, said) = gateway.reload(&text).await;
    assert!(level == "WARN" && said.contains("\"settings\":\"http.body_limit\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_new_file_leaves_the_old_configuration_in_force_and_says_so() {
    let mut gateway = Reloadable::start(&format!("tokens = ['{APP_ID} first-token']"));
    for (text, problem) in [
        ("tokens = [".to_owned(), "not valid TOML"),
        (format!("tokens = ['{APP_ID} second-token']\nlog_level = 'a=b=c'"), "log_level (file): "),
        (format!("tokens = ['{APP_ID} second-token', 'x']"), "tokens (file): line 2: write APP_ID TOKEN"),
    ] {
        let (level, said) = gateway.reload(&text).await;
        assert!(level == "ERROR" && said.contains("was not reloaded"), "{said}");
        assert!(said.contains(problem), "{problem}: {said}");
        assert_eq!((gateway.status("first-token").await, gateway.status("second-token").await), (200, 401));
    }
}

/// Listeners do not change until a restart. New listener settings that would be safe must not relax the
/// checks of the old listeners.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_opens_no_listener_that_was_closed_to_strangers() {
    let dir = TempDir::new().unwrap();
    let text = |http: &str, grpc: &str| {
        let data = dir.path().join("data").display().to_string();
        format!(
            "sdk_app_id = {APP_ID}\ndata_dir = '{data}'\n{http}\n[grpc]\n{grpc}\n[admin]\nlisten = '127.0.0.1:0'\n"
        )
    };
    let http = format!("tokens = ['{APP_ID} {TOKEN}']\n[http]\nlisten = '0.0.0.0:0'");
    let grpc = "listen = '0.0.0.0:0'\ntokens = ['reader 0123456789abcdef events']";
    let path = file(dir.path(), &text(&http, grpc));
    let gateway = Process::start(program().arg("serve").arg("--config").arg(&path));
    let at = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let (http_at, grpc_at) = (at(gateway.addresses.http.port()), at(gateway.addresses.grpc.port()));

    let open_http = "[http]\nlisten = '127.0.0.1:0'";
    let unsigned = "allow_unsigned = true\n[http]\nlisten = '0.0.0.0:0'";
    let other_app = "sdk_app_id = 7\n[http]\nlisten = '127.0.0.1:0'";
    let changes = [
        (text(open_http, grpc), "the app 1400000000 has no token"),
        (text(unsigned, grpc), "the app 1400000000 has no token"),
        (text(other_app, grpc).replacen(&format!("sdk_app_id = {APP_ID}\n"), "", 1), "has no token"),
        (text(&http, "listen = '127.0.0.1:0'"), "the last token was removed"),
        (text(&http, "listen = '0.0.0.0:0'\nauth = 'none'"), "the last token was removed"),
    ];
    for (nth, (text, problem)) in changes.iter().enumerate() {
        file(dir.path(), text);
        gateway.signal(Signal::HUP);
        let said = gateway
            .nth_line(nth, |line| line["message"].as_str().unwrap_or("").contains("was not reloaded"))
            .await;
        assert!(said.to_string().contains(problem), "{problem}: {said}");
        assert_eq!(Http::connect(http_at).await.post("A.B", "{}").await.status, 401);
        let listed = client(grpc_at).await.list_events(ListEventsRequest::default()).await;
        assert_eq!(listed.unwrap_err().code(), tonic::Code::Unauthenticated);
    }
}

/// Another program may be writing the file while the gateway reads it.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_tokens_file_gives_no_client_more_rights() {
    const READER: &str = "0123456789abcdef";
    let dir = TempDir::new().unwrap();
    let [tokens, readers] = ["tokens", "readers"].map(|name| dir.path().join(name));
    let whole = format!("7 {TOKEN}\n{APP_ID} {TOKEN}\n");
    let rights = format!("billing {READER} events apps=7 commands=Sns.*\n");
    fs::write(&tokens, &whole).unwrap();
    fs::write(&readers, &rights).unwrap();
    let data = dir.path().join("data");
    let mut command = program();
    command.args(serve_args(&data)).args(["--sdk-app-id", "7", "--drain-delay", "0s"]);
    command.arg("--tokens-file").arg(&tokens).arg("--grpc-tokens-file").arg(&readers);
    let gateway = Process::start(&mut command);
    let mut reloads = 0;
    let mut reload = async || {
        gateway.signal(Signal::HUP);
        let is_of_reload =
            |line: &serde_json::Value| line["message"].as_str().unwrap_or("").contains("reloaded");
        let line = gateway.nth_line(reloads, is_of_reload).await;
        reloads += 1;
        line["message"].as_str().unwrap().to_owned()
    };
    // A line may be cut at any position, and the remaining lines may be missing.
    for len in 1..rights.len() {
        fs::write(&readers, &rights[..len]).unwrap();
        let said = reload().await;
        assert!(
            said.contains("was not reloaded") && said.contains("the last line is not terminated"),
            "{len}: {said}"
        );
    }
    fs::write(&readers, &rights).unwrap();
    for len in 1..whole.len() {
        fs::write(&tokens, &whole[..len]).unwrap();
        let said = reload().await;
        assert!(said.contains("was not reloaded"), "{len}: {said}");
        let problem =
            if whole[..len].ends_with('\n') { "the last token of the app" } else { "not terminated" };
        assert!(said.contains(problem), "{len}: {said}");
    }
    assert_eq!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.status, 401);
    fs::write(&tokens, &whole).unwrap();
    assert!(reload().await.contains("was reloaded"));
}

#[test]
fn a_new_login_is_shown_only_to_the_servers_that_it_is_for() {
    let config = |log, url: &str, user: Option<&str>| {
        let mut settings = settings(Path::new("unused"));
        settings.log = log;
        settings.nats.urls = vec![url.to_owned()];
        if let Some(user) = user {
            settings.nats.login = Login::Password { user: user.to_owned(), password: "s3cret".into() };
        }
        Config::new(settings).unwrap()
    };
    let user = |config: &Config| match &config.settings().nats.login {
        Login::Password { user, .. } => user.clone(),
        _ => String::new(),
    };
    let running = config(LogKind::Nats, "nats://a", Some("old"));
    let reloaded =
        |new: &Config| running.reloaded(new).map(|config| user(&config)).map_err(|e| e.to_string());
    assert_eq!(reloaded(&config(LogKind::Nats, "nats://a", Some("new"))), Ok("new".to_owned()));
    // Changes for other servers take effect at a restart, like the rest.
    assert_eq!(reloaded(&config(LogKind::Nats, "nats://b", Some("new"))), Ok("old".to_owned()));
    assert_eq!(reloaded(&config(LogKind::Disk, "nats://a", None)), Ok("old".to_owned()));
    let problem = reloaded(&config(LogKind::Nats, "nats://a", None)).unwrap_err();
    assert!(problem.contains("restart to apply this change"), "{problem}");
}

#[test]
fn a_tokens_file_without_tokens_is_rejected() {
    let dir = TempDir::new().unwrap();
    let empty = dir.path().join("empty");
    fs::write(&empty, "# none\n").unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    for flag in ["--tokens-file", "--grpc-tokens-file"] {
        for (path, problem) in [(&empty, "it contains no token"), (&fifo, "not a regular file")] {
            let output = program().args(["check-config", "--sdk-app-id=1", flag]).arg(path).output().unwrap();
            assert_eq!(output.status.code(), Some(64), "{flag}");
            assert!(stderr(&output).contains(problem), "{}", stderr(&output));
        }
    }
}

/// Messages about access control state the fault and do not suggest relaxing it.
#[test]
fn errors_never_suggest_relaxing_access_control() {
    let output = program()
        .args(["check-config", "--sdk-app-id=1", "--http-listen=0.0.0.0:1", "--grpc-listen=0.0.0.0:2"])
        .args(["--tokens-file=/none", "--grpc-tokens-file=/none"])
        .output()
        .unwrap();
    let problems: Vec<&str> = stderr(&output).lines().skip(1).collect();
    assert_eq!(
        problems,
        [
            "  - tokens_file (--tokens-file): /none: No such file or directory (os error 2)",
            "  - grpc.tokens_file (--grpc-tokens-file): /none: No such file or directory (os error 2)",
        ]
    );
}

#[test]
fn a_misspelt_level_two_listeners_on_one_address_and_a_wrong_switch_are_refused() {
    for (args, problem) in [
        (&["--log-level=warning"][..], "log_level (--log-level): `warning` is not one of error, warn"),
        (&["--log-level=info;debug"], "`info;debug` is not one of"),
        (
            &["--http-listen=127.0.0.1:5", "--admin-listen=127.0.0.1:5"],
            "admin.listen (--admin-listen): another",
        ),
        (&["--allow-unsigned=perhaps"], "`perhaps` is not true or false"),
    ] {
        for name in ["check-config", "print-config"] {
            let output = program().args([name, "--sdk-app-id=1"]).args(args).output().unwrap();
            assert_eq!(output.status.code(), Some(64), "{name} {args:?}");
            assert!(stderr(&output).contains(problem), "{}", stderr(&output));
        }
    }
    let levels = "warn,callback_gateway=debug,hyper=off";
    let output = program().args(["check-config", "--sdk-app-id=1", "--log-level", levels]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn the_reference_page_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = reference::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(
        written, page,
        "docs/configuration.md is stale: UPDATE_DOCS=1 cargo test --test it configuration::"
    );
}
