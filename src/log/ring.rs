//! The newest records in memory, so that readers near the tail never touch a disk.

use std::collections::VecDeque;

use super::{PAGE_BYTES, PAGE_RECORDS, Page};
use crate::event::{Record, Sequence, Timestamp};

/// A run of records that ends at the tail, bounded in bytes: the oldest give way.
#[derive(Debug)]
pub(super) struct Ring {
    records: VecDeque<Record>,
    /// Memory of `records`, in bytes.
    bytes: usize,
    max_bytes: usize,
    /// The position from which on the ring holds everything up to the tail.
    start: Sequence,
    /// The tail.
    end: Sequence,
    /// Receive time of the newest record that gave way.
    gave_way: Option<Timestamp>,
}

impl Ring {
    /// An empty ring for records from `start` on.
    pub(super) fn new(max_bytes: usize, start: Sequence) -> Self {
        Self { records: VecDeque::new(), bytes: 0, max_bytes, start, end: start, gave_way: None }
    }

    /// Adds the newest record.
    pub(super) fn push(&mut self, record: Record) {
        debug_assert!(self.records.back().is_none_or(|last| last.sequence() < record.sequence()));
        self.bytes += record.memory();
        self.end = record.sequence().next();
        self.records.push_back(record);
        // The newest record stays, whatever its size: it is what readers want next.
        while self.bytes > self.max_bytes && self.records.len() > 1 {
            if let Some(oldest) = self.records.pop_front() {
                self.bytes -= oldest.memory();
                self.start = oldest.sequence().next();
                self.gave_way = Some(oldest.receive_time());
            }
        }
    }

    /// Receive time of the newest record that gave way to newer ones.
    pub(super) fn gave_way(&self) -> Option<Timestamp> {
        self.gave_way
    }

    /// The position from which on the ring holds everything up to the tail.
    pub(super) fn start(&self) -> Sequence {
        self.start
    }

    /// Memory of the records, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets go of records below `oldest`.
    pub(super) fn trim(&mut self, oldest: Sequence) {
        while let Some(first) = self.records.front()
            && first.sequence() < oldest
        {
            self.bytes -= first.memory();
            self.records.pop_front();
        }
        self.start = self.start.max(oldest);
    }

    /// The position of the first record received at `time` or later; `None` if
    /// it may lie before the ring.
    pub(super) fn seek(&self, time: Timestamp) -> Option<Sequence> {
        let at = self.records.partition_point(|record| record.receive_time() < time);
        match self.records.get(at) {
            _ if at == 0 => None,
            Some(record) => Some(record.sequence()),
            None => Some(self.end),
        }
    }

    /// A page from `from` upwards; `None` if the ring no longer goes back that far.
    pub(super) fn read(&self, from: Sequence, max_records: usize) -> Option<Page> {
        if from < self.start {
            return None;
        }
        let first = self.records.partition_point(|record| record.sequence() < from);
        let mut page = PageBuilder::new(from, max_records);
        let is_full = self.records.range(first..).any(|record| !page.push(record.clone()));
        Some(page.upwards((!is_full).then_some(self.end)))
    }

    /// A page below `before`, newest first. Ends at the ring's start; `None` if
    /// nothing below `before` is in the ring.
    pub(super) fn read_back(&self, before: Sequence, max_records: usize) -> Option<Page> {
        let end = self.records.partition_point(|record| record.sequence() < before);
        let mut page = PageBuilder::new(before, max_records);
        for record in self.records.range(..end).rev() {
            if !page.push(record.clone()) {
                break;
            }
        }
        (!page.records.is_empty()).then(|| page.downwards())
    }
}

/// Collects records up to a page's bounds.
pub(super) struct PageBuilder {
    records: Vec<Record>,
    bytes: usize,
    max_records: usize,
    start: Sequence,
}

impl PageBuilder {
    pub(super) fn new(start: Sequence, max_records: usize) -> Self {
        Self { records: Vec::new(), bytes: 0, max_records: max_records.clamp(1, PAGE_RECORDS), start }
    }

    /// Takes the record, or leaves it because the page is full.
    pub(super) fn push(&mut self, record: Record) -> bool {
        let bytes = record.stored().bytes().len();
        if self.records.len() == self.max_records
            || (!self.records.is_empty() && self.bytes + bytes > PAGE_BYTES)
        {
            return false;
        }
        self.bytes += bytes;
        self.records.push(record);
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// A page upwards. With `end`: there is nothing more below it, only holes.
    pub(super) fn upwards(self, end: Option<Sequence>) -> Page {
        let next = self.records.last().map_or(self.start, |last| last.sequence().next());
        Page { records: self.records, next: end.map_or(next, |end| end.max(next)) }
    }

    /// A page downwards; an empty one ends at the beginning.
    pub(super) fn downwards(self) -> Page {
        let next = self.records.last().map_or(Sequence::FIRST, Record::sequence);
        Page { records: self.records, next }
    }
}
