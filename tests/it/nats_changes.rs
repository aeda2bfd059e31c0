//! Changes of rights and of stream settings at the NATS servers while a gateway runs.

use std::path::Path;

use crate::support::{
    certificates::write,
    nats::{Nats, ask},
    *,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "s3cret-w0rd";

fn serve(dir: &Path, nats: &Nats) -> Process {
    let mut command = program();
    command
        .args(serve_args(dir))
        .args(["--log", "nats", "--nats-replicas", "1", "--nats-url", &nats.url(), "--drain-delay", "0s"])
        .env("CALLBACK_GATEWAY_NATS_LOGIN", format!("gateway {PASSWORD}"));
    Process::start(&mut command)
}

/// NATS server where the gateway's rights can be changed.
struct Rights {
    dir: TempDir,
    nats: Nats,
}

impl Rights {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        Self::write(&dir, r#"publish: ">", subscribe: ">""#);
        // Path relative to the server's directory, which is beside this one.
        let name = dir.path().file_name().unwrap().to_str().unwrap();
        let nats = Nats::start_with(&format!("include \"../{name}/rights.conf\""));
        Self { dir, nats }
    }

    fn write(dir: &TempDir, permissions: &str) {
        let user = format!("{{ user: gateway, password: {PASSWORD:?}, permissions {{ {permissions} }} }}");
        write(dir.path(), "rights.conf", &format!("authorization {{ users: [{user}] }}"));
    }

    fn change(&self, permissions: &str) {
        Self::write(&self.dir, permissions);
        let server = Pid::from_raw(self.nats.pid().unwrap().try_into().unwrap()).unwrap();
        kill_process(server, Signal::HUP).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_recovers_once_it_may_receive_answers_again() {
    let rights = Rights::start();
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &rights.nats);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    let client = gateway.client().await;
    let (mut follower, _) = Subscriber::open(&mut client.clone(), latest()).await.unwrap();

    rights.change(r#"publish: ">", subscribe: "nothing""#);
    until_ready_is(gateway.addresses.admin, 503).await;
    assert_eq!(http.post("A.B", "{}").await.status, 503);
    rights.change(r#"publish: ">", subscribe: ">""#);
    until_ready_is(gateway.addresses.admin, 200).await;
    let body = r#"{"n":"back"}"#;
    assert!(http.post("A.B", body).await.is_stored());
    // The consumer of the tail and the connection for history have recovered too.
    follower.events_until(|event| event.sequence > 1 && event.command == "A.B").await;
    let events = all_events(&mut client.clone()).await;
    assert!(events.iter().any(|event| event.raw_body == body), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_causes_few_log_lines() {
    let rights = Rights::start();
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &rights.nats);
    let mut http = Http::connect(gateway.addresses.http).await;
    rights.change(r#"publish: "$JS.>", subscribe: ">""#);
    until_not_stored(&mut http).await;
    let address = gateway.addresses.http;
    let post = |_| async move { Http::connect(address).await.post("A.B", "{}").await.status };
    let refused = futures_util::future::join_all((0..40).map(post));
    assert!(soon(refused).await.iter().all(|status| *status == 503));
    gateway.signal(Signal::TERM);
    let (_, log) = gateway.ended().await;
    let complaints: Vec<_> = log.iter().filter(|line| line.contains("Permissions Violation")).collect();
    // At most five per minute for each connection.
    assert!((1..=10).contains(&complaints.len()), "{} lines, such as {:?}", complaints.len(), complaints[0]);
}

async fn until_not_stored(http: &mut Http) {
    eventually(async || (!http.post("A.B", "{}").await.is_stored()).then_some(())).await;
}

/// Settings of the stream, as an operator changes them.
struct Settings {
    client: async_nats::Client,
    config: Value,
}

impl Settings {
    async fn of(nats: &Nats) -> Self {
        let client = soon(async_nats::connect(nats.url())).await.unwrap();
        let info = ask(&client, "STREAM.INFO.callbacks", "").await;
        Self { client, config: info["config"].clone() }
    }

    /// Changes some settings and resets all others.
    async fn change(&self, changes: Value) {
        let mut config = self.config.clone();
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        ask(&self.client, "STREAM.UPDATE.callbacks", &config.to_string()).await;
    }
}

async fn readyz(gateway: &Process) -> String {
    get(gateway.addresses.admin, "/readyz").await.body
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_while_the_streams_settings_can_lose_it() {
    let nats = Nats::start();
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &nats);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    let settings = Settings::of(&nats).await;
    for (change, named) in [
        (json!({ "max_msgs_per_subject": 1000 }), "max_msgs_per_subject is 1000, not -1"),
        (json!({ "no_ack": true }), "no_ack is true, and must not be set"),
    ] {
        settings.change(change).await;
        until_ready_is(gateway.addresses.admin, 503).await;
        let says = |line: &Value| line["reason"].as_str().is_some_and(|reason| reason.contains(named));
        let line = gateway.nth_line(0, says).await;
        assert_eq!(line["level"], "ERROR");
        assert!(readyz(&gateway).await.contains(named));
        assert_eq!(http.post("A.B", "{}").await.status, 503);
        settings.change(json!({})).await;
        until_ready_is(gateway.addresses.admin, 200).await;
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    // A setting that only trims earlier is logged, and callbacks are accepted.
    settings.change(json!({ "max_msgs": 1000 })).await;
    gateway
        .nth_line(0, |line| {
            let differences = line["differences"].as_str().unwrap_or_default();
            line["level"] == "ERROR" && differences.contains("max_msgs is 1000, not -1")
        })
        .await;
    assert!(http.post("A.B", "{}").await.is_stored());
    settings.change(json!({})).await;
    gateway.line("the stream's settings match this gateway's again").await;
}

/// Tests a stream that answers requests and stores nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_stream_is_full_stays_unready_and_says_what_the_server_says() {
    let nats = Nats::start();
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &nats);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    let settings = Settings::of(&nats).await;
    settings.change(json!({ "discard": "new", "max_msgs": 1 })).await;
    until_not_stored(&mut http).await;
    // For two seconds, during which the stream answers requests.
    const SAMPLES: usize = 200;
    let mut samples = Vec::new();
    eventually(async || {
        if samples.len() % (SAMPLES / 4) == 0 {
            assert_eq!(http.post("A.B", "{}").await.status, 503);
        }
        samples.push(readyz(&gateway).await);
        (samples.len() == SAMPLES).then_some(())
    })
    .await;
    let says = |ready: &String| ready.starts_with("not ready") && ready.contains("maximum messages exceeded");
    assert!(samples.iter().all(says), "{samples:?}");
    settings.change(json!({})).await;
    // The first stored event shows that the stream has recovered.
    eventually(async || http.post("A.B", "{}").await.is_stored().then_some(())).await;
    until_ready_is(gateway.addresses.admin, 200).await;
}

/// A server that lost events assigns their sequences to the next events.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_notices_that_the_stream_lost_its_end_though_others_took_its_place() {
    let mut nats = Nats::start();
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &nats);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", r#"{"n":1}"#).await.is_stored());
    nats.kill();
    let kept = nats.copy_of_store();
    nats.start_again();
    while !http.post("A.B", r#"{"n":"lost"}"#).await.is_stored() {}
    let mut follower = Subscriber::open(&mut gateway.client().await, earliest()).await.unwrap().0;
    let seen = follower.events_until(|event| event.sequence >= 2).await.pop().unwrap();
    nats.kill();
    nats.put_back(&kept);
    until_ready_is(gateway.addresses.admin, 503).await;
    nats.start_again();
    // At this point the gateway waits until the server has what it acknowledged.
    until_ready_is(gateway.addresses.admin, 200).await;
    for n in ["a", "b", "c"] {
        let body = format!(r#"{{"n":{n:?}}}"#);
        let answered =
            async { while http.try_post("A.B", &body).await.is_ok_and(|answer| !answer.is_stored()) {} };
        soon(answered).await;
    }
    let (status, log) = gateway.ended().await;
    assert_eq!(status.code(), Some(1));
    assert!(
        log.iter().any(|line| line.contains("the stream lost events that it had acknowledged")),
        "{log:?}"
    );

    let gateway = serve(dir.path(), &nats);
    let refused =
        Subscriber::open(&mut gateway.client().await, after(&seen.cursor)).await.map(drop).unwrap_err();
    assert_eq!(reason(&refused), "LOG_REPLACED");
}
