//! Documents generated from the table of settings: the file of `print-config` and the reference page.

use std::fmt::Write as _;

use super::{
    raw::{RawSettings, Source},
    read,
    table::{AllowedSources, Form, SETTINGS, Setting},
};

/// Maximum length of a comment line in the file.
const WIDTH: usize = 88;

/// Returns a file with every setting in force, its help and its source. It is a valid configuration file,
/// except that secrets are masked.
pub fn print(raw: &RawSettings) -> String {
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
        let (value, source) = raw.get(setting);
        let line = match setting.form {
            _ if setting.allowed == AllowedSources::NotInFile => {
                format!("# --{} {value}  # only for one start", setting.flag())
            }
            Form::Secrets if value.is_empty() => format!("# {name} = []"),
            Form::Secrets => format!("# {name} = [\"***\"]"),
            Form::Text if value.is_empty() => format!("# {name} = \"\""),
            // The value is a line of tokens instead of a path.
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

/// Returns the reference page, in Markdown.
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
        let places = match setting.allowed {
            AllowedSources::Anywhere | AllowedSources::Hidden => {
                format!("`--{}`, `{}`", setting.flag(), setting.variable())
            }
            AllowedSources::NotOnCommandLine => format!("`{}`, not on the command line", setting.variable()),
            AllowedSources::NotInFile => {
                format!("`--{}`, `{}`, not in the file", setting.flag(), setting.variable())
            }
        };
        let (key, help) = (setting.key, setting.help);
        write!(text, "\n### `{key}`\n\n{help}.\n\n{places}; default {default}{reloads}.\n").expect(TO_MEMORY);
    }
    text
}

const TO_MEMORY: &str = "writing to a string does not fail";

const INTRODUCTION: &str = "\
# Configuration

Generated from the table of settings: `UPDATE_DOCS=1 cargo test --test it configuration::`.

Settings come from a TOML file (`--config PATH` or `CALLBACK_GATEWAY_CONFIG`), the environment, and
the command line. Each source overrides the one before it. An empty environment variable counts as
unset. The gateway rejects unknown keys in the file, and reports all problems in one message with
exit code 64. It does not detect misspelt environment variables. Files must be regular files of at
most 4 MiB.

`callback-gateway check-config` checks the configuration and the files that it names, as `serve` would
read them. `callback-gateway print-config` prints the configuration in force with the source of each
value. Both accept the flags of `serve`.

On SIGHUP the gateway reads the file and the files that it names again. Tokens, certificates and the
log level take effect without dropping a stream. If the new configuration is invalid, the old one stays
in force and the log has the problems. If other settings have changed, the log names those that need a
restart. The gateway rejects the whole new configuration if it would let strangers into a listener that
is already open. Values from the environment or the command line stay until a restart: to change tokens
without one, put them into files.
";

/// Returns the settings that are documented.
fn shown() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.allowed != AllowedSources::Hidden)
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
