//! Choice of the connection that a listener closes for a new one at the connection limit.
//!
//! Both listeners use the same order. A connection is trusted once it has delivered a verified callback or
//! made an authenticated call. Untrusted connections are evicted first, beginning with the one that has been
//! idle for longest. A trusted connection is evicted only while it is idle and untrusted connections hold
//! less than half of the limit, so a flood of strangers cannot displace all clients.
//!
//! A new connection cannot be evicted for `GRACE`, so that its client can send a request. A flood therefore
//! delays a new client by at most `GRACE`, and not at all if fewer connections than the limit arrive within
//! it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::observe::{metrics::ConnectionMetrics, telemetry::LineLimit};

/// Time in which a new connection cannot be evicted: for the handshake and the first request over a slow
/// network.
pub(crate) const GRACE: Duration = Duration::from_millis(250);
/// Candidates that one scan of all connections finds, so a flood causes one scan per this many evictions.
const CANDIDATES: usize = 128;

/// State of a connection, for the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not trusted. May be evicted from `ready` on; lowest rank first, then the oldest `since`.
    Stranger { rank: u8, since: Instant, ready: Instant },
    /// Not trusted, with work that must not be interrupted.
    BusyStranger,
    /// Trusted, and idle since then.
    IdleTrusted { since: Instant },
    /// Trusted and in use.
    BusyTrusted,
}

/// A connection that may be closed for a new one.
pub(crate) trait Evictable {
    /// Returns the state of the connection.
    fn standing(&self) -> Standing;
    /// Returns whether the connection is closing.
    fn is_closing(&self) -> bool;
    /// Starts closing the connection.
    fn evict(&self);
}

/// Evicts connections of one listener.
pub(crate) struct Evictor<T> {
    listener: &'static str,
    /// The setting that raises the limit.
    setting: &'static str,
    max_connections: usize,
    metrics: Option<ConnectionMetrics>,
    /// Candidates of the last scan, next one first. Checked again before eviction.
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

    /// Evicts one of the open connections. An error has the earliest time of the next eviction, if known.
    pub(crate) fn evict<'a>(&mut self, open: impl Iterator<Item = &'a Arc<T>>) -> Result<(), Option<Instant>>
    where
        T: 'a,
    {
        let now = Instant::now();
        if !self.evict_candidate() {
            let next = self.look(open, now);
            if !self.evict_candidate() {
                self.report("connection limit reached: new connections wait until another one closes");
                return Err(next);
            }
        }
        self.unreported += 1;
        if let Some(metrics) = &self.metrics {
            metrics.evicted.inc();
        }
        self.report("connection limit reached: closing idle connections to admit new ones");
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

    /// Scans for the next candidates. If there is none, returns when there will be one.
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
        // Each evicted trusted connection makes room for an untrusted one.
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

    /// Logs at a limited rate, because strangers can cause evictions.
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

    /// Evicts `times` times. Returns the evicted indexes in order.
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
