//! Round after round, a channel hears and sees one stream.

use std::sync::Arc;
use std::time::Duration;

use wire::id::{TrackId, TrackKind};

use super::super::tour::Tour;
use super::{AAC, Files, H264, PICTURES, SOUND, of, open, package};
use crate::filler::Filler;
use crate::package::Packaged;

const CD: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"];

fn lasts(pieces: &[Packaged], track: TrackId) -> f64 {
    let mut end = 0.0_f64;
    for piece in pieces {
        if let Packaged::Chunk(chunk) = piece
            && chunk.track == track
        {
            #[expect(clippy::cast_precision_loss, reason = "a test's times are short")]
            let start = chunk.time as f64 / f64::from(chunk.timescale);
            assert!(
                (start - end).abs() < 0.022,
                "{track} pauses from {end} to {start}"
            );
            end = start + f64::from(chunk.duration) / f64::from(chunk.timescale);
        }
    }
    end
}

#[test]
fn packaging_sees_no_break_in_any_of_many_rounds() {
    let files = Files::new();
    let crossed = ["-map", "0:v", "-map", "1:a", "-t", "3.3"];
    let rough = [
        "-vf",
        "setpts='PTS+0.3/TB*mod(N,3)/25'",
        "-vsync",
        "vfr",
        "-t",
        "3",
    ];
    let both = [TrackId::VIDEO, TrackId::AUDIO];
    for (name, settings, tracks) in [
        ("both", &[PICTURES, SOUND, H264, AAC, &crossed[..]][..], &both[..]),
        ("cd", &[PICTURES, CD, H264, AAC, &["-t", "2.71"]], &both),
        ("rough", &[PICTURES, SOUND, H264, AAC, &rough], &both),
        (
            "open",
            &[
                PICTURES,
                SOUND,
                H264,
                AAC,
                &["-x264-params", "open-gop=1:keyint=20", "-t", "4"],
            ],
            &both,
        ),
        ("pictures", &[PICTURES, H264, &["-t", "3"]], &[TrackId::VIDEO]),
        ("sound", &[CD, AAC, &["-t", "3"]], &[TrackId::AUDIO]),
    ] {
        let path = files.make(&format!("{name}.mp4"), settings);
        let filler = open(&path).unwrap();
        let length = Duration::from_secs(40);
        let units = filler.units_before(length);
        for kind in [TrackKind::Video, TrackKind::Audio] {
            let times: Vec<_> = of(&units, kind).iter().map(|unit| unit.decode_time).collect();
            assert!(times.is_sorted(), "{name}: times grow");
        }
        let pieces = package(units);
        for &track in tracks {
            let lasts = lasts(&pieces, track);
            assert!((lasts - 40.0).abs() < 0.3, "{name}: {track} lasts {lasts} s");
        }
    }
}

#[test]
fn a_round_is_as_long_as_pictures_and_sound_both_are() {
    let files = Files::new();
    let length = |name: &str, settings: &[&[&str]]| {
        let path = files.make(name, settings);
        open(&path).unwrap().length().as_secs_f64()
    };
    let whole = length("a.mp4", &[PICTURES, H264, &["-t", "3"]]);
    assert!((whole - 3.0).abs() < 1e-6, "{whole}");
    let short_sound = &[
        "-filter_complex",
        "[1:a]atrim=0:2.2[a]",
        "-map",
        "0:v",
        "-map",
        "[a]",
        "-t",
        "3",
    ];
    let cut = length("b.mp4", &[PICTURES, SOUND, H264, AAC, short_sound]);
    assert!((2.0..2.25).contains(&cut), "{cut}");
    let short_pictures = &[
        "-filter_complex",
        "[0:v]trim=0:2[v]",
        "-map",
        "[v]",
        "-map",
        "1:a",
        "-t",
        "3",
    ];
    let cut = length("c.mp4", &[PICTURES, SOUND, H264, AAC, short_pictures]);
    assert!((cut - 2.0).abs() < 1e-6, "{cut}");
}

#[test]
fn no_picture_is_missing_where_a_round_is_cut() {
    let files = Files::new();
    let short_sound = &[
        "-filter_complex",
        "[1:a]atrim=0:2.2[a]",
        "-map",
        "0:v",
        "-map",
        "[a]",
        "-t",
        "3",
    ];
    let path = files.make("b.mp4", &[PICTURES, SOUND, H264, AAC, short_sound]);
    let units = open(&path).unwrap().units_before(Duration::from_secs(12));
    let mut shown: Vec<_> = of(&units, TrackKind::Video)
        .iter()
        .map(|unit| i64::try_from(unit.decode_time.0).unwrap() + i64::from(unit.composition_offset))
        .collect();
    shown.sort_unstable();
    // Those behind the end of what was read are not there.
    shown.truncate(shown.len() - 4);
    for pair in shown.windows(2) {
        assert!((38..=42).contains(&(pair[1] - pair[0])), "{pair:?}");
    }
}

#[test]
fn pictures_and_sound_stay_together_for_days() {
    let files = Files::new();
    let path = files.make("cd.mp4", &[PICTURES, CD, H264, AAC, &["-t", "2.71"]]);
    let Filler(film) = open(&path).unwrap();
    let first = film.round.video.as_ref().unwrap();
    let (first_picture, first_sound) = (
        first.track.samples[first.first].position,
        film.round
            .audio
            .as_ref()
            .map(|lane| lane.track.samples[lane.first].position),
    );
    let round = film.round.length();
    let mut tour = Tour::new(Arc::clone(&film));
    let (mut began, mut rounds) = (0, 0_u32);
    let mut beginnings = [0_u32, 0];
    while rounds < 10_000 {
        let step = tour.step().unwrap();
        if step.sample.position == first_picture {
            began = step.decode_time.0 + u64::try_from(step.composition_offset).unwrap();
            beginnings[0] += 1;
            rounds += 1;
        } else if Some(step.sample.position) == first_sound {
            beginnings[1] += 1;
            // Sound may come to its beginning a little before the picture is decoded, or after.
            let from = began.abs_diff(step.decode_time.0);
            let from = from.min(u64::try_from(round.as_millis()).unwrap().abs_diff(from));
            assert!(from <= 24, "{from} ms apart in round {rounds}");
        }
    }
    assert!(beginnings[0].abs_diff(beginnings[1]) <= 1, "{beginnings:?}");
    let expected = round * 9_999;
    assert!(Duration::from_millis(began).abs_diff(expected) < Duration::from_millis(100));
}

#[test]
fn composition_offsets_are_those_of_the_file() {
    let files = Files::new();
    let path = files.make("both.mp4", &[PICTURES, SOUND, H264, AAC, &["-t", "2"]]);
    let units = open(&path).unwrap().units_before(Duration::from_secs(2));
    let pictures = of(&units, TrackKind::Video);
    assert!(pictures[0].keyframe);
    let offsets: std::collections::BTreeSet<_> =
        pictures.iter().map(|unit| unit.composition_offset).collect();
    assert!(offsets.len() >= 3, "B-frames: {offsets:?}");
    assert!(
        offsets.iter().all(|offset| (0..=200).contains(offset)),
        "{offsets:?}"
    );
}
