//! The upload budget: how fast this box may send, to viewers and neighbours together.
//!
//! A token bucket that may go into debt: what has been sent is counted afterwards, and while there is a debt
//! viewers are sent elsewhere. Neighbours are served a little longer, since each of them serves viewers too.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use program::media::Meter;

use crate::counts::Counts;

/// What may be sent at once after a pause, as time at the full rate: a viewer that begins fetches some
/// segments together.
const BURST: Duration = Duration::from_secs(4);

/// How much deeper the debt may be while neighbours are still served, as time at the full rate.
const NEIGHBOURS_FIRST: Duration = Duration::from_secs(1);

/// Over what time the rate of sending is measured, and how finely.
const MEASURED: Duration = Duration::from_secs(4);
const SAMPLE: Duration = Duration::from_millis(250);

/// An uplink from here on sends two chunks at a time.
const FAST_BITS_PER_SECOND: u64 = 50_000_000;

/// Why a text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no rate: a number and bit, kbit, mbit, gbit, kbyte or mbyte (a second) are, as in 20mbit or 2.5mbyte"
)]
pub struct BadRate(String);

/// A rate of sending, 64 kbit/s at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    bits_per_second: u64,
}

impl Rate {
    const LEAST: f64 = 64e3;
    const MOST: f64 = 1e12;

    /// In bits per second.
    pub fn bits_per_second(self) -> u64 {
        self.bits_per_second
    }

    /// How many chunks to send to neighbours at a time.
    pub(crate) fn upload_slots(self) -> usize {
        if self.bits_per_second < FAST_BITS_PER_SECOND {
            1
        } else {
            2
        }
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let bad = || BadRate(text.chars().take(32).collect());
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(bad)?;
        let (number, unit) = text.split_at(unit_at);
        let unit = match unit.to_ascii_lowercase().as_str() {
            "bit" => 1.0,
            "kbit" => 1e3,
            "mbit" => 1e6,
            "gbit" => 1e9,
            "kbyte" => 8e3,
            "mbyte" => 8e6,
            _ => return Err(bad()),
        };
        let number: f64 = number.trim_end().parse().map_err(|_| bad())?;
        let bits = (number * unit).round();
        if !(Self::LEAST..=Self::MOST).contains(&bits) {
            return Err(bad());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "its range was checked"
        )]
        let bits_per_second = bits as u64;
        Ok(Self { bits_per_second })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}bit", self.bits_per_second)
    }
}

/// The uplink that viewers and neighbours share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Uplink {
    rate: Rate,
    viewers: Meter,
    counts: Counts,
    bucket: Arc<Mutex<Bucket>>,
}

impl Uplink {
    /// An uplink on which nothing was sent yet.
    pub(crate) fn new(rate: Rate, viewers: Meter, counts: Counts, now: Instant) -> Self {
        Self {
            rate,
            viewers,
            counts,
            bucket: Arc::new(Mutex::new(Bucket::new(rate, now))),
        }
    }

    /// What it may send.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Whether a viewer may be served; if not, when there will be room again.
    pub(crate) fn room_for_viewers(&self, now: Instant) -> Result<(), Duration> {
        match self.with_bucket(now, Bucket::debt) {
            Duration::ZERO => Ok(()),
            debt => Err(debt),
        }
    }

    /// Whether a neighbour may be served.
    pub(crate) fn has_room_for_neighbours(&self, now: Instant) -> bool {
        self.with_bucket(now, Bucket::debt) < NEIGHBOURS_FIRST
    }

    /// What is sent now, in bits per second, measured over the last seconds.
    pub(crate) fn sending_bits_per_second(&self, now: Instant) -> u64 {
        self.with_bucket(now, Bucket::sending_bits_per_second)
    }

    fn with_bucket<T>(&self, now: Instant, ask: impl FnOnce(&Bucket) -> T) -> T {
        let sent = self.viewers.bytes() + self.counts.neighbour_bytes();
        // What is behind the lock is counts: true enough, whatever happened to who held it.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.account(now, sent);
        ask(&bucket)
    }
}

/// The bucket, pure.
#[derive(Debug)]
struct Bucket {
    bytes_per_second: f64,
    /// Bytes that may be sent; below zero, bytes that were sent too many.
    level: f64,
    at: Instant,
    /// All bytes sent at some moments of the last seconds, oldest first.
    samples: VecDeque<(Instant, u64)>,
    sent: u64,
}

impl Bucket {
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^52")]
    fn new(rate: Rate, now: Instant) -> Self {
        let bytes_per_second = rate.bits_per_second as f64 / 8.0;
        Self {
            bytes_per_second,
            level: bytes_per_second * BURST.as_secs_f64(),
            at: now,
            samples: VecDeque::from([(now, 0)]),
            sent: 0,
        }
    }

    /// Takes notice of all bytes sent so far.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the difference between two looks is small"
    )]
    fn account(&mut self, now: Instant, sent: u64) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let full = self.bytes_per_second * BURST.as_secs_f64();
        self.level = (self.level + passed * self.bytes_per_second).min(full);
        self.level -= sent.saturating_sub(self.sent) as f64;
        self.at = now;
        self.sent = self.sent.max(sent);
        let since = |at: &Instant| now.saturating_duration_since(*at);
        if self.samples.back().is_none_or(|(at, _)| since(at) >= SAMPLE) {
            self.samples.push_back((now, self.sent));
        }
        // The oldest sample that stays is the newest that is old enough to measure from.
        while self.samples.get(1).is_some_and(|(at, _)| since(at) >= MEASURED) {
            self.samples.pop_front();
        }
    }

    /// How long until what was sent too many is paid back.
    fn debt(&self) -> Duration {
        Duration::try_from_secs_f64(-self.level / self.bytes_per_second).unwrap_or_default()
    }

    fn sending_bits_per_second(&self) -> u64 {
        let Some((since, before)) = self.samples.front() else {
            return 0;
        };
        let millis = self.at.saturating_duration_since(*since).max(SAMPLE).as_millis();
        let bits = u128::from(self.sent - before) * 8;
        u64::try_from(bits * 1000 / millis).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: &str, now: Instant) -> Bucket {
        Bucket::new(rate.parse().unwrap(), now)
    }

    #[test]
    fn a_rate_has_a_unit() {
        let bits = |text: &str| text.parse::<Rate>().map(Rate::bits_per_second);
        assert_eq!(bits("20mbit"), Ok(20_000_000));
        assert_eq!(bits("500kbit"), Ok(500_000));
        assert_eq!(bits("1gbit"), Ok(1_000_000_000));
        assert_eq!(bits("2.5Mbyte"), Ok(20_000_000));
        assert_eq!(bits("100 kbyte"), Ok(800_000));
        for bad in [
            "20", "", "mbit", "20 mbits", "20MB", "-1mbit", "0mbit", "1bit", "nanmbit", "infgbit", "9e9gbit",
        ] {
            assert!(bits(bad).is_err(), "{bad}");
        }
        assert!("20".parse::<Rate>().unwrap_err().to_string().contains("mbit"));
    }

    #[test]
    fn what_was_sent_too_fast_is_paid_back_in_time() {
        let start = Instant::now();
        let mut bucket = bucket("8mbit", start);
        bucket.account(start, 4_000_000);
        assert_eq!(bucket.debt(), Duration::ZERO, "a burst is allowed");
        bucket.account(start, 6_000_000);
        assert_eq!(bucket.debt(), Duration::from_secs(2));
        bucket.account(start + Duration::from_secs(1), 6_000_000);
        assert_eq!(bucket.debt(), Duration::from_secs(1));
        bucket.account(start + Duration::from_mins(1), 6_000_000);
        bucket.account(start + Duration::from_mins(1), 11_000_000);
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
            bucket.account(start + SAMPLE * quarter, u64::from(quarter) * 250_000);
        }
        assert_eq!(bucket.sending_bits_per_second(), 8_000_000);
        bucket.account(start + Duration::from_secs(30), 10_000_000);
        bucket.account(start + Duration::from_secs(35), 10_000_000);
        assert_eq!(bucket.sending_bits_per_second(), 0);
    }

    #[test]
    fn neighbours_are_served_a_little_longer_than_viewers() {
        let now = Instant::now();
        let counts = Counts::default();
        let uplink = Uplink::new("8mbit".parse().unwrap(), Meter::default(), counts.clone(), now);
        assert_eq!(uplink.room_for_viewers(now), Ok(()));
        counts.sent_to_neighbour(4_500_000);
        assert_eq!(uplink.room_for_viewers(now), Err(Duration::from_millis(500)));
        assert!(uplink.has_room_for_neighbours(now));
        counts.sent_to_neighbour(1_000_000);
        assert!(!uplink.has_room_for_neighbours(now));
    }
}
