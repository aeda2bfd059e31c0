//! NATS servers that lose the end of the stream, or the whole stream.

use std::path::Path;

use crate::support::{
    nats::{Nats, ask},
    *,
};
use imcallback::{
    GetLogStatusRequest, GetLogStatusResponse, ListEventsRequest, admin_service_client::AdminServiceClient,
};
use tempfile::TempDir;

fn command(dir: &Path, nats: &Nats) -> std::process::Command {
    let mut command = program();
    command
        .args(serve_args(dir))
        .args(["--log", "nats", "--nats-replicas", "1", "--nats-url", &nats.url()])
        .args(["--drain-delay", "0s"]);
    command
}

fn serve(dir: &Path, nats: &Nats) -> Process {
    Process::start(&mut command(dir, nats))
}

async fn post(gateway: &Process, name: &str, count: usize) {
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..count {
        assert!(http.post("A.B", &format!(r#"{{"{name}":{n}}}"#)).await.is_stored());
    }
}

async fn stop(gateway: Process) -> Vec<String> {
    gateway.signal(rustix::process::Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success(), "{log:?}");
    log
}

async fn status(gateway: &Process) -> GetLogStatusResponse {
    let mut admin = AdminServiceClient::connect(format!("http://{}", gateway.addresses.grpc)).await.unwrap();
    admin.get_log_status(GetLogStatusRequest {}).await.unwrap().into_inner()
}

/// How the gateway ends before the server loses events.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Stopped,
    Killed,
}

/// Reads events with sequences 1 to 5. The server then loses the last two, while no gateway runs.
async fn lose_end(dir: &Path, nats: &mut Nats, ends: Ends) -> Vec<imcallback::Event> {
    let gateway = serve(dir, nats);
    post(&gateway, "kept", 3).await;
    nats.kill();
    let kept = nats.copy_of_store();
    nats.start_again();
    until_ready_is(gateway.addresses.admin, 200).await;
    post(&gateway, "lost", 2).await;
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, earliest()).await.unwrap();
    let events = subscriber.events_until(|event| event.sequence == 5).await;
    drop(subscriber);
    match ends {
        Ends::Stopped => drop(stop(gateway).await),
        Ends::Killed => {
            let mark = dir.join("nats/callbacks.end");
            let is_noted =
                async || std::fs::read_to_string(&mark).ok().filter(|mark| mark.contains(&events[4].cursor));
            eventually(is_noted).await;
            gateway.kill();
        }
    }
    nats.kill();
    nats.put_back(&kept);
    nats.start_again();
    events
}

/// Returns the log line about the loss.
async fn lost_end(gateway: &Process) -> serde_json::Value {
    let is_lost_end = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with("the stream lost events that it had acknowledged")
    };
    gateway.nth_line(0, is_lost_end).await
}

async fn assert_replaced(gateway: &Process, events: &[imcallback::Event]) {
    for event in events {
        let opened = Subscriber::open(&mut gateway.client().await, after(&event.cursor)).await;
        let status = opened.map(drop).unwrap_err();
        assert_eq!(reason(&status), "LOG_REPLACED", "after {}: {status}", event.sequence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_end_while_no_gateway_ran_gets_a_new_epoch() {
    let (dir, mut nats) = (TempDir::new().unwrap(), Nats::start());
    let events = lose_end(dir.path(), &mut nats, Ends::Stopped).await;
    let gateway = serve(dir.path(), &nats);
    let line = lost_end(&gateway).await;
    assert_eq!((&line["level"], &line["first"], &line["last"]), (&"ERROR".into(), &"4".into(), &"5".into()));
    post(&gateway, "new", 3).await;
    assert_replaced(&gateway, &events).await;
    let left = all_events(&mut gateway.client().await).await;
    let bodies: Vec<_> = left.iter().map(|event| event.raw_body.clone()).collect();
    assert_eq!(bodies[2..4], [r#"{"kept":2}"#, r#"{"new":0}"#], "{bodies:?}");
    let list = gateway.client().await.list_events(ListEventsRequest::default()).await.unwrap().into_inner();
    assert!(nanos(list.complete_since) > nanos(events[4].receive_time));
    stop(gateway).await;

    // The next start follows the same epoch.
    let gateway = serve(dir.path(), &nats);
    let resumed = read(&mut gateway.client().await, after(&left[3].cursor)).await;
    assert_eq!(resumed, left[4..]);
    stop(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_end_is_noticed_though_another_gateway_has_stored_events_in_its_place() {
    let (dir, other_dir, mut nats) = (TempDir::new().unwrap(), TempDir::new().unwrap(), Nats::start());
    let events = lose_end(dir.path(), &mut nats, Ends::Killed).await;
    let other = serve(other_dir.path(), &nats);
    post(&other, "other", 4).await;
    let gateway = serve(dir.path(), &nats);
    lost_end(&gateway).await;
    assert_replaced(&gateway, &events).await;
    let (exit, log) = other.ended().await;
    assert_eq!(exit.code(), Some(1), "{log:?}");
    assert!(log.iter().any(|line| line.contains("the stream has a new epoch")), "{log:?}");
    let other = serve(other_dir.path(), &nats);
    assert_eq!(status(&other).await.epoch, status(&gateway).await.epoch);
    stop(other).await;
    stop(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_have_a_gateway_refuse_to_start_on_a_stream_that_lost_its_end() {
    let (dir, mut nats) = (TempDir::new().unwrap(), Nats::start());
    lose_end(dir.path(), &mut nats, Ends::Stopped).await;
    let output = command(dir.path(), &nats).args(["--damaged-store", "refuse"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("has lost its events from sequence 4 on"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_creates_a_deleted_stream_at_its_next_start() {
    let (dir, nats) = (TempDir::new().unwrap(), Nats::start());
    let gateway = serve(dir.path(), &nats);
    post(&gateway, "n", 2).await;
    let events = all_events(&mut gateway.client().await).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    ask(&client, "STREAM.DELETE.callbacks", "").await;
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(1), "{log:?}");
    assert!(log.iter().any(|line| line.contains("the stream was deleted")), "{log:?}");
    let output = command(dir.path(), &nats).args(["--damaged-store", "refuse"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("has lost its events from sequence 1 on"), "{said}");
    let gateway = serve(dir.path(), &nats);
    let is_missing = |line: &serde_json::Value| {
        line["message"].as_str().unwrap_or_default().starts_with("the stream is missing")
    };
    assert_eq!(gateway.nth_line(0, is_missing).await["level"], "ERROR");
    post(&gateway, "n", 1).await;
    assert_replaced(&gateway, &events).await;
    stop(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_acknowledges_nothing_more_once_the_stream_has_lost_its_end() {
    let (dir, mut nats) = (TempDir::new().unwrap(), Nats::start());
    let gateway = serve(dir.path(), &nats);
    post(&gateway, "kept", 3).await;
    nats.kill();
    let kept = nats.copy_of_store();
    nats.start_again();
    until_ready_is(gateway.addresses.admin, 200).await;
    post(&gateway, "lost", 5).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    nats.kill();
    nats.put_back(&kept);
    nats.start_again();
    let refused = async {
        // The connection is closed when the log has ended.
        while let Ok(answer) = http.try_post("A.B", r#"{"new":0}"#).await {
            assert!(!answer.is_stored(), "the log has a hole that no reader would learn of");
        }
    };
    soon(refused).await;
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(1), "{log:?}");
    assert!(
        log.iter().any(|line| line.contains("the stream lost events that it had acknowledged")),
        "{log:?}"
    );
}
