//! `ListEvents` through real sockets.

mod support;

use callback_gateway::proto::{
    Event, EventFilter, ListEventsRequest, event_service_client::EventServiceClient,
};
use support::*;
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

/// Follows page tokens to the end; gives the pages.
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
    let filter = Some(EventFilter { commands: vec!["Rare.*".to_owned()], sdk_app_ids: vec![APP_ID] });
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
    // tonic's client takes 4 MiB by default, as others do.
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
