//! Boxes that were found without a tracker: on the same network, or through the table that boxes keep together. Pure.
//!
//! They are only candidates: nobody vouches for them, so they are dialled when trackers name too few, and given up
//! when they do not answer. Who they are is proved by the connection: a box's id follows from its key.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::behaviour::{MAX_ADDRESS_BYTES, address_in, box_of, relay_in};

/// Neighbours with which no more are looked for.
pub(super) const ENOUGH: usize = 8;

/// Candidates that are remembered.
const MAX_FOUND: usize = 64;

/// Those that are dialled at a time.
const AT_A_TIME: usize = 4;

/// Who did not answer so often is forgotten.
const MAX_FAILURES: u32 = 4;

const FIRST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Found {
    address: Multiaddr,
    is_dialled: bool,
    failures: u32,
    not_before: Option<Instant>,
}

/// The boxes that were found.
#[derive(Debug)]
pub(super) struct Candidates {
    me: PeerId,
    found: BTreeMap<PeerId, Found>,
}

impl Candidates {
    pub(super) fn new(me: PeerId) -> Self {
        let found = BTreeMap::new();
        Self { me, found }
    }

    /// Somebody says that a box is at an address. A direct way is kept rather than one through a relay.
    pub(super) fn add(&mut self, peer: PeerId, address: Multiaddr) {
        let is_direct = address_in(&address).is_some();
        let is_way = is_direct || relay_in(&address).is_some_and(|relay| relay != peer);
        let is_small = address.len() <= MAX_ADDRESS_BYTES;
        if peer == self.me || !is_way || !is_small || box_of(&peer).is_none() {
            return;
        }
        if let Some(known) = self.found.get_mut(&peer) {
            let is_better = is_direct || address_in(&known.address).is_none();
            if known.address != address && !known.is_dialled && is_better {
                known.address = address;
            }
        } else if self.found.len() < MAX_FOUND {
            let found = Found {
                address,
                is_dialled: false,
                failures: 0,
                not_before: None,
            };
            self.found.insert(peer, found);
        }
    }

    /// A box is connected, banned or gone: it is no candidate.
    pub(super) fn remove(&mut self, peer: PeerId) {
        self.found.remove(&peer);
    }

    /// A box could not be dialled.
    pub(super) fn unreachable(&mut self, now: Instant, peer: PeerId) {
        let Some(found) = self.found.get_mut(&peer) else {
            return;
        };
        found.is_dialled = false;
        found.failures += 1;
        found.not_before = Some(now + FIRST_PAUSE * 2_u32.pow(found.failures.min(5)));
        if found.failures >= MAX_FAILURES {
            self.found.remove(&peer);
        }
    }

    /// Whom to dial now, with so many neighbours connected.
    pub(super) fn dials(&mut self, now: Instant, neighbours: usize) -> Vec<(PeerId, Multiaddr)> {
        let room = self.room(neighbours);
        let is_due =
            |found: &Found| !found.is_dialled && found.not_before.is_none_or(|not_before| not_before <= now);
        let mut dials = Vec::new();
        for (peer, found) in self
            .found
            .iter_mut()
            .filter(|(_, found)| is_due(found))
            .take(room)
        {
            found.is_dialled = true;
            dials.push((*peer, found.address.clone()));
        }
        dials
    }

    /// When [`Candidates::dials`] is worth asking again although nothing happened.
    pub(super) fn wakes_at(&self, neighbours: usize) -> Option<Instant> {
        if self.room(neighbours) == 0 {
            return None;
        }
        let waiting = self.found.values().filter(|found| !found.is_dialled);
        waiting.filter_map(|found| found.not_before).min()
    }

    fn room(&self, neighbours: usize) -> usize {
        let dialled = self.found.values().filter(|found| found.is_dialled).count();
        ENOUGH
            .saturating_sub(neighbours)
            .min(AT_A_TIME)
            .saturating_sub(dialled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::behaviour::peer_of;
    use super::*;
    use crate::samples::secret;

    fn peer(number: u8) -> PeerId {
        peer_of(&secret(number).public()).unwrap()
    }

    fn address(number: u8) -> Multiaddr {
        format!("/ip4/192.0.2.{number}/tcp/8092").parse().unwrap()
    }

    fn found(numbers: std::ops::RangeInclusive<u8>) -> Candidates {
        let mut candidates = Candidates::new(peer(200));
        for number in numbers {
            candidates.add(peer(number), address(number));
        }
        candidates
    }

    #[test]
    fn candidates_are_dialled_a_few_at_a_time_while_neighbours_are_too_few() {
        let now = Instant::now();
        let mut candidates = found(1..=20);
        assert_eq!(candidates.dials(now, ENOUGH), []);
        let dialled = candidates.dials(now, ENOUGH - 2);
        assert_eq!(dialled.len(), 2);
        assert_eq!(candidates.dials(now, 0).len(), AT_A_TIME - 2);
        candidates.remove(dialled[0].0);
        assert_eq!(candidates.dials(now, 0).len(), 1);
    }

    #[test]
    fn who_does_not_answer_is_tried_later_and_then_forgotten() {
        let mut now = Instant::now();
        let mut candidates = found(1..=1);
        for _ in 0..MAX_FAILURES {
            assert_eq!(candidates.dials(now, 0).len(), 1);
            candidates.unreachable(now, peer(1));
            assert_eq!(candidates.dials(now, 0), []);
            now = candidates.wakes_at(0).unwrap_or(now);
        }
        assert!(candidates.found.is_empty());
    }

    #[test]
    fn only_boxes_at_addresses_are_candidates_and_not_many() {
        let relay = peer(99);
        let way = |relay: PeerId| -> Multiaddr {
            format!("/ip4/192.0.2.7/tcp/1/p2p/{relay}/p2p-circuit")
                .parse()
                .unwrap()
        };
        let mut candidates = found(200..=200);
        candidates.add(PeerId::random(), address(1));
        candidates.add(peer(1), "/dns4/a.example/tcp/1".parse().unwrap());
        candidates.add(relay, way(relay));
        assert!(candidates.found.is_empty());
        candidates.add(peer(1), way(relay));
        candidates.add(peer(1), address(1));
        candidates.add(peer(1), way(relay));
        assert_eq!(candidates.dials(Instant::now(), 0), [(peer(1), address(1))]);
        let many = found(1..=199);
        assert_eq!(many.found.len(), MAX_FOUND);
    }
}
