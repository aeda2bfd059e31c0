//! Repeated callbacks are marked, and never dropped.

use std::{collections::BTreeSet, path::Path, time::Duration};

use crate::support::*;
use callback_gateway::testing::{
    callback::{Apps, Envelope, duplicates::Duplicates},
    log::{
        EventLog as _, NewRecord,
        disk::{DiskLog, DiskOptions},
    },
};
use imcallback::{Event, ListEventsRequest};
use tempfile::TempDir;
use tokio::time::Instant;

/// Posts the same callback until it is marked. Returns the log. A repeat is marked once the gateway has
/// seen the first callback in its log, soon after its answer.
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
    assert!(
        more[events.len()..].iter().all(|event| event.possible_duplicate_of == 0),
        "other events are not marked"
    );
    gateway.stop().await;

    // Events from before a restart are remembered too.
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

/// Stores callbacks `{"n":0}`, `{"n":1}`, .. in a log, as an earlier gateway would have.
async fn store(data_dir: &Path, count: usize) {
    let log = DiskLog::open(DiskOptions::new(data_dir.to_owned(), 1 << 20)).unwrap();
    let apps = Apps { ids: BTreeSet::from([APP_ID]), ..Apps::default() };
    let nothing_seen = Duplicates::new(Duration::ZERO, 1);
    for from in (0..count).step_by(1000) {
        let appending: Vec<_> = (from..count.min(from + 1000))
            .map(|n| {
                let envelope = Envelope::from_query(&query("A.B"), &apps, 0).unwrap();
                let stored = envelope.into_record(body(n).as_bytes(), &nothing_seen).unwrap().record;
                log.append(NewRecord { stored, deadline: Instant::now() + HANG, permit: None })
            })
            .collect();
        for appended in appending {
            soon(appended).await.unwrap();
        }
    }
    soon(log.close()).await;
}

fn body(n: usize) -> String {
    format!("{{\"n\":{n}}}")
}

#[tokio::test]
async fn after_a_restart_the_newest_are_known_at_once_and_the_others_soon() {
    const COUNT: usize = 100_000;
    let dir = TempDir::new().unwrap();
    store(dir.path(), COUNT).await;
    let gateway = Gateway::start_in(dir.path()).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", &body(COUNT - 1)).await.is_stored());

    let mut client = gateway.client().await;
    let request = ListEventsRequest { page_size: 1, ..Default::default() };
    let newest = soon(client.list_events(request)).await.unwrap().into_inner().events.remove(0);
    assert_eq!(newest.sequence, COUNT as u64 + 1);
    assert_eq!(newest.possible_duplicate_of, COUNT as u64);

    // Repeats that are posted meanwhile do not evict the oldest one.
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    soon(async {
        loop {
            assert!(http.post("A.B", &body(0)).await.is_stored());
            if subscriber.event().await.unwrap().possible_duplicate_of == 1 {
                break;
            }
        }
    })
    .await;
    gateway.stop().await;
}
