//! Runs of records: read once and shared by all who follow the log, together with
//! the messages that streams make of them.

use std::{
    ops::{Deref, Range},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use crate::event::{Record, Sequence};

/// Records that follow one another in a page. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records {
    run: Arc<Run>,
    range: Range<usize>,
}

impl Records {
    /// Some of a run.
    pub(super) fn part(run: &Arc<Run>, range: Range<usize>) -> Self {
        Self { run: Arc::clone(run), range }
    }

    /// Has messages kept that are made of them, as long as there is room; to be called
    /// before others have them.
    pub(super) fn keep_messages(&mut self, room: &Arc<Room>) {
        let run = Arc::get_mut(&mut self.run).expect("nobody else has them yet");
        run.room = Some(Arc::clone(room));
    }

    /// Memory of the run that they are of, in bytes, about.
    pub(super) fn memory(&self) -> usize {
        self.run.bytes
    }

    /// Returns the number of leading records that fit into `max_bytes`; at least 1 unless there are none.
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

    /// The messages of all of them, one behind the other. For records in memory they are
    /// made once for everybody, as long as there is room for them.
    pub fn messages(&self, include_raw_body: bool, encode: impl Fn(&[Record]) -> Messages) -> Bytes {
        match self.run.messages(include_raw_body, &encode) {
            Some(messages) => messages.of(&self.range),
            None => encode(self).bytes,
        }
    }
}

impl From<Vec<Record>> for Records {
    /// Records of one reader.
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

/// What records are to a stream's client: their messages, one behind the other.
#[derive(Debug, Default)]
pub struct Messages {
    /// All of them.
    pub bytes: Bytes,
    /// Where each of them ends.
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

/// Room for messages that are kept, in bytes.
#[derive(Debug)]
pub(super) struct Room(AtomicUsize);

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        let left = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Records in a row, at least one, and the messages that were made of them.
#[derive(Debug)]
pub(super) struct Run {
    records: Vec<Record>,
    /// Memory of the records, in bytes; their messages take less.
    bytes: usize,
    /// Without raw bodies, and with them.
    messages: [OnceLock<Messages>; 2],
    /// Where messages find room; `None`: they are not kept.
    room: Option<Arc<Room>>,
}

impl Run {
    pub(super) fn new(records: Vec<Record>, room: Option<Arc<Room>>) -> Self {
        let bytes = records.iter().map(Record::memory).sum();
        Self { records, bytes, messages: Default::default(), room }
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

    /// Where the first record from this position on is, if it is in the run.
    pub(super) fn position(&self, from: Sequence) -> usize {
        self.records.partition_point(|record| record.sequence() < from)
    }

    fn messages(&self, include_raw_body: bool, encode: impl Fn(&[Record]) -> Messages) -> Option<&Messages> {
        let kept = &self.messages[usize::from(include_raw_body)];
        if let Some(messages) = kept.get() {
            return Some(messages);
        }
        let room = self.room.as_ref().filter(|room| room.take(self.bytes))?;
        let mut unused = self.bytes;
        // Who comes meanwhile waits: it takes as long as making them once more.
        let messages = kept.get_or_init(|| {
            let messages = encode(&self.records);
            unused = self.bytes.saturating_sub(messages.memory());
            messages
        });
        room.give_back(unused);
        Some(messages)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            let kept = self.messages.iter().filter_map(OnceLock::get).map(|messages| messages.memory());
            room.give_back(kept.map(|bytes| bytes.min(self.bytes)).sum());
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

    /// A message of one byte for each record: its sequence.
    fn encode(records: &[Record]) -> Messages {
        let bytes: Vec<u8> = records.iter().map(|record| record.sequence().0 as u8).collect();
        Messages { bytes: bytes.into(), ends: (1..=records.len()).collect() }
    }

    fn run(room: &Arc<Room>) -> Arc<Run> {
        Arc::new(Run::new((1..=4).map(record).collect(), Some(Arc::clone(room))))
    }

    #[test]
    fn messages_are_made_once_for_all_who_read_a_run() {
        let room = Arc::new(Room::new(10_000));
        let run = run(&room);
        assert_eq!(Records::part(&run, 1..3).messages(false, encode), [2, 3].as_slice());
        let never = |_: &[Record]| -> Messages { panic!("they are there") };
        assert_eq!(Records::part(&run, 0..4).messages(false, never), [1, 2, 3, 4].as_slice());
        assert_eq!(Records::part(&run, 3..4).messages(false, never), [4].as_slice());
    }

    #[test]
    fn without_room_messages_are_made_for_the_one_who_reads() {
        let room = Arc::new(Room::new(0));
        let run = run(&room);
        for _ in 0..2 {
            let count = |records: &[Record]| {
                assert_eq!(records.len(), 2, "no more than are asked for");
                encode(records)
            };
            assert_eq!(Records::part(&run, 1..3).messages(true, count), [2, 3].as_slice());
        }
    }

    #[test]
    fn a_run_that_goes_gives_its_room_back() {
        let room = Arc::new(Room::new(10_000));
        let run = run(&room);
        Records::part(&run, 0..1).messages(false, encode);
        Records::part(&run, 0..1).messages(true, encode);
        assert!(room.0.load(Ordering::Relaxed) < 10_000);
        drop(run);
        assert_eq!(room.0.load(Ordering::Relaxed), 10_000);
    }

    #[test]
    fn records_are_taken_off_up_to_a_bound_but_one_at_least() {
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
