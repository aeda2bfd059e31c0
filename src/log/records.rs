//! Runs of records: read once and shared by all readers, together with the messages that streams encode from
//! them.

use std::{
    ops::{Deref, Range},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use crate::event::{Record, Sequence};

/// Consecutive records of a page. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records {
    run: Arc<Run>,
    range: Range<usize>,
}

impl Records {
    /// Returns a part of a run.
    pub(super) fn part(run: &Arc<Run>, range: Range<usize>) -> Self {
        Self { run: Arc::clone(run), range }
    }

    /// Caches the messages encoded from these records, within the budget. Call it before the records are
    /// shared.
    pub(super) fn cache_messages(&mut self, budget: &Arc<MessageBudget>) {
        let run = Arc::get_mut(&mut self.run).expect("the records are not shared yet");
        run.budget = Some(Arc::clone(budget));
    }

    /// Returns the approximate memory of the whole run, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.run.bytes
    }

    /// Returns the number of leading records that fit into `max_bytes`: at least 1, unless there are no
    /// records.
    pub fn fitting(&self, max_bytes: usize) -> usize {
        let mut bytes = 0;
        let fits = |record: &&Record| {
            bytes += record.stored().bytes().len();
            bytes <= max_bytes
        };
        self.iter().take_while(fits).count().max(1).min(self.len())
    }

    /// Removes the first `count` records and returns them.
    pub fn split_to(&mut self, count: usize) -> Self {
        let middle = self.range.start + count.min(self.len());
        let first = Self { run: Arc::clone(&self.run), range: self.range.start..middle };
        self.range.start = middle;
        first
    }

    /// Returns the messages of all records, concatenated. Records in memory are encoded once for all readers,
    /// as long as the cache's budget allows.
    pub fn messages(&self, include_raw_body: bool, encode: impl Fn(&[Record]) -> Messages) -> Bytes {
        match self.run.messages(include_raw_body, &encode) {
            Some(messages) => messages.of(&self.range),
            None => encode(self).bytes,
        }
    }
}

impl From<Vec<Record>> for Records {
    /// Creates records of one reader, without a message cache.
    fn from(records: Vec<Record>) -> Self {
        let range = 0..records.len();
        Self { run: Arc::new(Run::new(records, None)), range }
    }
}

impl Deref for Records {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        &self.run.records[self.range.clone()]
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = &'a Record;
    type IntoIter = std::slice::Iter<'a, Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Encoded messages of records for a stream's client, concatenated.
#[derive(Debug, Default)]
pub struct Messages {
    /// The encoded messages.
    pub bytes: Bytes,
    /// End of each message in `bytes`.
    pub ends: Vec<usize>,
}

impl Messages {
    fn of(&self, range: &Range<usize>) -> Bytes {
        let end = |count: usize| count.checked_sub(1).map_or(0, |last| self.ends[last]);
        self.bytes.slice(end(range.start)..end(range.end))
    }

    fn memory(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.ends)
    }
}

/// Memory budget of cached messages, in bytes.
#[derive(Debug)]
pub(super) struct MessageBudget(AtomicUsize);

impl MessageBudget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn reserve(&self, bytes: usize) -> bool {
        let left = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    fn release(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Consecutive records, at least one, and the messages encoded from them.
#[derive(Debug)]
pub(super) struct Run {
    records: Vec<Record>,
    /// Memory of the records, in bytes. Their messages take less.
    bytes: usize,
    /// Cached messages without raw bodies, and with them.
    messages: [OnceLock<Messages>; 2],
    /// Budget of cached messages. `None`: they are not cached.
    budget: Option<Arc<MessageBudget>>,
}

impl Run {
    pub(super) fn new(records: Vec<Record>, budget: Option<Arc<MessageBudget>>) -> Self {
        let bytes = records.iter().map(Record::memory).sum();
        Self { records, bytes, messages: Default::default(), budget }
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn last(&self) -> &Record {
        self.records.last().expect("a run has a record")
    }

    /// Returns the index of the first record at this position or later. The run's length if there is none.
    pub(super) fn position(&self, from: Sequence) -> usize {
        self.records.partition_point(|record| record.sequence() < from)
    }

    fn messages(&self, include_raw_body: bool, encode: impl Fn(&[Record]) -> Messages) -> Option<&Messages> {
        let cached = &self.messages[usize::from(include_raw_body)];
        if let Some(messages) = cached.get() {
            return Some(messages);
        }
        let budget = self.budget.as_ref().filter(|budget| budget.reserve(self.bytes))?;
        let mut unused = self.bytes;
        // Concurrent readers wait: encoding the messages themselves would take as long.
        let messages = cached.get_or_init(|| {
            let messages = encode(&self.records);
            unused = self.bytes.saturating_sub(messages.memory());
            messages
        });
        budget.release(unused);
        Some(messages)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            let cached = self.messages.iter().filter_map(OnceLock::get).map(|messages| messages.memory());
            budget.release(cached.map(|bytes| bytes.min(self.bytes)).sum());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Epoch, RecordParts, Timestamp};

    fn record(sequence: u64) -> Record {
        let stored = RecordParts { status: crate::proto::DecodeStatus::Typed, ..RecordParts::fixture(b"{}") };
        Record::new(Epoch(1), Sequence(sequence), Timestamp(1), stored.encode())
    }

    /// Encodes each record as one byte: its sequence.
    fn encode(records: &[Record]) -> Messages {
        let bytes: Vec<u8> = records.iter().map(|record| record.sequence().0 as u8).collect();
        Messages { bytes: bytes.into(), ends: (1..=records.len()).collect() }
    }

    fn run(budget: &Arc<MessageBudget>) -> Arc<Run> {
        Arc::new(Run::new((1..=4).map(record).collect(), Some(Arc::clone(budget))))
    }

    #[test]
    fn messages_are_encoded_once_for_all_readers_of_a_run() {
        let budget = Arc::new(MessageBudget::new(10_000));
        let run = run(&budget);
        assert_eq!(Records::part(&run, 1..3).messages(false, encode), [2, 3].as_slice());
        let never = |_: &[Record]| -> Messages { panic!("the messages are cached") };
        assert_eq!(Records::part(&run, 0..4).messages(false, never), [1, 2, 3, 4].as_slice());
        assert_eq!(Records::part(&run, 3..4).messages(false, never), [4].as_slice());
    }

    #[test]
    fn messages_are_encoded_for_each_reader_once_the_budget_is_spent() {
        let budget = Arc::new(MessageBudget::new(0));
        let run = run(&budget);
        for _ in 0..2 {
            let count = |records: &[Record]| {
                assert_eq!(records.len(), 2, "no more than the reader requests");
                encode(records)
            };
            assert_eq!(Records::part(&run, 1..3).messages(true, count), [2, 3].as_slice());
        }
    }

    #[test]
    fn a_dropped_run_releases_its_budget() {
        let budget = Arc::new(MessageBudget::new(10_000));
        let run = run(&budget);
        Records::part(&run, 0..1).messages(false, encode);
        Records::part(&run, 0..1).messages(true, encode);
        assert!(budget.0.load(Ordering::Relaxed) < 10_000);
        drop(run);
        assert_eq!(budget.0.load(Ordering::Relaxed), 10_000);
    }

    #[test]
    fn records_are_split_off_up_to_a_bound_but_at_least_one() {
        let mut records = Records::from((1..=4).map(record).collect::<Vec<_>>());
        let each = records[0].stored().bytes().len();
        let sequences = |records: &Records| records.iter().map(|r| r.sequence().0).collect::<Vec<_>>();
        let mut take = |max_bytes| {
            let count = records.fitting(max_bytes);
            sequences(&records.split_to(count))
        };
        assert_eq!(take(2 * each), [1, 2]);
        assert_eq!(take(0), [3]);
        assert_eq!(take(usize::MAX), [4]);
        assert!(take(1).is_empty());
    }
}
