//! The policy by which a configurator retries transient failures.

use std::time::Duration;

use rehome_domain::ports::DriverError;

/// How often and how fast to try again. Permanent failures are never retried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all, at least 1.
    pub max_tries: u32,
    /// The wait after the first failed try.
    pub first: Duration,
    /// Each further wait is so many times as long.
    pub factor: f64,
    /// No wait is longer.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    /// Five tries within about three seconds: a session lost or a lock held for a moment heals, a device that is down
    /// does not, and its operators should hear of it.
    fn default() -> Self {
        Self {
            max_tries: 5,
            first: Duration::from_millis(200),
            factor: 2.0,
            longest: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after the given try (from 1) failed; none if that was the last, or trying again can't help.
    #[must_use]
    pub fn wait_after(&self, tried: u32, error: &DriverError) -> Option<Duration> {
        if !error.transient || tried >= self.max_tries {
            return None;
        }
        let exponent = i32::try_from(tried.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.powi(exponent);
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(self.longest).min(self.longest))
    }
}
