//! A consumer in Python as a team would write it, put through every ending of
//! its stream.

#[path = "support/python.rs"]
mod python;
mod support;

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Stdio},
    time::Duration,
};

use callback_gateway::{
    config::Settings,
    proto::{ListSubscribersRequest, SubscriberState, admin_service_client::AdminServiceClient},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use python::Python;
use support::*;

/// The body of the event that ends a consumer.
const LAST: &str = r#"{"last":true}"#;

struct Consumer {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::UnboundedReceiver<Value>,
    /// What it said up to now.
    said: Vec<Value>,
}

impl Consumer {
    fn start(python: &Python, grpc: SocketAddr, state: &Path, more: &[&str]) -> Self {
        let mut program = python.program("python_consumer.py");
        program.arg(grpc.to_string()).arg(state).arg(LAST).args(more);
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(stdout).map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { child, stdin, lines, said: Vec::new() }
    }

    /// Waits until it says something that fits.
    async fn says(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        soon(async {
            loop {
                let line = self.lines.recv().await.unwrap_or_else(|| panic!("it ended: {:#?}", self.said));
                self.said.push(line.clone());
                if fits(&line) {
                    return line;
                }
            }
        })
        .await
    }

    async fn says_event(&mut self, sequence: u64) {
        self.says(|line| line["event"] == sequence).await;
    }

    async fn ends_with(&mut self, code: &str, reason: &str) {
        let line = self.says(|line| line["ended"].is_string() && !line["reason"].is_null()).await;
        assert_eq!(line, json!({ "ended": code, "reason": reason }));
    }

    /// Waits for its end by the last event; gives the sequences of all that it took.
    async fn took(mut self) -> Vec<u64> {
        self.says(|line| line["body"] == LAST).await;
        let status = soon(tokio::task::spawn_blocking(move || self.child.wait().unwrap())).await.unwrap();
        assert!(status.success());
        self.said.iter().filter_map(|line| line["event"].as_u64()).collect()
    }
}

/// A place for a gateway and its consumer, over restarts: ports are kept.
struct Site {
    python: Python,
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        Self { python: Python::new(), dir: TempDir::new().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("cursor")
    }

    fn consume(&self, gateway: &Gateway, more: &[&str]) -> Consumer {
        Consumer::start(&self.python, gateway.addresses.grpc, &self.state(), more)
    }

    async fn gateway(&self, grpc: Option<SocketAddr>, change: impl FnOnce(&mut Settings)) -> Gateway {
        Gateway::start_in_with(&self.data(), |settings| {
            settings.grpc_listen = grpc.unwrap_or(settings.grpc_listen);
            settings.drain_delay = Duration::ZERO;
            change(settings);
        })
        .await
    }
}

async fn post(gateway: &Gateway, count: usize) {
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..count {
        assert!(http.post("A.B", &format!("{{\"n\":{n}}}")).await.is_stored());
    }
}

async fn post_last(gateway: &Gateway) {
    assert!(gateway.post("A.B", LAST).await.is_stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_over_a_restart_and_resumes_where_it_was() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    let grpc = gateway.addresses.grpc;
    let mut consumer = site.consume(&gateway, &[]);
    post(&gateway, 10).await;
    consumer.says_event(10).await;
    gateway.stop().await;
    consumer.says(|line| line["frame"] == "going_away").await;
    consumer.ends_with("UNAVAILABLE", "SHUTTING_DOWN").await;

    let gateway = site.gateway(Some(grpc), |_| {}).await;
    post(&gateway, 5).await;
    consumer.says_event(15).await;
    // A crash of the consumer: the next one begins where it was, or one event before, if the
    // cursor had not been written yet.
    consumer.child.kill().unwrap();
    consumer.child.wait().unwrap();
    let resumed = site.consume(&gateway, &[]);
    post_last(&gateway).await;
    let took = resumed.took().await;
    assert!(took == [16] || took == [15, 16], "{took:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_its_stream_is_old_or_there_was_no_place() {
    let site = Site::new();
    let gateway = site.gateway(None, |settings| settings.max_streams = 1).await;
    let mut client = gateway.client().await;
    let (place, _) = Subscriber::open(&mut client, latest()).await.unwrap();
    let mut consumer = site.consume(&gateway, &[]);
    consumer.ends_with("RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS").await;
    drop(place);
    post(&gateway, 3).await;
    consumer.says_event(3).await;
    let grpc = gateway.addresses.grpc;
    gateway.stop().await;
    consumer.ends_with("UNAVAILABLE", "SHUTTING_DOWN").await;
    // Not before: the stream that takes the place would be old before Python has begun.
    let gateway = site.gateway(Some(grpc), |settings| settings.max_stream_age = Duration::from_secs(1)).await;
    consumer.ends_with("UNAVAILABLE", "STREAM_AGE_REACHED").await;
    post_last(&gateway).await;
    assert_eq!(consumer.took().await, [1, 2, 3, 4]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_when_events_are_gone_and_goes_on_with_what_is_left() {
    for skip in [false, true] {
        let site = Site::new();
        let gateway = site.gateway(None, |settings| settings.retention_count = Some(10)).await;
        let mut consumer = site.consume(&gateway, &["--stop-after", "1"]);
        post(&gateway, 1).await;
        consumer.says(|line| line["stopped"] == 1).await;
        consumer.child.kill().unwrap();
        consumer.child.wait().unwrap();
        post(&gateway, 100).await;
        post_last(&gateway).await;
        let mut client = gateway.client().await;
        let left = soon(async {
            loop {
                let left = all_events(&mut client).await;
                if left.len() == 10 {
                    return left;
                }
            }
        })
        .await;

        let more: &[&str] = if skip { &["--skip"] } else { &[] };
        let mut resumed = site.consume(&gateway, more);
        if skip {
            let gap = resumed.says(|line| line["gap"].is_array()).await;
            assert_eq!(gap["gap"], json!([2, left[0].sequence - 1]));
        } else {
            resumed.ends_with("OUT_OF_RANGE", "CURSOR_EXPIRED").await;
        }
        let sequences: Vec<u64> = left.iter().map(|event| event.sequence).collect();
        assert_eq!(resumed.took().await, sequences);
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_anew_with_another_log_and_with_one_that_went_back() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    let grpc = gateway.addresses.grpc;
    post(&gateway, 3).await;
    gateway.stop().await;
    // A backup, which is restored behind the consumer's back.
    let backup = site.dir.path().join("backup");
    std::fs::create_dir(&backup).unwrap();
    std::fs::copy(site.data().join("events.db"), backup.join("events.db")).unwrap();
    let gateway = site.gateway(Some(grpc), |_| {}).await;
    let mut consumer = site.consume(&gateway, &[]);
    post(&gateway, 3).await;
    consumer.says_event(6).await;
    gateway.stop().await;
    std::fs::remove_dir_all(site.data()).unwrap();
    std::fs::rename(backup, site.data()).unwrap();
    let gateway = site.gateway(Some(grpc), |_| {}).await;
    consumer.ends_with("UNAVAILABLE", "SHUTTING_DOWN").await;
    consumer.ends_with("FAILED_PRECONDITION", "LOG_REWOUND").await;
    consumer.says_event(3).await;
    gateway.stop().await;

    std::fs::remove_dir_all(site.data()).unwrap();
    let gateway = site.gateway(Some(grpc), |_| {}).await;
    post_last(&gateway).await;
    consumer.ends_with("UNAVAILABLE", "SHUTTING_DOWN").await;
    consumer.ends_with("FAILED_PRECONDITION", "LOG_REPLACED").await;
    assert_eq!(consumer.took().await, [1, 2, 3, 4, 5, 6, 1, 2, 3, 1]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_behind_a_damaged_event_and_over_a_gateway_that_is_killed() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    post(&gateway, 5).await;
    gateway.stop().await;
    let store = rusqlite::Connection::open(site.data().join("events.db")).unwrap();
    store.execute("UPDATE record SET record = x'00' WHERE sequence = 3", []).unwrap();
    store.close().unwrap();

    let gateway = Process::serve(&site.data(), &[]);
    let addresses = gateway.addresses;
    let mut consumer = Consumer::start(&site.python, addresses.grpc, &site.state(), &[]);
    consumer.ends_with("DATA_LOSS", "LOG_DAMAGED").await;
    let gap = consumer.says(|line| line["gap"].is_array()).await;
    assert_eq!(gap["gap"], json!([3, 3]));
    consumer.says_event(5).await;
    gateway.kill();
    // No status comes from a process that is gone.
    let ended = consumer.says(|line| line["ended"].is_string() && line["reason"].is_null()).await;
    assert_eq!(ended["ended"], "UNAVAILABLE");
    let gateway = site.gateway(Some(addresses.grpc), |_| {}).await;
    post_last(&gateway).await;
    assert_eq!(consumer.took().await, [1, 2, 4, 5, 6]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_resumes_after_it_took_nothing_for_too_long() {
    let site = Site::new();
    let gateway = site.gateway(None, |settings| settings.stall_timeout = Duration::from_secs(1)).await;
    let mut consumer = site.consume(&gateway, &["--stop-after", "1", "--show", "20"]);
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(500_000));
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..100 {
        assert!(http.post("A.B", &body).await.is_stored());
    }
    post_last(&gateway).await;
    consumer.says(|line| line["stopped"] == 1).await;
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
    soon(async {
        loop {
            let list = admin.list_subscribers(ListSubscribersRequest::default()).await.unwrap().into_inner();
            let python = list.subscribers.iter().find(|one| one.name == "python").unwrap();
            if python.state() == SubscriberState::Ended {
                return assert_eq!(python.end_reason, "RECEIVER_STALLED");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    consumer.stdin.write_all(b"\n").unwrap();
    consumer.ends_with("RESOURCE_EXHAUSTED", "RECEIVER_STALLED").await;
    assert_eq!(consumer.took().await, (1..=101).collect::<Vec<_>>());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_is_none_ends_it() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    std::fs::write(site.state(), "rubbish").unwrap();
    let mut consumer = site.consume(&gateway, &[]);
    consumer.ends_with("INVALID_ARGUMENT", "INVALID_CURSOR").await;
    let status = soon(tokio::task::spawn_blocking(move || consumer.child.wait().unwrap())).await.unwrap();
    assert!(!status.success());
    gateway.stop().await;
}
