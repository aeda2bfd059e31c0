//! `repair`: writes a new store with all readable events of a damaged one.

use std::{io::Write as _, path::PathBuf};

use super::{Failure, text, verify::write_checked};
use crate::log::disk::{self, RepairOutcome};

/// Repair a damaged log: write a new store with all readable events
///
/// Also merges the events of damaged stores that the gateway set aside, in front of the current ones.
/// Sequences and cursors stay valid. The old files are kept in a directory `before-repair-TIME`. Needs as
/// much free space as the log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  callback-gateway repair --data-dir /var/lib/callback-gateway")]
pub(super) struct Repair {
    /// Data directory to repair. No gateway may be using it
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

impl Repair {
    pub(super) fn run(self) -> Result<(), Failure> {
        let repaired = disk::repair(&self.data_dir)
            .map_err(|error| Failure::Other(format!("cannot repair the log: {error}")))?;
        let mut out = std::io::stdout().lock();
        let repaired = match repaired {
            RepairOutcome::Repaired(repaired) => repaired,
            RepairOutcome::Nothing(checked) => {
                write_checked(&checked, &mut out)?;
                let why = if checked.lost > 0 { "; the files do not have the lost events" } else { "" };
                writeln!(out, "nothing to repair{why}")?;
                return Ok(());
            }
        };
        write_checked(&repaired.checked, &mut out)?;
        if repaired.merged > 0 {
            writeln!(
                out,
                "merged: {} that had been set aside",
                text::count(repaired.merged as u64, "damaged store")
            )?;
        }
        for (dir, reason) in &repaired.left {
            writeln!(out, "not merged: {}, because {reason}", text::escape(&dir.display().to_string()))?;
        }
        if let Some(epoch) = repaired.new_epoch {
            writeln!(
                out,
                "the epoch was not readable; the new epoch is {epoch}, and earlier cursors are rejected"
            )?;
        }
        let kept = repaired.kept.display().to_string();
        writeln!(
            out,
            "the old files are in {}; delete them when you no longer need them",
            text::escape(&kept)
        )?;
        Ok(())
    }
}
