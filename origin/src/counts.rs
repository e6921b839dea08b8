//! What the origin counts, for `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The origin's counters. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Counters>);

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) channels_live: Count,
    pub(crate) chunks_sealed: Count,
    pub(crate) connections_refused: Count,
    pub(crate) wrong_keys: Count,
    pub(crate) publishers_refused: Count,
    pub(crate) seeds: Count,
    pub(crate) seed_bytes: Count,
    pub(crate) seed_receipts: Count,
    pub(crate) seed_refusals: Count,
    pub(crate) seeds_silent: Count,
}

impl std::ops::Deref for Counts {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0
    }
}

/// One number that many may change.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one more for as long as what it answers with lives.
    pub(crate) fn one(&self) -> One<'_> {
        self.add(1);
        One(self)
    }
}

/// One among those counted; dropping it takes it out of the count.
pub(crate) struct One<'a>(&'a Count);

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
