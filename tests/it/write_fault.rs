//! A disk that accepts no more writes. A limit on the size of the gateway's files simulates it: it can
//! be set and lifted at any moment without special rights.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use imcallback::{Event, ListEventsRequest, event_service_client::EventServiceClient};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use tempfile::TempDir;
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::support::burst::{Answers, Burst, Follower, callback};
use crate::support::*;

const CONNECTIONS: usize = 4;
/// In bytes. All are below the size of the gateway's trial write, so that no fault ends by itself. None
/// is a multiple of the page size, so that a write is cut in the middle of a page.
const LIMITS: [u64; 4] = [100_000, 200_000, 40_000, 100_001];
/// Longer than the gateway's pause between recovery attempts, so that some fail.
const FAULT: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_is_never_acknowledged_and_the_gateway_recovers() {
    let dir = TempDir::new().unwrap();
    let gateway = serve(&dir);
    let mut client = gateway.client().await;
    let mut health = health_client(&gateway).await;
    let mut storing = watch(&mut health, "").await;
    until(&mut storing, ServingStatus::Serving).await;
    let mut follower = Follower::open(&mut client, earliest()).await;
    let burst = Burst::start(gateway.addresses.http, "burst", CONNECTIONS).await;
    // Callbacks that this test posted itself.
    let mut answers = Answers::default();

    for (fault, limit) in LIMITS.into_iter().enumerate() {
        burst.stored_more(25).await;
        limit_file_size(&gateway, Some(limit));
        until(&mut storing, ServingStatus::NotServing).await;

        let mut http = Http::connect(gateway.addresses.http).await;
        let started = Instant::now();
        for n in 0.. {
            let (command, body) = callback("fault", fault, n);
            let answer = http.post(command, &body).await;
            assert_eq!(answer.status, 503, "{answer:?}");
            assert_eq!(answer.error_info(), "callbacks cannot be stored at the moment; retry");
            answers.unknown.push(body);
            if started.elapsed() > FAULT {
                break;
            }
        }
        let readyz = get(gateway.addresses.admin, "/readyz").await;
        assert_eq!((readyz.status, &*readyz.body), (503, "not ready: the log cannot be written to\n"));
        assert_eq!(get(gateway.addresses.admin, "/livez").await.status, 200);
        assert_eq!(check(&mut health, "").await, ServingStatus::NotServing);
        assert_eq!(check(&mut health, "imcallback.v1.EventService").await, ServingStatus::Serving);
        // The log does not grow, so the follower has all events up to this point.
        follower.saw(assert_reads(&mut client, &answers, &burst).await).await;

        if fault + 1 == LIMITS.len() {
            break;
        }
        limit_file_size(&gateway, None);
        until(&mut storing, ServingStatus::Serving).await;
        assert_eq!(get(gateway.addresses.admin, "/readyz").await.status, 200);
        let (command, body) = callback("recovered", fault, 0);
        assert!(http.post(command, &body).await.is_stored());
        answers.stored.push(body);
        assert_reads(&mut client, &answers, &burst).await;
    }

    // The last fault lasts until the gateway ends, which succeeds nevertheless.
    gateway.signal(Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success(), "{status}: {log:?}");
    answers.add(burst.ended().await);
    let live = follower.ended().await;
    assert!(answers.missing(&live).is_empty(), "the follower receives every acknowledged event");

    let gateway = serve(&dir);
    let (command, body) = callback("restarted", 0, 0);
    assert!(Http::connect(gateway.addresses.http).await.post(command, &body).await.is_stored());
    answers.stored.push(body);
    let events = read(&mut gateway.client().await, earliest()).await;
    answers.assert_kept_in(&events);
    assert!(events.starts_with(&live), "the follower receives only durable events");
}

/// A full disk must not prevent reads, even by a gateway that starts on one: the content of the
/// write-ahead log after a crash does not fit into the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_started_on_a_full_disk_reads_and_recovers() {
    let dir = TempDir::new().unwrap();
    let gateway = serve(&dir);
    let burst = Burst::start(gateway.addresses.http, "burst", CONNECTIONS).await;
    burst.stored(300).await;
    gateway.kill();
    let mut answers = burst.ended().await;

    let gateway = serve_with(&dir, &format!("ulimit -S -f {}", LIMITS[2] / 512));
    let mut client = gateway.client().await;
    let events = read(&mut client, earliest()).await;
    answers.assert_kept_in(&events);
    let (command, body) = callback("full", 0, 0);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert_eq!(http.post(command, &body).await.status, 503);
    answers.unknown.push(body);
    let mut health = health_client(&gateway).await;
    assert_eq!(check(&mut health, "").await, ServingStatus::NotServing);
    assert_eq!(check(&mut health, "imcallback.v1.EventService").await, ServingStatus::Serving);

    let mut storing = watch(&mut health, "").await;
    limit_file_size(&gateway, None);
    until(&mut storing, ServingStatus::Serving).await;
    let (command, body) = callback("recovered", 0, 0);
    assert!(http.post(command, &body).await.is_stored());
    answers.stored.push(body);
    answers.assert_kept_in(&read(&mut client, earliest()).await);
}

/// Starts a gateway in which a write beyond the limit fails and does not end the process. Its memory is
/// so small that it reads from the disk.
fn serve(dir: &TempDir) -> Process {
    serve_with(dir, ":")
}

/// Starts such a gateway after a shell command.
fn serve_with(dir: &TempDir, prepare: &str) -> Process {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!(r#"trap "" XFSZ; {prepare}; exec "$0" "$@""#)]).arg(program().get_program());
    shell.args(serve_args(dir.path())).args(["--memory=4KiB", "--drain-delay=0s"]);
    Process::start(&mut shell)
}

/// Sets the maximum size of files that the gateway may write. `None` lifts the limit.
fn limit_file_size(gateway: &Process, bytes: Option<u64>) {
    let ours = getrlimit(Resource::Fsize);
    let limit = Rlimit { current: bytes.or(ours.current), maximum: ours.maximum };
    prlimit(Some(Pid::from_child(&gateway.child)), Resource::Fsize, limit).unwrap();
}

/// Checks that everything acknowledged so far can be read, by stream and by list. Returns the number of
/// events.
async fn assert_reads(client: &mut EventServiceClient<Channel>, answers: &Answers, burst: &Burst) -> usize {
    let mut stored = burst.answers();
    stored.add(answers.clone());
    let events = read(client, earliest()).await;
    assert!(stored.missing(&events).is_empty(), "{:?}", stored.missing(&events));
    let mut listed = list(client).await;
    listed.reverse();
    // The burst may continue.
    assert!(listed.starts_with(&events), "stream and list return the same events");
    events.len()
}

/// Returns all events by `ListEvents`, newest first.
async fn list(client: &mut EventServiceClient<Channel>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut request = ListEventsRequest { page_size: 100, include_raw_body: true, ..Default::default() };
    loop {
        let page = soon(client.list_events(request.clone())).await.unwrap().into_inner();
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            return events;
        }
        request.page_token = page.next_page_token;
    }
}

async fn health_client(gateway: &Process) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", gateway.addresses.grpc)).unwrap();
    HealthClient::new(soon(endpoint.connect()).await.unwrap())
}

async fn check(health: &mut HealthClient<Channel>, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    soon(health.check(request)).await.unwrap().into_inner().status()
}

async fn watch(health: &mut HealthClient<Channel>, service: &str) -> Streaming<HealthCheckResponse> {
    let request = HealthCheckRequest { service: service.to_owned() };
    soon(health.watch(request)).await.unwrap().into_inner()
}

/// Waits until the watched health has this status.
async fn until(health: &mut Streaming<HealthCheckResponse>, status: ServingStatus) {
    while soon(health.message()).await.unwrap().expect("a watch does not end").status() != status {}
}
