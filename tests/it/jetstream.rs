//! Gateways on one NATS server: the properties of this log, through real sockets.

use std::time::Duration;

use crate::support::operator::{
    all_stored, assert_expired, assert_replaced, assert_reports_gap, delete, operate, recreate_stream,
    refused,
};
use crate::support::{
    nats::Nats,
    proxy::{Network, Proxy},
    *,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use callback_gateway::testing::{
    event::{Cursor, RecordParts, Sequence},
    log::{
        AppendError, EventLog, NewRecord,
        disk::Retention,
        jetstream::{JetStreamLog, Options},
    },
};
use callback_gateway::{
    config::nats::Nats as NatsSettings,
    config::{LogKind, Settings},
};
use imcallback::{
    EventFilter, Gap, GapPolicy, GapReason, GetEventRequest, GetLogStatusRequest, ListEventsRequest,
    ListOrder, ListRefusalsRequest, ListSubscribersRequest, LogState, SubscribeRequest,
    admin_service_client::AdminServiceClient, get_event_request, subscribe_response::Frame,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tonic::Code;

fn over(server: &Nats) -> impl FnOnce(&mut Settings) + use<> {
    let urls = vec![server.url()];
    move |settings| {
        settings.log = LogKind::Nats;
        settings.nats = NatsSettings { urls, replicas: 1, ..NatsSettings::default() };
    }
}

async fn gateway(server: &Nats) -> Gateway {
    Gateway::start_with(over(server)).await
}

async fn post(gateway: &Gateway, count: usize) {
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..count {
        assert!(http.post("A.B", &format!(r#"{{"n":{n}}}"#)).await.is_stored());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_give_every_subscriber_the_same_events_with_the_same_cursors() {
    let server = Nats::start();
    let (one, other) = (gateway(&server).await, gateway(&server).await);
    let (mut live, _) = Subscriber::open(&mut other.client().await, latest()).await.unwrap();
    post(&one, 20).await;
    post(&other, 20).await;
    let seen = live.events_until(|event| event.sequence == 40).await;
    for gateway in [&one, &other] {
        let mut events = all_stored(std::slice::from_ref(&server), gateway).await;
        events.iter_mut().for_each(|event| event.raw_body.clear());
        let of = |events: &[imcallback::Event]| {
            events.iter().map(|event| (event.cursor.clone(), event.receive_time)).collect::<Vec<_>>()
        };
        assert_eq!(of(&events), of(&seen));
    }
    let resumed = read(&mut one.client().await, after(&seen[9].cursor)).await;
    assert_eq!(resumed[0].sequence, 11);
    assert_eq!(resumed.len(), 30);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_with_other_settings_is_refused_and_left_alone() {
    let server = Nats::start();
    let config = json!({ "name": "callbacks", "subjects": ["callbacks.>"], "storage": "memory", "retention": "limits",
        "discard": "new", "num_replicas": 1, "max_msgs": 5, "max_msgs_per_subject": 1,
        "max_consumers": 9 });
    let made = operate(&server, "STREAM.CREATE.callbacks", config).await;
    let error = JetStreamLog::open(Options::new(&server.url())).await.unwrap_err().to_string();
    for difference in [
        "storage is \"memory\", not \"file\"",
        "discard is \"new\", not \"old\"",
        "max_msgs is 5, not -1",
        "max_consumers is 9, not -1",
        "max_msgs_per_subject is 1, not -1",
        "allow_direct is false, not true",
    ] {
        assert!(error.contains(difference), "{difference}: {error}");
    }
    let info = operate(&server, "STREAM.INFO.callbacks", json!({})).await;
    assert_eq!(info["config"], made["config"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_are_not_stored_by_a_single_server() {
    let server = Nats::start();
    let options = Options { replicas: 3, ..Options::new(&server.url()) };
    let error = JetStreamLog::open(options).await.unwrap_err().to_string();
    assert!(error.contains("replicas"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_server_does_not_take_is_stored_raw_or_refused() {
    let server = Nats::start_with("max_payload: 8192");
    let gateway = gateway(&server).await;
    // With its payload it needs about 4000 more bytes.
    let pair = r#"{"From_Account":"a","To_Account":"b"}"#;
    let fits_raw = format!(r#"{{"PairList":[{}]}}"#, vec![pair; 190].join(","));
    assert!(gateway.post("Sns.CallbackBlackListAdd", &fits_raw).await.is_stored());
    let too_large = format!(r#"{{"PairList":[{}]}}"#, vec![pair; 220].join(","));
    let answer = gateway.post("Sns.CallbackBlackListAdd", &too_large).await;
    assert_eq!((answer.status, answer.error_info().contains("max_payload")), (413, true));
    let events = all_stored(std::slice::from_ref(&server), &gateway).await;
    assert_eq!(events.len(), 1);
    assert!(events[0].payload.is_none() && events[0].raw_body == fits_raw);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_is_a_pause() {
    let mut server = Nats::start();
    let gateway = gateway(&server).await;
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, earliest()).await.unwrap();
    post(&gateway, 10).await;
    subscriber.events_until(|event| event.sequence == 10).await;
    server.kill();
    // Its deadline passes while there is no server.
    assert_eq!(gateway.post("A.B", "{}").await.status, 503);
    assert_eq!(get(gateway.addresses.admin, "/readyz").await.status, 503);
    // Operators are answered nevertheless.
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
    let status = soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap().into_inner();
    assert_eq!((status.state(), status.latest_sequence), (LogState::Recovering, 10));
    server.start_again();
    until_ready_is(gateway.addresses.admin, 200).await;
    post(&gateway, 10).await;
    let seen = subscriber.events_until(|event| event.raw_body.contains("9")).await;
    let sequences: Vec<u64> = seen.iter().map(|event| event.sequence).collect();
    assert!(sequences.is_sorted_by(|a, b| b - a == 1) && sequences[0] == 11, "{sequences:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_stream_says_what_is_gone() {
    let server = Nats::start();
    let gateway = gateway(&server).await;
    post(&gateway, 20).await;
    let events = all_stored(std::slice::from_ref(&server), &gateway).await;
    operate(&server, "STREAM.PURGE.callbacks", json!({ "seq": 11 })).await;
    // From a gateway that has nothing in memory, and from one that has the events in memory.
    let other = self::gateway(&server).await;
    for gateway in [&other, &gateway] {
        assert_reports_gap(gateway, &events).await;
    }
    // Purge all of it. The sequences continue.
    operate(&server, "STREAM.PURGE.callbacks", json!({})).await;
    post(&gateway, 1).await;
    let resumed = read(&mut other.client().await, after(&events[19].cursor)).await;
    assert_eq!(resumed.iter().map(|event| event.sequence).collect::<Vec<_>>(), [21]);
    gateway.stop().await;
    other.stop().await;
}

/// The gateway that has the events in memory also reports them as lost, after its next read of the
/// stream's state.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_deleted_inside_the_stream_are_lost_events() {
    let server = Nats::start();
    let gateway = gateway(&server).await;
    post(&gateway, 20).await;
    let events = all_stored(std::slice::from_ref(&server), &gateway).await;
    for sequence in [5, 6, 12] {
        operate(&server, "STREAM.MSG.DELETE.callbacks", json!({ "seq": sequence })).await;
    }
    let other = self::gateway(&server).await;
    let mut client = other.client().await;
    let gap = |first, last| (first, last, GapReason::Missing);
    let told = |gap: &Gap| (gap.first_missing_sequence, gap.last_missing_sequence, gap.reason());

    let request = SubscribeRequest { on_gap: GapPolicy::Skip.into(), ..earliest() };
    let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    loop {
        match subscriber.frame().await.unwrap() {
            Frame::Event(event) => seen.push(event.cursor),
            Frame::Gap(gap) => gaps.push(told(&gap)),
            Frame::CaughtUp(_) => break,
            _ => {}
        }
    }
    let left = events.iter().filter(|event| ![5, 6, 12].contains(&event.sequence));
    assert_eq!(seen, left.map(|event| event.cursor.clone()).collect::<Vec<_>>());
    assert_eq!(gaps, [gap(5, 6), gap(12, 12)]);

    let (mut subscriber, _) = Subscriber::open(&mut client, earliest()).await.unwrap();
    for _ in 0..4 {
        subscriber.event().await.unwrap();
    }
    let status = subscriber.event().await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DataLoss, "EVENTS_MISSING"));

    // With the index, without it, and without a filter.
    let filters =
        [EventFilter { commands: vec!["A.B".to_owned()], ..Default::default() }, EventFilter::default()];
    let orders = [ListOrder::OldestFirst, ListOrder::NewestFirst];
    for (order, filter) in orders.iter().flat_map(|order| filters.iter().map(move |filter| (*order, filter)))
    {
        let request =
            ListEventsRequest { order: order.into(), filter: Some(filter.clone()), ..Default::default() };
        let list = soon(client.list_events(request)).await.unwrap().into_inner();
        assert_eq!(list.events.len(), 17);
        let mut gaps: Vec<_> = list.gaps.iter().map(told).collect();
        gaps.sort_by_key(|gap| gap.0);
        assert_eq!(gaps, [gap(5, 6), gap(12, 12)]);
        assert!(nanos(list.complete_since) > nanos(events[11].receive_time));
    }
    let wanted = Some(get_event_request::Event::Sequence(6));
    let status = soon(client.get_event(GetEventRequest { event: wanted, ..Default::default() })).await;
    assert_eq!(reason(&status.unwrap_err()), "EVENTS_MISSING");
    for gateway in [&other, &gateway] {
        soon(async {
            let lost = "\ncallback_gateway_log_lost_events 3\n";
            while !get(gateway.addresses.admin, "/metrics").await.body.contains(lost) {}
        })
        .await;
    }
    gateway.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_stream_is_another_log() {
    let server = Nats::start();
    let dir = tempfile::TempDir::new().unwrap();
    let url = server.url();
    let args = ["--log", "nats", "--nats-replicas", "1", "--nats-url", &url];
    let process = Process::serve(dir.path(), &args);
    let mut http = Http::connect(process.addresses.http).await;
    for _ in 0..10 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    let (mut subscriber, _) = Subscriber::open(&mut process.client().await, earliest()).await.unwrap();
    let events = subscriber.events_until(|event| event.sequence == 10).await;
    recreate_stream(&server).await;
    assert_replaced(&subscriber.event().await.unwrap_err());
    let (exit, log) = process.ended().await;
    assert!(!exit.success() && log.iter().any(|line| line.contains("the stream has a new epoch")), "{log:?}");

    let gateway = gateway(&server).await;
    post(&gateway, 20).await;
    assert_replaced(&refused(&gateway, after(&events[4].cursor)).await);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_stream_a_gateway_stores_nothing_and_creates_none() {
    let server = Nats::start();
    let gateway = gateway(&server).await;
    post(&gateway, 10).await;
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, earliest()).await.unwrap();
    subscriber.events_until(|event| event.sequence == 10).await;
    let config = delete(&server).await;
    assert_eq!(gateway.post("A.B", "{}").await.status, 503);
    until_ready_is(gateway.addresses.admin, 503).await;
    let streams = operate(&server, "STREAM.NAMES", json!({})).await;
    assert_eq!(streams["total"], 0, "{streams}");
    // Subscribers see no end of the log before there is another stream.
    operate(&server, "STREAM.CREATE.callbacks", config).await;
    assert_replaced(&subscriber.event().await.unwrap_err());
}

/// Waits for a heartbeat at this sequence. Panics if one is later. Returns its cursor.
async fn heartbeat_at(subscriber: &mut Subscriber, sequence: u64) -> String {
    soon(async {
        loop {
            let Frame::Heartbeat(heartbeat) = subscriber.frame().await.unwrap() else { continue };
            let at = heartbeat.cursor.parse::<Cursor>().unwrap().sequence.0;
            assert!(at <= sequence, "heartbeat at {at}, which was not read");
            if at == sequence {
                return heartbeat.cursor;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_pass_events_that_the_filter_left_out_only_once_this_gateway_has_read_them() {
    let server = Nats::start();
    let (network, at_network) = watch::channel(Network::Works);
    let (_target, to) = watch::channel(Some(server.port));
    let proxy = Proxy::start(to, at_network).await;
    let behind = Gateway::start_with(|settings| {
        over(&server)(settings);
        settings.nats.urls = vec![format!("nats://127.0.0.1:{}", proxy.port)];
    })
    .await;
    let further = gateway(&server).await;
    let filter = EventFilter { commands: vec!["Nothing.Fits".to_owned()], ..Default::default() };
    let request = SubscribeRequest {
        filter: Some(filter),
        heartbeat_interval: Some(Duration::from_secs(1).into()),
        ..latest()
    };
    let (mut subscriber, _) = Subscriber::open(&mut behind.client().await, request).await.unwrap();
    post(&further, 3).await;
    heartbeat_at(&mut subscriber, 3).await;
    network.send_replace(Network::Stalls);
    post(&further, 3).await;
    for _ in 0..2 {
        heartbeat_at(&mut subscriber, 3).await;
    }
    network.send_replace(Network::Works);
    let cursor = heartbeat_at(&mut subscriber, 6).await;
    assert_eq!(cursor, all_stored(std::slice::from_ref(&server), &further).await[5].cursor);
    behind.stop().await;
    further.stop().await;
}

/// More subscribers than may read history at once, and several pages of history.
#[tokio::test(flavor = "multi_thread")]
async fn ten_subscribers_that_read_history_at_once_all_get_everything() {
    const EVENTS: u64 = 600;
    let server = Nats::start();
    let gateway = Gateway::start_with(|settings| {
        over(&server)(settings);
        settings.memory_bytes = 1000;
    })
    .await;
    post(&gateway, EVENTS as usize).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(gateway.client().await);
    }
    all_stored(std::slice::from_ref(&server), &gateway).await;
    let all = clients.iter_mut().map(all_events);
    for events in soon(futures_util::future::join_all(all)).await {
        assert!(events.iter().map(|event| event.sequence).eq(1..=EVENTS), "{} events", events.len());
    }
    gateway.stop().await;
}

/// Simulates a power cut of a server that had not synced: earlier files of the store are restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_end_is_rewound() {
    let mut server = Nats::start();
    let gateway = gateway(&server).await;
    post(&gateway, 10).await;
    server.kill();
    let kept = server.copy_of_store();
    server.start_again();
    until_ready_is(gateway.addresses.admin, 200).await;
    post(&gateway, 10).await;
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, earliest()).await.unwrap();
    let events = subscriber.events_until(|event| event.sequence == 20).await;
    server.kill();
    server.put_back(&kept);
    server.start_again();
    let status = subscriber.event().await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "LOG_REWOUND"));

    // New events get the lost sequences, so no earlier cursor is accepted. This includes cursors from
    // before the loss: their readers would miss the lost events without notice.
    let gateway = self::gateway(&server).await;
    post(&gateway, 10).await;
    for event in [&events[4], &events[14]] {
        assert_replaced(&refused(&gateway, after(&event.cursor)).await);
    }
    assert_eq!(
        all_events(&mut gateway.client().await).await.len(),
        20,
        "the remaining events are still served"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_is_sent_again_to_another_gateway_is_marked() {
    let server = Nats::start();
    let (one, other) = (gateway(&server).await, gateway(&server).await);
    let (mut subscriber, _) = Subscriber::open(&mut other.client().await, latest()).await.unwrap();
    assert!(one.post("A.B", "{}").await.is_stored());
    // Duplicate detection is fed by the tail, so it learns of an event a moment later.
    let first = subscriber.event().await.unwrap();
    let marked = soon(async {
        loop {
            assert!(other.post("A.B", "{}").await.is_stored());
            let event = subscriber.event().await.unwrap();
            if event.possible_duplicate_of > 0 {
                return event;
            }
        }
    });
    assert_eq!(marked.await.possible_duplicate_of, first.sequence);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_told_which_gateway_answers() {
    let server = Nats::start();
    for name in ["one", "other"] {
        let over_server = over(&server);
        let gateway = Gateway::start_with(|settings| {
            over_server(settings);
            settings.replica_name = name.to_owned();
        })
        .await;
        let address = format!("http://{}", gateway.addresses.grpc);
        let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
        let status = admin.get_log_status(GetLogStatusRequest {}).await.unwrap().into_inner();
        assert_eq!((status.replica.as_str(), status.backend.as_str()), (name, "nats"));
        let subscribers = admin.list_subscribers(ListSubscribersRequest::default()).await.unwrap();
        assert_eq!(subscribers.into_inner().replica, name);
        let refusals = admin.list_refusals(ListRefusalsRequest::default()).await.unwrap();
        assert_eq!(refusals.into_inner().replica, name);
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_a_gateway_that_is_ahead_waits_until_this_one_catches_up() {
    let server = Nats::start();
    let (network, at_network) = watch::channel(Network::Works);
    let (_target, to) = watch::channel(Some(server.port));
    let proxy = Proxy::start(to, at_network).await;
    let behind = Gateway::start_with(|settings| {
        over(&server)(settings);
        settings.nats.urls = vec![format!("nats://127.0.0.1:{}", proxy.port)];
    })
    .await;
    let further = gateway(&server).await;
    post(&further, 3).await;
    let (mut live, _) = Subscriber::open(&mut behind.client().await, earliest()).await.unwrap();
    live.events_until(|event| event.sequence == 3).await;

    network.send_replace(Network::Stalls);
    post(&further, 3).await;
    let cursor = all_stored(std::slice::from_ref(&server), &further).await[5].cursor.clone();
    let mut client = behind.client().await;
    let opened = tokio::spawn(async move { Subscriber::open(&mut client, after(&cursor)).await.map(drop) });
    tokio::pin!(opened);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut opened).await;
    assert!(early.is_err(), "the gateway rejected a cursor that it cannot check yet: {early:?}");
    network.send_replace(Network::Works);
    soon(opened).await.unwrap().unwrap();

    // A cursor that no gateway created is checked against the stream.
    let mut beyond: Cursor =
        all_stored(std::slice::from_ref(&server), &further).await[5].cursor.parse().unwrap();
    beyond.sequence.0 += 1;
    let status = refused(&behind, after(&beyond.to_string())).await;
    assert_eq!(reason(&status), "LOG_REWOUND");
    behind.stop().await;
    further.stop().await;
}

/// Simulates a cursor that a subscriber stored.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_gateway_has_not_read_yet_is_waited_for_by_cursor_and_by_page_token() {
    let server = Nats::start();
    let (network, at_network) = watch::channel(Network::Works);
    let (_target, to) = watch::channel(Some(server.port));
    let proxy = Proxy::start(to, at_network).await;
    let behind = Gateway::start_with(|settings| {
        over(&server)(settings);
        settings.nats.urls = vec![format!("nats://127.0.0.1:{}", proxy.port)];
    })
    .await;
    let further = gateway(&server).await;
    post(&further, 3).await;
    let (mut live, _) = Subscriber::open(&mut behind.client().await, earliest()).await.unwrap();
    live.events_until(|event| event.sequence == 3).await;
    network.send_replace(Network::Stalls);
    post(&further, 3).await;
    let cursor = all_stored(std::slice::from_ref(&server), &further).await[5].cursor.clone();
    let first = ListEventsRequest { page_size: 1, ..Default::default() };
    let page = further.client().await.list_events(first.clone()).await.unwrap().into_inner();
    let next = ListEventsRequest { page_token: page.next_page_token, ..first };

    let (mut one, mut other) = (behind.client().await, behind.client().await);
    let request =
        GetEventRequest { event: Some(get_event_request::Event::Cursor(cursor)), ..Default::default() };
    let got = tokio::spawn(async move { one.get_event(request).await });
    let listed = tokio::spawn(async move { other.list_events(next).await });
    // Time in which the gateway could reject it too early.
    tokio::time::sleep(Duration::from_millis(300)).await;
    network.send_replace(Network::Works);
    let (got, listed) = (soon(got).await.unwrap(), soon(listed).await.unwrap());
    assert_eq!(got.unwrap().into_inner().event.unwrap().sequence, 6);
    assert_eq!(listed.unwrap().into_inner().events[0].sequence, 5);
}

/// The limits of the stream trim events that a subscriber has not read yet and that are not in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_trimmed_under_a_slow_subscriber_is_reported() {
    let server = Nats::start();
    let limits = |settings: &mut Settings| {
        settings.retention_count = Some(500);
        settings.memory_bytes = 1;
    };
    let over_server = over(&server);
    let gateway = Gateway::start_with(|settings| {
        over_server(settings);
        limits(settings);
    })
    .await;
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(20_000));
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..400 {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    for on_gap in [GapPolicy::Fail, GapPolicy::Skip] {
        let request = SubscribeRequest { on_gap: on_gap.into(), include_raw_body: true, ..earliest() };
        let (mut subscriber, subscribed) =
            Subscriber::open(&mut gateway.client().await, request).await.unwrap();
        let first = subscriber.event().await.unwrap().sequence;
        // The subscriber stops reading until all of its next events are gone.
        for _ in 0..1000 {
            assert!(http.post("A.B", &body).await.is_stored());
        }
        let end = subscribed.latest_cursor.parse::<Cursor>().unwrap().sequence.0 + 1000;
        let read = subscriber.read_slowly(first + 1, end).await;
        match on_gap {
            // More events may be trimmed before it continues, which is another gap.
            GapPolicy::Skip => assert!(read.status.is_none() && read.gaps > 0, "{read:?}"),
            _ => {
                assert_eq!(read.gaps, 0, "{read:?}");
                assert_expired(&read.status.expect("the stream ends with an error"));
            }
        }
    }
    gateway.stop().await;
}

/// Small and large records, in runs, with deleted messages between them.
#[tokio::test(flavor = "multi_thread")]
async fn reading_backwards_gives_every_record_whatever_its_size_and_whatever_is_gone() {
    let server = Nats::start_with("max_payload: 4MB");
    let options = Options { ring_bytes: 0, ..Options::new(&server.url()) };
    let log = JetStreamLog::open(options).await.unwrap();
    let sizes = [10, 900_000, 10, 300_000, 10].into_iter().zip([300, 12, 500, 30, 100]);
    let mut appending = Vec::new();
    for bytes in sizes.flat_map(|(bytes, count)| std::iter::repeat_n(bytes, count)) {
        let body = "x".repeat(bytes);
        appending.push(soon(log.append(record(&body))).await.unwrap().sequence.0);
    }
    // Single deletions, and one as long as several chunks of a read. The newest events are in memory.
    let gone: Vec<u64> = [1, 5, 305, 850, 941].into_iter().chain(320..800).collect();
    for sequence in &gone {
        operate(&server, "STREAM.MSG.DELETE.callbacks", json!({ "seq": sequence })).await;
    }
    let expected: Vec<u64> = (1..=942).rev().filter(|sequence| !gone.contains(sequence)).collect();
    for max_records in [7, 256] {
        let (mut before, mut seen) = (log.tail().borrow().end, Vec::new());
        loop {
            let page = soon(log.read_back(before, max_records)).await.unwrap();
            if page.records.is_empty() {
                break;
            }
            assert!(page.records.len() <= max_records && page.next < before);
            before = page.next;
            seen.extend(page.records.iter().map(|record| record.sequence().0));
        }
        assert_eq!(seen, expected, "{max_records} at a time");
    }
    let (mut from, mut seen) = (log.oldest(), Vec::new());
    while from < log.tail().borrow().end {
        let page = soon(log.read(from, 256)).await.unwrap();
        assert!(page.next > from);
        from = page.next;
        seen.extend(page.records.iter().map(|record| record.sequence().0));
    }
    assert!(seen.iter().rev().eq(&expected), "reading forwards returns the same records");
    soon(log.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_says_of_its_event_what_it_is_and_when_it_came_and_has_a_number_of_its_own() {
    let server = Nats::start();
    let dir = tempfile::TempDir::new().unwrap();
    let url = server.url();
    let process = Process::serve(dir.path(), &["--log", "nats", "--nats-replicas", "1", "--nats-url", &url]);
    let said = process.line("events are kept in NATS JetStream").await;
    assert_eq!(said["largest_event"], (1 << 20) - 128, "{said}");
    let is_warning =
        |line: &Value| line["message"].as_str().is_some_and(|message| message.contains("sync_interval"));
    assert_eq!(process.nth_line(0, is_warning).await["level"], "WARN");

    let mut http = Http::connect(process.addresses.http).await;
    for _ in 0..2 {
        assert!(http.post("Sns.CallbackFriendAdd", "{}").await.is_stored());
    }
    let mut numbers = Vec::new();
    for event in all_events(&mut process.client().await).await {
        let message =
            operate(&server, "STREAM.MSG.GET.callbacks", json!({ "seq": event.sequence })).await["message"]
                .take();
        assert_eq!(message["subject"], format!("callbacks.{}.Sns.CallbackFriendAdd", event.sdk_app_id));
        let time = humantime::parse_rfc3339(message["time"].as_str().unwrap()).unwrap();
        let micros = time.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        let received = event.receive_time.unwrap();
        assert_eq!(micros as i64, received.seconds * 1_000_000 + i64::from(received.nanos) / 1000);
        let headers = STANDARD.decode(message["hdrs"].as_str().unwrap()).unwrap();
        let headers = String::from_utf8(headers).unwrap();
        numbers
            .extend(headers.lines().find_map(|line| line.strip_prefix("Nats-Msg-Id: ").map(str::to_owned)));
    }
    assert_eq!(numbers.len(), 2);
    assert_ne!(numbers[0], numbers[1], "two equal callbacks have different message IDs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_whose_acknowledgement_is_lost_is_sent_again_and_stored_once() {
    let server = Nats::start();
    let (network, at_network) = watch::channel(Network::Works);
    let (_target, to) = watch::channel(Some(server.port));
    let proxy = Proxy::start(to, at_network).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let log = JetStreamLog::open(Options::new(&url)).await.unwrap();
    network.send_replace(Network::DropsAnswers);
    let appending = log.append(record("{}"));
    until_stored(&server, 1).await;
    network.send_replace(Network::Works);
    assert_eq!(soon(appending).await.unwrap().sequence, Sequence(1));
    let next = soon(log.append(record("{}"))).await.unwrap();
    assert_eq!(next.sequence, Sequence(2), "another callback with the same content is a new event");
    soon(log.close()).await;
}

/// Waits until the stream has this many messages.
async fn until_stored(server: &Nats, count: u64) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    soon(async {
        while operate(server, "STREAM.INFO.callbacks", json!({})).await["state"]["messages"] != count {
            look.tick().await;
        }
    })
    .await;
}

/// Tests the case that `docs/deployment.md` describes. If no event is stored twice any more, the page
/// can promise more.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_longer_than_the_duplicate_window_events_may_be_stored_twice() {
    const COUNT: u64 = 12;
    const KNOWN: Duration = Duration::from_secs(8);
    /// Shorter than the duplicate window, so that nothing is stored twice before the outage.
    const TRIED: Duration = Duration::from_secs(4);
    let server = Nats::start();
    let (network, at_network) = watch::channel(Network::Works);
    let (_target, to) = watch::channel(Some(server.port));
    let proxy = Proxy::start(to, at_network).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let log = JetStreamLog::open(Options::new(&url)).await.unwrap();
    let mut config = operate(&server, "STREAM.INFO.callbacks", json!({})).await["config"].clone();
    config["duplicate_window"] = json!(u64::try_from(KNOWN.as_nanos()).unwrap());
    operate(&server, "STREAM.UPDATE.callbacks", config).await;

    // The server stores the messages, but the acknowledgements are lost, so the gateway retries. Finally
    // nothing is sent.
    network.send_replace(Network::DropsAnswers);
    let text = "x".repeat(900_000);
    let bodies: Vec<String> = (0..COUNT).map(|n| format!("{n} {text}")).collect();
    let deadline = tokio::time::Instant::now() + TRIED;
    let appending: Vec<_> =
        bodies.iter().map(|body| log.append(NewRecord { deadline, ..record(body) })).collect();
    until_stored(&server, COUNT).await;
    network.send_replace(Network::Stalls);
    for appending in appending {
        assert_eq!(soon(appending).await, Err(AppendError::Expired));
    }
    network.send_replace(Network::Resets);
    // The outage must last this long: the server discards message IDs periodically.
    tokio::time::sleep(2 * KNOWN).await;
    network.send_replace(Network::Works);
    let next = soon(log.append(record("the next one"))).await.unwrap();
    soon(log.tail().wait_for(|tail| tail.end > next.sequence)).await.unwrap();

    let (mut from, mut seen) = (Sequence(1), Vec::new());
    while from < log.tail().borrow().end {
        let page = soon(log.read(from, 256)).await.unwrap();
        from = page.next;
        seen.extend(page.records.iter().map(|record| record.stored().bytes().clone()));
    }
    let stored = |body: &str| {
        let wanted = record(body).stored;
        seen.iter().filter(|bytes| *bytes == wanted.bytes()).count()
    };
    assert_eq!(stored("the next one"), 1);
    let copies: Vec<usize> = bodies.iter().map(|body| stored(body)).collect();
    assert!(copies.iter().all(|copies| (1..=2).contains(copies)), "{copies:?}");
    assert!(copies.contains(&2), "{copies:?}");
    assert_eq!(copies.iter().sum::<usize>() + 1, seen.len());
    soon(log.close()).await;
}

fn record(raw_body: &str) -> NewRecord {
    let parts = RecordParts::fixture(raw_body.as_bytes());
    NewRecord { stored: parts.encode(), deadline: tokio::time::Instant::now() + HANG, permit: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_is_the_streams() {
    let server = Nats::start();
    let retention =
        Retention { age: Some(Duration::from_secs(3600)), bytes: Some(1 << 24), count: Some(1000) };
    let log = JetStreamLog::open(Options { retention, ..Options::new(&server.url()) }).await.unwrap();
    let config = operate(&server, "STREAM.INFO.callbacks", json!({})).await["config"].clone();
    assert_eq!(config["max_age"], 3_600_000_000_000_u64);
    assert_eq!((&config["max_bytes"], &config["max_msgs"]), (&json!(1 << 24), &json!(1000)));
    assert_eq!((&config["discard"], &config["allow_direct"]), (&json!("old"), &json!(true)));
    soon(log.close()).await;
}
