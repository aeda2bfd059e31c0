//! How far a subscription has come, for others to look at.

use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Cursor;

/// How far a subscription has come, for others to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here was given, or left out by the filter.
    pub cursor: Cursor,
    /// Events that were given.
    pub events: u64,
    /// Whether it has caught up and not fallen behind since.
    pub is_live: bool,
}

/// [`Progress`], shared by a subscription and those who look at it.
#[derive(Debug, Clone)]
pub struct SharedProgress(Arc<Mutex<Progress>>);

impl SharedProgress {
    pub(super) fn new(cursor: Cursor) -> Self {
        Self(Arc::new(Mutex::new(Progress { cursor, events: 0, is_live: false })))
    }

    /// How far it has come.
    pub fn get(&self) -> Progress {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
