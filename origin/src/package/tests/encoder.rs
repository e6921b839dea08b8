//! A real encoder: ffmpeg writes FLV, which carries the same units as RTMP, and this reads it.

use std::process::Command;

use bytes::{Buf, Bytes};
use wire::id::TrackKind;

use crate::media::{AccessUnit, Config, Millis, TrackId, Unit};

const PICTURES: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"];
const SOUND: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-bf",
    "2",
    "-sc_threshold",
    "0",
];
const AAC: &[&str] = &["-c:a", "aac", "-ac", "2", "-b:a", "96k"];

/// Pictures with B-frames and sound, a keyframe every so many pictures of 40 ms.
pub(super) fn pictures_and_sound(seconds: u32, keyframe_interval: u32) -> Vec<Unit> {
    let interval = keyframe_interval.to_string();
    encode(seconds, &[PICTURES, SOUND, H264, &["-g", &interval], AAC])
}

/// Pictures only, with more settings for the encoder.
pub(super) fn pictures(seconds: u32, settings: &[&str]) -> Vec<Unit> {
    encode(seconds, &[PICTURES, H264, &["-g", "50"], settings])
}

/// Sound only.
pub(super) fn sound(seconds: u32) -> Vec<Unit> {
    encode(seconds, &[SOUND, AAC])
}

/// The samples of one kind.
pub(super) fn samples(units: &[Unit], kind: TrackKind) -> Vec<&AccessUnit> {
    let samples = units.iter().filter_map(|unit| match unit {
        Unit::Sample(unit) if unit.track.kind() == kind => Some(unit),
        _ => None,
    });
    samples.collect()
}

fn encode(seconds: u32, arguments: &[&[&str]]) -> Vec<Unit> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(arguments.iter().copied().flatten())
        .args(["-t", &seconds.to_string(), "-f", "flv", "pipe:1"])
        .output()
        .expect("these tests need ffmpeg");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    read_flv(output.stdout.into())
}

/// FLV, as its specification's Annex E has it.
fn read_flv(mut file: Bytes) -> Vec<Unit> {
    file.advance(9 + 4);
    let mut units = Vec::new();
    while file.has_remaining() {
        let kind = file.get_u8();
        let size = file.get_uint(3);
        let time = file.get_uint(3) | u64::from(file.get_u8()) << 24;
        file.advance(3);
        let body = file.split_to(usize::try_from(size).unwrap());
        file.advance(4);
        units.extend(match kind {
            8 => Some(read_sound(body, Millis(time))),
            9 => read_picture(body, Millis(time)),
            _ => None,
        });
    }
    units
}

fn read_sound(mut body: Bytes, decode_time: Millis) -> Unit {
    assert_eq!(body.get_u8() >> 4, 10, "AAC");
    match body.get_u8() {
        0 => Unit::Config(TrackId::AUDIO, Config::Aac(body)),
        _ => Unit::Sample(AccessUnit {
            track: TrackId::AUDIO,
            decode_time,
            composition_offset: 0,
            keyframe: true,
            data: body,
        }),
    }
}

fn read_picture(mut body: Bytes, decode_time: Millis) -> Option<Unit> {
    let first = body.get_u8();
    assert_eq!(first & 15, 7, "H.264");
    let kind = body.get_u8();
    let composition_offset = i32::try_from(body.get_int(3)).unwrap();
    match kind {
        0 => Some(Unit::Config(TrackId::VIDEO, Config::Avc(body))),
        1 => Some(Unit::Sample(AccessUnit {
            track: TrackId::VIDEO,
            decode_time,
            composition_offset,
            keyframe: first >> 4 == 1,
            data: body,
        })),
        _ => None,
    }
}
