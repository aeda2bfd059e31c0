//! Hostile and malformed gRPC calls against the real program. Each call is bounded in memory and time
//! and ends with a reason, while a subscriber, a source of callbacks and probes continue to work.

use std::{
    collections::HashMap,
    net::SocketAddr,
    pin::pin,
    time::{Duration, Instant},
};

use crate::support::*;
use bytes::Bytes;
use h2::{
    SendStream,
    client::{ResponseFuture, SendRequest},
};
use imcallback::{
    ErrorReason, GetLogStatusRequest, ListEventsRequest, SubscribeRequest,
    admin_service_client::AdminServiceClient, subscribe_response::Frame,
};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::oneshot::{self, error::TryRecvError},
};
use tonic::{
    Code, Status,
    codegen::http::{HeaderMap, Request, StatusCode},
    transport::Channel,
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{
    v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
    v1alpha,
};

const SUBSCRIBE: &str = "/imcallback.v1.EventService/Subscribe";
const LIST_EVENTS: &str = "/imcallback.v1.EventService/ListEvents";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
/// With default settings, in a debug build.
const MAX_MEMORY_KIB: u64 = 150 * 1024;
/// The vendor's timeout for callbacks.
const VENDOR_TIMEOUT: Duration = Duration::from_secs(2);

/// HTTP/2 client that ignores the rules of gRPC.
struct Hostile {
    requests: SendRequest<Bytes>,
}

impl Hostile {
    async fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, &mut h2::client::Builder::new()).await
    }

    async fn connect_with(address: SocketAddr, builder: &mut h2::client::Builder) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        // The client assumes no limit until it learns the server's limit.
        let builder = builder.initial_max_send_streams(100_000).max_header_list_size(1 << 20);
        let (requests, connection) = builder.handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self { requests }
    }

    /// Sends the headers of a call.
    async fn call(&mut self, path: &str, headers: &[(&str, &str)]) -> (ResponseFuture, SendStream<Bytes>) {
        self.send("POST", path, headers).await
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut requests = soon(self.requests.clone().ready()).await.unwrap();
        let request = Request::builder().method(method).uri(format!("http://gateway{path}"));
        let mut request = request.header("te", "trailers").body(()).unwrap();
        request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(tonic::codegen::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        requests.send_request(request, false).unwrap()
    }
}

fn message(message: &impl prost::Message) -> Bytes {
    framed(&message.encode_to_vec())
}

fn framed(message: &[u8]) -> Bytes {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat().into()
}

/// Returns the HTTP status of an answer, its gRPC status, and its messages.
async fn answered(response: ResponseFuture) -> (StatusCode, Status, Vec<u8>) {
    soon(async {
        let (head, mut body) = response.await.unwrap().into_parts();
        let mut messages = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            messages.extend_from_slice(&data);
        }
        let trailers = body.trailers().await.unwrap();
        let status = |headers: &HeaderMap| Status::from_header_map(headers);
        let status = trailers.as_ref().and_then(status).or_else(|| status(&head.headers));
        (head.status, status.expect("an answer has a status"), messages)
    })
    .await
}

/// The real program with a well-behaved subscriber and source of callbacks.
struct Target {
    gateway: Process,
    _dir: TempDir,
}

impl Target {
    fn start(more: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let has_delay = more.iter().any(|option| option.starts_with("--drain-delay"));
        let delay = if has_delay { &[][..] } else { &["--drain-delay=0s"] };
        Self { gateway: Process::serve(dir.path(), &[delay, more].concat()), _dir: dir }
    }

    fn grpc(&self) -> SocketAddr {
        self.gateway.addresses.grpc
    }

    async fn channel(&self) -> Channel {
        let endpoint = tonic::transport::Endpoint::new(format!("http://{}", self.grpc())).unwrap();
        soon(endpoint.connect()).await.unwrap()
    }

    async fn health(&self, service: &str) -> Result<ServingStatus, Status> {
        let request = HealthCheckRequest { service: service.to_owned() };
        let response = soon(HealthClient::new(self.channel().await).check(request)).await?;
        Ok(response.into_inner().status())
    }

    /// Runs an attack while a subscriber and a source of callbacks continue. Afterwards new ones and a
    /// probe must also work.
    async fn beside<T>(&self, attack: impl Future<Output = T>) -> T {
        let mut http = Http::connect(self.gateway.addresses.http).await;
        let (mut subscriber, _) = Subscriber::open(&mut self.gateway.client().await, latest()).await.unwrap();
        let (over, mut is_over) = oneshot::channel::<()>();
        let good = async {
            let mut rounds = 0;
            while rounds == 0 || is_over.try_recv() == Err(TryRecvError::Empty) {
                round(&mut http, &mut subscriber).await;
                rounds += 1;
            }
        };
        let attack = async {
            let outcome = attack.await;
            drop(over);
            outcome
        };
        let (outcome, ()) = tokio::join!(attack, good);
        let memory = self.memory();
        assert!(memory < MAX_MEMORY_KIB, "{memory} KiB");
        let mut http = Http::connect(self.gateway.addresses.http).await;
        let (mut subscriber, _) = Subscriber::open(&mut self.gateway.client().await, latest()).await.unwrap();
        round(&mut http, &mut subscriber).await;
        assert_eq!(self.health("").await.unwrap(), ServingStatus::Serving);
        outcome
    }

    /// Returns the peak memory of the program, in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Returns the value of a metric. The name includes the labels.
    async fn metric(&self, name: &str) -> f64 {
        let text = get(self.gateway.addresses.admin, "/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix("callback_gateway_")?.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no metric {name}")).trim().parse().unwrap()
    }

    async fn until_metric(&self, name: &str, is_wanted: impl Fn(f64) -> bool) {
        eventually(async || is_wanted(self.metric(name).await).then_some(())).await;
    }

    async fn refused(&self, reason: ErrorReason) -> f64 {
        let reason = reason.as_str_name().trim_start_matches("ERROR_REASON_").to_ascii_lowercase();
        self.metric(&format!("grpc_calls_refused_total{{reason=\"{reason}\"}}")).await
    }
}

/// Checks that a callback is answered in time and that its event arrives.
async fn round(http: &mut Http, subscriber: &mut Subscriber) {
    let started = Instant::now();
    assert!(http.post("A.B", "{}").await.is_stored());
    assert!(started.elapsed() < VENDOR_TIMEOUT, "{:?}", started.elapsed());
    subscriber.event().await.unwrap();
}

fn name(reason: ErrorReason) -> &'static str {
    reason.as_str_name().trim_start_matches("ERROR_REASON_")
}

#[tokio::test]
async fn every_status_of_a_broken_call_has_a_reason() {
    use ErrorReason::{
        CompressionUnsupported, DeadlineReached, InvalidField, MetadataTooLarge, MethodUnknown, NotGrpc,
        RequestMalformed, RequestTooLarge, ServiceUnknown,
    };
    let target = Target::start(&[]);
    let mut hostile = Hostile::connect(target.grpc()).await;
    let ok = message(&ListEventsRequest::default());
    let large = "x".repeat(20 * 1024);
    let announced = Bytes::from_static(&[0, 0, 4, 0, 1]);
    let two = Bytes::from([&ok[..], &ok].concat());
    let cut = framed(b"abc").slice(..6);
    let unset = framed(&[]);
    let unknown = message(&HealthCheckRequest { service: "no.Such".to_owned() });
    let wrong = framed(b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    let negative = message(&ListEventsRequest { page_size: -1, ..Default::default() });
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Bytes, StatusCode, Code, ErrorReason);
    #[rustfmt::skip]
    let cases: [Case<'_>; 18] = [
        ("POST", LIST_EVENTS, &[], wrong, StatusCode::OK, Code::InvalidArgument, RequestMalformed),
        ("POST", LIST_EVENTS, &[], announced, StatusCode::OK, Code::InvalidArgument, RequestTooLarge),
        ("POST", LIST_EVENTS, &[], two, StatusCode::OK, Code::InvalidArgument, RequestMalformed),
        ("POST", LIST_EVENTS, &[], cut, StatusCode::OK, Code::InvalidArgument, RequestMalformed),
        ("POST", LIST_EVENTS, &[], Bytes::new(), StatusCode::OK, Code::InvalidArgument, RequestMalformed),
        ("POST", LIST_EVENTS, &[], Bytes::from_static(&[2, 0, 0, 0, 0]), StatusCode::OK, Code::InvalidArgument, RequestMalformed),
        ("POST", LIST_EVENTS, &[], Bytes::from_static(&[1, 0, 0, 0, 0]), StatusCode::OK, Code::Unimplemented, CompressionUnsupported),
        ("POST", LIST_EVENTS, &[("grpc-encoding", "gzip")], ok.clone(), StatusCode::OK, Code::Unimplemented, CompressionUnsupported),
        ("POST", LIST_EVENTS, &[("x-large", &large)], ok.clone(), StatusCode::OK, Code::InvalidArgument, MetadataTooLarge),
        ("POST", LIST_EVENTS, &[("content-type", "application/json")], ok.clone(), StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, NotGrpc),
        ("POST", LIST_EVENTS, &[("content-type", "application/grpc-web")], ok.clone(), StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, NotGrpc),
        ("PUT", LIST_EVENTS, &[], ok.clone(), StatusCode::METHOD_NOT_ALLOWED, Code::InvalidArgument, NotGrpc),
        ("POST", "/imcallback.v1.EventService/Publish", &[], ok.clone(), StatusCode::OK, Code::Unimplemented, MethodUnknown),
        ("POST", "/no.Such/Method", &[], ok.clone(), StatusCode::OK, Code::Unimplemented, MethodUnknown),
        ("POST", LIST_EVENTS, &[("grpc-timeout", "1n")], ok.clone(), StatusCode::OK, Code::DeadlineExceeded, DeadlineReached),
        ("POST", LIST_EVENTS, &[], negative, StatusCode::OK, Code::InvalidArgument, InvalidField),
        ("POST", "/grpc.health.v1.Health/Check", &[], unknown, StatusCode::OK, Code::NotFound, ServiceUnknown),
        ("POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[], framed(&[0xff]), StatusCode::OK, Code::InvalidArgument, RequestMalformed),
    ];
    for (method, path, headers, body, http_status, code, expected) in cases {
        let (response, mut request) = hostile.send(method, path, headers).await;
        request.send_data(body.clone(), true).unwrap();
        let (status_line, status, _) = answered(response).await;
        let what = format!("{path} {headers:?} {body:?}: {status}");
        assert_eq!((status_line, status.code()), (http_status, code), "{what}");
        assert_eq!(reason(&status), name(expected), "{what}");
    }
    // The name of a content type is case-insensitive and may have parameters. `+proto` is the same
    // format.
    for content_type in ["application/grpc+proto", "Application/GRPC; charset=utf-8"] {
        let (response, mut request) = hostile.call(LIST_EVENTS, &[("content-type", content_type)]).await;
        request.send_data(unset.clone(), true).unwrap();
        assert_eq!(answered(response).await.1.code(), Code::Ok, "{content_type}");
    }
    // h2 decodes no more than this and answers without gRPC.
    let (response, _request) = hostile.call(LIST_EVENTS, &[("x-large", &"x".repeat(40 * 1024))]).await;
    assert_eq!(soon(response).await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(target.refused(MethodUnknown).await, 2.0);
}

#[tokio::test]
async fn the_token_is_checked_before_any_message_is_kept() {
    let dir = TempDir::new().unwrap();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "reader reader-reader-reader events\n").unwrap();
    let target = Target::start(&[&format!("--grpc-tokens-file={}", tokens.display())]);
    let mut hostile = Hostile::connect(target.grpc()).await;
    let part = Bytes::from([&[0, 0, 4, 0, 0][..], &[0; 32 * 1024]].concat());
    let mut calls = Vec::new();
    for n in 0..200 {
        let token = if n % 2 == 0 { &[][..] } else { &[("authorization", "Bearer unknown-unknown-unknown")] };
        let (response, mut request) = hostile.call(SUBSCRIBE, token).await;
        request.send_data(part.clone(), false).unwrap();
        calls.push((response, request));
    }
    target.until_metric("grpc_calls_refused_total{reason=\"token_invalid\"}", |count| count == 200.0).await;
    for group in ["events", "open"] {
        assert_eq!(target.metric(&format!("grpc_request_bytes{{group=\"{group}\"}}")).await, 0.0);
    }
    for (response, request) in calls {
        // The client receives the refusal although it never ends its message.
        let (_, status, _) = answered(response).await;
        assert_eq!(reason(&status), "TOKEN_INVALID");
        drop(request);
    }
    assert_eq!(target.metric("grpc_calls{group=\"events\"}").await, 0.0);
    // The method is checked too: this token may not call AdminService.
    let token = [("authorization", "Bearer reader-reader-reader")];
    let (response, mut request) = hostile.call("/imcallback.v1.AdminService/GetLogStatus", &token).await;
    request.send_data(part.clone(), false).unwrap();
    assert_eq!(reason(&answered(response).await.1), "ACCESS_DENIED");
    drop(request);
    // A client with the right token is not delayed by other clients.
    let (response, mut request) = hostile.call(LIST_EVENTS, &token).await;
    request.send_data(framed(&[]), true).unwrap();
    assert_eq!(answered(response).await.1.code(), Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_never_end_take_no_more_than_their_budget() {
    const CALLS: usize = 300;
    let target = Target::start(&[]);
    let ended = target
        .beside(async {
            let mut calls = Vec::new();
            for _ in 0..3 {
                let mut hostile = Hostile::connect(target.grpc()).await;
                for _ in 0..CALLS {
                    let (response, mut request) = hostile.call(SUBSCRIBE, &[]).await;
                    // 250 KiB of a message of 256 KiB. The client's library waits for the window.
                    let part = [&[0, 0, 4, 0, 0][..], &[0; 250 * 1024]].concat();
                    request.send_data(part.into(), false).unwrap();
                    calls.push((response, request));
                }
            }
            let mut ended = HashMap::new();
            for (response, _request) in calls {
                let (_, status, _) = answered(response).await;
                *ended.entry(reason(&status)).or_insert(0) += 1;
            }
            ended
        })
        .await;
    assert!(ended["TOO_MANY_REQUEST_BYTES"] > CALLS, "{ended:?}");
    assert!(
        ended.keys().all(|reason| ["TOO_MANY_REQUEST_BYTES", "REQUEST_TIMEOUT"].contains(&&**reason)),
        "{ended:?}"
    );
    target.until_metric("grpc_request_bytes{group=\"events\"}", |bytes| bytes == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_never_send_a_message_are_evicted_for_new_ones_and_end() {
    const CALLS: usize = 2000;
    let target = Target::start(&["--grpc-max-streams=1000"]);
    let ended = target
        .beside(async {
            let mut calls = Vec::new();
            for path in [SUBSCRIBE, LIST_EVENTS, SUBSCRIBE, WATCH] {
                let mut hostile = Hostile::connect(target.grpc()).await;
                for _ in 0..CALLS {
                    calls.push((path, hostile.call(path, &[]).await));
                }
            }
            let mut ended = HashMap::new();
            for (path, (response, _request)) in calls {
                let (_, status, _) = answered(response).await;
                *ended.entry((path == WATCH, reason(&status))).or_insert(0) += 1;
            }
            ended
        })
        .await;
    println!("{ended:?}");
    assert_eq!(ended.values().sum::<usize>(), 4 * CALLS);
    // The limits are 2000 concurrent calls of EventService, and 512 that need no token.
    for (is_open, least) in [(false, 3 * CALLS - 2000), (true, CALLS - 512)] {
        assert!(ended[&(is_open, "TOO_MANY_CALLS".to_owned())] >= least, "{ended:?}");
    }
    assert!(
        ended.keys().all(|(_, reason)| ["TOO_MANY_CALLS", "REQUEST_TIMEOUT"].contains(&&**reason)),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_call_without_a_message_does_not_delay_a_drain() {
    let target = Target::start(&["--drain-timeout=60s"]);
    let mut hostile = Hostile::connect(target.grpc()).await;
    let mut calls = Vec::new();
    for path in [SUBSCRIBE, LIST_EVENTS, WATCH, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] {
        calls.push(hostile.call(path, &[]).await);
    }
    // All calls have arrived once a later one is answered.
    let (response, mut request) = hostile.call(LIST_EVENTS, &[]).await;
    request.send_data(framed(&[]), true).unwrap();
    assert_eq!(answered(response).await.1.code(), Code::Ok);
    let Target { gateway, _dir } = target;
    gateway.signal(Signal::TERM);
    for (response, _request) in calls {
        let (_, status, _) = answered(response).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    }
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(0), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("connections that are still open")), "{log:#?}");
}

/// Stores enough events for a list of maximum size.
async fn store_a_page(target: &Target) {
    let mut http = Http::connect(target.gateway.addresses.http).await;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(400_000));
    for _ in 0..8 {
        assert!(http.post("A.B", &large).await.is_stored());
    }
}

fn whole_page() -> Bytes {
    message(&ListEventsRequest { page_size: 1000, include_raw_body: true, ..Default::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_no_client_reads_are_bounded_and_end_after_the_stall_timeout() {
    const CALLS: usize = 80;
    let target = Target::start(&["--grpc-stall-timeout=1s"]);
    store_a_page(&target).await;
    let mut windowless = h2::client::Builder::new();
    windowless.initial_window_size(0);
    let mut hostile = Hostile::connect_with(target.grpc(), &mut windowless).await;
    let _bodies = target
        .beside(async {
            let mut responses = Vec::new();
            for _ in 0..CALLS {
                let (response, mut request) = hostile.call(LIST_EVENTS, &[]).await;
                request.send_data(whole_page(), true).unwrap();
                responses.push(response);
            }
            let mut bodies = Vec::new();
            for response in responses {
                bodies.push(soon(response).await.unwrap());
            }
            assert!(target.metric("grpc_answer_bytes{group=\"events\"}").await <= 16.0 * 1024.0 * 1024.0);
            target.until_metric("grpc_answer_bytes{group=\"events\"}", |bytes| bytes == 0.0).await;
            bodies
        })
        .await;
    let stalled = target.refused(ErrorReason::ReceiverStalled).await;
    let refused = target.refused(ErrorReason::TooManyUnreadAnswers).await;
    assert_eq!(stalled + refused, CALLS as f64);
    assert!(stalled >= 1.0 && refused >= 1.0, "{stalled} stalled, {refused} refused");
    // A client that reads late receives what fit into its window, and an error.
    let mut late = Hostile::connect(target.grpc()).await;
    let (response, mut request) = late.call(LIST_EVENTS, &[]).await;
    request.send_data(whole_page(), true).unwrap();
    let response = soon(response).await.unwrap();
    let counted = "grpc_calls_refused_total{reason=\"receiver_stalled\"}";
    target.until_metric(counted, |count| count > stalled).await;
    let mut body = response.into_body();
    while let Some(data) = soon(body.data()).await {
        let len = data.unwrap().len();
        body.flow_control().release_capacity(len).unwrap();
    }
    let trailers = soon(body.trailers()).await.unwrap().unwrap();
    assert_eq!(reason(&Status::from_header_map(&trailers).unwrap()), "RECEIVER_STALLED");
    // A client that reads is served.
    let list = ListEventsRequest { page_size: 1000, include_raw_body: true, ..Default::default() };
    let list = soon(target.gateway.client().await.list_events(list)).await.unwrap().into_inner();
    assert!(list.events.len() >= 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_a_client_that_opens_all_windows_and_reads_nothing_are_bounded() {
    const CALLS: u32 = 200;
    let target = Target::start(&[]);
    store_a_page(&target).await;
    let mut stream = TcpStream::connect(target.grpc()).await.unwrap();
    target
        .beside(async {
            // SETTINGS_INITIAL_WINDOW_SIZE and the window of the connection, at their maximum.
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            bytes.extend(frame(4, 0, 0, &[&[0, 4][..], &0x7fff_ffff_u32.to_be_bytes()].concat()));
            bytes.extend(frame(8, 0, 0, &(0x7fff_ffff_u32 - 65_535).to_be_bytes()));
            for n in 0..CALLS {
                let mut block = vec![0x83, 0x86];
                for (name, value) in
                    [(":path", LIST_EVENTS), ("content-type", "application/grpc"), ("te", "trailers")]
                {
                    block.push(0);
                    for text in [name, value] {
                        block.push(u8::try_from(text.len()).unwrap());
                        block.extend(text.as_bytes());
                    }
                }
                bytes.extend(frame(1, 4, 2 * n + 1, &block));
                bytes.extend(frame(0, 1, 2 * n + 1, &whole_page()));
            }
            stream.write_all(&bytes).await.unwrap();
            // Five or six answers fit into the limit. Each other one is refused, or evicts one of these.
            let refused = "grpc_calls_refused_total{reason=\"too_many_unread_answers\"}";
            target.until_metric(refused, |count| count >= f64::from(CALLS - 10)).await;
            assert!(target.metric("grpc_answer_bytes{group=\"events\"}").await <= 16.0 * 1024.0 * 1024.0);
        })
        .await;
}

/// Encodes an HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_reflection_answer_beside_as_many_watches_as_there_may_be() {
    const WATCHES: usize = 20;
    let target = Target::start(&["--grpc-max-streams=20"]);
    let mut crowd = Hostile::connect(target.grpc()).await;
    let watch = message(&HealthCheckRequest::default());
    let mut watches = Vec::new();
    for _ in 0..WATCHES {
        let (response, mut request) = crowd.call(WATCH, &[]).await;
        request.send_data(watch.clone(), true).unwrap();
        let mut body = soon(response).await.unwrap().into_body();
        assert!(soon(body.data()).await.is_some());
        watches.push(body);
    }
    assert_eq!(target.metric("grpc_watches").await, WATCHES as f64);
    let (response, mut request) = crowd.call(WATCH, &[]).await;
    request.send_data(watch.clone(), true).unwrap();
    assert_eq!(reason(&answered(response).await.1), "TOO_MANY_WATCHES");

    assert_eq!(target.health("imcallback.v1.EventService").await.unwrap(), ServingStatus::Serving);
    let mut reflection = ServerReflectionClient::new(target.channel().await);
    let list = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut answers =
        soon(reflection.server_reflection_info(tokio_stream::once(list))).await.unwrap().into_inner();
    assert!(soon(answers.message()).await.unwrap().is_some());

    // A watch on another connection evicts one of these.
    let mut other = HealthClient::new(target.channel().await);
    let mut states = soon(other.watch(HealthCheckRequest::default())).await.unwrap().into_inner();
    assert_eq!(soon(states.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);
    let trailers = soon(watches[0].trailers()).await.unwrap().unwrap();
    assert_eq!(reason(&Status::from_header_map(&trailers).unwrap()), "TOO_MANY_WATCHES");
    assert_eq!(target.refused(ErrorReason::TooManyWatches).await, 2.0);
    let line =
        "Health.Watch streams have reached their limit; ending streams of the connections with the most";
    assert_eq!(target.gateway.line(line).await["max_watches"], WATCHES);
}

#[tokio::test]
async fn a_watch_of_an_unknown_name_goes_on_and_the_admin_service_has_health() {
    let target = Target::start(&[]);
    let mut health = HealthClient::new(target.channel().await);
    let request = HealthCheckRequest { service: "no.Such".to_owned() };
    let mut states = soon(health.watch(request.clone())).await.unwrap().into_inner();
    assert_eq!(soon(states.message()).await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    let status = soon(health.check(request)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "SERVICE_UNKNOWN"));
    assert_eq!(target.health("imcallback.v1.AdminService").await.unwrap(), ServingStatus::Serving);
    let Target { gateway, _dir } = target;
    gateway.signal(Signal::TERM);
    // It stayed open until now without further messages.
    let status = soon(states.message()).await.unwrap_err();
    assert_eq!(reason(&status), "SHUTTING_DOWN");
}

#[tokio::test]
async fn reflection_answers_an_unknown_symbol_inside_the_stream() {
    let target = Target::start(&[]);
    let symbols = [
        "no.Such",
        "imcallback.v1.callback_command",
        "imcallback.v1.CALLBACK_KIND_AFTER",
        "imcallback.v1.Event",
    ];
    let asked = symbols.map(|symbol| ServerReflectionRequest {
        message_request: Some(MessageRequest::FileContainingSymbol(symbol.to_owned())),
        ..Default::default()
    });
    let mut client = ServerReflectionClient::new(target.channel().await);
    let answers = soon(client.server_reflection_info(tokio_stream::iter(asked))).await.unwrap();
    let mut answers = answers.into_inner();
    for symbol in symbols {
        let answer = soon(answers.message()).await.unwrap().unwrap().message_response.unwrap();
        match answer {
            MessageResponse::ErrorResponse(error) => {
                assert_eq!((symbol, error.error_code), (symbols[0], Code::NotFound as i32));
            }
            MessageResponse::FileDescriptorResponse(_) => assert_ne!(symbol, symbols[0]),
            other => panic!("{other:?}"),
        }
    }
    assert!(soon(answers.message()).await.unwrap().is_none());

    // The older version of the protocol returns the same answers.
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(target.channel().await);
    let asked = v1alpha::ServerReflectionRequest {
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            "no.Such".to_owned(),
        )),
        ..Default::default()
    };
    let answers = soon(client.server_reflection_info(tokio_stream::once(asked))).await.unwrap();
    let answer = soon(answers.into_inner().message()).await.unwrap().unwrap();
    assert!(matches!(
        answer.message_response,
        Some(v1alpha::server_reflection_response::MessageResponse::ErrorResponse(_))
    ));
}

#[tokio::test]
async fn once_the_end_is_announced_no_service_is_serving_and_new_streams_are_refused() {
    let target = Target::start(&["--drain-delay=20s", "--drain-timeout=30s"]);
    let mut client = target.gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    let mut health = HealthClient::new(target.channel().await);
    let events = HealthCheckRequest { service: "imcallback.v1.EventService".to_owned() };
    let mut states = soon(health.watch(events)).await.unwrap().into_inner();
    assert_eq!(soon(states.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);
    target.gateway.signal(Signal::TERM);
    assert_eq!(soon(states.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
    for service in ["", "imcallback.v1.AdminService"] {
        assert_eq!(target.health(service).await.unwrap(), ServingStatus::NotServing, "{service:?}");
    }
    let refused = soon(client.subscribe(SubscribeRequest::default())).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    // Open streams continue, and operators can make calls.
    let mut http = Http::connect(target.gateway.addresses.http).await;
    round(&mut http, &mut subscriber).await;
    let mut admin = AdminServiceClient::new(target.channel().await);
    soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_accepted_until_the_grpc_side_has_ended() {
    let target = Target::start(&["--drain-timeout=12s"]);
    store_a_page(&target).await;
    // This client reads nothing, so its stream cannot end by itself.
    let mut windowless = h2::client::Builder::new();
    windowless.initial_window_size(0);
    let mut hostile = Hostile::connect_with(target.grpc(), &mut windowless).await;
    let (response, mut request) = hostile.call(SUBSCRIBE, &[]).await;
    request.send_data(message(&earliest()), true).unwrap();
    let _stalled = soon(response).await.unwrap();
    let (mut good, _) = Subscriber::open(&mut target.gateway.client().await, latest()).await.unwrap();
    let Target { gateway, _dir } = target;
    let http = gateway.addresses.http;
    gateway.signal(Signal::TERM);
    // Streams end,
    loop {
        match good.frame().await {
            Ok(Frame::GoingAway(_)) | Err(_) => break,
            Ok(_) => {}
        }
    }
    // and callbacks are accepted until the stalled one is cut.
    let mut accepted = 0;
    {
        let mut cut = pin!(gateway.line("cutting gRPC connections that are still open"));
        loop {
            tokio::select! {
                biased;
                _ = &mut cut => break,
                answer = async { Http { stream: TcpStream::connect(http).await? }.try_post("A.B", "{}").await } => {
                    match answer {
                        Ok(answer) => assert!(answer.is_stored(), "{answer:?}"),
                        // The line may be read later than it was written.
                        Err(_) => {
                            cut.await;
                            break;
                        }
                    }
                    accepted += 1;
                }
            }
        }
    }
    assert!(accepted > 10, "{accepted}");
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(0), "{log:#?}");
}
