//! Current values for the metrics, read at each scrape.
//!
//! The log may be slow or broken during a scrape, so all reads have a common deadline of three seconds. The
//! response leaves out what could not be read, and `scrape_complete` is 0.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use crate::{
    delivery::{grpc::StreamRegistry, subscription},
    event::{Sequence, Timestamp},
    ingest::refusals::Refusals,
    log::{EventLog, LogState},
    net::shutdown::Drain,
    observe::{
        metrics::{MAX_SUBSCRIBERS, Metrics, OTHER, Process, Snapshot, UNNAMED},
        telemetry,
    },
};

/// Deadline of all reads of a scrape. Prometheus' default timeout is 10 seconds.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Sources of the current values.
pub(super) struct Scrape {
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Open streams and their positions.
    pub streams: Arc<StreamRegistry>,
    /// Refusals, and the last accepted callback of each app.
    pub refusals: Arc<Refusals>,
    /// When the newest event from before this process was received.
    pub newest_stored: Option<Timestamp>,
    /// State of the drain.
    pub drain: Drain,
    /// The disk log's directory and limits. `None` for other logs.
    pub disk: Option<Disk>,
    /// Permit for reading: one scrape at a time.
    pub turn: Arc<Semaphore>,
}

/// Directory and limits of the disk log.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    /// The data directory.
    pub dir: PathBuf,
    /// Maximum bytes.
    pub retention_bytes: Option<u64>,
    /// Maximum age.
    pub retention_age: Option<Duration>,
}

impl Scrape {
    /// Returns all metrics in Prometheus' text format.
    pub(super) async fn text(&self) -> Vec<u8> {
        let mut snapshot = self.at_once();
        let deadline = Instant::now() + TIMEOUT;
        let turn = timeout_at(deadline, Arc::clone(&self.turn).acquire_owned()).await;
        if let Ok(Ok(turn)) = turn {
            snapshot.is_complete = timeout_at(deadline, self.read(&mut snapshot)).await.unwrap_or(false);
            if let Some(disk) = self.disk.clone() {
                // The task holds the permit, so at most one waits for a hanging file system.
                let looking = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    rustix::fs::statvfs(&disk.dir).ok().map(|found| {
                        (
                            found.f_bavail.saturating_mul(found.f_frsize),
                            found.f_blocks.saturating_mul(found.f_frsize),
                        )
                    })
                });
                snapshot.file_system =
                    timeout_at(deadline, looking).await.ok().and_then(Result::ok).flatten();
                snapshot.is_complete &= snapshot.file_system.is_some();
            }
        }
        self.metrics.text(&snapshot)
    }

    /// Returns the values that need no read of the log.
    fn at_once(&self) -> Snapshot {
        let tail = *self.log.tail().borrow();
        let is_writable = *self.log.state().borrow() == LogState::Writable;
        let queue = self.log.queue();
        let anomalies = self.log.anomalies();
        let lag_of_tail = self.log.lag();
        let readers = self.streams.readers();
        let latest = tail.cursor.sequence;
        let lag =
            readers.positions.iter().map(|(name, position)| (name, latest.0.saturating_sub(position.0)));
        let now = Timestamp::now();
        let departed = readers.departed.iter().map(|(name, &time)| (name, now.since(time)));
        let start = unix_seconds(self.refusals.start_time());
        // Use the time of the newest event: after repeated restarts the process start would hide a long
        // silence.
        let waiting_since = self.newest_stored.map_or(start, |newest| unix_seconds(newest).min(start));
        let last_accepted = |app: crate::proto::AppStatus| {
            let last = app.last_accept_time.map(|time| time.seconds as f64 + f64::from(time.nanos) / 1e9);
            (app.sdk_app_id, last.unwrap_or(waiting_since))
        };
        Snapshot {
            is_complete: false,
            is_ready: is_writable && !self.drain.is_announced(),
            is_writable,
            oldest_sequence: self.log.oldest().0,
            latest_sequence: latest.0,
            tail_lag: lag_of_tail.sequences,
            lost_events: self.log.holes().events(),
            is_following: !lag_of_tail.is_stuck,
            damaged_stores: anomalies.damaged_stores as u64,
            age_is_held: anomalies.age_is_held,
            clock_behind: anomalies.clock_behind,
            queue_records: queue.records as u64,
            queue_bytes: queue.bytes as u64,
            retention_bytes: self.disk.as_ref().and_then(|disk| disk.retention_bytes),
            retention_age: self.disk.as_ref().and_then(|disk| disk.retention_age),
            last_accepted: self.refusals.apps().into_iter().map(last_accepted).collect(),
            streams: readers.streams as u64,
            delivered: readers.delivered,
            lag_events: worst_by_label(lag),
            departed: worst_by_label(departed),
            lost_lines: telemetry::lost_lines(),
            left_out_lines: telemetry::left_out_lines(),
            process_start: start,
            process: Process::read(),
            ..Snapshot::default()
        }
    }

    /// Reads the values that are in the log. Returns whether all reads succeeded.
    async fn read(&self, snapshot: &mut Snapshot) -> bool {
        let log = &*self.log;
        let (latest, now) = (Sequence(snapshot.latest_sequence), Timestamp::now());
        let mut is_complete = true;
        match log.usage().await {
            Ok(usage) => {
                snapshot.bytes = Some(usage.bytes);
                snapshot.index_lag = usage.index_end.map(|end| latest.next().0.saturating_sub(end.0));
            }
            Err(_) => is_complete = false,
        }
        match subscription::first_from(log, log.oldest()).await {
            Ok(oldest) => snapshot.oldest_age = oldest.map(|oldest| now.since(oldest.receive_time())),
            Err(_) => is_complete = false,
        }
        // Receive times never decrease, so the stream with most unsent events also has the oldest.
        for (name, &lag) in &snapshot.lag_events {
            let next = Sequence(latest.0 - lag).next();
            let waits = match subscription::first_from(log, next).await {
                _ if lag == 0 => Some(Duration::ZERO),
                Ok(first) => Some(first.map_or(Duration::ZERO, |first| now.since(first.receive_time()))),
                Err(_) => None,
            };
            is_complete &= waits.is_some();
            snapshot.lag_time.extend(waits.map(|waits| (name.clone(), waits)));
        }
        is_complete
    }
}

fn unix_seconds(time: Timestamp) -> f64 {
    time.0 as f64 / 1e6
}

/// Returns the greatest value of each label. The first [`MAX_SUBSCRIBERS`] names have a label of their own;
/// the others share one.
fn worst_by_label<'a, T: Ord + Copy>(values: impl Iterator<Item = (&'a String, T)>) -> BTreeMap<String, T> {
    let mut worst = BTreeMap::new();
    let mut names = 0;
    for (name, value) in values {
        let label = match name.as_str() {
            "" => UNNAMED,
            _ if names == MAX_SUBSCRIBERS => OTHER,
            name => {
                names += 1;
                name
            }
        };
        let entry = worst.entry(label.to_owned()).or_insert(value);
        *entry = value.max(*entry);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_cap_subscribers_share_a_label_with_the_worst_lag_of_them() {
        let names: Vec<String> = (0..MAX_SUBSCRIBERS + 3).map(|number| format!("s{number:03}")).collect();
        let unnamed = String::new();
        let values = std::iter::once((&unnamed, 5)).chain(names.iter().zip([9, 1].into_iter().cycle()));
        let worst = worst_by_label(values);
        assert_eq!(worst.len(), MAX_SUBSCRIBERS + 2);
        assert_eq!((worst[UNNAMED], worst[OTHER], worst["s000"], worst["s001"]), (5, 9, 9, 1));
    }
}
