//! Watching the stream's state: whether it takes callbacks, and what it has trimmed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    api::{ApiError, Info},
    publish::STALLED_REASON,
    shared::Shared,
};

/// How often the stream's state is asked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// The least pause, also where somebody wants it sooner.
const MIN_INTERVAL: Duration = Duration::from_millis(200);
/// Silence after which a server that holds the stream too counts as gone.
const PEER_SILENCE: Duration = Duration::from_secs(4);

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
    if !shared.connection.borrow().is_up {
        return Err("there is no connection to NATS".to_owned());
    }
    let end = shared.end();
    let info = shared.ask().await.map_err(|error| match error {
        ApiError::Unreachable(reason) => reason,
        error => error.to_string(),
    })?;
    if info.state.end() < end {
        // It may have lost its end, or be behind for a moment: that is found out there.
        shared.follow_anew.notify_one();
    }
    quorum(&info, shared.replicas)?;
    if shared.is_stalled.load(Ordering::Relaxed) {
        return Err(STALLED_REASON.to_owned());
    }
    Ok(())
}

/// Whether enough of the servers that hold the stream are there to acknowledge.
fn quorum(info: &Info, replicas: usize) -> Result<(), String> {
    let Some(cluster) = &info.cluster else { return Ok(()) };
    if cluster.leader.as_ref().is_none_or(String::is_empty) {
        return Err("the stream has no leader".to_owned());
    }
    let silence = u64::try_from(PEER_SILENCE.as_nanos()).unwrap_or(u64::MAX);
    let there = 1 + cluster.replicas.iter().filter(|peer| !peer.offline && peer.active < silence).count();
    if there * 2 > replicas {
        Ok(())
    } else {
        Err(format!("only {there} of {replicas} servers with the stream are there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(cluster: &str) -> Info {
        let json = format!(
            r#"{{"config":{{}},"created":"2026-01-01T00:00:00Z","state":{{"messages":0,"bytes":0,"first_seq":0,
            "first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z"}},"cluster":{cluster}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_stream_takes_callbacks_with_a_leader_and_more_than_half_of_its_servers() {
        let peer = |offline: bool, active: u64| format!(r#"{{"offline":{offline},"active":{active}}}"#);
        let (there, silent, gone) = (peer(false, 900_000_000), peer(false, 9_000_000_000), peer(true, 0));
        let of = |peers: [&str; 2]| info(&format!(r#"{{"leader":"a","replicas":[{}]}}"#, peers.join(",")));
        assert!(quorum(&of([&there, &there]), 3).is_ok());
        assert!(quorum(&of([&there, &gone]), 3).is_ok());
        assert!(quorum(&of([&silent, &gone]), 3).is_err());
        assert!(quorum(&info(r#"{"leader":"a"}"#), 1).is_ok());
        assert!(quorum(&info("null"), 1).is_ok());
        assert!(quorum(&info(r#"{"leader":""}"#), 1).is_err());
    }
}
