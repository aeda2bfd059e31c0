//! `export`: copies a part of the log, whole or not at all.

mod destination;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::proto::well_known::Timestamp;
use callback_gateway_client::cursor;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use prost::encoding::encode_varint;

use self::destination::{Destination, Writer};
use super::{
    Failure,
    connect::{Connection, Target},
    filter::{self, Filter},
    follow::{self, Follow, Runner, Stop, Unmatched, stopped},
    output, text,
};
use crate::{
    event::{Cursor, CursorError},
    proto::{
        Event, EventFilter, GapPolicy, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame,
    },
};

/// Copy stored events to a file or to standard output
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An export ends with what was stored when it began, and shows the cursor to go on from, so that
one export can follow on another without an event missing or coming twice. Two exports of the same
events are the same, byte by byte. With --format protobuf each event is what the gateway sent; JSON
leaves out the fields that this program does not know, which only a newer gateway sends.

When the connection breaks, export connects again and goes on where it was. If it cannot, if events
are gone (retention, another log), or if a signal ends it, it says so and exits with 1. The file is
then not created, and what went to standard output is incomplete.

Examples:
  callback-gateway export --output events.jsonl
  callback-gateway export --from 2026-11-21T00:00:00Z --until 2026-11-22T00:00:00Z | zstd > 21.zst
  callback-gateway export --account alice --since 24h | jq -r .rawBody
  callback-gateway export --from CIHl31Unl8aiNgAAAAAAAAAB3CYO4Bq8tpA --format protobuf --output b.binpb"
)]
pub(super) struct Export {
    /// Where to start: earliest, a time in UTC, or after a cursor
    #[arg(long, value_name = "START", default_value = "earliest", value_parser = parse_from)]
    from: Start,
    /// Start with events received since: how long ago, such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past, conflicts_with = "from")]
    since: Option<Timestamp>,
    /// Where to end: latest, which is what is stored when it begins; with the event of a cursor; or before
    /// a time, which is how long ago, such as 10m, or in UTC
    #[arg(long, value_name = "END", default_value = "latest", value_parser = parse_until)]
    until: Start,
    /// The form of an event
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,
    /// Output file. Must not exist. Created when the export is complete. - writes to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out the callbacks' bodies, of which otherwise each event has its own, byte for byte. Events that
    /// have no typed form keep theirs
    #[arg(long)]
    no_raw: bool,
    /// Go on where events are gone, and say so at the end, with exit code 1; otherwise export ends
    #[arg(long)]
    skip_gaps: bool,
    /// How long to try to connect again, after a connection was lost
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_patience)]
    retry_for: Duration,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Each a line of JSON, as of tail --json
    Json,
    /// Each an imcallback.v1.Event behind its length, as writeDelimitedTo and protodelim write it
    Protobuf,
}

fn parse_from(text: &str) -> Result<Start, String> {
    match text {
        "earliest" => Ok(Start::Earliest(crate::proto::well_known::Empty {})),
        _ => follow::parse_position(text, "write earliest, a time in UTC such as 2026-11-22T10:30:00Z"),
    }
}

fn parse_until(text: &str) -> Result<Start, String> {
    match text {
        "latest" => Ok(Start::Latest(crate::proto::well_known::Empty {})),
        _ => follow::parse_position(
            text,
            "write latest, how long ago, such as 10m, a time in UTC such as 2026-11-22T10:30:00Z",
        ),
    }
}

fn parse_patience(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a time such as 30s or 10m".to_owned())
}

/// Events, as many as one write takes, or all that were written.
#[derive(Debug, Clone, Default)]
struct Part {
    events: u64,
    bytes: u64,
    /// Cursors of the first and of the last event.
    first: String,
    last: String,
    /// Everything up to here is in it, or was left out by the filter; empty: nothing.
    position: String,
}

impl Part {
    fn add(&mut self, part: Self) {
        self.events += part.events;
        self.bytes += part.bytes;
        if self.first.is_empty() {
            self.first = part.first;
        }
        if part.events > 0 {
            self.last = part.last;
        }
        if !part.position.is_empty() {
            self.position = part.position;
        }
    }
}

/// What was written, for when the export has to be left behind.
type Written = Arc<Mutex<Part>>;

/// How an export came to its end.
struct Whole {
    /// Where it ended: an export from here on follows on this one.
    end: String,
    /// Whose filter it was, as the gateway understood it.
    filter: Option<EventFilter>,
    /// What is gone, told.
    gaps: Vec<String>,
    /// Events that could not be compared with the filter.
    unmatched: u64,
}

/// Most gaps that are told once more at the end.
const MAX_GAPS: usize = 10;
/// So many bytes are written at once, and what the last event has beyond that.
const WRITE_BYTES: usize = 64 << 10;

impl Export {
    /// Returns whether the events go to standard output.
    pub(super) fn is_to_stdout(&self) -> bool {
        Destination::is_stdout(self.output.as_deref())
    }

    pub(super) fn run(self) -> Result<(), Failure> {
        let target = self.connection.target()?;
        // Catches signals before the file exists, so that no signal leaves it behind.
        let runner = Runner::new()?;
        let (destination, writer) = Destination::open(self.output.as_deref())?;
        if self.format == Format::Protobuf && destination.is_terminal() {
            return Err(Failure::Usage(
                "protobuf is not for a terminal; write it to a file (--output)".to_owned(),
            ));
        }
        let bar = if destination.is_terminal() { ProgressBar::hidden() } else { bar() };
        let written = Written::default();
        let copier = Copier {
            export: self,
            target,
            writer,
            buffer: Vec::new(),
            pending: Part::default(),
            written: Arc::clone(&written),
            bar: bar.clone(),
        };
        let ran = runner.run(|stop| copier.run(stop));
        bar.finish_and_clear();
        let written = written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match ran?.outcome {
            Some(Ok(Some(whole))) => finish(destination, &written, &whole),
            Some(Err(failure)) => Err(cut_off(failure, &destination, &written)),
            Some(Ok(None)) | None => {
                Err(cut_off(Failure::Other("stopped before the end".to_owned()), &destination, &written))
            }
        }
    }
}

/// Puts the file in its place, and says what is in it.
fn finish(destination: Destination, written: &Part, whole: &Whole) -> Result<(), Failure> {
    let place = destination.name();
    destination.finish()?;
    let filter = whole.filter.as_ref().map(|filter| format!(" for {}", filter::describe(filter)));
    let filter = filter.unwrap_or_default();
    let cursors = match written.events {
        0 => String::new(),
        1 => format!("; its cursor is {}", written.first),
        _ => format!("; the first has the cursor {}, the last {}", written.first, written.last),
    };
    output::notice(&format!(
        "{}{filter} ({}) written to {place}{cursors}\nto go on after the end of this export: --from {}",
        text::count(written.events, "event"),
        text::size(written.bytes),
        whole.end
    ));
    if whole.unmatched > 0 {
        output::notice(&follow::unmatched(whole.unmatched));
    }
    match &whole.gaps[..] {
        [] => Ok(()),
        gaps => Err(Failure::Other(format!("the export has gaps: {}", gaps.join("; ")))),
    }
}

/// Says what there is of an export that is not whole.
fn cut_off(failure: Failure, destination: &Destination, written: &Part) -> Failure {
    let why = match failure {
        Failure::Usage(_) => return failure,
        Failure::Other(why) => why,
        Failure::ClosedPipe => "whoever read standard output stopped before the end".to_owned(),
    };
    let left = match destination {
        Destination::File(_) => format!("; {} was not made", destination.name()),
        Destination::Stdout if written.position.is_empty() => String::new(),
        Destination::Stdout => format!(
            "; {} came before that, whole; to go on after them: --from {}",
            text::count(written.events, "event"),
            written.position
        ),
    };
    Failure::Other(why + &left)
}

/// On standard error, if that is a terminal. How long it is comes to light with the first frame.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent}%  {msg}  {elapsed}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Copies the events.
struct Copier {
    export: Export,
    target: Target,
    writer: Writer,
    /// Encoded events that are not written yet, and what they are.
    buffer: Vec<u8>,
    pending: Part,
    written: Written,
    bar: ProgressBar,
}

impl Copier {
    /// `None`: it was stopped.
    async fn run(mut self, mut stop: Stop) -> Result<Option<Whole>, Failure> {
        let outcome = tokio::select! {
            outcome = self.copy() => outcome.map(Some),
            () = stopped(&mut stop) => Ok(None),
        };
        // However it ended: what is said to be written is. After a write that failed, nothing is left.
        let flushed = tokio::task::block_in_place(|| self.flush());
        let outcome = outcome?;
        flushed?;
        if outcome.is_some() {
            tokio::task::block_in_place(|| self.writer.sync())?;
        }
        Ok(outcome)
    }

    /// Where the export ends: as a text for people, and as what compares.
    async fn end(&self) -> Result<(String, Cursor), Failure> {
        let request = SubscribeRequest {
            start: Some(self.export.until.clone()),
            filter: self.export.filter.message(),
            ..Default::default()
        };
        let mut follow = self.follow(request);
        let frame = follow.next().await.map_err(|failure| match failure {
            Failure::Other(why) if !matches!(self.export.until, Start::Latest(_)) => {
                Failure::Other(format!("--until: {why}"))
            }
            failure => failure,
        })?;
        let text = cursor(&frame).to_owned();
        let cursor = parse(&text)?;
        Ok((text, cursor))
    }

    fn follow(&self, request: SubscribeRequest) -> Follow {
        let bar = self.bar.clone();
        // The bar is not to be drawn into it.
        let notice = Box::new(move |text: &str| bar.suspend(|| output::notice(text)));
        Follow::new(self.target.clone(), request, Some(self.export.retry_for), notice)
    }

    async fn copy(&mut self) -> Result<Whole, Failure> {
        let (end_text, mut end) = self.end().await?;
        let mut follow = self
            .follow(SubscribeRequest {
                start: Some(self.export.since.map_or_else(|| self.export.from.clone(), Start::AtTime)),
                filter: self.export.filter.message(),
                include_raw_body: !self.export.no_raw,
                on_gap: if self.export.skip_gaps { GapPolicy::Skip } else { GapPolicy::Fail }.into(),
                ..Default::default()
            })
            .found();
        let mut whole = Whole { end: end_text, filter: None, gaps: Vec::new(), unmatched: 0 };
        let mut unmatched = Unmatched::default();
        let mut left_out = 0;
        let mut start = None;
        let mut reaches_end = false;
        let mut is_met = false;
        loop {
            let frame = follow.next().await?;
            let at = parse(cursor(&frame))?;
            is_met |= meets(at, end)?;
            if at.sequence <= end.sequence {
                unmatched.note(&frame);
            }
            match &frame {
                Frame::Subscribed(subscribed) => {
                    if start.is_none() && at.sequence > end.sequence {
                        if !matches!(self.export.until, Start::Latest(_)) {
                            return Err(Failure::Usage("--until lies before the start".to_owned()));
                        }
                        // The gateway that was asked for the end is behind the one that gave the start. To go
                        // on from its end would be to go back.
                        (whole.end, end, is_met) = (subscribed.cursor.clone(), at, true);
                    }
                    reaches_end = parse(&subscribed.latest_cursor)?.sequence >= end.sequence;
                    whole.filter.clone_from(&subscribed.filter);
                    start.get_or_insert(at.sequence.0);
                }
                Frame::Event(_) if at.sequence > end.sequence => break,
                Frame::Event(event) => self.take(event, follow.encoded_event())?,
                Frame::Gap(gap) if gap.first_missing_sequence > end.sequence.0 => break,
                Frame::Gap(gap) => {
                    let gone = follow::gone(gap);
                    self.bar.suspend(|| output::notice(&gone));
                    if whole.gaps.len() < MAX_GAPS { whole.gaps.push(gone) } else { left_out += 1 }
                }
                // Events at the end may be gone or never have been: no position is as high then.
                Frame::CaughtUp(_) if reaches_end || at.sequence >= end.sequence => break,
                Frame::CaughtUp(_) => {
                    follow.connect_again("this gateway is behind the one that was asked first").await?;
                }
                Frame::Heartbeat(_) | Frame::FellBehind(_) | Frame::GoingAway(_) => {}
            }
            if at.sequence >= end.sequence {
                break;
            }
            self.pending.position = cursor(&frame).to_owned();
            let start = start.unwrap_or(at.sequence.0);
            self.bar.set_length(end.sequence.0.saturating_sub(start));
            self.bar.set_position(at.sequence.0.saturating_sub(start));
        }
        if !is_met && end.check.is_some() {
            self.confirm(&whole.end).await?;
        }
        whole.unmatched = unmatched.total;
        if left_out > 0 {
            whole.gaps.push(format!("and {left_out} more such gaps"));
        }
        self.pending.position.clone_from(&whole.end);
        Ok(whole)
    }

    /// Asks whether the end is one of the log still: nothing that the filter let through stands there.
    async fn confirm(&self, end: &str) -> Result<(), Failure> {
        let mut follow = self
            .follow(SubscribeRequest {
                start: Some(Start::AfterCursor(end.to_owned())),
                filter: self.export.filter.message(),
                // What is gone by now was exported before.
                on_gap: GapPolicy::Skip.into(),
                ..Default::default()
            })
            .found();
        follow.next().await?;
        Ok(())
    }

    /// Adds an event; `encoded` is what the gateway sent.
    fn take(&mut self, event: &Event, encoded: &[u8]) -> Result<(), Failure> {
        match self.export.format {
            Format::Json => {
                self.buffer.extend_from_slice(output::json(event)?.as_bytes());
                self.buffer.push(b'\n');
            }
            // Re-encoding would lose the fields that this program does not know.
            Format::Protobuf => {
                encode_varint(encoded.len() as u64, &mut self.buffer);
                self.buffer.extend_from_slice(encoded);
            }
        }
        self.pending.events += 1;
        if self.pending.first.is_empty() {
            self.pending.first.clone_from(&event.cursor);
        }
        self.pending.last.clone_from(&event.cursor);
        self.pending.position.clone_from(&event.cursor);
        if self.buffer.len() >= WRITE_BYTES {
            // Whoever reads may stop; an interrupt has to be noticed all the same.
            tokio::task::block_in_place(|| self.flush())?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut part = std::mem::take(&mut self.pending);
        part.bytes = self.buffer.len() as u64;
        let wrote = self.writer.write(&self.buffer);
        self.buffer.clear();
        wrote?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.add(part);
        self.bar.set_message(format!(
            "{}, {}",
            text::count(written.events, "event"),
            text::size(written.bytes)
        ));
        Ok(())
    }
}

/// Whether this is the very end, not only one with its number. It must not be of another log than the end: a
/// log that goes back between two connections may have other events up to there when it is read on.
fn meets(at: Cursor, end: Cursor) -> Result<bool, Failure> {
    if at.epoch != end.epoch {
        return Err(Failure::Other("the log was replaced by another one just now; start anew".to_owned()));
    }
    match (at.check, end.check) {
        (Some(found), Some(wanted)) if at.sequence == end.sequence => {
            if found == wanted {
                return Ok(true);
            }
            Err(Failure::Other("the log went back just now, as by a restored backup; start anew".to_owned()))
        }
        _ => Ok(false),
    }
}

fn parse(cursor: &str) -> Result<Cursor, Failure> {
    cursor.parse().map_err(|error| match error {
        CursorError::NewerForm => Failure::Other(
            "the gateway is newer than this program, which does not know its cursors".to_owned(),
        ),
        CursorError::Empty | CursorError::Malformed | CursorError::OtherKind(_) => {
            Failure::Other("the gateway sent something in place of a cursor".to_owned())
        }
    })
}
