//! The boxes that carry a channel, ready to be drawn from for a viewer.
//!
//! Two boxes are drawn by uplink and age, and the less loaded of them is taken, where load counts
//! what the box said and what this tracker has sent it since. Taking the least loaded of all by
//! reports that are seconds old sends every viewer to the same box.
//!
//! Boxes near the viewer, in its network or its country, are drawn up to twice as often as others.
//!
//! Boxes of one network are drawn no more often than [`shares`] allows, however many they are.
//!
//! A box that said that it has no room keeps the viewers that it has, and is drawn for nobody else. One that is about to
//! fail them, as it fell silent or has nothing left to send with, gives them up one after another.
//!
//! One viewer in twenty is sent to any box that can bear more, however small it says that its uplink is or however
//! slow it was: nobody would learn otherwise that it does well.

use rand::{Rng, RngExt};
use wire::id::BoxId;

use super::{Candidate, Health, Newcomer, health, shares};
use crate::document::Place;

/// How often a draw that does not fit is repeated before whatever is left is taken.
const DRAWS: usize = 8;

/// The share of viewers who are sent to any box.
const EXPLORES: f64 = 0.05;

/// A box is preferred for being near while no more than this share of its uplink is in use.
const NEAR_LOAD: f64 = 0.7;

/// The candidates for a channel's viewers, with the sums that make a draw cheap.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    candidates: Vec<Candidate>,
    /// Their ids, close together: they are looked for with each manifest.
    ids: Vec<BoxId>,
    /// Which of them are not about to fail, whoever else is sent there.
    steady: Vec<bool>,
    /// The weights of all candidates up to and with this one.
    sums: Vec<f64>,
    /// The same if uplinks and health do not count.
    even: Vec<f64>,
    /// The share of viewers whom the origin takes over, as most boxes are slow.
    origin_share: f64,
}

impl Carriers {
    /// The carriers; sorted here, so that whom a seeded draw takes does not depend on who came first. Those that are left
    /// out are not among them: they tell how many are slow.
    pub fn new(mut candidates: Vec<Candidate>) -> Self {
        let origin_share = origin_share(&candidates);
        candidates.retain(|candidate| candidate.health != Health::LeftOut);
        candidates.sort_by_key(|candidate| candidate.id);
        let sums = added_up(shares::weights(&candidates, Candidate::weight));
        let is_open = |candidate: &Candidate| if candidate.has_room() { 1.0 } else { 0.0 };
        let even = added_up(shares::weights(&candidates, is_open));
        let ids = candidates.iter().map(|candidate| candidate.id).collect();
        let is_steady = |candidate: &Candidate| candidate.has_room() && !candidate.is_failing();
        let steady = candidates.iter().map(is_steady).collect();
        Self {
            candidates,
            ids,
            steady,
            sums,
            even,
            origin_share,
        }
    }

    /// The share of viewers whom the origin takes over, as most boxes are slow.
    pub fn origin_share(&self) -> f64 {
        self.origin_share
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Whether that box carries the channel.
    pub fn has(&self, id: &BoxId) -> bool {
        self.get(id).is_some()
    }

    /// Whether a viewer of that box stays there: it carries the channel, and is not about to fail.
    pub fn keeps(&self, id: &BoxId) -> bool {
        let at = self.ids.binary_search(id);
        at.is_ok_and(|at| self.steady[at] || !self.candidates[at].is_failing())
    }

    /// How manifests name that box, if it carries the channel.
    pub fn place(&self, id: &BoxId) -> Option<&Place> {
        Some(&self.get(id)?.place)
    }

    /// A viewer's boxes: those of `kept` that it stays with, in their order, and others up to `places`; those that are about to
    /// fail only where there are no others. A viewer whose first box is another than before is counted there, and no longer
    /// where it was.
    pub fn choose(
        &self,
        rng: &mut impl Rng,
        kept: &[BoxId],
        places: usize,
        newcomer: impl Into<Newcomer>,
    ) -> Vec<BoxId> {
        let newcomer = newcomer.into();
        let bits_per_viewer = newcomer.bits_per_second;
        let mut chosen: Vec<&Candidate> = Vec::with_capacity(places);
        let mut failing: Vec<&Candidate> = Vec::new();
        for known in kept.iter().take(places).filter_map(|id| self.get(id)) {
            let those = if known.is_failing() {
                &mut failing
            } else {
                &mut chosen
            };
            if those.iter().all(|other| other.id != known.id) {
                those.push(known);
            }
        }
        if chosen.is_empty() && failing.is_empty() && self.is_for_origin(rng) {
            return Vec::new();
        }
        while chosen.len() < places {
            let is_new = |drawn: &Candidate| chosen.iter().chain(&failing).all(|other| other.id != drawn.id);
            let Some(next) = self.next(rng, &chosen, &newcomer, is_new) else {
                break;
            };
            chosen.push(next);
        }
        chosen.extend(failing);
        chosen.truncate(places);
        if let Some(first) = chosen.first().filter(|first| kept.first() != Some(&first.id)) {
            first.hand(bits_per_viewer, true);
            if let Some(before) = kept.first().and_then(|id| self.get(id)) {
                before.hand(bits_per_viewer, false);
            }
        }
        chosen.into_iter().map(|candidate| candidate.id).collect()
    }

    /// A box for one request, among those that `fits` takes, counted as handed out what the request costs.
    pub fn choose_one(
        &self,
        rng: &mut impl Rng,
        newcomer: impl Into<Newcomer>,
        fits: impl Fn(&BoxId) -> bool,
    ) -> Option<BoxId> {
        let newcomer = newcomer.into();
        if self.is_for_origin(rng) {
            return None;
        }
        let next = self.next(rng, &[], &newcomer, |drawn| fits(&drawn.id))?;
        next.hand(newcomer.bits_per_second, true);
        Some(next.id)
    }

    /// Whether the next viewer is the origin's.
    fn is_for_origin(&self, rng: &mut impl Rng) -> bool {
        self.origin_share > 0.0 && rng.random::<f64>() < self.origin_share
    }

    fn get(&self, id: &BoxId) -> Option<&Candidate> {
        self.candidates.get(self.ids.binary_search(id).ok()?)
    }

    /// The better of two draws. More of them would spread viewers no better, and leave a network more than its share.
    fn next(
        &self,
        rng: &mut impl Rng,
        chosen: &[&Candidate],
        newcomer: &Newcomer,
        fits: impl Fn(&Candidate) -> bool,
    ) -> Option<&Candidate> {
        let bits_per_second = newcomer.bits_per_second;
        if rng.random::<f64>() < EXPLORES {
            // Two more: another tracker may think the same of it just now.
            let two = bits_per_second.saturating_mul(2);
            let bears = |drawn: &Candidate| drawn.load_with(two) <= 1.0 && fits(drawn);
            let any = self.draw(rng, chosen, &self.even, newcomer, bears);
            if any.is_some() {
                return any;
            }
        }
        let one = self.draw(rng, chosen, &self.sums, newcomer, &fits)?;
        let other = self.draw(rng, chosen, &self.sums, newcomer, &fits)?;
        Some(less_loaded(one, other, bits_per_second))
    }

    /// Draws a box that fits, from another network than the chosen ones if it can. One that is near is drawn twice as often as
    /// it would be elsewhere: every other draw of one that is far is drawn again.
    fn draw(
        &self,
        rng: &mut impl Rng,
        chosen: &[&Candidate],
        sums: &[f64],
        newcomer: &Newcomer,
        fits: impl Fn(&Candidate) -> bool,
    ) -> Option<&Candidate> {
        let total = sums.last().copied()?;
        let fits = |candidate: &&Candidate| candidate.has_room() && fits(candidate);
        let is_apart = |candidate: &&Candidate| {
            candidate.network.is_none() || chosen.iter().all(|other| other.network != candidate.network)
        };
        let is_somewhere = newcomer.network.is_some() || newcomer.country.is_some();
        let mut far = None;
        for _ in 0..DRAWS {
            let at = rng.random::<f64>() * total;
            let at = sums
                .partition_point(|sum| *sum <= at)
                .min(self.candidates.len() - 1);
            if let Some(drawn) = self.candidates.get(at).filter(fits).filter(is_apart) {
                let is_near = || drawn.is_near(newcomer) && drawn.load_with(0) <= NEAR_LOAD;
                if !is_somewhere || is_near() || rng.random::<bool>() {
                    return Some(drawn);
                }
                far = Some(drawn);
            }
        }
        if far.is_some() {
            return far;
        }
        // Few are left, or one weighs more than all others together: take them in turn.
        let start = rng.random_range(0..self.candidates.len());
        let (behind, ahead) = self.candidates.split_at(start);
        let left: Vec<&Candidate> = ahead.iter().chain(behind).filter(fits).collect();
        left.iter()
            .copied()
            .find(is_apart)
            .or_else(|| left.first().copied())
    }
}

/// What all weights up to and with each come to.
fn added_up(weights: Vec<f64>) -> Vec<f64> {
    let sums = weights.into_iter().scan(0.0, |sum, weight| {
        *sum += weight;
        Some(*sum)
    });
    sums.collect()
}

/// The share of viewers whom the origin takes over. Boxes of one network count for no more than their share.
#[expect(clippy::cast_precision_loss, reason = "a weight need not be exact")]
fn origin_share(candidates: &[Candidate]) -> f64 {
    let is_fine = |candidate: &Candidate| candidate.health == Health::Fine;
    if candidates.iter().all(is_fine) {
        return 0.0;
    }
    let weights = shares::weights(candidates, |candidate| candidate.uplink() as f64);
    let healthy = candidates.iter().zip(&weights).filter(|(one, _)| is_fine(one));
    let healthy = healthy.map(|(_, weight)| weight).sum();
    health::origin_share(healthy, weights.iter().sum())
}

/// The one that would be less loaded with so much more.
fn less_loaded<'a>(one: &'a Candidate, other: &'a Candidate, more: u64) -> &'a Candidate {
    if one.load_with(more) <= other.load_with(more) {
        one
    } else {
        other
    }
}

#[cfg(test)]
mod tests;
