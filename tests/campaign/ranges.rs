//! Sets of sequences.

use std::{fmt, ops::RangeInclusive};

/// Set of sequences, as sorted ranges that do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub fn of(ranges: impl IntoIterator<Item = RangeInclusive<u64>>) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().map(|range| (*range.start(), *range.end())).collect();
        sorted.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (first, last) in sorted {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    pub fn contains(&self, sequence: u64) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&sequence))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of sequences within a range.
    pub fn count_within(&self, range: RangeInclusive<u64>) -> u64 {
        let parts =
            self.0.iter().map(|(first, last)| ((*first).max(*range.start()), (*last).min(*range.end())));
        parts.filter(|(first, last)| first <= last).map(|(first, last)| last - first + 1).sum()
    }

    pub fn count(&self) -> u64 {
        self.count_within(0..=u64::MAX)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<_> = self.0.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        write!(f, "{}", ranges.join(" "))
    }
}
