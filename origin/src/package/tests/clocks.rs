//! Time goes on as it was told: for hours, with few pictures or with clocks that are wrong.

use std::time::Duration;

use bytes::Bytes;
use wire::id::TrackId;

use super::super::{Clocks, Cut, PackageError, Packaged, Packager, RawChunk};
use super::reader::read_all;
use super::synthetic::{
    audio_config, configs, interleaved, picture, pictures, sound, sounds, stretched, video_config,
};
use super::{START, live, on_time};
use crate::media::{Config, TrackId as Track, Unit};

const HOUR: u64 = 60 * 60 * 1000;

/// Sound at 44.1 kHz, stamped as RTMP does.
fn sounds_at_44100(milliseconds: u64) -> impl Iterator<Item = Unit> {
    let config = Unit::Config(Track::AUDIO, Config::Aac(Bytes::from_static(&[0x12, 0x10])));
    let frames = (0..)
        .map(|frame| frame * 1024 * 1000 / 44_100)
        .take_while(move |&time| time < milliseconds)
        .map(sound);
    [config].into_iter().chain(frames)
}

/// When the last chunk of each segment came out, in milliseconds of the wall clock after where the numbers say that the
/// segment begins, in an epoch named after the moment at which its first pieces came.
fn availability(units: impl Iterator<Item = (u64, Unit)>, track: TrackId) -> Vec<i64> {
    let mut packager = Packager::new(Cut::default(), []);
    let mut epoch = None;
    let mut late = Vec::new();
    for (now, unit) in units {
        let pieces = packager.push(unit, *START + Duration::from_millis(now)).unwrap();
        if pieces.is_empty() {
            continue;
        }
        let epoch =
            *epoch.get_or_insert_with(|| now - u64::try_from(packager.reached().as_millis()).unwrap());
        let last = |piece: &Packaged| match piece {
            Packaged::Chunk(RawChunk {
                last: true,
                segment,
                track: of,
                ..
            }) if *of == track => Some(*segment),
            _ => None,
        };
        for number in pieces.iter().filter_map(last) {
            let begins = epoch + (u64::from(number) - 1) * 2000;
            late.push(now.cast_signed() - begins.cast_signed());
        }
    }
    late
}

#[test]
fn for_an_hour_each_segment_is_there_when_its_number_says() {
    let stream = || {
        let pictures = pictures(0..HOUR, 2000);
        on_time(
            [video_config()]
                .into_iter()
                .chain(interleaved(pictures, sounds_at_44100(HOUR))),
        )
    };
    let video = availability(stream(), TrackId::VIDEO);
    assert_eq!(video.len(), 1799);
    assert!(video.iter().all(|late| *late == 2000), "to the millisecond");
    let audio = availability(stream(), TrackId::AUDIO);
    assert_eq!(audio.len(), 1799);
    assert!(
        audio.iter().all(|late| (2000..2050).contains(late)),
        "to a frame of sound, and a picture"
    );
}

#[test]
fn for_an_hour_sound_alone_is_there_when_its_number_says() {
    let audio = availability(on_time(sounds_at_44100(HOUR)), TrackId::AUDIO);
    assert_eq!(audio.len(), 1799);
    assert!(
        audio[2..].iter().all(|late| (2000..2024).contains(late)),
        "to a frame"
    );
}

#[test]
fn a_clock_that_slips_by_a_second_begins_anew_and_nothing_is_lost() {
    // One in two thousand too slow: a second in 2,000.
    let units = configs().chain(interleaved(pictures(0..HOUR, 2000), sounds(0..HOUR)));
    let slow = on_time(units).map(|(now, unit)| (now + now / 2000, unit));
    let (epochs, errors) = live(Packager::new(Cut::default(), []), slow);

    assert_eq!(errors.len(), 1);
    let PackageError::Drifted { behind_ms } = errors[0] else {
        panic!("{errors:?}")
    };
    assert!((1001..1005).contains(&behind_ms), "{behind_ms}");
    let sent: usize = epochs
        .iter()
        .map(|epoch| read_all(&epoch.chunks(TrackId::VIDEO)).len())
        .sum();
    assert_eq!(sent, 90_000);
}

#[test]
fn a_network_that_stalls_and_catches_up_breaks_nothing() {
    let units = configs().chain(interleaved(pictures(0..300_000, 2000), sounds(0..300_000)));
    // Five seconds at the end of each half minute.
    let stalls = on_time(units).map(|(now, unit)| (now.max((now + 5000) / 30_000 * 30_000), unit));
    let (epochs, errors) = live(Packager::new(Cut::default(), []), stalls);
    assert_eq!((epochs.len(), errors), (1, vec![]));
}

#[test]
fn sound_that_drifts_from_pictures_is_measured() {
    let clocks = |sounds: Box<dyn Iterator<Item = Unit>>, arrival: fn(&Unit, u64) -> u64| {
        let units = configs().chain(interleaved(pictures(0..300_000, 2000), sounds));
        let mut packager = Packager::new(Cut::default(), []);
        for (now, unit) in on_time(units) {
            let now = arrival(&unit, now);
            packager.push(unit, *START + Duration::from_millis(now)).unwrap();
            packager.clocks();
        }
        packager.clocks()
    };
    let Clocks {
        behind_wall_ms: Some(0),
        sound_behind_ms: Some(apart),
    } = clocks(Box::new(sounds(0..300_000)), |_, now| now)
    else {
        panic!("known after a minute")
    };
    assert!(apart.abs() <= 1, "{apart}");

    // Its samples are too few for its timestamps: one in a thousand.
    let few = clocks(Box::new(stretched(1001, 300_000)), |_, now| now);
    assert!((295..305).contains(&few.sound_behind_ms.unwrap()), "{few:?}");

    // Its timestamps are too few for the time that passes.
    let slow = clocks(Box::new(sounds(0..300_000)), |unit, now| match unit.track() {
        TrackId::AUDIO => now + now / 1000,
        _ => now,
    });
    assert!((230..245).contains(&slow.sound_behind_ms.unwrap()), "{slow:?}");
}

#[test]
fn few_pictures_a_second_and_less_than_one_are_streamed_like_any() {
    for step in [1500, 2500, 5000] {
        let few = || {
            let times = (0..60_000).step_by(step).enumerate();
            times.map(move |(n, time)| picture(time, n % (10_000 / step) == 0))
        };
        let alone = [video_config()].into_iter().chain(few());
        let with_sound = configs().chain(interleaved(few(), sounds(0..60_000)));
        let at_once = interleaved(few(), sounds(0..60_000)).map(|unit| (0, unit));
        let at_once = configs().map(|unit| (0, unit)).chain(at_once);
        let streams: [Box<dyn Iterator<Item = (u64, Unit)>>; 3] = [
            Box::new(on_time(alone)),
            Box::new(on_time(with_sound)),
            Box::new(at_once),
        ];
        for stream in streams {
            let (epochs, errors) = live(Packager::new(Cut::default(), []), stream);
            assert_eq!((epochs.len(), errors), (1, vec![]), "a picture each {step} ms");
            assert_eq!(
                read_all(&epochs[0].chunks(TrackId::VIDEO)).len(),
                60_000_usize.div_ceil(step)
            );
        }
    }
}

#[test]
fn pictures_of_no_fixed_rate_keep_their_times() {
    let times = [0, 16, 33, 90, 91, 500, 1400, 1401, 2000, 2040];
    let varied = times.map(|time| picture(time, time % 2000 == 0));
    let (epochs, errors) = live(
        Packager::new(Cut::default(), []),
        on_time([video_config()].into_iter().chain(varied)),
    );
    assert_eq!(errors, []);
    let frames = read_all(&epochs[0].chunks(TrackId::VIDEO));
    let decoded: Vec<_> = frames.iter().map(|frame| frame.decoded / 90).collect();
    assert_eq!(decoded, times);
}

#[test]
fn keyframes_six_seconds_apart_are_streamed() {
    let units = configs().chain(interleaved(pictures(0..30_000, 6000), sounds(0..30_000)));
    let (epochs, errors) = live(Packager::new(Cut::default(), []), on_time(units));
    assert_eq!((epochs.len(), errors), (1, vec![]));
    assert_eq!(epochs[0].segments(TrackId::VIDEO).len(), 5);
    assert_eq!(epochs[0].segments(TrackId::AUDIO).len(), 5);
}

#[test]
fn sound_that_comes_late_is_in_the_next_epoch_and_no_picture_is_lost() {
    let units = configs().chain(interleaved(pictures(0..12_000, 2000), sounds(3500..12_000)));
    let (epochs, errors) = live(Packager::new(Cut::default(), []), on_time(units));

    assert_eq!(errors, [PackageError::Joined(TrackId::AUDIO)]);
    assert_eq!(epochs[0].tracks(), [TrackId::VIDEO]);
    assert_eq!(epochs[1].tracks(), [TrackId::VIDEO, TrackId::AUDIO]);
    let sent = |epoch: usize| read_all(&epochs[epoch].chunks(TrackId::VIDEO)).len();
    assert_eq!((sent(0), sent(1)), (100, 200), "the next one begins at 4 s");
    let heard = read_all(&epochs[1].chunks(TrackId::AUDIO));
    assert!(heard[0].decoded < 1024);
}

#[test]
fn pictures_without_sound_and_sound_without_pictures_are_streams_too() {
    let pictures = [video_config()].into_iter().chain(pictures(0..9000, 2000));
    let sounds = [audio_config()].into_iter().chain(sounds(0..9000));
    for (track, units) in [
        (TrackId::VIDEO, pictures.collect::<Vec<_>>()),
        (TrackId::AUDIO, sounds.collect()),
    ] {
        let (epochs, errors) = live(Packager::new(Cut::default(), []), on_time(units.into_iter()));
        assert_eq!(errors, []);
        assert_eq!(epochs[0].tracks(), [track]);
        assert_eq!(epochs[0].segments(track).len(), 5);
    }
}
