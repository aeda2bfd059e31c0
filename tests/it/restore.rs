//! A data directory that was reset to a backup. Cursors of lost events must be rejected, because other
//! events have their sequences.

use std::{fs, path::Path};

use callback_gateway::testing::event::Cursor;
use imcallback::Event;
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::burst::callback;
use crate::support::*;

/// Stores events with a gateway that is killed at the end, so that some are only in the write-ahead log.
/// Returns all events.
async fn store(data_dir: &Path, name: &str, count: usize) -> Vec<Event> {
    let gateway = Process::serve(data_dir, &[]);
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..count {
        let (command, body) = callback(name, 0, n);
        assert!(http.post(command, &body).await.is_stored());
    }
    let events = all_events(&mut gateway.client().await).await;
    gateway.kill();
    events
}

/// Copies a directory in place of another.
fn copy(from: &Path, to: &Path) {
    fs::remove_dir_all(to).ok();
    fs::create_dir(to).unwrap();
    for file in from.read_dir().unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Returns the status of a refused resume, with the cursors in its details.
async fn refusal(gateway: &Process, cursor: &str) -> (Code, String, Cursor, Cursor) {
    let status: Status = Subscriber::open(&mut gateway.client().await, after(cursor)).await.err().unwrap();
    let details = status.get_details_error_info().unwrap().metadata;
    assert!(humantime::parse_rfc3339(&details["epoch_start"]).is_ok(), "{details:?}");
    let end = |name: &str| details[name].parse::<Cursor>().unwrap();
    let (oldest, latest) = (end("oldest_cursor"), end("latest_cursor"));
    assert_eq!(oldest.sequence.0, 0);
    assert_eq!(details["epoch"], latest.epoch.to_string());
    (status.code(), reason(&status), oldest, latest)
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_of_events_that_a_restored_backup_does_not_have_are_refused() {
    let dir = TempDir::new().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let before = store(&data, "before", 10).await;
    copy(&data, &backup);
    let lost = store(&data, "lost", 10).await;
    assert_eq!(lost[..10], before);

    copy(&backup, &data);
    let now = store(&data, "other", 5).await;
    assert_eq!(now[..10], before);
    assert_eq!(now[14].sequence, lost[14].sequence, "sequences are reused");

    let gateway = Process::serve(&data, &[]);
    let mut client = gateway.client().await;
    for seen in [4, 9] {
        assert_eq!(
            read(&mut client, after(&before[seen].cursor)).await,
            now[seen + 1..],
            "both logs have this event"
        );
    }
    // Another event has its sequence, or no event has it yet.
    for seen in [10, 14, 15, 19] {
        let (code, reason, oldest, latest) = refusal(&gateway, &lost[seen].cursor).await;
        assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "LOG_REWOUND"), "{seen}");
        assert_eq!(latest.to_string(), now[14].cursor);
        assert_eq!(
            read(&mut client, after(&oldest.to_string())).await,
            now,
            "the cursor in the details is valid"
        );
    }
    gateway.kill();

    // With the option, no old cursor is accepted any more.
    let gateway = Process::serve(&data, &["--new-epoch"]);
    for cursor in [&before[4], &before[9], &lost[14], &lost[19], &now[14]].map(|event| &event.cursor) {
        let (code, reason, _, latest) = refusal(&gateway, cursor).await;
        assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "LOG_REPLACED"));
        assert_ne!(latest.epoch, cursor.parse::<Cursor>().unwrap().epoch);
    }
    let events = all_events(&mut gateway.client().await).await;
    let bodies = |events: &[Event]| events.iter().map(|event| event.raw_body.clone()).collect::<Vec<_>>();
    assert_eq!(bodies(&events), bodies(&now), "the events are those of the backup");
    let epoch_start = epoch_start(&gateway).await;
    gateway.kill();

    // The first start creates the new epoch. The next start keeps it and its sequences.
    let later = store(&data, "later", 5).await;
    assert_eq!(later[..15], events);
    assert_eq!(later.iter().map(|event| event.sequence).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    let gateway = Process::serve(&data, &[]);
    assert_eq!(read(&mut gateway.client().await, after(&events[9].cursor)).await, later[10..]);
    assert_eq!(refusal(&gateway, &lost[19].cursor).await.1, "LOG_REPLACED");
    assert_eq!(self::epoch_start(&gateway).await, epoch_start);
}

/// Returns the start of the log's epoch, from the details of a refusal.
async fn epoch_start(gateway: &Process) -> String {
    let mut cursor: Cursor = Subscriber::open(&mut gateway.client().await, latest())
        .await
        .map(|(_, subscribed)| subscribed.latest_cursor.parse().unwrap())
        .unwrap();
    cursor.epoch.0 ^= 1;
    let status =
        Subscriber::open(&mut gateway.client().await, after(&cursor.to_string())).await.err().unwrap();
    status.get_details_error_info().unwrap().metadata["epoch_start"].clone()
}

/// A new epoch is on the disk before the gateway serves anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_survives_kill_9_at_once() {
    let dir = TempDir::new().unwrap();
    let before = store(dir.path(), "before", 3).await;
    let mut epochs = vec![before[0].cursor.parse::<Cursor>().unwrap().epoch];
    for _ in 0..5 {
        let gateway = Process::serve(dir.path(), &["--new-epoch"]);
        let (_, subscribed) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
        gateway.kill();
        let gateway = Process::serve(dir.path(), &[]);
        let (_, again) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
        assert_eq!(again.epoch, subscribed.epoch);
        gateway.kill();
        epochs.push(again.latest_cursor.parse::<Cursor>().unwrap().epoch);
    }
    epochs.sort_by_key(|epoch| epoch.0);
    epochs.dedup();
    assert_eq!(epochs.len(), 6, "each start with the option creates a new epoch");
}
