//! Report of the measurements, as a table and as JSON.
//!
//! # The JSON
//!
//! `target/bench/NAME.json`, or `target/bench/short/NAME.json` in short mode. The name is `NAME-nats` with
//! `--log nats`, and `NAME-nats-3` with three servers:
//!
//! | Key | Content |
//! | --- | --- |
//! | `bench` | the benchmark's name |
//! | `machine` | `cores`, `cpu` (its model), `kernel` |
//! | `commit` | the measured commit, with the suffix `-dirty` if there were changes, or null without git |
//! | `rounds`, `seconds` | number of rounds, and time that each row was measured in each round |
//! | `figures` | the columns: `key`, `title`, `decimals` |
//! | `rows` | `name`; `connections`, `subscribers`: numbers or null; `figures`: by key, each `median`, `low`, `high`; `ratios`: by `KEY/FLOOR`, the same |
//! | `targets` | `text`, `value` (`median`, `low`, `high`), `bound`, `at_most` (otherwise at least), `met` |
//!
//! Each benchmark defines the figures of its rows. In all of them, `rate` is operations per second, `cpu` and
//! `nats` are the CPU time of the server and of the NATS servers per operation in microseconds, and `p50`,
//! `p99` and `p999` are latencies in milliseconds.
//!
//! A ratio is computed in each round, between rows that were measured one after the other. The result is the
//! median of all rounds.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Serialize;

use super::Options;

/// Column of the table.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figure {
    pub key: &'static str,
    pub title: &'static str,
    pub decimals: usize,
}

/// Columns that several benchmarks have.
pub const RATE: Figure = Figure { key: "rate", title: "a second", decimals: 0 };
pub const CPU: Figure = Figure { key: "cpu", title: "CPU us each", decimals: 2 };
pub const NATS: Figure = Figure { key: "nats", title: "NATS CPU us each", decimals: 2 };
pub const P50: Figure = Figure { key: "p50", title: "p50 ms", decimals: 2 };
pub const P99: Figure = Figure { key: "p99", title: "p99 ms", decimals: 2 };
pub const P999: Figure = Figure { key: "p999", title: "p99.9 ms", decimals: 2 };

/// Median and range over the rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        Some(Self { median: sorted[sorted.len() / 2], low, high })
    }

    fn show(&self, decimals: usize) -> String {
        let Self { median, low, high } = self;
        format!("{median:.decimals$} ({low:.decimals$}-{high:.decimals$})")
    }
}

/// Name of a row, and the load under which it was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub name: String,
    pub connections: Option<usize>,
    pub subscribers: Option<usize>,
}

/// Creates a row without connections and subscribers.
pub fn row(name: impl Into<String>) -> Row {
    Row { name: name.into(), connections: None, subscribers: None }
}

impl Row {
    pub fn connections(self, count: usize) -> Self {
        Self { connections: Some(count), ..self }
    }

    pub fn subscribers(self, count: usize) -> Self {
        Self { subscribers: Some(count), ..self }
    }

    fn show_count(count: Option<usize>) -> String {
        count.map_or_else(String::new, |count| count.to_string())
    }
}

#[derive(Debug)]
struct Samples {
    row: Row,
    /// Values by key of the figure, one for each round.
    figures: BTreeMap<&'static str, Vec<f64>>,
    /// Ratios by `KEY/FLOOR`, one for each round.
    ratios: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Serialize)]
struct Target {
    text: String,
    value: Spread,
    bound: f64,
    at_most: bool,
    met: bool,
}

/// Collector of the measurements.
#[derive(Debug)]
pub struct Report {
    bench: String,
    options: Options,
    figures: Vec<Figure>,
    rows: Vec<Samples>,
    targets: Vec<Target>,
}

impl Report {
    pub fn new(bench: &'static str, options: &Options, figures: &[Figure]) -> Self {
        let bench = match (options.is_nats(), options.nats_servers) {
            (false, _) => bench.to_owned(),
            (true, 1) => format!("{bench}-nats"),
            (true, servers) => format!("{bench}-nats-{servers}"),
        };
        let figures = figures.to_vec();
        Self { bench, options: options.clone(), figures, rows: Vec::new(), targets: Vec::new() }
    }

    /// Adds the values of a row in this round.
    pub fn add(&mut self, row: &Row, values: &[(Figure, f64)]) {
        let samples = match self.rows.iter_mut().position(|samples| samples.row == *row) {
            Some(at) => &mut self.rows[at],
            None => {
                let samples = Samples { row: row.clone(), figures: BTreeMap::new(), ratios: BTreeMap::new() };
                self.rows.push(samples);
                self.rows.last_mut().expect("a row was just pushed")
            }
        };
        for (figure, value) in values {
            samples.figures.entry(figure.key).or_default().push(*value);
        }
    }

    /// Returns the values of a row by round. Empty if it was not measured.
    pub fn values(&self, row: &Row, figure: Figure) -> &[f64] {
        let samples = self.rows.iter().find(|samples| samples.row == *row);
        samples.and_then(|samples| samples.figures.get(figure.key)).map_or(&[], Vec::as_slice)
    }

    /// Computes a row's ratio to a floor in each round.
    pub fn compare(&mut self, row: &Row, floor_name: &str, floor: &Row, figures: &[Figure]) {
        for figure in figures {
            let ratios: Vec<f64> = self
                .values(row, *figure)
                .iter()
                .zip(self.values(floor, *figure))
                .map(|(a, b)| a / b)
                .collect();
            let samples = self.rows.iter_mut().find(|samples| samples.row == *row);
            if let Some(samples) = samples.filter(|_| !ratios.is_empty()) {
                samples.ratios.insert(format!("{}/{floor_name}", figure.key), ratios);
            }
        }
    }

    /// Returns a row's ratio in each round.
    pub fn ratio(&self, row: &Row, key: &str) -> &[f64] {
        let samples = self.rows.iter().find(|samples| samples.row == *row);
        samples.and_then(|samples| samples.ratios.get(key)).map_or(&[], Vec::as_slice)
    }

    /// Adds a target: the median of the values must be at least, or at most, the bound. Ignored without
    /// values.
    pub fn target(&mut self, text: impl Into<String>, values: &[f64], at_most: bool, bound: f64) {
        let Some(value) = Spread::of(values.iter().copied()) else { return };
        let met = if at_most { value.median <= bound } else { value.median >= bound };
        self.targets.push(Target { text: text.into(), value, bound, at_most, met });
    }

    /// Adds a target for a row's ratio.
    pub fn ratio_target(&mut self, row: &Row, key: &str, at_most: bool, bound: f64) {
        let count =
            |what, count: Option<usize>| count.map_or(String::new(), |count| format!(", {count} {what}"));
        let text = format!(
            "{}{}{}: {}",
            row.name,
            count("connections", row.connections),
            count("subscribers", row.subscribers),
            key.replace('/', " of ").replace("cpu", "CPU")
        );
        let values = self.ratio(row, key).to_vec();
        self.target(text, &values, at_most, bound);
    }

    /// Prints the table and the targets, and writes the JSON.
    pub fn finish(self) {
        print!("{}", self.table());
        let path = self.path();
        fs::create_dir_all(path.parent().expect("the path has a directory")).unwrap();
        fs::write(&path, serde_json::to_string_pretty(&self.json()).unwrap() + "\n").unwrap();
        println!("\nwritten to {}", path.display());
    }

    fn ratio_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> =
            self.rows.iter().flat_map(|samples| samples.ratios.keys()).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn table(&self) -> String {
        let keys = self.ratio_keys();
        let mut lines = vec![vec![self.bench.clone(), "conns".to_owned(), "subs".to_owned()]];
        lines[0].extend(self.figures.iter().map(|figure| figure.title.to_owned()));
        lines[0].extend(keys.iter().map(|key| (*key).to_owned()));
        for samples in &self.rows {
            let row = &samples.row;
            let mut line =
                vec![row.name.clone(), Row::show_count(row.connections), Row::show_count(row.subscribers)];
            let cell = |values: Option<&Vec<f64>>, decimals| {
                let spread = values.and_then(|values| Spread::of(values.iter().copied()));
                spread.map_or_else(String::new, |spread| spread.show(decimals))
            };
            line.extend(
                self.figures.iter().map(|figure| cell(samples.figures.get(figure.key), figure.decimals)),
            );
            line.extend(keys.iter().map(|key| cell(samples.ratios.get(*key), 2)));
            lines.push(line);
        }
        let columns = lines[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or(0))
            .collect();
        let mut out = format!(
            "median (lowest-highest) of {} rounds of {:?} each, interleaved\n\n",
            self.options.rounds(),
            self.options.time()
        );
        for line in &lines {
            for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
                let written =
                    if column == 0 { write!(out, "{cell:<width$}") } else { write!(out, "  {cell:>width$}") };
                written.expect("writing to a string does not fail");
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        out.push('\n');
        for Target { text, value, bound, at_most, met } in &self.targets {
            let met = if *met { "met" } else { "MISSED" };
            let bound = format!("{} {bound}", if *at_most { "<=" } else { ">=" });
            out.push_str(&format!("{met:<7}{bound:<9}{:<25}{text}\n", value.show(2)));
        }
        out
    }

    fn json(&self) -> serde_json::Value {
        let spreads = |values: Vec<(String, &Vec<f64>)>| -> BTreeMap<String, Option<Spread>> {
            values.into_iter().map(|(key, values)| (key, Spread::of(values.iter().copied()))).collect()
        };
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|samples| {
                let figures =
                    samples.figures.iter().map(|(key, values)| ((*key).to_owned(), values)).collect();
                let ratios = samples.ratios.iter().map(|(key, values)| (key.clone(), values)).collect();
                serde_json::json!({
                    "name": samples.row.name,
                    "connections": samples.row.connections,
                    "subscribers": samples.row.subscribers,
                    "figures": spreads(figures),
                    "ratios": spreads(ratios),
                })
            })
            .collect();
        serde_json::json!({
            "bench": self.bench,
            "machine": machine(),
            "commit": commit(),
            "rounds": self.options.rounds(),
            "seconds": self.options.time().as_secs_f64(),
            "figures": self.figures,
            "rows": rows,
            "targets": self.targets,
        })
    }

    fn path(&self) -> PathBuf {
        // This program is in TARGET/release/deps.
        let program = std::env::current_exe().unwrap();
        let target = program.ancestors().nth(3).expect("the program is in a target directory");
        let dir = target.join(self.options.of("bench", "bench/short"));
        dir.join(&self.bench).with_extension("json")
    }
}

fn machine() -> serde_json::Value {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    serde_json::json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "cpu": model.map(|(_, model)| model),
        "kernel": kernel.trim(),
    })
}

fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--exclude=*"]);
    let output = git.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
