//! Bursts of callbacks on many connections, the answers that their senders received, and a check of a
//! gateway's log against these answers.

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

/// Sent callbacks, by answer. Every body that was sent is in one of the two lists.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Answered with 200 OK: the gateway promised to store them.
    pub stored: Vec<String>,
    /// Answered with 503, or not at all: they may be stored or not.
    pub unknown: Vec<String>,
}

impl Answers {
    pub fn add(&mut self, more: Self) {
        self.stored.extend(more.stored);
        self.unknown.extend(more.unknown);
    }

    /// Returns the acknowledged bodies that are not among these events.
    pub fn missing(&self, events: &[Event]) -> Vec<&str> {
        let bodies: HashSet<&str> = events.iter().map(|event| event.raw_body.as_str()).collect();
        self.stored.iter().map(String::as_str).filter(|body| !bodies.contains(body)).collect()
    }

    /// Checks that a whole log contains every acknowledged body, contains no body twice and no body that
    /// was not sent, and is in order.
    pub fn assert_kept_in(&self, events: &[Event]) {
        let missing = self.missing(events);
        assert!(missing.is_empty(), "{} acknowledged events are missing: {missing:?}", missing.len());
        let sent: HashSet<&str> = self.stored.iter().chain(&self.unknown).map(String::as_str).collect();
        let mut seen = HashSet::new();
        for event in events {
            assert!(sent.contains(event.raw_body.as_str()), "no caller sent this: {event:?}");
            assert!(seen.insert(event.raw_body.as_str()), "this event is stored twice: {event:?}");
        }
        assert!(events.is_sorted_by(|a, b| a.sequence < b.sequence), "sequences strictly increase");
        let time = |event: &Event| event.receive_time.map(|time| (time.seconds, time.nanos));
        assert!(events.is_sorted_by_key(time), "receive times never decrease");
    }
}

/// Returns a callback with a unique body. Three of four have a command that the gateway does not know.
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

/// Callers that each post one callback after another on a connection of their own, until the connection
/// breaks or the burst is stopped.
pub struct Burst {
    answers: watch::Sender<Answers>,
    stopped: Arc<AtomicBool>,
    callers: JoinSet<()>,
}

impl Burst {
    pub async fn start(address: SocketAddr, name: &str, connections: usize) -> Self {
        let answers = watch::Sender::new(Answers::default());
        let mut burst = Self { answers, stopped: Arc::default(), callers: JoinSet::new() };
        for connection in 0..connections {
            let http = Http::connect(address).await;
            let (answers, stopped) = (burst.answers.clone(), Arc::clone(&burst.stopped));
            burst.callers.spawn(call(http, name.to_owned(), connection, answers, stopped));
        }
        burst
    }

    /// Returns the answers so far.
    pub fn answers(&self) -> Answers {
        self.answers.borrow().clone()
    }

    /// Waits until this many callbacks were answered with 200 OK.
    pub async fn stored(&self, count: usize) {
        let mut answers = self.answers.subscribe();
        soon(answers.wait_for(|answers| answers.stored.len() >= count))
            .await
            .expect("the burst holds the sender");
    }

    /// Waits until this many more callbacks were answered with 200 OK.
    pub async fn stored_more(&self, count: usize) {
        let stored = self.answers.borrow().stored.len();
        self.stored(stored + count).await;
    }

    /// Makes every caller stop after its next answer.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits until every caller has stopped or lost its connection. Returns all answers.
    pub async fn ended(mut self) -> Answers {
        while let Some(ended) = soon(self.callers.join_next()).await {
            ended.expect("every caller received expected answers");
        }
        self.answers()
    }
}

async fn call(
    mut http: Http,
    burst: String,
    connection: usize,
    answers: watch::Sender<Answers>,
    stopped: Arc<AtomicBool>,
) {
    for n in 0.. {
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        let (command, body) = callback(&burst, connection, n);
        match http.try_post(command, &body).await {
            Ok(answer) if answer.is_stored() => answers.send_modify(|answers| answers.stored.push(body)),
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{answer:?}");
                answer.error_info();
                answers.send_modify(|answers| answers.unknown.push(body));
            }
            Err(_) => {
                answers.send_modify(|answers| answers.unknown.push(body));
                return;
            }
        }
    }
}

/// Subscriber that reads in the background until its stream ends.
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

    /// Waits until it has received this many events.
    pub async fn saw(&mut self, count: usize) {
        soon(self.events.wait_for(|events| events.len() >= count)).await.expect("the stream continues");
    }

    /// Returns the events received so far.
    pub fn seen(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    /// Waits for the end of its stream. Returns the events that it received.
    pub async fn ended(self) -> Vec<Event> {
        soon(self.task).await.unwrap();
        self.events.borrow().clone()
    }
}
