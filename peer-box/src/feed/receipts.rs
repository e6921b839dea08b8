//! Receipts wait a moment for each other: each that goes alone wakes the origin, which waits for none of them. Pure.

use std::time::{Duration, Instant};

use bytes::Bytes;

/// How long a receipt waits for others.
const WAIT: Duration = Duration::from_millis(40);

/// So many go at once, however soon they came: half of what an origin has under way without a receipt.
const ENOUGH: usize = 8;

/// Receipts that are still to be sent, each with the routing id of its origin.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: Vec<(Vec<u8>, Bytes)>,
    since: Option<Instant>,
}

impl Receipts {
    pub(super) fn put(&mut self, now: Instant, origin: Vec<u8>, receipt: Bytes) {
        self.since.get_or_insert(now);
        self.waiting.push((origin, receipt));
    }

    /// Those to send now, in their order: all or none.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Vec<u8>, Bytes)> {
        if self.waiting.len() >= ENOUGH || self.wakes_in(now).is_some_and(|wait| wait.is_zero()) {
            self.all()
        } else {
            Vec::new()
        }
    }

    /// All of them: something else goes that must not overtake them.
    pub(super) fn all(&mut self) -> Vec<(Vec<u8>, Bytes)> {
        self.since = None;
        std::mem::take(&mut self.waiting)
    }

    /// How long those that wait may wait still.
    pub(super) fn wakes_in(&self, now: Instant) -> Option<Duration> {
        self.since
            .map(|since| (since + WAIT).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_go_together_and_none_waits_for_long() {
        let (mut receipts, now) = (Receipts::default(), Instant::now());
        assert_eq!(receipts.wakes_in(now), None);
        receipts.put(now, vec![1], Bytes::from_static(b"first"));
        let later = now + WAIT / 2;
        receipts.put(later, vec![2], Bytes::from_static(b"second"));
        assert!(receipts.due(later).is_empty());
        assert_eq!(receipts.wakes_in(later), Some(WAIT / 2));

        let due = receipts.due(now + WAIT);
        let order: Vec<_> = due.iter().map(|(origin, _)| origin[0]).collect();
        assert_eq!(order, [1, 2]);
        assert_eq!(receipts.wakes_in(now + WAIT), None);
    }

    #[test]
    fn many_receipts_wait_for_nothing() {
        let (mut receipts, now) = (Receipts::default(), Instant::now());
        for _ in 1..ENOUGH {
            receipts.put(now, vec![1], Bytes::new());
        }
        assert!(receipts.due(now).is_empty());
        receipts.put(now, vec![1], Bytes::new());
        assert_eq!(receipts.due(now).len(), ENOUGH);
    }
}
