//! Real NATS servers with JetStream: a single server or a cluster.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{child::Running, tools::tools};

/// Environment variable with the path of the server's program.
const PROGRAM: &str = "NATS_SERVER";

/// Additional server configuration, in the format of NATS: none.
pub const NOTHING_MORE: &str = "";

/// NATS server. Dropping it kills it.
pub struct Nats {
    /// Before the directory: fields are dropped in this order.
    running: Option<Running>,
    dir: TempDir,
    /// Port for clients.
    pub port: u16,
}

impl Nats {
    /// Starts a single server.
    pub fn start() -> Self {
        Self::start_with(NOTHING_MORE)
    }

    /// Starts a single server with additional configuration.
    pub fn start_with(more: &str) -> Self {
        let [port] = free_ports();
        let mut server = Self::new("alone", port, more);
        server.start_again();
        server
    }

    /// Starts a single server without JetStream, for tests that answer in its place.
    pub fn start_without_jetstream() -> Self {
        let [port] = free_ports();
        let mut server = Self::new("alone", port, NOTHING_MORE);
        fs::write(server.dir.path().join("nats.conf"), format!("listen: \"127.0.0.1:{port}\"\n")).unwrap();
        server.start_again();
        server
    }

    /// Starts a cluster of three servers with JetStream.
    pub fn cluster() -> [Self; 3] {
        Self::cluster_with(|_| NOTHING_MORE.to_owned())
    }

    /// Starts a cluster with additional configuration for each server.
    pub fn cluster_with(more: impl Fn(usize) -> String) -> [Self; 3] {
        let ports: [u16; 6] = free_ports();
        let routes: Vec<String> = ports[3..].iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let mut servers = [0, 1, 2].map(|n| {
            let cluster = format!(
                "cluster {{ name: test, listen: \"127.0.0.1:{}\", routes: [{}] }}\n{}",
                ports[3 + n],
                routes.join(", "),
                more(n)
            );
            Self::new(&format!("n{n}"), ports[n], &cluster)
        });
        Self::start_all_again(&mut servers);
        servers
    }

    /// Restarts all servers of a cluster on their ports and directories.
    pub fn start_all_again(servers: &mut [Self; 3]) {
        // A server is ready only after it has joined others.
        let starting = servers.each_mut().map(|server| std::thread::spawn(server.starting()));
        for (server, starting) in servers.iter_mut().zip(starting) {
            server.running = Some(starting.join().unwrap());
        }
    }

    fn new(name: &str, port: u16, more: &str) -> Self {
        let dir = TempDir::new().unwrap();
        // Streams reserve their maximum size, which may exceed the free space of a small disk.
        let config = format!(
            "server_name: {name}\nlisten: \"127.0.0.1:{port}\"\n\
             jetstream {{ store_dir: {:?}, max_file_store: 1TB }}\n{more}\n",
            dir.path().join("jetstream")
        );
        fs::write(dir.path().join("nats.conf"), config).unwrap();
        Self { running: None, dir, port }
    }

    /// Returns the process ID while the server runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.0.id())
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server, as in a crash, and waits for its exit.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Starts the server on its previous port and directory and waits until it is ready.
    pub fn start_again(&mut self) {
        self.running = Some(self.starting()());
    }

    fn starting(&mut self) -> impl FnOnce() -> Running + Send + 'static {
        self.kill();
        let config = self.dir.path().join("nats.conf");
        move || start(&config)
    }

    /// Returns the directory of its messages.
    fn store(&self) -> PathBuf {
        self.dir.path().join("jetstream")
    }

    /// Copies its messages. The server must be stopped.
    pub fn copy_of_store(&self) -> TempDir {
        let kept = TempDir::new().unwrap();
        copy(&self.store(), kept.path());
        kept
    }

    /// Replaces its messages by those of an earlier copy. The server must be stopped.
    pub fn put_back(&self, kept: &TempDir) {
        fs::remove_dir_all(self.store()).unwrap();
        copy(kept.path(), &self.store());
    }
}

/// Sends a request to the JetStream API. Panics if JetStream returns an error.
pub async fn ask(client: &async_nats::Client, what: &str, request: &str) -> serde_json::Value {
    let answer = client.request(format!("$JS.API.{what}"), request.to_owned().into());
    let answer = tokio::time::timeout(super::HANG, answer).await.expect("JetStream answers in time").unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    answer
}

/// Returns whether the server accepts this configuration.
pub fn checks(config: &Path) -> bool {
    Command::new(program()).arg("-t").arg("--config").arg(config).status().unwrap().success()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Returns the path of the server's program: the one in the environment, or the one of `./scripts/test`.
pub fn program() -> PathBuf {
    env::var_os(PROGRAM).map_or_else(|| tools().join("bin/nats-server"), PathBuf::from)
}

/// Returns the error message for a missing program.
pub fn missing(program: &Path) -> String {
    format!("no {}: run ./scripts/tools nats-server, or set {PROGRAM}", program.display())
}

fn start(config: &Path) -> Running {
    let program = program();
    assert!(program.exists(), "{}", missing(&program));
    Running::server(Command::new(program).arg("-c").arg(config), "Server is ready")
}

/// Ports for servers: below the ephemeral range, because a restarted server needs its port again.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// Returns ports that were free a moment ago. The search starts at random because tests run in parallel.
fn free_ports<const N: usize>() -> [u16; N] {
    let mut port = PORTS.start + (getrandom::u32().unwrap() % PORTS.len() as u32) as u16;
    let mut free = || loop {
        port = if port + 1 < PORTS.end { port + 1 } else { PORTS.start };
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener;
        }
    };
    [(); N].map(|()| free()).map(|listener| listener.local_addr().unwrap().port())
}
