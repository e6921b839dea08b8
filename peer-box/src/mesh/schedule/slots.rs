//! Upload slots: how many chunks this box sends to neighbours at a time.
//!
//! A socket takes bytes long before the uplink has carried them, so a slot is free again when the receiver
//! says `done`, or when it has said nothing for too long.

use std::time::{Duration, Instant};

use wire::id::{BoxId, ChunkId};

/// A receiver that says nothing has lost its slot.
const LONGEST: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Slots {
    number: usize,
    taken: Vec<Slot>,
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
        }
    }

    /// Takes a slot if there is one; a neighbour has one at a time, so that it cannot take all.
    pub(super) fn take(&mut self, now: Instant, by: BoxId, id: &ChunkId) -> bool {
        self.taken
            .retain(|slot| now.saturating_duration_since(slot.since) < LONGEST);
        if self.taken.len() >= self.number || self.taken.iter().any(|slot| slot.by == by) {
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
        self.taken.retain(|slot| slot.by != by || slot.id != *id);
    }

    pub(super) fn free_all_of(&mut self, by: BoxId) {
        self.taken.retain(|slot| slot.by != by);
    }
}
