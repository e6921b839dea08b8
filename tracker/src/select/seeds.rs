//! Which boxes the origin pushes to.

use wire::id::BoxId;

use super::{Candidate, neighbours::mixed};

/// The seeds of a channel: the `current` ones while they are there and not silent, then those that are known to hand
/// on what they take, then those with the best uplinks as far as these were seen, from different networks where there are. Equals are told apart by `salt`, so
/// that channels do not all take the same boxes.
pub fn seeds(
    salt: u64,
    current: &[BoxId],
    candidates: &[Candidate],
    silent: &[BoxId],
    count: usize,
) -> Vec<BoxId> {
    let speaks = |candidate: &&Candidate| !silent.contains(&candidate.id);
    let mut ranked: Vec<&Candidate> = candidates.iter().filter(speaks).collect();
    if ranked.is_empty() {
        // One that was silent may have recovered, and somebody has to take the chunks.
        ranked = candidates.iter().collect();
    }
    let place = |candidate: &Candidate| {
        current
            .iter()
            .position(|id| *id == candidate.id)
            .unwrap_or(usize::MAX)
    };
    ranked.sort_by_cached_key(|candidate| {
        // Uplinks are compared in powers of two: a measured one is never quite the same.
        let uplink = std::cmp::Reverse(candidate.believed().ilog2());
        (
            place(candidate),
            !candidate.gives,
            uplink,
            mixed(salt, candidate.id, candidate.id),
        )
    });
    let mut chosen: Vec<&Candidate> = Vec::with_capacity(count);
    for apart in [true, false] {
        for candidate in &ranked {
            let is_new = chosen.iter().all(|other| other.id != candidate.id);
            let is_apart = candidate.network.is_none()
                || chosen.iter().all(|other| other.network != candidate.network)
                || current.contains(&candidate.id);
            if chosen.len() < count && is_new && (is_apart || !apart) {
                chosen.push(candidate);
            }
        }
    }
    chosen.into_iter().map(|candidate| candidate.id).collect()
}

#[cfg(test)]
mod tests {
    use super::super::candidate;
    use super::*;
    use crate::reach::Network;

    fn boxes(uplinks: &[u64]) -> Vec<Candidate> {
        (0..)
            .zip(uplinks)
            .map(|(n, mbit)| candidate(n, mbit * 1_000_000))
            .collect()
    }

    fn id(n: u16) -> BoxId {
        candidate(n, 1).id
    }

    #[test]
    fn seeds_are_the_boxes_with_the_best_uplinks() {
        let mut chosen = seeds(1, &[], &boxes(&[5, 100, 1, 50, 25, 2]), &[], 3);
        chosen.sort();
        assert_eq!(chosen, [id(1), id(3), id(4)]);
    }

    #[test]
    fn who_only_says_that_its_uplink_is_large_is_no_better_than_who_was_seen_to_have_some() {
        let mut candidates = boxes(&[1000, 1000, 50, 40, 30]);
        for boaster in &mut candidates[..2] {
            boaster.seen = 0;
        }
        let mut chosen = seeds(1, &[], &candidates, &[], 3);
        chosen.sort();
        assert_eq!(chosen, [id(2), id(3), id(4)]);
    }

    #[test]
    fn who_is_known_to_hand_on_comes_before_who_says_that_it_could() {
        let mut candidates = boxes(&[5, 100, 1, 50]);
        candidates[2].gives = true;
        assert_eq!(seeds(1, &[id(0)], &candidates, &[], 3), [id(0), id(2), id(1)]);
    }

    #[test]
    fn seeds_stay_while_they_are_healthy() {
        let current = [id(2), id(0), id(5)];
        assert_eq!(
            seeds(1, &current, &boxes(&[5, 100, 1, 50, 25, 2]), &[], 3),
            current
        );
    }

    #[test]
    fn a_silent_seed_is_replaced_and_the_others_stay() {
        let chosen = seeds(
            1,
            &[id(2), id(0), id(5)],
            &boxes(&[5, 100, 1, 50, 25, 2]),
            &[id(0)],
            3,
        );
        assert_eq!(chosen, [id(2), id(5), id(1)]);
    }

    #[test]
    fn a_seed_that_is_gone_is_replaced() {
        let chosen = seeds(1, &[id(9), id(0)], &boxes(&[5, 100]), &[], 2);
        assert_eq!(chosen, [id(0), id(1)]);
    }

    #[test]
    fn the_only_box_is_asked_again_even_if_it_was_silent() {
        assert_eq!(seeds(1, &[id(0)], &boxes(&[5]), &[id(0)], 3), [id(0)]);
        assert_eq!(seeds(1, &[], &[], &[id(0)], 3), []);
    }

    #[test]
    fn seeds_are_spread_over_networks() {
        let network = |third| Network::of(std::net::IpAddr::from([198, 51, third, 1]));
        let mut candidates = boxes(&[100, 100, 100, 10]);
        for (candidate, third) in candidates.iter_mut().zip([1, 1, 1, 2]) {
            candidate.network = network(third);
        }
        let chosen = seeds(1, &[], &candidates, &[], 2);
        assert!(chosen.contains(&id(3)), "{chosen:?}");
        assert_eq!(seeds(1, &[], &candidates, &[], 4).len(), 4);
    }
}
