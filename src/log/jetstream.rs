//! The log in a stream of NATS JetStream: several gateways share it, and any of them
//! serves any subscriber.
//!
//! ```text
//!   append -> publisher -> stream (leader -> other servers) -> acknowledgement -> answer
//!                            |
//!                            +-> one consumer -> ring -> tail -> subscribers
//!                            +-> direct gets -> those who have fallen behind
//!                            +-> a consumer each -> those who have far to go
//! ```
//!
//! The stream is the log: its sequences are the log's, its creation or a time in its metadata is
//! the epoch, and an event was received when the server says so. An append is answered once the server has
//! acknowledged it, normally after this gateway's own tail has come to it too.
//!
//! What a server has trimmed or lost shows in numbers only: JetStream delivers the next
//! message that there is. So wherever sequences are left out the stream's leader is asked,
//! and its answer decides what is trimmed, what is a hole, and where the end is.
//!
//! A stream that is deleted and created again, or has lost its end, is another log with another epoch.
//! The tail tells the readers, the log closes, and the gateway ends: after its restart, it has
//! nothing in memory that is no longer true. A loss while no gateway ran is found at the start, by
//! a mark on this gateway's own disk.

mod api;
mod connection;
mod epoch;
mod follow;
mod history;
mod indexed;
mod info;
mod lost;
mod mark;
mod message;
mod open;
mod publish;
mod refusal;
mod refused;
mod scratch;
mod shared;
mod stream;
mod walk;
mod watch;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, watch as watched},
    task::JoinHandle,
    time::timeout,
};

use self::{
    api::Api,
    indexed::Indexed,
    mark::MarkFile,
    publish::{Job, Place, Publisher},
    scratch::ScratchDir,
    shared::Shared,
};
pub use self::{
    api::ApiError,
    connection::Tls,
    open::{OpenError, Options},
    refusal::Refusal,
};
use super::{
    AppendError, Appending, EventLog, Holes, Lag, LogState, NewRecord, Order, Page, Queue, ReadError, Tail,
    Terms, Usage, index::Index,
};
use crate::event::{Epoch, Sequence, Timestamp};

/// Most records that wait for their acknowledgement; beyond it appends get
/// [`AppendError::QueueFull`].
pub const IN_FLIGHT_RECORDS: usize = 4096;
/// Most bytes of such records; beyond it likewise.
pub const IN_FLIGHT_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a message that are not the record's: its headers.
const HEADER_BYTES: usize = 128;
/// How long the connection may take to close; nothing is left on it to wait for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// See the module's documentation.
#[derive(Debug)]
pub struct JetStreamLog {
    shared: Arc<Shared>,
    /// `None` once the log is closed.
    jobs: Mutex<Option<mpsc::UnboundedSender<Job>>>,
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    records: Arc<AtomicUsize>,
    tasks: Mutex<Option<Tasks>>,
    index: Option<Arc<Index>>,
}

#[derive(Debug)]
struct Tasks {
    publisher: JoinHandle<()>,
    others: [JoinHandle<()>; 2],
    mark: Option<JoinHandle<()>>,
    indexed: Option<Indexed>,
    _scratch: Option<ScratchDir>,
}

impl JetStreamLog {
    /// Connects, makes the stream or checks it, and begins to follow it.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let mut random = [0; 12];
        getrandom::fill(&mut random)?;
        let api = open::connect(options.clone(), "callback-gateway").await?;
        // The client takes in messages where it connects. Beside ten readers of history callbacks took
        // 0.9 ms at the median with the threads that deliver, 1.6 with the others, and 4 with one
        // connection for both (`cargo bench --bench replay -- --log nats`).
        let runtime = options.reading_runtime.clone().unwrap_or_else(Handle::current);
        let reading = runtime.spawn(open::connect(options.clone(), "callback-gateway-history"));
        let reading = reading.await.map_err(OpenError::Panic)??;
        let scratch = options.scratch_dir.as_deref().and_then(|dir| {
            let opened = ScratchDir::open(dir);
            let mark = opened.and_then(|scratch| Ok((MarkFile::open(&scratch.path)?, scratch)));
            mark.inspect_err(|error| {
                let dir = dir.display();
                tracing::warn!(
                    %dir,
                    %error,
                    "cannot use the data directory: a loss of the stream's end may go unnoticed, and searches without an \
                     index take longer"
                );
            })
            .ok()
        });
        let (mark, scratch) = scratch.unzip();
        let last_mark = mark.as_ref().and_then(|file: &MarkFile| file.mark);
        let (info, newest) = open::begin(&api, &options, last_mark).await?;
        if options.replicas == 1 {
            tracing::warn!(
                "the stream is on one server: what it acknowledged within its sync_interval (2 minutes by default) a \
                 power cut may take; use --nats-replicas 3, or sync_interval: always"
            );
        }
        let shared = Shared::new(api, reading, &options, &info, newest);
        let shared = Arc::new(shared);
        let follower = open::begin_to_follow(&shared).await?;
        shared.note_lost(&info.state).await;
        // Who may not store would come to know it only by the first callback, which would be lost.
        let subject = format!("{}.0.A", options.subject_prefix);
        if let Err(ApiError::Denied(_)) = shared.api.may_publish(subject).await {
            let needed = format!("{}.>", options.subject_prefix);
            return Err(OpenError::Publish(ApiError::Denied(api::publish_to(&needed))));
        }
        // Without this right the gateway could not report a loss of the stream's end.
        if let Err(error @ ApiError::Denied(_)) = shared.api.may_update().await {
            return Err(OpenError::Update(error));
        }
        // Who may not read would come to know it only once a subscriber has fallen behind.
        if let Err(error @ ApiError::Denied(_)) = shared.get_batch(shared.oldest(), 1).await {
            return Err(OpenError::Read(error));
        }
        let indexed =
            scratch.as_ref().filter(|_| options.has_index).and_then(|ScratchDir { path, .. }| {
                let begun = Indexed::begin(&shared, path);
                begun
                    .inspect_err(|error| {
                        let dir = path.display();
                        tracing::warn!(%dir, %error, "there is no account index; searches take longer");
                    })
                    .ok()
            });
        let log = Self {
            shared,
            index: indexed.as_ref().map(|indexed| Arc::clone(&indexed.index)),
            jobs: Mutex::default(),
            places: Arc::new(Semaphore::new(IN_FLIGHT_RECORDS)),
            bytes: Arc::new(Semaphore::new(IN_FLIGHT_BYTES)),
            records: Arc::default(),
            tasks: Mutex::default(),
        };
        tracing::info!(
            stream = options.stream,
            replicas = options.replicas,
            largest_event = log.max_record_bytes(),
            "events are kept in NATS JetStream"
        );
        let (jobs, to_publish) = mpsc::unbounded_channel();
        let shared = || Arc::clone(&log.shared);
        let publisher =
            Publisher::new(shared(), options.subject_prefix, format!("{}-", hex::encode(random)), to_publish)
                .await?;
        let tasks = Tasks {
            publisher: tokio::spawn(publisher.run()),
            others: [tokio::spawn(follow::follow(follower)), tokio::spawn(watch::watch(shared()))],
            mark: mark.map(|mark| tokio::spawn(mark::keep(shared(), mark))),
            indexed,
            _scratch: scratch,
        };
        *log.tasks.lock().unwrap_or_else(PoisonError::into_inner) = Some(tasks);
        *log.jobs.lock().unwrap_or_else(PoisonError::into_inner) = Some(jobs);
        Ok(log)
    }

    fn enqueue(&self, record: NewRecord) -> Result<Appending, AppendError> {
        let bytes = u32::try_from(record.stored.bytes().len()).map_err(|_| AppendError::QueueFull)?;
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.as_ref().ok_or(AppendError::Closed)?;
        if self.shared.is_unsafe.load(Ordering::Relaxed) || self.shared.reused().is_some() {
            return Err(AppendError::Recovering);
        }
        let place = self.place(bytes)?;
        let (reply, appending) = Appending::pending();
        jobs.send(Job { record, reply, place }).map_err(|_| AppendError::Closed)?;
        Ok(appending)
    }

    fn place(&self, bytes: u32) -> Result<Place, AppendError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| AppendError::QueueFull)?;
        let bytes =
            Arc::clone(&self.bytes).try_acquire_many_owned(bytes).map_err(|_| AppendError::QueueFull)?;
        self.records.fetch_add(1, Ordering::Relaxed);
        Ok(Place { records: Arc::clone(&self.records), _permits: (place, bytes) })
    }
}

impl EventLog for JetStreamLog {
    fn epoch(&self) -> (Epoch, Timestamp) {
        (self.shared.epoch, self.shared.epoch_start)
    }

    fn append(&self, record: NewRecord) -> Appending {
        self.enqueue(record).unwrap_or_else(|error| Appending::done(Err(error)))
    }

    fn max_record_bytes(&self) -> usize {
        self.shared.api.client.max_payload().saturating_sub(HEADER_BYTES)
    }

    fn read(&self, from: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page = {
            let ring = self.shared.ring();
            // Looked at together with the ring, which may have gone back for good.
            if self.shared.is_closed() && from >= self.shared.end() {
                return std::future::ready(Err(gone_back())).boxed();
            }
            ring.read(from, max_records)
        };
        match page {
            Some(page) => std::future::ready(Ok(page)).boxed(),
            None => async move {
                let end = self.shared.end();
                // Since the ring was looked at; or what the stream has there now may be another
                // log's, further below than where that was seen.
                if from >= end || self.shared.is_closed() {
                    return Err(gone_back());
                }
                self.shared.read_history(from, end, max_records).await
            }
            .boxed(),
        }
    }

    fn read_back(&self, before: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page = self.shared.ring().read_back(before, max_records);
        match page {
            Some(page) => std::future::ready(Ok(page)).boxed(),
            None => async move {
                let before = before.min(self.shared.end());
                self.shared.read_history_back(before, max_records).await
            }
            .boxed(),
        }
    }

    fn search<'a>(
        &'a self,
        terms: &'a Terms,
        position: Sequence,
        order: Order,
        max_records: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        async move {
            let found = match &self.index {
                Some(index) => index.find(terms, position, order, max_records).await,
                None => None,
            };
            match (found, order) {
                (Some(found), _) => self.shared.pick(position, order, found).await,
                (None, order) => {
                    let mut page = match order {
                        Order::OldestFirst => self.read(position, max_records).await,
                        Order::NewestFirst => self.read_back(position, max_records).await,
                    }?;
                    // Readers of a search cannot see a hole from the sequences.
                    match page.cut_at_hole(order, position, self.oldest()) {
                        Some((hole, _)) if page.records.is_empty() => Err(ReadError::Hole(hole)),
                        _ => Ok(page),
                    }
                }
            }
        }
        .boxed()
    }

    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>> {
        let position = self.shared.ring().seek(time);
        match position {
            Some(position) => std::future::ready(Ok(self.shared.holes.start(position))).boxed(),
            None => async move { Ok(self.shared.holes.start(self.shared.seek_history(time).await?)) }.boxed(),
        }
    }

    fn reach(&self, sequence: Sequence) -> BoxFuture<'_, Result<(), ReadError>> {
        self.shared.reach(sequence).boxed()
    }

    fn trimmed_until(&self) -> Option<Timestamp> {
        self.shared.trimmed_until()
    }

    fn memory_start(&self) -> Sequence {
        self.shared.ring().start()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        // One that cannot be used is as good as one that has not begun.
        let index_end = self.index.as_ref().map(|index| index.end().unwrap_or(self.shared.oldest()));
        let usage = Usage { backend: "nats", bytes: self.shared.bytes(), index_end };
        std::future::ready(Ok(usage)).boxed()
    }

    fn lag(&self) -> Lag {
        self.shared.lag()
    }

    fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    fn queue(&self) -> Queue {
        Queue {
            records: self.records.load(Ordering::Relaxed),
            bytes: IN_FLIGHT_BYTES.saturating_sub(self.bytes.available_permits()),
        }
    }

    fn holes(&self) -> &Holes {
        &self.shared.holes
    }

    fn tail(&self) -> watched::Receiver<Tail> {
        self.shared.tail.subscribe()
    }

    fn oldest(&self) -> Sequence {
        self.shared.oldest()
    }

    fn state(&self) -> watched::Receiver<LogState> {
        self.shared.state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            // The publisher ends once it has answered what was accepted.
            self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
            let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(Tasks { publisher, others, mark, indexed, _scratch }) = tasks else { return };
            ended("publisher", publisher).await;
            self.shared.state.send_replace(LogState::Closed);
            self.shared.history.close();
            for task in others.into_iter().chain(mark) {
                ended("follower", task).await;
            }
            if let Some(indexed) = indexed {
                indexed.end().await;
            }
            let Shared { api, reading, .. } = &*self.shared;
            tokio::join!(disconnect(api), disconnect(reading));
        }
        .boxed()
    }
}

fn gone_back() -> ReadError {
    shared::unavailable("the log has ended below the position")
}

async fn disconnect(api: &Api) {
    match timeout(DRAIN_TIMEOUT, api.client.drain()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the connection to NATS was gone already"),
        Err(_) => tracing::debug!("the connection to NATS takes nothing any more"),
    }
}

async fn ended(name: &str, task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "the log's {name} panicked");
    }
}

#[cfg(test)]
#[cfg(feature = "external-tools")]
mod tests {
    use std::collections::BTreeSet;

    use super::{shared::Other, *};
    use crate::log::conformance::{HANG, nats::Nats, record};

    async fn open(server: &Nats) -> JetStreamLog {
        JetStreamLog::open(Options::new(&server.url())).await.unwrap()
    }

    /// An append that the server has acknowledged, and the tail has not come to.
    fn acknowledged(log: &JetStreamLog, sequence: Sequence) -> Appending {
        let (reply, appending) = Appending::pending();
        log.shared.acknowledge(sequence, reply, log.place(10).unwrap());
        appending
    }

    async fn outcome(appending: Appending) -> Result<Sequence, AppendError> {
        let outcome = timeout(HANG, appending).await.expect("it is answered");
        outcome.map(|cursor| cursor.sequence)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_whose_event_was_lost_is_used() {
        let server = Nats::start();
        let log = open(&server).await;
        let mut connection = log.shared.api.said.connection.subscribe();
        connection.wait_for(|connection| connection.number > 0).await.unwrap();
        log.shared.api.said.connection.send_modify(|connection| connection.is_up = false);
        let appending = log.append(record("{}"));
        assert_eq!(outcome(appending).await, Ok(Sequence(1)));
        log.close().await;
    }

    /// Whoever has nothing of a stream has nothing by which it could tell another from it.
    #[tokio::test(flavor = "multi_thread")]
    async fn events_of_another_stream_do_not_follow_on_an_empty_one() {
        let server = Nats::start();
        let log = open(&server).await;
        let api = &log.shared.api;
        let config = api.info().await.unwrap().unwrap().config;
        let deleted = api.client.request("$JS.API.STREAM.DELETE.callbacks", "".into());
        timeout(HANG, deleted).await.unwrap().unwrap();
        api.create(&config).await.unwrap();
        let other = open(&server).await;
        assert_eq!(outcome(other.append(record("{}"))).await, Ok(Sequence(1)));
        // As when the connection was lost meanwhile.
        log.shared.follow_anew.notify_one();
        let mut tail = log.tail();
        let is_moved = |tail: &Tail| tail.end > Sequence(1) || tail.cursor.epoch != log.epoch().0;
        let tail = *timeout(HANG, tail.wait_for(is_moved)).await.unwrap().unwrap();
        assert_eq!((tail.cursor.epoch, tail.end), (other.epoch().0, Sequence(1)));
        log.close().await;
        other.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_append_keeps_its_place_until_the_tail_has_come_to_it() {
        let server = Nats::start();
        let log = open(&server).await;
        let appending = acknowledged(&log, Sequence(1));
        assert_eq!(log.queue(), Queue { records: 1, bytes: 10 });
        log.shared.extend([(Sequence(1), None)]);
        assert_eq!(outcome(appending).await, Ok(Sequence(1)));
        assert_eq!(log.queue(), Queue::default());
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn more_than_may_be_under_way_is_refused_at_once_and_what_was_taken_is_stored() {
        let mut server = Nats::start();
        let log = open(&server).await;
        server.kill();
        let taken: Vec<_> = (0..IN_FLIGHT_RECORDS).map(|_| log.append(record("{}"))).collect();
        assert_eq!(log.append(record("{}")).now_or_never(), Some(Err(AppendError::QueueFull)));
        assert_eq!(log.queue().records, IN_FLIGHT_RECORDS);
        server.start_again();
        let mut sequences = BTreeSet::new();
        for appending in taken {
            sequences.insert(outcome(appending).await.unwrap().0);
        }
        // Each once; those that nobody waits for one after the other may be stored in any order.
        assert!(sequences.into_iter().eq(1..=IN_FLIGHT_RECORDS as u64));
        assert_eq!(log.queue(), Queue::default());
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_under_way_is_bounded_in_bytes_too() {
        let mut server = Nats::start();
        let log = open(&server).await;
        server.kill();
        let large = record(&"x".repeat(1_000_000));
        let bytes = large.stored.bytes().len();
        let fit = IN_FLIGHT_BYTES / bytes;
        let another = || log.append(NewRecord { stored: large.stored.clone(), ..record("") });
        let taken: Vec<_> = (0..fit).map(|_| another()).collect();
        assert_eq!(another().now_or_never(), Some(Err(AppendError::QueueFull)));
        assert_eq!(log.queue(), Queue { records: fit, bytes: fit * bytes });
        // What is smaller still has room.
        let small = log.append(record("{}"));
        server.start_again();
        for appending in taken.into_iter().chain([small]) {
            outcome(appending).await.unwrap();
        }
        assert_eq!(log.queue(), Queue::default());
        log.close().await;
    }

    /// Nobody has seen such an event here, so that nobody would notice.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_stream_that_lost_what_the_tail_had_not_come_to_ends_the_log() {
        let server = Nats::start();
        let log = open(&server).await;
        assert_eq!(outcome(log.append(record("{}"))).await, Ok(Sequence(1)));
        let _appending = acknowledged(&log, Sequence(3));
        let mut state = log.state();
        timeout(HANG, state.wait_for(|state| *state == LogState::Closed)).await.unwrap().unwrap();
        assert_eq!(log.tail().borrow().end, Sequence(2), "what was seen is still this log's");
        log.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_append_that_waits_for_the_tail_is_not_promised_once_the_log_is_another() {
        let server = Nats::start();
        let log = open(&server).await;
        let appending = acknowledged(&log, Sequence(1));
        log.shared.become_other(Other::Replaced(Epoch(1)));
        assert_eq!(outcome(appending).await, Err(AppendError::Closed));
        // Nor one whose acknowledgement comes only then.
        assert_eq!(outcome(acknowledged(&log, Sequence(1))).await, Err(AppendError::Closed));
        log.close().await;
        assert_eq!(log.queue(), Queue::default());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_append_is_answered_though_the_tail_does_not_come_to_it() {
        let mut server = Nats::start();
        let log = open(&server).await;
        server.kill();
        let waiting = log.append(record("{}"));
        let mut look = tokio::time::interval(std::time::Duration::from_millis(10));
        let is_stalled = async {
            while !log.shared.is_stalled.load(Ordering::Relaxed) {
                look.tick().await;
            }
        };
        timeout(HANG, is_stalled).await.expect("the publisher has taken the append");
        // The publisher answers overdue appends while it publishes.
        let late = acknowledged(&log, Sequence(100));
        assert_eq!(outcome(late).await, Ok(Sequence(100)));
        server.start_again();
        assert_eq!(outcome(waiting).await, Ok(Sequence(1)));
        log.close().await;
    }

    /// What is stored there now may be another log's, and positions beyond its end may be good ones.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_has_ended_gives_and_judges_nothing_that_it_does_not_know() {
        let server = Nats::start();
        let writer = open(&server).await;
        for sequence in 1..=3 {
            assert_eq!(outcome(writer.append(record("{}"))).await, Ok(Sequence(sequence)));
        }
        let log = open(&server).await;
        assert_eq!(log.read(Sequence(1), 1).await.unwrap().records.len(), 1, "from the stream");
        // Lost where its tail had not come to.
        log.shared.become_other(Other::Rewound(Sequence(9)));
        let page = log.read(Sequence(1), 1).await;
        assert!(matches!(page, Err(ReadError::Unavailable(_))), "{page:?}");
        assert_eq!(log.reach(Sequence(3)).await, Ok(()));
        let beyond = timeout(HANG, log.reach(Sequence(5))).await.unwrap();
        assert!(matches!(beyond, Err(ReadError::Unavailable(_))), "{beyond:?}");
        tokio::join!(log.close(), writer.close());
    }
}
