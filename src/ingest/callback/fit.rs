//! Reduces a callback to the maximum size of a record.

use prost::Message as _;

use super::Decoded;
use crate::proto::{self, DecodeStatus};

impl Decoded {
    /// Returns the callback with a record of at most `max` bytes, without its typed payload if necessary.
    /// `None` if it is still too large.
    pub fn fit(mut self, max: usize) -> Option<Self> {
        if self.record.bytes().len() <= max {
            return Some(self);
        }
        let mut event = proto::Event::decode(self.record.event_without_raw_body()).ok()?;
        event.payload.take()?;
        event.undecoded_paths.clear();
        event.set_decode_status(DecodeStatus::TooLarge);
        self.record = self.record.with_too_large(&event.encode_to_vec());
        self.status = DecodeStatus::TooLarge;
        (self.record.bytes().len() <= max).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::*;
    use crate::{
        event::{Epoch, Record, Sequence, StoredRecord, Timestamp},
        ingest::callback::{Apps, Envelope, duplicates::Duplicates},
    };

    fn decoded(body: &str) -> Decoded {
        let apps = Apps { ids: BTreeSet::from([7]), ..Apps::default() };
        let query = "SdkAppid=7&CallbackCommand=Sns.CallbackBlackListAdd&ClientIP=1.2.3.4";
        let envelope = Envelope::from_query(query, &apps, 0).unwrap();
        envelope.into_record(body.as_bytes(), &Duplicates::new(Duration::ZERO, 1)).unwrap()
    }

    #[test]
    fn the_typed_payload_is_omitted_before_a_callback_is_refused() {
        let pair = r#"{"From_Account":"a","To_Account":"b"}"#;
        let body = format!(r#"{{"PairList":[{}]}}"#, vec![pair; 100].join(","));
        let typed = decoded(&body);
        let size = typed.record.bytes().len();
        assert_eq!(typed.status, DecodeStatus::Typed);
        assert_eq!(decoded(&body).fit(size), Some(decoded(&body)));

        let raw = decoded(&body).fit(size - 1).unwrap();
        assert_eq!(raw.status, DecodeStatus::TooLarge);
        let stored = StoredRecord::parse(raw.record.bytes().clone()).unwrap();
        assert_eq!(stored.command(), "Sns.CallbackBlackListAdd");
        assert_eq!(stored.status(), Some(DecodeStatus::TooLarge));
        assert_eq!(stored.accounts().collect::<Vec<_>>(), ["a", "b"]);
        let record = Record::new(Epoch(1), Sequence(1), Timestamp(0), stored);
        let (front, rest) = record.event(false);
        let event = proto::Event::decode(&*[front, rest].concat()).unwrap();
        assert_eq!((event.raw_body.as_str(), event.client_ip.as_str()), (body.as_str(), "1.2.3.4"));
        assert_eq!((event.payload, event.decode_status), (None, DecodeStatus::TooLarge.into()));

        let smallest = raw.record.bytes().len();
        assert!(decoded(&body).fit(smallest).is_some());
        assert!(decoded(&body).fit(smallest - 1).is_none());
    }
}
