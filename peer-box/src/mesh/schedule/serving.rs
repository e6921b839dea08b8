//! Who is served, and what that is worth to the mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use wire::id::{BoxId, ChunkId};

use super::neighbour::Neighbour;
use super::promise::EDGE_SEGMENTS;
use super::slots::{Turn, Worth};
use super::{Schedule, is_small};

impl Schedule {
    /// Which neighbours hand on what they take, as trackers heard of others: they are served before those that only take.
    pub(crate) fn give_first(&mut self, giving: BTreeSet<BoxId>) {
        self.giving = giving;
    }

    /// Whether the chunk was given to the neighbour, or the neighbour has it, by its own word.
    pub(crate) fn was_given(&self, to: BoxId, id: &ChunkId) -> bool {
        self.held.was_given(to, id)
    }

    /// A neighbour wants a chunk of so many bytes: whether it gets it now. Small ones need no slot.
    pub(crate) fn wanted(&mut self, now: Instant, by: BoxId, id: &ChunkId, bytes: usize) -> Turn {
        if !self.neighbours.contains_key(&by) {
            return Turn::Busy;
        }
        if is_small(bytes) {
            self.held.give(by, id);
            return Turn::Now;
        }
        // What it is to give cannot be given back to it.
        let is_from_there = self
            .promised
            .get(id)
            .is_some_and(|promise| promise.asked.contains(&by));
        if is_from_there {
            return Turn::Busy;
        }
        self.slots.want(now, by, id, self.worth_of(by, id))
    }

    /// Whether what comes here is passed on in time.
    pub(crate) fn hands_on(&self) -> bool {
        !self.demand.is_too_much()
    }

    /// A neighbour says whether it passes on in time what it wants.
    pub(crate) fn says_that_it_hands_on(&mut self, id: BoxId, hands_on: bool) {
        if let Some(neighbour) = self.neighbours.get_mut(&id) {
            neighbour.only_takes = !hands_on;
        }
    }

    /// What it is worth to the mesh now that the neighbour is given the chunk.
    pub(crate) fn worth_of(&self, by: BoxId, id: &ChunkId) -> Worth {
        let neighbour = self.neighbours.get(&by);
        let says_so = neighbour.is_some_and(|neighbour| neighbour.only_takes);
        let is_proven = neighbour.is_some_and(Neighbour::is_proven);
        let newest = self.newest.get(&(id.channel.clone(), id.epoch));
        let is_edge = newest.is_none_or(|(newest, _)| newest.saturating_sub(id.segment) < EDGE_SEGMENTS);
        Worth {
            is_past: !is_edge,
            only_takes: says_so || (!is_proven && !self.giving.contains(&by)),
            copies: self.held.copies(id) + self.slots.sending_of(id),
        }
    }

    /// The last parts of a chunk leave for the neighbour: the uplink is free for the next.
    pub(crate) fn sent(&mut self, to: BoxId, id: &ChunkId) {
        self.slots.left(to, id);
    }

    /// The slot that the neighbour was given, or waits for, is not used after all.
    pub(crate) fn not_served(&mut self, to: BoxId, id: &ChunkId) {
        self.slots.unused(to, id);
    }

    /// It was the neighbour's turn, and it said nothing.
    pub(crate) fn lost_its_turn(&mut self, now: Instant, by: BoxId, id: &ChunkId) {
        self.slots.lose_of(now, by, id);
    }

    /// A neighbour says that a chunk arrived.
    pub(crate) fn done(&mut self, by: BoxId, id: &ChunkId) {
        self.slots.free(by, id);
        if let Some(neighbour) = self.neighbours.get_mut(&by) {
            neighbour.passed_one();
            self.held.give(by, id);
        }
    }

    /// How many chunks passed between each neighbour and this box since this was last asked.
    pub(crate) fn take_worths(&mut self) -> BTreeMap<BoxId, u32> {
        let worth = |(id, neighbour): (&BoxId, &mut Neighbour)| (*id, neighbour.take_worth());
        self.neighbours.iter_mut().map(worth).collect()
    }
}
