//! `completions`: prints a shell's completion script.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::{Cli, Failure, PROGRAM, output};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callback-gateway completions bash > ~/.local/share/bash-completion/completions/callback-gateway
  callback-gateway completions zsh > ~/.zfunc/_callback-gateway   # ~/.zfunc is in fpath
  callback-gateway completions fish > ~/.config/fish/completions/callback-gateway.fish")]
pub(super) struct Completions {
    /// Shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), PROGRAM, &mut script);
        let script = String::from_utf8_lossy(&script);
        // For bash, clap_complete 4.6 spells the hyphen of the program's name in two ways, which breaks
        // completion after a subcommand: https://github.com/clap-rs/clap/issues/6421
        let script = script.replace("callback__subcmd__gateway", "callback__gateway");
        output::text(script.as_bytes())
    }
}
