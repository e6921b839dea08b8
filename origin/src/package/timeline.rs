//! Time: a publisher's milliseconds become the epoch's own time.
//!
//! The epoch's 0 is the moment at which its first keyframe is shown; sound keeps its place relative to that. Pictures
//! keep the publisher's times, and are decoded as long before they are shown as the publisher says: an edit list takes the
//! first picture's delay away again, which more players get right than negative composition offsets. Sound is counted in samples, since RTMP rounds its times to
//! milliseconds and a player hears each gap; the publisher's times only correct the count.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use wire::id::{TrackId, TrackKind};

use super::config::VIDEO_TIMESCALE;
use super::error::PackageError;
use crate::media::{AccessUnit, Millis};

/// What encoders' clocks may be off without meaning it: for sound, half of what an eye notices.
const JITTER: Duration = Duration::from_millis(80);
/// The longest step from one sample to the next that needs no reason.
pub(super) const LONGEST_STEP: Duration = Duration::from_secs(1);
/// The longest step of pictures that come seldom.
const LONGEST_PAUSE: Duration = Duration::from_secs(6);
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

/// Watches a track's timestamps for breaks.
#[derive(Debug)]
pub(super) struct Pulse {
    track: TrackId,
    newest: Option<(Millis, Instant)>,
}

impl Pulse {
    pub(super) fn new(track: TrackId) -> Self {
        Self { track, newest: None }
    }

    /// The newest timestamp that was no jump.
    pub(super) fn newest(&self) -> Option<Millis> {
        self.newest.map(|(time, _)| time)
    }

    /// Takes the next timestamp, unless it jumps. Pictures may also be far apart because there are few of them: then
    /// as much time has passed since the one before, or the other tracks, of which `others` is the newest timestamp, have gone as far.
    pub(super) fn check(
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

/// The clock of sound.
#[derive(Debug)]
pub(super) struct AudioClock {
    zero: i64,
    sample_rate: u32,
    next: Option<u64>,
}

impl AudioClock {
    /// The clock of an epoch whose 0 is at `zero` milliseconds on the publisher's clock.
    pub(super) fn new(zero: i64, sample_rate: u32) -> Self {
        Self {
            zero,
            sample_rate,
            next: None,
        }
    }

    /// When a frame of so many samples begins, in samples; none when it is before the epoch, or one too many.
    fn place(&mut self, time: Millis, lasts: u32) -> Option<u64> {
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
        self.next = Some(begins + u64::from(lasts));
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
    fn sound_is_counted_and_rounding_is_not_heard() {
        let mut clock = AudioClock::new(500, 48_000);
        let stamps = [500, 521, 543, 564, 585];
        let times: Vec<_> = stamps
            .map(|stamp| clock.place(Millis(stamp), 1024).unwrap())
            .into();
        assert_eq!(times, [0, 1024, 2048, 3072, 4096]);
    }

    #[test]
    fn sound_keeps_its_place_when_it_drifts() {
        let mut clock = AudioClock::new(0, 48_000);
        assert_eq!(clock.place(Millis(0), 1024), Some(0));
        assert_eq!(
            clock.place(Millis(521), 1024),
            Some(521 * 48),
            "half a second was lost"
        );
        assert_eq!(clock.place(Millis(400), 1024), None, "as much came twice");
        assert_eq!(clock.place(Millis(543), 1024), Some(521 * 48 + 1024));
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
