//! The command line of the real program.

use std::{
    io::{BufRead as _, BufReader},
    process::Output,
};

use crate::support::*;
use imcallback::{DecodeStatus, event::Payload};
use tempfile::TempDir;

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn without_an_app_it_refuses_to_start_and_says_how() {
    let output = run(&["serve"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("--sdk-app-id N"), "{}", stderr(&output));
    assert!(stderr(&output).contains("CALLBACK_GATEWAY_SDK_APP_ID"), "{}", stderr(&output));
}

#[test]
fn every_problem_is_reported_at_once_with_exit_code_64() {
    let output = run(&[
        "serve",
        "--http-path",
        "callback?x",
        "--http-body-limit",
        "3MiB",
        "--http-max-connections",
        "0",
        "--http-idle-timeout",
        "300000000000y",
        "--retention-age",
        "1ms",
        "--retention-bytes",
        "15MiB",
        "--drain-delay",
        "30s",
    ]);
    assert_eq!(output.status.code(), Some(64));
    let text = stderr(&output);
    for problem in [
        "sdk_app_id: name each app",
        "http.path (--http-path): must begin with /",
        "http.body_limit (--http-body-limit): must be 1B to 2MiB",
        "http.max_connections (--http-max-connections): must be at least 1",
        "http.idle_timeout (--http-idle-timeout): must be 1s to 1day",
        "retention.age (--retention-age): must be 1s",
        "retention.bytes (--retention-bytes): must be at least 16MiB",
        "drain.timeout: must be at least 5s longer than drain.delay",
    ] {
        assert!(text.contains(problem), "{problem}: {text}");
    }
}

#[test]
fn a_wrong_command_line_has_exit_code_64_and_help_has_0() {
    for args in
        [&["serve", "--no-such-flag"][..], &["serve", "--sdk-app-id", "x"], &["unknown"], &[], &["send"]]
    {
        let output = run(args);
        assert_eq!(output.status.code(), Some(64), "{args:?}");
        assert!(!stderr(&output).is_empty());
    }
    for args in [&["--help"][..], &["--version"], &["serve", "--help"], &["send", "friend-add", "--help"]] {
        assert_eq!(run(args).status.code(), Some(0), "{args:?}");
    }
}

/// The commit is the one that the build was given, or in a release build the one that is checked out.
/// `./scripts/size` checks the suffix `-dirty` in a clean build.
#[test]
fn the_version_is_the_packages_and_in_a_release_its_commits() {
    let told = option_env!("BUILD_COMMIT").filter(|told| !told.is_empty()).map(str::to_owned);
    let checked_out = || {
        let head = ["rev-parse", "HEAD"];
        let git = std::process::Command::new("git").args(head).current_dir(package()).output().ok()?;
        let is_ours = git.status.success() && package().join(".git").exists();
        is_ours.then(|| String::from_utf8(git.stdout).unwrap().trim().to_owned())
    };
    let commit = told.or_else(|| if cfg!(debug_assertions) { None } else { checked_out() });
    let commit = commit.map_or(String::new(), |commit| format!(" ({})", &commit[..commit.len().min(12)]));
    let said = String::from_utf8(run(&["--version"]).stdout).unwrap();
    assert_eq!(
        said.trim_end().replace("-dirty)", ")"),
        format!("callback-gateway {}{commit}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_failed_start_has_exit_code_1_and_the_reason() {
    let dir = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut args = serve_args(dir.path());
    let at = args.iter().position(|arg| arg == "--grpc-listen").unwrap();
    args[at + 1] = address.clone();
    let output = program().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains(&format!("cannot listen on {address} (--grpc-listen)")),
        "{}",
        stderr(&output)
    );

    let _first = Process::serve(dir.path(), &[]);
    let output = program().args(serve_args(dir.path())).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("in use by another process"), "{}", stderr(&output));
}

#[tokio::test]
async fn every_flag_is_an_environment_variable_too() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::start(
        program()
            .arg("serve")
            .env("CALLBACK_GATEWAY_SDK_APP_ID", format!("7,{APP_ID}"))
            .env("CALLBACK_GATEWAY_DATA_DIR", dir.path())
            .env("CALLBACK_GATEWAY_HTTP_LISTEN", "127.0.0.1:0")
            .env("CALLBACK_GATEWAY_GRPC_LISTEN", "127.0.0.1:0")
            .env("CALLBACK_GATEWAY_ADMIN_LISTEN", "127.0.0.1:0")
            .env("CALLBACK_GATEWAY_LOG_FORMAT", "json"),
    );
    assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
}

#[test]
fn the_help_names_an_environment_variable_for_every_flag() {
    let help = String::from_utf8(run(&["serve", "--help"]).stdout).unwrap();
    let flags = help.lines().filter(|line| line.trim_start().starts_with("--")).count();
    let variables = help.matches("[env:").count();
    assert!(flags > 3);
    assert_eq!(flags, variables, "{help}");
}

#[test]
fn log_lines_are_json_unless_text_is_asked_for() {
    for (format, is_json) in [("auto", true), ("json", true), ("text", false)] {
        let dir = TempDir::new().unwrap();
        let mut child = program()
            .args(serve_args(dir.path()))
            .args(["--log", "memory", "--log-format", format])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains("stored in memory only")).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(line.contains("WARN"), "{line}");
        let json = serde_json::from_str::<serde_json::Value>(&line);
        assert_eq!(json.is_ok_and(|json| json["level"] == "WARN"), is_json, "{format}: {line}");
    }
    let output = program()
        .args(["serve", "--sdk-app-id", "1"])
        .env("CALLBACK_GATEWAY_LOG_LEVEL", "a=b=c")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("CALLBACK_GATEWAY_LOG_LEVEL"), "{}", stderr(&output));
}

#[tokio::test]
async fn the_ready_file_says_where_it_listens() {
    let dir = TempDir::new().unwrap();
    let ready = dir.path().join("ready.json");
    std::fs::write(&ready, "left by an earlier run").unwrap();
    let gateway = Process::serve(&dir.path().join("data"), &["--ready-file", ready.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    for (name, address) in [
        ("http", gateway.addresses.http),
        ("grpc", gateway.addresses.grpc),
        ("admin", gateway.addresses.admin),
    ] {
        assert_eq!(json[name], address.to_string());
    }
    assert_eq!(get(gateway.addresses.admin, "/readyz").await.body, "ready\n");
    assert_eq!(get(gateway.addresses.admin, "/livez").await.body, "alive\n");
    assert_eq!(get(gateway.addresses.admin, "/other").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_posts_what_the_backend_would() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    let url = format!("http://{}/", gateway.addresses.http);
    let app_id = APP_ID.to_string();
    let send = |args: &[&str]| {
        let (callback, more) = args.split_first().unwrap();
        let target = ["send", callback, "--url", &url, "--sdk-app-id", &app_id];
        program().args(target).args(more).output().unwrap()
    };
    let friend = send(&[
        "friend-add",
        "--from",
        "李 雷",
        "--to",
        "bob",
        "--to",
        "carol",
        "--initiator",
        "李 雷",
        "--client-cmd",
        "friend_add",
        "--admin",
        "boss",
        "--force-flag",
        "1",
    ]);
    assert_eq!(friend.status.code(), Some(0), "{friend:?}");
    assert_eq!(String::from_utf8(friend.stdout).unwrap().trim(), OK_PACKET);
    let black = send(&[
        "black-list-add",
        "--from",
        "alice",
        "--to",
        "bob",
        "--platform",
        "IOS",
        "--client-ip",
        "::1",
    ]);
    assert_eq!(black.status.code(), Some(0), "{black:?}");

    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.decode_status() == DecodeStatus::Typed));
    let Some(Payload::SnsFriendAdd(add)) = &events[0].payload else { panic!("not typed") };
    assert_eq!(
        (add.admin_account.as_str(), add.force_flag, add.client_cmd.as_str()),
        ("boss", 1, "friend_add")
    );
    assert_eq!(add.pair_list.len(), 2);
    assert_eq!(add.pair_list[1].to_account, "carol");
    assert_eq!(add.pair_list[1].initiator_account, "李 雷");
    assert_eq!((events[1].opt_platform.as_str(), events[1].client_ip.as_str()), ("IOS", "::1"));

    let refused = program()
        .args(["send", "friend-add", "--url", &url, "--sdk-app-id", "8", "--from", "a", "--to", "b"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stdout).unwrap().contains(r#""ActionStatus":"FAIL""#));
    assert!(
        String::from_utf8(refused.stderr)
            .unwrap()
            .contains("HTTP 403: this gateway does not serve this SdkAppid")
    );
    // `serve` and `send` share the variable, which may name several apps for `serve`.
    let several = program()
        .args(["send", "friend-add", "--url", &url, "--from", "a", "--to", "b"])
        .env("CALLBACK_GATEWAY_SDK_APP_ID", format!("{APP_ID},7"))
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .output()
        .unwrap();
    assert_eq!(several.status.code(), Some(0), "{several:?}");
    for url in ["127.0.0.1:8080", "ftp://127.0.0.1/", "nonsense"] {
        let args = ["send", "friend-add", "--url", url, "--sdk-app-id", "1", "--from", "a", "--to", "b"];
        let wrong = run(&args);
        assert_eq!(wrong.status.code(), Some(64), "{url}");
        assert!(stderr(&wrong).contains("must begin with http://"), "{}", stderr(&wrong));
    }
    gateway.kill();
    let gone = send(&["friend-add", "--from", "a", "--to", "b"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("check --url"), "{}", stderr(&gone));
}
