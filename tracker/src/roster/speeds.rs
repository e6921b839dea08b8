//! How fast boxes were when this tracker fetched from them as a viewer. Pure: time is an argument.

use std::collections::HashMap;

use wire::id::BoxId;

use crate::clock::SECOND;

/// What was seen counts for so long, in milliseconds.
const FRESH: u64 = 1800 * SECOND;

/// The most boxes that anything is remembered of.
const MAX_KNOWN: usize = 16_384;

/// So many looks at each box are remembered: the best of them counts, since one may have come at a bad moment.
const LOOKS: usize = 3;

/// The last looks at each box, and when the newest was. Whoever gets too many viewers is slower at the next.
#[derive(Debug, Default)]
pub(super) struct Speeds(HashMap<BoxId, ([u64; LOOKS], u64)>);

impl Speeds {
    /// A look brought so many bits per second.
    pub(super) fn saw(&mut self, id: BoxId, rate: u64, now: u64) {
        if self.0.len() >= MAX_KNOWN && !self.0.contains_key(&id) {
            return;
        }
        let (rates, at) = self.0.entry(id).or_default();
        rates.rotate_right(1);
        rates[0] = rate;
        *at = now;
    }

    /// The rate that was seen; 0 if none was.
    pub(super) fn of(&self, id: &BoxId, now: u64) -> u64 {
        let fresh = self.0.get(id).filter(|(_, at)| at.saturating_add(FRESH) > now);
        fresh
            .and_then(|(rates, _)| rates.iter().max().copied())
            .unwrap_or(0)
    }

    /// Forgets what is too old to count.
    pub(super) fn forget(&mut self, now: u64) {
        self.0.retain(|_, (_, at)| at.saturating_add(FRESH) > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, box_id};

    #[test]
    fn the_best_of_the_last_looks_counts_until_they_are_old() {
        let mut speeds = Speeds::default();
        for (rate, best) in [(5, 5), (9, 9), (7, 9), (6, 9), (4, 7)] {
            speeds.saw(box_id(1), rate, NOW);
            assert_eq!(
                (speeds.of(&box_id(1), NOW), speeds.of(&box_id(2), NOW)),
                (best, 0)
            );
        }
        assert_eq!(speeds.of(&box_id(1), NOW + FRESH), 0);
        speeds.forget(NOW + FRESH);
        assert!(speeds.0.is_empty());
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut speeds = Speeds::default();
        for n in 0..u16::MAX {
            speeds.saw(crate::select::candidate(n, 1).id, 1, NOW);
        }
        assert_eq!(speeds.0.len(), MAX_KNOWN);
    }
}
