//! Long ways through history: with a consumer, which gives a message for a quarter or less of
//! the CPU time that it takes the server by a direct get.
//!
//! A walk is known by where it is: whoever reads on there takes it. It asks for the next page
//! while the reader still has the one before. It is made to be thrown away: whatever seems
//! wrong, a message left out, silence, somebody else's message, the reader goes on by direct
//! gets, which find out what is there, and for a while there are no new walks.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

use super::{
    api::{API_TIMEOUT, ApiError, Pulled},
    message::{Delivery, StreamMessage},
    shared::Shared,
};
use crate::{
    event::Sequence,
    log::{PAGE_BYTES, PAGE_RECORDS, Page, ring::PageBuilder},
};

/// Walks at once; readers beyond it read by direct gets. Each holds up to a page that was
/// asked for in advance.
const WALKS: usize = 16;
/// Records up to the end that make a way long: a consumer for fewer does not pay.
const LONG_WAY: u64 = 16 * PAGE_RECORDS as u64;
/// Records of a page of bytes that are many: larger ones cost what they cost.
const MANY_RECORDS: u64 = 16;
/// How long a walk waits for its reader. The server forgets its consumer somewhat later.
const IDLE: Duration = Duration::from_secs(4);
/// How long the server keeps a consumer that nobody asks.
const INACTIVE: Duration = Duration::from_secs(5);
/// How long no walk is begun after one that did not go well: each leaves a consumer behind
/// for a while, and the next would hardly do better.
const PAUSE: Duration = Duration::from_secs(1);
/// The same after NATS did not let this gateway ask a consumer.
const DENIED_PAUSE: Duration = Duration::from_secs(60);
/// What servers say, some of them, behind the last message that was asked for: it comes
/// before the next page.
const COMPLETED: &str = "Batch Completed";
/// What they say where the next message would be too much.
const FULL: &str = "Message Size Exceeds MaxBytes";
/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// The walks that wait for their readers.
#[derive(Debug)]
pub(super) struct Walks {
    idle: Mutex<Vec<Walk>>,
    places: Arc<Semaphore>,
    /// Until when no walk is begun.
    paused_until: Mutex<Option<Instant>>,
}

/// A consumer, and where it is.
#[derive(Debug)]
struct Walk {
    /// What it delivers next.
    next: Sequence,
    /// How many it has delivered.
    delivered: u64,
    messages: Subscriber,
    /// Where to ask, and where to have the answer.
    subject: String,
    inbox: String,
    /// The connection that it was made on.
    connection: u64,
    /// When its reader left it.
    idle_since: Instant,
    _place: OwnedSemaphorePermit,
}

impl Walks {
    pub(super) fn new() -> Self {
        Self {
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(WALKS)),
            paused_until: Mutex::default(),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Walk>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of those whose readers do not come back.
    pub(super) fn forget_idle(&self) {
        self.idle().retain(|walk| walk.idle_since.elapsed() < IDLE);
    }

    fn take(&self, from: Sequence, connection: u64) -> Option<Walk> {
        let mut idle = self.idle();
        idle.retain(|walk| walk.connection == connection && walk.idle_since.elapsed() < IDLE);
        let at = idle.iter().position(|walk| walk.next == from)?;
        Some(idle.swap_remove(at))
    }

    fn pause(&self, pause: Duration) {
        *self.paused_until() = Some(Instant::now() + pause);
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, mut walk: Walk) {
        walk.idle_since = Instant::now();
        self.idle().push(walk);
    }
}

impl Shared {
    /// The page from `from` upwards on a long way; `None` where there is none, or something
    /// is not as it should be.
    ///
    /// It is this log's: the leader was asked after the consumer was made, and a consumer
    /// delivers from one stream only.
    pub(super) async fn walk(&self, from: Sequence, end: Sequence) -> Option<Page> {
        if end.0.saturating_sub(from.0) < PAGE_RECORDS as u64 {
            return None;
        }
        let connection = *self.reading.said.connection.borrow();
        let (mut walk, is_asked) = match self.walks.take(from, connection.number) {
            Some(walk) => (walk, true),
            None if !connection.is_up || !self.is_long(from, end) => return None,
            None => match self.begin_walk(from, connection.number).await {
                Ok(walk) => (walk?, false),
                Err(error) => {
                    tracing::debug!(%error, "a long way is read in small steps");
                    self.walks.pause(PAUSE);
                    return None;
                }
            },
        };
        let denied = self.reading.denied(&walk.subject);
        let page = async {
            if !is_asked {
                self.pull(&mut walk).await.ok()?;
            }
            self.walk_on(walk, end).await
        };
        tokio::select! {
            page = page => page,
            error = denied => {
                self.walks.pause(DENIED_PAUSE);
                tracing::warn!(%error, "long ways are read in small steps, which costs more");
                None
            }
        }
    }

    fn is_long(&self, from: Sequence, end: Sequence) -> bool {
        end.0.saturating_sub(from.0) >= LONG_WAY && self.records_of_a_page() >= MANY_RECORDS
    }

    async fn begin_walk(&self, from: Sequence, connection: u64) -> Result<Option<Walk>, ApiError> {
        if self.walks.paused_until().is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        let Ok(place) = Arc::clone(&self.walks.places).try_acquire_owned() else { return Ok(None) };
        let client = &self.reading.client;
        let inbox = client.new_inbox();
        let subscribed = timeout(API_TIMEOUT, client.subscribe(inbox.clone())).await;
        let unreachable = |error: String| ApiError::Unreachable(error);
        let messages = subscribed
            .map_err(|error| unreachable(error.to_string()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let consumer = Pulled {
            opt_start_seq: from.0,
            deliver_policy: "by_start_sequence",
            ack_policy: "none",
            replay_policy: "instant",
            inactive_threshold: INACTIVE.as_nanos() as u64,
            num_replicas: 1,
            mem_storage: true,
        };
        let name = self.reading.consume(&consumer).await?;
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{name}", self.api.stream);
        self.ask().await?;
        Ok(Some(Walk {
            next: from,
            delivered: 0,
            messages,
            subject,
            inbox,
            connection,
            idle_since: Instant::now(),
            _place: place,
        }))
    }

    /// Asks for the next page.
    async fn pull(&self, walk: &mut Walk) -> Result<(), ApiError> {
        let request = json!({ "batch": PAGE_RECORDS, "max_bytes": PAGE_BYTES, "no_wait": true }).to_string();
        let (subject, inbox) = (walk.subject.clone(), walk.inbox.clone());
        timeout(API_TIMEOUT, self.reading.client.publish_with_reply(subject, inbox, request.into()))
            .await
            .map_err(|error| ApiError::Unreachable(error.to_string()))?
            .map_err(|error| ApiError::Unreachable(error.to_string()))
    }

    async fn walk_on(&self, mut walk: Walk, end: Sequence) -> Option<Page> {
        let mut page = PageBuilder::new(walk.next, PAGE_RECORDS);
        let goes_on = self.take_page(&mut walk, &mut page, end).await;
        if !goes_on {
            self.walks.pause(PAUSE);
            tracing::debug!(next = %walk.next, records = page.len(), "a long way is not gone on");
        }
        if page.is_empty() {
            return None;
        }
        // Near the end the newest are in memory, and there may be fewer than are asked for.
        let is_long = walk.next.0 + PAGE_RECORDS as u64 <= end.0;
        if goes_on && is_long && !self.is_closed() && self.pull(&mut walk).await.is_ok() {
            self.walks.put_back(walk);
        }
        Some(page.upwards(None))
    }

    /// Takes what was asked for. Whether the consumer goes on as expected.
    async fn take_page(&self, walk: &mut Walk, page: &mut PageBuilder, end: Sequence) -> bool {
        let deadline = Instant::now() + PAGE_TIMEOUT;
        let (mut left, mut bytes) = (PAGE_RECORDS, 0);
        // A page that is full to the byte ends without a word.
        while left > 0 && bytes < PAGE_BYTES {
            let Ok(Some(message)) = timeout_at(deadline, walk.messages.next()).await else { return false };
            if message.status.is_some() {
                match message.description.as_deref() {
                    Some(COMPLETED) if page.is_empty() => continue,
                    description => return description == Some(FULL),
                }
            }
            bytes += message.length;
            if !self.take_record(walk, page, end, message) {
                return false;
            }
            left -= 1;
        }
        true
    }

    fn take_record(&self, walk: &mut Walk, page: &mut PageBuilder, end: Sequence, message: Message) -> bool {
        let Some(Delivery { sequence, nth, time }) = message.reply.as_deref().and_then(Delivery::parse)
        else {
            return false;
        };
        // Of what was left out, direct gets find out why.
        if nth != walk.delivered + 1 || sequence != walk.next || sequence >= end {
            return false;
        }
        let message = StreamMessage { sequence, time, payload: message.payload };
        let Ok(record) = message.into_record(self.epoch) else { return false };
        walk.delivered = nth;
        walk.next = sequence.next();
        page.push(record)
    }
}

#[cfg(test)]
#[cfg(feature = "external-tools")]
mod tests {
    use futures_util::future::join_all;
    use serde_json::Value;
    use tokio::sync::watch;

    use super::*;
    use crate::{
        log::{
            EventLog as _, ReadError,
            conformance::{HANG, append_all, nats::Nats, read_all, record, sequences},
            jetstream::{JetStreamLog, Options},
        },
        net::nats_login::Login,
    };

    const STORED: usize = 2 * LONG_WAY as usize;

    /// A log with next to nothing in memory.
    async fn open(options: Options) -> JetStreamLog {
        JetStreamLog::open(Options { ring_bytes: 1024, ..options }).await.unwrap()
    }

    /// One with two long ways in it.
    async fn stored(server: &Nats) -> JetStreamLog {
        let log = open(Options::new(&server.url())).await;
        store(&log, STORED).await;
        log
    }

    async fn store(log: &JetStreamLog, count: usize) {
        for _ in 0..count / 1024 {
            append_all(log, 1024).await;
        }
    }

    async fn ask(log: &JetStreamLog, what: &str, request: Value) {
        let subject = format!("$JS.API.STREAM.{what}.callbacks");
        let answer = log.shared.api.client.request(subject, request.to_string().into());
        let answer: Value =
            serde_json::from_slice(&timeout(HANG, answer).await.unwrap().unwrap().payload).unwrap();
        assert_eq!(answer["success"], true, "{answer}");
    }

    fn from_to(from: u64, to: usize) -> Vec<u64> {
        (from..=to as u64).collect()
    }

    /// How many walks there are, and how many of them wait for their readers.
    fn walks(log: &JetStreamLog) -> (usize, usize) {
        (WALKS - log.shared.walks.places.available_permits(), log.shared.walks.idle().len())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_way_is_read_by_one_consumer() {
        let server = Nats::start();
        let log = stored(&server).await;
        let mut from = Sequence::FIRST;
        let mut seen = Vec::new();
        while seen.len() < STORED {
            let page = timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap().unwrap();
            from = page.next;
            seen.extend(sequences(&page.records));
            if seen.len() < STORED - PAGE_RECORDS {
                assert_eq!(walks(&log), (1, 1), "at {from:?}");
            }
        }
        assert_eq!(seen, from_to(1, STORED));
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_short_way_is_read_without() {
        let server = Nats::start();
        let log = stored(&server).await;
        let from = Sequence(STORED as u64 - LONG_WAY + 2);
        assert_eq!(sequences(&read_all(&log, from).await), from_to(from.0, STORED));
        timeout(HANG, log.read(Sequence::FIRST, 10)).await.unwrap().unwrap();
        assert_eq!(walks(&log), (0, 0));
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_walk_whose_reader_does_not_come_back_is_let_go() {
        let server = Nats::start();
        let log = stored(&server).await;
        timeout(HANG, log.read(Sequence::FIRST, PAGE_RECORDS)).await.unwrap().unwrap();
        assert_eq!(walks(&log), (1, 1));
        let gone = log.shared.walks.places.acquire_many(WALKS as u32);
        drop(timeout(HANG, gone).await.expect("its place is given back").unwrap());
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn more_readers_than_there_are_walks_read_all_the_same() {
        let server = Nats::start();
        let log = stored(&server).await;
        let all = join_all((0..WALKS + 4).map(|_| read_all(&log, Sequence::FIRST))).await;
        for seen in all {
            assert_eq!(sequences(&seen), from_to(1, STORED));
        }
        assert!(walks(&log).0 <= WALKS);
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn holes_are_passed_and_what_was_trimmed_is_said() {
        let server = Nats::start();
        let log = stored(&server).await;
        for hole in [100, 2 * PAGE_RECORDS as u64, 1000] {
            ask(&log, "MSG.DELETE", json!({ "seq": hole })).await;
        }
        let mut expected = from_to(1, STORED);
        expected.retain(|sequence| ![100, 2 * PAGE_RECORDS as u64, 1000].contains(sequence));
        assert_eq!(sequences(&read_all(&log, Sequence::FIRST).await), expected);
        // No walk is begun at each of them.
        log.shared.walks.paused_until().take().expect("there is a pause after the first");

        let page = timeout(HANG, log.read(Sequence(2001), PAGE_RECORDS)).await.unwrap().unwrap();
        assert_eq!(walks(&log).1, 1, "one that is under way");
        ask(&log, "PURGE", json!({ "seq": 4000 })).await;
        let mut from = page.next;
        // What had been asked for in advance may be given still.
        let oldest = loop {
            match timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap() {
                Ok(page) => from = page.next,
                Err(ReadError::Trimmed { oldest }) => break oldest,
                Err(error) => panic!("{error}"),
            }
            assert!(from <= Sequence(2001 + 2 * PAGE_RECORDS as u64), "{from:?}");
        };
        assert_eq!(oldest, Sequence(4000));
        assert_eq!(sequences(&read_all(&log, oldest).await), from_to(4000, STORED));
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_of_another_stream_is_given() {
        let server = Nats::start();
        let log = stored(&server).await;
        let page = timeout(HANG, log.read(Sequence::FIRST, PAGE_RECORDS)).await.unwrap().unwrap();
        let epoch = log.epoch().0;
        let config = log.shared.api.info().await.unwrap().unwrap().config;
        ask(&log, "DELETE", json!({})).await;
        log.shared.api.create(&config).await.unwrap();
        let other = open(Options::new(&server.url())).await;
        store(&other, STORED).await;
        let mut from = page.next;
        while let Ok(page) = timeout(HANG, log.read(from, PAGE_RECORDS)).await.unwrap() {
            assert!(page.records.iter().all(|record| record.cursor().epoch == epoch));
            // What had been asked for in advance, at most.
            assert!(page.next <= Sequence(1 + 2 * PAGE_RECORDS as u64), "{:?}", page.next);
            from = page.next;
        }
        assert!(log.shared.is_closed());
        log.close().await;
        other.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_that_is_full_of_bytes_ends_there_and_the_walk_goes_on() {
        let server = Nats::start();
        let log = open(Options::new(&server.url())).await;
        // Some pages' worth of bytes, and on average few.
        for large in 0..4 {
            for _ in 0..4 {
                let appending = log.append(record(&large.to_string().repeat(PAGE_BYTES / 3)));
                timeout(HANG, appending).await.unwrap().unwrap();
            }
            store(&log, STORED / 4).await;
        }
        assert_eq!(sequences(&read_all(&log, Sequence::FIRST).await), from_to(1, STORED + 16));
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_may_not_ask_consumers_reads_in_small_steps() {
        let server = Nats::start_with(
            r#"authorization { users: [{ user: gateway, password: secret, permissions: {
                 publish: { deny: "$JS.API.CONSUMER.MSG.NEXT.>" } } }] }"#,
        );
        let login = Login::Password { user: "gateway".to_owned(), password: "secret".to_owned().into() };
        let login = watch::channel(login).1;
        let log = open(Options { login, ..Options::new(&server.url()) }).await;
        store(&log, STORED).await;
        assert_eq!(sequences(&read_all(&log, Sequence::FIRST).await), from_to(1, STORED));
        assert_eq!(walks(&log), (0, 0));
        assert!(log.shared.walks.paused_until().is_some_and(|until| until > Instant::now() + PAUSE));
        log.close().await;
    }
}
