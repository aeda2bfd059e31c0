//! Following the log, over one connection after the other.

use std::{fmt, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::{Code, IntoRequest as _, Status, Streaming, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_types::StatusExt as _;

use super::{
    Client, ConnectError,
    codec::{Received, SubscribeCodec},
    is_passing, reason,
};
use imcallback::{
    ErrorReason, GapPolicy, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame,
};

/// Path of the call. The generated client would decode the frames without keeping an event's bytes.
const SUBSCRIBE: &str = "/imcallback.v1.EventService/Subscribe";

/// The pause before the connection is tried again; each further one is twice as long, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause that a gateway may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(60);
/// The heartbeat interval where the request has none, and what a gateway takes.
const HEARTBEAT: Duration = Duration::from_secs(15);
const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(1);
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(60);
/// After so many intervals without a frame the connection is taken to be broken.
const SILENT_INTERVALS: u32 = 3;
/// How long is waited where the time is up because nobody asked, or nothing ran:
/// what came meanwhile may not have been looked at yet.
const LATE: Duration = Duration::from_secs(1);

/// What a subscription gives.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "nearly all are frames")]
pub enum Item {
    /// A frame of the stream. The first of each connection is `subscribed`: store its
    /// cursor before the first event, or a start at `latest` is forgotten by a crash.
    Frame(Frame),
    /// The connection is broken, or was not to be had; the next call of
    /// [`Subscription::next`] waits for a while and tries again. There is nothing to
    /// do, but to tell somebody perhaps.
    Interrupted(Interruption),
}

impl Item {
    /// The position after it. `None` if there is no new one.
    pub fn cursor(&self) -> Option<&str> {
        match self {
            Self::Frame(frame) => Some(cursor(frame)),
            Self::Interrupted(_) => None,
        }
    }
}

/// Why there is no stream for now.
#[derive(Debug, Clone)]
pub struct Interruption {
    /// What happened.
    pub cause: Cause,
    /// How long until the next try.
    pub pause: Duration,
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Connect(error) => write!(f, "cannot connect: {error}")?,
            Cause::Status(status) => f.write_str(&shown(status))?,
            Cause::Silence => write!(f, "the gateway has fallen silent")?,
            Cause::End => write!(f, "the stream ended without a status")?,
        }
        write!(f, "; connecting again in {:.1} s", self.pause.as_secs_f64())
    }
}

/// What broke a stream, or kept it from beginning.
#[derive(Debug, Clone)]
pub enum Cause {
    /// There was no connection.
    Connect(std::sync::Arc<ConnectError>),
    /// The gateway, or something on the way, said so.
    Status(Status),
    /// Nothing came, not even a heartbeat, for three heartbeat intervals.
    Silence,
    /// The stream ended without a status, which no gateway does.
    End,
}

/// Why a subscription does not go on by itself: somebody has to decide.
///
/// After [`Subscription::restart`] it goes on as told. [`Subscription::next`] without it
/// tries the same again, after a pause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// Events behind the position are no longer stored. Restart after `oldest_cursor` to
    /// get all that is left. Not with [`GapPolicy::Skip`]: then a `gap` frame says so.
    #[error("{}", shown(status))]
    CursorExpired {
        /// The position before the oldest event that is stored.
        oldest_cursor: String,
        /// The position after the newest event.
        latest_cursor: String,
        /// As it came.
        status: Box<Status>,
    },
    /// The log is another one. Compare what you have, then restart: at the time of your
    /// last event, or with the earliest.
    #[error("{}", shown(&.0.status))]
    LogReplaced(OtherLog),
    /// The log went back, as by a restored backup. Compare what you have, then restart:
    /// at the time of your last event, or with the earliest.
    #[error("{}", shown(&.0.status))]
    LogRewound(OtherLog),
    /// The next events cannot be read: they are damaged, or a newer gateway stored them.
    /// [`Subscription::skip_gaps`] continues behind them.
    #[error("{}", shown(.0))]
    LogDamaged(Box<Status>),
    /// The next events were lost: the log no longer has them. [`Subscription::skip_gaps`] continues behind them.
    #[error("{}", shown(.0))]
    EventsMissing(Box<Status>),
    /// The token is missing, unknown or was taken back, or it may not read this.
    #[error("{}", shown(.0))]
    Denied(Box<Status>),
    /// The request is wrong.
    #[error("{}", shown(.0))]
    Invalid(Box<Status>),
    /// Anything else that trying again does not mend, such as an address that is no gateway's.
    #[error("{}", shown(.0))]
    Other(Box<Status>),
}

/// A log that did not give the cursor.
#[derive(Debug)]
pub struct OtherLog {
    /// Its epoch.
    pub epoch: String,
    /// When that began, in RFC 3339.
    pub epoch_start: String,
    /// The position before its oldest event.
    pub oldest_cursor: String,
    /// The position after its newest event.
    pub latest_cursor: String,
    /// As it came.
    pub status: Box<Status>,
}

impl Ended {
    /// As it came.
    pub fn status(&self) -> &Status {
        match self {
            Self::CursorExpired { status, .. }
            | Self::LogReplaced(OtherLog { status, .. })
            | Self::LogRewound(OtherLog { status, .. })
            | Self::LogDamaged(status)
            | Self::EventsMissing(status)
            | Self::Denied(status)
            | Self::Invalid(status)
            | Self::Other(status) => status,
        }
    }
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        let mut metadata = status.get_details_error_info().map(|info| info.metadata).unwrap_or_default();
        let mut detail = |key: &str| metadata.remove(key).unwrap_or_default();
        let (reason, code, status) = (reason(&status), status.code(), Box::new(status));
        match (reason, code) {
            (Some(ErrorReason::CursorExpired), _) => Self::CursorExpired {
                oldest_cursor: detail("oldest_cursor"),
                latest_cursor: detail("latest_cursor"),
                status,
            },
            (Some(reason @ (ErrorReason::LogReplaced | ErrorReason::LogRewound)), _) => {
                let log = OtherLog {
                    epoch: detail("epoch"),
                    epoch_start: detail("epoch_start"),
                    oldest_cursor: detail("oldest_cursor"),
                    latest_cursor: detail("latest_cursor"),
                    status,
                };
                if reason == ErrorReason::LogReplaced {
                    Self::LogReplaced(log)
                } else {
                    Self::LogRewound(log)
                }
            }
            (Some(ErrorReason::EventsMissing), _) => Self::EventsMissing(status),
            (_, Code::DataLoss) => Self::LogDamaged(status),
            (_, Code::Unauthenticated | Code::PermissionDenied) => Self::Denied(status),
            (_, Code::InvalidArgument) => Self::Invalid(status),
            _ => Self::Other(status),
        }
    }
}

enum State {
    /// Until then nothing is tried.
    Pause(Instant),
    Opening(BoxFuture<'static, Result<Streaming<Received>, Cause>>),
    Open(Box<Streaming<Received>>),
}

/// A stream of frames that does not end with a connection. Dropped, it is over.
pub struct Subscription {
    client: Client,
    /// What is asked for next; its start moves with every frame.
    request: SubscribeRequest,
    state: State,
    /// How long the next pause is, before its random part.
    pause: Duration,
    /// The pause that the last `going_away` frame asked for, in case no status follows.
    asked: Option<Duration>,
    /// How long no frame may come.
    silence: Duration,
    /// When the next frame of an open stream is there at the latest.
    deadline: Instant,
    /// It was not, and what may have come is being looked at.
    is_overdue: bool,
    /// See [`Subscription::encoded_event`].
    encoded_event: Bytes,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("request", &self.request).finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) fn new(client: Client, request: SubscribeRequest) -> Self {
        let now = Instant::now();
        Self {
            silence: silence(request.heartbeat_interval),
            client,
            request,
            state: State::Pause(now),
            pause: FIRST_PAUSE,
            asked: None,
            deadline: now,
            is_overdue: false,
            encoded_event: Bytes::new(),
        }
    }

    /// Waits for the next frame, and for a connection if there is none. What it has not
    /// given yet is not lost if it is dropped, as in `tokio::select!`.
    pub async fn next(&mut self) -> Result<Item, Ended> {
        self.encoded_event = Bytes::new();
        loop {
            match &mut self.state {
                State::Pause(until) => {
                    sleep_until(*until).await;
                    self.state = State::Opening(self.open());
                }
                State::Opening(opening) => match opening.await {
                    Ok(frames) => {
                        self.state = State::Open(Box::new(frames));
                        self.heard();
                    }
                    Err(cause) => return self.interrupted(cause),
                },
                State::Open(frames) => match timeout_at(self.deadline, frames.message()).await {
                    Ok(Ok(Some(Received { frame, event }))) => {
                        self.encoded_event = event;
                        if let Some(frame) = &frame {
                            self.take(frame);
                        }
                        self.heard();
                        // One of a kind that is not known yet is skipped.
                        if let Some(frame) = frame {
                            return Ok(Item::Frame(frame));
                        }
                    }
                    Ok(Ok(None)) => return self.interrupted(Cause::End),
                    Ok(Err(status)) => return self.interrupted(Cause::Status(status)),
                    // Once: whoever asks now and then would otherwise never be told.
                    Err(_) if self.deadline.elapsed() >= LATE && !self.is_overdue => {
                        self.is_overdue = true;
                        self.deadline = Instant::now() + LATE;
                    }
                    Err(_) => return self.interrupted(Cause::Silence),
                },
            }
        }
    }

    /// Returns the encoded `Event` of the frame that [`Subscription::next`] returned last, byte for byte as
    /// the gateway sent it. It still has the fields that this version does not know. Empty unless that
    /// frame is an event.
    pub fn encoded_event(&self) -> &Bytes {
        &self.encoded_event
    }

    /// The position after the last frame, or that to begin after; `None` before the
    /// first frame of a start without a cursor.
    pub fn cursor(&self) -> Option<&str> {
        match &self.request.start {
            Some(Start::AfterCursor(cursor)) => Some(cursor),
            _ => None,
        }
    }

    /// Goes on from there: what to do after an [`Ended`], or at any time.
    pub fn restart(&mut self, start: Start) {
        self.request.start = Some(start);
        if !matches!(self.state, State::Pause(_)) {
            self.state = State::Pause(Instant::now());
        }
    }

    /// From the next connection on, goes on behind events that are gone, with a `gap` frame.
    pub fn skip_gaps(&mut self) {
        self.request.on_gap = GapPolicy::Skip.into();
    }

    fn open(&self) -> BoxFuture<'static, Result<Streaming<Received>, Cause>> {
        let (client, request) = (self.client.clone(), self.request.clone());
        Box::pin(async move {
            // Opens a new connection each time: the address may now resolve to another replica.
            let channel = client.channel().await.map_err(|error| Cause::Connect(error.into()))?;
            let mut grpc = Grpc::new(channel);
            let ready = grpc.ready().await;
            ready.map_err(|error| Cause::Status(Status::unknown(format!("not ready: {error}"))))?;
            let path = PathAndQuery::from_static(SUBSCRIBE);
            let opened = grpc.server_streaming(request.into_request(), path, SubscribeCodec).await;
            Ok(opened.map_err(Cause::Status)?.into_inner())
        })
    }

    /// Something came: the next frame has its time from now on.
    fn heard(&mut self) {
        self.deadline = Instant::now() + self.silence;
        self.is_overdue = false;
    }

    /// What a frame changes for the next connection.
    fn take(&mut self, frame: &Frame) {
        match frame {
            Frame::Subscribed(subscribed) => {
                self.asked = None;
                self.silence = silence(subscribed.heartbeat_interval);
            }
            Frame::GoingAway(going_away) => {
                self.asked = going_away.retry_delay.and_then(|delay| delay.try_into().ok());
            }
            // The stream got somewhere: what breaks it is a new trouble.
            Frame::Event(_)
            | Frame::Heartbeat(_)
            | Frame::CaughtUp(_)
            | Frame::FellBehind(_)
            | Frame::Gap(_) => self.pause = FIRST_PAUSE,
        }
        self.request.start = Some(Start::AfterCursor(cursor(frame).to_owned()));
    }

    fn interrupted(&mut self, cause: Cause) -> Result<Item, Ended> {
        let asked = match &cause {
            Cause::Status(status) => {
                status.get_details_retry_info().and_then(|retry| retry.retry_delay).or(self.asked)
            }
            Cause::Connect(_) | Cause::Silence | Cause::End => self.asked,
        };
        self.asked = None;
        let pause = with_jitter(asked.unwrap_or_default().min(LONGEST_ASKED).max(self.pause));
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        self.state = State::Pause(Instant::now() + pause);
        match cause {
            Cause::Status(status) if !is_passing(&status) => Err(status.into()),
            cause => Ok(Item::Interrupted(Interruption { cause, pause })),
        }
    }
}

/// How long no frame may come at this heartbeat interval, if it is one.
fn silence(interval: Option<imcallback::well_known::Duration>) -> Duration {
    let interval = interval.and_then(|interval| interval.try_into().ok()).unwrap_or(HEARTBEAT);
    SILENT_INTERVALS * interval.clamp(SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT)
}

/// Half as long again at most, by chance: what lost its connection together with others
/// does not come back together with them.
fn with_jitter(pause: Duration) -> Duration {
    // Without random numbers there is no jitter.
    let part = getrandom::u32().unwrap_or(0);
    pause + pause.mul_f64(f64::from(part) / f64::from(u32::MAX) / 2.0)
}

/// A status in a line: its code, its reason, what it says.
fn shown(status: &Status) -> String {
    let reason = status.get_details_error_info().map(|info| format!(" {}", info.reason)).unwrap_or_default();
    format!("{:?}{reason}: {}", status.code(), status.message())
}

/// The position after a frame.
pub fn cursor(frame: &Frame) -> &str {
    match frame {
        Frame::Subscribed(frame) => &frame.cursor,
        Frame::Event(frame) => &frame.cursor,
        Frame::Heartbeat(frame) => &frame.cursor,
        Frame::CaughtUp(frame) => &frame.cursor,
        Frame::GoingAway(frame) => &frame.cursor,
        Frame::FellBehind(frame) => &frame.cursor,
        Frame::Gap(frame) => &frame.cursor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses of so many tries, each of which ends so.
    fn pauses(subscription: &mut Subscription, count: usize, status: &Status) -> Vec<Duration> {
        let mut pauses = Vec::new();
        while pauses.len() < count {
            let Ok(Item::Interrupted(interruption)) = subscription.interrupted(Cause::Status(status.clone()))
            else {
                panic!("it passes")
            };
            pauses.push(interruption.pause);
        }
        pauses
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_begin_anew_when_a_stream_got_somewhere() {
        let client = Client::new("http://127.0.0.1:1").unwrap();
        let mut subscription = client.subscribe(SubscribeRequest::default());
        let unavailable = Status::unavailable("");
        let expected = [250, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000].map(Duration::from_millis);
        let first = pauses(&mut subscription, expected.len(), &unavailable);
        for (pause, least) in first.iter().zip(expected) {
            assert!((least..=least.mul_f64(1.5)).contains(pause), "{pause:?} of {least:?}");
        }
        // To be told where the stream starts is not to get somewhere; a gateway may fail right after it.
        subscription.take(&Frame::Subscribed(Default::default()));
        assert!(pauses(&mut subscription, 1, &unavailable)[0] >= LAST_PAUSE);
        subscription.take(&Frame::Heartbeat(Default::default()));
        let anew = pauses(&mut subscription, expected.len(), &unavailable);
        assert!(anew[0] < Duration::from_millis(376), "{anew:?}");
        assert_ne!(first, anew, "they are by chance");
    }
}
