//! Renditions go with their source, and never break it.

use std::time::Duration;

use bytes::Bytes;
use wire::id::TrackId;

use super::super::{Cut, PackageError, Packager};
use super::reader::read_all;
use super::synthetic::{
    audio_config, configs, interleaved, other_video_config, picture, picture_of, pictures, rendition, sounds,
    video_config,
};
use super::{Output, START, live};
use crate::media::{Config, Unit};

fn v1() -> TrackId {
    "v1".parse().unwrap()
}

fn a1() -> TrackId {
    "a1".parse().unwrap()
}

/// How long renditions take to make, in milliseconds.
const LAG: u64 = 700;

/// The source for that many milliseconds, with a keyframe every two seconds, on time.
fn source(milliseconds: u64) -> Vec<(u64, Unit)> {
    let units = interleaved(pictures(0..milliseconds, 2000), sounds(0..milliseconds));
    super::on_time(configs().chain(units)).collect()
}

/// A rendition of it: so much later, and otherwise as told.
fn made(units: impl IntoIterator<Item = (u64, Unit)>) -> Vec<(u64, Unit)> {
    let made = units
        .into_iter()
        .map(|(arrived, unit)| (arrived + LAG, rendition(1, unit)));
    made.collect()
}

fn video(units: &[(u64, Unit)]) -> impl Iterator<Item = (u64, Unit)> {
    units
        .iter()
        .filter(|(_, unit)| unit.track() == TrackId::VIDEO)
        .cloned()
}

/// Everything in the order of arrival.
fn together(streams: impl IntoIterator<Item = Vec<(u64, Unit)>>) -> Vec<(u64, Unit)> {
    let mut units: Vec<_> = streams.into_iter().flatten().collect();
    units.sort_by_key(|(arrived, _)| *arrived);
    units
}

fn packager(renditions: &[TrackId]) -> Packager {
    Packager::new(Cut::default(), renditions.iter().copied())
}

/// How many pictures went out, over all epochs.
fn sent(epochs: &[Output]) -> usize {
    let sent = epochs
        .iter()
        .map(|epoch| read_all(&epoch.chunks(TrackId::VIDEO)).len());
    sent.sum()
}

/// When each segment of a track begins, in milliseconds as it is shown.
fn begins(epoch: &Output, track: TrackId) -> Vec<i64> {
    let delay = epoch.delay(track);
    let segments = epoch.segments(track);
    segments
        .iter()
        .map(|segment| {
            let first = super::reader::read(segment[0]).remove(0);
            first.shown(delay) * 1000 / i64::from(segment[0].timescale)
        })
        .collect()
}

#[test]
fn a_rendition_is_cut_where_its_source_is_under_the_same_numbers() {
    let source = source(20_000);
    let units = together([source.clone(), made(source)]);
    let (epochs, errors) = live(packager(&[v1(), a1()]), units);

    assert_eq!(errors, []);
    let [epoch] = epochs.as_slice() else {
        panic!("one epoch")
    };
    assert_eq!(epoch.tracks(), [TrackId::VIDEO, v1(), TrackId::AUDIO, a1()]);
    assert_eq!(
        begins(epoch, TrackId::VIDEO),
        (0..10).map(|n| n * 2000).collect::<Vec<_>>()
    );
    assert_eq!(begins(epoch, v1()), begins(epoch, TrackId::VIDEO));
    assert_eq!(begins(epoch, a1()), begins(epoch, TrackId::AUDIO));
    assert_eq!(sent(&epochs), 500);
}

#[test]
fn a_rendition_may_have_fewer_pictures_and_reorder_them() {
    let mut source = source(22_000);
    source.retain(|(arrived, unit)| *arrived >= 2000 || matches!(unit, Unit::Config(..)));
    let fewer = video(&source).filter(|(arrived, _)| arrived.is_multiple_of(80));
    // Its encoder decodes each picture 80 ms before it is shown, and rounds down.
    let reordered = fewer.map(|(arrived, mut unit)| {
        if let Unit::Sample(unit) = &mut unit {
            unit.decode_time.0 -= 80;
            unit.composition_offset = 79;
        }
        (arrived, unit)
    });
    let (epochs, errors) = live(packager(&[v1()]), together([source.clone(), made(reordered)]));

    assert_eq!((epochs.len(), errors), (1, vec![]));
    let (own, source) = (begins(&epochs[0], v1()), begins(&epochs[0], TrackId::VIDEO));
    assert_eq!(own.len(), 10);
    for (own, source) in own.iter().zip(source) {
        assert!(own.abs_diff(source) <= 1, "{own} is not {source}");
    }
}

#[test]
fn a_rendition_with_other_keyframes_is_left_out_and_the_source_loses_nothing() {
    let source = source(12_000);
    let other = video(&source).map(|(arrived, mut unit)| {
        if let Unit::Sample(unit) = &mut unit {
            unit.keyframe = unit.decode_time.0.is_multiple_of(1560);
        }
        (arrived, unit)
    });
    let (epochs, errors) = live(packager(&[v1()]), together([source.clone(), made(other)]));

    let [PackageError::Unaligned { .. }] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    assert_eq!(
        errors[0].to_string(),
        "v1 has no keyframe where the source has one, at 2.000 s"
    );
    assert_eq!(epochs[1].tracks(), [TrackId::VIDEO, TrackId::AUDIO]);
    assert_eq!(sent(&epochs), 300);
}

#[test]
fn a_rendition_that_stops_is_not_waited_for_and_the_source_loses_nothing() {
    let source = source(20_000);
    let stops = video(&source).take_while(|(arrived, _)| *arrived < 5000);
    let (epochs, errors) = live(packager(&[v1()]), together([source.clone(), made(stops)]));

    let [PackageError::Apart { behind, by }] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    assert_eq!(*behind, v1());
    assert!((4..6).contains(&by.as_secs()), "{by:?}");
    assert_eq!(epochs[1].tracks(), [TrackId::VIDEO, TrackId::AUDIO]);
    assert_eq!(sent(&epochs), 500);
    assert_eq!(
        epochs[0].segments(TrackId::VIDEO).len(),
        5,
        "until the keyframe at 10 s"
    );
}

#[test]
fn a_rendition_that_is_given_up_ends_with_the_next_keyframe() {
    let source = source(9000);
    let mut packager = packager(&[v1()]);
    let mut pieces = Vec::new();
    let ends = together([source.clone(), made(video(&source))])
        .into_iter()
        .find_map(|(arrived, unit)| {
            if arrived == 5000 {
                packager.give_up(v1());
                packager.give_up(TrackId::VIDEO);
            }
            let pushed = packager.push(unit, *START + Duration::from_millis(arrived));
            pushed
                .map(|more| pieces.extend(more))
                .err()
                .map(|why| (arrived, why))
        });

    assert_eq!(ends, Some((6000, PackageError::Ended(v1()))));
    assert_eq!(Output { pieces }.tracks().len(), 3);
}

#[test]
fn a_rendition_that_is_expected_while_the_source_waits_is_waited_for() {
    let source = source(6000);
    let mut packager = packager(&[]);
    packager.expect(v1());
    let (epochs, errors) = live(packager, together([source.clone(), made(video(&source))]));
    assert_eq!((epochs.len(), errors), (1, vec![]));
    assert_eq!(epochs[0].tracks().len(), 3);
}

#[test]
fn a_rendition_that_comes_later_joins_at_a_keyframe_and_the_source_loses_nothing() {
    let source = source(20_000);
    let late =
        video(&source).skip_while(|(arrived, unit)| *arrived < 8000 && matches!(unit, Unit::Sample(_)));
    let (epochs, errors) = live(packager(&[]), together([source.clone(), made(late)]));

    assert_eq!(errors, [PackageError::Joined(v1())]);
    assert_eq!(epochs[1].tracks(), [TrackId::VIDEO, v1(), TrackId::AUDIO]);
    assert_eq!(begins(&epochs[1], v1()), begins(&epochs[1], TrackId::VIDEO));
    assert_eq!(sent(&epochs), 500);
}

#[test]
fn a_rendition_that_was_made_anew_is_back_after_a_while() {
    let source = source(30_000);
    let restarted = video(&source)
        .filter(|(arrived, unit)| !(3000..6000).contains(arrived) || matches!(unit, Unit::Config(..)));
    let (epochs, errors) = live(packager(&[v1()]), together([source.clone(), made(restarted)]));

    assert!(
        errors.len() == 2 && errors[1] == PackageError::Joined(v1()),
        "{errors:?}"
    );
    let tracks: Vec<_> = epochs.iter().map(|epoch| epoch.tracks().len()).collect();
    assert_eq!(tracks, [3, 2, 3]);
    assert_eq!(sent(&epochs), 750);
}

#[test]
fn a_rendition_that_changes_ends_the_epoch_at_a_keyframe() {
    for change in [
        other_video_config(),
        picture(30_000, true),
        picture_of(4040, false, 5 << 20),
    ] {
        let source = source(12_000);
        let mut changed: Vec<_> = video(&source).collect();
        let place = changed.iter().position(|(arrived, _)| *arrived == 4000).unwrap();
        changed.insert(place + 1, (4000, change.clone()));
        let (epochs, errors) = live(packager(&[v1()]), together([source.clone(), made(changed)]));

        let [error] = errors.as_slice() else {
            panic!("{change:?}: {errors:?}")
        };
        assert!(error.begins_anew() && error.is_of_rendition(), "{error}");
        assert_eq!(
            epochs[0].segments(TrackId::VIDEO).len(),
            3,
            "until the keyframe at 6 s"
        );
        assert_eq!(sent(&epochs), 300);
    }
}

#[test]
fn a_rendition_that_nobody_can_read_is_told_once_and_left_out() {
    let nonsense = Unit::Config(v1(), Config::Avc(Bytes::from_static(&[7])));
    for (first, told) in [
        (
            nonsense,
            "v1 is left out: the video configuration cannot be used: ",
        ),
        (
            rendition(1, picture(0, true)),
            "v1 is left out: a sample of v1 came before its configuration",
        ),
    ] {
        let source = source(4000);
        let mut unreadable = vec![(0, first)];
        unreadable.extend(
            video(&source)
                .skip(1)
                .map(|(arrived, unit)| (arrived, rendition(1, unit))),
        );
        let (epochs, errors) = live(packager(&[v1()]), together([source.clone(), unreadable]));

        let [error] = errors.as_slice() else {
            panic!("{errors:?}")
        };
        assert!(error.to_string().starts_with(told), "{error}");
        assert_eq!((epochs.len(), sent(&epochs)), (1, 100));
        let first = epochs[0].chunks(TrackId::VIDEO)[0].time;
        assert_eq!(first, 0, "nothing was waited for");
    }
}

#[test]
fn an_epoch_that_breaks_takes_its_renditions_along() {
    let source = source(10_000);
    let jump = |(arrived, mut unit): (u64, Unit)| {
        if let Unit::Sample(unit) = &mut unit
            && arrived >= 6000
        {
            unit.decode_time.0 -= 5900;
        }
        (arrived, unit)
    };
    let jumps: Vec<_> = source.into_iter().map(jump).collect();
    let (epochs, errors) = live(packager(&[v1(), a1()]), together([jumps.clone(), made(jumps)]));

    assert!(
        matches!(errors.as_slice(), [PackageError::Discontinuity { .. }]),
        "{errors:?}"
    );
    for epoch in &epochs {
        assert_eq!(epoch.tracks(), [TrackId::VIDEO, v1(), TrackId::AUDIO, a1()]);
    }
    assert_eq!(begins(&epochs[1], v1()), [0, 2000]);
    assert_eq!(sent(&epochs), 250);
}

#[test]
fn renditions_of_sound_alone_follow_it() {
    let sound: Vec<_> = super::on_time([audio_config()].into_iter().chain(sounds(0..12_000))).collect();
    let (epochs, errors) = live(packager(&[a1(), v1()]), together([sound.clone(), made(sound)]));

    assert_eq!(errors, []);
    assert_eq!(epochs[0].tracks(), [TrackId::AUDIO, a1()]);
    assert_eq!(begins(&epochs[0], TrackId::AUDIO), begins(&epochs[0], a1()));
}

#[test]
fn pictures_of_a_rendition_are_nothing_without_their_source() {
    let source = source(6000);
    let sound: Vec<_> = source
        .iter()
        .filter(|(_, unit)| unit.track() == TrackId::AUDIO)
        .cloned()
        .collect();
    let pictures = made([(0, video_config())].into_iter().chain(video(&source)));
    let (epochs, errors) = live(packager(&[v1()]), together([sound, pictures]));

    assert_eq!(errors, []);
    assert_eq!(epochs[0].tracks(), [TrackId::AUDIO]);
}
