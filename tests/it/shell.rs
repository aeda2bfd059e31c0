//! Shell completions and manual pages, and the completeness of the help.

use std::{
    fs,
    io::Write as _,
    process::{Output, Stdio},
};

use crate::support::*;
use tempfile::TempDir;

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the names in the command list under a heading of a help text.
fn listed(help: &str, heading: &str) -> Vec<String> {
    let (_, list) = help.split_once(&format!("{heading}:\n")).expect(help);
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_has_help_with_a_line_of_summary() {
    let help = stdout(&run(&["--help"]));
    let commands = listed(&help, "Commands");
    for name in [
        "serve",
        "tail",
        "export",
        "recent",
        "get",
        "subscribers",
        "refusals",
        "status",
        "send",
        "completions",
        "man",
    ] {
        assert!(commands.iter().any(|command| command == name), "{name}: {help}");
    }
    for command in commands.iter().filter(|command| *command != "help") {
        let help = stdout(&run(&[command, "--help"]));
        let summary = help.lines().next().unwrap();
        assert!(summary.len() > 10 && !summary.ends_with('.'), "{command}: {summary}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{command}: {help}");
    }
    let packets = fs::read_dir(package().join("tests/fixtures")).unwrap().count();
    assert_eq!(listed(&stdout(&run(&["send", "--help"])), "Callbacks").len(), packets);
}

/// Returns the completions that bash offers for the last word.
fn offered(script: &str, words: &[&str]) -> Vec<String> {
    let mut bash = std::process::Command::new("bash")
        .args(["--norc", "-s"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ask = "\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))\n\
               _callback__gateway callback-gateway \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"\n\
               printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    let mut stdin = bash.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    stdin.write_all(ask.as_bytes()).unwrap();
    drop(stdin);
    stdout(&bash.wait_with_output().unwrap()).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_callbacks_and_options() {
    let script = stdout(&run(&["completions", "bash"]));
    let offers = |words: &[&str], offer: &str| offered(&script, words).iter().any(|offered| offered == offer);
    assert_eq!(offered(&script, &["callback-gateway", "sub"]), ["subscribers"]);
    assert!(offers(&["callback-gateway", "tail", "--acc"], "--account"));
    assert!(offers(&["callback-gateway", "send", "Sns.CallbackFriendA"], "Sns.CallbackFriendAdd"));
    assert!(offers(&["callback-gateway", "send", "Sns.CallbackFriendAdd", "--from-a"], "--from-account"));
    assert!(offers(&["callback-gateway", "send", "friend-add", "--from-a"], "--from-account"));
    assert!(offers(&["callback-gateway", "recent", "--kind", ""], "before"));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(stdout(&run(&["completions", shell])).contains("subscribers"), "{shell}");
    }
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(64));
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let page = stdout(&run(&["man"]));
    assert!(page.contains("\n.TH callback-gateway 1 ") && page.contains(".SH SUBCOMMANDS\n"), "{page}");
    let dir = TempDir::new().unwrap();
    let written = stdout(&run(&["man", "--dir", dir.path().to_str().unwrap()]));
    for path in written.lines() {
        let page = fs::read_to_string(path).unwrap();
        let name = path.rsplit('/').next().unwrap().strip_suffix(".1").unwrap();
        assert!(page.contains(&format!("\n.TH {name} 1 ")) && page.contains("\n.SH SYNOPSIS\n"), "{page}");
        // The first page names the others.
        let escaped = name.replace('-', "\\-");
        assert!(
            name == "callback-gateway" || self::stdout(&run(&["man"])).contains(&format!("{escaped}(1)")),
            "{name}"
        );
    }
    let commands = listed(&stdout(&run(&["--help"])), "Commands").len();
    assert_eq!(written.lines().count(), commands, "one page for the program, none for `help`");
    let nowhere = run(&["man", "--dir", "/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(
        String::from_utf8(nowhere.stderr).unwrap().contains("cannot write /nowhere/"),
        "the error names the file"
    );
}
