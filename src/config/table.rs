//! Table of all settings: key, default and help.
//!
//! The flags, the environment variables, the file, `print-config` and `docs/configuration.md` are generated
//! from it.

/// A setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Key in the file: `http.listen` is `listen` in the table `[http]`.
    pub key: &'static str,
    /// Placeholder of the value in help texts.
    pub value: &'static str,
    /// Default, as on the command line. Empty if there is none.
    pub default: &'static str,
    /// Form of the value in the file.
    pub form: Form,
    /// Places where the setting may appear.
    pub allowed: AllowedSources,
    /// True if SIGHUP applies a new value. Otherwise a change needs a restart.
    pub reloads: bool,
    /// Help text, without a period at its end.
    pub help: &'static str,
}

/// Form of a value in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Switch,
    /// A list of numbers. On the command line repeated or joined by commas.
    Numbers,
    /// A list of strings, which are secrets. Lines in the environment.
    Secrets,
}

/// Places where a setting may appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedSources {
    /// The file, the environment and the command line.
    Anywhere,
    /// Not the command line, which every user of the machine can see.
    NotOnCommandLine,
    /// Not the file: the setting applies to one start.
    NotInFile,
    /// Anywhere, but hidden in help and documents: for measurements.
    Hidden,
}

impl Setting {
    /// Returns the flag, without the two dashes.
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// Returns the environment variable.
    pub fn variable(&self) -> String {
        format!("CALLBACK_GATEWAY_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// Returns whether the value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.form == Form::Secrets
    }
}

/// Returns the setting with this key.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

const fn setting(
    key: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, value, default, form: Form::Text, allowed: AllowedSources::Anywhere, reloads: false, help }
}

impl Setting {
    const fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    const fn allowed(mut self, allowed: AllowedSources) -> Self {
        self.allowed = allowed;
        self
    }

    const fn reloads(mut self) -> Self {
        self.reloads = true;
        self
    }
}

/// All settings in display order: those outside a table first.
pub static SETTINGS: &[Setting] = &[
    setting("sdk_app_id", "N", "", "SDKAppID of an app whose callbacks are accepted. Repeat it for several apps")
        .form(Form::Numbers),
    setting(
        "tokens_file",
        "PATH",
        "",
        "File with the tokens that verify callback signatures: lines `APP_ID TOKEN`. An app may have several tokens \
         during a rotation",
    )
    .reloads(),
    setting(
        "tokens",
        "LINES",
        "",
        "Lines as in `tokens_file`, in addition to the file's",
    )
    .form(Form::Secrets)
    .allowed(AllowedSources::NotOnCommandLine)
    .reloads(),
    setting(
        "signature_window",
        "TIME",
        "60s",
        "Maximum difference between a signed callback's RequestTime and the clock, 1s to 1day",
    ),
    setting(
        "allow_unsigned",
        "BOOL",
        "false",
        "Accept unsigned callbacks from other machines for apps without a token",
    )
    .form(Form::Switch),
    setting(
        "duplicate_window",
        "TIME",
        "10m",
        "Time in which a repeated callback is marked as a duplicate, at most 1day. 0s disables the mark",
    ),
    setting(
        "log",
        "KIND",
        "disk",
        "Storage for events: `disk`, `nats` (NATS JetStream, which several gateways share), or `memory` (for trials: \
         events are lost with the process)",
    ),
    setting("data_dir", "DIR", "./data", "Directory of the log. Created if missing. With `log = nats`, directory of a rebuildable index and of the newest position that was seen"),
    setting(
        "memory",
        "SIZE",
        "64MiB",
        "Memory for the newest events, which live subscribers read. Sending takes up to half as much again",
    ),
    setting(
        "new_epoch",
        "BOOL",
        "false",
        "Begin a new epoch of the log on disk, for the one start after a backup was restored: all earlier cursors \
         are rejected. Receive times ahead of the clock are set to the present",
    )
    .form(Form::Switch)
    .allowed(AllowedSources::NotInFile),
    setting(
        "damaged_store",
        "MODE",
        "set-aside",
        "What the start does with a damaged log: `set-aside` moves an unusable store on disk into a directory \
         `damaged-TIME` and starts a new log, and begins a new epoch on a NATS stream that lost its newest events. \
         `refuse` exits with an error",
    ),
    setting(
        "index",
        "BOOL",
        "true",
        "Keep an index by account, group and command. Turn it off only for measurements",
    )
    .form(Form::Switch)
    .allowed(AllowedSources::Hidden),
    setting(
        "replica_name",
        "NAME",
        "",
        "Name of this gateway in `AdminService` responses, for operators of several replicas. Empty: the host name",
    ),
    setting(
        "ready_file",
        "PATH",
        "",
        "File for the bound addresses, as JSON. Written when the gateway is ready",
    ),
    setting(
        "log_level",
        "FILTER",
        "info",
        "Minimum level of log lines: `error`, `warn`, `info`, `debug`, `trace`, or levels by module such as \
         `info,callback_gateway=debug`",
    )
    .reloads(),
    setting(
        "log_format",
        "FORMAT",
        "auto",
        "Format of log lines: `text`, `json`, or `auto` (text on a terminal, otherwise JSON)",
    ),
    setting(
        "http.listen",
        "ADDRESS",
        "127.0.0.1:8080",
        "Address for callbacks. Port 0 selects a free port",
    ),
    setting("http.path", "PATH", "/", "URL path of callbacks"),
    setting("http.body_limit", "SIZE", "1MiB", "Maximum size of a callback body, at most 2MiB. Larger ones get 413"),
    setting(
        "http.max_connections",
        "N",
        "4096",
        "Maximum callback connections. At the limit, a new one evicts an idle or slow one",
    )
    .form(Form::Number),
    setting(
        "http.idle_timeout",
        "TIME",
        "75s",
        "Idle timeout of callback connections, 1s to 1day. Set it longer than the proxy's",
    ),
    setting(
        "http.tls_cert",
        "PATH",
        "",
        "Certificate chain (PEM) for HTTPS callbacks. Without it, callbacks use plain HTTP",
    )
    .reloads(),
    setting("http.tls_key", "PATH", "", "Private key (PEM) of `http.tls_cert`").reloads(),
    setting(
        "http.tls_client_ca",
        "PATH",
        "",
        "CA certificates (PEM) that verify client certificates of callbacks: the vendor's CA file",
    )
    .reloads(),
    setting(
        "http.tls_client_auth",
        "MODE",
        "required",
        "With `http.tls_client_ca`: reject callers without a client certificate (`required`) or accept them \
         (`optional`)",
    )
    .reloads(),
    setting("grpc.listen", "ADDRESS", "127.0.0.1:50051", "Address for gRPC. Port 0 selects a free port"),
    setting(
        "grpc.auth",
        "MODE",
        "auto",
        "`auto`: clients need the token, the client certificate, or both, that are configured below. With neither, \
         the listener must be on loopback. `none`: every client that reaches the listener may read all events; for \
         a mesh that authenticates clients",
    ),
    setting(
        "grpc.tokens_file",
        "PATH",
        "",
        "File with the tokens that clients send as `authorization: Bearer TOKEN`: lines `NAME TOKEN RIGHTS`. \
         Rights are `events`, `apps=1,2`, `commands=Sns.*,State.StateChange` and `admin`",
    )
    .reloads(),
    setting(
        "grpc.tokens",
        "LINES",
        "",
        "Lines as in `grpc.tokens_file`, in addition to the file's",
    )
    .form(Form::Secrets)
    .allowed(AllowedSources::NotOnCommandLine)
    .reloads(),
    setting(
        "grpc.tls_cert",
        "PATH",
        "",
        "Certificate chain (PEM) for gRPC over TLS. Without it, gRPC is not encrypted",
    )
    .reloads(),
    setting("grpc.tls_key", "PATH", "", "Private key (PEM) of `grpc.tls_cert`").reloads(),
    setting(
        "grpc.tls_client_ca",
        "PATH",
        "",
        "CA certificates (PEM) that verify client certificates: your company's CA file",
    )
    .reloads(),
    setting(
        "grpc.tls_client_auth",
        "MODE",
        "required",
        "With `grpc.tls_client_ca`: reject clients without a certificate (`required`) or accept them (`optional`)",
    )
    .reloads(),
    setting(
        "grpc.max_connections",
        "N",
        "6000",
        "Maximum gRPC connections. At the limit, a new one evicts an idle one",
    )
    .form(Form::Number),
    setting(
        "grpc.max_streams",
        "N",
        "5000",
        "Maximum Subscribe streams, 1 to 1000000. Beyond it, new ones get RESOURCE_EXHAUSTED",
    )
    .form(Form::Number),
    setting(
        "grpc.stall_timeout",
        "TIME",
        "5m",
        "Close a stream whose client has read nothing, not even 16KiB, for this long. 1s to 1day",
    ),
    setting(
        "grpc.max_stream_age",
        "TIME",
        "0s",
        "Close streams of this age, so that clients spread over replicas. 1s to 365days; 0s: never",
    ),
    setting(
        "grpc.keepalive_interval",
        "TIME",
        "30s",
        "Ping a gRPC connection that has been silent for this long. 1s to 1h",
    ),
    setting(
        "grpc.keepalive_timeout",
        "TIME",
        "20s",
        "Close a gRPC connection whose ping is unanswered for this long. 1s to 1h",
    ),
    setting(
        "admin.listen",
        "ADDRESS",
        "127.0.0.1:9090",
        "Address for /livez, /readyz and /metrics. Port 0 selects a free port",
    ),
    setting(
        "nats.url",
        "URLS",
        "nats://127.0.0.1:4222",
        "With `log = nats`: server URLs, joined by commas. `tls://` encrypts. A part of the cluster suffices",
    ),
    setting(
        "nats.stream",
        "NAME",
        "callbacks",
        "Name of the stream. Created if missing. A stream with other settings is rejected",
    ),
    setting(
        "nats.subject_prefix",
        "PREFIX",
        "callbacks",
        "Prefix of the stream's subjects. The SDKAppID and the command follow it",
    ),
    setting(
        "nats.replicas",
        "N",
        "3",
        "Replicas of the stream: 3 or 5, or 1 on a single server, whose `sync_interval` then bounds the loss at a \
         power cut",
    )
    .form(Form::Number),
    setting(
        "nats.credentials_file",
        "PATH",
        "",
        "Credentials file (JWT and nkey) for NATS",
    )
    .reloads(),
    setting(
        "nats.login_file",
        "PATH",
        "",
        "File with one line `USER PASSWORD` for NATS, instead of a credentials file",
    )
    .reloads(),
    setting("nats.login", "LINE", "", "Line `USER PASSWORD`, instead of a file")
        .form(Form::Secrets)
        .allowed(AllowedSources::NotOnCommandLine)
        .reloads(),
    setting(
        "nats.tls_ca",
        "PATH",
        "",
        "CA certificates (PEM) that verify the NATS servers; also forces TLS. Without it, the system's trust store applies",
    ),
    setting(
        "nats.tls_cert",
        "PATH",
        "",
        "Client certificate (PEM) for NATS; also forces TLS",
    ),
    setting("nats.tls_key", "PATH", "", "Private key (PEM) of `nats.tls_cert`"),
    setting(
        "retention.age",
        "TIME",
        "7days",
        "Delete events of this age, 1s (1m with `--log nats`) to 100years. 0s: no limit",
    ),
    setting(
        "retention.bytes",
        "SIZE",
        "10GiB",
        "Delete the oldest events beyond this size, at least 16MiB. 0B: no limit. A data directory needs about 150MiB \
         more, and about 30 bytes per event for the index",
    ),
    setting("retention.count", "N", "0", "Delete the oldest events beyond this number. 0: no limit").form(Form::Number),
    setting(
        "trace.otlp_endpoint",
        "URL",
        "",
        "OTLP collector for spans (gRPC, without TLS), such as `http://127.0.0.1:4317`. Without it, tracing is disabled",
    ),
    setting(
        "trace.sample_ratio",
        "PART",
        "0.01",
        "Sampling ratio of callbacks without a `traceparent`, 0 to 1. Others follow their `traceparent`",
    )
    .form(Form::Number),
    setting(
        "drain.delay",
        "TIME",
        "5s",
        "Time after SIGTERM in which callbacks are still accepted, while proxies update their routes",
    ),
    setting(
        "drain.timeout",
        "TIME",
        "20s",
        "Maximum time from SIGTERM to the exit: at least 5s longer than `drain.delay`, at most 1h. Longer only while the events of a deleted store are saved",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_settings_share_a_flag_or_a_variable() {
        let mut flags: Vec<String> = SETTINGS.iter().map(Setting::flag).collect();
        flags.sort();
        flags.dedup();
        assert_eq!(flags.len(), SETTINGS.len());
        let mut variables: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), SETTINGS.len());
    }

    #[test]
    fn the_settings_of_a_table_stand_together() {
        let tables: Vec<_> =
            SETTINGS.iter().map(|setting| setting.key.split_once('.').map(|(t, _)| t)).collect();
        assert_eq!(tables[0], None);
        let mut seen = tables.clone();
        seen.dedup();
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
