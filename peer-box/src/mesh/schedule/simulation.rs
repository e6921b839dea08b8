//! A mesh of schedules in memory, with a clock, latencies and uplinks of its own: every run is the same for
//! the same seed.

mod heard;
mod stream;
mod uplink;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use wire::chunk::ChunkRecord;
use wire::id::{BoxId, ChunkId};
use wire::key::SecretKey;

use super::super::pacer::{NEARLY_DONE, Order};
use stream::{PART_BYTES, id_in, number_of, sound_of};
pub(super) use stream::{Stream, id_of, record_of, seal_of};

use super::demand::Demand;
use super::{Action, Limits, Schedule, Turn, Worth, is_small};

/// Uplinks, in bytes per second.
const USUAL_UPLINK: f64 = 1_250_000.0;
pub(super) const SLOW_UPLINK: u32 = 250_000;

/// How a box of the simulation behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Honest,
    /// Promises everything that it hears of, at once, and never answers a want.
    Silent,
    /// Passes on, and answers with something else in the place of what is sealed.
    Polluter,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Publish(u32),
    Connect(usize, usize),
    Wake(usize),
    /// The uplink is free again.
    Uplink(usize),
    /// The last parts of a chunk leave.
    Sent {
        from: usize,
        to: usize,
        id: ChunkId,
    },
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
    /// The chunk, but for so many parts that are here.
    Want(ChunkId, u32),
    Part {
        id: ChunkId,
        number: u32,
        is_genuine: bool,
    },
    Here(ChunkId),
    Wait(ChunkId),
    /// The turn of who waits has come.
    Offer(ChunkId),
    /// It takes the chunk, but for so many parts that are there.
    Go(ChunkId, u32),
    Busy(ChunkId),
    Withdraw(ChunkId),
    Done(ChunkId),
    Seek(ChunkId),
}

struct Member {
    id: BoxId,
    manner: Manner,
    schedule: Schedule,
    held: BTreeMap<ChunkId, Instant>,
    /// Every chunk that came, in order.
    fetched: Vec<ChunkId>,
    /// What somebody sends.
    taken: BTreeSet<ChunkId>,
    /// How many parts are here of what is coming.
    coming: BTreeMap<ChunkId, u32>,
    parts: usize,
    /// Parts that came when they were here already.
    parts_twice: usize,
    uploads: Vec<Upload>,
    /// Wants that wait for a slot.
    waiting: BTreeSet<(usize, ChunkId)>,
    uplink: f64,
    uplink_free_at: Instant,
    banned: BTreeSet<BoxId>,
    wakes_at: Option<Instant>,
}

/// A chunk on its way to a neighbour, and its next part.
struct Upload {
    to: usize,
    id: ChunkId,
    next: u32,
    worth: Worth,
    latency: Duration,
    is_told: bool,
}

pub(super) struct Simulation {
    start: Instant,
    now: Instant,
    random: StdRng,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    sequence: u64,
    members: Vec<Member>,
    seeds: usize,
    stream: Stream,
    pub(super) busy_answers: usize,
    /// Everything that was sent, answers aside, and the wants among it.
    pub(super) messages: usize,
    pub(super) wants: usize,
    /// Neighbours that lost their place.
    pub(super) left: usize,
    /// Whether what arrives is compared with its seal.
    pub(super) is_checked: bool,
    pub(super) bad_accepted: usize,
}

impl Simulation {
    /// Boxes of the given manners, the first `seeds` of which get everything from the origin.
    pub(super) fn new(seed: u64, manners: &[Manner], seeds: usize) -> Self {
        Self::with_limits(seed, manners, seeds, Limits::default())
    }

    pub(super) fn with_limits(seed: u64, manners: &[Manner], seeds: usize, limits: Limits) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let start = Instant::now();
        let member = |(number, manner): (usize, &Manner)| {
            let mut key = [0; 32];
            key[0] = u8::try_from(number).unwrap();
            Member {
                id: BoxId::of(&SecretKey::from_seed(key).public()),
                manner: *manner,
                schedule: Schedule::new(limits, StdRng::seed_from_u64(random.random())),
                held: BTreeMap::new(),
                fetched: Vec::new(),
                taken: BTreeSet::new(),
                coming: BTreeMap::new(),
                parts: 0,
                parts_twice: 0,
                uploads: Vec::new(),
                waiting: BTreeSet::new(),
                uplink: USUAL_UPLINK,
                uplink_free_at: start,
                banned: BTreeSet::new(),
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
            stream: Stream::SMALL,
            busy_answers: 0,
            messages: 0,
            wants: 0,
            left: 0,
            is_checked: true,
            bad_accepted: 0,
        }
    }

    pub(super) fn plays(mut self, stream: Stream) -> Self {
        self.stream = stream;
        self
    }

    /// These have slower uplinks, and know it.
    pub(super) fn slow(&mut self, members: impl IntoIterator<Item = usize>, uplink: u32) {
        for member in members {
            let member = &mut self.members[member];
            member.uplink = f64::from(uplink);
            member.schedule.demand = Demand::on(uplink.into());
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
            self.at(self.start + self.stream.every * number, Event::Publish(number));
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

    /// Parts that came when they were here already.
    pub(super) fn duplicates(&self) -> usize {
        self.members.iter().map(|member| member.parts_twice).sum()
    }

    /// All parts that came.
    pub(super) fn parts(&self) -> usize {
        self.members.iter().map(|member| member.parts).sum()
    }

    pub(super) fn arrivals(&self) -> usize {
        self.members.iter().map(|member| member.fetched.len()).sum()
    }

    /// How long after its publication each honest box stored each chunk, sorted.
    pub(super) fn delays(&self) -> Vec<Duration> {
        let of_member = |member: &Member| -> Vec<Duration> {
            let delay =
                |(id, at): (&ChunkId, &Instant)| *at - (self.start + self.stream.every * number_of(id));
            member.held.iter().map(delay).collect()
        };
        let mut delays: Vec<Duration> = self
            .members
            .iter()
            .filter(|member| member.manner == Manner::Honest)
            .flat_map(of_member)
            .collect();
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
                    if self.stream.sound_bytes.is_some() {
                        self.store(seed, &sound_of(number));
                    }
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
            Event::Uplink(member) => self.pump(member),
            Event::Sent { from, to, id } => {
                let to = self.members[to].id;
                self.members[from].schedule.sent(to, &id);
                self.drain(from);
            }
            Event::Message { from, to, message } => {
                self.receive(from, to, message);
                self.drain(to);
            }
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let id = self.members[other].id;
        let honest = self
            .members
            .iter()
            .filter(|member| member.manner == Manner::Honest);
        let giving = honest.map(|member| member.id).collect();
        let member = &mut self.members[one];
        member.schedule.give_first(giving);
        let newest_first = member.held.keys().rev().map(|id| (id.clone(), seal_of(id)));
        member.schedule.joined(id, newest_first);
        self.drain(one);
    }

    fn store(&mut self, member: usize, id: &ChunkId) {
        let member = &mut self.members[member];
        member.held.entry(id.clone()).or_insert(self.now);
        let bytes = self.stream.bytes_of(id) as usize;
        member.schedule.stored(self.now, id, &seal_of(id), bytes);
    }

    fn drain(&mut self, member: usize) {
        while let Some(action) = self.members[member].schedule.next(self.now) {
            match action {
                Action::Have(to, seals) => {
                    let ids = seals.iter().map(id_in).collect();
                    self.send(member, self.number_of(to), Message::Have(ids));
                }
                Action::Serve(to, id) => {
                    let to = self.number_of(to);
                    self.members[member].waiting.remove(&(to, id.clone()));
                    self.send(member, to, Message::Offer(id));
                }
                Action::Refuse(to, id) => self.refuse(member, self.number_of(to), id),
                Action::Want(to, id) => {
                    self.wants += 1;
                    assert!(
                        !self.members[member].held.contains_key(&id),
                        "asked for {id}, which is here"
                    );
                    let here = self.members[member].coming.get(&id).copied().unwrap_or(0);
                    self.members[member].taken.remove(&id);
                    self.send(member, self.number_of(to), Message::Want(id, here));
                }
                Action::Withdraw(to, id) => self.send(member, self.number_of(to), Message::Withdraw(id)),
                Action::Done(to, id) => self.send(member, self.number_of(to), Message::Done(id)),
                Action::Seek(of, id) => self.send(member, self.number_of(of), Message::Seek(id)),
                Action::Leave(id) => {
                    let other = self.number_of(id);
                    let me = self.members[member].id;
                    self.left += 1;
                    self.members[other].schedule.left(me);
                    self.members[member].banned.insert(id);
                }
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

    fn refuse(&mut self, from: usize, to: usize, id: ChunkId) {
        self.busy_answers += 1;
        self.send(from, to, Message::Busy(id));
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        self.messages += usize::from(matches!(
            message,
            Message::Have(_) | Message::Want(..) | Message::Done(_)
        ));
        let latency = Duration::from_millis(self.random.random_range(5..25));
        self.at(self.now + latency, Event::Message { from, to, message });
    }

    fn number_of(&self, id: BoxId) -> usize {
        self.members
            .iter()
            .position(|member| member.id == id)
            .expect("boxes speak to members only")
    }
}

fn parts_of(bytes: u32) -> u32 {
    bytes.div_ceil(PART_BYTES)
}
