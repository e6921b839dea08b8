//! The plan: which boxes are seeds of which channel, and which of them has gone silent.
//!
//! Pure: time is an argument. The tracker chooses, the plan only ever refuses a choice for a while: a box that
//! gave no receipts is not taken again at once. It also never lets go of a seed that works for want of a
//! better: a tracker that lost its memory names no boxes, and media must not wait until it has it back.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wire::id::{BoxId, ChannelName, ChunkId};
use wire::presentation::Seed;

/// A seed that owes receipts and gave none for so long is silent: less than a segment.
const SILENCE: Duration = Duration::from_millis(1500);

/// A seed that has a chunk waiting for so long is too slow to be one.
const LAG: Duration = Duration::from_secs(6);

/// A seed that only refuses for so long is none. A box needs a few seconds to hear of a channel's keys.
const REFUSING: Duration = Duration::from_secs(8);

/// Answers in a row to what a seed was not asked: a few, since it may be sent a chunk twice.
const MOST_UNASKED: u32 = 256;

/// For how long a box that was silent is not taken again.
const SHUNNED: Duration = Duration::from_secs(5);

/// What follows for the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A link to a box begins, or begins anew at another address.
    Open(Seed),
    /// A box begins with a channel: it lacks what there is.
    Fill(BoxId, ChannelName),
    /// A link ends.
    Close(BoxId),
}

/// Why a seed was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Silent,
    Slow,
    Refusing,
    Nonsense,
}

/// Whether a seed owed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Yes,
    No,
    /// No, and it goes on and on.
    NeverSoMuch,
}

#[derive(Debug)]
pub(super) struct Plan {
    /// How many seeds a channel has at most.
    most: usize,
    seeds: BTreeMap<BoxId, Seeding>,
    shunned: BTreeMap<BoxId, Instant>,
}

#[derive(Debug)]
struct Seeding {
    address: String,
    channels: BTreeSet<ChannelName>,
    /// Chunks without an answer, and since when they wait for it.
    owed: BTreeMap<ChunkId, Instant>,
    /// The last answer, or when it began to owe one.
    heard: Instant,
    refusing: BTreeMap<ChannelName, Refusing>,
    unasked: u32,
}

/// The first and the last refusal of a channel's chunks since a receipt for one.
#[derive(Debug)]
struct Refusing {
    first: Instant,
    last: Instant,
}

impl Plan {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            seeds: BTreeMap::new(),
            shunned: BTreeMap::new(),
        }
    }

    /// Takes the tracker's choice of seeds for a channel.
    pub(super) fn want(&mut self, channel: &ChannelName, seeds: &[Seed], now: Instant) -> Vec<Change> {
        self.shunned
            .retain(|_, since| now.duration_since(*since) < SHUNNED);
        let mut chosen: Vec<BoxId> = Vec::with_capacity(self.most);
        let mut changes = Vec::new();
        let wanted: Vec<&Seed> = seeds
            .iter()
            .filter(|seed| !self.shunned.contains_key(&seed.id))
            .collect();
        for seed in wanted {
            if chosen.len() < self.most && !chosen.contains(&seed.id) {
                chosen.push(seed.id);
                self.take(channel, seed, now, &mut changes);
            }
        }
        let others = self.seeds.iter_mut().filter(|(id, _)| !chosen.contains(id));
        // What works stays where the tracker names nobody in its place.
        for (_, seeding) in others
            .filter(|(_, seeding)| seeding.channels.contains(channel))
            .skip(self.most - chosen.len())
        {
            seeding.channels.remove(channel);
            seeding.refusing.remove(channel);
        }
        self.seeds.retain(|id, seeding| {
            if seeding.channels.is_empty() {
                changes.push(Change::Close(*id));
            }
            !seeding.channels.is_empty()
        });
        changes
    }

    /// The seeds of a channel.
    pub(super) fn of(&self, channel: &ChannelName) -> Vec<BoxId> {
        let has = |seeding: &&Seeding| seeding.channels.contains(channel);
        self.seeds
            .iter()
            .filter(|(_, seeding)| has(seeding))
            .map(|(id, _)| *id)
            .collect()
    }

    /// The seeds of all channels.
    pub(super) fn seeds(&self) -> BTreeMap<ChannelName, Vec<BoxId>> {
        let mut seeds: BTreeMap<_, Vec<BoxId>> = BTreeMap::new();
        for (id, seeding) in &self.seeds {
            for channel in &seeding.channels {
                seeds.entry(channel.clone()).or_default().push(*id);
            }
        }
        seeds
    }

    /// The channels that a box is a seed of.
    pub(super) fn channels_of(&self, seed: BoxId) -> Vec<ChannelName> {
        self.seeds
            .get(&seed)
            .map_or(Vec::new(), |seeding| seeding.channels.iter().cloned().collect())
    }

    /// Whether a box is a seed.
    pub(super) fn has(&self, seed: BoxId) -> bool {
        self.seeds.contains_key(&seed)
    }

    /// How many seeds there are.
    pub(super) fn len(&self) -> usize {
        self.seeds.len()
    }

    /// A chunk waits to be sent to a seed.
    pub(super) fn handed(&mut self, seed: BoxId, chunk: &ChunkId, now: Instant) {
        if let Some(seeding) = self.seeds.get_mut(&seed) {
            if seeding.owed.is_empty() {
                seeding.heard = now;
            }
            seeding.owed.entry(chunk.clone()).or_insert(now);
        }
    }

    /// A chunk will not be sent after all.
    pub(super) fn dropped(&mut self, seed: BoxId, chunk: &ChunkId) {
        if let Some(seeding) = self.seeds.get_mut(&seed) {
            seeding.owed.remove(chunk);
        }
    }

    /// A seed answers for a chunk: whether it was asked to. What it says of any other counts for nothing.
    pub(super) fn answered(&mut self, seed: BoxId, chunk: &ChunkId, now: Instant) -> Asked {
        let Some(seeding) = self.seeds.get_mut(&seed) else {
            return Asked::No;
        };
        if seeding.owed.remove(chunk).is_some() {
            seeding.heard = now;
            seeding.unasked = 0;
            return Asked::Yes;
        }
        seeding.unasked += 1;
        if seeding.unasked <= MOST_UNASKED {
            Asked::No
        } else {
            Asked::NeverSoMuch
        }
    }

    /// The answer was a receipt.
    pub(super) fn received(&mut self, seed: BoxId, channel: &ChannelName) {
        if let Some(seeding) = self.seeds.get_mut(&seed) {
            seeding.refusing.remove(channel);
        }
    }

    /// The answer was a refusal.
    pub(super) fn refused(&mut self, seed: BoxId, channel: &ChannelName, now: Instant) {
        if let Some(seeding) = self.seeds.get_mut(&seed) {
            let begun = Refusing {
                first: now,
                last: now,
            };
            seeding.refusing.entry(channel.clone()).or_insert(begun).last = now;
        }
    }

    /// Gives up a seed that does not speak the feed. Whether it was one.
    pub(super) fn distrust(&mut self, seed: BoxId, now: Instant) -> bool {
        let was_one = self.seeds.remove(&seed).is_some();
        if was_one {
            self.shunned.insert(seed, now);
        }
        was_one
    }

    /// Gives up the seeds that do not do what seeds are for. Their links have to be closed.
    pub(super) fn judge(&mut self, now: Instant) -> Vec<(BoxId, Fault)> {
        let since = |then: Instant| now.saturating_duration_since(then);
        let fault = |seeding: &Seeding| {
            let lag = seeding.owed.values().min().map(|oldest| since(*oldest));
            match lag {
                Some(_) if since(seeding.heard) >= SILENCE => Some(Fault::Silent),
                Some(lag) if lag >= LAG => Some(Fault::Slow),
                _ => seeding
                    .refusing
                    .values()
                    .any(|refusing| refusing.last.duration_since(refusing.first) >= REFUSING)
                    .then_some(Fault::Refusing),
            }
        };
        let at_fault = |(id, seeding): (&BoxId, &Seeding)| Some((*id, fault(seeding)?));
        let faults: Vec<_> = self.seeds.iter().filter_map(at_fault).collect();
        for (id, _) in &faults {
            self.seeds.remove(id);
            self.shunned.insert(*id, now);
        }
        self.shunned.retain(|_, began| since(*began) < SHUNNED);
        faults
    }

    /// The boxes that the tracker should replace.
    pub(super) fn silent(&self) -> Vec<BoxId> {
        self.shunned.keys().copied().collect()
    }

    fn take(&mut self, channel: &ChannelName, seed: &Seed, now: Instant, changes: &mut Vec<Change>) {
        let seeding = self.seeds.entry(seed.id).or_insert_with(|| Seeding::new(now));
        let moved = seeding.address != seed.zmq;
        if moved {
            seeding.address.clone_from(&seed.zmq);
            seeding.owed.clear();
            seeding.refusing.clear();
            changes.push(Change::Open(seed.clone()));
        }
        let is_new = seeding.channels.insert(channel.clone());
        let lacking = seeding
            .channels
            .iter()
            .filter(|has| moved || (is_new && *has == channel));
        changes.extend(lacking.map(|channel| Change::Fill(seed.id, channel.clone())));
    }
}

impl Seeding {
    /// A seed of nothing, nowhere yet.
    fn new(now: Instant) -> Self {
        let (address, channels, owed) = (String::new(), BTreeSet::new(), BTreeMap::new());
        Self {
            address,
            channels,
            owed,
            heard: now,
            refusing: BTreeMap::new(),
            unasked: 0,
        }
    }
}
