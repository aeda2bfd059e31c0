//! Progress of a subscription, which metrics and operators see.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::Cursor;

/// Progress of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to this cursor was sent or filtered out.
    pub cursor: Cursor,
    /// Number of events sent.
    pub events: u64,
    /// True if the subscription has caught up and not fallen behind since.
    pub is_live: bool,
}

/// [`Progress`], shared by a subscription and its observers.
#[derive(Debug, Clone)]
pub struct SharedProgress(Arc<Mutex<Progress>>);

impl SharedProgress {
    pub(super) fn new(cursor: Cursor) -> Self {
        Self(Arc::new(Mutex::new(Progress { cursor, events: 0, is_live: false })))
    }

    /// Returns the current progress.
    pub fn get(&self) -> Progress {
        *self.0.lock()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.0.lock());
    }
}
