mod faults;

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, time::Duration};

use proptest::{collection::vec, prelude::*, sample::subsequence};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    time::{Instant, interval, timeout},
};

use super::{file::Fault, *};
use crate::{
    event::{NameSet, RecordParts},
    log::{
        Cause, EventLog, Hole, NewRecord, PAGE_RECORDS,
        conformance::read_past_holes,
        disk::{DiskLog, DiskOptions},
    },
};

/// Timeout of each wait. Longer than any operation here takes: a test that reaches it hangs.
const HANG: Duration = Duration::from_secs(30);
/// Limits for small segments, so that a few records make several.
const SMALL: Limits = Limits { span: 8, entries: 1000, bytes: 1 << 20 };
/// Name that is too long for a name list. The list is then flagged as cut.
const LONG: &str = {
    const BYTES: [u8; 256] = [b'x'; 256];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    }
};

fn stored(command: &str, accounts: &[&str], group_ids: &[&str]) -> StoredRecord {
    let names = |names: &[&str]| {
        let mut set = NameSet::default();
        names.iter().for_each(|name| set.insert(name));
        set
    };
    let (accounts, group_ids) = (&names(accounts), &names(group_ids));
    RecordParts { command, accounts, group_ids, ..RecordParts::fixture(b"{}") }.encode()
}

fn fits(record: &Record, terms: &Terms) -> bool {
    fn has<'a>(mut names: impl Iterator<Item = &'a str>, wanted: &[String]) -> bool {
        names.any(|name| wanted.iter().any(|wanted| wanted == name))
    }
    let stored = record.stored();
    match terms {
        Terms::Accounts(wanted) => stored.accounts_cut() || has(stored.accounts(), wanted),
        Terms::GroupIds(wanted) => stored.group_ids_cut() || has(stored.group_ids(), wanted),
        Terms::Commands(wanted) => has([stored.command()].into_iter(), wanted),
    }
}

fn accounts(names: &[&str]) -> Terms {
    Terms::Accounts(names.iter().map(ToString::to_string).collect())
}

fn data_dir(dir: &TempDir) -> PathBuf {
    dir.path().join("data")
}

fn file(dir: &TempDir) -> PathBuf {
    data_dir(dir).join(FILE_NAME)
}

fn sqlite(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

/// Log whose indexer runs only when a test steps it.
struct Indexed {
    log: DiskLog,
    indexer: Indexer,
    _stop: Stop,
}

impl Indexed {
    fn open(dir: &TempDir, limits: Limits) -> Self {
        let options = DiskOptions::new(data_dir(dir), 0);
        let (log, indexer) = DiskLog::open_unindexed(options, limits).unwrap();
        let (indexer, _stop) = indexer.unwrap();
        Self { log, indexer, _stop }
    }

    /// Runs the indexer up to the log's end.
    fn index(&mut self) {
        while self.indexer.step().unwrap() {}
        assert_eq!(self.end(), Some(self.log.tail().borrow().end));
    }

    /// Rebuilds the index after its expected fault, and returns the reason.
    fn rebuild(&mut self) -> String {
        let Err(Fault::Unusable(reason)) = self.indexer.step() else {
            panic!("the indexer accepts the faulty file")
        };
        self.indexer.discard_file().unwrap();
        assert_eq!(self.end(), None);
        self.index();
        reason
    }

    fn end(&self) -> Option<Sequence> {
        self.log.index.as_ref().unwrap().end()
    }

    fn segments(&self) -> Vec<Segment> {
        self.log.index.as_ref().unwrap().with_state(|state| state.segments.to_vec()).unwrap()
    }

    async fn close(mut self) {
        self.indexer.close();
        drop(self.indexer);
        self.log.close().await;
    }
}

async fn append(log: &DiskLog, records: impl IntoIterator<Item = StoredRecord>) {
    let append = |stored| log.append(NewRecord { stored, deadline: Instant::now() + HANG, permit: None });
    let appending: Vec<_> = records.into_iter().map(append).collect();
    for appending in appending {
        timeout(HANG, appending).await.unwrap().unwrap();
    }
}

/// Appends `count` records. Record n names two accounts: n modulo 10, and `n` followed by n.
async fn append_numbered(log: &DiskLog, count: usize) {
    let record = |n: usize| stored("A.B", &[&(n % 10).to_string(), &format!("n{n}")], &[]);
    append(log, (0..count).map(record)).await;
}

async fn page(log: &DiskLog, terms: &Terms, position: Sequence, order: Order, max: usize) -> Page {
    timeout(HANG, log.search(terms, position, order, max)).await.unwrap().unwrap()
}

/// Returns the records of a whole search. Panics if the search fails.
async fn given(log: &DiskLog, terms: &Terms, order: Order, page_size: usize) -> Vec<Record> {
    search(log, terms, order, page_size).await.unwrap()
}

/// Runs a whole search, page by page.
async fn search(
    log: &DiskLog,
    terms: &Terms,
    order: Order,
    page_size: usize,
) -> Result<Vec<Record>, ReadError> {
    let (oldest, end) = (log.oldest(), log.tail().borrow().end);
    let mut position = if order == Order::OldestFirst { oldest } else { end };
    let mut given = Vec::new();
    loop {
        let page = timeout(HANG, log.search(terms, position, order, page_size)).await.unwrap();
        let Page { records, next } = match page {
            // Skip the hole, as readers do.
            Err(ReadError::Hole(hole)) => {
                let next = match order {
                    Order::OldestFirst => hole.last.next(),
                    Order::NewestFirst => hole.first,
                };
                Page { records: Vec::new().into(), next }
            }
            page => page?,
        };
        assert!(records.len() <= page_size);
        for record in &records {
            let range = if order == Order::OldestFirst { position..next } else { next..position };
            assert!(range.contains(&record.sequence()), "{} is outside of {range:?}", record.sequence());
        }
        let is_last = match order {
            Order::OldestFirst => next >= end,
            Order::NewestFirst => next <= oldest,
        };
        given.extend(records.iter().cloned());
        if is_last {
            return Ok(given);
        }
        assert_ne!(next, position, "each page makes progress");
        position = next;
    }
}

fn sequences(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.sequence().0).collect()
}

/// Searches in both orders, and compares the results with a read of the whole log. Returns the matching
/// sequences.
async fn found(log: &DiskLog, terms: &Terms, page_size: usize) -> Vec<u64> {
    let (mut records, _) = read_past_holes(log, log.oldest()).await;
    records.retain(|record| fits(record, terms));
    let mut expected = sequences(&records);
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut given = given(log, terms, order, page_size).await;
        given.retain(|record| fits(record, terms));
        assert_eq!(sequences(&given), expected, "{order:?}");
        expected.reverse();
    }
    expected
}

/// Like [`found`], and checks that the search returned no other record.
async fn found_by_index(log: &DiskLog, terms: &Terms, page_size: usize) -> Vec<u64> {
    let expected = found(log, terms, page_size).await;
    let mut oldest_first = sequences(&given(log, terms, Order::OldestFirst, page_size).await);
    assert_eq!(oldest_first, expected);
    oldest_first.reverse();
    assert_eq!(sequences(&given(log, terms, Order::NewestFirst, page_size).await), oldest_first);
    expected
}

#[tokio::test]
async fn a_search_returns_the_matching_records_only() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 100).await;
    append(&indexed.log, [stored("A.C", &["a"], &["g", "h"]), stored("A.C", &["g"], &["a", "7"])]).await;
    indexed.index();
    assert_eq!(indexed.segments().len(), 12, "102 records, 8 in each");
    for page_size in [1, 3, 10, PAGE_RECORDS] {
        let found = async |terms: Terms| found_by_index(&indexed.log, &terms, page_size).await;
        assert_eq!(found(accounts(&["n41"])).await, [42]);
        assert_eq!(found(accounts(&["7"])).await, [8, 18, 28, 38, 48, 58, 68, 78, 88, 98]);
        assert_eq!(found(accounts(&["7", "n42", "n7", "7"])).await.len(), 11);
        assert_eq!(found(accounts(&["a"])).await, [101], "not the group of the same name");
        assert!(found(accounts(&["nobody"])).await.is_empty());
        assert!(found(accounts(&[])).await.is_empty());
        assert_eq!(found(Terms::GroupIds(vec!["a".to_owned(), "h".to_owned()])).await, [101, 102]);
        assert_eq!(found(Terms::Commands(vec!["A.C".to_owned()])).await, [101, 102]);
        assert_eq!(found(Terms::Commands(vec!["A.B".to_owned()])).await.len(), 100);
    }
}

#[tokio::test]
async fn a_full_page_has_as_many_records_as_requested() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 100).await;
    indexed.index();
    let seven = accounts(&["7"]);
    let up = page(&indexed.log, &seven, Sequence(9), Order::OldestFirst, 3).await;
    assert_eq!((sequences(&up.records), up.next), (vec![18, 28, 38], Sequence(39)));
    let down = page(&indexed.log, &seven, Sequence(98), Order::NewestFirst, 3).await;
    assert_eq!((sequences(&down.records), down.next), (vec![88, 78, 68], Sequence(68)));
    let last = page(&indexed.log, &seven, Sequence(9), Order::NewestFirst, 3).await;
    assert_eq!((sequences(&last.records), last.next), (vec![8], Sequence::FIRST));
    let none = page(&indexed.log, &seven, Sequence(8), Order::NewestFirst, 3).await;
    assert_eq!((none.records.len(), none.next), (0, Sequence::FIRST));
}

/// Accounts, groups and command of a record, as indices of names. The name with index 4 makes its list cut.
type Names = (Vec<usize>, Vec<usize>, usize);

const ACCOUNTS: [&str; 5] = ["a", "b", "c", "d", LONG];
const GROUP_IDS: [&str; 5] = ["a", "@TGS#1", "c", "e", LONG];
const COMMANDS: [&str; 3] = ["a", "Sns.CallbackFriendAdd", "c"];

fn any_names() -> impl Strategy<Value = Names> {
    // Cut lists are rare, because they match every search.
    let list = || prop_oneof![8 => subsequence(vec![0, 1, 2, 3], 0..3), 1 => Just(vec![4])];
    (list(), list(), 0..3_usize)
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let names = |names: &'static [&'static str]| {
        let names = names.iter().map(ToString::to_string).chain(["nobody".to_owned()]).collect::<Vec<_>>();
        subsequence(names, 1..3)
    };
    prop_oneof![
        names(&ACCOUNTS[..4]).prop_map(Terms::Accounts),
        names(&GROUP_IDS[..4]).prop_map(Terms::GroupIds),
        names(&COMMANDS).prop_map(Terms::Commands),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// For any stored, trimmed and deleted records, and any progress of the indexer.
    #[test]
    fn a_search_finds_what_reading_everything_finds(
        before in vec(any_names(), 0..60),
        after in vec(any_names(), 0..30),
        span in 1..20_u64,
        entries in 5..60_usize,
        steps in [0..12_usize, 0..12, 0..12],
        trimmed in 0..40_u64,
        holes in vec(1..60_u64, 0..4),
        terms in vec(any_terms(), 1..4),
        page_size in 1..20_usize,
    ) {
        let limits = Limits { span, entries, bytes: 1 << 20 };
        let record = |(accounts, group_ids, command): &Names| {
            let names = |all: [&'static str; 5], picked: &[usize]| picked.iter().map(|&n| all[n]).collect::<Vec<_>>();
            stored(COMMANDS[*command], &names(ACCOUNTS, accounts), &names(GROUP_IDS, group_ids))
        };
        let dir = TempDir::new().unwrap();
        Runtime::new().unwrap().block_on(async {
            let mut indexed = Indexed::open(&dir, limits);
            append(&indexed.log, before.iter().map(record)).await;
            for steps in steps[..2].iter() {
                for _ in 0..*steps {
                    indexed.indexer.step().unwrap();
                }
                for terms in &terms {
                    found(&indexed.log, terms, page_size).await;
                }
            }
            indexed.close().await;
            let store = sqlite(&data_dir(&dir).join("events.db"));
            store.execute("DELETE FROM record WHERE sequence <= ?1", [trimmed.cast_signed()]).unwrap();
            for hole in holes {
                store.execute("DELETE FROM record WHERE sequence = ?1", [hole.cast_signed()]).unwrap();
            }
            drop(store);

            let mut indexed = Indexed::open(&dir, limits);
            append(&indexed.log, after.iter().map(record)).await;
            for _ in 0..steps[2] {
                if let Err(Fault::Unusable(_)) = indexed.indexer.step() {
                    indexed.indexer.discard_file().unwrap();
                }
            }
            for terms in &terms {
                found(&indexed.log, terms, page_size).await;
            }
            while indexed.end() != Some(indexed.log.tail().borrow().end) {
                if let Err(Fault::Unusable(_)) = indexed.indexer.step() {
                    indexed.indexer.discard_file().unwrap();
                }
            }
            for terms in &terms {
                found(&indexed.log, terms, page_size).await;
            }
        });
    }
}

#[tokio::test]
async fn records_with_cut_lists_are_always_returned() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    let many: Vec<String> = (0..300).map(|n| format!("m{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    append_numbered(&indexed.log, 20).await;
    append(&indexed.log, [stored("A.B", &many, &[]), stored("A.B", &[], &[LONG])]).await;
    append_numbered(&indexed.log, 20).await;
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["nobody"]), 10).await, [21]);
    assert_eq!(found_by_index(&indexed.log, &Terms::GroupIds(vec!["none".to_owned()]), 10).await, [22]);
}

#[tokio::test]
async fn names_with_the_same_hash_are_both_found() {
    let mut seen = std::collections::HashMap::new();
    let (one, other) = (0..)
        .find_map(|n| {
            // Spread the names out: similar names have different CRCs.
            let name = format!("{:016x}", u64::wrapping_mul(n, 0x9e37_79b9_7f4a_7c15));
            seen.insert(term(TermKind::Account, &name), name.clone()).map(|before| (before, name))
        })
        .unwrap();
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    let records = (0..40).map(|n| match n {
        13 | 30 => stored("A.B", &[&one], &[]),
        21 | 31 => stored("A.B", &[&other], &[]),
        _ => stored("A.B", &["x"], &[]),
    });
    append(&indexed.log, records).await;
    indexed.index();
    assert_eq!(found(&indexed.log, &accounts(&[&one]), 1).await, [14, 31]);
    assert_eq!(found(&indexed.log, &accounts(&[&other]), 1).await, [22, 32]);
    let given = given(&indexed.log, &accounts(&[&one]), Order::OldestFirst, 10).await;
    assert_eq!(sequences(&given), [14, 22, 31, 32], "the caller filters out the others");
}

#[tokio::test]
async fn an_unreadable_record_is_an_error_with_an_index_too() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 40).await;
    indexed.close().await;
    let store = sqlite(&data_dir(&dir).join("events.db"));
    store.execute("UPDATE record SET record = x'01' WHERE sequence = 20", []).unwrap();
    drop(store);
    indexed = Indexed::open(&dir, SMALL);
    indexed.index();
    let kinds = [accounts(&["7"]), Terms::GroupIds(Vec::new()), Terms::Commands(vec!["X".to_owned()])];
    for terms in kinds {
        for (position, order) in [(20, Order::OldestFirst), (21, Order::NewestFirst)] {
            let error = indexed.log.search(&terms, Sequence(position), order, 10).await.unwrap_err();
            assert_eq!(error, ReadError::Hole(Hole::one(Sequence(20), Cause::Damaged)));
        }
    }
    let before = page(&indexed.log, &accounts(&["7"]), Sequence::FIRST, Order::OldestFirst, 10).await;
    assert_eq!(
        (sequences(&before.records), before.next),
        (vec![8, 18], Sequence(20)),
        "the records before it"
    );
    assert_eq!(
        sequences(&page(&indexed.log, &accounts(&["7"]), Sequence(21), Order::OldestFirst, 10).await.records),
        [28, 38],
        "the records after it"
    );
}

#[tokio::test]
async fn a_segment_is_bounded_in_entries_and_in_bytes() {
    let bytes = stored("A.B", &["0", "n0"], &[]).bytes().len();
    let limits = [
        (Limits { span: 1 << 16, entries: 9, bytes: 1 << 20 }, 3),
        (Limits { span: 1 << 16, entries: 1 << 19, bytes: 4 * bytes }, 4),
        (Limits { span: 5, entries: 1 << 19, bytes: 1 << 20 }, 5),
    ];
    for (limits, records) in limits {
        let dir = TempDir::new().unwrap();
        let mut indexed = Indexed::open(&dir, limits);
        append_numbered(&indexed.log, 10).await;
        indexed.index();
        let segments = indexed.segments();
        let all_full = segments.iter().all(|segment| segment.end.0 - segment.first.0 == records);
        assert!(all_full && segments.len() as u64 == 10 / records, "{segments:?}");
        assert_eq!(found_by_index(&indexed.log, &accounts(&["n9", "n0"]), 10).await, [1, 10]);
    }
}

#[tokio::test]
async fn a_search_of_many_terms_in_many_segments_takes_several_pages() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, Limits { span: 3, ..SMALL });
    append_numbered(&indexed.log, 151).await;
    indexed.index();
    assert_eq!(
        (indexed.segments().len(), indexed.end()),
        (50, Some(Sequence(152))),
        "50 segments, and one record in the open segment"
    );
    let unknown: Vec<String> = (0..100).map(|n| format!("unknown{n}")).collect();
    // Any position of the record, including the end of the first page.
    for n in 0..151 {
        let terms = Terms::Accounts([unknown.clone(), vec![format!("n{n}")]].concat());
        assert_eq!(found_by_index(&indexed.log, &terms, 10).await, [n + 1]);
    }
    let terms = Terms::Accounts(unknown);
    let down = page(&indexed.log, &terms, Sequence(152), Order::NewestFirst, 10).await;
    assert!(down.records.is_empty() && down.next > Sequence(20), "{down:?}");
    let up = page(&indexed.log, &terms, Sequence(2), Order::OldestFirst, 10).await;
    assert!(up.records.is_empty() && up.next < Sequence(140), "{up:?}");
}

#[tokio::test]
async fn a_restarted_indexer_continues_after_its_last_segment() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 50).await;
    indexed.index();
    let segments = indexed.segments();
    indexed.close().await;
    indexed = Indexed::open(&dir, SMALL);
    assert_eq!(indexed.end(), None);
    assert_eq!(found(&indexed.log, &accounts(&["7"]), 2).await.len(), 5);
    indexed.indexer.step().unwrap();
    assert_eq!((indexed.segments(), indexed.end()), (segments, Some(Sequence(49))));
    append_numbered(&indexed.log, 50).await;
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["n7"]), 2).await, [8, 58]);
}

#[tokio::test]
async fn segments_below_the_oldest_record_are_deleted() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 100).await;
    indexed.index();
    indexed.close().await;
    let store = sqlite(&data_dir(&dir).join("events.db"));
    store.execute("DELETE FROM record WHERE sequence < 44", []).unwrap();
    drop(store);
    indexed = Indexed::open(&dir, SMALL);
    indexed.index();
    assert_eq!(indexed.segments().first().map(|segment| segment.first), Some(Sequence(41)));
    let lowest: i64 =
        sqlite(&file(&dir)).query_row("SELECT min(id) >> 32 FROM entry", [], |row| row.get(0)).unwrap();
    assert_eq!(lowest, i64::from(indexed.segments()[0].number));
    let found = found_by_index(&indexed.log, &accounts(&["2", "7"]), 3).await;
    assert_eq!(found[..2], [48, 53][..], "43 has this account, too, but was trimmed: {found:?}");
    let trimmed = indexed.log.search(&accounts(&["7"]), Sequence(43), Order::OldestFirst, 10).await;
    assert_eq!(trimmed.unwrap_err(), ReadError::Trimmed { oldest: Sequence(44) });

    // Now trim the whole log.
    indexed.close().await;
    let store = sqlite(&data_dir(&dir).join("events.db"));
    store.execute("DELETE FROM record", []).unwrap();
    drop(store);
    indexed = Indexed::open(&dir, SMALL);
    assert!(indexed.rebuild().contains("last record"));
    append_numbered(&indexed.log, 20).await;
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await, [108, 118]);
}

#[tokio::test]
async fn an_indexer_overtaken_by_trimming_continues_at_the_oldest_record() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 100).await;
    for _ in 0..4 {
        indexed.indexer.step().unwrap();
    }
    assert!(indexed.end().unwrap() < Sequence(30));
    // Trim while the log runs, as retention does.
    let store = sqlite(&data_dir(&dir).join("events.db"));
    store.execute("DELETE FROM record WHERE sequence < 60", []).unwrap();
    indexed.log.set_oldest(Sequence(60));
    indexed.index();
    assert_eq!(indexed.segments()[0].first, Sequence(60));
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await, [68, 78, 88, 98]);
}

/// Waits until the running indexer of a log has reached the log's end.
async fn indexed_to_the_end(log: &DiskLog) {
    let mut look = interval(Duration::from_millis(5));
    let caught_up = async {
        while log.usage().await.unwrap().index_end != Some(log.tail().borrow().end) {
            look.tick().await;
        }
    };
    timeout(HANG, caught_up).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_follows_the_log_by_itself() {
    let dir = TempDir::new().unwrap();
    let open = || DiskLog::open(DiskOptions::new(data_dir(&dir), 1 << 20)).unwrap();
    let mut log = open();
    for times in 1..=3 {
        append_numbered(&log, 1000).await;
        indexed_to_the_end(&log).await;
        assert_eq!(found_by_index(&log, &accounts(&["n7"]), 10).await.len(), times);
    }
    let mode = fs::metadata(file(&dir)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let index_bytes = fs::metadata(file(&dir)).unwrap().len();
    assert!(log.usage().await.unwrap().bytes > index_bytes);
    timeout(HANG, log.close()).await.unwrap();

    // Start with a file that is not a database.
    fs::write(file(&dir), "this is not a database, and long enough to have no valid header".repeat(100))
        .unwrap();
    log = open();
    append_numbered(&log, 1000).await;
    indexed_to_the_end(&log).await;
    assert_eq!(found_by_index(&log, &accounts(&["n7"]), 10).await.len(), 4);
    timeout(HANG, log.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_are_complete_while_the_index_is_built_and_trimmed() {
    let dir = TempDir::new().unwrap();
    let Indexed { log, indexer, _stop } = Indexed::open(&dir, SMALL);
    let indexer = indexer.spawn(_stop).unwrap();
    let expected = BTreeSet::from_iter((0..40).map(|times| times * 100 + 8));
    let writer = async {
        let store = sqlite(&data_dir(&dir).join("events.db"));
        store.busy_timeout(HANG).unwrap();
        for times in 1..=40 {
            append_numbered(&log, 100).await;
            if times % 8 == 0 {
                let oldest = Sequence(times * 50 + 3);
                store.execute("DELETE FROM record WHERE sequence < ?1", [oldest.0.cast_signed()]).unwrap();
                log.set_oldest(oldest);
            }
        }
    };
    let searcher = async {
        let seven = accounts(&["n7"]);
        let mut end = Sequence(0);
        while end <= Sequence(4000) {
            end = log.tail().borrow().end;
            for order in [Order::OldestFirst, Order::NewestFirst] {
                let given = search(&log, &seven, order, 3).await;
                let oldest = log.oldest();
                match given {
                    Ok(mut given) => {
                        given.retain(|record| fits(record, &seven));
                        let given = BTreeSet::from_iter(sequences(&given));
                        // Trimming may have moved the oldest record during the search.
                        let stored = expected.iter().filter(|&&at| oldest.0 <= at && at < end.0).copied();
                        let stored = BTreeSet::from_iter(stored);
                        assert!(given.is_superset(&stored), "{order:?} misses {:?}", &stored - &given);
                    }
                    Err(error) => assert!(matches!(error, ReadError::Trimmed { .. }), "{error}"),
                }
            }
        }
    };
    tokio::join!(writer, searcher);
    indexed_to_the_end(&log).await;
    let found = found_by_index(&log, &accounts(&["n7"]), 3).await;
    assert_eq!(found, Vec::from_iter(expected.range(log.oldest().0..).copied()));
    let stopped = indexer.stop().join();
    assert!(timeout(HANG, stopped).await.unwrap());
}
