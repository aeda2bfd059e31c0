//! What operators do to the stream behind gateways, and what subscribers must be told then.

use imcallback::{Event, GapPolicy, SubscribeRequest, subscribe_response::Frame};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::{Gateway, Subscriber, after, all_events, nats::Nats, reason, soon};

/// An operator's request to JetStream.
pub async fn operate(server: &Nats, subject: &str, request: Value) -> Value {
    let client = async_nats::connect(server.url()).await.unwrap();
    let answer =
        soon(client.request(format!("$JS.API.{subject}"), request.to_string().into())).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer["error"], Value::Null, "{answer}");
    answer
}

/// All events, once the gateway has come to what is stored now: callbacks that another gateway, or this one
/// with a late tail, was told are stored may not be there at once.
pub async fn all_stored(servers: &[Nats], gateway: &Gateway) -> Vec<Event> {
    let urls: Vec<String> = servers.iter().map(Nats::url).collect();
    let client = soon(async_nats::connect(urls)).await.unwrap();
    let info = soon(client.request("$JS.API.STREAM.INFO.callbacks", "".into())).await.unwrap();
    let info: Value = serde_json::from_slice(&info.payload).unwrap();
    let last = info["state"]["last_seq"].as_u64().unwrap();
    let mut events = gateway.client().await;
    soon(async {
        loop {
            let events = all_events(&mut events).await;
            if events.last().is_some_and(|newest| newest.sequence >= last) {
                return events;
            }
        }
    })
    .await
}

pub async fn refused(gateway: &Gateway, request: SubscribeRequest) -> Status {
    Subscriber::open(&mut gateway.client().await, request).await.err().expect("it is refused")
}

/// Waits until whoever resumes there is told that what follows is gone.
pub async fn until_expired(gateway: &Gateway, cursor: &str) {
    let status = soon(async {
        loop {
            // Until the state is asked for next, what is in memory is given.
            match Subscriber::open(&mut gateway.client().await, after(cursor)).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(status) => return status,
            }
        }
    })
    .await;
    assert_expired(&status);
}

/// Of a log whose first ten events were purged.
pub async fn assert_says_what_is_gone(gateway: &Gateway, events: &[Event]) {
    until_expired(gateway, &events[4].cursor).await;
    let request = SubscribeRequest { on_gap: GapPolicy::Skip.into(), ..after(&events[4].cursor) };
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, request).await.unwrap();
    let Frame::Gap(gap) = subscriber.frame().await.unwrap() else { panic!("a gap") };
    assert_eq!((gap.first_missing_sequence, gap.last_missing_sequence), (6, 10));
    assert_eq!(subscriber.event().await.unwrap().sequence, 11);
}

/// Deletes the stream, and makes one with the same settings.
pub async fn make_anew(server: &Nats) {
    let config = delete(server).await;
    operate(server, "STREAM.CREATE.callbacks", config).await;
}

/// Deletes the stream; gives the settings that it had.
pub async fn delete(server: &Nats) -> Value {
    let info = operate(server, "STREAM.INFO.callbacks", json!({})).await;
    operate(server, "STREAM.DELETE.callbacks", json!({})).await;
    info["config"].clone()
}

pub fn assert_expired(status: &Status) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::OutOfRange, "CURSOR_EXPIRED"));
}

pub fn assert_replaced(status: &Status) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::FailedPrecondition, "LOG_REPLACED"));
}
