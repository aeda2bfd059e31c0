//! Refused callbacks as operators see them, through real sockets.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::*;
use callback_gateway::testing::{
    callback::signature::{Token, Tokens},
    http::BODIES_BYTES,
    log::AppendError,
    refusals::{KEPT, LINES},
};
use imcallback::{
    AppStatus, GetLogStatusRequest, ListRefusalsRequest, ListRefusalsResponse, Refusal, RefusalReason,
    admin_service_client::AdminServiceClient,
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tonic::{Code, transport::Channel};

/// App whose callbacks must be signed.
const SIGNED: u32 = 7;
const TOKEN: &str = "t0ken-of-the-test";

async fn admin(address: std::net::SocketAddr) -> AdminServiceClient<Channel> {
    soon(AdminServiceClient::connect(format!("http://{address}"))).await.unwrap()
}

async fn refusals(gateway: &Gateway, request: ListRefusalsRequest) -> ListRefusalsResponse {
    soon(admin(gateway.addresses.grpc).await.list_refusals(request)).await.unwrap().into_inner()
}

/// Returns the newest refusal.
async fn last(gateway: &Gateway) -> Refusal {
    refusals(gateway, ListRefusalsRequest::default()).await.refusals.swap_remove(0)
}

async fn apps(gateway: &Gateway) -> Vec<AppStatus> {
    let status = admin(gateway.addresses.grpc).await.get_log_status(GetLogStatusRequest {}).await;
    status.unwrap().into_inner().apps
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn now_nanos() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128
}

fn signed(time: u64) -> String {
    let sign = Token::new(TOKEN).unwrap().sign(&time.to_string());
    format!("SdkAppid={SIGNED}&CallbackCommand=C.X&Sign={sign}&RequestTime={time}")
}

fn head(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: gateway\r\n{fields}\r\n")
}

fn post(query: &str, body: &str) -> String {
    head("POST", &format!("/?{query}"), &format!("Content-Length: {}\r\n", body.len())) + body
}

async fn gateway() -> Gateway {
    Gateway::start_with(|settings| {
        settings.sdk_app_ids.push(SIGNED);
        settings.tokens = Tokens::parse(&format!("{SIGNED} {TOKEN}")).unwrap();
    })
    .await
}

#[tokio::test]
async fn each_reason_is_recorded_with_what_is_known_of_the_callback() {
    let gateway = gateway().await;
    let good = query("A.B");
    let sign = "Sign=".to_owned() + &"0".repeat(64);
    let unsigned = format!("SdkAppid={SIGNED}&CallbackCommand=C.X");
    let without = format!("SdkAppid={APP_ID}");
    let chunked = |body: &str| {
        let fields = "Transfer-Encoding: chunked\r\n";
        head("POST", &format!("/?{good}"), fields) + body
    };
    let large = "x".repeat((1 << 20) + 1);
    use RefusalReason::*;
    let command_a = (APP_ID, "A.B");
    let command_c = (SIGNED, "C.X");
    let get = head("GET", &format!("/?{good}"), "");
    let elsewhere = head("POST", &format!("/other?{good}"), "Content-Length: 2\r\n") + "{}";
    let gzip =
        head("POST", &format!("/?{good}"), "Content-Encoding: gzip\r\nContent-Length: 9\r\n") + "too short";
    for (request, reason, status, (app_id, command), bytes) in [
        (get, Method, 405, command_a, Some(0)),
        (elsewhere, Path, 404, command_a, Some(2)),
        (gzip, ContentEncoding, 415, command_a, Some(9)),
        (post(&good, &large), BodyTooLarge, 413, command_a, Some(large.len() as u64)),
        (chunked("2\r\n{}\r\n0\r\nA: b\r\n\r\n"), Framing, 400, command_a, None),
        (post(&format!("{good}&SdkAppid=1"), "{}"), ParameterRepeated, 400, (0, "A.B"), Some(2)),
        (post("CallbackCommand=A.B", "{}"), AppIdMissing, 403, (0, "A.B"), Some(2)),
        (post("SdkAppid=12x&CallbackCommand=A.B", "{}"), AppIdUnknown, 403, (0, "A.B"), Some(2)),
        (post("SdkAppid=123&CallbackCommand=A.B", "{}"), AppIdUnknown, 403, (123, "A.B"), Some(2)),
        (post(&unsigned, "{}"), SignMissing, 401, command_c, Some(2)),
        (post(&format!("{unsigned}&{sign}"), "{}"), RequestTimeMissing, 401, command_c, Some(2)),
        (
            post(&format!("{unsigned}&{sign}&RequestTime=1x"), "{}"),
            RequestTimeMalformed,
            401,
            command_c,
            Some(2),
        ),
        (post(&format!("{unsigned}&{sign}&RequestTime=1"), "{}"), SignWrong, 401, command_c, Some(2)),
        (post(&signed(1_000_000), "{}"), RequestTimeOutside, 401, command_c, Some(2)),
        (post(&without, "{}"), CommandMissing, 400, (APP_ID, ""), Some(2)),
        (post(&query("A..B"), "{}"), CommandInvalid, 400, (APP_ID, ""), Some(2)),
        (post(&without, "no"), CommandMissing, 400, (APP_ID, ""), Some(2)),
    ] {
        let what = format!("{reason:?}");
        let mut http = Http::connect(gateway.addresses.http).await;
        let peer = http.stream.local_addr().unwrap().to_string();
        let before = now_nanos();
        http.send(request).await;
        let answer = http.answer().await;
        let refusal = last(&gateway).await;
        // The unit of time in the log is the microsecond.
        assert!((before / 1000..=now_nanos() / 1000).contains(&(nanos(refusal.time) / 1000)), "{what}");
        assert_eq!((refusal.reason(), refusal.peer), (reason, peer));
        assert_eq!((refusal.http_status, answer.status), (status, status as u16), "{what}");
        assert_eq!(refusal.error_info, answer.error_info(), "{what}");
        assert_eq!((refusal.sdk_app_id, refusal.command.as_str()), (app_id, command), "{what}");
        assert_eq!(refusal.body_bytes, bytes, "{what}");
        let skew = refusal.clock_skew.map(|skew| skew.seconds);
        let expected = 1_000_000 - now() as i64;
        // The second of the clock may have ended since.
        match reason {
            RequestTimeOutside => assert!((expected..expected + 60).contains(&skew.unwrap()), "{skew:?}"),
            _ => assert_eq!(skew, None, "{what}"),
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_refusal_says_where_the_fault_is_and_quotes_nothing() {
    let gateway = gateway().await;
    let without = format!("SdkAppid={APP_ID}");
    let in_url = |command: &str| format!("{without}&CallbackCommand={command}");
    let of_signed = |sign: &str, time: &str| {
        format!("SdkAppid={SIGNED}&CallbackCommand=C.X&Sign={sign}&RequestTime={time}")
    };
    let zeros = "0".repeat(64);
    let cases: [(_, &[u8], _); 14] = [
        (without.clone(), b"{}", "body: no CallbackCommand, or not an object"),
        (without.clone(), b"", "body: empty"),
        (without.clone(), br#"{"CallbackCommand":["s3cr3t"]}"#, "body: CallbackCommand is not a string"),
        (
            without.clone(),
            br#"{"CallbackCommand":"s3cr3t","CallbackCommand":"s3cr3t"}"#,
            "body: CallbackCommand more than once",
        ),
        (without.clone(), b"{\"s3cr3t\":nil}", "body is not JSON: a letter at byte 11"),
        (without.clone(), b"{\"s3cr3t\":\"\\\x01\"}", "body is not JSON: a control character at byte 12"),
        (without.clone(), b"{\"s3cr3t\":\xff}", "body is not UTF-8: an invalid byte at byte 10"),
        (
            without.clone(),
            br#"{"CallbackCommand":"s3cr3t s3cr3t"}"#,
            "CallbackCommand in the body: white space at byte 6",
        ),
        (in_url("s3cr3t."), b"{}", "CallbackCommand in the URL: the end at byte 7"),
        (in_url("s3cr3t%07"), b"{}", "CallbackCommand in the URL: a control character at byte 6"),
        ("SdkAppid=12s3cr3t".to_owned(), b"{}", "SdkAppid: a letter at byte 2"),
        (of_signed("s3cr3t", "1"), b"{}", "Sign: a letter at byte 0"),
        (of_signed(&zeros, "1.5"), b"{}", "RequestTime: a punctuation character at byte 1"),
        (of_signed(&zeros, "1"), b"{}", ""),
    ];
    for (query, body, detail) in cases {
        let mut http = Http::connect(gateway.addresses.http).await;
        let head = head("POST", &format!("/?{query}"), &format!("Content-Length: {}\r\n", body.len()));
        http.send([head.as_bytes(), body].concat()).await;
        assert_ne!(http.answer().await.status, 200);
        let refusal = last(&gateway).await;
        assert_eq!(refusal.detail, detail, "{query} {}", body.escape_ascii());
        assert!(!format!("{refusal:?}").contains("s3cr3t"), "{refusal:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_or_comes_too_slowly_is_recorded() {
    let gateway = gateway().await;
    let mut slow = Http::connect(gateway.addresses.http).await;
    slow.send(head("POST", &format!("/?{}", query("A.B")), "Content-Length: 9\r\n") + "{").await;
    let mut broken = Http::connect(gateway.addresses.http).await;
    broken.send(head("POST", &format!("/?{}", query("A.C")), "Content-Length: 8\r\n") + "{").await;
    broken.stream.shutdown().await.unwrap();
    assert_eq!(broken.answer().await.status, 400);
    let refusal = last(&gateway).await;
    assert_eq!(
        (refusal.reason(), refusal.body_bytes),
        (RefusalReason::BodyBroken, Some(8)),
        "the announced length is recorded"
    );
    assert_eq!(slow.answer().await.status, 408);
    let refusal = last(&gateway).await;
    assert_eq!((refusal.reason(), refusal.body_bytes), (RefusalReason::BodyTimeout, Some(9)));
    assert_eq!(refusal.command, "A.B");
    gateway.stop().await;
}

#[tokio::test]
async fn what_the_log_does_not_take_is_recorded_with_the_bodys_command() {
    let (log, mut appends) = scripted_log();
    let gateway = Gateway::start_over(log).await;
    let without = format!("SdkAppid={APP_ID}");
    for (error, reason) in [
        (AppendError::QueueFull, RefusalReason::Busy),
        (AppendError::Expired, RefusalReason::Late),
        (AppendError::Recovering, RefusalReason::LogRecovering),
        (AppendError::Failed, RefusalReason::LogFailed),
        (AppendError::Closed, RefusalReason::LogClosed),
    ] {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(post(&without, r#"{"CallbackCommand":"D.Y"}"#)).await;
        soon(appends.recv()).await.unwrap().1.send(Err(error)).unwrap();
        let answer = http.answer().await;
        let refusal = last(&gateway).await;
        assert_eq!((refusal.reason(), refusal.http_status, answer.status), (reason, 503, 503));
        assert_eq!((refusal.sdk_app_id, refusal.command.as_str()), (APP_ID, "D.Y"));
        assert_eq!(refusal.body_bytes, Some(25));
    }
    assert_eq!(apps(&gateway).await[0].accepted, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn too_many_bodies_at_once_are_recorded() {
    let (log, mut appends) = scripted_log();
    let gateway = Gateway::start_over(log).await;
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat((1 << 20) - 8));
    let mut held = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..BODIES_BYTES >> 20 {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(request("A.B", &body)).await;
        held.push(soon(appends.recv()).await.unwrap());
        clients.push(http);
    }
    assert_eq!(gateway.post("A.C", "{}").await.status, 503);
    let busy = [RefusalReason::Busy.into()].to_vec();
    let list = refusals(&gateway, ListRefusalsRequest { reasons: busy, ..Default::default() }).await;
    assert_eq!(list.refusals.iter().map(|refusal| refusal.command.as_str()).collect::<Vec<_>>(), ["A.C"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_flood_of_one_reason_hides_no_other() {
    let gateway = gateway().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    http.send(post(&format!("SdkAppid={APP_ID}"), "no")).await;
    assert_eq!(http.answer().await.status, 400);
    for _ in 0..KEPT * 4 {
        assert_eq!(http.post("A..B", "{}").await.status, 400);
    }
    let list = refusals(&gateway, ListRefusalsRequest::default()).await;
    assert_eq!(list.refusals.len(), KEPT + 1);
    assert_eq!(list.refusals[KEPT].reason(), RefusalReason::CommandMissing, "the newest refusal comes first");
    let times: Vec<_> = list.refusals.iter().map(|refusal| nanos(refusal.time)).collect();
    assert!(times.is_sorted_by(|a, b| a >= b));
    let counts: Vec<_> = list.counts.iter().map(|count| (count.reason(), count.count)).collect();
    assert_eq!(
        counts,
        [(RefusalReason::CommandMissing, 1), (RefusalReason::CommandInvalid, KEPT as u64 * 4)],
        "the counts include evicted refusals"
    );
    assert!(nanos(list.process_start_time) < times[0]);
    gateway.stop().await;
}

#[tokio::test]
async fn refusals_are_listed_by_reason_app_and_time() {
    let gateway = gateway().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    for query in [
        format!("SdkAppid={APP_ID}"),
        format!("SdkAppid={APP_ID}&CallbackCommand=A..B"),
        "SdkAppid=123&CallbackCommand=A.B".to_owned(),
        format!("SdkAppid={SIGNED}&CallbackCommand=A.B"),
    ] {
        http.send(post(&query, "{}")).await;
        assert_ne!(http.answer().await.status, 200);
    }
    let found = async |request| {
        let list = refusals(&gateway, request).await;
        assert_eq!(list.counts.len(), 4, "the counts ignore the filter");
        list.refusals
    };
    use RefusalReason::{AppIdUnknown, CommandInvalid, CommandMissing, SignMissing};
    let reasons = |refusals: &[Refusal]| refusals.iter().map(Refusal::reason).collect::<Vec<_>>();
    let all = found(ListRefusalsRequest::default()).await;
    assert_eq!(reasons(&all), [SignMissing, AppIdUnknown, CommandInvalid, CommandMissing]);
    let some = vec![CommandMissing.into(), SignMissing.into(), CommandMissing.into()];
    let by_reason = found(ListRefusalsRequest { reasons: some, ..Default::default() }).await;
    assert_eq!(reasons(&by_reason), [SignMissing, CommandMissing]);
    let by_app = found(ListRefusalsRequest { sdk_app_id: 123, ..Default::default() }).await;
    assert_eq!(reasons(&by_app), [AppIdUnknown]);
    let by_time = found(ListRefusalsRequest { start_time: all[1].time, ..Default::default() }).await;
    assert_eq!(reasons(&by_time), [SignMissing, AppIdUnknown]);
    gateway.stop().await;
}

#[tokio::test]
async fn wrong_filters_are_refused_with_the_field() {
    let gateway = gateway().await;
    let nanos = imcallback::well_known::Timestamp { seconds: 0, nanos: -1 };
    for (request, field) in [
        (ListRefusalsRequest { reasons: vec![1, 999], ..Default::default() }, "reasons"),
        (ListRefusalsRequest { reasons: vec![-1], ..Default::default() }, "reasons"),
        (ListRefusalsRequest { reasons: vec![0], ..Default::default() }, "reasons"),
        (ListRefusalsRequest { start_time: Some(nanos), ..Default::default() }, "start_time"),
    ] {
        let status = soon(admin(gateway.addresses.grpc).await.list_refusals(request)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
        assert!(status.message().contains(field), "{status:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn each_app_tells_what_it_sent_last() {
    let before = now_nanos() / 1000 * 1000;
    let gateway = gateway().await;
    let none = apps(&gateway).await;
    assert_eq!(
        none.iter().map(|app| (app.sdk_app_id, app.is_verified)).collect::<Vec<_>>(),
        [(SIGNED, true), (APP_ID, false)]
    );
    assert!(none.iter().all(|app| app.last_accept_time.is_none() && app.last_refusal_time.is_none()));

    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..3 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    for query in [signed(1), signed(1), format!("SdkAppid={SIGNED}"), "SdkAppid=123".to_owned()] {
        http.send(post(&query, "{}")).await;
        assert_ne!(http.answer().await.status, 200);
    }
    let status = admin(gateway.addresses.grpc).await.get_log_status(GetLogStatusRequest {}).await;
    let status = status.unwrap().into_inner();
    assert!((before..now_nanos()).contains(&nanos(status.process_start_time)));
    let [strict, open] = &status.apps[..] else { panic!("an unknown app adds no entry: {status:?}") };
    assert_eq!((open.accepted, open.refused, open.last_refusal_time), (3, 0, None));
    assert!((before..now_nanos()).contains(&nanos(open.last_accept_time)));
    assert_eq!((strict.accepted, strict.refused, strict.last_accept_time), (0, 3, None));
    assert_eq!(strict.last_refusal_reason(), RefusalReason::SignMissing);
    assert_eq!(strict.last_refusal_time, last_of(&gateway, SIGNED).await.time);
    gateway.stop().await;
}

async fn last_of(gateway: &Gateway, sdk_app_id: u32) -> Refusal {
    refusals(gateway, ListRefusalsRequest { sdk_app_id, ..Default::default() }).await.refusals.swap_remove(0)
}

/// Checks the log at every level, and the answer.
#[tokio::test]
async fn nothing_of_body_query_or_signature_shows() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::start(
        program()
            .args(serve_args(dir.path()))
            .args(["--sdk-app-id", &SIGNED.to_string(), "--drain-delay", "0s"])
            .env("CALLBACK_GATEWAY_TOKENS", format!("{SIGNED} {TOKEN}"))
            .env("CALLBACK_GATEWAY_LOG_LEVEL", "trace"),
    );
    let secret = "s3cr3t";
    let mut http = Http::connect(gateway.addresses.http).await;
    for query in [
        signed(1) + "&ClientIP=s3cr3t",
        query("A.B") + "&OptPlatform=s3cr3t",
        format!("SdkAppid={SIGNED}&Sign=s3cr3t&RequestTime=s3cr3t"),
        "SdkAppid=s3cr3t&CallbackCommand=!s3cr3t".to_owned(),
        "s3cr3t=s3cr3t".to_owned(),
    ] {
        http.send(post(&query, "{\"s3cr3t\":")).await;
        assert_ne!(http.answer().await.status, 200);
    }
    http.send(head("POST", "/s3cr3t?s3cr3t", "Content-Length: 0\r\n")).await;
    assert_eq!(http.answer().await.status, 404);
    let list = admin(gateway.addresses.grpc).await.list_refusals(ListRefusalsRequest::default()).await;
    let list = format!("{:?}", list.unwrap().into_inner());
    assert!(list.contains("C.X"), "the command is shown: {list}");
    gateway.signal(rustix::process::Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success());
    let log = log.join("\n");
    let sign = Token::new(TOKEN).unwrap().sign("1");
    for secret in [secret, TOKEN, &sign] {
        assert!(!list.contains(secret) && !log.contains(secret), "{secret}: {list}\n{log}");
    }
}

#[tokio::test]
async fn a_refused_callback_is_one_line_at_a_bounded_rate_and_an_accepted_one_is_none() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &["--drain-delay", "0s", "--sdk-app-id", "8"]);
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..100 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    for _ in 0..100 {
        http.send(post(&format!("SdkAppid={APP_ID}"), "no")).await;
        assert_eq!(http.answer().await.status, 400);
    }
    http.send(post("SdkAppid=8&CallbackCommand=A.B&CallbackCommand=A.B", "{}")).await;
    assert_eq!(http.answer().await.status, 400);
    let peer = http.stream.local_addr().unwrap().to_string();
    let further = gateway.line("refused further callbacks").await;
    assert_eq!((&further["level"], &further["reason"]), (&"WARN".into(), &"COMMAND_MISSING".into()));
    gateway.signal(rustix::process::Signal::TERM);
    let (_, log) = gateway.ended().await;
    let json = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let of =
        |message: &str| log.iter().map(json).filter(|line| line["message"] == message).collect::<Vec<_>>();
    let (repeated, others): (Vec<_>, Vec<_>) =
        of("refused a callback").into_iter().partition(|line| line["reason"] == "PARAMETER_REPEATED");
    assert_eq!(repeated.len(), 1);
    assert_eq!((&repeated[0]["app_id"], &repeated[0]["command"]), (&8.into(), &"".into()));
    assert_eq!((&others[0]["app_id"], &others[0]["command"]), (&APP_ID.into(), &"".into()));
    assert_eq!((&others[0]["peer"], &others[0]["status"]), (&peer.into(), &400.into()));
    assert_eq!(others[0]["detail"], "body is not JSON: a letter at byte 1");
    let left_out: u64 =
        of("refused further callbacks").iter().map(|line| line["left_out"].as_u64().unwrap()).sum();
    assert!(others.len() as u64 >= LINES.into() && left_out > 0);
    assert!(others.len() as u64 + left_out <= 100, "no refusal is counted twice");
    let others =
        log.iter().map(json).filter(|line| !line["message"].as_str().unwrap().starts_with("refused "));
    assert!(others.count() < 20, "accepted callbacks write no lines: {log:#?}");
}
