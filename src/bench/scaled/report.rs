//! What a bench over RabbitMQ and PostgreSQL reports.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    super::{load::Measured, measure::millis},
    Options,
};

/// A bench's figures. Speeds are only worth their ratios: all were measured in turns on the same machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Supervisors, each with connections of its own.
    pub supervisors: usize,
    /// Configurators likewise, each for both layers.
    pub configurators: usize,
    /// Relocations taken through the whole path; the relays took as many.
    pub relocations: u64,
    /// How many at once.
    pub in_flight: usize,
    /// Relocations that did not succeed; anything but 0 is a fault.
    pub unsuccessful: u64,
    /// The whole path's time, in seconds.
    pub seconds: f64,
    /// Relocations a second through the whole path.
    pub per_second: f64,
    /// The bare relay's time, in seconds.
    pub relay_seconds: f64,
    /// Relocations a second through the bare relay.
    pub relay_per_second: f64,
    /// The durable relay's time, in seconds.
    pub durable_seconds: f64,
    /// Relocations a second through the durable relay.
    pub durable_per_second: f64,
    /// The whole path as a share of the bare relay.
    pub ratio_of_relay: f64,
    /// The whole path as a share of the durable relay.
    pub ratio: f64,
    /// The same of the round in the middle: what counts on a machine that does other things beside.
    pub median_ratio: f64,
    /// The same, round by round: how far they lie apart says how much the machine did beside.
    pub ratios: Vec<f64>,
    /// From submission to completion, in milliseconds: the median.
    pub p50_ms: f64,
    /// The same: 99 of 100 are faster.
    pub p99_ms: f64,
    /// The process's peak memory while the whole path was measured, in MiB.
    pub peak_mib: f64,
    /// Transactions of the whole path.
    pub transactions: u64,
    /// Latencies with other numbers at once.
    pub latencies: Vec<Latency>,
}

/// How long a relocation takes with so many at once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// How many at once.
    pub in_flight: usize,
    /// How many were measured.
    pub relocations: u64,
    /// From submission to completion, in milliseconds: the median.
    pub p50_ms: f64,
    /// The same: 99 of 100 are faster.
    pub p99_ms: f64,
}

impl Latency {
    pub(super) fn of(in_flight: usize, load: &Measured) -> Self {
        Self {
            in_flight,
            relocations: load.latency.len(),
            p50_ms: millis(&load.latency, 0.5),
            p99_ms: millis(&load.latency, 0.99),
        }
    }
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            supervisors: options.supervisors,
            configurators: options.configurators,
            relocations: 0,
            in_flight: options.in_flight,
            unsuccessful: 0,
            seconds: 0.0,
            per_second: 0.0,
            relay_seconds: 0.0,
            relay_per_second: 0.0,
            durable_seconds: 0.0,
            durable_per_second: 0.0,
            ratio_of_relay: 0.0,
            ratio: 0.0,
            median_ratio: 0.0,
            ratios: Vec::new(),
            p50_ms: 0.0,
            p99_ms: 0.0,
            peak_mib: 0.0,
            transactions: 0,
            latencies: Vec::new(),
        }
    }

    /// Adds a round.
    pub(super) fn round(&mut self, count: u64, whole: &Measured, bare: Duration, durable: Duration) {
        self.relocations += count;
        self.unsuccessful += whole.unsuccessful;
        self.seconds += whole.seconds;
        self.relay_seconds += bare.as_secs_f64();
        self.durable_seconds += durable.as_secs_f64();
        self.ratios.push(durable.as_secs_f64() / whole.seconds);
    }

    /// Works out what the rounds come to.
    pub(super) fn sum_up(&mut self, latency: &Histogram<u64>) {
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let count = self.relocations as f64;
        self.per_second = count / self.seconds;
        self.relay_per_second = count / self.relay_seconds;
        self.durable_per_second = count / self.durable_seconds;
        self.ratio_of_relay = self.relay_seconds / self.seconds;
        self.ratio = self.durable_seconds / self.seconds;
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        self.median_ratio = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        self.p50_ms = millis(latency, 0.5);
        self.p99_ms = millis(latency, 0.99);
    }
}
