//! What the origin counts, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::id::ChannelName;
use wire::presentation::Warning;

use crate::health::Vitals;

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
    pub(crate) encoders: Encoders,
}

impl std::ops::Deref for Counts {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0
    }
}

/// How the encoders of the channels that are on air do.
#[derive(Debug, Default)]
pub(crate) struct Encoders(Mutex<BTreeMap<ChannelName, Encoder>>);

/// How one encoder does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoder {
    pub(crate) vitals: Vitals,
    /// The codes of what is wrong.
    pub(crate) troubles: Vec<String>,
}

impl Encoders {
    /// Notes how a channel's encoder does.
    pub(crate) fn tell(&self, channel: &ChannelName, vitals: Vitals, warnings: &[Warning]) {
        let troubles = warnings.iter().map(|warning| warning.code.clone()).collect();
        self.lock().insert(channel.clone(), Encoder { vitals, troubles });
    }

    /// The channel has no encoder any more.
    pub(crate) fn forget(&self, channel: &ChannelName) {
        self.lock().remove(channel);
    }

    /// Every channel that has an encoder, and how that does.
    pub(crate) fn all(&self) -> BTreeMap<ChannelName, Encoder> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ChannelName, Encoder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    pub(crate) fn sub(&self, less: u64) {
        self.0.fetch_sub(less, Ordering::Relaxed);
    }
}
