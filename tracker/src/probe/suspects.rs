//! Whom others reported, and when each is to be looked at. Pure: time is an argument.
//!
//! Those who report a box have nothing more to do with it and will not report it again, and it may have had nothing yet
//! that could be looked at. So it stays under suspicion for a while, and is looked at now and then meanwhile.

use std::collections::HashMap;

use wire::id::BoxId;

use crate::clock::SECOND;

/// A box is suspected for so long after its latest report.
const SUSPECTED_FOR: u64 = 60 * SECOND;

/// One box is looked at no oftener than this.
const APART: u64 = 5 * SECOND;

/// Who is suspected at a time. Whom there is no room for is reported by others too, or will be again.
const MOST: usize = 128;

/// Boxes under suspicion.
#[derive(Debug, Default)]
pub(super) struct Suspects(HashMap<BoxId, Suspect>);

#[derive(Debug)]
struct Suspect {
    until: u64,
    look_at: u64,
}

impl Suspects {
    /// Somebody reports that box.
    pub(super) fn add(&mut self, id: BoxId, now: u64) {
        let until = now + SUSPECTED_FOR;
        if let Some(suspect) = self.0.get_mut(&id) {
            suspect.until = until;
        } else if self.0.len() < MOST {
            self.0.insert(id, Suspect { until, look_at: now });
        }
    }

    /// Who is to be looked at now, who has waited longest first; then that look counts as taken.
    pub(super) fn due(&mut self, now: u64) -> Option<BoxId> {
        self.0.retain(|_, suspect| now < suspect.until);
        let waiting = self.0.iter_mut().filter(|(_, suspect)| suspect.look_at <= now);
        let (id, suspect) = waiting.min_by_key(|(id, suspect)| (suspect.look_at, **id))?;
        suspect.look_at = now + APART;
        Some(*id)
    }

    /// That box was found out: there is nothing more to look at.
    pub(super) fn found_out(&mut self, id: BoxId) {
        self.0.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, box_id};

    #[test]
    fn a_suspect_is_looked_at_now_and_then_until_it_is_forgotten() {
        let mut suspects = Suspects::default();
        suspects.add(box_id(1), NOW);
        let looks: Vec<u64> = (0..2 * SUSPECTED_FOR / SECOND)
            .map(|second| NOW + second * SECOND)
            .filter(|now| suspects.due(*now).is_some())
            .collect();
        assert_eq!(looks.len() as u64, SUSPECTED_FOR / APART);
        assert!(looks.windows(2).all(|two| two[1] - two[0] == APART));
        assert!(suspects.0.is_empty());
    }

    #[test]
    fn another_report_prolongs_suspicion_and_hastens_nothing() {
        let mut suspects = Suspects::default();
        suspects.add(box_id(1), NOW);
        assert_eq!(suspects.due(NOW), Some(box_id(1)));
        suspects.add(box_id(1), NOW + 1);
        assert_eq!(suspects.due(NOW + 1), None);
        assert_eq!(suspects.due(NOW + SUSPECTED_FOR), Some(box_id(1)));
        assert_eq!(suspects.due(NOW + SUSPECTED_FOR + 1), None);
    }

    #[test]
    fn who_has_waited_longest_is_looked_at_first_and_who_was_found_out_no_more() {
        let mut suspects = Suspects::default();
        suspects.add(box_id(1), NOW + 1);
        suspects.add(box_id(2), NOW);
        assert_eq!(suspects.due(NOW + 1), Some(box_id(2)));
        suspects.found_out(box_id(1));
        assert_eq!(suspects.due(NOW + 1), None);
    }

    #[test]
    fn who_is_suspected_is_bounded() {
        let mut suspects = Suspects::default();
        for n in 0..=u8::MAX {
            suspects.add(box_id(n), NOW);
        }
        assert_eq!(suspects.0.len(), MOST);
    }
}
