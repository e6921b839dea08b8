//! What is let in to a child, and what is left out: pure.
//!
//! The source never waits for a child. What a child has not read yet waits for it, within bounds; over them whole groups
//! of pictures are left out, until there is room again for a keyframe and what follows it.

use std::time::Duration;

use crate::media::{AccessUnit, Millis};

/// The most that waits for a child: bytes, and media time.
const MOST_BYTES: usize = 8 << 20;
const MOST_TIME: Duration = Duration::from_secs(5);

/// How long after the last loss it is told of.
const MEMORY: Duration = Duration::from_secs(30);

/// What waits for a child.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) bytes: usize,
    /// From the first sample that waits to the newest.
    pub(super) time: Duration,
}

impl Load {
    fn is_over(self, part: usize) -> bool {
        self.bytes > MOST_BYTES / part || self.time > MOST_TIME / u32::try_from(part).unwrap_or(1)
    }
}

/// A child that was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Behind {
    /// By how much.
    pub(super) by: Duration,
    /// When something was last left out, by the source's clock.
    at: Millis,
}

/// The gate before one child.
#[derive(Debug, Default)]
pub(super) struct Gate {
    is_shut: bool,
    behind: Option<Behind>,
}

impl Gate {
    /// Whether a sample goes in, `load` waiting before it.
    pub(super) fn admits(&mut self, sample: &AccessUnit, load: Load) -> bool {
        if self.is_shut {
            // Only half of the room has to be used, or the next group would hardly fit.
            self.is_shut = !sample.keyframe || load.is_over(2);
        } else {
            self.is_shut = load.is_over(1);
        }
        if self.is_shut {
            self.leaves_out(sample, load.time);
        }
        !self.is_shut
    }

    /// A sample that was let in found no room after all.
    pub(super) fn found_no_room(&mut self, sample: &AccessUnit, load: Load) {
        self.is_shut = true;
        self.leaves_out(sample, load.time);
    }

    /// How far behind the child is, if something was left out lately.
    pub(super) fn behind(&self, now: Millis) -> Option<Behind> {
        self.behind.filter(|behind| now.since(behind.at) < MEMORY)
    }

    fn leaves_out(&mut self, sample: &AccessUnit, by: Duration) {
        let at = sample.decode_time;
        self.behind = Some(Behind { by, at });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::TrackId;

    /// The picture of that number, 40 ms each; a keyframe every 50.
    fn picture(number: u64) -> AccessUnit {
        AccessUnit {
            track: TrackId::VIDEO,
            decode_time: Millis(number * 40),
            composition_offset: 0,
            keyframe: number.is_multiple_of(50),
            data: Bytes::from_static(b"picture"),
        }
    }

    fn seconds(time: u64) -> Load {
        Load {
            bytes: 0,
            time: Duration::from_secs(time),
        }
    }

    #[test]
    fn whole_groups_are_left_out_and_what_is_let_in_begins_with_a_keyframe() {
        let mut gate = Gate::default();
        assert!((0..10).all(|number| gate.admits(&picture(number), seconds(5))));
        assert!(!gate.admits(&picture(10), seconds(6)));
        // There is room again, and then a keyframe.
        assert!((11..50).all(|number| !gate.admits(&picture(number), seconds(0))));
        assert!((50..70).all(|number| gate.admits(&picture(number), seconds(0))));
    }

    #[test]
    fn a_gate_that_was_shut_opens_when_half_of_the_room_is_free() {
        let mut gate = Gate::default();
        let many = Load {
            bytes: MOST_BYTES + 1,
            ..Load::default()
        };
        assert!(!gate.admits(&picture(0), many));
        assert!(!gate.admits(&picture(50), seconds(4)));
        assert!(gate.admits(&picture(100), seconds(2)));
    }

    #[test]
    fn a_loss_is_told_for_a_while() {
        let mut gate = Gate::default();
        assert_eq!(gate.behind(Millis(0)), None);
        gate.admits(&picture(1), seconds(6));
        let by = |now| gate.behind(Millis(now)).map(|behind| behind.by.as_secs());
        assert_eq!(by(40), Some(6));
        assert_eq!(by(30_039), Some(6));
        assert_eq!(by(30_040), None);
    }
}
