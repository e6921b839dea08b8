//! Which boxes are slow, by what this tracker saw when it fetched from them as a viewer, and by what viewers of three
//! networks say. Pure: time is an argument.
//!
//! Once says nothing. Who is slow, or not there, time after time is left out for a while, for longer each time;
//! how many are left out at a time is not decided here.

use std::collections::HashMap;

use wire::id::BoxId;

use crate::clock::SECOND;

/// So many looks one after another.
const LOOKS: u32 = 3;

/// A box is left out for this long, times how often it was before, up to the longest.
const STEP: u64 = 30 * SECOND;
const LONGEST: u64 = 300 * SECOND;

/// Who did well for this long after its return begins anew, and what was seen so long ago is forgotten.
const FORGIVEN: u64 = 600 * SECOND;

/// The most boxes that anything is remembered of.
const MAX_KNOWN: usize = 4096;

/// What was seen of boxes that were slow.
#[derive(Debug, Default)]
pub(super) struct Slowness(HashMap<BoxId, Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// How often it was slow, one look after another.
    slow: u32,
    times: u32,
    since: u64,
    until: u64,
    last: u64,
}

impl Slowness {
    /// The tracker had a look at a box, and it was slow, or it was not.
    pub(super) fn looked(&mut self, id: BoxId, was_slow: bool, now: u64) {
        if !was_slow {
            if let Some(seen) = self.0.get_mut(&id) {
                seen.slow = 0;
            }
            return;
        }
        if self.0.len() >= MAX_KNOWN && !self.0.contains_key(&id) {
            return;
        }
        let seen = self.0.entry(id).or_default();
        seen.last = now;
        if now < seen.until {
            return;
        }
        seen.slow += 1;
        if seen.slow >= LOOKS {
            seen.leave_out(now);
        }
    }

    /// Viewers of three networks failed at a box.
    pub(super) fn failed(&mut self, id: BoxId, now: u64) {
        if self.0.len() >= MAX_KNOWN && !self.0.contains_key(&id) {
            return;
        }
        let seen = self.0.entry(id).or_default();
        seen.last = now;
        if now >= seen.until {
            seen.leave_out(now);
        }
    }

    /// Since when, and until when, that box is slow, if it is.
    pub(super) fn of(&self, id: &BoxId, now: u64) -> Option<(u64, u64)> {
        let seen = self.0.get(id).filter(|seen| now < seen.until)?;
        Some((seen.since, seen.until))
    }

    /// Whether no box is known to be slow.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets what is too old to count.
    pub(super) fn forget(&mut self, now: u64) {
        self.0
            .retain(|_, seen| seen.until.max(seen.last).saturating_add(FORGIVEN) > now);
    }
}

impl Seen {
    fn leave_out(&mut self, now: u64) {
        if self.until.saturating_add(FORGIVEN) <= now {
            self.times = 0;
        }
        self.slow = 0;
        self.times = self.times.saturating_add(1);
        self.since = now;
        self.until = now + STEP.saturating_mul(self.times.into()).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, box_id};

    fn slow_at(slowness: &mut Slowness, times: u32, now: u64) {
        for _ in 0..times {
            slowness.looked(box_id(1), true, now);
        }
    }

    #[test]
    fn three_looks_on_end_are_needed_and_one_that_went_well_begins_anew() {
        let mut slowness = Slowness::default();
        slow_at(&mut slowness, 2, NOW);
        slowness.looked(box_id(1), false, NOW);
        slow_at(&mut slowness, 2, NOW);
        assert_eq!(slowness.of(&box_id(1), NOW), None);
        slow_at(&mut slowness, 1, NOW);
        assert_eq!(slowness.of(&box_id(1), NOW), Some((NOW, NOW + STEP)));
        assert_eq!(slowness.of(&box_id(1), NOW + STEP), None);
        assert_eq!(slowness.of(&box_id(2), NOW), None);
    }

    #[test]
    fn it_is_left_out_for_longer_each_time_and_then_all_is_forgiven() {
        let mut slowness = Slowness::default();
        let mut now = NOW;
        for seconds in [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300] {
            slow_at(&mut slowness, 5, now);
            assert_eq!(slowness.of(&box_id(1), now), Some((now, now + seconds * SECOND)));
            now += seconds * SECOND;
        }
        slow_at(&mut slowness, 3, now + FORGIVEN);
        let now = now + FORGIVEN;
        assert_eq!(slowness.of(&box_id(1), now), Some((now, now + STEP)));
        slowness.forget(now + STEP + FORGIVEN);
        assert!(slowness.is_empty());
    }

    #[test]
    fn the_word_of_viewers_leaves_a_box_out_as_three_looks_do() {
        let mut slowness = Slowness::default();
        slowness.failed(box_id(1), NOW);
        slowness.failed(box_id(1), NOW + 1);
        assert_eq!(slowness.of(&box_id(1), NOW + 1), Some((NOW, NOW + STEP)), "once");
        let again = NOW + STEP;
        slow_at(&mut slowness, 3, again);
        assert_eq!(slowness.of(&box_id(1), again), Some((again, again + 2 * STEP)));
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut slowness = Slowness::default();
        for n in 0..u16::MAX {
            slowness.looked(crate::select::candidate(n, 1).id, true, NOW);
        }
        assert_eq!(slowness.0.len(), MAX_KNOWN);
    }
}
