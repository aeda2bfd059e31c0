//! Lanes: several readers divide a log, and each event goes to exactly one of them.

use std::net::SocketAddr;

use crate::support::people::{command, run};
use crate::support::*;
use callback_gateway::testing::event::MAX_LANES;
use callback_gateway_client::{Client, Item};
use imcallback::{
    Event, EventFilter, LaneSelector, ListEventsRequest, ListOrder, SubscribeRequest,
    event_service_client::EventServiceClient, subscribe_response::Frame,
};
use tempfile::TempDir;
use tonic::{Code, metadata::MetadataValue, transport::Channel};
use tonic_types::StatusExt as _;

fn lane(count: u32, index: u32) -> Option<EventFilter> {
    Some(EventFilter { lane: Some(LaneSelector { count, index }), ..Default::default() })
}

/// Posts events of 30 groups and 30 accounts, of the app, and bodies that are not decoded.
async fn post_all_sorts(http: SocketAddr) {
    let mut http = Http::connect(http).await;
    for n in 0..240 {
        let (command, body) = match n % 8 {
            0 | 1 => {
                ("Group.CallbackAfterSendMsg", format!(r#"{{"GroupId":"@TGS#{}","MsgTime":{n}}}"#, n % 30))
            }
            2 => ("Group.CallbackAfterGroupFull", format!(r#"{{"GroupId":"@TGS#{}"}}"#, n % 30)),
            3 => ("C2C.CallbackAfterSendMsg", format!(r#"{{"From_Account":"user{}"}}"#, n % 30)),
            4 => (
                "Sns.CallbackFriendAdd",
                format!(r#"{{"PairList":[{{"From_Account":"user{}","To_Account":"bob"}}]}}"#, n % 30),
            ),
            5 => ("Live.Tomorrow", format!(r#"{{"List":[{{"GroupId":"@TGS#{}"}}]}}"#, n % 30)),
            6 => ("Alert.RequestOverLimit", format!(r#"{{"From_Account":"user{n}"}}"#)),
            _ => ("Sns.CallbackFriendAdd", "not JSON".to_owned()),
        };
        assert!(http.post(command, &body).await.is_stored());
    }
}

fn sequences(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.sequence).collect()
}

/// Returns the group or account of one of the events above.
fn key(event: &Event) -> String {
    let body: serde_json::Value = serde_json::from_str(&event.raw_body).unwrap_or_default();
    let group = body.pointer("/GroupId").or(body.pointer("/List/0/GroupId"));
    let account = body.pointer("/From_Account").or(body.pointer("/PairList/0/From_Account"));
    match (group, account) {
        _ if event.command.starts_with("Alert.") => "the app".to_owned(),
        (Some(group), _) => format!("group {group}"),
        (None, Some(account)) => format!("account {account}"),
        (None, None) => "the app".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_in_exactly_one_lane_and_those_of_a_key_are_in_the_same() {
    let gateway = Gateway::start().await;
    post_all_sorts(gateway.addresses.http).await;
    let mut client = gateway.client().await;
    let request = |filter| SubscribeRequest { filter, include_raw_body: true, ..earliest() };
    let all = read(&mut client, request(None)).await;
    assert_eq!(all.len(), 240);
    for count in [1, 2, 7, MAX_LANES] {
        let mut of_lanes = Vec::new();
        for index in 0..count {
            let filter = lane(count, index);
            let (_, subscribed) = Subscriber::open(&mut client, request(filter.clone())).await.unwrap();
            assert_eq!(subscribed.filter, filter, "as understood");
            let events = read(&mut client, request(filter.clone())).await;
            assert!(events.is_sorted_by_key(|event| event.sequence));

            let mut list = ListEventsRequest { filter, page_size: 1000, ..Default::default() };
            list.set_order(ListOrder::OldestFirst);
            let listed = soon(client.list_events(list)).await.unwrap().into_inner();
            assert_eq!(
                (sequences(&listed.events), listed.next_page_token),
                (sequences(&events), String::new())
            );
            of_lanes.push(events);
        }
        let lane_of = |wanted: &Event| {
            let has = |events: &Vec<Event>| events.iter().any(|event| key(event) == key(wanted));
            of_lanes.iter().filter(|events| has(events)).count()
        };
        assert!(
            all.iter().all(|event| lane_of(event) == 1),
            "the events of a key are in one lane of {count}"
        );
        let mut together = of_lanes.concat();
        together.sort_by_key(|event| event.sequence);
        assert_eq!(together, all, "all lanes of {count} together are the log");
        if count == 7 {
            assert!(of_lanes.iter().all(|events| !events.is_empty()), "60 keys fill 7 lanes");
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_and_the_rest_of_a_filter_both_select() {
    let gateway = Gateway::start().await;
    post_all_sorts(gateway.addresses.http).await;
    let mut client = gateway.client().await;
    // A search by account uses the index. A search by command with a family does not.
    for rest in [
        EventFilter { accounts: vec!["bob".to_owned()], ..Default::default() },
        EventFilter { commands: vec!["Group.*".to_owned()], ..Default::default() },
    ] {
        let list = |filter: EventFilter| ListEventsRequest {
            filter: Some(filter),
            page_size: 1000,
            ..Default::default()
        };
        let all = soon(client.list_events(list(rest.clone()))).await.unwrap().into_inner().events;
        let mut together = Vec::new();
        for index in 0..4 {
            let filter = EventFilter { lane: Some(LaneSelector { count: 4, index }), ..rest.clone() };
            together.extend(soon(client.list_events(list(filter))).await.unwrap().into_inner().events);
        }
        together.sort_by_key(|event| std::cmp::Reverse(event.sequence));
        assert!(!all.is_empty());
        assert_eq!(sequences(&together), sequences(&all), "{rest:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_lane_that_does_not_exist_is_refused_by_its_field() {
    let gateway = Gateway::start().await;
    let mut client = gateway.client().await;
    for (count, index) in [(0, 0), (1, 1), (8, 8), (65, 0), (u32::MAX, 0)] {
        let subscribe = SubscribeRequest { filter: lane(count, index), ..latest() };
        let list = ListEventsRequest { filter: lane(count, index), ..Default::default() };
        for status in [
            soon(client.subscribe(subscribe)).await.map(drop).unwrap_err(),
            soon(client.list_events(list)).await.map(drop).unwrap_err(),
        ] {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
            assert_eq!(status.get_details_error_info().unwrap().metadata["field"], "filter.lane");
            assert!(status.message().contains("count must be 1 to 64"), "{}", status.message());
        }
    }
    gateway.stop().await;
}

/// A token that may read only some commands can be combined with a lane: its reader receives only that
/// lane.
#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_a_token_narrow_the_filter_and_keep_the_lane() {
    const TOKEN: &str = "a-token-for-groups";
    let dir = TempDir::new().unwrap();
    let mut serve = program();
    serve.args(serve_args(dir.path()));
    serve.env("CALLBACK_GATEWAY_GRPC_TOKENS", format!("groups {TOKEN} commands=Group.*\n"));
    let gateway = Process::start(&mut serve);
    post_all_sorts(gateway.addresses.http).await;
    let channel =
        Channel::from_shared(format!("http://{}", gateway.addresses.grpc)).unwrap().connect().await.unwrap();
    let header: MetadataValue<_> = format!("Bearer {TOKEN}").parse().unwrap();
    let mut client = EventServiceClient::with_interceptor(channel, move |mut request: tonic::Request<()>| {
        request.metadata_mut().insert("authorization", header.clone());
        Ok(request)
    });
    let mut count = 0;
    for index in 0..4 {
        let request = SubscribeRequest { filter: lane(4, index), ..earliest() };
        let mut frames = soon(client.subscribe(request)).await.unwrap().into_inner();
        loop {
            match soon(frames.message()).await.unwrap().unwrap().frame.unwrap() {
                Frame::Subscribed(subscribed) => {
                    let commands = vec!["Group.*".to_owned()];
                    let expected = lane(4, index).map(|filter| EventFilter { commands, ..filter });
                    assert_eq!(subscribed.filter, expected);
                }
                Frame::Event(event) => {
                    assert!(event.command.starts_with("Group."));
                    count += 1;
                }
                _ => break,
            }
        }
    }
    assert_eq!(count, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_and_the_rust_client_read_a_lane() {
    let gateway = Gateway::start().await;
    post_all_sorts(gateway.addresses.http).await;
    let address = gateway.addresses.grpc;
    let mut client = gateway.client().await;
    let expected = sequences(&read(&mut client, SubscribeRequest { filter: lane(8, 3), ..earliest() }).await);
    assert!(expected.len() > 10, "{expected:?}");

    let printed = |output: &str| {
        let sequence = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).expect(line);
            event["sequence"].as_str().unwrap().parse::<u64>().unwrap()
        };
        output.lines().map(sequence).collect::<Vec<_>>()
    };
    let exported = run(&mut command(address, &["export", "--lane", "3/8"])).await;
    assert_eq!(printed(&exported.stdout()), expected);
    let limit = expected.len().to_string();
    let args = ["tail", "--from", "earliest", "--lane", "3/8", "--json", "--count", &limit];
    let tailed = run(&mut command(address, &args)).await;
    assert_eq!(printed(&tailed.stdout()), expected);
    let recent = run(&mut command(address, &["recent", "--lane", "3/8", "--limit", "1000", "--json"])).await;
    let mut listed = printed(&recent.stdout());
    listed.sort_unstable();
    assert_eq!(listed, expected);
    let wrong = run(&mut command(address, &["tail", "--lane", "8/8"])).await;
    assert!(wrong.stderr().contains("use INDEX/COUNT, such as 0/8"), "{}", wrong.stderr());

    let request = SubscribeRequest { filter: lane(8, 3), ..earliest() };
    let mut subscription = Client::new(format!("http://{address}")).unwrap().subscribe(request);
    let mut seen = Vec::new();
    while seen.len() < expected.len() {
        if let Item::Frame(Frame::Event(event)) = soon(subscription.next()).await.unwrap() {
            seen.push(event.sequence);
        }
    }
    assert_eq!(seen, expected);
    gateway.stop().await;
}
