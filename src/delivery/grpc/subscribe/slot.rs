//! State of one stream, which its body, the registry and operators look at.

use std::{
    fmt, mem,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;
use futures_util::{Stream, task::AtomicWaker};
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::super::{caller::Caller, codec::PREFIX_BYTES, limits::PIECE_BYTES};
use crate::{
    delivery::subscription::{Filter, SharedProgress},
    event::Timestamp,
};

/// Messages, several at a time, as they go into the body of the response; then its status.
pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// A stream that has nothing ready for its client.
const WAITING: u64 = u64::MAX;

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
    /// Set when its caller may no longer do what it does.
    revoked: AtomicBool,
    /// Wakes it to see that: an atomic and a waker cost it less for every event than a token.
    revoking: AtomicWaker,
    /// When its client last took a piece that was ready, by the registry's clock; or [`WAITING`].
    taken: AtomicU64,
    state: Mutex<State>,
}

/// What a new stream is known by.
pub(super) struct NewSlot {
    pub(super) name: String,
    pub(super) peer: Option<SocketAddr>,
    pub(super) filter: Arc<Filter>,
    pub(super) progress: SharedProgress,
    pub(super) caller: Caller,
}

pub(super) enum State {
    Open(Open),
    /// Taken away; the client has not been told yet, or not that of the last message which it needs first.
    Leaving(Rest, Status),
    Ended,
}

/// What an open stream holds.
pub(super) struct Open {
    pub(super) messages: Messages,
    /// What of them was made and has not been handed to the connection.
    pub(super) rest: Rest,
    /// For the cap.
    _place: OwnedSemaphorePermit,
}

impl Open {
    pub(super) fn new(messages: Messages, place: OwnedSemaphorePermit) -> Self {
        Self { messages, rest: Rest::default(), _place: place }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Leaving(..) => "Leaving",
            Self::Ended => "Ended",
        })
    }
}

impl State {
    /// Takes an open stream away: what it held. Its client is told once it has the message that it has begun to get.
    pub(super) fn leave(&mut self, status: Status) -> Self {
        let rest = match self {
            Self::Open(open) => open.rest.of_message_in_hand(),
            Self::Leaving(..) | Self::Ended => Rest::default(),
        };
        mem::replace(self, Self::Leaving(rest, status))
    }
}

impl Slot {
    /// A stream that begins at `now`.
    pub(super) fn new(new: NewSlot, id: u64, now: u64, open: Open) -> Self {
        let NewSlot { name, peer, filter, progress, caller } = new;
        Self {
            id,
            name,
            peer,
            start_time: Timestamp::now(),
            filter,
            progress,
            caller,
            revoked: AtomicBool::new(false),
            revoking: AtomicWaker::new(),
            taken: AtomicU64::new(now),
            state: Mutex::new(State::Open(open)),
        }
    }

    /// Whether its caller may no longer do what it does. Who polls it next is `waker`'s, if that happens.
    pub(super) fn is_revoked(&self, waker: Option<&Waker>) -> bool {
        if let Some(waker) = waker {
            self.revoking.register(waker);
        }
        self.revoked.load(Ordering::SeqCst)
    }

    /// Notes that its client took a piece at this time, or, if it is `None`, that there was none.
    pub(super) fn note_taking(&self, now: Option<u64>) {
        self.taken.store(now.unwrap_or(WAITING), Ordering::Relaxed);
    }

    /// When its client last took a piece that was ready; `None` if nothing is ready.
    pub(super) fn taken(&self) -> Option<u64> {
        Some(self.taken.load(Ordering::Relaxed)).filter(|&taken| taken != WAITING)
    }

    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
        self.revoking.wake();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages that were taken up, of which some may have been handed to the connection.
#[derive(Debug, Default)]
pub(super) struct Rest {
    messages: Bytes,
    /// How many bytes of them were handed on.
    handed_on: usize,
}

impl Rest {
    pub(super) fn new(messages: Bytes) -> Self {
        Self { messages, handed_on: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.handed_on == self.messages.len()
    }

    pub(super) fn take_piece(&mut self) -> Bytes {
        let end = self.messages.len().min(self.handed_on + PIECE_BYTES);
        let piece = self.messages.slice(self.handed_on..end);
        self.handed_on = end;
        piece
    }

    /// What is left of the message of which a part was handed on: without it the client would
    /// take the status for a broken stream. Of its own, so that it keeps nothing else.
    fn of_message_in_hand(&self) -> Self {
        let mut end = 0;
        while end < self.handed_on {
            let len = self.messages[end + 1..].first_chunk().map_or(0, |len| u32::from_be_bytes(*len));
            end += PREFIX_BYTES + len as usize;
        }
        Self::new(Bytes::copy_from_slice(&self.messages[self.handed_on..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of these lengths, of which so many bytes were handed on.
    fn rest(lens: &[usize], handed_on: usize) -> Rest {
        let mut messages = Vec::new();
        for len in lens {
            messages.push(0);
            messages.extend((*len as u32).to_be_bytes());
            messages.extend(vec![7; *len]);
        }
        Rest { messages: messages.into(), handed_on }
    }

    #[test]
    fn a_message_of_which_a_part_was_handed_on_is_finished_and_no_other_begun() {
        let left = |handed_on| rest(&[10, 0, 20], handed_on).of_message_in_hand().messages.len();
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
    fn all_of_it_is_handed_on_in_pieces() {
        let mut all = rest(&[PIECE_BYTES, 100], 0);
        let mut lens = Vec::new();
        while !all.is_empty() {
            lens.push(all.take_piece().len());
        }
        assert_eq!(lens, [PIECE_BYTES, 100 + 2 * PREFIX_BYTES]);
    }
}
