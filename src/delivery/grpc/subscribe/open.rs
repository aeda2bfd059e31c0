//! Opening a stream: a subscription becomes the body of a response.

use std::{net::SocketAddr, sync::Arc};

use tokio::time::Instant;

use super::{
    super::{
        caller::{Caller, Guard},
        limits::Limits,
        transport::StreamTask,
    },
    body::EventBody,
    follower::{Follower, Following},
    registry::{Place, Streams},
    slot::{NewSlot, Open},
};
use crate::{
    delivery::subscription::{Filter, Subscription},
    log::EventLog,
    proto::{Subscribed, subscribe_response},
};

/// What a new stream is.
#[derive(Debug)]
pub(in super::super) struct NewStream {
    pub(in super::super) place: Place,
    pub(in super::super) peer: Option<SocketAddr>,
    /// What it runs in.
    pub(in super::super) task: Arc<StreamTask>,
    pub(in super::super) caller: Caller,
    pub(in super::super) filter: Arc<Filter>,
    pub(in super::super) subscribed: Subscribed,
}

/// Makes a subscription the body of a response.
pub(in super::super) fn open(
    streams: &Arc<Streams>,
    new: NewStream,
    guard: &Guard,
    log: Arc<dyn EventLog>,
    subscription: Subscription,
) -> EventBody {
    let NewStream { place: Place { place, body }, peer, task, caller, filter, subscribed } = new;
    let name = subscribed.subscriber.clone();
    let include_raw_body = subscribed.include_raw_body;
    let progress = subscription.progress();
    let follower = Follower {
        following: Following::Running(subscription),
        include_raw_body,
        log,
        metrics: Arc::clone(streams.metrics()),
        tracer: streams.tracer().cloned(),
        subscriber: name.clone(),
    };
    let first = subscribe_response::Frame::Subscribed(subscribed);
    let open = Open::new(follower.messages(first), place);
    let slot = streams.add(NewSlot { name, peer, filter, progress, caller }, task, open);
    // It may have been taken back before the stream was in the table.
    if !guard.still_allows(&slot.caller) {
        slot.revoke();
    }
    EventBody::new(Arc::clone(streams), slot, body)
}

/// When a stream that begins now is to end. Streams that began together end
/// apart: each lasts up to 10% less than it may.
pub(in super::super) fn stream_end(limits: &Limits) -> Option<Instant> {
    // Without random numbers they end together, which is no harm to them.
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
        let streams = Streams::new(&limits(), Arc::clone(&metrics), None);
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
        let place = streams.place().await.unwrap();
        let guard = Guard { access: tokio::sync::watch::channel(Arc::default()).1, metrics };
        let caller = guard.caller(&Default::default()).unwrap();
        let new =
            NewStream { place, peer: None, task: Arc::default(), caller, filter: Arc::default(), subscribed };
        drop(open(&streams, new, &guard, log, subscription));
        assert!(streams.place().await.is_some(), "its place is free");

        let after = |seconds: i64| Timestamp(Timestamp::now().0 + seconds * 1_000_000);
        streams.forget_ended(after(24 * 3600 - 60));
        assert_eq!(streams.list(0).len(), 1);
        streams.forget_ended(after(24 * 3600 + 60));
        assert!(streams.list(0).is_empty());
    }

    #[test]
    fn streams_that_began_together_end_apart_within_a_tenth_of_their_age() {
        let limits = limits();
        let age = limits.max_stream_age.unwrap();
        let now = Instant::now();
        let ends: Vec<_> = (0..100).map(|_| stream_end(&limits).unwrap() - now).collect();
        assert!(ends.iter().all(|end| (age.mul_f64(0.9)..age + Duration::from_secs(10)).contains(end)));
        assert!(ends.iter().max().unwrap().abs_diff(*ends.iter().min().unwrap()) > age.mul_f64(0.05));
        assert_eq!(stream_end(&Limits { max_stream_age: None, ..limits }), None);
    }
}
