//! The threads on which events are delivered.
//!
//! Apart from those that take callbacks, and after them wherever processors are
//! short: a callback that is not taken in time is lost, a stream only goes on later.

use std::{future::Future, io, sync::mpsc, thread, time::Duration};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use crate::log::workers::step_back;

/// Threads that the gateway has beside two runtimes' workers: for blocking work, the log and logging.
const OTHER_THREADS: usize = 15;

/// Checks that the system gives the threads that the gateway needs, before a runtime is built: Tokio hangs where it
/// gets only some of its workers.
pub(crate) fn check_threads() -> io::Result<()> {
    let workers = thread::available_parallelism()?.get();
    // All exist at the same time: each waits for the end of this function, which drops the senders.
    let mut running = Vec::new();
    for _ in 0..2 * workers + OTHER_THREADS {
        let (ends, at_end) = mpsc::channel::<()>();
        let thread = thread::Builder::new().spawn(move || {
            at_end.recv().ok();
        })?;
        running.push((ends, thread));
    }
    for (ends, thread) in running {
        drop(ends);
        // It cannot panic.
        thread.join().ok();
    }
    Ok(())
}

/// How long a thread for blocking work stays when it has none: as long as the gateway runs.
pub(crate) const BLOCKING_THREAD: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Has a runtime start its first thread for blocking work, which stays with [`BLOCKING_THREAD`].
///
/// Where the system gives no other thread when there is work, the work waits for this one. Without it,
/// `spawn_blocking` would panic.
pub(crate) fn start_blocking_thread(runtime: &Handle) {
    runtime.spawn_blocking(|| ());
}

/// Worker threads of their own. Dropping it ends them, and what runs on them, without waiting.
#[derive(Debug)]
pub(crate) struct DeliveryRuntime(Option<Runtime>);

impl DeliveryRuntime {
    /// As many threads as there are processors. Fails if the system gives none.
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("delivery")
            .thread_keep_alive(BLOCKING_THREAD)
            .on_thread_start(step_back)
            .enable_all()
            .build()?;
        start_blocking_thread(runtime.handle());
        Ok(Self(Some(runtime)))
    }

    /// Runs `task` on these threads; also what it spawns.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle().spawn(task)
    }

    /// By which others run something on these threads.
    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is taken in drop only").handle()
    }
}

impl Drop for DeliveryRuntime {
    fn drop(&mut self) {
        // A runtime that is dropped inside another one would panic.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
