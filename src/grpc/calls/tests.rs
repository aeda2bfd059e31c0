use futures_util::task::noop_waker;

use super::*;
use crate::metrics::Labels;

const BOUNDS: Bounds =
    Bounds { calls: 3, request_bytes: 100, answer_bytes: 100, connection_answer_bytes: 60 };

fn calls() -> Arc<Calls> {
    let metrics = Arc::new(Metrics::new([], &Labels::default()));
    Calls::new("events", BOUNDS, Duration::from_secs(10), metrics)
}

fn advance(calls: &Calls, time: Duration) {
    *calls.advanced.lock().unwrap() += time;
}

fn reason_of(call: &Call) -> Option<String> {
    let waker = noop_waker();
    match call.poll_ended(&Context::from_waker(&waker)) {
        Poll::Ready(status) => Some(status::reason(&status)),
        Poll::Pending => None,
    }
}

fn take(call: &Call, len: usize) -> Option<usize> {
    let waker = noop_waker();
    match call.take(&mut Context::from_waker(&waker), len) {
        Poll::Ready(Taken::Piece(piece)) => Some(piece.len()),
        Poll::Ready(Taken::Nothing | Taken::Ended(_)) | Poll::Pending => None,
    }
}

fn is_empty(calls: &Calls) -> bool {
    let table = calls.table();
    let sums = [table.request_bytes, table.answer_bytes, table.left_behind, table.active()];
    table.calls.is_empty() && table.connections.is_empty() && sums == [0; 4]
}

#[test]
fn the_request_that_has_been_arriving_for_longest_gives_way() {
    let (calls, connection) = (calls(), Transport::new(None));
    let arriving: Vec<_> = (0..3).map(|_| calls.begin(&connection, 0).unwrap()).collect();
    let newest = calls.begin(&connection, 0).unwrap();
    assert_eq!(reason_of(&arriving[0]).as_deref(), Some("TOO_MANY_CALLS"));
    assert!(arriving[1..].iter().chain([&newest]).all(|call| reason_of(call).is_none()));

    arriving[1].hold(60).unwrap();
    newest.hold(60).unwrap();
    assert_eq!(reason_of(&arriving[1]).as_deref(), Some("TOO_MANY_REQUEST_BYTES"));
    assert_eq!(status::reason(&arriving[2].hold(100).unwrap_err()), "TOO_MANY_REQUEST_BYTES");
    drop((arriving, newest));
    assert!(is_empty(&calls));
}

#[test]
fn a_call_that_runs_does_not_give_way() {
    let (calls, connection) = (calls(), Transport::new(None));
    let running: Vec<_> = (0..3).map(|_| calls.begin(&connection, 10).unwrap()).collect();
    running.iter().for_each(|call| call.run().unwrap());
    assert_eq!(status::reason(&calls.begin(&connection, 0).unwrap_err()), "TOO_MANY_CALLS");
    assert!(running.iter().all(|call| reason_of(call).is_none()));
    running[0].release_request();
    assert_eq!(calls.table().request_bytes, 20);
    drop(running);
    assert!(is_empty(&calls));
}

#[test]
fn an_answer_that_is_not_taken_gives_way_and_one_that_is_taken_does_not() {
    let (calls, one, other) = (calls(), Transport::new(None), Transport::new(None));
    let call = |connection, len| {
        let call = calls.begin(connection, 0).unwrap();
        call.run().unwrap();
        call.put(Bytes::from(vec![7; len])).map(|()| call)
    };
    let unread = call(&one, 50).unwrap();
    let read = call(&other, 50).unwrap();
    assert_eq!(status::reason(&call(&other, 20).unwrap_err()), "TOO_MANY_UNREAD_ANSWERS");
    advance(&calls, GIVES_WAY_AFTER);
    assert_eq!(take(&read, 10), Some(10));
    let new = call(&Transport::new(None), 40).unwrap();
    assert_eq!(reason_of(&unread).as_deref(), Some("TOO_MANY_UNREAD_ANSWERS"));
    assert_eq!(take(&unread, 10), None, "its memory is free");
    assert_eq!((reason_of(&read), take(&read, 100)), (None, Some(40)));
    assert_eq!(calls.table().left_behind, 1);
    drop((unread, read, new));
    assert!(is_empty(&calls));
}

#[test]
fn an_answer_of_which_nothing_is_taken_ends_after_the_stall_timeout() {
    let (calls, connection) = (calls(), Transport::new(None));
    let [unread, idle] = [20, 0].map(|len| {
        let call = calls.begin(&connection, 0).unwrap();
        call.run().unwrap();
        call.put(Bytes::from(vec![7; len])).unwrap();
        call
    });
    advance(&calls, Duration::from_secs(9));
    calls.end_stalled(calls.now());
    assert_eq!(reason_of(&unread), None);
    advance(&calls, Duration::from_secs(2));
    calls.end_stalled(calls.now());
    assert_eq!(reason_of(&unread).as_deref(), Some("RECEIVER_STALLED"));
    assert_eq!(reason_of(&idle), None, "it waits for a request, not for its client to read");
}

#[test]
fn the_connection_that_leaves_most_answers_behind_is_closed() {
    let calls = Calls::new(
        "events",
        Bounds { calls: 1000, ..BOUNDS },
        Duration::ZERO,
        Arc::new(Metrics::new([], &Labels::default())),
    );
    let (one, other) = (Transport::new(None), Transport::new(None));
    let mut left = Vec::new();
    for n in 0..=MAX_LEFT_BEHIND {
        let connection = if n == 0 { &one } else { &other };
        let call = calls.begin(connection, 0).unwrap();
        call.put(Bytes::from_static(b"x")).unwrap();
        left.push(call);
        advance(&calls, Duration::from_millis(1));
        calls.end_stalled(calls.now());
        assert_eq!(other.is_closed(), n == MAX_LEFT_BEHIND);
    }
    assert!(!one.is_closed());
    drop(left);
    assert!(is_empty(&calls));
}
