//! Messages of the stream, and the records that they hold.

use async_nats::{HeaderMap, Message, Subject};
use bytes::Bytes;
use serde::Deserialize;

use super::error::JetStreamError;
use crate::{
    event::{Epoch, Record, Sequence, StoredRecord, Timestamp},
    log::ReadError,
};

/// Message that the stream has stored.
#[derive(Debug, Clone)]
pub(super) struct StreamMessage {
    pub(super) sequence: Sequence,
    /// When the server received it.
    pub(super) time: Timestamp,
    pub(super) payload: Bytes,
}

impl StreamMessage {
    /// Returns the record in it. The messages of other programs have none.
    pub(super) fn into_record(self, epoch: Epoch) -> Result<Record, ReadError> {
        let sequence = self.sequence;
        let stored = StoredRecord::parse(self.payload).map_err(|error| ReadError::record(sequence, error))?;
        Ok(Record::new(epoch, sequence, self.time, stored))
    }

    /// Parses the answer to a direct get, which has the position in headers.
    pub(super) fn from_direct_get(message: Message) -> Option<Self> {
        let headers = message.headers.as_ref()?;
        let sequence = number(headers, "Nats-Sequence")?;
        let time = humantime::parse_rfc3339(headers.get("Nats-Time-Stamp")?.as_str()).ok()?;
        Some(Self { sequence: Sequence(sequence), time: time.into(), payload: message.payload })
    }
}

/// Event as it is published to the stream.
#[derive(Debug, Clone)]
pub(super) struct Publish {
    pub(super) subject: Subject,
    /// The servers recognize a retry by it.
    pub(super) message_id: String,
    pub(super) payload: Bytes,
}

/// Answer of the stream to a publish.
#[derive(Debug, Deserialize)]
pub(super) struct PublishAnswer {
    pub(super) seq: Option<u64>,
    /// Name of the stream.
    #[serde(default)]
    pub(super) stream: String,
    pub(super) error: Option<JetStreamError>,
}

/// Parses a header with a number.
pub(super) fn number(headers: &HeaderMap, name: &'static str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

/// Position of a message that a consumer delivers, from the subject for its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MessagePosition {
    /// Position in the stream.
    pub(super) sequence: Sequence,
    /// Position among the deliveries of the consumer, from 1.
    pub(super) delivery: u64,
    /// When the server received it.
    pub(super) time: Timestamp,
}

impl MessagePosition {
    /// Parses `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<delivery>.<time>.<pending>`, or
    /// the form with a domain and an account in front of the stream.
    pub(super) fn parse(reply: &str) -> Option<Self> {
        let tokens = reply.strip_prefix("$JS.ACK.")?.split('.').collect::<Vec<_>>();
        let tokens = if tokens.len() == 7 { &tokens[..] } else { tokens.get(2..)? };
        let number = |at: usize| tokens.get(at)?.parse::<u64>().ok();
        Some(Self {
            sequence: Sequence(number(3)?),
            delivery: number(4)?,
            time: Timestamp(i64::try_from(number(5)? / 1000).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_position_are_parsed() {
        let position =
            MessagePosition { sequence: Sequence(10), delivery: 8, time: Timestamp(1_795_354_394_445_199) };
        let short = "$JS.ACK.S.qxHrWBp0.1.10.8.1795354394445199531.0";
        let long = "$JS.ACK._.ACCHASH.S.qxHrWBp0.1.10.8.1795354394445199531.0.random";
        assert_eq!(MessagePosition::parse(short), Some(position));
        assert_eq!(MessagePosition::parse(long), Some(position));
        for wrong in ["", "$JS.ACK.", "$JS.ACK.S.c.1.x.8.1.0", "$JS.FC.S.c"] {
            assert_eq!(MessagePosition::parse(wrong), None, "{wrong}");
        }
    }
}
