//! What this box has done since it started, counted where it happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wire::announcement::{MAX_MET, Met};
use wire::id::BoxId;

/// Counts of one box. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    from_origins: AtomicU64,
    from_neighbours: AtomicU64,
    neighbour_bytes: AtomicU64,
    small_bytes: AtomicU64,
    neighbours: Mutex<BTreeMap<BoxId, Traffic>>,
    banned: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

/// Who handed on nothing for so long does not give.
const GIVING: Duration = Duration::from_secs(30);

/// What passed between this box and one neighbour since it connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Media bytes that came from it.
    pub(crate) delivered: u64,
    /// Media bytes that went to it.
    pub(crate) taken: u64,
    /// How long the last message there and back took.
    pub(crate) round_trip: Option<Duration>,
    /// When media last came from it.
    pub(crate) gave_at: Option<Instant>,
}

impl Counts {
    /// A chunk from an origin was stored.
    pub(crate) fn accepted_from_origin(&self) {
        self.0.from_origins.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk from a neighbour was stored.
    pub(crate) fn accepted_from_neighbour(&self) {
        self.0.from_neighbours.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk or a seal was refused, for a reason in one word.
    pub(crate) fn refused(&self, reason: &'static str) {
        *lock(&self.0.refused).entry(reason).or_default() += 1;
    }

    /// Media was handed to a neighbour's connection.
    pub(crate) fn sent_to_neighbour(&self, to: BoxId, bytes: usize) {
        self.0.neighbour_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.of_neighbour(to, |traffic| traffic.taken += bytes as u64);
    }

    /// Media came from a neighbour.
    pub(crate) fn had_from_neighbour(&self, now: Instant, from: BoxId, bytes: usize) {
        self.of_neighbour(from, |traffic| {
            traffic.delivered += bytes as u64;
            traffic.gave_at = Some(now);
        });
    }

    /// Something other than media was sent: promises, seals, answers.
    pub(crate) fn sent_besides(&self, bytes: usize) {
        self.0.small_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A message to a neighbour and back took so long.
    pub(crate) fn round_trip(&self, of: BoxId, took: Duration) {
        self.of_neighbour(of, |traffic| traffic.round_trip = Some(took));
    }

    /// A neighbour connected.
    pub(crate) fn joined(&self, id: BoxId) {
        lock(&self.0.neighbours).insert(id, Traffic::default());
    }

    /// A neighbour is gone, and what was counted of it alone.
    pub(crate) fn left(&self, id: BoxId) {
        lock(&self.0.neighbours).remove(&id);
    }

    /// A neighbour was banned.
    pub(crate) fn banned(&self) {
        self.0.banned.fetch_add(1, Ordering::Relaxed);
    }

    /// Chunks from origins, and from neighbours.
    pub(crate) fn accepted(&self) -> (u64, u64) {
        let origins = self.0.from_origins.load(Ordering::Relaxed);
        (origins, self.0.from_neighbours.load(Ordering::Relaxed))
    }

    /// Chunks and seals refused, by reason.
    pub(crate) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.0.refused).clone()
    }

    /// Media bytes sent to neighbours.
    pub(crate) fn neighbour_bytes(&self) -> u64 {
        self.0.neighbour_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of everything that was sent beside media.
    pub(crate) fn small_bytes(&self) -> u64 {
        self.0.small_bytes.load(Ordering::Relaxed)
    }

    /// Neighbours connected now, and neighbours banned so far.
    pub(crate) fn neighbours(&self) -> (u64, u64) {
        let now = lock(&self.0.neighbours).len() as u64;
        (now, self.0.banned.load(Ordering::Relaxed))
    }

    /// What passed between this box and each neighbour that is connected.
    pub(crate) fn traffic(&self) -> BTreeMap<BoxId, Traffic> {
        lock(&self.0.neighbours).clone()
    }

    /// The neighbours, and which of them hand on media: those first, if there are too many to tell of.
    pub(crate) fn met(&self, now: Instant) -> Vec<Met> {
        let gave = |at: Instant| now.saturating_duration_since(at) < GIVING;
        let traffic = self.traffic().into_iter();
        let mut met: Vec<Met> = traffic
            .map(|(id, traffic)| Met {
                id,
                gave: traffic.gave_at.is_some_and(gave),
            })
            .collect();
        met.sort_by_key(|met| !met.gave);
        met.truncate(MAX_MET);
        met
    }

    fn of_neighbour(&self, id: BoxId, note: impl FnOnce(&mut Traffic)) {
        if let Some(traffic) = lock(&self.0.neighbours).get_mut(&id) {
            note(traffic);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is counts: true enough, whatever happened to who held one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::secret;

    #[test]
    fn a_neighbour_is_counted_while_it_is_there_and_forgotten_with_it() {
        let counts = Counts::default();
        let id = BoxId::of(&secret(1).public());
        counts.sent_to_neighbour(id, 3);
        assert!(counts.traffic().is_empty(), "it is no neighbour");
        counts.joined(id);
        counts.sent_to_neighbour(id, 5);
        let now = Instant::now();
        counts.had_from_neighbour(now, id, 7);
        counts.round_trip(id, Duration::from_millis(2));
        let expected = Traffic {
            delivered: 7,
            taken: 5,
            round_trip: Some(Duration::from_millis(2)),
            gave_at: Some(now),
        };
        assert_eq!(counts.traffic()[&id], expected);
        counts.left(id);
        assert!(counts.traffic().is_empty());
        assert_eq!(counts.neighbour_bytes(), 8);
    }

    #[test]
    fn who_hands_on_media_is_told_of_as_one_that_gives_for_a_while() {
        let now = Instant::now();
        let counts = Counts::default();
        let [gives, takes] = [1, 2].map(|number| BoxId::of(&secret(number).public()));
        counts.joined(gives);
        counts.joined(takes);
        counts.had_from_neighbour(now, gives, 7);
        counts.sent_to_neighbour(takes, 7);
        let told = |id, gave| Met { id, gave };
        assert_eq!(counts.met(now), [told(gives, true), told(takes, false)]);
        let mut later = counts.met(now + GIVING);
        later.retain(|met| met.gave);
        assert_eq!(later, []);
    }
}
