//! What is remembered of one neighbour: what it was asked, what it is yet to hear, and how it behaves.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use wire::chunk::Seal;
use wire::exchange::MAX_HAVE;
use wire::id::ChunkId;

/// `have`s on the way to one neighbour; what comes up meanwhile goes together into the next.
const HAVES_ON_THE_WAY: u8 = 4;

/// Seals that a neighbour is yet to hear of. Past this the oldest are left out.
const MAX_UNTOLD: usize = 32 << 10;

/// For how long a busy neighbour is not asked, in milliseconds: about one upload.
const BUSY_MS: std::ops::Range<u64> = 30..100;

/// How long a neighbour that did not deliver loses its place; twice as long each further time.
const LOST_PLACE: Duration = Duration::from_secs(1);

/// The longest, as doublings of that.
const MAX_DOUBLINGS: u32 = 6;

/// Promises in a row that turn out to be gone. Those at the end of the window often are; all of them never.
const MAX_GONE: u32 = 16;

#[derive(Debug, Default)]
pub(super) struct Neighbour {
    /// It has a slot to give, so one chunk at a time is wanted of it.
    asked: Option<ChunkId>,
    pub(super) rests_until: Option<Instant>,
    failures: u32,
    gone: u32,
    haves_on_the_way: u8,
    /// Newest first.
    untold: VecDeque<(ChunkId, Seal)>,
}

impl Neighbour {
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.asked.is_none() && self.rests_until.is_none_or(|until| until <= now)
    }

    pub(super) fn ask(&mut self, id: ChunkId) {
        self.asked = Some(id);
    }

    pub(super) fn delivered(&mut self, id: &ChunkId) {
        // What comes too late does not win the place back.
        if self.answered(id) {
            self.failures = 0;
            self.gone = 0;
        }
    }

    pub(super) fn is_busy(&mut self, now: Instant, id: &ChunkId, random: &mut StdRng) {
        if self.answered(id) {
            self.rests(now + Duration::from_millis(random.random_range(BUSY_MS)));
        }
    }

    pub(super) fn has_it_no_more(&mut self, now: Instant, id: &ChunkId) {
        self.gone += 1;
        if self.gone > MAX_GONE {
            self.did_not_deliver(now, id);
        } else {
            self.answered(id);
        }
    }

    pub(super) fn did_not_deliver(&mut self, now: Instant, id: &ChunkId) {
        if self.answered(id) {
            self.rests(now + LOST_PLACE * 2_u32.pow(self.failures.min(MAX_DOUBLINGS)));
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// On connecting: everything, newest first.
    pub(super) fn will_hear_of_all(&mut self, window: impl IntoIterator<Item = (ChunkId, Seal)>) {
        self.untold = window.into_iter().take(MAX_UNTOLD).collect();
    }

    /// The newest goes first.
    pub(super) fn will_hear_of(&mut self, id: ChunkId, seal: Seal) {
        self.untold.truncate(MAX_UNTOLD - 1);
        self.untold.push_front((id, seal));
    }

    pub(super) fn heard(&mut self) {
        self.haves_on_the_way = self.haves_on_the_way.saturating_sub(1);
    }

    /// The next batch, without what it knows by now.
    pub(super) fn next_have(&mut self, knows: impl Fn(&ChunkId) -> bool) -> Option<Vec<Seal>> {
        if self.haves_on_the_way >= HAVES_ON_THE_WAY {
            return None;
        }
        let mut seals = Vec::new();
        while seals.len() < MAX_HAVE
            && let Some((id, seal)) = self.untold.pop_front()
        {
            if !knows(&id) {
                seals.push(seal);
            }
        }
        if seals.is_empty() {
            return None;
        }
        self.haves_on_the_way += 1;
        Some(seals)
    }

    /// Whether this answers what was asked last; an answer that comes late does not.
    fn answered(&mut self, id: &ChunkId) -> bool {
        self.asked.take_if(|asked| asked == id).is_some()
    }

    fn rests(&mut self, until: Instant) {
        self.rests_until = self.rests_until.max(Some(until));
    }
}
