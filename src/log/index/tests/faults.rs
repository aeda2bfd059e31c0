//! Tests that searches stay complete with an index that is missing, damaged, foreign or not writable.

use super::*;

/// Checks that an unusable index is rebuilt, and that searches read the log meanwhile.
async fn assert_rebuilt(dir: &TempDir, reason: &str) {
    let mut indexed = Indexed::open(dir, SMALL);
    let seven = found(&indexed.log, &accounts(&["7"]), 3).await;
    assert!(!seven.is_empty());
    let told = indexed.rebuild();
    assert!(told.contains(reason), "{told}");
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await, seven);
    indexed.close().await;
}

async fn an_indexed_log(dir: &TempDir) {
    let mut indexed = Indexed::open(dir, SMALL);
    append_numbered(&indexed.log, 100).await;
    indexed.index();
    indexed.close().await;
}

#[tokio::test]
async fn a_missing_index_is_built() {
    let dir = TempDir::new().unwrap();
    an_indexed_log(&dir).await;
    fs::remove_file(file(&dir)).unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    indexed.indexer.step().unwrap();
    assert_eq!(indexed.end(), Some(Sequence::FIRST), "from the beginning");
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);
}

#[tokio::test]
async fn a_shortened_or_overwritten_index_is_rebuilt() {
    let dir = TempDir::new().unwrap();
    an_indexed_log(&dir).await;
    let whole = fs::read(file(&dir)).unwrap();
    for len in [whole.len() / 2, 4096, 4000, 100, 7] {
        fs::write(file(&dir), &whole[..len]).unwrap();
        assert_rebuilt(&dir, "").await;
    }
    let garbage: Vec<u8> = (0..whole.len()).map(|n| (n * 31 % 251) as u8).collect();
    fs::write(file(&dir), garbage).unwrap();
    assert_rebuilt(&dir, "not a database").await;
}

#[tokio::test]
async fn an_index_of_another_log_or_format_is_rebuilt() {
    let dir = TempDir::new().unwrap();
    an_indexed_log(&dir).await;
    sqlite(&file(&dir)).execute_batch("PRAGMA user_version = 2").unwrap();
    assert_rebuilt(&dir, "format 2").await;
    let store = sqlite(&data_dir(&dir).join("events.db"));
    store.execute("UPDATE meta SET value = value + 1 WHERE name = 'epoch'", []).unwrap();
    drop(store);
    assert_rebuilt(&dir, "another log").await;
}

#[tokio::test]
async fn an_older_copy_of_the_index_is_continued() {
    let dir = TempDir::new().unwrap();
    an_indexed_log(&dir).await;
    let copy = fs::read(file(&dir)).unwrap();
    an_indexed_log(&dir).await;
    fs::write(file(&dir), copy).unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    indexed.indexer.step().unwrap();
    assert_eq!(indexed.end(), Some(Sequence(97)));
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["n7"]), 3).await, [8, 108]);
}

#[tokio::test]
async fn an_index_ahead_of_a_restored_store_is_rebuilt() {
    let dir = TempDir::new().unwrap();
    an_indexed_log(&dir).await;
    let store = data_dir(&dir).join("events.db");
    let backup = fs::read(&store).unwrap();
    // With `events.end`, the start would skip the lost sequences.
    let restore = || {
        fs::write(&store, &backup).unwrap();
        fs::remove_file(data_dir(&dir).join("events.end")).unwrap();
    };
    an_indexed_log(&dir).await;
    restore();
    assert_rebuilt(&dir, "ahead of the log").await;

    // The restored store has grown beyond the index's end, with other events, while the index was disabled.
    an_indexed_log(&dir).await;
    restore();
    let options = DiskOptions { index: false, ..DiskOptions::new(data_dir(&dir), 0) };
    let log = DiskLog::open(options).unwrap();
    assert_eq!(log.usage().await.unwrap().index_end, None);
    append(&log, (0..200).map(|_| stored("A.C", &["7"], &[]))).await;
    log.close().await;
    assert_rebuilt(&dir, "last record").await;
}

#[tokio::test]
async fn a_file_of_another_program_is_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(data_dir(&dir)).unwrap();
    sqlite(&file(&dir)).execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 20).await;
    let Err(Fault::Transient(error)) = indexed.indexer.step() else {
        panic!("the indexer accepts a foreign file")
    };
    assert!(error.contains("move it away"), "{error}");
    assert_eq!(found(&indexed.log, &accounts(&["7"]), 3).await, [8, 18]);
    let theirs: i64 = sqlite(&file(&dir)).query_row("SELECT x FROM theirs", [], |row| row.get(0)).unwrap();
    assert_eq!(theirs, 1);
}

/// Change to the bytes of a file.
type Damage = Box<dyn Fn(&mut Vec<u8>)>;

/// Returns damages for a file of `len` bytes: zeroed, swapped and garbled pages, and flipped bits.
fn damages(len: usize) -> Vec<Damage> {
    const PAGE: usize = 4096;
    let mut damages: Vec<Damage> = Vec::new();
    for start in (0..len).step_by(PAGE) {
        damages.push(Box::new(move |bytes| bytes[start..][..PAGE].fill(0)));
        damages.push(Box::new(move |bytes| {
            let other = (start + 2 * PAGE) % len;
            for at in 0..PAGE {
                bytes.swap(start + at, other + at);
            }
        }));
        damages.push(Box::new(move |bytes| bytes[start + PAGE - 500..][..64].fill(0xa5)));
    }
    let mut at = 1_u64;
    for _ in 0..30 {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bit = usize::try_from(at >> 33).unwrap() % (len * 8);
        damages.push(Box::new(move |bytes| bytes[bit / 8] ^= 1 << (bit % 8)));
    }
    damages
}

#[tokio::test]
async fn searches_are_complete_with_any_damage_to_the_index() {
    let dir = TempDir::new().unwrap();
    an_indexed_log(&dir).await;
    let whole = fs::read(file(&dir)).unwrap();
    let mut rebuilt = 0;
    for damage in damages(whole.len()) {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(file(&dir), bytes).unwrap();
        let mut indexed = Indexed::open(&dir, SMALL);
        for _ in 0..3 {
            for terms in [accounts(&["7", "n41"]), Terms::Commands(vec!["A.B".to_owned()])] {
                found(&indexed.log, &terms, 3).await;
            }
            if let Err(fault) = indexed.indexer.step() {
                assert!(matches!(fault, Fault::Unusable(_)), "{fault:?}");
                indexed.indexer.discard_file().unwrap();
                rebuilt += 1;
            }
        }
        indexed.close().await;
    }
    assert!(rebuilt > 10, "only {rebuilt} damages were detected");
}

#[tokio::test]
async fn damage_that_a_search_finds_causes_a_rebuild() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 100).await;
    indexed.index();
    sqlite(&file(&dir)).execute_batch("DROP TABLE entry").unwrap();
    assert_eq!(found(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);
    assert!(indexed.rebuild().contains("no such table"));
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);
    // Damage all pages except those that are read at the start.
    indexed.close().await;
    let mut bytes = fs::read(file(&dir)).unwrap();
    bytes[3 * 4096..].fill(0xa5);
    fs::write(file(&dir), bytes).unwrap();
    indexed = Indexed::open(&dir, SMALL);
    indexed.index();
    assert_eq!(found(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);
    assert!(indexed.rebuild().contains("malformed"));
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);
    // Delete the file while the log runs.
    fs::remove_file(file(&dir)).unwrap();
    assert!(indexed.rebuild().contains("deleted"));
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);
}

#[tokio::test]
async fn searches_are_complete_while_the_index_is_not_writable_and_it_continues_later() {
    let dir = TempDir::new().unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    append_numbered(&indexed.log, 20).await;
    indexed.index();
    indexed.indexer.file.as_ref().unwrap().limit_pages(1);
    append_numbered(&indexed.log, 500).await;
    let error = loop {
        match indexed.indexer.step() {
            Ok(_) => {}
            Err(Fault::Transient(error)) => break error,
            Err(Fault::Unusable(error)) => panic!("{error}"),
        }
    };
    assert!(error.contains("full"), "{error}");
    let end = indexed.end().unwrap();
    assert!(end < Sequence(200), "the indexer does not advance: {end}");
    assert!(matches!(indexed.indexer.step(), Err(Fault::Transient(_))));
    assert_eq!(indexed.end(), Some(end));
    append_numbered(&indexed.log, 10).await;
    assert_eq!(found(&indexed.log, &accounts(&["n7"]), 3).await, [8, 28, 528]);
    let below = page(&indexed.log, &accounts(&["n7"]), end, Order::NewestFirst, 10).await;
    assert_eq!(sequences(&below.records), [28, 8], "the indexed part is used");
    indexed.indexer.file.as_ref().unwrap().limit_pages(1 << 20);
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["n7"]), 3).await, [8, 28, 528]);
}

#[tokio::test]
async fn searches_do_not_wait_for_a_foreign_lock() {
    let dir = TempDir::new().unwrap();
    an_indexed_log(&dir).await;
    let intruder = sqlite(&file(&dir));
    intruder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let mut indexed = Indexed::open(&dir, SMALL);
    assert!(matches!(indexed.indexer.step(), Err(Fault::Transient(_))));
    assert_eq!(found(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);
    drop(intruder);
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await.len(), 10);

    // A lock that prevents only changes.
    let intruder = sqlite(&file(&dir));
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    append_numbered(&indexed.log, 20).await;
    while indexed.indexer.step().unwrap_or_default() {}
    assert_eq!(found(&indexed.log, &accounts(&["7"]), 3).await.len(), 12);
    intruder.execute_batch("ROLLBACK").unwrap();
    indexed.index();
    assert_eq!(found_by_index(&indexed.log, &accounts(&["7"]), 3).await.len(), 12);
}
