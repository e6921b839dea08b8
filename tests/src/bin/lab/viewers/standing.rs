//! Whom a viewer asks first, as the page's player has it (`web-player/src/fetch/standing.ts`). Pure.
//!
//! Boxes in the tracker's order, the origin after them; who failed lately rests and is asked only when nobody else is
//! left; who sent altered bytes is never asked again.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use ::tests::manifest::Source;

const FIRST_REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_mins(2);
const BUSY: Duration = Duration::from_secs(5);
const MISSES: u32 = 3;

/// What is known of the places where segments may be had, by their names.
#[derive(Debug, Default)]
pub(super) struct Standings {
    known: HashMap<String, Standing>,
    banned: HashSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Standing {
    rests_until: Option<Instant>,
    strikes: u32,
    misses: u32,
}

impl Standings {
    /// Everyone worth asking, the first to ask first.
    pub(super) fn order(&self, sources: &[Source], now: Instant) -> Vec<Source> {
        let rests = |source: &Source| {
            let known = self.known.get(&source.location);
            known
                .and_then(|standing| standing.rests_until)
                .filter(|until| *until > now)
        };
        let mut asked: Vec<Source> = sources
            .iter()
            .filter(|source| !self.banned.contains(&source.location))
            .cloned()
            .collect();
        asked.sort_by_key(|source| (rests(source), rests(source).is_none() && !source.is_box()));
        asked
    }

    pub(super) fn served(&mut self, source: &Source) {
        self.known.remove(&source.location);
    }

    /// It did not answer, broke off, or was so slow that another had to be asked.
    pub(super) fn failed(&mut self, source: &Source, now: Instant) {
        let standing = self.of(source);
        let rest = FIRST_REST * 2_u32.saturating_pow(standing.strikes);
        standing.rests_until = Some(now + rest.min(LONGEST_REST));
        standing.strikes = (standing.strikes + 1).min(8);
    }

    /// It answered that it is over its limits.
    pub(super) fn busy(&mut self, source: &Source, retry_after: Option<Duration>, now: Instant) {
        self.of(source).rests_until = Some(now + retry_after.unwrap_or(BUSY).min(LONGEST_REST));
    }

    /// It does not have the segment; a box that never has any is left alone for a while.
    pub(super) fn missed(&mut self, source: &Source, now: Instant) {
        let standing = self.of(source);
        standing.misses += 1;
        if standing.misses >= MISSES {
            standing.misses = 0;
            standing.rests_until = Some(now + FIRST_REST);
        }
    }

    /// It sent what the origin did not seal.
    pub(super) fn lied(&mut self, source: &Source, now: Instant) {
        if source.is_box() {
            self.banned.insert(source.location.clone());
        } else {
            self.failed(source, now);
        }
    }

    fn of(&mut self, source: &Source) -> &mut Standing {
        self.known.entry(source.location.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn source(location: &str) -> Source {
        Source {
            location: location.into(),
            base: "http://localhost/".parse().unwrap(),
        }
    }

    #[test]
    fn boxes_come_before_the_origin_and_who_failed_after_both() {
        let sources = ["box-a", "box-b", "box-c", "origin"].map(source);
        let mut standings = Standings::default();
        let start = Instant::now();
        standings.failed(&sources[0], start);
        standings.busy(&sources[1], Some(SECOND), start);
        let order = |standings: &Standings, now| -> Vec<String> {
            let order = standings.order(&sources, now);
            order.into_iter().map(|source| source.location).collect()
        };
        assert_eq!(order(&standings, start), ["box-c", "origin", "box-b", "box-a"]);
        let later = start + SECOND * 2;
        assert_eq!(order(&standings, later), ["box-b", "box-c", "origin", "box-a"]);
        standings.lied(&sources[2], later);
        standings.served(&sources[0]);
        assert_eq!(order(&standings, later), ["box-a", "box-b", "origin"]);
    }
}
