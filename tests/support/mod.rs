//! What the tests share: a gateway in this process or as the real program, an
//! HTTP client that is under the test's control byte by byte, and a subscriber.

#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

pub mod certificates;
pub mod child;
#[cfg(feature = "external-tools")]
pub mod envoy;
pub mod nats;
pub mod proxy;
pub mod scripted_log;
pub mod tools;

use std::{
    io::{BufRead as _, BufReader, Lines},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use callback_gateway::testing::{access::Access, callback::signature::Tokens, log::EventLog};
use callback_gateway::{
    app::{Addresses, App, RunError},
    config::{Config, LogKind, Settings},
};
use imcallback::{
    Event, SubscribeRequest, SubscribeResponse, event_service_client::EventServiceClient,
    subscribe_request::Start, subscribe_response::Frame,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tonic::{Status, Streaming, transport::Channel};

/// Longer than anything waited for takes, also on a busy machine; a test that
/// reaches it hangs.
pub const HANG: Duration = Duration::from_secs(60);

pub const APP_ID: u32 = 1_400_000_000;
pub const OK_PACKET: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// The request packets of the vendor's pages, byte for byte.
pub const FRIEND_ADD: &str = include_str!("friend_add.json");
pub const BLACK_LIST_ADD: &str = include_str!("black_list_add.json");

/// Waits for something that is sure to happen.
pub async fn soon<F: Future>(what: F) -> F::Output {
    timeout(HANG, what).await.expect("it did not happen in time")
}

/// Time between two looks of [`eventually`].
pub const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Looks again and again until there is something. For what no event tells, such as a metric or another program's state.
pub async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    soon(async {
        loop {
            looks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    })
    .await
}

/// The settings of a test's gateway: the program's defaults, but free ports and a short drain delay.
pub fn settings(data_dir: &Path) -> Settings {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Settings {
        sdk_app_ids: vec![APP_ID],
        tokens: Tokens::default(),
        signature_window: Duration::from_secs(60),
        duplicate_window: Duration::from_secs(600),
        allow_unsigned: false,
        log: LogKind::Disk,
        data_dir: data_dir.to_owned(),
        memory_bytes: 64 << 20,
        retention_age: Some(Duration::from_secs(7 * 24 * 60 * 60)),
        retention_bytes: Some(10 << 30),
        retention_count: None,
        new_epoch: false,
        set_aside_damaged: true,
        index: true,
        nats: Default::default(),
        replica_name: "test".to_owned(),
        http_listen: any,
        grpc_listen: any,
        admin_listen: any,
        http_tls: None,
        grpc_tls: None,
        grpc_access: Access::default(),
        grpc_open: false,
        http_path: "/".to_owned(),
        http_body_limit: 1 << 20,
        http_max_connections: 4096,
        http_idle_timeout: Duration::from_secs(75),
        grpc_max_connections: 1024,
        max_streams: 5000,
        stall_timeout: Duration::from_secs(300),
        max_stream_age: Duration::ZERO,
        grpc_keepalive_interval: Duration::from_secs(30),
        grpc_keepalive_timeout: Duration::from_secs(20),
        trace_endpoint: None,
        trace_sample_ratio: 0.01,
        drain_delay: Duration::from_millis(100),
        drain_timeout: Duration::from_secs(20),
    }
}

/// A gateway in this process.
pub struct Gateway {
    pub addresses: Addresses,
    shutdown: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Gateway {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut settings = settings(&dir.path().join("data"));
        change(&mut settings);
        Self::run(App::bind(Config::new(settings).unwrap()).await.unwrap(), Some(dir))
    }

    pub async fn start_in(data_dir: &Path) -> Self {
        Self::start_in_with(data_dir, |_| {}).await
    }

    pub async fn start_in_with(data_dir: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(data_dir);
        change(&mut settings);
        Self::run(App::bind(Config::new(settings).unwrap()).await.unwrap(), None)
    }

    pub async fn start_over(log: Arc<dyn EventLog>) -> Self {
        Self::start_over_with(log, |_| {}).await
    }

    pub async fn start_over_with(log: Arc<dyn EventLog>, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(Path::new("unused"));
        change(&mut settings);
        Self::run(App::bind_with_log(Config::new(settings).unwrap(), log).await.unwrap(), None)
    }

    fn run(app: App, dir: Option<TempDir>) -> Self {
        let addresses = app.addresses();
        let (shutdown, at_shutdown) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // It goes when the gateway has ended: one that still runs would make files anew in it.
            let _dir = dir;
            app.run(async {
                at_shutdown.await.ok();
            })
            .await
        });
        Self { addresses, shutdown: Some(shutdown), task }
    }

    pub fn begin_shutdown(&mut self) {
        self.shutdown.take().expect("shut down once").send(()).expect("the gateway runs");
    }

    /// Drains it and waits for its end.
    pub async fn stop(mut self) {
        if self.shutdown.is_some() {
            self.begin_shutdown();
        }
        soon(&mut self.task).await.unwrap().unwrap();
    }

    pub async fn client(&self) -> EventServiceClient<Channel> {
        client(self.addresses.grpc).await
    }

    pub async fn post(&self, command: &str, body: &str) -> Answer {
        Http::connect(self.addresses.http).await.post(command, body).await
    }
}

/// The real program.
pub struct Process {
    pub addresses: Addresses,
    pub child: Child,
    log: Arc<watch::Sender<Vec<String>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_callback-gateway"))
}

/// Arguments of `serve` with free ports.
pub fn serve_args(data_dir: &Path) -> Vec<String> {
    let app_id = APP_ID.to_string();
    let data_dir = data_dir.to_str().unwrap();
    let any = "127.0.0.1:0";
    let args = [
        "serve",
        "--sdk-app-id",
        &app_id,
        "--data-dir",
        data_dir,
        "--http-listen",
        any,
        "--grpc-listen",
        any,
        "--admin-listen",
        any,
    ];
    args.map(str::to_owned).to_vec()
}

impl Process {
    pub fn serve(data_dir: &Path, more: &[&str]) -> Self {
        Self::start(program().args(serve_args(data_dir)).args(more))
    }

    /// Starts it and waits for its log line that says where it listens.
    pub fn start(command: &mut Command) -> Self {
        let (mut process, lines) = Self::start_unread(command);
        let sink = Arc::clone(&process.log);
        process.reader = Some(std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.send_modify(|log| log.push(line));
            }
        }));
        process
    }

    /// The same, but what follows that line is left to the caller to read.
    pub fn start_unread(command: &mut Command) -> (Self, Lines<BufReader<ChildStderr>>) {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let addresses = loop {
            let Some(line) = lines.next().transpose().unwrap() else {
                panic!("the gateway did not start: {:?}\n{}", child.wait(), log.join("\n"));
            };
            let json: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            log.push(line);
            if json["message"] == "ready" {
                let address = |name: &str| json[name].as_str().unwrap().parse().unwrap();
                break Addresses { http: address("http"), grpc: address("grpc"), admin: address("admin") };
            }
        };
        let log = Arc::new(watch::Sender::new(log));
        (Self { addresses, child, log, reader: None }, lines)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for a log line with this message.
    pub async fn line(&self, message: &str) -> serde_json::Value {
        self.nth_line(0, |line| line["message"] == message).await
    }

    /// Waits for the log line, from 0, of those that are wanted.
    pub async fn nth_line(
        &self,
        nth: usize,
        is_wanted: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        let find = |log: &Vec<String>| {
            let lines = log.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            lines.filter(&is_wanted).nth(nth)
        };
        let mut log = self.log.subscribe();
        let log = soon(log.wait_for(|log| find(log).is_some())).await.unwrap();
        find(&log).expect("it was just there")
    }

    /// Waits for its own end; gives its log lines too.
    pub async fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let ended = tokio::task::spawn_blocking(move || {
            let status = self.child.wait().unwrap();
            if let Some(reader) = self.reader.take() {
                reader.join().unwrap();
            }
            let log = self.log.borrow().clone();
            (status, log)
        });
        soon(ended).await.unwrap()
    }

    pub async fn client(&self) -> EventServiceClient<Channel> {
        client(self.addresses.grpc).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// An answer of the HTTP front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The first answer in these bytes, once it is complete, and what follows it.
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let head_len = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(bytes[..head_len].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            })
            .unwrap_or(0);
        let body = bytes.get(head_len..head_len + length)?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Some((Self { status, head, body }, &bytes[head_len + length..]))
    }

    pub fn is_stored(&self) -> bool {
        self.status == 200 && self.body == OK_PACKET
    }

    /// The text of a FAIL packet.
    pub fn error_info(&self) -> String {
        let packet: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(packet["ActionStatus"], "FAIL", "{self:?}");
        assert_eq!(packet["ErrorCode"], 1, "{self:?}");
        packet["ErrorInfo"].as_str().unwrap().to_owned()
    }

    /// Whether the server closes the connection after it.
    pub fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nconnection: close")
    }
}

/// One connection to the HTTP front.
pub struct Http {
    pub stream: TcpStream,
}

pub fn query(command: &str) -> String {
    format!("SdkAppid={APP_ID}&CallbackCommand={command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS")
}

pub fn request(command: &str, body: &str) -> String {
    format!(
        "POST /?{} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        query(command),
        body.len()
    )
}

impl Http {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Posts a callback and reads the answer.
    pub async fn post(&mut self, command: &str, body: &str) -> Answer {
        self.try_post(command, body).await.expect("an answer")
    }

    /// The same, where the connection may break.
    pub async fn try_post(&mut self, command: &str, body: &str) -> std::io::Result<Answer> {
        self.stream.write_all(request(command, body).as_bytes()).await?;
        self.try_answer().await
    }

    pub async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("an answer")
    }

    /// Reads one answer.
    pub async fn try_answer(&mut self) -> std::io::Result<Answer> {
        soon(async {
            let mut bytes = Vec::new();
            loop {
                if let Some((answer, rest)) = Answer::parse(&bytes) {
                    assert!(rest.is_empty(), "one answer at a time");
                    return Ok(answer);
                }
                if self.stream.read_buf(&mut bytes).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
        })
        .await
    }

    /// Reads so many answers to requests that were sent at once.
    pub async fn answers(&mut self, count: usize) -> Vec<Answer> {
        let mut bytes = Vec::new();
        let mut answers = Vec::new();
        while answers.len() < count {
            assert!(self.stream.read_buf(&mut bytes).await.unwrap() > 0, "an answer to each");
            while let Some((answer, rest)) = Answer::parse(&bytes) {
                answers.push(answer);
                bytes = rest.to_vec();
            }
        }
        answers
    }

    /// Waits until the server closes the connection; gives what it sent before.
    pub async fn closed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match soon(self.stream.read_to_end(&mut bytes)).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        bytes
    }
}

/// Waits until a gateway answers with this status whether it is ready.
pub async fn until_ready_is(admin: SocketAddr, status: u16) {
    eventually(async || (get(admin, "/readyz").await.status == status).then_some(())).await;
}

/// A GET on the admin listener.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut http = Http::connect(address).await;
    http.send(format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n")).await;
    http.answer().await
}

pub async fn client(address: SocketAddr) -> EventServiceClient<Channel> {
    soon(EventServiceClient::connect(format!("http://{address}"))).await.unwrap()
}

pub fn earliest() -> SubscribeRequest {
    SubscribeRequest { start: Some(Start::Earliest(Default::default())), ..Default::default() }
}

pub fn latest() -> SubscribeRequest {
    SubscribeRequest { start: Some(Start::Latest(Default::default())), ..Default::default() }
}

pub fn after(cursor: &str) -> SubscribeRequest {
    SubscribeRequest { start: Some(Start::AfterCursor(cursor.to_owned())), ..Default::default() }
}

/// A stream of frames.
pub struct Subscriber {
    frames: Streaming<SubscribeResponse>,
}

impl Subscriber {
    /// Subscribes; the first frame, `subscribed`, is checked and given too.
    pub async fn open(
        client: &mut EventServiceClient<Channel>,
        request: SubscribeRequest,
    ) -> Result<(Self, imcallback::Subscribed), Status> {
        let frames = soon(client.subscribe(request)).await?.into_inner();
        let mut subscriber = Self { frames };
        let Frame::Subscribed(subscribed) = subscriber.frame().await? else {
            panic!("the first frame is `subscribed`")
        };
        Ok((subscriber, subscribed))
    }

    pub async fn frame(&mut self) -> Result<Frame, Status> {
        let response = soon(self.frames.message()).await?.expect("a stream ends with a status");
        Ok(response.frame.expect("a frame of a known kind"))
    }

    /// The next event; heartbeats and `caught_up` are passed over.
    pub async fn event(&mut self) -> Result<Event, Status> {
        // Heartbeats would go on for ever.
        soon(async {
            loop {
                match self.frame().await? {
                    Frame::Event(event) => return Ok(event),
                    Frame::Heartbeat(_) | Frame::CaughtUp(_) => {}
                    frame => panic!("unexpected {frame:?}"),
                }
            }
        })
        .await
    }

    /// Events up to and with the first for which `last` says so.
    pub async fn events_until(&mut self, mut last: impl FnMut(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await.unwrap();
            let done = last(&event);
            events.push(event);
            if done {
                return events;
            }
        }
    }

    /// Reads from the event `next` up to the event `last`, or to its end; checks that no
    /// event is missing that no gap tells of.
    pub async fn read_slowly(&mut self, mut next: u64, last: u64) -> ReadSlowly {
        let mut gaps = 0;
        while next <= last {
            match self.frame().await {
                Ok(Frame::Event(event)) => {
                    assert_eq!(event.sequence, next, "in order, without a hole that is not told");
                    next += 1;
                }
                Ok(Frame::Gap(gap)) => {
                    assert_eq!(gap.first_missing_sequence, next);
                    assert!(gap.last_missing_sequence >= next);
                    next = gap.last_missing_sequence + 1;
                    gaps += 1;
                }
                Ok(_) => {}
                Err(status) => return ReadSlowly { next, gaps, status: Some(status) },
            }
        }
        ReadSlowly { next, gaps, status: None }
    }
}

/// What a slow subscriber saw.
#[derive(Debug)]
pub struct ReadSlowly {
    /// The event that would have come next.
    pub next: u64,
    /// Gaps that it was told of.
    pub gaps: usize,
    /// The end of its stream, if that came first.
    pub status: Option<Status>,
}

/// The events that a subscription gives until it has caught up, with raw bodies.
pub async fn read(client: &mut EventServiceClient<Channel>, request: SubscribeRequest) -> Vec<Event> {
    let request = SubscribeRequest { include_raw_body: true, ..request };
    let (mut subscriber, _) = Subscriber::open(client, request).await.unwrap();
    let mut events = Vec::new();
    loop {
        match subscriber.frame().await.unwrap() {
            Frame::Event(event) => events.push(event),
            Frame::CaughtUp(_) => return events,
            frame => panic!("unexpected {frame:?}"),
        }
    }
}

/// All events of a gateway's log, in order, with raw bodies.
pub async fn all_events(client: &mut EventServiceClient<Channel>) -> Vec<Event> {
    read(client, earliest()).await
}

/// The reason in a status' `google.rpc.ErrorInfo`, whose domain is checked.
pub fn reason(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    let info = status.get_details_error_info().expect("an error carries ErrorInfo");
    assert_eq!(info.domain, "imcallback.v1");
    info.reason
}

/// A time as one number, to compare.
pub fn nanos(time: Option<imcallback::well_known::Timestamp>) -> i128 {
    let time = time.expect("a time");
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

/// Whether `./scripts/test` could not get this, and said so.
pub fn is_without(what: &str) -> bool {
    let without = std::env::var("CALLBACK_GATEWAY_TESTS_WITHOUT").unwrap_or_default();
    without.split(',').any(|one| one == what)
}

/// The directory of this package.
pub fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
