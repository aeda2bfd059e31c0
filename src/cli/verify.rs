//! `verify`: checks every event of a log.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    Failure,
    connect::{Connection, runtime},
    follow::{self, Follow},
    output, text,
};
use crate::{
    log::{
        Cause, Hole,
        disk::{self, Checked, Verified},
        index::IndexCheck,
    },
    proto::{
        Gap, GapPolicy, GapReason, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame,
    },
};

/// Maximum gaps that are printed. Further ones are counted.
const SHOWN_GAPS: usize = 100;

/// Check every event of a log, and print missing or damaged ones
///
/// With --data-dir it checks the files of a stopped gateway, including the index. Otherwise it reads the
/// whole log from a running gateway, which compares the checksum of every event. Exits with 1 if anything is
/// lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callback-gateway verify
  callback-gateway verify --data-dir /var/lib/callback-gateway")]
pub(super) struct Verify {
    /// Data directory to check. No gateway may be using it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["address", "token_file"])]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Verify {
    pub(super) fn run(self) -> Result<(), Failure> {
        match &self.data_dir {
            Some(dir) => files(dir),
            None => gateway(&self.connection),
        }
    }
}

fn files(dir: &Path) -> Result<(), Failure> {
    let Verified { checked, index } =
        disk::verify(dir).map_err(|error| Failure::Other(format!("cannot check the log: {error}")))?;
    let mut out = std::io::stdout().lock();
    write_checked(&checked, &mut out)?;
    match &index {
        IndexCheck::Missing => writeln!(out, "index: none")?,
        IndexCheck::Agrees(end) => writeln!(out, "index: agrees with the log below event {end}")?,
        IndexCheck::Disagrees(reason) => writeln!(out, "index: {}", text::escape(reason))?,
    }
    if checked.lost > 0 {
        return Err(lost_events(checked.lost));
    }
    if let IndexCheck::Disagrees(_) = index {
        return Err(Failure::Other(
            "the index disagrees with the log; delete index.db, so that the gateway rebuilds it".to_owned(),
        ));
    }
    Ok(())
}

/// Prints the extent of a store and what it lost.
pub(super) fn write_checked(checked: &Checked, out: &mut impl io::Write) -> Result<(), Failure> {
    let Checked { oldest, end, intact, lost, newer, holes } = checked;
    if oldest == end {
        writeln!(out, "no events")?;
    } else {
        let bounds = format!("{oldest} to {}", end.previous());
        writeln!(out, "{bounds}: {} intact, {lost} lost", text::count(*intact, "event"))?;
    }
    if *newer > 0 {
        writeln!(out, "{} can only be checked by a newer version", text::count(*newer, "more event"))?;
    }
    for hole in holes.iter().take(SHOWN_GAPS) {
        writeln!(out, "{}", follow::gone(&gap(hole)))?;
    }
    more(holes.len(), out)
}

fn gateway(connection: &Connection) -> Result<(), Failure> {
    let target = connection.target()?;
    let request = SubscribeRequest {
        start: Some(Start::Earliest(Default::default())),
        on_gap: GapPolicy::Skip.into(),
        ..Default::default()
    };
    let (mut intact, mut lost, mut gaps) = (0, 0, Vec::new());
    runtime()?.block_on(async {
        let mut follow = Follow::new(target, request, None, Box::new(output::notice));
        loop {
            match follow.next().await? {
                Frame::Event(_) => intact += 1,
                // Retention may overtake the reader, and newer gateways can read the others.
                Frame::Gap(gap) if matches!(gap.reason(), GapReason::Trimmed | GapReason::NewerFormat) => {}
                Frame::Gap(gap) => {
                    lost += gap.last_missing_sequence.saturating_sub(gap.first_missing_sequence) + 1;
                    gaps.push(gap);
                }
                Frame::CaughtUp(_) => return Ok::<_, Failure>(()),
                _ => {}
            }
        }
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} intact, {lost} lost", text::count(intact, "event"))?;
    for gap in gaps.iter().take(SHOWN_GAPS) {
        writeln!(out, "{}", follow::gone(gap))?;
    }
    more(gaps.len(), &mut out)?;
    if lost > 0 { Err(lost_events(lost)) } else { Ok(()) }
}

fn more(gaps: usize, out: &mut impl io::Write) -> Result<(), Failure> {
    if gaps > SHOWN_GAPS {
        writeln!(out, "and {} more gaps", gaps - SHOWN_GAPS)?;
    }
    Ok(())
}

fn gap(hole: &Hole) -> Gap {
    let reason = match hole.cause {
        Cause::Missing => GapReason::Missing,
        Cause::Damaged => GapReason::Damaged,
        Cause::NewerFormat(_) => GapReason::NewerFormat,
    };
    Gap {
        first_missing_sequence: hole.first.0,
        last_missing_sequence: hole.last.0,
        reason: reason.into(),
        ..Default::default()
    }
}

fn lost_events(lost: u64) -> Failure {
    Failure::Other(format!(
        "{} lost; a backup of the data directory may still have them",
        text::count(lost, "event")
    ))
}
