//! `tail`: follows the log, over broken connections.

use std::{
    io::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pbjson_types::{Duration as ProtoDuration, Timestamp};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Failure,
    connect::{self, Connection, Target, runtime},
    event_text,
    filter::Filter,
    output,
    table::DIM,
    text,
};
use crate::{
    client::{Cause, Ended, Interruption, Item, reason},
    event::{Cursor, CursorError},
    proto::{Event, GapPolicy, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame},
};

/// How often the gateway says at least that it is there.
const HEARTBEAT: i64 = 15;
/// How often it is looked whether standard output is still read, while there is nothing to write.
const LOOK: Duration = Duration::from_secs(1);
/// How long Ctrl-C waits for an event that is being written, as to a pager that has stopped reading.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Follow the events as they come in
#[derive(Debug, clap::Args)]
#[command(
    after_help = "When the connection breaks, tail connects again and goes on where it was: no event is missed, none
comes twice. It says so on standard error. Ctrl-C ends it and shows the cursor to go on from.

Examples:
  callback-gateway tail --account alice
  callback-gateway tail --since 10m --command 'Sns.*' --command State.StateChange
  callback-gateway tail --from earliest --json | jq -r .command | sort | uniq -c
  callback-gateway tail --from AeXfVSeXxqI2AAAAAAAAAAHcJg7g --count 100"
)]
pub(super) struct Tail {
    /// Where to start: latest, earliest, a time in UTC, or after a cursor
    #[arg(long, value_name = "START", default_value = "latest", value_parser = parse_start)]
    from: Start,
    /// Start with events received since: how long ago, such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past, conflicts_with = "from")]
    since: Option<Timestamp>,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Go on where events are gone, and say so; otherwise tail ends
    #[arg(long)]
    skip_gaps: bool,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
    /// Print the callbacks' bodies only, a line of JSON each; with --json: add them, byte for byte, as `rawBody`
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connection: Connection,
}

fn parse_start(text: &str) -> Result<Start, String> {
    match text {
        "latest" => return Ok(Start::Latest(pbjson_types::Empty {})),
        "earliest" => return Ok(Start::Earliest(pbjson_types::Empty {})),
        _ => {}
    }
    match text.parse::<Cursor>() {
        // The gateway may know the newer form.
        Ok(_) | Err(CursorError::NewerForm) => Ok(Start::AfterCursor(text.to_owned())),
        Err(CursorError::Empty | CursorError::Malformed) => text::parse_past(text).map(Start::AtTime).map_err(|_| {
            "write latest, earliest, a time in UTC such as 2026-11-22T10:30:00Z, or a whole cursor, as `get` and \
             `tail --json` show it"
                .to_owned()
        }),
    }
}

/// How far the printing is.
struct Follower {
    tail: Tail,
    target: Target,
    /// After the last event that was printed, or the last frame.
    cursor: Arc<Mutex<Option<String>>>,
    printed: u64,
    /// Turns true at Ctrl-C.
    stop: watch::Receiver<bool>,
}

impl Tail {
    pub(super) fn run(self) -> Result<(), Failure> {
        let target = self.connection.target()?;
        let runtime = runtime()?;
        let cursor = Arc::new(Mutex::new(None));
        let (stopping, stop) = watch::channel(false);
        let follower = Follower { tail: self, target, cursor: Arc::clone(&cursor), printed: 0, stop };
        let outcome = runtime.block_on(async {
            let mut following = tokio::spawn(follower.run());
            let ended = tokio::select! {
                ended = &mut following => Some(ended),
                _ = tokio::signal::ctrl_c() => {
                    stopping.send_replace(true);
                    timeout(LAST_WRITE, following).await.ok()
                }
            };
            match ended {
                Some(Ok(outcome)) => outcome,
                Some(Err(error)) => Err(Failure::Other(format!("tail broke down: {error}"))),
                None => Ok(()),
            }
        });
        // Whatever is still being written is not waited for.
        runtime.shutdown_background();
        if *stopping.borrow()
            && let Some(cursor) = cursor.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        {
            output::notice(&format!("\nstopped; to go on from here: --from {cursor}"));
        }
        outcome
    }

    fn request(&self) -> SubscribeRequest {
        let start = self.since.map_or_else(|| self.from.clone(), Start::AtTime);
        SubscribeRequest {
            start: Some(start),
            filter: self.filter.message(),
            include_raw_body: self.raw,
            heartbeat_interval: Some(ProtoDuration { seconds: HEARTBEAT, nanos: 0 }),
            on_gap: if self.skip_gaps { GapPolicy::Skip } else { GapPolicy::Fail }.into(),
            ..Default::default()
        }
    }

    fn print(&self, event: &Event) -> Result<(), Failure> {
        if self.json {
            return output::json_line(event);
        }
        if self.raw {
            return Ok(writeln!(io::stdout(), "{}", text::escape_json(&event.raw_body))?);
        }
        let command = event_text::command_style(event);
        Ok(writeln!(
            anstream::stdout().lock(),
            "{DIM}{}{DIM:#}  {}  {}  {command}{}{command:#}  {}",
            text::time(event.receive_time.as_ref()),
            event.sequence,
            event.sdk_app_id,
            text::escape(&event.command),
            event_text::summary(event)
        )?)
    }
}

impl Follower {
    async fn run(mut self) -> Result<(), Failure> {
        let mut subscription = self.target.client.subscribe(self.tail.request());
        let mut has_fallen_behind = false;
        loop {
            let item = tokio::select! {
                item = subscription.next() => item,
                () = abandoned() => return Err(Failure::ClosedPipe),
                () = stopped(&mut self.stop) => return Ok(()),
            };
            let frame = match item.map_err(|ended| definite(&ended))? {
                Item::Frame(frame) => frame,
                Item::Interrupted(interruption) => {
                    self.interrupted(interruption)?;
                    continue;
                }
            };
            let cursor = match frame {
                Frame::Subscribed(subscribed) => {
                    if self.position().is_some() {
                        output::notice("connected again");
                    }
                    subscribed.cursor
                }
                Frame::Event(event) => {
                    // Whoever reads may stop; Ctrl-C has to be noticed all the same.
                    tokio::task::block_in_place(|| self.tail.print(&event))?;
                    self.printed += 1;
                    event.cursor
                }
                Frame::Heartbeat(heartbeat) => heartbeat.cursor,
                Frame::CaughtUp(caught_up) => {
                    if std::mem::take(&mut has_fallen_behind) {
                        output::notice("caught up");
                    }
                    caught_up.cursor
                }
                Frame::FellBehind(fell_behind) => {
                    has_fallen_behind = true;
                    output::notice(
                        "events come in faster than they are printed: reading on from the gateway's disk",
                    );
                    fell_behind.cursor
                }
                Frame::Gap(gap) => {
                    output::notice(&gone(gap.first_missing_sequence, gap.last_missing_sequence));
                    gap.cursor
                }
                // The status after it says why.
                Frame::GoingAway(going_away) => going_away.cursor,
            };
            self.set_position(cursor);
            if self.tail.count.is_some_and(|count| self.printed >= count) {
                return Ok(());
            }
        }
    }

    /// Says why there is no stream for now. Where none ever began it ends: more likely
    /// that is a wrong address than a short absence.
    fn interrupted(&self, interruption: Interruption) -> Result<(), Failure> {
        let is_first = self.position().is_none();
        let why = match interruption.cause {
            Cause::Connect(error) => {
                let why = self.target.unreachable(&error);
                if is_first {
                    return Err(Failure::Other(why));
                }
                why
            }
            Cause::Status(status) if is_first => return Err(status.into()),
            Cause::Status(status) => match reason(&status) {
                // What to do, which is what follows, is done here.
                Some(_) => text::escape(status.message().split(';').next().unwrap_or_default()).into_owned(),
                None => format!("the connection broke ({})", text::escape(status.message())),
            },
            Cause::Silence => "the gateway has fallen silent".to_owned(),
            Cause::End => "the stream ended".to_owned(),
        };
        output::notice(&format!("{why}; connecting again in {}", text::duration(interruption.pause)));
        Ok(())
    }

    fn position(&self) -> Option<String> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_position(&self, cursor: String) {
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor);
    }
}

/// Waits until nobody reads standard output any more, as after `tail | head -1`.
async fn abandoned() {
    loop {
        sleep(LOOK).await;
        if output::is_closed() {
            return;
        }
    }
}

/// Waits for Ctrl-C.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender lives as long as the command.
    stop.wait_for(|&stop| stop).await.ok();
}

/// The end of tail, with what to do next.
fn definite(ended: &Ended) -> Failure {
    let remedy = match ended {
        Ended::CursorExpired { .. } => {
            "; --from earliest gives all that is left, --skip-gaps goes on by itself"
        }
        Ended::LogReplaced(_) | Ended::LogRewound(_) => "; --from earliest or --from latest does so",
        Ended::LogDamaged(_) => "; --skip-gaps goes on behind it",
        _ => "",
    };
    connect::failure(ended.status(), remedy)
}

/// What a gap frame tells.
fn gone(first: u64, last: u64) -> String {
    let which = match (first, last) {
        (0, _) | (_, 0) => "events are gone".to_owned(),
        (first, last) if first == last => format!("event {first} is gone"),
        (first, last) => format!("events {first} to {last} are gone"),
    };
    format!("{which}: the gateway removed them before they were read, or they are damaged")
}
