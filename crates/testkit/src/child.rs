//! Child processes of a test.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// Longer than any start takes, even on a busy machine.
const HANG: Duration = Duration::from_secs(60);

/// Child process. Dropping it kills it, as in a crash, and waits for its exit.
pub struct Running(pub Child);

impl Running {
    /// Starts a server and waits until a line of its standard error contains `ready`.
    pub fn server(command: &mut Command, ready: &str) -> Self {
        let mut running = Self(command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let lines = BufReader::new(running.0.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (says, said) = channel();
        // Read to the end, even after the receiver is dropped: the server would block on a full pipe.
        thread::spawn(move || {
            for line in lines {
                says.send(line).ok();
            }
        });
        let until = Instant::now() + HANG;
        let mut seen = Vec::new();
        loop {
            match said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(ready) => return running,
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("{command:?} does not start\n{}", seen.join("\n")),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{command:?} did not start: {:?}\n{}", running.0.wait(), seen.join("\n"))
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
