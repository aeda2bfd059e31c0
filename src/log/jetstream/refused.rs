//! Whether the stream stores what it is given, by what became of the last event.
//!
//! A stream that refuses events can answer every question as always: its disk is full, or an account has reached its
//! limit. Only storing an event shows that it takes events again. Where a load balancer sends no callbacks to a gateway
//! that is not ready, no event would come. So the gateway keeps one refused event, a [`Trial`], and tries to store it at
//! every look at the stream, on the condition that the stream has stored nothing since. Then the stream either stores it
//! as its next event, or has shown that it stores others. Either way it is in order, and stored once at most: a 503 never
//! meant that an event is not stored.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_nats::Subject;
use bytes::Bytes;

use super::{
    api::{ApiError, WRONG_LAST_SEQUENCE},
    shared::Shared,
};
use crate::event::Sequence;

/// The stream's refusals since it last stored an event.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// There is a refusal: looked at for each event that is stored.
    is_any: AtomicBool,
    last: Mutex<Option<LastRefusal>>,
}

#[derive(Debug)]
struct LastRefusal {
    reason: String,
    trial: Trial,
    /// Where the stream ended at the first look after the refusal.
    end: Option<Sequence>,
}

/// A refused event that shows whether the stream takes events again.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) subject: Subject,
    /// The number by which the servers know it.
    pub(super) message_id: String,
    pub(super) payload: Bytes,
}

impl Refused {
    /// Notes that an event was not stored, and why. The smallest of such events is kept: where a stream has little room
    /// left, it may take others.
    pub(super) fn note(&self, reason: String, trial: Trial) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some(last) => {
                last.reason = reason;
                if trial.payload.len() < last.trial.payload.len() {
                    last.trial = trial;
                }
            }
            None => *last = Some(LastRefusal { reason, trial, end: None }),
        }
        self.is_any.store(true, Ordering::Relaxed);
    }

    /// Notes that an event was stored.
    pub(super) fn note_stored(&self) {
        if self.is_any.swap(false, Ordering::Relaxed) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Returns why the stream does not store events, as far as is known.
    pub(super) fn reason(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|last| last.reason.clone())
    }

    fn set_reason(&self, reason: String) {
        if let Some(last) = &mut *self.last.lock().unwrap_or_else(PoisonError::into_inner) {
            last.reason = reason;
        }
    }

    /// Returns the event to try, and where the stream must end for it, given where it ends now. `None`: the stream has
    /// stored something since it refused an event, or refused none.
    fn trial(&self, end: Sequence) -> Option<(Trial, Sequence)> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_mut()?;
        let expected = *last.end.get_or_insert(end);
        (end <= expected).then(|| (last.trial.clone(), expected))
    }
}

impl Shared {
    /// Finds out whether the stream takes events again, if it refused one. `end` is where it ends. Returns why it does
    /// not.
    pub(super) async fn try_refused(&self, end: Sequence) -> Result<(), String> {
        let Some(reason) = self.refused.reason() else { return Ok(()) };
        if let Some((trial, expected)) = self.refused.trial(end) {
            if end < expected {
                // It lost its end, or this leader does not have it yet: that is found out where it is followed.
                return Err(reason);
            }
            match self.api.store_at(expected, trial).await {
                Ok(sequence) => {
                    tracing::info!(
                        sequence = sequence.0,
                        "the stream has stored an event that it had refused"
                    );
                    self.promise(sequence);
                }
                // It takes others.
                Err(ApiError::Refused(refusal)) if refusal.is_about_the_event() => {}
                // Others store events, which the next look shows; or it counts one that it could not write.
                Err(ApiError::Refused(refusal)) if refusal.err_code == WRONG_LAST_SEQUENCE => {
                    return Err(reason);
                }
                Err(ApiError::Refused(refusal)) => {
                    let reason = refusal.does_not_take();
                    self.refused.set_reason(reason.clone());
                    return Err(reason);
                }
                Err(_) => return Err(reason),
            }
        }
        self.refused.note_stored();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(bytes: usize) -> Trial {
        let payload = vec![0; bytes].into();
        Trial { subject: "callbacks.1.A".into(), message_id: bytes.to_string(), payload }
    }

    #[test]
    fn a_refusal_counts_until_something_is_stored() {
        let refused = Refused::default();
        assert!(refused.reason().is_none() && refused.trial(Sequence(5)).is_none());
        refused.note("disk full".to_owned(), trial(20));
        refused.note("sealed".to_owned(), trial(30));
        assert_eq!(refused.reason().as_deref(), Some("sealed"));
        let (first, end) = refused.trial(Sequence(5)).unwrap();
        assert_eq!((first.payload.len(), end), (20, Sequence(5)), "the smallest");
        refused.note("sealed".to_owned(), trial(10));
        let (second, end) = refused.trial(Sequence(5)).unwrap();
        assert_eq!((second.payload.len(), end), (10, Sequence(5)));
        assert!(refused.trial(Sequence(6)).is_none(), "something was stored since");
        refused.note_stored();
        assert_eq!(refused.reason(), None);
        refused.note("disk full".to_owned(), trial(20));
        assert_eq!(refused.trial(Sequence(9)).unwrap().1, Sequence(9), "and again from the beginning");
    }
}
