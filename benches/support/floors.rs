//! Floors: the cost of standard components alone. The benchmark's program runs each floor in a process of its
//! own.
//!
//! | Floor | What it is |
//! | --- | --- |
//! | F1 | axum that reads a body and answers a constant |
//! | F2 | the gateway's own HTTP front, with a log that acknowledges at once and stores nothing |
//! | G1 | tonic that encodes shared messages with prost for every subscriber |
//! | G2 | HTTP/2 bodies of shared bytes that are already framed |
//! | publish | tonic, a broadcast channel, and prost. Publishes its own events |

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    http::{HeaderValue, Request, Response, header::CONTENT_TYPE},
    serve::ListenerExt as _,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use callback_gateway::testing::{
    event::{Cursor, Epoch, Sequence},
    log::{Appending, EventLog, NewRecord, memory::MemoryLog},
};
use callback_gateway::{app::App, config::Config};
use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use imcallback::{CaughtUp, Event, SubscribeRequest, SubscribeResponse, subscribe_response::Frame};
use prost::Message as _;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::broadcast,
};
use tonic::{
    Status,
    codec::{Codec, EncodeBuf, Encoder},
    server::ServerStreamingService,
    service::Routes,
};
use tonic_prost::ProstCodec;

use super::{
    clock::{SECOND, Timer, now},
    packet::{self, Body, Records},
    server::FloorAddress,
    testing::{OK_PACKET, OverriddenLog, Overrides, settings},
};

/// Number of receivers of the events of G1 and G2. A filter for one receiver matches 1 event in this many.
pub const RECEIVERS: u64 = 100;
/// `nice` value of the gateway's delivery threads.
const DELIVERY_NICE: i32 = 10;
/// Number of events in one frame of G2's body, as in the gateway's pages.
const RUN: usize = 256;

/// Maximum number of connections that wait to be accepted, as at the gateway.
const BACKLOG: u32 = 4096;

/// Runs the floor with this name in this process, until standard input ends.
pub fn run(name: &str, argument: u64) {
    if name == "G1" || name == "G2" {
        // All threads inherit it. The load runs on the same machine, and a server with a lower priority is
        // woken more often, each time for less work.
        rustix::process::setpriority_process(None, DELIVERY_NICE).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match name {
            "F1" => constant().await,
            "F2" => front().await,
            "G1" => encoding(argument).await,
            "G2" => framed(argument).await,
            "publish" => publishing(argument).await,
            _ => panic!("there is no floor {name}"),
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    // The tasks never end.
    std::process::exit(0);
}

fn announce(address: SocketAddr) {
    println!("{}", serde_json::to_string(&FloorAddress { address }).unwrap());
    std::io::stdout().flush().unwrap();
}

async fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(BACKLOG).unwrap();
    announce(listener.local_addr().unwrap());
    listener
}

async fn constant() {
    async fn answer(body: Bytes) -> ([(axum::http::HeaderName, &'static str); 1], &'static str) {
        drop(body);
        ([(CONTENT_TYPE, "application/json")], OK_PACKET)
    }
    let router = Router::new().fallback(answer);
    let listener = listen().await.tap_io(|stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
}

async fn front() {
    let mut settings = settings(Path::new("unused"));
    settings.tokens = packet::tokens();
    let config = Config::new(settings).unwrap();
    let app =
        App::bind_with_log(config, Arc::new(OverriddenLog(NoLog(MemoryLog::new(1).unwrap())))).await.unwrap();
    announce(app.addresses().http);
    tokio::spawn(app.run(std::future::pending()));
}

/// Log that acknowledges at once, and stores nothing.
struct NoLog(MemoryLog);

impl Overrides for NoLog {
    fn log(&self) -> &dyn EventLog {
        &self.0
    }
    fn append(&self, _record: NewRecord) -> Appending {
        Appending::done(Ok(Cursor::unchecked(Epoch(1), Sequence::FIRST)))
    }
}

/// Returns the events that the gateway would send for `count` callbacks.
fn events(count: u64) -> impl Iterator<Item = Event> {
    let mut records = Records::to_one_of(RECEIVERS);
    (0..count).map(move |number| {
        let record = records.placed(number);
        let (front, rest) = record.event(false);
        Event::decode([front, rest].concat().as_slice()).unwrap()
    })
}

async fn encoding(count: u64) {
    let responses: Arc<Vec<_>> = Arc::new(events(count).map(|event| response(Frame::Event(event))).collect());
    serve(move || {
        let responses = Arc::clone(&responses);
        stream::iter((0..).map(move |n: usize| Ok(Arc::clone(&responses[n % responses.len()])))).boxed()
    })
    .await;
}

fn response(frame: Frame) -> Arc<SubscribeResponse> {
    Arc::new(SubscribeResponse { frame: Some(frame) })
}

type Responses = BoxStream<'static, Result<Arc<SubscribeResponse>, Status>>;

/// Codec that encodes shared messages with prost. Without it, each message would be copied for each
/// subscriber first.
#[derive(Debug, Default)]
struct SharedCodec(ProstCodec<SubscribeResponse, SubscribeRequest>);

#[derive(Debug)]
struct SharedEncoder;

impl Codec for SharedCodec {
    type Encode = Arc<SubscribeResponse>;
    type Decode = SubscribeRequest;
    type Encoder = SharedEncoder;
    type Decoder = <ProstCodec<SubscribeResponse, SubscribeRequest> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        SharedEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        self.0.decoder()
    }
}

impl Encoder for SharedEncoder {
    type Item = Arc<SubscribeResponse>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Serves `Subscribe` with tonic in the usual way. Ignores the content of the request.
async fn serve<F>(responses: F)
where
    F: Fn() -> Responses + Clone + Send + Sync + 'static,
{
    struct Subscribe<F>(F);
    impl<F: Fn() -> Responses> ServerStreamingService<SubscribeRequest> for Subscribe<F> {
        type Response = Arc<SubscribeResponse>;
        type ResponseStream = Responses;
        type Future = std::future::Ready<Result<tonic::Response<Responses>, Status>>;
        fn call(&mut self, _request: tonic::Request<SubscribeRequest>) -> Self::Future {
            std::future::ready(Ok(tonic::Response::new((self.0)())))
        }
    }
    let handle = async move |request: Request<axum::body::Body>| {
        tonic::server::Grpc::new(SharedCodec::default()).server_streaming(Subscribe(responses), request).await
    };
    let routes = Routes::from(Router::new().fallback(handle));
    let incoming = stream::unfold(listen().await, async |listener| {
        let accepted = listener.accept().await.map(|(stream, _)| {
            stream.set_nodelay(true).unwrap();
            stream
        });
        Some((accepted, listener))
    });
    let server = tonic::transport::Server::builder().add_routes(routes);
    tokio::spawn(server.serve_with_incoming(incoming));
}

/// Body that repeats shared bytes endlessly.
struct Rounds {
    runs: Arc<Vec<Bytes>>,
    next: usize,
}

impl http_body::Body for Rounds {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let run = self.runs[self.next % self.runs.len()].clone();
        self.next += 1;
        Poll::Ready(Some(Ok(http_body::Frame::data(run))))
    }
}

async fn framed(count: u64) {
    let messages: Vec<Vec<u8>> =
        events(count).map(|event| response(Frame::Event(event)).encode_to_vec()).collect();
    let frame = |run: &[Vec<u8>]| {
        let mut out = BytesMut::new();
        for message in run {
            out.put_u8(0);
            out.put_u32(message.len() as u32);
            out.put_slice(message);
        }
        out.freeze()
    };
    let runs = Arc::new(messages.chunks(RUN).map(frame).collect::<Vec<_>>());
    let listener = listen().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let runs = Arc::clone(&runs);
            let subscribe = service_fn(move |_: Request<Incoming>| {
                let mut response = Response::new(Rounds { runs: Arc::clone(&runs), next: 0 });
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                std::future::ready(Ok::<_, std::convert::Infallible>(response))
            });
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), subscribe);
            tokio::spawn(connection.map(drop));
        }
    });
}

/// Publishes `rate` events per second. The number of each event is the time at which it was published.
async fn publishing(rate: u64) {
    /// Maximum number of events that a slow receiver may be behind.
    const CAPACITY: usize = 1 << 16;
    let (publisher, _) = broadcast::channel::<Arc<SubscribeResponse>>(CAPACITY);
    let receivers = publisher.clone();
    serve(move || events_of(receivers.subscribe()).boxed()).await;
    tokio::spawn(async move {
        let (timer, begin) = (Timer::new(), now());
        let mut body = Body::to_one_of(RECEIVERS);
        for turn in 1.. {
            timer.until(begin + turn * SECOND / rate).await;
            body.set(now());
            let raw_body = String::from_utf8(body.text().to_vec()).unwrap();
            // Ignore the error: there may be no receiver.
            publisher.send(response(Frame::Event(Event { raw_body, ..Default::default() }))).ok();
        }
    });
}

fn events_of(
    events: broadcast::Receiver<Arc<SubscribeResponse>>,
) -> impl Stream<Item = Result<Arc<SubscribeResponse>, Status>> {
    // Sent at once, like the gateway's first frame, so that the subscriber knows that the stream has begun.
    let first = stream::once(std::future::ready(Ok(response(Frame::CaughtUp(CaughtUp::default())))));
    first.chain(stream::unfold(events, async |mut events| {
        let event = events.recv().await.expect("a receiver keeps up");
        Some((Ok(event), events))
    }))
}
