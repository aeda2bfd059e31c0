//! The real program with well-behaved clients during an attack: a subscriber and a source of callbacks,
//! which must not be affected by other clients.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use imcallback::subscribe_response::Frame;
use imcallback::{SubscribeRequest, SubscribeResponse, event_service_client::EventServiceClient};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tonic::{Request, Status, Streaming, transport::Channel};

use crate::{Http, Process, client, earliest, eventually, get, soon};

pub const TOKEN: &str = "reader-reader-reader";
/// Limit on the peak memory of the program, in KiB. In a debug build a connection takes twice as much as
/// in a release build.
const MAX_MEMORY: u64 = 200 * 1024;

/// Many connections exhaust the file descriptors of this process and the ports of this machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The real program with gRPC tokens, as the target of an attack.
pub struct Target {
    pub gateway: Process,
    _dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Target {
    pub async fn start(more: &[&str]) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let dir = TempDir::new().unwrap();
        let tokens = dir.path().join("tokens");
        std::fs::write(&tokens, format!("reader {TOKEN} events\noperator operator-operator admin\n"))
            .unwrap();
        let tokens = format!("--grpc-tokens-file={}", tokens.display());
        let more = [&[tokens.as_str(), "--drain-delay=0s"], more].concat();
        let gateway = Process::serve(&dir.path().join("data"), &more);
        Self { gateway, _dir: dir, _turn: turn }
    }

    pub async fn client(&self) -> EventServiceClient<Channel> {
        client(self.gateway.addresses.grpc).await
    }

    /// Opens a stream with the token.
    pub async fn subscribe(&self) -> Result<Streaming<SubscribeResponse>, Status> {
        Ok(soon(self.client().await.subscribe(with_token(earliest()))).await?.into_inner())
    }

    /// Runs an attack while a subscriber and a source of callbacks continue on existing connections.
    /// Afterwards both must also work on new connections. Checks that every callback is stored, which
    /// the gateway refuses after 1.8 s, that the subscriber receives all of them, and that memory stays
    /// low.
    pub async fn beside<T>(&self, attack: impl Future<Output = T>) -> T {
        let mut http = Http::connect(self.gateway.addresses.http).await;
        let mut stream = self.subscribe().await.unwrap();
        let is_over = AtomicBool::new(false);
        let good = async {
            let mut worst = [Duration::ZERO; 2];
            let mut rounds = 0_u32;
            while rounds == 0 || !is_over.load(Ordering::SeqCst) {
                let started = Instant::now();
                assert!(http.post("A.B", "{}").await.is_stored());
                worst[0] = worst[0].max(started.elapsed());
                event(&mut stream).await;
                worst[1] = worst[1].max(started.elapsed());
                rounds += 1;
            }
            for listener in ["http", "grpc"] {
                let open = format!("connections{{listener=\"{listener}\",state=\"authenticated\"}}");
                assert!(self.metric(&open).await >= 1, "{open}");
            }
            (worst, rounds)
        };
        let attack = async {
            let outcome = attack.await;
            is_over.store(true, Ordering::SeqCst);
            outcome
        };
        let (outcome, ([answer, delivery], rounds)) = tokio::join!(attack, good);
        let memory = self.memory();
        println!(
            "{rounds} callbacks beside it; at worst answered after {answer:?}, delivered after {delivery:?}; {memory} KiB"
        );
        assert!(memory < MAX_MEMORY, "{memory} KiB");
        self.newcomers_work().await;
        outcome
    }

    /// Checks that a new source of callbacks and a new subscriber are served. Returns the time until the
    /// answer.
    pub async fn newcomers_work(&self) -> Duration {
        let started = Instant::now();
        let mut http = Http::connect(self.gateway.addresses.http).await;
        assert!(http.post("A.B", "{}").await.is_stored());
        let answer = started.elapsed();
        event(&mut self.subscribe().await.unwrap()).await;
        println!(
            "a new source is answered after {answer:?}, a new subscriber gets an event after {:?}",
            started.elapsed()
        );
        answer
    }

    /// Returns the peak memory, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Returns the value of a metric. The name includes the labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = get(self.gateway.addresses.admin, "/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix("callback_gateway_")?.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no metric {name}")).trim().parse().unwrap()
    }

    /// Waits until a metric has a wanted value.
    pub async fn until_metric(&self, name: &str, is_wanted: impl Fn(u64) -> bool) {
        eventually(async || is_wanted(self.metric(name).await).then_some(())).await;
    }

    /// Stops it. Returns its log lines.
    pub async fn stop(self) -> Vec<String> {
        self.gateway.signal(rustix::process::Signal::TERM);
        self.ended().await
    }

    /// Waits for its end. Returns its log lines.
    pub async fn ended(self) -> Vec<String> {
        let (status, log) = self.gateway.ended().await;
        assert!(status.success(), "{status}");
        assert!(!log.iter().any(|line| line.contains("panicked")), "{log:#?}");
        log
    }
}

pub fn with_token(request: SubscribeRequest) -> Request<SubscribeRequest> {
    let mut request = Request::new(request);
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    request
}

/// Reads the frames of a stream up to the next event.
pub async fn event(stream: &mut Streaming<SubscribeResponse>) {
    soon(async {
        loop {
            let frame = stream.message().await.unwrap().expect("a stream ends with a status").frame;
            if matches!(frame, Some(Frame::Event(_))) {
                return;
            }
        }
    })
    .await;
}

/// Returns this number of connections, or the most that this process can have: it and the program need
/// some other files.
pub fn crowd(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
    limit.map_or(wanted, |limit| wanted.min(limit as usize - 500))
}
