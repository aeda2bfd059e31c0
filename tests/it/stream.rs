//! `Subscribe` through real sockets: starting points, filters, frames, endings.

use std::{sync::Arc, time::Duration};

use crate::support::*;
use callback_gateway::testing::{event::Cursor, log::memory::MemoryLog};
use imcallback::{
    CallbackKind, DecodeStatus, Event, EventFilter, GapPolicy, SubscribeRequest, SubscribeResponse,
    event::Payload, subscribe_request::Start, subscribe_response::Frame,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

async fn post_numbers(gateway: &Gateway, command: &str, numbers: std::ops::Range<u32>) {
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in numbers {
        assert!(http.post(command, &format!("{{\"n\":{n}}}")).await.is_stored());
    }
}

async fn refused(gateway: &Gateway, request: SubscribeRequest) -> Status {
    let mut client = gateway.client().await;
    match Subscriber::open(&mut client, request).await {
        Ok(_) => panic!("the stream was opened"),
        Err(status) => status,
    }
}

fn heartbeat(interval: Duration) -> Option<imcallback::well_known::Duration> {
    Some(interval.into())
}

fn filter(commands: &[&str], sdk_app_ids: &[u32]) -> Option<EventFilter> {
    let commands = commands.iter().map(|&command| command.to_owned()).collect();
    Some(EventFilter { commands, sdk_app_ids: sdk_app_ids.to_vec(), ..Default::default() })
}

#[tokio::test]
async fn the_documented_friend_add_packet_arrives_typed_with_every_field() {
    let gateway = Gateway::start().await;
    assert!(gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    let mut client = gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, earliest()).await.unwrap();
    let event = subscriber.event().await.unwrap();

    assert_eq!(event.sequence, 1);
    assert!(event.receive_time.is_some());
    assert_eq!(event.sdk_app_id, APP_ID);
    assert_eq!(event.command, "Sns.CallbackFriendAdd");
    assert_eq!(event.client_ip, "127.0.0.1");
    assert_eq!(event.opt_platform, "iOS");
    assert_eq!(event.event_time, None);
    assert_eq!(event.decode_status(), DecodeStatus::Typed);
    assert_eq!(event.raw_body, "", "the raw body was not requested");
    let Some(Payload::SnsFriendAdd(add)) = event.payload else { panic!("not typed") };
    let pairs: Vec<_> = add
        .pair_list
        .iter()
        .map(|pair| [&pair.from_account, &pair.to_account, &pair.initiator_account].map(String::as_str))
        .collect();
    assert_eq!(pairs, [["id", "id1", "id"], ["id", "id2", "id"], ["id", "id3", "id"]]);
    assert_eq!(add.client_cmd, "friend_add");
    assert_eq!(add.admin_account, "");
    assert_eq!(add.force_flag, 1);

    assert_eq!(all_events(&mut client).await[0].raw_body, FRIEND_ADD, "byte for byte");
    gateway.stop().await;
}

#[tokio::test]
async fn the_documented_black_list_add_packet_arrives_typed_with_every_field() {
    let gateway = Gateway::start().await;
    assert!(gateway.post("Sns.CallbackBlackListAdd", BLACK_LIST_ADD).await.is_stored());
    let mut client = gateway.client().await;
    let event = all_events(&mut client).await.remove(0);
    assert_eq!(event.command, "Sns.CallbackBlackListAdd");
    assert_eq!(event.decode_status(), DecodeStatus::Typed);
    let Some(Payload::SnsBlackListAdd(change)) = event.payload else { panic!("not typed") };
    let pairs: Vec<_> = change
        .pair_list
        .iter()
        .map(|pair| [&pair.from_account, &pair.to_account].map(String::as_str))
        .collect();
    assert_eq!(pairs, [["id", "id1"], ["id", "id2"], ["id", "id3"]]);
    assert_eq!(event.raw_body, BLACK_LIST_ADD);
    gateway.stop().await;
}

#[tokio::test]
async fn an_event_without_a_typed_payload_carries_its_raw_body_unasked() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    for (command, body, status) in [
        ("LiveGo.Unheard-of", r#"{"EventTime":"1670574414123","x":1e999}"#, DecodeStatus::UnknownCommand),
        ("Sns.CallbackFriendAdd", r#"{"PairList":"none"}"#, DecodeStatus::Mismatch),
        (
            "Sns.CallbackFriendAdd",
            &format!("{{\"x\":{}{}}}", "[".repeat(1024), "]".repeat(1024)),
            DecodeStatus::TooDeep,
        ),
        ("Sns.CallbackFriendAdd", "no JSON", DecodeStatus::NotJson),
    ] {
        assert!(gateway.post(command, body).await.is_stored());
        let event = subscriber.event().await.unwrap();
        assert_eq!(event.decode_status(), status);
        assert_eq!(event.payload, None);
        assert_eq!(event.raw_body, body);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_begins_with_subscribed_and_says_when_it_has_caught_up() {
    let gateway = Gateway::start().await;
    post_numbers(&gateway, "A.B", 0..3).await;
    let mut client = gateway.client().await;
    let request = SubscribeRequest {
        filter: filter(&["A.B", "Sns.*"], &[APP_ID]),
        include_raw_body: true,
        heartbeat_interval: heartbeat(Duration::from_secs(20)),
        ..earliest()
    };
    let (mut subscriber, subscribed) = Subscriber::open(&mut client, request.clone()).await.unwrap();
    assert_eq!(subscribed.filter, request.filter);
    assert!(subscribed.include_raw_body);
    assert_eq!(subscribed.heartbeat_interval, request.heartbeat_interval);
    assert_eq!(subscribed.epoch.len(), 16);
    assert_eq!(subscribed.cursor, subscribed.oldest_cursor);

    let events = subscriber.events_until(|event| event.sequence == 3).await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2].cursor, subscribed.latest_cursor);
    let Frame::CaughtUp(caught_up) = subscriber.frame().await.unwrap() else { panic!("not caught up") };
    assert_eq!(caught_up.cursor, subscribed.latest_cursor);

    let (mut live, subscribed) = Subscriber::open(&mut client, SubscribeRequest::default()).await.unwrap();
    assert_eq!(subscribed.cursor, subscribed.latest_cursor, "the default is latest");
    assert_eq!(subscribed.heartbeat_interval, heartbeat(Duration::from_secs(15)));
    assert!(matches!(live.frame().await.unwrap(), Frame::CaughtUp(_)));
    post_numbers(&gateway, "A.B", 3..4).await;
    assert_eq!(live.event().await.unwrap().sequence, 4);
    gateway.stop().await;
}

#[tokio::test]
async fn an_events_cursor_is_the_same_in_every_call_and_resumes_after_it() {
    let gateway = Gateway::start().await;
    post_numbers(&gateway, "A.B", 0..10).await;
    let mut client = gateway.client().await;
    let events = all_events(&mut client).await;
    let mut listed = client.list_events(proto::list(10)).await.unwrap().into_inner().events;
    listed.reverse();
    assert_eq!(listed, events);
    for (at, event) in events.iter().enumerate() {
        let request = SubscribeRequest { include_raw_body: true, ..after(&event.cursor) };
        let (mut subscriber, subscribed) = Subscriber::open(&mut client, request).await.unwrap();
        assert_eq!(subscribed.cursor, event.cursor);
        for expected in &events[at + 1..] {
            assert_eq!(&subscriber.event().await.unwrap(), expected);
        }
        assert!(matches!(subscriber.frame().await.unwrap(), Frame::CaughtUp(_)));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn cursors_work_over_a_restart() {
    let dir = tempfile::TempDir::new().unwrap();
    let gateway = Gateway::start_in(dir.path()).await;
    post_numbers(&gateway, "A.B", 0..5).await;
    let before = all_events(&mut gateway.client().await).await;
    gateway.stop().await;

    let gateway = Gateway::start_in(dir.path()).await;
    post_numbers(&gateway, "A.B", 5..6).await;
    let mut client = gateway.client().await;
    let (mut subscriber, _) = Subscriber::open(&mut client, after(&before[3].cursor)).await.unwrap();
    assert_eq!(subscriber.event().await.unwrap().cursor, before[4].cursor);
    assert_eq!(subscriber.event().await.unwrap().sequence, 6);
    gateway.stop().await;
}

#[tokio::test]
async fn a_filter_leaves_out_what_does_not_fit_it() {
    let gateway = Gateway::start_with(|settings| settings.sdk_app_ids.push(7)).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    for command in ["Sns.CallbackFriendAdd", "Snsx.Other", "C2C.One", "Sns.Unknown"] {
        assert!(http.post(command, "{}").await.is_stored());
    }
    let of_7 =
        "POST /?SdkAppid=7&CallbackCommand=Sns.Seven HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    http.send(of_7).await;
    assert!(http.answer().await.is_stored());

    let mut client = gateway.client().await;
    for (filter, expected) in [
        (None, vec![1, 2, 3, 4, 5]),
        (filter(&[], &[]), vec![1, 2, 3, 4, 5]),
        (filter(&["Sns.*"], &[]), vec![1, 4, 5]),
        (filter(&["Sns.*"], &[7]), vec![5]),
        (filter(&["C2C.One", "Sns.Unknown"], &[]), vec![3, 4]),
        (filter(&[], &[7, 8]), vec![5]),
        (filter(&["Sns.Call"], &[]), vec![]),
        (filter(&["sns.*"], &[]), vec![]),
    ] {
        let request = SubscribeRequest { filter: filter.clone(), ..earliest() };
        let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
        let mut seen = Vec::new();
        let cursor = loop {
            match subscriber.frame().await.unwrap() {
                Frame::Event(event) => seen.push(event.sequence),
                Frame::CaughtUp(caught_up) => break caught_up.cursor,
                frame => panic!("unexpected {frame:?}"),
            }
        };
        assert_eq!(seen, expected, "{filter:?}");
        assert_eq!(cursor.parse::<Cursor>().unwrap().sequence.0, 5, "the cursor is past the excluded events");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn filters_select_by_account_group_and_kind_and_are_repeated() {
    let gateway = Gateway::start().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    for (command, body) in [
        ("Sns.CallbackFriendAdd", r#"{"PairList":[{"From_Account":"ann","To_Account":"bob"}]}"#),
        ("Group.CallbackBeforeSendMsg", r#"{"GroupId":"g1","From_Account":"bob"}"#),
        (
            "Group.CallbackAfterNewMemberJoin",
            r#"{"GroupId":"g2","NewMemberList":[{"Member_Account":"ann"}]}"#,
        ),
        ("New.Command", r#"{"x":{"Some_Account":["carl","ann"],"GroupID":"g1"}}"#),
        ("New.CallbackAfterX", "{}"),
    ] {
        assert!(http.post(command, body).await.is_stored());
    }
    let mut client = gateway.client().await;
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let none = EventFilter::default;
    for (filter, sequences) in [
        (none(), vec![1, 2, 3, 4, 5]),
        (EventFilter { accounts: names(&["ann"]), ..none() }, vec![1, 3, 4]),
        (EventFilter { accounts: names(&["bob", "carl"]), ..none() }, vec![1, 2, 4]),
        (EventFilter { accounts: names(&["an"]), ..none() }, vec![]),
        (EventFilter { group_ids: names(&["g1"]), ..none() }, vec![2, 4]),
        (EventFilter { kinds: vec![CallbackKind::Before.into()], ..none() }, vec![2]),
        (EventFilter { kinds: vec![CallbackKind::After.into()], ..none() }, vec![1, 3, 5]),
        (EventFilter { kinds: vec![CallbackKind::Unspecified.into()], ..none() }, vec![4]),
        (EventFilter { accounts: names(&["ann"]), group_ids: names(&["g1"]), ..none() }, vec![4]),
        (EventFilter { accounts: names(&["ann"]), commands: names(&["Group.*"]), ..none() }, vec![3]),
        (EventFilter { accounts: names(&["ann"]), sdk_app_ids: vec![1], ..none() }, vec![]),
    ] {
        let request = SubscribeRequest { filter: Some(filter.clone()), ..earliest() };
        let (_, subscribed) = Subscriber::open(&mut client, request.clone()).await.unwrap();
        assert_eq!(subscribed.filter, (filter != none()).then(|| filter.clone()), "as understood");
        let seen: Vec<u64> =
            read(&mut client, request).await.into_iter().map(|event| event.sequence).collect();
        assert_eq!(seen, sequences, "{filter:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn heartbeats_come_in_silence_and_pass_events_that_the_filter_left_out() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    let request = SubscribeRequest {
        filter: filter(&["Rare.Command"], &[]),
        heartbeat_interval: heartbeat(Duration::from_secs(1)),
        ..latest()
    };
    let (mut subscriber, _) = Subscriber::open(&mut client, request).await.unwrap();
    assert!(matches!(subscriber.frame().await.unwrap(), Frame::CaughtUp(_)));
    post_numbers(&gateway, "A.B", 0..5).await;
    let cursor = loop {
        let Frame::Heartbeat(heartbeat) = subscriber.frame().await.unwrap() else { panic!("no heartbeat") };
        // The first heartbeat may have been sent before.
        if heartbeat.cursor.parse::<Cursor>().unwrap().sequence.0 == 5 {
            break heartbeat.cursor;
        }
    };
    assert_eq!(cursor, all_events(&mut client).await[4].cursor);
    gateway.stop().await;
}

#[tokio::test]
async fn wrong_arguments_are_refused_with_the_remedy() {
    let gateway = Gateway::start().await;
    let long = "x".repeat(129);
    let many = vec!["A.B"; 101];
    for (request, reason_name, text) in [
        (after(""), "INVALID_CURSOR", "start with earliest or latest"),
        (after("rubbish"), "INVALID_CURSOR", "malformed"),
        (SubscribeRequest { filter: filter(&["*"], &[]), ..latest() }, "INVALID_FIELD", "entry 0"),
        (SubscribeRequest { filter: filter(&["A.B", "Sns*"], &[]), ..latest() }, "INVALID_FIELD", "entry 1"),
        (SubscribeRequest { filter: filter(&["A B"], &[]), ..latest() }, "INVALID_FIELD", "filter.commands"),
        (SubscribeRequest { filter: filter(&[""], &[]), ..latest() }, "INVALID_FIELD", "filter.commands"),
        (SubscribeRequest { filter: filter(&["Sns."], &[]), ..latest() }, "INVALID_FIELD", "filter.commands"),
        (SubscribeRequest { filter: filter(&["A..B"], &[]), ..latest() }, "INVALID_FIELD", "filter.commands"),
        (SubscribeRequest { filter: filter(&[], &[0]), ..latest() }, "INVALID_FIELD", "no SDKAppID"),
        (SubscribeRequest { filter: filter(&[&long], &[]), ..latest() }, "INVALID_FIELD", "filter.commands"),
        (SubscribeRequest { filter: filter(&many, &[]), ..latest() }, "INVALID_FIELD", "at most 100"),
        (SubscribeRequest { filter: filter(&[], &[1; 101]), ..latest() }, "INVALID_FIELD", "at most 100"),
        (
            SubscribeRequest {
                filter: Some(EventFilter { kinds: vec![3], ..Default::default() }),
                ..latest()
            },
            "INVALID_FIELD",
            "CALLBACK_KIND_BEFORE",
        ),
        (
            SubscribeRequest {
                filter: Some(EventFilter { accounts: vec!["x".repeat(256)], ..Default::default() }),
                ..latest()
            },
            "INVALID_FIELD",
            "filter.accounts: entry 0 must be 1 to 255 bytes",
        ),
        (SubscribeRequest { on_gap: 9, ..latest() }, "INVALID_FIELD", "GAP_POLICY_FAIL"),
        (SubscribeRequest { subscriber: "a b".to_owned(), ..latest() }, "INVALID_FIELD", "hyphens"),
        (
            SubscribeRequest { subscriber: "other".to_owned(), ..latest() },
            "INVALID_FIELD",
            "must not be other",
        ),
        (SubscribeRequest { subscriber: "unnamed".to_owned(), ..latest() }, "INVALID_FIELD", "or unnamed"),
        (SubscribeRequest { subscriber: "x".repeat(65), ..latest() }, "INVALID_FIELD", "1 to 64"),
        (at(imcallback::well_known::Timestamp { seconds: 0, nanos: -1 }), "INVALID_FIELD", "at_time"),
        (at(imcallback::well_known::Timestamp { seconds: i64::MAX, nanos: 0 }), "INVALID_FIELD", "at_time"),
        (
            SubscribeRequest { heartbeat_interval: heartbeat(Duration::from_millis(999)), ..latest() },
            "INVALID_FIELD",
            "1 to 60 seconds",
        ),
        (
            SubscribeRequest { heartbeat_interval: heartbeat(Duration::from_secs(61)), ..latest() },
            "INVALID_FIELD",
            "1 to 60 seconds",
        ),
        (
            SubscribeRequest {
                heartbeat_interval: Some(imcallback::well_known::Duration { seconds: -1, nanos: 0 }),
                ..latest()
            },
            "INVALID_FIELD",
            "1 to 60 seconds",
        ),
    ] {
        let status = refused(&gateway, request).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert_eq!(reason(&status), reason_name, "{status}");
        assert!(status.message().contains(text), "{status}");
    }
    gateway.stop().await;
}

fn at(time: imcallback::well_known::Timestamp) -> SubscribeRequest {
    SubscribeRequest { start: Some(Start::AtTime(time)), ..Default::default() }
}

#[tokio::test]
async fn a_stream_starts_at_a_time() {
    let gateway = Gateway::start_with(|settings| settings.memory_bytes = 1000).await;
    post_numbers(&gateway, "A.B", 0..20).await;
    let mut client = gateway.client().await;
    let events = all_events(&mut client).await;
    for event in &events {
        let time = event.receive_time.unwrap();
        let first = events.iter().position(|event| event.receive_time == Some(time)).unwrap();
        assert_eq!(read(&mut client, at(time)).await, events[first..], "also from the disk");
        // A time between two events: the stream starts with the later one.
        let after = imcallback::well_known::Timestamp { nanos: time.nanos + 1, ..time };
        let later = events.iter().filter(|event| nanos(event.receive_time) > nanos(Some(time))).count();
        assert_eq!(read(&mut client, at(after)).await.len(), later);
    }
    let epoch = imcallback::well_known::Timestamp::default();
    assert_eq!(read(&mut client, at(epoch)).await, events, "no event was trimmed");

    let future = imcallback::well_known::Timestamp { seconds: 253_402_300_799, nanos: 0 };
    let (mut subscriber, subscribed) = Subscriber::open(&mut client, at(future)).await.unwrap();
    assert_eq!(subscribed.cursor, events[19].cursor);
    post_numbers(&gateway, "A.B", 20..21).await;
    assert_eq!(subscriber.event().await.unwrap().sequence, 21, "a time in the future means latest");
    gateway.stop().await;
}

#[tokio::test]
async fn a_cursor_of_another_log_is_refused_with_both_ends() {
    let other = Gateway::start().await;
    post_numbers(&other, "A.B", 0..1).await;
    let foreign = all_events(&mut other.client().await).await.remove(0).cursor;
    other.stop().await;

    let gateway = Gateway::start().await;
    post_numbers(&gateway, "A.B", 0..3).await;
    let events = all_events(&mut gateway.client().await).await;
    let own: Cursor = events[1].cursor.parse().unwrap();
    let beyond = Cursor { sequence: callback_gateway::testing::event::Sequence(4), ..own };
    let another = Cursor { check: own.check.map(|check| check ^ 1), ..own };

    for (cursor, reason_name) in
        [(foreign, "LOG_REPLACED"), (beyond.to_string(), "LOG_REWOUND"), (another.to_string(), "LOG_REWOUND")]
    {
        let status = refused(&gateway, after(&cursor)).await;
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        assert_eq!(reason(&status), reason_name);
        let details = status.get_details_error_info().unwrap().metadata;
        assert_eq!(details["latest_cursor"], events[2].cursor);
        assert!(details["oldest_cursor"].parse::<Cursor>().is_ok());
        assert_eq!(details["epoch"], own.epoch.to_string());
        assert!(details["epoch_start"].ends_with('Z'), "{details:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_trimmed_cursor_gets_out_of_range_and_the_oldest_cursor() {
    let gateway = Gateway::start_over(Arc::new(MemoryLog::new(20_000).unwrap())).await;
    post_numbers(&gateway, "A.B", 0..1).await;
    let first = all_events(&mut gateway.client().await).await.remove(0).cursor;
    post_numbers(&gateway, "A.B", 1..500).await;

    let status = refused(&gateway, after(&first)).await;
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    assert_eq!(reason(&status), "CURSOR_EXPIRED");
    let details = status.get_details_error_info().unwrap().metadata;
    let mut client = gateway.client().await;
    let left = all_events(&mut client).await;
    assert!(left.len() < 400 && left[0].sequence > 2);
    assert_eq!(details["latest_cursor"], left.last().unwrap().cursor);
    let (mut subscriber, _) = Subscriber::open(&mut client, after(&details["oldest_cursor"])).await.unwrap();
    assert_eq!(subscriber.event().await.unwrap().cursor, left[0].cursor);
    gateway.stop().await;
}

/// Returns a gateway whose log has trimmed the first events, and the cursor of the first one.
async fn trimmed() -> (Gateway, String) {
    let gateway = Gateway::start_over(Arc::new(MemoryLog::new(20_000).unwrap())).await;
    post_numbers(&gateway, "A.B", 0..1).await;
    let first = all_events(&mut gateway.client().await).await.remove(0).cursor;
    post_numbers(&gateway, "A.B", 1..500).await;
    (gateway, first)
}

#[tokio::test]
async fn with_skip_a_gap_is_reported_and_the_stream_continues() {
    let (gateway, first) = trimmed().await;
    let mut client = gateway.client().await;
    let left = all_events(&mut client).await;
    let long_ago = imcallback::well_known::Timestamp::default();
    for (request, first_missing) in [(after(&first), 2), (at(long_ago), 0)] {
        let failed = refused(&gateway, request.clone()).await;
        assert_eq!((failed.code(), reason(&failed).as_str()), (Code::OutOfRange, "CURSOR_EXPIRED"));

        let request = SubscribeRequest { on_gap: GapPolicy::Skip.into(), ..request };
        let (mut subscriber, subscribed) = Subscriber::open(&mut client, request).await.unwrap();
        assert_eq!(subscribed.on_gap(), GapPolicy::Skip);
        let Frame::Gap(gap) = subscriber.frame().await.unwrap() else { panic!("no gap") };
        assert_eq!(gap.first_missing_sequence, first_missing);
        assert_eq!(gap.last_missing_sequence, left[0].sequence - 1);
        assert_eq!(
            subscriber.event().await.unwrap(),
            Event { raw_body: left[0].raw_body.clone(), ..left[0].clone() }
        );
        // A resume after the gap misses none of the remaining events.
        assert_eq!(read(&mut client, after(&gap.cursor)).await, left);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn retention_that_overtakes_a_slow_reader_is_never_silent() {
    for on_gap in [GapPolicy::Fail, GapPolicy::Skip] {
        // One subscriber reads nothing while more events than its buffers hold are trimmed.
        let gateway = Gateway::start_over(Arc::new(MemoryLog::new(1 << 20).unwrap())).await;
        let mut client = gateway.client().await;
        let request = SubscribeRequest { on_gap: on_gap.into(), include_raw_body: true, ..earliest() };
        let (mut slow, _) = Subscriber::open(&mut client, request).await.unwrap();
        let body = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
        let mut http = Http::connect(gateway.addresses.http).await;
        for _ in 0..200 {
            assert!(http.post("A.B", &body).await.is_stored());
        }
        let ReadSlowly { next, gaps, status: ended } = slow.read_slowly(1, 200).await;
        match on_gap {
            GapPolicy::Skip => assert!(ended.is_none() && gaps > 0, "{ended:?}, {gaps} gaps"),
            _ => {
                let status = ended.expect("the stream ends");
                assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "CURSOR_EXPIRED"));
                let oldest = &status.get_details_error_info().unwrap().metadata["oldest_cursor"];
                assert!(oldest.parse::<Cursor>().unwrap().sequence.0 >= next);
            }
        }
        gateway.stop().await;
    }
}

/// A subscriber that does not read holds a cursor, not events. Flow control stops its stream, and it
/// later reads the missed events from the log.
#[tokio::test]
async fn a_slow_subscriber_loses_nothing() {
    let gateway = Gateway::start_with(|settings| settings.memory_bytes = 100_000).await;
    let mut client = gateway.client().await;
    let request = SubscribeRequest { include_raw_body: true, ..latest() };
    let (mut slow, _) = Subscriber::open(&mut client, request).await.unwrap();
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..200 {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    let (mut next, mut told) = (1, Vec::new());
    while next <= 200 || told.last() != Some(&"caught up") {
        match slow.frame().await.unwrap() {
            Frame::Event(event) => {
                assert_eq!(event.sequence, next);
                assert_eq!(event.raw_body, body);
                next += 1;
            }
            Frame::CaughtUp(at) => {
                assert_eq!(at.cursor.parse::<Cursor>().unwrap().sequence.0, next - 1);
                told.push("caught up");
            }
            Frame::FellBehind(at) => {
                assert_eq!(at.cursor.parse::<Cursor>().unwrap().sequence.0, next - 1);
                told.push("fell behind");
            }
            frame => panic!("unexpected {frame:?}"),
        }
    }
    assert!(told.contains(&"fell behind"), "{told:?}");
    let alternating: Vec<_> = ["caught up", "fell behind"].into_iter().cycle().take(told.len()).collect();
    assert_eq!(told, alternating);
    gateway.stop().await;
}

#[tokio::test]
async fn beyond_its_cap_a_grpc_connection_waits_for_another_to_end() {
    let gateway = Gateway::start_with(|settings| settings.grpc_max_connections = 1).await;
    let mut first = gateway.client().await;
    // The connection is in use, because an idle one would be closed.
    let (stream, _) = Subscriber::open(&mut first, latest()).await.unwrap();
    let waiting = tokio::spawn({
        let address = gateway.addresses.grpc;
        async move { all_events(&mut client(address).await).await }
    });
    // The first connection still works. Once it ends, the other one is accepted.
    assert!(all_events(&mut first).await.is_empty());
    assert!(!waiting.is_finished());
    drop((stream, first));
    assert!(soon(waiting).await.unwrap().is_empty());
    gateway.stop().await;
}

/// The gateway assembles responses from stored bytes. An independent decoder must agree with the
/// generated types.
#[tokio::test]
async fn frames_on_the_wire_are_plain_protobuf() {
    use prost::Message as _;
    let gateway = Gateway::start().await;
    assert!(gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    let event = all_events(&mut gateway.client().await).await.remove(0);
    let frame = SubscribeResponse { frame: Some(Frame::Event(event.clone())) };
    let again = SubscribeResponse::decode(&*frame.encode_to_vec()).unwrap();
    assert_eq!(again, frame);
    let json: serde_json::Value = serde_json::to_value(&event).unwrap();
    assert_eq!(json["snsFriendAdd"]["PairList"][2]["To_Account"], "id3");
    gateway.stop().await;
}

mod proto {
    pub(super) fn list(page_size: i32) -> imcallback::ListEventsRequest {
        imcallback::ListEventsRequest { page_size, include_raw_body: true, ..Default::default() }
    }
}
