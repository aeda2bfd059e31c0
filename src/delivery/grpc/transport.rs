//! State of one gRPC connection that its calls share: whether the socket accepts bytes, and the tasks that answer calls.
//!
//! [`Transport`] gates the bodies of answers. Otherwise h2 would buffer 400 KiB for each call of a client that opens its
//! HTTP/2 windows and stops reading from the socket.
//!
//! [`StreamTask`] ends a single call. hyper polls a body only while the client's HTTP/2 window has room, so a body cannot
//! end its own stream when the client does not read. hyper's executor runs each call in a task of its own, which can be
//! aborted: h2 then discards its part of the answer and sends RST_STREAM, which needs no window. The other calls of the
//! connection continue. They may belong to other clients of the same proxy.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, task::AbortHandle, time::sleep};

/// Time without a write after which a connection with reset calls is closed. h2 frees the bytes of a reset call when it
/// writes RST_STREAM. While nothing can be written, no single call can be ended.
const RESET_TIMEOUT: Duration = Duration::from_secs(5);

/// Socket and tasks of a connection, as its calls see them.
#[derive(Debug)]
pub(super) struct Transport {
    /// Unique in this process.
    pub(super) id: u64,
    pub(super) peer: Option<SocketAddr>,
    /// True if the last write to the socket was blocked.
    is_blocked: AtomicBool,
    /// Number of writes that the socket accepted.
    writes: AtomicU64,
    waiting: Mutex<BlockedBodies>,
    /// Number of calls whose requests are arriving.
    arriving: AtomicUsize,
    /// Waker of the connection while it does not read because too many calls are unanswered.
    paused_reader: AtomicWaker,
    /// Number of tasks that answer calls.
    tasks: AtomicUsize,
    /// Signaled when the last task has ended.
    all_tasks_ended: Notify,
    /// Number of bodies that were dropped while h2 held bytes of them.
    abandoned: AtomicUsize,
    /// Signaled when one more body is abandoned.
    one_abandoned: Notify,
    /// True if the connection is to read the end of its input after the next flush.
    is_input_ending: AtomicBool,
    /// True if the connection reads the end of its input.
    is_input_ended: AtomicBool,
}

/// Bodies that wait until the socket accepts bytes, by call.
#[derive(Debug, Default)]
struct BlockedBodies {
    wakers: HashMap<u64, Waker>,
    /// Bodies that were woken. Each may write one piece, even if others have filled the socket again: streams that always
    /// have something ready must not starve them.
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

    /// Completes when the socket accepts bytes.
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
        // The socket may have become writable before the waker was registered.
        if self.is_blocked.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Forgets a call that no longer waits.
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

    /// Registers the connection's task, which is woken when it may read again.
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

    /// Completes when calls were reset and the socket has accepted nothing for [`RESET_TIMEOUT`].
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

    /// Completes when the socket has been blocked for the timeout, or up to twice as long.
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

    /// Ends the connection as if its client had closed its side. First waits for a flush, because h2 drops what it has not
    /// written by then.
    pub(super) fn end_input(&self) {
        self.is_input_ending.store(true, Ordering::SeqCst);
    }

    /// Returns whether the input ends after the next flush.
    pub(super) fn is_input_ending(&self) -> bool {
        self.is_input_ending.load(Ordering::SeqCst)
    }

    /// Returns whether the input has ended.
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
        self.waiting.lock()
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

/// Task that answers one call.
#[derive(Debug, Default)]
pub(super) struct StreamTask(OnceLock<AbortHandle>);

impl StreamTask {
    /// Sets the task when it runs.
    pub(super) fn set(&self, task: AbortHandle) {
        // Set once: each call has one task.
        self.0.set(task).ok();
    }

    /// Resets the call's stream and drops its body. The caller must not hold a lock that the body takes when dropped.
    pub(super) fn reset(&self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

/// Connection information with the state of the connection.
pub(super) trait HasTransport {
    /// Returns the state of the connection.
    fn transport(&self) -> &Arc<Transport>;
}

#[cfg(test)]
mod tests {
    use futures_util::{poll, task::noop_waker};

    use super::*;

    #[test]
    fn a_body_waits_until_the_socket_accepts_bytes() {
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

    /// A stream may fill the socket again before the woken body is polled.
    #[test]
    fn a_woken_body_writes_one_piece_for_each_write_that_the_socket_accepted() {
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
