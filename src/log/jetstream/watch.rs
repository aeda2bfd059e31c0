//! Watching the stream's state: whether it takes callbacks, and what it has trimmed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{api::ApiError, connection::repair, publish::STALLED_REASON, shared::Shared};

/// How often the stream's state is asked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// The least pause, also where somebody wants it sooner.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// Runs until the log ends.
pub(super) async fn watch(shared: Arc<Shared>) {
    let work = async {
        loop {
            let begin = Instant::now();
            shared.set_writable(look(&shared).await);
            sleep(MIN_INTERVAL).await;
            let rest = INTERVAL.saturating_sub(begin.elapsed());
            // Whether it was asked for or is time.
            timeout(rest, shared.look.notified()).await.ok();
        }
    };
    shared.until_closed(work).await;
}

/// Whether callbacks can be stored, or else why not.
async fn look(shared: &Shared) -> Result<(), String> {
    if !repair(&shared.connection, &shared.api.client) {
        return Err("there is no connection to NATS".to_owned());
    }
    let end = shared.end();
    let info = shared.ask().await.map_err(reason)?;
    // First: one that is cut off from the others has an end of the past.
    info.quorum(shared.replicas)?;
    if info.state.end() < end {
        // It may have lost its end, or be behind for a moment: that is found out there.
        shared.follow_anew.notify_one();
    }
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

fn reason(error: ApiError) -> String {
    match error {
        ApiError::Unreachable(reason) => reason,
        error => error.to_string(),
    }
}
