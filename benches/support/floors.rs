//! Floors: what the parts that everybody uses cost by themselves. Each is run by
//! the benchmark's own program as a process of its own.
//!
//! | Floor | What it is |
//! | --- | --- |
//! | F1 | axum, that reads a body and answers a constant |
//! | F2 | our own front, over a log that acknowledges at once and keeps nothing |
//! | G1 | tonic, that encodes shared messages with prost for every subscriber |
//! | G2 | HTTP/2 bodies of shared bytes, framed before |
//! | publish | tonic, a broadcast channel, and prost; it publishes by itself |

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

/// Receivers of the events that G1 and G2 have: a filter that wants one takes 1 of these.
pub const RECEIVERS: u64 = 100;
/// The priority of the gateway's threads that deliver.
const DELIVERY_NICE: i32 = 10;
/// Events in one piece of G2's body: as many as the gateway's pages have.
const RUN: usize = 256;

/// Connections that wait to be accepted, as many as at the gateway.
const BACKLOG: u32 = 4096;

/// Is the floor with this name, until standard input ends.
pub fn run(name: &str, argument: u64) {
    if name == "G1" || name == "G2" {
        // Inherited by all of its threads. The load is on the same machine, and whoever gives
        // way to it is woken more often, for less.
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
    // Its tasks go on for ever.
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

/// A log that acknowledges at once, and keeps nothing.
struct NoLog(MemoryLog);

impl Overrides for NoLog {
    fn log(&self) -> &dyn EventLog {
        &self.0
    }
    fn append(&self, _record: NewRecord) -> Appending {
        Appending::done(Ok(Cursor::unchecked(Epoch(1), Sequence::FIRST)))
    }
}

/// What the gateway would send of so many callbacks.
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

/// prost's encoding of messages that are shared: without it each would be copied for
/// each subscriber first.
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

/// Serves `Subscribe` as one writes it with tonic; the request is not looked at.
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

/// A body that goes round and round over shared bytes.
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

/// Publishes so many events a second, each with the moment of its publishing as its number.
async fn publishing(rate: u64) {
    /// Events that a slow receiver may be behind.
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
            // Without a receiver it is nobody's.
            publisher.send(response(Frame::Event(Event { raw_body, ..Default::default() }))).ok();
        }
    });
}

fn events_of(
    events: broadcast::Receiver<Arc<SubscribeResponse>>,
) -> impl Stream<Item = Result<Arc<SubscribeResponse>, Status>> {
    // At once, as the gateway's first frame, so that the subscriber knows that it has begun.
    let first = stream::once(std::future::ready(Ok(response(Frame::CaughtUp(CaughtUp::default())))));
    first.chain(stream::unfold(events, async |mut events| {
        let event = events.recv().await.expect("a receiver keeps up");
        Some((Ok(event), events))
    }))
}
