//! A source and its renditions make one epoch, whose segments align.

use std::time::Instant;

use super::*;
use crate::ladder::samples::encoded;
use crate::package::{Cut, Packaged, Packager};

#[tokio::test]
async fn segments_of_a_rendition_begin_where_the_sources_do() {
    let source = encoded(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x120:r=25",
        "-f",
        "lavfi",
        "-i",
        "sine=r=44100",
        "-t",
        "9",
        "-c:v",
        "libx264",
        "-bf",
        "3",
        "-sc_threshold",
        "0",
        "-g",
        "30",
        "-c:a",
        "aac",
    ]);
    let mut stage = Stage::new("ffmpeg", &[rendition(60, Some(32_000))]);
    let mut packager = Packager::new(Cut::default(), []);
    let mut pieces = Vec::new();
    let mut first = None;
    for unit in &source {
        if let Unit::Sample(sample) = unit {
            let first = *first.get_or_insert(sample.decode_time);
            let made = |stage: &Stage| stage.newest(v1()).min(stage.newest(a1()));
            while sample.decode_time.since(made(&stage).max(first)) > AHEAD {
                stage.hears().await;
            }
        }
        for track in stage.ladder.feed(unit) {
            packager.expect(track);
        }
        for unit in stage.units.drain(..).chain([unit.clone()]) {
            pieces.extend(packager.push(unit, Instant::now()).unwrap());
        }
    }

    let mut begins: BTreeMap<TrackId, BTreeMap<u32, u64>> = BTreeMap::new();
    for piece in pieces {
        if let Packaged::Chunk(chunk) = piece
            && chunk.index == 0
        {
            let ms = chunk.time * 1000 / u64::from(chunk.timescale);
            begins.entry(chunk.track).or_default().insert(chunk.segment, ms);
        }
    }
    let tracks: Vec<_> = begins.keys().copied().collect();
    assert_eq!(tracks, [TrackId::VIDEO, v1(), TrackId::AUDIO, a1()]);
    for (track, begins_of_track) in &begins {
        assert!(begins_of_track.len() >= 2, "{track}: {begins_of_track:?}");
        for (number, begin) in begins_of_track {
            let of_source = begins[&TrackId::VIDEO][number];
            let apart = begin.abs_diff(of_source);
            // Sound has frames of its own.
            let limit = if track.kind() == TrackKind::Video { 1 } else { 50 };
            assert!(apart <= limit, "{track} {number}: {begin} and {of_source}");
        }
    }
    stage.ends().await;
}
