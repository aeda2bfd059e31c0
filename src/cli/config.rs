//! The settings on the command line, and the commands `check-config` and `print-config`.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use clap::{Arg, ArgMatches, Command, FromArgMatches, parser::ValueSource};

use super::{Failure, variables};
use crate::{
    config::{
        given::{Given, Source},
        read::{self, Loaded},
        reference,
        table::{Form, Place, SETTINGS, Setting},
    },
    net::files,
};

/// Where settings come from: a file, and what was given otherwise.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    file: Option<PathBuf>,
    given: Given,
}

impl Sources {
    /// Reads the file anew, and adds what was given otherwise. Gives what is wrong with
    /// the file too.
    fn read(&self) -> Result<(Given, Vec<String>), String> {
        let (mut given, problems) = match &self.file {
            None => Default::default(),
            Some(path) => {
                let text =
                    files::read(path).map_err(|error| format!("--config {}: {error}", path.display()))?;
                Given::from_toml(&text, path)?
            }
        };
        given.set_all(self.given.clone());
        Ok((given, problems))
    }

    /// Reads and checks everything; gives all that is wrong.
    pub(super) fn load(&self) -> Result<(Given, Loaded), Vec<String>> {
        let (given, mut problems, is_read) = match self.read() {
            Ok((given, problems)) => (given, problems, true),
            // What was given otherwise can be looked at all the same.
            Err(problem) => (self.given.clone(), vec![problem], false),
        };
        let loaded = match read::load(&given) {
            Ok(loaded) => Some(loaded),
            Err(more) => {
                // What is missing may stand in a file that could not be read.
                let told = more.iter().filter(|problem| is_read || given.has(problem.key));
                problems.extend(told.map(|problem| read::located(problem, &given)));
                None
            }
        };
        let Some(mut loaded) = loaded.filter(|_| problems.is_empty()) else { return Err(problems) };
        let has_secrets = SETTINGS.iter().any(|setting| {
            let (text, source) = given.get(setting);
            setting.is_secret() && source == Source::File && !text.is_empty()
        });
        if let Some(path) = &self.file
            && has_secrets
            && files::is_exposed(path)
        {
            loaded.warnings.push(format!(
                "{}: it has tokens in it, and other users of this machine can get at it; chmod 600 it",
                path.display()
            ));
        }
        Ok((given, loaded))
    }
}

/// All that is wrong, as one failure.
pub(super) fn failure(problems: &[String]) -> Failure {
    Failure::Usage(message(problems))
}

/// All that is wrong, one line each.
pub(super) fn message(problems: &[String]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
    format!("wrong configuration:{}", lines.concat())
}

const FILE: &str = "config";

impl clap::Args for Sources {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(FILE)
            .long(FILE)
            .value_name("PATH")
            .env("CALLBACK_GATEWAY_CONFIG")
            .help("TOML file with settings; the environment goes before it, and flags before both");
        let settings = SETTINGS.iter().filter(|setting| setting.place != Place::NotOnCommandLine);
        command.arg(file).args(settings.map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A setting as an option.
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
        // Somebody may have put a secret where its file's name belongs.
        .hide_env_values(true)
        .hide(setting.place == Place::Hidden)
        .help(format!("{}{default}", setting.help));
    match setting.form {
        Form::Switch => argument.num_args(0..=1).default_missing_value("true"),
        Form::Numbers => argument.action(clap::ArgAction::Append),
        Form::Text | Form::Number | Form::Secrets => argument,
    }
}

impl FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Given::default();
        for setting in SETTINGS {
            if let Some((text, source)) = value(setting, matches)? {
                given.set(setting, text, source);
            }
        }
        let file = matches.get_one::<String>(FILE);
        Ok(Self { file: file.map(PathBuf::from), given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What was given for a setting, and where.
pub(super) fn value(
    setting: &Setting,
    matches: &ArgMatches,
) -> Result<Option<(String, Source)>, clap::Error> {
    if setting.place == Place::NotOnCommandLine {
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

/// Check a configuration as `serve` would read it, and say all that is wrong
///
/// Reads the files that it names too. Exits with 64 if anything is wrong.
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
        Ok(writeln!(io::stdout(), "the configuration is right")?)
    }
}

/// Print the configuration in force as a file, with where each value comes from; secrets are masked
///
/// Without a configuration it prints the defaults, explained: a file to begin with.
#[derive(Debug, clap::Args)]
pub(super) struct PrintConfig {
    #[command(flatten)]
    sources: Sources,
}

impl PrintConfig {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (given, mut problems) = self.sources.read().map_err(|problem| failure(&[problem]))?;
        // What is missing is no reason not to print the rest.
        let wrong = read::load(&given).err().unwrap_or_default();
        let wrong = wrong.iter().filter(|problem| given.has(problem.key));
        problems.extend(wrong.map(|problem| read::located(problem, &given)));
        if !problems.is_empty() {
            return Err(failure(&problems));
        }
        Ok(write!(io::stdout(), "{}", reference::print(&given))?)
    }
}
