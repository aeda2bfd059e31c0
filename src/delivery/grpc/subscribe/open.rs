//! Opens a stream: turns a subscription into the body of a response.

use std::{net::SocketAddr, sync::Arc};

use tokio::time::Instant;

use super::{
    super::{
        caller::{Authenticator, Caller},
        limits::Limits,
        transport::StreamTask,
    },
    body::EventBody,
    follower::{Follower, FollowerState},
    registry::{StreamPermit, StreamRegistry},
    slot::{OpenStream, SlotInfo},
};
use crate::{
    delivery::subscription::{Filter, Subscription},
    log::EventLog,
    proto::{Subscribed, subscribe_response},
};

/// Description of a stream to open.
#[derive(Debug)]
pub(in super::super) struct NewStream {
    pub(in super::super) permit: StreamPermit,
    pub(in super::super) peer: Option<SocketAddr>,
    /// The task that answers the call.
    pub(in super::super) task: Arc<StreamTask>,
    pub(in super::super) caller: Caller,
    pub(in super::super) filter: Arc<Filter>,
    pub(in super::super) subscribed: Subscribed,
}

/// Opens a stream and returns the body of its response.
pub(in super::super) fn open(
    registry: &Arc<StreamRegistry>,
    new: NewStream,
    authenticator: &Authenticator,
    log: Arc<dyn EventLog>,
    subscription: Subscription,
) -> EventBody {
    let NewStream { permit, peer, task, caller, filter, subscribed } = new;
    let StreamPermit { open, body } = permit;
    let name = subscribed.subscriber.clone();
    let include_raw_body = subscribed.include_raw_body;
    let progress = subscription.progress();
    let follower = Follower {
        state: FollowerState::Running(subscription),
        include_raw_body,
        log,
        metrics: Arc::clone(registry.metrics()),
        tracer: registry.tracer().cloned(),
        subscriber: name.clone(),
    };
    let first = subscribe_response::Frame::Subscribed(subscribed);
    let open = OpenStream::new(follower.messages(first), open);
    let slot = registry.add(SlotInfo { name, peer, filter, progress, caller }, task, open);
    // The token may have been revoked before the stream was in the registry.
    if !authenticator.still_allows(&slot.caller) {
        slot.revoke();
    }
    EventBody::new(Arc::clone(registry), slot, body)
}

/// Returns when a stream that starts now must end. Each stream lasts up to 10% less than the maximum age, so that streams
/// that started together do not end together.
pub(in super::super) fn stream_end(limits: &Limits) -> Option<Instant> {
    // Without random numbers, streams end together, which does no harm.
    let jitter = getrandom::u32().map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX) * 0.1);
    limits.max_stream_age.map(|age| Instant::now() + age.mul_f64(1.0 - jitter))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        delivery::subscription::{OnGap, Start, SubscribeOptions},
        event::Timestamp,
        log::memory::MemoryLog,
        net::shutdown::Drain,
        observe::metrics::{Labels, Metrics},
    };

    fn limits() -> Limits {
        let time = Duration::from_secs(1000);
        Limits {
            max_connections: 1,
            first_call_timeout: time,
            max_streams: 1,
            stall_timeout: time,
            max_stream_age: Some(time),
            keepalive_interval: time,
            keepalive_timeout: time,
        }
    }

    #[tokio::test]
    async fn an_ended_stream_is_forgotten_after_a_day() {
        let metrics = Arc::new(Metrics::new([], &Labels::default()));
        let registry = StreamRegistry::new(&limits(), Arc::clone(&metrics), None);
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(1000).unwrap());
        let options = SubscribeOptions {
            start: Start::Latest,
            filter: Arc::default(),
            heartbeat: Duration::from_secs(1),
            on_gap: OnGap::Fail,
            end_at: None,
        };
        let subscription = Subscription::open(Arc::clone(&log), options, Drain::new()).await.unwrap();
        let subscribed = Subscribed { subscriber: "orders".to_owned(), ..Default::default() };
        let permit = registry.acquire().await.unwrap();
        let authenticator = Authenticator { access: tokio::sync::watch::channel(Arc::default()).1, metrics };
        let caller = authenticator.caller(&Default::default()).unwrap();
        let task = Arc::default();
        let new = NewStream { permit, peer: None, task, caller, filter: Arc::default(), subscribed };
        drop(open(&registry, new, &authenticator, log, subscription));
        assert!(registry.acquire().await.is_some(), "its permit is free");

        let after = |seconds: i64| Timestamp(Timestamp::now().0 + seconds * 1_000_000);
        registry.forget_ended(after(24 * 3600 - 60));
        assert_eq!(registry.list(0).len(), 1);
        registry.forget_ended(after(24 * 3600 + 60));
        assert!(registry.list(0).is_empty());
    }

    #[test]
    fn streams_that_start_together_end_apart_within_a_tenth_of_their_age() {
        let limits = limits();
        let age = limits.max_stream_age.unwrap();
        let now = Instant::now();
        let ends: Vec<_> = (0..100).map(|_| stream_end(&limits).unwrap() - now).collect();
        assert!(ends.iter().all(|end| (age.mul_f64(0.9)..age + Duration::from_secs(10)).contains(end)));
        assert!(ends.iter().max().unwrap().abs_diff(*ends.iter().min().unwrap()) > age.mul_f64(0.05));
        assert_eq!(stream_end(&Limits { max_stream_age: None, ..limits }), None);
    }
}
