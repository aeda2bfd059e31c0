//! The settings for people: a file with all of them, and the reference page.

use std::fmt::Write as _;

use super::{
    given::{Given, Source},
    read,
    table::{Form, Place, SETTINGS, Setting},
};

/// Longest line of a comment in the file.
const WIDTH: usize = 88;

/// A file with every setting as it is in force, explained, and where it comes from.
/// It can be given as the file itself, but for secrets, which are masked.
pub fn print(given: &Given) -> String {
    let mut text = String::from(
        "# The configuration in force. Secrets are masked. Lines that are commented out have no value.\n",
    );
    let mut table = "";
    for setting in shown() {
        let (of, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if of != table {
            writeln!(text, "\n[{of}]").expect(TO_MEMORY);
            table = of;
        }
        text.push('\n');
        comment(&mut text, setting.help);
        let (value, source) = given.get(setting);
        let line = match setting.form {
            _ if setting.place == Place::NotInFile => {
                format!("# --{} {value}  # only for one start", setting.flag())
            }
            Form::Secrets if value.is_empty() => format!("# {name} = []"),
            Form::Secrets => format!("# {name} = [\"***\"]"),
            Form::Text if value.is_empty() => format!("# {name} = \"\""),
            // A token line that was given in the place of its file's name.
            Form::Text if setting.key.ends_with("tokens_file") && value.contains(char::is_whitespace) => {
                format!("# {name} = \"***\"")
            }
            Form::Text => format!("{name} = {}", toml::Value::from(value)),
            Form::Numbers => format!("{name} = [{}]", value.replace(',', ", ")),
            Form::Number => format!("{name} = {value}"),
            Form::Switch => format!("{name} = {}", read::switch(value).unwrap_or_default()),
        };
        let is_not_set = source == Source::Default && value.is_empty();
        let place = if is_not_set { String::new() } else { format!("  # {}", source.of(setting)) };
        writeln!(text, "{line}{place}").expect(TO_MEMORY);
    }
    text
}

/// The reference page, in Markdown.
pub fn markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    let mut table = None;
    for setting in shown() {
        let of = setting.key.split_once('.').map_or("", |(table, _)| table);
        if table != Some(of) {
            table = Some(of);
            let heading = if of.is_empty() { "General".to_owned() } else { format!("`[{of}]`") };
            writeln!(text, "\n## {heading}").expect(TO_MEMORY);
        }
        let default =
            if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
        let reloads = if setting.reloads { "; SIGHUP reloads it" } else { "" };
        let places = match setting.place {
            Place::Anywhere | Place::Hidden => format!("`--{}`, `{}`", setting.flag(), setting.variable()),
            Place::NotOnCommandLine => format!("`{}`, not on the command line", setting.variable()),
            Place::NotInFile => format!("`--{}`, `{}`, not in the file", setting.flag(), setting.variable()),
        };
        let (key, help) = (setting.key, setting.help);
        write!(text, "\n### `{key}`\n\n{help}.\n\n{places}; default {default}{reloads}.\n").expect(TO_MEMORY);
    }
    text
}

const TO_MEMORY: &str = "writing to a string does not fail";

const INTRODUCTION: &str = "\
# Configuration

Made from the program's table of settings: `UPDATE_DOCS=1 cargo test --test it configuration::`.

A setting can be given in a TOML file (`--config PATH` or `CALLBACK_GATEWAY_CONFIG`), in the
environment, and on the command line; each goes before the one before it. An empty environment
variable counts as none. A key in the file that is none of these is refused, and everything that is
wrong is said in one message, with exit code 64; a misspelt variable is not noticed. Files are regular
files of at most 4 MiB.

`callback-gateway check-config` says whether a configuration is right, as `serve` would read it, with
the files that it names; `callback-gateway print-config` prints the one in force, with where each value
comes from. Both take the flags of `serve`.

On SIGHUP the file, and the files that it names, are read again: tokens, certificates and the log level
come into force without a stream being dropped. A configuration that is wrong leaves the old one in
force, and the log says what is wrong with it; for what else has changed the log says that it needs a
restart. A new configuration that would let strangers in where a listener still is as it was is refused
as a whole. What was given in the environment or on the command line stays until a restart: to change
tokens without one, have them in files.
";

/// Those that people are to see.
fn shown() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.place != Place::Hidden)
}

fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            writeln!(text, "{line}").expect(TO_MEMORY);
            line = String::from("#");
        }
        write!(line, " {word}").expect(TO_MEMORY);
    }
    writeln!(text, "{line}.").expect(TO_MEMORY);
}
