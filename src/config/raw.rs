//! Raw values of settings and their sources: the file, the environment, the command line. Each source
//! overrides the one before it.

use std::{collections::BTreeMap, fmt, path::Path};

use super::table::{self, AllowedSources, Form, SETTINGS, Setting};

/// Raw values by key.
#[derive(Clone, Default)]
pub struct RawSettings(BTreeMap<&'static str, Value>);

#[derive(Clone, PartialEq, Eq)]
struct Value {
    /// Text as on the command line. Numbers of a list are joined by commas, secrets by line feeds.
    text: String,
    source: Source,
}

/// Source of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The default.
    Default,
    /// The file.
    File,
    /// The environment.
    Variable,
    /// The command line.
    Flag,
}

impl Source {
    /// Returns the name of the source, for messages.
    pub fn of(self, setting: &Setting) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File => "file".to_owned(),
            Self::Variable => setting.variable(),
            Self::Flag => format!("--{}", setting.flag()),
        }
    }
}

/// Omits values, which may be secrets.
impl fmt::Debug for RawSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl RawSettings {
    /// Sets a value. It overrides an earlier one of the same key.
    pub fn set(&mut self, setting: &'static Setting, text: String, source: Source) {
        self.0.insert(setting.key, Value { text, source });
    }

    /// Sets all values of `other`, which override these.
    pub fn set_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns whether the key has a value.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Returns the text and its source. Without a value, returns the default, which may be empty.
    pub fn get(&self, setting: &Setting) -> (&str, Source) {
        match self.0.get(setting.key) {
            Some(value) => (&value.text, value.source),
            None => (setting.default, Source::Default),
        }
    }

    /// Parses a TOML file in which every key must be a setting. Returns the valid values and all problems, or
    /// an error if the text is not TOML.
    pub fn from_toml(text: &str, path: &Path) -> Result<(Self, Vec<String>), String> {
        let path = path.display();
        let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
            // The error's own text quotes the line, which may hold a secret.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            format!("{path}, line {line}: not valid TOML: {}", error.message())
        })?;
        let mut raw = Self::default();
        let mut problems = Vec::new();
        for (key, value) in table {
            match value {
                toml::Value::Table(entries) if is_table(&key) => {
                    for (name, value) in entries {
                        raw.read(&format!("{key}.{name}"), value, &mut problems);
                    }
                }
                value => raw.read(&key, value, &mut problems),
            }
        }
        let problems: Vec<String> =
            problems.into_iter().map(|problem| format!("{path}: {problem}")).collect();
        Ok((raw, problems))
    }

    fn read(&mut self, key: &str, value: toml::Value, problems: &mut Vec<String>) {
        let Some(setting) = table::find(key) else {
            problems.push(unknown(key));
            return;
        };
        if setting.allowed == AllowedSources::NotInFile {
            problems.push(format!(
                "{key}: not allowed in a file, because it applies to one start: pass --{}",
                setting.flag()
            ));
            return;
        }
        match text(setting.form, value) {
            Some(text) => self.set(setting, text, Source::File),
            None => problems.push(format!("{key}: write it as {}", example(setting))),
        }
    }
}

fn is_table(key: &str) -> bool {
    let of_table = |setting: &&Setting| setting.key.split_once('.').is_some_and(|(table, _)| table == key);
    SETTINGS.iter().find(of_table).is_some()
}

/// Converts a TOML value to its form on the command line.
fn text(form: Form, value: toml::Value) -> Option<String> {
    let number = |value: &toml::Value| value.as_integer().map(|number| number.to_string());
    match form {
        Form::Text => value.as_str().map(str::to_owned),
        Form::Number => number(&value).or_else(|| value.as_float().map(|number| number.to_string())),
        Form::Switch => value.as_bool().map(|on| on.to_string()),
        Form::Numbers => match &value {
            toml::Value::Array(values) => {
                Some(values.iter().map(number).collect::<Option<Vec<_>>>()?.join(","))
            }
            value => number(value),
        },
        Form::Secrets => {
            let lines = value.as_array()?.iter().map(toml::Value::as_str);
            Some(lines.collect::<Option<Vec<_>>>()?.join("\n"))
        }
    }
}

/// Returns an example of the value in the file.
fn example(setting: &Setting) -> String {
    let name = setting.key.rsplit('.').next().unwrap_or(setting.key);
    match setting.form {
        Form::Text if setting.default.is_empty() => format!("a string: {name} = \"{}\"", setting.value),
        Form::Text => format!("a string: {name} = \"{}\"", setting.default),
        Form::Number => format!("a number: {name} = {}", setting.default),
        Form::Switch => format!("true or false: {name} = {}", setting.default),
        Form::Numbers => format!("a list of numbers: {name} = [1400000000]"),
        Form::Secrets => format!("a list of strings, one for each line: {name} = [\"..\", \"..\"]"),
    }
}

fn unknown(key: &str) -> String {
    let similar = SETTINGS
        .iter()
        .filter(|setting| {
            setting.allowed == AllowedSources::Anywhere || setting.allowed == AllowedSources::NotOnCommandLine
        })
        .map(|setting| (strsim::jaro_winkler(setting.key, key), setting.key))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match similar {
        // A key may be as long as the file, and a misplaced secret.
        Some((_, similar)) => format!("unknown key {key}; did you mean {similar}?"),
        None if key.len() <= 40 => {
            format!("unknown key {key}; run `callback-gateway print-config` to list all keys")
        }
        None => "unknown key; run `callback-gateway print-config` to list all keys".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RawSettings, String> {
        let (raw, problems) = RawSettings::from_toml(text, Path::new("a.toml"))?;
        if problems.is_empty() { Ok(raw) } else { Err(problems.join("\n")) }
    }

    fn get(raw: &RawSettings, key: &str) -> (String, Source) {
        let (text, source) = raw.get(table::find(key).unwrap());
        (text.to_owned(), source)
    }

    #[test]
    fn a_file_has_values_of_every_form() {
        let raw = read(
            "sdk_app_id = [1, 2]\ntokens = ['1 a', '2 b']\nallow_unsigned = true\n\
             [http]\nlisten = '0.0.0.0:80'\nmax_connections = 7",
        )
        .unwrap();
        for (key, text) in [
            ("sdk_app_id", "1,2"),
            ("tokens", "1 a\n2 b"),
            ("allow_unsigned", "true"),
            ("http.listen", "0.0.0.0:80"),
            ("http.max_connections", "7"),
        ] {
            assert_eq!(get(&raw, key), (text.to_owned(), Source::File), "{key}");
        }
        assert_eq!(get(&raw, "http.path"), ("/".to_owned(), Source::Default));
        assert!(!format!("{raw:?}").contains("1 a"), "{raw:?}");
        assert_eq!(get(&read("sdk_app_id = 5").unwrap(), "sdk_app_id").0, "5");
    }

    #[test]
    fn all_problems_of_a_file_are_reported_at_once_with_their_keys() {
        let problems = read(
            "sdk_app_id = ['x']\nnew_epoch = true\nlog = { kind = 'disk' }\nfrobnicate = 1\n\
             [http]\nlisten = 8080\nlisten_on = 'x'\nmax_connections = 'many'\n[htpp]\npath = '/'",
        )
        .unwrap_err();
        for problem in [
            "a.toml: sdk_app_id: write it as a list of numbers: sdk_app_id = [1400000000]",
            "new_epoch: not allowed in a file",
            "log: write it as a string: log = \"disk\"",
            "unknown key frobnicate; run `callback-gateway print-config` to list all keys",
            "http.listen: write it as a string: listen = \"127.0.0.1:8080\"",
            "unknown key http.listen_on; did you mean http.listen?",
            "http.max_connections: write it as a number: max_connections = 4096",
            "unknown key htpp",
        ] {
            assert!(problems.contains(problem), "{problem}\n{problems}");
        }
        assert_eq!(problems.lines().count(), 8, "{problems}");
    }

    #[test]
    fn a_file_that_is_not_toml_is_rejected_without_quoting_it() {
        let problem = read("log = 'disk'\ntokens = ['1 s3cret\n").unwrap_err();
        assert!(problem.starts_with("a.toml, line 2: not valid TOML: "), "{problem}");
        assert!(!problem.contains("s3cret"), "{problem}");
    }

    #[test]
    fn later_values_override_earlier_ones() {
        let mut raw = read("[http]\npath = '/file'").unwrap();
        let path = table::find("http.path").unwrap();
        let mut flags = RawSettings::default();
        flags.set(path, "/flag".to_owned(), Source::Flag);
        raw.set_all(flags);
        assert_eq!(raw.get(path), ("/flag", Source::Flag));
    }
}
