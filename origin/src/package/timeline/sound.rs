//! The clock of sound: counted in samples, corrected by timestamps.

use std::time::Duration;

use super::{JITTER, signed};
use crate::media::Millis;

/// The clock of sound.
#[derive(Debug)]
pub(in super::super) struct AudioClock {
    zero: i64,
    sample_rate: u32,
    next: Option<u64>,
    /// How far the count was ahead of the last timestamp, in samples.
    ahead: i64,
    /// How far the count would be ahead by now if nothing had corrected it, in samples; what was lost, or came twice, is
    /// no part of it.
    drift: i64,
}

impl AudioClock {
    /// The clock of an epoch whose 0 is at `zero` milliseconds on the publisher's clock.
    pub(in super::super) fn new(zero: i64, sample_rate: u32) -> Self {
        Self {
            zero,
            sample_rate,
            next: None,
            ahead: 0,
            drift: 0,
        }
    }

    /// How far sound, by its samples, has fallen behind its timestamps, in milliseconds.
    pub(in super::super) fn behind_ms(&self) -> i64 {
        -self.drift * 1000 / i64::from(self.sample_rate)
    }

    /// When a frame of so many samples begins, in samples; none when it is before the epoch, or one too many.
    pub(super) fn place(&mut self, time: Millis, lasts: u32) -> Option<u64> {
        let stamped = samples(signed(time) - self.zero, self.sample_rate)?;
        let counted = self.next.unwrap_or(stamped);
        let jitter = as_signed(samples(as_ms(JITTER), self.sample_rate)?);
        let ahead = as_signed(counted) - as_signed(stamped);
        let change = ahead - self.ahead;
        if change.abs() <= jitter {
            self.drift += change;
        }
        self.ahead = ahead;
        let begins = if ahead < -jitter {
            self.ahead = 0;
            stamped // Sound is missing: the frame before lasts until here.
        } else if ahead > jitter {
            self.ahead -= i64::from(lasts);
            return None; // There was too much.
        } else {
            counted
        };
        self.next = Some(begins + u64::from(lasts));
        Some(begins)
    }
}

/// Milliseconds as samples; none when negative.
fn samples(ms: i64, sample_rate: u32) -> Option<u64> {
    let ms = u64::try_from(ms).ok()?;
    u64::try_from(u128::from(ms) * u128::from(sample_rate) / 1000).ok()
}

fn as_signed(samples: u64) -> i64 {
    i64::try_from(samples).unwrap_or(i64::MAX)
}

fn as_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_counted_and_rounding_is_not_heard() {
        let mut clock = AudioClock::new(500, 48_000);
        let stamps = [500, 521, 543, 564, 585];
        let times: Vec<_> = stamps
            .map(|stamp| clock.place(Millis(stamp), 1024).unwrap())
            .into();
        assert_eq!(times, [0, 1024, 2048, 3072, 4096]);
    }

    #[test]
    fn sound_keeps_its_place_when_it_drifts() {
        let mut clock = AudioClock::new(0, 48_000);
        assert_eq!(clock.place(Millis(0), 1024), Some(0));
        assert_eq!(
            clock.place(Millis(521), 1024),
            Some(521 * 48),
            "half a second was lost"
        );
        assert_eq!(clock.place(Millis(400), 1024), None, "as much came twice");
        assert_eq!(clock.place(Millis(543), 1024), Some(521 * 48 + 1024));
    }

    #[test]
    fn sound_whose_samples_are_too_few_falls_behind_and_sound_that_was_lost_does_not() {
        // One sample in a thousand is missing.
        let mut clock = AudioClock::new(0, 48_000);
        for frame in 0..4688 {
            clock.place(Millis(frame * 1024 * 1001 / 48_000), 1024);
        }
        let behind = clock.behind_ms();
        assert!((95..=105).contains(&behind), "{behind} ms");

        let mut clock = AudioClock::new(0, 48_000);
        for frame in (0..100_u64).chain(150..300).chain(280..400) {
            clock.place(Millis(frame * 1024 / 48), 1024);
        }
        assert!(clock.behind_ms().abs() <= 1, "{} ms", clock.behind_ms());
    }
}
