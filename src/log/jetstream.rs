//! The log in a stream of NATS JetStream. Several gateways share it, and each serves any subscriber.
//!
//! ```text
//!   append -> publisher -> stream (leader -> other servers) -> acknowledgement -> answer
//!                            |
//!                            +-> one push consumer -> ring -> tail -> subscribers
//!                            +-> direct gets       -> subscribers behind the ring
//!                            +-> pull consumers    -> subscribers far behind it
//! ```
//!
//! The stream is the log. Its sequences are the log's, the epoch is the time of its creation or a later time in its
//! metadata, and an event's receive time is the server's. An append is answered once the server has acknowledged it,
//! normally after this gateway's own tail has reached it too.
//!
//! JetStream delivers the next message that exists, so that trimmed or lost messages show only as gaps between sequences.
//! At each gap the gateway asks the stream's leader, whose answer decides what is trimmed, what is a hole, and where the end
//! is.
//!
//! A stream that is deleted and created again, or has lost its end, is another log with another epoch. The tail tells the
//! readers, the log closes, and the gateway ends: after its restart, nothing outdated is in memory. A loss while no gateway
//! ran is found at the start, by a mark on this gateway's own disk.
//!
//! # Modules
//!
//! Each module imports only from rows below its own.
//!
//! | Modules | Content |
//! | --- | --- |
//! | `open`, `watch`, `indexed` | steps of the start; a look at the stream every second; the index |
//! | `follow`, `publish`, `history`, `mark`, `probe` | the tail's consumer; appends; reads; the mark; retries of a refused event |
//! | `state` | `StreamState`: tail, ring, the leader's last answer |
//! | `acks`, `health`, `lost` | appends that wait for the tail; whether callbacks can be stored; lost events |
//! | `epoch`, `settings`, `refused` | epoch and settings of the stream; events that it refused |
//! | `api` | requests to JetStream |
//! | `info`, `message` | answers and messages of JetStream |
//! | `error` | errors |
//! | `connection` | connections to NATS |
//! | `options`, `scratch` | options; the directory on disk |

mod acks;
mod api;
mod connection;
mod epoch;
mod error;
mod follow;
mod health;
mod history;
mod indexed;
mod info;
mod lost;
mod mark;
mod message;
mod open;
mod options;
mod probe;
mod publish;
mod refused;
mod scratch;
mod settings;
mod state;
#[cfg(test)]
#[cfg(feature = "external-tools")]
mod tests;
mod watch;

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch as watched},
    task::JoinHandle,
    time::timeout,
};

use self::{
    acks::InFlightLimits,
    api::Api,
    history::History,
    indexed::Indexed,
    lost::LostEvents,
    publish::{PendingAppend, Publisher},
    scratch::ScratchDir,
    settings::StreamSettings,
    state::{StreamState, unavailable},
    watch::Watcher,
};
pub use self::{
    acks::{IN_FLIGHT_BYTES, IN_FLIGHT_RECORDS},
    connection::ConnectError,
    error::{ApiError, JetStreamError, OpenError},
    options::{Options, Tls},
};
use super::{
    AppendError, Appending, EventLog, Holes, Lag, LogState, NewRecord, Order, Page, Queue, ReadError, Tail,
    Terms, Usage, index::Index,
};
use crate::event::{Epoch, Sequence, Timestamp};

/// Size of a message beyond its record: its headers.
const HEADER_BYTES: usize = 128;
/// How long the connection may take to close. No caller waits for anything on it.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// See the module's documentation.
#[derive(Debug)]
pub struct JetStreamLog {
    state: Arc<StreamState>,
    history: Arc<History>,
    limits: InFlightLimits,
    /// Queue of the publisher. `None` once the log is closed.
    appends: Mutex<Option<mpsc::UnboundedSender<PendingAppend>>>,
    tasks: Mutex<Option<Tasks>>,
    index: Option<Arc<Index>>,
}

#[derive(Debug)]
struct Tasks {
    publisher: JoinHandle<()>,
    /// They end when the log closes.
    others: Vec<JoinHandle<()>>,
    indexed: Option<Indexed>,
    _scratch: Option<ScratchDir>,
}

impl JetStreamLog {
    /// Connects, creates or checks the stream, and begins to follow it.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let api = open::connect(&options).await?;
        let history_api = open::connect_for_history(&options).await?;
        let (mark, scratch) =
            options.scratch_dir.as_deref().and_then(|dir| open::open_scratch(dir, &options.stream)).unzip();
        let last_mark = mark.as_ref().and_then(|file| file.mark);
        let (info, newest) = open::begin(&api, &options, last_mark).await?;
        if options.replicas == 1 {
            tracing::warn!(
                "the stream is on one server: a power cut may lose what it acknowledged within its sync_interval (2 \
                 minutes by default); use --nats-replicas 3, or sync_interval: always"
            );
        }
        let state = Arc::new(StreamState::new(api, &options, &info, newest));
        let history = Arc::new(History::new(&state, history_api));
        let follower = open::create_follower(&state).await?;
        let mut lost = LostEvents::default();
        lost.update(&state.api, &state.holes, &info.state).await;
        open::check_rights(&state, &history, &options).await?;
        let indexed =
            scratch.as_ref().filter(|_| options.has_index).and_then(|ScratchDir { path, .. }| {
                let begun = Indexed::begin(&state, &history, path);
                begun
                    .inspect_err(|error| {
                        let dir = path.display();
                        tracing::warn!(%dir, %error, "cannot open the account index; searches take longer");
                    })
                    .ok()
            });
        let (appends, to_publish) = mpsc::unbounded_channel();
        let publisher =
            Publisher::new(Arc::clone(&state), options.subject_prefix.clone(), to_publish).await?;
        let settings = StreamSettings::new(&options);
        let watcher = Watcher::new(Arc::clone(&state), Arc::clone(&history), settings, lost);
        let mut others = vec![tokio::spawn(follow::follow(follower)), tokio::spawn(watcher.run())];
        others.extend(mark.map(|mark| tokio::spawn(mark::keep(Arc::clone(&state), mark))));
        let log = Self {
            state,
            history,
            limits: InFlightLimits::new(),
            appends: Mutex::new(Some(appends)),
            index: indexed.as_ref().map(|indexed| Arc::clone(&indexed.index)),
            tasks: Mutex::new(Some(Tasks {
                publisher: tokio::spawn(publisher.run()),
                others,
                indexed,
                _scratch: scratch,
            })),
        };
        tracing::info!(
            stream = options.stream,
            replicas = options.replicas,
            largest_event = log.max_record_bytes(),
            "events are kept in NATS JetStream"
        );
        Ok(log)
    }

    fn enqueue(&self, record: NewRecord) -> Result<Appending, AppendError> {
        let appends = self.appends.lock();
        let appends = appends.as_ref().ok_or(AppendError::Closed)?;
        if self.state.health.has_unsafe_settings() || self.state.reused().is_some() {
            return Err(AppendError::Recovering);
        }
        let permit = self.limits.acquire(record.stored.bytes().len())?;
        let (reply, appending) = Appending::pending();
        appends.send(PendingAppend { record, reply, permit }).map_err(|_| AppendError::Closed)?;
        Ok(appending)
    }

    async fn read_history(&self, from: Sequence, max_records: usize) -> Result<Page, ReadError> {
        let end = self.state.end();
        // The tail may have moved back since the caller looked at the ring. Or the stream holds another log now, which
        // differs further below than this gateway has seen.
        if from >= end || self.state.is_closed() {
            return Err(ended_below());
        }
        self.history.read(from, end, max_records).await
    }

    /// Reads the log instead of the index.
    async fn scan(&self, position: Sequence, order: Order, max_records: usize) -> Result<Page, ReadError> {
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

impl EventLog for JetStreamLog {
    fn epoch(&self) -> (Epoch, Timestamp) {
        (self.state.epoch, self.state.epoch_start)
    }

    fn append(&self, record: NewRecord) -> Appending {
        self.enqueue(record).unwrap_or_else(|error| Appending::done(Err(error)))
    }

    fn max_record_bytes(&self) -> usize {
        self.state.api.client.max_payload().saturating_sub(HEADER_BYTES)
    }

    fn read(&self, from: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page = {
            let ring = self.state.ring();
            // Checked while the ring is locked, because the tail may have moved back for good.
            if self.state.is_closed() && from >= self.state.end() {
                return std::future::ready(Err(ended_below())).boxed();
            }
            ring.read(from, max_records)
        };
        match page {
            Some(page) => std::future::ready(Ok(page)).boxed(),
            None => self.read_history(from, max_records).boxed(),
        }
    }

    fn read_back(&self, before: Sequence, max_records: usize) -> BoxFuture<'_, Result<Page, ReadError>> {
        let page = self.state.ring().read_back(before, max_records);
        match page {
            Some(page) => std::future::ready(Ok(page)).boxed(),
            None => async move {
                let before = before.min(self.state.end());
                self.history.read_back(before, max_records).await
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
            match found {
                Some(found) => indexed::pick(&self.state, &self.history, position, order, found).await,
                None => self.scan(position, order, max_records).await,
            }
        }
        .boxed()
    }

    fn seek(&self, time: Timestamp) -> BoxFuture<'_, Result<Sequence, ReadError>> {
        let position = self.state.ring().seek(time);
        match position {
            Some(position) => std::future::ready(Ok(self.state.holes.start(position))).boxed(),
            None => async move { Ok(self.state.holes.start(self.history.seek(time).await?)) }.boxed(),
        }
    }

    fn reach(&self, sequence: Sequence) -> BoxFuture<'_, Result<(), ReadError>> {
        self.state.reach(sequence).boxed()
    }

    fn trimmed_until(&self) -> Option<Timestamp> {
        self.state.trimmed_until()
    }

    fn memory_start(&self) -> Sequence {
        self.state.ring().start()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, ReadError>> {
        // An index that cannot be used counts as one that has not begun.
        let index_end = self.index.as_ref().map(|index| index.end().unwrap_or(self.state.oldest()));
        let usage = Usage { backend: "nats", bytes: self.state.bytes(), index_end };
        std::future::ready(Ok(usage)).boxed()
    }

    fn lag(&self) -> Lag {
        self.state.lag()
    }

    fn trouble(&self) -> Option<String> {
        self.state.health.trouble()
    }

    fn queue(&self) -> Queue {
        self.limits.in_flight()
    }

    fn holes(&self) -> &Holes {
        &self.state.holes
    }

    fn tail(&self) -> watched::Receiver<Tail> {
        self.state.tail()
    }

    fn oldest(&self) -> Sequence {
        self.state.oldest()
    }

    fn state(&self) -> watched::Receiver<LogState> {
        self.state.health.log_state()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            // The publisher ends once it has answered the accepted appends.
            self.appends.lock().take();
            let tasks = self.tasks.lock().take();
            let Some(Tasks { publisher, others, indexed, _scratch }) = tasks else { return };
            join("publisher", publisher).await;
            self.state.health.close();
            self.history.close();
            for task in others {
                join("follower", task).await;
            }
            if let Some(indexed) = indexed {
                indexed.end().await;
            }
            tokio::join!(disconnect(&self.state.api), disconnect(&self.history.api));
        }
        .boxed()
    }
}

fn ended_below() -> ReadError {
    unavailable("the log has ended below the position")
}

async fn disconnect(api: &Api) {
    match timeout(DRAIN_TIMEOUT, api.client.drain()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the connection to NATS was closed already"),
        Err(_) => tracing::debug!("the connection to NATS is blocked"),
    }
}

async fn join(name: &str, task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "the log's {name} panicked");
    }
}
