//! Real streams that accept no more events: a limit is reached, the stream is sealed, or the disk is
//! full.

use std::{path::Path, time::Duration};

use crate::support::{
    nats::{Nats, ask},
    *,
};
use async_nats::Client;
use imcallback::{Event, GetLogStatusRequest, SubscribeRequest, admin_service_client::AdminServiceClient};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, interval};

const LOGIN: &str = "gateway s3cret-w0rd";
/// Time without stored events. Longer than the retry interval of a gateway.
const QUIET: Duration = Duration::from_secs(13);

fn serve(dir: &Path, nats: &Nats) -> Process {
    let mut command = program();
    command
        .args(serve_args(dir))
        .args(["--log", "nats", "--nats-replicas", "1", "--nats-url", &nats.url(), "--drain-delay", "0s"])
        // The server refuses a stream that may exceed the server's own limit.
        .args(["--retention-bytes", "0B"])
        .env("CALLBACK_GATEWAY_NATS_LOGIN", LOGIN);
    Process::start(&mut command)
}

async fn connect(nats: &Nats) -> Client {
    let (user, password) = LOGIN.split_once(' ').unwrap();
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    soon(options.connect(nats.url())).await.unwrap()
}

/// Posts until the stream refuses an event. Returns the body of that event.
async fn post_until_refused(gateway: &Process) -> String {
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut n = 0;
    loop {
        n += 1;
        let body = format!(r#"{{"n":{n}}}"#);
        let answer = http.post("A.B", &body).await;
        if !answer.is_stored() {
            assert_eq!(answer.status, 503, "{answer:?}");
            return body;
        }
    }
}

/// Returns all events up to the one with this body. The tail may lag behind after an outage.
async fn events_until(gateway: &Process, last: &str) -> Vec<Event> {
    let request = SubscribeRequest { include_raw_body: true, ..earliest() };
    let (mut stream, _) = Subscriber::open(&mut gateway.client().await, request).await.unwrap();
    stream.events_until(|event| event.raw_body == last).await
}

/// Checks that the gateway stays unready for a while, and reports the reason everywhere.
async fn assert_unready(gateway: &Process, words: &str) {
    let mut look = interval(Duration::from_millis(100));
    let begin = Instant::now();
    while begin.elapsed() < QUIET {
        look.tick().await;
        let ready = get(gateway.addresses.admin, "/readyz").await;
        assert_eq!(ready.status, 503, "after {:?}: {ready:?}", begin.elapsed());
        assert!(ready.body.contains(words), "{ready:?}");
    }
    let says = |line: &Value| line["reason"].as_str().is_some_and(|reason| reason.contains(words));
    assert_eq!(gateway.nth_line(0, says).await["level"], "ERROR");
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address.clone())).await.unwrap();
    let status = soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap().into_inner();
    assert!(status.state_reason.contains(words), "{status:?}");
    let mut status = program();
    status.args(["status", "--address", &address]);
    let output = soon(tokio::task::spawn_blocking(move || status.output().unwrap())).await.unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains(words), "{output:?}");
}

/// Checks that the gateway becomes ready without a callback and then stores callbacks. It has stored the
/// refused one.
async fn assert_recovers(gateway: &Process, refused: &str) {
    until_ready_is(gateway.addresses.admin, 200).await;
    let mut http = Http::connect(gateway.addresses.http).await;
    let last = r#"{"n":"back"}"#;
    assert!(http.post("A.B", last).await.is_stored());
    let events = events_until(gateway, last).await;
    let bodies: Vec<_> = events.iter().map(|event| event.raw_body.as_str()).collect();
    let [.., tried, _] = bodies[..] else { panic!("{bodies:?}") };
    assert_eq!(tried, refused, "the refused callback was the trial publish");
    assert_eq!(
        bodies.iter().filter(|body| **body == tried).count(),
        1,
        "the refused callback is stored once"
    );
}

/// Another stream that uses all free space.
struct Filler {
    client: Client,
}

impl Filler {
    async fn fill(nats: &Nats) -> Self {
        let client = connect(nats).await;
        let config = json!({ "name": "filler", "subjects": ["filler"], "storage": "file" });
        ask(&client, "STREAM.CREATE.filler", &config.to_string()).await;
        for bytes in [100_000, 100] {
            let is_stored = async || {
                let stored = soon(client.request("filler", vec![b'x'; bytes].into())).await.unwrap();
                serde_json::from_slice::<Value>(&stored.payload).unwrap()["error"].is_null()
            };
            while is_stored().await {}
        }
        Self { client }
    }

    async fn give_back(self) {
        ask(&self.client, "STREAM.DELETE.filler", "").await;
    }
}

async fn a_limit(config: &str, words: &str) {
    let nats = Nats::start_with(config);
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &nats);
    assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
    let filler = Filler::fill(&nats).await;
    let refused = post_until_refused(&gateway).await;
    assert_unready(&gateway, words).await;
    filler.give_back().await;
    assert_recovers(&gateway, &refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_unready_while_the_server_is_at_its_limit_and_recovers_without_callbacks() {
    let store = TempDir::new().unwrap();
    let config = format!(
        "jetstream {{ store_dir: {:?}, max_file_store: 2MB }}\nauthorization {{ user: gateway, password: s3cret-w0rd }}",
        store.path()
    );
    a_limit(&config, "insufficient resources").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_unready_while_its_account_is_at_its_limit_and_recovers_without_callbacks() {
    let config = "accounts { A { jetstream: { max_file: 2MB, max_mem: 1MB }, \
                  users: [{ user: gateway, password: s3cret-w0rd }] } }";
    a_limit(config, "resource limits exceeded for account").await;
}

/// A gateway whose publish was refused recovers after a trial publish or after another gateway's event.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_ready_again_once_another_one_stores_an_event() {
    let nats = Nats::start_with("authorization { user: gateway, password: s3cret-w0rd }");
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let [one, other] = [0, 1].map(|n| serve(dirs[n].path(), &nats));
    let mut http = Http::connect(other.addresses.http).await;
    assert!(http.post("A.B", r#"{"n":"first"}"#).await.is_stored());
    let client = connect(&nats).await;
    let config = ask(&client, "STREAM.INFO.callbacks", "").await["config"].clone();
    let change = async |changes: Value| {
        let mut config = config.clone();
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        ask(&client, "STREAM.UPDATE.callbacks", &config.to_string()).await;
    };
    change(json!({ "discard": "new", "max_msgs": 1 })).await;
    post_until_refused(&one).await;
    until_ready_is(one.addresses.admin, 503).await;
    // Other gateways may store events at the same time as the trial. Each is stored once, in any order.
    change(json!({})).await;
    assert!(http.post("A.B", r#"{"n":"other"}"#).await.is_stored());
    until_ready_is(one.addresses.admin, 200).await;
    let last = r#"{"n":"last"}"#;
    assert!(http.post("A.B", last).await.is_stored());
    let events = events_until(&one, last).await;
    let count = |body: &str| events.iter().filter(|event| event.raw_body == body).count();
    assert_eq!(["first", "other", "last"].map(|n| count(&format!(r#"{{"n":"{n}"}}"#))), [1, 1, 1]);
    assert!(events.len() <= 4, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_stream_is_sealed_stays_unready_and_says_so() {
    let nats = Nats::start_with("authorization { user: gateway, password: s3cret-w0rd }");
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &nats);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    let client = connect(&nats).await;
    let mut config = ask(&client, "STREAM.INFO.callbacks", "").await["config"].clone();
    config["sealed"] = true.into();
    ask(&client, "STREAM.UPDATE.callbacks", &config.to_string()).await;
    post_until_refused(&gateway).await;
    until_ready_is(gateway.addresses.admin, 503).await;
    gateway.nth_line(0, |line| line["reason"].as_str().is_some_and(|reason| reason.contains("sealed"))).await;
    assert_unready(&gateway, "sealed").await;
    assert_eq!(http.post("A.B", "{}").await.status, 503);
    assert_eq!(all_events(&mut gateway.client().await).await.len(), 1, "events can still be read");
}

/// Every acknowledged event is stored, whenever an operator turns acknowledgements off and on.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_that_a_stream_without_acknowledgements_did_not_store() {
    let nats = Nats::start_with("authorization { user: gateway, password: s3cret-w0rd }");
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &nats);
    let client = connect(&nats).await;
    let config = ask(&client, "STREAM.INFO.callbacks", "").await["config"].clone();
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut stored = Vec::new();
    for (no_ack, ready) in [(true, 503), (false, 200), (true, 503), (false, 200)] {
        let mut config = config.clone();
        config["no_ack"] = no_ack.into();
        ask(&client, "STREAM.UPDATE.callbacks", &config.to_string()).await;
        let mut n = 0;
        while get(gateway.addresses.admin, "/readyz").await.status != ready {
            n += 1;
            let body = format!(r#"{{"n":"{}-{n}"}}"#, stored.len());
            if http.post("A.B", &body).await.is_stored() {
                stored.push(body);
            }
        }
    }
    let last = r#"{"n":"last"}"#;
    assert!(http.post("A.B", last).await.is_stored());
    let events = events_until(&gateway, last).await;
    let is_there = |body: &String| events.iter().filter(|event| event.raw_body == *body).count() == 1;
    assert!(stored.iter().all(is_there), "{stored:?}");
}

/// A disk that fills up and gets free space again.
#[cfg(feature = "power-cut-test")]
mod disk {
    use std::{fs, path::PathBuf, process::Command};

    use super::*;

    const BYTES: usize = 16 << 20;

    /// A tmpfs that stands in for a small disk.
    struct Disk(TempDir);

    impl Disk {
        fn new() -> Self {
            let disk = Self(TempDir::new().unwrap());
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &format!("size={BYTES}"), "tmpfs"]).arg(disk.0.path());
            assert!(mount.status().unwrap().success(), "this test needs root");
            disk
        }

        fn ballast(&self) -> PathBuf {
            self.0.path().join("ballast")
        }

        fn fill(&self) {
            // It writes as much as fits.
            fs::write(self.ballast(), vec![0; BYTES]).unwrap_err();
        }

        fn make_room(&self) {
            fs::remove_file(self.ballast()).unwrap();
        }
    }

    impl Drop for Disk {
        fn drop(&mut self) {
            Command::new("umount").arg("--lazy").arg(self.0.path()).status().ok();
        }
    }

    /// The server does not report this to clients, and must be restarted once there is space.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_gateway_is_unready_while_the_servers_disk_is_full_and_recovers_with_the_server() {
        let disk = Disk::new();
        let config = format!(
            "jetstream {{ store_dir: {:?}, max_file_store: 1GB }}\nauthorization {{ user: gateway, password: s3cret-w0rd }}",
            disk.0.path().join("jetstream")
        );
        let mut nats = Nats::start_with(&config);
        let dir = TempDir::new().unwrap();
        let gateway = serve(dir.path(), &nats);
        assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
        disk.fill();
        let refused = post_until_refused(&gateway).await;
        assert_unready(&gateway, "the stream does not acknowledge in time").await;
        disk.make_room();
        nats.kill();
        nats.start_again();
        assert_recovers(&gateway, &refused).await;
    }
}
