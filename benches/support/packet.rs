//! The posted callback: a signed message between two users with a body of about 400 bytes. Accounts and
//! number are different in each one.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use callback_gateway::testing::{
    callback::{
        Apps, Envelope,
        duplicates::{Duplicates, MAX_REMEMBERED},
        signature::Tokens,
    },
    event::{Epoch, Record, Sequence, StoredRecord, Timestamp},
    log::{
        Appending, EventLog, NewRecord,
        disk::{DiskLog, DiskOptions, QUEUE_RECORDS},
        jetstream::{self, JetStreamLog},
    },
};

use super::testing::APP_ID;

const COMMAND: &str = "C2C.CallbackAfterSendMsg";
const TOKEN: &str = "benchmark-token";
/// Digits of a packet's number.
pub const NUMBER_DIGITS: usize = 19;
const USER_DIGITS: usize = 6;
/// Number of users that send messages, and the maximum number of receivers.
pub const USERS: u64 = 1_000_000;

const BODY: &str = concat!(
    r#"{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"user-FFFFFF","To_Account":"user-TTTTTT","#,
    r#""MsgSeq":48374,"MsgRandom":2837546839,"MsgTime":1557481126,"MsgKey":"48374_NNNNNNNNNNNNNNNNNNN_1557481126","#,
    r#""OnlineOnlyFlag":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"red packet"}}],"#,
    r#""CloudCustomData":"your cloud custom data","SendMsgResult":0,"ErrorInfo":"send msg succeed","#,
    r#""UnreadMsgNum":7,"EventTime":1670574414123}"#,
);

/// Returns the tokens of the callbacks' app, as the setting expects them.
pub fn token_lines() -> String {
    format!("{APP_ID} {TOKEN}")
}

/// Returns the parsed tokens.
pub fn tokens() -> Tokens {
    Tokens::parse(&token_lines()).unwrap()
}

/// Distance from the number's first digit to the end of the body.
pub static NUMBER_FROM_END: LazyLock<usize> = LazyLock::new(|| BODY.len() - BODY.find("NNN").unwrap());

/// Body whose number can be changed in place.
#[derive(Debug, Clone)]
pub struct Body {
    text: Vec<u8>,
    from: usize,
    to: usize,
    number: usize,
    receivers: u64,
}

impl Body {
    /// Creates the body of a message to one of `receivers` users.
    pub fn to_one_of(receivers: u64) -> Self {
        let at = |marker| BODY.find(marker).unwrap();
        let (from, to, number) = (at("FFF"), at("TTT"), at("NNN"));
        Self { text: BODY.into(), from, to, number, receivers }
    }

    /// Sets the number, which also determines the accounts.
    pub fn set(&mut self, number: u64) {
        let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        write_digits(&mut self.text[self.from..][..USER_DIGITS], random % USERS);
        // With few receivers, use them in turn, so that each has its exact share.
        let receiver = if self.receivers < USERS { number } else { random / USERS };
        write_digits(&mut self.text[self.to..][..USER_DIGITS], receiver % self.receivers);
        write_digits(&mut self.text[self.number..][..NUMBER_DIGITS], number);
    }

    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Returns the account of a receiver.
pub fn receiver(number: u64) -> String {
    format!("user-{number:06}")
}

fn write_digits(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn query(unix_seconds: u64) -> String {
    let sign = tokens().of(APP_ID)[0].sign(&unix_seconds.to_string());
    format!(
        "SdkAppid={APP_ID}&CallbackCommand={COMMAND}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS\
         &Sign={sign}&RequestTime={unix_seconds}"
    )
}

/// Whole request, built once, changed in place, and signed again every second.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Vec<u8>,
    head_len: usize,
    body: Body,
    signed_at: u64,
}

impl Request {
    pub fn to_one_of(receivers: u64) -> Self {
        let body = Body::to_one_of(receivers);
        Self { bytes: Vec::new(), head_len: 0, body, signed_at: 0 }
    }

    /// Returns the request's bytes with this number.
    pub fn bytes(&mut self, number: u64) -> &[u8] {
        let now = unix_seconds();
        if now != self.signed_at {
            self.signed_at = now;
            self.bytes = format!(
                "POST /?{} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                query(now),
                self.body.text.len()
            )
            .into_bytes();
            self.head_len = self.bytes.len();
        }
        self.body.set(number);
        self.bytes.truncate(self.head_len);
        self.bytes.extend_from_slice(&self.body.text);
        &self.bytes
    }
}

/// Creates the same records as the gateway does for these callbacks.
pub struct Records {
    apps: Apps,
    duplicates: Duplicates,
    body: Body,
    query: String,
    time: u64,
}

impl Records {
    pub fn to_one_of(receivers: u64) -> Self {
        let time = unix_seconds();
        let window = Duration::from_secs(60);
        Self {
            apps: Apps { ids: BTreeSet::from([APP_ID]), tokens: tokens(), window },
            duplicates: Duplicates::new(Duration::ZERO, MAX_REMEMBERED),
            body: Body::to_one_of(receivers),
            query: query(time),
            time,
        }
    }

    /// Creates the record of the callback with this number.
    pub fn stored(&mut self, number: u64) -> StoredRecord {
        self.body.set(number);
        let envelope = Envelope::from_query(&self.query, &self.apps, self.time).unwrap();
        envelope.into_record(self.body.text(), &self.duplicates).unwrap().record
    }

    /// Creates the record with its place in a log.
    pub fn placed(&mut self, number: u64) -> Record {
        Record::new(Epoch(1), Sequence(number + 1), Timestamp::now(), self.stored(number))
    }
}

/// Stores `count` records in a log on disk, without a gateway, and waits until they are indexed.
pub async fn store(data_dir: &Path, count: u64, record: impl FnMut(u64) -> StoredRecord) {
    let log = DiskLog::open(DiskOptions::new(data_dir.to_owned(), 1 << 20)).unwrap();
    append(&log, QUEUE_RECORDS, count, record).await;
    while log.usage().await.unwrap().index_end != Some(log.tail().borrow().end) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    log.close().await;
}

/// Stores `count` records in a stream, without a gateway.
pub async fn store_in_nats(options: jetstream::Options, count: u64, record: impl FnMut(u64) -> StoredRecord) {
    let log = JetStreamLog::open(options).await.unwrap();
    append(&log, jetstream::IN_FLIGHT_RECORDS, count, record).await;
    log.close().await;
}

/// Appends records, `at_once` in flight.
async fn append(
    log: &impl EventLog,
    at_once: usize,
    count: u64,
    mut record: impl FnMut(u64) -> StoredRecord,
) {
    for first in (0..count).step_by(at_once) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        let appending: Vec<Appending> = (first..count.min(first + at_once as u64))
            .map(|number| log.append(NewRecord { stored: record(number), deadline, permit: None }))
            .collect();
        for appending in appending {
            appending.await.unwrap();
        }
    }
}
