//! Following: a track is cut where the leading one was, under the same numbers.
//!
//! What follows waits until the leader has come as far: only then is it known that no cut lies before it. Sound is cut
//! at the first frame after a cut; a rendition's pictures at the keyframe that they have there, since encoders of
//! renditions keep the source's.

use std::collections::VecDeque;
use std::time::Duration;

use wire::id::TrackKind;

use super::cut::{MAX_SAMPLES_BYTES, Sample};
use super::description::Packaged;
use super::error::PackageError;
use super::timeline::MediaTime;
use super::track::Track;
use crate::media::AccessUnit;

/// How far a rendition's keyframe may be from the source's.
pub(super) const ALIGNED: Duration = Duration::from_millis(100);

/// A track that is cut where another is.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) track: Track,
    /// How much farther the leader has to be, so that every cut that matters is known.
    margin: Duration,
    /// Samples that the leader has not come as far as.
    waiting: VecDeque<Sample>,
    waiting_bytes: usize,
    /// Where the leader was cut and this track was not yet.
    cuts: VecDeque<MediaTime>,
    /// It broke, and ends before the epoch does.
    pub(super) lost: bool,
}

impl Follower {
    pub(super) fn new(track: Track, leader: &Track) -> Self {
        let margin = match track.id.kind() {
            TrackKind::Video => {
                (track.half_frame().since_zero() + leader.delay().since_zero()).min(ALIGNED * 10)
            }
            TrackKind::Audio => Duration::ZERO,
        };
        Self {
            track,
            margin,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            cuts: VecDeque::new(),
            lost: false,
        }
    }

    /// How far it has come.
    pub(super) fn newest(&self) -> Option<MediaTime> {
        let waits = self.waiting.back().map(|sample| self.track.decoded(sample));
        waits.or_else(|| self.track.newest())
    }

    /// Takes the next sample; it comes out when the leader has gone as far.
    pub(super) fn push(&mut self, unit: AccessUnit) -> Result<(), PackageError> {
        let bytes = self.waiting_bytes + unit.data.len();
        if bytes > MAX_SAMPLES_BYTES {
            return Err(PackageError::TooLarge {
                track: self.track.id,
                bytes,
                limit: MAX_SAMPLES_BYTES,
            });
        }
        if let Some(sample) = self.track.place(unit) {
            self.waiting_bytes = bytes;
            self.waiting.push_back(sample);
        }
        Ok(())
    }

    /// Notes where the leader was cut.
    pub(super) fn cut_at(&mut self, at: MediaTime) {
        self.cuts.push_back(at);
    }

    /// Cuts what comes no later than the leader's newest sample.
    pub(super) fn follow(&mut self, leader: MediaTime, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        let margin = self.track.ticks(self.margin);
        while let Some(sample) = self.waiting.front() {
            let decoded = self.track.decoded(sample);
            let known_from = MediaTime {
                ticks: decoded.ticks.saturating_add(margin),
                ..decoded
            };
            if known_from > leader {
                break;
            }
            let begins = self.begins(sample)?;
            if begins {
                self.cuts.pop_front();
            }
            if let Some(sample) = self.waiting.pop_front() {
                self.waiting_bytes -= sample.data.len();
                self.track.cut(sample, begins, out)?;
            }
        }
        Ok(())
    }

    /// Ends the track, with everything that waited.
    pub(super) fn finish(&mut self, out: &mut Vec<Packaged>) {
        if !self.lost {
            // What waited was checked when it came; what does not fit any more is the end all the same.
            let _ = self.follow(MediaTime::END, out);
        }
        self.track.finish(out);
    }

    /// Whether a segment begins with the sample.
    fn begins(&self, sample: &Sample) -> Result<bool, PackageError> {
        let (Some(&cut), Some(_)) = (self.cuts.front(), self.track.newest()) else {
            return Ok(false);
        };
        if self.track.id.kind() == TrackKind::Audio {
            // Each segment has a frame at least, even where sound had paused: numbers stay in step.
            return Ok(self.track.shown(sample) >= cut);
        }
        let shown = self.track.shown(sample).since_zero();
        let (cut, half) = (
            cut.since_zero(),
            self.track.half_frame().since_zero().min(ALIGNED),
        );
        if sample.keyframe && shown + half >= cut && shown <= cut + ALIGNED {
            return Ok(true);
        }
        let decoded = self.track.decoded(sample).since_zero();
        if decoded > cut + ALIGNED {
            return Err(PackageError::Unaligned {
                track: self.track.id,
                at: cut,
            });
        }
        Ok(false)
    }
}
