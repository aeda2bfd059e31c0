//! Callbacks with unique bodies, and a task that posts them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{outcome::Trouble, random::Random};
use crate::support::Http;

/// Number of accounts that the bodies of [`Bodies::Mixed`] name.
pub const ACCOUNTS: usize = 7;
/// Number of accounts, and of groups, that the bodies of [`Bodies::ManyNames`] name.
pub const MANY_ACCOUNTS: usize = 4096;
/// Names in each list of a body: as many as the gateway indexes.
const NAMES: usize = 256;
/// Pause after a refused callback.
const PAUSE: Duration = Duration::from_millis(10);
/// Deadline for an answer. The gateway's own is 2 s.
const ANSWER: Duration = Duration::from_secs(20);

/// Kind of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// 50 bytes to 30 kB, so that some records need overflow pages.
    Mixed,
    /// 60 to 160 kB, so that few of them fill a block of a NATS server.
    Large,
    /// 256 accounts and 256 groups, so that few of them fill a segment of the index.
    ManyNames,
}

/// Returns the command and the body of a callback. No other callback has this body.
pub fn callback(bodies: Bodies, series: u64, n: u64) -> (&'static str, String) {
    let mut random = Random::of(series, n);
    let id = format!("number-{series}-{n:05}.");
    if bodies == Bodies::ManyNames {
        let mut names = |kind| {
            let names = (0..NAMES).map(|_| format!("\"{kind}{:04}\"", random.below(MANY_ACCOUNTS)));
            names.collect::<Vec<_>>().join(",")
        };
        let (accounts, groups) = (names("a"), names("g"));
        let body = format!(r#"{{"Text":"{id}","To_Account":[{accounts}],"GroupId":[{groups}]}}"#);
        return ("Test.Names", body);
    }
    let account = format!("user-{}", n % ACCOUNTS as u64);
    let bytes = match random.below(10) {
        _ if bodies == Bodies::Large => random.within(60_000..160_000),
        0 => random.within(8_000..30_000),
        1..4 => random.within(2_000..8_000),
        _ => random.within(50..2_000),
    };
    let text = random.text(bytes);
    if n % 4 == 3 {
        let pair = format!(r#"{{"From_Account":"{account}","To_Account":"{id}"}}"#);
        let command = "Sns.CallbackBlackListAdd";
        let more = format!(r#""ClientCmd":"{text}""#);
        return (command, format!(r#"{{"CallbackCommand":"{command}","PairList":[{pair}],{more}}}"#));
    }
    ("Test.Damage", format!(r#"{{"Text":"{id}{text}","From_Account":"{account}"}}"#))
}

/// Returns whether a body of [`callback`] names an account.
pub fn names(body: &str, account: &str) -> bool {
    body.contains(&format!("\"{account}\""))
}

/// Answers to the callbacks that were posted, in the order of posting.
#[derive(Debug, Clone, Default)]
pub struct Posted {
    /// Bodies answered with 200: the gateway must have stored them.
    pub acknowledged: Vec<String>,
    /// Bodies answered with 503 or not at all: the gateway may have stored them.
    pub unknown: Vec<String>,
    /// Answer that is neither 200 nor 503.
    pub odd: Option<String>,
    /// The connection broke, which ended the task.
    pub is_broken: bool,
}

/// Task that posts callbacks one after the other on one connection.
pub struct Posting {
    posted: watch::Receiver<Posted>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Posting {
    /// Starts the task. It ends when `count` callbacks are acknowledged.
    pub fn start(address: SocketAddr, bodies: Bodies, series: u64, count: usize) -> Self {
        let (sender, posted) = watch::channel(Posted::default());
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(post(address, (bodies, series, count), sender, Arc::clone(&stop)));
        Self { posted, stop, task }
    }

    /// Returns the number of acknowledged callbacks.
    pub fn acknowledged(&self) -> usize {
        self.posted.borrow().acknowledged.len()
    }

    /// Waits until `count` callbacks are acknowledged. Returns false after `within`, or if the connection breaks.
    pub async fn reaches(&mut self, count: usize, within: Duration) -> bool {
        let reached = self.posted.wait_for(|posted| posted.acknowledged.len() >= count || posted.is_broken);
        match timeout(within, reached).await {
            Ok(Ok(posted)) => posted.acknowledged.len() >= count,
            _ => false,
        }
    }

    /// Stops the task after the next answer.
    pub async fn stop(self) -> Result<Posted, Trouble> {
        self.stop.store(true, Ordering::SeqCst);
        timeout(2 * ANSWER, self.task)
            .await
            .map_err(|_| Trouble::stuck("a callback is not answered"))?
            .expect("posting does not panic");
        let posted = self.posted.borrow().clone();
        match &posted.odd {
            Some(odd) => Err(Trouble::broken(odd)),
            None => Ok(posted),
        }
    }
}

async fn post(
    address: SocketAddr,
    (bodies, series, count): (Bodies, u64, usize),
    posted: watch::Sender<Posted>,
    stop: Arc<AtomicBool>,
) {
    let Ok(stream) = TcpStream::connect(address).await else {
        posted.send_modify(|posted| posted.is_broken = true);
        return;
    };
    stream.set_nodelay(true).ok();
    let mut http = Http { stream };
    for n in 0.. {
        if stop.load(Ordering::SeqCst) || posted.borrow().acknowledged.len() == count {
            return;
        }
        let (command, body) = callback(bodies, series, n);
        let answer = timeout(ANSWER, http.try_post(command, &body)).await;
        match answer {
            Ok(Ok(answer)) if answer.is_stored() => {
                posted.send_modify(|posted| posted.acknowledged.push(body));
            }
            Ok(Ok(answer)) if answer.status == 503 => {
                posted.send_modify(|posted| posted.unknown.push(body));
                sleep(PAUSE).await;
            }
            ending => {
                let odd = match ending {
                    Ok(Ok(answer)) => Some(format!("a callback was answered with {answer:?}")),
                    Ok(Err(_)) => None,
                    Err(_) => Some("a callback was not answered".to_owned()),
                };
                posted.send_modify(|posted| {
                    posted.unknown.push(body);
                    (posted.odd, posted.is_broken) = (odd, true);
                });
                return;
            }
        }
    }
}
