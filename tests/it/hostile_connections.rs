//! Clients that hold connections, or flood them with frames, on both listeners of the real program with
//! its default settings. A well-behaved subscriber and a source of callbacks continue during each
//! attack.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use crate::support::neighbours::{TOKEN, Target, crowd, event, with_token};
use crate::support::raw_http2::*;
use crate::support::{
    certificates::{Authority, write},
    *,
};
use imcallback::SubscribeRequest;
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tonic::Code;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const SUBSCRIBE: &str = "/imcallback.v1.EventService/Subscribe";
const LIST: &str = "/imcallback.v1.EventService/ListEvents";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Returns the stream IDs of a client.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

/// Sends pieces until the gateway reads nothing for a while or closes the connection. Returns the number
/// of pieces that were sent.
async fn flood(raw: &mut Raw, pieces: impl Iterator<Item = Vec<u8>>) -> usize {
    let (mut taken, mut batch) = (0, Vec::new());
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        batch.extend(piece);
        if batch.len() < 32 * 1024 && pieces.peek().is_some() {
            continue;
        }
        match timeout(Duration::from_millis(500), raw.writer.write_all(&batch)).await {
            Ok(Ok(())) => taken += 1,
            Ok(Err(_)) | Err(_) => break,
        }
        batch.clear();
    }
    taken
}

/// Opens connections and sends bytes on each. The connections stay open.
async fn connect(address: SocketAddr, count: usize, say: &[u8]) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = soon(TcpStream::connect(address)).await.unwrap();
        // The gateway may have closed it already.
        stream.write_all(say).await.ok();
        open.push(stream);
    }
    open
}

/// Returns the number of connections that the gateway has closed.
fn closed(open: &[TcpStream]) -> usize {
    let is_closed = |stream: &&TcpStream| {
        let mut bytes = [0; 4096];
        loop {
            match stream.try_read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    };
    open.iter().filter(is_closed).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_connections_without_an_authenticated_call_are_evicted_and_those_with_streams_stay() {
    let target = Target::start(&["--grpc-max-connections=50"]).await;
    let grpc = target.gateway.addresses.grpc;
    let mut subscriber = target.subscribe().await.unwrap();
    event_after_post(&target, &mut subscriber).await;
    let crowd = target
        .beside(async {
            // Each speaks HTTP/2. A third also makes a call, and a third makes a call that never ends.
            let check = [preface(&[]), whole_call(1, CHECK, None, &[])].concat();
            let watch = [preface(&[]), whole_call(1, WATCH, None, &[])].concat();
            let mut open = Vec::new();
            for _ in 0..10 {
                for say in [&preface(&[]), &check, &watch] {
                    open.extend(connect(grpc, 10, say).await);
                }
                // A well-behaved client connects during the attack.
                let mut stream = target.subscribe().await.unwrap();
                event(&mut stream).await;
            }
            open
        })
        .await;
    event_after_post(&target, &mut subscriber).await;
    assert!(closed(&crowd) >= 200, "{} of 300", closed(&crowd));
    assert!(target.metric("connections_closed_total{listener=\"grpc\",reason=\"evicted\"}").await >= 200);
    assert!(target.metric("connections{listener=\"grpc\",state=\"authenticated\"}").await >= 1);
    drop((crowd, subscriber));
    let log = target.stop().await;
    let lines = log.iter().filter(|line| line.contains("connection limit reached")).count();
    assert!((1..5).contains(&lines), "{log:#?}");
}

async fn event_after_post(target: &Target, stream: &mut tonic::Streaming<imcallback::SubscribeResponse>) {
    assert!(Http::connect(target.gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
    event(stream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_of_authenticated_clients_keep_half_of_the_places() {
    let target = Target::start(&["--grpc-max-connections=10"]).await;
    let grpc = target.gateway.addresses.grpc;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = target.client().await;
        // The call ends immediately: the connection is idle and authenticated.
        drop(client.subscribe(with_token(latest())).await.unwrap());
        clients.push(client);
    }
    let crowd = connect(grpc, 40, &preface(&[])).await;
    eventually(async || (closed(&crowd) >= 30).then_some(())).await;
    let authenticated = target.metric("connections{listener=\"grpc\",state=\"authenticated\"}").await;
    assert_eq!(authenticated, 5, "no authenticated connection was evicted for an unauthenticated one");
    for client in &mut clients {
        drop(client.subscribe(with_token(latest())).await.unwrap());
    }
    drop((crowd, clients));
    target.stop().await;
}

/// The number of resets that a client can cause the server to send is bounded (CVE-2025-8671).
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_the_server_reset_streams_is_cut_off() {
    let target = Target::start(&[]).await;
    let mut raw = Raw::open(target.gateway.addresses.grpc, &[]).await;
    let error = target
        .beside(async {
            let pieces = streams(200_000).map(|stream| {
                [
                    call(stream, CHECK, None),
                    frame(DATA, END_STREAM, stream, &[0; 5]),
                    window_update(stream, 0x7fff_ffff),
                ]
                .concat()
            });
            flood(&mut raw, pieces).await;
            soon(raw.until_closed()).await
        })
        .await;
    assert_eq!(error, Some(ENHANCE_YOUR_CALM));
    let log = target.stop().await;
    let lines = log.iter().filter(|line| line.contains("\"target\":\"h2")).count();
    assert!(lines <= 10, "{lines} log lines from h2");
}

/// Calls that their client resets immediately (CVE-2023-44487), from a client without a token and from
/// one with a token.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_its_calls_at_once_is_cut_off() {
    let target = Target::start(&[]).await;
    let grpc = target.gateway.addresses.grpc;
    for (token, at_least) in [(None, 1000), (Some(TOKEN), 6000)] {
        let before = target.metric("grpc_resets_total").await;
        target
            .beside(async {
                let mut raw = Raw::open(grpc, &[]).await;
                raw.send(&whole_call(1, LIST, token, &[])).await.unwrap();
                while raw.frame().await.unwrap().kind != HEADERS {}
                let Raw { mut reader, mut writer } = raw;
                let write = async {
                    let calls: Vec<_> = streams(100_000).skip(1).collect();
                    for calls in calls.chunks(500) {
                        let calls = calls
                            .iter()
                            .flat_map(|&stream| [call(stream, CHECK, None), reset(stream)].concat());
                        if writer.write_all(&calls.collect::<Vec<_>>()).await.is_err() {
                            return;
                        }
                    }
                    // If the gateway has read everything, it answers this.
                    writer.write_all(&frame(PING, 0, 0, &[9; 8])).await.ok();
                };
                let read = async {
                    while let Ok(frame) = read_frame(&mut reader).await {
                        assert!(
                            frame.kind != PING || frame.payload != [9; 8],
                            "the gateway closes the connection"
                        );
                    }
                };
                soon(async { tokio::join!(write, read) }).await;
            })
            .await;
        let resets = target.metric("grpc_resets_total").await - before;
        assert!((at_least..50_000).contains(&resets), "{resets}");
    }
    assert_eq!(target.metric("connections_closed_total{listener=\"grpc\",reason=\"resets\"}").await, 2);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_do_not_affect_other_clients() {
    let target = Target::start(&[]).await;
    let grpc = target.gateway.addresses.grpc;
    let settings = frame(SETTINGS, 0, 0, &[]);
    let ping = frame(PING, 0, 0, &[7; 8]);
    let pong = frame(PING, ACK, 0, &[7; 8]);
    let empty_data = frame(DATA, 0, 1, &[]);
    let update = window_update(1, 1);
    let trailers = |stream| {
        let block = field("x", "y");
        [call(stream, CHECK, None), frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)].concat()
    };
    // A header field of 3 KiB is added to the dynamic table. After that, one byte refers to it.
    let bomb = |stream| {
        let mut block = call_block(CHECK, None);
        if stream == 1 {
            block.extend([0x40, 1, b'x']);
            string(&mut block, &"y".repeat(3000));
        }
        block.extend([0xbe; 4000]);
        frame(HEADERS, END_HEADERS, stream, &block)
    };
    let large_head = |stream| {
        let block = [call_block(CHECK, None), field("x", &"y".repeat(12_000))].concat();
        frame(HEADERS, END_HEADERS, stream, &block)
    };
    // Each header field has an empty name and an empty value.
    let empty_fields = |stream| {
        let block = [call_block(CHECK, None), [0, 0, 0].repeat(4000)].concat();
        frame(HEADERS, END_HEADERS, stream, &block)
    };
    let repeat = |piece: &Vec<u8>, times| vec![piece.clone(); times];
    let with_call = |pieces: Vec<Vec<u8>>| [vec![call(1, CHECK, None)], pieces].concat();
    let floods: [(&str, Vec<Vec<u8>>); 12] = [
        ("pings", repeat(&ping, 200_000)),
        ("answers to pings that were never sent", repeat(&pong, 100_000)),
        ("settings", repeat(&settings, 200_000)),
        ("empty data", with_call(repeat(&empty_data, 200_000))),
        ("updates of a window by a byte", with_call(repeat(&update, 200_000))),
        ("trailers without data", streams(20_000).map(trailers).collect()),
        ("priorities", streams(200_000).map(|stream| frame(PRIORITY, 0, stream, &[0; 5])).collect()),
        ("empty fields", streams(1000).map(empty_fields).collect()),
        (
            "empty parts of a head",
            [
                vec![frame(HEADERS, 0, 1, &call_block(CHECK, None))],
                repeat(&frame(CONTINUATION, 0, 1, &[]), 200_000),
            ]
            .concat(),
        ),
        ("bombs of fields", streams(1000).map(bomb).collect()),
        ("large heads", streams(2000).map(large_head).collect()),
        (
            "a head that never ends",
            [
                vec![frame(HEADERS, 0, 1, &call_block(CHECK, None))],
                repeat(&frame(CONTINUATION, 0, 1, &field("x", "y")), 200_000),
            ]
            .concat(),
        ),
    ];
    for (what, pieces) in floods {
        for reads in [false, true] {
            println!("{what}, from a client that reads: {reads}");
            target
                .beside(async {
                    let Raw { reader, writer } = Raw::open(grpc, &[]).await;
                    let mut unread = None;
                    if reads {
                        let mut reader = reader;
                        tokio::spawn(async move {
                            while reader.read(&mut [0; 65536]).await.is_ok_and(|read| read > 0) {}
                        });
                    } else {
                        unread = Some(reader);
                    }
                    let bytes = pieces.concat();
                    let mut writer = writer;
                    // The gateway may read everything or not.
                    let written = async { writer.write_all(&bytes).await.ok() };
                    timeout(Duration::from_millis(500), written).await.ok();
                    drop(unread);
                })
                .await;
        }
    }
    let log = target.stop().await;
    let lines = log.iter().filter(|line| line.contains("\"target\":\"h2")).count();
    assert!(lines <= 100, "{lines} log lines from h2");
}

/// Subscriber that opens the window of its stream byte by byte.
#[tokio::test(flavor = "multi_thread")]
async fn windows_that_grow_by_a_byte_do_not_affect_other_clients() {
    let target = Target::start(&[]).await;
    let mut raw = Raw::open(target.gateway.addresses.grpc, &[(SETTINGS_INITIAL_WINDOW_SIZE, 0)]).await;
    // `start: earliest` of the request.
    let earliest = prost::Message::encode_to_vec(&earliest());
    target
        .beside(async {
            let calls: Vec<u8> = streams(200)
                .flat_map(|stream| whole_call(stream, SUBSCRIBE, Some(TOKEN), &earliest))
                .collect();
            raw.send(&calls).await.unwrap();
            for _ in 0..50 {
                let updates: Vec<u8> = streams(200).flat_map(|stream| window_update(stream, 1)).collect();
                raw.send(&updates).await.unwrap();
            }
            // Each byte of each stream arrives.
            soon(async {
                let mut bytes = 0;
                while bytes < 200 * 50 {
                    let frame = raw.frame().await.unwrap();
                    if frame.kind == DATA {
                        bytes += frame.payload.len();
                    }
                    raw.answer(&frame).await.unwrap();
                }
            })
            .await;
        })
        .await;
    drop(raw);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_of_stalled_streams_are_given_to_new_ones() {
    let target = Target::start(&["--grpc-max-streams=10", "--grpc-stall-timeout=1s"]).await;
    let grpc = target.gateway.addresses.grpc;
    let earliest = prost::Message::encode_to_vec(&earliest());
    let mut raw = Raw::open(grpc, &[(SETTINGS_INITIAL_WINDOW_SIZE, 0)]).await;
    for round in 0..2 {
        for stream in streams(20).skip(round * 10).take(10) {
            raw.send(&whole_call(stream, SUBSCRIBE, Some(TOKEN), &earliest)).await.unwrap();
        }
        let stalled = 10 * (round as u64 + 1);
        target.until_metric("grpc_streams_stalled_total", |count| count == stalled).await;
    }
    assert_eq!(target.metric("streams").await, 0);
    // The streams ended, but their connection holds unsent data. New streams are not refused for it: the
    // old ones are reset one by one.
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(target.subscribe().await.unwrap());
    }
    let mut reset = BTreeSet::new();
    soon(async {
        while reset.len() < 10 {
            let frame = raw.frame().await.unwrap();
            if frame.kind == RST_STREAM {
                reset.insert(frame.stream);
            }
            raw.answer(&frame).await.unwrap();
        }
    })
    .await;
    assert!(
        reset.iter().eq(streams(10).collect::<BTreeSet<_>>().iter()),
        "the oldest streams are reset: {reset:?}"
    );
    let status = target.subscribe().await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "TOO_MANY_STREAMS"));
    assert_eq!(target.metric("grpc_calls_refused_total{reason=\"too_many_streams\"}").await, 1);
    // The connection stays open: it may have calls of other clients behind the same proxy.
    raw.send(&whole_call(101, LIST, Some(TOKEN), &[])).await.unwrap();
    until_headers(&mut raw, 101).await;
    drop((open, raw));
    target.stop().await;
}

/// Reads up to the response headers of a stream.
async fn until_headers(raw: &mut Raw, stream: u32) {
    soon(async {
        loop {
            let frame = raw.frame().await.unwrap();
            if (frame.kind, frame.stream) == (HEADERS, stream) {
                return;
            }
            assert!(
                (frame.kind, frame.stream) != (RST_STREAM, stream),
                "the stream was reset before its answer"
            );
            raw.answer(&frame).await.unwrap();
        }
    })
    .await
}

/// Behind a proxy all clients share a connection. One client makes calls and does not read the answers.
#[tokio::test(flavor = "multi_thread")]
async fn unread_answers_of_one_client_end_no_call_of_another_on_the_same_connection() {
    let target = Target::start(&["--grpc-stall-timeout=1s"]).await;
    let mut raw = Raw::open(target.gateway.addresses.grpc, &[(SETTINGS_INITIAL_WINDOW_SIZE, 0)]).await;
    let subscribe = SubscribeRequest { include_raw_body: true, ..latest() };
    let subscribe = prost::Message::encode_to_vec(&subscribe);
    raw.send(&whole_call(1, SUBSCRIBE, Some(TOKEN), &subscribe)).await.unwrap();
    raw.send(&window_update(1, 1 << 20)).await.unwrap();
    until_headers(&mut raw, 1).await;
    // `file_containing_symbol`, whose answer spans several frames.
    let symbol = "grpc.reflection.v1.ServerReflection";
    let request = [&[0x22, symbol.len() as u8], symbol.as_bytes()].concat();
    let unread: Vec<u8> =
        streams(300).skip(1).flat_map(|stream| whole_call(stream, REFLECTION, None, &request)).collect();
    raw.send(&unread).await.unwrap();
    let mut reset = BTreeSet::new();
    soon(async {
        while reset.len() < 100 {
            let frame = raw.frame().await.unwrap();
            assert_ne!(frame.kind, GOAWAY);
            if frame.kind == RST_STREAM {
                reset.insert(frame.stream);
            }
            raw.answer(&frame).await.unwrap();
        }
    })
    .await;
    assert!(!reset.contains(&1), "the stream of another client was reset");
    assert!(
        Http::connect(target.gateway.addresses.http).await.post("A.B", r#"{"n":"after"}"#).await.is_stored()
    );
    let mut bytes: Vec<u8> = Vec::new();
    soon(async {
        while !bytes.windows(5).any(|window| window == b"after") {
            let frame = raw.frame().await.unwrap();
            if (frame.kind, frame.stream) == (DATA, 1) {
                bytes.extend(&frame.payload);
            }
            raw.answer(&frame).await.unwrap();
        }
    })
    .await;
    drop(raw);
    target.stop().await;
}

/// Answers that HTTP/2 cannot send yet count towards the same limit as other answers.
#[tokio::test(flavor = "multi_thread")]
async fn answers_for_which_the_window_has_no_room_keep_their_places() {
    const CALLS: u32 = 300;
    let target = Target::start(&[]).await;
    // An answer to `Check` has 7 bytes.
    let mut raw = Raw::open(target.gateway.addresses.grpc, &[(SETTINGS_INITIAL_WINDOW_SIZE, 4)]).await;
    let calls: Vec<u8> = streams(CALLS).flat_map(|stream| whole_call(stream, CHECK, None, &[])).collect();
    raw.send(&calls).await.unwrap();
    let mut begun = 0;
    soon(async {
        while begun < CALLS {
            let frame = raw.frame().await.unwrap();
            begun += u32::from(frame.kind == HEADERS);
            raw.answer(&frame).await.unwrap();
        }
    })
    .await;
    assert_eq!(target.metric("grpc_calls{group=\"open\"}").await, u64::from(CALLS));
    let updates: Vec<u8> = streams(CALLS).flat_map(|stream| window_update(stream, 3)).collect();
    raw.send(&updates).await.unwrap();
    let mut ended = 0;
    soon(async {
        while ended < CALLS {
            let frame = raw.frame().await.unwrap();
            ended += u32::from(frame.kind == HEADERS && frame.flags & END_STREAM != 0);
            raw.answer(&frame).await.unwrap();
        }
    })
    .await;
    target.until_metric("grpc_calls{group=\"open\"}", |calls| calls == 0).await;
    drop(raw);
    target.stop().await;
}

/// If a client does not answer pings, hyper closes its connection only after the last bytes were
/// written.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_from_its_socket_loses_its_connection() {
    let keepalive = ["--grpc-keepalive-interval=1s", "--grpc-keepalive-timeout=1s"];
    let target = Target::start(&keepalive).await;
    let mut raw =
        Raw::open(target.gateway.addresses.grpc, &[(SETTINGS_INITIAL_WINDOW_SIZE, 0x7fff_ffff)]).await;
    raw.send(&window_update(0, 0x7fff_0000)).await.unwrap();
    // Answers that fill the buffers of the socket.
    let request = [&[0x22, 19], &b"imcallback.v1.Event"[..]].concat();
    let calls: Vec<u8> =
        streams(500).flat_map(|stream| whole_call(stream, REFLECTION, None, &request)).collect();
    raw.send(&calls).await.unwrap();
    let open = "connections{listener=\"grpc\",state=\"unauthenticated\"}";
    target.until_metric(open, |connections| connections == 1).await;
    target.until_metric(open, |connections| connections == 0).await;
    drop(raw);
    target.stop().await;
}

/// A proxy's connection may hold as many streams and watches as the gateway allows, and its calls still
/// work.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_all_streams_and_watches_still_answers_calls() {
    const MAX: u32 = 1200;
    let target = Target::start(&[&format!("--grpc-max-streams={MAX}")]).await;
    let mut raw = Raw::open(target.gateway.addresses.grpc, &[]).await;
    let latest = prost::Message::encode_to_vec(&latest());
    for stream in streams(MAX) {
        raw.send(&whole_call(stream, SUBSCRIBE, Some(TOKEN), &latest)).await.unwrap();
        until_headers(&mut raw, stream).await;
    }
    for stream in streams(2 * MAX).skip(MAX as usize) {
        raw.send(&whole_call(stream, WATCH, None, &[])).await.unwrap();
        until_headers(&mut raw, stream).await;
    }
    assert_eq!(target.metric("streams").await, u64::from(MAX));
    assert_eq!(target.metric("grpc_watches").await, u64::from(MAX));
    raw.send(&whole_call(4 * MAX + 1, LIST, Some(TOKEN), &[])).await.unwrap();
    until_headers(&mut raw, 4 * MAX + 1).await;
    drop(raw);
    target.stop().await;
}

/// A graceful GOAWAY is followed by a ping, and hyper waits for its answer without a time limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_answers_no_ping_does_not_delay_a_drain() {
    let target = Target::start(&[]).await;
    let grpc = target.gateway.addresses.grpc;
    let mut clients = Vec::new();
    for call in [None, Some(SUBSCRIBE), Some(WATCH)] {
        let mut raw = Raw::open(grpc, &[]).await;
        if let Some(path) = call {
            raw.send(&whole_call(1, path, Some(TOKEN), &[])).await.unwrap();
            until_headers(&mut raw, 1).await;
        }
        clients.push(raw);
    }
    // A client whose stream cannot end before it reads.
    let mut late = Raw::open(grpc, &[(SETTINGS_INITIAL_WINDOW_SIZE, 0)]).await;
    late.send(&whole_call(1, SUBSCRIBE, Some(TOKEN), &[])).await.unwrap();
    until_headers(&mut late, 1).await;
    target.gateway.signal(Signal::TERM);
    for (raw, has_call) in clients.iter_mut().zip([false, true, true]) {
        let (mut is_announced, mut is_ended) = (false, false);
        // It reads and answers nothing.
        soon(async {
            while let Ok(frame) = raw.frame().await {
                is_announced |= frame.kind == GOAWAY;
                is_ended |= frame.kind == HEADERS && frame.flags & END_STREAM != 0;
            }
        })
        .await;
        assert_eq!((is_announced, is_ended), (true, has_call));
    }
    late.send(&window_update(1, 1 << 20)).await.unwrap();
    until_headers(&mut late, 1).await;
    soon(async { while late.frame().await.is_ok() {} }).await;
    let log = target.ended().await;
    assert!(!log.iter().any(|line| line.contains("connections that are still open")), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_slow_clients_of_the_grpc_port_do_not_affect_other_clients() {
    let target = Target::start(&[]).await;
    let grpc = target.gateway.addresses.grpc;
    let open = target
        .beside(async {
            let mut open = connect(grpc, crowd(10_000), b"P").await;
            for byte in ["R", "I"] {
                for stream in &mut open {
                    stream.write_all(byte.as_bytes()).await.ok();
                }
            }
            open
        })
        .await;
    assert!(closed(&open) > 0, "there were more connections than the limit allows");
    drop(open);
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_stop_half_way_are_evicted() {
    let (dir, ca) = (tempfile::TempDir::new().unwrap(), Authority::new("servers"));
    let pair = ca.server();
    let cert = format!("--grpc-tls-cert={}", write(dir.path(), "cert", &pair.cert));
    let key = format!("--grpc-tls-key={}", write(dir.path(), "key", &pair.key));
    let target = Target::start(&[&cert, &key, "--grpc-max-connections=100"]).await;
    let grpc = target.gateway.addresses.grpc;
    // Start of a TLS record of 512 bytes with a ClientHello.
    let hello = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[7; 100]].concat();
    let open = connect(grpc, 400, &hello).await;
    let tls = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(ca.pem()));
    let endpoint =
        tonic::transport::Endpoint::new(format!("https://{grpc}")).unwrap().tls_config(tls).unwrap();
    for _ in 0..10 {
        let mut client = imcallback::event_service_client::EventServiceClient::new(
            soon(endpoint.connect()).await.unwrap(),
        );
        drop(soon(client.subscribe(with_token(latest()))).await.unwrap());
    }
    assert!(closed(&open) >= 200, "{}", closed(&open));
    drop(open);
    target.stop().await;
}

const REFUSED: &str = "POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_slow_clients_of_the_callback_port_do_not_affect_other_clients() {
    for (what, count, say, drip) in [
        ("a head byte by byte", 5000, "POST / HTTP/1.1\r\nX", "x"),
        ("nothing", 10_000, "", ""),
        ("a refused body byte by byte", 6000, REFUSED, "x"),
    ] {
        println!("{what}");
        let target = Target::start(&[]).await;
        let http = target.gateway.addresses.http;
        let open = target
            .beside(async {
                let mut open = connect(http, crowd(count), say.as_bytes()).await;
                for _ in 0..2 {
                    for stream in &mut open {
                        stream.write_all(drip.as_bytes()).await.ok();
                    }
                    target.newcomers_work().await;
                }
                open
            })
            .await;
        drop(open);
        target.stop().await;
    }
}

/// Six times as many connections as the limit allows. If each kept its place until the deadline of its
/// request (1 s or more), a new client would wait for 5 s or more.
#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_of_the_callback_port_are_evicted_before_their_deadlines() {
    let half_a_body = format!("POST /?{} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx", query("A.B"));
    for (what, say) in [
        ("half a head", "POST / HTTP/1.1\r\nX"),
        ("nothing", ""),
        ("a refused body", REFUSED),
        ("half a body", &half_a_body),
    ] {
        println!("{what}");
        let target = Target::start(&["--http-max-connections=100"]).await;
        let open = connect(target.gateway.addresses.http, 600, say.as_bytes()).await;
        let answer = target.newcomers_work().await;
        assert!(answer < Duration::from_secs(4), "{answer:?}");
        assert!(target.metric("connections_closed_total{listener=\"http\",reason=\"evicted\"}").await >= 100);
        drop(open);
        target.stop().await;
    }
}

/// Slow bodies use memory for the bytes that have arrived.
#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_do_not_take_the_room_of_good_ones() {
    let target = Target::start(&[]).await;
    let http = target.gateway.addresses.http;
    let head = format!("POST /?{} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", query("A.B"));
    for (what, count, first) in [
        ("a byte of each", 200, "1\r\n \r\n".to_owned()),
        ("most of each", 100, format!("ffff0\r\n{}\r\n", " ".repeat(0xffff0))),
    ] {
        println!("{what}");
        target.beside(async {
            let mut slow = JoinSet::new();
            for _ in 0..count {
                let first = head.clone() + &first;
                slow.spawn(async move {
                    let mut http = Http::connect(http).await;
                    http.stream.write_all(first.as_bytes()).await.ok();
                    http.closed().await
                });
            }
            let mut good = Http::connect(http).await;
            while let Some(ended) = tokio::select! {
                biased;
                ended = slow.join_next() => ended,
                () = async { loop { assert!(good.post("A.B", "{}").await.is_stored()) } } => unreachable!(),
            } {
                let answer = String::from_utf8(ended.unwrap()).unwrap();
                // 503: the oldest body needs more memory, and no later one is evicted.
                let is_refused = ["HTTP/1.1 408", "HTTP/1.1 503"].iter().any(|line| answer.starts_with(line));
                assert!(answer.is_empty() || is_refused, "{answer}");
                good = Http::connect(http).await;
            }
        })
        .await;
    }
    target.stop().await;
}
