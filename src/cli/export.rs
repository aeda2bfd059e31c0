//! `export`: copies a part of the log, completely or not at all.

mod destination;

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::proto::well_known::Timestamp;
use callback_gateway_client::cursor;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
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
    after_help = "An export ends with the last event that was stored when it began. It prints the cursor to continue from, so
consecutive exports neither skip nor repeat events. Two exports of the same events are identical, byte by
byte. With --format protobuf each event is what the gateway sent. JSON omits fields that this program does
not know, which only a newer gateway sends.

When the connection breaks, export reconnects and continues where it was. If it cannot, if events are gone
(retention, another log), or if a signal ends it, it prints the reason and exits with 1. The file is then
not created, and the output on standard output is incomplete.

Examples:
  callback-gateway export --output events.jsonl
  callback-gateway export --from 2026-11-21T00:00:00Z --until 2026-11-22T00:00:00Z | zstd > 21.zst
  callback-gateway export --account alice --since 24h | jq -r .rawBody
  callback-gateway export --from CIHl31Unl8aiNgAAAAAAAAAB3CYO4Bq8tpA --format protobuf --output b.binpb"
)]
pub(super) struct Export {
    /// Start position: earliest, a time in UTC, or after a cursor
    #[arg(long, value_name = "START", default_value = "earliest", value_parser = parse_from)]
    from: Start,
    /// Start with events received since this time: an age such as 10m, or a time in UTC
    #[arg(long, value_name = "TIME", value_parser = text::parse_past, conflicts_with = "from")]
    since: Option<Timestamp>,
    /// End position: latest (the last event stored when the export begins), including the event of a cursor,
    /// or before a time: an age such as 10m, or a time in UTC
    #[arg(long, value_name = "END", default_value = "latest", value_parser = parse_until)]
    until: Start,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,
    /// Output file. Must not exist. Created when the export is complete. - writes to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Omit the callbacks' bodies, which every event has otherwise. Events without a typed form keep theirs
    #[arg(long)]
    no_raw: bool,
    /// Continue after missing events, report them at the end, and exit with 1. Otherwise export ends there
    #[arg(long)]
    skip_gaps: bool,
    /// Maximum time of reconnect attempts after a lost connection
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_patience)]
    retry_for: Duration,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines of JSON, as with tail --json
    Json,
    /// Length-delimited imcallback.v1.Event messages, as written by writeDelimitedTo and protodelim
    Protobuf,
}

fn parse_from(text: &str) -> Result<Start, String> {
    match text {
        "earliest" => Ok(Start::Earliest(crate::proto::well_known::Empty {})),
        _ => follow::parse_position(text, "use earliest, a time in UTC such as 2026-11-22T10:30:00Z"),
    }
}

fn parse_until(text: &str) -> Result<Start, String> {
    match text {
        "latest" => Ok(Start::Latest(crate::proto::well_known::Empty {})),
        _ => follow::parse_position(
            text,
            "use latest, an age such as 10m, a time in UTC such as 2026-11-22T10:30:00Z",
        ),
    }
}

fn parse_patience(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "use a time such as 30s or 10m".to_owned())
}

/// Events of one write, or all written events.
#[derive(Debug, Clone, Default)]
struct Part {
    events: u64,
    bytes: u64,
    /// Cursor of the first event.
    first: String,
    last: String,
    /// Position up to which all events are included or were filtered out. Empty if there is none.
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

/// Written part of an export. Shared, so that it can be reported if the copier is abandoned.
type Written = Arc<Mutex<Part>>;

/// Result of a complete export.
struct Whole {
    /// Cursor to continue from.
    end: String,
    /// The caller's filter, as the gateway applied it.
    filter: Option<EventFilter>,
    /// Descriptions of gaps.
    gaps: Vec<String>,
    /// Events that could not be compared with the filter.
    unmatched: u64,
}

/// Maximum gaps that are repeated at the end.
const MAX_GAPS: usize = 10;
/// Write threshold. One event may exceed it.
const WRITE_BYTES: usize = 64 << 10;

impl Export {
    /// Returns whether the events go to standard output.
    pub(super) fn is_to_stdout(&self) -> bool {
        Destination::is_stdout(self.output.as_deref())
    }

    pub(super) fn run(self) -> Result<(), Failure> {
        let target = self.connection.target()?;
        // Catch signals before the file exists, so that no signal leaves it behind.
        let runner = Runner::new()?;
        let (destination, writer) = Destination::open(self.output.as_deref())?;
        if self.format == Format::Protobuf && destination.is_terminal() {
            return Err(Failure::Usage(
                "protobuf cannot be printed on a terminal; use --output to write a file".to_owned(),
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
        let written = written.lock().clone();
        match ran?.outcome {
            Some(Ok(Some(whole))) => finish(destination, &written, &whole),
            Some(Err(failure)) => Err(cut_off(failure, &destination, &written)),
            Some(Ok(None)) | None => {
                Err(cut_off(Failure::Other("interrupted before the end".to_owned()), &destination, &written))
            }
        }
    }
}

/// Gives the file its name and prints a summary.
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
        "{}{filter} ({}) written to {place}{cursors}\nto continue after this export: --from {}",
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

/// Returns the failure of an incomplete export, with what was written.
fn cut_off(failure: Failure, destination: &Destination, written: &Part) -> Failure {
    let why = match failure {
        Failure::Usage(_) => return failure,
        Failure::Other(why) => why,
        Failure::ClosedPipe => "the reader of standard output closed it before the end".to_owned(),
    };
    let left = match destination {
        Destination::File(_) => format!("; {} was not created", destination.name()),
        Destination::Stdout if written.position.is_empty() => String::new(),
        Destination::Stdout => format!(
            "; {} complete before that; to continue after them: --from {}",
            text::count(written.events, "event"),
            written.position
        ),
    };
    Failure::Other(why + &left)
}

/// Creates the progress bar on standard error, visible on a terminal. Its length is set at the first frame.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent}%  {msg}  {elapsed}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Copies the events.
struct Copier {
    export: Export,
    target: Target,
    writer: Writer,
    /// Encoded events that are not written yet, and their description.
    buffer: Vec<u8>,
    pending: Part,
    written: Written,
    bar: ProgressBar,
}

impl Copier {
    /// Returns `None` if it was stopped.
    async fn run(mut self, mut stop: Stop) -> Result<Option<Whole>, Failure> {
        let outcome = tokio::select! {
            outcome = self.copy() => outcome.map(Some),
            () = stopped(&mut stop) => Ok(None),
        };
        // Flush in all cases, so that `written` is what was written. After a failed write the buffer is
        // empty.
        let flushed = tokio::task::block_in_place(|| self.flush());
        let outcome = outcome?;
        flushed?;
        if outcome.is_some() {
            tokio::task::block_in_place(|| self.writer.sync())?;
        }
        Ok(outcome)
    }

    /// Returns where the export ends: as text for messages, and parsed for comparison.
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
        // Hide the bar while a notice is printed.
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
                        // The gateway that returned the end is behind the one that returned the start. Its
                        // end would repeat events.
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
                // The events at the end may be gone or never existed: then no position reaches it.
                Frame::CaughtUp(_) if reaches_end || at.sequence >= end.sequence => break,
                Frame::CaughtUp(_) => {
                    follow.connect_again("this gateway is behind the one that answered first").await?;
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

    /// Checks that the end is still in the log, because no event with its position passed the filter.
    async fn confirm(&self, end: &str) -> Result<(), Failure> {
        let mut follow = self
            .follow(SubscribeRequest {
                start: Some(Start::AfterCursor(end.to_owned())),
                filter: self.export.filter.message(),
                // Events that are gone by now were exported before.
                on_gap: GapPolicy::Skip.into(),
                ..Default::default()
            })
            .found();
        follow.next().await?;
        Ok(())
    }

    /// Adds an event. `encoded` are the bytes from the gateway.
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
            // The reader may stop reading. An interrupt must work all the same.
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
        let mut written = self.written.lock();
        written.add(part);
        self.bar.set_message(format!(
            "{}, {}",
            text::count(written.events, "event"),
            text::size(written.bytes)
        ));
        Ok(())
    }
}

/// Returns whether `at` is the end and not only has its sequence. Fails if the logs differ: a log that went
/// back between two connections may have other events up to here.
fn meets(at: Cursor, end: Cursor) -> Result<bool, Failure> {
    if at.epoch != end.epoch {
        return Err(Failure::Other(
            "the log was replaced during the export; start the export again".to_owned(),
        ));
    }
    match (at.check, end.check) {
        (Some(found), Some(wanted)) if at.sequence == end.sequence => {
            if found == wanted {
                return Ok(true);
            }
            Err(Failure::Other(
                "the log went back during the export, as after a restored backup; start the export again"
                    .to_owned(),
            ))
        }
        _ => Ok(false),
    }
}

fn parse(cursor: &str) -> Result<Cursor, Failure> {
    cursor.parse().map_err(|error| match error {
        CursorError::NewerForm => Failure::Other(
            "the gateway is newer than this program and its cursors are unknown; upgrade this program"
                .to_owned(),
        ),
        CursorError::Empty | CursorError::Malformed | CursorError::OtherKind(_) => {
            Failure::Other("the gateway sent an invalid cursor".to_owned())
        }
    })
}
