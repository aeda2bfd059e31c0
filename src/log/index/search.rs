//! Parameters and results of a search, and the order in which it visits segments.

use std::ops::RangeInclusive;

use super::{OpenSegment, Segment, Term, TermKind, UNKNOWN, term};
use crate::{
    event::Sequence,
    log::{Order, PAGE_RECORDS, Terms},
};

/// Parameters of a search.
pub(super) struct Search {
    pub(super) terms: Vec<Term>,
    position: Sequence,
    pub(super) order: Order,
    pub(super) max_records: usize,
}

/// Result of a search: records that may match, at most as many as requested, and the start of the next page,
/// like [`Page::next`](crate::log::Page::next). Some records may have been trimmed meanwhile.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct SearchResult {
    pub(in super::super) sequences: Vec<Sequence>,
    pub(in super::super) next: Sequence,
}

impl Search {
    pub(super) fn new(terms: &Terms, position: Sequence, order: Order, max_records: usize) -> Self {
        Self { terms: terms_wanted(terms), position, order, max_records: max_records.clamp(1, PAGE_RECORDS) }
    }

    /// Returns the positions of a segment that the search has not passed yet.
    pub(super) fn ahead(&self, first: Sequence) -> Option<RangeInclusive<u16>> {
        match self.order {
            Order::OldestFirst => {
                let from = self.position.0.saturating_sub(first.0);
                Some(u16::try_from(from).ok()?..=u16::MAX)
            }
            Order::NewestFirst => {
                let last = self.position.0.checked_sub(first.0)?.checked_sub(1)?;
                Some(0..=u16::try_from(last).unwrap_or(u16::MAX))
            }
        }
    }

    /// Returns whether the index covers the start of the search.
    pub(super) fn is_within(&self, end: Sequence) -> bool {
        match self.order {
            Order::OldestFirst => self.position < end,
            Order::NewestFirst => self.position <= end,
        }
    }

    /// Returns the start of the next page if as many records as requested were found.
    pub(super) fn after_last(&self, found: &[Sequence]) -> Option<Sequence> {
        let last = *found.get(self.max_records - 1)?;
        Some(match self.order {
            Order::OldestFirst => last.next(),
            Order::NewestFirst => last,
        })
    }

    /// Returns the start of the next page for a search that stops before this segment.
    pub(super) fn before(&self, segment: &Segment) -> Sequence {
        match self.order {
            Order::OldestFirst => segment.first,
            Order::NewestFirst => segment.end,
        }
    }

    /// Adds a segment's positions of all terms to the result, up to the number requested.
    pub(super) fn take(&self, found: &mut Vec<Sequence>, first: Sequence, mut positions: Vec<u16>) {
        positions.sort_unstable();
        positions.dedup();
        if self.order == Order::NewestFirst {
            positions.reverse();
        }
        positions.truncate(self.max_records - found.len());
        found.extend(positions.into_iter().map(|position| Sequence(first.0 + u64::from(position))));
    }

    /// Collects a segment's positions of one term that are ahead, up to the number requested.
    pub(super) fn collect(
        &self,
        positions: &mut Vec<u16>,
        ahead: &RangeInclusive<u16>,
        all: impl DoubleEndedIterator<Item = u16>,
    ) {
        let max = self.max_records;
        match self.order {
            Order::OldestFirst => positions.extend(all.skip_while(|at| at < ahead.start()).take(max)),
            Order::NewestFirst => positions.extend(all.rev().skip_while(|at| at > ahead.end()).take(max)),
        }
    }

    pub(super) fn search_open(&self, open: &OpenSegment) -> Vec<u16> {
        let mut positions = Vec::new();
        let Some(ahead) = self.ahead(open.first) else { return positions };
        for &term in &self.terms {
            let entries = open.entries.range((term, *ahead.start())..=(term, *ahead.end()));
            self.collect(&mut positions, &ahead, entries.map(|&(_, position)| position));
        }
        positions
    }

    /// Returns the segments to search, in the order of the search.
    pub(super) fn path<'a>(&self, segments: &'a [Segment]) -> Box<dyn Iterator<Item = &'a Segment> + 'a> {
        match self.order {
            Order::OldestFirst => {
                let start = segments.partition_point(|segment| segment.end <= self.position);
                Box::new(segments[start..].iter())
            }
            Order::NewestFirst => {
                let end = segments.partition_point(|segment| segment.first < self.position);
                Box::new(segments[..end].iter().rev())
            }
        }
    }
}

/// Returns the hashed terms of a search, without duplicates.
fn terms_wanted(terms: &Terms) -> Vec<Term> {
    let (kind, names) = match terms {
        Terms::Accounts(names) => (TermKind::Account, names),
        Terms::GroupIds(names) => (TermKind::GroupId, names),
        Terms::Commands(names) => (TermKind::Command, names),
    };
    let mut terms: Vec<_> =
        names.iter().map(String::as_str).chain([UNKNOWN]).map(|name| term(kind, name)).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}
