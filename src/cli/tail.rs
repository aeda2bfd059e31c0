//! `tail`: follows the log across broken connections.

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use crate::proto::well_known::Timestamp;
use parking_lot::Mutex;
use tokio::time::sleep;

use callback_gateway_client::cursor;

use super::{
    Failure,
    connect::{Connection, Target},
    event_text,
    filter::Filter,
    follow::{self, Follow, Runner, Stop, Unmatched, stopped},
    output,
    table::DIM,
    text,
};
use crate::proto::{Event, GapPolicy, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame};

/// Interval between checks whether standard output is still read, while there is nothing to write.
const LOOK: Duration = Duration::from_secs(1);

/// Follow events as they are stored
#[derive(Debug, clap::Args)]
#[command(
    after_help = "When the connection breaks, tail reconnects and continues where it was, without skipping or repeating an
event, and reports this on standard error. Ctrl-C ends it and prints the cursor to continue from.

Examples:
  callback-gateway tail --account alice
  callback-gateway tail --since 10m --command 'Sns.*' --command State.StateChange
  callback-gateway tail --from earliest --json | jq -r .command | sort | uniq -c
  callback-gateway tail --from CIHl31Unl8aiNgAAAAAAAAAB3CYO4Bq8tpA --count 100"
)]
pub(super) struct Tail {
    /// Start position: latest, earliest, a time in UTC, or after a cursor
    #[arg(long, value_name = "START", default_value = "latest", value_parser = follow::parse_start)]
    from: Start,
    /// Start with events received since this time: an age such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past, conflicts_with = "from")]
    since: Option<Timestamp>,
    /// End after this number of events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Continue after missing events and report them. Otherwise tail ends there
    #[arg(long)]
    skip_gaps: bool,
    /// Print each event as a line of JSON
    #[arg(long)]
    json: bool,
    /// Print only the callbacks' bodies, one line of JSON each. With --json: add them, byte for byte, as
    /// `rawBody`
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connection: Connection,
}

impl Tail {
    pub(super) fn run(self) -> Result<(), Failure> {
        let target = self.connection.target()?;
        let position = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&position);
        let ran = Runner::new()?.run(|stop| self.follow(target, shared, stop))?;
        if ran.is_interrupted
            && let Some(cursor) = position.lock().as_ref()
        {
            output::notice(&format!("\nstopped; to continue from here: --from {cursor}"));
        }
        ran.outcome.unwrap_or(Ok(()))
    }

    /// Prints events until it is stopped. Keeps `position` after the last printed event or the last frame.
    async fn follow(
        self,
        target: Target,
        position: Arc<Mutex<Option<String>>>,
        mut stop: Stop,
    ) -> Result<(), Failure> {
        let mut follow = Follow::new(target, self.request(), None, Box::new(output::notice));
        let mut has_fallen_behind = false;
        let mut printed = 0;
        let mut unmatched = Unmatched::default();
        loop {
            let frame = tokio::select! {
                frame = follow.next() => frame?,
                () = abandoned() => return Err(Failure::ClosedPipe),
                () = stopped(&mut stop) => {
                    unmatched.report(true);
                    return Ok(());
                }
            };
            match &frame {
                Frame::Event(event) => {
                    // The reader may stop reading. Ctrl-C must work all the same.
                    tokio::task::block_in_place(|| self.print(event))?;
                    printed += 1;
                }
                Frame::CaughtUp(_) => {
                    if std::mem::take(&mut has_fallen_behind) {
                        output::notice("caught up");
                    }
                }
                Frame::FellBehind(_) => {
                    has_fallen_behind = true;
                    output::notice(
                        "events arrive faster than they are printed: continuing from the gateway's disk",
                    );
                }
                Frame::Gap(gap) => output::notice(&follow::gone(gap)),
                // The status after it has the reason.
                Frame::GoingAway(_) | Frame::Subscribed(_) | Frame::Heartbeat(_) => {}
            }
            unmatched.note(&frame);
            unmatched.report(false);
            let cursor = cursor(&frame).to_owned();
            *position.lock() = Some(cursor);
            if self.count.is_some_and(|count| printed >= count) {
                unmatched.report(true);
                return Ok(());
            }
        }
    }

    fn request(&self) -> SubscribeRequest {
        SubscribeRequest {
            start: Some(self.since.map_or_else(|| self.from.clone(), Start::AtTime)),
            filter: self.filter.message(),
            include_raw_body: self.raw,
            on_gap: if self.skip_gaps { GapPolicy::Skip } else { GapPolicy::Fail }.into(),
            ..Default::default()
        }
    }

    fn print(&self, event: &Event) -> Result<(), Failure> {
        if self.json {
            return output::json_line(event);
        }
        if self.raw {
            return Ok(writeln!(
                io::stdout(),
                "{}",
                text::escape_json(&String::from_utf8_lossy(event.body()))
            )?);
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

/// Waits until the reader of standard output closes it, as after `tail | head -1`.
async fn abandoned() {
    loop {
        sleep(LOOK).await;
        if output::is_closed() {
            return;
        }
    }
}
