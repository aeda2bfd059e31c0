//! Health of the log: whether callbacks can be stored, and why not.
//!
//! The watcher looks at the stream every second and reports what it finds. The publisher reports what happens to its
//! publishes. Each needs what the other reports, and finds it here.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use super::{api::publish_to, error::ApiError, message::Publish, refused::RefusedEvents};
use crate::log::LogState;

/// Reason while the stream does not acknowledge, and gives none itself.
pub(super) const STALLED: &str = "the stream does not acknowledge in time; if this lasts, see the log of its NATS server, which may have no room on its disk";
/// Minimum time between two log lines with different reasons.
const REASON_PAUSE: Duration = Duration::from_secs(5);

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Health {
    log_state: watch::Sender<LogState>,
    /// The reason that was logged last, and when. `None` while callbacks can be stored.
    trouble: Mutex<Option<(String, Instant)>>,
    /// A publish has waited too long for its acknowledgement.
    is_stalled: AtomicBool,
    /// The stream's leader answered the last question, and has a quorum.
    is_answering: AtomicBool,
    /// The stream has settings that can lose events. Nothing is published meanwhile.
    has_unsafe_settings: AtomicBool,
    /// Subject of an event that NATS did not let this gateway publish to.
    denied: Mutex<Option<String>>,
    pub(super) refused: RefusedEvents,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            log_state: watch::Sender::new(LogState::Writable),
            trouble: Mutex::default(),
            is_stalled: AtomicBool::new(false),
            is_answering: AtomicBool::new(true),
            has_unsafe_settings: AtomicBool::new(false),
            denied: Mutex::default(),
            refused: RefusedEvents::default(),
        }
    }

    pub(super) fn log_state(&self) -> watch::Receiver<LogState> {
        self.log_state.subscribe()
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.log_state.borrow() == LogState::Closed
    }

    pub(super) fn close(&self) {
        self.log_state.send_replace(LogState::Closed);
    }

    /// Runs until the log closes. If the work ends first, or panics, closes the log: a log without one of its tasks would
    /// take callbacks or give subscribers nothing, unnoticed.
    pub(super) async fn until_closed(&self, work: impl Future<Output = ()>) {
        let mut log_state = self.log_state();
        let _closes = CloseOnDrop(self);
        tokio::select! {
            () = work => {}
            _ = log_state.wait_for(|state| *state == LogState::Closed) => {}
        }
    }

    /// Sets whether callbacks can be stored. A closed log stays closed. Logs a different reason at most every
    /// [`REASON_PAUSE`].
    pub(super) fn set_writable(&self, writable: Result<(), String>) {
        let mut trouble = self.trouble.lock();
        self.log_state.send_if_modified(|state| match (&writable, *state) {
            (Ok(()), LogState::Recovering) => {
                tracing::info!("the stream accepts callbacks again");
                *trouble = None;
                *state = LogState::Writable;
                true
            }
            (Err(reason), LogState::Writable | LogState::Recovering) => {
                let is_news = trouble
                    .as_ref()
                    .is_none_or(|(logged, at)| logged != reason && at.elapsed() >= REASON_PAUSE);
                if is_news {
                    tracing::error!(reason, "callbacks cannot be stored; each waits until its deadline");
                    *trouble = Some((reason.clone(), Instant::now()));
                }
                std::mem::replace(state, LogState::Recovering) == LogState::Writable
            }
            _ => false,
        });
    }

    /// Returns why callbacks cannot be stored, for operators.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().as_ref().map(|(reason, _)| reason.clone())
    }

    /// Notes whether publishes wait too long. Returns whether they did at the last call.
    pub(super) fn set_stalled(&self, is_stalled: bool) -> bool {
        self.is_stalled.swap(is_stalled, Ordering::Relaxed)
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Relaxed)
    }

    pub(super) fn set_answering(&self, is_answering: bool) {
        self.is_answering.store(is_answering, Ordering::Relaxed);
    }

    pub(super) fn set_unsafe_settings(&self, has_unsafe_settings: bool) {
        self.has_unsafe_settings.store(has_unsafe_settings, Ordering::Relaxed);
    }

    pub(super) fn has_unsafe_settings(&self) -> bool {
        self.has_unsafe_settings.load(Ordering::Relaxed)
    }

    /// Returns whether a publish without an answer is the only sign that the stream stores nothing.
    pub(super) fn is_silent(&self) -> bool {
        self.is_answering.load(Ordering::Relaxed) && self.denied.lock().is_none()
    }

    /// Notes that NATS does not let this gateway publish to the subject of an event. No event can be stored until it does.
    pub(super) fn deny(&self, subject: &str) {
        *self.denied.lock() = Some(subject.to_owned());
        self.set_writable(Err(ApiError::Denied(publish_to(subject)).to_string()));
    }

    /// Returns the subject that NATS did not let this gateway publish to.
    pub(super) fn denied(&self) -> Option<String> {
        self.denied.lock().clone()
    }

    pub(super) fn clear_denied(&self) {
        *self.denied.lock() = None;
    }

    /// Notes that the stream did not store an event, and why.
    pub(super) fn refuse(&self, reason: String, event: Publish) {
        self.refused.note(reason.clone(), event);
        self.set_writable(Err(reason));
    }
}

/// Closes the log when it is dropped, also by a panic.
struct CloseOnDrop<'a>(&'a Health);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_closes_the_log() {
        let health = Health::new();
        let mut log_state = health.log_state();
        let task = tokio::spawn(async move { health.until_closed(async { panic!("a bug") }).await });
        assert!(log_state.wait_for(|state| *state == LogState::Closed).await.is_ok());
        assert!(task.await.unwrap_err().is_panic());
    }

    #[test]
    fn a_closed_log_stays_closed() {
        let health = Health::new();
        health.set_writable(Err("disk full".to_owned()));
        assert_eq!(*health.log_state().borrow(), LogState::Recovering);
        assert_eq!(health.trouble().as_deref(), Some("disk full"));
        health.set_writable(Ok(()));
        assert_eq!((*health.log_state().borrow(), health.trouble()), (LogState::Writable, None));
        health.close();
        health.set_writable(Ok(()));
        assert!(health.is_closed());
    }
}
