//! Number of HTTP/2 streams that one connection may hold.

use super::{calls, front, health, subscribe};

/// Returns the HTTP/2 limit of concurrent streams on a connection, for a cap on `Subscribe` streams.
///
/// A proxy puts the calls of all its clients on one connection, and a client at the HTTP/2 limit waits without an error. So
/// one connection may hold what the other bounds of the gateway allow on all connections together. These bounds are
/// reached first, and answer RESOURCE_EXHAUSTED.
pub(super) fn connection_streams(max_streams: usize) -> usize {
    let event_streams = max_streams.saturating_mul(subscribe::LEFT_BEHIND);
    let watches = max_streams.saturating_add(health::MAX_DISPLACED);
    let groups = [front::event_calls(max_streams), front::OPEN_BOUNDS.calls, front::REFLECTION_BOUNDS.calls];
    let calls = groups.map(|most| most.saturating_add(calls::MAX_LEFT_BEHIND));
    calls.into_iter().chain([event_streams, watches]).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_may_hold_everything_that_other_bounds_allow() {
        let none = connection_streams(0);
        assert_eq!(none, 1000 + 512 + 512 + 4 * 128);
        // Open streams and ended ones, watches, and calls that ask for streams.
        assert_eq!(connection_streams(5000), none + 4 * 5000);
        assert_eq!(connection_streams(usize::MAX), usize::MAX);
    }
}
