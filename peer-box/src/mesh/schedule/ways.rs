//! Other ways to pass chunks on, beside ours: pushed to random neighbours, pulled at once from whoever says first that he
//! has it, and pulled in turn with what is rarest first. Same boxes, links and stream as in the lab's simulation; none of
//! them knows `busy`, slots or paces.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};

const BOXES: usize = 30;
const SEEDS: usize = 3;
const DEGREE: usize = 5;
const CHUNKS: u32 = 80;
const EVERY: u64 = 250_000;
const PICTURE_BYTES: u64 = 122_000;
const SOUND_BYTES: u64 = 3_000;

/// 10 Mbit/s is so many microseconds for a hundred bytes.
const UPLINK: u64 = 80;
const END: u64 = 26_000_000;

/// What was asked for and did not come is asked of another.
const PATIENCE: u64 = 1_500_000;

/// Chunks that are asked for at a time, where that is limited.
const IN_FLIGHT: usize = 8;

/// To how many a chunk is pushed.
const FANOUT: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Push,
    PullAtOnce,
    PullRarest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Publish(u32),
    Have { from: usize, to: usize, chunk: u32 },
    Want { from: usize, to: usize, chunk: u32 },
    Here { to: usize, chunk: u32 },
    Late { member: usize, chunk: u32 },
}

#[derive(Default)]
struct Member {
    neighbours: Vec<usize>,
    held: BTreeMap<u32, u64>,
    holders: BTreeMap<u32, BTreeSet<usize>>,
    asked: BTreeMap<u32, usize>,
    turn: usize,
    uplink_free_at: u64,
}

/// What came of it: delivered and twice delivered as parts of all, and the 99th percentile of delays.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) delivered: f64,
    pub(super) duplicates: f64,
    pub(super) p99: Duration,
}

struct Ways {
    way: Way,
    random: StdRng,
    members: Vec<Member>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    now: u64,
    arrivals: usize,
    duplicates: usize,
}

/// Plays the lab's stream; a chunk's number is even for a picture, odd for its sound.
pub(super) fn play(way: Way, seed: u64) -> Played {
    let mut ways = Ways {
        way,
        random: StdRng::seed_from_u64(seed),
        members: (0..BOXES).map(|_| Member::default()).collect(),
        events: BinaryHeap::new(),
        sequence: 0,
        now: 0,
        arrivals: 0,
        duplicates: 0,
    };
    ways.connect();
    for number in 0..CHUNKS {
        ways.at(EVERY * u64::from(number), Event::Publish(number));
    }
    while let Some(Reverse((at, _, event))) = ways.events.pop()
        && at <= END
    {
        ways.now = at;
        ways.happen(event);
    }
    ways.result()
}

impl Ways {
    fn connect(&mut self) {
        for one in 0..BOXES {
            let others = (0..BOXES).filter(|other| *other != one);
            for other in others.sample(&mut self.random, DEGREE) {
                if !self.members[one].neighbours.contains(&other) {
                    self.members[one].neighbours.push(other);
                    self.members[other].neighbours.push(one);
                }
            }
        }
    }

    fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((at, self.sequence, event)));
    }

    fn soon(&mut self, event: Event) {
        let latency = self.random.random_range(5_000..25_000);
        self.at(self.now + latency, event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Publish(number) => {
                for seed in 0..SEEDS {
                    self.store(seed, 2 * number);
                    self.store(seed, 2 * number + 1);
                }
            }
            Event::Have { from, to, chunk } => {
                self.members[to].holders.entry(chunk).or_default().insert(from);
                self.ask(to);
            }
            Event::Want { from, to, chunk } => self.upload(to, from, chunk),
            Event::Here { to, chunk } => {
                self.arrivals += 1;
                self.members[to].asked.remove(&chunk);
                if self.members[to].held.contains_key(&chunk) {
                    self.duplicates += 1;
                } else {
                    self.store(to, chunk);
                }
                self.ask(to);
            }
            Event::Late { member, chunk } => {
                self.members[member].asked.remove(&chunk);
                self.ask(member);
            }
        }
    }

    fn store(&mut self, member: usize, chunk: u32) {
        self.members[member].held.insert(chunk, self.now);
        let neighbours = self.members[member].neighbours.clone();
        if self.way == Way::Push {
            for to in neighbours.into_iter().sample(&mut self.random, FANOUT) {
                self.upload(member, to, chunk);
            }
        } else {
            for to in neighbours {
                let from = member;
                self.soon(Event::Have { from, to, chunk });
            }
        }
    }

    fn upload(&mut self, from: usize, to: usize, chunk: u32) {
        let bytes = if chunk.is_multiple_of(2) {
            PICTURE_BYTES
        } else {
            SOUND_BYTES
        };
        let sent_at = self.members[from].uplink_free_at.max(self.now) + bytes * UPLINK / 100;
        self.members[from].uplink_free_at = sent_at;
        let latency = self.random.random_range(5_000..25_000);
        self.at(sent_at + latency, Event::Here { to, chunk });
    }

    /// Asks for what is missing.
    fn ask(&mut self, from: usize) {
        let is_in_turn = self.way == Way::PullRarest;
        loop {
            let member = &mut self.members[from];
            if self.way == Way::Push || (is_in_turn && member.asked.len() >= IN_FLIGHT) {
                return;
            }
            let missing = member
                .holders
                .iter()
                .filter(|(chunk, _)| !member.held.contains_key(chunk) && !member.asked.contains_key(chunk));
            let next = if is_in_turn {
                missing.min_by_key(|(_, holders)| holders.len())
            } else {
                missing.min_by_key(|(chunk, _)| **chunk)
            };
            let Some((&chunk, holders)) = next else { return };
            member.turn += 1;
            let of = if is_in_turn {
                holders.iter().nth(member.turn % holders.len()).copied()
            } else {
                holders.iter().sample(&mut self.random, 1).first().map(|of| **of)
            };
            let Some(to) = of else { return };
            self.members[from].asked.insert(chunk, to);
            self.soon(Event::Want { from, to, chunk });
            let late = Event::Late { member: from, chunk };
            self.at(self.now + PATIENCE, late);
        }
    }

    fn result(&self) -> Played {
        let published = |chunk: &u32| EVERY * u64::from(chunk / 2);
        let of_member = |member: &Member| -> Vec<u64> {
            member
                .held
                .iter()
                .map(|(chunk, at)| at - published(chunk))
                .collect()
        };
        let mut delays: Vec<u64> = self.members.iter().flat_map(of_member).collect();
        delays.sort_unstable();
        Played {
            delivered: super::lab::ratio(delays.len(), BOXES * 2 * CHUNKS as usize),
            duplicates: super::lab::ratio(self.duplicates, self.arrivals),
            p99: Duration::from_micros(delays[delays.len() * 99 / 100]),
        }
    }
}
