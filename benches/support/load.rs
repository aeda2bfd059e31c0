//! Callbacks over keep-alive connections: raw TCP, requests made before, answers
//! of a length known before.

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

/// Room for an answer.
const ANSWER_BYTES: usize = 1024;
/// Connections that [`fill`] uses.
const FILLING: usize = 64;

/// How callbacks are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each connection sends the next one when it has its answer.
    Closed,
    /// So many a second over all connections, on each at its time, or with the answer to the
    /// one before; a latency begins when the callback should have been sent.
    Open(f64),
}

/// What came of it, within the time that was measured.
#[derive(Debug)]
pub struct Outcome {
    /// Callbacks acknowledged.
    pub count: u64,
    /// Seconds measured.
    pub seconds: f64,
    /// The server's CPU time, in seconds.
    pub server_cpu: f64,
    /// Of it that of threads that deliver events.
    pub delivery_cpu: f64,
    /// That of the NATS servers that its log is on, in seconds.
    pub nats_cpu: f64,
    /// The load's CPU time, subscribers included, in seconds.
    pub load_cpu: f64,
    /// From send to answer.
    pub times: Times,
    /// When the measured time began.
    pub from: u64,
}

/// What the connections see, while it is measured.
#[derive(Debug, Default)]
struct Seen {
    times: Times,
    refused: u64,
}

impl Seen {
    fn note(&mut self, acknowledged: bool, nanos: u64) {
        if acknowledged {
            self.times.0.push(nanos);
        } else {
            self.refused += 1;
        }
    }
}

impl Outcome {
    /// Callbacks a second.
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }

    /// Server CPU for each, in microseconds.
    pub fn cpu(&self) -> f64 {
        self.server_cpu * 1e6 / self.count as f64
    }

    /// Server CPU for each without what delivering events took, in microseconds.
    pub fn own_cpu(&self) -> f64 {
        (self.server_cpu - self.delivery_cpu) * 1e6 / self.count as f64
    }

    /// CPU of the NATS servers for each, in microseconds.
    pub fn nats_cpu(&self) -> f64 {
        self.nats_cpu * 1e6 / self.count as f64
    }

    /// CPU of the server, of the NATS servers and of the load for each, in microseconds.
    pub fn whole_cpu(&self) -> f64 {
        (self.server_cpu + self.nats_cpu + self.load_cpu) * 1e6 / self.count as f64
    }
}

/// One connection.
pub struct Poster {
    address: SocketAddr,
    stream: TcpStream,
    request: Request,
    answer: Vec<u8>,
}

impl Poster {
    /// Connects, and posts one callback, with this number, to learn how long an answer is.
    pub async fn connect(address: SocketAddr, mut request: Request, number: u64) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(request.bytes(number)).await.unwrap();
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        while !answer.ends_with(b"}") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "an answer");
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(is_acknowledged(&answer), "the first callback is acknowledged: {text}");
        Self { address, stream, request, answer }
    }

    /// Posts the callback with this number; whether it was acknowledged.
    pub async fn post(&mut self, number: u64) -> bool {
        self.stream.write_all(self.request.bytes(number)).await.unwrap();
        self.stream.read_exact(&mut self.answer).await.unwrap();
        let acknowledged = is_acknowledged(&self.answer);
        if !acknowledged {
            // An answer that says why is longer: what is left of it is not worth finding.
            self.stream = TcpStream::connect(self.address).await.unwrap();
            self.stream.set_nodelay(true).unwrap();
        }
        acknowledged
    }
}

fn is_acknowledged(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200")
}

/// Posts to the server for `warm_up`, then for `time`, which is measured.
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
    let seen = Rc::new(RefCell::new(Seen::default()));
    let tasks = LocalSet::new();
    for (n, poster) in posters.into_iter().enumerate() {
        let seen = Rc::clone(&seen);
        match pace {
            Pace::Closed => tasks.spawn_local(closed(poster, n as u64, from, until, seen)),
            Pace::Open(rate) => {
                // At least one a second, also after nothing was taken at full load.
                let interval = connections as f64 * SECOND as f64 / rate.max(1.0);
                // Connections take turns.
                let first = begin + (interval * n as f64 / connections as f64) as u64;
                tasks.spawn_local(open(poster, first, interval, from, until, seen))
            }
        };
    }
    // Not one of the set: it is to read the clocks also while the others are busy.
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
    let Seen { times, refused } = seen.take();
    // A server that refuses would seem fast.
    assert_eq!(refused, 0, "callbacks were refused");
    let count = times.0.len() as u64;
    let seconds = nanos as f64 / SECOND as f64;
    Outcome { count, seconds, server_cpu, delivery_cpu, nats_cpu, load_cpu, times, from }
}

async fn closed(mut poster: Poster, n: u64, from: u64, until: u64, seen: Rc<RefCell<Seen>>) {
    let mut sent = now();
    while sent < until {
        // Below a microsecond: different for connections that send at the same time.
        let acknowledged = poster.post(sent / 1000 * 1000 + n).await;
        let answered = now();
        if sent >= from && answered <= until {
            seen.borrow_mut().note(acknowledged, answered - sent);
        }
        sent = answered;
    }
}

async fn open(mut poster: Poster, first: u64, interval: f64, from: u64, until: u64, seen: Rc<RefCell<Seen>>) {
    let timer = Timer::new();
    for turn in 0.. {
        let due = first + (interval * f64::from(turn)) as u64;
        if due >= until {
            return;
        }
        timer.until(due).await;
        // The number is the moment, so that whoever receives the event can tell how late it is.
        let acknowledged = poster.post(due).await;
        if due >= from {
            seen.borrow_mut().note(acknowledged, now() - due);
        }
    }
}

/// Posts the callbacks with these numbers, of messages to that many users; gives from send to answer.
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
                assert!(poster.post(number).await, "a callback is refused");
                times.borrow_mut().0.push(now() - sent);
            }
        });
    }
    tasks.await;
    times.take()
}
