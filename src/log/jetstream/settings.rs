//! The stream's settings: created once, compared from then on, never changed silently.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{api::Api, error::OpenError, info::StreamInfo, options::Options};

/// How long the server recognizes the retry of a publish. Much longer than any publish is retried.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(2 * 60);

/// Returns the settings that the stream must have, by the names of JetStream's API.
fn wanted(options: &Options) -> Map<String, Value> {
    let retention = &options.retention;
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let bound = |bound: Option<u64>| bound.map_or(-1, |bound| i64::try_from(bound).unwrap_or(i64::MAX));
    // The server refuses a window that exceeds the age of messages.
    let window = retention.age.map_or(DUPLICATE_WINDOW, |age| age.min(DUPLICATE_WINDOW));
    let wanted = json!({
        "name": options.stream,
        "subjects": [format!("{}.>", options.subject_prefix)],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "num_replicas": options.replicas,
        "max_age": retention.age.map_or(0, nanos),
        "max_bytes": bound(retention.bytes),
        "max_msgs": bound(retention.count),
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "max_consumers": -1,
        "duplicate_window": nanos(window),
        "allow_direct": true,
    });
    match wanted {
        Value::Object(wanted) => wanted,
        _ => unreachable!("the literal is an object"),
    }
}

/// Settings that the stream must have.
#[derive(Debug)]
pub(super) struct StreamSettings {
    wanted: Map<String, Value>,
}

impl StreamSettings {
    pub(super) fn new(options: &Options) -> Self {
        Self { wanted: wanted(options) }
    }

    /// Returns the settings that differ: first those that can lose or change acknowledged events, then the others.
    pub(super) fn compare(&self, info: &StreamInfo) -> (Vec<String>, Vec<String>) {
        differences(&self.wanted, &info.config).into_iter().partition(|difference| {
            let (key, _) = difference.split_once(' ').unwrap_or_default();
            let is_fewer = || info.config.get(key).and_then(Value::as_u64) < self.wanted[key].as_u64();
            UNWANTED.contains(&key) || UNSAFE.contains(&key) || key == "num_replicas" && is_fewer()
        })
    }
}

/// Settings that lose or change events if they differ. Fewer replicas do, too. With other differences the stream refuses
/// events, or trims them sooner or later than the gateway's own settings say, which it reports to readers.
const UNSAFE: &[&str] = &["storage", "retention", "max_msgs_per_subject", "persist_mode"];

/// Settings that the stream must not have. Each would lose, change or merge messages.
const UNWANTED: &[&str] = &[
    "no_ack",
    "sealed",
    "discard_new_per_subject",
    "allow_rollup_hdrs",
    "allow_msg_ttl",
    "allow_msg_counter",
    "allow_msg_schedules",
    "mirror",
    "sources",
    "subject_transform",
];

/// Creates the stream if it does not exist, and checks its settings otherwise.
pub(super) async fn create_or_check(api: &Api, options: &Options) -> Result<StreamInfo, OpenError> {
    let wanted = wanted(options);
    let unreachable = OpenError::Unreachable;
    if api.info().await.map_err(unreachable)?.is_none() {
        match api.create(&wanted).await {
            // Also if another gateway has just created the same stream.
            Ok(()) => {
                tracing::info!(stream = options.stream, replicas = options.replicas, "created the stream");
            }
            // Another gateway has just created a different stream: the differences are reported below.
            Err(_) if api.info().await.map_err(unreachable)?.is_some() => {}
            Err(error) => return Err(OpenError::Create(error)),
        }
    }
    let info = api.info().await.map_err(unreachable)?.ok_or(OpenError::Gone)?;
    let differences = differences(&wanted, &info.config);
    if differences.is_empty() {
        Ok(info)
    } else {
        Err(OpenError::Differs { stream: options.stream.clone(), differences: differences.join("\n  - ") })
    }
}

/// Returns the settings that differ, with the required value.
fn differences(wanted: &Map<String, Value>, found: &Map<String, Value>) -> Vec<String> {
    let found = |key: &str| found.get(key).unwrap_or(&Value::Null);
    let wrong = wanted.iter().filter(|(key, value)| found(key) != *value);
    let wrong =
        wrong.map(|(key, value)| format!("{key} is {}, not {}", shown(key, found(key)), shown(key, value)));
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(values) => !values.is_empty(),
        _ => true,
    };
    let unwanted = UNWANTED.iter().filter(|key| is_set(found(key)));
    let unwanted = unwanted.map(|key| format!("{key} is {}, and must not be set", found(key)));
    // The other mode acknowledges messages before they are written.
    let persist_mode = found("persist_mode").as_str().filter(|mode| !matches!(*mode, "" | "default"));
    let persist_mode = persist_mode.map(|mode| format!("persist_mode is {mode}, not default"));
    wrong.chain(unwanted).chain(persist_mode).collect()
}

/// Returns a value for a message, with times in words.
fn shown(key: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(nanos) if matches!(key, "max_age" | "duplicate_window") => {
            humantime::format_duration(Duration::from_nanos(nanos)).to_string()
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::disk::Retention;

    fn options() -> Options {
        let retention = Retention { age: Some(Duration::from_secs(3600)), bytes: Some(1 << 30), count: None };
        Options { retention, replicas: 3, ..Options::new("nats://localhost") }
    }

    #[test]
    fn every_difference_of_an_existing_stream_is_reported() {
        let wanted = wanted(&options());
        let mut found = wanted.clone();
        found.insert("metadata".to_owned(), json!({"_nats.level": "5"}));
        found.insert("sealed".to_owned(), json!(false));
        assert_eq!(differences(&wanted, &found), Vec::<String>::new());
        for (key, value) in [
            ("max_age", json!(60_000_000_000_u64)),
            ("num_replicas", json!(1)),
            ("discard", json!("new")),
            ("max_msgs_per_subject", json!(1)),
            ("sealed", json!(true)),
            ("persist_mode", json!("async")),
        ] {
            found.insert(key.to_owned(), value);
        }
        found.remove("allow_direct");
        assert_eq!(
            differences(&wanted, &found),
            [
                "allow_direct is null, not true",
                "discard is \"new\", not \"old\"",
                "max_age is 1m, not 1h",
                "max_msgs_per_subject is 1, not -1",
                "num_replicas is 1, not 3",
                "sealed is true, and must not be set",
                "persist_mode is async, not default",
            ]
        );
    }

    #[test]
    fn the_window_for_duplicates_does_not_exceed_the_age_of_messages() {
        let mut options = options();
        options.retention.age = Some(Duration::from_secs(30));
        assert_eq!(wanted(&options)["duplicate_window"], 30_000_000_000_u64);
        options.retention.age = None;
        assert_eq!(wanted(&options)["duplicate_window"], 120_000_000_000_u64);
        assert_eq!(wanted(&options)["max_age"], 0);
    }
}
