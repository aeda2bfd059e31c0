//! Bursts of callbacks from many connections, what their senders were told, and
//! whether a gateway's log agrees with it.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use imcallback::{
    Event, SubscribeRequest, event_service_client::EventServiceClient, subscribe_response::Frame,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tonic::transport::Channel;

use crate::{Http, Subscriber, soon};

/// What became of callbacks. Every body that was sent is in one of the two.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Answered 200 OK: promised to be stored.
    pub stored: Vec<String>,
    /// Refused with 503, or never answered: they may be stored or not.
    pub unknown: Vec<String>,
}

impl Told {
    pub fn add(&mut self, more: Self) {
        self.stored.extend(more.stored);
        self.unknown.extend(more.unknown);
    }

    /// What was promised and is not among these events.
    pub fn missing(&self, events: &[Event]) -> Vec<&str> {
        let bodies: HashSet<&str> = events.iter().map(|event| event.raw_body.as_str()).collect();
        self.stored.iter().map(String::as_str).filter(|body| !bodies.contains(body)).collect()
    }

    /// Checks that a whole log has what was promised, has nothing twice and
    /// nothing that was never sent, and is in order.
    pub fn assert_kept_in(&self, events: &[Event]) {
        let missing = self.missing(events);
        assert!(missing.is_empty(), "{} acknowledged events are missing: {missing:?}", missing.len());
        let sent: HashSet<&str> = self.stored.iter().chain(&self.unknown).map(String::as_str).collect();
        let mut seen = HashSet::new();
        for event in events {
            assert!(sent.contains(event.raw_body.as_str()), "nobody sent this: {event:?}");
            assert!(seen.insert(event.raw_body.as_str()), "this is there twice: {event:?}");
        }
        assert!(events.is_sorted_by(|a, b| a.sequence < b.sequence), "sequences strictly increase");
        let time = |event: &Event| event.receive_time.map(|time| (time.seconds, time.nanos));
        assert!(events.is_sorted_by_key(time), "receive times never decrease");
    }
}

/// A callback with a body of its own: most of a command that the gateway does
/// not know, some of one that it does.
pub fn callback(burst: &str, connection: usize, n: usize) -> (&'static str, String) {
    let id = format!("{burst}-{connection}-{n}");
    if n % 4 == 3 {
        let command = "Sns.CallbackBlackListAdd";
        let pair = format!(r#"{{"From_Account":"{id}","To_Account":"other"}}"#);
        (command, format!(r#"{{"CallbackCommand":"{command}","PairList":[{pair}]}}"#))
    } else {
        ("Test.Crash", format!(r#"{{"n":"{id}"}}"#))
    }
}

/// Callers that post one callback after the other, each on its connection,
/// until that breaks or they are stopped.
pub struct Burst {
    told: watch::Sender<Told>,
    stopped: Arc<AtomicBool>,
    callers: JoinSet<()>,
}

impl Burst {
    pub async fn start(address: SocketAddr, name: &str, connections: usize) -> Self {
        let told = watch::Sender::new(Told::default());
        let mut burst = Self { told, stopped: Arc::default(), callers: JoinSet::new() };
        for connection in 0..connections {
            let http = Http::connect(address).await;
            let (told, stopped) = (burst.told.clone(), Arc::clone(&burst.stopped));
            burst.callers.spawn(call(http, name.to_owned(), connection, told, stopped));
        }
        burst
    }

    /// What the callers were told up to now.
    pub fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// Waits until so many callbacks were answered 200 OK.
    pub async fn stored(&self, count: usize) {
        let mut told = self.told.subscribe();
        soon(told.wait_for(|told| told.stored.len() >= count)).await.expect("the burst holds the sender");
    }

    /// Waits until so many more callbacks were answered 200 OK.
    pub async fn stored_more(&self, count: usize) {
        let stored = self.told.borrow().stored.len();
        self.stored(stored + count).await;
    }

    /// Has every caller stop after its next answer.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits until every caller has stopped, or its connection broke.
    pub async fn ended(mut self) -> Told {
        while let Some(ended) = soon(self.callers.join_next()).await {
            ended.expect("a caller saw what it expects");
        }
        self.told()
    }
}

async fn call(
    mut http: Http,
    burst: String,
    connection: usize,
    told: watch::Sender<Told>,
    stopped: Arc<AtomicBool>,
) {
    for n in 0.. {
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        let (command, body) = callback(&burst, connection, n);
        match http.try_post(command, &body).await {
            Ok(answer) if answer.is_stored() => told.send_modify(|told| told.stored.push(body)),
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{answer:?}");
                answer.error_info();
                told.send_modify(|told| told.unknown.push(body));
            }
            Err(_) => {
                told.send_modify(|told| told.unknown.push(body));
                return;
            }
        }
    }
}

/// A subscriber that follows until its stream ends.
pub struct Follower {
    events: watch::Receiver<Vec<Event>>,
    task: JoinHandle<()>,
}

impl Follower {
    pub async fn open(client: &mut EventServiceClient<Channel>, request: SubscribeRequest) -> Self {
        let request = SubscribeRequest { include_raw_body: true, ..request };
        let (mut subscriber, _) = Subscriber::open(client, request).await.unwrap();
        let (seen, events) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            while let Ok(frame) = subscriber.frame().await {
                if let Frame::Event(event) = frame {
                    seen.send_modify(|seen| seen.push(event));
                }
            }
        });
        Self { events, task }
    }

    /// Waits until it has seen so many events.
    pub async fn saw(&mut self, count: usize) {
        soon(self.events.wait_for(|events| events.len() >= count)).await.expect("the stream goes on");
    }

    /// What it has seen up to now.
    pub fn seen(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    /// Waits for its stream's end; gives what it saw.
    pub async fn ended(self) -> Vec<Event> {
        soon(self.task).await.unwrap();
        self.events.borrow().clone()
    }
}
