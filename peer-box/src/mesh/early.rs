//! Seals of channels that no tracker has told of yet.
//!
//! A channel that begins is heard of from a neighbour before the next answer of a tracker, and its init
//! segments are told once only. Such seals are neither believed nor forgotten: a few of each neighbour are
//! kept until the channel is known.

use std::collections::{BTreeMap, VecDeque};

use wire::chunk::Seal;
use wire::id::{BoxId, ChannelName};

use crate::news::News;

/// Seals kept of one neighbour; the oldest makes room.
const MAX_OF_ONE: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Early(BTreeMap<BoxId, VecDeque<(ChannelName, Seal)>>);

impl Early {
    /// Keeps a seal for later.
    pub(super) fn keep(&mut self, from: BoxId, channel: ChannelName, seal: Seal) {
        let kept = self.0.entry(from).or_default();
        if kept.len() >= MAX_OF_ONE {
            kept.pop_front();
        }
        kept.push_back((channel, seal));
    }

    /// A neighbour is gone, and what it said.
    pub(super) fn left(&mut self, id: BoxId) {
        self.0.remove(&id);
    }

    /// What can be opened by now, in the order in which it was told.
    pub(super) fn take_known(&mut self, news: &News) -> Vec<(BoxId, Vec<Seal>)> {
        let mut known = Vec::new();
        for (from, kept) in &mut self.0 {
            let (now, later): (Vec<_>, Vec<_>) = kept
                .drain(..)
                .partition(|(channel, _)| news.keys_of(channel).is_some());
            kept.extend(later);
            if !now.is_empty() {
                known.push((*from, now.into_iter().map(|(_, seal)| seal).collect()));
            }
        }
        self.0.retain(|_, kept| !kept.is_empty());
        known
    }
}
