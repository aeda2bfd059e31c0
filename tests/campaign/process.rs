//! A gateway process over a damaged store. It may refuse to start, hang, or crash at any time.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ExitStatus, Stdio},
    time::Duration,
};

use callback_gateway::app::Addresses;
use imcallback::{
    GetLogStatusRequest, GetLogStatusResponse, admin_service_client::AdminServiceClient,
    event_service_client::EventServiceClient,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::watch,
    time::{interval, sleep, timeout},
};

use super::{
    outcome::{Outcome, Trouble},
    reads::Client,
};
use crate::support::{Answer, Http, program, serve_args};

/// Deadline for a start. A gateway waits up to 30 s for JetStream.
const START: Duration = Duration::from_secs(45);
/// Deadline for a stop.
const STOP: Duration = Duration::from_secs(40);
/// Deadline for a connection, and for an answer of the admin listener.
const ANSWER: Duration = Duration::from_secs(15);
/// Interval between two requests for the state of the log.
const STATUS: Duration = Duration::from_millis(20);
/// Interval between two checks whether the process has ended.
const LOOK: Duration = Duration::from_millis(2);

/// Running gateway. Dropping it kills the process.
pub struct Gateway {
    pub addresses: Addresses,
    child: Child,
    lines: watch::Receiver<Lines>,
}

/// Output of a gateway.
#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    ready: Option<Addresses>,
    has_ended: bool,
}

/// Result of a start.
pub enum Started {
    Ready(Box<Gateway>),
    /// The process ended with this exit code and this output.
    Refused {
        code: Option<i32>,
        log: String,
    },
}

impl Gateway {
    /// Starts a gateway with a data directory.
    pub async fn start(dir: &Path, more: &[String]) -> Result<Started, Trouble> {
        let mut command = program();
        command.args(serve_args(dir)).args(["--drain-delay", "0s"]).args(more);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stderr.take().unwrap());
        let (sender, mut lines) = watch::channel(Lines::default());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                sender.send_modify(|lines| {
                    lines.ready = lines.ready.or_else(|| ready(&line));
                    lines.lines.push(line);
                });
            }
            sender.send_modify(|lines| lines.has_ended = true);
        });
        let started = async {
            let started = lines.wait_for(|lines| lines.ready.is_some() || lines.has_ended).await;
            started.expect("the thread says how it ends").ready
        };
        let addresses = match timeout(START, started).await {
            Ok(addresses) => addresses,
            Err(_) => {
                child.kill().unwrap();
                child.wait().unwrap();
                let log = lines.borrow().lines.join("\n");
                return Err(Trouble::stuck(format!("the gateway does not start\n{log}")));
            }
        };
        let Some(addresses) = addresses else {
            let code = child.wait().unwrap().code();
            return Ok(Started::Refused { code, log: lines.borrow().lines.join("\n") });
        };
        Ok(Started::Ready(Box::new(Self { addresses, child, lines })))
    }

    /// Maps a broken connection to [`Outcome::Died`] if the process ends, and to a failure if it goes on running.
    pub async fn or_died(&mut self, outcome: Result<Outcome, Trouble>) -> Result<Outcome, Trouble> {
        let (failed, why) = match outcome {
            Ok(outcome) => return Ok(outcome),
            // A gateway that ends by itself drains its connections first.
            Err(Trouble::Gone(_)) if timeout(STOP, self.ended()).await.is_ok() => return Ok(Outcome::Died),
            Err(Trouble::Gone(why)) => (Outcome::Broken, why),
            Err(Trouble::Failed(failed, why)) => (failed, why),
        };
        Err(Trouble::Failed(failed, format!("{why}\n{}", self.log())))
    }

    /// Waits until the process has ended.
    async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            sleep(LOOK).await;
        }
    }

    fn log(&self) -> String {
        self.lines.borrow().lines.join("\n")
    }

    pub async fn client(&self) -> Result<Client, Trouble> {
        let address = format!("http://{}", self.addresses.grpc);
        match timeout(ANSWER, EventServiceClient::connect(address)).await {
            Ok(connected) => connected.map_err(|error| Trouble::Gone(format!("connecting: {error}"))),
            Err(_) => Err(Trouble::stuck("connecting takes too long")),
        }
    }

    /// Sends a GET request to the admin listener.
    pub async fn admin(&self, path: &str) -> Result<Answer, Trouble> {
        let getting = async {
            let mut http = Http { stream: TcpStream::connect(self.addresses.admin).await? };
            let request = format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n");
            http.stream.write_all(request.as_bytes()).await?;
            http.try_answer().await
        };
        match timeout(ANSWER, getting).await {
            Ok(answer) => answer.map_err(|error| Trouble::Gone(format!("{path}: {error}"))),
            Err(_) => Err(Trouble::stuck(format!("{path} is not answered"))),
        }
    }

    /// Waits until the log's state fulfils a condition, or until `within` has passed.
    pub async fn until(
        &self,
        within: Duration,
        mut is_there: impl FnMut(&GetLogStatusResponse) -> bool,
    ) -> Result<(), Trouble> {
        let address = format!("http://{}", self.addresses.grpc);
        let asking = async {
            let mut admin = AdminServiceClient::connect(address).await.map_err(|error| error.to_string())?;
            let mut look = interval(STATUS);
            loop {
                look.tick().await;
                let status = admin.get_log_status(GetLogStatusRequest {}).await;
                if is_there(&status.map_err(|status| format!("{status:?}"))?.into_inner()) {
                    return Ok(());
                }
            }
        };
        timeout(within, asking).await.unwrap_or(Ok(())).map_err(Trouble::Gone)
    }

    /// Kills the process.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops the process by SIGTERM.
    pub async fn stop(mut self) -> Result<(), Trouble> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        match timeout(STOP, self.ended()).await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Trouble::broken(format!("SIGTERM ended it with {status}\n{}", self.log()))),
            Err(_) => Err(Trouble::stuck(format!("SIGTERM does not end it\n{}", self.log()))),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Returns the addresses in the log line that says that the gateway is ready.
fn ready(line: &str) -> Option<Addresses> {
    let json: serde_json::Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| json[name].as_str()?.parse().ok();
    (json["message"] == "ready").then_some(())?;
    Some(Addresses { http: address("http")?, grpc: address("grpc")?, admin: address("admin")? })
}
