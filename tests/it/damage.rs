//! A log that lost events in the middle, by deleted rows or damaged pages. Every reader learns which
//! events are lost and receives all others unchanged. New callbacks are stored as before.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use crate::support::btree::{PAGE, rows};
use crate::support::*;
use imcallback::{
    Event, Gap, GapPolicy, GapReason, GetEventRequest, GetLogStatusRequest, ListEventsRequest, ListOrder,
    SubscribeRequest, admin_service_client::AdminServiceClient, event_service_client::EventServiceClient,
    get_event_request, subscribe_request::Start,
};
use tempfile::TempDir;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

const EVENTS: u64 = 400;

/// Log of [`EVENTS`] events, with the number of each event in its body.
struct Log {
    dir: TempDir,
    before: Vec<Event>,
}

fn marker(sequence: u64) -> String {
    format!("number-{sequence:05}.")
}

impl Log {
    async fn store() -> Self {
        let dir = TempDir::new().unwrap();
        let gateway = Process::serve(dir.path(), &[]);
        let mut http = Http::connect(gateway.addresses.http).await;
        for sequence in 1..=EVENTS {
            let body = format!(r#"{{"Text":"{}{}"}}"#, marker(sequence), "x".repeat(150));
            assert!(http.post("A.B", &body).await.is_stored());
        }
        let before = all_events(&mut gateway.client().await).await;
        assert_eq!(before.len() as u64, EVENTS);
        gateway.signal(rustix::process::Signal::TERM);
        let (status, _) = gateway.ended().await;
        assert!(status.success());
        Self { dir, before }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("events.db")
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }

    /// Returns the page that contains this event, and all events in the page.
    fn page_of(&self, sequence: u64) -> (usize, BTreeSet<u64>) {
        let bytes = fs::read(self.file()).unwrap();
        let mut pages = bytes.chunks(PAGE).map(rows).enumerate();
        pages.find(|(_, rows)| rows.len() > 1 && rows.contains(&sequence)).expect("a page contains the event")
    }

    fn overwrite(&self, at: usize, bytes: &[u8]) {
        let file = fs::OpenOptions::new().write(true).open(self.file()).unwrap();
        file.write_all_at(bytes, at as u64).unwrap();
    }

    /// Reads the damaged log in every way and compares it with what was stored. Returns the lost events.
    async fn assert_told(&self) -> BTreeSet<u64> {
        let gateway = Process::serve(self.dir.path(), &["--memory", "1MiB"]);
        let mut client = gateway.client().await;
        let skipping = SubscribeMode { on_gap: GapPolicy::Skip, after: None };
        let (events, gaps, status) = subscribe(&mut client, &skipping).await;
        assert!(status.is_none(), "{status:?}");
        let lost = self.assert_covered(&events, &gaps);
        for gap in &gaps {
            assert!(matches!(gap.reason(), GapReason::Missing | GapReason::Damaged), "{gap:?}");
        }

        // Stop before each gap and resume behind it.
        let mut mode = SubscribeMode { on_gap: GapPolicy::Fail, after: None };
        let (mut seen, mut told) = (Vec::new(), BTreeSet::new());
        loop {
            let (events, gaps, status) = subscribe(&mut client, &mode).await;
            assert!(gaps.is_empty());
            seen.extend(events);
            let Some(status) = status else { break };
            assert_eq!(status.code(), Code::DataLoss, "{status:?}");
            assert!(matches!(reason(&status).as_str(), "EVENTS_MISSING" | "LOG_DAMAGED"), "{status:?}");
            let details = status.get_details_error_info().unwrap().metadata;
            let bound = |name: &str| details[name].parse::<u64>().unwrap();
            told.extend(bound("first_sequence")..=bound("last_sequence"));
            mode.after = Some(details["resume_cursor"].clone());
        }
        assert_eq!((seen, &told), (events, &lost));

        for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
            let (mut events, gaps) = self.list(&mut client, order, &lost).await;
            events.sort_by_key(|event| event.sequence);
            assert_eq!(self.assert_covered(&events, &gaps), lost, "{order:?}");
        }
        for event in &self.before {
            let wanted = Some(get_event_request::Event::Sequence(event.sequence));
            let got = soon(client.get_event(GetEventRequest { event: wanted, include_raw_body: true })).await;
            match got {
                Ok(got) => assert_eq!(got.into_inner().event.as_ref(), Some(event)),
                Err(status) => {
                    assert!(lost.contains(&event.sequence), "{} {status:?}", event.sequence);
                    assert_eq!(status.code(), Code::DataLoss, "{status:?}");
                }
            }
        }
        self.assert_reported(&gateway, &lost).await;

        let mut http = Http::connect(gateway.addresses.http).await;
        assert!(http.post("A.B", r#"{"Text":"new"}"#).await.is_stored());
        let newest = ListEventsRequest { page_size: 1, include_raw_body: true, ..Default::default() };
        let newest = soon(client.list_events(newest)).await.unwrap().into_inner().events.remove(0);
        assert!(newest.sequence > EVENTS && newest.raw_body.contains("new"), "{newest:?}");
        gateway.kill();
        lost
    }

    /// Checks that events and gaps together cover everything that was stored, once. Returns the lost
    /// events.
    fn assert_covered(&self, events: &[Event], gaps: &[Gap]) -> BTreeSet<u64> {
        let mut lost = BTreeSet::new();
        for gap in gaps {
            let gone = gap.first_missing_sequence..=gap.last_missing_sequence;
            gone.for_each(|sequence| assert!(lost.insert(sequence), "{sequence} is reported twice"));
        }
        // A new event may be among them.
        let expected = self.before.iter().filter(|event| !lost.contains(&event.sequence));
        let stored = events.iter().filter(|event| event.sequence <= EVENTS);
        assert!(stored.eq(expected), "all events that are not reported as lost are unchanged");
        lost
    }

    async fn list(
        &self,
        client: &mut EventServiceClient<Channel>,
        order: ListOrder,
        lost: &BTreeSet<u64>,
    ) -> (Vec<Event>, Vec<Gap>) {
        let (mut events, mut gaps) = (Vec::new(), Vec::new());
        let mut request = ListEventsRequest {
            page_size: 150,
            include_raw_body: true,
            order: order.into(),
            ..Default::default()
        };
        for _ in 0..100 {
            let page = soon(client.list_events(request.clone())).await.unwrap().into_inner();
            events.extend(page.events);
            gaps.extend(page.gaps);
            let complete = nanos(page.complete_since);
            for sequence in lost {
                let time = self.before[*sequence as usize - 1].receive_time;
                assert!(
                    nanos(time) < complete,
                    "event {sequence} is missing although the log is reported complete since then"
                );
            }
            if page.next_page_token.is_empty() {
                return (events, gaps);
            }
            request.page_token = page.next_page_token;
        }
        panic!("the list does not end");
    }

    async fn assert_reported(&self, gateway: &Process, lost: &BTreeSet<u64>) {
        let ready = get(gateway.addresses.admin, "/readyz").await;
        assert_eq!(ready.status, 200, "callbacks can be stored");
        let count = lost.len();
        assert_eq!(ready.body.contains(&format!("lost events: {count};")), count > 0, "{}", ready.body);
        let metrics = get(gateway.addresses.admin, "/metrics").await;
        assert!(metrics.body.contains(&format!("callback_gateway_log_lost_events {count}\n")));
        let mut admin =
            AdminServiceClient::connect(format!("http://{}", gateway.addresses.grpc)).await.unwrap();
        let status = admin.get_log_status(GetLogStatusRequest {}).await.unwrap().into_inner();
        assert_eq!((status.lost_events, status.gaps.is_empty()), (count as u64, count == 0));
        if count > 0 {
            let is_loss = |line: &serde_json::Value| {
                line["message"].as_str().unwrap_or_default().starts_with("stored events were lost: ")
            };
            assert_eq!(gateway.nth_line(0, is_loss).await["level"], "ERROR");
        }
    }
}

struct SubscribeMode {
    on_gap: GapPolicy,
    after: Option<String>,
}

/// Reads to the end of the log or of the stream.
async fn subscribe(
    client: &mut EventServiceClient<Channel>,
    mode: &SubscribeMode,
) -> (Vec<Event>, Vec<Gap>, Option<Status>) {
    let mut request = mode.after.as_deref().map_or_else(earliest, after);
    request.on_gap = mode.on_gap.into();
    request.include_raw_body = true;
    read_with_gaps(client, request).await
}

/// Runs `verify` on the files. Returns its output, and whether it found the log intact.
fn verify(dir: &Path) -> (String, bool) {
    let output = program().args(["verify", "--data-dir"]).arg(dir).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

fn set(range: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
    range.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_log_has_no_gaps() {
    let log = Log::store().await;
    assert_eq!(log.assert_told().await, set([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_what_is_lost_and_an_index_that_disagrees() {
    let log = Log::store().await;
    let (text, is_whole) = verify(log.dir.path());
    assert!(is_whole && text.starts_with("1 to 400: 400 events intact, 0 lost\nindex: agrees"), "{text}");
    log.sql("DELETE FROM record WHERE sequence IN (100, 101)");
    log.sql("UPDATE record SET record = x'00' WHERE sequence = 7");
    let expected = "1 to 400: 397 events intact, 3 lost\nevent 7 is gone: the log is damaged there\nevents 100 to 101 are \
                    gone: the log lost them\nindex: ";
    let (text, is_whole) = verify(log.dir.path());
    assert!(!is_whole && text.starts_with(expected), "{text}");

    let gateway = Process::serve(log.dir.path(), &[]);
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut running = program();
    running.args(["verify", "--address", &address]);
    let output = soon(tokio::task::spawn_blocking(move || running.output().unwrap())).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("397 events intact, 3 lost\nevent 7 is gone"), "{text}");
    // While the gateway runs, it holds the files exclusively.
    let (text, is_whole) = verify(log.dir.path());
    assert!(!is_whole && text.is_empty(), "{text}");
    gateway.kill();
    let missing = log.dir.path().join("missing");
    assert!(!verify(&missing).1 && !missing.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_are_told() {
    let log = Log::store().await;
    log.sql("DELETE FROM record WHERE sequence BETWEEN 100 AND 110 OR sequence IN (200, 399, 400)");
    assert_eq!(log.assert_told().await, set((100..=110).chain([200, 399, 400])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_not_called_complete_where_another_program_trimmed_it() {
    let log = Log::store().await;
    let gateway = Process::serve(log.dir.path(), &["--memory", "1MiB"]);
    log.sql("DELETE FROM record WHERE sequence <= 50");
    let mut client = gateway.client().await;
    let request = ListEventsRequest { order: ListOrder::OldestFirst.into(), ..Default::default() };
    let page = soon(client.list_events(request)).await.unwrap().into_inner();
    assert_eq!(page.events[0].sequence, 51);
    assert!(nanos(page.complete_since) > nanos(log.before[49].receive_time));

    // Without the bound, readers use the last bound that they know.
    log.sql("DELETE FROM meta WHERE name = 'oldest_sequence'");
    let skipping = SubscribeMode { on_gap: GapPolicy::Skip, after: None };
    let (events, gaps, status) = subscribe(&mut client, &skipping).await;
    assert_eq!((events, gaps, status.is_none()), (log.before[50..].to_vec(), Vec::new(), true));
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_another_byte_is_told_and_no_other() {
    let log = Log::store().await;
    log.sql("UPDATE record SET record = CAST(replace(record, 'number-00123.', 'number-00124.') AS BLOB) WHERE sequence = 123");
    // The record is valid, but not the one that was stored.
    log.sql("UPDATE record SET receive_time = receive_time + 1 WHERE sequence = 200");
    log.sql("UPDATE record SET record = x'' WHERE sequence = 201");
    log.sql("UPDATE record SET record = (SELECT record FROM record WHERE sequence = 5) WHERE sequence = 202");
    assert_eq!(log.assert_told().await, set([123, 200, 201, 202]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_zeros_affects_its_own_events_only() {
    for sequence in [EVENTS / 2, 1] {
        let log = Log::store().await;
        let (page, events) = log.page_of(sequence);
        log.overwrite(page * PAGE, &[0; PAGE]);
        assert_eq!(log.assert_told().await, events);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanged_pages_affect_their_own_events_only() {
    let log = Log::store().await;
    let ((a, first), (b, second)) = (log.page_of(100), log.page_of(300));
    let bytes = fs::read(log.file()).unwrap();
    log.overwrite(a * PAGE, &bytes[b * PAGE..][..PAGE]);
    log.overwrite(b * PAGE, &bytes[a * PAGE..][..PAGE]);
    assert_eq!(log.assert_told().await, &first | &second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_noise_affects_its_own_events_only() {
    let log = Log::store().await;
    let (page, events) = log.page_of(EVENTS / 2);
    let noise: Vec<u8> = (0..PAGE).map(|n| (n * n % 251) as u8).collect();
    log.overwrite(page * PAGE, &noise);
    assert_eq!(log.assert_told().await, events);
    // With a valid page header: SQLite interprets the rest as rows.
    let log = Log::store().await;
    let (page, events) = log.page_of(EVENTS / 2);
    log.overwrite((page + 1) * PAGE - 1000, &noise[..64]);
    let lost = log.assert_told().await;
    assert!(!lost.is_empty() && lost.is_subset(&events), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_keeps_neither_retention_nor_exports_from_going_on() {
    let log = Log::store().await;
    let (page, lost) = log.page_of(EVENTS / 4);
    log.overwrite(page * PAGE, &[0; PAGE]);
    let gateway = Process::serve(log.dir.path(), &["--memory", "1MiB"]);
    let target = format!("http://{}", gateway.addresses.grpc);
    let output = |name: &str| log.dir.path().join(name).display().to_string();
    let export = |name: &str, more: &[&str]| {
        let mut program = program();
        program.args(["export", "--address", &target, "--output", &output(name)]).args(more);
        tokio::task::spawn_blocking(move || program.output().unwrap())
    };
    let failed = soon(export("fail.json", &[])).await.unwrap();
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(!Path::new(&output("fail.json")).exists());
    let skipping = soon(export("skip.json", &["--skip-gaps"])).await.unwrap();
    assert_eq!(skipping.status.code(), Some(1), "{skipping:?}");
    let first = lost.first().unwrap();
    let told = String::from_utf8(skipping.stderr).unwrap();
    assert!(told.contains(&format!("events {first} to {}", lost.last().unwrap())), "{told}");
    let lines = fs::read_to_string(output("skip.json")).unwrap().lines().count();
    assert_eq!(lines, log.before.len() - lost.len());
    gateway.kill();

    // Retention removes the damaged events.
    let gateway = Process::serve(log.dir.path(), &["--retention-count", "50"]);
    let mut admin = AdminServiceClient::connect(format!("http://{}", gateway.addresses.grpc)).await.unwrap();
    soon(async {
        while admin.get_log_status(GetLogStatusRequest {}).await.unwrap().into_inner().oldest_sequence
            != EVENTS - 49
        {}
    })
    .await;
    let events = all_events(&mut gateway.client().await).await;
    assert_eq!(events, log.before[EVENTS as usize - 50..]);
    gateway.kill();
}

/// A deletion raises the time up to which events may have been trimmed, wherever it occurs.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_starts_at_a_time_before_an_event_that_was_deleted() {
    let log = Log::store().await;
    log.sql("DELETE FROM record WHERE sequence = 300");
    let gateway = Process::serve(log.dir.path(), &["--memory", "1MiB"]);
    let mut client = gateway.client().await;
    for (time, on_gap) in
        [(1, GapPolicy::Fail), (1, GapPolicy::Skip), (100, GapPolicy::Fail), (100, GapPolicy::Skip)]
    {
        let start = Start::AtTime(log.before[time - 1].receive_time.unwrap());
        let request = SubscribeRequest { start: Some(start), on_gap: on_gap.into(), ..Default::default() };
        let (mut stream, _) = Subscriber::open(&mut client, request).await.unwrap();
        let first = stream.event().await.unwrap();
        assert_eq!(
            first.receive_time,
            log.before[time - 1].receive_time,
            "the first frame is the event, not a gap"
        );
    }
    gateway.kill();
}
