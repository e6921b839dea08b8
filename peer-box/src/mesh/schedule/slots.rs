//! Upload slots: how many chunks this box sends to neighbours at a time.
//!
//! A socket takes bytes long before the uplink has carried them, so a slot is free again when the receiver
//! says `done`, or when it has said nothing for too long. Who does that lets others go first for a while: it
//! would otherwise hold the one slot for ever.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::id::{BoxId, ChunkId};

/// A receiver that says nothing has lost its slot.
const LONGEST: Duration = Duration::from_secs(3);

/// For how long it gets no other; twice as long each further time.
const REST: Duration = Duration::from_secs(1);

/// The longest, as doublings of that.
const MAX_DOUBLINGS: u32 = 5;

/// How long, and of how many, it is remembered that they lost a slot.
const MEMORY: Duration = Duration::from_mins(2);
const MAX_LOST: usize = 1024;

#[derive(Debug)]
pub(super) struct Slots {
    number: usize,
    taken: Vec<Slot>,
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
}

impl Slots {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            taken: Vec::with_capacity(number),
            lost: BTreeMap::new(),
        }
    }

    /// Takes a slot if there is one; a neighbour has one at a time, so that it cannot take all.
    pub(super) fn take(&mut self, now: Instant, by: BoxId, id: &ChunkId) -> bool {
        self.take_back(now);
        let rests = self.lost.get(&by).is_some_and(|lost| lost.rests(now));
        if rests || self.taken.len() >= self.number || self.taken.iter().any(|slot| slot.by == by) {
            return false;
        }
        self.taken.push(Slot {
            by,
            id: id.clone(),
            since: now,
        });
        true
    }

    pub(super) fn free(&mut self, by: BoxId, id: &ChunkId) {
        let is_its = |slot: &Slot| slot.by == by && slot.id == *id;
        if self.taken.iter().any(is_its) {
            self.taken.retain(|slot| !is_its(slot));
            self.lost.remove(&by);
        }
    }

    /// A receiver is gone: what it had not said `done` of is lost.
    pub(super) fn free_all_of(&mut self, by: BoxId) {
        self.lose(|slot| (slot.by == by).then_some(slot.since));
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
