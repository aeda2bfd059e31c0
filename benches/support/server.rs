//! Servers under measurement: the real program, or a floor. Each is a process of its own, so that the
//! operating system reports its CPU time.

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

/// Address on which a floor listens.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FloorAddress {
    pub address: SocketAddr,
}

/// Backend of the gateways' logs: the disk, or these NATS servers.
pub struct Log {
    nats: Vec<Nats>,
}

impl Log {
    /// Starts the NATS servers that the options require, each with its own directory.
    pub fn start(options: &Options) -> Self {
        let nats = match (options.is_nats(), options.nats_servers) {
            (false, _) => Vec::new(),
            (true, 1) => vec![Nats::start()],
            (true, _) => Nats::cluster().into(),
        };
        Self { nats }
    }

    /// Returns the servers' URLs, as the gateway's setting expects them.
    pub fn urls(&self) -> String {
        self.nats.iter().map(Nats::url).collect::<Vec<_>>().join(",")
    }

    /// Returns the number of servers that store each event.
    pub fn replicas(&self) -> usize {
        self.nats.len()
    }

    /// Returns the CPU time of the NATS servers so far.
    pub fn cpu(&self) -> Duration {
        nats_cpu(&self.pids())
    }

    fn pids(&self) -> Vec<u32> {
        self.nats.iter().filter_map(Nats::pid).collect()
    }

    /// Returns options for a log with this name that the benchmark itself writes.
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

    /// Returns the gateway's arguments for a log with this name.
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

/// Process of a server.
pub struct Server {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pid: u32,
    /// Process ids of the NATS servers with the gateway's log.
    nats: Vec<u32>,
    _process: ServerProcess,
}

enum ServerProcess {
    Gateway { _process: Process },
    Floor(Child),
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if let Self::Floor(child) = self {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Server {
    /// Starts the real program with default settings, for signed callbacks.
    pub fn gateway(data_dir: &Path, more: &[&str]) -> Self {
        Self::gateway_over(&Log { nats: Vec::new() }, "", data_dir, more)
    }

    /// Starts the real program with its log on this backend, under a unique name.
    pub fn gateway_over(log: &Log, name: &str, data_dir: &Path, more: &[&str]) -> Self {
        let mut command = program();
        command.args(serve_args(data_dir)).args(log.args(name)).args(more);
        command.env("CALLBACK_GATEWAY_TOKENS", packet::token_lines());
        let process = Process::start(&mut command);
        let (http, grpc, pid) = (process.addresses.http, process.addresses.grpc, process.child.id());
        Self { http, grpc, pid, nats: log.pids(), _process: ServerProcess::Gateway { _process: process } }
    }

    /// Starts this program as a floor. It ends when its standard input is closed.
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
        let process = ServerProcess::Floor(child);
        let FloorAddress { address } = serde_json::from_str(&line).expect("the floor prints its address");
        Self { http: address, grpc: address, pid, nats: Vec::new(), _process: process }
    }

    /// Returns the CPU time so far, as the operating system accounts it.
    pub fn cpu(&self) -> Duration {
        cpu(&self.pid.to_string())
    }

    /// Returns the CPU time so far of the running threads that deliver events.
    pub fn delivery_cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid)).unwrap();
        let delivering = threads.map(|thread| thread.unwrap().path()).filter(|thread| {
            // A thread that has ended meanwhile has no name.
            std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == DELIVERY)
        });
        delivering
            .filter_map(|thread| Some(cpu_in(&std::fs::read_to_string(thread.join("stat")).ok()?)))
            .sum()
    }

    /// Returns whether the gateway's log is on NATS servers.
    pub fn has_nats(&self) -> bool {
        !self.nats.is_empty()
    }

    /// Returns the CPU time of the NATS servers with the gateway's log.
    pub fn nats_cpu(&self) -> Duration {
        nats_cpu(&self.nats)
    }

    /// Returns the current memory, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        soon(AdminServiceClient::connect(format!("http://{}", self.grpc))).await.unwrap()
    }
}

/// Returns the CPU time of this process so far: that of the load.
pub fn own_cpu() -> Duration {
    cpu("self")
}

fn nats_cpu(pids: &[u32]) -> Duration {
    pids.iter().map(|pid| cpu(&pid.to_string())).sum()
}

/// Returns the CPU time of a process so far.
pub fn cpu(process: &str) -> Duration {
    cpu_in(&std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap())
}

/// Parses the CPU time in a line of `/proc/PID/stat`.
fn cpu_in(stat: &str) -> Duration {
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}

/// Maximum time to wait for the index. Rows show how far it was behind.
const CATCHING_UP: Duration = Duration::from_secs(20);
/// A gateway that uses almost no CPU time for this long is idle.
const SETTLED: Duration = Duration::from_millis(300);

/// Returns how many events the index is behind. `None` without an index.
pub async fn index_lag(admin: &mut AdminServiceClient<Channel>) -> Option<u64> {
    let status = soon(admin.get_log_status(GetLogStatusRequest::default())).await.unwrap().into_inner();
    Some((status.latest_sequence + 1).saturating_sub(status.index_sequence?))
}

/// Waits until the index has caught up, at most [`CATCHING_UP`]. Returns the time that it took.
pub async fn catch_up(server: &Server) -> Duration {
    let mut admin = server.admin().await;
    let started = Instant::now();
    while index_lag(&mut admin).await.is_some_and(|lag| lag > 0) && started.elapsed() < CATCHING_UP {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    started.elapsed()
}

/// Waits until the gateway has completed its start, which includes reading back the callbacks of the
/// duplicate window.
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

/// Raises the limit of open files: a thousand subscribers need more than the default.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}
