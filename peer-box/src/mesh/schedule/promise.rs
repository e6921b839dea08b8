//! A promise: a chunk that is not here, and who says that he has it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use wire::chunk::Seal;
use wire::id::{BoxId, ChunkId, Epoch};

/// The newest segments of an epoch, which viewers are about to want.
const EDGE_SEGMENTS: u32 = 2;

/// What a holder is given before its bytes must be here, apart from their transfer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The slowest transfer that is waited for.
const SLOWEST_BYTES_PER_SECOND: f64 = 250_000.0;

/// A holder gives its slot to another after so long: its bytes will not come any more.
const LONGEST: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Promise {
    pub(super) seal: Seal,
    pub(super) holders: BTreeSet<BoxId>,
    pub(super) asked: Option<Asked>,
    /// When it was first heard of.
    pub(super) since: Instant,
    /// A viewer waits for it.
    pub(super) is_wished_for: bool,
    size: u32,
}

/// The holder that was asked, and until when its answer counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) of: BoxId,
    pub(super) until: Instant,
}

impl Promise {
    pub(super) fn new(now: Instant, seal: Seal, size: u32, holder: BoxId) -> Self {
        Self {
            seal,
            holders: BTreeSet::from([holder]),
            asked: None,
            since: now,
            is_wished_for: false,
            size,
        }
    }

    pub(super) fn is_not_asked_of(&mut self, of: BoxId) {
        self.asked.take_if(|asked| asked.of == of);
    }

    pub(super) fn is_not_with(&mut self, holder: BoxId) {
        self.holders.remove(&holder);
        self.is_not_asked_of(holder);
    }

    /// How long to wait for it: small things are not waited for as long as large ones.
    pub(super) fn patience(&self) -> Duration {
        let transfer = Duration::from_secs_f64(f64::from(self.size) / SLOWEST_BYTES_PER_SECOND);
        (PATIENCE + transfer).min(LONGEST)
    }
}

/// What is urgent comes first, in the order of these variants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Init segments, without which nothing plays, and what a viewer waits for.
    Now(Instant, u32, u16),
    /// The newest segments, in the order in which they will be watched.
    Edge(Instant, u32, u16),
    /// Posters, the newest first: small, and soon of no use. Their numbers say nothing of the edge.
    Poster(Reverse<(Epoch, u32)>),
    /// The past, newest segment first.
    Past(Reverse<Epoch>, u32, u16),
}

impl Rank {
    /// How urgent a chunk is, given the newest segment of its epoch.
    pub(super) fn of(id: &ChunkId, promise: &Promise, newest: u32) -> Self {
        let behind = newest.saturating_sub(id.segment);
        if id.is_init() || promise.is_wished_for {
            Self::Now(promise.since, id.segment, id.index)
        } else if id.track.is_poster() {
            Self::Poster(Reverse((id.epoch, id.segment)))
        } else if behind < EDGE_SEGMENTS {
            Self::Edge(promise.since, id.segment, id.index)
        } else {
            Self::Past(Reverse(id.epoch), behind, id.index)
        }
    }
}
