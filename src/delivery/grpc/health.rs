//! `grpc.health.v1.Health`.
//!
//! tonic-health's service is not used: it ends a watch of an unknown name with NOT_FOUND, where the protocol asks for
//! SERVICE_UNKNOWN on a stream that continues, and its watches have no bound. Its generated messages and server are.
//!
//! Watches need no token, and clients keep one for each of their connections, so they have a cap of their own. At the cap
//! a new watch displaces one of the connection with the most watches, so that no client can use up the cap. The client of a
//! displaced watch gets a status if it reads. Beyond [`MAX_DISPLACED`] clients that do not read, the oldest watches are
//! reset.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    net::SocketAddr,
    sync::Arc,
};

use futures_util::{Stream, stream};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server,
};

use super::{status, transport::StreamTask};
use crate::{
    net::shutdown::Drain,
    observe::{metrics::Metrics, telemetry::LineLimit},
};

const EVENT_SERVICE: &str = "imcallback.v1.EventService";
const ADMIN_SERVICE: &str = "imcallback.v1.AdminService";
/// Most displaced watches whose clients have not read the status. Beyond it the one that was displaced first is reset.
pub(super) const MAX_DISPLACED: usize = 128;

/// States that `grpc.health.v1.Health` reports. All start as NOT_SERVING.
#[derive(Debug, Clone)]
pub(crate) struct Health(watch::Sender<States>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct States {
    is_storing: bool,
    is_reading: bool,
    is_answering: bool,
}

impl States {
    fn of(self, service: &str) -> Option<ServingStatus> {
        let is_serving = match service {
            "" => self.is_storing,
            EVENT_SERVICE => self.is_reading,
            ADMIN_SERVICE => self.is_answering,
            _ => return None,
        };
        Some(if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing })
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Creates states of NOT_SERVING.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(States::default()))
    }

    /// Sets the state of the name "": whether callbacks can be stored.
    pub(crate) fn set_storing(&self, is_storing: bool) {
        self.set(|states| States { is_storing, ..states });
    }

    /// Sets the state of `EventService`: whether stored events can be read.
    pub(crate) fn set_reading(&self, is_reading: bool) {
        self.set(|states| States { is_reading, ..states });
    }

    /// Sets the state of `AdminService`: whether it takes calls.
    pub(crate) fn set_answering(&self, is_answering: bool) {
        self.set(|states| States { is_answering, ..states });
    }

    fn set(&self, change: impl FnOnce(States) -> States) {
        self.0.send_if_modified(|states| {
            let before = *states;
            *states = change(before);
            *states != before
        });
    }
}

/// Health service.
#[derive(Debug, Clone)]
pub(super) struct HealthService {
    health: Health,
    watches: Arc<Watches>,
    drain: Drain,
}

impl HealthService {
    pub(super) fn new(health: Health, max_watches: usize, metrics: Arc<Metrics>, drain: Drain) -> Self {
        let watches = Watches { max: max_watches, metrics, open: Mutex::default(), lines: LineLimit::new() };
        Self { health, watches: Arc::new(watches), drain }
    }
}

/// Stream of the states of a service, until the watch ends.
pub(super) type WatchStream =
    std::pin::Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl health_server::Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        let state = self.health.0.borrow().of(&service).ok_or_else(|| status::service_unknown(&service))?;
        Ok(Response::new(HealthCheckResponse { status: state.into() }))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<WatchStream>, Status> {
        let task = request.extensions().get::<Arc<StreamTask>>().cloned().unwrap_or_default();
        let watch = self.watches.open(request.remote_addr(), task)?;
        let state = WatchState {
            service: request.into_inner().service,
            states: self.health.0.subscribe(),
            last: None,
            drain: self.drain.clone(),
            watch,
            is_ended: false,
        };
        Ok(Response::new(Box::pin(stream::unfold(state, WatchState::next))))
    }
}

/// State of a watch.
struct WatchState {
    service: String,
    states: watch::Receiver<States>,
    /// State that was sent last.
    last: Option<ServingStatus>,
    drain: Drain,
    /// Kept until the response is dropped, also after the status: the client may not read it.
    watch: WatchPermit,
    is_ended: bool,
}

impl WatchState {
    /// Waits for a state that differs from the last one.
    async fn next(mut state: Self) -> Option<(Result<HealthCheckResponse, Status>, Self)> {
        if state.is_ended {
            return std::future::pending().await;
        }
        loop {
            let states = *state.states.borrow_and_update();
            let status = states.of(&state.service).unwrap_or(ServingStatus::ServiceUnknown);
            if state.last != Some(status) {
                state.last = Some(status);
                return Some((Ok(HealthCheckResponse { status: status.into() }), state));
            }
            let status = tokio::select! {
                // The sender lives as long as the gateway.
                _ = state.states.changed() => continue,
                () = state.watch.displaced.cancelled() => status::too_many_watches(),
                () = state.drain.ending() => status::shutting_down(),
            };
            state.is_ended = true;
            return Some((Err(status), state));
        }
    }
}

/// All open watches.
struct Watches {
    max: usize,
    metrics: Arc<Metrics>,
    open: Mutex<WatchTable>,
    lines: LineLimit,
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watches").field("max", &self.max).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct WatchTable {
    last_id: u64,
    watches: HashMap<u64, WatchEntry>,
    /// Tasks of watches that were displaced and have not ended. Ids grow, so the first one began first.
    displaced: BTreeMap<u64, Arc<StreamTask>>,
    /// Watches by the address of their client.
    connections: HashMap<Option<SocketAddr>, BTreeSet<u64>>,
}

/// An open watch.
struct WatchEntry {
    displaced: CancellationToken,
    task: Arc<StreamTask>,
}

/// Permit of a watch, until it is dropped.
struct WatchPermit {
    watches: Arc<Watches>,
    id: u64,
    peer: Option<SocketAddr>,
    displaced: CancellationToken,
}

impl Watches {
    fn open(
        self: &Arc<Self>,
        peer: Option<SocketAddr>,
        task: Arc<StreamTask>,
    ) -> Result<WatchPermit, Status> {
        let mut open = self.lock();
        let mut excess = None;
        if open.watches.len() >= self.max {
            if let Some(left_out) = self.lines.next() {
                tracing::warn!(
                    max_watches = self.max,
                    left_out,
                    "Health.Watch streams have reached their limit; ending streams of the connections with the most"
                );
            }
            self.metrics.note_refused_call(&status::reason(&status::too_many_watches()));
            let own = open.connections.get(&peer).map_or(0, BTreeSet::len);
            let most = open.connections.iter().max_by_key(|(_, watches)| watches.len());
            let most = most.filter(|(_, watches)| watches.len() > own + 1);
            let displaced = most.and_then(|(peer, watches)| Some((*peer, *watches.first()?)));
            let Some((peer, id)) = displaced else { return Err(status::too_many_watches()) };
            excess = open.displace(id, peer);
        }
        open.last_id += 1;
        let id = open.last_id;
        let displaced = CancellationToken::new();
        open.watches.insert(id, WatchEntry { displaced: displaced.clone(), task });
        open.connections.entry(peer).or_default().insert(id);
        self.metrics.grpc_watches.set(open.watches.len() as f64);
        drop(open);
        if let Some(task) = excess {
            task.reset();
        }
        Ok(WatchPermit { watches: Arc::clone(self), id, peer, displaced })
    }

    fn lock(&self) -> MutexGuard<'_, WatchTable> {
        self.open.lock()
    }
}

impl WatchTable {
    /// Ends a watch. Returns the task of another watch, which the caller resets without the lock.
    fn displace(&mut self, id: u64, peer: Option<SocketAddr>) -> Option<Arc<StreamTask>> {
        let WatchEntry { displaced, task } = self.remove(id, peer)?;
        displaced.cancel();
        self.displaced.insert(id, task);
        let is_excess = self.displaced.len() > MAX_DISPLACED;
        is_excess.then(|| self.displaced.pop_first()).flatten().map(|(_, task)| task)
    }

    /// Removes a watch, if it is still open.
    fn remove(&mut self, id: u64, peer: Option<SocketAddr>) -> Option<WatchEntry> {
        let opened = self.watches.remove(&id)?;
        if let Some(watches) = self.connections.get_mut(&peer) {
            watches.remove(&id);
            if watches.is_empty() {
                self.connections.remove(&peer);
            }
        }
        Some(opened)
    }
}

impl Drop for WatchPermit {
    fn drop(&mut self) {
        let mut open = self.watches.lock();
        open.displaced.remove(&self.id);
        open.remove(self.id, self.peer);
        self.watches.metrics.grpc_watches.set(open.watches.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Labels;

    #[test]
    fn a_new_watch_displaces_one_of_the_connection_with_the_most() {
        let metrics = Arc::new(Metrics::new([], &Labels::default()));
        let watches = Arc::new(Watches { max: 3, metrics, open: Mutex::default(), lines: LineLimit::new() });
        let peer = |port: u16| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let open = |port| watches.open(peer(port), Arc::default());
        let first: Vec<_> = (0..3).map(|_| open(1).unwrap()).collect();
        assert!(open(1).is_err(), "its own connection has most");
        let second = open(2).unwrap();
        assert!(first[0].displaced.is_cancelled() && !first[1].displaced.is_cancelled());
        assert!(open(2).is_err(), "it would have as many as the other one");
        assert_eq!(watches.lock().displaced.len(), 1, "it stays until its client reads the status");
        drop(first);
        let third = open(1).unwrap();
        assert!(!second.displaced.is_cancelled());
        drop((second, third));
        let open = watches.lock();
        assert!(open.watches.is_empty() && open.displaced.is_empty() && open.connections.is_empty());
    }

    #[tokio::test]
    async fn watches_that_were_displaced_first_are_reset_when_too_many_clients_do_not_read() {
        let metrics = Arc::new(Metrics::new([], &Labels::default()));
        let max = MAX_DISPLACED + 10;
        let watches = Arc::new(Watches { max, metrics, open: Mutex::default(), lines: LineLimit::new() });
        let peer = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        // A client that reads nothing.
        let mut unread = Vec::new();
        for _ in 0..max {
            let task = Arc::new(StreamTask::default());
            let watch = watches.open(peer(1), Arc::clone(&task)).unwrap();
            let response = tokio::spawn(async move {
                let _watch = watch;
                std::future::pending::<()>().await
            });
            task.set(response.abort_handle());
            unread.push(response);
        }
        let others: Vec<_> = (2..)
            .take(MAX_DISPLACED + 2)
            .map(|port| watches.open(peer(port), Arc::default()).unwrap())
            .collect();
        for response in unread.drain(..2) {
            assert!(response.await.unwrap_err().is_cancelled());
        }
        assert_eq!(watches.lock().displaced.len(), MAX_DISPLACED);
        assert!(unread.iter().all(|response| !response.is_finished()));
        assert_eq!(watches.lock().watches.len(), max);
        drop(others);
    }
}
