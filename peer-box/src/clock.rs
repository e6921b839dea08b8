//! This box's clock, corrected by the trackers' answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use program::lifecycle::now_ms;

/// Milliseconds since 1970 as the trackers count them. Cheap to clone; all clones are one clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<Correction>);

#[derive(Debug, Default)]
struct Correction {
    ahead_ms: AtomicI64,
    told: AtomicBool,
}

impl Clock {
    /// Now.
    pub(crate) fn now_ms(&self) -> u64 {
        now_ms().saturating_add_signed(self.ahead_ms())
    }

    /// Now, if a tracker has told the time: this machine alone may be wrong.
    pub(crate) fn told_ms(&self) -> Option<u64> {
        self.0.told.load(Ordering::Relaxed).then(|| self.now_ms())
    }

    /// How far the trackers' clock is ahead of this machine's, in milliseconds.
    pub(crate) fn ahead_ms(&self) -> i64 {
        self.0.ahead_ms.load(Ordering::Relaxed)
    }

    /// A tracker's answer, which took `under_way` to come, told its time.
    pub(crate) fn correct(&self, told_ms: u64, under_way: Duration) {
        let back = u64::try_from(under_way.as_millis() / 2).unwrap_or_default();
        let theirs = i64::try_from(told_ms.saturating_add(back)).unwrap_or(i64::MAX);
        let ours = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        self.0
            .ahead_ms
            .store(theirs.saturating_sub(ours), Ordering::Relaxed);
        self.0.told.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_by_what_the_tracker_told() {
        let clock = Clock::default();
        assert!(clock.now_ms().abs_diff(now_ms()) < 5_000);
        assert_eq!(clock.told_ms(), None);
        clock.correct(1_000_000, Duration::from_secs(2));
        assert!(clock.now_ms().abs_diff(1_001_000) < 5_000);
        clock.correct(u64::MAX, Duration::MAX);
        assert!(clock.now_ms() > now_ms());
    }
}
