//! What raises a warning, and lowers it again, without flickering.

use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Alarm {
    raised: bool,
    /// Since when what is heard is other than what is told.
    since: Option<Instant>,
}

impl Alarm {
    /// Hears whether something is wrong, and tells whether to warn: after it has been wrong for `rise`, until it has been
    /// right for `fall`.
    pub(super) fn hears(&mut self, wrong: bool, rise: Duration, fall: Duration, now: Instant) -> bool {
        if wrong == self.raised {
            self.since = None;
            return self.raised;
        }
        let since = *self.since.get_or_insert(now);
        let long = if wrong { rise } else { fall };
        if now.saturating_duration_since(since) >= long {
            self.raised = wrong;
            self.since = None;
        }
        self.raised
    }

    /// The same of a number: too much raises at once, less than half of it lowers after a while.
    pub(super) fn hears_number(
        &mut self,
        number: Option<i64>,
        most: u64,
        fall: Duration,
        now: Instant,
    ) -> bool {
        let number = number.map_or(0, i64::unsigned_abs);
        let most = if self.raised { most / 2 } else { most };
        self.hears(number > most, Duration::ZERO, fall, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_does_not_flicker() {
        let start = Instant::now();
        let mut alarm = Alarm::default();
        let mut hears = |second, wrong| {
            let (rise, fall) = (Duration::from_secs(3), Duration::from_secs(5));
            alarm.hears(wrong, rise, fall, start + Duration::from_secs(second))
        };
        assert!(
            (0..50).all(|second| !hears(second, second % 3 != 0)),
            "never for long"
        );
        assert!(!hears(50, false));
        assert!(!hears(51, true) && !hears(53, true) && hears(54, true));
        assert!(
            (55..90).all(|second| hears(second, second % 4 == 0)),
            "never well for long"
        );
        assert!(hears(90, true));
        assert!(hears(100, false) && hears(104, false) && !hears(105, false));
    }

    #[test]
    fn a_number_at_the_edge_does_not_flicker() {
        let start = Instant::now();
        let mut alarm = Alarm::default();
        let mut hears = |second, number| {
            let now = start + Duration::from_secs(second);
            alarm.hears_number(number, 100, Duration::from_secs(5), now)
        };
        assert!(!hears(0, Some(100)) && hears(1, Some(-101)));
        assert!((2..50).all(|second| hears(second, Some(51))));
        assert!(hears(50, None) && !hears(55, Some(50)));
    }
}
