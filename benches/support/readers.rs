//! Subscribers, all on one separate thread, each with its own connection.
//!
//! They count gRPC messages in the HTTP/2 data without decoding them, to use as little of the machine as
//! possible. For comparison, there is also a tonic client.

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

/// HTTP/2 windows of a stream and of its connection, in bytes, as of tonic's client.
const STREAM_WINDOW: usize = 2 << 20;
const CONNECTION_WINDOW: u32 = 5 << 20;
/// Maximum bytes in flight to all subscribers. A server that still fills windows sends more events than are
/// received, and would seem to use more CPU for each.
const ON_ITS_WAY: usize = 128 << 20;
/// Maximum time to wait until all subscribers that read repeatedly have begun.
const BEGINNING: Duration = Duration::from_secs(1);
/// Size of the prefix of each gRPC message: a compression flag and the length.
const PREFIX_BYTES: usize = 5;
/// Keys of the `event` and `caught_up` fields in a `SubscribeResponse`.
const EVENT: u8 = 2 << 3 | 2;
const CAUGHT_UP: u8 = 4 << 3 | 2;

/// ReaderTask of subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderTask {
    /// Read all stored events repeatedly.
    Again,
    /// Read this number of events, then end.
    Until(u64),
    /// Record the arrival time of each event.
    Note,
    /// Like `Again`, but decode all events with tonic's client.
    Decode,
}

/// Arrival of an event.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The packet's number: the time at which it should have been sent, in nanoseconds as returned by
    /// [`now`].
    pub sent: u64,
    pub received: u64,
}

/// Running subscribers.
pub struct Readers {
    events: Arc<AtomicU64>,
    stop: CancellationToken,
    /// Receives the arrivals by subscriber, once all have ended.
    ended: oneshot::Receiver<Vec<Vec<Arrival>>>,
}

/// Creates a request for all stored events, or with `live` for new ones.
pub fn subscribe(live: bool, account: Option<String>) -> SubscribeRequest {
    let start = if live { Start::Latest(Default::default()) } else { Start::Earliest(Default::default()) };
    let filter = account.map(|account| EventFilter { accounts: vec![account], ..Default::default() });
    // Arrivals are identified by the packet's number, which only the raw body has in a known place.
    SubscribeRequest { start: Some(start), filter, include_raw_body: live, ..Default::default() }
}

impl Readers {
    /// Subscribes with each of the requests, and waits until all subscribers have their first message. Waits
    /// at most [`BEGINNING`] for subscribers that read repeatedly.
    pub async fn open(address: SocketAddr, requests: Vec<SubscribeRequest>, task: ReaderTask) -> Self {
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
                    // Connect one after the other, and all before any reads: a thousand at once flood the
                    // system, and a server that is busy sending accepts slowly.
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
            // Ignore the error: the benchmark may not wait for the arrivals.
            end.send(arrivals).ok();
        });
        let begun = async {
            for _ in 0..count {
                firsts.recv().await.expect("every subscriber gets a message");
            }
        };
        match task {
            // A thousand subscribers that read at full speed take a while to begin.
            ReaderTask::Again | ReaderTask::Decode => drop(timeout(BEGINNING, begun).await),
            ReaderTask::Until(_) | ReaderTask::Note => soon(begun).await,
        }
        Self { events, stop, ended }
    }

    /// Returns the number of events received so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Waits until each subscriber has completed its task. Returns the arrivals by subscriber.
    pub async fn finished(self) -> Vec<Vec<Arrival>> {
        self.ended.await.expect("the subscribers' thread does not panic")
    }

    /// Stops the subscribers. Returns the arrivals by subscriber.
    pub async fn stop(self) -> Vec<Vec<Arrival>> {
        self.stop.cancel();
        self.finished().await
    }
}

struct Reader {
    address: SocketAddr,
    request: SubscribeRequest,
    task: ReaderTask,
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
                ReaderTask::Decode => self.decode().await,
                ReaderTask::Again | ReaderTask::Until(_) | ReaderTask::Note => self.read(stream).await,
            }
        };
        tokio::select! {
            () = reading => {}
            () = stop.cancelled() => {}
        }
        self.arrivals
    }

    /// Reports the first message of this subscriber.
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
            // Ignore the error: the stream reports it.
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

    /// Reads one stream. Returns whether to begin another.
    async fn follow(&mut self, mut body: h2::RecvStream) -> bool {
        let mut messages = Messages::new(self.task == ReaderTask::Note);
        while let Some(data) = body.data().await {
            let data = data.expect("the stream does not fail");
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
                ReaderTask::Again | ReaderTask::Decode if has_caught_up => return true,
                ReaderTask::Until(end) if self.count >= end => return false,
                ReaderTask::Again | ReaderTask::Decode | ReaderTask::Until(_) | ReaderTask::Note => {}
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

/// Returns the packet's number in an event with a raw body, which is its last field.
fn number(message: &[u8]) -> Option<u64> {
    let at = message.len().checked_sub(*NUMBER_FROM_END)?;
    std::str::from_utf8(&message[at..][..NUMBER_DIGITS]).ok()?.parse().ok()
}

/// Parser of the messages in a stream's data.
struct Messages {
    /// Received part of the current message's prefix and first byte.
    head: [u8; PREFIX_BYTES + 1],
    head_len: usize,
    /// Missing bytes of the current message.
    left: usize,
    /// The current message, if messages are kept.
    message: Option<Vec<u8>>,
}

impl Messages {
    fn new(keep: bool) -> Self {
        Self { head: [0; PREFIX_BYTES + 1], head_len: 0, left: 0, message: keep.then(Vec::new) }
    }

    /// Calls `each` with the first byte of each complete message, and the message itself if messages are
    /// kept.
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
