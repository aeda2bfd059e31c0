//! Chooses which connection a listener closes when it has as many as it may and a client wants another one.
//!
//! Both listeners use the same order. A connection is trusted once it has shown that its client is no stranger: it
//! has delivered a verified callback, or made an authenticated call. Strangers go first, the one that has done nothing
//! for longest before the others. A trusted connection goes only while it is idle, and only while strangers have less
//! than half of the places: a flood of strangers cannot push out everybody else.
//!
//! A new connection is safe for `GRACE`, so that its client can send what it came for. A flood therefore costs a
//! newcomer a wait of at most the grace, and none if the cap is larger than what arrives within it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::observe::{metrics::ConnectionMetrics, telemetry::LineLimit};

/// Time for which a new connection cannot be evicted: for a handshake and the first request over a slow network.
pub(crate) const GRACE: Duration = Duration::from_millis(250);
/// Candidates that are found in one look at all connections. A flood makes one look for so many evictions.
const CANDIDATES: usize = 128;

/// What a connection is doing, for the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// May be evicted from `ready` on; of those that may, the lowest rank and then the longest time.
    Stranger { rank: u8, since: Instant, ready: Instant },
    /// Not trusted, and doing something that is not interrupted.
    BusyStranger,
    /// Trusted, and has done nothing since then.
    IdleTrusted { since: Instant },
    /// Trusted, and in use.
    BusyTrusted,
}

/// A connection that may be closed for another.
pub(crate) trait Evictable {
    /// Returns what the connection is doing.
    fn standing(&self) -> Standing;
    /// Returns whether it was told to close.
    fn is_closing(&self) -> bool;
    /// Closes it soon.
    fn evict(&self);
}

/// Evicts connections of one listener.
pub(crate) struct Evictor<T> {
    listener: &'static str,
    /// The setting that raises the cap.
    setting: &'static str,
    max_connections: usize,
    metrics: Option<ConnectionMetrics>,
    /// Found in the last look at all connections, the next to go first. Checked again before they go.
    candidates: VecDeque<(Standing, Arc<T>)>,
    /// Evictions since the last log line.
    unreported: u64,
    lines: LineLimit,
}

impl<T: Evictable> Evictor<T> {
    pub(crate) fn new(
        listener: &'static str,
        setting: &'static str,
        max_connections: usize,
        metrics: Option<ConnectionMetrics>,
    ) -> Self {
        let candidates = VecDeque::new();
        Self {
            listener,
            setting,
            max_connections,
            metrics,
            candidates,
            unreported: 0,
            lines: LineLimit::new(),
        }
    }

    /// Evicts one of the open connections. An error says when one may be evicted at the earliest, if that is known.
    pub(crate) fn evict<'a>(&mut self, open: impl Iterator<Item = &'a Arc<T>>) -> Result<(), Option<Instant>>
    where
        T: 'a,
    {
        let now = Instant::now();
        if !self.evict_candidate() {
            let next = self.look(open, now);
            if !self.evict_candidate() {
                self.report("connection limit reached: new connections wait until one ends");
                return Err(next);
            }
        }
        self.unreported += 1;
        if let Some(metrics) = &self.metrics {
            metrics.evicted.inc();
        }
        self.report("connection limit reached: idle connections are closed to admit new ones");
        Ok(())
    }

    fn evict_candidate(&mut self) -> bool {
        while let Some((standing, connection)) = self.candidates.pop_front() {
            if !connection.is_closing() && connection.standing() == standing {
                connection.evict();
                return true;
            }
        }
        false
    }

    /// Finds the next candidates. Returns when there will be one if there is none now.
    fn look<'a>(&mut self, open: impl Iterator<Item = &'a Arc<T>>, now: Instant) -> Option<Instant>
    where
        T: 'a,
    {
        let (mut strangers, mut ready, mut trusted) = (0, Vec::new(), Vec::new());
        let mut next: Option<Instant> = None;
        for connection in open.filter(|connection| !connection.is_closing()) {
            let standing = connection.standing();
            match standing {
                Standing::Stranger { ready: at, .. } if at > now => {
                    strangers += 1;
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
                Standing::Stranger { rank, since, .. } => {
                    strangers += 1;
                    ready.push((rank, since, standing, connection));
                }
                Standing::BusyStranger => strangers += 1,
                Standing::IdleTrusted { since } => trusted.push((0, since, standing, connection)),
                Standing::BusyTrusted => {}
            }
        }
        // Each of the trusted ones that goes makes place for a stranger.
        let mut most = CANDIDATES;
        if ready.is_empty() {
            most = most.min(self.max_connections.div_ceil(2).saturating_sub(strangers));
            ready = trusted;
        }
        ready.sort_unstable_by_key(|&(rank, since, ..)| (rank, since));
        let first = ready.into_iter().take(most);
        self.candidates =
            first.map(|(_, _, standing, connection)| (standing, Arc::clone(connection))).collect();
        next
    }

    /// Strangers decide how often this happens.
    fn report(&mut self, message: &str) {
        let Some(left_out) = self.lines.next() else { return };
        let (listener, max_connections, setting) = (self.listener, self.max_connections, self.setting);
        let evicted = std::mem::take(&mut self.unreported);
        tracing::warn!(listener, max_connections, setting, evicted, left_out, "{message}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Fake {
        standing: Mutex<Standing>,
        closing: Mutex<bool>,
    }

    impl Evictable for Fake {
        fn standing(&self) -> Standing {
            *self.standing.lock().unwrap()
        }

        fn is_closing(&self) -> bool {
            *self.closing.lock().unwrap()
        }

        fn evict(&self) {
            *self.closing.lock().unwrap() = true;
        }
    }

    fn fakes(standings: &[Standing]) -> Vec<Arc<Fake>> {
        let fake = |&standing| Arc::new(Fake { standing: Mutex::new(standing), closing: Mutex::new(false) });
        standings.iter().map(fake).collect()
    }

    fn evictor(max_connections: usize) -> Evictor<Fake> {
        Evictor::new("test", "--test", max_connections, None)
    }

    /// Evicts so often; returns which were evicted, in order.
    fn evicted(evictor: &mut Evictor<Fake>, fakes: &[Arc<Fake>], times: usize) -> Vec<usize> {
        let mut order = Vec::new();
        for _ in 0..times {
            if evictor.evict(fakes.iter()).is_ok() {
                let is_new = |at: &usize| fakes[*at].is_closing() && !order.contains(at);
                let at = (0..fakes.len()).find(is_new).expect("one more is closing");
                order.push(at);
            }
        }
        order
    }

    #[tokio::test]
    async fn strangers_go_by_rank_and_age_and_trusted_connections_last() {
        let now = Instant::now();
        let ago = |seconds| now - Duration::from_secs(seconds);
        let stranger = |rank, seconds| Standing::Stranger { rank, since: ago(seconds), ready: ago(1) };
        let fakes = fakes(&[
            Standing::IdleTrusted { since: ago(100) },
            stranger(1, 90),
            stranger(0, 10),
            Standing::BusyTrusted,
            stranger(0, 20),
            Standing::IdleTrusted { since: ago(200) },
            Standing::BusyStranger,
        ]);
        // Of 12 places strangers may take 6: one is busy, so all of the idle trusted ones may go.
        assert_eq!(evicted(&mut evictor(12), &fakes, 10), [4, 2, 1, 5, 0]);
    }

    #[tokio::test]
    async fn half_of_the_places_stay_with_trusted_connections() {
        let now = Instant::now();
        let new = Standing::Stranger { rank: 0, since: now, ready: now + GRACE };
        let fakes = fakes(&[Standing::IdleTrusted { since: now }; 6]);
        let mut with_strangers = fakes.clone();
        with_strangers.extend(self::fakes(&[new; 3]));
        // 3 of 9 places are strangers': two more may be.
        assert_eq!(evicted(&mut evictor(9), &with_strangers, 2), [0, 1]);
        let strangers = self::fakes(&[new; 5]);
        let open: Vec<_> = strangers.iter().chain(&fakes[2..]).cloned().collect();
        let next = evictor(9).evict(open.iter()).unwrap_err();
        assert_eq!(next, Some(now + GRACE), "a stranger may go then");
    }

    #[tokio::test]
    async fn a_candidate_that_has_become_busy_is_kept() {
        let now = Instant::now();
        let stranger = |seconds| {
            let since = now - Duration::from_secs(seconds);
            Standing::Stranger { rank: 0, since, ready: since }
        };
        let fakes = fakes(&[stranger(3), stranger(2), stranger(1)]);
        let mut evictor = evictor(3);
        assert_eq!(evicted(&mut evictor, &fakes, 1), [0]);
        *fakes[1].standing.lock().unwrap() = Standing::BusyTrusted;
        evictor.evict(fakes.iter()).unwrap();
        assert!(!fakes[1].is_closing() && fakes[2].is_closing());
    }
}
