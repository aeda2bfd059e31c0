//! Reads by pull consumers on a real server.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{LONG_DISTANCE, MAX_CONSUMERS, PAUSE};
use crate::{
    event::Sequence,
    log::{
        EventLog as _, PAGE_BYTES, PAGE_RECORDS, ReadError,
        conformance::{HANG, append_all, nats::Nats, read_all, record, sequences},
        jetstream::{JetStreamLog, Options},
    },
    net::nats_login::Login,
};

const STORED: usize = 2 * LONG_DISTANCE as usize;

/// Opens a log with almost nothing in memory.
async fn open(options: Options) -> JetStreamLog {
    JetStreamLog::open(Options { ring_bytes: 1024, ..options }).await.unwrap()
}

/// Opens a log with twice the distance from which on consumers are used.
async fn stored(server: &Nats) -> JetStreamLog {
    let log = open(Options::new(&server.url())).await;
    store(&log, STORED).await;
    log
}

async fn store(log: &JetStreamLog, count: usize) {
    for _ in 0..count / 1024 {
        append_all(log, 1024).await;
    }
}

async fn ask(log: &JetStreamLog, what: &str, request: Value) {
    let subject = format!("$JS.API.STREAM.{what}.callbacks");
    let answer = log.state.api.client.request(subject, request.to_string().into());
    let answer: Value =
        serde_json::from_slice(&timeout(HANG, answer).await.unwrap().unwrap().payload).unwrap();
    assert_eq!(answer["success"], true, "{answer}");
}

fn from_to(from: u64, to: usize) -> Vec<u64> {
    (from..=to as u64).collect()
}

/// Returns the number of consumers, and of those that wait for their readers.
fn consumers(log: &JetStreamLog) -> (usize, usize) {
    (
        MAX_CONSUMERS - log.history.consumers.permits.available_permits(),
        log.history.consumers.idle.lock().len(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_distance_is_read_by_one_consumer() {
    let server = Nats::start();
    let log = stored(&server).await;
    let mut from = Sequence::FIRST;
    let mut seen = Vec::new();
    while seen.len() < STORED {
        let page = timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap().unwrap();
        from = page.next;
        seen.extend(sequences(&page.records));
        if seen.len() < STORED - PAGE_RECORDS {
            assert_eq!(consumers(&log), (1, 1), "at {from:?}");
        }
    }
    assert_eq!(seen, from_to(1, STORED));
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_distance_is_read_without_a_consumer() {
    let server = Nats::start();
    let log = stored(&server).await;
    let from = Sequence(STORED as u64 - LONG_DISTANCE + 2);
    assert_eq!(sequences(&read_all(&log, from).await), from_to(from.0, STORED));
    timeout(HANG, log.read(Sequence::FIRST, 10)).await.unwrap().unwrap();
    assert_eq!(consumers(&log), (0, 0));
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_whose_reader_does_not_return_is_dropped() {
    let server = Nats::start();
    let log = stored(&server).await;
    timeout(HANG, log.read(Sequence::FIRST, PAGE_RECORDS)).await.unwrap().unwrap();
    assert_eq!(consumers(&log), (1, 1));
    let gone = log.history.consumers.permits.acquire_many(MAX_CONSUMERS as u32);
    drop(timeout(HANG, gone).await.expect("its permit is returned").unwrap());
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_beyond_the_limit_of_consumers_read_everything() {
    let server = Nats::start();
    let log = stored(&server).await;
    let all = join_all((0..MAX_CONSUMERS + 4).map(|_| read_all(&log, Sequence::FIRST))).await;
    for seen in all {
        assert_eq!(sequences(&seen), from_to(1, STORED));
    }
    assert!(consumers(&log).0 <= MAX_CONSUMERS);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_are_skipped_and_a_trim_is_reported() {
    let server = Nats::start();
    let log = stored(&server).await;
    for hole in [100, 2 * PAGE_RECORDS as u64, 1000] {
        ask(&log, "MSG.DELETE", json!({ "seq": hole })).await;
    }
    let mut expected = from_to(1, STORED);
    expected.retain(|sequence| ![100, 2 * PAGE_RECORDS as u64, 1000].contains(sequence));
    assert_eq!(sequences(&read_all(&log, Sequence::FIRST).await), expected);
    // Not each hole creates another consumer.
    log.history.consumers.paused_until.lock().take().expect("a pause after the first");

    let page = timeout(HANG, log.read(Sequence(2001), PAGE_RECORDS)).await.unwrap().unwrap();
    assert_eq!(consumers(&log).1, 1, "a consumer with a requested page");
    ask(&log, "PURGE", json!({ "seq": 4000 })).await;
    let mut from = page.next;
    // The page that was requested in advance may still be returned.
    let oldest = loop {
        match timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap() {
            Ok(page) => from = page.next,
            Err(ReadError::Trimmed { oldest }) => break oldest,
            Err(error) => panic!("{error}"),
        }
        assert!(from <= Sequence(2001 + 2 * PAGE_RECORDS as u64), "{from:?}");
    };
    assert_eq!(oldest, Sequence(4000));
    assert_eq!(sequences(&read_all(&log, oldest).await), from_to(4000, STORED));
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_stream_is_returned() {
    let server = Nats::start();
    let log = stored(&server).await;
    let page = timeout(HANG, log.read(Sequence::FIRST, PAGE_RECORDS)).await.unwrap().unwrap();
    let epoch = log.epoch().0;
    let config = log.state.api.info().await.unwrap().unwrap().config;
    ask(&log, "DELETE", json!({})).await;
    log.state.api.create(&config).await.unwrap();
    let other = open(Options::new(&server.url())).await;
    store(&other, STORED).await;
    let mut from = page.next;
    while let Ok(page) = timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap() {
        assert!(page.records.iter().all(|record| record.cursor().epoch == epoch));
        // At most the page that was requested in advance.
        assert!(page.next <= Sequence(1 + 2 * PAGE_RECORDS as u64), "{:?}", page.next);
        from = page.next;
    }
    assert!(log.state.is_closed());
    log.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_full_of_bytes_ends_there_and_the_consumer_continues() {
    let server = Nats::start();
    let log = open(Options::new(&server.url())).await;
    // Records that fill some pages, but are small on average.
    for large in 0..4 {
        for _ in 0..4 {
            let appending = log.append(record(&large.to_string().repeat(PAGE_BYTES / 3)));
            timeout(HANG, appending).await.unwrap().unwrap();
        }
        store(&log, STORED / 4).await;
    }
    assert_eq!(sequences(&read_all(&log, Sequence::FIRST).await), from_to(1, STORED + 16));
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_request_messages_of_consumers_direct_gets_are_used() {
    let server = Nats::start_with(
        r#"authorization { users: [{ user: gateway, password: secret, permissions: {
             publish: { deny: "$JS.API.CONSUMER.MSG.NEXT.>" } } }] }"#,
    );
    let login = Login::Password { user: "gateway".to_owned(), password: "secret".to_owned().into() };
    let login = watch::channel(login).1;
    let log = open(Options { login, ..Options::new(&server.url()) }).await;
    store(&log, STORED).await;
    assert_eq!(sequences(&read_all(&log, Sequence::FIRST).await), from_to(1, STORED));
    assert_eq!(consumers(&log), (0, 0));
    assert!(log.history.consumers.paused_until.lock().is_some_and(|until| until > Instant::now() + PAUSE));
    log.close().await;
}
