//! A tour: round after round, sample by sample, each with the time at which it is due. Those times only grow.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use wire::id::TrackKind;

use super::Film;
use super::round::{Lane, Round};
use super::track::Sample;
use crate::media::{AccessUnit, Millis};

/// A walk through a film that never ends.
#[derive(Debug)]
pub(super) struct Tour {
    film: Arc<Film>,
    video: Walk,
    audio: Walk,
    /// When the next frame of sound begins.
    audio_at: i128,
}

/// How far a walk along one track has come.
#[derive(Debug)]
struct Walk {
    round: i128,
    next: usize,
    /// The time of the sample before, in milliseconds.
    newest: u64,
}

/// A sample, and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) kind: TrackKind,
    pub(super) sample: Sample,
    pub(super) decode_time: Millis,
    /// In milliseconds.
    pub(super) composition_offset: i32,
}

impl Walk {
    fn new(lane: Option<&Lane>) -> Self {
        Self {
            round: 0,
            next: lane.map_or(0, |lane| lane.first),
            newest: 0,
        }
    }

    /// A moment in milliseconds, no earlier than the one before.
    fn go_on(&mut self, at: i128, round: &Round) -> Millis {
        self.newest = self.newest.max(millis(at, round));
        Millis(self.newest)
    }
}

impl Tour {
    pub(super) fn new(film: Arc<Film>) -> Self {
        let Round {
            base, video, audio, ..
        } = &film.round;
        let first_heard = audio
            .as_ref()
            .map_or(0, |lane| lane.since_zero(lane.track.samples[lane.first].time));
        Self {
            video: Walk::new(video.as_ref()),
            audio: Walk::new(audio.as_ref()),
            audio_at: (base + first_heard).max(0),
            film,
        }
    }

    pub(super) fn film(&self) -> &Film {
        &self.film
    }

    /// Reads what is due before `until`, up to the sample that makes it more than so many bytes.
    pub(super) fn read(&mut self, until: Millis, most_bytes: usize) -> io::Result<Vec<AccessUnit>> {
        let (mut units, mut bytes) = (Vec::new(), 0);
        while bytes <= most_bytes {
            let Some(step) = self.step() else { break };
            let Step {
                kind,
                sample,
                decode_time,
                composition_offset,
            } = step;
            let mut data = vec![0; sample.bytes as usize];
            self.film.file.read_exact_at(&mut data, sample.position)?;
            bytes += data.len();
            let lane = match kind {
                TrackKind::Video => &self.film.round.video,
                TrackKind::Audio => &self.film.round.audio,
            };
            units.extend(lane.as_ref().map(|lane| AccessUnit {
                track: lane.track.id,
                decode_time,
                composition_offset,
                keyframe: sample.keyframe,
                data: data.into(),
            }));
            if decode_time >= until {
                break;
            }
        }
        Ok(units)
    }

    /// The next sample of whichever track is due earlier; none of a film without tracks.
    pub(super) fn step(&mut self) -> Option<Step> {
        let film = Arc::clone(&self.film);
        let round = &film.round;
        let picture = round.video.as_ref().map(|lane| self.next_picture(round, lane));
        match (picture, &round.audio) {
            (Some((at, _)), Some(lane)) if self.audio_at < at => Some(self.take_sound(round, lane)),
            (Some((at, sample)), _) => Some(self.take_picture(round, at, sample)),
            (None, Some(lane)) => Some(self.take_sound(round, lane)),
            (None, None) => None,
        }
    }

    /// The next picture, and when it is decoded. What would be shown before its round begins, because it leans on
    /// what came before the first keyframe, is left out.
    fn next_picture(&mut self, round: &Round, lane: &Lane) -> (i128, Sample) {
        let walk = &mut self.video;
        loop {
            if walk.next >= lane.end {
                walk.next = lane.first;
                walk.round += 1;
            }
            // The keyframe itself is shown, so this ends.
            let sample = lane.track.samples[walk.next];
            if sample.shown() >= lane.zero {
                let began = round.base + walk.round * round.length;
                return (began + lane.since_zero(sample.time), sample);
            }
            walk.next += 1;
        }
    }

    fn take_picture(&mut self, round: &Round, at: i128, sample: Sample) -> Step {
        let later = round
            .video
            .as_ref()
            .map_or(0, |lane| i128::from(sample.offset) * lane.tick);
        let shown = millis(at + later, round);
        let decode_time = self.video.go_on(at, round);
        self.video.next += 1;
        let offset = i128::from(shown) - i128::from(decode_time.0);
        Step {
            kind: TrackKind::Video,
            sample,
            decode_time,
            composition_offset: i32::try_from(offset).unwrap_or(0),
        }
    }

    fn take_sound(&mut self, round: &Round, lane: &Lane) -> Step {
        let samples = &lane.track.samples;
        let sample = samples[self.audio.next];
        let decode_time = self.audio.go_on(self.audio_at, round);
        self.audio.next += 1;
        self.audio_at += samples.get(self.audio.next).map_or(lane.frame(), |next| {
            (i128::from(next.time) - i128::from(sample.time)) * lane.tick
        });
        let first = lane.since_zero(samples[lane.first].time);
        let again = round.base + (self.audio.round + 1) * round.length + first;
        if self.audio_at >= again || self.audio.next >= lane.end {
            self.audio.round += 1;
            self.audio.next = lane.first;
            // A gap that is the file's own stays; less than a frame is none.
            if again > self.audio_at + lane.frame() {
                self.audio_at = again;
            }
        }
        Step {
            kind: TrackKind::Audio,
            sample: Sample {
                keyframe: true,
                ..sample
            },
            decode_time,
            composition_offset: 0,
        }
    }
}

fn millis(at: i128, round: &Round) -> u64 {
    u64::try_from(at.max(0) * 1000 / round.scale).unwrap_or(u64::MAX)
}
