//! What a bench reports.

use std::io;

use hdrhistogram::Histogram;
use rehome_store::Stats;
use serde::Serialize;

use super::{Options, bare::Written, load::Measured};

/// A bench's figures. Speeds are only worth their ratio: both halves ran on the same machine in the same run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Relocations taken through the whole path.
    pub relocations: u64,
    /// How many at once.
    pub in_flight: usize,
    /// `normal`: every commit survives a kill of the process; `full`: a power cut too.
    pub sync: &'static str,
    /// Relocations that did not succeed; anything but 0 is a fault.
    pub unsuccessful: u64,
    /// The load's time, in seconds.
    pub seconds: f64,
    /// Relocations a second through the whole path.
    pub per_second: f64,
    /// The bare limit's time for the same rows, in seconds.
    pub bare_seconds: f64,
    /// Relocations a second at the bare limit.
    pub bare_per_second: f64,
    /// The whole path as a share of the bare limit.
    pub ratio: f64,
    /// From submission to completion, in milliseconds: the median.
    pub p50_ms: f64,
    /// The same: 99 of 100 are faster.
    pub p99_ms: f64,
    /// The process's peak memory when the load ended, in MiB.
    pub peak_mib: f64,
    /// Transactions written by the load.
    pub transactions: u64,
    /// Rows written by the load.
    pub rows: u64,
    /// Rows written at the bare limit: the same, or the comparison is not one.
    pub bare_rows: u64,
}

impl Report {
    pub(super) fn new(
        options: &Options,
        load: &Measured,
        peak_mib: f64,
        done: &Stats,
        bare: &Written,
    ) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let count = options.count as f64;
        let ms = |quantile| millis(&load.latency, quantile);
        Self {
            relocations: options.count,
            in_flight: options.in_flight,
            sync: if options.full_sync { "full" } else { "normal" },
            unsuccessful: load.unsuccessful,
            seconds: load.seconds,
            per_second: count / load.seconds,
            bare_seconds: bare.seconds,
            bare_per_second: count / bare.seconds,
            ratio: bare.seconds / load.seconds,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            peak_mib,
            transactions: done.transactions,
            rows: done.rows,
            bare_rows: bare.rows,
        }
    }
}

/// A latency of microseconds, in milliseconds.
pub(super) fn millis(latency: &Histogram<u64>, quantile: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds far below 2^52")]
    let micros = latency.value_at_quantile(quantile) as f64;
    micros / 1000.0
}

/// What was done between two looks.
pub(super) fn since(before: &Stats, after: &Stats) -> Stats {
    Stats {
        transactions: after.transactions - before.transactions,
        requests: after.requests - before.requests,
        rows: after.rows - before.rows,
        shapes: after.shapes.get(before.shapes.len()..).unwrap_or_default().to_vec(),
    }
}

/// The most memory this process has had resident, in MiB.
pub(super) fn peak_memory() -> io::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| io::Error::other("/proc/self/status has no VmHWM"))
}

/// From now on the peak is that of what comes, where the system can be told so; elsewhere it stays the process's.
pub(super) fn forget_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// How long the machine's processors were busy, and how long they were there, in the system's ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Busy {
    busy: u64,
    all: u64,
}

impl Busy {
    /// The share of the time since then that they were busy.
    pub(super) fn since(self, before: Self) -> f64 {
        let (busy, all) = (self.busy.saturating_sub(before.busy), self.all.saturating_sub(before.all));
        #[expect(clippy::cast_precision_loss, reason = "ticks far below 2^52")]
        let share = busy as f64 / all.max(1) as f64;
        share
    }
}

/// A look at the machine's processors.
pub(super) fn busy() -> io::Result<Busy> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "));
    let ticks: Vec<u64> =
        line.unwrap_or_default().split_whitespace().filter_map(|ticks| ticks.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what guests have is in user already.
    let all: u64 = ticks.iter().take(8).sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Ok(Busy { busy: all - idle, all })
}
