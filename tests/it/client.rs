//! The library's client, while gateways and connections end and restart.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::people::Relay;
use crate::support::scripted_server::{Certificates, ScriptedServer, stream};
use crate::support::*;
use callback_gateway::testing::event::Cursor;
use callback_gateway_client::{Cause, Client, Ended, Interruption, Item, Options, Subscription};
use imcallback::{
    ErrorReason, Event, GoingAway, Heartbeat, SubscribeRequest, SubscribeResponse, Subscribed,
    subscribe_request::Start, subscribe_response::Frame,
};
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

fn subscribe(address: SocketAddr, request: SubscribeRequest) -> Subscription {
    Client::new(format!("http://{address}")).unwrap().subscribe(request)
}

async fn next(subscription: &mut Subscription) -> Result<Item, Ended> {
    soon(subscription.next()).await
}

async fn frame(subscription: &mut Subscription) -> Frame {
    match next(subscription).await.unwrap() {
        Item::Frame(frame) => frame,
        Item::Interrupted(interruption) => panic!("{interruption}"),
    }
}

/// Returns the next event. Skips everything else.
async fn event(subscription: &mut Subscription) -> Event {
    loop {
        if let Item::Frame(Frame::Event(event)) = next(subscription).await.unwrap() {
            return event;
        }
    }
}

async fn sequences(subscription: &mut Subscription, count: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    while sequences.len() < count {
        sequences.push(event(subscription).await.sequence);
    }
    sequences
}

async fn interruption(subscription: &mut Subscription) -> Interruption {
    loop {
        if let Item::Interrupted(interruption) = next(subscription).await.unwrap() {
            return interruption;
        }
    }
}

async fn ended(subscription: &mut Subscription) -> Ended {
    loop {
        if let Err(ended) = next(subscription).await {
            return ended;
        }
    }
}

async fn post(address: SocketAddr, count: usize) {
    let mut http = Http::connect(address).await;
    for n in 0..count {
        assert!(http.post("A.B", &format!("{{\"n\":{n}}}")).await.is_stored());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_restarts_and_cut_connections_no_event_is_missed_or_doubled() {
    let dir = TempDir::new().unwrap();
    let start =
        async || Gateway::start_in_with(dir.path(), |settings| settings.drain_delay = Duration::ZERO).await;
    let gateway = start().await;
    let relay = Relay::start(gateway.addresses.grpc).await;
    post(gateway.addresses.http, 100).await;
    let mut subscription = subscribe(relay.address, earliest());
    let mut seen = sequences(&mut subscription, 40).await;

    // In the middle of the events to read.
    relay.cut();
    post(gateway.addresses.http, 20).await;
    seen.extend(sequences(&mut subscription, 80).await);
    relay.lead_to(None);
    gateway.stop().await;
    let gateway = start().await;
    post(gateway.addresses.http, 50).await;
    // It has retried meanwhile, and no gateway was running.
    soon(async {
        while !matches!(interruption(&mut subscription).await.cause, Cause::Connect(_) | Cause::Status(_)) {}
    })
    .await;
    relay.lead_to(Some(gateway.addresses.grpc));
    seen.extend(sequences(&mut subscription, 50).await);
    assert_eq!(seen, (1..=170).collect::<Vec<_>>());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_reconnects_after_the_delay_that_a_stopping_gateway_asks_for() {
    let dir = TempDir::new().unwrap();
    let start = async |grpc: Option<SocketAddr>| {
        Gateway::start_in_with(dir.path(), |settings| {
            settings.drain_delay = Duration::ZERO;
            settings.grpc_listen = grpc.unwrap_or(settings.grpc_listen);
        })
        .await
    };
    let gateway = start(None).await;
    let grpc = gateway.addresses.grpc;
    post(gateway.addresses.http, 1).await;
    let mut subscription = subscribe(grpc, earliest());
    let Frame::Subscribed(subscribed) = frame(&mut subscription).await else {
        panic!("the first frame is `subscribed`")
    };
    assert_eq!(subscription.cursor(), Some(&subscribed.cursor[..]));
    let first = event(&mut subscription).await;
    assert_eq!(subscription.cursor(), Some(&first.cursor[..]));
    assert!(matches!(frame(&mut subscription).await, Frame::CaughtUp(_)));

    gateway.stop().await;
    let Frame::GoingAway(going_away) = frame(&mut subscription).await else {
        panic!("the gateway sends `going_away`")
    };
    assert_eq!(going_away.reason(), ErrorReason::ShuttingDown);
    let interrupted = interruption(&mut subscription).await;
    let Cause::Status(status) = &interrupted.cause else { panic!("{interrupted}") };
    assert_eq!(reason(status), "SHUTTING_DOWN");
    // The gateway asked for a delay of one second.
    let pause = interrupted.pause.as_secs_f64();
    assert!((1.0..=1.5).contains(&pause), "{pause}");

    let gateway = start(Some(grpc)).await;
    post(gateway.addresses.http, 1).await;
    assert_eq!(sequences(&mut subscription, 1).await, [2]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_full_age_is_followed_by_another() {
    let gateway = Gateway::start_with(|settings| settings.max_stream_age = Duration::from_secs(1)).await;
    let mut subscription = subscribe(gateway.addresses.grpc, latest());
    // The position of `latest` is kept, although no event has arrived.
    assert!(matches!(frame(&mut subscription).await, Frame::Subscribed(_)));
    let interrupted = interruption(&mut subscription).await;
    assert!(interrupted.to_string().contains("STREAM_AGE_REACHED"), "{interrupted}");
    post(gateway.addresses.http, 3).await;
    assert_eq!(sequences(&mut subscription, 3).await, [1, 2, 3]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_for_the_next_item_loses_no_event() {
    let gateway = Gateway::start().await;
    post(gateway.addresses.http, 100).await;
    let mut subscription = subscribe(gateway.addresses.grpc, earliest());
    let mut seen = Vec::new();
    soon(async {
        while seen.len() < 100 {
            // Shorter than connecting takes.
            let moment = tokio::time::timeout(Duration::from_micros(100), subscription.next());
            if let Ok(item) = moment.await
                && let Item::Frame(Frame::Event(event)) = item.unwrap()
            {
                seen.push(event.sequence);
            }
        }
    })
    .await;
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    gateway.stop().await;
}

/// Returns a gateway whose oldest events are trimmed, and the cursor of the first one.
async fn trimmed() -> (Gateway, String) {
    let gateway = Gateway::start_with(|settings| settings.retention_count = Some(5)).await;
    post(gateway.addresses.http, 1).await;
    let mut client = gateway.client().await;
    let first = all_events(&mut client).await[0].cursor.clone();
    post(gateway.addresses.http, 50).await;
    // Retention runs every second.
    soon(async { while all_events(&mut client).await.len() > 5 {} }).await;
    (gateway, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn trimmed_events_end_it_with_the_oldest_cursor() {
    let (gateway, first) = trimmed().await;
    let mut subscription = subscribe(gateway.addresses.grpc, after(&first));
    let expired = ended(&mut subscription).await;
    let Ended::CursorExpired { oldest_cursor, latest_cursor, .. } = &expired else { panic!("{expired}") };
    assert!(expired.to_string().contains("CURSOR_EXPIRED"), "{expired}");
    // Another call without a new start changes nothing.
    assert!(matches!(ended(&mut subscription).await, Ended::CursorExpired { .. }));
    subscription.restart(Start::AfterCursor(oldest_cursor.clone()));
    assert_eq!(sequences(&mut subscription, 5).await, [47, 48, 49, 50, 51]);
    assert_eq!(subscription.cursor(), Some(&latest_cursor[..]));

    // A gap frame can report the same.
    let mut skipping = subscribe(gateway.addresses.grpc, after(&first));
    skipping.skip_gaps();
    let gap = soon(async {
        loop {
            if let Frame::Gap(gap) = frame(&mut skipping).await {
                return gap;
            }
        }
    })
    .await;
    assert_eq!((gap.first_missing_sequence, gap.last_missing_sequence), (2, 46));
    assert_eq!(skipping.cursor(), Some(&gap.cursor[..]));
    assert_eq!(sequences(&mut skipping, 5).await, [47, 48, 49, 50, 51]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_and_one_that_went_back_are_told_apart() {
    let dir = TempDir::new().unwrap();
    let [data, backup] = ["data", "backup"].map(|name| dir.path().join(name));
    let gateway = Gateway::start_in(&data).await;
    post(gateway.addresses.http, 1).await;
    gateway.stop().await;
    fs::create_dir(&backup).unwrap();
    fs::copy(data.join("events.db"), backup.join("events.db")).unwrap();
    let gateway = Gateway::start_in(&data).await;
    post(gateway.addresses.http, 1).await;
    let last = all_events(&mut gateway.client().await).await[1].clone();
    gateway.stop().await;

    let restored = Gateway::start_in(&backup).await;
    let mut subscription = subscribe(restored.addresses.grpc, after(&last.cursor));
    let rewound = ended(&mut subscription).await;
    let Ended::LogRewound(log) = rewound else { panic!("{rewound}") };
    let epoch = |cursor: &str| cursor.parse::<Cursor>().unwrap().epoch;
    assert_eq!(epoch(&last.cursor), epoch(&log.oldest_cursor), "the epoch is unchanged");
    // The events that were stored since then can be read.
    post(restored.addresses.http, 1).await;
    subscription.restart(Start::AtTime(last.receive_time.unwrap()));
    assert_eq!(sequences(&mut subscription, 1).await, [2]);
    restored.stop().await;

    let other = Gateway::start().await;
    let mut subscription = subscribe(other.addresses.grpc, after(&last.cursor));
    let replaced = ended(&mut subscription).await;
    let Ended::LogReplaced(log) = replaced else { panic!("{replaced}") };
    assert!(log.epoch_start.starts_with("20") && !log.epoch.is_empty(), "{log:?}");
    assert_eq!(log.oldest_cursor, log.latest_cursor);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_event_ends_it_and_is_skipped_when_told() {
    let dir = TempDir::new().unwrap();
    let gateway = Gateway::start_in(dir.path()).await;
    post(gateway.addresses.http, 3).await;
    gateway.stop().await;
    let store = rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    store.execute("UPDATE record SET record = x'00' WHERE sequence = 2", []).unwrap();
    store.close().unwrap();
    let gateway = Gateway::start_in(dir.path()).await;
    let mut subscription = subscribe(gateway.addresses.grpc, earliest());
    assert_eq!(sequences(&mut subscription, 1).await, [1]);
    assert!(matches!(ended(&mut subscription).await, Ended::LogDamaged(_)));
    subscription.skip_gaps();
    assert_eq!(sequences(&mut subscription, 1).await, [3]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_connects_with_a_token_over_tls_and_reports_a_rejection() {
    let certificates = Certificates::new();
    let [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map(|name| certificates.arg(name));
    let dir = TempDir::new().unwrap();
    let tokens = dir.path().join("tokens");
    fs::write(&tokens, "orders orders-token-of-the-test events\n").unwrap();
    let tls = ["--grpc-tls-cert", &cert, "--grpc-tls-key", &key];
    let gateway = Process::serve(
        &dir.path().join("data"),
        &[&tls[..], &["--grpc-tokens-file", tokens.to_str().unwrap()]].concat(),
    );
    post(gateway.addresses.http, 1).await;
    let with_token = |token: &str| {
        let options = Options {
            address: format!("https://{}", gateway.addresses.grpc),
            token: Some(token.into()),
            ca: Some(fs::read(&ca).unwrap()),
            ..Options::default()
        };
        Client::with_options(options).unwrap()
    };
    let client = with_token("orders-token-of-the-test");
    assert_eq!(sequences(&mut client.subscribe(earliest()), 1).await, [1]);
    // Other calls can use the same channel.
    let mut services = soon(client.connect()).await.unwrap();
    let page = soon(services.events.list_events(imcallback::ListEventsRequest::default())).await;
    assert_eq!(page.unwrap().into_inner().events.len(), 1);

    let mut stranger = with_token("nobody-nobody-nobody").subscribe(earliest());
    let denied = ended(&mut stranger).await;
    assert!(matches!(&denied, Ended::Denied(_)) && denied.to_string().contains("TOKEN_INVALID"), "{denied}");
    let wrong = ended(&mut client.subscribe(after("rubbish"))).await;
    assert!(matches!(&wrong, Ended::Invalid(_)) && wrong.to_string().contains("INVALID_CURSOR"), "{wrong}");
}

fn a_frame(frame: Frame) -> SubscribeResponse {
    SubscribeResponse { frame: Some(frame) }
}

fn subscribed(heartbeat_seconds: i64) -> SubscribeResponse {
    let heartbeat_interval = Some(imcallback::well_known::Duration { seconds: heartbeat_seconds, nanos: 0 });
    a_frame(Frame::Subscribed(Subscribed { cursor: "A0".into(), heartbeat_interval, ..Default::default() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_falls_silent_is_left() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let server = ScriptedServer::plain(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        stream(&[subscribed(1)], None)
    });
    let mut subscription = subscribe(server.address, earliest());
    assert!(matches!(frame(&mut subscription).await, Frame::Subscribed(_)));
    assert!(matches!(interruption(&mut subscription).await.cause, Cause::Silence));
    assert!(matches!(frame(&mut subscription).await, Frame::Subscribed(_)));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_delay_is_bounded_and_unknown_frames_are_skipped() {
    let with_delay = |seconds| {
        let mut details = ErrorDetails::with_error_info("OF_TOMORROW", "imcallback.v1", []);
        details.set_retry_info(Some(Duration::from_secs(seconds)));
        Status::with_error_details(Code::Unavailable, "later", details)
    };
    let of_tomorrow = SubscribeResponse { frame: None };
    let heartbeat = a_frame(Frame::Heartbeat(Heartbeat { cursor: "A1".into(), unmatched_events: 0 }));
    let retry_delay = Some(imcallback::well_known::Duration { seconds: 20, nanos: 0 });
    let going_away =
        a_frame(Frame::GoingAway(GoingAway { cursor: "A2".into(), retry_delay, ..Default::default() }));
    let cases = [
        (vec![subscribed(1), of_tomorrow, heartbeat], with_delay(5), 5.0..=7.5),
        (vec![subscribed(1)], with_delay(3600), 60.0..=90.0),
        // The status of a proxy, without details.
        (vec![subscribed(1), going_away], Status::unavailable("upstream reset"), 20.0..=30.0),
    ];
    for (messages, status, expected) in cases {
        let last = messages.last().unwrap().clone();
        let script = Mutex::new((messages, status));
        let server = ScriptedServer::plain(move |_| {
            let (messages, status) = &*script.lock().unwrap();
            stream(messages, Some(status.clone()))
        });
        let mut subscription = subscribe(server.address, earliest());
        let interrupted = interruption(&mut subscription).await;
        let pause = interrupted.pause.as_secs_f64();
        assert!(expected.contains(&pause), "{interrupted}: {pause}");
        assert_eq!(Item::Frame(last.frame.unwrap()).cursor(), subscription.cursor());
    }
}
