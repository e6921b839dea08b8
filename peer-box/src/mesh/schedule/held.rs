//! Chunks that are here, or on their way to here, and who knows them: nobody is told of a chunk twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use wire::chunk::Seal;
use wire::id::{BoxId, ChunkId};

#[derive(Debug)]
struct Entry {
    seal: Seal,
    since: Instant,
    is_whole: bool,
    known_to: BTreeSet<BoxId>,
    given_to: BTreeSet<BoxId>,
    /// Who will be told again once it is whole.
    sought_by: BTreeSet<BoxId>,
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

    /// Whether any of it is here.
    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.chunks.contains_key(id)
    }

    /// Whether all of it is here.
    pub(super) fn is_whole(&self, id: &ChunkId) -> bool {
        self.chunks.get(id).is_some_and(|entry| entry.is_whole)
    }

    /// What is on its way, newest name first.
    pub(super) fn coming(&self) -> impl Iterator<Item = (ChunkId, Seal)> + '_ {
        let coming = self.chunks.iter().rev().filter(|(_, entry)| !entry.is_whole);
        coming.map(|(id, entry)| (id.clone(), entry.seal.clone()))
    }

    /// It will not become whole.
    pub(super) fn does_not_come(&mut self, id: &ChunkId) {
        if !self.is_whole(id) {
            self.chunks.remove(id);
        }
    }

    /// Whether it was given to the neighbour, or the neighbour says that it has all of it.
    pub(super) fn was_given(&self, to: BoxId, id: &ChunkId) -> bool {
        self.chunks
            .get(id)
            .is_some_and(|entry| entry.given_to.contains(&to))
    }

    /// It is given to the neighbour, or the neighbour has it.
    pub(super) fn give(&mut self, to: BoxId, id: &ChunkId) {
        if let Some(entry) = self.chunks.get_mut(id) {
            entry.known_to.insert(to);
            entry.given_to.insert(to);
        }
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

    /// A chunk that was coming is whole. Who is to be told again; nothing if it was not coming.
    pub(super) fn becomes_whole(&mut self, id: &ChunkId) -> Option<BTreeSet<BoxId>> {
        let entry = self.chunks.get_mut(id)?;
        entry.is_whole = true;
        Some(std::mem::take(&mut entry.sought_by))
    }

    /// A chunk is here whole.
    pub(super) fn is_here(&mut self, now: Instant, id: ChunkId, seal: Seal, known_to: BTreeSet<BoxId>) {
        self.insert(now, id, seal, known_to, true);
    }

    /// The first of a chunk came.
    pub(super) fn begins(&mut self, now: Instant, id: ChunkId, seal: Seal, known_to: BTreeSet<BoxId>) {
        self.insert(now, id, seal, known_to, false);
    }

    /// Where there are too many, the oldest is forgotten.
    fn insert(&mut self, now: Instant, id: ChunkId, seal: Seal, known_to: BTreeSet<BoxId>, is_whole: bool) {
        if self.chunks.len() >= self.limit {
            let oldest = self.chunks.iter().min_by_key(|(_, entry)| entry.since);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.chunks.remove(&id);
            }
        }
        let entry = Entry {
            seal,
            since: now,
            is_whole,
            known_to,
            given_to: BTreeSet::new(),
            sought_by: BTreeSet::new(),
        };
        self.chunks.insert(id, entry);
    }

    /// A neighbour knows a chunk. Whether it is here.
    pub(super) fn learn(&mut self, neighbour: BoxId, id: &ChunkId) -> bool {
        let entry = self.chunks.get_mut(id);
        entry.map(|entry| entry.known_to.insert(neighbour)).is_some()
    }

    /// A neighbour does not hold it after all. The seal, if it was thought to and all of it is here; where it is only
    /// coming, the neighbour is remembered.
    pub(super) fn unlearn(&mut self, neighbour: BoxId, id: &ChunkId) -> Option<&Seal> {
        let entry = self.chunks.get_mut(id)?;
        if !entry.known_to.remove(&neighbour) {
            return None;
        }
        if !entry.is_whole {
            entry.sought_by.insert(neighbour);
        }
        entry.is_whole.then_some(&entry.seal)
    }

    /// A neighbour is gone.
    pub(super) fn left(&mut self, neighbour: BoxId) {
        for entry in self.chunks.values_mut() {
            entry.known_to.remove(&neighbour);
            entry.given_to.remove(&neighbour);
            entry.sought_by.remove(&neighbour);
        }
    }

    pub(super) fn retain(&mut self, is_fresh: impl Fn(Instant) -> bool) {
        self.chunks.retain(|_, entry| is_fresh(entry.since));
    }
}
