//! Process crashes: every acknowledged event survives `kill -9`.

use imcallback::Event;
use tempfile::TempDir;

use testkit::burst::{Answers, Burst, Follower};
use testkit::*;

const ROUNDS: usize = 20;
const CONNECTIONS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_survives_kill_9() {
    let dir = TempDir::new().unwrap();
    let mut gateway = Process::serve(dir.path(), &[]);
    let mut answers = Answers::default();
    let mut kept: Vec<Event> = Vec::new();
    // Positions of the followers when the gateway was killed, by round.
    let mut positions: Vec<String> = Vec::new();

    for round in 0..ROUNDS {
        let mut follower = Follower::open(&mut gateway.client().await, latest()).await;
        let burst = Burst::start(gateway.addresses.http, &round.to_string(), CONNECTIONS).await;
        // Between 50 and 500, so that every round ends at a different moment.
        burst.stored(50 + round * 197 % 451).await;
        follower.saw(1).await;
        gateway.kill();
        answers.add(burst.ended().await);
        let live = follower.ended().await;

        gateway = Process::serve(dir.path(), &[]);
        let mut client = gateway.client().await;
        let events = read(&mut client, earliest()).await;
        answers.assert_kept_in(&events);
        assert!(events.starts_with(&kept), "round {round}: events of earlier rounds are unchanged");
        assert!(
            events[kept.len()..].starts_with(&live),
            "round {round}: a follower receives all durable events and no others"
        );

        positions.push(live.last().unwrap().cursor.clone());
        for cursor in [&positions[0], &positions[round / 2], &positions[round]] {
            let at = events.iter().position(|event| event.cursor == *cursor).unwrap();
            let resumed = read(&mut client, after(cursor)).await;
            assert!(resumed == events[at + 1..], "round {round}: the position of {cursor} is unchanged");
        }
        kept = events;
    }
}
