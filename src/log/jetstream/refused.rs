//! Whether the stream stores what it is given, by what became of the last event.
//!
//! A stream that refuses events may answer every question as always: its disk is full, or it is sealed. No
//! question finds that out but storing an event. So after a refusal callbacks cannot be stored, until an event is
//! stored or some time goes by without an attempt.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How long a refusal counts without another attempt: where a load balancer sends no callbacks to a gateway that is
/// not ready, nothing else would show that the stream takes events again.
const HOLD: Duration = Duration::from_secs(10);
/// The same after many: each time that the next attempt is refused too, it doubles.
const MAX_HOLD: Duration = Duration::from_secs(60);

/// The stream's refusals since it last stored an event.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// There is a refusal: looked at for each event that is stored.
    is_any: AtomicBool,
    last: Mutex<Option<Refusal>>,
}

#[derive(Debug)]
struct Refusal {
    reason: String,
    hold: Duration,
    until: Instant,
}

impl Refused {
    /// Notes that an event was not stored, and why.
    pub(super) fn note(&self, reason: String) {
        self.note_at(reason, Instant::now());
    }

    /// Notes that an event was stored.
    pub(super) fn note_stored(&self) {
        if self.is_any.swap(false, Ordering::Relaxed) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Why the stream does not store events, as far as is known.
    pub(super) fn reason(&self) -> Option<String> {
        self.reason_at(Instant::now())
    }

    fn note_at(&self, reason: String, now: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let hold = match &*last {
            None => HOLD,
            // Refused again after it seemed to be over.
            Some(last) if last.until <= now => (last.hold * 2).min(MAX_HOLD),
            Some(last) => last.hold,
        };
        *last = Some(Refusal { reason, hold, until: now + hold });
        self.is_any.store(true, Ordering::Relaxed);
    }

    fn reason_at(&self, now: Instant) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|last| now < last.until).map(|last| last.reason.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_until_an_event_is_stored_or_nothing_was_tried_for_a_while() {
        let refused = Refused::default();
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(refused.reason_at(now), None);
        for second in 0..100 {
            refused.note_at("disk full".to_owned(), at(second));
            assert_eq!(refused.reason_at(at(second)).as_deref(), Some("disk full"));
        }
        assert!(refused.reason_at(at(108)).is_some());
        assert_eq!(refused.reason_at(at(109)), None);
        for (second, over) in [(110, 130), (140, 180), (190, 250), (300, 360)] {
            refused.note_at("sealed".to_owned(), at(second));
            assert_eq!(refused.reason_at(at(over - 1)).as_deref(), Some("sealed"), "longer each time");
            assert_eq!(refused.reason_at(at(over)), None);
        }
        refused.note_stored();
        assert_eq!(refused.reason_at(at(0)), None);
        refused.note_at("sealed".to_owned(), at(400));
        assert_eq!(refused.reason_at(at(410)), None, "and again from the beginning");
    }
}
