//! The real grpcurl, and similar programs that print messages or fail.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use serde_json::Value;
use tonic::Code;

use crate::{HANG, tools::tool};

/// Returns the path of grpcurl: a script that `exec`s the program, so killing the script kills the program.
pub fn grpcurl_binary() -> PathBuf {
    tool("bin/grpcurl")
}

/// Result of a program that has ended.
pub struct CommandResult(Output);

pub fn run(command: &mut Command) -> CommandResult {
    CommandResult(command.output().unwrap())
}

impl CommandResult {
    /// Returns its standard output. Panics if the program failed.
    pub fn stdout(self) -> String {
        assert!(self.0.status.success(), "{:?}", self.0);
        String::from_utf8(self.0.stdout).unwrap()
    }

    pub fn json(self) -> Value {
        serde_json::from_str(&self.stdout()).unwrap()
    }

    /// Returns the output of a failed grpcurl. Its exit code is the status code plus 64.
    pub fn failed_with(self, code: Code) -> String {
        assert_eq!(self.0.status.code(), Some(64 + code as i32), "{:?}", self.0);
        String::from_utf8(self.0.stderr).unwrap()
    }
}

/// A grpcurl that follows the log. Dropping it ends the process.
pub struct Subscription {
    grpcurl: Running,
    messages: Receiver<Value>,
}

impl Subscription {
    pub fn start(command: &mut Command) -> Self {
        let mut grpcurl = Running(command.stdout(Stdio::piped()).spawn().unwrap());
        let stdout = BufReader::new(grpcurl.0.stdout.take().unwrap());
        let (printed, messages) = mpsc::channel();
        thread::spawn(move || {
            // A message spans several lines. Only the last one is a plain `}`.
            let mut text = String::new();
            for line in stdout.lines().map_while(Result::ok) {
                text.push_str(&line);
                if line == "}" {
                    // Fails once the test has dropped the receiver.
                    printed.send(serde_json::from_str(&text).unwrap()).ok();
                    text.clear();
                }
            }
        });
        Self { grpcurl, messages }
    }

    pub fn message(&self) -> Value {
        self.messages.recv_timeout(HANG).expect("grpcurl prints a message")
    }

    /// Forwards further messages to a channel, which several subscriptions may share.
    pub fn forward(self, to: Sender<Value>) -> Running {
        let messages = self.messages;
        thread::spawn(move || messages.into_iter().try_for_each(|message| to.send(message)));
        self.grpcurl
    }
}

/// Child process that ends with the test.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
