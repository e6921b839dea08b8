//! The schedule: whom to ask for what, whom to tell of what, and whose turn it is to be served.
//!
//! Pure: time and randomness are arguments, nothing is sent. The node reports what happened and then drains
//! [`Schedule::next`], which is what it should send. Chunks that neighbours promised are pulled from one
//! holder at a time: the edge of the stream before the past, each from a holder that is not busy, another
//! when it does not deliver. A holder that promises and does not deliver loses its place for a while.
//!
//! Only records whose seal opened come in here, and only for chunks that the window would take: what is not
//! genuine, or is old, never reaches these tables.

mod held;
mod neighbour;
mod promise;
#[cfg(test)]
mod simulation;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use wire::chunk::{ChunkRecord, Seal};
use wire::id::{BoxId, ChannelName, ChunkId, Epoch, TrackId};

use held::Held;
use neighbour::Neighbour;
use promise::{Asked, Promise, Rank};
use slots::Slots;

/// How much may go on at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Chunks asked for and not here yet.
    pub(crate) in_flight: usize,
    /// Chunks being sent to neighbours.
    pub(crate) upload_slots: usize,
    /// Chunks promised, and chunks remembered as held: each at most so many.
    pub(crate) chunks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 8,
            upload_slots: 1,
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
            actions: VecDeque::new(),
            tidied: None,
        }
    }

    /// A neighbour connected: it will hear of everything that is here, given newest first.
    pub(crate) fn joined(&mut self, id: BoxId, window: impl IntoIterator<Item = (ChunkId, Seal)>) {
        let neighbour = self.neighbours.entry(id).or_default();
        neighbour.will_hear_of_all(window);
        self.tell(id);
    }

    /// A neighbour is gone, and everything that it promised.
    pub(crate) fn left(&mut self, id: BoxId) {
        self.neighbours.remove(&id);
        self.slots.free_all_of(id);
        self.held.left(id);
        self.promised.retain(|_, promise| {
            promise.is_not_with(id);
            !promise.holders.is_empty()
        });
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

    /// Whether the chunk is held, as far as is remembered.
    pub(crate) fn holds(&self, id: &ChunkId) -> bool {
        self.held.contains(id)
    }

    /// A neighbour says, again, that it holds a chunk that is [known](Schedule::knows).
    pub(crate) fn told_again(&mut self, from: BoxId, id: &ChunkId) {
        if !self.neighbours.contains_key(&from) {
            return;
        }
        if !self.held.learn(from, id)
            && let Some(promise) = self.promised.get_mut(id)
        {
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
        self.promised
            .insert(record.id.clone(), Promise::new(now, seal, record.size, from));
    }

    /// A neighbour sent what it was asked for: whatever the bytes are worth, it is free to be asked again.
    pub(crate) fn arrived(&mut self, from: BoxId, id: &ChunkId) {
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            neighbour.delivered(id);
            self.actions.push_back(Action::Done(from, id.clone()));
        }
        self.no_longer_asked(from, id);
    }

    /// The neighbour's upload slots are taken.
    pub(crate) fn busy(&mut self, now: Instant, from: BoxId, id: &ChunkId) {
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            neighbour.is_busy(now, id, &mut self.random);
        }
        self.no_longer_asked(from, id);
    }

    /// The neighbour does not keep the chunk any more.
    pub(crate) fn gone(&mut self, now: Instant, from: BoxId, id: &ChunkId) {
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            neighbour.has_it_no_more(now, id);
        }
        self.does_not_hold(from, id);
    }

    /// The neighbour did not answer, or answered something else.
    pub(crate) fn failed(&mut self, now: Instant, from: BoxId, id: &ChunkId) {
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            neighbour.did_not_deliver(now, id);
        }
        self.no_longer_asked(from, id);
    }

    /// A chunk was stored, wherever it came from: everybody who does not know it will hear of it.
    pub(crate) fn stored(&mut self, now: Instant, id: &ChunkId, seal: &Seal) {
        if self.held.contains(id) {
            return;
        }
        self.saw(now, id);
        let promise = self.promised.remove(id);
        let known_to = promise.map(|promise| promise.holders).unwrap_or_default();
        for (_, neighbour) in self
            .neighbours
            .iter_mut()
            .filter(|(id, _)| !known_to.contains(id))
        {
            neighbour.will_hear_of(id.clone(), seal.clone());
        }
        self.held.insert(now, id.clone(), seal.clone(), known_to);
        let ids: Vec<BoxId> = self.neighbours.keys().copied().collect();
        for neighbour in ids {
            self.tell(neighbour);
        }
    }

    /// The chunk is not wanted after all: the window would not take it any more.
    pub(crate) fn unwanted(&mut self, id: &ChunkId) {
        self.promised.remove(id);
    }

    /// The neighbour has answered a `have`, or will not.
    pub(crate) fn heard(&mut self, by: BoxId) {
        if let Some(neighbour) = self.neighbours.get_mut(&by) {
            neighbour.heard();
            self.tell(by);
        }
    }

    /// Whether the neighbour has the chunk, by what it said itself: then it has no use for it.
    pub(crate) fn is_known_to(&self, neighbour: BoxId, id: &ChunkId) -> bool {
        self.held.is_known_to(neighbour, id)
    }

    /// A neighbour wants a chunk: whether a slot is free for it, which is then taken.
    pub(crate) fn takes_slot(&mut self, now: Instant, by: BoxId, id: &ChunkId) -> bool {
        self.neighbours.contains_key(&by) && self.slots.take(now, by, id)
    }

    /// A neighbour says that a chunk arrived.
    pub(crate) fn done(&mut self, by: BoxId, id: &ChunkId) {
        self.slots.free(by, id);
        if self.neighbours.contains_key(&by) {
            self.held.learn(by, id);
        }
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
        self.give_up_late(now);
        if self
            .tidied
            .is_none_or(|then| now.saturating_duration_since(then) >= TIDY)
        {
            self.tidied = Some(now);
            self.forget_old(now);
        }
        let in_flight = self
            .neighbours
            .values()
            .filter(|neighbour| neighbour.is_asked())
            .count();
        if in_flight >= self.limits.in_flight {
            return None;
        }
        let (id, of) = self.choose(now)?;
        let promise = self.promised.get_mut(&id)?;
        let asked = Asked {
            of,
            until: now + promise.patience(),
        };
        promise.asked = Some(asked);
        self.neighbours.get_mut(&of)?.ask(id.clone());
        Some(Action::Want(of, id))
    }

    /// When [`Schedule::next`] may have something to send although nothing happened.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let late = self
            .promised
            .values()
            .filter_map(|promise| Some(promise.asked.as_ref()?.until));
        let rested = self
            .neighbours
            .values()
            .filter_map(|neighbour| neighbour.rests_until);
        late.chain(rested).min()
    }

    /// The most urgent chunk that somebody free holds, and one of those, by lot.
    fn choose(&mut self, now: Instant) -> Option<(ChunkId, BoxId)> {
        let free: BTreeSet<BoxId> = self
            .neighbours
            .iter()
            .filter(|(_, neighbour)| neighbour.is_free(now))
            .map(|(id, _)| *id)
            .collect();
        if free.is_empty() {
            return None;
        }
        let open = self
            .promised
            .iter()
            .filter(|(_, promise)| promise.asked.is_none() && !promise.holders.is_disjoint(&free));
        let (id, promise) = open.min_by_key(|(id, promise)| self.rank(id, promise))?;
        let of = promise.holders.intersection(&free).choose(&mut self.random)?;
        Some((id.clone(), *of))
    }

    fn rank(&self, id: &ChunkId, promise: &Promise) -> Rank {
        let newest = self.newest.get(&(id.channel.clone(), id.epoch));
        Rank::of(id, promise, newest.map_or(id.segment, |(segment, _)| *segment))
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

    fn tell(&mut self, id: BoxId) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else {
            return;
        };
        let knows = |chunk: &ChunkId| self.held.is_known_to(id, chunk);
        while let Some(seals) = neighbour.next_have(knows) {
            self.actions.push_back(Action::Have(id, seals));
        }
    }

    fn no_longer_asked(&mut self, of: BoxId, id: &ChunkId) {
        if let Some(promise) = self.promised.get_mut(id) {
            promise.is_not_asked_of(of);
        }
    }

    fn does_not_hold(&mut self, holder: BoxId, id: &ChunkId) {
        if let Some(promise) = self.promised.get_mut(id) {
            promise.is_not_with(holder);
            if promise.holders.is_empty() {
                self.promised.remove(id);
            }
        }
    }

    fn give_up_late(&mut self, now: Instant) {
        for (id, promise) in &mut self.promised {
            if let Some(asked) = promise.asked.take_if(|asked| asked.until <= now)
                && let Some(neighbour) = self.neighbours.get_mut(&asked.of)
            {
                neighbour.did_not_deliver(now, id);
            }
        }
        for neighbour in self.neighbours.values_mut() {
            neighbour.rests_until.take_if(|until| *until <= now);
        }
    }

    fn forget_old(&mut self, now: Instant) {
        let is_fresh = |since: Instant| now.saturating_duration_since(since) < MEMORY;
        // What is being fetched stays: its answer is yet to come.
        self.promised
            .retain(|_, promise| promise.asked.is_some() || is_fresh(promise.since));
        self.held.retain(is_fresh);
        self.newest.retain(|_, (_, seen)| is_fresh(*seen));
    }
}
