//! The boxes that carry a channel, ready to be drawn from for a viewer.
//!
//! Two boxes are drawn by uplink and age, and the less loaded of them is taken, where load counts
//! what the box said and what this tracker has sent it since. Taking the least loaded of all by
//! reports that are seconds old sends every viewer to the same box.
//!
//! Boxes of one network are drawn no more often than [`shares`] allows, however many they are.
//!
//! A box that said that it has no room keeps the viewers that it has, and is drawn for nobody else.

use std::sync::atomic::Ordering;

use rand::{Rng, RngExt};
use wire::id::BoxId;

use super::{Candidate, shares};

/// How often a draw that does not fit is repeated before whatever is left is taken.
const DRAWS: usize = 8;

/// The candidates for a channel's viewers, with the sums that make a draw cheap.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    candidates: Vec<Candidate>,
    /// Their ids, close together: they are looked for with each manifest.
    ids: Vec<BoxId>,
    /// The weights of all candidates up to and with this one.
    sums: Vec<f64>,
}

impl Carriers {
    /// The carriers; sorted here, so that whom a seeded draw takes does not depend on who came first.
    pub fn new(mut candidates: Vec<Candidate>) -> Self {
        candidates.sort_by_key(|candidate| candidate.id);
        let sums = shares::weights(&candidates)
            .into_iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let ids = candidates.iter().map(|candidate| candidate.id).collect();
        Self {
            candidates,
            ids,
            sums,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// A viewer's boxes: those of `kept` that still carry the channel, in their order, and others
    /// up to `places`. The first box of a viewer that had none is counted as handed out.
    pub fn choose(
        &self,
        rng: &mut impl Rng,
        kept: &[BoxId],
        places: usize,
        bits_per_viewer: u64,
    ) -> Vec<BoxId> {
        let mut chosen: Vec<&Candidate> = Vec::with_capacity(places);
        for id in kept {
            let known = self.get(id).filter(|_| chosen.len() < places);
            chosen.extend(known.filter(|known| chosen.iter().all(|other| other.id != known.id)));
        }
        let newcomer = chosen.is_empty();
        while chosen.len() < places {
            let is_new = |drawn: &Candidate| chosen.iter().all(|other| other.id != drawn.id);
            let Some(next) = self.next(rng, &chosen, bits_per_viewer, is_new) else {
                break;
            };
            chosen.push(next);
        }
        if let Some(first) = chosen.first().filter(|_| newcomer) {
            first.handed.fetch_add(bits_per_viewer, Ordering::Relaxed);
        }
        chosen.into_iter().map(|candidate| candidate.id).collect()
    }

    /// A box for one request, among those that `fits` takes, counted as handed out what the request costs.
    pub fn choose_one(
        &self,
        rng: &mut impl Rng,
        bits_per_second: u64,
        fits: impl Fn(&BoxId) -> bool,
    ) -> Option<BoxId> {
        let next = self.next(rng, &[], bits_per_second, |drawn| fits(&drawn.id))?;
        next.handed.fetch_add(bits_per_second, Ordering::Relaxed);
        Some(next.id)
    }

    fn get(&self, id: &BoxId) -> Option<&Candidate> {
        self.candidates.get(self.ids.binary_search(id).ok()?)
    }

    /// The better of two draws. More of them would spread viewers no better, and leave a network more than its share.
    fn next(
        &self,
        rng: &mut impl Rng,
        chosen: &[&Candidate],
        bits_per_second: u64,
        fits: impl Fn(&Candidate) -> bool,
    ) -> Option<&Candidate> {
        let one = self.draw(rng, chosen, &fits)?;
        let other = self.draw(rng, chosen, &fits)?;
        Some(less_loaded(one, other, bits_per_second))
    }

    /// Draws a box that fits, from another network than the chosen ones if it can.
    fn draw(
        &self,
        rng: &mut impl Rng,
        chosen: &[&Candidate],
        fits: impl Fn(&Candidate) -> bool,
    ) -> Option<&Candidate> {
        let total = self.sums.last().copied()?;
        let fits = |candidate: &&Candidate| candidate.has_room() && fits(candidate);
        let is_apart = |candidate: &&Candidate| {
            candidate.network.is_none() || chosen.iter().all(|other| other.network != candidate.network)
        };
        for _ in 0..DRAWS {
            let at = rng.random::<f64>() * total;
            let at = self
                .sums
                .partition_point(|sum| *sum <= at)
                .min(self.candidates.len() - 1);
            if let Some(drawn) = self.candidates.get(at).filter(fits).filter(is_apart) {
                return Some(drawn);
            }
        }
        // Few are left, or one weighs more than all others together: take them in turn.
        let start = rng.random_range(0..self.candidates.len());
        let (behind, ahead) = self.candidates.split_at(start);
        let left: Vec<&Candidate> = ahead.iter().chain(behind).filter(fits).collect();
        left.iter()
            .copied()
            .find(is_apart)
            .or_else(|| left.first().copied())
    }
}

/// The one that would be less loaded with so much more.
fn less_loaded<'a>(one: &'a Candidate, other: &'a Candidate, more: u64) -> &'a Candidate {
    if one.load_with(more) <= other.load_with(more) {
        one
    } else {
        other
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::super::candidate;
    use super::*;
    use crate::reach::Network;

    const VIEWER: u64 = 4_000_000;

    #[test]
    fn a_viewer_gets_distinct_boxes_and_no_more_than_there_are() {
        let mut rng = StdRng::seed_from_u64(1);
        for (boxes, expected) in [(0, 0), (1, 1), (2, 2), (3, 3), (40, 3)] {
            let carriers = Carriers::new((0..boxes).map(|n| candidate(n, 1)).collect());
            let mut chosen = carriers.choose(&mut rng, &[], 3, VIEWER);
            assert_eq!(chosen.len(), expected);
            chosen.sort();
            chosen.dedup();
            assert_eq!(chosen.len(), expected, "distinct");
        }
    }

    #[test]
    fn a_viewer_keeps_its_boxes_in_order_and_gets_others_for_those_that_vanished() {
        let mut rng = StdRng::seed_from_u64(2);
        let carriers = Carriers::new((0..10).map(|n| candidate(n, 1)).collect());
        let (one, two, gone) = (candidate(7, 1).id, candidate(2, 1).id, candidate(99, 1).id);

        let same = carriers.choose(&mut rng, &[one, two, candidate(4, 1).id], 3, VIEWER);
        assert_eq!(same, [one, two, candidate(4, 1).id]);

        let mended = carriers.choose(&mut rng, &[gone, one, two, one], 3, VIEWER);
        assert_eq!(mended[..2], [one, two]);
        assert_eq!(mended.len(), 3);
        assert!(!mended[2..].iter().any(|id| [gone, one, two].contains(id)));
    }

    #[test]
    fn a_crowd_is_spread_by_uplink_between_two_reports() {
        let mut rng = StdRng::seed_from_u64(3);
        let uplinks = [5, 5, 10, 10, 20, 20, 40, 90];
        let candidates = (0..)
            .zip(uplinks)
            .map(|(n, mbit)| candidate(n, mbit * 1_000_000))
            .collect();
        let carriers = Carriers::new(candidates);
        // 70 % of what all boxes can send: 140 Mbit/s of 200.
        let mut handed: HashMap<BoxId, u64> = HashMap::new();
        for _ in 0..35 {
            *handed
                .entry(carriers.choose(&mut rng, &[], 3, VIEWER)[0])
                .or_default() += 1;
        }
        for candidate in &carriers.candidates {
            let viewers = handed.get(&candidate.id).copied().unwrap_or(0);
            // A viewer more or less is nothing to blame a small box for.
            assert!(
                viewers.saturating_sub(1) * VIEWER <= candidate.uplink,
                "{viewers} viewers on {} bit/s",
                candidate.uplink
            );
        }
    }

    #[test]
    fn a_busy_box_is_left_alone() {
        let mut rng = StdRng::seed_from_u64(4);
        let mut busy = candidate(0, 10_000_000);
        busy.sending = 20_000_000;
        let carriers = Carriers::new(vec![busy, candidate(1, 10_000_000), candidate(2, 10_000_000)]);
        let firsts: Vec<BoxId> = (0..20).map(|_| carriers.choose(&mut rng, &[], 1, 1)[0]).collect();
        let to_busy = firsts.iter().filter(|id| **id == candidate(0, 1).id).count();
        // Only when both draws fall on it.
        assert!(to_busy <= 6, "{to_busy} of 20");
    }

    #[test]
    fn a_box_that_has_only_just_come_gets_few_viewers() {
        let mut rng = StdRng::seed_from_u64(5);
        let mut fresh = candidate(0, 10_000_000);
        fresh.age = 0;
        let carriers = Carriers::new(vec![fresh, candidate(1, 10_000_000)]);
        let draws = (0..1000)
            .filter(|_| carriers.draw(&mut rng, &[], |_| true).unwrap().age == 0)
            .count();
        assert!(
            (40..180).contains(&draws),
            "{draws} of 1000 for a tenth of the weight"
        );
    }

    #[test]
    fn a_box_without_room_keeps_its_viewers_and_gets_no_others() {
        let mut rng = StdRng::seed_from_u64(8);
        let mut full = candidate(0, 1_000_000_000);
        full.room = 0;
        let carriers = Carriers::new(vec![full.clone(), candidate(1, 1), candidate(2, 1)]);
        for _ in 0..50 {
            let chosen = carriers.choose(&mut rng, &[], 3, VIEWER);
            assert_eq!(chosen.len(), 2, "{chosen:?}");
            assert!(!chosen.contains(&full.id));
            assert_ne!(carriers.choose_one(&mut rng, 1, |_| true), Some(full.id));
        }
        let kept = carriers.choose(&mut rng, &[full.id], 3, VIEWER);
        assert_eq!((kept[0], kept.len()), (full.id, 3));

        let alone = Carriers::new(vec![full]);
        assert!(alone.choose(&mut rng, &[], 3, VIEWER).is_empty());
        assert_eq!(alone.choose_one(&mut rng, 1, |_| true), None);
    }

    #[test]
    fn a_box_with_little_room_is_drawn_less_often() {
        let mut rng = StdRng::seed_from_u64(9);
        let mut tight = candidate(0, 10_000_000);
        tight.room = 1;
        let carriers = Carriers::new(vec![tight.clone(), candidate(1, 10_000_000)]);
        let to_tight = (0..1000)
            .filter(|_| carriers.draw(&mut rng, &[], |_| true).unwrap().id == tight.id)
            .count();
        assert!((140..260).contains(&to_tight), "{to_tight} of 1000 for a fifth");
    }

    #[test]
    fn boasting_draws_no_more_viewers_than_a_good_uplink() {
        let mut rng = StdRng::seed_from_u64(7);
        let good = |n| candidate(n, 1_000_000_000);
        let carriers = Carriers::new(vec![candidate(0, u64::MAX), good(1), good(2), good(3)]);
        let boaster = candidate(0, 1).id;
        let taken = (0..400)
            .filter(|_| carriers.choose(&mut rng, &[], 1, VIEWER)[0] == boaster)
            .count();
        assert!((60..140).contains(&taken), "{taken} of 400 for one of four");
    }

    #[test]
    fn boxes_of_one_viewer_are_in_different_networks_while_there_are_any() {
        let mut rng = StdRng::seed_from_u64(6);
        let network = |third: u8| Network::of(std::net::IpAddr::from([198, 51, third, 1]));
        let candidates: Vec<_> = (0..30)
            .map(|n| Candidate {
                network: network(u8::from(n == 29)),
                ..candidate(n, 1)
            })
            .collect();
        let carriers = Carriers::new(candidates);
        for _ in 0..20 {
            let chosen = carriers.choose(&mut rng, &[], 2, VIEWER);
            assert!(chosen.contains(&candidate(29, 1).id), "the one that is elsewhere");
        }
    }
}
