//! What cannot go on in the same epoch is told, and what was whole until then stays.

use std::time::Duration;

use wire::id::{TrackId, TrackKind};

use super::super::{Cut, PackageError, Packaged, Packager};
use super::synthetic::{
    audio_config, configs, interleaved, other_video_config, picture, picture_of, pictures, sound, sounds,
    video_config,
};
use super::{Output, package};
use crate::media::{Millis, Unit};

/// A packager in the middle of a stream that lasted 5 s so far, and what came of it.
fn under_way() -> (Packager, Vec<Packaged>) {
    let mut packager = Packager::new(Cut::default());
    let mut pieces = Vec::new();
    for unit in configs().chain(interleaved(pictures(0..5000, 2000), sounds(0..5000))) {
        pieces.extend(packager.push(unit).unwrap());
    }
    (packager, pieces)
}

/// The same, where only one kind came.
fn alone(config: Unit, samples: impl Iterator<Item = Unit>) -> Packager {
    let mut packager = Packager::new(Cut::default());
    for unit in [config].into_iter().chain(samples) {
        packager.push(unit).unwrap();
    }
    packager
}

#[test]
fn a_repeated_configuration_changes_nothing() {
    let (mut packager, _) = under_way();
    assert_eq!(packager.push(video_config()), Ok(vec![]));
    assert_eq!(packager.push(audio_config()), Ok(vec![]));
}

#[test]
fn another_configuration_begins_anew() {
    let (mut packager, mut pieces) = under_way();

    let error = packager.push(other_video_config()).unwrap_err();
    assert_eq!(error, PackageError::Reconfigured(TrackKind::Video));
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
    let mut pieces: Vec<_> = units.flat_map(|unit| next.push(unit).unwrap()).collect();
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
fn timestamps_that_jump_begin_anew() {
    for (unit, kind, to) in [
        (picture(6100, false), TrackKind::Video, 6100),
        (picture(1000, true), TrackKind::Video, 1000),
        (sound(6100), TrackKind::Audio, 6100),
        (sound(0), TrackKind::Audio, 0),
    ] {
        let (mut packager, _) = under_way();
        let error = packager.push(unit).unwrap_err();
        assert!(error.begins_anew());
        let PackageError::Discontinuity {
            kind: told,
            to: Millis(told_to),
            ..
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!((told, told_to), (kind, to));
    }
}

#[test]
fn pictures_that_stop_while_sound_goes_on_begin_anew() {
    let (mut packager, _) = under_way();
    let error = sounds(5000..20_000)
        .find_map(|unit| packager.push(unit).err())
        .unwrap();
    assert!(
        matches!(
            error,
            PackageError::Apart {
                behind: TrackKind::Video,
                ..
            }
        ),
        "{error}"
    );

    let mut next = packager.anew();
    let pieces: Vec<_> = sounds(11_000..16_000)
        .flat_map(|unit| next.push(unit).unwrap())
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
        .find_map(|unit| packager.push(unit).err())
        .unwrap();
    assert!(
        matches!(
            error,
            PackageError::Apart {
                behind: TrackKind::Audio,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn sound_that_joins_pictures_begins_anew() {
    let mut packager = alone(video_config(), pictures(0..5000, 2000));
    assert_eq!(
        packager.push(audio_config()),
        Ok(vec![]),
        "a configuration alone is no sound"
    );
    assert_eq!(
        packager.push(sound(5000)),
        Err(PackageError::Joined(TrackKind::Audio))
    );
}

#[test]
fn pictures_that_join_sound_begin_anew_with_a_keyframe() {
    let mut packager = alone(audio_config(), sounds(0..5000));
    packager.push(video_config()).unwrap();
    assert_eq!(packager.push(picture(5000, false)), Ok(vec![]));
    assert_eq!(
        packager.push(picture(5040, true)),
        Err(PackageError::Joined(TrackKind::Video))
    );
}

#[test]
fn a_track_on_another_clock_is_left_out() {
    let mut packager = alone(video_config(), pictures(0..5000, 2000));
    packager.push(audio_config()).unwrap();
    for time in [1_000_000, 5, 2_000_000] {
        assert_eq!(packager.push(sound(time)), Ok(vec![]));
    }
    assert!(packager.push(picture(5000, false)).is_ok());
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
    let error = packager.push(picture_of(5000, false, 5 << 20)).unwrap_err();

    assert!(matches!(
        error,
        PackageError::TooLarge {
            kind: TrackKind::Video,
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        "5242896 bytes of video in one piece are more than 4192768: lower the encoder's bitrate"
    );
    assert!(
        packager.push(picture(5000, false)).is_ok(),
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
    let mut packager = Packager::new(Cut::default());
    assert_eq!(
        packager.push(picture(0, true)),
        Err(PackageError::Unconfigured(TrackKind::Video))
    );
    assert_eq!(
        packager.push(sound(0)),
        Err(PackageError::Unconfigured(TrackKind::Audio))
    );
}

#[test]
fn nothing_comes_after_the_end() {
    let (mut packager, _) = under_way();
    assert!(!packager.finish().is_empty());
    assert_eq!(packager.push(picture(5000, true)), Ok(vec![]));
    assert!(packager.finish().is_empty());
}

#[test]
fn the_epoch_knows_how_far_it_has_come() {
    let (packager, _) = under_way();
    let reached = packager.reached();
    assert!((4900..5000).contains(&reached.as_millis()), "{reached:?}");
    assert_eq!(Packager::new(Cut::default()).reached(), Duration::ZERO);
}
