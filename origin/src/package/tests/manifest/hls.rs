//! What the playlists say.

use std::time::Duration;

use wire::presentation::State;

use super::reader::Playlist;
use super::stage::{EPOCH, Stage};

const BOTH: &[&str] = &["v0", "a0"];

fn stage(tracks: &[&str]) -> Stage {
    let mut stage = Stage::new((25, 1));
    stage.begin(EPOCH, tracks, 0);
    stage
}

fn segments(stage: &mut Stage, count: u32) {
    for _ in 0..count {
        stage.segment(50, |_| {});
    }
}

fn playlist(stage: &Stage, name: &str) -> Playlist {
    Playlist::read(&stage.document(name))
}

#[test]
fn the_master_pairs_pictures_with_their_sound() {
    let mut stage = stage(&["v0", "a0", "v1", "a1", "v2"]);
    segments(&mut stage, 1);
    let master = stage.document("master.m3u8");
    let lines: Vec<_> = master.lines().collect();
    assert_eq!(
        lines[..3],
        ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
    );
    assert_eq!(
        lines[3],
        r#"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a0",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0.m3u8""#
    );
    assert!(lines[4].contains(r#"GROUP-ID="a1""#));
    let variants: Vec<_> = lines[5..].chunks(2).map(|pair| (pair[0], pair[1])).collect();
    let [(source, "v0.m3u8"), (middle, "v1.m3u8"), (small, "v2.m3u8")] = variants.as_slice() else {
        panic!("{master}");
    };
    assert!(source.starts_with("#EXT-X-STREAM-INF:BANDWIDTH="));
    for attribute in [
        r#",CODECS="avc1.64001f,mp4a.40.2""#,
        ",RESOLUTION=1280x720",
        ",FRAME-RATE=25.000",
        r#",AUDIO="a0""#,
    ] {
        assert!(source.contains(attribute), "{attribute}\nis not in\n{source}");
    }
    assert!(middle.contains(r#"AUDIO="a1""#) && small.contains(r#"AUDIO="a0""#));
    let number = |line: &str, name: &str| -> u64 {
        let value = line.split_once(name).unwrap().1.split(',').next().unwrap();
        value.parse().unwrap()
    };
    for (line, _) in variants {
        assert!(number(line, ":BANDWIDTH=") >= number(line, "AVERAGE-BANDWIDTH="));
    }
}

#[test]
fn sound_alone_is_a_variant_of_its_own() {
    let mut stage = stage(&["a0"]);
    segments(&mut stage, 1);
    let master = stage.document("master.m3u8");
    assert!(master.ends_with("CODECS=\"mp4a.40.2\"\na0.m3u8\n"), "{master}");
    assert!(!master.contains("EXT-X-MEDIA"));
}

#[test]
fn the_newest_parts_are_listed_and_the_next_is_named() {
    let mut stage = stage(BOTH);
    segments(&mut stage, 9);
    let mut hint = playlist(&stage, "v0.m3u8").hint.unwrap();
    assert_eq!(hint, format!("{EPOCH}/v0/10.0.m4v"));
    stage.segment(50, |stage| {
        let playlist = playlist(stage, "v0.m3u8");
        assert_eq!(
            playlist.part_uris().last(),
            Some(hint.as_str()),
            "what was named came"
        );
        let with_parts = playlist.segments.values().filter(|entry| !entry.parts.is_empty());
        assert!((3..=4).contains(&with_parts.count()), "three segments back");
        hint = playlist.hint.unwrap();
    });
    assert_eq!(hint, format!("{EPOCH}/v0/11.0.m4v"));
    let text = stage.document("a0.m3u8");
    assert!(text.contains("#EXT-X-TARGETDURATION:2\n"));
    assert!(
        text.contains(
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.500000,HOLD-BACK=6.000000\n"
        )
    );
    assert!(text.contains("#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.123Z\n"));
    let parts = text.lines().filter(|line| line.starts_with("#EXT-X-PART:"));
    assert!(parts.clone().count() > 20 && parts.clone().all(|part| part.ends_with("INDEPENDENT=YES")));
}

#[test]
fn numbers_go_on_through_breaks_and_begin_beyond_those_of_an_earlier_process() {
    let mut stage = stage(BOTH);
    segments(&mut stage, 3);
    assert_eq!(playlist(&stage, "v0.m3u8").sequence, EPOCH / 1000);
    stage.begin_after(Duration::from_secs(1), BOTH, 1);
    segments(&mut stage, 2);
    let two = playlist(&stage, "v0.m3u8");
    let segments_of_two: Vec<_> = two.segments.values().map(|entry| entry.discontinuity).collect();
    let first = EPOCH / 1000 % 65_536;
    assert_eq!(segments_of_two, [first, first, first, first + 1, first + 1]);
    let second = two.segments.values().nth(3).unwrap();
    assert_ne!(second.map, two.segments[&two.sequence].map);
    assert!(second.date.is_some());

    // Long after all of it has left.
    let later = EPOCH + 3_600_000;
    stage.begin(later, BOTH, 0);
    segments(&mut stage, 1);
    let anew = playlist(&stage, "v0.m3u8");
    assert_eq!((anew.sequence, anew.segments.len()), (later / 1000, 1));
    assert_eq!(anew.segments[&anew.sequence].discontinuity, later / 1000 % 65_536);
}

#[test]
fn who_watches_a_rendition_that_goes_stays_with_the_channel() {
    let mut stage = stage(BOTH);
    segments(&mut stage, 2);
    stage.begin_after(Duration::ZERO, &["v0", "a0", "v1"], 0);
    segments(&mut stage, 2);
    stage.begin_after(Duration::ZERO, BOTH, 0);
    segments(&mut stage, 1);
    let (source, rendition) = (playlist(&stage, "v0.m3u8"), playlist(&stage, "v1.m3u8"));
    let tracks: Vec<_> = rendition
        .segments
        .values()
        .map(|entry| entry.uri.split('/').nth(1).unwrap())
        .collect();
    assert_eq!(tracks, ["v0", "v0", "v1", "v1", "v0"]);
    assert_eq!(source.sequence, rendition.sequence);
    assert!(source.segments.keys().eq(rendition.segments.keys()));
    assert_eq!(source.hint, rendition.hint);
    assert!(!stage.document("master.m3u8").contains("v1.m3u8"));
}

#[test]
fn epochs_that_a_track_was_no_part_of_are_counted_all_the_same() {
    let mut stage = stage(BOTH);
    segments(&mut stage, 2);
    stage.begin_after(Duration::ZERO, &["a0"], 0);
    segments(&mut stage, 2);
    stage.begin_after(Duration::ZERO, BOTH, 0);
    segments(&mut stage, 1);
    let last = |name: &str| playlist(&stage, name).segments.into_values().next_back().unwrap();
    assert_eq!(last("v0.m3u8").discontinuity, last("a0.m3u8").discontinuity);
    assert_eq!(playlist(&stage, "v0.m3u8").segments.len(), 3);
}

#[test]
fn a_channel_that_is_over_ends_its_playlists_and_one_that_waits_does_not() {
    let mut stage = stage(BOTH);
    segments(&mut stage, 3);
    stage.presentation.end_epoch();
    stage.state = State::Away;
    let away = playlist(&stage, "v0.m3u8");
    assert!(!away.is_over && away.hint.is_none());
    assert!(away.part_uris().count() > 0);
    let next = away.segments.values().next_back().unwrap().discontinuity + 1;
    assert_eq!(away.next_discontinuity, next, "what comes next is another epoch");
    stage.state = State::Ended;
    let ended = playlist(&stage, "v0.m3u8");
    assert!(ended.is_over && ended.hint.is_none() && ended.part_target.is_none());
    assert_eq!((ended.part_uris().count(), ended.segments.len()), (0, 3));
}
