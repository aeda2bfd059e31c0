//! Load: callbacks over keep-alive connections. Uses raw TCP with prebuilt requests and responses of known
//! length.

use std::{cell::RefCell, net::SocketAddr, ops::Range, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::LocalSet,
};

use super::{
    clock::{SECOND, Timer, Times, now},
    packet::{Request, USERS},
    server::{Server, own_cpu},
};

/// Buffer size for a response, in bytes.
const ANSWER_BYTES: usize = 1024;
/// Connections that [`fill`] uses.
const FILLING: usize = 64;

/// Timing of callbacks.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Closed loop: each connection sends the next callback when it has the response to the last one.
    Closed,
    /// Open loop: a fixed number per second over all connections. A connection sends each callback at its
    /// time, or after the response to the last one. The latency begins when the callback should have been
    /// sent.
    Open(f64),
}

/// Results within the measured time.
#[derive(Debug)]
pub struct Outcome {
    /// Callbacks acknowledged.
    pub count: u64,
    /// Seconds measured.
    pub seconds: f64,
    /// The server's CPU time, in seconds.
    pub server_cpu: f64,
    /// Part of it that threads used to deliver events, in seconds.
    pub delivery_cpu: f64,
    /// CPU time of the NATS servers with the gateway's log, in seconds.
    pub nats_cpu: f64,
    /// The load's CPU time, subscribers included, in seconds.
    pub load_cpu: f64,
    /// Times from send to response.
    pub times: Times,
    /// Start of the measured time.
    pub from: u64,
}

/// Responses within the measured time.
#[derive(Debug, Default)]
struct Responses {
    times: Times,
    rejected: u64,
}

impl Responses {
    fn note(&mut self, acknowledged: bool, nanos: u64) {
        if acknowledged {
            self.times.0.push(nanos);
        } else {
            self.rejected += 1;
        }
    }
}

impl Outcome {
    /// Returns the callbacks per second.
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }

    /// Returns the server's CPU time per callback, in microseconds.
    pub fn cpu(&self) -> f64 {
        self.server_cpu * 1e6 / self.count as f64
    }

    /// Returns the server's CPU time per callback without the delivery of events, in microseconds.
    pub fn own_cpu(&self) -> f64 {
        (self.server_cpu - self.delivery_cpu) * 1e6 / self.count as f64
    }

    /// Returns the CPU time of the NATS servers per callback, in microseconds.
    pub fn nats_cpu(&self) -> f64 {
        self.nats_cpu * 1e6 / self.count as f64
    }

    /// Returns the CPU time of the server, the NATS servers and the load per callback, in microseconds.
    pub fn whole_cpu(&self) -> f64 {
        (self.server_cpu + self.nats_cpu + self.load_cpu) * 1e6 / self.count as f64
    }
}

/// Connection that posts callbacks.
pub struct Poster {
    address: SocketAddr,
    stream: TcpStream,
    request: Request,
    answer: Vec<u8>,
}

impl Poster {
    /// Connects, and posts one callback with this number to learn the length of a response.
    pub async fn connect(address: SocketAddr, mut request: Request, number: u64) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(request.bytes(number)).await.unwrap();
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        while !answer.ends_with(b"}") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the server closed the connection");
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(is_acknowledged(&answer), "the first callback is acknowledged: {text}");
        Self { address, stream, request, answer }
    }

    /// Posts the callback with this number. Returns whether it was acknowledged.
    pub async fn post(&mut self, number: u64) -> bool {
        self.stream.write_all(self.request.bytes(number)).await.unwrap();
        self.stream.read_exact(&mut self.answer).await.unwrap();
        let acknowledged = is_acknowledged(&self.answer);
        if !acknowledged {
            // A response with an error is longer. Reconnect instead of reading the rest.
            self.stream = TcpStream::connect(self.address).await.unwrap();
            self.stream.set_nodelay(true).unwrap();
        }
        acknowledged
    }
}

fn is_acknowledged(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200")
}

/// Posts to the server during `warm_up`, and then measures during `time`.
pub async fn post(
    server: &Server,
    connections: usize,
    pace: Pace,
    warm_up: Duration,
    time: Duration,
) -> Outcome {
    let mut posters = Vec::new();
    for _ in 0..connections {
        posters.push(Poster::connect(server.http, Request::to_one_of(USERS), now()).await);
    }
    let begin = now();
    let from = begin + warm_up.as_nanos() as u64;
    let until = from + time.as_nanos() as u64;
    let responses = Rc::new(RefCell::new(Responses::default()));
    let tasks = LocalSet::new();
    for (n, poster) in posters.into_iter().enumerate() {
        let responses = Rc::clone(&responses);
        match pace {
            Pace::Closed => tasks.spawn_local(closed(poster, n as u64, from, until, responses)),
            Pace::Open(rate) => {
                // At least one per second, even if full load acknowledged no callbacks.
                let interval = connections as f64 * SECOND as f64 / rate.max(1.0);
                // Stagger the connections.
                let first = begin + (interval * n as f64 / connections as f64) as u64;
                tasks.spawn_local(open(poster, first, interval, from, until, responses))
            }
        };
    }
    // Not a task of the set, so that it reads the clocks even while the tasks are busy.
    let cpu = |server: &Server| [server.cpu(), own_cpu(), server.delivery_cpu(), server.nats_cpu()];
    let measure = tasks.run_until(async {
        let timer = Timer::new();
        timer.until(from).await;
        let (before, started) = (cpu(server), now());
        timer.until(until).await;
        let (after, ended) = (cpu(server), now());
        let took = [0, 1, 2, 3].map(|which| after[which].saturating_sub(before[which]).as_secs_f64());
        (took, ended - started)
    });
    let ([server_cpu, load_cpu, delivery_cpu, nats_cpu], nanos) = measure.await;
    tasks.await;
    let Responses { times, rejected } = responses.take();
    // A server that rejects callbacks would seem fast.
    assert_eq!(rejected, 0, "callbacks were rejected");
    let count = times.0.len() as u64;
    let seconds = nanos as f64 / SECOND as f64;
    Outcome { count, seconds, server_cpu, delivery_cpu, nats_cpu, load_cpu, times, from }
}

async fn closed(mut poster: Poster, n: u64, from: u64, until: u64, responses: Rc<RefCell<Responses>>) {
    let mut sent = now();
    while sent < until {
        // The digits below a microsecond keep the numbers of simultaneous connections distinct.
        let acknowledged = poster.post(sent / 1000 * 1000 + n).await;
        let answered = now();
        if sent >= from && answered <= until {
            responses.borrow_mut().note(acknowledged, answered - sent);
        }
        sent = answered;
    }
}

async fn open(
    mut poster: Poster,
    first: u64,
    interval: f64,
    from: u64,
    until: u64,
    responses: Rc<RefCell<Responses>>,
) {
    let timer = Timer::new();
    for turn in 0.. {
        let due = first + (interval * f64::from(turn)) as u64;
        if due >= until {
            return;
        }
        timer.until(due).await;
        // The number is the time at which the callback is due, so that the receiver can compute its latency.
        let acknowledged = poster.post(due).await;
        if due >= from {
            responses.borrow_mut().note(acknowledged, now() - due);
        }
    }
}

/// Posts the callbacks with these numbers, to `receivers` users. Returns the times from send to response.
pub async fn fill(server: &Server, numbers: Range<u64>, receivers: u64) -> Times {
    let times = Rc::new(RefCell::new(Times::default()));
    let tasks = LocalSet::new();
    for first in numbers.clone().take(FILLING) {
        let (address, mine) = (server.http, (first..numbers.end).step_by(FILLING));
        let times = Rc::clone(&times);
        tasks.spawn_local(async move {
            let mut poster = Poster::connect(address, Request::to_one_of(receivers), first).await;
            for number in mine.skip(1) {
                let sent = now();
                assert!(poster.post(number).await, "a callback was rejected");
                times.borrow_mut().0.push(now() - sent);
            }
        });
    }
    tasks.await;
    times.take()
}
