//! State of one gRPC connection that its calls share: whether the socket takes bytes, and which tasks answer calls.
//!
//! [`Transport`] gates the bodies of answers. A client that opens its HTTP/2 windows and stops reading from the socket
//! would otherwise have h2 buffer 400 KiB for each call.
//!
//! [`StreamTask`] ends a single call. hyper polls a body only while the client's HTTP/2 window has room, so a body cannot
//! end its own stream when the client does not read. hyper's executor hands each call to a task of its own, and a task can
//! be aborted: h2 then discards what it holds of the answer and sends RST_STREAM, which needs no window. All other calls of
//! the connection go on. They may be those of other clients, whose proxy uses one connection for all.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{sync::Notify, task::AbortHandle, time::sleep};

/// How long the socket of a connection whose calls were reset may take nothing. h2 frees the bytes of a reset call when it
/// writes RST_STREAM. While nothing can be written, no single call can be ended: then the connection is closed.
const RESET_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection's socket and tasks, as its calls see them.
#[derive(Debug)]
pub(super) struct Transport {
    /// Unique in this process.
    pub(super) id: u64,
    pub(super) peer: Option<SocketAddr>,
    /// Whether the socket took less than it was given last.
    is_blocked: AtomicBool,
    /// Writes that the socket took.
    writes: AtomicU64,
    waiting: Mutex<BlockedBodies>,
    /// Calls whose requests are arriving.
    arriving: AtomicUsize,
    /// Of the connection, if it does not read because too many calls are unanswered.
    paused_reader: AtomicWaker,
    /// Tasks that answer calls.
    tasks: AtomicUsize,
    /// Signaled when the last task has ended.
    all_tasks_ended: Notify,
    /// Bodies that were dropped while h2 held bytes of them.
    abandoned: AtomicUsize,
    /// Signaled when one more was abandoned.
    one_abandoned: Notify,
    /// Whether the connection is to be treated as if its client had closed its side, once all is flushed.
    is_input_ending: AtomicBool,
    /// Whether it is.
    is_input_ended: AtomicBool,
}

/// Bodies that wait until the socket takes bytes, by call.
#[derive(Debug, Default)]
struct BlockedBodies {
    wakers: HashMap<u64, Waker>,
    /// Bodies that were woken. Each may hand over one piece, even if others have filled the socket again by then: streams
    /// that always have something ready must not starve them.
    granted: HashSet<u64>,
}

impl Transport {
    pub(super) fn new(peer: Option<SocketAddr>) -> Arc<Self> {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
            peer,
            is_blocked: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            waiting: Mutex::default(),
            arriving: AtomicUsize::new(0),
            paused_reader: AtomicWaker::new(),
            tasks: AtomicUsize::new(0),
            all_tasks_ended: Notify::new(),
            abandoned: AtomicUsize::new(0),
            one_abandoned: Notify::new(),
            is_input_ending: AtomicBool::new(false),
            is_input_ended: AtomicBool::new(false),
        })
    }

    /// Completes once the socket takes bytes.
    pub(super) fn poll_writable(&self, call: u64, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_blocked.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting();
        if waiting.granted.remove(&call) {
            return Poll::Ready(());
        }
        waiting.wakers.insert(call, cx.waker().clone());
        drop(waiting);
        // It may have become writable before the waker was there.
        if self.is_blocked.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Forgets a call that waits no more.
    pub(super) fn forget(&self, call: u64) {
        let mut waiting = self.waiting();
        waiting.wakers.remove(&call);
        waiting.granted.remove(&call);
    }

    /// Counts a call whose request is arriving, until the guard is dropped.
    pub(super) fn begin_arrival(self: &Arc<Self>) -> ArrivalGuard {
        self.arriving.fetch_add(1, Ordering::SeqCst);
        self.resume_reader();
        ArrivalGuard(Arc::clone(self))
    }

    /// Returns how many calls wait for their clients to send the rest of their requests.
    pub(super) fn arriving(&self) -> usize {
        self.arriving.load(Ordering::SeqCst)
    }

    /// Has the connection's task woken when it may read again.
    pub(super) fn pause_reader(&self, waker: &Waker) {
        self.paused_reader.register(waker);
    }

    /// Wakes the connection's task if it has paused reading.
    pub(super) fn resume_reader(&self) {
        self.paused_reader.wake();
    }

    /// Counts a task until the guard is dropped.
    pub(super) fn begin_task(self: &Arc<Self>) -> TaskGuard {
        self.tasks.fetch_add(1, Ordering::SeqCst);
        TaskGuard(Arc::clone(self))
    }

    /// Waits until no task answers a call.
    pub(super) async fn idle(&self) {
        while self.tasks.load(Ordering::SeqCst) > 0 {
            self.all_tasks_ended.notified().await;
        }
    }

    /// Notes that a body was dropped while h2 held bytes of it.
    pub(super) fn note_abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::SeqCst);
        self.one_abandoned.notify_one();
    }

    /// Notes that h2 has freed the bytes of an abandoned body.
    pub(super) fn note_freed(&self) {
        self.abandoned.fetch_sub(1, Ordering::SeqCst);
    }

    /// Completes when calls were reset and the socket has taken nothing for [`RESET_TIMEOUT`].
    pub(super) async fn stuck(&self) {
        loop {
            while !self.has_abandoned() {
                self.one_abandoned.notified().await;
            }
            let writes = self.writes();
            sleep(RESET_TIMEOUT).await;
            if self.has_abandoned() && self.writes() == writes {
                return;
            }
        }
    }

    /// Completes when the socket has taken nothing for so long, or up to twice as long, though something was to be written.
    pub(super) async fn unwritable(&self, timeout: Duration) {
        loop {
            let writes = self.writes();
            sleep(timeout).await;
            if self.is_blocked.load(Ordering::SeqCst) && self.writes() == writes {
                return;
            }
        }
    }

    /// Returns whether h2 holds bytes of bodies that were dropped.
    pub(super) fn has_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst) > 0
    }

    fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// Has the connection end as if its client had closed its side, when it is polled next. h2 then drops what it has not
    /// written, so that it is flushed before.
    pub(super) fn end_input(&self) {
        self.is_input_ending.store(true, Ordering::SeqCst);
    }

    /// Returns whether the connection is to end once all is flushed.
    pub(super) fn is_input_ending(&self) -> bool {
        self.is_input_ending.load(Ordering::SeqCst)
    }

    /// Returns whether the connection is treated as if its client had closed its side.
    pub(super) fn is_input_ended(&self) -> bool {
        self.is_input_ended.load(Ordering::SeqCst)
    }

    pub(super) fn note_flush(&self) {
        if self.is_input_ending.load(Ordering::SeqCst) {
            self.is_input_ended.store(true, Ordering::SeqCst);
            self.resume_reader();
        }
    }

    pub(super) fn note_write(&self, is_taken: bool) {
        if !is_taken {
            self.is_blocked.store(true, Ordering::SeqCst);
            return;
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        if self.is_blocked.swap(false, Ordering::SeqCst) {
            let mut waiting = self.waiting();
            let wakers = std::mem::take(&mut waiting.wakers);
            waiting.granted.extend(wakers.keys());
            drop(waiting);
            wakers.into_values().for_each(Waker::wake);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BlockedBodies> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is arriving, until it is dropped.
pub(super) struct ArrivalGuard(Arc<Transport>);

impl Drop for ArrivalGuard {
    fn drop(&mut self) {
        self.0.arriving.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A task that answers a call, until it is dropped.
pub(super) struct TaskGuard(Arc<Transport>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.all_tasks_ended.notify_one();
        }
    }
}

/// The task that answers one call.
#[derive(Debug, Default)]
pub(super) struct StreamTask(OnceLock<AbortHandle>);

impl StreamTask {
    /// Notes the task once it runs.
    pub(super) fn set(&self, task: AbortHandle) {
        // Set once: each call has one task.
        self.0.set(task).ok();
    }

    /// Resets the call's stream and drops its body. Not to be called with a lock that the body's drop takes.
    pub(super) fn reset(&self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

/// What is known of a connection's other end.
pub(super) trait HasTransport {
    /// The connection's state.
    fn transport(&self) -> &Arc<Transport>;
}

#[cfg(test)]
mod tests {
    use futures_util::{poll, task::noop_waker};

    use super::*;

    #[test]
    fn a_body_waits_until_the_socket_takes_bytes() {
        let transport = Transport::new(None);
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        assert!(transport.poll_writable(1, &mut cx).is_ready());
        transport.note_write(false);
        assert!(transport.poll_writable(1, &mut cx).is_pending());
        assert!(transport.poll_writable(2, &mut cx).is_pending());
        transport.forget(1);
        assert_eq!(transport.waiting().wakers.len(), 1);
        transport.note_write(true);
        assert!(transport.waiting().wakers.is_empty(), "all were woken");
        assert!(transport.poll_writable(1, &mut cx).is_ready());
    }

    /// As when a stream fills it again before the body that was woken has its turn.
    #[test]
    fn a_body_that_waited_hands_over_one_piece_each_time_the_socket_took_something() {
        let transport = Transport::new(None);
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        transport.note_write(false);
        for _ in 0..3 {
            assert!(transport.poll_writable(1, &mut cx).is_pending());
            transport.note_write(true);
            transport.note_write(false);
            assert!(transport.poll_writable(1, &mut cx).is_ready());
        }
        assert!(transport.poll_writable(1, &mut cx).is_pending());
        transport.note_write(true);
        transport.forget(1);
        assert!(transport.waiting().granted.is_empty());
    }

    #[tokio::test]
    async fn a_connection_is_idle_once_its_last_task_has_ended() {
        let transport = Transport::new(None);
        transport.idle().await;
        let tasks = [transport.begin_task(), transport.begin_task()];
        let mut idle = Box::pin(transport.idle());
        assert!(poll!(&mut idle).is_pending());
        let [first, last] = tasks;
        drop(first);
        assert!(poll!(&mut idle).is_pending());
        drop(last);
        assert!(poll!(&mut idle).is_ready());
    }
}
