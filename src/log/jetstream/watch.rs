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

/// Where the tail stands still behind the stream's end, and since when.
type Behind = Option<(Sequence, Instant)>;

/// Runs until the log ends.
pub(super) async fn watch(shared: Arc<Shared>) {
    let work = async {
        let mut behind = None;
        loop {
            let begin = Instant::now();
            shared.walks.forget_idle();
            shared.set_writable(look(&shared, &mut behind).await);
            sleep(INTERVAL.saturating_sub(begin.elapsed()).max(MIN_INTERVAL)).await;
        }
    };
    shared.until_closed(work).await;
}

/// Whether callbacks can be stored, or else why not.
async fn look(shared: &Shared, behind: &mut Behind) -> Result<(), String> {
    let was_behind = behind.take();
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
    *behind = standstill(shared, info.state.end(), was_behind);
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

/// Has the stream followed anew if the tail stands still: its consumer may be there and deliver
/// nothing all the same.
fn standstill(shared: &Shared, stream_end: Sequence, was_behind: Behind) -> Behind {
    let end = shared.end();
    if stream_end <= end {
        return None;
    }
    let since = was_behind.filter(|(at, _)| *at == end).map_or_else(Instant::now, |(_, since)| since);
    if since.elapsed() < STANDSTILL {
        return Some((end, since));
    }
    tracing::warn!(%end, %stream_end, "nothing of the stream was delivered for a while; it is followed anew");
    shared.follow_anew.notify_one();
    Some((end, Instant::now()))
}

fn reason(error: ApiError) -> String {
    match error {
        ApiError::Unreachable(reason) => reason,
        error => error.to_string(),
    }
}
