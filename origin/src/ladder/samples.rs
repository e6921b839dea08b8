//! What real encoders make, for tests.

use std::process::Command;

use super::flv::{AUDIO, Reader, VIDEO};
use crate::ingest::flv::Tags;
use crate::media::{AccessUnit, TrackId, Unit};

/// The units of an FLV file that ffmpeg makes with these arguments.
pub(crate) fn encoded(arguments: &[&str]) -> Vec<Unit> {
    let file = ffmpeg(&[arguments, &["-f", "flv", "pipe:1"]].concat());
    let (mut reader, mut tags) = (Reader::default(), Tags::default());
    reader.push(&file);
    let mut units = Vec::new();
    while let Some(tag) = reader.next().unwrap() {
        let unit = match tag.kind {
            VIDEO => tags.video(tag.time, &tag.body).unwrap(),
            AUDIO => tags.audio(tag.time, &tag.body).unwrap(),
            _ => None,
        };
        units.extend(unit);
    }
    units
}

/// What ffmpeg writes to its standard output.
pub(crate) fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(arguments)
        .output()
        .expect("these tests need ffmpeg");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    output.stdout
}

/// A small picture, and what H.264 makes of it; more arguments follow.
pub(crate) fn pictures(seconds: &str, more: &[&str]) -> Vec<Unit> {
    let picture = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=25", "-t", seconds];
    let codec = ["-c:v", "libx264", "-preset", "ultrafast", "-sc_threshold", "0"];
    encoded(&[&picture[..], &codec, more].concat())
}

pub(crate) fn samples(units: &[Unit], track: TrackId) -> Vec<AccessUnit> {
    let samples = units.iter().filter_map(|unit| match unit {
        Unit::Sample(sample) if sample.track == track => Some(sample.clone()),
        _ => None,
    });
    samples.collect()
}

/// When samples are shown, in order.
pub(crate) fn shown<'a>(samples: impl IntoIterator<Item = &'a AccessUnit>) -> Vec<u64> {
    let time = |sample: &AccessUnit| {
        sample
            .decode_time
            .0
            .strict_add_signed(sample.composition_offset.into())
    };
    let mut times: Vec<_> = samples.into_iter().map(time).collect();
    times.sort_unstable();
    times
}
