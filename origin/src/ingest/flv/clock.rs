//! A publisher's clock, unwrapped.

use crate::media::Millis;

/// A publisher's clock.
///
/// RTMP's timestamps have 32 bits and begin again at 0 after 49.7 days. The step from one to the
/// next is taken the shorter way round, forwards or back.
#[derive(Debug, Default)]
pub(super) struct Clock(Option<(u32, Millis)>);

impl Clock {
    /// Where the first timestamp 0 would be: far enough from 0 that a step back stays a step back.
    const START: u64 = 1 << 32;

    pub(super) fn read(&mut self, wire: u32) -> Millis {
        let time = match self.0 {
            None => Self::START + u64::from(wire),
            Some((before, time)) => {
                let step = wire.wrapping_sub(before).cast_signed();
                time.0.saturating_add_signed(step.into())
            }
        };
        self.0 = Some((wire, Millis(time)));
        Millis(time)
    }
}

/// The timestamp of `time` as a tag carries it: its low 32 bits.
pub(super) fn timestamp(time: Millis) -> u32 {
    u32::try_from(time.0 & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_goes_on_where_32_bits_end() {
        let mut clock = Clock::default();
        let before = clock.read(u32::MAX - 9);
        let after = clock.read(30);
        assert_eq!(after.since(before), Duration::from_millis(40));

        // Sound that is a little behind, across the same border.
        assert_eq!(clock.read(u32::MAX), before + Duration::from_millis(9));
        assert_eq!(clock.read(40), after + Duration::from_millis(10));
    }

    #[test]
    fn the_clock_can_go_back_from_the_first_moment_on() {
        let mut clock = Clock::default();
        let zero = clock.read(0);
        assert_eq!(zero.since(clock.read(u32::MAX - 20)), Duration::from_millis(21));
    }

    #[test]
    fn a_time_is_written_as_the_timestamp_that_it_was_read_from() {
        let mut clock = Clock::default();
        for stamp in [u32::MAX, 0, 40, u32::MAX - 5] {
            assert_eq!(timestamp(clock.read(stamp)), stamp);
        }
    }
}
