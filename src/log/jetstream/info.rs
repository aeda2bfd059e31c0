//! Answer of the stream's leader to a request for its state.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::event::{Epoch, Sequence, Timestamp};

/// Key of the epoch's start in the stream's metadata. The value is a time in RFC 3339.
pub(super) const EPOCH_KEY: &str = "callback-gateway.epoch";
/// Silence after which a replica counts as offline.
const PEER_SILENCE: Duration = Duration::from_secs(4);

/// State and settings of the stream, as its leader has them.
#[derive(Debug, Deserialize)]
pub(super) struct StreamInfo {
    pub(super) config: Map<String, Value>,
    #[serde(deserialize_with = "time")]
    pub(super) created: SystemTime,
    pub(super) state: StreamContents,
    cluster: Option<Cluster>,
}

impl StreamInfo {
    /// Returns when the epoch began: when the stream was created, or a later time in its metadata.
    pub(super) fn epoch_start(&self) -> SystemTime {
        let metadata = self.config.get("metadata").and_then(|metadata| metadata.get(EPOCH_KEY));
        let noted = metadata.and_then(Value::as_str).and_then(|time| humantime::parse_rfc3339(time).ok());
        noted.map_or(self.created, |noted| noted.max(self.created))
    }

    /// Returns the epoch: nanoseconds of its start since 1970.
    pub(super) fn epoch(&self) -> Epoch {
        let since = self.epoch_start().duration_since(UNIX_EPOCH).unwrap_or_default();
        Epoch(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Returns whether the stream takes no more messages, for good.
    pub(super) fn is_sealed(&self) -> bool {
        self.config.get("sealed").and_then(Value::as_bool).unwrap_or_default()
    }

    /// Returns an error with the reason if the servers with the stream have no quorum, and so cannot acknowledge.
    pub(super) fn quorum(&self, replicas: usize) -> Result<(), String> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        if cluster.leader.as_ref().is_none_or(String::is_empty) {
            return Err("the stream has no leader".to_owned());
        }
        let silence = u64::try_from(PEER_SILENCE.as_nanos()).unwrap_or(u64::MAX);
        let is_online = |peer: &&Peer| !peer.offline && peer.active < silence;
        let online = 1 + cluster.replicas.iter().filter(is_online).count();
        if online * 2 > replicas {
            Ok(())
        } else {
            Err(format!("only {online} of {replicas} servers with the stream are online"))
        }
    }
}

/// Messages that the stream holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StreamContents {
    messages: u64,
    pub(super) bytes: u64,
    first_seq: u64,
    last_seq: u64,
    #[serde(deserialize_with = "optional_time")]
    first_ts: Option<SystemTime>,
    #[serde(deserialize_with = "optional_time")]
    last_ts: Option<SystemTime>,
}

impl StreamContents {
    /// Returns the oldest stored message, or the end if there is none.
    pub(super) fn oldest(&self) -> Sequence {
        if self.messages == 0 { self.end() } else { Sequence(self.first_seq.max(1)) }
    }

    /// Returns the average size of a message in bytes. 0 if there is none.
    pub(super) fn average_bytes(&self) -> u64 {
        self.bytes.checked_div(self.messages).unwrap_or(0)
    }

    /// Returns the first sequence that was never used.
    pub(super) fn end(&self) -> Sequence {
        Sequence(self.last_seq).next()
    }

    /// Returns whether every sequence from the oldest to the newest message has one. A leader without one of them then has
    /// not applied it yet.
    pub(super) fn is_whole(&self) -> bool {
        self.messages > 0 && self.last_seq.saturating_sub(self.first_seq) < self.messages
    }

    /// Returns the number of sequences without a message between the oldest and the newest one.
    pub(super) fn lost(&self) -> u64 {
        if self.messages == 0 {
            0
        } else {
            (self.last_seq + 1).saturating_sub(self.first_seq + self.messages)
        }
    }

    /// Returns whether there certainly is a message received at `time` or later.
    pub(super) fn has_from(&self, time: Timestamp) -> bool {
        self.is_whole() && self.last_ts.is_some_and(|last| Timestamp::from(last) >= time)
    }

    /// Returns an upper bound on the receive time of the newest trimmed message.
    pub(super) fn trimmed_until(&self) -> Option<Timestamp> {
        if self.oldest() == Sequence::FIRST {
            return None;
        }
        // Earlier messages were received no later than the oldest one.
        let bound = if self.messages == 0 { self.last_ts } else { self.first_ts };
        Some(bound.map_or(Timestamp::now(), Timestamp::from))
    }
}

/// Servers with the stream.
#[derive(Debug, Deserialize)]
struct Cluster {
    leader: Option<String>,
    /// The servers beside the leader.
    #[serde(default)]
    replicas: Vec<Peer>,
}

/// Server with the stream beside the leader.
#[derive(Debug, Deserialize)]
struct Peer {
    #[serde(default)]
    offline: bool,
    /// Nanoseconds since the leader received something of it.
    #[serde(default)]
    active: u64,
}

/// Parses a time.
pub(super) fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom)
}

/// Parses a time. `None` for the year 1, which stands for no time.
fn optional_time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
    Ok(humantime::parse_rfc3339(&String::deserialize(from)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(json: &str) -> StreamContents {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_new_an_emptied_and_a_trimmed_stream_have_bounds() {
        let none = "0001-01-01T00:00:00Z";
        let new = contents(&format!(
            r#"{{"messages":0,"bytes":0,"first_seq":0,"first_ts":"{none}","last_seq":0,"last_ts":"{none}"}}"#
        ));
        assert_eq!((new.oldest(), new.end(), new.trimmed_until()), (Sequence(1), Sequence(1), None));
        let last = "1970-01-01T00:00:02.5Z";
        let emptied = contents(&format!(
            r#"{{"messages":0,"bytes":0,"first_seq":11,"first_ts":"{none}","last_seq":10,"last_ts":"{last}"}}"#
        ));
        let until = Some(Timestamp(2_500_000));
        assert_eq!(
            (emptied.oldest(), emptied.end(), emptied.trimmed_until()),
            (Sequence(11), Sequence(11), until)
        );
        let trimmed = contents(&format!(
            r#"{{"messages":2,"bytes":9,"first_seq":9,"first_ts":"{last}","last_seq":10,"last_ts":"{last}"}}"#
        ));
        assert_eq!(
            (trimmed.oldest(), trimmed.end(), trimmed.trimmed_until()),
            (Sequence(9), Sequence(11), until)
        );
    }

    fn info(cluster: &str) -> StreamInfo {
        let json = format!(
            r#"{{"config":{{}},"created":"2026-01-01T00:00:00Z","state":{{"messages":0,"bytes":0,"first_seq":0,
            "first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z"}},"cluster":{cluster}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_stream_with_a_leader_and_more_than_half_of_its_servers_has_a_quorum() {
        let peer = |offline: bool, active: u64| format!(r#"{{"offline":{offline},"active":{active}}}"#);
        let (online, silent, offline) = (peer(false, 900_000_000), peer(false, 9_000_000_000), peer(true, 0));
        let of = |peers: [&str; 2]| info(&format!(r#"{{"leader":"a","replicas":[{}]}}"#, peers.join(",")));
        assert!(of([&online, &online]).quorum(3).is_ok());
        assert!(of([&online, &offline]).quorum(3).is_ok());
        assert!(of([&silent, &offline]).quorum(3).is_err());
        assert!(info(r#"{"leader":"a"}"#).quorum(1).is_ok());
        assert!(info("null").quorum(1).is_ok());
        assert!(info(r#"{"leader":""}"#).quorum(1).is_err());
    }
}
