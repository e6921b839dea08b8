//! Channels that boxes leave to others: of these they are told nothing, and when they take one again, of all that is here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wire::exchange::{MAX_LEFT, Word};
use wire::id::{BoxId, ChannelName};

use super::Node;
use crate::news::News;

/// A neighbour that takes channels again is told of what is here of them no sooner than this after the last time.
const APART: Duration = Duration::from_secs(2);

/// What this box leaves, and which neighbours take again what they left.
#[derive(Debug, Default)]
pub(in crate::mesh) struct Leaving {
    mine: BTreeSet<ChannelName>,
    takers: BTreeMap<BoxId, Taker>,
}

#[derive(Debug)]
struct Taker {
    channels: BTreeSet<ChannelName>,
    not_before: Instant,
}

impl Leaving {
    /// A neighbour takes these channels again.
    fn takes_again(&mut self, id: BoxId, channels: BTreeSet<ChannelName>, now: Instant) {
        let taker = self.takers.entry(id).or_insert_with(|| Taker {
            channels: BTreeSet::new(),
            not_before: now,
        });
        taker.channels.extend(channels);
    }

    /// Who is to be told now, and of which channels.
    fn due(&mut self, now: Instant) -> Vec<(BoxId, BTreeSet<ChannelName>)> {
        let is_due = |taker: &Taker| !taker.channels.is_empty() && taker.not_before <= now;
        let due = self.takers.iter_mut().filter(|(_, taker)| is_due(taker));
        due.map(|(id, taker)| {
            taker.not_before = now + APART;
            (*id, std::mem::take(&mut taker.channels))
        })
        .collect()
    }

    /// A neighbour is gone.
    pub(in crate::mesh) fn left(&mut self, id: BoxId) {
        self.takers.remove(&id);
    }

    pub(in crate::mesh) fn wakes_at(&self) -> Option<Instant> {
        let waiting = self.takers.values().filter(|taker| !taker.channels.is_empty());
        waiting.map(|taker| taker.not_before).min()
    }
}

impl Node {
    /// The trackers have told which channels others carry.
    pub(super) fn leave(&mut self, news: &News) {
        if self.leaving.mine != news.others {
            self.leaving.mine.clone_from(&news.others);
            let all: Vec<BoxId> = self.peers.keys().copied().collect();
            for id in all {
                self.say(id, self.leave_word());
            }
        }
    }

    /// A neighbour that has just come hears of what is left, if anything is.
    pub(super) fn say_what_is_left(&mut self, id: BoxId) {
        if !self.leaving.mine.is_empty() {
            self.say(id, self.leave_word());
        }
    }

    fn leave_word(&self) -> Word {
        Word::Leave(self.leaving.mine.iter().take(MAX_LEFT).cloned().collect())
    }

    /// A neighbour leaves these channels to others, and no others any more.
    pub(super) fn leaves(&mut self, by: BoxId, channels: Vec<ChannelName>) {
        let again = self.schedule.leaves(by, channels.into_iter().collect());
        if !again.is_empty() {
            self.leaving.takes_again(by, again, Instant::now());
        }
    }

    /// Neighbours that take channels again hear of what is here of them.
    pub(super) async fn tell_again(&mut self, now: Instant) {
        for (id, channels) in self.leaving.due(now) {
            let window = self.store.held().await.into_iter();
            let of_those = window.filter(|chunk| channels.contains(&chunk.id().channel));
            let told = of_those.map(|chunk| (chunk.id().clone(), chunk.seal().clone()));
            self.schedule.tell_again(id, told.collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::secret;

    #[test]
    fn who_takes_channels_again_and_again_is_told_of_them_now_and_then() {
        let id = BoxId::of(&secret(1).public());
        let channels = |name: &str| BTreeSet::from([name.parse::<ChannelName>().unwrap()]);
        let (mut leaving, start) = (Leaving::default(), Instant::now());
        leaving.takes_again(id, channels("a"), start);
        assert_eq!(leaving.wakes_at(), Some(start));
        assert_eq!(leaving.due(start), [(id, channels("a"))]);
        assert_eq!((leaving.due(start), leaving.wakes_at()), (Vec::new(), None));

        leaving.takes_again(id, channels("a"), start);
        leaving.takes_again(id, channels("b"), start);
        assert_eq!(leaving.wakes_at(), Some(start + APART));
        assert_eq!(leaving.due(start + APART / 2), []);
        assert_eq!(leaving.due(start + APART)[0].1.len(), 2);

        leaving.takes_again(id, channels("a"), start);
        leaving.left(id);
        assert_eq!(leaving.wakes_at(), None);
    }
}
