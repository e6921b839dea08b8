//! The flow of a track: how media goes on while time does.

use std::time::{Duration, Instant};

use super::meter::Meter;
use crate::media::Millis;

/// The time within which it is compared, in seconds.
pub(super) const WITHIN: u64 = 10;
/// A longer step is a jump, and tells nothing.
const LONGEST_STEP: Duration = Duration::from_secs(6);

#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) configured: bool,
    pub(super) newest: Option<Millis>,
    /// When the newest sample arrived.
    pub(super) arrived: Option<Instant>,
    /// Milliseconds of media.
    progress: Meter<11>,
    /// The longest step of late: so much may be missing for want of pictures.
    step: Duration,
}

impl Flow {
    /// Takes note of a sample. Answers whether its time goes on from the one before.
    pub(super) fn saw(&mut self, time: Millis, arrived: Instant, second: u64) -> bool {
        let newest = self.newest.unwrap_or(time);
        let goes_on = time.since(newest) <= LONGEST_STEP && newest.since(time) <= LONGEST_STEP;
        let step = if goes_on {
            time.since(newest)
        } else {
            Duration::ZERO
        };
        self.step = step.max(self.step.saturating_sub(step));
        self.progress
            .add(second, u64::try_from(step.as_millis()).unwrap_or_default());
        self.newest = Some(time);
        self.arrived = Some(arrived);
        goes_on
    }

    /// How much less media than time there was within the last seconds; none where nothing ever came, or it stopped.
    pub(super) fn behind(&self, second: u64) -> Option<Duration> {
        self.newest?;
        let time = Duration::from_secs(Meter::<11>::seconds(second));
        let media = Duration::from_millis(self.progress.total(second));
        Some(time.saturating_sub(media + self.step))
    }
}
