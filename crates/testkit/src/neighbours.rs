//! The real program with good clients beside an attack: a subscriber and a source of callbacks, neither of which may
//! suffer from what others do.

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
/// Memory of the program, in KiB, at its peak. In a debug build a connection takes twice as much as in a release build.
const MAX_MEMORY: u64 = 200 * 1024;

/// Crowds use up the files of this process and the ports of this machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The program with tokens for gRPC.
pub struct Town {
    pub gateway: Process,
    _dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Town {
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

    /// Runs an attack while a good subscriber and a good source of callbacks go on, each on a connection that was
    /// there before it; at its end both also work on new ones. Callbacks are stored, which the gateway refuses to do after
    /// 1.8 s, the subscriber gets them all, and memory stays low.
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

    /// Sees that a new source of callbacks and a new subscriber are served. Gives after what time the first was.
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

    /// Its peak, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The value of a metric, with its labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = get(self.gateway.addresses.admin, "/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix("callback_gateway_")?.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no metric {name}")).trim().parse().unwrap()
    }

    /// Waits for a metric's value.
    pub async fn until_metric(&self, name: &str, is_wanted: impl Fn(u64) -> bool) {
        eventually(async || is_wanted(self.metric(name).await).then_some(())).await;
    }

    /// Ends it; gives its log lines.
    pub async fn stop(self) -> Vec<String> {
        self.gateway.signal(rustix::process::Signal::TERM);
        self.ended().await
    }

    /// Waits for its end; gives its log lines.
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

/// Reads a stream's frames up to the next event.
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

/// So many connections, or as many as this process can have: both it and the program need some more files.
pub fn crowd(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
    limit.map_or(wanted, |limit| wanted.min(limit as usize - 500))
}
