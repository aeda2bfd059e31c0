//! What has a value at any time.

use std::{collections::BTreeMap, time::Duration};

use prometheus::{Gauge, GaugeVec, IntCounter, Opts};

use super::{Builder, Snapshot, process};

/// What a snapshot says.
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
            delivered: new.counter("events_delivered_total", "Events that were given to streams."),
            lost_lines: new.counter(
                "log_lines_lost_total",
                "Lines of the gateway's own log that were lost because nobody took them in time.",
            ),
            left_out_lines: new.counter(
                "log_lines_limited_total",
                "Log lines of libraries that were not written: each place in their code may write 5 a second at the levels error, warn and info.",
            ),
            ready: new.gauge("ready", "1 while the gateway is ready for callbacks, else 0."),
            complete: new.gauge(
                "scrape_complete",
                "1 if everything could be read for this scrape; if 0, some metrics are missing.",
            ),
            writable: new.gauge("log_writable", "1 while the log takes callbacks, else 0."),
            oldest_sequence: new.gauge(
                "log_oldest_sequence",
                "Sequence of the oldest stored event; of the next one if none is stored.",
            ),
            latest_sequence: new.gauge("log_latest_sequence", "Sequence of the newest event."),
            bytes: new.gauges("log_bytes", "Bytes of storage that the log takes, its indexes included.", &[]),
            oldest_age: new.gauges(
                "log_oldest_event_age_seconds",
                "Time since the oldest stored event was received; missing if none is stored.",
                &[],
            ),
            tail_lag: new.gauge(
                "log_tail_lag_events",
                "Events that are stored, and that this gateway gives nobody yet: with a log that gateways share, those that it has not come to, as its servers said a second ago.",
            ),
            lost_events: new.gauge(
                "log_lost_events",
                "Events inside the log that are missing or damaged, as far as the gateway has met them. 0 in a healthy log.",
            ),
            damaged_stores: new.gauge(
                "log_damaged_stores",
                "Damaged stores that were set aside and not repaired yet; their events are not served. 0 normally.",
            ),
            following: new.gauge(
                "log_following",
                "1 while the gateway comes to what is stored; 0 after 10 seconds in which it came no further, or nobody could say whether it does.",
            ),
            age_is_held: new.gauge(
                "log_age_retention_suspended",
                "1 while nothing is deleted by age because the system clock jumped ahead, else 0.",
            ),
            clock_behind: new.gauge(
                "log_clock_behind_seconds",
                "How far the system clock is behind the newest event on disk; receive times stand still meanwhile.",
            ),
            index_lag: new.gauges(
                "log_index_lag_events",
                "Events that the index has not reached; missing without an index.",
                &[],
            ),
            queue_records: new.gauge("log_queue_records", "Records that wait to be written."),
            queue_bytes: new.gauge("log_queue_bytes", "Bytes of the records that wait to be written."),
            retention_bytes: new.gauges(
                "log_retention_bytes",
                "Bytes beyond which the oldest events are deleted; missing without such a bound.",
                &[],
            ),
            retention_seconds: new.gauges(
                "log_retention_seconds",
                "Age beyond which events are deleted; missing without such a bound.",
                &[],
            ),
            free_bytes: new.gauges(
                "filesystem_free_bytes",
                "Bytes that the gateway may still use on the file system of the data directory.",
                &[],
            ),
            total_bytes: new.gauges(
                "filesystem_size_bytes",
                "Size of the file system of the data directory.",
                &[],
            ),
            last_accepted: new.gauges(
                "last_accepted_timestamp_seconds",
                "When the last callback of an app was accepted; if none was since the process began, when the newest event stored before, of any app, was received, or else the process began.",
                &["app"],
            ),
            streams: new.gauge("streams", "Open Subscribe streams."),
            lag_events: new.gauges(
                "subscriber_lag_events",
                "Stored events not yet sent to a subscriber, for the stream with the most. Not the events that it has not processed.",
                &["subscriber"],
            ),
            lag_seconds: new.gauges(
                "subscriber_lag_seconds",
                "Seconds that the first unsent event has been waiting. 0 if there is none.",
                &["subscriber"],
            ),
            departed: new.gauges(
                "subscriber_departed_seconds",
                "Time since the last stream of a named subscriber ended, for a day or until it is back.",
                &["subscriber"],
            ),
            process_start: new.add(
                "gauge",
                Gauge::with_opts(Opts::new("process_start_time_seconds", "When the process began.")),
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

        // A counter of somebody else's: it never goes back.
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
