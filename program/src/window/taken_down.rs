//! Epochs that their origin took down. They are remembered while the program runs, the newest ones of them.

use std::collections::VecDeque;

use wire::id::{ChannelName, Epoch};

/// Epochs that are remembered; the one that was taken down first is forgotten first.
const MAX_REMEMBERED: usize = 256;

#[derive(Debug, Default)]
pub(super) struct TakenDown(VecDeque<(ChannelName, Epoch)>);

impl TakenDown {
    pub(super) fn note(&mut self, channel: &ChannelName, epoch: Epoch) {
        if self.has(channel, epoch) {
            return;
        }
        if self.0.len() >= MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((channel.clone(), epoch));
    }

    pub(super) fn has(&self, channel: &ChannelName, epoch: Epoch) -> bool {
        self.0.iter().any(|(of, down)| *down == epoch && of == channel)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::samples::{chunk, segment, video};
    use super::super::{Refused, Window};
    use super::*;

    #[test]
    fn an_epoch_that_was_taken_down_is_gone_and_does_not_come_back() {
        let now = SystemTime::now();
        let mut window = Window::default();
        for chunk in segment(&video(1)) {
            window.insert(chunk, now).unwrap();
        }
        let id = video(1).chunk(0);
        window.take_down(&id.channel, id.epoch);
        assert!(window.held().is_empty() && window.bytes() == 0);
        let again = chunk(id.clone());
        assert_eq!(window.judge(again.record(), now), Err(Refused::TakenDown));
        assert_eq!(window.insert(again, now), Err(Refused::TakenDown));
        assert!(window.is_taken_down(&id.channel, id.epoch));

        let mut next = id.clone();
        next.epoch.0 += 1;
        assert!(!window.is_taken_down(&next.channel, next.epoch));
        assert!(
            window.insert(chunk(next), now).is_ok(),
            "the next epoch is another"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut down = TakenDown::default();
        let channel: ChannelName = "demo".parse().unwrap();
        for epoch in 0..=MAX_REMEMBERED as u64 {
            down.note(&channel, Epoch(epoch));
            down.note(&channel, Epoch(epoch));
        }
        assert_eq!(down.0.len(), MAX_REMEMBERED);
        assert!(!down.has(&channel, Epoch(0)) && down.has(&channel, Epoch(1)));
    }
}
