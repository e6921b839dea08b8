//! Chunks that are here, and who knows them: nobody is told of a chunk twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use wire::chunk::Seal;
use wire::id::{BoxId, ChunkId};

#[derive(Debug)]
struct Entry {
    seal: Seal,
    since: Instant,
    known_to: BTreeSet<BoxId>,
}

/// The newest of the chunks that are here.
#[derive(Debug)]
pub(super) struct Held {
    chunks: BTreeMap<ChunkId, Entry>,
    limit: usize,
}

impl Held {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            chunks: BTreeMap::new(),
            limit,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.chunks.contains_key(id)
    }

    pub(super) fn has_seal(&self, id: &ChunkId, seal: &Seal) -> bool {
        self.chunks.get(id).is_some_and(|entry| entry.seal == *seal)
    }

    pub(super) fn is_known_to(&self, neighbour: BoxId, id: &ChunkId) -> bool {
        self.chunks
            .get(id)
            .is_some_and(|entry| entry.known_to.contains(&neighbour))
    }

    /// How many neighbours are known to have it.
    pub(super) fn copies(&self, id: &ChunkId) -> usize {
        self.chunks.get(id).map_or(0, |entry| entry.known_to.len())
    }

    /// A chunk came. Where there are too many, the oldest is forgotten.
    pub(super) fn insert(&mut self, now: Instant, id: ChunkId, seal: Seal, known_to: BTreeSet<BoxId>) {
        if self.chunks.len() >= self.limit {
            let oldest = self.chunks.iter().min_by_key(|(_, entry)| entry.since);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.chunks.remove(&id);
            }
        }
        let entry = Entry {
            seal,
            since: now,
            known_to,
        };
        self.chunks.insert(id, entry);
    }

    /// A neighbour knows a chunk. Whether it is here.
    pub(super) fn learn(&mut self, neighbour: BoxId, id: &ChunkId) -> bool {
        let entry = self.chunks.get_mut(id);
        entry.map(|entry| entry.known_to.insert(neighbour)).is_some()
    }

    /// A neighbour is gone.
    pub(super) fn left(&mut self, neighbour: BoxId) {
        for entry in self.chunks.values_mut() {
            entry.known_to.remove(&neighbour);
        }
    }

    pub(super) fn retain(&mut self, is_fresh: impl Fn(Instant) -> bool) {
        self.chunks.retain(|_, entry| is_fresh(entry.since));
    }
}
