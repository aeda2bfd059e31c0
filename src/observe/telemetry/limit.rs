//! Rate limit for log lines of libraries.
//!
//! Clients decide how often a library logs: h2 warns of every unexpected frame. Lines of this program are
//! limited where they are written, because only that code knows which lines belong together.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::{Event, Level, Metadata, Subscriber, callsite::Identifier};
use tracing_subscriber::{Layer, layer::Context};

/// Maximum lines from one callsite of a library within [`WINDOW`]. Further ones are only counted. Levels
/// debug and trace have no limit: an operator enables them for a while.
const LINES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(1);
/// Target prefix of this program's lines.
const OURS: &str = env!("CARGO_CRATE_NAME");

static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Returns how many library lines were dropped.
pub(crate) fn left_out_lines() -> u64 {
    LEFT_OUT.load(Ordering::Relaxed)
}

/// Layer that drops lines beyond the limit, for all layers.
#[derive(Debug, Default)]
pub(super) struct LibraryLimit {
    /// By callsite. A program has a fixed number of them.
    windows: Mutex<HashMap<Identifier, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start: Instant,
    lines: u32,
}

impl LibraryLimit {
    fn allows(&self, metadata: &Metadata<'_>, now: Instant) -> bool {
        if *metadata.level() > Level::INFO || metadata.target().split("::").next() == Some(OURS) {
            return true;
        }
        let mut windows = self.windows.lock();
        let window = windows.entry(metadata.callsite()).or_insert(Window { start: now, lines: 0 });
        if now.saturating_duration_since(window.start) >= WINDOW {
            *window = Window { start: now, lines: 0 };
        }
        window.lines += 1;
        window.lines <= LINES
    }
}

/// Not a `Filter` of a layer, because a filter cannot reject an event (tracing-subscriber 0.3.23 asserts that
/// it did not).
impl<S: Subscriber> Layer<S> for LibraryLimit {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let is_allowed = self.allows(event.metadata(), Instant::now());
        if !is_allowed {
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn library_log_lines_are_limited_by_place_and_ours_are_not() {
        let written = Written::default();
        let writer = written.clone();
        let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(LibraryLimit::default()).with(lines);
        let before = left_out_lines();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..20 {
                tracing::warn!(target: "h2::proto", "first");
                tracing::warn!(target: "h2::proto", "second");
                tracing::debug!(target: "h2::proto", "debugging");
                tracing::warn!("ours");
            }
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let count = |what: &str| text.matches(what).count();
        // The loop may take longer than the window on a busy machine.
        assert!((5..20).contains(&count("first")) && (5..20).contains(&count("second")), "{text}");
        assert_eq!((count("debugging"), count("ours")), (20, 20), "{text}");
        assert_eq!(left_out_lines() - before, (40 - count("first") - count("second")) as u64);
    }

    #[test]
    fn lines_are_written_again_when_the_window_is_over() {
        let limit = LibraryLimit::default();
        let callsite = tracing::callsite! {
            name: "library line",
            kind: tracing::metadata::Kind::EVENT,
            target: "hyper",
            level: Level::WARN,
            fields:
        };
        let metadata = tracing::Callsite::metadata(callsite);
        let start = Instant::now();
        let allowed = |after: Duration| limit.allows(metadata, start + after);
        assert_eq!((0..10).filter(|_| allowed(Duration::ZERO)).count(), LINES as usize);
        assert!(!allowed(WINDOW - Duration::from_millis(1)));
        assert!(allowed(WINDOW));
    }
}
