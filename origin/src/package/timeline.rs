//! Time: a publisher's milliseconds become the epoch's own time.
//!
//! The epoch's 0 is the moment at which its first keyframe is shown; sound keeps its place relative to that. Pictures
//! keep the publisher's times, and are decoded as long before they are shown as the publisher says: an edit list takes the
//! first picture's delay away again, which more players get right than negative composition offsets. Sound is counted in samples, since RTMP rounds its times to
//! milliseconds and a player hears each gap; the publisher's times only correct the count.

use std::time::Duration;

use wire::id::TrackKind;

use super::config::VIDEO_TIMESCALE;
use super::error::PackageError;
use crate::media::{AccessUnit, Millis};

/// What encoders' clocks may be off without meaning it: for sound, half of what an eye notices.
const JITTER: Duration = Duration::from_millis(80);
/// The longest step from one sample to the next.
const LONGEST_STEP: Duration = Duration::from_secs(1);
/// Longer than any encoder delays a picture to reorder it.
const LONGEST_OFFSET_MS: i64 = 10_000;

const TICKS_IN_MS: i64 = VIDEO_TIMESCALE as i64 / 1000;

/// Watches a track's timestamps for breaks.
#[derive(Debug)]
pub(super) struct Pulse {
    kind: TrackKind,
    newest: Option<Millis>,
}

impl Pulse {
    pub(super) fn new(kind: TrackKind) -> Self {
        Self { kind, newest: None }
    }

    /// Takes the next timestamp, unless it jumps.
    pub(super) fn check(&mut self, time: Millis) -> Result<(), PackageError> {
        if let Some(from) = self.newest
            && (time.since(from) > LONGEST_STEP || from.since(time) > JITTER)
        {
            return Err(PackageError::Discontinuity {
                kind: self.kind,
                from,
                to: time,
            });
        }
        self.newest = self.newest.max(Some(time));
        Ok(())
    }
}

/// When a picture is shown, on the publisher's clock.
pub(super) fn shown(picture: &AccessUnit) -> i64 {
    signed(picture.decode_time) + offset(picture)
}

/// Where a publisher's clock stands, as a number that can be subtracted.
pub(super) fn signed(time: Millis) -> i64 {
    // Far beyond any clock, and far enough from the edge that nothing here overflows.
    i64::try_from(time.0).unwrap_or(i64::MAX).min(i64::MAX >> 20)
}

fn offset(picture: &AccessUnit) -> i64 {
    i64::from(picture.composition_offset).clamp(-LONGEST_OFFSET_MS, LONGEST_OFFSET_MS)
}

/// The clock of pictures.
#[derive(Debug)]
pub(super) struct VideoClock {
    first_decoded: i64,
    first_shown: i64,
    /// In ticks.
    delay: u32,
    newest: Option<u64>,
}

/// A picture's place in the epoch, in units of [`VIDEO_TIMESCALE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// When it is decoded.
    pub(super) time: u64,
    /// From there to when it is shown, the [delay](VideoClock::delay) of all pictures included.
    pub(super) offset: i32,
}

impl VideoClock {
    /// The clock of an epoch that begins with this keyframe: decoded at 0, shown at 0 after its delay.
    pub(super) fn new(first: &AccessUnit) -> Self {
        let delay = u32::try_from(offset(first) * TICKS_IN_MS).unwrap_or(0);
        Self {
            first_decoded: signed(first.decode_time),
            first_shown: shown(first),
            delay,
            newest: None,
        }
    }

    /// How much later than the epoch's time all pictures come, so that each can be decoded before it is shown.
    pub(super) fn delay(&self) -> u32 {
        self.delay
    }

    /// The picture's place; none when it would be shown before the epoch.
    pub(super) fn place(&mut self, picture: &AccessUnit) -> Option<Place> {
        let shown = (shown(picture) - self.first_shown) * TICKS_IN_MS;
        if shown < 0 {
            return None;
        }
        // Equal times, as some encoders send them, become a tick each: no sample may last for nothing.
        let decoded =
            u64::try_from((signed(picture.decode_time) - self.first_decoded) * TICKS_IN_MS).unwrap_or(0);
        let time = self.newest.map_or(decoded, |newest| decoded.max(newest + 1));
        self.newest = Some(time);
        let offset = (shown + i64::from(self.delay)).saturating_sub(i64::try_from(time).unwrap_or(i64::MAX));
        let offset = i32::try_from(offset).unwrap_or(if offset < 0 { i32::MIN } else { i32::MAX });
        Some(Place { time, offset })
    }
}

/// The clock of sound.
#[derive(Debug)]
pub(super) struct AudioClock {
    zero: i64,
    sample_rate: u32,
    frame: u32,
    next: Option<u64>,
}

impl AudioClock {
    /// The clock of an epoch whose 0 is at `zero` milliseconds on the publisher's clock.
    pub(super) fn new(zero: i64, sample_rate: u32, frame: u32) -> Self {
        Self {
            zero,
            sample_rate,
            frame,
            next: None,
        }
    }

    /// When a frame of sound begins, in samples; none when it is before the epoch, or one too many.
    pub(super) fn place(&mut self, time: Millis) -> Option<u64> {
        let stamped = samples(signed(time) - self.zero, self.sample_rate)?;
        let counted = self.next.unwrap_or(stamped);
        let jitter = samples(as_ms(JITTER), self.sample_rate)?;
        let begins = if stamped > counted + jitter {
            stamped // Sound is missing: the frame before lasts until here.
        } else if stamped + jitter < counted {
            return None; // There was too much.
        } else {
            counted
        };
        self.next = Some(begins + u64::from(self.frame));
        Some(begins)
    }
}

/// Milliseconds as samples; none when negative.
fn samples(ms: i64, sample_rate: u32) -> Option<u64> {
    let ms = u64::try_from(ms).ok()?;
    u64::try_from(u128::from(ms) * u128::from(sample_rate) / 1000).ok()
}

fn as_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::id::TrackId;

    use super::*;

    fn picture(decode_time: u64, composition_offset: i32) -> AccessUnit {
        let data = Bytes::from_static(&[0]);
        let decode_time = Millis(decode_time);
        AccessUnit {
            track: TrackId::VIDEO,
            decode_time,
            composition_offset,
            keyframe: true,
            data,
        }
    }

    #[test]
    fn the_first_keyframe_is_shown_at_zero_when_its_delay_is_taken_away() {
        let first = picture(1000, 80);
        let mut clock = VideoClock::new(&first);
        assert_eq!(clock.delay(), 7200);
        let mut place = |decode, offset| clock.place(&picture(decode, offset)).map(|p| (p.time, p.offset));

        assert_eq!(place(1000, 80), Some((0, 7200)));
        assert_eq!(place(1040, 160), Some((3600, 14_400)));
        assert_eq!(place(1080, 40), Some((7200, 3600)));
        assert_eq!(place(1120, -120), None, "shown before the epoch");
    }

    #[test]
    fn a_keyframe_shown_before_it_is_decoded_has_no_delay() {
        let first = picture(1000, -80);
        let mut clock = VideoClock::new(&first);
        assert_eq!(clock.delay(), 0);
        assert_eq!(clock.place(&first), Some(Place { time: 0, offset: 0 }));
    }

    #[test]
    fn equal_times_still_grow() {
        let first = picture(7, 0);
        let mut clock = VideoClock::new(&first);
        let times: Vec<_> = [7, 7, 7, 8]
            .map(|time| clock.place(&picture(time, 0)).unwrap().time)
            .into();
        assert_eq!(times, [0, 1, 2, 90]);
    }

    #[test]
    fn sound_is_counted_and_rounding_is_not_heard() {
        let mut clock = AudioClock::new(500, 48_000, 1024);
        let stamps = [500, 521, 543, 564, 585];
        let times: Vec<_> = stamps.map(|stamp| clock.place(Millis(stamp)).unwrap()).into();
        assert_eq!(times, [0, 1024, 2048, 3072, 4096]);
    }

    #[test]
    fn sound_keeps_its_place_when_it_drifts() {
        let mut clock = AudioClock::new(0, 48_000, 1024);
        assert_eq!(clock.place(Millis(0)), Some(0));
        assert_eq!(clock.place(Millis(521)), Some(521 * 48), "half a second was lost");
        assert_eq!(clock.place(Millis(400)), None, "as much came twice");
        assert_eq!(clock.place(Millis(543)), Some(521 * 48 + 1024));
    }

    #[test]
    fn a_jump_is_told_and_jitter_is_not() {
        let mut pulse = Pulse::new(TrackKind::Audio);
        for time in [5000, 5021, 5000, 5043, 6043] {
            assert_eq!(pulse.check(Millis(time)), Ok(()), "{time}");
        }
        assert!(pulse.check(Millis(7044)).is_err());
        assert!(pulse.check(Millis(5962)).is_err());
        let told = pulse.check(Millis(0)).unwrap_err().to_string();
        assert_eq!(told, "timestamps of audio jumped from 6043 ms to 0 ms");
    }
}
