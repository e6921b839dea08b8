//! How fast deliveries are: of one neighbour, and of all together.
//!
//! Measured from the ask to the last byte, so a wait for the holder's slot counts: who is fast and asked by
//! everybody is as slow as it seems.

use std::time::Duration;

/// How much the newest delivery counts.
const NEWEST: f64 = 0.25;

/// Before anything was delivered: a chunk of 4 Mbit/s in a quarter of a second, through 10 Mbit/s.
const USUAL_SECONDS_PER_BYTE: f64 = 0.8e-6;

/// Seconds for a byte of a large chunk, smoothed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace(Option<f64>);

impl Pace {
    pub(super) fn delivered(&mut self, bytes: usize, took: Duration) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        let newest = took.as_secs_f64() / f64::from(bytes);
        let before = self.0.unwrap_or(newest);
        self.0 = Some(before + NEWEST * (newest - before));
    }

    /// This pace, or the other as long as nothing is known.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    pub(super) fn is_slower_than(self, times: f64, other: Self) -> bool {
        self.0.is_some_and(|pace| pace > times * other.seconds_per_byte())
    }

    pub(super) fn seconds_per_byte(self) -> f64 {
        self.0.unwrap_or(USUAL_SECONDS_PER_BYTE)
    }

    /// How long so many bytes take.
    pub(super) fn time_for(self, bytes: u32) -> Duration {
        Duration::from_secs_f64(f64::from(bytes) * self.seconds_per_byte())
    }
}
