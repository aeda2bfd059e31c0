//! Tokens on the command line of the real program: their sources, messages about them, and signatures of
//! `send`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};

use crate::support::*;
use rustix::process::Signal;
use tempfile::TempDir;

const TOKEN: &str = "t0ken-of-the-test";

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Returns everything that the program wrote.
fn written(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

fn tokens_file(dir: &Path, lines: &str) -> PathBuf {
    let path = dir.join("tokens");
    fs::write(&path, lines).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn send(url: &str, tokens_file: Option<&Path>) -> Output {
    let app_id = APP_ID.to_string();
    let mut command = program();
    command.args(["send", "friend-add", "--url", url, "--sdk-app-id", &app_id, "--from", "a", "--to", "b"]);
    if let Some(path) = tokens_file {
        command.arg("--tokens-file").arg(path);
    }
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn send_signs_with_the_token_of_a_file_and_says_how_if_it_has_none() {
    let dir = TempDir::new().unwrap();
    let file = tokens_file(dir.path(), &format!("7 other-token\n{APP_ID} {TOKEN}\n{APP_ID} second-token\n"));
    let args = ["--sdk-app-id", "7", "--tokens-file", file.to_str().unwrap(), "--drain-delay", "0s"];
    let gateway = Process::serve(&dir.path().join("data"), &args);
    let url = format!("http://{}/", gateway.addresses.http);

    let signed = send(&url, Some(&file));
    assert_eq!(signed.status.code(), Some(0), "{signed:?}");
    assert_eq!(stderr(&signed), "");
    let unsigned = send(&url, None);
    assert_eq!(unsigned.status.code(), Some(1));
    for part in ["HTTP 401", "--tokens-file", "CALLBACK_GATEWAY_TOKENS"] {
        assert!(stderr(&unsigned).contains(part), "{unsigned:?}");
    }
    let wrong = send(&url, Some(&tokens_file(dir.path(), &format!("{APP_ID} wrong-token\n"))));
    assert!(stderr(&wrong).contains("HTTP 401"), "{wrong:?}");
    assert!(!stderr(&wrong).contains("--tokens-file"), "the callback was signed: {wrong:?}");

    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 1);
    assert!(events[0].request_time.is_some());
    gateway.signal(Signal::TERM);
    gateway.ended().await;
}

#[test]
fn a_url_is_shown_without_its_query() {
    for url in
        ["http://127.0.0.1:1/x?Sign=secret&RequestTime=1", "http:///x?Sign=secret", "http://[::1?Sign=secret"]
    {
        let output = send(url, None);
        assert_eq!(output.status.code(), Some(1), "{url}");
        assert!(!written(&output).contains("secret"), "{output:?}");
    }
    let help = program()
        .args(["send", "friend-add", "--help"])
        .env("CALLBACK_GATEWAY_URL", "http://127.0.0.1:1/?Sign=secret")
        .output()
        .unwrap();
    assert!(!written(&help).contains("secret"), "{help:?}");
}

/// The token is passed in place of the file's path, by mistake.
#[test]
fn a_token_in_place_of_the_files_path_is_not_shown() {
    let dir = TempDir::new().unwrap();
    let line = format!("{APP_ID} {TOKEN}");
    let serve = || {
        let mut command = program();
        command.args(serve_args(dir.path()));
        command
    };
    let given = serve().args(["--tokens-file", &line]).output().unwrap();
    let in_variable = serve().env("CALLBACK_GATEWAY_TOKENS_FILE", &line).output().unwrap();
    let sent = send("http://127.0.0.1:1/", Some(Path::new(&line)));
    for output in [given, in_variable, sent] {
        assert_eq!(output.status.code(), Some(64));
        assert!(stderr(&output).contains("(path not shown because it contains spaces)"), "{output:?}");
        assert!(!written(&output).contains(TOKEN), "{output:?}");
    }
    for command in [&["serve", "--help"][..], &["send", "friend-add", "--help"]] {
        let help = program().args(command).env("CALLBACK_GATEWAY_TOKENS_FILE", &line).output().unwrap();
        assert!(written(&help).contains("CALLBACK_GATEWAY_TOKENS_FILE") && !written(&help).contains(TOKEN));
    }
}

#[test]
fn an_app_has_at_most_8_tokens_in_the_file_and_the_environment_together() {
    let dir = TempDir::new().unwrap();
    let lines = |count: usize| format!("{APP_ID} {TOKEN}\n").repeat(count);
    let serve = |in_file: usize, in_variable: usize| {
        let mut command = program();
        let file = tokens_file(dir.path(), &lines(in_file));
        command.args(serve_args(dir.path())).arg("--tokens-file").arg(file);
        command.env("CALLBACK_GATEWAY_TOKENS", lines(in_variable));
        command
    };
    let output = serve(5, 4).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("more than 8 tokens"), "{output:?}");
    assert!(!stderr(&output).contains(TOKEN), "{output:?}");
    drop(Process::start(&mut serve(4, 4)));
}

#[test]
fn send_says_what_is_wrong_with_its_tokens_as_serve_does() {
    let dir = TempDir::new().unwrap();
    let run = |program: &mut std::process::Command, tokens: &str| {
        program.env("CALLBACK_GATEWAY_TOKENS", tokens).output().unwrap()
    };
    let serve = |tokens_file: &Path, tokens: &str| {
        let mut command = program();
        command.args(serve_args(dir.path())).arg("--tokens-file").arg(tokens_file);
        run(&mut command, tokens)
    };
    let send = |tokens_file: &Path, tokens: &str| {
        let mut command = program();
        command.args(["send", "friend-add", "--url", "http://127.0.0.1:1/", "--sdk-app-id", "1"]);
        run(command.args(["--from", "a", "--to", "b", "--tokens-file"]).arg(tokens_file), tokens)
    };
    let file = |name: &str, lines: &str| {
        let path = dir.path().join(name);
        fs::write(&path, lines).unwrap();
        path
    };
    for (path, tokens, problem) in [
        (dir.path().join("none"), "", "tokens_file (--tokens-file): "),
        (dir.path().join("none"), "", "/none: No such file"),
        (dir.path().to_owned(), "", ": not a regular file"),
        (file("empty", "# none\n"), "", "empty: it contains no token"),
        (file("wrong", "1\n"), "", "wrong: line 1: write APP_ID TOKEN"),
        (file("half", "1 s3cr3t-t0ken"), "", "half: the last line is not terminated"),
        (
            file("whole", "1 s3cr3t-t0ken\n"),
            "x",
            "tokens (CALLBACK_GATEWAY_TOKENS): line 1: write APP_ID TOKEN",
        ),
    ] {
        for output in [serve(&path, tokens), send(&path, tokens)] {
            assert_eq!(output.status.code(), Some(64), "{output:?}");
            assert!(stderr(&output).contains(problem), "{problem}: {output:?}");
        }
    }
}

/// Returns the messages of `serve` before it is ready, with their levels.
async fn said(process: Process) -> Vec<(String, String)> {
    process.signal(Signal::TERM);
    let (status, lines) = process.ended().await;
    assert!(status.success());
    let said = |line: &String| {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        (text("level"), text("message") + &text("apps"))
    };
    lines.iter().map(said).take_while(|(_, text)| text != "ready").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_at_the_start_whose_callbacks_are_verified() {
    let dir = TempDir::new().unwrap();
    let serve = |more: &[&str], tokens: &str| {
        let mut command = program();
        command.args(serve_args(dir.path())).args(["--sdk-app-id", "8", "--drain-delay", "0s"]).args(more);
        Process::start(command.env("CALLBACK_GATEWAY_TOKENS", tokens))
    };
    let info = |text: &str| ("INFO".to_owned(), text.to_owned());
    let both = format!("{APP_ID} {TOKEN}\n8 {TOKEN}");
    assert_eq!(
        said(serve(&[], &both)).await,
        [info("callbacks of these apps must be signed[8, 1400000000]")]
    );
    assert_eq!(
        said(serve(&[], &format!("8 {TOKEN}"))).await,
        [
            info("callbacks of these apps must be signed[8]"),
            info(
                "callbacks of apps without a token are accepted unsigned, from this machine only[1400000000]"
            ),
        ]
    );
    let warning = "callbacks of apps without a token are accepted unsigned from any client; set tokens for them[8, 1400000000]";
    assert_eq!(said(serve(&["--allow-unsigned"], "")).await, [("WARN".to_owned(), warning.to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_file_that_others_can_read_is_warned_of() {
    let dir = TempDir::new().unwrap();
    let file = tokens_file(dir.path(), &format!("\u{feff}{APP_ID} {TOKEN}\n"));
    let data = dir.path().join("data");
    let args = ["--tokens-file", file.to_str().unwrap(), "--drain-delay", "0s"];
    assert!(said(Process::serve(&data, &args)).await.iter().all(|(level, _)| level == "INFO"));

    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let said = said(Process::serve(&data, &args)).await;
        let (level, text) = &said[0];
        assert_eq!(level, "WARN", "{mode:o}");
        assert!(text.contains(file.to_str().unwrap()) && text.contains("chmod 600"), "{text}");
    }
    let sent = send("http://127.0.0.1:1/", Some(&file));
    assert!(stderr(&sent).starts_with("warning: tokens_file (--tokens-file): "), "{sent:?}");
}
