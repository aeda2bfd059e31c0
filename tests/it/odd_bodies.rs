//! Tests of bodies that a chat user can cause, and of malformed bodies: the gateway stores each, decodes it as far as
//! possible, and delivers it byte for byte through every call and command.

use std::{fs, path::PathBuf};

use crate::support::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use imcallback::{
    DecodeStatus, Event, EventFilter, GetEventRequest, ListEventsRequest, ListOrder, SubscribeRequest,
    event_service_client::EventServiceClient, get_event_request, subscribe_response::Frame,
};
use prost::Message as _;
use tonic::transport::Channel;

/// The files of `tests/odd_bodies`, with their commands and expected statuses.
const ODD: [(&str, &str, DecodeStatus); 14] = [
    ("binary-custom-data", "C2C.CallbackAfterSendMsg", DecodeStatus::Repaired),
    ("byte-order-mark", "C2C.CallbackAfterSendMsg", DecodeStatus::Repaired),
    ("combined-message-of-25-levels", "C2C.CallbackAfterSendMsg", DecodeStatus::Partial),
    ("control-character-in-a-nickname", "Profile.CallbackPortraitSet", DecodeStatus::Repaired),
    ("gbk", "C2C.CallbackAfterSendMsg", DecodeStatus::Repaired),
    ("integers-as-floats", "Group.CallbackAfterSendMsg", DecodeStatus::Typed),
    ("json-in-a-string", "Group.CallbackAfterSendMsg", DecodeStatus::Typed),
    ("leaf-of-another-type", "C2C.CallbackAfterSendMsg", DecodeStatus::Partial),
    ("line-break-in-a-text", "C2C.CallbackAfterSendMsg", DecodeStatus::Repaired),
    ("nothing", "C2C.CallbackAfterSendMsg", DecodeStatus::Empty),
    ("number-of-groups", "Group.CallbackBeforeCreateGroup", DecodeStatus::Typed),
    ("trailing-nul", "C2C.CallbackAfterSendMsg", DecodeStatus::Repaired),
    ("truncated", "C2C.CallbackAfterSendMsg", DecodeStatus::NotJson),
    ("utf-16", "C2C.CallbackAfterSendMsg", DecodeStatus::NotUtf8),
];

async fn ask(gateway: &Gateway, args: &[&str]) -> people::CommandResult {
    people::run(&mut people::command(gateway.addresses.grpc, args)).await
}

fn dir() -> PathBuf {
    package().join("tests/odd_bodies")
}

fn body(name: &str) -> Vec<u8> {
    fs::read(dir().join(name)).unwrap()
}

async fn post(gateway: &Gateway, command: &str, body: &[u8]) {
    let mut http = Http::connect(gateway.addresses.http).await;
    let head =
        format!("POST /?{} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", query(command), body.len());
    http.send([head.as_bytes(), body].concat()).await;
    let answer = http.answer().await;
    assert!(answer.is_stored(), "{command} {}: {answer:?}", body.escape_ascii());
}

/// Asserts that an event is as expected, independent of the call that returned it.
fn check(events: &[Event]) {
    assert_eq!(events.len(), ODD.len());
    for (event, (name, command, status)) in events.iter().zip(ODD) {
        let body = body(name);
        assert_eq!((event.command.as_str(), event.decode_status()), (command, status), "{name}");
        assert_eq!(event.body(), body, "{name}");
        let is_utf8 = std::str::from_utf8(&body).is_ok();
        assert_eq!(event.raw_body.is_empty(), !is_utf8 || body.is_empty(), "{name}");
        assert_eq!(event.binary_body.is_empty(), is_utf8, "{name}: exactly one of the two fields is set");
        assert_eq!(event.payload.is_some(), is_typed(status), "{name}");
        assert_eq!(event.undecoded_paths.is_empty(), status != DecodeStatus::Partial, "{name}");
    }
}

fn is_typed(status: DecodeStatus) -> bool {
    matches!(status, DecodeStatus::Typed | DecodeStatus::Repaired | DecodeStatus::Partial)
}

/// Returns the body from an event's JSON form.
fn body_of(json: &serde_json::Value) -> Vec<u8> {
    match (json.get("rawBody"), json.get("binaryBody")) {
        (Some(text), None) => text.as_str().unwrap().as_bytes().to_vec(),
        (None, Some(bytes)) => STANDARD.decode(bytes.as_str().unwrap()).unwrap(),
        (None, None) => Vec::new(),
        both => panic!("{both:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_bodies_are_delivered_byte_for_byte_by_every_way() {
    let names: Vec<_> = ODD.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut files: Vec<_> =
        fs::read_dir(dir()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, names);

    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    for (name, command, _) in ODD {
        post(&gateway, command, &body(name)).await;
    }
    check(&all_events(&mut client).await);
    let request = ListEventsRequest {
        include_raw_body: true,
        order: ListOrder::OldestFirst.into(),
        ..Default::default()
    };
    check(&soon(client.list_events(request)).await.unwrap().into_inner().events);
    let mut events = Vec::new();
    for sequence in 1..=ODD.len() as u64 {
        let event = Some(get_event_request::Event::Sequence(sequence));
        let request = GetEventRequest { event, include_raw_body: true };
        events.push(soon(client.get_event(request)).await.unwrap().into_inner().event.unwrap());
    }
    check(&events);
    // If it is not requested, the body is omitted only where the payload is equivalent.
    let listed = ListEventsRequest { order: ListOrder::OldestFirst.into(), ..Default::default() };
    let listed = soon(client.list_events(listed)).await.unwrap().into_inner().events;
    for (event, (name, _, status)) in listed.iter().zip(ODD) {
        let body = body(name);
        let is_whole = status == DecodeStatus::Typed
            || (status == DecodeStatus::Repaired && std::str::from_utf8(&body).is_ok());
        assert_eq!(event.body(), if is_whole { &[][..] } else { &body }, "{name}");
    }

    for (sequence, (name, _, status)) in (1..).zip(ODD) {
        let raw = ask(&gateway, &["get", &format!("{sequence}"), "--raw"]).await;
        assert_eq!(raw.0.stdout, body(name), "{name}");
        let json = ask(&gateway, &["get", &format!("{sequence}"), "--json"]).await.json_lines();
        assert_eq!(body_of(&json[0]), body(name), "{name}");
        // The output for people succeeds and is not empty.
        let shown = ask(&gateway, &["get", &format!("{sequence}")]).await.good();
        assert_eq!(shown.contains("\ndecoded "), status != DecodeStatus::Typed, "{shown}");
        let has_payload = shown.lines().last().is_some_and(|line| line == "}");
        assert_eq!(has_payload, is_typed(status), "{name}: {shown}");
    }
    let count = ODD.len().to_string();
    for args in [
        &["tail", "--from", "earliest", "--json", "--raw", "--count", &count][..],
        &["recent", "--json", "--raw"],
        &["export"],
    ] {
        let lines = ask(&gateway, args).await.json_lines();
        let bodies: Vec<_> = lines.iter().map(body_of).collect();
        assert_eq!(bodies, ODD.map(|(name, ..)| body(name)), "{args:?}");
    }
    let export = ask(&gateway, &["export", "--format", "protobuf"]).await;
    let mut bytes = &*export.0.stdout;
    let mut events = Vec::new();
    while !bytes.is_empty() {
        events.push(Event::decode_length_delimited(&mut bytes).unwrap());
    }
    check(&events);
    drop(client);
    gateway.stop().await;
}

async fn subscribe(client: &mut EventServiceClient<Channel>, filter: &EventFilter) -> Subscriber {
    let request = SubscribeRequest { filter: Some(filter.clone()), ..earliest() };
    Subscriber::open(client, request).await.unwrap().0
}

/// A filter by account or group counts the events that it cannot compare.
#[tokio::test(flavor = "multi_thread")]
async fn events_whose_names_cannot_be_read_are_counted_by_filters_that_ask_for_names() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let alice = br#"{"From_Account":"alice","GroupId":"g"}"#;
    let (command, other) = ("A.B", "A.C");
    // Events 1 and 5 match. A name of 2, 3 and 7 cannot be read. 4 has another name, and 6 another
    // command.
    for (command, body) in [
        (command, &alice[..]),
        (command, b"{\"From_Account\":\"alice\""),
        (command, b"\xff"),
        (command, br#"{"From_Account":"bob","GroupId":"h"}"#),
        (command, alice),
        (other, b"{"),
        (command, b"{\"From_Account\":\"\xd0\xa1\xc3\xf7\",\"GroupId\":\"\\ud83d\"}"),
        (command, b""),
        (command, b"[]"),
    ] {
        post(&gateway, command, body).await;
    }
    let filters = [
        EventFilter { accounts: vec!["alice".to_owned()], ..Default::default() },
        EventFilter { group_ids: vec!["g".to_owned()], ..Default::default() },
    ]
    .map(|filter| EventFilter { commands: vec![command.to_owned()], ..filter });
    for filter in &filters {
        for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
            for page_size in [1, 100] {
                let mut request = ListEventsRequest {
                    filter: Some(filter.clone()),
                    order: order.into(),
                    page_size,
                    ..Default::default()
                };
                let (mut sequences, mut unmatched) = (Vec::new(), 0);
                loop {
                    let page = soon(client.list_events(request.clone())).await.unwrap().into_inner();
                    sequences.extend(page.events.iter().map(|event| event.sequence));
                    unmatched += page.unmatched_events;
                    if page.next_page_token.is_empty() {
                        break;
                    }
                    request.page_token = page.next_page_token;
                }
                sequences.sort_unstable();
                assert_eq!((sequences, unmatched), (vec![1, 5], 3), "{filter:?} {order:?} {page_size}");
            }
        }

        let mut subscriber = subscribe(&mut client, filter).await;
        let mut seen = Vec::new();
        loop {
            match subscriber.frame().await.unwrap() {
                Frame::Event(event) => seen.push((event.sequence, 0)),
                Frame::Heartbeat(heartbeat) => seen.push((0, heartbeat.unmatched_events)),
                Frame::CaughtUp(caught_up) => {
                    assert_eq!(caught_up.unmatched_events, 3);
                    break;
                }
                frame => panic!("{frame:?}"),
            }
        }
        assert_eq!(seen, [(1, 0), (0, 1), (0, 2), (5, 0), (0, 3)], "the count comes before the next event");
    }
    // The live stream also reports the count, without delay.
    let mut subscriber = subscribe(&mut client, &filters[0]).await;
    while !matches!(subscriber.frame().await.unwrap(), Frame::CaughtUp(_)) {}
    post(&gateway, command, b"no JSON").await;
    let Frame::Heartbeat(heartbeat) = subscriber.frame().await.unwrap() else { panic!("no heartbeat") };
    assert_eq!(heartbeat.unmatched_events, 4);
    // A subscriber without a filter by name receives these events.
    let all = soon(client.list_events(ListEventsRequest::default())).await.unwrap().into_inner();
    assert_eq!((all.events.len(), all.unmatched_events), (10, 0));

    let said = "4 events could not be compared with the filter";
    let filtered = ["--account", "alice", "--command", command];
    let recent = ask(&gateway, &[&["recent"], &filtered[..]].concat()).await;
    assert!(recent.stderr().contains(said), "{recent:?}");
    let export = ask(&gateway, &[&["export"], &filtered[..]].concat()).await;
    assert!(export.json_lines().len() == 2 && export.stderr().contains(said), "{export:?}");
    let tail = [&["tail", "--from", "earliest", "--count", "2"], &filtered[..]].concat();
    let tail = ask(&gateway, &tail).await;
    assert!(tail.stderr().matches("1 event could not be compared with the filter").count() == 2, "{tail:?}");
    drop(client);
    gateway.stop().await;
}
