//! Gauges that are read at each scrape.

use std::{collections::BTreeMap, time::Duration};

use prometheus::{Gauge, GaugeVec, IntCounter, Opts};

use super::{Builder, Snapshot, process};

/// Gauges with the values of a [`Snapshot`].
#[derive(Debug)]
pub(super) struct Gauges {
    lost_lines: IntCounter,
    left_out_lines: IntCounter,
    delivered: IntCounter,
    ready: Gauge,
    complete: Gauge,
    writable: Gauge,
    oldest_sequence: Gauge,
    latest_sequence: Gauge,
    bytes: GaugeVec,
    oldest_age: GaugeVec,
    tail_lag: Gauge,
    lost_events: Gauge,
    damaged_stores: Gauge,
    following: Gauge,
    age_is_held: Gauge,
    clock_behind: Gauge,
    index_lag: GaugeVec,
    queue_records: Gauge,
    queue_bytes: Gauge,
    retention_bytes: GaugeVec,
    retention_seconds: GaugeVec,
    free_bytes: GaugeVec,
    total_bytes: GaugeVec,
    last_accepted: GaugeVec,
    streams: Gauge,
    lag_events: GaugeVec,
    lag_seconds: GaugeVec,
    departed: GaugeVec,
    process_start: Gauge,
    process: process::Gauges,
}

impl Gauges {
    pub(super) fn new(new: &mut Builder) -> Self {
        Self {
            delivered: new.counter("events_delivered_total", "Events that were sent to streams."),
            lost_lines: new.counter(
                "log_lines_lost_total",
                "Log lines that were dropped because standard error was not read in time.",
            ),
            left_out_lines: new.counter(
                "log_lines_limited_total",
                "Log lines of libraries that were dropped by the rate limit: 5 per second at error, warn and info from each place in their code.",
            ),
            ready: new.gauge("ready", "1 while the gateway is ready for callbacks, otherwise 0."),
            complete: new.gauge(
                "scrape_complete",
                "1 if all values could be read for this scrape. 0: some metrics are missing.",
            ),
            writable: new.gauge("log_writable", "1 while the log accepts callbacks, otherwise 0."),
            oldest_sequence: new.gauge(
                "log_oldest_sequence",
                "Sequence of the oldest stored event, or of the next one if the log is empty.",
            ),
            latest_sequence: new.gauge("log_latest_sequence", "Sequence of the newest event."),
            bytes: new.gauges("log_bytes", "Storage used by the log, including indexes, in bytes.", &[]),
            oldest_age: new.gauges(
                "log_oldest_event_age_seconds",
                "Time since the oldest stored event was received. Missing if the log is empty.",
                &[],
            ),
            tail_lag: new.gauge(
                "log_tail_lag_events",
                "Events in a shared log that this gateway has not read yet, and so does not serve. Updated every second from the servers.",
            ),
            lost_events: new.gauge(
                "log_lost_events",
                "Missing or damaged events inside the log that the gateway has found. 0 in a healthy log.",
            ),
            damaged_stores: new.gauge(
                "log_damaged_stores",
                "Damaged stores that were set aside and not repaired yet. Their events are not served. Normally 0.",
            ),
            following: new.gauge(
                "log_following",
                "1 while the tail follows the stored events. 0 after 10 seconds without progress, or if the progress is unknown.",
            ),
            age_is_held: new.gauge(
                "log_age_retention_suspended",
                "1 while deletion by age is suspended because the system clock jumped ahead, otherwise 0.",
            ),
            clock_behind: new.gauge(
                "log_clock_behind_seconds",
                "Lag of the system clock behind the newest event on disk. Receive times stand still meanwhile.",
            ),
            index_lag: new.gauges(
                "log_index_lag_events",
                "Events that are not indexed yet. Missing without an index.",
                &[],
            ),
            queue_records: new.gauge("log_queue_records", "Records in the log's write queue."),
            queue_bytes: new.gauge("log_queue_bytes", "Bytes of the records in the log's write queue."),
            retention_bytes: new.gauges(
                "log_retention_bytes",
                "Size beyond which the oldest events are deleted. Missing without a limit.",
                &[],
            ),
            retention_seconds: new.gauges(
                "log_retention_seconds",
                "Age beyond which events are deleted. Missing without a limit.",
                &[],
            ),
            free_bytes: new.gauges(
                "filesystem_free_bytes",
                "Free bytes for the gateway on the file system of the data directory.",
                &[],
            ),
            total_bytes: new.gauges(
                "filesystem_size_bytes",
                "Size of the file system of the data directory.",
                &[],
            ),
            last_accepted: new.gauges(
                "last_accepted_timestamp_seconds",
                "Time of the last accepted callback of an app. Before the first: the receive time of the newest earlier event of any app, or the process start.",
                &["app"],
            ),
            streams: new.gauge("streams", "Open Subscribe streams."),
            lag_events: new.gauges(
                "subscriber_lag_events",
                "Stored events not yet sent to a subscriber, for its stream with the most. Events that it has not processed do not count.",
                &["subscriber"],
            ),
            lag_seconds: new.gauges(
                "subscriber_lag_seconds",
                "Time that the first unsent event has been waiting. 0 if all are sent.",
                &["subscriber"],
            ),
            departed: new.gauges(
                "subscriber_departed_seconds",
                "Time since the last stream of a named subscriber ended. Dropped after a day or when it returns.",
                &["subscriber"],
            ),
            process_start: new.add(
                "gauge",
                Gauge::with_opts(Opts::new("process_start_time_seconds", "Start time of the process.")),
            ),
            process: process::Gauges::new(new),
        }
    }

    pub(super) fn set(&self, snapshot: &Snapshot) {
        let one = |gauge: &Gauge, value: u64| gauge.set(value as f64);
        let optional = |gauge: &GaugeVec, value: Option<f64>| {
            gauge.reset();
            if let Some(value) = value {
                gauge.with_label_values::<&str>(&[]).set(value);
            }
        };
        let each = |gauge: &GaugeVec, values: &mut dyn Iterator<Item = (&str, f64)>| {
            gauge.reset();
            values.for_each(|(label, value)| gauge.with_label_values(&[label]).set(value));
        };
        let number = |value: Option<u64>| value.map(|value| value as f64);
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());

        // Read from other counters, which never decrease.
        self.lost_lines.inc_by(snapshot.lost_lines.saturating_sub(self.lost_lines.get()));
        self.left_out_lines.inc_by(snapshot.left_out_lines.saturating_sub(self.left_out_lines.get()));
        self.delivered.inc_by(snapshot.delivered.saturating_sub(self.delivered.get()));
        one(&self.ready, snapshot.is_ready.into());
        one(&self.complete, snapshot.is_complete.into());
        one(&self.writable, snapshot.is_writable.into());
        one(&self.oldest_sequence, snapshot.oldest_sequence);
        one(&self.latest_sequence, snapshot.latest_sequence);
        optional(&self.bytes, number(snapshot.bytes));
        optional(&self.oldest_age, seconds(snapshot.oldest_age));
        one(&self.tail_lag, snapshot.tail_lag);
        one(&self.lost_events, snapshot.lost_events);
        one(&self.damaged_stores, snapshot.damaged_stores);
        one(&self.following, snapshot.is_following.into());
        one(&self.age_is_held, snapshot.age_is_held.into());
        self.clock_behind.set(snapshot.clock_behind.as_secs_f64());
        optional(&self.index_lag, number(snapshot.index_lag));
        one(&self.queue_records, snapshot.queue_records);
        one(&self.queue_bytes, snapshot.queue_bytes);
        optional(&self.retention_bytes, number(snapshot.retention_bytes));
        optional(&self.retention_seconds, seconds(snapshot.retention_age));
        optional(&self.free_bytes, number(snapshot.file_system.map(|(free, _)| free)));
        optional(&self.total_bytes, number(snapshot.file_system.map(|(_, size)| size)));
        let apps: Vec<_> =
            snapshot.last_accepted.iter().map(|(app, time)| (app.to_string(), *time)).collect();
        each(&self.last_accepted, &mut apps.iter().map(|(app, time)| (app.as_str(), *time)));
        one(&self.streams, snapshot.streams);
        let events = snapshot.lag_events.iter().map(|(name, &events)| (name.as_str(), events as f64));
        each(&self.lag_events, &mut events.into_iter());
        fn times(map: &BTreeMap<String, Duration>) -> impl Iterator<Item = (&str, f64)> {
            map.iter().map(|(name, time)| (name.as_str(), time.as_secs_f64()))
        }
        each(&self.lag_seconds, &mut times(&snapshot.lag_time));
        each(&self.departed, &mut times(&snapshot.departed));
        self.process_start.set(snapshot.process_start);
        self.process.set(snapshot.process.as_ref());
    }
}
