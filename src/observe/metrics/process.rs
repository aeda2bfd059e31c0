//! Resources of the process, under the names that all Prometheus clients use. Linux only; elsewhere these
//! metrics are missing.

use prometheus::{Counter, Gauge, GaugeVec, Opts};

use super::Builder;

/// Resources of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Process {
    cpu_seconds: f64,
    resident_bytes: f64,
    virtual_bytes: f64,
    threads: f64,
    open_fds: f64,
    max_fds: Option<f64>,
}

impl Process {
    /// Reads the current values. `None` if the system does not provide them.
    pub fn read() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name in parentheses and may contain anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<f64> =
            fields.split_ascii_whitespace().skip(1).map(|field| field.parse().unwrap_or(0.0)).collect();
        // Numbers as in proc(5). The first field here is the fourth there.
        let field = |number: usize| fields.get(number - 4).copied();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / rustix::param::clock_ticks_per_second() as f64,
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * rustix::param::page_size() as f64,
            // Without the descriptor that reads the directory.
            open_fds: std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64,
            max_fds: limit.map(|limit| limit as f64),
        })
    }
}

#[derive(Debug)]
pub(super) struct Gauges {
    cpu: Counter,
    resident: Gauge,
    virtual_bytes: Gauge,
    threads: Gauge,
    open_fds: Gauge,
    max_fds: GaugeVec,
}

impl Gauges {
    pub(super) fn new(new: &mut Builder) -> Self {
        let mut gauge = |name: &str, help: &str| new.add("gauge", Gauge::with_opts(Opts::new(name, help)));
        Self {
            resident: gauge("process_resident_memory_bytes", "Resident memory of the process."),
            virtual_bytes: gauge("process_virtual_memory_bytes", "Virtual memory of the process."),
            threads: gauge("process_threads", "Threads of the process."),
            open_fds: gauge("process_open_fds", "Open file descriptors of the process."),
            max_fds: new.add(
                "gauge",
                GaugeVec::new(
                    Opts::new("process_max_fds", "Maximum open file descriptors of the process."),
                    &[],
                ),
            ),
            cpu: new.add(
                "counter",
                Counter::with_opts(Opts::new(
                    "process_cpu_seconds_total",
                    "CPU time of the process, user and system.",
                )),
            ),
        }
    }

    pub(super) fn set(&self, process: Option<&Process>) {
        let Some(process) = process else { return };
        self.cpu.inc_by((process.cpu_seconds - self.cpu.get()).max(0.0));
        self.resident.set(process.resident_bytes);
        self.virtual_bytes.set(process.virtual_bytes);
        self.threads.set(process.threads);
        self.open_fds.set(process.open_fds);
        self.max_fds.reset();
        if let Some(max) = process.max_fds {
            self.max_fds.with_label_values::<&str>(&[]).set(max);
        }
    }
}
