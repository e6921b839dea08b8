//! Renditions: which are worth waiting for, and which have to stay out for a while.
//!
//! Each coming and going of a rendition begins an epoch, which every program has to hear of and every player to change
//! to. So one that broke stays out, the longer the more often it did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wire::id::TrackId;

use super::error::is_rendition;

/// How long a rendition stays out when it broke for the first time; twice as long each time after.
const FIRST_ABSENCE: Duration = Duration::from_secs(5);
const LONGEST_ABSENCE: Duration = Duration::from_mins(5);
/// What happened so long ago is forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_mins(10);

#[derive(Clone, Debug, Default)]
pub(super) struct Renditions {
    /// Those that an epoch waits for.
    expected: BTreeSet<TrackId>,
    absences: BTreeMap<TrackId, Absence>,
}

#[derive(Clone, Copy, Debug)]
struct Absence {
    until: Instant,
    length: Duration,
}

impl Renditions {
    pub(super) fn new(expected: impl IntoIterator<Item = TrackId>) -> Self {
        let expected = expected.into_iter().filter(|track| is_rendition(*track));
        Self {
            expected: expected.collect(),
            absences: BTreeMap::new(),
        }
    }

    /// Those that an epoch waits for before it begins.
    pub(super) fn expected(&self) -> &BTreeSet<TrackId> {
        &self.expected
    }

    /// Notes that a rendition is there, so that the next epoch waits for it.
    pub(super) fn joined(&mut self, track: TrackId) {
        if is_rendition(track) {
            self.expected.insert(track);
        }
    }

    /// Notes that a rendition is not made any more.
    pub(super) fn ended(&mut self, track: TrackId) {
        self.expected.remove(&track);
    }

    /// Notes that a rendition broke: nobody waits for it now.
    pub(super) fn broke(&mut self, track: TrackId, now: Instant) {
        if !is_rendition(track) {
            return;
        }
        self.expected.remove(&track);
        let before = self.absences.get(&track);
        let recent = before.filter(|before| now.saturating_duration_since(before.until) < FORGIVEN_AFTER);
        let length = recent.map_or(FIRST_ABSENCE, |before| (before.length * 2).min(LONGEST_ABSENCE));
        let until = now + length;
        self.absences.insert(track, Absence { until, length });
    }

    /// Whether the track has to stay out at that time.
    pub(super) fn is_out(&self, track: TrackId, now: Instant) -> bool {
        self.absences
            .get(&track)
            .is_some_and(|absence| now < absence.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendition_that_keeps_breaking_stays_out_ever_longer() {
        let start = Instant::now();
        let track: TrackId = "v1".parse().unwrap();
        let mut renditions = Renditions::new([track, TrackId::VIDEO]);
        assert_eq!(
            renditions.expected().len(),
            1,
            "the publisher's own are no renditions"
        );

        let mut now = start;
        let mut absences = Vec::new();
        for _ in 0..8 {
            renditions.broke(track, now);
            assert!(renditions.expected().is_empty() && renditions.is_out(track, now));
            let began = now;
            while renditions.is_out(track, now) {
                now += Duration::from_secs(1);
            }
            absences.push((now - began).as_secs());
            renditions.joined(track);
        }
        assert_eq!(absences, [5, 10, 20, 40, 80, 160, 300, 300]);

        now += FORGIVEN_AFTER;
        renditions.broke(track, now);
        assert!(!renditions.is_out(track, now + FIRST_ABSENCE));
    }

    #[test]
    fn what_the_publisher_sends_itself_never_has_to_stay_out() {
        let now = Instant::now();
        let mut renditions = Renditions::default();
        renditions.broke(TrackId::VIDEO, now);
        renditions.joined(TrackId::AUDIO);
        assert!(!renditions.is_out(TrackId::VIDEO, now) && renditions.expected().is_empty());
    }
}
