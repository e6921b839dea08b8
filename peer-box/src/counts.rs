//! What this box has done since it started, counted where it happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of one box. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    from_origins: AtomicU64,
    from_neighbours: AtomicU64,
    neighbour_bytes: AtomicU64,
    neighbours: AtomicU64,
    banned: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counts {
    /// A chunk from an origin was stored.
    pub(crate) fn accepted_from_origin(&self) {
        self.0.from_origins.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk from a neighbour was stored.
    pub(crate) fn accepted_from_neighbour(&self) {
        self.0.from_neighbours.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk or a seal was refused, for a reason in one word.
    pub(crate) fn refused(&self, reason: &'static str) {
        let mut refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(reason).or_default() += 1;
    }

    /// Media was handed to a neighbour's connection.
    pub(crate) fn sent_to_neighbour(&self, bytes: usize) {
        self.0.neighbour_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A neighbour was banned.
    pub(crate) fn banned(&self) {
        self.0.banned.fetch_add(1, Ordering::Relaxed);
    }

    /// So many neighbours are connected now.
    pub(crate) fn set_neighbours(&self, neighbours: usize) {
        self.0.neighbours.store(neighbours as u64, Ordering::Relaxed);
    }

    /// Chunks from origins, and from neighbours.
    pub(crate) fn accepted(&self) -> (u64, u64) {
        let origins = self.0.from_origins.load(Ordering::Relaxed);
        (origins, self.0.from_neighbours.load(Ordering::Relaxed))
    }

    /// Chunks and seals refused, by reason.
    pub(crate) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Media bytes sent to neighbours.
    pub(crate) fn neighbour_bytes(&self) -> u64 {
        self.0.neighbour_bytes.load(Ordering::Relaxed)
    }

    /// Neighbours connected now, and neighbours banned so far.
    pub(crate) fn neighbours(&self) -> (u64, u64) {
        let now = self.0.neighbours.load(Ordering::Relaxed);
        (now, self.0.banned.load(Ordering::Relaxed))
    }
}
