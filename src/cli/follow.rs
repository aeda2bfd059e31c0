//! Following of a gateway's stream across broken connections.

use std::{
    fs,
    future::poll_fn,
    io,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use callback_gateway_client::{Cause, Ended, Interruption, Item, Subscription, cursor, reason};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Failure,
    connect::{self, Target, runtime},
    output, text,
};
use crate::{
    event::{Cursor, CursorError},
    proto::{Gap, GapReason, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame},
};

/// Pause before reconnecting to a gateway that is behind another one.
const BEHIND_PAUSE: Duration = Duration::from_secs(1);
/// Time that an interrupt waits for a write, such as to a pager that has stopped reading.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Subscription that prints a notice when its connection breaks.
pub(super) struct Follow {
    target: Target,
    subscription: Subscription,
    /// Maximum time of reconnect attempts without progress. `None`: no limit.
    patience: Option<Duration>,
    /// Prints the notices.
    notice: Notice,
    /// True if a gateway has ever answered at the address.
    is_found: bool,
    /// Cursor of the last frame.
    position: Option<String>,
    /// Start of the current interruption.
    lost: Option<Instant>,
}

pub(super) type Notice = Box<dyn Fn(&str) + Send + Sync>;

impl Follow {
    pub(super) fn new(
        target: Target,
        request: SubscribeRequest,
        patience: Option<Duration>,
        notice: Notice,
    ) -> Self {
        let subscription = target.client.subscribe(request);
        Self { target, subscription, patience, notice, is_found: false, position: None, lost: None }
    }

    /// Marks the address as found: a gateway has answered there before, so a failed connection is retried.
    pub(super) fn found(mut self) -> Self {
        self.is_found = true;
        self
    }

    /// Returns the next frame. An error is final: a retry cannot help. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Frame, Failure> {
        loop {
            match self.subscription.next().await.map_err(|ended| definite(&ended))? {
                Item::Frame(frame) => {
                    self.is_found = true;
                    if matches!(frame, Frame::Subscribed(_)) && self.lost.is_some() {
                        (self.notice)("reconnected");
                    }
                    let cursor = cursor(&frame);
                    if self.position.as_deref() != Some(cursor) {
                        (self.position, self.lost) = (Some(cursor.to_owned()), None);
                    }
                    return Ok(frame);
                }
                Item::Interrupted(interruption) => {
                    let why = self.why(&interruption)?;
                    self.go_on(&why, interruption.pause)?;
                }
            }
        }
    }

    /// Returns the bytes of the event that [`Follow::next`] returned last, as the gateway sent them.
    pub(super) fn encoded_event(&self) -> &Bytes {
        self.subscription.encoded_event()
    }

    /// Ends the stream of a gateway that is behind, and begins another one after a pause.
    pub(super) async fn connect_again(&mut self, why: &str) -> Result<(), Failure> {
        self.go_on(why, BEHIND_PAUSE)?;
        sleep(BEHIND_PAUSE).await;
        if let Some(cursor) = &self.position {
            self.subscription.restart(Start::AfterCursor(cursor.clone()));
        }
        Ok(())
    }

    /// Prints the notice of a reconnect, or fails if the next attempt is beyond the patience.
    fn go_on(&mut self, why: &str, pause: Duration) -> Result<(), Failure> {
        let lost = self.lost.get_or_insert_with(Instant::now).elapsed();
        if let Some(patience) = self.patience.filter(|patience| lost + pause > *patience) {
            let (pause, patience) = (text::duration(pause), text::duration(patience));
            return Err(Failure::Other(format!(
                "{why}; gave up, because the next attempt in {pause} would be later than {patience} after the first failure (--retry-for)"
            )));
        }
        (self.notice)(&format!("{why}; reconnecting in {}", text::duration(pause)));
        Ok(())
    }

    /// Returns the cause of an interruption. Fails if no gateway has ever answered: then the address is
    /// probably wrong.
    fn why(&mut self, interruption: &Interruption) -> Result<String, Failure> {
        Ok(match &interruption.cause {
            Cause::Connect(error) => {
                let why = self.target.unreachable(error);
                if !self.is_found {
                    return Err(Failure::Other(why));
                }
                why
            }
            Cause::Status(status) if reason(status).is_some() => {
                self.is_found = true;
                // Omit the remedy after the semicolon: this program applies it.
                text::escape(status.message().split(';').next().unwrap_or_default()).into_owned()
            }
            Cause::Status(status) if !self.is_found => return Err(status.clone().into()),
            Cause::Status(status) => format!("the connection broke ({})", text::escape(status.message())),
            Cause::Silence => "no heartbeat from the gateway".to_owned(),
            Cause::End => "the stream ended".to_owned(),
        })
    }
}

/// Returns the failure of a stream that ended for good, with a remedy.
fn definite(ended: &Ended) -> Failure {
    let remedy = match ended {
        Ended::CursorExpired { .. } => {
            "; use --from earliest for the remaining events, or --skip-gaps to continue automatically"
        }
        Ended::LogReplaced(_) | Ended::LogRewound(_) => "; use --from earliest for that",
        Ended::LogDamaged(_) | Ended::EventsMissing(_) => "; use --skip-gaps to continue after them",
        _ => "",
    };
    connect::failure(ended.status(), remedy)
}

/// Describes a gap.
pub(super) fn gone(gap: &Gap) -> String {
    let (which, they) = match (gap.first_missing_sequence, gap.last_missing_sequence) {
        (0, _) | (_, 0) => ("events are gone".to_owned(), "them"),
        (first, last) if first == last => (format!("event {first} is gone"), "it"),
        (first, last) => (format!("events {first} to {last} are gone"), "them"),
    };
    match gap.reason() {
        GapReason::Trimmed => format!("{which}: retention removed {they}"),
        GapReason::Damaged => format!("{which}: the log is damaged there"),
        GapReason::NewerFormat => {
            format!("{which} here: a newer gateway stored {they}, and only a newer gateway can read {they}")
        }
        GapReason::Missing | GapReason::Unspecified => format!("{which}: the log lost {they}"),
    }
}

/// Count of events that could not be compared with the filter, over the streams of one command.
#[derive(Debug, Default)]
pub(super) struct Unmatched {
    /// Count of the current stream.
    of_stream: u64,
    /// Count of all streams.
    pub(super) total: u64,
    /// Part of the total that was reported, and when.
    reported: u64,
    reported_at: Option<Instant>,
}

impl Unmatched {
    /// Adds the count of a frame.
    pub(super) fn note(&mut self, frame: &Frame) {
        let of_stream = match frame {
            // A new stream counts from zero. It begins after the events that the last one counted.
            Frame::Subscribed(_) => 0,
            Frame::Heartbeat(frame) => frame.unmatched_events,
            Frame::CaughtUp(frame) => frame.unmatched_events,
            Frame::FellBehind(frame) => frame.unmatched_events,
            Frame::GoingAway(frame) => frame.unmatched_events,
            Frame::Event(_) | Frame::Gap(_) => return,
        };
        self.total += of_stream.saturating_sub(self.of_stream);
        self.of_stream = of_stream;
    }

    /// Reports new events on standard error, at most once per second unless `is_last`.
    pub(super) fn report(&mut self, is_last: bool) {
        const PAUSE: Duration = Duration::from_secs(1);
        let is_early = self.reported_at.is_some_and(|reported| reported.elapsed() < PAUSE);
        if self.total > self.reported && (is_last || !is_early) {
            output::notice(&unmatched(self.total - self.reported));
            (self.reported, self.reported_at) = (self.total, Some(Instant::now()));
        }
    }
}

/// Describes events that could not be compared with the filter.
pub(super) fn unmatched(count: u64) -> String {
    format!(
        "{} could not be compared with the filter, because names in the body cannot be read; to find them, list without \
         --account and --group",
        text::count(count, "event")
    )
}

/// Parses a starting point.
pub(super) fn parse_start(text: &str) -> Result<Start, String> {
    match text {
        "latest" => Ok(Start::Latest(crate::proto::well_known::Empty {})),
        "earliest" => Ok(Start::Earliest(crate::proto::well_known::Empty {})),
        _ => parse_position(text, "use latest, earliest, a time in UTC such as 2026-11-22T10:30:00Z"),
    }
}

/// Parses a cursor or a past time. The error begins with the `other` allowed values.
pub(super) fn parse_position(text: &str, other: &str) -> Result<Start, String> {
    match text.parse::<Cursor>() {
        // The gateway may know a newer form.
        Ok(_) | Err(CursorError::NewerForm) => Ok(Start::AfterCursor(text.to_owned())),
        Err(error @ CursorError::OtherKind(_)) => Err(error.to_string()),
        Err(CursorError::Empty | CursorError::Malformed) => text::parse_past(text)
            .map(Start::AtTime)
            .map_err(|_| format!("{other}, or a complete cursor as `get` and `tail --json` print it")),
    }
}

/// Result of a command's work.
pub(super) struct Ran<T> {
    /// `None`: the work did not end in time after the signal.
    pub(super) outcome: Option<Result<T, Failure>>,
    /// True if a signal ended it.
    pub(super) is_interrupted: bool,
}

/// True once the command must stop.
pub(super) type Stop = watch::Receiver<bool>;

/// Runtime of a command that a signal may end. Catches signals from its creation on, so that a
/// command that creates it first can clean up after every ordinary signal.
pub(super) struct Runner {
    runtime: Runtime,
    /// Signals that end the command.
    signals: Vec<Signal>,
}

impl Runner {
    pub(super) fn new() -> Result<Self, Failure> {
        let runtime = runtime()?;
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // `nohup` starts a process with SIGHUP ignored; keep it ignored.
        let others = [SignalKind::hangup(), SignalKind::quit()];
        kinds.extend(others.into_iter().filter(|kind| !is_ignored(*kind)));
        let signals = runtime.block_on(async {
            // Catch SIGXFSZ so that a write beyond the file size limit fails with an error instead of killing the
            // process. Tokio keeps the handler installed after the stream is dropped.
            drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
            kinds.into_iter().map(signal).collect::<io::Result<_>>()
        });
        let signals = signals.map_err(|error| Failure::Other(format!("cannot catch signals: {error}")))?;
        Ok(Self { runtime, signals })
    }

    /// Runs a command's work to its end. On a signal, tells the work to stop and waits
    /// `LAST_WRITE` for it to finish; after that, abandons it.
    pub(super) fn run<T: Send + 'static, W: Future<Output = Result<T, Failure>> + Send + 'static>(
        mut self,
        work: impl FnOnce(Stop) -> W,
    ) -> Result<Ran<T>, Failure> {
        let (stopping, stop) = watch::channel(false);
        let signals = &mut self.signals;
        let ended = self.runtime.block_on(async {
            let mut working = tokio::spawn(work(stop));
            tokio::select! {
                ended = &mut working => Some(ended),
                () = any(signals) => {
                    stopping.send_replace(true);
                    timeout(LAST_WRITE, working).await.ok()
                }
            }
        });
        self.runtime.shutdown_background();
        let outcome = ended.map(|ended| {
            ended.unwrap_or_else(|error| {
                Err(Failure::Other(format!("the command panicked: {error}; report this as a bug")))
            })
        });
        Ok(Ran { outcome, is_interrupted: *stopping.borrow() })
    }
}

/// Waits for any of the signals.
async fn any(signals: &mut [Signal]) {
    poll_fn(|context| {
        let is_any = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if is_any { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Returns whether the process was started with the signal ignored. Returns false
/// without `/proc`, where this is unknown.
fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

/// Waits until the command must stop.
pub(super) async fn stopped(stop: &mut Stop) {
    // Ignore the error: the sender lives as long as the command.
    stop.wait_for(|&stop| stop).await.ok();
}
