//! An epoch under way: pictures lead, sound follows.
//!
//! Segments are cut at keyframes, and sound is cut where pictures were, under the same numbers. So sound waits until
//! pictures have come as far: only then is it known that no cut lies before it.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use wire::id::{TrackId, TrackKind};

use super::boxes::init_segment;
use super::config::{Codec, VIDEO_TIMESCALE};
use super::cut::{Cut, Cutter, MAX_SAMPLES_BYTES, Sample, ticks};
use super::description::Packaged;
use super::error::PackageError;
use super::start::{Beginning, LONGEST_KEYFRAME_INTERVAL};
use super::timeline::{AudioClock, VideoClock, shown, signed};
use crate::media::AccessUnit;

/// How far one track may be ahead of the other.
const FARTHEST_APART: Duration = Duration::from_secs(6);
/// How close a new track has to be to the one that is there, so that it is worth a new epoch.
const IN_REACH_MS: i64 = 2_000;
/// Keyframes are due at whole segments, give or take an encoder's rounding.
const EARLY: Duration = Duration::from_millis(100);

/// The tracks of an epoch. At least one is there.
#[derive(Debug)]
pub(super) struct Tracks {
    zero: i64,
    video: Option<Pictures>,
    audio: Option<Sound>,
}

#[derive(Debug)]
struct Pictures {
    clock: VideoClock,
    cutter: Cutter,
    segment: u64,
}

#[derive(Debug)]
struct Sound {
    clock: AudioClock,
    cutter: Cutter,
    sample_rate: u32,
    segment: u64,
    /// Frames that pictures have not come as far as, and when they begin.
    waiting: VecDeque<(u64, Bytes)>,
    waiting_bytes: usize,
    /// Where pictures were cut and sound was not yet, in units of [`VIDEO_TIMESCALE`].
    cuts: VecDeque<u64>,
}

impl Tracks {
    /// The tracks that have samples to begin with, and were configured.
    pub(super) fn begin(
        cut: Cut,
        beginning: &Beginning,
        avc: Option<&Codec>,
        aac: Option<&Codec>,
        out: &mut Vec<Packaged>,
    ) -> Self {
        let zero = beginning.zero;
        let video = avc.zip(beginning.video.front()).map(|(avc, first)| {
            let description = avc.describe(TrackId::VIDEO);
            let clock = VideoClock::new(first);
            let bytes = init_segment(&description, avc.sample_entry(), clock.delay());
            out.push(Packaged::Init { description, bytes });
            Pictures {
                clock,
                cutter: Cutter::new(TrackId::VIDEO, VIDEO_TIMESCALE, cut.chunk, avc.frame()),
                segment: ticks(cut.segment.saturating_sub(EARLY), VIDEO_TIMESCALE),
            }
        });
        let audio = aac.filter(|_| !beginning.audio.is_empty()).map(|aac| {
            let description = aac.describe(TrackId::AUDIO);
            let bytes = init_segment(&description, aac.sample_entry(), 0);
            out.push(Packaged::Init { description, bytes });
            let sample_rate = aac.timescale();
            Sound {
                clock: AudioClock::new(zero, sample_rate, aac.frame()),
                cutter: Cutter::new(TrackId::AUDIO, sample_rate, cut.chunk, aac.frame()),
                sample_rate,
                segment: ticks(cut.segment, sample_rate),
                waiting: VecDeque::new(),
                waiting_bytes: 0,
                cuts: VecDeque::new(),
            }
        });
        Self { zero, video, audio }
    }

    pub(super) fn has(&self, kind: TrackKind) -> bool {
        match kind {
            TrackKind::Video => self.video.is_some(),
            TrackKind::Audio => self.audio.is_some(),
        }
    }

    /// How much of the epoch has come, in media time.
    pub(super) fn reached(&self) -> Duration {
        let video = self.video.as_ref().and_then(Pictures::newest);
        let audio = self.audio.as_ref().and_then(Sound::newest);
        video.max(audio).unwrap_or_default()
    }

    /// Takes the next sample.
    pub(super) fn push(&mut self, unit: AccessUnit, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        match unit.track.kind() {
            TrackKind::Video => self.push_video(unit, out),
            TrackKind::Audio => self.push_audio(unit, out),
        }
    }

    fn push_video(&mut self, unit: AccessUnit, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        let reached = self.reached();
        let Some(video) = &mut self.video else {
            return if unit.keyframe && in_reach(shown(&unit) - self.zero, reached) {
                Err(PackageError::Joined(TrackKind::Video))
            } else {
                Ok(())
            };
        };
        let Some(place) = video.clock.place(&unit) else {
            return Ok(());
        };
        let heard = self.audio.as_ref().and_then(Sound::newest);
        stay_together(TrackKind::Audio, seconds(place.time, VIDEO_TIMESCALE), heard)?;

        let age = video
            .cutter
            .segment_start()
            .map_or(0, |start| place.time.saturating_sub(start));
        if !unit.keyframe && age > ticks(LONGEST_KEYFRAME_INTERVAL, VIDEO_TIMESCALE) {
            return Err(PackageError::KeyframeInterval {
                longest: LONGEST_KEYFRAME_INTERVAL,
            });
        }
        let begins = unit.keyframe && age > 0 && age >= video.segment;
        let sample = Sample {
            time: place.time,
            offset: place.offset,
            keyframe: unit.keyframe,
            data: unit.data,
        };
        out.extend(video.cutter.push(sample, begins)?.map(Packaged::Chunk));
        if let Some(audio) = &mut self.audio {
            if begins {
                audio.cuts.push_back(place.time);
            }
            audio.follow(Some(place.time), out)?;
        }
        Ok(())
    }

    fn push_audio(&mut self, unit: AccessUnit, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        let reached = self.reached();
        let Some(audio) = &mut self.audio else {
            return if in_reach(signed(unit.decode_time) - self.zero, reached) {
                Err(PackageError::Joined(TrackKind::Audio))
            } else {
                Ok(())
            };
        };
        let Some(time) = audio.clock.place(unit.decode_time) else {
            return Ok(());
        };
        let shown = self.video.as_ref().and_then(Pictures::newest);
        stay_together(TrackKind::Video, seconds(time, audio.sample_rate), shown)?;

        audio.hold(time, unit.data)?;
        match &self.video {
            None => audio.go_on_alone(out),
            Some(video) => audio.follow(video.cutter.newest(), out),
        }
    }

    /// Ends the tracks, with everything that was held.
    pub(super) fn finish(mut self, out: &mut Vec<Packaged>) {
        if let Some(audio) = &mut self.audio {
            // Frames were checked when they were held; one that does not fit any more is the end all the same.
            let _ = if self.video.is_some() {
                audio.follow(Some(u64::MAX), out)
            } else {
                audio.go_on_alone(out)
            };
        }
        let video = self.video.and_then(|mut video| video.cutter.finish());
        let audio = self.audio.and_then(|mut audio| audio.cutter.finish());
        out.extend(video.into_iter().chain(audio).map(Packaged::Chunk));
    }
}

impl Pictures {
    fn newest(&self) -> Option<Duration> {
        self.cutter.newest().map(|time| seconds(time, VIDEO_TIMESCALE))
    }
}

impl Sound {
    fn newest(&self) -> Option<Duration> {
        let time = self
            .waiting
            .back()
            .map(|&(time, _)| time)
            .or_else(|| self.cutter.newest());
        time.map(|time| seconds(time, self.sample_rate))
    }

    fn hold(&mut self, time: u64, data: Bytes) -> Result<(), PackageError> {
        let bytes = self.waiting_bytes + data.len();
        if bytes > MAX_SAMPLES_BYTES {
            return Err(PackageError::TooLarge {
                kind: TrackKind::Audio,
                bytes,
                limit: MAX_SAMPLES_BYTES,
            });
        }
        self.waiting_bytes = bytes;
        self.waiting.push_back((time, data));
        Ok(())
    }

    /// Cuts what begins no later than the newest picture, where pictures were cut.
    fn follow(&mut self, newest_picture: Option<u64>, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        let Some(newest_picture) = newest_picture else {
            return Ok(());
        };
        while let Some(&(time, _)) = self.waiting.front() {
            if self.against(time, newest_picture).is_gt() {
                break;
            }
            // Each segment has a frame at least, even where sound had paused: numbers stay in step.
            let begins = self.cutter.newest().is_some()
                && self
                    .cuts
                    .front()
                    .is_some_and(|&cut| self.against(time, cut).is_ge());
            if begins {
                self.cuts.pop_front();
            }
            self.cut_next(begins, out)?;
        }
        Ok(())
    }

    /// Cuts what waits, by time alone.
    fn go_on_alone(&mut self, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        while let Some(&(time, _)) = self.waiting.front() {
            let age = self
                .cutter
                .segment_start()
                .map_or(0, |start| time.saturating_sub(start));
            self.cut_next(age >= self.segment, out)?;
        }
        Ok(())
    }

    fn cut_next(&mut self, begins: bool, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        let Some((time, data)) = self.waiting.pop_front() else {
            return Ok(());
        };
        self.waiting_bytes -= data.len();
        let sample = Sample {
            time,
            offset: 0,
            keyframe: true,
            data,
        };
        out.extend(self.cutter.push(sample, begins)?.map(Packaged::Chunk));
        Ok(())
    }

    /// A time of sound against one of pictures.
    fn against(&self, time: u64, picture: u64) -> Ordering {
        let time = u128::from(time) * u128::from(VIDEO_TIMESCALE);
        time.cmp(&(u128::from(picture) * u128::from(self.sample_rate)))
    }
}

/// Refuses a sample that would leave the other track, `behind`, too far back.
fn stay_together(behind: TrackKind, time: Duration, other: Option<Duration>) -> Result<(), PackageError> {
    let by = other.map_or(Duration::ZERO, |other| time.saturating_sub(other));
    if by > FARTHEST_APART {
        Err(PackageError::Apart { behind, by })
    } else {
        Ok(())
    }
}

fn in_reach(ms: i64, reached: Duration) -> bool {
    let reached = i64::try_from(reached.as_millis()).unwrap_or(i64::MAX);
    ms.saturating_sub(reached).abs() <= IN_REACH_MS
}

/// Units of a timescale as a duration.
fn seconds(time: u64, timescale: u32) -> Duration {
    let nanos = u128::from(time) * 1_000_000_000 / u128::from(timescale);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
