//! Hostile bodies, queries and many connections, through sockets of the real program. Each callback gets
//! its status and packet, exactly the callbacks answered with 200 are stored, byte for byte, and the
//! next good callback works.
//!
//! Signatures are in `verification.rs`, request boundaries in `framing.rs`, slow and faulty clients
//! in `http_front.rs`.

use std::sync::Arc;

use crate::support::gate::{Gate, chunked, framed, post};
use crate::support::*;
use imcallback::DecodeStatus;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const COMMAND: &str = "Sns.CallbackFriendAdd";

#[tokio::test]
async fn no_body_is_refused_whatever_it_is_instead_of_a_json_object() {
    use DecodeStatus::{
        CommandDisagrees, CommandNotString, CommandRepeated, Empty, NotAnObject, NotJson, NotUtf8, Partial,
        Repaired, TooDeep, Typed,
    };
    let mut gate = Gate::open();
    let mut http = gate.connect().await;
    let nested = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let text = |value: &str| format!("{{\"ClientCmd\":{value}}}");
    let texts = [
        ("1,025 levels", nested("{\"x\":", "}", 1025), TooDeep),
        ("10,000 objects", nested("{\"x\":", "}", 10_000), TooDeep),
        ("100,000 arrays in an object", text(&nested("[", "]", 100_000)), TooDeep),
        ("100,000 arrays", nested("[", "]", 100_000), NotAnObject),
        ("10,000 arrays left open", text(&"[".repeat(10_000)), NotJson),
        ("1 MiB of arrays left open", "[".repeat(1 << 20), NotJson),
        ("1 MiB of objects left open", "{\"\":".repeat((1 << 20) / 4), NotJson),
        ("1 MiB of closing brackets", "]".repeat(1 << 20), NotJson),
        ("a string of 1 MiB left open", "{\"".to_owned() + &"x".repeat((1 << 20) - 2), NotJson),
        ("an empty body", String::new(), Empty),
        ("blanks", " \r\n\t".to_owned(), Empty),
        ("NULs", "\0".repeat(100), Empty),
        ("a string alone", "\"CallbackCommand\"".to_owned(), NotAnObject),
        ("trailing garbage", "{} x".to_owned(), NotJson),
        ("a second object", "{}{}".to_owned(), NotJson),
        ("a trailing comma", "{\"x\":1,}".to_owned(), NotJson),
        ("a comment", "{}//".to_owned(), NotJson),
        ("NaN", text("NaN"), NotJson),
        ("infinity", text("-Infinity"), NotJson),
        ("a leading plus", text("+1"), NotJson),
        ("a leading zero", text("01"), NotJson),
        ("a number cut short", text("1e"), NotJson),
        ("hexadecimal", text("0x1"), NotJson),
        ("half an escape", text(r#""\ud8""#), NotJson),
        ("an unknown escape", text(r#""\x""#), NotJson),
        ("an escaped line break", text("\"\\\n\""), NotJson),
        (
            "the command twice",
            format!(r#"{{"CallbackCommand":"{COMMAND}","CallbackCommand":"{COMMAND}"}}"#),
            CommandRepeated,
        ),
        (
            "the command twice, once escaped",
            format!(r#"{{"CallbackCommand":"{COMMAND}","C\u0061llbackCommand":""}}"#),
            CommandRepeated,
        ),
        ("a lone surrogate as the command", r#"{"CallbackCommand":"\ud800"}"#.to_owned(), CommandNotString),
        ("a number as the command", r#"{"CallbackCommand":7}"#.to_owned(), CommandNotString),
        ("another command than the URL's", r#"{"CallbackCommand":"A.b"}"#.to_owned(), CommandDisagrees),
        ("a line break in a string", text("\"\n\""), Repaired),
        ("a byte order mark", "\u{feff}".to_owned() + &text("\"c\""), Repaired),
        ("a trailing NUL", text("\"c\"") + "\0", Repaired),
        (
            "a line break and a leaf that does not fit",
            r#"{"ClientCmd":"\r","ForceFlag":[]}"#.replace("\\r", "\r"),
            Partial,
        ),
    ];
    let bytes: [(_, &[u8], _); 8] = [
        ("a byte that is never in UTF-8", b"{\"ClientCmd\":\"\xff\"}", Repaired),
        ("a character cut short", b"{\"ClientCmd\":\"\xe4\xbd\"}", Repaired),
        ("an overlong character", b"{\"ClientCmd\":\"\xc0\xaf\"}", Repaired),
        ("a surrogate in UTF-8", b"{\"ClientCmd\":\"\xed\xa0\x80\"}", Repaired),
        ("a key that is not UTF-8", b"{\"\xff\":1,\"ClientCmd\":\"c\"}", Repaired),
        ("a byte outside a string", b"{\"ClientCmd\":\"c\"}\xff", NotUtf8),
        ("UTF-16", b"\xff\xfe{\0}\0", NotUtf8),
        (
            "gzip, unannounced",
            b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0",
            NotUtf8,
        ),
    ];
    let texts = texts.into_iter().map(|(what, body, status)| (what, body.into_bytes(), status));
    let bytes = bytes.into_iter().map(|(what, body, status)| (what, body.to_vec(), status));
    let mut cases = Vec::new();
    for (what, body, status) in texts.chain(bytes) {
        cases.push((gate.stored.len(), what, status));
        gate.store(&mut http, COMMAND, body, what).await;
        // The connection is still in sync.
        gate.good(&mut http, what).await;
        gate.good_on_a_new_connection(what).await;
    }
    // The body size is the only remaining limit.
    http.send(post(&query(COMMAND), " ".repeat((1 << 20) + 1).as_bytes())).await;
    let answer = http.answer().await;
    assert!(answer.status == 413 && answer.error_info().contains("--http-body-limit"), "{answer:?}");
    let events = gate.close().await;
    for (at, what, status) in cases {
        assert_eq!(events[at].decode_status(), status, "{what}");
        assert_eq!(events[at].payload.is_some(), matches!(status, Typed | Repaired | Partial), "{what}");
    }
}

#[tokio::test]
async fn oddities_that_are_json_are_stored_byte_for_byte() {
    let mut gate = Gate::open();
    let mut http = gate.connect().await;
    // Declared as a string, as an integer, and a member that is in no message.
    let text = |json: &str| format!("{{\"ClientCmd\":{json}}}");
    let integer = |json: &str| format!("{{\"ForceFlag\":{json}}}");
    let unknown = |json: &str| format!("{{\"ForceFlag\":1,\"New\":{json}}}");
    let free_form = |json: &str| format!("{{\"MsgBody\":[{{\"MsgContent\":{{\"x\":{json}}}}}]}}");
    let filled = |open: &str, fill: &str, close: &str| {
        format!("{open}{}{close}", fill.repeat((1 << 20) - open.len() - close.len()))
    };
    let digits = "9".repeat(400);
    let message = "C2C.CallbackAfterSendMsg";
    let arrays = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let list_of = |count: usize, json: &str| format!("[{}{json}]", format!("{json},").repeat(count - 1));
    let accounts: Vec<_> = (0..70_000).map(|n| format!("\"{n:011}\"")).collect();
    use DecodeStatus::{Mismatch, Partial, TooDeep, TooLarge, Typed, UnknownCommand};
    let mut cases = Vec::new();
    for (what, command, body, status) in [
        ("an empty object", COMMAND, "{}".to_owned(), Typed),
        ("blanks around", COMMAND, "\r\n\t {} \r\n\t".to_owned(), Typed),
        ("a string of 1 MiB", COMMAND, filled("{\"ClientCmd\":\"", "x", "\"}"), Typed),
        ("a key of 1 MiB", COMMAND, filled("{\"ForceFlag\":1,\"", "x", "\":1}"), Typed),
        ("1 MiB of blanks", COMMAND, filled("{", "\n", "}"), Typed),
        (
            "70,000 accounts",
            COMMAND,
            format!("{{\"ForceFlag\":1,\"From_Account\":[{}]}}", accounts.join(",")),
            Typed,
        ),
        ("NULs in a string", COMMAND, text("\"\\u0000\""), Typed),
        ("400 digits", COMMAND, integer(&digits), Mismatch),
        ("400 digits where nothing is declared", COMMAND, unknown(&digits), Typed),
        ("400 digits in free form", message, free_form(&digits), Partial),
        ("1e999", COMMAND, integer("1e999"), Mismatch),
        ("1e999 where nothing is declared", COMMAND, unknown("1e999"), Typed),
        ("1e999 in free form", message, free_form("1e999"), Partial),
        ("1e-999 in free form", message, free_form("1e-999"), Typed),
        ("minus nothing", COMMAND, integer("-0"), Typed),
        ("a key twice", COMMAND, r#"{"ForceFlag":1,"ForceFlag":2}"#.to_owned(), Mismatch),
        ("an unknown key twice", COMMAND, r#"{"ForceFlag":1,"New":1,"New":{}}"#.to_owned(), Typed),
        ("a key in free form twice", message, free_form(r#"{"x":1,"x":2}"#), Partial),
        ("a lone surrogate", COMMAND, text(r#""\ud800""#), Mismatch),
        ("a lone surrogate where nothing is declared", COMMAND, unknown(r#""\udfff""#), Typed),
        ("a lone surrogate as a key", COMMAND, r#"{"\ud800":1}"#.to_owned(), Mismatch),
        ("a pair of surrogates the wrong way round", COMMAND, text(r#""\udc00\ud800""#), Mismatch),
        (
            "an escaped command",
            COMMAND,
            r#"{"Callback\u0043ommand":"Sns\u002eCallbackFriendAdd"}"#.to_owned(),
            Typed,
        ),
        ("24 levels", COMMAND, unknown(&arrays(23)), Typed),
        ("1,024 levels", COMMAND, unknown(&arrays(1023)), Typed),
        ("1,025 levels", COMMAND, unknown(&arrays(1024)), TooDeep),
        ("24 levels in free form", message, free_form(&arrays(20)), Typed),
        ("25 levels in free form", message, free_form(&arrays(21)), Partial),
        ("1,024 levels in free form", message, free_form(&arrays(1020)), Partial),
        ("1,025 levels of an unknown command", "A.B", unknown(&arrays(1024)), UnknownCommand),
        ("1 MiB of 1,", message, free_form(&list_of(524_000, "1")), TooLarge),
        ("99,000 arrays", message, free_form(&list_of(99_000, "[]")), Typed),
        ("99,000 nulls", message, free_form(&list_of(99_000, "null")), Typed),
        ("100,000 nulls", message, free_form(&list_of(100_000, "null")), TooLarge),
    ] {
        cases.push((gate.stored.len(), what, status));
        gate.store(&mut http, command, body, what).await;
        gate.good(&mut http, what).await;
    }
    let events = gate.close().await;
    for (at, what, status) in cases {
        assert_eq!(events[at].decode_status(), status, "{what}");
        assert_eq!(events[at].payload.is_some(), matches!(status, Typed | Partial), "{what}");
    }
}

#[tokio::test]
async fn a_query_is_read_in_one_way_only() {
    let mut gate = Gate::open();
    let mut http = gate.connect().await;
    let good = format!("SdkAppid={APP_ID}&CallbackCommand=A.B");
    let app = format!("SdkAppid={APP_ID}");
    let refused = |status: u16, remedy, queries: &[&str]| -> Vec<_> {
        queries.iter().map(|query| (query.to_string(), status, remedy)).collect()
    };
    let cases = [
        refused(
            403,
            "needs the query parameter SdkAppid",
            &[
                "",
                "&",
                "CallbackCommand=A.B",
                "SdkApp_id=1400000000&CallbackCommand=A.B",
                "SDK%20AppID=1400000000",
                "SdkAppid%3D1400000000",
                "SdkAppid%00=1400000000",
                "+SdkAppid=1400000000",
                "CallbackCommand=A.B%26SdkAppid=1400000000",
                "CallbackCommand=A.B;SdkAppid=1400000000",
            ],
        ),
        refused(
            403,
            "does not serve this SdkAppid",
            &[
                "SdkAppid",
                "SdkAppid=",
                "SdkAppid=+1400000000",
                "SdkAppid=%2b1400000000",
                "SdkAppid=1400000000%00",
                "SdkAppid=1400000000%20",
                "SdkAppid=%201400000000",
                "SdkAppid=1400000000.0",
                "SdkAppid=1400000000,1400000000",
                "SdkAppid=1400000000;CallbackCommand=A.B",
                "SdkAppid=1400000000%26x",
                "SdkAppid=5694967296",
                "SdkAppid=%D9%A1%D9%A4",
                "SdkAppid=%",
            ],
        ),
        refused(
            400,
            "SdkAppid once",
            &[
                &format!("{good}&{app}"),
                &format!("{good}&SdkAppId={APP_ID}"),
                &format!("{good}&SDKAppID={APP_ID}"),
                &format!("{good}&sdkappid="),
                &format!("{good}&%53dkAppid={APP_ID}"),
                &format!("{good}&SdkAppid"),
            ],
        ),
        refused(
            400,
            "CallbackCommand once",
            &[
                &format!("{good}&CallbackCommand=A.B"),
                &format!("{good}&WebhookCommand=A.B"),
                &format!("{good}&CallbackCommand="),
                &format!("{good}&Callback%43ommand=A.B"),
            ],
        ),
        refused(400, "ClientIP once", &[&format!("{good}&ClientIP=&ClientIP=")]),
        refused(400, "OptPlatform once", &[&format!("{good}&OptPlatform=iOS&OptPlatform=Web")]),
        refused(
            400,
            "needs the query parameter CallbackCommand",
            &[&app, &format!("{app}&callbackcommand=A.B")],
        ),
        refused(
            400,
            "1 to 128 letters",
            &[
                &format!("{app}&CallbackCommand"),
                &format!("{app}&CallbackCommand=A+B"),
                &format!("{app}&CallbackCommand=A.B%00"),
                &format!("{app}&CallbackCommand=A%0d%0aB"),
                &format!("{app}&CallbackCommand=%FF"),
                &format!("{app}&CallbackCommand=%zz"),
                &format!("{app}&CallbackCommand=A.*"),
                &format!("{app}&CallbackCommand=A.B?"),
                &format!("{app}&CallbackCommand=../A"),
                &format!("{app}&CallbackCommand={}", "x".repeat(129)),
            ],
        ),
    ];
    for (query, status, remedy) in cases.concat() {
        http.send(post(&query, b"{}")).await;
        let answer = http.answer().await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        assert!(answer.error_info().contains(remedy), "{query}: {answer:?}");
        gate.good(&mut http, &query).await;
    }
    // hyper rejects a URL that exceeds its own limit before the gateway sees it.
    let mut long = gate.connect().await;
    let request = post(&format!("{good}&x={}", "x".repeat(1 << 20)), b"{}");
    // Refused before the end of the URL.
    long.stream.write_all(&request).await.ok();
    let answer = String::from_utf8(long.closed().await).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");

    // Encoded and plain characters are equal. Unknown parameters are ignored.
    let platform = "x".repeat(10_000);
    for (query, client_ip, opt_platform) in [
        ("%53dk%41ppid=%31400000000&Callback%43ommand=A%2eB".to_owned(), "", ""),
        (format!("{good}&ClientIP=%3a%3A1&OptPlatform=a+b%2Bc"), "::1", "a b+c"),
        (format!("{good}&ClientIP=%E4%BD%A0&OptPlatform=%ff%00%"), "你", "\u{fffd}\0%"),
        (format!("&&{good}&&x&=&=x&x=1&x=2&Unknown%zz=%zz#SdkAppid=1"), "", ""),
        (format!("{good}&?SdkAppid=1"), "", ""),
        (format!("{good}&OptPlatform={platform}"), "", &platform),
    ] {
        http.send(post(&query, b"{}")).await;
        let answer = http.answer().await;
        assert!(answer.is_stored(), "{query}: {answer:?}");
        gate.stored.push(b"{}".to_vec());
        let event = all_events(&mut gate.gateway.client().await).await.pop().unwrap();
        assert_eq!(
            (event.client_ip.as_str(), event.opt_platform.as_str()),
            (client_ip, opt_platform),
            "{query}"
        );
        assert_eq!((event.sdk_app_id, event.command.as_str()), (APP_ID, "A.B"), "{query}");
    }
    gate.close().await;
}

/// Returns a size in KiB from a line of the process' `/proc/.../status`.
fn memory(gateway: &Process, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.child.id())).unwrap();
    let value = status.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(':')).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The memory may grow by a bounded amount, whatever the clients hold and however many they are.
#[tokio::test]
async fn memory_stays_bounded_whatever_is_sent() {
    let mut gate = Gate::open_with(&["--log", "memory", "--memory", "1MiB"]);
    gate.good_on_a_new_connection("the start").await;
    let before = memory(&gate.gateway, "VmHWM");
    let numbers = format!("{{\"MsgBody\":[{{\"MsgContent\":{{\"x\":[{}1]}}}}]}}", "1,".repeat(500_000));
    let head = "POST / HTTP/1.1\r\n";
    // Each case has the number of concurrent requests, their answers, and the allowed growth of the peak
    // in MiB.
    for (what, count, request, statuses, bound) in [
        ("tiny chunks", 2, chunked(&"1\r\n \r\n".repeat(200_000)), "400 408", 4),
        ("an endless extension", 32, chunked(&format!("1;{}", "x".repeat(1 << 20))), "400", 16),
        ("an endless trailer", 32, chunked(&format!("0\r\nX: {}", "x".repeat(1 << 20))), "400", 16),
        ("an endless head", 200, format!("{head}X: {}", "x".repeat(400_000)), "431", 32),
        ("endless fields", 50, head.to_owned() + &"X: y\r\n".repeat(60_000), "431", 32),
        ("large bodies", 50, framed("Content-Length: 1500000\r\n", &" ".repeat(1_500_000)), "413", 32),
        // In an unoptimized build on a busy machine they may exceed the deadline of a callback.
        ("brackets", 4, request("A.B", &"[".repeat(1 << 20)), "200 408 503", 96),
        ("nesting", 4, request("A.B", &("[".repeat(1 << 19) + &"]".repeat(1 << 19))), "200 408 503", 96),
        (
            "an endless chunk",
            32,
            chunked(&format!("ffffffffffffffff\r\n{}", " ".repeat((1 << 20) + 1))),
            "413",
            128,
        ),
        ("numbers", 2, request("C2C.CallbackAfterSendMsg", &numbers), "200 408 503", 192),
    ] {
        let mut clients = tokio::task::JoinSet::new();
        let request: Arc<str> = request.into();
        for _ in 0..count {
            let mut http = gate.connect().await;
            let request = Arc::clone(&request);
            clients.spawn(async move {
                // It may be refused before its end. Then it waits there until the gateway closes the
                // connection.
                soon(http.stream.write_all(request.as_bytes())).await.ok();
                let mut status = [0; 12];
                soon(http.stream.read_exact(&mut status)).await.ok();
                String::from_utf8_lossy(&status[9..]).into_owned()
            });
        }
        for answer in clients.join_all().await {
            assert!(statuses.contains(&answer), "{what}: {answer}");
        }
        let grown = (memory(&gate.gateway, "VmHWM") - before) / 1024;
        println!("{what}: the peak is {grown} MiB above the start");
        assert!(grown <= bound, "{what}: {grown} MiB");
        // Their bodies may still be in flight.
        let mut http = gate.connect().await;
        soon(async { while !http.post("A.B", "{}").await.is_stored() {} }).await;
    }
}

#[tokio::test]
async fn with_as_many_idle_connections_as_the_cap_callbacks_are_still_stored() {
    let limit = getrlimit(Resource::Nofile).maximum;
    // Each takes a file descriptor here and one in the gateway. Both have the same limit and need some
    // more.
    let cap = limit.map_or(10_000, |limit| 10_000.min(limit as usize - 200));
    println!("{cap} idle connections, as many as the cap; of files, {limit:?} may be open");
    let mut gate = Gate::open_with(&["--http-max-connections", &cap.to_string()]);
    // The limit is raised only now, so that the gateway must raise its own.
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
    let mut delivered = Vec::new();
    for _ in 0..10 {
        let mut http = gate.connect().await;
        gate.good(&mut http, "nothing").await;
        delivered.push(http);
    }
    let before = memory(&gate.gateway, "VmRSS");
    let mut idle = Vec::new();
    while idle.len() < cap - delivered.len() {
        idle.push(gate.connect().await);
    }
    // Connections are accepted in order: once the first of these is served, all idle ones were accepted.
    for _ in 0..20 {
        gate.good_on_a_new_connection("the flood").await;
    }
    for http in &mut delivered {
        gate.good(http, "the flood").await;
    }
    let each = (memory(&gate.gateway, "VmRSS") - before) * 1024 / cap as u64;
    println!("{each} bytes of memory for each");
    // Generous: the gateway uses a third of that.
    assert!(each < 32 * 1024, "{each} bytes");
    drop(idle);
    gate.close().await;
}
