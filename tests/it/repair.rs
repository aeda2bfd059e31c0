//! A damaged store does not prevent callbacks: it is set aside, and `repair` recovers the readable
//! events.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use crate::support::*;
use imcallback::{
    Event, GapPolicy, GetLogStatusRequest, GetLogStatusResponse, SubscribeRequest,
    admin_service_client::AdminServiceClient, subscribe_response::Frame,
};
use rusqlite::Connection;
use tempfile::TempDir;
use tonic::Code;

const EVENTS: u64 = 100;
/// Page size of SQLite, as the store sets it.
const PAGE: usize = 8192;

/// Log of [`EVENTS`] events that no gateway uses.
struct Log {
    dir: TempDir,
    before: Vec<Event>,
}

impl Log {
    /// Creates a store that was closed.
    async fn closed() -> Self {
        let (dir, gateway, before) = Self::filled().await;
        gateway.signal(rustix::process::Signal::TERM);
        assert!(gateway.ended().await.0.success());
        Self { dir, before }
    }

    /// Creates a store whose newest events are only in the write-ahead log.
    async fn killed() -> Self {
        let (dir, gateway, before) = Self::filled().await;
        gateway.kill();
        let log = Self { dir, before };
        assert!(fs::metadata(log.path("events.db-wal")).unwrap().len() > 100 * PAGE as u64);
        log
    }

    async fn filled() -> (TempDir, Process, Vec<Event>) {
        let dir = TempDir::new().unwrap();
        let gateway = Process::serve(dir.path(), &["--drain-delay=0s"]);
        post(&gateway, EVENTS).await;
        let before = all_events(&mut gateway.client().await).await;
        assert_eq!(before.len() as u64, EVENTS);
        (dir, gateway, before)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self) -> PathBuf {
        self.path("events.db")
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.store()).unwrap().execute_batch(sql).unwrap();
    }

    fn names(&self, prefix: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).collect()
    }

    /// Starts a gateway on the damaged store, which sets it aside, and stores a callback. Returns the new events.
    async fn start_set_aside(&self) -> Vec<Event> {
        let gateway = Process::serve(self.dir.path(), &[]);
        let line = gateway
            .nth_line(0, |line| message(line).starts_with("the store is damaged; it was set aside"))
            .await;
        assert_eq!(line["level"], "ERROR", "{line}");
        post(&gateway, 1).await;
        let (events, _) = everything(&gateway).await;
        let old = self.before.last().unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].sequence, old.sequence + 1, "no sequence is used twice");
        let status = Subscriber::open(&mut gateway.client().await, after(&old.cursor)).await.err().unwrap();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "LOG_REPLACED"));
        assert_eq!(log_status(&gateway).await.damaged_stores, self.names("damaged-").len() as u32);
        gateway.kill();
        events
    }

    /// Reads the repaired store and checks that each old event is unchanged or in a gap. Returns the
    /// events after them, and the number of lost ones.
    async fn assert_told(&self, what: &str) -> (Vec<Event>, usize) {
        let gateway = Process::serve(self.dir.path(), &[]);
        let (events, lost) = everything(&gateway).await;
        let ready = get(gateway.addresses.admin, "/readyz").await;
        assert_eq!(
            (ready.status, ready.body.contains("damaged stores")),
            (200, false),
            "{what}: {}",
            ready.body
        );
        post(&gateway, 1).await;
        gateway.kill();
        let mut expected = self.before.iter().filter(|event| !lost.contains(&event.sequence)).map(content);
        let (old, new): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.sequence <= EVENTS);
        assert!(old.iter().map(content).eq(&mut expected), "{what}");
        (new, lost.len())
    }
}

async fn post(gateway: &Process, events: u64) {
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..events {
        // Some are longer than a page.
        let body = format!(r#"{{"Text":"{n}{}"}}"#, "x".repeat(if n % 10 == 0 { 20_000 } else { 500 }));
        assert!(http.post("A.B", &body).await.is_stored());
    }
}

async fn log_status(gateway: &Process) -> GetLogStatusResponse {
    let address = format!("http://{}", gateway.addresses.grpc);
    let mut admin = AdminServiceClient::connect(address).await.unwrap();
    admin.get_log_status(GetLogStatusRequest {}).await.unwrap().into_inner()
}

fn overwrite(path: &Path, at: usize, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at as u64).unwrap();
}

fn run(command: &str, dir: &Path) -> (String, Option<i32>) {
    let output = program().args([command, "--data-dir"]).arg(dir).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

fn repair(dir: &Path) -> String {
    let (text, code) = run("repair", dir);
    assert_eq!(code, Some(0), "{text}");
    let (again, code) = run("repair", dir);
    assert!(
        code == Some(0) && again.contains("\nnothing to repair"),
        "a second repair changes nothing: {again}"
    );
    text
}

fn message(line: &serde_json::Value) -> &str {
    line["message"].as_str().unwrap_or_default()
}

/// Returns an event without the parts that a new epoch changes.
fn content(event: &Event) -> Event {
    Event { cursor: String::new(), ..event.clone() }
}

/// Returns all events, and the sequences in the gaps between them.
async fn everything(gateway: &Process) -> (Vec<Event>, BTreeSet<u64>) {
    let request = SubscribeRequest { on_gap: GapPolicy::Skip.into(), include_raw_body: true, ..earliest() };
    let (mut subscriber, _) = Subscriber::open(&mut gateway.client().await, request).await.unwrap();
    let (mut events, mut lost) = (Vec::new(), BTreeSet::new());
    loop {
        match subscriber.frame().await.unwrap() {
            Frame::Event(event) => events.push(event),
            Frame::Gap(gap) => lost.extend(gap.first_missing_sequence..=gap.last_missing_sequence),
            Frame::CaughtUp(_) => return (events, lost),
            frame => panic!("unexpected {frame:?}"),
        }
    }
}

type Damage = fn(&Log);

/// Returns ways to damage a store as a whole.
fn damages() -> Vec<(&'static str, Damage)> {
    vec![
        ("the header", |log| overwrite(&log.store(), 0, &[0; 100])),
        ("the first page", |log| overwrite(&log.store(), 0, &[0; PAGE])),
        ("the application's mark", |log| overwrite(&log.store(), 68, &[1, 2, 3, 4])),
        ("the schema", |log| {
            let bytes = fs::read(log.store()).unwrap();
            let at = bytes[..PAGE].windows(12).position(|text| text == b"receive_time").unwrap();
            overwrite(&log.store(), at, b"receive_dime");
        }),
        ("cut", |log| {
            let file = fs::OpenOptions::new().write(true).open(log.store()).unwrap();
            file.set_len(file.metadata().unwrap().len() - 20_000).unwrap();
        }),
        ("a setting", |log| log.sql("DELETE FROM meta WHERE name = 'epoch'")),
        ("the bounds", |log| log.sql("UPDATE meta SET value = 1 << 60 WHERE name = 'next_sequence'")),
        ("the last page of the table", |log| {
            let bytes = fs::read(log.store()).unwrap();
            // The rightmost leaf: its key is the sequence of the newest event.
            let text = br#"{"Text":"99x"#;
            let at = bytes.windows(text.len()).rposition(|found| found == text).unwrap();
            overwrite(&log.store(), at / PAGE * PAGE, &[0xff; 64]);
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_does_not_prevent_callbacks() {
    for (what, damage) in damages() {
        let log = Log::closed().await;
        damage(&log);
        let after = log.start_set_aside().await;
        let [aside] = &log.names("damaged-")[..] else { panic!("{what}") };
        assert!(aside.join("events.db").exists() && aside.join("events.end").exists(), "{what}");

        let told = repair(log.dir.path());
        assert!(told.contains("merged: 1 damaged store that had been set aside\n"), "{what}: {told}");
        assert!(log.names("damaged-").is_empty());
        let (new, lost) = log.assert_told(what).await;
        assert_eq!(new, after, "cursors of the new log stay valid after {what}");
        let is_partial = ["cut", "the last page of the table"].contains(&what);
        assert!(if is_partial { (1..30).contains(&lost) } else { lost == 0 }, "{what}: {lost} lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_that_damage_has_moved_are_corrected() {
    for damage in ["60 WHERE name = 'oldest_sequence'", "1 << 50 WHERE name = 'next_sequence'"] {
        let log = Log::closed().await;
        log.sql(&format!("UPDATE meta SET value = {damage}"));
        let (told, code) = run("verify", log.dir.path());
        assert!(code == Some(1) && told.contains("its bounds contradict its events"), "{damage}: {told}");
        let gateway = Process::serve(log.dir.path(), &[]);
        gateway.nth_line(0, |line| message(line).starts_with("the bounds of the log are damaged")).await;
        post(&gateway, 1).await;
        let (events, lost) = everything(&gateway).await;
        assert_eq!(events[..EVENTS as usize], log.before, "{damage}");
        assert_eq!((events[EVENTS as usize].sequence, lost), (EVENTS + 1, BTreeSet::new()), "{damage}");
        gateway.kill();

        let log = Log::closed().await;
        log.sql(&format!("UPDATE meta SET value = {damage}"));
        assert!(repair(log.dir.path()).starts_with("1 to 100: 100 events intact, 0 lost\n"), "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_empty_store_is_noticed() {
    let missing: [fn(&Log); 2] =
        [|log| fs::remove_file(log.store()).unwrap(), |log| fs::write(log.store(), "").unwrap()];
    for remove in missing {
        let log = Log::closed().await;
        remove(&log);
        log.start_set_aside().await;
        assert!(log.names("damaged-").is_empty(), "there is nothing to set aside");
        // Only the write-ahead log remains.
        let log = Log::killed().await;
        remove(&log);
        log.start_set_aside().await;
        let told = repair(log.dir.path());
        assert!(told.contains("merged: 1 damaged store"), "{told}");
        let (_, lost) = log.assert_told("the write-ahead log").await;
        assert!(lost < EVENTS as usize / 2, "{lost} lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_a_store_aside_survives_a_crash_at_each_step() {
    let moved: [&[&str]; 3] = [&[], &["events.db-wal"], &["events.db-wal", "events.db"]];
    for moved in moved {
        let log = Log::killed().await;
        overwrite(&log.store(), 0, &[0; PAGE]);
        overwrite(&log.path("events.db-wal"), 0, &[0; 32]);
        let aside = log.path("damaged-2026-12-01T00-00-00.000Z");
        fs::create_dir(&aside).unwrap();
        fs::copy(log.path("events.end"), aside.join("events.end")).unwrap();
        fs::write(log.path("events.db.new"), "half a store").unwrap();
        for name in moved {
            fs::rename(log.path(name), aside.join(name)).unwrap();
        }
        log.start_set_aside().await;
        assert!(log.names("events.db.new").is_empty());
        assert_eq!(log.names("damaged-"), [aside], "{moved:?}");
        repair(log.dir.path());
        assert_eq!(log.assert_told("a crash").await.1, 0, "{moved:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_killed_is_repaired_with_what_is_in_its_write_ahead_log() {
    let log = Log::killed().await;
    // SQLite would also read the first page from the write-ahead log.
    overwrite(&log.store(), 0, &[0; PAGE]);
    overwrite(&log.path("events.db-wal"), 0, &[0; 32]);
    let told = repair(log.dir.path());
    assert!(told.starts_with("1 to 100: 100 events intact, 0 lost\n"), "{told}");
    let gateway = Process::serve(log.dir.path(), &["--drain-delay=0s"]);
    let cursor = &log.before[49].cursor;
    let events = read(&mut gateway.client().await, after(cursor)).await;
    assert_eq!(events, log.before[50..], "cursors stay valid");
    gateway.kill();
    assert!(log.names("events.db.new").is_empty());
    let [kept] = &log.names("before-repair-")[..] else { panic!() };
    for name in ["events.db", "events.db-wal", "events.end"] {
        assert!(kept.join(name).exists(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_repaired_around_its_damage() {
    let log = Log::closed().await;
    log.sql("DELETE FROM record WHERE sequence IN (50, 51)");
    log.sql("UPDATE record SET record = x'00' WHERE sequence = 70");
    let told = repair(log.dir.path());
    let expected =
        "1 to 100: 97 events intact, 3 lost\nevents 50 to 51 are gone: the log lost them\nevent 70 is gone";
    assert!(told.starts_with(expected), "{told}");
    assert_eq!(log.assert_told("deleted and changed rows").await.1, 3);
    assert_eq!(run("verify", log.dir.path()).1, Some(1));

    // The root of the table: SQLite finds no rows, and the leaves contain all of them.
    let log = Log::closed().await;
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'record'";
    let root = Connection::open(log.store()).unwrap().query_row(root, [], |row| row.get::<_, u32>(0));
    overwrite(&log.store(), (root.unwrap() as usize - 1) * PAGE, &[0; 200]);
    assert!(repair(log.dir.path()).starts_with("1 to 100: 100 events intact, 0 lost\n"));
    assert_eq!(log.assert_told("the root").await, (Vec::new(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_store_is_left_alone() {
    let log = Log::killed().await;
    let files = || ["events.db", "events.db-wal", "index.db"].map(|name| fs::read(log.path(name)).ok());
    let before = files();
    let (told, code) = run("repair", log.dir.path());
    assert_eq!((told.as_str(), code), ("1 to 100: 100 events intact, 0 lost\nnothing to repair\n", Some(0)));
    assert!(files() == before);
    let gateway = Process::serve(log.dir.path(), &["--drain-delay=0s"]);
    let (told, code) = run("repair", log.dir.path());
    assert!(code == Some(1) && told.contains("is in use by another process"), "{told}");
    gateway.kill();
    let missing = log.path("missing");
    assert_eq!(run("repair", &missing).1, Some(1));
    assert!(!missing.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_refused_if_that_is_wanted_or_if_too_many_were_set_aside() {
    let log = Log::closed().await;
    overwrite(&log.store(), 0, &[0; PAGE]);
    let refused = |more: &'static [&'static str]| {
        let mut program = program();
        program.args(serve_args(log.dir.path())).args(more);
        async move {
            let output = soon(tokio::task::spawn_blocking(move || program.output().unwrap())).await.unwrap();
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            String::from_utf8(output.stderr).unwrap()
        }
    };
    let told = refused(&["--damaged-store=refuse"]).await;
    assert!(
        told.contains("events.db is damaged: file is not a database; `callback-gateway repair`"),
        "{told}"
    );
    assert!(log.names("damaged-").is_empty());
    fs::remove_file(log.store()).unwrap();
    let told = refused(&["--damaged-store=refuse"]).await;
    assert!(told.contains("is missing or empty, but the log had events up to 100"), "{told}");

    for n in 0..4 {
        let aside = log.path(&format!("damaged-{n}"));
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join("events.db"), "damaged").unwrap();
    }
    fs::write(log.store(), [1; PAGE]).unwrap();
    let told = refused(&[]).await;
    assert!(told.contains("already has 4 damaged stores"), "{told}");
    assert_eq!(fs::read(log.store()).unwrap(), [1; PAGE], "the store stays where it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_a_running_store_ends_the_gateway_and_its_next_start_takes_callbacks() {
    let log = Log::closed().await;
    let gateway = Process::serve(log.dir.path(), &["--drain-delay=0s"]);
    let bytes = fs::read(log.store()).unwrap();
    let text = br#"{"Text":"99x"#;
    let at = bytes.windows(text.len()).rposition(|found| found == text).unwrap();
    overwrite(&log.store(), at / PAGE * PAGE, &[0xff; 64]);
    // The writer has the page in its cache until another connection writes.
    log.sql("INSERT INTO meta VALUES ('other', 1)");
    let mut http = Http::connect(gateway.addresses.http).await;
    assert_eq!(http.post("A.B", "{}").await.status, 503);
    let (status, lines) = gateway.ended().await;
    assert_eq!(status.code(), Some(1));
    assert!(lines.iter().any(|line| line.contains("it was set aside, and the gateway exits")), "{lines:?}");

    let gateway = Process::serve(log.dir.path(), &["--drain-delay=0s"]);
    post(&gateway, 1).await;
    let (events, _) = everything(&gateway).await;
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [EVENTS + 1]);
    let ready = get(gateway.addresses.admin, "/readyz").await;
    let told =
        "ready\ndamaged stores set aside: 1; run `callback-gateway repair` to recover readable events\n";
    assert_eq!(ready.body, told);
    let metrics = get(gateway.addresses.admin, "/metrics").await;
    assert!(metrics.body.contains("callback_gateway_log_damaged_stores 1\n"));
    gateway.kill();
    repair(log.dir.path());
    assert!(log.assert_told("a running store").await.1 < 30);
}
