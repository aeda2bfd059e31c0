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
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

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
    event::{Cursor, CursorError},
    proto::{
        ErrorReason, Event, GapPolicy, SubscribeRequest, SubscribeResponse, subscribe_request::Start,
        subscribe_response::Frame,
    },
};

/// How often the gateway says at least that it is there.
const HEARTBEAT: i64 = 15;
/// After how much silence the connection is taken to be broken: several heartbeats.
const SILENCE: Duration = Duration::from_secs(50);
/// The pause before the first try to connect again; each further one is twice as long, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);
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

/// Why a stream is over.
enum Ended {
    /// All that was asked for has been printed, or Ctrl-C.
    Done,
    /// It may be tried again, after this pause if the gateway says so.
    Broken(String, Option<Duration>),
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

    fn request(&self, cursor: Option<&String>) -> SubscribeRequest {
        let start = match (cursor, self.since) {
            (Some(cursor), _) => Start::AfterCursor(cursor.clone()),
            (None, Some(since)) => Start::AtTime(since),
            (None, None) => self.from.clone(),
        };
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
        let mut pause = FIRST_PAUSE;
        loop {
            let before = self.position();
            let (why, asked_pause) = match self.follow(before.as_ref()).await? {
                Ended::Done => return Ok(()),
                Ended::Broken(why, asked_pause) => (why, asked_pause),
            };
            // A stream that got somewhere begins the pauses anew.
            if self.position() != before {
                pause = FIRST_PAUSE;
            }
            let wait = asked_pause.unwrap_or(pause).clamp(FIRST_PAUSE, LAST_PAUSE);
            pause = (pause * 2).min(LAST_PAUSE);
            output::notice(&format!("{why}; connecting again in {}", text::duration(wait)));
            tokio::select! {
                () = sleep(wait) => {}
                () = stopped(&mut self.stop) => return Ok(()),
            }
        }
    }

    /// Follows one stream to its end. An error is one that trying again does not mend.
    async fn follow(&mut self, after: Option<&String>) -> Result<Ended, Failure> {
        let connected = tokio::select! {
            connected = self.target.connect() => connected,
            () = stopped(&mut self.stop) => return Ok(Ended::Done),
        };
        let mut gateway = match connected {
            Ok(gateway) => gateway,
            // It was there before.
            Err(Failure::Other(why)) if after.is_some() => return Ok(Ended::Broken(why, None)),
            // More likely a wrong address than a short absence.
            Err(failure) => return Err(failure),
        };
        let opened = tokio::select! {
            opened = gateway.events.subscribe(self.tail.request(after)) => opened,
            () = stopped(&mut self.stop) => return Ok(Ended::Done),
        };
        let mut frames = match opened {
            Ok(response) => response.into_inner(),
            Err(status) => return broken(&status, after.is_none()),
        };
        let mut has_fallen_behind = false;
        loop {
            let frame = tokio::select! {
                frame = timeout(SILENCE, frames.message()) => frame,
                () = abandoned() => return Err(Failure::ClosedPipe),
                () = stopped(&mut self.stop) => return Ok(Ended::Done),
            };
            let frame = match frame {
                Ok(Ok(Some(SubscribeResponse { frame: Some(frame) }))) => frame,
                // Of a newer gateway.
                Ok(Ok(Some(SubscribeResponse { frame: None }))) => continue,
                Ok(Ok(None)) => return Ok(Ended::Broken("the stream ended".to_owned(), None)),
                Ok(Err(status)) => return broken(&status, self.position().is_none()),
                Err(_) => return Ok(Ended::Broken("the gateway has fallen silent".to_owned(), None)),
            };
            let cursor = match frame {
                Frame::Subscribed(subscribed) => {
                    if after.is_some() {
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
                return Ok(Ended::Done);
            }
        }
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

/// What a status that ended the stream means: whether to try again. Not where no
/// stream ever began.
fn broken(status: &Status, is_first: bool) -> Result<Ended, Failure> {
    if is_first || !connect::is_passing(status) {
        return Err(definite(status));
    }
    let why = match connect::reason(status) {
        // What to do, which is what follows, is done here.
        Some(_) => text::escape(status.message().split(';').next().unwrap_or_default()).into_owned(),
        None => format!("the connection broke ({})", text::escape(status.message())),
    };
    let retry = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    Ok(Ended::Broken(why, retry))
}

/// The end of tail, with what to do next.
fn definite(status: &Status) -> Failure {
    let remedy = match connect::reason(status) {
        Some(ErrorReason::CursorExpired) => {
            "; --from earliest gives all that is left, --skip-gaps goes on by itself"
        }
        Some(ErrorReason::LogReplaced | ErrorReason::LogRewound) => {
            "; --from earliest or --from latest does so"
        }
        _ if status.code() == Code::DataLoss => "; --skip-gaps goes on behind it",
        _ => "",
    };
    connect::failure(status, remedy)
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
