//! Every reader agrees with a simple list of the stored events, through appends, trims, disconnects,
//! restarts, crashes, damaged files, slow and fast readers, in any order.

mod damage;
mod list;
mod reader;

use std::{path::Path, time::Duration};

use crate::support::*;
use callback_gateway::config::Settings;
use callback_gateway::testing::event::Cursor;
use damage::{Damage, Lost, Survey, any_damage, crash_image};
use imcallback::{
    EventFilter, GetLogStatusRequest, GetLogStatusResponse, ListOrder,
    admin_service_client::AdminServiceClient,
};
use proptest::{prelude::*, sample::Index};
use reader::{Reader, StartAt};
use tempfile::TempDir;

const READERS: usize = 4;
const FILTERS: usize = 4;
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
    /// Reads this many events, if there are as many.
    Read {
        reader: usize,
        events: usize,
    },
    Disconnect {
        reader: usize,
    },
    List {
        filter: usize,
        order: ListOrder,
    },
    /// Restarts the gateway. Its files are damaged meanwhile.
    Restart(Vec<Damage>),
}

fn any_op() -> impl Strategy<Value = Op> {
    let start = prop_oneof![
        1 => Just(StartAt::Latest),
        1 => Just(StartAt::Earliest),
        3 => Just(StartAt::LastCursor),
        1 => any::<Index>().prop_map(StartAt::TimeOf),
    ];
    let order = prop_oneof![Just(ListOrder::OldestFirst), Just(ListOrder::NewestFirst)];
    prop_oneof![
        6 => (1..60_usize, 0..COMMANDS.len(), any::<bool>())
            .prop_map(|(count, command, large)| Op::Append { count, command, large }),
        5 => (0..READERS, start, 0..FILTERS, any::<bool>())
            .prop_map(|(reader, start, filter, skip)| Op::Open { reader, start, filter, skip }),
        6 => (0..READERS, 1..80_usize).prop_map(|(reader, events)| Op::Read { reader, events }),
        2 => (0..READERS).prop_map(|reader| Op::Disconnect { reader }),
        1 => (0..FILTERS, order).prop_map(|(filter, order)| Op::List { filter, order }),
        1 => Just(Op::Restart(Vec::new())),
        2 => prop::collection::vec(any_damage(), 1..4).prop_map(Op::Restart),
    ]
}

/// Event in the model. Its sequence is its position in the list, from 1.
struct Stored {
    command: &'static str,
    account: String,
    body: String,
}

/// Returns one of [`FILTERS`].
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

struct Model {
    dir: TempDir,
    gateway: Gateway,
    /// Set if the gateway accepts no more calls.
    is_draining: bool,
    events: Vec<Stored>,
    /// Events that are missing or changed in the files since the last start of the gateway.
    lost: Lost,
    readers: [Reader; READERS],
}

fn change(settings: &mut Settings) {
    // Small enough that readers read from the disk and that events are trimmed.
    settings.memory_bytes = 50_000;
    settings.retention_count = Some(40);
    settings.drain_delay = Duration::ZERO;
}

async fn start(dir: &Path) -> Gateway {
    Gateway::start_in_with(dir, change).await
}

fn oldest(status: &GetLogStatusResponse) -> u64 {
    sequence_of(&status.oldest_cursor) + 1
}

fn sequence_of(cursor: &str) -> u64 {
    cursor.parse::<Cursor>().unwrap().sequence.0
}

impl Model {
    async fn run(ops: Vec<Op>) {
        let dir = TempDir::new().unwrap();
        let gateway = start(dir.path()).await;
        let (events, lost, readers) = Default::default();
        let mut model = Self { dir, gateway, is_draining: false, events, lost, readers };
        for op in ops {
            match op {
                Op::Append { count, command, large } => model.append(count, command, large).await,
                Op::Open { reader, start, filter, skip } => model.open(reader, &start, filter, skip).await,
                Op::Read { reader, events } => model.read(reader, events).await,
                Op::Disconnect { reader } => model.readers[reader].stream = None,
                Op::List { filter, order } => model.list(filter, order).await,
                Op::Restart(damages) => model = model.restart(damages).await,
            }
        }
        // Finally every reader reads the remaining events.
        for reader in 0..READERS {
            model.read_all(reader).await;
        }
        model.until_lost_events_are_known().await;
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

    async fn restart(mut self, mut damages: Vec<Damage>) -> Self {
        // The write-ahead log is removed once the files are opened for another damage.
        damages.sort_by_key(|damage| !damage.is_crash());
        let image = damages.first().is_some_and(Damage::is_crash).then(|| crash_image(self.dir.path()));
        self.gateway.begin_shutdown();
        self.is_draining = true;
        for reader in 0..READERS {
            self.read_to_the_end(reader).await;
        }
        let Self { dir, gateway, events, readers, .. } = self;
        gateway.stop().await;
        let dir = image.unwrap_or(dir);
        let end = events.len() as u64;
        let mut survey = Survey::of(dir.path(), end);
        for damage in damages {
            let must_be_lost = damage.apply(dir.path(), &survey, end);
            survey = Survey::of(dir.path(), end);
            if let Some(mut must_be_lost) = must_be_lost {
                must_be_lost.retain(|sequence, _| *sequence >= survey.oldest);
                assert_eq!(survey.lost, must_be_lost, "{damage:?} costs what the model says");
            }
        }
        let gateway = start(dir.path()).await;
        Self { dir, gateway, is_draining: false, events, lost: survey.lost, readers }
    }

    async fn status(&self) -> GetLogStatusResponse {
        let address = format!("http://{}", self.gateway.addresses.grpc);
        let mut admin = soon(AdminServiceClient::connect(address)).await.unwrap();
        soon(admin.get_log_status(GetLogStatusRequest {})).await.unwrap().into_inner()
    }

    /// Returns the oldest sequence that is kept, or the one after the newest if none is.
    async fn oldest(&self) -> u64 {
        oldest(&self.status().await)
    }

    /// Waits until the gateway reports exactly the lost events to operators.
    async fn until_lost_events_are_known(&self) {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let (mut told, mut from) = (Vec::new(), 0);
        let known = async {
            loop {
                look.tick().await;
                let status = self.status().await;
                from = oldest(&status);
                let lost = self.lost.range(from..).map(|(sequence, reason)| (*sequence, *reason));
                told = status
                    .gaps
                    .iter()
                    .flat_map(|gap| {
                        let range = gap.first_missing_sequence..=gap.last_missing_sequence;
                        range.map(|sequence| (sequence, gap.reason()))
                    })
                    .collect();
                if told.iter().copied().eq(lost) && status.lost_events == told.len() as u64 {
                    return;
                }
            }
        };
        let known = tokio::time::timeout(HANG, known).await;
        assert!(known.is_ok(), "the gateway reports {told:?} as lost, not {:?} from {from} on", self.lost);
    }
}

/// Number of cases, unless `PROPTEST_CASES` sets another: about 10 seconds.
const CASES: u32 = 24;

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_reader_agrees_with_a_simple_list(ops in proptest::collection::vec(any_op(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(Model::run(ops));
    }
}
