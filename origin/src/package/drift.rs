//! Drift: how a publisher's clocks go against the wall clock, and so against each other.
//!
//! A network only ever delays, so of all samples within a minute the one that came earliest for its time tells how the
//! clocks stand to each other. Where that moves, a clock is wrong, or a delay has come to stay.

use std::time::{Duration, Instant};

/// How long the least delayed sample is looked for, in seconds.
const WITHIN: usize = 60;

/// The clock of a track against the wall clock.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    /// When media time was 0, by the samples that the epoch began with.
    zero: Instant,
    /// The first second that was seen whole.
    first: u64,
    newest: u64,
    /// The least delay within each second, in microseconds, at its number modulo their count.
    least: [i64; WITHIN],
}

impl Drift {
    /// Of media that has come as far as `reached` at that time.
    pub(super) fn new(now: Instant, reached: Duration) -> Self {
        let zero = now.checked_sub(reached).unwrap_or(now);
        let newest = now.duration_since(zero).as_secs();
        Self {
            zero,
            first: newest + 1,
            newest,
            least: [i64::MAX; WITHIN],
        }
    }

    /// Takes note of a sample of that media time.
    pub(super) fn note(&mut self, arrived: Instant, time: Duration) {
        let elapsed = arrived.saturating_duration_since(self.zero);
        let second = elapsed.as_secs().max(self.newest);
        for passed in (self.newest + 1..=second).rev().take(WITHIN) {
            self.least[place(passed)] = i64::MAX;
        }
        self.newest = second;
        let delay = micros(elapsed).saturating_sub(micros(time));
        let least = &mut self.least[place(second)];
        *least = delay.min(*least);
    }

    /// How far media has fallen behind the wall clock since the beginning, in milliseconds; negative where it is ahead.
    /// Not known before a minute has passed.
    pub(super) fn behind_ms(&self) -> Option<i64> {
        let least = self.least.iter().copied().min()?;
        let known = self.newest >= self.first + WITHIN as u64 && least < i64::MAX;
        known.then_some(least / 1000)
    }
}

/// What is known of a publisher's clocks since its epoch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// How far media has fallen behind the wall clock, in milliseconds; negative where it is ahead. A delay that has stayed
    /// for a minute counts. Not known in the first minute.
    pub behind_wall_ms: Option<i64>,
    /// How far the clock of sound has fallen behind that of pictures, in milliseconds. Not known in the first minute, or
    /// without one of them.
    pub sound_behind_ms: Option<i64>,
}

/// The clocks of what leads an epoch, and of the sound that goes with it.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) leader: Drift,
    pub(super) sound: Drift,
    /// What sound was behind when both were first known.
    apart_at_first: Option<i64>,
}

impl Watch {
    /// Of an epoch that has come as far as `reached` at that time.
    pub(super) fn new(now: Instant, reached: Duration) -> Self {
        let zero = Drift::new(now, reached);
        Self {
            leader: zero.clone(),
            sound: zero,
            apart_at_first: None,
        }
    }

    /// How the clocks go, where sound has fallen so far behind its timestamps; none where there is no sound to compare.
    pub(super) fn compare(&mut self, counted_behind_ms: Option<i64>) -> Clocks {
        let behind_wall_ms = self.leader.behind_ms();
        let apart = behind_wall_ms
            .zip(self.sound.behind_ms())
            .map(|(leader, sound)| sound - leader);
        let at_first = apart.map(|apart| *self.apart_at_first.get_or_insert(apart));
        let stamped = apart.zip(at_first).map(|(apart, at_first)| apart - at_first);
        Clocks {
            behind_wall_ms,
            sound_behind_ms: stamped
                .zip(counted_behind_ms)
                .map(|(stamped, counted)| stamped + counted),
        }
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % WITHIN as u64).unwrap_or_default()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten samples a second, each delayed by so many milliseconds at its second.
    fn after(seconds: u64, delay: impl Fn(u64) -> u64) -> Drift {
        let start = Instant::now();
        let mut drift = Drift::new(start, Duration::ZERO);
        for time in (0..seconds * 1000).step_by(100) {
            let late = Duration::from_millis(delay(time / 1000));
            let time = Duration::from_millis(time);
            drift.note(start + time + late, time);
        }
        drift
    }

    #[test]
    fn nothing_is_known_in_the_first_minute() {
        assert_eq!(after(60, |_| 0).behind_ms(), None);
        assert_eq!(after(63, |_| 0).behind_ms(), Some(0));
    }

    #[test]
    fn a_network_that_hesitates_is_no_drift() {
        let hesitates = |second| if second % 50 == 7 { 0 } else { 3000 };
        assert_eq!(after(300, hesitates).behind_ms(), Some(0));
    }

    #[test]
    fn a_slow_clock_is_seen_and_so_is_a_delay_that_stays() {
        assert_eq!(after(1000, |second| second).behind_ms(), Some(999 - 59));
        assert_eq!(
            after(300, |second| if second < 200 { 0 } else { 2500 }).behind_ms(),
            Some(2500)
        );
    }

    #[test]
    fn a_fast_clock_is_ahead() {
        let start = Instant::now();
        let mut drift = Drift::new(start + Duration::from_secs(1), Duration::from_secs(1));
        for n in 1..4000_u64 {
            drift.note(
                start + Duration::from_millis(n * 100),
                Duration::from_millis(n * 101),
            );
        }
        assert_eq!(drift.behind_ms(), Some(-3999));
    }

    #[test]
    fn silence_forgets_and_time_that_stands_still_does_no_harm() {
        let mut drift = after(100, |_| 5);
        let later = drift.zero + Duration::from_secs(10_000);
        drift.note(later, Duration::from_secs(9_990));
        assert_eq!(drift.behind_ms(), Some(10_000));
        drift.note(drift.zero, Duration::ZERO);
        assert_eq!(drift.behind_ms(), Some(0));
    }
}
