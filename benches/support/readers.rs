//! Subscribers, all on one thread of their own, each with a connection of its own.
//! They count gRPC messages in the HTTP/2 data and decode nothing, so that they
//! take as little of the machine as a subscriber can; a tonic client is there for
//! comparison.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use axum::http::{self, header::CONTENT_TYPE};
use bytes::{BufMut as _, Bytes, BytesMut};
use imcallback::{EventFilter, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame};
use prost::Message as _;
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::LocalSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    clock::now,
    packet::{NUMBER_DIGITS, NUMBER_FROM_END},
    testing::{client, soon},
};

/// HTTP/2 windows as tonic's client has them, of a stream and of its connection.
const STREAM_WINDOW: usize = 2 << 20;
const CONNECTION_WINDOW: u32 = 5 << 20;
/// Most that all subscribers' windows let on its way, in bytes: a server that is still filling
/// windows sends more than is received, and so would seem to take more for each event.
const ON_ITS_WAY: usize = 128 << 20;
/// How long those who read again and again are waited for until all have begun.
const BEGINNING: Duration = Duration::from_secs(1);
/// Before each gRPC message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
/// Keys of the `event` and `caught_up` fields in a `SubscribeResponse`.
const EVENT: u8 = 2 << 3 | 2;
const CAUGHT_UP: u8 = 4 << 3 | 2;

/// What subscribers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Read everything stored, again and again.
    Again,
    /// Read so many events and leave.
    Until(u64),
    /// Note when each event arrives.
    Note,
    /// Read as `Again` does, but decode everything, with tonic's client.
    Decode,
}

/// An event's arrival.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The packet's number: when it should have been sent, in [`now`]'s nanoseconds.
    pub sent: u64,
    pub received: u64,
}

/// Subscribers at work.
pub struct Readers {
    events: Arc<AtomicU64>,
    stop: CancellationToken,
    /// What arrived, by subscriber, once all have ended.
    ended: oneshot::Receiver<Vec<Vec<Arrival>>>,
}

/// A request for everything stored, or with `live` for what is yet to come.
pub fn subscribe(live: bool, account: Option<String>) -> SubscribeRequest {
    let start = if live { Start::Latest(Default::default()) } else { Start::Earliest(Default::default()) };
    let filter = account.map(|account| EventFilter { accounts: vec![account], ..Default::default() });
    // Arrivals are known by the packet's number, which only the raw body has in a known place.
    SubscribeRequest { start: Some(start), filter, include_raw_body: live, ..Default::default() }
}

impl Readers {
    /// Subscribes with each of the requests, and waits until all have their first message;
    /// those who read again and again begin when they can, but not much later.
    pub async fn open(address: SocketAddr, requests: Vec<SubscribeRequest>, task: Task) -> Self {
        let events = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        let (end, ended) = oneshot::channel();
        let (first, mut firsts) = mpsc::unbounded_channel();
        let count = requests.len();
        let window = STREAM_WINDOW.min(ON_ITS_WAY / count.max(1)) as u32;
        let (shared_events, shared_stop) = (Arc::clone(&events), stop.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let tasks = LocalSet::new();
            let arrivals = tasks.block_on(&runtime, async {
                let mut readers = Vec::new();
                for request in requests {
                    // One after the other, and all before any reads: a thousand at once are a
                    // flood to the system, and a server that is busy sending accepts slowly.
                    let stream = TcpStream::connect(address).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let (events, first) = (Arc::clone(&shared_events), Some(first.clone()));
                    let arrivals = Vec::new();
                    readers.push((
                        stream,
                        Reader { address, request, task, window, events, first, count: 0, arrivals },
                    ));
                }
                let readers: Vec<_> = readers
                    .into_iter()
                    .map(|(stream, reader)| tokio::task::spawn_local(reader.run(stream, shared_stop.clone())))
                    .collect();
                drop(first);
                let mut arrivals = Vec::new();
                for reader in readers {
                    arrivals.push(reader.await.unwrap());
                }
                arrivals
            });
            // Whoever opened them may not wait for this.
            end.send(arrivals).ok();
        });
        let begun = async {
            for _ in 0..count {
                firsts.recv().await.expect("every subscriber gets a message");
            }
        };
        match task {
            // A thousand that read all they can take turns of a while.
            Task::Again | Task::Decode => drop(timeout(BEGINNING, begun).await),
            Task::Until(_) | Task::Note => soon(begun).await,
        }
        Self { events, stop, ended }
    }

    /// Events that came in so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Waits until each has read what it was to read.
    pub async fn finished(self) -> Vec<Vec<Arrival>> {
        self.ended.await.expect("the subscribers' thread does not panic")
    }

    /// Ends them.
    pub async fn stop(self) -> Vec<Vec<Arrival>> {
        self.stop.cancel();
        self.finished().await
    }
}

struct Reader {
    address: SocketAddr,
    request: SubscribeRequest,
    task: Task,
    window: u32,
    events: Arc<AtomicU64>,
    first: Option<mpsc::UnboundedSender<()>>,
    count: u64,
    arrivals: Vec<Arrival>,
}

impl Reader {
    async fn run(mut self, stream: TcpStream, stop: CancellationToken) -> Vec<Arrival> {
        let task = self.task;
        let reading = async {
            match task {
                Task::Decode => self.decode().await,
                Task::Again | Task::Until(_) | Task::Note => self.read(stream).await,
            }
        };
        tokio::select! {
            () = reading => {}
            () = stop.cancelled() => {}
        }
        self.arrivals
    }

    /// The first message of all has come.
    fn begun(&mut self) {
        if let Some(first) = self.first.take() {
            first.send(()).ok();
        }
    }

    async fn read(&mut self, stream: TcpStream) {
        let (requests, connection) = h2::client::Builder::new()
            .initial_window_size(self.window)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake::<_, Bytes>(stream)
            .await
            .unwrap();
        tokio::task::spawn_local(async {
            // Its end is seen at the stream.
            connection.await.ok();
        });
        let mut message = BytesMut::new();
        message.put_u8(0);
        message.put_u32(self.request.encoded_len() as u32);
        self.request.encode(&mut message).unwrap();
        let message = message.freeze();
        loop {
            let request =
                http::Request::post(format!("http://{}/imcallback.v1.EventService/Subscribe", self.address))
                    .header(CONTENT_TYPE, "application/grpc")
                    .header("te", "trailers")
                    .body(())
                    .unwrap();
            let mut requests = requests.clone().ready().await.unwrap();
            let (response, mut body) = requests.send_request(request, false).unwrap();
            body.send_data(message.clone(), true).unwrap();
            if !self.follow(response.await.unwrap().into_body()).await {
                return;
            }
        }
    }

    /// Reads one stream; whether to begin another.
    async fn follow(&mut self, mut body: h2::RecvStream) -> bool {
        let mut messages = Messages::new(self.task == Task::Note);
        while let Some(data) = body.data().await {
            let data = data.expect("the stream goes on");
            body.flow_control().release_capacity(data.len()).unwrap();
            let received = now();
            let (mut events, mut has_caught_up) = (0, false);
            messages.feed(&data, |kind, message| match kind {
                EVENT => {
                    events += 1;
                    if let Some(sent) = number(message) {
                        self.arrivals.push(Arrival { sent, received });
                    }
                }
                CAUGHT_UP => has_caught_up = true,
                _ => {}
            });
            self.begun();
            self.count += events;
            self.events.fetch_add(events, Ordering::Relaxed);
            match self.task {
                Task::Again | Task::Decode if has_caught_up => return true,
                Task::Until(end) if self.count >= end => return false,
                Task::Again | Task::Decode | Task::Until(_) | Task::Note => {}
            }
        }
        panic!("the stream ended: {:?}", body.trailers().await);
    }

    async fn decode(&mut self) {
        let mut client = client(self.address).await;
        loop {
            let mut frames = client.subscribe(self.request.clone()).await.unwrap().into_inner();
            while let Some(response) = frames.message().await.unwrap() {
                self.begun();
                match response.frame {
                    Some(Frame::Event(_)) => self.events.fetch_add(1, Ordering::Relaxed),
                    Some(Frame::CaughtUp(_)) => break,
                    _ => 0,
                };
            }
        }
    }
}

/// The packet's number in an event with its raw body, which comes last.
fn number(message: &[u8]) -> Option<u64> {
    let at = message.len().checked_sub(*NUMBER_FROM_END)?;
    std::str::from_utf8(&message[at..][..NUMBER_DIGITS]).ok()?.parse().ok()
}

/// Finds the messages in a stream's data.
struct Messages {
    /// The prefix and the first byte of the message under way, as far as they have come.
    head: [u8; PREFIX_BYTES + 1],
    head_len: usize,
    /// Bytes of the message under way that are still to come.
    left: usize,
    /// The message under way, if messages are kept.
    message: Option<Vec<u8>>,
}

impl Messages {
    fn new(keep: bool) -> Self {
        Self { head: [0; PREFIX_BYTES + 1], head_len: 0, left: 0, message: keep.then(Vec::new) }
    }

    /// Calls `each` with the first byte of each message that is complete, and the
    /// message itself if messages are kept.
    fn feed(&mut self, mut data: &[u8], mut each: impl FnMut(u8, &[u8])) {
        while !data.is_empty() {
            if self.head_len < self.head.len() {
                let len = (self.head.len() - self.head_len).min(data.len());
                self.head[self.head_len..][..len].copy_from_slice(&data[..len]);
                self.head_len += len;
                data = &data[len..];
                if self.head_len < self.head.len() {
                    return;
                }
                let [_, a, b, c, d, first] = self.head;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize - 1;
                if let Some(message) = &mut self.message {
                    message.clear();
                    message.push(first);
                }
            }
            let len = self.left.min(data.len());
            if let Some(message) = &mut self.message {
                message.extend_from_slice(&data[..len]);
            }
            self.left -= len;
            data = &data[len..];
            if self.left == 0 {
                each(self.head[PREFIX_BYTES], self.message.as_deref().unwrap_or_default());
                self.head_len = 0;
            }
        }
    }
}
