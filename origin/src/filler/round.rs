//! Rounds: which samples are played round after round, and when each is due. Pure.
//!
//! A round begins with a keyframe. It ends where pictures can be cut without one of them missing, as late as there is
//! sound for them, and the next begins just then. Frames of sound have a length of their own, so sound goes on
//! without a gap and begins anew with the first frame after the pictures did: it is never more than one frame away
//! from them, however often the file was played.
//!
//! Times are counted in units that both tracks' clocks tick in whole numbers of, so that nothing adds up.

use std::time::Duration;

use wire::id::TrackKind;

use super::fault::Fault;
use super::track::{Sample, Track};

/// Keyframes may be 12 s apart in a segment, and one of 2 s goes on until the next keyframe.
pub(super) const LONGEST_KEYFRAME_INTERVAL: Duration = Duration::from_secs(10);
/// Packaging takes a step of a second for a break.
pub(super) const LONGEST_STEP: Duration = Duration::from_millis(900);
/// How much later than its picture sound may begin without being waited for.
const LATE_MS: i128 = 500;
const SHORTEST_ROUND: Duration = Duration::from_secs(1);

/// What a round is made of.
#[derive(Debug)]
pub(super) struct Round {
    /// Units in a second.
    pub(super) scale: i128,
    /// When the first round begins: late enough that nothing is decoded before 0.
    pub(super) base: i128,
    pub(super) length: i128,
    pub(super) video: Option<Lane>,
    pub(super) audio: Option<Lane>,
}

/// What is played of a track.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) track: Track,
    pub(super) first: usize,
    /// The one behind the last.
    pub(super) end: usize,
    /// Units in a tick of the track's clock.
    pub(super) tick: i128,
    /// What of the file's time is the beginning of a round, in ticks.
    pub(super) zero: i64,
}

impl Lane {
    /// How long after the beginning of its round that time of the file is, in units.
    pub(super) fn since_zero(&self, time: i64) -> i128 {
        (i128::from(time) - i128::from(self.zero)) * self.tick
    }

    /// How long a usual frame of sound lasts, in units.
    pub(super) fn frame(&self) -> i128 {
        i128::from(frame(&self.track)) * self.tick
    }

    /// How much sound there is.
    fn sound(&self) -> i128 {
        let first = self.track.samples[self.first].time;
        self.since_zero(end_of_sound(&self.track)) - self.since_zero(first)
    }
}

impl Round {
    /// What is played of a file with these tracks.
    pub(super) fn plan(video: Option<Track>, audio: Option<Track>) -> Result<Self, Fault> {
        let clock = |track: &Option<Track>| track.as_ref().map_or(1, |track| i128::from(track.timescale));
        let scale = clock(&video) * clock(&audio);
        let round = match (video, audio) {
            (None, None) => return Err(Fault::Silent),
            (Some(video), audio) => with_pictures(scale, video, audio)?,
            (None, Some(audio)) => sound_alone(scale, audio),
        };
        if round.length() < SHORTEST_ROUND {
            return Err(Fault::Short(round.length()));
        }
        for lane in round.video.iter().chain(&round.audio) {
            round.check_pauses(lane)?;
        }
        Ok(round)
    }

    /// How long a round lasts.
    pub(super) fn length(&self) -> Duration {
        duration(self.length, self.scale)
    }

    /// Makes sure that nothing pauses, in a round and from one to the next.
    fn check_pauses(&self, lane: &Lane) -> Result<(), Fault> {
        let kind = lane.track.id.kind();
        let played = &lane.track.samples[lane.first..lane.end];
        let (mut before, mut keyframe) = (None, None);
        // Sound goes on in the next round where it ends in this one.
        let again = played.first().filter(|_| kind == TrackKind::Video);
        let again = again.map(|first| (self.length, first));
        for (later, sample) in played.iter().map(|sample| (0, sample)).chain(again) {
            let time = later + lane.since_zero(sample.time);
            let pause = duration(time - before.replace(time).unwrap_or(time), self.scale);
            if pause > LONGEST_STEP {
                return Err(Fault::Pause { kind, pause });
            }
            if sample.keyframe {
                let interval = time - keyframe.replace(time).unwrap_or(time);
                let interval = duration(interval, self.scale);
                if interval > LONGEST_KEYFRAME_INTERVAL {
                    return Err(Fault::KeyframeInterval(interval));
                }
            }
        }
        Ok(())
    }
}

/// Sound alone goes round at its own length.
fn sound_alone(scale: i128, audio: Track) -> Round {
    let lane = sound_from(audio, 0, 1);
    let lane = Lane {
        zero: lane.track.samples[lane.first].time,
        ..lane
    };
    Round {
        scale,
        base: 0,
        length: lane.sound(),
        video: None,
        audio: Some(lane),
    }
}

fn with_pictures(scale: i128, video: Track, audio: Option<Track>) -> Result<Round, Fault> {
    let tick = scale / i128::from(video.timescale);
    let sound = audio.map(|audio| {
        let tick = scale / i128::from(audio.timescale);
        (audio, tick)
    });
    let heard = sound
        .as_ref()
        .map_or(0, |(audio, tick)| i128::from(audio.samples[0].time.max(0)) * tick);
    let soon = heard - LATE_MS * scale / 1000;
    let begins = |sample: &Sample| sample.keyframe && i128::from(sample.shown()) * tick >= soon;
    let first = video.samples.iter().position(begins).ok_or(Fault::NoKeyframe)?;
    let zero = video.samples[first].shown();
    let mut pictures = Lane {
        track: video,
        first,
        end: first,
        tick,
        zero,
    };
    let audio = sound.map(|(audio, sound_tick)| {
        // Rounded, by less than a tick.
        let zero = i128::from(zero) * tick / sound_tick;
        sound_from(audio, i64::try_from(zero).unwrap_or(i64::MAX), sound_tick)
    });
    let most = audio.as_ref().map_or(i128::MAX, Lane::sound);
    let mut length = 0;
    for (end, shown) in clean_cuts(&pictures.track, first) {
        let until = pictures.since_zero(shown);
        if until <= most {
            (pictures.end, length) = (end, until);
        }
    }
    Ok(Round {
        scale,
        base: (-pictures.since_zero(pictures.track.samples[first].time)).max(0),
        length,
        video: Some(pictures),
        audio,
    })
}

/// Sound from the first frame that is not half over when the round begins, as far as there is any.
fn sound_from(track: Track, zero: i64, tick: i128) -> Lane {
    let least = zero.saturating_sub(frame(&track) / 2);
    let heard = |sample: &Sample| sample.time >= least;
    let end = track.samples.len();
    Lane {
        first: track.samples.iter().position(heard).unwrap_or(end - 1),
        end,
        track,
        tick,
        zero,
    }
}

/// Where pictures can be cut: behind which of them, and until when those before are shown. There, nothing that comes
/// later is shown before something that came.
fn clean_cuts(video: &Track, first: usize) -> Vec<(usize, i64)> {
    let samples = &video.samples;
    let zero = samples[first].shown();
    let last_shown = samples[first..].iter().map(Sample::shown).max().unwrap_or(zero);
    let last_lasts = samples.last().map_or(0, |last| video.end - last.time);
    // From the end on: what is shown first of all that follows.
    let mut earliest = last_shown.saturating_add(last_lasts.max(0));
    let mut cuts = vec![(samples.len(), earliest)];
    for (place, sample) in samples.iter().enumerate().skip(first + 1).rev() {
        earliest = earliest.min(sample.shown());
        cuts.push((place, earliest));
    }
    cuts.reverse();
    let mut latest = i64::MIN;
    let mut shown = samples[first..].iter().map(Sample::shown);
    cuts.retain(|&(_, until)| {
        latest = latest.max(shown.next().unwrap_or(i64::MAX));
        latest < until
    });
    cuts
}

/// When the last frame is over: all frames have the length of the first, though a file may say that it ends earlier.
fn end_of_sound(audio: &Track) -> i64 {
    audio
        .samples
        .last()
        .map_or(0, |last| last.time.saturating_add(frame(audio)))
}

/// How long a frame of sound lasts, in ticks.
fn frame(audio: &Track) -> i64 {
    match audio.samples.as_slice() {
        [first, second, ..] => second.time - first.time,
        [only] => audio.end - only.time,
        [] => 0,
    }
}

fn duration(units: i128, scale: i128) -> Duration {
    let nanos = units.max(0).saturating_mul(1_000_000_000) / scale.max(1);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
