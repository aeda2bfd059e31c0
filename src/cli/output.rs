//! Output on standard output, and notices on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use super::{
    Failure,
    table::{DIM, Table},
    text::{escape_json, escape_lines},
};

/// Returns a message as proto3 JSON in one line.
pub(super) fn json(message: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(message)
        .map_err(|error| Failure::Other(format!("cannot convert the gateway's response to JSON: {error}")))?;
    Ok(escape_json(&json).into_owned())
}

/// Writes a message as one line of proto3 JSON.
pub(super) fn json_line(message: &impl Serialize) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{}", json(message)?)?)
}

/// Writes a text and flushes it, because its last line may lack a line feed.
pub(super) fn text(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    Ok(out.flush()?)
}

/// Writes a table. On a terminal, cuts lines to its width.
pub(super) fn table(table: &Table) -> Result<(), Failure> {
    let width = io::stdout().is_terminal().then(|| rustix::termios::tcgetwinsize(io::stdout()).ok());
    let width = width.flatten().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0);
    Ok(table.write(&mut anstream::stdout().lock(), width)?)
}

/// Prints a notice on standard error.
pub(super) fn notice(text: &str) {
    // Ignore the error: there is no other place to report it.
    writeln!(anstream::stderr().lock(), "{DIM}{}{DIM:#}", escape_lines(text)).ok();
}

/// Returns whether the reader of standard output has closed it. A pipe reports this by itself only at a
/// write.
pub(super) fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    // If it cannot be polled, the next write fails instead.
    poll(&mut asked, Some(&at_once)).is_ok() && asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}
