//! The HTTP listener through real sockets: every row of the answer table, and clients that are slow,
//! violate the protocol or disconnect.

use std::{sync::Arc, time::Duration};

use crate::support::*;
use callback_gateway::testing::{
    http::{BODIES_BYTES, BODY_TIMEOUT, HEADER_TIMEOUT},
    log::{AppendError, EventLog as _, NewRecord},
};
use imcallback::DecodeStatus;
use tokio::time::Instant;

/// Sends bytes on a new connection and reads the answer.
async fn exchange(gateway: &Gateway, bytes: impl AsRef<[u8]>) -> Answer {
    let mut http = Http::connect(gateway.addresses.http).await;
    http.send(bytes).await;
    http.answer().await
}

fn head(method: &str, target: &str, more: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: gateway\r\n{more}\r\n")
}

fn post(target: &str, more: &str, body: &str) -> String {
    head("POST", target, &format!("{more}Content-Length: {}\r\n", body.len())) + body
}

/// Returns the target of a good callback.
fn target(command: &str) -> String {
    format!("/?{}", query(command))
}

async fn assert_refused(gateway: &Gateway, request: &str, status: u16, remedy: &str) -> Answer {
    let answer = exchange(gateway, request).await;
    let shown = &request[..request.len().min(200)];
    assert_eq!(answer.status, status, "{shown}\n{answer:?}");
    assert!(answer.error_info().contains(remedy), "{shown}\n{answer:?}");
    assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
    answer
}

#[tokio::test]
async fn a_stored_callback_is_answered_ok() {
    let gateway = Gateway::start().await;
    let answer = gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await;
    assert!(answer.is_stored(), "{answer:?}");
    assert!(answer.head.contains("content-type: application/json"));
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn every_row_of_the_table_has_its_status_and_packet() {
    let gateway = Gateway::start().await;
    let good = target("Sns.CallbackFriendAdd");
    let app = format!("/?SdkAppid={APP_ID}");
    let body = FRIEND_ADD;

    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let answer = assert_refused(&gateway, &head(method, &good, ""), 405, "only POST").await;
        assert!(answer.head.contains("allow: POST"), "{answer:?}");
    }
    assert_refused(&gateway, &post(&format!("/other{}", &good[1..]), "", body), 404, "--http-path").await;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20));
    assert_refused(&gateway, &post(&good, "", &large), 413, "--http-body-limit").await;
    assert_refused(&gateway, &post(&good, "Content-Encoding: gzip\r\n", body), 415, "Content-Encoding").await;

    for (target, body, remedy) in [
        (app.as_str(), "{}", "needs the query parameter CallbackCommand"),
        (&app, "", "needs the query parameter CallbackCommand"),
        (&app, "{} trailing", "needs the query parameter CallbackCommand"),
        (&app, r#"{"CallbackCommand":"A.B","CallbackCommand":"A.B"}"#, "needs the query parameter"),
        (&app, r#"{"CallbackCommand":["A.B"]}"#, "needs the query parameter"),
        (&app, r#"{"CallbackCommand":"A..B"}"#, "1 to 128 letters"),
        (&format!("{app}&CallbackCommand=A..B"), "{}", "1 to 128 letters"),
        (&format!("{app}&CallbackCommand={}", "x".repeat(129)), "{}", "1 to 128 letters"),
        (&format!("{app}&CallbackCommand=A%0d%0aB"), "{}", "1 to 128 letters"),
        (&format!("{good}&CallbackCommand=A.B"), body, "query parameter CallbackCommand once"),
        (&format!("{good}&SdkAppid={APP_ID}"), body, "query parameter SdkAppid once"),
    ] {
        assert_refused(&gateway, &post(target, "", body), 400, remedy).await;
    }

    for query in ["", "CallbackCommand=A.B", "SdkAppid=1&CallbackCommand=A.B", "SdkAppid=x", "SdkAppid=-1"] {
        assert_refused(&gateway, &post(&format!("/?{query}"), "", "{}"), 403, "SdkAppid").await;
    }

    // The app is checked first, before the body is read.
    assert_refused(&gateway, &post("/?SdkAppid=1", "", "not JSON"), 403, "SdkAppid").await;
    assert!(all_events(&mut gateway.client().await).await.is_empty(), "no refused callback was stored");
    assert!(
        gateway.post("Sns.CallbackFriendAdd", body).await.is_stored(),
        "the next good callback is stored"
    );
    gateway.stop().await;
}

/// Some clients send the charset in this header.
#[tokio::test]
async fn a_content_encoding_that_says_nothing_is_accepted_and_a_real_one_is_not() {
    let gateway = Gateway::start().await;
    let target = target("Sns.CallbackFriendAdd");
    for value in [
        "",
        " ",
        "identity",
        "Identity",
        "UTF-8",
        "utf8",
        "GBK",
        "utf-8, identity",
        "identity,,",
        "charset=utf-8",
        "windows-1252",
        "\"UTF-8\"",
        "utf-8;q=1",
        "none",
        "\u{fc}",
    ] {
        let request = post(&target, &format!("Content-Encoding: {value}\r\n"), FRIEND_ADD);
        assert!(exchange(&gateway, request).await.is_stored(), "{value:?}");
    }
    let twice = "Content-Encoding: UTF-8\r\nContent-Encoding: identity\r\n";
    assert!(exchange(&gateway, post(&target, twice, FRIEND_ADD)).await.is_stored());
    for value in
        ["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "identity, gzip", "gzip;q=1", "\"GZIP\""]
    {
        let header = format!("Content-Encoding: {value}\r\n");
        assert_refused(&gateway, &post(&target, &header, FRIEND_ADD), 415, "Content-Encoding").await;
    }
    let twice = "Content-Encoding: UTF-8\r\nContent-Encoding: gzip\r\n";
    assert_refused(&gateway, &post(&target, twice, FRIEND_ADD), 415, "Content-Encoding").await;
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 16);
    assert!(events.iter().all(|event| event.decode_status() == DecodeStatus::Typed));
    gateway.stop().await;
}

/// Neither the header nor the parameter adds anything to the body.
#[tokio::test]
async fn the_declared_content_type_is_ignored() {
    let gateway = Gateway::start().await;
    for header in [
        "",
        "Content-Type: application/json\r\n",
        "Content-Type: text/xml; charset=latin1\r\n",
        "Content-Type: \r\n",
    ] {
        let request = post(&target("Sns.CallbackFriendAdd"), header, FRIEND_ADD);
        assert!(exchange(&gateway, request).await.is_stored(), "{header:?}");
    }
    for parameter in [
        "",
        "&contenttype=json",
        "&contenttype=JSON",
        "&ContentType=Json",
        "&contenttype=xml",
        "&contenttype=",
        "&contenttype=json&contenttype=json",
    ] {
        let target = format!("/?SdkAppid={APP_ID}&CallbackCommand=Sns.CallbackFriendAdd{parameter}");
        assert!(exchange(&gateway, post(&target, "", FRIEND_ADD)).await.is_stored(), "{parameter:?}");
    }
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 11);
    assert!(events.iter().all(|event| event.decode_status() == DecodeStatus::Typed));
    gateway.stop().await;
}

#[tokio::test]
async fn a_configured_path_and_body_limit_hold() {
    let gateway = Gateway::start_with(|settings| {
        settings.http_path = "/im/callback".to_owned();
        settings.http_body_limit = 100;
    })
    .await;
    let at = |path: &str, body: &str| post(&format!("{path}?{}", query("A.B")), "", body);
    let fits = format!("{{\"x\":\"{}\"}}", "x".repeat(92));
    for path in ["/im/callback", "/im/callback/"] {
        assert!(exchange(&gateway, at(path, &fits)).await.is_stored());
    }
    assert_refused(&gateway, &at("/im/callback", &format!(" {fits}")), 413, "too large").await;
    assert_refused(&gateway, &at("/", "{}"), 404, "--http-path").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_chunked_body_is_taken_and_bounded_too() {
    let gateway = Gateway::start_with(|settings| settings.http_body_limit = 1000).await;
    let head = head("POST", &target("A.B"), "Transfer-Encoding: chunked\r\n");
    let answer = exchange(&gateway, format!("{head}2\r\n{{ \r\n1\r\n}}\r\n0\r\n\r\n")).await;
    assert!(answer.is_stored(), "{answer:?}");
    assert_eq!(all_events(&mut gateway.client().await).await[0].raw_body, "{ }");
    let answer = exchange(&gateway, format!("{head}3e9\r\n{}\r\n0\r\n\r\n", " ".repeat(1001))).await;
    assert_eq!(answer.status, 413);
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let gateway = Gateway::start().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    http.send(head("POST", &target("A.B"), "Expect: 100-continue\r\nContent-Length: 2\r\n")).await;
    assert_eq!(http.answer().await.status, 100);
    http.send("{}").await;
    assert!(http.answer().await.is_stored());
    // A callback that would be refused is refused without its body.
    http.send(head("POST", "/?SdkAppid=1", "Expect: 100-continue\r\nContent-Length: 2\r\n")).await;
    assert_eq!(http.answer().await.status, 403);
    gateway.stop().await;
}

#[tokio::test]
async fn pipelined_callbacks_are_answered_in_turn() {
    let gateway = Gateway::start().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let three: String = (0..3).map(|n| request("A.B", &format!("{{\"n\":{n}}}"))).collect();
    http.send(three + &head("GET", "/", "Connection: close\r\n")).await;
    let answers = String::from_utf8(http.closed().await).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 405").count(), 1, "{answers}");
    let bodies: Vec<_> =
        all_events(&mut gateway.client().await).await.into_iter().map(|event| event.raw_body).collect();
    assert_eq!(bodies, [r#"{"n":0}"#, r#"{"n":1}"#, r#"{"n":2}"#]);
    gateway.stop().await;
}

#[tokio::test]
async fn other_protocols_get_a_bare_answer_or_a_close() {
    let gateway = Gateway::start().await;
    for bytes in [
        "\r\n\r\nrubbish\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1} looks like TLS".to_owned(),
        format!("{}{}", "POST / HTTP/1.1\r\n", "X: y\r\n".repeat(500) + "\r\n"),
        post("/", "Content-Length: 1\r\n", "{}"),
    ] {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(&bytes).await;
        let answer = String::from_utf8(http.closed().await).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(!answer.contains("OK"), "{answer}");
    }
    assert!(gateway.post("A.B", "{}").await.is_stored());
    gateway.stop().await;
}

/// Sends a byte every 50 ms until the server answers or closes.
async fn drip(gateway: &Gateway, first: &str, then: u8) -> (Duration, Vec<u8>) {
    let mut http = Http::connect(gateway.addresses.http).await;
    let started = Instant::now();
    http.send(first).await;
    let (mut from, mut to) = http.stream.split();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let mut answer = Vec::new();
    soon(async {
        loop {
            tokio::select! {
                read = tokio::io::AsyncReadExt::read_buf(&mut from, &mut answer) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                },
                _ = ticks.tick() => {
                    // Once the server has closed the connection, reading fails.
                    tokio::io::AsyncWriteExt::write_all(&mut to, &[then]).await.ok();
                }
            }
        }
    })
    .await;
    (started.elapsed(), answer)
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off() {
    let gateway = Gateway::start().await;
    let (took, answer) = drip(&gateway, "POST / HTTP/1.1\r\nX: ", b'x').await;
    assert!(answer.is_empty(), "the server closes without an answer");
    assert!((HEADER_TIMEOUT..HANG / 3).contains(&took), "at the deadline: {took:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_drips_is_answered_408() {
    let gateway = Gateway::start().await;
    let head = head("POST", &target("A.B"), "Content-Length: 100000\r\n");
    let (took, answer) = drip(&gateway, &head, b' ').await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains(r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"the body arrived too slowly"#),
        "{answer}"
    );
    assert!((BODY_TIMEOUT..HANG / 3).contains(&took), "at the deadline: {took:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_connection_that_never_speaks_is_closed_at_the_idle_time_out() {
    let gateway = Gateway::start_with(|settings| settings.http_idle_timeout = Duration::from_secs(1)).await;
    let mut silent = Http::connect(gateway.addresses.http).await;
    let mut used = Http::connect(gateway.addresses.http).await;
    assert!(used.post("A.B", "{}").await.is_stored());
    assert!(silent.closed().await.is_empty());
    assert!(used.closed().await.is_empty());
    gateway.stop().await;
}

/// The header deadline starts at the first byte of a request, so this connection outlives it ten times
/// over.
#[cfg(feature = "slow-tests")]
#[tokio::test]
async fn a_connection_idle_for_10_seconds_still_takes_a_callback() {
    let gateway = Gateway::start().await;
    let mut used = Http::connect(gateway.addresses.http).await;
    assert!(used.post("A.B", "{}").await.is_stored());
    let mut unused = Http::connect(gateway.addresses.http).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(used.post("A.B", "{}").await.is_stored());
    assert!(unused.post("A.B", "{}").await.is_stored());
    gateway.stop().await;
}

#[tokio::test]
async fn at_the_cap_the_longest_idle_connection_that_delivered_nothing_is_evicted() {
    let gateway = Gateway::start_with(|settings| settings.http_max_connections = 3).await;
    let address = gateway.addresses.http;
    let mut verified = Http::connect(address).await;
    assert!(verified.post("A.B", "{}").await.is_stored());
    let mut refused = Http::connect(address).await;
    refused.send(head("GET", "/", "")).await;
    assert_eq!(refused.answer().await.status, 405);
    // In flight: the head is complete, the body is not.
    let mut busy = Http::connect(address).await;
    busy.send(head("POST", &target("A.B"), "Content-Length: 2\r\n")).await;

    let mut fourth = Http::connect(address).await;
    assert!(fourth.post("A.B", "{}").await.is_stored(), "the new connection is served");
    assert!(refused.closed().await.is_empty(), "the connection that delivered nothing was evicted");
    busy.send("{}").await;
    assert!(busy.answer().await.is_stored(), "the connection with a request in flight stays");
    assert!(verified.post("A.B", "{}").await.is_stored(), "the connection that had delivered stays");

    // Now all connections have delivered. The fourth has been idle the longest.
    let mut fifth = Http::connect(address).await;
    assert!(fifth.post("A.B", "{}").await.is_stored());
    assert!(fourth.closed().await.is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn at_the_cap_with_a_request_in_flight_on_every_connection_a_new_one_waits() {
    let gateway = Gateway::start_with(|settings| settings.http_max_connections = 2).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(head("POST", &target("A.B"), "Content-Length: 2\r\n")).await;
        busy.push(http);
    }
    let mut third = Http::connect(gateway.addresses.http).await;
    third.send(request("A.B", "{}")).await;
    // Their bodies never arrive. Each is answered with 408, and the third connection takes a place.
    let answer = third.answer().await;
    assert!(answer.is_stored() || answer.status == 503, "{answer:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn at_the_cap_newcomers_all_get_their_callback_stored() {
    let gateway = Gateway::start_with(|settings| settings.http_max_connections = 20).await;
    let address = gateway.addresses.http;
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut http = Http::connect(address).await;
        assert!(http.post("A.B", "{}").await.is_stored());
        idle.push(http);
    }
    // All are connected before the first of them sends.
    let mut newcomers = Vec::new();
    for _ in 0..10 {
        newcomers.push(Http::connect(address).await);
    }
    for http in &mut newcomers {
        http.send(request("A.B", "{}")).await;
    }
    for http in &mut newcomers {
        assert!(http.answer().await.is_stored());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_flood_of_silent_connections_leaves_half_of_the_cap_to_those_that_delivered() {
    let gateway = Gateway::start_with(|settings| settings.http_max_connections = 8).await;
    let address = gateway.addresses.http;
    let mut verified = Vec::new();
    for _ in 0..8 {
        let mut http = Http::connect(address).await;
        assert!(http.post("A.B", "{}").await.is_stored());
        verified.push(http);
    }
    let mut flood = Vec::new();
    for _ in 0..40 {
        flood.push(Http::connect(address).await);
    }
    // The longest idle connections that delivered were evicted, but no more than half of them.
    for http in &mut verified[..4] {
        assert!(http.closed().await.is_empty());
    }
    for http in &mut verified[4..] {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    gateway.stop().await;
}

/// Opens a connection that pipelines requests and reads no answer. Its own window soon blocks it. It
/// must not delay other clients.
async fn blocked_reader(gateway: &Gateway) -> Http {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(gateway.addresses.http).await.unwrap();
    let many = head("GET", "/", "").repeat(1000);
    // Until the gateway, which cannot write, has stopped reading.
    loop {
        tokio::select! {
            biased;
            written = stream.writable() => written.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(500)) => return Http { stream },
        }
        if let Err(error) = stream.try_write(many.as_bytes()) {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_evicted_at_the_cap() {
    let gateway = Gateway::start_with(|settings| settings.http_max_connections = 1).await;
    let _blocked = blocked_reader(&gateway).await;
    assert!(gateway.post("A.B", "{}").await.is_stored());
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_no_answers_does_not_keep_streams_from_ending_well() {
    let mut gateway = Gateway::start().await;
    let _blocked = blocked_reader(&gateway).await;
    let mut client = gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    gateway.begin_shutdown();
    let status = soon(async {
        loop {
            if let Err(status) = subscriber.frame().await {
                return status;
            }
        }
    })
    .await;
    assert_eq!(reason(&status), "SHUTTING_DOWN");
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_closes_its_side_after_sending_is_answered() {
    let gateway = Gateway::start().await;
    for _ in 0..20 {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(request("A.B", "{}")).await;
        tokio::io::AsyncWriteExt::shutdown(&mut http.stream).await.unwrap();
        assert!(http.answer().await.is_stored());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_refused_client_sees_the_answer_although_its_body_was_not_wanted() {
    let gateway = Gateway::start().await;
    let large = "x".repeat(2 << 20);
    for (target, body, status) in [
        (target("A.B"), &large[..(1 << 20) + 1], 413),
        (target("A.B"), &large, 413),
        ("/?".to_owned(), "{}", 403),
    ] {
        for _ in 0..5 {
            let mut http = Http::connect(gateway.addresses.http).await;
            // The body is sent after the head was read.
            http.send(head("POST", &target, &format!("Content-Length: {}\r\n", body.len()))).await;
            tokio::task::yield_now().await;
            http.send(body).await;
            assert_eq!(http.answer().await.status, status);
            assert!(http.post("A.B", "{}").await.is_stored(), "the connection still works");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn clients_that_are_connected_when_the_listener_closes_are_still_answered() {
    for _ in 0..10 {
        let mut gateway = Gateway::start_with(|settings| settings.drain_delay = Duration::ZERO).await;
        let address = gateway.addresses.http;
        let mut idle = Http::connect(address).await;
        assert!(idle.post("A.B", "{}").await.is_stored());
        gateway.begin_shutdown();
        // This runtime has one thread: none of these connections was accepted before the drain begins.
        let mut queued = Vec::new();
        for _ in 0..8 {
            let socket = std::net::TcpStream::connect(address).unwrap();
            std::io::Write::write_all(&mut &socket, request("A.B", "{}").as_bytes()).unwrap();
            socket.set_nonblocking(true).unwrap();
            queued.push(Http { stream: tokio::net::TcpStream::from_std(socket).unwrap() });
        }
        for http in &mut queued {
            let answer = http.answer().await;
            assert!(answer.is_stored() && answer.closes(), "{answer:?}");
        }
        gateway.stop().await;
    }
}

#[tokio::test]
async fn no_failed_append_is_answered_ok() {
    let (log, mut appends) = scripted_log();
    let gateway = Gateway::start_over(log).await;
    for (error, remedy) in [
        (AppendError::QueueFull, "too many callbacks"),
        (AppendError::Recovering, "cannot be stored at the moment"),
        (AppendError::Failed, "cannot be stored at the moment"),
        (AppendError::Closed, "cannot be stored at the moment"),
        (AppendError::Expired, "could not be stored in time"),
    ] {
        let script = async {
            let (_, reply) = soon(appends.recv()).await.unwrap();
            reply.send(Err(error)).unwrap();
        };
        let (answer, ()) = tokio::join!(gateway.post("A.B", "{}"), script);
        assert_eq!(answer.status, 503, "{error}");
        assert!(answer.error_info().contains(remedy), "{answer:?}");
    }
    // A log that drops an append without an answer has not stored it either.
    let script = async { drop(soon(appends.recv()).await.unwrap()) };
    let (answer, ()) = tokio::join!(gateway.post("A.B", "{}"), script);
    assert_eq!(answer.status, 503);
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_that_would_come_too_late_is_503_within_the_vendors_deadline() {
    let (log, mut appends) = scripted_log();
    let gateway = Gateway::start_over(log).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    http.send(request("A.B", "{}")).await;
    let (record, reply) = soon(appends.recv()).await.unwrap();
    assert!(
        record.deadline < Instant::now() + Duration::from_secs(2),
        "the deadline is below the vendor's deadline"
    );
    let answer = http.answer().await;
    assert_eq!(answer.status, 503);
    assert!(answer.error_info().contains("in time"), "{answer:?}");
    assert!(record.deadline <= Instant::now(), "a record whose batch has not begun is dropped by now");
    assert!(reply.is_closed(), "the handler no longer waits for the log");
    gateway.stop().await;
}

#[tokio::test]
async fn a_record_holds_its_byte_permits_until_it_is_stored() {
    let (log, mut appends) = scripted_log();
    let inner = Arc::clone(&log);
    let gateway = Gateway::start_over(log).await;
    let body = format!("{{{}}}", " ".repeat((1 << 20) - 2));
    let mut held = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..BODIES_BYTES >> 20 {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(request("A.B", &body)).await;
        held.push(soon(appends.recv()).await.unwrap());
        clients.push(http);
    }
    // The clients disconnect before the answer. Their records are appended nevertheless.
    drop(clients);
    let answer = gateway.post("A.B", "{}").await;
    assert_eq!(
        (answer.status, answer.error_info().contains("too many callbacks")),
        (503, true),
        "{answer:?}"
    );

    let count = held.len();
    for (record, reply) in held {
        // Like a batch that had begun in time.
        let record = NewRecord { deadline: Instant::now() + HANG, ..record };
        let outcome = inner.0.log.append(record).await;
        assert!(outcome.is_ok());
        drop(reply);
    }
    let script = async {
        let (record, reply) = soon(appends.recv()).await.unwrap();
        reply.send(inner.0.log.append(record).await).unwrap();
    };
    let (answer, ()) = tokio::join!(gateway.post("A.B", "{}"), script);
    assert!(answer.is_stored(), "{answer:?}");
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), count + 1);
    assert!(events[..count].iter().all(|event| event.raw_body == body), "each is stored whole");
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_leaves_nothing_behind() {
    let gateway = Gateway::start().await;
    // Together more bytes than may be in flight: earlier requests released their permits.
    for _ in 0..2 * (BODIES_BYTES >> 20) {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(head("POST", &target("A.B"), &format!("Content-Length: {}\r\n", 1 << 20)) + "{").await;
        drop(http);
    }
    let mut http = Http::connect(gateway.addresses.http).await;
    soon(async {
        // The server may not have noticed the last disconnect yet.
        while !http.post("A.B", "{}").await.is_stored() {}
    })
    .await;
    assert_eq!(all_events(&mut gateway.client().await).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_answer_leaves_a_whole_event_or_none() {
    let gateway = Gateway::start().await;
    for n in 0..200 {
        let mut http = Http::connect(gateway.addresses.http).await;
        http.send(request("A.B", &format!("{{\"n\":{n}}}"))).await;
        drop(http);
    }
    assert!(gateway.post("A.B", "{\"n\":200}").await.is_stored());
    let events = soon(async {
        let mut client = gateway.client().await;
        let (mut subscriber, _) = Subscriber::open(&mut client, earliest()).await.unwrap();
        subscriber.events_until(|event| event.raw_body == "{\"n\":200}").await
    })
    .await;
    let mut bodies: Vec<_> = events.into_iter().map(|event| event.raw_body).collect();
    bodies.sort();
    let count = bodies.len();
    bodies.dedup();
    assert_eq!(bodies.len(), count, "no event is stored twice");
    assert!(bodies.iter().all(|body| body.starts_with("{\"n\":") && body.ends_with('}')));
    gateway.stop().await;
}
