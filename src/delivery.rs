//! The threads on which events are delivered.
//!
//! Apart from those that take callbacks, and after them wherever processors are
//! short: a callback that is not taken in time is lost, a stream only goes on later.

use std::{future::Future, io};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// How much less urgent than the rest, in the steps of `nice`. Beside ten readers of
/// a million events, 10 brought the p99 of callbacks from 4 to 2 ms, at a fifth fewer
/// events a second (`cargo bench --bench replay`); 5 did little.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Worker threads of their own. Dropping it ends them, and what runs on them, without waiting.
#[derive(Debug)]
pub struct Delivery(Option<Runtime>);

impl Delivery {
    /// As many threads as there are processors. Fails if the system gives none.
    pub fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("delivery")
            .on_thread_start(step_back)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `task` on these threads; also what it spawns.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle().spawn(task)
    }

    /// By which others run something on these threads.
    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is taken in drop only").handle()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        // A runtime that is dropped inside another one would panic.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes this thread less urgent. On Linux alone: elsewhere it would be the whole process.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "streams are as urgent as callbacks");
    }
}
