//! What a stream's leader says of it.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::event::{Sequence, Timestamp};

/// Silence after which a server that holds the stream too counts as gone.
const PEER_SILENCE: Duration = Duration::from_secs(4);

/// The stream as its leader describes it.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    pub(super) config: Map<String, Value>,
    #[serde(deserialize_with = "time")]
    pub(super) created: SystemTime,
    pub(super) state: State,
    cluster: Option<Cluster>,
}

impl Info {
    /// Returns whether the stream takes no more messages, for good.
    pub(super) fn is_sealed(&self) -> bool {
        self.config.get("sealed").and_then(Value::as_bool).unwrap_or_default()
    }

    /// Whether enough of the servers that hold the stream are there to acknowledge, or else
    /// why not.
    pub(super) fn quorum(&self, replicas: usize) -> Result<(), String> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        if cluster.leader.as_ref().is_none_or(String::is_empty) {
            return Err("the stream has no leader".to_owned());
        }
        let silence = u64::try_from(PEER_SILENCE.as_nanos()).unwrap_or(u64::MAX);
        let is_there = |peer: &&Peer| !peer.offline && peer.active < silence;
        let there = 1 + cluster.replicas.iter().filter(is_there).count();
        if there * 2 > replicas {
            Ok(())
        } else {
            Err(format!("only {there} of {replicas} servers with the stream are there"))
        }
    }
}

/// What a stream holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct State {
    messages: u64,
    pub(super) bytes: u64,
    first_seq: u64,
    last_seq: u64,
    #[serde(deserialize_with = "optional_time")]
    first_ts: Option<SystemTime>,
    #[serde(deserialize_with = "optional_time")]
    last_ts: Option<SystemTime>,
}

impl State {
    /// The oldest message that is stored, or the end if there is none.
    pub(super) fn oldest(&self) -> Sequence {
        if self.messages == 0 { self.end() } else { Sequence(self.first_seq.max(1)) }
    }

    /// Bytes of a message, on average; 0 if there is none.
    pub(super) fn average_bytes(&self) -> u64 {
        self.bytes.checked_div(self.messages).unwrap_or(0)
    }

    /// The first position that was never written.
    pub(super) fn end(&self) -> Sequence {
        Sequence(self.last_seq).next()
    }

    /// Whether there is a message at every position from the oldest to the newest: then a leader
    /// that has none at one of them has not taken it in yet.
    pub(super) fn is_whole(&self) -> bool {
        self.messages > 0 && self.last_seq.saturating_sub(self.first_seq) < self.messages
    }

    /// Number of positions between the oldest message and the newest without a message.
    pub(super) fn lost(&self) -> u64 {
        if self.messages == 0 {
            0
        } else {
            (self.last_seq + 1).saturating_sub(self.first_seq + self.messages)
        }
    }

    /// Whether there certainly is a message that was received at `time` or later.
    pub(super) fn has_from(&self, time: Timestamp) -> bool {
        self.is_whole() && self.last_ts.is_some_and(|last| Timestamp::from(last) >= time)
    }

    /// An upper bound on when the newest message was received that is no longer stored.
    pub(super) fn trimmed_until(&self) -> Option<Timestamp> {
        if self.oldest() == Sequence::FIRST {
            return None;
        }
        // Those before the oldest one were received no later than it.
        let bound = if self.messages == 0 { self.last_ts } else { self.first_ts };
        Some(bound.map_or(Timestamp::now(), Timestamp::from))
    }
}

/// Who holds the stream.
#[derive(Debug, Deserialize)]
struct Cluster {
    leader: Option<String>,
    /// The others.
    #[serde(default)]
    replicas: Vec<Peer>,
}

/// A server that holds the stream beside the leader.
#[derive(Debug, Deserialize)]
struct Peer {
    #[serde(default)]
    offline: bool,
    /// Nanoseconds since the leader heard of it.
    #[serde(default)]
    active: u64,
}

pub(super) fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom)
}

/// A time; `None` for the year 1, which stands for none.
fn optional_time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
    Ok(humantime::parse_rfc3339(&String::deserialize(from)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(json: &str) -> State {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_new_an_emptied_and_a_trimmed_stream_say_where_they_begin_and_end() {
        let none = "0001-01-01T00:00:00Z";
        let new = state(&format!(
            r#"{{"messages":0,"bytes":0,"first_seq":0,"first_ts":"{none}","last_seq":0,"last_ts":"{none}"}}"#
        ));
        assert_eq!((new.oldest(), new.end(), new.trimmed_until()), (Sequence(1), Sequence(1), None));
        let last = "1970-01-01T00:00:02.5Z";
        let emptied = state(&format!(
            r#"{{"messages":0,"bytes":0,"first_seq":11,"first_ts":"{none}","last_seq":10,"last_ts":"{last}"}}"#
        ));
        let until = Some(Timestamp(2_500_000));
        assert_eq!(
            (emptied.oldest(), emptied.end(), emptied.trimmed_until()),
            (Sequence(11), Sequence(11), until)
        );
        let trimmed = state(&format!(
            r#"{{"messages":2,"bytes":9,"first_seq":9,"first_ts":"{last}","last_seq":10,"last_ts":"{last}"}}"#
        ));
        assert_eq!(
            (trimmed.oldest(), trimmed.end(), trimmed.trimmed_until()),
            (Sequence(9), Sequence(11), until)
        );
    }

    fn info(cluster: &str) -> Info {
        let json = format!(
            r#"{{"config":{{}},"created":"2026-01-01T00:00:00Z","state":{{"messages":0,"bytes":0,"first_seq":0,
            "first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z"}},"cluster":{cluster}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_stream_takes_callbacks_with_a_leader_and_more_than_half_of_its_servers() {
        let peer = |offline: bool, active: u64| format!(r#"{{"offline":{offline},"active":{active}}}"#);
        let (there, silent, gone) = (peer(false, 900_000_000), peer(false, 9_000_000_000), peer(true, 0));
        let of = |peers: [&str; 2]| info(&format!(r#"{{"leader":"a","replicas":[{}]}}"#, peers.join(",")));
        assert!(of([&there, &there]).quorum(3).is_ok());
        assert!(of([&there, &gone]).quorum(3).is_ok());
        assert!(of([&silent, &gone]).quorum(3).is_err());
        assert!(info(r#"{"leader":"a"}"#).quorum(1).is_ok());
        assert!(info("null").quorum(1).is_ok());
        assert!(info(r#"{"leader":""}"#).quorum(1).is_err());
    }
}
