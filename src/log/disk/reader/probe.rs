//! Probes one position after another for the end of a hole and the next readable record.

use std::time::{Duration, Instant};

use super::{PositionRead, Snapshot};
use crate::{
    event::{Record, Sequence},
    log::{Cause, Hole, ReadError},
};

/// Maximum number of sequences that one read probes after an unreadable one: about 50 ms. A longer hole is
/// reported in parts.
const MAX_PROBES: u64 = 4096;
/// Maximum time that one read probes: a bad disk may take long to report each error. A longer hole is
/// reported in parts.
const MAX_PROBE_TIME: Duration = Duration::from_millis(250);

impl Snapshot<'_> {
    /// Returns the first readable record from `from` on, below `end`. `None` if there is none within the
    /// probing limits.
    pub(in super::super) fn first_from(
        &self,
        from: Sequence,
        end: Sequence,
    ) -> Result<Option<Record>, ReadError> {
        Ok(self.probe(from, end)?.0)
    }

    /// Like [`first_from`](Self::first_from), but also returns the position after the probed ones.
    pub(super) fn probe(
        &self,
        from: Sequence,
        end: Sequence,
    ) -> Result<(Option<Record>, Sequence), ReadError> {
        let mut probes = Probes::begin();
        let mut next = from;
        while next < end && probes.is_next_allowed() {
            if let PositionRead::Record(record) = self.get(next)? {
                return Ok((Some(record), next.next()));
            }
            next = next.next();
        }
        Ok((None, next))
    }

    /// Returns the hole that begins at `from`, an unreadable position.
    pub(in super::super) fn hole_from(&self, from: Sequence, end: Sequence) -> Result<Hole, ReadError> {
        let mut hole = Hole::one(from, self.cause(from)?);
        let mut probes = Probes::begin();
        while probes.is_next_allowed() && hole.last.next() < end {
            match self.get(hole.last.next())? {
                PositionRead::Missing if hole.cause == Cause::Missing => hole.last = hole.last.next(),
                PositionRead::Unreadable(cause) if hole.cause == cause => hole.last = hole.last.next(),
                _ => break,
            }
        }
        Ok(hole)
    }

    /// Returns the hole that ends just below `before`. The position there is unreadable.
    pub(super) fn hole_below(&self, before: Sequence) -> Result<Hole, ReadError> {
        let last = before.previous();
        let mut hole = Hole::one(last, self.cause(last)?);
        let mut probes = Probes::begin();
        while probes.is_next_allowed() && hole.first > self.oldest {
            match self.get(hole.first.previous())? {
                PositionRead::Missing if hole.cause == Cause::Missing => hole.first = hole.first.previous(),
                PositionRead::Unreadable(cause) if hole.cause == cause => hole.first = hole.first.previous(),
                _ => break,
            }
        }
        Ok(hole)
    }

    fn cause(&self, sequence: Sequence) -> Result<Cause, ReadError> {
        Ok(match self.get(sequence)? {
            PositionRead::Unreadable(cause) => cause,
            PositionRead::Missing | PositionRead::Record(_) => Cause::Missing,
        })
    }
}

/// Limits on the probes of one read.
struct Probes {
    left: u64,
    until: Instant,
}

impl Probes {
    fn begin() -> Self {
        Self { left: MAX_PROBES, until: Instant::now() + MAX_PROBE_TIME }
    }

    /// Returns whether another probe is allowed. The first one always is, so that each read makes progress.
    fn is_next_allowed(&mut self) -> bool {
        let is_first = self.left == MAX_PROBES;
        self.left = self.left.saturating_sub(1);
        is_first || self.left > 0 && Instant::now() < self.until
    }
}
