//! Task that updates the gRPC health status.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{
    delivery::grpc::Health,
    log::{EventLog, LogState, ReadError},
    net::shutdown::Drain,
};

/// Interval between test reads, for the health of `EventService`.
const READ_PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// Deadline of a test read. Beyond it, stored events count as unreadable.
const READ_PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Updates the health status until the drain is announced.
///
/// "" is SERVING while callbacks can be stored, and `EventService` while stored events can be read. In a
/// drain all services are NOT_SERVING, so that load balancers send new calls elsewhere.
pub(super) async fn report_health(log: Arc<dyn EventLog>, health: Health, drain: Drain) {
    let storing = async {
        let mut state = log.state();
        loop {
            health.set_storing(*state.borrow_and_update() == LogState::Writable);
            if state.changed().await.is_err() {
                pending::<()>().await;
            }
        }
    };
    let reading = async {
        let mut probe = interval(READ_PROBE_INTERVAL);
        probe.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            probe.tick().await;
            health.set_reading(can_read(&*log).await);
        }
    };
    tokio::select! {
        () = storing => {}
        () = reading => {}
        () = drain.announced() => {}
    }
    health.set_storing(false);
    health.set_reading(false);
    health.set_answering(false);
}

/// Returns whether the tail follows the stored events and the oldest record is readable. The oldest is the
/// furthest from memory.
pub(super) async fn can_read(log: &dyn EventLog) -> bool {
    if log.lag().is_stuck {
        return false;
    }
    match timeout(READ_PROBE_TIMEOUT, log.read(log.oldest(), 1)).await {
        // The other events stay readable if one record is damaged or was just trimmed.
        Ok(Ok(_) | Err(ReadError::Trimmed { .. } | ReadError::Hole(_))) => true,
        Ok(Err(ReadError::Unavailable(_))) | Err(_) => false,
    }
}
