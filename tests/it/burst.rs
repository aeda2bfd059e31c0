//! Subscribers before, during and after a burst of callbacks receive every event exactly once, in order,
//! wherever they start and however often they reconnect.

use callback_gateway::testing::event::Cursor;
use imcallback::{Event, SubscribeRequest, subscribe_response::Frame};
use tokio::task::JoinHandle;

use crate::support::burst::Burst;
use crate::support::*;

const CALLBACKS: usize = 10_000;
const CONNECTIONS: usize = 16;
/// Posted before the burst.
const FIRST: &str = r#"{"n":"first"}"#;
/// Posted after the burst: a subscriber that receives it has received all events.
const MARKER: &str = r#"{"n":"last"}"#;

/// Ends the burst. Returns the log, after a check against the answers.
async fn finish(burst: Burst, gateway: &Gateway, posted: &[&str]) -> Vec<Event> {
    burst.stop();
    let mut told = burst.ended().await;
    assert!(gateway.post("Test.Burst", MARKER).await.is_stored());
    told.stored.extend(posted.iter().chain([&MARKER]).map(|&body| body.to_owned()));
    let log = all_events(&mut gateway.client().await).await;
    told.assert_kept_in(&log);
    log
}

/// Reads a stream to the marker in a separate task.
fn follow(mut subscriber: Subscriber) -> JoinHandle<Vec<Event>> {
    tokio::spawn(async move { subscriber.events_until(|event| event.raw_body == MARKER).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_before_during_and_after_a_burst_see_each_event_once_in_order() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    assert!(gateway.post("Test.Burst", FIRST).await.is_stored());
    let first = all_events(&mut client).await.remove(0).cursor;
    let with_raw_body = |request| SubscribeRequest { include_raw_body: true, ..request };
    let starts = || [latest(), earliest(), after(&first)].map(with_raw_body);

    // Each subscriber is paired with the number of events before its start.
    let mut following = Vec::new();
    for (request, before) in starts().into_iter().zip([1, 0, 1]) {
        let (subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
        following.push((follow(subscriber), before));
    }
    let burst = Burst::start(gateway.addresses.http, "burst", CONNECTIONS).await;
    for count in [CALLBACKS / 10, CALLBACKS / 2, CALLBACKS * 9 / 10] {
        burst.stored(count).await;
        for request in starts() {
            let (subscriber, subscribed) = Subscriber::open(&mut client, request).await.unwrap();
            let start: Cursor = subscribed.cursor.parse().unwrap();
            following.push((follow(subscriber), start.sequence.0 as usize));
        }
    }
    burst.stored(CALLBACKS).await;
    let log = finish(burst, &gateway, &[FIRST]).await;
    // After the burst, `latest` starts at the end and delivers only new events.
    let (mut late, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    for (request, before) in [(earliest(), 0), (after(&first), 1)] {
        let (subscriber, _) = Subscriber::open(&mut client, with_raw_body(request)).await.unwrap();
        following.push((follow(subscriber), before));
    }
    for (events, before) in following {
        let events = soon(events).await.unwrap();
        assert_eq!(events.len(), log.len() - before);
        assert!(events == log[before..], "the subscriber received other events than the log contains");
    }
    assert!(gateway.post("Test.Burst", "{}").await.is_stored());
    assert_eq!(late.event().await.unwrap().sequence, log.last().unwrap().sequence + 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_disconnects_50_times_and_resumes_sees_each_event_once_in_order() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let (mut subscriber, subscribed) =
        Subscriber::open(&mut client, SubscribeRequest { include_raw_body: true, ..earliest() })
            .await
            .unwrap();
    let mut cursor = subscribed.cursor;
    let burst = Burst::start(gateway.addresses.http, "burst", CONNECTIONS).await;

    let mut seen = Vec::new();
    // A simple generator of uneven runs: 1 to 200 frames each.
    let mut random = 7_u64;
    for _ in 0..50 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for _ in 0..=(random >> 33) % 200 {
            // The cursor of any frame can be resumed after, not only that of an event.
            cursor = match subscriber.frame().await.unwrap() {
                Frame::Event(event) => {
                    let cursor = event.cursor.clone();
                    seen.push(event);
                    cursor
                }
                Frame::CaughtUp(frame) => frame.cursor,
                Frame::Heartbeat(frame) => frame.cursor,
                frame => panic!("unexpected {frame:?}"),
            };
        }
        drop(subscriber);
        // Sometimes over a new connection.
        if random.is_multiple_of(4) {
            client = gateway.client().await;
        }
        let request = SubscribeRequest { include_raw_body: true, ..after(&cursor) };
        let (again, subscribed) = Subscriber::open(&mut client, request).await.unwrap();
        assert_eq!(subscribed.cursor, cursor);
        subscriber = again;
    }
    let rest = follow(subscriber);
    burst.stored(CALLBACKS).await;
    let log = finish(burst, &gateway, &[]).await;
    seen.extend(soon(rest).await.unwrap());
    assert_eq!(seen.len(), log.len());
    assert!(seen == log, "the subscriber received other events than the log contains");
    gateway.stop().await;
}
