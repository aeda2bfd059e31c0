//! Watching the stream's state: whether it takes callbacks, and what it has trimmed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    api::ApiError,
    info::Info,
    publish::STALLED_REASON,
    shared::{Other, Shared},
};
use crate::event::Sequence;

/// How often the stream's state is asked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// The least pause, also where the answer took long.
const MIN_INTERVAL: Duration = Duration::from_millis(200);
/// How long the tail may stand still behind the stream's end.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Least time between two connections that are made because answers do not come.
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);
/// For how long a connection that is up may give no answer, though the stream is asked every second. Longer than
/// the servers take to choose a leader.
const SILENCE: Duration = Duration::from_secs(15);
/// The same after connecting again did not help.
const MAX_SILENCE: Duration = Duration::from_secs(120);
/// For how long nobody may be able to say that the tail follows the stream: a pause is shorter.
const STUCK: Duration = Duration::from_secs(10);

/// For how long there must be no such stream before it counts as deleted: servers that start again know their streams
/// only after a while.
const GONE_PATIENCE: Duration = Duration::from_secs(12);

/// What was seen of the tail.
struct Seen {
    /// Since when there is no such stream.
    gone_since: Option<Instant>,
    /// Where it was.
    end: Sequence,
    /// When it last followed: it was at the stream's end, or had moved.
    followed: Instant,
    /// When it was last made anew for standing still, or followed.
    made_anew: Instant,
    /// Differences of its settings that were logged last.
    other_settings: Vec<String>,
}

/// Whether answers come. A server that takes the right to subscribe to them away, and gives it back, has ended
/// the subscriptions all the same, and the client does not know: no acknowledgement would ever come.
struct Answers {
    /// When the server last answered, or answers were last given up.
    last: Instant,
    /// How long to wait for the next one.
    patience: Duration,
    /// When the connections were last made anew.
    reconnected: Option<Instant>,
}

impl Answers {
    /// Connects again if the server has ended subscriptions to answers, or has not answered for long.
    async fn repair(&mut self, shared: &Shared) {
        let now = Instant::now();
        let is_up = shared.api.said.connection.borrow().is_up;
        if shared.api.said.take_answered() || !is_up {
            (self.last, self.patience) = (now, SILENCE);
        }
        if self.reconnected.is_some_and(|last| now - last < RECONNECT_PAUSE) {
            return;
        }
        let is_silent = now - self.last >= self.patience;
        for api in [&shared.api, &shared.reading] {
            if is_silent || api.said.take_answers_denied() {
                tracing::warn!("answers from NATS do not come any more; connecting again");
                self.reconnected = Some(now);
                // Not waited for longer: the connection may take nothing.
                timeout(RECONNECT_PAUSE, api.client.force_reconnect()).await.ok();
            }
        }
        if is_silent {
            (self.last, self.patience) = (now, (self.patience * 2).min(MAX_SILENCE));
        }
    }
}

/// Runs until the log ends.
pub(super) async fn watch(shared: Arc<Shared>) {
    let work = async {
        let now = Instant::now();
        let mut answers = Answers { last: now, patience: SILENCE, reconnected: None };
        let mut seen = Seen {
            gone_since: None,
            end: shared.end(),
            followed: now,
            made_anew: now,
            other_settings: Vec::new(),
        };
        loop {
            let begin = Instant::now();
            shared.walks.forget_idle();
            answers.repair(&shared).await;
            shared.set_writable(look(&shared, &mut seen).await);
            note_stuck(&shared, seen.followed.elapsed() >= STUCK);
            sleep(INTERVAL.saturating_sub(begin.elapsed()).max(MIN_INTERVAL)).await;
        }
    };
    shared.until_closed(work).await;
}

/// Whether callbacks can be stored, or else why not.
async fn look(shared: &Shared, seen: &mut Seen) -> Result<(), String> {
    shared.reading.said.repair(&shared.reading.client);
    let end = shared.least_end();
    let info = ask(shared, seen).await;
    shared.is_answering.store(info.is_ok(), Ordering::Relaxed);
    let info = info?;
    if info.state.end() < end {
        // It may have lost its end, or be behind for a moment: that is found out there.
        shared.follow_anew.notify_one();
    }
    follow(shared, info.state.end(), seen);
    shared.note_lost(&info.state).await;
    compare(shared, &info, seen)?;
    let denied = shared.denied().clone();
    if let Some(subject) = denied {
        shared.api.may_publish(subject).await.map_err(reason)?;
        *shared.denied() = None;
    }
    shared.try_refused(info.state.end()).await?;
    if shared.is_stalled.load(Ordering::Relaxed) {
        return Err(STALLED_REASON.to_owned());
    }
    Ok(())
}

/// Asks the stream's leader for its state. An error says why nothing can be stored.
async fn ask(shared: &Shared, seen: &mut Seen) -> Result<Info, String> {
    if !shared.api.said.repair(&shared.api.client) {
        seen.gone_since = None;
        return Err("there is no connection to NATS".to_owned());
    }
    let answer = shared.ask().await;
    if matches!(answer, Err(ApiError::Gone)) {
        let since = *seen.gone_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= GONE_PATIENCE {
            shared.become_other(Other::Deleted);
        }
    } else {
        seen.gone_since = None;
    }
    let info = answer.map_err(reason)?;
    // One that is cut off from the others has an end of the past.
    info.quorum(shared.replicas)?;
    Ok(info)
}

/// Compares the stream's settings, which somebody may have changed. With such that can lose events
/// nothing is published until they are put right.
fn compare(shared: &Shared, info: &Info, seen: &mut Seen) -> Result<(), String> {
    let (unsafe_ones, others) = shared.settings.compare(info);
    shared.is_unsafe.store(!unsafe_ones.is_empty(), Ordering::Relaxed);
    if others != seen.other_settings {
        if others.is_empty() {
            tracing::info!("the stream's settings are this gateway's again");
        } else {
            let differences = others.join("; ");
            tracing::error!(
                differences,
                "the stream's settings are no longer this gateway's; it would not start with them: change the \
                 one or the other"
            );
        }
        seen.other_settings = others;
    }
    if info.is_sealed() {
        return Err(
            "the stream is sealed, which cannot be undone: give the gateways another one (--nats-stream)"
                .to_owned(),
        );
    }
    if unsafe_ones.is_empty() {
        return Ok(());
    }
    Err(format!("the stream's settings can lose events, change them back: {}", unsafe_ones.join("; ")))
}

/// Has the stream followed anew if the tail stands still behind its end: its consumer may be there and
/// deliver nothing all the same.
fn follow(shared: &Shared, stream_end: Sequence, seen: &mut Seen) {
    let (end, now) = (shared.end(), Instant::now());
    if stream_end <= end || end > seen.end {
        (seen.end, seen.followed, seen.made_anew) = (end, now, now);
    } else if now - seen.made_anew >= STANDSTILL {
        tracing::warn!(%end, %stream_end, "nothing of the stream was delivered for a while; it is followed anew");
        shared.follow_anew.notify_one();
        seen.made_anew = now;
    }
}

fn note_stuck(shared: &Shared, is_stuck: bool) {
    if shared.is_stuck.swap(is_stuck, Ordering::Relaxed) != is_stuck {
        if is_stuck {
            tracing::error!("this gateway does not come to what is stored; subscribers get nothing new");
        } else {
            tracing::info!("the stream is followed again");
        }
    }
}

fn reason(error: ApiError) -> String {
    match error {
        ApiError::Unreachable(reason) => reason,
        error => error.to_string(),
    }
}
