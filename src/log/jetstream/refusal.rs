//! JetStream's own errors, and whether trying again can help.

use serde::Deserialize;

/// The code of errors that pass: no leader just now, no quorum, too busy.
pub(super) const TEMPORARILY: u16 = 503;
/// The code of errors of a stream that more is sent to than it takes.
const TOO_MANY_REQUESTS: u16 = 429;
/// The number of its error for a message that is larger than the stream takes.
const MESSAGE_TOO_LARGE: u32 = 10054;
/// The number of its error for a message whose first copy is still on its way.
const DUPLICATE_IN_PROCESS: u32 = 10158;

/// JetStream's own error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Refusal {
    /// As an HTTP status.
    #[serde(default)]
    pub code: u16,
    /// JetStream's number for it.
    #[serde(default)]
    pub err_code: u32,
    /// In words.
    #[serde(default)]
    pub description: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (JetStream error {})", self.description, self.err_code)
    }
}

impl Refusal {
    /// Whether trying again can help: there is no leader just now, or it is too busy.
    pub(super) fn may_pass(&self) -> bool {
        self.is_soon_over() || self.code == TOO_MANY_REQUESTS || self.err_code == DUPLICATE_IN_PROCESS
    }

    /// Says that the stream did not store an event for this reason.
    pub(super) fn does_not_take(&self) -> String {
        format!("the stream does not take an event: {self}")
    }

    /// Whether only this event cannot be stored.
    pub(super) fn is_about_the_event(&self) -> bool {
        self.err_code == MESSAGE_TOO_LARGE
    }

    /// Whether trying again soon can help. What is too busy is only made busier by it, and a
    /// first copy on its way needs its time.
    pub(super) fn is_soon_over(&self) -> bool {
        self.code == TEMPORARILY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_is_there_to_store_is_tried_again_at_once() {
        let refusal = |code, err_code| Refusal { code, err_code, description: String::new() };
        let judged = |refusal: Refusal| (refusal.is_soon_over(), refusal.may_pass());
        assert_eq!(judged(refusal(TEMPORARILY, 10008)), (true, true));
        assert_eq!(judged(refusal(TOO_MANY_REQUESTS, 10167)), (false, true));
        assert_eq!(judged(refusal(409, DUPLICATE_IN_PROCESS)), (false, true));
        assert_eq!(judged(refusal(400, 10077)), (false, false));
    }
}
