//! Log lines of the real program: they hold up nothing, and none is missing at the end.

mod support;

use rustix::process::Signal;
use support::*;
use tempfile::TempDir;

/// At level `trace` they make more lines than are queued, and a hundred times what a pipe holds.
const CALLBACKS: usize = 1000;

#[tokio::test]
async fn nobody_has_to_read_the_log() {
    let dir = TempDir::new().unwrap();
    let (gateway, unread) = Process::start_unread(
        program()
            .args(serve_args(dir.path()))
            .args(["--drain-delay", "0s"])
            .env("CALLBACK_GATEWAY_LOG_LEVEL", "trace"),
    );
    let mut http = Http::connect(gateway.addresses.http).await;
    for number in 0..CALLBACKS {
        assert!(http.post("A.B", "{}").await.is_stored());
        assert_eq!(http.post("A.B", "no").await.status, 400, "{number}");
    }
    assert_eq!(get(gateway.addresses.admin, "/readyz").await.body, "ready\n");
    assert_eq!(all_events(&mut gateway.client().await).await.len(), CALLBACKS);
    gateway.signal(Signal::TERM);
    let (status, _) = gateway.ended().await;
    assert!(status.success(), "{status}");
    drop(unread);
}

#[tokio::test]
async fn what_was_logged_before_the_end_is_written_whatever_the_end_is() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &["--drain-delay", "0s"]);
    let refused = program().args(serve_args(dir.path())).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "its directory is in use");
    let lines = String::from_utf8(refused.stderr).unwrap();
    let (logged, error) = lines.trim_end().rsplit_once('\n').unwrap();
    assert!(logged.contains("are taken unsigned") && error.starts_with("error: "), "{lines}");

    gateway.signal(Signal::TERM);
    let (_, log) = gateway.ended().await;
    assert!(log.last().unwrap().contains("drained"), "{log:#?}");
}
