//! The start of an epoch: which tracks it has, and where its time begins.
//!
//! A track that joins later would change the manifest under its players, so an epoch waits until both sound and a
//! keyframe are there, or until one of them has gone on alone for a while. What came meanwhile is held.

use std::collections::VecDeque;
use std::time::Duration;

use wire::id::TrackKind;

use super::error::PackageError;
use super::timeline::{shown, signed};
use crate::media::{AccessUnit, Millis};

/// How long one track goes on before it begins alone.
const PATIENCE: Duration = Duration::from_secs(3);
/// What is held while waiting, at most.
const MAX_HELD_BYTES: usize = 16 << 20;
/// What holding a sample takes besides its own bytes, about.
const UNIT_BYTES: usize = 128;
/// The longest time without a keyframe.
pub(super) const LONGEST_KEYFRAME_INTERVAL: Duration = Duration::from_secs(12);

/// What an epoch begins with. A track without samples is not part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The epoch's 0 on the publisher's clock, in milliseconds.
    pub(super) zero: i64,
    /// Begins with a keyframe.
    pub(super) video: VecDeque<AccessUnit>,
    /// Nothing from before the epoch.
    pub(super) audio: VecDeque<AccessUnit>,
}

/// Holds samples until an epoch can begin.
#[derive(Debug, Default)]
pub(super) struct Start {
    video: VecDeque<AccessUnit>,
    audio: VecDeque<AccessUnit>,
    held_bytes: usize,
    /// The first of the pictures that came before a keyframe.
    first_picture: Option<Millis>,
    /// The first sound since video last gave a sign.
    alone_since: Option<Millis>,
}

impl Start {
    /// Video was configured, or goes on: sound does not begin without it yet.
    pub(super) fn expect_video(&mut self) {
        self.alone_since = None;
    }

    /// Forgets a track that goes on in another way.
    pub(super) fn forget(&mut self, kind: TrackKind) {
        let held = match kind {
            TrackKind::Video => &mut self.video,
            TrackKind::Audio => &mut self.audio,
        };
        self.held_bytes -= held.drain(..).map(|unit| cost(&unit)).sum::<usize>();
    }

    /// Takes the next sample, and tells whether it was the one that was waited for.
    pub(super) fn push(&mut self, unit: AccessUnit) -> Result<Option<Beginning>, PackageError> {
        let begins = match unit.track.kind() {
            TrackKind::Video => self.push_video(unit)?,
            TrackKind::Audio => self.push_audio(unit),
        };
        Ok(if begins { self.finish() } else { None })
    }

    /// Begins with whatever is held.
    pub(super) fn finish(&mut self) -> Option<Beginning> {
        let zero = self
            .zero()
            .or_else(|| self.audio.front().map(|sound| signed(sound.decode_time)))?;
        let Self { video, audio, .. } = std::mem::take(self);
        Some(Beginning { zero, video, audio })
    }

    fn push_video(&mut self, unit: AccessUnit) -> Result<bool, PackageError> {
        self.expect_video();
        let time = unit.decode_time;
        if self.video.is_empty() {
            let waited = time.since(*self.first_picture.get_or_insert(time));
            if waited > LONGEST_KEYFRAME_INTERVAL {
                return Err(PackageError::KeyframeInterval {
                    longest: LONGEST_KEYFRAME_INTERVAL,
                });
            }
            if !unit.keyframe {
                return Ok(false);
            }
            let zero = shown(&unit);
            while self
                .audio
                .front()
                .is_some_and(|sound| signed(sound.decode_time) < zero)
            {
                self.drop_oldest_sound();
            }
        }
        self.held_bytes += cost(&unit);
        self.video.push_back(unit);
        Ok(!self.audio.is_empty() || spans(&self.video, PATIENCE) || self.held_bytes > MAX_HELD_BYTES)
    }

    fn push_audio(&mut self, unit: AccessUnit) -> bool {
        let time = unit.decode_time;
        if self.zero().is_some_and(|zero| signed(time) < zero) {
            return false;
        }
        self.held_bytes += cost(&unit);
        self.audio.push_back(unit);
        if !self.video.is_empty() {
            return true;
        }
        let alone_since = *self.alone_since.get_or_insert(time);
        if time.since(alone_since) >= PATIENCE {
            return true;
        }
        while self.held_bytes > MAX_HELD_BYTES || spans(&self.audio, 2 * PATIENCE) {
            self.drop_oldest_sound();
        }
        false
    }

    fn zero(&self) -> Option<i64> {
        self.video.front().map(shown)
    }

    fn drop_oldest_sound(&mut self) {
        self.held_bytes -= self.audio.pop_front().map_or(0, |unit| cost(&unit));
    }
}

fn cost(unit: &AccessUnit) -> usize {
    unit.data.len() + UNIT_BYTES
}

fn spans(held: &VecDeque<AccessUnit>, length: Duration) -> bool {
    let (Some(first), Some(last)) = (held.front(), held.back()) else {
        return false;
    };
    last.decode_time.since(first.decode_time) >= length
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::id::TrackId;

    use super::*;

    fn picture(time: u64, keyframe: bool) -> AccessUnit {
        let data = Bytes::from_static(&[0; 100]);
        AccessUnit {
            track: TrackId::VIDEO,
            decode_time: Millis(time),
            composition_offset: 40,
            keyframe,
            data,
        }
    }

    fn sound(time: u64) -> AccessUnit {
        AccessUnit {
            track: TrackId::AUDIO,
            composition_offset: 0,
            ..picture(time, true)
        }
    }

    fn times(held: &VecDeque<AccessUnit>) -> Vec<u64> {
        held.iter().map(|unit| unit.decode_time.0).collect()
    }

    #[test]
    fn both_tracks_begin_where_the_first_keyframe_is_shown() {
        let mut start = Start::default();
        for unit in [
            sound(0),
            picture(0, false),
            sound(20),
            picture(20, true),
            sound(40),
        ] {
            assert_eq!(start.push(unit), Ok(None));
        }
        let begun = start.push(sound(60)).unwrap().unwrap();

        assert_eq!(begun.zero, 60, "decoded at 20, shown 40 later");
        assert_eq!((times(&begun.video), times(&begun.audio)), (vec![20], vec![60]));
    }

    #[test]
    fn sound_alone_begins_after_a_while() {
        let mut start = Start::default();
        let begun = (0..).find_map(|n| start.push(sound(n * 20)).unwrap()).unwrap();

        assert_eq!(begun.zero, 0);
        assert_eq!(times(&begun.audio).last(), Some(&3000));
        assert!(begun.video.is_empty());
    }

    #[test]
    fn pictures_alone_begin_after_a_while() {
        let mut start = Start::default();
        let begun = (0..)
            .find_map(|n| start.push(picture(n * 20, n % 50 == 0)).unwrap())
            .unwrap();

        assert_eq!(times(&begun.video).last(), Some(&3000));
        assert!(begun.audio.is_empty());
    }

    #[test]
    fn pictures_without_a_keyframe_keep_sound_waiting_but_not_for_ever() {
        let mut start = Start::default();
        let mut outcome = Ok(None);
        let mut time = 0;
        while outcome == Ok(None) {
            assert_eq!(start.push(sound(time)), Ok(None));
            assert!(start.audio.len() < 400, "{} frames held", start.audio.len());
            outcome = start.push(picture(time, false));
            time += 20;
        }
        assert_eq!(
            outcome,
            Err(PackageError::KeyframeInterval {
                longest: LONGEST_KEYFRAME_INTERVAL
            })
        );
    }

    #[test]
    fn what_is_held_is_bounded_whatever_its_size_and_time() {
        for bytes in [1, 1 << 20] {
            let data = Bytes::from(vec![0; bytes]);
            let mut start = Start::default();
            for _ in 0..MAX_HELD_BYTES / bytes.max(UNIT_BYTES) + 2 {
                let unit = AccessUnit {
                    data: data.clone(),
                    ..sound(0)
                };
                assert_eq!(start.push(unit), Ok(None));
            }
            assert!(start.held_bytes <= MAX_HELD_BYTES);

            let mut start = Start::default();
            let begun = std::iter::repeat_with(|| {
                let unit = AccessUnit {
                    data: data.clone(),
                    ..picture(0, true)
                };
                start.push(unit).unwrap()
            });
            let begun = begun.flatten().next().unwrap();
            assert!(begun.video.iter().map(cost).sum::<usize>() <= MAX_HELD_BYTES + cost(&begun.video[0]));
        }
    }
}
