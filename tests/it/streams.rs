//! Life of streams: the limit on their number, their age, clients that stop reading or disappear, and
//! the admin view of subscribers.

use std::{process::Command, sync::Arc, time::Duration};

use crate::support::*;
use axum::http::Request;
use callback_gateway::testing::{
    event::Sequence,
    log::{Cause, EventLog, Hole, Page, ReadError, memory::MemoryLog},
};
use futures_util::future::BoxFuture;
use imcallback::{
    ErrorReason, EventFilter, GapPolicy, GetLogStatusRequest, ListSubscribersRequest, LogState,
    SubscribeRequest, SubscribeResponse, SubscriberState, SubscriberStatus,
    admin_service_client::AdminServiceClient, subscribe_response::Frame,
};
use prost::Message as _;
use rustix::process::Signal;
use tokio::{net::TcpStream, sync::watch};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

async fn admin(address: std::net::SocketAddr) -> AdminServiceClient<Channel> {
    soon(AdminServiceClient::connect(format!("http://{address}"))).await.unwrap()
}

async fn subscribers(client: &mut AdminServiceClient<Channel>) -> Vec<SubscriberStatus> {
    let request = ListSubscribersRequest { page_size: 1000, ..Default::default() };
    soon(client.list_subscribers(request)).await.unwrap().into_inner().subscribers
}

/// Polls until the list meets the condition: the gateway sends no notification when the state of a
/// stream changes.
async fn until(
    client: &mut AdminServiceClient<Channel>,
    mut fine: impl FnMut(&[SubscriberStatus]) -> bool,
) -> Vec<SubscriberStatus> {
    soon(async {
        loop {
            let list = subscribers(client).await;
            if fine(&list) {
                return list;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

fn named(name: &str, request: SubscribeRequest) -> SubscribeRequest {
    SubscribeRequest { subscriber: name.to_owned(), ..request }
}

/// Reads frames up to the end of the stream.
async fn end(subscriber: &mut Subscriber) -> (Vec<Frame>, Status) {
    let mut frames = Vec::new();
    loop {
        match subscriber.frame().await {
            Ok(frame) => frames.push(frame),
            Err(status) => return (frames, status),
        }
    }
}

#[tokio::test]
async fn beyond_the_cap_a_stream_is_refused_and_an_ended_one_frees_its_place() {
    let gateway = Gateway::start_with(|settings| settings.max_streams = 2).await;
    let mut client = gateway.client().await;
    let (first, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    let _second = Subscriber::open(&mut client, latest()).await.unwrap();
    // On a separate connection too: the limit covers all streams.
    for client in [&mut client, &mut gateway.client().await] {
        let status = Subscriber::open(client, latest()).await.err().expect("the gateway refuses the stream");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason(&status), "TOO_MANY_STREAMS");
        assert!(status.message().contains("--grpc-max-streams"));
        assert!(status.get_details_retry_info().is_some());
    }
    // A refused start does not take a place.
    assert_eq!(Subscriber::open(&mut client, after("x")).await.err().unwrap().code(), Code::InvalidArgument);
    drop(first);
    soon(async { while Subscriber::open(&mut client, latest()).await.is_err() {} }).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_of_full_age_goes_away_with_its_last_cursor() {
    let gateway = Gateway::start_with(|settings| settings.max_stream_age = Duration::from_secs(1)).await;
    let mut client = gateway.client().await;
    assert!(gateway.post("A.B", "{}").await.is_stored());
    let (mut idle, _) = Subscriber::open(&mut client, earliest()).await.unwrap();
    let (frames, status) = end(&mut idle).await;
    let cursor = all_events(&mut client).await[0].cursor.clone();
    let Some(Frame::GoingAway(going)) = frames.last() else { panic!("{frames:?}") };
    assert_eq!((&going.cursor, going.reason()), (&cursor, ErrorReason::StreamAgeReached));
    assert!(going.retry_delay.is_some());
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STREAM_AGE_REACHED"));
    assert!(status.get_details_retry_info().is_some());
    gateway.stop().await;
}

/// Posts more than the window of a client that reads nothing.
async fn post_more_than_a_window(gateway: &Gateway) -> u64 {
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..100 {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    100
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_its_stream_and_sees_the_reason_later() {
    let gateway = Gateway::start_with(|settings| {
        settings.stall_timeout = Duration::from_secs(1);
        settings.max_streams = 1;
    })
    .await;
    let mut client = gateway.client().await;
    let request = SubscribeRequest { include_raw_body: true, ..named("stalled", earliest()) };
    let (mut stalled, _) = Subscriber::open(&mut client, request).await.unwrap();
    let posted = post_more_than_a_window(&gateway).await;

    let mut admin = admin(gateway.addresses.grpc).await;
    let list = until(&mut admin, |list| list[0].state() == SubscriberState::Ended).await;
    assert_eq!(list[0].end_reason, "RECEIVER_STALLED");
    assert!(list[0].lag_events > 0 && list[0].sent_events < posted, "{list:?}");
    // Its place is free, although its client has not noticed the end yet.
    let (other, _) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();

    let (frames, status) = end(&mut stalled).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "RECEIVER_STALLED"));
    let events: Vec<u64> = frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Event(event) => Some(event.sequence),
            _ => None,
        })
        .collect();
    assert_eq!(events, (1..=list[0].sent_events).collect::<Vec<_>>(), "all sent events arrive in order");
    drop(other);
    // The client resumes with the last cursor and misses nothing.
    let Some(Frame::Event(last)) = frames.last() else { panic!("{:?}", frames.last()) };
    let rest = soon(async {
        loop {
            let mut client = gateway.client().await;
            let Ok((mut subscriber, _)) = Subscriber::open(&mut client, after(&last.cursor)).await else {
                continue;
            };
            break subscriber.events_until(|event| event.sequence == posted).await;
        }
    })
    .await;
    assert_eq!(rest[0].sequence, last.sequence + 1);
    gateway.stop().await;
}

/// Half a message would be a broken stream to some clients, whatever the status says.
#[tokio::test]
async fn a_stalled_stream_ends_behind_a_whole_message() {
    for (count, bytes) in [(300, 1000), (4, 500_000)] {
        let gateway = Gateway::start_with(|settings| settings.stall_timeout = Duration::from_secs(1)).await;
        let mut http = Http::connect(gateway.addresses.http).await;
        for _ in 0..count {
            assert!(http.post("A.B", &format!("{{\"x\":\"{}\"}}", "x".repeat(bytes))).await.is_stored());
        }
        let stream = TcpStream::connect(gateway.addresses.grpc).await.unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let url = format!("http://{}/imcallback.v1.EventService/Subscribe", gateway.addresses.grpc);
        let request = Request::post(url).header("content-type", "application/grpc").header("te", "trailers");
        let mut requests = requests.ready().await.unwrap();
        let (response, mut body) = requests.send_request(request.body(()).unwrap(), false).unwrap();
        let message = SubscribeRequest { include_raw_body: true, ..earliest() }.encode_to_vec();
        let prefix = [&[0][..], &(message.len() as u32).to_be_bytes()].concat();
        body.send_data([prefix, message].concat().into(), true).unwrap();
        let mut body = soon(response).await.unwrap().into_body();
        let mut admin = admin(gateway.addresses.grpc).await;
        // A stream without a name is removed from the list when it ends.
        until(&mut admin, |list| list.is_empty()).await;

        let mut read = Vec::new();
        while let Some(data) = soon(body.data()).await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            read.extend_from_slice(&data);
        }
        let trailers = soon(body.trailers()).await.unwrap().unwrap();
        assert_eq!(trailers["grpc-status"], (Code::ResourceExhausted as i32).to_string());
        let (mut rest, mut events) = (&read[..], 0);
        while let Some((prefix, behind)) = rest.split_at_checked(5) {
            let len = u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize;
            let (message, behind) = behind.split_at_checked(len).expect("messages are complete");
            let frame = SubscribeResponse::decode(message).unwrap().frame.unwrap();
            events += i32::from(matches!(frame, Frame::Event(_)));
            rest = behind;
        }
        assert!(rest.is_empty() && (1..count).contains(&events), "{events} of {count}");
        connection.abort();
        gateway.stop().await;
    }
}

#[tokio::test]
async fn an_idle_stream_is_not_taken_for_a_stalled_one() {
    let gateway = Gateway::start_with(|settings| settings.stall_timeout = Duration::from_secs(1)).await;
    let mut client = gateway.client().await;
    // The interval between its heartbeats is longer than the stall timeout.
    let request = SubscribeRequest {
        heartbeat_interval: Some(Duration::from_secs(3).into()),
        ..named("idle", latest())
    };
    let (mut idle, _) = Subscriber::open(&mut client, request).await.unwrap();
    assert!(matches!(idle.frame().await.unwrap(), Frame::CaughtUp(_)));
    assert!(matches!(idle.frame().await.unwrap(), Frame::Heartbeat(_)));
    let list = subscribers(&mut admin(gateway.addresses.grpc).await).await;
    assert_eq!(list[0].state(), SubscriberState::Live);
    gateway.stop().await;
}

/// The process is stopped but not ended: its kernel still receives bytes, but pings are not answered.
#[tokio::test]
async fn a_client_stopped_by_sigstop_loses_its_connection_by_keepalive() {
    let gateway = Gateway::start_with(|settings| {
        settings.grpc_keepalive_interval = Duration::from_secs(1);
        settings.grpc_keepalive_timeout = Duration::from_secs(1);
        settings.max_streams = 1;
    })
    .await;
    // This test binary runs the test below.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "streams::subscribes_for_another_test", "--nocapture"])
        .env("SUBSCRIBE_TO", gateway.addresses.grpc.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let child = child::Running(child);
    let mut admin = admin(gateway.addresses.grpc).await;
    until(&mut admin, |list| list.iter().any(|one| one.name == "child")).await;
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    // With bytes in flight that are not acknowledged.
    post_more_than_a_window(&gateway).await;
    let list = until(&mut admin, |list| list[0].state() == SubscriberState::Ended).await;
    assert_eq!((list[0].name.as_str(), list[0].end_reason.as_str()), ("child", "CLIENT_GONE"));
    Subscriber::open(&mut gateway.client().await, latest())
        .await
        .expect("the place of the stopped client is free");
    gateway.stop().await;
}

/// Helper process: the client of the test above.
#[tokio::test]
async fn subscribes_for_another_test() {
    let Ok(address) = std::env::var("SUBSCRIBE_TO") else { return };
    let mut client = client(address.parse().unwrap()).await;
    let (mut subscriber, _) = Subscriber::open(&mut client, named("child", latest())).await.unwrap();
    end(&mut subscriber).await;
}

#[tokio::test]
async fn operators_see_who_reads_and_who_is_behind() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let filter = Some(EventFilter { commands: vec!["Rare.*".to_owned()], ..Default::default() });
    let live = SubscribeRequest { filter: filter.clone(), ..named("live", latest()) };
    let (mut live, _) = Subscriber::open(&mut client, live).await.unwrap();
    assert!(matches!(live.frame().await.unwrap(), Frame::CaughtUp(_)));
    let slow = SubscribeRequest { include_raw_body: true, ..named("slow.1", earliest()) };
    let mut slow_client = gateway.client().await;
    let (_slow, _) = Subscriber::open(&mut slow_client, slow).await.unwrap();
    let (_unnamed, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    let posted = post_more_than_a_window(&gateway).await;

    let mut admin = admin(gateway.addresses.grpc).await;
    let list = until(&mut admin, |list| list[1].state() == SubscriberState::Blocked).await;
    assert_eq!(list.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["live", "slow.1", ""]);
    let [live_status, slow_status, _] = &list[..] else { panic!("{list:?}") };
    assert_eq!(live_status.state(), SubscriberState::Live);
    assert_eq!(live_status.filter, filter);
    assert_eq!(
        (live_status.lag_events, live_status.sent_events),
        (0, 0),
        "events outside its filter are not lag"
    );
    assert_eq!(live_status.cursor, all_events(&mut client).await.last().unwrap().cursor);
    assert!(live_status.peer.starts_with("127.0.0.1:"));
    assert_eq!(slow_status.lag_events, posted - slow_status.sent_events);
    assert!(slow_status.blocked_time.unwrap().seconds >= 5);
    assert!(
        slow_status.lag_time.unwrap().seconds >= 4,
        "about as long as the stream is blocked: {slow_status:?}"
    );

    drop(slow_client);
    drop(_slow);
    let list = until(&mut admin, |list| list.iter().any(|one| one.state() == SubscriberState::Ended)).await;
    let ended = &list[1];
    assert_eq!((ended.name.as_str(), ended.end_reason.as_str()), ("slow.1", "CLIENT_GONE"));
    assert!(
        ended.end_time.is_some() && ended.lag_events > 0,
        "the ended stream still reports its lag: {ended:?}"
    );

    // A new stream uses the name. The last end stays listed beside it.
    let (_again, _) = Subscriber::open(&mut client, named("slow.1", after(&ended.cursor))).await.unwrap();
    let list = subscribers(&mut admin).await;
    assert_eq!(list.iter().filter(|one| one.name == "slow.1").count(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn subscribers_are_listed_page_by_page() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let mut open = Vec::new();
    for n in 0..25 {
        open.push(Subscriber::open(&mut client, named(&format!("s{n}"), latest())).await.unwrap());
    }
    let mut admin = admin(gateway.addresses.grpc).await;
    let mut request = ListSubscribersRequest { page_size: 10, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = soon(admin.list_subscribers(request.clone())).await.unwrap().into_inner();
        assert!(page.subscribers.len() <= 10);
        names.extend(page.subscribers.into_iter().map(|one| one.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(names, (0..25).map(|n| format!("s{n}")).collect::<Vec<_>>());
    let wrong = ListSubscribersRequest { page_token: "x".to_owned(), ..Default::default() };
    let status = soon(admin.list_subscribers(wrong)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_PAGE_TOKEN"));
    gateway.stop().await;
}

#[tokio::test]
async fn ended_subscribers_are_remembered_up_to_a_bound() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let mut admin = admin(gateway.addresses.grpc).await;
    for n in 0..1005 {
        let (subscriber, _) = Subscriber::open(&mut client, named(&format!("s{n}"), latest())).await.unwrap();
        drop(subscriber);
    }
    // While some are open, the list is longer than a page.
    let list = until(&mut admin, |list| {
        list.last().is_some_and(|one| one.name == "s1004")
            && list.iter().all(|one| one.state() == SubscriberState::Ended)
    })
    .await;
    assert_eq!(list.len(), 1000, "the oldest entries are evicted");
    gateway.stop().await;
}

#[tokio::test]
async fn the_logs_status_says_what_is_stored() {
    let gateway = Gateway::start().await;
    let mut admin = admin(gateway.addresses.grpc).await;
    let empty = soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap().into_inner();
    assert_eq!((empty.oldest_sequence, empty.latest_sequence), (0, 0));
    assert_eq!((empty.backend.as_str(), empty.state()), ("disk", LogState::Writable));
    assert!(empty.oldest_receive_time.is_none() && empty.epoch_start.is_some());
    for n in 0..10 {
        assert!(gateway.post("A.B", &format!("{{\"n\":{n}}}")).await.is_stored());
    }
    let events = all_events(&mut gateway.client().await).await;
    let status = soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap().into_inner();
    assert_eq!((status.oldest_sequence, status.latest_sequence, status.memory_sequence), (1, 10, 1));
    assert_eq!(status.oldest_receive_time, events[0].receive_time);
    assert_eq!(status.latest_receive_time, events[9].receive_time);
    assert_eq!(status.latest_cursor, events[9].cursor);
    assert_eq!(status.epoch, empty.epoch);
    assert!(status.bytes > 0);
    gateway.stop().await;
}

/// Log with a damaged event, whose reads from a later event on can hang.
struct FaultyLog {
    log: MemoryLog,
    damaged: Sequence,
    hangs_from: Sequence,
    hangs: watch::Sender<bool>,
}

impl Overrides for FaultyLog {
    fn log(&self) -> &dyn EventLog {
        &self.log
    }
    fn read(&self, from: Sequence, max: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move {
            if from >= self.hangs_from {
                self.hangs.subscribe().wait_for(|hangs| !hangs).await.unwrap();
            }
            if from == self.damaged {
                return Err(ReadError::Hole(Hole::one(from, Cause::Damaged)));
            }
            let before_damage = self.damaged.0.checked_sub(from.0).map_or(max, |left| left as usize);
            self.log.read(from, max.min(before_damage)).await
        })
    }
}

fn faulty_log(damaged: u64, hangs_from: u64) -> Arc<OverriddenLog<FaultyLog>> {
    Arc::new(OverriddenLog(FaultyLog {
        log: MemoryLog::new(1 << 20).unwrap(),
        damaged: Sequence(damaged),
        hangs_from: Sequence(hangs_from),
        hangs: watch::Sender::new(true),
    }))
}

#[tokio::test]
async fn a_damaged_event_ends_the_stream_or_is_told_as_a_gap() {
    let gateway = Gateway::start_over(faulty_log(3, u64::MAX)).await;
    for n in 1..=5 {
        assert!(gateway.post("A.B", &format!("{{\"n\":{n}}}")).await.is_stored());
    }
    let mut client = gateway.client().await;
    let (mut fails, _) = Subscriber::open(&mut client, earliest()).await.unwrap();
    let (frames, status) = end(&mut fails).await;
    assert_eq!(frames.len(), 2, "events before the damaged one are delivered: {frames:?}");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DataLoss, "LOG_DAMAGED"));

    let request = SubscribeRequest { on_gap: GapPolicy::Skip.into(), ..earliest() };
    let (mut skips, _) = Subscriber::open(&mut client, request).await.unwrap();
    let mut seen = Vec::new();
    loop {
        match skips.frame().await.unwrap() {
            Frame::Event(event) => seen.push(event.sequence),
            Frame::Gap(gap) => assert_eq!((gap.first_missing_sequence, gap.last_missing_sequence), (3, 3)),
            Frame::CaughtUp(_) => break,
            frame => panic!("unexpected {frame:?}"),
        }
    }
    assert_eq!(seen, [1, 2, 4, 5]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_read_that_takes_long_costs_no_heartbeat_and_no_stream() {
    let log = faulty_log(u64::MAX, 1);
    let gateway = Gateway::start_over_with(Arc::clone(&log) as Arc<dyn EventLog>, |settings| {
        settings.stall_timeout = Duration::from_secs(1);
    })
    .await;
    let mut client = gateway.client().await;
    let request = SubscribeRequest { heartbeat_interval: Some(Duration::from_secs(1).into()), ..latest() };
    let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
    assert!(matches!(subscriber.frame().await.unwrap(), Frame::CaughtUp(_)));
    assert!(gateway.post("A.B", "{}").await.is_stored());
    for _ in 0..3 {
        assert!(matches!(subscriber.frame().await.unwrap(), Frame::Heartbeat(_)));
    }
    log.0.hangs.send_replace(false);
    assert_eq!(subscriber.event().await.unwrap().sequence, 1);
    gateway.stop().await;
}

/// Keepalive pings reach a client only after it speaks HTTP/2.
#[tokio::test]
async fn connections_that_never_speak_http2_lose_their_places() {
    let gateway = Gateway::start_with(|settings| settings.grpc_max_connections = 2).await;
    let mut silent = Vec::new();
    for begun in ["", "PRI * HTTP/2.0"] {
        let mut http = Http::connect(gateway.addresses.grpc).await;
        http.send(begun).await;
        silent.push(http);
    }
    all_events(&mut gateway.client().await).await;
    for mut http in silent {
        assert!(http.closed().await.is_empty());
    }
    gateway.stop().await;
}
