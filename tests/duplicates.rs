//! Callbacks that come in again are marked, and never dropped.

mod support;

use std::time::Duration;

use callback_gateway::proto::Event;
use support::*;
use tempfile::TempDir;

/// Posts the same callback until it is marked; gives the log. It is marked once
/// the gateway has seen the first one in its log, which is soon after its answer.
async fn post_until_marked(gateway: &Gateway) -> Vec<Event> {
    let mut client = gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    soon(async {
        loop {
            assert!(gateway.post("A.B", "{}").await.is_stored());
            if subscriber.event().await.unwrap().possible_duplicate_of != 0 {
                break;
            }
        }
    })
    .await;
    all_events(&mut client).await
}

#[tokio::test]
async fn a_callback_that_comes_in_again_is_stored_and_marked_with_the_first_one() {
    let dir = TempDir::new().unwrap();
    let gateway = Gateway::start_in(dir.path()).await;
    let events = post_until_marked(&gateway).await;
    assert!(events.len() >= 2);
    assert_eq!(events[0].possible_duplicate_of, 0);
    assert_eq!(events.last().unwrap().possible_duplicate_of, 1);
    for (command, body) in [("A.C", "{}"), ("A.B", "{ }")] {
        assert!(gateway.post(command, body).await.is_stored());
    }
    let more = all_events(&mut gateway.client().await).await;
    assert!(more[events.len()..].iter().all(|event| event.possible_duplicate_of == 0), "others are not");
    gateway.stop().await;

    // What was stored before a restart is remembered too.
    let gateway = Gateway::start_in(dir.path()).await;
    let events = post_until_marked(&gateway).await;
    assert_eq!(events.last().unwrap().possible_duplicate_of, 1);
    gateway.stop().await;
}

#[tokio::test]
async fn without_a_window_nothing_is_marked() {
    let gateway = Gateway::start_with(|settings| settings.duplicate_window = Duration::ZERO).await;
    for _ in 0..20 {
        assert!(gateway.post("A.B", "{}").await.is_stored());
    }
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events.len(), 20);
    assert!(events.iter().all(|event| event.possible_duplicate_of == 0));
    gateway.stop().await;
}
