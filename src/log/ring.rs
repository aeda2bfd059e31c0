//! The newest records in memory, so that readers near the tail never read the disk.

use std::{collections::VecDeque, sync::Arc};

use super::{
    PAGE_BYTES, PAGE_RECORDS, Page,
    records::{MessageBudget, Records, Run},
};
use crate::event::{Record, Sequence, Timestamp};

/// Maximum memory of the records in a run. A stalled reader keeps at most this much evicted memory alive.
const RUN_BYTES: usize = 128 * 1024;
/// Minimum number of runs in a full ring. The ring evicts one run at a time.
const RUNS: usize = 16;

/// Newest records up to the tail, bounded in bytes. Beyond the bound, the oldest are evicted.
///
/// The messages that streams encode from the records are cached, too. They take up to half as much memory
/// again.
///
/// Records are stored in runs that readers share. Each append adds an open run. When the open runs reach the
/// size of a full run, they are merged into one.
#[derive(Debug)]
pub(super) struct Ring {
    runs: VecDeque<Arc<Run>>,
    /// Number of open runs, at the end.
    open: usize,
    /// Records in the open runs.
    open_records: usize,
    /// Memory of the open runs, in bytes.
    open_bytes: usize,
    /// Memory of all records, in bytes.
    bytes: usize,
    max_bytes: usize,
    /// Memory budget of cached messages.
    budget: Arc<MessageBudget>,
    /// The position from which the ring holds all records up to the tail.
    start: Sequence,
    /// The tail.
    end: Sequence,
    /// Receive time of the newest evicted record.
    evicted_until: Option<Timestamp>,
}

impl Ring {
    /// Creates an empty ring for records from `start` on.
    pub(super) fn new(max_bytes: usize, start: Sequence) -> Self {
        Self {
            runs: VecDeque::new(),
            open: 0,
            open_records: 0,
            open_bytes: 0,
            bytes: 0,
            max_bytes,
            budget: Arc::new(MessageBudget::new(max_bytes / 2)),
            start,
            end: start,
            evicted_until: None,
        }
    }

    /// Adds the newest record.
    pub(super) fn push(&mut self, record: Record) {
        self.extend(vec![record]);
    }

    /// Adds the newest records.
    pub(super) fn extend(&mut self, records: Vec<Record>) {
        let max_bytes = RUN_BYTES.min(self.max_bytes / RUNS);
        let (mut run, mut bytes) = (Vec::new(), 0);
        for record in records {
            debug_assert!(self.end <= record.sequence());
            self.end = record.sequence().next();
            let count = self.open_records + run.len();
            if count == PAGE_RECORDS || count > 0 && self.open_bytes + bytes + record.memory() > max_bytes {
                self.push_run(std::mem::take(&mut run));
                self.close_run();
                bytes = 0;
            }
            bytes += record.memory();
            run.push(record);
        }
        self.push_run(run);
        // Keep the newest run whatever its size: readers need it next.
        while self.bytes > self.max_bytes && self.runs.len() > 1 {
            if let Some(run) = self.pop_run() {
                self.start = run.last().sequence().next();
                self.evicted_until = Some(run.last().receive_time());
            }
        }
    }

    /// Adds records as an open run.
    fn push_run(&mut self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let run = Run::new(records, Some(Arc::clone(&self.budget)));
        self.open += 1;
        self.open_records += run.records().len();
        self.open_bytes += run.bytes();
        self.bytes += run.bytes();
        self.runs.push_back(Arc::new(run));
    }

    /// Merges the open runs into one full run.
    fn close_run(&mut self) {
        if self.open > 1 {
            let open = self.runs.split_off(self.runs.len() - self.open);
            // Adjacent metadata makes filters over many records twice as fast.
            let records = Record::side_by_side(open.iter().flat_map(|run| run.records()));
            self.runs.push_back(Arc::new(Run::new(records, Some(Arc::clone(&self.budget)))));
        }
        (self.open, self.open_records, self.open_bytes) = (0, 0, 0);
    }

    /// Removes the oldest run and returns it.
    fn pop_run(&mut self) -> Option<Arc<Run>> {
        let run = self.runs.pop_front()?;
        self.bytes -= run.bytes();
        if self.open > self.runs.len() {
            self.open -= 1;
            self.open_records -= run.records().len();
            self.open_bytes -= run.bytes();
        }
        Some(run)
    }

    /// Returns the receive time of the newest evicted record.
    pub(super) fn evicted_until(&self) -> Option<Timestamp> {
        self.evicted_until
    }

    /// Returns the position from which the ring holds all records up to the tail.
    pub(super) fn start(&self) -> Sequence {
        self.start
    }

    /// Returns the memory of the records, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes records below `oldest`. A run is freed once all of its records are below.
    pub(super) fn trim(&mut self, oldest: Sequence) {
        while self.runs.front().is_some_and(|run| run.last().sequence() < oldest) {
            self.pop_run();
        }
        self.start = self.start.max(oldest);
    }

    /// Returns the position of the first record received at `time` or later. `None` if it may lie before the
    /// ring.
    pub(super) fn seek(&self, time: Timestamp) -> Option<Sequence> {
        let first = self.runs.front().and_then(|run| run.records().get(run.position(self.start)))?;
        if first.receive_time() >= time {
            return None;
        }
        let at = self.runs.partition_point(|run| run.last().receive_time() < time);
        Some(self.runs.get(at).map_or(self.end, |run| {
            let at = run.records().partition_point(|record| record.receive_time() < time);
            run.records()[at].sequence()
        }))
    }

    /// Returns a page from `from` upwards. `None` if `from` is before the ring's start.
    pub(super) fn read(&self, from: Sequence, max_records: usize) -> Option<Page> {
        if from < self.start {
            return None;
        }
        let at = self.runs.partition_point(|run| run.last().sequence() < from);
        let Some(run) = self.runs.get(at) else {
            return Some(PageBuilder::new(from, max_records).upwards(Some(self.end)));
        };
        let first = run.position(from);
        if self.runs.len() - at <= self.open && at + 1 < self.runs.len() {
            let mut page = PageBuilder::new(from, max_records);
            let mut records = self.runs.range(at..).flat_map(|run| run.records()).skip(first);
            let is_full = records.any(|record| !page.push(record.clone()));
            return Some(page.upwards((!is_full).then_some(self.end)));
        }
        let end = run.records().len().min(first.saturating_add(max_records.max(1)));
        let records = Records::part(run, first..end);
        let next = records.last().map_or(from, |last| last.sequence().next());
        Some(Page { records, next })
    }

    /// Returns a page below `before`, newest first. It ends at the ring's start. `None` if the ring has no
    /// record below `before`.
    pub(super) fn read_back(&self, before: Sequence, max_records: usize) -> Option<Page> {
        let end = self.runs.partition_point(|run| run.last().sequence() < before);
        let mut page = PageBuilder::new(before, max_records);
        let runs = self.runs.iter().take(end + 1).rev();
        let records = runs.flat_map(|run| run.records().iter().rev());
        let wanted = |record: &&Record| (self.start..before).contains(&record.sequence());
        for record in records.skip_while(|record| record.sequence() >= before).take_while(wanted) {
            if !page.push(record.clone()) {
                break;
            }
        }
        (!page.is_empty()).then(|| page.downwards())
    }
}

/// Builder of a page. Accepts records up to a page's bounds.
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

    /// Adds the record. Returns false if the page is full.
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

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Builds a page upwards. With `end`, the log has no more records below it, only holes.
    pub(super) fn upwards(self, end: Option<Sequence>) -> Page {
        let next = self.records.last().map_or(self.start, |last| last.sequence().next());
        Page { records: self.records.into(), next: end.map_or(next, |end| end.max(next)) }
    }

    /// Builds a page downwards. An empty page ends at the beginning of the log.
    pub(super) fn downwards(self) -> Page {
        let next = self.records.last().map_or(Sequence::FIRST, Record::sequence);
        Page { records: self.records.into(), next }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Epoch, RecordParts};

    fn record(sequence: u64, bytes: usize) -> Record {
        let stored = RecordParts::fixture(&vec![b'x'; bytes]).encode();
        // Two records at a time have the same receive time.
        Record::new(Epoch(1), Sequence(sequence), Timestamp(sequence as i64 / 2), stored)
    }

    fn sequences(page: Option<Page>) -> Option<Vec<u64>> {
        page.map(|page| page.records.iter().map(|record| record.sequence().0).collect())
    }

    /// Reads all records from `from` on, page by page.
    fn read_all(ring: &Ring, mut from: Sequence, max_records: usize) -> Option<Vec<u64>> {
        let mut all = Vec::new();
        while from < ring.end {
            let page = ring.read(from, max_records)?;
            assert!(page.next > from && page.records.len() <= max_records, "{page:?}");
            from = page.next;
            all.extend(sequences(Some(page))?);
        }
        Some(all)
    }

    #[derive(Debug, Clone)]
    enum Step {
        Extend(Vec<usize>),
        Trim(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            9 => prop::collection::vec(prop_oneof![9 => 0..100_usize, 1 => 0..9000_usize], 0..300)
                .prop_map(Step::Extend),
            1 => (0..50_usize).prop_map(Step::Trim),
        ];
        prop::collection::vec(step, 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Compares the ring with a plain list of sequences and times.
        #[test]
        fn the_ring_reads_like_a_list_for_any_division_into_runs(
            steps in steps(),
            max_bytes in prop_oneof![Just(1000_usize), Just(100_000), Just(10_000_000)],
            max_records in 1..300_usize,
        ) {
            let mut ring = Ring::new(max_bytes, Sequence::FIRST);
            let mut next = 1;
            for step in steps {
                match step {
                    Step::Extend(sizes) => {
                        let records: Vec<Record> =
                            sizes.iter().zip(next..).map(|(bytes, sequence)| record(sequence, *bytes)).collect();
                        next += records.len() as u64;
                        ring.extend(records);
                    }
                    Step::Trim(count) => ring.trim(Sequence((ring.start().0 + count as u64).min(next))),
                }
                let start = ring.start().0;
                let page_records = max_records.min(PAGE_RECORDS);
                prop_assert_eq!(ring.end.0, next);
                prop_assert!(ring.bytes() <= max_bytes || ring.runs.len() == 1);
                prop_assert!(ring.runs.iter().all(|run| run.records().len() <= PAGE_RECORDS));
                prop_assert_eq!(read_all(&ring, Sequence(start), page_records), Some((start..next).collect()));
                let middle = (start + next) / 2;
                prop_assert_eq!(
                    read_all(&ring, Sequence(middle), page_records),
                    Some((middle..next).collect())
                );
                prop_assert_eq!(ring.read(Sequence(start).previous(), 1).is_none(), true);
                let back = sequences(ring.read_back(Sequence(middle), 3)).unwrap_or_default();
                prop_assert_eq!(back, (start..middle).rev().take(3).collect::<Vec<_>>());
                for time in [0, start / 2, start / 2 + 1, middle / 2, next / 2, next] {
                    let first = (start..next).find(|sequence| sequence / 2 >= time);
                    // A position that is not after the first record may lie before the ring.
                    let expected = (start < next && first != Some(start)).then(|| first.unwrap_or(next));
                    prop_assert_eq!(ring.seek(Timestamp(time as i64)), expected.map(Sequence), "{}", time);
                }
            }
        }
    }

    #[test]
    fn records_appended_one_by_one_are_read_in_large_pages() {
        let mut ring = Ring::new(10_000_000, Sequence::FIRST);
        (1..=1000).for_each(|sequence| ring.push(record(sequence, 10)));
        for from in [1, 257, 513, 800] {
            let page = ring.read(Sequence(from), PAGE_RECORDS).unwrap();
            assert!(page.records.len() > 200, "{} from {from}", page.records.len());
        }
    }
}
