//! What cannot go on in the same epoch is told, and what was whole until then stays.

use std::time::{Duration, Instant};

use wire::id::TrackId;

use super::super::{Cut, PackageError, Packaged, Packager};
use super::reader::read_all;
use super::synthetic::{
    audio_config, configs, interleaved, other_video_config, picture, picture_of, pictures, sound, sounds,
    video_config,
};
use super::{Feed, Output, START, package};
use crate::media::{Millis, Unit};

/// A packager in the middle of a stream that lasted 5 s so far, and what came of it.
fn under_way() -> (Packager, Vec<Packaged>) {
    let mut packager = Packager::new(Cut::default(), []);
    let mut pieces = Vec::new();
    for unit in configs().chain(interleaved(pictures(0..5000, 2000), sounds(0..5000))) {
        pieces.extend(packager.feed(unit).unwrap());
    }
    (packager, pieces)
}

fn at(milliseconds: u64) -> Instant {
    *START + Duration::from_millis(milliseconds)
}

/// The same, where only one kind came.
fn alone(config: Unit, samples: impl Iterator<Item = Unit>) -> Packager {
    let mut packager = Packager::new(Cut::default(), []);
    for unit in [config].into_iter().chain(samples) {
        packager.feed(unit).unwrap();
    }
    packager
}

#[test]
fn a_repeated_configuration_changes_nothing() {
    let (mut packager, _) = under_way();
    assert_eq!(packager.feed(video_config()), Ok(vec![]));
    assert_eq!(packager.feed(audio_config()), Ok(vec![]));
}

#[test]
fn another_configuration_begins_anew() {
    let (mut packager, mut pieces) = under_way();

    let error = packager.feed(other_video_config()).unwrap_err();
    assert_eq!(error, PackageError::Reconfigured(TrackId::VIDEO));
    assert!(error.begins_anew());

    pieces.extend(packager.finish());
    assert_eq!(
        Output { pieces }.segments(TrackId::VIDEO).len(),
        3,
        "the last segment ended"
    );

    let mut next = packager.anew();
    let units = [other_video_config()]
        .into_iter()
        .chain(interleaved(pictures(5000..9000, 1000), sounds(5000..9000)));
    let mut pieces: Vec<_> = units.flat_map(|unit| next.feed(unit).unwrap()).collect();
    pieces.extend(next.finish());
    let output = Output { pieces };
    assert_eq!(output.init(TrackId::VIDEO).0.codecs, "avc1.42c01e");
    assert_eq!(
        output.init(TrackId::AUDIO).0.codecs,
        "mp4a.40.2",
        "sound was not configured again"
    );
    assert_eq!(output.chunks(TrackId::VIDEO)[0].time, 0);
}

#[test]
fn pictures_whose_timestamps_jump_begin_anew() {
    for (to, keyframe) in [(6100, false), (1000, true), (60_000, true)] {
        let (mut packager, _) = under_way();
        let error = packager.push(picture(to, keyframe), at(5000)).unwrap_err();
        assert!(error.begins_anew());
        let (track, from) = (TrackId::VIDEO, Millis(4960));
        let to = Millis(to);
        assert_eq!(error, PackageError::Discontinuity { track, from, to });
    }
}

#[test]
fn sound_whose_timestamps_jump_begins_anew_with_the_next_keyframe_and_no_picture_is_lost() {
    for jump in [3000, -3000_i64] {
        let (mut packager, mut pieces) = under_way();
        let jumped = |time: u64| sound(time.checked_add_signed(jump).unwrap());
        let mut units = interleaved(pictures(5000..8000, 2000), sounds(5000..8000));
        let begins_next = units.find(|unit| {
            let unit = match unit {
                Unit::Sample(unit) if unit.track == TrackId::AUDIO => jumped(unit.decode_time.0),
                unit => unit.clone(),
            };
            match packager.push(unit, at(5000)) {
                Ok(more) => pieces.extend(more),
                Err(error) => {
                    assert!(matches!(
                        error,
                        PackageError::Discontinuity {
                            track: TrackId::AUDIO,
                            ..
                        }
                    ));
                    return true;
                }
            }
            false
        });
        assert_eq!(begins_next, Some(picture(6000, true)));
        pieces.extend(packager.finish());
        let shown = read_all(&Output { pieces }.chunks(TrackId::VIDEO));
        assert_eq!(shown.len(), 150, "all pictures before the keyframe");
    }
}

#[test]
fn pictures_that_stop_while_sound_goes_on_begin_anew() {
    let (mut packager, _) = under_way();
    let error = sounds(5000..20_000)
        .find_map(|unit| packager.feed(unit).err())
        .unwrap();
    assert!(
        matches!(
            error,
            PackageError::Apart {
                behind: TrackId::VIDEO,
                ..
            }
        ),
        "{error}"
    );

    let mut next = packager.anew();
    let pieces: Vec<_> = sounds(11_000..16_000)
        .flat_map(|unit| next.feed(unit).unwrap())
        .collect();
    assert!(
        !Output { pieces }.chunks(TrackId::AUDIO).is_empty(),
        "sound goes on alone"
    );
}

#[test]
fn sound_that_stops_while_pictures_go_on_begins_anew() {
    let (mut packager, _) = under_way();
    let error = pictures(5000..20_000, 1000)
        .find_map(|unit| packager.feed(unit).err())
        .unwrap();
    assert!(
        matches!(
            error,
            PackageError::Apart {
                behind: TrackId::AUDIO,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn sound_that_joins_pictures_begins_anew_with_the_next_keyframe_and_none_is_lost() {
    let mut packager = alone(video_config(), pictures(0..5000, 2000));
    assert_eq!(
        packager.feed(audio_config()),
        Ok(vec![]),
        "a configuration alone is no sound"
    );
    let mut units = interleaved(pictures(5000..9000, 2000), sounds(5000..9000)).peekable();
    while let Some(unit) = units.next_if(|unit| *unit != picture(6000, true)) {
        packager.feed(unit).unwrap();
    }
    // Sound comes a little before the picture that it goes with.
    for early in sounds(6000..6100) {
        packager.feed(early).unwrap();
    }
    assert_eq!(
        packager.feed(units.next().unwrap()),
        Err(PackageError::Joined(TrackId::AUDIO))
    );

    let mut next = packager.anew();
    let units = [picture(6000, true)]
        .into_iter()
        .chain(interleaved(pictures(6040..9000, 2000), sounds(6100..9000)));
    let mut pieces: Vec<_> = units.flat_map(|unit| next.feed(unit).unwrap()).collect();
    pieces.extend(next.finish());
    let frames = read_all(&Output { pieces }.chunks(TrackId::AUDIO));
    assert!(frames[0].decoded < 1024 && frames.iter().all(|frame| frame.duration == 1024));
}

#[test]
fn pictures_that_join_sound_begin_anew_with_a_keyframe() {
    let mut packager = alone(audio_config(), sounds(0..5000));
    packager.feed(video_config()).unwrap();
    assert_eq!(packager.feed(picture(5000, false)), Ok(vec![]));
    assert_eq!(
        packager.feed(picture(5040, true)),
        Err(PackageError::Joined(TrackId::VIDEO))
    );
}

#[test]
fn a_track_on_another_clock_is_left_out() {
    let mut packager = alone(video_config(), pictures(0..5000, 2000));
    packager.feed(audio_config()).unwrap();
    for time in [1_000_000, 5, 2_000_000] {
        assert_eq!(packager.feed(sound(time)), Ok(vec![]));
    }
    assert!(packager.feed(picture(5000, false)).is_ok());
}

#[test]
fn rare_keyframes_are_refused_with_the_remedy() {
    let outcome = package(configs().chain(interleaved(pictures(0..13_000, 20_000), sounds(0..13_000))));
    let error = outcome.map(|_| ()).unwrap_err();

    assert_eq!(
        error,
        PackageError::KeyframeInterval {
            longest: Duration::from_secs(12)
        }
    );
    assert_eq!(
        error.to_string(),
        "no keyframe for 12 s: set the encoder's keyframe interval to 2 s"
    );
    assert!(!error.begins_anew());
}

#[test]
fn a_picture_larger_than_a_chunk_is_refused_with_its_size() {
    let (mut packager, _) = under_way();
    let error = packager.feed(picture_of(5000, false, 5 << 20)).unwrap_err();

    assert!(matches!(
        error,
        PackageError::TooLarge {
            track: TrackId::VIDEO,
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        "5242896 bytes of video in one piece are more than 4192768: lower the encoder's bitrate"
    );
    assert!(
        packager.feed(picture(5000, false)).is_ok(),
        "what was held is still good"
    );
}

#[test]
fn a_segment_of_more_than_64_full_chunks_is_refused() {
    let heavy = (0..130).map(|n| picture_of(n * 40, n == 0, 3 << 20));
    let error = package([video_config()].into_iter().chain(heavy))
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
}

#[test]
fn samples_without_a_configuration_are_refused() {
    let mut packager = Packager::new(Cut::default(), []);
    assert_eq!(
        packager.feed(picture(0, true)),
        Err(PackageError::Unconfigured(TrackId::VIDEO))
    );
    assert_eq!(
        packager.feed(sound(0)),
        Err(PackageError::Unconfigured(TrackId::AUDIO))
    );
}

#[test]
fn nothing_comes_after_the_end() {
    let (mut packager, _) = under_way();
    assert!(!packager.finish().is_empty());
    assert_eq!(packager.feed(picture(5000, true)), Ok(vec![]));
    assert!(packager.finish().is_empty());
}

#[test]
fn the_epoch_knows_how_far_it_has_come() {
    let (packager, _) = under_way();
    let reached = packager.reached();
    assert!((4900..5000).contains(&reached.as_millis()), "{reached:?}");
    assert_eq!(Packager::new(Cut::default(), []).reached(), Duration::ZERO);
}

#[test]
fn what_waits_for_another_track_is_bounded_in_bytes_and_in_time() {
    let heavy = |time: u64| {
        let mut unit = sound(time);
        if let Unit::Sample(unit) = &mut unit {
            unit.data = vec![3; 100_000].into();
        }
        unit
    };
    let (mut packager, _) = under_way();
    let mut held = 0;
    let refused = (5000..).step_by(21).find_map(|time| {
        held += 100_000;
        packager.push(heavy(time), at(5000)).err()
    });
    assert!(
        matches!(
            refused,
            Some(PackageError::TooLarge {
                track: TrackId::AUDIO,
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(held <= 5 << 20, "{held} bytes were held");

    let (mut packager, _) = under_way();
    let late = sounds(5000..20_000).find_map(|unit| packager.feed(unit).err());
    let Some(PackageError::Apart {
        behind: TrackId::VIDEO,
        by,
    }) = late
    else {
        panic!("{late:?}")
    };
    assert!(by < Duration::from_millis(6100), "{by:?}");
}

#[test]
fn a_segment_of_twelve_seconds_has_room_for_chunks_as_short_as_any() {
    let units = configs().chain(interleaved(pictures(0..24_100, 12_000), sounds(0..24_100)));
    let output = package(units).unwrap();
    for track in [TrackId::VIDEO, TrackId::AUDIO] {
        let segments = output.segments(track);
        assert!(segments.iter().all(|segment| segment.len() <= 64));
        assert!(segments[0].len() > 40);
        for chunk in segments.iter().flatten() {
            assert!(u64::from(chunk.duration) * 1000 / u64::from(chunk.timescale) < 300);
        }
    }
}
