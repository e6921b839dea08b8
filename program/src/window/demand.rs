//! How much a channel is asked for: what decides whose media goes first when room is scarce.

use std::time::{Duration, SystemTime};

use super::elapsed;

/// In this time half of what was asked is forgotten.
const HALF_LIFE: Duration = Duration::from_secs(30);

/// How often viewers asked lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    level: f64,
    at: Option<SystemTime>,
}

impl Demand {
    /// A viewer asked.
    pub(super) fn asked(&mut self, now: SystemTime) {
        self.level = self.level(now) + 1.0;
        self.at = Some(now);
    }

    /// A rank among channels. Those that are asked for about as often, within a factor of two, are of one rank: there
    /// age decides, and a single request moves nothing.
    pub(super) fn rank(&self, now: SystemTime) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a logarithm of at least 1"
        )]
        let rank = (self.level(now) + 1.0).log2().floor() as u32;
        rank
    }

    fn level(&self, now: SystemTime) -> f64 {
        // For most of what passes, nobody ever asked here.
        self.at.map_or(0.0, |at| {
            let passed = elapsed(at, now);
            self.level * 0.5_f64.powf(passed.div_duration_f64(HALF_LIFE))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_for_more_ranks_higher_until_it_is_forgotten() {
        let now = SystemTime::UNIX_EPOCH;
        let (mut few, mut many) = (Demand::default(), Demand::default());
        assert_eq!(few.rank(now), 0);
        few.asked(now);
        (0..100).for_each(|_| many.asked(now));
        assert!(many.rank(now) > few.rank(now) && few.rank(now) > 0);
        assert_eq!(many.rank(now + 10 * HALF_LIFE), 0);
        assert!(many.rank(now - HALF_LIFE) > 0, "a clock that is set back");
    }
}
