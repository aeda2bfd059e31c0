//! Command line: one module for each command, and what they share.

mod completions;
mod config;
mod connect;
mod early;
mod event_text;
mod export;
mod filter;
mod follow;
mod get;
mod man;
mod output;
mod recent;
mod refusals;
mod repair;
mod send;
mod serve;
mod status;
mod subscribers;
mod table;
mod tail;
mod text;
mod tls;
mod tokens;
mod variables;
mod verify;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use crate::observe::telemetry;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};

/// Name of the program.
const PROGRAM: &str = "callback-gateway";
/// Exit code for a wrong configuration or command line (`EX_USAGE`).
const EXIT_USAGE: u8 = 64;

/// Receives Tencent Cloud IM callbacks over HTTP, makes them durable, and
/// streams them over gRPC.
#[derive(Debug, Parser)]
#[command(version = env!("VERSION_WITH_COMMIT"), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    CheckConfig(config::CheckConfig),
    PrintConfig(config::PrintConfig),
    Tail(tail::Tail),
    Export(export::Export),
    Recent(recent::Recent),
    Get(get::Get),
    Subscribers(subscribers::Subscribers),
    Refusals(refusals::Refusals),
    Status(status::Status),
    Verify(verify::Verify),
    Repair(repair::Repair),
    Send(send::Send),
    Completions(completions::Completions),
    Man(man::ManPages),
}

/// Reason why a command failed. It determines the exit code.
enum Failure {
    /// Exit code 64.
    Usage(String),
    /// Exit code 1.
    Other(String),
    /// The reader of standard output closed it: exit code 0.
    ClosedPipe,
}

impl From<io::Error> for Failure {
    /// Converts an error of a write to standard output.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Other(format!("cannot write to standard output: {error}")),
        }
    }
}

fn parse() -> Result<Cli, clap::Error> {
    let mut command = variables::without_empty(Cli::command());
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print().and_then(|()| io::stdout().flush());
            return match error.kind() {
                // clap prints these to standard output.
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    ended(printed.map_err(Failure::from).and_then(|()| has_output()))
                }
                // Ignore the error: there is no other place to report it.
                _ => ExitCode::from(EXIT_USAGE),
            };
        }
    };
    ended(prints(&cli.command).and_then(|()| run(cli.command)))
}

/// Fails if standard output was closed or read-only when the process started, such as with `>&-`.
fn has_output() -> Result<(), Failure> {
    if !early::is_stdout_writable() {
        return Err(Failure::Other(
            "standard output is closed or read-only; redirect it to a file or to /dev/null".to_owned(),
        ));
    }
    Ok(())
}

/// Fails if a command prints results and standard output is closed or read-only. Called before the command does any
/// work: its output is its purpose.
fn prints(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Serve(_) => Ok(()),
        Command::Export(export) if !export.is_to_stdout() => Ok(()),
        Command::CheckConfig(_)
        | Command::PrintConfig(_)
        | Command::Tail(_)
        | Command::Export(_)
        | Command::Recent(_)
        | Command::Get(_)
        | Command::Subscribers(_)
        | Command::Refusals(_)
        | Command::Status(_)
        | Command::Verify(_)
        | Command::Repair(_)
        | Command::Send(_)
        | Command::Completions(_)
        | Command::Man(_) => has_output(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(serve) => serve.run(),
        Command::CheckConfig(check) => check.run(),
        Command::PrintConfig(print) => print.run(),
        Command::Tail(tail) => tail.run(),
        Command::Export(export) => export.run(),
        Command::Recent(recent) => recent.run(),
        Command::Get(get) => get.run(),
        Command::Subscribers(subscribers) => subscribers.run(),
        Command::Refusals(refusals) => refusals.run(),
        Command::Status(status) => status.run(),
        Command::Verify(verify) => verify.run(),
        Command::Repair(repair) => repair.run(),
        Command::Send(send) => send.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(pages) => pages.run(),
    }
}

/// Prints the error, if any, and returns the exit code.
fn ended(outcome: Result<(), Failure>) -> ExitCode {
    let (message, code) = match outcome {
        Ok(()) | Err(Failure::ClosedPipe) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => (message, ExitCode::from(EXIT_USAGE)),
        Err(Failure::Other(message)) => (message, ExitCode::FAILURE),
    };
    telemetry::last_lines(move || {
        // Ignore the error: there is no other place to report it.
        writeln!(io::stderr(), "error: {}", text::escape_lines(&message)).ok();
    });
    code
}
