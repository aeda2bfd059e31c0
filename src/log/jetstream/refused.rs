//! Events that the stream did not store, until it stores events again.
//!
//! A stream that refuses events can answer every question as always: its disk is full, or an account has reached its
//! limit. Only storing an event shows that the stream stores events again. Where a load balancer sends no callbacks to a
//! gateway that is not ready, no event would come. So the gateway keeps one refused event, and the
//! [`probe`](super::probe) tries to store it.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::message::Publish;
use crate::event::Sequence;

/// Refusals since the stream last stored an event.
#[derive(Debug, Default)]
pub(super) struct RefusedEvents {
    /// `last` is set. Read for each event that is stored.
    is_any: AtomicBool,
    last: Mutex<Option<LastRefused>>,
}

#[derive(Debug)]
struct LastRefused {
    reason: String,
    event: Publish,
    /// End of the stream at the first probe after the refusal.
    stream_end: Option<Sequence>,
}

/// Attempt to store a refused event.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) event: Publish,
    /// The event must be stored at this sequence, or not at all.
    pub(super) expected: Sequence,
}

impl RefusedEvents {
    /// Notes that an event was not stored, and why. Keeps the smallest of these events: a stream with little room may store
    /// only that.
    pub(super) fn note(&self, reason: String, event: Publish) {
        let mut last = self.last.lock();
        match &mut *last {
            Some(last) => {
                last.reason = reason;
                if event.payload.len() < last.event.payload.len() {
                    last.event = event;
                }
            }
            None => *last = Some(LastRefused { reason, event, stream_end: None }),
        }
        self.is_any.store(true, Ordering::Relaxed);
    }

    /// Notes that an event was stored.
    pub(super) fn note_stored(&self) {
        if self.is_any.swap(false, Ordering::Relaxed) {
            *self.last.lock() = None;
        }
    }

    /// Returns why the stream does not store events, as far as is known.
    pub(super) fn reason(&self) -> Option<String> {
        self.last.lock().as_ref().map(|last| last.reason.clone())
    }

    pub(super) fn set_reason(&self, reason: String) {
        if let Some(last) = &mut *self.last.lock() {
            last.reason = reason;
        }
    }

    /// Returns the event to try for a stream that ends at `stream_end`. `None` if no event was refused, or the stream has
    /// stored one since.
    pub(super) fn probe(&self, stream_end: Sequence) -> Option<Probe> {
        let mut last = self.last.lock();
        let last = last.as_mut()?;
        let expected = *last.stream_end.get_or_insert(stream_end);
        (stream_end <= expected).then(|| Probe { event: last.event.clone(), expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Publish {
        let payload = vec![0; bytes].into();
        Publish { subject: "callbacks.1.A".into(), message_id: bytes.to_string(), payload }
    }

    #[test]
    fn a_refusal_counts_until_an_event_is_stored() {
        let refused = RefusedEvents::default();
        let probe =
            |end| refused.probe(Sequence(end)).map(|probe| (probe.event.payload.len(), probe.expected.0));
        assert_eq!((refused.reason(), probe(5)), (None, None));
        refused.note("disk full".to_owned(), event(20));
        refused.note("sealed".to_owned(), event(30));
        assert_eq!(refused.reason().as_deref(), Some("sealed"));
        assert_eq!(probe(5), Some((20, 5)), "the smallest");
        refused.note("sealed".to_owned(), event(10));
        assert_eq!(probe(5), Some((10, 5)));
        assert_eq!(probe(6), None, "the stream has stored an event since");
        refused.note_stored();
        assert_eq!(refused.reason(), None);
        refused.note("disk full".to_owned(), event(20));
        assert_eq!(probe(9), Some((20, 9)), "the end is noted again");
    }
}
