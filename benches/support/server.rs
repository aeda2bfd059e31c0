//! Servers under measurement: the real program, or a floor. Each is a process of
//! its own, so that the operating system can tell what CPU time it took.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use callback_gateway::testing::log::{disk::Retention, jetstream};
use imcallback::{GetLogStatusRequest, admin_service_client::AdminServiceClient};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;

use super::{
    Options, packet,
    testing::{Process, nats::Nats, program, serve_args, soon},
};

/// Name of the gateway's threads that deliver events.
const DELIVERY: &str = "delivery";

/// Where a floor listens.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FloorAddress {
    pub address: SocketAddr,
}

/// Where gateways keep their logs: on the disk, or on these NATS servers.
pub struct Log {
    nats: Vec<Nats>,
}

impl Log {
    /// As the benchmark was told to: with NATS servers it starts them, each with a directory
    /// of its own.
    pub fn start(options: &Options) -> Self {
        let nats = match (options.is_nats(), options.nats_servers) {
            (false, _) => Vec::new(),
            (true, 1) => vec![Nats::start()],
            (true, _) => Nats::cluster().into(),
        };
        Self { nats }
    }

    /// The servers' URLs, as the gateway's setting has them.
    pub fn urls(&self) -> String {
        self.nats.iter().map(Nats::url).collect::<Vec<_>>().join(",")
    }

    /// How many servers have each event.
    pub fn replicas(&self) -> usize {
        self.nats.len()
    }

    /// CPU time of the NATS servers so far.
    pub fn cpu(&self) -> Duration {
        nats_cpu(&self.pids())
    }

    fn pids(&self) -> Vec<u32> {
        self.nats.iter().filter_map(Nats::pid).collect()
    }

    /// The same for a log of this name that the benchmark itself writes.
    pub fn options(&self, name: &str) -> jetstream::Options {
        let age = Some(Duration::from_secs(7 * 24 * 60 * 60));
        let retention = Retention { age, bytes: Some(10 << 30), ..Default::default() };
        let (stream, subject_prefix) = (name.to_owned(), name.to_owned());
        let servers = self.nats.iter().map(Nats::url).collect();
        let replicas = self.replicas();
        jetstream::Options {
            servers,
            stream,
            subject_prefix,
            replicas,
            retention,
            ..jetstream::Options::new("")
        }
    }

    /// The gateway's arguments for a log of this name.
    fn args(&self, name: &str) -> Vec<String> {
        if self.nats.is_empty() {
            return Vec::new();
        }
        let replicas = self.replicas().to_string();
        let urls = self.urls();
        [
            "--log",
            "nats",
            "--nats-url",
            &urls,
            "--nats-stream",
            name,
            "--nats-subject-prefix",
            name,
            "--nats-replicas",
            &replicas,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// A server's process.
pub struct Server {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pid: u32,
    /// The NATS servers that its log is on.
    nats: Vec<u32>,
    _process: Kind,
}

enum Kind {
    Gateway { _process: Process },
    Floor(Child),
}

impl Drop for Kind {
    fn drop(&mut self) {
        if let Self::Floor(child) = self {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Server {
    /// The real program with its usual settings and signed callbacks.
    pub fn gateway(data_dir: &Path, more: &[&str]) -> Self {
        Self::gateway_over(&Log { nats: Vec::new() }, "", data_dir, more)
    }

    /// The same with its log there, under a name that no other gateway's has.
    pub fn gateway_over(log: &Log, name: &str, data_dir: &Path, more: &[&str]) -> Self {
        let mut command = program();
        command.args(serve_args(data_dir)).args(log.args(name)).args(more);
        command.env("CALLBACK_GATEWAY_TOKENS", packet::token_lines());
        let process = Process::start(&mut command);
        let (http, grpc, pid) = (process.addresses.http, process.addresses.grpc, process.child.id());
        Self { http, grpc, pid, nats: log.pids(), _process: Kind::Gateway { _process: process } }
    }

    /// A floor: this program, told to be one. It ends with its standard input.
    pub fn floor(name: &str, argument: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--floor", name, "--argument", &argument.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = child.id();
        let process = Kind::Floor(child);
        let FloorAddress { address } = serde_json::from_str(&line).expect("the floor says where it listens");
        Self { http: address, grpc: address, pid, nats: Vec::new(), _process: process }
    }

    /// Its CPU time so far, by the operating system's accounting.
    pub fn cpu(&self) -> Duration {
        cpu(&self.pid.to_string())
    }

    /// The CPU time so far of its threads that deliver events, those that are still there.
    pub fn delivery_cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid)).unwrap();
        let delivering = threads.map(|thread| thread.unwrap().path()).filter(|thread| {
            // One that has ended meanwhile has no name.
            std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == DELIVERY)
        });
        delivering
            .filter_map(|thread| Some(cpu_in(&std::fs::read_to_string(thread.join("stat")).ok()?)))
            .sum()
    }

    /// Whether its log is on NATS servers.
    pub fn has_nats(&self) -> bool {
        !self.nats.is_empty()
    }

    /// CPU time of the NATS servers that its log is on.
    pub fn nats_cpu(&self) -> Duration {
        nats_cpu(&self.nats)
    }

    /// Its memory now, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        soon(AdminServiceClient::connect(format!("http://{}", self.grpc))).await.unwrap()
    }
}

/// This process' CPU time so far: that of the load.
pub fn own_cpu() -> Duration {
    cpu("self")
}

fn nats_cpu(pids: &[u32]) -> Duration {
    pids.iter().map(|pid| cpu(&pid.to_string())).sum()
}

/// A process' CPU time so far.
pub fn cpu(process: &str) -> Duration {
    cpu_in(&std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap())
}

/// CPU time in a line of the system's accounting.
fn cpu_in(stat: &str) -> Duration {
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}

/// The index catches up within this, or rows say how far it came.
const CATCHING_UP: Duration = Duration::from_secs(20);
/// A gateway that takes next to no CPU time for so long has nothing more to do.
const SETTLED: Duration = Duration::from_millis(300);

/// How many events the index is behind, if there is one.
pub async fn index_lag(admin: &mut AdminServiceClient<Channel>) -> Option<u64> {
    let status = soon(admin.get_log_status(GetLogStatusRequest::default())).await.unwrap().into_inner();
    Some((status.latest_sequence + 1).saturating_sub(status.index_sequence?))
}

/// Waits until the index is there, or for so long that its row shall say how far it came.
pub async fn catch_up(server: &Server) -> Duration {
    let mut admin = server.admin().await;
    let started = Instant::now();
    while index_lag(&mut admin).await.is_some_and(|lag| lag > 0) && started.elapsed() < CATCHING_UP {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    started.elapsed()
}

/// Waits until the gateway has done what it does when it starts: it reads back what came in
/// within the duplicate window, too.
pub async fn settle(server: &Server) {
    let started = Instant::now();
    catch_up(server).await;
    loop {
        let cpu = server.cpu();
        tokio::time::sleep(SETTLED).await;
        if server.cpu() - cpu < SETTLED / 10 || started.elapsed() > CATCHING_UP {
            return;
        }
    }
}

/// A thousand subscribers are more files than the usual limit allows.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}
