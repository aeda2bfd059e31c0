//! CPU cost of a callback without network and disk: `cargo bench --bench callback`.
//!
//! On one thread, for the packets of `tests/fixtures`: checking the URL with and without a signature, and
//! converting the body to a record. The floors, in the same rounds, are serde_json checking the same bodies,
//! and building values from them. Then the checksum and the parsing of a stored record, compared with a copy
//! of its bytes.

use std::{
    collections::BTreeSet,
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use callback_gateway::testing::{
    callback::{
        Apps, Envelope,
        duplicates::{Duplicates, MAX_REMEMBERED},
        signature::Tokens,
    },
    event::StoredRecord,
};
use serde::de::IgnoredAny;

const APP_ID: u32 = 1_400_000_000;
const NOW: u64 = 1_669_872_112;
const ROUNDS: usize = 51;
/// Runs in a round. Their mean is one figure.
const RUNS: u32 = 200;

/// Microseconds per run, by round.
#[derive(Default)]
struct Figures(Vec<f64>);

impl Figures {
    fn time<T>(&mut self, mut run: impl FnMut() -> T) {
        let started = Instant::now();
        for _ in 0..RUNS {
            black_box(run());
        }
        self.0.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS));
    }

    fn median(&self) -> f64 {
        self.sorted()[ROUNDS / 2]
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    fn range(&self) -> String {
        let sorted = self.sorted();
        format!("{:>8.3}{:>8.3}{:>8.3}", sorted[0], sorted[ROUNDS / 2], sorted[ROUNDS - 1])
    }
}

type Of = fn(&Costs) -> &Figures;

#[derive(Default)]
struct Costs {
    unsigned: Figures,
    signed: Figures,
    record: Figures,
    check: Figures,
    value: Figures,
    checksum: Figures,
    parse: Figures,
    copy: Figures,
}

fn main() {
    // `cargo test --all-targets` runs benches, too, to check that they build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut packets: Vec<_> = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    packets.sort();

    let name = |name| format!("{name:<56}{:>6}", "");
    println!("microseconds (lowest, median and highest of {ROUNDS} rounds)");
    println!("{:<56}{:>6}{:>24}{:>9}{:>9}", "body to record", "bytes", "", "/ check", "/ value");
    let mut all = Vec::new();
    for path in &packets {
        let command = path.file_stem().unwrap().to_str().unwrap();
        let body = fs::read_to_string(path).unwrap();
        let costs = measure(command, &body);
        let record = costs.record.median();
        let (check, value) = (record / costs.check.median(), record / costs.value.median());
        println!("{command:<56}{:>6}{}{check:>9.1}{value:>9.1}", body.len(), costs.record.range());
        all.push(costs);
    }
    let mean = |of: Of| {
        let mut by_round = Figures(vec![0.0; ROUNDS]);
        for costs in &all {
            by_round
                .0
                .iter_mut()
                .zip(&of(costs).0)
                .for_each(|(mean, figure)| *mean += figure / all.len() as f64);
        }
        by_round
    };
    println!("\nmean of all commands");
    let rows: [(&str, Of); 8] = [
        ("body to record", |costs| &costs.record),
        ("floor: serde_json checks the body", |costs| &costs.check),
        ("floor: serde_json builds a value of it", |costs| &costs.value),
        ("URL, unsigned", |costs| &costs.unsigned),
        ("URL, signed", |costs| &costs.signed),
        ("stored record, checksum", |costs| &costs.checksum),
        ("stored record, parse, which compares the checksum", |costs| &costs.parse),
        ("floor: the record's bytes are copied", |costs| &costs.copy),
    ];
    for (row, of) in rows {
        println!("{}{}", name(row), mean(of).range());
    }
    let ratio = |a: Of, b: Of| mean(a).median() / mean(b).median();
    println!("body to record / check: {:.1}", ratio(|costs| &costs.record, |costs| &costs.check));
    println!("body to record / value: {:.1}", ratio(|costs| &costs.record, |costs| &costs.value));
    println!("URL, signed / unsigned: {:.1}", ratio(|costs| &costs.signed, |costs| &costs.unsigned));
    println!("checksum / body to record: {:.3}", ratio(|costs| &costs.checksum, |costs| &costs.record));
    println!("checksum / copy: {:.1}", ratio(|costs| &costs.checksum, |costs| &costs.copy));
    println!("parse / copy: {:.1}", ratio(|costs| &costs.parse, |costs| &costs.copy));

    println!("\nchecksum and copy of a record by its size, in microseconds");
    for bytes in [500, 1_000, 10_000, 100_000] {
        let record = vec![b'x'; bytes];
        let (mut checksum, mut copy) = (Figures::default(), Figures::default());
        for _ in 0..ROUNDS {
            checksum.time(|| crc32c::crc32c(black_box(&record)));
            copy.time(|| Bytes::copy_from_slice(black_box(&record)));
        }
        let (checksum, copy) = (checksum.median(), copy.median());
        println!("{bytes:>7} bytes: {checksum:>7.3} {copy:>7.3} {:>5.1}", checksum / copy);
    }
}

fn measure(command: &str, body: &str) -> Costs {
    let unsigned = Apps { ids: BTreeSet::from([APP_ID]), ..Apps::default() };
    let tokens = Tokens::parse(&format!("{APP_ID} xxxxyyyy")).unwrap();
    let sign = tokens.of(APP_ID)[0].sign(&NOW.to_string());
    let signed = Apps { tokens, window: Duration::from_secs(60), ..unsigned.clone() };
    let query = format!(
        "SdkAppid={APP_ID}&CallbackCommand={command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS\
         &Sign={sign}&RequestTime={NOW}"
    );
    let duplicates = Duplicates::new(Duration::from_secs(600), MAX_REMEMBERED);
    let envelope = Envelope::from_query(&query, &unsigned, NOW).unwrap();
    let record = envelope.into_record(body.as_bytes(), &duplicates).unwrap().record;
    let mut costs = Costs::default();
    for _ in 0..ROUNDS {
        costs.unsigned.time(|| Envelope::from_query(&query, &unsigned, NOW).unwrap());
        costs.signed.time(|| Envelope::from_query(&query, &signed, NOW).unwrap());
        let mut envelopes: Vec<_> =
            (0..RUNS).map(|_| Envelope::from_query(&query, &unsigned, NOW).unwrap()).collect();
        costs.record.time(|| envelopes.pop().unwrap().into_record(body.as_bytes(), &duplicates).unwrap());
        costs.check.time(|| serde_json::from_str::<IgnoredAny>(body).unwrap());
        costs.value.time(|| serde_json::from_str::<serde_json::Value>(body).unwrap());
        costs.checksum.time(|| crc32c::crc32c(black_box(record.bytes())));
        costs.parse.time(|| StoredRecord::parse(black_box(record.bytes()).clone()).unwrap());
        costs.copy.time(|| Bytes::copy_from_slice(black_box(record.bytes())));
    }
    costs
}
