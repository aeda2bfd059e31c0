//! Following a gateway's stream, over broken connections.

use std::time::{Duration, Instant};

use pbjson_types::Duration as ProtoDuration;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{sleep, timeout},
};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::{
    Failure,
    connect::{self, Target, runtime},
    text,
};
use crate::{
    event::{Cursor, CursorError},
    proto::{
        ErrorReason, Gap, SubscribeRequest, SubscribeResponse, subscribe_request::Start,
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
/// How long an interrupt waits for what is being written, as to a pager that has stopped reading.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// A stream of frames that goes on with another one when it breaks.
pub(super) struct Follow {
    target: Target,
    /// Its start is that of the first stream; the others begin at `position`.
    request: SubscribeRequest,
    /// How long it tries to connect again where it gets no further; `None`: for ever.
    patience: Option<Duration>,
    /// Tells a person that it connects again.
    notice: Notice,
    /// After the last frame that has been dealt with.
    position: Option<String>,
    /// The cursor of the last frame that was given.
    given: Option<String>,
    frames: Option<Streaming<SubscribeResponse>>,
    pause: Duration,
    /// Since when it has got no further.
    lost: Option<Instant>,
}

pub(super) type Notice = Box<dyn Fn(&str) + Send + Sync>;

/// Why a stream is over that may be tried again, after this pause if the gateway says so.
struct Broken(String, Option<Duration>);

impl Follow {
    pub(super) fn new(
        target: Target,
        request: SubscribeRequest,
        patience: Option<Duration>,
        notice: Notice,
    ) -> Self {
        let heartbeat_interval = Some(ProtoDuration { seconds: HEARTBEAT, nanos: 0 });
        Self {
            target,
            request: SubscribeRequest { heartbeat_interval, ..request },
            patience,
            notice,
            position: None,
            given: None,
            frames: None,
            pause: FIRST_PAUSE,
            lost: None,
        }
    }

    /// The next frame. To ask for it is to say that the one before has been dealt with: a
    /// further stream begins after that. An error is one that trying again does not mend.
    pub(super) async fn next(&mut self) -> Result<Frame, Failure> {
        if let Some(cursor) = self.given.take()
            && self.position.as_ref() != Some(&cursor)
        {
            // A stream that got somewhere begins the pauses anew.
            (self.pause, self.lost) = (FIRST_PAUSE, None);
            self.position = Some(cursor);
        }
        loop {
            match self.step().await? {
                Ok(frame) => {
                    if matches!(frame, Frame::Subscribed(_)) && self.position.is_some() {
                        (self.notice)("connected again");
                    }
                    self.given = Some(cursor(&frame).to_owned());
                    return Ok(frame);
                }
                Err(Broken(why, asked_pause)) => self.connect_again(&why, asked_pause).await?,
            }
        }
    }

    /// Leaves the stream, and waits for a while before another one is begun.
    pub(super) async fn connect_again(
        &mut self,
        why: &str,
        asked_pause: Option<Duration>,
    ) -> Result<(), Failure> {
        self.frames = None;
        let lost = self.lost.get_or_insert_with(Instant::now).elapsed();
        if self.patience.is_some_and(|patience| lost >= patience) {
            return Err(Failure::Other(format!("{why}; tried again for {}", text::duration(lost))));
        }
        let wait = asked_pause.unwrap_or(self.pause).clamp(FIRST_PAUSE, LAST_PAUSE);
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        (self.notice)(&format!("{why}; connecting again in {}", text::duration(wait)));
        sleep(wait).await;
        Ok(())
    }

    async fn step(&mut self) -> Result<Result<Frame, Broken>, Failure> {
        let is_first = self.position.is_none();
        let frames = match &mut self.frames {
            Some(frames) => frames,
            None => {
                let mut gateway = match self.target.connect().await {
                    Ok(gateway) => gateway,
                    // It was there before.
                    Err(Failure::Other(why)) if !is_first => return Ok(Err(Broken(why, None))),
                    // More likely a wrong address than a short absence.
                    Err(failure) => return Err(failure),
                };
                match gateway.events.subscribe(self.request()).await {
                    Ok(response) => self.frames.insert(response.into_inner()),
                    Err(status) => return Ok(Err(broken(&status, is_first)?)),
                }
            }
        };
        loop {
            return match timeout(SILENCE, frames.message()).await {
                Ok(Ok(Some(SubscribeResponse { frame: Some(frame) }))) => Ok(Ok(frame)),
                // Of a newer gateway.
                Ok(Ok(Some(SubscribeResponse { frame: None }))) => continue,
                Ok(Ok(None)) => Ok(Err(Broken("the stream ended".to_owned(), None))),
                Ok(Err(status)) => Ok(Err(broken(&status, is_first)?)),
                Err(_) => Ok(Err(Broken("the gateway has fallen silent".to_owned(), None))),
            };
        }
    }

    fn request(&self) -> SubscribeRequest {
        let mut request = self.request.clone();
        if let Some(cursor) = &self.position {
            request.start = Some(Start::AfterCursor(cursor.clone()));
        }
        request
    }
}

/// What a status that ended the stream means: whether to try again. Not where no
/// stream ever began.
fn broken(status: &Status, is_first: bool) -> Result<Broken, Failure> {
    if is_first || !connect::is_passing(status) {
        return Err(definite(status));
    }
    let why = match connect::reason(status) {
        // What to do, which is what follows, is done here.
        Some(_) => text::escape(status.message().split(';').next().unwrap_or_default()).into_owned(),
        None => format!("the connection broke ({})", text::escape(status.message())),
    };
    let retry = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    Ok(Broken(why, retry))
}

/// The end, with what to do next.
fn definite(status: &Status) -> Failure {
    let remedy = match connect::reason(status) {
        Some(ErrorReason::CursorExpired) => {
            "; --from earliest gives all that is left, --skip-gaps goes on by itself"
        }
        Some(ErrorReason::LogReplaced | ErrorReason::LogRewound) => "; --from earliest does so",
        _ if status.code() == Code::DataLoss => "; --skip-gaps goes on behind it",
        _ => "",
    };
    connect::failure(status, remedy)
}

/// The position after a frame.
pub(super) fn cursor(frame: &Frame) -> &str {
    match frame {
        Frame::Subscribed(subscribed) => &subscribed.cursor,
        Frame::Event(event) => &event.cursor,
        Frame::Heartbeat(heartbeat) => &heartbeat.cursor,
        Frame::CaughtUp(caught_up) => &caught_up.cursor,
        Frame::FellBehind(fell_behind) => &fell_behind.cursor,
        Frame::Gap(gap) => &gap.cursor,
        Frame::GoingAway(going_away) => &going_away.cursor,
    }
}

/// What a gap frame tells.
pub(super) fn gone(gap: &Gap) -> String {
    let which = match (gap.first_missing_sequence, gap.last_missing_sequence) {
        (0, _) | (_, 0) => "events are gone".to_owned(),
        (first, last) if first == last => format!("event {first} is gone"),
        (first, last) => format!("events {first} to {last} are gone"),
    };
    format!("{which}: the gateway removed them before they were read, or they are damaged")
}

/// A starting point as the command line has it.
pub(super) fn parse_start(text: &str) -> Result<Start, String> {
    match text {
        "latest" => Ok(Start::Latest(pbjson_types::Empty {})),
        "earliest" => Ok(Start::Earliest(pbjson_types::Empty {})),
        _ => parse_position(text).ok_or_else(|| {
            "write latest, earliest, a time in UTC such as 2026-11-22T10:30:00Z, or a whole cursor, as `get` and \
             `tail --json` show it"
                .to_owned()
        }),
    }
}

/// A cursor, or a time in the past.
pub(super) fn parse_position(text: &str) -> Option<Start> {
    match text.parse::<Cursor>() {
        // The gateway may know the newer form.
        Ok(_) | Err(CursorError::NewerForm) => Some(Start::AfterCursor(text.to_owned())),
        Err(CursorError::Empty | CursorError::Malformed) => text::parse_past(text).ok().map(Start::AtTime),
    }
}

/// How a command's work ended.
pub(super) struct Ran<T> {
    /// `None`: it did not come to an end in time after the interrupt.
    pub(super) outcome: Option<Result<T, Failure>>,
    /// By Ctrl-C or SIGTERM.
    pub(super) is_interrupted: bool,
}

/// Turns true when the command is to end.
pub(super) type Stop = watch::Receiver<bool>;

/// Runs a command's work to its end. An interrupt tells it to stop; whatever is still
/// being written after a second is not waited for.
pub(super) fn run<T: Send + 'static, W: Future<Output = Result<T, Failure>> + Send + 'static>(
    work: impl FnOnce(Stop) -> W,
) -> Result<Ran<T>, Failure> {
    let runtime = runtime()?;
    let (stopping, stop) = watch::channel(false);
    let ended = runtime.block_on(async {
        let mut working = tokio::spawn(work(stop));
        tokio::select! {
            ended = &mut working => Some(ended),
            () = interrupted() => {
                stopping.send_replace(true);
                timeout(LAST_WRITE, working).await.ok()
            }
        }
    });
    runtime.shutdown_background();
    let outcome = ended.map(|ended| {
        ended.unwrap_or_else(|error| Err(Failure::Other(format!("the command broke down: {error}"))))
    });
    Ok(Ran { outcome, is_interrupted: *stopping.borrow() })
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Waits for an interrupt.
pub(super) async fn stopped(stop: &mut Stop) {
    // The sender lives as long as the command.
    stop.wait_for(|&stop| stop).await.ok();
}
