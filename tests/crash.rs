//! Crashes of the process: what was acknowledged is there after `kill -9`.

use imcallback::Event;
use tempfile::TempDir;

use testkit::burst::{Burst, Follower, Told};
use testkit::*;

const ROUNDS: usize = 20;
const CONNECTIONS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_survives_kill_9() {
    let dir = TempDir::new().unwrap();
    let mut gateway = Process::serve(dir.path(), &[]);
    let mut told = Told::default();
    let mut kept: Vec<Event> = Vec::new();
    // Where each round's follower stood when the gateway was killed.
    let mut positions: Vec<String> = Vec::new();

    for round in 0..ROUNDS {
        let mut follower = Follower::open(&mut gateway.client().await, latest()).await;
        let burst = Burst::start(gateway.addresses.http, &round.to_string(), CONNECTIONS).await;
        // Scattered over 50 to 500, so that every round ends at another moment.
        burst.stored(50 + round * 197 % 451).await;
        follower.saw(1).await;
        gateway.kill();
        told.add(burst.ended().await);
        let live = follower.ended().await;

        gateway = Process::serve(dir.path(), &[]);
        let mut client = gateway.client().await;
        let events = read(&mut client, earliest()).await;
        told.assert_kept_in(&events);
        assert!(events.starts_with(&kept), "round {round}: events of earlier rounds are as they were");
        assert!(
            events[kept.len()..].starts_with(&live),
            "round {round}: a follower sees only what is durable, and leaves nothing out"
        );

        positions.push(live.last().unwrap().cursor.clone());
        for cursor in [&positions[0], &positions[round / 2], &positions[round]] {
            let at = events.iter().position(|event| event.cursor == *cursor).unwrap();
            let resumed = read(&mut client, after(cursor)).await;
            assert!(resumed == events[at + 1..], "round {round}: {cursor} is where it was");
        }
        kept = events;
    }
}
