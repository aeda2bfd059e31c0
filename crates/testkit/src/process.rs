//! The real program.

use std::{
    env,
    io::{BufRead as _, BufReader, Lines},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::Arc,
};

use imcallback::event_service_client::EventServiceClient;
use tokio::sync::watch;
use tonic::transport::Channel;

use crate::{APP_ID, client, soon};

/// Addresses of a gateway's listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pub admin: SocketAddr,
}

/// Running gateway process.
pub struct Process {
    pub addresses: Addresses,
    pub child: Child,
    log: Arc<watch::Sender<Vec<String>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

/// Returns the path of the program that cargo built for this test or benchmark.
pub fn program_path() -> PathBuf {
    // Older versions of cargo set the variable only during compilation, and only for the package of the
    // program. They place test executables in the directory `deps` beside the program.
    let path = env::var_os("CARGO_BIN_EXE_callback-gateway").map_or_else(
        || env::current_exe().unwrap().parent().unwrap().with_file_name("callback-gateway"),
        PathBuf::from,
    );
    assert!(path.exists(), "no {}: run `cargo build`", path.display());
    path
}

/// Returns a command that runs the program.
pub fn program() -> Command {
    Command::new(program_path())
}

/// Returns the arguments of `serve` with free ports.
pub fn serve_args(data_dir: &Path) -> Vec<String> {
    let app_id = APP_ID.to_string();
    let data_dir = data_dir.to_str().unwrap();
    let any = "127.0.0.1:0";
    let args = [
        "serve",
        "--sdk-app-id",
        &app_id,
        "--data-dir",
        data_dir,
        "--http-listen",
        any,
        "--grpc-listen",
        any,
        "--admin-listen",
        any,
    ];
    args.map(str::to_owned).to_vec()
}

impl Process {
    pub fn serve(data_dir: &Path, more: &[&str]) -> Self {
        Self::start(program().args(serve_args(data_dir)).args(more))
    }

    /// Starts the program and waits for the log line with its addresses.
    pub fn start(command: &mut Command) -> Self {
        let (mut process, lines) = Self::start_unread(command);
        let sink = Arc::clone(&process.log);
        process.reader = Some(std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.send_modify(|log| log.push(line));
            }
        }));
        process
    }

    /// Starts the program and leaves its later log lines to the caller.
    pub fn start_unread(command: &mut Command) -> (Self, Lines<BufReader<ChildStderr>>) {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let addresses = loop {
            let Some(line) = lines.next().transpose().unwrap() else {
                panic!("the gateway did not start: {:?}\n{}", child.wait(), log.join("\n"));
            };
            let json: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            log.push(line);
            if json["message"] == "ready" {
                let address = |name: &str| json[name].as_str().unwrap().parse().unwrap();
                break Addresses { http: address("http"), grpc: address("grpc"), admin: address("admin") };
            }
        };
        let log = Arc::new(watch::Sender::new(log));
        (Self { addresses, child, log, reader: None }, lines)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Kills it, as in a crash, and waits for its exit.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for a log line with this message.
    pub async fn line(&self, message: &str) -> serde_json::Value {
        self.nth_line(0, |line| line["message"] == message).await
    }

    /// Waits for the log line with this index, from 0, among the wanted ones.
    pub async fn nth_line(
        &self,
        nth: usize,
        is_wanted: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        let find = |log: &Vec<String>| {
            let lines = log.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            lines.filter(&is_wanted).nth(nth)
        };
        let mut log = self.log.subscribe();
        let log = soon(log.wait_for(|log| find(log).is_some())).await.unwrap();
        find(&log).expect("the line was found before")
    }

    /// Waits until it ends by itself. Returns its exit status and log lines.
    pub async fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let ended = tokio::task::spawn_blocking(move || {
            let status = self.child.wait().unwrap();
            if let Some(reader) = self.reader.take() {
                reader.join().unwrap();
            }
            let log = self.log.borrow().clone();
            (status, log)
        });
        soon(ended).await.unwrap()
    }

    pub async fn client(&self) -> EventServiceClient<Channel> {
        client(self.addresses.grpc).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
