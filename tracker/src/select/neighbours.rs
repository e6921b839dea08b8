//! Which boxes a box connects to.
//!
//! Every pair of boxes has a number that only the trackers can compute; a box's neighbours are
//! those with the smallest. The graph stays the same while boxes stay, is connected (the nearest
//! neighbours of random edge lengths are, from three on), and nobody can place himself beside
//! a box of his choice.

use wire::id::BoxId;

/// How many neighbours a box is told of: those that it connects to, and some to take their places when they leave.
pub const NEIGHBOURS: usize = 12;

/// The boxes that others may be told of, ready to be compared with each that asks: with ten thousand of them, and as many
/// questions in five seconds, little may be done for each pair.
#[derive(Debug, Default)]
pub struct Neighbourhood {
    salt: u64,
    members: Vec<Member>,
    /// The mark of each member: by themselves, since most members are compared by these alone.
    marks: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    id: BoxId,
    gives: bool,
}

impl Neighbourhood {
    /// These boxes, each with whether it is known to hand on what it takes.
    pub fn of(salt: u64, boxes: impl Iterator<Item = (BoxId, bool)>) -> Self {
        let members: Vec<Member> = boxes.map(|(id, gives)| Member { id, gives }).collect();
        let marks = members.iter().map(|member| mixed(salt, member.id, member.id));
        Self {
            salt,
            marks: marks.collect(),
            members,
        }
    }

    /// The boxes that `me` is told of, among those that are of use to it.
    pub fn named(&self, me: BoxId, is_useful: impl Fn(&BoxId) -> bool) -> Vec<BoxId> {
        let [mut nearest, mut givers] = [(); 2].map(|()| Nearest::default());
        let mine = mixed(self.salt, me, me);
        for (mark, other) in self.marks.iter().zip(&self.members) {
            // The same in either order.
            let distance = stir(mine ^ mark);
            // Those who hand on are fewer, and the farthest of them farther.
            if !givers.takes(distance) {
                continue;
            }
            let is_near = nearest.takes(distance) || other.gives;
            if is_near && other.id != me && is_useful(&other.id) {
                nearest.add(distance, other.id);
                if other.gives {
                    givers.add(distance, other.id);
                }
            }
        }
        with_givers(&nearest.ids(), &givers.ids())
    }
}

/// The nearest of those that were added.
struct Nearest {
    boxes: Vec<(u64, BoxId)>,
    /// Who is farther finds no place.
    farthest: u64,
}

impl Default for Nearest {
    fn default() -> Self {
        Self {
            boxes: Vec::with_capacity(NEIGHBOURS + 1),
            farthest: u64::MAX,
        }
    }
}

impl Nearest {
    fn takes(&self, distance: u64) -> bool {
        distance <= self.farthest
    }

    fn add(&mut self, distance: u64, id: BoxId) {
        let at = self.boxes.partition_point(|near| *near < (distance, id));
        self.boxes.insert(at, (distance, id));
        self.boxes.truncate(NEIGHBOURS);
        if let Some((farthest, _)) = self.boxes.get(NEIGHBOURS - 1) {
            self.farthest = *farthest;
        }
    }

    fn ids(&self) -> Vec<BoxId> {
        self.boxes.iter().map(|(_, id)| *id).collect()
    }
}

/// The boxes that a box is told of: by turns the nearest, and the nearest of those that are known to hand on what they
/// take. Where all do, these are the same; where most do not, somebody who does is among them.
fn with_givers(nearest: &[BoxId], givers: &[BoxId]) -> Vec<BoxId> {
    by_turns(&[nearest, givers], NEIGHBOURS)
}

/// The first of each list, then the second of each, and so on: each box once, and no more than so many.
pub fn by_turns(lists: &[impl AsRef<[BoxId]>], most: usize) -> Vec<BoxId> {
    let longest = lists.iter().map(|list| list.as_ref().len()).max().unwrap_or(0);
    let places = (0..longest).flat_map(|place| lists.iter().filter_map(move |list| list.as_ref().get(place)));
    let mut named: Vec<BoxId> = Vec::with_capacity(most);
    for id in places {
        if named.len() < most && !named.contains(id) {
            named.push(*id);
        }
    }
    named
}

/// A number for two boxes, the same in either order, that cannot be foretold without the salt.
pub(super) fn mixed(salt: u64, one: BoxId, other: BoxId) -> u64 {
    let (low, high) = (one.min(other).bytes(), one.max(other).bytes());
    low.as_chunks::<8>()
        .0
        .iter()
        .chain(high.as_chunks::<8>().0)
        .fold(salt, |state, word| stir(state ^ u64::from_be_bytes(*word)))
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014): every bit in changes half of the bits out.
fn stir(state: u64) -> u64 {
    let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::candidate;
    use super::*;

    /// The neighbours of `me` among `others`, nobody of whom hands anything on.
    fn neighbours(salt: u64, me: BoxId, others: impl Iterator<Item = BoxId>) -> Vec<BoxId> {
        Neighbourhood::of(salt, others.map(|id| (id, false))).named(me, |_| true)
    }

    fn ids(count: u16) -> Vec<BoxId> {
        (0..count).map(|n| candidate(n, 1).id).collect()
    }

    #[test]
    fn every_box_reaches_every_other() {
        for count in [2, 9, 30, 300] {
            let all = ids(count);
            let mut edges: Vec<(BoxId, BoxId)> = Vec::new();
            for me in &all {
                let near = neighbours(42, *me, all.iter().copied());
                assert_eq!(near.len(), NEIGHBOURS.min(all.len() - 1));
                edges.extend(near.into_iter().map(|other| (*me, other)));
            }
            let mut reached = BTreeSet::from([all[0]]);
            loop {
                let before = reached.len();
                for (one, other) in &edges {
                    if reached.contains(one) || reached.contains(other) {
                        reached.extend([*one, *other]);
                    }
                }
                if reached.len() == before {
                    break;
                }
            }
            assert_eq!(reached.len(), all.len());
        }
    }

    #[test]
    fn half_of_the_places_are_for_those_that_hand_on() {
        let all = ids(100);
        let near = neighbours(42, all[0], all.iter().copied());
        assert_eq!(with_givers(&near, &[]), near);
        assert_eq!(with_givers(&near, &near), near);
        let givers = neighbours(42, all[0], all.iter().copied().filter(|id| !near.contains(id)));
        let named = with_givers(&near, &givers);
        let half = NEIGHBOURS / 2;
        assert_eq!(named.len(), NEIGHBOURS);
        assert!(
            near[..half]
                .iter()
                .chain(&givers[..half])
                .all(|id| named.contains(id))
        );
    }

    #[test]
    fn who_hands_on_is_named_beside_the_nearest_and_who_is_of_no_use_is_not() {
        let all = ids(100);
        let near = neighbours(42, all[0], all.iter().copied());
        let is_giver = |id: &BoxId| !near.contains(id);
        let known = Neighbourhood::of(42, all.iter().map(|id| (*id, is_giver(id))));
        let named = known.named(all[0], |_| true);
        let givers = named.iter().filter(|id| is_giver(id)).count();
        assert_eq!((named.len(), givers), (NEIGHBOURS, NEIGHBOURS / 2));

        let is_useful = |id: &BoxId| near.contains(id);
        assert_eq!(known.named(all[0], is_useful), near);
        let is_mutual = |other: &&BoxId| neighbours(42, **other, [all[0]].into_iter()) == [all[0]];
        assert!(near.iter().all(|other| is_mutual(&other)));
    }

    #[test]
    fn neighbours_stay_when_somebody_else_leaves() {
        let all = ids(100);
        let before = neighbours(42, all[0], all.iter().copied());
        let leaver = *all
            .iter()
            .find(|id| **id != all[0] && !before.contains(id))
            .unwrap();
        let after = neighbours(42, all[0], all.iter().copied().filter(|id| *id != leaver));
        assert_eq!(before, after);

        let without_first = neighbours(42, all[0], all.iter().copied().filter(|id| *id != before[0]));
        assert_eq!(without_first[..NEIGHBOURS - 1], before[1..]);
    }

    #[test]
    fn neighbours_cannot_be_foretold_without_the_salt() {
        let all = ids(100);
        assert_ne!(
            neighbours(1, all[0], all.iter().copied()),
            neighbours(2, all[0], all.iter().copied())
        );
    }
}
