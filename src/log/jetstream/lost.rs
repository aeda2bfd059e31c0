//! Messages that are gone inside the stream, by the stream's own account.
//!
//! Only gateways write to the stream and nothing in its settings removes messages inside it, so each of them is a lost
//! event. The leader's state shows how many there are, which is compared at the start and every second.

use std::sync::atomic::Ordering;

use super::{
    api::{ApiError, From},
    info::State,
    shared::Shared,
};
use crate::{
    event::{Sequence, Timestamp},
    log::{Cause, Hole},
};

/// Most lost messages whose positions are asked for: the server answers in one message. More are only counted, and
/// found by reading.
const MAX_DETAILS: u64 = 50_000;

impl Shared {
    /// Notes the messages that the stream has lost, if these have become more or fewer. A failure is retried by the
    /// next call; until then `complete_since` claims nothing.
    pub(super) async fn note_lost(&self, state: &State) {
        let (known, lost) = (self.lost.load(Ordering::Relaxed), state.lost());
        if known == lost {
            return;
        }
        if lost > MAX_DETAILS {
            if lost > known {
                tracing::error!(
                    lost,
                    "the stream lost events, too many to ask where; readers are told where they reach them"
                );
            }
            self.holes.set_unchecked_until(Some(Timestamp::now()));
        } else if let Err(error) = self.find_lost(lost).await {
            tracing::debug!(%error, "cannot ask which events the stream has lost");
            self.holes.set_unchecked_until(Some(Timestamp::now()));
            return;
        } else {
            self.holes.set_unchecked_until(None);
        }
        self.lost.store(lost, Ordering::Relaxed);
    }

    async fn find_lost(&self, lost: u64) -> Result<(), ApiError> {
        if lost == 0 {
            return Ok(());
        }
        let holes = runs(&self.api.deleted().await?);
        // No event behind the last hole is missing.
        let mut until = None;
        if let Some(last) = holes.last() {
            let behind = self.api.get(From::Sequence(last.last.next())).await?;
            until = behind.map(|message| message.time);
        }
        holes.into_iter().for_each(|hole| self.holes.note(hole, until));
        Ok(())
    }
}

/// Joins sequences that follow one another.
fn runs(sequences: &[u64]) -> Vec<Hole> {
    sequences
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| Hole {
            first: Sequence(run[0]),
            last: Sequence(run[run.len() - 1]),
            cause: Cause::Missing,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_that_follow_one_another_are_one_hole() {
        let bounds = |sequences: &[u64]| {
            runs(sequences).iter().map(|hole| (hole.first.0, hole.last.0)).collect::<Vec<_>>()
        };
        assert_eq!(bounds(&[]), []);
        assert_eq!(bounds(&[3, 4, 5, 9, 11, 12]), [(3, 5), (9, 9), (11, 12)]);
    }
}
