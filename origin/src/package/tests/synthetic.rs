//! Units as nobody encoded them: the configurations are real, the rest is made up.

use std::iter;

use bytes::Bytes;

use crate::media::{AccessUnit, Config, Millis, TrackId, Unit};

/// 1280×720 at 30 frames a second.
const AVCC: &[u8] = &[
    1, 100, 0, 31, 255, 225, 0, 29, 103, 100, 0, 31, 172, 217, 128, 80, 5, 187, 1, 106, 2, 2, 2, 128, 0, 0,
    3, 0, 128, 0, 0, 30, 7, 140, 24, 205, 0, 1, 0, 5, 104, 233, 123, 44, 139, 253, 248, 248, 0,
];
/// 640×360, another profile.
const OTHER_AVCC: &[u8] = &[
    1, 66, 192, 30, 255, 225, 0, 24, 103, 66, 192, 30, 217, 0, 160, 47, 249, 97, 0, 0, 3, 0, 1, 0, 0, 3, 0,
    50, 15, 22, 46, 72, 1, 0, 5, 104, 203, 131, 203, 32,
];

pub(super) fn video_config() -> Unit {
    Unit::Config(TrackId::VIDEO, Config::Avc(Bytes::from_static(AVCC)))
}

pub(super) fn other_video_config() -> Unit {
    Unit::Config(TrackId::VIDEO, Config::Avc(Bytes::from_static(OTHER_AVCC)))
}

/// AAC-LC, 48 kHz, stereo.
pub(super) fn audio_config() -> Unit {
    Unit::Config(TrackId::AUDIO, Config::Aac(Bytes::from_static(&[0x11, 0x90])))
}

pub(super) fn picture(time: u64, keyframe: bool) -> Unit {
    picture_of(time, keyframe, 100)
}

pub(super) fn picture_of(time: u64, keyframe: bool, bytes: usize) -> Unit {
    Unit::Sample(AccessUnit {
        track: TrackId::VIDEO,
        decode_time: Millis(time),
        composition_offset: 0,
        keyframe,
        data: Bytes::from(vec![1; bytes]),
    })
}

pub(super) fn sound(time: u64) -> Unit {
    Unit::Sample(AccessUnit {
        track: TrackId::AUDIO,
        decode_time: Millis(time),
        composition_offset: 0,
        keyframe: true,
        data: Bytes::from_static(&[2; 50]),
    })
}

pub(super) fn configs() -> impl Iterator<Item = Unit> {
    [video_config(), audio_config()].into_iter()
}

/// Pictures every 40 ms with a keyframe every `interval` milliseconds.
pub(super) fn pictures(span: std::ops::Range<u64>, interval: u64) -> impl Iterator<Item = Unit> {
    span.step_by(40)
        .map(move |time| picture(time, time % interval == 0))
}

/// Frames of sound of 1024 samples at 48 kHz, stamped in whole milliseconds as RTMP does.
pub(super) fn sounds(span: std::ops::Range<u64>) -> impl Iterator<Item = Unit> {
    let first = (span.start * 48).div_ceil(1024);
    (first..)
        .map(|frame| frame * 1024 / 48)
        .take_while(move |&time| time < span.end)
        .map(sound)
}

/// Both in the order of their times.
pub(super) fn interleaved(
    pictures: impl Iterator<Item = Unit>,
    sounds: impl Iterator<Item = Unit>,
) -> impl Iterator<Item = Unit> {
    let time = |unit: &Unit| match unit {
        Unit::Sample(unit) => unit.decode_time,
        Unit::Config(..) => Millis(0),
    };
    let (mut pictures, mut sounds) = (pictures.peekable(), sounds.peekable());
    iter::from_fn(move || match (pictures.peek(), sounds.peek()) {
        (Some(picture), Some(sound)) if time(sound) < time(picture) => sounds.next(),
        (Some(_), _) => pictures.next(),
        (None, _) => sounds.next(),
    })
}

/// The same unit of a rendition.
pub(super) fn rendition(number: u8, unit: Unit) -> Unit {
    let track = TrackId::new(unit.track().kind(), number).unwrap();
    match unit {
        Unit::Config(_, config) => Unit::Config(track, config),
        Unit::Sample(unit) => Unit::Sample(AccessUnit { track, ..unit }),
    }
}

/// Frames of sound whose timestamps go so many thousandths as fast as their samples.
pub(super) fn stretched(thousandths: u64, end: u64) -> impl Iterator<Item = Unit> {
    (0..)
        .map(move |frame| frame * 1024 * thousandths / 48_000)
        .take_while(move |&time| time < end)
        .map(sound)
}
