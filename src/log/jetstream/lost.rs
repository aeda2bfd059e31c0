//! Events that the stream lost between its oldest and newest one, by its own account.
//!
//! Only gateways write to the stream, and none of its settings removes messages inside it. So each missing message is a lost
//! event. The leader's state has their number, which is compared at the start and every second.

use super::{
    api::{Api, StartAt},
    error::ApiError,
    info::StreamContents,
};
use crate::{
    event::{Sequence, Timestamp},
    log::{Cause, Hole, Holes},
};

/// Maximum number of lost events whose sequences are requested: the server answers in one message. More are only counted,
/// and found by readers.
const MAX_DETAILS: u64 = 50_000;

/// Events that are known to be lost.
#[derive(Debug, Default)]
pub(super) struct LostEvents {
    /// Their number, from the leader's last answer.
    count: u64,
}

impl LostEvents {
    /// Adds the lost events to `holes` if their number has changed. The next call retries after a failure; until then
    /// `complete_since` claims nothing.
    pub(super) async fn update(&mut self, api: &Api, holes: &Holes, contents: &StreamContents) {
        let (known, lost) = (self.count, contents.lost());
        if known == lost {
            return;
        }
        if lost > MAX_DETAILS {
            if lost > known {
                tracing::error!(
                    lost,
                    "the stream lost too many events to request their sequences; readers learn of each when they reach it"
                );
            }
            holes.set_unchecked_until(Some(Timestamp::now()));
        } else if let Err(error) = note_holes(api, holes, lost).await {
            tracing::debug!(%error, "cannot request the sequences of lost events");
            holes.set_unchecked_until(Some(Timestamp::now()));
            return;
        } else {
            holes.set_unchecked_until(None);
        }
        self.count = lost;
    }
}

async fn note_holes(api: &Api, holes: &Holes, lost: u64) -> Result<(), ApiError> {
    if lost == 0 {
        return Ok(());
    }
    let found = runs(&api.deleted().await?);
    // No event behind the last hole is missing.
    let mut until = None;
    if let Some(last) = found.last() {
        let next = api.get(StartAt::Sequence(last.last.next())).await?;
        until = next.map(|message| message.time);
    }
    found.into_iter().for_each(|hole| holes.note(hole, until));
    Ok(())
}

/// Joins consecutive sequences.
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
    fn consecutive_sequences_are_one_hole() {
        let bounds = |sequences: &[u64]| {
            runs(sequences).iter().map(|hole| (hole.first.0, hole.last.0)).collect::<Vec<_>>()
        };
        assert_eq!(bounds(&[]), []);
        assert_eq!(bounds(&[3, 4, 5, 9, 11, 12]), [(3, 5), (9, 9), (11, 12)]);
    }
}
