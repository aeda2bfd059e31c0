//! `export`: part of the log, complete or with a message that it is not.

use std::{
    collections::HashMap,
    fs,
    io::Read as _,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::packets::post_packets;
use crate::support::people::{CommandResult, Relay, Running, command, in_shell, on_a_terminal, run};
use crate::support::scripted_server::{ScriptedServer, stream, stream_encoded};
use crate::support::*;
use callback_gateway::testing::event::{Cursor, Epoch, Sequence};
use imcallback::{
    CaughtUp, Event, GetEventRequest, GoingAway, SubscribeResponse, Subscribed, get_event_request,
    subscribe_response::Frame,
};
use prost::Message as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::{
    Code, IntoRequest as _, Status, client::Grpc, codegen::http::uri::PathAndQuery, transport::Endpoint,
};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt as _};

async fn export(address: SocketAddr, args: &[&str]) -> CommandResult {
    run(&mut command(address, &[&["export"], args].concat())).await
}

fn sequences(lines: &str) -> Vec<u64> {
    let sequence = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).expect(line);
        event["sequence"].as_str().unwrap().parse().unwrap()
    };
    lines.lines().map(sequence).collect()
}

/// Returns the cursor in the line that tells how to continue.
fn to_go_on(text: &str) -> &str {
    text.trim_end().rsplit_once(": --from ").expect(text).1
}

/// Returns the names of all files in a directory.
fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn path(dir: &TempDir, name: &str) -> String {
    dir.path().join(name).to_str().unwrap().to_owned()
}

/// Posts typed callbacks, one with an unknown command, and one that does not fit its message.
async fn post_all_sorts(gateway: &Gateway) {
    for (command, body) in [
        ("Sns.CallbackFriendAdd", FRIEND_ADD),
        ("A.B", "{\"Odd_Account\" : [ \"carol\",\n1e999 ],\"Text\":\"\u{202e}李雷\"}"),
        ("Sns.CallbackBlackListAdd", BLACK_LIST_ADD),
        ("Sns.CallbackFriendAdd", r#"{"PairList":"not a list"}"#),
    ] {
        assert!(gateway.post(command, body).await.is_stored(), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_it_is_what_tail_prints_with_every_body() {
    let gateway = Gateway::start().await;
    post_all_sorts(&gateway).await;
    let address = gateway.addresses.grpc;
    let tail = ["tail", "--from", "earliest", "--count", "4", "--json"];
    let raw = run(&mut command(address, &[&tail[..], &["--raw"]].concat())).await.good();
    let exported = export(address, &[]).await;
    assert_eq!(exported.good(), raw);
    let events = all_events(&mut gateway.client().await).await;
    let json = exported.json_lines();
    for (event, json) in events.iter().zip(&json) {
        assert_eq!(json["rawBody"], event.raw_body);
    }
    let [first, last] = [0, 3].map(|n: usize| events[n].cursor.as_str());
    let size = format!("4 events ({:.1} KiB) written to standard output", raw.len() as f64 / 1024.0);
    assert_eq!(
        exported.stderr(),
        format!(
            "{size}; the first has the cursor {first}, the last {last}\n\
             to continue after this export: --from {last}\n"
        )
    );
    assert_eq!(export(address, &["--no-raw"]).await.good(), run(&mut command(address, &tail)).await.good());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_protobuf_it_is_the_events_each_behind_its_length() {
    let gateway = Gateway::start().await;
    post_all_sorts(&gateway).await;
    let address = gateway.addresses.grpc;
    let dir = TempDir::new().unwrap();
    let file = path(&dir, "events.binpb");
    let exported = export(address, &["--format", "protobuf", "--output", &file]).await;
    assert_eq!(exported.good(), "");
    let bytes = fs::read(&file).unwrap();
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        events.push(Event::decode_length_delimited(&mut rest).unwrap());
    }
    assert_eq!(events, all_events(&mut gateway.client().await).await);
    assert!(exported.stderr().contains(&format!(" written to {file}; ")), "{exported:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "events are private");
    assert_eq!(names(dir.path()), ["events.binpb"]);

    let (code, seen) = on_a_terminal(command(address, &["export", "--format", "protobuf"])).await;
    assert!(code == Some(64) && seen.contains("cannot be printed on a terminal"), "{seen}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_events_have_the_same_output_in_every_run_and_format() {
    let gateway = Gateway::start().await;
    let count = post_packets(&gateway).await;
    let address = gateway.addresses.grpc;
    let dir = TempDir::new().unwrap();
    for format in ["json", "protobuf"] {
        let files = ["a", "b"].map(|name| path(&dir, &format!("{name}.{format}")));
        for file in &files {
            export(address, &["--format", format, "--output", file]).await.good();
        }
        let [first, second] = files.map(|file| fs::read(file).unwrap());
        assert!(first == second && !first.is_empty(), "{format}");
    }
    let json = fs::read_to_string(dir.path().join("a.json")).unwrap();
    assert_eq!(json.lines().count(), count);
    let limit = count.to_string();
    for (args, is_all) in [
        (&["recent", "--json", "--raw", "--limit", &limit][..], true),
        (&["tail", "--json", "--raw", "--from", "earliest", "--count", &limit], true),
        (&["recent", "--limit", &limit], false),
        (&["tail", "--from", "earliest", "--count", &limit], false),
    ] {
        let [first, second] =
            [run(&mut command(address, args)).await.good(), run(&mut command(address, args)).await.good()];
        // The table also shows the age of an event, which changes between runs.
        assert!(args[0] == "recent" && !is_all || first == second, "{args:?}");
        assert!(!is_all || first == json, "{args:?}");
    }
    // Prints the event with the most members in enough processes to rule out a chance match.
    let longest = (1..=count).max_by_key(|n| json.lines().nth(n - 1).unwrap().len()).unwrap();
    for _ in 0..8 {
        let got = run(&mut command(address, &["get", &longest.to_string(), "--json"])).await.good();
        assert_eq!(Some(got.trim_end()), json.lines().nth(longest - 1));
    }
    gateway.stop().await;
}

/// A response to `GetEvent` whose event is not decoded.
#[derive(Clone, PartialEq, prost::Message)]
struct RawEvent {
    #[prost(bytes = "vec", tag = "1")]
    event: Vec<u8>,
}

/// Reads the events of an export by their lengths, without decoding them.
fn delimited(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let len = prost::decode_length_delimiter(&mut bytes).unwrap();
        let (event, rest) = bytes.split_at(len);
        events.push(event.to_vec());
        bytes = rest;
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn as_protobuf_it_is_the_bytes_of_the_api() {
    let gateway = Gateway::start().await;
    post_packets(&gateway).await;
    let address = gateway.addresses.grpc;
    let dir = TempDir::new().unwrap();
    for (include_raw_body, args) in [(true, &[][..]), (false, &["--no-raw"])] {
        let file = path(&dir, &format!("{include_raw_body}.binpb"));
        let all = [&["--format", "protobuf", "--output", &file], args].concat();
        export(address, &all).await.good();
        let channel =
            soon(Endpoint::from_shared(format!("http://{address}")).unwrap().connect()).await.unwrap();
        let mut grpc = Grpc::new(channel);
        for (sequence, exported) in (1..).zip(delimited(&fs::read(&file).unwrap())) {
            let request = GetEventRequest {
                event: Some(get_event_request::Event::Sequence(sequence)),
                include_raw_body,
            };
            soon(grpc.ready()).await.unwrap();
            let path = PathAndQuery::from_static("/imcallback.v1.EventService/GetEvent");
            let codec = ProstCodec::<GetEventRequest, RawEvent>::default();
            let response = soon(grpc.unary(request.into_request(), path, codec)).await.unwrap();
            assert_eq!(exported, response.into_inner().event, "{sequence}");
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_newer_gateway_survive_as_protobuf() {
    // Not in the order of prost, with fields that no version knows.
    let mut newer = Vec::new();
    prost::encoding::bytes::encode(5, &b"A.B".to_vec(), &mut newer);
    prost::encoding::bytes::encode(2, &at(1, 1).into_bytes(), &mut newer);
    prost::encoding::uint64::encode(1, &1, &mut newer);
    prost::encoding::bytes::encode(19_999, &b"newer".to_vec(), &mut newer);
    prost::encoding::double::encode(18_888, &0.5, &mut newer);
    let mut event = Vec::new();
    prost::encoding::bytes::encode(2, &newer, &mut event);
    let calls = AtomicUsize::new(0);
    let server = ScriptedServer::plain(move |_| {
        let subscribed =
            |cursor| SubscribeResponse { frame: Some(subscribed(cursor, at(1, 1))) }.encode_to_vec();
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => stream_encoded(&[subscribed(at(1, 1))], None),
            _ => stream_encoded(&[subscribed(at(1, 0)), event.clone()], None),
        }
    });
    let dir = TempDir::new().unwrap();
    let file = path(&dir, "events.binpb");
    export(server.address, &["--format", "protobuf", "--output", &file]).await.good();
    assert_eq!(delimited(&fs::read(&file).unwrap()), [newer]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_export_follows_on_another_and_a_filter_is_told() {
    let gateway = Gateway::start().await;
    post_all_sorts(&gateway).await;
    let address = gateway.addresses.grpc;
    let events = all_events(&mut gateway.client().await).await;
    let of = async |args: &[&str]| sequences(&export(address, args).await.good());

    let carol = export(address, &["--account", "carol"]).await;
    assert_eq!(sequences(&carol.good()), [2]);
    let text = carol.stderr();
    assert!(text.starts_with("1 event for account carol ("), "{text}");
    assert!(text.contains(&format!("; its cursor is {}\n", events[1].cursor)), "{text}");
    // An export ends at the end of the log, not at the last event that matches its filter.
    let next = to_go_on(&text);
    assert_eq!(next, events[3].cursor);
    let nothing = export(address, &["--from", next]).await;
    assert_eq!((nothing.good().as_str(), to_go_on(&nothing.stderr())), ("", next));
    assert!(nothing.stderr().starts_with("0 events (0 B) written to "), "{nothing:?}");
    assert!(gateway.post("A.B", "{}").await.is_stored());
    assert_eq!(of(&["--from", next]).await, [5]);

    let second = events[1].cursor.as_str();
    assert_eq!(of(&["--until", second]).await, [1, 2]);
    assert_eq!(of(&["--from", second]).await, [3, 4, 5]);
    assert_eq!(of(&["--from", second, "--until", second]).await, [0; 0]);
    let third: serde_json::Value = export(address, &[]).await.json_lines()[2]["receiveTime"].take();
    let third = third.as_str().unwrap();
    assert_eq!(of(&["--until", third]).await, [1, 2]);
    assert_eq!(of(&["--from", third]).await, [3, 4, 5]);
    assert_eq!(of(&["--since", "1h", "--until", "2100-01-01T00:00:00Z"]).await, [1, 2, 3, 4, 5]);
    assert_eq!(of(&["--until", "1h", "--account", "carol"]).await, [0; 0]);

    for (args, message) in [
        (&["--from", second, "--until", &events[0].cursor][..], "--until lies before the start"),
        (&["--from", "latest"], "use earliest, a time in UTC"),
        (&["--until", "earliest"], "use latest, an age"),
        (&["--from", second, "--since", "1h"], "cannot be used with"),
        (&["--format", "xml"], "json, protobuf"),
        (&["--command", "???"], "--command: entry 0 must be a command"),
    ] {
        let ran = export(address, args).await;
        assert!(ran.code() == Some(64) && ran.stderr().contains(message), "{ran:?}");
    }
    gateway.stop().await;
}

/// More than a pipe and its buffers hold.
const MANY: usize = 200;

async fn post_large(gateway: &Process, from: usize, count: usize) {
    let mut http = Http::connect(gateway.addresses.http).await;
    let text = "x".repeat(100_000);
    for n in from..from + count {
        assert!(http.post("A.B", &format!("{{\"n\":{n},\"t\":\"{text}\"}}")).await.is_stored());
    }
}

/// Returns the rest of its standard output, its exit code and its standard error.
async fn rest(mut running: Running) -> (String, Option<i32>, String) {
    let mut out = running.out.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    });
    let (code, err) = running.ended().await;
    (soon(reading).await.unwrap(), code, err)
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_restart_it_goes_on_and_ends_where_the_log_ended_when_it_began() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    let relay = Relay::start(gateway.addresses.grpc).await;
    post_large(&gateway, 0, MANY).await;
    let mut running = Running::start(&mut command(relay.address, &["export"]));
    let first = running.line().await;

    relay.lead_to(None);
    relay.cut();
    gateway.kill();
    let gateway = Process::serve(dir.path(), &[]);
    post_large(&gateway, MANY, 3).await;
    relay.lead_to(Some(gateway.addresses.grpc));

    let (more, code, notices) = rest(running).await;
    assert_eq!(code, Some(0), "{notices}");
    assert_eq!(sequences(&format!("{first}\n{more}")), (1..=MANY as u64).collect::<Vec<_>>());
    assert!(notices.contains("; reconnecting in ") && notices.contains("reconnected\n"), "{notices}");
    let next = export(relay.address, &["--from", to_go_on(&notices)]).await.good();
    assert_eq!(sequences(&next), (1..=3).map(|n| MANY as u64 + n).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_gateway_stays_away_it_gives_up_and_says_how_to_go_on() {
    let data = TempDir::new().unwrap();
    let gateway = Process::serve(data.path(), &[]);
    let relay = Relay::start(gateway.addresses.grpc).await;
    post_large(&gateway, 0, MANY).await;
    let mut running = Running::start(&mut command(relay.address, &["export", "--retry-for", "1s"]));
    let first = running.line().await;
    relay.lead_to(None);
    relay.cut();
    let (more, code, notices) = rest(running).await;
    assert_eq!(code, Some(1), "{notices}");
    let (_, said) = notices.split_once("error: ").expect(&notices);
    assert!(said.contains("gave up, because the next attempt in "), "{said}");
    let mut lines = format!("{first}\n{more}");
    let before = lines.lines().count();
    let events = if before == 1 { "event" } else { "events" };
    assert!(said.contains(&format!("; {before} {events} complete before that; ")), "{said}");

    relay.lead_to(Some(gateway.addresses.grpc));
    lines += &export(relay.address, &["--from", to_go_on(said)]).await.good();
    assert_eq!(sequences(&lines), (1..=MANY as u64).collect::<Vec<_>>());
}

/// Kills one gateway in the middle of the export. Its output is intact, and the other gateway exports
/// the rest.
#[cfg(feature = "external-tools")]
#[tokio::test(flavor = "multi_thread")]
async fn over_nats_what_one_gateway_began_another_ends() {
    let server = crate::support::nats::Nats::start();
    let url = server.url();
    let dirs = [(); 2].map(|()| TempDir::new().unwrap());
    let args = ["--log", "nats", "--nats-replicas", "1", "--nats-url", &url];
    let [one, other] = dirs.each_ref().map(|dir| Process::serve(dir.path(), &args));
    post_large(&one, 0, MANY).await;
    let mut running = Running::start(&mut command(one.addresses.grpc, &["export", "--retry-for", "1s"]));
    let first = running.line().await;
    one.kill();
    let (more, code, notices) = rest(running).await;
    assert_eq!(code, Some(1), "{notices}");
    let mut lines = format!("{first}\n{more}");
    let before = lines.lines().count();
    assert!(before < MANY, "the gateway was killed after the export had finished");
    lines += &export(other.addresses.grpc, &["--from", to_go_on(&notices)]).await.good();
    assert_eq!(sequences(&lines), (1..=MANY as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_gone_are_told_and_make_it_fail() {
    let gateway = Gateway::start_with(|settings| settings.retention_count = Some(5)).await;
    gateway.post("A.B", "{}").await;
    let first = all_events(&mut gateway.client().await).await[0].cursor.clone();
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..50 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    let address = gateway.addresses.grpc;
    let dir = TempDir::new().unwrap();
    let file = path(&dir, "events.jsonl");
    // Retention runs every second.
    let expired = soon(async {
        loop {
            let ran = export(address, &["--from", &first, "--output", &file]).await;
            if ran.code() != Some(0) {
                return ran;
            }
            fs::remove_file(&file).unwrap();
        }
    })
    .await;
    assert_eq!(expired.code(), Some(1), "{expired:?}");
    let text = expired.stderr();
    assert!(
        text.contains("no longer stored") && text.contains("--skip-gaps to continue automatically"),
        "{text}"
    );
    assert!(text.ends_with(&format!("; {file} was not created\n")), "{text}");
    assert_eq!(names(dir.path()), [""; 0]);

    let skipping = export(address, &["--from", &first, "--output", &file, "--skip-gaps"]).await;
    assert_eq!(skipping.code(), Some(1), "{skipping:?}");
    let text = skipping.stderr();
    assert!(text.contains("error: the export has gaps: events 2 to "), "{text}");
    assert_eq!(sequences(&fs::read_to_string(&file).unwrap()).last(), Some(&51));
    // Events that are still stored are not a gap.
    assert_eq!(sequences(&export(address, &[]).await.good()).last(), Some(&51));
    let until = export(address, &["--until", &first]).await;
    assert_eq!(until.code(), Some(1), "{until:?}");
    assert!(until.stderr().starts_with("error: --until: events after the position"), "{until:?}");
    gateway.stop().await;

    let other = Gateway::start().await;
    for option in ["--from", "--until"] {
        let replaced = export(other.addresses.grpc, &[option, &first]).await;
        assert_eq!(replaced.code(), Some(1), "{replaced:?}");
        assert!(replaced.stderr().contains("the current log began at 20"), "{replaced:?}");
    }
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_file_is_created_and_shows_progress() {
    let gateway = Gateway::start().await;
    post_all_sorts(&gateway).await;
    let address = gateway.addresses.grpc;
    let dir = TempDir::new().unwrap();
    let file = path(&dir, "events.jsonl");
    let (code, seen) = on_a_terminal(command(address, &["export", "--output", &file])).await;
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("%  4 events, "), "a bar: {seen:?}");
    let whole = fs::read_to_string(&file).unwrap();
    assert_eq!(sequences(&whole), [1, 2, 3, 4]);

    for there in [&file, "/dev/null", dir.path().to_str().unwrap()] {
        let again = export(address, &["--output", there]).await;
        assert_eq!(again.code(), Some(1), "{again:?}");
        assert!(again.stderr().contains(&format!("{there} already exists")), "{again:?}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    let nowhere = export(address, &["--output", "/nowhere/events.jsonl"]).await;
    assert_eq!(nowhere.code(), Some(1), "{nowhere:?}");
    let problem = "error: --output: cannot write /nowhere/events.jsonl: No such file or directory";
    assert!(nowhere.stderr().starts_with(problem), "{nowhere:?}");
    assert_eq!(export(address, &["--output", "/"]).await.code(), Some(64));
    assert_eq!(export(address, &["--output", "-"]).await.good(), whole);
    assert_eq!(names(dir.path()), ["events.jsonl"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_before_the_end_makes_it_fail() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    post_large(&gateway, 0, MANY).await;
    let mut running = Running::start(&mut command(gateway.addresses.grpc, &["export"]));
    running.line().await;
    drop(running.out.take());
    let (code, said) = running.ended().await;
    assert_eq!(code, Some(1));
    let problem = "error: the reader of standard output closed it before the end; ";
    assert!(said.starts_with(problem) && said.contains("to continue after them: --from C"), "{said}");
}

fn at(epoch: u64, sequence: u64) -> String {
    Cursor::unchecked(Epoch(epoch), Sequence(sequence)).to_string()
}

fn subscribed(cursor: String, latest: String) -> Frame {
    Frame::Subscribed(Subscribed { cursor, latest_cursor: latest, ..Default::default() })
}

fn event(sequence: u64, body_bytes: usize) -> Frame {
    Frame::Event(Event {
        sequence,
        cursor: at(1, sequence),
        raw_body: "x".repeat(body_bytes),
        ..Default::default()
    })
}

/// Starts a gateway that answers each call with the next of these streams, which then stay open. Returns
/// it with the number of streams that it has begun.
fn scripted(streams: Vec<Vec<Frame>>) -> (ScriptedServer, Arc<AtomicUsize>) {
    ending(streams.into_iter().map(|frames| (frames, None)).collect())
}

/// Starts a gateway whose streams end with their status, if they have one.
fn ending(streams: Vec<(Vec<Frame>, Option<Status>)>) -> (ScriptedServer, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let calls = Arc::clone(&count);
    let server = ScriptedServer::plain(move |_| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        let (frames, end) = streams.get(call).cloned().unwrap_or_default();
        let messages: Vec<_> =
            frames.into_iter().map(|frame| SubscribeResponse { frame: Some(frame) }).collect();
        stream(&messages, end)
    });
    (server, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_behind_is_not_the_end_but_a_hole_at_the_end_is() {
    let (server, _) = scripted(vec![
        vec![subscribed(at(1, 3), at(1, 3))],
        vec![
            subscribed(at(1, 0), at(1, 1)),
            event(1, 0),
            Frame::CaughtUp(CaughtUp { cursor: at(1, 1), unmatched_events: 0 }),
        ],
        vec![
            subscribed(at(1, 1), at(1, 3)),
            event(2, 0),
            Frame::CaughtUp(CaughtUp { cursor: at(1, 2), unmatched_events: 0 }),
        ],
    ]);
    let ran = export(server.address, &[]).await;
    assert_eq!(sequences(&ran.good()), [1, 2]);
    assert!(ran.stderr().starts_with("this gateway is behind the one that answered first; "), "{ran:?}");
    assert_eq!(to_go_on(&ran.stderr()), at(1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_exported_twice_if_another_gateway_is_behind_the_start() {
    let (server, _) = scripted(vec![
        vec![subscribed(at(1, 95), at(1, 95))],
        vec![
            subscribed(at(1, 100), at(1, 100)),
            Frame::CaughtUp(CaughtUp { cursor: at(1, 100), unmatched_events: 0 }),
        ],
    ]);
    let ran = export(server.address, &["--from", &at(1, 100)]).await;
    assert_eq!((ran.good().as_str(), to_go_on(&ran.stderr())), ("", at(1, 100).as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_replaced_as_it_begins_is_told() {
    let (server, _) = scripted(vec![
        vec![subscribed(at(1, 3), at(1, 3))],
        vec![subscribed(at(2, 0), at(2, 9)), event(1, 0)],
    ]);
    let ran = export(server.address, &[]).await;
    assert_eq!((ran.code(), ran.stdout().as_str()), (Some(1), ""));
    assert!(ran.stderr().contains("the log was replaced during the export"), "{ran:?}");
}

/// Returns a cursor whose event has this check.
fn checked(sequence: u64, check: u32) -> String {
    Cursor { epoch: Epoch(1), sequence: Sequence(sequence), check: Some(check) }.to_string()
}

fn rewound() -> Status {
    let details = ErrorDetails::with_error_info("LOG_REWOUND", "imcallback.v1", HashMap::new());
    Status::with_error_details(Code::FailedPrecondition, "the log went back", details)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_goes_back_meanwhile_is_told() {
    let end = || (vec![subscribed(checked(3, 7), checked(3, 7))], None);
    let stored = |sequence, check| {
        Frame::Event(Event { sequence, cursor: checked(sequence, check), ..Default::default() })
    };
    let begun = || subscribed(at(1, 0), checked(3, 7));

    // The log ends at a different event.
    let (server, _) = ending(vec![end(), (vec![begun(), stored(1, 5), stored(3, 8)], None)]);
    let ran = export(server.address, &[]).await;
    assert_eq!((ran.code(), sequences(&ran.stdout())), (Some(1), vec![1]));
    assert!(ran.stderr().contains("error: the log went back during the export"), "{ran:?}");

    // The filter excludes the last event, so the end is requested separately.
    let filtered = || (vec![begun(), stored(1, 5), stored(4, 9)], None);
    let (server, _) = ending(vec![end(), filtered(), (vec![], Some(rewound()))]);
    let ran = export(server.address, &["--account", "alice"]).await;
    assert_eq!((ran.code(), sequences(&ran.stdout())), (Some(1), vec![1]));
    assert!(ran.stderr().contains("error: the log went back"), "{ran:?}");
    let (server, calls) = ending(vec![end(), filtered(), end()]);
    let ran = export(server.address, &["--account", "alice"]).await;
    assert_eq!((sequences(&ran.good()), calls.load(Ordering::SeqCst)), (vec![1], 3));
    assert_eq!(to_go_on(&ran.stderr()), checked(3, 7));

    // The last event was received, so the end is not requested again.
    let caught_up = Frame::CaughtUp(CaughtUp { cursor: checked(3, 7), unmatched_events: 0 });
    let (server, calls) = ending(vec![end(), (vec![begun(), stored(1, 5), caught_up], None)]);
    export(server.address, &["--account", "alice"]).await.good();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_gateway_has_answered_it_is_not_a_wrong_address() {
    let details = ErrorDetails::with_error_info("LOG_UNAVAILABLE", "imcallback.v1", HashMap::new());
    let without_log = || {
        let message = "the log cannot be read; connect again";
        (vec![], Some(Status::with_error_details(Code::Unavailable, message, details.clone())))
    };
    let broken = || (vec![], Some(Status::unavailable("upstream reset")));
    let events = || (vec![subscribed(at(1, 0), at(1, 1)), event(1, 0)], None);

    let end = (vec![subscribed(at(1, 1), at(1, 1))], None);
    let (server, _) = ending(vec![without_log(), broken(), end, broken(), events()]);
    let ran = export(server.address, &[]).await;
    assert_eq!(sequences(&ran.good()), [1]);
    let said = ran.stderr();
    let notices = ["the log cannot be read; reconnecting", "(upstream reset); reconnecting", "reconnected\n"];
    assert_eq!(notices.map(|notice| said.matches(notice).count()), [1, 2, 2], "{said}");

    let tail = ["tail", "--from", "earliest", "--count", "1", "--json"];
    let (server, _) = ending(vec![without_log(), events()]);
    assert_eq!(sequences(&run(&mut command(server.address, &tail)).await.good()), [1]);
    for args in [&["export"][..], &tail] {
        let (server, calls) = ending(vec![broken()]);
        let ran = run(&mut command(server.address, args)).await;
        assert!(ran.code() == Some(1) && ran.stderr().contains("check that --address is"), "{ran:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_wait_is_bounded_by_retry_for() {
    let retry_delay = Some(imcallback::well_known::Duration { seconds: 3600, nanos: 0 });
    let going_away = Frame::GoingAway(GoingAway { cursor: at(1, 1), retry_delay, ..Default::default() });
    let events = vec![subscribed(at(1, 0), at(1, 3)), event(1, 0), going_away];
    let (server, calls) = ending(vec![
        (vec![subscribed(at(1, 3), at(1, 3))], None),
        (events, Some(Status::unavailable("upstream reset"))),
    ]);
    let ran = export(server.address, &["--retry-for", "50s"]).await;
    assert_eq!((ran.code(), sequences(&ran.stdout())), (Some(1), vec![1]));
    let end = "would be later than 50s after the first failure (--retry-for)";
    assert!(ran.stderr().contains(end), "{ran:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_before_the_end_it_fails_and_leaves_no_file() {
    // The last event, then an event that is written immediately.
    let streams = || {
        vec![vec![subscribed(at(1, 3), at(1, 3))], vec![subscribed(at(1, 0), at(1, 3)), event(1, 100_000)]]
    };
    let dir = TempDir::new().unwrap();
    let file = path(&dir, "events.jsonl");
    for (signal, times) in
        [(Signal::INT, 1), (Signal::TERM, 1), (Signal::HUP, 1), (Signal::QUIT, 1), (Signal::INT, 2)]
    {
        let (server, streams_begun) = scripted(streams());
        let running = Running::start(&mut command(server.address, &["export", "--output", &file]));
        soon(async {
            while streams_begun.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await
            }
        })
        .await;
        assert!(!Path::new(&file).exists(), "the unfinished file has the final name");
        for _ in 0..times {
            kill_process(Pid::from_child(&running.child), signal).unwrap();
        }
        let said = format!("error: interrupted before the end; {file} was not created\n");
        assert_eq!(running.ended().await, (Some(1), said));
        assert_eq!(names(dir.path()), [""; 0]);
    }
    // If the file system supports unnamed files, even a killed process leaves nothing behind.
    let (server, streams_begun) = scripted(streams());
    let running = Running::start(&mut command(server.address, &["export", "--output", &file]));
    soon(async {
        while streams_begun.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await
        }
    })
    .await;
    let has_name = !names(dir.path()).is_empty();
    kill_process(Pid::from_child(&running.child), Signal::KILL).unwrap();
    running.ended().await;
    assert_eq!(names(dir.path()).is_empty(), !has_name);

    let (server, _) = scripted(streams());
    let mut running = Running::start(&mut command(server.address, &["export"]));
    running.line().await;
    running.interrupt();
    let said = format!(
        "error: interrupted before the end; 1 event complete before that; to continue after them: --from {}\n",
        at(1, 1)
    );
    assert_eq!(running.ended().await, (Some(1), said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_grow_is_an_error_and_is_not_left() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(&dir.path().join("data"), &[]);
    post_large(&gateway, 0, 20).await;
    let out = TempDir::new().unwrap();
    let file = path(&out, "events.jsonl");
    // `ulimit -f` counts blocks of 512 or 1024 bytes; both limits are below the size of the export.
    let export = command(gateway.addresses.grpc, &["export", "--output", &file]);
    let ran = run(&mut in_shell(r#"ulimit -f 200; exec "$0" "$@""#, &export)).await;
    assert_eq!(ran.code(), Some(1), "{ran:?}");
    let problem = format!("error: --output: cannot write {file}: File too large");
    assert!(ran.stderr().starts_with(&problem), "{ran:?}");
    assert_eq!(names(out.path()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_that_is_to_be_ignored_is_ignored() {
    let gateway = Gateway::start().await;
    let tail = command(gateway.addresses.grpc, &["tail", "--from", "earliest", "--json"]);
    let mut running = Running::start(&mut in_shell(r#"trap '' HUP QUIT; exec "$0" "$@""#, &tail));
    for n in 1..=3 {
        assert!(gateway.post("A.B", "{}").await.is_stored());
        assert_eq!(sequences(&running.line().await), [n]);
        for signal in [Signal::HUP, Signal::QUIT] {
            kill_process(Pid::from_child(&running.child), signal).unwrap();
        }
    }
    running.interrupt();
    let (code, said) = running.ended().await;
    assert!(code == Some(0) && said.contains("stopped; to continue from here: --from C"), "{code:?} {said}");
    gateway.stop().await;
}
