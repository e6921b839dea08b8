//! How often each box is drawn: by its weight, and the boxes of one network together no more often than their share.
//!
//! Boxes cost nothing, and addresses of one network little. Without a bound whoever rents a /24 and claims
//! good uplinks gets most viewers.

use std::collections::HashMap;

use super::Candidate;
use crate::reach::Network;

/// The share of draws that one network gets. The better of two draws is taken, and may be from it each time that either
/// is: 4 % of viewers, and chance keeps it below 5 %.
const SHARE: f64 = 0.02;

/// Where there are few networks, one gets so many times what it would get if all got the same.
const FEW: f64 = 2.0;

/// How often each of the candidates is drawn, in their order, given what each of them weighs.
pub(super) fn weights(candidates: &[Candidate], weight: impl Fn(&Candidate) -> f64) -> Vec<f64> {
    let mut of_networks: HashMap<Network, f64> = HashMap::new();
    let mut apart = 0.0;
    for candidate in candidates {
        match candidate.network {
            Some(network) => *of_networks.entry(network).or_default() += weight(candidate),
            // An address that says nothing about distance is a network by itself.
            None => apart += weight(candidate),
        }
    }
    let most = most(of_networks.values().copied().collect(), apart);
    let kept = |network: Network| match of_networks.get(&network) {
        Some(sum) if *sum > most => most / sum,
        _ => 1.0,
    };
    candidates
        .iter()
        .map(|candidate| weight(candidate) * candidate.network.map_or(1.0, kept))
        .collect()
}

/// The most that a network may weigh, so that it has no more than its share of what all weigh together then.
#[expect(clippy::cast_precision_loss, reason = "a tracker keeps few thousand boxes")]
fn most(mut networks: Vec<f64>, apart: f64) -> f64 {
    networks.sort_by(|one, other| other.total_cmp(one));
    let share = SHARE.max(FEW / networks.len().max(1) as f64);
    let mut rest = networks.iter().sum::<f64>() + apart;
    for (bounded, heaviest) in networks.iter().enumerate() {
        // So many have the most, which is this share of what these and the rest weigh. As soon as one more would take
        // up all there is to share, the most is all of the rest: what is divided by never gets to zero.
        let left = 1.0 - share * bounded as f64;
        let most = share * rest / left;
        if *heaviest <= most {
            return most;
        }
        rest -= heaviest;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::candidate;
    use super::*;

    fn at(n: u16, uplink: u64, address: [u8; 4]) -> Candidate {
        Candidate {
            network: Network::of(IpAddr::from(address)),
            ..candidate(n, uplink)
        }
    }

    #[test]
    fn a_crowded_network_gets_its_share_and_the_others_what_they_had() {
        let mut candidates: Vec<_> = (0..200)
            .map(|n| at(n, 10, [198, 51, n.to_be_bytes()[1], 1]))
            .collect();
        candidates.extend((0..1000).map(|n| at(1000 + n, 1_000_000, [203, 0, 113, 7])));
        let weights = weights(&candidates, Candidate::weight);
        let (others, crowd) = weights.split_at(200);
        assert!(others.iter().all(|weight| (weight - 10.0).abs() < 1e-9));
        let share = crowd.iter().sum::<f64>() / weights.iter().sum::<f64>();
        assert!((share - SHARE).abs() < 1e-6, "{share}");
    }

    #[test]
    fn one_network_alone_and_addresses_that_say_nothing_are_not_bounded() {
        let alone: Vec<_> = (0..5).map(|n| at(n, 10, [203, 0, 113, 7])).collect();
        assert!(
            weights(&alone, Candidate::weight)
                .iter()
                .all(|weight| (weight - 10.0).abs() < 1e-9)
        );
        let at_home: Vec<_> = (0..5).map(|n| at(n, 10 << n, [127, 0, 0, 1])).collect();
        assert!((weights(&at_home, Candidate::weight)[4] - 160.0).abs() < 1e-9);
    }

    #[test]
    fn boxes_without_room_weigh_nothing_and_spoil_nothing() {
        let full = |n| Candidate {
            room: 0,
            ..at(n, 10, [203, 0, 113, 7])
        };
        assert_eq!(weights(&[full(0), full(1)], Candidate::weight), [0.0, 0.0]);
        assert_eq!(weights(&[], Candidate::weight), [0.0; 0]);
    }
}
