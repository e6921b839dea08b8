//! Which channels are followed part by part: players of playlists ask again and again.
//!
//! An origin presents such a channel several times a second. For the others once a segment is enough, which is
//! a tenth of the work for everybody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::id::ChannelName;

use crate::clock::SECOND;

/// Who has not asked for this long follows no more, in milliseconds. Players ask at least once a segment, and segments
/// last up to 12 s.
const LATELY: u64 = 30 * SECOND;

/// When a playlist of each channel was last asked for. Only of channels that there are, so these are few.
#[derive(Debug, Default)]
pub struct Following(Mutex<HashMap<ChannelName, u64>>);

impl Following {
    /// Somebody asked for a playlist of the channel.
    pub fn note(&self, channel: &ChannelName, now: u64) {
        self.lock().insert(channel.clone(), now);
    }

    /// Whether somebody did lately.
    pub fn is_followed(&self, channel: &ChannelName, now: u64) -> bool {
        let asked = self.lock().get(channel).copied();
        asked.is_some_and(|asked| now.saturating_sub(asked) < LATELY)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelName, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW;

    #[test]
    fn a_channel_is_followed_while_its_playlists_are_asked_for() {
        let following = Following::default();
        let demo: ChannelName = "demo".parse().unwrap();
        assert!(!following.is_followed(&demo, NOW));
        following.note(&demo, NOW);
        assert!(following.is_followed(&demo, NOW + LATELY - 1));
        assert!(!following.is_followed(&demo, NOW + LATELY));
        assert!(!following.is_followed(&"other".parse().unwrap(), NOW));
    }
}
