//! The command line as a person at a terminal uses it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    os::fd::OwnedFd,
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use crate::{program, soon};

/// Returns the program as a client of the gateway at this address, without the caller's environment.
pub fn command(address: SocketAddr, args: &[&str]) -> Command {
    let mut command = program();
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CALLBACK_GATEWAY_") || text == "NO_COLOR" || text.starts_with("CLICOLOR") {
            command.env_remove(name);
        }
    }
    command.args(args).env("CALLBACK_GATEWAY_ADDRESS", address.to_string()).env("TERM", "xterm-256color");
    command
}

/// Returns the same command for a line of shell, which runs it with `"$0" "$@"`.
pub fn in_shell(line: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Runs a command to its end.
pub async fn run(command: &mut Command) -> CommandResult {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    CommandResult(soon(tokio::task::spawn_blocking(|| child.wait_with_output().unwrap())).await.unwrap())
}

/// Result of a command.
#[derive(Debug)]
pub struct CommandResult(pub Output);

impl CommandResult {
    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Returns its standard output. Panics if the command failed.
    pub fn good(&self) -> String {
        assert_eq!(self.code(), Some(0), "{self:?}");
        self.stdout()
    }

    /// Parses each line of its standard output as JSON.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        self.good().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// Running command with pipes. Dropping it kills it.
pub struct Running {
    pub child: Child,
    pub out: Option<BufReader<ChildStdout>>,
    pub err: BufReader<ChildStderr>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = Some(BufReader::new(child.stdout.take().unwrap()));
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Returns its next line. Panics if it ends first.
    pub async fn line(&mut self) -> String {
        let mut out = self.out.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            (out, line)
        });
        let (out, line) = soon(reading).await.unwrap();
        self.out = Some(out);
        assert!(line.ends_with('\n'), "it ended: {line}");
        line.trim_end().to_owned()
    }

    pub fn interrupt(&self) {
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits for its end. Returns its exit code and the rest of standard error.
    pub async fn ended(mut self) -> (Option<i32>, String) {
        let ending = tokio::task::spawn_blocking(move || {
            let mut err = String::new();
            self.err.read_to_string(&mut err).unwrap();
            (self.child.wait().unwrap().code(), err)
        });
        soon(ending).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs a command in a terminal of 100 columns. Returns its exit code and everything that it writes
/// there.
pub async fn on_a_terminal(mut command: Command) -> (Option<i32>, String) {
    let (mut terminal, end) = terminal();
    let stdio = || Stdio::from(end.try_clone().unwrap());
    let mut child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
    // The command holds its ends of the terminal until it is dropped.
    drop((command, end));
    let reading = tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        match terminal.read_to_end(&mut seen) {
            // Linux reports a closed other end with this error.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {}
            read => drop(read.unwrap()),
        }
        (child.wait().unwrap().code(), String::from_utf8(seen).unwrap())
    });
    soon(reading).await.unwrap()
}

fn terminal() -> (File, OwnedFd) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    tcsetwinsize(&end, Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(terminal), end)
}

/// TCP relay: its address stays the same while gateways restart.
pub struct Relay {
    pub address: SocketAddr,
    upstream: Arc<Mutex<Option<SocketAddr>>>,
    cut: watch::Sender<u32>,
    accepted: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Relay {
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = Arc::new(Mutex::new(Some(upstream)));
        let (cut, cuts) = watch::channel(0);
        let to = Arc::clone(&upstream);
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let to = *to.lock().unwrap();
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                connections.spawn(async move {
                    let Some(to) = to else { return };
                    let Ok(mut far) = TcpStream::connect(to).await else { return };
                    tokio::select! {
                        // Both sides are closed on every exit.
                        copied = copy_bidirectional(&mut near, &mut far) => drop(copied),
                        changed = cuts.changed() => drop(changed),
                    }
                });
            }
        });
        Self { address, upstream, cut, accepted, task: task.abort_handle() }
    }

    /// Returns the number of accepted connections.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Sets the target of further connections. `None` closes them.
    pub fn lead_to(&self, upstream: Option<SocketAddr>) {
        *self.upstream.lock().unwrap() = upstream;
    }

    /// Breaks all open connections.
    pub fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the text without colour codes.
pub fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        let end = after.find('m').expect("only colours");
        assert!(after[..end].bytes().all(|b| b.is_ascii_digit() || b == b';'), "only colours: {after:?}");
        rest = &after[end + 1..];
    }
    plain + rest
}
