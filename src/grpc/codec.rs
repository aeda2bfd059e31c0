//! Responses that are bytes already: an event is encoded once, when it is
//! stored, and every subscriber gets those bytes.

use std::marker::PhantomData;

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use tonic::{
    Status,
    codec::{Codec, EncodeBuf, Encoder},
};
use tonic_prost::ProstCodec;

use crate::event::{Record, Timestamp};

// Field numbers that are written by hand.
const SUBSCRIBE_RESPONSE_EVENT: u32 = 2;
const LIST_EVENTS_RESPONSE_EVENTS: u32 = 1;
const LIST_EVENTS_RESPONSE_NEXT_PAGE_TOKEN: u32 = 2;
const LIST_EVENTS_RESPONSE_COMPLETE_SINCE: u32 = 3;
const GET_EVENT_RESPONSE_EVENT: u32 = 1;

/// Longest head of a frame: a field's key and a length.
const HEAD_BYTES: usize = 11;

/// An encoded response message: a short head of its own and two shared parts.
#[derive(Debug, Clone)]
pub struct Encoded {
    head: [u8; HEAD_BYTES],
    head_len: u8,
    parts: [Bytes; 2],
}

impl Encoded {
    /// A message, encoded here and now.
    pub fn message(message: &impl Message) -> Self {
        Self::whole(message.encode_to_vec().into())
    }

    fn whole(bytes: Bytes) -> Self {
        Self { head: [0; HEAD_BYTES], head_len: 0, parts: [bytes, Bytes::new()] }
    }

    /// A `SubscribeResponse` with an event.
    pub fn event_frame(record: &Record, include_raw_body: bool) -> Self {
        Self::event_field(SUBSCRIBE_RESPONSE_EVENT, record, include_raw_body)
    }

    /// A `GetEventResponse`.
    pub fn get_event(record: &Record, include_raw_body: bool) -> Self {
        Self::event_field(GET_EVENT_RESPONSE_EVENT, record, include_raw_body)
    }

    fn event_field(field: u32, record: &Record, include_raw_body: bool) -> Self {
        let (front, rest) = record.event(include_raw_body);
        let mut head = [0; HEAD_BYTES];
        let mut room = &mut head[..];
        encode_key(field, WireType::LengthDelimited, &mut room);
        encode_varint((front.len() + rest.len()) as u64, &mut room);
        let head_len = HEAD_BYTES - room.len();
        Self { head, head_len: head_len as u8, parts: [front, rest] }
    }

    /// Bytes that an event takes in a `ListEventsResponse`.
    pub fn list_entry_len(record: &Record, include_raw_body: bool) -> usize {
        let (front, rest) = record.event(include_raw_body);
        let len = front.len() + rest.len();
        key_len(LIST_EVENTS_RESPONSE_EVENTS) + encoded_len_varint(len as u64) + len
    }

    /// A `ListEventsResponse`.
    pub fn list(
        records: &[Record],
        include_raw_body: bool,
        next_page_token: &str,
        complete_since: Timestamp,
    ) -> Self {
        let len: usize = records.iter().map(|record| Self::list_entry_len(record, include_raw_body)).sum();
        let mut out = BytesMut::with_capacity(len + 2 * HEAD_BYTES + 20 + next_page_token.len());
        for record in records {
            let (front, rest) = record.event(include_raw_body);
            encode_key(LIST_EVENTS_RESPONSE_EVENTS, WireType::LengthDelimited, &mut out);
            encode_varint((front.len() + rest.len()) as u64, &mut out);
            out.put(front);
            out.put(rest);
        }
        if !next_page_token.is_empty() {
            encode_key(LIST_EVENTS_RESPONSE_NEXT_PAGE_TOKEN, WireType::LengthDelimited, &mut out);
            encode_varint(next_page_token.len() as u64, &mut out);
            out.put_slice(next_page_token.as_bytes());
        }
        let complete_since = pbjson_types::Timestamp::from(complete_since);
        prost::encoding::message::encode(LIST_EVENTS_RESPONSE_COMPLETE_SINCE, &complete_since, &mut out);
        Self::whole(out.freeze())
    }

    fn put(&self, out: &mut impl bytes::BufMut) {
        out.put_slice(&self.head[..usize::from(self.head_len)]);
        for part in &self.parts {
            out.put_slice(part);
        }
    }

    fn len(&self) -> usize {
        usize::from(self.head_len) + self.parts.iter().map(Bytes::len).sum::<usize>()
    }
}

/// The server's codec: requests by prost, responses as the bytes they are.
#[derive(Debug)]
pub struct EncodedCodec<Request> {
    requests: PhantomData<Request>,
}

impl<Request> Default for EncodedCodec<Request> {
    fn default() -> Self {
        Self { requests: PhantomData }
    }
}

impl<Request: Message + Default + 'static> Codec for EncodedCodec<Request> {
    type Encode = Encoded;
    type Decode = Request;
    type Encoder = EncodedEncoder;
    type Decoder = <ProstCodec<(), Request> as Codec>::Decoder;

    fn encoder(&mut self) -> EncodedEncoder {
        EncodedEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<(), Request>::default().decoder()
    }
}

/// Copies [`Encoded`] responses into the connection's buffer.
#[derive(Debug)]
pub struct EncodedEncoder;

impl Encoder for EncodedEncoder {
    type Item = Encoded;
    type Error = Status;

    fn encode(&mut self, item: Encoded, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(item.len());
        item.put(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Epoch, NameSet, RecordParts, Sequence},
        proto,
    };

    fn record(sequence: u64) -> Record {
        let stored = RecordParts {
            command: "A.B",
            sdk_app_id: 1,
            kind: 0,
            typed: true,
            accounts: &NameSet::default(),
            group_ids: &NameSet::default(),
            event: &proto::Event { command: "A.B".to_owned(), ..Default::default() }.encode_to_vec(),
            raw_body: "{}",
        };
        Record::new(Epoch(1), Sequence(sequence), Timestamp(1), stored.encode())
    }

    fn decode<T: Message + Default>(encoded: &Encoded) -> T {
        let mut bytes = Vec::new();
        encoded.put(&mut bytes);
        assert_eq!(bytes.len(), encoded.len());
        T::decode(&*bytes).unwrap()
    }

    #[test]
    fn an_event_frame_decodes_as_a_subscribe_response() {
        for (include, raw) in [(true, "{}"), (false, "")] {
            let frame: proto::SubscribeResponse = decode(&Encoded::event_frame(&record(9), include));
            let Some(proto::subscribe_response::Frame::Event(event)) = frame.frame else {
                panic!("{frame:?}")
            };
            assert_eq!((event.sequence, event.command.as_str(), event.raw_body.as_str()), (9, "A.B", raw));
        }
    }

    #[test]
    fn a_list_decodes_as_a_list_events_response() {
        let list: proto::ListEventsResponse =
            decode(&Encoded::list(&[record(2), record(1)], true, "token", Timestamp(1_500_000)));
        assert_eq!(list.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(list.next_page_token, "token");
        let since = list.complete_since.unwrap();
        assert_eq!((since.seconds, since.nanos), (1, 500_000_000));
        let empty: proto::ListEventsResponse = decode(&Encoded::list(&[], true, "", Timestamp(0)));
        assert!(empty.events.is_empty() && empty.next_page_token.is_empty());
    }

    #[test]
    fn an_event_decodes_as_a_get_event_response() {
        let response: proto::GetEventResponse = decode(&Encoded::get_event(&record(9), true));
        assert_eq!(response.event.unwrap().sequence, 9);
    }
}
