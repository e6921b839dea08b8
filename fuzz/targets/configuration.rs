//! Whatever a decoder configuration holds, it is read or refused, and what is read can be packaged.
//!
//! The first byte names the codec.
#![no_main]

use std::time::Instant;

use bytes::Bytes;
use origin::media::{AccessUnit, Config, Millis, TrackId, TrackKind, Unit};
use origin::package::{Cut, Packager};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((codec, rest)) = bytes.split_first() else {
        return;
    };
    let (config, sample) = rest.split_at(rest.len() * 3 / 4);
    let config = Bytes::copy_from_slice(config);
    let config = match codec % 6 {
        0 => Config::Avc(config),
        1 => Config::Hevc(config),
        2 => Config::Av1(config),
        3 => Config::Vp9(config),
        4 => Config::Aac(config),
        _ => Config::Opus(config),
    };
    let track = match config.kind() {
        TrackKind::Audio => TrackId::AUDIO,
        _ => TrackId::VIDEO,
    };
    let (mut packager, now) = (Packager::new(Cut::default(), Vec::new()), Instant::now());
    if packager.push(Unit::Config(track, config), now).is_err() {
        return;
    }
    for time in [0, 40, 80] {
        let unit = AccessUnit {
            track,
            decode_time: Millis(time),
            composition_offset: 0,
            keyframe: true,
            data: Bytes::copy_from_slice(sample),
        };
        let _ = packager.push(Unit::Sample(unit), now);
    }
    packager.finish();
});
