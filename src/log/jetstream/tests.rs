//! The log on a real server: appends, limits and the end of the log.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::{
    JetStreamLog, Options,
    acks::{IN_FLIGHT_BYTES, IN_FLIGHT_RECORDS},
    state::EndReason,
};
use crate::{
    event::{Epoch, Sequence},
    log::{
        AppendError, Appending, EventLog as _, LogState, NewRecord, Queue, ReadError, Tail,
        conformance::{HANG, nats::Nats, record},
    },
};

async fn open(server: &Nats) -> JetStreamLog {
    JetStreamLog::open(Options::new(&server.url())).await.unwrap()
}

/// Returns an append that the server has acknowledged, and the tail has not reached.
fn acknowledged(log: &JetStreamLog, sequence: Sequence) -> Appending {
    let (reply, appending) = Appending::pending();
    log.state.acknowledge(sequence, reply, log.limits.acquire(10).unwrap());
    appending
}

async fn outcome(appending: Appending) -> Result<Sequence, AppendError> {
    let outcome = timeout(HANG, appending).await.expect("an answer");
    outcome.map(|cursor| cursor.sequence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_used_whose_event_was_lost() {
    let server = Nats::start();
    let log = open(&server).await;
    let mut connection = log.state.api.status.connection.subscribe();
    connection.wait_for(|connection| connection.number > 0).await.unwrap();
    log.state.api.status.connection.send_modify(|connection| connection.is_up = false);
    let appending = log.append(record("{}"));
    assert_eq!(outcome(appending).await, Ok(Sequence(1)));
    log.close().await;
}

/// A tail without a record has no checksum to compare.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_another_stream_do_not_continue_an_empty_one() {
    let server = Nats::start();
    let log = open(&server).await;
    let api = &log.state.api;
    let config = api.info().await.unwrap().unwrap().config;
    let deleted = api.client.request("$JS.API.STREAM.DELETE.callbacks", "".into());
    timeout(HANG, deleted).await.unwrap().unwrap();
    api.create(&config).await.unwrap();
    let other = open(&server).await;
    assert_eq!(outcome(other.append(record("{}"))).await, Ok(Sequence(1)));
    // As after a reconnect.
    log.state.recreate_consumer.notify_one();
    let mut tail = log.tail();
    let is_moved = |tail: &Tail| tail.end > Sequence(1) || tail.cursor.epoch != log.epoch().0;
    let tail = *timeout(HANG, tail.wait_for(is_moved)).await.unwrap().unwrap();
    assert_eq!((tail.cursor.epoch, tail.end), (other.epoch().0, Sequence(1)));
    log.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_keeps_its_permit_until_the_tail_has_reached_it() {
    let server = Nats::start();
    let log = open(&server).await;
    let appending = acknowledged(&log, Sequence(1));
    assert_eq!(log.queue(), Queue { records: 1, bytes: 10 });
    log.state.extend([(Sequence(1), None)]);
    assert_eq!(outcome(appending).await, Ok(Sequence(1)));
    assert_eq!(log.queue(), Queue::default());
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_beyond_the_limit_are_refused_at_once_and_accepted_ones_are_stored() {
    let mut server = Nats::start();
    let log = open(&server).await;
    server.kill();
    let taken: Vec<_> = (0..IN_FLIGHT_RECORDS).map(|_| log.append(record("{}"))).collect();
    assert_eq!(log.append(record("{}")).now_or_never(), Some(Err(AppendError::QueueFull)));
    assert_eq!(log.queue().records, IN_FLIGHT_RECORDS);
    server.start_again();
    let mut sequences = BTreeSet::new();
    for appending in taken {
        sequences.insert(outcome(appending).await.unwrap().0);
    }
    // Each is stored once. Concurrent appends may be stored in any order.
    assert!(sequences.into_iter().eq(1..=IN_FLIGHT_RECORDS as u64));
    assert_eq!(log.queue(), Queue::default());
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_in_flight_are_bounded_in_bytes_too() {
    let mut server = Nats::start();
    let log = open(&server).await;
    server.kill();
    let large = record(&"x".repeat(1_000_000));
    let bytes = large.stored.bytes().len();
    let fit = IN_FLIGHT_BYTES / bytes;
    let another = || log.append(NewRecord { stored: large.stored.clone(), ..record("") });
    let taken: Vec<_> = (0..fit).map(|_| another()).collect();
    assert_eq!(another().now_or_never(), Some(Err(AppendError::QueueFull)));
    assert_eq!(log.queue(), Queue { records: fit, bytes: fit * bytes });
    // A smaller record still fits.
    let small = log.append(record("{}"));
    server.start_again();
    for appending in taken.into_iter().chain([small]) {
        outcome(appending).await.unwrap();
    }
    assert_eq!(log.queue(), Queue::default());
    log.close().await;
}

/// No reader of this gateway has seen such an event, so the tail alone cannot show its loss.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_what_the_tail_had_not_reached_ends_the_log() {
    let server = Nats::start();
    let log = open(&server).await;
    assert_eq!(outcome(log.append(record("{}"))).await, Ok(Sequence(1)));
    let _appending = acknowledged(&log, Sequence(3));
    let mut state = log.state();
    timeout(HANG, state.wait_for(|state| *state == LogState::Closed)).await.unwrap().unwrap();
    assert_eq!(log.tail().borrow().end, Sequence(2), "delivered events are still of this log");
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_waits_for_the_tail_fails_when_the_log_ends() {
    let server = Nats::start();
    let log = open(&server).await;
    let appending = acknowledged(&log, Sequence(1));
    log.state.end_log(EndReason::NewEpoch(Epoch(1)));
    assert_eq!(outcome(appending).await, Err(AppendError::Closed));
    // So does an append that is acknowledged afterwards.
    assert_eq!(outcome(acknowledged(&log, Sequence(1))).await, Err(AppendError::Closed));
    log.close().await;
    assert_eq!(log.queue(), Queue::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_is_answered_even_if_the_tail_does_not_reach_it() {
    let mut server = Nats::start();
    let log = open(&server).await;
    server.kill();
    let waiting = log.append(record("{}"));
    let mut look = tokio::time::interval(std::time::Duration::from_millis(10));
    let is_stalled = async {
        while !log.state.health.is_stalled() {
            look.tick().await;
        }
    };
    timeout(HANG, is_stalled).await.expect("the publisher has taken the append");
    // The publisher answers overdue appends while it publishes.
    let late = acknowledged(&log, Sequence(100));
    assert_eq!(outcome(late).await, Ok(Sequence(100)));
    server.start_again();
    assert_eq!(outcome(waiting).await, Ok(Sequence(1)));
    log.close().await;
}

/// The stream may hold another log by then, and positions beyond the end may be valid.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_has_ended_neither_reads_the_stream_nor_judges_positions_beyond_its_end() {
    let server = Nats::start();
    let writer = open(&server).await;
    for sequence in 1..=3 {
        assert_eq!(outcome(writer.append(record("{}"))).await, Ok(Sequence(sequence)));
    }
    let log = open(&server).await;
    assert_eq!(log.read(Sequence(1), 1).await.unwrap().records.len(), 1, "from the stream");
    // Lost beyond its tail.
    log.state.end_log(EndReason::LostEnd(Sequence(9)));
    let page = log.read(Sequence(1), 1).await;
    assert!(matches!(page, Err(ReadError::Unavailable(_))), "{page:?}");
    assert_eq!(log.reach(Sequence(3)).await, Ok(()));
    let beyond = timeout(HANG, log.reach(Sequence(5))).await.unwrap();
    assert!(matches!(beyond, Err(ReadError::Unavailable(_))), "{beyond:?}");
    tokio::join!(log.close(), writer.close());
}
