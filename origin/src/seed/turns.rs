//! Which epochs have begun and ended, so that seeds are told of each once. Pure.

use std::collections::BTreeMap;

use wire::chunk::{Chunk, Seal};
use wire::id::{ChannelName, Epoch};
use wire::news::{MAX_SEALS, News, Turn};

/// Channels that are remembered; one whose epoch is the oldest makes room.
const MAX_CHANNELS: usize = 512;

#[derive(Debug)]
struct Standing {
    epoch: Epoch,
    inits: Vec<Seal>,
    has_begun: bool,
    has_ended: bool,
}

/// The newest epoch of each channel.
#[derive(Debug, Default)]
pub(super) struct Turns(BTreeMap<ChannelName, Standing>);

impl Turns {
    /// A chunk was sealed. An epoch has begun with its first media: the init segments of all tracks came before.
    pub(super) fn saw(&mut self, chunk: &Chunk) -> Option<News> {
        let id = chunk.id();
        if id.track.is_poster() {
            return None;
        }
        let known = self.of(&id.channel, id.epoch)?;
        if id.is_init() {
            if known.inits.len() < MAX_SEALS {
                known.inits.push(chunk.seal().clone());
            }
            return None;
        }
        if known.has_begun {
            return None;
        }
        known.has_begun = true;
        self.under_way(&id.channel)
    }

    /// What a seed that comes late is told: the channel's epoch has begun, if one has and is not over.
    pub(super) fn under_way(&self, channel: &ChannelName) -> Option<News> {
        let known = self.0.get(channel)?;
        let is_under_way = known.has_begun && !known.has_ended;
        is_under_way.then(|| News::begins(channel.clone(), known.epoch, known.inits.clone()))
    }

    /// A channel's epoch is over.
    pub(super) fn ended(&mut self, channel: &ChannelName, epoch: Epoch) -> Option<News> {
        let known = self.of(channel, epoch)?;
        if known.has_ended || !known.has_begun {
            return None;
        }
        known.has_ended = true;
        Some(News {
            channel: channel.clone(),
            epoch,
            turn: Turn::Ends,
        })
    }

    /// The standing of that epoch, unless a newer one is known.
    fn of(&mut self, channel: &ChannelName, epoch: Epoch) -> Option<&mut Standing> {
        let is_newer = self.0.get(channel).is_none_or(|known| known.epoch < epoch);
        if is_newer {
            if !self.0.contains_key(channel) && self.0.len() >= MAX_CHANNELS {
                let oldest = self.0.iter().min_by_key(|(_, known)| known.epoch);
                let oldest = oldest.map(|(name, _)| name.clone());
                oldest.and_then(|name| self.0.remove(&name));
            }
            let standing = Standing {
                epoch,
                inits: Vec::new(),
                has_begun: false,
                has_ended: false,
            };
            self.0.insert(channel.clone(), standing);
        }
        self.0.get_mut(channel).filter(|known| known.epoch == epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{chunk, demo};
    use super::*;

    #[test]
    fn an_epoch_is_told_once_with_its_init_segments_and_ends_once() {
        let mut turns = Turns::default();
        let init = chunk(1, 0, 0);
        assert_eq!(turns.saw(&init), None);
        assert_eq!(turns.ended(&demo(), Epoch(1)), None, "it has not begun");
        let begun = turns.saw(&chunk(1, 1, 0)).expect("it begins");
        assert_eq!(begun, News::begins(demo(), Epoch(1), [init.seal().clone()]));
        assert_eq!(turns.saw(&chunk(1, 1, 1)), None);
        assert_eq!(turns.under_way(&demo()), Some(begun));
        let ended = turns.ended(&demo(), Epoch(1)).expect("it ends");
        assert_eq!(ended.turn, Turn::Ends);
        assert_eq!(turns.ended(&demo(), Epoch(1)), None);
        assert_eq!(turns.under_way(&demo()), None);

        turns.saw(&chunk(2, 0, 0));
        assert_eq!(turns.saw(&chunk(1, 9, 0)), None, "what is over is no news");
        assert_eq!(turns.saw(&chunk(2, 1, 0)).map(|news| news.epoch), Some(Epoch(2)));
    }
}
