//! The boxes that carry a channel, ready to be drawn from for a viewer.
//!
//! Two boxes are drawn by uplink and age, and the less loaded of them is taken, where load counts
//! what the box said and what this tracker has sent it since. Taking the least loaded of all by
//! reports that are seconds old sends every viewer to the same box.
//!
//! Boxes of one network are drawn no more often than [`shares`] allows, however many they are.
//!
//! A box that said that it has no room keeps the viewers that it has, and is drawn for nobody else.
//!
//! One viewer in twenty is sent to any box that can bear more, however small it says that its uplink is or however
//! slow it was: nobody would learn otherwise that it does well.

use std::sync::atomic::Ordering;

use rand::{Rng, RngExt};
use wire::id::BoxId;

use super::{Candidate, Health, health, shares};

/// How often a draw that does not fit is repeated before whatever is left is taken.
const DRAWS: usize = 8;

/// The share of viewers who are sent to any box.
const EXPLORES: f64 = 0.05;

/// The candidates for a channel's viewers, with the sums that make a draw cheap.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    candidates: Vec<Candidate>,
    /// Their ids, close together: they are looked for with each manifest.
    ids: Vec<BoxId>,
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
        Self {
            candidates,
            ids,
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

    /// A viewer's boxes: those of `kept` that still carry the channel, in their order, and others
    /// up to `places`. The first box of a viewer that had none is counted as handed out.
    pub fn choose(
        &self,
        rng: &mut impl Rng,
        kept: &[BoxId],
        places: usize,
        bits_per_viewer: u64,
    ) -> Vec<BoxId> {
        let mut chosen: Vec<&Candidate> = Vec::with_capacity(places);
        for id in kept {
            let known = self.get(id).filter(|_| chosen.len() < places);
            chosen.extend(known.filter(|known| chosen.iter().all(|other| other.id != known.id)));
        }
        let newcomer = chosen.is_empty();
        if newcomer && self.is_for_origin(rng) {
            return Vec::new();
        }
        while chosen.len() < places {
            let is_new = |drawn: &Candidate| chosen.iter().all(|other| other.id != drawn.id);
            let Some(next) = self.next(rng, &chosen, bits_per_viewer, is_new) else {
                break;
            };
            chosen.push(next);
        }
        if let Some(first) = chosen.first().filter(|_| newcomer) {
            first.handed.fetch_add(bits_per_viewer, Ordering::Relaxed);
        }
        chosen.into_iter().map(|candidate| candidate.id).collect()
    }

    /// A box for one request, among those that `fits` takes, counted as handed out what the request costs.
    pub fn choose_one(
        &self,
        rng: &mut impl Rng,
        bits_per_second: u64,
        fits: impl Fn(&BoxId) -> bool,
    ) -> Option<BoxId> {
        if self.is_for_origin(rng) {
            return None;
        }
        let next = self.next(rng, &[], bits_per_second, |drawn| fits(&drawn.id))?;
        next.handed.fetch_add(bits_per_second, Ordering::Relaxed);
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
        bits_per_second: u64,
        fits: impl Fn(&Candidate) -> bool,
    ) -> Option<&Candidate> {
        if rng.random::<f64>() < EXPLORES {
            // Two more: another tracker may think the same of it just now.
            let two = bits_per_second.saturating_mul(2);
            let bears = |drawn: &Candidate| drawn.load_with(two) <= 1.0 && fits(drawn);
            let any = self.draw(rng, chosen, &self.even, bears);
            if any.is_some() {
                return any;
            }
        }
        let one = self.draw(rng, chosen, &self.sums, &fits)?;
        let other = self.draw(rng, chosen, &self.sums, &fits)?;
        Some(less_loaded(one, other, bits_per_second))
    }

    /// Draws a box that fits, from another network than the chosen ones if it can.
    fn draw(
        &self,
        rng: &mut impl Rng,
        chosen: &[&Candidate],
        sums: &[f64],
        fits: impl Fn(&Candidate) -> bool,
    ) -> Option<&Candidate> {
        let total = sums.last().copied()?;
        let fits = |candidate: &&Candidate| candidate.has_room() && fits(candidate);
        let is_apart = |candidate: &&Candidate| {
            candidate.network.is_none() || chosen.iter().all(|other| other.network != candidate.network)
        };
        for _ in 0..DRAWS {
            let at = rng.random::<f64>() * total;
            let at = sums
                .partition_point(|sum| *sum <= at)
                .min(self.candidates.len() - 1);
            if let Some(drawn) = self.candidates.get(at).filter(fits).filter(is_apart) {
                return Some(drawn);
            }
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
