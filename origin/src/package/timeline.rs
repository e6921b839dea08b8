//! Time: a publisher's milliseconds become the epoch's own time.
//!
//! The epoch's 0 is the moment at which its first keyframe is shown; sound keeps its place relative to that. Pictures
//! keep the publisher's times, and are decoded as long before they are shown as the publisher says: an edit list takes the
//! first picture's delay away again, which more players get right than negative composition offsets. Sound is counted in samples, since RTMP rounds its times to
//! milliseconds and a player hears each gap; the publisher's times only correct the count.

mod pulse;
mod sound;

use std::cmp::Ordering;
use std::time::Duration;

pub(super) use self::pulse::Pulse;
pub(super) use self::sound::AudioClock;
use super::config::VIDEO_TIMESCALE;
use crate::media::{AccessUnit, Millis};

/// What encoders' clocks may be off without meaning it: for sound, half of what an eye notices.
const JITTER: Duration = Duration::from_millis(80);
/// The longest step from one sample to the next that needs no reason.
pub(super) const LONGEST_STEP: Duration = Duration::from_secs(1);
/// Longer than any encoder delays a picture to reorder it.
const LONGEST_OFFSET_MS: i64 = 10_000;

const TICKS_IN_MS: i64 = VIDEO_TIMESCALE as i64 / 1000;

/// A moment of an epoch, on the scale of one of its tracks; moments of all tracks compare exactly.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaTime {
    pub(super) ticks: u64,
    /// Ticks in a second.
    pub(super) timescale: u32,
}

impl MediaTime {
    /// After everything.
    pub(super) const END: Self = Self {
        ticks: u64::MAX,
        timescale: 1,
    };

    /// The time since the epoch began.
    pub(super) fn since_zero(self) -> Duration {
        let nanos = u128::from(self.ticks) * 1_000_000_000 / u128::from(self.timescale.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Ord for MediaTime {
    fn cmp(&self, other: &Self) -> Ordering {
        let one = u128::from(self.ticks) * u128::from(other.timescale);
        one.cmp(&(u128::from(other.ticks) * u128::from(self.timescale)))
    }
}

impl PartialOrd for MediaTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MediaTime {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MediaTime {}

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

/// A sample's place in the epoch, in units of its track's timescale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// When it is decoded.
    pub(super) time: u64,
    /// From there to when it is shown, the [delay](Clock::delay) of all pictures included.
    pub(super) offset: i32,
}

/// The clock of a track.
#[derive(Debug)]
pub(super) enum Clock {
    Video(VideoClock),
    Audio(AudioClock),
}

impl Clock {
    /// How much later than the epoch's time all pictures come, so that each can be decoded before it is shown.
    pub(super) fn delay(&self) -> u32 {
        match self {
            Self::Video(clock) => clock.delay,
            Self::Audio(_) => 0,
        }
    }

    /// How far sound, by its samples, has fallen behind its timestamps, in milliseconds; 0 for pictures.
    pub(super) fn behind_ms(&self) -> i64 {
        match self {
            Self::Video(_) => 0,
            Self::Audio(clock) => clock.behind_ms(),
        }
    }

    /// The place of a sample that lasts so many ticks, if it is sound; none when it is from before the epoch, or has to
    /// be left out.
    pub(super) fn place(&mut self, unit: &AccessUnit, lasts: u32) -> Option<Place> {
        match self {
            Self::Video(clock) => clock.place(unit),
            Self::Audio(clock) => clock
                .place(unit.decode_time, lasts)
                .map(|time| Place { time, offset: 0 }),
        }
    }
}

/// The clock of pictures.
#[derive(Debug)]
pub(super) struct VideoClock {
    first_decoded: i64,
    first_shown: i64,
    /// When the first is shown, in ticks.
    begins: i64,
    /// In ticks.
    delay: u32,
    newest: Option<u64>,
}

impl VideoClock {
    /// The clock of pictures that begin with this keyframe, in an epoch whose 0 is at `zero` milliseconds on the
    /// publisher's clock. Its delay after it is decoded is what all pictures have.
    pub(super) fn new(first: &AccessUnit, zero: i64) -> Self {
        let delay = u32::try_from(offset(first) * TICKS_IN_MS).unwrap_or(0);
        Self {
            first_decoded: signed(first.decode_time),
            first_shown: shown(first),
            begins: shown(first)
                .saturating_sub(zero)
                .max(0)
                .saturating_mul(TICKS_IN_MS),
            delay,
            newest: None,
        }
    }

    /// The picture's place; none when it would be shown before the first.
    fn place(&mut self, picture: &AccessUnit) -> Option<Place> {
        let shown = (shown(picture) - self.first_shown) * TICKS_IN_MS;
        if shown < 0 {
            return None;
        }
        let shown = shown.saturating_add(self.begins);
        let decoded = (signed(picture.decode_time) - self.first_decoded) * TICKS_IN_MS;
        let decoded = u64::try_from(decoded.saturating_add(self.begins)).unwrap_or(0);
        // Equal times, as some encoders send them, become a tick each: no sample may last for nothing.
        let time = self.newest.map_or(decoded, |newest| decoded.max(newest + 1));
        self.newest = Some(time);
        let offset = shown
            .saturating_add(i64::from(self.delay))
            .saturating_sub(i64::try_from(time).unwrap_or(i64::MAX));
        let offset = i32::try_from(offset).unwrap_or(if offset < 0 { i32::MIN } else { i32::MAX });
        Some(Place { time, offset })
    }
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
        let mut clock = VideoClock::new(&first, shown(&first));
        assert_eq!(clock.delay, 7200);
        let mut place = |decode, offset| clock.place(&picture(decode, offset)).map(|p| (p.time, p.offset));

        assert_eq!(place(1000, 80), Some((0, 7200)));
        assert_eq!(place(1040, 160), Some((3600, 14_400)));
        assert_eq!(place(1080, 40), Some((7200, 3600)));
        assert_eq!(place(1120, -120), None, "shown before the epoch");
    }

    #[test]
    fn a_keyframe_shown_before_it_is_decoded_has_no_delay() {
        let first = picture(1000, -80);
        let mut clock = VideoClock::new(&first, shown(&first));
        assert_eq!(clock.delay, 0);
        assert_eq!(clock.place(&first), Some(Place { time: 0, offset: 0 }));
    }

    #[test]
    fn equal_times_still_grow() {
        let first = picture(7, 0);
        let mut clock = VideoClock::new(&first, shown(&first));
        let times: Vec<_> = [7, 7, 7, 8]
            .map(|time| clock.place(&picture(time, 0)).unwrap().time)
            .into();
        assert_eq!(times, [0, 1, 2, 90]);
    }

    #[test]
    fn pictures_that_begin_a_little_late_keep_their_place() {
        let first = picture(1000, 80);
        let mut clock = VideoClock::new(&first, 1040);
        assert_eq!(
            clock.place(&first),
            Some(Place {
                time: 3600,
                offset: 7200
            })
        );
        let mut early = VideoClock::new(&first, 1081);
        assert_eq!(
            early.place(&first),
            Some(Place {
                time: 0,
                offset: 7200
            }),
            "rounded"
        );
    }

    #[test]
    fn moments_compare_across_scales() {
        let at = |ticks, timescale| MediaTime { ticks, timescale };
        assert_eq!(at(90_000, 90_000), at(44_100, 44_100));
        assert!(at(90_001, 90_000) > at(44_100, 44_100));
        assert!(at(u64::MAX, 1) == MediaTime::END && at(u64::MAX, 90_000) < MediaTime::END);
        assert_eq!(at(66_150, 44_100).since_zero(), Duration::from_millis(1500));
    }
}
