//! Floors for NATS: async-nats alone, on the servers of the gateway's log. The benchmark's program runs each
//! floor in a process of its own. The process reports when its measurement begins and ends, and then its
//! results.
//!
//! | Floor | What it is |
//! | --- | --- |
//! | N1 | publishes records to its own stream with a fixed number in flight, each as async-nats' JetStream does: a request whose reply is the acknowledgement |
//! | N2 | like N1, with a `Nats-Msg-Id` as the gateway's publishes have, and a consumer on the same connection that follows the stream, as each gateway has |
//! | N3 | a consumer that reads a stream from its beginning |

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{ChildStdout, Command, Stdio},
    sync::Arc,
};

use async_nats::{Client, HeaderMap, Message, Request, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Options,
    clock::{SECOND, Timer, Times, now},
    load::Outcome,
    packet::{Records, USERS},
    server::{Log, cpu},
    testing::{APP_ID, soon},
};

/// Names of the floors.
pub const FLOORS: [&str; 3] = ["N1", "N2", "N3"];
/// Number of records that a floor publishes repeatedly.
const RECORDS: u64 = 1000;
/// Heartbeat interval of the consumer in nanoseconds, as of the gateway's consumer.
const HEARTBEAT: u64 = 500_000_000;

/// Results of a floor.
#[derive(Debug, Serialize, Deserialize)]
struct FloorResults {
    count: u64,
    nanos: u64,
    /// From each publish to its acknowledgement.
    times: Vec<u64>,
}

/// Runs N1 or N2 for the time of a row, with `in_flight` publishes in flight, at `rate` per second or as fast
/// as possible.
pub fn publish(log: &Log, options: &Options, floor: &str, in_flight: usize, rate: Option<f64>) -> Outcome {
    measure(log, options, floor, floor, in_flight as u64, rate)
}

/// Runs N3 until it has read `events` events of a stream.
pub fn read(log: &Log, options: &Options, stream: &str, events: u64) -> Outcome {
    measure(log, options, "N3", stream, events, None)
}

fn measure(
    log: &Log,
    options: &Options,
    floor: &str,
    stream: &str,
    argument: u64,
    rate: Option<f64>,
) -> Outcome {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--floor", floor, "--argument", &argument.to_string()]);
    command.args(["--nats-urls", &log.urls(), "--nats-stream", stream]);
    command.args(["--nats-servers", &log.replicas().to_string()]);
    command.args(["--seconds", &options.time().as_secs_f64().to_string()]);
    command.args(options.is_full().then_some("--bench"));
    command.args(rate.map(|rate| format!("--rate={rate}")));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id().to_string();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line =
        |lines: &mut Lines<BufReader<ChildStdout>>| lines.next().expect("the floor does not fail").unwrap();
    assert_eq!(line(&mut lines), "begun");
    let (from, before) = (now(), [cpu(&pid), log.cpu()]);
    assert_eq!(line(&mut lines), "ended");
    let after = [cpu(&pid), log.cpu()];
    let FloorResults { count, nanos, times } = serde_json::from_str(&line(&mut lines)).unwrap();
    assert!(child.wait().unwrap().success());
    let [server_cpu, nats_cpu] = [0, 1].map(|which| (after[which] - before[which]).as_secs_f64());
    let seconds = nanos as f64 / SECOND as f64;
    Outcome {
        count,
        seconds,
        server_cpu,
        delivery_cpu: 0.0,
        nats_cpu,
        load_cpu: 0.0,
        times: Times(times),
        from,
    }
}

/// Runs the floor with this name in this process.
pub fn run(name: &str, options: &Options) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let urls: Vec<_> = options.nats_urls.split(',').map(str::to_owned).collect();
        let client = async_nats::connect(urls).await.unwrap();
        let results = match name {
            "N1" => publishing(&client, options, false).await,
            "N2" => publishing(&client, options, true).await,
            _ => reading(&client, options).await,
        };
        print_line(&serde_json::to_string(&results).unwrap());
    });
}

fn print_line(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

async fn publishing(client: &Client, options: &Options, like_the_gateway: bool) -> FloorResults {
    let stream = &options.nats_stream;
    call(
        client,
        format!("STREAM.CREATE.{stream}"),
        &json!({
            "name": stream,
            "subjects": [format!("{stream}.>")],
            "storage": "file",
            "retention": "limits",
            "discard": "old",
            "num_replicas": options.nats_servers,
            "duplicate_window": 120 * SECOND,
            "allow_direct": true,
        }),
    )
    .await;
    if like_the_gateway {
        let mut messages = consume(client, stream, "new").await;
        let client = client.clone();
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                answer(&client, &message).await;
            }
        });
    }
    let mut records = Records::to_one_of(USERS);
    let records: Arc<Vec<Bytes>> =
        Arc::new((0..RECORDS).map(|number| records.stored(number).bytes().clone()).collect());
    let begin = now();
    let from = begin + options.warm_up().as_nanos() as u64;
    let until = from + options.time().as_nanos() as u64;
    let in_flight = options.argument;
    let publishers: Vec<_> = (0..in_flight)
        .map(|n| {
            let publisher = Publisher {
                client: client.clone(),
                subject: format!("{stream}.{APP_ID}.C2C.CallbackAfterSendMsg"),
                records: Arc::clone(&records),
                // Different in each run, because the server remembers the ids of earlier runs.
                id_prefix: like_the_gateway.then(|| format!("{begin:024}-{n}-")),
                interval: options.rate.map(|rate| (in_flight as f64 * SECOND as f64 / rate.max(1.0)) as u64),
            };
            tokio::spawn(publisher.run(begin, from, until))
        })
        .collect();
    let timer = Timer::new();
    timer.until(from).await;
    let started = now();
    print_line("begun");
    timer.until(until).await;
    let nanos = now() - started;
    print_line("ended");
    let mut times = Vec::new();
    for publisher in publishers {
        times.extend(publisher.await.unwrap().0);
    }
    FloorResults { count: times.len() as u64, nanos, times }
}

/// Publishes one record after the other.
struct Publisher {
    client: Client,
    subject: String,
    records: Arc<Vec<Bytes>>,
    id_prefix: Option<String>,
    /// Time between publishes in nanoseconds. `None` publishes as soon as the last one is acknowledged.
    interval: Option<u64>,
}

impl Publisher {
    /// Publishes from `begin` to `until`. Returns the times of publishes sent after `from` and answered
    /// before `until`.
    async fn run(self, begin: u64, from: u64, until: u64) -> Times {
        let mut times = Times::default();
        let timer = Timer::new();
        for turn in 0.. {
            if let Some(interval) = self.interval {
                timer.until(begin + turn * interval).await;
            }
            let sent = now();
            if sent >= until {
                break;
            }
            self.publish(turn).await;
            let answered = now();
            if sent >= from && answered <= until {
                times.0.push(answered - sent);
            }
        }
        times
    }

    async fn publish(&self, turn: u64) {
        #[derive(Deserialize)]
        struct Acknowledgement {
            seq: u64,
        }
        let payload = self.records[turn as usize % self.records.len()].clone();
        let mut request = Request::new().payload(payload).timeout(None);
        if let Some(prefix) = &self.id_prefix {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{prefix}{turn}"));
            request = request.headers(headers);
        }
        let answer = soon(self.client.send_request(self.subject.clone(), request)).await.unwrap();
        let Acknowledgement { seq } =
            serde_json::from_slice(&answer.payload).expect("the publish is acknowledged");
        assert!(seq > 0);
    }
}

async fn reading(client: &Client, options: &Options) -> FloorResults {
    let events = options.argument;
    let started = now();
    print_line("begun");
    let mut messages = consume(client, &options.nats_stream, "all").await;
    let mut count = 0;
    while count < events {
        let message = soon(messages.next()).await.expect("the connection stays");
        count += u64::from(!answer(client, &message).await);
    }
    let nanos = now() - started;
    print_line("ended");
    FloorResults { count, nanos, times: Vec::new() }
}

/// Creates a consumer with the same settings as the gateway's.
async fn consume(client: &Client, stream: &str, deliver: &str) -> Subscriber {
    let inbox = client.new_inbox();
    let messages = client.subscribe(inbox.clone()).await.unwrap();
    let consumer = json!({
        "stream_name": stream,
        "config": {
            "deliver_subject": inbox,
            "deliver_policy": deliver,
            "ack_policy": "none",
            "replay_policy": "instant",
            "max_deliver": 1,
            "flow_control": true,
            "idle_heartbeat": HEARTBEAT,
            "num_replicas": 1,
            "mem_storage": true,
        },
    });
    call(client, format!("CONSUMER.CREATE.{stream}"), &consumer).await;
    messages
}

/// Replies to a heartbeat or flow control message. Returns whether the message was one.
async fn answer(client: &Client, message: &Message) -> bool {
    if message.status != Some(StatusCode::IDLE_HEARTBEAT) {
        return false;
    }
    let stalled = message.headers.as_ref().and_then(|headers| headers.get("Nats-Consumer-Stalled"));
    let subject = message.reply.as_ref().map(ToString::to_string).or(stalled.map(ToString::to_string));
    if let Some(subject) = subject {
        client.publish(subject, Bytes::new()).await.unwrap();
    }
    true
}

async fn call(client: &Client, api: String, request: &Value) {
    let request = Bytes::from(serde_json::to_vec(request).unwrap());
    let answer = soon(client.request(format!("$JS.API.{api}"), request).boxed()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert!(answer.get("error").is_none(), "JetStream rejects {api}: {answer}");
}
