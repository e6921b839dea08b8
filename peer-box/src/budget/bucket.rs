//! The token bucket: how much may be sent now. Pure.
//!
//! It may go into debt: what has been sent is counted afterwards, and while there is a debt viewers are sent
//! elsewhere.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::rate::Rate;

/// What may be sent at once after a pause, as time at the full rate: a viewer that begins fetches some
/// segments together.
const BURST: Duration = Duration::from_secs(4);

/// Over what time the rate of sending is measured, and how finely.
const MEASURED: Duration = Duration::from_secs(4);
const SAMPLE: Duration = Duration::from_millis(250);

/// All bytes sent until a moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    sent: u64,
    to_viewers: u64,
}

/// What may be sent, and what was.
#[derive(Debug)]
pub(super) struct Bucket {
    bytes_per_second: f64,
    /// Bytes that may be sent; below zero, bytes that were sent too many.
    level: f64,
    at: Instant,
    /// All bytes sent at some moments of the last seconds, oldest first.
    samples: VecDeque<Sample>,
    sent: u64,
    to_viewers: u64,
}

impl Bucket {
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^52")]
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        let bytes_per_second = rate.bits_per_second() as f64 / 8.0;
        Self {
            bytes_per_second,
            level: bytes_per_second * BURST.as_secs_f64(),
            at: now,
            samples: VecDeque::from([Sample {
                at: now,
                sent: 0,
                to_viewers: 0,
            }]),
            sent: 0,
            to_viewers: 0,
        }
    }

    /// Takes notice of all bytes sent so far.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the difference between two looks is small"
    )]
    pub(super) fn account(&mut self, now: Instant, sent: u64, to_viewers: u64) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let full = self.bytes_per_second * BURST.as_secs_f64();
        self.level = (self.level + passed * self.bytes_per_second).min(full);
        self.level -= sent.saturating_sub(self.sent) as f64;
        self.at = now;
        self.sent = self.sent.max(sent);
        self.to_viewers = self.to_viewers.max(to_viewers);
        let since = |sample: &Sample| now.saturating_duration_since(sample.at);
        if self.samples.back().is_none_or(|sample| since(sample) >= SAMPLE) {
            self.samples.push_back(Sample {
                at: now,
                sent: self.sent,
                to_viewers: self.to_viewers,
            });
        }
        // The oldest sample that stays is the newest that is old enough to measure from.
        while self
            .samples
            .get(1)
            .is_some_and(|sample| since(sample) >= MEASURED)
        {
            self.samples.pop_front();
        }
    }

    /// How long until what was sent too many is paid back.
    pub(super) fn debt(&self) -> Duration {
        Duration::try_from_secs_f64(-self.level / self.bytes_per_second).unwrap_or_default()
    }

    /// What was sent in the last seconds, in bits per second.
    pub(super) fn sending_bits_per_second(&self) -> u64 {
        self.per_second(self.sent, |sample| sample.sent)
    }

    /// What of it went to viewers.
    pub(super) fn to_viewers_bits_per_second(&self) -> u64 {
        self.per_second(self.to_viewers, |sample| sample.to_viewers)
    }

    fn per_second(&self, now: u64, before: impl Fn(&Sample) -> u64) -> u64 {
        let Some(oldest) = self.samples.front() else {
            return 0;
        };
        let passed = self.at.saturating_duration_since(oldest.at);
        let bits = u128::from(now.saturating_sub(before(oldest))) * 8;
        u64::try_from(bits * 1000 / passed.max(SAMPLE).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: &str, now: Instant) -> Bucket {
        Bucket::new(rate.parse().unwrap(), now)
    }

    #[test]
    fn what_was_sent_too_fast_is_paid_back_in_time() {
        let start = Instant::now();
        let mut bucket = bucket("8mbit", start);
        bucket.account(start, 4_000_000, 0);
        assert_eq!(bucket.debt(), Duration::ZERO, "a burst is allowed");
        bucket.account(start, 6_000_000, 0);
        assert_eq!(bucket.debt(), Duration::from_secs(2));
        bucket.account(start + Duration::from_secs(1), 6_000_000, 0);
        assert_eq!(bucket.debt(), Duration::from_secs(1));
        bucket.account(start + Duration::from_mins(1), 6_000_000, 0);
        bucket.account(start + Duration::from_mins(1), 11_000_000, 0);
        assert_eq!(
            bucket.debt(),
            Duration::from_secs(1),
            "a pause does not save up more than a burst"
        );
    }

    #[test]
    fn the_rate_is_measured_over_the_last_seconds() {
        let start = Instant::now();
        let mut bucket = bucket("100mbit", start);
        for quarter in 1..=40 {
            bucket.account(start + SAMPLE * quarter, u64::from(quarter) * 250_000, 0);
        }
        assert_eq!(bucket.sending_bits_per_second(), 8_000_000);
        bucket.account(start + Duration::from_secs(30), 10_000_000, 0);
        bucket.account(start + Duration::from_secs(35), 10_000_000, 0);
        assert_eq!(bucket.sending_bits_per_second(), 0);
    }
}
