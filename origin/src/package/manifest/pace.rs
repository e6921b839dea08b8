//! How regular an epoch's segments are: whether a number alone tells where a segment is.
//!
//! Numbered addressing says that segment `n` begins at `(n - 1) × duration`. That holds for an encoder with a fixed
//! keyframe interval, if the duration is the exact one: RTMP counts in milliseconds, and a millisecond a segment would be half a
//! segment after half an hour. So the interval is told in frames where the stream says how many there are in a second.

use std::time::Duration;

use super::super::description::Ratio;

/// MPEG's own timescale, in which most intervals are whole.
const USUAL_TIMESCALE: u64 = 90_000;
/// What a publisher's clock of milliseconds may be off, at both ends of a segment.
const ROUNDING: Duration = Duration::from_millis(2);

/// The distance from one segment to the next: `duration / timescale` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) timescale: u32,
    pub(super) duration: u64,
}

impl Pace {
    /// The pace of a stream whose first segment lasts so long.
    pub(super) fn of(duration: u64, timescale: u32, frame_rate: Option<Ratio>) -> Option<Self> {
        let measured = Self { timescale, duration };
        let pace = frame_rate
            .and_then(|rate| measured.in_frames(rate))
            .unwrap_or(measured);
        (pace.duration > 0 && pace.timescale > 0).then_some(pace)
    }

    /// The same, as a whole number of frames; none where that is another pace.
    fn in_frames(self, rate: Ratio) -> Option<Self> {
        let (per, seconds) = (u64::from(rate.numerator()), u64::from(rate.denominator()));
        let unit = u64::from(self.timescale).checked_mul(seconds)?;
        let frames = (self.duration.checked_mul(per)?.checked_add(unit / 2)?).checked_div(unit)?;
        let ticks = frames.checked_mul(seconds)?;
        let (timescale, duration) = match ticks.checked_mul(USUAL_TIMESCALE)? {
            usual if usual % per == 0 => (USUAL_TIMESCALE, usual / per),
            _ => {
                let finer = 1000_u64.div_ceil(per);
                (per.checked_mul(finer)?, ticks.checked_mul(finer)?)
            }
        };
        let exact = Self {
            timescale: u32::try_from(timescale).ok()?,
            duration,
        };
        (exact.duration().abs_diff(self.duration()) <= ROUNDING).then_some(exact)
    }

    pub(super) fn duration(self) -> Duration {
        let nanos = u128::from(self.duration) * 1_000_000_000 / u128::from(self.timescale.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Where the segment of that number begins.
    pub(super) fn start(self, number: u32) -> Duration {
        let before = u128::from(number.saturating_sub(1));
        let nanos = before * u128::from(self.duration) * 1_000_000_000 / u128::from(self.timescale.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Whether a segment of that number may begin there: within a quarter of a segment.
    pub(super) fn allows(self, number: u32, start: Duration) -> bool {
        self.start(number).abs_diff(start) <= self.duration() / 4
    }

    /// A duration in its timescale, rounded up.
    pub(super) fn ticks(self, duration: Duration) -> u64 {
        let ticks = (duration.as_nanos() * u128::from(self.timescale)).div_ceil(1_000_000_000);
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(milliseconds: u64, frame_rate: (u32, u32)) -> Pace {
        Pace::of(milliseconds * 90, 90_000, Ratio::new(frame_rate.0, frame_rate.1)).unwrap()
    }

    #[test]
    fn an_interval_of_frames_is_told_exactly() {
        for (milliseconds, frame_rate, timescale, duration) in [
            (2000, (25, 1), 90_000, 180_000),
            (2002, (30_000, 1001), 90_000, 180_180),
            (1668, (30_000, 1001), 90_000, 150_150),
            (2002, (24_000, 1001), 90_000, 180_180),
            (2044, (24_000, 1001), 24_000, 49_049),
            (1017, (60, 1), 90_000, 91_500),
            (2143, (7, 1), 1001, 2145),
        ] {
            let pace = pace(milliseconds, frame_rate);
            assert_eq!(
                (pace.timescale, pace.duration),
                (timescale, duration),
                "{milliseconds}"
            );
        }
    }

    #[test]
    fn a_frame_rate_that_does_not_fit_is_not_believed() {
        let measured = Pace {
            timescale: 90_000,
            duration: 2015 * 90,
        };
        assert_eq!(pace(2015, (25, 1)), measured);
        assert_eq!(Pace::of(2015 * 90, 90_000, None), Some(measured));
        assert_eq!(Pace::of(0, 90_000, None), None);
    }

    #[test]
    fn an_hour_at_an_odd_rate_does_not_drift() {
        let pace = pace(1668, (30_000, 1001));
        for number in 1..=2159_u32 {
            let frames = u64::from(number - 1) * 50;
            let stamped = Duration::from_millis((frames * 1_001_000 + 15_000) / 30_000);
            assert!(
                pace.start(number).abs_diff(stamped) <= Duration::from_millis(1),
                "{number}"
            );
            assert!(pace.allows(number, stamped));
        }
    }

    #[test]
    fn a_quarter_of_a_segment_is_allowed() {
        let pace = pace(2000, (25, 1));
        assert!(pace.allows(11, Duration::from_millis(20_500)));
        assert!(pace.allows(11, Duration::from_millis(19_500)));
        assert!(!pace.allows(11, Duration::from_millis(20_501)));
        assert_eq!(pace.ticks(Duration::from_millis(290)), 26_100);
    }
}
