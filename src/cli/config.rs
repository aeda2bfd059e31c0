//! Settings on the command line, and the commands `check-config` and `print-config`.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use clap::{Arg, ArgMatches, Command, FromArgMatches, parser::ValueSource};

use super::{Failure, variables};
use crate::{
    config::{
        raw::{RawSettings, Source},
        read::{self, Loaded},
        reference,
        table::{AllowedSources, Form, SETTINGS, Setting},
    },
    net::files,
};

/// Sources of settings: a file, and the values from the environment and the command line.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    file: Option<PathBuf>,
    raw: RawSettings,
}

impl Sources {
    /// Reads the file again and adds the other sources. Also returns the problems of the file.
    fn read(&self) -> Result<(RawSettings, Vec<String>), String> {
        let (mut raw, problems) = match &self.file {
            None => Default::default(),
            Some(path) => {
                let text =
                    files::read(path).map_err(|error| format!("--config {}: {error}", path.display()))?;
                RawSettings::from_toml(&text, path)?
            }
        };
        raw.set_all(self.raw.clone());
        Ok((raw, problems))
    }

    /// Reads and checks all settings. An error has all problems.
    pub(super) fn load(&self) -> Result<(RawSettings, Loaded), Vec<String>> {
        let (raw, mut problems, is_read) = match self.read() {
            Ok((raw, problems)) => (raw, problems, true),
            // Check the other sources even if the file cannot be read.
            Err(problem) => (self.raw.clone(), vec![problem], false),
        };
        let loaded = match read::load(&raw) {
            Ok(loaded) => Some(loaded),
            Err(more) => {
                // Do not report a missing setting if the unreadable file may have it.
                let told = more.iter().filter(|problem| is_read || raw.has(problem.key));
                problems.extend(told.map(|problem| read::located(problem, &raw)));
                None
            }
        };
        let Some(mut loaded) = loaded.filter(|_| problems.is_empty()) else { return Err(problems) };
        let has_secrets = SETTINGS.iter().any(|setting| {
            let (text, source) = raw.get(setting);
            setting.is_secret() && source == Source::File && !text.is_empty()
        });
        if let Some(path) = &self.file
            && has_secrets
            && files::is_exposed(path)
        {
            loaded.warnings.push(format!(
                "{}: contains tokens, and other users of this machine can read or change it; run chmod 600 on it",
                path.display()
            ));
        }
        Ok((raw, loaded))
    }
}

/// Returns all problems as one failure.
pub(super) fn failure(problems: &[String]) -> Failure {
    Failure::Usage(message(problems))
}

/// Formats all problems, one per line.
pub(super) fn message(problems: &[String]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
    format!("invalid configuration:{}", lines.concat())
}

const FILE: &str = "config";

impl clap::Args for Sources {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(FILE)
            .long(FILE)
            .value_name("PATH")
            .env("CALLBACK_GATEWAY_CONFIG")
            .help("TOML file with settings. The environment overrides it, and flags override both");
        let settings = SETTINGS.iter().filter(|setting| setting.allowed != AllowedSources::NotOnCommandLine);
        command.arg(file).args(settings.map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Returns the option of a setting.
pub(super) fn argument(setting: &Setting) -> Arg {
    let default = if setting.default.is_empty() || setting.form == Form::Switch {
        String::new()
    } else {
        format!(" [default: {}]", setting.default)
    };
    let argument = Arg::new(setting.key)
        .long(setting.flag())
        .value_name(setting.value)
        .env(setting.variable())
        // A user may have put a secret in the place of its file's name.
        .hide_env_values(true)
        .hide(setting.allowed == AllowedSources::Hidden)
        .help(format!("{}{default}", setting.help));
    match setting.form {
        Form::Switch => argument.num_args(0..=1).default_missing_value("true"),
        Form::Numbers => argument.action(clap::ArgAction::Append),
        Form::Text | Form::Number | Form::Secrets => argument,
    }
}

impl FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut raw = RawSettings::default();
        for setting in SETTINGS {
            if let Some((text, source)) = value(setting, matches)? {
                raw.set(setting, text, source);
            }
        }
        let file = matches.get_one::<String>(FILE);
        Ok(Self { file: file.map(PathBuf::from), raw })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the value of a setting and its source.
pub(super) fn value(
    setting: &Setting,
    matches: &ArgMatches,
) -> Result<Option<(String, Source)>, clap::Error> {
    if setting.allowed == AllowedSources::NotOnCommandLine {
        let text = variables::text(&setting.variable());
        let text = text
            .map_err(|problem| clap::Error::raw(clap::error::ErrorKind::InvalidUtf8, format!("{problem}\n")));
        return Ok(text?.map(|text| (text, Source::Variable)));
    }
    let Some(texts) = matches.get_many::<String>(setting.key) else { return Ok(None) };
    let text = texts.map(String::as_str).collect::<Vec<_>>().join(",");
    Ok(match matches.value_source(setting.key) {
        Some(ValueSource::CommandLine) => Some((text, Source::Flag)),
        Some(ValueSource::EnvVariable) => Some((text, Source::Variable)),
        _ => None,
    })
}

/// Check a configuration as `serve` would read it, and print all problems
///
/// Also reads the files that it names. Exits with 64 if there is a problem.
#[derive(Debug, clap::Args)]
pub(super) struct CheckConfig {
    #[command(flatten)]
    sources: Sources,
}

impl CheckConfig {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (_, loaded) = self.sources.load().map_err(|problems| failure(&problems))?;
        for warning in loaded.warnings {
            writeln!(io::stderr(), "warning: {warning}").ok();
        }
        Ok(writeln!(io::stdout(), "the configuration is valid")?)
    }
}

/// Print the configuration in force as a file, with the source of each value. Secrets are masked
///
/// Without a configuration, prints the defaults with their help: a file to start from.
#[derive(Debug, clap::Args)]
pub(super) struct PrintConfig {
    #[command(flatten)]
    sources: Sources,
}

impl PrintConfig {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (raw, mut problems) = self.sources.read().map_err(|problem| failure(&[problem]))?;
        // Print the rest even if settings are missing.
        let wrong = read::load(&raw).err().unwrap_or_default();
        let wrong = wrong.iter().filter(|problem| raw.has(problem.key));
        problems.extend(wrong.map(|problem| read::located(problem, &raw)));
        if !problems.is_empty() {
            return Err(failure(&problems));
        }
        Ok(write!(io::stdout(), "{}", reference::print(&raw))?)
    }
}
