//! Servers under measurement: the real program, or a floor. Each is a process of
//! its own, so that the operating system can tell what CPU time it took.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use callback_gateway::proto::{GetLogStatusRequest, admin_service_client::AdminServiceClient};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;

use super::{
    packet,
    testing::{Process, program, serve_args, soon},
};

/// Name of the gateway's threads that deliver events.
const DELIVERY: &str = "delivery";

/// Where a floor listens.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FloorAddress {
    pub address: SocketAddr,
}

/// A server's process.
pub struct Server {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pid: u32,
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
        let mut command = program();
        command.args(serve_args(data_dir)).args(more);
        command.env("CALLBACK_GATEWAY_TOKENS", packet::token_lines());
        let process = Process::start(&mut command);
        let (http, grpc, pid) = (process.addresses.http, process.addresses.grpc, process.child.id());
        Self { http, grpc, pid, _process: Kind::Gateway { _process: process } }
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
        Self { http: address, grpc: address, pid, _process: process }
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

fn cpu(process: &str) -> Duration {
    cpu_in(&std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap())
}

/// CPU time in a line of the system's accounting.
fn cpu_in(stat: &str) -> Duration {
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}

/// How many events the index is behind, if there is one.
pub async fn index_lag(admin: &mut AdminServiceClient<Channel>) -> Option<u64> {
    let status = soon(admin.get_log_status(GetLogStatusRequest::default())).await.unwrap().into_inner();
    Some((status.latest_sequence + 1).saturating_sub(status.index_sequence?))
}

/// A thousand subscribers are more files than the usual limit allows.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}
