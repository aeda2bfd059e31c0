//! Watching the stream's state: whether it takes callbacks, and what it has trimmed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{api::ApiError, publish::STALLED_REASON, shared::Shared};
use crate::event::Sequence;

/// How often the stream's state is asked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// The least pause, also where the answer took long.
const MIN_INTERVAL: Duration = Duration::from_millis(200);
/// How long the tail may stand still behind the stream's end.
const STANDSTILL: Duration = Duration::from_secs(3);

/// For how long nobody may be able to say that the tail follows the stream: a pause is shorter.
const STUCK: Duration = Duration::from_secs(10);

/// What was seen of the tail.
struct Seen {
    /// Where it was.
    end: Sequence,
    /// When it last followed: it was at the stream's end, or had moved.
    followed: Instant,
    /// When it was last made anew for standing still, or followed.
    made_anew: Instant,
}

/// Runs until the log ends.
pub(super) async fn watch(shared: Arc<Shared>) {
    let work = async {
        let now = Instant::now();
        let mut seen = Seen { end: shared.end(), followed: now, made_anew: now };
        loop {
            let begin = Instant::now();
            shared.walks.forget_idle();
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
    if !shared.api.said.repair(&shared.api.client) {
        return Err("there is no connection to NATS".to_owned());
    }
    let end = shared.least_end();
    let info = shared.ask().await.map_err(reason)?;
    // First: one that is cut off from the others has an end of the past.
    info.quorum(shared.replicas)?;
    if info.state.end() < end {
        // It may have lost its end, or be behind for a moment: that is found out there.
        shared.follow_anew.notify_one();
    }
    follow(shared, info.state.end(), seen);
    shared.note_lost(&info.state).await.map_err(reason)?;
    let denied = shared.denied().clone();
    if let Some(subject) = denied {
        shared.api.may_publish(subject).await.map_err(reason)?;
        *shared.denied() = None;
    }
    if shared.is_stalled.load(Ordering::Relaxed) {
        return Err(STALLED_REASON.to_owned());
    }
    Ok(())
}

/// Has the stream followed anew if the tail stands still behind its end: its consumer may be there and
/// deliver nothing all the same.
fn follow(shared: &Shared, stream_end: Sequence, seen: &mut Seen) {
    let (end, now) = (shared.end(), Instant::now());
    if stream_end <= end || end > seen.end {
        *seen = Seen { end, followed: now, made_anew: now };
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
