//! Looking at one position after another: how far a hole goes, and what lies behind it.

use std::time::{Duration, Instant};

use super::{Found, Snapshot};
use crate::{
    event::{Record, Sequence},
    log::{Cause, Hole, ReadError},
};

/// Most sequences that one read tries behind one that cannot be read: about 50 ms. A longer hole is reported in parts.
const MAX_PROBES: u64 = 4096;
/// How long one read may try them: a disk may take long to say that it cannot read something.
const MAX_PROBE_TIME: Duration = Duration::from_millis(250);

impl Snapshot<'_> {
    /// The first readable record from `from` on, below `end`, if there is one near.
    pub(in super::super) fn first_from(
        &self,
        from: Sequence,
        end: Sequence,
    ) -> Result<Option<Record>, ReadError> {
        Ok(self.probe(from, end)?.0)
    }

    /// The same, with the position behind those that were tried.
    pub(super) fn probe(
        &self,
        from: Sequence,
        end: Sequence,
    ) -> Result<(Option<Record>, Sequence), ReadError> {
        let mut probes = Probes::begin();
        let mut next = from;
        while next < end && probes.is_next_allowed() {
            if let Found::Record(record) = self.get(next)? {
                return Ok((Some(record), next.next()));
            }
            next = next.next();
        }
        Ok((None, next))
    }

    /// The hole that begins at `from`, whose record cannot be read.
    pub(in super::super) fn hole_from(&self, from: Sequence, end: Sequence) -> Result<Hole, ReadError> {
        let mut hole = Hole::one(from, self.cause(from)?);
        let mut probes = Probes::begin();
        while probes.is_next_allowed() && hole.last.next() < end {
            match self.get(hole.last.next())? {
                Found::Nothing if hole.cause == Cause::Missing => hole.last = hole.last.next(),
                Found::Unreadable(cause) if hole.cause == cause => hole.last = hole.last.next(),
                _ => break,
            }
        }
        Ok(hole)
    }

    /// The hole that ends below `before`, whose record cannot be read.
    pub(super) fn hole_below(&self, before: Sequence) -> Result<Hole, ReadError> {
        let last = before.previous();
        let mut hole = Hole::one(last, self.cause(last)?);
        let mut probes = Probes::begin();
        while probes.is_next_allowed() && hole.first > self.oldest {
            match self.get(hole.first.previous())? {
                Found::Nothing if hole.cause == Cause::Missing => hole.first = hole.first.previous(),
                Found::Unreadable(cause) if hole.cause == cause => hole.first = hole.first.previous(),
                _ => break,
            }
        }
        Ok(hole)
    }

    fn cause(&self, sequence: Sequence) -> Result<Cause, ReadError> {
        Ok(match self.get(sequence)? {
            Found::Unreadable(cause) => cause,
            Found::Nothing | Found::Record(_) => Cause::Missing,
        })
    }
}

/// The bounds on how many positions one read tries.
struct Probes {
    left: u64,
    until: Instant,
}

impl Probes {
    fn begin() -> Self {
        Self { left: MAX_PROBES, until: Instant::now() + MAX_PROBE_TIME }
    }

    /// Returns whether one more may be tried: the first always, so that each read makes progress.
    fn is_next_allowed(&mut self) -> bool {
        let is_first = self.left == MAX_PROBES;
        self.left = self.left.saturating_sub(1);
        is_first || self.left > 0 && Instant::now() < self.until
    }
}
