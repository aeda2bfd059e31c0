//! Log lines of the real program: they block nothing, and none is missing at the end.

use std::io::Write as _;

use crate::support::*;
use imcallback::ListEventsRequest;
use rustix::process::Signal;
use tempfile::TempDir;

/// Many times the capacity of the pipe and the queue of lines.
const ROUNDS: usize = 100;

#[tokio::test]
async fn the_gateway_works_while_its_log_is_not_read() {
    let dir = TempDir::new().unwrap();
    let (gateway, unread) = Process::start_unread(
        program()
            .args(serve_args(dir.path()))
            .args(["--drain-delay", "0s"])
            .env("CALLBACK_GATEWAY_LOG_LEVEL", "trace"),
    );
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut client = gateway.client().await;
    let mut stored = 0;
    // At this level each gRPC call writes dozens of lines. First the pipe is full, then the queue of
    // lines, and then lines are lost.
    let mut fill = async |callbacks: usize| {
        for _ in 0..callbacks {
            assert!(http.post("A.B", "{}").await.is_stored());
            soon(client.list_events(ListEventsRequest { page_size: 1, ..Default::default() })).await.unwrap();
        }
        callbacks
    };
    for _ in 0..ROUNDS {
        stored += fill(100).await;
        if lost_lines(&gateway).await > 0 {
            break;
        }
    }
    assert!(lost_lines(&gateway).await > 0, "the queue of lines is bounded, so lines were lost");
    stored += fill(100).await;
    assert_eq!(get(gateway.addresses.admin, "/readyz").await.body, "ready\n");
    assert_eq!(all_events(&mut gateway.client().await).await.len(), stored);
    drop(client);
    gateway.signal(Signal::TERM);
    let (status, _) = gateway.ended().await;
    assert!(status.success(), "{status}");
    drop(unread);
}

async fn lost_lines(gateway: &Process) -> u64 {
    let metrics = get(gateway.addresses.admin, "/metrics").await.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("callback_gateway_log_lines_lost_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_was_logged_before_the_end_is_written_whatever_the_end_is() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &["--drain-delay", "0s"]);
    let refused = program().args(serve_args(dir.path())).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "the data directory is in use");
    let lines = String::from_utf8(refused.stderr).unwrap();
    let (logged, error) = lines.trim_end().rsplit_once('\n').unwrap();
    assert!(logged.contains("are accepted unsigned") && error.starts_with("error: "), "{lines}");

    gateway.signal(Signal::TERM);
    let (_, log) = gateway.ended().await;
    assert!(log.last().unwrap().contains("drained"), "{log:#?}");
}

/// Standard output and error are one pipe, as under a supervisor, and the pipe is not read.
#[tokio::test]
async fn a_pipe_that_is_not_read_does_not_prevent_the_exit() {
    let dir = TempDir::new().unwrap();
    let first = Process::serve(&dir.path().join("data"), &["--drain-delay", "0s"]);
    let (reader, writer) = std::io::pipe().unwrap();
    // The pipe is full: every write to it blocks.
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).unwrap();
    while (&writer).write(&[b'x'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).unwrap();
    // This gateway cannot start: its data directory is in use.
    let mut command = program();
    command.args(serve_args(&dir.path().join("data")));
    command.stdout(writer.try_clone().unwrap()).stderr(writer).env("CALLBACK_GATEWAY_LOG_LEVEL", "trace");
    let mut child = command.spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert_eq!(soon(ended).await.unwrap().code(), Some(1));
    drop((reader, first));
}
