//! Who may post callbacks, through real sockets: signatures, tokens, and secrets
//! that must not come out.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callback_gateway::callback::signature::{Token, Tokens};
use support::*;
use tempfile::TempDir;

const TOKEN: &str = "t0ken-of-the-test";
const OLD_TOKEN: &str = "0ld-token-of-the-test";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn gateway() -> Gateway {
    Gateway::start_with(|settings| {
        settings.sdk_app_ids.push(7);
        settings.tokens = Tokens::parse(&format!("{APP_ID} {OLD_TOKEN}\n{APP_ID} {TOKEN}")).unwrap();
    })
    .await
}

async fn post(gateway: &Gateway, query: &str, body: &str) -> Answer {
    let mut http = Http::connect(gateway.addresses.http).await;
    let length = body.len();
    http.send(format!("POST /?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    http.answer().await
}

fn signed(token: &str, time: u64) -> String {
    let sign = Token::new(token).unwrap().sign(&time.to_string());
    format!("{}&Sign={sign}&RequestTime={time}", query("A.B"))
}

#[tokio::test]
async fn a_signed_callback_is_stored_whichever_of_the_apps_tokens_signed_it() {
    let gateway = gateway().await;
    for token in [TOKEN, OLD_TOKEN] {
        assert!(post(&gateway, &signed(token, now()), "{}").await.is_stored());
    }
    assert!(
        post(&gateway, "SdkAppid=7&CallbackCommand=A.B", "{}").await.is_stored(),
        "this app has no token"
    );
    let upper = signed(TOKEN, now());
    let (before, sign) = upper.split_once("Sign=").unwrap();
    let (sign, after) = sign.split_at(64);
    let upper = format!("{before}Sign={}{after}", sign.to_uppercase());
    assert!(post(&gateway, &upper, "{}").await.is_stored());
    gateway.stop().await;
}

#[tokio::test]
async fn a_stranger_gets_401_and_leaves_nothing_behind() {
    let gateway = gateway().await;
    let good = signed(TOKEN, now());
    let without = query("A.B");
    let time = now();
    for (query, text) in [
        (without.clone(), "needs the query parameter Sign"),
        (format!("{without}&RequestTime={time}"), "needs the query parameter Sign"),
        (format!("{without}&Sign={}", "0".repeat(64)), "needs the query parameter RequestTime"),
        (format!("{without}&Sign={}&RequestTime={time}", "0".repeat(64)), "Sign is wrong"),
        (good.replace("Sign=", "Sign=0"), "Sign is wrong"),
        (signed("not-our-token", now()), "Sign is wrong"),
        (signed(TOKEN, now() - 3600), "too old or too new"),
        (signed(TOKEN, now() + 3600), "too old or too new"),
        (good.replace("RequestTime=", "RequestTime=%2B"), "decimal digits"),
        (good.replace("RequestTime=", "RequestTime=%20"), "decimal digits"),
        (format!("{good}%26x"), "decimal digits"),
    ] {
        let answer = post(&gateway, &query, "{}").await;
        assert_eq!(answer.status, 401, "{query}: {answer:?}");
        assert!(answer.error_info().contains(text), "{query}: {answer:?}");
    }
    for parameter in ["Sign=x", "RequestTime=1"] {
        let answer = post(&gateway, &format!("{good}&{parameter}"), "{}").await;
        assert_eq!(answer.status, 400, "given twice: {answer:?}");
    }
    // Refused before its body is looked at, and the app before the signature.
    assert_eq!(post(&gateway, &without, "not JSON").await.status, 401);
    assert_eq!(post(&gateway, "SdkAppid=1&CallbackCommand=A.B", "{}").await.status, 403);
    assert!(all_events(&mut gateway.client().await).await.is_empty());
    assert!(post(&gateway, &good, "{}").await.is_stored());
    gateway.stop().await;
}

#[tokio::test]
async fn the_time_of_a_signed_callback_is_kept_in_the_event() {
    let gateway = gateway().await;
    let time = now();
    assert!(post(&gateway, &signed(TOKEN, time), "{}").await.is_stored());
    assert!(post(&gateway, "SdkAppid=7&CallbackCommand=A.B", "{}").await.is_stored());
    let events = all_events(&mut gateway.client().await).await;
    let times: Vec<_> = events.iter().map(|event| event.request_time.map(|time| time.seconds)).collect();
    assert_eq!(times, [Some(time as i64), None]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_wider_window_takes_older_callbacks() {
    let gateway = Gateway::start_with(|settings| {
        settings.tokens = Tokens::parse(&format!("{APP_ID} {TOKEN}")).unwrap();
        settings.signature_window = Duration::from_secs(7200);
    })
    .await;
    assert!(post(&gateway, &signed(TOKEN, now() - 3600), "{}").await.is_stored());
    gateway.stop().await;
}

#[test]
fn an_unsigned_app_is_not_served_to_other_machines_unless_told_to() {
    let dir = TempDir::new().unwrap();
    let serve = |more: &[&str], tokens: &str| {
        let mut args = serve_args(dir.path());
        let at = args.iter().position(|arg| arg == "--http-listen").unwrap();
        args[at + 1] = "0.0.0.0:0".to_owned();
        let mut command = program();
        command.args(args).args(more).env("CALLBACK_GATEWAY_TOKENS", tokens);
        command
    };
    let output = serve(&[], "").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    for part in ["no token", "--tokens-file", "CALLBACK_GATEWAY_TOKENS", "--allow-unsigned"] {
        assert!(text.contains(part), "{text}");
    }
    drop(Process::start(&mut serve(&["--allow-unsigned"], "")));
    drop(Process::start(&mut serve(&[], &format!("{APP_ID} {TOKEN}"))));
}

#[test]
fn wrong_tokens_are_named_by_their_line_and_never_shown() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("tokens");
    for (tokens, text) in [
        (format!("# x\n{APP_ID} {TOKEN} {TOKEN}"), "line 2"),
        (TOKEN.to_owned(), "write APP_ID TOKEN"),
        (format!("8 {TOKEN}"), "--sdk-app-id 8"),
    ] {
        std::fs::write(&file, &tokens).unwrap();
        let from_file =
            program().args(serve_args(dir.path())).arg("--tokens-file").arg(&file).output().unwrap();
        let from_env =
            program().args(serve_args(dir.path())).env("CALLBACK_GATEWAY_TOKENS", &tokens).output().unwrap();
        for output in [from_file, from_env] {
            assert_eq!(output.status.code(), Some(64));
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(text) && !stderr.contains(TOKEN), "{stderr}");
        }
    }
    let missing =
        program().args(serve_args(dir.path())).args(["--tokens-file", "/nonexistent"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(64));
}

/// At the most talkative log level, with good callbacks, strangers' ones and rubbish.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_program_writes_shows_a_secret() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("tokens");
    std::fs::write(&file, format!("{APP_ID} {TOKEN}\n")).unwrap();
    let data = dir.path().join("data");
    let gateway = Process::start(
        program()
            .args(serve_args(&data))
            .arg("--tokens-file")
            .arg(&file)
            .args(["--drain-delay", "0s"])
            .env("CALLBACK_GATEWAY_TOKENS", format!("{APP_ID} {OLD_TOKEN}"))
            .env("RUST_LOG", "trace"),
    );
    let url = format!("http://{}/", gateway.addresses.http);
    let app_id = APP_ID.to_string();
    let send = |token: &str| {
        program()
            .args(["send", "friend-add", "--url", &url, "--sdk-app-id", &app_id, "--from", "a", "--to", "b"])
            .env("CALLBACK_GATEWAY_TOKENS", format!("{APP_ID} {token}"))
            .env("RUST_LOG", "trace")
            .output()
            .unwrap()
    };
    let (good, stranger) = (send(TOKEN), send("not-our-token"));
    assert_eq!((good.status.code(), stranger.status.code()), (Some(0), Some(1)));
    let time = now();
    let sign = Token::new(TOKEN).unwrap().sign(&time.to_string());
    let mut http = Http::connect(gateway.addresses.http).await;
    for query in [signed(TOKEN, time), signed(TOKEN, time) + "&Sign=x", format!("SdkAppid=1&Sign={sign}")] {
        http.send(format!("POST /?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}")).await;
        http.answer().await;
    }
    gateway.signal(rustix::process::Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success());
    assert!(log.iter().any(|line| line.contains("refused a callback")), "it was talkative");

    let mut written = log.join("\n").into_bytes();
    for output in [good, stranger] {
        written.extend(output.stdout);
        written.extend(output.stderr);
    }
    for entry in data.read_dir().unwrap() {
        written.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    for secret in [TOKEN, OLD_TOKEN, "not-our-token", &sign] {
        let at = written.windows(secret.len()).position(|window| window == secret.as_bytes());
        let around =
            at.map(|at| String::from_utf8_lossy(&written[at.saturating_sub(200)..at + 20]).into_owned());
        assert_eq!(around, None, "{secret} was written");
    }
}
