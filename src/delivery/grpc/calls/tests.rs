use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::noop_waker;
use tonic::Status;

use super::{
    super::{
        status,
        transport::{StreamTask, Transport},
    },
    table::INACTIVE_AFTER,
    *,
};
use crate::observe::metrics::{Labels, Metrics};

const BOUNDS: CallBounds =
    CallBounds { calls: 3, request_bytes: 100, answer_bytes: 100, connection_answer_bytes: 60 };

fn calls() -> Arc<CallGroup> {
    let metrics = Arc::new(Metrics::new([], &Labels::default()));
    CallGroup::new("events", BOUNDS, Duration::from_secs(10), metrics)
}

fn begin(calls: &Arc<CallGroup>, connection: &Arc<Transport>, metadata_bytes: usize) -> Result<Call, Status> {
    Call::begin(calls, connection, Arc::default(), metadata_bytes)
}

fn advance(calls: &CallGroup, time: Duration) {
    *calls.advanced.lock() += time;
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
        Poll::Ready(AnswerPart::Piece(piece)) => Some(piece.len()),
        Poll::Ready(AnswerPart::Nothing | AnswerPart::Ended(_)) | Poll::Pending => None,
    }
}

fn is_empty(calls: &CallGroup) -> bool {
    let table = calls.table();
    let sums = [table.request_bytes, table.answer_bytes, table.left_behind.len(), table.active()];
    table.calls.is_empty() && table.connections.is_empty() && sums == [0; 4]
}

#[test]
fn the_request_that_has_been_arriving_for_longest_is_ended() {
    let (calls, connection) = (calls(), Transport::new(None));
    let arriving: Vec<_> = (0..3).map(|_| begin(&calls, &connection, 0).unwrap()).collect();
    let newest = begin(&calls, &connection, 0).unwrap();
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
fn a_running_call_is_not_ended_for_another() {
    let (calls, connection) = (calls(), Transport::new(None));
    let running: Vec<_> = (0..3).map(|_| begin(&calls, &connection, 10).unwrap()).collect();
    running.iter().for_each(|call| call.run().unwrap());
    assert_eq!(status::reason(&begin(&calls, &connection, 0).unwrap_err()), "TOO_MANY_CALLS");
    assert!(running.iter().all(|call| reason_of(call).is_none()));
    running[0].release_request();
    assert_eq!(calls.table().request_bytes, 20);
    drop(running);
    assert!(is_empty(&calls));
}

#[test]
fn an_unread_answer_is_ended_for_another_and_one_that_is_read_is_not() {
    let (calls, one, other) = (calls(), Transport::new(None), Transport::new(None));
    let call = |connection, len| {
        let call = begin(&calls, connection, 0).unwrap();
        call.run().unwrap();
        call.put(Bytes::from(vec![7; len])).map(|()| call)
    };
    let unread = call(&one, 50).unwrap();
    let read = call(&other, 50).unwrap();
    assert_eq!(status::reason(&call(&other, 20).unwrap_err()), "TOO_MANY_UNREAD_ANSWERS");
    advance(&calls, INACTIVE_AFTER);
    assert_eq!(take(&read, 10), Some(10));
    let new = call(&Transport::new(None), 40).unwrap();
    assert_eq!(reason_of(&unread).as_deref(), Some("TOO_MANY_UNREAD_ANSWERS"));
    assert_eq!(take(&unread, 10), None, "its memory is free");
    assert_eq!((reason_of(&read), take(&read, 100)), (None, Some(40)));
    assert_eq!(calls.table().left_behind.len(), 1);
    drop((unread, read, new));
    assert!(is_empty(&calls));
}

#[test]
fn an_unread_answer_ends_after_the_stall_timeout() {
    let (calls, connection) = (calls(), Transport::new(None));
    let [unread, idle] = [20, 0].map(|len| {
        let call = begin(&calls, &connection, 0).unwrap();
        call.run().unwrap();
        call.put(Bytes::from(vec![7; len])).unwrap();
        if len == 0 {
            let waker = noop_waker();
            assert!(call.poll_idle(&Context::from_waker(&waker)).is_pending());
        }
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
fn an_answer_that_h2_has_not_sent_ends_after_the_stall_timeout() {
    let (calls, connection) = (calls(), Transport::new(None));
    let handed_over = [false, true].map(|is_known| {
        let call = begin(&calls, &connection, 0).unwrap();
        call.run().unwrap();
        call.put(Bytes::from_static(b"x")).unwrap();
        assert_eq!(take(&call, 1), Some(1));
        if is_known {
            call.hand_over();
        }
        call
    });
    advance(&calls, Duration::from_secs(11));
    calls.end_stalled(calls.now());
    assert!(handed_over.iter().all(|call| reason_of(call).as_deref() == Some("RECEIVER_STALLED")));
    drop(handed_over);
    assert!(is_empty(&calls));
}

#[tokio::test]
async fn calls_that_ended_first_are_reset_when_too_many_leave_answers_behind() {
    let calls = CallGroup::new(
        "events",
        CallBounds { calls: 1000, ..BOUNDS },
        Duration::ZERO,
        Arc::new(Metrics::new([], &Labels::default())),
    );
    let connection = Transport::new(None);
    let mut left = Vec::new();
    for _ in 0..MAX_LEFT_BEHIND + 2 {
        let task = Arc::new(StreamTask::default());
        let call = Call::begin(&calls, &connection, Arc::clone(&task), 0).unwrap();
        call.put(Bytes::from_static(b"x")).unwrap();
        let answer = tokio::spawn(async move {
            let _call = call;
            std::future::pending::<()>().await
        });
        task.set(answer.abort_handle());
        left.push(answer);
        advance(&calls, Duration::from_millis(1));
        calls.end_stalled(calls.now());
    }
    let others = left.split_off(2);
    for answer in left {
        assert!(answer.await.unwrap_err().is_cancelled());
    }
    assert_eq!(calls.table().left_behind.len(), MAX_LEFT_BEHIND);
    assert!(others.iter().all(|answer| !answer.is_finished()));
    for answer in others {
        answer.abort();
        answer.await.unwrap_err();
    }
    assert!(is_empty(&calls));
}
