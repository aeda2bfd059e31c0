//! What goes to standard output, and notices on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use super::{
    Failure,
    table::{DIM, Table},
    text::{escape_json, escape_lines},
};

/// A message as proto3 JSON, in one line.
pub(super) fn json(message: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(message)
        .map_err(|error| Failure::Other(format!("the gateway sent what has no JSON form: {error}")))?;
    Ok(escape_json(&json).into_owned())
}

/// Writes a message as one line of proto3 JSON.
pub(super) fn json_line(message: &impl Serialize) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{}", json(message)?)?)
}

/// Writes a text whose last line may have no end; such a line is only written when it is asked for.
pub(super) fn text(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    Ok(out.flush()?)
}

/// Writes a table; on a terminal, lines that fit it.
pub(super) fn table(table: &Table) -> Result<(), Failure> {
    let width = io::stdout().is_terminal().then(|| rustix::termios::tcgetwinsize(io::stdout()).ok());
    let width = width.flatten().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0);
    Ok(table.write(&mut anstream::stdout().lock(), width)?)
}

/// Tells a person something beside the output.
pub(super) fn notice(text: &str) {
    // Nothing can be done if even this cannot be said.
    writeln!(anstream::stderr().lock(), "{DIM}{}{DIM:#}", escape_lines(text)).ok();
}

/// Whether whoever read standard output has gone. A pipe says so by itself only
/// when it is written to.
pub(super) fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    // Where it cannot be asked, the next write will tell.
    poll(&mut asked, Some(&at_once)).is_ok() && asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}
