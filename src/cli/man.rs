//! `man`: manual pages for man(1).

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, Failure, PROGRAM, output, text::escape};

/// Print the manual page, or write a page for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callback-gateway man | man -l -
  callback-gateway man --dir /usr/local/share/man/man1")]
pub(super) struct ManPages {
    /// Directory for one page per command, instead of printing the first page
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl ManPages {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut program = Cli::command().disable_help_subcommand(true);
        // Building sets the names of subcommands, which pages refer to: `callback-gateway tail`.
        program.build();
        let Some(dir) = &self.dir else {
            return output::text(&page(program)?);
        };
        // One page for `send`: --help and docs/callbacks.md describe its subcommands.
        for command in program.get_subcommands() {
            let name = format!("{PROGRAM}-{}", command.get_name());
            write(dir, &name, page(command.clone().name(name.clone()))?)?;
        }
        write(dir, PROGRAM, page(program)?)
    }
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let source = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let made = Man::new(command).source(source).render(&mut page);
    made.map_err(|error| Failure::Other(format!("cannot generate the page: {error}")))?;
    Ok(page)
}

fn write(dir: &Path, name: &str, page: Vec<u8>) -> Result<(), Failure> {
    let path = dir.join(format!("{name}.1"));
    fs::write(&path, page).map_err(|error| {
        Failure::Other(format!("--dir: cannot write {}: {error}", escape(&path.to_string_lossy())))
    })?;
    Ok(writeln!(io::stdout(), "{}", escape(&path.to_string_lossy()))?)
}
