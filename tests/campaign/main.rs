//! The damage campaign. Each damage changes bits, pages, files or rows of a store or a NATS stream, at rest or under a
//! running gateway. The outcome is classified: the gateway must not serve wrong data, must report each acknowledged
//! event that is lost, and no read may hang.
//!
//! A damage depends only on the seed and its number, so that it can be repeated. `./scripts/campaign` runs the long
//! form.

#![allow(unreachable_pub, reason = "the modules are a part of this test only")]

mod callbacks;
mod check;
mod damage;
mod disk;
mod lists;
mod model;
mod nats;
mod outcome;
mod plan;
mod process;
mod random;
mod ranges;
mod reads;
mod rows;
mod stores;
mod trial;
mod watcher;

use std::{
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use gateway_testkit::{self as support, operator};
use nats::Streams;
use outcome::{Outcome, Table, Trouble};
use plan::{Kind, Plan};
use stores::Stores;

/// Number of damages without `CALLBACK_GATEWAY_TESTS_CAMPAIGN_COUNT`: the short form.
const SHORT: u64 = 60;
/// Seed without `CALLBACK_GATEWAY_TESTS_CAMPAIGN_SEED`.
const SEED: u64 = 1;
/// Damages in parallel.
const WORKERS: usize = 2;
/// Damages between two progress reports.
const PROGRESS: usize = 100;

fn variable(name: &str) -> Option<String> {
    env::var(format!("CALLBACK_GATEWAY_TESTS_CAMPAIGN_{name}")).ok()
}

fn number(name: &str) -> Option<u64> {
    variable(name).map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

/// Remaining damages, and the outcomes of the others.
struct Campaign {
    seed: u64,
    next: AtomicU64,
    end: u64,
    /// Runs only damages whose kind contains this text.
    kind: String,
    /// One damage is repeated. Its files are kept.
    is_only: bool,
    stores: Stores,
    streams: Streams,
    results: Mutex<Results>,
}

#[derive(Default)]
struct Results {
    table: Table,
    failures: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_damaged_nothing_wrong_is_served_and_nothing_is_lost_without_a_report() {
    let campaign = Arc::new(Campaign::from_environment());
    let begin = Instant::now();
    let workers: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(Arc::clone(&campaign).work())).collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let Results { table, failures } = std::mem::take(&mut *campaign.results.lock().unwrap());
    println!("{table}");
    println!("{} damages with seed {} in {:.0?}", table.total(), campaign.seed, begin.elapsed());
    assert!(
        failures.is_empty(),
        "{} damages failed; repeat one with ./scripts/campaign --only NUMBER {}:\n{}",
        failures.len(),
        campaign.seed,
        failures.join("\n")
    );
}

impl Campaign {
    fn from_environment() -> Self {
        let (only, count) = (number("ONLY"), number("COUNT"));
        let (first, end) = only.map_or((0, count.unwrap_or(SHORT)), |only| (only, only + 1));
        Self {
            seed: number("SEED").unwrap_or(SEED),
            next: AtomicU64::new(first),
            end,
            kind: variable("KIND").unwrap_or_default(),
            is_only: only.is_some(),
            stores: Stores::default(),
            streams: Streams::default(),
            results: Mutex::default(),
        }
    }

    /// Runs damages until none is left.
    async fn work(self: Arc<Self>) {
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= self.end {
                return;
            }
            let kind = Plan::of(self.seed, number).kind.to_string();
            if !kind.contains(&self.kind) {
                continue;
            }
            // A panic must fail this damage only.
            let (done, result) =
                tokio::spawn(Arc::clone(&self).damage(number)).await.unwrap_or_else(|error| {
                    let panicked = Trouble::broken(error.to_string());
                    (String::new(), Err(panicked))
                });
            let (outcome, why) = match result {
                Ok(outcome) => (outcome, String::new()),
                Err(Trouble::Failed(outcome, why)) => (outcome, why),
                Err(Trouble::Gone(why)) => (Outcome::Broken, why),
            };
            self.note(&kind, outcome, &format!("{number}: {kind}: {outcome} ({done}) {why}"));
        }
    }

    fn note(&self, kind: &str, outcome: Outcome, line: &str) {
        let Results { table, failures } = &mut *self.results.lock().unwrap();
        table.add(kind, outcome);
        if outcome.fails() || self.is_only || variable("VERBOSE").is_some() {
            println!("seed {}, damage {line}", self.seed);
        }
        if outcome.fails() {
            // The rest is the gateway's log.
            failures.extend(line.lines().next().map(str::to_owned));
        }
        if table.total() % PROGRESS == 0 {
            println!("{} damages, {} failed", table.total(), failures.len());
        }
    }

    /// Runs a damage. Returns its description and the outcome.
    async fn damage(self: Arc<Self>, number: u64) -> (String, Result<Outcome, Trouble>) {
        let Plan { kind, random } = Plan::of(self.seed, number);
        match kind {
            Kind::Disk { course, target, shape } => {
                let store = self.stores.get(shape).await;
                let dir = store.copy();
                let ended = disk::run(store, dir.path(), (course, target, shape), random).await;
                if self.is_only {
                    println!("the files are in {}", dir.keep().display());
                }
                ended
            }
            Kind::Stream(damage) => self.streams.run(damage, random).await,
        }
    }
}
