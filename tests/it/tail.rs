//! `tail`: while gateways end and restart, and into pipes that close.

use std::io::{BufRead as _, Read as _};

use crate::support::people::{Relay, Running, command, run};
use crate::support::*;
use serde_json::Value;
use tempfile::TempDir;

fn tail(address: std::net::SocketAddr, args: &[&str]) -> Running {
    Running::start(&mut command(address, &[&["tail", "--json"], args].concat()))
}

async fn event(tail: &mut Running) -> Value {
    serde_json::from_str(&tail.line().await).unwrap()
}

async fn sequences(tail: &mut Running, count: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    while sequences.len() < count {
        sequences.push(event(tail).await["sequence"].as_str().unwrap().parse().unwrap());
    }
    sequences
}

/// Waits until a stream is open: it receives all later events.
async fn subscribed(address: std::net::SocketAddr) {
    soon(async { while run(&mut command(address, &["subscribers", "--json"])).await.stdout().is_empty() {} })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_where_it_is_told() {
    let gateway = Gateway::start().await;
    for n in 1..=3 {
        gateway.post("A.B", &format!("{{\"n\":{n}}}")).await;
    }
    let address = gateway.addresses.grpc;
    let mut all = tail(address, &["--from", "earliest", "--count", "3"]);
    let first = event(&mut all).await;
    assert_eq!(sequences(&mut all, 2).await, [2, 3]);
    assert_eq!(all.ended().await, (Some(0), String::new()));
    let after = first["cursor"].as_str().unwrap();
    assert_eq!(sequences(&mut tail(address, &["--from", after]), 2).await, [2, 3]);
    assert_eq!(sequences(&mut tail(address, &["--since", "1h", "--skip-gaps"]), 1).await, [1]);
    let then = first["receiveTime"].as_str().unwrap();
    assert_eq!(sequences(&mut tail(address, &["--from", then]), 1).await, [1]);

    let mut latest = tail(address, &["--command", "A.*", "--count", "1"]);
    subscribed(address).await;
    gateway.post("X.Y", "{}").await;
    gateway.post("A.B", "{}").await;
    assert_eq!(sequences(&mut latest, 1).await, [5]);
    assert_eq!(latest.ended().await.0, Some(0));
    for wrong in ["yesterday", "", "AAAA"] {
        let ran = run(&mut command(address, &["tail", "--from", wrong])).await;
        assert_eq!(ran.code(), Some(64), "{wrong}");
        assert!(ran.stderr().contains("use latest, earliest"), "{ran:?}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_restarts_and_broken_connections_nothing_is_missed_or_doubled() {
    let dir = TempDir::new().unwrap();
    let quick = ["--drain-delay", "0s"];
    let gateway = Process::serve(dir.path(), &quick);
    let relay = Relay::start(gateway.addresses.grpc).await;
    let post = async |gateway: &Process, count: usize| {
        let mut http = Http::connect(gateway.addresses.http).await;
        for n in 0..count {
            assert!(http.post("A.B", &format!("{{\"n\":{n}}}")).await.is_stored());
        }
    };
    post(&gateway, 100).await;
    let mut tail = tail(relay.address, &["--from", "earliest"]);
    let mut seen = sequences(&mut tail, 40).await;

    // The connection breaks while there is more to read.
    relay.cut();
    post(&gateway, 50).await;
    seen.extend(sequences(&mut tail, 70).await);

    // The gateway is killed, and another one replaces it.
    relay.lead_to(None);
    gateway.kill();
    let gateway = Process::serve(dir.path(), &quick);
    post(&gateway, 50).await;
    relay.lead_to(Some(gateway.addresses.grpc));
    seen.extend(sequences(&mut tail, 90).await);
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());

    // The gateway announces its end.
    gateway.signal(rustix::process::Signal::TERM);
    assert!(gateway.ended().await.0.success());
    let gateway = Process::serve(dir.path(), &quick);
    relay.lead_to(Some(gateway.addresses.grpc));
    post(&gateway, 1).await;
    assert_eq!(sequences(&mut tail, 1).await, [201]);

    tail.interrupt();
    let (code, notices) = tail.ended().await;
    assert_eq!(code, Some(0), "{notices}");
    assert!(notices.matches("reconnected\n").count() >= 3, "{notices}");
    assert!(notices.contains("the gateway is shutting down; reconnecting in "), "{notices}");
    let (_, cursor) = notices.trim_end().rsplit_once("to continue from here: --from ").expect(&notices);
    post(&gateway, 1).await;
    let mut resumed = self::tail(relay.address, &["--from", cursor]);
    assert_eq!(sequences(&mut resumed, 1).await, [202]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_closes_is_not_an_error() {
    let gateway = Gateway::start().await;
    gateway.post("A.B", "{}").await;
    let mut tail = tail(gateway.addresses.grpc, &["--from", "earliest"]);
    assert_eq!(sequences(&mut tail, 1).await, [1]);
    drop(tail.out.take());
    gateway.post("A.B", "{}").await;
    assert_eq!(tail.ended().await, (Some(0), String::new()));
    // `tail` notices it without another event.
    let mut idle = self::tail(gateway.addresses.grpc, &["--from", "earliest"]);
    assert_eq!(sequences(&mut idle, 2).await, [1, 2]);
    drop(idle.out.take());
    assert_eq!(idle.ended().await, (Some(0), String::new()));
    // It also notices it without a gateway.
    let relay = Relay::start(gateway.addresses.grpc).await;
    let mut lost = self::tail(relay.address, &["--from", "earliest"]);
    assert_eq!(sequences(&mut lost, 2).await, [1, 2]);
    relay.lead_to(None);
    relay.cut();
    let mut notice = String::new();
    lost.err.read_line(&mut notice).unwrap();
    assert!(notice.contains("; reconnecting in "), "{notice}");
    drop(lost.out.take());
    assert_eq!(lost.ended().await.0, Some(0));
    for args in [&["recent"][..], &["get", "1"], &["status"], &["--help"]] {
        let mut running = Running::start(&mut command(gateway.addresses.grpc, args));
        drop(running.out.take());
        assert_eq!(running.ended().await, (Some(0), String::new()), "{args:?}");
    }
    gateway.stop().await;
}

/// Simulates a pager that has stopped reading: Ctrl-C must still end `tail`.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_it_while_its_output_is_not_read() {
    let gateway = Gateway::start().await;
    let text = "x".repeat(100_000);
    for _ in 0..5 {
        assert!(gateway.post("A.B", &format!("{{\"t\":\"{text}\"}}")).await.is_stored());
    }
    let mut tail = tail(gateway.addresses.grpc, &["--from", "earliest", "--raw"]);
    // It blocks in a write to a pipe that is full.
    let mut byte = [0];
    let mut out = tail.out.take().unwrap();
    out.read_exact(&mut byte).unwrap();
    tail.interrupt();
    let (code, notices) = tail.ended().await;
    assert_eq!(code, Some(0));
    assert!(notices.contains("stopped; to continue from here"), "{notices}");
    drop(out);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_retries_cannot_fix_ends_it_with_a_remedy() {
    let gateway = Gateway::start_with(|settings| settings.retention_count = Some(5)).await;
    let first = {
        gateway.post("A.B", "{}").await;
        all_events(&mut gateway.client().await).await[0].cursor.clone()
    };
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..50 {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    let address = gateway.addresses.grpc;
    // Retention runs every second.
    let expired = soon(async {
        loop {
            let ran = run(&mut command(address, &["tail", "--from", &first, "--count", "1"])).await;
            if ran.code() != Some(0) {
                return ran;
            }
        }
    })
    .await;
    assert_eq!(expired.code(), Some(1), "{expired:?}");
    let text = expired.stderr();
    assert!(text.contains("no longer stored") && text.contains("; the oldest cursor is C"), "{text}");
    assert!(text.contains("use --from earliest for the remaining events"), "{text}");

    let skipping =
        run(&mut command(address, &["tail", "--from", &first, "--count", "1", "--skip-gaps"])).await;
    assert_eq!(skipping.good().lines().count(), 1);
    assert!(skipping.stderr().starts_with("events 2 to "), "{skipping:?}");
    gateway.stop().await;

    let other = Gateway::start().await;
    let replaced = run(&mut command(other.addresses.grpc, &["tail", "--from", &first])).await;
    assert_eq!(replaced.code(), Some(1), "{replaced:?}");
    assert!(replaced.stderr().contains("the current log began at 20"), "{replaced:?}");
    other.stop().await;
}
