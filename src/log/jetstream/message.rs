//! Messages of the stream, and the records that they hold.

use async_nats::{HeaderMap, Message};
use bytes::Bytes;

use crate::{
    event::{Epoch, Record, Sequence, StoredRecord, Timestamp},
    log::ReadError,
};

/// A message of the stream.
#[derive(Debug, Clone)]
pub(super) struct StreamMessage {
    pub(super) sequence: Sequence,
    /// When the server took it.
    pub(super) time: Timestamp,
    pub(super) payload: Bytes,
}

impl StreamMessage {
    /// The record in it. A message of somebody else's has none.
    pub(super) fn into_record(self, epoch: Epoch) -> Result<Record, ReadError> {
        let sequence = self.sequence;
        let stored = StoredRecord::parse(self.payload).map_err(|error| ReadError::record(sequence, error))?;
        Ok(Record::new(epoch, sequence, self.time, stored))
    }

    /// A message as a direct get gives it: its place is in headers.
    pub(super) fn from_direct_get(message: Message) -> Option<Self> {
        let headers = message.headers.as_ref()?;
        let sequence = number(headers, "Nats-Sequence")?;
        let time = humantime::parse_rfc3339(headers.get("Nats-Time-Stamp")?.as_str()).ok()?;
        Some(Self { sequence: Sequence(sequence), time: time.into(), payload: message.payload })
    }
}

/// A number in a header.
pub(super) fn number(headers: &HeaderMap, name: &'static str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

/// What a consumer says of a message, in the subject for its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery {
    /// The message's place in the stream.
    pub(super) sequence: Sequence,
    /// Its place among those that the consumer delivered, from 1.
    pub(super) nth: u64,
    /// When the server took it.
    pub(super) time: Timestamp,
}

impl Delivery {
    /// Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<nth>.<time>.<pending>`, or
    /// the form with a domain and an account in front of the stream.
    pub(super) fn parse(reply: &str) -> Option<Self> {
        let tokens = reply.strip_prefix("$JS.ACK.")?.split('.').collect::<Vec<_>>();
        let tokens = if tokens.len() == 7 { &tokens[..] } else { tokens.get(2..)? };
        let number = |at: usize| tokens.get(at)?.parse::<u64>().ok();
        Some(Self {
            sequence: Sequence(number(3)?),
            nth: number(4)?,
            time: Timestamp(i64::try_from(number(5)? / 1000).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_delivery_are_read() {
        let delivery = Delivery { sequence: Sequence(10), nth: 8, time: Timestamp(1_795_354_394_445_199) };
        let short = "$JS.ACK.S.qxHrWBp0.1.10.8.1795354394445199531.0";
        let long = "$JS.ACK._.ACCHASH.S.qxHrWBp0.1.10.8.1795354394445199531.0.random";
        assert_eq!(Delivery::parse(short), Some(delivery));
        assert_eq!(Delivery::parse(long), Some(delivery));
        for wrong in ["", "$JS.ACK.", "$JS.ACK.S.c.1.x.8.1.0", "$JS.FC.S.c"] {
            assert_eq!(Delivery::parse(wrong), None, "{wrong}");
        }
    }
}
