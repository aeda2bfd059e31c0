//! `ListEvents` through real sockets.

use std::sync::Arc;

use crate::support::*;
use callback_gateway::testing::{
    event::{Cursor, Epoch},
    log::memory::MemoryLog,
    subscription::MAX_LIST_SCAN,
};
use imcallback::{
    Event, EventFilter, GetEventRequest, ListEventsRequest, ListOrder,
    event_service_client::EventServiceClient, get_event_request,
};
use tonic::{Code, transport::Channel};

async fn gateway_with(count: u32) -> Gateway {
    let gateway = Gateway::start_with(|settings| settings.memory_bytes = 1000).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..count {
        let command = if n % 10 == 0 { "Rare.Command" } else { "A.B" };
        assert!(http.post(command, &format!("{{\"n\":{n}}}")).await.is_stored());
    }
    gateway
}

/// Follows page tokens to the end. Returns the pages.
async fn pages(client: &mut EventServiceClient<Channel>, mut request: ListEventsRequest) -> Vec<Vec<Event>> {
    let mut pages = Vec::new();
    loop {
        let page = soon(client.list_events(request.clone())).await.unwrap().into_inner();
        pages.push(page.events);
        if page.next_page_token.is_empty() {
            return pages;
        }
        request.page_token = page.next_page_token;
    }
}

fn sequences(pages: &[Vec<Event>]) -> Vec<u64> {
    pages.iter().flatten().map(|event| event.sequence).collect()
}

#[tokio::test]
async fn an_empty_log_lists_nothing() {
    let gateway = gateway_with(0).await;
    assert_eq!(pages(&mut gateway.client().await, ListEventsRequest::default()).await, [[]]);
    gateway.stop().await;
}

#[tokio::test]
async fn events_are_listed_newest_first_page_by_page() {
    let gateway = gateway_with(250).await;
    let mut client = gateway.client().await;
    let newest_first: Vec<u64> = (1..=250).rev().collect();

    let default = pages(&mut client, ListEventsRequest::default()).await;
    assert_eq!(default.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(sequences(&default), newest_first);

    for (page_size, lens) in
        [(1000, vec![250]), (5000, vec![250]), (125, vec![125, 125]), (249, vec![249, 1])]
    {
        let request = ListEventsRequest { page_size, ..Default::default() };
        let pages = pages(&mut client, request).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), lens);
        assert_eq!(sequences(&pages), newest_first);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn events_stored_while_paging_are_left_to_the_next_listing() {
    let gateway = gateway_with(10).await;
    let mut client = gateway.client().await;
    let request = ListEventsRequest { page_size: 4, ..Default::default() };
    let first = client.list_events(request.clone()).await.unwrap().into_inner();
    assert!(gateway.post("A.B", "{}").await.is_stored());
    let rest = pages(&mut client, ListEventsRequest { page_token: first.next_page_token, ..request }).await;
    assert_eq!(sequences(&rest), [6, 5, 4, 3, 2, 1]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_filter_holds_over_all_pages() {
    let gateway = gateway_with(100).await;
    let mut client = gateway.client().await;
    let filter = Some(EventFilter {
        commands: vec!["Rare.*".to_owned()],
        sdk_app_ids: vec![APP_ID],
        ..Default::default()
    });
    let request = ListEventsRequest { filter, page_size: 4, ..Default::default() };
    let pages = pages(&mut client, request).await;
    assert_eq!(sequences(&pages), [91, 81, 71, 61, 51, 41, 31, 21, 11, 1]);
    assert!(pages.iter().flatten().all(|event| event.command == "Rare.Command"));
    gateway.stop().await;
}

#[tokio::test]
async fn raw_bodies_are_listed_where_there_is_no_typed_payload_or_when_asked_for() {
    let gateway = Gateway::start().await;
    assert!(gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    assert!(gateway.post("A.B", "{}").await.is_stored());
    let mut client = gateway.client().await;
    for (include_raw_body, expected) in [(false, ["{}", ""]), (true, ["{}", FRIEND_ADD])] {
        let request = ListEventsRequest { include_raw_body, ..Default::default() };
        let events = client.list_events(request).await.unwrap().into_inner().events;
        assert_eq!(events.iter().map(|event| event.raw_body.as_str()).collect::<Vec<_>>(), expected);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_stays_below_the_limit_of_standard_clients() {
    let gateway = Gateway::start().await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(900_000));
    for _ in 0..10 {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    // tonic's client accepts 4 MiB by default, as others do.
    let pages =
        pages(&mut gateway.client().await, ListEventsRequest { page_size: 1000, ..Default::default() }).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3, 1]);
    assert_eq!(sequences(&pages), (1..=10).rev().collect::<Vec<_>>());
    gateway.stop().await;
}

#[tokio::test]
async fn wrong_arguments_are_refused_with_the_remedy() {
    let gateway = gateway_with(10).await;
    let mut client = gateway.client().await;
    let request = ListEventsRequest { page_size: 5, ..Default::default() };
    let token = client.list_events(request.clone()).await.unwrap().into_inner().next_page_token;

    let other_filter = Some(EventFilter { commands: vec!["A.B".to_owned()], ..Default::default() });
    let bad_filter = Some(EventFilter { commands: vec!["A*".to_owned()], ..Default::default() });
    for (request, reason_name, text) in [
        (ListEventsRequest { page_size: -1, ..Default::default() }, "INVALID_FIELD", "negative"),
        (ListEventsRequest { filter: bad_filter, ..Default::default() }, "INVALID_FIELD", "filter.commands"),
        (
            ListEventsRequest { page_token: "rubbish".to_owned(), ..request.clone() },
            "INVALID_PAGE_TOKEN",
            "malformed",
        ),
        (
            ListEventsRequest { page_token: token.clone(), filter: other_filter, ..request.clone() },
            "INVALID_PAGE_TOKEN",
            "other arguments",
        ),
        (
            ListEventsRequest { page_token: token.clone(), include_raw_body: true, ..request.clone() },
            "INVALID_PAGE_TOKEN",
            "other arguments",
        ),
    ] {
        let status = client.list_events(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert_eq!(reason(&status), reason_name, "{status}");
        assert!(status.message().contains(text), "{status}");
    }
    // The page size may change from page to page.
    let next = ListEventsRequest { page_token: token.clone(), page_size: 3, ..request.clone() };
    assert_eq!(client.list_events(next).await.unwrap().into_inner().events[0].sequence, 5);

    let other = gateway_with(10).await;
    let foreign = ListEventsRequest { page_token: token, ..request };
    let status = other.client().await.list_events(foreign).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "LOG_REPLACED"));
    other.stop().await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_list_goes_oldest_first_and_within_a_time_range() {
    let gateway = gateway_with(120).await;
    let mut client = gateway.client().await;
    let events = all_events(&mut client).await;
    let oldest_first = ListEventsRequest {
        order: ListOrder::OldestFirst.into(),
        page_size: 50,
        include_raw_body: true,
        ..Default::default()
    };
    let listed = pages(&mut client, oldest_first.clone()).await;
    assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    assert_eq!(listed.concat(), events);

    let (start, end) = (events[30].receive_time, events[90].receive_time);
    let within: Vec<u64> = events
        .iter()
        .filter(|event| (nanos(start)..nanos(end)).contains(&nanos(event.receive_time)))
        .map(|event| event.sequence)
        .collect();
    assert!(within.len() > 20);
    let range = ListEventsRequest { start_time: start, end_time: end, ..oldest_first };
    assert_eq!(sequences(&pages(&mut client, range.clone()).await), within);
    let newest_first = ListEventsRequest { order: ListOrder::NewestFirst.into(), ..range.clone() };
    let mut listed = sequences(&pages(&mut client, newest_first).await);
    listed.reverse();
    assert_eq!(listed, within);
    let filter = Some(EventFilter { commands: vec!["Rare.*".to_owned()], ..Default::default() });
    let rare = sequences(&pages(&mut client, ListEventsRequest { filter, page_size: 2, ..range }).await);
    assert_eq!(rare, within.iter().copied().filter(|sequence| sequence % 10 == 1).collect::<Vec<_>>());
    gateway.stop().await;
}

#[tokio::test]
async fn a_list_says_from_when_on_it_is_complete() {
    let gateway = gateway_with(3).await;
    let mut client = gateway.client().await;
    let list = soon(client.list_events(ListEventsRequest::default())).await.unwrap().into_inner();
    let first = list.events.last().unwrap().receive_time;
    assert!(nanos(list.complete_since) <= nanos(first), "nothing was ever trimmed");
    gateway.stop().await;

    let gateway = Gateway::start_over(Arc::new(MemoryLog::new(20_000).unwrap())).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut client = gateway.client().await;
    let oldest_first =
        ListEventsRequest { order: ListOrder::OldestFirst.into(), page_size: 1, ..Default::default() };
    assert!(http.post("A.B", "{}").await.is_stored());
    assert!(http.post("A.B", "{}").await.is_stored());
    let first = soon(client.list_events(oldest_first.clone())).await.unwrap().into_inner();
    let newest_first = ListEventsRequest { page_size: 1, ..Default::default() };
    let before_trimming = soon(client.list_events(newest_first)).await.unwrap().into_inner();
    for _ in 0..500 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    let filter = Some(EventFilter { commands: vec!["C.D".to_owned()], ..Default::default() });
    let nothing = ListEventsRequest { filter, ..Default::default() };
    let nothing = soon(client.list_events(nothing)).await.unwrap().into_inner();
    assert!(nothing.events.is_empty() && nothing.next_page_token.is_empty());
    assert!(
        nanos(nothing.complete_since) > nanos(first.events[0].receive_time),
        "the list does not claim to include trimmed events"
    );

    // A token below the oldest event: newest first the list ends, oldest first it is an error.
    let below =
        ListEventsRequest { page_token: before_trimming.next_page_token, page_size: 1, ..Default::default() };
    let below = soon(client.list_events(below)).await.unwrap().into_inner();
    assert!(below.events.is_empty() && below.next_page_token.is_empty(), "{below:?}");
    let status =
        soon(client.list_events(ListEventsRequest { page_token: first.next_page_token, ..oldest_first }))
            .await
            .unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "CURSOR_EXPIRED"));
    gateway.stop().await;
}

#[tokio::test]
async fn an_event_is_got_by_its_sequence_or_cursor() {
    let gateway = Gateway::start_over(Arc::new(MemoryLog::new(20_000).unwrap())).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut client = gateway.client().await;
    assert!(http.post("A.B", "{}").await.is_stored());
    let trimmed = all_events(&mut client).await.remove(0);
    for _ in 0..500 {
        assert!(http.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
    }
    let newest = all_events(&mut client).await.pop().unwrap();
    let get = |event, include_raw_body| GetEventRequest { event: Some(event), include_raw_body };
    let cursor = |text: &str| get_event_request::Event::Cursor(text.to_owned());
    for by in [get_event_request::Event::Sequence(501), cursor(&newest.cursor)] {
        let got = soon(client.get_event(get(by.clone(), true))).await.unwrap().into_inner();
        assert_eq!(got.event.as_ref(), Some(&newest));
        let got = soon(client.get_event(get(by, false))).await.unwrap().into_inner();
        assert_eq!(got.event.unwrap().raw_body, "", "a typed event has no raw body unless requested");
    }
    let own: Cursor = newest.cursor.parse().unwrap();
    let rewound = Cursor { check: own.check.map(|check| !check), ..own }.to_string();
    let foreign = Cursor { epoch: Epoch(!own.epoch.0), ..own }.to_string();
    for (by, code, reason_name) in [
        (get_event_request::Event::Sequence(502), Code::NotFound, "EVENT_NOT_FOUND"),
        (get_event_request::Event::Sequence(0), Code::NotFound, "EVENT_NOT_FOUND"),
        (get_event_request::Event::Sequence(u64::MAX), Code::NotFound, "EVENT_NOT_FOUND"),
        (get_event_request::Event::Sequence(1), Code::OutOfRange, "CURSOR_EXPIRED"),
        (cursor(&trimmed.cursor), Code::OutOfRange, "CURSOR_EXPIRED"),
        (cursor(&rewound), Code::FailedPrecondition, "LOG_REWOUND"),
        (cursor(&foreign), Code::FailedPrecondition, "LOG_REPLACED"),
        (cursor(""), Code::InvalidArgument, "INVALID_CURSOR"),
    ] {
        let status = soon(client.get_event(get(by.clone(), false))).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, reason_name), "{by:?}");
    }
    let status = soon(client.get_event(GetEventRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    gateway.stop().await;
}

#[tokio::test]
async fn a_rare_event_is_found_over_short_pages_with_tokens_to_continue() {
    // A log in memory has no index: every record is read.
    let gateway = Gateway::start_over(Arc::new(MemoryLog::new(64 << 20).unwrap())).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("Rare.Command", "{}").await.is_stored());
    for _ in 0..(MAX_LIST_SCAN + 2000) / 100 {
        http.send(request("A.B", "{}").repeat(100)).await;
        let answers = soon(http.answers(100)).await;
        assert!(answers.iter().all(Answer::is_stored));
    }
    let mut client = gateway.client().await;
    let filter = Some(EventFilter { commands: vec!["Rare.Command".to_owned()], ..Default::default() });
    for order in [ListOrder::NewestFirst, ListOrder::OldestFirst] {
        let request = ListEventsRequest { filter: filter.clone(), order: order.into(), ..Default::default() };
        let listed = pages(&mut client, request).await;
        assert_eq!(listed.len(), 2, "one call does not search the whole log");
        assert_eq!(sequences(&listed), [1]);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn wrong_orders_and_times_are_refused() {
    let gateway = gateway_with(1).await;
    let mut client = gateway.client().await;
    let time = |seconds, nanos| Some(imcallback::well_known::Timestamp { seconds, nanos });
    for (request, field) in [
        (ListEventsRequest { order: 3, ..Default::default() }, "order"),
        (ListEventsRequest { start_time: time(0, -1), ..Default::default() }, "start_time"),
        (ListEventsRequest { end_time: time(0, 1_000_000_000), ..Default::default() }, "end_time"),
        (
            ListEventsRequest { start_time: time(5, 0), end_time: time(5, 0), ..Default::default() },
            "end_time",
        ),
    ] {
        let status = soon(client.list_events(request)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
        assert!(status.message().contains(field), "{status}");
    }
    gateway.stop().await;
}
