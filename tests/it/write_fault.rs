//! A disk that takes no more writes: a limit on the size of the gateway's files
//! stands in for it, since it comes and goes at any moment and needs no rights.

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

use crate::support::burst::{Burst, Follower, Told, callback};
use crate::support::*;

const CONNECTIONS: usize = 4;
/// In bytes. All are below what the gateway writes to see whether the disk takes
/// writes again, so that no fault ends by itself; none is a whole number of
/// pages, so that a write is cut in the middle of one.
const LIMITS: [u64; 4] = [100_000, 200_000, 40_000, 100_001];
/// Longer than the gateway's pause between attempts to recover, so that some fail.
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
    // What this test itself posted.
    let mut told = Told::default();

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
            told.unknown.push(body);
            if started.elapsed() > FAULT {
                break;
            }
        }
        let readyz = get(gateway.addresses.admin, "/readyz").await;
        assert_eq!((readyz.status, &*readyz.body), (503, "not ready: the log cannot be written to\n"));
        assert_eq!(get(gateway.addresses.admin, "/livez").await.status, 200);
        assert_eq!(check(&mut health, "").await, ServingStatus::NotServing);
        assert_eq!(check(&mut health, "imcallback.v1.EventService").await, ServingStatus::Serving);
        // The log stands still, so the follower has as much before it.
        follower.saw(assert_reads(&mut client, &told, &burst).await).await;

        if fault + 1 == LIMITS.len() {
            break;
        }
        limit_file_size(&gateway, None);
        until(&mut storing, ServingStatus::Serving).await;
        assert_eq!(get(gateway.addresses.admin, "/readyz").await.status, 200);
        let (command, body) = callback("recovered", fault, 0);
        assert!(http.post(command, &body).await.is_stored());
        told.stored.push(body);
        assert_reads(&mut client, &told, &burst).await;
    }

    // The last fault lasts to the gateway's end, which is in order all the same.
    gateway.signal(Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success(), "{status}: {log:?}");
    told.add(burst.ended().await);
    let live = follower.ended().await;
    assert!(told.missing(&live).is_empty(), "a follower sees everything through every fault");

    let gateway = serve(&dir);
    let (command, body) = callback("restarted", 0, 0);
    assert!(Http::connect(gateway.addresses.http).await.post(command, &body).await.is_stored());
    told.stored.push(body);
    let events = read(&mut gateway.client().await, earliest()).await;
    told.assert_kept_in(&events);
    assert!(events.starts_with(&live), "and only what is durable");
}

/// A full disk must not take reading away, also not from a gateway that is
/// started on one: what a crash left in the write-ahead log does not fit in.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_started_on_a_full_disk_reads_and_recovers() {
    let dir = TempDir::new().unwrap();
    let gateway = serve(&dir);
    let burst = Burst::start(gateway.addresses.http, "burst", CONNECTIONS).await;
    burst.stored(300).await;
    gateway.kill();
    let mut told = burst.ended().await;

    let gateway = serve_with(&dir, &format!("ulimit -S -f {}", LIMITS[2] / 512));
    let mut client = gateway.client().await;
    let events = read(&mut client, earliest()).await;
    told.assert_kept_in(&events);
    let (command, body) = callback("full", 0, 0);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert_eq!(http.post(command, &body).await.status, 503);
    told.unknown.push(body);
    let mut health = health_client(&gateway).await;
    assert_eq!(check(&mut health, "").await, ServingStatus::NotServing);
    assert_eq!(check(&mut health, "imcallback.v1.EventService").await, ServingStatus::Serving);

    let mut storing = watch(&mut health, "").await;
    limit_file_size(&gateway, None);
    until(&mut storing, ServingStatus::Serving).await;
    let (command, body) = callback("recovered", 0, 0);
    assert!(http.post(command, &body).await.is_stored());
    told.stored.push(body);
    told.assert_kept_in(&read(&mut client, earliest()).await);
}

/// A gateway in which a write beyond the limit fails instead of ending the
/// process, and which keeps so little in memory that it reads from the disk.
fn serve(dir: &TempDir) -> Process {
    serve_with(dir, ":")
}

/// The same, after a shell command.
fn serve_with(dir: &TempDir, prepare: &str) -> Process {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!(r#"trap "" XFSZ; {prepare}; exec "$0" "$@""#)]).arg(program().get_program());
    shell.args(serve_args(dir.path())).args(["--memory=4KiB", "--drain-delay=0s"]);
    Process::start(&mut shell)
}

/// Sets the largest size of a file that the gateway may write; `None` lifts it.
fn limit_file_size(gateway: &Process, bytes: Option<u64>) {
    let ours = getrlimit(Resource::Fsize);
    let limit = Rlimit { current: bytes.or(ours.current), maximum: ours.maximum };
    prlimit(Some(Pid::from_child(&gateway.child)), Resource::Fsize, limit).unwrap();
}

/// Checks that everything acknowledged up to now is read, in both ways of
/// reading; gives the number of events.
async fn assert_reads(client: &mut EventServiceClient<Channel>, told: &Told, burst: &Burst) -> usize {
    let mut stored = burst.told();
    stored.add(told.clone());
    let events = read(client, earliest()).await;
    assert!(stored.missing(&events).is_empty(), "{:?}", stored.missing(&events));
    let mut listed = list(client).await;
    listed.reverse();
    // The burst may go on.
    assert!(listed.starts_with(&events), "both ways give the same");
    events.len()
}

/// All events by `ListEvents`, newest first.
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

/// Waits until the watched health is so.
async fn until(health: &mut Streaming<HealthCheckResponse>, status: ServingStatus) {
    while soon(health.message()).await.unwrap().expect("a watch does not end").status() != status {}
}
