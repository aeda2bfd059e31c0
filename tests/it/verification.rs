//! Authentication of callbacks, through real sockets: signatures, tokens, and the secrecy of both.

use std::{
    io::Read as _,
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::support::*;
use callback_gateway::testing::callback::signature::{Token, Tokens};
use imcallback::{
    ListEventsRequest, ListRefusalsRequest, SubscribeRequest, admin_service_client::AdminServiceClient,
    event_service_client::EventServiceClient, subscribe_response::Frame,
};
use prost::Message as _;
use tempfile::TempDir;
use tonic::{Code, Request, service::interceptor::InterceptedService, transport::Endpoint};

const TOKEN: &str = "t0ken-of-the-test";
const OLD_TOKEN: &str = "0ld-token-of-the-test";
const NEW_TOKEN: &str = "new-t0ken-of-the-test";
const GRPC_TOKEN: &str = "grpc-t0ken-of-the-test";
const NEW_GRPC_TOKEN: &str = "new-grpc-t0ken-of-the-test";

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
    signed_text(token, &time.to_string())
}

/// Returns a query with a valid signature, whatever the time is.
fn signed_text(token: &str, time: &str) -> String {
    let sign = Token::new(token).unwrap().sign(time);
    let time: String = form_urlencoded::byte_serialize(time.as_bytes()).collect();
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
    let sign = Token::new(TOKEN).unwrap().sign(good.rsplit_once('=').unwrap().1);
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
        (signed(TOKEN, time - 61), "too old or too new"),
        (signed(TOKEN, time + 70), "too old or too new"),
        (signed(TOKEN, u64::MAX), "too old or too new"),
        (good.replace(&sign, ""), "Sign is wrong"),
        (good.replace(&sign, &sign[..63]), "Sign is wrong"),
        (good.replace(&sign, &sign[..62]), "Sign is wrong"),
        (good.replace(&sign, &format!("{sign}00")), "Sign is wrong"),
        (good.replace(&sign, &sign.replace(&sign[..1], "g")), "Sign is wrong"),
        (good.replace(&sign, &format!("{sign}%00")), "Sign is wrong"),
        (good.replace("RequestTime=", "requesttime="), "needs the query parameter RequestTime"),
    ] {
        let answer = post(&gateway, &query, "{}").await;
        assert_eq!(answer.status, 401, "{query}: {answer:?}");
        assert!(answer.error_info().contains(text), "{query}: {answer:?}");
    }
    for parameter in ["Sign=x", "RequestTime=1"] {
        let answer = post(&gateway, &format!("{good}&{parameter}"), "{}").await;
        assert_eq!(answer.status, 400, "the parameter occurs twice: {answer:?}");
    }
    // The body is not read before a refusal, and the app is checked before the signature.
    assert_eq!(post(&gateway, &without, "not JSON").await.status, 401);
    assert_eq!(post(&gateway, "SdkAppid=1&CallbackCommand=A.B", "{}").await.status, 403);
    assert!(all_events(&mut gateway.client().await).await.is_empty());
    assert!(post(&gateway, &good, "{}").await.is_stored());
    gateway.stop().await;
}

/// Each request violates every check from one on, so the answer names the first check that it failed.
#[tokio::test]
async fn each_check_comes_before_the_next() {
    let gateway = Gateway::start_with(|settings| {
        settings.http_body_limit = 10;
        settings.tokens = Tokens::parse(&format!("{APP_ID} {TOKEN}")).unwrap();
    })
    .await;
    let gzip = "Content-Encoding: gzip\r\n";
    let (large, wrong) = ("x".repeat(11), "not JSON");
    let (time, sign) = (now(), Token::new(TOKEN).unwrap().sign(&now().to_string()));
    let twice = "/?SdkAppid=1&SdkAppid=1&CallbackCommand=A..B";
    let stranger = "/?SdkAppid=1&CallbackCommand=A..B&Sign=x";
    let unsigned = format!("/?SdkAppid={APP_ID}&CallbackCommand=A..B&Sign=x");
    let late = format!("/?SdkAppid={APP_ID}&CallbackCommand=A..B&Sign={sign}&RequestTime=1");
    let signed = |command: &str| {
        format!("/?SdkAppid={APP_ID}&CallbackCommand={command}&Sign={sign}&RequestTime={time}")
    };
    for (method, target, more, body, status, text) in [
        ("GET", "/other?SdkAppid=1&SdkAppid=1", gzip, large.as_str(), 405, "only POST"),
        ("POST", "/other?SdkAppid=1&SdkAppid=1", gzip, &large, 404, "--http-path"),
        ("POST", twice, gzip, &large, 415, "Content-Encoding"),
        ("POST", twice, "", &large, 413, "too large"),
        ("POST", twice, "", wrong, 400, "the query parameter SdkAppid once"),
        ("POST", stranger, "", wrong, 403, "does not serve this SdkAppid"),
        ("POST", &unsigned, "", wrong, 401, "needs the query parameter RequestTime"),
        ("POST", &late, "", wrong, 401, "Sign is wrong"),
        ("POST", &signed("A..B"), "", wrong, 400, "1 to 128 letters"),
        ("POST", &signed("A.B").replace("CallbackCommand", "x"), "", wrong, 400, "parameter CallbackCommand"),
    ] {
        let mut http = Http::connect(gateway.addresses.http).await;
        let length = body.len();
        http.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await;
        let answer = http.answer().await;
        assert_eq!(answer.status, status, "{method} {target}: {answer:?}");
        assert!(answer.error_info().contains(text), "{method} {target}: {answer:?}");
    }
    assert!(all_events(&mut gateway.client().await).await.is_empty());
    gateway.stop().await;
}

/// The owner of the token may sign longer messages for other services, and SHA-256 without a key allows
/// length extension by anyone with a signature.
#[tokio::test]
async fn a_time_that_is_more_than_digits_is_refused_although_it_is_signed_rightly() {
    let gateway = gateway().await;
    let time = now();
    let nulls = format!("{time}\u{80}\0\0\0\u{90}&x");
    for text in [
        &format!("{time}&x"),
        &format!("+{time}"),
        &format!(" {time}"),
        &format!("{time} "),
        &format!("{time}\n"),
        &format!("{time}.0"),
        &format!("-{time}"),
        &format!("{time:#x}"),
        &format!("{time:021}"),
        &nulls,
        "",
        "٣",
    ] {
        let answer = post(&gateway, &signed_text(TOKEN, text), "{}").await;
        assert_eq!(answer.status, 401, "{text:?}: {answer:?}");
        assert!(answer.error_info().contains("decimal digits"), "{text:?}: {answer:?}");
        assert!(post(&gateway, &signed(TOKEN, now()), "{}").await.is_stored());
    }
    // Not part of the time, but an unused parameter.
    assert!(post(&gateway, &(signed(TOKEN, now()) + "&x"), "{}").await.is_stored());
    gateway.stop().await;
}

/// The vendor signs only the time. Within the window, a copy cannot be distinguished from the vendor's
/// own retry.
#[tokio::test]
async fn a_replayed_callback_is_stored_again_and_marked_if_its_body_is_the_same() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    let url = signed(TOKEN, now());
    assert!(post(&gateway, &url, "{}").await.is_stored());
    assert_eq!(subscriber.event().await.unwrap().possible_duplicate_of, 0);
    // Repeats are marked once the gateway has seen the first callback in its log.
    soon(async {
        loop {
            assert!(post(&gateway, &url, "{}").await.is_stored());
            match subscriber.event().await.unwrap().possible_duplicate_of {
                0 => {}
                first => return assert_eq!(first, 1),
            }
        }
    })
    .await;
    assert!(post(&gateway, &url, r#"{"another":"body"}"#).await.is_stored());
    assert_eq!(subscriber.event().await.unwrap().possible_duplicate_of, 0);
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
fn an_unsigned_app_is_not_served_to_other_machines_unless_allowed() {
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
        (format!("8 {TOKEN}"), "an app that sdk_app_id does not name"),
        // The two parts are exchanged, where the token is a number.
        (format!("123456789 {APP_ID}"), "`APP_ID TOKEN`, in this order"),
    ] {
        std::fs::write(&file, format!("{tokens}\n")).unwrap();
        let from_file =
            program().args(serve_args(dir.path())).arg("--tokens-file").arg(&file).output().unwrap();
        let from_env =
            program().args(serve_args(dir.path())).env("CALLBACK_GATEWAY_TOKENS", &tokens).output().unwrap();
        for output in [from_file, from_env] {
            assert_eq!(output.status.code(), Some(64));
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(text), "{stderr}");
            assert!(!stderr.contains(TOKEN) && !stderr.contains("123456789"), "{stderr}");
        }
    }
    let missing =
        program().args(serve_args(dir.path())).args(["--tokens-file", "/nonexistent"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(64));
}

/// Collects everything that the program writes, at the most verbose log level, with good callbacks,
/// unauthenticated ones and garbage.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_program_writes_shows_a_secret() {
    let dir = TempDir::new().unwrap();
    let [file, grpc_file] = ["tokens", "grpc-tokens"].map(|name| dir.path().join(name));
    std::fs::write(&file, format!("{APP_ID} {TOKEN}\n")).unwrap();
    std::fs::write(&grpc_file, format!("oncall {GRPC_TOKEN} events admin\n")).unwrap();
    let data = dir.path().join("data");
    let started = now();
    let mut gateway = Process::start(
        program()
            .args(serve_args(&data))
            .arg("--tokens-file")
            .arg(&file)
            .arg("--grpc-tokens-file")
            .arg(&grpc_file)
            .args(["--drain-delay", "0s"])
            .env("CALLBACK_GATEWAY_TOKENS", format!("{APP_ID} {OLD_TOKEN}"))
            .env("CALLBACK_GATEWAY_LOG_LEVEL", "trace")
            .stdout(Stdio::piped()),
    );
    let mut stdout = gateway.child.stdout.take().unwrap();
    let mut written = Vec::new();

    let url = format!("http://{}/", gateway.addresses.http);
    let app_id = APP_ID.to_string();
    let mut send = |token: &str, url: &str| {
        let output = program()
            .args(["send", "friend-add", "--url", url, "--sdk-app-id", &app_id, "--from", "a", "--to", "b"])
            .env("CALLBACK_GATEWAY_TOKENS", format!("{APP_ID} {token}"))
            .env("CALLBACK_GATEWAY_LOG_LEVEL", "trace")
            .output()
            .unwrap();
        written.extend(output.stdout);
        written.extend(output.stderr);
        output.status.code()
    };
    assert_eq!(send(TOKEN, &url), Some(0));
    assert_eq!(send("not-our-token", &url), Some(1));
    assert_eq!(send(TOKEN, "http://127.0.0.1:1/"), Some(1), "no server listens there");

    let sign = Token::new(TOKEN).unwrap().sign(&started.to_string());
    let good = signed(TOKEN, started);
    let mut stored = 0;
    for (query, body) in [
        (good.clone(), "{}"),
        (signed(OLD_TOKEN, started), "{}"),
        (good.replace("A.B", "Sns.CallbackFriendAdd"), FRIEND_ADD),
        (good.clone(), "not JSON"),
        (good.clone() + "&Sign=x", "{}"),
        (good.replace("Sign=", "Sign=%"), "{}"),
        (good.replace("RequestTime=", "RequestTime=+"), "{}"),
        (signed(TOKEN, started - 3600), "{}"),
        (signed("not-our-token", started), "{}"),
        (format!("SdkAppid=1&Sign={sign}"), "{}"),
        (format!("{good}&CallbackCommand={sign}"), "{}"),
        (format!("SdkAppid={APP_ID}&CallbackCommand=A..{sign}&Sign={sign}&RequestTime={started}"), "{}"),
    ] {
        let mut http = Http::connect(gateway.addresses.http).await;
        let length = body.len();
        http.send(format!("POST /?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"))
            .await;
        let answer = http.answer().await;
        stored += usize::from(answer.is_stored());
        written.extend(format!("{}{}\n", answer.head, answer.body).into_bytes());
    }
    assert_eq!(stored, 4);
    // Requests that are refused after their head, and one that breaks off.
    for head in [format!("GET /?{good} HTTP/9\r\n\r\n"), format!("POST /?{good} HTTP/1.1\r\nHost: x\r\nbad")]
    {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(head).await;
        written.extend(http.closed().await);
    }

    let address = format!("http://{}", gateway.addresses.grpc);
    let channel = soon(Endpoint::new(address).unwrap().connect()).await.unwrap();
    let with = |token: &'static str| {
        InterceptedService::new(channel.clone(), move |mut request: Request<()>| {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            Ok(request)
        })
    };
    let mut client = EventServiceClient::new(with(GRPC_TOKEN));
    let request = SubscribeRequest { include_raw_body: true, ..earliest() };
    let mut frames = soon(client.subscribe(request)).await.unwrap().into_inner();
    let mut events = 0;
    loop {
        let response = soon(frames.message()).await.unwrap().unwrap();
        written.extend(format!("{response:?}").into_bytes());
        written.extend(response.encode_to_vec());
        match response.frame.unwrap() {
            Frame::Event(_) => events += 1,
            Frame::CaughtUp(_) => break,
            Frame::Subscribed(_) | Frame::Heartbeat(_) => {}
            frame => panic!("unexpected {frame:?}"),
        }
    }
    assert_eq!(events, 5);
    drop(frames);
    let mut stranger = EventServiceClient::new(with("not-our-grpc-token"));
    let status = soon(stranger.list_events(ListEventsRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    written.extend(format!("{status:?}").into_bytes());
    let list = client.list_events(ListEventsRequest { include_raw_body: true, ..Default::default() });
    written.extend(soon(list).await.unwrap().into_inner().encode_to_vec());
    let status = soon(client.subscribe(after("x"))).await.unwrap_err();
    written.extend(format!("{status:?}").into_bytes());

    // Files that are reloaded, with and without faults.
    std::fs::write(&file, format!("{APP_ID} {TOKEN}\n{APP_ID} '{NEW_TOKEN}'\n")).unwrap();
    std::fs::write(&grpc_file, format!("oncall {GRPC_TOKEN} events admin\nnew {NEW_GRPC_TOKEN} all\n"))
        .unwrap();
    gateway.signal(rustix::process::Signal::HUP);
    let says = |line: &serde_json::Value, text: &str| line["message"].as_str().unwrap_or("").contains(text);
    let problems = gateway.nth_line(0, |line| says(line, "was not reloaded")).await;
    assert!(says(&problems, "without quotes"), "{problems}");
    std::fs::write(&file, format!("{APP_ID} {TOKEN}\n{APP_ID} {NEW_TOKEN}\n")).unwrap();
    std::fs::write(&grpc_file, format!("oncall {GRPC_TOKEN} admin\nnew {NEW_GRPC_TOKEN} events\n")).unwrap();
    gateway.signal(rustix::process::Signal::HUP);
    gateway.nth_line(0, |line| says(line, "was reloaded")).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let good = signed(NEW_TOKEN, started);
    http.send(format!("POST /?{good} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}")).await;
    assert!(http.answer().await.is_stored());
    let status = soon(client.list_events(ListEventsRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    written.extend(format!("{status:?}").into_bytes());
    let mut client = EventServiceClient::new(with(NEW_GRPC_TOKEN));
    soon(client.list_events(ListEventsRequest::default())).await.unwrap();

    let mut admin = AdminServiceClient::new(with(GRPC_TOKEN));
    let refusals = admin.list_refusals(ListRefusalsRequest::default()).await.unwrap();
    written.extend(format!("{refusals:?}").into_bytes());
    for path in ["/readyz", "/livez", "/metrics"] {
        let answer = get(gateway.addresses.admin, path).await;
        assert_eq!(answer.status, 200);
        written.extend(format!("{answer:?}").into_bytes());
    }

    gateway.signal(rustix::process::Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success());
    assert!(log.iter().any(|line| line.contains("refused a callback")), "the log level was verbose");
    written.extend(log.join("\n").into_bytes());
    stdout.read_to_end(&mut written).unwrap();
    for entry in data.read_dir().unwrap() {
        written.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }

    // `send` signed at some time in between.
    let tokens = [TOKEN, OLD_TOKEN, NEW_TOKEN, "not-our-token"];
    let times = (started..=now()).chain([started - 3600]).map(|time| time.to_string());
    let signs = times.flat_map(|time| tokens.map(|token| Token::new(token).unwrap().sign(&time)));
    let grpc_tokens = [GRPC_TOKEN, NEW_GRPC_TOKEN, "not-our-grpc-token"];
    let tokens = tokens.into_iter().chain(grpc_tokens).map(str::to_owned);
    let secrets: Vec<String> = tokens.chain(signs).collect();
    for secret in secrets.iter().map(String::as_str).chain(["Sign=", "sign="]) {
        let at = written.windows(secret.len()).position(|window| window == secret.as_bytes());
        assert_eq!(at.map(|at| around(&written, at)), None, "{secret} was written");
    }
    // No output could be a signature of anything.
    let mut digits = 0;
    for (at, byte) in written.iter().enumerate() {
        digits = if byte.is_ascii_hexdigit() { digits + 1 } else { 0 };
        assert!(digits < 64, "64 hex digits: {}", around(&written, at));
    }
}

fn around(written: &[u8], at: usize) -> String {
    let range = at.saturating_sub(200)..written.len().min(at + 20);
    String::from_utf8_lossy(&written[range]).into_owned()
}
