//! Headers of HTTP/2 frames, read from the bytes that pass in both directions.
//!
//! They show how many streams a client resets and how many calls wait for their answers. Both numbers determine how much
//! memory a client can use, and hyper and h2 report neither. Payloads are skipped.

use std::collections::HashSet;

/// Length of a frame header (RFC 9113, section 4.1).
const HEADER_BYTES: usize = 9;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;

/// Calls of a connection, by its frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    received: FrameHeaders,
    sent: FrameHeaders,
    /// Last stream that the client began.
    last_stream: u32,
    /// Streams whose answers have not begun.
    unanswered: HashSet<u32>,
}

impl Frames {
    /// Reads bytes from the client. Returns how many streams it resets with them.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let Self { received, last_stream, unanswered, .. } = self;
        let mut resets = 0;
        received.read(bytes, |kind, stream| match kind {
            // Later HEADERS frames of a stream are trailers.
            HEADERS if stream > *last_stream => {
                *last_stream = stream;
                unanswered.insert(stream);
            }
            RST_STREAM => {
                resets += 1;
                unanswered.remove(&stream);
            }
            _ => {}
        });
        resets
    }

    /// Reads bytes that were written to the client.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let Self { sent, unanswered, .. } = self;
        sent.read(bytes, |kind, stream| {
            if matches!(kind, HEADERS | RST_STREAM) {
                unanswered.remove(&stream);
            }
        });
    }

    /// Returns the number of streams without an answer: neither headers nor a reset.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }
}

/// Reads frames in one direction.
#[derive(Debug, Default)]
struct FrameHeaders {
    header: [u8; HEADER_BYTES],
    /// Bytes of the header that were read.
    header_len: usize,
    /// Bytes of the payload that are still to be skipped.
    payload_left: usize,
}

impl FrameHeaders {
    /// Calls `each` with the kind and the stream of each frame whose header ends in these bytes.
    fn read(&mut self, mut bytes: &[u8], mut each: impl FnMut(u8, u32)) {
        while !bytes.is_empty() {
            let payload = self.payload_left.min(bytes.len());
            self.payload_left -= payload;
            bytes = &bytes[payload..];
            let header = (HEADER_BYTES - self.header_len).min(bytes.len());
            self.header[self.header_len..self.header_len + header].copy_from_slice(&bytes[..header]);
            self.header_len += header;
            bytes = &bytes[header..];
            if self.header_len == HEADER_BYTES {
                let [a, b, c, kind, _, stream @ ..] = self.header;
                self.payload_left = u32::from_be_bytes([0, a, b, c]) as usize;
                self.header_len = 0;
                // The first bit is reserved.
                each(kind, u32::from_be_bytes(stream) & (u32::MAX >> 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&len[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
    }

    #[test]
    fn frames_are_found_wherever_the_pieces_begin_and_end() {
        // Payloads that look like headers of resets.
        let looks_like = [0, 0, 4, RST_STREAM, 0, 0, 0, 0, 1];
        let received = [
            frame(4, 0, &[]),
            frame(HEADERS, 1, &looks_like.repeat(100)),
            frame(HEADERS, 3, &[]),
            frame(HEADERS, 5, &[]),
            frame(RST_STREAM, 5, &[0; 4]),
            frame(0, 1, &looks_like[..5]),
            frame(HEADERS, 1, &[]),
            frame(RST_STREAM, 5, &[0; 4]),
            frame(6, 0, &[3; 8]),
        ]
        .concat();
        let sent = [frame(4, 0, &looks_like), frame(0, 1, &looks_like), frame(HEADERS, 3, &[0; 3])].concat();
        for piece in 1..received.len() {
            let mut frames = Frames::default();
            let resets: usize = received.chunks(piece).map(|piece| frames.receive(piece)).sum();
            assert_eq!((resets, frames.unanswered()), (2, 2), "in pieces of {piece}");
            sent.chunks(piece).for_each(|piece| frames.send(piece));
            assert_eq!(frames.unanswered, HashSet::from([1]), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_stream_that_the_server_resets_is_answered() {
        let mut frames = Frames::default();
        frames.receive(&frame(HEADERS, 7, &[]));
        frames.send(&frame(RST_STREAM, 7, &[0; 4]));
        assert_eq!(frames.unanswered(), 0);
    }
}
