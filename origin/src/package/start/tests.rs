//! What an epoch begins with, and what it waits for.

use bytes::Bytes;
use wire::id::TrackId;

use super::*;

fn picture(time: u64, keyframe: bool) -> AccessUnit {
    let data = Bytes::from_static(&[0; 100]);
    AccessUnit {
        track: TrackId::VIDEO,
        decode_time: Millis(time),
        composition_offset: 40,
        keyframe,
        data,
    }
}

fn sound(time: u64) -> AccessUnit {
    AccessUnit {
        track: TrackId::AUDIO,
        composition_offset: 0,
        ..picture(time, true)
    }
}

fn rendition(unit: AccessUnit) -> AccessUnit {
    let track = TrackId::new(unit.track.kind(), 1).unwrap();
    AccessUnit { track, ..unit }
}

fn push(start: &mut Start, unit: AccessUnit) -> Result<Option<Beginning>, PackageError> {
    start.push(unit, &BTreeSet::new())
}

fn times(begun: &Beginning, track: TrackId) -> Vec<u64> {
    let held = begun.held.get(&track).into_iter().flatten();
    held.map(|unit| unit.decode_time.0).collect()
}

#[test]
fn both_tracks_begin_where_the_first_keyframe_is_shown() {
    let mut start = Start::default();
    for unit in [
        sound(0),
        picture(0, false),
        sound(20),
        picture(20, true),
        sound(40),
    ] {
        assert_eq!(push(&mut start, unit), Ok(None));
    }
    let begun = push(&mut start, sound(60)).unwrap().unwrap();

    assert_eq!(begun.zero, 60, "decoded at 20, shown 40 later");
    assert_eq!(
        (times(&begun, TrackId::VIDEO), times(&begun, TrackId::AUDIO)),
        (vec![20], vec![60])
    );
}

#[test]
fn sound_alone_begins_after_a_while() {
    let mut start = Start::default();
    let begun = (0..)
        .find_map(|n| push(&mut start, sound(n * 20)).unwrap())
        .unwrap();

    assert_eq!(begun.zero, 0);
    assert_eq!(times(&begun, TrackId::AUDIO).last(), Some(&3000));
    assert_eq!(begun.held.len(), 1);
}

#[test]
fn pictures_alone_begin_after_a_while() {
    let mut start = Start::default();
    let begun = (0..)
        .find_map(|n| push(&mut start, picture(n * 20, n % 50 == 0)).unwrap())
        .unwrap();

    assert_eq!(times(&begun, TrackId::VIDEO).last(), Some(&3000));
    assert_eq!(begun.held.len(), 1);
}

#[test]
fn pictures_without_a_keyframe_keep_sound_waiting_but_not_for_ever() {
    let mut start = Start::default();
    let mut outcome = Ok(None);
    let mut time = 0;
    while outcome == Ok(None) {
        assert_eq!(push(&mut start, sound(time)), Ok(None));
        assert!(
            start.held[&TrackId::AUDIO].len() < 450,
            "{} bytes held",
            start.held_bytes
        );
        outcome = push(&mut start, picture(time, false));
        time += 20;
    }
    assert_eq!(
        outcome,
        Err(PackageError::KeyframeInterval {
            longest: LONGEST_KEYFRAME_INTERVAL
        })
    );
}

#[test]
fn what_is_held_is_bounded_whatever_its_size_and_time() {
    for bytes in [1, 1 << 20] {
        let data = Bytes::from(vec![0; bytes]);
        let mut start = Start::default();
        for _ in 0..MAX_HELD_BYTES / bytes.max(UNIT_BYTES) + 2 {
            let unit = AccessUnit {
                data: data.clone(),
                ..sound(0)
            };
            assert_eq!(push(&mut start, unit), Ok(None));
        }
        assert!(start.held_bytes <= MAX_HELD_BYTES);

        let mut start = Start::default();
        let begun = std::iter::repeat_with(|| {
            let unit = AccessUnit {
                data: data.clone(),
                ..picture(0, true)
            };
            push(&mut start, unit).unwrap()
        });
        let begun = begun.flatten().next().unwrap();
        let video = &begun.held[&TrackId::VIDEO];
        assert!(video.iter().map(cost).sum::<usize>() <= MAX_HELD_BYTES + cost(&video[0]));
    }
}

/// Two seconds of the source, and what comes of it with that rendition expected.
fn with_rendition(units: impl Iterator<Item = AccessUnit>) -> Option<Beginning> {
    let expected = BTreeSet::from([rendition(picture(0, true)).track]);
    let mut start = Start::default();
    let mut units = units;
    units.find_map(|unit| start.push(unit, &expected).unwrap())
}

fn source(milliseconds: u64) -> impl Iterator<Item = AccessUnit> {
    (0..milliseconds / 20).flat_map(|n| [picture(n * 20, n % 50 == 0), sound(n * 20)])
}

#[test]
fn a_rendition_is_waited_for_and_nothing_is_lost_meanwhile() {
    let units = source(2000).chain([rendition(picture(10, true))]);
    let begun = with_rendition(units).unwrap();
    assert_eq!(begun.held.len(), 3);
    assert_eq!(times(&begun, TrackId::VIDEO).len(), 100);
    assert_eq!(
        begun.into_units().map(|unit| unit.decode_time.0).max(),
        Some(1980)
    );
}

#[test]
fn a_rendition_that_does_not_come_is_not_waited_for_long() {
    let begun = with_rendition(source(10_000)).unwrap();
    assert_eq!(begun.held.len(), 2);
    let last = *times(&begun, TrackId::AUDIO).last().unwrap();
    assert!((4000..4100).contains(&last), "{last}");
}

#[test]
fn a_rendition_that_begins_elsewhere_than_its_source_is_not_held() {
    for late in [rendition(picture(200, true)), rendition(picture(0, false))] {
        let begun = with_rendition(source(2000).chain([late]).chain(source(8000).skip(200)));
        assert_eq!(begun.unwrap().held.len(), 2);
    }
}

#[test]
fn pictures_that_stop_do_not_keep_sound_waiting_for_renditions() {
    let stopped = [picture(0, true)]
        .into_iter()
        .chain((0..500).map(|n| sound(n * 20)));
    let begun = with_rendition(stopped).unwrap();
    assert!(times(&begun, TrackId::AUDIO).last() < Some(&4200));
}
