//! A promise: a chunk that is not here, and who says that he has it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use wire::chunk::Seal;
use wire::id::{BoxId, ChunkId, Epoch};

/// The newest segments of an epoch, which viewers are about to want.
pub(super) const EDGE_SEGMENTS: u32 = 2;

/// What a holder is given before its bytes must be here, apart from their transfer.
const PATIENCE: Duration = Duration::from_secs(1);

const PATIENCE_WITH_NEWCOMERS: Duration = Duration::from_millis(300);

/// The slowest transfer that is waited for.
const SLOWEST_BYTES_PER_SECOND: f64 = 250_000.0;

/// A chunk of at most so many bytes goes beside the upload slots: sound must not wait for pictures.
const SMALL: u32 = 16 << 10;

/// A holder gives its slot to another after so long: its bytes will not come any more.
const LONGEST: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Promise {
    pub(super) seal: Seal,
    pub(super) holders: BTreeSet<BoxId>,
    /// Who was asked, the last one last.
    pub(super) asked: Vec<BoxId>,
    /// Those of them that let this box wait for its turn.
    pub(super) waits_at: BTreeSet<BoxId>,
    /// When somebody was last asked, or the last part of it came.
    pub(super) moved_at: Option<Instant>,
    /// Whether parts of it are here.
    pub(super) is_coming: bool,
    /// Neighbours were asked whether they hold it.
    pub(super) is_sought: bool,
    /// When it was first heard of.
    pub(super) since: Instant,
    /// A viewer waits for it.
    pub(super) is_wished_for: bool,
    pub(super) size: u32,
}

/// Whether a chunk of so many bytes needs no upload slot.
pub(crate) fn is_small(bytes: usize) -> bool {
    bytes <= SMALL as usize
}

impl Promise {
    pub(super) fn new(now: Instant, seal: Seal, size: u32, holder: BoxId) -> Self {
        Self {
            seal,
            holders: BTreeSet::from([holder]),
            asked: Vec::new(),
            waits_at: BTreeSet::new(),
            moved_at: None,
            is_coming: false,
            is_sought: false,
            since: now,
            is_wished_for: false,
            size,
        }
    }

    pub(super) fn is_not_asked_of(&mut self, of: BoxId) {
        self.asked.retain(|asked| *asked != of);
        self.waits_at.remove(&of);
    }

    pub(super) fn is_not_with(&mut self, holder: BoxId) {
        self.holders.remove(&holder);
        self.is_not_asked_of(holder);
    }

    pub(super) fn is_asked_of(&mut self, now: Instant, of: BoxId) {
        self.asked.push(of);
        self.moved_at = Some(now);
    }

    /// A part of it came.
    pub(super) fn comes(&mut self, now: Instant, from: BoxId) {
        self.is_coming = true;
        if self.asked.contains(&from) {
            self.moved_at = Some(now);
        }
    }

    /// Who was asked and lets this box wait.
    pub(super) fn waits_at(&mut self, at: BoxId) {
        if self.asked.contains(&at) {
            self.waits_at.insert(at);
        }
    }

    /// The neighbour begins to send it: whoever else was asked need not. Nobody, when parts of it are here already: then
    /// another was asked for the rest because it had come no further.
    pub(super) fn begins(&mut self, now: Instant, from: BoxId) -> Vec<BoxId> {
        if self.is_coming || !self.asked.contains(&from) {
            return Vec::new();
        }
        self.moved_at = Some(now);
        self.waits_at.clear();
        let mut others = std::mem::replace(&mut self.asked, vec![from]);
        others.retain(|asked| *asked != from);
        others
    }

    /// How many were asked and neither answer nor let this box wait.
    pub(super) fn unanswered(&self) -> usize {
        self.asked.len() - self.waits_at.len()
    }

    pub(super) fn is_small(&self) -> bool {
        self.size <= SMALL
    }

    /// How long to wait for it: small things are not waited for as long as large ones, nor newcomers as long as those
    /// who are known to deliver.
    pub(super) fn patience(&self, is_proven: bool) -> Duration {
        let transfer = Duration::from_secs_f64(f64::from(self.size) / SLOWEST_BYTES_PER_SECOND);
        let patience = if is_proven {
            PATIENCE
        } else {
            PATIENCE_WITH_NEWCOMERS
        };
        (patience + transfer).min(LONGEST)
    }
}

/// What is urgent comes first, in the order of these variants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Init segments, without which nothing plays, and what a viewer waits for.
    Now(Instant, u32, u16),
    /// The newest segments: what few have goes first, so that more have it to give; then in the order in which they
    /// will be watched.
    Edge(usize, Instant, u32, u16),
    /// Posters, the newest first: small, and soon of no use. Their numbers say nothing of the edge.
    Poster(Reverse<(Epoch, u32)>),
    /// The past, newest segment first.
    Past(Reverse<Epoch>, u32, u16),
}

impl Rank {
    /// Whether somebody is about to watch it.
    pub(super) fn is_edge(&self) -> bool {
        matches!(self, Self::Now(..) | Self::Edge(..))
    }

    /// Whether it is only to complete the window.
    pub(super) fn is_past(&self) -> bool {
        matches!(self, Self::Past(..))
    }

    /// How urgent a chunk is, given the newest segment of its epoch.
    pub(super) fn of(id: &ChunkId, promise: &Promise, newest: u32) -> Self {
        let behind = newest.saturating_sub(id.segment);
        if id.is_init() || promise.is_wished_for {
            Self::Now(promise.since, id.segment, id.index)
        } else if id.track.is_poster() {
            Self::Poster(Reverse((id.epoch, id.segment)))
        } else if behind < EDGE_SEGMENTS {
            Self::Edge(promise.holders.len(), promise.since, id.segment, id.index)
        } else {
            Self::Past(Reverse(id.epoch), behind, id.index)
        }
    }
}
