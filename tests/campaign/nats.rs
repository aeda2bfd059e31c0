//! Damages to a stream of a NATS server: to its files while the server is down, or by the server's API.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::{sync::OnceCell, time::sleep};

use super::{
    callbacks::{Bodies, Posting},
    check::Depth,
    damage::{Manner, damage},
    model::Model,
    operator::operate,
    outcome::{Outcome, Trouble},
    process::Gateway,
    random::Random,
    stores::{model, post, serve, users},
    trial::{SERIES, Trial},
};
use crate::support::{nats::Nats, soon};

/// Events of the undamaged stream. They need more than one block.
const EVENTS: usize = 50;
/// Size limit of the stream, which is not reached. A block of the server has a quarter of it.
const RETENTION: &str = "--retention-bytes=16MiB";
/// Callbacks that are acknowledged before a damage under a running gateway, and after it.
const POSTED: usize = 5;
/// Deadline for a running gateway to accept callbacks after the server has restarted.
const RECOVERY: Duration = Duration::from_secs(30);
/// Distance in the list of targets between two consecutive damages. Must not divide the length of the list.
const STRIDE: u64 = 7;

/// Kind of file of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFile {
    Block,
    State,
    Meta,
    MetaSum,
}

impl StreamFile {
    const ALL: [Self; 4] = [Self::Block, Self::State, Self::Meta, Self::MetaSum];

    fn name(self) -> &'static str {
        match self {
            Self::Block => "a block",
            Self::State => "index.db",
            Self::Meta => "meta.inf",
            Self::MetaSum => "meta.sum",
        }
    }

    /// Returns the path of the file. Of several blocks it picks one.
    fn find(self, stream: &Path, random: &mut Random) -> PathBuf {
        match self {
            Self::Block => {
                let entries = fs::read_dir(stream.join("msgs")).unwrap().map(|entry| entry.unwrap().path());
                let is_block = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "blk");
                let mut blocks: Vec<PathBuf> = entries.filter(is_block).collect();
                blocks.sort();
                blocks.swap_remove(random.below(blocks.len()))
            }
            Self::State => stream.join("msgs/index.db"),
            Self::Meta => stream.join("meta.inf"),
            Self::MetaSum => stream.join("meta.sum"),
        }
    }
}

/// Target of a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamTarget {
    File(StreamFile, Manner),
    /// The directory with all messages.
    Messages,
    /// One message, deleted by the server's API.
    Message,
}

/// State of the programs when the files are damaged. The server is always down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamCourse {
    /// The server was stopped. No gateway runs.
    Stopped,
    /// The server was killed. No gateway runs.
    Killed,
    /// The server was killed under a running gateway.
    Running,
}

/// Damage to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamDamage {
    target: StreamTarget,
    course: StreamCourse,
}

impl StreamDamage {
    pub fn nth(n: u64, random: &mut Random) -> Self {
        let files = |manner| StreamFile::ALL.map(|file| StreamTarget::File(file, manner));
        let targets: Vec<_> = (Manner::ALL.into_iter().flat_map(files))
            .chain([StreamTarget::Messages, StreamTarget::Message])
            .collect();
        assert_ne!(targets.len() as u64 % STRIDE, 0, "all kinds come by turns");
        let target = targets[(n * STRIDE % targets.len() as u64) as usize];
        let courses: &[_] = match target {
            StreamTarget::Message => &[StreamCourse::Running],
            // Only a stopped server leaves this file.
            StreamTarget::File(StreamFile::State, _) => &[StreamCourse::Stopped],
            _ => &[StreamCourse::Stopped, StreamCourse::Killed, StreamCourse::Running],
        };
        Self { target, course: random.pick(courses) }
    }
}

/// Copies of an undamaged stream.
pub struct Stream {
    stopped: TempDir,
    killed: TempDir,
    /// Data directory of the gateway that wrote the stream.
    data: TempDir,
    model: Model,
}

/// The undamaged stream, created on first use.
#[derive(Default)]
pub struct Streams(OnceCell<Stream>);

impl Streams {
    /// Damages a copy of the stream. Returns a description of the damage, and the outcome.
    pub async fn run(&self, damage: StreamDamage, random: Random) -> (String, Result<Outcome, Trouble>) {
        let stream = self.0.get_or_init(create).await;
        let StreamDamage { target, course } = damage;
        let mut nats = Nats::start();
        nats.kill();
        nats.put_back(if course == StreamCourse::Killed { &stream.killed } else { &stream.stopped });
        let dir = TempDir::new().unwrap();
        copy(stream.data.path(), dir.path());
        let mut trial = Trial {
            dir: dir.path(),
            more: arguments(&nats),
            model: stream.model.clone(),
            accounts: &users(),
            random,
            is_strict: false,
            server: Some(nats.url()),
            depth: Depth::Full,
            series: SERIES,
        };
        let mut done = String::new();
        let outcome = if course == StreamCourse::Running {
            trial.stream_under(&mut nats, target, &mut done).await
        } else {
            trial.damage_stream(&mut nats, target, &mut done).await;
            trial.starts().await
        };
        (done, outcome)
    }
}

/// Returns the sequence of the stream's last message; `None` if there is no stream.
pub async fn last_message(server: &str) -> Option<u64> {
    let client = soon(async_nats::connect(server)).await.unwrap();
    let answer = soon(client.request("$JS.API.STREAM.INFO.callbacks", "".into())).await.ok()?;
    let info: serde_json::Value = serde_json::from_slice(&answer.payload).ok()?;
    info["state"]["last_seq"].as_u64()
}

fn arguments(nats: &Nats) -> Vec<String> {
    let url = nats.url();
    let arguments =
        ["--log", "nats", "--nats-replicas", "1", "--nats-url", &url, "--memory", "4KiB", RETENTION];
    arguments.map(str::to_owned).to_vec()
}

async fn create() -> Stream {
    let mut nats = Nats::start();
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &arguments(&nats)).await;
    post(&gateway, Bodies::Large, 5, EVENTS).await;
    gateway.until(RECOVERY, |status| status.latest_sequence == EVENTS as u64).await.unwrap();
    let model = model(&gateway).await;
    assert_eq!(model.events().count(), EVENTS);
    gateway.stop().await.unwrap();
    nats.kill();
    let killed = nats.copy_of_store();
    nats.start_again();
    stop(&mut nats).await;
    let stopped = nats.copy_of_store();
    assert!(stream_dir(stopped.path()).join("msgs/2.blk").exists(), "there are several blocks");
    Stream { stopped, killed, data: dir, model }
}

/// Copies the files of a gateway's data directory, which has one level of directories.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if from.is_dir() {
            fs::create_dir(to.join(&name)).unwrap();
            copy(&from, &to.join(&name));
        } else {
            fs::copy(&from, to.join(&name)).unwrap();
        }
    }
}

/// Stops the server by SIGTERM, upon which it writes its state.
async fn stop(nats: &mut Nats) {
    let pid = nats.pid().unwrap();
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
    // The process stays a zombie until `Nats` waits for it.
    let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    soon(async {
        while !stat().rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    nats.kill();
}

fn stream_dir(store: &Path) -> PathBuf {
    store.join("jetstream/$G/streams/callbacks")
}

impl Trial<'_> {
    /// Damages the stream of a server that is down, and starts the server.
    async fn damage_stream(&mut self, nats: &mut Nats, target: StreamTarget, done: &mut String) {
        let store = nats.copy_of_store();
        let stream = stream_dir(store.path());
        match target {
            StreamTarget::File(file, manner) => {
                let path = file.find(&stream, &mut self.random);
                let place = damage(&path, manner, &mut self.random).unwrap();
                *done = format!("{}, {}", path.display(), place.as_deref().unwrap_or("nothing there"));
            }
            StreamTarget::Messages => fs::remove_dir_all(stream.join("msgs")).unwrap(),
            StreamTarget::Message => {}
        }
        nats.put_back(&store);
        nats.start_again();
        if target == StreamTarget::Message {
            let sequence = 1 + self.random.below(EVENTS);
            *done = format!("message {sequence}");
            operate(nats, "STREAM.MSG.DELETE.callbacks", json!({ "seq": sequence })).await;
        }
    }

    /// Damages the stream under a running gateway.
    async fn stream_under(
        &mut self,
        nats: &mut Nats,
        target: StreamTarget,
        done: &mut String,
    ) -> Result<Outcome, Trouble> {
        nats.start_again();
        let mut gateway = serve(self.dir, &self.more).await;
        let outcome = self.wait_for_server(&gateway, nats, target, done).await;
        let outcome = gateway.or_died(outcome).await?;
        gateway.kill();
        Ok(outcome.max(self.starts().await?))
    }

    async fn wait_for_server(
        &mut self,
        gateway: &Gateway,
        nats: &mut Nats,
        target: StreamTarget,
        done: &mut String,
    ) -> Result<Outcome, Trouble> {
        for is_damaged in [false, true] {
            if is_damaged {
                nats.kill();
                self.damage_stream(nats, target, done).await;
            }
            let mut posting = Posting::start(gateway.addresses.http, Bodies::Mixed, self.series, POSTED);
            self.series += 1;
            let is_accepted = posting.reaches(POSTED, RECOVERY).await;
            let posted = posting.stop().await?;
            let is_broken = posted.is_broken;
            self.model.add(posted);
            if is_broken {
                return Err(Trouble::Gone("the connection for callbacks broke".to_owned()));
            }
            if !is_accepted {
                return self.check(gateway).kept_out().await;
            }
        }
        self.check(gateway).reads(Depth::Full).await
    }
}

impl fmt::Display for StreamDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.course {
            StreamCourse::Stopped => "NATS at rest, ",
            StreamCourse::Killed => "NATS killed, ",
            StreamCourse::Running => "NATS under a gateway, ",
        })?;
        match self.target {
            StreamTarget::File(file, manner) => write!(f, "{}: {manner}", file.name()),
            StreamTarget::Messages => f.write_str("messages: deleted"),
            StreamTarget::Message => f.write_str("a message: deleted"),
        }
    }
}
