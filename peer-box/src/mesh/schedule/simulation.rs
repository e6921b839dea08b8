//! A mesh of schedules in memory, with a clock, latencies and uplinks of its own: every run is the same for
//! the same seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use wire::chunk::{ChunkRecord, Seal};
use wire::id::{BoxId, ChunkId, Epoch, TrackId};
use wire::key::SecretKey;

use super::{Action, Limits, Schedule};

const CHUNK_BYTES: u32 = 100_000;
const UPLINK_BYTES_PER_SECOND: f64 = 1_250_000.0;
const CHUNKS_PER_SEGMENT: u32 = 10;
const CHUNK_EVERY: Duration = Duration::from_millis(200);

/// How a box of the simulation behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Honest,
    /// Promises everything that it hears of, at once, and never answers a want.
    Silent,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Publish(u32),
    Connect(usize, usize),
    Wake(usize),
    Message {
        from: usize,
        to: usize,
        message: Message,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    Have(Vec<ChunkId>),
    Heard,
    Want(ChunkId),
    Here(ChunkId),
    Busy(ChunkId),
    Done(ChunkId),
}

struct Member {
    id: BoxId,
    manner: Manner,
    schedule: Schedule,
    held: BTreeMap<ChunkId, Instant>,
    /// Every arrival, in order, twice if it came twice.
    fetched: Vec<ChunkId>,
    uplink_free_at: Instant,
    wakes_at: Option<Instant>,
}

pub(super) struct Simulation {
    start: Instant,
    now: Instant,
    random: StdRng,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    sequence: u64,
    members: Vec<Member>,
    seeds: usize,
    pub(super) busy_answers: usize,
}

impl Simulation {
    /// Boxes of the given manners, the first `seeds` of which get everything from the origin.
    pub(super) fn new(seed: u64, manners: &[Manner], seeds: usize) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let start = Instant::now();
        let member = |(number, manner): (usize, &Manner)| {
            let mut key = [0; 32];
            key[0] = u8::try_from(number).unwrap();
            Member {
                id: BoxId::of(&SecretKey::from_seed(key).public()),
                manner: *manner,
                schedule: Schedule::new(Limits::default(), StdRng::seed_from_u64(random.random())),
                held: BTreeMap::new(),
                fetched: Vec::new(),
                uplink_free_at: start,
                wakes_at: None,
            }
        };
        let members = manners.iter().enumerate().map(member).collect();
        Self {
            start,
            now: start,
            random,
            events: BinaryHeap::new(),
            sequence: 0,
            members,
            seeds,
            busy_answers: 0,
        }
    }

    /// Connects each box to `degree` others at least.
    pub(super) fn connect_at_random(&mut self, degree: usize) {
        let all: Vec<usize> = (0..self.members.len()).collect();
        let mut pairs = BTreeSet::new();
        for &one in &all {
            let mut others: Vec<usize> = all.iter().copied().filter(|other| *other != one).collect();
            others.shuffle(&mut self.random);
            pairs.extend(
                others[..degree]
                    .iter()
                    .map(|other| (one.min(*other), one.max(*other))),
            );
        }
        for (one, other) in pairs {
            self.connect(Duration::ZERO, one, other);
        }
    }

    pub(super) fn connect(&mut self, after: Duration, one: usize, other: usize) {
        self.at(self.start + after, Event::Connect(one, other));
    }

    pub(super) fn publish(&mut self, chunks: u32) {
        for number in 0..chunks {
            self.at(self.start + CHUNK_EVERY * number, Event::Publish(number));
        }
    }

    pub(super) fn run_until(&mut self, end: Duration) {
        let end = self.start + end;
        while let Some(Reverse((at, _, _))) = self.events.peek()
            && *at <= end
            && let Some(Reverse((at, _, event))) = self.events.pop()
        {
            self.now = at;
            self.happen(event);
        }
    }

    pub(super) fn held(&self, member: usize) -> usize {
        self.members[member].held.len()
    }

    pub(super) fn fetched(&self, member: usize) -> &[ChunkId] {
        &self.members[member].fetched
    }

    /// How long after its publication each box stored each chunk, sorted.
    pub(super) fn delays(&self) -> Vec<Duration> {
        let of_member = |member: &Member| -> Vec<Duration> {
            let delay = |(id, at): (&ChunkId, &Instant)| *at - (self.start + CHUNK_EVERY * number_of(id));
            member.held.iter().map(delay).collect()
        };
        let mut delays: Vec<Duration> = self.members.iter().flat_map(of_member).collect();
        delays.sort();
        delays
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((at, self.sequence, event)));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Publish(number) => {
                for seed in 0..self.seeds {
                    self.store(seed, &id_of(number));
                    self.drain(seed);
                }
            }
            Event::Connect(one, other) => {
                self.join(one, other);
                self.join(other, one);
            }
            Event::Wake(member) => {
                self.members[member].wakes_at = None;
                self.drain(member);
            }
            Event::Message { from, to, message } => {
                self.receive(from, to, message);
                self.drain(to);
            }
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let id = self.members[other].id;
        let member = &mut self.members[one];
        let newest_first = member.held.keys().rev().map(|id| (id.clone(), seal_of(id)));
        member.schedule.joined(id, newest_first);
        self.drain(one);
    }

    fn store(&mut self, member: usize, id: &ChunkId) {
        let member = &mut self.members[member];
        member.held.entry(id.clone()).or_insert(self.now);
        member.schedule.stored(self.now, id, &seal_of(id));
    }

    fn receive(&mut self, from: usize, to: usize, message: Message) {
        let now = self.now;
        let sender = self.members[from].id;
        let silent = self.members[to].manner == Manner::Silent;
        let schedule = &mut self.members[to].schedule;
        match message {
            Message::Have(ids) => {
                self.send(to, from, Message::Heard);
                for id in ids {
                    if silent {
                        self.store(to, &id);
                    } else {
                        self.members[to]
                            .schedule
                            .told(now, sender, &record_of(&id), seal_of(&id));
                    }
                }
            }
            Message::Heard => schedule.heard(sender),
            Message::Want(_) if silent => {}
            Message::Want(id) => {
                if schedule.takes_slot(now, sender, &id) {
                    self.upload(to, from, id);
                } else {
                    self.busy_answers += 1;
                    self.send(to, from, Message::Busy(id));
                }
            }
            Message::Here(id) => {
                schedule.arrived(sender, &id);
                self.members[to].fetched.push(id.clone());
                self.store(to, &id);
            }
            Message::Busy(id) => schedule.busy(now, sender, &id),
            Message::Done(id) => schedule.done(sender, &id),
        }
    }

    fn drain(&mut self, member: usize) {
        while let Some(action) = self.members[member].schedule.next(self.now) {
            match action {
                Action::Have(to, seals) => {
                    let ids = seals.iter().map(id_in).collect();
                    self.send(member, self.number_of(to), Message::Have(ids));
                }
                Action::Want(to, id) => {
                    assert!(
                        !self.members[member].held.contains_key(&id),
                        "asked for {id}, which is here"
                    );
                    self.send(member, self.number_of(to), Message::Want(id));
                }
                Action::Done(to, id) => self.send(member, self.number_of(to), Message::Done(id)),
            }
        }
        let wakes_at = self.members[member].schedule.wakes_at();
        if let Some(at) = wakes_at
            && self.members[member].wakes_at.is_none_or(|sooner| at < sooner)
        {
            self.members[member].wakes_at = Some(at);
            self.at(at.max(self.now), Event::Wake(member));
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        let latency = Duration::from_millis(self.random.random_range(5..25));
        self.at(self.now + latency, Event::Message { from, to, message });
    }

    /// The bytes leave one after another: that is what an uplink is.
    fn upload(&mut self, from: usize, to: usize, id: ChunkId) {
        let transfer = Duration::from_secs_f64(f64::from(CHUNK_BYTES) / UPLINK_BYTES_PER_SECOND);
        let sender = &mut self.members[from];
        sender.uplink_free_at = sender.uplink_free_at.max(self.now) + transfer;
        let at = sender.uplink_free_at + Duration::from_millis(self.random.random_range(5..25));
        let message = Message::Here(id);
        self.at(at, Event::Message { from, to, message });
    }

    fn number_of(&self, id: BoxId) -> usize {
        self.members
            .iter()
            .position(|member| member.id == id)
            .expect("boxes speak to members only")
    }
}

pub(super) fn id_of(number: u32) -> ChunkId {
    ChunkId {
        channel: "demo".parse().unwrap(),
        epoch: Epoch(1),
        track: TrackId::VIDEO,
        segment: 1 + number / CHUNKS_PER_SEGMENT,
        index: u16::try_from(number % CHUNKS_PER_SEGMENT).unwrap(),
    }
}

fn number_of(id: &ChunkId) -> u32 {
    (id.segment - 1) * CHUNKS_PER_SEGMENT + u32::from(id.index)
}

/// In here a seal is believed: the schedule sees only those that opened.
pub(super) fn seal_of(id: &ChunkId) -> Seal {
    Seal::new(Bytes::copy_from_slice(&number_of(id).to_be_bytes()))
}

fn id_in(seal: &Seal) -> ChunkId {
    id_of(u32::from_be_bytes(seal.bytes()[..].try_into().unwrap()))
}

pub(super) fn record_of(id: &ChunkId) -> ChunkRecord {
    ChunkRecord {
        id: id.clone(),
        last: u32::from(id.index) == CHUNKS_PER_SEGMENT - 1,
        time: u64::from(number_of(id)) * 200,
        duration: 200,
        timescale: 1000,
        size: CHUNK_BYTES,
        sha256: [0; 32],
    }
}
