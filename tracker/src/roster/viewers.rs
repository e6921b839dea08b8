//! What viewers saw of boxes: how fast they were, and where they failed. Pure: time is an argument.
//!
//! A viewer costs nothing, so what one network says counts once, and nothing counts before three networks say it. Of how
//! fast a box is, that is what three of them saw at least; a failure is forgotten when its network was served again.

use std::collections::HashMap;
use std::net::IpAddr;

use wire::id::BoxId;

use crate::clock::SECOND;
use crate::reach::Network;

/// So many networks' word counts.
const NETWORKS: usize = 3;

/// Failures belong together when they come within this, in milliseconds.
const TOGETHER: u64 = 60 * SECOND;

/// How fast a box was counts for so long.
const FRESH: u64 = 600 * SECOND;

/// The most boxes that anything is remembered of, and the most networks for each.
const MAX_KNOWN: usize = 16_384;
const MAX_NETWORKS: usize = 16;

/// What a viewer tells of a box that it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was served, at so many bits per second.
    Served(u64),
    /// It was not.
    Failed,
}

/// What viewers told of boxes.
#[derive(Debug, Default)]
pub(super) struct Viewers(HashMap<BoxId, Vec<Word>>);

/// The last word of one network.
#[derive(Clone, Copy, Debug)]
struct Word {
    network: IpAddr,
    rate: u64,
    rated: u64,
    /// When it failed, unless it served since.
    failed: Option<u64>,
}

impl Word {
    fn is_fresh(&self, now: u64) -> bool {
        self.rated.max(self.failed.unwrap_or(0)).saturating_add(FRESH) > now
    }
}

impl Viewers {
    /// A viewer at `from` tells of a box. Whether three networks had failures of it by now, none of which was served since.
    pub(super) fn told(&mut self, id: BoxId, from: IpAddr, told: Told, now: u64) -> bool {
        if self.0.len() >= MAX_KNOWN && !self.0.contains_key(&id) {
            return false;
        }
        let words = self.0.entry(id).or_default();
        let network = Network::or_address(from);
        let before = words.iter().position(|word| word.network == network);
        let mut word = before.map_or(
            Word {
                network,
                rate: 0,
                rated: 0,
                failed: None,
            },
            |at| words.remove(at),
        );
        match told {
            Told::Served(rate) => (word.rate, word.rated, word.failed) = (rate, now, None),
            Told::Failed => word.failed = Some(now),
        }
        if words.len() >= MAX_NETWORKS {
            // The oldest word.
            words.remove(0);
        }
        words.push(word);
        let fresh = |word: &&Word| word.failed.is_some_and(|at| at.saturating_add(TOGETHER) > now);
        let is_out = words.iter().filter(fresh).count() >= NETWORKS;
        if is_out {
            for word in words {
                word.failed = None;
            }
        }
        is_out
    }

    /// What three networks saw of a box at least, in bits per second; 0 where fewer saw anything.
    pub(super) fn rate(&self, id: &BoxId, now: u64) -> u64 {
        let words = self.0.get(id).map_or(&[][..], |words| words);
        let fresh = words.iter().filter(|word| word.rated.saturating_add(FRESH) > now);
        let mut rates: Vec<u64> = fresh.map(|word| word.rate).collect();
        rates.sort_unstable_by(|one, other| other.cmp(one));
        rates.get(NETWORKS - 1).copied().unwrap_or(0)
    }

    /// Forgets what is too old to count.
    pub(super) fn forget(&mut self, now: u64) {
        self.0.retain(|_, words| {
            words.retain(|word| word.is_fresh(now));
            !words.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, box_id};

    fn at(n: u8) -> IpAddr {
        IpAddr::from([198, 51, n, 7])
    }

    #[test]
    fn how_fast_a_box_is_takes_three_networks_and_none_of_them_can_raise_it_alone() {
        let mut viewers = Viewers::default();
        for (n, rate) in [(1, 20), (1, 900), (2, 30)] {
            viewers.told(box_id(1), at(n), Told::Served(rate), NOW);
            assert_eq!(viewers.rate(&box_id(1), NOW), 0);
        }
        viewers.told(box_id(1), at(3), Told::Served(10), NOW);
        assert_eq!(
            viewers.rate(&box_id(1), NOW),
            10,
            "what each of three saw at least"
        );
        viewers.told(box_id(1), at(4), Told::Served(40), NOW + FRESH - 1);
        assert_eq!(viewers.rate(&box_id(1), NOW), 30);
        assert_eq!(viewers.rate(&box_id(1), NOW + FRESH), 0, "too long ago");
    }

    #[test]
    fn failures_in_three_networks_count_once_and_who_was_served_since_takes_it_back() {
        let mut viewers = Viewers::default();
        let mut told = |n, told, now| viewers.told(box_id(1), at(n), told, now);
        assert!(!told(1, Told::Failed, NOW));
        assert!(
            !told(1, Told::Failed, NOW),
            "one network, however often it says so"
        );
        assert!(!told(2, Told::Failed, NOW));
        assert!(!told(1, Told::Served(1), NOW));
        assert!(!told(3, Told::Failed, NOW), "the first was served since");
        assert!(told(1, Told::Failed, NOW + 1));
        assert!(!told(1, Told::Failed, NOW + 2), "it begins anew");
        assert!(!told(2, Told::Failed, NOW + 2));
        assert!(!told(3, Told::Failed, NOW + 2 + TOGETHER), "too far apart");
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut viewers = Viewers::default();
        for n in 0..u16::MAX {
            let id = crate::select::candidate(n, 1).id;
            viewers.told(id, at(1), Told::Failed, NOW);
        }
        assert_eq!(viewers.0.len(), MAX_KNOWN);
        let first = crate::select::candidate(0, 1).id;
        for n in 0..=u8::MAX {
            viewers.told(first, at(n), Told::Served(1), NOW);
        }
        assert_eq!(viewers.0[&first].len(), MAX_NETWORKS);
        viewers.forget(NOW + FRESH);
        assert!(viewers.0.is_empty());
    }
}
