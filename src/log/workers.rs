//! Threads for blocking work, started when the log is opened.
//!
//! Tokio's `spawn_blocking` starts threads on demand. If the operating system grants no thread at that
//! moment, it panics: the work is lost, or waits for a thread that never starts. These threads exist from the
//! start, or the log does not open.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::{Builder, JoinHandle},
};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

type Job = Box<dyn FnOnce() + Send>;

/// Fixed number of threads that share one queue. Dropping it ends the threads after their current work.
#[derive(Debug)]
pub(super) struct Workers {
    /// One permit for each thread, so that the queue never holds more jobs than there are threads.
    permits: Arc<Semaphore>,
    /// `None` once closed.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

/// Error of [`Workers::run`]: the work was not completed.
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
                    // Only one thread waits for a job at a time. The others wait for the lock.
                    let job = queue.lock().recv();
                    let Ok(job) = job else { return };
                    // A panic drops the sender, which reports it to the caller.
                    catch_unwind(AssertUnwindSafe(job)).ok();
                }
            })?;
        }
        Ok(Self { permits: Arc::new(Semaphore::new(threads)), jobs: Mutex::new(Some(jobs)) })
    }

    /// Waits for a thread, first come first served, and runs the work on it. The work runs to its end even if
    /// the caller stops waiting. Its thread is busy until then.
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

    /// Ends the threads. Rejects further work, including work that waits for a thread.
    pub(super) fn close(&self) {
        self.permits.close();
        self.jobs.lock().take();
    }
}

/// `nice` value of threads that read and deliver. While ten readers replayed a million events, 10 reduced the
/// p99 of callbacks from 4 to 2 ms, at the cost of a fifth of the events per second (`cargo bench --bench
/// replay`). 5 had little effect.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lowers the priority of this thread. Only on Linux: elsewhere it would apply to the whole process.
pub(crate) fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "cannot lower the priority of a delivery thread; it competes with callbacks");
    }
}

/// Thread whose end can be awaited without blocking another thread.
#[derive(Debug)]
pub(super) struct ThreadHandle {
    thread: JoinHandle<()>,
    /// The sender is dropped when the work is done.
    ended: oneshot::Receiver<()>,
}

impl ThreadHandle {
    /// Starts a thread.
    pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (running, ended) = oneshot::channel::<()>();
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            let _running = running;
            work();
        })?;
        Ok(Self { thread, ended })
    }

    /// Waits until the thread has ended. Returns false if it panicked.
    pub(super) async fn join(self) -> bool {
        // Nothing is ever sent: the error means that the thread has dropped its sender.
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
        timeout(HANG, what).await.expect("timed out")
    }

    #[tokio::test]
    async fn work_that_panics_or_is_not_awaited_frees_its_thread() {
        let workers = Workers::start("test", 2, || {}).unwrap();
        for _ in 0..10 {
            assert_eq!(soon(workers.run(|| panic!("on purpose"))).await, Err::<(), _>(WorkError::Panicked));
            // Polled once, then dropped at any stage.
            workers.run(|| ()).now_or_never();
        }
        assert_eq!(soon(workers.run(|| 5)).await, Ok(5));
        soon(workers.permits.acquire_many(2)).await.unwrap().forget();
    }

    #[tokio::test]
    async fn at_most_one_job_per_thread_runs_at_once() {
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
    async fn closing_rejects_waiting_work_too() {
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
        assert_eq!(soon(first).await.unwrap(), Ok(()), "running work completes");
        assert_eq!(soon(workers.run(|| ())).await, Err(WorkError::Closed));
    }

    #[tokio::test]
    async fn join_reports_whether_the_thread_panicked() {
        assert!(soon(ThreadHandle::spawn("test", || ()).unwrap().join()).await);
        assert!(!soon(ThreadHandle::spawn("test", || panic!("on purpose")).unwrap().join()).await);
    }
}
