//! Writes each pair of new friends into a table, exactly once.
//!
//! The rows of an event and its cursor are committed in one transaction, and only if the
//! cursor has not moved: of several replicas one works, and another takes over when the
//! cursor stands still. A crash at any moment loses and duplicates nothing.
//!
//! Usage: consumer http://HOST:PORT DATABASE
//! Set CALLBACK_GATEWAY_CLIENT_TOKEN if the gateway requires a token.

use std::{env, error::Error, time::Duration};

use callback_gateway_client::{Client, Ended, Item, Options};
use imcallback::well_known::Timestamp;
use imcallback::{
    DecodeStatus, Event, EventFilter, Gap, GapPolicy, SubscribeRequest, event::Payload,
    subscribe_request::Start, subscribe_response::Frame,
};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::time::{Instant, sleep};

/// Subscriber name, shared by all replicas.
const NAME: &str = "friends-rust";
/// A waiting replica takes over when the cursor has not moved for this long.
const PATIENCE: Duration = Duration::from_secs(2);
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS position (consumer TEXT PRIMARY KEY, cursor TEXT NOT NULL, event_micros INTEGER);
CREATE TABLE IF NOT EXISTS pair (
    cursor TEXT, pair INTEGER, from_account TEXT, to_account TEXT, PRIMARY KEY (cursor, pair));
CREATE TABLE IF NOT EXISTS untyped (cursor TEXT PRIMARY KEY, command TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS gap (cursor TEXT PRIMARY KEY, first_missing INTEGER, last_missing INTEGER);
";

fn open_database(path: &str) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(30))?;
    db.execute_batch(SCHEMA)?;
    // The cursor is empty until something was read.
    db.execute("INSERT OR IGNORE INTO position VALUES (?, '', NULL)", [NAME])?;
    Ok(db)
}

/// Returns the cursor, and the receive time of the last event.
fn position(db: &Connection) -> rusqlite::Result<(String, Option<i64>)> {
    let sql = "SELECT cursor, event_micros FROM position WHERE consumer = ?";
    db.query_row(sql, [NAME], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Commits the rows of a frame and its cursor. Returns false if another replica has moved the cursor.
fn commit(db: &mut Connection, old: &str, new: &str, frame: &Frame) -> rusqlite::Result<bool> {
    if new == old {
        return Ok(true);
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let moved = transaction.execute(
        "UPDATE position SET cursor = ?, event_micros = coalesce(?, event_micros) WHERE consumer = ? AND cursor = ?",
        params![new, micros(frame), NAME, old],
    )?;
    if moved != 1 {
        return Ok(false);
    }
    match frame {
        Frame::Event(event) => insert_event(&transaction, event)?,
        Frame::Gap(gap) => insert_gap(&transaction, gap)?,
        // Only the cursor: `subscribed`, before the first event, heartbeats and others.
        _ => {}
    }
    transaction.commit()?;
    Ok(true)
}

fn micros(frame: &Frame) -> Option<i64> {
    let Frame::Event(Event { receive_time: Some(time), .. }) = frame else { return None };
    Some(time.seconds * 1_000_000 + i64::from(time.nanos / 1000))
}

/// Inserts the rows of an event. Rows that exist already are from before the log went back.
fn insert_event(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<()> {
    let is_whole = event.decode_status() != DecodeStatus::Partial;
    let Some(Payload::SnsFriendAdd(friend_add)) = event.payload.as_ref().filter(|_| is_whole) else {
        // The body is not as documented: keep it for inspection.
        let sql = "INSERT INTO untyped VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
        transaction.execute(sql, params![event.cursor, event.command, event.body()])?;
        return Ok(());
    };
    for (n, pair) in friend_add.pair_list.iter().enumerate() {
        let sql = "INSERT INTO pair VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        transaction.execute(sql, params![event.cursor, n as i64, pair.from_account, pair.to_account])?;
    }
    Ok(())
}

fn insert_gap(transaction: &Transaction<'_>, gap: &Gap) -> rusqlite::Result<()> {
    let (first, last) = (gap.first_missing_sequence, gap.last_missing_sequence);
    eprintln!("events {first} to {last} are gone");
    let sql = "INSERT INTO gap VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    transaction.execute(sql, params![gap.cursor, first as i64, last as i64])?;
    Ok(())
}

/// Waits until the cursor has not moved for a while.
async fn wait_for_turn(db: &Connection) -> rusqlite::Result<()> {
    let (mut seen, mut since) = (position(db)?.0, Instant::now());
    while since.elapsed() < PATIENCE {
        sleep(Duration::from_millis(200)).await;
        let (cursor, _) = position(db)?;
        if cursor != seen {
            (seen, since) = (cursor, Instant::now());
        }
    }
    Ok(())
}

/// Follows the log until another replica is ahead, or an error needs a decision.
async fn follow(client: &Client, db: &mut Connection) -> Result<(), Box<dyn Error>> {
    let (mut cursor, _) = position(db)?;
    let start = match &cursor[..] {
        "" => Start::Earliest(Default::default()),
        cursor => Start::AfterCursor(cursor.to_owned()),
    };
    let mut subscription = client.subscribe(SubscribeRequest {
        start: Some(start),
        filter: Some(EventFilter { commands: vec!["Sns.CallbackFriendAdd".into()], ..Default::default() }),
        // SKIP continues after missing events, and reports them. With FAIL the stream ends there, with
        // CursorExpired or LogDamaged, and an operator decides.
        on_gap: GapPolicy::Skip.into(),
        subscriber: NAME.into(),
        ..Default::default()
    });
    loop {
        let item = match subscription.next().await {
            Ok(item) => item,
            Err(ended @ (Ended::LogReplaced(_) | Ended::LogRewound(_))) => {
                // The log is another one, or was restored from a backup: an operator should compare. Resume
                // at the time of the last committed event.
                eprintln!("{ended}");
                let micros = position(db)?.1.unwrap_or(0);
                let (seconds, nanos) = (micros / 1_000_000, (micros % 1_000_000) as i32 * 1000);
                subscription.restart(Start::AtTime(Timestamp { seconds, nanos }));
                continue;
            }
            // For example a wrong token: a retry does not help.
            Err(ended) => return Err(ended.into()),
        };
        match &item {
            // The client reconnects by itself.
            Item::Interrupted(interruption) => eprintln!("{interruption}"),
            Item::Frame(frame) => {
                let new = item.cursor().unwrap_or_default();
                if !commit(db, &cursor, new, frame)? {
                    eprintln!("another replica is at work");
                    return Ok(());
                }
                cursor = new.to_owned();
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (Some(address), Some(path)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("usage: consumer http://HOST:PORT DATABASE".into());
    };
    let token = env::var("CALLBACK_GATEWAY_CLIENT_TOKEN").ok().map(Into::into);
    // To send a token to another machine, use an https:// address, and `ca` if your own CA signed the
    // certificate. If a mesh encrypts, set `token_in_plain_text: true`.
    let client = Client::with_options(Options { address, token, ..Options::default() })?;
    let mut db = open_database(&path)?;
    loop {
        follow(&client, &mut db).await?;
        wait_for_turn(&db).await?;
    }
}
