//! The schedule: whom to ask for what, whom to tell of what, and whose turn it is to be served.
//!
//! Pure: time and randomness are arguments, nothing is sent. The node reports what happened and then drains
//! [`Schedule::next`], which is what it should send. Chunks that neighbours promised are pulled from one
//! holder at a time: the edge of the stream before the past, each from the holder that is likely to be the
//! first to deliver, another when it does not. A holder that promises and does not deliver loses its place for
//! a while; one that has delivered nothing yet is asked little.
//!
//! Only records whose seal opened come in here, and only for chunks that the window would take: what is not
//! genuine, or is old, never reaches these tables.

mod answers;
mod asking;
mod demand;
mod held;
#[cfg(test)]
mod lab;
mod neighbour;
mod pace;
mod promise;
mod serving;
#[cfg(test)]
mod simulation;
mod slots;
mod telling;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod ways;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use wire::chunk::{ChunkRecord, Seal};
use wire::id::{BoxId, ChannelName, ChunkId, Epoch, TrackId};

use asking::Hedges;
use demand::Demand;
use held::Held;
use neighbour::Neighbour;
use pace::Pace;
use promise::Promise;
pub(crate) use promise::is_small;
pub(crate) use slots::Turn;
pub(crate) use slots::Worth;
use slots::{Over, Slots};
use telling::{COMPANY, Later};

/// How much may go on at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Chunks asked for and not here yet.
    pub(crate) in_flight: usize,
    /// Those of them that were asked of neighbours that delivered nothing yet.
    pub(crate) newcomers: usize,
    /// Those of them that are large and that nobody is about to watch: each holds up an upload slot somewhere.
    pub(crate) past: usize,
    /// Chunks being sent to neighbours.
    pub(crate) upload_slots: usize,
    /// Bytes that may leave in a second.
    pub(crate) uplink: u64,
    /// Chunks promised, and chunks remembered as held: each at most so many.
    pub(crate) chunks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 12,
            newcomers: 6,
            past: 1,
            upload_slots: 1,
            uplink: 1_250_000,
            chunks: 32 << 10,
        }
    }
}

/// How long a promise is worth anything, and how long it is remembered who knows of a held chunk: what the
/// window keeps, and a little.
const MEMORY: Duration = Duration::from_secs(75);

/// How often what is old is forgotten.
const TIDY: Duration = Duration::from_secs(1);

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Tell the neighbour of these chunks; then report [`Schedule::heard`].
    Have(BoxId, Vec<Seal>),
    /// Ask the neighbour for the chunk; then report how it went.
    Want(BoxId, ChunkId),
    /// Tell the neighbour that the chunk arrived.
    Done(BoxId, ChunkId),
    /// Wait no longer for what was asked: another has begun to send it.
    Withdraw(BoxId, ChunkId),
    /// Ask the neighbour to tell of the chunk, if it holds it.
    Seek(BoxId, ChunkId),
    /// Answer the neighbour's want that waited: with the chunk.
    Serve(BoxId, ChunkId),
    /// Answer the neighbour's want that waited: busy.
    Refuse(BoxId, ChunkId),
    /// It promises and does not deliver: give its place to another.
    Leave(BoxId),
}

/// What passes between this box and its neighbours.
#[derive(Debug)]
pub(crate) struct Schedule {
    limits: Limits,
    random: StdRng,
    neighbours: BTreeMap<BoxId, Neighbour>,
    promised: BTreeMap<ChunkId, Promise>,
    held: Held,
    /// The newest segment heard of in each epoch, posters aside, and when: what makes a promise edge or past.
    newest: BTreeMap<(ChannelName, Epoch), (u32, Instant)>,
    slots: Slots,
    /// Neighbours that are known to hand on what they take.
    giving: BTreeSet<BoxId>,
    /// How fast neighbours deliver.
    pace: Pace,
    hedges: Hedges,
    demand: Demand,
    /// When a large chunk of the past was last asked for, of somebody who is known to deliver.
    past_asked: Option<Instant>,
    /// When the neighbours are told of what came.
    tells_at: Option<Instant>,
    /// What neighbours hear of later, in the order of time.
    later: VecDeque<Later>,
    /// Up to when everything is done that time alone brings.
    seen: Option<Instant>,
    actions: VecDeque<Action>,
    /// When what is old was last forgotten.
    tidied: Option<Instant>,
}

impl Schedule {
    /// A box without neighbours.
    pub(crate) fn new(limits: Limits, random: StdRng) -> Self {
        Self {
            limits,
            random,
            neighbours: BTreeMap::new(),
            promised: BTreeMap::new(),
            held: Held::new(limits.chunks),
            newest: BTreeMap::new(),
            slots: Slots::new(limits.upload_slots),
            giving: BTreeSet::new(),
            pace: Pace::default(),
            hedges: Hedges::default(),
            demand: Demand::on(limits.uplink),
            past_asked: None,
            tells_at: None,
            later: VecDeque::new(),
            seen: None,
            actions: VecDeque::new(),
            tidied: None,
        }
    }

    /// A neighbour connected: it will hear of everything that is here, given newest first.
    pub(crate) fn joined(&mut self, id: BoxId, window: impl IntoIterator<Item = (ChunkId, Seal)>) {
        let neighbour = self.neighbours.entry(id).or_default();
        neighbour.will_hear_of_all(self.held.coming().chain(window));
        self.tell(id);
    }

    /// A neighbour leaves these channels to others, and no others any more. The channels that it takes again.
    pub(crate) fn leaves(&mut self, by: BoxId, channels: BTreeSet<ChannelName>) -> BTreeSet<ChannelName> {
        let neighbour = self.neighbours.get_mut(&by);
        neighbour.map_or_else(BTreeSet::new, |neighbour| neighbour.leaves(channels))
    }

    /// A neighbour takes channels again: it will hear of what is here of them, given newest first.
    pub(crate) fn tell_again(&mut self, to: BoxId, window: Vec<(ChunkId, Seal)>) {
        if let Some(neighbour) = self.neighbours.get_mut(&to) {
            for (id, seal) in window.into_iter().rev() {
                neighbour.will_hear_of(id, seal);
            }
            self.tell(to);
        }
    }

    /// A neighbour is gone, and everything that it promised.
    pub(crate) fn left(&mut self, id: BoxId) {
        self.neighbours.remove(&id);
        self.slots.free_all_of(id);
        self.held.left(id);
        for promise in self.promised.values_mut() {
            promise.is_not_with(id);
        }
        self.forget_promises(|promise| promise.holders.is_empty());
    }

    /// Whether the chunk is known with exactly this seal already: then the seal need not be opened again.
    pub(crate) fn knows(&self, id: &ChunkId, seal: &Seal) -> bool {
        let promised = || self.promised.get(id).is_some_and(|promise| promise.seal == *seal);
        self.held.has_seal(id, seal) || promised()
    }

    /// The seal that a promised chunk should bear.
    pub(crate) fn seal_of(&self, id: &ChunkId) -> Option<&Seal> {
        self.promised.get(id).map(|promise| &promise.seal)
    }

    /// Whether the chunk is held whole, as far as is remembered.
    pub(crate) fn holds(&self, id: &ChunkId) -> bool {
        self.held.is_whole(id)
    }

    /// Whether the chunk is promised and not here.
    pub(crate) fn awaits(&self, id: &ChunkId) -> bool {
        self.promised.contains_key(id)
    }

    /// A neighbour says, again, that it holds a chunk that is [known](Schedule::knows).
    pub(crate) fn told_again(&mut self, from: BoxId, id: &ChunkId) {
        if !self.neighbours.contains_key(&from) {
            return;
        }
        self.held.learn(from, id);
        if let Some(promise) = self.promised.get_mut(id) {
            promise.holders.insert(from);
        }
    }

    /// A neighbour promised a chunk that is not here and that the window would take.
    pub(crate) fn told(&mut self, now: Instant, from: BoxId, record: &ChunkRecord, seal: Seal) {
        let is_known = self.held.contains(&record.id) || self.promised.contains_key(&record.id);
        if is_known {
            return self.told_again(from, &record.id);
        }
        if self.promised.len() >= self.limits.chunks || !self.neighbours.contains_key(&from) {
            return;
        }
        self.saw(now, &record.id);
        if !is_small(record.size as usize) {
            self.demand.saw(record);
        }
        self.promised
            .insert(record.id.clone(), Promise::new(now, seal, record.size, from));
    }

    /// A chunk was stored, wherever it came from: everybody who does not know it will hear of it.
    pub(crate) fn stored(&mut self, now: Instant, id: &ChunkId, seal: &Seal, bytes: usize) {
        if self.held.is_whole(id) {
            return;
        }
        self.saw(now, id);
        let promise = self.promised.remove(id);
        if let Some(sought_by) = self.held.becomes_whole(id) {
            return self.will_tell(now, id, seal, COMPANY, |neighbour| sought_by.contains(&neighbour));
        }
        let known_to = promise.map(|promise| promise.holders).unwrap_or_default();
        self.will_tell_of(now, id, seal, bytes, |neighbour| !known_to.contains(&neighbour));
        self.held.is_here(now, id.clone(), seal.clone(), known_to);
    }

    /// The chunk is not wanted after all: the window would not take it any more.
    pub(crate) fn unwanted(&mut self, id: &ChunkId) {
        self.promised.remove(id);
        self.held.does_not_come(id);
    }

    /// A viewer waits for a segment: its promised chunks come first now. Whether there are any.
    pub(crate) fn wish(&mut self, channel: &ChannelName, epoch: Epoch, track: TrackId, segment: u32) -> bool {
        let at = |index| ChunkId {
            channel: channel.clone(),
            epoch,
            track,
            segment,
            index,
        };
        let mut any = false;
        for (_, promise) in self.promised.range_mut(at(0)..=at(u16::MAX)) {
            promise.is_wished_for = true;
            any = true;
        }
        any
    }

    /// The next thing to send; call it until there is none.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        self.seen = Some(now);
        if let Some(over) = self.slots.next(now) {
            return Some(match over {
                Over::Served(by, id) => Action::Serve(by, id),
                Over::Refused(by, id) => Action::Refuse(by, id),
            });
        }
        self.tell_in_time(now);
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self
            .tidied
            .is_none_or(|then| now.saturating_duration_since(then) >= TIDY)
        {
            self.tidied = Some(now);
            self.forget_old(now);
        }
        if let Some(lost) = self.lost_its_place() {
            self.left(lost);
            return Some(Action::Leave(lost));
        }
        self.next_want(now)
    }

    /// Whose place is for another. The last neighbour keeps it: it may be this box that is too slow, and without anybody it
    /// would be slower.
    fn lost_its_place(&self) -> Option<BoxId> {
        let mut neighbours = self.neighbours.iter().filter(|_| self.neighbours.len() > 1);
        let lost = neighbours.find(|(_, neighbour)| neighbour.has_lost_its_place());
        lost.map(|(id, _)| *id)
    }

    /// When [`Schedule::next`] may have something to send although nothing happened.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let is_to_come = |at: &Instant| self.seen.is_none_or(|seen| *at > seen);
        let later = self.later.front().map(|later| later.at);
        let others = self
            .slots
            .wakes_at()
            .into_iter()
            .chain(self.tells_at)
            .chain(later);
        self.asks_at().chain(others).filter(is_to_come).min()
    }

    fn saw(&mut self, now: Instant, id: &ChunkId) {
        if id.track.is_poster() {
            return;
        }
        let newest = self
            .newest
            .entry((id.channel.clone(), id.epoch))
            .or_insert((0, now));
        *newest = (newest.0.max(id.segment), now);
    }

    /// What was coming and will not is sought: neighbours were told that it is here, and would not tell of it.
    fn forget_promises(&mut self, is_over: impl Fn(&Promise) -> bool) {
        let over = self.promised.extract_if(.., |_, promise| is_over(promise));
        let over: Vec<(ChunkId, Promise)> = over.collect();
        for (id, promise) in over {
            self.held.does_not_come(&id);
            if promise.is_coming {
                self.seek(&id);
            }
        }
    }

    fn does_not_hold(&mut self, holder: BoxId, id: &ChunkId) {
        if let Some(promise) = self.promised.get_mut(id) {
            promise.is_not_with(holder);
            if promise.holders.is_empty() {
                let is_coming = promise.is_coming;
                self.unwanted(id);
                if is_coming {
                    self.seek(id);
                }
            }
        }
    }

    fn forget_old(&mut self, now: Instant) {
        let is_fresh = |since: Instant| now.saturating_duration_since(since) < MEMORY;
        // What is being fetched stays: its answer is yet to come.
        self.forget_promises(|promise| promise.asked.is_empty() && !is_fresh(promise.since));
        self.held.retain(is_fresh);
        self.newest.retain(|_, (_, seen)| is_fresh(*seen));
    }
}
