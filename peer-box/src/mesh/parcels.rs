//! The chunks that are coming here, from whom, and the newest of those that are handed on.

use std::collections::{BTreeMap, VecDeque};

use tokio_util::sync::CancellationToken;
use wire::id::{BoxId, ChunkId};

use super::parcel::Parcel;

/// Whole chunks that are kept in parts: neighbours ask for the newest ones, most of them several times.
const MAX_WHOLE: usize = 24;

/// What is coming, and the newest of what came.
#[derive(Debug, Default)]
pub(super) struct Parcels {
    kept: BTreeMap<ChunkId, Parcel>,
    /// Those that are whole, oldest first.
    whole: VecDeque<ChunkId>,
    /// Who was asked for what, and how to ask him no more.
    asked: BTreeMap<(ChunkId, BoxId), CancellationToken>,
}

impl Parcels {
    pub(super) fn get(&self, id: &ChunkId) -> Option<&Parcel> {
        self.kept.get(id)
    }

    /// A chunk is coming, or is here.
    pub(super) fn insert(&mut self, id: ChunkId, parcel: Parcel) {
        let is_whole = parcel.is_whole();
        if self.kept.insert(id.clone(), parcel).is_none() && is_whole {
            self.came(id);
        }
    }

    /// A neighbour was asked for it.
    pub(super) fn is_asked_of(&mut self, id: ChunkId, of: BoxId, end: CancellationToken) {
        if let Some(before) = self.asked.insert((id, of), end) {
            before.cancel();
        }
    }

    /// The neighbour has answered. Whether it was asked.
    pub(super) fn has_answered(&mut self, id: &ChunkId, of: BoxId) -> bool {
        self.asked.remove(&(id.clone(), of)).is_some()
    }

    /// The neighbour need not answer any more.
    pub(super) fn withdraw(&mut self, id: &ChunkId, of: BoxId) {
        if let Some(end) = self.asked.remove(&(id.clone(), of)) {
            end.cancel();
        }
    }

    pub(super) fn is_awaited_of(&self, id: &ChunkId, of: BoxId) -> bool {
        self.asked.contains_key(&(id.clone(), of))
    }

    /// All of the chunk is here: nobody is asked for it any more.
    pub(super) fn is_here(&mut self, id: &ChunkId) {
        self.ask_no_more(|asked, _| asked == id);
        match self.kept.get(id) {
            Some(parcel) if parcel.is_whole() => self.came(id.clone()),
            // It came another way.
            _ => self.forget(id),
        }
    }

    /// What does not come any more, by the word of whoever awaits it.
    pub(super) fn keep(&mut self, is_awaited: impl Fn(&ChunkId) -> bool) {
        let is_lost =
            |(id, parcel): (&ChunkId, &Parcel)| (!parcel.is_whole() && !is_awaited(id)).then(|| id.clone());
        let lost: Vec<ChunkId> = self.kept.iter().filter_map(is_lost).collect();
        for id in lost {
            self.ask_no_more(|asked, _| *asked == id);
            self.forget(&id);
        }
    }

    /// A neighbour is gone.
    pub(super) fn left(&mut self, neighbour: BoxId) {
        self.ask_no_more(|_, of| of == neighbour);
    }

    fn ask_no_more(&mut self, is_over: impl Fn(&ChunkId, BoxId) -> bool) {
        self.asked.retain(|(id, of), end| {
            let is_over = is_over(id, *of);
            if is_over {
                end.cancel();
            }
            !is_over
        });
    }

    fn came(&mut self, id: ChunkId) {
        if self.whole.contains(&id) {
            return;
        }
        self.whole.push_back(id);
        if self.whole.len() > MAX_WHOLE
            && let Some(oldest) = self.whole.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }

    fn forget(&mut self, id: &ChunkId) {
        if let Some(parcel) = self.kept.remove(id) {
            parcel.ends();
        }
        self.whole.retain(|whole| whole != id);
    }
}
