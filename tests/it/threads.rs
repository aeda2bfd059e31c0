//! A system that cannot create more threads. A preloaded library simulates it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use imcallback::{EventFilter, ListEventsRequest};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::{child::Running, *};

/// Limits the number of concurrent threads to the one in the environment, and creates none while a file
/// exists.
const NO_THREADS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int threads;

struct work {
    void *(*start)(void *);
    void *arg;
};

static void *run(void *arg) {
    struct work work = *(struct work *)arg;
    free(arg);
    void *result = work.start(work.arg);
    atomic_fetch_sub(&threads, 1);
    return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    const char *most = getenv("TEST_THREADS");
    if (access(getenv("TEST_NO_THREADS"), F_OK) == 0)
        return EAGAIN;
    if (atomic_fetch_add(&threads, 1) >= (most ? atoi(most) : 1000)) {
        atomic_fetch_sub(&threads, 1);
        return EAGAIN;
    }
    struct work *work = malloc(sizeof *work);
    *work = (struct work){start, arg};
    return real(thread, attr, run, work);
}
"#;

struct NoThreads {
    dir: TempDir,
}

impl NoThreads {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let no_threads = Self { dir };
        let source = no_threads.dir.path().join("no_threads.c");
        fs::write(&source, NO_THREADS).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&no_threads.library(), &source])
            .arg("-ldl")
            .status();
        assert!(built.expect("this test needs a C compiler").success());
        no_threads
    }

    fn library(&self) -> PathBuf {
        self.dir.path().join("no_threads.so")
    }

    /// Returns the file that prevents new threads while it exists.
    fn flag(&self) -> PathBuf {
        self.dir.path().join("no-threads")
    }

    fn serve(&self, data_dir: &Path) -> Command {
        let mut command = program();
        command
            .args(serve_args(data_dir))
            // So little memory that events are read from the disk.
            .args(["--memory=4KiB", "--drain-delay=0s"])
            .env("LD_PRELOAD", self.library())
            .env("TEST_NO_THREADS", self.flag());
        command
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_gets_no_more_threads_reads_reloads_and_ends() {
    let (no_threads, dir) = (NoThreads::new(), TempDir::new().unwrap());
    let gateway = Process::start(&mut no_threads.serve(dir.path()));
    fs::write(no_threads.flag(), "").unwrap();
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 0..300 {
        assert!(http.post("A.B", &format!(r#"{{"n":{n}}}"#)).await.is_stored());
    }
    // Reads from the disk, with more readers than there are threads.
    let mut client = gateway.client().await;
    let reads = (0..8).map(|_| {
        let mut client = client.clone();
        async move { all_events(&mut client).await.len() }
    });
    assert_eq!(futures_util::future::join_all(reads).await, [300; 8]);
    let filter = EventFilter { accounts: vec!["nobody".to_owned()], ..Default::default() };
    let request = ListEventsRequest { filter: Some(filter), ..Default::default() };
    assert!(soon(client.list_events(request)).await.unwrap().into_inner().events.is_empty());
    let metrics = get(gateway.addresses.admin, "/metrics").await.body;
    assert!(metrics.contains("\ncallback_gateway_scrape_complete 1\n"), "{metrics}");
    gateway.signal(Signal::HUP);
    gateway.line("the configuration was reloaded").await;
    gateway.signal(Signal::TERM);
    let (status, log) = gateway.ended().await;
    assert!(status.success() && !log.iter().any(|line| line.contains("panicked")), "{log:?}");
}

/// Checks the failure of each thread that the gateway starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_does_not_get_its_threads_does_not_start() {
    let (no_threads, dir) = (NoThreads::new(), TempDir::new().unwrap());
    let mut threads = 0;
    loop {
        let mut command = no_threads.serve(&dir.path().join(threads.to_string()));
        command.env("TEST_THREADS", threads.to_string());
        // Wait until it is ready or ends.
        command.args(["--ready-file", dir.path().join("ready").to_str().unwrap()]);
        let mut child = Running(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let ended = eventually(async || match child.0.try_wait().unwrap() {
            Some(status) => Some(Some(status)),
            None => dir.path().join("ready").exists().then_some(None),
        });
        let Some(status) = ended.await else { break };
        assert_eq!(status.code(), Some(1), "{threads} threads");
        threads += 1;
    }
    assert!(threads > 5, "the gateway started with only {threads} threads allowed");
}
