//! What the epoch under way has no use for, and the next one may begin with.
//!
//! An epoch ends at the leader's keyframe, but sound that joined, or broke, before that is told apart earlier: its
//! newest frames wait here, so that none is missing where the next epoch begins.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::timeline::LONGEST_STEP;
use crate::media::AccessUnit;

/// Less than sound may be alone before an epoch begins with nothing else.
const LONGEST: Duration = Duration::from_secs(2);
const MOST_BYTES: usize = 512 << 10;

/// The newest frames of sound that no epoch has taken.
#[derive(Debug, Default)]
pub(super) struct Aside {
    units: VecDeque<(AccessUnit, Instant)>,
    bytes: usize,
}

impl Aside {
    /// Puts a frame aside; the oldest make room, and what it does not follow on is of no use any more.
    pub(super) fn put(&mut self, unit: &AccessUnit, arrived: Instant) {
        let time = unit.decode_time;
        let newest = self.units.back().map(|(newest, _)| newest.decode_time);
        if newest.is_some_and(|newest| time < newest || time.since(newest) > LONGEST_STEP) {
            self.units.clear();
            self.bytes = 0;
        }
        self.bytes += unit.data.len();
        self.units.push_back((unit.clone(), arrived));
        while let Some((oldest, _)) = self.units.front()
            && (self.bytes > MOST_BYTES || time.since(oldest.decode_time) > LONGEST)
        {
            self.bytes -= oldest.data.len();
            self.units.pop_front();
        }
    }

    /// What was put aside, and when it had arrived.
    pub(super) fn units(&self) -> impl Iterator<Item = (AccessUnit, Instant)> {
        self.units.iter().cloned()
    }
}
