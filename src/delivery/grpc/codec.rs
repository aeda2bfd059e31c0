//! Responses from stored bytes: an event is encoded once, when it is stored, and every subscriber gets those bytes.

use std::marker::PhantomData;

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use tonic::{
    Response, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use super::status;
use crate::{
    delivery::subscription::Events,
    event::{Record, Timestamp},
    log::Messages,
    proto,
};

// Field numbers that are written by hand.
const SUBSCRIBE_RESPONSE_EVENT: u32 = 2;
const LIST_EVENTS_RESPONSE_EVENTS: u32 = 1;
const LIST_EVENTS_RESPONSE_NEXT_PAGE_TOKEN: u32 = 2;
const LIST_EVENTS_RESPONSE_COMPLETE_SINCE: u32 = 3;
const LIST_EVENTS_RESPONSE_UNMATCHED_EVENTS: u32 = 4;
const LIST_EVENTS_RESPONSE_GAPS: u32 = 5;
const GET_EVENT_RESPONSE_EVENT: u32 = 1;

/// Length of the prefix of each message: a compression flag, and the length of the message.
pub(super) const PREFIX_BYTES: usize = 5;

/// Returns the messages for events, as they go into the body of a stream. Streams share the messages of a whole run, which
/// are encoded once.
pub(super) fn events(events: &Events, include_raw_body: bool) -> Bytes {
    match events.whole() {
        Some(records) => records.messages(include_raw_body, |records| messages(records, include_raw_body)),
        None => messages(events.iter(), include_raw_body).bytes,
    }
}

fn messages<'a>(
    records: impl IntoIterator<Item = &'a Record, IntoIter: Clone>,
    include_raw_body: bool,
) -> Messages {
    let records = records.into_iter();
    let len = |record| field_len(SUBSCRIBE_RESPONSE_EVENT, record, include_raw_body);
    let mut out = BytesMut::with_capacity(records.clone().map(|record| PREFIX_BYTES + len(record)).sum());
    let mut ends = Vec::new();
    for record in records {
        put_prefix(len(record), &mut out);
        put_field(SUBSCRIBE_RESPONSE_EVENT, record, include_raw_body, &mut out);
        ends.push(out.len());
    }
    Messages { bytes: out.freeze(), ends }
}

/// Returns a message, as it goes into the body of a stream.
pub(super) fn message(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut out = BytesMut::with_capacity(PREFIX_BYTES + len);
    put_prefix(len, &mut out);
    message.encode(&mut out).expect("a buffer that grows has room");
    out.freeze()
}

fn put_prefix(len: usize, out: &mut BytesMut) {
    const UNCOMPRESSED: u8 = 0;
    out.put_u8(UNCOMPRESSED);
    out.put_u32(u32::try_from(len).expect("a response is a few megabytes at most"));
}

/// Writes an event as a field of a response.
fn put_field(field: u32, record: &Record, include_raw_body: bool, out: &mut BytesMut) {
    let (front, rest) = record.event(include_raw_body);
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint((front.len() + rest.len()) as u64, out);
    out.put_slice(front);
    out.put_slice(rest);
}

fn field_len(field: u32, record: &Record, include_raw_body: bool) -> usize {
    let (front, rest) = record.event(include_raw_body);
    let len = front.len() + rest.len();
    key_len(field) + encoded_len_varint(len as u64) + len
}

/// Encoded response, with the prefix of its message.
#[derive(Debug, Clone)]
pub struct Encoded(Bytes);

/// Message of a response, with its prefix. The front passes it to the connection, without tonic's copy.
#[derive(Debug, Clone)]
pub(super) struct FramedMessage(pub(super) Bytes);

impl Encoded {
    /// Encodes a `GetEventResponse`.
    pub(crate) fn get_event(record: &Record, include_raw_body: bool) -> Self {
        let len = field_len(GET_EVENT_RESPONSE_EVENT, record, include_raw_body);
        let mut out = BytesMut::with_capacity(PREFIX_BYTES + len);
        put_prefix(len, &mut out);
        put_field(GET_EVENT_RESPONSE_EVENT, record, include_raw_body, &mut out);
        Self(out.freeze())
    }

    /// Returns the bytes of an event in a `ListEventsResponse`.
    pub fn list_entry_len(record: &Record, include_raw_body: bool) -> usize {
        field_len(LIST_EVENTS_RESPONSE_EVENTS, record, include_raw_body)
    }

    /// Encodes a `ListEventsResponse`.
    pub(crate) fn list(
        records: &[Record],
        include_raw_body: bool,
        next_page_token: &str,
        complete_since: Timestamp,
        unmatched_events: u64,
        gaps: &[proto::Gap],
    ) -> Self {
        let len: usize = records.iter().map(|record| Self::list_entry_len(record, include_raw_body)).sum();
        // The other fields need less than this.
        let mut out = BytesMut::with_capacity(PREFIX_BYTES + len + next_page_token.len() + 64);
        put_prefix(0, &mut out);
        for record in records {
            put_field(LIST_EVENTS_RESPONSE_EVENTS, record, include_raw_body, &mut out);
        }
        if !next_page_token.is_empty() {
            encode_key(LIST_EVENTS_RESPONSE_NEXT_PAGE_TOKEN, WireType::LengthDelimited, &mut out);
            encode_varint(next_page_token.len() as u64, &mut out);
            out.put_slice(next_page_token.as_bytes());
        }
        let complete_since = crate::proto::well_known::Timestamp::from(complete_since);
        prost::encoding::message::encode(LIST_EVENTS_RESPONSE_COMPLETE_SINCE, &complete_since, &mut out);
        if unmatched_events > 0 {
            prost::encoding::uint64::encode(
                LIST_EVENTS_RESPONSE_UNMATCHED_EVENTS,
                &unmatched_events,
                &mut out,
            );
        }
        prost::encoding::message::encode_repeated(LIST_EVENTS_RESPONSE_GAPS, gaps, &mut out);
        let mut prefix = BytesMut::with_capacity(PREFIX_BYTES);
        put_prefix(out.len() - PREFIX_BYTES, &mut prefix);
        out[..PREFIX_BYTES].copy_from_slice(&prefix);
        Self(out.freeze())
    }

    /// Returns the response with this message.
    pub(super) fn into_response(self) -> Response<Self> {
        let mut response = Response::new(Self(Bytes::new()));
        response.extensions_mut().insert(FramedMessage(self.0));
        response
    }
}

impl<M: Message> From<&M> for Encoded {
    /// Encodes a message.
    fn from(value: &M) -> Self {
        Self(message(value))
    }
}

/// Codec of the server: decodes requests with prost, and passes on the bytes of responses.
#[derive(Debug)]
pub(crate) struct EncodedCodec<Request> {
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
    type Decoder = RequestDecoder<Request>;

    fn encoder(&mut self) -> EncodedEncoder {
        EncodedEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestDecoder { requests: PhantomData }
    }
}

/// Decodes requests with prost. The decoder of tonic-prost would report a malformed request as INTERNAL without a reason.
#[derive(Debug)]
pub(crate) struct RequestDecoder<Request> {
    requests: PhantomData<Request>,
}

impl<Request: Message + Default> Decoder for RequestDecoder<Request> {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        let request = Request::decode(bytes);
        request.map(Some).map_err(|error| {
            status::request_malformed(&format!("the request's message is malformed: {error}"))
        })
    }
}

/// Copies [`Encoded`] responses into tonic's buffer, unless they were passed on as [`FramedMessage`].
#[derive(Debug)]
pub(crate) struct EncodedEncoder;

impl Encoder for EncodedEncoder {
    type Item = Encoded;
    type Error = Status;

    fn encode(&mut self, item: Encoded, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item.0.slice(PREFIX_BYTES.min(item.0.len())..));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf as _;

    use super::*;
    use crate::event::{Epoch, RecordParts, Sequence};

    fn record(sequence: u64) -> Record {
        let stored = RecordParts {
            status: proto::DecodeStatus::Typed,
            event: &proto::Event { command: "A.B".to_owned(), ..Default::default() }.encode_to_vec(),
            ..RecordParts::fixture(b"{}")
        };
        Record::new(Epoch(1), Sequence(sequence), Timestamp(1), stored.encode())
    }

    fn decode<T: Message + Default>(encoded: &Encoded) -> T {
        let mut bytes = encoded.0.clone();
        assert_eq!((bytes.get_u8(), bytes.get_u32() as usize), (0, encoded.0.len() - PREFIX_BYTES));
        T::decode(bytes).unwrap()
    }

    #[test]
    fn messages_decode_as_subscribe_responses() {
        for (include, raw) in [(true, "{}"), (false, "")] {
            let Messages { mut bytes, ends } = messages(&[record(9), record(300)], include);
            assert_eq!(ends.last(), Some(&bytes.len()));
            for sequence in [9, 300] {
                assert_eq!(bytes.get_u8(), 0, "it is not compressed");
                let len = bytes.get_u32() as usize;
                let frame = proto::SubscribeResponse::decode(bytes.split_to(len)).unwrap().frame;
                let Some(proto::subscribe_response::Frame::Event(event)) = frame else { panic!("{frame:?}") };
                assert_eq!(
                    (event.sequence, event.command.as_str(), event.raw_body.as_str()),
                    (sequence, "A.B", raw)
                );
            }
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn a_list_decodes_as_a_list_events_response() {
        let gap = proto::Gap { last_missing_sequence: 5, ..Default::default() };
        let list: proto::ListEventsResponse =
            decode(&Encoded::list(&[record(2), record(1)], true, "token", Timestamp(1_500_000), 7, &[gap]));
        assert_eq!(list.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [2, 1]);
        assert_eq!((list.next_page_token.as_str(), list.unmatched_events), ("token", 7));
        assert_eq!(list.gaps[0].last_missing_sequence, 5);
        let since = list.complete_since.unwrap();
        assert_eq!((since.seconds, since.nanos), (1, 500_000_000));
        let empty: proto::ListEventsResponse = decode(&Encoded::list(&[], true, "", Timestamp(0), 0, &[]));
        assert!(empty.events.is_empty() && empty.next_page_token.is_empty());
    }

    #[test]
    fn an_event_decodes_as_a_get_event_response() {
        let response: proto::GetEventResponse = decode(&Encoded::get_event(&record(9), true));
        assert_eq!(response.event.unwrap().sequence, 9);
    }
}
