//! Conversion of [`RawSettings`] into [`Settings`]: parses texts and reads files.

use std::{fmt::Display, net::SocketAddr, path::PathBuf, time::Duration};

use axum::http::Uri;
use bytesize::ByteSize;

use super::{
    Config, GrpcTls, LogKind, Problem, Settings,
    raw::{RawSettings, Source},
    table::{self, SETTINGS, Setting},
};
use crate::{
    delivery::access::Access,
    ingest::callback::signature::Tokens,
    net::{
        files,
        tls::{self, ClientAuth, Protocol},
    },
    observe::telemetry::{LogFilter, LogFormat},
};

/// The complete configuration of `serve`.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Configuration of the gateway.
    pub config: Config,
    /// Filter of log lines.
    pub log_level: LogFilter,
    /// Format of log lines.
    pub log_format: LogFormat,
    /// File for the bound addresses.
    pub ready_file: Option<PathBuf>,
    /// Settings that are allowed but risky.
    pub warnings: Vec<String>,
}

/// Reads all settings. An error has all problems.
pub fn load(raw: &RawSettings) -> Result<Loaded, Vec<Problem>> {
    let mut reader = Reader::new(raw);
    let log_level = reader.value("log_level", LogFilter::parse);
    let log_format = reader.value("log_format", |text| {
        choice(text, &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)])
    });
    let ready_file = reader.path("ready_file");
    let checked = Config::new(reader.settings());
    let Reader { mut problems, warnings, .. } = reader;
    match checked {
        Ok(config) if problems.is_empty() => {
            let warnings = warnings.iter().map(|warning| located(warning, raw)).collect();
            return Ok(Loaded { config, log_level, log_format, ready_file, warnings });
        }
        Ok(_) => {}
        Err(error) => {
            let has = |keys: &[&str]| problems.iter().any(|problem| keys.contains(&problem.key));
            // Do not report further problems of a setting that could not be read, or problems that follow
            // from it. A missing token must not lead to the advice to allow everyone.
            let follows = |key: &str| match key {
                "tokens" => has(&["tokens", "tokens_file"]),
                "grpc.auth" => has(&["grpc.auth", "grpc.tokens", "grpc.tokens_file"]) || has(GRPC_TLS),
                key => has(&[key]),
            };
            let new: Vec<Problem> = error.0.into_iter().filter(|problem| !follows(problem.key)).collect();
            problems.extend(new);
        }
    }
    problems.sort_by_key(|problem| SETTINGS.iter().position(|setting| setting.key == problem.key));
    Err(problems)
}

impl Default for Settings {
    /// Returns the defaults of [`SETTINGS`]. Without an app they are not a configuration yet.
    fn default() -> Self {
        let raw = RawSettings::default();
        let mut reader = Reader::new(&raw);
        let settings = reader.settings();
        assert_eq!(reader.problems, [], "each default can be read");
        settings
    }
}

/// Reads only the tokens that verify callbacks, with warnings. An error has all problems.
pub(crate) fn tokens(raw: &RawSettings) -> Result<(Tokens, Vec<Problem>), Vec<Problem>> {
    let mut reader = Reader::new(raw);
    let tokens = reader.tokens();
    if reader.problems.is_empty() { Ok((tokens, reader.warnings)) } else { Err(reader.problems) }
}

/// Maximum length of a replica's name.
const MAX_REPLICA_NAME_BYTES: usize = 128;

const HTTP_TLS: &[&str; 4] = &["http.tls_cert", "http.tls_key", "http.tls_client_ca", "http.tls_client_auth"];
const GRPC_TLS: &[&str; 4] = &["grpc.tls_cert", "grpc.tls_key", "grpc.tls_client_ca", "grpc.tls_client_auth"];

/// Returns the problem's text with the source of the value.
pub fn located(Problem { key, text }: &Problem, raw: &RawSettings) -> String {
    let setting = setting(key);
    match raw.get(setting) {
        (_, Source::Default) => format!("{key}: {text}"),
        (_, source) => format!("{key} ({}): {text}", source.of(setting)),
    }
}

fn setting(key: &str) -> &'static Setting {
    table::find(key).expect("the key of a setting")
}

/// Reads values and collects problems.
pub(super) struct Reader<'a> {
    raw: &'a RawSettings,
    problems: Vec<Problem>,
    /// Settings that are allowed but risky.
    warnings: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(raw: &'a RawSettings) -> Self {
        Self { raw, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Reads all settings. An invalid value becomes a problem and gets the default.
    fn settings(&mut self) -> Settings {
        let http_tls = self.tls(HTTP_TLS, Protocol::Http1);
        let grpc_tls = self.tls(GRPC_TLS, Protocol::Http2);
        Settings {
            sdk_app_ids: self.value("sdk_app_id", app_ids),
            tokens: self.tokens(),
            signature_window: self.value("signature_window", time),
            duplicate_window: self.value("duplicate_window", time),
            allow_unsigned: self.value("allow_unsigned", switch),
            log: self.value("log", |text| {
                choice(text, &[("disk", LogKind::Disk), ("nats", LogKind::Nats), ("memory", LogKind::Memory)])
            }),
            nats: self.nats(),
            data_dir: self.value("data_dir", |text| Ok(PathBuf::from(text))),
            memory_bytes: self.value("memory", size_in_memory),
            retention_age: Some(self.value("retention.age", time)).filter(|age| !age.is_zero()),
            retention_bytes: Some(self.value("retention.bytes", size)).filter(|&bytes| bytes > 0),
            retention_count: Some(self.value("retention.count", number)).filter(|&count| count > 0),
            new_epoch: self.value("new_epoch", switch),
            set_aside_damaged: self
                .value("damaged_store", |text| choice(text, &[("set-aside", true), ("refuse", false)])),
            index: self.value("index", switch),
            replica_name: self.value("replica_name", replica_name),
            http_listen: self.value("http.listen", address),
            grpc_listen: self.value("grpc.listen", address),
            admin_listen: self.value("admin.listen", address),
            http_path: self.value("http.path", |text| Ok(text.to_owned())),
            http_body_limit: self.value("http.body_limit", size_in_memory),
            http_max_connections: self.value("http.max_connections", number),
            http_idle_timeout: self.value("http.idle_timeout", time),
            http_tls: http_tls.map(|tls| tls.config),
            grpc_tls,
            grpc_access: self.access(),
            grpc_open: self.value("grpc.auth", |text| choice(text, &[("auto", false), ("none", true)])),
            grpc_max_connections: self.value("grpc.max_connections", number),
            max_streams: self.value("grpc.max_streams", number),
            stall_timeout: self.value("grpc.stall_timeout", time),
            max_stream_age: self.value("grpc.max_stream_age", time),
            grpc_keepalive_interval: self.value("grpc.keepalive_interval", time),
            grpc_keepalive_timeout: self.value("grpc.keepalive_timeout", time),
            trace_endpoint: self.value("trace.otlp_endpoint", endpoint),
            trace_sample_ratio: self.value("trace.sample_ratio", number),
            drain_delay: self.value("drain.delay", time),
            drain_timeout: self.value("drain.timeout", time),
        }
    }

    pub(super) fn value<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let setting = setting(key);
        let (text, _) = self.raw.get(setting);
        parse(text).unwrap_or_else(|text| {
            self.wrong(key, text);
            parse(setting.default).unwrap_or_else(|problem| panic!("the default of {key}: {problem}"))
        })
    }

    fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let (text, _) = self.raw.get(setting(key));
        (!text.is_empty()).then(|| text.into())
    }

    pub(super) fn wrong(&mut self, key: &'static str, text: impl Into<String>) {
        self.problems.push(Problem { key, text: text.into() });
    }

    fn tokens(&mut self) -> Tokens {
        let mut tokens = Tokens::default();
        for key in ["tokens_file", "tokens"] {
            let Some(text) = self.token_lines(key) else { continue };
            let parsed = Tokens::parse(&text).map_err(|error| error.to_string());
            let parsed = parsed.and_then(|more| {
                let has_any = more.apps().next().is_some();
                not_none(has_any, more)
            });
            let all = parsed.and_then(|more| tokens.extend(more).map_err(|error| error.to_string()));
            if let Err(problem) = all {
                self.wrong(key, format!("{}{problem}", self.shown(key)));
            }
        }
        tokens
    }

    fn access(&mut self) -> Access {
        let mut access = Access::default();
        for key in ["grpc.tokens_file", "grpc.tokens"] {
            let Some(text) = self.token_lines(key) else { continue };
            let parsed = Access::parse(&text).map_err(|error| error.to_string());
            let parsed = parsed.and_then(|more| not_none(more.is_required(), more));
            if let Err(problem) = parsed.and_then(|more| access.extend(more)) {
                self.wrong(key, format!("{}{problem}", self.shown(key)));
            }
        }
        access
    }

    /// Returns the lines of a setting that holds tokens, or of the file that it names. Rejects a file whose
    /// last line is not terminated: a part of a line may grant more rights than the whole.
    fn token_lines(&mut self, key: &'static str) -> Option<String> {
        let text = self.secrets(key)?;
        let is_file = !setting(key).is_secret();
        if is_file && !text.is_empty() && !text.ends_with('\n') {
            let problem =
                "the last line is not terminated: the file may be incomplete. End it with a line feed";
            self.wrong(key, format!("{}{problem}", self.shown(key)));
            return None;
        }
        Some(text)
    }

    /// Returns the lines of a setting that holds secrets, or of the file that it names.
    pub(super) fn secrets(&mut self, key: &'static str) -> Option<String> {
        let (text, _) = self.raw.get(setting(key));
        if setting(key).is_secret() {
            return (!text.is_empty()).then(|| text.to_owned());
        }
        let path = self.path(key)?;
        self.warn_if_exposed(key);
        match files::read(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.wrong(key, format!("{}{error}", self.shown(key)));
                None
            }
        }
    }

    pub(super) fn warn_if_exposed(&mut self, key: &'static str) {
        if self.path(key).is_some_and(|path| files::is_exposed(&path)) {
            let text = format!(
                "{}readable or writable by other users of this machine; run chmod 600 on it",
                self.shown(key)
            );
            self.warnings.push(Problem { key, text });
        }
    }

    /// Returns the path of a setting for messages, unless it looks like a line of tokens instead of a path.
    pub(super) fn shown(&self, key: &'static str) -> String {
        let (text, _) = self.raw.get(setting(key));
        if setting(key).is_secret() {
            String::new()
        } else if text.contains(char::is_whitespace) {
            "(path not shown because it contains spaces): ".to_owned()
        } else {
            format!("{text}: ")
        }
    }

    /// Returns the path of a PEM file, if set, and checks its content.
    pub(super) fn pem(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = self.path(key)?;
        let checked =
            if key.ends_with("key") { tls::check_key(&path) } else { tls::check_certificates(&path) };
        if let Err(error) = checked {
            self.wrong(key, error.to_string());
        }
        Some(path)
    }

    /// Returns the TLS configuration of a listener, if set.
    fn tls(&mut self, keys: &[&'static str; 4], protocol: Protocol) -> Option<GrpcTls> {
        let &[cert_key, key_key, client_ca_key, client_auth_key] = keys;
        let [cert, key, client_ca] = [cert_key, key_key, client_ca_key].map(|key| self.path(key));
        let client_auth = self.value(client_auth_key, client_auth);
        let (cert, key) = match (cert, key) {
            (Some(cert), Some(key)) => (cert, key),
            (None, Some(_)) => {
                self.wrong(cert_key, format!("{key_key} needs it: set both or neither"));
                return None;
            }
            (Some(_), None) => {
                self.wrong(key_key, format!("{cert_key} needs it: set both or neither"));
                return None;
            }
            (None, None) => {
                if client_ca.is_some() {
                    self.wrong(client_ca_key, format!("it needs TLS: set {cert_key} and {key_key} too"));
                }
                return None;
            }
        };
        let needs_certificate = client_ca.is_some() && client_auth == ClientAuth::Required;
        self.warn_if_exposed(key_key);
        let files = tls::Files { cert, key, client_ca, client_auth };
        tls::server_config(&files, protocol)
            .map(|config| GrpcTls { config, needs_certificate })
            .map_err(|errors| {
                for error in errors {
                    let key = match error.file {
                        tls::File::Cert => cert_key,
                        tls::File::Key => key_key,
                        tls::File::ClientCa => client_ca_key,
                    };
                    self.wrong(key, error.to_string());
                }
            })
            .ok()
    }
}

/// Rejects a file without tokens: a file that was emptied or is half written must not disable authentication.
fn not_none<T>(has_any: bool, tokens: T) -> Result<T, String> {
    if has_any { Ok(tokens) } else { Err("it contains no token; remove the setting to use none".to_owned()) }
}

pub(super) fn quoted(text: &str) -> String {
    // A long value may be a misplaced secret; valid values are short.
    if text.len() <= 40 { format!("`{}`", text.escape_debug()) } else { "the value".to_owned() }
}

fn parsed<T>(text: &str, outcome: Result<T, impl Display>, wanted: &str) -> Result<T, String> {
    outcome.map_err(|_| format!("{} is not a valid {wanted}", quoted(text)))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    parsed(text, text.parse(), "address: use one such as 127.0.0.1:8080 or 0.0.0.0:8080")
}

fn time(text: &str) -> Result<Duration, String> {
    parsed(text, humantime::parse_duration(text), "time: use one such as 90s, 5m or 7days")
}

fn size(text: &str) -> Result<u64, String> {
    parsed(text, text.parse::<ByteSize>(), "size: use one such as 512KiB, 64MiB or 10GiB")
        .map(|size| size.as_u64())
}

/// Parses a size. Caps it at what this machine can address.
fn size_in_memory(text: &str) -> Result<usize, String> {
    size(text).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn number<T: std::str::FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    parsed(text, text.parse(), "number: use one such as 1000")
}

fn app_ids(text: &str) -> Result<Vec<u32>, String> {
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| parsed(id, id.parse(), "SDKAppID: use numbers such as 1400000000")).collect()
}

/// Parses a replica's name. Defaults to the host name.
fn replica_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(rustix::system::uname().nodename().to_string_lossy().into_owned());
    }
    if text.len() <= MAX_REPLICA_NAME_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{} is not a valid name: use at most 128 printable ASCII characters without spaces",
            quoted(text)
        ))
    }
}

/// Parses a collector's address. The connection is without TLS, so all other URL parts are mistakes.
fn endpoint(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_plain = |uri: &Uri| {
        let authority = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        uri.scheme_str() == Some("http") && authority && uri.path() == "/" && uri.query().is_none()
    };
    match text.parse::<Uri>().ok().filter(is_plain) {
        Some(_) => Ok(Some(text.to_owned())),
        // Do not quote the text: it may hold a password.
        None => Err("not a valid collector address: use one such as http://127.0.0.1:4317".to_owned()),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(format!("{} is not true or false", quoted(text))),
    }
}

fn client_auth(text: &str) -> Result<ClientAuth, String> {
    choice(text, &[("required", ClientAuth::Required), ("optional", ClientAuth::Optional)])
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("{} is not one of {}", quoted(text), names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(values: &[(&str, &str)]) -> RawSettings {
        let mut raw = RawSettings::default();
        for (key, text) in values {
            let setting = setting(key);
            let source = if setting.is_secret() { Source::Variable } else { Source::Flag };
            raw.set(setting, (*text).to_owned(), source);
        }
        raw
    }

    fn problems_of(raw: &RawSettings) -> Vec<String> {
        load(raw).unwrap_err().iter().map(|problem| located(problem, raw)).collect()
    }

    #[test]
    fn the_defaults_are_valid_with_an_app() {
        let loaded = load(&raw(&[("sdk_app_id", "1,2")])).unwrap();
        let settings = loaded.config.settings();
        assert_eq!(settings.sdk_app_ids, [1, 2]);
        assert_eq!(settings.drain_timeout, Duration::from_secs(20));
        assert_eq!((settings.memory_bytes, settings.retention_bytes), (64 << 20, Some(10 << 30)));
        assert!(settings.retention_count.is_none() && settings.index && !settings.new_epoch);
        assert_eq!(loaded.warnings, Vec::<String>::new());
    }

    #[test]
    fn every_setting_is_read() {
        for setting in SETTINGS {
            // No setting but a text accepts this value, and no file can have this name.
            let wrong = "/\0";
            if matches!(setting.key, "data_dir" | "ready_file") {
                continue;
            }
            let mut values = vec![("sdk_app_id", "1"), (setting.key, wrong)];
            if let Some(table) = setting.key.strip_suffix(".tls_client_ca") {
                let [cert, key] = [format!("{table}.tls_cert"), format!("{table}.tls_key")];
                values.extend([(cert.leak() as &str, "/none"), (key.leak() as &str, "/none")]);
            }
            let problems = problems_of(&raw(&values)).join("\n");
            assert!(
                problems.contains(setting.key.trim_end_matches("_client_ca")),
                "{}: {problems}",
                setting.key
            );
        }
    }

    #[test]
    fn with_nats_events_are_kept_for_longer_than_appends_are_retried() {
        let age = |log, age| load(&raw(&[("sdk_app_id", "1"), ("log", log), ("retention.age", age)]));
        let problems = age("nats", "59s").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].key == "retention.age" && problems[0].text.contains("at least 1m"));
        assert!(age("nats", "1m").is_ok() && age("nats", "0s").is_ok() && age("disk", "1s").is_ok());
    }

    #[test]
    fn every_problem_is_reported_once_with_its_key_its_source_and_the_remedy() {
        let problems = problems_of(&raw(&[
            ("sdk_app_id", "x"),
            ("http.listen", "here"),
            ("http.body_limit", "3MiB"),
            ("grpc.tls_key", "/key"),
            ("grpc.tls_client_auth", "maybe"),
            ("log", "paper"),
            ("tokens", "1 t0ken a b"),
        ]));
        assert_eq!(
            problems,
            [
                "sdk_app_id (--sdk-app-id): `x` is not a valid SDKAppID: use numbers such as 1400000000",
                "tokens (CALLBACK_GATEWAY_TOKENS): line 1: a token is 8 to 128 printable ASCII characters without spaces",
                "log (--log): `paper` is not one of disk, nats, memory",
                "http.listen (--http-listen): `here` is not a valid address: use one such as 127.0.0.1:8080 or 0.0.0.0:8080",
                "http.body_limit (--http-body-limit): must be 1B to 2MiB",
                "grpc.tls_cert: grpc.tls_key needs it: set both or neither",
                "grpc.tls_client_auth (--grpc-tls-client-auth): `maybe` is not one of required, optional",
            ]
        );
    }
}
