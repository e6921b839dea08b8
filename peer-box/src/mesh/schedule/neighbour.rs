//! What is remembered of one neighbour: what it was asked, what it is yet to hear, and how it behaves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use wire::chunk::Seal;
use wire::exchange::MAX_HAVE;
use wire::id::{ChannelName, ChunkId};

use super::pace::Pace;

/// `have`s on the way to one neighbour; what comes up meanwhile goes together into the next.
const HAVES_ON_THE_WAY: u8 = 4;

/// Seals that a neighbour is yet to hear of. Past this the oldest are left out.
const MAX_UNTOLD: usize = 32 << 10;

/// For how long a busy neighbour is not asked, in milliseconds: about one upload.
const BUSY_MS: std::ops::Range<u64> = 60..150;

/// How long a neighbour that did not deliver loses its place; twice as long each further time.
const LOST_PLACE: Duration = Duration::from_secs(1);

/// The longest, as doublings of that.
const MAX_DOUBLINGS: u32 = 6;

/// Promises in a row that turn out to be gone. Those at the end of the window often are; all of them never.
const MAX_GONE: u32 = 16;

/// Who fails to deliver so often in a row, resting between, will not deliver: it goes.
const MAX_FAILURES: u32 = 4;

/// What it is asked at a time: one large chunk, for which it has a slot to give, and one small, which goes
/// beside. Who has delivered nothing yet is asked one thing.
const MAX_ASKED: usize = 2;

/// One thing that it was asked for.
#[derive(Clone, Copy, Debug)]
struct Ask {
    at: Instant,
    until: Instant,
    is_small: bool,
    /// It lets this box wait for its turn: it gives nothing yet.
    waits: bool,
}

#[derive(Debug, Default)]
pub(super) struct Neighbour {
    asked: BTreeMap<ChunkId, Ask>,
    /// Its slots are taken until about then; small chunks need none.
    busy_until: Option<Instant>,
    rests_until: Option<Instant>,
    failures: u32,
    gone: u32,
    has_delivered: bool,
    /// By its own word it passes nothing on in time.
    pub(super) only_takes: bool,
    passed: u32,
    pub(super) pace: Pace,
    haves_on_the_way: u8,
    /// Newest first.
    untold: VecDeque<(ChunkId, Seal)>,
    /// Channels that it leaves to others.
    leaves: BTreeSet<ChannelName>,
}

impl Neighbour {
    /// How much was asked of it that it has not put off and that is not here.
    pub(super) fn asked(&self) -> usize {
        self.asked.values().filter(|ask| !ask.waits).count()
    }

    /// It lets this box wait for its turn.
    pub(super) fn lets_wait(&mut self, id: &ChunkId) {
        if let Some(ask) = self.asked.get_mut(id) {
            ask.waits = true;
        }
    }

    /// It begins to send. What it let others have before says nothing of its pace.
    pub(super) fn begins(&mut self, now: Instant, id: &ChunkId) {
        if let Some(ask) = self.asked.get_mut(id) {
            ask.at = now;
            ask.waits = false;
        }
    }

    /// The large chunks that were asked of it and are not here.
    pub(super) fn large_asked(&self) -> impl Iterator<Item = &ChunkId> {
        let large = self.asked.iter().filter(|(_, ask)| !ask.is_small);
        large.map(|(id, _)| id)
    }

    /// Whether it has withheld, dripped or lied for so long that its place is better given to another.
    pub(super) fn has_lost_its_place(&self) -> bool {
        self.failures >= MAX_FAILURES
    }

    /// Chunks that passed between it and this box since this was last asked.
    pub(super) fn take_worth(&mut self) -> u32 {
        std::mem::take(&mut self.passed)
    }

    /// Another chunk passed, this way or that.
    pub(super) fn passed_one(&mut self) {
        self.passed = self.passed.saturating_add(1);
    }

    /// Whether anything that it sent was of use.
    pub(super) fn is_proven(&self) -> bool {
        self.has_delivered
    }

    pub(super) fn may_be_asked(&self, now: Instant, is_small: bool) -> bool {
        let is_over = |until: Option<Instant>| until.is_none_or(|until| until <= now);
        let most = if self.has_delivered { MAX_ASKED } else { 1 };
        is_over(self.rests_until)
            && (is_small || is_over(self.busy_until))
            && self.asked.len() < most
            && self.asked.values().all(|ask| ask.is_small != is_small)
    }

    pub(super) fn ask(&mut self, now: Instant, id: ChunkId, is_small: bool, patience: Duration) {
        let ask = Ask {
            at: now,
            until: now + patience,
            is_small,
            waits: false,
        };
        self.asked.insert(id, ask);
    }

    /// How long its answer took, when it answers what it was asked.
    pub(super) fn delivered(&mut self, now: Instant, id: &ChunkId) -> Option<Duration> {
        // What comes too late does not win the place back.
        let ask = self.asked.remove(id)?;
        self.failures = 0;
        self.gone = 0;
        self.has_delivered = true;
        self.passed_one();
        Some(now.saturating_duration_since(ask.at))
    }

    pub(super) fn is_busy(&mut self, now: Instant, id: &ChunkId, random: &mut StdRng) {
        if self.answered(id) {
            let until = now + Duration::from_millis(random.random_range(BUSY_MS));
            self.busy_until = self.busy_until.max(Some(until));
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
            let until = now + LOST_PLACE * 2_u32.pow(self.failures.min(MAX_DOUBLINGS));
            self.rests_until = self.rests_until.max(Some(until));
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// What it should have delivered by now: it loses its place for that.
    pub(super) fn give_up_late(&mut self, now: Instant) -> Vec<ChunkId> {
        let late = self.asked.iter().filter(|(_, ask)| ask.until <= now);
        let late: Vec<ChunkId> = late.map(|(id, _)| id.clone()).collect();
        for id in &late {
            self.did_not_deliver(now, id);
        }
        late
    }

    /// When its state changes by itself.
    pub(super) fn changes_at(&self) -> impl Iterator<Item = Instant> {
        let late = self.asked.values().map(|ask| ask.until);
        late.chain(self.rests_until).chain(self.busy_until)
    }

    /// Whether this answers what was asked; an answer that comes late does not.
    pub(super) fn answered(&mut self, id: &ChunkId) -> bool {
        self.asked.remove(id).is_some()
    }

    /// On connecting: everything, newest first.
    pub(super) fn will_hear_of_all(&mut self, window: impl IntoIterator<Item = (ChunkId, Seal)>) {
        let wants = |(id, _): &(ChunkId, Seal)| !self.leaves.contains(&id.channel);
        self.untold = window.into_iter().filter(wants).take(MAX_UNTOLD).collect();
    }

    /// The newest goes first.
    pub(super) fn will_hear_of(&mut self, id: ChunkId, seal: Seal) {
        if self.leaves.contains(&id.channel) {
            return;
        }
        self.untold.truncate(MAX_UNTOLD - 1);
        self.untold.push_front((id, seal));
    }

    /// It leaves these channels to others, and no others any more. The channels that it takes again.
    pub(super) fn leaves(&mut self, channels: BTreeSet<ChannelName>) -> BTreeSet<ChannelName> {
        self.untold.retain(|(id, _)| !channels.contains(&id.channel));
        let before = std::mem::replace(&mut self.leaves, channels);
        before.difference(&self.leaves).cloned().collect()
    }

    /// Whether it was yet to hear of the chunk; it will not.
    pub(super) fn will_not_hear_of(&mut self, id: &ChunkId) -> bool {
        let before = self.untold.len();
        self.untold.retain(|(untold, _)| untold != id);
        self.untold.len() < before
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
}
