//! Counts the streams that a client resets, as its frames arrive.
//!
//! A client can open a stream and reset it at once, as fast as it can send (CVE-2023-44487). h2 bounds only those that
//! it has not handed on yet. Here the frames are seen before h2 works on them, so that a flood costs next to nothing.

use std::time::Duration;

use tokio::time::Instant;

/// Length of a frame's head, by RFC 9113, section 4.1.
const HEAD_BYTES: usize = 9;
const RST_STREAM: u8 = 3;
/// Time in which resets are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// Reads a connection's frames, of which it looks at the heads only.
#[derive(Debug, Default)]
pub(super) struct Resets {
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have arrived.
    head_len: usize,
    /// Bytes of the payload that have not arrived.
    payload_left: usize,
    window: Option<Instant>,
    in_window: usize,
}

impl Resets {
    /// Reads what has arrived. Returns how many resets are in it.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> usize {
        let mut resets = 0;
        while !bytes.is_empty() {
            let payload = self.payload_left.min(bytes.len());
            self.payload_left -= payload;
            bytes = &bytes[payload..];
            let head = (HEAD_BYTES - self.head_len).min(bytes.len());
            self.head[self.head_len..self.head_len + head].copy_from_slice(&bytes[..head]);
            self.head_len += head;
            bytes = &bytes[head..];
            if self.head_len == HEAD_BYTES {
                let [a, b, c, kind, ..] = self.head;
                self.payload_left = u32::from_be_bytes([0, a, b, c]) as usize;
                self.head_len = 0;
                resets += usize::from(kind == RST_STREAM);
            }
        }
        resets
    }

    /// Adds resets to those of this [`WINDOW`]. Returns whether there are more than `most`.
    pub(super) fn exceed(&mut self, resets: usize, most: usize) -> bool {
        let now = Instant::now();
        if self.window.is_none_or(|start| now >= start + WINDOW) {
            self.window = Some(now);
            self.in_window = 0;
        }
        self.in_window += resets;
        self.in_window > most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_found_wherever_the_pieces_begin_and_end() {
        let frame = |kind: u8, payload: &[u8]| {
            let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
            [&len[1..], &[kind, 0, 0, 0, 0, 1], payload].concat()
        };
        // Payloads that look like heads of resets.
        let looks_like = [0, 0, 4, RST_STREAM, 0, 0, 0, 0, 1];
        let frames = [
            frame(4, &[]),
            frame(1, &looks_like.repeat(100)),
            frame(RST_STREAM, &[0; 4]),
            frame(0, &looks_like[..5]),
            frame(RST_STREAM, &[0; 4]),
            frame(6, &[3; 8]),
        ]
        .concat();
        for piece in 1..frames.len() {
            let mut resets = Resets::default();
            let found: usize = frames.chunks(piece).map(|piece| resets.read(piece)).sum();
            assert_eq!(found, 2, "in pieces of {piece}");
        }
    }

    #[test]
    fn more_than_so_many_in_a_window_are_too_many() {
        let mut resets = Resets::default();
        assert!(!resets.exceed(10, 10));
        assert!(resets.exceed(1, 10));
        resets.window = resets.window.map(|start| start - WINDOW);
        assert!(!resets.exceed(10, 10));
    }
}
