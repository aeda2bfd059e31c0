//! Codec of `Subscribe` that keeps the bytes of an event in addition to the decoded frame.
//!
//! A decoded [`Event`](imcallback::Event) loses the fields that this version does not know. A copy
//! of the log must keep these fields, so it uses the bytes that the gateway sent.

use bytes::{Buf as _, Bytes};
use prost::{
    DecodeError, Message as _,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::ProstCodec;

use imcallback::{SubscribeRequest, SubscribeResponse, subscribe_response::Frame};

/// Field number of `SubscribeResponse.event`.
const EVENT: u32 = 2;

/// One message of the stream.
#[derive(Debug)]
pub(super) struct Received {
    /// The frame. `None` if this version does not know its kind.
    pub(super) frame: Option<Frame>,
    /// The encoded event. Empty for any other frame.
    pub(super) event: Bytes,
}

/// Encodes requests with prost and decodes [`Received`].
#[derive(Debug, Default)]
pub(super) struct SubscribeCodec;

impl Codec for SubscribeCodec {
    type Encode = SubscribeRequest;
    type Decode = Received;
    type Encoder = <ProstCodec<SubscribeRequest, SubscribeResponse> as Codec>::Encoder;
    type Decoder = ReceivedDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<SubscribeRequest, SubscribeResponse>::default().encoder()
    }

    fn decoder(&mut self) -> ReceivedDecoder {
        ReceivedDecoder
    }
}

/// Decoder of [`SubscribeCodec`].
#[derive(Debug)]
pub(super) struct ReceivedDecoder;

impl Decoder for ReceivedDecoder {
    type Item = Received;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Received>, Status> {
        received(buffer.copy_to_bytes(buffer.remaining()))
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

fn received(message: Bytes) -> Result<Received, DecodeError> {
    let frame = SubscribeResponse::decode(message.clone())?.frame;
    let event = match frame {
        Some(Frame::Event(_)) => event_bytes(message)?,
        _ => Bytes::new(),
    };
    Ok(Received { frame, event })
}

/// Returns the content of the event's field. Shares the memory of `message`.
fn event_bytes(mut message: Bytes) -> Result<Bytes, DecodeError> {
    let mut event = Bytes::new();
    while message.has_remaining() {
        let (tag, wire_type) = decode_key(&mut message)?;
        if tag == EVENT && wire_type == WireType::LengthDelimited {
            let len = decode_varint(&mut message)?;
            let len = usize::try_from(len).ok().filter(|&len| len <= message.len());
            let part = message.split_to(len.expect("the message was decoded before"));
            // Protobuf concatenates a field that is sent in parts. Gateways send one part.
            event = if event.is_empty() { part } else { [event, part].concat().into() };
        } else {
            skip_field(wire_type, tag, &mut message, DecodeContext::default())?;
        }
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use prost::encoding::{bytes, encode_key, encode_varint};

    use super::*;
    use imcallback::{Event, Heartbeat};

    #[test]
    fn the_bytes_of_an_event_are_the_sent_bytes() {
        // Not in the order of prost, and with an unknown field.
        let mut event = Vec::new();
        bytes::encode(5, &b"A.B".to_vec(), &mut event);
        encode_key(1, WireType::Varint, &mut event);
        encode_varint(7, &mut event);
        bytes::encode(19_999, &b"new".to_vec(), &mut event);
        let mut message = Vec::new();
        bytes::encode(18_888, &b"newer".to_vec(), &mut message);
        bytes::encode(EVENT, &event, &mut message);
        encode_key(17_777, WireType::SixtyFourBit, &mut message);
        message.extend([1; 8]);

        let received = received(message.clone().into()).unwrap();
        assert_eq!(received.event, event);
        let Some(Frame::Event(decoded)) = received.frame else { panic!("{:?}", received.frame) };
        assert_eq!((decoded.sequence, decoded.command.as_str()), (7, "A.B"));
        assert_ne!(decoded.encode_to_vec(), event, "the decoded event lost the unknown field");

        // An event in two parts.
        bytes::encode(EVENT, &Event { sdk_app_id: 9, ..Default::default() }.encode_to_vec(), &mut message);
        let again = super::received(message.into()).unwrap();
        let Some(Frame::Event(decoded)) = again.frame else { panic!("{:?}", again.frame) };
        assert_eq!(Event::decode(again.event).unwrap(), decoded);
    }

    #[test]
    fn a_frame_without_an_event_has_no_event_bytes() {
        let heartbeat = SubscribeResponse {
            frame: Some(Frame::Heartbeat(Heartbeat { cursor: "x".into(), unmatched_events: 0 })),
        };
        for message in [heartbeat.encode_to_vec(), Vec::new()] {
            assert!(received(message.into()).unwrap().event.is_empty());
        }
        assert!(received(Bytes::from_static(&[0x12, 0x05, 0x08])).is_err(), "it is truncated");
    }
}
