//! The stream and the list through a third-party client: Python's grpcio.

use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::python::Python;
use crate::support::*;

/// Runs the client to its end. Returns the lines that it printed.
async fn run(python: &Python, gateway: &Gateway, args: &[&str]) -> Vec<Value> {
    let mut client = python.program("tests/programs/python_client.py");
    client.arg(gateway.addresses.grpc.to_string()).args(args);
    printed(client).await
}

/// Runs a program to its end. Returns the lines that it printed.
async fn printed(mut program: Command) -> Vec<Value> {
    program.stdin(Stdio::null());
    let ran = tokio::task::spawn_blocking(move || program.output().unwrap());
    let output = soon(ran).await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{stdout}", String::from_utf8_lossy(&output.stderr));
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_read_by_protobufs_own_function() {
    let gateway = Gateway::start().await;
    let large = format!(r#"{{"t":"{}"}}"#, "x".repeat(100_000));
    for (command, body) in
        [("Sns.CallbackFriendAdd", FRIEND_ADD), ("A.B", &large), ("Sns.CallbackBlackListAdd", BLACK_LIST_ADD)]
    {
        assert!(gateway.post(command, body).await.is_stored());
    }
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("events.binpb");
    let export = ["export", "--format", "protobuf", "--output", file.to_str().unwrap()];
    people::run(&mut people::command(gateway.addresses.grpc, &export)).await.good();
    let python = Python::new();
    let mut reader = python.program("tests/programs/python_export.py");
    reader.arg(&file);
    let read = printed(reader).await;
    let subscribed = ["subscribe", "--start", "earliest", "--count", "3", "--raw"];
    let mut events = run(&python, &gateway, &subscribed).await;
    events.retain(|line| line["event"].is_u64());
    assert_eq!(events.len(), 3);
    assert_eq!(read, events);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_built_to_break_subscribers_reach_a_standard_client_and_so_do_those_behind_them() {
    const LIMIT: usize = 2 << 20;
    let gateway = Gateway::start_with(|settings| settings.http_body_limit = LIMIT).await;
    let message = "C2C.CallbackAfterSendMsg";
    let free_form = |value: &str| format!(r#"{{"MsgBody":[{{"MsgContent":{{"x":{value}}}}}]}}"#);
    // The body itself, MsgBody, its element and MsgContent are four levels.
    let objects =
        |levels: usize| free_form(&format!("{}1{}", r#"{"x":"#.repeat(levels - 4), "}".repeat(levels - 4)));
    let text = |bytes: usize| format!(r#"{{"ClientCmd":"{}"}}"#, "x".repeat(bytes - 16));
    let mut posted = Vec::new();
    for (command, body, status) in [
        (message, free_form(&format!("[{}1]", "1,".repeat(1 << 19))), "TOO_LARGE"),
        (message, objects(104), "PARTIAL"),
        (message, objects(25), "PARTIAL"),
        (message, objects(24), "TYPED"),
        ("Sns.CallbackFriendAdd", text(LIMIT), "TOO_LARGE"),
        // The largest typed event: with its raw body just below 3 MiB.
        ("Sns.CallbackFriendAdd", text(3 * LIMIT / 4 - 512), "TYPED"),
        ("A.B", text(LIMIT), "UNKNOWN_COMMAND"),
    ] {
        for (command, body, status) in
            [(command, body, status), ("Sns.CallbackFriendAdd", FRIEND_ADD.to_owned(), "TYPED")]
        {
            soon(async {
                // On a busy machine the answer may be too late although the callback is stored.
                loop {
                    let answer = gateway.post(command, &body).await;
                    if answer.is_stored() {
                        return;
                    }
                    assert_eq!(answer.status, 503, "{command}: {answer:?}");
                }
            })
            .await;
            posted.push((command, body, format!("DECODE_STATUS_{status}")));
        }
    }
    let count = all_events(&mut gateway.client().await).await.len().to_string();
    let python = Python::new();
    let oldest_first = ["subscribe", "--start", "earliest", "--count", &count];
    for (args, raw) in
        [(oldest_first.as_slice(), false), (&["list"], false), (&oldest_first, true), (&["list"], true)]
    {
        let raw_arg: &[_] = if raw { &["--raw"] } else { &[] };
        let mut events = run(&python, &gateway, &[args, raw_arg].concat()).await;
        events.retain(|line| line["event"].is_u64());
        if args == ["list"] {
            events.reverse();
        }
        events.dedup_by_key(|event| {
            [&event["command"], &event["payload_bytes"], &event["raw_body_sha256"]].map(Value::to_string)
        });
        assert_eq!(events.len(), posted.len(), "{args:?}: {events:#?}");
        for (event, (command, body, status)) in events.iter().zip(&posted) {
            assert_eq!(event["command"], *command, "{args:?}: {event}");
            assert_eq!(event["decode_status"], *status, "{args:?}: {event}");
            let is_whole = status == "DECODE_STATUS_TYPED";
            let has_payload = is_whole || status == "DECODE_STATUS_PARTIAL";
            assert_eq!(event["payload"].is_string(), has_payload, "{args:?}: {event}");
            assert_eq!(event["payload_bytes"].as_u64() > Some(0), has_payload, "{args:?}: {event}");
            let raw_body = if raw || !is_whole { body.as_str() } else { "" };
            assert_eq!(event["raw_body_bytes"], raw_body.len(), "{args:?}: {event}");
            assert_eq!(event["raw_body_sha256"], hex::encode(Sha256::digest(raw_body)), "{args:?}: {event}");
        }
    }
    gateway.stop().await;
}
