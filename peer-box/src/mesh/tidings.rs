//! What origins had told of their epochs, so that nothing is believed twice or out of its order. Pure.
//!
//! Everything here was signed. Still it may be old: whoever has a message may send it again years later. So an epoch
//! begins only after a newer one than all before, ends once, and is taken down once.

use std::collections::{BTreeMap, VecDeque};

use wire::announcement::MAX_CARRIED;
use wire::id::{ChannelName, Epoch};
use wire::news::{News, Turn};

/// Channels of which something was heard; the one whose epoch is the oldest makes room.
const MAX_CHANNELS: usize = 2 * MAX_CARRIED;

/// Epochs of a channel that were taken down, as far as they are remembered here.
const MAX_TAKEN_DOWN: usize = 16;

#[derive(Debug, Default)]
struct Standing {
    /// The newest.
    epoch: Option<Epoch>,
    has_ended: bool,
    taken_down: VecDeque<Epoch>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Tidings(BTreeMap<ChannelName, Standing>);

impl Tidings {
    /// Whether this tells anything that was not heard before.
    pub(super) fn is_new(&self, news: &News) -> bool {
        let Some(known) = self.0.get(&news.channel) else {
            return true;
        };
        let epoch = Some(news.epoch);
        match news.turn {
            Turn::Begins(_) => epoch > known.epoch,
            Turn::Ends => epoch > known.epoch || epoch == known.epoch && !known.has_ended,
            Turn::TakenDown => !known.taken_down.contains(&news.epoch),
        }
    }

    /// Remembers what was verified.
    pub(super) fn note(&mut self, news: &News) {
        if !self.0.contains_key(&news.channel) && self.0.len() >= MAX_CHANNELS {
            let oldest = self.0.iter().min_by_key(|(_, known)| known.epoch);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.0.remove(&name);
            }
        }
        let known = self.0.entry(news.channel.clone()).or_default();
        match news.turn {
            Turn::Begins(_) | Turn::Ends if Some(news.epoch) >= known.epoch => {
                known.epoch = Some(news.epoch);
                known.has_ended = news.turn == Turn::Ends;
            }
            Turn::TakenDown => {
                if known.taken_down.len() >= MAX_TAKEN_DOWN {
                    known.taken_down.pop_front();
                }
                known.taken_down.push_back(news.epoch);
            }
            Turn::Begins(_) | Turn::Ends => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(channel: &str, epoch: u64, turn: Turn) -> News {
        News {
            channel: channel.parse().unwrap(),
            epoch: Epoch(epoch),
            turn,
        }
    }

    fn begins(epoch: u64) -> News {
        news("demo", epoch, Turn::Begins(vec![]))
    }

    fn ends(epoch: u64) -> News {
        news("demo", epoch, Turn::Ends)
    }

    #[test]
    fn epochs_only_grow_and_end_once() {
        let mut tidings = Tidings::default();
        tidings.note(&begins(5));
        assert!(!tidings.is_new(&begins(5)) && !tidings.is_new(&begins(4)));
        assert!(!tidings.is_new(&ends(4)));
        assert!(tidings.is_new(&ends(5)));
        tidings.note(&ends(5));
        assert!(!tidings.is_new(&ends(5)) && !tidings.is_new(&begins(5)));
        assert!(tidings.is_new(&begins(6)));
        tidings.note(&begins(6));
        tidings.note(&ends(5));
        assert!(tidings.is_new(&ends(6)), "what is old changes nothing");
    }

    #[test]
    fn an_epoch_is_taken_down_once_however_old_it_is() {
        let mut tidings = Tidings::default();
        tidings.note(&begins(5));
        let down = news("demo", 3, Turn::TakenDown);
        assert!(tidings.is_new(&down));
        tidings.note(&down);
        assert!(!tidings.is_new(&down));
        assert!(tidings.is_new(&begins(6)));
        for epoch in 10..100 {
            tidings.note(&news("demo", epoch, Turn::TakenDown));
        }
        assert_eq!(tidings.0[&down.channel].taken_down.len(), MAX_TAKEN_DOWN);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut tidings = Tidings::default();
        for channel in 0..500 {
            tidings.note(&news(&format!("c{channel}"), channel + 1, Turn::Ends));
        }
        assert_eq!(tidings.0.len(), MAX_CHANNELS);
        assert!(!tidings.is_new(&news("c499", 500, Turn::Ends)));
    }
}
