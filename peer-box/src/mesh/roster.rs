//! Whom to dial: the boxes that trackers named, until enough of them are connected; those that did not
//! answer later and later, those that were neighbours a moment ago at once. Pure.
//!
//! Who has lost its place is not met again for a while; and while there are others to try, whoever gives and takes far
//! less than the rest makes room. Two chosen by chance always stay: without them the mesh might fall into parts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use wire::announcement::Neighbour;
use wire::id::BoxId;

use super::behaviour::{address_in, peer_of};

/// The fewest boxes that are wished for: those named are dialled so long as fewer of them are connected. Of a longer list
/// it is two of three, for then it names boxes for each of several channels.
const WISHED: usize = 8;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How soon a neighbour that was lost is dialled again, and how often so soon: a link may be broken for a moment.
const AGAIN: Duration = Duration::from_millis(500);
const AGAINS: u32 = 60;

/// Who stayed for so long was a neighbour.
const STAYED: Duration = Duration::from_secs(10);

/// For how long who has lost its place is not met, and of how many that is remembered.
const SHUNNED: Duration = Duration::from_mins(2);
const MAX_SHUNNED: usize = 1024;

/// Neighbours that stay whatever they give.
const KEPT: usize = 2;

/// Who passes less than this part of what the neighbour in the middle passes makes room.
const LITTLE: u32 = 4;

#[derive(Debug)]
struct Named {
    /// Its place in the trackers' list.
    place: usize,
    peer: PeerId,
    address: Multiaddr,
    is_connected: bool,
    is_dialled: bool,
    connected_at: Option<Instant>,
    was_neighbour: bool,
    failures: u32,
    not_before: Option<Instant>,
}

/// The boxes that trackers named.
#[derive(Debug)]
pub(super) struct Roster {
    me: BoxId,
    named: BTreeMap<BoxId, Named>,
    shunned: BTreeMap<BoxId, Instant>,
    kept: BTreeSet<BoxId>,
}

impl Roster {
    pub(super) fn new(me: BoxId) -> Self {
        Self {
            me,
            named: BTreeMap::new(),
            shunned: BTreeMap::new(),
            kept: BTreeSet::new(),
        }
    }

    /// Takes the trackers' list in the place of the last. A box that moved is tried at once.
    pub(super) fn learn(&mut self, neighbours: &[Neighbour], is_connected: impl Fn(BoxId) -> bool) {
        let mut before = std::mem::take(&mut self.named);
        let others = neighbours.iter().filter(|neighbour| neighbour.id != self.me);
        for (place, neighbour) in others.enumerate() {
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
            let mut named = known.unwrap_or_else(|| Named {
                place,
                peer,
                address,
                is_connected: is_connected(neighbour.id),
                is_dialled: false,
                connected_at: None,
                was_neighbour: false,
                failures: 0,
                not_before: None,
            });
            named.place = place;
            self.named.insert(neighbour.id, named);
        }
    }

    /// A box connected, whoever dialled.
    pub(super) fn connected(&mut self, now: Instant, id: BoxId) {
        if let Some(named) = self.named.get_mut(&id) {
            named.is_connected = true;
            named.is_dialled = false;
            named.connected_at = Some(now);
        }
    }

    /// A box is not connected any more: it is dialled again, not at once.
    pub(super) fn disconnected(&mut self, now: Instant, id: BoxId) {
        self.kept.remove(&id);
        if let Some(named) = self.named.get_mut(&id) {
            named.is_connected = false;
            let stayed = named
                .connected_at
                .take()
                .map(|at| now.saturating_duration_since(at));
            if stayed.is_some_and(|stayed| stayed >= STAYED) {
                named.was_neighbour = true;
                named.failures = 0;
            }
            named.rests(now);
        }
    }

    /// How many of those named are to be neighbours.
    fn wished(&self) -> usize {
        WISHED.max(self.named.len() * 2 / 3)
    }

    /// A box has lost its place.
    pub(super) fn shun(&mut self, now: Instant, id: BoxId) {
        self.shunned.retain(|_, until| *until > now);
        if self.shunned.len() >= MAX_SHUNNED {
            self.shunned.pop_first();
        }
        self.shunned.insert(id, now + SHUNNED);
    }

    /// Whether a box lost its place not long ago.
    pub(super) fn is_shunned(&self, now: Instant, id: BoxId) -> bool {
        self.shunned.get(&id).is_some_and(|until| *until > now)
    }

    /// Who makes room for another, given what passed between this box and each neighbour lately.
    pub(super) fn makes_room(
        &mut self,
        now: Instant,
        passed: &BTreeMap<BoxId, u32>,
        random: &mut StdRng,
    ) -> Option<BoxId> {
        self.kept.retain(|kept| passed.contains_key(kept));
        let others = passed.keys().filter(|id| !self.kept.contains(id)).copied();
        let more = others.sample(random, KEPT.saturating_sub(self.kept.len()));
        self.kept.extend(more);
        let is_spare = |(id, named): (&BoxId, &Named)| {
            !named.is_taken() && named.is_due(now) && !self.is_shunned(now, *id)
        };
        if passed.len() < self.wished() || !self.named.iter().any(is_spare) {
            return None;
        }
        let mut all: Vec<u32> = passed.values().copied().collect();
        all.sort_unstable();
        let middle = all[all.len() / 2];
        let may = passed.iter().filter(|(id, _)| !self.kept.contains(id));
        let (least, worth) = may.min_by_key(|(_, worth)| **worth)?;
        (worth.saturating_mul(LITTLE) < middle).then_some(*least)
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

    /// Whom to dial now, in the trackers' order.
    pub(super) fn dials(&mut self, now: Instant) -> Vec<(PeerId, Multiaddr)> {
        let wished = self.lacking();
        let shunned = &self.shunned;
        let is_shunned = |id: &BoxId| shunned.get(id).is_some_and(|until| *until > now);
        let named = self.named.iter_mut();
        let mut due: Vec<&mut Named> = named
            .filter(|(id, named)| !named.is_taken() && named.is_due(now) && !is_shunned(id))
            .map(|(_, named)| named)
            .collect();
        due.sort_by_key(|named| named.place);
        let mut dials = Vec::new();
        for named in due.into_iter().take(wished) {
            named.is_dialled = true;
            dials.push((named.peer, named.address.clone()));
        }
        dials
    }

    /// When [`Roster::dials`] is worth asking again although nothing happened.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        if self.lacking() == 0 {
            return None;
        }
        let waiting = self.named.iter().filter(|(_, named)| !named.is_taken());
        waiting
            .filter_map(|(id, named)| named.not_before.max(self.shunned.get(id).copied()))
            .min()
    }

    /// How many more should be connected.
    fn lacking(&self) -> usize {
        self.wished()
            .saturating_sub(self.named.values().filter(|named| named.is_taken()).count())
    }
}

impl Named {
    fn is_taken(&self) -> bool {
        self.is_connected || self.is_dialled
    }

    fn is_due(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|not_before| not_before <= now)
    }

    fn rests(&mut self, now: Instant) {
        let pause = if self.was_neighbour && self.failures < AGAINS {
            AGAIN
        } else {
            let pause = FIRST_PAUSE * 2_u32.pow(self.failures.min(5));
            pause.min(LONGEST_PAUSE)
        };
        self.not_before = Some(now + pause);
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
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
            roster.connected(now, neighbour.id);
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
    fn who_was_a_neighbour_is_dialled_again_at_once_and_who_is_turned_away_is_not() {
        let now = Instant::now();
        let one = neighbour(1);
        let mut roster = roster(std::slice::from_ref(&one));
        roster.connected(now, one.id);
        let lost = now + STAYED;
        roster.disconnected(lost, one.id);
        assert_eq!(roster.wakes_at(), Some(lost + AGAIN));
        let again = lost + AGAIN;
        assert_eq!(roster.dials(again).len(), 1);
        roster.unreachable(again, one.id);
        assert_eq!(roster.wakes_at(), Some(again + AGAIN));

        let mut roster = super::tests::roster(std::slice::from_ref(&one));
        let mut pauses = Vec::new();
        let mut at = now;
        for _ in 0..3 {
            roster.connected(at, one.id);
            roster.disconnected(at, one.id);
            let next = roster.wakes_at().expect("it will be tried again");
            pauses.push((next - at).as_secs());
            at = next;
        }
        assert_eq!(pauses, [1, 2, 4]);
    }

    #[test]
    fn who_has_lost_its_place_is_not_met_for_a_while_and_another_is_at_once() {
        let now = Instant::now();
        let all: Vec<Neighbour> = (1..=9).map(neighbour).collect();
        let mut roster = roster(&all);
        assert_eq!(roster.dials(now).len(), WISHED);
        for neighbour in &all[..WISHED] {
            roster.connected(now, neighbour.id);
        }
        roster.shun(now, all[0].id);
        roster.disconnected(now, all[0].id);
        let spare = peer_of(&all[8].key).unwrap();
        assert_eq!(roster.dials(now).first().map(|(peer, _)| *peer), Some(spare));
        roster.connected(now, all[8].id);
        roster.disconnected(now, all[1].id);
        let later = now + FIRST_PAUSE;
        assert_eq!(roster.dials(later).len(), 1, "only who did nothing wrong");
        assert!(roster.is_shunned(later, all[0].id));
        assert!(!roster.is_shunned(now + SHUNNED, all[0].id));
    }

    #[test]
    fn who_gives_and_takes_least_makes_room_while_there_are_others_and_two_stay_whatever_they_give() {
        let now = Instant::now();
        let all: Vec<Neighbour> = (1..=9).map(neighbour).collect();
        let mut random = StdRng::seed_from_u64(1);
        let mut roster = roster(&all);
        roster.dials(now);
        for neighbour in &all[..8] {
            roster.connected(now, neighbour.id);
        }
        let even: BTreeMap<BoxId, u32> = all[..8].iter().map(|one| (one.id, 100)).collect();
        assert_eq!(roster.makes_room(now, &even, &mut random), None);
        let kept = roster.kept.clone();
        assert_eq!(kept.len(), KEPT);

        let idle: Vec<BoxId> = even.keys().filter(|id| !kept.contains(id)).copied().collect();
        let mut uneven = even.clone();
        uneven.insert(idle[0], 10);
        uneven.extend(kept.iter().map(|id| (*id, 0)));
        assert_eq!(roster.makes_room(now, &uneven, &mut random), Some(idle[0]));
        assert_eq!(roster.kept, kept);

        roster.connected(now, all[8].id);
        assert_eq!(
            roster.makes_room(now, &uneven, &mut random),
            None,
            "nobody else is there"
        );
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
