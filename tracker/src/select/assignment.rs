//! Which boxes carry which channels.
//!
//! While few channels are on air every box carries all of them: whoever comes is served by boxes at once. With more of
//! them, boxes would spend their uplinks on handing one another what nobody watches there. Then a channel is carried by as
//! many as its viewers need twice over, and by [`FLOOR`] at least.
//!
//! For each channel the boxes stand in an order that only the trackers can compute, and it takes those that come first and
//! have something left of their uplinks. So one more or less of them, or a few more viewers, change little, all trackers
//! come to the same, and nobody can place himself where he wants to be. A box that carries a channel already keeps it a
//! little longer than it would be given it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use wire::id::{BoxId, ChannelName};

use super::neighbours::mixed;

/// So many channels are few: every box carries them all.
const FEW: usize = 4;

/// The fewest boxes that carry a channel, where there are as many that can.
const FLOOR: usize = 8;

/// A channel is given so many times the uplink that its viewers take: twice as many may come before the next round.
const SPARE: u64 = 2;

/// Half as many more as are wanted stay, of those that carry it.
const LINGERS: usize = 2;

/// A channel, and what it needs.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The channel.
    pub channel: ChannelName,
    /// What the order of the boxes depends on: a number that nobody else knows.
    pub salt: u64,
    /// What one copy of it takes, all tracks together, in bits per second.
    pub copy: u64,
    /// What its viewers take, in bits per second.
    pub audience: u64,
}

impl Demand {
    /// Whether the box takes the channel.
    fn suits(&self, bearer: &Bearer<'_>) -> bool {
        bearer.only.is_empty() || bearer.only.contains(&self.channel)
    }
}

/// A box that may be given channels.
#[derive(Clone, Debug)]
pub struct Bearer<'a> {
    /// The box.
    pub id: BoxId,
    /// What it may send, as far as it is believed, in bits per second.
    pub uplink: u64,
    /// The channels that it takes and no others; none named: all.
    pub only: &'a [ChannelName],
    /// The channels that it carries now.
    pub carries: Vec<&'a ChannelName>,
}

/// Which boxes carry which channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Assignment {
    /// Every box carries every channel.
    #[default]
    Everything,
    /// Each channel has its own.
    Shared(HashMap<ChannelName, HashSet<BoxId>>),
}

impl Assignment {
    /// Whether so many channels are so few that every box carries them all.
    pub fn are_few(channels: usize) -> bool {
        channels <= FEW
    }

    /// Gives channels to boxes.
    pub fn of(mut demands: Vec<Demand>, bearers: &[Bearer<'_>]) -> Self {
        if Self::are_few(demands.len()) {
            return Self::Everything;
        }
        // Where not all can be carried, those that are watched come first.
        demands.sort_by_key(|demand| (Reverse(demand.audience), demand.salt));
        let mut spare: Vec<Spare> = bearers.iter().map(Spare::of).collect();
        let mut crews: Vec<Crew<'_>> = demands.iter().map(|demand| Crew::of(demand, bearers)).collect();
        for crew in &mut crews {
            crew.fill(bearers, &mut spare, |crew| crew.members.len() < FLOOR);
        }
        for crew in &mut crews {
            crew.fill(bearers, &mut spare, |crew| crew.needed > 0);
        }
        let carrying = carrying(bearers);
        for crew in &mut crews {
            let those = carrying.get(&crew.demand.channel).map_or(&[][..], Vec::as_slice);
            crew.keep(bearers, those, &mut spare);
        }
        let shared = crews
            .into_iter()
            .map(|crew| (crew.demand.channel.clone(), crew.members));
        Self::Shared(shared.collect())
    }

    /// Whether the box is to carry the channel.
    pub fn has(&self, channel: &ChannelName, id: &BoxId) -> bool {
        match self {
            Self::Everything => true,
            Self::Shared(crews) => crews.get(channel).is_some_and(|crew| crew.contains(id)),
        }
    }

    /// The boxes that carry the channel, where not all do.
    pub fn crews(&self) -> impl Iterator<Item = (&ChannelName, &HashSet<BoxId>)> {
        match self {
            Self::Everything => None,
            Self::Shared(crews) => Some(crews.iter()),
        }
        .into_iter()
        .flatten()
    }
}

/// The boxes that carry each channel now.
fn carrying<'a>(bearers: &[Bearer<'a>]) -> HashMap<&'a ChannelName, Vec<usize>> {
    let mut carrying: HashMap<&ChannelName, Vec<usize>> = HashMap::new();
    for (at, bearer) in (0..).zip(bearers) {
        for channel in &bearer.carries {
            carrying.entry(channel).or_default().push(at);
        }
    }
    carrying
}

/// What a box can still be given.
struct Spare {
    bits: u64,
    is_idle: bool,
}

impl Spare {
    fn of(bearer: &Bearer<'_>) -> Self {
        Self {
            bits: bearer.uplink,
            is_idle: true,
        }
    }

    /// Whether one more channel fits: a box hands on what it takes about once. The first one always does.
    fn fits(&self, copy: u64) -> bool {
        self.is_idle || self.bits >= copy
    }
}

/// The boxes of a channel while they are found.
struct Crew<'a> {
    demand: &'a Demand,
    /// Boxes that were not asked yet, the first of them on top.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    members: HashSet<BoxId>,
    /// What its viewers need beyond what its members have for them.
    needed: u64,
}

impl<'a> Crew<'a> {
    fn of(demand: &'a Demand, bearers: &[Bearer<'_>]) -> Self {
        let takes = |bearer: &Bearer<'_>| bearer.only.is_empty() || bearer.only.contains(&demand.channel);
        let next = (0..)
            .zip(bearers)
            .filter(|(_, bearer)| takes(bearer))
            .map(|(at, bearer)| Reverse((mixed(demand.salt, bearer.id, bearer.id), at)));
        Self {
            demand,
            next: next.collect(),
            members: HashSet::new(),
            needed: demand.audience.saturating_mul(SPARE),
        }
    }

    /// Takes boxes in their order while more are wanted.
    fn fill(&mut self, bearers: &[Bearer<'_>], spare: &mut [Spare], wants: impl Fn(&Self) -> bool) {
        while wants(self) {
            let Some(Reverse((_, at))) = self.next.pop() else {
                break;
            };
            if spare[at].fits(self.demand.copy) {
                self.take(bearers[at].id, &mut spare[at]);
            }
        }
    }

    /// Of the others that carry the channel already, keeps some.
    fn keep(&mut self, bearers: &[Bearer<'_>], carrying: &[usize], spare: &mut [Spare]) {
        let rank = |at: &usize| mixed(self.demand.salt, bearers[*at].id, bearers[*at].id);
        let mut more: Vec<usize> = carrying.to_vec();
        more.retain(|at| !self.members.contains(&bearers[*at].id) && self.demand.suits(&bearers[*at]));
        more.sort_by_key(rank);
        more.truncate(self.members.len().max(FLOOR) / LINGERS);
        // They bear it now: what others are given of their uplinks is twice what these need.
        for at in more {
            self.take(bearers[at].id, &mut spare[at]);
        }
    }

    fn take(&mut self, id: BoxId, spare: &mut Spare) {
        spare.is_idle = false;
        spare.bits = spare.bits.saturating_sub(self.demand.copy);
        let given = spare.bits.min(self.needed);
        spare.bits -= given;
        self.needed -= given;
        self.members.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::candidate;
    use super::*;

    const MBIT: u64 = 1_000_000;

    fn channel(n: usize) -> ChannelName {
        format!("channel-{n}").parse().unwrap()
    }

    /// As many channels, each of 3 Mbit/s, and what their viewers take.
    fn demands(audiences: &[u64]) -> Vec<Demand> {
        let demand = |(n, audience): (usize, &u64)| Demand {
            channel: channel(n),
            salt: n as u64 + 77,
            copy: 3 * MBIT,
            audience: *audience,
        };
        audiences.iter().enumerate().map(demand).collect()
    }

    fn bearers(uplinks: &[u64]) -> Vec<Bearer<'static>> {
        let bearer = |(n, uplink): (u16, &u64)| Bearer {
            id: candidate(n, 1).id,
            uplink: *uplink,
            only: &[],
            carries: Vec::new(),
        };
        (0..).zip(uplinks).map(bearer).collect()
    }

    fn crew(assignment: &Assignment, n: usize) -> HashSet<BoxId> {
        let crew = assignment.crews().find(|(name, _)| **name == channel(n));
        crew.expect("it is shared").1.clone()
    }

    #[test]
    fn while_few_channels_are_on_air_every_box_carries_them_all() {
        let boxes = bearers(&[20 * MBIT; 3]);
        let all = Assignment::of(demands(&[0; FEW]), &boxes);
        assert_eq!(all, Assignment::Everything);
        assert!(all.has(&channel(99), &boxes[0].id));
        assert_ne!(Assignment::of(demands(&[0; FEW + 1]), &boxes), all);
    }

    #[test]
    fn a_channel_that_nobody_watches_is_carried_by_eight_and_one_that_is_by_as_many_as_its_viewers_need_twice()
     {
        let boxes = bearers(&[20 * MBIT; 300]);
        let assignment = Assignment::of(demands(&[0, 0, 0, 0, 0, 1000 * MBIT]), &boxes);
        for quiet in 0..5 {
            assert_eq!(crew(&assignment, quiet).len(), FLOOR);
        }
        // 17 Mbit/s are left of each when it has handed on its copy; a few carry another channel too.
        let loud = crew(&assignment, 5).len();
        assert!((118..=121).contains(&loud), "{loud}");
    }

    #[test]
    fn where_there_are_fewer_than_eight_all_carry_what_they_can() {
        let boxes = bearers(&[100 * MBIT; 5]);
        let assignment = Assignment::of(demands(&[0; 10]), &boxes);
        assert!((0..10).all(|n| crew(&assignment, n).len() == 5));
    }

    #[test]
    fn no_box_is_given_more_than_its_uplink_bears_and_who_is_watched_comes_first() {
        let boxes = bearers(&[10 * MBIT; 12]);
        let mut audiences = [0; 40];
        audiences[17] = 20 * MBIT;
        let assignment = Assignment::of(demands(&audiences), &boxes);
        for bearer in &boxes {
            let given = (0..40)
                .filter(|n| crew(&assignment, *n).contains(&bearer.id))
                .count();
            assert!((1..=3).contains(&given), "{given}");
        }
        assert!(crew(&assignment, 17).len() >= FLOOR);
    }

    #[test]
    fn a_box_whose_uplink_is_less_than_a_copy_is_given_one_channel() {
        let boxes = bearers(&[MBIT; 60]);
        let assignment = Assignment::of(demands(&[0; 5]), &boxes);
        let given = |id: &BoxId| (0..5).filter(|n| crew(&assignment, *n).contains(id)).count();
        assert!(boxes.iter().all(|bearer| given(&bearer.id) <= 1));
        assert!((0..5).all(|n| crew(&assignment, n).len() == FLOOR));
    }

    #[test]
    fn who_takes_some_channels_only_is_given_no_others() {
        let only = [channel(2)];
        let mut boxes = bearers(&[50 * MBIT; 4]);
        boxes[1].only = &only;
        let assignment = Assignment::of(demands(&[0; 6]), &boxes);
        let given = (0..6).filter(|n| crew(&assignment, *n).contains(&boxes[1].id));
        assert_eq!(given.collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_box_more_or_less_and_a_few_more_viewers_change_little() {
        let boxes = bearers(&[20 * MBIT; 300]);
        let before = Assignment::of(demands(&[100 * MBIT; 6]), &boxes);
        let without = Assignment::of(demands(&[100 * MBIT; 6]), &boxes[1..]);
        let louder = Assignment::of(demands(&[110 * MBIT; 6]), &boxes);
        for n in 0..6 {
            let crew_before = crew(&before, n);
            assert!(crew_before.difference(&crew(&without, n)).count() <= 2);
            assert!(crew_before.difference(&crew(&louder, n)).count() <= 1);
        }
    }

    #[test]
    fn who_carries_a_channel_keeps_it_while_its_viewers_become_a_few_less() {
        let mut boxes = bearers(&[20 * MBIT; 300]);
        let before = Assignment::of(demands(&[300 * MBIT; 6]), &boxes);
        let names: Vec<ChannelName> = (0..6).map(channel).collect();
        for bearer in &mut boxes {
            bearer.carries = names.iter().filter(|name| before.has(name, &bearer.id)).collect();
        }
        let after = Assignment::of(demands(&[240 * MBIT; 6]), &boxes);
        for n in 0..6 {
            assert!(crew(&before, n).difference(&crew(&after, n)).count() <= 2);
        }
        let gone = Assignment::of(demands(&[0; 6]), &boxes);
        assert!((0..6).all(|n| crew(&gone, n).len() <= FLOOR + FLOOR / LINGERS));
    }

    #[test]
    fn nobody_can_foretell_without_the_salt_what_he_will_carry() {
        let boxes = bearers(&[20 * MBIT; 100]);
        let mut other = demands(&[0; 6]);
        for demand in &mut other {
            demand.salt += 1000;
        }
        let [one, other] = [demands(&[0; 6]), other].map(|demands| Assignment::of(demands, &boxes));
        assert_ne!(crew(&one, 0), crew(&other, 0));
    }
}
