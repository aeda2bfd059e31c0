//! Subscription to the log across connections.

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

/// Path of the method. The generated client would decode the frames without the bytes of an event.
const SUBSCRIBE: &str = "/imcallback.v1.EventService/Subscribe";

/// First pause before a reconnect. Each further one is twice as long, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// Maximum pause that a gateway may request.
const LONGEST_ASKED: Duration = Duration::from_secs(60);
/// Default heartbeat interval, and the range that a gateway accepts.
const HEARTBEAT: Duration = Duration::from_secs(15);
const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(1);
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(60);
/// Number of heartbeat intervals without a frame after which the connection counts as broken.
const SILENT_INTERVALS: u32 = 3;
/// Grace after an overdue frame if `next` was not polled: a frame may have arrived that was not read yet.
const LATE: Duration = Duration::from_secs(1);

/// Item of a subscription.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "nearly all are frames")]
pub enum Item {
    /// Frame of the stream. The first one of each connection is `subscribed`: store its cursor before the
    /// first event, or a crash forgets a start at `latest`.
    Frame(Frame),
    /// The connection broke or failed. The next call of [`Subscription::next`] reconnects after a pause. No
    /// action is needed, except perhaps a log line.
    Interrupted(Interruption),
}

impl Item {
    /// Returns the position after the item. `None` if it has no new one.
    pub fn cursor(&self) -> Option<&str> {
        match self {
            Self::Frame(frame) => Some(cursor(frame)),
            Self::Interrupted(_) => None,
        }
    }
}

/// Temporary interruption of the stream.
#[derive(Debug, Clone)]
pub struct Interruption {
    /// Cause of the interruption.
    pub cause: Cause,
    /// Time until the reconnect.
    pub pause: Duration,
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Connect(error) => write!(f, "cannot connect: {error}")?,
            Cause::Status(status) => f.write_str(&shown(status))?,
            Cause::Silence => write!(f, "no heartbeat from the gateway")?,
            Cause::End => write!(f, "the stream ended without a status")?,
        }
        write!(f, "; reconnecting in {:.1} s", self.pause.as_secs_f64())
    }
}

/// Cause of an interruption.
#[derive(Debug, Clone)]
pub enum Cause {
    /// The connection attempt failed.
    Connect(std::sync::Arc<ConnectError>),
    /// The gateway, or a proxy, returned a status.
    Status(Status),
    /// No frame arrived, not even a heartbeat, for three heartbeat intervals.
    Silence,
    /// The stream ended without a status. Gateways always send one.
    End,
}

/// Reason why a subscription ended: its user has to decide.
///
/// [`Subscription::restart`] continues from another position. [`Subscription::next`] without it retries the
/// same request after a pause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// Events after the position are no longer stored. Restart after `oldest_cursor` to receive the remaining
    /// ones. With [`GapPolicy::Skip`], a `gap` frame reports this instead.
    #[error("{}", shown(status))]
    CursorExpired {
        /// Position before the oldest stored event.
        oldest_cursor: String,
        /// Position after the newest event.
        latest_cursor: String,
        /// Status of the gateway.
        status: Box<Status>,
    },
    /// The log was replaced by another one. Reconcile your data with the log, then restart from the time of
    /// your last event or from `earliest`.
    #[error("{}", shown(&.0.status))]
    LogReplaced(OtherLog),
    /// The log went back, as after a restored backup. Reconcile your data with the log, then restart from the
    /// time of your last event or from `earliest`.
    #[error("{}", shown(&.0.status))]
    LogRewound(OtherLog),
    /// The next events are unreadable: they are damaged, or a newer gateway stored them.
    /// [`Subscription::skip_gaps`] continues after them.
    #[error("{}", shown(.0))]
    LogDamaged(Box<Status>),
    /// The next events were lost from the log. [`Subscription::skip_gaps`] continues after them.
    #[error("{}", shown(.0))]
    EventsMissing(Box<Status>),
    /// The token is missing, unknown or revoked, or lacks the right.
    #[error("{}", shown(.0))]
    Denied(Box<Status>),
    /// The request is invalid.
    #[error("{}", shown(.0))]
    Invalid(Box<Status>),
    /// Any other error that a retry cannot fix, such as an address of another server.
    #[error("{}", shown(.0))]
    Other(Box<Status>),
}

/// Log that did not issue the cursor.
#[derive(Debug)]
pub struct OtherLog {
    /// Epoch of the log.
    pub epoch: String,
    /// Start of the epoch, in RFC 3339.
    pub epoch_start: String,
    /// Position before its oldest event.
    pub oldest_cursor: String,
    /// Position after its newest event.
    pub latest_cursor: String,
    /// Status of the gateway.
    pub status: Box<Status>,
}

impl Ended {
    /// Returns the status of the gateway.
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
    /// Waits until then before it reconnects.
    Pause(Instant),
    Opening(BoxFuture<'static, Result<Streaming<Received>, Cause>>),
    Open(Box<Streaming<Received>>),
}

/// Stream of frames across connections. Ends when it is dropped.
pub struct Subscription {
    client: Client,
    /// Next request. Each frame moves its start.
    request: SubscribeRequest,
    state: State,
    /// Next pause, without jitter.
    pause: Duration,
    /// Pause that the last `going_away` frame requested, in case no status follows.
    asked: Option<Duration>,
    /// Maximum time without a frame.
    silence: Duration,
    /// Deadline of the next frame on an open stream.
    deadline: Instant,
    /// True if the deadline passed, and frames that may have arrived are being read.
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

    /// Waits for the next frame, and for a connection if there is none. Cancel safe, as in `tokio::select!`:
    /// no frame is lost.
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
                        // Skip frames of an unknown kind.
                        if let Some(frame) = frame {
                            return Ok(Item::Frame(frame));
                        }
                    }
                    Ok(Ok(None)) => return self.interrupted(Cause::End),
                    Ok(Err(status)) => return self.interrupted(Cause::Status(status)),
                    // Only once: a caller that polls rarely would otherwise never see the interruption.
                    Err(_) if self.deadline.elapsed() >= LATE && !self.is_overdue => {
                        self.is_overdue = true;
                        self.deadline = Instant::now() + LATE;
                    }
                    Err(_) => return self.interrupted(Cause::Silence),
                },
            }
        }
    }

    /// Returns the encoded `Event` of the last frame that [`Subscription::next`] returned, byte for byte as
    /// the gateway sent it, including fields that this version does not know. Empty if the frame is not an
    /// event.
    pub fn encoded_event(&self) -> &Bytes {
        &self.encoded_event
    }

    /// Returns the position after the last frame, or the start cursor. `None` before the first frame of a
    /// start without a cursor.
    pub fn cursor(&self) -> Option<&str> {
        match &self.request.start {
            Some(Start::AfterCursor(cursor)) => Some(cursor),
            _ => None,
        }
    }

    /// Continues from `start`: after an [`Ended`], or at any time.
    pub fn restart(&mut self, start: Start) {
        self.request.start = Some(start);
        if !matches!(self.state, State::Pause(_)) {
            self.state = State::Pause(Instant::now());
        }
    }

    /// From the next connection on, continues after missing events with a `gap` frame.
    pub fn skip_gaps(&mut self) {
        self.request.on_gap = GapPolicy::Skip.into();
    }

    fn open(&self) -> BoxFuture<'static, Result<Streaming<Received>, Cause>> {
        let (client, request) = (self.client.clone(), self.request.clone());
        Box::pin(async move {
            // Open a new connection each time: the address may now resolve to another replica.
            let channel = client.channel().await.map_err(|error| Cause::Connect(error.into()))?;
            let mut grpc = Grpc::new(channel);
            let ready = grpc.ready().await;
            ready.map_err(|error| Cause::Status(Status::unknown(format!("not ready: {error}"))))?;
            let path = PathAndQuery::from_static(SUBSCRIBE);
            let opened = grpc.server_streaming(request.into_request(), path, SubscribeCodec).await;
            Ok(opened.map_err(Cause::Status)?.into_inner())
        })
    }

    /// Restarts the deadline of the next frame.
    fn heard(&mut self) {
        self.deadline = Instant::now() + self.silence;
        self.is_overdue = false;
    }

    /// Updates the next request by a frame.
    fn take(&mut self, frame: &Frame) {
        match frame {
            Frame::Subscribed(subscribed) => {
                self.asked = None;
                self.silence = silence(subscribed.heartbeat_interval);
            }
            Frame::GoingAway(going_away) => {
                self.asked = going_away.retry_delay.and_then(|delay| delay.try_into().ok());
            }
            // The stream made progress, so the next interruption starts with the first pause.
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

/// Returns the maximum time without a frame for a heartbeat interval, if it is valid.
fn silence(interval: Option<imcallback::well_known::Duration>) -> Duration {
    let interval = interval.and_then(|interval| interval.try_into().ok()).unwrap_or(HEARTBEAT);
    SILENT_INTERVALS * interval.clamp(SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT)
}

/// Adds up to half of the pause at random, so that clients that lost their connections together do not
/// reconnect together.
fn with_jitter(pause: Duration) -> Duration {
    // Without random numbers there is no jitter.
    let part = getrandom::u32().unwrap_or(0);
    pause + pause.mul_f64(f64::from(part) / f64::from(u32::MAX) / 2.0)
}

/// Formats a status in one line: code, reason and message.
fn shown(status: &Status) -> String {
    let reason = status.get_details_error_info().map(|info| format!(" {}", info.reason)).unwrap_or_default();
    format!("{:?}{reason}: {}", status.code(), status.message())
}

/// Returns the position after a frame.
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

    /// Returns the pauses of `count` attempts that all end with the status.
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
    fn pauses_grow_up_to_a_limit_and_restart_after_progress() {
        let client = Client::new("http://127.0.0.1:1").unwrap();
        let mut subscription = client.subscribe(SubscribeRequest::default());
        let unavailable = Status::unavailable("");
        let expected = [250, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000].map(Duration::from_millis);
        let first = pauses(&mut subscription, expected.len(), &unavailable);
        for (pause, least) in first.iter().zip(expected) {
            assert!((least..=least.mul_f64(1.5)).contains(pause), "{pause:?} of {least:?}");
        }
        // A `subscribed` frame is not progress: a gateway may fail right after it.
        subscription.take(&Frame::Subscribed(Default::default()));
        assert!(pauses(&mut subscription, 1, &unavailable)[0] >= LAST_PAUSE);
        subscription.take(&Frame::Heartbeat(Default::default()));
        let again = pauses(&mut subscription, expected.len(), &unavailable);
        assert!(again[0] < Duration::from_millis(376), "{again:?}");
        assert_ne!(first, again, "they are random");
    }
}
