//! The stream's epoch: the time of its creation, or a later time in its metadata.
//!
//! A stream that lost its newest events gives their sequences to other events. Cursors and readers of the old events must not
//! meet the new events. So the gateway that notices the loss writes a new epoch into the stream's metadata, where all gateways
//! see it.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::{
    api::{Api, StartAt},
    error::ApiError,
    info::{EPOCH_KEY, StreamInfo},
};
use crate::event::{Cursor, Epoch, Sequence};

/// How long a leader may seem to have lost messages. A new leader may not have applied yet what the previous one
/// acknowledged. A leader that is cut off from the other servers answers with what it had for some 10 seconds, until it
/// steps down.
pub(super) const REWIND_PATIENCE: Duration = Duration::from_secs(12);
/// Pause between two questions to the leader meanwhile.
pub(super) const REWIND_INTERVAL: Duration = Duration::from_millis(250);

/// Asks for the stream's state until its last sequence is at least `sequence`. It is below only if a leader with a quorum
/// says so for [`REWIND_PATIENCE`].
pub(super) async fn settled<F: Future<Output = Result<StreamInfo, ApiError>>>(
    replicas: usize,
    sequence: Sequence,
    ask: impl Fn() -> F,
) -> Result<StreamInfo, ApiError> {
    let begin = Instant::now();
    loop {
        let info = ask().await?;
        if info.state.end() > sequence {
            return Ok(info);
        }
        // A leader that is cut off from the other servers does not know what they have stored since.
        info.quorum(replicas).map_err(ApiError::Unreachable)?;
        if begin.elapsed() >= REWIND_PATIENCE {
            return Ok(info);
        }
        sleep(REWIND_INTERVAL).await;
    }
}

/// Returns the first sequence that the stream lost at its end since the mark was written. `None` if the mark is of another
/// epoch, or the stream still has its event, or trimmed it.
pub(super) async fn lost_since(
    api: &Api,
    replicas: usize,
    mark: Cursor,
) -> Result<Option<Sequence>, ApiError> {
    let ask = || async { api.info().await?.ok_or(ApiError::Gone) };
    if ask().await?.epoch() != mark.epoch || mark.sequence == Sequence(0) {
        return Ok(None);
    }
    let info = settled(replicas, mark.sequence, ask).await?;
    if info.epoch() != mark.epoch {
        return Ok(None);
    }
    if info.state.end() <= mark.sequence {
        return Ok(Some(info.state.end()));
    }
    // Other gateways may have stored other events there since.
    Ok(is_replaced(api, mark).await?.then_some(mark.sequence))
}

/// Returns whether the stream has another event at the cursor's position. An event that is missing or damaged there is not
/// another one.
pub(super) async fn is_replaced(api: &Api, cursor: Cursor) -> Result<bool, ApiError> {
    let Cursor { epoch, sequence, check: Some(check) } = cursor else { return Ok(false) };
    let found = api.get(StartAt::Sequence(sequence)).await?.filter(|found| found.sequence == sequence);
    let record = found.and_then(|found| found.into_record(epoch).ok());
    Ok(record.is_some_and(|record| record.check() != check))
}

/// Notes a new epoch in the stream's metadata, unless another gateway has done so since.
pub(super) async fn begin(api: &Api, old: Epoch) -> Result<(), ApiError> {
    let info = api.info().await?.ok_or(ApiError::Gone)?;
    if info.epoch() != old {
        return Ok(());
    }
    // Later than the old epoch, even if this machine's clock is wrong.
    let start = SystemTime::now().max(info.epoch_start() + Duration::from_nanos(1));
    api.update(&with_epoch(info.config, start)).await
}

fn with_epoch(mut config: Map<String, Value>, start: SystemTime) -> Map<String, Value> {
    let metadata = config.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata {
        let start = humantime::format_rfc3339_nanos(start).to_string();
        metadata.insert(EPOCH_KEY.to_owned(), Value::String(start));
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(metadata: &str) -> StreamInfo {
        let none = "0001-01-01T00:00:00Z";
        serde_json::from_str(&format!(
            r#"{{"config":{{"metadata":{metadata}}},"created":"2026-01-01T00:00:00Z","state":{{"messages":0,"bytes":0,
            "first_seq":0,"first_ts":"{none}","last_seq":0,"last_ts":"{none}"}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn the_epoch_is_the_stream_s_creation_or_a_later_time_in_its_metadata() {
        let created = info("{}");
        let noted = |time: &str| info(&format!(r#"{{"callback-gateway.epoch":"{time}","_nats.level":"1"}}"#));
        assert_eq!(created.epoch_start(), created.created);
        assert_eq!(noted("2025-12-31T00:00:00Z").epoch(), created.epoch());
        assert_eq!(noted("gibberish").epoch(), created.epoch());
        let later = noted("2026-01-01T00:00:00.000000001Z");
        assert_eq!(later.epoch(), Epoch(created.epoch().0 + 1));
    }

    #[test]
    fn a_new_epoch_keeps_the_other_settings_and_metadata() {
        let mut info = info(r#"{"owner":"im"}"#);
        let start = info.epoch_start() + Duration::from_nanos(1);
        info.config = with_epoch(info.config, start);
        assert_eq!(info.config["metadata"]["owner"], "im");
        assert_eq!(info.epoch_start(), start);
        assert_eq!(with_epoch(Map::new(), start)["metadata"][EPOCH_KEY], "2026-01-01T00:00:00.000000001Z");
    }
}
