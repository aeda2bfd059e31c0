//! Bound on the streams that a client resets.
//!
//! A client can open streams and reset them at once, as fast as it can send (CVE-2023-44487). h2 bounds only streams that
//! hyper has not accepted yet. Here resets are counted before h2 handles them, so that a flood costs little.

use std::time::Duration;

use tokio::time::Instant;

/// Window in which resets are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// Counts the resets by the client of a connection.
#[derive(Debug, Default)]
pub(super) struct Resets {
    window: Option<Instant>,
    in_window: usize,
}

impl Resets {
    /// Adds resets. Returns whether there are more than `most` in this [`WINDOW`].
    pub(super) fn exceed(&mut self, resets: usize, most: usize) -> bool {
        let now = Instant::now();
        if self.window.is_none_or(|start| now >= start + WINDOW) {
            self.window = Some(now);
            self.in_window = 0;
        }
        self.in_window += resets;
        self.in_window > most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_so_many_in_a_window_are_too_many() {
        let mut resets = Resets::default();
        assert!(!resets.exceed(10, 10));
        assert!(resets.exceed(1, 10));
        resets.window = resets.window.map(|start| start - WINDOW);
        assert!(!resets.exceed(10, 10));
    }
}
