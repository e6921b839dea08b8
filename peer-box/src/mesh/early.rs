//! Seals that the keys told so far do not open.
//!
//! A neighbour may have heard from a tracker before this box did: of a channel that begins, or of its new key.
//! And it tells of each chunk once only. So such seals are neither believed nor forgotten: a few of each
//! neighbour are kept until the trackers have answered since. What is still not genuine then is a forgery.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use wire::chunk::Seal;
use wire::id::{BoxId, ChannelName};

use crate::news::News;

/// Seals kept of one neighbour; the oldest makes room.
const MAX_OF_ONE: usize = 256;

/// How much later than a neighbour a tracker may know what that neighbour knew: trackers learn from each other.
const TRACKERS_LAG: Duration = Duration::from_secs(2);

/// A seal that waits for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) channel: ChannelName,
    pub(super) seal: Seal,
    /// When it was told.
    pub(super) since: Instant,
}

impl Waiting {
    /// Whether all trackers had time to tell of its key.
    pub(super) fn is_over(&self, news: &News) -> bool {
        news.as_of.is_some_and(|as_of| as_of >= self.since + TRACKERS_LAG)
    }
}

#[derive(Debug, Default)]
pub(super) struct Early(BTreeMap<BoxId, VecDeque<Waiting>>);

impl Early {
    /// Keeps a seal for later.
    pub(super) fn keep(&mut self, from: BoxId, waiting: Waiting) {
        let kept = self.0.entry(from).or_default();
        if kept.len() >= MAX_OF_ONE {
            kept.pop_front();
        }
        kept.push_back(waiting);
    }

    /// Whether something that the neighbour told of the channel waits already. What it tells after that waits
    /// too, unopened: forgeries must not cost more than the first look.
    pub(super) fn holds_back(&self, from: BoxId, channel: &ChannelName) -> bool {
        self.0
            .get(&from)
            .is_some_and(|kept| kept.iter().any(|waiting| waiting.channel == *channel))
    }

    /// A neighbour is gone, and what it said.
    pub(super) fn left(&mut self, id: BoxId) {
        self.0.remove(&id);
    }

    /// What is worth another look, in the order in which it was told.
    pub(super) fn take_known(&mut self, news: &News) -> Vec<(BoxId, Vec<Waiting>)> {
        let mut known = Vec::new();
        for (from, kept) in &mut self.0 {
            let (now, later): (Vec<_>, Vec<_>) = kept
                .drain(..)
                .partition(|waiting| news.keys_of(&waiting.channel).is_some());
            kept.extend(later);
            if !now.is_empty() {
                known.push((*from, now));
            }
        }
        self.0.retain(|_, kept| !kept.is_empty());
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{chunk, demo, origin, secret};

    fn waiting(channel: &str, since: Instant) -> Waiting {
        Waiting {
            channel: channel.parse().unwrap(),
            seal: chunk(&origin(), &demo(1, 0)).seal().clone(),
            since,
        }
    }

    #[test]
    fn what_is_kept_of_one_neighbour_is_bounded_and_goes_with_it() {
        let now = Instant::now();
        let one = BoxId::of(&secret(1).public());
        let mut early = Early::default();
        for _ in 0..=MAX_OF_ONE {
            early.keep(one, waiting("demo", now));
        }
        assert_eq!(early.0[&one].len(), MAX_OF_ONE);
        assert!(early.holds_back(one, &"demo".parse().unwrap()));
        assert!(!early.holds_back(one, &"other".parse().unwrap()));
        assert!(early.take_known(&News::default()).is_empty());
        early.left(one);
        assert!(!early.holds_back(one, &"demo".parse().unwrap()));
    }

    #[test]
    fn a_wait_is_over_when_every_tracker_had_time_to_tell() {
        let now = Instant::now();
        let told = waiting("demo", now);
        let news = |as_of| {
            let mut news = News::default();
            news.as_of = as_of;
            news
        };
        assert!(!told.is_over(&news(None)));
        assert!(!told.is_over(&news(Some(now + Duration::from_secs(1)))));
        assert!(told.is_over(&news(Some(now + TRACKERS_LAG))));
    }
}
