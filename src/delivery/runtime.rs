//! Threads that deliver events.
//!
//! They are separate from the threads that accept callbacks, and have a lower priority: a callback that is not accepted in
//! time is lost, while a stream only continues later.

use std::{future::Future, io, sync::mpsc, thread, time::Duration};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use crate::log::workers::lower_priority;

/// Threads of the gateway other than the workers of its two runtimes: for blocking work, the log and logging.
const OTHER_THREADS: usize = 15;

/// Checks, before a runtime is built, that the system grants all threads that the gateway needs. Tokio hangs if it gets
/// only some of its workers.
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
        // The thread cannot panic.
        thread.join().ok();
    }
    Ok(())
}

/// Time that an idle thread for blocking work stays: longer than the gateway runs.
pub(crate) const BLOCKING_THREAD: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Starts a runtime's first thread for blocking work, which stays with [`BLOCKING_THREAD`].
///
/// If the system grants no other thread later, the work waits for this one. Without it `spawn_blocking` would panic.
pub(crate) fn start_blocking_thread(runtime: &Handle) {
    runtime.spawn_blocking(|| ());
}

/// Runtime that delivers events. Dropping it ends its tasks without waiting for them.
#[derive(Debug)]
pub(crate) struct DeliveryRuntime(Option<Runtime>);

impl DeliveryRuntime {
    /// Starts one worker thread for each processor. Fails if the system grants no thread.
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("delivery")
            .thread_keep_alive(BLOCKING_THREAD)
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        start_blocking_thread(runtime.handle());
        Ok(Self(Some(runtime)))
    }

    /// Spawns a task on these threads.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle().spawn(task)
    }

    /// Returns a handle that spawns tasks on these threads.
    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("only drop takes the runtime").handle()
    }
}

impl Drop for DeliveryRuntime {
    fn drop(&mut self) {
        // Dropping a runtime inside another one would panic.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
