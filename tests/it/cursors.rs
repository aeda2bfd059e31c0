//! Tests of cursors and page tokens with typing errors or of the wrong kind: the error names what they
//! are, and the gateway never reads them as a position in another log.

use std::fs;

use crate::support::people::{command, run};
use crate::support::*;
use callback_gateway::testing::event::Cursor;
use imcallback::{
    GetEventRequest, ListEventsRequest, ListSubscribersRequest, SubscribeRequest,
    admin_service_client::AdminServiceClient, get_event_request,
};
use tonic::{Code, Status};

/// Returns a text with one typing error of each kind: a character changed, dropped, doubled
/// or in the other case, two neighbours exchanged, the end or the beginning missing.
fn typing_errors(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, char) in text.char_indices() {
        let (before, after) = (&text[..at], &text[at + 1..]);
        for other in ['A', 'z', '0', '-', '_', char.to_ascii_lowercase(), char.to_ascii_uppercase()] {
            wrong.push(format!("{before}{other}{after}"));
        }
        wrong.push(format!("{before}{after}"));
        wrong.push(format!("{before}{char}{char}{after}"));
        if let Some(next) = after.chars().next() {
            wrong.push(format!("{before}{next}{char}{}", &after[1..]));
        }
        if at > 0 {
            wrong.push(before.to_owned());
            wrong.push(text[at..].to_owned());
        }
    }
    wrong.retain(|wrong| wrong != text);
    wrong
}

fn assert_refused(status: &Status, reason_name: &str, text: &str, given: &str) {
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (Code::InvalidArgument, reason_name),
        "{given}: {status}"
    );
    assert!(status.message().contains(text), "{given}: {status}");
}

/// Cursors and page tokens that the gateway created.
struct Given {
    cursors: Vec<String>,
    page_token: String,
    subscribers_token: String,
}

async fn given(gateway: &Gateway) -> Given {
    for n in 0..3 {
        assert!(gateway.post("A.B", &format!("{{\"n\":{n}}}")).await.is_stored());
    }
    let mut client = gateway.client().await;
    let page = ListEventsRequest { page_size: 1, ..Default::default() };
    let page = soon(client.list_events(page)).await.unwrap().into_inner();
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(Subscriber::open(&mut client, earliest()).await.unwrap());
    }
    let mut admin = AdminServiceClient::connect(format!("http://{}", gateway.addresses.grpc)).await.unwrap();
    let subscribers = ListSubscribersRequest { page_size: 1, ..Default::default() };
    let subscribers = soon(admin.list_subscribers(subscribers)).await.unwrap().into_inner();
    let oldest = streams[0].1.oldest_cursor.clone();
    Given {
        // With and without a checksum of an event.
        cursors: vec![page.events[0].cursor.clone(), oldest],
        page_token: page.next_page_token,
        subscribers_token: subscribers.next_page_token,
    }
}

#[tokio::test]
async fn a_typing_error_is_malformed_and_another_kind_is_named_over_grpc() {
    let gateway = Gateway::start().await;
    let given = given(&gateway).await;
    let mut client = gateway.client().await;
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
    let page_token = "a page token of ListEvents, not a cursor; pass the cursor of an event";
    let subscribers_token = "a page token of ListSubscribers, not a cursor";

    let mut wrong: Vec<_> = given
        .cursors
        .iter()
        .flat_map(|cursor| typing_errors(cursor))
        .map(|text| (text, "malformed"))
        .collect();
    wrong.push((given.page_token.clone(), page_token));
    wrong.push((given.subscribers_token.clone(), subscribers_token));
    for (text, says) in wrong {
        let status = Subscriber::open(&mut client, after(&text)).await.err().expect(&text);
        assert_refused(&status, "INVALID_CURSOR", says, &text);
        let event = Some(get_event_request::Event::Cursor(text.clone()));
        let status =
            soon(client.get_event(GetEventRequest { event, ..Default::default() })).await.unwrap_err();
        assert_refused(&status, "INVALID_CURSOR", says, &text);
    }

    let mut wrong: Vec<_> =
        typing_errors(&given.page_token).into_iter().map(|text| (text, "malformed")).collect();
    wrong.push((given.cursors[0].clone(), "page_token is a cursor; pass next_page_token"));
    wrong.push((given.subscribers_token.clone(), "page_token is a page token of ListSubscribers; pass"));
    for (text, says) in wrong {
        let request = ListEventsRequest { page_size: 1, page_token: text.clone(), ..Default::default() };
        let status = soon(client.list_events(request)).await.unwrap_err();
        assert_refused(&status, "INVALID_PAGE_TOKEN", says, &text);
    }

    let mut wrong: Vec<_> =
        typing_errors(&given.subscribers_token).into_iter().map(|text| (text, "malformed")).collect();
    wrong.push((given.cursors[0].clone(), "page_token is a cursor; pass next_page_token"));
    wrong.push((given.page_token.clone(), "page_token is a page token of ListEvents; pass"));
    let other = Gateway::start().await;
    let of_another_process = self::given(&other).await.subscribers_token;
    wrong.push((of_another_process, "another gateway process; start without a token"));
    other.stop().await;
    for (text, says) in wrong {
        let request = ListSubscribersRequest { page_token: text.clone(), ..Default::default() };
        let status = soon(admin.list_subscribers(request)).await.unwrap_err();
        assert_refused(&status, "INVALID_PAGE_TOKEN", says, &text);
    }

    // Unchanged, all of them are valid.
    for cursor in &given.cursors {
        Subscriber::open(&mut client, SubscribeRequest { ..after(cursor) }).await.unwrap();
    }
    let request = ListEventsRequest { page_size: 1, page_token: given.page_token, ..Default::default() };
    assert_eq!(soon(client.list_events(request)).await.unwrap().into_inner().events[0].sequence, 2);
    let request = ListSubscribersRequest { page_token: given.subscribers_token, ..Default::default() };
    soon(admin.list_subscribers(request)).await.unwrap();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typing_error_is_a_wrong_option_on_the_command_line() {
    let gateway = Gateway::start().await;
    let given = given(&gateway).await;
    let cursor = &given.cursors[0];
    let errors = typing_errors(cursor);
    // A change in the epoch, in the sequence and in the checksum, a truncated cursor, and one in lower
    // case.
    let wrong =
        [&errors[30], &errors[150], &errors[errors.len() - 12], &cursor[..28], &cursor.to_ascii_lowercase()];
    let commands = [
        (&["tail", "--count", "1", "--from"][..], "complete cursor"),
        (&["export", "--from"], "complete cursor"),
        (&["export", "--until"], "complete cursor"),
        (&["get", "--"], "complete cursor"),
    ];
    for (args, says) in commands {
        for text in wrong {
            let ran = run(&mut command(gateway.addresses.grpc, &[args, &[text]].concat())).await;
            assert_eq!((ran.code(), ran.stdout().as_str()), (Some(64), ""), "{args:?} {text}");
            assert!(ran.stderr().contains(says), "{args:?} {text}: {ran:?}");
        }
        let ran = run(&mut command(gateway.addresses.grpc, &[args, &[&given.page_token]].concat())).await;
        assert_eq!((ran.code(), ran.stdout().as_str()), (Some(64), ""), "{args:?}");
        assert!(ran.stderr().contains("is a page token of ListEvents, not a cursor"), "{args:?}: {ran:?}");
    }
    assert!(
        run(&mut command(gateway.addresses.grpc, &["get", cursor])).await.good().contains("sequence     3")
    );
    gateway.stop().await;
}

/// Returns every word of a text that looks like a cursor.
fn cursors_in(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    // Not the name of a variable.
    let is_one = |word: &str| {
        word.len() == 35
            && (word.starts_with("CI") || word.starts_with("CA"))
            && word.contains(|c: char| c.is_ascii_lowercase())
    };
    text.split(is_end).filter(move |word| is_one(word))
}

#[test]
fn the_cursors_of_help_texts_and_pages_are_whole() {
    let mut found = 0;
    let mut look = |text: &str, place: &str| {
        for cursor in cursors_in(text) {
            assert!(cursor.parse::<Cursor>().is_ok(), "{place}: {cursor}");
            found += 1;
        }
        // The form before 0.1.0, which no release used.
        assert!(!text.contains("AeXf"), "{place}");
    };
    for name in ["tail", "get", "export"] {
        let help = program().args([name, "--help"]).output().unwrap().stdout;
        let help = String::from_utf8(help).unwrap();
        assert_eq!(cursors_in(&help).count(), 1, "{name}");
        look(&help, name);
    }
    let pages = fs::read_dir(package().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    for page in pages.chain([package().join("README.md")]) {
        if let Ok(text) = fs::read_to_string(&page) {
            look(&text, &page.display().to_string());
        }
    }
    assert!(found > 15, "{found}");
}
