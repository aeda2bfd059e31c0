//! Watcher of the stream: every second it checks whether the stream takes callbacks, what the stream has trimmed or lost,
//! and whether the tail follows it.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{
    error::ApiError,
    health::STALLED,
    history::History,
    info::StreamInfo,
    lost::LostEvents,
    probe::probe,
    settings::StreamSettings,
    state::{EndReason, StreamState},
};
use crate::event::Sequence;

/// Time between two looks at the stream.
const INTERVAL: Duration = Duration::from_secs(1);
/// Minimum pause between them, also after a slow answer.
const MIN_INTERVAL: Duration = Duration::from_millis(200);
/// How long the tail may stay behind the stream's end before its consumer is recreated.
const STANDSTILL: Duration = Duration::from_secs(3);
/// How long the tail may stay behind, or the stream unreachable, before that is reported. A normal pause is shorter.
const STUCK: Duration = Duration::from_secs(10);

/// Minimum time between two reconnects because of missing answers.
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);
/// How long a connection may give no answer, though the stream is asked every second, before the gateway reconnects. Longer
/// than the servers take to choose a leader.
const SILENCE: Duration = Duration::from_secs(15);
/// Maximum of the same, which doubles after each reconnect that did not help.
const MAX_SILENCE: Duration = Duration::from_secs(120);

/// How long the stream must not exist before it counts as deleted. A server that starts knows its streams only after a
/// while.
const GONE_PATIENCE: Duration = Duration::from_secs(12);

/// See the module's documentation.
pub(super) struct Watcher {
    state: Arc<StreamState>,
    history: Arc<History>,
    settings: StreamSettings,
    lost: LostEvents,
    answers: AnswerMonitor,
    tail: TailMonitor,
    /// Since when the stream does not exist.
    gone_since: Option<Instant>,
    /// Harmless differences of its settings that were logged last.
    logged_differences: Vec<String>,
}

impl Watcher {
    pub(super) fn new(
        state: Arc<StreamState>,
        history: Arc<History>,
        settings: StreamSettings,
        lost: LostEvents,
    ) -> Self {
        let now = Instant::now();
        Self {
            answers: AnswerMonitor { last: now, patience: SILENCE, reconnected: None },
            tail: TailMonitor { end: state.end(), followed: now, recreated: now },
            state,
            history,
            settings,
            lost,
            gone_since: None,
            logged_differences: Vec::new(),
        }
    }

    /// Runs until the log closes.
    pub(super) async fn run(mut self) {
        let state = Arc::clone(&self.state);
        let work = async {
            loop {
                let begin = Instant::now();
                self.history.consumers.drop_idle();
                self.answers.check(&self.state, &self.history).await;
                let writable = self.look().await;
                self.state.health.set_writable(writable);
                self.report_stuck();
                sleep(INTERVAL.saturating_sub(begin.elapsed()).max(MIN_INTERVAL)).await;
            }
        };
        state.health.until_closed(work).await;
    }

    /// Looks at the stream. An error says why callbacks cannot be stored.
    async fn look(&mut self) -> Result<(), String> {
        self.history.api.status.repair(&self.history.api.client);
        let state = Arc::clone(&self.state);
        let least_end = state.least_end();
        let info = self.ask().await;
        state.health.set_answering(info.is_ok());
        let info = info?;
        if state.reused().is_some() {
            return Err("the stream lost its end, and its new epoch is not noted yet".to_owned());
        }
        if info.state.end() < least_end {
            // The stream lost its end, or this leader is behind for a moment: the follower finds out which.
            state.recreate_consumer.notify_one();
        }
        self.tail.check(&state, info.state.end());
        self.lost.update(&state.api, &state.holes, &info.state).await;
        self.compare_settings(&info)?;
        if let Some(subject) = state.health.denied() {
            state.api.may_publish(subject).await.map_err(reason)?;
            state.health.clear_denied();
        }
        probe(&state, info.state.end()).await?;
        if state.health.is_stalled() {
            return Err(STALLED.to_owned());
        }
        Ok(())
    }

    /// Asks the stream's leader. An error says why callbacks cannot be stored.
    async fn ask(&mut self) -> Result<StreamInfo, String> {
        if !self.state.api.status.repair(&self.state.api.client) {
            self.gone_since = None;
            return Err("there is no connection to NATS".to_owned());
        }
        let answer = self.state.refresh().await;
        if matches!(answer, Err(ApiError::Gone)) {
            let since = *self.gone_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= GONE_PATIENCE {
                self.state.end_log(EndReason::Deleted);
            }
        } else {
            self.gone_since = None;
        }
        let info = answer.map_err(reason)?;
        // The end of a leader that is cut off from the other servers is outdated.
        info.quorum(self.state.replicas)?;
        Ok(info)
    }

    /// Compares the stream's settings, which an operator may have changed. Nothing is published while they can lose events.
    fn compare_settings(&mut self, info: &StreamInfo) -> Result<(), String> {
        let (unsafe_ones, others) = self.settings.compare(info);
        self.state.health.set_unsafe_settings(!unsafe_ones.is_empty());
        if others != self.logged_differences {
            if others.is_empty() {
                tracing::info!("the stream's settings match this gateway's again");
            } else {
                let differences = others.join("; ");
                tracing::error!(
                    differences,
                    "the stream's settings differ from this gateway's, which would not start with them; change either"
                );
            }
            self.logged_differences = others;
        }
        if info.is_sealed() {
            return Err(
                "the stream is sealed, which cannot be undone: give the gateways another stream (--nats-stream)"
                    .to_owned(),
            );
        }
        if unsafe_ones.is_empty() {
            return Ok(());
        }
        Err(format!("the stream's settings can lose events, change them back: {}", unsafe_ones.join("; ")))
    }

    fn report_stuck(&self) {
        let is_stuck = self.tail.followed.elapsed() >= STUCK;
        if self.state.set_stuck(is_stuck) {
            if is_stuck {
                tracing::error!(
                    "the tail consumer is stalled; subscribers receive no new events until the connection to NATS recovers"
                );
            } else {
                tracing::info!("the tail consumer follows the stream again");
            }
        }
    }
}

/// Notices that the tail stays behind the stream's end.
struct TailMonitor {
    /// End of the tail at the last look at which it followed.
    end: Sequence,
    /// When the tail last followed: it was at the stream's end, or had moved.
    followed: Instant,
    /// When the consumer was last recreated for a standstill, or the tail followed.
    recreated: Instant,
}

impl TailMonitor {
    /// Has the consumer recreated after a standstill: a consumer may exist and deliver nothing all the same.
    fn check(&mut self, state: &StreamState, stream_end: Sequence) {
        let (end, now) = (state.end(), Instant::now());
        if stream_end <= end || end > self.end {
            *self = Self { end, followed: now, recreated: now };
        } else if now - self.recreated >= STANDSTILL {
            tracing::warn!(%end, %stream_end, "the tail consumer delivers nothing; recreating it");
            state.recreate_consumer.notify_one();
            self.recreated = now;
        }
    }
}

/// Notices that answers do not arrive.
///
/// A server that revokes the right to subscribe to them, and grants it again, has ended the subscriptions. The client does
/// not notice, and no acknowledgement would ever arrive.
struct AnswerMonitor {
    /// When the server last answered, or the gateway reconnected.
    last: Instant,
    /// How long to wait for the next answer.
    patience: Duration,
    /// When the gateway last reconnected.
    reconnected: Option<Instant>,
}

impl AnswerMonitor {
    /// Reconnects if the server has ended subscriptions to answers, or has not answered for too long.
    async fn check(&mut self, state: &StreamState, history: &History) {
        let now = Instant::now();
        let is_up = state.api.status.connection.borrow().is_up;
        if state.api.status.take_answered() || !is_up {
            (self.last, self.patience) = (now, SILENCE);
        }
        if self.reconnected.is_some_and(|last| now - last < RECONNECT_PAUSE) {
            return;
        }
        let is_silent = now - self.last >= self.patience;
        for api in [&state.api, &history.api] {
            if is_silent || api.status.take_answers_denied() {
                tracing::warn!("no answers arrive from NATS; reconnecting");
                self.reconnected = Some(now);
                // Limited, because the connection may be blocked.
                timeout(RECONNECT_PAUSE, api.client.force_reconnect()).await.ok();
            }
        }
        if is_silent {
            (self.last, self.patience) = (now, (self.patience * 2).min(MAX_SILENCE));
        }
    }
}

fn reason(error: ApiError) -> String {
    match error {
        ApiError::Unreachable(reason) => reason,
        error => error.to_string(),
    }
}
