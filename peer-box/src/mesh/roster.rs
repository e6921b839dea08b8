//! Whom to dial: the boxes that trackers named, until enough of them are connected; those that did not
//! answer later and later. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};
use wire::announcement::Neighbour;
use wire::id::BoxId;

use super::behaviour::{address_in, peer_of};

/// Boxes that are dialled, so long as so many of those named are not connected.
const WISHED: usize = 8;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Named {
    peer: PeerId,
    address: Multiaddr,
    is_connected: bool,
    is_dialled: bool,
    failures: u32,
    not_before: Option<Instant>,
}

/// The boxes that trackers named.
#[derive(Debug)]
pub(super) struct Roster {
    me: BoxId,
    named: BTreeMap<BoxId, Named>,
}

impl Roster {
    pub(super) fn new(me: BoxId) -> Self {
        Self {
            me,
            named: BTreeMap::new(),
        }
    }

    /// Takes the trackers' list in the place of the last. A box that moved is tried at once.
    pub(super) fn learn(&mut self, neighbours: &[Neighbour], is_connected: impl Fn(BoxId) -> bool) {
        let mut before = std::mem::take(&mut self.named);
        for neighbour in neighbours.iter().filter(|neighbour| neighbour.id != self.me) {
            let address = neighbour
                .p2p
                .parse()
                .ok()
                .filter(|address| address_in(address).is_some());
            let (Some(address), Some(peer)) = (address, peer_of(&neighbour.key)) else {
                continue;
            };
            let known = before
                .remove(&neighbour.id)
                .filter(|known| known.address == address);
            let named = known.unwrap_or_else(|| Named {
                peer,
                address,
                is_connected: is_connected(neighbour.id),
                is_dialled: false,
                failures: 0,
                not_before: None,
            });
            self.named.insert(neighbour.id, named);
        }
    }

    /// A box connected, whoever dialled.
    pub(super) fn connected(&mut self, id: BoxId) {
        if let Some(named) = self.named.get_mut(&id) {
            named.is_connected = true;
            named.is_dialled = false;
            named.failures = 0;
            named.not_before = None;
        }
    }

    /// A box is not connected any more: it is dialled again, not at once.
    pub(super) fn disconnected(&mut self, now: Instant, id: BoxId) {
        if let Some(named) = self.named.get_mut(&id) {
            named.is_connected = false;
            named.rests(now);
        }
    }

    /// A box could not be dialled.
    pub(super) fn unreachable(&mut self, now: Instant, id: BoxId) {
        if let Some(named) = self.named.get_mut(&id)
            && !named.is_connected
        {
            named.is_dialled = false;
            named.rests(now);
        }
    }

    /// Whom to dial now.
    pub(super) fn dials(&mut self, now: Instant) -> Vec<(PeerId, Multiaddr)> {
        let wished = self.wished();
        let is_due = |named: &&mut Named| {
            !named.is_taken() && named.not_before.is_none_or(|not_before| not_before <= now)
        };
        let mut dials = Vec::new();
        for named in self.named.values_mut().filter(is_due).take(wished) {
            named.is_dialled = true;
            dials.push((named.peer, named.address.clone()));
        }
        dials
    }

    /// When [`Roster::dials`] is worth asking again although nothing happened.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        if self.wished() == 0 {
            return None;
        }
        let waiting = self.named.values().filter(|named| !named.is_taken());
        waiting.filter_map(|named| named.not_before).min()
    }

    /// How many more should be connected.
    fn wished(&self) -> usize {
        WISHED.saturating_sub(self.named.values().filter(|named| named.is_taken()).count())
    }
}

impl Named {
    fn is_taken(&self) -> bool {
        self.is_connected || self.is_dialled
    }

    fn rests(&mut self, now: Instant) {
        let pause = FIRST_PAUSE * 2_u32.pow(self.failures.min(5));
        self.not_before = Some(now + pause.min(LONGEST_PAUSE));
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use wire::key::SecretKey;

    use super::*;

    fn neighbour(number: u8) -> Neighbour {
        let key = SecretKey::from_seed([number; 32]).public();
        Neighbour {
            id: BoxId::of(&key),
            key,
            p2p: format!("/ip4/192.0.2.{number}/tcp/8092"),
        }
    }

    fn roster(neighbours: &[Neighbour]) -> Roster {
        let mut roster = Roster::new(neighbour(200).id);
        roster.learn(neighbours, |_| false);
        roster
    }

    #[test]
    fn it_dials_until_enough_are_connected_and_never_itself() {
        let now = Instant::now();
        let mut all: Vec<Neighbour> = (1..=12).map(neighbour).collect();
        all.push(neighbour(200));
        let mut roster = roster(&all);

        assert_eq!(roster.dials(now).len(), 8);
        assert_eq!(roster.dials(now), [], "each once");
        for neighbour in &all {
            roster.connected(neighbour.id);
        }
        roster.disconnected(now, all[0].id);
        assert_eq!(roster.dials(now + LONGEST_PAUSE), [], "eleven are enough");
    }

    #[test]
    fn who_does_not_answer_is_tried_later_and_later() {
        let mut now = Instant::now();
        let one = neighbour(1);
        let mut roster = roster(std::slice::from_ref(&one));
        let mut pauses = Vec::new();
        for _ in 0..7 {
            assert_eq!(roster.dials(now).len(), 1);
            roster.unreachable(now, one.id);
            assert_eq!(roster.dials(now), []);
            let next = roster.wakes_at().expect("it will be tried again");
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);

        let moved = Neighbour {
            p2p: "/ip4/192.0.2.99/tcp/1".into(),
            ..one
        };
        roster.unreachable(now, moved.id);
        roster.learn(&[moved], |_| false);
        assert_eq!(roster.dials(now).len(), 1, "a new address is tried at once");
    }

    #[test]
    fn an_address_of_another_form_is_left_out() {
        let strange = Neighbour {
            p2p: "/dns4/a.example/tcp/1".into(),
            ..neighbour(1)
        };
        let nonsense = Neighbour {
            p2p: "192.0.2.1:1".into(),
            ..neighbour(2)
        };
        assert_eq!(roster(&[strange, nonsense]).dials(Instant::now()), []);
    }
}
