//! Record of one event.
//!
//! # Layout
//!
//! Every backend stores the same bytes. Integers are little-endian. This is format version 1:
//!
//! | Bytes | Content |
//! | --- | --- |
//! | 0 | format version |
//! | 1 | flags: 2 = account list cut, 4 = group list cut. 8, 16 and 32 are reserved for the verdict and 64 for the failure policy of a decision; 1 and 128 are free |
//! | 2 | kind: `imcallback.v1.CallbackKind` |
//! | 3 | length of the command, 1 to 128 |
//! | 4..8 | SDKAppID |
//! | 8..12 | offset of the event |
//! | 12..16 | offset of the event's body field, up to the end |
//! | 16 | decode status: `imcallback.v1.DecodeStatus` |
//! | 17 | names that cannot be read: 1 = among the accounts, 2 = among the groups |
//! | 18..22 | order hash: [`OrderKey::hash`](super::OrderKey::hash) |
//! | 22..26 | checksum: CRC-32C over all other bytes of the record, 0..22 and then from 26 on |
//! | 26.. | the command, then the accounts, then the group ids |
//!
//! Accounts and group ids are lists: a count in two bytes, then for each name
//! its length in one byte and its text. The event is an encoded
//! `imcallback.v1.Event` without sequence, cursor and receive time, with
//! `raw_body` or `binary_body` as its last field. A reader omits the body by
//! cutting the end, and puts the first three in front. With this layout,
//! filters need no decoding.
//!
//! # Rules for later versions
//!
//! Readers ignore flags that they do not know, so a new flag does not need a new format. Format
//! version and checksum keep their place and meaning in every format. A record whose checksum fits
//! and whose version is higher is newer; with any other checksum it is damaged.
//!
//! # Checksum
//!
//! [`StoredRecord::parse`] compares it, so each read from a disk or from NATS does. Records in memory
//! are not checked again. It finds every error of up to three bits in records of up to 256 MiB, and
//! any other damage but for one case in 2^32.
//!
//! It does not cover sequence and receive time, because a JetStream server assigns them after the
//! record is encoded. [`Record::check`] covers all three. A log that assigns both itself can store
//! that value with the record.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::encoding::{
    WireType, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len,
};

use super::{Cursor, Epoch, MAX_COMMAND_BYTES, NameSet, Names, Sequence, Timestamp};
use crate::proto::DecodeStatus;

/// Newest record format that this program reads and writes.
pub const RECORD_FORMAT: u8 = 1;

const HEADER_BYTES: usize = 26;
const STATUS_AT: usize = 16;
const UNREADABLE_AT: usize = 17;
const ORDER_HASH_AT: usize = 18;
const CHECKSUM_AT: usize = 22;
const UNREADABLE_ACCOUNTS: u8 = 1;
const UNREADABLE_GROUP_IDS: u8 = 2;
const FLAG_ACCOUNTS_CUT: u8 = 2;
const FLAG_GROUP_IDS_CUT: u8 = 4;

// Field numbers of imcallback.v1.Event that are written by hand.
const FIELD_SEQUENCE: u32 = 1;
const FIELD_CURSOR: u32 = 2;
const FIELD_RECEIVE_TIME: u32 = 3;
const FIELD_RAW_BODY: u32 = 10;
const FIELD_TRACEPARENT: u32 = 14;
const FIELD_BINARY_BODY: u32 = 16;

/// Error of parsing stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A newer gateway wrote the record.
    #[error("record format {found} is newer than {RECORD_FORMAT}, the newest that this program knows")]
    NewerFormat {
        /// Format of the record.
        found: u8,
    },
    /// The bytes are not those that were written: the checksum differs, or they are inconsistent.
    #[error("the record is damaged")]
    Damaged,
}

/// Bloom filter for the names in a record, including the command. A name whose bit is absent is not in the
/// record. Only in memory: with it a filter rarely reads the bytes of a record, which are seldom in the
/// processor's cache. An excluded event costs 0.02 us instead of 0.15 to 0.37.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks(u64);

impl Marks {
    /// For records that may have any name.
    pub const ALL: Self = Self(u64::MAX);

    /// Adds the bit of a name.
    pub fn insert(&mut self, name: &[u8]) {
        self.0 |= 1 << (crc32fast::hash(name) % u64::BITS);
    }

    /// Returns whether the records of both filters may have a name in common.
    pub fn may_share(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Parts of a record before it is encoded.
#[derive(Debug)]
pub struct RecordParts<'a> {
    /// The callback's command, 1 to [`MAX_COMMAND_BYTES`] ASCII characters.
    pub command: &'a str,
    /// SDKAppID of the callback.
    pub sdk_app_id: u32,
    /// Number of the event's `CallbackKind`.
    pub kind: u8,
    /// Decode status of the body.
    pub status: DecodeStatus,
    /// Accounts that the body names.
    pub accounts: &'a NameSet,
    /// Groups that the body names.
    pub group_ids: &'a NameSet,
    /// Hash of the event's [`OrderKey`](super::OrderKey).
    pub order_hash: u32,
    /// The encoded event, without sequence, cursor, receive time and body.
    pub event: &'a [u8],
    /// The callback's body: `raw_body` if it is UTF-8, else `binary_body`.
    pub raw_body: &'a [u8],
}

#[cfg(any(test, feature = "testing"))]
impl<'a> RecordParts<'a> {
    /// Returns the parts of a small record with this body, for tests. Each test changes only the parts that it is about.
    pub fn fixture(raw_body: &'a [u8]) -> Self {
        static NO_NAMES: std::sync::LazyLock<NameSet> = std::sync::LazyLock::new(NameSet::default);
        Self {
            command: "A.B",
            sdk_app_id: 1,
            kind: 0,
            status: DecodeStatus::UnknownCommand,
            accounts: &NO_NAMES,
            group_ids: &NO_NAMES,
            order_hash: 0,
            event: b"",
            raw_body,
        }
    }
}

impl RecordParts<'_> {
    /// Encodes the record.
    pub fn encode(&self) -> StoredRecord {
        assert!(is_encodable(self.command.as_bytes()), "the command of a record was checked before");
        let event_at =
            HEADER_BYTES + self.command.len() + self.accounts.encoded_len() + self.group_ids.encoded_len();
        let raw_at = event_at + self.event.len();
        let raw_field = match std::str::from_utf8(self.raw_body) {
            Ok(_) => FIELD_RAW_BODY,
            Err(_) => FIELD_BINARY_BODY,
        };
        let raw_field_len =
            key_len(raw_field) + encoded_len_varint(self.raw_body.len() as u64) + self.raw_body.len();
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };

        let mut out = BytesMut::with_capacity(raw_at + raw_field_len);
        out.put_u8(RECORD_FORMAT);
        out.put_u8(
            flag(self.accounts.is_cut(), FLAG_ACCOUNTS_CUT)
                | flag(self.group_ids.is_cut(), FLAG_GROUP_IDS_CUT),
        );
        out.put_u8(self.kind);
        out.put_u8(self.command.len() as u8);
        out.put_u32_le(self.sdk_app_id);
        out.put_u32_le(event_at as u32);
        out.put_u32_le(raw_at as u32);
        out.put_u8(self.status as u8);
        out.put_u8(
            flag(self.accounts.has_unreadable(), UNREADABLE_ACCOUNTS)
                | flag(self.group_ids.has_unreadable(), UNREADABLE_GROUP_IDS),
        );
        out.put_u32_le(self.order_hash);
        // Set by `seal`.
        out.put_u32_le(0);
        out.put_slice(self.command.as_bytes());
        self.accounts.encode(&mut out);
        self.group_ids.encode(&mut out);
        out.put_slice(self.event);
        encode_key(raw_field, WireType::LengthDelimited, &mut out);
        encode_varint(self.raw_body.len() as u64, &mut out);
        out.put_slice(self.raw_body);
        seal(&mut out);
        let order_hash = self.order_hash;
        StoredRecord { bytes: out.freeze(), event_at, raw_at, order_hash, marks: Marks::default() }.marked()
    }
}

/// Sets the checksum of an encoded record, of at least its header. Public for tests that store a record that
/// this program would not write.
pub fn seal(bytes: &mut [u8]) {
    let checksum = checksum(bytes);
    bytes[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

/// Computes the checksum of an encoded record of at least [`HEADER_BYTES`].
fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..CHECKSUM_AT]), &bytes[HEADER_BYTES..])
}

/// Returns whether a record can have this command.
fn is_encodable(command: &[u8]) -> bool {
    (1..=MAX_COMMAND_BYTES).contains(&command.len()) && command.is_ascii()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Encoded record as it is stored: everything of an event except its position. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    bytes: Bytes,
    event_at: usize,
    raw_at: usize,
    /// A copy in memory, so that a lane filter need not read the record's bytes.
    order_hash: u32,
    marks: Marks,
}

impl StoredRecord {
    /// Checks stored bytes and finds their parts.
    pub fn parse(bytes: Bytes) -> Result<Self, RecordError> {
        if bytes.len() < HEADER_BYTES || u32_at(&bytes, CHECKSUM_AT) != checksum(&bytes) {
            return Err(RecordError::Damaged);
        }
        match bytes[0] {
            RECORD_FORMAT => {}
            found if found > RECORD_FORMAT => return Err(RecordError::NewerFormat { found }),
            _ => return Err(RecordError::Damaged),
        }
        let (event_at, raw_at) = (u32_at(&bytes, 8) as usize, u32_at(&bytes, 12) as usize);
        let command = bytes.get(HEADER_BYTES..HEADER_BYTES + usize::from(bytes[3]));
        let fits = event_at <= raw_at && raw_at <= bytes.len() && command.is_some_and(is_encodable);
        let order_hash = u32_at(&bytes, ORDER_HASH_AT);
        let record = Self { bytes, event_at, raw_at, order_hash, marks: Marks::default() };
        if fits && record.metadata_fits() { Ok(record.marked()) } else { Err(RecordError::Damaged) }
    }

    fn marked(self) -> Self {
        let mut marks = Marks::default();
        marks.insert(self.command().as_bytes());
        self.accounts().bytes().chain(self.group_ids().bytes()).for_each(|name| marks.insert(name));
        if self.accounts_cut() || self.group_ids_cut() || self.bytes[UNREADABLE_AT] != 0 {
            marks = Marks::ALL;
        }
        Self { marks, ..self }
    }

    /// Returns the Bloom filter of the names.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    fn metadata_fits(&self) -> bool {
        let group_ids = self.accounts().checked_rest().map(Names::new);
        group_ids.and_then(Names::checked_rest).is_some_and(<[u8]>::is_empty)
    }

    /// Returns the stored bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the command.
    pub fn command(&self) -> &str {
        let command = &self.bytes[HEADER_BYTES..HEADER_BYTES + usize::from(self.bytes[3])];
        std::str::from_utf8(command)
            .expect("a record's command is ASCII, checked when the record was created")
    }

    /// Returns the SDKAppID.
    pub fn sdk_app_id(&self) -> u32 {
        u32_at(&self.bytes, 4)
    }

    /// Hash of the event's [`OrderKey`](super::OrderKey).
    pub fn order_hash(&self) -> u32 {
        self.order_hash
    }

    /// Returns the number of the event's `CallbackKind`.
    pub fn kind(&self) -> u8 {
        self.bytes[2]
    }

    /// Returns the decode status. `None` if a newer gateway wrote an unknown one.
    pub fn status(&self) -> Option<DecodeStatus> {
        DecodeStatus::try_from(i32::from(self.bytes[STATUS_AT])).ok()
    }

    /// Returns whether the typed payload holds all that its message declares, so that readers do not need the body. A
    /// repair of a body that is not UTF-8 replaced bytes, so only the body has them.
    fn is_whole_without_body(&self) -> bool {
        match self.status() {
            Some(DecodeStatus::Typed) => true,
            Some(DecodeStatus::Repaired) => {
                let mut field = &self.bytes[self.raw_at..];
                matches!(decode_key(&mut field), Ok((FIELD_RAW_BODY, _)))
            }
            _ => false,
        }
    }

    /// Returns whether the body has accounts that cannot be read.
    pub fn has_unreadable_accounts(&self) -> bool {
        self.bytes[UNREADABLE_AT] & UNREADABLE_ACCOUNTS != 0
    }

    /// Returns whether the body has groups that cannot be read.
    pub fn has_unreadable_group_ids(&self) -> bool {
        self.bytes[UNREADABLE_AT] & UNREADABLE_GROUP_IDS != 0
    }

    /// Returns the accounts that the body names. Incomplete if [`Self::accounts_cut`].
    pub fn accounts(&self) -> Names<'_> {
        let at = HEADER_BYTES + usize::from(self.bytes[3]);
        Names::new(self.bytes.get(at..self.event_at).unwrap_or_default())
    }

    /// Returns whether the body names more accounts than the list holds.
    pub fn accounts_cut(&self) -> bool {
        self.bytes[1] & FLAG_ACCOUNTS_CUT != 0
    }

    /// Returns the groups that the body names. Incomplete if [`Self::group_ids_cut`].
    pub fn group_ids(&self) -> Names<'_> {
        Names::new(self.accounts().rest())
    }

    /// Returns whether the body names more groups than the list holds.
    pub fn group_ids_cut(&self) -> bool {
        self.bytes[1] & FLAG_GROUP_IDS_CUT != 0
    }

    /// Returns the body.
    pub fn raw_body(&self) -> &[u8] {
        let mut field = &self.bytes[self.raw_at..];
        // Skip the key and the length.
        let header = decode_key(&mut field).and_then(|_| decode_varint(&mut field));
        header.map_or(&[], |_| field)
    }

    /// Returns the record with another event, which is too large for a typed payload.
    pub fn with_too_large(&self, event: &[u8]) -> Self {
        let raw_at = self.event_at + event.len();
        let mut out = BytesMut::with_capacity(raw_at + self.bytes.len() - self.raw_at);
        out.put_slice(&self.bytes[..self.event_at]);
        out[STATUS_AT] = DecodeStatus::TooLarge as u8;
        out[12..16].copy_from_slice(&(raw_at as u32).to_le_bytes());
        out.put_slice(event);
        out.put_slice(&self.bytes[self.raw_at..]);
        seal(&mut out);
        Self { bytes: out.freeze(), raw_at, ..*self }
    }

    /// Returns the encoded event without its body.
    pub fn event_without_raw_body(&self) -> Bytes {
        self.bytes.slice(self.event_at..self.raw_at)
    }

    /// Returns the event's `traceparent`, if it has one.
    pub fn traceparent(&self) -> Option<&str> {
        let mut rest = &self.bytes[self.event_at..self.raw_at];
        // Fields are sorted by number, except for the body.
        while !rest.is_empty() {
            let (field, wire_type) = decode_key(&mut rest).ok()?;
            let value = decode_varint(&mut rest).ok()?;
            if field > FIELD_TRACEPARENT {
                return None;
            }
            if wire_type == WireType::LengthDelimited {
                let (text, after) = rest.split_at_checked(usize::try_from(value).ok()?)?;
                if field == FIELD_TRACEPARENT {
                    return std::str::from_utf8(text).ok();
                }
                rest = after;
            } else if wire_type != WireType::Varint {
                return None;
            }
        }
        None
    }

    /// Returns the encoded event without sequence, cursor and receive time. Includes the body if requested,
    /// and always if the payload is missing or partial.
    pub fn event(&self, include_raw_body: bool) -> &[u8] {
        let is_cut = !include_raw_body && self.is_whole_without_body();
        let end = if is_cut { self.raw_at } else { self.bytes.len() };
        &self.bytes[self.event_at..end]
    }
}

/// An event with its position in the log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Record {
    sequence: Sequence,
    receive_time: Timestamp,
    epoch: Epoch,
    check: u32,
    /// Sequence, cursor and receive time, encoded as the first fields of the event.
    front: Bytes,
    stored: StoredRecord,
}

impl Record {
    /// Assigns a position to a stored record.
    pub fn new(epoch: Epoch, sequence: Sequence, receive_time: Timestamp, stored: StoredRecord) -> Self {
        let check = Self::check_of(sequence, receive_time, &stored.bytes);
        let cursor = Cursor { epoch, sequence, check: Some(check) }.to_string();
        Self {
            sequence,
            receive_time,
            epoch,
            check,
            front: encode_front(sequence, &cursor, receive_time),
            stored,
        }
    }

    /// Returns the checksum of an encoded record in its place: [`Self::check`]. Covers the bytes by their own checksum,
    /// which must have been compared.
    pub fn check_of(sequence: Sequence, receive_time: Timestamp, stored: &[u8]) -> u32 {
        let mut check = crc32c::crc32c(&sequence.0.to_le_bytes());
        for part in
            [&receive_time.0.to_le_bytes()[..], stored.get(CHECKSUM_AT..HEADER_BYTES).unwrap_or_default()]
        {
            check = crc32c::crc32c_append(check, part);
        }
        check
    }

    /// Returns the position.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Returns when the event was accepted.
    pub fn receive_time(&self) -> Timestamp {
        self.receive_time
    }

    /// Returns the cursor after the event, with its check.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, sequence: self.sequence, check: Some(self.check) }
    }

    /// Returns the CRC-32C over sequence, receive time and the stored bytes' checksum. It differs between two
    /// records to which a rewound log gave the same sequence.
    pub fn check(&self) -> u32 {
        self.check
    }

    /// Returns the stored record.
    pub fn stored(&self) -> &StoredRecord {
        &self.stored
    }

    /// Copies records next to one another in memory.
    pub fn side_by_side<'a>(records: impl Iterator<Item = &'a Self> + Clone) -> Vec<Self> {
        let len = records.clone().map(|record| record.stored.bytes.len() + record.front.len()).sum();
        let mut all = BytesMut::with_capacity(len);
        let mut put = |bytes: &[u8]| {
            all.put_slice(bytes);
            all.split().freeze()
        };
        let moved = records.map(|record| Self {
            front: put(&record.front),
            stored: StoredRecord { bytes: put(&record.stored.bytes), ..record.stored },
            ..*record
        });
        moved.collect()
    }

    /// Returns the approximate memory of the record, in bytes.
    pub fn memory(&self) -> usize {
        self.stored.bytes.len() + self.front.len() + size_of::<Self>()
    }

    /// Returns the encoded `imcallback.v1.Event` in two consecutive parts.
    pub fn event(&self, include_raw_body: bool) -> (&[u8], &[u8]) {
        (&self.front, self.stored.event(include_raw_body))
    }
}

fn encode_front(sequence: Sequence, cursor: &str, receive_time: Timestamp) -> Bytes {
    let (seconds, nanos) = receive_time.seconds_and_nanos();
    let mut time = BytesMut::with_capacity(20);
    // google.protobuf.Timestamp: int64 seconds = 1, int32 nanos = 2.
    prost::encoding::int64::encode(1, &seconds, &mut time);
    prost::encoding::int32::encode(2, &(nanos as i32), &mut time);

    let mut front = BytesMut::with_capacity(64);
    prost::encoding::uint64::encode(FIELD_SEQUENCE, &sequence.0, &mut front);
    encode_key(FIELD_CURSOR, WireType::LengthDelimited, &mut front);
    encode_varint(cursor.len() as u64, &mut front);
    front.put_slice(cursor.as_bytes());
    encode_key(FIELD_RECEIVE_TIME, WireType::LengthDelimited, &mut front);
    encode_varint(time.len() as u64, &mut front);
    front.put_slice(&time);
    front.freeze()
}

#[cfg(test)]
mod tests;
