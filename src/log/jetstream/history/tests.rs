//! Reads of history on a real server.

use serde_json::json;
use tokio::time::timeout;

use crate::{
    event::Sequence,
    log::{
        Cause, EventLog as _, Hole, ReadError,
        conformance::{HANG, append_all, nats::Nats, sequences},
        jetstream::{JetStreamLog, Options},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_before_an_unreadable_message_is_reported_too() {
    let server = Nats::start();
    let log = JetStreamLog::open(Options { ring_bytes: 0, ..Options::new(&server.url()) }).await.unwrap();
    append_all(&log, 3).await;
    let client = &log.state.api.client;
    let foreign = client.request("callbacks.1.A", "not a record".into());
    timeout(HANG, foreign).await.unwrap().unwrap();
    for sequence in [2, 3] {
        let request = json!({ "seq": sequence }).to_string();
        let deleted = client.request("$JS.API.STREAM.MSG.DELETE.callbacks", request.into());
        timeout(HANG, deleted).await.unwrap().unwrap();
    }
    timeout(HANG, log.tail().wait_for(|tail| tail.end == Sequence(5))).await.unwrap().unwrap();
    append_all(&log, 1).await;
    let page = timeout(HANG, log.read(Sequence(2), 10)).await.unwrap().unwrap();
    assert_eq!((page.records.len(), page.next), (0, Sequence(4)), "two are missing");
    let unreadable = timeout(HANG, log.read(Sequence(4), 10)).await.unwrap().unwrap_err();
    assert_eq!(unreadable, ReadError::Hole(Hole::one(Sequence(4), Cause::Damaged)));
    let page = timeout(HANG, log.read(Sequence(5), 10)).await.unwrap().unwrap();
    assert_eq!(sequences(&page.records), [5]);
    log.close().await;
}
