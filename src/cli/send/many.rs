//! Many callbacks at a rate, with a summary.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write as _},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use anstyle::Style;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    super::{
        Failure,
        connect::runtime,
        table::{BAD, GOOD, HEADING},
        text,
    },
    post::{Answer, Outcome, Poster},
};

/// Maximum concurrent callbacks, each on its own connection. At a rate that needs more, callbacks wait and
/// the rate is not reached.
pub(super) const CONNECTIONS: usize = 32;
/// Maximum number of distinct reasons.
const MAX_REASONS: usize = 20;

/// Results so far.
#[derive(Default)]
struct Tally {
    /// Latency of each response, in microseconds. Bounded by `--count`.
    latencies: Vec<u32>,
    stored: u64,
    not_stored: u64,
    reasons: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, answer: Answer) {
        if answer.packet.is_some() {
            self.latencies.push(u32::try_from(answer.time.as_micros()).unwrap_or(u32::MAX));
        }
        let reason = match answer.outcome {
            Outcome::Stored => {
                self.stored += 1;
                return;
            }
            Outcome::NotStored { reason, remedy } if remedy.is_empty() => reason,
            Outcome::NotStored { reason, remedy } => format!("{reason}; {remedy}"),
        };
        self.not_stored += 1;
        let is_known = self.reasons.len() < MAX_REASONS || self.reasons.contains_key(&reason);
        *self.reasons.entry(if is_known { reason } else { "other reasons".to_owned() }).or_default() += 1;
    }

    fn sent(&self) -> u64 {
        self.stored + self.not_stored
    }
}

/// Posts the callback `count` times: with a rate on several connections, otherwise one after the other.
/// Ctrl-C ends it early.
pub(super) fn send(poster: Poster, count: u64, rate: Option<f64>) -> Result<(), Failure> {
    let poster = Arc::new(poster);
    let start = Instant::now();
    let mut tally = runtime()?.block_on(async {
        let mut tally = Tally::default();
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        let mut in_flight = JoinSet::new();
        let at_once = if rate.is_some() { CONNECTIONS } else { 1 };
        let bar = bar(count);
        let mut take = |answer: Answer| {
            tally.add(answer);
            bar.set_position(tally.sent());
        };
        for index in 0..count {
            let due = rate.map_or(start, |rate| start + Duration::from_secs_f64(index as f64 / rate));
            // Collect responses while waiting.
            let is_interrupted = loop {
                let is_full = in_flight.len() == at_once;
                tokio::select! {
                    biased;
                    _ = &mut interrupted => break true,
                    Some(answer) = in_flight.join_next() => take(answered(answer)?),
                    () = sleep_until(due), if !is_full => break false,
                }
            };
            if is_interrupted {
                break;
            }
            let poster = Arc::clone(&poster);
            in_flight.spawn_blocking(move || poster.post());
        }
        while let Some(answer) = in_flight.join_next().await {
            take(answered(answer)?);
        }
        bar.finish_and_clear();
        Ok::<_, Failure>(tally)
    })?;
    let written = summary(&mut tally, count, start.elapsed());
    // Report the outcome rather than the failed write.
    if tally.stored < count {
        return Err(Failure::Other(format!("{} of {count} were not stored", count - tally.stored)));
    }
    Ok(written?)
}

fn answered(answer: Result<Answer, tokio::task::JoinError>) -> Result<Answer, Failure> {
    answer.map_err(|error| Failure::Other(format!("a sender panicked: {error}")))
}

/// Creates the progress bar on standard error, visible on a terminal.
fn bar(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {rate}  {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
        // Ignore the error: it only affects the display.
        write!(out, "{:.0} a second", state.per_sec()).ok();
    });
    ProgressBar::new(count).with_style(style)
}

fn summary(tally: &mut Tally, count: u64, time: Duration) -> io::Result<()> {
    let sent = tally.sent();
    let mut out = anstream::stdout().lock();
    let mut line = |name: &str, style: Style, text: String| {
        writeln!(out, "{HEADING}{name:<11}{HEADING:#}{style}{text}{style:#}")
    };
    let rate = sent as f64 / time.as_secs_f64().max(1e-6);
    let plain = Style::new();
    line("sent", plain, format!("{sent} in {} ({rate:.1} a second)", text::duration(time)))?;
    line("stored", if tally.stored == count { GOOD } else { plain }, tally.stored.to_string())?;
    if tally.not_stored > 0 {
        line("not stored", BAD, tally.not_stored.to_string())?;
    }
    let mut reasons: Vec<_> = tally.reasons.iter().collect();
    reasons.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    for (reason, times) in reasons {
        line("", plain, format!("{times} x {reason}"))?;
    }
    tally.latencies.sort_unstable();
    if let Some(&slowest) = tally.latencies.last() {
        let time = |micros: u32| text::duration(Duration::from_micros(micros.into()));
        let [half, most, nearly_all] =
            [50, 90, 99].map(|percent| time(percentile(&tally.latencies, percent)));
        line("answered", plain, format!("p50 {half}, p90 {most}, p99 {nearly_all}, max {}", time(slowest)))?;
    }
    Ok(())
}

/// Returns the smallest value that at least `percent` percent of the sorted, non-empty values do not exceed.
fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_measured_value() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!([50, 90, 99, 100].map(|percent| percentile(&hundred, percent)), [50, 90, 99, 100]);
        assert_eq!(percentile(&[7], 50), 7);
        assert_eq!([50, 99].map(|percent| percentile(&[1, 2, 3], percent)), [2, 3]);
    }

    #[test]
    fn reasons_are_bounded() {
        let mut tally = Tally::default();
        for n in 0..100 {
            let outcome = Outcome::NotStored { reason: format!("reason {n}"), remedy: String::new() };
            tally.add(Answer { outcome, packet: None, time: Duration::ZERO });
        }
        assert_eq!(
            (tally.reasons.len(), tally.reasons["other reasons"], tally.sent()),
            (MAX_REASONS + 1, 80, 100)
        );
    }
}
