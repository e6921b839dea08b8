//! What comes of wants: a wait, the chunk in parts, or nothing.

use std::time::Instant;

use wire::id::{BoxId, ChunkId};

use super::{Action, Schedule, is_small};

impl Schedule {
    /// A neighbour that was asked lets this box wait for its turn: meanwhile others may be asked.
    pub(crate) fn waits(&mut self, at: BoxId, id: &ChunkId) {
        if let Some(promise) = self.promised.get_mut(id) {
            promise.waits_at(at);
        }
        if let Some(neighbour) = self.neighbours.get_mut(&at) {
            neighbour.lets_wait(id);
        }
    }

    /// A neighbour that was asked begins to send.
    pub(crate) fn begins(&mut self, now: Instant, from: BoxId, id: &ChunkId) {
        let Some(promise) = self.promised.get_mut(id) else {
            return;
        };
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            neighbour.begins(now, id);
        }
        for other in promise.begins(now, from) {
            if let Some(neighbour) = self.neighbours.get_mut(&other) {
                neighbour.answered(id);
            }
            self.actions.push_back(Action::Withdraw(other, id.clone()));
        }
    }

    /// A part of a chunk came, and is what it should be. With the first of them neighbours hear of the chunk: they
    /// are given what is here of it, and the rest as it comes.
    pub(crate) fn comes(&mut self, now: Instant, from: BoxId, id: &ChunkId) {
        let Some(promise) = self.promised.get_mut(id) else {
            return;
        };
        let is_first = !promise.is_coming;
        promise.comes(now, from);
        if is_first && !is_small(promise.size as usize) && !self.held.contains(id) {
            let (seal, known_to) = (promise.seal.clone(), promise.holders.clone());
            let bytes = promise.size as usize;
            self.will_tell_of(now, id, &seal, bytes, |neighbour| !known_to.contains(&neighbour));
            self.held.begins(now, id.clone(), seal, known_to);
        }
    }

    /// A neighbour sent what it was asked for: whatever the bytes are worth, it is free to be asked again.
    pub(crate) fn arrived(&mut self, now: Instant, from: BoxId, id: &ChunkId, bytes: usize) {
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            let took = neighbour.delivered(now, id);
            if !is_small(bytes) {
                if let Some(took) = took {
                    neighbour.pace.delivered(bytes, took);
                    self.pace.delivered(bytes, took);
                }
                self.actions.push_back(Action::Done(from, id.clone()));
            }
        }
        self.no_longer_asked(from, id);
    }

    /// The neighbour's turn came when another had begun.
    pub(crate) fn declined(&mut self, of: BoxId, id: &ChunkId) {
        if let Some(neighbour) = self.neighbours.get_mut(&of) {
            neighbour.answered(id);
        }
        self.no_longer_asked(of, id);
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
            if self.held.is_whole(id) {
                // It knows that the chunk is here: another was faster.
                neighbour.answered(id);
            } else {
                neighbour.has_it_no_more(now, id);
            }
        }
        self.does_not_have(from, id);
    }

    /// The neighbour did not answer, or answered something else.
    pub(crate) fn failed(&mut self, now: Instant, from: BoxId, id: &ChunkId) {
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            neighbour.did_not_deliver(now, id);
        }
        self.no_longer_asked(from, id);
    }

    pub(super) fn no_longer_asked(&mut self, of: BoxId, id: &ChunkId) {
        if let Some(promise) = self.promised.get_mut(id) {
            promise.is_not_asked_of(of);
        }
    }
}
