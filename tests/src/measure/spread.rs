//! How measured times are spread: the percentiles that people ask for.

use std::{fmt, time::Duration};

/// Sorted measurements.
#[derive(Debug)]
pub struct Spread(Vec<Duration>);

impl Spread {
    /// Sorts them.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The smallest time that `percent` of all are not above (nearest rank).
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// How many were measured.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The share of them, in percent, that are at most `limit`.
    #[expect(clippy::cast_precision_loss, reason = "nobody measures 2^52 times")]
    pub fn percent_within(&self, limit: Duration) -> f64 {
        let within = self.0.partition_point(|time| *time <= limit);
        100.0 * within as f64 / self.0.len().max(1) as f64
    }

    /// The same in milliseconds.
    pub fn millis(&self, percent: usize) -> f64 {
        self.percentile(percent).as_secs_f64() * 1000.0
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "p50 {:.1} ms   p95 {:.1} ms   p99 {:.1} ms   ({} of them)",
            self.millis(50),
            self.millis(95),
            self.millis(99),
            self.0.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect());
        let percentiles = [50, 95, 99].map(|percent| spread.percentile(percent).as_millis());
        assert_eq!(percentiles, [100, 190, 198]);
        assert_eq!(Spread::of(Vec::new()).percentile(99), Duration::ZERO);
        assert!((spread.percent_within(Duration::from_millis(50)) - 25.0).abs() < 1e-9);
    }
}
