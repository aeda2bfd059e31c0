//! A disk that cannot be read, in one sector or entirely. A preloaded library simulates the faults.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::btree::{PAGE, rows};
use crate::support::*;
use callback_gateway::testing::{
    event::{NameSet, RecordParts},
    log::{
        EventLog as _, NewRecord,
        disk::{DiskLog, DiskOptions},
    },
};
use imcallback::{
    Event, EventFilter, Gap, GapPolicy, GapReason, GetEventRequest, GetLogStatusRequest,
    GetLogStatusResponse, ListEventsRequest, ListOrder, admin_service_client::AdminServiceClient,
    event_service_client::EventServiceClient, get_event_request,
};
use tempfile::TempDir;
use tokio::time::Instant;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

const EVENTS: u64 = 400;
/// An event in the middle, on a page that contains others.
const SEQUENCE: u64 = 200;
/// Callbacks that arrive while retention runs.
const CALLBACKS: u64 = 200;
/// All bytes of a file.
const EVERYWHERE: (usize, usize) = (0, 1 << 40);

/// Store on a disk that can fail.
struct Disk {
    dir: TempDir,
}

impl Disk {
    async fn with_events() -> Self {
        let disk = Self { dir: TempDir::new().unwrap() };
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"])
            .arg(disk.library())
            .arg(package().join("tests/programs/read_fault.c"));
        assert!(cc.status().unwrap().success());
        let log = DiskLog::open(DiskOptions::new(disk.data(), 0)).unwrap();
        let appending: Vec<_> = (1..=EVENTS).map(|n| log.append(record(n))).collect();
        for appending in appending {
            soon(appending).await.unwrap();
        }
        soon(log.close()).await;
        disk
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn library(&self) -> PathBuf {
        self.dir.path().join("read_fault.so")
    }

    fn faults(&self) -> PathBuf {
        self.dir.path().join("faults")
    }

    /// Makes reads of a byte range of a file fail this many times. 0: always.
    fn fail(&self, file: &str, (from, to): (usize, usize), times: usize) {
        // The file is replaced atomically.
        let next = self.dir.path().join("next");
        fs::write(&next, format!("{file} {from} {to} {times}\n")).unwrap();
        fs::rename(next, self.faults()).unwrap();
    }

    fn work(&self) {
        fs::write(self.faults(), "").unwrap();
    }

    /// Returns the position of the page that contains [`SEQUENCE`], and all events in it.
    fn sector(&self) -> ((usize, usize), BTreeSet<u64>) {
        let bytes = fs::read(self.data().join("events.db")).unwrap();
        let mut pages = bytes.chunks(PAGE).map(rows).enumerate();
        let (page, events) = pages.find(|(_, rows)| rows.contains(&SEQUENCE)).unwrap();
        assert!(events.len() > 1 && !events.contains(&EVENTS));
        ((page * PAGE, page * PAGE + 512), events)
    }

    fn with_faults(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", self.library()).env("READ_FAULTS", self.faults());
        command
    }

    fn serve(&self, more: &[&str]) -> Process {
        let mut gateway = program();
        gateway.args(serve_args(&self.data())).args(["--memory", "4KiB"]).args(more);
        Process::start(&mut self.with_faults(gateway))
    }
}

fn body(n: u64) -> String {
    format!("{n}.{}", "x".repeat(200))
}

fn record(n: u64) -> NewRecord {
    let body = body(n);
    let mut accounts = NameSet::default();
    accounts.insert(&format!("a{}", n % 10));
    let stored =
        RecordParts { sdk_app_id: APP_ID, accounts: &accounts, ..RecordParts::fixture(body.as_bytes()) };
    NewRecord { stored: stored.encode(), deadline: Instant::now() + HANG, permit: None }
}

/// Reads to the end of the log or of the stream.
async fn subscribe(
    client: &mut EventServiceClient<Channel>,
    on_gap: GapPolicy,
) -> (Vec<Event>, Vec<Gap>, Option<Status>) {
    let mut request = earliest();
    request.on_gap = on_gap.into();
    request.include_raw_body = true;
    read_with_gaps(client, request).await
}

async fn get_one(client: &mut EventServiceClient<Channel>, sequence: u64) -> Result<Event, Status> {
    let event = Some(get_event_request::Event::Sequence(sequence));
    let got = soon(client.get_event(GetEventRequest { event, include_raw_body: true })).await?;
    Ok(got.into_inner().event.unwrap())
}

async fn log_status(gateway: &Process) -> GetLogStatusResponse {
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
    soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap().into_inner()
}

fn assert_all_but(events: &[Event], lost: &BTreeSet<u64>) {
    let expected = (1..=EVENTS).filter(|sequence| !lost.contains(sequence)).map(|n| (n, body(n)));
    let stored = events.iter().filter(|event| event.sequence <= EVENTS);
    let stored = stored.map(|event| (event.sequence, event.raw_body.clone()));
    assert!(stored.eq(expected), "all events except {lost:?} are read once");
}

fn bounds(gaps: &[Gap]) -> Vec<(u64, u64, GapReason)> {
    let bounds = |gap: &Gap| (gap.first_missing_sequence, gap.last_missing_sequence, gap.reason());
    gaps.iter().map(bounds).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_sector_costs_its_own_events_until_it_can_be_read() {
    let disk = Disk::with_events().await;
    let (sector, lost) = disk.sector();
    let (first, last) = (*lost.first().unwrap(), *lost.last().unwrap());
    disk.fail("events.db", sector, 0);
    let gateway = disk.serve(&[]);
    let mut client = gateway.client().await;

    let (events, gaps, status) = subscribe(&mut client, GapPolicy::Skip).await;
    assert!(status.is_none(), "{status:?}");
    assert_all_but(&events, &lost);
    assert_eq!(bounds(&gaps), [(first, last, GapReason::Damaged)]);
    let status = subscribe(&mut client, GapPolicy::Fail).await.2.expect("the stream ends before the gap");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DataLoss, "LOG_DAMAGED"), "{status}");
    let details = status.get_details_error_info().unwrap().metadata;
    assert_eq!(
        (&details["first_sequence"], &details["last_sequence"]),
        (&first.to_string(), &last.to_string())
    );
    for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
        let request = ListEventsRequest {
            page_size: 1000,
            order: order.into(),
            include_raw_body: true,
            ..Default::default()
        };
        let mut list = soon(client.list_events(request)).await.unwrap().into_inner();
        list.events.sort_by_key(|event| event.sequence);
        assert_all_but(&list.events, &lost);
        assert_eq!(bounds(&list.gaps), [(first, last, GapReason::Damaged)]);
    }
    assert_eq!(get_one(&mut client, SEQUENCE).await.unwrap_err().code(), Code::DataLoss);
    assert_eq!(log_status(&gateway).await.lost_events, lost.len() as u64);
    assert_eq!(get(gateway.addresses.admin, "/readyz").await.status, 200);
    assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());

    disk.work();
    assert_eq!(get_one(&mut client, SEQUENCE).await.unwrap().raw_body, body(SEQUENCE));
    assert_eq!(
        log_status(&gateway).await.lost_events,
        lost.len() as u64 - 1,
        "events that were read again are no longer lost"
    );
    let (events, gaps, status) = subscribe(&mut client, GapPolicy::Fail).await;
    assert!(gaps.is_empty() && status.is_none(), "{gaps:?} {status:?}");
    assert_all_but(&events, &BTreeSet::new());
    assert_eq!(log_status(&gateway).await.lost_events, 0);
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_error_that_passes_loses_nothing() {
    let disk = Disk::with_events().await;
    let (sector, lost) = disk.sector();
    // One read of a run of events fails, and two reads of the single event.
    disk.fail("events.db", sector, 2);
    let gateway = disk.serve(&[]);
    let mut client = gateway.client().await;
    let (events, gaps, status) = subscribe(&mut client, GapPolicy::Fail).await;
    assert!(gaps.is_empty() && status.is_none(), "{lost:?}: {gaps:?} {status:?}");
    assert_all_but(&events, &BTreeSet::new());
    assert_eq!(log_status(&gateway).await.lost_events, 0);
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_reads_nothing_loses_nothing() {
    let disk = Disk::with_events().await;
    disk.work();
    let gateway = disk.serve(&[]);
    let mut client = gateway.client().await;
    // After this, SQLite's cache does not hide the fault.
    assert!(Http::connect(gateway.addresses.http).await.post("A.B", "{}").await.is_stored());
    disk.fail("events.db", EVERYWHERE, 0);
    let status = get_one(&mut client, SEQUENCE).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "LOG_UNAVAILABLE"), "{status}");
    let (_, gaps, status) = subscribe(&mut client, GapPolicy::Skip).await;
    let status = status.expect("the stream ends because nothing can be read");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "LOG_UNAVAILABLE"), "{status}");
    assert_eq!((gaps, log_status(&gateway).await.lost_events), (vec![], 0));

    disk.work();
    let (events, gaps, status) = subscribe(&mut client, GapPolicy::Fail).await;
    assert!(gaps.is_empty() && status.is_none(), "{gaps:?} {status:?}");
    assert_all_but(&events, &BTreeSet::new());
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_passes_a_bad_sector_and_callbacks_are_stored_meanwhile() {
    let disk = Disk::with_events().await;
    disk.fail("events.db", disk.sector().0, 0);
    let gateway = disk.serve(&["--retention-count", "50", "--drain-delay", "0s"]);
    let mut http = Http::connect(gateway.addresses.http).await;
    for _ in 0..CALLBACKS {
        assert!(http.post("A.B", "{}").await.is_stored());
    }
    soon(async { while log_status(&gateway).await.oldest_sequence != EVENTS + CALLBACKS - 49 {} }).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    gateway.signal(rustix::process::Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success());
    let has = |text: &str| log.iter().any(|line| line.contains(text));
    assert!(has("could not be deleted; their space is not reused"), "{log:?}");
    assert!(!has("writing to the log failed"), "{log:?}");
    assert!(!has("can be read again"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_the_events_of_a_bad_sector() {
    let disk = Disk::with_events().await;
    let (sector, lost) = disk.sector();
    disk.fail("events.db", sector, 0);
    let mut verify = program();
    verify.args(["verify", "--data-dir"]).arg(disk.data());
    let output = disk.with_faults(verify).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let (first, last) = (lost.first().unwrap(), lost.last().unwrap());
    assert!(text.contains(&format!("events {first} to {last} are gone: the log is damaged there")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_on_a_bad_sector_is_rebuilt() {
    let disk = Disk::with_events().await;
    assert!(Path::new(&disk.data().join("index.db")).exists());
    disk.fail("index.db", EVERYWHERE, 1);
    let gateway = disk.serve(&[]);
    gateway.line("the account index is unusable; rebuilding it, and reading the log meanwhile").await;
    soon(async { while log_status(&gateway).await.index_sequence != Some(EVENTS + 1) {} }).await;
    let filter = Some(EventFilter { accounts: vec!["a3".to_owned()], ..Default::default() });
    let request = ListEventsRequest { page_size: 1000, filter, ..Default::default() };
    let list = soon(gateway.client().await.list_events(request)).await.unwrap().into_inner();
    assert_eq!(list.events.len() as u64, EVENTS / 10);
    gateway.kill();
}
