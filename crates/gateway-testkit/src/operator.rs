//! Operations on the JetStream stream behind gateways, and checks of the errors that subscribers then
//! receive.

use imcallback::{Event, GapPolicy, SubscribeRequest, subscribe_response::Frame};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::{Gateway, Subscriber, after, all_events, nats::Nats, reason, soon};

/// Sends a request to the JetStream API, as an operator would.
pub async fn operate(server: &Nats, subject: &str, request: Value) -> Value {
    let client = async_nats::connect(server.url()).await.unwrap();
    let answer =
        soon(client.request(format!("$JS.API.{subject}"), request.to_string().into())).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer["error"], Value::Null, "{answer}");
    answer
}

/// Returns all events, once the gateway serves everything that is stored now. The tail of a gateway may
/// lag behind acknowledgements, whether they were sent by this gateway or another one.
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
    Subscriber::open(&mut gateway.client().await, request)
        .await
        .err()
        .expect("the gateway rejects the subscription")
}

/// Waits until the gateway rejects a resume at this cursor because later events are gone.
pub async fn until_expired(gateway: &Gateway, cursor: &str) {
    let status = soon(async {
        loop {
            // Until the next read of the stream's state, the gateway serves events from memory.
            match Subscriber::open(&mut gateway.client().await, after(cursor)).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(status) => return status,
            }
        }
    })
    .await;
    assert_expired(&status);
}

/// Checks that the gateway reports the gap in a log whose first ten events were purged.
pub async fn assert_reports_gap(gateway: &Gateway, events: &[Event]) {
    until_expired(gateway, &events[4].cursor).await;
    let request = SubscribeRequest { on_gap: GapPolicy::Skip.into(), ..after(&events[4].cursor) };
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, request).await.unwrap();
    let Frame::Gap(gap) = subscriber.frame().await.unwrap() else { panic!("a gap") };
    assert_eq!((gap.first_missing_sequence, gap.last_missing_sequence), (6, 10));
    assert_eq!(subscriber.event().await.unwrap().sequence, 11);
}

/// Deletes the stream and creates it again with the same settings.
pub async fn recreate_stream(server: &Nats) {
    let config = delete(server).await;
    operate(server, "STREAM.CREATE.callbacks", config).await;
}

/// Deletes the stream. Returns its settings.
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
