//! Upload slots: how many chunks this box sends to neighbours at a time, and who waits for one.
//!
//! A slot is free again when the receiver says `done`, or when it has said nothing for too long. Who does that lets
//! others go first for a while: it would otherwise hold the one slot for ever. Once the last parts leave, the
//! next chunk may begin, while the receiver's `done` is on its way; but no more than one for each slot, since bytes may leave
//! here faster than the uplink carries them.
//!
//! What is worth more than everything that is being sent overtakes it: the rest of that waits. Neighbours may wait for a
//! slot, here and elsewhere at once: each goes where its turn comes first, and no uplink is idle while there is somebody to
//! serve.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::id::{BoxId, ChunkId};

/// A receiver that says nothing has lost its slot.
const LONGEST: Duration = Duration::from_secs(3);

/// Who waits is told after so long that it is better off elsewhere.
const LONGEST_WAIT: Duration = Duration::from_millis(300);

/// How many may wait for each slot. They wait elsewhere too, and go where their turn comes first.
const WAITING: usize = 16;

/// For how long who lost its slot gets no other; twice as long each further time.
const REST: Duration = Duration::from_secs(1);

/// The longest, as doublings of that.
const MAX_DOUBLINGS: u32 = 5;

/// How long, and of how many, it is remembered that they lost a slot.
const MEMORY: Duration = Duration::from_mins(2);
const MAX_LOST: usize = 1024;

/// What a neighbour that wants a chunk gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The chunk.
    Now,
    /// An answer in a moment.
    Wait,
    /// The answer `busy`.
    Busy,
}

/// What a chunk is worth to the mesh, in the order in which wants are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Worth {
    /// Nobody is about to watch it.
    pub(crate) is_past: bool,
    /// Who wants it is not known to hand anything on.
    pub(crate) only_takes: bool,
    /// How many neighbours have it already: the first copies go on to make others.
    pub(crate) copies: usize,
}

/// The waiting of a neighbour is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Over {
    Served(BoxId, ChunkId),
    Refused(BoxId, ChunkId),
}

#[derive(Debug)]
pub(super) struct Slots {
    number: usize,
    taken: Vec<Slot>,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    lost: BTreeMap<BoxId, Lost>,
}

/// Slots that a receiver lost one after another.
#[derive(Debug)]
struct Lost {
    times: u32,
    last: Instant,
}

#[derive(Debug)]
struct Slot {
    by: BoxId,
    id: ChunkId,
    since: Instant,
    worth: Worth,
    /// Its last part has left.
    has_left: bool,
}

#[derive(Debug)]
struct Waiting {
    by: BoxId,
    id: ChunkId,
    until: Instant,
    worth: Worth,
}

impl Slots {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            taken: Vec::with_capacity(number),
            waiting: Vec::with_capacity(number),
            lost: BTreeMap::new(),
        }
    }

    /// A neighbour wants a chunk. It has one slot at a time, so that it cannot take all, and waits for one.
    pub(super) fn want(&mut self, now: Instant, by: BoxId, id: &ChunkId, worth: Worth) -> Turn {
        self.take_back(now);
        let rests = self.lost.get(&by).is_some_and(|lost| lost.rests(now));
        if rests || self.waiting.iter().any(|waiting| waiting.by == by) {
            return Turn::Busy;
        }
        if self.waiting.is_empty() && self.has_one_for(by) || self.overtakes(by, worth) {
            self.take(now, by, id.clone(), worth);
            return Turn::Now;
        }
        // What is worth less makes room.
        if self.waiting.len() >= WAITING * self.number {
            let least = self.waiting.iter_mut().max_by_key(|waiting| waiting.worth);
            match least.filter(|least| worth < least.worth && least.until > now) {
                Some(least) => least.until = now,
                None => return Turn::Busy,
            }
        }
        self.waiting.push(Waiting {
            by,
            id: id.clone(),
            until: now + LONGEST_WAIT,
            worth,
        });
        Turn::Wait
    }

    /// Whose waiting is over, and how; call it until there is none.
    pub(super) fn next(&mut self, now: Instant) -> Option<Over> {
        self.take_back(now);
        if let Some(late) = self.waiting.iter().position(|waiting| waiting.until <= now) {
            let late = self.waiting.remove(late);
            return Some(Over::Refused(late.by, late.id));
        }
        let first = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, waiting)| self.has_one_for(waiting.by))
            .min_by_key(|(_, waiting)| waiting.worth)
            .map(|(first, _)| first)?;
        let first = self.waiting.remove(first);
        self.take(now, first.by, first.id.clone(), first.worth);
        Some(Over::Served(first.by, first.id))
    }

    /// When [`Slots::next`] is worth asking although nothing happened.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }

    pub(super) fn free(&mut self, by: BoxId, id: &ChunkId) {
        let is_its = |slot: &Slot| slot.by == by && slot.id == *id;
        if self.taken.iter().any(is_its) {
            self.taken.retain(|slot| !is_its(slot));
            self.lost.remove(&by);
        }
    }

    /// What was to be sent is not there any more, or not wanted.
    pub(super) fn unused(&mut self, by: BoxId, id: &ChunkId) {
        self.waiting
            .retain(|waiting| waiting.by != by || waiting.id != *id);
        self.taken.retain(|slot| slot.by != by || slot.id != *id);
    }

    /// A receiver did not take what it had waited for.
    pub(super) fn lose_of(&mut self, now: Instant, by: BoxId, id: &ChunkId) {
        self.lose(|slot| (slot.by == by && slot.id == *id).then_some(now));
    }

    /// A receiver is gone: what it had not said `done` of is lost.
    pub(super) fn free_all_of(&mut self, by: BoxId) {
        self.waiting.retain(|waiting| waiting.by != by);
        self.lose(|slot| (slot.by == by).then_some(slot.since));
    }

    fn has_one_for(&self, by: BoxId) -> bool {
        self.sending().count() < self.number
            && self.taken.len() < 2 * self.number
            && self.taken.iter().all(|slot| slot.by != by)
    }

    fn sending(&self) -> impl Iterator<Item = &Slot> {
        self.taken.iter().filter(|slot| !slot.has_left)
    }

    /// The last part of a chunk has left.
    pub(super) fn left(&mut self, by: BoxId, id: &ChunkId) {
        let slot = self.taken.iter_mut().find(|slot| slot.by == by && slot.id == *id);
        if let Some(slot) = slot {
            slot.has_left = true;
        }
    }

    /// How many are being sent this chunk.
    pub(super) fn sending_of(&self, id: &ChunkId) -> usize {
        self.taken.iter().filter(|slot| slot.id == *id).count()
    }

    /// What is worth more than everything that is being sent goes ahead of it: the rest of that waits.
    fn overtakes(&self, by: BoxId, worth: Worth) -> bool {
        self.sending().next().is_some()
            && self.taken.len() < 3 * self.number
            && self.taken.iter().all(|slot| slot.by != by)
            && self.sending().all(|slot| worth < slot.worth)
    }

    fn take(&mut self, now: Instant, by: BoxId, id: ChunkId, worth: Worth) {
        self.taken.push(Slot {
            by,
            id,
            since: now,
            worth,
            has_left: false,
        });
    }

    /// Takes the slots of those who said nothing for too long.
    fn take_back(&mut self, now: Instant) {
        self.lost
            .retain(|_, lost| now.saturating_duration_since(lost.last) < MEMORY);
        self.lose(|slot| (now.saturating_duration_since(slot.since) >= LONGEST).then_some(now));
    }

    /// Takes slots back that were lost, each at the moment that `when` says.
    fn lose(&mut self, when: impl Fn(&Slot) -> Option<Instant>) {
        self.taken.retain(|slot| {
            let Some(at) = when(slot) else { return true };
            if self.lost.len() >= MAX_LOST {
                self.lost.pop_first();
            }
            let lost = self.lost.entry(slot.by).or_insert(Lost { times: 0, last: at });
            lost.times = lost.times.saturating_add(1);
            lost.last = at;
            false
        });
    }
}

impl Lost {
    fn rests(&self, now: Instant) -> bool {
        let doublings = self.times.saturating_sub(1).min(MAX_DOUBLINGS);
        now.saturating_duration_since(self.last) < REST * 2_u32.pow(doublings)
    }
}
