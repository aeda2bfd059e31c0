//! The log in JetStream on servers with rare faults: a script answers in place of JetStream.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{self, nats::Nats, *};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use callback_gateway::config::{LogKind, nats::Nats as NatsSettings};
use callback_gateway::testing::{
    event::{RecordParts, Sequence, Timestamp},
    log::{
        EventLog, Lag, LogState, ReadError,
        jetstream::{JetStreamLog, Options},
    },
};
use futures_util::StreamExt as _;
use imcallback::{SubscribeRequest, subscribe_request::Start};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

const TIME: &str = "2026-11-22T00:00:00Z";
const LATER: &str = "2026-11-22T00:01:00Z";

/// State that the script reports for the stream.
struct Stream {
    config: Value,
    /// Last sequence that the leader reports.
    last: u64,
    /// Number of further requests for the first message to which the leader replies that it has none.
    forgets: usize,
    /// Set if the other two replicas are online.
    has_quorum: bool,
    /// Answer to the creation of a consumer.
    consumer: Value,
    /// Notified when a consumer is created.
    consumer_made: Arc<Notify>,
    /// Creation time that the leader reports.
    created: &'static str,
    /// State of the last message.
    end: End,
    /// Set if consumers send nothing.
    is_silent: bool,
    /// Another stream has the name from the first request on for which this returns true.
    is_another_at: Option<fn(&str, &Value) -> bool>,
}

/// State of the last message.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Kept,
    /// The message is gone when it is requested.
    WillBeLost,
    /// The message is gone when the state is requested. Later another message takes its sequence.
    Lost,
    Another,
}

type SharedStream = Arc<Mutex<Stream>>;

fn error(code: u16, err_code: u32, description: &str) -> Value {
    json!({ "error": { "code": code, "err_code": err_code, "description": description } })
}

impl Stream {
    fn with(last: u64) -> SharedStream {
        let consumer = json!({ "name": "a" });
        let stream = Self {
            config: Value::Null,
            last,
            forgets: 0,
            has_quorum: true,
            consumer,
            consumer_made: Arc::default(),
            created: TIME,
            end: End::Kept,
            is_silent: false,
            is_another_at: None,
        };
        Arc::new(Mutex::new(stream))
    }

    fn answer(&mut self, what: &str, request: Value) -> Value {
        if self.is_another_at.is_some_and(|is_it| is_it(what, &request)) {
            self.created = LATER;
        }
        match what {
            "STREAM.INFO" if self.config.is_null() => error(404, 10059, "stream not found"),
            "STREAM.INFO" => {
                let (time, created) = (TIME, self.created);
                let last = if self.end == End::Lost { self.last - 1 } else { self.last };
                if self.end == End::Lost {
                    self.end = End::Another;
                }
                let peer = json!({ "offline": !self.has_quorum, "active": 0 });
                json!({
                    "config": self.config, "created": created,
                    "state": { "messages": last, "bytes": 1000, "first_seq": 1, "first_ts": time,
                        "last_seq": last, "last_ts": time },
                    "cluster": { "leader": "a", "replicas": [peer, peer] },
                })
            }
            "STREAM.CREATE" => {
                self.config = request;
                json!({})
            }
            "STREAM.UPDATE" if request["name"].is_null() => {
                error(400, 10056, "stream name in subject does not match request")
            }
            "STREAM.UPDATE" => {
                self.config = request;
                json!({})
            }
            "STREAM.MSG.GET" => {
                // By time: all messages have the same time.
                let sequence = request["seq"].as_u64().unwrap_or(1);
                if sequence == 1 && self.forgets > 0 {
                    self.forgets -= 1;
                    return error(404, 10037, "no message found");
                }
                if sequence == 0 || sequence > self.last {
                    return error(404, 10037, "no message found");
                }
                let mut body = sequence.to_string();
                if sequence == self.last && self.end != End::Kept {
                    if self.end == End::WillBeLost {
                        (self.end, self.is_silent) = (End::Lost, false);
                        return error(404, 10037, "no message found");
                    }
                    body.push_str(" of another event");
                }
                let data = STANDARD.encode(record(&body));
                json!({ "message": { "seq": sequence, "data": data, "time": TIME } })
            }
            "CONSUMER.CREATE" => {
                self.consumer_made.notify_one();
                self.consumer.clone()
            }
            what => panic!("unexpected request: {what}"),
        }
    }
}

fn record(raw_body: &str) -> Vec<u8> {
    let parts = RecordParts::fixture(raw_body.as_bytes());
    parts.encode().bytes().to_vec()
}

/// Answers according to the script. Direct gets are answered as by a server that has no messages yet.
async fn play(server: &Nats, stream: &SharedStream) {
    let client = async_nats::connect(server.url()).await.unwrap();
    let mut requests = client.subscribe("$JS.API.>").await.unwrap();
    client.flush().await.unwrap();
    // The client library cannot send a status, and this answer has nothing else.
    let address = ("127.0.0.1", server.port);
    let mut raw = TcpStream::connect(address).await.unwrap();
    raw.write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n").await.unwrap();
    let stream = Arc::clone(stream);
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let what = request.subject.strip_prefix("$JS.API.").unwrap();
            let what = what.strip_suffix(".callbacks").unwrap();
            let reply = request.reply.unwrap();
            if what == "DIRECT.GET" {
                let header = "NATS/1.0 404 No Messages\r\n\r\n";
                let answer = format!("HPUB {reply} {0} {0}\r\n{header}\r\n", header.len());
                raw.write_all(answer.as_bytes()).await.unwrap();
            } else {
                let asked: Value = serde_json::from_slice(&request.payload).unwrap();
                if let Some(inbox) = asked["config"]["deliver_subject"].as_str() {
                    tokio::spawn(beat(address, inbox.to_owned(), Arc::clone(&stream)));
                }
                let answer = stream.lock().unwrap().answer(what, asked);
                client.publish(reply, answer.to_string().into()).await.unwrap();
            }
        }
    });
}

/// Sends heartbeats to the creator of a consumer while the server runs.
async fn beat(address: (&'static str, u16), inbox: String, stream: SharedStream) {
    let mut raw = TcpStream::connect(address).await.unwrap();
    let header = "NATS/1.0 100 Idle Heartbeat\r\n\r\n";
    let beat = format!("HPUB {inbox} {0} {0}\r\n{header}\r\n", header.len());
    let mut next = b"CONNECT {\"verbose\":false,\"headers\":true}\r\n".to_vec();
    while raw.write_all(&next).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        next = if stream.lock().unwrap().is_silent { Vec::new() } else { beat.clone().into_bytes() };
    }
}

fn options(server: &Nats) -> Options {
    Options { replicas: 3, ..Options::new(&server.url()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_no_server_had_when_it_was_asked_are_not_skipped_when_the_end_is_there() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(3);
    play(&server, &stream).await;
    let log = soon(JetStreamLog::open(options(&server))).await.unwrap();
    // A server that was asked for the state has all messages, and one that was asked for messages has
    // none.
    stream.lock().unwrap().forgets = 2;
    let page = soon(log.read(Sequence(1), 10)).await.unwrap();
    assert_eq!((page.records.first().unwrap().sequence(), page.next), (Sequence(1), Sequence(2)));
    stream.lock().unwrap().forgets = 1;
    let sought = soon(log.seek(Timestamp(0))).await;
    assert!(matches!(sought, Err(ReadError::Unavailable(_))), "{sought:?}");
    assert_eq!(soon(log.seek(Timestamp(0))).await, Ok(Sequence(1)));
    soon(log.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_recreated_stream_are_not_delivered() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(3);
    play(&server, &stream).await;
    let urls = vec![server.url()];
    let gateway = Gateway::start_with(|settings| {
        settings.log = LogKind::Nats;
        settings.nats = NatsSettings { urls, replicas: 3, ..NatsSettings::default() };
        settings.index = false;
    })
    .await;
    let mut client = gateway.client().await;
    let events = all_events(&mut client).await;
    assert_eq!(events.iter().map(|event| event.raw_body.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    stream.lock().unwrap().is_another_at = Some(|what, asked| what == "STREAM.MSG.GET" && asked["seq"] == 2);
    let start = Some(Start::AfterCursor(events[0].cursor.clone()));
    let request = SubscribeRequest { start, ..Default::default() };
    let status = match Subscriber::open(&mut client, request).await {
        Ok((mut subscriber, _)) => subscriber.event().await.unwrap_err(),
        Err(status) => status,
    };
    assert_eq!(reason(&status), "LOG_REPLACED", "{status}");
}

/// Longer than the tolerance for a leader that is connected to the others and reports fewer events.
const LONG: Duration = Duration::from_secs(16);

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_the_others_is_not_believed_that_events_are_lost() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(3);
    play(&server, &stream).await;
    let log = soon(JetStreamLog::open(options(&server))).await.unwrap();
    let change = |last, has_quorum| {
        let mut stream = stream.lock().unwrap();
        (stream.last, stream.has_quorum) = (last, has_quorum);
    };
    change(2, false);
    let mut state = log.state();
    let mut closed = async |patience| {
        tokio::time::timeout(patience, state.wait_for(|state| *state == LogState::Closed)).await.is_ok()
    };
    assert!(!closed(LONG).await);
    assert_eq!(log.tail().borrow().end, Sequence(4));
    change(2, true);
    assert!(closed(support::HANG).await, "the loss is accepted from a leader that has quorum");
    assert_eq!(log.tail().borrow().end, Sequence(3));
    soon(log.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_has_another_event_in_the_place_of_one_that_it_lost_is_another_log() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(3);
    play(&server, &stream).await;
    let log = soon(JetStreamLog::open(options(&server))).await.unwrap();
    {
        let mut stream = stream.lock().unwrap();
        (stream.end, stream.is_silent) = (End::WillBeLost, true);
    }
    soon(log.state().wait_for(|state| *state == LogState::Closed)).await.unwrap();
    assert_eq!(log.tail().borrow().end, Sequence(3));
    soon(log.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_may_not_follow_the_stream_does_not_start_and_says_why() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(0);
    play(&server, &stream).await;
    stream.lock().unwrap().consumer = error(400, 10026, "maximum consumers limit reached");
    let error = soon(JetStreamLog::open(options(&server))).await.unwrap_err().to_string();
    assert!(error.contains("cannot be followed: maximum consumers limit reached"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_delivers_nothing_is_recreated() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(3);
    play(&server, &stream).await;
    let made = Arc::clone(&stream.lock().unwrap().consumer_made);
    let log = soon(JetStreamLog::open(options(&server))).await.unwrap();
    soon(made.notified()).await;
    stream.lock().unwrap().last = 4;
    soon(made.notified()).await;
    soon(log.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_tail_is_stalled_logs_it() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(3);
    play(&server, &stream).await;
    let log = soon(JetStreamLog::open(options(&server))).await.unwrap();
    assert_eq!(log.lag(), Lag::default());
    let change = |last| stream.lock().unwrap().last = last;
    let is = async |wanted: Lag| {
        let begin = std::time::Instant::now();
        while log.lag() != wanted {
            assert!(begin.elapsed() < support::HANG, "{:?}", log.lag());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Other gateways store events, and this gateway's consumers deliver nothing.
    change(5);
    is(Lag { sequences: 2, is_stuck: false }).await;
    is(Lag { sequences: 2, is_stuck: true }).await;
    change(3);
    is(Lag::default()).await;
    soon(log.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_cannot_read_the_streams_state_logs_it() {
    let server = Nats::start_without_jetstream();
    let stream = Stream::with(3);
    play(&server, &stream).await;
    let urls = vec![server.url()];
    let gateway = Gateway::start_with(|settings| {
        settings.log = LogKind::Nats;
        settings.nats = NatsSettings { urls, replicas: 3, ..NatsSettings::default() };
        settings.index = false;
    })
    .await;
    let endpoint =
        tonic::transport::Endpoint::try_from(format!("http://{}", gateway.addresses.grpc)).unwrap();
    let mut health = HealthClient::new(soon(endpoint.connect()).await.unwrap());
    let service = "imcallback.v1.EventService".to_owned();
    let request = HealthCheckRequest { service };
    let mut states = health.watch(request).await.unwrap().into_inner();
    let mut until = async |wanted: ServingStatus| {
        while soon(states.message()).await.unwrap().unwrap().status() != wanted {}
    };
    until(ServingStatus::Serving).await;
    stream.lock().unwrap().has_quorum = false;
    until(ServingStatus::NotServing).await;
    stream.lock().unwrap().has_quorum = true;
    until(ServingStatus::Serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let info = format!(
            "INFO {{\"server_id\":\"a\",\"version\":\"2.10.29\",\"proto\":1,\"headers\":true,\"max_payload\":1048576,\
             \"host\":\"127.0.0.1\",\"port\":{}}}\r\n",
            address.port()
        );
        connection.write_all(info.as_bytes()).await.unwrap();
        let mut buffer = [0; 4096];
        while connection.read(&mut buffer).await.is_ok_and(|read| read > 0) {
            if connection.write_all(b"PONG\r\n").await.is_err() {
                break;
            }
        }
    });
    let error = soon(JetStreamLog::open(Options::new(&format!("nats://{address}")))).await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("version 2.10.29; the log needs 2.11 or newer"), "{error}");
}
