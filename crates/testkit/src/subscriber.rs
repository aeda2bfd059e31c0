//! gRPC client, and checks of what it receives.

use std::net::SocketAddr;

use imcallback::{
    Event, Gap, SubscribeRequest, SubscribeResponse, event_service_client::EventServiceClient,
    subscribe_request::Start, subscribe_response::Frame,
};
use tonic::{Status, Streaming, transport::Channel};

use crate::soon;

pub async fn client(address: SocketAddr) -> EventServiceClient<Channel> {
    soon(EventServiceClient::connect(format!("http://{address}"))).await.unwrap()
}

pub fn earliest() -> SubscribeRequest {
    SubscribeRequest { start: Some(Start::Earliest(Default::default())), ..Default::default() }
}

pub fn latest() -> SubscribeRequest {
    SubscribeRequest { start: Some(Start::Latest(Default::default())), ..Default::default() }
}

pub fn after(cursor: &str) -> SubscribeRequest {
    SubscribeRequest { start: Some(Start::AfterCursor(cursor.to_owned())), ..Default::default() }
}

/// Open stream of frames.
pub struct Subscriber {
    frames: Streaming<SubscribeResponse>,
}

impl Subscriber {
    /// Subscribes. Returns the stream and its first frame, `subscribed`.
    pub async fn open(
        client: &mut EventServiceClient<Channel>,
        request: SubscribeRequest,
    ) -> Result<(Self, imcallback::Subscribed), Status> {
        let frames = soon(client.subscribe(request)).await?.into_inner();
        let mut subscriber = Self { frames };
        let Frame::Subscribed(subscribed) = subscriber.frame().await? else {
            panic!("the first frame is `subscribed`")
        };
        Ok((subscriber, subscribed))
    }

    pub async fn frame(&mut self) -> Result<Frame, Status> {
        let response = soon(self.frames.message()).await?.expect("a stream ends with a status");
        Ok(response.frame.expect("a frame of a known kind"))
    }

    /// Returns the next event. Skips heartbeats and `caught_up`.
    pub async fn event(&mut self) -> Result<Event, Status> {
        // Heartbeats would continue indefinitely.
        soon(async {
            loop {
                match self.frame().await? {
                    Frame::Event(event) => return Ok(event),
                    Frame::Heartbeat(_) | Frame::CaughtUp(_) => {}
                    frame => panic!("unexpected {frame:?}"),
                }
            }
        })
        .await
    }

    /// Returns the events up to and including the first for which `last` returns true.
    pub async fn events_until(&mut self, mut last: impl FnMut(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await.unwrap();
            let done = last(&event);
            events.push(event);
            if done {
                return events;
            }
        }
    }

    /// Reads from the event `next` to the event `last`, or to the end of the stream. Checks that a gap
    /// reports each missing event.
    pub async fn read_slowly(&mut self, mut next: u64, last: u64) -> ReadSlowly {
        let mut gaps = 0;
        while next <= last {
            match self.frame().await {
                Ok(Frame::Event(event)) => {
                    assert_eq!(event.sequence, next, "events arrive in order, and gaps report missing ones");
                    next += 1;
                }
                Ok(Frame::Gap(gap)) => {
                    assert_eq!(gap.first_missing_sequence, next);
                    assert!(gap.last_missing_sequence >= next);
                    next = gap.last_missing_sequence + 1;
                    gaps += 1;
                }
                Ok(_) => {}
                Err(status) => return ReadSlowly { next, gaps, status: Some(status) },
            }
        }
        ReadSlowly { next, gaps, status: None }
    }
}

/// Outcome of a slow read.
#[derive(Debug)]
pub struct ReadSlowly {
    /// Sequence of the next expected event.
    pub next: u64,
    /// Number of reported gaps.
    pub gaps: usize,
    /// Status of the stream, if it ended first.
    pub status: Option<Status>,
}

/// Returns the events of a subscription until it has caught up, with raw bodies.
pub async fn read(client: &mut EventServiceClient<Channel>, request: SubscribeRequest) -> Vec<Event> {
    let request = SubscribeRequest { include_raw_body: true, ..request };
    let (mut subscriber, _) = Subscriber::open(client, request).await.unwrap();
    let mut events = Vec::new();
    loop {
        match subscriber.frame().await.unwrap() {
            Frame::Event(event) => events.push(event),
            Frame::CaughtUp(_) => return events,
            frame => panic!("unexpected {frame:?}"),
        }
    }
}

/// Reads to the end of the log or of the stream. Returns the events, the gaps, and the status if the stream ended.
pub async fn read_with_gaps(
    client: &mut EventServiceClient<Channel>,
    request: SubscribeRequest,
) -> (Vec<Event>, Vec<Gap>, Option<Status>) {
    let (mut events, mut gaps) = (Vec::new(), Vec::new());
    let mut stream = match Subscriber::open(client, request).await {
        Ok((stream, _)) => stream,
        Err(status) => return (events, gaps, Some(status)),
    };
    loop {
        match stream.frame().await {
            Ok(Frame::Event(event)) => events.push(event),
            Ok(Frame::Gap(gap)) => gaps.push(gap),
            Ok(Frame::CaughtUp(_)) => return (events, gaps, None),
            Ok(_) => {}
            Err(status) => return (events, gaps, Some(status)),
        }
    }
}

/// Returns all events of a gateway's log, in order, with raw bodies.
pub async fn all_events(client: &mut EventServiceClient<Channel>) -> Vec<Event> {
    read(client, earliest()).await
}

/// Returns the reason in the `google.rpc.ErrorInfo` of a status. Checks its domain.
pub fn reason(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    let info = status.get_details_error_info().expect("an error carries ErrorInfo");
    assert_eq!(info.domain, "imcallback.v1");
    info.reason
}

/// Converts a time to one number, for comparisons.
pub fn nanos(time: Option<imcallback::well_known::Timestamp>) -> i128 {
    let time = time.expect("a time");
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}
