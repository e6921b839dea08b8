//! Places: how many connections there may be, from how many addresses, and who gives way when all are taken. Pure.
//!
//! Anybody may connect, and a name costs nothing. So a box that a tracker named comes before strangers, and one
//! that says nothing keeps nobody out: when places are full it makes room after a moment.

mod door;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

pub(super) use door::Door;

/// Connections that others made to this box, and that it made. Two boxes may each dial the other at once, hence
/// more of these than are wished for.
const MAX_INBOUND: usize = 24;
const MAX_OUTBOUND: usize = 18;

/// Connections that are not past their handshakes, each way, and those of them from one network.
const MAX_HANDSHAKES: usize = 64;
const MAX_HANDSHAKES_OF_NETWORK: usize = 8;

/// Inbound connections from one network: a household may have some boxes.
const MAX_OF_NETWORK: usize = 4;

/// Two boxes that dial each other at the same moment have two connections, and keep both; and if they met through a relay
/// the one through it does not end before. Were there no place for it beside them, each might refuse the other's.
const MAX_OF_PEER: usize = 3;

/// How long a connection keeps its place whatever it says.
const GRACE: Duration = Duration::from_secs(10);

/// Why there is no place for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    #[error("all places are taken")]
    Full,
    #[error("too many connections from one network")]
    Crowded,
    #[error("this box is connected already")]
    Again,
}

/// An address, or as much of it as one household has of its own; nothing for those that are not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network(IpAddr);

impl Network {
    fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(ip) if ip.is_loopback() || ip.is_private() || ip.is_link_local() => None,
            IpAddr::V6(ip) if ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() => None,
            IpAddr::V4(ip) => Some(Self(ip.into())),
            IpAddr::V6(ip) => Some(Self(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into())),
        }
    }
}

#[derive(Debug)]
struct Taken {
    peer: PeerId,
    network: Option<Network>,
    is_inbound: bool,
    since: Instant,
    has_spoken: bool,
}

/// The connections that there are.
#[derive(Debug, Default)]
pub(super) struct Places {
    named: HashSet<PeerId>,
    knocking: HashMap<ConnectionId, Option<Network>>,
    dialled: HashSet<ConnectionId>,
    taken: HashMap<ConnectionId, Taken>,
}

impl Places {
    /// The boxes that trackers name now.
    pub(super) fn name(&mut self, peers: impl IntoIterator<Item = PeerId>) {
        self.named = peers.into_iter().collect();
    }

    /// A peer said something in the exchange.
    pub(super) fn spoke(&mut self, peer: PeerId) {
        for taken in self.taken.values_mut().filter(|taken| taken.peer == peer) {
            taken.has_spoken = true;
        }
    }

    /// Somebody connects: whether a handshake is begun.
    pub(super) fn knock(&mut self, id: ConnectionId, address: IpAddr) -> Result<(), NoPlace> {
        let network = Network::of(address);
        let same = self.knocking.values().filter(|other| **other == network);
        if network.is_some() && same.count() >= MAX_HANDSHAKES_OF_NETWORK {
            return Err(NoPlace::Crowded);
        }
        if self.knocking.len() >= MAX_HANDSHAKES {
            return Err(NoPlace::Full);
        }
        self.knocking.insert(id, network);
        Ok(())
    }

    /// Somebody who connected is past the handshake: whether there is a place, and whose that was.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        id: ConnectionId,
        peer: PeerId,
        address: IpAddr,
    ) -> Result<Option<(PeerId, ConnectionId)>, NoPlace> {
        self.knocking.remove(&id);
        self.check_peer(peer)?;
        let network = Network::of(address);
        let is_named = self.named.contains(&peer);
        let inbound = || self.taken.values().filter(|taken| taken.is_inbound);
        let same = inbound().filter(|taken| taken.network == network).count();
        if network.is_some() && same >= MAX_OF_NETWORK && !is_named {
            return Err(NoPlace::Crowded);
        }
        let gone = if inbound().count() < MAX_INBOUND {
            None
        } else {
            let id = self.gives_way(now, is_named).ok_or(NoPlace::Full)?;
            self.taken.remove(&id).map(|taken| (taken.peer, id))
        };
        self.take(now, id, peer, network, true);
        Ok(gone)
    }

    /// This box dials.
    pub(super) fn dial(&mut self, id: ConnectionId) -> Result<(), NoPlace> {
        if self.dialled.len() >= MAX_HANDSHAKES {
            return Err(NoPlace::Full);
        }
        self.dialled.insert(id);
        Ok(())
    }

    /// A box that was dialled is past the handshake.
    pub(super) fn reach(&mut self, now: Instant, id: ConnectionId, peer: PeerId) -> Result<(), NoPlace> {
        self.dialled.remove(&id);
        self.check_peer(peer)?;
        let outbound = self.taken.values().filter(|taken| !taken.is_inbound);
        if outbound.count() >= MAX_OUTBOUND {
            return Err(NoPlace::Full);
        }
        self.take(now, id, peer, None, false);
        Ok(())
    }

    /// A connection has ended, or did not come about.
    pub(super) fn leave(&mut self, id: ConnectionId) {
        self.knocking.remove(&id);
        self.dialled.remove(&id);
        self.taken.remove(&id);
    }

    fn check_peer(&self, peer: PeerId) -> Result<(), NoPlace> {
        let same = self.taken.values().filter(|taken| taken.peer == peer);
        if same.count() >= MAX_OF_PEER {
            return Err(NoPlace::Again);
        }
        Ok(())
    }

    /// Who makes room: of those that no tracker named the silent before the others, and of these who has been here
    /// for longest. Who has spoken makes room only for a box that was named.
    fn gives_way(&self, now: Instant, for_named: bool) -> Option<ConnectionId> {
        let may = |taken: &Taken| {
            taken.is_inbound
                && !self.named.contains(&taken.peer)
                && (for_named || !taken.has_spoken)
                && now.saturating_duration_since(taken.since) >= GRACE
        };
        self.taken
            .iter()
            .filter(|(_, taken)| may(taken))
            .min_by_key(|(_, taken)| (taken.has_spoken, taken.since))
            .map(|(id, _)| *id)
    }

    fn take(
        &mut self,
        now: Instant,
        id: ConnectionId,
        peer: PeerId,
        network: Option<Network>,
        is_inbound: bool,
    ) {
        let taken = Taken {
            peer,
            network,
            is_inbound,
            since: now,
            has_spoken: false,
        };
        self.taken.insert(id, taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Strangers in all places; the first of them has the connection 0.
    fn full(now: Instant) -> (Places, Vec<PeerId>) {
        let mut places = Places::default();
        let peers: Vec<_> = (0..MAX_INBOUND).map(|_| PeerId::random()).collect();
        for (number, peer) in peers.iter().enumerate() {
            let address = address(u8::try_from(number).unwrap());
            assert_eq!(places.enter(now, id(number), *peer, address), Ok(None));
        }
        (places, peers)
    }

    #[test]
    fn the_silent_make_room_after_a_moment_and_who_has_spoken_stays() {
        let now = Instant::now();
        let (mut places, peers) = full(now);
        for peer in &peers[..MAX_INBOUND - 1] {
            places.spoke(*peer);
        }
        let mut knocks = |after, number| {
            let address = address(u8::try_from(number).unwrap());
            places.enter(now + after, id(number), PeerId::random(), address)
        };
        assert_eq!(knocks(Duration::ZERO, 100), Err(NoPlace::Full));
        let silent = (peers[MAX_INBOUND - 1], id(MAX_INBOUND - 1));
        assert_eq!(knocks(GRACE, 101), Ok(Some(silent)));
        assert_eq!(
            knocks(GRACE, 102),
            Err(NoPlace::Full),
            "who came in has its moment too"
        );
    }

    #[test]
    fn a_box_that_a_tracker_named_finds_a_place_among_strangers_and_keeps_it() {
        let now = Instant::now();
        let (mut places, peers) = full(now);
        for peer in &peers {
            places.spoke(*peer);
        }
        let named = PeerId::random();
        places.name([named].into_iter().chain(peers[1..].iter().copied()));
        let later = now + GRACE;
        assert_eq!(
            places.enter(later, id(100), named, address(1)),
            Ok(Some((peers[0], id(0))))
        );
        let stranger = places.enter(later + GRACE, id(101), PeerId::random(), address(99));
        assert_eq!(stranger, Err(NoPlace::Full), "the named stay, silent or not");
    }

    #[test]
    fn one_network_has_few_places_unless_it_is_at_home() {
        let now = Instant::now();
        let limit = |of: &dyn Fn(usize) -> String| {
            let mut places = Places::default();
            (0..MAX_INBOUND)
                .filter(|number| {
                    let address = of(*number).parse().unwrap();
                    places.enter(now, id(*number), PeerId::random(), address).is_ok()
                })
                .count()
        };
        assert_eq!(limit(&|_| "198.51.100.1".into()), MAX_OF_NETWORK);
        assert_eq!(limit(&|_| "::ffff:198.51.100.1".into()), MAX_OF_NETWORK);
        assert_eq!(limit(&|host| format!("2001:db8::{host:x}")), MAX_OF_NETWORK);
        assert_eq!(limit(&|net| format!("2001:db8:0:{net:x}::1")), MAX_INBOUND);
        for home in [
            "127.0.0.1",
            "192.168.1.7",
            "10.0.0.1",
            "fd00::1",
            "::1",
            "fe80::1",
        ] {
            assert_eq!(limit(&|_| home.into()), MAX_INBOUND, "{home}");
        }
    }

    #[test]
    fn handshakes_of_one_network_leave_room_for_others() {
        let mut places = Places::default();
        let knocks = |places: &mut Places, number, last| places.knock(id(number), address(last));
        for number in 0..MAX_HANDSHAKES_OF_NETWORK {
            assert_eq!(knocks(&mut places, number, 1), Ok(()));
        }
        assert_eq!(knocks(&mut places, 100, 1), Err(NoPlace::Crowded));
        assert_eq!(knocks(&mut places, 101, 2), Ok(()));
        places.leave(id(0));
        assert_eq!(knocks(&mut places, 102, 1), Ok(()));
    }

    #[test]
    fn nothing_is_remembered_of_who_has_left() {
        let now = Instant::now();
        let mut places = Places::default();
        for number in 0..1000 {
            let peer = PeerId::random();
            places.knock(id(number), address(1)).unwrap();
            places.enter(now, id(number), peer, address(1)).unwrap();
            places.dial(id(number + 5000)).unwrap();
            places.reach(now, id(number + 5000), peer).unwrap();
            places.enter(now, id(number + 8000), peer, address(1)).unwrap();
            assert_eq!(places.enter(now, id(9999), peer, address(1)), Err(NoPlace::Again));
            for number in [number, number + 5000, number + 8000] {
                places.leave(id(number));
            }
        }
        let left = [places.knocking.len(), places.dialled.len(), places.taken.len()];
        assert_eq!(left, [0; 3]);
    }
}
