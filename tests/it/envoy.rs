//! Through a real Envoy, configured as in meshes and ingresses: effects of its timeouts, retries and
//! endpoint changes on streams and callbacks.

use std::{
    io::BufRead as _,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::support::people::Relay;
use crate::support::{
    certificates::{Authority, write},
    envoy::{Envoy, EnvoyListener, Tls},
    nats::Nats,
    *,
};
use callback_gateway::testing::{callback::signature::Token, event::Timestamp};
use callback_gateway_client::{Cause, Client, Interruption, Item};
use imcallback::{
    ListEventsRequest, SubscribeRequest, SubscribeResponse, event_service_client::EventServiceClient,
    subscribe_request::Start, subscribe_response::Frame,
};
use rustix::process::Signal;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;
use tonic::{
    Code, Status, Streaming,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt as _;

/// Body of the first event of a test that has one.
const FIRST: &str = r#"{"first":true}"#;
/// Body of the last event.
const LAST: &str = r#"{"last":true}"#;

/// Istio's default retry policy for routes.
fn default_retries() -> Value {
    json!({
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "num_retries": 2,
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            },
        }],
        "host_selection_retry_max_attempts": 5,
    })
}

/// The retry policy for callbacks in docs/deployment.md, with a different duration.
fn callback_retries() -> Value {
    json!({
        "retry_on": "connect-failure,reset,retriable-status-codes",
        "retriable_status_codes": [503],
        "num_retries": 1000,
        "retry_back_off": { "base_interval": "0.025s", "max_interval": "0.1s" },
    })
}

/// Envoy's default allows only three concurrent retries.
fn retries_at_once() -> Value {
    json!({ "circuit_breakers": { "thresholds": [{ "max_retries": 1000 }] } })
}

/// End of a stream.
#[derive(Debug)]
struct Ending {
    /// Set if the gateway sent `going_away` first.
    announced: bool,
    /// `None` if the stream ended without a status, as when a proxy resets it without an error.
    status: Option<Status>,
}

impl Ending {
    /// Returns whether the gateway ended the stream for this reason.
    fn is_ours(&self, wanted: &str) -> bool {
        let Some(status) = &self.status else { return false };
        let retry = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        self.announced && status.code() == Code::Unavailable && retry.is_some() && reason(status) == wanted
    }

    /// Returns whether the proxy ended the stream: it has no reason of a gateway.
    fn is_foreign(&self) -> bool {
        let status = self.status.as_ref();
        !self.announced && status.is_none_or(|status| status.get_details_error_info().is_none())
    }
}

/// Follows the log as a service does: whenever its stream ends, it resumes after the last cursor.
struct Consumer {
    client: EventServiceClient<Channel>,
    request: SubscribeRequest,
    frames: Option<Streaming<SubscribeResponse>>,
    announced: bool,
    endings: Vec<Ending>,
    /// Number of ends so far.
    ended: watch::Sender<usize>,
}

impl Consumer {
    async fn new(address: SocketAddr, request: SubscribeRequest) -> Self {
        let request = SubscribeRequest { include_raw_body: true, ..request };
        let client = client(address).await;
        let ended = watch::Sender::new(0);
        Self { client, request, frames: None, announced: false, endings: Vec::new(), ended }
    }

    /// Returns the next frame, of this stream or a later one.
    async fn frame(&mut self) -> Frame {
        let mut attempts = tokio::time::interval(LOOK_INTERVAL);
        soon(async {
            loop {
                let Some(frames) = &mut self.frames else {
                    attempts.tick().await;
                    match self.client.subscribe(self.request.clone()).await {
                        Ok(response) => self.frames = Some(response.into_inner()),
                        // The call failed before a stream began.
                        Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
                    }
                    continue;
                };
                let status = match frames.message().await {
                    Ok(Some(response)) => {
                        let frame = response.frame.expect("a frame of a known kind");
                        self.request.start = Some(Start::AfterCursor(cursor(&frame).to_owned()));
                        self.announced = matches!(frame, Frame::GoingAway(_));
                        return frame;
                    }
                    Ok(None) => None,
                    Err(status) => Some(status),
                };
                self.frames = None;
                self.endings.push(Ending { announced: self.announced, status });
                self.ended.send_replace(self.endings.len());
            }
        })
        .await
    }

    /// Reads up to the last event. Returns the bodies of the events before it.
    async fn bodies(&mut self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            match self.frame().await {
                Frame::Event(event) if event.raw_body == LAST => return bodies,
                Frame::Event(event) => bodies.push(event.raw_body),
                Frame::Gap(gap) => panic!("{gap:?}"),
                _ => {}
            }
        }
    }
}

fn cursor(frame: &Frame) -> &str {
    match frame {
        Frame::Subscribed(frame) => &frame.cursor,
        Frame::Event(frame) => &frame.cursor,
        Frame::Heartbeat(frame) => &frame.cursor,
        Frame::CaughtUp(frame) => &frame.cursor,
        Frame::GoingAway(frame) => &frame.cursor,
        Frame::FellBehind(frame) => &frame.cursor,
        Frame::Gap(frame) => &frame.cursor,
    }
}

/// Reads the output of a client until its last event or its end. Reports the first line that says that
/// its stream was cut.
fn lines_of(
    output: impl std::io::Read + Send + 'static,
    cut: mpsc::Sender<()>,
    says_cut: fn(&str) -> bool,
) -> JoinHandle<Vec<String>> {
    tokio::task::spawn_blocking(move || {
        let mut lines: Vec<String> = Vec::new();
        for line in std::io::BufReader::new(output).lines().map_while(Result::ok) {
            if says_cut(&line) && !lines.iter().any(|line| says_cut(line)) {
                cut.blocking_send(()).ok();
            }
            lines.push(line);
        }
        lines
    })
}

/// Runs three different clients whose streams the route cuts. Posts callbacks until each client's stream
/// was cut.
async fn every_client_goes_on_after_cuts(gateway: &Gateway, envoy: &Envoy, way: &str) {
    let address = envoy.address(way);
    let dir = TempDir::new().unwrap();
    let (cut, mut cuts) = mpsc::channel(3);
    let mut consumer = Consumer::new(address, earliest()).await;
    let mut ended = consumer.ended.subscribe();
    let consumer = tokio::spawn(async move { (consumer.bodies().await, consumer.endings) });
    // Clients need an event to resume after.
    assert!(gateway.post("A.B", FIRST).await.is_stored());
    let tail = ["tail", "--from", "earliest", "--raw"];
    let mut tail = people::command(address, &tail)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (seen, mut seen_by_tail) = mpsc::channel(1);
    let printed = lines_of(tail.stdout.take().unwrap(), seen, |line| line == LAST);
    let noticed = lines_of(tail.stderr.take().unwrap(), cut.clone(), |line| line.contains("reconnected"));
    let python = python::Python::new();
    let mut program = python.program("tests/programs/python_consumer.py");
    program.arg(address.to_string()).arg(dir.path().join("cursor")).arg(LAST);
    let mut child = program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let said = lines_of(child.stdout.take().unwrap(), cut, |line| line.contains("\"ended\""));

    let sender = Sender::start(gateway.addresses.http);
    soon(async {
        ended.wait_for(|&ended| ended >= 2).await.unwrap();
        for _ in 0..2 {
            cuts.recv().await.expect("a client ended before its stream was cut");
        }
    })
    .await;
    let mut posted = vec![FIRST.to_owned()];
    posted.extend(sender.stop().await);
    assert!(gateway.post("A.B", LAST).await.is_stored());

    let (seen, endings) = soon(consumer).await.unwrap();
    assert_eq!(seen, posted);
    assert!(endings.iter().all(Ending::is_foreign), "{endings:?}");
    posted.push(LAST.to_owned());
    soon(seen_by_tail.recv()).await.expect("tail ended early");
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert_eq!(soon(printed).await.unwrap(), posted, "{:?}", soon(noticed).await.unwrap());
    let said = soon(said).await.unwrap();
    assert!(child.wait().unwrap().success(), "{said:#?}");
    let said = said.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let bodies: Vec<_> = said.filter_map(|line| Some(line["body"].as_str()?.to_owned())).collect();
    assert_eq!(bodies, posted);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_the_routes_timeout_cuts_go_on_from_their_cursors() {
    let gateway = Gateway::start().await;
    let way = EnvoyListener::to_grpc(&[gateway.addresses.grpc]).route(json!({ "timeout": "1s" }));
    every_client_goes_on_after_cuts(&gateway, &Envoy::start(&[way]), "grpc").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_a_maximum_duration_cuts_go_on_from_their_cursors() {
    let gateway = Gateway::start().await;
    let longest = json!({ "max_stream_duration": { "max_stream_duration": "1s" } });
    let way = EnvoyListener::to_grpc(&[gateway.addresses.grpc]).route(longest);
    every_client_goes_on_after_cuts(&gateway, &Envoy::start(&[way]), "grpc").await;
    gateway.stop().await;
}

/// If the gateway's limit on stream age is below the proxy's, clients receive `going_away` before the
/// end.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_ends_streams_before_the_proxy_does() {
    let gateway = Gateway::start_with(|settings| settings.max_stream_age = Duration::from_secs(1)).await;
    let way = EnvoyListener::to_grpc(&[gateway.addresses.grpc]).route(
        json!({ "max_stream_duration": { "max_stream_duration": "30s" }, "retry_policy": default_retries() }),
    );
    let envoy = Envoy::start(&[way]);
    let mut consumer = Consumer::new(envoy.address("grpc"), earliest()).await;
    let mut ended = consumer.ended.subscribe();
    let consumer = tokio::spawn(async move { (consumer.bodies().await, consumer.endings) });
    let sender = Sender::start(gateway.addresses.http);
    soon(ended.wait_for(|&ended| ended >= 2)).await.unwrap();
    let posted = sender.stop().await;
    assert!(gateway.post("A.B", LAST).await.is_stored());
    let (seen, endings) = soon(consumer).await.unwrap();
    assert_eq!(seen, posted);
    assert!(endings.iter().all(|ending| ending.is_ours("STREAM_AGE_REACHED")), "{endings:?}");
    gateway.stop().await;
}

/// The stream with heartbeats outlives three timeouts of the proxy. The stream without heartbeats does
/// not outlive one.
#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_alone_keep_an_idle_stream_open_and_it_still_delivers() {
    let gateway = Gateway::start().await;
    let way =
        EnvoyListener::to_grpc(&[gateway.addresses.grpc]).manager(json!({ "stream_idle_timeout": "3s" }));
    let envoy = Envoy::start(&[way]);
    let heartbeat = |seconds| {
        let interval = Some(imcallback::well_known::Duration { seconds, nanos: 0 });
        SubscribeRequest { heartbeat_interval: interval, ..latest() }
    };
    let (mut often, mut rarely) = tokio::join!(
        Consumer::new(envoy.address("grpc"), heartbeat(1)),
        Consumer::new(envoy.address("grpc"), heartbeat(60))
    );
    let beats = async {
        let mut beats = 0;
        while beats < 10 {
            beats += usize::from(matches!(often.frame().await, Frame::Heartbeat(_)));
        }
    };
    // Its third stream begins after two cuts.
    let cuts = async {
        let mut begun = 0;
        while begun < 3 {
            begun += usize::from(matches!(rarely.frame().await, Frame::Subscribed(_)));
        }
    };
    tokio::join!(beats, cuts);
    assert!(gateway.post("A.B", FIRST).await.is_stored());
    assert!(gateway.post("A.B", LAST).await.is_stored());
    for consumer in [&mut often, &mut rarely] {
        assert_eq!(consumer.bodies().await, [FIRST]);
    }
    assert!(often.endings.is_empty(), "{:?}", often.endings);
    assert!(rarely.endings.iter().all(Ending::is_foreign), "{:?}", rarely.endings);
    gateway.stop().await;
}

/// Frames of a subscription of the library's client.
#[derive(Default, Clone)]
struct Followed {
    bodies: Vec<String>,
    interruptions: Vec<Interruption>,
}

/// Follows with the library's client until the last event.
fn follow(address: SocketAddr) -> watch::Receiver<Followed> {
    let request = SubscribeRequest { include_raw_body: true, ..earliest() };
    let mut subscription = Client::new(format!("http://{address}")).unwrap().subscribe(request);
    let (gives, followed) = watch::channel(Followed::default());
    tokio::spawn(async move {
        while !gives.borrow().bodies.iter().any(|body| body == LAST) {
            match subscription.next().await.unwrap() {
                Item::Frame(Frame::Event(event)) => {
                    gives.send_modify(|so_far| so_far.bodies.push(event.raw_body));
                }
                Item::Frame(Frame::Gap(gap)) => panic!("{gap:?}"),
                Item::Frame(_) => {}
                Item::Interrupted(interruption) => {
                    gives.send_modify(|so_far| so_far.interruptions.push(interruption));
                }
            }
        }
    });
    followed
}

/// A mesh ends a sidecar in this way: it drains, and open connections are cut after a while.
#[tokio::test(flavor = "multi_thread")]
async fn streams_go_on_while_their_proxy_drains_and_after_it_through_another() {
    let gateway = Gateway::start().await;
    let start = || {
        let way = EnvoyListener::to_grpc(&[gateway.addresses.grpc])
            .route(json!({ "retry_policy": default_retries() }));
        Envoy::start(&[way])
    };
    let (first, second) = (start(), start());
    let first_address = first.address("grpc");
    // Like a Service: an address that stays the same.
    let relay = Relay::start(first_address).await;
    let mut followed = follow(relay.address);
    let mut consumer = Consumer::new(relay.address, earliest()).await;
    assert!(matches!(consumer.frame().await, Frame::Subscribed(_)));
    let mut same_connection = consumer.client.clone();
    let mut ended = consumer.ended.subscribe();
    let consumer = tokio::spawn(async move { (consumer.bodies().await, consumer.endings) });
    let sender = Sender::start(gateway.addresses.http);
    soon(followed.wait_for(|so_far| so_far.bodies.len() >= 20)).await.unwrap();

    relay.lead_to(Some(second.address("grpc")));
    let connections = relay.accepted();
    first.drain();
    // With its next answer, Envoy tells the client not to use the connection for new calls. A call that
    // races with this is not sent and may fail. It can be retried.
    soon(async {
        while first.counter("http.grpc.downstream_cx_drain_close") == 0 || relay.accepted() == connections {
            if let Err(status) = same_connection.list_events(ListEventsRequest::default()).await {
                assert!(matches!(status.code(), Code::Cancelled | Code::Unavailable), "{status:?}");
                assert!(status.get_details_error_info().is_none(), "the gateway returned {status:?}");
            }
        }
        same_connection.list_events(ListEventsRequest::default()).await.unwrap();
    })
    .await;
    eventually(async || TcpStream::connect(first_address).await.err()).await;
    // Open streams continue.
    let so_far = followed.borrow().bodies.len();
    soon(followed.wait_for(|followed| followed.bodies.len() >= so_far + 20)).await.unwrap();
    assert!(followed.borrow().interruptions.is_empty(), "{:?}", followed.borrow().interruptions);
    assert_eq!(*ended.borrow(), 0);

    drop(first);
    soon(ended.wait_for(|&ended| ended > 0)).await.unwrap();
    sender.more(20).await;
    let mut posted = sender.stop().await;
    assert!(gateway.post("A.B", LAST).await.is_stored());
    let (seen, endings) = soon(consumer).await.unwrap();
    assert_eq!(seen, posted);
    assert!(endings.len() == 1 && endings[0].is_foreign(), "{endings:?}");
    posted.push(LAST.to_owned());
    let followed =
        soon(followed.wait_for(|so_far| so_far.bodies.ends_with(&[LAST.to_owned()]))).await.unwrap();
    assert_eq!(followed.bodies, posted);
    assert!(
        matches!(&followed.interruptions[..], [Interruption { cause: Cause::Status(_) | Cause::End, .. }]),
        "{:?}",
        followed.interruptions
    );
    drop(followed);
    gateway.stop().await;
}

/// Posts callbacks through the proxy until it is stopped. Returns the bodies. All of them were stored.
struct Sender {
    stop: Arc<AtomicBool>,
    /// Number of stored callbacks so far.
    stored: watch::Receiver<usize>,
    task: JoinHandle<Vec<String>>,
}

impl Sender {
    fn start(address: SocketAddr) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let (count, stored) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut http = Http::connect(address).await;
            let mut pace = tokio::time::interval(Duration::from_millis(10));
            let mut bodies = Vec::new();
            while !stopping.load(Ordering::Relaxed) {
                pace.tick().await;
                let body = format!("{{\"n\":{}}}", NEXT.fetch_add(1, Ordering::Relaxed));
                let answer = http.post("A.B", &body).await;
                assert!(answer.is_stored(), "{answer:?}");
                bodies.push(body);
                count.send_replace(bodies.len());
            }
            bodies
        });
        Self { stop, stored, task }
    }

    /// Waits until this many more are stored.
    async fn more(&self, count: usize) {
        let mut stored = self.stored.clone();
        let wanted = *stored.borrow() + count;
        soon(stored.wait_for(|&stored| stored >= wanted)).await.expect("all callbacks are accepted");
    }

    async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        soon(self.task).await.unwrap()
    }
}

async fn all_more(senders: &[Sender], count: usize) {
    for sender in senders {
        sender.more(count).await;
    }
}

async fn stop_all(senders: Vec<Sender>) -> Vec<String> {
    let mut bodies = Vec::new();
    for sender in senders {
        bodies.extend(sender.stop().await);
    }
    bodies.sort();
    bodies
}

/// Follows the steps of a Deployment's rolling update in Kubernetes and a mesh.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_refuses_no_callback_and_loses_no_event() {
    let nats = Nats::start();
    let url = nats.url();
    let dirs = [(); 3].map(|()| TempDir::new().unwrap());
    let serve = |dir: &TempDir| {
        let log = ["--log", "nats", "--nats-replicas", "1", "--nats-url", &url];
        Process::serve(dir.path(), &[&log[..], &["--drain-delay", "1s", "--drain-timeout", "20s"]].concat())
    };
    let (first, second) = (serve(&dirs[0]), serve(&dirs[1]));
    let both = |addresses: fn(&Process) -> SocketAddr| [addresses(&first), addresses(&second)];
    let envoy = Envoy::start(&[
        EnvoyListener::to_callbacks(&both(|gateway| gateway.addresses.http))
            .route(json!({ "retry_policy": callback_retries() }))
            .cluster(retries_at_once()),
        EnvoyListener::to_grpc(&both(|gateway| gateway.addresses.grpc))
            .route(json!({ "retry_policy": default_retries() }))
            .cluster(retries_at_once()),
    ]);
    let mut consumers = Vec::new();
    for _ in 0..6 {
        let mut consumer = Consumer::new(envoy.address("grpc"), earliest()).await;
        assert!(matches!(consumer.frame().await, Frame::Subscribed(_)));
        consumers.push(tokio::spawn(async move { (consumer.bodies().await, consumer.endings) }));
    }
    let senders: Vec<_> = (0..4).map(|_| Sender::start(envoy.address("callbacks"))).collect();
    all_more(&senders, 20).await;

    let third = serve(&dirs[2]);
    let left = [vec![second.addresses, third.addresses], vec![third.addresses]];
    for (old, left) in [first, second].into_iter().zip(left) {
        let (http, grpc): (Vec<_>, Vec<_>) = left.iter().map(|at| (at.http, at.grpc)).unzip();
        old.signal(Signal::TERM);
        // The gateway is no longer ready. The mesh learns this a little later.
        until_ready_is(old.addresses.admin, 503).await;
        all_more(&senders, 5).await;
        envoy.set_upstreams("callbacks", &http).await;
        let (exit, log) = old.ended().await;
        assert_eq!(exit.code(), Some(0), "{log:#?}");
        // It could be read to the end.
        all_more(&senders, 5).await;
        envoy.set_upstreams("grpc", &grpc).await;
    }
    all_more(&senders, 5).await;
    let stored = stop_all(senders).await;
    assert!(Http::connect(envoy.address("callbacks")).await.post("A.B", LAST).await.is_stored());

    let mut announced = 0;
    for consumer in consumers {
        let (mut seen, endings) = soon(consumer).await.unwrap();
        seen.sort();
        assert!(seen == stored, "{} seen, {} stored", seen.len(), stored.len());
        assert!(endings.iter().all(|ending| ending.is_ours("SHUTTING_DOWN")), "{endings:?}");
        announced += endings.len();
    }
    assert!(announced >= 6, "each stream was on a gateway that ended");
}

/// Starts the real program on the addresses and data of an earlier one.
fn serve_at(addresses: Addresses, dir: &Path) -> Process {
    let mut args = serve_args(dir);
    for (option, address) in [("--http-listen", addresses.http), ("--grpc-listen", addresses.grpc)] {
        let at = args.iter().position(|arg| arg == option).unwrap();
        args[at + 1] = address.to_string();
    }
    Process::start(program().args(args))
}

/// Restarts a single gateway in place. `scripts/upgrade-gap` measures the length of the gap.
#[tokio::test(flavor = "multi_thread")]
async fn retries_bridge_the_restart_of_the_only_gateway() {
    let dir = TempDir::new().unwrap();
    // No drain delay: the hardest case.
    let gateway = Process::serve(dir.path(), &["--drain-delay", "0s", "--drain-timeout", "20s"]);
    let addresses = gateway.addresses;
    let envoy = Envoy::start(&[
        EnvoyListener::to_callbacks(&[addresses.http])
            .route(json!({ "retry_policy": callback_retries() }))
            .cluster(retries_at_once()),
        EnvoyListener::to_grpc(&[addresses.grpc]).route(json!({ "retry_policy": default_retries() })),
    ]);
    let mut consumer = Consumer::new(envoy.address("grpc"), earliest()).await;
    assert!(matches!(consumer.frame().await, Frame::Subscribed(_)));
    let consumer = tokio::spawn(async move { (consumer.bodies().await, consumer.endings) });
    let senders: Vec<_> = (0..4).map(|_| Sender::start(envoy.address("callbacks"))).collect();
    all_more(&senders, 20).await;

    gateway.signal(Signal::TERM);
    let (exit, log) = gateway.ended().await;
    assert_eq!(exit.code(), Some(0), "{log:#?}");
    let gateway = serve_at(addresses, dir.path());
    all_more(&senders, 20).await;
    let acknowledged = stop_all(senders).await;
    assert!(envoy.counter("cluster.callbacks.upstream_rq_retry") > 0, "the gateway was never unavailable");
    assert!(Http::connect(envoy.address("callbacks")).await.post("A.B", LAST).await.is_stored());

    let events = all_events(&mut gateway.client().await).await;
    let (mut seen, endings) = soon(consumer).await.unwrap();
    assert!(seen.iter().eq(events.iter().map(|event| &event.raw_body).take(events.len() - 1)));
    assert!(endings.len() == 1 && endings[0].is_ours("SHUTTING_DOWN"), "{endings:?}");
    // A callback that was refused late may be stored nevertheless, and was retried.
    seen.sort();
    seen.dedup();
    assert!(seen == acknowledged, "{} stored, {} acknowledged", seen.len(), acknowledged.len());
}

/// Forwards callbacks to the gateway. Breaks the connection instead of forwarding the answer until the
/// answered callback was marked as a duplicate. Returns the events.
async fn lose_answers(
    listener: TcpListener,
    gateway: SocketAddr,
    mut subscriber: Subscriber,
) -> Vec<imcallback::Event> {
    let mut events = Vec::new();
    loop {
        let (mut proxy, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(LAST.as_bytes()) {
            assert!(
                proxy.read_buf(&mut request).await.unwrap() > 0,
                "the connection closed before the end of the request"
            );
        }
        let mut http = Http::connect(gateway).await;
        http.send(&request).await;
        let answer = http.answer().await;
        assert!(answer.is_stored(), "{answer:?}");
        events.push(subscriber.event().await.unwrap());
        if events.last().is_some_and(|event| event.possible_duplicate_of != 0) {
            proxy.write_all(format!("{}{}", answer.head, answer.body).as_bytes()).await.unwrap();
            return events;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_the_proxy_tries_again_is_marked_if_it_was_stored_before() {
    let gateway = Gateway::start().await;
    let (subscriber, _) = Subscriber::open(&mut gateway.client().await, latest()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = EnvoyListener::to_callbacks(&[listener.local_addr().unwrap()])
        .route(json!({ "retry_policy": callback_retries() }))
        .cluster(retries_at_once());
    let envoy = Envoy::start(&[way]);
    let lost = tokio::spawn(lose_answers(listener, gateway.addresses.http, subscriber));
    assert!(Http::connect(envoy.address("callbacks")).await.post("A.B", LAST).await.is_stored());
    let events = soon(lost).await.unwrap();
    assert!(events.len() >= 2);
    assert_eq!(events.last().unwrap().possible_duplicate_of, 1);
    gateway.stop().await;
}

/// A gateway is killed, and another one with its data replaces it at a different address.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_when_what_is_behind_the_proxy_is_replaced() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    let envoy = Envoy::start(&[
        EnvoyListener::to_callbacks(&[gateway.addresses.http]),
        EnvoyListener::to_grpc(&[gateway.addresses.grpc]).route(json!({ "retry_policy": default_retries() })),
    ]);
    let mut consumer = Consumer::new(envoy.address("grpc"), earliest()).await;
    let mut http = Http::connect(envoy.address("callbacks")).await;
    for n in 0..2 {
        assert!(http.post("A.B", &format!("{{\"n\":{n}}}")).await.is_stored());
    }
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let Frame::Event(event) = consumer.frame().await {
            seen.push(event.sequence);
        }
    }
    gateway.kill();
    // While no gateway runs, the vendor does not receive 200.
    assert_eq!(http.post("A.B", "{}").await.status, 503);
    let gateway = Process::serve(dir.path(), &[]);
    envoy.set_upstreams("callbacks", &[gateway.addresses.http]).await;
    envoy.set_upstreams("grpc", &[gateway.addresses.grpc]).await;
    assert!(http.post("A.B", LAST).await.is_stored());
    assert!(consumer.bodies().await.is_empty(), "the two events are not delivered again");
    assert_eq!(seen, [1, 2]);
    assert!(consumer.endings.len() == 1 && consumer.endings[0].is_foreign(), "{:?}", consumer.endings);
}

/// Posts a callback over HTTPS. Returns the status line of the answer.
async fn post_over_tls(address: SocketAddr, authority: &Authority, request: &str) -> String {
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(authority.client_config(None));
    let mut stream = connector.connect(ServerName::from(address.ip()), stream).await.unwrap();
    let request = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Client to proxy over TLS, and proxy to gateway over TLS. The gateway requires the proxy's certificate
/// and the vendor's signature.
#[tokio::test(flavor = "multi_thread")]
async fn callbacks_and_events_travel_over_tls_on_both_sides_of_the_proxy() {
    let dir = TempDir::new().unwrap();
    let (public, inner) = (Authority::new("public"), Authority::new("inner"));
    let file = |name: &str, text: &str| write(dir.path(), name, text);
    let pair = |name: &str, identity: &crate::support::certificates::Identity| {
        [file(&format!("{name}.crt"), &identity.cert), file(&format!("{name}.key"), &identity.key)]
    };
    let [gateway_cert, gateway_key] = pair("gateway", &inner.server());
    let proxy_server = pair("proxy-server", &public.server());
    let proxy_client = pair("proxy-client", &inner.client());
    let inner_ca = file("inner.crt", inner.pem());
    let mut command = program();
    command
        .args(serve_args(&dir.path().join("data")))
        .env("CALLBACK_GATEWAY_TOKENS", format!("{APP_ID} t0ken-of-the-test"));
    for listener in ["http", "grpc"] {
        command.args([
            format!("--{listener}-tls-cert={gateway_cert}"),
            format!("--{listener}-tls-key={gateway_key}"),
            format!("--{listener}-tls-client-ca={inner_ca}"),
        ]);
    }
    let gateway = Process::start(&mut command);
    let tls = Tls {
        server: proxy_server.each_ref().map(String::as_str),
        client: proxy_client.each_ref().map(String::as_str),
        gateway_ca: &inner_ca,
    };
    let envoy = Envoy::start(&[
        EnvoyListener::to_callbacks(&[gateway.addresses.http]).tls(&tls),
        EnvoyListener::to_grpc(&[gateway.addresses.grpc]).tls(&tls),
    ]);

    let time = Timestamp::now().seconds_and_nanos().0.to_string();
    let signed = |sign: &str| {
        let signature = format!("&Sign={sign}&RequestTime={time} HTTP/1.1");
        request("A.B", LAST).replacen(" HTTP/1.1", &signature, 1)
    };
    let address = envoy.address("callbacks");
    let good = signed(&Token::new("t0ken-of-the-test").unwrap().sign(&time));
    assert_eq!(post_over_tls(address, &public, &good).await, "HTTP/1.1 200 OK");
    let bad = signed(&Token::new("other").unwrap().sign(&time));
    assert_eq!(post_over_tls(address, &public, &bad).await, "HTTP/1.1 401 Unauthorized");

    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(public.pem()));
    let endpoint =
        Endpoint::new(format!("https://{}", envoy.address("grpc"))).unwrap().tls_config(tls).unwrap();
    let events = all_events(&mut EventServiceClient::new(soon(endpoint.connect()).await.unwrap())).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].raw_body, LAST);
}

/// Runs a short form of the measurement in docs/deployment.md. The length of the gaps is not checked.
#[test]
fn the_measurement_of_a_restart_runs() {
    let dir = TempDir::new().unwrap();
    let output = std::process::Command::new(package().join("scripts/upgrade-gap"))
        .args([
            "--program",
            env!("CARGO_BIN_EXE_callback-gateway"),
            "--directory",
            dir.path().to_str().unwrap(),
        ])
        .args(["--runs", "1", "--events", "100", "--case", "restart", "--case", "envoy"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), 4, "{said}");
    // Each line has its figures. The one through Envoy may have lost no callbacks.
    for line in said.lines().skip(2) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let number = |cell: &str| cell.replace(',', "").parse::<u64>().unwrap_or_else(|_| panic!("{line}"));
        let first_word = |cell: &str| cell.split(' ').next().unwrap().to_owned();
        // A hundred callbacks before the signal, and a hundred after the restart.
        assert!(number(cells[2]) >= 200, "{line}");
        let lost = number(&first_word(cells[3]));
        assert_eq!(cells[4] == "none", lost == 0, "{line}");
        assert!(cells[6].ends_with(" ms") && number(&first_word(cells[6])) > 0, "{line}");
    }
    // The page shows results of this version of the script.
    let page = std::fs::read_to_string(package().join("docs/deployment.md")).unwrap();
    for line in said.lines() {
        let heading = line.split('|').nth(1).unwrap();
        assert!(page.contains(&format!("\n|{heading}|")), "{heading}");
    }
}

/// Behind a proxy all clients share a connection. While the gateway is stopped, one client makes calls
/// and cancels them. The gateway then finds hundreds of calls that were reset before it started them.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_short_deadlines_ends_no_other_clients_streams() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    let envoy = Envoy::start(&[EnvoyListener::to_grpc(&[gateway.addresses.grpc])]);
    let mut subscribers = Vec::new();
    for _ in 0..10 {
        let mut client = client(envoy.address("grpc")).await;
        subscribers.push(Subscriber::open(&mut client, latest()).await.unwrap().0);
    }
    let hasty = client(envoy.address("grpc")).await;
    gateway.signal(Signal::STOP);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let mut hasty = hasty.clone();
        let mut request = tonic::Request::new(ListEventsRequest { page_size: 1, ..Default::default() });
        request.set_timeout(Duration::from_millis(500));
        calls.spawn(async move { hasty.list_events(request).await.map(drop) });
    }
    for outcome in soon(calls.join_all()).await {
        outcome.unwrap_err();
    }
    // Envoy has sent the calls and their resets to the gateway.
    let reset = "cluster.grpc.upstream_rq_tx_reset";
    eventually(async || (envoy.counter(reset) >= 500).then_some(())).await;
    gateway.signal(Signal::CONT);
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", "{}").await.is_stored());
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.event().await.unwrap().sequence, 1, "the other client's stream continues");
    }
}
