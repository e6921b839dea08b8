//! What operators of trackers order of a channel: that all of it, or some of its epochs, is to be seen no more.

use std::collections::{BTreeMap, BTreeSet};

use tracing::{info, warn};
use wire::id::Epoch;
use wire::news::News;
use wire::presentation::{MAX_TAKEDOWNS, State, TakenDown};

use super::Task;
use super::stream::Unusable;

/// What each tracker said last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ordered(BTreeMap<usize, TakenDown>);

impl Ordered {
    /// Takes the word of the tracker at that place, and tells whether it is a new one.
    pub(crate) fn hear(&mut self, place: usize, word: TakenDown) -> bool {
        let before = self.0.entry(place).or_default();
        let is_news = *before != word;
        *before = word;
        is_news
    }

    fn is_down(&self) -> bool {
        self.0.values().any(|word| word.channel)
    }

    fn epochs(&self) -> BTreeSet<Epoch> {
        self.0
            .values()
            .flat_map(|word| word.epochs.iter().copied())
            .collect()
    }
}

impl Task {
    /// Does what was ordered, and tells trackers and boxes.
    pub(super) async fn obey(&mut self) {
        let ordered = self.channel.ordered.borrow_and_update().clone();
        let (is_down, mut epochs) = (ordered.is_down(), ordered.epochs());
        match (self.is_down, is_down) {
            (false, true) => warn!("the channel is taken down: the operator of a tracker says so"),
            (true, false) => info!("the channel is allowed again"),
            _ => {}
        }
        self.is_down = is_down;
        if is_down || self.epoch.is_some_and(|current| epochs.contains(&current)) {
            self.part(Some(Unusable::TakenDown)).await;
            self.end_filler().await;
            self.enter(State::Ended);
        }
        if is_down {
            let held = self.channel.store.held().await.into_iter();
            let own = held
                .map(|held| held.id().clone())
                .filter(|id| id.channel == self.channel.name);
            epochs.extend(own.map(|id| id.epoch).chain(self.epoch));
        }
        let newest: Vec<Epoch> = epochs.into_iter().rev().take(MAX_TAKEDOWNS).collect();
        for epoch in newest.into_iter().rev() {
            self.take_down(epoch).await;
        }
        self.report();
    }

    /// Takes an epoch down here, and has every box told.
    pub(super) async fn take_down(&mut self, epoch: Epoch) {
        if self.takedowns.contains_key(&epoch) {
            return;
        }
        warn!(%epoch, "an epoch is taken down");
        let name = &self.channel.name;
        self.channel.store.take_down(name.clone(), epoch).await;
        self.presentation.take_down(epoch);
        let news = News::takedown(name.clone(), epoch);
        self.takedowns.insert(epoch, news.sign(&self.channel.secret));
        while self.takedowns.len() > MAX_TAKEDOWNS {
            self.takedowns.pop_first();
        }
        // Nobody keeps seeds any more: the origin is stopping.
        let _ = self.channel.seeds.taken_down.send((name.clone(), epoch)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_tracker_takes_down_another_does_not_bring_back() {
        let word = |channel, epochs: &[u64]| TakenDown {
            channel,
            epochs: epochs.iter().copied().map(Epoch).collect(),
        };
        let mut ordered = Ordered::default();
        assert!(!ordered.hear(0, word(false, &[])), "nothing is no order");
        assert!(ordered.hear(0, word(true, &[1])));
        assert!(!ordered.hear(0, word(true, &[1])), "it is known");
        ordered.hear(1, word(false, &[2]));
        assert!(ordered.is_down());
        assert_eq!(ordered.epochs(), [Epoch(1), Epoch(2)].into());
        assert!(ordered.hear(0, word(false, &[1])));
        assert!(!ordered.is_down(), "whoever ordered it took it back");
    }
}
