//! Probes with a refused event whether the stream stores events again.
//!
//! The event is published at every look at the stream, on the condition that the stream has stored nothing since it refused
//! the event. Then the stream either stores it as its next event, or has shown that it stores others. Either way it is in
//! order, and stored at most once: an answer 503 never means that an event is not stored.

use super::{api::WRONG_LAST_SEQUENCE, error::ApiError, refused::Probe, state::StreamState};
use crate::event::Sequence;

/// Returns why the stream does not store events, if it refused one and still does. `stream_end` is where it ends.
pub(super) async fn probe(state: &StreamState, stream_end: Sequence) -> Result<(), String> {
    let Some(reason) = state.health.refused.reason() else { return Ok(()) };
    if let Some(Probe { event, expected }) = state.health.refused.probe(stream_end) {
        if stream_end < expected {
            // The stream lost its end, or this leader is behind: the tail's consumer finds out which.
            return Err(reason);
        }
        match state.api.store_at(expected, event).await {
            Ok(sequence) => {
                tracing::info!(sequence = sequence.0, "the stream has stored an event that it had refused");
                state.acks.promise(sequence);
            }
            // It stores others.
            Err(ApiError::Refused(error)) if error.is_about_the_event() => {}
            // Others store events, which the next look shows. Or the stream counts an event that it could not write.
            Err(ApiError::Refused(error)) if error.err_code == WRONG_LAST_SEQUENCE => {
                return Err(reason);
            }
            Err(ApiError::Refused(error)) => {
                let reason = error.as_reason();
                state.health.refused.set_reason(reason.clone());
                return Err(reason);
            }
            Err(_) => return Err(reason),
        }
    }
    state.health.refused.note_stored();
    Ok(())
}
