//! Data of earlier releases: their stores and the cursors of their events.
//!
//! `tests/releases` has a directory for each release. `./scripts/baseline` creates that of the
//! version in Cargo.toml: it sets `KEEP_STORE=1` for the test that creates the store.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::support::reseal::reseal;
use callback_gateway::testing::event::seal;
use imcallback::{
    CallbackKind, DecodeStatus, Event, EventFilter, GapPolicy, GapReason, ListEventsRequest,
    SubscribeRequest, subscribe_response::Frame,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;

use crate::support::*;

const STORE: &str = "events.db";
/// Events of the store as JSON, one per line.
const EVENTS: &str = "events.jsonl";

fn directory() -> PathBuf {
    package().join("tests/releases")
}

/// Returns the directories of all releases.
fn releases() -> Vec<PathBuf> {
    let found: Vec<_> = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!found.is_empty(), "no releases found");
    found
}

fn expected(release: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(release.join(EVENTS)).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn as_json(events: &[Event]) -> Vec<Value> {
    events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

/// Creates a data directory with a copy of a release's store.
fn data_dir(release: &Path) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::copy(release.join(STORE), dir.path().join(STORE)).unwrap();
    dir
}

/// Starts a gateway that keeps events of any age.
async fn gateway(data_dir: &Path) -> Gateway {
    Gateway::start_in_with(data_dir, |settings| settings.retention_age = None).await
}

#[tokio::test]
async fn a_store_of_an_earlier_release_is_read_resumed_and_added_to() {
    for release in releases() {
        println!("{}", release.display());
        let dir = data_dir(&release);
        let gateway = gateway(dir.path()).await;
        let mut client = gateway.client().await;

        let stored = all_events(&mut client).await;
        let expected = expected(&release);
        for (event, expected) in as_json(&stored).iter().zip(&expected) {
            assert_eq!(event, expected);
        }
        assert_eq!(stored.len(), expected.len());

        // Cursors as a consumer of that release stored them.
        for (at, event) in expected.iter().enumerate() {
            let rest = read(&mut client, after(event["cursor"].as_str().unwrap())).await;
            assert_eq!(rest, stored[at + 1..], "{event}");
        }

        assert!(gateway.post("Sns.CallbackFriendAdd", FRIEND_ADD).await.is_stored());
        let last = stored.last().unwrap();
        let new = read(&mut client, after(&last.cursor)).await;
        assert_eq!(new.len(), 1);
        assert_eq!(new[0].sequence, last.sequence + 1);
        gateway.stop().await;
    }
}

/// Simulates an older release that did not know the command: its record does not contain the field for
/// the payload.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_untyped_stays_untyped_once_its_command_is_known() {
    const NOT_KNOWN: &str = "Sns.CallbackFriendXdd";
    const KNOWN: &str = "Sns.CallbackFriendAdd";
    let dir = TempDir::new().unwrap();
    let old = gateway(dir.path()).await;
    assert!(old.post(NOT_KNOWN, &FRIEND_ADD.replace(KNOWN, NOT_KNOWN)).await.is_stored());
    old.stop().await;
    let store = Connection::open(dir.path().join(STORE)).unwrap();
    let mut record: Vec<u8> = store.query_row("SELECT record FROM record", [], |row| row.get(0)).unwrap();
    while let Some(at) = record.windows(NOT_KNOWN.len()).position(|bytes| bytes == NOT_KNOWN.as_bytes()) {
        record[at..at + KNOWN.len()].copy_from_slice(KNOWN.as_bytes());
    }
    seal(&mut record);
    assert_eq!(store.execute("UPDATE record SET record = ?1", [record]).unwrap(), 1);
    reseal(&store);
    store.close().unwrap();
    // The gateway rebuilds the index from the store. The index is missing if the gateway stopped before
    // it began to build.
    fs::remove_file(dir.path().join("index.db")).ok();

    let gateway = gateway(dir.path()).await;
    let mut client = gateway.client().await;
    assert!(gateway.post(KNOWN, FRIEND_ADD).await.is_stored());
    let filter = EventFilter { commands: vec![KNOWN.to_owned()], ..Default::default() };
    let subscribed = read(&mut client, SubscribeRequest { filter: Some(filter.clone()), ..earliest() }).await;
    let list = ListEventsRequest { filter: Some(filter), ..Default::default() };
    let mut listed = soon(client.list_events(list)).await.unwrap().into_inner().events;
    listed.reverse();
    let address = format!("http://{}", gateway.addresses.grpc);
    let export = program().args(["export", "--address", &address]).output().unwrap();
    let exported = String::from_utf8(export.stdout).unwrap();
    let exported = exported.lines().map(|line| serde_json::from_str::<Event>(line).unwrap()).collect();
    for events in [subscribed, listed, exported] {
        let [untyped, typed] = events.try_into().expect("the log has two events");
        assert_eq!(untyped.command, KNOWN);
        assert_eq!(
            (untyped.decode_status(), untyped.kind()),
            (DecodeStatus::UnknownCommand, CallbackKind::Unspecified)
        );
        assert_eq!((untyped.payload, untyped.raw_body.as_str()), (None, FRIEND_ADD));
        assert_eq!((typed.decode_status(), typed.kind()), (DecodeStatus::Typed, CallbackKind::After));
        assert!(typed.payload.is_some());
    }
    gateway.stop().await;
}

/// Ensures that the stores of old releases cover every status and field, so that compatibility is tested
/// and not a coincidence.
#[test]
fn the_kept_stores_have_events_of_every_decode_status_and_every_optional_field() {
    for release in releases() {
        let mut statuses = BTreeMap::<String, usize>::new();
        let events = expected(&release);
        for event in &events {
            *statuses.entry(event["decodeStatus"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        for status in (1..).map_while(|status| DecodeStatus::try_from(status).ok()) {
            assert!(statuses.contains_key(status.as_str_name()), "{status:?}: {statuses:?}");
        }
        for field in [
            "eventTime",
            "requestTime",
            "possibleDuplicateOf",
            "traceparent",
            "rawBody",
            "binaryBody",
            "undecodedPaths",
        ] {
            assert!(events.iter().any(|event| event.get(field).is_some()), "{field}");
        }
    }
}

#[test]
fn a_store_of_a_newer_format_is_refused_and_left_as_it_is() {
    for release in releases() {
        let dir = data_dir(&release);
        let path = dir.path().join(STORE);
        let store = Connection::open(&path).unwrap();
        let format: i64 = store.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        store.pragma_update(None, "user_version", 1000).unwrap();
        store.close().unwrap();
        let before = fs::read(&path).unwrap();

        let output = program().args(serve_args(dir.path())).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("format 1000"), "{said}");
        assert!(said.contains("run the version that wrote it, or a newer version"), "{said}");
        assert!(fs::read(&path).unwrap() == before, "the store was modified");

        Connection::open(&path).unwrap().pragma_update(None, "user_version", format).unwrap();
        let gateway = Process::serve(dir.path(), &["--retention-age", "0s"]);
        drop(gateway);
    }
}

#[tokio::test]
async fn a_record_of_a_newer_format_is_damage_that_can_be_skipped() {
    for release in releases() {
        let dir = data_dir(&release);
        let events = expected(&release);
        let store = Connection::open(dir.path().join(STORE)).unwrap();
        let mut newer: Vec<u8> =
            store.query_row("SELECT record FROM record WHERE sequence = 3", [], |row| row.get(0)).unwrap();
        // The first byte of a record is its format.
        newer[0] = 0xff;
        seal(&mut newer);
        assert_eq!(store.execute("UPDATE record SET record = ?1 WHERE sequence = 3", [newer]).unwrap(), 1);
        let newer = "UPDATE record SET record = CAST(x'FF' || substr(record, 2) AS BLOB) WHERE sequence = 3";
        assert_eq!(store.execute(newer, []).unwrap(), 1);
        reseal(&store);
        store.close().unwrap();

        let gateway = gateway(dir.path()).await;
        let mut client = gateway.client().await;
        let (mut subscriber, _) = Subscriber::open(&mut client, earliest()).await.unwrap();
        for event in &events[..2] {
            assert_eq!(subscriber.event().await.unwrap().cursor, event["cursor"].as_str().unwrap());
        }
        let status = subscriber.event().await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::DataLoss, "LOG_DAMAGED"));

        let mut skip = after(events[1]["cursor"].as_str().unwrap());
        skip.set_on_gap(GapPolicy::Skip);
        let (mut subscriber, _) = Subscriber::open(&mut client, skip).await.unwrap();
        let Frame::Gap(gap) = subscriber.frame().await.unwrap() else { panic!("a gap") };
        assert_eq!((gap.first_missing_sequence, gap.last_missing_sequence), (3, 3));
        assert_eq!(gap.reason(), GapReason::NewerFormat);
        assert_eq!(subscriber.event().await.unwrap().cursor, events[3]["cursor"].as_str().unwrap());
        gateway.stop().await;
    }
}

/// Ensures that a release keeps its store before its version is published.
#[tokio::test(flavor = "multi_thread")]
async fn this_version_has_a_kept_store() {
    let release = directory().join(env!("CARGO_PKG_VERSION"));
    if env::var_os("KEEP_STORE").is_some() {
        keep_store(&release).await;
    }
    for name in ["api.binpb", STORE, EVENTS] {
        assert!(release.join(name).exists(), "no {}: run ./scripts/baseline", release.join(name).display());
    }
}

/// Creates a store with one event of each command and shape, and of each decode status.
async fn keep_store(release: &Path) {
    const SIGNED_APP_ID: &str = "1400000001";
    const TOKENS: &str = "1400000001 a-token-of-a-test";
    let dir = TempDir::new().unwrap();
    let mut command = program();
    command.args(serve_args(dir.path())).args(["--sdk-app-id", SIGNED_APP_ID, "--drain-delay", "0s"]);
    let gateway = Process::start(command.env("CALLBACK_GATEWAY_TOKENS", TOKENS));

    let mut http = Http::connect(gateway.addresses.http).await;
    for dir in ["tests/fixtures", "tests/other_shapes"] {
        let mut files: Vec<_> =
            fs::read_dir(package().join(dir)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let command = file.file_stem().unwrap().to_str().unwrap();
            assert!(http.post(command, &fs::read_to_string(&file).unwrap()).await.is_stored());
        }
    }
    let deep = format!(r#"{{"PairList":{}{}}}"#, "[".repeat(1024), "]".repeat(1024));
    let large = format!(r#"{{"PairList":[{}1]}}"#, "1,".repeat(100_000));
    let again = fs::read_to_string(package().join("tests/fixtures/Group.CallbackAfterSendMsg.json")).unwrap();
    let friends = "Sns.CallbackFriendAdd";
    let bodies: [(&str, &[u8]); 15] = [
        ("Live.CallbackOfTomorrow", r#"{"Anything":[1,{"Nested":"ü"}],"From_Account":"alice"}"#.as_bytes()),
        (friends, br#"{"PairList":"not a list"}"#),
        (friends, br#"{"PairList":"not a list","ForceFlag":1}"#),
        (friends, deep.as_bytes()),
        (friends, large.as_bytes()),
        (friends, b"{\"ClientCmd\":\"two\nlines\"}"),
        (friends, b"{\"ClientCmd\":\"\xff\"}"),
        (friends, b"{\"ClientCmd\":\"c\"}\xff"),
        (friends, b"{\"ClientCmd\":\"c\""),
        (friends, b""),
        (friends, b"[]"),
        (
            friends,
            br#"{"CallbackCommand":"Sns.CallbackFriendAdd","CallbackCommand":"Sns.CallbackFriendAdd"}"#,
        ),
        (friends, br#"{"CallbackCommand":1}"#),
        (friends, br#"{"CallbackCommand":"Sns.CallbackFriendDelete"}"#),
        // Posted again, so that it is marked as a duplicate.
        ("Group.CallbackAfterSendMsg", again.as_bytes()),
    ];
    for (command, body) in bodies {
        let (query, length) = (query(command), body.len());
        let head = format!("POST /?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        http.send([head.as_bytes(), body].concat()).await;
        assert!(http.answer().await.is_stored());
    }
    let traceparent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
    http.send(request("State.StateChange", r#"{"Info":{"To_Account":"bob"}}"#).replacen(
        "\r\n\r\n",
        &format!("\r\n{traceparent}"),
        1,
    ))
    .await;
    assert!(http.answer().await.is_stored());
    let url = format!("http://{}/", gateway.addresses.http);
    let mut send = program();
    send.args(["send", "friend-add", "--url", &url, "--sdk-app-id", SIGNED_APP_ID])
        .args(["--from", "alice", "--to", "bob"])
        .env("CALLBACK_GATEWAY_TOKENS", TOKENS);
    assert!(send.output().unwrap().status.success());

    let mut lines = String::new();
    for event in as_json(&all_events(&mut gateway.client().await).await) {
        writeln!(lines, "{}", json!(event)).unwrap();
    }
    gateway.signal(rustix::process::Signal::TERM);
    assert!(gateway.ended().await.0.success());
    assert!(!dir.path().join("events.db-wal").exists(), "the store is not in one file");
    fs::create_dir_all(release).unwrap();
    fs::copy(dir.path().join(STORE), release.join(STORE)).unwrap();
    fs::write(release.join(EVENTS), lines).unwrap();
}
