use proptest::prelude::*;
use prost::Message as _;

use super::{
    super::{Epoch, MAX_NAME_BYTES, MAX_NAMES},
    *,
};
use crate::proto;

fn names(names: &[&str]) -> NameSet {
    let mut set = NameSet::default();
    names.iter().for_each(|name| set.insert(name));
    set
}

fn record(status: DecodeStatus, accounts: &NameSet, group_ids: &NameSet) -> StoredRecord {
    record_of(status, accounts, group_ids, "{\"x\": \"ü\"}".as_bytes())
}

fn record_of(status: DecodeStatus, accounts: &NameSet, group_ids: &NameSet, raw_body: &[u8]) -> StoredRecord {
    let event = proto::Event { sdk_app_id: 7, command: "A.B".to_owned(), ..Default::default() };
    RecordParts {
        command: "A.B",
        sdk_app_id: 7,
        kind: 2,
        status,
        accounts,
        group_ids,
        event: &event.encode_to_vec(),
        raw_body,
    }
    .encode()
}

#[test]
fn a_record_survives_being_stored() {
    let stored = record(DecodeStatus::Typed, &names(&["a", "", "b", "a"]), &names(&["@TGS#1"]));
    let parsed = StoredRecord::parse(stored.bytes().clone()).unwrap();
    assert_eq!(parsed, stored);
    assert_eq!(parsed.command(), "A.B");
    assert_eq!(parsed.sdk_app_id(), 7);
    assert_eq!(parsed.kind(), 2);
    assert_eq!(parsed.accounts().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(parsed.group_ids().collect::<Vec<_>>(), ["@TGS#1"]);
    assert!(!parsed.accounts_cut() && !parsed.group_ids_cut());
}

#[test]
fn the_two_parts_of_a_record_decode_as_one_event() {
    let time = Timestamp(-1_500_000);
    for (status, include, raw) in [
        (DecodeStatus::Typed, true, true),
        (DecodeStatus::Typed, false, false),
        (DecodeStatus::Repaired, false, false),
        (DecodeStatus::Partial, false, true),
        (DecodeStatus::Mismatch, true, true),
        (DecodeStatus::Mismatch, false, true),
    ] {
        let record = Record::new(Epoch(1), Sequence(300), time, record(status, &names(&[]), &names(&[])));
        let (front, rest) = record.event(include);
        let event = proto::Event::decode(&*[front, rest].concat()).unwrap();
        assert_eq!(event.sequence, 300);
        assert_eq!(event.cursor, record.cursor().to_string());
        let time = event.receive_time.unwrap();
        assert_eq!((time.seconds, time.nanos), (-2, 500_000_000));
        assert_eq!(event.command, "A.B");
        assert_eq!(event.raw_body, if raw { "{\"x\": \"ü\"}" } else { "" });
    }
}

#[test]
fn a_body_that_is_not_utf8_is_kept_as_bytes() {
    let body = b"{\"x\": \"\xff\"}";
    let stored = record_of(DecodeStatus::Repaired, &names(&[]), &names(&[]), body);
    assert_eq!(stored.raw_body(), body);
    let event = proto::Event::decode(stored.event(true)).unwrap();
    assert_eq!((event.raw_body.as_str(), &event.binary_body[..]), ("", &body[..]));
    assert_eq!(stored.event(false), stored.event(true), "the payload does not have what was replaced");
}

#[test]
fn names_of_an_unreadable_body_are_unknown() {
    let unreadable = NameSet::unreadable();
    let stored = record(DecodeStatus::NotJson, &unreadable, &names(&[]));
    assert!(stored.has_unreadable_accounts() && !stored.has_unreadable_group_ids());
    assert_eq!(stored.marks(), Marks::ALL);
}

#[test]
fn lists_beyond_their_bounds_are_flagged() {
    let many: Vec<String> = (0..=MAX_NAMES).map(|n| n.to_string()).collect();
    let many = names(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let long = names(&[&"x".repeat(MAX_NAME_BYTES + 1), "y"]);
    let parsed = StoredRecord::parse(record(DecodeStatus::Typed, &many, &long).bytes().clone()).unwrap();
    assert_eq!(parsed.accounts().count(), MAX_NAMES);
    assert!(parsed.accounts_cut());
    assert_eq!(parsed.group_ids().collect::<Vec<_>>(), ["y"]);
    assert!(parsed.group_ids_cut());
}

#[test]
fn a_newer_record_format_is_refused() {
    let mut bytes = record(DecodeStatus::Typed, &names(&[]), &names(&[])).bytes().to_vec();
    bytes[0] = RECORD_FORMAT + 1;
    let error = StoredRecord::parse(bytes.into()).unwrap_err();
    assert_eq!(error, RecordError::NewerFormat { found: 2 });
    assert!(error.to_string().contains('2') && error.to_string().contains('1'), "names both: {error}");
}

#[test]
fn a_cut_record_is_damaged() {
    let bytes = record(DecodeStatus::Typed, &names(&["a"]), &names(&["b"])).bytes().clone();
    let raw_at = record(DecodeStatus::Typed, &names(&["a"]), &names(&["b"])).raw_at;
    for len in 0..raw_at {
        assert_eq!(StoredRecord::parse(bytes.slice(..len)), Err(RecordError::Damaged), "{len} bytes");
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes: Vec<u8>) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() { *first = RECORD_FORMAT; }
        if let Ok(record) = StoredRecord::parse(bytes.into()) {
            record.accounts().for_each(drop);
            record.group_ids().for_each(drop);
            record.event(true);
        }
    }
}
