//! Threads for work that blocks, started when the log is opened.
//!
//! Tokio's `spawn_blocking` starts threads when there is work. Where the system gives none at that moment it
//! panics, and whatever the work holds is lost with it or waits for a thread that never comes. These threads
//! exist from the start, or the log does not open.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::{Builder, JoinHandle},
};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that share one queue. Dropping it ends them after their current work.
#[derive(Debug)]
pub(super) struct Workers {
    /// One for each thread, so that the queue never holds more work than there are threads.
    permits: Arc<Semaphore>,
    /// `None` once closed.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkError {
    /// The threads were closed.
    Closed,
    /// The work panicked.
    Panicked,
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the log is closed",
            Self::Panicked => "the read panicked",
        })
    }
}

impl Workers {
    /// Starts the threads. `begin` runs first on each of them.
    pub(super) fn start(name: &str, threads: usize, begin: fn()) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            Builder::new().name(name.to_owned()).spawn(move || {
                begin();
                loop {
                    // Held while it waits: the others wait for it instead.
                    let job = queue.lock().recv();
                    let Ok(job) = job else { return };
                    // The caller is told by its sender, which the panic dropped.
                    catch_unwind(AssertUnwindSafe(job)).ok();
                }
            })?;
        }
        Ok(Self { permits: Arc::new(Semaphore::new(threads)), jobs: Mutex::new(Some(jobs)) })
    }

    /// Waits for a thread, in turn, and does the work there. The work is done to its end even if the
    /// caller stops waiting; its thread counts as busy until then.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| WorkError::Closed)?;
        let (done, outcome) = oneshot::channel();
        let job = Box::new(move || {
            let _permit = permit;
            // Ignore the error: the caller has stopped waiting.
            done.send(work()).ok();
        });
        let jobs = self.jobs.lock().clone();
        jobs.ok_or(WorkError::Closed)?.send(job).map_err(|_| WorkError::Closed)?;
        outcome.await.map_err(|_| WorkError::Panicked)
    }

    /// Refuses further work, also work that waits for a thread, and ends the threads.
    pub(super) fn close(&self) {
        self.permits.close();
        self.jobs.lock().take();
    }
}

/// How much less urgent than the rest threads are that read and deliver, in the steps of `nice`. Beside ten
/// readers of a million events, 10 brought the p99 of callbacks from 4 to 2 ms, at a fifth fewer events a
/// second (`cargo bench --bench replay`); 5 did little.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Makes this thread less urgent. On Linux alone: elsewhere it would be the whole process.
pub(crate) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "streams are as urgent as callbacks");
    }
}

/// A thread whose end can be awaited without blocking another one.
#[derive(Debug)]
pub(super) struct Task {
    thread: JoinHandle<()>,
    /// Its sender is dropped when the work is done.
    ended: oneshot::Receiver<()>,
}

impl Task {
    /// Starts a thread.
    pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (running, ended) = oneshot::channel::<()>();
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            let _running = running;
            work();
        })?;
        Ok(Self { thread, ended })
    }

    /// Waits until the thread has ended. False if it panicked.
    pub(super) async fn ended(self) -> bool {
        // An error is what is waited for: nothing is ever sent.
        self.ended.await.ok();
        self.thread.join().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use futures_util::FutureExt as _;
    use tokio::time::timeout;

    use super::*;

    const HANG: Duration = Duration::from_secs(60);

    async fn soon<F: Future>(what: F) -> F::Output {
        timeout(HANG, what).await.expect("it did not happen in time")
    }

    #[tokio::test]
    async fn work_that_panics_or_is_not_awaited_gives_its_thread_back() {
        let workers = Workers::start("test", 2, || {}).unwrap();
        for _ in 0..10 {
            assert_eq!(soon(workers.run(|| panic!("on purpose"))).await, Err::<(), _>(WorkError::Panicked));
            // Polled once, then dropped, wherever it has come to by then.
            workers.run(|| ()).now_or_never();
        }
        assert_eq!(soon(workers.run(|| 5)).await, Ok(5));
        soon(workers.permits.acquire_many(2)).await.unwrap().forget();
    }

    #[tokio::test]
    async fn no_more_work_is_done_at_once_than_there_are_threads() {
        let workers = Arc::new(Workers::start("test", 2, || {}).unwrap());
        let (mut gates, mut waiting) = (Vec::new(), Vec::new());
        for n in 0..4 {
            let (open, gate) = mpsc::channel::<()>();
            let workers = Arc::clone(&workers);
            gates.push(open);
            waiting.push(tokio::spawn(async move { workers.run(move || (n, gate.recv().is_err())).await }));
        }
        while workers.permits.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        drop(gates);
        for (n, waiting) in waiting.into_iter().enumerate() {
            assert_eq!(soon(waiting).await.unwrap(), Ok((n, true)));
        }
    }

    #[tokio::test]
    async fn closed_threads_refuse_work_that_waits_for_them_too() {
        let workers = Arc::new(Workers::start("test", 1, || {}).unwrap());
        let (open, gate) = mpsc::channel::<()>();
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            let workers = Arc::clone(&workers);
            tokio::spawn(async move { workers.run(work).await })
        };
        let first = spawn(Box::new(move || {
            gate.recv().ok();
        }));
        while workers.permits.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = spawn(Box::new(|| ()));
        tokio::task::yield_now().await;
        workers.close();
        assert_eq!(soon(second).await.unwrap(), Err(WorkError::Closed));
        drop(open);
        assert_eq!(soon(first).await.unwrap(), Ok(()), "what was begun is done");
        assert_eq!(soon(workers.run(|| ())).await, Err(WorkError::Closed));
    }

    #[tokio::test]
    async fn a_thread_that_panicked_is_told_from_one_that_ended() {
        assert!(soon(Task::spawn("test", || ()).unwrap().ended()).await);
        assert!(!soon(Task::spawn("test", || panic!("on purpose")).unwrap().ended()).await);
    }
}
