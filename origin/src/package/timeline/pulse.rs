//! Breaks: timestamps that go on as no clock does.

use std::time::{Duration, Instant};

use wire::id::{TrackId, TrackKind};

use super::super::error::PackageError;
use super::{JITTER, LONGEST_STEP};
use crate::media::Millis;

/// The longest step of pictures that come seldom.
const LONGEST_PAUSE: Duration = Duration::from_secs(6);

/// Watches a track's timestamps for breaks.
#[derive(Debug)]
pub(in super::super) struct Pulse {
    track: TrackId,
    newest: Option<(Millis, Instant)>,
}

impl Pulse {
    pub(in super::super) fn new(track: TrackId) -> Self {
        Self { track, newest: None }
    }

    /// The newest timestamp that was no jump.
    pub(in super::super) fn newest(&self) -> Option<Millis> {
        self.newest.map(|(time, _)| time)
    }

    /// Takes the next timestamp, unless it jumps. Pictures may also be far apart because there are few of them: then
    /// as much time has passed since the one before, or the other tracks, of which `others` is the newest timestamp, have gone as far.
    pub(in super::super) fn check(
        &mut self,
        time: Millis,
        arrived: Instant,
        others: Option<Millis>,
    ) -> Result<(), PackageError> {
        if let Some((from, before)) = self.newest {
            let step = time.since(from);
            let passed = arrived.saturating_duration_since(before);
            let pause = self.track.kind() == TrackKind::Video
                && step <= LONGEST_PAUSE
                && (step <= passed + LONGEST_STEP
                    || others.is_some_and(|others| others + LONGEST_STEP >= time));
            if from.since(time) > JITTER || (step > LONGEST_STEP && !pause) {
                return Err(PackageError::Discontinuity {
                    track: self.track,
                    from,
                    to: time,
                });
            }
        }
        self.newest = self.newest.max(Some((time, arrived)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_and_jitter_is_not() {
        let now = Instant::now();
        let mut pulse = Pulse::new(TrackId::AUDIO);
        for time in [5000, 5021, 5000, 5043, 6043] {
            assert_eq!(pulse.check(Millis(time), now, None), Ok(()), "{time}");
        }
        assert!(pulse.check(Millis(7044), now, None).is_err());
        assert!(pulse.check(Millis(5962), now, None).is_err());
        let told = pulse.check(Millis(0), now, None).unwrap_err().to_string();
        assert_eq!(told, "timestamps of audio jumped from 6043 ms to 0 ms");
    }

    #[test]
    fn pictures_may_be_seconds_apart_where_time_or_sound_says_so() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let pulse = || {
            let mut pulse = Pulse::new(TrackId::VIDEO);
            pulse.check(Millis(1000), now, None).unwrap();
            pulse
        };
        assert!(pulse().check(Millis(6000), now, None).is_err(), "a jump");
        assert!(
            pulse().check(Millis(6000), later(5), None).is_ok(),
            "one in five seconds"
        );
        assert!(
            pulse().check(Millis(6000), now, Some(Millis(5500))).is_ok(),
            "held up together with sound"
        );
        assert!(
            pulse().check(Millis(6000), now, Some(Millis(1500))).is_err(),
            "sound did not go on"
        );
        assert!(
            pulse().check(Millis(8000), later(7), None).is_err(),
            "too long for anybody"
        );
        let mut sound = Pulse::new(TrackId::AUDIO);
        sound.check(Millis(1000), now, None).unwrap();
        assert!(
            sound.check(Millis(6000), later(5), Some(Millis(6000))).is_err(),
            "sound has no long steps"
        );
    }
}
