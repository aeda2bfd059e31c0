//! Two gateways on a cluster of three NATS servers, while servers, gateways and the network between them
//! fail.

use std::time::{Duration, Instant};

use callback_gateway::config::{LogKind, Settings, nats::Nats as NatsSettings};
use callback_gateway::testing::event::Cursor;
use gateway_testkit::burst::{Answers, Burst, Follower};
use gateway_testkit::operator::{
    all_stored, assert_expired, assert_replaced, assert_reports_gap, operate, recreate_stream, refused,
    until_expired,
};
use gateway_testkit::{
    nats::Nats,
    proxy::{Network, Proxy},
    *,
};
use imcallback::{
    Event, GapPolicy, SubscribeRequest, event_service_client::EventServiceClient, subscribe_request::Start,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

/// Length of a network outage.
const CUT: Duration = Duration::from_secs(10);

fn over(urls: &[String]) -> impl FnOnce(&mut Settings) + use<> {
    let urls = urls.to_vec();
    move |settings| {
        settings.log = LogKind::Nats;
        settings.nats = NatsSettings { urls, replicas: 3, ..NatsSettings::default() };
    }
}

fn urls(servers: &[Nats]) -> Vec<String> {
    servers.iter().map(Nats::url).collect()
}

async fn gateway(servers: &[Nats]) -> Gateway {
    Gateway::start_with(over(&urls(servers))).await
}

/// Returns the index of the server that leads the stream.
async fn leader(servers: &[Nats]) -> usize {
    let client = async_nats::connect(urls(servers)).await.unwrap();
    let info = soon(client.request("$JS.API.STREAM.INFO.callbacks", "".into())).await.unwrap();
    let info: Value = serde_json::from_slice(&info.payload).unwrap();
    let leader = info["cluster"]["leader"].as_str().expect("the stream has a leader");
    leader.strip_prefix('n').unwrap().parse().unwrap()
}

async fn status(gateway: &Gateway) -> u16 {
    get(gateway.addresses.admin, "/readyz").await.status
}

/// Returns the connection and the number of a callback of a burst.
fn origin(body: &str) -> (String, u64) {
    let id = body.split('"').find(|part| part.matches('-').count() == 2).expect("the body contains an ID");
    let (connection, n) = id.rsplit_once('-').unwrap();
    (connection.to_owned(), n.parse().unwrap())
}

/// Checks that the acknowledged callbacks of each connection are stored in the order of their posting.
fn assert_order_of_connections(answers: &Answers, events: &[Event]) {
    let stored: std::collections::HashSet<&str> = answers.stored.iter().map(String::as_str).collect();
    let mut last = std::collections::HashMap::new();
    for event in events.iter().filter(|event| stored.contains(event.raw_body.as_str())) {
        let (connection, n) = origin(&event.raw_body);
        let before = last.insert(connection.clone(), n);
        assert!(before.is_none_or(|before| before < n), "{connection}: {n} after {before:?}");
    }
}

fn cursors(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.cursor.as_str()).collect()
}

/// Ends the bursts, and checks the events of all gateways and followers against the answers.
async fn assert_all_kept(
    servers: &[Nats],
    mut answers: Answers,
    bursts: Vec<Burst>,
    gateways: &[&Gateway],
    followers: Vec<Follower>,
) -> Answers {
    for burst in bursts {
        burst.stop();
        answers.add(burst.ended().await);
    }
    let events = all_stored(servers, gateways[0]).await;
    answers.assert_kept_in(&events);
    assert_order_of_connections(&answers, &events);
    for gateway in &gateways[1..] {
        let others = all_stored(servers, gateway).await;
        // Late callbacks may have arrived since.
        assert_eq!(cursors(&others)[..events.len()], cursors(&events));
    }
    for mut follower in followers {
        follower.saw(events.len()).await;
        assert_eq!(
            cursors(&follower.seen())[..events.len()],
            cursors(&events),
            "the follower saw the events of the log"
        );
    }
    answers
}

async fn follow(gateway: &Gateway) -> Follower {
    Follower::open(&mut gateway.client().await, earliest()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_streams_leader_in_a_burst_loses_nothing_and_doubles_nothing() {
    let mut servers = Nats::cluster();
    let (one, other) = (gateway(&servers).await, gateway(&servers).await);
    let followers = vec![follow(&one).await, follow(&other).await];
    let bursts = vec![
        Burst::start(one.addresses.http, "one", 8).await,
        Burst::start(other.addresses.http, "other", 8).await,
    ];
    for burst in &bursts {
        burst.stored(500).await;
    }
    let leader = leader(&servers).await;
    servers[leader].kill();
    let killed = Instant::now();
    let mut http = Http::connect(one.addresses.http).await;
    let mut probes = Answers::default();
    soon(async {
        for n in 0.. {
            let body = format!(r#"{{"n":"probe-0-{n}"}}"#);
            if http.post("A.B", &body).await.is_stored() {
                probes.stored.push(body);
                break;
            }
            probes.unknown.push(body);
        }
    })
    .await;
    println!("first acknowledged callback {:?} after the kill", killed.elapsed());
    for burst in &bursts {
        burst.stored_more(500).await;
    }
    servers[leader].start_again();
    for burst in &bursts {
        burst.stored_more(500).await;
    }
    let answers = assert_all_kept(&servers, probes, bursts, &[&one, &other], followers).await;
    println!("{} acknowledged, {} refused", answers.stored.len(), answers.unknown.len());
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_steps_down_again_and_again_is_a_pause() {
    let servers = Nats::cluster();
    let (one, other) = (gateway(&servers).await, gateway(&servers).await);
    let followers = vec![follow(&one).await, follow(&other).await];
    let bursts = vec![
        Burst::start(one.addresses.http, "one", 8).await,
        Burst::start(other.addresses.http, "other", 8).await,
    ];
    let client = async_nats::connect(urls(&servers)).await.unwrap();
    for _ in 0..5 {
        for burst in &bursts {
            burst.stored_more(100).await;
        }
        let subject = "$JS.API.STREAM.LEADER.STEPDOWN.callbacks";
        let answer = soon(client.request(subject, "".into())).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["success"], true, "{answer}");
    }
    for burst in &bursts {
        burst.stored_more(100).await;
    }
    let answers = assert_all_kept(&servers, Answers::default(), bursts, &[&one, &other], followers).await;
    println!("{} acknowledged, {} refused", answers.stored.len(), answers.unknown.len());
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_callbacks_are_refused_and_with_one_again_taken() {
    let mut servers = Nats::cluster();
    let gateway = gateway(&servers).await;
    let follower = follow(&gateway).await;
    let [first, second] = [r#"{"n":"a-0-0"}"#, r#"{"n":"a-0-1"}"#].map(str::to_owned);
    assert!(gateway.post("Test.Crash", &first).await.is_stored());
    servers[0].kill();
    servers[1].kill();
    assert_eq!(gateway.post("Test.Crash", &second).await.status, 503);
    until_ready_is(gateway.addresses.admin, 503).await;
    servers[1].start_again();
    until_ready_is(gateway.addresses.admin, 200).await;
    let burst = Burst::start(gateway.addresses.http, "b", 4).await;
    burst.stored(200).await;
    let answers = Answers { stored: vec![first], unknown: vec![second] };
    assert_all_kept(&servers, answers, vec![burst], &[&gateway], vec![follower]).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_of_a_killed_gateway_go_on_at_the_other_by_cursor() {
    let servers = Nats::cluster();
    let dir = tempfile::TempDir::new().unwrap();
    let all = urls(&servers).join(",");
    let doomed = Process::serve(dir.path(), &["--log", "nats", "--nats-url", &all]);
    let other = gateway(&servers).await;
    let burst = Burst::start(other.addresses.http, "a", 8).await;
    let doomed_burst = Burst::start(doomed.addresses.http, "b", 8).await;
    let mut subscribers = Vec::new();
    for _ in 0..4 {
        let (mut subscriber, _) = Subscriber::open(&mut doomed.client().await, earliest()).await.unwrap();
        subscribers.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Ok(event) = subscriber.event().await {
                seen.push(event);
            }
            seen
        }));
    }
    burst.stored(500).await;
    doomed_burst.stored(500).await;
    doomed.kill();
    let mut seen = Vec::new();
    for subscriber in subscribers {
        seen.push(soon(subscriber).await.unwrap());
    }
    burst.stored_more(500).await;
    burst.stop();
    let mut answers = burst.ended().await;
    answers.add(doomed_burst.ended().await);
    let mut client = other.client().await;
    let events = all_stored(&servers, &other).await;
    answers.assert_kept_in(&events);
    assert_order_of_connections(&answers, &events);
    for mut seen in seen {
        assert!(!seen.is_empty());
        let rest = resume(&mut client, &seen.last().unwrap().cursor).await;
        seen.extend(rest);
        assert_eq!(cursors(&seen), cursors(&events));
    }
    other.stop().await;
}

/// Simulates operators who restore a backup of the servers after a disaster.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_put_back_to_an_earlier_state_is_rewound() {
    let mut servers = Nats::cluster();
    let gateway = gateway(&servers).await;
    post(&gateway, 10).await;
    let mut follower = follow(&gateway).await;
    follower.saw(10).await;
    let before = all_stored(&servers, &gateway).await.len();
    servers.iter_mut().for_each(Nats::kill);
    let kept: Vec<_> = servers.iter().map(Nats::copy_of_store).collect();
    Nats::start_all_again(&mut servers);
    post(&gateway, 10).await;
    // The gateway may acknowledge callbacks before its tail has received them.
    follower.saw(before + 10).await;
    let events = all_stored(&servers, &gateway).await;
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
    servers.iter_mut().for_each(Nats::kill);
    for (server, kept) in servers.iter().zip(&kept) {
        server.put_back(kept);
    }
    Nats::start_all_again(&mut servers);
    let status = subscriber.event().await.unwrap_err();
    assert_eq!(reason(&status), "LOG_REWOUND", "{status}");
    let gateway = self::gateway(&servers).await;
    for event in [&events[4], events.last().unwrap()] {
        assert_replaced(&refused(&gateway, after(&event.cursor)).await);
    }
    let left = all_events(&mut gateway.client().await).await;
    let packets = |events: &[Event]| events.iter().map(|event| event.raw_body.clone()).collect::<Vec<_>>();
    assert_eq!(packets(&left), packets(&events[..before]), "the remaining events are still served");
    gateway.stop().await;
}

/// Maximum number of events in the stream of the test below.
const KEPT: u64 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn both_gateways_tell_what_operators_and_limits_do_to_the_stream() {
    let servers = Nats::cluster();
    let keeping = async || {
        Gateway::start_with(|settings| {
            over(&urls(&servers))(settings);
            settings.retention_count = Some(KEPT);
            settings.memory_bytes = 1 << 20;
        })
        .await
    };
    let gateways = [keeping().await, keeping().await];
    let last = purge(&servers[0], &gateways).await;
    overtake_slow_subscribers(&gateways, last).await;

    let mut subscribers = Vec::new();
    for gateway in &gateways {
        subscribers.push(Subscriber::open(&mut gateway.client().await, latest()).await.unwrap().0);
    }
    let before = all_stored(&servers, &gateways[0]).await;
    recreate_stream(&servers[0]).await;
    for mut subscriber in subscribers {
        assert_replaced(&subscriber.event().await.unwrap_err());
    }
    let gateway = keeping().await;
    assert_replaced(&refused(&gateway, after(&before.last().unwrap().cursor)).await);
    gateway.stop().await;
}

/// Purges half of the stream, then all of it. Returns the last sequence.
async fn purge(server: &Nats, gateways: &[Gateway; 2]) -> u64 {
    let mut http = Http::connect(gateways[0].addresses.http).await;
    for _ in 0..20 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    let events = all_stored(std::slice::from_ref(server), &gateways[0]).await;
    let mut at_tail = Vec::new();
    for gateway in gateways {
        let mut subscriber = Subscriber::open(&mut gateway.client().await, earliest()).await.unwrap().0;
        subscriber.events_until(|event| event.sequence == 20).await;
        at_tail.push(subscriber);
    }
    operate(server, "STREAM.PURGE.callbacks", json!({ "seq": 11 })).await;
    for gateway in gateways {
        assert_reports_gap(gateway, &events).await;
    }
    operate(server, "STREAM.PURGE.callbacks", json!({})).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    for mut subscriber in at_tail {
        assert_eq!(subscriber.event().await.unwrap().sequence, 21);
    }
    for gateway in gateways {
        until_expired(gateway, &events[14].cursor).await;
    }
    21
}

/// Stores more than the buffers of subscribers hold while they read nothing, and trims all but the end.
async fn overtake_slow_subscribers(gateways: &[Gateway; 2], before: u64) {
    const COUNT: u64 = 200;
    let mut slow = Vec::new();
    for gateway in gateways {
        for on_gap in [GapPolicy::Fail, GapPolicy::Skip] {
            let request = SubscribeRequest { on_gap: on_gap.into(), include_raw_body: true, ..latest() };
            let (subscriber, _) = Subscriber::open(&mut gateway.client().await, request).await.unwrap();
            slow.push((subscriber, on_gap));
        }
    }
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    let mut http = Http::connect(gateways[0].addresses.http).await;
    for _ in 0..COUNT {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    let last = before + COUNT;
    for (mut subscriber, on_gap) in slow {
        let read = subscriber.read_slowly(before + 1, last).await;
        match on_gap {
            GapPolicy::Skip => assert!(read.status.is_none() && read.gaps > 0, "{read:?}"),
            _ => {
                let status = read.status.expect("the stream ends");
                assert_expired(&status);
                let oldest = &status.get_details_error_info().unwrap().metadata["oldest_cursor"];
                // Before the oldest stored event.
                let oldest = oldest.parse::<Cursor>().unwrap().sequence.0;
                assert!((read.next..=last - KEPT).contains(&oldest), "{oldest}");
            }
        }
    }
}

/// Keeps almost nothing in memory, so that events are read from the servers.
#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_whole_and_in_order_while_servers_are_killed() {
    const STORED: usize = 12_000;
    let mut servers = Nats::cluster();
    let of_servers = over(&urls(&servers));
    let gateway = Gateway::start_with(|settings| {
        of_servers(settings);
        settings.memory_bytes = 1000;
    })
    .await;
    let burst = Burst::start(gateway.addresses.http, "history", 16).await;
    burst.stored(STORED).await;
    burst.stop();
    let answers = burst.ended().await;
    let events = all_stored(&servers, &gateway).await;
    answers.assert_kept_in(&events);
    let mut in_the_middle = 0;
    for (n, server) in servers.iter_mut().enumerate() {
        let mut followers = Vec::new();
        for _ in 0..3 {
            followers.push(follow(&gateway).await);
        }
        followers[0].saw(500).await;
        server.kill();
        in_the_middle += followers.iter().filter(|follower| follower.seen().len() < events.len()).count();
        for mut follower in followers {
            follower.saw(events.len()).await;
            assert_eq!(cursors(&follower.seen()), cursors(&events), "without server {n}");
        }
        server.start_again();
        until_ready_is(gateway.addresses.admin, 200).await;
    }
    assert!(in_the_middle > 0, "every server was killed after the read had finished");
    gateway.stop().await;
}

/// Posts until this many callbacks were answered with 200 OK.
async fn post(gateway: &Gateway, count: usize) {
    let burst = Burst::start(gateway.addresses.http, "a", 1).await;
    burst.stored(count).await;
    burst.stop();
    burst.ended().await;
}

async fn resume(client: &mut EventServiceClient<Channel>, cursor: &str) -> Vec<Event> {
    let start = Some(Start::AfterCursor(cursor.to_owned()));
    read(client, SubscribeRequest { start, ..Default::default() }).await
}

async fn cut_the_network(how: Network) {
    let (network, at_network) = watch::channel(Network::Works);
    let targets = [(); 3].map(|()| watch::channel(None));
    let mut proxies = Vec::new();
    for (_, target) in &targets {
        proxies.push(Proxy::start(target.clone(), at_network.clone()).await);
    }
    // NATS servers advertise addresses to clients. They advertise the proxies, so that clients do not
    // bypass them.
    let servers = Nats::cluster_with(|n| format!("client_advertise: \"127.0.0.1:{}\"", proxies[n].port));
    for (server, (target, _)) in servers.iter().zip(&targets) {
        target.send_replace(Some(server.port));
    }
    let behind: Vec<String> =
        proxies.iter().map(|proxy| format!("nats://127.0.0.1:{}", proxy.port)).collect();
    let cut = Gateway::start_with(over(&behind)).await;
    let other = gateway(&servers).await;
    let followers = vec![follow(&cut).await, follow(&other).await];
    let bursts = vec![
        Burst::start(cut.addresses.http, "cut", 8).await,
        Burst::start(other.addresses.http, "other", 8).await,
    ];
    for burst in &bursts {
        burst.stored(300).await;
    }
    network.send_replace(how);
    let began = Instant::now();
    until_ready_is(cut.addresses.admin, 503).await;
    println!("{how:?}: not ready after {:?}", began.elapsed());
    assert_eq!(status(&other).await, 200, "the other gateway stays ready");
    bursts[1].stored_more(100).await;
    // The outage must last this long.
    tokio::time::sleep(CUT.saturating_sub(began.elapsed())).await;
    network.send_replace(Network::Works);
    let ended = Instant::now();
    bursts[0].stored_more(1).await;
    println!("{how:?}: first acknowledged callback {:?} after the network is back", ended.elapsed());
    for burst in &bursts {
        burst.stored_more(300).await;
    }
    until_ready_is(cut.addresses.admin, 200).await;
    let answers = assert_all_kept(&servers, Answers::default(), bursts, &[&cut, &other], followers).await;
    println!("{how:?}: {} acknowledged, {} refused", answers.stored.len(), answers.unknown.len());
    cut.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_stalls_is_a_pause() {
    cut_the_network(Network::Stalls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_resets_connections_is_a_pause() {
    cut_the_network(Network::Resets).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_loses_what_is_sent_is_a_pause() {
    cut_the_network(Network::Drops).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_subscriber_sees_one_order_of_100k_callbacks_split_between_two_gateways() {
    const HALF: usize = 50_000;
    let servers = Nats::cluster();
    let (one, other) = (gateway(&servers).await, gateway(&servers).await);
    let mut followers = Vec::new();
    for gateway in [&one, &other, &one, &other] {
        followers.push(follow(gateway).await);
    }
    let bursts = vec![
        Burst::start(one.addresses.http, "one", 32).await,
        Burst::start(other.addresses.http, "other", 32).await,
    ];
    let began = Instant::now();
    // In steps, because each wait in a test has a time limit.
    for count in (HALF / 10..=HALF).step_by(HALF / 10) {
        for burst in &bursts {
            burst.stored(count).await;
        }
    }
    println!("100,000 callbacks through two gateways in {:?}", began.elapsed());
    let answers = assert_all_kept(&servers, Answers::default(), bursts, &[&one, &other], followers).await;
    assert!(answers.stored.len() >= 2 * HALF);
    println!("{} refused", answers.unknown.len());
    one.stop().await;
    other.stop().await;
}
