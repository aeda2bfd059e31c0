//! Shutdown of the real program: drained by SIGTERM, or ended immediately.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use imcallback::subscribe_response::Frame;
use rustix::process::Signal;
use tempfile::TempDir;
use testkit::*;
use tokio::{io::AsyncWriteExt as _, task::JoinHandle};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1alpha::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use tonic_types::StatusExt as _;

const STREAMS: usize = 50;
const SENDERS: usize = 4;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);

/// Checks that a connection failed because the listener is closed. The kernel resets connections that
/// arrive between the gateway's last accept and the close, perhaps before the client has read anything.
/// It refuses the next one.
async fn assert_is_closed(address: SocketAddr, error: &io::Error) {
    let next = tokio::net::TcpStream::connect(address).await;
    let next = next.map_err(|next| next.kind());
    assert!(
        matches!(next, Err(io::ErrorKind::ConnectionRefused)),
        "a connection broke while the listener was open: {error}"
    );
}

/// Posts callbacks until the listener is closed. Returns the acknowledged bodies. Any other answer than
/// 200 fails the test.
fn send_steadily(address: SocketAddr, sender: usize) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut stored = Vec::new();
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        'connect: loop {
            let stream = match tokio::net::TcpStream::connect(address).await {
                Ok(stream) => stream,
                Err(error) => {
                    assert_is_closed(address, &error).await;
                    return stored;
                }
            };
            let mut http = Http { stream };
            loop {
                pace.tick().await;
                let body = format!("{{\"n\":\"{sender}-{}\"}}", NEXT.fetch_add(1, Ordering::Relaxed));
                match http.try_post("Test.Drain", &body).await {
                    Ok(answer) => {
                        assert!(answer.is_stored(), "refused: {answer:?}");
                        stored.push(body);
                        if answer.closes() {
                            continue 'connect;
                        }
                    }
                    Err(error) => {
                        assert_is_closed(address, &error).await;
                        return stored;
                    }
                }
            }
        }
    })
}

/// Reads to the end. Returns the bodies and the cursor of `going_away`.
fn follow(mut subscriber: Subscriber) -> JoinHandle<(Vec<String>, String, tonic::Status)> {
    tokio::spawn(async move {
        let mut seen = Vec::new();
        let mut going_away = None;
        loop {
            match subscriber.frame().await {
                Ok(Frame::Event(event)) => seen.push(event.raw_body),
                Ok(Frame::GoingAway(frame)) => going_away = Some(frame.cursor),
                Ok(_) => {}
                Err(status) => return (seen, going_away.expect("`going_away` comes first"), status),
            }
        }
    })
}

async fn channel(address: SocketAddr) -> tonic::transport::Channel {
    tonic::transport::Endpoint::new(format!("http://{address}")).unwrap().connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_refuses_no_callback_and_ends_every_stream_within_the_deadline() {
    let dir = TempDir::new().unwrap();
    let timeout = format!("{}s", DRAIN_TIMEOUT.as_secs());
    let gateway = Process::serve(dir.path(), &["--drain-delay", "2s", "--drain-timeout", &timeout]);
    let addresses = gateway.addresses;

    // Enough to fill the window of a receiver that reads nothing.
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(500_000));
    let mut http = Http::connect(addresses.http).await;
    for _ in 0..20 {
        assert!(http.post("Test.Large", &large).await.is_stored());
    }
    let mut client = gateway.client().await;
    let (stalled, _) = Subscriber::open(&mut client, earliest()).await.unwrap();

    let mut streams = Vec::new();
    for n in 0..STREAMS {
        if n % 10 == 0 {
            client = gateway.client().await;
        }
        let (subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
        streams.push(follow(subscriber));
    }
    let mut health = HealthClient::new(channel(addresses.grpc).await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    soon(async { while watch.message().await.unwrap().unwrap().status() != ServingStatus::Serving {} }).await;
    let mut reflection = ServerReflectionClient::new(channel(addresses.grpc).await);
    let list = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let requests = tokio_stream::StreamExt::chain(tokio_stream::once(list), tokio_stream::pending());
    let mut reflection = reflection.server_reflection_info(requests).await.unwrap().into_inner();
    assert!(soon(reflection.message()).await.unwrap().is_some());
    assert_eq!(get(addresses.admin, "/readyz").await.status, 200);

    let senders: Vec<_> = (0..SENDERS).map(|sender| send_steadily(addresses.http, sender)).collect();
    let signalled = Instant::now();
    gateway.signal(Signal::TERM);

    // Readiness fails immediately, because callbacks can be stored only for a short time.
    soon(async { while watch.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {} })
        .await;
    let not_ready = get(addresses.admin, "/readyz").await;
    assert_eq!((not_ready.status, not_ready.body.as_str()), (503, "not ready: shutting down\n"));
    assert_eq!(get(addresses.admin, "/livez").await.status, 200);
    let events = HealthCheckRequest { service: "imcallback.v1.EventService".to_owned() };
    let reading = health.check(events).await.unwrap().into_inner().status();
    assert_eq!(reading, ServingStatus::NotServing, "new streams would end soon");

    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(soon(sender).await.unwrap());
    }
    assert!(signalled.elapsed() >= Duration::from_secs(2), "callbacks are accepted during the drain delay");
    assert!(acknowledged.len() > 100, "the senders were steady: {}", acknowledged.len());
    acknowledged.sort();

    let mut ends = Vec::new();
    for stream in streams {
        let (mut seen, cursor, status) = soon(stream).await.unwrap();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert_eq!(reason(&status), "SHUTTING_DOWN");
        assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
        assert!(cursor.parse::<callback_gateway::testing::event::Cursor>().is_ok());
        seen.sort();
        // Callbacks are accepted until all streams have ended, so the next process serves the last ones.
        assert!(seen.iter().all(|body| acknowledged.binary_search(body).is_ok()));
        ends.push((seen, cursor));
    }
    let status = soon(async {
        loop {
            if let Err(status) = watch.message().await.transpose().expect("the watch ends with a status") {
                return status;
            }
        }
    })
    .await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let status = soon(reflection.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");

    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(0), "{log:#?}");
    // Only the receiver that read nothing delayed the drain, until its connection was cut.
    assert!(log.iter().any(|line| line.contains("cutting gRPC connections that are still open")), "{log:#?}");
    let took = signalled.elapsed();
    assert!(took < DRAIN_TIMEOUT + Duration::from_secs(10), "{took:?}");
    drop(stalled);

    let gateway = Process::serve(dir.path(), &[]);
    let mut stored: Vec<_> = all_events(&mut gateway.client().await)
        .await
        .into_iter()
        .filter(|event| event.command == "Test.Drain")
        .map(|event| event.raw_body)
        .collect();
    stored.sort();
    assert!(stored == acknowledged);
    // A subscriber that resumes after its last cursor misses no event and receives none twice.
    for (mut seen, cursor) in ends {
        let rest = read(&mut gateway.client().await, after(&cursor)).await;
        seen.extend(rest.into_iter().map(|event| event.raw_body));
        seen.sort();
        assert!(seen == acknowledged, "{} seen, {} acknowledged", seen.len(), acknowledged.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_gateway_drains_as_soon_as_the_delay_is_over() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &["--drain-delay", "100ms", "--drain-timeout", "55s"]);
    let mut idle = Http::connect(gateway.addresses.http).await;
    assert!(idle.post("A.B", "{}").await.is_stored());
    let mut unused = Http::connect(gateway.addresses.http).await;
    let mut client = gateway.client().await;
    let (subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    let stream = follow(subscriber);
    let signalled = Instant::now();
    gateway.signal(Signal::INT);
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(0), "{log:#?}");
    assert!(signalled.elapsed() < Duration::from_secs(50), "the drain waited for the deadline");
    assert_eq!(soon(stream).await.unwrap().2.code(), Code::Unavailable);
    assert!(idle.closed().await.is_empty());
    assert!(unused.closed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_when_the_listener_closes_is_answered() {
    // The gateway waits one second for a head. On a busy machine the rest may be sent later: try again.
    for _ in 0..20 {
        let began = Instant::now();
        let answers = finish_requests_in_flight().await;
        if answers.is_ok() || began.elapsed() < Duration::from_secs(1) {
            return answers.unwrap();
        }
    }
    panic!("no attempt was fast enough");
}

/// Sends two requests, the rest of each after the listener is closed. Fails if the gateway closes a
/// connection.
async fn finish_requests_in_flight() -> std::io::Result<()> {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &["--drain-delay", "0s", "--drain-timeout", "30s"]);
    let mut in_head = Http::connect(gateway.addresses.http).await;
    let mut in_body = Http::connect(gateway.addresses.http).await;
    let request = request("A.B", "{}");
    in_head.send(&request[..20]).await;
    in_body.send(&request[..request.len() - 1]).await;
    // Both are read once a later request was answered.
    assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
    gateway.signal(Signal::TERM);
    // The drain has begun once its listener refuses connections.
    while tokio::net::TcpStream::connect(gateway.addresses.http).await.is_ok() {
        tokio::task::yield_now().await;
    }
    in_head.stream.write_all(&request.as_bytes()[20..]).await?;
    in_body.stream.write_all(&request.as_bytes()[request.len() - 1..]).await?;
    for mut http in [in_head, in_body] {
        let answer = http.try_answer().await?;
        assert!(answer.is_stored() && answer.closes(), "{answer:?}");
    }
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(0), "{log:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &["--drain-delay", "50s", "--drain-timeout", "58s"]);
    let mut health = HealthClient::new(channel(gateway.addresses.grpc).await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    soon(async { while watch.message().await.unwrap().unwrap().status() != ServingStatus::Serving {} }).await;
    let signalled = Instant::now();
    gateway.signal(Signal::TERM);
    soon(async { while watch.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {} })
        .await;
    gateway.signal(Signal::TERM);
    let (exit, _) = gateway.ended().await;
    assert_eq!(exit.code(), Some(1));
    assert!(signalled.elapsed() < Duration::from_secs(40), "the gateway waited for the drain");
}
