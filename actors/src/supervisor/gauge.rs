//! What others see of a supervisor at work, and its brake.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::metrics;

/// What others see of a supervisor at work, and its brake.
#[derive(Debug, Default)]
pub struct Gauge {
    in_flight: AtomicUsize,
    draining: AtomicBool,
}

impl Gauge {
    /// Relocations with orders out, as this supervisor knows.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(super) fn count(&self, flying: usize) {
        self.in_flight.store(flying, Ordering::Release);
        metrics::in_flight(flying);
    }

    /// From now on no new work is begun; what is in hand goes on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether no new work is begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
