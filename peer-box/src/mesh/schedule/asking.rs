//! Whom to ask for what: the edge before the past, of whoever is likely to deliver first.

use std::time::{Duration, Instant};

use rand::RngExt;
use wire::id::{BoxId, ChunkId};

use super::neighbour::Neighbour;
use super::promise::{Promise, Rank};
use super::{Action, Schedule};

/// One ask in so many goes to any holder: who was slow may be fast now.
const EXPLORES_ONE_IN: u32 = 32;

/// How far chance may move a holder's expected time, so that not all ask the same one.
const JITTER: std::ops::Range<f64> = 0.7..1.3;

/// A holder so many times slower than usual is asked for the edge only when nobody else turns up in time.
const SLOW: f64 = 2.5;
const SLOW_IS_ASKED_AFTER: Duration = Duration::from_millis(250);

/// A chunk of the edge that is not here after the longer of these is asked of a second holder too.
const HEDGE_AFTER: Duration = Duration::from_millis(300);
const HEDGE_AFTER_USUAL: u32 = 3;

/// What was asked of a newcomer is asked of another so soon: who knows whether it gives anything.
const NEWCOMER_HEDGE_AFTER: Duration = Duration::from_millis(200);

/// What has begun to come and comes no further is asked of another so soon: only the rest of it.
const STALLED_AFTER: Duration = Duration::from_millis(200);

/// And so soon neighbours are asked whether they hold it, where no other holder is known.
const SOUGHT_AFTER: Duration = Duration::from_millis(400);

/// Large chunks of the past are asked for no faster than this, half as fast as they were made: nobody waits for them, and
/// boxes that come and go would otherwise take up all uplinks with a window each.
const PAST_APART: Duration = Duration::from_millis(500);

/// By how much a newcomer is taken to be slower than usual.
const NEWCOMER: f64 = 3.0;

/// Second asks are at most one in so many, and a few at once: each may bring a chunk twice.
const HEDGES_ONE_IN: f64 = 20.0;
const MAX_HEDGES_SAVED: f64 = 4.0;

/// How many second asks may be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hedges(f64);

impl Default for Hedges {
    fn default() -> Self {
        Self(MAX_HEDGES_SAVED)
    }
}

impl Hedges {
    fn asked(&mut self) {
        self.0 = (self.0 + 1.0 / HEDGES_ONE_IN).min(MAX_HEDGES_SAVED);
    }

    fn has_one(self) -> bool {
        self.0 >= 1.0
    }

    fn take(&mut self) {
        self.0 -= 1.0;
    }
}

/// A chunk that is missing, how urgent it is, and who may be asked for it.
type Choice<'a> = (Rank, &'a ChunkId, Vec<(BoxId, &'a Neighbour)>);

impl Schedule {
    /// The next ask, if there is anything to ask and somebody to ask it of.
    pub(super) fn next_want(&mut self, now: Instant) -> Option<Action> {
        self.give_up_late(now);
        self.seek_what_stalls(now);
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        let asked: usize = self.neighbours.values().map(Neighbour::asked).sum();
        if asked >= self.limits.in_flight {
            return None;
        }
        let (id, of, is_past) = self.choose(now)?;
        let promise = self.promised.get_mut(&id)?;
        match promise.asked.first().map(|first| self.neighbours.get(first)) {
            None => self.hedges.asked(),
            // Whoever begins first sends it, and nobody else.
            Some(_) if promise.is_coming || promise.unanswered() == 0 => {}
            Some(Some(first)) if !first.is_proven() => {}
            Some(_) => self.hedges.take(),
        }
        promise.is_asked_of(now, of);
        let neighbour = self.neighbours.get_mut(&of)?;
        if is_past && !promise.is_small() && neighbour.is_proven() {
            self.past_asked = Some(now);
        }
        let patience = promise.patience(neighbour.is_proven());
        neighbour.ask(now, id.clone(), promise.is_small(), patience);
        Some(Action::Want(of, id))
    }

    /// When there may be something to ask although nothing happened.
    pub(super) fn asks_at(&self) -> impl Iterator<Item = Instant> {
        let is_slow = |holder: &BoxId| {
            let neighbour = self.neighbours.get(holder);
            neighbour.is_some_and(|neighbour| neighbour.pace.is_slower_than(SLOW, self.pace))
        };
        let of_promise = move |promise: &Promise| match (promise.unanswered(), promise.moved_at) {
            (1, Some(moved_at)) => Some(moved_at + self.hedge_after(promise)),
            (0, _) if promise.holders.iter().any(is_slow) => Some(promise.since + SLOW_IS_ASKED_AFTER),
            _ => None,
        };
        let promises = self.promised.values().filter_map(of_promise);
        let coming = self.promised.values().filter(|promise| promise.is_coming);
        let sought = coming.filter_map(|promise| Some(promise.moved_at? + SOUGHT_AFTER));
        let past = self.past_asked.map(|at| at + PAST_APART);
        promises
            .chain(sought)
            .chain(past)
            .chain(self.neighbours.values().flat_map(Neighbour::changes_at))
    }

    /// The most urgent chunk that somebody holds who may be asked, whom, and whether it is of the past.
    fn choose(&mut self, now: Instant) -> Option<(ChunkId, BoxId, bool)> {
        let newcomers: usize = self
            .neighbours
            .values()
            .filter(|neighbour| !neighbour.is_proven())
            .map(Neighbour::asked)
            .sum();
        let has_room_for_newcomers = newcomers < self.limits.newcomers;
        let is_time_for_past = self.past_asked.is_none_or(|at| now >= at + PAST_APART);
        let has_room_for_past = is_time_for_past && self.asked_of_past() < self.limits.past;
        let mut first: Option<Choice<'_>> = None;
        for (id, promise) in &self.promised {
            let rank = self.rank(id, promise);
            if first.as_ref().is_some_and(|(other, ..)| *other <= rank) || !self.is_due(now, &rank, promise) {
                continue;
            }
            if rank.is_past() && !promise.is_small() && !has_room_for_past {
                continue;
            }
            let takes_slow = !rank.is_edge() || now >= promise.since + SLOW_IS_ASKED_AFTER;
            let may = |(_, neighbour): &(BoxId, &Neighbour)| {
                neighbour.may_be_asked(now, promise.is_small())
                    && (neighbour.is_proven()
                        || (has_room_for_newcomers && (promise.unanswered() == 0 || promise.is_coming)))
                    && (takes_slow || promise.is_small() || !neighbour.pace.is_slower_than(SLOW, self.pace))
            };
            let holders = promise
                .holders
                .iter()
                .filter(|holder| !promise.asked.contains(holder))
                .filter_map(|holder| Some((*holder, self.neighbours.get(holder)?)));
            let holders: Vec<_> = holders.filter(may).collect();
            if !holders.is_empty() {
                first = Some((rank, id, holders));
            }
        }
        let (rank, id, holders) = first?;
        let explores = self.random.random_ratio(1, EXPLORES_ONE_IN);
        let mut best = None;
        for (holder, neighbour) in holders {
            let expected = if explores {
                self.random.random()
            } else {
                let asked = f64::from(u32::try_from(neighbour.asked() + 1).unwrap_or(u32::MAX));
                let pace = neighbour.pace.or(self.pace).seconds_per_byte();
                let doubt = if neighbour.is_proven() { 1.0 } else { NEWCOMER };
                asked * pace * doubt * self.random.random_range(JITTER)
            };
            if best.is_none_or(|(least, _)| expected < least) {
                best = Some((expected, holder));
            }
        }
        best.map(|(_, holder)| (id.clone(), holder, rank.is_past()))
    }

    /// Large chunks of the past that are on their way. Those that newcomers were asked for may never come: they count as
    /// newcomers' alone.
    fn asked_of_past(&self) -> usize {
        let proven = self.neighbours.values().filter(|neighbour| neighbour.is_proven());
        let asked = proven.flat_map(Neighbour::large_asked);
        let is_past = |id: &&ChunkId| {
            let promise = self.promised.get(*id);
            promise.is_some_and(|promise| self.rank(id, promise).is_past())
        };
        asked.filter(is_past).count()
    }

    /// Whether it is time to ask somebody, or somebody else.
    fn is_due(&self, now: Instant, rank: &Rank, promise: &Promise) -> bool {
        match (promise.unanswered(), promise.moved_at) {
            (0, _) => promise.waits_at.is_empty() || rank.is_edge(),
            (1, Some(moved_at)) => {
                let may = promise.is_coming || self.is_asked_of_newcomer(promise) || self.hedges.has_one();
                rank.is_edge() && may && now >= moved_at + self.hedge_after(promise)
            }
            _ => false,
        }
    }

    fn hedge_after(&self, promise: &Promise) -> Duration {
        if promise.is_coming {
            return STALLED_AFTER;
        }
        if self.is_asked_of_newcomer(promise) {
            return NEWCOMER_HEDGE_AFTER;
        }
        HEDGE_AFTER.max(HEDGE_AFTER_USUAL * self.pace.time_for(promise.size))
    }

    fn is_asked_of_newcomer(&self, promise: &Promise) -> bool {
        let mut asked = promise
            .asked
            .iter()
            .filter_map(|asked| self.neighbours.get(asked));
        asked.any(|asked| !asked.is_proven())
    }

    pub(super) fn rank(&self, id: &ChunkId, promise: &Promise) -> Rank {
        let newest = self.newest.get(&(id.channel.clone(), id.epoch));
        Rank::of(id, promise, newest.map_or(id.segment, |(segment, _)| *segment))
    }

    /// What comes no further, and of which no other holder is known: neighbours do not tell of it, for they were told that
    /// it is here.
    fn seek_what_stalls(&mut self, now: Instant) {
        let stalls = |promise: &Promise| {
            let is_late = promise.moved_at.is_some_and(|at| now >= at + SOUGHT_AFTER);
            promise.is_coming && is_late && !promise.is_sought && promise.holders.len() <= promise.asked.len()
        };
        let stalled = self.promised.iter_mut().filter(|(_, promise)| stalls(promise));
        let mut sought = Vec::new();
        for (id, promise) in stalled {
            promise.is_sought = true;
            sought.push(id.clone());
        }
        for id in sought {
            self.seek(&id);
        }
    }

    fn give_up_late(&mut self, now: Instant) {
        for (of, neighbour) in &mut self.neighbours {
            for id in neighbour.give_up_late(now) {
                if let Some(promise) = self.promised.get_mut(&id) {
                    promise.is_not_asked_of(*of);
                }
            }
        }
    }
}
