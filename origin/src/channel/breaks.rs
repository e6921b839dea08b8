//! How often a timeline may break.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often a publisher's timeline may break, and within what time: more is no accident.
pub(super) const MOST_BREAKS: usize = 12;
const BREAKS_WITHIN: Duration = Duration::from_mins(1);

/// The breaks of a publisher's timeline within the last minute.
#[derive(Debug, Default)]
pub(super) struct Breaks(VecDeque<Instant>);

impl Breaks {
    /// Notes one more `now`. Each begins an epoch, which every program has to hear of and every player to change to.
    pub(super) fn are_too_many(&mut self, now: Instant) -> bool {
        let old = |then: &Instant| now.duration_since(*then) >= BREAKS_WITHIN;
        while self.0.front().is_some_and(old) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() > MOST_BREAKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_that_breaks_now_and_then_is_borne_and_one_that_always_does_is_not() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);

        let mut breaks = Breaks::default();
        assert!((0..100).all(|n| !breaks.are_too_many(after(n * 6))));

        let mut breaks = Breaks::default();
        assert!((0..12).all(|n| !breaks.are_too_many(after(n))));
        assert!(breaks.are_too_many(after(12)));
        assert!(breaks.0.len() <= MOST_BREAKS + 1);
    }
}
