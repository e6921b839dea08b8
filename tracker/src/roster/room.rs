//! Room for boxes: how many a tracker keeps, and how many of them may come from one place. Pure.
//!
//! Everybody who is remembered counts, also who said goodbye or fell silent: what is kept of them
//! takes memory all the same, and coming and going would be a way round every limit.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;

use wire::id::BoxId;

use crate::reach::{Network, is_exempt, line};

/// The most boxes that a tracker keeps.
const MOST: usize = 10_000;

/// The most boxes on one subscriber's line.
const MOST_ON_A_LINE: usize = 2;

/// The boxes of one network are at most such a part of all others, but so many may always be there, and more never.
const PART_OF_OTHERS: usize = 16;
const ALWAYS_IN_A_NETWORK: usize = 8;
const MOST_IN_A_NETWORK: usize = 64;

/// Why there is no room for one more box.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// The tracker has all that it keeps.
    #[error("there are {0} boxes already, as many as this tracker keeps")]
    Here(usize),
    /// Its address has all that one may have.
    #[error("there are {boxes} boxes at {address} already, as many as one address may have")]
    AtAddress {
        /// The address, or another of the same line.
        address: IpAddr,
        /// How many.
        boxes: usize,
    },
    /// The addresses around its own have all that they may have.
    #[error("there are {boxes} boxes in the network of {address} already, as many as one network may have")]
    InNetwork {
        /// An address of the network.
        address: IpAddr,
        /// How many.
        boxes: usize,
    },
}

/// Who takes up room.
#[derive(Debug, Default)]
pub struct Room {
    allow_private: bool,
    boxes: HashSet<BoxId>,
    on_lines: HashMap<IpAddr, usize>,
    in_networks: HashMap<Network, usize>,
}

impl Room {
    /// The room that these boxes leave, each with the address that it spoke from.
    pub fn beside(boxes: impl Iterator<Item = (BoxId, IpAddr)>, allow_private: bool) -> Self {
        let mut room = Self {
            allow_private,
            ..Self::default()
        };
        for (id, address) in boxes {
            room.boxes.insert(id);
            if !room.is_exempt(address) {
                *room.on_lines.entry(line(address)).or_default() += 1;
                if let Some(network) = Network::of(address) {
                    *room.in_networks.entry(network).or_default() += 1;
                }
            }
        }
        room
    }

    /// Whether a box that speaks from `address` may come in. One that is remembered has its place.
    pub fn admit(&self, id: BoxId, address: IpAddr) -> Result<(), NoRoom> {
        if self.boxes.contains(&id) {
            return Ok(());
        }
        let network = Network::of(address);
        let on_line = count(&self.on_lines, Some(line(address)));
        let in_network = count(&self.in_networks, network);
        if on_line >= MOST_ON_A_LINE {
            let boxes = on_line;
            Err(NoRoom::AtAddress { address, boxes })
        } else if in_network >= in_one_network(self.boxes.len() - in_network) {
            let boxes = in_network;
            Err(NoRoom::InNetwork { address, boxes })
        } else if self.boxes.len() >= MOST {
            Err(NoRoom::Here(self.boxes.len()))
        } else {
            Ok(())
        }
    }

    /// Whether only the tracker's own limit holds there.
    fn is_exempt(&self, address: IpAddr) -> bool {
        is_exempt(address, self.allow_private)
    }
}

/// How many boxes one network may have beside so many others: whoever has many addresses in one place is a small part of
/// the mesh, however small that is.
fn in_one_network(others: usize) -> usize {
    (others / PART_OF_OTHERS).clamp(ALWAYS_IN_A_NETWORK, MOST_IN_A_NETWORK)
}

fn count<K: Eq + Hash>(counts: &HashMap<K, usize>, key: Option<K>) -> usize {
    key.and_then(|key| counts.get(&key)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::candidate;

    fn id(n: usize) -> BoxId {
        candidate(u16::try_from(n).unwrap(), 1).id
    }

    /// Whether one more may come from `newcomer` after those from `addresses`.
    fn verdict(addresses: impl Iterator<Item = IpAddr>, newcomer: &str) -> Result<(), NoRoom> {
        let boxes = addresses.enumerate().map(|(n, address)| (id(n), address));
        Room::beside(boxes, false).admit(id(60_000), newcomer.parse().unwrap())
    }

    #[test]
    fn one_line_has_few_boxes_whatever_addresses_it_makes_up() {
        let v4 = std::iter::repeat_n(IpAddr::from([198, 51, 100, 7]), MOST_ON_A_LINE);
        assert!(matches!(
            verdict(v4.clone(), "198.51.100.7"),
            Err(NoRoom::AtAddress { .. })
        ));
        assert_eq!(verdict(v4, "198.51.100.8"), Ok(()));
        let v6 = (0..2).map(|n| IpAddr::from([0x2001, 0xDB8, 1, 1, n, n, n, n]));
        assert!(matches!(
            verdict(v6.clone(), "2001:db8:1:1:ffff::1"),
            Err(NoRoom::AtAddress { .. })
        ));
        assert_eq!(verdict(v6, "2001:db8:1:2::1"), Ok(()));
    }

    #[test]
    fn a_second_box_may_be_on_a_line_and_no_third() {
        let one = [IpAddr::from([198, 51, 100, 7])];
        assert_eq!(verdict(one.into_iter(), "198.51.100.7"), Ok(()));
        assert!(verdict([one, one].into_iter().flatten(), "198.51.100.7").is_err());
    }

    #[test]
    fn one_network_has_some_boxes_on_however_many_lines() {
        let v6 = (0..64).map(|n| IpAddr::from([0x2001, 0xDB8, 1, n, 0, 0, 0, 1]));
        assert!(matches!(
            verdict(v6.clone(), "2001:db8:1:ffff::1"),
            Err(NoRoom::InNetwork { .. })
        ));
        assert_eq!(verdict(v6, "2001:db8:2::1"), Ok(()));
    }

    #[test]
    fn one_network_is_a_small_part_of_the_mesh_whatever_the_mesh_has() {
        let elsewhere = |n: u16| {
            let [high, low] = n.to_be_bytes();
            IpAddr::from([100 + high, low, 1, 1])
        };
        for (others, allowed) in [(0, 8), (100, 8), (160, 10), (1024, 64), (5000, 64)] {
            let here = |n: u8| IpAddr::from([198, 51, 100, n]);
            let beside = |few: u8| (0..others).map(elsewhere).chain((0..few).map(here));
            let newcomer = "198.51.100.200";
            assert_eq!(verdict(beside(allowed - 1), newcomer), Ok(()), "{others}");
            let refused = verdict(beside(allowed), newcomer);
            let boxes = usize::from(allowed);
            let address = newcomer.parse().unwrap();
            assert_eq!(refused, Err(NoRoom::InNetwork { address, boxes }), "{others}");
        }
    }

    #[test]
    fn only_the_whole_counts_on_the_trackers_machine() {
        let here = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(verdict(std::iter::repeat_n(here, MOST - 1), "127.0.0.1"), Ok(()));
        assert_eq!(
            verdict(std::iter::repeat_n(here, MOST), "127.0.0.1"),
            Err(NoRoom::Here(MOST))
        );
        assert_eq!(
            verdict(std::iter::repeat_n(here, MOST), "198.51.100.7"),
            Err(NoRoom::Here(MOST))
        );
    }

    #[test]
    fn private_addresses_are_limited_unless_the_mesh_is_private() {
        let home = IpAddr::from([192, 168, 1, 2]);
        let boxes = (0..MOST_ON_A_LINE).map(|n| (id(n), home));
        assert!(Room::beside(boxes.clone(), false).admit(id(99), home).is_err());
        assert_eq!(Room::beside(boxes, true).admit(id(99), home), Ok(()));
    }

    #[test]
    fn who_is_remembered_has_a_place() {
        let address = IpAddr::from([198, 51, 100, 7]);
        let room = Room::beside((0..MOST_ON_A_LINE).map(|n| (id(n), address)), false);
        assert!(room.admit(id(MOST_ON_A_LINE), address).is_err());
        assert_eq!(room.admit(id(0), address), Ok(()));
    }
}
