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
        sdk_app_id: 7,
        kind: 2,
        status,
        accounts,
        group_ids,
        order_hash: 0x1234_5678,
        event: &event.encode_to_vec(),
        ..RecordParts::fixture(raw_body)
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
    assert_eq!(parsed.order_hash(), 0x1234_5678);
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
    assert_eq!(stored.event(false), stored.event(true), "the payload lacks the replaced bytes");
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

/// Encodes bytes as another program could, with a matching checksum.
fn sealed(mut bytes: Vec<u8>) -> Bytes {
    seal(&mut bytes);
    bytes.into()
}

#[test]
fn a_newer_record_format_is_refused() {
    let mut bytes = record(DecodeStatus::Typed, &names(&[]), &names(&[])).bytes().to_vec();
    bytes[0] = RECORD_FORMAT + 1;
    assert_eq!(StoredRecord::parse(bytes.clone().into()), Err(RecordError::Damaged), "the checksum differs");
    let error = StoredRecord::parse(sealed(bytes)).unwrap_err();
    assert_eq!(error, RecordError::NewerFormat { found: 2 });
    assert!(error.to_string().contains('2') && error.to_string().contains('1'), "names both: {error}");
}

#[test]
fn flags_that_are_not_known_are_ignored() {
    let stored = record(DecodeStatus::Typed, &names(&["a"]), &names(&["b"]));
    let mut bytes = stored.bytes().to_vec();
    bytes[1] |= !(FLAG_ACCOUNTS_CUT | FLAG_GROUP_IDS_CUT);
    let parsed = StoredRecord::parse(sealed(bytes)).unwrap();
    assert_eq!(parsed.marks(), stored.marks());
    assert_eq!((parsed.accounts_cut(), parsed.group_ids_cut()), (false, false));
}

/// The layout table says where the checksum is, and what it covers.
#[test]
fn the_checksum_is_the_crc_32c_of_all_other_bytes() {
    let bytes = record(DecodeStatus::Typed, &names(&["a"]), &names(&["b"])).bytes().to_vec();
    let others = [&bytes[..22], &bytes[26..]].concat();
    // Bit by bit, with the reversed polynomial.
    let crc = others.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    });
    assert_eq!(bytes[22..26], (!crc).to_le_bytes());
}

#[test]
fn a_record_with_any_one_bit_flipped_is_damaged() {
    let stored = record(DecodeStatus::Typed, &names(&["alice", "bob"]), &names(&["@TGS#1"]));
    let bytes = stored.bytes().to_vec();
    assert!(StoredRecord::parse(bytes.clone().into()).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(StoredRecord::parse(bytes.into()), Err(RecordError::Damaged), "bit {bit}");
    }
}

#[test]
fn a_record_without_its_payload_has_its_own_checksum() {
    let stored = record(DecodeStatus::Typed, &names(&["a"]), &names(&["b"]));
    let event = proto::Event { command: "A.B".to_owned(), ..Default::default() }.encode_to_vec();
    let too_large = stored.with_too_large(&event);
    assert_ne!(too_large.bytes().len(), stored.bytes().len());
    assert_eq!(StoredRecord::parse(too_large.bytes().clone()).as_ref(), Ok(&too_large));
    assert_eq!(too_large.order_hash(), stored.order_hash());
}

/// A log that assigns sequence and time itself can detect changes of them.
#[test]
fn the_check_covers_sequence_time_and_record() {
    let stored = |order_hash| {
        RecordParts { sdk_app_id: 7, status: DecodeStatus::Empty, order_hash, ..RecordParts::fixture(b"") }
            .encode()
    };
    let check = |sequence, time, order_hash| {
        Record::new(Epoch(1), Sequence(sequence), Timestamp(time), stored(order_hash)).check()
    };
    assert_eq!(check(1, 2, 3), check(1, 2, 3));
    for (sequence, time, order_hash) in [(2, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3)] {
        assert_ne!(check(sequence, time, order_hash), check(1, 2, 3));
    }
}

#[test]
fn a_cut_record_is_damaged() {
    let bytes = record(DecodeStatus::Typed, &names(&["a"]), &names(&["b"])).bytes().clone();
    for len in 0..bytes.len() {
        assert_eq!(StoredRecord::parse(bytes.slice(..len)), Err(RecordError::Damaged), "{len} bytes");
    }
}

/// Calls every function that reads a record's bytes.
fn read_all(record: &StoredRecord) {
    record.accounts().for_each(drop);
    record.group_ids().for_each(drop);
    record.command();
    record.status();
    record.traceparent();
    record.raw_body();
    record.event_without_raw_body();
    record.event(true);
    record.event(false);
    StoredRecord::parse(record.with_too_large(b"").bytes().clone()).unwrap();
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes: Vec<u8>) {
        if let Ok(record) = StoredRecord::parse(bytes.clone().into()) {
            read_all(&record);
        }
        // Only a program that computes the checksum could have written these bytes.
        let mut bytes = bytes;
        bytes.resize(bytes.len().max(HEADER_BYTES), 0);
        bytes[0] = RECORD_FORMAT;
        if let Ok(record) = StoredRecord::parse(sealed(bytes)) {
            read_all(&record);
        }
    }

    #[test]
    fn a_changed_record_neither_breaks_the_parser_nor_equals_the_original(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let stored = record(DecodeStatus::Typed, &names(&["alice", "bob"]), &names(&["@TGS#1"]));
        let mut bytes = stored.bytes().to_vec();
        for (at, byte) in changes {
            bytes[at.index(stored.bytes().len())] = byte;
        }
        let parsed = StoredRecord::parse(bytes.clone().into());
        if bytes == stored.bytes()[..] {
            prop_assert_eq!(parsed, Ok(stored));
        } else {
            prop_assert_eq!(parsed, Err(RecordError::Damaged));
        }
        if let Ok(record) = StoredRecord::parse(sealed(bytes)) {
            read_all(&record);
        }
    }
}
