//! State of one stream, which its body, the registry and operators share.

use std::{
    fmt, mem,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;
use futures_util::{Stream, task::AtomicWaker};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::super::{caller::Caller, codec::PREFIX_BYTES, limits::PIECE_BYTES};
use crate::{
    delivery::subscription::{Filter, SharedProgress},
    event::Timestamp,
};

/// Messages of a stream, several at a time, as they go into the response's body; then the stream's status.
pub(super) type MessageStream = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// Value of [`Slot::last_read`] while nothing is ready for the client.
const NOTHING_READY: u64 = u64::MAX;

/// One stream.
#[derive(Debug)]
pub(in super::super) struct Slot {
    pub(in super::super) id: u64,
    pub(in super::super) name: String,
    pub(in super::super) peer: Option<SocketAddr>,
    pub(in super::super) start_time: Timestamp,
    pub(in super::super) filter: Arc<Filter>,
    pub(in super::super) progress: SharedProgress,
    pub(super) caller: Caller,
    /// Set when the caller has lost its rights.
    is_revoked: AtomicBool,
    /// Wakes the body when `is_revoked` is set. An atomic and a waker cost less for each event than a cancellation token.
    revoked: AtomicWaker,
    /// Time when the client last read a piece, by the registry's clock; or [`NOTHING_READY`].
    last_read: AtomicU64,
    state: Mutex<SlotState>,
}

/// Description of a new stream.
pub(super) struct SlotInfo {
    pub(super) name: String,
    pub(super) peer: Option<SocketAddr>,
    pub(super) filter: Arc<Filter>,
    pub(super) progress: SharedProgress,
    pub(super) caller: Caller,
}

pub(super) enum SlotState {
    Open(OpenStream),
    /// The gateway ended the stream. The client has still to read the rest of a message, and then the status.
    Leaving(MessageBuffer, Status),
    Ended,
}

/// Resources of an open stream.
pub(super) struct OpenStream {
    pub(super) messages: MessageStream,
    /// Encoded messages that the connection has not taken.
    pub(super) buffer: MessageBuffer,
    /// Permit for an open stream.
    _permit: OwnedSemaphorePermit,
}

impl OpenStream {
    pub(super) fn new(messages: MessageStream, permit: OwnedSemaphorePermit) -> Self {
        Self { messages, buffer: MessageBuffer::default(), _permit: permit }
    }
}

impl fmt::Debug for SlotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Leaving(..) => "Leaving",
            Self::Ended => "Ended",
        })
    }
}

impl SlotState {
    /// Ends an open stream and returns its resources, which the caller drops without the lock. The client gets the
    /// status after the rest of the message that it has begun to read.
    pub(super) fn leave(&mut self, status: Status) -> Self {
        let rest = match self {
            Self::Open(open) => open.buffer.rest_of_begun_message(),
            Self::Leaving(..) | Self::Ended => MessageBuffer::default(),
        };
        mem::replace(self, Self::Leaving(rest, status))
    }
}

impl Slot {
    /// Creates the slot of a stream that starts at `now`, by the registry's clock.
    pub(super) fn new(info: SlotInfo, id: u64, now: u64, open: OpenStream) -> Self {
        let SlotInfo { name, peer, filter, progress, caller } = info;
        Self {
            id,
            name,
            peer,
            start_time: Timestamp::now(),
            filter,
            progress,
            caller,
            is_revoked: AtomicBool::new(false),
            revoked: AtomicWaker::new(),
            last_read: AtomicU64::new(now),
            state: Mutex::new(SlotState::Open(open)),
        }
    }

    /// Returns whether the caller has lost its rights. If not, wakes `waker` when it does.
    pub(super) fn is_revoked(&self, waker: Option<&Waker>) -> bool {
        if let Some(waker) = waker {
            self.revoked.register(waker);
        }
        self.is_revoked.load(Ordering::SeqCst)
    }

    /// Ends the stream when its body is polled next.
    pub(super) fn revoke(&self) {
        self.is_revoked.store(true, Ordering::SeqCst);
        self.revoked.wake();
    }

    /// Notes that the client read a piece at this time.
    pub(super) fn note_read(&self, now: u64) {
        self.last_read.store(now, Ordering::Relaxed);
    }

    /// Notes that nothing is ready for the client.
    pub(super) fn note_nothing_ready(&self) {
        self.last_read.store(NOTHING_READY, Ordering::Relaxed);
    }

    /// Returns when the client last read a piece, or `None` if nothing is ready for it.
    pub(super) fn last_read(&self) -> Option<u64> {
        Some(self.last_read.load(Ordering::Relaxed)).filter(|&time| time != NOTHING_READY)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock()
    }
}

/// Encoded messages, of which the connection may have taken a part.
#[derive(Debug, Default)]
pub(super) struct MessageBuffer {
    messages: Bytes,
    /// Bytes that the connection has taken.
    taken: usize,
}

impl MessageBuffer {
    pub(super) fn new(messages: Bytes) -> Self {
        Self { messages, taken: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.messages.len()
    }

    pub(super) fn take_piece(&mut self) -> Bytes {
        let end = self.messages.len().min(self.taken + PIECE_BYTES);
        let piece = self.messages.slice(self.taken..end);
        self.taken = end;
        piece
    }

    /// Returns the rest of the message of which the connection has taken a part: without it the client would take the
    /// status for a broken stream. The rest is a copy, so that it does not keep the other messages in memory.
    fn rest_of_begun_message(&self) -> Self {
        let mut end = 0;
        while end < self.taken {
            let len = self.messages[end + 1..].first_chunk().map_or(0, |len| u32::from_be_bytes(*len));
            end += PREFIX_BYTES + len as usize;
        }
        Self::new(Bytes::copy_from_slice(&self.messages[self.taken..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates messages of these lengths, of which the connection has taken so many bytes.
    fn buffer(lens: &[usize], taken: usize) -> MessageBuffer {
        let mut messages = Vec::new();
        for len in lens {
            messages.push(0);
            messages.extend((*len as u32).to_be_bytes());
            messages.extend(vec![7; *len]);
        }
        MessageBuffer { messages: messages.into(), taken }
    }

    #[test]
    fn a_begun_message_is_finished_and_no_other_is_begun() {
        let left = |taken| buffer(&[10, 0, 20], taken).rest_of_begun_message().messages.len();
        assert_eq!(left(0), 0);
        assert_eq!(left(1), 14);
        assert_eq!(left(14), 1);
        assert_eq!(left(15), 0, "between two messages");
        assert_eq!(left(17), 3, "in a prefix");
        assert_eq!(left(20), 0);
        assert_eq!(left(22), 23);
        assert_eq!(left(45), 0);
    }

    #[test]
    fn messages_are_taken_in_pieces() {
        let mut all = buffer(&[PIECE_BYTES, 100], 0);
        let mut lens = Vec::new();
        while !all.is_empty() {
            lens.push(all.take_piece().len());
        }
        assert_eq!(lens, [PIECE_BYTES, 100 + 2 * PREFIX_BYTES]);
    }
}
