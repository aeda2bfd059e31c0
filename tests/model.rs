//! Whatever happens, what each subscriber saw agrees with a simple list of what
//! was stored: appends, trims, disconnects, restarts, slow and fast readers, in
//! any order.

mod support;

use std::{path::Path, time::Duration};

use callback_gateway::{
    config::Settings,
    event::Cursor,
    proto::{
        EventFilter, GapPolicy, GetEventRequest, SubscribeRequest, get_event_request,
        subscribe_request::Start, subscribe_response::Frame,
    },
};
use proptest::prelude::*;
use support::*;
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const READERS: usize = 4;
const COMMANDS: [&str; 3] = ["A.B", "C.D", "Sns.CallbackFriendAdd"];

#[derive(Debug, Clone)]
enum Op {
    Append {
        count: usize,
        command: usize,
        large: bool,
    },
    Open {
        reader: usize,
        start: StartAt,
        filter: usize,
        skip: bool,
    },
    /// Reads so many events, if there are.
    Read {
        reader: usize,
        events: usize,
    },
    Disconnect {
        reader: usize,
    },
    Restart,
}

#[derive(Debug, Clone)]
enum StartAt {
    Latest,
    Earliest,
    /// Where this reader was.
    LastCursor,
    /// The time of an event, by its place in the list.
    TimeOf(prop::sample::Index),
}

fn any_op() -> impl Strategy<Value = Op> {
    let start = prop_oneof![
        1 => Just(StartAt::Latest),
        1 => Just(StartAt::Earliest),
        3 => Just(StartAt::LastCursor),
        1 => any::<prop::sample::Index>().prop_map(StartAt::TimeOf),
    ];
    prop_oneof![
        6 => (1..60_usize, 0..COMMANDS.len(), any::<bool>())
            .prop_map(|(count, command, large)| Op::Append { count, command, large }),
        5 => (0..READERS, start, 0..4_usize, any::<bool>())
            .prop_map(|(reader, start, filter, skip)| Op::Open { reader, start, filter, skip }),
        6 => (0..READERS, 1..80_usize).prop_map(|(reader, events)| Op::Read { reader, events }),
        2 => (0..READERS).prop_map(|reader| Op::Disconnect { reader }),
        1 => Just(Op::Restart),
    ]
}

/// An event as the model knows it. Its sequence is its place in the list, from 1.
struct Stored {
    command: &'static str,
    account: String,
    body: String,
}

/// One of four filters.
fn filter(filter: usize) -> Option<EventFilter> {
    let none = EventFilter::default();
    match filter {
        0 => None,
        1 => Some(EventFilter { commands: vec!["C.*".to_owned()], ..none }),
        2 => Some(EventFilter { accounts: vec!["a1".to_owned()], ..none }),
        _ => Some(EventFilter { commands: vec!["No.Such".to_owned()], ..none }),
    }
}

fn fits(filter: usize, event: &Stored) -> bool {
    match filter {
        0 => true,
        1 => event.command.starts_with("C."),
        2 => event.account == "a1",
        _ => false,
    }
}

#[derive(Default)]
struct Reader {
    stream: Option<Subscriber>,
    filter: usize,
    skip: bool,
    /// Everything up to here was seen, left out by the filter, or told to be gone.
    position: u64,
    /// The last cursor that it was given.
    cursor: Option<String>,
}

struct Model {
    gateway: Gateway,
    /// It takes no more calls.
    is_draining: bool,
    events: Vec<Stored>,
    readers: [Reader; READERS],
}

fn change(settings: &mut Settings) {
    // Little enough that readers leave the memory, and that events are trimmed.
    settings.memory_bytes = 50_000;
    settings.retention_count = Some(40);
    settings.drain_delay = Duration::ZERO;
}

async fn start(dir: &Path) -> Gateway {
    Gateway::start_in_with(dir, change).await
}

impl Model {
    async fn run(ops: Vec<Op>) {
        let dir = TempDir::new().unwrap();
        let mut model = Self {
            gateway: start(dir.path()).await,
            is_draining: false,
            events: Vec::new(),
            readers: Default::default(),
        };
        for op in ops {
            match op {
                Op::Append { count, command, large } => model.append(count, command, large).await,
                Op::Open { reader, start, filter, skip } => model.open(reader, &start, filter, skip).await,
                Op::Read { reader, events } => model.read(reader, events).await,
                Op::Disconnect { reader } => model.readers[reader].stream = None,
                Op::Restart => {
                    model.gateway.begin_shutdown();
                    model.is_draining = true;
                    for reader in 0..READERS {
                        model.read_to_the_end(reader).await;
                    }
                    let Self { gateway, events, readers, .. } = model;
                    gateway.stop().await;
                    model = Self { gateway: start(dir.path()).await, is_draining: false, events, readers };
                }
            }
        }
        // At last everybody reads what is left.
        for reader in 0..READERS {
            let Reader { cursor, filter, skip, .. } = &model.readers[reader];
            if cursor.is_some() {
                model.open(reader, &StartAt::LastCursor, *filter, *skip).await;
                model.read(reader, usize::MAX).await;
            }
        }
        model.readers = Default::default();
        model.gateway.stop().await;
    }

    async fn append(&mut self, count: usize, command: usize, large: bool) {
        let mut http = Http::connect(self.gateway.addresses.http).await;
        for _ in 0..count {
            let n = self.events.len() + 1;
            let padding = if large { "x".repeat(10_000) } else { String::new() };
            let stored = Stored {
                command: COMMANDS[command],
                account: format!("a{}", n % 3),
                body: format!(r#"{{"n":{n},"From_Account":"a{}","Padding":"{padding}"}}"#, n % 3),
            };
            assert!(http.post(stored.command, &stored.body).await.is_stored());
            self.events.push(stored);
        }
    }

    async fn open(&mut self, index: usize, start: &StartAt, filter: usize, skip: bool) {
        let mut client = self.gateway.client().await;
        let mut latest_start = u64::MAX;
        let reader = &mut self.readers[index];
        let (start, position) = match (start, &reader.cursor) {
            (StartAt::Latest, _) => (Start::Latest(Default::default()), None),
            (StartAt::LastCursor, Some(cursor)) => {
                (Start::AfterCursor(cursor.clone()), Some(reader.position))
            }
            (StartAt::TimeOf(index), _) if !self.events.is_empty() => {
                let sequence = index.index(self.events.len()) as u64 + 1;
                let event = Some(get_event_request::Event::Sequence(sequence));
                let request = GetEventRequest { event, ..Default::default() };
                // One that is trimmed has no time any more.
                let Ok(response) = soon(client.get_event(request)).await else { return };
                // What is before the event is behind the start, or was received at the same time.
                latest_start = sequence - 1;
                (Start::AtTime(response.into_inner().event.unwrap().receive_time.unwrap()), None)
            }
            (StartAt::Earliest | StartAt::LastCursor | StartAt::TimeOf(_), _) => {
                (Start::Earliest(Default::default()), None)
            }
        };
        *reader = Reader { filter, skip, ..Default::default() };
        let on_gap = if skip { GapPolicy::Skip } else { GapPolicy::Fail };
        let request = SubscribeRequest {
            start: Some(start),
            filter: self::filter(filter),
            on_gap: on_gap.into(),
            include_raw_body: true,
            heartbeat_interval: Some(Duration::from_secs(1).into()),
            ..Default::default()
        };
        match Subscriber::open(&mut client, request).await {
            Ok((stream, subscribed)) => {
                let at: Cursor = subscribed.cursor.parse().unwrap();
                reader.position = position.unwrap_or(at.sequence.0);
                assert!(at.sequence.0 <= reader.position, "nothing is skipped by resuming");
                assert!(at.sequence.0 <= latest_start, "nor by starting at a time");
                reader.cursor = Some(subscribed.cursor);
                reader.stream = Some(stream);
            }
            Err(status) => {
                reader.position = position.unwrap_or_default();
                self.expired(index, &status);
            }
        }
    }

    /// What a user does whose cursor has expired: goes on with what is left.
    fn expired(&mut self, index: usize, status: &Status) {
        let reader = &mut self.readers[index];
        assert_eq!(
            (status.code(), reason(status).as_str()),
            (Code::OutOfRange, "CURSOR_EXPIRED"),
            "{status}"
        );
        assert!(!reader.skip, "who skips is told of gaps by a frame");
        let oldest = status.get_details_error_info().unwrap().metadata["oldest_cursor"].clone();
        let sequence = oldest.parse::<Cursor>().unwrap().sequence.0;
        assert!(sequence > reader.position, "something is gone indeed");
        reader.position = sequence;
        reader.cursor = Some(oldest);
        reader.stream = None;
    }

    /// Events in the list after the reader's position that fit its filter.
    fn next_pending(&self, index: usize) -> Option<u64> {
        let reader = &self.readers[index];
        let from = reader.position as usize;
        let next = self.events.get(from..)?.iter().position(|event| fits(reader.filter, event))?;
        Some((from + next) as u64 + 1)
    }

    fn is_pending(&self, index: usize) -> bool {
        self.readers[index].stream.is_some() && self.next_pending(index).is_some()
    }

    async fn read(&mut self, index: usize, events: usize) {
        let mut seen = 0;
        while seen < events && self.is_pending(index) {
            seen += usize::from(self.read_frame(index).await);
        }
    }

    async fn read_to_the_end(&mut self, index: usize) {
        while self.readers[index].stream.is_some() {
            self.read_frame(index).await;
        }
    }

    /// Reads a frame and checks it against the list; whether it was an event.
    async fn read_frame(&mut self, index: usize) -> bool {
        let frame = self.readers[index].stream.as_mut().unwrap().frame().await;
        let next = self.next_pending(index);
        let cursor = match frame {
            Ok(Frame::Event(event)) => {
                assert_eq!(Some(event.sequence), next, "the next one that fits, and no other");
                let stored = &self.events[event.sequence as usize - 1];
                assert_eq!((event.command.as_str(), &event.raw_body), (stored.command, &stored.body));
                let reader = &mut self.readers[index];
                reader.position = event.sequence;
                reader.cursor = Some(event.cursor);
                return true;
            }
            Ok(Frame::Gap(gap)) => {
                let reader = &mut self.readers[index];
                assert!(reader.skip);
                let first = gap.first_missing_sequence;
                assert!(next.is_none_or(|next| first <= next), "nothing before the gap is left out");
                assert!(gap.last_missing_sequence > reader.position);
                if !self.is_draining {
                    let event = Some(get_event_request::Event::Sequence(gap.last_missing_sequence));
                    let request = GetEventRequest { event, ..Default::default() };
                    let status = soon(self.gateway.client().await.get_event(request)).await.unwrap_err();
                    assert_eq!(status.code(), Code::OutOfRange, "what is told to be gone is gone");
                }
                reader.position = gap.last_missing_sequence;
                reader.cursor = Some(gap.cursor);
                return false;
            }
            Ok(Frame::Heartbeat(frame)) => frame.cursor,
            Ok(Frame::CaughtUp(frame)) => frame.cursor,
            Ok(Frame::FellBehind(frame)) => frame.cursor,
            Ok(Frame::GoingAway(frame)) => frame.cursor,
            Ok(Frame::Subscribed(frame)) => panic!("twice: {frame:?}"),
            Err(status) if status.code() == Code::Unavailable => {
                assert!(status.get_details_error_info().is_some(), "it ends well: {status:?}");
                assert_eq!(reason(&status), "SHUTTING_DOWN");
                self.readers[index].stream = None;
                return false;
            }
            Err(status) => {
                self.expired(index, &status);
                return false;
            }
        };
        let sequence = cursor.parse::<Cursor>().unwrap().sequence.0;
        assert!(next.is_none_or(|next| sequence < next), "a cursor passes nothing that was not sent");
        let reader = &mut self.readers[index];
        assert!(sequence >= reader.position, "cursors do not go back");
        reader.position = sequence;
        reader.cursor = Some(cursor);
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_subscriber_sees_what_a_simple_list_says(ops in proptest::collection::vec(any_op(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(Model::run(ops));
    }
}
