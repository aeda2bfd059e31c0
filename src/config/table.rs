//! Every setting: its key, its default, what it means. The command line, the
//! environment, the file, `print-config` and `docs/configuration.md` are made from this.

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where it stands in the file: `http.listen` is `listen` in the table `[http]`.
    pub key: &'static str,
    /// What its value is called in the help.
    pub value: &'static str,
    /// The value if none is given, as on the command line; empty: there is none.
    pub default: &'static str,
    /// How it is written in the file.
    pub form: Form,
    /// Where it may be given.
    pub place: Place,
    /// Whether SIGHUP puts a new value into force; otherwise it takes a restart.
    pub reloads: bool,
    /// What it is for.
    pub help: &'static str,
}

/// How a value is written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a string.
    Text,
    /// As a number.
    Number,
    /// As `true` or `false`.
    Switch,
    /// As a list of numbers; on the command line repeated or joined by commas.
    Numbers,
    /// As a list of strings, which are secrets; as lines in the environment.
    Secrets,
}

/// Where a value may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the file, in the environment and on the command line.
    Anywhere,
    /// Not on the command line, which every user of the machine can see.
    NotOnCommandLine,
    /// Not in the file: it is for one start.
    NotInFile,
    /// In the file too, but neither help nor documents show it: for measurements.
    Hidden,
}

impl Setting {
    /// Its flag, without the two dashes.
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("CALLBACK_GATEWAY_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// Whether its value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.form == Form::Secrets
    }
}

/// The setting with this key.
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

const fn setting(
    key: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, value, default, form: Form::Text, place: Place::Anywhere, reloads: false, help }
}

impl Setting {
    const fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    const fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    const fn reloads(mut self) -> Self {
        self.reloads = true;
        self
    }
}

/// All settings, in the order in which they are shown: those of no table first.
pub static SETTINGS: &[Setting] = &[
    setting("sdk_app_id", "N", "", "SDKAppID whose callbacks are accepted; several for several apps")
        .form(Form::Numbers),
    setting(
        "tokens_file",
        "PATH",
        "",
        "File with the tokens that callbacks are signed with: lines `APP_ID TOKEN`, several for one app while \
         a token is being changed",
    )
    .reloads(),
    setting(
        "tokens",
        "LINES",
        "",
        "The same lines themselves, beside those of the file",
    )
    .form(Form::Secrets)
    .place(Place::NotOnCommandLine)
    .reloads(),
    setting(
        "signature_window",
        "TIME",
        "60s",
        "How far a signed callback's RequestTime may be from the clock, both ways; 1s to 1day",
    ),
    setting(
        "allow_unsigned",
        "BOOL",
        "false",
        "Take callbacks of apps without a token from other machines too",
    )
    .form(Form::Switch),
    setting(
        "duplicate_window",
        "TIME",
        "10m",
        "How long a callback is remembered, to mark one that comes in again; at most 1day, 0s marks nothing",
    ),
    setting(
        "log",
        "KIND",
        "disk",
        "Where events are kept: `disk`, `nats` (in NATS JetStream, which several gateways share), or `memory` (for \
         trying things out: they are lost with the process)",
    ),
    setting("data_dir", "DIR", "./data", "Directory of the log; made if it is missing. With `log = nats`, of an index that can be made again"),
    setting(
        "memory",
        "SIZE",
        "64MiB",
        "Memory for the newest events, from which live subscribers are served; up to half as much again is taken for them as they are sent",
    ),
    setting(
        "new_epoch",
        "BOOL",
        "false",
        "Have the log on disk begin a new epoch, for the one start after a backup was restored: every \
         earlier cursor is refused. Also sets receive times that are ahead of the clock to the present",
    )
    .form(Form::Switch)
    .place(Place::NotInFile),
    setting(
        "damaged_store",
        "MODE",
        "set-aside",
        "What to do at the start with a damaged log: `set-aside` moves an unusable store on disk into a \
         directory `damaged-TIME` and starts a new log, and begins a new epoch on a NATS stream that lost its \
         newest events; `refuse` does not start",
    ),
    setting(
        "index",
        "BOOL",
        "true",
        "Keep an index by account, group and command: off only to measure without it",
    )
    .form(Form::Switch)
    .place(Place::Hidden),
    setting(
        "replica_name",
        "NAME",
        "",
        "What this gateway calls itself in `AdminService`'s answers, where several share a log; the host's name \
         without it",
    ),
    setting(
        "ready_file",
        "PATH",
        "",
        "File to write the bound addresses to, as JSON, once all is ready",
    ),
    setting(
        "log_level",
        "FILTER",
        "info",
        "Which log lines are written: `error`, `warn`, `info`, `debug`, `trace`, or different ones by module, \
         such as `info,callback_gateway=debug`",
    )
    .reloads(),
    setting(
        "log_format",
        "FORMAT",
        "auto",
        "Form of log lines: `text`, `json`, or `auto`: text on a terminal, JSON otherwise",
    ),
    setting(
        "http.listen",
        "ADDRESS",
        "127.0.0.1:8080",
        "Address for callbacks; port 0 takes a free one",
    ),
    setting("http.path", "PATH", "/", "Path that callbacks are posted to"),
    setting("http.body_limit", "SIZE", "1MiB", "Largest callback body, at most 2MiB"),
    setting(
        "http.max_connections",
        "N",
        "4096",
        "Most callback connections at once; beyond it a new one takes the place of an idle or slow one",
    )
    .form(Form::Number),
    setting(
        "http.idle_timeout",
        "TIME",
        "75s",
        "How long a callback connection may stay open without a request; longer than a proxy's. 1s to 1day",
    ),
    setting(
        "http.tls_cert",
        "PATH",
        "",
        "Certificate chain (PEM) for callbacks over HTTPS; without it they come over HTTP",
    )
    .reloads(),
    setting("http.tls_key", "PATH", "", "Its private key (PEM)").reloads(),
    setting(
        "http.tls_client_ca",
        "PATH",
        "",
        "Certificates (PEM) of those who sign callers' client certificates: the vendor's CA file",
    )
    .reloads(),
    setting(
        "http.tls_client_auth",
        "MODE",
        "required",
        "With a client CA: whether a caller without a client certificate is refused (`required`) or not \
         (`optional`)",
    )
    .reloads(),
    setting("grpc.listen", "ADDRESS", "127.0.0.1:50051", "Address for gRPC; port 0 takes a free one"),
    setting(
        "grpc.auth",
        "MODE",
        "auto",
        "`auto`: whoever calls needs what is set up below, a token or a client certificate or both; with \
         neither, the listener must be on loopback. `none`: anybody who reaches the listener may read \
         everything, as in a mesh that does it instead",
    ),
    setting(
        "grpc.tokens_file",
        "PATH",
        "",
        "File with the tokens that clients send as `authorization: Bearer TOKEN`: lines `NAME TOKEN RIGHTS`, \
         where rights are `events`, `apps=1,2`, `commands=Sns.*,State.StateChange` and `admin`",
    )
    .reloads(),
    setting(
        "grpc.tokens",
        "LINES",
        "",
        "The same lines themselves, beside those of the file",
    )
    .form(Form::Secrets)
    .place(Place::NotOnCommandLine)
    .reloads(),
    setting(
        "grpc.tls_cert",
        "PATH",
        "",
        "Certificate chain (PEM) for gRPC over TLS; without it gRPC is not encrypted",
    )
    .reloads(),
    setting("grpc.tls_key", "PATH", "", "Its private key (PEM)").reloads(),
    setting(
        "grpc.tls_client_ca",
        "PATH",
        "",
        "Certificates (PEM) of those who sign clients' certificates: your company's CA file",
    )
    .reloads(),
    setting(
        "grpc.tls_client_auth",
        "MODE",
        "required",
        "With a client CA: whether a client without a certificate is refused (`required`) or not (`optional`)",
    )
    .reloads(),
    setting(
        "grpc.max_connections",
        "N",
        "6000",
        "Most gRPC connections at once; beyond it a new one takes the place of an idle one",
    )
    .form(Form::Number),
    setting(
        "grpc.max_streams",
        "N",
        "5000",
        "Most Subscribe streams at once; further ones get RESOURCE_EXHAUSTED",
    )
    .form(Form::Number),
    setting(
        "grpc.stall_timeout",
        "TIME",
        "5m",
        "How long a client may take nothing of its stream, not a piece of 16KiB, before it loses it; 1s to 1day",
    ),
    setting(
        "grpc.max_stream_age",
        "TIME",
        "0s",
        "How long a stream may last, so that streams spread over replicas again; 1s to 365days, 0s for ever",
    ),
    setting(
        "grpc.keepalive_interval",
        "TIME",
        "30s",
        "After how much silence a gRPC connection is pinged; 1s to 1h",
    ),
    setting(
        "grpc.keepalive_timeout",
        "TIME",
        "20s",
        "How long the answer to a ping may take before the connection is closed; 1s to 1h",
    ),
    setting(
        "admin.listen",
        "ADDRESS",
        "127.0.0.1:9090",
        "Address for the probes /livez and /readyz and for /metrics; port 0 takes a free one",
    ),
    setting(
        "nats.url",
        "URLS",
        "nats://127.0.0.1:4222",
        "With `log = nats`: the servers, joined by commas; with `tls://` encrypted. Some of a cluster's suffice",
    ),
    setting(
        "nats.stream",
        "NAME",
        "callbacks",
        "The stream that events are kept in; made if it is not there. One with other settings is refused",
    ),
    setting(
        "nats.subject_prefix",
        "PREFIX",
        "callbacks",
        "What the stream's subjects begin with; the SDKAppID and the command follow",
    ),
    setting(
        "nats.replicas",
        "N",
        "3",
        "On how many servers the stream is: 3 or 5, or 1 for a server alone, whose `sync_interval` then decides \
         what a power cut may take",
    )
    .form(Form::Number),
    setting(
        "nats.credentials_file",
        "PATH",
        "",
        "Credentials file (JWT and nkey) that the gateway shows the servers, whenever it connects",
    )
    .reloads(),
    setting(
        "nats.login_file",
        "PATH",
        "",
        "File with one line `USER PASSWORD` that the gateway shows the servers instead",
    )
    .reloads(),
    setting("nats.login", "LINE", "", "The same line itself")
        .form(Form::Secrets)
        .place(Place::NotOnCommandLine)
        .reloads(),
    setting(
        "nats.tls_ca",
        "PATH",
        "",
        "Certificates (PEM) of those who sign the servers' certificates; with it connections are always \
         encrypted. Without it, those that the system trusts",
    ),
    setting(
        "nats.tls_cert",
        "PATH",
        "",
        "Certificate (PEM) that the gateway shows the servers; with it connections are always encrypted",
    ),
    setting("nats.tls_key", "PATH", "", "Its private key (PEM)"),
    setting(
        "retention.age",
        "TIME",
        "7days",
        "How old stored events may get; 1s (1m with `--log nats`) to 100years, 0s is no bound",
    ),
    setting(
        "retention.bytes",
        "SIZE",
        "10GiB",
        "How large the stored events may get, at least 16MiB; 0B is no bound. A data directory needs about 150MiB \
         more, and some 30 bytes an event for the index",
    ),
    setting("retention.count", "N", "0", "How many events are kept; 0 is no bound").form(Form::Number),
    setting(
        "trace.otlp_endpoint",
        "URL",
        "",
        "Collector that spans are sent to over OTLP (gRPC, without TLS), such as `http://127.0.0.1:4317`; \
         without it nothing is traced",
    ),
    setting(
        "trace.sample_ratio",
        "PART",
        "0.01",
        "Which part of the callbacks is traced, 0 to 1; one with a `traceparent` follows what that says",
    )
    .form(Form::Number),
    setting(
        "drain.delay",
        "TIME",
        "5s",
        "How long callbacks are still taken after SIGTERM, while proxies learn of it",
    ),
    setting(
        "drain.timeout",
        "TIME",
        "20s",
        "Time from SIGTERM to the end, at most; at least 5s longer than the delay, and at most 1h",
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
