//! Epochs: the names of a channel's timelines, only ever growing.
//!
//! An epoch is the moment at which its media time was 0. The clock alone makes it grow, also over a crash; the
//! data folder remembers the last one for when the clock was set back. Not by more than a day: an epoch so far ahead
//! is refused by everybody whose clock is right, so the clock was wrong then, and goes by itself again.

use std::sync::Arc;
use std::time::Duration;

use program::folder::Folder;
use tracing::warn;
use wire::id::{ChannelName, Epoch};

/// As far ahead as boxes believe an epoch to be, less an hour for their own clocks.
const BELIEVED_MS: u64 = 23 * 60 * 60 * 1000;

/// The last epoch of a channel, and the next.
#[derive(Debug)]
pub(crate) struct Epochs {
    folder: Arc<Folder>,
    name: String,
    last: Option<Epoch>,
}

impl Epochs {
    /// The epochs of that channel, so far as the folder remembers them.
    pub(crate) fn recall(folder: Arc<Folder>, channel: &ChannelName) -> Self {
        let name = format!("epoch-{channel}");
        let last = match folder.recall(&name) {
            Ok(text) => text.and_then(|text| text.trim_end().parse().ok()),
            Err(error) => {
                warn!(%error, "the last epoch is forgotten, the clock has to do");
                None
            }
        };
        Self { folder, name, last }
    }

    /// Begins an epoch whose media has come as far as `reached` at `now_ms`, and not before the last one, whose media
    /// lasted until `end_ms`, has ended.
    pub(crate) fn begin(&mut self, now_ms: u64, reached: Duration, end_ms: u64) -> Epoch {
        let epoch = next(self.last, now_ms, reached, end_ms);
        if let Some(last) = self.last.filter(|last| *last >= epoch) {
            warn!(%last, %epoch, "the last epoch was far ahead of the clock, which counts alone now");
        }
        self.last = Some(epoch);
        // A few bytes, once an epoch.
        if let Err(error) = self.folder.keep(&self.name, &format!("{epoch}\n")) {
            warn!(%error, "the epoch is not remembered, the clock has to do");
        }
        epoch
    }
}

fn next(last: Option<Epoch>, now_ms: u64, reached: Duration, end_ms: u64) -> Epoch {
    let began = now_ms.saturating_sub(u64::try_from(reached.as_millis()).unwrap_or(u64::MAX));
    let believed = |moment: &u64| *moment < now_ms.saturating_add(BELIEVED_MS);
    let after_last = last
        .map(|last| last.0)
        .filter(believed)
        .map_or(0, |last| last + 1);
    let after_its_end = Some(end_ms).filter(believed).unwrap_or(0);
    Epoch(began.max(after_last).max(after_its_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_when_its_media_time_was_zero() {
        assert_eq!(next(None, 10_000, Duration::from_millis(2500), 0), Epoch(7500));
        assert_eq!(next(None, 1000, Duration::MAX, 0), Epoch(0));
    }

    #[test]
    fn epochs_grow_though_the_clock_goes_back_and_the_origin_starts_anew() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::open(parent.path()).unwrap());
        let channel: ChannelName = "live".parse().unwrap();
        let epochs = || Epochs::recall(Arc::clone(&folder), &channel);
        let mut first = epochs();
        assert_eq!(first.begin(10_000, Duration::ZERO, 0), Epoch(10_000));
        assert_eq!(first.begin(9000, Duration::ZERO, 0), Epoch(10_001));
        assert_eq!(epochs().begin(8000, Duration::ZERO, 0), Epoch(10_002));
        assert_eq!(epochs().begin(20_000, Duration::ZERO, 0), Epoch(20_000));
    }

    #[test]
    fn an_epoch_waits_for_the_end_of_the_last() {
        let last = Some(Epoch(10_000));
        assert_eq!(next(last, 20_000, Duration::from_secs(1), 19_500), Epoch(19_500));
        assert_eq!(next(last, 20_000, Duration::ZERO, 19_500), Epoch(20_000));
        assert_eq!(
            next(last, 20_000, Duration::ZERO, u64::MAX),
            Epoch(20_000),
            "an absurd end is none"
        );
    }

    #[test]
    fn a_clock_that_was_years_ahead_leaves_no_epochs_that_nobody_believes() {
        let day = 24 * 60 * 60 * 1000;
        let ahead = |days: u64| Some(Epoch(10_000 + days * day));
        assert_eq!(next(ahead(1000), 10_000, Duration::ZERO, 0), Epoch(10_000));
        assert_eq!(
            next(Some(Epoch(u64::MAX)), 10_000, Duration::ZERO, 0),
            Epoch(10_000)
        );
        let hour = Some(Epoch(10_000 + day / 24));
        assert_eq!(next(hour, 10_000, Duration::ZERO, 0), Epoch(10_001 + day / 24));
    }

    #[test]
    fn no_name_is_used_twice_however_clocks_jump_between_restarts() {
        use rand::rngs::StdRng;
        use rand::{RngExt, SeedableRng};

        let parent = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::open(parent.path()).unwrap());
        let channel: ChannelName = "live".parse().unwrap();
        let mut random = StdRng::seed_from_u64(7);
        let start = 1_700_000_000_000;
        let mut names = std::collections::HashSet::new();
        for _ in 0..100 {
            let mut epochs = Epochs::recall(Arc::clone(&folder), &channel);
            // Half a day either way, and now and then the very same moment.
            let half_a_day = 12 * 60 * 60 * 1000;
            let mut now = start + random.random_range(0..=3_u64) * half_a_day / 3;
            for _ in 0..3 {
                let reached = Duration::from_millis(random.random_range(0..5000));
                let epoch = epochs.begin(now, reached, now.saturating_sub(random.random_range(0..9000)));
                assert!(names.insert(epoch), "{epoch} was used before");
                now += random.random_range(0..3000);
            }
        }
    }
}
