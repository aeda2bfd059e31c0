//! The index by account, with the real program: lists are the same whatever happened to the index.

use std::{fs, path::Path, time::Duration};

use crate::support::*;
use imcallback::{
    EventFilter, GetLogStatusRequest, GetLogStatusResponse, ListEventsRequest, ListOrder,
    admin_service_client::AdminServiceClient,
};
use tempfile::TempDir;
use tokio::time::interval;

/// The index writes its first segment to the file after 128 MiB of events.
const EVENTS: u64 = 140;
const EVENT_BYTES: usize = 1_000_000;

async fn log_status(gateway: &Process) -> GetLogStatusResponse {
    let mut admin =
        soon(AdminServiceClient::connect(format!("http://{}", gateway.addresses.grpc))).await.unwrap();
    soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap().into_inner()
}

/// Waits until all events are indexed.
async fn indexed(gateway: &Process) {
    let mut look = interval(Duration::from_millis(20));
    let caught_up = async {
        loop {
            let status = log_status(gateway).await;
            if status.index_sequence == Some(status.latest_sequence + 1) {
                break;
            }
            look.tick().await;
        }
    };
    soon(caught_up).await;
}

/// Returns the sequences of an account's events, as listed in both orders.
async fn listed(gateway: &Process, account: &str) -> Vec<u64> {
    let mut client = gateway.client().await;
    let mut orders = Vec::new();
    for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
        let filter = EventFilter { accounts: vec![account.to_owned()], ..Default::default() };
        let mut request = ListEventsRequest { filter: Some(filter), page_size: 3, ..Default::default() };
        request.set_order(order);
        let mut sequences = Vec::new();
        loop {
            let page = soon(client.list_events(request.clone())).await.unwrap().into_inner();
            sequences.extend(page.events.iter().map(|event| event.sequence));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        orders.push(sequences);
    }
    let mut newest_first = orders.pop().unwrap();
    newest_first.reverse();
    assert_eq!(orders, [newest_first.clone()], "one order is the other's reverse");
    newest_first
}

fn segments(index: &Path) -> i64 {
    let index = rusqlite::Connection::open(index).unwrap();
    index.query_row("SELECT count(*) FROM segment", [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_whatever_became_of_the_index() {
    let dir = TempDir::new().unwrap();
    accounts_are_found(dir.path(), &dir.path().join("index.db"), &[]).await;
}

/// The index belongs to this gateway, the events do not.
#[cfg(feature = "external-tools")]
#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_in_a_stream_whatever_became_of_the_index() {
    let server = nats::Nats::start();
    let dir = TempDir::new().unwrap();
    let index = dir.path().join("nats/index.db");
    let url = server.url();
    let args = ["--log", "nats", "--nats-replicas", "1", "--nats-url", &url, "--memory", "1MiB"];
    accounts_are_found(dir.path(), &index, &args).await;

    // Another gateway builds its own index, and both observe trimming.
    let other_dir = TempDir::new().unwrap();
    let gateways = [dir.path(), other_dir.path()].map(|dir| Process::serve(dir, &args));
    for gateway in &gateways {
        indexed(gateway).await;
    }
    let client = async_nats::connect(server.url()).await.unwrap();
    soon(client.request("$JS.API.STREAM.PURGE.callbacks", r#"{"seq":60}"#.into())).await.unwrap();
    for gateway in &gateways {
        assert_eq!(listed(gateway, "id2-7").await, [68, 88, 108, 128]);
    }
    // Two gateways cannot share a directory. The second runs without an index.
    let third = Process::serve(dir.path(), &args);
    assert_eq!(log_status(&third).await.index_sequence, None);
    assert_eq!(listed(&third, "id2-7").await, [68, 88, 108, 128]);
}

async fn accounts_are_found(dir: &Path, index: &Path, args: &[&str]) {
    let mut gateway = Process::serve(dir, args);
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..EVENTS {
        // The account's key is in an array, and the body has members that its type lacks.
        let body = FRIEND_ADD.replace("\"id2\"", &format!("\"id2-{}\"", n % 20));
        let body = body.replacen('{', &format!("{{\"Padding\":\"{}\",", "x".repeat(EVENT_BYTES)), 1);
        assert!(http.post("Sns.CallbackFriendAdd", &body).await.is_stored());
    }
    let expected: Vec<u64> = (0..EVENTS).filter(|n| n % 20 == 7).map(|n| n + 1).collect();
    assert_eq!(listed(&gateway, "id2-7").await, expected);
    indexed(&gateway).await;
    assert_eq!(segments(index), 1);
    assert_eq!(listed(&gateway, "id2-7").await, expected);
    assert!(listed(&gateway, "id2-77").await.is_empty());

    let whole = |_: &Path| {};
    let missing = |index: &Path| fs::remove_file(index).unwrap();
    let shortened =
        |index: &Path| fs::File::options().write(true).open(index).unwrap().set_len(5000).unwrap();
    let overwritten = |index: &Path| fs::write(index, "no database".repeat(1000)).unwrap();
    for change in [whole, missing, shortened, overwritten] {
        gateway.kill();
        change(index);
        gateway = Process::serve(dir, args);
        assert_eq!(get(gateway.addresses.admin, "/readyz").await.status, 200);
        assert_eq!(listed(&gateway, "id2-7").await, expected);
        indexed(&gateway).await;
        assert_eq!(segments(index), 1);
        assert_eq!(listed(&gateway, "id2-7").await, expected);
    }
    gateway.kill();

    gateway = Process::serve(dir, &[args, &["--index", "off"]].concat());
    assert_eq!(log_status(&gateway).await.index_sequence, None);
    assert_eq!(listed(&gateway, "id2-7").await, expected);
    gateway.kill();
}
