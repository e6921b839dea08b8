//! Segments and chunks are cut where players and boxes expect it.

use wire::id::{TrackId, TrackKind};

use super::encoder::{self, samples};
use super::package;
use super::reader::{read, read_all};
use super::synthetic::{configs, interleaved, picture_of, pictures, sounds, video_config};

const TICKS_IN_SECOND: u64 = 90_000;

#[test]
fn every_picture_arrives_untouched_and_in_its_time() {
    let units = encoder::pictures_and_sound(7, 50);
    let sent = samples(&units, TrackKind::Video);
    let output = package(units.clone()).unwrap();
    let frames = read_all(&output.chunks(TrackId::VIDEO));
    let delay = output.delay(TrackId::VIDEO);

    assert_eq!(frames.len(), sent.len());
    assert!(
        sent.iter()
            .any(|unit| unit.composition_offset > sent[0].composition_offset),
        "there are B-frames"
    );
    let zero = i64::try_from(sent[0].decode_time.0).unwrap() + i64::from(sent[0].composition_offset);
    for (frame, unit) in frames.iter().zip(&sent) {
        let shown = i64::try_from(unit.decode_time.0).unwrap() + i64::from(unit.composition_offset) - zero;
        assert_eq!(frame.shown(delay), shown * 90);
        assert_eq!(frame.sync, unit.keyframe);
        assert_eq!(frame.data, unit.data);
    }
    assert_eq!(
        (frames[0].decoded, frames[0].shown(delay)),
        (0, 0),
        "an epoch begins at 0"
    );
}

#[test]
fn every_frame_of_sound_since_the_first_picture_arrives_untouched() {
    let units = encoder::pictures_and_sound(7, 50);
    let sent = samples(&units, TrackKind::Audio);
    let frames = read_all(&package(units.clone()).unwrap().chunks(TrackId::AUDIO));

    let early = sent.len() - frames.len();
    assert!(early <= 5, "{early} frames were from before the first picture");
    assert!(
        frames[0].decoded < 1024,
        "sound begins within a frame of the picture"
    );
    for (frame, unit) in frames.iter().zip(&sent[early..]) {
        assert_eq!(frame.data, unit.data);
        assert!(frame.sync);
    }
    assert!(
        frames.iter().all(|frame| frame.duration == 1024),
        "sound is counted, not stamped"
    );
}

#[test]
fn segments_begin_with_keyframes_and_sound_is_cut_where_pictures_are() {
    let output = package(encoder::pictures_and_sound(9, 50)).unwrap();
    let (video, audio) = (output.segments(TrackId::VIDEO), output.segments(TrackId::AUDIO));

    assert_eq!((video.len(), audio.len()), (5, 5));
    for (pictures, sounds) in video.iter().zip(&audio) {
        assert!(read(pictures[0])[0].sync, "a segment begins with a keyframe");
        assert_eq!(
            pictures[0].time % (2 * TICKS_IN_SECOND),
            0,
            "keyframes come every 2 s"
        );
        let cut = pictures[0].time * 48_000 / TICKS_IN_SECOND;
        let apart = sounds[0].time.abs_diff(cut);
        assert!(apart < 1024, "sound is cut {apart} samples away");
    }
}

#[test]
fn chunks_are_about_a_quarter_of_a_second() {
    let output = package(encoder::pictures_and_sound(9, 50)).unwrap();
    for track in [TrackId::VIDEO, TrackId::AUDIO] {
        for chunk in output.chunks(track) {
            let seconds = f64::from(chunk.duration) / f64::from(chunk.timescale);
            let shortest = if chunk.last { 0.0 } else { 0.25 };
            assert!(
                (shortest..=0.291).contains(&seconds),
                "{track} has a chunk of {seconds} s"
            );
        }
    }
}

#[test]
fn keyframes_more_often_than_needed_stay_inside_their_segment() {
    let output = package(configs().chain(interleaved(pictures(0..8000, 1000), sounds(0..8000)))).unwrap();
    let video = output.segments(TrackId::VIDEO);

    assert_eq!(video.len(), 4);
    let keyframes: usize = read_all(&video[1]).iter().filter(|frame| frame.sync).count();
    assert_eq!(keyframes, 2);
}

#[test]
fn rare_keyframes_make_long_segments_of_at_most_64_chunks() {
    let output =
        package(configs().chain(interleaved(pictures(0..36_000, 12_000), sounds(0..36_000)))).unwrap();
    let video = output.segments(TrackId::VIDEO);

    assert_eq!(video.len(), 3);
    assert!(video.iter().all(|segment| segment.len() == 43));
    assert_eq!(output.segments(TrackId::AUDIO).len(), 3);
}

#[test]
fn heavy_pictures_are_cut_by_size() {
    let heavy = (0..50).map(|n| picture_of(n * 40, n == 0, 1 << 20));
    let output = package([video_config()].into_iter().chain(heavy)).unwrap();
    let chunks = output.chunks(TrackId::VIDEO);

    assert_eq!(output.segments(TrackId::VIDEO).len(), 1);
    for chunk in &chunks {
        let bytes = chunk.head.len() + chunk.body.len() + wire::chunk::MAX_SEAL_BYTES;
        assert!(bytes < wire::chunk::MAX_CHUNK_BYTES, "{bytes} bytes");
    }
    assert_eq!(read_all(&chunks).len(), 50);
}

#[test]
fn sound_alone_is_cut_by_time() {
    let output = package(encoder::sound(9)).unwrap();
    let audio = output.segments(TrackId::AUDIO);

    assert_eq!(audio.len(), 5);
    for (place, segment) in (0..).zip(&audio) {
        let late = segment[0].time - place * 96_000;
        assert!(late < 1024, "{late} samples late");
    }
    assert!(output.chunks(TrackId::VIDEO).is_empty());
}

#[test]
fn pictures_alone_are_packaged_without_sound() {
    let output = package(encoder::pictures(5, &[])).unwrap();
    assert_eq!(output.segments(TrackId::VIDEO).len(), 3);
    assert!(output.chunks(TrackId::AUDIO).is_empty());
}

#[test]
fn sound_that_pauses_keeps_its_numbers_and_its_time() {
    // Half a second without sound, just where a segment ends.
    let sounds = sounds(0..1700).chain(sounds(2300..6000));
    let output = package(configs().chain(interleaved(pictures(0..6000, 2000), sounds))).unwrap();
    let audio = output.segments(TrackId::AUDIO);
    let frames = read_all(&output.chunks(TrackId::AUDIO));

    assert_eq!(audio.len(), 3);
    let long = frames
        .iter()
        .find(|frame| frame.duration != 1024)
        .expect("one frame lasts until sound is back");
    let back = long.decoded + long.duration;
    assert!(back.abs_diff(2300 * 48) < 1024 + 48, "sound is back at {back}");
}
